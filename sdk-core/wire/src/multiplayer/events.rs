//! Events: JSON in text messages of a WebSocket at [`super::LIVE_PATH`], for any client.
//!
//! A message is one object: `{"event": "join_room", "data": {…}}`. The first message of a connection is
//! `hello` with an access token (then personal events come: matches, chat, invitations, presence), or
//! `join_room` with a room's ticket; a connection may have both. Names of rooms' events are the product's
//! contract with game developers.

use super::chat::ChatMessage;
use super::frame::LeftReason;
use super::matchmaking::MatchInfo;
use super::parties::Party;
use super::presence::{Invite, Presence};
use super::{Room, RoomPlayer};
use crate::ids::{InviteId, MatchId, PlayerId, QueueTicketId, RoomId};
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// Longest text message from a client, in bytes.
pub const TEXT_LEN_MAX: usize = 64 * 1024;

/// A message from a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum ClientEvent {
    /// Who is here: personal events follow.
    Hello(Hello),
    /// Take one's seat in a room, or go back to it.
    JoinRoom(Join),
    /// Give up one's seat.
    LeaveRoom {},
    /// Say something to players in the room; reliable.
    SendMessage(Send),
    /// One's newest state.
    PlayerStateUpdate(StateUpdate),
    /// Messages up to this number have arrived.
    Ack {
        /// The number.
        seq: u64,
    },
    /// Asks for the relay's time.
    Ping {
        /// Comes back as it is.
        #[serde(default)]
        client_us: u64,
    },
}

/// An access token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The token. It never stands in an address.
    pub token: String,
    /// The game's client key; the default game when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A ticket, or a session to go on with.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The room, when there is no ticket: it is joined with the token of `hello`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// The ticket of the answer to joining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The room's password, when there is no ticket and it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The session's secret, from `room_joined`, to go on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// With `resume`: the `seq` of the last message that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
}

macro_rules! hidden {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}
hidden! { Hello Join }

/// A message to players in the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// What it says: any JSON value.
    pub message: Value,
    /// To one player; everyone else in the room when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PlayerId>,
    /// The game's own channel.
    #[serde(default)]
    pub channel: u8,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateUpdate {
    /// The state: any JSON value, usually an object.
    pub state: Value,
    /// Its channel: below 8.
    #[serde(default)]
    pub channel: u8,
}

/// A message from the backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum ServerEvent {
    /// The answer to `hello`.
    Welcome {
        /// Who the backend takes the client for.
        player_id: PlayerId,
    },
    /// The answer to `join_room`.
    RoomJoined(Box<RoomJoined>),
    /// The seat is given up, or was taken away.
    RoomLeft {
        /// The room.
        room_id: RoomId,
        /// Why: `left`, `timed_out`, `kicked`, `closed`, `refused`.
        reason: String,
    },
    /// A player joined the room.
    PlayerJoined {
        /// Number among the room's reliable messages.
        seq: u64,
        /// Who.
        player: RoomPlayer,
    },
    /// A player is gone from the room.
    PlayerLeft {
        /// Number among the room's reliable messages.
        seq: u64,
        /// Who.
        player_id: PlayerId,
        /// Why.
        reason: String,
    },
    /// A player's link dropped, or is back.
    PlayerConnection {
        /// Number among the room's reliable messages.
        seq: u64,
        /// Who.
        player_id: PlayerId,
        /// Whether a link is open.
        connected: bool,
    },
    /// Another player is the host.
    HostChanged {
        /// Number among the room's reliable messages.
        seq: u64,
        /// Who.
        player_id: PlayerId,
    },
    /// The room's name, lock or metadata changed.
    RoomUpdated {
        /// Number among the room's reliable messages.
        seq: u64,
        /// The room.
        room: Box<Room>,
    },
    /// A player's newest state.
    StateUpdate {
        /// Whose.
        player_id: PlayerId,
        /// The state.
        state: Value,
        /// Its channel.
        channel: u8,
        /// Its number in the channel.
        seq: u64,
        /// When it left the relay, in microseconds on the relay's clock.
        server_us: u64,
    },
    /// A message of a player in the room.
    Message {
        /// Number among the room's reliable messages.
        seq: u64,
        /// Who sent it.
        player_id: PlayerId,
        /// What it says.
        message: Value,
        /// The game's own channel.
        channel: u8,
    },
    /// The answer to `ping`.
    Pong {
        /// As the client sent it.
        client_us: u64,
        /// Microseconds on the relay's clock; 0 outside rooms.
        server_us: u64,
    },
    /// A match is proposed: accept it.
    MatchProposed(Box<MatchInfo>),
    /// A match is found: join its room.
    MatchFound(Box<MatchInfo>),
    /// A proposed match came to nothing; the ticket waits on, or is cancelled.
    MatchCancelled {
        /// The match.
        match_id: MatchId,
        /// Whether the player's ticket waits on.
        requeued: bool,
    },
    /// A ticket ended without a match.
    QueueLeft {
        /// The ticket.
        ticket_id: QueueTicketId,
        /// Why: `cancelled`, `declined`, `expired`, `party_changed`.
        reason: String,
    },
    /// Something was said in a channel.
    ChatMessage(ChatMessage),
    /// A message was edited or deleted.
    ChatEdited(ChatMessage),
    /// A party changed.
    PartyUpdated(Party),
    /// One is out of the party.
    PartyLeft {},
    /// One is invited.
    InviteReceived(Invite),
    /// An invitation no longer stands.
    InviteEnded {
        /// Which.
        invite_id: InviteId,
    },
    /// The presence of a watched player changed.
    PresenceChanged(Presence),
    /// Something could not be done; the connection goes on unless it says `closed`.
    Error {
        /// The error's code.
        code: String,
        /// In words.
        message: String,
        /// Whether the connection is closed after it.
        closed: bool,
    },
}

/// The answer to `join_room`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomJoined {
    /// The room.
    pub room_id: RoomId,
    /// Who the client is in it.
    pub player_id: PlayerId,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<PlayerId>,
    /// Who is in it.
    pub players: Vec<RoomPlayer>,
    /// What to go on with after a drop.
    pub resume: String,
    /// Whether an earlier session goes on.
    pub resumed: bool,
    /// How often states leave, in milliseconds.
    pub tick_ms: u16,
    /// Microseconds on the relay's clock.
    pub server_us: u64,
}
hidden! { RoomJoined }

impl ServerEvent {
    /// The event of a seat that was given up or taken away.
    pub fn room_left(room_id: RoomId, reason: LeftReason) -> ServerEvent {
        ServerEvent::RoomLeft { room_id, reason: reason.as_str().to_owned() }
    }
}
