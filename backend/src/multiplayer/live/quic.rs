//! QUIC: an endpoint of each shard, and the task of each connection.
//!
//! The first stream that a client opens is the ordered one: frames after their lengths. Unordered messages have
//! one-way streams, states are datagrams. The certificate is made at each start, and the API tells its digest. An
//! address has to be proven before a connection is kept when many handshakes are under way; nothing is done in 0-RTT.

use super::config as limits;
use super::link::{State, Wire, Written};
use super::room::LinkId;
use super::shard::{After, Entry, Fresh, FreshWire, Shard};
use super::strangers::Stranger;
use aethex_wire::multiplayer::QUIC_ALPN;
use aethex_wire::multiplayer::frame::CLIENT_FRAME_LEN_MAX;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, StreamExt};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Connection, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, TransportConfig, VarInt,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::future::poll_fn;
use std::net::UdpSocket;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// The name in the certificate; clients know it by its digest.
const NAME: &str = "aethex-relay";
/// Bytes of the longest length on a stream.
const LENGTH_LEN_MAX: usize = 4;
/// How long a client may take to read why it is closed.
const FAREWELL: Duration = Duration::from_secs(1);
/// Acknowledgements of QUIC itself: one for so many packets, or after this time. Fewer packets are less work.
const ACK_PACKETS: u32 = 8;
const ACK_DELAY: Duration = Duration::from_millis(60);
/// Datagram bytes under way from which on a client is too slow for the tick.
const BACKLOG_LEN: usize = 8 * 1024;
/// The receive buffer of a shard's socket: a tick of thousands of clients.
const SOCKET_LEN: usize = 4 * 1024 * 1024;

/// The relay's certificate and key.
#[derive(Clone)]
pub(super) struct Identity {
    config: quinn::ServerConfig,
    /// SHA-256 of the certificate in hexadecimal digits.
    pub(super) sha256: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

impl Identity {
    /// A new one.
    pub(super) fn new() -> Result<Identity, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(|e| words(&e))?;
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(&certificate) {
            let _ = write!(sha256, "{byte:02x}");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(|e| words(&e))?;
        tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
        // A link is made once: no tickets of TLS sessions, no early data.
        tls.send_tls13_tickets = 0;
        tls.max_early_data_size = 0;
        let quic = QuicServerConfig::try_from(tls).map_err(|e| words(&e))?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(quic));
        config.transport_config(Arc::new(transport())).migration(true);
        Ok(Identity { config, sha256 })
    }

    /// An endpoint of this identity, on the current runtime.
    pub(super) fn endpoint(&self, socket: UdpSocket) -> std::io::Result<Endpoint> {
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_LEN);
        let runtime = Arc::new(quinn::TokioRuntime);
        Endpoint::new(EndpointConfig::default(), Some(self.config.clone()), socket, runtime)
    }
}

fn transport() -> TransportConfig {
    let mut acks = quinn::AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_PACKETS)).max_ack_delay(Some(ACK_DELAY));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(limits::QUIC_STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(limits::QUIC_STREAM_WINDOW))
        .receive_window(VarInt::from_u32(limits::QUIC_WINDOW))
        .send_window(limits::QUIC_WINDOW.into())
        .datagram_receive_buffer_size(Some(limits::QUIC_DATAGRAMS_LEN))
        .datagram_send_buffer_size(limits::QUIC_DATAGRAMS_LEN)
        .max_idle_timeout(Some(VarInt::from_u32(limits::QUIC_IDLE_MS).into()))
        .mtu_discovery_config(None)
        // A player has one packet a tick: room for ten at once would be memory of every connection.
        .enable_segmentation_offload(false)
        .ack_frequency_config(Some(acks));
    transport
}

/// Writes the length of a frame on a stream.
pub(super) fn put_length(out: &mut BytesMut, mut len: usize) {
    while len >= 0x80 {
        out.put_u8(len as u8 | 0x80);
        len >>= 7;
    }
    out.put_u8(len as u8);
}

/// A connection and its ordered stream.
#[derive(Debug)]
pub(super) struct QuicParts {
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    buffer: BytesMut,
}

/// The writing side of a connection.
#[derive(Debug)]
pub(super) struct QuicWire {
    connection: Connection,
    send: RefCell<SendStream>,
    waker: RefCell<Option<Waker>>,
}

impl QuicWire {
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Writes as much as the stream takes.
    pub(super) fn write(&self, out: &mut BytesMut) -> Written {
        let waker = self.waker.borrow();
        let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        let mut send = self.send.borrow_mut();
        while !out.is_empty() {
            match Pin::new(&mut *send).poll_write(&mut context, out) {
                Poll::Pending => return Written::Blocked,
                Poll::Ready(Ok(len)) if len == out.len() => out.clear(),
                Poll::Ready(Ok(len)) => out.advance(len),
                Poll::Ready(Err(_)) => return Written::Broken,
            }
        }
        Written::All
    }

    /// Whether datagrams leave as fast as they come.
    pub(super) fn is_clear(&self) -> bool {
        self.connection.datagram_send_buffer_space() + BACKLOG_LEN >= limits::QUIC_DATAGRAMS_LEN
    }

    /// Sends a frame as a datagram, if the client takes such.
    pub(super) fn datagram(&self, frame: &[u8]) -> bool {
        self.connection.send_datagram(Bytes::copy_from_slice(frame)).is_ok()
    }

    /// Sends a frame on a stream of its own, if the client takes one now.
    pub(super) fn alone(&self, frame: &[u8]) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(mut stream)) = pin!(self.connection.open_uni()).poll(&mut context) else {
            return false;
        };
        match Pin::new(&mut stream).poll_write(&mut context, frame) {
            Poll::Ready(Ok(len)) if len == frame.len() => stream.finish().is_ok(),
            _ => {
                let _ = stream.reset(VarInt::from_u32(0));
                false
            }
        }
    }
}

/// Takes in connections for as long as the endpoint is there.
pub(super) async fn serve(shard: Rc<Shard>, endpoint: Endpoint) {
    let handshakes = Rc::new(Cell::new(0_usize));
    while let Some(incoming) = endpoint.accept().await {
        let under_way = handshakes.get();
        if under_way >= limits::QUIC_HANDSHAKES_FREE && incoming.may_retry() {
            let _ = incoming.retry();
            continue;
        }
        let permits = (shard.permit(), shard.stranger(incoming.remote_address().ip()));
        let (Some(permit), Some(stranger)) = permits else {
            incoming.refuse();
            continue;
        };
        if under_way >= limits::QUIC_HANDSHAKES_MAX {
            incoming.refuse();
            continue;
        }
        handshakes.set(under_way + 1);
        let (shard, handshakes) = (shard.clone(), handshakes.clone());
        tokio::task::spawn_local(async move {
            let opened = tokio::time::timeout(limits::HELLO_TIMEOUT, handshake(incoming)).await;
            handshakes.set(handshakes.get() - 1);
            if let Ok(Some(parts)) = opened {
                welcome(&shard, parts, permit, stranger);
            }
        });
    }
}

async fn handshake(incoming: Incoming) -> Option<QuicParts> {
    let connection = incoming.accept().ok()?.await.ok()?;
    let (send, receive) = connection.accept_bi().await.ok()?;
    Some(QuicParts { connection, send, receive, buffer: BytesMut::new() })
}

fn welcome(shard: &Rc<Shard>, parts: QuicParts, permit: OwnedSemaphorePermit, stranger: Stranger) {
    shard.open(Fresh {
        wire: FreshWire::Quic(parts),
        carrier: None,
        plain: None,
        out: BytesMut::new(),
        entry: None,
        stranger: Some(stranger),
        permit: Some(permit),
    });
}

/// Takes a connection into the shard, and runs its task.
pub(super) fn open(shard: &Rc<Shard>, parts: QuicParts, fill: impl FnOnce(&mut State)) -> Option<LinkId> {
    let QuicParts { connection, send, receive, buffer } = parts;
    let wire = Rc::new(QuicWire { connection, send: RefCell::new(send), waker: RefCell::default() });
    let mut state = Box::new(State::new(Wire::Quic(wire.clone()), shard.now_us()));
    fill(&mut state);
    let id = shard.core.borrow_mut().links.add(state);
    let task = Task { shard: shard.clone(), wire, receive, buffer, id };
    tokio::task::spawn_local(Box::pin(task.run()));
    Some(id)
}

/// The task of a connection.
struct Task {
    shard: Rc<Shard>,
    wire: Rc<QuicWire>,
    receive: RecvStream,
    buffer: BytesMut,
    id: LinkId,
}

/// How a connection's task ends.
enum Ending {
    Gone,
    /// The client is told why.
    Over,
    Move(usize, Box<Entry>),
}

impl Task {
    async fn run(mut self) {
        match self.carry().await {
            Ending::Gone => {
                self.shard.gone(self.id);
                self.wire.connection.close(VarInt::from_u32(0), b"");
            }
            Ending::Over => {
                let stopped = {
                    let mut send = self.wire.send.borrow_mut();
                    let _ = send.finish();
                    send.stopped()
                };
                let _ = tokio::time::timeout(FAREWELL, stopped).await;
                self.wire.connection.close(VarInt::from_u32(0), b"");
                // Only now, for a relay that stops waits for its links.
                self.shard.gone(self.id);
            }
            Ending::Move(target, entry) => self.go(target, entry),
        }
    }

    async fn carry(&mut self) -> Ending {
        let connection = self.wire.connection.clone();
        let mut alone = FuturesUnordered::new();
        loop {
            if let Some(ending) = self.take_ordered() {
                return ending;
            }
            let (shard, wire, id) = (&self.shard, &self.wire, self.id);
            let after = tokio::select! {
                biased;
                ending = poll_fn(|context| poll_write(shard, wire, id, context)) => return ending,
                datagram = connection.read_datagram() => match datagram {
                    Ok(frame) => self.take_datagrams(&connection, &frame),
                    Err(_) => return Ending::Gone,
                },
                chunk = self.receive.read_chunk(CLIENT_FRAME_LEN_MAX, true) => match chunk {
                    Ok(Some(chunk)) => {
                        self.buffer.extend_from_slice(&chunk.bytes);
                        After::Go
                    }
                    _ => return Ending::Gone,
                },
                stream = connection.accept_uni() => match stream {
                    Ok(mut stream) => {
                        alone.push(async move { stream.read_to_end(CLIENT_FRAME_LEN_MAX).await });
                        After::Go
                    }
                    Err(_) => return Ending::Gone,
                },
                Some(frame) = alone.next() => match frame {
                    Ok(frame) => shard.client_frame(id, &frame),
                    // Reset by the client, which sends it again another way.
                    Err(quinn::ReadToEndError::Read(_)) => After::Go,
                    Err(quinn::ReadToEndError::TooLong) => return Ending::Gone,
                },
            };
            if let After::Move(target, entry) = after {
                return Ending::Move(target, entry);
            }
        }
    }

    /// Datagrams that came, without going round for each.
    fn take_datagrams(&self, connection: &Connection, first: &[u8]) -> After {
        if !self.shard.is_seated(self.id) {
            // It overtook hello.
            return After::Go;
        }
        let mut after = self.shard.client_frame(self.id, first);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..limits::READS_MAX {
            match pin!(connection.read_datagram()).poll(&mut context) {
                Poll::Ready(Ok(frame)) => after = self.shard.client_frame(self.id, &frame),
                _ => break,
            }
        }
        after
    }

    /// Whole frames of the ordered stream.
    fn take_ordered(&mut self) -> Option<Ending> {
        loop {
            match split(&mut self.buffer) {
                Ok(None) => {
                    if self.buffer.is_empty() && self.buffer.capacity() > 0 {
                        self.buffer = BytesMut::new();
                    }
                    return None;
                }
                Ok(Some(frame)) => {
                    if let After::Move(target, entry) = self.shard.client_frame(self.id, &frame) {
                        return Some(Ending::Move(target, entry));
                    }
                }
                Err(()) => {
                    self.shard.broke(self.id, super::ws::CloseCode::TooBig);
                    self.shard.finish(self.id);
                    self.buffer.clear();
                    return None;
                }
            }
        }
    }

    /// Takes the link to the shard that has its room. Its packets go on being read here.
    fn go(self, target: usize, entry: Box<Entry>) {
        let Some(mut state) = self.shard.core.borrow_mut().links.remove(self.id) else { return };
        let out = state.take_out();
        let (stranger, permit) = (state.stranger.take(), state._permit.take());
        drop(state);
        let Task { shard, wire, receive, buffer, .. } = self;
        let Some(QuicWire { connection, send, .. }) = Rc::into_inner(wire) else { return };
        let parts = QuicParts { connection, send: send.into_inner(), receive, buffer };
        let wire = FreshWire::Quic(parts);
        shard.send(
            target,
            Fresh { wire, carrier: None, plain: None, out, entry: Some(entry), stranger, permit },
        );
    }
}

/// Writes on when the stream was full; ends when the link is over and all is written.
fn poll_write(shard: &Shard, wire: &QuicWire, id: LinkId, context: &mut Context<'_>) -> Poll<Ending> {
    let is_known = wire.waker.borrow().as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
    if !is_known {
        *wire.waker.borrow_mut() = Some(context.waker().clone());
    }
    let is_blocked = shard.core.borrow().links.get(id).is_some_and(|state| state.is_blocked);
    if is_blocked {
        shard.writable(id);
    }
    match shard.core.borrow().links.get(id) {
        None => Poll::Ready(Ending::Gone),
        Some(state) if state.is_over && state.is_drained() => Poll::Ready(Ending::Over),
        Some(_) => Poll::Pending,
    }
}

/// Takes a frame from the front, when all of it is there.
fn split(buffer: &mut BytesMut) -> Result<Option<BytesMut>, ()> {
    let mut len = 0;
    for at in 0..LENGTH_LEN_MAX {
        let Some(&byte) = buffer.get(at) else { return Ok(None) };
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte >= 0x80 {
            continue;
        }
        if len > CLIENT_FRAME_LEN_MAX {
            return Err(());
        }
        if buffer.len() < at + 1 + len {
            return Ok(None);
        }
        buffer.advance(at + 1);
        return Ok(Some(buffer.split_to(len)));
    }
    Err(())
}
