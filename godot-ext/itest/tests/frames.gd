## Calls never block, complete on the main thread in a later frame, and leave nothing behind.
extends RefCounted

class Waiter:
	extends Node
	var ended := false

	func work() -> void:
		await AeThexCloud.saves.list()
		ended = true


func test_a_call_completes_in_a_later_frame(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"))
	for i in 5:
		var made := Engine.get_process_frames()
		# Refused at once, inside the SDK or before it.
		var result: AeThexResult = await AeThexCloud.saves.load(1 if i % 2 == 0 else "slot")
		kit.check(not result.success, "refused")
		kit.check(Engine.get_process_frames() > made, "in a later frame")
		kit.equal(OS.get_thread_caller_id(), OS.get_main_thread_id(), "on the main thread")


func test_a_node_freed_while_it_waits(kit: Kit) -> void:
	await kit.new_player()
	var waiter := Waiter.new()
	(Engine.get_main_loop() as SceneTree).root.add_child(waiter)
	waiter.work()
	waiter.queue_free()
	await kit.wait(0.5)
	kit.check(not is_instance_valid(waiter), "freed")


func test_nothing_is_left_behind(kit: Kit) -> void:
	await kit.new_player()
	await burst(kit, 20)
	var before := Performance.get_monitor(Performance.OBJECT_COUNT)
	await burst(kit, 200)
	var after := Performance.get_monitor(Performance.OBJECT_COUNT)
	kit.check(after - before <= 4, "objects before %d, after %d" % [before, after])


func burst(kit: Kit, calls: int) -> void:
	for i in calls:
		AeThexCloud.saves.status("slot")
		AeThexCloud.saves.load(null)
		AeThexCloud.auth.get_current_user()
	await kit.wait(0.3)


func test_handlers_may_call_anything(kit: Kit) -> void:
	await kit.new_player()
	var results: Array = []
	var handler := func(_slot: String, _version: AeThexSave) -> void:
		AeThexCloud.saves.pending()
		AeThexCloud.auth.get_current_user()
		results.append(await AeThexCloud.saves.load("slot"))
	AeThexCloud.saves.synced.connect(handler)
	kit.succeeded(await AeThexCloud.saves.save("slot", 5), "save")
	await kit.wait(0.5)
	AeThexCloud.saves.synced.disconnect(handler)
	if kit.equal(results.size(), 1, "one signal"):
		kit.equal(results[0].data, 5, "loaded inside the handler")


func test_many_calls_at_once(kit: Kit) -> void:
	await kit.new_player()
	kit.succeeded(await AeThexCloud.saves.save("slot", 5), "save")
	var done: Array = [0]
	for i in 100:
		_count(done)
	for i in 200:
		if done[0] == 100:
			break
		await kit.wait(0.05)
	kit.equal(done[0], 100, "all complete")


func _count(done: Array) -> void:
	var result: AeThexResult = await AeThexCloud.saves.load("slot")
	if result.success:
		done[0] += 1


func test_the_project_settings_are_there(kit: Kit) -> void:
	for setting: String in ["aethex_cloud/server_url", "aethex_cloud/client_key"]:
		kit.check(ProjectSettings.has_setting(setting), setting)
		kit.equal(ProjectSettings.get_setting(setting), "", setting)
	kit.equal(AeThexCloud.version(), "0.1.0", "version")
	kit.equal(AeThexCloud.ERROR_SAVES_CONFLICT, 200, "constant")
