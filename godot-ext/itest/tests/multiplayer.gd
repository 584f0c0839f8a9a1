## Rooms as one player sees them; what more players do is in rooms/. Seed: `AeThexCloud.multiplayer`.
extends RefCounted


func test_a_room(kit: Kit) -> void:
	await kit.new_player()
	var rooms := AeThexCloud.multiplayer
	var joined: Array = []
	var left: Array = []
	var on_joined := func(room: AeThexRoom) -> void: joined.append(room)
	var on_left := func(room_id: String, reason: String) -> void: left.append([room_id, reason])
	rooms.room_joined.connect(on_joined)
	rooms.room_left.connect(on_left)
	kit.check(rooms.get_current_room() == null and rooms.create_peer() == null, "no room at first")
	var name := kit.fresh("room").left(60)
	var made: AeThexResult = await rooms.create_room({
		"name": name, "mode": "duel", "max_players": 3, "metadata": {"map": "bridge", "round": 2}, "tick_ms": 16,
	})
	if not kit.succeeded(made, "create_room"):
		return
	kit.equal([made.room.name, made.room.mode, made.room.max_players], [name, "duel", 3], "as asked")
	kit.equal(made.room.metadata, {"map": "bridge", "round": 2}, "metadata")
	kit.equal(made.room.code.length(), 6, "a code")
	kit.equal(made.room.players.size(), 1, "players")
	kit.check(rooms.is_host(), "its maker is the host")
	kit.equal(joined.size(), 1, "room_joined")
	var listed: AeThexResult = await rooms.list_rooms({"name": name})
	kit.equal(listed.size(), 1, "listed")
	for room: AeThexRoom in listed:
		kit.equal(room.id, made.room.id, "the same room")
	kit.equal((await rooms.get_room(made.room.id)).room.code, made.room.code, "get_room")
	var again: AeThexResult = await rooms.join_room(made.room.room_id)
	kit.succeeded(again, "joining the current room again does nothing")
	var changed: AeThexResult = await rooms.update({"locked": true, "metadata": {"map": "tower"}})
	kit.check(changed.success and changed.room.locked, "update: %s" % changed)
	kit.succeeded(rooms.send_state({"position": Vector2(1, 2), "health": 7}), "send_state")
	kit.succeeded(rooms.send_message({"shot": 1}), "send_message")
	kit.succeeded(rooms.set_interest(PackedStringArray()), "set_interest")
	kit.failed_with(rooms.set_interest([7]), AeThexCloud.ERROR_INVALID_ARGUMENT, "no id")
	kit.succeeded(rooms.clear_interest(), "clear_interest")
	var peer: MultiplayerPeer = rooms.create_peer()
	kit.equal(peer.get_unique_id(), 1, "the host's id")
	kit.equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_CONNECTED, "the host is connected")
	kit.check(rooms.transport() in ["quic", "websocket"], "a transport: %s" % rooms.transport())
	await kit.wait(0.2)
	kit.check(rooms.server_time_us() > 0, "the relay's time")
	kit.succeeded(await rooms.leave_room(), "leave_room")
	await kit.next_frame()
	kit.equal(left, [[made.room.id, "left"]], "room_left")
	kit.equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_DISCONNECTED, "the peer ended")
	kit.failed_with(rooms.send_state({}), AeThexCloud.ERROR_NOT_IN_ROOM, "no room any more")
	rooms.room_joined.disconnect(on_joined)
	rooms.room_left.disconnect(on_left)


func test_what_is_wrong_is_told(kit: Kit) -> void:
	await kit.new_player()
	var rooms := AeThexCloud.multiplayer
	for refused: Array in [
		[await rooms.create_room({"max_player": 3}), "an unknown key"],
		[await rooms.create_room(3), "no dictionary"],
		[await rooms.create_room({"metadata": {"node": rooms}}), "an object"],
		[await rooms.join_room("nowhere"), "no id"],
		[await rooms.join_room(null), "null"],
		[await rooms.matchmaking.join_queue({"mode": 3}), "a mode that is a number"],
		[await rooms.presence.get_presences("everyone"), "players that are no array"],
		[await rooms.chat.report({}), "an empty report"],
		[await rooms.matchmaking.report_result("x", {}), "no match"],
	]:
		kit.failed_with(refused[0], AeThexCloud.ERROR_INVALID_ARGUMENT, refused[1])
	kit.failed_with(await rooms.join_by_code("222222"), AeThexCloud.ERROR_ROOM_NOT_FOUND, "no such code")
	kit.failed_with(await rooms.update({"locked": true}), AeThexCloud.ERROR_NOT_IN_ROOM, "update without a room")
	kit.failed_with(rooms.send_message(1), AeThexCloud.ERROR_NOT_IN_ROOM, "a message without a room")
	kit.succeeded(await rooms.leave_room(), "leaving no room")


func test_parties_and_presence(kit: Kit) -> void:
	await kit.new_player()
	var rooms := AeThexCloud.multiplayer
	var made: AeThexResult = await rooms.parties.create()
	kit.check(made.success and made.party.players.size() == 1, "create: %s" % made)
	kit.check((await rooms.parties.set_ready(true)).party.players[0].ready, "ready")
	kit.succeeded(await rooms.parties.leave(), "leave")
	kit.equal((await rooms.parties.current()).party, null, "no party")
	var shown: AeThexResult = await rooms.presence.set_presence({"availability": "away", "status": "tea", "data": {"level": 2}})
	kit.check(shown.success and shown.presence.availability == "away", "set_presence: %s" % shown)
	kit.equal((await rooms.invites.list()).size(), 0, "no invitations")


func test_chat(kit: Kit) -> void:
	await kit.new_player()
	var rooms := AeThexCloud.multiplayer
	var channel: String = "party:" + (await rooms.parties.create()).party.id
	var said: AeThexResult = await rooms.chat.send(channel, "hello")
	kit.check(said.success and said.message.text == "hello", "send: %s" % said)
	kit.equal((await rooms.chat.history(channel)).size(), 1, "history")
	kit.succeeded(await rooms.chat.mark_read(channel, said.message.id), "mark_read")
	var edited: AeThexResult = await rooms.chat.edit(channel, said.message.id, "hello!")
	kit.check(edited.success and edited.message.text == "hello!", "edit: %s" % edited)
	kit.succeeded(await rooms.chat.delete(channel, said.message.id), "delete")
	kit.equal((await rooms.chat.blocked()).size(), 0, "nobody blocked")


func test_the_interpolator(kit: Kit) -> void:
	var between := AeThexInterpolator.new()
	between.add_state({"position": Vector2(0, 0), "rotation": 3.0, "name": "a"}, 1_000_000)
	between.add_state({"position": Vector2(10, 0), "rotation": -3.0, "name": "b"}, 1_100_000)
	var middle := between.state_at(1_050_000)
	kit.check(middle.position.is_equal_approx(Vector2(5, 0)), "half way: %s" % middle.position)
	kit.check(absf(absf(wrapf(middle.rotation, -PI, PI)) - PI) < 0.001, "the short way around: %f" % middle.rotation)
	kit.equal(middle.name, "a", "a text changes when its time comes")
	kit.equal(between.state_at(2_000_000).position, Vector2(10, 0), "the newest stays")
	kit.equal(between.state_at(1).position, Vector2(0, 0), "the oldest before")
	between.snap_distance = 5.0
	kit.equal(between.state_at(1_099_999).position, Vector2(0, 0), "a jump is not glided")
	kit.equal(between.state_at(1_100_000).position, Vector2(10, 0), "it happens at once")
	between.clear()
	between.add_state({"turn": Quaternion.IDENTITY}, 0)
	between.add_state({"turn": Quaternion(Vector3.UP, 1.0)}, 100)
	kit.check(between.state_at(50).turn.is_equal_approx(Quaternion(Vector3.UP, 0.5)), "slerp")
	between.add_state({"turn": Quaternion(Vector3.UP, 0.4)}, 50)
	kit.check(between.state_at(50).turn.is_equal_approx(Quaternion(Vector3.UP, 0.4)), "what came late has its place")
	between.target = Node2D.new()
	between.properties = ["position"]
	between.apply({"position": Vector2(1, 2), "visible": false, "nothing": 1, 3: 4})
	kit.equal([between.target.position, between.target.visible], [Vector2(1, 2), true], "only what was named is set")
	between.target.free()
	between.free()
