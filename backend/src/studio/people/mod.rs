//! A studio's people: who calls, logging in, the second factor, sessions.
//!
//! [`StudioCaller`] is the only way to learn who calls: one query by the token's digest, so that the end of a
//! session counts at once. Nobody registers: [`join`] makes a person for an invitation. Wrong passwords and
//! codes are limited like players' are, and take as long with and without an account.

pub(super) mod db;
mod factor;
mod join;
mod routes;

pub(super) use join::{NewPerson, accept_as};
pub(super) use routes::routes;

use super::audit::Actor;
use super::config::{SESSION_SLIDE_MS, SESSION_TTL_MS};
use super::secrets::{digest, new_token};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Address, bearer};
use aethex_wire::ids::{PersonId, SessionId};
use aethex_wire::studio::people::StudioToken;
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;

/// Begins every token of a session.
const TOKEN_PREFIX: &str = "st_";
/// No token of ours is longer.
const TOKEN_LEN_MAX: usize = 64;

/// One of a studio's people, with a session that holds.
#[derive(Debug, Clone)]
pub(crate) struct StudioCaller {
    pub(super) person: PersonId,
    pub(super) email: String,
    pub(super) session: SessionId,
    /// Whether this session was begun, or strengthened, with the second factor.
    pub(super) second_factor: bool,
    address: IpAddr,
}

impl StudioCaller {
    pub(super) fn actor(&self) -> Actor {
        Actor::person(self.person.as_str(), &self.email, self.address)
    }
}

impl FromRequestParts<Arc<App>> for StudioCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<StudioCaller> {
        let Address(address) = Address::from_request_parts(parts, app).await?;
        let token = bearer(&parts.headers).filter(|token| is_token(token)).ok_or_else(unauthenticated)?;
        let now = now_ms();
        let found = db::session_by_token(&app.sql, &digest(token), now).await?.ok_or_else(unauthenticated)?;
        if found.last_seen_at_ms + SESSION_SLIDE_MS < now {
            db::slide_session(&app.sql, &found.session, now, now + SESSION_TTL_MS).await?;
        }
        let damaged = || Failure::internal("a stored id is damaged");
        Ok(StudioCaller {
            person: PersonId::parse(&found.person).ok_or_else(damaged)?,
            email: found.email,
            session: SessionId::parse(&found.session).ok_or_else(damaged)?,
            second_factor: found.second_factor,
            address,
        })
    }
}

fn is_token(text: &str) -> bool {
    text.starts_with(TOKEN_PREFIX) && text.len() <= TOKEN_LEN_MAX
}

fn unauthenticated() -> Failure {
    Failure::new(aethex_wire::ErrorCode::Unauthenticated, "Send a valid studio token: log in.")
}

/// A session in the making.
#[derive(Debug, Clone)]
pub(super) struct NewSession {
    pub(super) session: SessionId,
    pub(super) person: PersonId,
    pub(super) token_hash: String,
    pub(super) device_name: String,
    pub(super) address_hash: String,
    pub(super) second_factor: bool,
    pub(super) now_ms: i64,
    pub(super) expires_at_ms: i64,
}

/// A new session with its token, which is not kept.
pub(super) fn new_session(
    person: &PersonId,
    device_name: Option<String>,
    address_hash: String,
    second_factor: bool,
) -> (StudioToken, NewSession) {
    let token = format!("{TOKEN_PREFIX}{}", new_token());
    let session = SessionId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let now_ms = now_ms();
    let expires_at_ms = now_ms + SESSION_TTL_MS;
    let new = NewSession {
        session: session.clone(),
        person: person.clone(),
        token_hash: digest(&token),
        device_name: device_name.unwrap_or_default(),
        address_hash,
        second_factor,
        now_ms,
        expires_at_ms,
    };
    (StudioToken { token, session_id: session, expires_at_ms }, new)
}
