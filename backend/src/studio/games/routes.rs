//! The endpoints of projects and keys.

use super::{create_project, db, enter, enter_environment, keys, players, privacy, visible};
use crate::app::App;
use crate::auth::{fold, is_client_key, tenants};
use crate::error::{Failure, Outcome};
use crate::extract::{Json, Path, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use crate::studio::audit::record;
use crate::studio::orgs::{self, name_taken};
use crate::studio::people::StudioCaller;
use crate::studio::rules;
use aethex_wire::endpoint;
use aethex_wire::ids::ServerKeyId;
use aethex_wire::page::PageQuery;
use aethex_wire::studio::Permission;
use aethex_wire::studio::games::{
    CreateClientKey, CreateProject, CreateServerKey, EndStudioPlayerSessions, FindPlayers, GetProject,
    GetStudioPlayer, ListClientKeys, ListProjects, ListServerKeys, NewClientKey, NewServerKey,
    ProjectRequest, PutProject, RevokeClientKey, RevokeServerKey, RotateRequest, RotateServerKey,
};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

pub(in crate::studio) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<ListProjects, _, _>(router, list_projects);
    let router = mount::<CreateProject, _, _>(router, create);
    let router = mount::<GetProject, _, _>(router, get_project);
    let router = mount::<PutProject, _, _>(router, put_project);
    let router = mount::<ListClientKeys, _, _>(router, list_client_keys);
    let router = mount::<CreateClientKey, _, _>(router, create_client_key);
    let router = mount::<RevokeClientKey, _, _>(router, revoke_client_key);
    let router = mount::<ListServerKeys, _, _>(router, list_server_keys);
    let router = mount::<CreateServerKey, _, _>(router, create_server_key);
    let router = mount::<RotateServerKey, _, _>(router, rotate_server_key);
    let router = mount::<RevokeServerKey, _, _>(router, revoke_server_key);
    let router = mount::<FindPlayers, _, _>(router, players::find);
    let router = mount::<GetStudioPlayer, _, _>(router, players::get);
    let router = mount::<EndStudioPlayerSessions, _, _>(router, players::end_sessions);
    privacy::routes(router)
}

async fn list_projects(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let member = orgs::enter(&app, &caller, &org).await?;
    let window = Window::of(&query)?;
    let mut projects = visible(&app, &caller, &member).await?;
    projects.retain(|project| project.id.as_str() > window.after.as_str());
    Ok(answer::<ListProjects>(&window.page(projects, |project| project.id.as_str().to_owned())))
}

async fn create(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Json(request): Json<ProjectRequest>,
) -> Outcome<Response> {
    let member = orgs::enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::GamesManage)?;
    let id = create_project(&app.sql, caller.actor(), &member.org, &request.name, None).await?;
    // Whoever may make a project sees it only with `games.read`; a role of its own may lack that.
    let projects = db::projects(&app.sql, &member.org, crate::studio::config::PROJECTS_MAX).await?;
    let mut project = projects.into_iter().find(|one| one.id == id).ok_or_else(Failure::not_found)?;
    project.permissions = member.permissions.list();
    Ok(answer::<CreateProject>(&project))
}

async fn get_project(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project)): Path<(String, String)>,
) -> Outcome<Response> {
    let (_, project, _) = enter(&app, &caller, &org, &project).await?;
    Ok(answer::<GetProject>(&project))
}

async fn put_project(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project)): Path<(String, String)>,
    Json(request): Json<ProjectRequest>,
) -> Outcome<Response> {
    let (org, mut project, permissions) = enter(&app, &caller, &org, &project).await?;
    permissions.need(Permission::GamesManage)?;
    rules::check_name(&request.name)?;
    let was = std::mem::replace(&mut project.name, request.name.clone());
    let (actor, id) = (caller.actor(), project.id.clone());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::rename(tx, &org, &id, &request.name, &fold(&request.name)).await.map_err(name_taken)?;
                let entry = actor.did(org.as_str(), "project.change", "project", id.as_str());
                Ok(record(tx, entry.before("name", was).after("name", request.name)).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<PutProject>(&project))
}

type EnvironmentIds = Path<(String, String, String)>;
type KeyIds = Path<(String, String, String, String)>;

async fn list_client_keys(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): EnvironmentIds,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::GamesRead).await?;
    let window = Window::of(&query)?;
    let after = match window.after.split_once(':') {
        Some((at_ms, key)) => at_ms.parse().ok().map(|at_ms| (at_ms, key.to_owned())),
        None => None,
    };
    let found = tenants::db::client_keys(&app.sql, &place.game, after, window.rows()).await?;
    Ok(answer::<ListClientKeys>(&window.page(found, |key| format!("{}:{}", key.created_at_ms, key.key))))
}

async fn create_client_key(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): EnvironmentIds,
    Json(new): Json<NewClientKey>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::KeysManage).await?;
    let key = keys::create_client_key(&app.sql, caller.actor(), place, &new.name).await?;
    Ok(answer::<CreateClientKey>(&key))
}

async fn revoke_client_key(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, key)): KeyIds,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::KeysManage).await?;
    if !is_client_key(&key) {
        return Err(Failure::not_found());
    }
    keys::revoke_client_key(&app.sql, caller.actor(), place, &key).await?;
    app.auth.forget_client_key(&key);
    Ok(answer::<RevokeClientKey>(&endpoint::None {}))
}

async fn list_server_keys(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): EnvironmentIds,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::KeysManage).await?;
    let window = Window::of(&query)?;
    let found = keys::server_keys(&app.sql, &place.game, &window.after, window.rows()).await?;
    Ok(answer::<ListServerKeys>(&window.page(found, |key| key.id.as_str().to_owned())))
}

async fn create_server_key(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): EnvironmentIds,
    Json(new): Json<NewServerKey>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, may) = enter_environment(&app, &caller, ids, Permission::KeysManage).await?;
    rules::may_grant(may, rules::check_scopes(&new.scopes)?)?;
    let made = keys::create_server_key(&app.sql, caller.actor(), place, new).await?;
    Ok(answer::<CreateServerKey>(&made))
}

async fn rotate_server_key(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, key)): KeyIds,
    Json(request): Json<RotateRequest>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, may) = enter_environment(&app, &caller, ids, Permission::KeysManage).await?;
    let id = ServerKeyId::parse(&key).ok_or_else(Failure::not_found)?;
    let check = move |key: &aethex_wire::studio::games::ServerKey| {
        rules::may_grant(may, rules::check_scopes(&key.scopes)?)
    };
    let overlap_s = request.overlap_s;
    let made = keys::rotate_server_key(&app.sql, caller.actor(), place, &id, overlap_s, check).await?;
    app.studio.forget(&id);
    Ok(answer::<RotateServerKey>(&made))
}

async fn revoke_server_key(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, key)): KeyIds,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::KeysManage).await?;
    let id = ServerKeyId::parse(&key).ok_or_else(Failure::not_found)?;
    keys::revoke_server_key(&app.sql, caller.actor(), place, &id).await?;
    app.studio.forget(&id);
    Ok(answer::<RevokeServerKey>(&endpoint::None {}))
}
