//! SQL of games and client keys, for the studio's side.

use crate::args;
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ids::GameId;
use aethex_wire::studio::games::ClientKey;

/// Makes a game.
pub(crate) async fn insert_game(
    tx: &mut Transaction,
    game: &GameId,
    name: &str,
    now_ms: i64,
) -> Result<u64, SqlError> {
    tx.execute(
        "INSERT INTO auth_game (game_id, name, is_default, created_at_ms) VALUES ($1, $2, 0, $3)",
        args![game.as_str(), name, now_ms],
    )
    .await
}

/// Makes a client key, while the game has fewer than `max` that hold; says whether it did.
pub(crate) async fn insert_client_key(
    tx: &mut Transaction,
    game: &GameId,
    key: &ClientKey,
    max: i64,
) -> Result<bool, SqlError> {
    let made = tx
        .execute(
            "INSERT INTO auth_client_key (client_key, game_id, created_at_ms, name)
             SELECT $1, g.game_id, $3, $4 FROM auth_game g WHERE g.game_id = $2 AND (
                SELECT COUNT(*) FROM auth_client_key k WHERE k.game_id = $2 AND k.revoked_at_ms IS NULL) < $5",
            args![key.key.as_str(), game.as_str(), key.created_at_ms, key.name.as_str(), max],
        )
        .await?;
    Ok(made == 1)
}

/// A game's client keys, newest first.
pub(crate) async fn client_keys(
    sql: &Sql,
    game: &GameId,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<ClientKey>, SqlError> {
    let (at_ms, key) = after.unwrap_or((i64::MAX, String::new()));
    sql.game(game)
        .read(
            "SELECT client_key, name, created_at_ms, revoked_at_ms FROM auth_client_key
             WHERE game_id = $1 AND (created_at_ms < $2 OR (created_at_ms = $2 AND client_key > $3))
             ORDER BY created_at_ms DESC, client_key LIMIT $4",
            args![at_ms, key, limit],
            |row| {
                Ok(ClientKey {
                    key: row.text(0)?,
                    name: row.text(1)?,
                    created_at_ms: row.int(2)?,
                    revoked_at_ms: row.maybe_int(3)?,
                })
            },
        )
        .await
}

/// Revokes a client key; its name when it held until now.
pub(crate) async fn revoke_client_key(
    tx: &mut Transaction,
    game: &GameId,
    key: &str,
    now_ms: i64,
) -> Result<Option<String>, SqlError> {
    tx.query_one(
        "UPDATE auth_client_key SET revoked_at_ms = $3
         WHERE game_id = $1 AND client_key = $2 AND revoked_at_ms IS NULL RETURNING name",
        args![game.as_str(), key, now_ms],
        |row| row.text(0),
    )
    .await
}

/// The id of the player with this username.
pub(super) async fn player_by_username(
    sql: &Sql,
    game: &GameId,
    username_folded: &str,
) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT player_id FROM auth_account WHERE game_id = $1 AND username_folded = $2",
            args![username_folded],
            |row| row.text(0),
        )
        .await
}
