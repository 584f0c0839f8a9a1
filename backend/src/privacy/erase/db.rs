//! All SQL of erasures and receipts.

use super::super::registry::Subject;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId, ReceiptId};
use aethex_wire::privacy::Receipt;
use std::collections::BTreeMap;

/// An erasure under way.
#[derive(Debug, Clone)]
pub(super) struct Erasure {
    pub(super) player: PlayerId,
    pub(super) erasure_at_ms: i64,
    /// When the account was closed: from then on it cannot be taken back.
    pub(super) closed_at_ms: Option<i64>,
}

fn receipt_of(row: &Row<'_>) -> Result<Receipt, SqlError> {
    let id = row.text(0)?;
    Ok(Receipt {
        id: ReceiptId::parse(&id).ok_or_else(|| SqlError::Other("a stored receipt id is damaged".into()))?,
        requested_at_ms: row.int(1)?,
        erasure_at_ms: row.int(2)?,
        erased_at_ms: row.maybe_int(3)?,
        erased: counts(&row.text(4)?)?,
    })
}

fn counts(json: &str) -> Result<BTreeMap<String, i64>, SqlError> {
    serde_json::from_str(json).map_err(|_| SqlError::Other("a stored receipt is damaged".into()))
}

pub(super) async fn receipt(sql: &Sql, game: &GameId, id: &ReceiptId) -> Result<Option<Receipt>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT receipt_id, requested_at_ms, erasure_at_ms, erased_at_ms, erased_json FROM privacy_receipt
             WHERE game_id = $1 AND receipt_id = $2",
            args![id.as_str()],
            receipt_of,
        )
        .await
}

/// The receipt of the player's erasure under way.
pub(super) async fn of_player(tx: &mut Transaction, player: &PlayerId) -> Result<Option<Receipt>, SqlError> {
    tx.query_one(
        "SELECT r.receipt_id, r.requested_at_ms, r.erasure_at_ms, r.erased_at_ms, r.erased_json
         FROM privacy_erasure e JOIN privacy_receipt r ON r.game_id = $1 AND r.receipt_id = e.receipt_id
         WHERE e.game_id = $1 AND e.player_id = $2",
        args![player.as_str()],
        receipt_of,
    )
    .await
}

/// When the player is erased, if that was asked for.
pub(super) async fn erasure_at(sql: &Sql, who: &Subject) -> Result<Option<i64>, SqlError> {
    sql.game(&who.game)
        .read_one(
            "SELECT erasure_at_ms FROM privacy_erasure WHERE game_id = $1 AND player_id = $2",
            args![who.player.as_str()],
            |row| row.int(0),
        )
        .await
}

/// Whether the player's account was closed.
pub(super) async fn is_closed(sql: &Sql, who: &Subject) -> Result<bool, SqlError> {
    let found = sql
        .game(&who.game)
        .read_one(
            "SELECT 1 FROM privacy_erasure WHERE game_id = $1 AND player_id = $2 AND phase = 1",
            args![who.player.as_str()],
            |_| Ok(()),
        )
        .await?;
    Ok(found.is_some())
}

/// Begins an erasure; false when one is under way.
pub(super) async fn begin(
    tx: &mut Transaction,
    player: &PlayerId,
    id: &ReceiptId,
    now_ms: i64,
    erasure_at_ms: i64,
) -> Result<bool, SqlError> {
    let begun = tx
        .execute(
            "INSERT INTO privacy_erasure (game_id, player_id, receipt_id, phase, erasure_at_ms)
             VALUES ($1, $2, $3, 0, $4) ON CONFLICT DO NOTHING",
            args![player.as_str(), id.as_str(), erasure_at_ms],
        )
        .await?;
    if begun == 0 {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO privacy_receipt (game_id, receipt_id, requested_at_ms, erasure_at_ms, erased_json)
         VALUES ($1, $2, $3, $4, '{}')",
        args![id.as_str(), now_ms, erasure_at_ms],
    )
    .await?;
    Ok(true)
}

/// Takes an erasure back with its receipt, while the account is not closed.
pub(super) async fn cancel(tx: &mut Transaction, player: &PlayerId) -> Result<bool, SqlError> {
    let receipts = tx
        .query(
            "DELETE FROM privacy_erasure WHERE game_id = $1 AND player_id = $2 AND phase = 0 RETURNING receipt_id",
            args![player.as_str()],
            |row| row.text(0),
        )
        .await?;
    for receipt in &receipts {
        tx.execute(
            "DELETE FROM privacy_receipt WHERE game_id = $1 AND receipt_id = $2",
            args![receipt.as_str()],
        )
        .await?;
    }
    Ok(!receipts.is_empty())
}

pub(super) async fn erasure(sql: &Sql, game: &GameId, id: &ReceiptId) -> Result<Option<Erasure>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT player_id, erasure_at_ms, closed_at_ms FROM privacy_erasure
             WHERE game_id = $1 AND receipt_id = $2",
            args![id.as_str()],
            |row| {
                let player = PlayerId::parse(&row.text(0)?);
                Ok(Erasure {
                    player: player.ok_or_else(|| SqlError::Other("a stored player id is damaged".into()))?,
                    erasure_at_ms: row.int(1)?,
                    closed_at_ms: row.maybe_int(2)?,
                })
            },
        )
        .await
}

/// Closes the time of grace; false when it was closed or taken back before.
pub(super) async fn close(tx: &mut Transaction, id: &ReceiptId, now_ms: i64) -> Result<bool, SqlError> {
    let closed = tx
        .execute(
            "UPDATE privacy_erasure SET phase = 1, closed_at_ms = $3
             WHERE game_id = $1 AND receipt_id = $2 AND phase = 0 AND erasure_at_ms <= $3",
            args![id.as_str(), now_ms],
        )
        .await?;
    Ok(closed == 1)
}

/// Adds to a receipt what a feature's step removed, in that step's transaction.
pub(super) async fn add_to_receipt(
    tx: &mut Transaction,
    id: &ReceiptId,
    feature: &'static str,
    count: u64,
) -> Result<(), SqlError> {
    // An update locks the row before it is read.
    let json = tx
        .query_one(
            "UPDATE privacy_receipt SET erased_json = erased_json WHERE game_id = $1 AND receipt_id = $2
             RETURNING erased_json",
            args![id.as_str()],
            |row| row.text(0),
        )
        .await?;
    let Some(json) = json else { return Ok(()) };
    let mut counts = counts(&json)?;
    *counts.entry(feature.to_owned()).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
    let json = serde_json::to_string(&counts).map_err(|error| SqlError::Other(error.to_string()))?;
    tx.execute(
        "UPDATE privacy_receipt SET erased_json = $3 WHERE game_id = $1 AND receipt_id = $2",
        args![id.as_str(), json],
    )
    .await?;
    Ok(())
}

/// The end: the receipt says when, and nothing says whose it was.
pub(super) async fn finish(tx: &mut Transaction, id: &ReceiptId, now_ms: i64) -> Result<(), SqlError> {
    tx.execute(
        "UPDATE privacy_receipt SET erased_at_ms = $3 WHERE game_id = $1 AND receipt_id = $2
            AND erased_at_ms IS NULL",
        args![id.as_str(), now_ms],
    )
    .await?;
    tx.execute("DELETE FROM privacy_erasure WHERE game_id = $1 AND receipt_id = $2", args![id.as_str()])
        .await?;
    Ok(())
}

/// Erasures of all games whose time came before `before_ms` and that are not done.
pub(super) async fn overdue(
    sql: &Sql,
    before_ms: i64,
    limit: i64,
) -> Result<Vec<(GameId, ReceiptId)>, SqlError> {
    let rows = sql
        .all_games()
        .read(
            "SELECT game_id, receipt_id FROM privacy_erasure WHERE erasure_at_ms < $1
             ORDER BY erasure_at_ms LIMIT $2",
            args![before_ms, limit],
            |row| Ok(GameId::parse(&row.text(0)?).zip(ReceiptId::parse(&row.text(1)?))),
        )
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

/// Lets the wait after an account's closing be over.
#[cfg(test)]
pub(super) async fn settle_for_tests(sql: &Sql, who: &Subject) {
    let statement = "UPDATE privacy_erasure SET closed_at_ms = 0 WHERE game_id = $1 AND player_id = $2";
    let set = sql.game(&who.game).execute(statement, args![who.player.as_str()]).await;
    assert_eq!(set.ok(), Some(1), "the account was closed");
}
