//! Frames between a client and the relay, the same over QUIC and binary WebSocket messages.
//!
//! A frame is one byte of kind and its fields. Integers are unsigned LEB128 (7 bits a byte, low bits first);
//! `bytes` and `text` are a length and that many octets; a payload that ends its frame has no length. On a
//! WebSocket one message is one frame. On QUIC a datagram is one frame; on the ordered stream each frame
//! follows its length; an unordered message has a one-way stream to itself, which is one frame.
//!
//! Reliable frames of one direction of a session share one numbering, from 1. The receiver drops what it has
//! had, acknowledges with [`Ack`], and after a change of links gets again what it did not acknowledge. Hence
//! nothing is lost or doubled, whatever carries it.

mod codec;

pub use codec::{begin_message, begin_states, push_state, state_len_max};
use std::fmt;

/// Version of this protocol.
pub const PROTOCOL: u8 = 1;
/// Longest frame from a client, in bytes: a reliable message and its head.
pub const CLIENT_FRAME_LEN_MAX: usize = MESSAGE_LEN_MAX + 64;
/// Longest reliable message, in bytes: a level's seed or a chat line, not a file.
pub const MESSAGE_LEN_MAX: usize = 64 * 1024;
/// Longest state, in bytes: with its head it fits one datagram.
pub const STATE_LEN_MAX: usize = 1_100;
/// Longest datagram, in bytes: passes every path of IPv6's least MTU (RFC 8200: 1,280) with QUIC's own head.
pub const DATAGRAM_LEN_MAX: usize = 1_150;
/// Most players of a room: a seat is one byte.
pub const SEATS_MAX: usize = 128;
/// Channels of a player's state: the newest of each is kept.
pub const CHANNELS_MAX: u8 = 8;
/// Bytes of a session's secret.
pub const SECRET_LEN: usize = 16;
/// Longest ticket, in bytes.
pub const TICKET_LEN_MAX: usize = 2_048;

/// A place in a room, for as long as its player has it.
pub type Seat = u8;

/// Why a frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// It ends too early.
    Short,
    /// It goes on after its end.
    Long,
    /// No frame has this kind.
    Kind(u8),
    /// A field is outside its range; its name.
    Field(&'static str),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Short => f.write_str("the frame ends too early"),
            FrameError::Long => f.write_str("the frame goes on after its end"),
            FrameError::Kind(kind) => write!(f, "no frame has kind {kind:#04x}"),
            FrameError::Field(name) => write!(f, "`{name}` is outside its range"),
        }
    }
}

impl std::error::Error for FrameError {}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Everyone else in the room.
    Others,
    /// The room's host.
    Host,
    /// One seat.
    Seat(Seat),
    /// Everyone else but this seat.
    Except(Seat),
}

/// How a reliable message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// After every ordered message sent before it.
    Ordered,
    /// As soon as it arrives.
    Unordered,
}

/// What a receiver has of reliable frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack {
    /// All up to and including this number.
    pub up_to: u64,
}

/// A state that arrived, which later ones of its player and channel may be coded against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateAck {
    /// Whose state; one's own seat from the relay.
    pub seat: Seat,
    /// Its channel.
    pub channel: u8,
    /// Its number.
    pub seq: u64,
}

/// One player's state on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<'a> {
    /// Its channel, below [`CHANNELS_MAX`].
    pub channel: u8,
    /// Its number in this channel, from 1; the newest wins.
    pub seq: u64,
    /// Number of the state that `data` is a difference against (see `delta`); `None` when it is whole.
    pub base: Option<u64>,
    /// The state, or the difference.
    pub data: &'a [u8],
}

/// A session to go on with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// The session's secret, from [`Welcome`].
    pub secret: [u8; SECRET_LEN],
    /// Reliable frames that the client has had, up to this number.
    pub received: u64,
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume").field("received", &self.received).finish_non_exhaustive()
    }
}

/// A frame from a client.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientFrame<'a> {
    /// The first frame of a link: joins with a ticket, or goes on with a session.
    Hello {
        /// [`PROTOCOL`].
        protocol: u8,
        /// The ticket of the answer to joining; empty when resuming.
        ticket: &'a [u8],
        /// The session to go on with.
        resume: Option<Resume>,
    },
    /// The player's newest state. `urgent` bypasses the tick.
    State {
        /// Does not wait for the room's tick.
        urgent: bool,
        /// The state.
        state: State<'a>,
    },
    /// A reliable message.
    Message {
        /// Number among the client's reliable frames.
        seq: u64,
        /// To whom.
        target: Target,
        /// In order or not.
        order: Order,
        /// The game's own channel.
        channel: u8,
        /// What it says.
        data: &'a [u8],
    },
    /// What the client has of the relay's reliable frames.
    Ack(Ack),
    /// States that the client has, each against which the relay may code the next.
    StateAcks(Vec<StateAck>),
    /// Asks for the relay's time.
    Ping {
        /// The client's clock in microseconds: comes back as it is.
        client_us: u64,
    },
    /// Which seats' states the client wants (bit n: seat n), for all channels; all when never said.
    Interest {
        /// The seats.
        seats: u128,
    },
    /// Where the client's player is, for rooms with an area of interest.
    Position {
        /// East, in the game's units.
        x: f32,
        /// Up.
        y: f32,
        /// South.
        z: f32,
    },
    /// Leaves the room for good.
    Leave,
}

/// A player in a room, as the relay tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The seat.
    pub seat: Seat,
    /// The player's id.
    pub player_id: &'a str,
    /// The player's name.
    pub username: &'a str,
    /// Whether a link is open now.
    pub connected: bool,
}

/// Why a player is gone from a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LeftReason {
    /// Left.
    Left = 0,
    /// Did not come back within the seat's time.
    TimedOut = 1,
    /// Was sent away.
    Kicked = 2,
    /// The room was closed.
    Closed = 3,
    /// Broke a rule of the protocol or a limit.
    Refused = 4,
}

impl LeftReason {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            LeftReason::Left => "left",
            LeftReason::TimedOut => "timed_out",
            LeftReason::Kicked => "kicked",
            LeftReason::Closed => "closed",
            LeftReason::Refused => "refused",
        }
    }

    fn of(byte: u8) -> Result<LeftReason, FrameError> {
        Ok(match byte {
            0 => LeftReason::Left,
            1 => LeftReason::TimedOut,
            2 => LeftReason::Kicked,
            3 => LeftReason::Closed,
            4 => LeftReason::Refused,
            _ => return Err(FrameError::Field("reason")),
        })
    }
}

/// The answer to [`ClientFrame::Hello`].
#[derive(Clone, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// [`PROTOCOL`].
    pub protocol: u8,
    /// Whether a session goes on; else it is new.
    pub resumed: bool,
    /// The client's seat.
    pub seat: Seat,
    /// The host's seat.
    pub host: Seat,
    /// The room's id.
    pub room_id: &'a str,
    /// What to resume the session with.
    pub secret: [u8; SECRET_LEN],
    /// The client's reliable frames that the relay has had, up to this number.
    pub received: u64,
    /// Microseconds on the relay's clock, which starts with the room.
    pub server_us: u64,
    /// How often states leave, in milliseconds.
    pub tick_ms: u16,
    /// How long a seat is held without a link, in milliseconds.
    pub grace_ms: u32,
    /// States a second that the relay takes from one player; more are dropped, oldest first.
    pub states_per_second: u16,
    /// Who is in the room, the client too.
    pub members: Vec<Member<'a>>,
}

impl fmt::Debug for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Welcome { resumed, seat, host, room_id, received, members, .. } = self;
        f.debug_struct("Welcome")
            .field("resumed", resumed)
            .field("seat", seat)
            .field("host", host)
            .field("room_id", room_id)
            .field("received", received)
            .field("members", members)
            .finish_non_exhaustive()
    }
}

/// A frame from the relay.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerFrame<'a> {
    /// The session begins, or goes on.
    Welcome(Welcome<'a>),
    /// Newest states of other players.
    States {
        /// When they left, in microseconds on the relay's clock.
        server_us: u64,
        /// Whose, and what.
        states: Vec<(Seat, State<'a>)>,
    },
    /// A reliable message.
    Message {
        /// Number among the relay's reliable frames.
        seq: u64,
        /// Who sent it: said by the relay, not by the sender.
        from: Seat,
        /// In order or not.
        order: Order,
        /// The game's own channel.
        channel: u8,
        /// What it says.
        data: &'a [u8],
    },
    /// A player joined. Reliable.
    Joined {
        /// Number among the relay's reliable frames.
        seq: u64,
        /// Who.
        member: Member<'a>,
    },
    /// A player is gone. Reliable.
    Left {
        /// Number among the relay's reliable frames.
        seq: u64,
        /// Which seat; it may be given to another afterwards.
        seat: Seat,
        /// Why.
        reason: LeftReason,
    },
    /// A player's link dropped, or is back. Reliable.
    Presence {
        /// Number among the relay's reliable frames.
        seq: u64,
        /// Whose.
        seat: Seat,
        /// Whether a link is open now.
        connected: bool,
    },
    /// Another player is the host. Reliable.
    Host {
        /// Number among the relay's reliable frames.
        seq: u64,
        /// The host's seat.
        seat: Seat,
    },
    /// The room's name, lock or metadata changed: JSON of `Room`. Reliable.
    Room {
        /// Number among the relay's reliable frames.
        seq: u64,
        /// The JSON.
        json: &'a str,
    },
    /// What the relay has of the client's reliable frames.
    Ack(Ack),
    /// The client's own states that the relay has.
    StateAcks(Vec<StateAck>),
    /// The answer to a ping.
    Pong {
        /// As the client sent it.
        client_us: u64,
        /// Microseconds on the relay's clock.
        server_us: u64,
    },
    /// The session is over. Nothing follows.
    Closed {
        /// The error code's number (see `ErrorCode`).
        code: u16,
        /// In words.
        reason: &'a str,
    },
}
