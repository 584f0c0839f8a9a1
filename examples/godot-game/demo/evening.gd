## An evening offline, played by itself in steps, each a start of the game: the pictures of the guide come from here.
##
## `--evening start` makes the account and a save. `offline`, without the server, goes on playing and saves until the
## process is killed. `elsewhere` plays on another device (`--device phone`). `home` is the first device again, with the
## server: what both did is put together. `--hat NAME` puts a hat on, about which the player is asked.
extends "res://demo/demo.gd"

const GEMS_OFFLINE := 3


func play() -> void:
	# As in demo.gd.
	(main.player.get_node("Camera") as Camera2D).position_smoothing_enabled = false
	arguments.configure_cloud(first)
	match arguments.evening:
		"start": await start()
		"offline": await offline()
		"elsewhere": await elsewhere()
		"home": await home()
		_: fail("no such step: " + arguments.evening)


func start() -> void:
	main.login_dialog.hide()
	var made: AeThexResult = await AeThexCloud.auth.register_email(email(), PASSWORD, arguments.demo)
	if check(made, "register") and check(await AeThexCloud.auth.update_profile({"display_name": arguments.demo.capitalize()}), "rename"):
		main.new_game()
		await walk_and_collect(3)
		await save_and_end()


## Never ends by itself.
func offline() -> void:
	await begin()
	for i in GEMS_OFFLINE:
		await walk_and_collect(1)
		if not check(await main.save_game(), "save"):
			return
		print("demo: saved, %d wait" % AeThexCloud.saves.pending())
	Engine.time_scale = 1.0
	await picture("offline")
	print("demo: goes on until it is killed")


func elsewhere() -> void:
	if not AeThexCloud.auth.is_logged_in() and not check(await AeThexCloud.auth.login_email(email(), PASSWORD), "log in"):
		return
	await begin()
	# Other gems than those at home.
	await walk_to(main.player.position + Vector2(-340, 160))
	await walk_and_collect(2)
	await save_and_end()


func home() -> void:
	Engine.time_scale = 1.0
	var news: Array[String] = []
	main.slot.merged.connect(func() -> void: news.append("merged"))
	AeThexCloud.saves.conflict.connect(func(_slot: String, _info: AeThexConflict) -> void: news.append("conflict"))
	await begin()
	while news.is_empty():
		await get_tree().process_frame
	print("demo: ", news[0])
	if news[0] == "conflict":
		await picture("conflict")
		for sides: Array in main.conflict_dialog._choices.values():
			(sides[0] as Button).button_pressed = true
		await picture("conflict-answered")
		main.conflict_dialog.apply()
		await main.conflict_dialog.resolved
	await picture("merged")
	if not check(await AeThexCloud.saves.flush(30.0), "flush"):
		return
	await main.history_panel.open(CloudSlot.SLOT)
	var list: ItemList = main.history_panel.get_node("%List")
	for i in main.history_panel.versions.size():
		print("demo: ", list.get_item_text(i))
	await picture("history-now")
	for i in main.history_panel.versions.size():
		if main.history_panel.versions[i].sequence == 0:
			list.select(i)
			list.item_selected.emit(i)
			break
	await picture("history")
	print("DEMO OK")
	get_tree().quit(0)


## As the game begins without the demo.
func begin() -> void:
	main._on_logged_in(AeThexCloud.auth.get_current_user())
	await main.load_game()
	if arguments.hat != "":
		main.player.hat = arguments.hat
		main.player.queue_redraw()


func save_and_end() -> void:
	if check(await main.save_game(), "save") and check(await AeThexCloud.saves.flush(30.0), "flush"):
		print("DEMO OK")
		get_tree().quit(0)
