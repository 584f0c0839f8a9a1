//! Adding an archive's versions to a player's saves.

use super::super::contents::{self, Owner, Prepared};
use super::super::history::{change, copy_of};
use super::super::parts;
use super::super::rules::{self, Base};
use super::super::store::NewVersion;
use super::super::store::{self, Stored};
use super::cannot;
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use aethex_wire::saves::archive::{ArchivedVersion, MANIFEST_LEN_MAX, MANIFEST_NAME, Manifest, content_name};
use aethex_wire::saves::history::PutVersionRequest;
use aethex_wire::saves::{Compression, Part, PutPart, SAVE_LEN_MAX, SaveVersion};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// What became of an archive's versions.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Imported {
    /// Those that became heads.
    pub(crate) heads: usize,
    /// Those that are kept beside heads.
    pub(crate) beside: usize,
    /// Marks, and encrypted patches whose base is not in the archive.
    pub(crate) skipped: usize,
    /// Parts whose content is neither in the archive nor stored.
    pub(crate) parts_missing: usize,
}

/// Adds the versions of an archive. One that was imported before is found again by its id, and stored once.
pub(crate) async fn import(
    app: &Arc<App>,
    game: &GameId,
    player: &PlayerId,
    file: &Path,
) -> Outcome<Imported> {
    let opened = File::open(file).map_err(|error| cannot(file, error))?;
    let mut archive = Archive(zip::ZipArchive::new(opened).map_err(|error| cannot(file, error))?);
    let manifest = archive.read(MANIFEST_NAME, MANIFEST_LEN_MAX)?;
    let manifest = Manifest::from_json(&manifest).map_err(|error| cannot(file, error))?;
    let mut work = Work {
        app,
        owner: Owner { game, player },
        archive,
        became: HashMap::new(),
        lines: HashMap::new(),
        done: Imported::default(),
    };
    for archived in manifest.in_order() {
        work.add(archived).await?;
    }
    Ok(work.done)
}

struct Archive(zip::ZipArchive<File>);

impl Archive {
    /// A file of the archive, never more than `max` bytes, whatever it claims.
    fn read(&mut self, name: &str, max: u64) -> Outcome<Vec<u8>> {
        let wrong = |why: String| Failure::invalid(format!("the archive's {name}: {why}"));
        let file = self.0.by_name(name).map_err(|error| wrong(error.to_string()))?;
        let mut bytes = Vec::new();
        file.take(max + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
        if bytes.len() as u64 > max {
            return Err(wrong(format!("it has more than {max} bytes")));
        }
        Ok(bytes)
    }

    /// A content, with its hash compared.
    fn content(&mut self, hash: &str) -> Outcome<Bytes> {
        let bytes = self.read(&content_name(hash), SAVE_LEN_MAX as u64)?;
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            return Err(Failure::invalid(format!(
                "the archive is damaged: the content {hash} is another one"
            )));
        }
        Ok(bytes.into())
    }
}

struct Work<'a> {
    app: &'a Arc<App>,
    owner: Owner<'a>,
    archive: Archive,
    /// What the archive's versions are here; of a mark, what its first parent is.
    became: HashMap<VersionId, VersionId>,
    /// The newest version of each slot's line that was added.
    lines: HashMap<String, VersionId>,
    done: Imported,
}

impl Work<'_> {
    async fn add(&mut self, archived: &ArchivedVersion) -> Outcome<()> {
        let source = &archived.version;
        let before = source.parents.first().and_then(|parent| self.became.get(parent)).cloned();
        let Some(hash) = &archived.content else {
            self.became.extend(before.map(|before| (source.version.clone(), before)));
            self.done.skipped += 1;
            return Ok(());
        };
        let base = self.base(source, before);
        let bytes = self.archive.content(hash)?;
        let Some(prepared) = self.prepare(archived, &base, bytes).await? else {
            self.done.skipped += 1;
            return Ok(());
        };
        let parts = self.parts(archived).await?;
        let new = NewVersion {
            base,
            parts,
            idempotency_key: Some(format!("import-{}", source.version)),
            request_hash: Some(source.hash.clone()),
            ..copy_of(self.owner, &source.slot, source, prepared.full.clone(), now_ms())
        };
        let stored = match store::store(self.app.clone(), new, prepared).await? {
            Stored::Head(version) => {
                self.done.heads += 1;
                version
            }
            Stored::Beside(conflict) => {
                self.done.beside += 1;
                conflict.kept
            }
        };
        if source.sequence.is_some() {
            self.lines.insert(source.slot.clone(), stored.version.clone());
        }
        if source.pinned {
            let pin = PutVersionRequest { pinned: Some(true), label: None };
            change(&self.app.sql, self.owner, &source.slot, &stored.version, &pin, now_ms()).await?;
        }
        self.became.insert(source.version.clone(), stored.version);
        Ok(())
    }

    /// What a version is made from here. One of a line follows the one before it, also when its parent is a mark that was
    /// forgotten; what has nothing before it can only begin a slot.
    fn base(&self, source: &SaveVersion, before: Option<VersionId>) -> Base {
        let line = source.sequence.and_then(|_| self.lines.get(&source.slot)).cloned();
        let other = source.parents.get(1).and_then(|parent| self.became.get(parent)).cloned();
        match (line.or(before), other) {
            (Some(first), Some(other)) if first != other => Base::Merge(first, other),
            (Some(first), _) => Base::One(first),
            (None, _) => Base::Nothing,
        }
    }

    /// The content; `None` for an encrypted patch whose base was not added.
    async fn prepare(
        &self,
        archived: &ArchivedVersion,
        base: &Base,
        bytes: Bytes,
    ) -> Outcome<Option<Prepared>> {
        let source = &archived.version;
        if archived.compression == Compression::Delta {
            let patch_base = archived.base.as_ref().and_then(|base| self.became.get(base));
            let Some(patch_base) = patch_base else { return Ok(None) };
            let hash = Some(source.hash.clone());
            let of_patch = contents::of_patch(
                self.app,
                self.owner,
                &source.slot,
                patch_base,
                source.encoding,
                hash,
                bytes,
            );
            return of_patch.await.map(Some);
        }
        let (compression, packed) = contents::pack(&bytes);
        let full = rules::checked(source.encoding, compression, Some(&source.hash), &bytes, packed)?;
        match base {
            Base::Nothing => Ok(Some(Prepared { full, patch: None, plain: None })),
            _ => contents::against(self.app, self.owner, &source.slot, base.first(), full).await.map(Some),
        }
    }

    /// Stores the parts, or finds them stored.
    async fn parts(&mut self, archived: &ArchivedVersion) -> Outcome<Vec<Part>> {
        let mut found = Vec::new();
        for part in &archived.version.parts {
            let missing = archived.parts_missing.contains(&part.name);
            let data = if missing { None } else { Some(STANDARD.encode(self.archive.content(&part.hash)?)) };
            let put = PutPart {
                name: part.name.clone(),
                encoding: Some(part.encoding),
                hash: Some(part.hash.clone()),
                len: None,
                compression: None,
                base_hash: None,
                data_base64: data,
            };
            match parts::settle(self.app, self.owner, vec![parts::of_json(put)?]).await {
                Ok(settled) => found.extend(settled),
                Err(_) if missing => self.done.parts_missing += 1,
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    }
}
