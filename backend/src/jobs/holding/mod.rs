//! What jobs know of a player, for exports and erasures: mails and other work that was not done yet.

mod db;

use crate::app::App;
use crate::error::Outcome;
use crate::privacy::{Archive, Holding, Subject, no_blobs};
use serde_json::Value;

/// What jobs know of a player.
pub(crate) const HOLDING: Holding = Holding {
    feature: "jobs",
    tables: &["jobs_job"],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: no_blobs,
    shred: None,
    erase: |tx, player| Box::pin(db::erase(tx, player)),
};

async fn export(app: &App, who: &Subject, archive: &mut Archive) -> Outcome<()> {
    archive.json("waiting.json", Value::Array(db::of_player(&app.sql, who).await?)).await
}

/// Whether mails to the player wait to be sent.
pub(crate) async fn has_mails(app: &App, who: &Subject) -> Outcome<bool> {
    Ok(db::is_waiting(&app.sql, who, crate::mail::SEND).await?)
}
