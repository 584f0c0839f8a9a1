//! A bot: takes its seat, sends states at their due times, and counts what it receives.

use super::link::Link;
use super::tally::{Seen, Tally};
use aethex_wire::multiplayer::delta;
use aethex_wire::multiplayer::frame::{
    Ack, ClientFrame, PROTOCOL, SEATS_MAX, Seat, ServerFrame, State, StateAck,
};
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Bytes of a state that a bot needs for its due time.
pub(crate) const STATE_LEN_MIN: usize = 16;
/// How long acknowledgements of states gather: as long as the SDK's.
const ACK_AFTER: Duration = Duration::from_millis(100);
/// Acknowledged states that are kept for differences: as many as the SDK's.
const KEPT: usize = 32;
/// Room for frames that are written: many states before the next allocation.
const OUT_LEN: usize = 4 * 1024;

/// What all bots of a run do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Due times are counted from here.
    pub(super) epoch: Instant,
    pub(super) bots: u32,
    pub(super) players: u32,
    pub(super) every: Duration,
    pub(super) time: Duration,
    /// How long bots listen after the last state.
    pub(super) drain: Duration,
    pub(super) bytes: usize,
    pub(super) urgent: bool,
    /// Acknowledge states, so that the relay may send differences.
    pub(super) deltas: bool,
}

/// Another player's states, as far as differences need them.
#[derive(Debug, Default)]
struct Known {
    seq: u64,
    newest: Vec<u8>,
    acked: VecDeque<(u64, Vec<u8>)>,
    ack_waits: bool,
}

pub(super) struct Bot {
    link: Link,
    number: u32,
    plan: Plan,
    tally: Rc<RefCell<Tally>>,
    seen: Vec<Seen>,
    known: Vec<Known>,
    /// When acknowledgements of states are due.
    ack_at: Option<Instant>,
    /// Reliable frames that came, up to this number.
    received: u64,
    out: BytesMut,
    state: Vec<u8>,
}

impl Bot {
    /// Takes a seat.
    pub(super) async fn join(
        mut link: Link,
        ticket: &str,
        number: u32,
        plan: Plan,
        tally: Rc<RefCell<Tally>>,
    ) -> Result<Bot, String> {
        let mut out = BytesMut::with_capacity(OUT_LEN);
        ClientFrame::Hello { protocol: PROTOCOL, ticket: ticket.as_bytes(), resume: None }.encode(&mut out);
        link.send(out.split().freeze()).await?;
        let frame = link.frame().await?;
        match ServerFrame::decode(&frame) {
            Ok(ServerFrame::Welcome(_)) => {}
            Ok(ServerFrame::Closed { code, reason }) => return Err(format!("no seat ({code}): {reason}")),
            other => return Err(format!("the relay's first frame is {other:?}")),
        }
        let known = if plan.deltas { SEATS_MAX } else { 0 };
        let mut state = vec![0; plan.bytes];
        state.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at as u32 * 31 + number) as u8);
        Ok(Bot {
            link,
            number,
            plan,
            tally,
            seen: vec![Seen::default(); SEATS_MAX],
            known: std::iter::repeat_with(Known::default).take(known).collect(),
            ack_at: None,
            received: 0,
            out,
            state,
        })
    }

    /// Waits for the start, plays, and leaves.
    pub(super) async fn run(mut self, mut start: watch::Receiver<Option<Instant>>) -> Result<(), String> {
        let begin = loop {
            if let Some(begin) = *start.borrow_and_update() {
                break begin;
            }
            tokio::select! {
                frame = self.link.frame() => self.take(&frame?).await?,
                changed = start.changed() => changed.map_err(|_| "the run was given up".to_owned())?,
            }
        };
        let sent = self.play(begin).await?;
        {
            let mut tally = self.tally.borrow_mut();
            tally.sent += sent;
            tally.expected += sent * u64::from(self.plan.players - 1);
        }
        ClientFrame::Leave.encode(&mut self.out);
        let leave = self.out.split().freeze();
        // Who is last in a room may find it closed.
        if self.link.send(leave).await.is_ok() {
            self.link.close().await;
        }
        Ok(())
    }

    /// Sends and receives until the time is over; the states that were sent.
    async fn play(&mut self, begin: Instant) -> Result<u64, String> {
        // Bots send one after the other, not all at once.
        let mut due = begin + self.plan.every * self.number / self.plan.bots;
        let last = begin + self.plan.time;
        let end = last + self.plan.drain;
        let mut sent = 0;
        let timer = tokio::time::sleep_until(due.into());
        tokio::pin!(timer);
        loop {
            let next = if due < last { due } else { end };
            let next = self.ack_at.map_or(next, |at| at.min(next));
            if timer.deadline().into_std() != next {
                timer.as_mut().reset(next.into());
            }
            tokio::select! {
                frame = self.link.frame() => self.take(&frame?).await?,
                () = &mut timer => {
                    let now = Instant::now();
                    if now >= end {
                        return Ok(sent);
                    }
                    if self.ack_at.is_some_and(|at| at <= now) {
                        self.acknowledge().await?;
                    }
                    while due < last && due <= now {
                        sent += 1;
                        self.send(sent, due).await?;
                        due += self.plan.every;
                    }
                }
            }
        }
    }

    async fn send(&mut self, seq: u64, due: Instant) -> Result<(), String> {
        let due_us = due.saturating_duration_since(self.plan.epoch).as_micros() as u64;
        self.state[..8].copy_from_slice(&due_us.to_le_bytes());
        self.state[8..STATE_LEN_MIN].copy_from_slice(&seq.to_le_bytes());
        self.out.reserve(self.plan.bytes + 32);
        let state = State { channel: 0, seq, base: None, data: &self.state };
        ClientFrame::State { urgent: self.plan.urgent, state }.encode(&mut self.out);
        self.tally.borrow_mut().lateness.add(due.elapsed().as_micros() as u64);
        self.link.send_passing(self.out.split().freeze()).await
    }

    /// Looks at a frame.
    async fn take(&mut self, frame: &Bytes) -> Result<(), String> {
        let frame = ServerFrame::decode(frame).map_err(|error| format!("a frame of the relay: {error}"))?;
        let seq = match frame {
            ServerFrame::States { states, .. } => {
                let now_us = self.plan.epoch.elapsed().as_micros() as u64;
                states.iter().for_each(|(seat, state)| self.arrived(*seat, state, now_us));
                return Ok(());
            }
            ServerFrame::Closed { code, reason } => {
                return Err(format!("a bot was sent away ({code}): {reason}"));
            }
            ServerFrame::Message { seq, .. }
            | ServerFrame::Joined { seq, .. }
            | ServerFrame::Left { seq, .. }
            | ServerFrame::Presence { seq, .. }
            | ServerFrame::Host { seq, .. }
            | ServerFrame::Room { seq, .. } => seq,
            _ => return Ok(()),
        };
        self.received = self.received.max(seq);
        ClientFrame::Ack(Ack { up_to: self.received }).encode(&mut self.out);
        self.link.send(self.out.split().freeze()).await
    }

    fn arrived(&mut self, seat: Seat, state: &State<'_>, now_us: u64) {
        let at = usize::from(seat);
        let due = match self.known.get_mut(at) {
            None => due_of(state.data),
            Some(known) => rebuild(known, state),
        };
        let Some(due_us) = due else { return };
        if self.plan.deltas {
            self.ack_at.get_or_insert_with(|| Instant::now() + ACK_AFTER);
        }
        let arrival = self.seen[at].note(state.seq);
        self.tally.borrow_mut().arrived(arrival, now_us.saturating_sub(due_us));
    }

    /// Says which states have come.
    async fn acknowledge(&mut self) -> Result<(), String> {
        self.ack_at = None;
        let mut acks = Vec::new();
        for (seat, known) in (0..).zip(&mut self.known) {
            if std::mem::take(&mut known.ack_waits) {
                if known.acked.len() == KEPT {
                    known.acked.pop_front();
                }
                known.acked.push_back((known.seq, known.newest.clone()));
                acks.push(StateAck { seat, channel: 0, seq: known.seq });
            }
        }
        if acks.is_empty() {
            return Ok(());
        }
        ClientFrame::StateAcks(acks).encode(&mut self.out);
        self.link.send_passing(self.out.split().freeze()).await
    }
}

/// When a state was due, in microseconds; nothing for one that no bot sent.
fn due_of(data: &[u8]) -> Option<u64> {
    data.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Puts a state together that may be a difference, and tells when it was due.
fn rebuild(known: &mut Known, state: &State<'_>) -> Option<u64> {
    let mut whole = Vec::new();
    let data = match state.base {
        None => state.data,
        Some(base) => {
            let (_, before) = known.acked.iter().rev().find(|(seq, _)| *seq == base)?;
            delta::decode(before, state.data, &mut whole).ok()?;
            &whole
        }
    };
    let due = due_of(data);
    if state.seq > known.seq {
        known.seq = state.seq;
        known.newest.clear();
        known.newest.extend_from_slice(data);
        known.ack_waits = true;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_put_together_from_differences_against_acknowledged_ones() {
        let mut known = Known::default();
        let before: Vec<u8> = (0..64).collect();
        let whole = State { channel: 0, seq: 1, base: None, data: &before };
        let due = u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(rebuild(&mut known, &whole), Some(due));
        assert!(known.ack_waits);
        known.acked.push_back((known.seq, known.newest.clone()));
        let mut after = before.clone();
        after[0] = 9;
        let mut difference = BytesMut::new();
        assert!(delta::encode(&before, &after, &mut difference));
        let state = State { channel: 0, seq: 2, base: Some(1), data: &difference };
        assert_eq!(rebuild(&mut known, &state), Some(due + 9));
        assert_eq!((known.seq, known.newest), (2, after));
        // Against one that is not here: nothing is guessed.
        let state = State { channel: 0, seq: 3, base: Some(2), data: &difference };
        assert_eq!(rebuild(&mut Known::default(), &state), None);
        assert_eq!(due_of(b"short"), None);
    }
}
