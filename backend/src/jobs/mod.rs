//! Jobs: work that is done after a commit, at least once, by any server of the database.
//!
//! A side effect (a mail, an export) is a row of the transaction that wants it: [`enqueue`]. After the commit
//! the caller wakes this process' worker with [`Jobs::wake`]; other servers' jobs are found by a poll. A worker
//! takes due jobs with a lease, which it renews while they run; a job of a worker that crashed is taken by
//! another when its lease ends. A handler may run again after it succeeded, so it must not mind. A failed
//! attempt is followed by another after a growing random wait, until the job is given up: its row then stays
//! for a month, for the operator to see and try again, without what it was to do where that is a secret or
//! personal ([`keeps_payload`]). Handlers are listed in [`run`].

pub(crate) mod config;
mod db;
pub(crate) mod holding;
mod rules;
mod worker;

pub use rules::JobError;
pub(crate) use worker::tend;

use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};
use config::{KEY_LEN_MAX, PAYLOAD_LEN_MAX};
use futures_util::FutureExt;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Notify;

/// Runs a job: the one list of kinds.
async fn run(app: Arc<App>, job: Job) -> Result<(), JobError> {
    match job.kind.as_str() {
        crate::mail::SEND => crate::mail::send(&app, &job).await,
        crate::auth::email::FORGOT => crate::auth::email::run_forgot(&app, &job).await,
        crate::privacy::EXPORT_JOB => crate::privacy::run_export(&app, &job).await,
        crate::saves::seal::REWRAP_JOB => crate::saves::seal::run_rewrap(&app, &job).await,
        crate::privacy::ERASE_JOB => crate::privacy::run_erasure(&app, &job).await,
        // Perhaps of a newer server, which then takes it.
        other => Err(JobError::Again(format!("this server knows no job of kind {other:.40}"))),
    }
}

/// Whether a job that is given up keeps what it was to do, for another try by the operator.
fn keeps_payload(kind: &str, payload: &str) -> bool {
    match kind {
        crate::mail::SEND => crate::mail::is_plain(payload),
        // An address that perhaps has no account: whoever wants a code asks again.
        crate::auth::email::FORGOT => false,
        _ => true,
    }
}

/// A job to be put.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// What is to be done, `feature.verb`.
    pub kind: &'static str,
    /// Whom it is about.
    pub player: Option<&'a PlayerId>,
    /// What the handler needs to know.
    pub payload: Value,
    /// The earliest time; one that is past (0) is at once.
    pub run_at_ms: i64,
    /// While a job of this kind and key waits for its first attempt there is no second: it takes the new
    /// payload, and the sooner time.
    pub key: Option<String>,
}

/// A job as its handler gets it. What it says is not shown in logs.
pub struct Job {
    /// Its id, the same in every attempt.
    pub id: String,
    /// The game it belongs to.
    pub game: Option<GameId>,
    /// Whom it is about.
    pub player: Option<PlayerId>,
    /// What is to be done.
    pub kind: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// When it was put.
    pub created_at_ms: i64,
}

impl Job {
    /// The game of a job that belongs to one.
    pub fn game(&self) -> Result<&GameId, JobError> {
        self.game.as_ref().ok_or_else(|| JobError::Never("the job names no game".into()))
    }

    /// The player of a job that is about one.
    pub fn player(&self) -> Result<&PlayerId, JobError> {
        self.player.as_ref().ok_or_else(|| JobError::Never("the job names no player".into()))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl From<SqlError> for JobError {
    fn from(error: SqlError) -> JobError {
        JobError::Again(match error {
            SqlError::Busy => "the database is at its limit".into(),
            // Its words may hold what a row holds.
            SqlError::Unique(_) | SqlError::Other(_) => "the database refused a statement".into(),
        })
    }
}

/// Puts a job into the caller's transaction. Call [`Jobs::wake`] after the commit. A job belongs to the game of
/// its transaction; a transaction over all games may put jobs of any game, and of none.
pub async fn enqueue(
    transaction: &mut Transaction,
    game: Option<&GameId>,
    job: NewJob<'_>,
) -> Result<(), SqlError> {
    let payload = job.payload.to_string();
    let key = job.key.unwrap_or_default();
    if payload.len() > PAYLOAD_LEN_MAX || key.len() > KEY_LEN_MAX {
        return Err(SqlError::Other(format!("the payload or the key of a {} job is too long", job.kind)));
    }
    let now_ms = now_ms();
    let row = db::NewRow {
        game,
        job: new_id(),
        player: job.player.map_or("", PlayerId::as_str),
        kind: job.kind,
        payload,
        key: &key,
        run_at_ms: job.run_at_ms.max(now_ms),
        now_ms,
    };
    db::insert(transaction, row).await
}

/// Puts a job by itself, to be run at once.
pub(crate) async fn enqueue_alone(
    app: &App,
    game: &GameId,
    kind: &'static str,
    payload: Value,
) -> Result<(), SqlError> {
    let of = game.clone();
    app.sql
        .game(game)
        .transaction(move |transaction| {
            async move {
                let job = NewJob { kind, player: None, payload, run_at_ms: 0, key: None };
                enqueue(transaction, Some(&of), job).await
            }
            .boxed()
        })
        .await?;
    app.jobs.wake();
    Ok(())
}

/// This process' worker, as others see it.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    wake: Notify,
}

impl Jobs {
    /// Tells the worker that something was put.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// The state of the queue in words, for the operator.
pub(crate) async fn state(sql: &Sql) -> Result<String, SqlError> {
    let (waiting, dead) = db::counts(sql).await?;
    let last = match db::last_dead(sql).await? {
        Some((kind, reason)) => format!(" (the last: {kind}: {reason})"),
        None => String::new(),
    };
    Ok(format!("{waiting} waiting, {dead} given up in the last 30 days{last}"))
}

#[cfg(test)]
mod tests;
