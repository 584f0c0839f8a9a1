## A game of three players, each in a process of its own, over AeThexMultiplayerPeer.
##
## `godot --headless --path godot-ext/itest res://rooms/rooms.tscn -- --server URL --data DIR --meet FILE ROLE`
## ROLE host: makes the room, writes its code into FILE, and leaves when everybody is done. join: joins at once. late:
## joins when host and join are at play. Each prints `ROOMS …` lines and, when all went well, `ROOMS OK`.
##
## States and messages, remote calls (all modes, to one and to all), a spawner, a synchronizer, a late joiner, and
## the host's leave are played through.
extends Node

const PLAYERS := 3
const NUMBERS := 50
const TIME_MAX := 90.0

var role := ""
var meet := ""
var rooms := AeThexCloud.multiplayer
## Numbers by the player id of who sent them, in the order they came.
var numbers := {}
var youngest := {}
var echoes := 0
var states := {}
var messages := {}
var done := {}
var migrated := false
var after := {}
var last_host_was := 0

@onready var spawner: MultiplayerSpawner = $Spawner


func _ready() -> void:
	var arguments := OS.get_cmdline_user_args()
	var option := func(name: String) -> String: return arguments[arguments.find(name) + 1]
	role = arguments[-1]
	meet = option.call("--meet")
	get_tree().create_timer(TIME_MAX).timeout.connect(fail.bind("took too long"))
	var settings := {"server_url": option.call("--server"), "data_dir": option.call("--data"), "credentials": "file"}
	if "--key" in arguments:
		settings.client_key = option.call("--key")
	AeThexCloud.configure(settings)
	spawner.spawn_function = make_avatar
	rooms.player_state_received.connect(func(player_id: String, state: Variant) -> void: states[player_id] = state)
	rooms.message_received.connect(func(player_id: String, message: Variant, _channel: int) -> void: messages[player_id] = message)
	rooms.host_migrated.connect(on_host_migrated)
	if not need(await AeThexCloud.auth.login_guest(), "login"):
		return
	if not await enter():
		return
	print("ROOMS in the room as ", role)
	connect_peer()
	multiplayer.peer_connected.connect(on_peer_connected)
	if role == "late":
		await until(func() -> bool: return $Avatars.get_child_count() == PLAYERS, "the avatars of those who were there")
		print("ROOMS late: all avatars")
	await play()


## True when the player is in the room.
func enter() -> bool:
	if role == "host":
		var made: AeThexResult = await rooms.create_room({"name": "Rooms", "max_players": 8, "tick_ms": 16})
		if not need(made, "create_room"):
			return false
		write(meet, made.room.code)
		return true
	await until(func() -> bool: return not read(meet).is_empty(), "the room's code")
	if role == "late":
		await until(func() -> bool: return read(meet + ".playing") == "yes", "a game that is on")
	return need(await rooms.join_by_code(read(meet)), "join_by_code")


func connect_peer() -> void:
	var peer: MultiplayerPeer = rooms.create_peer()
	if peer == null:
		fail("no peer")
		return
	multiplayer.multiplayer_peer = peer
	if rooms.is_host():
		check(multiplayer.get_unique_id() == 1, "the host has id 1")
		spawner.spawn(1)


func on_peer_connected(id: int) -> void:
	print("ROOMS connected to ", id)
	if multiplayer.is_server():
		spawner.spawn(id)


func make_avatar(id: int) -> Node:
	var avatar := Node2D.new()
	avatar.name = str(id)
	var config := SceneReplicationConfig.new()
	config.add_property(^".:position")
	var synchronizer := MultiplayerSynchronizer.new()
	synchronizer.replication_config = config
	synchronizer.name = "Synchronizer"
	avatar.add_child(synchronizer)
	avatar.set_multiplayer_authority(id)
	return avatar


func _process(_delta: float) -> void:
	if multiplayer.multiplayer_peer == null or multiplayer.multiplayer_peer.get_connection_status() != MultiplayerPeer.CONNECTION_CONNECTED:
		return
	var me := $Avatars.get_node_or_null(str(multiplayer.get_unique_id()))
	if me != null and me.is_inside_tree():
		me.position = Vector2(multiplayer.get_unique_id() * 100, me.position.y + 1.0)


func play() -> void:
	# Two play from the start; the third comes into a game that is on.
	await until(func() -> bool: return multiplayer.get_peers().size() >= (2 if role == "late" else 1), "others")
	if role == "host":
		write(meet + ".playing", "yes")
	await until(func() -> bool: return multiplayer.get_peers().size() == PLAYERS - 1, "everybody")
	await until(all_move, "avatars that move")
	print("ROOMS avatars move")
	for number in NUMBERS:
		take.rpc(number)
		take_youngest.rpc(number)
		if number % 10 == 0:
			await get_tree().process_frame
	take_large.rpc("x".repeat(20_000))
	if not multiplayer.is_server():
		ask.rpc_id(1, 20)
		ask.rpc_id(1, 22)
	rooms.send_message({"from": role})
	await until(heard_all, "numbers, echoes, states and messages")
	for sender: int in numbers:
		check(numbers[sender] == range(NUMBERS), "in order from %d: %s" % [sender, numbers[sender]])
	print("ROOMS calls: all, once, in order")
	if role == "host":
		await until(func() -> bool: return done.size() == PLAYERS - 1, "the others' last word")
		need(await rooms.leave_room(), "leave_room")
		end()
		return
	say_done.rpc_id(1)
	await until(func() -> bool: return migrated, "another host")
	await until(func() -> bool: return multiplayer.get_peers().size() == PLAYERS - 2, "who stayed")
	say_after.rpc(role)
	await until(func() -> bool: return after.size() == PLAYERS - 2, "a call after the migration")
	await until(func() -> bool: return $Avatars.get_child_count() == PLAYERS - 1, "avatars of the new host")
	print("ROOMS migrated: id ", multiplayer.get_unique_id())
	say_bye.rpc()
	await get_tree().create_timer(1.0).timeout
	end()


func all_move() -> bool:
	rooms.send_state({"position": Vector2(1, 2), "role": role})
	var avatars := $Avatars.get_children()
	return avatars.size() == PLAYERS and avatars.all(func(avatar: Node2D) -> bool:
		return avatar.position.x == avatar.name.to_int() * 100 and avatar.position.y > 5.0)


func heard_all() -> bool:
	rooms.send_state({"position": Vector2(1, 2), "role": role})
	var others := PLAYERS - 1
	var full := numbers.values().filter(func(heard: Array) -> bool: return heard.size() >= NUMBERS)
	return (full.size() == others and states.size() == others and messages.size() == others
		and large == others and (multiplayer.is_server() or echoes == 42))


var large := 0


@rpc("any_peer", "call_remote", "reliable")
func take(number: int) -> void:
	numbers.get_or_add(multiplayer.get_remote_sender_id(), []).append(number)


@rpc("any_peer", "call_remote", "unreliable_ordered")
func take_youngest(number: int) -> void:
	var sender := multiplayer.get_remote_sender_id()
	check(number > youngest.get(sender, -1), "never an older one: %d" % number)
	youngest[sender] = number


@rpc("any_peer", "call_remote", "reliable")
func take_large(text: String) -> void:
	check(text.length() == 20_000, "a large call is whole")
	large += 1


@rpc("any_peer", "call_remote", "reliable")
func ask(number: int) -> void:
	echo.rpc_id(multiplayer.get_remote_sender_id(), number)


@rpc("authority", "call_remote", "reliable")
func echo(number: int) -> void:
	echoes += number


@rpc("any_peer", "call_remote", "reliable")
func say_done() -> void:
	done[multiplayer.get_remote_sender_id()] = true


@rpc("any_peer", "call_remote", "reliable")
func say_after(who: String) -> void:
	after[who] = true


@rpc("any_peer", "call_remote", "reliable")
func say_bye() -> void:
	pass


func on_host_migrated(new_host_is_me: bool) -> void:
	print("ROOMS host migrated, is me: ", new_host_is_me)
	for avatar in $Avatars.get_children():
		avatar.free()
	connect_peer()
	check(multiplayer.is_server() == new_host_is_me, "the new host is the server")
	migrated = true


var _ended := false


func need(result: AeThexResult, what: String) -> bool:
	return check(result.success, "%s: %s" % [what, result])


func check(is_so: bool, what: String) -> bool:
	if not is_so:
		fail(what)
	return is_so


func fail(what: String) -> void:
	if not _ended:
		_ended = true
		print("ROOMS FAILED ", role, ": ", what, " peers ", multiplayer.get_peers(), " avatars ", $Avatars.get_children(),
			" states ", states.size(), " messages ", messages.size(), " large ", large, " echoes ", echoes,
			" numbers ", numbers.values().map(func(heard: Array) -> int: return heard.size()))
		get_tree().quit(1)


func end() -> void:
	if not _ended:
		_ended = true
		print("ROOMS OK")
		get_tree().quit()


func until(is_so: Callable, what: String) -> void:
	var deadline := Time.get_ticks_msec() + 60_000
	while not _ended and not is_so.call():
		if Time.get_ticks_msec() > deadline:
			fail("waited for " + what)
			return
		await get_tree().process_frame


func write(path: String, text: String) -> void:
	var file := FileAccess.open(path + ".new", FileAccess.WRITE)
	file.store_string(text)
	file.close()
	DirAccess.rename_absolute(path + ".new", path)


func read(path: String) -> String:
	return FileAccess.get_file_as_string(path) if FileAccess.file_exists(path) else ""
