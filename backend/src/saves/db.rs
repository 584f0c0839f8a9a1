//! The SQL that reads, lists and deletes saves. Inserts are in `store`.

use super::rules::Side;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use aethex_wire::saves::{Compression, Encoding, Part, SaveVersion, Suspicion};
use bytes::Bytes;
use futures_util::FutureExt;

/// The columns that [`version`] reads, in its order.
macro_rules! columns {
    () => {
        "v.slot, v.version_id, v.sequence, v.parent_a, v.parent_b, v.encoding, v.hash, v.size_bytes, v.label,
         v.device_name, v.playtime_ms, v.saved_at_ms, v.stored_at_ms, v.deleted, v.device_id, v.device_clock, v.hlc,
         v.schema_version, v.app_version, v.parts, v.pinned, v.pruned_at_ms, v.suspicions"
    };
}
const COLUMNS: usize = 23;

fn version(row: &Row<'_>) -> Result<SaveVersion, SqlError> {
    let parents = [row.maybe_text(3)?, row.maybe_text(4)?];
    Ok(SaveVersion {
        sequence: row.maybe_int(2)?,
        parents: parents.iter().flatten().map(|parent| id(parent)).collect::<Result<_, _>>()?,
        encoding: encoding(&row.text(5)?),
        hash: row.text(6)?,
        size_bytes: row.int(7)?,
        label: row.text(8)?,
        device_name: row.text(9)?,
        playtime_ms: row.int(10)?,
        saved_at_ms: row.int(11)?,
        stored_at_ms: row.int(12)?,
        deleted: row.int(13)? != 0,
        device_id: row.text(14)?,
        device_clock: json(&row.text(15)?)?,
        hlc: row.int(16)?,
        schema: row.int(17)?,
        app_version: row.text(18)?,
        parts: json(&row.text(19)?)?,
        pinned: row.int(20)? != 0,
        pruned: row.maybe_int(21)?.is_some(),
        suspicions: suspicions(row.int(22)?),
        ..SaveVersion::new(row.text(0)?, id(&row.text(1)?)?)
    })
}

pub(super) fn encoding(text: &str) -> Encoding {
    match text {
        "value" => Encoding::Value,
        "sealed" => Encoding::Sealed,
        _ => Encoding::Bytes,
    }
}

pub(super) fn compression(text: &str) -> Compression {
    match text {
        "zstd" => Compression::Zstd,
        "delta" => Compression::Delta,
        _ => Compression::None,
    }
}

pub(super) fn compression_text(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Zstd => "zstd",
        Compression::Delta => "delta",
    }
}

/// What stands in a column as JSON; nothing is empty text.
fn json<T: Default + serde::de::DeserializeOwned>(text: &str) -> Result<T, SqlError> {
    if text.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(text).map_err(|error| SqlError::Other(format!("a stored list is damaged: {error}")))
}

/// A list or map as text; an empty one is empty text.
pub(super) fn text_of(value: &impl serde::Serialize, is_empty: bool) -> String {
    if is_empty { String::new() } else { serde_json::to_string(value).unwrap_or_default() }
}

/// Suspicions are bits in a column.
pub(super) fn suspicions(bits: i64) -> Vec<Suspicion> {
    use Suspicion::{Empty, LessPlaytime, MuchSmaller, OlderSchema};
    let all = [Empty, MuchSmaller, LessPlaytime, OlderSchema];
    all.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, one)| one).collect()
}

fn id(text: &str) -> Result<VersionId, SqlError> {
    VersionId::parse(text).ok_or_else(|| SqlError::Other("a stored version id is damaged".into()))
}

/// Where a content lies.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) compression: Compression,
    pub(super) body: Option<Bytes>,
    pub(super) blob_key: Option<String>,
    /// The player's key that it is sealed with.
    pub(super) sealed_by: Option<String>,
    /// The version whose data the patch is against.
    pub(super) base: Option<VersionId>,
    pub(super) chain: Chain,
    /// Its bytes, as they are stored.
    pub(super) stored_bytes: i64,
}

/// A step of rebuilding a content.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) version: VersionId,
    pub(super) stored: Stored,
}

/// The patches between a content and the last full one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// How many; 0 for a full content.
    pub(super) len: i64,
    /// Their bytes.
    pub(super) bytes: i64,
    /// Bytes of the full content, as it is stored.
    pub(super) key_bytes: i64,
}

fn version_with_content(row: &Row<'_>) -> Result<(SaveVersion, Stored), SqlError> {
    Ok((version(row)?, stored(row, COLUMNS)?))
}

/// The columns that [`stored`] reads, in its order.
macro_rules! stored_columns {
    () => {
        "v.compression, v.body, v.blob_key, v.sealed_by, v.base_id, v.chain_len, v.chain_bytes, v.key_bytes,
         v.stored_bytes"
    };
}

fn stored(row: &Row<'_>, at: usize) -> Result<Stored, SqlError> {
    Ok(Stored {
        compression: compression(&row.text(at)?),
        body: row.maybe_bytes(at + 1)?.map(Bytes::from),
        blob_key: row.maybe_text(at + 2)?,
        sealed_by: row.maybe_text(at + 3)?,
        base: row.maybe_text(at + 4)?.map(|base| id(&base)).transpose()?,
        chain: Chain { len: row.int(at + 5)?, bytes: row.int(at + 6)?, key_bytes: row.int(at + 7)? },
        stored_bytes: row.int(at + 8)?,
    })
}

/// A head that is the merge of the same two versions with the same content: another device was faster.
pub(super) async fn same_merge(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: &str,
    content: (&str, &[Part]),
    parents: (&VersionId, &VersionId),
) -> Result<Option<SaveVersion>, SqlError> {
    sql.game(game)
        .read_one(
            concat!(
                "SELECT ",
                columns!(),
                " FROM saves_version v WHERE v.game_id = $1 AND v.player_id = $2 AND v.slot = $3 AND v.hash = $4
                AND v.sequence IS NOT NULL AND v.purged_at_ms IS NULL
                AND v.parts = $5
                AND ((v.parent_a = $6 AND v.parent_b = $7) OR (v.parent_a = $7 AND v.parent_b = $6))
             ORDER BY v.sequence LIMIT 1"
            ),
            args![
                player.as_str(),
                slot,
                content.0,
                text_of(&content.1, content.1.is_empty()),
                parents.0.as_str(),
                parents.1.as_str()
            ],
            version,
        )
        .await
}

/// What it takes to rebuild a version: itself, then what it is a patch against, down to a full content.
pub(super) async fn chain(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    wanted: &VersionId,
) -> Result<Vec<Link>, SqlError> {
    sql.game(game)
        .scan(
            concat!(
                "WITH RECURSIVE link (version_id, base_id, place) AS (
                SELECT version_id, base_id, 0 FROM saves_version
                WHERE game_id = $1 AND player_id = $2 AND version_id = $3
                UNION ALL
                SELECT b.version_id, b.base_id, l.place + 1 FROM link l JOIN saves_version b
                    ON b.game_id = $1 AND b.player_id = $2 AND b.version_id = l.base_id
                WHERE l.place < 1000)
             SELECT v.version_id, ",
                stored_columns!(),
                " FROM link l JOIN saves_version v ON v.game_id = $1 AND v.player_id = $2 AND v.version_id = l.version_id
             ORDER BY l.place"
            ),
            args![player.as_str(), wanted.as_str()],
            |row| Ok(Link { version: id(&row.text(0)?)?, stored: stored(row, 1)? }),
        )
        .await
}

/// The version that an earlier request with this key made, with that request's digest.
pub(super) async fn by_idempotency_key(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    key: &str,
) -> Result<Option<(SaveVersion, Option<String>)>, SqlError> {
    sql.game(game)
        .read_one(
            concat!(
                "SELECT ",
                columns!(),
                ", v.request_hash FROM saves_version v
             WHERE v.game_id = $1 AND v.player_id = $2 AND v.idempotency_key = $3"
            ),
            args![player.as_str(), key],
            |row| Ok((version(row)?, row.maybe_text(COLUMNS)?)),
        )
        .await
}

/// The head of a slot; it may be a delete's mark.
pub(super) async fn head(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: &str,
) -> Result<Option<(SaveVersion, Stored)>, SqlError> {
    sql.game(game)
        .read_one(
            concat!(
                "SELECT ",
                columns!(),
                ", ",
                stored_columns!(),
                " FROM saves_version v
             WHERE v.game_id = $1 AND v.player_id = $2 AND v.slot = $3 AND v.sequence IS NOT NULL
             ORDER BY v.sequence DESC LIMIT 1"
            ),
            args![player.as_str(), slot],
            version_with_content,
        )
        .await
}

/// One version of a slot, while its content is there.
pub(super) async fn version_of(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: &str,
    wanted: &VersionId,
) -> Result<Option<(SaveVersion, Stored)>, SqlError> {
    sql.game(game)
        .read_one(
            concat!(
                "SELECT ",
                columns!(),
                ", ",
                stored_columns!(),
                " FROM saves_version v
             WHERE v.game_id = $1 AND v.player_id = $2 AND v.version_id = $4 AND v.slot = $3
                AND v.purged_at_ms IS NULL"
            ),
            args![player.as_str(), slot, wanted.as_str()],
            version_with_content,
        )
        .await
}

/// The player's next version behind `after` whose content is there.
pub(super) async fn next_content(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    after: &str,
) -> Result<Option<(SaveVersion, Stored)>, SqlError> {
    let rows = sql
        .game(game)
        .scan(
            concat!(
                "SELECT ",
                columns!(),
                ", ",
                stored_columns!(),
                " FROM saves_version v
             WHERE v.game_id = $1 AND v.player_id = $2 AND v.version_id > $3
                AND (v.body IS NOT NULL OR v.blob_key IS NOT NULL)
             ORDER BY v.version_id LIMIT 1"
            ),
            args![player.as_str(), after],
            version_with_content,
        )
        .await?;
    Ok(rows.into_iter().next())
}

/// The merges of a slot and its versions beside the heads, the newest `limit`.
pub(super) async fn sides(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: &str,
    limit: i64,
) -> Result<Vec<Side>, SqlError> {
    sql.game(game)
        .scan(
            "SELECT version_id, sequence, parent_a, parent_b FROM saves_version
             WHERE game_id = $1 AND player_id = $2 AND slot = $3 AND (sequence IS NULL OR parent_b IS NOT NULL)
             ORDER BY version_id DESC LIMIT $4",
            args![player.as_str(), slot, limit],
            |row| {
                let parents = [row.maybe_text(2)?, row.maybe_text(3)?];
                Ok(Side {
                    version: id(&row.text(0)?)?,
                    in_line: row.maybe_int(1)?.is_some(),
                    parents: parents.iter().flatten().map(|parent| id(parent)).collect::<Result<_, _>>()?,
                })
            },
        )
        .await
}

/// Whether a version is, or was before a delete, in this slot.
pub(super) async fn is_known(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: &str,
    wanted: &VersionId,
) -> Result<bool, SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT 1 FROM saves_version WHERE game_id = $1 AND player_id = $2 AND version_id = $4 AND slot = $3",
            args![player.as_str(), slot, wanted.as_str()],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// The heads of the player's slots behind `after`, by name.
pub(super) async fn heads(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    after: &str,
    limit: i64,
) -> Result<Vec<SaveVersion>, SqlError> {
    sql.game(game)
        .scan(
            concat!(
                "SELECT ",
                columns!(),
                " FROM (SELECT slot, MAX(sequence) AS sequence FROM saves_version
                WHERE game_id = $1 AND player_id = $2 AND slot > $3 AND sequence IS NOT NULL GROUP BY slot) h
             JOIN saves_version v ON v.game_id = $1 AND v.player_id = $2 AND v.slot = h.slot
                AND v.sequence = h.sequence
             WHERE v.deleted = 0 ORDER BY v.slot LIMIT $4"
            ),
            args![player.as_str(), after, limit],
            version,
        )
        .await
}

/// Versions older than `before`, newest first.
pub(super) async fn history(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: Option<&str>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<SaveVersion>, SqlError> {
    sql.game(game)
        .scan(
            concat!(
                "SELECT ",
                columns!(),
                " FROM saves_version v
             WHERE v.game_id = $1 AND v.player_id = $2 AND v.purged_at_ms IS NULL
                AND ($3 IS NULL OR v.slot = $3) AND ($4 IS NULL OR v.version_id < $4)
             ORDER BY v.version_id DESC LIMIT $5"
            ),
            args![player.as_str(), slot.map(str::to_owned), before.map(str::to_owned), limit],
            version,
        )
        .await
}

/// Bytes and versions that a player has stored.
pub(super) async fn usage(sql: &Sql, game: &GameId, player: &PlayerId) -> Result<(i64, i64), SqlError> {
    let used = sql
        .game(game)
        .scan(
            "SELECT CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) + (SELECT CAST(COALESCE(SUM(stored_bytes), 0)
                AS BIGINT) FROM saves_part WHERE game_id = $1 AND player_id = $2), COUNT(*) FROM saves_version
             WHERE game_id = $1 AND player_id = $2 AND purged_at_ms IS NULL AND pruned_at_ms IS NULL AND deleted = 0",
            args![player.as_str()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .await?;
    Ok(used.into_iter().next().unwrap_or_default())
}

/// Takes a slot's contents away for good and puts a mark at the end of its line. Returns whether there
/// was anything, and the blobs to remove.
pub(super) async fn delete(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    slot: &str,
    mark: VersionId,
    now_ms: i64,
) -> Result<Option<Vec<String>>, SqlError> {
    let (player, slot) = (player.clone(), slot.to_owned());
    sql.game(game).transaction(move |transaction| {
        async move {
            // The mark first: it takes the place of the next head, so no writer slips in between.
            let marked = transaction
                .execute(
                    "INSERT INTO saves_version (game_id, player_id, slot, version_id, sequence, parent_a, encoding,
                        compression, hash, size_bytes, stored_bytes, label, device_name, playtime_ms, saved_at_ms,
                        stored_at_ms, deleted, device_id, device_clock, hlc, schema_version, app_version, parts,
                        suspicions, pinned, chain_len, chain_bytes, key_bytes)
                     SELECT $1, $2, $3, $4, h.sequence + 1, h.version_id, 'bytes', 'none', '', 0, 0, '', '', 0, $5,
                        $5, 1, '', '', 0, 0, '', '', 0, 0, 0, 0, 0
                     FROM (SELECT sequence, version_id, deleted FROM saves_version WHERE game_id = $1
                        AND player_id = $2 AND slot = $3 AND sequence IS NOT NULL
                        ORDER BY sequence DESC LIMIT 1) h WHERE h.deleted = 0",
                    args![player.as_str(), slot.as_str(), mark.as_str(), now_ms],
                )
                .await?;
            let blobs = transaction
                .query(
                    "SELECT blob_key FROM saves_version WHERE game_id = $1 AND player_id = $2 AND slot = $3
                        AND version_id <> $4 AND blob_key IS NOT NULL AND purged_at_ms IS NULL",
                    args![player.as_str(), slot.as_str(), mark.as_str()],
                    |row| row.text(0),
                )
                .await?;
            // A deleted slot may hold versions that were kept beside its mark: they go, the mark stays.
            let purged = transaction
                .execute(
                    "UPDATE saves_version SET body = NULL, blob_key = NULL, label = '', device_name = '',
                        parts = '', app_version = '', pinned = 0, review_at_ms = NULL, purged_at_ms = $5
                     WHERE game_id = $1 AND player_id = $2 AND slot = $3 AND version_id <> $4
                        AND purged_at_ms IS NULL AND (deleted = 0 OR $6 = 1)",
                    args![player.as_str(), slot.as_str(), mark.as_str(), now_ms, marked as i64],
                )
                .await?;
            // Parts that nobody names any more are swept.
            transaction
                .execute(
                    "DELETE FROM saves_version_part WHERE game_id = $1 AND player_id = $2 AND version_id IN (
                        SELECT version_id FROM saves_version WHERE game_id = $1 AND player_id = $2 AND slot = $3)",
                    args![player.as_str(), slot.as_str()],
                )
                .await?;
            Ok((marked + purged > 0).then_some(blobs))
        }
        .boxed()
    })
    .await
}

/// Whether a version or a part names this blob.
pub(super) async fn names_blob(sql: &Sql, game: &GameId, key: &str) -> Result<bool, SqlError> {
    let found = sql
        .game(game)
        .read_one(
            "SELECT 1 FROM saves_version WHERE game_id = $1 AND blob_key = $2 AND blob_key IS NOT NULL
             UNION ALL SELECT 1 FROM saves_part WHERE game_id = $1 AND blob_key = $2 AND blob_key IS NOT NULL LIMIT 1",
            args![key],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}
