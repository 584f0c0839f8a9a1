//! Email addresses and passwords: verification, change, reset.
//!
//! A mail carries a code of 80 random bits; the database keeps its digest under the server's secret. A code
//! counts once and for a while, and a new one of the same kind ends the one before. Mails are jobs in the
//! transaction that makes the code. What strangers ask for (a reset) is looked into by a job as well, so
//! that the answer tells by neither text nor time whether an account is there.

pub(super) mod db;

use super::config::{
    CODE_AGAIN_MS, FRESH_LOGIN_MS, MAIL_INTERVAL_S, MAILS_PER_ACCOUNT, RESET_TTL_MS, VERIFY_TTL_MS,
};
use super::db::{self as accounts, NewAccount};
use super::limits::{Attempt, Rate};
use super::tokens::{address_digest, hex};
use super::{routes, rules};
use crate::app::App;
use crate::context::{now_ms, random};
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller, Game, Json};
use crate::http::{answer, mount};
use crate::jobs::{Job, JobError};
use crate::mail::{Mail, Template};
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::auth::email::{
    ChangeEmail, ChangeEmailRequest, ChangePassword, ChangePasswordRequest, ForgotPassword,
    ForgotPasswordRequest, MAIL_CODE_CHARS, ResetPassword, ResetPasswordRequest, SendVerification,
    VerifyEmail, VerifyEmailRequest,
};
use aethex_wire::auth::{User, Visibility};
use aethex_wire::endpoint;
use aethex_wire::ids::{GameId, PlayerId};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use db::{CodeKind, NewCode, Used};
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;

/// The kind of the jobs that look into a forgotten password.
pub(crate) const FORGOT: &str = "auth.forgot";
/// Crockford's base 32: no letter that looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters between hyphens of a code as it is shown.
const CODE_GROUP: usize = 4;

pub(super) fn mount_routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<SendVerification, _, _>(router, send_verification);
    let router = mount::<VerifyEmail, _, _>(router, verify_email);
    let router = mount::<ChangeEmail, _, _>(router, change_email);
    let router = mount::<ChangePassword, _, _>(router, change_password);
    let router = mount::<ForgotPassword, _, _>(router, forgot_password);
    mount::<ResetPassword, _, _>(router, reset_password)
}

/// A new code as it is shown: `7K2M-…`.
pub(crate) fn new_code() -> String {
    let bits = random::<10>().iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let letters = (0..MAIL_CODE_CHARS).map(|at| char::from(ALPHABET[(bits >> (5 * at) & 31) as usize]));
    let letters: Vec<char> = letters.collect();
    letters.chunks(CODE_GROUP).map(String::from_iter).collect::<Vec<_>>().join("-")
}

/// What the database keeps of a code as a person typed it; `None` for what is none.
pub(crate) fn code_digest(app: &App, typed: &str) -> Option<String> {
    let mut canonical = String::with_capacity(MAIL_CODE_CHARS);
    for c in typed.chars().filter(|c| !matches!(c, '-' | ' ')) {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        if canonical.len() == MAIL_CODE_CHARS || !c.is_ascii() || !ALPHABET.contains(&(c as u8)) {
            return None;
        }
        canonical.push(c);
    }
    if canonical.len() != MAIL_CODE_CHARS {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&app.auth.keys().secret).ok()?;
    mac.update(b"mail-code");
    mac.update(canonical.as_bytes());
    Some(hex(&mac.finalize().into_bytes()))
}

pub(crate) fn invalid_code() -> Failure {
    Failure::new(ErrorCode::InvalidCode, "The code is wrong, used or expired: ask for a new one.")
}

/// The page that a mailed link opens. The code is behind the `#`, so that it is in nobody's log.
pub(crate) async fn link(app: &App, game: &GameId, page: &str, code: &str) -> String {
    let key = match app.auth.default_game() == game {
        true => None,
        false => app.auth.key_of_game(&app.sql, game).await,
    };
    let key = key.map(|key| format!("&key={key}")).unwrap_or_default();
    format!("{}/account/{page}#code={code}{key}", app.public_url())
}

/// A code with the mail that carries it, to be kept and queued in one transaction.
#[derive(Debug, Clone)]
pub(super) struct Mailing {
    code: NewCode,
    mail: Mail,
}

impl Mailing {
    pub(super) async fn new(app: &App, game: &GameId, user: &User, kind: CodeKind, email: &str) -> Mailing {
        let (template, page, ttl_ms) = match kind {
            CodeKind::Verify => (Template::VerifyEmail, "verify", VERIFY_TTL_MS),
            CodeKind::Change => (Template::ChangeEmail, "verify", VERIFY_TTL_MS),
            CodeKind::Reset => (Template::ResetPassword, "reset", RESET_TTL_MS),
        };
        let (code, now) = (new_code(), now_ms());
        let hash = code_digest(app, &code).unwrap_or_default();
        let values = json!({ "username": user.username, "code": code, "link": link(app, game, page, &code).await,
            "minutes": ttl_ms / 60_000 });
        Mailing {
            code: NewCode {
                hash,
                kind,
                player: user.id.as_str().to_owned(),
                email: email.to_owned(),
                now_ms: now,
                expires_at_ms: now + ttl_ms,
            },
            mail: mail(game, user, email, template, values),
        }
    }

    /// For an account that is about to be made.
    pub(super) async fn to_new(app: &App, new: &NewAccount, player: PlayerId) -> Mailing {
        let user = User {
            id: player,
            username: new.username.clone(),
            email: new.email.clone(),
            email_verified: false,
            is_guest: false,
            display_name: String::new(),
            avatar_url: String::new(),
            visibility: Visibility::default(),
            locale: new.locale.clone(),
            version: 1,
            created_at_ms: new.now_ms,
        };
        Mailing::new(app, &new.game, &user, CodeKind::Verify, &new.email).await
    }

    pub(super) async fn put(self, transaction: &mut Transaction) -> Result<(), SqlError> {
        db::insert_code(transaction, self.code).await?;
        crate::mail::queue(transaction, &self.mail).await
    }
}

fn mail(game: &GameId, user: &User, to: &str, template: Template, values: serde_json::Value) -> Mail {
    Mail {
        game: Some(game.clone()),
        player: Some(user.id.clone()),
        to: to.to_owned(),
        locale: user.locale.clone(),
        template,
        values,
    }
}

/// A mail about the account to its address, verified or not.
pub(super) fn mail_to(game: &GameId, user: &User, template: Template) -> Mail {
    mail(game, user, &user.email, template, json!({ "username": user.username }))
}

/// A mail about a way into the account that was added or removed, as [`notice`].
pub(super) fn notice_of_way(game: &GameId, user: &User, provider: &str, change: &str) -> Option<Mail> {
    let mut told = notice(game, user, Template::NewLoginMethod)?;
    told.values = json!({ "username": user.username, "provider": provider, "change": change });
    Some(told)
}

/// Sends the verification again, as far as the limits allow.
pub(super) async fn send_again(app: &App, game: &GameId, user: &User) -> Outcome<()> {
    match send_code(app, game, user, CodeKind::Verify, &user.email).await {
        Err(failure) if failure.code() != ErrorCode::RateLimited => Err(failure),
        _ => Ok(()),
    }
}

/// A mail about the account to its address, if it has one that is the player's.
pub(super) fn notice(game: &GameId, user: &User, template: Template) -> Option<Mail> {
    let known = user.email_verified && !user.email.is_empty();
    known.then(|| mail_to(game, user, template))
}

pub(super) async fn put_notice(transaction: &mut Transaction, mail: Option<&Mail>) -> Result<(), SqlError> {
    match mail {
        Some(mail) => crate::mail::queue(transaction, mail).await,
        None => Ok(()),
    }
}

async fn own_account(app: &App, caller: &Caller) -> Outcome<(User, String)> {
    accounts::account_with_hash(&app.sql, &caller.game, &caller.player)
        .await?
        .ok_or_else(Failure::unauthenticated)
}

/// Sends a code unless one was sent a moment ago: a mailbox is not flooded by pressing a button.
async fn send_code(app: &App, game: &GameId, user: &User, kind: CodeKind, email: &str) -> Outcome<()> {
    allow_by(app, game, user)?;
    let newest = db::newest_code_ms(&app.sql, game, &user.id, kind).await?;
    if newest.is_some_and(|at| (0..CODE_AGAIN_MS).contains(&(now_ms() - at))) {
        return Ok(());
    }
    put_code(app, game, user, kind, email).await
}

/// Takes one from the mails that an account's player may cause.
fn allow_by(app: &App, game: &GameId, user: &User) -> Outcome<()> {
    let rate = Rate::new(MAILS_PER_ACCOUNT, MAIL_INTERVAL_S);
    app.auth.limiter.take(("mail", game, user.id.as_str()), rate, now_ms()).map_err(Failure::rate_limited)
}

async fn put_code(app: &App, game: &GameId, user: &User, kind: CodeKind, email: &str) -> Outcome<()> {
    let mailing = Mailing::new(app, game, user, kind, email).await;
    app.sql
        .game(game)
        .transaction(move |transaction| async move { mailing.put(transaction).await }.boxed())
        .await?;
    app.jobs.wake();
    Ok(())
}

async fn send_verification(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let (user, _) = own_account(&app, &caller).await?;
    if user.email.is_empty() {
        return Err(Failure::invalid("The account has no email: link one first."));
    }
    if !user.email_verified {
        send_code(&app, &caller.game, &user, CodeKind::Verify, &user.email).await?;
    }
    Ok(answer::<SendVerification>(&endpoint::None {}))
}

async fn verify_email(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<VerifyEmailRequest>,
) -> Outcome<Response> {
    let attempt = try_code(&app, &game, address).await?;
    let hash = code_digest(&app, &request.code).ok_or_else(invalid_code)?;
    let mailed = game.clone();
    let verified = app
        .sql
        .game(&game)
        .transaction(move |transaction| async move { confirm(transaction, &mailed, &hash).await }.boxed())
        .await;
    match verified {
        Ok(()) => {
            attempt.forgive();
            app.jobs.wake();
            Ok(answer::<VerifyEmail>(&endpoint::None {}))
        }
        Err(Confirm::Failed(failure)) => Err(failure),
        Err(Confirm::Sql(error)) if error.is_unique_on("email_folded") => Err(invalid_code()),
        Err(Confirm::Sql(error)) => Err(error.into()),
    }
}

/// Why a confirmation did not hold.
enum Confirm {
    Failed(Failure),
    Sql(SqlError),
}

impl From<SqlError> for Confirm {
    fn from(error: SqlError) -> Confirm {
        Confirm::Sql(error)
    }
}

async fn confirm(transaction: &mut Transaction, game: &GameId, hash: &str) -> Result<(), Confirm> {
    let now = now_ms();
    let used = db::take_code(transaction, hash, now).await?;
    let Some(Used { player, kind, email }) = used else { return Err(Confirm::Failed(invalid_code())) };
    let folded = rules::fold(&email);
    let done = match kind {
        CodeKind::Verify => db::set_verified(transaction, &player, &folded, now).await?,
        CodeKind::Change => {
            let before = accounts::account_in(transaction, &player).await?;
            let done = db::set_email(transaction, &player, &email, &folded, now).await?;
            if let Some(before) = before {
                let told = notice(game, &before, Template::EmailChanged);
                put_notice(transaction, told.as_ref()).await?;
            }
            done
        }
        // A reset sets a password; its code is no proof for anything less either.
        CodeKind::Reset => false,
    };
    if done { Ok(()) } else { Err(Confirm::Failed(invalid_code())) }
}

async fn change_email(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<ChangeEmailRequest>,
) -> Outcome<Response> {
    rules::check_email(&request.email)?;
    app.auth.disposable.check(&request.email)?;
    let (user, hash) = own_account(&app, &caller).await?;
    reauthenticate(&app, &caller, &user, &hash, request.password).await?;
    let folded = rules::fold(&request.email);
    // Before anything is looked up, so that the limits tell nothing of who is there.
    allow_by(&app, &caller.game, &user)?;
    if allow_to(&app, &caller.game, &request.email).is_err() {
        return Ok(answer::<ChangeEmail>(&endpoint::None {}));
    }
    let taken = accounts::account_by_email(&app.sql, &caller.game, &folded).await?;
    match taken {
        // The answer is the same; who reads that mailbox learns of it there.
        Some((owner, _)) if owner.id != user.id => {
            let told = notice(&caller.game, &owner, Template::AccountExists);
            queue(&app, &caller.game, told).await?;
        }
        _ => put_code(&app, &caller.game, &user, CodeKind::Change, &request.email).await?,
    }
    Ok(answer::<ChangeEmail>(&endpoint::None {}))
}

/// Queues a mail on its own.
pub(super) async fn queue(app: &App, game: &GameId, mail: Option<Mail>) -> Outcome<()> {
    let Some(mail) = mail else { return Ok(()) };
    app.sql
        .game(game)
        .transaction(move |transaction| async move { crate::mail::queue(transaction, &mail).await }.boxed())
        .await?;
    app.jobs.wake();
    Ok(())
}

/// Makes sure that the player, and not only the session, is there: by the password, or, without one, by a
/// login a moment ago.
pub(crate) async fn reauthenticate(
    app: &App,
    caller: &Caller,
    user: &User,
    hash: &str,
    password: Option<String>,
) -> Outcome<()> {
    if hash.is_empty() {
        let began = super::sessions::db::began_at_ms(&app.sql, &caller.game, &caller.session).await?;
        let fresh = began.is_some_and(|at| now_ms() - at < FRESH_LOGIN_MS);
        return match fresh {
            true => Ok(()),
            false => Err(Failure::new(
                ErrorCode::LoginRequired,
                "Log in again: this needs a login within the last ten minutes.",
            )),
        };
    }
    let Some(password) = password else {
        return Err(Failure::new(ErrorCode::LoginRequired, "Give the account's password."));
    };
    // Guesses by a stolen session count as guesses at the account.
    let attempt = app
        .auth
        .limiter
        .begin(("account", &caller.game, rules::fold(&user.email).as_str()), app.auth.rates.account)
        .await
        .map_err(Failure::rate_limited)?;
    let right = app.auth.passwords.verify(password, Some(hash)).await;
    if matches!(right, Ok(true) | Err(_)) {
        attempt.forgive();
    }
    match right? {
        true => Ok(()),
        false => Err(Failure::new(ErrorCode::InvalidCredentials, "The password is wrong.")),
    }
}

/// Makes sure that a session which may change the ways into an account is not one that somebody found: it
/// began a moment ago. A guest has nothing else to show, and may.
pub(crate) async fn require_fresh(app: &App, caller: &Caller, user: &User) -> Outcome<()> {
    if user.is_guest {
        return Ok(());
    }
    reauthenticate(app, caller, user, "", None).await
}

/// Takes one from the mails that an address may be sent by whoever names it; refused with the seconds to wait.
pub(super) fn allow_to(app: &App, game: &GameId, email: &str) -> Result<(), u64> {
    let rate = Rate::new(MAILS_PER_ACCOUNT, MAIL_INTERVAL_S);
    app.auth.limiter.take(("mail-to", game, rules::fold(email).as_str()), rate, now_ms())
}

async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Address(address): Address,
    Json(request): Json<ChangePasswordRequest>,
) -> Outcome<Response> {
    let (user, hash) = own_account(&app, &caller).await?;
    if user.email.is_empty() {
        return Err(Failure::invalid("The account has no email to log in with: link one first."));
    }
    rules::check_password(&request.new_password, &user.email, app.config.auth.refuse_common_passwords)?;
    reauthenticate(&app, &caller, &user, &hash, request.password).await?;
    let new_hash = app.auth.passwords.hash(request.new_password).await?;
    let device = super::sessions::db::device_name(&app.sql, &caller.game, &caller.session).await?;
    let digest = address_digest(app.auth.keys(), address);
    let (refresh, session) = routes::new_session(device, digest, "password");
    let told = notice(&caller.game, &user, Template::PasswordChanged);
    let player = caller.player.clone();
    let ended = app
        .sql
        .game(&caller.game)
        .transaction(move |transaction| {
            async move {
                let now = now_ms();
                db::set_password(transaction, &player, &new_hash, now).await?;
                let ended = super::sessions::db::end_all(transaction, &player, now).await?;
                accounts::begin_session(transaction, player.as_str(), session).await?;
                put_notice(transaction, told.as_ref()).await?;
                Ok::<_, SqlError>(ended)
            }
            .boxed()
        })
        .await?;
    app.auth.end_named(&ended);
    app.jobs.wake();
    let user = accounts::account(&app.sql, &caller.game, &caller.player).await?;
    let user = user.ok_or_else(Failure::unauthenticated)?;
    Ok(answer::<ChangePassword>(&routes::logged_in(&app, &caller.game, user, &refresh)?))
}

/// Counts a try at a code, so that codes are not guessed.
pub(crate) async fn try_code(app: &App, game: &GameId, address: std::net::IpAddr) -> Outcome<Attempt> {
    let digest = address_digest(app.auth.keys(), address);
    let begun = app.auth.limiter.begin(("code", game, digest.as_str()), app.auth.rates.address).await;
    begun.map_err(Failure::rate_limited)
}

async fn forgot_password(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<ForgotPasswordRequest>,
) -> Outcome<Response> {
    rules::check_email(&request.email)?;
    let digest = address_digest(app.auth.keys(), address);
    app.auth
        .limiter
        .take(("forgot", &game, digest.as_str()), app.auth.rates.forgot, now_ms())
        .map_err(Failure::rate_limited)?;
    // Whether there is an account is looked up by the job.
    let payload = json!({ "email": rules::fold(&request.email) });
    crate::jobs::enqueue_alone(&app, &game, FORGOT, payload).await?;
    Ok(answer::<ForgotPassword>(&endpoint::None {}))
}

/// The job behind [`forgot_password`].
pub(crate) async fn run_forgot(app: &App, job: &Job) -> Result<(), JobError> {
    let game = job.game()?;
    let email = job.payload["email"].as_str().unwrap_or_default();
    let Some((user, _)) = accounts::account_by_email(&app.sql, game, email).await? else { return Ok(()) };
    match send_code(app, game, &user, CodeKind::Reset, &user.email).await {
        Err(failure) if failure.code() != ErrorCode::RateLimited => {
            Err(JobError::Again(format!("the code was not queued: {}", failure.code())))
        }
        _ => Ok(()),
    }
}

async fn reset_password(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<ResetPasswordRequest>,
) -> Outcome<Response> {
    let attempt = try_code(&app, &game, address).await?;
    let digest = code_digest(&app, &request.code).ok_or_else(invalid_code)?;
    rules::check_password(&request.new_password, "", app.config.auth.refuse_common_passwords)?;
    let new_hash = app.auth.passwords.hash(request.new_password).await?;
    let mailed = game.clone();
    let ended = app
        .sql
        .game(&game)
        .transaction(move |transaction| {
            async move { reset(transaction, &mailed, &digest, &new_hash).await }.boxed()
        })
        .await?;
    attempt.forgive();
    app.auth.end_named(&ended);
    app.jobs.wake();
    Ok(answer::<ResetPassword>(&endpoint::None {}))
}

async fn reset(
    transaction: &mut Transaction,
    game: &GameId,
    digest: &str,
    new_hash: &str,
) -> Outcome<Vec<String>> {
    let now = now_ms();
    let used = db::take_code(transaction, digest, now).await?;
    let Some(Used { player, kind: CodeKind::Reset, email }) = used else { return Err(invalid_code()) };
    let account: Option<User> = accounts::account_in(transaction, &player).await?;
    let account = account.filter(|account| rules::fold(&account.email) == rules::fold(&email));
    let Some(account) = account else { return Err(invalid_code()) };
    // Who reads the mailbox owns the account. Ways in from before that was shown may be another's: they go.
    db::drop_identities_of_unverified(transaction, &player).await?;
    db::set_password(transaction, &player, new_hash, now).await?;
    db::set_verified(transaction, &player, &rules::fold(&email), now).await?;
    let ended = super::sessions::db::end_all(transaction, &player, now).await?;
    let told = User { email_verified: true, ..account };
    put_notice(transaction, notice(game, &told, Template::PasswordChanged).as_ref()).await?;
    Ok(ended)
}
