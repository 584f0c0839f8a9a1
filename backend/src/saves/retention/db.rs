//! SQL of retention.
//!
//! A content goes only in a transaction that has locked its row and then looks again: at the head, at pins, and at what
//! is stored as a patch against it. On PostgreSQL the lock is an update that changes nothing; it comes in a statement of
//! its own, so that the next one sees what others committed before.

use super::rules::Entry;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use bytes::Bytes;
use futures_util::FutureExt;

/// A slot of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) game: GameId,
    pub(super) player: PlayerId,
    pub(super) name: String,
}

fn damaged() -> SqlError {
    SqlError::Other("a stored id is damaged".into())
}

fn id(text: &str) -> Result<VersionId, SqlError> {
    VersionId::parse(text).ok_or_else(damaged)
}

/// Slots with versions to look at, the longest due first.
pub(super) async fn due(sql: &Sql, now_ms: i64, limit: i64) -> Result<Vec<Slot>, SqlError> {
    sql.all_games()
        .scan(
            "SELECT game_id, player_id, slot FROM saves_version WHERE review_at_ms <= $1
             GROUP BY game_id, player_id, slot ORDER BY MIN(review_at_ms) LIMIT $2",
            args![now_ms, limit],
            |row| {
                Ok(Slot {
                    game: GameId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    player: PlayerId::parse(&row.text(1)?).ok_or_else(damaged)?,
                    name: row.text(2)?,
                })
            },
        )
        .await
}

fn entry(row: &Row<'_>) -> Result<Entry, SqlError> {
    let parents = [row.maybe_text(2)?, row.maybe_text(3)?];
    Ok(Entry {
        id: id(&row.text(0)?)?,
        sequence: row.maybe_int(1)?,
        parents: parents.iter().flatten().map(|parent| id(parent)).collect::<Result<_, _>>()?,
        stored_at_ms: row.int(4)?,
        deleted: row.int(5)? != 0,
        pruned: row.maybe_int(6)?.is_some(),
        pinned: row.int(7)? != 0,
        suspicious: row.int(8)? != 0,
        sealed: row.text(9)? == "sealed",
        base: row.maybe_text(10)?.map(|base| id(&base)).transpose()?,
    })
}

/// The newest versions of a slot, but for those that a delete took away.
pub(super) async fn entries(sql: &Sql, slot: &Slot, limit: i64) -> Result<Vec<Entry>, SqlError> {
    sql.game(&slot.game)
        .scan(
            "SELECT version_id, sequence, parent_a, parent_b, stored_at_ms, deleted, pruned_at_ms, pinned, suspicions,
                encoding, base_id
             FROM saves_version WHERE game_id = $1 AND player_id = $2 AND slot = $3 AND purged_at_ms IS NULL
             ORDER BY version_id DESC LIMIT $4",
            args![slot.player.as_str(), slot.name.as_str(), limit],
            entry,
        )
        .await
}

/// Says when to look at a slot again. Reviews that were put while this one ran stay.
pub(super) async fn reviewed(
    sql: &Sql,
    slot: &Slot,
    now_ms: i64,
    next: Option<(VersionId, i64)>,
) -> Result<(), SqlError> {
    let slot = slot.clone();
    let game = slot.game.clone();
    sql.game(&game)
        .transaction(move |tx| {
            async move {
                tx.execute(
                    "UPDATE saves_version SET review_at_ms = NULL WHERE game_id = $1 AND player_id = $2 AND slot = $3
                        AND review_at_ms <= $4",
                    args![slot.player.as_str(), slot.name.as_str(), now_ms],
                )
                .await?;
                let Some((version, next_ms)) = next else { return Ok(()) };
                tx.execute(
                    "UPDATE saves_version SET review_at_ms = $4 WHERE game_id = $1 AND player_id = $2
                        AND version_id = $3 AND purged_at_ms IS NULL AND (review_at_ms IS NULL OR review_at_ms > $4)",
                    args![slot.player.as_str(), version.as_str(), next_ms],
                )
                .await
                .map(drop)
            }
            .boxed()
        })
        .await
}

/// How a version is to be stored from now on.
#[derive(Debug, Clone)]
pub(super) struct Swap {
    pub(super) version: VersionId,
    /// What it is a patch against until now.
    pub(super) old_base: VersionId,
    /// What it is a patch against then; `None` in full.
    pub(super) new_base: Option<VersionId>,
    pub(super) compression: &'static str,
    pub(super) body: Option<Bytes>,
    pub(super) blob_key: Option<String>,
    pub(super) sealed_by: Option<String>,
    pub(super) stored_bytes: i64,
    pub(super) chain_len: i64,
    pub(super) chain_bytes: i64,
    pub(super) key_bytes: i64,
}

/// Why nothing was changed.
#[derive(Debug)]
pub(super) enum Stop {
    /// The slot is not what it was: look at it again.
    Changed,
    Sql(SqlError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Stop {
        Stop::Sql(error)
    }
}

/// Blobs that no row names any more.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// Of contents that are stored elsewhere now: somebody may be about to read them.
    pub(super) swapped: Vec<String>,
    /// Of contents that were taken away.
    pub(super) dropped: Vec<String>,
}

/// Stores versions otherwise and takes contents away, all or nothing.
pub(super) async fn apply(
    sql: &Sql,
    slot: &Slot,
    swaps: Vec<Swap>,
    drops: Vec<VersionId>,
    now_ms: i64,
) -> Result<Gone, Stop> {
    let slot = slot.clone();
    let game = slot.game.clone();
    sql.game(&game)
        .transaction(move |tx| {
            async move {
                let player = slot.player.as_str();
                lock(tx, player, &swaps, &drops).await?;
                let mut gone = Gone::default();
                for swap in &swaps {
                    gone.swapped.extend(swap_one(tx, player, swap).await?);
                }
                // Newest first: a patch goes before what it is against.
                for version in &drops {
                    gone.dropped.extend(drop_one(tx, &slot, version, now_ms).await?);
                }
                Ok(gone)
            }
            .boxed()
        })
        .await
}

/// Locks the rows that change and those that are built on, in one order for everybody.
async fn lock(tx: &mut Transaction, player: &str, swaps: &[Swap], drops: &[VersionId]) -> Result<(), Stop> {
    let bases = swaps.iter().flat_map(|swap| [Some(&swap.version), swap.new_base.as_ref()]).flatten();
    let mut ids: Vec<&VersionId> = bases.chain(drops).collect();
    ids.sort_unstable();
    ids.dedup();
    for version in ids {
        let found = tx
            .execute(
                "UPDATE saves_version SET review_at_ms = review_at_ms WHERE game_id = $1 AND player_id = $2
                    AND version_id = $3 AND pruned_at_ms IS NULL AND purged_at_ms IS NULL",
                args![player, version.as_str()],
            )
            .await?;
        if found != 1 {
            return Err(Stop::Changed);
        }
    }
    Ok(())
}

/// The version's blob, if it has one.
async fn blob_of(
    tx: &mut Transaction,
    player: &str,
    version: &VersionId,
) -> Result<Option<String>, SqlError> {
    let found = tx
        .query_one(
            "SELECT blob_key FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id = $3",
            args![player, version.as_str()],
            |row| row.maybe_text(0),
        )
        .await?;
    Ok(found.flatten())
}

async fn swap_one(tx: &mut Transaction, player: &str, swap: &Swap) -> Result<Option<String>, Stop> {
    let old_blob = blob_of(tx, player, &swap.version).await?;
    let done = tx
        .execute(
            "UPDATE saves_version SET base_id = $5, compression = $6, body = $7, blob_key = $8, sealed_by = $9,
                stored_bytes = $10, chain_len = $11, chain_bytes = $12, key_bytes = $13
             WHERE game_id = $1 AND player_id = $2 AND version_id = $3 AND base_id = $4",
            args![
                player,
                swap.version.as_str(),
                swap.old_base.as_str(),
                swap.new_base.as_ref().map(|base| base.as_str().to_owned()),
                swap.compression,
                swap.body.clone(),
                swap.blob_key.clone(),
                swap.sealed_by.clone(),
                swap.stored_bytes,
                swap.chain_len,
                swap.chain_bytes,
                swap.key_bytes,
            ],
        )
        .await?;
    if done == 1 { Ok(old_blob) } else { Err(Stop::Changed) }
}

/// Takes a content away: never the head's, a pinned one's, or one that a stored patch is against.
async fn drop_one(
    tx: &mut Transaction,
    slot: &Slot,
    version: &VersionId,
    now_ms: i64,
) -> Result<Option<String>, Stop> {
    let player = slot.player.as_str();
    let blob = blob_of(tx, player, version).await?;
    let done = tx
        .execute(
            "UPDATE saves_version SET body = NULL, blob_key = NULL, sealed_by = NULL, base_id = NULL, stored_bytes = 0,
                chain_len = 0, chain_bytes = 0, key_bytes = 0, parts = '', pruned_at_ms = $5
             WHERE game_id = $1 AND player_id = $2 AND version_id = $3 AND slot = $4 AND pinned = 0 AND deleted = 0
                AND pruned_at_ms IS NULL AND purged_at_ms IS NULL
                AND (sequence IS NULL OR sequence < (SELECT MAX(h.sequence) FROM saves_version h
                    WHERE h.game_id = $1 AND h.player_id = $2 AND h.slot = $4))
                AND NOT EXISTS (SELECT 1 FROM saves_version d WHERE d.game_id = $1 AND d.player_id = $2
                    AND d.base_id = $3 AND d.pruned_at_ms IS NULL AND d.purged_at_ms IS NULL)",
            args![player, version.as_str(), slot.name.as_str(), now_ms],
        )
        .await?;
    if done != 1 {
        return Err(Stop::Changed);
    }
    tx.execute(
        "DELETE FROM saves_version_part WHERE game_id = $1 AND player_id = $2 AND version_id = $3",
        args![player, version.as_str()],
    )
    .await?;
    Ok(blob)
}

/// Removes marks: never the head, nor anything with a content.
pub(super) async fn forget(sql: &Sql, slot: &Slot, marks: Vec<VersionId>) -> Result<(), SqlError> {
    let slot = slot.clone();
    let game = slot.game.clone();
    sql.game(&game)
        .transaction(move |tx| {
            async move {
                for mark in &marks {
                    tx.execute(
                        "DELETE FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id = $3
                            AND slot = $4 AND (pruned_at_ms IS NOT NULL OR deleted = 1)
                            AND (sequence IS NULL OR sequence < (SELECT MAX(h.sequence) FROM saves_version h
                                WHERE h.game_id = $1 AND h.player_id = $2 AND h.slot = $4))",
                        args![slot.player.as_str(), mark.as_str(), slot.name.as_str()],
                    )
                    .await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
}

/// A player's content that may be a part of versions.
#[derive(Debug, Clone)]
pub(super) struct PartKey {
    pub(super) game: GameId,
    pub(super) player: PlayerId,
    pub(super) hash: String,
}

/// Contents behind `after` that were last used before a time and that nobody names, in the order of their keys.
pub(super) async fn unnamed_parts(
    sql: &Sql,
    after: Option<&PartKey>,
    before_ms: i64,
    limit: i64,
) -> Result<Vec<PartKey>, SqlError> {
    let after = match after {
        Some(last) => [last.game.as_str(), last.player.as_str(), &last.hash],
        None => ["", "", ""],
    };
    sql.all_games()
        .scan(
            "SELECT p.game_id, p.player_id, p.hash FROM saves_part p WHERE p.used_at_ms < $1
                AND (p.game_id, p.player_id, p.hash) > ($2, $3, $4)
                AND NOT EXISTS (SELECT 1 FROM saves_version_part n WHERE n.game_id = p.game_id
                    AND n.player_id = p.player_id AND n.hash = p.hash)
                AND NOT EXISTS (SELECT 1 FROM saves_part d WHERE d.game_id = p.game_id AND d.player_id = p.player_id
                    AND d.base_hash = p.hash)
             ORDER BY p.game_id, p.player_id, p.hash LIMIT $5",
            args![before_ms, after[0], after[1], after[2], limit],
            |row| {
                Ok(PartKey {
                    game: GameId::parse(&row.text(0)?).ok_or_else(damaged)?,
                    player: PlayerId::parse(&row.text(1)?).ok_or_else(damaged)?,
                    hash: row.text(2)?,
                })
            },
        )
        .await
}

/// Removes a content that nobody names, if that is still so: its blob, and whether anything was removed. Whoever names a
/// content says that it is used, in the same row, before.
pub(super) async fn remove_part(
    sql: &Sql,
    part: &PartKey,
    before_ms: i64,
) -> Result<Option<Option<String>>, SqlError> {
    let (game, part) = (part.game.clone(), part.clone());
    sql.game(&game)
        .transaction(move |tx| {
            async move {
                tx.execute(
                    "UPDATE saves_part SET used_at_ms = used_at_ms WHERE game_id = $1 AND player_id = $2 AND hash = $3",
                    args![part.player.as_str(), part.hash.as_str()],
                )
                .await?;
                tx.query_one(
                    "DELETE FROM saves_part WHERE game_id = $1 AND player_id = $2 AND hash = $3 AND used_at_ms < $4
                        AND NOT EXISTS (SELECT 1 FROM saves_version_part n WHERE n.game_id = $1 AND n.player_id = $2
                            AND n.hash = $3)
                        AND NOT EXISTS (SELECT 1 FROM saves_part d WHERE d.game_id = $1 AND d.player_id = $2
                            AND d.base_hash = $3)
                     RETURNING blob_key",
                    args![part.player.as_str(), part.hash.as_str(), before_ms],
                    |row| row.maybe_text(0),
                )
                .await
            }
            .boxed()
        })
        .await
}

/// Removes what versions that are gone named as parts, at most `limit` rows.
pub(super) async fn sweep_names(sql: &Sql, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM saves_version_part WHERE (game_id, player_id, version_id, name) IN (
                SELECT n.game_id, n.player_id, n.version_id, n.name FROM saves_version_part n WHERE NOT EXISTS (
                    SELECT 1 FROM saves_version v WHERE v.game_id = n.game_id AND v.player_id = n.player_id
                        AND v.version_id = n.version_id AND v.purged_at_ms IS NULL AND v.pruned_at_ms IS NULL)
                LIMIT $1)",
            args![limit],
        )
        .await
}

/// Forgets versions whose content was taken away long ago, at most `limit` at once: others write as well.
pub(in crate::saves) async fn sweep_purged(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM saves_version WHERE (game_id, player_id, version_id) IN (
            SELECT game_id, player_id, version_id FROM saves_version WHERE purged_at_ms < $1 LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}
