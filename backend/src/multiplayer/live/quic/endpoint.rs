//! A shard's endpoint: its socket, its connections, and their turn in the shard's loop.
//!
//! A turn reads what has come, lets times pass that are due, gives rooms what clients said, and then sends what the
//! protocol and the rooms have put into connections: each once, however much happened to it.
//!
//! A connection whose room is on another shard moves there whole. Its packets go on coming to the socket that the
//! client knows, which passes them on; what it sends leaves by that socket too.

use super::super::config as limits;
use super::super::link::{self, Wire};
use super::super::room::LinkId;
use super::super::shard::{Entry, Fresh, FreshWire, Shard, Standing, ToShard};
use super::Identity;
use super::hearing::{Next, take_alone, take_datagrams, take_ordered};
use super::table::{Route, Table};
use super::wire::{Agenda, Inner, News, QuicParts, QuicWire, Socket, Stage};
use bytes::{Bytes, BytesMut};
use quinn_proto::{
    ConnectionEvent, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Incoming,
    Transmit, VarInt,
};
use quinn_udp::{BATCH_SIZE, RecvMeta};
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::io::{ErrorKind, IoSliceMut};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::sync::Notify;

/// How long a client may take to read why it is closed.
const FAREWELL: Duration = Duration::from_secs(1);
/// The receive buffer of a shard's socket: a tick of thousands of clients.
const SOCKET_LEN: usize = 4 * 1024 * 1024;
/// The longest that the system reads at once: many packets of one client, put together.
const PACKETS_LEN: usize = 64 * 1024;
/// Reads of many packets each in a turn, before rooms have theirs.
const BATCHES_MAX: usize = 8;
/// Packets of one connection in a turn, before others have theirs.
const PACKETS_MAX: usize = 20;
/// Packets that wait for a connection on another shard; more are lost, as on a full queue.
const PASSED_MAX: usize = 256;

/// What shards tell each other about a connection that moved.
#[derive(Debug)]
pub(in super::super) enum Passed {
    /// To where it is.
    In { home: usize, handle: ConnectionHandle, event: ConnectionEvent, counted: Option<Counted> },
    /// To whose socket it uses.
    Out { handle: ConnectionHandle, event: EndpointEvent },
}

/// A packet that waits on another shard.
#[derive(Debug)]
pub(in super::super) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A shard's QUIC.
#[derive(Debug)]
pub(in super::super) struct Quic {
    socket: Arc<Socket>,
    agenda: Rc<Agenda>,
    table: RefCell<Table>,
    handshakes: Cell<usize>,
    /// Connections that were served and may have something to send.
    touched: RefCell<Vec<u32>>,
    buffers: RefCell<Box<[u8]>>,
    packet: RefCell<Vec<u8>>,
    /// A packet for which the socket is too full, and all others behind it.
    stuck: RefCell<Option<(Transmit, Vec<u8>)>>,
}

impl Quic {
    /// An endpoint of the relay, on the current runtime.
    pub(in super::super) fn new(
        index: usize,
        identity: &Identity,
        socket: std::net::UdpSocket,
        wake: Rc<Notify>,
    ) -> std::io::Result<Quic> {
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_LEN);
        let socket = Arc::new(Socket::new(socket)?);
        let may_discover = !socket.state.may_fragment();
        let config = Arc::new(EndpointConfig::default());
        let endpoint = Endpoint::new(config, Some(identity.config.clone()), may_discover, None);
        let table = Table::new(index, endpoint);
        Ok(Quic {
            socket,
            agenda: Rc::new(Agenda::new(wake)),
            table: RefCell::new(table),
            handshakes: Cell::new(0),
            touched: RefCell::default(),
            buffers: RefCell::new(vec![0; PACKETS_LEN * BATCH_SIZE].into()),
            packet: RefCell::default(),
            stuck: RefCell::default(),
        })
    }

    /// Ends when packets have come, or can be sent again.
    pub(in super::super) async fn ready(&self) {
        let is_stuck = self.stuck.borrow().is_some();
        let interest = if is_stuck { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let _ = self.socket.io.ready(interest).await;
    }

    /// When a turn is due without anything having come.
    pub(in super::super) fn next_due(&self) -> Option<Instant> {
        self.table.borrow().due.peek().map(|Reverse((due, _))| *due)
    }

    /// The loop sleeps, and is woken when a connection has something to do.
    pub(in super::super) fn rest(&self) {
        self.agenda.is_awake.set(false);
    }

    /// Takes in what has come and lets times pass; whether more waits than a turn's share.
    pub(in super::super) fn listen(&self, shard: &Rc<Shard>) -> bool {
        self.agenda.is_awake.set(true);
        let now = Instant::now();
        let is_more = self.receive(shard, now);
        self.run_due(now);
        self.serve_listed(shard, now);
        is_more
    }

    /// Sends what clients, rooms and the protocol have put into connections; whether there is more than a turn's share.
    pub(in super::super) fn speak(&self, shard: &Rc<Shard>) -> bool {
        let now = Instant::now();
        self.serve_listed(shard, now);
        let mut touched = std::mem::take(&mut *self.touched.borrow_mut()).into_iter();
        if self.unstick() {
            let is_full = touched.by_ref().any(|slot| !self.transmit(shard, slot, now));
            if !is_full {
                return !self.agenda.slots.borrow().is_empty();
            }
        }
        // They go on when the socket takes packets again.
        for slot in touched {
            if let Some(wire) = self.table.borrow().get(slot) {
                wire.is_touched.set(false);
                wire.wake();
            }
        }
        false
    }

    /// Serves the connections that have something to do.
    fn serve_listed(&self, shard: &Rc<Shard>, now: Instant) {
        loop {
            // What one client says can be for another one: its connection is listed meanwhile.
            let slots = std::mem::take(&mut *self.agenda.slots.borrow_mut());
            if slots.is_empty() {
                return;
            }
            for slot in slots {
                let Some(wire) = self.table.borrow().get(slot) else { continue };
                wire.unlist();
                if let Some((target, entry)) = self.serve(shard, &wire, now) {
                    self.send_away(shard, wire, target, entry);
                } else if !wire.is_touched.replace(true) {
                    self.touched.borrow_mut().push(slot);
                }
            }
        }
    }

    /// Sends what the socket did not take before; whether it takes more.
    fn unstick(&self) -> bool {
        let mut stuck = self.stuck.borrow_mut();
        let is_sent = stuck.as_ref().is_none_or(|(transmit, packet)| self.socket.send(transmit, packet));
        if is_sent {
            *stuck = None;
        }
        is_sent
    }

    /// Reads packets and gives them to their connections; whether more of them wait.
    fn receive(&self, shard: &Rc<Shard>, now: Instant) -> bool {
        let mut buffers = self.buffers.borrow_mut();
        for _ in 0..BATCHES_MAX {
            let mut metas = [RecvMeta::default(); BATCH_SIZE];
            let (io, state) = (&self.socket.io, &self.socket.state);
            let read = {
                let mut slices = buffers.chunks_mut(PACKETS_LEN).map(IoSliceMut::new);
                let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                    std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                io.try_io(Interest::READABLE, || state.recv(io.into(), &mut slices, &mut metas))
            };
            let count = match read {
                Ok(count) => count,
                // Said of an address that was sent to.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => continue,
                Err(_) => {
                    self.wait_for_more();
                    return false;
                }
            };
            for (meta, buffer) in metas.iter().zip(buffers.chunks(PACKETS_LEN)).take(count) {
                let stride = meta.stride.max(1);
                for packet in buffer.get(..meta.len).unwrap_or_default().chunks(stride) {
                    self.take_packet(shard, meta, packet, now);
                }
            }
            if count < BATCH_SIZE {
                self.wait_for_more();
                return false;
            }
        }
        true
    }

    /// Nothing more is there to be read: the next packet wakes again.
    fn wait_for_more(&self) {
        let nothing = || Err::<(), _>(ErrorKind::WouldBlock.into());
        let _ = self.socket.io.try_io(Interest::READABLE, nothing);
    }

    fn take_packet(&self, shard: &Rc<Shard>, meta: &RecvMeta, packet: &[u8], now: Instant) {
        let ecn = meta.ecn.and_then(|ecn| quinn_proto::EcnCodepoint::from_bits(ecn as u8));
        let mut answer = self.packet.borrow_mut();
        answer.clear();
        let mut table = self.table.borrow_mut();
        match table.endpoint.handle(now, meta.addr, meta.dst_ip, ecn, packet.into(), &mut answer) {
            None => {}
            Some(DatagramEvent::Response(transmit)) => self.answer(&transmit, &answer),
            Some(DatagramEvent::ConnectionEvent(handle, event)) => match table.route(handle) {
                Some(Route::Here(slot)) => {
                    let slot = *slot;
                    if let Some(wire) = table.get(slot) {
                        wire.inner.borrow_mut().connection.handle_event(event);
                        wire.wake();
                    }
                }
                Some(Route::Away { shard: target, waiting }) => {
                    if waiting.fetch_add(1, Ordering::Relaxed) < PASSED_MAX {
                        let counted = Some(Counted(waiting.clone()));
                        let passed = Passed::In { home: table.index, handle, event, counted };
                        shard.tell(*target, ToShard::Passed(passed));
                    } else {
                        waiting.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                None => {}
            },
            Some(DatagramEvent::NewConnection(incoming)) => {
                self.accept(shard, &mut table, incoming, &mut answer, now);
            }
        }
    }

    /// Answers who is no connection. On a full socket the answer is lost: who asked asks again.
    fn answer(&self, transmit: &Transmit, packet: &[u8]) {
        let _ = self.socket.send(transmit, packet);
    }

    /// Takes a connection in, if there is room for it.
    fn accept(
        &self,
        shard: &Rc<Shard>,
        table: &mut Table,
        incoming: Incoming,
        answer: &mut Vec<u8>,
        now: Instant,
    ) {
        answer.clear();
        let under_way = self.handshakes.get();
        if under_way >= limits::QUIC_HANDSHAKES_FREE && incoming.may_retry() {
            if let Ok(transmit) = table.endpoint.retry(incoming, answer) {
                self.answer(&transmit, answer);
            }
            return;
        }
        let permits = (shard.permit(), shard.stranger(incoming.remote_address().ip()));
        let is_room = under_way < limits::QUIC_HANDSHAKES_MAX;
        let (Some(permit), Some(stranger), true) = (permits.0, permits.1, is_room) else {
            let transmit = table.endpoint.refuse(incoming, answer);
            return self.answer(&transmit, answer);
        };
        match table.endpoint.accept(incoming, now, answer, None) {
            Ok((handle, connection)) => {
                self.handshakes.set(under_way + 1);
                let stage = Stage::Greeting { until: now + limits::HELLO_TIMEOUT, permit, stranger };
                let home = table.index;
                let inner = Inner {
                    connection,
                    handle,
                    home,
                    socket: self.socket.clone(),
                    stage,
                    ordered: None,
                    reading: BytesMut::new(),
                    alone: Vec::new(),
                    news: News::default(),
                    noted: None,
                };
                table.add(inner, &self.agenda).wake();
            }
            Err(error) => {
                if let Some(transmit) = error.response {
                    self.answer(&transmit, answer);
                }
            }
        }
    }

    /// Lets times pass.
    fn run_due(&self, now: Instant) {
        let mut table = self.table.borrow_mut();
        while let Some(Reverse((due, slot))) = table.due.peek().copied() {
            if due > now {
                return;
            }
            table.due.pop();
            let Some(wire) = table.get(slot) else { continue };
            let mut inner = wire.inner.borrow_mut();
            if inner.noted != Some(due) {
                continue;
            }
            inner.noted = None;
            if inner.due().is_some_and(|due| due <= now) {
                inner.connection.handle_timeout(now);
                wire.wake();
            }
            table.note(slot, &mut inner);
        }
    }

    /// Gives the room what a client said. Ends with where the connection moves to.
    fn serve(&self, shard: &Rc<Shard>, wire: &Rc<QuicWire>, now: Instant) -> Option<(usize, Box<Entry>)> {
        let news = wire.inner.borrow_mut().hear();
        let link = match self.link_of(shard, wire, news, now) {
            Ok(link) => link?,
            Err(Lost) => {
                self.end(shard, wire, now);
                return None;
            }
        };
        if news.is_writable {
            shard.writable(link);
        }
        let mut next = Next::Go;
        if news.ordered {
            next = take_ordered(shard, wire, link);
        }
        if news.datagrams && matches!(next, Next::Go) {
            next = take_datagrams(shard, wire, link);
        }
        if news.alone && matches!(next, Next::Go) {
            next = take_alone(shard, wire, link);
        }
        match (next, shard.standing(link)) {
            (Next::Move(target, entry), _) => return Some((target, entry)),
            (Next::End, _) | (_, Standing::Gone) => self.end(shard, wire, now),
            (Next::Go, Standing::Over) => {
                let mut inner = wire.inner.borrow_mut();
                if let Some(ordered) = inner.ordered {
                    let _ = inner.connection.send_stream(ordered).finish();
                }
                inner.stage = Stage::Farewell { link, until: now + FAREWELL };
            }
            (Next::Go, Standing::Going) => {}
        }
        None
    }

    /// The link that a connection is, if it is one; or that it is over.
    fn link_of(
        &self,
        shard: &Rc<Shard>,
        wire: &Rc<QuicWire>,
        news: News,
        now: Instant,
    ) -> Result<Option<LinkId>, Lost> {
        let mut inner = wire.inner.borrow_mut();
        match &inner.stage {
            _ if news.is_lost => Err(Lost),
            Stage::Open(link) => Ok(Some(*link)),
            Stage::Over => Ok(None),
            Stage::Farewell { until, .. } if news.is_read || *until <= now => Err(Lost),
            Stage::Farewell { .. } => Ok(None),
            Stage::Greeting { until, .. } if inner.ordered.is_none() => {
                if *until <= now {
                    return Err(Lost);
                }
                // It overtook hello, and is heard after it.
                inner.news = news;
                Ok(None)
            }
            Stage::Greeting { .. } => {
                let Stage::Greeting { permit, stranger, .. } =
                    std::mem::replace(&mut inner.stage, Stage::Over)
                else {
                    return Err(Lost);
                };
                drop(inner);
                self.handshakes.set(self.handshakes.get().saturating_sub(1));
                let link = shard.welcome(Wire::Quic(wire.clone()), stranger, permit);
                wire.inner.borrow_mut().stage = Stage::Open(link);
                Ok(Some(link))
            }
        }
    }

    /// Closes a connection, and its link.
    fn end(&self, shard: &Rc<Shard>, wire: &QuicWire, now: Instant) {
        let stage = {
            let mut inner = wire.inner.borrow_mut();
            inner.connection.close(now, VarInt::from_u32(0), Bytes::new());
            (inner.reading, inner.alone) = (BytesMut::new(), Vec::new());
            std::mem::replace(&mut inner.stage, Stage::Over)
        };
        match stage {
            Stage::Greeting { .. } => self.handshakes.set(self.handshakes.get().saturating_sub(1)),
            Stage::Open(link) | Stage::Farewell { link, .. } => shard.gone(link),
            Stage::Over => {}
        }
    }

    /// Sends what is due of a connection; whether the socket takes more.
    fn transmit(&self, shard: &Rc<Shard>, slot: u32, now: Instant) -> bool {
        let Some(wire) = self.table.borrow().get(slot) else { return true };
        wire.is_touched.set(false);
        let mut takes_more = true;
        let mut is_drained = self.pass_events(shard, &wire);
        {
            let mut inner = wire.inner.borrow_mut();
            let mut packet = self.packet.borrow_mut();
            let mut sent = 0;
            while sent < PACKETS_MAX {
                packet.clear();
                let Some(transmit) = inner.connection.poll_transmit(now, 1, &mut packet) else { break };
                sent += 1;
                // To another shard's socket that is full it is lost.
                if !inner.socket.send(&transmit, &packet) && Arc::ptr_eq(&inner.socket, &self.socket) {
                    *self.stuck.borrow_mut() = Some((transmit, std::mem::take(&mut packet)));
                    takes_more = false;
                    break;
                }
            }
            if sent == PACKETS_MAX || !takes_more {
                wire.wake();
            }
        }
        is_drained |= self.pass_events(shard, &wire);
        if is_drained {
            self.end(shard, &wire, now);
            self.table.borrow_mut().remove(&wire);
        } else {
            self.table.borrow_mut().note(slot, &mut wire.inner.borrow_mut());
        }
        takes_more
    }

    /// Tells the endpoint what a connection has for it; whether that was the last.
    fn pass_events(&self, shard: &Rc<Shard>, wire: &QuicWire) -> bool {
        let mut inner = wire.inner.borrow_mut();
        let mut is_drained = false;
        while let Some(event) = inner.connection.poll_endpoint_events() {
            is_drained |= event.is_drained();
            let (home, handle) = (inner.home, inner.handle);
            let mut table = self.table.borrow_mut();
            if home != table.index {
                shard.tell(home, ToShard::Passed(Passed::Out { handle, event }));
            } else if let Some(event) = table.endpoint.handle_event(handle, event) {
                inner.connection.handle_event(event);
                wire.wake();
            }
        }
        is_drained
    }

    /// A link whose connection came from another shard.
    pub(in super::super) fn open(
        &self,
        shard: &Rc<Shard>,
        parts: QuicParts,
        fill: impl FnOnce(&mut link::State),
    ) -> LinkId {
        let mut inner = *parts.0;
        inner.news = News { ordered: true, alone: true, datagrams: true, ..News::default() };
        let wire = self.table.borrow_mut().add(inner, &self.agenda);
        let link = shard.add_link(Wire::Quic(wire.clone()), fill);
        wire.inner.borrow_mut().stage = Stage::Open(link);
        wire.wake();
        link
    }

    /// Takes a connection to the shard that has its room.
    fn send_away(&self, shard: &Rc<Shard>, wire: Rc<QuicWire>, target: usize, entry: Box<Entry>) {
        let now = Instant::now();
        let is_guest = wire.inner.borrow().home != self.table.borrow().index;
        let Stage::Open(link) = wire.inner.borrow().stage else { return };
        let state = if is_guest { None } else { shard.core.borrow_mut().links.remove(link) };
        let Some(mut state) = state else {
            // It came from another shard itself.
            self.end(shard, &wire, now);
            return wire.wake();
        };
        let out = state.take_out();
        let (stranger, permit) = (state.stranger.take(), state._permit.take());
        drop(state);
        self.table.borrow_mut().leave_for(target, &wire);
        let Some(wire) = Rc::into_inner(wire) else { return };
        let mut inner = wire.into_inner();
        inner.noted = None;
        let wire = FreshWire::Quic(QuicParts(Box::new(inner)));
        let fresh = Fresh { wire, carrier: None, plain: None, out, entry: Some(entry), stranger, permit };
        shard.tell(target, ToShard::Fresh(Box::new(fresh)));
    }

    /// What another shard says about a connection that moved.
    pub(in super::super) fn passed(&self, shard: &Rc<Shard>, passed: Passed) {
        let mut table = self.table.borrow_mut();
        match passed {
            Passed::In { home, handle, event, counted } => {
                drop(counted);
                let slot = table.guests.get(&(home, handle)).copied();
                if let Some(wire) = slot.and_then(|slot| table.get(slot)) {
                    wire.inner.borrow_mut().connection.handle_event(event);
                    wire.wake();
                }
            }
            Passed::Out { handle, event } => {
                let is_drained = event.is_drained();
                let home = table.index;
                let answer = table.endpoint.handle_event(handle, event);
                if let (Some(event), Some(Route::Away { shard: target, .. })) = (answer, table.route(handle))
                {
                    let passed = Passed::In { home, handle, event, counted: None };
                    shard.tell(*target, ToShard::Passed(passed));
                }
                if is_drained {
                    table.set_route(handle, None);
                }
            }
        }
    }
}

/// A connection is over.
struct Lost;
