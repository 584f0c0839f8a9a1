//! SQL of players' data keys.

use crate::args;
use crate::ports::kms::Wrapped;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};
use bytes::Bytes;
use futures_util::FutureExt;

/// Encryption keys that rows may name: far more than are ever of use at once.
const KEKS_MAX: usize = 1000;

/// A data key as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) key_id: String,
    pub(super) wrapped: Wrapped,
}

fn kept(row: &Row<'_>) -> Result<Kept, SqlError> {
    let bytes = row.maybe_bytes(1)?.unwrap_or_default();
    Ok(Kept { key_id: row.text(0)?, wrapped: Wrapped { bytes, kek_id: row.text(2)? } })
}

/// The player's newest key, which seals what is written.
pub(super) async fn newest(sql: &Sql, game: &GameId, player: &PlayerId) -> Result<Option<Kept>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT key_id, wrapped, kek_id FROM saves_key WHERE game_id = $1 AND player_id = $2
             ORDER BY created_at_ms DESC, key_id DESC LIMIT 1",
            args![player.as_str()],
            kept,
        )
        .await
}

/// A key by the id that a row of the player's names.
pub(super) async fn by_id(sql: &Sql, game: &GameId, key_id: &str) -> Result<Option<Kept>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT key_id, wrapped, kek_id FROM saves_key WHERE game_id = $1 AND key_id = $2",
            args![key_id],
            kept,
        )
        .await
}

/// How many keys the player has had, and when the newest was made.
pub(super) async fn count(sql: &Sql, game: &GameId, player: &PlayerId) -> Result<(i64, i64), SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT COUNT(*), COALESCE(MAX(created_at_ms), 0) FROM saves_key WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .await?;
    Ok(found.unwrap_or_default())
}

/// Adds a key, unless another server added it just now.
pub(super) async fn insert(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    key: &Kept,
    now_ms: i64,
) -> Result<(), SqlError> {
    sql.game(game)
        .execute(
            "INSERT INTO saves_key (game_id, key_id, player_id, wrapped, kek_id, created_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            args![
                key.key_id.as_str(),
                player.as_str(),
                Some(Bytes::copy_from_slice(&key.wrapped.bytes)),
                key.wrapped.kek_id.as_str(),
                now_ms,
            ],
        )
        .await
        .map(drop)
}

/// The encryption keys that rows name, each found by one step in the index.
pub(super) async fn keks(sql: &Sql) -> Result<Vec<String>, SqlError> {
    let mut found: Vec<String> = Vec::new();
    while found.len() < KEKS_MAX {
        let after = found.last().cloned().unwrap_or_default();
        let next = sql
            .all_games()
            .read_one(
                "SELECT kek_id FROM saves_key WHERE kek_id > $1 ORDER BY kek_id LIMIT 1",
                args![after],
                |row| row.text(0),
            )
            .await?;
        match next {
            Some(kek_id) => found.push(kek_id),
            None => break,
        }
    }
    Ok(found)
}

/// How many players' keys an encryption key wraps.
pub(super) async fn wrapped_by(sql: &Sql, kek_id: &str) -> Result<i64, SqlError> {
    let count = sql
        .all_games()
        .read_one("SELECT COUNT(*) FROM saves_key WHERE kek_id = $1", args![kek_id], |row| row.int(0))
        .await?;
    Ok(count.unwrap_or_default())
}

/// Keys that an encryption key wraps, behind a place (game, key).
pub(super) async fn batch(
    sql: &Sql,
    kek_id: &str,
    after: &(String, String),
    limit: i64,
) -> Result<Vec<(String, Kept)>, SqlError> {
    sql.all_games()
        .scan(
            "SELECT key_id, wrapped, kek_id, game_id FROM saves_key
             WHERE kek_id = $1 AND (game_id, key_id) > ($2, $3) ORDER BY game_id, key_id LIMIT $4",
            args![kek_id, after.0.as_str(), after.1.as_str(), limit],
            |row| Ok((row.text(3)?, kept(row)?)),
        )
        .await
}

/// A key that was wrapped anew.
#[derive(Debug)]
pub(super) struct Rewrapped {
    pub(super) game: String,
    pub(super) key_id: String,
    pub(super) before: String,
    pub(super) wrapped: Wrapped,
}

/// Writes keys that were wrapped anew, in one transaction; one that was erased or wrapped anew meanwhile stays
/// what it is.
pub(super) async fn replace(sql: &Sql, keys: Vec<Rewrapped>) -> Result<u64, SqlError> {
    let sql = sql.all_games();
    sql.transaction(move |tx| {
        async move {
            let mut replaced = 0;
            for key in keys {
                replaced += tx
                    .execute(
                        "UPDATE saves_key SET wrapped = $4, kek_id = $5
                         WHERE game_id = $1 AND key_id = $2 AND kek_id = $3",
                        args![
                            key.game,
                            key.key_id,
                            key.before,
                            Some(Bytes::from(key.wrapped.bytes)),
                            key.wrapped.kek_id,
                        ],
                    )
                    .await?;
            }
            Ok::<_, SqlError>(replaced)
        }
        .boxed()
    })
    .await
}

/// Makes one player's keys another's, as their accounts become one.
pub(crate) async fn adopt(tx: &mut Transaction, from: &PlayerId, to: &PlayerId) -> Result<u64, SqlError> {
    tx.execute(
        "UPDATE saves_key SET player_id = $3 WHERE game_id = $1 AND player_id = $2",
        args![from.as_str(), to.as_str()],
    )
    .await
}

/// Removes the player's keys: whatever they sealed, wherever it lies, is noise from then on.
pub(crate) async fn shred(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    tx.execute("DELETE FROM saves_key WHERE game_id = $1 AND player_id = $2", args![player.as_str()]).await
}
