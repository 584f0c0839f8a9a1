## What is said in the room, and a line to say something: everything that talks to AeThexCloud.multiplayer.chat.
##
## The server keeps what is said, so that who joins late, or was away, can read it.
class_name ChatLine
extends VBoxContainer

signal heard(message: AeThexChatMessage)

const LINES := 3
## So much of the past is read.
const HISTORY := 20

var _chat := AeThexCloud.multiplayer.chat
var _channel := ""
var _lines: PackedStringArray = []
## Ids of messages that are in the lines, or were.
var _known: Dictionary = {}

@onready var _text: Label = %ChatText
@onready var _edit: LineEdit = %ChatEdit


func _ready() -> void:
	_chat.message_received.connect(_on_message)
	AeThexCloud.multiplayer.live_changed.connect(_on_live_changed)
	_edit.text_submitted.connect(say)


func open(room: AeThexRoom) -> void:
	_channel = "room:" + room.id
	_lines.clear()
	_known.clear()
	_edit.clear()
	_text.text = ""
	_catch_up()


func say(text: String) -> void:
	_edit.clear()
	_edit.release_focus()
	if text.strip_edges().is_empty():
		return
	var result: AeThexResult = await _chat.send(_channel, text)
	if not result.success:
		note(result.error.message)


## A line of the game's own.
func note(text: String) -> void:
	_lines.append(text)
	_lines = _lines.slice(-LINES)
	_text.text = "\n".join(_lines)


## Reads what was said while this player was not here.
func _catch_up() -> void:
	var past: AeThexResult = await _chat.history(_channel, {"limit": HISTORY})
	if not past.success:
		return
	# The newest comes first.
	for i in range(past.size() - 1, -1, -1):
		_on_message(past.messages[i])


## Chat comes over the player's own connection: what was said while it was not open is missing.
func _on_live_changed(connected: bool) -> void:
	if connected and is_visible_in_tree():
		_catch_up()


func _on_message(message: AeThexChatMessage) -> void:
	if message.channel != _channel or _known.has(message.id):
		return
	_known[message.id] = true
	note("%s: %s" % [message.from_username, message.text])
	heard.emit(message)
