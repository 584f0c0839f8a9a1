## The addon's conflict dialog and history panel, pressed by hand.
extends RefCounted

const DIALOG := preload("res://addons/aethex_cloud/ui/conflict_dialog.tscn")
const PANEL := preload("res://addons/aethex_cloud/ui/history_panel.tscn")
const Meeting := preload("res://tests/conflict.gd")

var ended: Array = []


func test_the_choices_of_a_conflict(kit: Kit) -> void:
	var dialog: AeThexConflictDialog = DIALOG.instantiate()
	_root().add_child(dialog)
	dialog.resolved.connect(_on_resolved)
	await Meeting.new().meet(kit)
	await _until(func() -> bool: return dialog.visible)
	if kit.check(dialog.visible, "it opens by itself"):
		var apply: Button = dialog.get_node("%Apply")
		kit.check(apply.visible and apply.disabled, "every line needs a choice")
		for sides: Array in dialog._choices.values():
			(sides[0] as Button).button_pressed = true
		kit.check(not apply.disabled, "all are chosen")
		apply.pressed.emit()
		await _until(func() -> bool: return not ended.is_empty())
		kit.equal(ended, [["slot", "merged", ""]], "resolved")
		kit.check(not dialog.visible, "hidden")
		kit.equal((await AeThexCloud.saves.load("slot")).data, {"level": 3, "by": "b"}, "what was chosen")
	dialog.queue_free()


func test_keep_both_by_keyboard(kit: Kit) -> void:
	var dialog: AeThexConflictDialog = DIALOG.instantiate()
	dialog.auto_open = false
	_root().add_child(dialog)
	dialog.resolved.connect(_on_resolved)
	await Meeting.new().meet(kit)
	kit.check(not dialog.visible, "it waits to be opened")
	kit.check(await dialog.open_slot("slot"), "opened")
	await kit.next_frame()
	kit.check(dialog.is_ancestor_of(_root().gui_get_focus_owner()), "the focus is inside")
	var cancel := InputEventAction.new()
	cancel.action = &"ui_cancel"
	cancel.pressed = true
	dialog._unhandled_input(cancel)
	kit.check(not dialog.visible, "later")
	kit.equal(AeThexCloud.saves.status("slot"), "conflict", "it stays")
	await dialog.open_slot("slot")
	(dialog.get_node("%KeepBoth") as Button).pressed.emit()
	await _until(func() -> bool: return not ended.is_empty())
	kit.equal(ended, [["slot", "both", "slot (2)"]], "both")
	kit.check(not await dialog.open_slot("slot"), "nothing is left to choose")
	dialog.queue_free()


func test_the_history_goes_back(kit: Kit) -> void:
	await kit.new_player()
	var saves := AeThexCloud.saves
	for n in 3:
		kit.succeeded(await saves.save("slot", {"n": n}, {"label": "Chapter %d" % n}), "save")
	var panel: AeThexHistoryPanel = PANEL.instantiate()
	_root().add_child(panel)
	kit.check(await panel.open("slot"), "open")
	var list: ItemList = panel.get_node("%List")
	kit.equal(list.item_count, 3, "versions")
	kit.check("Chapter 2" in list.get_item_text(0), list.get_item_text(0))
	list.select(2)
	list.item_selected.emit(2)
	await _until(func() -> bool: return not (panel.get_node("%Changes") as Label).text.is_empty())
	kit.check("n: 0 -> 2" in (panel.get_node("%Changes") as Label).text, (panel.get_node("%Changes") as Label).text)
	await panel.pin_selected()
	kit.check(panel.selected().pinned, "pinned")
	await panel.restore_selected()
	kit.equal(list.item_count, 4, "one more")
	kit.equal((await saves.load("slot")).data, {"n": 0}, "restored")
	panel.close()
	panel.queue_free()


func _on_resolved(slot: String, choice: String, other: String) -> void:
	ended.append([slot, choice, other])


func _until(is_so: Callable) -> void:
	for i in 400:
		if is_so.call():
			return
		await _root().get_tree().create_timer(0.05).timeout


func _root() -> Window:
	return (Engine.get_main_loop() as SceneTree).root
