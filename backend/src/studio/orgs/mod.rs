//! Organisations: who is a member as what, and who may change that.
//!
//! [`enter`] is the door: whoever is no member finds nothing, by any id, and whoever must have a second factor
//! shows it. What is inside is found by (organisation, id). Changes of members lock the organisation's row, so
//! that two owners who leave at once cannot both be the second to last.

pub(super) mod db;
mod routes;

pub(super) use routes::routes;

use super::audit::{Actor, record};
use super::config::{INVITATION_TTL_MS, INVITATIONS_MAX};
use super::people::StudioCaller;
use super::rules::{self, Permissions};
use super::secrets::{digest, new_code};
use crate::app::App;
use crate::auth::{check_email, fold};
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::mail::{Mail, Template};
use crate::ports::sql::{Sql, SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{InvitationId, OrgId, PersonId};
use aethex_wire::studio::BuiltinRole;
use aethex_wire::studio::orgs::{Invitation, Organisation};
use db::OpenInvitation;
use futures_util::FutureExt;
use serde_json::json;

/// Letters of an invitation's code: 130 bits.
const INVITATION_CODE_CHARS: usize = 26;

/// A caller within an organisation of theirs.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) org: OrgId,
    pub(super) permissions: Permissions,
    pub(super) organisation: Organisation,
}

/// Lets a member in.
pub(super) async fn enter(app: &App, caller: &StudioCaller, org: &str) -> Outcome<Membership> {
    let org = OrgId::parse(org).ok_or_else(Failure::not_found)?;
    let organisation = db::of_member(&app.sql, &org, &caller.person).await?.ok_or_else(Failure::not_found)?;
    if organisation.require_second_factor && !caller.second_factor {
        return Err(Failure::new(
            ErrorCode::SecondFactorRequired,
            "This organisation asks for a second factor: set one up, or log in with it.",
        ));
    }
    Ok(Membership { org, permissions: Permissions::of(&organisation.permissions), organisation })
}

/// A role that exists in the organisation, with what it may do.
pub(super) async fn role_permissions(tx: &mut Transaction, org: &OrgId, role: &str) -> Outcome<Permissions> {
    if BuiltinRole::from_name(role).is_some() {
        return Ok(rules::of_role(role, None));
    }
    // A role that somebody holds must not be deleted in between: its row is taken for this transaction.
    match db::take_role(tx, org, role).await? {
        Some(stored) => Ok(rules::of_role(role, Some(&stored))),
        None => Err(Failure::invalid("`role` is neither a built-in role nor one of this organisation.")),
    }
}

/// The role that a member has, with what it may do; nothing for a role that is gone.
async fn current_permissions(tx: &mut Transaction, org: &OrgId, role: &str) -> Outcome<Permissions> {
    let stored = db::take_role(tx, org, role).await?;
    Ok(rules::of_role(role, stored.as_deref()))
}

pub(super) fn name_taken(error: SqlError) -> Failure {
    match error.is_unique_on("name_folded") {
        true => Failure::new(ErrorCode::NameTaken, "The name is taken: choose another."),
        false => error.into(),
    }
}

/// Makes an organisation. Only the command line does.
pub(super) async fn create(sql: &Sql, actor: Actor, name: &str) -> Outcome<OrgId> {
    rules::check_name(name)?;
    let org = OrgId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let (id, name) = (org.clone(), name.to_owned());
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::insert(tx, &id, &name, &fold(&name), now_ms()).await.map_err(name_taken)?;
                Ok(record(tx, actor.did(id.as_str(), "org.create", "org", id.as_str()).after("name", name))
                    .await?)
            }
            .boxed()
        })
        .await?;
    Ok(org)
}

/// Invites someone, by mail: the invitation and its code, of which the database keeps a digest, and the mail
/// until it is sent.
pub(super) async fn invite(
    sql: &Sql,
    actor: Actor,
    by: &str,
    may: Permissions,
    org: &OrgId,
    email: &str,
    role: &str,
) -> Outcome<(Invitation, String)> {
    check_email(email)?;
    let code = new_code::<INVITATION_CODE_CHARS>();
    let code_hash = digest(&rules::fold_code(&code));
    let now = now_ms();
    let invitation = Invitation {
        id: InvitationId::parse(&new_id()).expect("ids are made in their canonical spelling"),
        email: email.to_owned(),
        role: role.to_owned(),
        created_at_ms: now,
        expires_at_ms: now + INVITATION_TTL_MS,
    };
    let (org, by, made, mailed) = (org.clone(), by.to_owned(), invitation.clone(), code.clone());
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::lock(tx, &org, now).await?;
                let granted = role_permissions(tx, &org, &made.role).await?;
                rules::may_change_member(may, Permissions::default(), granted)?;
                if db::is_member_by_email(tx, &org, &fold(&made.email)).await? {
                    return Err(Failure::invalid(
                        "`email` is a member's already: change their role instead.",
                    ));
                }
                if db::count_invitations(tx, &org, now).await? >= INVITATIONS_MAX {
                    return Err(Failure::invalid(format!(
                        "There are {INVITATIONS_MAX} open invitations: take some back first."
                    )));
                }
                db::insert_invitation(tx, &org, &made, &fold(&made.email), &code_hash, &by).await?;
                let mail = invitation_mail(&made, db::name(tx, &org).await?, &actor, &mailed);
                crate::mail::queue(tx, &mail).await?;
                let entry = actor.did(org.as_str(), "invitation.create", "invitation", made.id.as_str());
                Ok(record(tx, entry.after("email", made.email).after("role", made.role)).await?)
            }
            .boxed()
        })
        .await?;
    Ok((invitation, code))
}

/// What the invited reads. The address of the console is the studio's affair: the mail carries the code.
fn invitation_mail(invitation: &Invitation, organization: String, actor: &Actor, code: &str) -> Mail {
    Mail {
        game: None,
        player: None,
        to: invitation.email.clone(),
        locale: String::new(),
        template: Template::StudioInvitation,
        values: json!({
            "organization": organization,
            "inviter": actor.invites_as(),
            "role": BuiltinRole::from_name(&invitation.role).map_or("", BuiltinRole::as_str),
            "code": code,
            "days": INVITATION_TTL_MS / (24 * 3600 * 1000),
        }),
    }
}

/// An invitation that was just made, for the command line to accept.
pub(super) fn opened(org: &OrgId, invitation: &Invitation) -> OpenInvitation {
    OpenInvitation {
        org: org.clone(),
        id: invitation.id.as_str().to_owned(),
        email: invitation.email.clone(),
        email_folded: fold(&invitation.email),
        role: invitation.role.clone(),
    }
}

/// Gives a member another role, or takes them out (`None`).
pub(super) async fn change_member(
    sql: &Sql,
    actor: Actor,
    may: Permissions,
    org: &OrgId,
    person: &PersonId,
    to: Option<String>,
    leaves: bool,
) -> Outcome<()> {
    let (org, person) = (org.clone(), person.clone());
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::lock(tx, &org, now_ms()).await?;
                let from = db::member_role(tx, &org, &person).await?.ok_or_else(Failure::not_found)?;
                let old = current_permissions(tx, &org, &from).await?;
                let new = match &to {
                    Some(role) => role_permissions(tx, &org, role).await?,
                    None => Permissions::default(),
                };
                if !leaves {
                    rules::may_change_member(may, old, new)?;
                }
                rules::keep_an_owner(&from, to.as_deref(), db::count_owners(tx, &org).await?)?;
                let entry = match to {
                    Some(role) => {
                        db::set_member_role(tx, &org, &person, &role).await?;
                        actor
                            .did(org.as_str(), "member.change", "member", person.as_str())
                            .after("role", role)
                    }
                    None => {
                        db::remove_member(tx, &org, &person).await?;
                        actor.did(org.as_str(), "member.remove", "member", person.as_str())
                    }
                };
                Ok(record(tx, entry.before("role", from)).await?)
            }
            .boxed()
        })
        .await
}
