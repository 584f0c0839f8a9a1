//! The named contents beside a save's main one: their files on this device, and how they are read.
//!
//! A part's bytes lie in `parts`, named by their hash, from before the entry that names them is written until
//! nothing does. Small ones of saves that are in the cloud stay as offline copies.

use super::entries::EntryMeta;
use super::outbox::{FILE_LEN_MAX, Outbox};
use super::records::{ConflictRecord, FailedRecord, SlotRecord};
use super::state::Turn;
use super::types::{Content, SaveKey};
use super::{api, rules, seal};
use crate::Error;
use crate::cloud::Shared;
use crate::session::blocking;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::saves::{Encoding, PART_LEN_MAX, Part, SAVE_LEN_MAX, SaveVersion, check_part_name};
use bytes::Bytes;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Most bytes of parts on this device, unsent ones and offline copies together: two of the largest.
const PARTS_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// A part that a save sets (`part`) or removes.
#[derive(Debug, Clone)]
pub(crate) struct PartChange {
    pub(crate) name: String,
    pub(crate) part: Option<Part>,
    /// Its bytes, unless the cloud has them.
    pub(crate) bytes: Option<Bytes>,
}

impl PartChange {
    /// The parts of a version, as they are.
    pub(crate) fn all_of(parts: &[Part]) -> Vec<PartChange> {
        let change =
            |part: &Part| PartChange { name: part.name.clone(), part: Some(part.clone()), bytes: None };
        parts.iter().map(change).collect()
    }
}

/// What a game says about parts, as changes. Takes a while for large ones.
pub(super) fn changes(
    parts: Vec<(String, Option<Content>)>,
    key: Option<&SaveKey>,
) -> Result<Vec<PartChange>, Error> {
    let change = |(name, content): (String, Option<Content>)| {
        let Some(content) = content else { return Ok(PartChange { name, part: None, bytes: None }) };
        let (encoding, bytes) = match key {
            None => rules::encode(&content)?,
            Some(_) => {
                let packed = seal::pack(&content, key, &name)?;
                (packed.shape.encoding, packed.payload)
            }
        };
        let size_bytes = rules::len_of(&bytes);
        if size_bytes > PART_LEN_MAX {
            return Err(Error::new(ErrorCode::TooLarge, format!("a part has at most {PART_LEN_MAX} bytes")));
        }
        let part = Part { name: name.clone(), encoding, hash: rules::hash_of(&bytes), size_bytes };
        Ok(PartChange { name, part: Some(part), bytes: Some(bytes) })
    };
    parts.into_iter().map(change).collect()
}

impl Outbox {
    /// Makes the bytes of parts durable. Only under the guard, or a sweep may take them before they are named.
    pub(super) fn keep_parts(&self, changes: &[PartChange]) -> Result<(), Error> {
        let new = changes.iter().filter_map(|change| Some((change.part.as_ref()?, change.bytes.as_ref()?)));
        let new: Vec<_> = new.filter(|(part, _)| !self.has_part(part)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let failed = |error: io::Error| Error::storage("keeping parts of a save", &error);
        let folder = self.folder.join("parts");
        let names = self.disk.names(&folder).map_err(failed)?;
        let there: u64 = names.iter().map(|name| self.disk.len(&folder.join(name))).sum();
        let more: u64 = new.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if there + more > PARTS_BYTES_MAX {
            let message = format!("parts of saves fill {PARTS_BYTES_MAX} bytes: go online and flush first");
            return Err(Error::new(ErrorCode::QueueFull, message));
        }
        self.disk.sweep(&folder);
        for (part, bytes) in new {
            self.disk.write(&self.part_path(&part.hash), bytes).map_err(failed)?;
        }
        Ok(())
    }

    /// Whether the bytes of a part are on this device.
    pub(crate) fn has_part(&self, part: &Part) -> bool {
        let path = self.part_path(&part.hash);
        self.disk.exists(&path) && u64::try_from(part.size_bytes).is_ok_and(|len| self.disk.len(&path) == len)
    }

    /// The bytes of a part, when they are on this device and undamaged.
    pub(crate) fn part_bytes(&self, part: &Part) -> Result<Option<Bytes>, Error> {
        let Some(len) = usize::try_from(part.size_bytes).ok().filter(|_| self.has_part(part)) else {
            return Ok(None);
        };
        let read = self.disk.read(&self.part_path(&part.hash), len);
        let bytes = read.map_err(|error| Error::storage("reading a part of a save", &error))?;
        Ok(bytes.filter(|bytes| rules::hash_of(bytes) == part.hash).map(Bytes::from))
    }

    pub(crate) fn part_path(&self, hash: &str) -> PathBuf {
        self.folder.join("parts").join(hash)
    }

    /// Keeps a part that was read, for when the network is gone.
    fn keep_copy(&self, part: &Part, bytes: &Bytes) -> Result<(), Error> {
        if rules::len_of(bytes) > SAVE_LEN_MAX as i64 {
            return Ok(());
        }
        let _guard = self.guard("keeping an offline copy")?;
        let change =
            PartChange { name: part.name.clone(), part: Some(part.clone()), bytes: Some(bytes.clone()) };
        self.keep_parts(&[change])
    }

    /// Removes the bytes of parts that nothing names any more. What fails is tried again after the next save.
    pub(super) fn sweep_parts(&self) {
        let folder = self.folder.join("parts");
        let Ok(names) = self.disk.names(&folder) else { return };
        if names.is_empty() {
            return;
        }
        let Ok(_guard) = self.guard("removing parts of saves") else { return };
        let Ok(named) = self.named_parts() else { return };
        for name in names.iter().filter(|name| !named.contains(*name)) {
            let _ = self.disk.remove(&folder.join(name));
        }
    }

    fn named_parts(&self) -> io::Result<HashSet<String>> {
        let mut named = HashSet::new();
        for name in self.names()? {
            let found = self.disk.read_record::<EntryMeta>(&self.entry_path(&name), FILE_LEN_MAX);
            if let Ok(Some((meta, _))) = found {
                named.extend(meta.parts.into_iter().map(|part| part.hash));
            }
        }
        let folder = |name: &str| self.folder.join(name);
        for name in self.disk.names(&folder("conflicts"))? {
            let found = self.read::<ConflictRecord>(folder("conflicts").join(name))?;
            named.extend(found.into_iter().flat_map(|(record, _)| record.entry.parts).map(|part| part.hash));
        }
        for name in self.disk.names(&folder("failed"))? {
            let found = self.read::<FailedRecord>(folder("failed").join(name))?;
            named.extend(found.into_iter().flat_map(|(record, _)| record.entry.parts).map(|part| part.hash));
        }
        for kind in ["slots", "views"] {
            for name in self.disk.names(&folder(kind))? {
                let found = self.read::<SlotRecord>(folder(kind).join(name))?;
                let parts = found.into_iter().flat_map(|(record, _)| record.version.parts);
                let small = parts.filter(|part| part.size_bytes <= SAVE_LEN_MAX as i64);
                named.extend(small.map(|part| part.hash));
            }
        }
        Ok(named)
    }
}

/// Where a part can be read.
enum Place {
    /// Its bytes are here.
    Here(Part, Bytes),
    /// In this version, in the cloud.
    There(Part, VersionId),
}

/// See [`super::Saves::load_part`].
pub(super) async fn load(
    shared: &Arc<Shared>,
    slot: String,
    part: String,
    version: Option<VersionId>,
    mut turn: Turn,
) -> Result<Content, Error> {
    rules::check_name(&slot)?;
    check_part_name(&part).map_err(|why| Error::new(ErrorCode::InvalidPart, why))?;
    turn.begin().await;
    drop(turn);
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    let (found, bytes) = match find(shared, &player, &outbox, &slot, &part, version).await? {
        Place::Here(found, bytes) => (found, bytes),
        Place::There(found, version) => {
            let bytes = api::get_part(shared, &player, &slot, &found, &version).await?;
            let (kept, copy, queue) = (found.clone(), bytes.clone(), outbox.clone());
            let work = move || {
                if rules::hash_of(&copy) != kept.hash {
                    let message = "the part does not match its hash: it was damaged on the way";
                    return Err(Error::new(ErrorCode::HashMismatch, message));
                }
                if let Err(error) = queue.keep_copy(&kept, &copy) {
                    tracing::debug!(code = error.code.as_str(), "no offline copy of a part could be kept");
                }
                Ok(())
            };
            blocking(work).await?;
            (found, bytes)
        }
    };
    let key = shared.saves.save_key();
    blocking(move || match found.encoding {
        Encoding::Sealed => seal::open(&bytes, key.as_ref(), &found.name),
        encoding => rules::content_of(encoding, bytes),
    })
    .await
}

async fn find(
    shared: &Arc<Shared>,
    player: &PlayerId,
    outbox: &Outbox,
    slot: &str,
    name: &str,
    version: Option<VersionId>,
) -> Result<Place, Error> {
    let missing = || Error::new(ErrorCode::NotFound, format!("the save has no part {name:?}"));
    if version.is_none() {
        let (queue, of_slot) = (outbox.clone(), slot.to_owned());
        let unsent = blocking(move || Ok((queue.unsent(&of_slot)?, queue.base(&of_slot)?))).await?;
        if let (Some(unsent), base) = unsent {
            let part = named(&unsent.meta.parts, name).ok_or_else(missing)?;
            let parent = unsent.meta.parents.and_then(|parents| parents.into_iter().next()).or(base);
            return here(outbox, part, parent).await;
        }
    }
    let cloud = api::read(shared, player, outbox, slot, version.clone()).await;
    match cloud {
        Ok((found, _)) => of_version(outbox, &found, name).await,
        Err(error) if version.is_none() && rules::reads_offline(&error) => {
            let (queue, of_slot) = (outbox.clone(), slot.to_owned());
            let copy = blocking(move || queue.cached(&of_slot)).await?;
            let Some((copy, _)) = copy else { return Err(error) };
            match of_version(outbox, &copy, name).await? {
                Place::There(..) => Err(error),
                place @ Place::Here(..) => Ok(place),
            }
        }
        Err(error) => Err(error),
    }
}

async fn of_version(outbox: &Outbox, version: &SaveVersion, name: &str) -> Result<Place, Error> {
    let missing = || Error::new(ErrorCode::NotFound, format!("the save has no part {name:?}"));
    let part = named(&version.parts, name).ok_or_else(missing)?;
    here(outbox, part, Some(version.version.clone())).await
}

async fn here(outbox: &Outbox, part: Part, version: Option<VersionId>) -> Result<Place, Error> {
    let (queue, wanted) = (outbox.clone(), part.clone());
    match (blocking(move || queue.part_bytes(&wanted)).await?, version) {
        (Some(bytes), _) => Ok(Place::Here(part, bytes)),
        (None, Some(version)) => Ok(Place::There(part, version)),
        (None, None) => Err(Error::new(ErrorCode::NotFound, "the part's bytes are not on this device")),
    }
}

fn named(parts: &[Part], name: &str) -> Option<Part> {
    parts.iter().find(|part| part.name == name).cloned()
}
