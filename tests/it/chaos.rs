//! The backend's binary, killed in the middle of its work, over and over.
//!
//! Each round starts the server on the data that the last one left, checks every save that was ever
//! acknowledged, and repeats what was under way when the kill came: it must be stored once, not twice.
//! `AETHEX_KILL_ROUNDS` sets the rounds on SQLite, `AETHEX_KILL_ROUNDS_POSTGRES` those on PostgreSQL;
//! without them there are few, or many with `AETHEX_TEST_SLOW=1`.

use aethex_tests::player::{bytes_request, noise};
use aethex_tests::postgres::Database;
use aethex_tests::process::{Process, Setup};
use aethex_tests::{Client, Player};
use aethex_wire::auth::{LoggedIn, Tokens};
use aethex_wire::saves::SaveVersion;
use parking_lot::Mutex;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Rounds on SQLite, and of the slow tests.
const ROUNDS_SQLITE: (u32, u32) = (15, 200);
/// Rounds on PostgreSQL, and of the slow tests.
const ROUNDS_POSTGRES: (u32, u32) = (6, 50);
/// Devices of one player that save without a pause.
const WRITERS: u64 = 4;
/// For so many rounds the same slots are written, then new ones: histories stay short, and what is checked in
/// a round does not grow with the rounds before it. At the end everything is read back.
const ROUNDS_OF_A_SLOT: u32 = 25;
/// Where writers stop that are faster than their kill.
const SAVES_OF_A_ROUND_MAX: usize = 60;
/// How soon a killed server must serve again.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// A save under way: what a device would find in its outbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sent {
    slot: String,
    key: String,
    seed: u64,
    len: usize,
}

impl Sent {
    /// Small ones lie in a row, large ones in the blob store.
    fn new(round: u32, writer: u64, number: u64) -> Sent {
        let len = [100, 4096, 70_000, 250_000][(number % 4) as usize];
        let seed = u64::from(round) << 32 | writer << 24 | number;
        Sent {
            slot: format!("slot {}.{}", round / ROUNDS_OF_A_SLOT, (writer + number) % 3),
            key: format!("{round}.{writer}.{number}"),
            seed,
            len,
        }
    }

    async fn send(&self, player: &Player) -> Option<SaveVersion> {
        let mut request = bytes_request(&self.slot);
        request.label.clone_from(&self.key);
        let reply =
            player.put_frame(&request, &noise(self.seed, self.len), &self.key).try_send().await.ok()?;
        Some(reply.expect(201).json())
    }
}

/// What the devices know.
#[derive(Debug, Default)]
struct Ledger {
    acknowledged: HashMap<Sent, SaveVersion>,
    under_way: HashSet<Sent>,
    /// Keys of those that were read back after a kill already.
    verified: HashSet<String>,
}

#[test]
fn a_killed_server_keeps_every_acknowledged_save_on_sqlite() {
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let rounds = rounds("AETHEX_KILL_ROUNDS", ROUNDS_SQLITE);
    runtime().block_on(kill_over_and_over(&Setup::new(&folder.path().join("data")), rounds));
}

#[test]
fn a_killed_server_keeps_every_acknowledged_save_on_postgres() {
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let rounds = rounds("AETHEX_KILL_ROUNDS_POSTGRES", ROUNDS_POSTGRES);
    runtime().block_on(async {
        let database = Database::create().await;
        let setup = Setup::new(&folder.path().join("data")).database(&database.url);
        kill_over_and_over(&setup, rounds).await;
    });
}

fn rounds(variable: &str, (usual, slow): (u32, u32)) -> u32 {
    let set = |variable| std::env::var(variable).ok().filter(|text| !text.is_empty());
    match set(variable) {
        Some(text) => text.parse().expect("a number of rounds"),
        None if set("AETHEX_TEST_SLOW").is_some_and(|slow| slow != "0") => slow,
        None => usual,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn kill_over_and_over(setup: &Setup, rounds: u32) {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut session: Option<Player> = None;
    for round in 0..rounds {
        let server = setup.start();
        assert!(server.ready_after < READY_WITHIN, "round {round}: ready after {:?}", server.ready_after);
        let player = match session.take() {
            None => register(&server).await,
            Some(before) => return_to(&server, before).await,
        };
        repeat_what_was_under_way(&player, &ledger).await;
        verify(&player, &ledger, &format!("round {round}")).await;
        write_until_killed(server, &player, &ledger, round).await;
        session = Some(player);
    }
    let server = setup.start();
    let player = return_to(&server, session.unwrap()).await;
    repeat_what_was_under_way(&player, &ledger).await;
    ledger.lock().verified.clear();
    verify(&player, &ledger, "the end").await;
    let acknowledged = ledger.lock().acknowledged.len();
    assert!(acknowledged as u32 >= rounds, "{acknowledged} saves in {rounds} rounds test nothing");
    assert!(server.stop().success());
}

async fn register(server: &Process) -> Player {
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let client = server.client();
    let logged_in: LoggedIn =
        client.post("/api/v1/auth/register").json(&body).send().await.expect(201).json();
    Player::new(client, "ann", logged_in)
}

/// The session from before the kill goes on: by its access token, and by its refresh token.
async fn return_to(server: &Process, before: Player) -> Player {
    let mut player = Player { client: Client::new(&server.url), ..before };
    player.get("/api/v1/auth/profile").send().await.expect(200);
    let tokens: Tokens = player.refresh(&player.tokens.refresh_token).await.expect(200).json();
    player.tokens = tokens;
    player
}

async fn write_until_killed(server: Process, player: &Player, ledger: &Arc<Mutex<Ledger>>, round: u32) {
    let mut writers = tokio::task::JoinSet::new();
    let before = ledger.lock().acknowledged.len();
    for writer in 0..WRITERS {
        let (player, ledger) = (player.clone(), ledger.clone());
        writers.spawn(async move {
            for number in 0.. {
                let sent = Sent::new(round, writer, number);
                ledger.lock().under_way.insert(sent.clone());
                let Some(version) = sent.send(&player).await else { return };
                let mut ledger = ledger.lock();
                ledger.under_way.remove(&sent);
                ledger.acknowledged.insert(sent, version);
                if ledger.acknowledged.len() >= before + SAVES_OF_A_ROUND_MAX {
                    return;
                }
            }
        });
    }
    // The kill comes after a different number of saves each round, and at no particular point of one.
    let wanted = before + 3 + (round as usize * 7) % 23;
    aethex_tests::until("saves to be acknowledged", async || {
        (ledger.lock().acknowledged.len() >= wanted).then_some(())
    })
    .await;
    server.kill();
    writers.join_all().await;
}

async fn repeat_what_was_under_way(player: &Player, ledger: &Mutex<Ledger>) {
    let under_way: Vec<Sent> = ledger.lock().under_way.drain().collect();
    for sent in under_way {
        let version = sent.send(player).await.expect("the server is up");
        ledger.lock().acknowledged.insert(sent, version);
    }
}

/// Every acknowledged version is there, byte-identical, once, and the line of heads is unbroken.
async fn verify(player: &Player, ledger: &Mutex<Ledger>, when: &str) {
    let unverified: Vec<(Sent, SaveVersion)> = {
        let ledger = ledger.lock();
        let new = ledger.acknowledged.iter().filter(|(sent, _)| !ledger.verified.contains(&sent.key));
        new.map(|(sent, version)| (sent.clone(), version.clone())).collect()
    };
    for (sent, version) in &unverified {
        let (frame, content) = player.get_frame(&sent.slot, Some(&version.version)).await;
        assert_eq!(&frame.version, version, "{when}: {}", sent.key);
        assert!(content == noise(sent.seed, sent.len), "{when}: {} came back changed", sent.key);
        ledger.lock().verified.insert(sent.key.clone());
    }
    let slots: HashSet<&str> = unverified.iter().map(|(sent, _)| sent.slot.as_str()).collect();
    for slot in slots {
        let history = player.history(slot).await;
        let keys: HashSet<&str> = history.iter().map(|version| version.label.as_str()).collect();
        assert_eq!(keys.len(), history.len(), "{when}: a save of {slot} is there twice");
        let mut line: Vec<i64> = history.iter().filter_map(|version| version.sequence).collect();
        line.sort_unstable();
        assert_eq!(
            line,
            (1..=history.len() as i64).collect::<Vec<_>>(),
            "{when}: the line of {slot} is broken"
        );
        player.get_frame(slot, None).await;
    }
}

/// A system call, as the tracer saw it end.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Flush,
    Answer(u16),
}

/// Reads `strace -f`: a call that another thread interrupts is printed in two lines, the second counts.
fn calls(trace: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, bool> = HashMap::new();
    let mut found = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let is_flush = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        if is_flush && call.contains("<unfinished") {
            begun.insert(thread, true);
        } else if call.ends_with("= 0")
            && (is_flush || (call.starts_with("<... f") && begun.remove(thread).is_some()))
        {
            found.push(Call::Flush);
        } else if let Some(at) = call.find("\"HTTP/1.1 ") {
            found.push(Call::Answer(call[at + 10..at + 13].parse().unwrap()));
        }
    }
    found
}

#[test]
fn a_save_is_on_the_disk_before_its_answer_leaves() {
    const SAVES: usize = 6;
    assert!(
        Path::new("/usr/bin/strace").exists(),
        "install strace: this test watches the server's system calls"
    );
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let trace = folder.path().join("trace");
    let strace: Vec<OsString> = [
        "/usr/bin/strace",
        "-f",
        "-qq",
        "-s",
        "32",
        "-e",
        "trace=fsync,fdatasync,write,writev,sendto,sendmsg",
        "-o",
    ]
    .iter()
    .map(OsString::from)
    .chain([trace.clone().into_os_string()])
    .collect();
    let server = Setup::new(&folder.path().join("data")).under(&strace).start();
    runtime().block_on(async {
        let player = register(&server).await;
        for (slot, len) in [("in a row", 4096), ("in a blob", 200_000)] {
            for number in 0..SAVES {
                player.put_bytes(slot, &noise(number as u64, len)).await;
            }
        }
    });
    assert!(server.stop().success());
    let calls = calls(&std::fs::read_to_string(&trace).unwrap());
    let mut flushes = 0;
    let mut before_answers = Vec::new();
    for call in &calls {
        match call {
            Call::Flush => flushes += 1,
            Call::Answer(201) => before_answers.push(std::mem::take(&mut flushes)),
            Call::Answer(_) => flushes = 0,
        }
    }
    assert_eq!(before_answers.len(), 1 + 2 * SAVES, "one answer each: {calls:?}");
    let (rows, blobs) = before_answers[1..].split_at(SAVES);
    assert!(rows.iter().all(|flushes| *flushes >= 1), "a save was answered before it was flushed: {rows:?}");
    // The object, its folder, then the row that names it.
    assert!(
        blobs.iter().all(|flushes| *flushes >= 3),
        "a blob was answered before it was flushed: {blobs:?}"
    );
}

#[test]
fn a_server_asked_to_stop_says_so_by_its_exit_code() {
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let setup = Setup::new(&folder.path().join("data"));
    let server = setup.start();
    let url = server.url.clone();
    runtime().block_on(async {
        let player = register(&server).await;
        player.put_save("s", "x").await;
    });
    assert!(!server.log().contains("ERROR"), "{}", server.log());
    assert!(server.stop().success());
    assert!(std::net::TcpStream::connect(url.trim_start_matches("http://")).is_err());
}

/// Logs are read by people and shipped to others: nothing in them is a secret.
#[test]
fn logs_hold_no_secrets() {
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let server = Setup::new(&folder.path().join("data")).env("AETHEX_LOG", "debug").start();
    let log = runtime().block_on(async {
        let player = register(&server).await;
        player.put_save("a secret slot", "the content of a save").await;
        player.refresh(&player.tokens.refresh_token).await.expect(200);
        let client = server.client();
        let login = json!({ "email": "ann@example.com", "password": "a wrong guess" });
        client.post("/api/v1/auth/login").json(&login).send().await.expect(401);
        let injected = client.get("/x%0a%7b%22level%22:%22ERROR%22%7d").header("x-request-id", "\u{9b}31m");
        injected.send().await.expect(404);
        client
            .post("/api/v1/auth/login")
            .body("application/json", "{\"email\":\"broken")
            .send()
            .await
            .expect(400);
        let log = server.log();
        for secret in [
            player.tokens.access_token.as_str(),
            &player.tokens.refresh_token,
            "ann@example.com",
            "correct horse",
            "a wrong guess",
            "the content of a save",
            "\u{1b}",
            "\u{9b}",
        ] {
            assert!(!log.contains(secret), "the log holds {secret:?}");
        }
        log
    });
    for line in log.lines() {
        let parsed: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(parsed["level"], "ERROR", "{line}");
    }
    assert!(server.stop().success());
}
