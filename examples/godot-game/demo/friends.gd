## Plays together with others by itself, each in a process of its own: `--together match` in a quick match; `--together
## create` and `--together join` in a room whose code is passed on in the file `--meet FILE`. `--players N` (2) play.
##
## Everyone walks, takes gems, and greets in the chat. When all have seen all others do so the host leaves, and the hunt
## goes on with another host. Prints `demo: …` lines and ends as demo.gd does.
extends "res://demo/demo.gd"

const GREETING := "Hello!"
const ENOUGH := "That was fun!"
const BYE := "Bye!"
const GEMS_EACH := 2
## A friend who went so far was seen walking.
const WALKED := 60.0
## For pictures the game goes on for a while.
const PICTURE_SECONDS := 12.0

var meadow: SharedMeadow
## What each has said, by player id.
var heard: Dictionary = {}
var _seen_at: Dictionary = {}
var _walked: Dictionary = {}
var _walking := false
var _ended := false


func _ready() -> void:
	super()
	Engine.time_scale = 1.0
	Engine.max_fps = 30
	meadow = main.together.meadow
	walker = meadow.player
	meadow.told.connect(func(text: String) -> void: print("demo: ", text))
	meadow.connection_changed.connect(func(transport: String) -> void: print("demo: connection: ", transport))
	main.together.hud.chat.heard.connect(func(message: AeThexChatMessage) -> void:
		heard[message.from_id] = heard.get(message.from_id, []) + [message.text])


func play() -> void:
	main.login_dialog.hide()
	arguments.configure_cloud()
	if not await log_in() or not await enter():
		return
	main.together.hud.chat.say(GREETING)
	walk_about()
	if not await until(func() -> bool: return meadow.friends.size() == arguments.players - 1, "others"):
		return
	print("demo: plays with %s" % ", ".join(names()))
	if not await until(all_seen, "all others walking, and gems taken"):
		return
	print("demo: sees %s walk, and has %d gems" % [", ".join(names()), meadow.hunt.score(meadow.my_id)])
	if not arguments.screenshots.is_empty():
		await get_tree().create_timer(PICTURE_SECONDS).timeout
	await picture("room-%s" % arguments.demo)
	main.together.hud.chat.say(ENOUGH)
	if meadow.is_host():
		await leave_as_host()
	else:
		await go_on_without_host()


func log_in() -> bool:
	var made: AeThexResult = await AeThexCloud.auth.register_email(email(), PASSWORD, arguments.demo.capitalize())
	if not made.success:
		made = await AeThexCloud.auth.login_email(email(), PASSWORD)
	return check(made, "log in")


## Into the room, by the same ways that the buttons go.
func enter() -> bool:
	var lobby: Lobby = main.together.lobby
	if not arguments.hat.is_empty():
		main.player.hat = arguments.hat
	main._on_together_pressed()
	await picture("lobby-%s" % arguments.demo)
	match arguments.together:
		"create":
			await lobby.create_room()
			write_code(AeThexCloud.multiplayer.get_current_room().code)
		"join":
			await until(func() -> bool: return FileAccess.file_exists(arguments.meet), "the room's code")
			await lobby.join_by_code(FileAccess.get_file_as_string(arguments.meet))
		"match":
			AeThexCloud.multiplayer.matchmaking.match_proposed.connect(accept)
			lobby.quick_match(arguments.players)
	if not await until(func() -> bool: return AeThexCloud.multiplayer.get_current_room() != null, "a room"):
		return false
	print("demo: is in room ", AeThexCloud.multiplayer.get_current_room().code)
	return true


## In queues whose rules ask for it.
func accept(_match_info: AeThexMatch) -> void:
	await picture("accept-%s" % arguments.demo)
	print("demo: accepts the match")
	main.together.lobby.answer(true)


func write_code(code: String) -> void:
	var file := FileAccess.open(arguments.meet + ".new", FileAccess.WRITE)
	file.store_string(code)
	file.close()
	DirAccess.rename_absolute(arguments.meet + ".new", arguments.meet)


## From gem to gem, until the end.
func walk_about() -> void:
	_walking = true
	while not _ended:
		if not meadow.hunt.gems.is_empty():
			await walk_to(meadow.hunt.gems.values().pick_random())
		await get_tree().process_frame
	_walking = false


## All others were seen walking and heard, and this player has gems.
func all_seen() -> bool:
	for id: String in meadow.friends:
		var friend: Friend = meadow.friends[id]
		if friend.visible:
			var before: Vector2 = _seen_at.get_or_add(id, friend.position)
			_walked[id] = maxf(_walked.get(id, 0.0), before.distance_to(friend.position))
	var walked := meadow.friends.keys().all(func(id: String) -> bool: return _walked.get(id, 0.0) > WALKED)
	return walked and all_said(GREETING) and (meadow.hunt.rounds > 1 or meadow.hunt.score(meadow.my_id) >= GEMS_EACH)


func all_said(words: String) -> bool:
	return meadow.friends.keys().all(func(id: String) -> bool: return words in heard.get(id, []))


func leave_as_host() -> void:
	if await until(all_said.bind(ENOUGH), "the others' word"):
		print("demo: leaves as the host")
		await end()


func go_on_without_host() -> void:
	var host := meadow.host_id
	if not await until(func() -> bool: return meadow.host_id != host and not meadow.friends.has(host), "another host"):
		return
	var before := meadow.hunt.scores.duplicate()
	var rounds := meadow.hunt.rounds
	if not await until(func() -> bool: return meadow.hunt.scores != before, "a hunt that goes on"):
		return
	print("demo: the hunt of round %d goes on%s" % [rounds, " by this host" if meadow.is_host() else ""])
	main.together.hud.chat.say(BYE)
	if await until(all_said.bind(BYE), "the others' goodbye"):
		await end()


func end() -> void:
	_ended = true
	if not await until(func() -> bool: return not _walking, "the end of the walk"):
		return
	await meadow.leave()
	print("DEMO OK")
	get_tree().quit(0)


func names() -> Array:
	return meadow.friends.values().map(func(friend: Friend) -> String: return friend.title)


## Waits until it is so; the time is limited as a whole.
func until(is_so: Callable, what: String) -> bool:
	var deadline := Time.get_ticks_msec() + int(TIMEOUT_SECONDS * 1000.0)
	while not is_so.call():
		if Time.get_ticks_msec() > deadline:
			return fail("waited for %s; heard %s, seen walking %s" % [what, heard, _walked])
		await get_tree().process_frame
	return true
