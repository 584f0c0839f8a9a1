//! Wrapping players' keys anew, after the encryption key changed. Contents stay as they are.
//!
//! Each server looks which key wraps now; when it is another than before it puts a job, and one server runs it.
//! A key that an erasure removes meanwhile stays removed, one that cannot be opened stays as it is.

use super::db::{self, Rewrapped};
use super::{Kept, REMEMBERED_MS, rules};
use crate::app::{App, until_stopped};
use crate::jobs::{Job, JobError, NewJob};
use crate::ports::kms::KmsError;
use crate::ports::sql::SqlError;
use aethex_wire::ids::GameId;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The kind of the job.
pub(crate) const REWRAP_JOB: &str = "saves.rewrap";

/// How often the newest encryption key is looked for.
const LOOK_PERIOD: Duration = Duration::from_secs(5);
/// Looks between two at a key server: each is a request, and it changes once a month.
const LOOKS_OF_VAULT: u32 = 12;
/// How often a token is prolonged: tokens live for an hour at least.
const TEND_PERIOD: Duration = Duration::from_secs(15 * 60);
/// How often keys whose time is over are taken out of memory.
const SWEEP_PERIOD: Duration = Duration::from_millis(REMEMBERED_MS as u64 / 5);
/// Keys wrapped anew in one transaction: others write in between.
const BATCH: i64 = 200;
/// Requests to a key server at once by the job: saves have the rest.
const AT_ONCE: usize = 8;

/// Background work: looks for a new encryption key, prolongs tokens, forgets keys.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut look = tokio::time::interval(LOOK_PERIOD);
    let mut tend = tokio::time::interval(TEND_PERIOD);
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    let mut seen = String::new();
    let mut looks = 0;
    loop {
        tokio::select! {
            _ = look.tick() => {
                looks += 1;
                if app.seal.kms.asks_a_server() && looks % LOOKS_OF_VAULT != 1 {
                    continue;
                }
                match look_for_new(&app, &seen).await {
                    Ok(current) => seen = current,
                    Err(why) => tracing::warn!(why, "cannot look for a new encryption key"),
                }
            }
            _ = tend.tick() => {
                // What another server wrapped before it saw the new key is found by looking once more.
                seen.clear();
                if let Err(error) = app.seal.kms.tend().await {
                    tracing::error!(%error, "cannot prolong the token for the key service");
                }
            }
            _ = sweep.tick() => app.seal.sweep(),
            () = until_stopped(&mut stopped) => return,
        }
    }
}

/// Puts the job when another key wraps now than was seen before, and something is wrapped by an older one.
async fn look_for_new(app: &App, seen: &str) -> Result<String, String> {
    if !app.seal.enabled {
        return Ok(String::new());
    }
    let current = app.seal.kms.current().await.map_err(|error| error.to_string())?;
    if current == seen {
        return Ok(current);
    }
    let keks = db::keks(&app.sql).await.map_err(|error| error.to_string())?;
    if keks.iter().any(|kek_id| *kek_id != current) {
        enqueue(app, &current).await.map_err(|error| error.to_string())?;
    }
    Ok(current)
}

async fn enqueue(app: &App, current: &str) -> Result<(), SqlError> {
    let key = Some(current.to_owned());
    let sql = app.sql.all_games();
    let put = sql.transaction(move |tx| {
        async move {
            let job = NewJob { kind: REWRAP_JOB, player: None, payload: json!({}), run_at_ms: 0, key };
            crate::jobs::enqueue(tx, None, job).await
        }
        .boxed()
    });
    put.await?;
    app.jobs.wake();
    Ok(())
}

/// The job: wraps anew whatever an older key wraps.
pub(crate) async fn run_rewrap(app: &App, _: &Job) -> Result<(), JobError> {
    rewrap_everything(app).await
}

pub(super) async fn rewrap_everything(app: &App) -> Result<(), JobError> {
    let again = |error: KmsError| JobError::Again(error.to_string());
    let current = app.seal.kms.current().await.map_err(again)?;
    let (mut done, mut failed) = (0, 0);
    for kek_id in db::keks(&app.sql).await? {
        if kek_id != current {
            let (anew, left) = rewrap_all(app, &kek_id).await?;
            done += anew;
            failed += left;
        }
    }
    tracing::info!(key = current, keys = done, failed, "players' keys were wrapped anew");
    match failed {
        0 => Ok(()),
        failed => Err(JobError::Again(format!("{failed} players' keys could not be wrapped anew"))),
    }
}

/// Wraps anew what one key wraps; how many were, and how many could not be.
async fn rewrap_all(app: &App, kek_id: &str) -> Result<(u64, u64), JobError> {
    let (mut done, mut failed) = (0, 0);
    let mut after = (String::new(), String::new());
    loop {
        let batch = db::batch(&app.sql, kek_id, &after, BATCH).await?;
        let Some((game, last)) = batch.last() else { return Ok((done, failed)) };
        after = (game.clone(), last.key_id.clone());
        let anew = futures_util::stream::iter(batch).map(|(game, kept)| rewrap(app, game, kept));
        let anew: Vec<_> = anew.buffer_unordered(AT_ONCE).collect().await;
        let mut keys = Vec::with_capacity(anew.len());
        for key in anew {
            match key {
                Ok(key) => keys.push(key),
                // For the others it is the same.
                Err(error @ (KmsError::Unreachable(_) | KmsError::Refused(_))) => {
                    return Err(JobError::Again(error.to_string()));
                }
                Err(error) => {
                    tracing::error!(%error, "a player's key cannot be wrapped anew");
                    failed += 1;
                }
            }
        }
        done += db::replace(&app.sql, keys).await?;
    }
}

async fn rewrap(app: &App, game: String, kept: Kept) -> Result<Rewrapped, KmsError> {
    let before = kept.wrapped.kek_id.clone();
    let parsed = GameId::parse(&game).ok_or_else(|| KmsError::Damaged(before.clone()))?;
    let context = rules::key_bound_to(&parsed, &kept.key_id);
    let wrapped = app.seal.kms.rewrap(&context, &kept.wrapped).await?;
    Ok(Rewrapped { game, key_id: kept.key_id, before, wrapped })
}
