//! Cloud saves: slots whose versions are never lost.
//!
//! Storing: `routes` reads a frame or JSON -> `rules` checks the content -> a large content goes to the
//! blob store -> one statement in `db` moves the head if the named parent is the head. If it is not, the
//! version is stored beside the head and the answer is 409 with head and ancestor, so that neither side is
//! lost even if the device never comes back. Reading is one lookup. Deleting takes the contents away and
//! leaves a mark, so that a device that was offline is told instead of bringing the slot back.

pub(crate) mod config;
mod db;
mod routes;
mod rules;
mod store;

pub(crate) use routes::routes;

use crate::app::{App, until_stopped};
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId};
use config::{PURGED_KEPT_MS, USAGE_CACHE_MAX, USAGE_FRESH_MS};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often marks of deleted versions are swept.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);

/// What players have stored, as far as it is known: the quota is checked without a query for each save.
#[derive(Debug)]
pub(crate) struct Usage(Cache<(GameId, PlayerId), Arc<Mutex<Used>>>);

#[derive(Debug, Default)]
struct Used {
    bytes: i64,
    versions: i64,
    read_at_ms: i64,
}

impl Default for Usage {
    fn default() -> Usage {
        Usage(Cache::new(USAGE_CACHE_MAX))
    }
}

/// Counts a version against the player's quota, or refuses it.
async fn charge(app: &App, game: &GameId, player: &PlayerId, bytes: i64) -> Outcome<()> {
    let key = (game.clone(), player.clone());
    let used = match app.usage.0.get(&key) {
        Some(used) => used,
        None => {
            let used = Arc::<Mutex<Used>>::default();
            app.usage.0.insert(key, used.clone());
            used
        }
    };
    let now = now_ms();
    if now - used.lock().read_at_ms > USAGE_FRESH_MS {
        let (bytes, versions) = db::usage(&app.sql, game, player).await?;
        *used.lock() = Used { bytes, versions, read_at_ms: now };
    }
    let mut used = used.lock();
    let limits = &app.config.saves;
    if used.bytes + bytes > limits.quota_bytes || used.versions + 1 > limits.versions_max {
        return Err(Failure::new(
            ErrorCode::QuotaExceeded,
            format!(
                "This player has stored {} bytes in {} versions; the limits are {} and {}: delete a save first.",
                used.bytes, used.versions, limits.quota_bytes, limits.versions_max
            ),
        ));
    }
    used.bytes += bytes;
    used.versions += 1;
    Ok(())
}

/// Forgets what is remembered of a player's use, so that the next save reads it anew.
fn forget_usage(app: &App, game: &GameId, player: &PlayerId) {
    app.usage.0.remove(&(game.clone(), player.clone()));
}

/// Background work: sweeps what deletes left behind.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                if let Err(error) = db::sweep_purged(&app.sql, now_ms() - PURGED_KEPT_MS).await {
                    tracing::warn!(%error, "cannot sweep deleted saves");
                }
            }
            () = until_stopped(&mut stopped) => return,
        }
    }
}
