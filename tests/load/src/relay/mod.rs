//! `aethex-load BASE_URL relay`: rooms of bots that send states, and what telling them on costs the relay.
//!
//! Bots take their seats as any player does: a guest's account and a ticket by REST, then frames. A delivery is one
//! state of one player, received by another; so `sent * (players - 1)` are expected. Latency is from when a state
//! was due, not from when a starved bot got round to sending it; how late bots were is told beside it.
//!
//! `link` and `quic` carry frames, `bot` plays, `tally` counts, `crew` is a thread of bots, `report` prints.

mod bot;
mod crew;
pub(crate) mod link;
mod quic;
mod report;
mod tally;

use crate::api::{self, Guest};
use crate::cpu::{self, Processes};
use aethex_wire::ids::RoomId;
use aethex_wire::multiplayer::frame::{SEATS_MAX, STATE_LEN_MAX};
use aethex_wire::multiplayer::{
    CreateRoom, CreateRoomRequest, JoinRoom, JoinRoomRequest, JoinedRoom, TICK_MS_DEFAULT, TICK_MS_MAX,
    TICK_MS_MIN, Visibility,
};
use bot::{Plan, STATE_LEN_MIN};
use clap::{Args, ValueEnum};
use crew::Crew;
use report::Report;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Most rooms.
const ROOMS_MAX: i64 = 1_000;
/// Most states a second: what the relay takes from a player.
const HZ_MAX: i64 = 60;
/// Most threads of bots.
const THREADS_MAX: i64 = 16;
/// How long all bots may take to sit down.
const SEATED_TIMEOUT: Duration = Duration::from_secs(60);
/// From the word to the first state: every bot has heard it by then.
const RUN_UP: Duration = Duration::from_millis(500);
/// From the last state to the end: more than a tick and what a starved machine adds to it.
const DRAIN: Duration = Duration::from_millis(500);

/// What carries frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transport {
    /// WebSocket, binary messages.
    Ws,
    /// QUIC, states in datagrams.
    Quic,
}

/// The workload.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rooms.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=ROOMS_MAX))]
    rooms: u32,
    /// Players of each room.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=SEATS_MAX as i64))]
    players: u32,
    /// States that each player sends a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=HZ_MAX))]
    hz: u32,
    /// Bytes of a state.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(STATE_LEN_MIN as i64..=STATE_LEN_MAX as i64))]
    bytes: u32,
    /// How long they play.
    #[arg(long = "seconds", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    time_s: u32,
    /// What carries frames.
    #[arg(long, value_enum, default_value_t = Transport::Ws)]
    transport: Transport,
    /// The rooms' tick, in milliseconds.
    #[arg(long, default_value_t = TICK_MS_DEFAULT, value_parser = clap::value_parser!(u16).range(i64::from(TICK_MS_MIN)..=i64::from(TICK_MS_MAX)))]
    tick_ms: u16,
    /// States do not wait for the tick.
    #[arg(long)]
    urgent: bool,
    /// Acknowledge states as the SDK does, so that the relay may send differences.
    #[arg(long)]
    deltas: bool,
    /// Threads that bots run on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=THREADS_MAX))]
    threads: u32,
}

/// Runs the workload; the report, as JSON or as text.
pub(crate) async fn run(
    address: &str,
    options: &Options,
    processes: &Processes,
    json: bool,
) -> Result<String, String> {
    let bots = options.rooms * options.players;
    let guests = api::guests(address, bots as usize).await?;
    let rooms = seats(address, options, guests).await?;
    let plan = Plan {
        epoch: Instant::now(),
        bots,
        players: options.players,
        every: Duration::from_secs(1) / options.hz,
        time: Duration::from_secs(options.time_s.into()),
        drain: DRAIN,
        bytes: options.bytes as usize,
        urgent: options.urgent,
        deltas: options.deltas,
    };
    let memory = || processes.server.map(cpu::rss_kib).transpose();
    let before_kib = memory()?;
    let (seated, mut is_seated) = mpsc::unbounded_channel();
    let (start, started) = watch::channel(None);
    let mut crews = Vec::new();
    let mut shares: Vec<Vec<crew::Room>> = (0..options.threads).map(|_| Vec::new()).collect();
    for (number, room) in rooms.into_iter().enumerate() {
        let crew = number % shares.len();
        shares[crew].push(crew::Room { number: number as u32, rooms: options.rooms, seats: room });
    }
    for rooms in shares.into_iter().filter(|rooms| !rooms.is_empty()) {
        let crew = Crew { address: address.to_owned(), transport: options.transport, plan, rooms };
        crews.push(crew.start(seated.clone(), started.clone())?);
    }
    drop((seated, started));
    let all = async {
        for _ in 0..bots {
            is_seated.recv().await.unwrap_or_else(|| Err("a thread of bots ended".to_owned()))?;
        }
        Ok(())
    };
    let all = tokio::time::timeout(SEATED_TIMEOUT, all).await;
    all.unwrap_or_else(|_| Err("not all bots found their seats in time".to_owned()))?;
    let seated_kib = memory()?;
    let begin = Instant::now() + RUN_UP;
    start.send(Some(begin)).map_err(|_| "the bots are gone".to_owned())?;
    tokio::time::sleep_until(begin.into()).await;
    let cpu_before = processes.cpu_ms()?;
    let end = begin + plan.time + plan.drain;
    // A little earlier than the bots, who then leave, which is not what is measured.
    tokio::time::sleep_until((end - DRAIN / 10).into()).await;
    let cpu = processes.cpu_ms()?.since(&cpu_before);
    let playing_kib = memory()?;
    let mut tally = tally::Tally::default();
    for crew in crews {
        let done =
            tokio::task::spawn_blocking(move || crew.join()).await.map_err(|error| error.to_string())?;
        tally.merge(&done.map_err(|_| "a thread of bots broke".to_owned())??);
    }
    let report = Report::new(options, &tally, cpu.server, [before_kib, seated_kib, playing_kib]);
    match json {
        true => serde_json::to_string_pretty(&report).map_err(|error| error.to_string()),
        false => Ok(report.to_string()),
    }
}

/// Makes the rooms and joins them: the tickets of each room's players, good for a minute.
async fn seats(address: &str, options: &Options, guests: Vec<Guest>) -> Result<Vec<Vec<JoinedRoom>>, String> {
    let (players, rooms) = (options.players as usize, options.rooms as usize);
    let request = CreateRoomRequest {
        name: "load".to_owned(),
        max_players: Some(players as u16),
        visibility: Visibility::Unlisted,
        tick_ms: Some(options.tick_ms),
        ..CreateRoomRequest::default()
    };
    let made = api::each(address, rooms, async move |number, connection| {
        let players = &guests[number * players..(number + 1) * players];
        let mut seats = Vec::with_capacity(players.len());
        let mut room: Option<RoomId> = None;
        for Guest { token, .. } in players {
            let joined = match &room {
                None => api::call::<CreateRoom>(connection, Some(token), &[], &request).await?,
                Some(room) => {
                    let request = JoinRoomRequest::default();
                    api::call::<JoinRoom>(connection, Some(token), &[room.as_str()], &request).await?
                }
            };
            room = Some(joined.room.id.clone());
            seats.push(joined);
        }
        Ok(seats)
    });
    made.await
}
