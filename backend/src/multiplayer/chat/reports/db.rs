//! SQL of reports.

use crate::args;
use crate::ports::sql::{Row, Sql, SqlError};
use aethex_wire::ids::{GameId, MessageId, PlayerId, ReportId};
use aethex_wire::multiplayer::chat::PlayerReport;

fn report(row: &Row<'_>) -> Result<PlayerReport, SqlError> {
    let damaged = || SqlError::Other("a stored report is damaged".into());
    Ok(PlayerReport {
        id: ReportId::parse(&row.text(0)?).ok_or_else(damaged)?,
        from_id: PlayerId::parse(&row.text(1)?).ok_or_else(damaged)?,
        player_id: PlayerId::parse(&row.text(2)?).ok_or_else(damaged)?,
        message_id: row.maybe_text(3)?.and_then(|id| MessageId::parse(&id)),
        message_text: row.maybe_text(4)?,
        reason: row.text(5)?,
        text: row.text(6)?,
        reported_at_ms: row.int(7)?,
    })
}

/// What a player's message says.
pub(super) async fn message_text(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    id: &MessageId,
) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT text FROM multiplayer_message WHERE game_id = $1 AND player_id = $2 AND message_id = $3",
            args![player.as_str(), id.as_str()],
            |row| row.text(0),
        )
        .await
}

/// Writes a report.
pub(super) async fn insert(sql: &Sql, game: &GameId, report: &PlayerReport) -> Result<(), SqlError> {
    let message = report.message_id.as_ref().map(|id| id.as_str().to_owned());
    sql.game(game)
        .execute(
            "INSERT INTO multiplayer_report (game_id, report_id, player_id, about_id, message_id, message_text, reason,
                text, reported_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            args![
                report.id.as_str(),
                report.from_id.as_str(),
                report.player_id.as_str(),
                message,
                report.message_text.clone(),
                report.reason.as_str(),
                report.text.as_str(),
                report.reported_at_ms,
            ],
        )
        .await
        .map(drop)
}

/// Reports of a game, newest first.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    before: &str,
    rows: i64,
) -> Result<Vec<PlayerReport>, SqlError> {
    sql.game(game)
        .read(
            "SELECT report_id, player_id, about_id, message_id, message_text, reason, text, reported_at_ms
             FROM multiplayer_report WHERE game_id = $1 AND ($2 = '' OR report_id < $2)
             ORDER BY report_id DESC LIMIT $3",
            args![before, rows],
            report,
        )
        .await
}

/// Removes reports that are old; how many there were.
pub(in crate::multiplayer::chat) async fn sweep(
    sql: &Sql,
    before_ms: i64,
    limit: i64,
) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM multiplayer_report WHERE (game_id, report_id) IN (
                SELECT game_id, report_id FROM multiplayer_report WHERE reported_at_ms <= $1
                ORDER BY reported_at_ms LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}
