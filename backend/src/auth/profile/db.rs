//! All SQL of preferences and avatars.

use crate::args;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, PlayerId};
use futures_util::FutureExt;

/// The settings as JSON, with their version.
pub(super) async fn preferences(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
) -> Result<Option<(String, i64)>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT values_json, version FROM auth_preferences WHERE game_id = $1 AND player_id = $2",
            args![player.as_str()],
            |row| Ok((row.text(0)?, row.int(1)?)),
        )
        .await
}

/// Puts settings in the place of those of this version (0: of none); `false` when they have another by now, or
/// the player is gone.
pub(super) async fn put_preferences(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    json: String,
    version: i64,
    now_ms: i64,
) -> Result<bool, SqlError> {
    const FIRST: &str =
        "INSERT INTO auth_preferences (game_id, player_id, values_json, version, updated_at_ms)
        SELECT game_id, player_id, $3, 1, $5 FROM auth_account
        WHERE game_id = $1 AND player_id = $2 AND $4 = 0 ON CONFLICT DO NOTHING";
    const NEXT: &str =
        "UPDATE auth_preferences SET values_json = $3, version = version + 1, updated_at_ms = $5
        WHERE game_id = $1 AND player_id = $2 AND version = $4";
    let statement = if version == 0 { FIRST } else { NEXT };
    let written = sql.game(game).execute(statement, args![player.as_str(), json, version, now_ms]).await?;
    Ok(written == 1)
}

/// Sets the avatar (or none, with empty texts); returns the key of the one before, or `None` when the player
/// is gone. A player without an avatar who gets none stays as it is.
pub(super) async fn set_avatar(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    key: String,
    url: String,
    now_ms: i64,
) -> Result<Option<String>, SqlError> {
    let player = player.clone();
    sql.game(game)
        .transaction(move |transaction| {
            async move {
                let before = transaction
                    .query_one(
                        "SELECT avatar_key FROM auth_account WHERE game_id = $1 AND player_id = $2",
                        args![player.as_str()],
                        |row| row.text(0),
                    )
                    .await?;
                transaction
                    .execute(
                        "UPDATE auth_account SET avatar_key = $3, avatar_url = $4, version = version + 1,
                            updated_at_ms = $5
                         WHERE game_id = $1 AND player_id = $2 AND avatar_key <> $3",
                        args![player.as_str(), key, url, now_ms],
                    )
                    .await?;
                Ok(before)
            }
            .boxed()
        })
        .await
}

/// Who may see the profile that this avatar belongs to; `None` when it is nobody's.
pub(super) async fn visibility_of_avatar(
    sql: &Sql,
    game: &GameId,
    player: &PlayerId,
    key: &str,
) -> Result<Option<String>, SqlError> {
    sql.game(game)
        .read_one(
            "SELECT visibility FROM auth_account WHERE game_id = $1 AND player_id = $2 AND avatar_key = $3",
            args![player.as_str(), key],
            |row| row.text(0),
        )
        .await
}

/// An account whose avatar has another address than the server gives it now.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) game: String,
    pub(super) player: String,
    pub(super) key: String,
    url: String,
}

/// Avatars, in the order of their accounts, after this game and player.
pub(super) async fn avatars(
    sql: &Sql,
    (game, player): (String, String),
    limit: i64,
) -> Result<Vec<Moved>, SqlError> {
    sql.all_games()
        .scan(
            "SELECT game_id, player_id, avatar_key, avatar_url FROM auth_account
             WHERE avatar_key <> '' AND (game_id, player_id) > ($1, $2)
             ORDER BY game_id, player_id LIMIT $3",
            args![game, player, limit],
            |row| {
                Ok(Moved { game: row.text(0)?, player: row.text(1)?, key: row.text(2)?, url: row.text(3)? })
            },
        )
        .await
}

/// Gives avatars their present addresses.
pub(super) async fn readdress(
    sql: &Sql,
    avatars: Vec<Moved>,
    address: impl Fn(&str) -> String + Send + 'static,
) -> Result<(), SqlError> {
    let moved: Vec<(Moved, String)> = avatars
        .into_iter()
        .map(|avatar| (address(&avatar.key), avatar))
        .filter(|(url, avatar)| *url != avatar.url)
        .map(|(url, avatar)| (avatar, url))
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    sql.all_games()
        .transaction(move |transaction| {
            async move {
                for (avatar, url) in moved {
                    transaction
                        .execute(
                            "UPDATE auth_account SET avatar_url = $4
                             WHERE game_id = $1 AND player_id = $2 AND avatar_key = $3",
                            args![avatar.game, avatar.player, avatar.key, url],
                        )
                        .await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
}
