//! Accounts: who a player is, and how the rest of the backend knows.
//!
//! `routes` registers, logs in, refreshes, logs out. [`Auth::verify`] turns an access token into a
//! [`Caller`] without a query: signature and claims are checked once per token and remembered, and a small
//! set of sessions that ended within a token's lifetime ends access at once. The set is fed by this
//! process and, where several share a database, by it.

mod captcha;
pub(crate) mod config;
mod db;
mod disposable;
pub(crate) mod email;
pub(crate) mod holding;
pub(crate) mod identities;
pub(crate) mod keys;
mod limits;
mod names;
pub(crate) mod oauth;
mod pages;
mod passwords;
mod profile;
pub(crate) mod proof;
mod routes;
mod rules;
mod sessions;
pub(crate) mod tenants;
mod tokens;
mod usernames;

pub(crate) use keys::Keys;
pub(crate) use limits::{Attempt, Limiter, Rate, Rates};
pub(crate) use passwords::Passwords;
pub(crate) use routes::routes;
pub(crate) use rules::{check_email, check_line, check_password, fold};
pub(crate) use tokens::{address_digest, hex};
pub(crate) use usernames::usernames;

use crate::app::{App, StartError, until_stopped};
use crate::config::Config;
use crate::context::{new_id, now_ms, random};
use crate::error::{Failure, Outcome};
use crate::extract::Caller;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::ids::{GameId, SessionId};
use config::{ACCESS_TTL_S, CLIENT_KEY_CACHE_MAX, CLIENT_KEY_TTL_MS, VERIFIED_CACHE_MAX};
use disposable::Disposable;
use oauth::Oauth;
use parking_lot::RwLock;
use proof::Proofs;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokens::Access;
use tokio::sync::watch;

/// How often ended sessions are read from a shared database: how long a logout on another server may
/// take to count here.
const ENDED_POLL: Duration = Duration::from_secs(1);
/// How far a poll looks back behind the one before: servers' clocks differ a little.
const ENDED_OVERLAP_MS: i64 = 10_000;
/// Pictures that may wait to be drawn, each up to 4 MiB: at a tenth of a second each the last waits a second.
const AVATARS_WAITING_MAX: usize = 8;
/// How often the folder of keys is looked at.
const KEYS_POLL: Duration = Duration::from_secs(5);
/// How long a replaced signing key is kept: no access token of it lives as long.
const KEYS_KEPT_MS: i64 = 24 * 3600 * 1000;
/// How often sessions long over are forgotten.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);
/// How long an ended session stays in the database: a stolen token used late is still recognised, and the
/// address that it came from stays familiar.
const SWEEP_AFTER_MS: i64 = 30 * 24 * 3600 * 1000;
/// Rows swept in one statement: others write in between.
const SWEEP_BATCH: i64 = 1000;

/// State of the accounts feature.
#[derive(Debug)]
pub(crate) struct Auth {
    keys: Keys,
    issuer: String,
    default_game: GameId,
    default_client_key: String,
    passwords: Passwords,
    proofs: Proofs,
    oauth: Oauth,
    disposable: Disposable,
    limiter: Limiter,
    rates: Rates,
    avatars_waiting: tokio::sync::Semaphore,
    avatar_drawing: tokio::sync::Mutex<()>,
    verified: Cache<[u8; 32], Arc<Access>>,
    client_keys: Cache<String, (GameId, i64)>,
    usernames: usernames::Usernames,
    /// Sessions that ended while access tokens of theirs may live, with the end of that time.
    ended: RwLock<HashMap<SessionId, i64>>,
}

impl Auth {
    pub(crate) async fn open(config: &Config, sql: &Sql) -> Result<Auth, StartError> {
        let failed = |error| StartError(format!("cannot read the games: {error}"));
        let (game, client_key) =
            db::default_game(sql, new_id(), new_client_key(), now_ms()).await.map_err(failed)?;
        let default_game =
            GameId::parse(&game).ok_or_else(|| StartError("the default game's id is damaged".into()))?;
        let auth = Auth {
            keys: Keys::open(&config.data.join("keys"), config.auth.signing_key_settle_s)?,
            issuer: config.auth.issuer.clone(),
            default_game,
            default_client_key: client_key,
            passwords: Passwords::start(&config.auth)?,
            disposable: Disposable::open(&config.auth)?,
            proofs: Proofs::new(&config.auth.proof)?,
            oauth: Oauth::new(&config.auth.oauth)?,
            limiter: Limiter::default(),
            rates: Rates::new(&config.auth.limits),
            avatars_waiting: tokio::sync::Semaphore::new(AVATARS_WAITING_MAX),
            avatar_drawing: tokio::sync::Mutex::default(),
            verified: Cache::new(VERIFIED_CACHE_MAX),
            client_keys: Cache::new(CLIENT_KEY_CACHE_MAX),
            usernames: usernames::Usernames::default(),
            ended: RwLock::default(),
        };
        auth.read_ended(sql, now_ms() - ACCESS_TTL_S * 1000).await.map_err(failed)?;
        Ok(auth)
    }

    pub(crate) fn default_game(&self) -> &GameId {
        &self.default_game
    }

    pub(crate) fn default_client_key(&self) -> &str {
        &self.default_client_key
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// A publishable client key of a game, for links.
    pub(crate) async fn key_of_game(&self, sql: &Sql, game: &GameId) -> Option<String> {
        db::newest_key(sql, game).await.ok().flatten()
    }

    /// The name of a game, for people to read; `None` for the default game.
    pub(crate) async fn game_name(&self, sql: &Sql, game: &GameId) -> Result<Option<String>, SqlError> {
        db::game_name(sql, game).await
    }

    /// The game of a publishable client key. A key that was revoked by another process counts for up to
    /// [`CLIENT_KEY_TTL_MS`] more.
    pub(crate) async fn game_of_key(&self, sql: &Sql, key: &str) -> Outcome<Option<GameId>> {
        let now = now_ms();
        if let Some((game, _)) = self.client_keys.get(key).filter(|(_, until_ms)| now < *until_ms) {
            return Ok(Some(game));
        }
        if !is_client_key(key) {
            return Ok(None);
        }
        let game = db::game_of_key(sql, key).await?.and_then(|game| GameId::parse(&game));
        if let Some(game) = &game {
            self.client_keys.insert(key.to_owned(), (game.clone(), now + CLIENT_KEY_TTL_MS));
        }
        Ok(game)
    }

    /// Forgets a client key that was revoked.
    pub(crate) fn forget_client_key(&self, key: &str) {
        self.client_keys.remove(key);
    }

    /// The caller that an access token names, for requests to `game`.
    pub(crate) fn verify(&self, token: &str, game: GameId) -> Outcome<Caller> {
        let digest = *blake3::hash(token.as_bytes()).as_bytes();
        let access = match self.verified.get(&digest) {
            Some(access) => access,
            None => {
                let access = tokens::verify_access(&self.keys, &self.issuer, token);
                let access = Arc::new(access.ok_or_else(Failure::unauthenticated)?);
                self.verified.insert(digest, access.clone());
                access
            }
        };
        if access.expires_at_s <= now_ms() / 1000 || access.game != game {
            return Err(Failure::unauthenticated());
        }
        if self.ended.read().contains_key(&access.session) {
            return Err(Failure::session_ended());
        }
        Ok(Caller { game, player: access.player.clone(), session: access.session.clone() })
    }

    /// Whether a session was ended while its newest access token would still count.
    pub(crate) fn is_ended(&self, session: &SessionId) -> bool {
        self.ended.read().contains_key(session)
    }

    /// Ends access by the tokens of sessions named by the database.
    fn end_named(&self, sessions: &[String]) {
        self.end(sessions.iter().filter_map(|id| SessionId::parse(id)), now_ms());
    }

    /// Ends access by these sessions' tokens.
    fn end(&self, sessions: impl Iterator<Item = SessionId>, now_ms: i64) {
        let until = now_ms + ACCESS_TTL_S * 1000;
        let mut ended = self.ended.write();
        ended.extend(sessions.map(|session| (session, until)));
    }

    async fn read_ended(&self, sql: &Sql, since_ms: i64) -> Result<(), SqlError> {
        let rows = db::ended_since(sql, since_ms).await?;
        let mut ended = self.ended.write();
        for (session, ended_at_ms) in rows {
            if let Some(session) = SessionId::parse(&session) {
                ended.insert(session, ended_at_ms + ACCESS_TTL_S * 1000);
            }
        }
        let now = now_ms();
        ended.retain(|_, until| *until > now);
        Ok(())
    }
}

/// `pk_` and 32 letters and digits.
pub(crate) fn is_client_key(key: &str) -> bool {
    key.len() == 35 && key.starts_with("pk_") && key[3..].bytes().all(|b| b.is_ascii_alphanumeric())
}

pub(crate) fn new_client_key() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let tail = random::<32>().map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
    format!("pk_{}", String::from_iter(tail))
}

/// Background work: learns of sessions that ended elsewhere, forgets those long over.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut poll = tokio::time::interval(ENDED_POLL);
    let mut keys = tokio::time::interval(KEYS_POLL);
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    let mut since_ms = now_ms() - ENDED_OVERLAP_MS;
    if let Err(error) = fill_skeletons(&app.sql).await {
        tracing::warn!(%error, "cannot compare the usernames of older accounts with look-alikes");
    }
    if let Err(error) = profile::readdress(&app).await {
        tracing::warn!(%error, "cannot give avatars their new addresses");
    }
    loop {
        tokio::select! {
            _ = poll.tick() => {
                let now = now_ms();
                match app.auth.read_ended(&app.sql, since_ms).await {
                    Ok(()) => since_ms = now - ENDED_OVERLAP_MS,
                    Err(error) => tracing::warn!(%error, "cannot read ended sessions"),
                }
            }
            _ = keys.tick() => {
                match app.auth.keys.reload() {
                    // A key that was taken away is believed no longer, not even where it was before.
                    Ok(true) => app.auth.verified.clear(),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "cannot look for new keys"),
                }
            }
            _ = sweep.tick() => {
                if let Err(error) = sweep_all(&app.sql).await {
                    tracing::warn!(%error, "cannot sweep sessions and codes");
                }
                if let Err(error) = profile::sweep(&app).await {
                    tracing::warn!(%error, "cannot sweep avatars");
                }
            }
            () = until_stopped(&mut stopped) => return,
        }
    }
}

/// Adds a signing key to a data folder, and removes those that newer ones replaced long ago; returns the new
/// key's name and how many were removed.
pub fn rotate_keys(data: &std::path::Path) -> std::io::Result<(String, usize)> {
    let folder = data.join("keys");
    let added = keys::make_signing(&folder)?;
    let removed = keys::remove_replaced(&folder, now_ms() - KEYS_KEPT_MS)?;
    Ok((added, removed))
}

async fn sweep_all(sql: &Sql) -> Result<(), SqlError> {
    let (now, full) = (now_ms(), SWEEP_BATCH as u64);
    while db::sweep_sessions(sql, now - SWEEP_AFTER_MS, SWEEP_BATCH).await? == full {}
    while email::db::sweep_codes(sql, now, SWEEP_BATCH).await? == full {}
    while db::sweep_once(sql, now, SWEEP_BATCH).await? == full {}
    Ok(())
}

/// Fills in what usernames look like for accounts that an older version made; of two that look alike already,
/// one goes without.
async fn fill_skeletons(sql: &Sql) -> Result<(), SqlError> {
    let mut after = (String::new(), String::new());
    loop {
        let batch = db::without_skeleton(sql, after, SWEEP_BATCH).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = (last.game.clone(), last.player.clone());
        db::fill_skeletons(sql, batch).await?;
    }
}
