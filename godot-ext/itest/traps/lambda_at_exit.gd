## Regression: lambdas without `self`, connected to signals of the singleton, and calls still awaited when
## the game ends. Without care they are freed after their language, which corrupts the heap.
## Expected: prints TRAP OK, exit code 7, nothing about leaks or crashes.
extends SceneTree


func _initialize() -> void:
	# The system's keyring is asked here: its client keeps threads, which must not run on in a library that
	# the engine has unloaded.
	AeThexCloud.configure({"server_url": "http://127.0.0.1:9", "data_dir": "user://trap-%d" % OS.get_process_id()})
	AeThexCloud.online_changed.connect(func(_online: bool) -> void: print("never in time"))
	AeThexCloud.auth.logged_in.connect(func(user: AeThexUser) -> void: print(user))
	AeThexCloud.auth.logged_out.connect(func() -> void: print("out"))
	AeThexCloud.saves.conflict.connect(func(slot: String, info: AeThexConflict) -> void:
		print("Conflict! ", slot, info)
		AeThexCloud.saves.resolve(slot, "local")
	)
	AeThexCloud.multiplayer.matchmaking.match_found.connect(func(match_info: AeThexMatch) -> void:
		AeThexCloud.multiplayer.join_room(match_info.room_id)
	)
	AeThexCloud.multiplayer.player_state_received.connect(func(id: String, state: Variant) -> void: print(id, state))
	AeThexCloud.multiplayer.chat.message_received.connect(func(message: AeThexChatMessage) -> void: print(message))
	_wait_for_ever()
	for i in 10:
		AeThexCloud.saves.save("slot", i)
	await process_frame
	AeThexCloud.saves.list()
	print("TRAP OK")
	quit(7)


func _wait_for_ever() -> void:
	while true:
		await AeThexCloud.saves.flush(30)
