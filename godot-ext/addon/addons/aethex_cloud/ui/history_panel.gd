## A ready-made history of a slot: every save of it, what changed since, and the way back.
##
## Put history_panel.tscn into a scene, above everything else, and call [method open]. Its look comes from the
## project's theme, or from theme.tres when the project has none; its words are in save_texts.gd and can be
## translated. It works with a mouse, a touch screen, a keyboard and a gamepad.
##
## The script names nothing of the library, so that it parses on platforms that have none.
class_name AeThexHistoryPanel
extends Control

## An old save is the newest again: load [param slot].
signal restored(slot: String)
## The panel was closed.
signal closed

const Texts := preload("save_texts.gd")
const Conflict := preload("conflict_dialog.gd")
const FALLBACK_THEME := preload("theme.tres")
## Most differences that are shown: what a player reads.
const CHANGES_MAX := 40

## The part of a save that is shown as its picture; none when empty.
@export var thumbnail_part := "thumbnail"
## Words for paths and parts that players understand: {"hero.class": "Class of the hero"}. What has an empty text is not
## shown.
@export var path_names: Dictionary = {}

## Words for a value, if you have better ones: func(path: String, value: Variant) -> String; empty for the usual ones.
var describe := Callable()

## The slot that is shown.
var slot := ""
## The versions that are shown, newest first: each an AeThexSave.
var versions: Array = []

var _cloud: Object = Engine.get_singleton(&"AeThexCloud") if Engine.has_singleton(&"AeThexCloud") else null
var _busy := false
## Grows with each opening, closing and choice: what a call of an earlier one brings is not shown any more.
var _opening := 0

@onready var _list: ItemList = %List
@onready var _problem: Label = %Problem
@onready var _restore: Button = %Restore
@onready var _pin: Button = %Pin


func _ready() -> void:
	if theme == null and not _has_theme_above():
		theme = FALLBACK_THEME
	_list.item_selected.connect(_on_selected)
	_list.item_activated.connect(_on_activated)
	_restore.pressed.connect(restore_selected)
	_pin.pressed.connect(pin_selected)
	(%Close as Button).pressed.connect(close)
	get_viewport().gui_focus_changed.connect(_on_focus_changed)


func _notification(what: int) -> void:
	if what == NOTIFICATION_TRANSLATION_CHANGED and is_node_ready() and visible:
		_write()


func _unhandled_input(event: InputEvent) -> void:
	if is_visible_in_tree() and event.is_action_pressed(&"ui_cancel"):
		get_viewport().set_input_as_handled()
		close()


## Reads the history of a slot and shows it; whether it could be read.
func open(of_slot: String) -> bool:
	_opening += 1
	slot = of_slot
	versions = []
	show()
	_write()
	_list.grab_focus.call_deferred()
	if _cloud == null:
		_complain("missing")
		return false
	return await _read()


## Hides the panel.
func close() -> void:
	_opening += 1
	hide()
	closed.emit()


## The version that is selected; null when none is.
func selected() -> RefCounted:
	var chosen := _list.get_selected_items()
	return versions[chosen[0]] if not chosen.is_empty() and chosen[0] < versions.size() else null


## Makes the selected save the newest again.
func restore_selected() -> void:
	var version := selected()
	if version == null or _busy or not _can_load(version) or _is_head(version):
		return
	var result: Object = await _result(_cloud.saves.restore(slot, version))
	if result == null:
		return
	if result.success:
		restored.emit(slot)
		await _read()
	else:
		_complain(String(result.error.name))


## Keeps the selected save for ever, or lets it go again.
func pin_selected() -> void:
	var version := selected()
	if version == null or _busy:
		return
	var result: Object = await _result(_cloud.saves.pin(slot, version, not version.pinned))
	if result == null:
		return
	if result.success:
		# What a call yields is read-only.
		versions = versions.duplicate()
		versions[_list.get_selected_items()[0]] = result.version
		_write()
	else:
		_complain(String(result.error.name))


func _read() -> bool:
	var result: Object = await _result(_cloud.saves.history(slot))
	if result == null:
		return false
	if not result.success and String(result.error.name) != "save_not_found":
		_complain(String(result.error.name))
		return false
	versions = Array(result.versions) if result.success else []
	_list.deselect_all()
	_write()
	if not versions.is_empty():
		_list.select(0)
		_on_selected(0)
	return true


func _write() -> void:
	(%Title as Label).text = Texts.say("AETHEX_HISTORY_TITLE", {"slot": slot})
	(%Hint as Label).text = Texts.say("AETHEX_HISTORY_HINT")
	_restore.text = Texts.say("AETHEX_HISTORY_RESTORE")
	(%Close as Button).text = Texts.say("AETHEX_HISTORY_CLOSE")
	_problem.hide()
	var chosen := _list.get_selected_items()
	_list.clear()
	for version: Object in versions:
		_list.add_item(_line(version))
		_list.set_item_tooltip(-1, _line(version))
		if version.deleted or version.pruned:
			_list.set_item_custom_fg_color(-1, Color(0.6, 0.65, 0.7))
	if not chosen.is_empty() and chosen[0] < versions.size():
		_list.select(chosen[0])
	if versions.is_empty():
		(%About as Label).text = Texts.say("AETHEX_HISTORY_LOADING" if _busy else "AETHEX_HISTORY_EMPTY")
		(%Changes as Label).text = ""
	_write_buttons()


func _line(version: Object) -> String:
	var words: PackedStringArray = [Texts.time(version.timestamp)]
	# What tells one save from the next comes first: a narrow list cuts the end off.
	if _is_head(version):
		words.append(Texts.say("AETHEX_HISTORY_NOW"))
	elif version.sequence == 0:
		words.append(Texts.say("AETHEX_HISTORY_BESIDE"))
	if version.parents.size() > 1:
		words.append(Texts.say("AETHEX_HISTORY_MERGED"))
	for word: String in [version.device_name, version.label]:
		if not word.is_empty():
			words.append(word)
	if version.pinned:
		words.append(Texts.say("AETHEX_HISTORY_PINNED"))
	if version.deleted:
		words.append(Texts.say("AETHEX_HISTORY_DELETED"))
	elif version.pruned:
		words.append(Texts.say("AETHEX_HISTORY_PRUNED"))
	return " · ".join(words)


func _write_buttons() -> void:
	var version := selected()
	_pin.text = Texts.say("AETHEX_HISTORY_UNPIN" if version != null and version.pinned else "AETHEX_HISTORY_PIN")
	_pin.disabled = _busy or version == null or not _can_load(version)
	_restore.disabled = _busy or version == null or not _can_load(version) or _is_head(version)


func _is_head(version: Object) -> bool:
	for other: Object in versions:
		if other.sequence > 0:
			return other == version
	return false


func _can_load(version: Object) -> bool:
	return not version.deleted and not version.pruned


func _on_activated(_index: int) -> void:
	restore_selected()


func _on_selected(index: int) -> void:
	_opening += 1
	_set_busy(false)
	var version: Object = versions[index]
	var words: PackedStringArray = []
	if version.playtime > 0.0:
		words.append(Texts.played(version.playtime))
	words.append(Texts.size(version.size))
	(%About as Label).text = " · ".join(words)
	(%Changes as Label).text = ""
	(%Picture as TextureRect).hide()
	_write_buttons()
	if _cloud != null and _can_load(version):
		_show_picture(version)
		if not _is_head(version):
			_show_changes(version)


func _show_changes(version: Object) -> void:
	var opening := _opening
	var result: Object = await _cloud.saves.diff(slot, version)
	if opening != _opening:
		return
	if not result.success:
		var offline := String(result.error.name) in ["offline", "timeout"]
		(%Changes as Label).text = Texts.say("AETHEX_HISTORY_NO_DIFF_OFFLINE" if offline else "AETHEX_HISTORY_NO_DIFF")
		return
	var lines: PackedStringArray = [Texts.say("AETHEX_HISTORY_CHANGES")]
	for change: Object in result.changes:
		if lines.size() > CHANGES_MAX:
			break
		var line := _change(change)
		if not line.is_empty():
			lines.append(line)
	for part: String in result.parts:
		var name := Texts.path(part, path_names)
		if part != thumbnail_part and not name.is_empty():
			lines.append("~ " + name)
	if result.truncated or result.size() > CHANGES_MAX:
		lines.append(Texts.say("AETHEX_HISTORY_MORE"))
	(%Changes as Label).text = "\n".join(lines) if lines.size() > 1 else Texts.say("AETHEX_HISTORY_SAME")


func _change(change: Object) -> String:
	var path := String(change.path)
	var name := Texts.path(path, path_names)
	if name.is_empty():
		return ""
	match String(change.kind):
		"added": return "+ %s: %s" % [name, _value(path, change.to)]
		"removed": return "- %s: %s" % [name, _value(path, change.from)]
	if change.from == null and change.to == null:
		return "~ " + name
	return "~ %s: %s -> %s" % [name, _value(path, change.from), _value(path, change.to)]


func _value(path: String, value: Variant) -> String:
	var words := str(describe.call(path, value)) if describe.is_valid() and value != null else ""
	return Texts.value(value) if words.is_empty() else words


func _show_picture(version: Object) -> void:
	if thumbnail_part.is_empty() or not thumbnail_part in version.parts:
		return
	var opening := _opening
	var result: Object = await _cloud.saves.load_part(slot, thumbnail_part, version)
	if opening != _opening or not result.success or not result.data is PackedByteArray:
		return
	var image := Conflict.picture_of(result.data)
	if image != null:
		(%Picture as TextureRect).texture = ImageTexture.create_from_image(image)
		(%Picture as TextureRect).show()


## The result of a call, while everything is disabled; null when the panel was closed or opened anew meanwhile.
func _result(call: Signal) -> Object:
	var opening := _opening
	_problem.hide()
	_set_busy(true)
	var result: Object = await call
	if opening != _opening:
		return null
	_set_busy(false)
	return result


func _set_busy(busy: bool) -> void:
	_busy = busy
	_write_buttons()


func _complain(name: String) -> void:
	_problem.text = Texts.problem(name)
	_problem.show()


## Keys and gamepads stay in the panel while it is open.
func _on_focus_changed(control: Control) -> void:
	if is_visible_in_tree() and not is_ancestor_of(control):
		_list.grab_focus.call_deferred()


func _has_theme_above() -> bool:
	if ThemeDB.get_project_theme() != null:
		return true
	var above := get_parent()
	while above != null:
		if (above is Control or above is Window) and above.theme != null:
			return true
		above = above.get_parent()
	return false
