//! Little that becomes much: what should fill the memory or hold up everyone else.

use aethex_tests::player::bytes_request;
use aethex_tests::process::{Process, Setup};
use aethex_tests::raw::Raw;
use aethex_tests::{App, Client, Engine, Player, app, on_both_engines};
use aethex_wire::auth::LoggedIn;
use aethex_wire::saves::{Compression, Encoding, FRAME_MEDIA_TYPE, PutSaveRequest};
use aethex_wire::value::{self, Array, Value};
use serde_json::json;
use std::time::{Duration, Instant};

/// A part of what one save may have: unoptimised, each costs a good deal of time.
const VALUES: usize = 300_000;
/// A few of these values at once fit in it, unpacked and as JSON; a hundred do not.
const MEMORY_PEAK_MAX_KIB: u64 = 400 * 1024;

/// A few bytes that unpack to a third of a megabyte and decode to some twenty.
fn dense() -> Vec<u8> {
    let items = vec![Value::Null; VALUES];
    let plain = value::encode(&Value::Array(Array { items, ..Array::default() })).unwrap();
    let packed = zstd::bulk::compress(&plain, 3).unwrap();
    assert!(packed.len() < 200 && plain.len() > VALUES, "{} of {}", packed.len(), plain.len());
    packed
}

fn dense_request(slot: &str) -> PutSaveRequest {
    let mut request = bytes_request(slot);
    (request.encoding, request.compression) = (Some(Encoding::Value), Some(Compression::Zstd));
    request
}

async fn register(server: &Process) -> Player {
    let client = server.client();
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let logged_in: LoggedIn =
        client.post("/api/v1/auth/register").json(&body).send().await.expect(201).json();
    Player::new(client, "ann", logged_in)
}

/// Runs a test on a process of its own, whose memory is measured at the end.
fn measured(test: impl AsyncFnOnce(&Process, Player)) {
    let folder = tempfile::TempDir::with_prefix("aethex-test-").unwrap();
    let mut server = Setup::new(&folder.path().join("data")).start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let ann = register(&server).await;
        test(&server, ann).await;
    });
    assert!(server.is_alive());
    let peak = server.memory_peak_kib();
    assert!(peak < MEMORY_PEAK_MAX_KIB, "the process grew to {peak} KiB");
    assert!(server.stop().success());
}

#[test]
fn dense_values_at_once_are_all_served_in_bounded_memory() {
    measured(async |_, ann| {
        let packed = dense();
        let mut running = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (ann, packed, slot) = (ann.clone(), packed.clone(), format!("s{number}"));
            running.spawn(async move {
                ann.put_frame(&dense_request(&slot), &packed, "").send().await.expect(201);
                let (_, payload) = ann.get_frame(&slot, None).await;
                assert_eq!(&payload[..], &packed[..]);
                let json = ann.get(&ann.slot_path(&slot)).send().await.expect(200);
                assert!(json.body.len() > "null,".len() * VALUES - 1);
            });
        }
        running.join_all().await;
    });
}

/// Whoever leaves does not make room for the next before his work is done.
#[test]
fn clients_that_leave_while_a_dense_value_is_written_do_not_pile_it_up() {
    measured(async |server, ann| {
        ann.put_frame(&dense_request("s"), &dense(), "").send().await.expect(201);
        let fresh = Client::new(&server.url);
        for _ in 0..100 {
            let mut raw = Raw::connect(&server.url).await;
            raw.send(ann.raw_head("GET", &ann.slot_path("s"), "")).await;
            // Its work has begun once others were answered who came later.
            for _ in 0..4 {
                fresh.get("/healthz").send().await.expect(200);
            }
        }
        let json = ann.get(&ann.slot_path("s")).send().await.expect(200);
        assert!(json.body.len() > "null,".len() * VALUES);
    });
}

/// For how much of the time that `work` took nobody else was served: 1 is all of it.
async fn longest_silence(client: &Client, work: impl Future<Output = ()>) -> f64 {
    let began = Instant::now();
    let (mut longest, mut last) = (Duration::ZERO, began);
    tokio::pin!(work);
    loop {
        let other = async { drop(client.get("/healthz").send().await.expect(200)) };
        tokio::select! {
            biased;
            () = other => {
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            () = &mut work => break,
        }
    }
    longest.max(last.elapsed()).as_secs_f64() / began.elapsed().as_secs_f64()
}

/// The server has one thread for requests here: whatever is worked out on it is a silence for all others.
#[test]
fn a_dense_value_is_worked_out_beside_the_requests() {
    /// Best of so many: what else the machine does may hold up one.
    const TRIES: usize = 3;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let app = Box::pin(App::start(Engine::Sqlite, |_: &mut app::Config| {})).await;
        let ann = app.as_player("ann").await;
        let packed = dense();
        let (mut put, mut get) = (1.0_f64, 1.0_f64);
        for _ in 0..TRIES {
            let saved =
                async { drop(ann.put_frame(&dense_request("s"), &packed, "").send().await.expect(201)) };
            put = put.min(longest_silence(app.client(), saved).await);
            let read = async { drop(ann.get(&ann.slot_path("s")).send().await.expect(200)) };
            get = get.min(longest_silence(app.client(), read).await);
        }
        assert!(put < 0.5 && get < 0.5, "others waited for {put:.2} of a save and {get:.2} of a load");
        app.finish().await;
    });
}

on_both_engines! {
    async fn bodies_that_are_only_announced_take_no_room(app) {
        let (ann, eve) = (app.as_player("ann").await, app.as_player("eve").await);
        let mut waiting = Vec::new();
        // Together they announce all the room that there is for large bodies, in pieces of two sizes.
        for len in [20 << 20; 12].into_iter().chain([1 << 20; 16]) {
            let mut raw = Raw::connect(app.url()).await;
            let headers = format!("content-type: {FRAME_MEDIA_TYPE}\r\ncontent-length: {len}\r\n");
            raw.send(eve.raw_head("POST", &eve.saves_path(), &headers) + "x").await;
            app.get("/healthz").send().await.expect(200);
            waiting.push(raw);
        }
        let large = aethex_tests::player::noise(1, 1 << 20);
        ann.put_bytes("s", &large).await;
        assert_eq!(ann.get_frame("s", None).await.1, large);
    }
}
