//! Erasures: everything that is known of a player goes away, and a receipt that names nobody stays.
//!
//! A request ends the player's sessions and waits for the time of grace, in which the player can log in and
//! take it back. Then a job closes the account, waits until no request of it can be under way and its last
//! mails have left, and asks each holding to remove its blobs, then its rows, in small transactions that add
//! to the receipt what they removed. Each step may be repeated: a crash costs nothing but time. The job knows
//! the receipt only; the row that ties it to the player is the last one to go.

mod db;

use super::config::{LAST_MAILS_LOOK_MS, LAST_MAILS_MS, SETTLE_MS, SWEEP_BATCH};
use super::registry::{Erase, HOLDINGS, Holding, Subject};
use super::{blob_failed, job_failed, mails};
use crate::app::App;
use crate::auth::holding as account;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::jobs::{Job, JobError, NewJob};
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::{GameId, ReceiptId};
use aethex_wire::privacy::Receipt;
use futures_util::FutureExt;
use serde_json::json;

/// The kind of the job that erases.
pub(crate) const JOB: &str = "privacy.erase";

/// How long an erasure may be late before its job counts as lost: longer than any job is tried.
const LOST_MS: i64 = 36 * 3600 * 1000;

/// Asks for an erasure after `grace_s` seconds; the one that is under way already stands.
pub(crate) async fn start(app: &App, who: &Subject, grace_s: i64) -> Outcome<Receipt> {
    let reach = account::reach(app, who).await?;
    let id = ReceiptId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let now = now_ms();
    let at = now.saturating_add(grace_s.max(0).saturating_mul(1000));
    let subject = who.clone();
    let (receipt, ended) = app
        .sql
        .game(&who.game)
        .transaction(move |tx| {
            async move {
                let ended = account::end_sessions(tx, &subject.player, now).await?;
                if db::begin(tx, &subject.player, &id, now, at).await? {
                    enqueue(tx, &subject.game, &id, at).await?;
                    if let Some(reach) = reach.filter(|_| at > now) {
                        mails::erasure_scheduled(tx, &subject, &reach, at).await?;
                    }
                }
                let receipt = db::of_player(tx, &subject.player).await?;
                Ok::<_, Failure>((
                    receipt.ok_or_else(|| Failure::internal("an erasure is not there"))?,
                    ended,
                ))
            }
            .boxed()
        })
        .await?;
    account::end_access(app, &ended);
    app.jobs.wake();
    Ok(receipt)
}

/// Takes an erasure back.
pub(super) async fn cancel(app: &App, who: &Subject) -> Outcome<()> {
    let player = who.player.clone();
    let sql = app.sql.game(&who.game);
    let cancelled = sql
        .transaction(move |tx| async move { db::cancel(tx, &player).await.map_err(Failure::from) }.boxed());
    match cancelled.await? {
        true => Ok(()),
        false => Err(Failure::not_found()),
    }
}

/// When the player is erased, if that was asked for.
pub(super) async fn erasure_at(app: &App, who: &Subject) -> Outcome<Option<i64>> {
    Ok(db::erasure_at(&app.sql, who).await?)
}

/// Whether the account was closed: its erasure cannot be taken back.
pub(super) async fn is_closed(app: &App, who: &Subject) -> Outcome<bool> {
    Ok(db::is_closed(&app.sql, who).await?)
}

/// What is known of an erasure by its receipt.
pub(super) async fn receipt(app: &App, game: &GameId, id: &ReceiptId) -> Outcome<Receipt> {
    db::receipt(&app.sql, game, id).await?.ok_or_else(Failure::not_found)
}

async fn enqueue(tx: &mut Transaction, game: &GameId, id: &ReceiptId, at_ms: i64) -> Result<(), SqlError> {
    let job = NewJob {
        kind: JOB,
        player: None,
        payload: json!({ "receipt": id.as_str() }),
        run_at_ms: at_ms,
        key: Some(id.as_str().to_owned()),
    };
    crate::jobs::enqueue(tx, Some(game), job).await
}

/// The job: does what the erasure's state asks for.
pub(crate) async fn run(app: &App, job: &Job) -> Result<(), JobError> {
    let game = job.game()?;
    let id = job.payload["receipt"].as_str().and_then(ReceiptId::parse);
    let id = id.ok_or_else(|| JobError::Never("the job names no receipt".into()))?;
    step(app, game, &id, &mut |_| Ok(())).await.map_err(job_failed)
}

/// Called after each durable step with its name; tests stop there.
type After<'a> = &'a mut (dyn FnMut(&str) -> Outcome<()> + Send);

async fn step(app: &App, game: &GameId, id: &ReceiptId, after: After<'_>) -> Outcome<()> {
    let Some(erasure) = db::erasure(&app.sql, game, id).await? else {
        // Done, or taken back. What was deleted may still stand in the database's files.
        return forget(app).await;
    };
    let who = Subject { game: game.clone(), player: erasure.player };
    let now = now_ms();
    match erasure.closed_at_ms {
        None if erasure.erasure_at_ms > now => later(app, game, id, erasure.erasure_at_ms).await,
        None => {
            close(app, &who, id).await?;
            after("closed")
        }
        Some(closed_ms) => {
            let settled_ms = closed_ms + settle_ms(app);
            if settled_ms > now {
                return later(app, game, id, settled_ms).await;
            }
            if now < closed_ms + LAST_MAILS_MS && crate::jobs::holding::has_mails(app, &who).await? {
                return later(app, game, id, now + LAST_MAILS_LOOK_MS).await;
            }
            erase(app, &who, id, after).await?;
            forget(app).await
        }
    }
}

/// How long after its closing a request of the account may still be under way.
fn settle_ms(app: &App) -> i64 {
    i64::try_from(app.config.http.request_timeout_ms).unwrap_or(i64::MAX / 2).saturating_add(SETTLE_MS)
}

async fn later(app: &App, game: &GameId, id: &ReceiptId, at_ms: i64) -> Outcome<()> {
    let (of, id) = (game.clone(), id.clone());
    let sql = app.sql.game(game);
    let done = sql.transaction(move |tx| {
        async move { enqueue(tx, &of, &id, at_ms).await.map_err(Failure::from) }.boxed()
    });
    done.await?;
    app.jobs.wake();
    Ok(())
}

/// Ends every way into the account, says goodbye, and comes back when no request of it can be under way.
async fn close(app: &App, who: &Subject, id: &ReceiptId) -> Outcome<()> {
    let reach = account::reach(app, who).await?;
    let now = now_ms();
    let next_ms = now + settle_ms(app);
    let (subject, id) = (who.clone(), id.clone());
    let sql = app.sql.game(&who.game);
    let ended = sql.transaction(move |tx| {
        async move {
            if !db::close(tx, &id, now).await? {
                return Ok::<_, Failure>(Vec::new());
            }
            let ended = account::end_sessions(tx, &subject.player, now).await?;
            let removed = account::close(tx, &subject.player).await?;
            db::add_to_receipt(tx, &id, account::HOLDING.feature, removed).await?;
            if let Some(reach) = reach {
                mails::erasure_done(tx, &subject, &reach).await?;
            }
            enqueue(tx, &subject.game, &id, next_ms).await?;
            Ok(ended)
        }
        .boxed()
    });
    account::end_access(app, &ended.await?);
    app.jobs.wake();
    Ok(())
}

async fn erase(app: &App, who: &Subject, id: &ReceiptId, after: After<'_>) -> Outcome<()> {
    for &holding in HOLDINGS {
        if let Some(shred) = holding.shred {
            while erase_rows(app, who, id, holding.feature, shred).await? > 0 {
                after("shredded")?;
            }
        }
    }
    for &holding in HOLDINGS {
        let mut blobs = 0;
        for key in (holding.blobs)(app, who).await? {
            blobs += app.blob.delete_all(&key).await.map_err(blob_failed)?;
            after("blob")?;
        }
        count(app, who, id, holding, blobs).await?;
        after("blobs counted")?;
        while erase_rows(app, who, id, holding.feature, holding.erase).await? > 0 {
            after("rows")?;
        }
    }
    let (id, now) = (id.clone(), now_ms());
    let sql = app.sql.game(&who.game);
    let done = sql
        .transaction(move |tx| async move { db::finish(tx, &id, now).await.map_err(Failure::from) }.boxed());
    done.await?;
    after("finished")
}

async fn count(
    app: &App,
    who: &Subject,
    id: &ReceiptId,
    holding: &'static Holding,
    count: u64,
) -> Outcome<()> {
    if count == 0 {
        return Ok(());
    }
    let id = id.clone();
    let sql = app.sql.game(&who.game);
    let done = sql.transaction(move |tx| {
        async move { db::add_to_receipt(tx, &id, holding.feature, count).await.map_err(Failure::from) }
            .boxed()
    });
    done.await
}

/// Removes one batch of a feature's rows and counts it, in one transaction.
async fn erase_rows(
    app: &App,
    who: &Subject,
    id: &ReceiptId,
    feature: &'static str,
    erase: Erase,
) -> Outcome<u64> {
    let (player, id) = (who.player.clone(), id.clone());
    let sql = app.sql.game(&who.game);
    let done = sql.transaction(move |tx| {
        async move {
            let removed = erase(tx, &player).await?;
            if removed > 0 {
                db::add_to_receipt(tx, &id, feature, removed).await?;
            }
            Ok::<_, Failure>(removed)
        }
        .boxed()
    });
    done.await
}

/// Takes what was deleted out of the database's files.
async fn forget(app: &App) -> Outcome<()> {
    match app.sql.forget_deleted().await? {
        true => Ok(()),
        false => Err(Failure::overloaded()),
    }
}

/// Finds erasures whose job was given up, and tries again: an erasure never is.
pub(super) async fn sweep(app: &App) -> Outcome<()> {
    let now = now_ms();
    for (game, id) in db::overdue(&app.sql, now - LOST_MS, SWEEP_BATCH).await? {
        tracing::error!(receipt = %id, "an erasure is overdue and is tried again");
        later(app, &game, &id, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
