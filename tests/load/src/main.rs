//! `aethex-load BASE_URL`: what an operation of the backend costs.
//!
//! Keep-alive clients on one thread each run one kind of operation for a few seconds; then the next kind.
//! Printed are operations per second, latency, and, given process ids, the processor time that an operation
//! took of the server and of its database apart. `relay` and `matchmaking` are the other workloads: bots in rooms,
//! and a crowd that asks for matches. It makes its own players and talks to nothing else.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to its terminal")]

mod api;
mod client;
mod cpu;
mod flood;
mod matchmaking;
mod operations;
mod relay;
mod table;

use clap::{Parser, Subcommand};
use cpu::Processes;
use operations::{Kind, Player};
use std::process::ExitCode;
use std::time::Duration;
use table::Row;

/// Most clients: one thread drives them all.
const CLIENTS_MAX: u16 = 256;
/// Paced writes a second: what a game with a hundred thousand players saving every few minutes asks for.
const PACED_PER_S: u32 = 500;
/// Longest time of one kind of operation.
const SECONDS_MAX: u16 = 600;

/// Measures the backend's operations: throughput, latency, processor time.
#[derive(Debug, Parser)]
#[command(name = "aethex-load", version)]
struct Options {
    /// Where the API is, for example http://127.0.0.1:8080
    base_url: String,
    /// Process id of the backend, for its processor time and memory.
    #[arg(long, global = true, value_name = "PID")]
    server_pid: Option<u32>,
    /// Process id of a database's main process; its children count too. May be repeated.
    #[arg(long, global = true, value_name = "PID")]
    db_pid: Vec<u32>,
    /// Connections at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=i64::from(CLIENTS_MAX)))]
    clients: u16,
    /// How long each kind of operation runs.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=i64::from(SECONDS_MAX)))]
    seconds: u16,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    workload: Option<Workload>,
}

/// Another workload than operations one by one.
#[derive(Debug, Subcommand)]
enum Workload {
    /// Bots in rooms send states: deliveries, latency, processor time and memory.
    Relay(relay::Options),
    /// Everyone asks for a match at once: how long until all sit in their rooms.
    Matchmaking(matchmaking::Options),
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(&options)),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("aethex-load: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    let address = client::address_of(&options.base_url)?;
    let processes = Processes { server: options.server_pid, databases: options.db_pid.clone() };
    processes.check()?;
    open_files();
    let done = match &options.workload {
        None => return operations_one_by_one(options, &address, &processes).await,
        Some(Workload::Relay(workload)) => relay::run(&address, workload, &processes, options.json).await?,
        Some(Workload::Matchmaking(workload)) => {
            matchmaking::run(&address, workload, &processes, options.json).await?
        }
    };
    println!("{}", done.trim_end());
    Ok(())
}

/// Allows as many sockets as the system does: a bot has one or two.
fn open_files() {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit { current: limits.maximum, ..limits };
    // Else the first socket too many says so.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted);
}

async fn operations_one_by_one(
    options: &Options,
    address: &str,
    processes: &Processes,
) -> Result<(), String> {
    // Before the first request: what the server needs to be there at all.
    let idle_rss_kib = options.server_pid.map(cpu::rss_kib).transpose()?;
    let players = operations::register(address, usize::from(options.clients)).await?;
    let time = Duration::from_secs(options.seconds.into());
    // First: logins end the sessions that the players began with.
    let paced = measure_paced(&players, processes, time).await?;
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        rows.push(measure(*kind, &players, processes, time).await?);
    }
    let flood = flood::measure(address, &players).await?;
    let busy_rss_kib = options.server_pid.map(cpu::rss_kib).transpose()?;
    let report = table::Report {
        clients: options.clients,
        seconds: options.seconds,
        idle_rss_kib,
        busy_rss_kib,
        rows,
        paced,
        flood,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Runs one kind of operation on every connection until the time is over.
async fn measure(
    kind: Kind,
    players: &[Player],
    processes: &Processes,
    time: Duration,
) -> Result<Row, String> {
    let mut running = tokio::task::JoinSet::new();
    let before = processes.cpu_ms()?;
    let started = std::time::Instant::now();
    for player in players {
        running.spawn(operations::repeat(kind, player.clone(), started + time));
    }
    let mut took = Vec::new();
    while let Some(done) = running.join_next().await {
        took.extend(done.map_err(|error| error.to_string())??);
    }
    let elapsed = started.elapsed();
    let cpu = processes.cpu_ms()?.since(&before);
    Ok(Row::new(kind.name(), took, elapsed, cpu))
}

/// Writes saves at [`PACED_PER_S`], whatever the backend answers.
async fn measure_paced(players: &[Player], processes: &Processes, time: Duration) -> Result<Row, String> {
    let mut running = tokio::task::JoinSet::new();
    let before = processes.cpu_ms()?;
    let started = std::time::Instant::now();
    let step = Duration::from_secs(1) / PACED_PER_S;
    for (number, player) in (0_u32..).zip(players) {
        let every = step * players.len() as u32;
        let first = started + step * number;
        running.spawn(operations::paced(Kind::WriteFrame, player.clone(), first, every, started + time));
    }
    let mut took = Vec::new();
    while let Some(done) = running.join_next().await {
        took.extend(done.map_err(|error| error.to_string())??);
    }
    let cpu = processes.cpu_ms()?.since(&before);
    Ok(Row::new("4 KiB save write, 500 a s", took, started.elapsed(), cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_follows_the_url_and_common_options_stand_anywhere() {
        let parse = |text: &str| Options::try_parse_from(text.split(' '));
        let options =
            parse("aethex-load http://h:1 --server-pid 5 relay --rooms 2 --transport quic --json").unwrap();
        assert!(matches!(options.workload, Some(Workload::Relay(_))) && options.json);
        let options = parse("aethex-load http://h:1 matchmaking --players 8 --server-pid 5").unwrap();
        assert!(matches!(options.workload, Some(Workload::Matchmaking(_))));
        assert_eq!(options.server_pid, Some(5));
        assert!(parse("aethex-load http://h:1 --clients 3 --seconds 2").unwrap().workload.is_none());
        assert!(parse("aethex-load relay --rooms 2").is_err());
        assert!(parse("aethex-load http://h:1 relay --bytes 5").is_err());
    }
}
