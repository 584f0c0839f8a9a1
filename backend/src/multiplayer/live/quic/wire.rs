//! A connection: what a room does with it, and what its shard keeps about it.

use super::super::config as limits;
use super::super::link::Written;
use super::super::room::LinkId;
use super::super::strangers::Stranger;
use bytes::{Buf, Bytes, BytesMut};
use quinn_proto::{
    Connection, ConnectionHandle, Dir, Event, ReadError, StreamEvent, StreamId, VarInt, WriteError,
};
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// Datagram bytes under way from which on a client is too slow for the tick.
const BACKLOG_LEN: usize = 8 * 1024;

/// Connections that have something to do in the shard's next turn.
#[derive(Debug)]
pub(super) struct Agenda {
    pub(super) slots: RefCell<Vec<u32>>,
    /// Wakes the shard's loop.
    wake: Rc<Notify>,
    /// Whether the loop is at it and needs no waking.
    pub(super) is_awake: Cell<bool>,
}

impl Agenda {
    pub(super) fn new(wake: Rc<Notify>) -> Agenda {
        Agenda { slots: RefCell::default(), wake, is_awake: Cell::new(false) }
    }
}

/// The writing side of a connection, and all else of it behind.
#[derive(Debug)]
pub(in super::super) struct QuicWire {
    pub(super) inner: RefCell<Inner>,
    slot: u32,
    is_listed: Cell<bool>,
    /// Whether it was served and may have something to send.
    pub(super) is_touched: Cell<bool>,
    agenda: Rc<Agenda>,
}

/// A connection on its way to another shard.
#[derive(Debug)]
pub(in super::super) struct QuicParts(pub(super) Box<Inner>);

/// A connection, as its shard has it.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) connection: Connection,
    pub(super) handle: ConnectionHandle,
    /// The shard whose socket it came to.
    pub(super) home: usize,
    pub(super) socket: Arc<Socket>,
    pub(super) stage: Stage,
    /// The stream of what has an order.
    pub(super) ordered: Option<StreamId>,
    /// A frame of it of which the end has not come.
    pub(super) reading: BytesMut,
    /// Streams with a frame each, as far as it has come.
    pub(super) alone: Vec<(StreamId, Vec<u8>)>,
    /// What has come and was not looked at.
    pub(super) news: News,
    /// When it is next on the shard's list of times.
    pub(super) noted: Option<Instant>,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has not opened its stream, and may until then.
    Greeting { until: Instant, permit: OwnedSemaphorePermit, stranger: Stranger },
    /// It is a link.
    Open(LinkId),
    /// It is told why it is closed, and may read that until then.
    Farewell { link: LinkId, until: Instant },
    /// It is closed; the protocol clears up.
    Over,
}

/// What a connection's events say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    pub(super) ordered: bool,
    pub(super) alone: bool,
    pub(super) datagrams: bool,
    /// The ordered stream takes bytes again.
    pub(super) is_writable: bool,
    /// The client has all of the ordered stream, or wants no more of it.
    pub(super) is_read: bool,
    pub(super) is_lost: bool,
}

/// Where the bytes of a stream end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytewise {
    /// More may come.
    Open,
    Finished,
    Reset,
}

impl QuicWire {
    pub(super) fn new(inner: Inner, slot: u32, agenda: Rc<Agenda>) -> QuicWire {
        QuicWire {
            inner: RefCell::new(inner),
            slot,
            is_listed: Cell::new(false),
            is_touched: Cell::new(false),
            agenda,
        }
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot
    }

    pub(super) fn into_inner(self) -> Inner {
        self.inner.into_inner()
    }

    /// The shard looks at the connection in its next turn.
    pub(in super::super) fn wake(&self) {
        if !self.is_listed.replace(true) {
            self.agenda.slots.borrow_mut().push(self.slot);
            if !self.agenda.is_awake.get() {
                self.agenda.wake.notify_one();
            }
        }
    }

    /// The shard is looking at it.
    pub(super) fn unlist(&self) {
        self.is_listed.set(false);
    }

    /// Writes as much as the ordered stream takes.
    pub(in super::super) fn write(&self, out: &mut BytesMut) -> Written {
        if out.is_empty() {
            return Written::All;
        }
        let inner = &mut *self.inner.borrow_mut();
        let Some(ordered) = inner.ordered else { return Written::Broken };
        self.wake();
        let mut stream = inner.connection.send_stream(ordered);
        while !out.is_empty() {
            match stream.write(out) {
                Ok(len) if len == out.len() => out.clear(),
                Ok(len) => out.advance(len),
                Err(WriteError::Blocked) => return Written::Blocked,
                Err(_) => return Written::Broken,
            }
        }
        Written::All
    }

    /// Whether datagrams leave as fast as they come.
    pub(in super::super) fn is_clear(&self) -> bool {
        let space = self.inner.borrow_mut().connection.datagrams().send_buffer_space();
        space + BACKLOG_LEN >= limits::QUIC_DATAGRAMS_LEN
    }

    /// Sends a frame as a datagram, if the client takes such.
    pub(in super::super) fn datagram(&self, frame: &[u8]) -> bool {
        let mut inner = self.inner.borrow_mut();
        let is_taken = inner.connection.datagrams().send(Bytes::copy_from_slice(frame), true).is_ok();
        if is_taken {
            self.wake();
        }
        is_taken
    }

    /// Sends a frame on a stream of its own, if the client takes one now.
    pub(in super::super) fn alone(&self, frame: &[u8]) -> bool {
        let mut inner = self.inner.borrow_mut();
        let Some(id) = inner.connection.streams().open(Dir::Uni) else { return false };
        self.wake();
        let mut stream = inner.connection.send_stream(id);
        match stream.write(frame) {
            Ok(len) if len == frame.len() => stream.finish().is_ok(),
            _ => {
                let _ = stream.reset(VarInt::from_u32(0));
                false
            }
        }
    }
}

impl Inner {
    /// Takes in what the protocol has to say.
    pub(super) fn hear(&mut self) -> News {
        let mut news = std::mem::take(&mut self.news);
        while let Some(event) = self.connection.poll() {
            match event {
                Event::ConnectionLost { .. } => news.is_lost = true,
                Event::DatagramReceived => news.datagrams = true,
                Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) if self.ordered.is_none() => {
                    self.ordered = self.connection.streams().accept(Dir::Bi);
                    news.ordered = true;
                }
                Event::Stream(StreamEvent::Opened { dir: Dir::Uni }) => {
                    while let Some(id) = self.connection.streams().accept(Dir::Uni) {
                        self.alone.push((id, Vec::new()));
                    }
                    news.alone = true;
                }
                Event::Stream(StreamEvent::Readable { id }) if self.ordered == Some(id) => {
                    news.ordered = true
                }
                Event::Stream(StreamEvent::Readable { .. }) => news.alone = true,
                Event::Stream(StreamEvent::Writable { id }) if self.ordered == Some(id) => {
                    news.is_writable = true;
                }
                Event::Stream(StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. })
                    if self.ordered == Some(id) =>
                {
                    news.is_read = true;
                }
                _ => {}
            }
        }
        news
    }

    /// What has come on a stream.
    pub(super) fn read(&mut self, id: StreamId, mut take: impl FnMut(Bytes)) -> Bytewise {
        let mut stream = self.connection.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return Bytewise::Reset };
        let end = loop {
            match chunks.next(usize::MAX) {
                Ok(Some(chunk)) => take(chunk.bytes),
                Ok(None) => break Bytewise::Finished,
                Err(ReadError::Blocked) => break Bytewise::Open,
                Err(ReadError::Reset(_)) => break Bytewise::Reset,
            }
        };
        // What it may send more leaves with this turn's packets.
        let _ = chunks.finalize();
        end
    }

    /// When it next has to be looked at without anything having come.
    pub(super) fn due(&mut self) -> Option<Instant> {
        let own = match &self.stage {
            Stage::Greeting { until, .. } | Stage::Farewell { until, .. } => Some(*until),
            Stage::Open(_) | Stage::Over => None,
        };
        [self.connection.poll_timeout(), own].into_iter().flatten().min()
    }
}

/// A shard's socket. Connections that moved to another shard write to it from there.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) io: UdpSocket,
    pub(super) state: quinn_udp::UdpSocketState,
}

impl Socket {
    pub(super) fn new(socket: std::net::UdpSocket) -> std::io::Result<Socket> {
        socket.set_nonblocking(true)?;
        let state = quinn_udp::UdpSocketState::new((&socket).into())?;
        Ok(Socket { io: UdpSocket::from_std(socket)?, state })
    }

    /// Sends a packet; whether the system took it, or never will. Errors of an address are as if it were lost.
    pub(super) fn send(&self, transmit: &quinn_proto::Transmit, buffer: &[u8]) -> bool {
        let Some(contents) = buffer.get(..transmit.size) else { return true };
        let transmit = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        let sent = self.io.try_io(Interest::WRITABLE, || self.state.try_send((&self.io).into(), &transmit));
        !sent.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}
