//! The SDK's saves against the real backend: merges, parts, patches, keys.

use aethex_sdk_core::wire::merge::Policies;
use aethex_sdk_core::{
    Bytes, Cloud, Content, Definition, ErrorCode, Event, Resolution, SaveKey, SaveOptions, SlotStatus, Value,
};
use aethex_tests::app::password_of;
use aethex_tests::player::noise;
use aethex_tests::{App, Player, on_both_engines, on_every_engine, until};
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

on_every_engine! {
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
