//! Players as support sees them.

use super::enter_environment;
use crate::app::App;
use crate::auth::tenants;
use crate::error::{Failure, Outcome};
use crate::extract::{Path, Query};
use crate::http::answer;
use crate::studio::audit::{Actor, record};
use crate::studio::people::StudioCaller;
use aethex_wire::auth::EMAIL_LEN_MAX;
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::studio::Permission;
use aethex_wire::studio::games::{
    EndStudioPlayerSessions, FindPlayers, FoundPlayers, GetStudioPlayer, PlayerQuery, SessionsEnded,
};
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

/// Looking into a player's data is a privileged act: it is in the log, with the player that was found.
async fn note(
    app: &App,
    actor: Actor,
    org: &str,
    action: &'static str,
    player: &PlayerId,
    game: &GameId,
) -> Outcome<()> {
    let entry = actor.did(org, action, "player", player.as_str()).after("game", game.as_str());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| async move { Ok(record(tx, entry).await?) }.boxed())
        .await
}

pub(super) async fn find(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): Path<(String, String, String)>,
    Query(query): Query<PlayerQuery>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::PlayersRead).await?;
    if query.query.is_empty() || query.query.len() > EMAIL_LEN_MAX {
        return Err(Failure::invalid("`query` is an id, an email or a username, whole."));
    }
    let found = tenants::find_player(&app, &place.game, &query.query).await?;
    if let Some(user) = &found {
        note(&app, caller.actor(), &place.org, "player.find", &user.id, &place.game).await?;
    }
    Ok(answer::<FindPlayers>(&FoundPlayers { items: found.into_iter().collect() }))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user)): Path<(String, String, String, String)>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::PlayersRead).await?;
    let id = PlayerId::parse(&user).ok_or_else(Failure::not_found)?;
    let user = tenants::player(&app, &place.game, &id).await?.ok_or_else(Failure::not_found)?;
    note(&app, caller.actor(), &place.org, "player.read", &id, &place.game).await?;
    Ok(answer::<GetStudioPlayer>(&user))
}

pub(super) async fn end_sessions(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user)): Path<(String, String, String, String)>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::PlayersManage).await?;
    let id = PlayerId::parse(&user).ok_or_else(Failure::not_found)?;
    let ended = end_player_sessions(&app, caller.actor(), &place.org, &place.game, &id).await?;
    Ok(answer::<EndStudioPlayerSessions>(&ended))
}

/// Ends a player's sessions. The log comes first: an act without its entry is not done.
pub(in crate::studio) async fn end_player_sessions(
    app: &App,
    actor: Actor,
    org: &str,
    game: &GameId,
    player: &PlayerId,
) -> Outcome<SessionsEnded> {
    tenants::player(app, game, player).await?.ok_or_else(Failure::not_found)?;
    note(app, actor, org, "player.sessions.end", player, game).await?;
    Ok(SessionsEnded { ended: tenants::end_player_sessions(app, game, player).await? })
}
