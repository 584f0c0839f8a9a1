//! Rooms over a relay that is broken on purpose: transports, drops, restarts, swaps; and the player's own connection.

use super::*;
use crate::backend::{Answer, Request, State, empty, json, problem};
use crate::relay::{ROOM, Relay, room};
use aethex_sdk_core::wire::ids::{PlayerId, RoomId};
use aethex_sdk_core::wire::multiplayer::JoinedRoom;
use aethex_sdk_core::wire::multiplayer::events::ServerEvent;
use aethex_sdk_core::{
    JoinOptions, MessageOptions, MultiplayerEvent, RoomHandle, StateOptions, Transport, Transports,
};

const PATIENCE: Duration = Duration::from_secs(20);

impl State {
    /// The API of the one room.
    pub(crate) fn rooms(&mut self, player: &PlayerId, request: &Request) -> Option<Answer> {
        let rest = request.path.strip_prefix("/api/v1/multiplayer/")?;
        let relay = self.relay.clone()?;
        Some(match rest.rsplit('/').next()? {
            "join" | "rooms" => {
                let ticket = format!("{player}/{}", self.next_id());
                json(200, &JoinedRoom { room: room(), ticket, relay: relay.address })
            }
            "leave" => empty(),
            "ticket" => problem(ErrorCode::TicketNotFound),
            _ => problem(ErrorCode::NotFound),
        })
    }
}

/// A player in the room.
struct Client {
    cloud: Cloud,
    player: PlayerId,
    room: RoomHandle,
    seen: Vec<MultiplayerEvent>,
    _dir: tempfile::TempDir,
}

fn start() -> (Backend, Relay) {
    let (backend, relay) = (Backend::start(), Relay::start());
    backend.state().relay = Some(relay.clone());
    (backend, relay)
}

fn logged_in(backend: &Backend, name: &str) -> (Cloud, PlayerId, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let cloud = quiet(backend, dir.path());
    let player = login(&cloud, &format!("{name}@example.com")).id;
    (cloud, player, dir)
}

fn join(backend: &Backend, name: &str, transports: Transports) -> Client {
    let (cloud, player, _dir) = logged_in(backend, name);
    let options = JoinOptions { transports, ..JoinOptions::default() };
    let room = cloud.block_on(cloud.multiplayer().join_room(RoomId::parse(ROOM).unwrap(), options)).unwrap();
    Client { cloud, player, room, seen: Vec::new(), _dir }
}

impl Client {
    fn look(&mut self) {
        self.seen.extend(self.cloud.multiplayer().take_events());
    }

    fn wait(&mut self, what: &str, mut is_there: impl FnMut(&mut Client) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.look();
            if is_there(self) {
                return;
            }
            assert!(Instant::now() < until, "{what}: not in time; {:?}", self.seen);
            std::thread::yield_now();
        }
    }

    fn numbers(&self) -> Vec<i64> {
        let value = |event: &MultiplayerEvent| match event {
            MultiplayerEvent::MessageReceived(message) => match message.value() {
                Ok(Value::Int(number)) => Some(number),
                _ => None,
            },
            _ => None,
        };
        self.seen.iter().filter_map(value).collect()
    }

    fn newest_state(&self) -> Option<Value> {
        let state = |event: &MultiplayerEvent| match event {
            MultiplayerEvent::PlayerStateReceived(state) => state.value().ok(),
            _ => None,
        };
        self.seen.iter().rev().find_map(state)
    }

    fn transports(&self) -> Vec<Option<Transport>> {
        let transport = |event: &MultiplayerEvent| match event {
            MultiplayerEvent::ConnectionChanged { transport, .. } => Some(*transport),
            _ => None,
        };
        self.seen.iter().filter_map(transport).collect()
    }

    fn send(&self, number: i64, unordered: bool) {
        let options = MessageOptions { unordered, ..MessageOptions::default() };
        let until = Instant::now() + PATIENCE;
        while let Err(error) = self.room.send_message(&Value::Int(number), &options) {
            assert_eq!(error.code, ErrorCode::RelayOverflow);
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
    }
}

fn position(x: f64) -> Value {
    let padding = Value::String("a state long enough that differences of it pay".to_owned());
    Value::dictionary([("padding", padding), ("x", Value::Float(x))])
}

fn meet(transports: Transports, expected: Transport) {
    let (backend, relay) = start();
    let mut ann = join(&backend, "ann", transports);
    let mut ben = join(&backend, "ben", transports);
    assert_eq!(ann.room.transport(), Some(expected));
    assert!(ann.room.is_host() && !ben.room.is_host());
    let ben_id = ben.player.clone();
    ann.wait("ben is there", |ann| {
        ann.seen.iter().any(|event| matches!(event, MultiplayerEvent::PlayerJoined { player, .. } if player.player_id == ben_id))
    });
    for number in 1..=200 {
        ann.send(number, false);
        ben.send(-number, number % 3 == 0);
    }
    ben.wait("ann's messages", |ben| ben.numbers().len() == 200);
    ann.wait("ben's messages", |ann| ann.numbers().len() == 200);
    assert_eq!(ben.numbers(), (1..=200).collect::<Vec<i64>>());
    let mut unordered = ann.numbers();
    unordered.sort_unstable();
    assert_eq!(unordered, (-200..=-1).collect::<Vec<i64>>());

    let mut x = 0.0;
    ben.wait("differences", |ben| {
        x += 1.0;
        ann.room.send_state(&position(x), StateOptions::default()).unwrap();
        ben.room.send_state(&position(-x), StateOptions { channel: 7, urgent: true }).unwrap();
        relay.inside().differences > 10
    });
    ben.wait("the last state", |ben| ben.newest_state() == Some(position(x)));
    ann.wait("the last state", |ann| ann.newest_state() == Some(position(-x)));
    assert!(ann.room.server_time_us() > 1_000_000);
    assert!(ann.room.stats().rtt_us > 0);

    ann.cloud.block_on(ann.cloud.multiplayer().leave_room()).unwrap();
    ann.wait("ann left", |ann| {
        ann.seen.iter().any(|event| matches!(event, MultiplayerEvent::RoomLeft { error: None, .. }))
    });
    ben.wait("ben sees it", |ben| {
        ben.seen.iter().any(|event| matches!(event, MultiplayerEvent::PlayerLeft { .. }))
    });
    assert_eq!(
        ann.cloud.multiplayer().send_state(&Value::Null, StateOptions::default()).unwrap_err().code,
        ErrorCode::NotInRoom
    );
}

#[test]
fn two_meet_by_quic() {
    meet(Transports::Any, Transport::Quic);
}

#[test]
fn two_meet_by_websocket() {
    meet(Transports::WebSocket, Transport::WebSocket);
}

#[test]
fn where_quic_does_not_pass_websocket_carries_until_it_does() {
    let (backend, relay) = start();
    relay.inside().deaf_quic = true;
    let began = Instant::now();
    let mut ann = join(&backend, "ann", Transports::Any);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(ann.room.transport(), Some(Transport::WebSocket));
    relay.inside().deaf_quic = false;
    ann.wait("word of quic", |ann| ann.transports() == [Some(Transport::WebSocket), Some(Transport::Quic)]);
    assert_eq!(ann.room.transport(), Some(Transport::Quic));
    assert_eq!(relay.inside().welcomes, [("websocket", false), ("quic", true)]);
}

#[test]
fn swaps_and_cuts_lose_and_double_nothing() {
    let (backend, relay) = start();
    relay.inside().loses_one_in = Some(5);
    let mut ann = join(&backend, "ann", Transports::Any);
    let mut ben = join(&backend, "ben", Transports::WebSocket);
    let mut number = 0;
    for round in 0..20 {
        for _ in 0..10 {
            number += 1;
            ann.send(number, false);
            ben.send(-number, true);
            ann.room.send_state(&position(number as f64), StateOptions::default()).unwrap();
        }
        match round % 4 {
            0 | 2 => {
                let to = if round % 4 == 0 { Transports::WebSocket } else { Transports::Quic };
                // Not while the link is being made again after a cut.
                ann.wait("a swap", |ann| ann.cloud.block_on(ann.room.switch_transport(to)).is_ok());
            }
            _ => relay.cut(),
        }
    }
    ben.wait("ann's messages", |ben| ben.numbers().len() as i64 >= number);
    ann.wait("ben's messages", |ann| ann.numbers().len() as i64 >= number);
    assert_eq!(ben.numbers(), (1..=number).collect::<Vec<i64>>());
    let mut unordered = ann.numbers();
    unordered.sort_unstable();
    assert_eq!(unordered, (-number..=-1).collect::<Vec<i64>>());
    ben.wait("the last state", |ben| ben.newest_state() == Some(position(number as f64)));
    assert!(!ann.seen.iter().any(|event| matches!(event, MultiplayerEvent::RoomRejoined { .. })));
}

#[test]
fn a_swap_stalls_nobody() {
    let (backend, _relay) = start();
    let ann = join(&backend, "ann", Transports::Any);
    let mut ben = join(&backend, "ben", Transports::Any);
    let (mut number, mut longest) = (0, Duration::ZERO);
    for round in 0..6 {
        let to = if round % 2 == 0 { Transports::WebSocket } else { Transports::Quic };
        let (done, swapped) = std::sync::mpsc::channel();
        ann.cloud.submit(ann.room.switch_transport(to), move |result| drop(done.send(result)));
        let mut is_over = false;
        while !is_over {
            ann.cloud.tick();
            is_over = swapped.try_recv().is_ok_and(|result| result.is_ok());
            number += 1;
            let began = Instant::now();
            ann.send(number, false);
            ben.wait("a message", |ben| ben.numbers().last() == Some(&number));
            longest = longest.max(began.elapsed());
        }
    }
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    assert_eq!(ben.numbers(), (1..=number).collect::<Vec<i64>>());
    println!("longest stall of {number} messages over 6 swaps: {longest:?}");
}

#[test]
fn a_relay_that_forgot_is_joined_anew() {
    let (backend, relay) = start();
    let mut ann = join(&backend, "ann", Transports::Any);
    relay.forget();
    ann.wait("back again", |ann| {
        ann.seen.iter().any(|event| matches!(event, MultiplayerEvent::RoomRejoined { .. }))
    });
    assert_eq!(backend.count("/join"), 2);
    assert!(ann.room.transport().is_some());
}

#[test]
fn what_is_final_ends_the_stay() {
    let (backend, relay) = start();
    let mut ann = join(&backend, "ann", Transports::Any);
    relay.close(ErrorCode::RoomKicked);
    ann.wait("out", |ann| {
        ann.seen.iter().any(|event| {
            matches!(event, MultiplayerEvent::RoomLeft { error: Some(error), .. } if error.code == ErrorCode::RoomKicked)
        })
    });
    assert!(ann.cloud.multiplayer().current_room().is_none());
    assert_eq!(backend.count("/join"), 1);
}

#[test]
fn another_certificate_is_no_relay() {
    let (backend, mut relay) = start();
    relay.address.quic.as_mut().unwrap().certificate_sha256 = "00".repeat(32);
    relay.address.websocket = "ws://127.0.0.1:1/".to_owned();
    backend.state().relay = Some(relay.clone());
    let (cloud, _, _dir) = logged_in(&backend, "ann");
    let options = JoinOptions::default();
    let joined = cloud.block_on(cloud.multiplayer().join_room(RoomId::parse(ROOM).unwrap(), options));
    assert_eq!(joined.unwrap_err().code, ErrorCode::Offline);
    assert!(relay.inside().welcomes.is_empty());
}

#[test]
fn logging_out_leaves_the_room() {
    let (backend, _relay) = start();
    let mut ann = join(&backend, "ann", Transports::Any);
    ann.cloud.block_on(ann.cloud.auth().logout()).unwrap();
    ann.wait("out", |ann| ann.seen.iter().any(|event| matches!(event, MultiplayerEvent::RoomLeft { .. })));
}

#[test]
fn the_players_own_connection_comes_back() {
    let (backend, relay) = start();
    let (cloud, _, _dir) = logged_in(&backend, "ann");
    cloud.multiplayer().go_live();
    let mut seen = Vec::new();
    let mut wait = |what: &str, is_there: &dyn Fn(&[MultiplayerEvent]) -> bool| {
        let until = Instant::now() + PATIENCE;
        loop {
            seen.extend(cloud.multiplayer().take_events());
            if is_there(&seen) {
                break;
            }
            assert!(Instant::now() < until, "{what}: not in time; {seen:?}");
            std::thread::yield_now();
        }
    };
    let opened = |events: &[MultiplayerEvent]| {
        events
            .iter()
            .filter(|event| matches!(event, MultiplayerEvent::LiveChanged { connected: true }))
            .count()
    };
    wait("open", &|seen| opened(seen) == 1);
    relay.tell(&ServerEvent::PartyLeft {});
    wait("an event", &|seen| seen.iter().any(|event| matches!(event, MultiplayerEvent::PartyLeft)));
    relay.cut_personal();
    wait("open again", &|seen| opened(seen) == 2);
    assert!(backend.count("/matchmaking/ticket") >= 1);
}

#[test]
fn sending_costs_microseconds() {
    const CALLS: u32 = 2_000;
    let (backend, _relay) = start();
    let ann = join(&backend, "ann", Transports::Any);
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        for x in 0..CALLS {
            ann.room.send_state(&position(f64::from(x)), StateOptions::default()).unwrap();
        }
        best = best.min(began.elapsed() / CALLS);
    }
    // Unoptimised, on a busy machine; a build for players takes a tenth of it.
    assert!(best < Duration::from_micros(100), "{best:?}");
    println!("send_state: {best:?} a call, unoptimised");
}
