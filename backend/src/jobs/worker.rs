//! The worker: takes due jobs, runs them side by side, renews their leases, settles them.

use super::Job;
use super::config::{ATTEMPTS_MAX, DEAD_KEPT_MS, JobsConfig, LEASE_MS, RENEW_MS, SWEEP_BATCH};
use super::db::{self, Taken};
use super::rules::{self, JobError, Verdict};
use crate::app::{App, until_stopped};
use crate::context::{new_id, now_ms, random};
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// How often jobs given up long ago are forgotten.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);
/// How often the queue is counted for the metrics.
const COUNT_PERIOD: Duration = Duration::from_secs(15);
/// Times that the end of an attempt is written before it is left to the lease: the job would run again.
const SETTLE_TRIES: u32 = 5;
/// Pause between them.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

/// Background work: runs jobs until the server stops, then lets running ones finish within the drain deadline.
pub(crate) async fn tend(app: Arc<App>, stopped: watch::Receiver<bool>) {
    let worker = Worker {
        id: new_id(),
        sql: app.sql.clone(),
        settings: app.config.jobs.clone(),
        drain: Duration::from_millis(app.config.http.drain_timeout_ms),
    };
    let housekeeping = keep_house(&app, stopped.clone());
    let running = worker.work(&app.jobs.wake, stopped, |job| super::run(app.clone(), job));
    tokio::join!(running, housekeeping);
}

pub(super) struct Worker {
    pub(super) id: String,
    pub(super) sql: Sql,
    pub(super) settings: JobsConfig,
    pub(super) drain: Duration,
}

impl Worker {
    pub(super) async fn work<H, F>(&self, wake: &Notify, mut stopped: watch::Receiver<bool>, handle: H)
    where
        H: Fn(Job) -> F,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let mut running = JoinSet::new();
        loop {
            let wait = match self.fill(&mut running, &handle).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "cannot look for jobs");
                    Duration::from_millis(self.settings.poll_ms)
                }
            };
            let room = running.len() < self.settings.concurrent_max as usize;
            tokio::select! {
                () = wake.notified(), if room => {}
                () = tokio::time::sleep(wait), if room => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
                () = until_stopped(&mut stopped) => break,
            }
        }
        let finish = async { while running.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(self.drain, finish).await;
        running.shutdown().await;
        if let Err(error) = db::release(&self.sql, &self.id, now_ms()).await {
            tracing::warn!(%error, "jobs that did not finish wait for their lease to end");
        }
    }

    /// Starts what is due as far as there is room; returns how long to wait for more.
    async fn fill<H, F>(&self, running: &mut JoinSet<()>, handle: &H) -> Result<Duration, SqlError>
    where
        H: Fn(Job) -> F,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let poll_ms = i64::try_from(self.settings.poll_ms).unwrap_or(i64::MAX);
        loop {
            let room = (self.settings.concurrent_max as usize).saturating_sub(running.len());
            if room == 0 {
                return Ok(Duration::from_millis(self.settings.poll_ms));
            }
            // A read costs less than a write that finds nothing.
            let now = now_ms();
            let due = db::next_due(&self.sql).await?.unwrap_or(i64::MAX);
            if due > now {
                metrics::gauge!("jobs_lag_seconds").set(0.0);
                let wait = (due - now).clamp(0, poll_ms);
                return Ok(Duration::from_millis(wait.unsigned_abs()));
            }
            metrics::gauge!("jobs_lag_seconds").set((now - due) as f64 / 1000.0);
            let taken = db::take(&self.sql, &self.id, now, room as i64).await?;
            if taken.is_empty() {
                // Another server was faster.
                return Ok(Duration::from_millis(self.settings.poll_ms));
            }
            for taken in taken {
                let work = job(&taken).map(handle);
                running.spawn(attempt(self.sql.clone(), taken, work));
            }
        }
    }
}

/// The job as its handler gets it.
pub(super) fn job(taken: &Taken) -> Result<Job, JobError> {
    if taken.attempts > ATTEMPTS_MAX {
        // Each attempt took its server down with it.
        return Err(JobError::Never("it never came to an end".into()));
    }
    let payload = serde_json::from_str(&taken.payload);
    Ok(Job {
        id: taken.job.clone(),
        game: GameId::parse(&taken.game),
        player: PlayerId::parse(&taken.player),
        kind: taken.kind.clone(),
        payload: payload.map_err(|_| JobError::Never("its payload is damaged".into()))?,
        attempt: taken.attempts,
        created_at_ms: taken.created_at_ms,
    })
}

/// Runs one attempt under its lease, and settles it. Without its lease it is broken off.
async fn attempt<F>(sql: Sql, taken: Taken, work: Result<F, JobError>)
where
    F: Future<Output = Result<(), JobError>> + Send,
{
    let started = Instant::now();
    let ended = match work {
        Err(refused) => Some(Err(refused)),
        Ok(work) => run_leased(&sql, &taken, work).await,
    };
    metrics::histogram!("job_duration_seconds", "kind" => taken.kind.clone())
        .record(started.elapsed().as_secs_f64());
    match ended {
        Some(ended) => settle(&sql, &taken, ended).await,
        None => lost(&taken),
    }
}

/// The end of the work; `None` when the lease was lost before.
async fn run_leased<F>(sql: &Sql, taken: &Taken, work: F) -> Option<Result<(), JobError>>
where
    F: Future<Output = Result<(), JobError>> + Send,
{
    let work = AssertUnwindSafe(work).catch_unwind();
    tokio::pin!(work);
    let period = Duration::from_millis(RENEW_MS);
    let mut renewal = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    let mut lease_ends_ms = now_ms() + LEASE_MS;
    loop {
        tokio::select! {
            ended = &mut work => {
                return Some(ended.unwrap_or_else(|_| Err(JobError::Again("it panicked".into()))));
            }
            _ = renewal.tick() => match db::renew(sql, taken, now_ms()).await {
                Ok(true) => lease_ends_ms = now_ms() + LEASE_MS,
                Ok(false) => return None,
                Err(_) if now_ms() >= lease_ends_ms => return None,
                Err(error) => tracing::warn!(%error, kind = taken.kind, "cannot renew the lease of a job"),
            },
        }
    }
}

/// Writes down how an attempt ended.
pub(super) async fn settle(sql: &Sql, taken: &Taken, ended: Result<(), JobError>) {
    let verdict = rules::verdict(ended, taken.attempts, u64::from_le_bytes(random()));
    let (kind, job_id, attempt) = (taken.kind.as_str(), taken.job.as_str(), taken.attempts);
    let outcome = match &verdict {
        Verdict::Done => {
            tracing::debug!(kind, job_id, attempt, "a job is done");
            "done"
        }
        Verdict::Retry { wait_ms, reason } => {
            tracing::warn!(kind, job_id, attempt, wait_ms, reason, "a job failed and is tried again");
            "retried"
        }
        Verdict::Bury { reason } => {
            tracing::error!(kind, job_id, attempt, reason, "a job is given up");
            "dead"
        }
    };
    metrics::counter!("jobs_total", "kind" => taken.kind.clone(), "outcome" => outcome).increment(1);
    for _ in 0..SETTLE_TRIES {
        match write_verdict(sql, taken, &verdict, now_ms()).await {
            Ok(true) => return,
            Ok(false) => return lost(taken),
            Err(error) => tracing::warn!(%error, kind, job_id, "cannot write down how a job ended"),
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}

/// Whether the job was still this worker's.
pub(super) async fn write_verdict(
    sql: &Sql,
    taken: &Taken,
    verdict: &Verdict,
    now_ms: i64,
) -> Result<bool, SqlError> {
    match verdict {
        Verdict::Done => db::delete(sql, taken).await,
        Verdict::Retry { wait_ms, reason } => db::retry(sql, taken, now_ms + wait_ms, reason).await,
        Verdict::Bury { reason } => {
            let keep = super::keeps_payload(&taken.kind, &taken.payload);
            db::bury(sql, taken, now_ms, reason, keep).await
        }
    }
}

fn lost(taken: &Taken) {
    tracing::warn!(kind = taken.kind, job_id = taken.job, "a job outlived its lease; another worker has it");
    metrics::counter!("jobs_total", "kind" => taken.kind.clone(), "outcome" => "lost").increment(1);
}

/// Forgets old dead letters; counts the queue when somebody looks at the metrics.
async fn keep_house(app: &App, mut stopped: watch::Receiver<bool>) {
    let measured = !app.config.metrics_listen.is_empty();
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    let mut count = tokio::time::interval(COUNT_PERIOD);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                if let Err(error) = sweep_dead(&app.sql, now_ms()).await {
                    tracing::warn!(%error, "cannot sweep jobs that were given up");
                }
            }
            _ = count.tick(), if measured => {
                if let Ok((waiting, dead)) = db::counts(&app.sql).await {
                    metrics::gauge!("jobs_waiting").set(waiting as f64);
                    metrics::gauge!("jobs_dead").set(dead as f64);
                }
            }
            () = until_stopped(&mut stopped) => return,
        }
    }
}

pub(super) async fn sweep_dead(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    while db::sweep_dead(sql, now_ms - DEAD_KEPT_MS, SWEEP_BATCH).await? == SWEEP_BATCH as u64 {}
    Ok(())
}
