//! An event loop with a thread of its own: it has the rooms and their links (`rooms`) and runs what is due.
//!
//! What happens to a link comes in by its task (`socket`, `quic`), what the API wants by a channel. Both end in a
//! room's method; then its reports are passed on, its time is noted, and what it wrote is flushed. A link whose room
//! lives elsewhere is sent to that shard, socket and all.

use super::config as limits;
use super::link::{Plain, State, Wire};
use super::quic::{Identity, Passed, Quic, QuicParts};
use super::relay::Shared;
use super::rest::Rest;
use super::room::{Carrier, LinkId};
use super::rooms::{Core, NEVER};
use super::strangers::Stranger;
use super::text::Answer;
use super::tickets::Seating;
use super::ws::{CloseCode, Incoming, Reading, opcode};
use super::{Command, RoomKey};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::frame::Resume;
use bytes::BytesMut;
use rustls::ServerConnection;
use std::cell::RefCell;
use std::net::{IpAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

/// How long links may take to hear that the relay stops.
const STOP_US: u64 = 500_000;

/// What a shard is told.
#[derive(Debug)]
pub(super) enum ToShard {
    Fresh(Box<Fresh>),
    Command(RoomKey, Command),
    Answer(LinkId, Answer),
    /// About a QUIC connection that moved.
    Passed(Passed),
    Stop(oneshot::Sender<()>),
}

/// A link on its way to a shard.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) wire: FreshWire,
    pub(super) carrier: Option<Carrier>,
    pub(super) plain: Option<Box<Plain>>,
    /// Bytes that have not been written.
    pub(super) out: BytesMut,
    /// What it said hello with, when that is known.
    pub(super) entry: Option<Box<Entry>>,
    pub(super) stranger: Option<Stranger>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
pub(super) enum FreshWire {
    Ws {
        stream: std::net::TcpStream,
        tls: Option<Box<ServerConnection>>,
        reading: Reading,
        /// Bytes that came already.
        begin: Vec<u8>,
    },
    Quic(QuicParts),
}

/// What a link comes into a room with. Both were looked at, as far as one can without the room.
#[derive(Debug)]
pub(super) enum Entry {
    Ticket(Seating),
    Resume(Resume),
}

/// How a link goes on after something it said.
#[derive(Debug)]
pub(super) enum After {
    Go,
    /// Until a question is answered.
    Pause,
    Over,
    /// Its room is on another shard.
    Move(usize, Box<Entry>),
}

/// Whether a link goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Going,
    /// It is to be closed, and all is written.
    Over,
    Gone,
}

/// A shard, as its tasks have it.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) core: RefCell<Core>,
    quic: Option<Quic>,
    /// What is read from a socket, one at a time.
    pub(super) buffer: RefCell<Box<[u8]>>,
    start: Instant,
    shared: Arc<Shared>,
}

impl Shard {
    pub(super) fn new(
        index: usize,
        shared: Arc<Shared>,
        quic: Option<(Identity, UdpSocket)>,
        start: Instant,
    ) -> Rc<Shard> {
        let core = Core::new(index, shared.clone(), start);
        let quic = quic.and_then(|(identity, socket)| {
            Quic::new(index, &identity, socket, core.wake.clone())
                .inspect_err(|error| tracing::error!(%error, "QUIC does not run"))
                .ok()
        });
        let buffer = RefCell::new(vec![0; limits::READ_LEN].into());
        Rc::new(Shard { core: RefCell::new(core), quic, buffer, start, shared })
    }

    /// Runs until it is told to stop; who wants to hear when it has.
    pub(super) async fn run(
        self: Rc<Self>,
        mut told: UnboundedReceiver<ToShard>,
        rest: &Rest,
    ) -> Option<oneshot::Sender<()>> {
        let wake = self.core.borrow().wake.clone();
        let mut sweep_us = limits::SWEEP_US;
        let mut stopping: Option<(u64, oneshot::Sender<()>)> = None;
        // More of QUIC than fitted into a turn.
        let mut is_more = false;
        loop {
            let due = {
                let mut core = self.core.borrow_mut();
                let stop_us = stopping.as_ref().map_or(NEVER, |_| self.now_us() + 10_000);
                let more_us = if is_more { self.now_us() } else { NEVER };
                core.sleeps_us = core.next_due().min(sweep_us).min(stop_us).min(more_us);
                rest.until(core.sleeps_us);
                let due = self.start + Duration::from_micros(core.sleeps_us);
                let quic = self.quic.as_ref().and_then(Quic::next_due).map(Instant::from_std);
                quic.map_or(due, |quic| quic.min(due))
            };
            if let Some(quic) = &self.quic {
                quic.rest();
            }
            tokio::select! {
                biased;
                message = told.recv() => match message {
                    Some(ToShard::Stop(done)) => {
                        self.core.borrow_mut().stop();
                        stopping = Some((self.now_us() + STOP_US, done));
                    }
                    Some(message) => self.take(message, stopping.is_some()),
                    None => return None,
                },
                () = wake.notified() => {}
                () = self.quic_ready() => {}
                () = tokio::time::sleep_until(due) => {}
            }
            is_more = self.quic.as_ref().is_some_and(|quic| quic.listen(&self));
            let is_tick = self.core.borrow().next_due() <= self.now_us();
            if is_more || is_tick {
                // WebSockets' tasks have their turn, so that what has come is in the tick.
                tokio::task::yield_now().await;
            }
            let now_us = self.now_us();
            self.core.borrow_mut().run_due(now_us);
            if sweep_us <= now_us {
                sweep_us = now_us + limits::SWEEP_US;
                self.core.borrow_mut().sweep(now_us);
            }
            is_more |= self.quic.as_ref().is_some_and(|quic| quic.speak(&self));
            if let Some((until, _)) = &stopping
                && (*until <= now_us || self.core.borrow().links.len() == 0)
            {
                return stopping.map(|(_, done)| done);
            }
        }
    }

    /// Ends when packets of QUIC have come, or can be sent again.
    async fn quic_ready(&self) {
        match &self.quic {
            Some(quic) => quic.ready().await,
            None => std::future::pending().await,
        }
    }

    fn take(self: &Rc<Self>, message: ToShard, is_stopping: bool) {
        match message {
            ToShard::Fresh(fresh) if !is_stopping => self.open(*fresh),
            ToShard::Fresh(_) | ToShard::Stop(_) => {}
            ToShard::Command(key, command) => self.core.borrow_mut().command(&key, command),
            ToShard::Answer(id, answer) => {
                let mut core = self.core.borrow_mut();
                core.answered(id, answer);
                core.links.flush();
            }
            ToShard::Passed(passed) => {
                if let Some(quic) = &self.quic {
                    quic.passed(self, passed);
                }
            }
        }
    }

    /// Takes a link in.
    pub(super) fn open(self: &Rc<Self>, fresh: Fresh) {
        let Fresh { wire, carrier, plain, out, entry, stranger, permit } = fresh;
        let hello_us = self.now_us() + limits::HELLO_TIMEOUT.as_micros() as u64;
        let fill = |state: &mut State| {
            state.carrier = carrier;
            state.plain = plain;
            state.hello_us = stranger.is_some().then_some(hello_us);
            state.stranger = stranger;
            state._permit = permit;
            state.put_back(out);
        };
        let id = match wire {
            FreshWire::Ws { stream, tls, reading, begin } => {
                super::socket::open(self, stream, tls, reading, begin, fill)
            }
            FreshWire::Quic(parts) => self.quic.as_ref().map(|quic| quic.open(self, parts, fill)),
        };
        if let (Some(id), Some(entry)) = (id, entry) {
            let mut core = self.core.borrow_mut();
            core.enter(id, *entry);
            core.links.flush();
        }
    }

    /// A link that has not said hello.
    pub(super) fn welcome(&self, wire: Wire, stranger: Stranger, permit: OwnedSemaphorePermit) -> LinkId {
        let hello_us = self.now_us() + limits::HELLO_TIMEOUT.as_micros() as u64;
        self.add_link(wire, |state| {
            state.hello_us = Some(hello_us);
            state.stranger = Some(stranger);
            state._permit = Some(permit);
        })
    }

    /// One more link.
    pub(super) fn add_link(&self, wire: Wire, fill: impl FnOnce(&mut State)) -> LinkId {
        let mut state = Box::new(State::new(wire, self.now_us()));
        fill(&mut state);
        self.core.borrow_mut().links.add(state)
    }

    pub(super) fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Tells another shard.
    pub(super) fn tell(&self, shard: usize, message: ToShard) {
        if let Some(shard) = self.shared.shards.get(shard) {
            let _ = shard.send(message);
        }
    }

    /// A WebSocket message or control frame.
    pub(super) fn incoming(&self, id: LinkId, incoming: Incoming<'_>) -> After {
        let mut core = self.core.borrow_mut();
        let now_us = self.now_us();
        let Some(state) = core.links.get_mut(id).filter(|state| !state.is_over) else { return After::Over };
        state.heard_us = now_us;
        state.is_pinged = false;
        match incoming {
            Incoming::Ping(payload) => {
                let cost = 1_000_000 / u64::from(limits::PINGS_PER_SECOND);
                if state.pings.spend(now_us, cost, 2_000_000) {
                    core.links.put_control(id, opcode::PONG, payload);
                }
            }
            Incoming::Pong => {}
            Incoming::Close => {
                core.leave_link(id);
                core.links.close(id, CloseCode::Normal);
                return After::Over;
            }
            Incoming::Binary(frame) => {
                if *state.carrier.get_or_insert(Carrier::Stream) == Carrier::Text {
                    core.fail(id, ErrorCode::InvalidFrame, "This link speaks text.", CloseCode::Policy);
                    return After::Over;
                }
                // Only text clients ask at the door.
                state.plain = None;
                return core.client_frame(id, frame);
            }
            Incoming::Text(text) => {
                if *state.carrier.get_or_insert(Carrier::Text) != Carrier::Text {
                    core.fail(id, ErrorCode::InvalidFrame, "This link speaks frames.", CloseCode::Policy);
                    return After::Over;
                }
                return core.client_text(id, text);
            }
        }
        After::Go
    }

    /// A link broke the standard.
    pub(super) fn broke(&self, id: LinkId, code: CloseCode) {
        let mut core = self.core.borrow_mut();
        let error = if code == CloseCode::TooBig { ErrorCode::TooLarge } else { ErrorCode::InvalidFrame };
        core.fail(id, error, "The WebSocket's frames are not usable.", code);
    }

    /// A frame of a link that is not a WebSocket.
    pub(super) fn client_frame(&self, id: LinkId, frame: &[u8]) -> After {
        let mut core = self.core.borrow_mut();
        let after = core.client_frame(id, frame);
        core.links.flush();
        after
    }

    /// Whether a link has a seat.
    pub(super) fn is_seated(&self, id: LinkId) -> bool {
        self.core.borrow().links.get(id).is_some_and(|state| state.at.is_some())
    }

    /// One more link, if there may be.
    pub(super) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.shared.links.clone().try_acquire_owned().ok()
    }

    /// One more link that has not said hello, if there may be from an address.
    pub(super) fn stranger(&self, from: IpAddr) -> Option<Stranger> {
        self.shared.strangers.take(from)
    }

    /// The shard that a text client's link has to go to.
    pub(super) fn take_move(&self, id: LinkId) -> Option<(usize, Box<Entry>)> {
        self.core.borrow_mut().links.get_mut(id)?.plain.as_mut()?.take_move()
    }

    /// What was put into links leaves.
    pub(super) fn finish(&self, _: LinkId) {
        self.core.borrow_mut().links.flush();
    }

    /// A link is gone.
    pub(super) fn gone(&self, id: LinkId) {
        let mut core = self.core.borrow_mut();
        core.leave_link(id);
        core.links.remove(id);
        core.links.flush();
    }

    /// A socket takes bytes again.
    pub(super) fn writable(&self, id: LinkId) {
        let mut core = self.core.borrow_mut();
        core.writable(id);
        core.links.flush();
    }

    /// Whether a link goes on.
    pub(super) fn standing(&self, id: LinkId) -> Standing {
        match self.core.borrow().links.get(id) {
            None => Standing::Gone,
            Some(state) if state.is_over && state.is_drained() => Standing::Over,
            Some(_) => Standing::Going,
        }
    }

    pub(super) fn is_paused(&self, id: LinkId) -> bool {
        let core = self.core.borrow();
        core.links
            .get(id)
            .is_some_and(|state| !state.is_over && state.plain.as_ref().is_some_and(|plain| plain.is_asking))
    }

    pub(super) fn is_over(&self, id: LinkId) -> bool {
        self.core.borrow().links.get(id).is_none_or(|state| state.is_over)
    }

    /// Passes personal events on, as long as the socket takes them.
    pub(super) fn poll_personal(&self, id: LinkId, context: &mut Context<'_>) {
        let mut core = self.core.borrow_mut();
        while let Some(state) = core.links.get_mut(id).filter(|state| !state.is_over && !state.is_blocked) {
            let Some(known) = state.plain.as_mut().and_then(|plain| plain.known.as_mut()) else {
                return;
            };
            match known.personal.poll_next(context) {
                Poll::Pending => break,
                Poll::Ready(Some(json)) => {
                    core.links.put_text(id, &json);
                    core.links.flush();
                }
                Poll::Ready(None) => {
                    let words = "Too much was waiting for you to read it.";
                    core.fail(id, ErrorCode::RelayOverflow, words, CloseCode::Policy);
                    core.links.flush();
                    break;
                }
            }
        }
    }
}
