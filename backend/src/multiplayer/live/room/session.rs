//! One player's session in a room: numbering both ways, its states, its limits. No clock, no links.

use super::reliable::{Reliable, Who};
use super::{Carrier, End, Link};
use crate::multiplayer::live::config as limits;
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::delta;
use aethex_wire::multiplayer::frame::{CHANNELS_MAX, FrameError, LeftReason, SECRET_LEN, Seat, State};
use std::collections::VecDeque;
use std::rc::Rc;

/// Channels, as the length of arrays.
pub(super) const CHANNELS: usize = CHANNELS_MAX as usize;

/// Seats as bits.
pub(super) type Seats = u128;

/// Allowance that comes back with time: so many microseconds ahead of it is who spent it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowance(u64);

impl Allowance {
    /// Spends what comes back in `cost_us`, unless more than `burst_us` would be outstanding.
    pub(crate) fn spend(&mut self, now_us: u64, cost_us: u64, burst_us: u64) -> bool {
        let outstanding = self.0.max(now_us) + cost_us;
        let allowed = outstanding - now_us <= burst_us;
        if allowed {
            self.0 = outstanding;
        }
        allowed
    }
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) who: Rc<Who>,
    pub(crate) secret: [u8; SECRET_LEN],
    /// The link, while there is one.
    pub(crate) link: Option<Link>,
    /// Place among those who joined.
    pub(super) joined: u64,
    /// When the ticket was signed that the player last came with.
    pub(crate) ticket_ms: i64,
    /// When the link dropped.
    pub(super) dropped_us: u64,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    /// States that this player is to be told and was not, by channel.
    pub(super) owed: [Seats; CHANNELS],
    /// Whose states this player wants.
    pub(super) interest: Seats,
    /// States of others that this player has, by seat and channel.
    pub(super) has: Vec<[u64; CHANNELS]>,
    pub(super) position: Option<[f32; 3]>,
    /// The player's own states.
    pub(super) channels: Vec<Channel>,
    /// Channels whose newest state the player is to learn the arrival of.
    pub(super) to_ack: u8,
    /// Channels whose newest state waits for allowance.
    pub(super) held: u8,
    states: Allowance,
    messages: Allowance,
    message_bytes: Allowance,
    frames: Allowance,
}

impl Session {
    pub(super) fn new(who: Rc<Who>, secret: [u8; SECRET_LEN], link: Link, joined: u64) -> Session {
        Session {
            who,
            secret,
            link: Some(link),
            joined,
            ticket_ms: 0,
            dropped_us: 0,
            inbound: Inbound::default(),
            outbound: Outbound { must_ack: link.carrier != Carrier::Text, ..Outbound::default() },
            owed: [0; CHANNELS],
            interest: Seats::MAX,
            has: Vec::new(),
            position: None,
            channels: Vec::new(),
            to_ack: 0,
            held: 0,
            states: Allowance::default(),
            messages: Allowance::default(),
            message_bytes: Allowance::default(),
            frames: Allowance::default(),
        }
    }

    /// The player's reliable frames that were had, up to this number.
    pub(crate) fn received(&self) -> u64 {
        self.inbound.received
    }

    /// Whether a frame of any kind may come.
    pub(super) fn may_speak(&mut self, now_us: u64) -> bool {
        let cost = 1_000_000 / u64::from(limits::FRAMES_PER_SECOND);
        self.frames.spend(now_us, cost, cost * u64::from(limits::FRAMES_BURST))
    }

    /// Whether a message of `len` bytes may come.
    pub(super) fn may_say(&mut self, now_us: u64, len: usize) -> bool {
        let cost = 1_000_000 / u64::from(limits::MESSAGES_PER_SECOND);
        let bytes = |len: u64| len * 1_000_000 / u64::from(limits::MESSAGE_BYTES_PER_SECOND);
        let burst = bytes(u64::from(limits::MESSAGE_BYTES_BURST));
        self.messages.spend(now_us, cost, cost * u64::from(limits::MESSAGES_BURST))
            && self.message_bytes.spend(now_us, bytes(len as u64), burst)
    }

    /// Whether a state may go out: half a second's may at once.
    pub(super) fn may_show(&mut self, now_us: u64) -> bool {
        self.states.spend(now_us, 1_000_000 / u64::from(limits::STATES_PER_SECOND), 500_000)
    }

    /// Which state of a seat this player is known to have; 0 for none.
    pub(super) fn has(&self, seat: Seat, channel: usize) -> u64 {
        self.has.get(usize::from(seat)).map_or(0, |channels| channels[channel])
    }

    /// Notes that a state of a seat arrived.
    pub(super) fn note(&mut self, seat: Seat, channel: u8, seq: u64) {
        let at = usize::from(seat);
        if self.has.len() <= at {
            self.has.resize(at + 1, [0; CHANNELS]);
        }
        let known = &mut self.has[at][usize::from(channel)];
        *known = seq.max(*known);
    }

    /// Forgets what is known of a seat, which is another's now.
    pub(super) fn forget(&mut self, seat: Seat) {
        if let Some(known) = self.has.get_mut(usize::from(seat)) {
            *known = [0; CHANNELS];
        }
        let bit = 1 << seat;
        self.owed.iter_mut().for_each(|seats| *seats &= !bit);
    }

    /// Takes a state; whether it is news.
    pub(super) fn show(&mut self, state: &State<'_>, scratch: &mut Vec<u8>) -> Shown {
        let at = usize::from(state.channel);
        if self.channels.len() <= at {
            self.channels.resize_with(at + 1, Channel::default);
        }
        let channel = &mut self.channels[at];
        if state.seq <= channel.newest.seq {
            return Shown::Old;
        }
        let Some(base) = state.base else {
            scratch.clear();
            scratch.extend_from_slice(state.data);
            return Shown::New;
        };
        match channel.at(base).map(|before| delta::decode(before, state.data, scratch)) {
            None => {
                // What the player thinks is here was pushed out. Another word on what is here helps.
                self.to_ack |= 1 << at;
                Shown::Old
            }
            Some(Ok(())) => Shown::New,
            Some(Err(error)) => Shown::Wrong(error),
        }
    }
}

/// What becomes of a state that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    New,
    Old,
    Wrong(FrameError),
}

/// Reliable frames from a player.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// All up to this number were had.
    pub(super) received: u64,
    /// Had beyond that, rising.
    ahead: Vec<u64>,
    /// Whether the player is to be told.
    pub(super) ack_due: bool,
}

/// Whether a numbered frame is news.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Numbered {
    New,
    Had,
    /// It is further ahead than anyone may be.
    Wild,
}

impl Inbound {
    pub(super) fn take(&mut self, seq: u64) -> Numbered {
        self.ack_due = true;
        if seq <= self.received {
            return Numbered::Had;
        }
        if seq == self.received + 1 {
            self.received = seq;
            let run = self.ahead.iter().zip(seq + 1..).take_while(|(had, next)| **had == *next).count();
            self.received += run as u64;
            self.ahead.drain(..run);
            return Numbered::New;
        }
        if seq - self.received > limits::AHEAD_MAX {
            return Numbered::Wild;
        }
        match self.ahead.binary_search(&seq) {
            Ok(_) => Numbered::Had,
            Err(at) => {
                self.ahead.insert(at, seq);
                Numbered::New
            }
        }
    }
}

/// Reliable frames to a player, from the first that is not acknowledged.
#[derive(Debug)]
pub(super) struct Outbound {
    frames: VecDeque<Reliable>,
    /// Number of the first kept.
    first: u64,
    /// Number of the next to hand to the link.
    next: u64,
    /// Up to where the player said to have all.
    acked: u64,
    bytes: usize,
    /// Whether what was handed out is kept until it is acknowledged: a text client, also one that is away, may leave
    /// it at reading until it acknowledges for the first time.
    pub(super) must_ack: bool,
}

impl Default for Outbound {
    fn default() -> Self {
        Outbound { frames: VecDeque::new(), first: 1, next: 1, acked: 0, bytes: 0, must_ack: true }
    }
}

impl Outbound {
    /// Keeps a frame; `false` when too much is kept.
    pub(super) fn push(&mut self, frame: Reliable) -> bool {
        self.bytes += frame.cost();
        self.frames.push_back(frame);
        while self.is_over() && !self.must_ack && self.first < self.next {
            self.pop();
        }
        !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.frames.len() > limits::UNACKED_FRAMES_MAX || self.bytes > limits::UNACKED_BYTES_MAX
    }

    fn pop(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.cost();
            self.first += 1;
        }
        if self.frames.is_empty() {
            // Most of the time nothing is kept; a burst's room is given back.
            self.frames.shrink_to(8);
        }
    }

    /// The next frame that the link has not been handed.
    pub(super) fn peek(&self) -> Option<(u64, &Reliable)> {
        let at = usize::try_from(self.next - self.first).ok()?;
        self.frames.get(at).map(|frame| (self.next, frame))
    }

    pub(super) fn handed(&mut self) {
        self.next += 1;
    }

    /// The player has all up to a number; `false` when it cannot have.
    pub(super) fn ack(&mut self, up_to: u64) -> bool {
        self.must_ack = true;
        if up_to >= self.next {
            return false;
        }
        self.acked = self.acked.max(up_to);
        while self.first <= up_to {
            self.pop();
        }
        true
    }

    /// A new link: what the player does not have is handed out again. `false` when it is not kept any more, or
    /// never was.
    pub(super) fn rewind(&mut self, received: u64) -> bool {
        // What was acknowledged on the old link may have overtaken the new one's hello.
        let received = received.max(self.acked);
        // Compared without adding: the number is the client's own word.
        if received < self.first - 1 || received >= self.first + self.frames.len() as u64 {
            return false;
        }
        while self.first <= received {
            self.pop();
        }
        self.next = self.first;
        true
    }
}

/// A player's states on one channel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    pub(super) newest: Kept,
    /// Whether the newest was told or acknowledged: then later ones may be coded against it.
    pub(super) is_used: bool,
    /// When it came.
    pub(super) at_us: u64,
    before: VecDeque<Kept>,
}

/// A state.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) seq: u64,
    pub(super) data: Vec<u8>,
}

impl Channel {
    /// The state of a number, while it is kept.
    pub(super) fn at(&self, seq: u64) -> Option<&[u8]> {
        if self.newest.seq == seq && seq > 0 {
            return Some(&self.newest.data);
        }
        self.before.iter().rev().find(|kept| kept.seq == seq).map(|kept| kept.data.as_slice())
    }

    /// A newer state, in the buffer of one that is no longer kept.
    pub(super) fn renew(&mut self, seq: u64, data: &[u8], now_us: u64) {
        if self.is_used && self.newest.data.len() >= delta::DELTA_LEN_MIN {
            let mut spare = match self.before.len() {
                limits::STATES_KEPT => self.before.pop_front().unwrap_or_default(),
                _ => Kept::default(),
            };
            std::mem::swap(&mut spare, &mut self.newest);
            self.before.push_back(spare);
        }
        self.newest.seq = seq;
        self.newest.data.clear();
        self.newest.data.extend_from_slice(data);
        self.is_used = false;
        self.at_us = now_us;
    }
}

impl End {
    pub(crate) fn of(reason: LeftReason) -> End {
        let (code, words) = match reason {
            LeftReason::Left => (ErrorCode::NotInRoom, "You left the room."),
            LeftReason::TimedOut => (ErrorCode::RoomSessionEnded, "You did not come back in time."),
            LeftReason::Kicked => (ErrorCode::RoomKicked, "You were sent out of the room."),
            LeftReason::Closed => (ErrorCode::RoomClosed, "The room was closed."),
            LeftReason::Refused => (ErrorCode::InvalidFrame, "The client broke the protocol."),
        };
        End { reason, code, words }
    }

    pub(crate) fn refused(code: ErrorCode, words: &'static str) -> End {
        End { reason: LeftReason::Refused, code, words }
    }
}
