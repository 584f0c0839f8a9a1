## Regression: the extension inside the editor. It starts nothing by itself, works when a tool script calls it,
## and survives that its library is exchanged while the editor runs. Run it as a tool in the editor:
## `godot --headless --editor --path godot-ext/itest -s res://traps/in_editor.gd`. With `-- --reload` it
## reloads the extension once. Expected: prints TRAP OK, exit code 0.
@tool
extends SceneTree


func _initialize() -> void:
	_check()


## Everything goes by name: a script that the engine compiled against the old library (typed with its classes)
## cannot run on across an exchange; the editor recompiles such scripts, a running function is not.
func _check() -> void:
	var threads := _threads()
	for i in 10:
		await process_frame
	var idle := _threads() <= threads
	var cloud := Engine.get_singleton(&"AeThexCloud")
	var kept: Variant = await cloud.saves.load(null)
	var works: bool = not kept.success
	cloud.configure({"server_url": "http://127.0.0.1:9", "credentials": "memory"})
	# Under way while the library goes.
	cloud.saves.list()
	# What follows an awaited call runs inside the library, which must not be on the stack when it goes.
	await process_frame
	if "--reload" in OS.get_cmdline_user_args():
		var status := GDExtensionManager.reload_extension("res://addons/aethex_cloud/aethex_cloud.gdextension")
		print("reloaded" if status == GDExtensionManager.LOAD_STATUS_OK else "reload failed: %d" % status)
		for i in 5:
			await process_frame
		cloud = Engine.get_singleton(&"AeThexCloud")
	var after: Variant = await cloud.saves.load(null)
	works = works and not kept.success and not after.success and cloud.version() == "0.1.0"
	print("TRAP OK" if idle and works else "TRAP FAILED idle %s works %s" % [idle, works])
	quit()


## Threads of this process; 0 where the system does not tell.
func _threads() -> int:
	for line in FileAccess.get_file_as_string("/proc/self/status").split("\n"):
		if line.begins_with("Threads:"):
			return line.get_slice(":", 1).strip_edges().to_int()
	return 0
