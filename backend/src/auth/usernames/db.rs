//! SQL of names.

use crate::ports::sql::{Arg, Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId};

/// Players in one statement.
pub(super) const CHUNK: usize = 16;

/// The names of at most [`CHUNK`] players.
pub(super) async fn usernames(
    sql: &Sql,
    game: &GameId,
    players: &[PlayerId],
) -> Result<Vec<(PlayerId, String)>, SqlError> {
    let Some(last) = players.last() else { return Ok(Vec::new()) };
    // The same player again where there are fewer.
    let wanted = players.iter().chain(std::iter::repeat(last)).take(CHUNK);
    let found = sql
        .game(game)
        .read(
            "SELECT player_id, username FROM auth_account WHERE game_id = $1
                AND player_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            wanted.map(|player| Arg::from(player.as_str())).collect(),
            |row| Ok((row.text(0)?, row.text(1)?)),
        )
        .await?;
    Ok(found.into_iter().filter_map(|(id, name)| Some((PlayerId::parse(&id)?, name))).collect())
}
