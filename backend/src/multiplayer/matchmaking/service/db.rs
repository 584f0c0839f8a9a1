//! SQL of queues as a whole: their rule sets, who waits in them, and recordings.

use crate::args;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId, QueueTicketId};

/// A queue's rule set as JSON.
pub(in crate::multiplayer::matchmaking) async fn rules(
    sql: &Sql,
    game: &GameId,
    mode: &str,
) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT rules FROM multiplayer_queue WHERE game_id = $1 AND mode = $2",
            args![mode],
            |row| row.text(0),
        )
        .await
}

pub(in crate::multiplayer::matchmaking) async fn put_rules(
    sql: &Sql,
    game: &GameId,
    mode: &str,
    rules: String,
    now_ms: i64,
) -> Result<(), SqlError> {
    sql.game(game)
        .execute(
            "INSERT INTO multiplayer_queue (game_id, mode, rules, updated_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (game_id, mode) DO UPDATE SET rules = excluded.rules, updated_at_ms = excluded.updated_at_ms",
            args![mode, rules, now_ms],
        )
        .await
        .map(drop)
}

/// Queues of a game that have a rule set of their own.
pub(in crate::multiplayer::matchmaking) async fn count_rules(
    sql: &Sql,
    game: &GameId,
) -> Result<i64, SqlError> {
    let scope = sql.game(game);
    let counted =
        scope.read_one("SELECT COUNT(*) FROM multiplayer_queue WHERE game_id = $1", vec![], |row| row.int(0));
    Ok(counted.await?.unwrap_or(0))
}

/// `false` when there was none.
pub(in crate::multiplayer::matchmaking) async fn delete_rules(
    sql: &Sql,
    game: &GameId,
    mode: &str,
) -> Result<bool, SqlError> {
    let scope = sql.game(game);
    let gone =
        scope.execute("DELETE FROM multiplayer_queue WHERE game_id = $1 AND mode = $2", args![mode]).await?;
    Ok(gone == 1)
}

/// Queues in which somebody waits, over all games.
pub(super) async fn open_queues(sql: &Sql) -> Result<Vec<(GameId, String)>, SqlError> {
    let scope = sql.all_games();
    let found = scope.scan(
        "SELECT DISTINCT game_id, mode FROM multiplayer_ticket WHERE status = 'queued'",
        vec![],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(game, mode)| Some((GameId::parse(&game)?, mode))).collect())
}

/// Tickets that wait in a queue behind `after`, with what is kept of them.
pub(super) async fn queued(
    sql: &Sql,
    game: &GameId,
    mode: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String)>, SqlError> {
    sql.game(game)
        .scan(
            "SELECT ticket_id, request FROM multiplayer_ticket
             WHERE game_id = $1 AND status = 'queued' AND mode = $2 AND ticket_id > $3 ORDER BY ticket_id LIMIT $4",
            args![mode, after, limit],
            |row| Ok((row.text(0)?, row.text(1)?)),
        )
        .await
}

/// Every ticket that waits in a queue.
pub(super) async fn queued_ids(sql: &Sql, game: &GameId, mode: &str) -> Result<Vec<String>, SqlError> {
    sql.game(game)
        .scan(
            "SELECT ticket_id FROM multiplayer_ticket WHERE game_id = $1 AND status = 'queued' AND mode = $2",
            args![mode],
            |row| row.text(0),
        )
        .await
}

/// What is kept of a ticket, if it waits.
pub(in crate::multiplayer::matchmaking) async fn kept(
    sql: &Sql,
    game: &GameId,
    id: &QueueTicketId,
) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT request FROM multiplayer_ticket WHERE game_id = $1 AND ticket_id = $2 AND status = 'queued'",
            args![id.as_str()],
            |row| row.text(0),
        )
        .await
}

/// Who blocked whom, of those who wait in a queue.
pub(super) async fn blocks(
    sql: &Sql,
    game: &GameId,
    mode: &str,
) -> Result<Vec<(String, PlayerId)>, SqlError> {
    let scope = sql.game(game);
    let found = scope.scan(
        "SELECT t.ticket_id, b.blocked_id FROM multiplayer_ticket t
         JOIN multiplayer_ticket_player p ON p.game_id = t.game_id AND p.ticket_id = t.ticket_id
         JOIN multiplayer_block b ON b.game_id = p.game_id AND b.player_id = p.player_id
         WHERE t.game_id = $1 AND t.status = 'queued' AND t.mode = $2",
        args![mode],
        |row| Ok((row.text(0)?, row.text(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(id, who)| Some((id, PlayerId::parse(&who)?))).collect())
}

/// A ticket in a recording.
#[derive(Debug)]
pub(in crate::multiplayer::matchmaking) struct Recorded {
    pub(in crate::multiplayer::matchmaking) id: String,
    pub(in crate::multiplayer::matchmaking) request: String,
    pub(in crate::multiplayer::matchmaking) status: String,
    pub(in crate::multiplayer::matchmaking) created_at_ms: i64,
    pub(in crate::multiplayer::matchmaking) ended_at_ms: Option<i64>,
}

/// Tickets of a queue since a time, behind `after`.
pub(in crate::multiplayer::matchmaking) async fn recorded(
    sql: &Sql,
    game: &GameId,
    mode: &str,
    since_ms: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Recorded>, SqlError> {
    sql.game(game)
        .scan(
            "SELECT ticket_id, request, status, created_at_ms, ended_at_ms FROM multiplayer_ticket
             WHERE game_id = $1 AND mode = $2 AND created_at_ms >= $3 AND ticket_id > $4
             ORDER BY ticket_id LIMIT $5",
            args![mode, since_ms, after, limit],
            |row| {
                Ok(Recorded {
                    id: row.text(0)?,
                    request: row.text(1)?,
                    status: row.text(2)?,
                    created_at_ms: row.int(3)?,
                    ended_at_ms: row.maybe_int(4)?,
                })
            },
        )
        .await
}
