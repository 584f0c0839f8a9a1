//! SQL of the list of sessions.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::auth::sessions::Session;
use aethex_wire::ids::{GameId, PlayerId, SessionId};

/// The player's live sessions seen before a place, last seen first.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    before: (i64, &str),
    now_ms: i64,
    limit: i64,
) -> Result<Vec<Session>, SqlError> {
    let (seen_before_ms, id_before) = before;
    sql.game(game)
        .read(
            "SELECT session_id, device_name, method, created_at_ms, last_seen_at_ms, expires_at_ms
             FROM auth_session
             WHERE game_id = $1 AND player_id = $2 AND ended_at_ms IS NULL AND expires_at_ms > $3
                AND (last_seen_at_ms < $4 OR (last_seen_at_ms = $4 AND session_id < $5))
             ORDER BY last_seen_at_ms DESC, session_id DESC LIMIT $6",
            args![player.as_str(), now_ms, seen_before_ms, id_before, limit],
            |row| {
                let id = row.text(0)?;
                Ok(Session {
                    id: SessionId::parse(&id)
                        .ok_or_else(|| SqlError::Other("a stored session id is damaged".into()))?,
                    device_name: row.text(1)?,
                    method: row.text(2)?,
                    created_at_ms: row.int(3)?,
                    last_seen_at_ms: row.int(4)?,
                    expires_at_ms: row.int(5)?,
                    current: false,
                })
            },
        )
        .await
}

/// Ends one session of the player; false when there is none.
pub(super) async fn end_own(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    session: &SessionId,
    now_ms: i64,
) -> Result<bool, SqlError> {
    let done = sql
        .game(game)
        .execute(
            "UPDATE auth_session SET ended_at_ms = $4
             WHERE game_id = $1 AND player_id = $2 AND session_id = $3 AND ended_at_ms IS NULL",
            args![player.as_str(), session.as_str(), now_ms],
        )
        .await?;
    Ok(done == 1)
}

/// Ends every session of the player but one; returns their ids.
pub(super) async fn end_others(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    kept: &SessionId,
    now_ms: i64,
) -> Result<Vec<String>, SqlError> {
    sql.game(game)
        .write(
            "UPDATE auth_session SET ended_at_ms = $4
             WHERE game_id = $1 AND player_id = $2 AND session_id <> $3 AND ended_at_ms IS NULL
             RETURNING session_id",
            args![player.as_str(), kept.as_str(), now_ms],
            |row| row.text(0),
        )
        .await
}

/// Ends every session of the player; returns their ids.
pub(crate) async fn end_all(
    transaction: &mut Transaction,
    player: &PlayerId,
    now_ms: i64,
) -> Result<Vec<String>, SqlError> {
    transaction
        .query(
            "UPDATE auth_session SET ended_at_ms = $3 WHERE game_id = $1 AND player_id = $2 AND ended_at_ms IS NULL
             RETURNING session_id",
            args![player.as_str(), now_ms],
            |row| row.text(0),
        )
        .await
}

/// Gives an account's ended sessions to the one it was merged into: an erasure of that one finds them.
pub(crate) async fn hand_over(
    transaction: &mut Transaction,
    from: &PlayerId,
    to: &PlayerId,
) -> Result<u64, SqlError> {
    transaction
        .execute(
            "UPDATE auth_session SET player_id = $3 WHERE game_id = $1 AND player_id = $2",
            args![from.as_str(), to.as_str()],
        )
        .await
}

/// When a session began.
pub(crate) async fn began_at_ms(
    sql: &Sql,
    game: &GameId,
    session: &SessionId,
) -> Result<Option<i64>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT created_at_ms FROM auth_session WHERE game_id = $1 AND session_id = $2",
            args![session.as_str()],
            |row| row.int(0),
        )
        .await
}

/// The name of a session's device.
pub(crate) async fn device_name(
    sql: &Sql,
    game: &GameId,
    session: &SessionId,
) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT device_name FROM auth_session WHERE game_id = $1 AND session_id = $2",
            args![session.as_str()],
            |row| row.text(0),
        )
        .await
}
