//! What players say and show in a room.

use super::session::{Seats, Shown};
use super::{End, Out, Reliable, Room, Scratch};
use crate::multiplayer::live::relay::Verdict;
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::delta::DELTA_LEN_MIN;
use aethex_wire::multiplayer::frame::{LeftReason, Order, Seat, State, Target};
use bytes::Bytes;

impl Room {
    #[expect(clippy::too_many_arguments, reason = "the fields of a message")]
    pub(super) fn say(
        &mut self,
        from: Seat,
        target: Target,
        order: Order,
        channel: u8,
        data: &[u8],
        now_us: u64,
        out: &mut impl Out,
    ) {
        let Some(session) = self.session_mut(from) else { return };
        if !session.may_say(now_us, data.len()) {
            return self.doom(from, End::refused(ErrorCode::RateLimited, "Too many messages."));
        }
        let who = session.who.clone();
        match self.validate.on_message(&self.key, &who.player, channel, data) {
            Verdict::Allow => {}
            Verdict::Drop => return,
            Verdict::Kick => return self.doom(from, End::of(LeftReason::Kicked)),
        }
        let host = self.host.seat;
        let frame = Reliable::Message { from, who, order, channel, data: Bytes::copy_from_slice(data) };
        match target {
            Target::Others => self.tell_others(from, &frame, out),
            Target::Except(seat) => {
                for to in 0..self.seats.len() as Seat {
                    if to != from && to != seat {
                        self.tell(to, frame.clone(), out);
                    }
                }
            }
            Target::Host => {
                if let Some(to) = host.filter(|to| *to != from) {
                    self.tell(to, frame, out);
                }
            }
            Target::Seat(to) if to != from => self.tell(to, frame, out),
            Target::Seat(_) => {}
        }
    }

    pub(super) fn tell_others(&mut self, but: Seat, frame: &Reliable, out: &mut impl Out) {
        for seat in 0..self.seats.len() as Seat {
            if seat != but {
                self.tell(seat, frame.clone(), out);
            }
        }
    }

    /// Keeps a reliable frame for a seat, and hands it to the link if that takes it.
    pub(super) fn tell(&mut self, seat: Seat, frame: Reliable, out: &mut impl Out) {
        let Some(session) = self.session_mut(seat) else { return };
        if !session.outbound.push(frame) {
            return self.doom(
                seat,
                End::refused(ErrorCode::RelayOverflow, "Too much was waiting for you to read it."),
            );
        }
        self.pump(seat, out);
    }

    /// Hands kept frames to a seat's link for as long as it takes them.
    pub(super) fn pump(&mut self, seat: Seat, out: &mut impl Out) {
        let Some(session) = self.session_mut(seat) else { return };
        let Some(link) = session.link else { return };
        while out.has_room(link.id)
            && let Some((seq, frame)) = session.outbound.peek()
        {
            out.reliable(link, seq, frame);
            session.outbound.handed();
        }
    }

    pub(super) fn take_state(
        &mut self,
        seat: Seat,
        state: &State<'_>,
        urgent: bool,
        now_us: u64,
        scratch: &mut Scratch,
        out: &mut impl Out,
    ) {
        let Some(session) = self.seats.get_mut(usize::from(seat)).and_then(Option::as_deref_mut) else {
            return;
        };
        let shown = session.show(state, &mut scratch.state);
        match shown {
            Shown::New => {}
            Shown::Old => return self.arm(now_us),
            Shown::Wrong(_) => {
                return self.doom(seat, End::refused(ErrorCode::InvalidFrame, "A difference does not fit."));
            }
        }
        match self.validate.on_state(&self.key, &session.who.player, state.channel, &scratch.state) {
            Verdict::Allow => {}
            Verdict::Drop => return,
            Verdict::Kick => return self.doom(seat, End::of(LeftReason::Kicked)),
        }
        let at = usize::from(state.channel);
        session.channels[at].renew(state.seq, &scratch.state, now_us);
        if session.channels[at].newest.data.len() >= DELTA_LEN_MIN {
            session.to_ack |= 1 << at;
        }
        if session.may_show(now_us) {
            session.held &= !(1 << at);
            self.dirty[at] |= 1 << seat;
            self.shown[at] |= 1 << seat;
            if urgent {
                self.tell_at_once(seat, state.channel, now_us, scratch, out);
            }
        } else {
            session.held |= 1 << at;
            metrics::counter!("live_states_held_total").increment(1);
        }
        self.arm(now_us);
    }

    pub(super) fn take_interest(&mut self, seat: Seat, wanted: Seats, now_us: u64) {
        let shown = self.shown;
        let Some(session) = self.session_mut(seat) else { return };
        let more = wanted & !session.interest;
        session.interest = wanted;
        for (owed, shown) in session.owed.iter_mut().zip(shown) {
            *owed = (*owed | (shown & more)) & wanted;
        }
        self.arm(now_us);
    }
}
