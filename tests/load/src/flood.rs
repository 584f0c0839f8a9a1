//! What a flood of logins does to others: the latency of paced account reads, alone and during the flood.
//!
//! Reads are scheduled at a fixed pace and timed from when they were due, so that a stall counts in full.

use crate::client::Connection;
use crate::operations::{self, Kind, Player};
use crate::table::quantile_ms;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Logins of the flood.
const LOGINS: usize = 200;
/// Logins at once.
const AT_ONCE: usize = 48;
/// Players that read their account meanwhile.
const READERS: usize = 4;
/// How often each of them reads.
const PACE: Duration = Duration::from_millis(10);
/// How long the readers are alone.
const ALONE: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Flood {
    pub(crate) logins: usize,
    pub(crate) at_once: usize,
    pub(crate) logins_per_second: f64,
    pub(crate) read_p95_alone_ms: f64,
    pub(crate) read_p95_during_ms: f64,
}

/// Measures; the players' sessions may end by it.
pub(crate) async fn measure(address: &str, players: &[Player]) -> Result<Flood, String> {
    let alone = read_while(players, tokio::time::sleep(ALONE)).await?.1;
    let started = Instant::now();
    let (logged_in, during) = read_while(players, flood(address, players)).await?;
    logged_in?;
    Ok(Flood {
        logins: LOGINS,
        at_once: AT_ONCE,
        logins_per_second: LOGINS as f64 / started.elapsed().as_secs_f64(),
        read_p95_alone_ms: p95(alone),
        read_p95_during_ms: p95(during),
    })
}

fn p95(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    quantile_ms(&took, 0.95)
}

/// Lets the readers read until `work` is done.
async fn read_while<T>(
    players: &[Player],
    work: impl Future<Output = T>,
) -> Result<(T, Vec<Duration>), String> {
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for player in players.iter().take(READERS) {
        readers.spawn(read(player.clone(), over.clone()));
    }
    let done = work.await;
    over.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    while let Some(reader) = readers.join_next().await {
        took.extend(reader.map_err(|error| error.to_string())??);
    }
    Ok((done, took))
}

async fn read(player: Player, over: Arc<AtomicBool>) -> Result<Vec<Duration>, String> {
    let mut pace = tokio::time::interval(PACE);
    let mut took = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let due = pace.tick().await;
        operations::once(Kind::Account, &player).await?;
        took.push(due.elapsed());
    }
    Ok(took)
}

async fn flood(address: &str, players: &[Player]) -> Result<(), String> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..AT_ONCE {
        // The readers keep their sessions: an account has a limited number of them.
        let others = &players[READERS.min(players.len() - 1)..];
        let player = others[number % others.len()].on(Connection::open(address).await?);
        let next = next.clone();
        clients.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < LOGINS {
                operations::once(Kind::Login, &player).await?;
            }
            Ok::<_, String>(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client.map_err(|error| error.to_string())??;
    }
    Ok(())
}
