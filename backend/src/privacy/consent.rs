//! Policies and acceptances, consents, ages and parents.

use super::config::{
    DAY_MS, PARENT_CODE_TTL_MS, PARENT_MAIL_PER_ADDRESS_S, PARENT_MAILS_PER_ADDRESS, PARENT_MAILS_PER_DAY,
};
use super::db::{self, Published, Record};
use super::registry::Subject;
use super::rules::{self, By, Standing};
use super::{erase, mails};
use crate::app::App;
use crate::auth::email::{code_digest, invalid_code, link, new_code};
use crate::auth::holding as account;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::Caller;
use crate::ports::sql::{Sql, Transaction};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, SessionId};
use aethex_wire::privacy::{AgeBand, AgeRequest, Consent, ParentState, Policy, PrivacyState, Purpose};
use futures_util::FutureExt;

/// Publishes a version of a policy, in a transaction over all games; players are asked to accept it from now
/// on. `published_at_ms` is set here.
pub(crate) async fn publish_policy(tx: &mut Transaction, game: &GameId, policy: Policy) -> Outcome<Policy> {
    rules::check_policy(&policy)?;
    match db::publish(tx, game, Policy { published_at_ms: now_ms(), ..policy }).await? {
        Published::Now(policy) => Ok(policy),
        Published::Before => Err(Failure::new(
            ErrorCode::NameTaken,
            "This version of the policy was published before: players accepted it as it was. Name a new one.",
        )),
        Published::TooMany => {
            Err(Failure::invalid("The game has as many policies or versions as it may have."))
        }
    }
}

/// The newest version of each policy, by name.
pub(crate) async fn newest_policies(sql: &Sql, game: &GameId) -> Outcome<Vec<Policy>> {
    Ok(db::policies(sql, game).await?)
}

/// Records that a player accepts a policy's newest version.
pub(super) async fn accept(
    app: &App,
    who: &Subject,
    session: &SessionId,
    policy: &str,
    version: &str,
) -> Outcome<()> {
    let newest = db::policies(&app.sql, &who.game).await?;
    if !newest.iter().any(|newest| newest.policy == policy && newest.version == version) {
        return Err(Failure::new(
            ErrorCode::UnknownPolicy,
            "No policy of this name and version is the newest: show the player the newest one.",
        ));
    }
    db::accept(&app.sql, who, policy, version, session, now_ms()).await?;
    Ok(())
}

/// Whether a child may do what an adult consents to by doing it.
pub(crate) async fn may_as_child(app: &App, caller: &Caller, purpose: Purpose) -> Outcome<()> {
    let who = Subject { game: caller.game.clone(), player: caller.player.clone() };
    let (standing, _) = standing(app, &who).await?;
    match standing.is_child {
        true => rules::allowed(&standing, purpose).map_err(|code| not_allowed(code, purpose)),
        false => Ok(()),
    }
}

fn not_allowed(code: ErrorCode, purpose: Purpose) -> Failure {
    let purpose = purpose.as_str();
    match code {
        ErrorCode::ParentRequired => Failure::new(
            code,
            format!("The player is a child, and no parent has consented to `{purpose}`: ask a parent first."),
        ),
        code => Failure::new(code, format!("The player has not consented to `{purpose}`: ask first.")),
    }
}

async fn standing(app: &App, who: &Subject) -> Outcome<(Standing, AgeBand)> {
    let age = db::age(&app.sql, who).await?;
    let records = db::newest_records(&app.sql, who).await?;
    let by_parent = records.iter().filter(|record| record.by == By::Parent && record.granted);
    let by_parent = by_parent.map(|record| record.purpose).collect();
    let newest = |purpose: &Purpose| {
        let of_purpose = records.iter().filter(|record| record.purpose == *purpose);
        of_purpose.max_by(|a, b| a.id.cmp(&b.id))
    };
    let consents = Purpose::ALL.iter().filter_map(newest).map(|record| Consent {
        purpose: record.purpose,
        granted: record.granted,
        by: record.by.as_str().to_owned(),
        at_ms: record.at_ms,
    });
    let standing = Standing {
        is_child: rules::is_child(age.band, app.config.privacy.unknown_is_child),
        parent: age.parent,
        consents: consents.collect(),
        by_parent,
    };
    Ok((standing, age.band))
}

/// Where a player's privacy stands.
pub(super) async fn state(app: &App, who: &Subject) -> Outcome<PrivacyState> {
    let (standing, age) = standing(app, who).await?;
    let allowed = Purpose::ALL.iter().copied().filter(|purpose| rules::allowed(&standing, *purpose).is_ok());
    Ok(PrivacyState {
        age,
        parent: standing.parent,
        policies_to_accept: db::policies_to_accept(&app.sql, who).await?,
        allowed: allowed.collect(),
        consents: standing.consents,
        erasure_at_ms: erase::erasure_at(app, who).await?,
    })
}

fn record(purpose: Purpose, granted: bool, by: By) -> Record {
    Record { id: new_id(), purpose, granted, by, at_ms: now_ms() }
}

fn too_many() -> Failure {
    Failure::rate_limited((DAY_MS / 1000).unsigned_abs())
}

/// A player gives or takes back a consent.
pub(super) async fn say(app: &App, who: &Subject, purpose: Purpose, granted: bool) -> Outcome<()> {
    let (standing, _) = standing(app, who).await?;
    if granted && rules::allowed(&standing, purpose) == Err(ErrorCode::ParentRequired) {
        return Err(not_allowed(ErrorCode::ParentRequired, purpose));
    }
    let (player, new) = (who.player.clone(), record(purpose, granted, By::Player));
    let sql = app.sql.game(&who.game);
    let said = sql
        .transaction(move |tx| async move { db::say(tx, &player, new).await.map_err(Failure::from) }.boxed());
    if said.await? { Ok(()) } else { Err(too_many()) }
}

/// A player says their age, once. The band is kept, the date is not.
pub(super) async fn say_age(app: &App, who: &Subject, said: &AgeRequest) -> Outcome<()> {
    let now = now_ms();
    let band = rules::age_band(said, now, app.config.privacy.child_age)?;
    match db::set_band(&app.sql, who, band, false, now).await? {
        true => Ok(()),
        false => Err(Failure::new(
            ErrorCode::AgeSaid,
            "The age was said before: the game's support can correct it.",
        )),
    }
}

/// Corrects a player's age on behalf of the game's support.
pub(crate) async fn correct_age(app: &App, who: &Subject, band: AgeBand) -> Outcome<()> {
    if !account::exists(app, who).await? {
        return Err(Failure::not_found());
    }
    db::set_band(&app.sql, who, band, true, now_ms()).await?;
    Ok(())
}

/// Asks a parent by mail. The code's digest is kept, the address is not.
pub(super) async fn ask_parent(app: &App, who: &Subject, email: &str) -> Outcome<()> {
    account::check_email(email)?;
    let about = account::about(app, who).await?;
    if account::is_same_email(&about.email, email) {
        return Err(Failure::invalid("This is the account's own address: a parent has another one."));
    }
    let age = db::age(&app.sql, who).await?;
    let is_child = rules::is_child(age.band, app.config.privacy.unknown_is_child);
    may_ask(is_child, &age, now_ms())?;
    account::allow_mail(app, who, email, PARENT_MAILS_PER_ADDRESS, PARENT_MAIL_PER_ADDRESS_S)?;
    let code = new_code();
    let digest = code_digest(app, &code).ok_or_else(|| Failure::internal("a new code is none"))?;
    let link = link(app, &who.game, "parent", &code).await;
    let to = account::Reach { email: email.to_owned(), ..about };
    let who = who.clone();
    let game = who.game.clone();
    let sql = app.sql.game(&game);
    let asked = sql.transaction(move |tx| {
        async move {
            let now = now_ms();
            // Again, for another request may have been faster.
            let age = db::age_in(tx, &who.player).await?;
            may_ask(is_child, &age, now)?;
            let count = if age.asked_at_ms > now - DAY_MS { age.asked_count + 1 } else { 1 };
            db::set_asked(tx, &who.player, &digest, now + PARENT_CODE_TTL_MS, count, now).await?;
            mails::parent_consent(tx, &who, &to, &code, &link).await?;
            Ok::<_, Failure>(())
        }
        .boxed()
    });
    asked.await?;
    app.jobs.wake();
    Ok(())
}

fn may_ask(is_child: bool, age: &db::Age, now_ms: i64) -> Outcome<()> {
    if !is_child {
        return Err(Failure::invalid("Only children need a parent's consent."));
    }
    if age.parent == ParentState::Granted {
        return Err(Failure::invalid("A parent has consented; the parent's mail can change it."));
    }
    let since_ms = now_ms - age.asked_at_ms;
    if age.asked_count >= PARENT_MAILS_PER_DAY && since_ms < DAY_MS {
        return Err(Failure::rate_limited((DAY_MS - since_ms).max(1000).unsigned_abs().div_ceil(1000)));
    }
    Ok(())
}

/// A parent's answer: to the account, and to each purpose. The code stays good for another answer.
pub(super) async fn answer_as_parent(
    app: &App,
    game: &GameId,
    code: &str,
    granted: bool,
    purposes: Vec<Purpose>,
) -> Outcome<()> {
    let digest = code_digest(app, code).ok_or_else(invalid_code)?;
    let sql = app.sql.game(game);
    let answered = sql.transaction(move |tx| {
        async move {
            let now = now_ms();
            let player = db::by_parent_code(tx, &digest, now).await?.ok_or_else(invalid_code)?;
            let parent = if granted { ParentState::Granted } else { ParentState::Refused };
            if !db::set_answered(tx, &player, &digest, parent, now).await? {
                return Err(invalid_code());
            }
            for &purpose in Purpose::ALL {
                let granted = granted && purposes.contains(&purpose);
                if !db::say(tx, &player, record(purpose, granted, By::Parent)).await? {
                    return Err(too_many());
                }
            }
            Ok(())
        }
        .boxed()
    });
    answered.await
}
