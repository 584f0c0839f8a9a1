//! SQL of parts.

use super::super::contents::Owner;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{PlayerId, VersionId};
use bytes::Bytes;

/// How a part's content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    None,
    Zstd,
    /// A patch against another part.
    Delta,
    /// The chunks of an upload.
    Chunks,
}

impl Form {
    fn as_str(self) -> &'static str {
        match self {
            Form::None => "none",
            Form::Zstd => "zstd",
            Form::Delta => "delta",
            Form::Chunks => "chunks",
        }
    }

    fn parse(text: &str) -> Form {
        match text {
            "zstd" => Form::Zstd,
            "delta" => Form::Delta,
            "chunks" => Form::Chunks,
            _ => Form::None,
        }
    }
}

/// A stored content.
#[derive(Debug, Clone)]
pub(in super::super) struct StoredPart {
    pub(super) hash: String,
    pub(super) size_bytes: i64,
    pub(super) form: Form,
    pub(super) base_hash: Option<String>,
    pub(super) chain_len: i64,
    pub(super) blob_key: Option<String>,
    pub(super) sealed_by: Option<String>,
    pub(super) body: Option<Bytes>,
}

/// A content to insert.
#[derive(Debug)]
pub(super) struct NewPart {
    pub(super) hash: String,
    pub(super) size_bytes: i64,
    pub(super) form: Form,
    pub(super) base_hash: Option<String>,
    pub(super) chain_len: i64,
}

fn stored_part(row: &Row<'_>) -> Result<StoredPart, SqlError> {
    Ok(StoredPart {
        hash: row.text(0)?,
        size_bytes: row.int(1)?,
        form: Form::parse(&row.text(2)?),
        base_hash: row.maybe_text(3)?,
        chain_len: row.int(4)?,
        blob_key: row.maybe_text(5)?,
        sealed_by: row.maybe_text(6)?,
        body: row.maybe_bytes(7)?.map(Bytes::from),
    })
}

/// A player's content with this hash.
pub(super) async fn part(sql: &Sql, owner: Owner<'_>, hash: &str) -> Result<Option<StoredPart>, SqlError> {
    sql.game(owner.game)
        .read_one(
            "SELECT hash, size_bytes, form, base_hash, chain_len, blob_key, sealed_by, body
             FROM saves_part WHERE game_id = $1 AND player_id = $2 AND hash = $3",
            args![owner.player.as_str(), hash],
            stored_part,
        )
        .await
}

/// Says that a content is used now; its size, when it is there.
pub(in super::super) async fn touch(
    sql: &Sql,
    owner: Owner<'_>,
    hash: &str,
    now_ms: i64,
) -> Result<Option<i64>, SqlError> {
    let found = sql
        .game(owner.game)
        .write(
            "UPDATE saves_part SET used_at_ms = $4 WHERE game_id = $1 AND player_id = $2 AND hash = $3
             RETURNING size_bytes",
            args![owner.player.as_str(), hash, now_ms],
            |row| row.int(0),
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Inserts a content; false when it is there already.
#[expect(clippy::too_many_arguments, reason = "a row's columns, all of them needed at once")]
pub(super) async fn insert(
    sql: &Sql,
    owner: Owner<'_>,
    new: &NewPart,
    body: Option<Bytes>,
    blob_key: Option<String>,
    sealed_by: Option<String>,
    stored_bytes: i64,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let rows = sql
        .game(owner.game)
        .execute(
            "INSERT INTO saves_part (game_id, player_id, hash, size_bytes, stored_bytes, form, base_hash, chain_len,
                blob_key, sealed_by, used_at_ms, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
            args![
                owner.player.as_str(),
                new.hash.as_str(),
                new.size_bytes,
                stored_bytes,
                new.form.as_str(),
                new.base_hash.clone(),
                new.chain_len,
                blob_key,
                sealed_by,
                now_ms,
                body,
            ],
        )
        .await?;
    Ok(rows > 0)
}

/// The hash of a version's part.
pub(super) async fn hash_of(
    sql: &Sql,
    owner: Owner<'_>,
    version: &VersionId,
    name: &str,
) -> Result<Option<String>, SqlError> {
    sql.game(owner.game)
        .read_one(
            "SELECT hash FROM saves_version_part WHERE game_id = $1 AND player_id = $2 AND version_id = $3 AND name = $4",
            args![owner.player.as_str(), version.as_str(), name],
            |row| row.text(0),
        )
        .await
}

/// Moves all parts, uploads and devices from one player to another: contents that the other has already are dropped.
pub(in super::super) async fn carry(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
) -> Result<(), SqlError> {
    for statement in [
        "UPDATE saves_part SET player_id = $3 WHERE game_id = $1 AND player_id = $2 AND NOT EXISTS (
            SELECT 1 FROM saves_part o WHERE o.game_id = $1 AND o.player_id = $3 AND o.hash = saves_part.hash)",
        "UPDATE saves_version_part SET player_id = $3 WHERE game_id = $1 AND player_id = $2",
        "UPDATE saves_upload SET player_id = $3 WHERE game_id = $1 AND player_id = $2",
        "UPDATE saves_device SET player_id = $3 WHERE game_id = $1 AND player_id = $2 AND NOT EXISTS (
            SELECT 1 FROM saves_device o WHERE o.game_id = $1 AND o.player_id = $3
                AND o.device_id = saves_device.device_id)",
    ] {
        transaction.execute(statement, args![from.as_str(), to.as_str()]).await?;
    }
    for statement in [
        "DELETE FROM saves_part WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM saves_device WHERE game_id = $1 AND player_id = $2",
    ] {
        transaction.execute(statement, args![from.as_str()]).await?;
    }
    Ok(())
}
