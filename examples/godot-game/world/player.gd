## The player: walks by the keys, or by a direction that the demonstration sets.
class_name Player
extends Avatar

const SPEED := 260.0

## Where the player may walk.
var area := World.AREA.grow(-30.0)


func _process(delta: float) -> void:
	var direction := Vector2.ZERO if _is_typing() else Input.get_vector(&"move_left", &"move_right", &"move_up", &"move_down")
	if not direction.is_zero_approx():
		facing = direction.normalized()
		position = (position + direction * SPEED * delta).clamp(area.position, area.end)
	super(delta)


func _unhandled_key_input(event: InputEvent) -> void:
	if event.is_pressed() and not event.is_echo() and (event as InputEventKey).physical_keycode == KEY_H:
		change_hat()


## The next hat.
func change_hat() -> void:
	var names := HATS.keys()
	hat = names[(names.find(hat) + 1) % names.size()]


## Whether the keys are letters now.
func _is_typing() -> bool:
	return get_viewport().gui_get_focus_owner() is LineEdit
