//! A player's saves as an archive, from the command line: see `aethex_wire::saves::archive` for the file.
//!
//! Exporting writes each content once, as it was saved, and the manifest last. Importing stores every version as a save of
//! its own: on top where the slot is new, beside its head otherwise.

mod import;

pub(crate) use import::import;

use super::contents::{self, Owner};
use super::{db, parts};
use crate::app::App;
use crate::config::Config;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::ports::sql::Sql;
use aethex_wire::ids::{GameId, PlayerId};
use aethex_wire::page::PAGE_LIMIT_MAX;
use aethex_wire::saves::archive::{ArchivedVersion, MANIFEST_NAME, Manifest, VERSIONS_MAX, content_name};
use aethex_wire::saves::{Compression, Encoding, SAVE_LEN_MAX, SaveVersion};
use serde::Serialize;
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use zip::write::SimpleFileOptions;

/// What a server opens, without serving anybody.
pub(crate) async fn open(config: &Config, sql: &Sql) -> Outcome<Arc<App>> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let app =
        App::open(config.clone(), sql.clone(), crate::multiplayer::Engines::local(), false, nowhere).await;
    Ok(Arc::new(app.map_err(|error| Failure::invalid(error.0))?))
}

/// What an export wrote.
#[derive(Debug, Serialize)]
pub(crate) struct Exported {
    pub(crate) versions: usize,
    pub(crate) contents: usize,
}

/// Writes a player's saves into a file that is not there yet.
pub(crate) async fn export(
    app: &App,
    game: &GameId,
    player: &PlayerId,
    history: bool,
    out: &Path,
) -> Outcome<Exported> {
    let file = File::create_new(out).map_err(|error| cannot(out, error))?;
    let mut writer = Writer { zip: zip::ZipWriter::new(file), written: HashSet::new() };
    let owner = Owner { game, player };
    let mut manifest = Manifest::new(now_ms(), history);
    game.as_str().clone_into(&mut manifest.game);
    player.as_str().clone_into(&mut manifest.player);
    for version in versions(app, owner, history).await? {
        let archived = archive(app, owner, &mut writer, version).await.inspect_err(|_| {
            // Half an archive is none.
            let _ = std::fs::remove_file(out);
        })?;
        manifest.versions.extend(archived);
    }
    let done = Exported { versions: manifest.versions.len(), contents: writer.written.len() };
    writer.finish(&manifest).map_err(|error| cannot(out, error))?;
    Ok(done)
}

fn cannot(file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::invalid(format!("{}: {error}", file.display()))
}

/// The player's versions: all that are told of, or the heads.
async fn versions(app: &App, owner: Owner<'_>, history: bool) -> Outcome<Vec<SaveVersion>> {
    let mut found: Vec<SaveVersion> = Vec::new();
    let limit = i64::from(PAGE_LIMIT_MAX);
    loop {
        let last = found.last();
        let page = if history {
            let before = last.map(|last| last.version.as_str());
            db::history(&app.sql, owner.game, owner.player, None, before, limit).await?
        } else {
            let after = last.map(|last| last.slot.as_str()).unwrap_or_default();
            db::heads(&app.sql, owner.game, owner.player, after, limit).await?
        };
        let more = page.len() as i64 == limit;
        found.extend(page);
        if found.len() > VERSIONS_MAX {
            return Err(Failure::invalid(format!(
                "an archive has at most {VERSIONS_MAX} versions: export the heads"
            )));
        }
        if !more {
            return Ok(found);
        }
    }
}

/// Writes what a version holds; `None` when its slot was deleted just now.
async fn archive(
    app: &App,
    owner: Owner<'_>,
    writer: &mut Writer,
    version: SaveVersion,
) -> Outcome<Option<ArchivedVersion>> {
    let mut archived = ArchivedVersion {
        version,
        content: None,
        compression: Compression::None,
        base: None,
        parts_missing: Vec::new(),
    };
    let version = &archived.version;
    if version.deleted || version.pruned {
        return Ok(Some(archived));
    }
    let found = db::version_of(&app.sql, owner.game, owner.player, &version.slot, &version.version).await?;
    let Some((version, stored)) = found else { return Ok(None) };
    let bytes = if version.encoding == Encoding::Sealed && stored.compression == Compression::Delta {
        (archived.compression, archived.base) = (Compression::Delta, stored.base.clone());
        contents::payload(app, owner, &version.version, stored).await?
    } else {
        contents::plain(app, owner, &version, stored).await?
    };
    archived.content = Some(writer.content(&bytes)?);
    for part in &version.parts {
        // Those that came in chunks are as large as disks: their hash tells whether they are the same elsewhere.
        let small = part.size_bytes <= SAVE_LEN_MAX as i64;
        let bytes = if small { parts::bytes(app, owner, &part.hash).await? } else { None };
        match bytes {
            Some(bytes) => drop(writer.content(&bytes)?),
            None => archived.parts_missing.push(part.name.clone()),
        }
    }
    archived.version = version;
    Ok(Some(archived))
}

struct Writer {
    zip: zip::ZipWriter<File>,
    written: HashSet<String>,
}

impl Writer {
    /// Writes a content unless it is there; its hash.
    fn content(&mut self, bytes: &[u8]) -> Outcome<String> {
        let hash = blake3::hash(bytes).to_hex().to_string();
        if self.written.insert(hash.clone()) {
            let write = |zip: &mut zip::ZipWriter<File>| -> std::io::Result<()> {
                zip.start_file(content_name(&hash), SimpleFileOptions::default())?;
                zip.write_all(bytes)
            };
            write(&mut self.zip)
                .map_err(|error| Failure::invalid(format!("cannot write the archive: {error}")))?;
        }
        Ok(hash)
    }

    fn finish(mut self, manifest: &Manifest) -> std::io::Result<()> {
        self.zip.start_file(MANIFEST_NAME, SimpleFileOptions::default())?;
        self.zip.write_all(&manifest.to_json())?;
        self.zip.finish()?.sync_all()
    }
}
