## The gems in the bag, counted by kind.
class_name Bag
extends Control

var _counts: Dictionary = {}


func _init() -> void:
	custom_minimum_size = Vector2(232, 26)


func show_gems(inventory: Array[Dictionary]) -> void:
	_counts.clear()
	for gem in inventory:
		var kind := StringName(gem.get("kind", &""))
		_counts[kind] = _counts.get(kind, 0) + 1
	queue_redraw()


func _draw() -> void:
	var font := get_theme_default_font()
	var at := Vector2(10, 13)
	for kind: StringName in World.KINDS:
		World.draw_gem(self, at, 0.85, World.KINDS[kind])
		draw_string(font, at + Vector2(15, 6), str(_counts.get(kind, 0)), HORIZONTAL_ALIGNMENT_LEFT, -1, 17, Color(0.92, 0.97, 0.96))
		at.x += 60
