//! Queues for matches. What comes of a ticket arrives as events.

use super::matches::{
    aethex_rating_callback, aethex_reported_callback, aethex_ticket_callback, lend_rating, lend_reported,
    lend_ticket_result,
};
use super::options::refusal;
use crate::call::{aethex_callback, aethex_op, done, request, request_plain};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use crate::value::{aethex_value, snapshot, to_json};
use aethex_sdk_core::{Error, Json, PlayerId, Value};
use aethex_wire::ids::{MatchId, QueueTicketId, RoomId};
use aethex_wire::multiplayer::matchmaking::{JoinQueueRequest, TeamResult};
use std::ffi::c_void;

/// Queues for a match, as the dictionary `wanted` says. Its keys, all optional: `mode`, `region`, `skill_range` (an
/// array: least and greatest rating to meet), `skill`, `latencies` (milliseconds by region), `attributes` (what the
/// queue's rules ask for), `players` and `teams` (for queues without rules), `party` (true: with the party that the
/// player leads). A key that is not known fails the request by name. The value stays yours; 0 is the empty
/// dictionary.
///
/// A player has one ticket at a time: asking again with the same answers with it. `AETHEX_EVENT_MATCH_PROPOSED` and
/// `AETHEX_EVENT_MATCH_FOUND` tell of the match.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_join_queue(
    cloud: aethex_cloud,
    wanted: aethex_value,
    callback: aethex_ticket_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let wanted = if wanted == 0 { None } else { Some(snapshot(wanted)?) };
        let matchmaking = entry.cloud.multiplayer().matchmaking();
        let work = async move {
            let wanted =
                wanted.map_or_else(|| Ok(JoinQueueRequest::default()), |wanted| ticket(wanted.value()))?;
            matchmaking.join_queue(wanted).await.map(Some)
        };
        request(&entry, op, work, done(callback, user_data, lend_ticket_result))
    })
}

/// Takes the player's ticket back. Without one nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_leave_queue(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().matchmaking().leave_queue();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Reads the player's ticket: how far it is, how long such tickets wait, why it is not matched. Null without one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_status(
    cloud: aethex_cloud,
    callback: aethex_ticket_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().matchmaking().status();
        request(&entry, op, work, done(callback, user_data, lend_ticket_result))
    })
}

/// Reads a ticket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_ticket(
    cloud: aethex_cloud,
    ticket: aethex_str,
    callback: aethex_ticket_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let ticket = ticket.id(QueueTicketId::parse)?;
        let work = entry.cloud.multiplayer().matchmaking().ticket(ticket);
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_ticket_result))
    })
}

/// Accepts a proposed match, or declines it with false. The first word counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_accept_match(
    cloud: aethex_cloud,
    match_id: aethex_str,
    accept: bool,
    callback: aethex_ticket_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let match_id = match_id.id(MatchId::parse)?;
        let work = entry.cloud.multiplayer().matchmaking().accept_match(match_id, accept);
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_ticket_result))
    })
}

/// Says how a match ended, as one of its players: each team's place from 1, as in the dictionary `{"red": 1, "blue":
/// 2}`. It counts once more than half of the players say the same. The value stays yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_report_result(
    cloud: aethex_cloud,
    match_id: aethex_str,
    places: aethex_value,
    callback: aethex_reported_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (match_id, places) = (match_id.id(MatchId::parse)?, snapshot(places)?);
        let matchmaking = entry.cloud.multiplayer().matchmaking();
        let work = async move { matchmaking.report_result(match_id, teams(places.value())?).await };
        request(&entry, op, work, done(callback, user_data, lend_reported))
    })
}

/// Fills the free seats of a match's room from its queue, as its host: until it is full, locked, decided or over. Asking
/// again changes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_start_backfill(
    cloud: aethex_cloud,
    room: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let room = room.id(RoomId::parse)?;
        let work = entry.cloud.multiplayer().matchmaking().start_backfill(room);
        let work = async move { work.await.map(drop) };
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Fills a room no more, as its host; also one that the queue's rules fill by themselves.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_stop_backfill(
    cloud: aethex_cloud,
    room: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let room = room.id(RoomId::parse)?;
        let work = entry.cloud.multiplayer().matchmaking().stop_backfill(room);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Reads a player's rating in a queue; the player's own when `player` is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_matchmaking_rating(
    cloud: aethex_cloud,
    mode: aethex_str,
    player: aethex_str,
    callback: aethex_rating_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let mode = mode.owned()?;
        let player = if player.len == 0 { None } else { Some(player.id(PlayerId::parse)?) };
        let work = entry.cloud.multiplayer().matchmaking().rating(&mode, player);
        request(&entry, op, work, done(callback, user_data, lend_rating))
    })
}

/// What is asked of a queue.
fn ticket(wanted: &Value) -> Result<JoinQueueRequest, Error> {
    let wanted = to_json(wanted).map_err(|error| refusal(format!("join_queue: {}", error.message)))?;
    serde_json::from_value(wanted).map_err(|error| refusal(format!("join_queue: {error}")))
}

/// Each team's place.
fn teams(places: &Value) -> Result<Vec<TeamResult>, Error> {
    const FORM: &str =
        "places is a dictionary of teams and places from 1, for example {\"red\": 1, \"blue\": 2}";
    let refuse = || refusal(FORM.to_owned());
    let Json::Object(places) = to_json(places)? else { return Err(refuse()) };
    let team = |(team, place): (String, Json)| {
        let place = place.as_u64().and_then(|place| u32::try_from(place).ok()).filter(|place| *place > 0);
        Ok(TeamResult { team, place: place.ok_or_else(refuse)? })
    };
    places.into_iter().map(team).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::plain;
    use aethex_sdk_core::ErrorCode;
    use serde_json::json;

    #[test]
    fn a_ticket_is_what_the_dictionary_says() {
        let asked = ticket(&plain(json!({
            "mode": "duel", "region": "eu", "skill_range": [1000, 1400.5], "players": 4, "teams": 2,
            "latencies": {"eu": 20}, "attributes": {"map": "ice"}, "party": true,
        })));
        let asked = asked.unwrap();
        assert_eq!((asked.mode.as_str(), asked.skill_range), ("duel", Some([1000.0, 1400.5])));
        assert_eq!((asked.players, asked.teams, asked.party), (Some(4), Some(2), true));
        assert_eq!((asked.latencies["eu"], asked.attributes["map"].as_str()), (20, Some("ice")));
        for (wrong, named) in [(json!({"moed": "duel"}), "moed"), (json!({"players": "4"}), "join_queue")] {
            let refused = ticket(&plain(wrong)).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidArgument);
            assert!(refused.message.contains(named), "{}", refused.message);
        }
    }

    #[test]
    fn places_begin_with_one() {
        let places = teams(&plain(json!({"red": 1, "blue": 2}))).unwrap();
        assert_eq!(places.len(), 2);
        for wrong in [json!({"red": 0}), json!({"red": -1}), json!({"red": 1.5}), json!([1]), json!(null)] {
            assert_eq!(teams(&plain(wrong)).unwrap_err().code, ErrorCode::InvalidArgument);
        }
    }
}
