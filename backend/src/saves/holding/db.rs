//! SQL that reads and removes everything that saves know of a player.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use crate::privacy::{ERASE_BATCH, Subject};
use aethex_wire::ids::PlayerId;
use aethex_wire::saves::{Compression, Encoding};
use bytes::Bytes;
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
    });
    Ok((id, json))
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
                playtime_ms, saved_at_ms, stored_at_ms, deleted, purged_at_ms, idempotency_key
             FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id > $3
             ORDER BY version_id LIMIT $4",
            args![who.player.as_str(), after, PAGE],
            version,
        )
        .await
}

/// A version's content as it is stored.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) version: String,
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    pub(super) body: Option<Bytes>,
    pub(super) blob_key: Option<String>,
}

/// The next content behind `after`.
pub(super) async fn content(sql: &Sql, who: &Subject, after: &str) -> Result<Option<Content>, SqlError> {
    let rows = sql
        .game(&who.game)
        .scan(
            "SELECT version_id, encoding, compression, body, blob_key FROM saves_version
             WHERE game_id = $1 AND player_id = $2 AND version_id > $3
                AND (body IS NOT NULL OR blob_key IS NOT NULL)
             ORDER BY version_id LIMIT 1",
            args![who.player.as_str(), after],
            |row| {
                Ok(Content {
                    version: row.text(0)?,
                    encoding: if row.text(1)? == "value" { Encoding::Value } else { Encoding::Bytes },
                    compression: if row.text(2)? == "zstd" { Compression::Zstd } else { Compression::None },
                    body: row.maybe_bytes(3)?.map(Bytes::from),
                    blob_key: row.maybe_text(4)?,
                })
            },
        )
        .await?;
    Ok(rows.into_iter().next())
}

pub(super) async fn blob_keys(sql: &Sql, who: &Subject) -> Result<Vec<String>, SqlError> {
    sql.game(&who.game)
        .scan(
            "SELECT blob_key FROM saves_version WHERE game_id = $1 AND player_id = $2 AND blob_key IS NOT NULL",
            args![who.player.as_str()],
            |row| row.text(0),
        )
        .await
}

/// Removes a batch of versions with their contents.
pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    tx.execute(
        "DELETE FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id IN (
            SELECT version_id FROM saves_version WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
        args![player.as_str(), ERASE_BATCH],
    )
    .await
}
