## Autosaves, parts, and what is known of a slot.
extends RefCounted


func test_autosaves_become_one_version(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	kit.succeeded(await saves.save("slot", {"n": 0}), "save")
	for n in 5:
		kit.succeeded(await saves.save_later("slot", {"n": n + 1}), "save later")
	kit.equal(saves.status("slot"), "queued", "durable, not sent")
	kit.equal((await saves.load("slot")).data, {"n": 5}, "the newest is loaded")
	kit.succeeded(await saves.flush(), "flush")
	kit.equal((await saves.history("slot")).size(), 2, "one version of five")
	# A save that is awaited is never replaced, and goes at once.
	kit.succeeded(await saves.save_later("slot", {"n": 6}), "save later")
	var saved: AeThexResult = await saves.save("slot", {"n": 7})
	kit.check(saved.success and not saved.queued and saved.version.sequence == 3, "at once: %s" % saved)
	kit.succeeded(await saves.save_later("slot", {"n": 8}), "save later")
	for i in 100:
		if saves.status("slot") == "synced":
			break
		await kit.wait(0.1)
	kit.equal(saves.status("slot"), "synced", "sent by itself after the debounce")
	kit.equal((await saves.load("slot")).version.sequence, 4, "another version")


func test_parts(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	var image := Image.create(32, 18, false, Image.FORMAT_RGBA8)
	image.fill(Color.CORNFLOWER_BLUE)
	var bytes := PackedByteArray([0, 1, 255])
	var parts := {"thumbnail": image, "raw": bytes, "info": {"at": Vector2(1, 2)}}
	kit.succeeded(await saves.save("slot", {"n": 1}, {"parts": parts}), "save with parts")
	var loaded: AeThexResult = await saves.load("slot")
	kit.equal(loaded.parts, PackedStringArray(["info", "raw", "thumbnail"]), "names")
	kit.equal((await saves.load_part("slot", "raw")).data, bytes, "bytes")
	kit.equal((await saves.load_part("slot", "info")).data, {"at": Vector2(1, 2)}, "a value")
	var picture: AeThexResult = await saves.load_part("slot", "thumbnail")
	if kit.succeeded(picture, "the picture"):
		var read := Image.new()
		kit.equal(read.load_webp_from_buffer(picture.data), OK, "WebP")
		kit.equal(read.get_size(), Vector2i(32, 18), "its size")
	kit.succeeded(await saves.save("slot", {"n": 2}, {"parts": {"raw": null}}), "a part less")
	kit.equal((await saves.load("slot")).parts, PackedStringArray(["info", "thumbnail"]), "the others stay")
	kit.failed_with(await saves.load_part("slot", "raw"), AeThexCloud.ERROR_NOT_FOUND, "gone")


func test_a_slots_info(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	kit.equal(saves.slot_info("slot").status, "unknown", "nothing yet")
	kit.succeeded(await saves.save("slot", {"n": 1}), "save")
	var info: AeThexSlotInfo = saves.slot_info("slot")
	kit.equal([info.status, info.unsent, info.version.sequence, info.next_attempt], ["synced", 0, 1, -1.0], "synced")
	saves.enable_auto_sync(false)
	kit.succeeded(await saves.save_later("slot", {"n": 2}), "save later")
	info = saves.slot_info("slot")
	kit.check(info.unsent == 1 and info.unsent_bytes > 0 and info.status == "queued", "unsent: %s" % info)
	kit.check(saves.slot_info(7) == null, "a wrong type")


func test_history_is_compared_pinned_and_branched(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	kit.succeeded(await saves.save("slot", {"coins": 1, "old": true, "hero": {"hp": 3}}), "save")
	kit.succeeded(await saves.save("slot", {"coins": 2, "hero": {"hp": 3}, "new": "x"}), "save")
	var versions: AeThexResult = await saves.history("slot")
	var first: AeThexSave = versions.versions[1]
	var diff: AeThexResult = await saves.diff("slot", first)
	if kit.succeeded(diff, "diff"):
		var lines: PackedStringArray = []
		for change: AeThexChange in diff:
			lines.append("%s %s %s %s" % [change.path, change.kind, change.from, change.to])
		lines.sort()
		kit.equal(lines, PackedStringArray(["coins changed 1 2", "new added <null> x", "old removed true <null>"]), "changes")
		kit.equal([diff.from.sequence, diff.to.sequence], [1, 2], "the versions")
	var pinned: AeThexResult = await saves.pin("slot", first, true)
	kit.check(pinned.success and pinned.version.pinned, "pinned: %s" % pinned)
	var labelled: AeThexResult = await saves.set_label("slot", first.version, "Before the boss")
	kit.check(labelled.success and labelled.version.label == "Before the boss", "label: %s" % labelled)
	kit.succeeded(await saves.branch("slot", first, "other"), "branch")
	kit.equal((await saves.load("other")).data.coins, 1, "the branch")
	kit.failed_with(await saves.branch("slot", null, "other"), AeThexCloud.ERROR_SLOT_TAKEN, "a slot that is there")
	var quota: AeThexResult = await saves.quota()
	if kit.succeeded(quota, "quota"):
		kit.check(quota.quota.used_bytes > 0 and quota.quota.max_bytes > quota.quota.used_bytes, str(quota.quota))


func test_another_device_plays_the_same_slot(kit: Kit) -> void:
	var email := await kit.new_player()
	var saves := AeThexCloud.saves
	var alone: AeThexResult = await saves.play("slot")
	kit.check(alone.success and alone.is_empty(), "nobody else: %s" % alone)
	kit.use_device(kit.fresh("device"))
	kit.succeeded(await AeThexCloud.auth.login_email(email, Kit.PASSWORD), "login elsewhere")
	var told: Array = []
	var on_active := func(slot: String, device: AeThexDevice) -> void: told.append([slot, device.slot, device.active])
	saves.active_elsewhere.connect(on_active)
	var played: AeThexResult = await saves.play("slot")
	kit.equal(played.size(), 1, "the other device")
	await kit.next_frame()
	saves.active_elsewhere.disconnect(on_active)
	kit.equal(told, [["slot", "slot", true]], "the signal")
	kit.equal((await saves.devices()).size(), 2, "both devices")
	kit.succeeded(await saves.stop_playing(), "stop")


func test_wrong_types(kit: Kit) -> void:
	await kit.new_player()
	var bad := AeThexCloud.ERROR_INVALID_ARGUMENT
	var saves := AeThexCloud.saves
	var freed := Node.new()
	freed.free()
	for wrong: Variant in [null, 1, 1.5, [], {}, freed, Vector2.ONE, self]:
		for call: Signal in [
			saves.save_later(wrong, 1), saves.load_part(wrong, "x"), saves.load_part("slot", wrong), saves.get_conflict(wrong),
			saves.answer(wrong, {}), saves.keep_both(wrong), saves.diff(wrong, "x"), saves.diff("slot", wrong),
			saves.pin(wrong, "x", true), saves.pin("slot", wrong, true), saves.set_label("slot", "x", wrong),
			saves.branch("slot", null, wrong), saves.play(wrong), saves.wrap_file(wrong, "slot"), saves.wrap_file("user://x", wrong),
			saves.pull_file(wrong), saves.unwrap_file(wrong), saves.export_all(wrong), saves.import(wrong),
		]:
			kit.failed_with(await call, bad, "%s" % call)
	for wrong: Variant in [1, "text", [], freed, self, {"x": 1}, {1: 1}, {"parts": 1}, {"parts": {"thumbnail": self}}, {"parts": {"": 1}}, {"parts": {"data": 1}}, {"parts": {"x": Image.new()}}]:
		kit.failed_with(await saves.save("slot", 1, wrong), bad, "options")
		kit.failed_with(await saves.save_later("slot", 1, wrong), bad, "options")
	for wrong: Variant in [null, 1, "local", []]:
		kit.failed_with(await saves.answer("slot", wrong), bad, "answers")
