## What lies over the meadow: the bag, where the save stands, and the buttons.
class_name Hud
extends MarginContainer

signal save_pressed
signal load_pressed
signal history_pressed
signal together_pressed
signal quit_pressed
signal account_pressed
## A guest wants an account.
signal keep_pressed

const STATUS: Dictionary = {
	"synced": ["In the cloud", Color(0.40, 0.90, 0.60)],
	"queued": ["Sending…", Color(1.00, 0.80, 0.35)],
	"offline": ["Offline", Color(1.00, 0.65, 0.35)],
	"conflict": ["Two versions", Color(1.00, 0.50, 0.45)],
	"failed": ["Refused by the server", Color(1.00, 0.45, 0.45)],
	"unknown": ["Not saved yet", Color(0.70, 0.75, 0.78)],
	"logged_out": ["Not logged in", Color(0.55, 0.60, 0.62)],
}
const WAITING := ["Offline: 1 save waits here", "Offline: %d saves wait here"]
const MESSAGE_SECONDS := 4.0

var _silence := Timer.new()

@onready var _message: Label = %Message


func _ready() -> void:
	(%Save as Button).pressed.connect(save_pressed.emit)
	(%Load as Button).pressed.connect(load_pressed.emit)
	(%History as Button).pressed.connect(history_pressed.emit)
	(%Together as Button).pressed.connect(together_pressed.emit)
	(%Quit as Button).pressed.connect(quit_pressed.emit)
	(%Account as Button).pressed.connect(account_pressed.emit)
	(%Keep as Button).pressed.connect(keep_pressed.emit)
	_silence.one_shot = true
	_silence.timeout.connect(func() -> void: _message.text = "")
	add_child(_silence)
	show_status("logged_out")


## What waits is told while it cannot be sent.
func show_status(status: String, waiting := 0) -> void:
	var known: Array = STATUS.get(status, STATUS.unknown)
	var text: String = known[0]
	if status == "offline" and waiting > 0:
		text = WAITING[0] if waiting == 1 else WAITING[1] % waiting
	(%Status as Label).text = text
	(%Dot as Label).add_theme_color_override(&"font_color", known[1])


func show_user(user: AeThexUser) -> void:
	(%Account as Button).text = "Log in" if user == null else user.display_name
	(%Keep as Button).visible = user != null and user.is_guest


func show_inventory(inventory: Array[Dictionary]) -> void:
	(%Bag as Bag).show_gems(inventory)


func say(text: String) -> void:
	_message.text = text
	_silence.start(MESSAGE_SECONDS)
