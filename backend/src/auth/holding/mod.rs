//! What accounts know of a player, for exports and erasures, and how an account is closed.
//!
//! Secrets are not exported: of a password it is said that there is one, of tokens and device keys only the
//! digests that name nobody are kept at all.

mod db;

use super::db as accounts;
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::Caller;
use crate::ports::sql::{Sql, SqlError, Transaction};
use crate::privacy::{Archive, Holding, Subject};
use aethex_wire::ids::{GameId, PlayerId};
use serde_json::Value;

/// What accounts know of a player.
pub(crate) const HOLDING: Holding = Holding {
    feature: "auth",
    tables: &["auth_account", "auth_session", "auth_identity", "auth_code", "auth_preferences"],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: |app, who| Box::pin(blobs(app, who)),
    shred: None,
    erase: |tx, player| Box::pin(db::erase(tx, player)),
};

async fn export(app: &App, who: &Subject, archive: &mut Archive) -> Outcome<()> {
    let Some((account, avatar)) = db::account(&app.sql, who).await? else { return Ok(()) };
    archive.json("account.json", account).await?;
    archive.json("sessions.json", Value::Array(db::sessions(&app.sql, who).await?)).await?;
    archive.json("identities.json", Value::Array(db::identities(&app.sql, who).await?)).await?;
    archive.json("mailed_codes.json", Value::Array(db::codes(&app.sql, who).await?)).await?;
    if let Some(preferences) = db::preferences(&app.sql, who).await? {
        archive.json("preferences.json", preferences).await?;
    }
    if avatar.is_empty() {
        return Ok(());
    }
    match app.blob.get(&avatar).await {
        Ok(picture) => archive.bytes(&format!("avatar.{}", ending(&picture)), picture).await,
        // It was changed just now, and the old one is gone.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::blob(&error)),
    }
}

/// The ending of a picture's file, by its first bytes.
fn ending(picture: &[u8]) -> &'static str {
    match picture {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, ..] => "jpg",
        [b'R', b'I', b'F', b'F', ..] => "webp",
        _ => "bin",
    }
}

/// The folder of the player's avatars: the one in use, and any that was not removed when it was replaced.
async fn blobs(app: &App, who: &Subject) -> Outcome<Vec<String>> {
    let mut keys = vec![format!("avatar/{}/{}", who.game, who.player)];
    // One that came from another account, which was merged into this one.
    keys.extend(db::account(&app.sql, who).await?.map(|(_, avatar)| avatar).filter(|key| !key.is_empty()));
    Ok(keys)
}

/// How a player is reached by mail.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) email: String,
    pub(crate) username: String,
    pub(crate) locale: String,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").finish_non_exhaustive()
    }
}

/// How a player is reached, if the account has an address that is verified.
pub(crate) async fn reach(app: &App, who: &Subject) -> Outcome<Option<Reach>> {
    let user = accounts::account(&app.sql, &who.game, &who.player).await?;
    Ok(user.filter(|user| user.email_verified && !user.email.is_empty()).map(|user| Reach {
        email: user.email,
        username: user.username,
        locale: user.locale,
    }))
}

/// The name and language of an account, and its address, verified or not.
pub(crate) async fn about(app: &App, who: &Subject) -> Outcome<Reach> {
    let user = accounts::account(&app.sql, &who.game, &who.player).await?;
    let user = user.ok_or_else(Failure::unauthenticated)?;
    Ok(Reach { email: user.email, username: user.username, locale: user.locale })
}

/// Makes sure that the player is there, and not only somebody with the session: see
/// [`reauthenticate`](super::email::reauthenticate).
pub(crate) async fn confirm(app: &App, caller: &Caller, password: Option<String>) -> Outcome<()> {
    let account = accounts::account_with_hash(&app.sql, &caller.game, &caller.player).await?;
    let (user, hash) = account.ok_or_else(Failure::unauthenticated)?;
    super::email::reauthenticate(app, caller, &user, &hash, password).await
}

/// Whether the account is there.
pub(crate) async fn exists(app: &App, who: &Subject) -> Outcome<bool> {
    Ok(accounts::account(&app.sql, &who.game, &who.player).await?.is_some())
}

/// Refuses what is no address that mail can be sent to.
pub(crate) fn check_email(email: &str) -> Outcome<()> {
    super::rules::check_email(email)
}

/// Whether two addresses are one.
pub(crate) fn is_same_email(one: &str, other: &str) -> bool {
    super::rules::fold(one) == super::rules::fold(other)
}

/// Counts a mail to an address that somebody named, over all accounts of the game: nobody's mailbox is
/// flooded by making accounts.
pub(crate) fn allow_mail(app: &App, who: &Subject, email: &str, burst: u32, interval_s: u32) -> Outcome<()> {
    let rate = super::limits::Rate::new(burst, interval_s);
    let key = ("stranger's mail", &who.game, super::rules::fold(email));
    app.auth.limiter.take(key, rate, crate::context::now_ms()).map_err(Failure::rate_limited)
}

/// Ends every session of a player; returns their ids, for [`end_access`] after the commit.
pub(crate) async fn end_sessions(
    tx: &mut Transaction,
    player: &PlayerId,
    now_ms: i64,
) -> Result<Vec<String>, SqlError> {
    super::sessions::db::end_all(tx, player, now_ms).await
}

/// Ends access by the tokens of sessions that ended.
pub(crate) fn end_access(app: &App, sessions: &[String]) {
    app.auth.end_named(sessions);
}

/// Takes every way into an account away; returns how many rows went. The sessions are ended apart from it,
/// and stay until the account is erased, so that other servers learn of their end.
pub(crate) async fn close(tx: &mut Transaction, player: &PlayerId) -> Result<u64, SqlError> {
    db::close(tx, player).await
}

/// The default game, once the server has made it.
pub(crate) async fn default_game(sql: &Sql) -> Result<Option<GameId>, SqlError> {
    db::default_game(sql).await
}

/// Makes an account with a session and more, for tests of other features.
#[cfg(test)]
pub(crate) async fn furnish(app: &App, who: &Subject) {
    db::furnish(&app.sql, who).await;
}
