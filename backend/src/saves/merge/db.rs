//! SQL of moving one player's slots to another.

use crate::args;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::PlayerId;

/// A slot with its head.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) head: String,
    pub(super) deleted: bool,
    pub(super) saved_at_ms: i64,
    pub(super) playtime_ms: i64,
}

/// The player's slots, by name.
pub(super) async fn slots(
    transaction: &mut Transaction,
    player: &PlayerId,
    limit: i64,
) -> Result<Vec<Slot>, SqlError> {
    transaction
        .query(
            "SELECT v.slot, v.version_id, v.deleted, v.saved_at_ms, v.playtime_ms
             FROM (SELECT slot, MAX(sequence) AS sequence FROM saves_version
                WHERE game_id = $1 AND player_id = $2 AND sequence IS NOT NULL GROUP BY slot) h
             JOIN saves_version v ON v.game_id = $1 AND v.player_id = $2 AND v.slot = h.slot
                AND v.sequence = h.sequence
             ORDER BY v.slot LIMIT $3",
            args![player.as_str(), limit],
            |row| {
                Ok(Slot {
                    name: row.text(0)?,
                    head: row.text(1)?,
                    deleted: row.int(2)? != 0,
                    saved_at_ms: row.int(3)?,
                    playtime_ms: row.int(4)?,
                })
            },
        )
        .await
}

/// Moves a slot with its whole history, under a name that the other player does not have.
pub(super) async fn move_slot(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
    slot: &str,
    name: &str,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "UPDATE saves_version SET player_id = $3, slot = $5, idempotency_key = NULL
             WHERE game_id = $1 AND player_id = $2 AND slot = $4",
            args![from.as_str(), to.as_str(), slot, name],
        )
        .await
        .map(drop)
}

/// Moves a slot's versions into the history of the other player's slot, beside its heads.
pub(super) async fn move_beside(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
    slot: &str,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "UPDATE saves_version SET player_id = $3, sequence = NULL, idempotency_key = NULL
             WHERE game_id = $1 AND player_id = $2 AND slot = $4",
            args![from.as_str(), to.as_str(), slot],
        )
        .await
        .map(drop)
}

/// Makes a version beside the heads the newest head; its parents stay what they were, and the head before is
/// its second one.
pub(super) async fn make_head(
    transaction: &mut Transaction,
    player: &PlayerId,
    slot: &str,
    version: &str,
    before: &str,
) -> Result<(), SqlError> {
    transaction
        .execute(
            "UPDATE saves_version SET parent_b = COALESCE(parent_b, $5), sequence = (SELECT MAX(h.sequence) + 1
                FROM saves_version h WHERE h.game_id = $1 AND h.player_id = $2 AND h.slot = $3)
             WHERE game_id = $1 AND player_id = $2 AND slot = $3 AND version_id = $4",
            args![player.as_str(), slot, version, before],
        )
        .await
        .map(drop)
}
