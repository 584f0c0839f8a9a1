//! Ways into an account: guests, email and password, providers; links between them, and merging.
//!
//! An account is entered by its password, by a device's key, or by a provider's subject. A link adds a way,
//! an unlink takes one away, never the last. [`enter`] and [`link`] are what providers use.

mod db;
mod merge;

use super::db::{self as accounts, NewAccount, Way};
use super::email::db::CodeKind;
use super::email::{self, Mailing, notice_of_way, put_notice};
use super::limits::Rate;
use super::tokens::{address_digest, hex};
use super::{names, proof, routes, rules};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller, Game, Json, Path};
use crate::http::{answer, mount};
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::auth::identities::{
    DEVICE_KEY_LEN, GuestRequest, Identities, Identity, LinkEmail, LinkEmailRequest, ListIdentities,
    LoginGuest, MergeAccount, Unlink,
};
use aethex_wire::auth::{LoggedIn, User};
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::privacy::Purpose;
use aethex_wire::proof::Proof;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::{EmailLogin, NewIdentity};
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::IpAddr;
use std::sync::Arc;

/// Ways in that are shown: devices add up when accounts are merged.
const IDENTITIES_MAX: i64 = 100;
/// Usernames tried for a player who named none.
const USERNAME_TRIES: usize = 5;
/// Logins that one account may make at once by a device or a provider.
const LOGINS_AT_ONCE: u32 = 60;
/// Seconds until one more is allowed.
const LOGIN_INTERVAL_S: u32 = 10;
/// The way in of guests.
const DEVICE: &str = "device";
/// The way in by email.
const PASSWORD: &str = "password";

pub(super) fn mount_routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<LoginGuest, _, _>(router, login_guest);
    let router = mount::<ListIdentities, _, _>(router, list_identities);
    let router = mount::<LinkEmail, _, _>(router, link_email);
    let router = mount::<Unlink, _, _>(router, unlink);
    mount::<MergeAccount, _, _>(router, merge::merge_account)
}

/// Somebody whom a provider, or a device's key, vouches for.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `device`, or the provider's name.
    pub(crate) provider: &'static str,
    /// Who it is there.
    pub(crate) subject: String,
    /// What the player knows it by.
    pub(crate) label: String,
    /// An address that the provider has verified.
    pub(crate) verified_email: Option<String>,
    /// A name to show.
    pub(crate) display_name: Option<String>,
    pub(crate) device_name: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) address: IpAddr,
    /// The proof for a new account; providers are hurdle enough, guests need one.
    pub(crate) proof: Option<Proof>,
}

/// Logs in the owner of a way in, or makes the account.
pub(crate) async fn enter(app: &App, game: &GameId, mut entry: Entry) -> Outcome<LoggedIn> {
    entry.verified_email = entry.verified_email.filter(|email| is_one_spelling(email));
    rules::check_device_name(entry.device_name.as_deref())?;
    names::check_locale(entry.locale.as_deref())?;
    if let Some(player) = db::owner(&app.sql, game, entry.provider, &entry.subject).await? {
        return log_in(app, game, &player, &entry).await;
    }
    match make_account(app, game, &entry).await {
        // Another request of the same device was faster.
        Err(failure) if failure.code() == ErrorCode::IdentityTaken => {
            let owner = db::owner(&app.sql, game, entry.provider, &entry.subject).await?;
            log_in(app, game, &owner.ok_or(failure)?, &entry).await
        }
        made => made,
    }
}

async fn log_in(app: &App, game: &GameId, player: &PlayerId, entry: &Entry) -> Outcome<LoggedIn> {
    let user = accounts::account(&app.sql, game, player).await?.ok_or_else(Failure::unauthenticated)?;
    let digest = address_digest(app.auth.keys(), entry.address);
    let (refresh, session) = routes::new_session(entry.device_name.clone(), digest, entry.provider);
    // One way in is not opened faster than anybody plays: sessions that end stay for a while.
    let rate = Rate::new(LOGINS_AT_ONCE, LOGIN_INTERVAL_S);
    app.auth.limiter.take(("enter", game, player), rate, now_ms()).map_err(Failure::rate_limited)?;
    let way = Way::Identity(entry.provider, entry.subject.clone());
    let begun = accounts::insert_session(&app.sql, game, player, way, session).await?;
    let ended = begun.ok_or_else(Failure::unauthenticated)?;
    app.auth.end_named(&ended);
    routes::logged_in(app, game, user, &refresh)
}

async fn make_account(app: &App, game: &GameId, entry: &Entry) -> Outcome<LoggedIn> {
    let digest = address_digest(app.auth.keys(), entry.address);
    let paid = match entry.provider {
        DEVICE => proof::check(app, game, &digest, entry.proof.as_ref()).await?,
        _ => proof::Spent::default(),
    };
    let (email, email_folded) = match &entry.verified_email {
        Some(email) => (email.clone(), rules::fold(email)),
        None => (String::new(), String::new()),
    };
    let (refresh, session) = routes::new_session(entry.device_name.clone(), digest.clone(), entry.provider);
    let base = entry.display_name.as_deref().filter(|_| entry.provider != DEVICE);
    let name = |number: Option<u32>| names::username_from(base.unwrap_or("player"), number);
    let mut account = NewAccount {
        game: game.clone(),
        player: new_id(),
        username: if entry.provider == DEVICE { name(Some(routes::any_number())) } else { name(None) },
        email_verified: !email.is_empty(),
        email,
        email_folded,
        password_hash: String::new(),
        is_guest: entry.provider == DEVICE,
        display_name: entry.display_name.clone().and_then(|name| names::shown_name(&name)),
        locale: entry.locale.clone().unwrap_or_default(),
        now_ms: now_ms(),
        session: Some(session),
        proof: paid,
    };
    for _ in 0..USERNAME_TRIES {
        let identity = NewIdentity {
            provider: entry.provider.to_owned(),
            subject: entry.subject.clone(),
            label: entry.label.clone(),
            now_ms: now_ms(),
        };
        let new = account.clone();
        let made = app
            .sql
            .game(game)
            .transaction(move |transaction| {
                async move {
                    let player = new.player.clone();
                    let user = accounts::insert_account(transaction, new).await?;
                    db::insert(transaction, &player, identity).await?;
                    Ok::<_, SqlError>(user)
                }
                .boxed()
            })
            .await;
        match made {
            Ok(user) => return routes::logged_in(app, game, user, &refresh),
            Err(error) if accounts::is_username_taken(&error) => {
                account.username = name(Some(routes::any_number()))
            }
            Err(error) if error.is_unique_on(accounts::SPENT) => {
                return Err(proof::refused(app, game, &digest));
            }
            Err(error) => return Err(refused(error)),
        }
    }
    Err(Failure::new(ErrorCode::UsernameTaken, "No username is free: try again."))
}

fn refused(error: SqlError) -> Failure {
    if error.is_unique_on("auth_identity") || error.is_unique_on("subject") {
        return taken();
    }
    if error.is_unique_on("email_folded") {
        return Failure::new(
            ErrorCode::AccountExists,
            "An account with this email exists: log in to it (reset its password if need be), then link there.",
        );
    }
    routes::refused_account(error)
}

fn taken() -> Failure {
    Failure::new(
        ErrorCode::IdentityTaken,
        "This way in belongs to another account: log in to that one, then merge this one into it.",
    )
}

/// Whether nothing else folds to this address: a letter that looks like another's capital is another mailbox.
fn is_one_spelling(email: &str) -> bool {
    email.is_ascii()
}

/// Adds a way into the caller's account.
pub(crate) async fn link(
    app: &App,
    caller: &Caller,
    provider: &'static str,
    subject: String,
    label: String,
    verified_email: Option<String>,
) -> Outcome<User> {
    let game = &caller.game;
    // A child's things go to third parties with a parent's word only.
    crate::privacy::may_as_child(app, caller, Purpose::ThirdParty).await?;
    match db::owner(&app.sql, game, provider, &subject).await? {
        Some(owner) if owner != caller.player => return Err(taken()),
        Some(_) => return own(app, caller).await,
        None => {}
    }
    let before = own(app, caller).await?;
    email::require_fresh(app, caller, &before).await?;
    let verified_email = verified_email.filter(|email| is_one_spelling(email));
    let told = notice_of_way(game, &before, provider, "linked");
    let player = caller.player.clone();
    let identity = NewIdentity { provider: provider.to_owned(), subject, label, now_ms: now_ms() };
    app.sql
        .game(game)
        .transaction(move |transaction| {
            async move {
                if !db::hold(transaction, &player).await? {
                    return Err(Failure::unauthenticated());
                }
                if db::has(transaction, &player, provider).await? {
                    return Err(Failure::new(
                        ErrorCode::AlreadyLinked,
                        "The account has a login with this provider: unlink that first.",
                    ));
                }
                db::insert(transaction, player.as_str(), identity).await.map_err(refused)?;
                if let Some(email) = verified_email {
                    let folded = rules::fold(&email);
                    db::take_verified_email(transaction, &player, &email, &folded, now_ms()).await?;
                }
                db::judge_guest(transaction, &player).await?;
                put_notice(transaction, told.as_ref()).await?;
                Ok(())
            }
            .boxed()
        })
        .await?;
    app.jobs.wake();
    own(app, caller).await
}

async fn own(app: &App, caller: &Caller) -> Outcome<User> {
    accounts::account(&app.sql, &caller.game, &caller.player).await?.ok_or_else(Failure::unauthenticated)
}

/// What the database keeps of a device's key.
fn device_subject(app: &App, key: &str) -> Outcome<String> {
    let wrong = || Failure::invalid("`device_key` is 32 random bytes in base64url, 43 characters.");
    if key.len() != DEVICE_KEY_LEN {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(key).map_err(|_| wrong())?;
    // Keys that nobody made by chance would be guessed.
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(wrong());
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&app.auth.keys().secret)
        .map_err(|error| Failure::internal(error.to_string()))?;
    mac.update(b"device-key");
    mac.update(&bytes);
    Ok(hex(&mac.finalize().into_bytes()))
}

async fn login_guest(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<GuestRequest>,
) -> Outcome<Response> {
    let label = request.device_name.clone().unwrap_or_default();
    rules::check_device_name(request.device_name.as_deref())?;
    let entry = Entry {
        provider: DEVICE,
        subject: device_subject(&app, &request.device_key)?,
        label,
        verified_email: None,
        display_name: None,
        device_name: request.device_name,
        locale: request.locale,
        address,
        proof: request.proof,
    };
    Ok(answer::<LoginGuest>(&enter(&app, &game, entry).await?))
}

async fn list_identities(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let account = accounts::account_with_hash(&app.sql, &caller.game, &caller.player).await?;
    let (user, hash) = account.ok_or_else(Failure::unauthenticated)?;
    let mut items = db::list(&app.sql, &caller.game, &caller.player, IDENTITIES_MAX).await?;
    if !hash.is_empty() {
        let password =
            Identity { provider: PASSWORD.into(), label: user.email, linked_at_ms: user.created_at_ms };
        items.insert(0, password);
    }
    Ok(answer::<ListIdentities>(&Identities { items }))
}

async fn link_email(
    State(app): State<Arc<App>>,
    caller: Caller,
    Address(address): Address,
    Json(request): Json<LinkEmailRequest>,
) -> Outcome<Response> {
    rules::check_email(&request.email)?;
    rules::check_password(&request.password, &request.email, app.config.auth.refuse_common_passwords)?;
    app.auth.disposable.check(&request.email)?;
    let username = request.username.as_deref().map(names::clean_username).transpose()?;
    let digest = address_digest(app.auth.keys(), address);
    app.auth
        .limiter
        .take(("register", &caller.game, &digest), app.auth.rates.registration, now_ms())
        .map_err(Failure::rate_limited)?;
    let before = own(&app, &caller).await?;
    email::require_fresh(&app, &caller, &before).await?;
    email::allow_to(&app, &caller.game, &request.email).map_err(Failure::rate_limited)?;
    let password_hash = app.auth.passwords.hash(request.password).await?;
    let email = request.email;
    let login = EmailLogin {
        email_folded: rules::fold(&email),
        email: email.clone(),
        password_hash,
        now_ms: now_ms(),
    };
    let verified = before.email_verified && rules::fold(&before.email) == login.email_folded;
    let verification = match verified {
        true => None,
        false => Some(Mailing::new(&app, &caller.game, &before, CodeKind::Verify, &email).await),
    };
    // Who owned the address until now is told of it.
    let told = notice_of_way(&caller.game, &before, PASSWORD, "linked");
    let player = caller.player.clone();
    app.sql
        .game(&caller.game)
        .transaction(move |transaction| {
            async move {
                if !db::hold(transaction, &player).await? {
                    return Err(Failure::unauthenticated());
                }
                let set = db::set_email_login(transaction, &player, login).await;
                if !set.map_err(taken_email)? {
                    let words = "The account has a password: change it instead.";
                    return Err(Failure::new(ErrorCode::AlreadyLinked, words));
                }
                if let Some(username) = username {
                    let set = accounts::set_username(transaction, &player, &username).await;
                    set.map_err(routes::refused_account)?;
                }
                db::judge_guest(transaction, &player).await?;
                put_notice(transaction, told.as_ref()).await?;
                if let Some(mailing) = verification {
                    mailing.put(transaction).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await?;
    app.jobs.wake();
    Ok(answer::<LinkEmail>(&own(&app, &caller).await?))
}

fn taken_email(error: SqlError) -> Failure {
    if error.is_unique_on("email_folded") {
        let words = "An account with this email exists: log in to it, then merge this one into it.";
        return Failure::new(ErrorCode::IdentityTaken, words);
    }
    error.into()
}

async fn unlink(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(provider): Path<String>,
) -> Outcome<Response> {
    let before = own(&app, &caller).await?;
    email::require_fresh(&app, &caller, &before).await?;
    let told = notice_of_way(&caller.game, &before, &provider, "unlinked");
    let player = caller.player.clone();
    app.sql
        .game(&caller.game)
        .transaction(move |transaction| {
            async move { remove_way(transaction, &player, &provider, told.as_ref()).await }.boxed()
        })
        .await?;
    app.jobs.wake();
    Ok(answer::<Unlink>(&own(&app, &caller).await?))
}

async fn remove_way(
    transaction: &mut Transaction,
    player: &PlayerId,
    provider: &str,
    told: Option<&crate::mail::Mail>,
) -> Outcome<()> {
    // Two unlinks at once take turns, so that they do not each leave the other's.
    if !db::hold(transaction, player).await? {
        return Err(Failure::unauthenticated());
    }
    let removed = match provider {
        PASSWORD => db::remove_password(transaction, player).await?,
        provider => db::remove(transaction, player, provider).await?,
    };
    if removed == 0 {
        return Err(Failure::not_found());
    }
    if db::count_ways(transaction, player).await? == 0 {
        return Err(Failure::new(
            ErrorCode::LastIdentity,
            "This is the last way into the account: link another one first.",
        ));
    }
    db::judge_guest(transaction, player).await?;
    put_notice(transaction, told).await?;
    Ok(())
}
