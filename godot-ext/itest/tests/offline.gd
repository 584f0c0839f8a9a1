## Without a backend: saves are queued and sent later; every call ends.
extends RefCounted

## Nothing listens on the discard port.
const NOWHERE := "http://127.0.0.1:9"

var synced: PackedStringArray = []
var pending_seen: PackedInt64Array = []
var online_seen: Array[bool] = []


func test_a_queued_save_is_sent_later(kit: Kit) -> void:
	var saves := AeThexCloud.saves
	var relay := Relay.new(kit.options.server)
	(Engine.get_main_loop() as SceneTree).root.add_child(relay)
	saves.synced.connect(_on_synced)
	saves.progress.connect(_on_progress)
	AeThexCloud.online_changed.connect(_on_online_changed)
	kit.use_device(kit.fresh("device"), relay.url)
	var email := kit.fresh("offline") + "@example.com"
	kit.succeeded(await AeThexCloud.auth.register_email(email, Kit.PASSWORD), "register")
	kit.succeeded(await saves.save("slot", {"n": 1}), "online")
	relay.cut()
	var queued: AeThexResult = await saves.save("slot", {"n": 2})
	kit.succeeded(queued, "saved offline")
	kit.equal(queued.queued, true, "queued")
	kit.check(queued.version == null, "no version yet")
	kit.equal(saves.status("slot"), "queued", "status")
	kit.equal(saves.pending(), 1, "pending")
	kit.check(AeThexCloud.auth.is_logged_in(), "logged in offline")
	var mine: AeThexResult = await saves.load("slot")
	kit.equal(mine.data, {"n": 2}, "loads what was saved")
	kit.equal(mine.from_cache, true, "from this device")
	var flushed: AeThexResult = await saves.flush(0.5)
	kit.check(not flushed.success and flushed.error.retryable, "flush fails offline")
	relay.mend()
	kit.succeeded(await saves.flush(30), "flush")
	await kit.wait(0.2)
	saves.synced.disconnect(_on_synced)
	saves.progress.disconnect(_on_progress)
	AeThexCloud.online_changed.disconnect(_on_online_changed)
	kit.equal(synced, PackedStringArray(["slot", "slot"]), "synced signal")
	kit.check(not pending_seen.is_empty() and pending_seen[-1] == 0, "progress signal %s" % pending_seen)
	kit.check(online_seen.has(false) and online_seen[-1], "online_changed signal %s" % [online_seen])
	kit.check(AeThexCloud.is_online(), "online again")
	var loaded: AeThexResult = await saves.load("slot")
	kit.equal(loaded.data, {"n": 2}, "in the cloud")
	kit.equal(loaded.from_cache, false, "from the cloud")
	relay.cut()
	relay.free()


func test_calls_end_without_a_backend(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"), NOWHERE)
	var result: AeThexResult = await AeThexCloud.auth.login_email("ann@example.com", Kit.PASSWORD)
	kit.failed_with(result, AeThexCloud.ERROR_OFFLINE, "login")
	if result.error != null:
		kit.check(result.error.retryable and not result.error.message.is_empty(), "says so")
		kit.equal(result.error.name, &"offline", "name")
	kit.check(not AeThexCloud.is_online(), "offline")


func test_changed_settings_end_calls_under_way(kit: Kit) -> void:
	kit.use_device(kit.fresh("device"), NOWHERE)
	var pending: Signal = AeThexCloud.auth.login_email("ann@example.com", Kit.PASSWORD)
	kit.use_device(kit.fresh("device"), NOWHERE)
	var result: AeThexResult = await pending
	kit.check(not result.success, "ended: %s" % result)


func _on_synced(slot: String, _version: AeThexSave) -> void:
	synced.append(slot)


func _on_progress(pending: int) -> void:
	pending_seen.append(pending)


func _on_online_changed(online: bool) -> void:
	online_seen.append(online)
