## A game of two players who have never heard of each other, each in a process of its own.
##
## `godot --headless --path godot-ext/itest -s res://meet.gd -- --server URL --data DIR MODE [ROOM]`
## MODE match: runs the multiplayer snippet of the first design, word for word, and plays until both have seen each
## other. join: joins ROOM, which others are in who are no Godot games. Prints `MEET OK` at the end.
extends SceneTree

const TIME_MAX := 60.0
## How long one goes on for the other's sake.
const AFTER_MS := 1500

var rooms := AeThexCloud.multiplayer
var player := Avatar.new()
var others := {}
var said := {}


class Avatar:
	extends Node3D
	var health := 100


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var option := func(name: String) -> String: return arguments[arguments.find(name) + 1]
	create_timer(TIME_MAX).timeout.connect(fail.bind("took too long"))
	AeThexCloud.configure({
		"server_url": option.call("--server"), "data_dir": option.call("--data"), "credentials": "file",
	})
	root.add_child(player)
	var login: AeThexResult = await AeThexCloud.auth.login_guest()
	if not login.success:
		return fail(login.error.message)
	# As far from the middle as this process's number, so that one is told from the other.
	player.position = Vector3(OS.get_process_id(), 1, 2)
	player.rotation = Vector3(0, 0.5, 0)
	if arguments.find("match") >= 0:
		await play_snippet()
	else:
		await join(option.call("join"))


func play_snippet() -> void:
	var text := FileAccess.get_file_as_string("res://seed/multiplayer.txt")
	var script := GDScript.new()
	script.source_code = "extends Node\nvar player\nfunc run():\n" + text.indent("\t")
	if script.reload() != OK:
		return fail("the snippet does not parse")
	var scene: Node = script.new()
	scene.player = player
	root.add_child(scene)
	var known := func(who: AeThexRoomPlayer) -> void:
		if others.has(who.player_id):
			return
		others[who.player_id] = Node3D.new()
		others[who.player_id].name = "Player_" + who.player_id
		scene.add_child(others[who.player_id])
	rooms.player_joined.connect(known)
	rooms.room_joined.connect(func(room: AeThexRoom) -> void:
		for who: AeThexRoomPlayer in room.players:
			known.call(who))
	await scene.run()
	var seen := func() -> bool: return others.values().any(func(other: Node3D) -> bool:
		return other.position.x != 0.0 and other.position.x != player.position.x and is_equal_approx(other.rotation.y, 0.5))
	await play_until(seen)
	print("MEET OK")
	quit()


func join(room: String) -> void:
	rooms.message_received.connect(func(player_id: String, message: Variant, _channel: int) -> void: said[player_id] = message)
	rooms.player_state_received.connect(func(player_id: String, state: Variant) -> void: others[player_id] = state)
	var joined: AeThexResult = await rooms.join_room(room)
	if not joined.success:
		return fail(joined.error.message)
	await play_until(func() -> bool: return not others.is_empty() and not said.is_empty())
	for state: Dictionary in others.values():
		if state != {"position": Vector2(1.5, 2.5), "score": 7}:
			return fail("another state: %s" % var_to_str(state))
	if said.values() != ["hello from a browser"]:
		return fail("another message: %s" % var_to_str(said))
	rooms.send_message({"hello": "from Godot", "at": Vector3(1, 2, 3)})
	await play_until(func() -> bool: return false, AFTER_MS)
	print("MEET OK")
	quit()


## Sends this player's state in every frame until `done`, and for a while after it.
func play_until(done: Callable, at_most_ms := 1 << 30) -> void:
	var began := Time.get_ticks_msec()
	var done_at := 0
	while Time.get_ticks_msec() - began < at_most_ms:
		await process_frame
		rooms.send_state({"position": player.position, "rotation": player.rotation, "health": player.health})
		if done_at == 0 and done.call():
			done_at = Time.get_ticks_msec()
		if done_at > 0 and Time.get_ticks_msec() - done_at > AFTER_MS:
			return


func fail(why: String) -> void:
	print("MEET FAILED: ", why)
	quit(1)
