//! How states leave a room: at its tick, the newest of each, one frame for each player.
//!
//! A state is written once, and once more as its difference for those who have an earlier one; a player's frame is
//! put together from these pieces. A link whose socket is full gets nothing and owes nothing: its player is told
//! the newest when the socket takes bytes again.

use super::session::{CHANNELS, Seats};
use super::{Carrier, Link, Out, Room, Seat, Session, Told};
use crate::multiplayer::live::config::{FAR_TICKS, SETTLED_US, STATES_FRAME_LEN_MAX};
use aethex_wire::multiplayer::delta::{self, DELTA_LEN_MIN};
use aethex_wire::multiplayer::frame::{
    Ack, DATAGRAM_LEN_MAX, SEATS_MAX, ServerFrame, State, StateAck, begin_states, push_state,
};
use bytes::BytesMut;
use std::ops::Range;

/// Memory that all rooms of a shard use in turn.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// A state that came, whole.
    pub(super) state: Vec<u8>,
    /// States as they stand in frames.
    pieces: BytesMut,
    entries: Vec<Entry>,
    /// Place of an entry by channel and seat, plus one.
    places: Box<[u16]>,
    difference: BytesMut,
    frame: BytesMut,
    acks: Vec<StateAck>,
    /// States that were told, to each player they were told to.
    pub(crate) deliveries: u64,
    /// States that were not told in their tick for the socket was full.
    pub(crate) stale: u64,
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            state: Vec::new(),
            pieces: BytesMut::new(),
            entries: Vec::new(),
            places: vec![0; SEATS_MAX * CHANNELS].into(),
            difference: BytesMut::new(),
            frame: BytesMut::new(),
            acks: Vec::new(),
            deliveries: 0,
            stale: 0,
        }
    }
}

/// A state that leaves in this tick.
#[derive(Debug)]
struct Entry {
    seat: Seat,
    channel: u8,
    whole: Range<usize>,
    /// The state that `difference` is against, if it was tried; an empty one does not pay.
    base: u64,
    difference: Range<usize>,
}

impl Scratch {
    fn begin(&mut self) {
        for entry in self.entries.drain(..) {
            self.places[usize::from(entry.channel) * SEATS_MAX + usize::from(entry.seat)] = 0;
        }
        self.pieces.clear();
    }

    /// Writes a state whole.
    fn add(&mut self, seat: Seat, channel: u8, state: &State<'_>) {
        let begin = self.pieces.len();
        push_state(&mut self.pieces, seat, state);
        let whole = begin..self.pieces.len();
        self.entries.push(Entry { seat, channel, whole, base: 0, difference: 0..0 });
        self.places[usize::from(channel) * SEATS_MAX + usize::from(seat)] = self.entries.len() as u16;
    }

    /// The piece for somebody who has state `has` of this seat and channel.
    fn piece(&mut self, room: &Room, seat: Seat, channel: usize, has: u64) -> Option<Range<usize>> {
        let place = usize::from(self.places[channel * SEATS_MAX + usize::from(seat)]);
        let entry = self.entries.get_mut(place.checked_sub(1)?)?;
        if has == 0 {
            return Some(entry.whole.clone());
        }
        if entry.base != has {
            let kept = room.session(seat)?.channels.get(channel)?;
            entry.base = has;
            entry.difference = 0..0;
            self.difference.clear();
            if kept.newest.data.len() >= DELTA_LEN_MIN
                && let Some(before) = kept.at(has)
                && has < kept.newest.seq
                && delta::encode(before, &kept.newest.data, &mut self.difference)
            {
                let begin = self.pieces.len();
                let (seq, data) = (kept.newest.seq, &self.difference[..]);
                let state = State { channel: channel as u8, seq, base: Some(has), data };
                push_state(&mut self.pieces, seat, &state);
                if self.pieces.len() - begin < entry.whole.len() {
                    entry.difference = begin..self.pieces.len();
                }
            }
        }
        Some(if entry.difference.is_empty() { entry.whole.clone() } else { entry.difference.clone() })
    }
}

/// The seats of a mask.
fn seats(mut mask: Seats) -> impl Iterator<Item = Seat> {
    std::iter::from_fn(move || {
        let seat = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (seat < Seats::BITS).then_some(seat as Seat)
    })
}

impl Room {
    /// Tells everyone the newest states.
    pub(super) fn tick(&mut self, now_us: u64, scratch: &mut Scratch, out: &mut impl Out) {
        self.ticks += 1;
        let again = self.release_held(now_us);
        let dirty = std::mem::take(&mut self.dirty);
        let mut union = dirty;
        for (_, session) in self.sessions() {
            if session.link.is_some_and(|link| out.is_clear(link.id)) {
                union.iter_mut().zip(session.owed).for_each(|(union, owed)| *union |= owed);
            }
        }
        scratch.begin();
        for (channel, mask) in union.into_iter().enumerate() {
            for seat in seats(mask) {
                if let Some(kept) = self.session_mut(seat).and_then(|s| s.channels.get_mut(channel)) {
                    kept.is_used = true;
                    let (seq, data) = (kept.newest.seq, &kept.newest.data[..]);
                    scratch.add(
                        seat,
                        channel as u8,
                        &State { channel: channel as u8, seq, base: None, data },
                    );
                }
            }
        }
        let server_us = self.server_us(now_us);
        let mut again = again;
        for seat in 0..self.seats.len() {
            // Out of its place for a moment, so that the others can be looked at.
            let Some(mut session) = self.seats[seat].take() else { continue };
            if let Some(link) = session.link {
                again |= self.tell_states(seat as Seat, &mut session, link, &dirty, server_us, scratch, out);
                tell_acks(&mut session, seat as Seat, link, scratch, out);
            }
            self.seats[seat] = Some(session);
        }
        self.watch_unsettled(&union, now_us);
        if again {
            self.arm(now_us);
        }
    }

    /// States that waited for their player's allowance; whether some still do.
    fn release_held(&mut self, now_us: u64) -> bool {
        let mut again = false;
        for (seat, session) in self.seats.iter_mut().enumerate() {
            let Some(session) = session else { continue };
            for channel in 0..CHANNELS {
                let bit = 1 << channel;
                if session.held & bit == 0 {
                    continue;
                }
                if session.may_show(now_us) {
                    session.held &= !bit;
                    self.dirty[channel] |= 1 << seat;
                    self.shown[channel] |= 1 << seat;
                } else {
                    again = true;
                }
            }
        }
        again
    }

    /// One player's frames of states; whether some wait for a later tick.
    #[expect(clippy::too_many_arguments, reason = "what a tick has in its hands")]
    fn tell_states(
        &self,
        seat: Seat,
        session: &mut Session,
        link: Link,
        dirty: &[Seats; CHANNELS],
        server_us: u64,
        scratch: &mut Scratch,
        out: &mut impl Out,
    ) -> bool {
        let wanted = session.interest & !(1 << seat);
        let far = self.far_from(seat, session);
        let is_clear = out.is_clear(link.id);
        let len_max =
            if link.carrier == Carrier::Datagrams { DATAGRAM_LEN_MAX } else { STATES_FRAME_LEN_MAX };
        let mut later = false;
        let mut head = 0;
        scratch.frame.clear();
        for (channel, dirty) in dirty.iter().enumerate() {
            let all = (dirty | session.owed[channel]) & wanted;
            if !is_clear {
                scratch.stale += u64::from(all.count_ones());
                session.owed[channel] = all;
                // A full socket tells when it takes bytes again; datagrams do not.
                later |= all != 0 && link.carrier == Carrier::Datagrams;
                continue;
            }
            session.owed[channel] = all & far;
            later |= session.owed[channel] != 0;
            for other in seats(all & !far) {
                if link.carrier == Carrier::Text {
                    scratch.deliveries += 1;
                    self.tell_text(other, channel, server_us, link, out);
                    continue;
                }
                let has = session.has(other, channel);
                let Some(piece) = scratch.piece(self, other, channel, has) else { continue };
                scratch.deliveries += 1;
                if head > 0 && scratch.frame.len() + piece.len() > len_max {
                    out.passing(link, &scratch.frame);
                    scratch.frame.clear();
                    head = 0;
                }
                if head == 0 {
                    begin_states(&mut scratch.frame, server_us);
                    head = scratch.frame.len();
                }
                scratch.frame.extend_from_slice(&scratch.pieces[piece]);
            }
        }
        if head > 0 {
            out.passing(link, &scratch.frame);
        }
        later
    }

    /// Who is outside a player's area of interest, but for the tick in which all are told of.
    fn far_from(&self, seat: Seat, session: &Session) -> Seats {
        let Some(here) = session.position.filter(|_| self.radius > 0) else { return 0 };
        if (self.ticks + u64::from(seat)).is_multiple_of(FAR_TICKS) {
            return 0;
        }
        let radius = self.radius as f32;
        let mut far = 0;
        for (other, session) in self.sessions() {
            if let Some(there) = session.position {
                let squares = here.iter().zip(there).map(|(a, b)| (a - b) * (a - b));
                if squares.sum::<f32>() > radius * radius {
                    far |= 1 << other;
                }
            }
        }
        far
    }

    fn tell_text(&self, seat: Seat, channel: usize, server_us: u64, link: Link, out: &mut impl Out) {
        let Some(session) = self.session(seat) else { return };
        let Some(kept) = session.channels.get(channel) else { return };
        let (seq, data) = (kept.newest.seq, &kept.newest.data[..]);
        out.told(link, &Told { who: &session.who, channel: channel as u8, seq, server_us, data });
    }

    /// An urgent state does not wait for the tick.
    pub(super) fn tell_at_once(
        &mut self,
        from: Seat,
        channel: u8,
        now_us: u64,
        scratch: &mut Scratch,
        out: &mut impl Out,
    ) {
        let server_us = self.server_us(now_us);
        let (at, bit) = (usize::from(channel), 1 << from);
        self.dirty[at] &= !bit;
        let Some(kept) = self.session_mut(from).and_then(|session| session.channels.get_mut(at)) else {
            return;
        };
        kept.is_used = true;
        let state = State { channel, seq: kept.newest.seq, base: None, data: &kept.newest.data };
        scratch.frame.clear();
        begin_states(&mut scratch.frame, server_us);
        push_state(&mut scratch.frame, from, &state);
        let mut via_datagrams = false;
        for seat in 0..self.seats.len() {
            let Some(mut session) = self.seats[seat].take() else { continue };
            if let Some(link) = session.link
                && seat != usize::from(from)
                && session.interest & bit != 0
            {
                match (out.is_clear(link.id), link.carrier) {
                    (false, _) => session.owed[at] |= bit,
                    (true, Carrier::Text) => self.tell_text(from, at, server_us, link, out),
                    (true, _) => out.passing(link, &scratch.frame),
                }
                scratch.deliveries += 1;
                via_datagrams |= link.carrier == Carrier::Datagrams;
            }
            self.seats[seat] = Some(session);
        }
        if via_datagrams {
            self.unsettled[at] |= bit;
            self.settle_us.get_or_insert(now_us + SETTLED_US);
        }
    }

    /// Datagrams may be lost. What they told is looked at again when no newer state has come.
    fn watch_unsettled(&mut self, told: &[Seats; CHANNELS], now_us: u64) {
        let via_datagrams =
            |session: &Session| session.link.is_some_and(|link| link.carrier == Carrier::Datagrams);
        if told.iter().all(|seats| *seats == 0) || !self.sessions().any(|(_, s)| via_datagrams(s)) {
            return;
        }
        self.unsettled.iter_mut().zip(told).for_each(|(unsettled, told)| *unsettled |= told);
        self.settle_us.get_or_insert(now_us + SETTLED_US);
    }

    /// Tells states that are the last for now once more, over what loses nothing.
    pub(super) fn settle_states(&mut self, now_us: u64, scratch: &mut Scratch, out: &mut impl Out) {
        let server_us = self.server_us(now_us);
        for channel in 0..CHANNELS {
            for seat in seats(self.unsettled[channel]) {
                let Some(kept) = self.session(seat).and_then(|session| session.channels.get(channel)) else {
                    self.unsettled[channel] &= !(1 << seat);
                    continue;
                };
                if kept.at_us + SETTLED_US > now_us {
                    continue;
                }
                let (seq, data) = (kept.newest.seq, &kept.newest.data[..]);
                scratch.frame.clear();
                begin_states(&mut scratch.frame, server_us);
                push_state(
                    &mut scratch.frame,
                    seat,
                    &State { channel: channel as u8, seq, base: None, data },
                );
                for (other, session) in self.sessions() {
                    let wants = other != seat && session.interest & (1 << seat) != 0;
                    let lossy = session.link.filter(|link| link.carrier == Carrier::Datagrams);
                    if let Some(link) = lossy
                        && wants
                        && session.has(seat, channel) < seq
                        && out.has_room(link.id)
                    {
                        out.frame(link, &scratch.frame);
                    }
                }
                self.unsettled[channel] &= !(1 << seat);
            }
        }
        if self.unsettled.iter().any(|seats| *seats != 0) {
            self.settle_us = Some(now_us + SETTLED_US);
        }
    }
}

/// What the relay has of a player's own frames.
fn tell_acks(session: &mut Session, seat: Seat, link: Link, scratch: &mut Scratch, out: &mut impl Out) {
    if link.carrier == Carrier::Text {
        return;
    }
    if session.inbound.ack_due && out.has_room(link.id) {
        session.inbound.ack_due = false;
        scratch.frame.clear();
        ServerFrame::Ack(Ack { up_to: session.inbound.received }).encode(&mut scratch.frame);
        out.frame(link, &scratch.frame);
    }
    if session.to_ack != 0 && out.is_clear(link.id) {
        let to_ack = std::mem::take(&mut session.to_ack);
        let mut acks = std::mem::take(&mut scratch.acks);
        acks.clear();
        for (channel, kept) in session.channels.iter_mut().enumerate() {
            if to_ack & (1 << channel) != 0 {
                kept.is_used = true;
                acks.push(StateAck { seat, channel: channel as u8, seq: kept.newest.seq });
            }
        }
        scratch.frame.clear();
        let frame = ServerFrame::StateAcks(acks);
        frame.encode(&mut scratch.frame);
        out.passing(link, &scratch.frame);
        if let ServerFrame::StateAcks(acks) = frame {
            scratch.acks = acks;
        }
    }
}
