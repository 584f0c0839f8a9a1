//! A player's session in a room: what goes out, what came in, what it means. No I/O and no clock: times are given,
//! in microseconds of one clock, and frames are handed in and out.
//!
//! A session outlives its links. [`Session::welcome`] begins or goes on with one on a new link; what the relay does
//! not have goes out again, what was had is dropped, hence a change of links loses and doubles nothing. Two lanes go
//! out: the reliable one ([`Session::next_reliable`]: messages, acknowledgements) and the fast one
//! ([`Session::next_fast`]: states, pings), which must not wait for the other.

mod clock;
mod reliable;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
mod states;

use crate::multiplayer::events::RoomMember;
use crate::wire::ids::PlayerId;
use crate::wire::multiplayer::frame::{
    Ack, CHANNELS_MAX, ClientFrame, FrameError, LeftReason, MESSAGE_LEN_MAX, Member, Order, PROTOCOL, Resume,
    SECRET_LEN, STATE_LEN_MAX, Seat, ServerFrame, Target, Welcome,
};
use bytes::{Bytes, BytesMut};
use clock::Clock;
use reliable::{Outbox, Received};
use states::{StatesIn, StatesOut};
use std::collections::BTreeMap;

/// How long acknowledgements of messages gather, in microseconds.
const ACK_AFTER_US: u64 = 50_000;
/// Messages and bytes after which one goes at once: far below what the relay keeps.
const ACK_FRAMES: u32 = 64;
const ACK_LEN: usize = 32 * 1024;
/// How often a link is asked whether it lives, and for the relay's time, in microseconds.
const PING_EVERY_US: u64 = 1_000_000;
/// The same for the first pings of a link: the clock is soon right.
const PING_FIRST_US: u64 = 150_000;
/// How many of them.
const PINGS_FIRST: u32 = 4;
/// Bytes of a message's head at most: kind, number, target, order, channel.
const MESSAGE_HEAD_LEN_MAX: usize = 16;

/// The other side broke the protocol; in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionError(pub(crate) &'static str);

impl From<FrameError> for SessionError {
    fn from(_: FrameError) -> SessionError {
        SessionError("a frame that cannot be read")
    }
}

/// Why a message or a state cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is too long.
    Long,
    /// There is no such channel.
    Channel,
    /// Too much is on its way already.
    Full,
    /// The player is not in the room.
    NoPlayer,
}

/// Where a reliable frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The ordered stream.
    Ordered,
    /// A stream of its own.
    Own,
}

/// Something that came of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    Joined(RoomMember),
    Left { player_id: PlayerId, seat: Seat, reason: LeftReason },
    Connection { player_id: PlayerId, connected: bool },
    Host(PlayerId),
    Room(String),
    Message { player_id: PlayerId, seat: Seat, ordered: bool, channel: u8, data: Bytes },
    State { player_id: PlayerId, seat: Seat, channel: u8, seq: u64, server_us: u64, data: Bytes },
    Closed { code: u16, reason: String },
}

/// What a welcome made of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcomed {
    /// The first one.
    Begun,
    /// It goes on.
    Resumed,
    /// Another one takes its place; so many messages may be lost.
    Anew { lost: usize },
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Session {
    secret: Option<[u8; SECRET_LEN]>,
    seat: Seat,
    host: Option<Seat>,
    members: BTreeMap<Seat, RoomMember>,
    /// Who had a seat last that is free now: what they sent may still come.
    gone: BTreeMap<Seat, PlayerId>,
    outbox: Outbox,
    received: Received,
    states_out: StatesOut,
    states_in: StatesIn,
    clock: Clock,
    delivered: Vec<Delivery>,
    grace_ms: u32,
    ack_at_us: Option<u64>,
    ack_frames: u32,
    ack_len: usize,
    ping_at_us: u64,
    pings: u32,
    interest: Option<u128>,
    interest_waits: bool,
    position: Option<[f32; 3]>,
    position_waits: bool,
    leaving: bool,
    leave_sent: bool,
}

impl Session {
    /// Whether there was a welcome.
    pub(crate) fn has_begun(&self) -> bool {
        self.secret.is_some()
    }

    /// How long the seat is held without a link, in milliseconds.
    pub(crate) fn grace_ms(&self) -> u32 {
        self.grace_ms
    }

    /// Who is in the room.
    pub(crate) fn members(&self) -> impl Iterator<Item = &RoomMember> {
        self.members.values()
    }

    /// The player's own seat.
    pub(crate) fn seat(&self) -> Seat {
        self.seat
    }

    /// The host.
    pub(crate) fn host(&self) -> Option<&RoomMember> {
        self.members.get(&self.host?)
    }

    /// The seat of a player.
    pub(crate) fn seat_of(&self, player: &PlayerId) -> Option<Seat> {
        self.members.values().find(|member| member.player_id == *player).map(|member| member.seat)
    }

    /// The relay's time.
    pub(crate) fn server_us(&self, now_us: u64) -> Option<u64> {
        self.clock.server_us(now_us)
    }

    /// The round trip to the relay.
    pub(crate) fn rtt_us(&self) -> Option<u64> {
        self.clock.rtt_us()
    }

    /// Reliable messages that the relay has not acknowledged.
    pub(crate) fn unacked(&self) -> usize {
        self.outbox.unacked()
    }

    /// What came of frames since the last call.
    pub(crate) fn take_delivered(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.delivered)
    }

    /// The first frame of a link: with a ticket, or to go on.
    pub(crate) fn hello(&self, ticket: Option<&str>) -> Bytes {
        let resume = match (ticket, self.secret) {
            (None, Some(secret)) => Some(Resume { secret, received: self.received.up_to }),
            _ => None,
        };
        let ticket = ticket.unwrap_or_default().as_bytes();
        encoded(&ClientFrame::Hello { protocol: PROTOCOL, ticket, resume })
    }

    /// The first frame from the relay on a new link, which is the only one from now on. `may_lose` says whether the
    /// link's fast lane may lose frames, `rtt_us` how long the answer took.
    pub(crate) fn welcome(
        &mut self,
        welcome: &Welcome<'_>,
        may_lose: bool,
        rtt_us: u64,
        now_us: u64,
    ) -> Result<Welcomed, SessionError> {
        let before = self.secret.replace(welcome.secret);
        let welcomed = match before {
            Some(_) if welcome.resumed => Welcomed::Resumed,
            Some(_) => Welcomed::Anew { lost: self.outbox.unacked() },
            None if welcome.resumed => return Err(SessionError("a session goes on that never began")),
            None => Welcomed::Begun,
        };
        if let Welcomed::Anew { .. } = welcomed {
            self.outbox = Outbox::default();
            self.received = Received::default();
        }
        if welcomed == Welcomed::Resumed {
            self.states_out.set_rates(welcome.tick_ms, welcome.states_per_second);
            self.states_out.again(may_lose);
            self.clock.answer(now_us.saturating_sub(rtt_us), welcome.server_us, now_us);
        } else {
            self.states_out.begin(welcome.tick_ms, welcome.states_per_second, may_lose);
            self.states_in.clear();
            self.clock.begin(welcome.server_us, rtt_us, now_us);
            self.seat = welcome.seat;
            self.meet(&welcome.members, welcome.host)?;
        }
        self.outbox.acknowledge(welcome.received)?;
        self.outbox.rewind();
        self.grace_ms = welcome.grace_ms;
        (self.pings, self.ping_at_us) = (0, now_us);
        self.interest_waits = self.interest.is_some();
        self.position_waits = self.position.is_some();
        self.leave_sent = false;
        self.ack_at_us = (self.received.up_to > 0).then_some(now_us + ACK_AFTER_US);
        Ok(welcomed)
    }

    /// Who is in the room as a session begins; what differs from the one before is told.
    fn meet(&mut self, members: &[Member<'_>], host: Seat) -> Result<(), SessionError> {
        let before = std::mem::take(&mut self.members);
        for member in members {
            let member = member_of(member)?;
            self.members.insert(member.seat, member);
        }
        let host_before = self.host.and_then(|seat| before.get(&seat)).map(|host| host.player_id.clone());
        self.host = Some(host);
        if before.is_empty() {
            return Ok(());
        }
        let same = |a: &RoomMember, b: Option<&RoomMember>| b.is_some_and(|b| b.player_id == a.player_id);
        for gone in before.values().filter(|member| !same(member, self.members.get(&member.seat))) {
            let (player_id, seat) = (gone.player_id.clone(), gone.seat);
            self.delivered.push(Delivery::Left { player_id, seat, reason: LeftReason::TimedOut });
        }
        for new in self.members.values().filter(|member| !same(member, before.get(&member.seat))) {
            if new.seat != self.seat {
                self.delivered.push(Delivery::Joined(new.clone()));
            }
        }
        let host = self.members.get(&host).map(|host| host.player_id.clone());
        if let Some(host) = host.filter(|host| Some(host) != host_before.as_ref()) {
            self.delivered.push(Delivery::Host(host));
        }
        Ok(())
    }

    /// Takes a message to send; it is kept until the relay has it.
    pub(crate) fn send(
        &mut self,
        target: Target,
        order: Order,
        channel: u8,
        data: &[u8],
    ) -> Result<(), Refused> {
        if data.len() > MESSAGE_LEN_MAX {
            return Err(Refused::Long);
        }
        let frame_len_max = data.len() + MESSAGE_HEAD_LEN_MAX;
        let seq = self.outbox.next_seq(frame_len_max).ok_or(Refused::Full)?;
        let mut frame = BytesMut::with_capacity(frame_len_max);
        ClientFrame::Message { seq, target, order, channel, data }.encode(&mut frame);
        self.outbox.push(order, frame.freeze());
        Ok(())
    }

    /// Takes the newest state of a channel.
    pub(crate) fn set_state(&mut self, channel: u8, urgent: bool, data: Bytes) -> Result<(), Refused> {
        if data.len() > STATE_LEN_MAX {
            return Err(Refused::Long);
        }
        if channel >= CHANNELS_MAX {
            return Err(Refused::Channel);
        }
        self.states_out.set(channel, urgent, data);
        Ok(())
    }

    /// Says which seats' states are wanted.
    pub(crate) fn set_interest(&mut self, seats: u128) {
        self.interest_waits |= self.interest.replace(seats) != Some(seats);
    }

    /// Says where the player is.
    pub(crate) fn set_position(&mut self, position: [f32; 3]) {
        self.position = Some(position);
        self.position_waits = true;
    }

    /// Leaves for good, once everything before is sent.
    pub(crate) fn leave(&mut self) {
        self.leaving = true;
    }

    /// The next reliable frame for this link.
    pub(crate) fn next_reliable(&mut self, now_us: u64) -> Option<(Lane, Bytes)> {
        if let Some(frame) = self.next_ack(now_us) {
            return Some((Lane::Ordered, frame));
        }
        if let Some(seats) = self.interest.filter(|_| std::mem::take(&mut self.interest_waits)) {
            return Some((Lane::Ordered, encoded(&ClientFrame::Interest { seats })));
        }
        if let Some((order, frame)) = self.outbox.next(now_us) {
            let lane = if order == Order::Ordered { Lane::Ordered } else { Lane::Own };
            return Some((lane, frame));
        }
        if let Some(frame) = self.states_out.next_settled(now_us) {
            return Some((Lane::Ordered, frame));
        }
        if self.leaving && self.outbox.is_sent() && !std::mem::replace(&mut self.leave_sent, true) {
            return Some((Lane::Ordered, encoded(&ClientFrame::Leave)));
        }
        None
    }

    /// When there will be a reliable frame.
    pub(crate) fn reliable_due_us(&self, now_us: u64) -> Option<u64> {
        let due = [self.ack_at_us, self.states_out.settled_due_us(), self.outbox.due_us(now_us)];
        due.into_iter().flatten().min()
    }

    /// The next frame of the fast lane for this link.
    pub(crate) fn next_fast(&mut self, now_us: u64) -> Option<Bytes> {
        if now_us >= self.ping_at_us {
            self.pings = self.pings.saturating_add(1);
            self.ping_at_us = now_us + if self.pings < PINGS_FIRST { PING_FIRST_US } else { PING_EVERY_US };
            return Some(encoded(&ClientFrame::Ping { client_us: now_us }));
        }
        if let Some([x, y, z]) = self.position.filter(|_| std::mem::take(&mut self.position_waits)) {
            return Some(encoded(&ClientFrame::Position { x, y, z }));
        }
        self.states_out.next(now_us).or_else(|| self.states_in.next_acks(now_us))
    }

    /// When there will be a frame of the fast lane.
    pub(crate) fn fast_due_us(&self, now_us: u64) -> u64 {
        let due = [self.states_out.due_us(now_us), self.states_in.ack_due_us()].into_iter().flatten();
        due.fold(self.ping_at_us, u64::min)
    }

    fn next_ack(&mut self, now_us: u64) -> Option<Bytes> {
        if self.ack_at_us? > now_us {
            return None;
        }
        (self.ack_at_us, self.ack_frames, self.ack_len) = (None, 0, 0);
        Some(encoded(&ClientFrame::Ack(Ack { up_to: self.received.up_to })))
    }

    /// Takes a frame in; what comes of it is in [`Session::take_delivered`].
    pub(crate) fn receive(&mut self, frame: &[u8], now_us: u64) -> Result<(), SessionError> {
        match ServerFrame::decode(frame)? {
            ServerFrame::Welcome(_) => return Err(SessionError("a second welcome on one link")),
            ServerFrame::States { server_us, states } => {
                for (seat, state) in states {
                    let Some(member) = self.members.get(&seat) else { continue };
                    let Some(data) = self.states_in.take(seat, &state, now_us)? else { continue };
                    let (player_id, channel, seq) = (member.player_id.clone(), state.channel, state.seq);
                    self.delivered.push(Delivery::State { player_id, seat, channel, seq, server_us, data });
                }
            }
            ServerFrame::Ack(ack) => self.outbox.acknowledge(ack.up_to)?,
            ServerFrame::StateAcks(acks) => acks.iter().for_each(|ack| self.states_out.acknowledge(ack)),
            ServerFrame::Pong { client_us, server_us } => self.clock.answer(client_us, server_us, now_us),
            ServerFrame::Closed { code, reason } => {
                self.delivered.push(Delivery::Closed { code, reason: reason.to_owned() });
            }
            ServerFrame::Message { seq, from, order, channel, data } => {
                if self.is_new(seq, order, frame.len(), now_us)? {
                    let member = self.members.get(&from).map(|member| &member.player_id);
                    let Some(player_id) = member.or(self.gone.get(&from)).cloned() else { return Ok(()) };
                    let ordered = order == Order::Ordered;
                    let data = Bytes::copy_from_slice(data);
                    self.delivered.push(Delivery::Message { player_id, seat: from, ordered, channel, data });
                }
            }
            ServerFrame::Joined { seq, .. }
            | ServerFrame::Left { seq, .. }
            | ServerFrame::Presence { seq, .. }
            | ServerFrame::Host { seq, .. }
            | ServerFrame::Room { seq, .. } => {
                if self.is_new(seq, Order::Ordered, frame.len(), now_us)? {
                    self.apply(ServerFrame::decode(frame)?)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a reliable frame is new; it is acknowledged, new or not.
    fn is_new(&mut self, seq: u64, order: Order, len: usize, now_us: u64) -> Result<bool, SessionError> {
        let is_new = self.received.take(seq, order)?;
        self.ack_frames += 1;
        self.ack_len += len;
        let at_once = self.ack_frames >= ACK_FRAMES || self.ack_len >= ACK_LEN;
        let due = if at_once { now_us } else { now_us + ACK_AFTER_US };
        self.ack_at_us = Some(self.ack_at_us.map_or(due, |at| at.min(due)));
        Ok(is_new)
    }

    /// A reliable frame about the room.
    fn apply(&mut self, frame: ServerFrame<'_>) -> Result<(), SessionError> {
        match frame {
            ServerFrame::Joined { member, .. } => {
                let member = member_of(&member)?;
                self.states_in.forget(member.seat);
                let before = self.members.get(&member.seat);
                let was_connected = before.filter(|before| before.player_id == member.player_id);
                if let Some(was_connected) = was_connected.map(|before| before.connected) {
                    // The same player began anew.
                    let (player_id, connected) = (member.player_id.clone(), member.connected);
                    self.members.insert(member.seat, member);
                    if connected != was_connected {
                        self.delivered.push(Delivery::Connection { player_id, connected });
                    }
                    return Ok(());
                }
                self.gone.remove(&member.seat);
                self.members.insert(member.seat, member.clone());
                self.delivered.push(Delivery::Joined(member));
            }
            ServerFrame::Left { seat, reason, .. } => {
                self.states_in.forget(seat);
                if let Some(RoomMember { player_id, .. }) = self.members.remove(&seat) {
                    self.gone.insert(seat, player_id.clone());
                    self.delivered.push(Delivery::Left { player_id, seat, reason });
                }
            }
            ServerFrame::Presence { seat, connected, .. } => {
                if let Some(member) = self.members.get_mut(&seat) {
                    member.connected = connected;
                    let player_id = member.player_id.clone();
                    self.delivered.push(Delivery::Connection { player_id, connected });
                }
            }
            ServerFrame::Host { seat, .. } => {
                self.host = Some(seat);
                if let Some(host) = self.members.get(&seat) {
                    self.delivered.push(Delivery::Host(host.player_id.clone()));
                }
            }
            ServerFrame::Room { json, .. } => self.delivered.push(Delivery::Room(json.to_owned())),
            _ => {}
        }
        Ok(())
    }
}

fn encoded(frame: &ClientFrame<'_>) -> Bytes {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.freeze()
}

fn member_of(member: &Member<'_>) -> Result<RoomMember, SessionError> {
    let player_id = PlayerId::parse(member.player_id).ok_or(SessionError("a player's id that is none"))?;
    let username = member.username.to_owned();
    Ok(RoomMember { player_id, username, seat: member.seat, connected: member.connected })
}

#[cfg(test)]
mod tests;
