//! What a room says reliably, kept once for all who are told.

use super::Room;
use crate::multiplayer::live::config::STATES_PER_SECOND;
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::GRACE_MS;
use aethex_wire::multiplayer::frame::{
    LeftReason, Member, Order, PROTOCOL, Seat, ServerFrame, Welcome, begin_message,
};
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

/// A player of a room.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) player: PlayerId,
    pub(crate) username: Box<str>,
    pub(crate) joined_at_ms: i64,
}

/// A reliable frame without its number, which is every receiver's own.
#[derive(Debug, Clone)]
pub(crate) enum Reliable {
    Message { from: Seat, who: Rc<Who>, order: Order, channel: u8, data: Bytes },
    Joined { seat: Seat, who: Rc<Who> },
    Left { seat: Seat, who: Rc<Who>, reason: LeftReason },
    Presence { seat: Seat, who: Rc<Who>, connected: bool },
    Host { seat: Seat, who: Rc<Who> },
    Room { json: Rc<str> },
}

/// What a frame costs besides what it says.
const COST: usize = 64;

impl Reliable {
    /// Bytes that it counts for while it is kept.
    pub(crate) fn cost(&self) -> usize {
        COST + match self {
            Reliable::Message { data, .. } => data.len(),
            Reliable::Room { json } => json.len(),
            _ => 0,
        }
    }

    /// Whether it may overtake others.
    pub(crate) fn is_unordered(&self) -> bool {
        matches!(self, Reliable::Message { order: Order::Unordered, .. })
    }

    /// Writes the frame.
    pub(crate) fn encode(&self, seq: u64, out: &mut BytesMut) {
        match self {
            Reliable::Message { from, order, channel, data, .. } => {
                begin_message(out, seq, *from, *order, *channel);
                out.put_slice(data);
            }
            Reliable::Joined { seat, who } => {
                ServerFrame::Joined { seq, member: who.member(*seat, true) }.encode(out);
            }
            Reliable::Left { seat, reason, .. } => {
                ServerFrame::Left { seq, seat: *seat, reason: *reason }.encode(out);
            }
            Reliable::Presence { seat, connected, .. } => {
                ServerFrame::Presence { seq, seat: *seat, connected: *connected }.encode(out);
            }
            Reliable::Host { seat, .. } => ServerFrame::Host { seq, seat: *seat }.encode(out),
            Reliable::Room { json } => ServerFrame::Room { seq, json }.encode(out),
        }
    }
}

impl Who {
    pub(crate) fn member(&self, seat: Seat, connected: bool) -> Member<'_> {
        Member { seat, player_id: self.player.as_str(), username: &self.username, connected }
    }
}

impl Room {
    /// Writes the answer to hello.
    pub(crate) fn put_welcome(&self, seat: Seat, resumed: bool, server_us: u64, out: &mut BytesMut) {
        let Some(session) = self.session(seat) else { return };
        let members =
            self.sessions().map(|(seat, session)| session.who.member(seat, session.link.is_some())).collect();
        let welcome = Welcome {
            protocol: PROTOCOL,
            resumed,
            seat,
            host: self.host_for(seat),
            room_id: self.key.room.as_str(),
            secret: session.secret,
            received: session.received(),
            server_us,
            tick_ms: self.tick_ms,
            grace_ms: GRACE_MS,
            states_per_second: STATES_PER_SECOND,
            members,
        };
        ServerFrame::Welcome(welcome).encode(out);
    }
}
