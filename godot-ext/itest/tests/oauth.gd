## Logins with a provider, with a real one and a browser that is played here. Only with --oauth NAME; the provider
## knows the persons zoe and yan.
extends RefCounted

const PATIENCE := {"timeout": 20.0}

var heard: PackedStringArray = []
var browser := TestBrowser.new()
## What the browser showed at last, for a message.
var pages: PackedStringArray = []


func test_log_in_with_a_provider(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	kit.use_device(kit.fresh("device"))
	kit.equal((await auth.get_providers()).providers, [kit.options.oauth], "providers")
	auth.browser_needed.connect(_on_browser_needed.bind("zoe"))
	auth.logged_in.connect(_on_logged_in)
	var result: AeThexResult = await auth.login_oauth(kit.options.oauth, PATIENCE)
	if kit.succeeded(result, "log in; the browser showed %s" % pages):
		kit.check(not result.user.is_guest, "an account")
		kit.equal((await auth.get_identities()).identities[0].provider, kit.options.oauth, "way in")
		kit.equal((await auth.get_sessions()).sessions[0].method, kit.options.oauth, "method")
	# Nobody awaits this one; the signal tells.
	await auth.logout()
	heard.clear()
	auth.login_oauth(kit.options.oauth, PATIENCE)
	for i in 100:
		if not heard.is_empty():
			break
		await kit.wait(0.05)
	kit.equal(heard.size(), 1, "logged_in")
	_disconnect()


func test_a_guest_links_a_provider(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	auth.browser_needed.connect(_on_browser_needed.bind("yan"))
	kit.use_device(kit.fresh("device"))
	var guest: AeThexResult = await auth.login_guest()
	kit.succeeded(await AeThexCloud.saves.save("slot", 7), "save")
	var linked: AeThexResult = await auth.link_oauth(kit.options.oauth, PATIENCE)
	kit.succeeded(linked, "link")
	kit.use_device(kit.fresh("device"))
	var known: AeThexResult = await auth.login_oauth(kit.options.oauth, PATIENCE)
	if kit.succeeded(known, "log in on the second device"):
		kit.equal(known.user.id, guest.user.id, "the same player")
		kit.equal((await AeThexCloud.saves.load("slot")).data, 7, "the same save")
	# Another guest cannot have it; it moves instead.
	kit.use_device(kit.fresh("device"))
	kit.succeeded(await auth.login_guest(), "another guest")
	kit.failed_with(await auth.link_oauth(kit.options.oauth, PATIENCE), AeThexCloud.ERROR_IDENTITY_TAKEN, "taken")
	_disconnect()


func test_a_login_that_is_given_up(kit: Kit) -> void:
	var auth := AeThexCloud.auth
	kit.use_device(kit.fresh("device"))
	auth.browser_needed.connect(_note)
	var first: Array = []
	_log_in(kit, first)
	for i in 100:
		if not heard.is_empty():
			break
		await kit.wait(0.05)
	kit.equal(heard.size(), 1, "a page to show")
	auth.cancel_oauth()
	await kit.wait(0.2)
	if kit.equal(first.size(), 1, "ended"):
		kit.failed_with(first[0], AeThexCloud.ERROR_CANCELLED, "cancelled")
	kit.failed_with(await auth.login_oauth(kit.options.oauth, {"timeout": 1.0}), AeThexCloud.ERROR_BROWSER, "nobody came")
	kit.check(not auth.is_logged_in(), "nobody is logged in")
	_disconnect()


func _log_in(kit: Kit, into: Array) -> void:
	into.append(await AeThexCloud.auth.login_oauth(kit.options.oauth, PATIENCE))


func _note(url: String) -> void:
	heard.append(url)


func _on_browser_needed(url: String, person: String) -> void:
	pages.append(await browser.show(url, person))


func _on_logged_in(user: AeThexUser) -> void:
	heard.append(user.username)


func _disconnect() -> void:
	for of: Signal in [AeThexCloud.auth.browser_needed, AeThexCloud.auth.logged_in]:
		for connection in of.get_connections():
			of.disconnect(connection.callable)
