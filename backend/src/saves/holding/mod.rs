//! What saves know of a player, for exports and erasures: every version, each with its content.

mod db;

use super::rules;
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::off_thread;
use crate::privacy::{Archive, Holding, Subject};
use aethex_wire::saves::{Compression, Encoding};
use aethex_wire::value;
use bytes::Bytes;
use db::Content;
use serde_json::Value;

/// What saves know of a player.
pub(crate) const HOLDING: Holding = Holding {
    feature: "saves",
    tables: &["saves_version"],
    export: |app, who, archive| Box::pin(export(app, who, archive)),
    blobs: |app, who| Box::pin(blobs(app, who)),
    erase: |tx, player| Box::pin(db::erase(tx, player)),
};

/// `versions.json` tells of every version; `content/<version>.bin` has its bytes as the game gave them, and
/// for values `content/<version>.json` what they mean.
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
    let mut after = String::new();
    while let Some(content) = db::content(&app.sql, who, &after).await? {
        after = content.version.clone();
        write_content(app, archive, content).await?;
    }
    Ok(())
}

async fn write_content(app: &App, archive: &mut Archive, content: Content) -> Outcome<()> {
    let payload = match (content.body, &content.blob_key) {
        (Some(body), _) => body,
        (None, Some(key)) => match app.blob.get(key).await {
            Ok(body) => body,
            // Its slot was deleted just now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Failure::blob("cannot read a blob", &error)),
        },
        (None, None) => return Ok(()),
    };
    let (encoding, compression) = (content.encoding, content.compression);
    let (plain, json) = off_thread(app, move || plain_and_json(encoding, compression, payload)).await?;
    if let Some(json) = json {
        archive.json(&format!("content/{}.json", content.version), json).await?;
    }
    archive.bytes(&format!("content/{}.bin", content.version), plain).await
}

fn plain_and_json(
    encoding: Encoding,
    compression: Compression,
    payload: Bytes,
) -> Outcome<(Bytes, Option<Value>)> {
    let plain = match compression {
        Compression::None => payload,
        Compression::Zstd => rules::decompress(&payload)?.into(),
        Compression::Delta => return Err(Failure::internal("a patch was not rebuilt")),
    };
    if encoding == Encoding::Bytes {
        return Ok((plain, None));
    }
    let damaged = |error: String| Failure::internal(format!("a stored value is damaged: {error}"));
    let value = value::decode(&plain).map_err(|error| damaged(error.to_string()))?;
    let json = serde_json::to_value(&value).map_err(|error| damaged(error.to_string()))?;
    Ok((plain, Some(json)))
}

/// The player's folder, and blobs that came with another account and lie in its folder.
async fn blobs(app: &App, who: &Subject) -> Outcome<Vec<String>> {
    let own = format!("{}/{}", who.game, who.player);
    let mut keys = db::blob_keys(&app.sql, who).await?;
    keys.retain(|key| !key.starts_with(&format!("{own}/")));
    keys.push(own);
    Ok(keys)
}
