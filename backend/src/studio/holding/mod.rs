//! What the studio's side knows of a player, for exports and erasures: entries of the audit log that name them.
//!
//! The player gets what was done and when; who did it stays the organisation's, for it is about its people. On
//! erasure the entry stays, as proof of what its people did, and names `erased` instead of the player: the same
//! for all, so that nothing tells one erased player from another.

mod db;

use crate::app::App;
use crate::error::Outcome;
use crate::ports::sql::{SqlError, Transaction};
use crate::privacy::{Archive, Holding, Subject, no_blobs};
use aethex_wire::ids::PlayerId;

/// What the studio's side knows of a player.
pub(crate) const HOLDING: Holding = Holding {
    feature: "studio",
    tables: &["studio_audit"],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: no_blobs,
    shred: None,
    erase: |tx, player| Box::pin(db::erase(tx, player)),
};

async fn export(app: &App, who: &Subject, archive: &mut Archive) -> Outcome<()> {
    archive.list("acts.json").await?;
    let mut after = String::new();
    loop {
        let page = db::acts(&app.sql, &who.player, &after).await?;
        let Some((last, _)) = page.last() else { break };
        after = last.clone();
        archive.items(page.into_iter().map(|(_, act)| act).collect()).await?;
    }
    archive.end_list().await
}

/// When one account is merged into another: what was done to `from` was done to the player of `to`.
pub(crate) async fn merge(tx: &mut Transaction, from: &PlayerId, to: &PlayerId) -> Result<(), SqlError> {
    db::rename(tx, from, to).await.map(drop)
}
