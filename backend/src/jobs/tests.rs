//! The queue on a real database, with times of the test's choosing.

use super::config::{ATTEMPTS_MAX, DEAD_KEPT_MS, JobsConfig, LEASE_MS};
use super::db::{self, Taken};
use super::rules::Verdict;
use super::worker::{Worker, job, sweep_dead, write_verdict};
use super::*;
use parking_lot::Mutex;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

const KIND: &str = "test.kind";

async fn database() -> (TempDir, Sql) {
    let folder = tempfile::tempdir().unwrap();
    let sql = open(folder.path());
    sql.migrate(0).await.unwrap();
    (folder, sql)
}

fn open(folder: &Path) -> Sql {
    Sql::open_sqlite(folder).unwrap()
}

fn new_game() -> GameId {
    GameId::parse(&new_id()).unwrap()
}

/// Puts a job into a transaction of its own: of a game, or of all of them.
async fn put_in(scope: crate::ports::sql::Scoped<'_>, of: Option<GameId>, new: New) -> Result<(), SqlError> {
    scope
        .transaction(move |transaction| {
            async move {
                let job = NewJob {
                    kind: KIND,
                    player: new.player.as_ref(),
                    payload: new.payload,
                    run_at_ms: new.run_at_ms,
                    key: new.key.map(str::to_owned),
                };
                enqueue(transaction, of.as_ref(), job).await?;
                if new.fails { Err(SqlError::Busy) } else { Ok(()) }
            }
            .boxed()
        })
        .await
}

#[derive(Default)]
struct New {
    player: Option<PlayerId>,
    payload: Value,
    run_at_ms: i64,
    key: Option<&'static str>,
    /// Whether its transaction fails afterwards.
    fails: bool,
}

async fn put(sql: &Sql, payload: Value, run_at_ms: i64, key: Option<&'static str>) {
    put_in(sql.all_games(), None, New { payload, run_at_ms, key, ..New::default() }).await.unwrap();
}

async fn take(sql: &Sql, now_ms: i64) -> Vec<Taken> {
    db::take(sql, "one", now_ms, 10).await.unwrap()
}

/// A time at which what was put until now is due.
fn soon() -> i64 {
    now_ms() + 1000
}

#[tokio::test]
async fn a_job_is_there_when_its_transaction_is() {
    let (_folder, sql) = database().await;
    let game = new_game();
    for (fails, expected) in [(true, 0), (false, 1)] {
        let done = put_in(sql.game(&game), Some(game.clone()), New { fails, ..New::default() }).await;
        assert_eq!(done.is_ok(), !fails);
        assert_eq!(db::counts(&sql).await.unwrap(), (expected, 0));
    }
    let taken = take(&sql, soon()).await;
    assert_eq!(job(&taken[0]).unwrap().game().unwrap(), &game);
}

#[tokio::test]
async fn a_job_of_another_game_is_refused() {
    let (_folder, sql) = database().await;
    let game = new_game();
    for named in [Some(new_game()), None] {
        let done = put_in(sql.game(&game), named, New::default()).await;
        assert!(matches!(done, Err(SqlError::Other(_))));
    }
    assert_eq!(db::counts(&sql).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn a_key_is_unique_while_its_job_waits() {
    let (_folder, sql) = database().await;
    let later = now_ms() + 3_600_000;
    put(&sql, json!({"n": 1}), later, Some("k")).await;
    put(&sql, json!({"n": 2}), 0, Some("k")).await;
    put(&sql, json!({"n": 3}), later, Some("k")).await;
    assert_eq!(db::counts(&sql).await.unwrap(), (1, 0));
    let taken = take(&sql, soon()).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].payload, r#"{"n":3}"#);

    // What runs has seen the old state: the same key may wait again.
    put(&sql, json!({"n": 4}), 0, Some("k")).await;
    put(&sql, json!({}), 0, None).await;
    put(&sql, json!({}), 0, None).await;
    assert_eq!(db::counts(&sql).await.unwrap(), (4, 0));
}

#[tokio::test]
async fn a_job_whose_worker_crashed_runs_again_when_its_lease_ends() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    let start = soon();
    let first = take(&sql, start).await.remove(0);
    assert!(take(&sql, start + LEASE_MS - 1).await.is_empty());
    let second = db::take(&sql, "two", start + LEASE_MS, 10).await.unwrap().remove(0);
    assert_eq!((second.job.as_str(), second.attempts), (first.job.as_str(), 2));

    // The first worker comes back to life: the job is not its own any more.
    assert!(!db::renew(&sql, &first, start + LEASE_MS).await.unwrap());
    for verdict in [Verdict::Done, Verdict::Bury { reason: "no".into() }] {
        assert!(!write_verdict(&sql, &first, &verdict, start).await.unwrap());
    }
    assert!(write_verdict(&sql, &second, &Verdict::Done, start).await.unwrap());
    assert_eq!(db::counts(&sql).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn even_the_same_worker_does_not_settle_an_earlier_attempt() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    let start = soon();
    let first = take(&sql, start).await.remove(0);
    let second = take(&sql, start + LEASE_MS).await.remove(0);
    assert!(!write_verdict(&sql, &first, &Verdict::Done, start).await.unwrap());
    assert!(write_verdict(&sql, &second, &Verdict::Done, start).await.unwrap());
}

#[tokio::test]
async fn a_renewed_lease_lasts() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    let start = soon();
    let taken = take(&sql, start).await.remove(0);
    assert!(db::renew(&sql, &taken, start + LEASE_MS / 2).await.unwrap());
    assert!(take(&sql, start + LEASE_MS).await.is_empty());
    assert_eq!(take(&sql, start + LEASE_MS / 2 + LEASE_MS).await.len(), 1);
}

#[tokio::test]
async fn a_failed_job_waits_and_comes_again() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    let start = soon();
    let taken = take(&sql, start).await.remove(0);
    let retry = Verdict::Retry { wait_ms: 5_000, reason: "down".into() };
    assert!(write_verdict(&sql, &taken, &retry, start).await.unwrap());
    assert_eq!(db::next_due(&sql).await.unwrap(), Some(start + 5_000));
    assert!(take(&sql, start + 4_999).await.is_empty());
    assert_eq!(take(&sql, start + 5_000).await[0].attempts, 2);
}

#[tokio::test]
async fn what_is_given_up_is_seen_for_a_month() {
    let (_folder, sql) = database().await;
    put(&sql, json!({"to": "ann@example.com"}), 0, None).await;
    let start = soon();
    let taken = take(&sql, start).await.remove(0);
    let bury = Verdict::Bury { reason: "refused: 550".into() };
    assert!(write_verdict(&sql, &taken, &bury, start).await.unwrap());
    assert!(take(&sql, start + 10 * LEASE_MS).await.is_empty());
    assert_eq!(db::next_due(&sql).await.unwrap(), None);
    let state = state(&sql).await.unwrap();
    assert_eq!(state, "0 waiting, 1 given up in the last 30 days (the last: test.kind: refused: 550)");
    sweep_dead(&sql, start + DEAD_KEPT_MS).await.unwrap();
    assert_eq!(db::counts(&sql).await.unwrap(), (0, 1));
    sweep_dead(&sql, start + DEAD_KEPT_MS + 1).await.unwrap();
    assert_eq!(db::counts(&sql).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn what_is_given_up_keeps_no_secret_and_no_strangers_address() {
    let (_folder, sql) = database().await;
    let values =
        [json!({ "code": "ABCD-EFGH" }), json!({ "link": "https://a.example/#1" }), json!({ "code": "" })];
    let mail =
        |values: &Value| json!({ "to": "ann@example.com", "locale": "", "template": "t", "values": values });
    let mut jobs: Vec<_> = values.iter().map(|values| (crate::mail::SEND, mail(values))).collect();
    jobs.push((crate::mail::SEND, json!({ "to": "ann@example.com" })));
    jobs.push((crate::auth::email::FORGOT, json!({ "email": "ann@example.com" })));
    jobs.push((KIND, json!({ "receipt": 1 })));
    for (kind, payload) in jobs {
        let all = sql.all_games();
        let put = all.transaction::<(), SqlError, _>(move |transaction| {
            async move {
                let job = NewJob { kind, player: None, payload, run_at_ms: 0, key: None };
                enqueue(transaction, None, job).await
            }
            .boxed()
        });
        put.await.unwrap();
    }
    let start = soon();
    for taken in take(&sql, start).await {
        let bury = Verdict::Bury { reason: "down".into() };
        assert!(write_verdict(&sql, &taken, &bury, start).await.unwrap());
    }
    assert_eq!(db::revive(&sql).await.unwrap(), 6);
    let mut kept: Vec<(String, Value)> = Vec::new();
    for taken in take(&sql, start).await {
        let job = job(&taken).unwrap();
        if job.payload != json!({}) {
            kept.push((job.kind, job.payload));
        }
    }
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    let plain = (crate::mail::SEND.to_owned(), mail(&json!({ "code": "" })));
    assert_eq!(kept, [plain, (KIND.to_owned(), json!({ "receipt": 1 }))]);
}

#[tokio::test]
async fn a_job_that_takes_its_server_down_is_not_run_for_ever() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    let mut now = soon();
    for _ in 0..ATTEMPTS_MAX {
        assert!(job(&take(&sql, now).await[0]).is_ok());
        now += LEASE_MS;
    }
    assert!(matches!(job(&take(&sql, now).await[0]), Err(JobError::Never(_))));
}

fn worker(sql: Sql) -> Worker {
    Worker {
        id: new_id(),
        sql,
        settings: JobsConfig { concurrent_max: 4, poll_ms: 1 },
        drain: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn two_workers_never_run_one_job_at_once() {
    const JOBS: usize = 200;
    let (folder, sql) = database().await;
    for _ in 0..JOBS {
        put(&sql, json!({}), 0, None).await;
    }
    let (stop, stopped) = watch::channel(false);
    let stop = Arc::new(stop);
    let running = Arc::new(Mutex::new(BTreeSet::new()));
    let ran = Arc::new(AtomicUsize::new(0));
    let handle = |job: Job| {
        let (running, ran, stop) = (running.clone(), ran.clone(), stop.clone());
        async move {
            assert_eq!(job.attempt, 1);
            assert!(running.lock().insert(job.id.clone()), "a job ran at two workers");
            tokio::task::yield_now().await;
            running.lock().remove(&job.id);
            if ran.fetch_add(1, Ordering::Relaxed) + 1 == JOBS {
                stop.send_replace(true);
            }
            Ok(())
        }
    };
    // Each with its own connections, as two servers have.
    let (one, two) = (worker(sql), worker(open(folder.path())));
    let (wake_one, wake_two) = (Notify::new(), Notify::new());
    tokio::join!(one.work(&wake_one, stopped.clone(), handle), two.work(&wake_two, stopped, handle));
    assert_eq!(ran.load(Ordering::Relaxed), JOBS);
    assert_eq!(db::counts(&one.sql).await.unwrap(), (0, 0));
}

/// Runs a worker until its first job has begun.
async fn begin_one<F>(worker: &Worker, ending: impl Fn() -> F)
where
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    let (stop, stopped) = watch::channel(false);
    let stop = Arc::new(stop);
    let wake = Notify::new();
    let handle = |_| {
        let (stop, ending) = (stop.clone(), ending());
        async move {
            stop.send_replace(true);
            ending.await
        }
    };
    worker.work(&wake, stopped, handle).await;
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    begin_one(&worker(sql.clone()), || async { panic!("on purpose") }).await;
    let taken = take(&sql, soon() + LEASE_MS).await.remove(0);
    assert_eq!(taken.attempts, 2);
}

#[tokio::test]
async fn a_job_that_a_stop_cuts_off_is_given_back_at_once() {
    let (_folder, sql) = database().await;
    put(&sql, json!({}), 0, None).await;
    let worker = Worker { drain: Duration::ZERO, ..worker(sql.clone()) };
    begin_one(&worker, std::future::pending).await;
    assert_eq!(take(&sql, now_ms()).await[0].attempts, 2);
}
