## Two devices change one save: nothing is lost, and the player chooses.
extends RefCounted

var infos: Array[AeThexConflict] = []


## Both devices load level 1; A saves level 2, B saves level 3 and meets the conflict.
func meet(kit: Kit) -> AeThexResult:
	var email := kit.fresh("two") + "@example.com"
	var a := kit.fresh("a")
	var b := kit.fresh("b")
	kit.use_device(a)
	await AeThexCloud.auth.register_email(email, Kit.PASSWORD)
	kit.succeeded(await AeThexCloud.saves.save("slot", {"level": 1}), "first save")
	kit.use_device(b)
	kit.succeeded(await AeThexCloud.auth.login_email(email, Kit.PASSWORD), "login on b")
	kit.succeeded(await AeThexCloud.saves.load("slot"), "load on b")
	kit.use_device(a)
	kit.succeeded(await AeThexCloud.saves.save("slot", {"level": 2, "by": "a"}), "save on a")
	kit.use_device(b)
	return await AeThexCloud.saves.save("slot", {"level": 3, "by": "b"})


func test_both_sides_are_told_and_kept(kit: Kit) -> void:
	AeThexCloud.saves.conflict.connect(_on_conflict)
	var result := await meet(kit)
	if not kit.failed_with(result, AeThexCloud.ERROR_SAVES_CONFLICT, "the second save"):
		return
	await kit.next_frame()
	AeThexCloud.saves.conflict.disconnect(_on_conflict)
	var told: AeThexConflict = result.error.conflict
	kit.equal(told.head.sequence, 2, "the cloud's version")
	kit.equal(told.ancestor.sequence, 1, "the ancestor")
	kit.equal(AeThexCloud.saves.status("slot"), "conflict", "status")
	if kit.equal(infos.size(), 1, "one signal"):
		kit.equal(infos[0].local, {"level": 3, "by": "b"}, "this device's data")
		kit.equal(infos[0].slot, "slot", "slot")
		kit.equal(infos[0].base, {"level": 1}, "what both come from")
		kit.equal(infos[0].cloud, {"level": 2, "by": "a"}, "the cloud's data")
		kit.equal(infos[0].merged, {"level": 2, "by": "a"}, "merged, the cloud's where it is asked")
		var asked: PackedStringArray = []
		for ask: AeThexAsk in infos[0].paths:
			asked.append(ask.path)
			if ask.path == "level":
				kit.equal([ask.base, ask.local, ask.cloud], [1, 3, 2], "the sides of an ask")
		asked.sort()
		kit.equal(asked, PackedStringArray(["by", "level"]), "only what needs an answer")
	var theirs: AeThexResult = await AeThexCloud.saves.load_version("slot", told.head)
	kit.equal(theirs.data, {"level": 2, "by": "a"}, "the cloud's data")
	var mine: AeThexResult = await AeThexCloud.saves.load_version("slot", told.kept)
	kit.equal(mine.data, {"level": 3, "by": "b"}, "this device's data, kept beside it")


func test_keep_local(kit: Kit) -> void:
	await meet(kit)
	kit.succeeded(await AeThexCloud.saves.resolve("slot", "local"), "resolve")
	await holds(kit, {"level": 3, "by": "b"})


func test_keep_cloud(kit: Kit) -> void:
	await meet(kit)
	kit.succeeded(await AeThexCloud.saves.resolve("slot", "cloud"), "resolve")
	await holds(kit, {"level": 2, "by": "a"})


func test_merge(kit: Kit) -> void:
	await meet(kit)
	var merged := {"level": 3, "by": "both", "position": Vector3(1, 2, 3)}
	var result: AeThexResult = await AeThexCloud.saves.resolve("slot", merged)
	if kit.succeeded(result, "resolve") and kit.check(result.version != null, "a version"):
		kit.equal(result.version.parents.size(), 2, "made from both")
	await holds(kit, merged)


func test_answers(kit: Kit) -> void:
	await meet(kit)
	var got: AeThexResult = await AeThexCloud.saves.get_conflict("slot")
	if not kit.succeeded(got, "get_conflict") or not kit.equal(got.conflict.paths.size(), 2, "two questions"):
		return
	var missing: AeThexResult = await AeThexCloud.saves.answer("slot", {"level": "local"})
	kit.failed_with(missing, AeThexCloud.ERROR_MERGE_UNANSWERED, "one answer of two")
	var unasked: AeThexResult = await AeThexCloud.saves.answer("slot", {"level": "local", "by": "cloud", "x": 1})
	kit.failed_with(unasked, AeThexCloud.ERROR_INVALID_ARGUMENT, "nobody asked")
	var result: AeThexResult = await AeThexCloud.saves.answer("slot", {"level": "local", "by": {"value": "local"}})
	kit.succeeded(result, "answer")
	await holds(kit, {"level": 3, "by": "local"})


func test_keep_both(kit: Kit) -> void:
	await meet(kit)
	var result: AeThexResult = await AeThexCloud.saves.keep_both("slot")
	if kit.succeeded(result, "keep both"):
		kit.equal(result.slot, "slot (2)", "the new slot")
	await holds(kit, {"level": 2, "by": "a"})
	kit.equal((await AeThexCloud.saves.load("slot (2)")).data, {"level": 3, "by": "b"}, "this device's, beside it")


func test_nothing_to_resolve(kit: Kit) -> void:
	await kit.new_player()
	kit.succeeded(await AeThexCloud.saves.save("slot", 1), "save")
	kit.failed_with(await AeThexCloud.saves.resolve("slot", "local"), AeThexCloud.ERROR_INVALID_ARGUMENT, "no conflict")


func holds(kit: Kit, expected: Dictionary) -> void:
	kit.succeeded(await AeThexCloud.saves.flush(), "flush")
	kit.equal(AeThexCloud.saves.status("slot"), "synced", "status")
	var loaded: AeThexResult = await AeThexCloud.saves.load("slot")
	kit.equal(loaded.data, expected, "the slot holds the choice")


func _on_conflict(_slot: String, info: AeThexConflict) -> void:
	infos.append(info)
