//! How people come to be: an invitation that is accepted, or the command line.

use super::db::{self, InsertPerson};
use super::{NewSession, StudioCaller, new_session};
use crate::app::App;
use crate::auth::{address_digest, check_line, check_password, fold};
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Address, JSON_LEN_MAX, parse_json, read_body};
use crate::http::answer;
use crate::ports::sql::{Sql, SqlError};
use crate::studio::audit::{Actor, record};
use crate::studio::orgs::db::{self as orgs, OpenInvitation};
use crate::studio::rules::fold_code;
use crate::studio::secrets::digest;
use aethex_wire::ErrorCode;
use aethex_wire::auth::DISPLAY_NAME_CHARS_MAX;
use aethex_wire::ids::PersonId;
use aethex_wire::studio::people::{AcceptInvitation, AcceptInvitationRequest, Accepted};
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

/// Longest code of an invitation looked at: ours have 26 letters, and hyphens.
const CODE_LEN_MAX: usize = 64;

/// A person that an invitation makes.
#[derive(Debug, Clone)]
pub(in crate::studio) struct NewPerson {
    pub(in crate::studio) display_name: Option<String>,
    pub(in crate::studio) password_hash: String,
}

fn invalid_code() -> Failure {
    Failure::new(
        ErrorCode::InvalidCode,
        "The invitation is wrong, used, taken back or over: ask for a new one.",
    )
}

pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Address(address): Address,
    request: axum::extract::Request,
) -> Outcome<Response> {
    let (mut parts, body) = request.into_parts();
    let caller = match parts.headers.contains_key(http::header::AUTHORIZATION) {
        true => Some(StudioCaller::from_request_parts(&mut parts, &app).await?),
        false => None,
    };
    let body = read_body(&app, body, JSON_LEN_MAX).await?;
    let request: AcceptInvitationRequest = parse_json(&body.bytes)?;
    let address_hash = address_digest(app.auth.keys(), address);
    let key = ("studio-accept", &address_hash);
    app.auth.limiter().take(key, app.auth.rates().registration, now_ms()).map_err(Failure::rate_limited)?;
    let invitation = find(&app.sql, &request.code).await?;
    let existing = db::by_email(&app.sql, &invitation.email_folded).await?;
    if let Some(row) = existing {
        let is_caller = caller.as_ref().is_some_and(|caller| caller.person == row.person.id);
        if !is_caller || request.password.is_some() {
            return Err(Failure::new(
                ErrorCode::Unauthenticated,
                "This email has an account here: log in to it, then accept with its token and no password.",
            ));
        }
        let actor = Actor::person(row.person.id.as_str(), &row.person.email, address);
        let org_id = invitation.org.clone();
        accept_as(&app.sql, invitation, actor, row.person.id.clone(), None, None).await?;
        return Ok(answer::<AcceptInvitation>(&Accepted { person: row.person, org_id, session: None }));
    }
    let password =
        request.password.ok_or_else(|| Failure::invalid("`password` is needed for a new person."))?;
    check_password(&password, &invitation.email, app.config.auth.refuse_common_passwords)?;
    if let Some(name) = &request.display_name {
        check_line("display_name", name, DISPLAY_NAME_CHARS_MAX)?;
    }
    let new = NewPerson {
        display_name: request.display_name,
        password_hash: app.auth.passwords().hash(password).await?,
    };
    let id = PersonId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let (token, session) = new_session(&id, None, address_hash, false);
    let actor = Actor::person(id.as_str(), &invitation.email, address);
    let org_id = invitation.org.clone();
    accept_as(&app.sql, invitation, actor, id.clone(), Some(new), Some(session)).await?;
    let row = db::by_id(&app.sql, &id).await?.ok_or_else(|| Failure::internal("a new person is gone"))?;
    Ok(answer::<AcceptInvitation>(&Accepted { person: row.person, org_id, session: Some(token) }))
}

/// The open invitation that a code belongs to.
async fn find(sql: &Sql, code: &str) -> Outcome<OpenInvitation> {
    if code.len() > CODE_LEN_MAX {
        return Err(invalid_code());
    }
    let hash = digest(&fold_code(code));
    orgs::invitation_by_code(sql, &hash, now_ms()).await?.ok_or_else(invalid_code)
}

/// Uses an invitation up: makes the person when they are new, and a member.
pub(in crate::studio) async fn accept_as(
    sql: &Sql,
    invitation: OpenInvitation,
    actor: Actor,
    id: PersonId,
    new: Option<NewPerson>,
    session: Option<NewSession>,
) -> Outcome<()> {
    let now = now_ms();
    sql.all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                if orgs::take_invitation(tx, &invitation.org, &invitation.id).await? == 0 {
                    return Err(invalid_code());
                }
                if let Some(new) = new {
                    let local = invitation.email.split('@').next().unwrap_or_default();
                    let person = InsertPerson {
                        id: id.clone(),
                        email_folded: fold(&invitation.email),
                        display_name: new.display_name.unwrap_or_else(|| local.to_owned()),
                        email: invitation.email,
                        password_hash: new.password_hash,
                    };
                    db::insert(tx, &person, now).await.map_err(taken)?;
                }
                orgs::insert_member(tx, &invitation.org, &id, &invitation.role, now).await?;
                if let Some(session) = session {
                    db::insert_session(tx, session).await?;
                }
                let entry = actor.did(invitation.org.as_str(), "invitation.accept", "member", id.as_str());
                Ok(record(tx, entry.after("role", invitation.role)).await?)
            }
            .boxed()
        })
        .await
}

fn taken(error: SqlError) -> Failure {
    match error.is_unique_on("email_folded") {
        true => Failure::new(ErrorCode::EmailTaken, "This email has an account here by now: log in to it."),
        false => error.into(),
    }
}
