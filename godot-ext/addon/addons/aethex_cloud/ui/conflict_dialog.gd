## A ready-made choice between two saves: both sides, what clashes, and nothing is lost.
##
## Put conflict_dialog.tscn into a scene, above everything else. With [member auto_open] it opens by itself whenever a
## save meets another one and the merge needs the player; or call [method open] with the conflict. Its look comes from
## the project's theme, or from theme.tres when the project has none; its words are in save_texts.gd and can be
## translated. It works with a mouse, a touch screen, a keyboard and a gamepad.
##
## The script names nothing of the library, so that it parses on platforms that have none.
class_name AeThexConflictDialog
extends Control

## The conflict has ended. [param choice] is "local", "cloud", "both" or "merged": load [param slot] again.
## [param slot] is where the game goes on; after "both", this device's save is in [param other_slot].
signal resolved(slot: String, choice: String, other_slot: String)
## The player decides later. Both sides stay; [method open_slot] asks again.
signal closed(slot: String)

const Texts := preload("save_texts.gd")
const FALLBACK_THEME := preload("theme.tres")
## Most lines that are asked for one by one; a save with more is a case for picking a side.
const ASKS_MAX := 50

## Opens by itself for each conflict that needs the player.
@export var auto_open := true
## Whether the player may decide later.
@export var allow_later := true
## The part of a save that is shown as its picture; none when empty.
@export var thumbnail_part := "thumbnail"
## Words for paths that players understand: {"hero.class": "Class of the hero"}.
@export var path_names: Dictionary = {}

## Words for a side, from its data, if you have better ones than time and device: func(data: Variant) -> String.
var describe := Callable()
## The conflict that is shown, an AeThexConflict.
var info: RefCounted

var _cloud: Object = Engine.get_singleton(&"AeThexCloud") if Engine.has_singleton(&"AeThexCloud") else null
var _busy := false
## By path: the buttons of both sides.
var _choices: Dictionary = {}
## Conflicts that came while another one was shown.
var _waiting: Array[RefCounted] = []
## Grows with each opening and closing: what a call of an earlier one brings is not shown any more.
var _opening := 0

@onready var _problem: Label = %Problem
@onready var _apply: Button = %Apply


func _ready() -> void:
	if theme == null and not _has_theme_above():
		theme = FALLBACK_THEME
	(%KeepLocal as Button).pressed.connect(keep.bind("local"))
	(%KeepCloud as Button).pressed.connect(keep.bind("cloud"))
	(%KeepBoth as Button).pressed.connect(keep_both)
	(%Later as Button).pressed.connect(close)
	_apply.pressed.connect(apply)
	get_viewport().gui_focus_changed.connect(_on_focus_changed)
	if _cloud != null:
		_cloud.saves.conflict.connect(_on_conflict)


func _notification(what: int) -> void:
	if what == NOTIFICATION_TRANSLATION_CHANGED and is_node_ready() and info != null:
		_write()


func _unhandled_input(event: InputEvent) -> void:
	if is_visible_in_tree() and event.is_action_pressed(&"ui_cancel"):
		get_viewport().set_input_as_handled()
		if allow_later and not _busy:
			close()


## Shows a conflict: the AeThexConflict of the signal, or of get_conflict().
func open(conflict: RefCounted) -> void:
	_opening += 1
	info = conflict
	_set_busy(false)
	_problem.hide()
	show()
	_write()
	_show_pictures()
	_focus_first.call_deferred()


## Reads the conflict of a slot and shows it; false when there is none.
func open_slot(slot: String) -> bool:
	if _cloud == null:
		return false
	var result: Object = await _cloud.saves.get_conflict(slot)
	if not result.success or result.conflict == null:
		return false
	open(result.conflict)
	return true


## Hides the dialog; the conflict stays.
func close() -> void:
	var slot: String = info.slot if info != null else ""
	_hide()
	closed.emit(slot)
	_open_next()


## Ends the conflict with one side: "local" or "cloud".
func keep(side: String) -> void:
	if not _busy and info != null and _cloud != null:
		_end(_cloud.saves.resolve(info.slot, side), side)


## Ends the conflict by making this device's save a slot of its own.
func keep_both() -> void:
	if not _busy and info != null and _cloud != null:
		_end(_cloud.saves.keep_both(info.slot), "both")


## Ends the conflict with the merge and the answers that were chosen.
func apply() -> void:
	if _busy or info == null or _cloud == null:
		return
	var answers := chosen()
	if answers.size() < _choices.size():
		_complain("merge_unanswered")
		return
	_end(_cloud.saves.answer(info.slot, answers), "merged")


## The answers so far: "local" or "cloud" by path.
func chosen() -> Dictionary:
	var answers := {}
	for path: String in _choices:
		var sides: Array = _choices[path]
		if (sides[0] as Button).button_pressed:
			answers[path] = "local"
		elif (sides[1] as Button).button_pressed:
			answers[path] = "cloud"
	return answers


func _end(call: Signal, choice: String) -> void:
	var opening := _opening
	_problem.hide()
	_set_busy(true)
	var result: Object = await call
	if opening != _opening:
		return
	_set_busy(false)
	if not result.success:
		if String(result.error.name) == "saves_conflict":
			# A third device saved meanwhile: there is another choice now.
			_reopen()
		else:
			_complain(String(result.error.name))
		return
	var slot: String = info.slot
	var other: String = String(result.slot) if choice == "both" else ""
	_hide()
	resolved.emit(slot, choice, other)
	_open_next()


func _reopen() -> void:
	if not await open_slot(info.slot):
		_complain("other")


func _write() -> void:
	var asks: Array = info.paths
	var whole: bool = asks.is_empty() or asks.size() > ASKS_MAX or (asks.size() == 1 and String(asks[0].path).is_empty())
	var hint := "AETHEX_CONFLICT_HINT" if whole else "AETHEX_CONFLICT_HINT_ASKS"
	if not (info.suspicions as PackedStringArray).is_empty():
		hint = "AETHEX_CONFLICT_HINT_ODD"
	var deleted: bool = info.head != null and info.head.deleted
	if deleted:
		hint = "AETHEX_CONFLICT_HINT_DELETED"
	(%Title as Label).text = Texts.say("AETHEX_CONFLICT_TITLE", {"slot": info.slot})
	(%Hint as Label).text = Texts.say(hint)
	_write_side(%Local, "AETHEX_CONFLICT_LOCAL", info.kept, info.local)
	_write_side(%Cloud, "AETHEX_CONFLICT_CLOUD", info.head, info.cloud)
	_write_asks([] if whole else asks)
	# Where the two can be put together that is what the dialog offers first.
	var keep := "AETHEX_CONFLICT_KEEP_" if whole else "AETHEX_CONFLICT_ONLY_"
	for button: Button in [%KeepLocal, %KeepCloud]:
		button.theme_type_variation = &"AeThexPrimaryButton" if whole else &""
	(%KeepLocal as Button).text = Texts.say(keep + "LOCAL")
	(%KeepCloud as Button).text = Texts.say("AETHEX_CONFLICT_KEEP_DELETED" if deleted else keep + "CLOUD")
	(%KeepBoth as Button).text = Texts.say("AETHEX_CONFLICT_KEEP_BOTH")
	(%KeepBoth as Button).visible = not deleted
	(%Later as Button).text = Texts.say("AETHEX_CONFLICT_LATER")
	(%Later as Button).visible = allow_later
	_apply.text = Texts.say("AETHEX_CONFLICT_APPLY")
	_apply.visible = not whole


func _write_side(side: Container, name_key: String, version: RefCounted, data: Variant) -> void:
	(side.get_node("Name") as Label).text = Texts.say(name_key)
	var lines: PackedStringArray = []
	var is_gone: bool = version != null and not version.deleted and data == null and info.local != null and (info.paths as Array).is_empty()
	if version == null or is_gone:
		lines.append(Texts.say("AETHEX_CONFLICT_GONE"))
	elif version.deleted:
		lines.append(Texts.say("AETHEX_CONFLICT_DELETED"))
	if version != null and not version.deleted:
		if not String(version.label).is_empty():
			lines.append(version.label)
		var saved: PackedStringArray = []
		if version.timestamp > 0:
			saved.append(Texts.time(version.timestamp))
		if not String(version.device_name).is_empty():
			saved.append(version.device_name)
		lines.append(" · ".join(saved))
		var size: PackedStringArray = [Texts.size(version.size)]
		if version.playtime > 0.0:
			size.insert(0, Texts.played(version.playtime))
		lines.append(" · ".join(size))
	if describe.is_valid() and data != null:
		lines.append(str(describe.call(data)))
	(side.get_node("About") as Label).text = "\n".join(lines)


func _write_asks(asks: Array) -> void:
	var before := chosen()
	var rows: Container = %Asks
	for row in rows.get_children():
		rows.remove_child(row)
		row.queue_free()
	_choices.clear()
	for ask: Object in asks:
		rows.add_child(_ask_row(ask, before.get(ask.path, "")))
	(%AsksScroll as Control).visible = not asks.is_empty()
	(%AsksScroll as Control).custom_minimum_size.y = minf(asks.size(), 5.0) * 76.0
	_update_apply()


func _ask_row(ask: Object, before: String) -> Control:
	var row := VBoxContainer.new()
	var name := Label.new()
	var path := String(ask.path)
	name.text = Texts.path(path, path_names)
	name.theme_type_variation = &"AeThexHint"
	if not (ask.also as PackedStringArray).is_empty():
		name.text += "  " + Texts.say("AETHEX_CONFLICT_MORE", {"count": ask.also.size()})
	row.add_child(name)
	var sides := HBoxContainer.new()
	sides.add_theme_constant_override(&"separation", 16)
	var group := ButtonGroup.new()
	var buttons: Array[Button] = []
	for side: String in ["local", "cloud"]:
		var button := Button.new()
		button.toggle_mode = true
		button.button_group = group
		button.text = Texts.value(ask.get(side))
		button.tooltip_text = str(ask.get(side)).left(500)
		button.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
		button.size_flags_horizontal = Control.SIZE_EXPAND_FILL
		button.theme_type_variation = &"AeThexChoiceButton"
		button.button_pressed = side == before
		button.toggled.connect(_update_apply.unbind(1))
		buttons.append(button)
		sides.add_child(button)
	row.add_child(sides)
	_choices[path] = buttons
	return row


func _update_apply() -> void:
	_apply.disabled = _busy or chosen().size() < _choices.size()


func _show_pictures() -> void:
	for side: Container in [%Local, %Cloud]:
		(side.get_node("Picture") as TextureRect).hide()
	if thumbnail_part.is_empty() or _cloud == null:
		return
	_show_picture(%Local, info.kept)
	_show_picture(%Cloud, info.head)


func _show_picture(side: Container, version: RefCounted) -> void:
	if version == null or version.deleted or not thumbnail_part in version.parts:
		return
	var opening := _opening
	var result: Object = await _cloud.saves.load_part(info.slot, thumbnail_part, version)
	if opening != _opening or not result.success or not result.data is PackedByteArray:
		return
	var image := picture_of(result.data)
	if image != null:
		var rect: TextureRect = side.get_node("Picture")
		rect.texture = ImageTexture.create_from_image(image)
		rect.show()
		# On a small screen the words and buttons go first.
		if (%Panel as Control).get_combined_minimum_size().y > size.y:
			rect.hide()


## The picture that bytes are, WebP, PNG or JPEG; null when they are none.
static func picture_of(bytes: PackedByteArray) -> Image:
	var image := Image.new()
	var start := bytes.slice(0, 12)
	var read := ERR_INVALID_DATA
	if start.size() == 12 and start.slice(8, 12) == "WEBP".to_ascii_buffer():
		read = image.load_webp_from_buffer(bytes)
	elif start.size() == 12 and start.slice(1, 4) == "PNG".to_ascii_buffer():
		read = image.load_png_from_buffer(bytes)
	elif start.size() == 12 and start[0] == 0xff and start[1] == 0xd8:
		read = image.load_jpg_from_buffer(bytes)
	return image if read == OK and not image.is_empty() else null


func _on_conflict(_slot: String, conflict: RefCounted) -> void:
	if not auto_open:
		return
	if visible and info != null and info.slot != conflict.slot:
		_waiting.append(conflict)
	else:
		open(conflict)


func _open_next() -> void:
	while not _waiting.is_empty():
		var next: RefCounted = _waiting.pop_front()
		# Something else may have ended it meanwhile.
		if _cloud.saves.status(next.slot) == "conflict":
			open(next)
			return


func _set_busy(busy: bool) -> void:
	_busy = busy
	for button: Button in find_children("*", "Button", true, false):
		button.disabled = busy
	_update_apply()


func _hide() -> void:
	_opening += 1
	hide()


func _complain(name: String) -> void:
	_problem.text = Texts.problem(name)
	_problem.show()


## Keys and gamepads stay in the dialog while it is open.
func _on_focus_changed(control: Control) -> void:
	if is_visible_in_tree() and not is_ancestor_of(control):
		_focus_first.call_deferred()


func _focus_first() -> void:
	if not is_visible_in_tree():
		return
	for path: String in _choices:
		(_choices[path][0] as Button).grab_focus()
		return
	(%KeepLocal as Button).grab_focus()


func _has_theme_above() -> bool:
	if ThemeDB.get_project_theme() != null:
		return true
	var above := get_parent()
	while above != null:
		if (above is Control or above is Window) and above.theme != null:
			return true
		above = above.get_parent()
	return false
