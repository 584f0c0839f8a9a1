//! The second factor: codes of an authenticator (RFC 6238) and recovery codes, each good once.

use super::db::{self, PersonRow};
use super::{StudioCaller, routes::reauthenticate};
use crate::app::App;
use crate::context::{now_ms, random};
use crate::error::{Failure, Outcome};
use crate::extract::Json;
use crate::http::answer;
use crate::studio::audit::record_everywhere;
use crate::studio::rules::{base32, fold_code, is_totp, totp_step};
use crate::studio::secrets::{digest, new_code, open, seal};
use aethex_wire::studio::people::{
    ConfirmTotp, ConfirmedRequest, RECOVERY_CODES, RecoveryCodes, RemoveTotp, RenewRecoveryCodes, StartTotp,
    TotpCode, TotpSecret,
};
use aethex_wire::{ErrorCode, endpoint};
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

/// Bytes of a secret: those of the hash, as RFC 4226 asks.
const SECRET_LEN: usize = 20;
/// Letters of a recovery code: 80 bits.
const RECOVERY_CODE_CHARS: usize = 16;
/// What authenticators show beside the code.
const ISSUER: &str = "AeThex%20Cloud";

/// Whether a code holds for this person, using it up.
pub(super) async fn use_code(app: &App, row: &PersonRow, code: &str) -> Outcome<bool> {
    let code = fold_code(code);
    if !is_totp(&code) {
        return Ok(db::use_recovery_code(&app.sql, &row.person.id, &digest(&code)).await?);
    }
    let secret = open(app.auth.keys(), &row.person.id, &row.totp_sealed)?;
    match totp_step(&secret, &code, now_ms() / 1000) {
        Some(step) => Ok(db::use_step(&app.sql, &row.person.id, step).await?),
        None => Ok(false),
    }
}

pub(super) fn invalid_code() -> Failure {
    Failure::new(ErrorCode::InvalidSecondFactor, "The code is wrong or was used: wait for the next one.")
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Json(request): Json<ConfirmedRequest>,
) -> Outcome<Response> {
    let row = reauthenticate(&app, &caller, request.password, request.code.as_deref()).await?;
    let secret = random::<SECRET_LEN>();
    db::set_pending(&app.sql, &caller.person, seal(app.auth.keys(), &caller.person, &secret)?).await?;
    let secret = base32(&secret);
    let mut account = String::new();
    for byte in row.person.email.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => account.push(char::from(byte)),
            _ => account.push_str(&format!("%{byte:02X}")),
        }
    }
    let uri = format!("otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}");
    Ok(answer::<StartTotp>(&TotpSecret { secret, uri }))
}

pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Json(request): Json<TotpCode>,
) -> Outcome<Response> {
    let row = db::by_id(&app.sql, &caller.person).await?.ok_or_else(Failure::unauthenticated)?;
    if row.totp_pending.is_empty() {
        return Err(Failure::invalid("No second factor is being set up: begin with the secret."));
    }
    let limiter = (app.auth.limiter(), app.auth.rates().account);
    let attempt = limiter.0.begin(("studio-factor", caller.person.as_str()), limiter.1).await;
    let attempt = attempt.map_err(Failure::rate_limited)?;
    let secret = open(app.auth.keys(), &caller.person, &row.totp_pending)?;
    let step = totp_step(&secret, &fold_code(&request.code), now_ms() / 1000).ok_or_else(invalid_code)?;
    attempt.forgive();
    let (codes, hashes) = recovery_codes();
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                if db::confirm_pending(tx, &caller.person, &row.totp_pending, step).await? != 1 {
                    return Err(Failure::invalid("The second factor was begun anew: use the newest secret."));
                }
                db::set_recovery_codes(tx, &caller.person, hashes).await?;
                db::strengthen_session(tx, &caller.session).await?;
                db::end_sessions_but(tx, &caller.person, caller.session.as_str()).await?;
                let person = caller.person.as_str();
                let entry = caller.actor().did("", "person.factor.add", "person", person);
                Ok(record_everywhere(tx, person, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<ConfirmTotp>(&codes))
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Json(request): Json<ConfirmedRequest>,
) -> Outcome<Response> {
    reauthenticate(&app, &caller, request.password, request.code.as_deref()).await?;
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::remove_factor(tx, &caller.person).await?;
                let person = caller.person.as_str();
                let entry = caller.actor().did("", "person.factor.remove", "person", person);
                Ok(record_everywhere(tx, person, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<RemoveTotp>(&endpoint::None {}))
}

pub(super) async fn renew_codes(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Json(request): Json<ConfirmedRequest>,
) -> Outcome<Response> {
    let row = reauthenticate(&app, &caller, request.password, request.code.as_deref()).await?;
    if !row.person.second_factor {
        return Err(Failure::invalid("Recovery codes stand in for a second factor: set one up first."));
    }
    let (codes, hashes) = recovery_codes();
    app.sql
        .all_games()
        .transaction::<(), Failure, _>(move |tx| {
            async move {
                db::set_recovery_codes(tx, &caller.person, hashes).await?;
                let person = caller.person.as_str();
                let entry = caller.actor().did("", "person.factor.codes", "person", person);
                Ok(record_everywhere(tx, person, entry).await?)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<RenewRecoveryCodes>(&codes))
}

fn recovery_codes() -> (RecoveryCodes, Vec<String>) {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_code::<RECOVERY_CODE_CHARS>()).collect();
    let hashes = codes.iter().map(|code| digest(&fold_code(code))).collect();
    (RecoveryCodes { codes }, hashes)
}
