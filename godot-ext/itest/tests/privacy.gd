## Consents, age, a copy of everything, and the end of an account.
extends RefCounted


func test_nothing_is_allowed_before_a_consent(kit: Kit) -> void:
	await kit.new_player()
	var privacy := AeThexCloud.privacy
	var read: AeThexResult = await privacy.get_state()
	if not kit.succeeded(read, "state"):
		return
	kit.equal([read.state.age, read.state.parent, read.state.erasure_at], ["unknown", "none", 0], "at the start")
	kit.check(read.state.consents.is_empty() and read.state.allowed.is_empty(), "nothing was said")
	var given: AeThexResult = await privacy.set_consent("marketing", true)
	if kit.succeeded(given, "consent"):
		var said: Dictionary = given.state.consents.marketing
		kit.check(said.granted and said.by == "player" and said.at > 1700000000, "said: %s" % said)
		kit.check(given.state.allows("marketing") and not given.state.allows("voice"), "allowed")
	var taken: AeThexResult = await privacy.set_consent("marketing", false)
	if kit.succeeded(taken, "taken back"):
		kit.check(not taken.state.allows("marketing"), "no longer")


func test_a_child_needs_a_parent(kit: Kit) -> void:
	await kit.new_player()
	var privacy := AeThexCloud.privacy
	var year: int = Time.get_date_dict_from_system(true).year
	var said: AeThexResult = await privacy.set_age(year - 9, 1)
	if not kit.succeeded(said, "age"):
		return
	kit.equal(said.state.age, "child", "a child")
	kit.failed_with(await privacy.set_age(1980), AeThexCloud.ERROR_AGE_SAID, "said once")
	kit.failed_with(await privacy.set_consent("voice", true), AeThexCloud.ERROR_PARENT_REQUIRED, "not by a child")
	kit.succeeded(await privacy.ask_parent(kit.fresh("parent") + "@example.com"), "ask a parent")
	kit.equal((await privacy.get_state()).state.parent, "asked", "asked")


func test_policies(kit: Kit) -> void:
	await kit.new_player()
	var listed: AeThexResult = await AeThexCloud.privacy.get_policies()
	kit.succeeded(listed, "policies")
	for policy: AeThexPolicy in listed:
		kit.succeeded(await AeThexCloud.privacy.accept_policy(policy), "accept")
	kit.failed_with(await AeThexCloud.privacy.accept_policy("terms", "of 1999"), AeThexCloud.ERROR_UNKNOWN_POLICY, "old")


func test_a_copy_of_everything(kit: Kit) -> void:
	await kit.new_player()
	var privacy := AeThexCloud.privacy
	kit.succeeded(await AeThexCloud.saves.save("slot1", {"secret": "a purple elephant"}), "save")
	var export: AeThexResult = await privacy.start_export()
	for i in 300:
		if not export.success or export.export.status != "pending":
			break
		await kit.wait(0.1)
		export = await privacy.get_export(export.export)
	if not kit.succeeded(export, "export") or not kit.equal(export.export.status, "ready", "status"):
		return
	var path := kit.options.data.path_join(kit.fresh("export") + ".zip")
	kit.succeeded(await privacy.download_export(export.export.id, path), "download")
	kit.equal(FileAccess.get_file_as_bytes(path).size(), export.export.size, "size")
	var zip := ZIPReader.new()
	if kit.equal(zip.open(path), OK, "it opens"):
		var all := ""
		for file in zip.get_files():
			# Contents are there twice: as bytes, and as JSON.
			if file.get_extension() == "json":
				all += zip.read_file(file).get_string_from_utf8()
		kit.check("a purple elephant" in all, "the save is in one of %s" % zip.get_files())
		zip.close()


func test_an_erasure_is_taken_back(kit: Kit) -> void:
	var email := await kit.new_player()
	var privacy := AeThexCloud.privacy
	kit.failed_with(await privacy.erase_account("not it"), AeThexCloud.ERROR_INVALID_CREDENTIALS, "wrong password")
	var erased: AeThexResult = await privacy.erase_account(Kit.PASSWORD)
	if not kit.succeeded(erased, "erase"):
		return
	var receipt: AeThexReceipt = erased.receipt
	kit.check(receipt.erasure_at > receipt.requested_at and receipt.erased_at == 0, "after a time of grace")
	kit.equal((await privacy.get_receipt(receipt)).receipt.id, receipt.id, "the receipt")
	# Whether the session goes on or the player has to log in again is the server's choice.
	if not (await privacy.get_state()).success:
		kit.succeeded(await AeThexCloud.auth.login_email(email, Kit.PASSWORD), "log in")
	kit.equal((await privacy.get_state()).state.erasure_at, receipt.erasure_at, "announced")
	kit.succeeded(await privacy.cancel_erasure(), "taken back")
	kit.equal((await privacy.get_state()).state.erasure_at, 0, "no more")


func test_wrong_arguments(kit: Kit) -> void:
	await kit.new_player()
	var bad := AeThexCloud.ERROR_INVALID_ARGUMENT
	var privacy := AeThexCloud.privacy
	var freed := Node.new()
	freed.free()
	for wrong: Variant in [null, 1.5, [], {}, freed, Vector2.ONE, self, "nothing"]:
		var kind := type_string(typeof(wrong))
		kit.failed_with(await privacy.set_consent(wrong, true), bad, "purpose " + kind)
		kit.failed_with(await privacy.set_consent("voice", wrong), bad, "granted " + kind)
		kit.failed_with(await privacy.set_age(wrong), bad, "year " + kind)
		kit.failed_with(await privacy.get_export(wrong), bad, "export " + kind)
		kit.failed_with(await privacy.download_export(wrong, "user://x.zip"), bad, "download " + kind)
		kit.failed_with(await privacy.get_receipt(wrong), bad, "receipt " + kind)
		kit.failed_with(await privacy.accept_policy(wrong), bad, "policy " + kind)
	for wrong: Variant in [1, [], freed]:
		kit.failed_with(await privacy.ask_parent(wrong), bad, "parent")
		kit.failed_with(await privacy.erase_account(wrong), bad, "password")
	for wrong: Variant in [null, 1, "", "res://x.zip"]:
		kit.failed_with(await privacy.download_export("x", wrong), bad, "path %s" % [wrong])
	for month: Variant in [0, 13, "May", 1.0]:
		kit.failed_with(await privacy.set_age(2000, month), bad, "month %s" % [month])
