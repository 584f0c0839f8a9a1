## The way into a room: a quick match with whoever wants to play, a room of one's own, or a friend's code.
class_name Lobby
extends ColorRect

signal closed

## The queue and the mode of the rooms. A queue without rules of its own makes matches of as many as are asked for.
const MODE := "gem_hunt"
const PLAYERS_MAX := 4
const LOOK_SECONDS := 2.0

var _rooms := AeThexCloud.multiplayer
var _queue := AeThexCloud.multiplayer.matchmaking
var _proposed: AeThexMatch
var _since_ms := 0
## Counts the pages that were shown.
var _step := 0
## Looks at the ticket now and then.
var _look := Timer.new()

@onready var _message: Label = %Message


func _ready() -> void:
	(%Match2 as Button).pressed.connect(quick_match.bind(2))
	(%Match3 as Button).pressed.connect(quick_match.bind(3))
	(%Match4 as Button).pressed.connect(quick_match.bind(4))
	(%Create as Button).pressed.connect(create_room)
	(%Join as Button).pressed.connect(func() -> void: join_by_code((%CodeEdit as LineEdit).text))
	(%CodeEdit as LineEdit).text_submitted.connect(join_by_code)
	(%Waiting as Button).pressed.connect(cancel)
	(%Accept as Button).pressed.connect(answer.bind(true))
	(%Decline as Button).pressed.connect(answer.bind(false))
	(%Back as Button).pressed.connect(_on_back_pressed)
	_queue.match_proposed.connect(_on_match_proposed)
	_queue.match_found.connect(_on_match_found)
	_queue.match_cancelled.connect(_on_match_cancelled)
	_queue.queue_left.connect(_on_queue_left)
	_look.wait_time = LOOK_SECONDS
	_look.timeout.connect(_show_ticket)
	add_child(_look)


func open(message := "") -> void:
	_page(%Choose, message)
	show()


## Waits for a match of so many players: match_found tells.
func quick_match(players: int) -> void:
	_page(null, "Looking for players…")
	_since_ms = Time.get_ticks_msec()
	var step := _step
	var asked: AeThexResult = await _queue.join_queue({"mode": MODE, "players": players})
	if _step != step:
		return  # a match came sooner than the answer
	if asked.success:
		_wait("Looking for players…")
	else:
		_page(%Choose, _words(asked.error))


func cancel() -> void:
	_page(null)
	await _queue.leave_queue()
	_page(%Choose)


func create_room() -> void:
	_page(null, "Making a room…")
	var made: AeThexResult = await _rooms.create_room({"mode": MODE, "max_players": PLAYERS_MAX, "visibility": "unlisted"})
	_entered(made)


func join_by_code(code: String) -> void:
	_page(null, "Joining…")
	_entered(await _rooms.join_by_code(code.strip_edges().to_upper()))


## The player's word on a match that was proposed, in queues whose rules ask for it.
func answer(accept: bool) -> void:
	_page(null, "Waiting for the others' word…" if accept else "")
	var result: AeThexResult = await _queue.accept_match(_proposed.match_id, accept)
	if not result.success:
		_page(%Choose, _words(result.error))


func _on_match_proposed(match_info: AeThexMatch) -> void:
	_proposed = match_info
	var names: Array = match_info.players.map(func(who: AeThexMatchPlayer) -> String: return who.username)
	_page(%Proposal, "A match: %s" % ", ".join(names))
	(%Accept as Button).grab_focus()


func _on_match_found(match_info: AeThexMatch) -> void:
	_page(null, "Match found!")
	_entered(await _rooms.join_room(match_info.room_id))


func _on_match_cancelled(_match_id: String, requeued: bool) -> void:
	if requeued:
		_wait("Somebody did not accept. Looking on…")
	else:
		_page(%Choose, "The match did not come about.")


func _on_queue_left(_ticket_id: String, reason: String) -> void:
	_page(%Choose, {"expired": "Nobody wants to play right now.", "declined": "You did not accept."}.get(reason, ""))


## How long it may take, and why.
func _show_ticket() -> void:
	var result: AeThexResult = await _queue.status()
	if not (%Waiting as Control).visible or not result.success or result.ticket == null:
		return
	var ticket: AeThexQueueTicket = result.ticket
	var text := "Looking for players for %d s" % ((Time.get_ticks_msec() - _since_ms) / 1000.0)
	if ticket.wait_p50 >= 0.0:
		text += "; it often takes %d s" % ceili(ticket.wait_p50)
	for reason in ticket.reasons:
		text += "\n" + reason.message
	_message.text = text


## Once in a room SharedMeadow takes over; it hears room_joined.
func _entered(result: AeThexResult) -> void:
	if not result.success:
		_page(%Choose, _words(result.error))


func _words(error: AeThexError) -> String:
	match error.code:
		AeThexCloud.ERROR_ROOM_NOT_FOUND: return "There is no room with this code."
		AeThexCloud.ERROR_ROOM_FULL: return "The room is full."
		AeThexCloud.ERROR_QUEUE_PENALTY: return "You declined too often: wait %d s." % ceili(error.retry_after)
		AeThexCloud.ERROR_OFFLINE, AeThexCloud.ERROR_TIMEOUT: return "The server cannot be reached."
	return error.message


func _wait(message: String) -> void:
	_page(%Waiting, message)
	_look.start()


## Shows one group of buttons; none with null, while a call is under way.
func _page(page: Control, message := "") -> void:
	_step += 1
	_look.stop()
	(%Back as Button).visible = page != null
	for other: Control in [%Choose, %Waiting, %Proposal]:
		other.visible = other == page
	_message.text = message
	_message.visible = not message.is_empty()


func _on_back_pressed() -> void:
	_queue.leave_queue()
	hide()
	closed.emit()
