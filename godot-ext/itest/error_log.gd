## Collects the errors that the engine logs, scripts' own among them. It is written in GDScript on purpose:
## a logger of an extension is called on threads that the extension's language does not know.
class_name ErrorLog
extends Logger

var _lines: PackedStringArray = []
var _lock := Mutex.new()


func _log_error(function: String, file: String, line: int, code: String, rationale: String,
		_editor_notify: bool, error_type: int, _backtraces: Array[ScriptBacktrace]) -> void:
	if error_type == ERROR_TYPE_WARNING:
		return
	_lock.lock()
	_lines.append("error logged: %s %s (%s:%d, %s)" % [code, rationale, file, line, function])
	_lock.unlock()


func taken() -> PackedStringArray:
	_lock.lock()
	var lines := _lines
	_lines = []
	_lock.unlock()
	return lines
