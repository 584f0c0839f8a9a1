//! A room: who sits in it, what they say to each other. A pure state machine.
//!
//! Frames and links' ends come in with the time; what is to be sent goes out through [`Out`], what the API must know
//! is left in `reports`. A player has a [`Session`], which outlives its links: reliable frames are numbered, kept
//! until acknowledged, and told again to the next link. States are kept only as the newest of each channel, and
//! leave with the room's tick (`tick`). Nothing here waits, locks or asks for the time.

mod host;
mod reliable;
mod session;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
mod talk;
#[cfg(test)]
mod tests;
mod tick;

pub(crate) use reliable::{Reliable, Who};
pub(crate) use session::{Allowance, Session};
pub(crate) use tick::Scratch;

use super::relay::Validate;
use super::tickets::Seating;
use super::{Command, Report, RoomKey};
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::GRACE_MS;
use aethex_wire::multiplayer::frame::{
    Ack, ClientFrame, LeftReason, Order, SEATS_MAX, SECRET_LEN, Seat, ServerFrame, Target,
};
use bytes::BytesMut;
use session::{CHANNELS, Numbered, Seats};
use std::rc::Rc;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Microseconds that a seat is held.
const GRACE_US: u64 = GRACE_MS as u64 * 1_000;
/// Which byte of a secret is the seat.
const SECRET_SEAT_AT: usize = 4;

/// A link of this shard. Numbers are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LinkId {
    pub(crate) index: u32,
    pub(crate) number: u32,
}

/// What a link carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// Frames, all in order, none lost.
    Stream,
    /// Frames; states in datagrams.
    Datagrams,
    /// JSON events.
    Text,
}

/// A session's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) carrier: Carrier,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) reason: LeftReason,
    pub(crate) code: ErrorCode,
    pub(crate) words: &'static str,
}

/// A state for a text client.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) who: &'a Who,
    pub(crate) channel: u8,
    pub(crate) seq: u64,
    pub(crate) server_us: u64,
    pub(crate) data: &'a [u8],
}

/// Where a room sends to. Nothing here fails: a link that is broken is told of by [`Room::dropped`].
pub(crate) trait Out {
    /// Whether a link takes states now: nothing waits for its socket.
    fn is_clear(&self, link: LinkId) -> bool;
    /// Whether a link takes reliable frames now.
    fn has_room(&self, link: LinkId) -> bool;
    /// The answer to hello.
    fn welcome(&mut self, link: Link, room: &Room, seat: Seat, resumed: bool, server_us: u64);
    /// A frame that must not be lost while the link lives. Not for text.
    fn frame(&mut self, link: Link, frame: &[u8]);
    /// A frame that may be lost, a datagram's length at most for carriers of datagrams. Not for text.
    fn passing(&mut self, link: Link, frame: &[u8]);
    /// A reliable frame.
    fn reliable(&mut self, link: Link, seq: u64, frame: &Reliable);
    /// A state for a text client.
    fn told(&mut self, link: Link, told: &Told<'_>);
    /// The session is over; the link hears so.
    fn end(&mut self, link: Link, room: &RoomKey, end: End);
    /// The session has another link; this one is closed without a word.
    fn replaced(&mut self, link: Link);
}

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) key: RoomKey,
    pub(crate) tick_ms: u16,
    /// What the API is to be told.
    pub(crate) reports: Vec<Report>,
    born_us: u64,
    radius: u32,
    seats: Vec<Option<Box<Session>>>,
    taken: usize,
    joins: u64,
    host: host::Host,
    /// Sessions that end as soon as nothing else is under way.
    doomed: Vec<(Seat, End)>,
    /// Seats with a newer state since the tick, by channel.
    dirty: [Seats; CHANNELS],
    /// Seats with a state, by channel.
    shown: [Seats; CHANNELS],
    /// Seats whose newest state may have been lost in a datagram, by channel.
    unsettled: [Seats; CHANNELS],
    settle_us: Option<u64>,
    tick_us: Option<u64>,
    /// When the first seat without a link is free.
    grace_us: Option<u64>,
    ticks: u64,
    validate: Arc<dyn Validate>,
    /// When the newest ticket was signed that somebody came with.
    pub(crate) newest_ticket_ms: i64,
}

impl Room {
    /// An empty room. Whoever makes one lets somebody in.
    pub(crate) fn new(key: RoomKey, seating: &Seating, validate: Arc<dyn Validate>, now_us: u64) -> Room {
        Room {
            key,
            tick_ms: seating.tick_ms.max(1),
            reports: Vec::new(),
            born_us: now_us,
            radius: seating.interest_radius,
            seats: Vec::new(),
            taken: 0,
            joins: 0,
            host: host::Host::default(),
            doomed: Vec::new(),
            dirty: [0; CHANNELS],
            shown: [0; CHANNELS],
            unsettled: [0; CHANNELS],
            settle_us: None,
            tick_us: None,
            grace_us: None,
            ticks: 0,
            validate,
            newest_ticket_ms: 0,
        }
    }

    /// Whether nobody has a seat.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Who has a seat.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = (Seat, &Session)> {
        let seats = self.seats.iter().enumerate();
        seats.filter_map(|(seat, session)| Some((seat as Seat, session.as_deref()?)))
    }

    pub(crate) fn session(&self, seat: Seat) -> Option<&Session> {
        self.seats.get(usize::from(seat))?.as_deref()
    }

    fn session_mut(&mut self, seat: Seat) -> Option<&mut Session> {
        self.seats.get_mut(usize::from(seat))?.as_deref_mut()
    }

    pub(crate) fn seat_of(&self, player: &PlayerId) -> Option<Seat> {
        self.sessions().find(|(_, session)| session.who.player == *player).map(|(seat, _)| seat)
    }

    pub(crate) fn server_us(&self, now_us: u64) -> u64 {
        now_us - self.born_us
    }

    /// The seat of the host; of whoever asks when there is none.
    pub(crate) fn host_for(&self, seat: Seat) -> Seat {
        self.host.seat.unwrap_or(seat)
    }

    /// The seat that a secret names.
    pub(crate) fn seat_in(secret: &[u8; SECRET_LEN]) -> Seat {
        secret[SECRET_SEAT_AT]
    }

    /// Lets a player in on a new session. A session that the player still has here ends: it is the same player,
    /// who begins anew.
    pub(crate) fn join(
        &mut self,
        seating: &Seating,
        mut secret: [u8; SECRET_LEN],
        link: Link,
        now_us: u64,
        out: &mut impl Out,
    ) -> Result<Seat, ErrorCode> {
        let before = self.seat_of(&seating.player);
        let is_back = before.is_some();
        let was_host = is_back && before == self.host.seat;
        let seat = match before {
            Some(seat) => seat,
            None => self.free_seat(seating.max_players)?,
        };
        if is_back {
            let end = End { code: ErrorCode::SeatTakenOver, ..End::of(LeftReason::Left) };
            let end = End { words: "You joined from elsewhere.", ..end };
            self.unseat(seat, end, out);
        }
        let who = Rc::new(Who {
            player: seating.player.clone(),
            username: seating.username.as_str().into(),
            joined_at_ms: seating.joined_at_ms,
        });
        self.joins += 1;
        secret[SECRET_SEAT_AT] = seat;
        let mut session = Session::new(who.clone(), secret, link, self.joins);
        session.ticket_ms = seating.signed_ms();
        self.newest_ticket_ms = self.newest_ticket_ms.max(session.ticket_ms);
        session.owed = self.shown;
        if usize::from(seat) >= self.seats.len() {
            self.seats.resize_with(usize::from(seat) + 1, || None);
        }
        self.seats[usize::from(seat)] = Some(Box::new(session));
        self.taken += 1;
        self.host_stands_in(seat, now_us);
        out.welcome(link, self, seat, false, self.server_us(now_us));
        self.tell_others(seat, &Reliable::Joined { seat, who }, out);
        if seating.host || was_host {
            self.host_joins(seat, out);
        }
        if !is_back {
            let (player, ticket_ms) = (seating.player.clone(), seating.signed_ms());
            self.reports.push(Report::Seated { player, ticket_ms });
        }
        self.arm(now_us);
        self.settle(now_us, out);
        Ok(seat)
    }

    fn free_seat(&self, max_players: u16) -> Result<Seat, ErrorCode> {
        let most = usize::from(max_players).min(SEATS_MAX);
        if self.taken >= most {
            return Err(ErrorCode::RoomFull);
        }
        let free = self.seats.iter().position(Option::is_none).unwrap_or(self.seats.len());
        Seat::try_from(free).map_err(|_| ErrorCode::RoomFull)
    }

    /// Whether a secret is a seat's. Takes as long whether it is or not.
    pub(crate) fn is_secret_of(&self, seat: Seat, secret: &[u8; SECRET_LEN]) -> bool {
        let none = [0; SECRET_LEN];
        let kept = self.session(seat).map_or(&none, |session| &session.secret);
        bool::from(kept.ct_eq(secret)) && self.session(seat).is_some()
    }

    /// Goes on with a session over a new link; the old one is not heard any more. The secret was looked at.
    pub(crate) fn resume(
        &mut self,
        seat: Seat,
        received: u64,
        link: Link,
        now_us: u64,
        out: &mut impl Out,
    ) -> Result<(), ErrorCode> {
        let shown = self.shown;
        let session = self.session_mut(seat).ok_or(ErrorCode::RoomSessionEnded)?;
        if !session.outbound.rewind(received) {
            return Err(ErrorCode::RoomSessionEnded);
        }
        session.outbound.must_ack |= link.carrier != Carrier::Text;
        let old = session.link.replace(link);
        session.owed = shown;
        session.has.clear();
        session.inbound.ack_due = false;
        let who = session.who.clone();
        match old {
            Some(old) => out.replaced(old),
            None => self.tell_others(seat, &Reliable::Presence { seat, who, connected: true }, out),
        }
        self.watch_seats();
        out.welcome(link, self, seat, true, self.server_us(now_us));
        self.pump(seat, out);
        self.arm(now_us);
        self.settle(now_us, out);
        Ok(())
    }

    /// A link is gone. Its session waits for another.
    pub(crate) fn dropped(&mut self, seat: Seat, link: LinkId, now_us: u64, out: &mut impl Out) {
        let Some(session) = self.session_mut(seat) else { return };
        if session.link.is_none_or(|now| now.id != link) {
            return;
        }
        session.link = None;
        session.dropped_us = now_us;
        let who = session.who.clone();
        self.tell_others(seat, &Reliable::Presence { seat, who, connected: false }, out);
        self.host_drops(seat, now_us);
        self.watch_seats();
        self.settle(now_us, out);
    }

    /// A link takes bytes again.
    pub(crate) fn writable(&mut self, seat: Seat, link: LinkId, now_us: u64, out: &mut impl Out) {
        if self.session(seat).is_some_and(|session| session.link.is_some_and(|now| now.id == link)) {
            self.pump(seat, out);
            self.arm(now_us);
        }
    }

    /// A frame of a seat's link.
    pub(crate) fn frame(
        &mut self,
        seat: Seat,
        link: LinkId,
        frame: &ClientFrame<'_>,
        now_us: u64,
        scratch: &mut Scratch,
        out: &mut impl Out,
    ) {
        let server_us = self.server_us(now_us);
        let Some(session) = self.session_mut(seat) else { return };
        let Some(link) = session.link.filter(|now| now.id == link) else { return };
        if !session.may_speak(now_us) {
            self.doom(seat, End::refused(ErrorCode::RateLimited, "Too many frames."));
            return self.settle(now_us, out);
        }
        match frame {
            ClientFrame::Hello { .. } => {
                self.doom(seat, End::refused(ErrorCode::InvalidFrame, "Hello is said once."));
            }
            ClientFrame::State { urgent, state } => {
                self.take_state(seat, state, *urgent, now_us, scratch, out);
            }
            ClientFrame::Message { seq, target, order, channel, data } => {
                let numbered = session.inbound.take(*seq);
                self.arm(now_us);
                match numbered {
                    Numbered::New => self.say(seat, *target, *order, *channel, data, now_us, out),
                    Numbered::Had => {}
                    Numbered::Wild => {
                        self.doom(seat, End::refused(ErrorCode::InvalidFrame, "A number is out of reach."));
                    }
                }
            }
            ClientFrame::Ack(Ack { up_to }) => {
                if !session.outbound.ack(*up_to) {
                    self.doom(seat, End::refused(ErrorCode::InvalidFrame, "Acknowledged what was not sent."));
                }
            }
            ClientFrame::StateAcks(acks) => {
                acks.iter().for_each(|ack| session.note(ack.seat, ack.channel, ack.seq));
            }
            // Who does not read asks in vain.
            ClientFrame::Ping { .. } if !out.has_room(link.id) => {}
            ClientFrame::Ping { client_us } => {
                let mut pong = BytesMut::with_capacity(24);
                ServerFrame::Pong { client_us: *client_us, server_us }.encode(&mut pong);
                out.passing(link, &pong);
            }
            ClientFrame::Interest { seats } => self.take_interest(seat, *seats, now_us),
            ClientFrame::Position { x, y, z } => session.position = Some([*x, *y, *z]),
            ClientFrame::Leave => self.doom(seat, End::of(LeftReason::Left)),
        }
        self.settle(now_us, out);
    }

    /// A message of a client whose messages have no numbers: its link loses none, and tells none twice.
    pub(crate) fn say_plainly(
        &mut self,
        seat: Seat,
        target: Target,
        channel: u8,
        data: &[u8],
        now_us: u64,
        out: &mut impl Out,
    ) {
        self.say(seat, target, Order::Ordered, channel, data, now_us, out);
        self.settle(now_us, out);
    }

    /// The number of a client's next state, for clients that do not number them.
    pub(crate) fn next_state(&self, seat: Seat, channel: u8) -> u64 {
        let channels = self.session(seat).map(|session| &session.channels);
        channels.and_then(|channels| channels.get(usize::from(channel))).map_or(1, |c| c.newest.seq + 1)
    }

    /// Ends a session because of what its link did.
    pub(crate) fn refuse(&mut self, seat: Seat, end: End, now_us: u64, out: &mut impl Out) {
        self.doom(seat, end);
        self.settle(now_us, out);
    }

    /// What the API wants. Nothing of it is reported back.
    pub(crate) fn command(&mut self, command: Command, now_us: u64, out: &mut impl Out) {
        match command {
            Command::Remove { player, reason } => {
                if let Some(seat) = self.seat_of(&player) {
                    self.unseat(seat, End::of(reason), out);
                    self.host_leaves(seat, now_us, out);
                }
            }
            Command::Host { player } => {
                if let Some(seat) = self.seat_of(&player) {
                    self.host_is(seat, out);
                }
            }
            Command::Changed { json } => {
                let frame = Reliable::Room { json: json.into() };
                let all: Vec<Seat> = self.sessions().map(|(seat, _)| seat).collect();
                all.into_iter().for_each(|seat| self.tell(seat, frame.clone(), out));
            }
            Command::Close => {
                for seat in 0..self.seats.len() {
                    if let Some(session) = self.seats[seat].take()
                        && let Some(link) = session.link
                    {
                        out.end(link, &self.key, End::of(LeftReason::Closed));
                    }
                }
                self.taken = 0;
                self.doomed.clear();
            }
        }
        self.settle(now_us, out);
    }

    /// When [`Room::run`] is to be called at the latest.
    pub(crate) fn due_us(&self) -> Option<u64> {
        [self.tick_us, self.settle_us, self.host.due_us, self.grace_us].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn run(&mut self, now_us: u64, scratch: &mut Scratch, out: &mut impl Out) {
        if self.tick_us.is_some_and(|due| due <= now_us) {
            self.tick_us = None;
            self.tick(now_us, scratch, out);
        }
        if self.settle_us.is_some_and(|due| due <= now_us) {
            self.settle_us = None;
            self.settle_states(now_us, scratch, out);
        }
        let over = |session: &Session| session.link.is_none() && session.dropped_us + GRACE_US <= now_us;
        let timed_out: Vec<Seat> =
            self.sessions().filter(|(_, session)| over(session)).map(|(seat, _)| seat).collect();
        timed_out.into_iter().for_each(|seat| self.doom(seat, End::of(LeftReason::TimedOut)));
        if self.host.due_us.is_some_and(|due| due <= now_us) {
            self.host_is_due(now_us, out);
        }
        self.settle(now_us, out);
    }

    fn doom(&mut self, seat: Seat, end: End) {
        if !self.doomed.iter().any(|(doomed, _)| *doomed == seat) {
            self.doomed.push((seat, end));
        }
    }

    /// Ends the sessions that are to end. Telling the others may end more of them.
    fn settle(&mut self, now_us: u64, out: &mut impl Out) {
        while let Some((seat, end)) = self.doomed.pop() {
            let Some(session) = self.session(seat) else { continue };
            let (player, ticket_ms) = (session.who.player.clone(), session.ticket_ms);
            self.unseat(seat, end, out);
            self.reports.push(Report::Gone { player, reason: end.reason, ticket_ms });
            self.host_leaves(seat, now_us, out);
        }
        if self.taken == 0 {
            (self.tick_us, self.settle_us, self.host.due_us, self.grace_us) = (None, None, None, None);
        }
    }

    /// Looks when the next seat without a link is free.
    fn watch_seats(&mut self) {
        let absent = self.sessions().filter(|(_, session)| session.link.is_none());
        self.grace_us = absent.map(|(_, session)| session.dropped_us + GRACE_US).min();
    }

    /// Takes a session from its seat and tells the others.
    fn unseat(&mut self, seat: Seat, end: End, out: &mut impl Out) {
        let Some(session) = self.seats.get_mut(usize::from(seat)).and_then(Option::take) else { return };
        self.taken -= 1;
        self.watch_seats();
        if let Some(link) = session.link {
            out.end(link, &self.key, end);
        }
        let bit = 1 << seat;
        for channel in 0..CHANNELS {
            self.dirty[channel] &= !bit;
            self.shown[channel] &= !bit;
            self.unsettled[channel] &= !bit;
        }
        self.seats.iter_mut().flatten().for_each(|other| other.forget(seat));
        self.tell_others(seat, &Reliable::Left { seat, who: session.who.clone(), reason: end.reason }, out);
    }

    /// The next tick comes. Ticks of all rooms of one length fall together, so that a shard wakes once for them.
    fn arm(&mut self, now_us: u64) {
        if self.tick_us.is_none() {
            let tick = u64::from(self.tick_ms) * 1_000;
            self.tick_us = Some((now_us / tick + 1) * tick);
        }
    }
}
