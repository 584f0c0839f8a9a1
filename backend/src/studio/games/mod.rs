//! Projects with their environments `dev` and `live`, and what hangs on an environment: client keys, server
//! keys, players, policies.
//!
//! [`enter`] lets a person into a project: whoever may not see it finds nothing. The secret of a server key is
//! 256 random bits; the database keeps its digest, and during a rotation that of the one before.

mod db;
mod keys;
mod players;
mod privacy;
mod routes;

pub(super) use db::{ServerKeyRow, server_key_by_id, touch_server_key};
pub(super) use keys::{
    all_client_keys, create_client_key, create_server_key, place_of_key, revoke_client_key,
    revoke_server_key, rotate_server_key, server_keys,
};
pub(super) use players::end_player_sessions;
pub(super) use routes::routes;

use super::audit::{Actor, record};
use super::config::PROJECTS_MAX;
use super::orgs::{self, Membership, db as org_db, name_taken};
use super::people::StudioCaller;
use super::rules::{self, Permissions};
use super::teams::team_roles;
use crate::app::App;
use crate::auth::{fold, new_client_key, tenants};
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use aethex_wire::ids::{GameId, OrgId, ProjectId};
use aethex_wire::studio::games::{CLIENT_KEYS_MAX, ClientKey, Environment, Project};
use aethex_wire::studio::{EnvironmentKind, Permission};
use futures_util::FutureExt;

/// A game of an organisation, as keys and the audit log see it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Empty for the default game while it belongs to no project.
    pub(super) org: String,
    pub(super) game: GameId,
}

/// The projects that a member may see, with what they may do there.
async fn visible(app: &App, caller: &StudioCaller, member: &Membership) -> Outcome<Vec<Project>> {
    let teams = team_roles(&app.sql, &member.org, &caller.person).await?;
    let mut projects = db::projects(&app.sql, &member.org, PROJECTS_MAX).await?;
    for project in &mut projects {
        let here = teams.iter().filter(|(id, _)| id == project.id.as_str()).map(|(_, role)| *role);
        project.permissions = rules::effective(member.permissions, here).list();
    }
    projects.retain(|project| project.permissions.contains(&Permission::GamesRead));
    Ok(projects)
}

/// Lets a person into a project that they may see.
async fn enter(
    app: &App,
    caller: &StudioCaller,
    org: &str,
    project: &str,
) -> Outcome<(OrgId, Project, Permissions)> {
    let member = orgs::enter(app, caller, org).await?;
    let id = ProjectId::parse(project).ok_or_else(Failure::not_found)?;
    let projects = visible(app, caller, &member).await?;
    let project = projects.into_iter().find(|project| project.id == id).ok_or_else(Failure::not_found)?;
    let permissions = Permissions::of(&project.permissions);
    Ok((member.org, project, permissions))
}

/// Lets a person into one of a project's environments, for something that needs a permission there.
async fn enter_environment(
    app: &App,
    caller: &StudioCaller,
    (org, project, environment): (&str, &str, &str),
    needed: Permission,
) -> Outcome<(Place, Permissions)> {
    let (org, project, permissions) = enter(app, caller, org, project).await?;
    let kind = EnvironmentKind::from_name(environment).ok_or_else(Failure::not_found)?;
    let found = project.environments.into_iter().find(|environment| environment.kind == kind);
    let game = found.ok_or_else(Failure::not_found)?.game_id;
    permissions.need(needed)?;
    Ok((Place { org: org.as_str().to_owned(), game }, permissions))
}

/// Makes a project with its environments, each with a first client key. `adopted`, a game that exists, becomes
/// the live one: the way of the default game into a project.
pub(super) async fn create_project(
    sql: &Sql,
    actor: Actor,
    org: &OrgId,
    name: &str,
    adopted: Option<GameId>,
) -> Outcome<ProjectId> {
    rules::check_name(name)?;
    let project = ProjectId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let (org, id, name) = (org.clone(), project.clone(), name.to_owned());
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let now = now_ms();
                org_db::lock(tx, &org, now).await?;
                if db::count(tx, &org).await? >= PROJECTS_MAX {
                    return Err(Failure::invalid(format!(
                        "An organisation has at most {PROJECTS_MAX} projects."
                    )));
                }
                db::insert(tx, &org, &id, &name, &fold(&name), now).await.map_err(name_taken)?;
                for kind in EnvironmentKind::ALL {
                    let adopted = adopted.clone().filter(|_| *kind == EnvironmentKind::Live);
                    let game = match adopted {
                        Some(game) => game,
                        None => {
                            let game =
                                GameId::parse(&new_id()).expect("ids are made in their canonical spelling");
                            tenants::db::insert_game(tx, &game, &format!("{name} ({kind})"), now).await?;
                            let key = ClientKey {
                                key: new_client_key(),
                                name: "first".to_owned(),
                                created_at_ms: now,
                                revoked_at_ms: None,
                            };
                            tenants::db::insert_client_key(tx, &game, &key, CLIENT_KEYS_MAX).await?;
                            game
                        }
                    };
                    let environment = Environment { kind: *kind, game_id: game };
                    db::insert_environment(tx, &org, &id, &environment).await.map_err(|error| {
                        match error.is_unique_on("game_id") || error.is_unique_on("studio_environment_pkey") {
                            true => Failure::invalid("This game belongs to a project already."),
                            false => error.into(),
                        }
                    })?;
                }
                let entry = actor.did(org.as_str(), "project.create", "project", id.as_str());
                Ok(record(tx, entry.after("name", name)).await?)
            }
            .boxed()
        })
        .await?;
    Ok(project)
}

/// Every project of an organisation, or of all, with its organisation: for the command line.
pub(super) async fn all(sql: &Sql, org: &OrgId) -> Outcome<Vec<Project>> {
    Ok(db::projects(sql, org, PROJECTS_MAX).await?)
}

/// The organisation that a game belongs to; empty when it belongs to none.
pub(super) async fn org_of_game(sql: &Sql, game: &GameId) -> Outcome<String> {
    Ok(db::org_of_game(sql, game).await?.unwrap_or_default())
}
