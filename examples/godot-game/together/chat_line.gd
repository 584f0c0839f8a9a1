## What is said in the room, and a line to say something: everything that talks to AeThexCloud.multiplayer.chat.
##
## The server keeps what is said, so that who joins late can read it.
class_name ChatLine
extends VBoxContainer

const LINES := 3

var _chat := AeThexCloud.multiplayer.chat
var _channel := ""
var _lines: PackedStringArray = []

@onready var _text: Label = %ChatText
@onready var _edit: LineEdit = %ChatEdit


func _ready() -> void:
	_chat.message_received.connect(_on_message_received)
	_edit.text_submitted.connect(say)


## Begins with the last words of the room.
func open(room: AeThexRoom) -> void:
	_channel = "room:" + room.id
	_lines.clear()
	_edit.clear()
	var past: AeThexResult = await _chat.history(_channel, {"limit": LINES})
	if past.success and _lines.is_empty():
		var messages: Array = past.messages
		messages.reverse()
		for message: AeThexChatMessage in messages:
			_lines.append(_line(message))
	_show()


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
	_show()


func _on_message_received(message: AeThexChatMessage) -> void:
	if message.channel == _channel:
		_lines.append(_line(message))
		_show()


func _line(message: AeThexChatMessage) -> String:
	return "%s: %s" % [message.from_username, message.text]


func _show() -> void:
	_lines = _lines.slice(-LINES)
	_text.text = "\n".join(_lines)
