//! SQL that reads and changes what the audit log knows of a player. The log has no game of its own; players'
//! ids are unique over all games.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use crate::privacy::ERASE_BATCH;
use aethex_wire::ids::PlayerId;
use serde_json::{Value, json};

/// Entries in a page.
const PAGE: i64 = 500;

/// What was done to a player, behind `after`.
pub(super) async fn acts(
    sql: &Sql,
    player: &PlayerId,
    after: &str,
) -> Result<Vec<(String, Value)>, SqlError> {
    sql.all_games()
        .scan(
            "SELECT entry_id, action, actor_kind, at_ms FROM studio_audit
             WHERE target_kind = 'player' AND target_id = $1 AND entry_id > $2 ORDER BY entry_id LIMIT $3",
            args![player.as_str(), after, PAGE],
            |row| {
                let act = json!({ "action": row.text(1)?, "by": row.text(2)?, "done_at_ms": row.int(3)? });
                Ok((row.text(0)?, act))
            },
        )
        .await
}

/// Takes the player out of a batch of entries, within a transaction of their game.
pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_audit SET target_id = 'erased'
         WHERE $1 <> '' AND target_kind = 'player' AND target_id = $2 AND entry_id IN (
            SELECT entry_id FROM studio_audit WHERE target_kind = 'player' AND target_id = $2 LIMIT $3)",
        args![player.as_str(), ERASE_BATCH],
    )
    .await
}

/// Lets entries name another player, within a transaction of their game.
pub(super) async fn rename(tx: &mut Transaction, from: &PlayerId, to: &PlayerId) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE studio_audit SET target_id = $3 WHERE $1 <> '' AND target_kind = 'player' AND target_id = $2",
        args![from.as_str(), to.as_str()],
    )
    .await
}
