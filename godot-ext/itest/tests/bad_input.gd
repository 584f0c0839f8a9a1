## Whatever a script hands over: `success = false`, and the engine lives.
extends RefCounted


func test_what_cannot_be_saved_is_refused_with_its_place(kit: Kit) -> void:
	await kit.new_player()
	var node := Node.new()
	var freed := Node.new()
	freed.free()
	var cases: Array = [
		[node, "data:"], [freed, "data:"], [RefCounted.new(), "data:"], [Callable(self, "x"), "data:"],
		[func() -> void: pass, "data:"], [kit.next_frame, "data:"], [RID(), "data:"],
		[Signal(node, &"ready"), "data:"],
		[{"player": {"body": node}}, "data[\"player\"][\"body\"]:"],
		[[1, 2, [freed]], "data[2][0]:"],
		[{node: 1}, "data[\"…\"]:"],
		[[] as Array[Node], "data:"],
		[{&"a": Callable()}, "data[\"a\"]:"],
	]
	for case: Array in cases:
		var result: AeThexResult = await AeThexCloud.saves.save("slot", case[0])
		if kit.failed_with(result, AeThexCloud.ERROR_INVALID_ARGUMENT, type_string(typeof(case[0]))):
			kit.check(result.error.message.begins_with(case[1]), "%s names %s" % [result.error.message, case[1]])
	node.free()


func test_containers_without_end_are_refused(kit: Kit) -> void:
	await kit.new_player()
	var cyclic_array := []
	cyclic_array.append(cyclic_array)
	var cyclic_dictionary := {}
	cyclic_dictionary.self = {"again": cyclic_dictionary}
	var shared := []
	for i in 100:
		shared = [shared, shared]
	for data: Variant in [cyclic_array, cyclic_dictionary, shared]:
		var began := Time.get_ticks_msec()
		kit.failed_with(await AeThexCloud.saves.save("slot", data), AeThexCloud.ERROR_INVALID_ARGUMENT, "endless")
		kit.check(Time.get_ticks_msec() - began < 30000, "refused in time")
	cyclic_array.clear()
	cyclic_dictionary.clear()
	while not shared.is_empty():
		var inner: Array = shared[0]
		shared.clear()
		shared = inner


func test_wrong_types_are_results_not_script_errors(kit: Kit) -> void:
	await kit.new_player()
	var bad := AeThexCloud.ERROR_INVALID_ARGUMENT
	var saves := AeThexCloud.saves
	var auth := AeThexCloud.auth
	var freed := Node.new()
	freed.free()
	for wrong: Variant in [null, 1, 1.5, [], {}, freed, Vector2.ONE, self]:
		kit.failed_with(await saves.save(wrong, 1), bad, "slot")
		kit.failed_with(await saves.load(wrong), bad, "slot")
		kit.failed_with(await saves.delete(wrong), bad, "slot")
		kit.failed_with(await saves.history(wrong), bad, "slot")
		kit.failed_with(await saves.restore("slot", wrong), bad, "version")
		kit.failed_with(await saves.load_version("slot", wrong), bad, "version")
		kit.failed_with(await auth.login_email(wrong, wrong), bad, "email")
		kit.equal(saves.status(wrong), "unknown", "status")
	for wrong: Variant in [1, 1.5, [], freed, "options", {"colour": 1}, {"label": 3}, {"playtime": -1}, {"playtime": NAN}]:
		kit.failed_with(await saves.save("slot", 1, wrong), bad, "options %s" % type_string(typeof(wrong)))
	for wrong: Variant in [null, 1, "mine", [], freed]:
		kit.failed_with(await saves.resolve("slot", wrong), bad, "choice")
	for wrong: Variant in [0, -1, NAN, INF, "soon", []]:
		kit.failed_with(await saves.flush(wrong), bad, "timeout")
	for wrong: Variant in [null, [], {"email": "x"}, {"username": 3}, {1: 2}]:
		kit.failed_with(await auth.update_profile(wrong), bad, "profile")


func test_wrong_settings_are_refused_and_change_nothing(kit: Kit) -> void:
	await kit.new_player()
	var bad := AeThexCloud.ERROR_INVALID_ARGUMENT
	for wrong: Variant in [null, 1, {"server": "x"}, {"server_url": 3}, {"credentials": "none"}, {"data_dir": "res://x"},
			{"request_timeout": 0}, {"auto_sync": "yes"}, {1: 2}]:
		kit.failed_with(AeThexCloud.configure(wrong), bad, "configure %s" % [wrong])
	kit.check(AeThexCloud.auth.is_logged_in(), "still logged in")


func test_slot_names_that_are_refused_or_kept(kit: Kit) -> void:
	await kit.new_player()
	for slot: String in ["", ".", "..", "history", " a", "a\n", "x".repeat(129)]:
		kit.failed_with(await AeThexCloud.saves.save(slot, 1), AeThexCloud.ERROR_INVALID_SLOT, slot)
	for slot: String in ["a/b", "../../etc/passwd", "日本語", "%2e%2e", "'; DROP TABLE saves; --", "🎮", "CON"]:
		kit.succeeded(await AeThexCloud.saves.save(slot, slot), slot)
		var loaded: AeThexResult = await AeThexCloud.saves.load(slot)
		kit.equal(loaded.data, slot, "the slot holds its own data")
	kit.succeeded(await AeThexCloud.saves.save(&"a name", 1), "a StringName is a name")


func test_a_save_over_the_limit_is_refused(kit: Kit) -> void:
	await kit.new_player()
	var big := PackedByteArray()
	big.resize(17 * 1024 * 1024)
	kit.failed_with(await AeThexCloud.saves.save("big", big), AeThexCloud.ERROR_TOO_LARGE, "17 MiB")


func test_a_result_without_the_field_reads_null(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"))
	var loaded: AeThexResult = await AeThexCloud.saves.load("slot")
	kit.failed_with(loaded, AeThexCloud.ERROR_NOT_LOGGED_IN, "not logged in")
	kit.equal(loaded.data, null, "data")
	kit.equal(loaded.size(), 0, "size")
	for item: Variant in loaded:
		kit.check(false, "nothing to iterate")
