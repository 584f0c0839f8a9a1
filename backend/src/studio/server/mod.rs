//! What a game's own server may ask, with a secret server key: `Authorization: Bearer sk_<id>.<secret>`.
//!
//! [`ServerCaller`] is the only way to learn which game a key stands for. Keys are remembered for
//! [`SERVER_KEY_TTL_MS`], so that a busy server costs no query; a key that this process revokes is forgotten at
//! once, one that another process revokes holds for that time at most.

use super::Studio;
use super::audit::Actor;
use super::config::{LAST_USED_STEP_MS, SERVER_KEY_TTL_MS};
use super::games::{ServerKeyRow, end_player_sessions, server_key_by_id, touch_server_key};
use super::rules::secret_holds;
use super::secrets::digest;
use crate::app::App;
use crate::auth::tenants;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Path, bearer};
use crate::http::{answer, mount};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, ServerKeyId};
use aethex_wire::studio::Scope;
use aethex_wire::studio::server::{ServerEndSessions, ServerGetPlayer};
use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::request::Parts;
use std::sync::Arc;

/// Begins every server key.
const KEY_PREFIX: &str = "sk_";
/// No key of ours is longer.
const KEY_LEN_MAX: usize = 128;

/// A server key as it is presented.
pub(super) fn write_key(id: &ServerKeyId, secret: &str) -> String {
    format!("{KEY_PREFIX}{id}.{secret}")
}

fn read_key(text: &str) -> Option<(ServerKeyId, &str)> {
    let (id, secret) =
        text.strip_prefix(KEY_PREFIX).filter(|_| text.len() <= KEY_LEN_MAX)?.split_once('.')?;
    Some((ServerKeyId::parse(id)?, secret))
}

/// A game's own server, with a key that holds.
#[derive(Debug, Clone)]
pub(crate) struct ServerCaller {
    pub(crate) game: GameId,
    pub(crate) key_id: ServerKeyId,
    pub(crate) scopes: Vec<Scope>,
    org: String,
    name: String,
}

impl ServerCaller {
    /// Refused, by name, unless the key has the scope.
    pub(crate) fn need(&self, scope: Scope) -> Outcome<()> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::MissingScope,
            format!("The server key does not have the scope `{scope}`."),
        ))
    }
}

impl FromRequestParts<Arc<App>> for ServerCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<ServerCaller> {
        let presented = bearer(&parts.headers).and_then(read_key);
        let (id, secret) = presented.ok_or_else(invalid_key)?;
        let now = now_ms();
        let row = held(app, &id, now).await?.ok_or_else(invalid_key)?;
        let key = &row.key;
        let holds =
            secret_holds(&digest(secret), &row.secret_hash, &row.previous_hash, key.previous_until_ms, now);
        let is_over = key.revoked_at_ms.is_some() || key.expires_at_ms.is_some_and(|at_ms| at_ms <= now);
        if !holds || is_over {
            return Err(invalid_key());
        }
        if key.last_used_at_ms.is_none_or(|at_ms| at_ms < now - LAST_USED_STEP_MS) {
            // Once for each time that the key is read: the row remembers.
            touch_server_key(&app.sql, &row.game, &id, now, now - LAST_USED_STEP_MS).await?;
            app.studio.remember(&id, Arc::new(used(&row, now)), now);
        }
        Ok(ServerCaller {
            game: row.game.clone(),
            scopes: row.key.scopes.clone(),
            org: row.org.clone(),
            name: row.key.name.clone(),
            key_id: id,
        })
    }
}

fn used(row: &ServerKeyRow, now: i64) -> ServerKeyRow {
    let mut row = row.clone();
    row.key.last_used_at_ms = Some(now);
    row
}

async fn held(app: &App, id: &ServerKeyId, now: i64) -> Outcome<Option<Arc<ServerKeyRow>>> {
    if let Some(row) = app.studio.held(id, now) {
        return Ok(Some(row));
    }
    let row = server_key_by_id(&app.sql, id).await?.map(Arc::new);
    if let Some(row) = &row {
        app.studio.remember(id, row.clone(), now);
    }
    Ok(row)
}

fn invalid_key() -> Failure {
    Failure::new(ErrorCode::InvalidServerKey, "Send a server key that holds: `Authorization: Bearer sk_…`.")
}

impl Studio {
    fn held(&self, id: &ServerKeyId, now: i64) -> Option<Arc<ServerKeyRow>> {
        self.server_keys.get(id).filter(|(_, until_ms)| now < *until_ms).map(|(row, _)| row)
    }

    fn remember(&self, id: &ServerKeyId, row: Arc<ServerKeyRow>, now: i64) {
        self.server_keys.insert(id.clone(), (row, now + SERVER_KEY_TTL_MS));
    }
}

/// The endpoints of game servers, beside the players' API.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<ServerGetPlayer, _, _>(router, get_player);
    mount::<ServerEndSessions, _, _>(router, end_sessions)
}

async fn get_player(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(user): Path<String>,
) -> Outcome<Response> {
    caller.need(Scope::PlayersRead)?;
    let id = PlayerId::parse(&user).ok_or_else(Failure::not_found)?;
    let user = tenants::player(&app, &caller.game, &id).await?.ok_or_else(Failure::not_found)?;
    Ok(answer::<ServerGetPlayer>(&user))
}

async fn end_sessions(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Address(address): Address,
    Path(user): Path<String>,
) -> Outcome<Response> {
    caller.need(Scope::PlayersWrite)?;
    let id = PlayerId::parse(&user).ok_or_else(Failure::not_found)?;
    let actor = Actor::server_key(caller.key_id.as_str(), &caller.name, address);
    let ended = end_player_sessions(&app, actor, &caller.org, &caller.game, &id).await?;
    Ok(answer::<ServerEndSessions>(&ended))
}
