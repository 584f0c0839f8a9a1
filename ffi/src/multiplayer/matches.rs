//! Tickets, matches and ratings, as callbacks and events are lent them.

use crate::call::{Head, Lent, aethex_op, size_for_c};
use crate::error::aethex_error;
use crate::strings::aethex_str;
use aethex_sdk_core::Error;
use aethex_wire::multiplayer::matchmaking::{
    MatchInfo, MatchPlayer, QueueTicket, Rating, Reason, ReportedResult, TicketStatus,
};
use std::ffi::c_void;
use std::ptr::null;

/// How far a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_ticket_status {
    /// Waits for a match.
    AETHEX_TICKET_QUEUED = 0,
    /// A match waits for everyone's word.
    AETHEX_TICKET_PROPOSED = 1,
    /// There is a room.
    AETHEX_TICKET_MATCHED = 2,
    /// Was taken back, or declined.
    AETHEX_TICKET_CANCELLED = 3,
    /// Waited for too long.
    AETHEX_TICKET_EXPIRED = 4,
}

/// A player of a match.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_match_player {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The player's id.
    pub player_id: aethex_str,
    /// The player's name.
    pub username: aethex_str,
    /// The team's name.
    pub team: aethex_str,
}

/// A match that was proposed or found.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_match {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Its id.
    pub match_id: aethex_str,
    /// The room to join; empty while the match is only proposed.
    pub room_id: aethex_str,
    /// The queue.
    pub mode: aethex_str,
    /// The region that it is played in; empty when the tickets named none.
    pub region: aethex_str,
    /// Who plays, team by team, as an array of pointers.
    pub players: *const *const aethex_match_player,
    /// How many players.
    pub player_count: usize,
    /// Until when everyone must accept, milliseconds since 1970 UTC; 0 once found.
    pub accept_by_ms: i64,
}

/// Why a ticket is not matched yet.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_wait_reason {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// In one word: `few_players`, `skill`, `latency`, `rule`, `party_size`, `region`.
    pub code: aethex_str,
    /// In words.
    pub message: aethex_str,
    /// Milliseconds until this gets wider; -1 when it does not.
    pub eases_in_ms: i64,
}

/// A ticket in a queue.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_queue_ticket {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_ticket_status`.
    pub status: i32,
    /// Its id.
    pub id: aethex_str,
    /// The queue.
    pub mode: aethex_str,
    /// Ids of who is on it.
    pub players: *const aethex_str,
    /// How many players.
    pub player_count: usize,
    /// Since when, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// How long half of such tickets waited of late, in milliseconds; -1 when too few did.
    pub wait_p50_ms: i64,
    /// How long nine in ten waited at most; -1 when too few did.
    pub wait_p90_ms: i64,
    /// Why it is not matched yet, as an array of pointers; null when it is.
    pub reasons: *const *const aethex_wait_reason,
    /// How many reasons.
    pub reason_count: usize,
    /// The match that was proposed or found; null before.
    pub match_info: *const aethex_match,
}

/// How good a player is, as results tell it.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_rating {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The player's id.
    pub player_id: aethex_str,
    /// The queue.
    pub mode: aethex_str,
    /// The estimate; 1,500 for who never played.
    pub rating: f64,
    /// Its standard deviation.
    pub deviation: f64,
    /// Results that it is made of.
    pub matches: i64,
}

/// Result of a request that ends with a ticket.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_ticket_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The ticket; null on failure, and when the player has none.
    pub ticket: *const aethex_queue_ticket,
}

/// Result of a report of how a match ended.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_reported_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// Whether the result counts now.
    pub settled: bool,
    /// Players who reported the same.
    pub agreeing: u32,
    /// Players whose word is needed.
    pub needed: u32,
}

/// Result of a question for a rating.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_rating_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The rating; null on failure.
    pub rating: *const aethex_rating,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_ticket_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_ticket_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_reported_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_reported_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_rating_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_rating_result)>;

/// A match for C, lent.
pub(crate) fn lend_match(lent: &mut Lent, info: &MatchInfo) -> aethex_match {
    let (players, player_count) = lent.all(&info.players, |lent, player: &MatchPlayer| aethex_match_player {
        struct_size: size_for_c::<aethex_match_player>(),
        player_id: lent.text(player.player_id.as_str()),
        username: lent.text(&player.username),
        team: lent.text(&player.team),
    });
    aethex_match {
        struct_size: size_for_c::<aethex_match>(),
        match_id: lent.text(info.match_id.as_str()),
        room_id: lent.text(info.room_id.as_ref().map_or("", |id| id.as_str())),
        mode: lent.text(&info.mode),
        region: lent.text(&info.region),
        players,
        player_count,
        accept_by_ms: info.accept_by_ms.unwrap_or(0),
    }
}

fn lend_ticket(lent: &mut Lent, ticket: &QueueTicket) -> aethex_queue_ticket {
    let (players, player_count) = lent.list(ticket.players.iter().map(|id| id.as_str()));
    let (reasons, reason_count) = lent.all(&ticket.reasons, |lent, reason: &Reason| aethex_wait_reason {
        struct_size: size_for_c::<aethex_wait_reason>(),
        code: lent.text(&reason.code),
        message: lent.text(&reason.message),
        eases_in_ms: reason.eases_in_ms.unwrap_or(-1),
    });
    let match_info = ticket.match_info.as_ref().map_or(null(), |info| {
        let info = lend_match(lent, info);
        lent.one(info)
    });
    aethex_queue_ticket {
        struct_size: size_for_c::<aethex_queue_ticket>(),
        status: status(ticket.status) as i32,
        id: lent.text(ticket.id.as_str()),
        mode: lent.text(&ticket.mode),
        players,
        player_count,
        created_at_ms: ticket.created_at_ms,
        wait_p50_ms: ticket.wait_p50_ms.unwrap_or(-1),
        wait_p90_ms: ticket.wait_p90_ms.unwrap_or(-1),
        reasons,
        reason_count,
        match_info,
    }
}

fn status(status: TicketStatus) -> aethex_ticket_status {
    match status {
        TicketStatus::Queued => aethex_ticket_status::AETHEX_TICKET_QUEUED,
        TicketStatus::Proposed => aethex_ticket_status::AETHEX_TICKET_PROPOSED,
        TicketStatus::Matched => aethex_ticket_status::AETHEX_TICKET_MATCHED,
        TicketStatus::Cancelled => aethex_ticket_status::AETHEX_TICKET_CANCELLED,
        TicketStatus::Expired => aethex_ticket_status::AETHEX_TICKET_EXPIRED,
    }
}

pub(crate) fn lend_ticket_result(
    lent: &mut Lent,
    head: Head,
    result: Result<Option<QueueTicket>, Error>,
) -> aethex_ticket_result {
    let ticket = result.ok().flatten().map_or(null(), |ticket| {
        let ticket = lend_ticket(lent, &ticket);
        lent.one(ticket)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_ticket_result>();
    aethex_ticket_result { struct_size, error, op, message, retryable, ticket }
}

pub(crate) fn lend_reported(
    _: &mut Lent,
    head: Head,
    result: Result<ReportedResult, Error>,
) -> aethex_reported_result {
    let said = result.ok();
    let settled = said.as_ref().is_some_and(|said| said.settled);
    let (agreeing, needed) = said.map_or((0, 0), |said| (said.agreeing, said.needed));
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_reported_result>();
    aethex_reported_result { struct_size, error, op, message, retryable, settled, agreeing, needed }
}

pub(crate) fn lend_rating(
    lent: &mut Lent,
    head: Head,
    result: Result<Rating, Error>,
) -> aethex_rating_result {
    let rating = result.ok().map_or(null(), |rating| {
        let rating = aethex_rating {
            struct_size: size_for_c::<aethex_rating>(),
            player_id: lent.text(rating.player_id.as_str()),
            mode: lent.text(&rating.mode),
            rating: rating.rating,
            deviation: rating.deviation,
            matches: rating.matches,
        };
        lent.one(rating)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_rating_result>();
    aethex_rating_result { struct_size, error, op, message, retryable, rating }
}
