//! What stays of saves on this device: for each slot what was last seen of the cloud with an offline
//! copy, and what could not be sent with the reason.
//!
//! One file a slot in `slots`, `conflicts` and `failed`; its name is the slot's hash. Of a slot's record the one before
//! it is kept too (ending `.1`). A conflict's record blocks the slot's entries while somebody is needed; what
//! else belongs to conflicts is in [`super::conflicts`].

use super::entries::EntryMeta;
use super::outbox::{FILE_LEN_MAX, Outbox};
use super::rules::{Packed, shape_of};
use crate::Error;
use crate::disk::file_stem;
use aethex_wire::ErrorCode;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::{Compression, Conflict, SaveVersion};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// What this device last saw of a slot in the cloud: the base of its next save.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SlotRecord {
    pub(crate) slot: String,
    /// The key of the entry that became this version, when it was this device's.
    pub(crate) key: Option<String>,
    pub(crate) version: SaveVersion,
    /// How the payload is compressed; absent when there is no copy of the content.
    pub(crate) compression: Option<Compression>,
    /// Keys of older saves that went into it.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
}

impl SlotRecord {
    /// A version with its content, as it is read from the cloud.
    pub(crate) fn of(version: &SaveVersion, packed: Option<&Packed>) -> SlotRecord {
        SlotRecord {
            slot: version.slot.clone(),
            key: None,
            version: version.clone(),
            compression: packed.map(|packed| packed.shape.compression),
            keys: Vec::new(),
        }
    }

    /// The content, when there is a copy.
    pub(crate) fn packed(&self, payload: Bytes) -> Option<Packed> {
        Some(Packed { shape: shape_of(&self.version, self.compression?), payload })
    }
}

/// A save that the cloud moved on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConflictRecord {
    pub(crate) entry: EntryMeta,
    pub(crate) conflict: Conflict,
    /// The entry's number: the merge takes its place.
    #[serde(default)]
    pub(crate) number: u64,
    /// The merge needs somebody. False while it was not tried.
    #[serde(default)]
    pub(crate) asked: bool,
    /// Keys of older saves on the same side line.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    /// Both are kept: this device's save is becoming a slot of its own.
    #[serde(default)]
    pub(crate) copy: Option<CopyTo>,
}

/// The slot that one side of a conflict becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopyTo {
    pub(crate) slot: String,
    /// The idempotency key of its first save.
    pub(crate) key: String,
}

/// A save that the server refused for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FailedRecord {
    pub(crate) entry: EntryMeta,
    code: ErrorCode,
    message: String,
    request_id: Option<String>,
}

impl FailedRecord {
    pub(crate) fn new(entry: EntryMeta, error: &Error) -> FailedRecord {
        FailedRecord {
            entry,
            code: error.code,
            message: error.message.clone(),
            request_id: error.request_id.clone(),
        }
    }

    pub(crate) fn error(&self) -> Error {
        Error { request_id: self.request_id.clone(), ..Error::new(self.code, self.message.clone()) }
    }
}

/// Ending of a slot's record before the newest.
const OLDER_ENDING: &str = "1";

/// The stem of a record's file, of either generation.
fn stem_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl Outbox {
    /// The version a save of this slot would be based on.
    pub(crate) fn base(&self, slot: &str) -> Result<Option<VersionId>, Error> {
        let record =
            self.read_slot(slot).map_err(|error| Error::storage("reading a slot's record", &error))?;
        Ok(record.map(|(record, _)| record.version.version))
    }

    /// The offline copy of a slot.
    pub(crate) fn cached(&self, slot: &str) -> Result<Option<(SaveVersion, Packed)>, Error> {
        let record =
            self.read_slot(slot).map_err(|error| Error::storage("reading an offline copy", &error))?;
        Ok(record.and_then(|(record, payload)| {
            let packed = record.packed(payload)?;
            Some((record.version, packed))
        }))
    }

    /// Every slot's version as this device last saw it.
    pub(crate) fn cached_versions(&self) -> Result<Vec<SaveVersion>, Error> {
        let folder = self.folder.join("slots");
        let failed = |error: io::Error| Error::storage("reading offline copies", &error);
        let mut versions = Vec::new();
        let names = self.disk.names(&folder).map_err(failed)?;
        let stems: HashSet<&str> = names.iter().map(|name| stem_of(name)).collect();
        for stem in stems {
            versions.extend(self.read_generations(stem).map_err(failed)?.map(|(record, _)| record.version));
        }
        Ok(versions)
    }

    /// Takes over what the server answered to a load that began when the base was `before`: the game has seen
    /// it. Does nothing, and says so, when the slot moved on meanwhile.
    pub(crate) fn loaded(
        &self,
        before: Option<&VersionId>,
        version: &SaveVersion,
        packed: Option<&Packed>,
    ) -> Result<bool, Error> {
        let _guard = self.guard("keeping an offline copy")?;
        let slot = &version.slot;
        let is_unsent = self.is_queued(slot) || self.disk.exists(&self.conflict_path(slot));
        if is_unsent || self.base(slot)?.as_ref() != before {
            return Ok(false);
        }
        let payload = packed.map(|packed| packed.payload.clone()).unwrap_or_default();
        self.write_slot(&SlotRecord::of(version, packed), &payload)
            .and_then(|()| self.disk.remove(&self.view_path(slot)))
            .map_err(|error| Error::storage("keeping an offline copy", &error))?;
        Ok(true)
    }

    /// The offline copy was given to the game: it has seen what the slot holds.
    pub(crate) fn seen_copy(&self, slot: &str) -> Result<(), Error> {
        if !self.disk.exists(&self.view_path(slot)) {
            return Ok(());
        }
        let _guard = self.guard("reading an offline copy")?;
        if self.is_queued(slot) || self.disk.exists(&self.conflict_path(slot)) {
            return Ok(());
        }
        self.disk
            .remove(&self.view_path(slot))
            .map_err(|error| Error::storage("reading an offline copy", &error))
    }

    /// Takes another player's offline copies over: those that are the heads of slots that this one has now. The
    /// other's are gone then.
    pub(crate) fn inherit(&self, other: &Outbox, heads: &[SaveVersion]) -> Result<(), Error> {
        let failed = |error: io::Error| Error::storage("moving offline copies", &error);
        for head in heads {
            let copy = other.read_slot(&head.slot).map_err(failed)?;
            let copy = copy.filter(|(record, _)| record.version.version == head.version);
            if let Some((record, payload)) = copy {
                let packed = record.packed(payload);
                self.loaded(self.base(&head.slot)?.as_ref(), &record.version, packed.as_ref())?;
            }
        }
        let folder = other.folder.join("slots");
        for name in other.disk.names(&folder).map_err(failed)? {
            other.disk.remove(&folder.join(name)).map_err(failed)?;
        }
        Ok(())
    }

    /// The server has no save in this slot (any more): neither have we, but for what is unsent.
    pub(crate) fn vanished(&self, slot: &str, before: Option<&VersionId>) -> Result<(), Error> {
        let _guard = self.guard("removing an offline copy")?;
        if before.is_none() || self.base(slot)?.as_ref() != before {
            return Ok(());
        }
        self.remove_slot(slot)
            .and_then(|()| self.disk.remove(&self.view_path(slot)))
            .map_err(|error| Error::storage("removing an offline copy", &error))
    }

    /// The conflict of a slot, when somebody is needed.
    pub(crate) fn conflict(&self, slot: &str) -> Result<Option<Conflict>, Error> {
        let record =
            self.read_conflict(slot).map_err(|error| Error::storage("reading a conflict", &error))?;
        Ok(record.filter(|(record, _)| record.asked).map(|(record, _)| record.conflict))
    }

    /// The refusal of a slot's save.
    pub(crate) fn failure(&self, slot: &str) -> Result<Option<Error>, Error> {
        let record =
            self.read_failed(slot).map_err(|error| Error::storage("reading a refused save", &error))?;
        Ok(record.map(|(record, _)| record.error()))
    }

    /// A conflict or refusal of any slot: what stands between the player and "all is in the cloud".
    pub(crate) fn any_unresolved(&self) -> Result<Option<Error>, Error> {
        let slots = self.record_slots().map_err(|error| Error::storage("reading the queue", &error))?;
        for slot in slots {
            if let Some(conflict) = self.conflict(&slot)? {
                return Ok(Some(unresolved(conflict)));
            }
            if let Some(error) = self.failure(&slot)? {
                return Ok(Some(error));
            }
        }
        Ok(None)
    }

    /// Whether somebody is needed for a conflict.
    pub(crate) fn has_conflict(&self, slot: &str) -> bool {
        self.disk.exists(&self.conflict_path(slot)) && self.conflict(slot).is_ok_and(|found| found.is_some())
    }

    /// Whether a conflict is being merged.
    pub(crate) fn is_merging(&self, slot: &str) -> bool {
        self.disk.exists(&self.conflict_path(slot)) && !self.has_conflict(slot)
    }

    pub(crate) fn has_failed(&self, slot: &str) -> bool {
        self.disk.exists(&self.failed_path(slot))
    }

    pub(crate) fn has_seen(&self, slot: &str) -> bool {
        self.disk.exists(&self.slot_path(slot)) || self.disk.exists(&self.older_path(slot))
    }

    /// Writes a slot's record; the one before it is kept, for when this one is damaged.
    pub(super) fn write_slot(&self, record: &SlotRecord, payload: &[u8]) -> io::Result<()> {
        let path = self.slot_path(&record.slot);
        let before = self.read::<SlotRecord>(path.clone())?;
        // The same again, after a crash, is not another generation.
        if before.is_some_and(|(before, _)| before.version.version != record.version.version) {
            self.disk.rename(&path, &self.older_path(&record.slot))?;
        }
        self.write_kept(path, record, payload)
    }

    pub(super) fn remove_slot(&self, slot: &str) -> io::Result<()> {
        self.disk.remove(&self.older_path(slot))?;
        self.disk.remove(&self.slot_path(slot))
    }

    pub(super) fn write_conflict(&self, record: &ConflictRecord, payload: &[u8]) -> io::Result<()> {
        self.write_kept(self.conflict_path(&record.entry.slot), record, payload)
    }

    pub(super) fn write_failed(&self, record: &FailedRecord, payload: &[u8]) -> io::Result<()> {
        self.write_kept(self.failed_path(&record.entry.slot), record, payload)
    }

    pub(super) fn write_kept(
        &self,
        path: PathBuf,
        record: &impl Serialize,
        payload: &[u8],
    ) -> io::Result<()> {
        path.parent().inspect(|folder| self.disk.sweep(folder));
        self.disk.write_record(&path, record, payload)
    }

    /// The slot's record; the one before it when it is damaged or a crash came between the two. Without either
    /// the next save meets the cloud's head in a conflict instead of overwriting it.
    pub(super) fn read_slot(&self, slot: &str) -> io::Result<Option<(SlotRecord, Bytes)>> {
        self.read_generations(&file_stem(slot))
    }

    fn read_generations(&self, stem: &str) -> io::Result<Option<(SlotRecord, Bytes)>> {
        let path = self.folder.join("slots").join(stem);
        match self.read(path.clone())? {
            Some(newest) => Ok(Some(newest)),
            None => self.read(path.with_extension(OLDER_ENDING)),
        }
    }

    /// The slot's record before the newest.
    pub(super) fn read_older(&self, slot: &str) -> io::Result<Option<(SlotRecord, Bytes)>> {
        self.read(self.older_path(slot))
    }

    pub(super) fn read_conflict(&self, slot: &str) -> io::Result<Option<(ConflictRecord, Bytes)>> {
        self.read(self.conflict_path(slot))
    }

    pub(super) fn read_failed(&self, slot: &str) -> io::Result<Option<(FailedRecord, Bytes)>> {
        self.read(self.failed_path(slot))
    }

    /// The slots that have a conflict or a refused save.
    pub(super) fn record_slots(&self) -> io::Result<Vec<String>> {
        let mut slots = Vec::new();
        for name in self.disk.names(&self.folder.join("conflicts"))? {
            let path = self.folder.join("conflicts").join(name);
            slots.extend(self.read::<ConflictRecord>(path)?.map(|(record, _)| record.entry.slot));
        }
        for name in self.disk.names(&self.folder.join("failed"))? {
            let path = self.folder.join("failed").join(name);
            slots.extend(self.read::<FailedRecord>(path)?.map(|(record, _)| record.entry.slot));
        }
        Ok(slots)
    }

    pub(super) fn slot_path(&self, slot: &str) -> PathBuf {
        self.folder.join("slots").join(file_stem(slot))
    }

    fn older_path(&self, slot: &str) -> PathBuf {
        self.slot_path(slot).with_extension(OLDER_ENDING)
    }

    pub(super) fn conflict_path(&self, slot: &str) -> PathBuf {
        self.folder.join("conflicts").join(file_stem(slot))
    }

    pub(super) fn failed_path(&self, slot: &str) -> PathBuf {
        self.folder.join("failed").join(file_stem(slot))
    }

    pub(super) fn read<T: serde::de::DeserializeOwned>(
        &self,
        path: PathBuf,
    ) -> io::Result<Option<(T, Bytes)>> {
        match self.disk.read_record(&path, FILE_LEN_MAX) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                tracing::error!(%error, "a save's record is damaged: it is taken as missing");
                Ok(None)
            }
            other => other,
        }
    }
}

/// The error that tells of a conflict.
pub(crate) fn unresolved(conflict: Conflict) -> Error {
    let slot = conflict.head.slot.clone();
    let message = format!(
        "the cloud holds another save in slot {slot:?} than this one was made from; both are kept: call resolve"
    );
    Error::saves_conflict(conflict, message)
}
