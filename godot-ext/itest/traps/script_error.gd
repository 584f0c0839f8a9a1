## Regression: an error in GDScript does not end the program and does not set its exit code, so a test looks
## for a last line. Expected: SCRIPT ERROR in the output, exit code 0, and no line TRAP OK.
extends SceneTree


func _initialize() -> void:
	_fail()
	for i in 10:
		await process_frame
	quit()


func _fail() -> void:
	var result: AeThexResult = await AeThexCloud.saves.load("slot")
	print(result.data.level)
	print("TRAP OK")
