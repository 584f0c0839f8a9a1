//! Networks that lose, delay and reorder, addresses that change, lines that are cut.

use super::{Account, Gamer, empty_room, one_loop, play, play_out, report};
use aethex_sdk_core::{Transport, Transports};
use aethex_tests::app::run;
use aethex_tests::{App, Engine, Shaper, Way};
use std::time::Duration;
use tokio::time::Instant;

/// The first address of the loopback network that a player's way has here.
const FIRST_ADDRESS: u8 = 40;
/// A way of a mild delay, so that something is always under way.
const MILD: Way =
    Way { delay: Duration::from_millis(20), jitter: Duration::from_millis(5), lost_per_mille: 0 };

/// Players in a room, each at the end of a way of their own.
struct Party {
    gamers: Vec<Gamer>,
    ways: Vec<Shaper>,
}

async fn party(app: &App, names: &[&str], transports: Transports, way: Way) -> Party {
    let (room, port) = empty_room(app).await;
    let epoch = Instant::now();
    let (mut gamers, mut ways): (Vec<Gamer>, Vec<Shaper>) = Default::default();
    for (at, name) in names.iter().enumerate() {
        let shaper = Shaper::start(FIRST_ADDRESS + at as u8, app.url(), &[port]).await;
        let account = Account::new(app, name, &shaper.url()).await;
        shaper.set(way);
        gamers.push(account.enter(room.clone(), transports, epoch).await);
        ways.push(shaper);
    }
    Party { gamers, ways }
}

impl Party {
    /// Everybody says so many messages at this pace, and shows 20 states a second.
    async fn talk(&mut self, messages: u32, every: Duration) {
        let (began, others) = (Instant::now(), self.gamers.len() - 1);
        play(&mut self.gamers, "everyone to have spoken", |gamers| {
            let due = began.elapsed().as_micros() / every.as_micros().max(1);
            for gamer in &mut *gamers {
                gamer.say_up_to(messages.min(u32::try_from(due).unwrap_or(messages)));
                gamer.show_in_time();
            }
            gamers.iter().all(|gamer| gamer.said == messages && gamer.has_heard(messages, others))
        })
        .await;
        play_out(&mut self.gamers).await;
    }

    async fn end(self) {
        for gamer in self.gamers {
            gamer.end().await;
        }
    }
}

/// 1,000 messages of each as fast as the SDK takes them, over one transport.
fn a_thousand_messages_each(transports: Transports, transport: Transport) {
    run(Engine::Sqlite, one_loop, async |app: &App| {
        let mut party = party(app, &["ann", "ben"], transports, Way::BAD).await;
        party.talk(1_000, Duration::ZERO).await;
        let what = format!("5 % loss, 100 ms each way, {}", transport.as_str());
        report(&what, &party.gamers);
        for gamer in &party.gamers {
            assert_eq!(gamer.room.transport(), Some(transport));
            assert!(gamer.log.rejoined.is_empty(), "the session is the same all along");
        }
        let lost: u64 = party.ways.iter().map(|way| way.to_server().lost + way.to_clients().lost).sum();
        assert!(transport == Transport::WebSocket || lost > 20, "the network was bad: {lost}");
        party.end().await;
    });
}

#[test]
fn over_a_bad_network_by_quic_all_messages_and_the_newest_states_arrive() {
    a_thousand_messages_each(Transports::Quic, Transport::Quic);
}

#[test]
fn over_a_bad_network_by_websocket_all_messages_and_the_newest_states_arrive() {
    a_thousand_messages_each(Transports::WebSocket, Transport::WebSocket);
}

#[test]
fn four_play_over_a_bad_network_by_what_carries() {
    run(Engine::Sqlite, one_loop, async |app: &App| {
        let mut party = party(app, &["ann", "ben", "cid", "dee"], Transports::Any, Way::BAD).await;
        party.talk(250, Duration::from_millis(40)).await;
        report("four players, 5 % loss, 100 ms each way", &party.gamers);
        assert!(party.gamers.iter().all(|gamer| gamer.log.rejoined.is_empty()));
        party.end().await;
    });
}

#[test]
fn a_connection_by_quic_goes_on_from_another_address() {
    run(Engine::Sqlite, one_loop, async |app: &App| {
        let mut party = party(app, &["ann", "ben"], Transports::Quic, MILD).await;
        for moved in 1..=8 {
            party.talk(moved * 50, Duration::from_millis(2)).await;
            // In the middle of what is said next; both at once in the end.
            party.gamers.iter_mut().for_each(|gamer| gamer.say_up_to(moved * 50 + 25));
            party.ways[0].rebind();
            if moved > 6 {
                party.ways[1].rebind();
            }
        }
        party.talk(450, Duration::from_millis(2)).await;
        report("the address changed eight times", &party.gamers);
        for gamer in &party.gamers {
            assert_eq!(gamer.log.transports, [Some(Transport::Quic)], "the link is the same all along");
            assert!(gamer.log.rejoined.is_empty() && gamer.log.drops == 0, "nobody dropped");
        }
        party.end().await;
    });
}

#[test]
fn a_websocket_that_is_cut_goes_on_where_it_was() {
    run(Engine::Sqlite, one_loop, async |app: &App| {
        let mut party = party(app, &["ann", "ben"], Transports::WebSocket, MILD).await;
        for cut in 1..=6_u32 {
            party.talk(cut * 50, Duration::from_millis(2)).await;
            // In the middle of what is said next.
            party.gamers.iter_mut().for_each(|gamer| gamer.say_up_to(cut * 50 + 25));
            party.ways[0].cut();
            if cut > 4 {
                party.ways[1].cut();
            }
        }
        party.talk(350, Duration::from_millis(2)).await;
        report("the line was cut six times", &party.gamers);
        assert!(party.gamers.iter().all(|gamer| gamer.log.rejoined.is_empty()));
        let ann = &party.gamers[0].log.transports;
        assert!(ann.iter().filter(|link| link.is_none()).count() >= 6, "{ann:?}");
        assert!(!ann.contains(&Some(Transport::Quic)), "{ann:?}");
        party.end().await;
    });
}
