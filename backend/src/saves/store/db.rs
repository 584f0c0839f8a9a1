//! The SQL that inserts versions.
//!
//! A plain save is one statement: it inserts the next version of the line only if the named parent is the
//! head, which the unique index on (game, player, slot, sequence) decides. Whatever it does not insert is
//! explained afterwards, by reads.

use crate::args;
use crate::ports::sql::{Arg, Row, Sql, SqlError, Statement};
use crate::saves::db::{Chain, compression_text, suspicions, text_of};
use crate::saves::rules::{Base, Content};
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use aethex_wire::saves::{Encoding, Part, Suspicion};
use futures_util::FutureExt;
use std::collections::BTreeMap;

/// A version to insert.
#[derive(Debug, Clone)]
pub(in crate::saves) struct NewVersion {
    pub(in crate::saves) game: GameId,
    pub(in crate::saves) player: PlayerId,
    pub(in crate::saves) slot: String,
    pub(in crate::saves) version: VersionId,
    pub(in crate::saves) base: Base,
    pub(in crate::saves) content: Content,
    pub(in crate::saves) blob_key: Option<String>,
    pub(in crate::saves) label: String,
    pub(in crate::saves) device_name: String,
    pub(in crate::saves) playtime_ms: i64,
    pub(in crate::saves) saved_at_ms: i64,
    pub(in crate::saves) stored_at_ms: i64,
    pub(in crate::saves) idempotency_key: Option<String>,
    pub(in crate::saves) request_hash: Option<String>,
    pub(in crate::saves) device_id: String,
    pub(in crate::saves) device_clock: BTreeMap<String, u64>,
    pub(in crate::saves) hlc: i64,
    pub(in crate::saves) schema: i64,
    pub(in crate::saves) app_version: String,
    pub(in crate::saves) parts: Vec<Part>,
    pub(in crate::saves) base_id: Option<VersionId>,
    pub(in crate::saves) chain: Chain,
    pub(in crate::saves) sealed_by: Option<String>,
}

/// Arguments 2 to 30 of every insert; the first is the game.
fn insert_args(new: &NewVersion) -> Vec<Arg> {
    let body = new.blob_key.is_none().then(|| new.content.stored.clone());
    let encoding = match new.content.encoding {
        Encoding::Value => "value",
        Encoding::Bytes => "bytes",
        Encoding::Sealed => "sealed",
    };
    args![
        new.player.as_str(),
        new.slot.as_str(),
        new.version.as_str(),
        encoding,
        compression_text(new.content.compression),
        new.content.hash.as_str(),
        new.content.size_bytes,
        new.content.stored.len() as i64,
        body,
        new.blob_key.clone(),
        new.label.as_str(),
        new.device_name.as_str(),
        new.playtime_ms,
        new.saved_at_ms,
        new.stored_at_ms,
        new.idempotency_key.clone(),
        new.request_hash.clone(),
        new.base_id.as_ref().map(|base| base.as_str().to_owned()),
        new.chain.len,
        new.chain.bytes,
        new.chain.key_bytes,
        new.sealed_by.clone(),
        new.device_id.as_str(),
        text_of(&new.device_clock, new.device_clock.is_empty()),
        new.hlc,
        new.schema,
        new.app_version.as_str(),
        text_of(&new.parts, new.parts.is_empty()),
        i64::from(new.content.is_empty),
    ]
}

/// The bits of [`Suspicion`], beside the head `h` whose place is taken. What has more than 16 bytes is not empty: no empty value
/// is longer.
macro_rules! suspicions_sql {
    () => {
        "CASE WHEN h.deleted = 1 THEN 0 ELSE (CASE WHEN $30 = 1 AND h.size_bytes > 16 THEN 1 ELSE 0 END)
            + (CASE WHEN h.size_bytes >= 1024 AND $8 * 4 < h.size_bytes THEN 2 ELSE 0 END)
            + (CASE WHEN $14 > 0 AND $14 < h.playtime_ms THEN 4 ELSE 0 END)
            + (CASE WHEN $27 < h.schema_version THEN 8 ELSE 0 END) END"
    };
}

/// An insert, whose arguments stand in the order of their numbers (SQLite counts them as they appear), and whose place in the line, parents and condition are given.
macro_rules! insert {
    ($sequence:literal, $parent_a:literal, $parent_b:literal, $suspicions:expr, $source:literal) => {
        concat!(
            "INSERT INTO saves_version (game_id, player_id, slot, version_id, encoding, compression, hash,
                size_bytes, stored_bytes, body, blob_key, label, device_name, playtime_ms, saved_at_ms,
                stored_at_ms, idempotency_key, request_hash, base_id, chain_len, chain_bytes, key_bytes, sealed_by,
                device_id, device_clock, hlc, schema_version, app_version, parts, deleted, pinned, review_at_ms,
                suspicions, sequence, parent_a, parent_b)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24, $25, $26, $27, $28, $29, 0, 0, $16 + 3600000, ",
            $suspicions,
            ", ",
            $sequence,
            ", ",
            $parent_a,
            ", ",
            $parent_b,
            " ",
            $source,
            " ON CONFLICT DO NOTHING RETURNING sequence, parent_a, suspicions"
        )
    };
}

/// Retention may remove old marks, so an old version's successor may be missing: the head is the one that nothing is above.
const INSERT_ON_ONE: Statement = insert!(
    "h.sequence + 1",
    "h.version_id",
    "CAST(NULL AS TEXT)",
    suspicions_sql!(),
    "FROM saves_version h WHERE h.game_id = $1 AND h.player_id = $2 AND h.version_id = $31 AND h.slot = $3
        AND h.sequence IS NOT NULL AND h.purged_at_ms IS NULL
        AND NOT EXISTS (SELECT 1 FROM saves_version n WHERE n.game_id = $1 AND n.player_id = $2 AND n.slot = $3
            AND n.sequence > h.sequence)"
);
const INSERT_ON_MERGE: Statement = insert!(
    "h.sequence + 1",
    "h.version_id",
    "$31",
    suspicions_sql!(),
    "FROM saves_version h WHERE h.game_id = $1 AND h.player_id = $2 AND h.version_id = $32 AND h.slot = $3
        AND h.sequence IS NOT NULL AND h.purged_at_ms IS NULL
        AND EXISTS (SELECT 1 FROM saves_version o WHERE o.game_id = $1 AND o.player_id = $2
            AND o.version_id = $31 AND o.slot = $3)
        AND NOT EXISTS (SELECT 1 FROM saves_version n WHERE n.game_id = $1 AND n.player_id = $2 AND n.slot = $3
            AND n.sequence > h.sequence)"
);
const INSERT_ON_HEAD: Statement = insert!(
    "h.sequence + 1",
    "CASE WHEN h.deleted = 0 THEN h.version_id ELSE NULL END",
    "CAST(NULL AS TEXT)",
    suspicions_sql!(),
    "FROM (SELECT sequence, version_id, deleted, size_bytes, playtime_ms, schema_version FROM saves_version WHERE game_id = $1 AND player_id = $2
        AND slot = $3 AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1) h WHERE h.sequence > 0"
);
/// A slot is new when nothing live is in its line; after a delete the line goes on behind its mark.
const INSERT_ON_NOTHING: Statement = insert!(
    "COALESCE((SELECT MAX(sequence) FROM saves_version WHERE game_id = $1 AND player_id = $2 AND slot = $3), 0) + 1",
    "CAST(NULL AS TEXT)",
    "CAST(NULL AS TEXT)",
    "0 * $30",
    "WHERE NOT EXISTS (SELECT 1 FROM saves_version WHERE game_id = $1 AND player_id = $2 AND slot = $3
        AND sequence IS NOT NULL AND deleted = 0 AND purged_at_ms IS NULL)"
);
const INSERT_BESIDE: Statement = insert!("CAST(NULL AS BIGINT)", "$31", "$32", "0 * $30", "WHERE 1 = 1");

/// Where a new head is in the line.
#[derive(Debug)]
pub(in crate::saves) struct Placed {
    /// Absent beside the line.
    pub(in crate::saves) sequence: Option<i64>,
    pub(in crate::saves) parent: Option<String>,
    pub(in crate::saves) suspicions: Vec<Suspicion>,
}

/// Inserts the next head when the base allows it; its place, or `None`.
pub(in crate::saves) async fn insert_head(sql: &Sql, new: &NewVersion) -> Result<Option<Placed>, SqlError> {
    let mut args = insert_args(new);
    let statement = match &new.base {
        Base::One(head) => {
            args.push(head.as_str().into());
            INSERT_ON_ONE
        }
        Base::Merge(head, other) => {
            args.push(other.as_str().into());
            args.push(head.as_str().into());
            INSERT_ON_MERGE
        }
        Base::Head => INSERT_ON_HEAD,
        Base::Nothing => INSERT_ON_NOTHING,
    };
    let placed = insert(sql, new, statement, args.clone()).await?;
    if let (None, Base::Head) = (&placed, &new.base) {
        // No head to append to: the slot is new.
        return insert(sql, new, INSERT_ON_NOTHING, args).await;
    }
    Ok(placed)
}

fn placed(row: &Row<'_>) -> Result<Placed, SqlError> {
    Ok(Placed {
        sequence: row.maybe_int(0)?,
        parent: row.maybe_text(1)?,
        suspicions: suspicions(row.int(2)?),
    })
}

/// Runs an insert; with parts, in one transaction with the rows that name them.
async fn insert(
    sql: &Sql,
    new: &NewVersion,
    statement: Statement,
    args: Vec<Arg>,
) -> Result<Option<Placed>, SqlError> {
    let game = sql.game(&new.game);
    // Others are patches against the head, which stays; or can be stored otherwise.
    let sealed_base = new.base_id.clone().filter(|_| new.content.encoding == Encoding::Sealed);
    if new.parts.is_empty() && sealed_base.is_none() {
        return Ok(game.write(statement, args, placed).await?.into_iter().next());
    }
    let (player, version, parts) = (new.player.clone(), new.version.clone(), new.parts.clone());
    game.transaction(move |transaction| {
        async move {
            if let Some(base) = sealed_base {
                // Held until the commit, so that retention finds the patch before it takes its base away.
                let held = transaction
                    .execute(
                        "UPDATE saves_version SET review_at_ms = review_at_ms WHERE game_id = $1 AND player_id = $2
                            AND version_id = $3 AND pruned_at_ms IS NULL AND purged_at_ms IS NULL",
                        args![player.as_str(), base.as_str()],
                    )
                    .await?;
                if held != 1 {
                    return Ok(None);
                }
            }
            let Some(placed) = transaction.query_one(statement, args, placed).await? else { return Ok(None) };
            for part in parts {
                transaction
                    .execute(
                        "INSERT INTO saves_version_part (game_id, player_id, version_id, name, hash)
                         VALUES ($1, $2, $3, $4, $5)",
                        args![player.as_str(), version.as_str(), part.name, part.hash],
                    )
                    .await?;
            }
            Ok(Some(placed))
        }
        .boxed()
    })
    .await
}

/// Inserts a version beside the line of heads; false when its idempotency key is taken.
pub(in crate::saves) async fn insert_beside(sql: &Sql, new: &NewVersion) -> Result<bool, SqlError> {
    let mut args = insert_args(new);
    args.push(new.base.first().map(|id| id.as_str().to_owned()).into());
    args.push(new.base.second().map(|id| id.as_str().to_owned()).into());
    Ok(insert(sql, new, INSERT_BESIDE, args).await?.is_some())
}
