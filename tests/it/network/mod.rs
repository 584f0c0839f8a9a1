//! Rooms over real networks: the SDK's link and the backend's relay, with all that lies between them.
//!
//! Players here are games: a loop looks at each once a frame, sends what is due, and takes what came. What came is
//! judged at once: messages of each player come once and in order, states only ever newer.

mod bad;
mod hostile;
mod restart;
mod swaps;
mod virtual_time;

use aethex_sdk_core::wire::multiplayer::CreateRoomRequest;
use aethex_sdk_core::{
    Cloud, ErrorCode, JoinOptions, MessageOptions, MultiplayerEvent, PlayerId, RoomHandle, StateOptions,
    Transport, Transports,
};
use aethex_tests::App;
use aethex_tests::app::password_of;
use aethex_wire::ids::RoomId;
use aethex_wire::multiplayer::JoinedRoom;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// A frame of a game: how often players are looked at.
const FRAME: Duration = Duration::from_millis(2);
/// States are shown 20 times a second.
const SHOWN_EVERY: Duration = Duration::from_millis(50);
/// Length of a state: long enough that differences of it are sent.
const STATE_LEN: usize = 64;
/// How long all of a test's play may take: several times what it does.
const PLAY_MAX: Duration = Duration::from_secs(120);

/// A player with the SDK, in a room.
struct Gamer {
    cloud: Cloud,
    id: PlayerId,
    room: RoomHandle,
    /// What all times count from.
    epoch: Instant,
    /// Messages that were said.
    said: u32,
    /// States that were shown, and when the last one was.
    shown: u32,
    shown_at: Option<Instant>,
    /// The last message of each other player, and the newest state.
    heard: HashMap<PlayerId, u32>,
    seen: HashMap<PlayerId, u32>,
    log: Log,
}

/// What happened to a player.
#[derive(Debug, Default)]
struct Log {
    /// How long messages took, and states.
    messages: Vec<Duration>,
    states: Vec<Duration>,
    /// When messages came.
    arrivals: Vec<Instant>,
    /// What carried the link, one after the other.
    transports: Vec<Option<Transport>>,
    /// How often another player was seen to drop.
    drops: usize,
    /// Messages that each return to a room on a new session may have cost.
    rejoined: Vec<usize>,
}

/// An account on a device.
struct Account {
    cloud: Cloud,
    id: PlayerId,
}

impl Account {
    /// A new one, which finds the server at `url`.
    async fn new(app: &App, name: &str, url: &str) -> Account {
        let cloud = app.sdk_with(&app.folder(name), |config| config.server_url = url.to_owned());
        Account::on(cloud, name).await
    }

    async fn on(cloud: Cloud, name: &str) -> Account {
        let email = format!("{name}@example.com");
        let user =
            cloud.auth().register(&email, &password_of(name), None).await.expect("a new player registers");
        Account { cloud, id: user.id }
    }

    async fn make(self, tick_ms: u16, epoch: Instant) -> Gamer {
        let request = CreateRoomRequest { tick_ms: Some(tick_ms), ..CreateRoomRequest::default() };
        let room = self.cloud.multiplayer().create_room(request).await.expect("a room is made");
        self.seated(room, epoch)
    }

    async fn join(self, host: &Gamer, transports: Transports) -> Gamer {
        self.enter(host.room.id().clone(), transports, host.epoch).await
    }

    async fn enter(self, room: RoomId, transports: Transports, epoch: Instant) -> Gamer {
        let options = JoinOptions { transports, ..JoinOptions::default() };
        let joined = self.cloud.multiplayer().join_room(room, options).await;
        self.seated(joined.expect("the room is joined"), epoch)
    }

    fn seated(self, room: RoomHandle, epoch: Instant) -> Gamer {
        Gamer {
            cloud: self.cloud,
            id: self.id,
            room,
            epoch,
            said: 0,
            shown: 0,
            shown_at: None,
            heard: HashMap::new(),
            seen: HashMap::new(),
            log: Log::default(),
        }
    }
}

impl Gamer {
    /// Says messages up to a number, as far as there is room for them.
    fn say_up_to(&mut self, number: u32) {
        while self.said < number {
            let message = self.stamped(self.said + 1);
            match self.room.send_message_bytes(&message, &MessageOptions::default()) {
                Ok(()) => self.said += 1,
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::RelayOverflow, "{error}");
                    return;
                }
            }
        }
    }

    /// Shows a new state.
    fn show(&mut self, options: StateOptions) {
        self.shown += 1;
        self.shown_at = Some(Instant::now());
        let mut state = [7; STATE_LEN];
        state[..12].copy_from_slice(&self.stamped(self.shown));
        self.room.send_state_bytes(state.to_vec().into(), options).expect("a state is taken");
    }

    /// Shows a new state when it is time for one.
    fn show_in_time(&mut self) {
        if self.shown_at.is_none_or(|at| at.elapsed() >= SHOWN_EVERY) {
            self.show(StateOptions::default());
        }
    }

    /// A number, and when it left.
    fn stamped(&self, number: u32) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        bytes[4..].copy_from_slice(&(self.epoch.elapsed().as_micros() as u64).to_le_bytes());
        bytes
    }

    /// Takes what came.
    fn look(&mut self) {
        for event in self.cloud.multiplayer().take_events() {
            self.take(event);
        }
    }

    fn take(&mut self, event: MultiplayerEvent) {
        match event {
            MultiplayerEvent::MessageReceived(message) => {
                let (number, took) = self.read(&message.data);
                let last = self.heard.entry(message.player_id).or_default();
                // After a return on a new session some may be missing, but none comes late or twice.
                match self.log.rejoined.is_empty() {
                    true => assert_eq!(number, *last + 1, "each message once and in order"),
                    false => assert!(number > *last, "{number} after {last}"),
                }
                *last = number;
                self.log.messages.push(took);
                self.log.arrivals.push(Instant::now());
            }
            MultiplayerEvent::PlayerStateReceived(state) => {
                let (number, took) = self.read(&state.data);
                let last = self.seen.entry(state.player_id).or_default();
                // The newest may be told again, on a new link or where the first may have been lost.
                assert!(number >= *last, "state {number} after {last}");
                if number > *last {
                    self.log.states.push(took);
                }
                *last = number;
            }
            MultiplayerEvent::ConnectionChanged { transport, .. } => self.log.transports.push(transport),
            MultiplayerEvent::PlayerConnection { connected: false, .. } => self.log.drops += 1,
            MultiplayerEvent::RoomRejoined { messages_lost, .. } => self.log.rejoined.push(messages_lost),
            MultiplayerEvent::RoomLeft { reason, error, .. } => {
                panic!("{:?} lost the seat: {reason:?}, {error:?}", self.id);
            }
            _ => {}
        }
    }

    fn read(&self, data: &[u8]) -> (u32, Duration) {
        let number = u32::from_le_bytes(data[..4].try_into().unwrap());
        let sent = Duration::from_micros(u64::from_le_bytes(data[4..12].try_into().unwrap()));
        (number, self.epoch.elapsed().saturating_sub(sent))
    }

    /// Whether so many messages of so many others are here.
    fn has_heard(&self, messages: u32, others: usize) -> bool {
        self.heard.values().filter(|heard| **heard >= messages).count() == others
    }

    /// Whether all that each of these said is here, and the newest that each showed.
    fn has_all_of(&self, others: &HashMap<PlayerId, (u32, u32)>) -> bool {
        others.iter().filter(|(id, _)| **id != self.id).all(|(id, (said, shown))| {
            self.heard.get(id).copied().unwrap_or_default() == *said
                && self.seen.get(id).copied().unwrap_or_default() == *shown
        })
    }

    /// Leaves.
    async fn end(self) {
        let _ = self.cloud.multiplayer().leave_room().await;
    }
}

/// Plays until `frame` says that it is over. It is called once a frame, after everyone took what came.
async fn play(gamers: &mut [Gamer], what: &str, mut frame: impl FnMut(&mut [Gamer]) -> bool) {
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let began = Instant::now();
    loop {
        frames.tick().await;
        gamers.iter_mut().for_each(Gamer::look);
        if frame(gamers) {
            return;
        }
        assert!(began.elapsed() < PLAY_MAX, "waited in vain for {what}: {}", standing(gamers));
    }
}

/// Plays on until everyone has everything.
async fn play_out(gamers: &mut [Gamer]) {
    play(gamers, "everyone to have everything", |gamers| {
        let all = gamers.iter().map(|gamer| (gamer.id.clone(), (gamer.said, gamer.shown))).collect();
        gamers.iter().all(|gamer| gamer.has_all_of(&all))
    })
    .await;
}

fn standing(gamers: &[Gamer]) -> String {
    let of = |gamer: &Gamer| {
        let heard: Vec<u32> = gamer.heard.values().copied().collect();
        let seen: Vec<u32> = gamer.seen.values().copied().collect();
        let stats = gamer.room.stats();
        format!("said {}, heard {heard:?}, shown {}, seen {seen:?}, {stats:?}", gamer.said, gamer.shown)
    };
    gamers.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// What is in the middle, below all but a hundredth, and at most.
fn spread(times: impl IntoIterator<Item = Duration>) -> String {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms of {}",
        ms(at(50)),
        ms(at(99)),
        ms(times.last()),
        times.len()
    )
}

/// How long everyone's messages and states took.
#[expect(clippy::print_stdout, reason = "times are shown, not asserted: machines are busy")]
fn report(what: &str, gamers: &[Gamer]) {
    let messages = gamers.iter().flat_map(|gamer| gamer.log.messages.iter().copied());
    let states = gamers.iter().flat_map(|gamer| gamer.log.states.iter().copied());
    println!("{what}: messages {}; states {}", spread(messages), spread(states));
}

/// A relay with one port for QUIC.
fn one_loop(config: &mut aethex_tests::app::Config) {
    config.multiplayer.relay_loops = 1;
}

/// A room that somebody made who does not come, and that port.
async fn empty_room(app: &App) -> (RoomId, u16) {
    let scout = app.as_player("scout").await;
    let made: JoinedRoom = crate::rooms::make(&scout, serde_json::json!({})).await;
    let address = made.relay.quic.expect("the relay has QUIC").address;
    (made.room.id, address.rsplit(':').next().unwrap().parse().unwrap())
}
