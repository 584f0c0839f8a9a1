//! Everything of a shard but its loop: rooms, links, tickets that were used, what is due when.
//!
//! Every method ends with the room's reports passed on and its time noted; what it wrote into links is flushed by who
//! called.

use super::config as limits;
use super::link::{Links, Wire, Written};
use super::relay::Shared;
use super::room::{Carrier, End, Link, LinkId, Room, Scratch};
use super::shard::{After, Entry};
use super::tickets::{Seating, TICKET_TTL_MS};
use super::ws::{CloseCode, opcode};
use super::{Command, Report, RoomKey};
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use aethex_wire::multiplayer::frame::{ClientFrame, PROTOCOL, Resume, SECRET_LEN};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a link that is over may take to close.
const LINGER_US: u64 = 5_000_000;
/// A time that does not come.
pub(super) const NEVER: u64 = u64::MAX;

/// A room's place.
#[derive(Debug)]
struct Place {
    room: Room,
    number: u32,
    /// The earliest time that is noted for it.
    noted_us: u64,
}

/// Everything of a shard.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) links: Links,
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    rooms: Vec<Option<Box<Place>>>,
    free: Vec<u32>,
    by_key: HashMap<RoomKey, u32>,
    last: u32,
    scratch: Scratch,
    due: BinaryHeap<Reverse<(u64, u32, u32)>>,
    /// Until when the loop sleeps.
    pub(super) sleeps_us: u64,
    pub(super) wake: Rc<Notify>,
    /// Tickets that were used, until they are over.
    used: HashMap<Box<str>, i64>,
    /// Players and rooms whose tickets up to a time do not count any more.
    barred: HashMap<(RoomKey, Option<PlayerId>), i64>,
    start: Instant,
}

impl Core {
    pub(super) fn new(index: usize, shared: Arc<Shared>, start: Instant) -> Core {
        Core {
            links: Links::default(),
            shared,
            index,
            rooms: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::new(),
            last: 0,
            scratch: Scratch::default(),
            due: BinaryHeap::new(),
            sleeps_us: 0,
            wake: Rc::default(),
            used: HashMap::new(),
            barred: HashMap::new(),
            start,
        }
    }

    pub(super) fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// A frame of a client.
    pub(super) fn client_frame(&mut self, id: LinkId, bytes: &[u8]) -> After {
        let Some(state) = self.links.get(id).filter(|state| !state.is_over) else { return After::Over };
        let at = state.at;
        let Ok(frame) = ClientFrame::decode(bytes) else {
            self.fail(id, ErrorCode::InvalidFrame, "A frame cannot be read.", CloseCode::Policy);
            return After::Over;
        };
        match (at, frame) {
            (Some((room, seat)), frame) => {
                let now_us = self.now_us();
                if let Some(place) = self.rooms.get_mut(room as usize).and_then(Option::as_mut) {
                    place.room.frame(seat, id, &frame, now_us, &mut self.scratch, &mut self.links);
                    self.after(room);
                }
                After::Go
            }
            (None, ClientFrame::Hello { protocol, ticket, resume }) => {
                self.hello(id, protocol, ticket, resume)
            }
            (None, _) => {
                self.fail(id, ErrorCode::InvalidFrame, "Say hello first.", CloseCode::Policy);
                After::Over
            }
        }
    }

    /// The first frame of a link.
    pub(super) fn hello(&mut self, id: LinkId, protocol: u8, ticket: &[u8], resume: Option<Resume>) -> After {
        if protocol != PROTOCOL {
            self.fail(id, ErrorCode::InvalidFrame, "The relay speaks protocol 1.", CloseCode::Policy);
            return After::Over;
        }
        let entry = match resume {
            Some(resume) => Entry::Resume(resume),
            None => match self.shared.tickets.check(ticket, &self.shared.node, crate::context::now_ms()) {
                Some(seating) => Entry::Ticket(seating),
                None => {
                    let words = "The ticket does not count here: join the room again.";
                    self.deny(id, ErrorCode::InvalidTicket, words);
                    return After::Go;
                }
            },
        };
        let target = match &entry {
            Entry::Ticket(seating) => {
                let key = RoomKey { game: seating.game.clone(), room: seating.room.clone() };
                self.shared.shard_of(&key)
            }
            Entry::Resume(resume) => usize::from(resume.secret[0]),
        };
        if target == self.index {
            self.enter(id, entry);
            After::Go
        } else if target < self.shared.shards.len() {
            After::Move(target, Box::new(entry))
        } else {
            self.session_over(id);
            After::Go
        }
    }

    fn session_over(&mut self, id: LinkId) {
        self.deny(id, ErrorCode::RoomSessionEnded, "The session is over: join the room again.");
    }

    /// A link does not get into a room. A text client may try again.
    fn deny(&mut self, id: LinkId, code: ErrorCode, words: &'static str) {
        match self.links.get(id).and_then(|state| state.carrier) {
            Some(Carrier::Text) => super::text::put_error(&mut self.links, id, code, words, false),
            _ => self.fail(id, code, words, CloseCode::Policy),
        }
    }

    /// Brings a link into a room of this shard.
    pub(super) fn enter(&mut self, id: LinkId, entry: Entry) {
        let Some(state) = self.links.get(id).filter(|state| !state.is_over) else { return };
        let carrier = state.carrier.unwrap_or(match &state.wire {
            Wire::Ws(_) => Carrier::Stream,
            Wire::Quic(_) => Carrier::Datagrams,
        });
        let link = Link { id, carrier };
        let entered = match entry {
            Entry::Ticket(seating) => self.enter_by_ticket(link, &seating),
            Entry::Resume(resume) => self.enter_again(link, &resume),
        };
        match entered {
            Ok((room, seat)) => {
                let is_in = self.place(room).and_then(|place| place.room.session(seat));
                let is_in = is_in.is_some_and(|session| session.link == Some(link));
                if let Some(state) = self.links.get_mut(id) {
                    state.at = is_in.then_some((room, seat));
                    state.hello_us = None;
                    state.stranger = None;
                }
                self.after(room);
            }
            Err(ErrorCode::RoomSessionEnded) => self.session_over(id),
            Err(ErrorCode::RoomFull) => self.deny(id, ErrorCode::RoomFull, "The room is full."),
            Err(code) => self.deny(id, code, "The ticket does not count any more: join the room again."),
        }
    }

    fn enter_by_ticket(&mut self, link: Link, seating: &Seating) -> Result<(u32, u8), ErrorCode> {
        let key = RoomKey { game: seating.game.clone(), room: seating.room.clone() };
        let is_barred = |player: Option<PlayerId>| {
            self.barred.get(&(key.clone(), player)).is_some_and(|until| seating.until_ms <= *until)
        };
        if is_barred(None) || is_barred(Some(seating.player.clone())) || self.used.contains_key(&*seating.id)
        {
            return Err(ErrorCode::InvalidTicket);
        }
        if self.used.len() >= limits::REMEMBERED_MAX {
            return Err(ErrorCode::Overloaded);
        }
        self.used.insert(seating.id.as_str().into(), seating.until_ms);
        let now_us = self.now_us();
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None => self.make_room(key, seating, now_us)?,
        };
        let mut secret: [u8; SECRET_LEN] = crate::context::random();
        secret[0] = self.index as u8;
        secret[1..4].copy_from_slice(&at.to_be_bytes()[1..]);
        let place = self.rooms.get_mut(at as usize).and_then(Option::as_mut).ok_or(ErrorCode::Internal)?;
        let joined = place.room.join(seating, secret, link, now_us, &mut self.links);
        if joined.is_err() {
            self.after(at);
        }
        joined.map(|seat| (at, seat))
    }

    fn make_room(&mut self, key: RoomKey, seating: &Seating, now_us: u64) -> Result<u32, ErrorCode> {
        if self.by_key.len() >= limits::ROOMS_MAX {
            return Err(ErrorCode::Overloaded);
        }
        self.last = self.last.wrapping_add(1);
        let room = Room::new(key.clone(), seating, self.shared.validate.clone(), now_us);
        let place = Some(Box::new(Place { room, number: self.last, noted_us: NEVER }));
        let at = match self.free.pop() {
            Some(at) => {
                self.rooms[at as usize] = place;
                at
            }
            None => {
                self.rooms.push(place);
                (self.rooms.len() - 1) as u32
            }
        };
        self.by_key.insert(key, at);
        Ok(at)
    }

    fn enter_again(&mut self, link: Link, resume: &Resume) -> Result<(u32, u8), ErrorCode> {
        let at = u32::from_be_bytes([0, resume.secret[1], resume.secret[2], resume.secret[3]]);
        let seat = Room::seat_in(&resume.secret);
        let now_us = self.now_us();
        let place = self.rooms.get_mut(at as usize).and_then(Option::as_mut);
        let place = place.ok_or(ErrorCode::RoomSessionEnded)?;
        if !place.room.is_secret_of(seat, &resume.secret) {
            return Err(ErrorCode::RoomSessionEnded);
        }
        place.room.resume(seat, resume.received, link, now_us, &mut self.links)?;
        metrics::counter!("live_resumes_total").increment(1);
        Ok((at, seat))
    }

    fn place(&self, room: u32) -> Option<&Place> {
        self.rooms.get(room as usize)?.as_deref()
    }

    /// The room that a link is in, with what it needs.
    pub(super) fn room_of(&mut self, id: LinkId) -> Option<InRoom<'_>> {
        let (at, seat) = self.links.get(id)?.at?;
        let now_us = self.now_us();
        let room = &mut self.rooms.get_mut(at as usize)?.as_mut()?.room;
        Some(InRoom { at, seat, room, scratch: &mut self.scratch, links: &mut self.links, now_us })
    }

    /// Ends a link that did wrong, and the session it carries.
    pub(super) fn fail(&mut self, id: LinkId, code: ErrorCode, words: &'static str, close: CloseCode) {
        if let Some(InRoom { at, seat, room, links, now_us, .. }) = self.room_of(id) {
            room.refuse(seat, End::refused(code, words), now_us, links);
            self.after(at);
        }
        if self.links.get(id).is_some_and(|state| !state.is_over) {
            self.links.refuse(id, code, words, close);
        }
        metrics::counter!("live_links_refused_total", "code" => code.as_str()).increment(1);
    }

    /// A link's socket takes bytes again.
    pub(super) fn writable(&mut self, id: LinkId) {
        let Some(state) = self.links.get_mut(id) else { return };
        if state.write() != Written::All {
            return;
        }
        if let Some(InRoom { at, seat, room, links, now_us, .. }) = self.room_of(id) {
            room.writable(seat, id, now_us, links);
            self.after(at);
        }
    }

    /// A link leaves its room without a word of its player.
    pub(super) fn leave_link(&mut self, id: LinkId) {
        if let Some(InRoom { at, seat, room, links, now_us, .. }) = self.room_of(id) {
            room.dropped(seat, id, now_us, links);
            self.after(at);
        }
        if let Some(state) = self.links.get_mut(id) {
            state.at = None;
        }
    }

    /// After anything happened in a room.
    pub(super) fn after(&mut self, at: u32) {
        let Some(place) = self.rooms.get_mut(at as usize).and_then(Option::as_mut) else { return };
        for report in place.room.reports.drain(..) {
            let _ = self.shared.reports.send((place.room.key.clone(), report));
        }
        if place.room.is_empty() {
            let empty = Report::Empty { ticket_ms: place.room.newest_ticket_ms };
            let _ = self.shared.reports.send((place.room.key.clone(), empty));
            return self.forget(at);
        }
        if let Some(due_us) = place.room.due_us()
            && due_us < place.noted_us
        {
            place.noted_us = due_us;
            self.due.push(Reverse((due_us, at, place.number)));
            if due_us < self.sleeps_us {
                self.sleeps_us = due_us;
                self.wake.notify_one();
            }
        }
    }

    fn forget(&mut self, at: u32) {
        if let Some(place) = self.rooms[at as usize].take() {
            self.by_key.remove(&place.room.key);
            self.free.push(at);
        }
    }

    pub(super) fn next_due(&self) -> u64 {
        self.due.peek().map_or(NEVER, |Reverse((due_us, ..))| *due_us)
    }

    pub(super) fn run_due(&mut self, now_us: u64) {
        while let Some(Reverse((due_us, at, number))) = self.due.peek().copied() {
            if due_us > now_us {
                break;
            }
            self.due.pop();
            let Some(place) = self.rooms.get_mut(at as usize).and_then(Option::as_mut) else { continue };
            if place.number != number || place.noted_us != due_us {
                continue;
            }
            place.noted_us = NEVER;
            place.room.run(now_us, &mut self.scratch, &mut self.links);
            self.after(at);
        }
        self.links.flush();
    }

    pub(super) fn command(&mut self, key: &RoomKey, command: Command) {
        let until = crate::context::now_ms() + TICKET_TTL_MS;
        match &command {
            Command::Close => self.bar(key.clone(), None, until),
            Command::Remove { player, .. } => self.bar(key.clone(), Some(player.clone()), until),
            _ => {}
        }
        let Some(&at) = self.by_key.get(key) else { return };
        let is_close = command == Command::Close;
        let now_us = self.now_us();
        if let Some(place) = self.rooms.get_mut(at as usize).and_then(Option::as_mut) {
            place.room.command(command, now_us, &mut self.links);
        }
        if is_close {
            self.forget(at)
        } else {
            self.after(at)
        }
        self.links.flush();
    }

    /// Tickets that were signed up to now do not count for a room, or for a player of it.
    fn bar(&mut self, key: RoomKey, player: Option<PlayerId>, until_ms: i64) {
        if self.barred.len() < limits::REMEMBERED_MAX {
            self.barred.insert((key, player), until_ms);
        }
    }

    /// Looks links over: who has not said hello, who is silent, who is slow to close.
    pub(super) fn sweep(&mut self, now_us: u64) {
        let ids: Vec<LinkId> = self.links.ids().collect();
        for id in ids {
            let is_nobody = super::text::is_nobody(&self.links, id);
            let Some(state) = self.links.get_mut(id) else { continue };
            if is_nobody && state.hello_us.is_none() {
                state.hello_us = Some(now_us + limits::HELLO_TIMEOUT.as_micros() as u64);
            }
            let known = state.plain.as_ref().and_then(|plain| plain.known.as_ref());
            if !state.is_over && known.is_some_and(|known| !(known.stands)()) {
                let words = "This session has ended: log in again.";
                self.fail(id, ErrorCode::SessionEnded, words, CloseCode::Policy);
                continue;
            }
            if state.is_over {
                let until = *state.hello_us.get_or_insert(now_us + LINGER_US);
                if until <= now_us {
                    state.wake();
                    self.leave_link(id);
                    self.links.remove(id);
                }
            } else if state.hello_us.is_some_and(|until| until <= now_us) {
                let words = "Nobody said hello in time.";
                self.fail(id, ErrorCode::RequestTimeout, words, CloseCode::Policy);
            } else if matches!(state.wire, Wire::Ws(_)) {
                // A client of JSON events may be a page whose thread is busy: it is given more time.
                let speaks = state.at.is_some() && state.carrier == Some(Carrier::Stream);
                match Silence::of(speaks, now_us.saturating_sub(state.heard_us)) {
                    Silence::TooLong => {
                        state.wake();
                        self.leave_link(id);
                        self.links.remove(id);
                    }
                    Silence::Long if !state.is_pinged => {
                        state.is_pinged = true;
                        self.links.put_control(id, opcode::PING, b"");
                    }
                    Silence::Long | Silence::Short => {}
                }
            }
        }
        self.links.flush();
        let now_ms = crate::context::now_ms();
        self.used.retain(|_, until| *until > now_ms);
        self.barred.retain(|_, until| *until > now_ms);
        let shard = [("shard", self.index.to_string())];
        metrics::gauge!("live_links", &shard).set(self.links.len() as f64);
        metrics::gauge!("live_rooms", &shard).set(self.by_key.len() as f64);
        metrics::counter!("live_deliveries_total").increment(std::mem::take(&mut self.scratch.deliveries));
        metrics::counter!("live_states_stale_total").increment(std::mem::take(&mut self.scratch.stale));
    }

    pub(super) fn stop(&mut self) {
        let ids: Vec<LinkId> = self.links.ids().collect();
        for id in ids {
            let words = "The relay stops: join the room again.";
            self.links.refuse(id, ErrorCode::Overloaded, words, CloseCode::GoingAway);
        }
        self.links.flush();
    }
}

/// A room, a seat in it, and what its methods ask for.
#[derive(Debug)]
pub(super) struct InRoom<'a> {
    pub(super) at: u32,
    pub(super) seat: u8,
    pub(super) room: &'a mut Room,
    pub(super) scratch: &'a mut Scratch,
    pub(super) links: &'a mut Links,
    pub(super) now_us: u64,
}

/// What a link's silence means. QUIC looks after its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Short,
    /// It is asked whether it is there.
    Long,
    TooLong,
}

impl Silence {
    fn of(speaks: bool, us: u64) -> Silence {
        let (long, too_long) = match speaks {
            true => (limits::SEATED_PING_AFTER_US, limits::SEATED_SILENCE_MAX_US),
            false => (limits::PING_AFTER_US, limits::SILENCE_MAX_US),
        };
        match us {
            us if us >= too_long => Silence::TooLong,
            us if us >= long => Silence::Long,
            _ => Silence::Short,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_frames_in_a_room_is_missed_sooner() {
        let of = |speaks, seconds: u64| Silence::of(speaks, seconds * 1_000_000);
        assert_eq!(
            (of(true, 2), of(true, 3), of(true, 8)),
            (Silence::Short, Silence::Long, Silence::TooLong)
        );
        assert_eq!(
            (of(false, 8), of(false, 20), of(false, 45)),
            (Silence::Short, Silence::Long, Silence::TooLong)
        );
    }
}
