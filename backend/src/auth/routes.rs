//! The endpoints of accounts.

use super::config::{ACCESS_TTL_S, MAIL_INTERVAL_S, MAILS_PER_ACCOUNT, REFRESH_TTL_S};
use super::db::{self, NewAccount, NewSession, Rotation, Way};
use super::email::{self, Mailing};
use super::limits::{Attempt, Rate};
use super::names;
use super::profile;
use super::proof;
use super::rules::{self, Reuse};
use super::tokens::{self, Claims, RefreshToken};
use crate::app::App;
use crate::context::{new_id, now_ms, random};
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller, Game, JSON_LEN_MAX, Json, MaybeCaller, parse_json, read_body};
use crate::http::{answer, mount};
use crate::mail::Template;
use crate::ports::sql::SqlError;
use aethex_wire::ErrorCode;
use aethex_wire::auth::{
    LoggedIn, Login, LoginRequest, Logout, LogoutRequest, Refresh, RefreshRequest, Register, RegisterRequest,
    Tokens, User,
};
use aethex_wire::endpoint;
use aethex_wire::ids::{GameId, PlayerId, SessionId};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use http::header;
use std::sync::Arc;

/// The id of no player.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// Usernames tried for a player who named none.
const USERNAME_TRIES: usize = 5;

pub(crate) fn routes() -> Router<Arc<App>> {
    let router = Router::new().route("/.well-known/jwks.json", routing::get(jwks));
    let router = mount::<Register, _, _>(router, register);
    let router = mount::<Login, _, _>(router, login);
    let router = mount::<Refresh, _, _>(router, refresh);
    let router = mount::<Logout, _, _>(router, logout);
    let router = super::email::mount_routes(router);
    let router = super::identities::mount_routes(router);
    let router = super::oauth::mount_routes(router);
    let router = super::pages::mount_routes(router);
    let router = profile::mount_routes(router);
    super::sessions::mount_routes(router)
}

async fn register(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<RegisterRequest>,
) -> Outcome<Response> {
    rules::check_email(&request.email)?;
    app.auth.disposable.check(&request.email)?;
    let refuse_common = app.config.auth.refuse_common_passwords;
    rules::check_password(&request.password, &request.email, refuse_common)?;
    rules::check_device_name(request.device_name.as_deref())?;
    names::check_locale(request.locale.as_deref())?;
    let username = request.username.as_deref().map(names::clean_username).transpose()?;
    let digest = tokens::address_digest(app.auth.keys(), address);
    let proof = proof::check(&app, &game, &digest, request.proof.as_ref()).await?;
    let password_hash = app.auth.passwords.hash(request.password).await?;
    let (refresh, session) = new_session(request.device_name, digest.clone(), "password");
    let verified_first = app.config.auth.require_verified_email;
    let named = request.username.is_some();
    let mut account = NewAccount {
        game: game.clone(),
        player: new_id(),
        email_folded: rules::fold(&request.email),
        username: username.unwrap_or_else(|| names::username_from(&request.email, None)),
        email: request.email,
        email_verified: false,
        display_name: None,
        password_hash,
        is_guest: false,
        locale: request.locale.unwrap_or_default(),
        now_ms: now_ms(),
        session: (!verified_first).then_some(session),
        proof,
    };
    for _ in 0..USERNAME_TRIES {
        match make_account(&app, account.clone()).await {
            Ok(_) if verified_first => return Err(verify_first()),
            Ok(user) => return Ok(answer::<Register>(&logged_in(&app, &game, user, &refresh)?)),
            Err(error) if db::is_username_taken(&error) && !named => {
                account.username = names::username_from(&account.email, Some(any_number()));
            }
            Err(error) if error.is_unique_on("email_folded") && verified_first => {
                tell_owner(&app, &game, &account.email_folded).await?;
                return Err(verify_first());
            }
            Err(error) if error.is_unique_on(db::SPENT) => return Err(proof::refused(&app, &game, &digest)),
            Err(error) => return Err(refused_account(error)),
        }
    }
    Err(username_taken())
}

/// Makes an account, with the mail that verifies its address.
async fn make_account(app: &App, account: NewAccount) -> Result<User, SqlError> {
    let player = PlayerId::parse(&account.player)
        .ok_or_else(|| SqlError::Other("ids are made in their canonical spelling".into()))?;
    let mailing = Mailing::to_new(app, &account, player).await;
    let made = app
        .sql
        .game(&account.game.clone())
        .transaction(move |transaction| {
            async move {
                let user = db::insert_account(transaction, account).await?;
                mailing.put(transaction).await?;
                Ok::<_, SqlError>(user)
            }
            .boxed()
        })
        .await?;
    app.jobs.wake();
    Ok(made)
}

/// The answer to every registration where an address must be verified first.
fn verify_first() -> Failure {
    Failure::new(ErrorCode::EmailUnverified, "A mail was sent to this address: follow it, then log in.")
}

/// Tells the owner of an address that somebody registered with it.
async fn tell_owner(app: &App, game: &GameId, email_folded: &str) -> Outcome<()> {
    let Some((owner, _)) = db::account_by_email(&app.sql, game, email_folded).await? else { return Ok(()) };
    let rate = Rate::new(MAILS_PER_ACCOUNT, MAIL_INTERVAL_S);
    if app.auth.limiter.take(("mail", game, owner.id.as_str()), rate, now_ms()).is_err() {
        return Ok(());
    }
    email::queue(app, game, Some(email::mail_to(game, &owner, Template::AccountExists))).await
}

pub(super) fn refused_account(error: SqlError) -> Failure {
    if error.is_unique_on("email_folded") {
        return Failure::new(ErrorCode::EmailTaken, "An account with this email exists: log in instead.");
    }
    // The same in another case, or too much alike.
    if db::is_username_taken(&error) { username_taken() } else { error.into() }
}

fn username_taken() -> Failure {
    Failure::new(ErrorCode::UsernameTaken, "This username is taken: choose another.")
}

/// A number of up to six digits for a generated username.
pub(super) fn any_number() -> u32 {
    u32::from_le_bytes(random()) % 1_000_000
}

async fn login(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<LoginRequest>,
) -> Outcome<Response> {
    rules::check_device_name(request.device_name.as_deref())?;
    let email = rules::fold(&request.email);
    let digest = tokens::address_digest(app.auth.keys(), address);
    // A NUL or an endless email names no account, and is not a query.
    let found = match rules::check_email(&request.email) {
        Ok(()) => db::account_by_email(&app.sql, &game, &email).await?,
        Err(_) => None,
    };
    let attempts = allow(&app, &game, &email, &digest, found.as_ref().map(|(user, _)| user)).await?;
    // An account without a password is compared like one that is not there.
    let hash = found.as_ref().map(|(_, hash)| hash.as_str()).filter(|hash| !hash.is_empty());
    let password = request.password;
    if password.chars().count() > aethex_wire::auth::PASSWORD_CHARS_MAX {
        return Err(invalid_credentials());
    }
    let verdict = app.auth.passwords.verify(password.clone(), hash).await;
    // A shed comparison taught nobody anything, and does not count.
    if matches!(verdict, Ok(true) | Err(_)) {
        attempts.into_iter().for_each(Attempt::forgive);
    }
    let Some((user, mut hash)) = found.filter(|_| matches!(verdict, Ok(true))) else {
        verdict?;
        return Err(invalid_credentials());
    };
    if app.auth.passwords.is_outdated(&hash)
        && let Ok(renewed) = app.auth.passwords.hash(password).await
        && db::update_password_hash(&app.sql, &game, &user.id, &hash, renewed.clone()).await? == 1
    {
        hash = renewed;
    }
    if app.config.auth.require_verified_email && !user.email_verified {
        email::send_again(&app, &game, &user).await?;
        return Err(verify_first());
    }
    let (refresh, session) = new_session(request.device_name, digest, "password");
    let begun = db::insert_session(&app.sql, &game, &user.id, Way::Password(hash), session).await?;
    let ended = begun.ok_or_else(invalid_credentials)?;
    app.auth.end_named(&ended);
    Ok(answer::<Login>(&logged_in(&app, &game, user, &refresh)?))
}

fn invalid_credentials() -> Failure {
    Failure::new(ErrorCode::InvalidCredentials, "The email and password do not belong together.")
}

/// Begins a login attempt, for the account and for the address. Strangers share the account's allowance; an
/// address from which the player has logged in before has one of its own, so that strangers cannot lock the
/// owner out.
async fn allow(
    app: &App,
    game: &GameId,
    email: &str,
    digest: &str,
    user: Option<&User>,
) -> Outcome<[Attempt; 2]> {
    let (limiter, rates) = (&app.auth.limiter, &app.auth.rates);
    let address =
        limiter.begin(("address", game, digest), rates.address).await.map_err(Failure::rate_limited)?;
    let wait_s = match limiter.begin(("account", game, email), rates.account).await {
        Ok(account) => return Ok([address, account]),
        Err(wait_s) => wait_s,
    };
    // Nobody's sessions are looked for as well, so that the time does not tell who has an account.
    let nobody = PlayerId::parse(NOBODY);
    let player = user.map(|user| &user.id).or(nobody.as_ref());
    let familiar = match player {
        Some(player) => db::is_familiar(&app.sql, game, player, digest).await?,
        None => false,
    };
    let own = match familiar {
        true => limiter.begin(("familiar", game, email, digest), rates.account).await,
        false => Err(wait_s),
    };
    match own {
        Ok(own) => Ok([address, own]),
        Err(wait_s) => {
            // Nothing was tried from this address.
            address.forgive();
            Err(Failure::rate_limited(wait_s))
        }
    }
}

async fn refresh(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Json(request): Json<RefreshRequest>,
) -> Outcome<Response> {
    let keys = app.auth.keys();
    let token = RefreshToken::parse(keys, &request.refresh_token).ok_or_else(Failure::session_ended)?;
    let next = token.next(keys);
    let now = now_ms();
    let step = Rotation {
        game: game.clone(),
        session: token.session.clone(),
        generation: token.generation,
        digest: token.digest(),
        next_digest: next.digest(),
        now_ms: now,
        expires_at_ms: now + REFRESH_TTL_S * 1000,
    };
    let player = match db::rotate(&app.sql, &step).await? {
        Some(player) => player,
        None => {
            let session = db::session(&app.sql, &game, &token.session, now).await?;
            match rules::judge_reuse(session.as_ref(), token.generation, &step.next_digest) {
                Reuse::LostAnswer => session.map(|session| session.player_id).unwrap_or_default(),
                Reuse::Stolen => {
                    tracing::warn!(session = %token.session, "an old refresh token was used: its session ends");
                    end_session(&app, &game, &token.session).await?;
                    tell_of_reuse(&app, &game, session.as_ref()).await;
                    return Err(Failure::session_ended());
                }
                Reuse::Over => return Err(Failure::session_ended()),
            }
        }
    };
    Ok(answer::<Refresh>(&tokens(&app, &game, &player, &next)?))
}

/// Tells the player that a token of theirs was used twice. The refusal stands whether or not that works.
async fn tell_of_reuse(app: &App, game: &GameId, session: Option<&rules::SessionState>) {
    let player =
        session.filter(|session| !session.over).and_then(|session| PlayerId::parse(&session.player_id));
    let Some(player) = player else { return };
    let told = match db::account(&app.sql, game, &player).await {
        Ok(user) => {
            let mail = user.and_then(|user| email::notice(game, &user, Template::SessionReuse));
            email::queue(app, game, mail).await.map_err(|failure| failure.code())
        }
        Err(_) => Err(ErrorCode::Internal),
    };
    if let Err(code) = told {
        tracing::warn!(code = code.as_str(), "cannot tell a player of a reused token");
    }
}

async fn logout(
    State(app): State<Arc<App>>,
    MaybeCaller(caller): MaybeCaller,
    Game(game): Game,
    body: Body,
) -> Outcome<Response> {
    let body = read_body(&app, body, JSON_LEN_MAX).await?;
    let body = body.bytes;
    let request: LogoutRequest = if body.is_empty() { LogoutRequest::default() } else { parse_json(&body)? };
    let (session, player) = match caller {
        Some(Caller { session, player, .. }) => (session, player.as_str().to_owned()),
        None => session_of(&app, &game, request.refresh_token.as_deref()).await?,
    };
    if request.everywhere {
        let ended = db::end_sessions(&app.sql, &game, &player, now_ms()).await?;
        app.auth.end_named(&ended);
    } else {
        end_session(&app, &game, &session).await?;
    }
    Ok(answer::<Logout>(&endpoint::None {}))
}

/// The session that a refresh token belongs to, when it is the newest of it.
pub(super) async fn session_of(
    app: &App,
    game: &GameId,
    token: Option<&str>,
) -> Outcome<(SessionId, String)> {
    let token = token.ok_or_else(Failure::unauthenticated)?;
    let token = RefreshToken::parse(app.auth.keys(), token).ok_or_else(Failure::unauthenticated)?;
    let state = db::session(&app.sql, game, &token.session, now_ms()).await?;
    match state {
        Some(state) if !state.over && state.refresh_hash == token.digest() => {
            Ok((token.session, state.player_id))
        }
        _ => Err(Failure::unauthenticated()),
    }
}

async fn end_session(app: &App, game: &GameId, session: &SessionId) -> Outcome<()> {
    let now = now_ms();
    db::end_session(&app.sql, game, session, now).await?;
    app.auth.end(std::iter::once(session.clone()), now);
    Ok(())
}

pub(super) fn new_session(
    device_name: Option<String>,
    address_hash: String,
    method: &'static str,
) -> (RefreshToken, NewSession) {
    let session = SessionId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let refresh = RefreshToken::first(session.clone());
    let now = now_ms();
    let session = NewSession {
        session,
        refresh_hash: refresh.digest(),
        device_name: device_name.unwrap_or_default(),
        address_hash,
        method,
        now_ms: now,
        expires_at_ms: now + REFRESH_TTL_S * 1000,
    };
    (refresh, session)
}

pub(super) fn logged_in(app: &App, game: &GameId, user: User, refresh: &RefreshToken) -> Outcome<LoggedIn> {
    let tokens = tokens(app, game, user.id.as_str(), refresh)?;
    Ok(LoggedIn { user, tokens })
}

fn tokens(app: &App, game: &GameId, player: &str, refresh: &RefreshToken) -> Outcome<Tokens> {
    let now_s = now_ms() / 1000;
    let claims = Claims {
        iss: app.config.auth.issuer.clone(),
        aud: game.as_str().to_owned(),
        sub: player.to_owned(),
        sid: refresh.session.as_str().to_owned(),
        iat: now_s,
        exp: now_s + ACCESS_TTL_S,
    };
    let access_token = tokens::sign_access(app.auth.keys(), &claims)
        .map_err(|error| Failure::internal(format!("cannot sign: {error}")))?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: ACCESS_TTL_S,
        refresh_token: refresh.encode(app.auth.keys()),
        refresh_expires_in: REFRESH_TTL_S,
        session_id: refresh.session.clone(),
    })
}

/// The public keys that verify access tokens (RFC 7517, RFC 8037).
async fn jwks(State(app): State<Arc<App>>) -> Response {
    let jwk = |pair: &Arc<super::keys::KeyPair>| {
        serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": pair.kid, "x": URL_SAFE_NO_PAD.encode(pair.public),
        })
    };
    let keys: Vec<_> = app.auth.keys().pairs().iter().map(jwk).collect();
    let headers =
        [(header::CACHE_CONTROL, "public, max-age=300"), (header::CONTENT_TYPE, "application/json")];
    (headers, serde_json::json!({ "keys": keys }).to_string()).into_response()
}
