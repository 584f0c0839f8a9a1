//! Exports: everything that is known of a player, in one archive.
//!
//! A request is a row and a job. The job asks each holding for its part, writes the [`Archive`] beside the
//! blobs, and keeps it as a blob for a week. A player has one export in the making at most. The row decides:
//! when it is gone in the end (the player was erased meanwhile), nothing is kept.

mod archive;
mod db;

pub(crate) use archive::Archive;

use super::config::{DAY_MS, EXPORT_KEPT_MS, EXPORT_TRIES, SWEEP_BATCH};
use super::registry::{HOLDINGS, Subject};
use super::rules::iso;
use super::{blob_failed, job_failed};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::jobs::{Job, JobError, NewJob};
use aethex_wire::ids::ExportId;
use aethex_wire::privacy::{Export, ExportStatus};
use db::Begun;
use futures_util::FutureExt;
use serde_json::json;

/// The kind of the job that makes an export.
pub(crate) const JOB: &str = "privacy.export";

/// Asks for an export; the one that is being made already counts as well.
pub(crate) async fn start(app: &App, who: &Subject) -> Outcome<Export> {
    let id = ExportId::parse(&new_id()).expect("ids are made in their canonical spelling");
    let now = now_ms();
    let (subject, export) = (who.clone(), id.clone());
    let begun = app
        .sql
        .game(&who.game)
        .transaction(move |tx| {
            async move {
                let begun = db::begin(tx, &subject.player, &export, now, now + EXPORT_KEPT_MS).await?;
                if matches!(begun, Begun::New(_)) {
                    let job = NewJob {
                        kind: JOB,
                        player: Some(&subject.player),
                        payload: json!({ "export": export.as_str() }),
                        run_at_ms: 0,
                        key: Some(export.as_str().to_owned()),
                    };
                    crate::jobs::enqueue(tx, Some(&subject.game), job).await?;
                }
                Ok::<_, Failure>(begun)
            }
            .boxed()
        })
        .await?;
    match begun {
        Begun::New(export) => {
            app.jobs.wake();
            Ok(export)
        }
        Begun::Already(export) => Ok(export),
        Begun::TooMany { oldest_ms } => {
            let wait_ms = (oldest_ms + DAY_MS - now).max(1000);
            Err(Failure::rate_limited(wait_ms.unsigned_abs().div_ceil(1000)))
        }
    }
}

/// An export of the player; failed and ready ones as well, until they expire.
pub(crate) async fn find(app: &App, who: &Subject, id: &ExportId) -> Outcome<Export> {
    let found = db::export(&app.sql, who, id).await?;
    found.filter(|export| export.expires_at_ms > now_ms()).ok_or_else(Failure::not_found)
}

/// The blob of an export.
pub(super) fn blob_key(who: &Subject, export: &ExportId) -> String {
    format!("{}/{export}", blob_folder(who))
}

/// The folder of a player's exports.
pub(super) fn blob_folder(who: &Subject) -> String {
    format!("export/{}/{}", who.game, who.player)
}

/// What an archive is called where it is downloaded.
pub(super) fn file_name(created_at_ms: i64) -> String {
    format!("player-data-{}.zip", iso(created_at_ms).split('T').next().unwrap_or_default())
}

/// The job: makes the archive. An attempt that fails leaves nothing behind; after the last one the player
/// is told, and may ask again.
pub(crate) async fn run(app: &App, job: &Job) -> Result<(), JobError> {
    let who = Subject { game: job.game()?.clone(), player: job.player()?.clone() };
    let id = job.payload["export"].as_str().and_then(ExportId::parse);
    let id = id.ok_or_else(|| JobError::Never("the job names no export".into()))?;
    let Err(failed) = make(app, &who, &id).await else { return Ok(()) };
    let _ = app.blob.discard(&blob_key(&who, &id)).await;
    if job.attempt < EXPORT_TRIES {
        return Err(job_failed(failed));
    }
    db::fail(&app.sql, &who, &id).await?;
    tracing::error!(fault = failed.fault(), "an export was given up");
    Ok(())
}

async fn make(app: &App, who: &Subject, id: &ExportId) -> Outcome<()> {
    if !is_pending(app, who, id).await? {
        return Ok(());
    }
    let key = blob_key(who, id);
    let file = app.blob.begin(&key).await.map_err(blob_failed)?;
    let mut archive = Archive::new(file);
    for holding in HOLDINGS {
        archive.feature = holding.feature;
        (holding.export)(app, who, &mut archive).await?;
    }
    archive.finish(who, id).await?;
    if !is_pending(app, who, id).await? {
        return app.blob.discard(&key).await.map_err(blob_failed);
    }
    let size_bytes = app.blob.keep(&key).await.map_err(blob_failed)?;
    if finish(app, who, id, size_bytes).await? {
        app.jobs.wake();
        return Ok(());
    }
    app.blob.delete(&key).await.map_err(blob_failed)
}

async fn is_pending(app: &App, who: &Subject, id: &ExportId) -> Outcome<bool> {
    let found = db::export(&app.sql, who, id).await?;
    Ok(found.is_some_and(|export| export.status == ExportStatus::Pending))
}

/// Says that the archive is ready, and mails so; false when nobody waits for it any more.
async fn finish(app: &App, who: &Subject, id: &ExportId, size_bytes: i64) -> Outcome<bool> {
    let reach = crate::auth::holding::reach(app, who).await?;
    let (subject, id) = (who.clone(), id.clone());
    let expires_at_ms = now_ms() + EXPORT_KEPT_MS;
    app.sql
        .game(&who.game)
        .transaction(move |tx| {
            async move {
                if !db::finish(tx, &subject.player, &id, size_bytes, expires_at_ms).await? {
                    return Ok(false);
                }
                if let Some(reach) = reach {
                    super::mails::export_ready(tx, &subject, &reach, expires_at_ms).await?;
                }
                Ok(true)
            }
            .boxed()
        })
        .await
}

/// Throws away exports that expired, the archive before its row.
pub(super) async fn sweep(app: &App) -> Outcome<()> {
    for (who, id) in db::expired(&app.sql, now_ms(), SWEEP_BATCH).await? {
        let key = blob_key(&who, &id);
        app.blob.discard(&key).await.map_err(blob_failed)?;
        app.blob.delete(&key).await.map_err(blob_failed)?;
        db::remove(&app.sql, &who, &id).await?;
    }
    Ok(())
}
