//! The SDK's saves against the real backend: merges, parts, patches, keys.

use aethex_sdk_core::wire::merge::Policies;
use aethex_sdk_core::{
    Bytes, Cloud, Content, Definition, ErrorCode, Event, Resolution, SaveKey, SaveOptions, SlotStatus, Value,
};
use aethex_tests::app::password_of;
use aethex_tests::player::noise;
use aethex_tests::proxy::Weather;
use aethex_tests::{App, Player, Proxy, on_both_engines, on_every_engine, until};
use aethex_wire::auth::LoggedIn;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(2);

/// Two devices of one player. The second one sends only when it is told to.
async fn devices(app: &App) -> (Cloud, Cloud) {
    let deck = app.sdk_with(&app.folder("deck"), |config| config.auto_sync = false);
    let desk = app.sdk_with(&app.folder("desk"), |config| config.auto_sync = false);
    deck.auth().register("ann@example.com", &password_of("ann"), None).await.unwrap();
    desk.auth().login("ann@example.com", &password_of("ann")).await.unwrap();
    for device in [&deck, &desk] {
        device.saves().define("slot*", rules()).unwrap();
    }
    (deck, desk)
}

fn rules() -> Definition {
    let policies = Value::dictionary([
        ("coins", Value::from("counter")),
        ("best", "max".into()),
        ("unlocked", "union".into()),
        ("name", "latest".into()),
    ]);
    Definition { policies: Policies::parse(&policies).unwrap(), ..Definition::default() }
}

fn game(coins: i64, best: i64, unlocked: &[&str]) -> Value {
    let unlocked: Vec<Value> = unlocked.iter().map(|name| Value::from(*name)).collect();
    Value::dictionary([
        ("coins", Value::Int(coins)),
        ("best", Value::Int(best)),
        ("unlocked", unlocked.into()),
    ])
}

async fn save(cloud: &Cloud, slot: &str, value: Value) -> aethex_sdk_core::Saved {
    cloud.saves().save(slot, Content::Value(value), SaveOptions::default()).await.unwrap()
}

async fn load(cloud: &Cloud, slot: &str) -> Value {
    match cloud.saves().load(slot).await.unwrap().content {
        Content::Value(value) => value,
        Content::Bytes(_) => panic!("a value was saved"),
    }
}

/// A device behind a bad network, which sends only when it is told to.
async fn behind(app: &App, proxy: &Proxy) -> Cloud {
    let deck = app.sdk_with(&app.folder("deck"), |config| {
        config.server_url = proxy.url();
        config.auto_sync = false;
    });
    deck.auth().register("ann@example.com", &password_of("ann"), None).await.unwrap();
    deck.saves().define("slot*", rules()).unwrap();
    deck
}

/// Saves in this order, without a network.
async fn save_offline(cloud: &Cloud, proxy: &Proxy, saves: impl IntoIterator<Item = (String, Value)>) {
    proxy.set(Weather::Down);
    let saves = saves
        .into_iter()
        .map(|(slot, value)| cloud.saves().save(&slot, Content::Value(value), SaveOptions::default()));
    for saved in futures_util::future::join_all(saves).await {
        assert!(saved.unwrap().queued);
    }
    proxy.set(Weather::Fair);
}

/// Requests that store saves: those with one, those with several.
fn puts(proxy: &Proxy) -> (usize, usize) {
    let requests = proxy.requests();
    let count = |begin: &str| requests.iter().filter(|line| line.starts_with(begin)).count();
    (count("POST /api/v1/saves/"), count("POST /api/v1/saves-batch/"))
}

async fn witness(app: &App) -> Player {
    let logged_in: LoggedIn =
        app.login("ann@example.com", &password_of("ann")).send().await.expect(200).json();
    Player::new(app.client().clone(), "ann", logged_in)
}

on_both_engines! {
    async fn what_two_devices_earned_apart_adds_up(app) {
        let (deck, desk) = devices(app).await;
        save(&deck, "slot1", game(10, 3, &["a"])).await;
        assert_eq!(load(&desk, "slot1").await, game(10, 3, &["a"]));
        app.stop().await;
        for coins in [20, 30] {
            assert!(save(&deck, "slot1", game(coins, 5, &["a", "b"])).await.queued);
            assert!(save(&desk, "slot1", game(coins - 5, 9, &["a", "c"])).await.queued);
        }
        app.start_again().await;
        deck.saves().flush(PATIENCE).await.unwrap();
        desk.saves().flush(PATIENCE).await.unwrap();
        // 10, and 20 of the one device, and 15 of the other.
        let merged = load(&deck, "slot1").await;
        assert_eq!(merged.get("coins"), Some(&Value::Int(45)));
        assert_eq!(merged.get("best"), Some(&Value::Int(9)));
        assert_eq!(load(&desk, "slot1").await, merged);
        let ann = witness(app).await;
        let history = ann.history("slot1").await;
        assert_eq!(history[0].parents.len(), 2);
        // Each save that was acknowledged is a version: one, two of each device, and the merge.
        assert_eq!(history.len(), 6);
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn a_game_that_does_not_look_at_merges_counts_nothing_twice(app) {
        let (deck, desk) = devices(app).await;
        save(&deck, "slot1", game(0, 0, &[])).await;
        load(&desk, "slot1").await;
        // Both go on from what they have, round after round, and never load.
        let (mut on_deck, mut on_desk) = (0, 0);
        for round in 1..=4 {
            on_deck += round;
            on_desk += 10 * round;
            save(&deck, "slot1", game(on_deck, round, &["a"])).await;
            save(&desk, "slot1", game(on_desk, round, &["b"])).await;
        }
        deck.saves().flush(PATIENCE).await.unwrap();
        desk.saves().flush(PATIENCE).await.unwrap();
        let ann = witness(app).await;
        assert_eq!(ann.get_save("slot1").await["data"]["coins"], 110);
        assert_eq!(load(&deck, "slot1").await.get("coins"), Some(&Value::Int(110)));
        assert_eq!(load(&desk, "slot1").await.get("coins"), Some(&Value::Int(110)));
        // From here on both have seen everything.
        save(&deck, "slot1", game(111, 5, &["a", "b"])).await;
        assert_eq!(load(&desk, "slot1").await.get("coins"), Some(&Value::Int(111)));
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn only_what_needs_an_answer_is_asked(app) {
        let (deck, desk) = devices(app).await;
        let hat = |hat: &str, coins: i64| {
            Value::dictionary([("hat", Value::from(hat)), ("coins", Value::Int(coins))])
        };
        save(&deck, "slot1", hat("none", 1)).await;
        load(&desk, "slot1").await;
        save(&deck, "slot1", hat("red", 2)).await;
        let refused = desk.saves().save("slot1", Content::Value(hat("blue", 3)), SaveOptions::default()).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::SavesConflict);
        let info = until("the conflict's event", async || {
            desk.take_events().into_iter().find_map(|event| match event {
                Event::SaveConflict(info) => Some(info),
                _ => None,
            })
        })
        .await;
        assert_eq!(info.asks.iter().map(|ask| ask.path.as_str()).collect::<Vec<_>>(), ["hat"]);
        assert_eq!(info.merged.as_ref().unwrap().get("coins"), Some(&Value::Int(4)));
        assert_eq!(desk.saves().conflict("slot1").await.unwrap().unwrap(), *info);
        let answers = vec![("hat".to_owned(), aethex_sdk_core::wire::merge::Choice::Local)];
        desk.saves().resolve("slot1", Resolution::Answers(answers)).await.unwrap();
        assert_eq!(load(&desk, "slot1").await, load(&deck, "slot1").await);
        assert_eq!(load(&deck, "slot1").await.get("hat"), Some(&Value::from("blue")));
        assert_eq!(load(&deck, "slot1").await.get("coins"), Some(&Value::Int(4)));
        assert_eq!(desk.saves().status("slot1"), SlotStatus::Synced);
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn both_sides_of_a_conflict_may_stay(app) {
        let (deck, desk) = devices(app).await;
        save(&deck, "own", Value::from("base")).await;
        load(&desk, "own").await;
        save(&deck, "own", Value::from("deck")).await;
        let refused = desk.saves().save("own", Content::Value("desk".into()), SaveOptions::default()).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::SavesConflict);
        assert_eq!(desk.saves().keep_both("own").await.unwrap(), "own (2)");
        desk.saves().flush(PATIENCE).await.unwrap();
        assert_eq!(load(&deck, "own").await, Value::from("deck"));
        assert_eq!(load(&deck, "own (2)").await, Value::from("desk"));
        assert_eq!(load(&desk, "own").await, Value::from("deck"));
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn a_newer_games_save_is_not_touched_and_an_older_one_is_migrated(app) {
        let (deck, desk) = devices(app).await;
        let version = |schema: i64| Definition {
            schema,
            migrate: Some(std::sync::Arc::new(|value, from| {
                assert_eq!(from, 1);
                Ok(Value::dictionary([("migrated", value)]))
            })),
            ..Definition::default()
        };
        deck.saves().define("hero", version(1)).unwrap();
        desk.saves().define("hero", version(2)).unwrap();
        save(&deck, "hero", Value::Int(1)).await;
        let migrated = Value::dictionary([("migrated", Value::Int(1))]);
        assert_eq!(load(&desk, "hero").await, migrated);
        save(&desk, "hero", migrated.clone()).await;
        assert_eq!(deck.saves().load("hero").await.unwrap_err().code, ErrorCode::NewerSchema);
        let refused = deck.saves().save("hero", Content::Value(Value::Int(2)), SaveOptions::default()).await;
        assert!(matches!(refused.unwrap_err().code, ErrorCode::NewerSchema | ErrorCode::SavesConflict));
        assert_eq!(witness(app).await.head("hero").await.schema, 2);
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn a_key_of_the_player_hides_everything_from_the_backend(app) {
        let (deck, desk) = devices(app).await;
        let key = SaveKey::new([7; 32]);
        deck.saves().set_save_key(Some(key.clone()));
        let secret = "the butler did it";
        save(&deck, "slot1", Value::from(secret)).await;
        save(&deck, "slot1", Value::from(format!("{secret}!"))).await;
        assert_eq!(desk.saves().load("slot1").await.unwrap_err().code, ErrorCode::SaveKeyNeeded);
        desk.saves().set_save_key(Some(SaveKey::new([8; 32])));
        assert_eq!(desk.saves().load("slot1").await.unwrap_err().code, ErrorCode::SaveKeyNeeded);
        desk.saves().set_save_key(Some(key));
        assert_eq!(load(&desk, "slot1").await, Value::from(format!("{secret}!")));
        let (frame, payload) = witness(app).await.get_frame("slot1", None).await;
        assert_eq!(frame.version.encoding, aethex_wire::saves::Encoding::Sealed);
        assert!(!payload.windows(6).any(|window| window == b"butler"));
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }
}

on_both_engines! {
    async fn an_evening_offline_leaves_in_one_request(app) {
        let proxy = Proxy::start(app.url()).await;
        let deck = behind(app, &proxy).await;
        let saves = (0..20).map(|n| (format!("slot{}", n % 10), game(n, n, &[])));
        save_offline(&deck, &proxy, saves).await;
        assert_eq!((puts(&proxy), deck.saves().pending()), ((0, 0), 20));
        deck.saves().flush(PATIENCE).await.unwrap();
        assert_eq!(puts(&proxy), (0, 1));
        let ann = witness(app).await;
        for slot in 0..10 {
            let history = ann.history(&format!("slot{slot}")).await;
            assert_eq!(history.len(), 2, "each save is a version, once");
            assert_eq!(history[0].parents, [history[1].version.clone()]);
            assert_eq!(ann.get_save(&format!("slot{slot}")).await["data"]["coins"], slot + 10);
        }
        deck.shutdown(GRACE);
    }

    async fn a_conflict_in_a_batch_is_merged_and_holds_nobody_up(app) {
        let proxy = Proxy::start(app.url()).await;
        let deck = behind(app, &proxy).await;
        let slots: Vec<String> = (0..5).map(|n| format!("slot{n}")).collect();
        for slot in &slots {
            save(&deck, slot, game(10, 0, &[])).await;
        }
        let before = puts(&proxy);
        let desk = app.sdk_with(&app.folder("desk"), |config| config.auto_sync = false);
        desk.auth().login("ann@example.com", &password_of("ann")).await.unwrap();
        desk.saves().define("slot*", rules()).unwrap();
        load(&desk, "slot2").await;
        save(&desk, "slot2", game(15, 0, &["desk"])).await;
        let saves = [20, 30].into_iter().flat_map(|coins| {
            slots.iter().map(move |slot| (slot.clone(), game(coins, 0, &["deck"])))
        });
        save_offline(&deck, &proxy, saves).await;
        deck.saves().flush(PATIENCE).await.unwrap();
        // The batch, and the merge alone.
        assert_eq!(puts(&proxy), (before.0 + 1, 1));
        let ann = witness(app).await;
        for slot in &slots {
            let merged = slot == "slot2";
            assert_eq!(ann.get_save(slot).await["data"]["coins"], if merged { 35 } else { 30 }, "{slot}");
            assert_eq!(ann.history(slot).await.len(), if merged { 5 } else { 3 }, "{slot}");
        }
        assert_eq!(load(&desk, "slot2").await, load(&deck, "slot2").await);
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn a_batch_whose_answer_is_lost_is_stored_once(app) {
        let proxy = Proxy::start(app.url()).await;
        let deck = behind(app, &proxy).await;
        save(&deck, "slot0", game(0, 0, &[])).await;
        save_offline(&deck, &proxy, (1..9).map(|n| (format!("slot{}", n % 2), game(n, n, &[])))).await;
        proxy.set(Weather::AnswersLost);
        let lost = deck.saves().flush(Duration::from_secs(2)).await;
        assert!(matches!(lost.unwrap_err().code, ErrorCode::Offline | ErrorCode::Timeout));
        assert!(proxy.answers_lost() > 0 && deck.saves().pending() == 8);
        // The game dies here, and starts again.
        deck.shutdown(Duration::ZERO);
        proxy.set(Weather::Fair);
        let deck = app.sdk_with(&app.folder("deck"), |config| {
            config.server_url = proxy.url();
            config.auto_sync = false;
        });
        save(&deck, "slot1", game(9, 9, &[])).await;
        deck.saves().flush(PATIENCE).await.unwrap();
        let ann = witness(app).await;
        for (slot, coins) in [("slot0", vec![8, 6, 4, 2, 0]), ("slot1", vec![9, 7, 5, 3, 1])] {
            let history = ann.history(slot).await;
            let line: Vec<Option<i64>> = history.iter().map(|version| version.sequence).collect();
            assert_eq!(line, (1..=5).rev().map(Some).collect::<Vec<_>>());
            for (version, coins) in history.iter().zip(coins) {
                let loaded = deck.saves().load_version(slot, version.version.clone()).await.unwrap();
                assert_eq!(loaded.content, Content::Value(game(coins, coins, &[])));
            }
        }
        deck.shutdown(GRACE);
    }

    async fn sealed_saves_go_together_too(app) {
        let proxy = Proxy::start(app.url()).await;
        let deck = behind(app, &proxy).await;
        deck.saves().set_save_key(Some(SaveKey::new([7; 32])));
        save_offline(&deck, &proxy, (0..6).map(|n| (format!("slot{}", n % 3), game(n, n, &[])))).await;
        deck.saves().flush(PATIENCE).await.unwrap();
        assert_eq!(puts(&proxy), (0, 1));
        assert_eq!(load(&deck, "slot2").await, game(5, 5, &[]));
        let (frame, _) = witness(app).await.get_frame("slot2", None).await;
        assert_eq!(frame.version.encoding, aethex_wire::saves::Encoding::Sealed);
        deck.shutdown(GRACE);
    }

    async fn what_may_be_worth_less_is_told(app) {
        let (deck, desk) = devices(app).await;
        save(&deck, "slot1", Value::from("x".repeat(4_000))).await;
        deck.take_events();
        let saved = save(&deck, "slot1", Value::Null).await;
        let said = saved.version.unwrap().suspicions;
        assert!(!said.is_empty());
        let told = until("the event", async || {
            deck.take_events().into_iter().find_map(|event| match event {
                Event::SaveSuspicious { slot, version } => Some((slot, version.suspicions)),
                _ => None,
            })
        })
        .await;
        assert_eq!(told, ("slot1".to_owned(), said));
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn a_slot_that_has_not_changed_is_not_read_again(app) {
        let proxy = Proxy::start(app.url()).await;
        let deck = behind(app, &proxy).await;
        let content = Content::Bytes(Bytes::from(noise(3, 100_000)));
        let saved = deck.saves().save("own", content.clone(), SaveOptions::default()).await.unwrap();
        let before = proxy.bytes_down();
        for _ in 0..2 {
            let loaded = deck.saves().load("own").await.unwrap();
            assert!(loaded.content == content && !loaded.from_cache && loaded.version == saved.version);
        }
        assert!(proxy.bytes_down() - before < 3_000, "{}", proxy.bytes_down() - before);
        witness(app).await.put_save("own", "another").await;
        assert!(deck.saves().load("own").await.unwrap().content != content);
        deck.shutdown(GRACE);
    }
}

on_every_engine! {
    async fn a_part_that_changed_a_little_goes_as_a_patch(app) {
        let (deck, desk) = devices(app).await;
        let (first, mut second) = (noise(4, 300_000), noise(4, 300_000));
        second[1_000..1_007].copy_from_slice(b"another");
        let with = |bytes: &[u8]| SaveOptions {
            parts: vec![("shot".to_owned(), Some(Content::Bytes(Bytes::copy_from_slice(bytes))))],
            ..SaveOptions::default()
        };
        let shoot = async |bytes: &[u8], coins: i64| {
            let saved = deck.saves().save("slot1", Content::Value(game(coins, 0, &[])), with(bytes)).await;
            assert!(!saved.unwrap().queued);
        };
        shoot(&first, 1).await;
        let before = app.stored_bytes(&witness(app).await).await;
        shoot(&second, 2).await;
        let after = app.stored_bytes(&witness(app).await).await;
        assert!(after < before + 2_000, "{} bytes more", after - before);
        desk.saves().load("slot1").await.unwrap();
        let part = desk.saves().load_part("slot1", "shot", None).await.unwrap();
        assert!(part == Content::Bytes(Bytes::from(second)), "it came back altered");
        // A key hides what changed: then the part goes in full.
        deck.saves().set_save_key(Some(SaveKey::new([7; 32])));
        shoot(&first, 3).await;
        desk.saves().set_save_key(Some(SaveKey::new([7; 32])));
        desk.saves().load("slot1").await.unwrap();
        let part = desk.saves().load_part("slot1", "shot", None).await.unwrap();
        assert!(part == Content::Bytes(Bytes::from(first)), "it came back altered");
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn parts_travel_with_the_save_and_large_ones_before_it(app) {
        let (deck, desk) = devices(app).await;
        let (thumbnail, film) = (Bytes::from(noise(1, 20_000)), Bytes::from(noise(2, 9_000_000)));
        let options = SaveOptions {
            parts: vec![
                ("thumbnail".to_owned(), Some(Content::Bytes(thumbnail.clone()))),
                ("film".to_owned(), Some(Content::Bytes(film.clone()))),
            ],
            ..SaveOptions::default()
        };
        deck.saves().save("slot1", Content::Value(game(1, 1, &[])), options).await.unwrap();
        deck.saves().flush(PATIENCE).await.unwrap();
        let loaded = desk.saves().load("slot1").await.unwrap();
        let mut names: Vec<&str> = loaded.parts.iter().map(|part| part.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["film", "thumbnail"]);
        for (name, wanted) in [("thumbnail", &thumbnail), ("film", &film)] {
            let part = desk.saves().load_part("slot1", name, None).await.unwrap();
            assert!(part == Content::Bytes(wanted.clone()), "{name} came back altered");
        }
        // A save that does not name them keeps them, and sends none of their bytes.
        let before = app.stored_bytes(&witness(app).await).await;
        save(&desk, "slot1", game(2, 2, &[])).await;
        desk.saves().flush(PATIENCE).await.unwrap();
        assert!(app.stored_bytes(&witness(app).await).await < before + 2_000);
        assert_eq!(deck.saves().load("slot1").await.unwrap().parts.len(), 2);
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }
}
