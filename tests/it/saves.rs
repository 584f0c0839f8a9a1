//! Saves: versions, conflicts, history; nothing is ever lost.

use aethex_tests::player::{bytes_request, files, noise};
use aethex_tests::{Player, on_every_engine};
use aethex_wire::endpoint::fill_path;
use aethex_wire::ids::VersionId;
use aethex_wire::page::Page;
use aethex_wire::saves::{
    Compression, Conflict, Encoding, FRAME_MEDIA_TYPE, SAVE_LEN_MAX, SaveHistory, SaveVersion,
};
use aethex_wire::{Endpoint, ErrorCode, delta};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn conflict_of(reply: &aethex_tests::Reply) -> Conflict {
    *reply.refused(ErrorCode::SavesConflict).conflict.expect("a conflict names both sides")
}

/// What a frame's payload holds.
fn unpacked(compression: Compression, payload: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => payload.to_vec(),
        Compression::Zstd => zstd::decode_all(payload).unwrap(),
        Compression::Delta => delta::decode(b"", payload, SAVE_LEN_MAX).unwrap(),
    }
}

fn ids(versions: &[SaveVersion]) -> HashSet<&VersionId> {
    versions.iter().map(|version| &version.version).collect()
}

on_every_engine! {
    async fn a_json_save_comes_back_as_it_was(app) {
        let ann = app.as_player("ann").await;
        let data = json!({
            "level": 12, "health": 99.5, "name": "Änn 🎮", "alive": true, "pet": null, "empty": {}, "none": [],
            "big": i64::MAX, "low": i64::MIN, "bag": [{ "id": 1, "n": 3 }, { "id": 2, "n": 0 }], "": "no key",
        });
        let body = json!({
            "slot": "slot1", "data": data, "label": "before the boss", "device_name": "deck",
            "playtime_ms": 3_600_000, "saved_at_ms": 1_700_000_000_123_i64,
        });
        let reply = ann.put(body).send().await.expect(201);
        let stored: SaveVersion = reply.json();
        assert_eq!(reply.header("etag"), format!("\"{}\"", stored.version));
        assert_eq!((stored.sequence, stored.parents.len(), stored.encoding), (Some(1), 0, Encoding::Value));
        let loaded = ann.get_save("slot1").await;
        assert_eq!(loaded["data"], data);
        for (field, wanted) in [
            ("version", json!(stored.version)), ("label", json!("before the boss")), ("device_name", json!("deck")),
            ("playtime_ms", json!(3_600_000)), ("saved_at_ms", json!(1_700_000_000_123_i64)), ("hash", json!(stored.hash)),
        ] {
            assert_eq!(loaded[field], wanted, "{field}");
        }
        assert!(loaded.get("data_base64").is_none() && loaded.get("deleted").is_none(), "{loaded}");
    }

    async fn any_json_value_is_a_save(app) {
        let ann = app.as_player("ann").await;
        for data in [json!(null), json!(false), json!(0), json!(-1.5), json!(""), json!([]), json!({}), json!("\u{1F600}")] {
            ann.put(json!({ "slot": "s", "data": data })).send().await.expect(201);
            let loaded = ann.get_save("s").await;
            assert_eq!(loaded.get("data"), Some(&data), "{loaded}");
        }
    }

    async fn frames_carry_bytes_as_they_are(app) {
        let ann = app.as_player("ann").await;
        for (number, len) in [0, 1, 4096, 64 * 1024, 64 * 1024 + 1, 300_000].into_iter().enumerate() {
            let plain = noise(number as u64, len);
            let hash = blake3::hash(&plain).to_hex().to_string();
            let packed = zstd::encode_all(&plain[..], 3).unwrap();
            for (compression, payload) in [(Compression::None, &plain), (Compression::Zstd, &packed)] {
                let mut request = bytes_request("slot");
                request.hash = Some(hash.clone());
                request.compression = Some(compression);
                let stored: SaveVersion = ann.put_frame(&request, payload, "").send().await.expect(201).json();
                assert_eq!((stored.size_bytes, stored.hash.as_str()), (len as i64, hash.as_str()));
                let (frame, found) = ann.get_frame("slot", None).await;
                assert_eq!(frame.version, stored);
                // Small contents are sent as they came; of large ones the backend chooses the packing.
                if len <= 4096 {
                    assert!((frame.compression, &found[..]) == (compression, &payload[..]), "{len} bytes");
                }
                assert!(unpacked(frame.compression, &found) == plain, "{len} bytes came back altered");
                let json = ann.get_save("slot").await;
                assert_eq!(STANDARD.decode(json["data_base64"].as_str().unwrap()).unwrap(), plain);
            }
        }
    }

    async fn json_and_frames_are_two_views_of_one_save(app) {
        let ann = app.as_player("ann").await;
        let data = json!({ "hp": 3, "items": ["sword", "apple"], "at": [1.5, -2.25] });
        let json_made: SaveVersion = ann.put(json!({ "slot": "a", "data": data })).send().await.expect(201).json();
        let (_, payload) = ann.get_frame("a", None).await;
        assert_eq!(blake3::hash(&payload).to_hex().as_str(), json_made.hash);
        let mut request = bytes_request("b");
        request.encoding = Some(Encoding::Value);
        request.compression = Some(Compression::Zstd);
        let packed = zstd::encode_all(&payload[..], 3).unwrap();
        let frame_made: SaveVersion = ann.put_frame(&request, &packed, "").send().await.expect(201).json();
        assert_eq!(frame_made.hash, json_made.hash);
        assert_eq!(ann.get_save("b").await["data"], data);
    }

    async fn content_is_checked_before_it_is_kept(app) {
        let ann = app.as_player("ann").await;
        let zeros = "0".repeat(64);
        for (body, code) in [
            (json!({ "slot": "s" }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "data_base64": "AA==" }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data_base64": "A" }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data_base64": "AA==\n" }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "hash": zeros }), ErrorCode::HashMismatch),
            (json!({ "slot": "s", "data": 1, "encoding": "bytes" }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "playtime_ms": -1 }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "label": "a\u{7}b" }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "label": "x".repeat(129) }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "device_name": "x".repeat(65) }), ErrorCode::InvalidRequest),
            (json!({ "slot": "s", "data": 1, "parents": ["x"] }), ErrorCode::InvalidRequest),
            (json!({ "data": 1 }), ErrorCode::InvalidRequest),
        ] {
            ann.put(body).send().await.refused(code);
        }
        let frame = |encoding, compression, payload: &[u8]| {
            let mut request = bytes_request("s");
            (request.encoding, request.compression) = (encoding, compression);
            ann.put_frame(&request, payload, "")
        };
        frame(None, None, b"x").send().await.refused(ErrorCode::InvalidRequest);
        frame(Some(Encoding::Value), None, b"\xff\xff\xff").send().await.refused(ErrorCode::InvalidSave);
        frame(Some(Encoding::Value), None, b"").send().await.refused(ErrorCode::InvalidSave);
        frame(Some(Encoding::Bytes), Some(Compression::Zstd), b"not zstd").send().await.refused(ErrorCode::InvalidSave);
        for broken in [&b""[..], b"\x01\0\0", b"\xff\xff\xff\xff", b"\x02\0\0\0{", b"\x02\0\0\0{}"] {
            let call = ann.call(http::Method::POST, &ann.saves_path());
            call.body(FRAME_MEDIA_TYPE, broken.to_vec()).send().await.refused_somehow();
        }
        assert!(ann.list().await.items.is_empty(), "a refused save left something behind");
        assert!(ann.history("s").await.is_empty());
    }

    async fn the_largest_save_fits_and_one_byte_more_does_not(app) {
        let ann = app.as_player("ann").await;
        let largest = noise(1, SAVE_LEN_MAX);
        let stored = ann.put_bytes("big", &largest).await;
        assert_eq!(stored.size_bytes, SAVE_LEN_MAX as i64);
        let (_, found) = ann.get_frame("big", None).await;
        assert!(found == largest, "16 MiB came back changed");
        let more = noise(1, SAVE_LEN_MAX + 1);
        ann.put_frame(&bytes_request("big"), &more, "").send().await.refused(ErrorCode::TooLarge);
        let json = json!({ "slot": "json", "data_base64": STANDARD.encode(&largest) });
        ann.put(json).send().await.expect(201);
        let json = json!({ "slot": "json", "data_base64": STANDARD.encode(&more) });
        ann.put(json).send().await.refused(ErrorCode::TooLarge);
    }

    async fn parents_say_what_a_save_is_made_from(app) {
        let ann = app.as_player("ann").await;
        let first: SaveVersion = ann.put_on("s", "one", &[]).await.expect(201).json();
        assert_eq!((first.sequence, &first.parents), (Some(1), &vec![]));
        let second: SaveVersion = ann.put_on("s", "two", &[&first.version]).await.expect(201).json();
        assert_eq!((second.sequence, &second.parents), (Some(2), &vec![first.version.clone()]));
        let third = ann.put_save("s", "three").await;
        assert_eq!((third.sequence, &third.parents), (Some(3), &vec![second.version.clone()]));
        // New only: the slot has a head.
        let conflict = conflict_of(&ann.put_on("s", "fresh install", &[]).await);
        assert_eq!(conflict.head, third);
        assert_eq!(conflict.ancestor, None);
        assert_eq!((conflict.kept.sequence, &conflict.kept.parents), (None, &vec![]));
        assert_eq!(ann.get_save("s").await["data"], "three");
        // A version of nowhere, of another slot, of another player.
        let other = ann.put_save("other", "x").await;
        let bobs = app.as_player("bob").await.put_save("s", "x").await;
        let nowhere = VersionId::parse("00000000-0000-7000-8000-000000000000").unwrap();
        for stranger in [&nowhere, &other.version, &bobs.version] {
            ann.put_on("s", "x", &[stranger]).await.refused(ErrorCode::UnknownParent);
            ann.put_on("s", "x", &[&third.version, stranger]).await.refused(ErrorCode::UnknownParent);
            ann.put_on("empty", "x", &[stranger]).await.refused(ErrorCode::UnknownParent);
        }
        let (v1, v2, v3) = (&first.version, &second.version, &third.version);
        ann.put_on("s", "x", &[v3, v3]).await.refused(ErrorCode::InvalidRequest);
        ann.put_on("s", "x", &[v3, v2, v1]).await.refused(ErrorCode::InvalidRequest);
        assert_eq!(ann.head("s").await, third);
    }

    async fn two_devices_from_one_parent_lose_neither_version(app) {
        let deck = app.as_player("ann").await;
        let desk = app.on_other_device(&deck).await;
        let base = deck.put_save("s", "base").await;
        let on_deck: SaveVersion = deck.put_on("s", "deck", &[&base.version]).await.expect(201).json();
        let reply = desk.put_on("s", "desk", &[&base.version]).await;
        let conflict = conflict_of(&reply);
        assert_eq!(conflict.head, on_deck);
        assert_eq!(conflict.ancestor.as_ref(), Some(&base));
        assert_eq!(conflict.kept.parents, std::slice::from_ref(&base.version));
        assert_eq!(conflict.kept.sequence, None);
        // The head is untouched; both contents can be read.
        assert_eq!(desk.get_save("s").await["data"], "deck");
        let kept = format!("{}?version={}", desk.slot_path("s"), conflict.kept.version);
        let kept_save: Value = desk.get(&kept).send().await.expect(200).json();
        assert_eq!(kept_save["data"], "desk");
        let history = deck.history("s").await;
        assert_eq!(ids(&history), ids(&[base, on_deck.clone(), conflict.kept.clone()]));
        assert_eq!(history.iter().filter(|version| version.sequence.is_none()).count(), 1);
        // The merge names both and ends it.
        let merged: SaveVersion =
            desk.put_on("s", "both", &[&on_deck.version, &conflict.kept.version]).await.expect(201).json();
        assert_eq!(merged.parents, [on_deck.version, conflict.kept.version]);
        assert_eq!(merged.sequence, Some(3));
        assert_eq!(deck.get_save("s").await["data"], "both");
    }

    async fn an_ancestor_is_found_past_versions_that_lost(app) {
        let ann = app.as_player("ann").await;
        let base = ann.put_save("s", "base").await;
        ann.put_on("s", "theirs", &[&base.version]).await.expect(201);
        let first = conflict_of(&ann.put_on("s", "mine 1", &[&base.version]).await);
        // A device that goes on from its own lost version.
        let second = conflict_of(&ann.put_on("s", "mine 2", &[&first.kept.version]).await);
        assert_eq!(second.ancestor, Some(base));
        assert_eq!(second.kept.parents, [first.kept.version]);
    }

    async fn a_repeated_request_has_one_outcome(app) {
        let ann = app.as_player("ann").await;
        let put = |data: &str, key: &str, parents: Option<Vec<&VersionId>>| {
            let mut body = json!({ "slot": "s", "data": data });
            if let Some(parents) = parents {
                body["parents"] = json!(parents);
            }
            ann.put(body).header("idempotency-key", key)
        };
        let first: SaveVersion = put("one", "k1", None).send().await.expect(201).json();
        let again: SaveVersion = put("one", "k1", None).send().await.expect(201).json();
        assert_eq!(first, again);
        put("other", "k1", None).send().await.refused(ErrorCode::IdempotencyMismatch);
        // Repeated after others have moved on: the outcome is still the first one.
        let second = ann.put_save("s", "two").await;
        assert_eq!(put("one", "k1", None).send().await.expect(201).json::<SaveVersion>(), first);
        // A conflict repeats as the same conflict.
        let lost = conflict_of(&put("late", "k2", Some(vec![&first.version])).send().await);
        let lost_again = conflict_of(&put("late", "k2", Some(vec![&first.version])).send().await);
        assert_eq!(lost.kept, lost_again.kept);
        assert_eq!(ids(&ann.history("s").await), ids(&[first, second, lost.kept]));
        for wrong in ["", "a b", &"x".repeat(65), "\u{fc}"] {
            put("x", wrong, None).send().await.refused(ErrorCode::InvalidRequest);
        }
        // Keys are the player's own.
        let bob = app.as_player("bob").await;
        let call = bob.put(json!({ "slot": "s", "data": "bob's" })).header("idempotency-key", "k1");
        call.send().await.expect(201);
    }

    async fn parallel_repeats_store_one_version(app) {
        let ann = app.as_player("ann").await;
        ann.put_save("s", "base").await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..12 {
            let ann = ann.clone();
            // Small ones lie in a row, large ones are blobs.
            let (slot, len) = if number % 2 == 0 { ("s", 100) } else { ("large", 100_000) };
            running.spawn(async move {
                let reply = ann.put_frame(&bytes_request(slot), &noise(1, len), slot).send().await;
                reply.expect(201).json::<SaveVersion>()
            });
        }
        let versions = running.join_all().await;
        assert_eq!(ids(&versions).len(), 2, "two keys, two versions");
        assert_eq!(ann.history("s").await.len(), 2);
        assert_eq!(ann.history("large").await.len(), 1);
        if app.config.blob.engine == "local" {
            assert_eq!(files(&app.data().join("blobs")), 1, "a repeat left a blob behind");
        }
        let (frame, payload) = ann.get_frame("large", None).await;
        assert!(unpacked(frame.compression, &payload) == noise(1, 100_000));
    }

    async fn fifty_writers_at_once_lose_nothing(app) {
        const WRITERS: usize = 50;
        let ann = app.as_player("ann").await;
        let done = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(heads_only_rise(ann.clone(), done.clone()));
        let mut running = tokio::task::JoinSet::new();
        for number in 0..WRITERS {
            let ann = ann.clone();
            running.spawn(async move {
                let stored = ann.put_save("s", &format!("writer {number}")).await;
                // What was acknowledged is there for the next reader, at once.
                let head = ann.head("s").await;
                assert!(head.sequence >= stored.sequence, "{head:?} after {stored:?}");
                stored
            });
        }
        let mut stored = running.join_all().await;
        done.store(true, Ordering::Relaxed);
        reader.await.unwrap();
        stored.sort_by_key(|version| version.sequence);
        let sequences: Vec<i64> = stored.iter().filter_map(|version| version.sequence).collect();
        assert_eq!(sequences, (1..=WRITERS as i64).collect::<Vec<_>>(), "every writer has a place of its own");
        for pair in stored.windows(2) {
            assert_eq!(pair[1].parents, [pair[0].version.clone()], "each save is made from the one before");
        }
        let history = ann.history("s").await;
        assert_eq!(ids(&history), ids(&stored));
        assert_eq!(Some(&ann.head("s").await), stored.last());
    }

    async fn many_devices_from_one_parent_yield_one_head(app) {
        const DEVICES: usize = 20;
        let ann = app.as_player("ann").await;
        let base = ann.put_save("s", "base").await;
        let mut running = tokio::task::JoinSet::new();
        for number in 0..DEVICES {
            let (ann, base) = (ann.clone(), base.version.clone());
            running.spawn(async move { ann.put_on("s", &format!("device {number}"), &[&base]).await });
        }
        let replies = running.join_all().await;
        let winners: Vec<SaveVersion> = replies.iter().filter(|r| r.status == 201).map(|r| r.json()).collect();
        assert_eq!(winners.len(), 1, "one parent, one child");
        let lost: Vec<Conflict> = replies.iter().filter(|r| r.status != 201).map(conflict_of).collect();
        assert!(lost.iter().all(|conflict| conflict.head == winners[0] && conflict.ancestor.as_ref() == Some(&base)));
        let all: Vec<SaveVersion> =
            lost.into_iter().map(|conflict| conflict.kept).chain(winners).chain([base]).collect();
        assert_eq!(ids(&ann.history("s").await), ids(&all));
    }

    async fn a_version_is_read_from_its_own_slot_only(app) {
        let ann = app.as_player("ann").await;
        let first = ann.put_save("s", "one").await;
        ann.put_save("s", "two").await;
        let other = ann.put_save("other", "x").await;
        let at = |slot: &str, version: &str| ann.get(&format!("{}?version={version}", ann.slot_path(slot)));
        let found: Value = at("s", first.version.as_str()).send().await.expect(200).json();
        assert_eq!(found["data"], "one");
        at("s", other.version.as_str()).send().await.refused(ErrorCode::VersionNotFound);
        at("nothing", first.version.as_str()).send().await.refused(ErrorCode::VersionNotFound);
        for wrong in ["", "x", &first.version.as_str().to_uppercase(), "1%20OR%201=1"] {
            at("s", wrong).send().await.refused(ErrorCode::InvalidRequest);
        }
    }

    async fn an_unchanged_head_is_not_sent_again(app) {
        let ann = app.as_player("ann").await;
        ann.put_save("s", "one").await;
        let read = ann.get(&ann.slot_path("s")).send().await.expect(200);
        let etag = read.header("etag").to_owned();
        let same = ann.get(&ann.slot_path("s")).header("if-none-match", &etag).send().await.expect(304);
        assert!(same.body.is_empty());
        assert_eq!(same.header("etag"), etag);
        for known in [&format!("\"other\", {etag}"), &format!("W/{etag}"), &format!("W/\"x\",W/{etag} , \"y\""), "*"] {
            ann.get(&ann.slot_path("s")).header("if-none-match", known).send().await.expect(304);
        }
        let twice = ann.get(&ann.slot_path("s")).header("if-none-match", "\"x\"").header("if-none-match", &etag);
        twice.send().await.expect(304);
        for unknown in ["\"x\"", "W/\"x\", \"y\"", etag.trim_matches('"'), ""] {
            ann.get(&ann.slot_path("s")).header("if-none-match", unknown).send().await.expect(200);
        }
        ann.put_save("s", "two").await;
        let next = ann.get(&ann.slot_path("s")).header("if-none-match", &etag).send().await.expect(200);
        assert_ne!(next.header("etag"), etag);
    }

    async fn lists_and_histories_come_in_pages(app) {
        let ann = app.as_player("ann").await;
        let names = ["a", "B", "ä", "z", "日本", "🎮", "a/b", "%2F"];
        for name in names {
            ann.put_save(name, "x").await;
            ann.put_save(name, "y").await;
        }
        let history = fill_path(SaveHistory::PATH, &[ann.id()]);
        for (path, wanted) in [(ann.saves_path(), names.len()), (history.clone(), 2 * names.len())] {
            let mut found = Vec::new();
            let mut cursor = String::new();
            loop {
                let page: Page<SaveVersion> =
                    ann.get(&format!("{path}?limit=3{cursor}")).send().await.expect(200).json();
                assert!((1..=3).contains(&page.items.len()), "{page:?}");
                found.extend(page.items);
                match page.next_cursor {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(found.len(), wanted, "{path}");
            assert_eq!(ids(&found).len(), wanted, "{path}: a page repeats another's items");
            for wrong in ["limit=0", "limit=201", "limit=-1", "limit=x", "cursor=!", "cursor=", "unknown=1"] {
                ann.get(&format!("{path}?{wrong}")).send().await.refused(ErrorCode::InvalidRequest);
            }
        }
        // The same order on both engines: byte by byte.
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        let listed: Vec<String> = ann.list().await.items.into_iter().map(|version| version.slot).collect();
        assert_eq!(listed, sorted);
        let newest_first: Page<SaveVersion> = ann.get(&history).send().await.expect(200).json();
        assert!(newest_first.items.is_sorted_by(|a, b| a.version > b.version));
    }

    async fn any_name_of_a_slot_is_kept_or_refused_never_altered(app) {
        let ann = app.as_player("ann").await;
        let composed = "\u{fc}ber";
        let decomposed = "u\u{308}ber";
        let longest = "\u{1F3AE}".repeat(32);
        let names = [
            "slot1", "SLOT1", composed, decomposed, "a b", "a/b", "a\\b", "../../etc/passwd", "..a", "C:", "con",
            "%2e%2e", "%00", "a?b#c&d=e", "'; DROP TABLE saves_version; --", "{user_id}", "🎮", "\u{202e}live", &longest,
        ];
        for name in names {
            ann.put_save(name, name).await;
        }
        for name in names {
            let save = ann.get_save(name).await;
            assert_eq!((save["slot"].as_str(), save["data"].as_str()), (Some(name), Some(name)));
        }
        assert_eq!(ann.list().await.items.len(), names.len());
        for bad in ["", ".", "..", "history", " a", "a ", "a\nb", "a\0b", "a\u{7f}", "\u{3000}", &"x".repeat(129)] {
            ann.put(json!({ "slot": bad, "data": 1 })).send().await.refused(ErrorCode::InvalidSlot);
        }
        assert_eq!(ann.list().await.items.len(), names.len());
    }

    async fn saves_survive_a_restart(app) {
        let ann = app.as_player("ann").await;
        let (small, large) = (noise(1, 1000), noise(2, 200_000));
        let versions = [ann.put_bytes("small", &small).await, ann.put_bytes("large", &large).await];
        app.stop().await;
        app.start_again().await;
        for (version, content) in versions.iter().zip([&small, &large]) {
            let (frame, found) = ann.get_frame(&version.slot, None).await;
            assert_eq!(&frame.version, version);
            assert_eq!(&found[..], &content[..]);
        }
    }
}

/// Reads the head over and over: it never goes back.
async fn heads_only_rise(player: Player, done: Arc<AtomicBool>) {
    let mut seen = 0;
    while !done.load(Ordering::Relaxed) {
        let reply = player.get(&player.slot_path("s")).send().await;
        if reply.status == 404 {
            assert_eq!(seen, 0, "a slot that was there is gone");
            continue;
        }
        let sequence = reply.json::<SaveVersion>().sequence.expect("a head has a place in the line");
        assert!(sequence >= seen, "the head went back from {seen} to {sequence}");
        seen = sequence;
    }
}
