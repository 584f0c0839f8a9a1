//! Uploads of large parts: in sealed chunks, resumable, straight to the object store where there is one.

use aethex_tests::player::noise;
use aethex_tests::s3::store;
use aethex_tests::{App, Client, Player, Reply, on_every_engine, until};
use aethex_wire::aead;
use aethex_wire::endpoint::fill_path;
use aethex_wire::privacy::{Export, ExportStatus};
use aethex_wire::saves::PART_LEN_MAX;
use aethex_wire::saves::uploads::{
    BeginUpload, CHUNK_LEN, CancelUpload, CompleteUpload, GetPartChunks, GetUpload, PartChunks, PutChunk,
    UPLOADS_MAX, Upload,
};
use aethex_wire::{Endpoint, ErrorCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;

/// Two chunks, the last one short.
const LEN: usize = CHUNK_LEN + 100_003;

fn hash_of(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

fn key(text: &str) -> [u8; aead::KEY_LEN] {
    STANDARD.decode(text).unwrap().try_into().unwrap()
}

fn nonce(number: u32) -> [u8; aead::NONCE_LEN] {
    let mut nonce = [0; aead::NONCE_LEN];
    nonce[16..].copy_from_slice(&u64::from(number).to_le_bytes());
    nonce
}

/// A chunk as a device sends it.
fn sealed(upload: &Upload, content: &[u8], number: u32) -> Vec<u8> {
    let msg = content.chunks(CHUNK_LEN).nth(number as usize).unwrap();
    let mut text = msg.to_vec();
    let tag = aead::seal(&key(&upload.key), nonce(number), upload.upload_id.as_bytes(), &mut text).unwrap();
    [text.as_slice(), &tag].concat()
}

async fn ask(player: &Player, hash: &str, size: i64) -> Reply {
    let path = fill_path(BeginUpload::PATH, &[player.id()]);
    player.call(Method::POST, &path).json(&json!({ "hash": hash, "size_bytes": size })).send().await
}

async fn begin(player: &Player, content: &[u8]) -> Upload {
    ask(player, &hash_of(content), content.len() as i64).await.expect(201).json()
}

async fn get(player: &Player, id: &str) -> Reply {
    player.get(&fill_path(GetUpload::PATH, &[player.id(), id])).send().await
}

async fn put(player: &Player, id: &str, number: u32, chunk: Vec<u8>) -> Reply {
    let path = fill_path(PutChunk::PATH, &[player.id(), id, &number.to_string()]);
    player.call(Method::PUT, &path).body("application/octet-stream", chunk).send().await
}

async fn complete(player: &Player, id: &str) -> Reply {
    player.call(Method::POST, &fill_path(CompleteUpload::PATH, &[player.id(), id])).send().await
}

async fn cancel(player: &Player, id: &str) -> Reply {
    player.call(Method::DELETE, &fill_path(CancelUpload::PATH, &[player.id(), id])).send().await
}

/// Sends a chunk to its URL, or through the backend where there is none.
async fn send(player: &Player, upload: &Upload, number: u32, chunk: Vec<u8>) {
    let wanted = upload.missing.iter().find(|missing| missing.number == number).unwrap();
    match &wanted.url {
        Some(url) => Client::new("").request(Method::PUT, url).body("", chunk).send().await.expect(200),
        None => put(player, &upload.upload_id, number, chunk).await.expect(204),
    };
}

async fn upload(player: &Player, content: &[u8]) -> Upload {
    let begun = begin(player, content).await;
    for missing in &begun.missing {
        send(player, &begun, missing.number, sealed(&begun, content, missing.number)).await;
    }
    complete(player, &begun.upload_id).await.expect(200).json()
}

fn has_urls(app: &App) -> bool {
    app.config.blob.engine == "s3"
}

fn numbers(upload: &Upload) -> Vec<u32> {
    upload.missing.iter().map(|missing| missing.number).collect()
}

on_every_engine! {
    async fn a_large_part_goes_up_in_chunks_and_comes_back(app) {
        let ann = app.as_player("ann").await;
        let content = noise(1, LEN);
        let begun = begin(&ann, &content).await;
        assert_eq!((numbers(&begun), begun.stored, begun.chunk_bytes), (vec![0, 1], false, CHUNK_LEN as i64));
        assert!(begun.missing.iter().all(|missing| missing.url.is_some() == has_urls(app)), "{:?}", begun.missing);
        assert_eq!(STANDARD.decode(&begun.key).unwrap().len(), 32);
        send(&ann, &begun, 1, sealed(&begun, &content, 1)).await;
        send(&ann, &begun, 1, sealed(&begun, &content, 1)).await;
        // After an interruption: begun again, or asked for.
        let again = begin(&ann, &content).await;
        assert_eq!((again.upload_id.as_str(), again.key.as_str()), (begun.upload_id.as_str(), begun.key.as_str()));
        let found: Upload = get(&ann, &begun.upload_id).await.expect(200).json();
        assert_eq!((numbers(&again), numbers(&found)), (vec![0], vec![0]));
        complete(&ann, &begun.upload_id).await.refused(ErrorCode::UnknownPart);
        // Before it is complete nobody may name it.
        let hash = hash_of(&content);
        let save = json!({ "slot": "s", "data": 1, "parts": [{ "name": "world", "hash": hash }] });
        ann.put(save.clone()).send().await.refused(ErrorCode::UnknownPart);
        send(&ann, &found, 0, sealed(&found, &content, 0)).await;
        let done: Upload = complete(&ann, &begun.upload_id).await.expect(200).json();
        assert!(done.stored && done.missing.is_empty() && done.key.is_empty() && done.hash == hash, "{done:?}");
        // Whoever did not hear the answer asks again, in any way.
        for reply in [complete(&ann, &begun.upload_id).await, get(&ann, &begun.upload_id).await] {
            assert!(reply.expect(200).json::<Upload>().stored);
        }
        put(&ann, &begun.upload_id, 1, sealed(&begun, &content, 1)).await.expect(204);
        let again = begin(&ann, &content).await;
        assert!(again.stored && again.upload_id.is_empty() && again.missing.is_empty(), "{again:?}");
        ann.put(save).send().await.expect(201);
        let part = ann.get(&format!("{}/parts/world", ann.slot_path("s"))).send().await.expect(200);
        assert_eq!(part.header("content-length"), LEN.to_string());
        assert!(part.body == content, "the part came back altered");
        let path = fill_path(GetPartChunks::PATH, &[ann.id(), &hash]);
        let chunks: PartChunks = ann.get(&path).send().await.expect(200).json();
        assert_eq!(chunks.urls.len(), if has_urls(app) { 2 } else { 0 });
        let mut found = Vec::new();
        for (number, url) in chunks.urls.iter().enumerate() {
            let chunk = Client::new("").get(url).send().await.expect(200).body;
            assert_ne!(&chunk[..64], &content[found.len()..found.len() + 64], "it lies there in the clear");
            let (text, tag) = chunk.split_last_chunk().unwrap();
            let mut text = text.to_vec();
            let aad = chunks.upload_id.as_bytes();
            assert!(aead::open(&key(&chunks.key), nonce(number as u32), aad, &mut text, *tag));
            found.extend(text);
        }
        assert!(found.is_empty() || found == content);
        let rest: PartChunks = ann.get(&format!("{path}?from=1")).send().await.expect(200).json();
        assert_eq!(rest.urls.len(), chunks.urls.len().saturating_sub(1));
        let none: PartChunks = ann.get(&format!("{path}?from=4294967295")).send().await.expect(200).json();
        assert!(none.urls.is_empty());
    }

    async fn what_is_damaged_is_not_stored(app) {
        let ann = app.as_player("ann").await;
        let content = noise(2, 5000);
        let begun = begin(&ann, &content).await;
        let id = &begun.upload_id;
        let whole = sealed(&begun, &content, 0);
        let mut damaged = whole.clone();
        damaged[2] ^= 1;
        put(&ann, id, 0, damaged.clone()).await.refused(ErrorCode::HashMismatch);
        put(&ann, id, 0, whole[1..].to_vec()).await.refused(ErrorCode::InvalidRequest);
        put(&ann, id, 1, whole.clone()).await.refused(ErrorCode::InvalidRequest);
        put(&ann, id, 0, [&whole[..], b"x"].concat()).await.refused(ErrorCode::InvalidRequest);
        assert_eq!(numbers(&get(&ann, id).await.expect(200).json()), [0]);
        if has_urls(app) {
            // The store takes what comes; the backend finds it when it checks the whole.
            send(&ann, &begun, 0, damaged).await;
            complete(&ann, id).await.refused(ErrorCode::HashMismatch);
            assert_eq!(numbers(&get(&ann, id).await.expect(200).json()), [0]);
        }
        send(&ann, &begun, 0, whole).await;
        assert!(complete(&ann, id).await.expect(200).json::<Upload>().stored);
        // Another content than the one announced.
        let (announced, sent) = (noise(3, 1000), noise(4, 1000));
        let begun = begin(&ann, &announced).await;
        send(&ann, &begun, 0, sealed(&begun, &sent, 0)).await;
        complete(&ann, &begun.upload_id).await.refused(ErrorCode::HashMismatch);
        get(&ann, &begun.upload_id).await.refused(ErrorCode::NotFound);
        let save = json!({ "slot": "s", "data": 1, "parts": [{ "name": "p", "hash": hash_of(&announced) }] });
        ann.put(save).send().await.refused(ErrorCode::UnknownPart);
    }

    async fn uploads_are_bounded_and_their_owners(app, |config| config.saves.quota_bytes = 64 * 1024 * 1024) {
        let (ann, bob) = (app.as_player("ann").await, app.as_player("bob").await);
        for (hash, size, code) in [
            ("x".repeat(64), 1, ErrorCode::InvalidRequest),
            ("a".repeat(63), 1, ErrorCode::InvalidRequest),
            ("a".repeat(64), 0, ErrorCode::InvalidRequest),
            ("a".repeat(64), -5, ErrorCode::InvalidRequest),
            ("a".repeat(64), PART_LEN_MAX + 1, ErrorCode::TooLarge),
            ("a".repeat(64), 64 * 1024 * 1024, ErrorCode::QuotaExceeded),
        ] {
            ask(&ann, &hash, size).await.refused(code);
        }
        // What is promised counts.
        let large: Upload = ask(&ann, &"a".repeat(64), 40 * 1024 * 1024).await.expect(201).json();
        ask(&ann, &"b".repeat(64), 40 * 1024 * 1024).await.refused(ErrorCode::QuotaExceeded);
        cancel(&ann, &large.upload_id).await.expect(204);
        get(&ann, &large.upload_id).await.refused(ErrorCode::NotFound);
        cancel(&ann, &large.upload_id).await.refused(ErrorCode::NotFound);
        let content = noise(5, 5000);
        let begun = begin(&ann, &content).await;
        for number in 1..UPLOADS_MAX {
            ask(&ann, &hash_of(&number.to_le_bytes()), 1).await.expect(201);
        }
        ask(&ann, &"c".repeat(64), 1).await.refused(ErrorCode::QuotaExceeded);
        assert_eq!(begin(&ann, &content).await.upload_id, begun.upload_id, "going on is no new one");
        // Nobody else's, by any spelling.
        let id = begun.upload_id.as_str();
        send(&ann, &begun, 0, sealed(&begun, &content, 0)).await;
        get(&bob, id).await.refused(ErrorCode::NotFound);
        put(&bob, id, 0, sealed(&begun, &content, 0)).await.refused(ErrorCode::NotFound);
        complete(&bob, id).await.refused(ErrorCode::NotFound);
        cancel(&bob, id).await.refused(ErrorCode::NotFound);
        bob.get(&fill_path(GetUpload::PATH, &[ann.id(), id])).send().await.refused(ErrorCode::NotFound);
        for odd in ["", "..", "%2e%2e", &id.to_uppercase(), &format!("{id}%2f0")] {
            let reply = bob.get(&format!("/api/v1/saves-uploads/{}/{odd}", bob.id())).send().await;
            assert!(matches!(reply.status, 404 | 405), "{odd}: {reply}");
        }
        complete(&ann, id).await.expect(200);
        let path = fill_path(GetPartChunks::PATH, &[bob.id(), &hash_of(&content)]);
        bob.get(&path).send().await.refused(ErrorCode::NotFound);
        let save = json!({ "slot": "s", "data": 1, "parts": [{ "name": "p", "hash": hash_of(&content) }] });
        bob.put(save).send().await.refused(ErrorCode::UnknownPart);
        let small = ann.get(&fill_path(GetPartChunks::PATH, &[ann.id(), &"d".repeat(64)])).send().await;
        small.refused(ErrorCode::NotFound);
    }

    async fn a_large_part_is_in_the_export(app) {
        let ann = app.as_player("ann").await;
        let content = noise(6, 300_000);
        assert!(upload(&ann, &content).await.stored);
        let hash = hash_of(&content);
        ann.put(json!({ "slot": "s", "data": 1, "parts": [{ "name": "p", "hash": hash }] })).send().await.expect(201);
        let asked: Export = ann.call(Method::POST, "/api/v1/privacy/exports").send().await.expect(202).json();
        let path = format!("/api/v1/privacy/exports/{}", asked.id);
        until("the export", async || {
            let found: Export = ann.get(&path).send().await.expect(200).json();
            (found.status == ExportStatus::Ready).then_some(())
        })
        .await;
        let archive = ann.get(&format!("{path}/archive")).send().await.expect(200).body;
        let files = crate::privacy::unpack(&archive);
        assert!(files[&format!("saves/parts/{hash}.bin")] == content);
    }

    async fn uploads_leave_with_their_player(app, |config| {
        config.privacy.erasure_grace_s = 0;
        // The erasure begins when the last request must be over.
        config.http.request_timeout_ms = 2_000;
    }) {
        let ann = app.as_player("ann").await;
        assert!(upload(&ann, &noise(6, 1000)).await.stored);
        // One that is under way, and one that was only begun.
        let half = begin(&ann, &noise(7, 1000)).await;
        send(&ann, &half, 0, sealed(&half, &noise(7, 1000), 0)).await;
        begin(&ann, &noise(8, 1000)).await;
        let blob = store(&app.config.blob, app.data());
        let game = app_game(&blob).await;
        assert_eq!(blob.list(&format!("upload/{game}/{}", half.upload_id), 10).await.unwrap().len(), 1);
        let body = json!({ "password": aethex_tests::app::password_of("ann") });
        ann.call(Method::POST, "/api/v1/privacy/erasure").json(&body).send().await.expect(202);
        until("the chunks to go", async || {
            blob.older_than(std::time::Duration::ZERO, 10, |folder| folder == "upload").await.unwrap().is_empty()
                .then_some(())
        })
        .await;
        // A listing by age does not tell of this second's.
        until("the last chunk to go", async || {
            blob.list(&format!("upload/{game}/{}", half.upload_id), 10).await.unwrap().is_empty().then_some(())
        })
        .await;
    }
}

/// The only game that has uploads here.
async fn app_game(blob: &aethex_backend::ports::blob::Blob) -> String {
    until("a chunk to be older than now", async || {
        let keys = blob.older_than(std::time::Duration::ZERO, 1, |folder| folder == "upload").await.unwrap();
        keys.first().map(|key| key.split('/').nth(1).unwrap().to_owned())
    })
    .await
}
