//! `cargo xtask bench relay`: our relay beside ENet and bare UDP, in turn on the same machine.
//!
//! The same bots in the same rooms send the same states through each; what each costs is one line of a table. The
//! yardsticks are small C programs of this repository, compiled here. Each run has a fresh server, so that memory is
//! that run's alone. `ticked`: states leave every 33 ms, the newest of each; `naive`: at once.

use crate::backend::Backend;
use crate::bench::LIMITS;
use crate::claim::claim;
use crate::demo::BUILD_LIMIT;
use crate::json::Json;
use crate::run::{self, Cmd};
use crate::ui::{heading, note, step};
use crate::{Result, paths, system};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What ships is what is measured.
const PROFILE: &str = "dist";
/// Players of a room, states a second of each, bytes of a state: what a shooter sends.
const PLAYERS: &str = "8";
const HZ: &str = "20";
const BYTES: &str = "64";
/// Milliseconds between a ticked relay's sendings: our rooms' default.
const TICK_MS: &str = "33";
/// Rooms when no numbers are named.
const ROOMS: &[u32] = &[10, 20, 50, 100];
/// Seconds of a run when no number is named.
const SECONDS: u32 = 10;
/// What a run takes besides its seconds: accounts, rooms and seats of the most bots.
const SET_UP_LIMIT: Duration = Duration::from_secs(300);
/// From a yardstick's start to its ready line.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// Compiling a few hundred lines of C.
const COMPILE_LIMIT: Duration = Duration::from_secs(120);

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    rooms: Vec<u32>,
    seconds: u32,
    /// Arguments for our bots alone.
    load: Vec<String>,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn parse(args: &[&str]) -> Result<Options> {
        let split = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let (mut ours, load) = args.split_at(split);
        let load = load.iter().skip(1).map(|arg| (*arg).to_owned()).collect();
        let mut options = Options { rooms: ROOMS.to_vec(), seconds: SECONDS, load };
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| (1..=600).contains(number));
        loop {
            ours = match ours {
                [] => return Ok(options),
                ["--rooms", list, rest @ ..] => {
                    let rooms: Option<Vec<u32>> = list.split(',').map(number).collect();
                    options.rooms =
                        rooms.ok_or_else(|| format!("`{list}` is no list of numbers of rooms"))?;
                    rest
                }
                ["--seconds", text, rest @ ..] => {
                    options.seconds =
                        number(text).ok_or_else(|| format!("`{text}` is no number of seconds"))?;
                    rest
                }
                [other, ..] => return Err(crate::unknown(other)),
            };
        }
    }
}

/// A relay that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relay {
    WebSocket,
    Quic,
    Enet,
    Udp,
}

impl Relay {
    const ALL: &'static [Relay] = &[Relay::WebSocket, Relay::Quic, Relay::Enet, Relay::Udp];

    fn name(self) -> &'static str {
        match self {
            Relay::WebSocket => "ours, WebSocket",
            Relay::Quic => "ours, QUIC",
            Relay::Enet => "ENet",
            Relay::Udp => "bare UDP",
        }
    }
}

/// Measures; always true when it comes to an end.
pub(crate) fn bench(options: &Options) -> Result<bool> {
    heading("build");
    let _claim = claim(PROFILE)?;
    Cmd::cargo(BUILD_LIMIT)?
        .args(["build", "--profile", PROFILE, "-p", "aethex-backend", "-p", "aethex-load"])
        .shown()?;
    step("ENet", system::enet)?;
    let yardsticks = compile()?;
    heading(&format!("relays: {PLAYERS} players a room x {HZ} Hz x {BYTES} B, {} s each", options.seconds));
    note(&head());
    for rooms in &options.rooms {
        for is_ticked in [true, false] {
            for relay in Relay::ALL {
                let found = match relay {
                    Relay::WebSocket => ours("ws", *rooms, is_ticked, options),
                    Relay::Quic => ours("quic", *rooms, is_ticked, options),
                    Relay::Enet => yardstick(&yardsticks.enet, *rooms, is_ticked, options),
                    Relay::Udp => yardstick(&yardsticks.udp, *rooms, is_ticked, options),
                };
                let mode = if is_ticked { "ticked" } else { "naive" };
                // One that fails at some size is a finding; the others go on.
                match found {
                    Ok(found) => note(&row(*rooms, *relay, mode, &found)),
                    Err(error) => note(&format!("{rooms:>5}  {:<16} {mode:<7} {error}", relay.name())),
                }
            }
        }
    }
    Ok(true)
}

fn head() -> String {
    format!(
        "{:>5}  {:<16} {:<7} {:>12} {:>11} {:>12} {:>8} {:>8} {:>9} {:>14} {:>11}",
        "rooms",
        "relay",
        "",
        "deliveries/s",
        "delivered %",
        "superseded %",
        "p50 ms",
        "p99 ms",
        "late p99",
        "CPU ms/1,000",
        "KiB/client"
    )
}

fn row(rooms: u32, relay: Relay, mode: &str, found: &Json) -> String {
    let figure = |key: &str, digits: usize| {
        let number = found.get(key).and_then(Json::number);
        number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
    };
    format!(
        "{rooms:>5}  {:<16} {mode:<7} {:>12} {:>11} {:>12} {:>8} {:>8} {:>9} {:>14} {:>11}",
        relay.name(),
        figure("deliveries_per_second", 0),
        figure("delivered_percent", 3),
        figure("superseded_percent", 3),
        figure("p50_ms", 2),
        figure("p99_ms", 2),
        figure("bots_late_p99_ms", 2),
        figure("server_cpu_ms_per_1000", 3),
        figure("rss_per_client_kib", 1)
    )
}

fn limit(options: &Options) -> Duration {
    SET_UP_LIMIT + Duration::from_secs(options.seconds.into())
}

/// A run through our relay.
fn ours(transport: &str, rooms: u32, is_ticked: bool, options: &Options) -> Result<Json> {
    let folder = paths::TempFolder::new("bench-relay")?;
    let built = paths::target()?.join(PROFILE);
    let backend = Backend::start(&built.join(paths::program("aethex-cloud")), folder.path(), LIMITS, false)?;
    let load = Cmd::new(built.join(paths::program("aethex-load")), limit(options))
        .args([&backend.url, "relay", "--json", "--server-pid", &backend.pid().to_string()])
        .args(["--transport", transport, "--rooms", &rooms.to_string(), "--players", PLAYERS])
        .args(["--hz", HZ, "--bytes", BYTES, "--seconds", &options.seconds.to_string(), "--tick-ms", TICK_MS])
        .args(if is_ticked { None } else { Some("--urgent") })
        .args(&options.load);
    let said = load.quiet().map_err(|error| format!("{error}\n{}", backend.last_lines()))?;
    backend.stop()?;
    Json::parse(&said)
}

/// A run through a yardstick.
fn yardstick(program: &Path, rooms: u32, is_ticked: bool, options: &Options) -> Result<Json> {
    let folder = paths::TempFolder::new("bench-relay")?;
    let (port, rooms) = (free_port()?.to_string(), rooms.to_string());
    let tick_ms = if is_ticked { TICK_MS } else { "0" };
    let mut server = run::tied(program, READY_LIMIT)
        .args(["serve", &port, &rooms, PLAYERS, BYTES, tick_ms])
        .start("the yardstick", &folder.path().join("log"))?;
    server.wait_until(READY_LIMIT, |said| said.contains("ready").then_some(()))?;
    let said = Cmd::new(program, limit(options))
        .args(["bots", &port, &rooms, PLAYERS, HZ, BYTES])
        .args([options.seconds.to_string(), server.pid().to_string()])
        .quiet()?;
    Json::parse(&said)
}

/// A UDP port that nobody has now.
fn free_port() -> Result<u16> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
    socket.map(|address| address.port()).map_err(|error| format!("no UDP port is free: {error}"))
}

/// The compiled yardsticks.
struct Yardsticks {
    enet: PathBuf,
    udp: PathBuf,
}

fn compile() -> Result<Yardsticks> {
    let sources = paths::repo().join("tests/load/yardsticks");
    let folder = paths::target()?.join("yardsticks");
    paths::make_folder(&folder)?;
    let build = |name: &str, libraries: &[&str]| {
        let program = folder.join(paths::program(name));
        Cmd::new(system::compiler()?, COMPILE_LIMIT)
            .args(["-O2", "-Wall", "-Wextra", "-o"])
            .arg(&program)
            .arg(sources.join(format!("{name}.c")))
            .args(libraries)
            .quiet()?;
        Ok::<_, String>(program)
    };
    Ok(Yardsticks { enet: build("enet", &["-lenet"])?, udp: build("udp", &[])? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_rooms_seconds_and_what_follows_the_dashes() {
        let options = Options::parse(&["--rooms", "2,5", "--seconds", "3", "--", "--deltas"]).unwrap();
        assert_eq!((options.rooms, options.seconds, options.load.len()), (vec![2, 5], 3, 1));
        assert_eq!(Options::parse(&[]).unwrap().rooms, ROOMS);
        for wrong in [&["--rooms", "x"][..], &["--seconds", "0"], &["--rooms"], &["http://h"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_row_has_the_figures_and_dashes_for_what_was_not_measured() {
        let found = Json::parse(r#"{"deliveries_per_second": 22400.4, "rss_per_client_kib": null}"#).unwrap();
        let row = row(20, Relay::Enet, "naive", &found);
        assert!(row.contains("22400") && row.contains("ENet") && row.ends_with('-'), "{row}");
        assert_eq!(row.len(), head().len());
    }
}
