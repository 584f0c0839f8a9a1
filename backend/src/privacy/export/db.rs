//! All SQL of exports.

use super::super::config::{DAY_MS, EXPORTS_PER_DAY};
use super::super::registry::Subject;
use crate::args;
use crate::ports::sql::{Row, Sql, SqlError, Transaction};
use aethex_wire::ids::{ExportId, GameId, PlayerId};
use aethex_wire::privacy::{Export, ExportStatus};

fn export_of(row: &Row<'_>) -> Result<Export, SqlError> {
    let id = row.text(0)?;
    Ok(Export {
        id: ExportId::parse(&id).ok_or_else(|| SqlError::Other("a stored export id is damaged".into()))?,
        status: match row.text(1)?.as_str() {
            "ready" => ExportStatus::Ready,
            "failed" => ExportStatus::Failed,
            _ => ExportStatus::Pending,
        },
        size_bytes: row.int(2)?,
        created_at_ms: row.int(3)?,
        expires_at_ms: row.int(4)?,
    })
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Begun {
    New(Export),
    Already(Export),
    TooMany { oldest_ms: i64 },
}

pub(super) async fn begin(
    tx: &mut Transaction,
    player: &PlayerId,
    id: &ExportId,
    now_ms: i64,
    expires_at_ms: i64,
) -> Result<Begun, SqlError> {
    let pending = "SELECT export_id, status, size_bytes, created_at_ms, expires_at_ms FROM privacy_export
         WHERE game_id = $1 AND player_id = $2 AND status = 'pending'";
    if let Some(export) = tx.query_one(pending, args![player.as_str()], export_of).await? {
        return Ok(Begun::Already(export));
    }
    let of_late = tx
        .query_one(
            "SELECT COUNT(*), MIN(created_at_ms) FROM privacy_export
             WHERE game_id = $1 AND player_id = $2 AND created_at_ms > $3",
            args![player.as_str(), now_ms - DAY_MS],
            |row| Ok((row.int(0)?, row.maybe_int(1)?)),
        )
        .await?;
    let (count, oldest_ms) = of_late.unwrap_or_default();
    if count >= EXPORTS_PER_DAY {
        return Ok(Begun::TooMany { oldest_ms: oldest_ms.unwrap_or(now_ms) });
    }
    let made = tx
        .query_one(
            "INSERT INTO privacy_export (game_id, player_id, export_id, status, size_bytes, created_at_ms,
                expires_at_ms)
             VALUES ($1, $2, $3, 'pending', 0, $4, $5) ON CONFLICT DO NOTHING
             RETURNING export_id, status, size_bytes, created_at_ms, expires_at_ms",
            args![player.as_str(), id.as_str(), now_ms, expires_at_ms],
            export_of,
        )
        .await?;
    match made {
        Some(export) => Ok(Begun::New(export)),
        // Another request was faster: its export is pending.
        None => match tx.query_one(pending, args![player.as_str()], export_of).await? {
            Some(export) => Ok(Begun::Already(export)),
            None => Err(SqlError::Busy),
        },
    }
}

pub(super) async fn export(sql: &Sql, who: &Subject, id: &ExportId) -> Result<Option<Export>, SqlError> {
    sql.game(&who.game)
        .read_one(
            "SELECT export_id, status, size_bytes, created_at_ms, expires_at_ms FROM privacy_export
             WHERE game_id = $1 AND player_id = $2 AND export_id = $3",
            args![who.player.as_str(), id.as_str()],
            export_of,
        )
        .await
}

pub(super) async fn finish(
    tx: &mut Transaction,
    player: &PlayerId,
    id: &ExportId,
    size_bytes: i64,
    expires_at_ms: i64,
) -> Result<bool, SqlError> {
    let set = tx
        .execute(
            "UPDATE privacy_export SET status = 'ready', size_bytes = $4, expires_at_ms = $5
             WHERE game_id = $1 AND player_id = $2 AND export_id = $3 AND status = 'pending'",
            args![player.as_str(), id.as_str(), size_bytes, expires_at_ms],
        )
        .await?;
    Ok(set == 1)
}

pub(super) async fn fail(sql: &Sql, who: &Subject, id: &ExportId) -> Result<u64, SqlError> {
    sql.game(&who.game)
        .execute(
            "UPDATE privacy_export SET status = 'failed'
             WHERE game_id = $1 AND player_id = $2 AND export_id = $3 AND status = 'pending'",
            args![who.player.as_str(), id.as_str()],
        )
        .await
}

/// Exports of all games that expired, the oldest first.
pub(super) async fn expired(
    sql: &Sql,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<(Subject, ExportId)>, SqlError> {
    let rows = sql
        .all_games()
        .read(
            "SELECT game_id, player_id, export_id FROM privacy_export WHERE expires_at_ms <= $1
             ORDER BY expires_at_ms LIMIT $2",
            args![now_ms, limit],
            |row| {
                let ids = (
                    GameId::parse(&row.text(0)?),
                    PlayerId::parse(&row.text(1)?),
                    ExportId::parse(&row.text(2)?),
                );
                let (Some(game), Some(player), Some(export)) = ids else { return Ok(None) };
                Ok(Some((Subject { game, player }, export)))
            },
        )
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

pub(super) async fn remove(sql: &Sql, who: &Subject, id: &ExportId) -> Result<u64, SqlError> {
    sql.game(&who.game)
        .execute(
            "DELETE FROM privacy_export WHERE game_id = $1 AND player_id = $2 AND export_id = $3",
            args![who.player.as_str(), id.as_str()],
        )
        .await
}
