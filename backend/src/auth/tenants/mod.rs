//! Games and players as the studio's side sees them: making games, their client keys, looking a player up,
//! ending a player's sessions. Players' own requests do not come here.

pub(crate) mod db;

use super::{check_email, fold};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use aethex_wire::auth::{USERNAME_CHARS_MAX, User};
use aethex_wire::ids::{GameId, PlayerId, SessionId};

/// The default game, made when it is not there yet.
pub(crate) async fn default_game(sql: &Sql) -> Outcome<GameId> {
    let (game, _) = super::db::default_game(sql, new_id(), super::new_client_key(), now_ms()).await?;
    GameId::parse(&game).ok_or_else(|| Failure::internal("the default game's id is damaged"))
}

/// The game of a client key that holds.
pub(crate) async fn game_of_client_key(sql: &Sql, key: &str) -> Outcome<Option<GameId>> {
    Ok(super::db::game_of_key(sql, key).await?.and_then(|game| GameId::parse(&game)))
}

/// A player of `game`.
pub(crate) async fn player(app: &App, game: &GameId, player: &PlayerId) -> Outcome<Option<User>> {
    Ok(super::db::account(&app.sql, game, player).await?)
}

/// The player of `game` with this id, email or username, whole.
pub(crate) async fn find_player(app: &App, game: &GameId, query: &str) -> Outcome<Option<User>> {
    if let Some(id) = PlayerId::parse(query) {
        return player(app, game, &id).await;
    }
    if query.contains('@') {
        return match check_email(query) {
            Err(_) => Ok(None),
            Ok(()) => {
                let found = super::db::account_by_email(&app.sql, game, &fold(query)).await?;
                Ok(found.map(|(user, _)| user))
            }
        };
    }
    if query.chars().count() > USERNAME_CHARS_MAX || query.contains('\0') {
        return Ok(None);
    }
    match db::player_by_username(&app.sql, game, &fold(query)).await?.and_then(|id| PlayerId::parse(&id)) {
        None => Ok(None),
        Some(id) => player(app, game, &id).await,
    }
}

/// Ends every session of a player, here at once and on other servers within a second; how many it were.
pub(crate) async fn end_player_sessions(app: &App, game: &GameId, player: &PlayerId) -> Outcome<i64> {
    let ended = super::db::end_sessions(&app.sql, game, player.as_str(), now_ms()).await?;
    app.auth.end(ended.iter().filter_map(|id| SessionId::parse(id)), now_ms());
    Ok(i64::try_from(ended.len()).unwrap_or(i64::MAX))
}
