## What the command line says.
class_name Arguments
extends RefCounted

var server := ""
var key := ""
var demo := ""
var device := ""
var screenshots := ""
var evening := ""
var hat := ""
var together := ""
var meet := ""
var players := 2


func _init(arguments: PackedStringArray) -> void:
	for i in arguments.size():
		var value := arguments[i + 1] if i + 1 < arguments.size() else ""
		match arguments[i]:
			"--server": server = value
			"--key": key = value
			"--demo": demo = value
			"--device": device = value
			"--screenshots": screenshots = value
			"--evening": evening = value
			"--hat": hat = value
			"--together": together = value
			"--meet": meet = value
			"--players": players = value.to_int()


## The script that plays the game by itself.
func demo_script() -> GDScript:
	if not together.is_empty():
		return load("res://demo/friends.gd")
	return load("res://demo/demo.gd" if evening.is_empty() else "res://demo/evening.gd")


## Points AeThexCloud at the server that was named; without one the project settings hold.
func configure_cloud(of_device := device) -> void:
	var settings := {}
	if not server.is_empty():
		settings.server_url = server
	if not key.is_empty():
		settings.client_key = key
	if not of_device.is_empty():
		settings.device_name = of_device
		settings.data_dir = "user://device-" + of_device.validate_filename()
	if settings.is_empty():
		return
	var result := AeThexCloud.configure(settings)
	if not result.success:
		push_error(result.error.message)
