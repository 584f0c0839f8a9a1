## Two versions of the game side by side, and the player's choice.
class_name ConflictDialog
extends ColorRect

## "local", "cloud", or a dictionary made of both.
signal chosen(choice: Variant)

var _mine := {}
var _theirs := {}


func _ready() -> void:
	(%KeepMine as Button).pressed.connect(_choose.bind("local"))
	(%KeepTheirs as Button).pressed.connect(_choose.bind("cloud"))
	(%Both as Button).pressed.connect(_choose_both)


func open(mine: Dictionary, theirs: Dictionary, info: AeThexConflict) -> void:
	_mine = mine
	_theirs = theirs
	_show_side(%MineBag, %MineText, mine, "just now")
	var when := Time.get_datetime_string_from_unix_time(info.cloud.timestamp, true)
	_show_side(%TheirsBag, %TheirsText, theirs, when + " UTC")
	var device := info.cloud.device_name
	(%TheirsName as Label).text = "The cloud" if device.is_empty() else "The cloud, saved by %s" % device
	show()


func _show_side(bag: Bag, text: Label, game: Dictionary, when: String) -> void:
	var gems: Array[Dictionary] = []
	gems.assign(game.get("inventory", []))
	bag.show_gems(gems)
	var minutes := int(game.get("playtime", 0.0) / 60.0)
	text.text = "%d gems · %d min played\n%s" % [gems.size(), minutes, when]


func _choose(choice: Variant) -> void:
	hide()
	chosen.emit(choice)


func _choose_both() -> void:
	_choose(merged(_mine, _theirs))


## A gem that either device took is in the bag once; a gem is left when both left it.
static func merged(mine: Dictionary, theirs: Dictionary) -> Dictionary:
	var game := mine.duplicate(true)
	var seen: Dictionary = {}
	var inventory: Array[Dictionary] = []
	for gem: Dictionary in Array(mine.inventory) + Array(theirs.inventory):
		if not seen.has(gem.found_at):
			seen[gem.found_at] = true
			inventory.append(gem)
	game.inventory = inventory
	var left := PackedInt32Array()
	for id: int in mine.gems_left:
		if theirs.gems_left.has(id):
			left.append(id)
	game.gems_left = left
	game.playtime = maxf(mine.playtime, theirs.playtime)
	return game
