## Cloud saves.
extends RefCounted


func test_save_list_history_restore_delete(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	kit.succeeded(await saves.save("b", {"level": 1}, {"label": "Chapter 1", "playtime": 12.5}), "save")
	var second: AeThexResult = await saves.save("b", {"level": 2}, {"label": "Chapter 2"})
	kit.succeeded(second, "save again")
	kit.succeeded(await saves.save("a", [1, 2, 3]), "another slot")
	kit.equal(second.slot, "b", "slot")
	kit.equal(second.version.sequence, 2, "sequence")
	kit.equal(saves.status("b"), "synced", "status")
	kit.equal(saves.status("nothing"), "unknown", "status of nothing")
	kit.equal(saves.pending(), 0, "pending")

	var listed: AeThexResult = await saves.list()
	if not kit.succeeded(listed, "list"):
		return
	var names: PackedStringArray = []
	for save: AeThexSave in listed:
		names.append(save.name)
		kit.check(save.size > 0 and save.timestamp > 1700000000 and save.version.length() == 36, "item %s" % save)
	kit.equal(names, PackedStringArray(["a", "b"]), "names in order")
	kit.equal(listed.size(), 2, "size")
	kit.equal(listed.saves[1].label, "Chapter 2", "label")
	kit.check(listed.saves[1].device_name.begins_with("device"), "device name")
	# A loop within a loop over the same result.
	var pairs := 0
	for one: AeThexSave in listed:
		for other: AeThexSave in listed:
			pairs += 1
	kit.equal(pairs, 4, "nested loops")

	var versions: AeThexResult = await saves.history("b")
	if not kit.succeeded(versions, "history") or not kit.equal(versions.size(), 2, "versions"):
		return
	var oldest: AeThexSave = versions.versions[1]
	kit.equal(oldest.playtime, 12.5, "playtime")
	var old: AeThexResult = await saves.load_version("b", oldest)
	kit.equal(old.data, {"level": 1}, "an old version")
	kit.succeeded(await saves.restore("b", oldest.version), "restore")
	var restored: AeThexResult = await saves.load("b")
	kit.equal(restored.data, {"level": 1}, "restored")
	kit.equal(restored.version.sequence, 3, "on top")

	kit.succeeded(await saves.delete("b"), "delete")
	kit.failed_with(await saves.load("b"), AeThexCloud.ERROR_SAVE_NOT_FOUND, "deleted")
	kit.failed_with(await saves.load("never"), AeThexCloud.ERROR_SAVE_NOT_FOUND, "never saved")


func test_saves_that_nobody_awaits(kit: Kit) -> void:
	await kit.new_player()
	for i in 20:
		AeThexCloud.saves.save("slot%d" % i, {"i": i})
	await kit.wait(0.5)
	kit.succeeded(await AeThexCloud.saves.flush(30), "flush")
	kit.equal(AeThexCloud.saves.pending(), 0, "pending")
	for i in 20:
		var loaded: AeThexResult = await AeThexCloud.saves.load("slot%d" % i)
		kit.equal(loaded.data, {"i": i}, "slot %d" % i)


func test_a_player_does_not_see_anothers_saves(kit: Kit) -> void:
	await kit.new_player()
	kit.succeeded(await AeThexCloud.saves.save("slot", 1), "save")
	await kit.new_player()
	kit.failed_with(await AeThexCloud.saves.load("slot"), AeThexCloud.ERROR_SAVE_NOT_FOUND, "not mine")
	var listed: AeThexResult = await AeThexCloud.saves.list()
	kit.check(listed.success and listed.is_empty(), "an empty list")


func test_not_logged_in(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"))
	var expected := AeThexCloud.ERROR_NOT_LOGGED_IN
	kit.failed_with(await AeThexCloud.saves.save("slot", 1), expected, "save")
	kit.failed_with(await AeThexCloud.saves.list(), expected, "list")
	kit.failed_with(await AeThexCloud.saves.flush(), expected, "flush")
