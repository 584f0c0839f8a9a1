//! SQL of flows: each counts once.

use crate::args;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::GameId;

/// Writes down that a flow is used; false when it was used before.
pub(super) async fn burn(
    sql: &Sql,
    game: &GameId,
    digest: &str,
    expires_at_ms: i64,
) -> Result<bool, SqlError> {
    let written = sql
        .game(game)
        .execute(
            "INSERT INTO auth_once (game_id, digest, expires_at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            args![digest, expires_at_ms],
        )
        .await?;
    Ok(written == 1)
}

/// Takes that back: the provider gave no answer, so the flow has led nowhere.
pub(super) async fn give_back(sql: &Sql, game: &GameId, digest: &str) -> Result<(), SqlError> {
    sql.game(game)
        .execute("DELETE FROM auth_once WHERE game_id = $1 AND digest = $2", args![digest])
        .await
        .map(drop)
}
