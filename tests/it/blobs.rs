//! The blob store, on a folder and on a real S3 server that is killed, lied to and left hanging.

use aethex_backend::Server;
use aethex_backend::config::Config;
use aethex_backend::doctor;
use aethex_backend::ports::blob::config::BlobConfig;
use aethex_backend::ports::blob::{Blob, Opened, is_unavailable};
use aethex_tests::player::{bytes_request, noise, unpacked};
use aethex_tests::proxy::Weather;
use aethex_tests::s3::{S3, store};
use aethex_tests::wait::in_time;
use aethex_tests::{App, Client, Engine, Player, Proxy, Reply, app, until};
use aethex_wire::ErrorCode;
use aethex_wire::saves::SaveVersion;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;
/// What is too large for a row.
const LARGE: usize = 200_000;
/// Good for the length of a test.
const TTL: Duration = Duration::from_secs(300);

async fn shared() -> &'static S3 {
    tokio::task::spawn_blocking(S3::shared).await.unwrap()
}

/// Both engines, each empty.
async fn stores() -> (TempDir, [Blob; 2]) {
    let folder = TempDir::with_prefix("aethex-blobs-").unwrap();
    let local = store(&BlobConfig::default(), folder.path());
    let s3 = store(&shared().await.settings(), folder.path());
    (folder, [local, s3])
}

async fn whole(opened: Opened) -> std::io::Result<Vec<u8>> {
    opened
        .pieces
        .try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

fn missing<T: std::fmt::Debug>(result: std::io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
}

fn unavailable<T: std::fmt::Debug>(what: &str, result: std::io::Result<T>) {
    let error = result.expect_err(what);
    assert!(is_unavailable(&error) && error.kind() != ErrorKind::NotFound, "{what}: {error}");
}

/// A plain client's request, to a URL as it was given.
async fn plain(method: Method, url: &str, body: &[u8]) -> Reply {
    let client = Client::new("");
    let call = client.request(method.clone(), url);
    if method == Method::PUT { call.body("", body.to_vec()).send().await } else { call.send().await }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_any_size_come_back_as_they_were() {
    let (_folder, stores) = stores().await;
    for blob in &stores {
        blob.reach().await.unwrap();
        for len in [0, 1, LARGE, 8 * MIB, 8 * MIB + 1, 16 * MIB, 16 * MIB + 3] {
            let (key, body) = (format!("game/player/object-{len}"), noise(len as u64, len));
            assert_eq!(blob.len(&key).await.unwrap(), None);
            blob.put(&key, body.clone().into()).await.unwrap();
            // Keys are never reused, so the same again is the same object.
            blob.put(&key, body.clone().into()).await.unwrap();
            assert_eq!(blob.len(&key).await.unwrap(), Some(len as u64));
            assert!(blob.get(&key).await.unwrap() == body, "{len}");
            let opened = blob.open(&key).await.unwrap();
            assert_eq!(opened.len, len as u64);
            assert!(whole(opened).await.unwrap() == body, "{len}");
            blob.delete(&key).await.unwrap();
            blob.delete(&key).await.unwrap();
            missing(blob.get(&key).await);
            missing(blob.open(&key).await);
            assert_eq!(blob.len(&key).await.unwrap(), None);
        }
        assert_eq!(blob.delete_all("game").await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_larger_than_memory_should_hold_goes_through_a_file() {
    const LEN: usize = 100 * MIB + 17;
    let (folder, stores) = stores().await;
    let piece = noise(5, MIB);
    for blob in &stores {
        let mut file = blob.begin("export/game/player/one").await.unwrap();
        let mut hash = blake3::Hasher::new();
        let mut left = LEN;
        while left > 0 {
            let len = left.min(MIB);
            file.write_all(&piece[..len]).unwrap();
            hash.update(&piece[..len]);
            left -= len;
        }
        drop(file);
        assert_eq!(blob.len("export/game/player/one").await.unwrap(), None, "it is no object yet");
        assert_eq!(blob.keep("export/game/player/one").await.unwrap(), LEN as i64);
        let mut opened = blob.open("export/game/player/one").await.unwrap();
        let mut found = blake3::Hasher::new();
        let mut largest = 0;
        while let Some(piece) = opened.pieces.next().await {
            let piece = piece.unwrap();
            largest = largest.max(piece.len());
            found.update(&piece);
        }
        assert_eq!(found.finalize(), hash.finalize());
        assert!(largest <= MIB, "a piece of {largest} bytes");
        // What is begun and not kept leaves nothing, whoever takes it away.
        let _ = blob.begin("export/game/player/two").await.unwrap();
        blob.discard("export/game/player/two").await.unwrap();
        blob.discard("export/game/player/two").await.unwrap();
        missing(blob.keep("export/game/player/two").await);
        let _ = blob.begin("export/game/player/three").await.unwrap();
        assert_eq!(blob.delete_all("export/game/player").await.unwrap(), 2);
        assert_eq!(blob.delete_all("export/game/player").await.unwrap(), 0);
    }
    assert_eq!(aethex_tests::player::files(&folder.path().join("staging")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_come_in_pages_and_name_only_what_is_wanted() {
    /// More than a page of S3's.
    const OBJECTS: usize = 1_020;
    let (_folder, stores) = stores().await;
    for blob in &stores {
        let keys: Vec<String> = (0..OBJECTS).map(|n| format!("wanted{}/p/{n}", n % 3)).collect();
        let others = ["other/p/1".to_owned(), "wanted-not/p/1".to_owned()];
        futures_util::stream::iter(keys.iter().chain(&others))
            .for_each_concurrent(16, async |key| blob.put(key, Bytes::from_static(b"x")).await.unwrap())
            .await;
        let wanted = |folder: &str| matches!(folder, "wanted0" | "wanted1" | "wanted2");
        // A listing tells seconds: what was put in this one is not older than it.
        let all = until("the objects to be older than now", async || {
            let found = blob.older_than(Duration::ZERO, 10_000, wanted).await.unwrap();
            (found.len() >= OBJECTS).then_some(found)
        })
        .await;
        let (mut found, mut expected) = (all, keys.clone());
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(blob.older_than(Duration::ZERO, 7, wanted).await.unwrap().len(), 7);
        assert!(blob.older_than(Duration::from_secs(3600), 10_000, wanted).await.unwrap().is_empty());
        for folder in ["wanted0", "wanted1", "wanted2/p"] {
            assert_eq!(blob.delete_all(folder).await.unwrap(), OBJECTS as u64 / 3, "{folder}");
        }
        assert_eq!(blob.delete_all("wanted").await.unwrap(), 0, "no folder, and no other's beginning");
        for key in &others {
            assert_eq!(blob.len(key).await.unwrap(), Some(1), "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_parts_that_was_cut_off_can_be_taken_away() {
    let folder = TempDir::with_prefix("aethex-blobs-").unwrap();
    let blob = store(&shared().await.settings(), folder.path());
    let body = Bytes::from(noise(3, 64 * MIB));
    let mut cut = 0;
    // Dropped at some point of its way, sooner or later between its beginning and its end.
    for attempt in 0..20 {
        let putting = blob.put("game/player/cut", body.clone());
        let _ = tokio::time::timeout(Duration::from_millis(20 * (attempt + 1)), putting).await;
        let was_there = blob.len("game/player/cut").await.unwrap().is_some();
        cut += blob.delete_all("game/player").await.unwrap() - u64::from(was_there);
        assert_eq!(blob.delete_all("game/player").await.unwrap(), 0);
    }
    assert!(cut > 0, "no upload was cut off in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_urls_allow_what_they_say_and_nothing_else() {
    let folder = TempDir::with_prefix("aethex-blobs-").unwrap();
    let (local, blob) =
        (store(&BlobConfig::default(), folder.path()), store(&shared().await.settings(), folder.path()));
    assert_eq!((local.presign_put("a/b", 1, TTL), local.presign_get("a/b", TTL)), (None, None));
    let body = noise(9, LARGE);
    let put = blob.presign_put("game/player/chunk", LARGE as u64, TTL).unwrap();
    let get = blob.presign_get("game/player/chunk", TTL).unwrap();
    // Refused: another length, another signature, another key, another method, no signature.
    for (what, method, url, body) in [
        ("shorter", Method::PUT, put.clone(), &body[1..]),
        ("longer", Method::PUT, put.clone(), &[&body[..], b"x"].concat()[..]),
        ("signature", Method::PUT, put.replace("Signature=", "Signature=0"), &body[..]),
        ("key", Method::PUT, put.replace("/chunk?", "/other?"), &body[..]),
        ("lifetime", Method::PUT, put.replace("Expires=300", "Expires=301"), &body[..]),
        ("method", Method::PUT, get.clone(), &body[..]),
        ("unsigned", Method::PUT, put.split('?').next().unwrap().to_owned(), &body[..]),
        ("a put's", Method::GET, put.clone(), b""),
    ] {
        let reply = plain(method, &url, body).await;
        assert!(matches!(reply.status, 400 | 403), "{what}: {reply}");
    }
    assert_eq!(blob.len("game/player/chunk").await.unwrap(), None);
    plain(Method::PUT, &put, &body).await.expect(200);
    assert!(plain(Method::GET, &get, b"").await.expect(200).body == body);
    assert!(blob.get("game/player/chunk").await.unwrap() == body);
    for url in [get.replace("Signature=", "Signature=0"), get.split('?').next().unwrap().to_owned()] {
        plain(Method::GET, &url, b"").await.expect(403);
    }
    let brief = blob.presign_get("game/player/chunk", Duration::from_secs(1)).unwrap();
    until("the URL to expire", async || (plain(Method::GET, &brief, b"").await.status == 403).then_some(()))
        .await;
    plain(Method::GET, &get, b"").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_asked_is_not_an_empty_one() {
    let folder = TempDir::with_prefix("aethex-blobs-").unwrap();
    let good = shared().await.settings();
    let wrong = [
        ("no bucket", BlobConfig { bucket: "nothing".into(), ..good.clone() }, "blob.bucket"),
        (
            "wrong secret",
            BlobConfig { access_key_secret: "x".into(), ..good.clone() },
            "blob.access_key_secret",
        ),
        ("wrong key", BlobConfig { access_key_id: "x".into(), ..good.clone() }, "blob.access_key_id"),
        ("no server", BlobConfig { endpoint: "http://127.0.0.1:1".into(), ..good.clone() }, "blob.endpoint"),
    ];
    for (what, settings, setting) in wrong {
        let blob = store(&settings, folder.path());
        unavailable(what, blob.get("a/b").await);
        unavailable(what, blob.open("a/b").await);
        unavailable(what, blob.len("a/b").await);
        unavailable(what, blob.delete_all("a").await);
        unavailable(what, blob.put("a/b", Bytes::from_static(b"x")).await);
        unavailable(what, blob.put("a/b", vec![0; 9 * MIB].into()).await);
        unavailable(what, blob.ping().await);
        // The server says so at its start, and does not start.
        let config = Config { blob: settings, ..Config::for_tests(folder.path()) };
        let words = Server::start(config.clone()).await.unwrap_err().to_string();
        assert!(words.contains(setting) && !words.contains("a secret of"), "{what}: {words}");
        let checks = doctor::run(&config).await;
        let check = checks.iter().find(|check| check.what == "blob store").unwrap();
        assert!(check.outcome.as_ref().unwrap_err().contains(setting), "{what}: {check:?}");
    }
    let config = Config { blob: good.clone(), ..Config::for_tests(folder.path()) };
    assert!(!format!("{config:?}").contains(&good.access_key_secret));
    for check in doctor::run(&config).await {
        assert!(check.outcome.is_ok(), "{check:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let folder = TempDir::with_prefix("aethex-blobs-").unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let (counted, address) = (asked.clone(), silent.local_addr().unwrap());
    let holding = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            open.push(stream);
        }
    });
    let settings =
        BlobConfig { endpoint: format!("http://{address}"), timeout_ms: 100, ..shared().await.settings() };
    let blob = store(&settings, folder.path());
    let started = Instant::now();
    unavailable("hanging", blob.get("a/b").await);
    assert_eq!(asked.load(Ordering::SeqCst), 4, "tries");
    unavailable("hanging", blob.put("a/b", Bytes::from_static(b"x")).await);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    // By now it is taken to be down: nobody waits, and it is left alone.
    let (before, started) = (asked.load(Ordering::SeqCst), Instant::now());
    for _ in 0..100 {
        unavailable("down", blob.get("a/b").await);
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(asked.load(Ordering::SeqCst) <= before + 4, "a server that is down is not stormed");
    holding.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_cut_off_goes_on_where_it_was() {
    let folder = TempDir::with_prefix("aethex-blobs-").unwrap();
    let server = shared().await;
    let proxy = Arc::new(Proxy::start(&server.endpoint()).await);
    let mut fair = tokio::task::JoinSet::new();
    let settings = BlobConfig { endpoint: proxy.url(), ..server.settings() };
    let blob = store(&settings, folder.path());
    let body = noise(4, 24 * MIB);
    blob.put("game/player/large", body.clone().into()).await.unwrap();
    let mut opened = blob.open("game/player/large").await.unwrap();
    let mut found = Vec::new();
    let mut cuts = 0;
    while let Some(piece) = opened.pieces.next().await {
        found.extend_from_slice(&piece.unwrap());
        // Early: what the sockets hold of an answer, 10 MiB at most, can no longer be lost.
        if cuts < 2 && found.len() > (cuts + 1) * 4 * MIB {
            cuts += 1;
            // What is under way ends: the next piece of the answer is lost with its connection.
            let (before, proxy) = (proxy.answers_lost(), proxy.clone());
            proxy.set(Weather::AnswersLost);
            fair.spawn(async move {
                while proxy.answers_lost() == before {
                    tokio::task::yield_now().await;
                }
                proxy.set(Weather::Fair);
            });
        }
    }
    in_time("the cuts", fair.join_all()).await;
    assert!(found == body && cuts == 2, "{} bytes after {cuts} cuts", found.len());
}

/// A save that was sent, by its idempotency key.
#[derive(Debug, Default)]
struct Ledger {
    acknowledged: HashMap<String, (SaveVersion, u64)>,
    refused: Vec<(String, String, u64)>,
}

/// Large saves, one after the other, until told to stop. What is refused is refused as overload.
async fn write(player: Player, writer: u64, ledger: Arc<Mutex<Ledger>>, over: Arc<AtomicBool>) {
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let (seed, slot) = (writer * 10_000 + number, format!("slot{writer}"));
        let key = format!("key-{seed}");
        let reply = player.put_frame(&bytes_request(&slot), &noise(seed, LARGE), &key).send().await;
        if reply.status == 201 {
            ledger.lock().acknowledged.insert(key, (reply.json(), seed));
        } else {
            reply.refused(ErrorCode::Overloaded);
            assert!(!reply.header("retry-after").is_empty(), "{reply}");
            ledger.lock().refused.push((key, slot, seed));
        }
    }
}

#[test]
fn a_killed_s3_server_costs_no_acknowledged_save() {
    for engine in [Engine::Postgres, Engine::Sqlite] {
        let server = S3::start();
        let settings = BlobConfig { timeout_ms: 1_000, ..server.settings() };
        app::run(
            engine,
            |config| config.blob = settings,
            async |app| {
                let server = &server;
                kill_and_start_again(app, server).await;
            },
        );
    }
}

/// What the backend remembers of a content it may tell; else it says that it cannot, and never that there is none.
async fn read_or_shed(player: &Player, slot: &str) {
    let reply = player.get(&player.slot_path(slot)).send().await;
    if reply.status != 200 {
        reply.refused(ErrorCode::Overloaded);
    }
}

async fn kill_and_start_again(app: &App, server: &S3) {
    const WRITERS: u64 = 4;
    let ann = app.as_player("ann").await;
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    for round in 0..2 {
        let over = Arc::new(AtomicBool::new(false));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write(ann.clone(), round * 100 + writer, ledger.clone(), over.clone()));
        }
        let before = {
            let ledger = ledger.lock();
            (ledger.acknowledged.len(), ledger.refused.len())
        };
        until("saves", async || (ledger.lock().acknowledged.len() >= before.0 + 10).then_some(())).await;
        tokio::task::block_in_place(|| server.kill());
        until("saves to be refused", async || (ledger.lock().refused.len() > before.1).then_some(())).await;
        app.get("/readyz").send().await.expect(503);
        app.get("/healthz").send().await.expect(200);
        over.store(true, Ordering::SeqCst);
        writers.join_all().await;
        // A slot whose content cannot be read is not an empty slot.
        let some = ledger.lock().acknowledged.values().next().unwrap().0.clone();
        read_or_shed(&ann, &some.slot).await;
        tokio::task::block_in_place(|| server.start_again());
        until("the backend to be ready", async || {
            (app.get("/readyz").send().await.status == 200).then_some(())
        })
        .await;
        let refused: Vec<_> = ledger.lock().refused.drain(..).collect();
        for (key, slot, seed) in refused {
            let stored = until("the store", async || {
                let reply = ann.put_frame(&bytes_request(&slot), &noise(seed, LARGE), &key).send().await;
                (reply.status == 201).then(|| reply.json::<SaveVersion>())
            })
            .await;
            ledger.lock().acknowledged.insert(key, (stored, seed));
        }
    }
    let acknowledged: Vec<_> = ledger.lock().acknowledged.values().cloned().collect();
    for (version, seed) in &acknowledged {
        let (frame, found) = ann.get_frame(&version.slot, Some(&version.version)).await;
        assert!(
            unpacked(frame.compression, &found) == noise(*seed, LARGE) && frame.version.hash == version.hash,
            "a save came back altered"
        );
    }
    // No version without its content, and none that nobody was told of.
    let slots: std::collections::HashSet<&str> =
        acknowledged.iter().map(|(version, _)| version.slot.as_str()).collect();
    let mut versions = 0;
    for slot in slots {
        for version in ann.history(slot).await {
            ann.get_frame(slot, Some(&version.version)).await;
            versions += 1;
        }
    }
    assert_eq!(versions, acknowledged.len());
}

#[test]
fn a_bucket_that_is_removed_under_a_running_server_is_not_an_empty_one() {
    let server = S3::start();
    server.make_bucket("fleeting");
    let settings = BlobConfig { bucket: "fleeting".into(), timeout_ms: 2_000, ..server.settings() };
    app::run(
        Engine::Sqlite,
        |config| config.blob = settings,
        async |app| {
            let ann = app.as_player("ann").await;
            ann.put_bytes("large", &noise(1, LARGE)).await;
            ann.put_save("small", "in a row").await;
            tokio::task::block_in_place(|| server.remove_bucket("fleeting"));
            until("the server to notice", async || {
                (app.get("/readyz").send().await.status == 503).then_some(())
            })
            .await;
            read_or_shed(&ann, "large").await;
            ann.put_frame(&bytes_request("large"), &noise(2, LARGE), "")
                .send()
                .await
                .refused(ErrorCode::Overloaded);
            assert_eq!(ann.history("large").await.len(), 1, "a save without a content");
            assert_eq!(ann.get_save("small").await["data"], "in a row");
            tokio::task::block_in_place(|| server.make_bucket("fleeting"));
        },
    );
}

#[test]
fn a_save_of_16_mib_goes_in_parts() {
    app::run(
        Engine::PostgresAndS3,
        |_| {},
        async |app| {
            let ann = app.as_player("ann").await;
            let body = noise(1, 16 * MIB);
            ann.put_bytes("largest", &body).await;
            assert!(ann.get_frame("largest", None).await.1 == body);
            let blob = store(&app.config.blob, app.data());
            let keys = until("the object to be older than now", async || {
                let keys = blob.older_than(Duration::ZERO, 10, |_| true).await.unwrap();
                (!keys.is_empty()).then_some(keys)
            })
            .await;
            assert_eq!(keys.len(), 1);
            // Sealed, it is a little longer.
            assert!(blob.len(&keys[0]).await.unwrap().unwrap() >= 16 * MIB as u64);
            ann.delete_save("largest").await.expect(204);
            assert_eq!(blob.len(&keys[0]).await.unwrap(), None);
        },
    );
}
