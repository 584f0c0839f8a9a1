## Somebody in the meadow, as drawn: the player, or another one in the same room.
class_name Avatar
extends Node2D

## What can be worn, by name.
const HATS: Dictionary = {
	"none": Color(0, 0, 0, 0), "red": Color(0.90, 0.30, 0.32), "blue": Color(0.32, 0.48, 0.95), "gold": Color(0.98, 0.82, 0.30),
}
const TINTS: Array[Color] = [Color(0.98, 0.62, 0.30), Color(0.55, 0.70, 1.00), Color(0.95, 0.50, 0.70), Color(0.65, 0.85, 0.40)]
const TITLE_SIZE := 15

var hat := "none":
	set(value):
		hat = value
		queue_redraw()
var facing := Vector2.DOWN
var colour := TINTS[0]:
	set(value):
		colour = value
		queue_redraw()
## The name below the feet; none when empty.
var title := "":
	set(value):
		title = value
		queue_redraw()

## A ring around the feet: this is you.
var marked := false

var _walked := 0.0
var _was := Vector2.INF


func _process(delta: float) -> void:
	if position != _was:
		_was = position
		_walked += delta * 10.0
		queue_redraw()


func _draw() -> void:
	var bob := absf(sin(_walked)) * 3.0
	draw_circle(Vector2(0, 16), 13.0, Color(0, 0, 0, 0.22))
	if marked:
		draw_set_transform(Vector2(0, 15), 0.0, Vector2(1.0, 0.5))
		draw_arc(Vector2.ZERO, 21.0, 0.0, TAU, 32, Color(1, 1, 1, 0.85), 2.5, true)
		draw_set_transform(Vector2.ZERO)
	draw_circle(Vector2(-6, 12 - bob * 0.6), 5.0, colour.darkened(0.45))
	draw_circle(Vector2(6, 12 + bob * 0.4), 5.0, colour.darkened(0.45))
	draw_circle(Vector2(0, -bob), 15.0, colour.darkened(0.25))
	draw_circle(Vector2(0, -1 - bob), 13.5, colour)
	draw_circle(Vector2(-4, -6 - bob), 5.0, colour.lightened(0.35))
	var look := facing * 4.0 + Vector2(0, -3 - bob)
	for side: float in [-1.0, 1.0]:
		var eye := look + Vector2(side * 4.5, 0)
		draw_circle(eye, 3.2, Color.WHITE)
		draw_circle(eye + facing * 1.2, 1.6, Color(0.12, 0.12, 0.18))
	if hat != "none":
		var brim := Vector2(0, -12 - bob)
		draw_colored_polygon([brim + Vector2(-10, 0), brim + Vector2(10, 0), brim + Vector2(0, -20)], HATS.get(hat, Color.WHITE))
		draw_line(brim + Vector2(-12, 0), brim + Vector2(12, 0), HATS.get(hat, Color.WHITE).darkened(0.3), 4.0, true)
	if not title.is_empty():
		_draw_title()


func _draw_title() -> void:
	var font := ThemeDB.fallback_font
	var width := font.get_string_size(title, HORIZONTAL_ALIGNMENT_CENTER, -1, TITLE_SIZE).x
	var at := Vector2(-width / 2.0, 42)
	draw_string_outline(font, at, title, HORIZONTAL_ALIGNMENT_LEFT, -1, TITLE_SIZE, 5, Color(0.05, 0.08, 0.08, 0.8))
	draw_string(font, at, title, HORIZONTAL_ALIGNMENT_LEFT, -1, TITLE_SIZE, colour.lightened(0.55))
