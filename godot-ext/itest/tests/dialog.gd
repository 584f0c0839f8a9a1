## The addon's login dialog, pressed by hand.
extends RefCounted

const SCENE := preload("res://addons/aethex_cloud/ui/login_dialog.tscn")

var dialog: AeThexLoginDialog
var users: Array = []
var closings := 0


func test_a_guest_keeps_the_progress(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"))
	await _open(kit)
	kit.equal(dialog.page, &"welcome", "the first page")
	_press("Go")
	if not await _done(kit, "play now") or not kit.check(users[0].is_guest, "a guest"):
		return _close()
	kit.check(not dialog.visible, "hidden")
	dialog.open()
	kit.equal(dialog.page, &"link", "what a guest is offered")
	var email := kit.fresh("dialog") + "@example.com"
	dialog.fill(email, "short")
	_press("Go")
	await _until(func() -> bool: return _problem().visible)
	kit.check("8 characters" in _problem().text, _problem().text)
	dialog.fill(email, Kit.PASSWORD)
	_press("Go")
	if await _done(kit, "keep the progress"):
		kit.check(users[0].email == email and not users[0].is_guest, "linked")
	_close()


func test_log_in_and_register(kit: Kit) -> void:
	var email := await kit.new_player()
	kit.use_device(kit.fresh("device"))
	await _open(kit)
	_press("ToLogin")
	dialog.fill(email, "not the password")
	_press("Go")
	kit.check(_button("Go").disabled, "one call at a time")
	await _until(func() -> bool: return _problem().visible)
	kit.check("do not belong together" in _problem().text, _problem().text)
	dialog.fill(email, Kit.PASSWORD)
	(dialog.get_node("%PasswordEdit") as LineEdit).text_submitted.emit(Kit.PASSWORD)
	if await _done(kit, "log in"):
		kit.equal(users[0].email, email, "logged in")
	await AeThexCloud.auth.logout()
	dialog.open()
	dialog.show_page(&"register")
	var other := kit.fresh("dialog") + "@example.com"
	dialog.fill(other, Kit.PASSWORD)
	_press("Go")
	if await _done(kit, "register"):
		kit.equal(users[0].email, other, "registered")
	_close()


func test_a_guest_moves_into_an_account(kit: Kit) -> void:
	var email := await kit.new_player()
	kit.succeeded(await AeThexCloud.saves.save("common", "account"), "save")
	kit.use_device(kit.fresh("device"))
	await AeThexCloud.auth.login_guest()
	kit.succeeded(await AeThexCloud.saves.save("common", "guest"), "save")
	await _open(kit)
	dialog.fill(email, Kit.PASSWORD)
	_press("Go")
	await _until(func() -> bool: return _problem().visible)
	kit.equal(dialog.page, &"login", "the address has an account")
	_press("Go")
	await _until(func() -> bool: return dialog.page == &"merge")
	kit.check("common" in (dialog.get_node("%Slots") as Label).text, "the slot is named")
	_press("Both")
	if await _done(kit, "merge"):
		kit.equal((await AeThexCloud.saves.list()).size(), 2, "both saves")
	_close()


func test_a_forgotten_password(kit: Kit) -> void:
	var email := await kit.new_player()
	await AeThexCloud.auth.logout()
	await _open(kit)
	_press("ToLogin")
	_press("ToForgot")
	dialog.fill(email)
	_press("Go")
	await _until(func() -> bool: return dialog.page == &"reset")
	(dialog.get_node("%Code") as LineEdit).text = await kit.code_to(email, 2)
	(dialog.get_node("%PasswordEdit") as LineEdit).text = "a horse of another colour"
	_press("Go")
	if await _done(kit, "reset"):
		kit.equal(users[0].email, email, "logged in with the new one")
	_close()


func test_keys_and_words(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"))
	var behind := Button.new()
	_root().add_child(behind)
	await _open(kit)
	await kit.next_frame()
	kit.check(_button("Go").has_focus(), "the first button has the focus")
	behind.grab_focus()
	await kit.next_frame()
	kit.check(_button("Go").has_focus(), "the focus stays in the dialog")
	dialog.show_page(&"forgot")
	await kit.next_frame()
	kit.check((dialog.get_node("%Email") as LineEdit).has_focus(), "the empty field has the focus")
	var cancel := InputEventAction.new()
	cancel.action = &"ui_cancel"
	cancel.pressed = true
	for page: StringName in [&"login", &"welcome"]:
		dialog._unhandled_input(cancel)
		kit.equal(dialog.page, page, "back")
	dialog._unhandled_input(cancel)
	kit.check(not dialog.visible and closings == 1, "closed")
	var german := Translation.new()
	german.locale = "de"
	german.add_message("AETHEX_WELCOME_GO", "Spielen")
	TranslationServer.add_translation(german)
	var before := TranslationServer.get_locale()
	TranslationServer.set_locale("de")
	await kit.next_frame()
	kit.equal(_button("Go").text, "Spielen", "translated")
	kit.equal(_button("ToLogin").text, "I have an account", "what is not translated stays English")
	TranslationServer.set_locale(before)
	TranslationServer.remove_translation(german)
	for key: String in AeThexLoginDialog.Texts.ENGLISH:
		kit.check(not AeThexLoginDialog.Texts.say(key).is_empty(), key)
	behind.queue_free()
	_close()


func test_every_page_has_its_words(kit: Kit) -> void:
	for page: StringName in AeThexLoginDialog.PAGES:
		for part: String in ["TITLE", "HINT"] + ([] if AeThexLoginDialog.PAGES[page].has("no_go") else ["GO"]):
			kit.check(AeThexLoginDialog.Texts.ENGLISH.has("AETHEX_%s_%s" % [page.to_upper(), part]), "%s %s" % [page, part])


func test_without_a_network(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"), "http://127.0.0.1:9")
	await _open(kit)
	_press("Go")
	await _until(func() -> bool: return _problem().visible)
	kit.check("cannot be reached" in _problem().text, _problem().text)
	_press("ToClose")
	kit.equal(closings, 1, "closed")
	_close()


func _open(kit: Kit) -> void:
	# The root takes no child while the tests' own scene is being made.
	await kit.next_frame()
	dialog = SCENE.instantiate()
	dialog.done.connect(func(user: RefCounted) -> void: users.append(user))
	dialog.closed.connect(func() -> void: closings += 1)
	_root().add_child(dialog)
	dialog.open()


func _close() -> void:
	dialog.queue_free()
	dialog = null


func _root() -> Window:
	return (Engine.get_main_loop() as SceneTree).root


func _button(name: String) -> Button:
	return dialog.get_node("%" + name)


func _problem() -> Label:
	return dialog.get_node("%Problem")


func _press(name: String) -> void:
	_button(name).pressed.emit()


func _done(kit: Kit, what: String) -> bool:
	users.clear()
	await _until(func() -> bool: return not users.is_empty())
	return kit.check(not users.is_empty(), "%s: %s" % [what, _problem().text])


func _until(so: Callable) -> void:
	for i in 400:
		if so.call():
			return
		await (Engine.get_main_loop() as SceneTree).create_timer(0.05).timeout
