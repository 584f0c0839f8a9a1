## Accounts.
extends RefCounted

var heard: PackedStringArray = []


func test_register_log_out_log_in(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	kit.use_device(kit.fresh("device"))
	var stem := kit.fresh("ann").replace("-", "").right(20)
	var email := stem + "@Example.com"
	kit.check(auth.get_current_user() == null, "nobody is logged in")
	kit.check(not auth.is_logged_in(), "nobody is logged in")
	var made: AeThexResult = await auth.register_email(email, Kit.PASSWORD, stem)
	if not kit.succeeded(made, "register"):
		return
	kit.equal(made.user.username, stem, "username")
	kit.equal(made.user.email.to_lower(), email.to_lower(), "email")
	kit.equal(made.user.avatar_url, "", "avatar")
	kit.check(made.user.id.length() == 36 and made.user.created_at > 1700000000, "id and time")
	kit.check(auth.is_logged_in(), "logged in")
	kit.equal(auth.get_current_user().username, stem, "current user")
	kit.succeeded(await auth.logout(), "logout")
	kit.check(auth.get_current_user() == null, "logged out")
	kit.failed_with(await auth.login_email(email, "not the password"), AeThexCloud.ERROR_INVALID_CREDENTIALS, "wrong")
	kit.succeeded(await auth.login_email(email.to_upper(), Kit.PASSWORD), "login in another case")
	kit.failed_with(await auth.register_email(email, Kit.PASSWORD), AeThexCloud.ERROR_EMAIL_TAKEN, "taken")


func test_profile(kit: Kit) -> void:
	await kit.new_player()
	var auth := AeThexCloud.auth
	var changed: AeThexResult = await auth.update_profile({"display_name": "Ünï 🎮"})
	if kit.succeeded(changed, "update"):
		kit.equal(changed.user.display_name, "Ünï 🎮", "display name")
	var read: AeThexResult = await auth.get_profile()
	if kit.succeeded(read, "profile"):
		kit.equal(read.user.display_name, "Ünï 🎮", "display name")
	kit.equal(auth.get_current_user().display_name, "Ünï 🎮", "current user")


func test_signals(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	auth.logged_in.connect(_on_logged_in)
	auth.logged_out.connect(_on_logged_out)
	await kit.new_player()
	kit.check(heard.size() == 1 and heard[0].begins_with("in "), "logged_in: %s" % heard)
	# Nobody awaits this one.
	auth.logout()
	await kit.wait(0.5)
	kit.check(heard.size() == 2 and heard[1] == "out", "logged_out: %s" % heard)
	auth.logged_in.disconnect(_on_logged_in)
	auth.logged_out.disconnect(_on_logged_out)


func test_the_session_survives_a_restart(kit: Kit) -> void:
	var device := kit.fresh("device")
	kit.use_device(device)
	var email := kit.fresh("restart") + "@example.com"
	kit.succeeded(await AeThexCloud.auth.register_email(email, Kit.PASSWORD), "register")
	kit.use_device(device)
	var user := AeThexCloud.auth.get_current_user()
	kit.check(user != null and user.email == email, "the player is still logged in")
	kit.succeeded(await AeThexCloud.auth.get_profile(), "with a working session")


func _on_logged_in(user: AeThexUser) -> void:
	heard.append("in " + user.username)


func _on_logged_out() -> void:
	heard.append("out")
