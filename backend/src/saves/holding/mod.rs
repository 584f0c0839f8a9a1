//! What saves know of a player, for exports and erasures: every version, each with its content.

mod db;

use super::contents::{self, Owner};
use super::db::{self as versions, Stored};
use super::{parts, seal};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::off_thread;
use crate::privacy::{Archive, Holding, Subject};
use aethex_wire::saves::{Encoding, SaveVersion};
use aethex_wire::{ErrorCode, value};
use bytes::Bytes;
use serde_json::Value;

/// What saves know of a player.
pub(crate) const HOLDING: Holding = Holding {
    feature: "saves",
    tables: &[
        "saves_version",
        "saves_version_part",
        "saves_part",
        "saves_upload",
        "saves_key",
        "saves_device",
    ],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: |app, who| Box::pin(blobs(app, who)),
    shred: Some(|tx, player| Box::pin(seal::shred(tx, player))),
    erase: |tx, player| Box::pin(db::erase(tx, player)),
};

/// `versions.json` tells of every version; `content/<version>.bin` has its bytes as the game gave them, and
/// for values `content/<version>.json` what they mean; `parts/<hash>.bin` has what versions name as parts.
async fn export(app: &App, who: &Subject, archive: &mut Archive) -> Outcome<()> {
    archive.list("versions.json").await?;
    let mut after = String::new();
    loop {
        let page = db::versions(&app.sql, who, &after).await?;
        let Some((last, _)) = page.last() else { break };
        after = last.clone();
        archive.items(page.into_iter().map(|(_, version)| version).collect()).await?;
    }
    archive.end_list().await?;
    archive.json("devices.json", Value::Array(db::devices(&app.sql, who).await?)).await?;
    let owner = Owner { game: &who.game, player: &who.player };
    let mut after = String::new();
    while let Some((version, stored)) =
        versions::next_content(&app.sql, &who.game, &who.player, &after).await?
    {
        version.version.as_str().clone_into(&mut after);
        write_content(app, archive, owner, version, stored).await?;
    }
    let mut after = String::new();
    loop {
        let page = db::parts(&app.sql, who, &after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(last);
        for hash in page {
            parts::export(app, archive, owner, &hash).await?;
        }
    }
}

async fn write_content(
    app: &App,
    archive: &mut Archive,
    owner: Owner<'_>,
    version: SaveVersion,
    stored: Stored,
) -> Outcome<()> {
    let (id, encoding) = (version.version.clone(), version.encoding);
    let read = if encoding == Encoding::Sealed {
        contents::payload(app, owner, &id, stored).await
    } else {
        contents::plain(app, owner, &version, stored).await
    };
    let plain = match read {
        Ok(plain) => plain,
        // Its slot was deleted just now.
        Err(failure) if failure.code() == ErrorCode::SaveNotFound => return Ok(()),
        Err(failure) => return Err(failure),
    };
    if encoding == Encoding::Value {
        let value = plain.clone();
        let json = off_thread(app, move || json_of(&value)).await?;
        archive.json(&format!("content/{id}.json"), json).await?;
    }
    archive.bytes(&format!("content/{id}.bin"), plain).await
}

fn json_of(plain: &Bytes) -> Outcome<Value> {
    let damaged = |error: String| Failure::internal(format!("a stored value is damaged: {error}"));
    let value = value::decode(plain).map_err(|error| damaged(error.to_string()))?;
    serde_json::to_value(&value).map_err(|error| damaged(error.to_string()))
}

/// The player's folder, and blobs that came with another account and lie in its folder.
async fn blobs(app: &App, who: &Subject) -> Outcome<Vec<String>> {
    // Nothing of the player stays in memory either.
    app.plains.clear();
    let own = format!("{}/{}", who.game, who.player);
    let mut keys = db::blob_keys(&app.sql, who).await?;
    keys.retain(|key| !key.starts_with(&format!("{own}/")));
    keys.push(own);
    Ok(keys)
}
