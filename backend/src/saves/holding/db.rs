//! SQL that reads and removes everything that saves know of a player.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use crate::privacy::{ERASE_BATCH, Subject};
use aethex_wire::ids::PlayerId;
use serde_json::{Value, json};

/// Versions in a page: rows without their contents are small.
const PAGE: i64 = 500;

fn version(row: &Row<'_>) -> Result<(String, Value), SqlError> {
    let id = row.text(0)?;
    let parents: Vec<String> = [row.maybe_text(3)?, row.maybe_text(4)?].into_iter().flatten().collect();
    let json = json!({
        "version": id,
        "slot": row.text(1)?,
        "sequence": row.maybe_int(2)?,
        "parents": parents,
        "encoding": row.text(5)?,
        "hash_blake3": row.text(6)?,
        "size_bytes": row.int(7)?,
        "label": row.text(8)?,
        "device_name": row.text(9)?,
        "playtime_ms": row.int(10)?,
        "saved_at_ms": row.int(11)?,
        "stored_at_ms": row.int(12)?,
        "deleted": row.int(13)? != 0,
        "content_removed_at_ms": row.maybe_int(14)?,
        "idempotency_key": row.maybe_text(15)?,
        "device_id": row.text(16)?,
        "device_clock": listed(&row.text(17)?),
        "hlc": row.int(18)?,
        "schema": row.int(19)?,
        "app_version": row.text(20)?,
        "parts": listed(&row.text(21)?),
        "pinned": row.int(22)? != 0,
        "pruned_at_ms": row.maybe_int(23)?,
    });
    Ok((id, json))
}

/// A list or map that lies in a column; nothing when it is empty.
fn listed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The versions behind `after`, without their contents.
pub(super) async fn versions(
    sql: &Sql,
    who: &Subject,
    after: &str,
) -> Result<Vec<(String, Value)>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT version_id, slot, sequence, parent_a, parent_b, encoding, hash, size_bytes, label, device_name,
                playtime_ms, saved_at_ms, stored_at_ms, deleted, purged_at_ms, idempotency_key, device_id,
                device_clock, hlc, schema_version, app_version, parts, pinned, pruned_at_ms
             FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id > $3
             ORDER BY version_id LIMIT $4",
            args![who.player.as_str(), after, PAGE],
            version,
        )
        .await
}

pub(super) async fn blob_keys(sql: &Sql, who: &Subject) -> Result<Vec<String>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT blob_key FROM saves_version WHERE game_id = $1 AND player_id = $2 AND blob_key IS NOT NULL
             UNION ALL
             SELECT blob_key FROM saves_part WHERE game_id = $1 AND player_id = $2 AND blob_key IS NOT NULL
             UNION ALL
             SELECT 'upload/' || game_id || '/' || upload_id FROM saves_upload WHERE game_id = $1 AND player_id = $2",
            args![who.player.as_str()],
            |row| row.text(0),
        )
        .await
}

/// What the player's devices told of themselves.
pub(super) async fn devices(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT device_id, device_name, slot, unsent, seen_at_ms FROM saves_device
             WHERE game_id = $1 AND player_id = $2 ORDER BY device_id",
            args![who.player.as_str()],
            |row| {
                Ok(json!({
                    "device_id": row.text(0)?,
                    "device_name": row.text(1)?,
                    "slot": row.text(2)?,
                    "unsent": row.int(3)? != 0,
                    "seen_at_ms": row.int(4)?,
                }))
            },
        )
        .await
}

/// The hashes of the player's parts behind `after`.
pub(super) async fn parts(sql: &Sql, who: &Subject, after: &str) -> Result<Vec<String>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT hash FROM saves_part WHERE game_id = $1 AND player_id = $2 AND hash > $3 ORDER BY hash LIMIT $4",
            args![who.player.as_str(), after, PAGE],
            |row| row.text(0),
        )
        .await
}

/// Removes a batch of what is known of a player; the keys first, for without them nothing that is left can be read.
pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let mut erased = 0;
    for statement in [
        "DELETE FROM saves_key WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM saves_upload WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM saves_device WHERE game_id = $1 AND player_id = $2",
    ] {
        erased += tx.execute(statement, args![player.as_str()]).await?;
    }
    for statement in [
        "DELETE FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id IN (
            SELECT version_id FROM saves_version WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
        "DELETE FROM saves_version_part WHERE game_id = $1 AND player_id = $2 AND version_id IN (
            SELECT version_id FROM saves_version_part WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
        "DELETE FROM saves_part WHERE game_id = $1 AND player_id = $2 AND hash IN (
            SELECT hash FROM saves_part WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
    ] {
        erased += tx.execute(statement, args![player.as_str(), ERASE_BATCH]).await?;
    }
    Ok(erased)
}
