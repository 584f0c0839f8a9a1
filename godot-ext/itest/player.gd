## A game driven from outside, for tests that kill it or compare what other languages see.
##
## `godot --headless --path godot-ext/itest -s res://player.gd -- --server URL --data DIR --email E MODE [ARGS]`
## MODE register: makes the account. guest SLOT: plays as a guest, saves, and links the email. save SLOT: saves a value of every kind that JSON has none for.
## load SLOT: prints the value in the SDK's JSON-free text form. queue ROUND: saves without end, printing
## `queued ROUND NUMBER` for each that is durable. flush: sends what is queued and prints FLUSHED.
## start: logs in and begins a run. session: plays it without end, printing `queued 0 NUMBER` for each save that is durable.
## elsewhere: logs in, goes on with the run and saves. home: sends, and prints the merged run and its history.
extends SceneTree

const PASSWORD := "correct horse"


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var option := func(name: String) -> String: return arguments[arguments.find(name) + 1]
	AeThexCloud.configure({
		"server_url": option.call("--server"), "data_dir": option.call("--data"), "credentials": "file",
	})
	var email: String = option.call("--email")
	var mode := arguments.find("--email") + 2
	var argument := arguments[mode + 1] if mode + 1 < arguments.size() else ""
	match arguments[mode]:
		"register": report(await AeThexCloud.auth.register_email(email, PASSWORD))
		"guest":
			report(await AeThexCloud.auth.login_guest())
			report(await AeThexCloud.saves.save(argument, sample()))
			report(await AeThexCloud.auth.link_email(email, PASSWORD))
		"save":
			report(await AeThexCloud.auth.login_email(email, PASSWORD))
			report(await AeThexCloud.saves.save(argument, sample()))
		"load":
			report(await AeThexCloud.auth.login_email(email, PASSWORD))
			var loaded: AeThexResult = await AeThexCloud.saves.load(argument)
			report(loaded)
			print("VALUE ", "same" if var_to_bytes(loaded.data) == var_to_bytes(sample()) else var_to_str(loaded.data))
		"queue": await queue(argument.to_int())
		"flush":
			var flushed: AeThexResult = await AeThexCloud.saves.flush(30.0)
			print("FLUSHED" if flushed.success else "NOT FLUSHED %s" % flushed.error.message)
		"start":
			define_run()
			report(await AeThexCloud.auth.register_email(email, PASSWORD))
			report(await AeThexCloud.saves.save("run", {"coins": 10, "best": 5, "found": ["key"], "hero": {"class": "mage"}}))
		"session": await session()
		"elsewhere":
			define_run()
			report(await AeThexCloud.auth.login_email(email, PASSWORD))
			var there: AeThexResult = await AeThexCloud.saves.load("run")
			report(there)
			var run: Dictionary = there.data
			run.coins += 100
			run.best = 9
			run.found.append("map")
			report(await AeThexCloud.saves.save("run", run))
		"home": await home()
	print("DONE")
	quit()


func define_run() -> void:
	report(AeThexCloud.saves.define("run", {"coins": "counter", "best": "max", "found": "union"}))


func session() -> void:
	define_run()
	var loaded: AeThexResult = await AeThexCloud.saves.load("run")
	var run: Dictionary = loaded.data
	for number in 100000:
		run.coins += 1
		run.best = 7
		run.found.append("gem %d" % number)
		run.hero["class"] = "thief"
		var saved: AeThexResult = await AeThexCloud.saves.save("run", run)
		if not saved.success:
			print("failed: ", saved.error.message)
			return
		print("queued 0 %d" % number)


func home() -> void:
	define_run()
	var flushed: AeThexResult = await AeThexCloud.saves.flush(30.0)
	print("FLUSHED" if flushed.success else "NOT FLUSHED %s" % flushed.error.message)
	var loaded: AeThexResult = await AeThexCloud.saves.load("run")
	report(loaded)
	var gems := 0
	for one: String in loaded.data.found:
		gems += 1 if one.begins_with("gem") else 0
	print("RUN coins %d best %d gems %d map %s class %s" % [loaded.data.coins, loaded.data.best, gems, "map" in loaded.data.found, loaded.data.hero["class"]])
	var versions: AeThexResult = await AeThexCloud.saves.history("run")
	var newest: AeThexSave = versions.versions[0]
	print("HEAD parents %d" % newest.parents.size())
	var beside := 0
	for version: AeThexSave in versions:
		if version.sequence == 0:
			beside += 1
		var data: AeThexResult = await AeThexCloud.saves.load_version("run", version)
		print("VERSION coins %d" % data.data.coins)
	print("BESIDE %d" % beside)


func report(result: AeThexResult) -> void:
	print("ok" if result.success else "failed: %s" % result.error.message)


func sample() -> Dictionary:
	return {
		"level": 5, "big": 9223372036854775807, "half": 0.5, "name": "Zoë 🎮", &"key": &"interned",
		"position": Vector3(10, 0.25, -20), "cell": Vector2i(-3, 7), "tint": Color(0.25, 0.5, 0.75, 1.0),
		"bytes": PackedByteArray([0, 255, 128]), "path": PackedVector2Array([Vector2(1, 2), Vector2(3, 4)]),
		"typed": Array([1, 2, 3], TYPE_INT, &"", null), 7: [null, true, {"deep": Transform3D.IDENTITY}],
	}


func queue(round: int) -> void:
	for number in 100000:
		var saved: AeThexResult = await AeThexCloud.saves.save("slot %d" % (number % 4), {"round": round, "number": number})
		if not saved.success:
			print("failed: ", saved.error.message)
			return
		print("queued %d %d" % [round, number])
