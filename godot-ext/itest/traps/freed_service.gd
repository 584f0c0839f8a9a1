## A script that frees what is not its own harms itself only. Expected: prints TRAP OK, exit code 0.
extends SceneTree


func _initialize() -> void:
	AeThexCloud.auth.free()
	var result: AeThexResult = await AeThexCloud.saves.load(null)
	print("TRAP OK" if not result.success else "TRAP FAILED")
	quit()
