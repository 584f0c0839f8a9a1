//! A relay small enough to break on purpose: one room, by WebSocket and QUIC, in memory.

use aethex_sdk_core::wire::ErrorCode;
use aethex_sdk_core::wire::ids::{PlayerId, RoomId};
use aethex_sdk_core::wire::multiplayer::delta;
use aethex_sdk_core::wire::multiplayer::events::{ClientEvent, ServerEvent};
use aethex_sdk_core::wire::multiplayer::frame::{
    Ack, ClientFrame, LeftReason, Member, Order, PROTOCOL, SECRET_LEN, Seat, ServerFrame, State, StateAck,
    Target, Welcome,
};
use aethex_sdk_core::wire::multiplayer::{QUIC_ALPN, QuicAddress, RelayAddress, Room, Visibility};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

pub(crate) const ROOM: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";

/// What goes out on a link.
enum Out {
    Ordered(Bytes),
    Alone(Bytes),
    Fast(Bytes),
    Close,
}

struct Session {
    player: PlayerId,
    secret: [u8; SECRET_LEN],
    outbox: VecDeque<(u64, Order, Bytes)>,
    said: u64,
    up_to: u64,
    beyond: BTreeSet<u64>,
    link: Option<(u64, mpsc::UnboundedSender<Out>)>,
    states: HashMap<u8, BTreeMap<u64, Vec<u8>>>,
}

#[derive(Default)]
pub(crate) struct Inside {
    seats: BTreeMap<Seat, Session>,
    used: HashSet<String>,
    made: u64,
    /// Nothing is answered to links that come by QUIC.
    pub(crate) deaf_quic: bool,
    /// So many of the frames on fast lanes are lost: one in this many.
    pub(crate) loses_one_in: Option<u64>,
    /// Links that were welcomed, by transport, in their order.
    pub(crate) welcomes: Vec<(&'static str, bool)>,
    /// States that came as a difference.
    pub(crate) differences: u64,
    personal: Vec<mpsc::UnboundedSender<String>>,
}

#[derive(Clone)]
pub(crate) struct Relay {
    inside: Arc<Mutex<Inside>>,
    pub(crate) address: RelayAddress,
    pub(crate) websocket: std::net::SocketAddr,
}

pub(crate) fn room() -> Room {
    Room {
        id: RoomId::parse(ROOM).unwrap(),
        code: "ABC234".to_owned(),
        name: String::new(),
        mode: String::new(),
        region: String::new(),
        host_id: None,
        player_count: 0,
        max_players: 8,
        visibility: Visibility::Public,
        locked: false,
        has_password: false,
        metadata: Default::default(),
        tick_ms: 8,
        created_at_ms: 0,
        players: Vec::new(),
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn start() -> Relay {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (relay, endpoint, listener) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let websocket = listener.local_addr().unwrap();
            let (endpoint, pin) = endpoint();
            let quic = QuicAddress {
                address: format!("127.0.0.1:{}", endpoint.local_addr().unwrap().port()),
                certificate_sha256: pin,
            };
            let address = RelayAddress { websocket: format!("ws://{websocket}/live"), quic: Some(quic) };
            (Relay { inside: Arc::default(), address, websocket }, endpoint, listener)
        });
        let serving = relay.clone();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let by_quic = serving.clone();
                tokio::spawn(async move {
                    while let Some(incoming) = endpoint.accept().await {
                        if by_quic.inside().deaf_quic {
                            incoming.ignore();
                            continue;
                        }
                        let relay = by_quic.clone();
                        tokio::spawn(async move { relay.quic(incoming).await });
                    }
                });
                while let Ok((stream, _)) = listener.accept().await {
                    let relay = serving.clone();
                    tokio::spawn(async move { relay.websocket(stream).await });
                }
            });
        });
        relay
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Cuts every link; sessions stay.
    pub(crate) fn cut(&self) {
        for session in self.inside().seats.values_mut() {
            if let Some((_, link)) = session.link.take() {
                let _ = link.send(Out::Close);
            }
        }
    }

    /// Forgets everything, as a restart does.
    pub(crate) fn forget(&self) {
        self.cut();
        self.inside().seats.clear();
    }

    /// Ends every session with a code.
    pub(crate) fn close(&self, code: ErrorCode) {
        for (_, session) in std::mem::take(&mut self.inside().seats) {
            if let Some((_, link)) = session.link {
                let frame = ServerFrame::Closed { code: code.number(), reason: "on purpose" };
                let _ = link.send(Out::Ordered(encoded(|out| frame.encode(out))));
                let _ = link.send(Out::Close);
            }
        }
    }

    /// Says something on every personal connection.
    pub(crate) fn tell(&self, event: &ServerEvent) {
        let text = serde_json::to_string(event).unwrap();
        self.inside().personal.retain(|to| to.send(text.clone()).is_ok());
    }

    /// Cuts every personal connection.
    pub(crate) fn cut_personal(&self) {
        self.inside().personal.clear();
    }

    async fn websocket(self, stream: tokio::net::TcpStream) {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let first = match socket.next().await {
            Some(Ok(Message::Binary(first))) => first,
            Some(Ok(Message::Text(text))) => return self.personal(socket, &text).await,
            _ => return,
        };
        let (link, mut out) = mpsc::unbounded_channel();
        let Some(at) = self.inside().hello(&first, "websocket", link) else { return };
        loop {
            tokio::select! {
                frame = out.recv() => match frame {
                    Some(Out::Ordered(frame) | Out::Alone(frame) | Out::Fast(frame)) => {
                        if socket.send(Message::Binary(frame)).await.is_err() { break }
                    }
                    _ => break,
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Binary(frame))) => self.inside().frame(at, &frame),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => break,
                },
            }
        }
        self.inside().drop_link(at);
    }

    async fn personal(
        self,
        mut socket: tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>,
        first: &str,
    ) {
        let Ok(ClientEvent::Hello(hello)) = serde_json::from_str(first) else { return };
        assert!(hello.token.starts_with("access-"));
        let player_id = PlayerId::parse(ROOM).unwrap();
        let welcome = serde_json::to_string(&ServerEvent::Welcome { player_id }).unwrap();
        let (send, mut events) = mpsc::unbounded_channel();
        self.inside().personal.push(send);
        let mut next = Some(welcome);
        loop {
            if let Some(text) = next.take()
                && socket.send(Message::text(text)).await.is_err()
            {
                return;
            }
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => next = Some(event),
                    None => return,
                },
                message = socket.next() => if !matches!(message, Some(Ok(_))) { return },
            }
        }
    }

    async fn quic(self, incoming: quinn::Incoming) -> Option<()> {
        let connection = incoming.await.ok()?;
        let (mut send, mut receive) = connection.accept_bi().await.ok()?;
        let mut buffer = BytesMut::new();
        let first = loop {
            if let Some(frame) = split(&mut buffer) {
                break frame;
            }
            buffer.extend_from_slice(&receive.read_chunk(65_536, true).await.ok()??.bytes);
        };
        let (link, mut out) = mpsc::unbounded_channel();
        let at = self.inside().hello(&first, "quic", link)?;
        loop {
            while let Some(frame) = split(&mut buffer) {
                self.inside().frame(at, &frame);
            }
            tokio::select! {
                frame = out.recv() => match frame {
                    Some(Out::Ordered(frame)) => {
                        let mut bytes = BytesMut::new();
                        put_length(&mut bytes, frame.len());
                        bytes.put_slice(&frame);
                        if send.write_all(&bytes).await.is_err() { break }
                    }
                    Some(Out::Alone(frame)) => {
                        let Ok(mut alone) = connection.open_uni().await else { break };
                        if alone.write_all(&frame).await.is_err() || alone.finish().is_err() { break }
                    }
                    Some(Out::Fast(frame)) => _ = connection.send_datagram(frame),
                    _ => break,
                },
                chunk = receive.read_chunk(65_536, true) => match chunk {
                    Ok(Some(chunk)) => buffer.extend_from_slice(&chunk.bytes),
                    _ => break,
                },
                datagram = connection.read_datagram() => match datagram {
                    Ok(frame) => if !self.inside().loses() { self.inside().frame(at, &frame) },
                    Err(_) => break,
                },
                alone = connection.accept_uni() => match alone {
                    Ok(mut alone) => {
                        let relay = self.clone();
                        tokio::spawn(async move {
                            if let Ok(frame) = alone.read_to_end(70_000).await {
                                relay.inside().frame(at, &frame);
                            }
                        });
                    }
                    Err(_) => break,
                },
            }
        }
        self.inside().drop_link(at);
        let _ = send.finish();
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), send.stopped()).await;
        connection.close(quinn::VarInt::from_u32(0), b"");
        Some(())
    }
}

impl Inside {
    fn loses(&mut self) -> bool {
        self.made += 1;
        self.loses_one_in.is_some_and(|times| self.made.is_multiple_of(times))
    }

    /// The first frame of a link; the seat and the link's number.
    fn hello(
        &mut self,
        frame: &[u8],
        by: &'static str,
        link: mpsc::UnboundedSender<Out>,
    ) -> Option<(Seat, u64)> {
        let Ok(ClientFrame::Hello { protocol: PROTOCOL, ticket, resume }) = ClientFrame::decode(frame) else {
            panic!("a link begins without hello")
        };
        self.made += 1;
        let number = self.made;
        let refuse = |code: ErrorCode| {
            let frame = ServerFrame::Closed { code: code.number(), reason: "on purpose" };
            let _ = link.send(Out::Ordered(encoded(|out| frame.encode(out))));
            let _ = link.send(Out::Close);
        };
        let seat = match resume {
            Some(resume) => {
                let found = self.seats.iter_mut().find(|(_, session)| session.secret == resume.secret);
                let Some((seat, session)) = found else {
                    refuse(ErrorCode::RoomSessionEnded);
                    return Some((Seat::MAX, 0));
                };
                session.outbox.retain(|(seq, ..)| *seq > resume.received);
                if let Some((_, old)) = session.link.replace((number, link.clone())) {
                    let _ = old.send(Out::Close);
                }
                *seat
            }
            None => {
                let ticket = std::str::from_utf8(ticket).unwrap().to_owned();
                let (player, _) = ticket.split_once('/').unwrap();
                let player = PlayerId::parse(player).unwrap();
                if !self.used.insert(ticket) {
                    refuse(ErrorCode::InvalidTicket);
                    return Some((Seat::MAX, 0));
                }
                self.sit(player, number, link.clone())
            }
        };
        self.welcomes.push((by, resume.is_some()));
        self.welcome(seat, resume.is_some());
        Some((seat, number))
    }

    fn sit(&mut self, player: PlayerId, number: u64, link: mpsc::UnboundedSender<Out>) -> Seat {
        self.seats.retain(|_, session| session.player != player);
        let seat = (0..).find(|seat| !self.seats.contains_key(seat)).unwrap();
        let secret = [seat + 1; SECRET_LEN].map(|byte| byte ^ (number as u8) << 3);
        let session = Session {
            player: player.clone(),
            secret,
            outbox: VecDeque::new(),
            said: 0,
            up_to: 0,
            beyond: BTreeSet::new(),
            link: Some((number, link)),
            states: HashMap::new(),
        };
        for other in self.seats.keys().copied().collect::<Vec<Seat>>() {
            let member = Member { seat, player_id: player.as_str(), username: "x", connected: true };
            self.say(other, Order::Ordered, |seq, out| {
                ServerFrame::Joined { seq, member: member.clone() }.encode(out)
            });
        }
        self.seats.insert(seat, session);
        seat
    }

    fn welcome(&mut self, seat: Seat, resumed: bool) {
        let session = &self.seats[&seat];
        let members = self.seats.iter().map(|(seat, session)| Member {
            seat: *seat,
            player_id: session.player.as_str(),
            username: "x",
            connected: session.link.is_some(),
        });
        let welcome = Welcome {
            protocol: PROTOCOL,
            resumed,
            seat,
            host: *self.seats.keys().next().unwrap(),
            room_id: ROOM,
            secret: session.secret,
            received: session.up_to,
            server_us: 1_000_000,
            tick_ms: 8,
            grace_ms: 60_000,
            states_per_second: 250,
            members: members.collect(),
        };
        let (_, link) = session.link.as_ref().unwrap();
        let _ = link.send(Out::Ordered(encoded(|out| ServerFrame::Welcome(welcome).encode(out))));
        for (_, order, frame) in &session.outbox {
            let _ = link.send(out_of(*order, frame.clone()));
        }
    }

    fn say(&mut self, to: Seat, order: Order, encode: impl Fn(u64, &mut BytesMut)) {
        let Some(session) = self.seats.get_mut(&to) else { return };
        session.said += 1;
        let frame = encoded(|out| encode(session.said, out));
        session.outbox.push_back((session.said, order, frame.clone()));
        if let Some((_, link)) = &session.link {
            let _ = link.send(out_of(order, frame));
        }
    }

    fn fast(&self, to: Seat, frame: &ServerFrame<'_>) {
        if let Some((_, link)) = self.seats.get(&to).and_then(|session| session.link.as_ref()) {
            let _ = link.send(Out::Fast(encoded(|out| frame.encode(out))));
        }
    }

    fn others(&self, seat: Seat) -> Vec<Seat> {
        self.seats.keys().copied().filter(|other| *other != seat).collect()
    }

    fn frame(&mut self, (seat, number): (Seat, u64), frame: &[u8]) {
        let Some(session) = self.seats.get_mut(&seat) else { return };
        let Some((_, link)) = session.link.clone().filter(|(now, _)| *now == number) else { return };
        match ClientFrame::decode(frame).expect("the client's frames can be read") {
            ClientFrame::State { state, .. } => self.state(seat, &state),
            ClientFrame::Message { seq, target, order, channel, data } => {
                if seq <= session.up_to || !session.beyond.insert(seq) {
                    return;
                }
                while session.beyond.remove(&(session.up_to + 1)) {
                    session.up_to += 1;
                }
                let ack = ServerFrame::Ack(Ack { up_to: session.up_to });
                let _ = link.send(Out::Ordered(encoded(|out| ack.encode(out))));
                let to = match target {
                    Target::Seat(to) => vec![to],
                    _ => self.others(seat),
                };
                for to in to {
                    self.say(to, order, |seq, out| {
                        ServerFrame::Message { seq, from: seat, order, channel, data }.encode(out);
                    });
                }
            }
            ClientFrame::Ack(ack) => session.outbox.retain(|(seq, ..)| *seq > ack.up_to),
            ClientFrame::Ping { client_us } => {
                self.fast(seat, &ServerFrame::Pong { client_us, server_us: client_us + 1_000_000 });
            }
            ClientFrame::Leave => {
                let closed =
                    ServerFrame::Closed { code: ErrorCode::RoomSessionEnded.number(), reason: "left" };
                let _ = link.send(Out::Ordered(encoded(|out| closed.encode(out))));
                let _ = link.send(Out::Close);
                self.seats.remove(&seat);
                for other in self.others(seat) {
                    let reason = LeftReason::Left;
                    self.say(other, Order::Ordered, |seq, out| {
                        ServerFrame::Left { seq, seat, reason }.encode(out)
                    });
                }
            }
            _ => {}
        }
    }

    fn state(&mut self, seat: Seat, state: &State<'_>) {
        let kept = self.seats.get_mut(&seat).unwrap().states.entry(state.channel).or_default();
        let mut whole = state.data.to_vec();
        if let Some(base) = state.base {
            let Some(before) = kept.get(&base) else { return };
            delta::decode(before, state.data, &mut whole).unwrap();
            self.differences += 1;
        }
        kept.insert(state.seq, whole.clone());
        let ack = StateAck { seat, channel: state.channel, seq: state.seq };
        self.fast(seat, &ServerFrame::StateAcks(vec![ack]));
        for other in self.others(seat) {
            let state = State { base: None, data: &whole, ..*state };
            self.fast(other, &ServerFrame::States { server_us: 1, states: vec![(seat, state)] });
        }
    }

    fn drop_link(&mut self, (seat, number): (Seat, u64)) {
        if let Some(session) = self.seats.get_mut(&seat) {
            session.link.take_if(|(now, _)| *now == number);
        }
    }
}

fn out_of(order: Order, frame: Bytes) -> Out {
    match order {
        Order::Ordered => Out::Ordered(frame),
        Order::Unordered => Out::Alone(frame),
    }
}

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    encode(&mut out);
    out.freeze()
}

fn put_length(out: &mut BytesMut, mut len: usize) {
    while len >= 0x80 {
        out.put_u8(len as u8 | 0x80);
        len >>= 7;
    }
    out.put_u8(len as u8);
}

fn split(buffer: &mut BytesMut) -> Option<Bytes> {
    let mut len = 0;
    for at in 0.. {
        let byte = *buffer.get(at)?;
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            if buffer.len() < at + 1 + len {
                return None;
            }
            buffer.advance(at + 1);
            return Some(buffer.split_to(len).freeze());
        }
    }
    None
}

fn endpoint() -> (quinn::Endpoint, String) {
    let made = rcgen::generate_simple_self_signed(vec!["relay".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let pin: [u8; 32] = Sha256::digest(&certificate).into();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    let endpoint = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    (endpoint, pin.iter().map(|byte| format!("{byte:02x}")).collect())
}
