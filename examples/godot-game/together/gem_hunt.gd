## The rules of the gem hunt, as the room's host keeps them: who took what, and who has won.
##
## It knows nothing of the network. The host changes it and tells all of it to the others; whoever is the host next
## goes on from there.
class_name GemHunt
extends RefCounted

## Gems that lie in the meadow at once.
const GEMS := 8
## So many gems win a round.
const GOAL := 10

## Gems that are there: id to place.
var gems: Dictionary = {}
## Gems taken in this round, by player id.
var scores: Dictionary = {}
## The player id of who has won the round; empty while it is on.
var winner := ""
## Rounds that began; 0 before the first.
var rounds := 0

var _next_id := 0


func begin_round() -> void:
	rounds += 1
	winner = ""
	scores.clear()
	gems.clear()


## Puts gems where there are too few; [param place] answers with a place for one.
func fill(place: Callable) -> void:
	while winner.is_empty() and gems.size() < GEMS:
		gems[_next_id] = place.call()
		_next_id += 1


## Gives a gem to a player; false when it is gone.
func take(id: int, player_id: String) -> bool:
	if not gems.erase(id):
		return false
	scores[player_id] = score(player_id) + 1
	if score(player_id) >= GOAL:
		winner = player_id
		gems.clear()
	return true


func score(player_id: String) -> int:
	return scores.get(player_id, 0)


func to_dictionary() -> Dictionary:
	return {"gems": gems, "scores": scores, "winner": winner, "rounds": rounds, "next_id": _next_id}


## Takes over what the host says; false when it makes no sense: a host is only another player's machine.
func take_over(said: Variant) -> bool:
	if not said is Dictionary or not said.get("gems") is Dictionary or not said.get("scores") is Dictionary:
		return false
	if not said.get("winner") is String or not said.get("rounds") is int or not said.get("next_id") is int:
		return false
	var is_gem := func(id: Variant) -> bool: return id is int and said.gems[id] is Vector2
	var is_score := func(id: Variant) -> bool: return id is String and said.scores[id] is int
	if not said.gems.keys().all(is_gem) or not said.scores.keys().all(is_score):
		return false
	gems = said.gems
	scores = said.scores
	winner = said.winner
	rounds = said.rounds
	_next_id = said.next_id
	return true
