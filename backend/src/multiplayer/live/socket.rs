//! A WebSocket's socket on its shard: written directly, read by a small task.

use super::config::READS_MAX;
use super::link::{State, Wire, Written};
use super::room::LinkId;
use super::shard::{After, Fresh, FreshWire, Shard, ToShard};
use super::ws::Reading;
use bytes::{Buf, BytesMut};
use rustls::ServerConnection;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes that a client which was refused may still send and have thrown away, so that it gets to read why.
const DISCARD_MAX: usize = 32 * 1024 * 1024;

/// The writing half.
#[derive(Debug)]
pub(super) struct WsWire {
    stream: OwnedWriteHalf,
    tls: Option<RefCell<Box<ServerConnection>>>,
    waker: RefCell<Option<Waker>>,
}

/// Writes to a socket without waiting.
struct Now<'a>(&'a OwnedWriteHalf);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl WsWire {
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&self, out: &mut BytesMut) -> Written {
        let Some(tls) = &self.tls else { return drain(out, |bytes| self.stream.try_write(bytes)) };
        let mut tls = tls.borrow_mut();
        loop {
            if !out.is_empty() {
                match tls.writer().write(out) {
                    Ok(taken) => out.advance(taken),
                    Err(_) => return Written::Broken,
                }
            }
            while tls.wants_write() {
                match tls.write_tls(&mut Now(&self.stream)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Written::Blocked,
                    Err(_) => return Written::Broken,
                }
            }
            if out.is_empty() {
                out.clear();
                return Written::All;
            }
        }
    }

    /// Says that nothing more comes.
    fn shut(&self) {
        if let Some(tls) = &self.tls {
            let mut tls = tls.borrow_mut();
            tls.send_close_notify();
            let _ = tls.write_tls(&mut Now(&self.stream));
        }
        let _ = rustix::net::shutdown(self.stream.as_ref(), rustix::net::Shutdown::Write);
    }
}

/// Writes the front of a buffer until it is empty or the socket full.
fn drain(out: &mut BytesMut, mut write: impl FnMut(&[u8]) -> std::io::Result<usize>) -> Written {
    while !out.is_empty() {
        match write(out) {
            Ok(0) => return Written::Broken,
            Ok(len) if len == out.len() => out.clear(),
            Ok(len) => out.advance(len),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Written::Blocked,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Written::Broken,
        }
    }
    Written::All
}

/// Takes a socket into the shard, and runs its task.
pub(super) fn open(
    shard: &Rc<Shard>,
    stream: std::net::TcpStream,
    tls: Option<Box<ServerConnection>>,
    reading: Reading,
    begin: Vec<u8>,
    fill: impl FnOnce(&mut State),
) -> Option<LinkId> {
    let (read, write) = tokio::net::TcpStream::from_std(stream).ok()?.into_split();
    let wire = Rc::new(WsWire { stream: write, tls: tls.map(RefCell::new), waker: RefCell::default() });
    let id = shard.add_link(Wire::Ws(wire.clone()), fill);
    let shard = shard.clone();
    let task = Task { shard, read, wire, reading, id, begin, is_owed: true, is_shut: false, discarded: 0 };
    tokio::task::spawn_local(task.run());
    Some(id)
}

/// The task of a link.
struct Task {
    shard: Rc<Shard>,
    read: OwnedReadHalf,
    wire: Rc<WsWire>,
    reading: Reading,
    id: LinkId,
    /// What came with the upgrade.
    begin: Vec<u8>,
    /// Whether there may be whole messages among what was read.
    is_owed: bool,
    is_shut: bool,
    discarded: usize,
}

/// How a poll of a link goes on.
enum Step {
    /// Nothing more for now.
    Wait,
    /// There may be more.
    Again,
    End(Option<After>),
}

impl Task {
    async fn run(mut self) {
        let after = poll_fn(|context| self.poll(context)).await;
        match after {
            Some(After::Move(target, entry)) => self.go(target, entry),
            _ => self.shard.gone(self.id),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<After>> {
        let is_known =
            self.wire.waker.borrow().as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if !is_known {
            *self.wire.waker.borrow_mut() = Some(context.waker().clone());
        }
        if let Some((target, entry)) = self.shard.take_move(self.id) {
            return Poll::Ready(Some(After::Move(target, entry)));
        }
        if self.is_owed && !self.shard.is_paused(self.id) {
            self.is_owed = false;
            let mut begin = std::mem::take(&mut self.begin);
            let mut step = self.take(&mut begin);
            if self.wire.tls.is_some() && matches!(step, Step::Again) {
                // Bytes that came with the upgrade, out of their records already.
                step = self.take_tls(&[]);
            }
            if let Step::End(after) = step {
                return Poll::Ready(after);
            }
        }
        if let Step::End(after) = self.poll_write(context) {
            return Poll::Ready(after);
        }
        self.shard.poll_personal(self.id, context);
        for _ in 0..READS_MAX {
            match self.poll_read(context) {
                Step::Wait => return Poll::Pending,
                Step::Again => {}
                Step::End(after) => return Poll::Ready(after),
            }
        }
        // The others first.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes on when the socket was full; closes what is over.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Step {
        loop {
            let (is_blocked, is_over, is_drained) = match self.shard.core.borrow().links.get(self.id) {
                Some(state) => (state.is_blocked, state.is_over, state.is_drained()),
                None => return Step::End(None),
            };
            if is_blocked {
                match self.wire.stream.as_ref().poll_write_ready(context) {
                    Poll::Ready(Ok(())) => self.shard.writable(self.id),
                    Poll::Ready(Err(_)) => return Step::End(None),
                    Poll::Pending => return Step::Wait,
                }
                continue;
            }
            if is_over && is_drained && !self.is_shut {
                self.is_shut = true;
                self.wire.shut();
            }
            return Step::Wait;
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Step {
        if self.shard.is_paused(self.id) {
            return Step::Wait;
        }
        let shard = self.shard.clone();
        let mut buffer = shard.buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer);
        match Pin::new(&mut self.read).poll_read(context, &mut read) {
            Poll::Pending => return Step::Wait,
            Poll::Ready(Err(_)) => return Step::End(None),
            Poll::Ready(Ok(())) => {}
        }
        let bytes = read.filled_mut();
        if bytes.is_empty() {
            return Step::End(None);
        }
        if self.is_shut || self.shard.is_over(self.id) {
            self.discarded += bytes.len();
            return if self.discarded > DISCARD_MAX { Step::End(None) } else { Step::Again };
        }
        match &self.wire.tls {
            None => self.take(bytes),
            Some(_) => self.take_tls(bytes),
        }
    }

    /// Reads records, and the bytes in them.
    fn take_tls(&mut self, mut records: &[u8]) -> Step {
        let wire = self.wire.clone();
        let Some(tls) = &wire.tls else { return Step::End(None) };
        loop {
            let mut plain = Vec::new();
            {
                let mut tls = tls.borrow_mut();
                while !records.is_empty() {
                    match tls.read_tls(&mut records) {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    }
                }
                let Ok(state) = tls.process_new_packets() else { return Step::End(None) };
                plain.resize(state.plaintext_bytes_to_read(), 0);
                if tls.reader().read_exact(&mut plain).is_err() {
                    return Step::End(None);
                }
            }
            if plain.is_empty() {
                return if records.is_empty() { Step::Again } else { Step::End(None) };
            }
            match self.take(&mut plain) {
                Step::Again if !records.is_empty() => {}
                step => return step,
            }
        }
    }

    /// Takes what came.
    fn take(&mut self, bytes: &mut [u8]) -> Step {
        let (shard, id) = (&self.shard, self.id);
        let mut after = After::Go;
        let fed = self.reading.feed(bytes, |incoming| {
            after = shard.incoming(id, incoming);
            match after {
                After::Go => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        if let Err(code) = fed {
            self.shard.broke(id, code);
            self.reading = Reading::default();
        }
        self.shard.finish(id);
        match after {
            After::Go | After::Over => Step::Again,
            After::Pause => {
                self.is_owed = true;
                Step::Again
            }
            After::Move(..) => Step::End(Some(after)),
        }
    }

    /// Takes the link to the shard that has its room.
    fn go(self, target: usize, entry: Box<super::shard::Entry>) {
        let Some(mut state) = self.shard.core.borrow_mut().links.remove(self.id) else { return };
        let out = state.take_out();
        let Task { shard, read, wire, reading, .. } = self;
        let carrier = state.carrier;
        let plain = state.plain.take();
        let (stranger, permit) = (state.stranger.take(), state._permit.take());
        drop(state);
        let Some(wire) = Rc::into_inner(wire) else { return };
        let Ok(stream) = read.reunite(wire.stream) else { return };
        let Ok(stream) = stream.into_std() else { return };
        let tls = wire.tls.map(RefCell::into_inner);
        let fresh = Fresh {
            wire: FreshWire::Ws { stream, tls, reading, begin: Vec::new() },
            carrier,
            plain,
            out,
            entry: Some(entry),
            stranger,
            permit,
        };
        shard.tell(target, ToShard::Fresh(Box::new(fresh)));
    }
}
