## A ready-made login: email, providers, guests who keep their progress, forgotten passwords.
##
## Put login_dialog.tscn into a scene, above everything else, and call [method open]. Its look comes from the
## project's theme, or from theme.tres when the project has none; its words are in login_texts.gd and can be
## translated. It works with a mouse, a touch screen, a keyboard and a gamepad.
##
## The script names nothing of the library, so that it parses on platforms that have none.
class_name AeThexLoginDialog
extends Control

## The player is logged in, or has kept the guest's progress. [param user] is an AeThexUser.
signal done(user: RefCounted)
## The player closed the dialog.
signal closed

const Texts := preload("login_texts.gd")
const FALLBACK_THEME := preload("theme.tres")
## What each page shows; the texts are AETHEX_<PAGE>_TITLE, _HINT and _GO.
const PAGES := {
	&"welcome": {"links": ["Login", "Close"], "providers": true},
	&"login": {"fields": ["Email", "Password", "Remember"], "links": ["Register", "Forgot", "Guest", "Close"], "providers": true},
	&"register": {"fields": ["Email", "Password", "Username"], "links": ["Login", "Close"], "providers": true, "new": true},
	&"link": {"fields": ["Email", "Password", "Username"], "links": ["Login", "Close"], "providers": true, "new": true},
	&"forgot": {"fields": ["Email"], "links": ["Code", "Back"]},
	&"reset": {"fields": ["Code", "Password"], "links": ["Back"], "new": true},
	&"verify": {"fields": ["Code"], "links": ["Back"]},
	&"browser": {},
	&"move": {"links": ["Leave"]},
	&"merge": {"fields": ["Choices"], "links": ["Leave"], "no_go": true},
}

## The heading of the first page; "Log in" without one. The name of your game is a good one.
@export var title := ""
## The line under it.
@export_multiline var hint := ""
## Whether players may play without an account, as this device's guest.
@export var allow_guest := true
## Whether new accounts can be made here.
@export var allow_register := true
## Whether the dialog can be closed without a login.
@export var allow_close := true

## The page that is shown.
var page := &"welcome"

var _cloud: Object = Engine.get_singleton(&"AeThexCloud") if Engine.has_singleton(&"AeThexCloud") else null
var _providers: PackedStringArray = []
var _busy := false
## Grows with each opening and closing: what a call of an earlier one brings is not shown any more.
var _opening := 0

@onready var _email: LineEdit = %Email
@onready var _password: LineEdit = %PasswordEdit
@onready var _username: LineEdit = %Username
@onready var _code: LineEdit = %Code
@onready var _problem: Label = %Problem
@onready var _go: Button = %Go


func _ready() -> void:
	if theme == null and not _has_theme_above():
		theme = FALLBACK_THEME
	_go.pressed.connect(_submit)
	for edit: LineEdit in [_email, _password, _username, _code]:
		edit.text_submitted.connect(_submit.unbind(1))
	(%Show as Button).toggled.connect(_on_show_toggled)
	(%ToRegister as Button).pressed.connect(show_page.bind(&"register"))
	(%ToLogin as Button).pressed.connect(show_page.bind(&"login"))
	(%ToForgot as Button).pressed.connect(show_page.bind(&"forgot"))
	(%ToCode as Button).pressed.connect(show_page.bind(&"reset"))
	(%ToBack as Button).pressed.connect(_back)
	(%ToGuest as Button).pressed.connect(_play_as_guest)
	(%ToLeave as Button).pressed.connect(_leave_guest)
	(%ToClose as Button).pressed.connect(close)
	(%Mine as Button).pressed.connect(_move.bind("mine"))
	(%Guest as Button).pressed.connect(_move.bind("guest"))
	(%Both as Button).pressed.connect(_move.bind("both"))
	get_viewport().gui_focus_changed.connect(_on_focus_changed)
	show_page(page)


func _notification(what: int) -> void:
	if what == NOTIFICATION_TRANSLATION_CHANGED and is_node_ready():
		_write()


func _unhandled_input(event: InputEvent) -> void:
	if is_visible_in_tree() and event.is_action_pressed(&"ui_cancel"):
		get_viewport().set_input_as_handled()
		_back()


## Shows the dialog: the welcome with "Play now", the login where no guests are allowed, or, to a guest, the
## offer to keep the progress.
func open() -> void:
	open_page(&"link" if _is_guest() else _first_page())


## Shows the dialog with one of [constant PAGES].
func open_page(which: StringName) -> void:
	_opening += 1
	_set_busy(false)
	_password.clear()
	_code.clear()
	show()
	show_page(which)
	if _cloud == null:
		_complain("missing")
	elif _providers.is_empty():
		_ask_for_providers()


## Hides the dialog. A login that waits for the browser ends.
func close() -> void:
	_hide()
	closed.emit()


## Fills in what is known, such as the address of the last login.
func fill(email: String, password := "", username := "") -> void:
	_email.text = email
	_password.text = password
	_username.text = username


## Turns to one of [constant PAGES], within the open dialog.
func show_page(which: StringName) -> void:
	page = which
	_problem.hide()
	_write()
	_focus_first.call_deferred()


func _write() -> void:
	var shown: Dictionary = PAGES[page]
	var stem := "AETHEX_%s_" % page.to_upper()
	var first := page == _first_page()
	(%Title as Label).text = title if first and not title.is_empty() else Texts.say(stem + "TITLE")
	var line := hint if first and not hint.is_empty() else Texts.say(stem + "HINT")
	if page == &"login" and _is_guest():
		line = Texts.say("AETHEX_LOGIN_GUEST_HINT")
	(%Hint as Label).text = line
	_go.text = Texts.say(stem + "GO")
	_go.visible = not shown.has("no_go")
	_email.placeholder_text = Texts.say("AETHEX_EMAIL")
	_password.placeholder_text = Texts.say("AETHEX_NEW_PASSWORD" if shown.has("new") else "AETHEX_PASSWORD")
	_username.placeholder_text = Texts.say("AETHEX_USERNAME")
	_code.placeholder_text = Texts.say("AETHEX_CODE")
	(%Remember as CheckBox).text = Texts.say("AETHEX_REMEMBER")
	(%Show as Button).text = Texts.say("AETHEX_HIDE" if (%Show as Button).button_pressed else "AETHEX_SHOW")
	(%Or as Label).text = Texts.say("AETHEX_OR")
	for choice: String in ["Mine", "Guest", "Both"]:
		(get_node("%" + choice) as Button).text = Texts.say("AETHEX_MERGE_" + choice.to_upper())
	for field: String in ["Email", "Password", "Username", "Code", "Remember", "Choices"]:
		(get_node("%" + field) as Control).visible = field in shown.get("fields", [])
	for link: String in ["Register", "Login", "Forgot", "Code", "Guest", "Back", "Leave", "Close"]:
		var button: Button = get_node("%To" + link)
		button.text = Texts.say("AETHEX_TO_" + link.to_upper())
		button.visible = link in shown.get("links", []) and _is_allowed(link)
	_write_providers(shown.get("providers", false))


func _is_allowed(link: String) -> bool:
	match link:
		"Register": return allow_register and not _is_guest()
		"Guest": return allow_guest and not _is_logged_in()
		"Close": return allow_close
	return true


func _write_providers(shown: bool) -> void:
	var box: Container = %Providers
	for button in box.get_children():
		box.remove_child(button)
		button.queue_free()
	for provider in _providers:
		var button := Button.new()
		button.text = Texts.say("AETHEX_WITH").format({"provider": Texts.PROVIDERS.get(provider, provider)})
		button.disabled = _busy
		button.theme_type_variation = &"AeThexProviderButton"
		button.pressed.connect(_enter_with.bind(provider))
		box.add_child(button)
	box.visible = shown and not _providers.is_empty()
	(%Or as Label).visible = box.visible


func _ask_for_providers() -> void:
	var found: Object = await _cloud.auth.get_providers()
	if found.success:
		for name: String in found.providers:
			_providers.append(name)
		_write_providers(PAGES[page].get("providers", false))


func _submit() -> void:
	if _busy or _cloud == null:
		return
	match page:
		&"welcome": _play_as_guest()
		&"login": _log_in(_password.text)
		&"register": _enter(_cloud.auth.register_email(_email.text, _password.text, _username.text, _options()))
		&"link": _enter(_cloud.auth.link_email(_email.text, _password.text, _username.text))
		&"forgot": _follow(_cloud.auth.forgot_password(_email.text), show_page.bind(&"reset"))
		&"reset": _follow(_cloud.auth.reset_password(_code.text, _password.text), _log_in_again)
		&"verify": _follow(_cloud.auth.verify_email(_code.text), _log_in_again)
		&"move": _move("")
		&"browser": _cloud.auth.cancel_oauth()


func _options() -> Dictionary:
	return {"remember": (%Remember as CheckBox).button_pressed, "keep_guest": _is_guest()}


func _log_in(password: String) -> void:
	_enter(_cloud.auth.login_email(_email.text, password, _options()))


## After a code: with what was typed before it, as far as that is still there.
func _log_in_again() -> void:
	var complete := not _email.text.is_empty() and not _password.text.is_empty()
	show_page(&"login")
	if complete:
		_log_in(_password.text)


func _play_as_guest() -> void:
	if not _busy:
		_enter(_cloud.auth.login_guest())


func _enter_with(provider: String) -> void:
	if _busy:
		return
	var from := page
	show_page(&"browser")
	if from == &"link":
		_enter(_cloud.auth.link_oauth(provider), from)
	else:
		_enter(_cloud.auth.login_oauth(provider, _options()), from)


## Waits for a login or link, and ends the dialog with it; a refusal is shown on the page [param back].
func _enter(call: Signal, back := page) -> void:
	var result: Object = await _result(call)
	if result == null:
		return
	if result.success:
		# A guest that the login kept goes into the account.
		if _cloud.auth.get_kept_guest() != null:
			_move("")
		else:
			_finish(result.user)
		return
	var name := String(result.error.name)
	if page != back:
		show_page(back)
	match name:
		"cancelled": return
		"email_unverified": show_page(&"verify")
		"identity_taken":
			# What was linked opens another account: log in to that one, and the guest moves there.
			var by_email := page == &"link" and not _email.text.is_empty()
			show_page(&"login")
			_complain("identity_taken_email" if by_email else name)
		_: _complain(name)


## Waits for a call, then goes on.
func _follow(call: Signal, next: Callable) -> void:
	var result: Object = await _result(call)
	if result == null:
		return
	if result.success:
		next.call()
	else:
		_complain(String(result.error.name))


func _move(choice: String) -> void:
	if _busy:
		return
	var result: Object = await _result(_cloud.auth.merge_guest(choice))
	if result == null:
		return
	if result.success:
		_finish(result.user)
		return
	var name := String(result.error.name)
	if name == "merge_conflict":
		show_page(&"merge")
		(%Slots as Label).text = "\n".join(result.error.merge_slots.map(_slot_text))
	else:
		show_page(&"move")
		_complain(name)


func _leave_guest() -> void:
	if not _busy:
		_follow(_cloud.auth.release_guest(), func() -> void: _finish(_cloud.auth.get_current_user()))


## The result of a call, while everything is disabled; null when the dialog was closed or opened anew meanwhile.
func _result(call: Signal) -> Object:
	var opening := _opening
	_problem.hide()
	_set_busy(true)
	var result: Object = await call
	if opening != _opening:
		return null
	_set_busy(false)
	return result


func _set_busy(busy: bool) -> void:
	_busy = busy
	# Cancelling is what the browser's page is for.
	_go.disabled = busy and page != &"browser"
	for button: Button in find_children("*", "Button", true, false):
		if button != _go and button != %ToClose:
			button.disabled = busy


func _finish(user: RefCounted) -> void:
	_hide()
	done.emit(user)


func _hide() -> void:
	_opening += 1
	if page == &"browser":
		_cloud.auth.cancel_oauth()
	_password.clear()
	_code.clear()
	hide()


func _back() -> void:
	if page == &"browser":
		_cloud.auth.cancel_oauth()
	elif _busy:
		return
	elif page in [&"register", &"forgot", &"reset", &"verify"]:
		show_page(&"login")
	elif page == &"login" and (_is_guest() or _first_page() != page):
		show_page(&"link" if _is_guest() else _first_page())
	elif allow_close and page in [&"welcome", &"login", &"link"]:
		close()


func _complain(name: String) -> void:
	_problem.text = Texts.problem(name)
	_problem.show()


func _slot_text(slot: Object) -> String:
	return Texts.say("AETHEX_MERGE_SLOT").format({
		"slot": slot.slot,
		"mine": _when(slot.mine_timestamp, slot.mine_playtime),
		"other": _when(slot.other_timestamp, slot.other_playtime),
	})


static func _when(timestamp: int, playtime: float) -> String:
	var local := timestamp + int(Time.get_time_zone_from_system().bias) * 60
	var time := Time.get_datetime_string_from_unix_time(local, true).left(16)
	return Texts.say("AETHEX_MERGE_TIME").format({"minutes": int(playtime / 60.0), "time": time})


func _on_show_toggled(shown: bool) -> void:
	_password.secret = not shown
	_write()


## Keys and gamepads stay in the dialog while it is open.
func _on_focus_changed(control: Control) -> void:
	if is_visible_in_tree() and not is_ancestor_of(control):
		_focus_first.call_deferred()


func _focus_first() -> void:
	if not is_visible_in_tree():
		return
	var edits := [_email, _code, _password].filter(func(edit: LineEdit) -> bool: return edit.is_visible_in_tree())
	var empty := edits.filter(func(edit: LineEdit) -> bool: return edit.text.is_empty())
	var first: Control = _go if _go.visible else %Both
	if not empty.is_empty():
		first = empty[0]
	first.grab_focus()


func _first_page() -> StringName:
	return &"welcome" if allow_guest and not _is_logged_in() else &"login"


func _is_logged_in() -> bool:
	return _cloud != null and _cloud.auth.is_logged_in()


func _is_guest() -> bool:
	var user: Object = _cloud.auth.get_current_user() if _cloud != null else null
	return user != null and user.is_guest


func _has_theme_above() -> bool:
	if ThemeDB.get_project_theme() != null:
		return true
	var above := get_parent()
	while above != null:
		if (above is Control or above is Window) and above.theme != null:
			return true
		above = above.get_parent()
	return false
