//! Cloud saves under everything that can go wrong, by chance and by number.
//!
//! A history is a player with two or three devices, each with its folder in memory and one or two processes of
//! the real SDK ([`device`]), a network that loses, delays and doubles what it carries ([`net`]), and the real
//! backend on SQLite ([`server`]). For some virtual minutes or days everybody saves, loads, deletes, resolves;
//! processes are killed, power is cut in the middle of a write, disks are full, clocks jump, the server dies
//! ([`story`]). Then the weather clears, every device sends what it has ([`ending`]), and a judge compares what the server
//! holds with what the devices were told ([`ledger`], [`judge`]). In some histories saves are merged
//! ([`playing`], [`progress`]): then everything that anybody won is there, once ([`counts`]).
//!
//! One thread runs one history at a time, with its own clock: the same seed is the same history, step by step.
//! `AETHEX_SIM_SEED=… cargo test -p aethex-tests --test it -- simulation::replay --nocapture` shows one;
//! `AETHEX_SIM_HISTORIES` sets how many are run, `AETHEX_SIM_FIRST` from which on. That the judge sees something is shown by planting faults.

mod counts;
mod device;
mod ending;
mod judge;
mod ledger;
mod net;
mod playing;
mod progress;
mod server;
mod story;

use aethex_sdk_core::simulation::disk::Lie;
use server::Server;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Histories, and those of the slow tests.
const HISTORIES: (u64, u64) = (5_000, 100_000);
/// Histories that share a server: the database in memory stays small.
const HISTORIES_A_SERVER: u64 = 250;
/// Histories run at once.
const THREADS: u64 = 2;

/// A fault that is planted, to see whether it is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// The SDK's files break their word.
    Disk(Lie),
    /// Each attempt has another idempotency key.
    NewKeyAtRetry,
    /// The backend is not told what a save was made from: it moves the head without comparing.
    HeadWithoutCompare,
    /// Versions that lost a conflict are not in the history.
    StaleDropped,
    /// The backend answers before it commits.
    AnswerBeforeCommit,
    /// A delete leaves a version behind.
    DeleteForgetsOne,
    /// A merge is sent as if it was made from the head alone.
    MergeWithOneParent,
    /// A conflict names the slot's first version as what both sides come from.
    AncestorTooOld,
    /// The game counts coins by the rule for settings.
    CoinsOfTheLater,
}

/// Why a history is not as it should be.
#[derive(Debug)]
struct Failure {
    seed: u64,
    why: String,
}

fn histories() -> u64 {
    match number("AETHEX_SIM_HISTORIES") {
        Some(count) => count,
        None if set("AETHEX_TEST_SLOW").is_some_and(|slow| slow != "0") => HISTORIES.1,
        None => HISTORIES.0,
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str) -> Option<u64> {
    set(name).map(|text| text.parse().expect("a number"))
}

/// Runs the histories with these seeds, until one fails; how many were run, and the failure.
fn run_all(seeds: std::ops::Range<u64>, fault: Fault) -> (u64, Option<Failure>) {
    let (next, ran, failed) = (AtomicU64::new(seeds.start), AtomicU64::new(0), AtomicBool::new(false));
    let failures = parking_lot::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut server = None;
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failed.load(Ordering::Relaxed) {
                        break;
                    }
                    if ran.fetch_add(1, Ordering::Relaxed) % HISTORIES_A_SERVER < THREADS {
                        server = None;
                    }
                    let server = server.get_or_insert_with(Server::start);
                    if let Err(why) = story::run(seed, server, fault, false).outcome {
                        failed.store(true, Ordering::Relaxed);
                        failures.lock().push(Failure { seed, why });
                    }
                }
            });
        }
    });
    let failure = failures.into_inner().into_iter().min_by_key(|failure| failure.seed);
    (ran.into_inner(), failure)
}

/// What is printed of a failure: the story, told again from the beginning.
fn tell(failure: &Failure, fault: Fault) -> String {
    let told = story::run(failure.seed, &mut Server::start(), fault, true);
    let again = match &told.outcome {
        Err(why) => why.clone(),
        Ok(()) => format!("{} (not so on a server of its own)", failure.why),
    };
    format!(
        "{}\nhistory {seed}: {again}\nAETHEX_SIM_SEED={seed} cargo test -p aethex-tests --test it -- simulation::replay --nocapture",
        told.lines.join("\n"),
        seed = failure.seed
    )
}

#[test]
fn no_history_loses_a_version() {
    let began = Instant::now();
    let first = number("AETHEX_SIM_FIRST").unwrap_or(0);
    let (ran, failure) = run_all(first..first + histories(), Fault::None);
    if let Some(failure) = failure {
        panic!("{}", tell(&failure, Fault::None));
    }
    println!("{ran} histories in {:.1} s", began.elapsed().as_secs_f64());
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in [1, 2, 3, 77, 1_000_003] {
        let first = story::run(seed, &mut Server::start(), Fault::None, true);
        let second = story::run(seed, &mut Server::start(), Fault::None, true);
        let differs = first.lines.iter().zip(&second.lines).position(|(a, b)| a != b);
        let around = differs.map(|at| (&first.lines[at], &second.lines[at]));
        assert_eq!(around, None, "seed {seed}, line {differs:?}");
        assert_eq!(first.lines.len(), second.lines.len(), "seed {seed}");
        assert!(first.lines.len() > 20, "{:?}", first.lines);
    }
}

#[test]
fn planted_faults_are_found() {
    for (fault, within) in [
        (Fault::Disk(Lie::SyncsNoFile), 500),
        (Fault::Disk(Lie::SyncsNoFolder), 500),
        (Fault::Disk(Lie::RemovesBeforeItWrites), 1_000),
        (Fault::NewKeyAtRetry, 100),
        (Fault::HeadWithoutCompare, 100),
        (Fault::StaleDropped, 100),
        (Fault::AnswerBeforeCommit, 500),
        (Fault::DeleteForgetsOne, 300),
        (Fault::MergeWithOneParent, 100),
        (Fault::AncestorTooOld, 100),
        (Fault::CoinsOfTheLater, 100),
    ] {
        let (ran, failure) = run_all(0..within, fault);
        let failure = failure.unwrap_or_else(|| panic!("{fault:?} was not found in {ran} histories"));
        println!("{fault:?}: found by history {} of {ran}: {}", failure.seed, failure.why);
    }
}

/// Shows the history of `AETHEX_SIM_SEED`; without it, the first one.
#[test]
fn replay() {
    let seed = number("AETHEX_SIM_SEED").unwrap_or(0);
    let told = story::run(seed, &mut Server::start(), Fault::None, true);
    println!("{}", told.lines.join("\n"));
    told.outcome.unwrap();
}
