## Runs the tests in tests/ against a backend, prints a line for each and a last line
## `ITEST n passed, n failed`. Its presence, with 0 failed, is the only proof of success: an error in GDScript
## neither ends the program nor sets its exit code.
##
## User arguments (after --): --server URL, --key PK, --data DIR, --only PART, --cost,
## --outbox DIR (the folder of the backend's mails), --oauth NAME (a provider; without it tests/oauth.gd is left out).
extends Node

const TESTS := {
	"values": preload("res://tests/values.gd"),
	"bad_input": preload("res://tests/bad_input.gd"),
	"auth": preload("res://tests/auth.gd"),
	"accounts": preload("res://tests/accounts.gd"),
	"oauth": preload("res://tests/oauth.gd"),
	"privacy": preload("res://tests/privacy.gd"),
	"dialog": preload("res://tests/dialog.gd"),
	"saves": preload("res://tests/saves.gd"),
	"conflict": preload("res://tests/conflict.gd"),
	"merging": preload("res://tests/merging.gd"),
	"slots": preload("res://tests/slots.gd"),
	"files": preload("res://tests/files.gd"),
	"save_dialogs": preload("res://tests/save_dialogs.gd"),
	"multiplayer": preload("res://tests/multiplayer.gd"),
	"offline": preload("res://tests/offline.gd"),
	"frames": preload("res://tests/frames.gd"),
	"seed": preload("res://tests/seed.gd"),
}

var passed := 0
var failed := 0


func _ready() -> void:
	var options := Options.new(OS.get_cmdline_user_args())
	if options.cost:
		await Cost.new().run(options)
	else:
		for feature: String in TESTS:
			if feature != "oauth" or not options.oauth.is_empty():
				await run_file(feature, options)
		print("ITEST %d passed, %d failed" % [passed, failed])
	options.clean_up()
	get_tree().quit(1 if failed > 0 or (passed == 0 and not options.cost) else 0)


func run_file(feature: String, options: Options) -> void:
	var script: GDScript = TESTS[feature]
	for method in script.get_script_method_list():
		if not method.name.begins_with("test_"):
			continue
		var title := "%s.%s" % [feature, method.name]
		if options.only.is_empty() or options.only in title:
			var kit := Kit.new(options, feature)
			await kit.run(script, method.name)
			report(title, kit)


func report(title: String, kit: Kit) -> void:
	if kit.problems.is_empty():
		passed += 1
		print("ok   %s (%d checks)" % [title, kit.checks])
	else:
		failed += 1
		print("FAIL %s" % title)
		for problem in kit.problems:
			print("     ", problem)
