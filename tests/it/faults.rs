//! What the server stands on breaks under it: the blob folder, the database, the client's connection.

use aethex_tests::player::{bytes_request, files, noise};
use aethex_tests::postgres::Private;
use aethex_tests::raw::{Raw, Said};
use aethex_tests::{App, Engine, Player, Reply, app, on_both_engines, until};
use aethex_wire::ErrorCode;
use aethex_wire::saves::{FRAME_MEDIA_TYPE, SaveVersion};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is too large for a row.
const LARGE: usize = 200_000;

/// The server's own fault, which says nothing of it.
fn failed(said: &Said) {
    let Said::Answer(500, text) = said else { panic!("not a fault: {said:?}") };
    assert!(text.contains(r#""code":"internal""#) && !text.contains("blob"), "{text}");
}

on_both_engines! {
    async fn a_missing_blob_folder_is_a_fault_and_not_an_empty_slot(app) {
        let ann = app.as_player("ann").await;
        let large = ann.put_bytes("large", &noise(1, LARGE)).await;
        ann.put_save("small", "in a row").await;
        let (there, away) = (app.data().join("blobs"), app.data().join("blobs-away"));
        std::fs::rename(&there, &away).unwrap();
        // Told that the slot is empty, a player would begin anew.
        let paths = [ann.slot_path("large"), format!("{}?version={}", ann.slot_path("large"), large.version)];
        for path in paths {
            // As it is stored: what was rebuilt a moment ago would be answered from memory.
            let accept = format!("accept: {FRAME_MEDIA_TYPE}\r\n");
            failed(&Raw::say(app.url(), ann.raw_head("GET", &path, &accept)).await);
        }
        failed(&Raw::say(app.url(), ann.raw_frame(&bytes_request("large"), &noise(2, LARGE))).await);
        assert!(!there.exists(), "an unmounted disk was replaced by a folder");
        assert_eq!(ann.history("large").await.len(), 1, "a save without a content");
        assert_eq!(ann.get_save("small").await["data"], "in a row");
        app.get("/healthz").send().await.expect(200);
        app.get("/readyz").send().await.expect(503);
        std::fs::rename(&away, &there).unwrap();
        app.get("/readyz").send().await.expect(200);
        assert_eq!(ann.get_frame("large", None).await.1, noise(1, LARGE));
        ann.put_bytes("large", &noise(2, LARGE)).await;
        assert_eq!(ann.get_frame("large", None).await.1, noise(2, LARGE));
    }

    async fn a_client_that_leaves_leaves_no_blob_without_its_row(app) {
        const UPLOADS: u64 = 24;
        /// So many looks in a row find the same: nothing is on its way any more.
        const SETTLED_LOOKS: usize = 40;
        let ann = app.as_player("ann").await;
        for number in 0..UPLOADS {
            let mut raw = Raw::connect(app.url()).await;
            assert!(raw.send(ann.raw_frame(&bytes_request("s"), &noise(number, LARGE))).await);
            // Gone at different moments: while the body is read, while it is stored.
            for _ in 0..number % 4 {
                app.get("/healthz").send().await.expect(200);
            }
        }
        let last = ann.put_bytes("s", &noise(UPLOADS, LARGE)).await;
        let mut same = 0;
        let versions = until("as many blobs as versions", async || {
            let versions = ann.history("s").await;
            same = if files(&app.data().join("blobs")) == versions.len() { same + 1 } else { 0 };
            (same >= SETTLED_LOOKS).then_some(versions)
        })
        .await;
        assert!(versions.iter().any(|version| version.version == last.version));
        for version in versions {
            ann.get_frame("s", Some(&version.version)).await;
        }
    }
}

/// Served, or told to come again: never failed (the client sees to that), never lost.
fn served_or_shed(reply: &Reply) -> bool {
    if reply.status == 503 {
        reply.refused(ErrorCode::Overloaded);
        assert!(!reply.header("retry-after").is_empty(), "{reply}");
    }
    reply.status == 503
}

/// Saves and reads until it is told to stop; the saves that were acknowledged, and how often it was sent away.
async fn play(player: Player, slot: String, over: Arc<AtomicBool>) -> (Vec<SaveVersion>, usize) {
    let (mut acknowledged, mut shed) = (Vec::new(), 0);
    for number in 0.. {
        let data = format!("{slot} {number}");
        let saved = player.put(serde_json::json!({ "slot": slot, "data": data })).send().await;
        let read = player.get(&player.slot_path(&slot)).send().await;
        shed += usize::from(served_or_shed(&saved)) + usize::from(served_or_shed(&read));
        if saved.status == 201 {
            acknowledged.push(saved.json());
        }
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
    (acknowledged, shed)
}

#[test]
fn a_restart_of_postgresql_is_a_pause_and_not_a_failure() {
    const PLAYERS: usize = 4;
    let postgres = Private::start_new();
    let url = postgres.url();
    let on_it = |config: &mut app::Config| config.database.url.clone_from(&url);
    app::run(Engine::Sqlite, on_it, async |app: &App| {
        let ann = app.as_player("ann").await;
        let over = Arc::new(AtomicBool::new(false));
        let mut playing = tokio::task::JoinSet::new();
        for number in 0..PLAYERS {
            playing.spawn(play(ann.clone(), format!("slot {number}"), over.clone()));
        }
        for _ in 0..2 {
            until("a save", async || (!ann.list().await.items.is_empty()).then_some(())).await;
            tokio::task::block_in_place(|| postgres.stop());
            let away = ann.get("/api/v1/auth/profile").send().await;
            assert!(served_or_shed(&away), "{away}");
            app.get("/readyz").send().await.expect(503);
            app.get("/healthz").send().await.expect(200);
            tokio::task::block_in_place(|| postgres.start());
            // Each connection of the pool finds out for itself.
            until("the server to recover", async || {
                let ready = app.get("/readyz").send().await.status == 200;
                (ready && !served_or_shed(&ann.get(&ann.saves_path()).send().await)).then_some(())
            })
            .await;
        }
        over.store(true, Ordering::Relaxed);
        let played = playing.join_all().await;
        assert!(played.iter().any(|(_, shed)| *shed > 0), "nobody noticed");
        for number in 0..PLAYERS {
            let slot = format!("slot {number}");
            let history = ann.history(&slot).await;
            let mut acknowledged =
                played.iter().flat_map(|(versions, _)| versions).filter(|one| one.slot == slot);
            assert!(acknowledged.all(|version| history.contains(version)), "a save of {slot} is lost");
        }
    });
}
