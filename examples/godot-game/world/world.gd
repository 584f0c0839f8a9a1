## The meadow: its ground, trees and gems. Everything is drawn by code.
class_name World
extends Node2D

## The player stands on a gem: in every frame until it is gone.
signal gem_touched(id: int)

const AREA := Rect2(-1200, -900, 2400, 1800)
const KINDS: Dictionary = {
	&"emerald": Color(0.30, 0.85, 0.55),
	&"sapphire": Color(0.35, 0.60, 1.00),
	&"ruby": Color(0.95, 0.35, 0.45),
	&"topaz": Color(1.00, 0.80, 0.30),
}
const GEMS := 48
const REACH := 26.0
## A place among trees is better than none.
const PLACES_TRIED := 32
## The same meadow for everybody.
const SEED := 20260101

## Gems that are still there: id to place.
var gems: Dictionary = {}

var _all: Dictionary = {}
var _trees: Array[Vector3] = []
var _patches: Array[Vector3] = []
var _tufts: PackedVector2Array = []
var _flowers: PackedVector2Array = []
var _time := 0.0

@onready var player: Player = $Player


func _init() -> void:
	var random := RandomNumberGenerator.new()
	random.seed = SEED
	for i in 90:
		var at := _anywhere(random)
		if at.length() > 170.0:
			_trees.append(Vector3(at.x, at.y, random.randf_range(24.0, 44.0)))
	_trees.sort_custom(func(a: Vector3, b: Vector3) -> bool: return a.y < b.y)
	for i in 60:
		var at := _anywhere(random)
		_patches.append(Vector3(at.x, at.y, random.randf_range(60.0, 170.0)))
	for i in 420:
		_tufts.append(_anywhere(random))
	for i in 140:
		_flowers.append(_anywhere(random))
	for id in GEMS:
		_all[id] = _anywhere(random) * 0.85
	gems = _all.duplicate()


func _anywhere(random: RandomNumberGenerator) -> Vector2:
	var inner := AREA.grow(-60.0)
	return Vector2(random.randf_range(inner.position.x, inner.end.x), random.randf_range(inner.position.y, inner.end.y))


func _process(delta: float) -> void:
	_time += delta
	for id: int in gems.keys():
		if gems.has(id) and gems[id].distance_to(player.position) < REACH:
			gem_touched.emit(id)
	queue_redraw()


## What kind of gem has this id.
static func kind(id: int) -> StringName:
	return KINDS.keys()[id % KINDS.size()]


## A place for a gem that no tree hides.
func clear_place(within: Rect2) -> Vector2:
	var at := Vector2.ZERO
	for i in PLACES_TRIED:
		at = within.position + within.size * Vector2(randf(), randf())
		if not _trees.any(func(tree: Vector3) -> bool: return at.distance_to(Vector2(tree.x, tree.y - tree.z * 0.5)) < tree.z * 1.5 + REACH):
			break
	return at.round()


## The gem that is nearest to a place; (inf, inf) when all are taken.
func nearest_gem(to: Vector2) -> Vector2:
	var best := Vector2.INF
	for at: Vector2 in gems.values():
		if to.distance_squared_to(at) < to.distance_squared_to(best):
			best = at
	return best


## The ids of the gems that are left, for a save.
func left() -> PackedInt32Array:
	return PackedInt32Array(gems.keys())


func set_left(ids: PackedInt32Array) -> void:
	gems.clear()
	for id in ids:
		if _all.has(id):
			gems[id] = _all[id]


func reset() -> void:
	gems = _all.duplicate()


func _draw() -> void:
	draw_rect(AREA.grow(400.0), Color(0.12, 0.24, 0.24))
	draw_rect(AREA, Color(0.27, 0.47, 0.30))
	draw_rect(AREA, Color(0.20, 0.36, 0.24), false, 10.0)
	for i in _patches.size():
		var shade := Color(0.31, 0.52, 0.33, 0.55) if i % 2 else Color(0.24, 0.43, 0.28, 0.5)
		draw_set_transform(Vector2(_patches[i].x, _patches[i].y), 0.0, Vector2(1.0, 0.6))
		draw_circle(Vector2.ZERO, _patches[i].z, shade)
	draw_set_transform(Vector2.ZERO)
	for tuft in _tufts:
		draw_line(tuft, tuft + Vector2(-4, -9), Color(0.22, 0.40, 0.25), 2.0)
		draw_line(tuft, tuft + Vector2(4, -9), Color(0.33, 0.55, 0.35), 2.0)
	for i in _flowers.size():
		var colour := Color(0.95, 0.93, 0.80) if i % 3 else Color(0.92, 0.70, 0.80)
		draw_circle(_flowers[i], 3.2, colour)
		draw_circle(_flowers[i], 1.3, Color(0.95, 0.75, 0.25))
	for id: int in gems:
		_draw_gem(gems[id], KINDS[kind(id)], id)
	for tree in _trees:
		_draw_tree(Vector2(tree.x, tree.y), tree.z)


func _draw_gem(at: Vector2, colour: Color, id: int) -> void:
	var lift := sin(_time * 2.4 + id) * 3.0
	draw_circle(at + Vector2(0, 12), 9.0, Color(0, 0, 0, 0.18))
	draw_circle(at + Vector2(0, lift), 19.0, Color(colour, 0.16))
	draw_gem(self, at + Vector2(0, lift), 1.0, colour)


static func draw_gem(on: CanvasItem, at: Vector2, scale_by: float, colour: Color) -> void:
	var top := at + Vector2(0, -12) * scale_by
	var left_side := at + Vector2(-10, -2) * scale_by
	var right_side := at + Vector2(10, -2) * scale_by
	var bottom := at + Vector2(0, 13) * scale_by
	on.draw_colored_polygon([top, right_side, bottom, left_side], colour)
	on.draw_colored_polygon([top, right_side, left_side], colour.lightened(0.35))
	on.draw_colored_polygon([at + Vector2(-4, -2) * scale_by, at + Vector2(4, -2) * scale_by, bottom], colour.lightened(0.18))
	on.draw_polyline([top, right_side, bottom, left_side, top], colour.darkened(0.35), 1.4, true)


func _draw_tree(at: Vector2, size: float) -> void:
	draw_circle(at + Vector2(4, 8), size, Color(0, 0, 0, 0.16))
	draw_rect(Rect2(at + Vector2(-5, -4), Vector2(10, 18)), Color(0.36, 0.26, 0.18))
	draw_circle(at + Vector2(0, -size * 0.55), size, Color(0.14, 0.34, 0.22))
	draw_circle(at + Vector2(-size * 0.22, -size * 0.8), size * 0.72, Color(0.18, 0.42, 0.27))
	draw_circle(at + Vector2(-size * 0.3, -size), size * 0.4, Color(0.24, 0.50, 0.32))
