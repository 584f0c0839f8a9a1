## What the command line says.
class_name Options
extends RefCounted

var server := "http://127.0.0.1:8080"
var key := ""
var data := ""
var only := ""
## The backend's folder of mails.
var outbox := ""
## Name of a provider that the backend knows and that a test browser can use.
var oauth := ""
var cost := false

var _own_data := false


func _init(arguments: PackedStringArray) -> void:
	for i in arguments.size():
		var value := arguments[i + 1] if i + 1 < arguments.size() else ""
		match arguments[i]:
			"--server": server = value
			"--key": key = value
			"--data": data = value
			"--only": only = value
			"--outbox": outbox = value
			"--oauth": oauth = value
			"--cost": cost = true
	if data.is_empty():
		_own_data = true
		data = OS.get_user_data_dir().path_join("itest-%d" % OS.get_process_id())


func clean_up() -> void:
	if _own_data and DirAccess.dir_exists_absolute(data):
		_remove(data)


func _remove(folder: String) -> void:
	for file in DirAccess.get_files_at(folder):
		DirAccess.remove_absolute(folder.path_join(file))
	for inner in DirAccess.get_directories_at(folder):
		_remove(folder.path_join(inner))
	DirAccess.remove_absolute(folder)
