//! Matchmaking: tickets, matches, queues with their rule sets, ratings.

use super::{JoinedRoom, Metadata};
use crate::endpoint::{None, endpoint};
use crate::ids::{MatchId, PlayerId, QueueTicketId, RoomId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most regions of a ticket.
pub const REGIONS_MAX: usize = 32;
/// Longest latency that is told, in milliseconds.
pub const LATENCY_MS_MAX: u32 = 10_000;
/// Longest rule set, in bytes of JSON.
pub const RULES_LEN_MAX: usize = 64 * 1024;
/// How long a proposed match waits for everyone's word when its rules do not say, in milliseconds.
pub const ACCEPT_MS_DEFAULT: u32 = 10_000;
/// Most attributes of a player in a ticket.
pub const ATTRIBUTES_MAX: usize = 32;

/// What a player asks for: `join_queue({mode, region, skill_range, …})`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct JoinQueueRequest {
    /// The queue: a game mode. One without a rule set of its own has the default rules.
    pub mode: String,
    /// The region to play in; any when empty.
    pub region: String,
    /// Ratings of players to meet: least and greatest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_range: Option<[f64; 2]>,
    /// The player's own measure of skill, for games that do not report results; the rating that is kept wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill: Option<f64>,
    /// Milliseconds to each region, as measured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub latencies: BTreeMap<String, u32>,
    /// What the rule set asks of players.
    pub attributes: Metadata,
    /// Players a match has, when the queue has no rule set: 2 to 128; 2 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub players: Option<u16>,
    /// Teams a match has, when the queue has no rule set; one each when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams: Option<u16>,
    /// Queue as the party that the player leads.
    pub party: bool,
}

/// How far a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// Waits for a match.
    Queued,
    /// A match waits for everyone's word.
    Proposed,
    /// There is a room.
    Matched,
    /// Was taken back, or declined.
    Cancelled,
    /// Waited for too long.
    Expired,
}

/// Why a ticket is not matched yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reason {
    /// In one word: `few_players`, `skill`, `latency`, `rule`, `party_size`, `region`.
    pub code: String,
    /// In words.
    pub message: String,
    /// When this gets wider, in milliseconds from now; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eases_in_ms: Option<i64>,
}

/// A ticket in a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueueTicket {
    /// Its id.
    pub id: QueueTicketId,
    /// The queue.
    pub mode: String,
    /// How far it is.
    pub status: TicketStatus,
    /// Who is on it.
    pub players: Vec<PlayerId>,
    /// Since when, in milliseconds of Unix time.
    pub created_at_ms: i64,
    /// How long half of such tickets waited of late, in milliseconds; absent when too few did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_p50_ms: Option<i64>,
    /// How long nine in ten waited at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_p90_ms: Option<i64>,
    /// Why it is not matched yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The match that was proposed or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_info: Option<MatchInfo>,
}

/// A player of a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MatchPlayer {
    /// Who.
    pub player_id: PlayerId,
    /// The player's name.
    pub username: String,
    /// The team's name.
    pub team: String,
}

/// A match. When it is found, it has a room, and each player's seat in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MatchInfo {
    /// Its id.
    pub match_id: MatchId,
    /// The queue.
    pub mode: String,
    /// The region that it is played in; empty when the tickets named none.
    pub region: String,
    /// Who plays, team by team. Others may come for who left; when the room is over, everyone who played.
    pub players: Vec<MatchPlayer>,
    /// Until when everyone must accept, in milliseconds of Unix time; absent once found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_by_ms: Option<i64>,
    /// The room; once found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// The reader's seat in the room; once found. Joining the room again gives another ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<JoinedRoom>,
}

/// A player's word on a proposed match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptMatchRequest {
    /// Yes or no. The first word counts.
    pub accept: bool,
}

/// How one team fared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TeamResult {
    /// The team's name.
    pub team: String,
    /// Its place, from 1; equal places are a draw.
    pub place: u32,
}

/// How a match ended. From players it counts once more than half of them say the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportResultRequest {
    /// Each team's place.
    pub teams: Vec<TeamResult>,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportedResult {
    /// Whether the result counts now.
    pub settled: bool,
    /// Players who reported the same.
    pub agreeing: u32,
    /// Players whose word is needed.
    pub needed: u32,
}

/// How good a player is, as results tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rating {
    /// Who.
    pub player_id: PlayerId,
    /// The queue.
    pub mode: String,
    /// The estimate; 1,500 for who never played.
    pub rating: f64,
    /// Its standard deviation.
    pub deviation: f64,
    /// Results that it is made of.
    pub matches: i64,
}

/// Which rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RatingQuery {
    /// The queue.
    pub mode: String,
}

/// A match's room that asks its queue for players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Backfill {
    /// The room.
    pub room_id: RoomId,
    /// The queue.
    pub mode: String,
    /// Since when it asks, in milliseconds of Unix time.
    pub since_ms: i64,
    /// Seats that are free.
    pub free_seats: u16,
}

/// A queue's rule set: in the form of FlexMatch, where it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QueueRules {
    /// The rule set.
    pub rules: serde_json::Value,
}

endpoint! {
    /// Queue for a match. A player has one ticket at a time: asking again with the same answers with it.
    JoinQueue, "multiplayer_join_queue", Post "/api/v1/multiplayer/matchmaking/tickets", Player, 201,
    None, JoinQueueRequest => QueueTicket
}
endpoint! {
    /// Look at one's ticket: its state, how long such tickets wait, why it is not matched.
    GetQueueTicket, "multiplayer_get_ticket", Get "/api/v1/multiplayer/matchmaking/tickets/{ticket_id}", Player, 200,
    None, None => QueueTicket
}
endpoint! {
    /// The ticket that the player has now.
    CurrentQueueTicket, "multiplayer_current_ticket", Get "/api/v1/multiplayer/matchmaking/ticket", Player, 200,
    None, None => QueueTicket
}
endpoint! {
    /// Take a ticket back.
    LeaveQueue, "multiplayer_leave_queue", Delete "/api/v1/multiplayer/matchmaking/tickets/{ticket_id}", Player, 204,
    None, None => None
}
endpoint! {
    /// Accept or decline a proposed match.
    AcceptMatch, "multiplayer_accept_match", Post "/api/v1/multiplayer/matchmaking/matches/{match_id}/accept", Player, 200,
    None, AcceptMatchRequest => QueueTicket
}
endpoint! {
    /// Say how a match ended, as one of its players.
    ReportResult, "multiplayer_report_result", Post "/api/v1/multiplayer/matchmaking/matches/{match_id}/result", Player, 200,
    None, ReportResultRequest => ReportedResult
}
endpoint! {
    /// Say how a match ended, as the game's server: it counts at once.
    SettleResult, "multiplayer_settle_result", Post "/api/v1/server/multiplayer/matches/{match_id}/result", Server, 200,
    None, ReportResultRequest => ReportedResult
}
endpoint! {
    /// A player's rating in a queue.
    GetRating, "multiplayer_get_rating", Get "/api/v1/multiplayer/ratings/{player_id}", Player, 200,
    RatingQuery, None => Rating
}
endpoint! {
    /// A queue's rule set.
    GetQueueRules, "multiplayer_get_queue_rules", Get "/api/v1/server/multiplayer/queues/{mode}", Server, 200,
    None, None => QueueRules
}
endpoint! {
    /// Give a queue a rule set. Constructs that are not known are refused by name.
    PutQueueRules, "multiplayer_put_queue_rules", Put "/api/v1/server/multiplayer/queues/{mode}", Server, 200,
    None, QueueRules => QueueRules
}
endpoint! {
    /// Give a queue the default rules again.
    DeleteQueueRules, "multiplayer_delete_queue_rules", Delete "/api/v1/server/multiplayer/queues/{mode}", Server, 204,
    None, None => None
}
endpoint! {
    /// Fill the free seats of a match's room from its queue, as its host: until it is full, locked, decided or over.
    /// Asking again changes nothing.
    StartBackfill, "multiplayer_start_backfill", Post "/api/v1/multiplayer/rooms/{room_id}/backfill", Player, 200,
    None, None => Backfill
}
endpoint! {
    /// Fill a room no more, as its host; also one that the queue's rules fill by themselves.
    StopBackfill, "multiplayer_stop_backfill", Delete "/api/v1/multiplayer/rooms/{room_id}/backfill", Player, 204,
    None, None => None
}
endpoint! {
    /// Fill the free seats of a match's room from its queue, as the game's server.
    ServerStartBackfill, "multiplayer_server_start_backfill", Post "/api/v1/server/multiplayer/rooms/{room_id}/backfill",
    Server, 200,
    None, None => Backfill
}
endpoint! {
    /// Fill a room no more, as the game's server.
    ServerStopBackfill, "multiplayer_server_stop_backfill", Delete "/api/v1/server/multiplayer/rooms/{room_id}/backfill",
    Server, 204,
    None, None => None
}
