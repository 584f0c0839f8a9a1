//! All of a player's slots in one file, and back.
//!
//! The export asks the cloud for each content and writes it as it comes: memory holds one save at a time. What this
//! device has not sent yet is among it. Saves that are encrypted with the player's key are written readable: who can
//! export has the key. Parts above 16 MiB stay out and are named as missing.
//!
//! The import adds and never replaces. Of each slot the newest save comes back: into its slot when that is free, not at
//! all when the slot's history has the very same content, else into `slot (2)` or the next number. It goes through the
//! outbox like any save, so it works offline; a slot that another device made meanwhile is a conflict as with any save.

mod file;
mod newest;

use super::entries::Unsent;
use super::outbox::Outbox;
use super::{Content, SaveOptions, Saves, api, auto_sync, merging, parts, rules, seal, sync};
use crate::cloud::Shared;
use crate::session::blocking;
use crate::wire::value;
use crate::{Error, clock};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::saves::archive::{ArchivedVersion, Manifest};
use aethex_wire::saves::{Compression, Encoding, Part, SAVE_LEN_MAX, SaveVersion};
use bytes::Bytes;
use file::{Reading, Writing};
use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of a slot of an archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The slot's name in the archive.
    pub slot: String,
    /// The slot that it became; none when the save was there already, or failed.
    pub saved_as: Option<String>,
    /// Why it was not brought back.
    pub error: Option<Error>,
}

impl Saves {
    /// Writes all slots into one ZIP file, those of this device that the cloud does not have yet too; with `history`
    /// all versions, not only the newest. What was at the path is replaced, and only by the whole archive. Returns the
    /// number of versions.
    ///
    /// Offline it holds what this device has: the copies of the slots it last saw.
    ///
    /// # Errors
    /// `InvalidArgument` (there is no such folder), `NotLoggedIn`, `Storage`, `SaveKeyNeeded`; with `history`
    /// `Offline` and `Timeout`.
    pub fn export_all(
        &self,
        path: &Path,
        history: bool,
    ) -> impl Future<Output = Result<usize, Error>> + Send + use<> {
        let (shared, path) = (Arc::clone(&self.shared), path.to_owned());
        self.in_turn(move |mut turn| async move {
            turn.begin().await;
            drop(turn);
            Box::pin(export(&shared, path, history)).await
        })
    }

    /// Brings slots back from an archive. Nothing is overwritten: a slot that holds something else stays as it is, and
    /// what was in the archive becomes `slot (2)`. The saves are durable on this device, and sent like any.
    ///
    /// # Errors
    /// `InvalidArgument` (there is no such file), `InvalidSave` (it is no archive, or damaged), `NotLoggedIn`,
    /// `Storage`. What is wrong with a single slot stands in its [`Imported`].
    pub fn import(&self, path: &Path) -> impl Future<Output = Result<Vec<Imported>, Error>> + Send + use<> {
        let (shared, path) = (Arc::clone(&self.shared), path.to_owned());
        self.in_turn(move |mut turn| async move {
            turn.begin().await;
            drop(turn);
            import(&shared, path).await
        })
    }
}

/// An archive on its way.
struct Export<'a> {
    shared: &'a Arc<Shared>,
    player: PlayerId,
    outbox: Outbox,
    file: Option<Writing>,
    manifest: Manifest,
}

async fn export(shared: &Arc<Shared>, path: PathBuf, history: bool) -> Result<usize, Error> {
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let file = Some(blocking(move || Writing::begin(path)).await?);
    let manifest = Manifest { player: player.as_str().to_owned(), ..Manifest::new(clock::now_ms(), history) };
    let mut export = Export { shared, player, outbox, file, manifest };
    for version in export.versions(history).await? {
        export.add(version).await?;
    }
    let outbox = export.outbox.clone();
    for unsent in blocking(move || outbox.all_unsent()).await? {
        export.add_unsent(unsent).await?;
    }
    let count = export.manifest.versions.len();
    let (file, manifest) = (export.file.take(), export.manifest);
    blocking(move || file.map_or(Ok(()), |file| file.finish(&manifest))).await?;
    Ok(count)
}

impl Export<'_> {
    /// What the cloud has; offline, what this device last saw of it.
    async fn versions(&self, history: bool) -> Result<Vec<SaveVersion>, Error> {
        let heads = match api::list_saves(self.shared, &self.player).await {
            Ok(heads) => heads,
            Err(error) if !history && rules::reads_offline(&error) => {
                let outbox = self.outbox.clone();
                blocking(move || outbox.cached_versions()).await?
            }
            Err(error) => return Err(error),
        };
        let heads = heads.into_iter().filter(|head| !head.deleted);
        if !history {
            return Ok(heads.collect());
        }
        let mut versions = Vec::new();
        for head in heads {
            versions.extend(api::save_history(self.shared, &self.player, &head.slot).await?);
        }
        Ok(versions)
    }

    async fn add(&mut self, version: SaveVersion) -> Result<(), Error> {
        if version.deleted || version.pruned {
            self.note(version, None, Vec::new());
            return Ok(());
        }
        let id = Some(version.version.clone());
        let read = api::read(self.shared, &self.player, &self.outbox, &version.slot, id).await;
        let (version, packed) = match read {
            Ok(found) => found,
            Err(error) if error.code == ErrorCode::VersionNotFound => return Ok(()),
            Err(error) if rules::reads_offline(&error) => {
                let (outbox, slot) = (self.outbox.clone(), version.slot.clone());
                let copy = blocking(move || outbox.cached(&slot)).await?;
                match copy.filter(|(copy, _)| copy.version == version.version) {
                    Some(copy) => copy,
                    None => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let key = self.shared.saves.save_key();
        let content = blocking(move || seal::unpack(&packed, key.as_ref(), "")).await?;
        self.write(version, content, |version| Some(version.version.clone())).await
    }

    /// A save that the cloud does not have: it gets an id of the archive's own.
    async fn add_unsent(&mut self, unsent: Unsent) -> Result<(), Error> {
        let Some(id) = VersionId::parse(&clock::random_id()) else { return Ok(()) };
        let (packed, key) = (unsent.packed(), self.shared.saves.save_key());
        let content = blocking(move || seal::unpack(&packed, key.as_ref(), "")).await?;
        let mut version = sync::unsent_version(unsent.meta, None);
        let outbox = self.outbox.clone();
        let slot = version.slot.clone();
        version.parents = blocking(move || outbox.base(&slot)).await?.into_iter().collect();
        version.version = id;
        self.write(version, content, |_| None).await
    }

    /// Writes a content and its parts. `place` tells in which version of the cloud parts are that are not here.
    async fn write(
        &mut self,
        mut version: SaveVersion,
        content: Content,
        place: fn(&SaveVersion) -> Option<VersionId>,
    ) -> Result<(), Error> {
        let (encoding, bytes) = blocking(move || plain(content)).await?;
        let hash = self.put(bytes.clone()).await?;
        version.encoding = encoding;
        version.size_bytes = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        version.hash.clone_from(&hash);
        let mut missing = Vec::new();
        let parts = std::mem::take(&mut version.parts);
        for part in parts {
            let written = if part.size_bytes > SAVE_LEN_MAX as i64 {
                None
            } else {
                let turn = self.shared.saves.turn();
                let loaded =
                    parts::load(self.shared, version.slot.clone(), part.name.clone(), place(&version), turn);
                match loaded.await {
                    Ok(content) => Some(self.write_part(&part, content).await?),
                    Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::SaveKeyNeeded) => {
                        None
                    }
                    Err(error) if rules::reads_offline(&error) => None,
                    Err(error) => return Err(error),
                }
            };
            if written.is_none() {
                missing.push(part.name.clone());
            }
            version.parts.push(written.unwrap_or(part));
        }
        self.note(version, Some(hash), missing);
        Ok(())
    }

    async fn write_part(&mut self, part: &Part, content: Content) -> Result<Part, Error> {
        let (encoding, bytes) = blocking(move || plain(content)).await?;
        let size_bytes = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let hash = self.put(bytes).await?;
        Ok(Part { name: part.name.clone(), encoding, hash, size_bytes })
    }

    /// Writes a content, and returns its hash.
    async fn put(&mut self, bytes: Bytes) -> Result<String, Error> {
        let Some(mut file) = self.file.take() else { return Err(Error::fault()) };
        let (file, hash) = blocking(move || {
            let hash = blake3::hash(&bytes).to_hex().to_string();
            file.add(&hash, &bytes)?;
            Ok((file, hash))
        })
        .await?;
        self.file = Some(file);
        Ok(hash)
    }

    fn note(&mut self, version: SaveVersion, content: Option<String>, parts_missing: Vec<String>) {
        let compression = Compression::None;
        self.manifest.versions.push(ArchivedVersion {
            version,
            content,
            compression,
            base: None,
            parts_missing,
        });
    }
}

/// A content as the archive has it.
fn plain(content: Content) -> Result<(Encoding, Bytes), Error> {
    match content {
        Content::Bytes(bytes) => Ok((Encoding::Bytes, bytes)),
        Content::Value(value) => {
            let encoded =
                value::encode(&value).map_err(|error| Error::new(ErrorCode::InvalidSave, error.0))?;
            Ok((Encoding::Value, encoded.into()))
        }
    }
}

async fn import(shared: &Arc<Shared>, path: PathBuf) -> Result<Vec<Imported>, Error> {
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let (mut archive, manifest) = blocking(move || Reading::open(&path)).await?;
    let mut taken = Taken::read(shared, &player, &outbox).await?;
    let mut imported = Vec::new();
    for one in newest::of_slots(&manifest) {
        let slot = one.version.slot.clone();
        let read = one.clone();
        let (back, found) = blocking(move || Ok(contents(archive, &read))).await?;
        archive = back;
        let brought = match found {
            Ok((content, options)) => bring(shared, &player, &mut taken, &one, content, options).await,
            Err(error) => Err(error),
        };
        imported.push(match brought {
            Ok(saved_as) => Imported { slot, saved_as, error: None },
            // Nothing more fits, or nobody is there to own it: the rest would fail alike.
            Err(error) if matches!(error.code, ErrorCode::NotLoggedIn | ErrorCode::ShutDown) => {
                return Err(error);
            }
            Err(error) => Imported { slot, saved_as: None, error: Some(error) },
        });
    }
    if shared.saves.auto_sync() {
        shared.saves.kick();
    }
    Ok(imported)
}

/// A save of the archive as it is saved again. The archive comes back: it is read on another thread each time.
fn contents(mut archive: Reading, one: &ArchivedVersion) -> (Reading, Result<(Content, SaveOptions), Error>) {
    let found = read_contents(&mut archive, one);
    (archive, found)
}

fn read_contents(archive: &mut Reading, one: &ArchivedVersion) -> Result<(Content, SaveOptions), Error> {
    let version = &one.version;
    if version.encoding == Encoding::Sealed {
        let why =
            "the archive holds this save encrypted, as the server does: export it on a device with its key";
        return Err(Error::new(ErrorCode::SealedSave, why));
    }
    let missing = || Error::new(ErrorCode::InvalidSave, "the save's content is not in the archive");
    let hash = one.content.as_deref().ok_or_else(missing)?;
    let content = content_of(version.encoding, archive.content(hash, SAVE_LEN_MAX as u64)?)?;
    let mut options =
        SaveOptions { label: version.label.clone(), playtime_ms: version.playtime_ms, parts: Vec::new() };
    for part in version.parts.iter().filter(|part| !one.parts_missing.contains(&part.name)) {
        let bytes = archive.content(&part.hash, SAVE_LEN_MAX as u64)?;
        options.parts.push((part.name.clone(), Some(content_of(part.encoding, bytes)?)));
    }
    Ok((content, options))
}

fn content_of(encoding: Encoding, bytes: Vec<u8>) -> Result<Content, Error> {
    match encoding {
        Encoding::Value => value::decode(&bytes)
            .map(Content::Value)
            .map_err(|error| Error::new(ErrorCode::InvalidSave, error.0)),
        Encoding::Bytes | Encoding::Sealed => Ok(Content::Bytes(bytes.into())),
    }
}

/// The slots that are there, by name, and the hash of what they hold.
struct Taken {
    slots: HashMap<String, String>,
    offline: bool,
}

impl Taken {
    async fn read(shared: &Arc<Shared>, player: &PlayerId, outbox: &Outbox) -> Result<Taken, Error> {
        let (mut versions, offline) = match api::list_saves(shared, player).await {
            Ok(versions) => (versions, false),
            Err(error) if rules::reads_offline(&error) => (Vec::new(), true),
            Err(error) => return Err(error),
        };
        let outbox = outbox.clone();
        let here = blocking(move || {
            let mut here = outbox.cached_versions()?;
            here.extend(
                outbox.all_unsent()?.into_iter().map(|unsent| sync::unsent_version(unsent.meta, None)),
            );
            Ok(here)
        })
        .await?;
        // What is unsent comes last, and counts.
        versions.extend(here);
        let slots = versions.into_iter().filter(|version| !version.deleted);
        Ok(Taken { slots: slots.map(|version| (version.slot, version.hash)).collect(), offline })
    }
}

/// Saves a slot of the archive where it takes nobody's place; none when it is there already.
async fn bring(
    shared: &Arc<Shared>,
    player: &PlayerId,
    taken: &mut Taken,
    one: &ArchivedVersion,
    content: Content,
    options: SaveOptions,
) -> Result<Option<String>, Error> {
    let (slot, hash) = (&one.version.slot, &one.version.hash);
    let names =
        std::iter::once(slot.clone()).chain((2..merging::COPIES_MAX).map(|n| rules::copy_name(slot, n)));
    for name in names {
        match taken.slots.get(&name) {
            Some(there) if there == hash => return Ok(None),
            Some(_) if name == *slot && !taken.offline && was_there(shared, player, slot, hash).await? => {
                return Ok(None);
            }
            Some(_) => {}
            None => {
                auto_sync::enqueue_new(shared, player, &name, content, options).await?;
                taken.slots.insert(name.clone(), hash.clone());
                return Ok(Some(name));
            }
        }
    }
    Err(Error::argument("every name for the copy is taken: delete a slot first"))
}

/// Whether a slot's history has the very same content.
async fn was_there(shared: &Arc<Shared>, player: &PlayerId, slot: &str, hash: &str) -> Result<bool, Error> {
    match api::save_history(shared, player, slot).await {
        Ok(history) => Ok(history.iter().any(|version| version.hash == hash && !version.deleted)),
        // It waits on this device only.
        Err(error) if error.code == ErrorCode::SaveNotFound || rules::reads_offline(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
