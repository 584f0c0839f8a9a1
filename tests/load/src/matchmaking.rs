//! `aethex-load BASE_URL matchmaking`: everyone asks for a match at once; how long until all are in their rooms.
//!
//! Each client has what a game has: a personal WebSocket connection that events come by, and an HTTP connection to
//! ask on. All ask at the same moment. A client is done when it was told of its match and sits in the match's room.

use crate::api::{self, Guest};
use crate::client::Connection;
use crate::cpu::{self, Processes};
use crate::relay::link::{self, Socket};
use crate::table::quantile_ms;
use aethex_wire::multiplayer::events::{ClientEvent, Hello, Join, ServerEvent};
use aethex_wire::multiplayer::matchmaking::{
    AcceptMatch, AcceptMatchRequest, JoinQueue, JoinQueueRequest, MatchInfo,
};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

/// Clients that connect at once.
const OPENING_MAX: usize = 32;
/// How long all may take to connect.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// From the word to the moment at which all ask.
const RUN_UP: Duration = Duration::from_millis(500);

/// The workload.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Clients that ask.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    players: u32,
    /// Players of a match.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=128))]
    size: u16,
    /// How long they wait for a match.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    wait: u32,
}

/// One client's way, from the moment at which all asked.
#[derive(Debug, Clone, Default)]
struct Way {
    /// Has its ticket.
    queued: Option<Duration>,
    /// Knows its match.
    found: Option<Duration>,
    /// Sits in the room.
    seated: Option<Duration>,
    room: String,
    /// How many the match says it has.
    size: usize,
    /// Why it went no further.
    error: Option<String>,
}

/// Everything measured.
#[derive(Debug, Serialize)]
struct Report {
    players: u32,
    size: u16,
    queued: u32,
    matched: u32,
    seated: u32,
    rooms: usize,
    /// Rooms with another number of players than a match has.
    odd_rooms: usize,
    matched_percent: f64,
    queued_ms: Quantiles,
    found_ms: Quantiles,
    seated_ms: Quantiles,
    server_cpu_ms_per_player: Option<f64>,
    server_rss_kib: Option<u64>,
    first_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
    all: f64,
}

impl Quantiles {
    fn of(times: impl Iterator<Item = Duration>) -> Quantiles {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        Quantiles {
            p50: quantile_ms(&times, 0.50),
            p99: quantile_ms(&times, 0.99),
            all: quantile_ms(&times, 1.0),
        }
    }
}

/// Runs the workload; the report, as JSON or as text.
pub(crate) async fn run(
    address: &str,
    options: &Options,
    processes: &Processes,
    json: bool,
) -> Result<String, String> {
    let guests = api::guests(address, options.players as usize).await?;
    let clients = tokio::task::LocalSet::new();
    let (ways, cpu) = clients.run_until(play(address, options, processes, guests)).await?;
    let report = Report::new(options, &ways, cpu, processes.server.map(cpu::rss_kib).transpose()?);
    match json {
        true => serde_json::to_string_pretty(&report).map_err(|error| error.to_string()),
        false => Ok(report.to_string()),
    }
}

async fn play(
    address: &str,
    options: &Options,
    processes: &Processes,
    guests: Vec<Guest>,
) -> Result<(Vec<Way>, Option<f64>), String> {
    // A mode of its own: nobody who waits from an earlier run is matched.
    let request = JoinQueueRequest {
        mode: format!("load-{}", api::run_id()),
        players: Some(options.size),
        ..JoinQueueRequest::default()
    };
    let request = Rc::new(request);
    let opening = Rc::new(Semaphore::new(OPENING_MAX));
    let (ready, mut is_ready) = mpsc::unbounded_channel();
    let (start, started) = watch::channel(None);
    let wait = Duration::from_secs(options.wait.into());
    let mut running = tokio::task::JoinSet::new();
    let players = guests.len();
    for guest in guests {
        let (address, request, opening) = (address.to_owned(), request.clone(), opening.clone());
        let (ready, mut started) = (ready.clone(), started.clone());
        running.spawn_local(async move {
            let opened = {
                let _permit = opening.acquire().await;
                Client::open(&address, guest).await
            };
            let opened = match opened {
                Ok(client) => (Ok(()), Some(client)),
                Err(error) => (Err(error), None),
            };
            // Who waits for this may have given up.
            let _ = ready.send(opened.0);
            let begin = started.wait_for(Option::is_some).await.ok().and_then(|begin| *begin);
            match (opened.1, begin) {
                (Some(client), Some(begin)) => client.find(&request, begin, wait).await,
                _ => Way::default(),
            }
        });
    }
    drop((ready, started));
    let all = async {
        for _ in 0..players {
            is_ready.recv().await.unwrap_or_else(|| Err("a client ended".to_owned()))?;
        }
        Ok(())
    };
    let all = tokio::time::timeout(READY_TIMEOUT, all).await;
    all.unwrap_or_else(|_| Err("not all clients connected in time".to_owned()))?;
    let before = processes.cpu_ms()?;
    start.send(Some(Instant::now() + RUN_UP)).map_err(|_| "the clients are gone".to_owned())?;
    let mut ways = Vec::with_capacity(players);
    while let Some(way) = running.join_next().await {
        ways.push(way.map_err(|error| error.to_string())?);
    }
    Ok((ways, processes.cpu_ms()?.since(&before).server))
}

/// A player with a personal connection.
struct Client {
    guest: Guest,
    socket: Socket,
    http: Connection,
}

impl Client {
    async fn open(address: &str, guest: Guest) -> Result<Client, String> {
        let http = Connection::open(address).await?;
        let socket = link::open(address, "").await?;
        let mut client = Client { guest, socket, http };
        let hello = Hello { token: client.guest.token.clone(), key: None };
        client.say(&ClientEvent::Hello(hello)).await?;
        match client.event().await? {
            ServerEvent::Welcome { player_id } if player_id == client.guest.id => Ok(client),
            other => Err(format!("the answer to hello is {other:?}")),
        }
    }

    /// Asks at `begin`, and follows the match into its room.
    async fn find(mut self, request: &JoinQueueRequest, begin: Instant, wait: Duration) -> Way {
        let mut way = Way::default();
        tokio::time::sleep_until(begin.into()).await;
        let followed = tokio::time::timeout(wait, self.follow(request, begin, &mut way)).await;
        way.error = match followed {
            Ok(done) => done.err(),
            Err(_) => Some("waited in vain".to_owned()),
        };
        way
    }

    async fn follow(
        &mut self,
        request: &JoinQueueRequest,
        begin: Instant,
        way: &mut Way,
    ) -> Result<(), String> {
        // The match may be found before the answer with the ticket is here: both are listened to.
        let token = self.guest.token.clone();
        let asking = async {
            api::call::<JoinQueue>(&mut self.http, Some(&token), &[], request).await?;
            Ok(begin.elapsed())
        };
        let (queued, mut found) = tokio::try_join!(asking, found(&mut self.socket))?;
        way.queued = Some(queued);
        if let Some(proposed) = found.1.take() {
            let request = AcceptMatchRequest { accept: true };
            let id = proposed.match_id;
            api::call::<AcceptMatch>(&mut self.http, Some(&token), &[id.as_str()], &request).await?;
            found = self::found(&mut self.socket).await?;
        }
        let (at, _, info) = found;
        let info = info.ok_or("a match was proposed twice")?;
        way.found = Some(at.saturating_duration_since(begin));
        way.size = info.players.len();
        let seat = info.seat.ok_or("a match without a seat")?;
        way.room = seat.room.id.as_str().to_owned();
        self.say(&ClientEvent::JoinRoom(Join { ticket: Some(seat.ticket), ..Join::default() })).await?;
        loop {
            match self.event().await? {
                ServerEvent::RoomJoined(joined) if joined.room_id == seat.room.id => {
                    way.seated = Some(begin.elapsed());
                    return Ok(());
                }
                ServerEvent::Error { code, message, .. } => return Err(format!("{code}: {message}")),
                _ => {}
            }
        }
    }

    async fn say(&mut self, event: &ClientEvent) -> Result<(), String> {
        let text = serde_json::to_string(event).map_err(|error| error.to_string())?;
        self.socket.send(Message::Text(text.into())).await.map_err(|error| error.to_string())
    }

    async fn event(&mut self) -> Result<ServerEvent, String> {
        event(&mut self.socket).await
    }
}

async fn event(socket: &mut Socket) -> Result<ServerEvent, String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return api::parse(text.as_bytes()),
            Some(Ok(Message::Close(_))) | None => return Err("the connection was closed".to_owned()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
        }
    }
}

/// Waits for a match: when the client knew, what was proposed, or what was found.
async fn found(
    socket: &mut Socket,
) -> Result<(Instant, Option<Box<MatchInfo>>, Option<Box<MatchInfo>>), String> {
    loop {
        match event(socket).await? {
            ServerEvent::MatchProposed(info) => return Ok((Instant::now(), Some(info), None)),
            ServerEvent::MatchFound(info) => return Ok((Instant::now(), None, Some(info))),
            ServerEvent::QueueLeft { reason, .. } => return Err(format!("out of the queue: {reason}")),
            ServerEvent::Error { code, message, .. } => return Err(format!("{code}: {message}")),
            _ => {}
        }
    }
}

impl Report {
    fn new(options: &Options, ways: &[Way], cpu_ms: Option<f64>, server_rss_kib: Option<u64>) -> Report {
        let mut rooms: HashMap<&str, (usize, bool)> = HashMap::new();
        for way in ways.iter().filter(|way| way.seated.is_some()) {
            let room = rooms.entry(&way.room).or_default();
            room.0 += 1;
            room.1 |= way.size != usize::from(options.size);
        }
        let is_odd = |(players, wrong): &&(usize, bool)| *wrong || *players != usize::from(options.size);
        let count = |time: fn(&Way) -> Option<Duration>| ways.iter().filter_map(time).count() as u32;
        let matched = count(|way| way.found);
        Report {
            players: options.players,
            size: options.size,
            queued: count(|way| way.queued),
            matched,
            seated: count(|way| way.seated),
            rooms: rooms.len(),
            odd_rooms: rooms.values().filter(is_odd).count(),
            matched_percent: f64::from(matched) * 100.0 / f64::from(options.players),
            queued_ms: Quantiles::of(ways.iter().filter_map(|way| way.queued)),
            found_ms: Quantiles::of(ways.iter().filter_map(|way| way.found)),
            seated_ms: Quantiles::of(ways.iter().filter_map(|way| way.seated)),
            server_cpu_ms_per_player: cpu_ms.map(|ms| ms / f64::from(options.players)),
            server_rss_kib,
            first_error: ways.iter().find_map(|way| way.error.clone()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} clients asked at once for matches of {}: {} queued, {} matched ({:.1} %), {} seated in {} rooms, \
             {} of them with a wrong number of players",
            self.players,
            self.size,
            self.queued,
            self.matched,
            self.matched_percent,
            self.seated,
            self.rooms,
            self.odd_rooms
        )?;
        writeln!(f, "{:<28} {:>9} {:>9} {:>9}", "ms from asking until", "p50", "p99", "all")?;
        let rows = [
            ("the ticket is there", &self.queued_ms),
            ("the match is known", &self.found_ms),
            ("the seat is taken", &self.seated_ms),
        ];
        for (name, row) in rows {
            writeln!(f, "{name:<28} {:>9.1} {:>9.1} {:>9.1}", row.p50, row.p99, row.all)?;
        }
        if let Some(ms) = self.server_cpu_ms_per_player {
            writeln!(f, "server: {ms:.3} ms CPU a player")?;
        }
        if let Some(kib) = self.server_rss_kib {
            writeln!(f, "server memory, all connected: {kib} KiB")?;
        }
        match &self.first_error {
            Some(error) => writeln!(f, "some went no further; the first: {error}"),
            None => Ok(()),
        }
    }
}
