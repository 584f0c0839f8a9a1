## The game's one save slot in the cloud: everything that talks to AeThexCloud.
##
## It turns the game into a dictionary and back, and tells the interface where the save stands.
class_name CloudSlot
extends Node

signal status_changed(status: String)
## Another device saved meanwhile: ask the player.
signal conflict_found(mine: Dictionary, theirs: Dictionary, info: AeThexConflict)

const SLOT := "meadow"
const LABEL := "Meadow"

var status := "unknown"
## The id of the player whose game is on the screen; empty before the first login.
var player := ""


func _ready() -> void:
	AeThexCloud.saves.synced.connect(_on_saves_changed.unbind(2))
	AeThexCloud.saves.progress.connect(_on_saves_changed.unbind(1))
	AeThexCloud.saves.conflict.connect(_on_conflict)
	AeThexCloud.saves.failed.connect(_on_saves_changed.unbind(2))
	AeThexCloud.online_changed.connect(_on_saves_changed.unbind(1))
	AeThexCloud.auth.logged_in.connect(_on_saves_changed.unbind(1))
	AeThexCloud.auth.logged_out.connect(_on_saves_changed)


## Saves the game. With or without a network the player may go on at once.
func save(game: Dictionary, playtime: float) -> AeThexResult:
	var result: AeThexResult = await AeThexCloud.saves.save(SLOT, game, {"label": LABEL, "playtime": playtime})
	refresh()
	return result


func load_game() -> AeThexResult:
	var result: AeThexResult = await AeThexCloud.saves.load(SLOT)
	refresh()
	return result


## `choice` is "local", "cloud" or a merged game. The game to go on with is in `result.data` of the load that
## follows.
func resolve(choice: Variant) -> AeThexResult:
	var resolved: AeThexResult = await AeThexCloud.saves.resolve(SLOT, choice)
	if not resolved.success:
		refresh()
		return resolved
	return await load_game()


## Looks again where the save stands.
func refresh() -> void:
	var now := AeThexCloud.saves.status(SLOT) if AeThexCloud.auth.is_logged_in() else "logged_out"
	if now in ["queued", "synced"] and not AeThexCloud.is_online():
		now = "offline"
	if now != status:
		status = now
		status_changed.emit(status)


func _on_saves_changed() -> void:
	refresh()


func _on_conflict(slot: String, info: AeThexConflict) -> void:
	refresh()
	if slot != SLOT or not info.local is Dictionary:
		return
	var theirs: AeThexResult = await AeThexCloud.saves.load_version(slot, info.cloud)
	if theirs.success and theirs.data is Dictionary:
		conflict_found.emit(info.local, theirs.data, info)
