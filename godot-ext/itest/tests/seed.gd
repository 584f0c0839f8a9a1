## The snippets of the first design, word for word (only their lost indentation is put back), as scripts.
extends RefCounted

## The design's own password is on every list of common ones, which the backend refuses at registration.
const SNIPPET_PASSWORD := "\"password\""


class Player:
	var level := 0
	var health := 0


func test_authentication_word_for_word(kit: Kit) -> void:
	# Somebody is logged in, so that the login of the snippet fails and the rest still has a user.
	await kit.new_player()
	await snippet(kit, "authentication", {})
	await kit.wait(0.3)
	kit.check(not AeThexCloud.auth.is_logged_in(), "logged out at the end")


func test_authentication_of_an_account_that_exists(kit: Kit) -> void:
	var email := await kit.new_player()
	await AeThexCloud.auth.logout()
	await snippet(kit, "authentication", {
		"\"user@example.com\"": var_to_str(email), SNIPPET_PASSWORD: var_to_str(Kit.PASSWORD),
	})
	await kit.wait(0.3)
	kit.check(not AeThexCloud.auth.is_logged_in(), "logged out at the end")


func test_cloud_saves_word_for_word(kit: Kit) -> void:
	await kit.new_player()
	var player: Player = await snippet(kit, "cloud_saves", {})
	kit.equal(player.level, 5, "level")
	kit.equal(player.health, 100, "health")
	var loaded: AeThexResult = await AeThexCloud.saves.load("slot1")
	kit.equal(loaded.data.position, Vector3(10, 0, 20), "Vector3 stays Vector3")
	kit.equal(loaded.data.inventory, ["sword", "shield"], "inventory")


func snippet(kit: Kit, name: String, replaced: Dictionary) -> Player:
	var text := FileAccess.get_file_as_string("res://seed/%s.txt" % name)
	kit.check(not text.is_empty(), "the snippet is there")
	for from: String in replaced:
		text = text.replace(from, replaced[from])
	var script := GDScript.new()
	script.source_code = "extends RefCounted\nvar player\nfunc run():\n" + text.indent("\t")
	kit.equal(script.reload(), OK, "the snippet parses")
	var holder: RefCounted = script.new()
	holder.player = Player.new()
	await holder.run()
	return holder.player
