//! States: only the newest of a channel matters.
//!
//! Going out, a channel's newest state leaves at most once a tick and within the relay's rate, as a difference
//! against one that the relay said to have where that is shorter. Coming in, older ones are dropped, differences
//! undone, and what later differences may build on is acknowledged and kept.

use super::SessionError;
use crate::wire::multiplayer::delta::{self, DELTA_LEN_MIN};
use crate::wire::multiplayer::frame::{CHANNELS_MAX, ClientFrame, Seat, State, StateAck};
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};

/// How far back the base of a difference may be, in states of its channel: what either side keeps for it.
const WINDOW: u64 = 32;
/// How long acknowledgements of states gather, in microseconds.
const ACK_AFTER_US: u64 = 100_000;
/// After this time a state that nothing newer followed goes out once more, over what loses nothing, in microseconds.
const SETTLED_US: u64 = 150_000;
/// Most acknowledgements in a frame: 12 bytes each fit one datagram.
const ACKS_MAX: usize = 90;
/// Parts of a state's cost in the rate: a microsecond's worth of a rate of one.
const TOKEN: u64 = 1_000_000;

/// One's own states.
#[derive(Debug, Default)]
pub(super) struct StatesOut {
    channels: [Channel; CHANNELS_MAX as usize],
    tick_us: u64,
    per_second: u64,
    tokens: u64,
    filled_us: u64,
    flushed_us: u64,
    may_be_lost: bool,
}

#[derive(Debug, Default)]
struct Channel {
    newest: Bytes,
    /// Whether `newest` waits to leave, and whether for the tick.
    waits: Option<Urgency>,
    /// When `newest`, which left as a datagram, is to go out again.
    settles_us: Option<u64>,
    seq: u64,
    sent: VecDeque<(u64, Bytes)>,
    acked: Option<(u64, Bytes)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Tick,
    Urgent,
}

impl StatesOut {
    /// A session begins: the relay knows none of our states.
    pub(super) fn begin(&mut self, tick_ms: u16, per_second: u16, may_be_lost: bool) {
        self.set_rates(tick_ms, per_second);
        for channel in &mut self.channels {
            (channel.seq, channel.acked) = (0, None);
            channel.sent.clear();
        }
        self.again(may_be_lost);
    }

    /// What the relay said of its rates.
    pub(super) fn set_rates(&mut self, tick_ms: u16, per_second: u16) {
        self.tick_us = u64::from(tick_ms) * 1000;
        self.per_second = u64::from(per_second).max(1);
        self.tokens = self.tokens.min(self.tokens_max());
    }

    /// A new link, on which what goes out may be lost or not. What the old one carried last may be lost.
    pub(super) fn again(&mut self, may_be_lost: bool) {
        self.may_be_lost = may_be_lost;
        for channel in
            self.channels.iter_mut().filter(|channel| channel.seq > 0 || !channel.newest.is_empty())
        {
            channel.waits = channel.waits.or(Some(Urgency::Tick));
        }
    }

    /// Sets a channel's state.
    pub(super) fn set(&mut self, channel: u8, urgent: bool, data: Bytes) {
        let channel = &mut self.channels[usize::from(channel)];
        channel.newest = data;
        let urgency = if urgent { Urgency::Urgent } else { Urgency::Tick };
        channel.waits = match channel.waits {
            Some(Urgency::Urgent) => Some(Urgency::Urgent),
            _ => Some(urgency),
        };
    }

    /// When the next state may leave.
    pub(super) fn due_us(&self, now_us: u64) -> Option<u64> {
        let waits = self.channels.iter().filter_map(|channel| channel.waits);
        let is_urgent =
            waits.fold(None, |so_far, urgency| Some(so_far == Some(true) || urgency == Urgency::Urgent))?;
        let tick = if is_urgent { now_us } else { (self.flushed_us + self.tick_us).max(now_us) };
        let tokens = self.tokens_at(now_us);
        let missing_us = TOKEN.saturating_sub(tokens).div_ceil(self.per_second.max(1));
        Some(tick.max(now_us + missing_us))
    }

    /// The next state that is due, as a frame.
    pub(super) fn next(&mut self, now_us: u64) -> Option<Bytes> {
        if self.due_us(now_us)? > now_us {
            return None;
        }
        let tick_is_due = now_us >= self.flushed_us + self.tick_us;
        let at = self.channels.iter().position(|channel| match channel.waits {
            Some(Urgency::Urgent) => true,
            Some(Urgency::Tick) => tick_is_due,
            None => false,
        })?;
        self.tokens = self.tokens_at(now_us).saturating_sub(TOKEN);
        self.filled_us = now_us;
        let channel = &mut self.channels[at];
        let urgent = channel.waits.take() == Some(Urgency::Urgent);
        channel.settles_us = self.may_be_lost.then_some(now_us + SETTLED_US);
        let frame = channel.encode(at as u8, urgent);
        // The tick is over when all of it left.
        if tick_is_due && self.channels.iter().all(|channel| channel.waits.is_none()) {
            self.flushed_us = now_us;
        }
        Some(frame)
    }

    /// When the next state is to go out again.
    pub(super) fn settled_due_us(&self) -> Option<u64> {
        self.channels.iter().filter_map(|channel| channel.settles_us).min()
    }

    /// The next state that is to go out again, as a frame.
    pub(super) fn next_settled(&mut self, now_us: u64) -> Option<Bytes> {
        for (number, channel) in self.channels.iter_mut().enumerate() {
            // With a newer one waiting, that one goes.
            if channel.settles_us.take_if(|at| *at <= now_us).is_some() && channel.waits.is_none() {
                return Some(whole(number as u8, channel.seq, &channel.newest));
            }
        }
        None
    }

    /// The relay has one of our states.
    pub(super) fn acknowledge(&mut self, ack: &StateAck) {
        let Some(channel) = self.channels.get_mut(usize::from(ack.channel)) else { return };
        if ack.seq == channel.seq {
            channel.settles_us = None;
        }
        if let Some(found) = channel.sent.iter().position(|(seq, _)| *seq == ack.seq) {
            channel.sent.drain(..found);
            channel.acked = channel.sent.pop_front();
        }
    }

    fn tokens_max(&self) -> u64 {
        // A tenth of a second's worth, at least every channel once.
        (self.per_second / 10).max(u64::from(CHANNELS_MAX)) * TOKEN
    }

    fn tokens_at(&self, now_us: u64) -> u64 {
        let earned = now_us.saturating_sub(self.filled_us).saturating_mul(self.per_second);
        self.tokens.saturating_add(earned).min(self.tokens_max())
    }
}

impl Channel {
    fn encode(&mut self, number: u8, urgent: bool) -> Bytes {
        self.seq += 1;
        let seq = self.seq;
        let mut patch = BytesMut::new();
        let base = self.acked.as_ref().filter(|(base, _)| seq - base <= WINDOW);
        let base = base.filter(|_| self.newest.len() >= DELTA_LEN_MIN);
        let base =
            base.and_then(|(base, before)| delta::encode(before, &self.newest, &mut patch).then_some(*base));
        let data: &[u8] = if base.is_some() { &patch } else { &self.newest };
        let mut frame = BytesMut::with_capacity(data.len() + 24);
        ClientFrame::State { urgent, state: State { channel: number, seq, base, data } }.encode(&mut frame);
        if self.newest.len() >= DELTA_LEN_MIN {
            if self.sent.len() as u64 == WINDOW {
                self.sent.pop_front();
            }
            self.sent.push_back((seq, self.newest.clone()));
        }
        frame.freeze()
    }
}

fn whole(channel: u8, seq: u64, data: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(data.len() + 12);
    ClientFrame::State { urgent: false, state: State { channel, seq, base: None, data } }.encode(&mut frame);
    frame.freeze()
}

/// Other players' states.
#[derive(Debug, Default)]
pub(super) struct StatesIn {
    known: BTreeMap<(Seat, u8), Known>,
    /// When what gathered is to be acknowledged.
    ack_at_us: Option<u64>,
}

#[derive(Debug, Default)]
struct Known {
    seq: u64,
    newest: Bytes,
    acked: VecDeque<(u64, Bytes)>,
    ack_waits: bool,
}

impl StatesIn {
    /// Takes a state in; answers with it in whole when it is the newest.
    pub(super) fn take(
        &mut self,
        seat: Seat,
        state: &State<'_>,
        now_us: u64,
    ) -> Result<Option<Bytes>, SessionError> {
        let known = self.known.entry((seat, state.channel)).or_default();
        if state.seq <= known.seq {
            return Ok(None);
        }
        let whole = match state.base {
            None => Bytes::copy_from_slice(state.data),
            Some(base) => {
                // Acknowledged by a session before this one, perhaps: the next whole one will do.
                let Some(found) = known.acked.iter().position(|(seq, _)| *seq == base) else {
                    return Ok(None);
                };
                known.acked.drain(..found);
                let mut whole = Vec::new();
                delta::decode(&known.acked[0].1, state.data, &mut whole)
                    .map_err(|_| SessionError("a difference that does not fit its base"))?;
                whole.into()
            }
        };
        (known.seq, known.newest) = (state.seq, whole.clone());
        if whole.len() >= DELTA_LEN_MIN {
            known.ack_waits = true;
            self.ack_at_us.get_or_insert(now_us + ACK_AFTER_US);
        }
        Ok(Some(whole))
    }

    /// Another player may have the seat from now on.
    pub(super) fn forget(&mut self, seat: Seat) {
        self.known.retain(|key, _| key.0 != seat);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = StatesIn::default();
    }

    /// When the next acknowledgement is due.
    pub(super) fn ack_due_us(&self) -> Option<u64> {
        self.ack_at_us
    }

    /// The next acknowledgement that is due, as a frame.
    pub(super) fn next_acks(&mut self, now_us: u64) -> Option<Bytes> {
        if self.ack_at_us? > now_us {
            return None;
        }
        let mut acks = Vec::new();
        let waiting = self.known.iter_mut().filter(|(_, known)| known.ack_waits).take(ACKS_MAX);
        for (&(seat, channel), known) in waiting {
            known.ack_waits = false;
            if known.acked.len() as u64 == WINDOW {
                known.acked.pop_front();
            }
            known.acked.push_back((known.seq, known.newest.clone()));
            acks.push(StateAck { seat, channel, seq: known.seq });
        }
        if acks.len() < ACKS_MAX {
            self.ack_at_us = None;
        }
        if acks.is_empty() {
            return None;
        }
        let mut frame = BytesMut::new();
        ClientFrame::StateAcks(acks).encode(&mut frame);
        Some(frame.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize, last: u8) -> Bytes {
        let mut data = vec![7; len];
        data[len - 1] = last;
        data.into()
    }

    fn states(tick_ms: u16, per_second: u16) -> StatesOut {
        let mut states = StatesOut::default();
        states.begin(tick_ms, per_second, true);
        states
    }

    fn decoded(frame: &Bytes) -> (bool, u8, u64, Option<u64>, Vec<u8>) {
        let Ok(ClientFrame::State { urgent, state }) = ClientFrame::decode(frame) else { panic!("no state") };
        (urgent, state.channel, state.seq, state.base, state.data.to_vec())
    }

    #[test]
    fn the_newest_leaves_once_a_tick() {
        let mut states = states(33, 1000);
        let mut now = 1_000_000;
        states.set(0, false, bytes(3, 1));
        assert_eq!(decoded(&states.next(now).unwrap()).2, 1);
        for last in 2..=9 {
            states.set(0, false, bytes(3, last));
            assert_eq!(states.next(now), None);
            now += 1000;
        }
        let due = states.due_us(now).unwrap();
        assert_eq!(due, 1_033_000);
        let (urgent, _, seq, base, data) = decoded(&states.next(due).unwrap());
        assert_eq!((urgent, seq, base, data), (false, 2, None, vec![7, 7, 9]));
        assert_eq!(states.due_us(due), None);
    }

    #[test]
    fn the_last_one_goes_out_again_over_what_loses_nothing() {
        let mut states = states(33, 1000);
        states.set(3, false, bytes(3, 1));
        states.next(1_000_000).unwrap();
        assert_eq!(states.settled_due_us(), Some(1_000_000 + SETTLED_US));
        assert_eq!(states.next_settled(1_000_000), None);
        let again = states.next_settled(1_000_000 + SETTLED_US).unwrap();
        assert_eq!(decoded(&again), (false, 3, 1, None, vec![7, 7, 1]));
        assert_eq!(states.settled_due_us(), None);
        states.set(3, false, bytes(3, 2));
        states.next(2_000_000).unwrap();
        states.acknowledge(&StateAck { seat: 0, channel: 3, seq: 2 });
        assert_eq!(states.settled_due_us(), None);
    }

    #[test]
    fn urgent_ones_do_not_wait_but_the_rate_holds() {
        let mut states = states(50, 20);
        let now = 1_000_000;
        let mut sent = 0;
        for at in 0..1_000 {
            states.set(1, true, bytes(3, 1));
            sent += u32::from(states.next(now + at * 1000).is_some());
        }
        // What was saved up, and a second's worth.
        assert!((8 + 19..=8 + 20).contains(&sent), "{sent}");
    }

    #[test]
    fn differences_build_on_what_the_relay_has() {
        let mut states = states(8, 1000);
        let mut now = 1_000_000;
        let mut send = |states: &mut StatesOut, last| {
            now += 10_000;
            states.set(0, false, bytes(100, last));
            decoded(&states.next(now).unwrap())
        };
        assert_eq!(send(&mut states, 1).3, None);
        assert_eq!(send(&mut states, 2).3, None);
        states.acknowledge(&StateAck { seat: 0, channel: 0, seq: 1 });
        let (.., seq, base, data) = send(&mut states, 3);
        assert_eq!((seq, base), (3, Some(1)));
        let mut whole = Vec::new();
        delta::decode(&bytes(100, 1), &data, &mut whole).unwrap();
        assert_eq!(whole, bytes(100, 3));
        // Without newer words from the relay the base gets too old.
        for last in 4..40 {
            let (.., seq, base, _) = send(&mut states, last);
            assert_eq!(base, (seq <= 1 + WINDOW).then_some(1));
        }
    }

    #[test]
    fn incoming_states_are_newest_only_and_their_bases_are_kept() {
        let mut states = StatesIn::default();
        let whole = |seq, data| State { channel: 2, seq, base: None, data };
        let (first, second) = (bytes(100, 1), bytes(100, 2));
        assert_eq!(states.take(5, &whole(4, &first), 0).unwrap(), Some(first.clone()));
        assert_eq!(states.take(5, &whole(4, &second), 0).unwrap(), None);
        assert_eq!(states.next_acks(ACK_AFTER_US - 1), None);
        let acks = states.next_acks(ACK_AFTER_US).unwrap();
        let expected = ClientFrame::StateAcks(vec![StateAck { seat: 5, channel: 2, seq: 4 }]);
        assert_eq!(ClientFrame::decode(&acks), Ok(expected));
        let mut patch = BytesMut::new();
        assert!(delta::encode(&first, &second, &mut patch));
        let differs = |seq, base| State { channel: 2, seq, base: Some(base), data: &patch };
        assert_eq!(states.take(5, &differs(6, 3), 0).unwrap(), None);
        assert_eq!(states.take(5, &differs(7, 4), 0).unwrap(), Some(second.clone()));
        states.forget(5);
        assert_eq!(states.take(5, &whole(1, b"x"), 0).unwrap(), Some(Bytes::from_static(b"x")));
        assert_eq!(states.next_acks(u64::MAX), None);
    }
}
