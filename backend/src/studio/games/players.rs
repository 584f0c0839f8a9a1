//! Players as support sees them.

use super::{Place, enter_environment};
use crate::app::App;
use crate::auth::tenants;
use crate::error::{Failure, Outcome};
use crate::extract::{Path, Query};
use crate::http::answer;
use crate::privacy::Subject;
use crate::studio::audit::{Actor, record};
use crate::studio::people::StudioCaller;
use aethex_wire::auth::{EMAIL_LEN_MAX, User};
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
pub(super) async fn note(
    app: &App,
    actor: Actor,
    org: &str,
    action: &'static str,
    who: &Subject,
) -> Outcome<()> {
    let entry = actor.did(org, action, "player", who.player.as_str()).after("game", who.game.as_str());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| async move { Ok(record(tx, entry).await?) }.boxed())
        .await
}

/// A player, unless the account was closed to be erased: what would be noted of it now could outlive it. An
/// erasure waits for requests that began before.
async fn open_player(app: &App, who: &Subject) -> Outcome<User> {
    if crate::privacy::is_closed(app, who).await? {
        return Err(Failure::not_found());
    }
    tenants::player(app, &who.game, &who.player).await?.ok_or_else(Failure::not_found)
}

/// Lets a person to a player of one of a project's environments, for something that needs a permission there.
pub(super) async fn enter_player(
    app: &App,
    caller: &StudioCaller,
    (org, project, environment, user): (&str, &str, &str, &str),
    needed: Permission,
) -> Outcome<(Place, User)> {
    let (place, _) = enter_environment(app, caller, (org, project, environment), needed).await?;
    let player = PlayerId::parse(user).ok_or_else(Failure::not_found)?;
    let who = Subject { game: place.game.clone(), player };
    let user = open_player(app, &who).await?;
    Ok((place, user))
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
    let mut items = Vec::new();
    if let Some(user) = tenants::find_player(&app, &place.game, &query.query).await? {
        let who = Subject { game: place.game, player: user.id.clone() };
        if !crate::privacy::is_closed(&app, &who).await? {
            note(&app, caller.actor(), &place.org, "player.find", &who).await?;
            items.push(user);
        }
    }
    Ok(answer::<FindPlayers>(&FoundPlayers { items }))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user)): Path<(String, String, String, String)>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str(), user.as_str());
    let (place, user) = enter_player(&app, &caller, ids, Permission::PlayersRead).await?;
    let who = Subject { game: place.game, player: user.id.clone() };
    note(&app, caller.actor(), &place.org, "player.read", &who).await?;
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
    let who = Subject { game: game.clone(), player: player.clone() };
    open_player(app, &who).await?;
    note(app, actor, org, "player.sessions.end", &who).await?;
    Ok(SessionsEnded { ended: tenants::end_player_sessions(app, game, player).await? })
}
