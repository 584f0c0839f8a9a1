## What a test has at hand: checks, players and devices. A test fails when a check fails or when any script
## error is logged while it runs.
class_name Kit
extends RefCounted

const PASSWORD := "correct horse battery staple"

var options: Options
var feature: String
var problems: PackedStringArray = []
var checks := 0

static var _names := 0


func _init(with: Options, of_feature: String) -> void:
	options = with
	feature = of_feature


func run(script: GDScript, method: String) -> void:
	var log := ErrorLog.new()
	OS.add_logger(log)
	var test: RefCounted = script.new()
	await test.call(method, self)
	OS.remove_logger(log)
	problems.append_array(log.taken())
	if checks == 0:
		problems.append("checked nothing: it was cut short by an error")


func check(is_so: bool, what: String) -> bool:
	checks += 1
	if not is_so:
		problems.append(what)
	return is_so


func equal(actual: Variant, expected: Variant, what: String) -> bool:
	var same: bool = typeof(actual) == typeof(expected) and actual == expected
	return check(same, "%s: %s is not %s" % [what, var_to_str(actual), var_to_str(expected)])


func succeeded(result: AeThexResult, what: String) -> bool:
	return check(result != null and result.success, "%s: %s" % [what, result])


func failed_with(result: AeThexResult, code: int, what: String) -> bool:
	checks += 1
	if result == null or result.success or result.error == null or result.error.code != code:
		problems.append("%s: %s, expected code %d" % [what, result, code])
		return false
	return true


## A name that no other test and no other run has used.
func fresh(stem: String) -> String:
	_names += 1
	return "%s-%d-%d-%d" % [stem, OS.get_process_id(), Time.get_ticks_usec(), _names]


## Makes this process a device of its own: nothing is known from before.
func use_device(device: String, server := options.server) -> void:
	var settings := {
		"server_url": server,
		"data_dir": options.data.path_join(device),
		"device_name": device,
		"credentials": "file",
	}
	if not options.key.is_empty():
		settings.client_key = options.key
	succeeded(AeThexCloud.configure(settings), "configure")


## A new player on a new device, logged in; the email.
func new_player() -> String:
	var email := fresh("player") + "@example.com"
	use_device(fresh("device"))
	succeeded(await AeThexCloud.auth.register_email(email, PASSWORD), "register")
	return email


## The code in the newest mail to an address, once there are so many mails to it.
func code_to(email: String, mails: int) -> String:
	for i in 400:
		var found := _mails_to(email)
		if found.size() >= mails:
			var code := RegEx.create_from_string("\\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\\b").search(found[-1])
			return code.get_string() if code != null else "no code in the mail"
		await wait(0.05)
	check(false, "%d mails to the address came: not %d" % [_mails_to(email).size(), mails])
	return "no mail"


func _mails_to(email: String) -> PackedStringArray:
	var found: PackedStringArray = []
	if not DirAccess.dir_exists_absolute(options.outbox):
		return found
	for file in DirAccess.get_files_at(options.outbox):
		if file.ends_with(".eml"):
			var mail := FileAccess.get_file_as_string(options.outbox.path_join(file))
			if RegEx.create_from_string("(?im)^to: <?%s>?\\s*$" % email.replace(".", "\\.")).search(mail) != null:
				found.append(mail)
	return found


func wait(seconds: float) -> void:
	await (Engine.get_main_loop() as SceneTree).create_timer(seconds).timeout


func next_frame() -> void:
	await (Engine.get_main_loop() as SceneTree).process_frame
