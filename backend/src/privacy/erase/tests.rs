use super::*;
use crate::Server;
use crate::config::Config;
use crate::context::new_id;
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use bytes::Bytes;

/// A player with rows in several tables, and blobs.
async fn furnish(app: &App, who: &Subject) {
    crate::auth::holding::furnish(app, who).await;
    let asked = crate::privacy::export::start(app, who).await.unwrap();
    let folder = format!("{}/{}", who.game, who.player);
    for key in [format!("{folder}/{}", new_id()), format!("avatar/{folder}/a"), format!("export/{folder}/b")]
    {
        app.blob.put(&key, Bytes::from_static(b"x")).await.unwrap();
    }
    let _ = app.blob.begin(&format!("export/{folder}/{}", asked.id)).await.unwrap();
    let (subject, app_game) = (who.clone(), who.game.clone());
    let sql = app.sql.game(&app_game);
    let queued = sql.transaction(move |tx| {
        async move {
            let job = NewJob {
                kind: "nobody.runs.this",
                player: Some(&subject.player),
                payload: json!({}),
                run_at_ms: i64::MAX,
                key: None,
            };
            crate::jobs::enqueue(tx, Some(&subject.game), job).await
        }
        .boxed()
    });
    queued.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_cut_off_at_any_step_is_finished_by_the_next_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(&folder.path().join("data"));
    config.http.request_timeout_ms = 1;
    // No worker runs: this test is the worker.
    let app = Server::app_for_tests(config).await;
    let game = app.auth.default_game().clone();
    let mut totals = Vec::new();
    for cut_after in 0.. {
        let who = Subject { game: game.clone(), player: PlayerId::parse(&new_id()).unwrap() };
        furnish(&app, &who).await;
        let receipt = start(&app, &who, 0).await.unwrap();
        let mut steps = 0;
        let mut cut = false;
        // The account is closed, then the erasure waits; here it is told that the wait is over.
        step(&app, &game, &receipt.id, &mut |_| Ok(())).await.unwrap();
        db::settle_for_tests(&app.sql, &who).await;
        let mut cutter = |_: &str| {
            steps += 1;
            cut = steps > cut_after;
            if cut { Err(Failure::overloaded()) } else { Ok(()) }
        };
        let first = step(&app, &game, &receipt.id, &mut cutter).await;
        assert_eq!(first.is_err(), cut, "{first:?}");
        assert!(!cut || first.unwrap_err().code() == ErrorCode::Overloaded);
        step(&app, &game, &receipt.id, &mut |_| Ok(())).await.unwrap();
        let done = super::receipt(&app, &game, &receipt.id).await.unwrap();
        assert!(done.erased_at_ms.is_some(), "{done:?}");
        for prefix in ["", "avatar/", "export/"] {
            let left = app.blob.delete_all(&format!("{prefix}{game}/{}", who.player)).await.unwrap();
            assert_eq!(left, 0, "cut after {cut_after}: {prefix}");
        }
        assert!(!crate::auth::holding::exists(&app, &who).await.unwrap());
        assert_eq!(erasure_at(&app, &who).await.unwrap(), None);
        let mut erased = done.erased;
        // Blobs that went just before the cut are gone without having been counted.
        let rows_of_jobs = erased.remove("jobs").unwrap();
        assert!(rows_of_jobs >= 2, "the export's job and another: {rows_of_jobs}");
        totals.push(erased["auth"]);
        if !cut {
            assert!(cut_after > 6, "there are more steps than {cut_after}");
            break;
        }
    }
    let rows = totals.iter().copied().min().unwrap();
    assert!(rows >= 2 && totals.iter().all(|total| (rows..=rows + 1).contains(total)), "{totals:?}");
}
