//! What retention keeps, and that nothing else is harmed by what it takes away.

use super::{bytes_of, change, put_bytes_on};
use aethex_tests::player::{files, noise};
use aethex_tests::process::Setup;
use aethex_tests::wait::until;
use aethex_tests::{App, Player, on_both_engines};
use aethex_wire::ErrorCode;
use aethex_wire::saves::SaveVersion;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

const HOUR_MS: i64 = 3600 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn now() -> i64 {
    aethex_backend::app::now_ms()
}

/// Content number `n` of a game that changes a little with every save: large enough to be stored as patches.
fn state(n: u64, len: usize) -> Vec<u8> {
    let mut state = noise(1, len);
    for step in 0..=n {
        let at = (step as usize * 7919) % (len - 8);
        state[at..at + 8].copy_from_slice(&step.to_le_bytes());
    }
    state
}

/// What a device knows of its saves.
type Ledger = BTreeMap<aethex_wire::ids::VersionId, (SaveVersion, Vec<u8>)>;

async fn save(ann: &Player, ledger: &mut Ledger, on: Option<&SaveVersion>, bytes: Vec<u8>) -> SaveVersion {
    let version = put_bytes_on(ann, "s", on, &bytes).await;
    ledger.insert(version.version.clone(), (version.clone(), bytes));
    version
}

/// Every version of the history either is a mark, or is read back as it was stored; which have contents.
async fn check(app: &App, ann: &Player, ledger: &Ledger) -> BTreeSet<aethex_wire::ids::VersionId> {
    // Nothing that the server remembers.
    app.stop().await;
    app.start_again().await;
    let mut there = BTreeSet::new();
    for version in ann.history("s").await {
        let (_, bytes) = &ledger[&version.version];
        if version.pruned {
            let path = format!("{}?version={}", ann.slot_path("s"), version.version);
            ann.get(&path).send().await.refused(ErrorCode::VersionNotFound);
            continue;
        }
        assert_eq!(bytes_of(ann, &version).await, *bytes, "{:?}", version.sequence);
        there.insert(version.version);
    }
    there
}

on_both_engines! {
    async fn what_is_not_kept_goes_and_all_else_stays_as_it_was(app) {
        let ann = app.as_player("ann").await;
        let mut ledger = Ledger::new();
        let mut line = Vec::new();
        for n in 0..40 {
            line.push(save(&ann, &mut ledger, None, state(n, 100_000)).await);
        }
        let side = save(&ann, &mut ledger, Some(&line[7]), noise(99, 50_000)).await;
        change(&ann, &line[3], json!({ "pinned": true })).await.expect(200);
        app.sweep_saves(now()).await;
        assert_eq!(check(app, &ann, &ledger).await.len(), 41, "all of the last hour");
        // In two days: the day's newest, the newest ten, the pin, the side and what it comes from.
        app.sweep_saves(now() + 2 * DAY_MS).await;
        let left = check(app, &ann, &ledger).await;
        let numbers: Vec<usize> =
            line.iter().enumerate().filter(|(_, v)| left.contains(&v.version)).map(|(n, _)| n).collect();
        let mut expected = vec![3, 7];
        expected.extend(30..40);
        // The saves may lie on both sides of a border of hours.
        assert!(expected.iter().all(|n| numbers.contains(n)) && numbers.len() <= expected.len() + 1, "{numbers:?}");
        assert!(left.contains(&side.version));
        // A device that was away is told, and not refused as a stranger.
        let late = save(&ann, &mut ledger, Some(&line[12]), noise(5, 100)).await;
        assert_eq!(late.sequence, None);
        // Pins can be taken back, and sides end.
        change(&ann, &line[3], json!({ "pinned": false })).await.expect(200);
        change(&ann, &line[12], json!({ "pinned": true })).await.refused(ErrorCode::VersionNotFound);
        app.sweep_saves(now() + 400 * DAY_MS + HOUR_MS).await;
        let left = check(app, &ann, &ledger).await;
        assert_eq!(left.len(), 10);
        assert!(line[30..].iter().all(|version| left.contains(&version.version)));
        // The slot goes on.
        let next = save(&ann, &mut ledger, None, state(41, 100_000)).await;
        assert_eq!(next.sequence, Some(41));
        // Old marks are gone by now: an old device's save still never counts as the head.
        let reply = ann.put_on("s", "x", &[&line[5].version]).await;
        reply.refused(ErrorCode::UnknownParent);
        check(app, &ann, &ledger).await;
    }

    async fn an_old_version_without_successor_is_not_the_head(app) {
        let ann = app.as_player("ann").await;
        let mut ledger = Ledger::new();
        let mut line = Vec::new();
        for n in 0..20 {
            line.push(save(&ann, &mut ledger, None, noise(n, 100)).await);
        }
        change(&ann, &line[2], json!({ "pinned": true })).await.expect(200);
        app.sweep_saves(now() + 2 * DAY_MS).await;
        app.sweep_saves(now() + 402 * DAY_MS).await;
        let history = ann.history("s").await;
        assert!(!history.iter().any(|version| version.version == line[3].version), "an old mark stays");
        let late = save(&ann, &mut ledger, Some(&line[2]), noise(77, 100)).await;
        assert_eq!(late.sequence, None);
        let head = ann.get_frame("s", None).await.0.version;
        assert_eq!(head.version, line[19].version);
    }

    async fn files_of_what_goes_go_too(app) {
        let ann = app.as_player("ann").await;
        let mut ledger = Ledger::new();
        for n in 0..30 {
            save(&ann, &mut ledger, None, noise(n, 100_000)).await;
        }
        let blobs = || files(&app.data().join("blobs"));
        assert_eq!(blobs(), 30);
        app.sweep_saves(now() + 2 * DAY_MS).await;
        let left = check(app, &ann, &ledger).await.len();
        assert_eq!(blobs(), left);
        assert!(left <= 11);
        let quota: aethex_wire::saves::history::Quota =
            ann.get(&format!("/api/v1/saves-quota/{}", ann.id())).send().await.expect(200).json();
        assert_eq!(quota.versions, left as i64);
        assert!(quota.used_bytes < 12 * 101_000);
    }

    async fn parts_that_nobody_names_go_after_a_day(app) {
        let ann = app.as_player("ann").await;
        let put = async |slot: &str, part: &[u8]| -> SaveVersion {
            let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, part);
            let parts = json!([{ "name": "picture", "data_base64": data }]);
            ann.put(json!({ "slot": slot, "data": 1, "parts": parts })).send().await.expect(201).json()
        };
        let large = noise(1, 100_000);
        put("a", &large).await;
        put("b", &large).await;
        put("b", b"small").await;
        let blobs = || files(&app.data().join("blobs"));
        assert_eq!(blobs(), 1);
        ann.delete_save("a").await.expect(204);
        app.sweep_saves(now() + 2 * DAY_MS).await;
        let first = &ann.history("b").await[1];
        let path = format!("{}/parts/picture?version={}", ann.slot_path("b"), first.version);
        assert_eq!(ann.get(&path).send().await.expect(200).body, large);
        ann.delete_save("b").await.expect(204);
        app.sweep_saves(now() + DAY_MS / 2).await;
        assert_eq!(blobs(), 1, "a content goes before its time");
        app.sweep_saves(now() + 2 * DAY_MS).await;
        assert_eq!(blobs(), 0);
        let again = json!([{ "name": "picture", "hash": blake3::hash(&large).to_hex().to_string() }]);
        let reply = ann.put(json!({ "slot": "a", "data": 1, "parts": again })).send().await;
        reply.refused(ErrorCode::UnknownPart);
    }

    async fn sweeps_at_once_with_saves_harm_nothing(app) {
        let ann = app.as_player("ann").await;
        let mut ledger = Ledger::new();
        for n in 0..30 {
            save(&ann, &mut ledger, None, state(n, 60_000)).await;
        }
        let later = now() + 2 * DAY_MS;
        let saves = async {
            let mut stored = Vec::new();
            for n in 30..45 {
                let bytes = state(n, 60_000);
                stored.push((put_bytes_on(&ann, "s", None, &bytes).await, bytes));
            }
            stored
        };
        let (stored, (), (), ()) =
            tokio::join!(saves, app.sweep_saves(later), app.sweep_saves(later), app.sweep_saves(later + HOUR_MS));
        ledger.extend(stored.into_iter().map(|(version, bytes)| (version.version.clone(), (version, bytes))));
        let left = check(app, &ann, &ledger).await;
        let head = ann.history("s").await.remove(0);
        assert!(left.contains(&head.version) && left.len() >= 10);
        app.sweep_saves(later).await;
        check(app, &ann, &ledger).await;
    }

    /// Random histories, looked at at random times: what the rules promise is there, byte by byte.
    async fn random_histories_lose_nothing_that_is_promised(app) {
        for seed in 1..=6_u64 {
            let ann = app.as_player(&format!("ann{seed}")).await;
            let mut draw = Draw(seed);
            let mut model = Model::default();
            for _ in 0..40 {
                model.step(app, &ann, &mut draw).await;
            }
            model.verify(app, &ann).await;
        }
    }
}

/// Numbers that are the same for the same seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        let bytes = noise(self.0, 8);
        self.0 += 1;
        u64::from_le_bytes(bytes.try_into().unwrap()) % end
    }
}

/// What is promised of a slot, kept apart from the server's own rules.
#[derive(Default)]
struct Model {
    ledger: Ledger,
    line: Vec<SaveVersion>,
    sides: Vec<SaveVersion>,
    pinned: BTreeSet<aethex_wire::ids::VersionId>,
    /// The latest time that was swept at, from now.
    swept_ms: i64,
    number: u64,
}

impl Model {
    async fn step(&mut self, app: &App, ann: &Player, draw: &mut Draw) {
        match draw.below(10) {
            0 if self.line.len() > 3 => {
                let parent = self.line[draw.below(self.line.len() as u64 - 1) as usize].clone();
                let bytes = noise(1000 + draw.below(1000), 33_000);
                let side = save(ann, &mut self.ledger, Some(&parent), bytes).await;
                assert_eq!(side.sequence, None);
                self.sides.push(side);
            }
            1 if !self.line.is_empty() => {
                let chosen = self.line[draw.below(self.line.len() as u64) as usize].clone();
                let reply = change(ann, &chosen, json!({ "pinned": true })).await;
                if reply.status == 200 {
                    self.pinned.insert(chosen.version);
                }
            }
            2 => {
                let chosen = self.pinned.iter().nth(draw.below(8) as usize).cloned();
                if let Some(chosen) = chosen {
                    let version = self.ledger[&chosen].0.clone();
                    change(ann, &version, json!({ "pinned": false })).await.expect(200);
                    self.pinned.remove(&chosen);
                }
            }
            3 => {
                let later = [0, 2 * HOUR_MS, 30 * HOUR_MS, 20 * DAY_MS, 45 * DAY_MS][draw.below(5) as usize];
                self.swept_ms = self.swept_ms.max(later);
                app.sweep_saves(now() + later).await;
            }
            _ => {
                self.number += 1;
                let len = [200, 40_000, 90_000][draw.below(3) as usize];
                let bytes = if len == 200 { noise(self.number, len) } else { state(self.number, len) };
                let version = save(ann, &mut self.ledger, None, bytes).await;
                self.line.push(version);
            }
        }
    }

    async fn verify(&self, app: &App, ann: &Player) {
        let there = check(app, ann, &self.ledger).await;
        let newest = self.line.iter().rev().take(10).map(|version| &version.version);
        let sides = self.sides.iter().map(|version| &version.version);
        let ancestors = self.sides.iter().map(|version| &version.parents[0]);
        for promised in newest.chain(&self.pinned).chain(sides) {
            assert!(there.contains(promised), "{promised} is promised");
        }
        // What a side comes from stays from when the side came; it may have been a mark by then.
        let marks = ancestors.filter(|id| !there.contains(*id)).count();
        assert!(marks == 0 || self.swept_ms > 0);
        if self.swept_ms == 0 {
            assert_eq!(there.len(), self.ledger.len());
        }
    }
}

/// Killed in the middle of taking contents away, at whatever point it is: what is there is as it was.
#[test]
fn a_server_killed_while_it_takes_contents_away_loses_nothing_else() {
    let folder = TempDir::with_prefix("aethex-test-").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // Everything is due at once, and little of it is kept.
    let setup = Setup::new(&folder.path().join("data"))
        .env("AETHEX_SAVES_RETENTION_ALL_HOURS", "0")
        .env("AETHEX_SAVES_RETENTION_HOURLY_DAYS", "0")
        .env("AETHEX_SAVES_RETENTION_DAILY_DAYS", "0")
        .env("AETHEX_SAVES_RETENTION_MONTHLY_DAYS", "0");
    // Keeps everything of the last hour: what it finds stays while it is looked at.
    let calm = Setup::new(&folder.path().join("data"));
    runtime.block_on(async {
        let server = setup.start();
        let body = json!({ "email": "ann@example.com", "password": "correct horse" });
        let reply = server.client().post("/api/v1/auth/register").json(&body).send().await;
        let mut ann = Player::new(server.client(), "ann", reply.expect(201).json());
        let mut ledger = Ledger::new();
        let mut pins = Vec::new();
        for round in 0..2 {
            for n in 0..25 {
                let version = save(&ann, &mut ledger, None, state(round * 25 + n, 60_000)).await;
                // Unpinning is what makes a slot due.
                if n % 10 == 0 {
                    change(&ann, &version, json!({ "pinned": true })).await.expect(200);
                    pins.push(version);
                }
            }
        }
        server.stop();
        for _ in 0..6 {
            let server = setup.start();
            ann.client = server.client();
            if let Some(version) = pins.pop() {
                change(&ann, &version, json!({ "pinned": false })).await.expect(200);
            }
            server.kill();
            let server = setup.start();
            ann.client = server.client();
            // A look begins with the server: it is cut off as soon as something is gone, or right away.
            let before = pruned(&ann).await;
            let _ = until("a content to go, or none to", async || {
                let now = pruned(&ann).await;
                (now != before || before > 0).then_some(now)
            })
            .await;
            server.kill();
            let server = calm.start();
            ann.client = server.client();
            for version in ann.history("s").await.into_iter().filter(|version| !version.pruned) {
                assert_eq!(
                    bytes_of(&ann, &version).await,
                    ledger[&version.version].1,
                    "{:?}",
                    version.sequence
                );
            }
            server.stop();
        }
        let server = calm.start();
        ann.client = server.client();
        for version in &pins {
            assert_eq!(bytes_of(&ann, version).await, ledger[&version.version].1);
        }
        assert!(pruned(&ann).await > 0);
        server.stop();
    });
}

async fn pruned(ann: &Player) -> usize {
    ann.history("s").await.iter().filter(|version| version.pruned).count()
}
