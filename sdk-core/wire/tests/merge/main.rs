//! The merge of saves against random histories, and what it keeps of what players do.

mod game;
mod model;
mod progress;
mod random;
mod world;

use random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Histories of the usual tests, and of the slow tests.
const HISTORIES: (u64, u64) = (5_000, 1_000_000);
/// Players whose progress is counted, of the usual tests and of the slow tests.
const PLAYERS: (u64, u64) = (50, 5_000);

/// How often: from this variable, else by the kind of the run.
fn rounds(variable: &str, (usual, slow): (u64, u64)) -> u64 {
    let set = |variable| std::env::var(variable).ok().filter(|text| !text.is_empty());
    match set(variable) {
        Some(text) => text.parse().expect("a number of rounds"),
        None if set("AETHEX_TEST_SLOW").is_some_and(|slow| slow != "0") => slow,
        None => usual,
    }
}

/// Runs `one` for every seed, on every core; a failing seed is named.
fn for_every_seed(count: u64, one: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    let ended = catch_unwind(AssertUnwindSafe(|| one(seed)));
                    assert!(ended.is_ok(), "failed with AETHEX_MERGE_SEED={seed}");
                }
            });
        }
    });
}

#[test]
fn random_histories_are_what_their_operations_say() {
    if let Ok(seed) = std::env::var("AETHEX_MERGE_SEED") {
        world::history(seed.parse().expect("a seed"));
        return;
    }
    let merges = AtomicU64::new(0);
    let histories = rounds("AETHEX_MERGE_HISTORIES", HISTORIES);
    for_every_seed(histories, |seed| {
        merges.fetch_add(world::history(seed), Ordering::Relaxed);
    });
    let merges = merges.into_inner();
    println!("{histories} histories, {merges} merges");
    assert!(merges > histories, "histories have to diverge");
}

#[test]
fn the_oracle_notices_a_lost_increment() {
    assert!(world::notices_a_lost_increment(&mut Random::new(1)));
}

#[test]
fn almost_all_progress_is_kept() {
    let kept = progress::simulate(rounds("AETHEX_MERGE_PLAYERS", PLAYERS));
    println!("{kept}");
    assert!(kept.ours() >= 0.999, "{kept}");
    assert!(kept.last_writer() < 0.75 && kept.longest_playtime() < 0.85, "{kept}");
}
