## Regression: a call before there is a scene tree (a script's own start), and the end of the game inside the
## handler of a result. Expected: prints TRAP OK, exit code 0.
extends SceneTree


func _init() -> void:
	_start()


func _start() -> void:
	var result: AeThexResult = await AeThexCloud.saves.load(null)
	print("TRAP OK" if result.error.code == AeThexCloud.ERROR_INVALID_ARGUMENT else result)
	quit()
