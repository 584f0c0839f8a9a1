//! What privacy itself knows of a player, for exports and erasures.

mod db;

use super::export::{Archive, blob_folder};
use super::registry::{Holding, Subject};
use crate::app::App;
use crate::error::Outcome;
use crate::ports::sql::{SqlError, Transaction};
use aethex_wire::ids::PlayerId;
use serde_json::Value;

/// What privacy knows of a player. The row that ties a player to an erasure goes last, with the erasure.
pub(crate) const HOLDING: Holding = Holding {
    feature: "privacy",
    tables: &["privacy_acceptance", "privacy_consent", "privacy_age", "privacy_export", "privacy_erasure"],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: |_, who| Box::pin(std::future::ready(Ok(vec![blob_folder(who)]))),
    shred: None,
    erase: |tx, player| Box::pin(db::erase(tx, player)),
};

async fn export(app: &App, who: &Subject, archive: &mut Archive) -> Outcome<()> {
    archive.json("acceptances.json", Value::Array(db::acceptances(&app.sql, who).await?)).await?;
    archive.json("consents.json", Value::Array(db::consents(&app.sql, who).await?)).await?;
    if let Some(age) = db::age(&app.sql, who).await? {
        archive.json("age.json", age).await?;
    }
    archive.json("exports.json", Value::Array(db::exports(&app.sql, who).await?)).await?;
    if let Some(erasure) = db::erasure(&app.sql, who).await? {
        archive.json("erasure.json", erasure).await?;
    }
    Ok(())
}

/// When one account is merged into another: what `from` said of itself goes, for the player of `to` has said
/// it there, or is asked again. Only that the player is a child is kept. The archives of `from` go after the
/// commit, by [`forget_blobs`].
pub(crate) async fn merge(tx: &mut Transaction, from: &PlayerId, to: &PlayerId) -> Result<(), SqlError> {
    db::move_child(tx, from, to).await?;
    db::drop_erasure(tx, from).await?;
    while db::erase(tx, from).await? > 0 {}
    Ok(())
}

/// Removes the archives of an account that was merged into another.
pub(crate) async fn forget_blobs(app: &App, who: &Subject) {
    if let Err(error) = app.blob.delete_all(&blob_folder(who)).await {
        tracing::warn!(%error, "the exports of a merged account stay on the disk");
    }
}
