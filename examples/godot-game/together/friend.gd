## Another player of the room. What it sends of itself (position, facing, hat) is shown smoothly, a little late.
class_name Friend
extends Avatar

## A step that is longer than this is a jump, not a walk.
const SNAP_DISTANCE := 300.0
## What others decide about themselves; not their name, say.
const SENT: PackedStringArray = ["position", "facing", "hat"]
const AWAY := Color(1, 1, 1, 0.4)

## Whether the player's connection is open; the seat is held for a minute when it is not.
var connected := true:
	set(value):
		connected = value
		modulate = Color.WHITE if connected else AWAY


func _init(who: AeThexRoomPlayer) -> void:
	title = who.username
	connected = who.connected
	# Until the first state says where.
	hide()
	var interpolator := AeThexInterpolator.new()
	interpolator.player_id = who.player_id
	interpolator.snap_distance = SNAP_DISTANCE
	interpolator.properties = SENT
	add_child(interpolator)
