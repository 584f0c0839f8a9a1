//! SQL that reads and removes everything that jobs know of a player.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use crate::privacy::{ERASE_BATCH, Subject};
use aethex_wire::ids::PlayerId;
use serde_json::{Value, json};

/// Jobs of one player in an export: they wait for minutes, rarely for days.
const ROWS_MAX: i64 = 10_000;

/// The player's jobs with what they are to do. Codes and links of mails are left out: they are secrets, for
/// whoever reads the mailbox only.
pub(super) async fn of_player(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT kind, payload, created_at_ms, dead_at_ms FROM jobs_job
             WHERE game_id = $1 AND player_id = $2 ORDER BY created_at_ms LIMIT $3",
            args![who.player.as_str(), ROWS_MAX],
            |row| {
                let mut payload: Value = serde_json::from_str(&row.text(1)?).unwrap_or_default();
                for secret in ["code", "link"] {
                    if let Some(values) = payload.get_mut("values").and_then(Value::as_object_mut) {
                        values.remove(secret);
                    }
                }
                Ok(json!({
                    "kind": row.text(0)?,
                    "payload": payload,
                    "created_at_ms": row.int(2)?,
                    "given_up_at_ms": row.maybe_int(3)?,
                }))
            },
        )
        .await
}

pub(super) async fn is_waiting(sql: &Sql, who: &Subject, kind: &str) -> Result<bool, SqlError> {
    let found = sql
        .game(&who.game)
        .read_one(
            "SELECT 1 FROM jobs_job WHERE game_id = $1 AND player_id = $2 AND kind = $3 AND dead_at_ms IS NULL
             LIMIT 1",
            args![who.player.as_str(), kind],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    tx.execute(
        "DELETE FROM jobs_job WHERE game_id = $1 AND job_id IN (
            SELECT job_id FROM jobs_job WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
        args![player.as_str(), ERASE_BATCH],
    )
    .await
}
