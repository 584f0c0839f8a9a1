//! Deleted slots, and how much a player may keep.

use aethex_tests::on_both_engines;
use aethex_tests::player::{bytes_request, files, noise};
use aethex_wire::ErrorCode;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::{Conflict, SaveVersion};
use serde_json::json;

fn conflict_of(reply: &aethex_tests::Reply) -> Conflict {
    *reply.refused(ErrorCode::SavesConflict).conflict.expect("a conflict names both sides")
}

on_both_engines! {
    async fn a_delete_is_final_and_is_not_undone_by_a_late_device(app) {
        let ann = app.as_player("ann").await;
        let old = ann.put_bytes("s", &noise(1, 100_000)).await;
        ann.put_save("s", "newer").await;
        ann.put_save("other", "stays").await;
        assert_eq!(files(&app.data().join("blobs")), 1);
        ann.delete_save("s").await.expect(204);
        ann.delete_save("s").await.refused(ErrorCode::SaveNotFound);
        ann.get(&ann.slot_path("s")).send().await.refused(ErrorCode::SaveNotFound);
        let by_version = format!("{}?version={}", ann.slot_path("s"), old.version);
        ann.get(&by_version).send().await.refused(ErrorCode::VersionNotFound);
        assert_eq!(files(&app.data().join("blobs")), 0, "a deleted content is still on the disk");
        let slots: Vec<String> = ann.list().await.items.into_iter().map(|version| version.slot).collect();
        assert_eq!(slots, ["other"]);
        assert!(ann.history("s").await.iter().all(|version| version.deleted), "a deleted version is still told of");
        // A device that was offline is told, and its save is kept beside the mark.
        let late = conflict_of(&ann.put_on("s", "late", &[&old.version]).await);
        assert!(late.head.deleted, "{:?}", late.head);
        assert_eq!(late.ancestor, None);
        ann.get(&ann.slot_path("s")).send().await.refused(ErrorCode::SaveNotFound);
        // It may bring the slot back on purpose: on top of the mark, or as a new slot.
        let back: SaveVersion = ann.put_on("s", "again", &[&late.head.version]).await.expect(201).json();
        assert!(back.sequence > late.head.sequence);
        assert_eq!(ann.get_save("s").await["data"], "again");
        ann.delete_save("s").await.expect(204);
        ann.put_on("s", "new", &[]).await.expect(201);
        assert_eq!(ann.get_save("s").await["data"], "new");
        assert_eq!(ann.get_save("other").await["data"], "stays");
    }

    async fn a_merge_may_name_a_version_that_was_deleted(app) {
        let ann = app.as_player("ann").await;
        let deleted = ann.put_save("s", "a").await;
        ann.delete_save("s").await.expect(204);
        let head = ann.put_save("s", "b").await;
        let merged: SaveVersion =
            ann.put_on("s", "both", &[&head.version, &deleted.version]).await.expect(201).json();
        assert_eq!(merged.parents, [head.version, deleted.version.clone()]);
        assert_eq!(ann.get_save("s").await["data"], "both");
        // Known is what was in this slot, deleted or not; nothing else is.
        let other = ann.put_save("other", "x").await;
        ann.put_on("s", "x", &[&merged.version, &other.version]).await.refused(ErrorCode::UnknownParent);
    }

    async fn a_second_delete_takes_what_was_kept_beside_the_mark(app) {
        let ann = app.as_player("ann").await;
        let old = ann.put_save("s", "a").await;
        ann.delete_save("s").await.expect(204);
        let mark = conflict_of(&ann.put_on("s", "late", &[&old.version]).await);
        let mut large = bytes_request("s");
        large.parents = Some(vec![old.version.clone()]);
        let late = conflict_of(&ann.put_frame(&large, &noise(1, 100_000), "").send().await);
        assert_eq!(files(&app.data().join("blobs")), 1);
        let at = |version: &VersionId| format!("{}?version={version}", ann.slot_path("s"));
        for kept in [&mark.kept, &late.kept] {
            ann.get(&at(&kept.version)).send().await.expect(200);
        }
        ann.delete_save("s").await.expect(204);
        for kept in [&mark.kept, &late.kept] {
            ann.get(&at(&kept.version)).send().await.refused(ErrorCode::VersionNotFound);
        }
        assert_eq!(files(&app.data().join("blobs")), 0, "a deleted content is still on the disk");
        assert_eq!(ann.history("s").await, [mark.head], "only the mark is left");
        ann.delete_save("s").await.refused(ErrorCode::SaveNotFound);
    }

    async fn a_player_has_a_quota(app, |config| (config.saves.quota_bytes, config.saves.versions_max) = (10_000, 5)) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        ann.put_bytes("a", &noise(1, 6000)).await;
        let over = ann.put_frame(&bytes_request("b"), &noise(2, 6000), "").send().await;
        over.refused(ErrorCode::QuotaExceeded);
        for _ in 0..4 {
            ann.put_bytes("a", b"small").await;
        }
        ann.put_frame(&bytes_request("a"), b"one too many", "").send().await.refused(ErrorCode::QuotaExceeded);
        bob.put_bytes("a", &noise(1, 6000)).await;
        // A delete makes room.
        ann.delete_save("a").await.expect(204);
        ann.put_bytes("a", &noise(1, 6000)).await;
    }

    async fn a_quota_counts_what_is_stored_and_nothing_else(app, |config| config.saves.versions_max = 3) {
        let ann = app.as_player("ann").await;
        let nowhere = VersionId::parse("00000000-0000-7000-8000-000000000000").unwrap();
        for _ in 0..5 {
            ann.put_on("s", "refused", &[&nowhere]).await.refused(ErrorCode::UnknownParent);
        }
        let put = |key: &'static str| {
            ann.put(json!({ "slot": "s", "data": key })).header("idempotency-key", key)
        };
        for key in ["one", "two"] {
            put(key).send().await.expect(201);
        }
        let third: SaveVersion = put("three").send().await.expect(201).json();
        // The player is at the limit: a repeated request still has its one outcome.
        for _ in 0..3 {
            assert_eq!(put("three").send().await.expect(201).json::<SaveVersion>(), third);
        }
        put("four").send().await.refused(ErrorCode::QuotaExceeded);
        ann.put(json!({ "slot": "s", "data": "other" })).header("idempotency-key", "three").send().await
            .refused(ErrorCode::IdempotencyMismatch);
        ann.delete_save("s").await.expect(204);
        for _ in 0..4 {
            ann.put_save("t", "comes").await;
            ann.delete_save("t").await.expect(204);
        }
        for number in 0..3 {
            ann.put_save("u", &number.to_string()).await;
        }
        ann.put(json!({ "slot": "u", "data": "one too many" })).send().await.refused(ErrorCode::QuotaExceeded);
    }
}
