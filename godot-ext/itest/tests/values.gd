## Every type that can be saved comes back as it was, bit for bit, through a real save.
extends RefCounted


static func every_type() -> Dictionary:
	return {
		"null": null,
		"bool": true,
		"int": -42,
		"int_max": 9223372036854775807,
		"int_min": -9223372036854775807 - 1,
		"int_above_2_53": 9007199254740993,
		"float": 0.1,
		"negative_zero": -0.0,
		"inf": -INF,
		"nan": NAN,
		"string": "Ünï 🎮 日本語 \" \\ \n\t",
		"empty": "",
		&"string_name_key": &"a name",
		"node_path": ^"/root/Main:position:x",
		"vector2": Vector2(1.5, -2.25),
		"vector2i": Vector2i(-1, 2147483647),
		"rect2": Rect2(1, 2, 3, 4),
		"rect2i": Rect2i(1, 2, 3, 4),
		"vector3": Vector3(10, 0, 20),
		"vector3i": Vector3i(1, -2, 3),
		"transform2d": Transform2D(0.5, Vector2(3, 4)),
		"vector4": Vector4(1, NAN, 3, 4),
		"vector4i": Vector4i(1, 2, 3, 4),
		"plane": Plane(1, 2, 3, 4),
		"quaternion": Quaternion(0.1, 0.2, 0.3, 0.4),
		"aabb": AABB(Vector3(1, 2, 3), Vector3(4, 5, 6)),
		"basis": Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)),
		"transform3d": Transform3D(Basis(Vector3.UP, 0.3), Vector3(1, 2, 3)),
		"projection": Projection(Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8), Vector4(9, 10, 11, 12), Vector4(13, 14, 15, 16)),
		"color": Color(0.1, 0.2, 0.3, 0.4),
		"array": [1, "two", 3.0, null, [Vector2.ONE]],
		"dictionary": {1: "int key", 2.5: "float key", Vector2i.ONE: "vector key", null: "null key", [1, 2]: "array key"},
		"packed_byte": PackedByteArray([0, 1, 255]),
		"packed_int32": PackedInt32Array([-2147483648, 2147483647]),
		"packed_int64": PackedInt64Array([-9223372036854775807, 9007199254740993]),
		"packed_float32": PackedFloat32Array([0.1, NAN, -INF]),
		"packed_float64": PackedFloat64Array([0.1, NAN, -0.0]),
		"packed_string": PackedStringArray(["", "ä", "🎮"]),
		"packed_vector2": PackedVector2Array([Vector2(1, 2)]),
		"packed_vector3": PackedVector3Array([Vector3(1, 2, 3), Vector3(NAN, 0, -0.0)]),
		"packed_color": PackedColorArray([Color.RED]),
		"packed_vector4": PackedVector4Array([Vector4(1, 2, 3, 4)]),
	}


static func typed_containers() -> Dictionary:
	var arrays: Array = [
		[true] as Array[bool], [1] as Array[int], [1.0] as Array[float], ["a"] as Array[String],
		[&"a"] as Array[StringName], [^"a"] as Array[NodePath], [Vector2.ONE] as Array[Vector2],
		[Vector2i.ONE] as Array[Vector2i], [Rect2()] as Array[Rect2], [Rect2i()] as Array[Rect2i],
		[Vector3.ONE] as Array[Vector3], [Vector3i.ONE] as Array[Vector3i], [Transform2D()] as Array[Transform2D],
		[Vector4.ONE] as Array[Vector4], [Vector4i.ONE] as Array[Vector4i], [Plane()] as Array[Plane],
		[Quaternion()] as Array[Quaternion], [AABB()] as Array[AABB], [Basis()] as Array[Basis],
		[Transform3D()] as Array[Transform3D], [Projection()] as Array[Projection], [Color.RED] as Array[Color],
		[[1]] as Array[Array], [{1: 2}] as Array[Dictionary], [PackedByteArray([1])] as Array[PackedByteArray],
		[PackedVector4Array([Vector4.ONE])] as Array[PackedVector4Array], [] as Array[int],
	]
	return {
		"arrays": arrays,
		"string_to_int": {"a": 1} as Dictionary[String, int],
		"name_to_vector": {&"a": Vector3.ONE} as Dictionary[StringName, Vector3],
		"int_to_any": {1: "x", 2: 3} as Dictionary[int, Variant],
		"any_to_float": {1: 1.5, "x": 2.5} as Dictionary[Variant, float],
		"empty": {} as Dictionary[String, Array],
	}


func test_every_type(kit: Kit) -> void:
	await kit.new_player()
	await round_trip(kit, "types", every_type())


func test_typed_containers(kit: Kit) -> void:
	await kit.new_player()
	var back: Variant = await round_trip(kit, "typed", typed_containers())
	if back == null:
		return
	kit.check(back.arrays[1].is_typed() and back.arrays[1].get_typed_builtin() == TYPE_INT, "Array[int] stays typed")
	kit.check(back.string_to_int.is_typed(), "Dictionary[String, int] stays typed")
	var numbers: Array[int] = back.arrays[1]
	kit.equal(numbers, [1] as Array[int], "a typed variable takes it")


func test_plain_values_are_saves_too(kit: Kit) -> void:
	await kit.new_player()
	for value: Variant in [null, true, 7, 1.5, "text", &"name", Vector3(1, 2, 3), [1, 2], PackedByteArray([1, 0, 2])]:
		await round_trip(kit, "plain", value)


func test_a_million_elements(kit: Kit) -> void:
	await kit.new_player()
	var many := range(1000000)
	var began := Time.get_ticks_msec()
	await round_trip(kit, "many", many)
	var packed := PackedInt64Array(many)
	await round_trip(kit, "packed", packed)
	print("     a million elements: %d ms for two round trips" % (Time.get_ticks_msec() - began))


func test_deep_nesting_within_the_limit(kit: Kit) -> void:
	await kit.new_player()
	var deep := []
	for i in 100:
		deep = [deep]
	await round_trip(kit, "deep", deep)


## Saves, forgets the device, loads on another one and compares the bytes.
func round_trip(kit: Kit, slot: String, value: Variant) -> Variant:
	var saved: AeThexResult = await AeThexCloud.saves.save(slot, value)
	if not kit.succeeded(saved, "save %s" % type_string(typeof(value))):
		return null
	kit.check(not saved.queued, "the save reached the cloud")
	var loaded: AeThexResult = await AeThexCloud.saves.load(slot)
	if not kit.succeeded(loaded, "load"):
		return null
	kit.check(not loaded.from_cache, "the data comes from the cloud")
	kit.equal(typeof(loaded.data), typeof(value), "type")
	if var_to_bytes(loaded.data) != var_to_bytes(value):
		describe_difference(kit, loaded.data, value)
	else:
		kit.checks += 1
	return loaded.data


func describe_difference(kit: Kit, actual: Variant, expected: Variant) -> void:
	if expected is Dictionary and actual is Dictionary:
		for key: Variant in expected:
			if var_to_bytes(actual.get(key)) != var_to_bytes(expected[key]):
				kit.check(false, "%s: %s is not %s" % [key, var_to_str(actual.get(key)), var_to_str(expected[key])])
	kit.check(false, "the bytes differ")
