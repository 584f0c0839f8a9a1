## The player: walks by the keys, or by a direction that the demonstration sets.
class_name Player
extends Node2D

const SPEED := 260.0

## What can be worn, by name.
const HATS: Dictionary[String, Color] = {
	"none": Color(0, 0, 0, 0), "red": Color(0.90, 0.30, 0.32), "blue": Color(0.32, 0.48, 0.95), "gold": Color(0.98, 0.82, 0.30),
}

var hat := "none"
var facing := Vector2.DOWN
var colour := Color(0.98, 0.62, 0.30)

var _walked := 0.0


func _process(delta: float) -> void:
	var direction := Input.get_vector(&"move_left", &"move_right", &"move_up", &"move_down")
	if direction.is_zero_approx():
		return
	facing = direction.normalized()
	_walked += delta * 10.0
	position = (position + direction * SPEED * delta).clamp(World.AREA.position + Vector2(30, 30), World.AREA.end - Vector2(30, 30))
	queue_redraw()


func _draw() -> void:
	var bob := absf(sin(_walked)) * 3.0
	draw_circle(Vector2(0, 16), 13.0, Color(0, 0, 0, 0.22))
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


## The next hat.
func change_hat() -> void:
	var names := HATS.keys()
	hat = names[(names.find(hat) + 1) % names.size()]
	queue_redraw()
