## The meadow of a room: its players, what each sends of itself, and what the host says of the hunt.
##
## Where everyone stands is a state: sent in every frame, and only the newest counts. Who takes a gem is decided by the
## room's host alone: the others ask by message, and the host tells everyone the whole hunt after each change. It is
## small, and so whoever joins late, or is the host next, knows everything.
class_name SharedMeadow
extends Node2D

signal joined(room: AeThexRoom)
## Players, scores or the host are others than before.
signal changed
## Something for everyone to read.
signal told(text: String)
## The connection dropped and is made again, or is there; [param transport] is empty, "quic" or "websocket".
signal connection_changed(transport: String)
signal left(reason: String)

## One screen, so that all see each other.
const AREA := Rect2(-430, -215, 860, 360)
## How far from a gem the host lets others take it: their states are a little old.
const REACH_OF_OTHERS := 140.0
## A request may have gone to a host who is gone.
const ASK_AGAIN_MS := 1000
const PAUSE_SECONDS := 5.0

var hunt := GemHunt.new()
## This player.
var my_id := ""
## Who decides. As the signals tell it, not as get_current_room() does: that one is a few events ahead of them.
var host_id := ""
## The other players, by id.
var friends: Dictionary = {}

var _rooms := AeThexCloud.multiplayer
## When a gem was asked for, in milliseconds, by its id.
var _asked: Dictionary = {}
var _pause := Timer.new()

@onready var world: World = $World
@onready var player: Player = $World/Player


func _ready() -> void:
	player.area = AREA
	player.marked = true
	world.gem_touched.connect(_on_gem_touched)
	_pause.one_shot = true
	_pause.timeout.connect(_begin_round)
	add_child(_pause)
	_rooms.room_joined.connect(_on_room_joined)
	_rooms.room_rejoined.connect(_on_room_rejoined)
	_rooms.room_left.connect(_on_room_left)
	_rooms.player_joined.connect(_on_player_joined)
	_rooms.player_left.connect(_on_player_left)
	_rooms.player_connection_changed.connect(_on_player_connection_changed)
	_rooms.player_state_received.connect(_on_player_state_received)
	_rooms.message_received.connect(_on_message_received)
	_rooms.host_changed.connect(_on_host_changed)
	_rooms.connection_changed.connect(connection_changed.emit)
	_show(false)


func _process(_delta: float) -> void:
	_rooms.send_state({"position": player.position, "facing": player.facing, "hat": player.hat})


func leave() -> void:
	await _rooms.leave_room()


func is_host() -> bool:
	return host_id == my_id


## How somebody looks: this player, or another one. Null when there is no such player.
func avatar(player_id: String) -> Avatar:
	return player if player_id == my_id else friends.get(player_id)


func _on_room_joined(room: AeThexRoom) -> void:
	hunt = GemHunt.new()
	my_id = AeThexCloud.auth.get_current_user().id
	host_id = room.host_id
	for who in room.players:
		if who.player_id == my_id:
			player.title = who.username
			player.colour = Avatar.TINTS[who.seat % Avatar.TINTS.size()]
			player.position = AREA.get_center() + Vector2(120, 0).rotated(TAU * who.seat / 4.0)
		else:
			_add(who)
	_show(true)
	joined.emit(room)
	if is_host():
		_begin_round()
	_show_hunt()


## The relay was started again, or this player was away for long: messages may be lost, so what counts is told anew.
func _on_room_rejoined(_room_id: String, _messages_lost: int) -> void:
	host_id = _rooms.get_current_room().host_id
	if is_host():
		_tell_hunt("others")
	else:
		_rooms.send_message({"ask": "hunt"}, {"to": "host"})


func _on_room_left(_room_id: String, reason: String) -> void:
	for friend: Friend in friends.values():
		friend.queue_free()
	friends.clear()
	_pause.stop()
	_show(false)
	left.emit(reason)


func _on_player_joined(who: AeThexRoomPlayer) -> void:
	_add(who)
	told.emit("%s joined" % who.username)
	changed.emit()
	# Messages from before do not come to who joins late.
	if is_host():
		_tell_hunt(who.player_id)


func _on_player_left(player_id: String, reason: String) -> void:
	var friend: Friend = friends.get(player_id)
	if friend == null:
		return
	friends.erase(player_id)
	friend.queue_free()
	told.emit("%s %s" % [friend.title, "lost the connection" if reason == "timed_out" else "left"])
	changed.emit()


func _on_player_connection_changed(player_id: String, connected: bool) -> void:
	if friends.has(player_id):
		friends[player_id].connected = connected
		changed.emit()
		if connected and is_host():
			_tell_hunt(player_id)


func _on_player_state_received(player_id: String, _state: Variant) -> void:
	# The friend's interpolator moves it; here it only begins to be seen.
	if friends.has(player_id):
		friends[player_id].show()


func _on_message_received(player_id: String, message: Variant, _channel: int) -> void:
	if not message is Dictionary:
		return
	if message.has("hunt") and player_id == host_id:
		if hunt.take_over(message.hunt):
			_show_hunt()
	elif message.has("take") and is_host():
		if message.take is int:
			_take(message.take, player_id)
	elif message.has("ask") and is_host():
		_tell_hunt(player_id)


## The hunt goes on with another host: with this player, perhaps.
func _on_host_changed(player_id: String) -> void:
	if player_id == host_id:
		return
	host_id = player_id
	_asked.clear()
	_pause.stop()
	if is_host():
		told.emit("You are the host now")
		_continue()
	elif friends.has(player_id):
		told.emit("%s is the host now" % friends[player_id].title)
	changed.emit()


func _on_gem_touched(id: int) -> void:
	if _rooms.transport() == "":
		# A host who is cut off would take all gems.
		return
	if is_host():
		_take(id, my_id)
	elif Time.get_ticks_msec() - _asked.get(id, -ASK_AGAIN_MS) >= ASK_AGAIN_MS:
		_asked[id] = Time.get_ticks_msec()
		_rooms.send_message({"take": id}, {"to": "host"})


## As the host: gives a gem to who stands there, if it is still there.
func _take(id: int, player_id: String) -> void:
	var who := avatar(player_id)
	if who == null or not hunt.gems.has(id) or who.position.distance_to(hunt.gems[id]) > REACH_OF_OTHERS:
		return
	hunt.take(id, player_id)
	_continue()


## As the host: a fresh round.
func _begin_round() -> void:
	hunt.begin_round()
	_continue()


## As the host: what the rules ask for, told to all.
func _continue() -> void:
	if hunt.rounds == 0:
		hunt.begin_round()
	hunt.fill(world.clear_place.bind(AREA))
	if hunt.winner != "":
		_pause.start(PAUSE_SECONDS)
	_tell_hunt("others")
	_show_hunt()


## As the host.
func _tell_hunt(to: String) -> void:
	_rooms.send_message({"hunt": hunt.to_dictionary()}, {"to": to})


func _show_hunt() -> void:
	world.gems = hunt.gems
	for id: int in _asked.keys():
		if not hunt.gems.has(id):
			_asked.erase(id)
	changed.emit()


func _add(who: AeThexRoomPlayer) -> void:
	if friends.has(who.player_id) or who.player_id == my_id:
		return
	var friend := Friend.new(who)
	friend.colour = Avatar.TINTS[who.seat % Avatar.TINTS.size()]
	friends[who.player_id] = friend
	world.add_child(friend)


func _show(shown: bool) -> void:
	visible = shown
	process_mode = Node.PROCESS_MODE_INHERIT if shown else Node.PROCESS_MODE_DISABLED
	if shown:
		($Camera as Camera2D).make_current()

