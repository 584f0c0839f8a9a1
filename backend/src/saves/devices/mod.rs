//! What each of a player's devices last told of itself: which slot is played on it, and whether saves wait there.
//!
//! A hint for people, and for games that ask before they open a slot that is open elsewhere: nothing depends on it.

mod db;
mod routes;
mod rules;

pub(super) use routes::{list_devices, put_device};

use crate::ports::sql::{Sql, SqlError};

/// Rows removed in one statement.
const SWEEP_BATCH: i64 = 1000;

/// Forgets devices that have not told of themselves for long.
pub(super) async fn sweep(sql: &Sql, now_ms: i64) -> Result<(), SqlError> {
    while db::sweep(sql, now_ms - rules::KEPT_MS, SWEEP_BATCH).await? == SWEEP_BATCH as u64 {}
    Ok(())
}
