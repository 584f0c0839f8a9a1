//! The relay over real sockets of this machine.

mod quic;

use super::door::{Answering, Door, Known, Refusal};
use super::hub::Hub;
use super::relay::{Relay, RelaySettings};
use super::shard::FreshWire;
use super::tickets::{Seating, Tickets};
use super::ws::{Reading, opcode, put_head};
use super::{Command, Report, RoomKey};
use crate::ports::bus::Bus;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::multiplayer::frame::{
    ClientFrame, LeftReason, Order, PROTOCOL, Resume, SECRET_LEN, ServerFrame, State, Target,
};
use bytes::{Buf, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets one token in.
#[derive(Debug)]
struct Doorman {
    hub: Hub,
    tickets: Tickets,
    relay_node: String,
}

impl Door for Doorman {
    fn hello(&self, token: String, _: Option<String>) -> Answering<Known> {
        let hub = self.hub.clone();
        Box::pin(async move {
            let refused = || Refusal { code: ErrorCode::Unauthenticated, words: "no".into() };
            let player = token.strip_prefix("token-").and_then(|n| n.parse().ok()).ok_or_else(refused)?;
            let personal = hub.connect(key(0).game, who(player)).ok_or_else(refused)?;
            Ok(Known { personal, stands: Box::new(|| true) })
        })
    }

    fn join(&self, game: GameId, player: PlayerId, room: RoomId, _: Option<String>) -> Answering<String> {
        let base = seating(&RoomKey { game, room }, 1);
        let id = format!("by text {player}");
        let ticket = self.tickets.sign(&Seating { id, player, node: self.relay_node.clone(), ..base });
        Box::pin(async move { Ok(ticket) })
    }
}

fn id(n: u32) -> String {
    format!("0190a6f2-7b1c-7c3d-8e4f-5a6b{n:08x}")
}

fn key(room: u32) -> RoomKey {
    RoomKey { game: GameId::parse(&id(0)).unwrap(), room: RoomId::parse(&id(1_000 + room)).unwrap() }
}

fn who(n: u32) -> PlayerId {
    PlayerId::parse(&id(n)).unwrap()
}

fn seating(key: &RoomKey, n: u32) -> Seating {
    Seating {
        id: crate::context::random::<8>().map(|byte| format!("{byte:02x}")).concat(),
        node: "here".into(),
        game: key.game.clone(),
        room: key.room.clone(),
        player: who(n),
        username: format!("player {n}"),
        host: n == 1,
        max_players: 8,
        tick_ms: 8,
        interest_radius: 0,
        joined_at_ms: i64::from(n),
        until_ms: crate::context::now_ms() + 60_000,
    }
}

/// Both ends of a connection.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (served, _) = listener.accept().await.unwrap();
    served.set_nodelay(true).unwrap();
    (stream, served)
}

struct Bench {
    relay: Relay,
    tickets: Tickets,
    hub: Hub,
    reports: mpsc::Receiver<(RoomKey, Report)>,
}

impl Bench {
    fn new() -> Bench {
        let tickets = Tickets::new(&[3; 32]);
        let (sender, reports) = mpsc::channel(1_024);
        let quic_listen = Some(([127, 0, 0, 1], 0).into());
        let settings = RelaySettings { quic_listen, shards: 2, ..RelaySettings::default() };
        let relay = Relay::start(settings, "here".into(), tickets.clone(), sender).unwrap();
        Bench { relay, tickets, hub: Hub::new(Bus::local()), reports }
    }

    fn ticket(&self, room: u32, n: u32) -> String {
        self.tickets.sign(&seating(&key(room), n))
    }

    /// A WebSocket whose upgrade is done.
    async fn connect(&self) -> Client {
        let (stream, served) = sockets().await;
        self.connected(stream, served)
    }

    /// One over which little is under way at once.
    async fn connect_narrow(&self) -> Client {
        let (stream, served) = sockets().await;
        rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 4_096).unwrap();
        rustix::net::sockopt::set_socket_send_buffer_size(&served, 4_096).unwrap();
        self.connected(stream, served)
    }

    fn connected(&self, stream: TcpStream, served: TcpStream) -> Client {
        self.take(served, None);
        Client { stream: Box::new(stream), buffer: BytesMut::new() }
    }

    fn take(&self, served: TcpStream, tls: Option<Box<rustls::ServerConnection>>) {
        let stream = served.into_std().unwrap();
        let wire = FreshWire::Ws { stream, tls, reading: Reading::default(), begin: Vec::new() };
        let relay_node = "here".to_owned();
        let door = Doorman { hub: self.hub.clone(), tickets: self.tickets.clone(), relay_node };
        self.relay.take(wire, std::net::Ipv4Addr::LOCALHOST.into(), Arc::new(door));
    }

    /// One over TLS.
    async fn connect_tls(&self) -> Client {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![certificate.clone()], key.into())
            })
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (stream, served) = sockets().await;
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let name = "localhost".try_into().unwrap();
        let (served, stream) = tokio::join!(acceptor.accept(served), connector.connect(name, stream));
        let (served, tls) = served.unwrap().into_inner();
        self.take(served, Some(Box::new(tls)));
        Client { stream: Box::new(stream.unwrap()), buffer: BytesMut::new() }
    }

    async fn join(&self, room: u32, n: u32) -> (Client, Joined) {
        let mut client = self.connect().await;
        client.hello(self.ticket(room, n).as_bytes(), None).await;
        let joined = client.welcomed().await;
        (client, joined)
    }

    async fn report(&mut self) -> Report {
        tokio::time::timeout(PATIENCE, self.reports.recv()).await.unwrap().unwrap().1
    }
}

#[derive(Debug)]
struct Joined {
    resumed: bool,
    seat: u8,
    secret: [u8; SECRET_LEN],
    received: u64,
    members: usize,
}

fn joined(frame: &[u8]) -> Joined {
    match ServerFrame::decode(frame) {
        Ok(ServerFrame::Welcome(welcome)) => Joined {
            resumed: welcome.resumed,
            seat: welcome.seat,
            secret: welcome.secret,
            received: welcome.received,
            members: welcome.members.len(),
        },
        other => panic!("no welcome: {other:?}"),
    }
}

/// What a client's bytes travel on.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A WebSocket client of the simplest kind.
struct Client {
    stream: Box<dyn Duplex>,
    buffer: BytesMut,
}

fn encoded(frame: &ClientFrame<'_>) -> BytesMut {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes
}

fn message<'a>(seq: u64, order: Order, data: &'a [u8]) -> ClientFrame<'a> {
    ClientFrame::Message { seq, target: Target::Others, order, channel: 0, data }
}

fn state(seq: u64, data: &[u8]) -> ClientFrame<'_> {
    ClientFrame::State { urgent: false, state: State { channel: 0, seq, base: None, data } }
}

impl Client {
    async fn put(&mut self, opcode: u8, payload: &[u8]) {
        let mut bytes = BytesMut::new();
        put_head(&mut bytes, opcode, payload.len());
        bytes[1] |= 0x80;
        // A mask of zeros is a mask.
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(payload);
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn send(&mut self, frame: &ClientFrame<'_>) {
        self.put(opcode::BINARY, &encoded(frame)).await;
    }

    async fn hello(&mut self, ticket: &[u8], resume: Option<Resume>) {
        self.send(&ClientFrame::Hello { protocol: PROTOCOL, ticket, resume }).await;
    }

    async fn say(&mut self, json: serde_json::Value) {
        self.put(opcode::TEXT, json.to_string().as_bytes()).await;
    }

    /// The next message: its opcode and payload; `None` when the relay has closed the socket.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(message) = self.split() {
                return Some(message);
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await.unwrap();
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    fn split(&mut self) -> Option<(u8, Vec<u8>)> {
        let (&first, &second) = (self.buffer.first()?, self.buffer.get(1)?);
        assert_eq!(second & 0x80, 0, "servers do not mask");
        let (head, len) = match second {
            126 => (4, usize::from(u16::from_be_bytes([*self.buffer.get(2)?, *self.buffer.get(3)?]))),
            127 => panic!("longer than anything here"),
            len => (2, usize::from(len)),
        };
        if self.buffer.len() < head + len {
            return None;
        }
        self.buffer.advance(head);
        Some((first & 0xf, self.buffer.split_to(len).to_vec()))
    }

    /// The next binary frame. Pings go unanswered.
    async fn frame(&mut self) -> Vec<u8> {
        loop {
            match self.next().await {
                Some((opcode::BINARY, frame)) => return frame,
                Some((opcode::PING, _)) => {}
                other => panic!("no frame: {other:?}"),
            }
        }
    }

    async fn welcomed(&mut self) -> Joined {
        joined(&self.frame().await)
    }

    /// The next event, among those named.
    async fn event(&mut self, name: &str) -> serde_json::Value {
        loop {
            match self.next().await {
                Some((opcode::TEXT, text)) => {
                    let event: serde_json::Value = serde_json::from_slice(&text).unwrap();
                    if event["event"] == name {
                        return event["data"].clone();
                    }
                }
                other => panic!("no event `{name}`: {other:?}"),
            }
        }
    }

    /// The data of the next message of a player.
    async fn message(&mut self) -> Vec<u8> {
        loop {
            if let Ok(ServerFrame::Message { data, .. }) = ServerFrame::decode(&self.frame().await) {
                return data.to_vec();
            }
        }
    }

    /// The next state.
    async fn state(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let Ok(ServerFrame::States { states, .. }) = ServerFrame::decode(&self.frame().await) {
                return (states[0].0, states[0].1.data.to_vec());
            }
        }
    }

    /// Why the relay closes this link: the error's number, and the code of WebSocket.
    async fn closed(&mut self) -> (Option<u16>, u16) {
        let mut error = None;
        loop {
            match self.next().await {
                Some((opcode::BINARY, frame)) => {
                    if let Ok(ServerFrame::Closed { code, .. }) = ServerFrame::decode(&frame) {
                        error = Some(code);
                    }
                }
                Some((opcode::CLOSE, payload)) => {
                    return (error, u16::from_be_bytes([payload[0], payload[1]]));
                }
                Some(_) => {}
                None => return (error, 0),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn players_of_a_room_hear_each_other_and_no_other_room() {
    let mut bench = Bench::new();
    let (mut ann, first) = bench.join(1, 1).await;
    let (mut bob, second) = bench.join(1, 2).await;
    let (mut eve, alone) = bench.join(2, 3).await;
    assert_eq!((first.seat, second.seat, alone.seat), (0, 1, 0));
    assert_eq!((second.members, alone.members), (2, 1));
    ann.send(&message(1, Order::Ordered, b"hi")).await;
    ann.send(&state(1, b"here")).await;
    assert_eq!(bob.message().await, b"hi");
    assert_eq!(bob.state().await, (0, b"here".to_vec()));
    eve.send(&message(1, Order::Ordered, b"to whom")).await;
    eve.send(&ClientFrame::Ping { client_us: 7 }).await;
    loop {
        match ServerFrame::decode(&eve.frame().await) {
            Ok(ServerFrame::Pong { client_us: 7, .. }) => break,
            Ok(ServerFrame::Ack(_)) => {}
            other => panic!("another room's: {other:?}"),
        }
    }
    ann.put(opcode::PING, b"?").await;
    loop {
        if ann.next().await.unwrap() == (opcode::PONG, b"?".to_vec()) {
            break;
        }
    }
    bob.send(&ClientFrame::Leave).await;
    let code = ErrorCode::NotInRoom.number();
    assert_eq!(bob.closed().await, (Some(code), 1000));
    for _ in 0..3 {
        assert!(matches!(bench.report().await, Report::Seated { .. }));
    }
    assert!(
        matches!(bench.report().await, Report::Gone { player, reason: LeftReason::Left, .. } if player == who(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_count_once_here_and_in_their_time() {
    let bench = Bench::new();
    let genuine = bench.ticket(1, 1);
    let wrong = [
        Tickets::new(&[4; 32]).sign(&seating(&key(1), 1)),
        bench.tickets.sign(&Seating { until_ms: 1, ..seating(&key(1), 1) }),
        bench.tickets.sign(&Seating { node: "there".into(), ..seating(&key(1), 1) }),
        String::new(),
    ];
    for ticket in &wrong {
        let mut client = bench.connect().await;
        client.hello(ticket.as_bytes(), None).await;
        assert_eq!(client.closed().await, (Some(ErrorCode::InvalidTicket.number()), 1008));
    }
    let mut client = bench.connect().await;
    client.hello(genuine.as_bytes(), None).await;
    client.welcomed().await;
    let mut again = bench.connect().await;
    again.hello(genuine.as_bytes(), None).await;
    assert_eq!(again.closed().await.0, Some(ErrorCode::InvalidTicket.number()));
    // A ticket that was signed before its player was sent away does not bring the player back.
    let before = bench.ticket(1, 2);
    bench.relay.command(&key(1), Command::Remove { player: who(2), reason: LeftReason::Kicked });
    let mut kicked = bench.connect().await;
    kicked.hello(before.as_bytes(), None).await;
    assert_eq!(kicked.closed().await.0, Some(ErrorCode::InvalidTicket.number()));
    // Nor does anything but hello open a link.
    let mut rude = bench.connect().await;
    rude.send(&message(1, Order::Ordered, b"x")).await;
    assert_eq!(rude.closed().await, (Some(ErrorCode::InvalidFrame.number()), 1008));
    let mut guess = bench.connect().await;
    guess.hello(b"", Some(Resume { secret: [0; SECRET_LEN], received: 0 })).await;
    assert_eq!(guess.closed().await.0, Some(ErrorCode::RoomSessionEnded.number()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_over_another_link_and_nothing_is_lost() {
    let bench = Bench::new();
    let (mut ann, _) = bench.join(1, 1).await;
    let (mut bob, session) = bench.join(1, 2).await;
    ann.send(&message(1, Order::Ordered, b"one")).await;
    assert_eq!(bob.message().await, b"one");
    drop(bob);
    ann.send(&message(2, Order::Ordered, b"two")).await;
    let mut bob = bench.connect().await;
    // Only what came with the first link's join and "one" was had: frames 1 and 2 at most.
    bob.hello(b"", Some(Resume { secret: session.secret, received: 1 })).await;
    let back = bob.welcomed().await;
    assert!(back.resumed && back.seat == session.seat && back.received == 0);
    assert_eq!(bob.message().await, b"two");
    let mut other = bench.connect().await;
    other.hello(b"", Some(Resume { secret: session.secret, received: 99 })).await;
    assert_eq!(other.closed().await.0, Some(ErrorCode::RoomSessionEnded.number()), "never sent");
    bob.send(&message(1, Order::Unordered, b"still here")).await;
    assert_eq!(ann.message().await, b"still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_the_standard_hears_which_part() {
    let bench = Bench::new();
    let mut huge = bench.connect().await;
    huge.stream.write_all(&[0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 0]).await.unwrap();
    assert_eq!(huge.closed().await, (Some(ErrorCode::TooLarge.number()), 1009));
    let mut bare = bench.connect().await;
    bare.stream.write_all(&[0x82, 1, 0]).await.unwrap();
    assert_eq!(bare.closed().await.1, 1002);
    let (mut ann, _) = bench.join(1, 1).await;
    let (mut bob, _) = bench.join(1, 2).await;
    bob.put(opcode::BINARY, &[0x44, 1, 2]).await;
    assert_eq!(bob.closed().await.0, Some(ErrorCode::InvalidFrame.number()));
    loop {
        if let Ok(ServerFrame::Left { reason, .. }) = ServerFrame::decode(&ann.frame().await) {
            assert_eq!(reason, LeftReason::Refused);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_slows_nobody_and_gets_the_newest_state() {
    let bench = Bench::new();
    let (mut ann, _) = bench.join(1, 1).await;
    let (mut bob, _) = bench.join(1, 2).await;
    let mut slow = bench.connect_narrow().await;
    slow.hello(bench.ticket(1, 3).as_bytes(), None).await;
    slow.welcomed().await;
    // Far more than the slow one's socket holds; the other one sees each state in its time.
    for seq in 1..=150_u64 {
        let mut data = [0; 1_000];
        data[..8].copy_from_slice(&seq.to_be_bytes());
        ann.send(&state(seq, &data)).await;
        while newest(&bob.state().await.1) < seq {}
    }
    let mut states = 0;
    while newest(&slow.state().await.1) < 150 {
        states += 1;
    }
    assert!(states < 100, "stale states were not kept: {states}");
}

fn newest(data: &[u8]) -> u64 {
    u64::from_be_bytes(data[..8].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_on_and_reads_nothing_is_cut_off() {
    let mut bench = Bench::new();
    let mut deaf = bench.connect_narrow().await;
    let ping = serde_json::json!({"event": "ping", "data": {}}).to_string();
    let hello = serde_json::json!({"event": "join_room", "data": {"ticket": bench.ticket(1, 1)}}).to_string();
    deaf.put(opcode::TEXT, hello.as_bytes()).await;
    assert!(matches!(bench.report().await, Report::Seated { player, .. } if player == who(1)));
    // A player's frames are counted; so many answers are not kept for who takes none.
    let mut bytes = BytesMut::new();
    put_head(&mut bytes, opcode::TEXT, ping.len());
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(ping.as_bytes());
    for _ in 0..20_000 {
        if deaf.stream.write_all(&bytes).await.is_err() {
            break;
        }
    }
    let report = bench.report().await;
    assert!(matches!(report, Report::Gone { player, reason: LeftReason::Refused, .. } if player == who(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_plays_by_json() {
    let bench = Bench::new();
    let (mut ann, _) = bench.join(1, 1).await;
    let mut web = bench.connect().await;
    web.say(serde_json::json!({"event": "hello", "data": {"token": "wrong"}})).await;
    assert_eq!(web.event("error").await["code"], "unauthenticated");
    web.say(serde_json::json!({"event": "hello", "data": {"token": "token-2"}})).await;
    assert_eq!(web.event("welcome").await["player_id"], id(2));
    bench.hub.tell(&key(0).game, &who(2), &ServerEvent::PartyLeft {});
    web.event("party_left").await;
    web.say(serde_json::json!({"event": "ping", "data": {"client_us": 5}})).await;
    assert_eq!(web.event("pong").await["client_us"], 5);
    web.say(serde_json::json!({"event": "send_message", "data": {"message": "early"}})).await;
    assert_eq!(web.event("error").await["code"], "not_in_room");
    web.put(opcode::TEXT, b"{\"event\":").await;
    assert_eq!(web.event("error").await["closed"], false);
    web.say(serde_json::json!({"event": "join_room", "data": {"room_id": key(1).room.as_str()}})).await;
    let joined = web.event("room_joined").await;
    assert_eq!(joined["player_id"], id(2));
    assert_eq!(joined["host_id"], id(1));
    assert_eq!(joined["players"].as_array().unwrap().len(), 2);
    let position = serde_json::json!({"x": 1, "name": "web"});
    web.say(serde_json::json!({"event": "player_state_update", "data": {"state": position}})).await;
    let (seat, encoded) = ann.state().await;
    let value = aethex_wire::value::decode(&encoded).unwrap();
    assert_eq!((seat, serde_json::to_value(&value).unwrap()), (1, position));
    web.say(serde_json::json!({"event": "send_message", "data": {"message": {"say": "hi"}, "to": id(1)}}))
        .await;
    let message = aethex_wire::value::decode(&ann.message().await).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), serde_json::json!({"say": "hi"}));
    ann.send(&message_of(&value)).await;
    assert_eq!(web.event("message").await["player_id"], id(1));
    ann.send(&state(1, &encoded)).await;
    let update = web.event("state_update").await;
    assert_eq!((&update["player_id"], &update["state"]["name"]), (&id(1).into(), &"web".into()));
    drop(web);
    let mut web = bench.connect().await;
    let resume = serde_json::json!({"resume": joined["resume"], "last_seq": 1});
    web.say(serde_json::json!({"event": "join_room", "data": resume})).await;
    assert_eq!(web.event("room_joined").await["resumed"], true);
    web.say(serde_json::json!({"event": "leave_room"})).await;
    assert_eq!(web.event("room_left").await["reason"], "left");
    web.say(serde_json::json!({"event": "ping", "data": {}})).await;
    web.event("pong").await;
}

fn message_of(value: &aethex_wire::value::Value) -> ClientFrame<'static> {
    let data = aethex_wire::value::encode(value).unwrap().leak();
    message(1, Order::Ordered, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_it_is_the_same() {
    let bench = Bench::new();
    for room in [1, 2] {
        let (mut ann, _) = bench.join(room, 1).await;
        let mut bob = bench.connect_tls().await;
        bob.hello(bench.ticket(room, 2).as_bytes(), None).await;
        let session = bob.welcomed().await;
        let long = vec![5; 60_000];
        bob.send(&message(1, Order::Ordered, &long)).await;
        assert_eq!(ann.message().await, long);
        for seq in 1..=4 {
            ann.send(&message(seq, Order::Ordered, &long)).await;
        }
        for _ in 0..4 {
            assert_eq!(bob.message().await, long);
        }
        drop(bob);
        let mut back = bench.connect_tls().await;
        back.hello(b"", Some(Resume { secret: session.secret, received: 3 })).await;
        assert!(back.welcomed().await.resumed);
        assert_eq!(back.message().await, long);
        back.send(&ClientFrame::Leave).await;
        assert_eq!(back.closed().await.1, 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_hear_when_the_relay_stops() {
    let bench = Bench::new();
    let (mut ann, _) = bench.join(1, 1).await;
    let mut stranger = bench.connect().await;
    bench.relay.stop().await;
    assert_eq!(ann.closed().await, (Some(ErrorCode::Overloaded.number()), 1001));
    assert_eq!(stranger.closed().await.1, 1001);
}
