//! The endpoints of organisations, members, invitations and roles.

use super::{change_member, db, enter, invite, name_taken, role_permissions};
use crate::app::App;
use crate::auth::fold;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Json, Path, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use crate::studio::audit::record;
use crate::studio::config::ROLES_MAX;
use crate::studio::people::StudioCaller;
use crate::studio::rules::{self, Permissions};
use aethex_wire::ids::{InvitationId, PersonId, RoleId};
use aethex_wire::page::PageQuery;
use aethex_wire::studio::Permission;
use aethex_wire::studio::orgs::{
    CreateInvitation, CreateRole, DeleteRole, GetOrg, ListInvitations, ListMembers, ListOrgs, ListRoles,
    MemberChange, NewInvitation, OrganisationChange, PutMember, PutOrg, PutRole, RemoveMember,
    RevokeInvitation, Role, RoleRequest,
};
use aethex_wire::{ErrorCode, endpoint};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

pub(in crate::studio) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<ListOrgs, _, _>(router, list_orgs);
    let router = mount::<GetOrg, _, _>(router, get_org);
    let router = mount::<PutOrg, _, _>(router, put_org);
    let router = mount::<ListMembers, _, _>(router, list_members);
    let router = mount::<PutMember, _, _>(router, put_member);
    let router = mount::<RemoveMember, _, _>(router, remove_member);
    let router = mount::<ListInvitations, _, _>(router, list_invitations);
    let router = mount::<CreateInvitation, _, _>(router, create_invitation);
    let router = mount::<RevokeInvitation, _, _>(router, revoke_invitation);
    let router = mount::<ListRoles, _, _>(router, list_roles);
    let router = mount::<CreateRole, _, _>(router, create_role);
    let router = mount::<PutRole, _, _>(router, put_role);
    mount::<DeleteRole, _, _>(router, delete_role)
}

async fn list_orgs(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let window = Window::of(&query)?;
    let found = db::of_person(&app.sql, &caller.person, &window.after, window.rows()).await?;
    Ok(answer::<ListOrgs>(&window.page(found, |org| org.id.as_str().to_owned())))
}

async fn get_org(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
) -> Outcome<Response> {
    Ok(answer::<GetOrg>(&enter(&app, &caller, &org).await?.organisation))
}

async fn put_org(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org_id): Path<String>,
    Json(change): Json<OrganisationChange>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org_id).await?;
    member.permissions.need(Permission::OrgManage)?;
    if let Some(name) = &change.name {
        rules::check_name(name)?;
    }
    if change.require_second_factor == Some(true) && !caller.second_factor {
        return Err(Failure::new(
            ErrorCode::SecondFactorRequired,
            "Log in with a second factor first: you would lock yourself out.",
        ));
    }
    let (org, was) = (member.org, member.organisation);
    let actor = caller.actor();
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let folded = change.name.as_deref().map(fold);
                let mut entry = actor.did(org.as_str(), "org.change", "org", org.as_str());
                if let Some(name) = &change.name {
                    entry = entry.before("name", was.name).after("name", name.as_str());
                }
                if let Some(required) = change.require_second_factor {
                    let old = was.require_second_factor.to_string();
                    entry = entry.before("require_second_factor", old);
                    entry = entry.after("require_second_factor", required.to_string());
                }
                let updated = db::update(tx, &org, change.name, folded, change.require_second_factor).await;
                updated.map_err(name_taken)?;
                Ok(record(tx, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<PutOrg>(&enter(&app, &caller, &org_id).await?.organisation))
}

/// Any member sees who the others are.
async fn list_members(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    let window = Window::of(&query)?;
    let found = db::members(&app.sql, &member.org, &window.after, window.rows()).await?;
    Ok(answer::<ListMembers>(&window.page(found, |member| member.person_id.as_str().to_owned())))
}

async fn put_member(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, person)): Path<(String, String)>,
    Json(change): Json<MemberChange>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::MembersManage)?;
    let person = PersonId::parse(&person).ok_or_else(Failure::not_found)?;
    let (actor, may) = (caller.actor(), member.permissions);
    change_member(&app.sql, actor, may, &member.org, &person, Some(change.role), false).await?;
    Ok(answer::<PutMember>(&endpoint::None {}))
}

async fn remove_member(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, person)): Path<(String, String)>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    let leaves = person == caller.person.as_str();
    if !leaves {
        member.permissions.need(Permission::MembersManage)?;
    }
    let person = PersonId::parse(&person).ok_or_else(Failure::not_found)?;
    change_member(&app.sql, caller.actor(), member.permissions, &member.org, &person, None, leaves).await?;
    Ok(answer::<RemoveMember>(&endpoint::None {}))
}

async fn list_invitations(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::MembersManage)?;
    let window = Window::of(&query)?;
    let found = db::invitations(&app.sql, &member.org, now_ms(), &window.after, window.rows()).await?;
    Ok(answer::<ListInvitations>(&window.page(found, |invitation| invitation.id.as_str().to_owned())))
}

async fn create_invitation(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Json(new): Json<NewInvitation>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::MembersManage)?;
    // Taken back and made again, invitations would be mails without end.
    let key = ("studio-invite", member.org.as_str());
    app.auth.limiter().take(key, app.auth.rates().registration, now_ms()).map_err(Failure::rate_limited)?;
    let (actor, by) = (caller.actor(), caller.person.as_str());
    let made = invite(&app.sql, actor, by, member.permissions, &member.org, &new.email, &new.role).await?;
    app.jobs.wake();
    // Not the code: who has it shows that the mailbox is theirs.
    let (invitation, _code) = made;
    Ok(answer::<CreateInvitation>(&invitation))
}

async fn revoke_invitation(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, invitation)): Path<(String, String)>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::MembersManage)?;
    let invitation = InvitationId::parse(&invitation).ok_or_else(Failure::not_found)?;
    let (org, actor) = (member.org, caller.actor());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                if db::take_invitation(tx, &org, invitation.as_str()).await? == 0 {
                    return Err(Failure::not_found());
                }
                let entry = actor.did(org.as_str(), "invitation.revoke", "invitation", invitation.as_str());
                Ok(record(tx, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<RevokeInvitation>(&endpoint::None {}))
}

async fn list_roles(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    let window = Window::of(&query)?;
    let found = db::roles(&app.sql, &member.org, &window.after, window.rows()).await?;
    Ok(answer::<ListRoles>(&window.page(found, |role| role.id.as_str().to_owned())))
}

async fn create_role(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Json(request): Json<RoleRequest>,
) -> Outcome<Response> {
    let id = RoleId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let role = store_role(&app, &caller, &org, id, request, false).await?;
    Ok(answer::<CreateRole>(&role))
}

async fn put_role(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, role)): Path<(String, String)>,
    Json(request): Json<RoleRequest>,
) -> Outcome<Response> {
    let id = RoleId::parse(&role).ok_or_else(Failure::not_found)?;
    let role = store_role(&app, &caller, &org, id, request, true).await?;
    Ok(answer::<PutRole>(&role))
}

/// Makes a role, or changes one: nobody who is in the way of more than they have.
async fn store_role(
    app: &App,
    caller: &StudioCaller,
    org: &str,
    id: RoleId,
    request: RoleRequest,
    exists: bool,
) -> Outcome<Role> {
    let member = enter(app, caller, org).await?;
    member.permissions.need(Permission::OrgManage)?;
    rules::check_name(&request.name)?;
    let permissions = rules::check_role(&request.permissions)?;
    let role = Role { id, name: request.name, permissions: permissions.list() };
    let (org, may, actor, made) = (member.org, member.permissions, caller.actor(), role.clone());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::lock(tx, &org, now_ms()).await?;
                rules::may_grant(may, permissions)?;
                let mut entry = match db::take_role(tx, &org, made.id.as_str()).await? {
                    None if exists => return Err(Failure::not_found()),
                    None if db::count_roles(tx, &org).await? >= ROLES_MAX => {
                        return Err(Failure::invalid(format!(
                            "An organisation has at most {ROLES_MAX} roles."
                        )));
                    }
                    None => actor.did(org.as_str(), "role.create", "role", made.id.as_str()),
                    Some(stored) => {
                        rules::may_grant(may, Permissions::parse(&stored))?;
                        let entry = actor.did(org.as_str(), "role.change", "role", made.id.as_str());
                        entry.before("permissions", stored)
                    }
                };
                db::put_role(tx, &org, &made, &fold(&made.name)).await.map_err(name_taken)?;
                entry = entry.after("permissions", permissions.text()).after("name", made.name);
                Ok(record(tx, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(role)
}

async fn delete_role(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, role)): Path<(String, String)>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::OrgManage)?;
    let role = RoleId::parse(&role).ok_or_else(Failure::not_found)?;
    let (org, may, actor) = (member.org, member.permissions, caller.actor());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let id = role.as_str();
                db::lock(tx, &org, now_ms()).await?;
                let stored = role_permissions(tx, &org, id).await.map_err(|_| Failure::not_found())?;
                rules::may_grant(may, stored)?;
                if db::count_uses(tx, &org, id).await? > 0 {
                    return Err(Failure::invalid(
                        "Members, teams or invitations have this role: change them first.",
                    ));
                }
                db::delete_role(tx, &org, id).await?;
                let entry = actor.did(org.as_str(), "role.delete", "role", id);
                Ok(record(tx, entry.before("permissions", stored.text())).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<DeleteRole>(&endpoint::None {}))
}
