//! The endpoints of people: login and logout, password, sessions.

use super::db::{self, PersonRow};
use super::factor::{self, invalid_code, use_code};
use super::{StudioCaller, join, new_session};
use crate::app::App;
use crate::auth::{Attempt, address_digest, check_email, check_line, check_password, fold};
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Json, Path, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use crate::studio::audit::{Actor, record_everywhere};
use aethex_wire::auth::{DEVICE_NAME_CHARS_MAX, PASSWORD_CHARS_MAX};
use aethex_wire::ids::SessionId;
use aethex_wire::page::{Page, PageQuery};
use aethex_wire::studio::people::{
    AcceptInvitation, ChangeStudioPassword, ChangeStudioPasswordRequest, ConfirmTotp, EndStudioSession,
    GetMe, ListStudioSessions, RemoveTotp, RenewRecoveryCodes, StartTotp, StudioLoggedIn, StudioLogin,
    StudioLoginRequest, StudioLogout,
};
use aethex_wire::{ErrorCode, endpoint};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

pub(in crate::studio) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<AcceptInvitation, _, _>(router, join::accept);
    let router = mount::<StudioLogin, _, _>(router, login);
    let router = mount::<StudioLogout, _, _>(router, logout);
    let router = mount::<GetMe, _, _>(router, get_me);
    let router = mount::<ChangeStudioPassword, _, _>(router, change_password);
    let router = mount::<ListStudioSessions, _, _>(router, list_sessions);
    let router = mount::<EndStudioSession, _, _>(router, end_session);
    let router = mount::<StartTotp, _, _>(router, factor::start);
    let router = mount::<ConfirmTotp, _, _>(router, factor::confirm);
    let router = mount::<RemoveTotp, _, _>(router, factor::remove);
    mount::<RenewRecoveryCodes, _, _>(router, factor::renew_codes)
}

async fn login(
    State(app): State<Arc<App>>,
    Address(address): Address,
    Json(request): Json<StudioLoginRequest>,
) -> Outcome<Response> {
    check_line("device_name", request.device_name.as_deref().unwrap_or_default(), DEVICE_NAME_CHARS_MAX)?;
    let email = fold(&request.email);
    let digest = address_digest(app.auth.keys(), address);
    let found = match check_email(&request.email) {
        Ok(()) => db::by_email(&app.sql, &email).await?,
        Err(_) => None,
    };
    let attempts = allow(&app, &email, &digest, found.as_ref()).await?;
    let Some(row) = check(&app, found, request.password, request.code.as_deref(), attempts).await? else {
        return Err(invalid_credentials());
    };
    let second_factor = row.person.second_factor;
    let (token, session) = new_session(&row.person.id, request.device_name, digest, second_factor);
    let (person, hash) = (row.person.clone(), row.password_hash.clone());
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let id = person.id.as_str();
                // The password may have been changed since it was compared.
                if !db::has_hash(tx, &person.id, &hash).await? {
                    return Err(invalid_credentials());
                }
                db::insert_session(tx, session).await?;
                let entry = Actor::person(id, &person.email, address).did("", "person.login", "person", id);
                let how = if second_factor { "given" } else { "none" };
                Ok(record_everywhere(tx, id, entry.after("second_factor", how)).await?)
            }
            .boxed()
        })
        .await?;
    // A recovery code may have been used up since the row was read.
    let row = db::by_id(&app.sql, &row.person.id).await?.ok_or_else(invalid_credentials)?;
    Ok(answer::<StudioLogin>(&StudioLoggedIn { person: row.person, session: token }))
}

fn invalid_credentials() -> Failure {
    Failure::new(ErrorCode::InvalidCredentials, "The email and password do not belong together.")
}

/// Compares the password, then the second factor. Failures count; what taught nobody anything does not.
async fn check(
    app: &App,
    found: Option<PersonRow>,
    password: String,
    code: Option<&str>,
    attempts: Vec<Attempt>,
) -> Outcome<Option<PersonRow>> {
    if password.chars().count() > PASSWORD_CHARS_MAX {
        return Ok(None);
    }
    let hash = found.as_ref().map(|row| row.password_hash.clone());
    let verdict = app.auth.passwords().verify(password.clone(), hash.as_deref()).await;
    let Some(mut row) = found.filter(|_| matches!(verdict, Ok(true))) else {
        if verdict.is_err() {
            attempts.into_iter().for_each(Attempt::forgive);
        }
        verdict?;
        return Ok(None);
    };
    if row.person.second_factor {
        match code {
            None => {
                attempts.into_iter().for_each(Attempt::forgive);
                return Err(Failure::new(
                    ErrorCode::SecondFactorRequired,
                    "Send the code of the second factor, or a recovery code, as `code`.",
                ));
            }
            Some(code) if !use_code(app, &row, code).await? => return Err(invalid_code()),
            Some(_) => {}
        }
    }
    attempts.into_iter().for_each(Attempt::forgive);
    if app.auth.passwords().is_outdated(&row.password_hash)
        && let Ok(renewed) = app.auth.passwords().hash(password).await
    {
        let changed = db::renew_hash(&app.sql, &row.person.id, &row.password_hash, renewed.clone()).await?;
        if changed == 1 {
            row.password_hash = renewed;
        }
    }
    Ok(Some(row))
}

/// Begins an attempt, for the person and for the address. An address from which the person has logged in
/// before has an allowance of its own: strangers cannot lock anyone out.
async fn allow(app: &App, email: &str, digest: &str, row: Option<&PersonRow>) -> Outcome<Vec<Attempt>> {
    let (limiter, rates) = (app.auth.limiter(), app.auth.rates());
    let address =
        limiter.begin(("studio-address", digest), rates.address).await.map_err(Failure::rate_limited)?;
    // Asked for without an account too, so that it takes as long.
    let id = row.map_or("", |row| row.person.id.as_str());
    let familiar = db::is_familiar(&app.sql, id, digest).await?;
    let own = match familiar {
        true => limiter.begin(("studio-familiar", email, digest), rates.account).await,
        false => limiter.begin(("studio-account", email), rates.account).await,
    };
    match own {
        Ok(own) => Ok(vec![address, own]),
        Err(wait_s) => {
            address.forgive();
            Err(Failure::rate_limited(wait_s))
        }
    }
}

/// The caller again, by password and second factor: for what a stolen token must not do.
pub(super) async fn reauthenticate(
    app: &App,
    caller: &StudioCaller,
    password: String,
    code: Option<&str>,
) -> Outcome<PersonRow> {
    let row = db::by_id(&app.sql, &caller.person).await?;
    let key = ("studio-again", caller.person.as_str());
    let attempt = app.auth.limiter().begin(key, app.auth.rates().account).await;
    let attempt = attempt.map_err(Failure::rate_limited)?;
    let checked = check(app, row, password, code, vec![attempt]).await?;
    checked.ok_or_else(|| Failure::new(ErrorCode::InvalidCredentials, "The password is wrong."))
}

async fn logout(State(app): State<Arc<App>>, caller: StudioCaller) -> Outcome<Response> {
    db::end_session(&app.sql, &caller.person, caller.session.as_str()).await?;
    Ok(answer::<StudioLogout>(&endpoint::None {}))
}

async fn get_me(State(app): State<Arc<App>>, caller: StudioCaller) -> Outcome<Response> {
    let row = db::by_id(&app.sql, &caller.person).await?.ok_or_else(Failure::unauthenticated)?;
    Ok(answer::<GetMe>(&row.person))
}

async fn change_password(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Json(request): Json<ChangeStudioPasswordRequest>,
) -> Outcome<Response> {
    check_password(&request.new_password, &caller.email, app.config.auth.refuse_common_passwords)?;
    reauthenticate(&app, &caller, request.password, request.code.as_deref()).await?;
    let hash = app.auth.passwords().hash(request.new_password).await?;
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                let person = caller.person.as_str();
                db::set_password(tx, &caller.person, hash, now_ms()).await?;
                db::end_sessions_but(tx, &caller.person, caller.session.as_str()).await?;
                let entry = caller.actor().did("", "person.password", "person", person);
                Ok(record_everywhere(tx, person, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<ChangeStudioPassword>(&endpoint::None {}))
}

async fn list_sessions(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    // There are at most twenty: the list is one page, whatever its limit.
    Window::of(&query)?;
    let items = db::sessions(&app.sql, &caller.person, &caller.session, now_ms()).await?;
    Ok(answer::<ListStudioSessions>(&Page { items, next_cursor: None }))
}

async fn end_session(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(session): Path<String>,
) -> Outcome<Response> {
    let session = SessionId::parse(&session).ok_or_else(Failure::not_found)?;
    match db::end_session(&app.sql, &caller.person, session.as_str()).await? {
        0 => Err(Failure::not_found()),
        _ => Ok(answer::<EndStudioSession>(&endpoint::None {})),
    }
}
