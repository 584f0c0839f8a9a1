//! Who is the host of a room, and who is next.

use super::{Out, Reliable, Room, Seat};
use crate::multiplayer::live::Report;
use crate::multiplayer::live::config::HOST_ABSENCE_US;

/// The host.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub(super) seat: Option<Seat>,
    /// Whether the API knows; else the seat stands in for a host who has not come yet.
    is_known: bool,
    /// When somebody else is host unless the host comes (back).
    pub(super) due_us: Option<u64>,
}

impl Room {
    /// Somebody is host from the beginning, until the one whom the API named is here.
    pub(super) fn host_stands_in(&mut self, seat: Seat, now_us: u64) {
        if self.host.seat.is_none() {
            self.host = Host { seat: Some(seat), is_known: false, due_us: Some(now_us + HOST_ABSENCE_US) };
        }
    }

    /// A player joined whom the API named host. If another was elected meanwhile, the API will hear of it.
    pub(super) fn host_joins(&mut self, seat: Seat, out: &mut impl Out) {
        if !self.host.is_known || self.host.seat == Some(seat) {
            self.host_is(seat, out);
        }
    }

    /// The API, or a ticket, says who is host.
    pub(super) fn host_is(&mut self, seat: Seat, out: &mut impl Out) {
        let before = self.host.seat.replace(seat);
        self.host.is_known = true;
        self.host.due_us = None;
        if before != Some(seat) {
            self.tell_of_host(seat, out);
        }
    }

    pub(super) fn host_drops(&mut self, seat: Seat, now_us: u64) {
        if self.host.seat == Some(seat) {
            self.host.due_us = Some(now_us + HOST_ABSENCE_US);
        }
    }

    /// A seat is free: if it was the host's, the next is host at once.
    pub(super) fn host_leaves(&mut self, seat: Seat, now_us: u64, out: &mut impl Out) {
        if self.host.seat != Some(seat) {
            return;
        }
        self.host.seat = None;
        self.host.due_us = None;
        let next = self.next_host(true).or_else(|| self.next_host(false));
        if let Some(next) = next {
            self.elect(next, now_us, out);
        }
    }

    /// The host did not come (back) in time.
    pub(super) fn host_is_due(&mut self, now_us: u64, out: &mut impl Out) {
        self.host.due_us = None;
        let here = self.host.seat.and_then(|seat| self.session(seat)).is_some_and(|host| host.link.is_some());
        if here && self.host.is_known {
            return;
        }
        match self.next_host(true) {
            Some(next) => self.elect(next, now_us, out),
            // Nobody is here to be it; whoever comes back first is.
            None => self.host.due_us = Some(now_us + HOST_ABSENCE_US),
        }
    }

    fn elect(&mut self, seat: Seat, now_us: u64, out: &mut impl Out) {
        let Some(session) = self.session(seat) else { return };
        let player = session.who.player.clone();
        let is_here = session.link.is_some();
        self.host_is(seat, out);
        self.host.due_us = (!is_here).then_some(now_us + HOST_ABSENCE_US);
        self.reports.push(Report::Host { player });
    }

    /// The first by joining order, among those who are here or among all.
    fn next_host(&self, here: bool) -> Option<Seat> {
        let mut candidates: Vec<_> =
            self.sessions().filter(|(_, session)| !here || session.link.is_some()).collect();
        candidates.sort_by_key(|(_, session)| session.joined);
        candidates.first().map(|(seat, _)| *seat)
    }

    fn tell_of_host(&mut self, seat: Seat, out: &mut impl Out) {
        let Some(who) = self.session(seat).map(|session| session.who.clone()) else { return };
        let frame = Reliable::Host { seat, who };
        for to in 0..self.seats.len() as Seat {
            self.tell(to, frame.clone(), out);
        }
    }
}
