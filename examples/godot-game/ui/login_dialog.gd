## Log in, or make an account. Colours and shapes come from the project's theme.
class_name LoginDialog
extends ColorRect

var _registering := false

@onready var _email: LineEdit = %Email
@onready var _password: LineEdit = %Password
@onready var _username: LineEdit = %Username
@onready var _problem: Label = %Problem
@onready var _go: Button = %Go


func _ready() -> void:
	_go.pressed.connect(_submit)
	_email.text_submitted.connect(_submit.unbind(1))
	_password.text_submitted.connect(_submit.unbind(1))
	_username.text_submitted.connect(_submit.unbind(1))
	(%Swap as Button).pressed.connect(_swap)
	(%Later as Button).pressed.connect(hide)
	AeThexCloud.auth.logged_in.connect(hide.unbind(1))


func open() -> void:
	show()
	_problem.hide()
	_password.clear()
	_email.grab_focus()


func fill(email: String, password: String) -> void:
	_email.text = email
	_password.text = password


func _swap() -> void:
	_registering = not _registering
	_username.visible = _registering
	_problem.hide()
	_go.text = "Make an account" if _registering else "Log in"
	(%Swap as Button).text = "Have an account? Log in" if _registering else "New here? Make an account"


func _submit() -> void:
	if _go.disabled:
		return
	_go.disabled = true
	_problem.hide()
	var result: AeThexResult
	if _registering:
		result = await AeThexCloud.auth.register_email(_email.text, _password.text, _username.text)
	else:
		result = await AeThexCloud.auth.login_email(_email.text, _password.text)
	_go.disabled = false
	if result.success:
		hide()
		get_tree().current_scene.call(&"load_game")
	else:
		show_problem(result.error)


func show_problem(error: AeThexError) -> void:
	match error.code:
		AeThexCloud.ERROR_INVALID_CREDENTIALS: _problem.text = "This email and password do not belong together."
		AeThexCloud.ERROR_OFFLINE: _problem.text = "The server cannot be reached. You can play; log in later to save."
		_: _problem.text = error.message
	_problem.show()
