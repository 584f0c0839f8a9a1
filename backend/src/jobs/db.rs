//! All SQL of jobs.

use super::config::{COUNT_MAX, LEASE_MS};
use crate::args;
use crate::ports::sql::{Arg, Row, Sql, SqlError, Transaction};
use aethex_wire::ids::GameId;

/// A job to be put.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub(super) game: Option<&'a GameId>,
    pub(super) job: String,
    pub(super) player: &'a str,
    pub(super) kind: &'static str,
    pub(super) payload: String,
    pub(super) key: &'a str,
    pub(super) run_at_ms: i64,
    pub(super) now_ms: i64,
}

/// Puts a job. One that waits under the same key takes the new payload and the sooner time instead.
pub(super) async fn insert(transaction: &mut Transaction, new: NewRow<'_>) -> Result<(), SqlError> {
    let mut args = args![new.job, new.player, new.kind, new.payload, new.key, new.run_at_ms, new.now_ms];
    match (transaction.game(), new.game) {
        (None, game) => args.insert(0, game.map_or("", GameId::as_str).into()),
        (Some(within), Some(game)) if within == game => {}
        _ => return Err(SqlError::Other("a job belongs to the game of its transaction".into())),
    }
    transaction
        .execute(
            "INSERT INTO jobs_job (game_id, job_id, player_id, kind, payload, job_key, run_at_ms, attempts, lock_token,
                 last_error, created_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', '', $8)
             ON CONFLICT (game_id, kind, job_key) WHERE job_key <> '' AND attempts = 0
             DO UPDATE SET payload = excluded.payload, player_id = excluded.player_id,
                 run_at_ms = CASE WHEN excluded.run_at_ms < jobs_job.run_at_ms THEN excluded.run_at_ms
                     ELSE jobs_job.run_at_ms END",
            args,
        )
        .await
        .map(drop)
}

/// When the next job may be taken.
pub(super) async fn next_due(sql: &Sql) -> Result<Option<i64>, SqlError> {
    let found = sql
        .all_games()
        .read_one("SELECT MIN(run_at_ms) FROM jobs_job WHERE dead_at_ms IS NULL", vec![], |row| {
            row.maybe_int(0)
        })
        .await?;
    Ok(found.flatten())
}

/// A job that a worker has taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) game: String,
    pub(super) job: String,
    pub(super) player: String,
    pub(super) kind: String,
    pub(super) payload: String,
    /// With this attempt. Together with the worker it says whose the job is.
    pub(super) attempts: i64,
    pub(super) created_at_ms: i64,
    pub(super) worker: String,
}

fn taken(row: &Row<'_>) -> Result<Taken, SqlError> {
    Ok(Taken {
        game: row.text(0)?,
        job: row.text(1)?,
        player: row.text(2)?,
        kind: row.text(3)?,
        payload: row.text(4)?,
        attempts: row.int(5)?,
        created_at_ms: row.int(6)?,
        worker: row.text(7)?,
    })
}

macro_rules! take {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs_job SET lock_token = $1, run_at_ms = $2, attempts = attempts + 1
             WHERE (game_id, job_id) IN (
                 SELECT game_id, job_id FROM jobs_job WHERE dead_at_ms IS NULL AND run_at_ms <= $3
                 ORDER BY run_at_ms LIMIT $4",
            $lock,
            ") AND dead_at_ms IS NULL AND run_at_ms <= $3
             RETURNING game_id, job_id, player_id, kind, payload, attempts, created_at_ms, lock_token"
        )
    };
}

/// Takes up to `limit` due jobs for `worker`. What was taken is not due until its lease ends.
pub(super) async fn take(sql: &Sql, worker: &str, now_ms: i64, limit: i64) -> Result<Vec<Taken>, SqlError> {
    // Workers of several servers pass by each other's rows instead of waiting for them.
    let statement = match sql {
        Sql::Sqlite(_) => take!(""),
        Sql::Postgres(_) => take!(" FOR UPDATE SKIP LOCKED"),
    };
    sql.all_games().write(statement, args![worker, now_ms + LEASE_MS, now_ms, limit], taken).await
}

/// The arguments that say which job, and that it is still this worker's.
fn held(job: &Taken) -> Vec<Arg> {
    args![job.game.as_str(), job.job.as_str(), job.worker.as_str(), job.attempts]
}

/// Whether the job was still this worker's.
async fn change(sql: &Sql, statement: &'static str, job: &Taken, more: Vec<Arg>) -> Result<bool, SqlError> {
    let mut args = held(job);
    args.extend(more);
    Ok(sql.all_games().execute(statement, args).await? == 1)
}

/// Lengthens the lease.
pub(super) async fn renew(sql: &Sql, job: &Taken, now_ms: i64) -> Result<bool, SqlError> {
    change(
        sql,
        "UPDATE jobs_job SET run_at_ms = $5 WHERE game_id = $1 AND job_id = $2 AND lock_token = $3 AND attempts = $4",
        job,
        args![now_ms + LEASE_MS],
    )
    .await
}

/// Ends a job that succeeded.
pub(super) async fn delete(sql: &Sql, job: &Taken) -> Result<bool, SqlError> {
    change(
        sql,
        "DELETE FROM jobs_job WHERE game_id = $1 AND job_id = $2 AND lock_token = $3 AND attempts = $4",
        job,
        vec![],
    )
    .await
}

/// Puts a job back until `run_at_ms`.
pub(super) async fn retry(sql: &Sql, job: &Taken, run_at_ms: i64, reason: &str) -> Result<bool, SqlError> {
    change(
        sql,
        "UPDATE jobs_job SET run_at_ms = $5, last_error = $6, lock_token = ''
         WHERE game_id = $1 AND job_id = $2 AND lock_token = $3 AND attempts = $4",
        job,
        args![run_at_ms, reason],
    )
    .await
}

/// Gives a job up; `keep` says whether it keeps its payload.
pub(super) async fn bury(
    sql: &Sql,
    job: &Taken,
    now_ms: i64,
    reason: &str,
    keep: bool,
) -> Result<bool, SqlError> {
    change(
        sql,
        "UPDATE jobs_job SET dead_at_ms = $5, last_error = $6, lock_token = '',
            payload = CASE WHEN $7 = 1 THEN payload ELSE '{}' END
         WHERE game_id = $1 AND job_id = $2 AND lock_token = $3 AND attempts = $4",
        job,
        args![now_ms, reason, i64::from(keep)],
    )
    .await
}

/// Gives back what a worker that stops still has, for another one to take at once.
pub(super) async fn release(sql: &Sql, worker: &str, now_ms: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "UPDATE jobs_job SET run_at_ms = $2, lock_token = '' WHERE lock_token = $1 AND dead_at_ms IS NULL
                 AND run_at_ms > $2",
            args![worker, now_ms],
        )
        .await
}

/// Forgets jobs that were given up before a time.
pub(super) async fn sweep_dead(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM jobs_job WHERE (game_id, job_id) IN (
                 SELECT game_id, job_id FROM jobs_job WHERE dead_at_ms < $1 ORDER BY dead_at_ms LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}

/// How many jobs wait or run, and how many were given up; each counted up to a limit.
pub(super) async fn counts(sql: &Sql) -> Result<(i64, i64), SqlError> {
    let found = sql
        .all_games()
        .read_one(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_job WHERE dead_at_ms IS NULL LIMIT $1) AS waiting),
                 (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_job WHERE dead_at_ms IS NOT NULL LIMIT $1) AS dead)",
            args![COUNT_MAX],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// The job that was given up last: its kind and the reason.
pub(super) async fn last_dead(sql: &Sql) -> Result<Option<(String, String)>, SqlError> {
    sql.all_games()
        .read_one(
            "SELECT kind, last_error FROM jobs_job WHERE dead_at_ms IS NOT NULL ORDER BY dead_at_ms DESC LIMIT 1",
            vec![],
            |row| Ok((row.text(0)?, row.text(1)?)),
        )
        .await
}

/// Lets what was given up be tried again, as an operator does.
#[cfg(test)]
pub(super) async fn revive(sql: &Sql) -> Result<u64, SqlError> {
    let statement =
        "UPDATE jobs_job SET dead_at_ms = NULL, attempts = 1, run_at_ms = 0 WHERE dead_at_ms IS NOT NULL";
    sql.all_games().execute(statement, vec![]).await
}
