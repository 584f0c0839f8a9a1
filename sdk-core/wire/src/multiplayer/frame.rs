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

use super::varint::{Reader, put_bytes, put_uint};
use bytes::{BufMut, BytesMut};
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

mod kind {
    pub(super) const HELLO: u8 = 0x01;
    pub(super) const STATE: u8 = 0x02;
    pub(super) const URGENT: u8 = 0x03;
    pub(super) const MESSAGE: u8 = 0x04;
    pub(super) const ACK: u8 = 0x05;
    pub(super) const STATE_ACKS: u8 = 0x06;
    pub(super) const PING: u8 = 0x07;
    pub(super) const INTEREST: u8 = 0x08;
    pub(super) const POSITION: u8 = 0x09;
    pub(super) const LEAVE: u8 = 0x0a;
    pub(super) const WELCOME: u8 = 0x81;
    pub(super) const STATES: u8 = 0x82;
    pub(super) const FROM: u8 = 0x84;
    pub(super) const HAS: u8 = 0x85;
    pub(super) const HAS_STATES: u8 = 0x86;
    pub(super) const PONG: u8 = 0x87;
    pub(super) const JOINED: u8 = 0x88;
    pub(super) const LEFT: u8 = 0x89;
    pub(super) const PRESENCE: u8 = 0x8a;
    pub(super) const HOST: u8 = 0x8b;
    pub(super) const ROOM: u8 = 0x8c;
    pub(super) const CLOSED: u8 = 0x8d;
}

impl<'a> ClientFrame<'a> {
    /// Writes the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            ClientFrame::Hello { protocol, ticket, resume } => {
                out.put_u8(kind::HELLO);
                out.put_u8(*protocol);
                put_bytes(out, ticket);
                out.put_u8(u8::from(resume.is_some()));
                if let Some(resume) = resume {
                    out.put_slice(&resume.secret);
                    put_uint(out, resume.received);
                }
            }
            ClientFrame::State { urgent, state } => {
                out.put_u8(if *urgent { kind::URGENT } else { kind::STATE });
                put_state_head(out, state);
                out.put_slice(state.data);
            }
            ClientFrame::Message { seq, target, order, channel, data } => {
                out.put_u8(kind::MESSAGE);
                put_uint(out, *seq);
                put_target(out, *target);
                out.put_u8(order_byte(*order));
                out.put_u8(*channel);
                out.put_slice(data);
            }
            ClientFrame::Ack(ack) => put_ack(out, kind::ACK, *ack),
            ClientFrame::StateAcks(acks) => put_state_acks(out, kind::STATE_ACKS, acks),
            ClientFrame::Ping { client_us } => {
                out.put_u8(kind::PING);
                put_uint(out, *client_us);
            }
            ClientFrame::Interest { seats } => {
                out.put_u8(kind::INTEREST);
                out.put_u128_le(*seats);
            }
            ClientFrame::Position { x, y, z } => {
                out.put_u8(kind::POSITION);
                [x, y, z].into_iter().for_each(|part| out.put_f32_le(*part));
            }
            ClientFrame::Leave => out.put_u8(kind::LEAVE),
        }
    }

    /// Reads a frame; it borrows from `bytes`.
    pub fn decode(bytes: &'a [u8]) -> Result<ClientFrame<'a>, FrameError> {
        let mut from = Reader::new(bytes);
        let frame = match from.byte()? {
            kind::HELLO => {
                let protocol = from.byte()?;
                let ticket = from.bytes(TICKET_LEN_MAX, "ticket")?;
                let resume = match from.flag("resume")? {
                    true => Some(Resume { secret: from.array()?, received: from.uint()? }),
                    false => None,
                };
                ClientFrame::Hello { protocol, ticket, resume }
            }
            kind @ (kind::STATE | kind::URGENT) => {
                let state = from.state_head()?;
                let data = from.rest(STATE_LEN_MAX, "data")?;
                ClientFrame::State { urgent: kind == kind::URGENT, state: State { data, ..state } }
            }
            kind::MESSAGE => ClientFrame::Message {
                seq: from.seq()?,
                target: from.target()?,
                order: from.order()?,
                channel: from.byte()?,
                data: from.rest(MESSAGE_LEN_MAX, "data")?,
            },
            kind::ACK => ClientFrame::Ack(Ack { up_to: from.uint()? }),
            kind::STATE_ACKS => ClientFrame::StateAcks(from.state_acks()?),
            kind::PING => ClientFrame::Ping { client_us: from.uint()? },
            kind::INTEREST => ClientFrame::Interest { seats: u128::from_le_bytes(from.array()?) },
            kind::POSITION => {
                ClientFrame::Position { x: from.float("x")?, y: from.float("y")?, z: from.float("z")? }
            }
            kind::LEAVE => ClientFrame::Leave,
            kind => return Err(FrameError::Kind(kind)),
        };
        from.end()?;
        Ok(frame)
    }
}

impl<'a> ServerFrame<'a> {
    /// Writes the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            ServerFrame::Welcome(welcome) => put_welcome(out, welcome),
            ServerFrame::States { server_us, states } => {
                begin_states(out, *server_us);
                states.iter().for_each(|(seat, state)| push_state(out, *seat, state));
            }
            ServerFrame::Message { seq, from, order, channel, data } => {
                begin_message(out, *seq, *from, *order, *channel);
                out.put_slice(data);
            }
            ServerFrame::Joined { seq, member } => {
                out.put_u8(kind::JOINED);
                put_uint(out, *seq);
                put_member(out, member);
            }
            ServerFrame::Left { seq, seat, reason } => {
                out.put_u8(kind::LEFT);
                put_uint(out, *seq);
                out.put_slice(&[*seat, *reason as u8]);
            }
            ServerFrame::Presence { seq, seat, connected } => {
                out.put_u8(kind::PRESENCE);
                put_uint(out, *seq);
                out.put_slice(&[*seat, u8::from(*connected)]);
            }
            ServerFrame::Host { seq, seat } => {
                out.put_u8(kind::HOST);
                put_uint(out, *seq);
                out.put_u8(*seat);
            }
            ServerFrame::Room { seq, json } => {
                out.put_u8(kind::ROOM);
                put_uint(out, *seq);
                out.put_slice(json.as_bytes());
            }
            ServerFrame::Ack(ack) => put_ack(out, kind::HAS, *ack),
            ServerFrame::StateAcks(acks) => put_state_acks(out, kind::HAS_STATES, acks),
            ServerFrame::Pong { client_us, server_us } => {
                out.put_u8(kind::PONG);
                put_uint(out, *client_us);
                put_uint(out, *server_us);
            }
            ServerFrame::Closed { code, reason } => {
                out.put_u8(kind::CLOSED);
                put_uint(out, u64::from(*code));
                out.put_slice(reason.as_bytes());
            }
        }
    }

    /// Reads a frame; it borrows from `bytes`.
    pub fn decode(bytes: &'a [u8]) -> Result<ServerFrame<'a>, FrameError> {
        let mut from = Reader::new(bytes);
        let frame = match from.byte()? {
            kind::WELCOME => ServerFrame::Welcome(from.welcome()?),
            kind::STATES => {
                let server_us = from.uint()?;
                let mut states = Vec::new();
                while !from.is_empty() {
                    let seat = from.seat()?;
                    let state = from.state_head()?;
                    let data = from.bytes(STATE_LEN_MAX, "data")?;
                    states.push((seat, State { data, ..state }));
                }
                ServerFrame::States { server_us, states }
            }
            kind::FROM => ServerFrame::Message {
                seq: from.seq()?,
                from: from.seat()?,
                order: from.order()?,
                channel: from.byte()?,
                data: from.rest(MESSAGE_LEN_MAX, "data")?,
            },
            kind::JOINED => ServerFrame::Joined { seq: from.seq()?, member: from.member()? },
            kind::LEFT => ServerFrame::Left {
                seq: from.seq()?,
                seat: from.seat()?,
                reason: LeftReason::of(from.byte()?)?,
            },
            kind::PRESENCE => ServerFrame::Presence {
                seq: from.seq()?,
                seat: from.seat()?,
                connected: from.flag("connected")?,
            },
            kind::HOST => ServerFrame::Host { seq: from.seq()?, seat: from.seat()? },
            kind::ROOM => ServerFrame::Room { seq: from.seq()?, json: from.rest_text("json")? },
            kind::HAS => ServerFrame::Ack(Ack { up_to: from.uint()? }),
            kind::HAS_STATES => ServerFrame::StateAcks(from.state_acks()?),
            kind::PONG => ServerFrame::Pong { client_us: from.uint()?, server_us: from.uint()? },
            kind::CLOSED => {
                let code = u16::try_from(from.uint()?).map_err(|_| FrameError::Field("code"))?;
                ServerFrame::Closed { code, reason: from.rest_text("reason")? }
            }
            kind => return Err(FrameError::Kind(kind)),
        };
        from.end()?;
        Ok(frame)
    }
}

/// Begins a [`ServerFrame::States`]; [`push_state`] adds to it.
pub fn begin_states(out: &mut BytesMut, server_us: u64) {
    out.put_u8(kind::STATES);
    put_uint(out, server_us);
}

/// Adds a state to a frame that [`begin_states`] began.
pub fn push_state(out: &mut BytesMut, seat: Seat, state: &State<'_>) {
    out.put_u8(seat);
    put_state_head(out, state);
    put_bytes(out, state.data);
}

/// Bytes that [`push_state`] adds at most.
pub fn state_len_max(data_len: usize) -> usize {
    data_len + 1 + 1 + 10 + 10 + 2
}

/// Begins a [`ServerFrame::Message`]; its data follows.
pub fn begin_message(out: &mut BytesMut, seq: u64, from: Seat, order: Order, channel: u8) {
    out.put_u8(kind::FROM);
    put_uint(out, seq);
    out.put_slice(&[from, order_byte(order), channel]);
}

/// Channel and a bit that says whether there is a base.
fn put_state_head(out: &mut BytesMut, state: &State<'_>) {
    out.put_u8(state.channel << 1 | u8::from(state.base.is_some()));
    put_uint(out, state.seq);
    if let Some(base) = state.base {
        // As a distance: it is small.
        put_uint(out, state.seq.saturating_sub(base));
    }
}

fn put_target(out: &mut BytesMut, target: Target) {
    match target {
        Target::Others => out.put_u8(0),
        Target::Host => out.put_u8(1),
        Target::Seat(seat) => out.put_slice(&[2, seat]),
        Target::Except(seat) => out.put_slice(&[3, seat]),
    }
}

fn order_byte(order: Order) -> u8 {
    match order {
        Order::Ordered => 0,
        Order::Unordered => 1,
    }
}

fn put_ack(out: &mut BytesMut, kind: u8, ack: Ack) {
    out.put_u8(kind);
    put_uint(out, ack.up_to);
}

fn put_state_acks(out: &mut BytesMut, kind: u8, acks: &[StateAck]) {
    out.put_u8(kind);
    for ack in acks {
        out.put_slice(&[ack.seat, ack.channel]);
        put_uint(out, ack.seq);
    }
}

fn put_member(out: &mut BytesMut, member: &Member<'_>) {
    out.put_slice(&[member.seat, u8::from(member.connected)]);
    put_bytes(out, member.player_id.as_bytes());
    put_bytes(out, member.username.as_bytes());
}

fn put_welcome(out: &mut BytesMut, welcome: &Welcome<'_>) {
    out.put_u8(kind::WELCOME);
    out.put_slice(&[welcome.protocol, u8::from(welcome.resumed), welcome.seat, welcome.host]);
    put_bytes(out, welcome.room_id.as_bytes());
    out.put_slice(&welcome.secret);
    put_uint(out, welcome.received);
    put_uint(out, welcome.server_us);
    put_uint(out, u64::from(welcome.tick_ms));
    put_uint(out, u64::from(welcome.grace_ms));
    put_uint(out, u64::from(welcome.states_per_second));
    welcome.members.iter().for_each(|member| put_member(out, member));
}

/// Longest id or name, in bytes.
const NAME_LEN_MAX: usize = 256;

impl<'a> Reader<'a> {
    fn seat(&mut self) -> Result<Seat, FrameError> {
        let seat = self.byte()?;
        if usize::from(seat) < SEATS_MAX { Ok(seat) } else { Err(FrameError::Field("seat")) }
    }

    fn seq(&mut self) -> Result<u64, FrameError> {
        match self.uint()? {
            0 => Err(FrameError::Field("seq")),
            seq => Ok(seq),
        }
    }

    fn order(&mut self) -> Result<Order, FrameError> {
        Ok(if self.flag("order")? { Order::Unordered } else { Order::Ordered })
    }

    fn target(&mut self) -> Result<Target, FrameError> {
        Ok(match self.byte()? {
            0 => Target::Others,
            1 => Target::Host,
            2 => Target::Seat(self.seat()?),
            3 => Target::Except(self.seat()?),
            _ => return Err(FrameError::Field("target")),
        })
    }

    fn channel(&mut self) -> Result<(u8, bool), FrameError> {
        let byte = self.byte()?;
        match byte >> 1 {
            channel if channel < CHANNELS_MAX => Ok((channel, byte & 1 == 1)),
            _ => Err(FrameError::Field("channel")),
        }
    }

    /// All of a state but its data.
    fn state_head(&mut self) -> Result<State<'a>, FrameError> {
        let (channel, has_base) = self.channel()?;
        let seq = self.seq()?;
        let base = match has_base {
            true => match seq.checked_sub(self.uint()?) {
                Some(base) if base > 0 && base < seq => Some(base),
                _ => return Err(FrameError::Field("base")),
            },
            false => None,
        };
        Ok(State { channel, seq, base, data: &[] })
    }

    fn state_acks(&mut self) -> Result<Vec<StateAck>, FrameError> {
        let mut acks = Vec::new();
        while !self.is_empty() {
            if acks.len() == SEATS_MAX * usize::from(CHANNELS_MAX) {
                return Err(FrameError::Long);
            }
            let seat = self.seat()?;
            let channel = self.byte()?;
            if channel >= CHANNELS_MAX {
                return Err(FrameError::Field("channel"));
            }
            acks.push(StateAck { seat, channel, seq: self.seq()? });
        }
        Ok(acks)
    }

    fn float(&mut self, name: &'static str) -> Result<f32, FrameError> {
        let value = f32::from_le_bytes(self.array()?);
        if value.is_finite() { Ok(value) } else { Err(FrameError::Field(name)) }
    }

    fn member(&mut self) -> Result<Member<'a>, FrameError> {
        Ok(Member {
            seat: self.seat()?,
            connected: self.flag("connected")?,
            player_id: self.text(NAME_LEN_MAX, "player_id")?,
            username: self.text(NAME_LEN_MAX, "username")?,
        })
    }

    fn narrow<T: TryFrom<u64>>(&mut self, name: &'static str) -> Result<T, FrameError> {
        T::try_from(self.uint()?).map_err(|_| FrameError::Field(name))
    }

    fn welcome(&mut self) -> Result<Welcome<'a>, FrameError> {
        let mut welcome = Welcome {
            protocol: self.byte()?,
            resumed: self.flag("resumed")?,
            seat: self.seat()?,
            host: self.seat()?,
            room_id: self.text(NAME_LEN_MAX, "room_id")?,
            secret: self.array()?,
            received: self.uint()?,
            server_us: self.uint()?,
            tick_ms: self.narrow("tick_ms")?,
            grace_ms: self.narrow("grace_ms")?,
            states_per_second: self.narrow("states_per_second")?,
            members: Vec::new(),
        };
        while !self.is_empty() {
            if welcome.members.len() == SEATS_MAX {
                return Err(FrameError::Long);
            }
            welcome.members.push(self.member()?);
        }
        Ok(welcome)
    }
}
