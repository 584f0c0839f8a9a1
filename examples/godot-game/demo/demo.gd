## Plays the game by itself against a real backend: one player, two devices. Prints `demo: …` lines and ends
## with `DEMO OK` and exit code 0, or with `demo: FAILED …` and exit code 1.
##
## The second device is this same process with another data folder: it knows nothing of the first one.
extends Node

const PASSWORD := "gems in the meadow"
const SPEED_UP := 3.0
const WALK_SECONDS_MAX := 30.0
const TIMEOUT_SECONDS := 75.0
## Pictures wait for the screen, and a software renderer takes its time.
const TIMEOUT_PICTURES_SECONDS := 240.0

var main: Node
var arguments: Arguments
## Who walks.
var walker: Player
var first: String
var second: String


func _init(game: Node, with: Arguments) -> void:
	main = game
	walker = main.player
	arguments = with
	first = arguments.device if not arguments.device.is_empty() else "laptop"
	second = "phone" if first != "phone" else "tablet"


func _ready() -> void:
	Engine.max_fps = 60
	Engine.time_scale = SPEED_UP
	var limit := TIMEOUT_SECONDS if arguments.screenshots.is_empty() else TIMEOUT_PICTURES_SECONDS
	get_tree().create_timer(limit, true, false, true).timeout.connect(fail.bind("it took too long"))
	play.call_deferred()


func play() -> void:
	main.slot.merged.disconnect(main._on_merged)
	main.conflict_dialog.resolved.disconnect(main._on_resolved)
	main.login_dialog.done.disconnect(main._on_login_done)
	# On a slow machine, at this speed, the camera's smoothing would run away.
	(main.player.get_node("Camera") as Camera2D).position_smoothing_enabled = false
	arguments.configure_cloud(first)
	main.login_dialog.open()
	await picture("welcome")
	main.login_dialog.show_page(&"login")
	await picture("login")
	main.login_dialog.hide()
	if not await play_as_guest():
		return
	main.new_game()
	await walk_and_collect(3)
	if not await save_quit_load():
		return
	await picture("world")
	if not await keep_progress():
		return
	if not await two_devices():
		return
	if not await history() or not await devices():
		return
	print("DEMO OK")
	get_tree().quit(0)


## No question is asked: the player plays at once.
func play_as_guest() -> bool:
	var result: AeThexResult = await AeThexCloud.auth.login_guest()
	if not check(result, "play as a guest"):
		return false
	print("demo: plays as the guest ", result.user.username, " on the ", first)
	if not result.user.is_guest:
		# A run before this one linked the email, and left a save: begin anew.
		print("demo: which has an email since the last time")
		await AeThexCloud.saves.delete(CloudSlot.SLOT)
	return true


## The guest links an email, and keeps everything.
func keep_progress() -> bool:
	if not AeThexCloud.auth.get_current_user().is_guest:
		return true
	main.login_dialog.open()
	main.login_dialog.fill(email(), PASSWORD, arguments.demo)
	await picture("keep")
	main.login_dialog.hide()
	var linked: AeThexResult = await AeThexCloud.auth.link_email(email(), PASSWORD, arguments.demo)
	if linked.success:
		print("demo: kept the progress as ", linked.user.username)
		return check(await AeThexCloud.auth.update_profile({"display_name": arguments.demo.capitalize()}), "rename")
	if not linked.error.code in [AeThexCloud.ERROR_IDENTITY_TAKEN, AeThexCloud.ERROR_USERNAME_TAKEN]:
		return check(linked, "link the email")
	# The account is from a run on another machine: what the guest has moves into it, on top.
	var known: AeThexResult = await AeThexCloud.auth.login_email(email(), PASSWORD, {"keep_guest": true})
	if not check(known, "log in") or not check(await AeThexCloud.auth.merge_guest("guest"), "merge"):
		return false
	print("demo: the guest's meadow moved into the account of ", known.user.username)
	return check(await main.load_game(), "load after the merge")


func email() -> String:
	return arguments.demo + "@example.com"


func walk_and_collect(gems: int) -> void:
	for i in gems:
		var target: Vector2 = main.world.nearest_gem(main.player.position)
		await walk_to(target)
		print("demo: walked to %s and took a %s" % [target.round(), main.inventory[-1].kind if not main.inventory.is_empty() else "nothing"])


## Presses the keys until the player is there.
func walk_to(target: Vector2) -> void:
	var until := Time.get_ticks_msec() + int(WALK_SECONDS_MAX * 1000.0)
	while walker.position.distance_to(target) > World.REACH * 0.6 and Time.get_ticks_msec() < until:
		var way: Vector2 = (target - walker.position).normalized()
		press(&"move_left", -way.x)
		press(&"move_right", way.x)
		press(&"move_up", -way.y)
		press(&"move_down", way.y)
		await get_tree().process_frame
	for action: StringName in [&"move_left", &"move_right", &"move_up", &"move_down"]:
		Input.action_release(action)
	await get_tree().process_frame


func press(action: StringName, strength: float) -> void:
	if strength > 0.0:
		Input.action_press(action, strength)
	else:
		Input.action_release(action)


func save_quit_load() -> bool:
	var before: Dictionary = main.snapshot()
	var saved: AeThexResult = await main.save_game()
	if not check(saved, "save"):
		return false
	print("demo: saved %d gems at %s, version %d" % [before.inventory.size(), before.position.round(), saved.version.sequence])
	# What a new start does: nothing in memory, the session from the disk.
	main.restore({"inventory": [], "position": Vector2.ZERO})
	arguments.configure_cloud(first)
	if not AeThexCloud.auth.is_logged_in():
		return fail("the session was not restored")
	var loaded: AeThexResult = await main.load_game()
	if not check(loaded, "load"):
		return false
	var after: Dictionary = main.snapshot()
	if not (loaded.data.position is Vector2) or after.position != before.position or after.inventory != before.inventory:
		return fail("what was loaded is not what was saved")
	print("demo: started again and loaded %d gems at %s (%s)" % [after.inventory.size(), after.position.round(), type_string(typeof(loaded.data.position))])
	return true


## The phone goes on from the save and saves; the laptop went on too. Everything is merged but the hat.
func two_devices() -> bool:
	arguments.configure_cloud(second)
	var kept: Dictionary = main.snapshot()
	var result: AeThexResult = await AeThexCloud.auth.login_email(email(), PASSWORD)
	if not check(result, "log in on the " + second) or not check(await main.load_game(), "load on the " + second):
		return false
	var common: Dictionary = main.snapshot()
	if common.inventory != kept.inventory or common.gems_left != kept.gems_left:
		return fail("the %s has another game" % second)
	print("demo: the ", second, " has the same game")
	await walk_and_collect(2)
	main.player.hat = "blue"
	await picture("phone")
	if not check(await main.save_game(), "save on the " + second):
		return false
	var theirs: Dictionary = main.snapshot()
	print("demo: the %s saved %d gems and a %s hat" % [second, theirs.inventory.size(), theirs.hat])

	arguments.configure_cloud(first)
	main.restore(common)
	await walk_to(main.player.position + Vector2(-220, 140))
	await walk_and_collect(2)
	main.player.hat = "gold"
	var mine: Dictionary = main.snapshot()
	await get_tree().process_frame
	var refused: AeThexResult = await main.save_game()
	if refused.success or refused.error.code != AeThexCloud.ERROR_SAVES_CONFLICT:
		return fail("the second save met no conflict")
	return await choose(mine, theirs)


## The dialog opened by itself, and asks about the hat only.
func choose(mine: Dictionary, theirs: Dictionary) -> bool:
	for i in 300:
		if main.conflict_dialog.visible:
			break
		await get_tree().process_frame
	if not main.conflict_dialog.visible:
		return fail("nobody was asked")
	var info: AeThexConflict = main.conflict_dialog.info
	if info.paths.size() != 1 or info.paths[0].path != "hat":
		return fail("asked about %s" % [info.paths])
	print("demo: conflict: %d gems here, %d in the cloud by the %s; asked about: %s" % [info.local.inventory.size(), info.cloud.inventory.size(), info.head.device_name, info.paths[0].path])
	await picture("conflict")
	(main.conflict_dialog._choices["hat"][0] as Button).button_pressed = true
	main.conflict_dialog.apply()
	await main.conflict_dialog.resolved
	if not check(await main.load_game(), "load the merge"):
		return false
	var both: Dictionary = main.snapshot()
	for gem: Dictionary in mine.inventory + theirs.inventory:
		if both.inventory.count(gem) != 1:
			return fail("a gem is not in the bag once: %s" % gem)
	if both.hat != "gold" or both.inventory.size() <= mine.inventory.size():
		return fail("the merged game is another one")
	print("demo: kept the gems of both: %d, and the %s hat" % [both.inventory.size(), both.hat])
	return true


func history() -> bool:
	var versions: AeThexResult = await AeThexCloud.saves.history(CloudSlot.SLOT)
	if not check(versions, "history"):
		return false
	for version: AeThexSave in versions:
		if version.deleted:
			break
		var place := "%d" % version.sequence if version.sequence > 0 else "beside"
		print("demo: version %s: by the %s, %d bytes" % [place, version.device_name, version.size])
	if not arguments.screenshots.is_empty():
		await main.history_panel.open(CloudSlot.SLOT)
		(main.history_panel.get_node("%List") as ItemList).select(versions.size() - 1)
		(main.history_panel.get_node("%List") as ItemList).item_selected.emit(versions.size() - 1)
		await picture("history")
		main.history_panel.hide()
	return true


## Where the player is logged in, and the end of the other logins.
func devices() -> bool:
	var sessions: AeThexResult = await AeThexCloud.auth.get_sessions()
	if not check(sessions, "sessions"):
		return false
	for session: AeThexSession in sessions:
		print("demo: logged in on the %s by %s%s" % [session.device_name, session.method, ", this one" if session.current else ""])
	await main.account_screen.open()
	if not check(await main.account_screen.set_picture(), "a picture"):
		return false
	await picture("account")
	main.account_screen.hide()
	return check(await AeThexCloud.auth.end_other_sessions(), "end the others")


func picture(name: String) -> void:
	if arguments.screenshots.is_empty():
		return
	await get_tree().create_timer(1.2, true, false, true).timeout
	await RenderingServer.frame_post_draw
	get_viewport().get_texture().get_image().save_png(arguments.screenshots.path_join("game-%s.png" % name))


func check(result: AeThexResult, what: String) -> bool:
	return true if result != null and result.success else fail("%s: %s" % [what, result.error if result != null else "nothing"])


func fail(why: String) -> bool:
	print("demo: FAILED ", why)
	get_tree().quit(1)
	return false
