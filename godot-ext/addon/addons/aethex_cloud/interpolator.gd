## Shows another player smoothly: a little behind, between the states that came.
##
## Put it into the node that shows the other player and set [member player_id]. States that are sent with
## `AeThexCloud.multiplayer.send_state({"position": …, "rotation": …})` are buffered with the relay's time and applied
## to the parent's properties of the same names, [member delay] seconds late, so that a late state is rarely missed.
## Numbers, Vector2, Vector3, Vector4, Color, Quaternion, Basis and the transforms are interpolated, the properties in
## [member angles] the short way around; everything else changes when its time comes.
##
## Without [member player_id] it takes what you give to [method add_state].
##
## The script names nothing of the library, so that it parses on platforms that have none.
class_name AeThexInterpolator
extends Node

## Most states that wait: seconds at any pace.
const STATES_MAX := 128

## Whose states; none when empty.
@export var player_id := ""
## The state channel that is followed.
@export var channel := 0
## Seconds behind the relay's time: three ticks of the default pace.
@export_range(0.0, 1.0, 0.01) var delay := 0.1
## A position that is farther from the one before is not glided to: it is a teleport. 0: never.
@export var snap_distance := 0.0
## The only properties that are set, whatever a state says; all that the target has when empty. Name them: a state is what
## another player's machine sends.
@export var properties: PackedStringArray = []
## Properties that are angles in radians.
@export var angles: PackedStringArray = ["rotation"]
## How long, in seconds, motion goes on beyond the newest state while none comes.
@export_range(0.0, 1.0, 0.01) var extrapolate := 0.0
## Where the properties are set; the parent when null.
@export var target: Node

## States by time: [microseconds, Dictionary], the oldest first.
var _states: Array = []
var _cloud: Object = Engine.get_singleton(&"AeThexCloud") if Engine.has_singleton(&"AeThexCloud") else null


func _enter_tree() -> void:
	if _cloud != null and not _cloud.multiplayer.player_state_arrived.is_connected(_on_state):
		_cloud.multiplayer.player_state_arrived.connect(_on_state)


func _exit_tree() -> void:
	if _cloud != null and _cloud.multiplayer.player_state_arrived.is_connected(_on_state):
		_cloud.multiplayer.player_state_arrived.disconnect(_on_state)


## Forgets what came: after a respawn.
func clear() -> void:
	_states.clear()


## Takes a state that holds at a time of the relay's clock, in microseconds.
func add_state(state: Dictionary, server_us: int) -> void:
	var at := _states.size()
	while at > 0 and _states[at - 1][0] > server_us:
		at -= 1
	if at > 0 and _states[at - 1][0] == server_us:
		_states[at - 1][1] = state
		return
	_states.insert(at, [server_us, state])
	if _states.size() > STATES_MAX:
		_states.pop_front()


## What holds at a time of the relay's clock; empty before the first state.
func state_at(server_us: int) -> Dictionary:
	if _states.is_empty():
		return {}
	var next := 0
	while next < _states.size() and _states[next][0] <= server_us:
		next += 1
	if next == 0:
		return _states[0][1]
	if next == _states.size():
		if extrapolate <= 0.0 or next < 2:
			return _states[next - 1][1]
		var beyond := mini(server_us, _states[next - 1][0] + int(extrapolate * 1_000_000.0))
		return _between(_states[next - 2], _states[next - 1], beyond)
	return _between(_states[next - 1], _states[next], server_us)


func _process(_delta: float) -> void:
	if _cloud == null or _states.is_empty():
		return
	var now: int = _cloud.multiplayer.server_time_us()
	if now > 0:
		apply(state_at(now - int(delay * 1_000_000.0)))
		_forget_before(now - int(delay * 1_000_000.0))


## Sets the properties that the target has.
func apply(state: Dictionary) -> void:
	var shown := target if target != null else get_parent()
	for property: Variant in state:
		if property is String or property is StringName:
			if property in shown and (properties.is_empty() or property in properties):
				shown.set(property, state[property])


func _on_state(of_player: String, state: Variant, of_channel: int, server_us: int) -> void:
	if of_player == player_id and of_channel == channel and state is Dictionary:
		add_state(state, server_us)


## Two before the time stay: motion goes on from them.
func _forget_before(server_us: int) -> void:
	while _states.size() > 2 and _states[2][0] <= server_us:
		_states.pop_front()


func _between(before: Array, after: Array, server_us: int) -> Dictionary:
	var weight := float(server_us - before[0]) / float(after[0] - before[0])
	if weight <= 1.0 and _jumps(before[1], after[1]):
		return before[1] if weight < 1.0 else after[1]
	var state := {}
	for key: Variant in after[1]:
		state[key] = _mix(str(key), before[1].get(key), after[1][key], weight)
	for key: Variant in before[1]:
		if not state.has(key):
			state[key] = before[1][key]
	return state


func _jumps(before: Dictionary, after: Dictionary) -> bool:
	if snap_distance <= 0.0:
		return false
	for key: String in ["position", "global_position"]:
		var from: Variant = before.get(key)
		var to: Variant = after.get(key)
		if typeof(from) == typeof(to) and (from is Vector2 or from is Vector3):
			if from.distance_to(to) > snap_distance:
				return true
	return false


func _mix(key: String, from: Variant, to: Variant, weight: float) -> Variant:
	if typeof(from) != typeof(to):
		return to
	match typeof(to):
		TYPE_FLOAT:
			return lerp_angle(from, to, weight) if key in angles else lerpf(from, to, weight)
		TYPE_QUATERNION:
			return from.normalized().slerp(to.normalized(), weight)
		TYPE_VECTOR3:
			if key in angles:
				return Vector3(lerp_angle(from.x, to.x, weight), lerp_angle(from.y, to.y, weight),
					lerp_angle(from.z, to.z, weight))
			return from.lerp(to, weight)
		TYPE_VECTOR2, TYPE_VECTOR4, TYPE_COLOR:
			return from.lerp(to, weight)
		TYPE_BASIS:
			return from.orthonormalized().slerp(to.orthonormalized(), weight)
		TYPE_TRANSFORM2D, TYPE_TRANSFORM3D:
			return from.interpolate_with(to, weight)
	return to if weight >= 1.0 else from
