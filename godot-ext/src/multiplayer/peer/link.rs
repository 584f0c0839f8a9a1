//! One peer of the engine over a room: who else has one, what came for it, what it sends.
//!
//! A peer says hello, which the host answers with a welcome. Once the engine has told the newcomer what the host spawned,
//! the host makes it and the others known to each other: what they then say to each other comes after that, and nobody
//! gets a packet of somebody unknown, or about a node that is still on its way. A player without a peer hears nothing and is
//! told by nobody. The ids hold as long as the host does: then all peers end, and fresh ones have new ids.

use super::packet::{self, From, Message, SMALL_LEN_MAX, SMALLS_LEN_MAX, Small, To};
use crate::multiplayer::args::{PEER_MESSAGES, PEER_STATES};
use aethex_sdk_core::wire::multiplayer::frame::{CHANNELS_MAX, MESSAGE_LEN_MAX};
use aethex_sdk_core::{
    Bytes, Error, MessageOptions, MessageTarget, PlayerState, RoomHandle, RoomMessage, StateOptions,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// The host's id, as the engine wants it.
pub(super) const HOST_ID: i32 = 1;
/// The id of the player on seat 0, when that is not the host.
const FIRST_ID: i32 = 2;
/// Longest packet: a message, and what is said before its data.
pub(super) const PACKET_LEN_MAX: usize = MESSAGE_LEN_MAX - 16;
/// Most packets that wait for the engine, and their bytes: it takes them each frame.
const WAITING_MAX: usize = 16 * 1024;
const WAITING_LEN_MAX: usize = 16 * 1024 * 1024;
/// Messages on their way, above which packets that may be lost are: the lane is for what may not.
const LOOSE_BACKLOG_MAX: usize = 256;
/// State channels of peers.
const LANES: u8 = CHANNELS_MAX - PEER_STATES;

/// How a packet travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Reliable,
    Unreliable,
    Ordered,
}

/// A packet for the engine.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) from: i32,
    pub(super) mode: Mode,
    pub(super) channel: u8,
    pub(super) data: Vec<u8>,
}

/// What the engine is to be told before it takes packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Connected(i32),
    Disconnected(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The host's peer was not heard of yet.
    Connecting,
    Connected,
    Ended,
}

/// Another player's peer.
#[derive(Debug)]
struct Other {
    peer: u32,
    /// The host's engine knows it.
    ready: bool,
    /// The youngest packet of each state channel.
    states: [u32; LANES as usize],
    /// The youngest large packet that must not come after a younger one, by the engine's channel.
    loose: BTreeMap<u8, u32>,
}

/// Packets that a state repeats.
#[derive(Debug, Default)]
struct Lane {
    seq: u32,
    young: VecDeque<(Instant, Small)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    room: RoomHandle,
    me: From,
    seat: u8,
    status: Status,
    others: BTreeMap<u8, Other>,
    changes: VecDeque<Change>,
    waiting: VecDeque<Packet>,
    waiting_len: usize,
    lanes: [Lane; LANES as usize],
    loose_seq: u32,
    /// How long a packet is repeated.
    young: Duration,
    refuses: bool,
}

impl Link {
    /// A peer over a room whose host is known; says hello.
    pub(super) fn new(room: &RoomHandle, number: u32) -> Option<Link> {
        let host = room.host_seat()?;
        let seat = room.seat();
        let link = Link {
            me: From { host, peer: number },
            seat,
            status: if seat == host { Status::Connected } else { Status::Connecting },
            others: BTreeMap::new(),
            changes: VecDeque::new(),
            waiting: VecDeque::new(),
            waiting_len: 0,
            lanes: Default::default(),
            loose_seq: 0,
            // Two ticks: what one state had is in the next one, should the relay send only that.
            young: Duration::from_millis(2 * u64::from(room.room().tick_ms)),
            refuses: false,
            room: room.clone(),
        };
        link.say(Message::Hello, MessageTarget::Others, false).ok()?;
        Some(link)
    }

    pub(super) fn is_in(&self, room: &aethex_sdk_core::wire::ids::RoomId) -> bool {
        self.room.id() == room
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    pub(super) fn id(&self) -> i32 {
        self.id_of(self.seat)
    }

    fn id_of(&self, seat: u8) -> i32 {
        if seat == self.me.host { HOST_ID } else { FIRST_ID + i32::from(seat) }
    }

    fn seat_of(&self, id: i32) -> Option<u8> {
        match id {
            HOST_ID => Some(self.me.host),
            id => u8::try_from(id - FIRST_ID).ok().filter(|seat| *seat != self.me.host),
        }
    }

    /// Nobody new is answered from now on.
    pub(super) fn refuse(&mut self, refuses: bool) {
        self.refuses = refuses;
    }

    pub(super) fn refuses(&self) -> bool {
        self.refuses
    }

    /// What the engine has not been told yet.
    pub(super) fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    pub(super) fn front(&self) -> Option<&Packet> {
        self.waiting.front()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn next_packet(&mut self) -> Option<Packet> {
        let packet = self.waiting.pop_front()?;
        self.waiting_len -= packet.data.len();
        Some(packet)
    }

    // What arrives.

    pub(super) fn hear(&mut self, message: &RoomMessage) {
        let Some((from, said)) = packet::decode(&message.data) else { return };
        if self.status == Status::Ended || from.host != self.me.host {
            return;
        }
        let seat = message.seat;
        match said {
            Message::Hello | Message::Welcome => {
                // Others are made known by the host.
                if self.seat != self.me.host && seat != self.me.host {
                    return;
                }
                if self.meet(seat, from.peer) && said == Message::Hello {
                    let _ = self.say(Message::Welcome, MessageTarget::Seat(seat), false);
                }
            }
            Message::End => {
                if seat == self.me.host {
                    self.end();
                }
            }
            _ if !self.knows(seat, from) => {}
            Message::Bye => self.part(seat),
            Message::Meet { seat: other, peer } => {
                if seat == self.me.host && other != self.seat && other != seat {
                    self.meet(other, peer);
                }
            }
            Message::Reliable { channel, data } => self.keep(seat, Mode::Reliable, channel, data.to_vec()),
            Message::Loose { channel, ordered, seq, data } => {
                let Some(other) = self.others.get_mut(&seat) else { return };
                let last = other.loose.entry(channel).or_default();
                if ordered && seq <= *last {
                    return;
                }
                *last = seq.max(*last);
                let mode = if ordered { Mode::Ordered } else { Mode::Unreliable };
                self.keep(seat, mode, channel, data.to_vec());
            }
        }
    }

    pub(super) fn hear_state(&mut self, state: &PlayerState) {
        let lane = usize::from(state.channel.wrapping_sub(PEER_STATES));
        let Some((from, packets)) = packet::decode_state(&state.data) else { return };
        if self.status == Status::Ended || !self.knows(state.seat, from) {
            return;
        }
        for small in packets {
            let Some(last) = self.others.get_mut(&state.seat).and_then(|other| other.states.get_mut(lane))
            else {
                return;
            };
            if small.seq <= *last {
                continue;
            }
            *last = small.seq;
            if small.to.means(self.seat) {
                let mode = if small.ordered { Mode::Ordered } else { Mode::Unreliable };
                self.keep(state.seat, mode, small.channel, small.data);
            }
        }
    }

    /// The host's engine knows a peer and has sent it what there is: the others may, too.
    pub(super) fn introduce(&mut self, id: i32) {
        let Some(seat) = self.seat_of(id).filter(|_| self.seat == self.me.host) else { return };
        let Some(peer) = self.others.get(&seat).map(|other| other.peer) else { return };
        for (other_seat, other) in self.others.iter().filter(|(_, other)| other.ready) {
            let meet = Message::Meet { seat: *other_seat, peer: other.peer };
            let _ = self.say(meet, MessageTarget::Seat(seat), false);
            let _ = self.say(Message::Meet { seat, peer }, MessageTarget::Seat(*other_seat), false);
        }
        if let Some(other) = self.others.get_mut(&seat) {
            other.ready = true;
        }
    }

    fn knows(&self, seat: u8, from: From) -> bool {
        from.host == self.me.host && self.others.get(&seat).is_some_and(|other| other.peer == from.peer)
    }

    /// A peer told of itself; whether it may be answered.
    fn meet(&mut self, seat: u8, peer: u32) -> bool {
        if self.others.get(&seat).is_some_and(|other| other.peer == peer) {
            return true;
        }
        self.part(seat);
        if self.status == Status::Ended || self.refuses {
            return false;
        }
        let states = [0; LANES as usize];
        self.others.insert(seat, Other { peer, ready: false, states, loose: BTreeMap::new() });
        // The engine knows others once the host is known.
        if seat == self.me.host {
            self.status = Status::Connected;
            self.changes.push_back(Change::Connected(HOST_ID));
            let others = self.others.keys().filter(|other| **other != seat);
            let ids: Vec<i32> = others.map(|other| self.id_of(*other)).collect();
            self.changes.extend(ids.into_iter().map(Change::Connected));
        } else if self.status == Status::Connected {
            self.changes.push_back(Change::Connected(self.id_of(seat)));
        }
        true
    }

    /// Another's peer is gone. With the host's all end.
    pub(super) fn part(&mut self, seat: u8) {
        if self.others.remove(&seat).is_none() {
            return;
        }
        let id = self.id_of(seat);
        self.waiting.retain(|packet| packet.from != id);
        self.waiting_len = self.waiting.iter().map(|packet| packet.data.len()).sum();
        if self.status == Status::Connected {
            self.changes.push_back(Change::Disconnected(id));
        }
        if seat == self.me.host {
            self.end();
        }
    }

    fn keep(&mut self, seat: u8, mode: Mode, channel: u8, data: Vec<u8>) {
        let full = self.waiting.len() >= WAITING_MAX || self.waiting_len + data.len() > WAITING_LEN_MAX;
        if full {
            // Nobody polls: what must arrive does not, so the peer ends rather than lies.
            if mode == Mode::Reliable {
                self.close();
            }
            return;
        }
        self.waiting_len += data.len();
        self.waiting.push_back(Packet { from: self.id_of(seat), mode, channel, data });
    }

    // What leaves.

    /// Sends a packet to a peer, to all (0), or to all but one (negative).
    pub(super) fn send(&mut self, target: i32, mode: Mode, channel: u8, data: &[u8]) -> Result<(), Error> {
        let seat = |id: i32| {
            self.seat_of(id).ok_or_else(|| crate::error::argument("no peer of this room has that id"))
        };
        let to = match target {
            0 => To::Everyone,
            id if id > 0 => To::Seat(seat(id)?),
            id => To::Except(seat(id.saturating_neg())?),
        };
        match mode {
            Mode::Reliable => self.say(Message::Reliable { channel, data }, message_target(to), false),
            mode if data.len() <= SMALL_LEN_MAX => self.send_small(to, mode, channel, data),
            mode => self.send_loose(to, mode, channel, data),
        }
    }

    fn send_small(&mut self, to: To, mode: Mode, channel: u8, data: &[u8]) -> Result<(), Error> {
        let (now, young) = (Instant::now(), self.young);
        let number = channel % LANES;
        let lane = &mut self.lanes[usize::from(number)];
        while lane.young.front().is_some_and(|(since, _)| now.duration_since(*since) > young) {
            lane.young.pop_front();
        }
        let used: usize = lane.young.iter().map(|(_, small)| small.len()).sum();
        let ordered = mode == Mode::Ordered;
        let small = Small { seq: lane.seq + 1, to, channel, ordered, data: data.to_vec() };
        if used + small.len() > SMALLS_LEN_MAX {
            // More than states hold: the rest goes as messages, as long as these get away.
            if !ordered {
                return self.send_loose(to, mode, channel, data);
            }
            let mut used = used;
            while used + small.len() > SMALLS_LEN_MAX {
                let Some((_, oldest)) = lane.young.pop_front() else { break };
                used -= oldest.len();
            }
        }
        lane.seq += 1;
        lane.young.push_back((now, small));
        let state = packet::encode_state(self.me, lane.young.iter().map(|(_, small)| small));
        let options = StateOptions { channel: PEER_STATES + number, urgent: false };
        self.room.send_state_bytes(Bytes::from(state), options)
    }

    fn send_loose(&mut self, to: To, mode: Mode, channel: u8, data: &[u8]) -> Result<(), Error> {
        if self.room.stats().messages_waiting > LOOSE_BACKLOG_MAX {
            return Ok(());
        }
        self.loose_seq += 1;
        let ordered = mode == Mode::Ordered;
        let message = Message::Loose { channel, ordered, seq: self.loose_seq, data };
        self.say(message, message_target(to), true)
    }

    fn say(&self, message: Message<'_>, to: MessageTarget, unordered: bool) -> Result<(), Error> {
        let options = MessageOptions { to, unordered, channel: PEER_MESSAGES };
        self.room.send_message_bytes(&message.encode(self.me), &options)
    }

    // The end.

    /// Parts with one peer; the host may make it end.
    pub(super) fn disconnect(&mut self, id: i32, silently: bool) {
        let Some(seat) = self.seat_of(id) else { return };
        let farewell = if self.seat == self.me.host { Message::End } else { Message::Bye };
        let _ = self.say(farewell, MessageTarget::Seat(seat), false);
        self.part(seat);
        if silently {
            self.changes.retain(|change| *change != Change::Disconnected(id));
        }
    }

    /// Tells the others, and ends.
    pub(super) fn close(&mut self) {
        if self.status != Status::Ended {
            let _ = self.say(Message::Bye, MessageTarget::Others, false);
            self.end();
        }
    }

    /// Another player may be the host: then the ids are others.
    pub(super) fn host_changed(&mut self) {
        if self.room.host_seat() != Some(self.me.host) {
            self.end();
        }
    }

    /// Ends without a word: the host is another, or the room is left.
    pub(super) fn end(&mut self) {
        self.status = Status::Ended;
        self.others.clear();
        self.changes.clear();
        self.waiting.clear();
        self.waiting_len = 0;
        self.lanes = Default::default();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

fn message_target(to: To) -> MessageTarget {
    match to {
        To::Everyone => MessageTarget::Others,
        To::Seat(seat) => MessageTarget::Seat(seat),
        To::Except(seat) => MessageTarget::ExceptSeat(seat),
    }
}
