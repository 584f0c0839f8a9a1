## Playing together: the lobby, and the shared meadow once there is a room.
class_name Together
extends Node

## Back to the player's own meadow.
signal closed

@onready var meadow: SharedMeadow = $Meadow
@onready var lobby: Lobby = $Ui/Lobby
@onready var hud: RoomHud = $Ui/RoomHud


func _ready() -> void:
	hud.follow(meadow)
	hud.leave_pressed.connect(meadow.leave)
	lobby.closed.connect(closed.emit)
	meadow.joined.connect(_on_joined)
	meadow.left.connect(_on_left)


## [param hat]: what the player wears at home.
func open(hat: String) -> void:
	meadow.player.hat = hat
	lobby.open()


func _on_joined(room: AeThexRoom) -> void:
	lobby.hide()
	hud.open(room)


func _on_left(reason: String) -> void:
	hud.hide()
	lobby.open({
		"kicked": "The host sent you out.", "closed": "The room was closed.", "timed_out": "The connection was lost for too long.",
		"refused": "The room does not let you in any more.",
	}.get(reason, ""))
