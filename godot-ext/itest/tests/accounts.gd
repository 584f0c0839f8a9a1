## Ways into an account, and what an account has: guests, links, merges, sessions, passwords, preferences.
extends RefCounted

var heard: PackedStringArray = []


func test_a_guest_keeps_everything(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	var device := kit.fresh("device")
	kit.use_device(device)
	var guest: AeThexResult = await auth.login_guest()
	if not kit.succeeded(guest, "play at once"):
		return
	kit.check(guest.user.is_guest and guest.user.email.is_empty(), "a guest")
	kit.equal(auth.get_current_user().is_guest, true, "the current user is a guest")
	var game := {"level": 3, "at": Vector3(1, 2, 3)}
	kit.succeeded(await AeThexCloud.saves.save("slot1", game), "save")
	# The same device is the same guest, after a restart and after a logout.
	kit.use_device(device)
	kit.equal(auth.get_current_user().id, guest.user.id, "after a restart")
	kit.succeeded(await auth.logout(), "logout")
	var again: AeThexResult = await auth.login_guest()
	kit.equal(again.user.id, guest.user.id, "after a logout")
	var email := kit.fresh("linked") + "@example.com"
	var linked: AeThexResult = await auth.link_email(email, Kit.PASSWORD)
	if not kit.succeeded(linked, "link an email"):
		return
	kit.equal(linked.user.id, guest.user.id, "the same account")
	kit.check(not linked.user.is_guest and linked.user.email == email, "with an email")
	kit.equal(auth.get_current_user().is_guest, false, "the current user is no guest")
	# The second device: a folder of its own, where nothing is known.
	kit.use_device(kit.fresh("device"))
	kit.check(auth.get_current_user() == null, "nobody is known there")
	var known: AeThexResult = await auth.login_email(email, Kit.PASSWORD)
	kit.succeeded(known, "log in on the second device")
	kit.equal(known.user.id, guest.user.id, "the same player")
	var loaded: AeThexResult = await AeThexCloud.saves.load("slot1")
	if kit.succeeded(loaded, "load on the second device"):
		kit.equal(loaded.data, game, "the same save")


func test_another_device_is_another_guest(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	kit.use_device(kit.fresh("device"))
	var one: AeThexResult = await auth.login_guest()
	kit.use_device(kit.fresh("device"))
	var other: AeThexResult = await auth.login_guest()
	kit.check(one.success and other.success and one.user.id != other.user.id, "another guest")
	kit.succeeded(await auth.forget_guest(), "forget")
	kit.succeeded(await auth.logout(), "logout")
	var third: AeThexResult = await auth.login_guest()
	kit.check(third.success and third.user.id != other.user.id, "a new guest")


func test_identities_are_listed_and_unlinked(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	kit.use_device(kit.fresh("device"))
	kit.succeeded(await auth.login_guest(), "guest")
	kit.failed_with(await auth.unlink("device"), AeThexCloud.ERROR_LAST_IDENTITY, "the last way in")
	var email := kit.fresh("ways") + "@example.com"
	kit.succeeded(await auth.link_email(email, Kit.PASSWORD), "link")
	kit.failed_with(await auth.link_email("x" + email, Kit.PASSWORD), AeThexCloud.ERROR_ALREADY_LINKED, "twice")
	var listed: AeThexResult = await auth.get_identities()
	if not kit.succeeded(listed, "list"):
		return
	var labels: Dictionary = {}
	for identity: AeThexIdentity in listed:
		labels[identity.provider] = identity.label
		kit.check(identity.linked_at > 1700000000, "linked at some time")
	kit.equal(labels.keys(), ["password", "device"], "ways in")
	kit.equal(labels.password, email, "label")
	kit.succeeded(await auth.unlink("device"), "unlink")
	kit.equal((await auth.get_identities()).size(), 1, "one is left")
	kit.failed_with(await auth.unlink("google"), AeThexCloud.ERROR_NOT_FOUND, "not linked")


func test_a_guest_moves_into_an_account(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	var email := await kit.new_player()
	kit.succeeded(await AeThexCloud.saves.save("common", {"whose": "account"}, {"playtime": 60.0}), "the account's save")
	kit.use_device(kit.fresh("device"))
	kit.succeeded(await auth.login_guest(), "guest")
	kit.succeeded(await AeThexCloud.saves.save("common", {"whose": "guest"}, {"playtime": 120.0}), "the guest's save")
	kit.succeeded(await AeThexCloud.saves.save("own", {"whose": "guest"}), "a save of the guest alone")
	kit.failed_with(await auth.link_email(email, Kit.PASSWORD), AeThexCloud.ERROR_IDENTITY_TAKEN, "it has an account")
	kit.failed_with(await auth.merge_guest(), AeThexCloud.ERROR_INVALID_ARGUMENT, "no guest is kept yet")
	kit.succeeded(await auth.login_email(email, Kit.PASSWORD, {"keep_guest": true}), "log in")
	kit.check(auth.get_kept_guest() != null and auth.get_kept_guest().is_guest, "the guest is kept")
	var refused: AeThexResult = await auth.merge_guest()
	if kit.failed_with(refused, AeThexCloud.ERROR_MERGE_CONFLICT, "both have a slot"):
		kit.equal(refused.error.merge_slots.size(), 1, "one slot")
		var slot: AeThexMergeSlot = refused.error.merge_slots[0]
		kit.equal(slot.slot, "common", "its name")
		kit.check(is_equal_approx(slot.mine_playtime, 60.0) and is_equal_approx(slot.other_playtime, 120.0), "times")
	kit.succeeded(await auth.merge_guest("guest"), "merge")
	kit.check(auth.get_kept_guest() == null, "the guest is gone")
	kit.equal((await AeThexCloud.saves.load("common")).data, {"whose": "guest"}, "the guest's is on top")
	kit.equal((await AeThexCloud.saves.load("own")).data, {"whose": "guest"}, "what only the guest had")


func test_sessions_are_listed_and_ended(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	var laptop := kit.fresh("laptop")
	kit.use_device(laptop)
	var email := kit.fresh("sessions") + "@example.com"
	kit.succeeded(await auth.register_email(email, Kit.PASSWORD), "register")
	var phone := kit.fresh("phone")
	kit.use_device(phone)
	kit.succeeded(await auth.login_email(email, Kit.PASSWORD), "login")
	var listed: AeThexResult = await auth.get_sessions()
	if not kit.succeeded(listed, "list") or not kit.equal(listed.size(), 2, "two sessions"):
		return
	var other: AeThexSession = null
	for session: AeThexSession in listed:
		kit.equal(session.method, "password", "method")
		kit.check(session.last_seen_at >= session.created_at and session.expires_at > session.created_at, "times")
		kit.equal(session.device_name, phone if session.current else laptop, "device")
		if not session.current:
			other = session
	kit.succeeded(await auth.end_session(other), "end the laptop's")
	kit.failed_with(await auth.end_session(other.id), AeThexCloud.ERROR_NOT_FOUND, "it is gone")
	kit.equal((await auth.get_sessions()).sessions.size(), 1, "one is left")
	kit.use_device(laptop)
	auth.session_expired.connect(_on_expired)
	kit.failed_with(await auth.get_profile(), AeThexCloud.ERROR_SESSION_ENDED, "the laptop's has ended")
	await kit.wait(0.2)
	auth.session_expired.disconnect(_on_expired)
	kit.equal(heard, PackedStringArray(["expired"]), "session_expired")
	kit.succeeded(await auth.login_email(email, Kit.PASSWORD), "login again")
	kit.succeeded(await auth.end_other_sessions(), "end the others")
	kit.equal((await auth.get_sessions()).size(), 1, "only this one")


func test_a_session_that_is_not_remembered(kit: Kit) -> void:
	var email := await kit.new_player()
	var device := kit.fresh("device")
	kit.use_device(device)
	kit.succeeded(await AeThexCloud.auth.login_email(email, Kit.PASSWORD, {"remember": false}), "login")
	kit.check(AeThexCloud.auth.is_logged_in(), "logged in")
	kit.use_device(device)
	kit.check(not AeThexCloud.auth.is_logged_in(), "not after a restart")


func test_a_changed_password(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	var email := await kit.new_player()
	var next := "a horse of another colour"
	kit.failed_with(await auth.change_password("not it", next), AeThexCloud.ERROR_INVALID_CREDENTIALS, "wrong")
	kit.failed_with(await auth.change_password(Kit.PASSWORD, "short"), AeThexCloud.ERROR_WEAK_PASSWORD, "weak")
	kit.succeeded(await auth.change_password(Kit.PASSWORD, next), "change")
	kit.succeeded(await auth.get_profile(), "this session goes on")
	kit.succeeded(await auth.logout(), "logout")
	kit.failed_with(await auth.login_email(email, Kit.PASSWORD), AeThexCloud.ERROR_INVALID_CREDENTIALS, "old")
	kit.succeeded(await auth.login_email(email, next), "new")


func test_what_others_see(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	await kit.new_player()
	var changed: AeThexResult = await auth.update_profile({"display_name": "Zoë", "locale": "pt_BR", "visibility": "private"})
	if not kit.succeeded(changed, "change"):
		return
	kit.equal([changed.user.visibility, changed.user.locale], ["private", "pt-BR"], "visibility and locale")
	var id: String = changed.user.id
	await kit.new_player()
	kit.failed_with(await auth.get_player(id), AeThexCloud.ERROR_NOT_FOUND, "private")
	var seen: AeThexResult = await auth.get_player(auth.get_current_user().id)
	if kit.succeeded(seen, "one's own"):
		kit.equal(seen.player.username, auth.get_current_user().username, "username")


func test_preferences(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	await kit.new_player()
	kit.equal((await auth.get_preferences()).preferences, {}, "none at first")
	var values := {"volume": 0.5, "fps": 60, "subtitles": true, "name": "Zoë 🎮", "keys": {"jump": ["A", 1]}}
	var set: AeThexResult = await auth.set_preferences(values)
	if not kit.succeeded(set, "set"):
		return
	kit.equal(set.preferences, values, "as they were")
	kit.succeeded(await auth.set_preferences({"fps": null, &"volume": 1.0}), "remove one")
	values.erase("fps")
	values.volume = 1.0
	kit.equal((await auth.get_preferences()).preferences, values, "the others stay")


func test_an_avatar(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	await kit.new_player()
	var image := Image.create(600, 400, false, Image.FORMAT_RGB8)
	image.fill(Color.CORNFLOWER_BLUE)
	var set: AeThexResult = await auth.set_avatar(image)
	if not kit.succeeded(set, "an Image"):
		return
	kit.check(set.user.avatar_url.begins_with("http"), "address %s" % set.user.avatar_url)
	kit.equal(image.get_size(), Vector2i(600, 400), "the game's image is as it was")
	kit.succeeded(await auth.set_avatar(image.save_jpg_to_buffer()), "the bytes of a file")
	kit.failed_with(await auth.set_avatar(PackedByteArray([1, 2, 3])), AeThexCloud.ERROR_INVALID_AVATAR, "no picture")
	kit.failed_with(await auth.set_avatar(Image.new()), AeThexCloud.ERROR_INVALID_AVATAR, "an empty image")
	var removed: AeThexResult = await auth.remove_avatar()
	kit.succeeded(removed, "remove")
	kit.equal(auth.get_current_user().avatar_url, "", "none")


func test_mails_with_codes(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	var email := await kit.new_player()
	kit.equal(auth.get_current_user().email_verified, false, "not verified yet")
	kit.failed_with(await auth.verify_email("AAAA-AAAA-AAAA-AAAA"), AeThexCloud.ERROR_INVALID_CODE, "a wrong code")
	kit.succeeded(await auth.verify_email((await kit.code_to(email, 1)).to_lower()), "the code")
	kit.equal(auth.get_current_user().email_verified, true, "verified")
	var moved := "new-" + email
	kit.succeeded(await auth.change_email(moved, Kit.PASSWORD), "change the address")
	kit.equal(auth.get_current_user().email, email, "not yet")
	kit.succeeded(await auth.verify_email(await kit.code_to(moved, 1)), "the new address' code")
	kit.equal((await auth.get_profile()).user.email, moved, "changed")
	kit.succeeded(await auth.logout(), "logout")
	kit.succeeded(await auth.forgot_password("nobody-" + email), "an address of nobody sounds the same")
	kit.succeeded(await auth.forgot_password(moved), "forgotten")
	var code: String = await kit.code_to(moved, 2)
	kit.failed_with(await auth.reset_password(code, "short"), AeThexCloud.ERROR_WEAK_PASSWORD, "weak")
	kit.succeeded(await auth.reset_password(code, "a horse of another colour"), "reset")
	kit.failed_with(await auth.reset_password(code, Kit.PASSWORD), AeThexCloud.ERROR_INVALID_CODE, "a code counts once")
	kit.succeeded(await auth.login_email(moved, "a horse of another colour"), "log in with the new one")


func test_wrong_arguments(kit: Kit) -> void:
	await kit.new_player()
	var bad := AeThexCloud.ERROR_INVALID_ARGUMENT
	var auth := AeThexCloud.auth
	var freed := Node.new()
	freed.free()
	for wrong: Variant in [null, 1, 1.5, [], {}, freed, Vector2.ONE, self]:
		var kind := type_string(typeof(wrong))
		kit.failed_with(await auth.link_email(wrong, wrong), bad, "link_email " + kind)
		kit.failed_with(await auth.link_oauth(wrong), bad, "link_oauth " + kind)
		kit.failed_with(await auth.login_oauth(wrong), bad, "login_oauth " + kind)
		kit.failed_with(await auth.unlink(wrong), bad, "unlink " + kind)
		kit.failed_with(await auth.end_session(wrong), bad, "end_session " + kind)
		kit.failed_with(await auth.change_password(wrong, wrong), bad, "change_password " + kind)
		kit.failed_with(await auth.change_email(wrong), bad, "change_email " + kind)
		kit.failed_with(await auth.verify_email(wrong), bad, "verify_email " + kind)
		kit.failed_with(await auth.forgot_password(wrong), bad, "forgot_password " + kind)
		kit.failed_with(await auth.reset_password(wrong, wrong), bad, "reset_password " + kind)
		kit.failed_with(await auth.get_player(wrong), bad, "get_player " + kind)
		kit.failed_with(await auth.set_avatar(wrong), bad, "set_avatar " + kind)
	for wrong: Variant in [1, [], freed, "options", {"colour": 1}, {"remember": 1}, {1: 2}]:
		kit.failed_with(await auth.login_email("a@b", "x", wrong), bad, "options %s" % type_string(typeof(wrong)))
		kit.failed_with(await auth.login_guest(wrong), bad, "options %s" % type_string(typeof(wrong)))
	for wrong: Variant in [{"timeout": 0}, {"timeout": NAN}, {"timeout": "x"}, {"proof_token": 1}]:
		kit.failed_with(await auth.login_oauth("google", wrong), bad, "options %s" % [wrong])
	for wrong: Variant in [1, "theirs", [], freed]:
		kit.failed_with(await auth.merge_guest(wrong), bad, "choice %s" % type_string(typeof(wrong)))
	for wrong: Variant in [{"visibility": "nobody"}, {"locale": 1}]:
		kit.failed_with(await auth.update_profile(wrong), bad, "profile %s" % [wrong])
	var endless := {}
	endless.self = endless
	var many := []
	many.resize(20000)
	for wrong: Variant in [null, 1, [], endless, {1: 2}, {"a": NAN}, {"a": INF}, {"a": Vector2.ONE}, {"a": freed},
			{"a": func() -> void: pass}, {"a": many}, {"a key": 1}]:
		kit.failed_with(await auth.set_preferences(wrong), bad, "preferences")
	endless.clear()
	var refused: AeThexResult = await auth.set_preferences({"graphics": {"size": [1, Vector2.ONE]}})
	kit.check(refused.error.message.begins_with("values[\"graphics\"][\"size\"][1]:"), refused.error.message)
	kit.failed_with(await auth.end_session("me"), bad, "not an id")
	kit.check(auth.is_logged_in(), "still logged in")


func test_providers_that_are_not_set_up(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	kit.use_device(kit.fresh("device"))
	# Nothing waits.
	auth.cancel_oauth()
	if kit.options.oauth.is_empty():
		var listed: AeThexResult = await auth.get_providers()
		kit.succeeded(listed, "providers")
		kit.check(listed.is_empty(), "none")
	kit.failed_with(await auth.login_oauth("nobody"), AeThexCloud.ERROR_UNKNOWN_PROVIDER, "unknown")


func _on_expired() -> void:
	heard.append("expired")
