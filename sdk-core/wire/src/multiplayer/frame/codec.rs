//! Frames to octets and back.

use super::*;
use crate::multiplayer::varint::{Reader, put_bytes, put_uint};
use bytes::{BufMut, BytesMut};

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
