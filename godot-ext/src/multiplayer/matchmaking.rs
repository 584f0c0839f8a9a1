//! `AeThexCloud.multiplayer.matchmaking`: queues for matches.

use super::args::{id, request};
use super::info::{AeThexMatch, AeThexQueueTicket, AeThexRating};
use crate::call::{self, CALL_TIME_MAX};
use crate::error::argument;
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::{flag, text};
use aethex_sdk_core::wire::ids::{MatchId, QueueTicketId, RoomId};
use aethex_sdk_core::wire::multiplayer::matchmaking::{
    Backfill, QueueTicket, Rating, ReportedResult, TeamResult,
};
use aethex_sdk_core::{Error, PlayerId};
use godot::builtin::{AnyDictionary, GString, Signal, Variant};
use godot::classes::Object;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};

/// Queues for matches, as `AeThexCloud.multiplayer.matchmaking`.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexMatchmaking {
    base: Base<Object>,
}

#[godot_api]
impl AeThexMatchmaking {
    /// A match is found: join its room with `AeThexCloud.multiplayer.join_room(match_info.room_id)`.
    #[signal]
    fn match_found(match_info: Gd<AeThexMatch>);

    /// A match is proposed and waits for everyone's word: see [method accept_match].
    #[signal]
    fn match_proposed(match_info: Gd<AeThexMatch>);

    /// A proposed match came to nothing. With `requeued` the player's ticket waits on.
    #[signal]
    fn match_cancelled(match_id: GString, requeued: bool);

    /// A ticket ended without a match; `reason` is `"cancelled"`, `"declined"`, `"expired"` or
    /// `"party_changed"`: somebody came into the party, or left it.
    #[signal]
    fn queue_left(ticket_id: GString, reason: GString);

    /// Queues for a match. Keys, all optional: `mode`, `region`, `skill_range` (least and greatest rating to meet),
    /// `skill`, `latencies` (milliseconds by region), `attributes` (what the queue's rules ask for), `players` and
    /// `teams` (for queues without rules), `party` (true: with the party that the player leads). Yields
    /// `result.ticket`. [signal match_found] tells of the match.
    #[func]
    fn join_queue(&self, request: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let request = self::request(&request, "join_queue()")?;
                Ok(cloud.multiplayer().matchmaking().join_queue(request))
            },
            |ticket: QueueTicket| Ok(with_ticket(Some(&ticket))),
        )
    }

    /// Takes the player's ticket back. Without one nothing happens.
    #[func]
    fn leave_queue(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().matchmaking().leave_queue()),
            super::nothing,
        )
    }

    /// Reads the player's ticket: how far it is, how long such tickets wait, why it is not matched. Yields
    /// `result.ticket`; null without one.
    #[func]
    fn status(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().matchmaking().status()),
            |ticket: Option<QueueTicket>| Ok(with_ticket(ticket.as_ref())),
        )
    }

    /// Reads a ticket. Yields `result.ticket`.
    #[func]
    fn ticket(&self, ticket_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let ticket = id(&ticket_id, "ticket_id", QueueTicketId::parse)?;
                Ok(cloud.multiplayer().matchmaking().ticket(ticket))
            },
            |ticket: QueueTicket| Ok(with_ticket(Some(&ticket))),
        )
    }

    /// Accepts a proposed match, or declines it with false. The first word counts. Yields `result.ticket`.
    #[func]
    fn accept_match(
        &self,
        match_id: Variant,
        #[opt(default = Optional::default())] accept: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let accept = accept.given().map_or(Ok(true), |accept| flag(accept, "accept"))?;
                let match_id = id(&match_id, "match_id", MatchId::parse)?;
                Ok(cloud.multiplayer().matchmaking().accept_match(match_id, accept))
            },
            |ticket: QueueTicket| Ok(with_ticket(Some(&ticket))),
        )
    }

    /// Says how a match ended, as one of its players: each team's place from 1, as in `{"red": 1, "blue": 2}`. It
    /// counts once more than half of the players say the same: `result.settled`.
    #[func]
    fn report_result(&self, match_id: Variant, places: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let match_id = id(&match_id, "match_id", MatchId::parse)?;
                Ok(cloud.multiplayer().matchmaking().report_result(match_id, teams(&places)?))
            },
            |reported: ReportedResult| Ok(Fields::default().with("settled", reported.settled)),
        )
    }

    /// Fills the free seats of a match's room from its queue, as its host: until it is full, locked, decided or over.
    /// Asking again changes nothing. Who comes hears [signal match_found]. Yields `result.free_seats`.
    #[func]
    fn start_backfill(&self, room_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let room = id(&room_id, "room_id", RoomId::parse)?;
                Ok(cloud.multiplayer().matchmaking().start_backfill(room))
            },
            |backfill: Backfill| Ok(Fields::default().with("free_seats", i64::from(backfill.free_seats))),
        )
    }

    /// Fills a room no more, as its host; also one that the queue's rules fill by themselves.
    #[func]
    fn stop_backfill(&self, room_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let room = id(&room_id, "room_id", RoomId::parse)?;
                Ok(cloud.multiplayer().matchmaking().stop_backfill(room))
            },
            super::nothing,
        )
    }

    /// Reads a player's rating in a queue; one's own without a player. Yields `result.rating`.
    #[func]
    fn rating(&self, mode: Variant, #[opt(default = Optional::default())] player_id: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let player =
                    player_id.given().map(|given| id(given, "player_id", PlayerId::parse)).transpose()?;
                Ok(cloud.multiplayer().matchmaking().rating(&text(&mode, "mode")?, player))
            },
            |rating: Rating| Ok(Fields::default().with("rating", AeThexRating::of(&rating))),
        )
    }
}

fn with_ticket(ticket: Option<&QueueTicket>) -> Fields {
    Fields::default().with("ticket", ticket.map(AeThexQueueTicket::of))
}

fn teams(places: &Variant) -> Result<Vec<TeamResult>, Error> {
    let places = places
        .try_to::<AnyDictionary>()
        .map_err(|_| argument("places must be a dictionary, for example {\"red\": 1, \"blue\": 2}"))?;
    let mut teams = Vec::new();
    for (team, place) in places.iter_shared() {
        let place = place.try_to::<i64>().ok().and_then(|place| u32::try_from(place).ok());
        let place = place.filter(|place| *place > 0).ok_or_else(|| argument("a place is 1 or more"))?;
        teams.push(TeamResult { team: text(&team, "a team")?, place });
    }
    Ok(teams)
}
