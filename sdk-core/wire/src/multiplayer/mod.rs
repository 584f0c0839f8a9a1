//! Rooms, the relay, matchmaking, parties, chat and presence.
//!
//! Rooms are made and joined over REST; the answer to joining holds a ticket that a relay checks once, when the
//! client's link says hello. What then travels is in [`frame`] (binary, over QUIC or WebSocket) and [`events`]
//! (JSON text over WebSocket, for any client).

pub mod chat;
pub mod delta;
pub mod events;
pub mod frame;
pub mod matchmaking;
pub mod parties;
pub mod presence;
mod varint;

use crate::endpoint::{None, endpoint};
use crate::ids::{PlayerId, RoomId};
use crate::page::Page;
use serde::{Deserialize, Serialize};

/// Where links by WebSocket go: binary messages are [`frame`]s, text messages [`events`].
pub const LIVE_PATH: &str = "/api/v1/multiplayer/live";
/// The name of the relay's protocol over QUIC (ALPN, RFC 7301).
pub const QUIC_ALPN: &[u8] = b"aethex-relay/1";
/// Players of a room when its maker names no number.
pub const ROOM_PLAYERS_DEFAULT: u16 = 8;
/// Characters of a room's name.
pub const ROOM_NAME_CHARS_MAX: usize = 64;
/// Bytes of a room's metadata as JSON: it is in every list.
pub const ROOM_METADATA_LEN_MAX: usize = 4_096;
/// Characters of a room's password.
pub const ROOM_PASSWORD_CHARS_MAX: usize = 64;
/// Characters of a mode's or a region's name.
pub const MODE_CHARS_MAX: usize = 64;
/// Characters of a join code: 31^6, about 887 million.
pub const CODE_LEN: usize = 6;
/// What join codes are made of: no character is taken for another (no 0, 1, I, L, O).
pub const CODE_ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// How often states leave when a room names no tick, in milliseconds.
pub const TICK_MS_DEFAULT: u16 = 33;
/// Shortest tick.
pub const TICK_MS_MIN: u16 = 8;
/// Longest tick.
pub const TICK_MS_MAX: u16 = 50;
/// How long a dropped player's seat is held.
pub const GRACE_MS: u32 = 60_000;

/// Free data of the game's own: a JSON object.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// Who finds a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// In lists, and open to who has its id or code.
    #[default]
    Public,
    /// Not in lists: open to who has its id or code.
    Unlisted,
    /// Open to those who were let in: by a match, a party or an invitation.
    Private,
}

/// A player with a seat in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RoomPlayer {
    /// Who.
    pub player_id: PlayerId,
    /// The player's name.
    pub username: String,
    /// Since when, in milliseconds of Unix time.
    pub joined_at_ms: i64,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its join code.
    pub code: String,
    /// Its name; empty when it has none.
    pub name: String,
    /// The game mode; empty when it has none.
    pub mode: String,
    /// The region; empty when it has none.
    pub region: String,
    /// The host: who may change, lock and close it. Passes on when the host is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<PlayerId>,
    /// Seats taken.
    pub player_count: u16,
    /// Seats there are.
    pub max_players: u16,
    /// Who finds it.
    pub visibility: Visibility,
    /// Nobody new comes in.
    pub locked: bool,
    /// Joining needs the password.
    pub has_password: bool,
    /// The game's own data.
    pub metadata: Metadata,
    /// How often states leave, in milliseconds.
    pub tick_ms: u16,
    /// When it was made, in milliseconds of Unix time.
    pub created_at_ms: i64,
    /// Who is in it; in the answers about one room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub players: Vec<RoomPlayer>,
}

/// A room to make. Its maker joins it and is the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CreateRoomRequest {
    /// Its name.
    pub name: String,
    /// The game mode.
    pub mode: String,
    /// The region.
    pub region: String,
    /// Seats: 1 to 128; 8 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_players: Option<u16>,
    /// Who finds it.
    pub visibility: Visibility,
    /// What joining needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The game's own data.
    pub metadata: Metadata,
    /// How often states leave, in milliseconds: 8 to 50; 33 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_ms: Option<u16>,
    /// Radius of the area of interest in the game's units: states of players farther away leave eight times as
    /// seldom. Everyone hears everyone when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_radius: Option<u32>,
}

/// What to change of a room. Only its host may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateRoomRequest {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seats; not under those taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_players: Option<u16>,
    /// Who finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Whether nobody new comes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// The game's own data, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// The new host: a player in the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<PlayerId>,
}

/// What to present at the door.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct JoinRoomRequest {
    /// The room's password, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A relay by QUIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuicAddress {
    /// Host and UDP port. An empty host is the one that the API was reached at.
    pub address: String,
    /// SHA-256 of the relay's certificate, in hexadecimal digits: the only one to accept.
    pub certificate_sha256: String,
}

/// Where a room's relay is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RelayAddress {
    /// By WebSocket: `ws://…` or `wss://…`. An empty text is `/api/v1/multiplayer/live` where the API was reached.
    pub websocket: String,
    /// By QUIC, when the relay has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quic: Option<QuicAddress>,
}

/// A seat in a room, and how to take it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JoinedRoom {
    /// The room.
    pub room: Room,
    /// What the relay wants to see: for this player, room and relay, once, within a minute.
    pub ticket: String,
    /// Where the relay is.
    pub relay: RelayAddress,
}

impl std::fmt::Debug for JoinedRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinedRoom")
            .field("room", &self.room.id)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

/// Which rooms to list. Only public ones are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoomsQuery {
    /// Of this mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Of this region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whose name begins so, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only with a free seat and not locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Most items wanted: 1 to 200, 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 200)))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Whom to send away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KickRequest {
    /// Who.
    pub player_id: PlayerId,
    /// Whether the player may not come back.
    #[serde(default)]
    pub ban: bool,
}

endpoint! {
    /// Make a room and join it as its host.
    CreateRoom, "multiplayer_create_room", Post "/api/v1/multiplayer/rooms", Player, 201,
    None, CreateRoomRequest => JoinedRoom
}
endpoint! {
    /// List public rooms, newest first.
    ListRooms, "multiplayer_list_rooms", Get "/api/v1/multiplayer/rooms", Player, 200,
    RoomsQuery, None => Page<Room>
}
endpoint! {
    /// Look at a room.
    GetRoom, "multiplayer_get_room", Get "/api/v1/multiplayer/rooms/{room_id}", Player, 200,
    None, None => Room
}
endpoint! {
    /// Change a room: its host may.
    UpdateRoom, "multiplayer_update_room", Put "/api/v1/multiplayer/rooms/{room_id}", Player, 200,
    None, UpdateRoomRequest => Room
}
endpoint! {
    /// Close a room and send everyone home: its host may.
    CloseRoom, "multiplayer_close_room", Delete "/api/v1/multiplayer/rooms/{room_id}", Player, 204,
    None, None => None
}
endpoint! {
    /// Take a seat in a room. Asking again gives another ticket for the same seat.
    JoinRoom, "multiplayer_join_room", Post "/api/v1/multiplayer/rooms/{room_id}/join", Player, 200,
    None, JoinRoomRequest => JoinedRoom
}
endpoint! {
    /// Take a seat in the room that has this join code.
    JoinByCode, "multiplayer_join_by_code", Post "/api/v1/multiplayer/codes/{code}/join", Player, 200,
    None, JoinRoomRequest => JoinedRoom
}
endpoint! {
    /// Give up one's seat in a room.
    LeaveRoom, "multiplayer_leave_room", Post "/api/v1/multiplayer/rooms/{room_id}/leave", Player, 204,
    None, None => None
}
endpoint! {
    /// Send a player out of a room: its host may.
    KickPlayer, "multiplayer_kick_player", Post "/api/v1/multiplayer/rooms/{room_id}/kick", Player, 204,
    None, KickRequest => None
}

/// What a room's name breaks, in words.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    match name.chars().count() {
        0..=ROOM_NAME_CHARS_MAX if !name.chars().any(char::is_control) => Ok(()),
        0..=ROOM_NAME_CHARS_MAX => Err("`name` has a control character"),
        _ => Err("`name` has at most 64 characters"),
    }
}

/// What a mode's or region's name breaks, in words: letters, digits, `-`, `_`, `.`, at most 64.
pub fn check_mode(name: &str) -> Result<(), &'static str> {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    match name.len() <= MODE_CHARS_MAX && is_plain {
        true => Ok(()),
        false => Err("modes and regions are letters, digits, `-`, `_` and `.`, at most 64 characters"),
    }
}

#[cfg(test)]
mod tests;
