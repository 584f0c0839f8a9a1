//! Links that change their transport while players talk, over and over.
//!
//! `AETHEX_SWAPS` sets how often; without it a few dozen times, or a thousand with `AETHEX_TEST_SLOW=1`.

use super::{Account, Gamer, play, play_out, spread};
use aethex_sdk_core::{StateOptions, Transport, Transports};
use aethex_tests::app::run;
use aethex_tests::{App, Engine};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Swaps, and of the slow tests.
const SWAPS: (usize, usize) = (40, 1_000);
/// What is said in both directions, a little below what the SDK lets pass.
const SAID_EVERY: Duration = Duration::from_millis(16);
/// Between two swaps.
const PAUSE: Duration = Duration::from_millis(50);
/// How long nothing may come over a swap.
const STALL_MAX: Duration = Duration::from_millis(500);
/// How long all of it may take.
const SWAP_TIME_MAX: Duration = Duration::from_secs(10);

fn swaps() -> usize {
    let set = |variable| std::env::var(variable).ok().filter(|text| !text.is_empty());
    match set("AETHEX_SWAPS") {
        Some(text) => text.parse().expect("a number of swaps"),
        None if set("AETHEX_TEST_SLOW").is_some_and(|slow| slow != "0") => SWAPS.1,
        None => SWAPS.0,
    }
}

/// A swap: under way, and when it began and ended.
struct Swap {
    to: Transport,
    began: Instant,
    under_way: Option<JoinHandle<bool>>,
    ended: Instant,
}

impl Swap {
    fn begin(gamer: &Gamer, to: Transport) -> Swap {
        let transports = if to == Transport::Quic { Transports::Quic } else { Transports::WebSocket };
        let switching = gamer.room.switch_transport(transports);
        let under_way = Some(tokio::spawn(async { switching.await.is_ok() }));
        Swap { to, began: Instant::now(), under_way, ended: Instant::now() }
    }
}

/// Stalls by swap: the longest time in which nothing came to a player, less how late this test itself was.
fn stalls(arrivals: &[Instant], swaps: &[Swap], frames: &[Instant]) -> Vec<Duration> {
    let longest = |times: &[Instant], from: Instant, to: Instant| {
        let begin = times.partition_point(|at| *at < from).saturating_sub(1);
        let end = (times.partition_point(|at| *at <= to) + 1).min(times.len());
        let times = times.get(begin..end).unwrap_or_default();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    };
    swaps
        .iter()
        .map(|swap| {
            let stall = longest(arrivals, swap.began, swap.ended);
            stall.saturating_sub(longest(frames, swap.began, swap.ended))
        })
        .collect()
}

#[test]
fn a_room_that_changes_its_transport_over_and_over_loses_nothing_and_does_not_stall() {
    run(
        Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let ann = Account::new(app, "ann", app.url()).await.make(8, Instant::now()).await;
            let ben = Account::new(app, "ben", app.url()).await.join(&ann, Transports::Any).await;
            let mut gamers = [ann, ben];
            let count = swaps();
            let (mut done, mut frames): (Vec<Swap>, Vec<Instant>) = Default::default();
            let mut now = Swap::begin(&gamers[0], Transport::WebSocket);
            let mut said_at = Instant::now();
            let most = SWAP_TIME_MAX * u32::try_from(count).unwrap();
            let began = Instant::now();
            while done.len() < count {
                // In pieces, for a thousand swaps take longer than any other play.
                play(&mut gamers, "a swap", |gamers| {
                    frames.push(Instant::now());
                    if said_at.elapsed() >= SAID_EVERY {
                        said_at = Instant::now();
                        for gamer in &mut *gamers {
                            gamer.say_up_to(gamer.said + 1);
                            gamer.show(StateOptions::default());
                        }
                    }
                    now.under_way.as_ref().is_some_and(JoinHandle::is_finished)
                        || (now.under_way.is_none() && now.ended.elapsed() >= PAUSE)
                })
                .await;
                if let Some(ended) = now.under_way.take() {
                    assert!(ended.await.unwrap(), "swap {} to {:?} fails", done.len(), now.to);
                    assert_eq!(gamers[0].room.transport(), Some(now.to));
                    now.ended = Instant::now();
                    continue;
                }
                now.ended = Instant::now();
                let to = if now.to == Transport::Quic { Transport::WebSocket } else { Transport::Quic };
                done.push(std::mem::replace(&mut now, Swap::begin(&gamers[0], to)));
                assert!(began.elapsed() < most, "{} swaps in {:?}", done.len(), began.elapsed());
            }
            let last = now.under_way.take().unwrap();
            play(&mut gamers, "the last swap", |_| last.is_finished()).await;
            gamers.iter_mut().for_each(|gamer| gamer.show(StateOptions::default()));
            play_out(&mut gamers).await;

            for (who, gamer) in ["who swaps", "the other"].iter().zip(&gamers) {
                let mut stalls = stalls(&gamer.log.arrivals, &done, &frames);
                println!("{count} swaps, {who}: stalls {}", spread(stalls.iter().copied()));
                println!(
                    "  messages {}; states {}",
                    spread(gamer.log.messages.iter().copied()),
                    spread(gamer.log.states.iter().copied())
                );
                let long = stalls.iter().filter(|stall| **stall >= STALL_MAX).count();
                println!("  {long} of {STALL_MAX:?} or more");
                stalls.sort_unstable();
                // A machine that is busy elsewhere may stop anything for a while, but not half of the time.
                assert!(stalls[stalls.len() / 2] < STALL_MAX, "{stalls:?}");
                assert!(gamer.log.rejoined.is_empty() && gamer.log.drops == 0, "{:?}", gamer.log.transports);
                assert!(!gamer.log.transports.contains(&None), "no swap is a drop");
            }
            for gamer in gamers {
                gamer.end().await;
            }
        },
    );
}
