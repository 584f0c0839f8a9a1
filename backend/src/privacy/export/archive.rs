//! The archive itself: one ZIP of JSON files, save contents and pictures, with a manifest.
//!
//! Entries are written one after the other into a file of the blob store, off the request threads; what is
//! in memory is one entry, or one page of a list. The archive becomes a blob when it is complete.

use super::super::registry::{HOLDINGS, Subject};
use super::super::rules::with_iso;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use aethex_wire::ids::ExportId;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use zip::write::SimpleFileOptions;

/// Version of the archive's layout, in its manifest.
const FORMAT_VERSION: i64 = 1;

/// An archive being written.
pub(crate) struct Archive {
    /// `None` while a piece of work has it, and for good when that failed.
    writer: Option<Writer>,
    pub(super) feature: &'static str,
}

struct Writer {
    zip: zip::ZipWriter<File>,
    open: Option<Entry>,
    entries: Vec<Entry>,
}

/// A file of the archive.
#[derive(Debug, Clone, Serialize)]
struct Entry {
    path: String,
    size_bytes: u64,
    sha256: String,
    #[serde(skip)]
    digest: Sha256,
    #[serde(skip)]
    items: u64,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("feature", &self.feature).finish_non_exhaustive()
    }
}

impl Archive {
    pub(super) fn new(file: File) -> Archive {
        let writer = Writer { zip: zip::ZipWriter::new(file), open: None, entries: Vec::new() };
        Archive { writer: Some(writer), feature: "" }
    }

    /// Writes a JSON file into the feature's folder. Every `…_at_ms` gets its ISO 8601 time beside it.
    pub(crate) async fn json(&mut self, name: &str, value: Value) -> Outcome<()> {
        let path = self.path(name);
        self.work(move |writer| {
            writer.begin(path)?;
            writer.write(&serde_json::to_vec_pretty(&with_iso(value)).map_err(std::io::Error::other)?)?;
            writer.end()
        })
        .await
    }

    /// Writes bytes as a file into the feature's folder.
    pub(crate) async fn bytes(
        &mut self,
        name: &str,
        bytes: impl AsRef<[u8]> + Send + 'static,
    ) -> Outcome<()> {
        let path = self.path(name);
        self.work(move |writer| {
            writer.begin(path)?;
            writer.write(bytes.as_ref())?;
            writer.end()
        })
        .await
    }

    /// Begins a file whose bytes come in pieces.
    pub(crate) async fn begin(&mut self, name: &str) -> Outcome<()> {
        let path = self.path(name);
        self.work(move |writer| writer.begin(path)).await
    }

    /// Adds to the file that was begun.
    pub(crate) async fn append(&mut self, piece: bytes::Bytes) -> Outcome<()> {
        self.work(move |writer| writer.write(&piece)).await
    }

    /// Ends the file that was begun.
    pub(crate) async fn end(&mut self) -> Outcome<()> {
        self.work(Writer::end).await
    }

    /// Begins a JSON file that is one long list.
    pub(crate) async fn list(&mut self, name: &str) -> Outcome<()> {
        let path = self.path(name);
        self.work(move |writer| {
            writer.begin(path)?;
            writer.write(b"[")
        })
        .await
    }

    /// Adds to the list that was begun.
    pub(crate) async fn items(&mut self, items: Vec<Value>) -> Outcome<()> {
        self.work(move |writer| items.into_iter().try_for_each(|item| writer.item(item))).await
    }

    /// Ends the list.
    pub(crate) async fn end_list(&mut self) -> Outcome<()> {
        self.work(|writer| {
            writer.write(b"\n]\n")?;
            writer.end()
        })
        .await
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.feature)
    }

    async fn work(
        &mut self,
        work: impl FnOnce(&mut Writer) -> std::io::Result<()> + Send + 'static,
    ) -> Outcome<()> {
        let mut writer = self.writer.take().ok_or_else(|| Failure::internal("an archive failed before"))?;
        let done = tokio::task::spawn_blocking(move || work(&mut writer).map(|()| writer)).await;
        let done = done.map_err(|error| Failure::internal(error.to_string()))?;
        self.writer =
            Some(done.map_err(|error| Failure::internal(format!("cannot write an export: {error}")))?);
        Ok(())
    }

    /// Writes the manifest and the archive's end; the file is complete, and not yet durable.
    pub(super) async fn finish(mut self, subject: &Subject, export: &ExportId) -> Outcome<()> {
        let about = json!({
            "format": "aethex-cloud-export",
            "format_version": FORMAT_VERSION,
            "about": "Everything that this game's servers know of one player. docs/PRIVACY.md of AeThex Cloud \
                      says what each field means.",
            "export_id": export.as_str(),
            "game_id": subject.game.as_str(),
            "player_id": subject.player.as_str(),
            "made_at_ms": now_ms(),
            "schema_version": crate::ports::sql::newest_migration(),
            "features": HOLDINGS.iter().map(|holding| holding.feature).collect::<Vec<_>>(),
        });
        let writer = self.writer.take().ok_or_else(|| Failure::internal("an archive failed before"))?;
        let done = tokio::task::spawn_blocking(move || writer.finish(about)).await;
        let done = done.map_err(|error| Failure::internal(error.to_string()))?;
        done.map_err(|error| Failure::internal(format!("cannot write an export: {error}")))
    }
}

impl Writer {
    fn begin(&mut self, path: String) -> std::io::Result<()> {
        // A save of 16 MiB fits by far; a list of a great many may pass 4 GiB.
        self.zip.start_file(path.as_str(), SimpleFileOptions::default().large_file(true))?;
        let (digest, sha256) = (Sha256::new(), String::new());
        self.open = Some(Entry { path, size_bytes: 0, sha256, digest, items: 0 });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let entry = self.open.as_mut().ok_or_else(|| std::io::Error::other("no file was begun"))?;
        entry.size_bytes += bytes.len() as u64;
        entry.digest.update(bytes);
        self.zip.write_all(bytes)
    }

    fn item(&mut self, item: Value) -> std::io::Result<()> {
        let entry = self.open.as_mut().ok_or_else(|| std::io::Error::other("no list was begun"))?;
        entry.items += 1;
        let before: &[u8] = if entry.items == 1 { b"\n" } else { b",\n" };
        self.write(before)?;
        self.write(&serde_json::to_vec(&with_iso(item)).map_err(std::io::Error::other)?)
    }

    fn end(&mut self) -> std::io::Result<()> {
        let mut entry = self.open.take().ok_or_else(|| std::io::Error::other("no file was begun"))?;
        let digest = std::mem::take(&mut entry.digest).finalize();
        entry.sha256 = crate::auth::hex(&digest);
        self.entries.push(entry);
        Ok(())
    }

    fn finish(mut self, mut manifest: Value) -> std::io::Result<()> {
        let entries = std::mem::take(&mut self.entries);
        manifest["files"] = serde_json::to_value(entries).map_err(std::io::Error::other)?;
        self.begin("manifest.json".to_owned())?;
        self.write(&serde_json::to_vec_pretty(&with_iso(manifest)).map_err(std::io::Error::other)?)?;
        self.zip.finish()?.sync_all()
    }
}
