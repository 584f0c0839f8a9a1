## What the conflict dialog and the history panel say: a key for your translations, and the English it has without
## one.
extends RefCounted

const ENGLISH := {
	"AETHEX_CONFLICT_TITLE": "Two saves of \"{slot}\"",
	"AETHEX_CONFLICT_HINT": "You played here and on another device. Both are safe; with which do you go on?",
	"AETHEX_CONFLICT_HINT_ASKS": "You played here and on another device. What you did on both is put together; only this needs your answer.",
	"AETHEX_CONFLICT_HINT_ODD": "One of these saves looks like an accident. Both are safe; with which do you go on?",
	"AETHEX_CONFLICT_HINT_DELETED": "You played here, and this save was deleted on another device. What you have here is safe.",
	"AETHEX_CONFLICT_DELETED": "Deleted on another device",
	"AETHEX_CONFLICT_GONE": "Its content is not there any more",
	"AETHEX_CONFLICT_LOCAL": "This device",
	"AETHEX_CONFLICT_CLOUD": "The cloud",
	"AETHEX_CONFLICT_WHOLE": "The whole save",
	"AETHEX_CONFLICT_NOTHING": "nothing",
	"AETHEX_CONFLICT_KEEP_LOCAL": "Keep this device's",
	"AETHEX_CONFLICT_KEEP_CLOUD": "Keep the cloud's",
	"AETHEX_CONFLICT_KEEP_DELETED": "Delete it here, too",
	"AETHEX_CONFLICT_ONLY_LOCAL": "Take only this device's",
	"AETHEX_CONFLICT_ONLY_CLOUD": "Take only the cloud's",
	"AETHEX_CONFLICT_KEEP_BOTH": "Keep both",
	"AETHEX_CONFLICT_APPLY": "Put together",
	"AETHEX_CONFLICT_LATER": "Decide later",
	"AETHEX_CONFLICT_MORE": "… and {count} more fields with the same answer",
	"AETHEX_SAVE_PLAYED": "{hours} h {minutes} min played",
	"AETHEX_SAVE_PLAYED_MINUTES": "{minutes} min played",
	"AETHEX_SAVE_PLAYED_SECONDS": "{seconds} s played",
	"AETHEX_SAVE_NOW": "just now",
	"AETHEX_SAVE_SIZE": "{size}",
	"AETHEX_HISTORY_TITLE": "History of \"{slot}\"",
	"AETHEX_HISTORY_HINT": "Each save is kept. Going back adds a new one on top; nothing is lost.",
	"AETHEX_HISTORY_EMPTY": "There is no save yet.",
	"AETHEX_HISTORY_LOADING": "Reading the history…",
	"AETHEX_HISTORY_NOW": "now",
	"AETHEX_HISTORY_BESIDE": "played apart",
	"AETHEX_HISTORY_MERGED": "put together",
	"AETHEX_HISTORY_PINNED": "pinned",
	"AETHEX_HISTORY_PRUNED": "too old to load",
	"AETHEX_HISTORY_DELETED": "deleted",
	"AETHEX_HISTORY_RESTORE": "Go back to this",
	"AETHEX_HISTORY_PIN": "Keep for ever",
	"AETHEX_HISTORY_UNPIN": "Unpin",
	"AETHEX_HISTORY_CLOSE": "Close",
	"AETHEX_HISTORY_CHANGES": "From this save to now:",
	"AETHEX_HISTORY_SAME": "Nothing is different now.",
	"AETHEX_HISTORY_NO_DIFF": "The differences cannot be shown.",
	"AETHEX_HISTORY_NO_DIFF_OFFLINE": "The differences are shown when you are online.",
	"AETHEX_HISTORY_MORE": "… and more",
	"AETHEX_SAVES_ERROR_OFFLINE": "The server cannot be reached: try again when you are online.",
	"AETHEX_SAVES_ERROR_TIMEOUT": "The server did not answer in time: try again.",
	"AETHEX_SAVES_ERROR_NOT_LOGGED_IN": "Log in first.",
	"AETHEX_SAVES_ERROR_MERGE_UNANSWERED": "Choose for each line first.",
	"AETHEX_SAVES_ERROR_QUOTA_EXCEEDED": "Your space in the cloud is full: unpin or delete something first.",
	"AETHEX_SAVES_ERROR_RATE_LIMITED": "Too many tries: wait a little.",
	"AETHEX_SAVES_ERROR_OTHER": "This did not work: try again later.",
	"AETHEX_SAVES_ERROR_MISSING": "Cloud saves are not available on this platform.",
}
## Longest text of a value: what fits into a line.
const VALUE_LENGTH_MAX := 40


## The project's words for a key, or the English ones.
static func say(key: String, with: Dictionary = {}) -> String:
	var said := TranslationServer.translate(key)
	var text: String = ENGLISH.get(key, key) if said == key else String(said)
	return text.format(with)


## The words for an error of AeThexCloud, by its name.
static func problem(name: String) -> String:
	var key := "AETHEX_SAVES_ERROR_" + name.to_upper()
	return say(key if ENGLISH.has(key) else "AETHEX_SAVES_ERROR_OTHER")


## A value as a player can read it, in one line.
static func value(of: Variant) -> String:
	if of == null:
		return say("AETHEX_CONFLICT_NOTHING")
	# Nobody reads more digits.
	match typeof(of):
		TYPE_FLOAT: of = snappedf(of, 0.01)
		TYPE_VECTOR2: of = (of as Vector2).snapped(Vector2(0.1, 0.1))
		TYPE_VECTOR3: of = (of as Vector3).snapped(Vector3(0.1, 0.1, 0.1))
	var text := str(of).replace("\n", " ")
	return text if text.length() <= VALUE_LENGTH_MAX else text.left(VALUE_LENGTH_MAX - 1) + "…"


## The project's words for a path, by the path itself or by what it lies in; the path where there are none.
static func path(of: String, names: Dictionary) -> String:
	if of.is_empty():
		return say("AETHEX_CONFLICT_WHOLE")
	var known := of
	while not known.is_empty():
		if names.has(known):
			var words := String(names[known])
			return words if known == of or words.is_empty() else words + " " + of.substr(known.length())
		known = known.left(maxi(0, maxi(known.rfind("."), known.rfind("["))))
	return of


## A time in seconds since 1970 UTC, as the player's clock shows it.
static func time(timestamp: int) -> String:
	var local := timestamp + int(Time.get_time_zone_from_system().bias) * 60
	return Time.get_datetime_string_from_unix_time(local, true).left(16)


## Played time in seconds.
static func played(seconds: float) -> String:
	var minutes := int(seconds / 60.0)
	if minutes == 0:
		return say("AETHEX_SAVE_PLAYED_SECONDS", {"seconds": int(seconds)})
	if minutes < 60:
		return say("AETHEX_SAVE_PLAYED_MINUTES", {"minutes": minutes})
	return say("AETHEX_SAVE_PLAYED", {"hours": int(minutes / 60.0), "minutes": minutes % 60})


static func size(bytes: int) -> String:
	return say("AETHEX_SAVE_SIZE", {"size": String.humanize_size(bytes)})
