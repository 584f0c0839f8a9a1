//! SQL of uploads.

use super::super::contents::Owner;
use super::rules;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};
use futures_util::FutureExt;

/// An upload that is under way.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) id: String,
    pub(super) hash: String,
    pub(super) size_bytes: i64,
    pub(super) sealed_by: Option<String>,
    pub(super) expires_at_ms: i64,
}

fn open_of(row: &Row<'_>) -> Result<Open, SqlError> {
    Ok(Open {
        id: row.text(0)?,
        hash: row.text(1)?,
        size_bytes: row.int(2)?,
        sealed_by: row.maybe_text(3)?,
        expires_at_ms: row.int(4)?,
    })
}

/// A content that was stored in chunks.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    pub(super) upload_id: String,
    pub(super) hash: String,
    pub(super) size_bytes: i64,
    pub(super) sealed_by: Option<String>,
}

fn chunked_of(row: &Row<'_>) -> Result<Chunked, SqlError> {
    Ok(Chunked {
        upload_id: row.text(0)?,
        hash: row.text(1)?,
        size_bytes: row.int(2)?,
        sealed_by: row.maybe_text(3)?,
    })
}

/// The player's uploads that are under way.
pub(super) async fn open_uploads(sql: &Sql, owner: Owner<'_>, now_ms: i64) -> Result<Vec<Open>, SqlError> {
    sql.game(owner.game)
        .scan(
            "SELECT upload_id, hash, size_bytes, sealed_by, expires_at_ms FROM saves_upload
             WHERE game_id = $1 AND player_id = $2 AND expires_at_ms > $3 ORDER BY upload_id",
            args![owner.player.as_str(), now_ms],
            open_of,
        )
        .await
}

/// One of them.
pub(super) async fn upload(
    sql: &Sql,
    owner: Owner<'_>,
    id: &str,
    now_ms: i64,
) -> Result<Option<Open>, SqlError> {
    sql.game(owner.game)
        .read_one(
            "SELECT upload_id, hash, size_bytes, sealed_by, expires_at_ms FROM saves_upload
             WHERE game_id = $1 AND upload_id = $2 AND player_id = $3 AND expires_at_ms > $4",
            args![id, owner.player.as_str(), now_ms],
            open_of,
        )
        .await
}

/// Begins an upload, unless the player has as many as may be; whether it was begun.
pub(super) async fn insert(
    sql: &Sql,
    owner: Owner<'_>,
    new: &Open,
    open_max: i64,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let rows = sql
        .game(owner.game)
        .execute(
            "INSERT INTO saves_upload (game_id, upload_id, player_id, hash, size_bytes, sealed_by, created_at_ms,
                expires_at_ms)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE (SELECT COUNT(*) FROM saves_upload
                WHERE game_id = $1 AND player_id = $3 AND expires_at_ms > $7) < $9",
            args![
                new.id.as_str(),
                owner.player.as_str(),
                new.hash.as_str(),
                new.size_bytes,
                new.sealed_by.clone(),
                now_ms,
                new.expires_at_ms,
                open_max,
            ],
        )
        .await?;
    Ok(rows > 0)
}

/// Ends an upload; false when it was over already.
pub(super) async fn remove(sql: &Sql, game: &GameId, id: &str) -> Result<bool, SqlError> {
    let statement = "DELETE FROM saves_upload WHERE game_id = $1 AND upload_id = $2";
    Ok(sql.game(game).execute(statement, args![id]).await? > 0)
}

/// What became of a complete upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// Its content is stored.
    Stored,
    /// The player has the content already.
    There,
    /// It was cancelled meanwhile.
    Gone,
}

/// Ends an upload, and makes its content one that saves may name.
pub(super) async fn settle(
    sql: &Sql,
    owner: Owner<'_>,
    upload: &Open,
    folder: String,
    now_ms: i64,
) -> Result<Settled, SqlError> {
    let (player, upload) = (owner.player.clone(), upload.clone());
    sql.game(owner.game)
        .transaction(move |tx| async move { settle_in(tx, &player, &upload, folder, now_ms).await }.boxed())
        .await
}

async fn settle_in(
    tx: &mut Transaction,
    player: &PlayerId,
    upload: &Open,
    folder: String,
    now_ms: i64,
) -> Result<Settled, SqlError> {
    let gone = "DELETE FROM saves_upload WHERE game_id = $1 AND upload_id = $2 AND player_id = $3";
    if tx.execute(gone, args![upload.id.as_str(), player.as_str()]).await? == 0 {
        return Ok(Settled::Gone);
    }
    let stored = tx
        .execute(
            "INSERT INTO saves_part (game_id, player_id, hash, size_bytes, stored_bytes, form, chain_len, upload_id,
                blob_key, sealed_by, used_at_ms)
             VALUES ($1, $2, $3, $4, $5, 'chunks', 0, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            args![
                player.as_str(),
                upload.hash.as_str(),
                upload.size_bytes,
                rules::sealed_bytes(upload.size_bytes),
                upload.id.as_str(),
                folder,
                upload.sealed_by.clone(),
                now_ms,
            ],
        )
        .await?;
    Ok(if stored > 0 { Settled::Stored } else { Settled::There })
}

/// The content in chunks with this hash.
pub(super) async fn chunked(sql: &Sql, owner: Owner<'_>, hash: &str) -> Result<Option<Chunked>, SqlError> {
    sql.game(owner.game)
        .read_one(
            "SELECT upload_id, hash, size_bytes, sealed_by FROM saves_part
             WHERE game_id = $1 AND player_id = $2 AND hash = $3 AND form = 'chunks' AND upload_id IS NOT NULL",
            args![owner.player.as_str(), hash],
            chunked_of,
        )
        .await
}

/// The content that an upload brought.
pub(super) async fn brought_by(sql: &Sql, owner: Owner<'_>, id: &str) -> Result<Option<Chunked>, SqlError> {
    sql.game(owner.game)
        .read_one(
            "SELECT upload_id, hash, size_bytes, sealed_by FROM saves_part
             WHERE game_id = $1 AND player_id = $2 AND upload_id = $3",
            args![owner.player.as_str(), id],
            chunked_of,
        )
        .await
}

/// Uploads that were given up, of all games.
pub(super) async fn expired(sql: &Sql, now_ms: i64, limit: i64) -> Result<Vec<(String, String)>, SqlError> {
    sql.all_games()
        .scan(
            "SELECT game_id, upload_id FROM saves_upload WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT $2",
            args![now_ms, limit],
            |row| Ok((row.text(0)?, row.text(1)?)),
        )
        .await
}

/// Whether an upload is under way, or brought a content that is stored.
pub(super) async fn is_named(sql: &Sql, game: &GameId, id: &str, folder: &str) -> Result<bool, SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT 1 FROM saves_upload WHERE game_id = $1 AND upload_id = $2
             UNION ALL SELECT 1 FROM saves_part WHERE game_id = $1 AND blob_key = $3 AND blob_key IS NOT NULL LIMIT 1",
            args![id, folder],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}
