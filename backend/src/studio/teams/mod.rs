//! Teams: their members have the team's role on the team's projects, besides their own.
//!
//! Whatever makes a team give more (its role, a member, a project) needs all that the role may do: nobody grants
//! what they do not have.

mod db;

pub(super) use db::team_roles;

use super::audit::record;
use super::config::{TEAM_PARTS_MAX, TEAMS_MAX};
use super::orgs::{db as orgs, enter, name_taken, role_permissions};
use super::people::StudioCaller;
use super::rules;
use crate::app::App;
use crate::auth::fold;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Json, Path, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use aethex_wire::endpoint;
use aethex_wire::ids::{PersonId, ProjectId, TeamId};
use aethex_wire::page::PageQuery;
use aethex_wire::studio::Permission;
use aethex_wire::studio::orgs::{
    AddTeamMember, AddTeamProject, CreateTeam, DeleteTeam, ListTeams, PutTeam, RemoveTeamMember,
    RemoveTeamProject, Team, TeamRequest,
};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use db::Part;
use futures_util::FutureExt;
use std::sync::Arc;

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<ListTeams, _, _>(router, list_teams);
    let router = mount::<CreateTeam, _, _>(router, create_team);
    let router = mount::<PutTeam, _, _>(router, put_team);
    let router = mount::<DeleteTeam, _, _>(router, delete_team);
    let router = mount::<AddTeamMember, _, _>(router, add_member);
    let router = mount::<RemoveTeamMember, _, _>(router, remove_member);
    let router = mount::<AddTeamProject, _, _>(router, add_project);
    mount::<RemoveTeamProject, _, _>(router, remove_project)
}

async fn list_teams(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    let window = Window::of(&query)?;
    let found = db::teams(&app.sql, &member.org, &window.after, window.rows()).await?;
    let mut page = window.page(found, |team| team.id.as_str().to_owned());
    for team in &mut page.items {
        db::fill(&app.sql, &member.org, team).await?;
    }
    Ok(answer::<ListTeams>(&page))
}

async fn create_team(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Json(request): Json<TeamRequest>,
) -> Outcome<Response> {
    let id = TeamId::parse(&new_id()).expect("ids are made in their canonical spelling");
    Ok(answer::<CreateTeam>(&store(&app, &caller, &org, id, request, false).await?))
}

async fn put_team(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, team)): Path<(String, String)>,
    Json(request): Json<TeamRequest>,
) -> Outcome<Response> {
    let id = TeamId::parse(&team).ok_or_else(Failure::not_found)?;
    Ok(answer::<PutTeam>(&store(&app, &caller, &org, id, request, true).await?))
}

/// Makes a team, or changes one.
async fn store(
    app: &App,
    caller: &StudioCaller,
    org: &str,
    id: TeamId,
    request: TeamRequest,
    exists: bool,
) -> Outcome<Team> {
    let member = enter(app, caller, org).await?;
    member.permissions.need(Permission::OrgManage)?;
    rules::check_name(&request.name)?;
    let mut team = Team { id, name: request.name, role: request.role, members: vec![], projects: vec![] };
    let (org, may, actor, made) = (member.org.clone(), member.permissions, caller.actor(), team.clone());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let id = made.id.as_str();
                orgs::lock(tx, &org, now_ms()).await?;
                rules::may_grant(may, role_permissions(tx, &org, &made.role).await?)?;
                let entry = match db::role_of(tx, &org, id).await? {
                    None if exists => return Err(Failure::not_found()),
                    None if db::count(tx, &org).await? >= TEAMS_MAX => {
                        return Err(Failure::invalid(format!(
                            "An organisation has at most {TEAMS_MAX} teams."
                        )));
                    }
                    None => actor.did(org.as_str(), "team.create", "team", id),
                    Some(old) => {
                        rules::may_grant(may, role_permissions(tx, &org, &old).await?)?;
                        actor.did(org.as_str(), "team.change", "team", id).before("role", old)
                    }
                };
                db::put(tx, &org, &made, &fold(&made.name)).await.map_err(name_taken)?;
                Ok(record(tx, entry.after("role", made.role).after("name", made.name)).await?)
            }
            .boxed()
        })
        .await?;
    db::fill(&app.sql, &member.org, &mut team).await?;
    Ok(team)
}

async fn delete_team(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, team)): Path<(String, String)>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::OrgManage)?;
    let team = TeamId::parse(&team).ok_or_else(Failure::not_found)?;
    let (org, may, actor) = (member.org, member.permissions, caller.actor());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                orgs::lock(tx, &org, now_ms()).await?;
                let role = db::role_of(tx, &org, team.as_str()).await?.ok_or_else(Failure::not_found)?;
                rules::may_grant(may, role_permissions(tx, &org, &role).await?)?;
                db::delete(tx, &org, team.as_str()).await?;
                Ok(record(tx, actor.did(org.as_str(), "team.delete", "team", team.as_str())).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<DeleteTeam>(&endpoint::None {}))
}

type Ids = Path<(String, String, String)>;

async fn add_member(State(app): State<Arc<App>>, caller: StudioCaller, ids: Ids) -> Outcome<Response> {
    change_part(&app, &caller, ids, Part::Member, true).await?;
    Ok(answer::<AddTeamMember>(&endpoint::None {}))
}

async fn remove_member(State(app): State<Arc<App>>, caller: StudioCaller, ids: Ids) -> Outcome<Response> {
    change_part(&app, &caller, ids, Part::Member, false).await?;
    Ok(answer::<RemoveTeamMember>(&endpoint::None {}))
}

async fn add_project(State(app): State<Arc<App>>, caller: StudioCaller, ids: Ids) -> Outcome<Response> {
    change_part(&app, &caller, ids, Part::Project, true).await?;
    Ok(answer::<AddTeamProject>(&endpoint::None {}))
}

async fn remove_project(State(app): State<Arc<App>>, caller: StudioCaller, ids: Ids) -> Outcome<Response> {
    change_part(&app, &caller, ids, Part::Project, false).await?;
    Ok(answer::<RemoveTeamProject>(&endpoint::None {}))
}

/// Puts a member or project into a team, or takes it out.
async fn change_part(app: &App, caller: &StudioCaller, ids: Ids, part: Part, add: bool) -> Outcome<()> {
    let Path((org, team, id)) = ids;
    let member = enter(app, caller, &org).await?;
    member.permissions.need(Permission::OrgManage)?;
    let team = TeamId::parse(&team).ok_or_else(Failure::not_found)?;
    let known = match part {
        Part::Member => PersonId::parse(&id).is_some(),
        Part::Project => ProjectId::parse(&id).is_some(),
    };
    if !known {
        return Err(Failure::not_found());
    }
    let (org, may, actor) = (member.org, member.permissions, caller.actor());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                orgs::lock(tx, &org, now_ms()).await?;
                let role = db::role_of(tx, &org, team.as_str()).await?.ok_or_else(Failure::not_found)?;
                rules::may_grant(may, role_permissions(tx, &org, &role).await?)?;
                if add && db::count_parts(tx, &org, team.as_str(), part).await? >= TEAM_PARTS_MAX {
                    return Err(Failure::invalid(format!("A team has at most {TEAM_PARTS_MAX} of them.")));
                }
                if !db::change_part(tx, &org, team.as_str(), &id, part, add).await? {
                    return Err(Failure::not_found());
                }
                let action = match (part, add) {
                    (Part::Member, true) => "team.member.add",
                    (Part::Member, false) => "team.member.remove",
                    (Part::Project, true) => "team.project.add",
                    (Part::Project, false) => "team.project.remove",
                };
                let entry = actor.did(org.as_str(), action, "team", team.as_str());
                let entry = if add { entry.after("id", id) } else { entry.before("id", id) };
                Ok(record(tx, entry).await?)
            }
            .boxed()
        })
        .await
}
