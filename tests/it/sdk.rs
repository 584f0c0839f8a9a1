//! The SDK against the real backend: online, offline, killed, in conflict.

use aethex_sdk_core::{
    Bytes, Cloud, Content, Error, ErrorCode, Event, Resolution, SaveOptions, SlotStatus, Value,
};
use aethex_tests::app::password_of;
use aethex_tests::proxy::Weather;
use aethex_tests::{App, Player, Proxy, on_both_engines, until};
use aethex_wire::auth::LoggedIn;
use http::Method;
use std::path::Path;
use std::time::Duration;

/// What a flush may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// What a shutdown may take.
const GRACE: Duration = Duration::from_secs(2);

fn text(text: &str) -> Content {
    Content::Value(Value::String(text.to_owned()))
}

async fn save(cloud: &Cloud, slot: &str, words: &str) -> aethex_sdk_core::Saved {
    let options = SaveOptions { label: words.to_owned(), playtime_ms: 1000, ..SaveOptions::default() };
    cloud.saves().save(slot, text(words), options).await.unwrap_or_else(|error| panic!("{words}: {error}"))
}

async fn load(cloud: &Cloud, slot: &str) -> Content {
    cloud.saves().load(slot).await.unwrap_or_else(|error| panic!("{slot}: {error}")).content
}

async fn register(cloud: &Cloud, name: &str) -> aethex_sdk_core::User {
    let email = format!("{name}@example.com");
    cloud.auth().register(&email, &password_of(name), None).await.expect("a new player registers")
}

async fn log_in(cloud: &Cloud, name: &str) {
    let email = format!("{name}@example.com");
    cloud.auth().login(&email, &password_of(name)).await.expect("the player logs in");
}

async fn flush(cloud: &Cloud) {
    cloud.saves().flush(PATIENCE).await.expect("the queue reaches the cloud");
}

/// The same player without the SDK, to see what the cloud really holds.
async fn witness(app: &App, name: &str) -> Player {
    let email = format!("{name}@example.com");
    let logged_in: LoggedIn = app.login(&email, &password_of(name)).send().await.expect(200).json();
    Player::new(app.client().clone(), name, logged_in)
}

/// Labels of a slot's versions, oldest first.
async fn labels(witness: &Player, slot: &str) -> Vec<String> {
    witness.history(slot).await.into_iter().rev().map(|version| version.label).collect()
}

async fn event<T>(cloud: &Cloud, what: &str, pick: impl Fn(Event) -> Option<T>) -> T {
    until(what, async || cloud.take_events().into_iter().find_map(&pick)).await
}

fn code<T>(result: Result<T, Error>) -> ErrorCode {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error.code,
    }
}

/// Ends the SDK as a killed game does: nothing is written, nothing is waited for.
fn kill(cloud: Cloud) {
    drop(cloud);
}

/// Takes the signing key away, so that access tokens end at once and sessions go on by their refresh token.
async fn expire_access_tokens(app: &App) {
    app.stop().await;
    for entry in std::fs::read_dir(app.data().join("keys")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("signing-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    app.start_again().await;
}

on_both_engines! {
    async fn a_player_saves_and_loads(app) {
        let cloud = app.sdk(&app.folder("deck"));
        let user = register(&cloud, "ann").await;
        assert_eq!(cloud.auth().current_user(), Some(user.clone()));
        assert_eq!(cloud.auth().profile().await.unwrap(), user);
        let stored = save(&cloud, "slot1", "first").await;
        assert!(!stored.queued);
        assert_eq!(stored.version.as_ref().unwrap().sequence, Some(1));
        save(&cloud, "slot1", "second").await;
        assert_eq!(load(&cloud, "slot1").await, text("second"));
        let bytes = Content::Bytes(Bytes::from(aethex_tests::player::noise(1, 200_000)));
        cloud.saves().save("raw", bytes.clone(), SaveOptions::default()).await.unwrap();
        let loaded = cloud.saves().load("raw").await.unwrap();
        assert!(loaded.content == bytes && !loaded.from_cache);
        let slots: Vec<String> = cloud.saves().list().await.unwrap().into_iter().map(|v| v.slot).collect();
        assert_eq!(slots, ["raw", "slot1"]);
        let history = cloud.saves().history("slot1").await.unwrap();
        assert_eq!(history.iter().map(|v| v.label.as_str()).collect::<Vec<_>>(), ["second", "first"]);
        let first = cloud.saves().load_version("slot1", history[1].version.clone()).await.unwrap();
        assert_eq!(first.content, text("first"));
        cloud.saves().restore("slot1", history[1].version.clone()).await.unwrap();
        assert_eq!(load(&cloud, "slot1").await, text("first"));
        cloud.saves().delete("slot1").await.unwrap();
        assert_eq!(code(cloud.saves().load("slot1").await), ErrorCode::SaveNotFound);
        assert_eq!(cloud.saves().pending(), 0);
        cloud.shutdown(GRACE);
    }

    async fn errors_keep_their_code_and_words(app) {
        let cloud = app.sdk(&app.folder("deck"));
        assert_eq!(code(cloud.saves().save("s", text("x"), SaveOptions::default()).await), ErrorCode::NotLoggedIn);
        assert_eq!(code(cloud.auth().login("ann@example.com", "wrong password").await), ErrorCode::InvalidCredentials);
        register(&cloud, "ann").await;
        let taken = cloud.auth().register("ANN@example.com", "correct horse", None).await.unwrap_err();
        assert_eq!((taken.code, taken.retryable), (ErrorCode::EmailTaken, false));
        assert!(taken.request_id.is_some() && !taken.message.is_empty());
        assert_eq!(code(cloud.auth().register("x", "correct horse", None).await), ErrorCode::InvalidEmail);
        assert_eq!(code(cloud.auth().register("b@example.com", "short", None).await), ErrorCode::WeakPassword);
        assert_eq!(code(cloud.saves().save("history", text("x"), SaveOptions::default()).await), ErrorCode::InvalidSlot);
        assert_eq!(code(cloud.saves().load("nothing").await), ErrorCode::SaveNotFound);
        cloud.shutdown(GRACE);
    }

    async fn a_session_is_restored_at_the_next_start(app) {
        let folder = app.folder("deck");
        let cloud = app.sdk(&folder);
        let user = register(&cloud, "ann").await;
        save(&cloud, "s", "before").await;
        cloud.shutdown(GRACE);
        drop(cloud);
        let cloud = app.sdk(&folder);
        assert_eq!(cloud.auth().current_user(), Some(user));
        assert_eq!(load(&cloud, "s").await, text("before"));
        let stored = save(&cloud, "s", "after").await;
        assert_eq!(stored.version.unwrap().sequence, Some(2));
        cloud.shutdown(GRACE);
    }

    async fn refreshed_tokens_are_kept_over_starts(app) {
        let folder = app.folder("deck");
        let cloud = app.sdk(&folder);
        register(&cloud, "ann").await;
        for round in 0..3 {
            expire_access_tokens(app).await;
            save(&cloud, "s", &format!("refreshed {round}")).await;
        }
        kill(cloud);
        expire_access_tokens(app).await;
        let cloud = app.sdk(&folder);
        assert!(cloud.auth().is_logged_in(), "the session is gone");
        assert!(!save(&cloud, "s", "after the start").await.queued);
        assert!(cloud.auth().is_logged_in(), "an old refresh token was used");
        cloud.shutdown(GRACE);
    }

    async fn a_lost_answer_to_a_refresh_does_not_end_the_session(app) {
        let proxy = Proxy::start(app.url()).await;
        let folder = app.folder("deck");
        let cloud = app.sdk_with(&folder, |config| config.server_url = proxy.url());
        register(&cloud, "ann").await;
        expire_access_tokens(app).await;
        proxy.set(Weather::AnswersLost);
        // Refreshes and saves arrive; their answers do not.
        let queued = save(&cloud, "s", "in the dark").await;
        assert!(queued.queued);
        assert!(proxy.answers_lost() > 0);
        proxy.set(Weather::Fair);
        flush(&cloud).await;
        assert!(cloud.auth().is_logged_in());
        assert_eq!(labels(&witness(app, "ann").await, "s").await, ["in the dark"]);
        cloud.shutdown(GRACE);
    }

    async fn saves_made_offline_arrive_once_and_in_order(app) {
        let cloud = app.sdk(&app.folder("deck"));
        register(&cloud, "ann").await;
        save(&cloud, "s", "online").await;
        app.stop().await;
        for number in 0..4 {
            assert!(save(&cloud, "s", &format!("offline {number}")).await.queued);
        }
        assert!(save(&cloud, "new", "offline").await.queued);
        assert_eq!(cloud.saves().status("s"), SlotStatus::Queued);
        assert!(cloud.saves().pending() >= 2);
        // What is not sent yet is what the game sees.
        assert_eq!(load(&cloud, "s").await, text("offline 3"));
        assert_eq!(code(cloud.saves().flush(Duration::from_millis(300)).await).status(), 0);
        app.start_again().await;
        flush(&cloud).await;
        assert_eq!((cloud.saves().pending(), cloud.saves().status("s")), (0, SlotStatus::Synced));
        let ann = witness(app, "ann").await;
        let arrived = labels(&ann, "s").await;
        assert_eq!((arrived.first().unwrap().as_str(), arrived.last().unwrap().as_str()), ("online", "offline 3"));
        assert!(arrived.is_sorted_by(|a, b| a == "online" || a < b), "twice or out of order: {arrived:?}");
        assert_eq!(labels(&ann, "new").await, ["offline"]);
        assert!(ann.history("s").await.iter().all(|version| version.sequence.is_some()), "a conflict with itself");
        cloud.shutdown(GRACE);
    }

    async fn queued_saves_outlive_a_killed_game(app) {
        let folder = app.folder("deck");
        let cloud = app.sdk(&folder);
        let user = register(&cloud, "ann").await;
        save(&cloud, "s", "online").await;
        app.stop().await;
        assert!(save(&cloud, "s", "queued").await.queued);
        kill(cloud);
        // The game starts while the network is still away.
        let cloud = app.sdk(&folder);
        assert_eq!(cloud.auth().current_user(), Some(user));
        assert_eq!(cloud.saves().pending(), 1);
        let loaded = cloud.saves().load("s").await.unwrap();
        assert!(loaded.from_cache);
        assert_eq!(loaded.content, text("queued"));
        kill(cloud);
        app.start_again().await;
        // Nobody asks: the queue is sent by itself.
        let cloud = app.sdk(&folder);
        until("the queued save to be sent", async || (cloud.saves().pending() == 0).then_some(())).await;
        assert_eq!(labels(&witness(app, "ann").await, "s").await, ["online", "queued"]);
        cloud.shutdown(GRACE);
    }

    async fn a_save_whose_answer_was_lost_is_stored_once(app) {
        let proxy = Proxy::start(app.url()).await;
        let folder = app.folder("deck");
        let via_proxy = |config: &mut aethex_sdk_core::Config| config.server_url = proxy.url();
        let cloud = app.sdk_with(&folder, via_proxy);
        register(&cloud, "ann").await;
        save(&cloud, "s", "one").await;
        proxy.set(Weather::AnswersLost);
        assert!(save(&cloud, "s", "two").await.queued);
        assert!(proxy.answers_lost() > 0);
        kill(cloud);
        let cloud = app.sdk_with(&folder, via_proxy);
        assert!(save(&cloud, "s", "three").await.queued);
        proxy.set(Weather::Fair);
        flush(&cloud).await;
        assert_eq!(labels(&witness(app, "ann").await, "s").await, ["one", "two", "three"]);
        cloud.shutdown(GRACE);
    }

    async fn offline_the_last_copy_is_loaded(app) {
        let folder = app.folder("deck");
        let cloud = app.sdk(&folder);
        register(&cloud, "ann").await;
        save(&cloud, "s", "seen").await;
        witness(app, "ann").await.put_save("unseen", "x").await;
        app.stop().await;
        let loaded = cloud.saves().load("s").await.unwrap();
        assert_eq!((loaded.content, loaded.from_cache), (text("seen"), true));
        assert_eq!(code(cloud.saves().load("unseen").await), ErrorCode::Offline);
        assert_eq!(code(cloud.auth().profile().await), ErrorCode::Offline);
        app.start_again().await;
        assert!(!cloud.saves().load("s").await.unwrap().from_cache);
        cloud.shutdown(GRACE);
    }

    async fn two_devices_in_conflict_lose_nothing(app) {
        let (deck, desk) = (app.sdk(&app.folder("deck")), app.sdk(&app.folder("desk")));
        register(&deck, "ann").await;
        log_in(&desk, "ann").await;
        save(&deck, "s", "base").await;
        assert_eq!(load(&desk, "s").await, text("base"));
        save(&deck, "s", "deck").await;
        let error = desk.saves().save("s", text("desk"), SaveOptions::default()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::SavesConflict);
        let conflict = *error.conflict.unwrap();
        assert_eq!(conflict.head.label, "deck");
        assert_eq!(conflict.ancestor.unwrap().label, "base");
        assert_eq!(desk.saves().status("s"), SlotStatus::Conflict);
        let local = event(&desk, "the conflict's event", |event| match event {
            Event::SaveConflict(info) => Some(info.local),
            _ => None,
        })
        .await;
        assert_eq!(local, text("desk"));
        desk.saves().resolve("s", Resolution::Merged(text("both"))).await.unwrap();
        assert_eq!(desk.saves().status("s"), SlotStatus::Synced);
        assert_eq!(load(&deck, "s").await, text("both"));
        let ann = witness(app, "ann").await;
        let merged = ann.head("s").await;
        assert_eq!(merged.parents, [conflict.head.version, conflict.kept.version]);
        assert_eq!(ann.history("s").await.len(), 4);
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn a_conflict_found_offline_is_settled_either_way(app) {
        for (resolution, wanted) in [(Resolution::KeepLocal, "desk"), (Resolution::KeepCloud, "deck")] {
            let name = format!("ann-{wanted}");
            // One device sends by itself, the other only when it is told to: the order is the test's.
            let deck = app.sdk(&app.folder("deck"));
            let desk = app.sdk_with(&app.folder("desk"), |config| config.auto_sync = false);
            register(&deck, &name).await;
            log_in(&desk, &name).await;
            save(&deck, "s", "base").await;
            load(&desk, "s").await;
            app.stop().await;
            assert!(save(&deck, "s", "deck").await.queued);
            assert!(save(&desk, "s", "desk").await.queued);
            app.start_again().await;
            flush(&deck).await;
            assert_eq!(code(desk.saves().flush(PATIENCE).await), ErrorCode::SavesConflict);
            desk.saves().resolve("s", resolution).await.unwrap();
            assert_eq!(load(&desk, "s").await, text(wanted));
            assert_eq!(load(&deck, "s").await, text(wanted));
            let all = labels(&witness(app, &name).await, "s").await;
            assert!(all.contains(&"deck".to_owned()) && all.contains(&"desk".to_owned()), "{all:?}");
            deck.shutdown(GRACE);
            desk.shutdown(GRACE);
        }
    }

    async fn a_fresh_install_does_not_overwrite_the_cloud(app) {
        let deck = app.sdk(&app.folder("deck"));
        register(&deck, "ann").await;
        save(&deck, "s", "100 hours").await;
        let fresh = app.sdk(&app.folder("fresh"));
        log_in(&fresh, "ann").await;
        let refused = fresh.saves().save("s", text("new game"), SaveOptions::default()).await;
        assert_eq!(code(refused), ErrorCode::SavesConflict);
        assert_eq!(load(&deck, "s").await, text("100 hours"));
        fresh.saves().resolve("s", Resolution::KeepCloud).await.unwrap();
        assert_eq!(load(&fresh, "s").await, text("100 hours"));
        deck.shutdown(GRACE);
        fresh.shutdown(GRACE);
    }

    async fn a_device_that_was_offline_does_not_bring_a_deleted_slot_back(app) {
        let (deck, desk) = (app.sdk(&app.folder("deck")), app.sdk(&app.folder("desk")));
        register(&deck, "ann").await;
        log_in(&desk, "ann").await;
        save(&deck, "s", "base").await;
        load(&desk, "s").await;
        deck.saves().delete("s").await.unwrap();
        let error = desk.saves().save("s", text("late"), SaveOptions::default()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::SavesConflict);
        assert!(error.conflict.unwrap().head.deleted);
        assert_eq!(code(deck.saves().load("s").await), ErrorCode::SaveNotFound);
        desk.saves().resolve("s", Resolution::KeepLocal).await.unwrap();
        assert_eq!(load(&deck, "s").await, text("late"));
        deck.shutdown(GRACE);
        desk.shutdown(GRACE);
    }

    async fn players_of_one_device_stay_apart(app) {
        let folder = app.folder("family");
        let cloud = app.sdk(&folder);
        register(&cloud, "ann").await;
        save(&cloud, "s", "ann's").await;
        app.stop().await;
        assert!(save(&cloud, "s", "ann's offline").await.queued);
        cloud.auth().logout().await.unwrap();
        assert!(!cloud.auth().is_logged_in());
        assert_eq!(code(cloud.saves().load("s").await), ErrorCode::NotLoggedIn);
        app.start_again().await;
        register(&cloud, "bob").await;
        assert_eq!(code(cloud.saves().load("s").await), ErrorCode::SaveNotFound);
        assert_eq!(cloud.saves().pending(), 0);
        save(&cloud, "s", "bob's").await;
        flush(&cloud).await;
        let (ann, bob) = (witness(app, "ann").await, witness(app, "bob").await);
        assert_eq!(labels(&bob, "s").await, ["bob's"]);
        assert_eq!(labels(&ann, "s").await, ["ann's"]);
        log_in(&cloud, "ann").await;
        flush(&cloud).await;
        assert_eq!(labels(&ann, "s").await, ["ann's", "ann's offline"]);
        assert_eq!(labels(&bob, "s").await, ["bob's"]);
        cloud.shutdown(GRACE);
    }

    async fn a_session_ended_elsewhere_is_told_and_keeps_what_is_queued(app) {
        let cloud = app.sdk(&app.folder("deck"));
        register(&cloud, "ann").await;
        save(&cloud, "s", "one").await;
        let elsewhere = witness(app, "ann").await;
        let call = elsewhere.call(Method::POST, "/api/v1/auth/logout");
        call.json(&serde_json::json!({ "everywhere": true })).send().await.expect(204);
        // The save is durable here whatever the server says of the session.
        let outcome = cloud.saves().save("s", text("two"), SaveOptions { label: "two".into(), ..SaveOptions::default() }).await;
        assert!(outcome.as_ref().map_or_else(|error| error.code == ErrorCode::SessionEnded, |saved| saved.queued), "{outcome:?}");
        event(&cloud, "the end of the session", |event| matches!(event, Event::SessionExpired).then_some(())).await;
        log_in(&cloud, "ann").await;
        flush(&cloud).await;
        assert_eq!(labels(&witness(app, "ann").await, "s").await, ["one", "two"]);
        cloud.shutdown(GRACE);
    }

    async fn many_saves_at_once_all_arrive(app) {
        let cloud = app.sdk(&app.folder("deck"));
        register(&cloud, "ann").await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..40 {
            let cloud = cloud.clone();
            running.spawn(async move { save(&cloud, &format!("slot {number}"), &format!("words {number}")).await });
        }
        running.join_all().await;
        flush(&cloud).await;
        let ann = witness(app, "ann").await;
        for number in 0..40 {
            assert_eq!(labels(&ann, &format!("slot {number}")).await, [format!("words {number}")]);
        }
        cloud.shutdown(GRACE);
    }

    async fn no_secret_lies_in_plain_text_on_the_device(app) {
        let folder = app.folder("deck");
        let cloud = app.sdk(&folder);
        register(&cloud, "ann").await;
        save(&cloud, "s", "x").await;
        cloud.shutdown(GRACE);
        for (path, content) in contents(&folder) {
            let text = String::from_utf8_lossy(&content).into_owned();
            assert!(!text.contains("rt1.") && !text.contains("eyJ"), "{path} holds a token");
            assert!(!text.contains(&password_of("ann")), "{path} holds the password");
        }
    }
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => found.extend(contents(&path)),
            path => found.push((path.display().to_string(), std::fs::read(&path).unwrap())),
        }
    }
    found
}

/// The game's own way: submit, tick once a frame, take events; every callback runs once, on this thread.
#[test]
fn the_pump_delivers_on_the_games_thread() {
    aethex_tests::app::run(
        aethex_tests::Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let cloud = app.sdk(&app.folder("deck"));
            let me = std::thread::current().id();
            let (sender, done) = std::sync::mpsc::channel();
            let auth = cloud.auth();
            let op = async move { auth.register("ann@example.com", "correct horse", None).await };
            cloud.submit(op, move |result| {
                assert_eq!(std::thread::current().id(), me);
                sender.send(result.map(|user| user.email)).unwrap();
            });
            let email = until("the completion", async || {
                cloud.tick();
                done.try_recv().ok()
            })
            .await;
            assert_eq!(email.unwrap(), "ann@example.com");
            assert!(done.try_recv().is_err(), "a callback ran twice");
            let (sender, ended) = std::sync::mpsc::channel();
            let never = cloud.submit(std::future::pending::<Result<(), Error>>(), move |result| {
                sender.send(result).unwrap()
            });
            assert!(cloud.cancel(never));
            let result = until("the cancelled completion", async || {
                cloud.tick();
                ended.try_recv().ok()
            })
            .await;
            assert_eq!(code(result), ErrorCode::Cancelled);
            cloud.shutdown(GRACE);
            assert_eq!(code(cloud.auth().profile().await), ErrorCode::ShutDown);
        },
    );
}
