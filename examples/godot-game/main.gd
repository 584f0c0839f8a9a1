## The game: the world, its player, and what is saved of them.
##
## User arguments (after --): --server URL, --key PK, --demo NAME, --device NAME,
## --screenshots FOLDER (with --demo, in a window), --evening STEP, --hat NAME (with --demo, see evening.gd),
## --together HOW, --meet FILE, --players N (with --demo, see friends.gd).
extends Node

## The gems in the bag, in the order they were found: what and where.
var inventory: Array[Dictionary] = []
var playtime := 0.0

@onready var world: World = $World
@onready var player: Player = $World/Player
@onready var slot: CloudSlot = $CloudSlot
@onready var hud: Hud = $Ui/Hud
@onready var login_dialog: AeThexLoginDialog = $Ui/LoginDialog
@onready var account_screen: AccountScreen = $Ui/AccountScreen
@onready var conflict_dialog: AeThexConflictDialog = $Ui/ConflictDialog
@onready var history_panel: AeThexHistoryPanel = $Ui/HistoryPanel
@onready var together: Together = $Together


func _ready() -> void:
	get_tree().auto_accept_quit = false
	world.gem_touched.connect(_on_gem_touched)
	slot.status_changed.connect(hud.show_status)
	slot.merged.connect(_on_merged)
	conflict_dialog.describe = _describe
	conflict_dialog.resolved.connect(_on_resolved)
	history_panel.describe = _describe_value
	history_panel.restored.connect(_on_restored)
	hud.save_pressed.connect(save_game)
	hud.load_pressed.connect(load_game)
	hud.history_pressed.connect(_on_history_pressed)
	hud.together_pressed.connect(_on_together_pressed)
	hud.quit_pressed.connect(quit_game)
	hud.account_pressed.connect(_on_account_pressed)
	hud.keep_pressed.connect(login_dialog.open)
	login_dialog.done.connect(_on_login_done)
	account_screen.keep_pressed.connect(login_dialog.open)
	account_screen.log_out_pressed.connect(log_out)
	account_screen.user_changed.connect(hud.show_user)
	together.closed.connect(_rest.bind(false))
	together.meadow.visibility_changed.connect(_on_meadow_changed)
	AeThexCloud.auth.logged_in.connect(_on_logged_in)
	AeThexCloud.auth.session_expired.connect(login_dialog.open)
	var arguments := Arguments.new(OS.get_cmdline_user_args())
	arguments.configure_cloud()
	if not arguments.demo.is_empty():
		add_child(arguments.demo_script().new(self, arguments))
	else:
		start()


func start() -> void:
	hud.show_inventory(inventory)
	slot.refresh()
	if AeThexCloud.auth.is_logged_in():
		var user := AeThexCloud.auth.get_current_user()
		_on_logged_in(user)
		slot.player = user.id
		load_game()
	else:
		login_dialog.open()


func _process(delta: float) -> void:
	playtime += delta


func _unhandled_input(event: InputEvent) -> void:
	if event.is_action_pressed(&"save_game"):
		save_game()
	elif event.is_action_pressed(&"load_game"):
		load_game()


func _notification(what: int) -> void:
	if what == NOTIFICATION_WM_CLOSE_REQUEST:
		quit_game()


## The game as it is saved: Godot's own types stay what they are.
func snapshot() -> Dictionary:
	return {
		"position": player.position,
		"facing": player.facing,
		"hat": player.hat,
		"inventory": inventory.duplicate(true),
		"gems_left": world.left(),
		"playtime": playtime,
	}


func new_game() -> void:
	inventory.clear()
	playtime = 0.0
	world.reset()
	player.position = Vector2.ZERO
	player.hat = "none"
	hud.show_inventory(inventory)


func restore(game: Dictionary) -> void:
	player.position = game.get("position", Vector2.ZERO)
	player.facing = game.get("facing", Vector2.DOWN)
	player.hat = game.get("hat", "none")
	player.queue_redraw()
	inventory.assign(game.get("inventory", []))
	world.set_left(game.get("gems_left", world.left()))
	playtime = game.get("playtime", 0.0)
	hud.show_inventory(inventory)


func save_game() -> AeThexResult:
	if not AeThexCloud.auth.is_logged_in():
		login_dialog.open()
		return null
	var result := await slot.save(snapshot(), playtime)
	if result.success:
		hud.say("Saved on this device; it is sent when you are online" if result.queued else "Saved")
	elif result.error.code != AeThexCloud.ERROR_SAVES_CONFLICT:
		hud.say(result.error.message)
	return result


func load_game() -> AeThexResult:
	var result := await slot.load_game()
	if result.success:
		restore(result.data)
		hud.say("Loaded")
	elif result.error.code == AeThexCloud.ERROR_SAVE_NOT_FOUND:
		hud.say("A new game: collect some gems")
	else:
		hud.say(result.error.message)
	return result


## Saves, gives the save a moment to reach the cloud, and ends. What was not sent is sent at the next start.
func quit_game() -> void:
	together.meadow.leave()
	if AeThexCloud.auth.is_logged_in():
		hud.say("Saving…")
		await slot.save(snapshot(), playtime)
		await AeThexCloud.saves.flush(3.0)
	get_tree().quit()


func _on_gem_touched(id: int) -> void:
	inventory.append({"kind": World.kind(id), "found_at": world.gems[id]})
	world.gems.erase(id)
	hud.show_inventory(inventory)


func _on_logged_in(user: AeThexUser) -> void:
	hud.show_user(user)
	player.colour = Avatar.TINTS[user.username.hash() % Avatar.TINTS.size()]


## A login ended well: the guest began to play, a player came back, or a guest linked an email and plays on.
func _on_login_done(user: AeThexUser) -> void:
	hud.show_user(user)
	if slot.player == user.id:
		hud.say("Your meadow follows you now")
		await save_game()
	else:
		await load_game()
	slot.player = user.id


func _on_account_pressed() -> void:
	if AeThexCloud.auth.is_logged_in():
		account_screen.open()
	else:
		login_dialog.open()


## A guest who logs out is the same guest at the next "Play now".
func log_out() -> void:
	await slot.save(snapshot(), playtime)
	await AeThexCloud.auth.logout()
	hud.show_user(null)
	slot.player = ""
	new_game()
	start()


## This meadow rests while the player is in the one of a room.
func _on_together_pressed() -> void:
	if not AeThexCloud.auth.is_logged_in():
		login_dialog.open()
		return
	_rest(true)
	together.open(player.hat)


func _rest(resting: bool) -> void:
	world.process_mode = Node.PROCESS_MODE_DISABLED if resting else Node.PROCESS_MODE_INHERIT
	hud.visible = not resting
	set_process(not resting)
	set_process_unhandled_input(not resting)


## One meadow is on the screen: this one, or the one of a room.
func _on_meadow_changed() -> void:
	world.visible = not together.meadow.visible
	if world.visible:
		(player.get_node("Camera") as Camera2D).make_current()


## Two devices played apart, and nobody had to be asked.
func _on_merged() -> void:
	await load_game()
	hud.say("What you did on your other device is here, too")


func _on_resolved(_slot: String, choice: String, other_slot: String) -> void:
	await load_game()
	hud.say("This device's meadow is kept as \"%s\"" % other_slot if choice == "both" else "Resolved")


func _on_history_pressed() -> void:
	if AeThexCloud.auth.is_logged_in():
		history_panel.open(CloudSlot.SLOT)
	else:
		login_dialog.open()


func _on_restored(_slot: String) -> void:
	await load_game()
	hud.say("Went back; the newer saves are still in the history")


## A side of a conflict in the game's own words.
func _describe(game: Variant) -> String:
	if not game is Dictionary:
		return ""
	var hat: String = game.get("hat", "none")
	return "%d gems, %s" % [game.get("inventory", []).size(), "no hat" if hat == "none" else "a %s hat" % hat]


## A value of the history in the game's own words.
func _describe_value(path: String, value: Variant) -> String:
	if path.begins_with("inventory["):
		return str(value.get("kind", "")) if value is Dictionary else ""
	match path:
		"gems_left": return str(value.size()) if value is PackedInt32Array else ""
		"playtime": return "%d s" % value if value is float else ""
	return ""
