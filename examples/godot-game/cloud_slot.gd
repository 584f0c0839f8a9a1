## The game's one save slot in the cloud: everything that talks to AeThexCloud.
##
## It turns the game into a dictionary and back, and tells the interface where the save stands.
class_name CloudSlot
extends Node

## [param waiting]: how many saves are on this device only.
signal status_changed(status: String, waiting: int)
## Two devices played apart, and the cloud has both in one now: load it.
signal merged

const SLOT := "meadow"
const LABEL := "Meadow"
## What happens when two devices played apart: a gem that either took is in the bag once, and is left where both left it;
## the player stands where the later save says. Only about the hat somebody has to be asked.
const POLICIES: Dictionary = {
	"inventory": "union",
	"gems_left": "intersect",
	"playtime": "max",
	"position, facing": {"policy": "group", "by": "latest"},
	"hat": "ask",
}
const THUMBNAIL_SIZE := Vector2i(256, 144)

var status := "unknown"
## Saves that the cloud does not have.
var waiting := 0
## The id of the player whose game is on the screen; empty before the first login.
var player := ""


func _ready() -> void:
	AeThexCloud.saves.define(SLOT, POLICIES)
	AeThexCloud.saves.synced.connect(_on_saves_changed.unbind(2))
	AeThexCloud.saves.progress.connect(_on_saves_changed.unbind(1))
	AeThexCloud.saves.conflict.connect(_on_saves_changed.unbind(2))
	AeThexCloud.saves.merged.connect(_on_merged)
	AeThexCloud.saves.failed.connect(_on_saves_changed.unbind(2))
	AeThexCloud.online_changed.connect(_on_saves_changed.unbind(1))
	AeThexCloud.auth.logged_in.connect(_on_saves_changed.unbind(1))
	AeThexCloud.auth.logged_out.connect(_on_saves_changed)


## Saves the game. With or without a network the player may go on at once.
func save(game: Dictionary, playtime: float) -> AeThexResult:
	var options := {"label": LABEL, "playtime": playtime}
	var picture := thumbnail()
	if picture != null:
		options.parts = {"thumbnail": picture}
	var result: AeThexResult = await AeThexCloud.saves.save(SLOT, game, options)
	refresh()
	return result


func load_game() -> AeThexResult:
	var result: AeThexResult = await AeThexCloud.saves.load(SLOT)
	refresh()
	return result


## What is on the screen, small; null without a screen.
func thumbnail() -> Image:
	if DisplayServer.get_name() == "headless":
		return null
	var image := get_viewport().get_texture().get_image()
	image.resize(THUMBNAIL_SIZE.x, THUMBNAIL_SIZE.y, Image.INTERPOLATE_LANCZOS)
	return image


## Looks again where the save stands.
func refresh() -> void:
	var now := AeThexCloud.saves.status(SLOT) if AeThexCloud.auth.is_logged_in() else "logged_out"
	if now in ["queued", "synced"] and not AeThexCloud.is_online():
		now = "offline"
	var info := AeThexCloud.saves.slot_info(SLOT) if now in ["queued", "offline"] else null
	var unsent := info.unsent if info != null else 0
	if now != status or unsent != waiting:
		status = now
		waiting = unsent
		status_changed.emit(status, waiting)


func _on_saves_changed() -> void:
	refresh()


func _on_merged(slot: String, _version: AeThexSave) -> void:
	refresh()
	if slot == SLOT:
		merged.emit()
