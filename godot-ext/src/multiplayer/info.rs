//! What is known about rooms, their players, matches and tickets.

use crate::convert::from_json;
use crate::user::text;
use aethex_sdk_core::wire::multiplayer::matchmaking::{
    MatchInfo, MatchPlayer, QueueTicket, Rating, Reason, TicketStatus,
};
use aethex_sdk_core::wire::multiplayer::{Metadata, Room, Visibility};
use aethex_sdk_core::{Json, RoomHandle, RoomMember};
use godot::builtin::{Array, GString, PackedStringArray, VarDictionary, vdict};
use godot::classes::IRefCounted;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// A player in a room.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexRoomPlayer {
    /// The player's id.
    #[var(no_set)]
    player_id: GString,
    /// The player's name.
    #[var(no_set)]
    username: GString,
    /// The place in the room while the player has it: 0 to 127. Another player may have it later.
    #[var(no_set)]
    seat: i64,
    /// Whether the player's connection is open. A seat is held for a minute when it drops.
    #[var(no_set)]
    connected: bool,
}

#[godot_api]
impl IRefCounted for AeThexRoomPlayer {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexRoomPlayer {} on seat {}>", self.username, self.seat))
    }
}

#[godot_api]
impl AeThexRoomPlayer {}

impl AeThexRoomPlayer {
    pub(crate) fn of(player: &RoomMember) -> Gd<AeThexRoomPlayer> {
        let mut made = AeThexRoomPlayer::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.player_id = GString::from(player.player_id.as_str());
            fields.username = text(&player.username);
            fields.seat = i64::from(player.seat);
            fields.connected = player.connected;
        }
        made
    }
}

/// A room, as it was when it was asked for.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexRoom {
    /// Its id, for [method AeThexMultiplayer.join_room].
    #[var(no_set)]
    id: GString,
    /// The same as [member id], as in a match.
    #[var(no_set)]
    room_id: GString,
    /// Its join code, for [method AeThexMultiplayer.join_by_code].
    #[var(no_set)]
    code: GString,
    /// Its name; empty when it has none.
    #[var(no_set)]
    name: GString,
    /// The game mode; empty when it has none.
    #[var(no_set)]
    mode: GString,
    /// The region; empty when it has none.
    #[var(no_set)]
    region: GString,
    /// The host's player id: who may change, lock and close the room. Passes on when the host is gone.
    #[var(no_set)]
    host_id: GString,
    /// Seats taken.
    #[var(no_set)]
    player_count: i64,
    /// Seats there are.
    #[var(no_set)]
    max_players: i64,
    /// Who finds it: `"public"`, `"unlisted"` or `"private"`.
    #[var(no_set)]
    visibility: GString,
    /// Nobody new comes in.
    #[var(no_set)]
    locked: bool,
    /// Joining needs the password.
    #[var(no_set)]
    has_password: bool,
    /// The game's own data.
    #[var(no_set)]
    metadata: VarDictionary,
    /// How often states leave, in milliseconds.
    #[var(no_set)]
    tick_ms: i64,
    /// When it was made, in seconds since 1970 UTC.
    #[var(no_set)]
    created_at: i64,
    /// Who is in it, of a room that the player is in; empty in lists.
    #[var(no_set)]
    players: Array<Gd<AeThexRoomPlayer>>,
}

#[godot_api]
impl IRefCounted for AeThexRoom {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexRoom {} ({} of {})>", self.code, self.player_count, self.max_players))
    }
}

#[godot_api]
impl AeThexRoom {}

impl AeThexRoom {
    pub(crate) fn of(room: &Room) -> Gd<AeThexRoom> {
        let mut made = AeThexRoom::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(room.id.as_str());
            fields.room_id = GString::from(room.id.as_str());
            fields.code = text(&room.code);
            fields.name = text(&room.name);
            fields.mode = text(&room.mode);
            fields.region = text(&room.region);
            fields.host_id = room.host_id.as_ref().map(|id| GString::from(id.as_str())).unwrap_or_default();
            fields.player_count = i64::from(room.player_count);
            fields.max_players = i64::from(room.max_players);
            fields.visibility = GString::from(visibility_name(room.visibility));
            fields.locked = room.locked;
            fields.has_password = room.has_password;
            fields.metadata = metadata(&room.metadata);
            fields.tick_ms = i64::from(room.tick_ms);
            fields.created_at = room.created_at_ms.div_euclid(1000);
            fields.players = Array::new();
        }
        made
    }
}

/// A player of a match.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexMatchPlayer {
    /// The player's id.
    #[var(no_set)]
    player_id: GString,
    /// The player's name.
    #[var(no_set)]
    username: GString,
    /// The team's name.
    #[var(no_set)]
    team: GString,
}

#[godot_api]
impl IRefCounted for AeThexMatchPlayer {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexMatchPlayer {} of {}>", self.username, self.team))
    }
}

#[godot_api]
impl AeThexMatchPlayer {}

impl AeThexMatchPlayer {
    pub(crate) fn of(player: &MatchPlayer) -> Gd<AeThexMatchPlayer> {
        let mut made = AeThexMatchPlayer::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.player_id = GString::from(player.player_id.as_str());
            fields.username = text(&player.username);
            fields.team = text(&player.team);
        }
        made
    }
}

/// A match that was proposed or found.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexMatch {
    /// Its id, for [method AeThexMatchmaking.accept_match].
    #[var(no_set)]
    match_id: GString,
    /// The room to join; empty while the match is only proposed.
    #[var(no_set)]
    room_id: GString,
    /// The queue.
    #[var(no_set)]
    mode: GString,
    /// Where it is played; empty when nobody named a region.
    #[var(no_set)]
    region: GString,
    /// Who plays, team by team.
    #[var(no_set)]
    players: Array<Gd<AeThexMatchPlayer>>,
    /// Until when everyone must accept, in seconds since 1970 UTC; 0 once it is found.
    #[var(no_set)]
    accept_by: i64,
}

#[godot_api]
impl IRefCounted for AeThexMatch {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexMatch {} in room {}>", self.mode, self.room_id))
    }
}

#[godot_api]
impl AeThexMatch {}

impl AeThexMatch {
    pub(crate) fn of(found: &MatchInfo) -> Gd<AeThexMatch> {
        let mut made = AeThexMatch::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.match_id = GString::from(found.match_id.as_str());
            fields.room_id = found.room_id.as_ref().map(|id| GString::from(id.as_str())).unwrap_or_default();
            fields.mode = text(&found.mode);
            fields.region = text(&found.region);
            fields.players = found.players.iter().map(AeThexMatchPlayer::of).collect();
            fields.accept_by = found.accept_by_ms.unwrap_or_default().div_euclid(1000);
        }
        made
    }
}

/// A ticket in a queue.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexQueueTicket {
    /// Its id.
    #[var(no_set)]
    id: GString,
    /// The queue.
    #[var(no_set)]
    mode: GString,
    /// How far it is: `"queued"`, `"proposed"`, `"matched"`, `"cancelled"` or `"expired"`.
    #[var(no_set)]
    status: GString,
    /// The ids of the players on it.
    #[var(no_set)]
    players: PackedStringArray,
    /// Since when, in seconds since 1970 UTC.
    #[var(no_set)]
    created_at: i64,
    /// How many seconds half of such tickets waited of late; negative when unknown.
    #[var(no_set)]
    wait_p50: f64,
    /// How many seconds nine in ten waited at most; negative when unknown.
    #[var(no_set)]
    wait_p90: f64,
    /// Why it is not matched yet: dictionaries of `code` (`"few_players"`, `"skill"`, `"latency"`,
    /// `"rule"`, `"party_size"`, `"region"`), `message`, and `eases_in`, the seconds until this gets
    /// wider (negative when it does not).
    #[var(no_set)]
    reasons: Array<VarDictionary>,
    /// The match that was proposed or found; null before.
    #[var(no_set)]
    match_info: Option<Gd<AeThexMatch>>,
}

#[godot_api]
impl IRefCounted for AeThexQueueTicket {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexQueueTicket {} {}>", self.mode, self.status))
    }
}

#[godot_api]
impl AeThexQueueTicket {}

impl AeThexQueueTicket {
    pub(crate) fn of(ticket: &QueueTicket) -> Gd<AeThexQueueTicket> {
        let mut made = AeThexQueueTicket::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(ticket.id.as_str());
            fields.mode = text(&ticket.mode);
            fields.status = GString::from(status_name(ticket.status));
            fields.players = ticket.players.iter().map(|id| GString::from(id.as_str())).collect();
            fields.created_at = ticket.created_at_ms.div_euclid(1000);
            fields.wait_p50 = seconds(ticket.wait_p50_ms);
            fields.wait_p90 = seconds(ticket.wait_p90_ms);
            fields.reasons = ticket.reasons.iter().map(reason).collect();
            fields.match_info = ticket.match_info.as_ref().map(AeThexMatch::of);
        }
        made
    }
}

/// How good a player is in a queue, as results tell it.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexRating {
    /// Whose.
    #[var(no_set)]
    player_id: GString,
    /// The queue.
    #[var(no_set)]
    mode: GString,
    /// The estimate; 1500 for who never played.
    #[var(no_set)]
    rating: f64,
    /// Its standard deviation.
    #[var(no_set)]
    deviation: f64,
    /// Results that it is made of.
    #[var(no_set)]
    matches: i64,
}

#[godot_api]
impl IRefCounted for AeThexRating {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexRating {} ± {}>", self.rating, self.deviation))
    }
}

#[godot_api]
impl AeThexRating {}

impl AeThexRating {
    pub(crate) fn of(rating: &Rating) -> Gd<AeThexRating> {
        let mut made = AeThexRating::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.player_id = GString::from(rating.player_id.as_str());
            fields.mode = text(&rating.mode);
            fields.rating = rating.rating;
            fields.deviation = rating.deviation;
            fields.matches = rating.matches;
        }
        made
    }
}

impl AeThexRoom {
    /// A room with who is in it.
    pub(crate) fn with_players(room: &Room, players: &[RoomMember]) -> Gd<AeThexRoom> {
        let mut made = AeThexRoom::of(room);
        made.bind_mut().players = players.iter().map(AeThexRoomPlayer::of).collect();
        made
    }

    /// A room that the player is in, as it is now.
    pub(crate) fn of_handle(handle: &RoomHandle) -> Gd<AeThexRoom> {
        AeThexRoom::with_players(&handle.room(), &handle.players())
    }
}

/// Free data of a game.
pub(super) fn metadata(data: &Metadata) -> VarDictionary {
    from_json(&Json::Object(data.clone())).try_to().unwrap_or_default()
}

fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Unlisted => "unlisted",
        Visibility::Private => "private",
    }
}

fn status_name(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Queued => "queued",
        TicketStatus::Proposed => "proposed",
        TicketStatus::Matched => "matched",
        TicketStatus::Cancelled => "cancelled",
        TicketStatus::Expired => "expired",
    }
}

fn reason(reason: &Reason) -> VarDictionary {
    vdict! {
        "code" => &text(&reason.code),
        "message" => &text(&reason.message),
        "eases_in" => seconds(reason.eases_in_ms),
    }
}

/// Seconds of what may be unknown; negative when it is.
fn seconds(milliseconds: Option<i64>) -> f64 {
    milliseconds.map_or(-1.0, |number| number as f64 / 1000.0)
}
