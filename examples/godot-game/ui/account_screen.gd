## The player's account: name and picture, devices, password, consents, and the right to take everything along
## or to have it erased.
class_name AccountScreen
extends ColorRect

signal keep_pressed
signal log_out_pressed
signal user_changed(user: AeThexUser)

const PURPOSES := {
	"analytics": "Tell us how you play",
	"voice": "Voice chat",
	"third_party": "Share with partners",
	"marketing": "Mails about the game",
}
const EXPORT_FILE := "user://my_meadow_data.zip"
const EXPORT_POLL_SECONDS := 1.0
const EXPORT_POLLS_MAX := 120
const AVATAR_SIZE := 256

var _consents: Dictionary = {}

@onready var _name: LineEdit = %DisplayName
@onready var _message: Label = %Message
@onready var _avatar: TextureRect = %Avatar


func _ready() -> void:
	(%Close as Button).pressed.connect(hide)
	(%LogOut as Button).pressed.connect(_log_out)
	(%Keep as Button).pressed.connect(_keep)
	(%Rename as Button).pressed.connect(_rename)
	_name.text_submitted.connect(_rename.unbind(1))
	(%Picture as Button).pressed.connect(set_picture)
	(%EndOthers as Button).pressed.connect(_end_others)
	(%ChangePassword as Button).pressed.connect(_change_password)
	(%Export as Button).pressed.connect(export_data)
	(%Erase as Button).pressed.connect(_erase)
	for purpose: String in PURPOSES:
		var consent := CheckButton.new()
		consent.text = PURPOSES[purpose]
		consent.toggled.connect(_on_consent_toggled.bind(purpose))
		_consents[purpose] = consent
		%Consents.add_child(consent)


func _unhandled_input(event: InputEvent) -> void:
	if visible and event.is_action_pressed(&"ui_cancel"):
		get_viewport().set_input_as_handled()
		hide()


func open() -> void:
	_message.text = ""
	show()
	(%Close as Button).grab_focus()
	show_user(AeThexCloud.auth.get_current_user())
	await refresh()


## Reads anew what the server knows.
func refresh() -> void:
	var profile: AeThexResult = await AeThexCloud.auth.get_profile()
	if profile.success:
		show_user(profile.user)
	else:
		_tell(profile, "")
	await _show_sessions()
	await _show_privacy()


func show_user(user: AeThexUser) -> void:
	if user == null:
		hide()
		return
	_name.text = user.display_name
	(%Email as Label).text = "You play as a guest" if user.is_guest else user.email
	(%Keep as Button).visible = user.is_guest
	(%Password as Control).visible = not user.is_guest
	user_changed.emit(user)
	_show_avatar(user.avatar_url)


func _show_avatar(url: String) -> void:
	if url.is_empty():
		_avatar.texture = ImageTexture.create_from_image(drawn_picture(Color(0.3, 0.5, 0.45)))
		return
	var request := HTTPRequest.new()
	add_child(request)
	if request.request(url) == OK:
		var answer: Array = await request.request_completed
		var image := Image.new()
		if answer[1] == 200 and image.load_png_from_buffer(answer[3]) == OK:
			_avatar.texture = ImageTexture.create_from_image(image)
	request.queue_free()


## A face in the colours of the day.
func set_picture() -> AeThexResult:
	var image := drawn_picture(Color.from_hsv(randf(), 0.55, 0.95))
	var result: AeThexResult = await AeThexCloud.auth.set_avatar(image)
	if _tell(result, "A new picture"):
		show_user(result.user)
	return result


static func drawn_picture(colour: Color) -> Image:
	var image := Image.create(AVATAR_SIZE, AVATAR_SIZE, false, Image.FORMAT_RGBA8)
	image.fill(Color(0.16, 0.27, 0.22))
	var centre := Vector2(AVATAR_SIZE, AVATAR_SIZE) / 2.0
	var eye := Vector2(AVATAR_SIZE * 0.14, -AVATAR_SIZE * 0.06)
	for y in AVATAR_SIZE:
		for x in AVATAR_SIZE:
			var at := Vector2(x, y) - centre
			var in_eye := minf(at.distance_to(eye), at.distance_to(eye * Vector2(-1, 1)))
			if in_eye < AVATAR_SIZE * 0.04:
				image.set_pixel(x, y, Color(0.1, 0.1, 0.15))
			elif in_eye < AVATAR_SIZE * 0.09:
				image.set_pixel(x, y, Color.WHITE)
			elif at.length() < AVATAR_SIZE * 0.38:
				image.set_pixel(x, y, colour.darkened(at.length() / AVATAR_SIZE * 0.6))
	return image


func _rename() -> void:
	var result: AeThexResult = await AeThexCloud.auth.update_profile({"display_name": _name.text})
	if _tell(result, "Your name is changed"):
		show_user(result.user)


func _show_sessions() -> void:
	var sessions: AeThexResult = await AeThexCloud.auth.get_sessions()
	if not sessions.success:
		return
	for row in %Sessions.get_children():
		row.queue_free()
	for session: AeThexSession in sessions:
		%Sessions.add_child(_session_row(session))
	(%EndOthers as Button).visible = sessions.size() > 1


func _session_row(session: AeThexSession) -> Control:
	var row := HBoxContainer.new()
	var text := Label.new()
	text.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	text.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	var seen := Time.get_datetime_string_from_unix_time(session.last_seen_at, true).left(16)
	text.text = "%s · %s" % [session.device_name if not session.device_name.is_empty() else "A device", "this device" if session.current else seen + " UTC"]
	row.add_child(text)
	if not session.current:
		var end := Button.new()
		end.text = "End"
		end.pressed.connect(func() -> void:
			if _tell(await AeThexCloud.auth.end_session(session), "It is logged out"):
				_show_sessions())
		row.add_child(end)
	return row


func _end_others() -> void:
	if _tell(await AeThexCloud.auth.end_other_sessions(), "Only this device is logged in"):
		_show_sessions()


func _change_password() -> void:
	var result: AeThexResult = await AeThexCloud.auth.change_password((%OldPassword as LineEdit).text, (%NewPassword as LineEdit).text)
	if _tell(result, "The password is changed; other devices are logged out"):
		(%OldPassword as LineEdit).clear()
		(%NewPassword as LineEdit).clear()
		_show_sessions()


func _show_privacy() -> void:
	var privacy: AeThexResult = await AeThexCloud.privacy.get_state()
	if privacy.success:
		_show_state(privacy.state)


func _show_state(state: AeThexPrivacyState) -> void:
	for purpose: String in PURPOSES:
		var said: Dictionary = state.consents.get(purpose, {})
		(_consents[purpose] as CheckButton).set_pressed_no_signal(said.get("granted", false))
	var erase: Button = %Erase
	if state.erasure_at > 0:
		erase.text = "Keep my account after all"
		_message.text = "Everything is erased on %s." % Time.get_date_string_from_unix_time(state.erasure_at)
	else:
		erase.text = "Erase my account"
	erase.set_meta(&"takes_back", state.erasure_at > 0)


func _on_consent_toggled(granted: bool, purpose: String) -> void:
	var result: AeThexResult = await AeThexCloud.privacy.set_consent(purpose, granted)
	if _tell(result, "Noted"):
		_show_state(result.state)
	else:
		(_consents[purpose] as CheckButton).set_pressed_no_signal(not granted)


## Asks for everything that is known of the player, waits until it is there, and keeps it as a file.
func export_data() -> AeThexResult:
	(%Export as Button).disabled = true
	_message.text = "Collecting everything…"
	var result: AeThexResult = await AeThexCloud.privacy.start_export()
	for i in EXPORT_POLLS_MAX:
		if not result.success or result.export.status != "pending":
			break
		await get_tree().create_timer(EXPORT_POLL_SECONDS).timeout
		result = await AeThexCloud.privacy.get_export(result.export)
	if result.success and result.export.status == "ready":
		result = await AeThexCloud.privacy.download_export(result.export, EXPORT_FILE)
	(%Export as Button).disabled = false
	if _tell(result, "Your data: " + ProjectSettings.globalize_path(EXPORT_FILE)) and result.export.status != "ready":
		_message.text = "It takes longer than usual: ask again later"
	return result


func _erase() -> void:
	if (%Erase as Button).get_meta(&"takes_back", false):
		if _tell(await AeThexCloud.privacy.cancel_erasure(), "Your account stays"):
			_show_privacy()
		return
	if not (%EraseSure as Control).visible:
		(%EraseSure as Control).show()
		_message.text = "Everything of yours is erased, on all devices. Press again to go on."
		return
	(%EraseSure as Control).hide()
	var result: AeThexResult = await AeThexCloud.privacy.erase_account((%ErasePassword as LineEdit).text)
	(%ErasePassword as LineEdit).clear()
	if _tell(result, ""):
		await _show_privacy()
		_message.text += " Your receipt: " + result.receipt.id


func _keep() -> void:
	hide()
	keep_pressed.emit()


func _log_out() -> void:
	hide()
	log_out_pressed.emit()


## Says how a call went; whether it succeeded.
func _tell(result: AeThexResult, text: String) -> bool:
	if result.success:
		_message.text = text
		return true
	match result.error.code:
		AeThexCloud.ERROR_OFFLINE, AeThexCloud.ERROR_TIMEOUT: _message.text = "The server cannot be reached."
		AeThexCloud.ERROR_INVALID_CREDENTIALS: _message.text = "The password is not the right one."
		AeThexCloud.ERROR_WEAK_PASSWORD: _message.text = "Choose another password: 8 characters or more, and not a common one."
		AeThexCloud.ERROR_PARENT_REQUIRED: _message.text = "Ask your parents first."
		AeThexCloud.ERROR_RATE_LIMITED: _message.text = "Too many tries: wait a little."
		_: _message.text = result.error.message
	return false
