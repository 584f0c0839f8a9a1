## A person's browser: follows redirects with cookies, from a provider's page to the game's own ear. At the
## test's provider it says who it is by `account=…`.
class_name TestBrowser
extends RefCounted

const REDIRECTS_MAX := 15

var _cookies: Dictionary = {}


## Shows a page and all that it leads to; the last one's text.
func show(url: String, account := "") -> String:
	for i in REDIRECTS_MAX:
		var request := HTTPRequest.new()
		request.max_redirects = 0
		(Engine.get_main_loop() as SceneTree).root.add_child(request)
		var host := url.get_slice("/", 2)
		var page := url
		if "/interaction/" in page and not account.is_empty():
			page += ("&" if "?" in page else "?") + "account=" + account
		var jar: Dictionary = _cookies.get_or_add(host, {})
		var cookies := "; ".join(jar.keys().map(func(name: String) -> String: return "%s=%s" % [name, jar[name]]))
		if request.request(page, ["Cookie: " + cookies]) != OK:
			request.queue_free()
			return "not a page: " + page
		var answer: Array = await request.request_completed
		request.queue_free()
		var location := ""
		for header: String in answer[2]:
			var name := header.get_slice(":", 0).to_lower()
			var value := header.substr(name.length() + 1).strip_edges()
			if name == "location":
				location = value
			elif name == "set-cookie":
				var pair := value.get_slice(";", 0)
				jar[pair.get_slice("=", 0)] = pair.substr(pair.find("=") + 1)
		if not answer[1] in [301, 302, 303, 307] or location.is_empty():
			return answer[3].get_string_from_utf8()
		url = url.get_slice("/", 0) + "//" + host + location if location.begins_with("/") else location
	return "sent around in circles"
