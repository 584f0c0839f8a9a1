//! What players do with a slot's past.

use super::{below, bytes_of, change, put_bytes_on};
use aethex_tests::on_both_engines;
use aethex_tests::player::{bytes_request, noise};
use aethex_wire::ErrorCode;
use aethex_wire::saves::history::{ChangeKind, Devices, Diff, Quota};
use aethex_wire::saves::{Encoding, SaveVersion};
use http::Method;
use serde_json::json;

on_both_engines! {
    async fn two_versions_are_compared_value_by_value(app) {
        let ann = app.as_player("ann").await;
        let put = async |data: serde_json::Value| -> SaveVersion {
            ann.put(json!({ "slot": "s", "data": data })).send().await.expect(201).json()
        };
        let first = put(json!({ "gold": 1, "bag": ["a", "b"], "map": { "x": 1, "y": 2 } })).await;
        let second = put(json!({ "map": { "y": 2, "x": 5 }, "gold": 1, "bag": ["a", "c", "b"] })).await;
        let diff: Diff = ann
            .get(&below(&ann, "s", &format!("diff?from={}", first.version)))
            .send().await.expect(200).json();
        let told: Vec<_> = diff.changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
        // JSON objects are read in the order of their keys.
        assert_eq!(told, [("bag[1]", ChangeKind::Added), ("map.x", ChangeKind::Changed)]);
        assert_eq!((diff.from, diff.to, diff.truncated), (first.clone(), second.clone(), false));
        let back: Diff = ann
            .get(&below(&ann, "s", &format!("diff?from={}&to={}", second.version, first.version)))
            .send().await.expect(200).json();
        assert_eq!(back.changes.len(), 2);
        // Large values, off the request threads; bytes as a whole; unlike encodings too.
        let many: Vec<i64> = (0..20_000).collect();
        let third = put(json!(many)).await;
        let fourth = put(json!(many.iter().map(|n| n + 1).collect::<Vec<_>>())).await;
        let diff: Diff = ann
            .get(&below(&ann, "s", &format!("diff?from={}&to={}", third.version, fourth.version)))
            .send().await.expect(200).json();
        assert!(diff.truncated && diff.changes.len() == 1000);
        let bytes = ann.put_bytes("s", b"bytes").await;
        let diff: Diff = ann
            .get(&below(&ann, "s", &format!("diff?from={}&to={}", third.version, bytes.version)))
            .send().await.expect(200).json();
        assert_eq!((diff.changes.len(), diff.changes[0].to_bytes), (1, 5));
        let nobody = "00000000-0000-7000-8000-000000000000";
        for (slot, query) in [("s", format!("from={nobody}")), ("t", format!("from={}", first.version))] {
            let reply = ann.get(&below(&ann, slot, &format!("diff?{query}"))).send().await;
            reply.refused(ErrorCode::VersionNotFound);
        }
        ann.get(&below(&ann, "s", "diff")).send().await.refused(ErrorCode::InvalidRequest);
    }

    async fn an_encrypted_save_is_compared_by_devices_only(app) {
        let ann = app.as_player("ann").await;
        let mut request = bytes_request("s");
        request.encoding = Some(Encoding::Sealed);
        let first: SaveVersion = ann.put_frame(&request, &noise(1, 500), "").send().await.expect(201).json();
        ann.put_frame(&request, &noise(2, 500), "").send().await.expect(201);
        ann.get(&below(&ann, "s", &format!("diff?from={}", first.version))).send().await.refused(ErrorCode::SealedSave);
        // What is whole can be restored and branched unread.
        let body = json!({ "version": first.version });
        let restored: SaveVersion =
            ann.call(Method::POST, &below(&ann, "s", "restore")).json(&body).send().await.expect(201).json();
        assert_eq!((restored.encoding, &restored.hash), (Encoding::Sealed, &first.hash));
        let body = json!({ "to": "t", "version": first.version });
        ann.call(Method::POST, &below(&ann, "s", "branch")).json(&body).send().await.expect(201);
    }

    async fn versions_are_pinned_and_named(app) {
        let ann = app.as_player("ann").await;
        let old = ann.put_save("s", "old").await;
        ann.put_save("s", "new").await;
        let pinned: SaveVersion = change(&ann, &old, json!({ "pinned": true })).await.expect(200).json();
        assert_eq!(pinned, SaveVersion { pinned: true, ..old.clone() });
        let named: SaveVersion = change(&ann, &old, json!({ "label": "before the boss" })).await.expect(200).json();
        assert!(named.pinned && named.label == "before the boss");
        assert_eq!(ann.history("s").await[1], named);
        let plain: SaveVersion =
            change(&ann, &old, json!({ "pinned": false, "label": "" })).await.expect(200).json();
        assert_eq!(plain, old);
        change(&ann, &old, json!({})).await.expect(200);
        change(&ann, &old, json!({ "label": "x".repeat(129) })).await.refused(ErrorCode::InvalidRequest);
        change(&ann, &old, json!({ "pin": true })).await.refused(ErrorCode::InvalidRequest);
        let path = below(&ann, "s", "versions/x");
        ann.call(Method::PUT, &path).json(&json!({})).send().await.refused(ErrorCode::VersionNotFound);
        let elsewhere = SaveVersion { slot: "t".into(), ..old.clone() };
        change(&ann, &elsewhere, json!({ "pinned": true })).await.refused(ErrorCode::VersionNotFound);
        ann.delete_save("s").await.expect(204);
        change(&ann, &old, json!({ "pinned": true })).await.refused(ErrorCode::VersionNotFound);
    }

    async fn an_old_version_becomes_the_head_again(app) {
        let ann = app.as_player("ann").await;
        let old_bytes = noise(1, 100_000);
        let old = ann.put_bytes("s", &old_bytes).await;
        let head = ann.put_bytes("s", &noise(2, 100_000)).await;
        let restore = |body: serde_json::Value| ann.call(Method::POST, &below(&ann, "s", "restore")).json(&body);
        let once = |key: &'static str| restore(json!({ "version": old.version })).header("idempotency-key", key);
        let restored: SaveVersion = once("r1").send().await.expect(201).json();
        assert_eq!((&restored.hash, restored.sequence), (&old.hash, Some(3)));
        assert_eq!(restored.parents, std::slice::from_ref(&head.version));
        assert_eq!(ann.get_frame("s", None).await.0.version, restored);
        assert_eq!(bytes_of(&ann, &restored).await, old_bytes);
        // Nothing was removed, and again is the same.
        assert_eq!(ann.history("s").await.len(), 3);
        assert_eq!(once("r1").send().await.expect(201).json::<SaveVersion>(), restored);
        let other = restore(json!({ "version": head.version })).header("idempotency-key", "r1");
        other.send().await.refused(ErrorCode::IdempotencyMismatch);
        assert_eq!(ann.history("s").await.len(), 3);
        // Who knows another head is told, and nothing is stored.
        let reply = restore(json!({ "version": old.version, "head": head.version })).send().await;
        let conflict = reply.refused(ErrorCode::SavesConflict).conflict.unwrap();
        assert_eq!((conflict.head, conflict.kept), (restored.clone(), old.clone()));
        assert_eq!(ann.history("s").await.len(), 3);
        restore(json!({ "version": head.version, "head": restored.version })).send().await.expect(201);
        // A side of a conflict can be restored like any other.
        let side = put_bytes_on(&ann, "s", Some(&old), b"side").await;
        assert_eq!(side.sequence, None);
        let from_side: SaveVersion =
            restore(json!({ "version": side.version })).send().await.expect(201).json();
        assert_eq!(from_side.hash, side.hash);
        ann.delete_save("s").await.expect(204);
        restore(json!({ "version": old.version })).send().await.refused(ErrorCode::VersionNotFound);
    }

    async fn restores_at_once_are_one_after_the_other(app) {
        let ann = app.as_player("ann").await;
        let old = ann.put_bytes("s", &noise(1, 40_000)).await;
        ann.put_bytes("s", &noise(2, 40_000)).await;
        let path = below(&ann, "s", "restore");
        let body = json!({ "version": old.version });
        let restore = || ann.call(Method::POST, &path).json(&body).header("idempotency-key", "same").send();
        let (a, b, c) = tokio::join!(restore(), restore(), restore());
        let [a, b, c]: [SaveVersion; 3] = [a, b, c].map(|reply| reply.expect(201).json());
        assert!(a == b && b == c);
        assert_eq!(ann.history("s").await.len(), 3);
        let restore = || ann.call(Method::POST, &path).json(&body).send();
        let (a, b) = tokio::join!(restore(), restore());
        a.expect(201);
        b.expect(201);
        let line: Vec<_> = ann.history("s").await.iter().map(|version| version.sequence).collect();
        assert_eq!(line, [Some(5), Some(4), Some(3), Some(2), Some(1)]);
    }

    async fn a_version_begins_a_new_slot(app) {
        let ann = app.as_player("ann").await;
        let part = json!([{ "name": "thumbnail", "data_base64": "aGVsbG8=" }]);
        let call = ann.put(json!({ "slot": "s", "data": "old", "label": "one", "parts": part }));
        let old: SaveVersion = call.send().await.expect(201).json();
        ann.put_save("s", "new").await;
        let branch = |body: serde_json::Value| ann.call(Method::POST, &below(&ann, "s", "branch")).json(&body);
        let branched: SaveVersion =
            branch(json!({ "to": "t", "version": old.version })).send().await.expect(201).json();
        assert_eq!((branched.slot.as_str(), branched.sequence, branched.parents.len()), ("t", Some(1), 0));
        assert_eq!((&branched.hash, &branched.label, &branched.parts), (&old.hash, &old.label, &old.parts));
        assert_eq!(ann.get_save("t").await["data"], "old");
        ann.get(&below(&ann, "t", "parts/thumbnail")).send().await.expect(200);
        branch(json!({ "to": "t" })).send().await.refused(ErrorCode::SlotTaken);
        branch(json!({ "to": "s" })).send().await.refused(ErrorCode::SlotTaken);
        branch(json!({ "to": ".." })).send().await.refused(ErrorCode::InvalidSlot);
        assert_eq!(ann.history("t").await.len(), 1);
        let call = || branch(json!({ "to": "u" })).header("idempotency-key", "b");
        let head: SaveVersion = call().send().await.expect(201).json();
        assert_eq!(call().send().await.expect(201).json::<SaveVersion>(), head);
        assert_eq!(ann.get_save("u").await["data"], "new");
        // A deleted slot's name is free.
        ann.delete_save("t").await.expect(204);
        branch(json!({ "to": "t" })).send().await.expect(201);
        assert_eq!(ann.get_save("t").await["data"], "new");
    }

    async fn a_player_is_told_of_the_quota(app, |config| config.saves.versions_max = 3) {
        let ann = app.as_player("ann").await;
        let path = format!("/api/v1/saves-quota/{}", ann.id());
        let quota: Quota = ann.get(&path).send().await.expect(200).json();
        assert_eq!((quota.used_bytes, quota.versions, quota.versions_max), (0, 0, 3));
        for number in 0..3 {
            ann.put_bytes("s", &noise(number, 1000)).await;
        }
        let quota: Quota = ann.get(&path).send().await.expect(200).json();
        assert!(quota.used_bytes >= 3000 && quota.versions == 3 && quota.max_bytes == 1 << 30);
        let full = ann.put(json!({ "slot": "s", "data": 1 })).send().await.refused(ErrorCode::QuotaExceeded);
        assert!(full.detail.contains("`free`") && full.detail.contains("delete a slot"), "{}", full.detail);
        let body = json!({ "to": "t" });
        let branch = ann.call(Method::POST, &below(&ann, "s", "branch")).json(&body);
        branch.send().await.refused(ErrorCode::QuotaExceeded);
    }

    async fn devices_tell_what_is_played_on_them(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        let path = |id: &str| format!("/api/v1/saves-devices/{}/{id}", ann.id());
        let put = |id: &str, body: serde_json::Value| ann.call(Method::PUT, &path(id)).json(&body);
        let told: Devices = put("pc", json!({ "device_name": "PC", "slot": "s", "unsent": true }))
            .send().await.expect(200).json();
        assert_eq!(told.devices.len(), 1);
        assert!(told.devices[0].active && told.devices[0].unsent && told.devices[0].slot == "s");
        let told: Devices = put("deck", json!({})).send().await.expect(200).json();
        let ids: Vec<&str> = told.devices.iter().map(|device| device.device_id.as_str()).collect();
        assert!(ids.contains(&"pc") && ids.contains(&"deck"));
        let list = format!("/api/v1/saves-devices/{}", ann.id());
        let told: Devices = ann.get(&list).send().await.expect(200).json();
        assert!(!told.devices.iter().find(|device| device.device_id == "deck").unwrap().active);
        put(&"x".repeat(37), json!({})).send().await.refused(ErrorCode::InvalidRequest);
        put("pc", json!({ "slot": ".." })).send().await.refused(ErrorCode::InvalidSlot);
        put("pc", json!({ "device_name": "x\ny" })).send().await.refused(ErrorCode::InvalidRequest);
        bob.call(Method::PUT, &path("pc")).json(&json!({})).send().await.refused(ErrorCode::NotFound);
        bob.get(&list).send().await.refused(ErrorCode::NotFound);
        // As many as a clock counts, the latest.
        for number in 0..70 {
            put(&format!("d{number}"), json!({})).send().await.expect(200);
        }
        let told: Devices = ann.get(&list).send().await.expect(200).json();
        assert_eq!(told.devices.len(), 64);
        assert!(told.devices.iter().any(|device| device.device_id == "d69"));
        app.sweep_saves(aethex_backend::app::now_ms() + 91 * 24 * 3600 * 1000).await;
        let told: Devices = ann.get(&list).send().await.expect(200).json();
        assert_eq!(told.devices, []);
    }
}
