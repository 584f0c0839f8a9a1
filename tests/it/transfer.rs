//! How saves travel and lie: patches, parts, batches; and what is said of a head that may be worth less.

use aethex_tests::player::{bytes_request, noise};
use aethex_tests::{Player, on_both_engines};
use aethex_wire::endpoint::fill_path;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::sync::{BATCH_MEDIA_TYPE, BatchResults, PutSaves, encode_batch};
use aethex_wire::saves::{
    Compression, Encoding, GetPart, PutPart, PutSaveRequest, SaveVersion, Suspicion, encode_frame,
};
use aethex_wire::{Endpoint, ErrorCode, delta};
use http::Method;
use serde_json::json;

/// A request whose payload is a patch against `base`.
fn patch_request(slot: &str, base: &VersionId, plain: &[u8]) -> PutSaveRequest {
    PutSaveRequest {
        parents: Some(vec![base.clone()]),
        hash: Some(blake3::hash(plain).to_hex().to_string()),
        compression: Some(Compression::Delta),
        base: Some(base.clone()),
        ..bytes_request(slot)
    }
}

/// A version's data, however it comes.
async fn data(player: &Player, slot: &str, version: &VersionId) -> Vec<u8> {
    let (frame, payload) = player.get_frame(slot, Some(version)).await;
    match frame.compression {
        Compression::None => payload.to_vec(),
        Compression::Zstd => zstd::decode_all(&payload[..]).unwrap(),
        Compression::Delta => panic!("nobody asked for a patch"),
    }
}

fn edited(before: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut after = before.to_vec();
    after[at..at + bytes.len()].copy_from_slice(bytes);
    after
}

async fn part(player: &Player, slot: &str, name: &str, version: Option<&VersionId>) -> aethex_tests::Reply {
    let mut path = fill_path(GetPart::PATH, &[player.id(), slot, name]);
    if let Some(version) = version {
        path = format!("{path}?version={version}");
    }
    player.get(&path).send().await
}

on_both_engines! {
    async fn a_patch_becomes_the_whole(app) {
        let ann = app.as_player("ann").await;
        let first = noise(1, 100_000);
        let one = ann.put_bytes("s", &first).await;
        let second = edited(&first, 50_000, b"changed");
        let patch = delta::encode(&first, &second);
        assert!(patch.len() < 200, "{}", patch.len());
        let two: SaveVersion =
            ann.put_frame(&patch_request("s", &one.version, &second), &patch, "k").send().await.expect(201).json();
        assert_eq!((two.sequence, two.size_bytes), (Some(2), 100_000));
        assert_eq!(two.hash, blake3::hash(&second).to_hex().to_string());
        assert_eq!(data(&ann, "s", &two.version).await, second);
        assert_eq!(data(&ann, "s", &one.version).await, first);
        let again = ann.put_frame(&patch_request("s", &one.version, &second), &patch, "k").send().await;
        assert_eq!(again.expect(201).json::<SaveVersion>(), two);
        // Who has the base may get the patch.
        let path = format!("{}?version={}&known={}", ann.slot_path("s"), two.version, one.version);
        let reply = ann.get(&path).header("accept", aethex_wire::saves::FRAME_MEDIA_TYPE).send().await.expect(200);
        assert!(reply.body.len() < 1500, "{}", reply.body.len());
    }

    async fn a_patch_that_does_not_fit_is_refused_and_changes_nothing(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        let (first, other) = (noise(1, 40_000), noise(2, 40_000));
        let one = ann.put_bytes("s", &first).await;
        let theirs = bob.put_bytes("s", &first).await;
        let elsewhere = ann.put_bytes("t", &first).await;
        let second = edited(&first, 7, b"new");
        let patch = delta::encode(&first, &second);
        let unknown = VersionId::parse("00000000-0000-7000-8000-000000000000").unwrap();
        for base in [&unknown, &theirs.version, &elsewhere.version] {
            let mut request = patch_request("s", base, &second);
            request.parents = Some(vec![one.version.clone()]);
            ann.put_frame(&request, &patch, "").send().await.refused(ErrorCode::UnknownBase);
        }
        let request = patch_request("s", &one.version, &second);
        let wrong = delta::encode(&other, &edited(&other, 7, b"new"));
        ann.put_frame(&request, &wrong, "").send().await.refused(ErrorCode::UnknownBase);
        ann.put_frame(&patch_request("s", &one.version, &other), &patch, "").send().await.refused(ErrorCode::UnknownBase);
        // The last bytes of a patch may be implied: then the whole is what its hash says, and nothing is wrong.
        for cut in 0..patch.len() / 2 {
            ann.put_frame(&request, &patch[..cut], "").send().await.refused(ErrorCode::UnknownBase);
        }
        let mut bomb = patch.clone();
        // The length behind the method says 1 TiB.
        bomb.splice(1..2, [0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);
        let refused = ann.put_frame(&request, &bomb, "").send().await;
        assert!(matches!(refused.problem().code, ErrorCode::TooLarge | ErrorCode::UnknownBase), "{refused}");
        let no_hash = PutSaveRequest { hash: None, ..request.clone() };
        ann.put_frame(&no_hash, &patch, "").send().await.refused(ErrorCode::InvalidRequest);
        let no_delta = PutSaveRequest { compression: None, ..request };
        ann.put_frame(&no_delta, &patch, "").send().await.refused(ErrorCode::InvalidRequest);
        assert_eq!(ann.history("s").await.len(), 1);
    }

    async fn a_stale_patch_is_kept_beside_in_full(app) {
        let ann = app.as_player("ann").await;
        let first = noise(1, 50_000);
        let one = ann.put_bytes("s", &first).await;
        let two = ann.put_bytes("s", &edited(&first, 0, b"two")).await;
        let mine = edited(&first, 100, b"mine");
        let patch = delta::encode(&first, &mine);
        let reply = ann.put_frame(&patch_request("s", &one.version, &mine), &patch, "k").send().await;
        let conflict = *reply.refused(ErrorCode::SavesConflict).conflict.unwrap();
        assert_eq!((conflict.head, conflict.ancestor.unwrap().version), (two.clone(), one.version));
        assert_eq!(data(&ann, "s", &conflict.kept.version).await, mine);
        // Everything else of the slot may go: a version beside the heads stands alone.
        let merged: SaveVersion = ann
            .put_frame(
                &PutSaveRequest {
                    parents: Some(vec![two.version.clone(), conflict.kept.version.clone()]),
                    ..bytes_request("s")
                },
                b"both",
                "",
            )
            .send().await.expect(201).json();
        assert_eq!(merged.parents, [two.version, conflict.kept.version]);
    }

    async fn two_devices_that_merge_the_same_make_one_version(app) {
        let ann = app.as_player("ann").await;
        let one = ann.put_save("s", "one").await;
        let two: SaveVersion = ann.put_on("s", "two", &[&one.version]).await.expect(201).json();
        let conflict = *ann.put_on("s", "mine", &[&one.version]).await.refused(ErrorCode::SavesConflict).conflict.unwrap();
        let merged: SaveVersion =
            ann.put_on("s", "both", &[&two.version, &conflict.kept.version]).await.expect(201).json();
        let again: SaveVersion =
            ann.put_on("s", "both", &[&two.version, &conflict.kept.version]).await.expect(201).json();
        assert_eq!(merged, again);
        ann.put_on("s", "other", &[&two.version, &conflict.kept.version]).await.refused(ErrorCode::SavesConflict);
        assert_eq!(ann.head("s").await.version, merged.version);
    }

    async fn a_hundred_versions_of_a_megabyte_take_three(app) {
        let ann = app.as_player("ann").await;
        let mut content = noise(9, 1_000_000);
        let mut versions = vec![(ann.put_bytes("s", &content).await, blake3::hash(&content))];
        for round in 0..99_u64 {
            // 1 %: a hundred places, a hundred bytes each. Half of them arrive in full.
            let before = content.clone();
            for (place, bytes) in noise(round + 100, 10_000).chunks(100).enumerate() {
                let at = (place * 9_973 + round as usize * 331) % 999_900;
                content[at..at + 100].copy_from_slice(bytes);
            }
            let last = &versions.last().unwrap().0.version;
            let stored: SaveVersion = if round % 2 == 0 {
                let patch = delta::encode(&before, &content);
                ann.put_frame(&patch_request("s", last, &content), &patch, "").send().await.expect(201).json()
            } else {
                ann.put_bytes("s", &content).await
            };
            versions.push((stored, blake3::hash(&content)));
        }
        let used = app.stored_bytes(&ann).await;
        assert!(used <= 3_000_000, "{used} bytes are stored");
        for (version, hash) in versions.iter().step_by(9).chain(versions.last()) {
            assert_eq!(blake3::hash(&data(&ann, "s", &version.version).await), *hash);
        }
    }

    async fn parts_change_with_the_data_and_are_stored_once(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        let (thumbnail, shot) = (noise(1, 3_000), noise(2, 200_000));
        let put_part = |name: &str, bytes: &[u8]| PutPart {
            name: name.to_owned(), encoding: None, hash: None, len: Some(bytes.len() as u32),
            compression: None, base_hash: None, data_base64: None,
        };
        let request = PutSaveRequest {
            parts: vec![put_part("thumbnail", &thumbnail), put_part("shots/1", &shot)],
            ..bytes_request("s")
        };
        let payload = [b"data".as_slice(), &thumbnail, &shot].concat();
        let one: SaveVersion = ann.put_frame(&request, &payload, "").send().await.expect(201).json();
        let described: Vec<(&str, i64)> = one.parts.iter().map(|part| (part.name.as_str(), part.size_bytes)).collect();
        assert_eq!(described, [("thumbnail", 3_000), ("shots/1", 200_000)]);
        assert_eq!(ann.get_save("s").await["parts"], json!(one.parts));
        assert_eq!(part(&ann, "s", "thumbnail", None).await.expect(200).body, thumbnail);
        let reply = part(&ann, "s", "shots/1", Some(&one.version)).await.expect(200);
        assert_eq!(reply.body, shot);
        assert_eq!(reply.header("etag"), format!("\"{}\"", one.parts[1].hash));
        let used = app.stored_bytes(&ann).await;
        // The next version has the same shot, by its hash, and another thumbnail, in JSON.
        let body = json!({ "slot": "s", "data": 1, "parts": [
            { "name": "thumbnail", "data_base64": "bmV3" }, { "name": "shots/1", "hash": one.parts[1].hash },
        ]});
        let two: SaveVersion = ann.put(body).send().await.expect(201).json();
        assert_eq!(two.parts[1], one.parts[1]);
        assert!(app.stored_bytes(&ann).await < used + 100);
        assert_eq!(part(&ann, "s", "thumbnail", None).await.expect(200).body, "new");
        assert_eq!(part(&ann, "s", "thumbnail", Some(&one.version)).await.expect(200).body, thumbnail);
        part(&ann, "s", "nothing", None).await.refused(ErrorCode::NotFound);
        // What another player stored is not there.
        let body = json!({ "slot": "s", "data": 1, "parts": [{ "name": "a", "hash": one.parts[1].hash }] });
        bob.put(body).send().await.refused(ErrorCode::UnknownPart);
        let path = fill_path(GetPart::PATH, &[ann.id(), "s", "thumbnail"]);
        bob.get(&path).send().await.refused(ErrorCode::NotFound);
    }

    async fn parts_are_checked(app) {
        let ann = app.as_player("ann").await;
        for (name, code) in [("data", ErrorCode::InvalidPart), ("", ErrorCode::InvalidPart), ("a\nb", ErrorCode::InvalidPart)] {
            let body = json!({ "slot": "s", "data": 1, "parts": [{ "name": name, "data_base64": "" }] });
            ann.put(body).send().await.refused(code);
        }
        let twice = json!([{ "name": "a", "data_base64": "" }, { "name": "a", "data_base64": "" }]);
        ann.put(json!({ "slot": "s", "data": 1, "parts": twice })).send().await.refused(ErrorCode::InvalidPart);
        let many: Vec<_> = (0..17).map(|n| json!({ "name": format!("p{n}"), "data_base64": "" })).collect();
        ann.put(json!({ "slot": "s", "data": 1, "parts": many })).send().await.refused(ErrorCode::InvalidRequest);
        let nothing = json!([{ "name": "a" }]);
        ann.put(json!({ "slot": "s", "data": 1, "parts": nothing })).send().await.refused(ErrorCode::InvalidRequest);
        let wrong = json!([{ "name": "a", "data_base64": "bmV3", "hash": "0".repeat(64) }]);
        ann.put(json!({ "slot": "s", "data": 1, "parts": wrong })).send().await.refused(ErrorCode::HashMismatch);
        let longer = PutSaveRequest {
            parts: vec![PutPart {
                name: "a".into(), encoding: None, hash: None, len: Some(100), compression: None, base_hash: None,
                data_base64: None,
            }],
            ..bytes_request("s")
        };
        ann.put_frame(&longer, b"short", "").send().await.refused(ErrorCode::InvalidRequest);
        ann.get(&ann.slot_path("s")).send().await.refused(ErrorCode::SaveNotFound);
    }

    async fn a_part_may_be_a_patch_of_another(app) {
        let ann = app.as_player("ann").await;
        let first = noise(1, 300_000);
        let second = edited(&first, 1_000, b"other");
        let with = |part: PutPart| PutSaveRequest { parts: vec![part], ..bytes_request("s") };
        let full = PutPart {
            name: "file".into(), encoding: None, hash: None, len: Some(300_000), compression: None, base_hash: None,
            data_base64: None,
        };
        let one: SaveVersion =
            ann.put_frame(&with(full.clone()), &[b"d", &first[..]].concat(), "").send().await.expect(201).json();
        let patch = delta::encode(&first, &second);
        let patched = PutPart {
            len: Some(patch.len() as u32), compression: Some(Compression::Delta),
            base_hash: Some(one.parts[0].hash.clone()), hash: Some(blake3::hash(&second).to_hex().to_string()), ..full
        };
        let used = app.stored_bytes(&ann).await;
        ann.put_frame(&with(patched.clone()), &[b"d", &patch[..]].concat(), "").send().await.expect(201);
        assert!(app.stored_bytes(&ann).await < used + 1_000);
        assert_eq!(part(&ann, "s", "file", None).await.expect(200).body, second);
        let unknown = PutPart { base_hash: Some("0".repeat(64)), ..patched };
        ann.put_frame(&with(unknown), &[b"d", &patch[..]].concat(), "").send().await.refused(ErrorCode::UnknownBase);
    }

    async fn a_batch_stores_one_after_the_other(app) {
        let ann = app.as_player("ann").await;
        let frame = |slot: &str, after: Option<&str>, data: &[u8]| {
            let parents = after.is_none().then(Vec::new);
            encode_frame(&PutSaveRequest { parents, after: after.map(str::to_owned), ..bytes_request(slot) }, data)
        };
        let frames = [
            ("k1", frame("a", None, b"1")), ("k2", frame("a", Some("k1"), b"2")), ("k3", frame("b", None, b"3")),
            ("k4", frame("a", None, b"stale")), ("k5", frame("a", Some("unknown"), b"5")), ("k6", frame("", None, b"6")),
            ("k7", frame("a", Some("k2"), b"7")),
        ];
        let body = encode_batch(frames.iter().map(|(key, frame)| (*key, frame.as_slice())));
        let path = fill_path(PutSaves::PATH, &[ann.id()]);
        for _ in 0..2 {
            // Repeated, it answers the same.
            let reply = ann.call(Method::POST, &path).body(BATCH_MEDIA_TYPE, body.clone()).send().await.expect(200);
            let results: BatchResults = reply.json();
            let said: Vec<(Option<i64>, Option<ErrorCode>)> = results
                .results
                .iter()
                .map(|one| (one.version.as_ref().and_then(|v| v.sequence), one.problem.as_ref().map(|p| p.code)))
                .collect();
            assert_eq!(said, [
                (Some(1), None), (Some(2), None), (Some(1), None), (None, Some(ErrorCode::SavesConflict)),
                (None, Some(ErrorCode::UnknownParent)), (None, Some(ErrorCode::InvalidSlot)), (Some(3), None),
            ]);
            assert!(results.results[3].problem.as_ref().unwrap().conflict.is_some());
        }
        assert_eq!(ann.history("a").await.len(), 4);
        let cut = ann.call(Method::POST, &path).body(BATCH_MEDIA_TYPE, body[..20].to_vec()).send().await;
        cut.refused(ErrorCode::InvalidRequest);
    }

    async fn a_head_that_may_be_worth_less_says_so(app) {
        let ann = app.as_player("ann").await;
        let full = json!({ "slot": "s", "data": { "text": "x".repeat(4000) }, "playtime_ms": 5_000, "schema": 2 });
        let one: SaveVersion = ann.put(full.clone()).send().await.expect(201).json();
        assert_eq!(one.suspicions, []);
        let empty = json!({ "slot": "s", "data": {}, "playtime_ms": 1_000, "schema": 1 });
        let two: SaveVersion = ann.put(empty).send().await.expect(201).json();
        use Suspicion::{Empty, LessPlaytime, MuchSmaller, OlderSchema};
        assert_eq!(two.suspicions, [Empty, MuchSmaller, LessPlaytime, OlderSchema]);
        assert_eq!(ann.head("s").await, two);
        let three: SaveVersion = ann.put(full).send().await.expect(201).json();
        assert_eq!(three.suspicions, []);
        assert_eq!(ann.history("s").await[1].suspicions.len(), 4);
    }

    async fn encrypted_saves_are_opaque_and_keep_their_patches(app) {
        let ann = app.as_player("ann").await;
        let sealed = |parents: Vec<VersionId>, payload: &[u8]| PutSaveRequest {
            parents: Some(parents), encoding: Some(Encoding::Sealed),
            hash: Some(blake3::hash(payload).to_hex().to_string()), ..bytes_request("s")
        };
        let one: SaveVersion =
            ann.put_frame(&sealed(vec![], b"opaque one"), b"opaque one", "").send().await.expect(201).json();
        let patch = PutSaveRequest {
            compression: Some(Compression::Delta), base: Some(one.version.clone()),
            ..sealed(vec![one.version.clone()], b"opaque patch")
        };
        let two: SaveVersion = ann.put_frame(&patch, b"opaque patch", "").send().await.expect(201).json();
        let (frame, payload) = ann.get_frame("s", None).await;
        assert_eq!((frame.compression, frame.base, &payload[..]), (Compression::Delta, Some(one.version), &b"opaque patch"[..]));
        assert_eq!(frame.version, two);
        ann.get(&ann.slot_path("s")).send().await.refused(ErrorCode::SealedSave);
    }

    async fn device_clocks_and_stamps_come_back(app) {
        let ann = app.as_player("ann").await;
        let body = json!({
            "slot": "s", "data": 1, "device_id": "abc", "device_clock": { "abc": 7, "xyz": 2 }, "hlc": 123_456_789_i64,
            "schema": 3, "app_version": "1.2.3",
        });
        let stored: SaveVersion = ann.put(body.clone()).send().await.expect(201).json();
        let loaded = ann.get_save("s").await;
        for field in ["device_id", "device_clock", "hlc", "schema", "app_version"] {
            assert_eq!(loaded[field], body[field], "{field}");
        }
        assert_eq!(stored, ann.history("s").await[0]);
        for (field, wrong) in [
            ("device_id", json!("x".repeat(37))), ("device_id", json!("a b")), ("hlc", json!(-1)), ("schema", json!(-1)),
            ("device_clock", json!({ "": 1 })), ("device_clock", json!({ "a": -1 })), ("device_clock", json!({ "a": u64::MAX })),
            ("app_version", json!("x\ny")),
        ] {
            let mut body = body.clone();
            body[field] = wrong;
            ann.put(body).send().await.refused(ErrorCode::InvalidRequest);
        }
    }
}
