//! SQL of names.

use crate::ports::sql::{Sql, SqlError, rows};
use aethex_wire::ids::{GameId, PlayerId};

/// The names of players.
pub(super) async fn usernames(
    sql: &Sql,
    game: &GameId,
    players: &[PlayerId],
) -> Result<Vec<(PlayerId, String)>, SqlError> {
    let asked: Vec<_> = players.iter().map(|player| (player,)).collect();
    let scope = sql.game(game);
    let found = scope.read(
        // Each by its key: none of the indexes over names is gone through.
        "WITH asked AS MATERIALIZED (SELECT value ->> 0 AS id FROM json_each($2))
         SELECT id, (SELECT username FROM auth_account WHERE game_id = $1 AND player_id = asked.id) FROM asked",
        vec![rows(&asked)],
        |row| Ok((row.text(0)?, row.maybe_text(1)?)),
    );
    Ok(found.await?.into_iter().filter_map(|(id, name)| Some((PlayerId::parse(&id)?, name?))).collect())
}
