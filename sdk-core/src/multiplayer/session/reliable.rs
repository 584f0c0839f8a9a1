//! Reliable frames of one direction: numbered, kept until acknowledged, sent again after a change of links, and
//! dropped by the receiver when it had them.

use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};

use super::SessionError;
use crate::wire::multiplayer::frame::Order;

/// Most frames that wait to be acknowledged; the relay's limit.
pub(super) const OUTBOX_FRAMES_MAX: usize = 1024;
/// Most bytes of them; the relay's limit. Four of the longest messages.
pub(super) const OUTBOX_LEN_MAX: usize = 256 * 1024;
/// Most numbers beyond a gap: the other side keeps no more unacknowledged.
const BEYOND_MAX: u64 = 4096;

/// Messages a second in the long run, and at once: a little under what the relay takes from a player before it ends the
/// session. More wait here.
const FRAMES_PER_SECOND: u64 = 90;
const FRAMES_BURST: u64 = 300;
/// The same in bytes.
const LEN_PER_SECOND: u64 = 220 * 1024;
const LEN_BURST: u64 = 384 * 1024;
const US_PER_SECOND: u64 = 1_000_000;

/// A rate: what was not used is saved up to a burst. In microseconds' worth of one.
#[derive(Debug)]
struct Rate {
    per_second: u64,
    burst: u64,
    saved: u64,
    at_us: u64,
}

impl Rate {
    fn new(per_second: u64, burst: u64) -> Rate {
        Rate { per_second, burst, saved: burst * US_PER_SECOND, at_us: 0 }
    }

    fn saved_at(&self, now_us: u64) -> u64 {
        let earned = now_us.saturating_sub(self.at_us).saturating_mul(self.per_second);
        self.saved.saturating_add(earned).min(self.burst * US_PER_SECOND)
    }

    /// When so many may leave.
    fn due_us(&self, cost: u64, now_us: u64) -> u64 {
        let missing = (cost * US_PER_SECOND).saturating_sub(self.saved_at(now_us));
        now_us + missing.div_ceil(self.per_second)
    }

    fn pay(&mut self, cost: u64, now_us: u64) {
        self.saved = self.saved_at(now_us).saturating_sub(cost * US_PER_SECOND);
        self.at_us = now_us;
    }
}

/// What was sent and is not acknowledged.
#[derive(Debug)]
pub(super) struct Outbox {
    frames: VecDeque<(Order, Bytes)>,
    len: usize,
    /// The number of the last frame that was acknowledged.
    acked: u64,
    /// How many of `frames` went out on this link.
    sent: usize,
    /// The number of the last frame that the rates were paid for: going out again is free.
    paid: u64,
    frame_rate: Rate,
    len_rate: Rate,
}

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox {
            frames: VecDeque::new(),
            len: 0,
            acked: 0,
            sent: 0,
            paid: 0,
            frame_rate: Rate::new(FRAMES_PER_SECOND, FRAMES_BURST),
            len_rate: Rate::new(LEN_PER_SECOND, LEN_BURST),
        }
    }
}

impl Outbox {
    /// The number of the next frame, when there is room for this many bytes.
    pub(super) fn next_seq(&self, frame_len: usize) -> Option<u64> {
        let fits = self.frames.len() < OUTBOX_FRAMES_MAX && self.len + frame_len <= OUTBOX_LEN_MAX;
        fits.then(|| self.acked + self.frames.len() as u64 + 1)
    }

    /// Keeps the frame that has the number of [`Outbox::next_seq`].
    pub(super) fn push(&mut self, order: Order, frame: Bytes) {
        self.len += frame.len();
        self.frames.push_back((order, frame));
    }

    /// When the next frame may leave on this link.
    pub(super) fn due_us(&self, now_us: u64) -> Option<u64> {
        let (_, frame) = self.frames.get(self.sent)?;
        if self.acked + (self.sent as u64) < self.paid {
            return Some(now_us);
        }
        let len = frame.len() as u64;
        Some(self.frame_rate.due_us(1, now_us).max(self.len_rate.due_us(len, now_us)))
    }

    /// The next frame that has not gone out on this link, when it may leave.
    pub(super) fn next(&mut self, now_us: u64) -> Option<(Order, Bytes)> {
        if self.due_us(now_us)? > now_us {
            return None;
        }
        let frame = self.frames.get(self.sent).cloned()?;
        self.sent += 1;
        let seq = self.acked + self.sent as u64;
        if seq > self.paid {
            self.paid = seq;
            self.frame_rate.pay(1, now_us);
            self.len_rate.pay(frame.1.len() as u64, now_us);
        }
        Some(frame)
    }

    /// Whether all went out on this link.
    pub(super) fn is_sent(&self) -> bool {
        self.sent == self.frames.len()
    }

    /// Frames that are not acknowledged.
    pub(super) fn unacked(&self) -> usize {
        self.frames.len()
    }

    /// The other side has all up to a number.
    pub(super) fn acknowledge(&mut self, up_to: u64) -> Result<(), SessionError> {
        let Some(done) = up_to.checked_sub(self.acked) else { return Ok(()) };
        if done > self.frames.len() as u64 {
            return Err(SessionError("an acknowledgement of what was never sent"));
        }
        for (_, frame) in self.frames.drain(..done as usize) {
            self.len -= frame.len();
        }
        self.acked = up_to;
        self.sent = self.sent.saturating_sub(done as usize);
        Ok(())
    }

    /// A new link: everything that is not acknowledged goes out again.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }
}

/// What arrived.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// All up to here.
    pub(super) up_to: u64,
    /// And these.
    beyond: BTreeSet<u64>,
    /// The last that came in order.
    ordered: u64,
}

impl Received {
    /// Whether a frame is new; from then on it is not.
    pub(super) fn take(&mut self, seq: u64, order: Order) -> Result<bool, SessionError> {
        if seq <= self.up_to || self.beyond.contains(&seq) {
            return Ok(false);
        }
        if seq - self.up_to > BEYOND_MAX {
            return Err(SessionError("a number far ahead of what arrived"));
        }
        if order == Order::Ordered {
            // Links keep the order of what is in order, and a new one begins with all that is missing.
            if seq < self.ordered {
                return Err(SessionError("ordered messages came out of order"));
            }
            self.ordered = seq;
        }
        self.beyond.insert(seq);
        while self.beyond.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Bytes {
        vec![0; len].into()
    }

    #[test]
    fn the_outbox_is_bounded_in_frames_and_bytes() {
        let mut outbox = Outbox::default();
        for seq in 1..=OUTBOX_FRAMES_MAX as u64 {
            assert_eq!(outbox.next_seq(1), Some(seq));
            outbox.push(Order::Ordered, frame(1));
        }
        assert_eq!(outbox.next_seq(1), None);
        outbox.acknowledge(1000).unwrap();
        assert_eq!(outbox.next_seq(OUTBOX_LEN_MAX - 24), Some(1025));
        assert_eq!(outbox.next_seq(OUTBOX_LEN_MAX), None);
        assert!(outbox.acknowledge(2000).is_err());
        outbox.acknowledge(3).unwrap();
        assert_eq!(outbox.unacked(), 24);
    }

    #[test]
    fn a_new_link_gets_what_is_not_acknowledged() {
        let mut outbox = Outbox::default();
        for at in 0..5 {
            outbox.push(Order::Ordered, frame(at));
        }
        for _ in 0..4 {
            outbox.next(0).unwrap();
        }
        outbox.acknowledge(2).unwrap();
        outbox.rewind();
        let again: Vec<usize> = std::iter::from_fn(|| outbox.next(0)).map(|(_, frame)| frame.len()).collect();
        assert_eq!(again, [2, 3, 4]);
        assert!(outbox.is_sent());
    }

    #[test]
    fn a_flood_leaves_at_the_relays_pace_and_going_out_again_is_free() {
        let mut outbox = Outbox::default();
        (0..1000).for_each(|_| outbox.push(Order::Ordered, frame(10)));
        let drain = |outbox: &mut Outbox, now| std::iter::from_fn(|| outbox.next(now)).count() as u64;
        assert_eq!(drain(&mut outbox, 0), FRAMES_BURST);
        assert_eq!(drain(&mut outbox, US_PER_SECOND), FRAMES_PER_SECOND);
        let due = outbox.due_us(US_PER_SECOND).unwrap();
        assert_eq!(drain(&mut outbox, due - 1), 0);
        assert_eq!(drain(&mut outbox, due), 1);
        outbox.rewind();
        assert_eq!(drain(&mut outbox, due), FRAMES_BURST + FRAMES_PER_SECOND + 1);
    }

    #[test]
    fn gaps_are_remembered_and_order_is_kept() {
        let mut received = Received::default();
        assert_eq!(received.take(1, Order::Ordered), Ok(true));
        assert_eq!(received.take(3, Order::Ordered), Ok(true));
        assert_eq!(received.up_to, 1);
        assert_eq!(received.take(3, Order::Ordered), Ok(false));
        assert_eq!(received.take(2, Order::Unordered), Ok(true));
        assert_eq!(received.up_to, 3);
        assert_eq!(received.take(2, Order::Unordered), Ok(false));
        assert_eq!(received.take(6, Order::Ordered), Ok(true));
        assert!(received.take(5, Order::Ordered).is_err());
        assert!(received.take(3 + BEYOND_MAX + 1, Order::Unordered).is_err());
    }
}
