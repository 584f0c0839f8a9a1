//! SQL of blocks.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ids::{GameId, PlayerId};

/// Writes a block; `false` when the player has blocked as many as are allowed. A block that stands stays as it is.
pub(super) async fn put(
    tx: &mut Transaction,
    player: &PlayerId,
    blocked: &PlayerId,
    now_ms: i64,
    max: i64,
) -> Result<bool, SqlError> {
    let others = tx
        .query_one(
            "SELECT COUNT(*) FROM multiplayer_block WHERE game_id = $1 AND player_id = $2 AND blocked_id <> $3",
            args![player.as_str(), blocked.as_str()],
            |row| row.int(0),
        )
        .await?;
    if others.unwrap_or(0) >= max {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO multiplayer_block (game_id, player_id, blocked_id, since_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (game_id, player_id, blocked_id) DO NOTHING",
        args![player.as_str(), blocked.as_str(), now_ms],
    )
    .await?;
    Ok(true)
}

/// Removes a block; `false` when there was none.
pub(super) async fn remove(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    blocked: &PlayerId,
) -> Result<bool, SqlError> {
    let removed = sql
        .game(game)
        .execute(
            "DELETE FROM multiplayer_block WHERE game_id = $1 AND player_id = $2 AND blocked_id = $3",
            args![player.as_str(), blocked.as_str()],
        )
        .await?;
    Ok(removed == 1)
}

/// Whom a player blocked and since when, by id.
pub(super) async fn list(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    after: &str,
    rows: i64,
) -> Result<Vec<(PlayerId, i64)>, SqlError> {
    let scope = sql.game(game);
    let found = scope.read(
        "SELECT blocked_id, since_ms FROM multiplayer_block WHERE game_id = $1 AND player_id = $2 AND blocked_id > $3
         ORDER BY blocked_id LIMIT $4",
        args![player.as_str(), after, rows],
        |row| Ok((row.text(0)?, row.int(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(id, since)| Some((PlayerId::parse(&id)?, since))).collect())
}

/// Whether one of two blocked the other.
pub(super) async fn stands(tx: &mut Transaction, one: &PlayerId, other: &PlayerId) -> Result<bool, SqlError> {
    let found = tx
        .query_one(
            "SELECT since_ms FROM multiplayer_block WHERE game_id = $1
                AND ((player_id = $2 AND blocked_id = $3) OR (player_id = $3 AND blocked_id = $2))",
            args![one.as_str(), other.as_str()],
            |row| row.int(0),
        )
        .await?;
    Ok(found.is_some())
}
