//! Cloud saves: slots whose versions are never lost.
//!
//! Storing: `routes` reads a frame or JSON -> `rules` checks the content -> a large content goes to the
//! blob store -> one statement in `db` moves the head if the named parent is the head. If it is not, the
//! version is stored beside the head and the answer is 409 with head and ancestor, so that neither side is
//! lost even if the device never comes back. Reading is one lookup. Deleting takes the contents away and
//! leaves a mark, so that a device that was offline is told instead of bringing the slot back.
//! A slot's past is in `history`, what of it is kept in `retention`, other devices' doings in `devices`.

pub(crate) mod config;
mod contents;
mod db;
mod devices;
mod history;
pub(crate) mod holding;
mod merge;
mod parts;
mod put;
mod retention;
mod routes;
mod rules;
pub mod seal;
mod store;
pub(crate) mod terminal;
mod uploads;

pub(crate) use contents::Plains;
pub(crate) use merge::{forget, merge};
pub(crate) use put::idempotency_key;
pub(crate) use retention::Replaced;
pub(crate) use routes::routes;
pub(crate) use uploads::Checking;

use crate::app::{App, until_stopped};
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::ports::sql::SqlError;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId};
use config::{PURGED_KEPT_MS, USAGE_CACHE_MAX, USAGE_FRESH_MS};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often slots are looked at whose past is due: what is due waits that long, and no longer.
const LOOK_PERIOD: Duration = Duration::from_secs(300);
/// How often what is left behind is swept.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);
/// Rows swept in one statement: others write in between.
const SWEEP_BATCH: i64 = 1000;
/// Blobs looked at in one sweep.
const SWEEP_BLOBS_MAX: usize = 100_000;
/// How old a blob without a row must be: far older than any request that is still on its way to its row.
const ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// What players have stored, as far as it is known: the quota is checked without a query for each save.
#[derive(Debug)]
pub(crate) struct Usage(Cache<(GameId, PlayerId), Arc<Mutex<Used>>>);

#[derive(Debug, Default)]
struct Used {
    bytes: i64,
    versions: i64,
    read_at_ms: i64,
}

impl Used {
    fn add(&mut self, bytes: i64) {
        self.bytes += bytes;
        self.versions += 1;
    }

    fn add_bytes(&mut self, bytes: i64) {
        self.bytes += bytes;
    }
}

impl Default for Usage {
    fn default() -> Usage {
        Usage(Cache::new(USAGE_CACHE_MAX))
    }
}

/// Refuses what does not fit the player's quota; returns where to count what was stored.
async fn check_quota(app: &App, game: &GameId, player: &PlayerId, bytes: i64) -> Outcome<Arc<Mutex<Used>>> {
    let key = (game.clone(), player.clone());
    let used = match app.usage.0.get(&key) {
        Some(used) => used,
        None => {
            let used = Arc::<Mutex<Used>>::default();
            app.usage.0.insert(key, used.clone());
            used
        }
    };
    let read_before_ms = used.lock().read_at_ms;
    let now = now_ms();
    if now - read_before_ms > USAGE_FRESH_MS {
        let (bytes, versions) = db::usage(&app.sql, game, player).await?;
        let mut used = used.lock();
        // Another request may have read it meanwhile, and counted on.
        if used.read_at_ms == read_before_ms {
            *used = Used { bytes, versions, read_at_ms: now };
        }
    }
    let (plan, limits) = app.config.saves.plan_of(game);
    let (stored_bytes, versions) = {
        let used = used.lock();
        (used.bytes, used.versions)
    };
    if stored_bytes + bytes > limits.quota_bytes || versions + 1 > limits.versions_max {
        return Err(Failure::new(
            ErrorCode::QuotaExceeded,
            format!(
                "This player has stored {stored_bytes} bytes in {versions} versions, and this save takes {bytes} more; the \
                 plan `{plan}` allows {} and {}: delete a slot, or unpin old versions, then save again.",
                limits.quota_bytes, limits.versions_max
            ),
        ));
    }
    Ok(used)
}

/// Forgets what is remembered of a player's use, so that the next save reads it anew.
fn forget_usage(app: &App, game: &GameId, player: &PlayerId) {
    app.usage.0.remove(&(game.clone(), player.clone()));
}

/// Background work: sweeps what deletes and crashes left behind.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    let mut look = tokio::time::interval(LOOK_PERIOD);
    loop {
        tokio::select! {
            _ = look.tick() => {
                if let Err(error) = retention::sweep(&app, now_ms()).await {
                    tracing::warn!(%error, "cannot look at slots whose past is due");
                }
            }
            _ = sweep.tick() => {
                if let Err(error) = sweep_rows(&app).await {
                    tracing::warn!(%error, "cannot sweep deleted saves");
                }
                if let Err(error) = retention::sweep_parts(&app, now_ms()).await {
                    tracing::warn!(%error, "cannot sweep parts");
                }
                if let Err(error) = devices::sweep(&app.sql, now_ms()).await {
                    tracing::warn!(%error, "cannot sweep devices");
                }
                if let Err(error) = sweep_blobs(&app).await {
                    tracing::warn!(%error, "cannot sweep blobs");
                }
                if let Err(failure) = uploads::sweep(&app).await {
                    tracing::warn!(fault = failure.fault(), code = %failure.code(), "cannot sweep uploads");
                }
            }
            () = until_stopped(&mut stopped) => return,
        }
    }
}

/// Does what is due at `now`, as [`tend`] does by itself.
pub(crate) async fn sweep_at(app: &App, now: i64) -> Result<(), SqlError> {
    retention::sweep(app, now).await?;
    retention::sweep_parts(app, now).await?;
    devices::sweep(&app.sql, now).await
}

async fn sweep_rows(app: &App) -> Result<(), SqlError> {
    let before = now_ms() - PURGED_KEPT_MS;
    while retention::sweep_purged(&app.sql, before, SWEEP_BATCH).await? == SWEEP_BATCH as u64 {}
    Ok(())
}

/// Removes blobs that no row names: their request was cut off between blob and row, or its delete between
/// row and blob.
async fn sweep_blobs(app: &App) -> Result<(), String> {
    // Blobs of other features begin with a word of theirs.
    let ours = |folder: &str| GameId::parse(folder).is_some();
    let keys = app.blob.older_than(ORPHAN_AGE, SWEEP_BLOBS_MAX, ours).await;
    let keys = keys.map_err(|error| error.to_string())?;
    for key in keys {
        let mut parts = key.split('/');
        let Some(game) = parts.next().and_then(GameId::parse) else { continue };
        if !db::names_blob(&app.sql, &game, &key).await.map_err(|error| error.to_string())? {
            tracing::info!(blob = last_part(&key), "a blob that no save names is removed");
            app.blob.delete(&key).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// What the log says of a blob: its version, and not whose it is.
fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}
