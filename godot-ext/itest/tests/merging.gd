## What a game defines about its slots: saves of two devices are merged, and nobody is asked.
extends RefCounted

var merged_slots: PackedStringArray = []
var questions: Array = []


func test_two_devices_are_merged_as_defined(kit: Kit) -> void:
	var policies := {"coins": "counter", "best": {"policy": "max"}, "found": "union", "hero.class": {"policy": "custom", "name": "class"}}
	AeThexCloud.saves.merged.connect(_on_merged)
	await two_devices(kit, policies, {"merge": _merge})
	await kit.wait(0.3)
	AeThexCloud.saves.merged.disconnect(_on_merged)
	kit.equal(merged_slots, PackedStringArray(["slot"]), "one signal")
	var loaded: AeThexResult = await AeThexCloud.saves.load("slot")
	var expected := {"coins": 16, "best": 9, "found": ["key", "map", "sword"], "hero": {"class": "thief and knight"}}
	loaded.data.found.sort()
	kit.equal(loaded.data, expected, "merged")
	kit.equal(questions, [["class", "hero.class", "mage", "thief", "knight"]], "what the callable was asked")
	kit.equal(loaded.version.parents.size(), 2, "made from both")


func test_callables_that_fail_or_are_gone_ask_the_player(kit: Kit) -> void:
	for case: String in ["null", "object", "freed"]:
		var owner := Owner.new()
		var callable: Callable = {
			"null": owner.give_null, "object": owner.give_object, "freed": owner.give_null,
		}[case]
		var result := await two_devices(kit, {"hero.class": {"policy": "custom", "name": "x"}, "coins": "counter", "best": "max", "found": "union"}, {"merge": callable}, func() -> void:
			if case == "freed":
				owner.free())
		kit.failed_with(result, AeThexCloud.ERROR_SAVES_CONFLICT, case)
		var got: AeThexResult = await AeThexCloud.saves.get_conflict("slot")
		if kit.succeeded(got, case) and kit.check(got.conflict != null, "a conflict"):
			kit.equal(got.conflict.paths.size(), 1, case + ": one question")
			kit.equal(got.conflict.paths[0].path, "hero.class", case)
		if is_instance_valid(owner):
			owner.free()
	AeThexCloud.saves.define("slot", {})


func test_old_saves_are_migrated(kit: Kit) -> void:
	await kit.new_player()
	kit.succeeded(AeThexCloud.saves.define("old*", {}, {"schema": 1}), "schema 1")
	kit.succeeded(await AeThexCloud.saves.save("old", {"gold": 5}), "save")
	var migrate := func(data: Dictionary, schema: int) -> Dictionary: return {"coins": data.gold, "was": schema}
	kit.succeeded(AeThexCloud.saves.define("old*", {}, {"schema": 2, "migrate": migrate}), "schema 2")
	var loaded: AeThexResult = await AeThexCloud.saves.load("old")
	kit.equal(loaded.data, {"coins": 5, "was": 1}, "migrated")
	kit.equal(loaded.schema, 1, "what it was saved with")
	kit.succeeded(await AeThexCloud.saves.save("old", loaded.data), "save")
	kit.succeeded(AeThexCloud.saves.define("old*", {}, {"schema": 1}), "an older game")
	kit.failed_with(await AeThexCloud.saves.load("old"), AeThexCloud.ERROR_NEWER_SCHEMA, "a newer save")
	AeThexCloud.saves.define("old*", {}, {})


func test_wrong_definitions(kit: Kit) -> void:
	await kit.new_player()
	var bad := AeThexCloud.ERROR_INVALID_ARGUMENT
	var saves := AeThexCloud.saves
	var freed := Node.new()
	var gone := freed.queue_free
	freed.free()
	for wrong: Variant in [1, 1.5, [], freed, Vector2.ONE, self, "text"]:
		kit.failed_with(saves.define("x", wrong), bad, "policies")
		kit.failed_with(saves.define("x", {}, wrong), bad, "options")
	for wrong: Variant in [null, 1, [], {}, freed, self, ""]:
		kit.failed_with(saves.define(wrong), bad, "pattern")
	for policies: Dictionary in [{"a": "no such"}, {"a": 1}, {1: "max"}, {"a..b": "max"}, {"a": {"policy": "max", "floor": "x"}}, {"a": self}]:
		kit.failed_with(saves.define("x", policies), bad, str(policies))
	for options: Dictionary in [{"schema": -1}, {"schema": 1.5}, {"migrate": 1}, {"migrate": gone}, {"merge": Callable()}, {"parts": "ask"}, {"parts": 1}, {"bytes": "x"}, {"x": 1}, {1: 1}]:
		kit.failed_with(saves.define("x", {}, options), bad, str(options))
	for wrong: Variant in [null, 1, "text", PackedByteArray([1, 2]), []]:
		kit.failed_with(saves.set_save_key(wrong), bad, "key")


## Both devices load the same save; A and B change it apart; the result of B's save.
func two_devices(kit: Kit, policies: Dictionary, options: Dictionary, before_second := Callable()) -> AeThexResult:
	var email := kit.fresh("two") + "@example.com"
	var a := kit.fresh("a")
	var b := kit.fresh("b")
	kit.use_device(a)
	kit.succeeded(AeThexCloud.saves.define("slot", policies, options), "define")
	await AeThexCloud.auth.register_email(email, Kit.PASSWORD)
	var start := {"coins": 10, "best": 5, "found": ["key"], "hero": {"class": "mage"}}
	kit.succeeded(await AeThexCloud.saves.save("slot", start), "first save")
	kit.use_device(b)
	kit.succeeded(await AeThexCloud.auth.login_email(email, Kit.PASSWORD), "login on b")
	kit.succeeded(await AeThexCloud.saves.load("slot"), "load on b")
	kit.use_device(a)
	var on_a := {"coins": 13, "best": 9, "found": ["key", "map"], "hero": {"class": "knight"}}
	kit.succeeded(await AeThexCloud.saves.save("slot", on_a), "save on a")
	kit.use_device(b)
	if before_second.is_valid():
		before_second.call()
	var on_b := {"coins": 13, "best": 7, "found": ["key", "sword"], "hero": {"class": "thief"}}
	return await AeThexCloud.saves.save("slot", on_b)


func _merge(name: String, path: String, base: Variant, local: Variant, cloud: Variant) -> Variant:
	questions.append([name, path, base, local, cloud])
	return "%s and %s" % [local, cloud]


func _on_merged(slot: String, _version: AeThexSave) -> void:
	merged_slots.append(slot)


class Owner extends Object:
	func give_null(_name: String, _path: String, _base: Variant, _local: Variant, _cloud: Variant) -> Variant:
		return null

	func give_object(_name: String, _path: String, _base: Variant, _local: Variant, _cloud: Variant) -> Variant:
		return RefCounted.new()
