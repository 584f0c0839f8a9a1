## Files that the game writes itself, and archives.
extends RefCounted


func write(path: String, text: String) -> void:
	var file := FileAccess.open(path, FileAccess.WRITE)
	file.store_string(text)
	file.close()


func test_a_wrapped_file_follows_the_player(kit: Kit) -> void:
	var email := await kit.new_player()
	var saves := AeThexCloud.saves
	var path := "user://%s.sav" % kit.fresh("wrapped")
	write(path, "level one")
	var wrapped: AeThexResult = await saves.wrap_file(path, "file")
	kit.check(wrapped.success and wrapped.queued and not wrapped.replaced, "taken: %s" % wrapped)
	kit.succeeded(await saves.flush(), "flush")
	kit.equal((await saves.load("file")).data, "level one".to_utf8_buffer(), "in the cloud")
	write(path, "level two")
	for i in 150:
		if (await saves.history("file")).size() == 2:
			break
		await kit.wait(0.1)
	kit.equal((await saves.load("file")).data, "level two".to_utf8_buffer(), "by itself")
	# Another device, with an older file of its own that came from the cloud.
	kit.use_device(kit.fresh("device"))
	kit.succeeded(await AeThexCloud.auth.login_email(email, Kit.PASSWORD), "login")
	var other := "user://%s.sav" % kit.fresh("wrapped")
	var pulled: AeThexResult = await saves.wrap_file(other, "file")
	kit.check(pulled.success and pulled.replaced, "replaced: %s" % pulled)
	kit.equal(FileAccess.get_file_as_string(other), "level two", "the cloud's")
	write(other, "level three")
	kit.succeeded(await saves.flush(), "flush takes the file")
	kit.equal((await saves.load("file")).data, "level three".to_utf8_buffer(), "sent")
	kit.succeeded(await saves.unwrap_file("file"), "unwrap")
	kit.failed_with(await saves.unwrap_file("file"), AeThexCloud.ERROR_INVALID_ARGUMENT, "twice")
	kit.failed_with(await saves.wrap_file("res://x.sav", "file"), AeThexCloud.ERROR_INVALID_ARGUMENT, "res://")
	for made: String in [path, other, other + ".bak"]:
		DirAccess.remove_absolute(made)


func test_all_slots_go_into_a_file_and_come_back(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	kit.succeeded(await saves.save("a", {"n": 1}, {"label": "one", "parts": {"raw": PackedByteArray([1, 2])}}), "save")
	kit.succeeded(await saves.save("b", [1, 2]), "save")
	saves.enable_auto_sync(false)
	kit.succeeded(await saves.save_later("b", [1, 2, 3]), "unsent")
	var path := "user://%s.zip" % kit.fresh("archive")
	var exported: AeThexResult = await saves.export_all(path)
	kit.check(exported.success and exported.count == 3, "export: %s" % exported)
	# Nothing is new here.
	var again: AeThexResult = await saves.import(path)
	kit.equal(again.slots.map(func(one: Dictionary) -> String: return one.saved_as), ["", ""], "there already")
	await kit.new_player()
	kit.succeeded(await saves.save("a", {"n": 2}), "another game in the slot")
	var imported: AeThexResult = await saves.import(path)
	kit.equal(imported.slots.map(func(one: Dictionary) -> String: return one.saved_as), ["a (2)", "b"], "beside it")
	kit.succeeded(await saves.flush(), "flush")
	kit.equal((await saves.load("a")).data, {"n": 2}, "untouched")
	kit.equal((await saves.load("a (2)")).data, {"n": 1}, "brought back")
	kit.equal((await saves.load_part("a (2)", "raw")).data, PackedByteArray([1, 2]), "with its parts")
	kit.equal((await saves.load("b")).data, [1, 2, 3], "what was unsent, too")
	kit.failed_with(await saves.import("user://no such.zip"), AeThexCloud.ERROR_INVALID_ARGUMENT, "no file")
	DirAccess.remove_absolute(path)
