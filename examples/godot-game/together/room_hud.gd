## What lies over the shared meadow: who is there with how many gems, the room's code, the connection, and the chat.
class_name RoomHud
extends MarginContainer

signal leave_pressed

const CONNECTED := Color(0.40, 0.90, 0.60)
const RECONNECTING := Color(1.00, 0.80, 0.35)
const TRANSPORTS := {"quic": "QUIC", "websocket": "WebSocket"}

var _meadow: SharedMeadow
var _rooms := AeThexCloud.multiplayer

@onready var chat: ChatLine = %Chat


func _ready() -> void:
	(%Leave as Button).pressed.connect(leave_pressed.emit)
	(%Code as Button).pressed.connect(func() -> void: DisplayServer.clipboard_set((%Code as Button).text))


func follow(meadow: SharedMeadow) -> void:
	_meadow = meadow
	meadow.changed.connect(_show_players)
	meadow.told.connect(chat.note)
	meadow.connection_changed.connect(_show_connection)


func open(room: AeThexRoom) -> void:
	(%Code as Button).text = room.code
	_show_connection(_rooms.transport())
	_show_players()
	show()
	chat.open(room)


func _unhandled_key_input(event: InputEvent) -> void:
	if is_visible_in_tree() and event.is_action_pressed(&"ui_text_submit"):
		(%ChatEdit as LineEdit).grab_focus()
		get_viewport().set_input_as_handled()


func _show_connection(transport: String) -> void:
	var up := transport != ""
	(%Connection as Label).text = TRANSPORTS.get(transport, transport) if up else "Reconnecting…"
	(%Dot as Label).add_theme_color_override(&"font_color", CONNECTED if up else RECONNECTING)
	_show_banner()


func _show_players() -> void:
	var room := _rooms.get_current_room()
	if room == null:
		return
	for row in %Players.get_children():
		row.free()
	for who in room.players:
		%Players.add_child(_row(who, who.player_id == _meadow.host_id))
	_show_banner()


func _row(who: AeThexRoomPlayer, is_host: bool) -> Control:
	var row := HBoxContainer.new()
	row.add_theme_constant_override(&"separation", 8)
	var avatar := _meadow.avatar(who.player_id)
	var text := who.username + (" · host" if is_host else "") + ("" if who.connected else " · away")
	row.add_child(_label(text, avatar.colour.lightened(0.4) if avatar != null else Color.WHITE))
	row.add_child(_label(str(_meadow.hunt.score(who.player_id)), Color.WHITE))
	return row


func _label(text: String, colour: Color) -> Label:
	var label := Label.new()
	label.text = text
	label.add_theme_color_override(&"font_color", colour)
	return label


## What everyone should see at once.
func _show_banner() -> void:
	var winner := _meadow.avatar(_meadow.hunt.winner) if _meadow.hunt.winner != "" else null
	if _rooms.transport() == "":
		(%Banner as Label).text = "Reconnecting…"
	elif winner != null:
		(%Banner as Label).text = "%s wins the round!" % winner.title
	else:
		(%Banner as Label).text = ""
