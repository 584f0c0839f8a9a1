//! SQL that reads and removes everything that privacy itself knows of a player.

use super::super::registry::{ERASE_BATCH, Subject};
use crate::args;
use crate::ports::sql::{Map, Sql, SqlError, Statement, Transaction};
use aethex_wire::ids::PlayerId;
use serde_json::{Value, json};

/// Rows of each table in an export: what can be added within a day is limited.
const ROWS_MAX: i64 = 100_000;

async fn all(
    sql: &Sql,
    who: &Subject,
    statement: Statement,
    map: Map<Value>,
) -> Result<Vec<Value>, SqlError> {
    sql.game(&who.game).scan(statement, args![who.player.as_str(), ROWS_MAX], map).await
}

pub(super) async fn acceptances(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    all(
        sql,
        who,
        "SELECT policy, version, session_id, accepted_at_ms FROM privacy_acceptance
         WHERE game_id = $1 AND player_id = $2 ORDER BY accepted_at_ms LIMIT $3",
        |row| {
            Ok(json!({
                "policy": row.text(0)?,
                "version": row.text(1)?,
                "session_id": row.text(2)?,
                "accepted_at_ms": row.int(3)?,
            }))
        },
    )
    .await
}

pub(super) async fn consents(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    all(
        sql,
        who,
        "SELECT purpose, granted, given_by, said_at_ms FROM privacy_consent
         WHERE game_id = $1 AND player_id = $2 ORDER BY consent_id LIMIT $3",
        |row| {
            Ok(json!({
                "purpose": row.text(0)?,
                "granted": row.int(1)? != 0,
                "by": row.text(2)?,
                "said_at_ms": row.int(3)?,
            }))
        },
    )
    .await
}

pub(super) async fn age(sql: &Sql, who: &Subject) -> Result<Option<Value>, SqlError> {
    let found = all(
        sql,
        who,
        "SELECT band, said_at_ms, parent, parent_asked_at_ms, parent_asked_count, parent_answered_at_ms
         FROM privacy_age WHERE game_id = $1 AND player_id = $2 LIMIT $3",
        |row| {
            let asked_at_ms = Some(row.int(3)?).filter(|at| *at > 0);
            Ok(json!({
                "age": row.text(0)?,
                "said_at_ms": row.int(1)?,
                "parent": row.text(2)?,
                "parent_asked_at_ms": asked_at_ms,
                "parent_asked_count": row.int(4)?,
                "parent_answered_at_ms": row.maybe_int(5)?,
            }))
        },
    );
    Ok(found.await?.into_iter().next())
}

pub(super) async fn exports(sql: &Sql, who: &Subject) -> Result<Vec<Value>, SqlError> {
    all(
        sql,
        who,
        "SELECT export_id, status, size_bytes, created_at_ms, expires_at_ms FROM privacy_export
         WHERE game_id = $1 AND player_id = $2 ORDER BY created_at_ms LIMIT $3",
        |row| {
            Ok(json!({
                "export_id": row.text(0)?,
                "status": row.text(1)?,
                "size_bytes": row.int(2)?,
                "created_at_ms": row.int(3)?,
                "expires_at_ms": row.int(4)?,
            }))
        },
    )
    .await
}

pub(super) async fn erasure(sql: &Sql, who: &Subject) -> Result<Option<Value>, SqlError> {
    let found = all(
        sql,
        who,
        "SELECT receipt_id, erasure_at_ms FROM privacy_erasure WHERE game_id = $1 AND player_id = $2 LIMIT $3",
        |row| Ok(json!({ "receipt_id": row.text(0)?, "erasure_at_ms": row.int(1)? })),
    );
    Ok(found.await?.into_iter().next())
}

/// Removes a batch; not the erasure itself.
pub(super) async fn erase(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    let mut removed = 0;
    removed += tx
        .execute(
            "DELETE FROM privacy_consent WHERE game_id = $1 AND player_id = $2 AND consent_id IN (
                SELECT consent_id FROM privacy_consent WHERE game_id = $1 AND player_id = $2 LIMIT $3)",
            args![player.as_str(), ERASE_BATCH],
        )
        .await?;
    for statement in [
        "DELETE FROM privacy_acceptance WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM privacy_age WHERE game_id = $1 AND player_id = $2",
        "DELETE FROM privacy_export WHERE game_id = $1 AND player_id = $2",
    ] {
        removed += tx.execute(statement, args![player.as_str()]).await?;
    }
    Ok(removed)
}

/// Keeps that a player is a child, whatever the other account says: nobody grows up by a merge.
pub(super) async fn move_child(
    tx: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO privacy_age (game_id, player_id, band, said_at_ms, parent, parent_code_hash,
            parent_code_expires_at_ms, parent_asked_at_ms, parent_asked_count)
         SELECT $1, $3, 'child', said_at_ms, 'none', '', 0, 0, 0 FROM privacy_age
            WHERE game_id = $1 AND player_id = $2 AND band = 'child'
         ON CONFLICT (game_id, player_id) DO UPDATE SET band = 'child'",
        args![from.as_str(), to.as_str()],
    )
    .await
}

pub(super) async fn drop_erasure(tx: &mut Transaction, player: &PlayerId) -> Result<(), SqlError> {
    tx.execute(
        "DELETE FROM privacy_receipt WHERE game_id = $1 AND receipt_id IN (
            SELECT receipt_id FROM privacy_erasure WHERE game_id = $1 AND player_id = $2)",
        args![player.as_str()],
    )
    .await?;
    tx.execute("DELETE FROM privacy_erasure WHERE game_id = $1 AND player_id = $2", args![player.as_str()])
        .await
        .map(drop)
}
