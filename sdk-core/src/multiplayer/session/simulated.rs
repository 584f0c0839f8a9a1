//! A session in a test's hand: frames go in and out as bytes, with the time. No link, no clock; never in what ships.

use super::{Delivery, Lane, Session, SessionError, Welcomed};
use crate::wire::multiplayer::frame::{Order, Seat, ServerFrame, Target};
use bytes::Bytes;

/// Something that came of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Came {
    /// A message.
    Message {
        /// Of whom.
        seat: Seat,
        /// Whether it is one of those in order.
        ordered: bool,
        /// What it says.
        data: Bytes,
    },
    /// A state.
    State {
        /// Of whom.
        seat: Seat,
        /// Its channel.
        channel: u8,
        /// The state, whole.
        data: Bytes,
    },
    /// The relay ended the session.
    Closed {
        /// The error's number.
        code: u16,
    },
    /// Something about who is in the room.
    Room,
}

/// See the module.
#[derive(Debug, Default)]
pub struct RoomSession(Session);

impl RoomSession {
    /// One that has not begun.
    pub fn new() -> RoomSession {
        RoomSession::default()
    }

    /// The first frame of a link: with a ticket, or to go on.
    pub fn hello(&self, ticket: Option<&str>) -> Bytes {
        self.0.hello(ticket)
    }

    /// The relay's first frame on a link, which is the only one from now on; whether it was a welcome.
    ///
    /// # Errors
    /// The relay broke the protocol.
    pub fn welcome(
        &mut self,
        frame: &[u8],
        may_lose: bool,
        rtt_us: u64,
        now_us: u64,
    ) -> Result<bool, &'static str> {
        match ServerFrame::decode(frame) {
            Ok(ServerFrame::Welcome(welcome)) => {
                let before = self.0.has_begun();
                let welcomed = self.0.welcome(&welcome, may_lose, rtt_us, now_us);
                let expected = if before { Welcomed::Resumed } else { Welcomed::Begun };
                welcomed.map(|welcomed| welcomed == expected).map_err(|SessionError(what)| what)
            }
            Ok(_) => Ok(false),
            Err(_) => Err("a frame that cannot be read"),
        }
    }

    /// The player's own seat.
    pub fn seat(&self) -> Seat {
        self.0.seat()
    }

    /// Takes a message to all others, when there is room for it.
    pub fn say(&mut self, ordered: bool, data: &[u8]) -> bool {
        let order = if ordered { Order::Ordered } else { Order::Unordered };
        self.0.send(Target::Others, order, 0, data).is_ok()
    }

    /// Takes the newest state of a channel.
    pub fn show(&mut self, channel: u8, urgent: bool, data: Bytes) {
        let _ = self.0.set_state(channel, urgent, data);
    }

    /// The next reliable frame that is due, and whether it goes on a stream of its own.
    pub fn next_reliable(&mut self, now_us: u64) -> Option<(bool, Bytes)> {
        self.0.next_reliable(now_us).map(|(lane, frame)| (lane == Lane::Own, frame))
    }

    /// The next frame that is due and may be lost.
    pub fn next_fast(&mut self, now_us: u64) -> Option<Bytes> {
        self.0.next_fast(now_us)
    }

    /// When there will be a frame.
    pub fn due_us(&self, now_us: u64) -> u64 {
        self.0.reliable_due_us(now_us).unwrap_or(u64::MAX).min(self.0.fast_due_us(now_us))
    }

    /// Messages that the relay has not acknowledged.
    pub fn unacked(&self) -> usize {
        self.0.unacked()
    }

    /// Takes a frame in.
    ///
    /// # Errors
    /// The relay broke the protocol.
    pub fn receive(&mut self, frame: &[u8], now_us: u64) -> Result<Vec<Came>, &'static str> {
        self.0.receive(frame, now_us).map_err(|SessionError(what)| what)?;
        let came = self.0.take_delivered().into_iter().map(|delivery| match delivery {
            Delivery::Message { seat, ordered, data, .. } => Came::Message { seat, ordered, data },
            Delivery::State { seat, channel, data, .. } => Came::State { seat, channel, data },
            Delivery::Closed { code, .. } => Came::Closed { code },
            _ => Came::Room,
        });
        Ok(came.collect())
    }
}
