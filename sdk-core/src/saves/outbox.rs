//! The durable outbox of one player: saves that the server has not acknowledged, one file each.
//!
//! An entry's name is `<number>-<slot's hash>-<f|c>`: the number orders entries, whatever the clocks say.
//! `f` (fixed): the parents are written in the entry, which may have been sent, so it is never changed and
//! repeats with the same key and body. `c` (chained): it follows the slot's entry before it; it was never
//! sent, and when the queue is crowded a newer save of the slot takes its place. [`Outbox::next`] fixes a
//! chained entry before it is sent. Every change happens under one lock between processes and threads; nothing is kept in memory.
//! The records that entries leave behind are in [`super::records`].

use super::records::{ConflictRecord, FailedRecord, SlotRecord};
use super::rules::{Packed, Shape};
use crate::disk::{Disk, Lock, file_stem};
use crate::{Error, clock};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::saves::{Conflict, SAVE_LEN_MAX, SaveVersion};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most entries of one slot that wait, each to become a version of its own: an evening of manual saves.
/// Past that the newest takes the place of the one before it, or autosaves of days offline would fill the disk.
pub(crate) const SLOT_ENTRIES_MAX: usize = 32;
/// Most entries that wait: dozens of slots saved offline again and again.
pub(crate) const ENTRIES_MAX: usize = 1024;
/// Most bytes that wait: many full-sized saves, and still little of a small device's disk.
pub(crate) const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest file: the largest content with its metadata.
pub(crate) const FILE_LEN_MAX: usize = SAVE_LEN_MAX + 64 * 1024;
/// How long a change waits for another process's: each takes a few milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What an entry says beside its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryMeta {
    pub(crate) slot: String,
    /// The idempotency key.
    pub(crate) key: String,
    /// The versions it was made from; absent while it is chained.
    pub(crate) parents: Option<Vec<VersionId>>,
    pub(crate) shape: Shape,
    pub(crate) label: String,
    pub(crate) playtime_ms: i64,
    pub(crate) device_name: String,
    pub(crate) saved_at_ms: i64,
}

/// An entry, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) meta: EntryMeta,
    pub(crate) payload: Bytes,
    path: PathBuf,
}

/// What a new entry is based on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    /// What this device last saw of the slot, or has queued for it.
    Seen,
    /// These versions.
    Exactly(Vec<VersionId>),
}

/// What this device holds of a slot that the server has not acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Unsent {
    pub(crate) meta: EntryMeta,
    pub(crate) payload: Bytes,
}

/// What became of an entry.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "conflicts are rare and short-lived: a box would reach every match"
)]
pub(crate) enum Outcome {
    Acked(SaveVersion),
    Conflict(Conflict),
    Refused(Error),
}

/// A file of the outbox, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    number: u64,
    /// After the number, so that `c` comes after `f`.
    chained: bool,
    stem: String,
}

impl Name {
    fn parse(text: &str) -> Option<Name> {
        let mut parts = text.split('-');
        let (number, stem, kind) = (parts.next()?, parts.next()?, parts.next()?);
        let number = u64::from_str_radix(number, 16).ok()?;
        let chained = match kind {
            "f" => false,
            "c" => true,
            _ => return None,
        };
        Some(Name { number, chained, stem: stem.to_owned() }).filter(|name| name.text() == text)
    }

    fn text(&self) -> String {
        format!("{:016x}-{}-{}", self.number, self.stem, if self.chained { 'c' } else { 'f' })
    }
}

/// The outbox and the records of one player.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    pub(super) disk: Disk,
    pub(super) folder: PathBuf,
}

impl Outbox {
    pub(crate) fn new(disk: Disk, folder: PathBuf) -> Outbox {
        Outbox { disk, folder }
    }

    /// Makes a save durable, and returns its number: higher than that of any entry that waits.
    pub(crate) fn enqueue(&self, mut meta: EntryMeta, packed: &Packed, base: Base) -> Result<u64, Error> {
        let _guard = self.guard("queueing a save")?;
        let failed = |error: io::Error| Error::storage("queueing a save", &error);
        let stem = file_stem(&meta.slot);
        let names = self.scan().map_err(failed)?;
        let of_slot: Vec<&Name> = names.iter().filter(|name| name.stem == stem).collect();
        let blocked = self.disk.exists(&self.conflict_path(&meta.slot));
        let replaced = self.replaced(&names, &of_slot, packed.payload.len());
        self.check_room(&names, replaced.as_slice(), packed.payload.len())?;
        meta.parents = match base {
            _ if blocked || !of_slot.is_empty() => None,
            Base::Exactly(parents) => Some(parents),
            Base::Seen => Some(self.seen_parents(&meta.slot).map_err(failed)?),
        };
        let number = names.last().map_or(1, |name| name.number + 1);
        let name = Name { number, chained: meta.parents.is_none(), stem };
        self.write_entry(&name, &meta, &packed.payload).map_err(failed)?;
        if let Some(name) = replaced {
            // The save is durable already; an older one that stays is sent before it, and does no harm.
            let _ = self.disk.remove(&self.entry_path(name));
        }
        Ok(number)
    }

    /// Ends a conflict: what was queued or kept for the slot gives way to this, on top of both sides.
    pub(crate) fn enqueue_resolved(&self, mut meta: EntryMeta, packed: &Packed) -> Result<u64, Error> {
        let _guard = self.guard("resolving a conflict")?;
        let failed = |error: io::Error| Error::storage("resolving a conflict", &error);
        let stem = file_stem(&meta.slot);
        let names = self.scan().map_err(failed)?;
        let older: Vec<&Name> = names.iter().filter(|name| name.stem == stem).collect();
        let conflict = self.read_conflict(&meta.slot).map_err(failed)?;
        meta.parents = match conflict {
            Some((record, _)) => Some(vec![record.conflict.head.version, record.conflict.kept.version]),
            None if older.is_empty() => Some(self.seen_parents(&meta.slot).map_err(failed)?),
            None => None,
        };
        let is_conflict = self.disk.exists(&self.conflict_path(&meta.slot));
        let number = names.last().map_or(1, |name| name.number + 1);
        let name = Name { number, chained: meta.parents.is_none(), stem };
        self.write_entry(&name, &meta, &packed.payload).map_err(failed)?;
        if is_conflict {
            // Nothing of the slot is sent while the conflict's record is there: it goes last.
            for name in older {
                self.disk.remove(&self.entry_path(name)).map_err(failed)?;
            }
        }
        self.disk.remove(&self.failed_path(&meta.slot)).map_err(failed)?;
        self.disk.remove(&self.conflict_path(&meta.slot)).map_err(failed)?;
        Ok(number)
    }

    /// Ends a conflict or a refusal in favour of the cloud: what this device holds of the slot is dropped.
    pub(crate) fn drop_unsent(&self, slot: &str) -> Result<(), Error> {
        let _guard = self.guard("resolving a conflict")?;
        self.drop_unsent_files(slot).map_err(|error| Error::storage("resolving a conflict", &error))
    }

    /// Forgets everything about a slot, after the server deleted it.
    pub(crate) fn forget(&self, slot: &str) -> Result<(), Error> {
        let _guard = self.guard("deleting a slot")?;
        self.drop_unsent_files(slot)
            .and_then(|()| self.disk.remove(&self.slot_path(slot)))
            .map_err(|error| Error::storage("deleting a slot", &error))
    }

    fn drop_unsent_files(&self, slot: &str) -> io::Result<()> {
        let stem = file_stem(slot);
        for name in self.scan()?.iter().filter(|name| name.stem == stem) {
            self.disk.remove(&self.entry_path(name))?;
        }
        self.disk.remove(&self.failed_path(slot))?;
        self.disk.remove(&self.conflict_path(slot))
    }

    /// The next entry to send: the oldest whose slot waits for nobody. It is fixed before it is returned.
    pub(crate) fn next(&self, skipped_slots: &HashSet<String>) -> Result<Option<Entry>, Error> {
        let _guard = self.guard("reading the queue")?;
        let failed = |error: io::Error| Error::storage("reading the queue", &error);
        let skipped: HashSet<String> = skipped_slots.iter().map(|slot| file_stem(slot)).collect();
        let mut seen = HashSet::new();
        for name in self.scan().map_err(failed)? {
            let first_of_slot = seen.insert(name.stem.clone());
            let blocked = self.disk.exists(&self.folder.join("conflicts").join(&name.stem));
            if !first_of_slot || blocked || skipped.contains(&name.stem) {
                continue;
            }
            let path = self.entry_path(&name);
            match self.disk.read_record::<EntryMeta>(&path, FILE_LEN_MAX) {
                Ok(Some((meta, payload))) => {
                    let entry = Entry { number: name.number, meta, payload, path };
                    return self.fixed(name, entry).map(Some).map_err(failed);
                }
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    tracing::error!(%error, "a queued save is damaged: it is set aside");
                    let aside = path.with_file_name(format!("damaged-{}", name.text()));
                    self.disk.rename(&path, &aside).map_err(failed)?;
                    seen.remove(&name.stem);
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(None)
    }

    /// The entry with its parents written down.
    fn fixed(&self, name: Name, entry: Entry) -> io::Result<Entry> {
        if !name.chained {
            return Ok(entry);
        }
        let parents = Some(self.seen_parents(&entry.meta.slot)?);
        let meta = EntryMeta { parents, ..entry.meta.clone() };
        let fixed = Name { chained: false, ..name };
        self.write_entry(&fixed, &meta, &entry.payload)?;
        self.disk.remove(&entry.path)?;
        Ok(Entry { meta, path: self.entry_path(&fixed), ..entry })
    }

    /// The server stored an entry: the slot's record moves on, then the entry goes.
    pub(crate) fn acked(&self, entry: &Entry, version: &SaveVersion) -> Result<(), Error> {
        self.settle(entry, || {
            let record = SlotRecord {
                slot: entry.meta.slot.clone(),
                key: Some(entry.meta.key.clone()),
                version: version.clone(),
                compression: Some(entry.meta.shape.compression),
            };
            self.write_slot(&record, &entry.payload)?;
            self.disk.remove(&self.failed_path(&entry.meta.slot))
        })
    }

    /// The cloud moved on: the content is kept with the conflict, then the entry goes.
    pub(crate) fn conflicted(&self, entry: &Entry, conflict: &Conflict) -> Result<(), Error> {
        self.settle(entry, || {
            let record = ConflictRecord { entry: entry.meta.clone(), conflict: conflict.clone() };
            self.write_conflict(&record, &entry.payload)
        })
    }

    /// The server refused an entry for good: the content is kept, then the entry goes.
    pub(crate) fn refused(&self, entry: &Entry, error: &Error) -> Result<(), Error> {
        self.settle(entry, || {
            self.write_failed(&FailedRecord::new(entry.meta.clone(), error), &entry.payload)
        })
    }

    /// The version that an entry was made from is gone: it asks again, as a new slot.
    pub(crate) fn rebased(&self, entry: &Entry) -> Result<(), Error> {
        let _guard = self.guard("updating the queue")?;
        // The body changes, so the key must.
        let meta = EntryMeta { parents: Some(Vec::new()), key: clock::random_id(), ..entry.meta.clone() };
        let written = if self.disk.exists(&entry.path) {
            self.disk.write_record(&entry.path, &meta, &entry.payload)
        } else {
            Ok(())
        };
        written.map_err(|error| Error::storage("updating the queue", &error))
    }

    fn settle(&self, entry: &Entry, keep: impl FnOnce() -> io::Result<()>) -> Result<(), Error> {
        let _guard = self.guard("updating the queue")?;
        // Deleted or resolved meanwhile: there is nothing left to settle.
        if !self.disk.exists(&entry.path) {
            return Ok(());
        }
        keep()
            .and_then(|()| self.disk.remove(&entry.path))
            .map_err(|error| Error::storage("updating the queue", &error))
    }

    /// The newest content of a slot that the server has not acknowledged.
    pub(crate) fn unsent(&self, slot: &str) -> Result<Option<Unsent>, Error> {
        let _guard = self.guard("reading the queue")?;
        self.unsent_of(slot).map_err(|error| Error::storage("reading the queue", &error))
    }

    fn unsent_of(&self, slot: &str) -> io::Result<Option<Unsent>> {
        let stem = file_stem(slot);
        for name in self.scan()?.iter().rev().filter(|name| name.stem == stem) {
            match self.disk.read_record(&self.entry_path(name), FILE_LEN_MAX) {
                Ok(Some((meta, payload))) => return Ok(Some(Unsent { meta, payload })),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::InvalidData => {}
                Err(error) => return Err(error),
            }
        }
        if let Some((record, payload)) = self.read_conflict(slot)? {
            return Ok(Some(Unsent { meta: record.entry, payload }));
        }
        let failed = self.read_failed(slot)?;
        Ok(failed.map(|(record, payload)| Unsent { meta: record.entry, payload }))
    }

    /// What this device holds unsent, one for each slot.
    pub(crate) fn all_unsent(&self) -> Result<Vec<Unsent>, Error> {
        let _guard = self.guard("reading the queue")?;
        let read = || -> io::Result<Vec<Unsent>> {
            let mut slots = HashSet::new();
            for name in self.scan()? {
                if let Ok(Some((meta, _))) =
                    self.disk.read_record::<EntryMeta>(&self.entry_path(&name), FILE_LEN_MAX)
                {
                    slots.insert(meta.slot);
                }
            }
            slots.extend(self.record_slots()?);
            let mut unsent = Vec::new();
            for slot in slots {
                unsent.extend(self.unsent_of(&slot)?);
            }
            Ok(unsent)
        };
        read().map_err(|error| Error::storage("reading the queue", &error))
    }

    /// Whether entries of a slot wait.
    pub(crate) fn is_queued(&self, slot: &str) -> bool {
        let stem = file_stem(slot);
        self.names().is_ok_and(|names| names.iter().any(|name| name.stem == stem))
    }

    /// Entries that wait, and conflicts.
    pub(crate) fn pending(&self) -> usize {
        let conflicts = self.disk.names(&self.folder.join("conflicts")).map_or(0, |names| names.len());
        self.names().map_or(0, |names| names.len()) + conflicts
    }

    /// Entries that could be sent now.
    pub(crate) fn sendable(&self) -> usize {
        let conflicts = self.folder.join("conflicts");
        let waits = |name: &&Name| !self.disk.exists(&conflicts.join(&name.stem));
        self.names().map_or(0, |names| names.iter().filter(waits).count())
    }

    /// What became of an entry, from the records; `None` while it waits or when a newer one took its place.
    pub(crate) fn outcome(&self, slot: &str, key: &str) -> Option<Outcome> {
        if let Ok(Some((record, _))) = self.read_conflict(slot)
            && record.entry.key == key
        {
            return Some(Outcome::Conflict(record.conflict));
        }
        if let Ok(Some((record, _))) = self.read_failed(slot)
            && record.entry.key == key
        {
            return Some(Outcome::Refused(record.error()));
        }
        let (record, _) = self.read_slot(slot).ok()??;
        (record.key.as_deref() == Some(key)).then_some(Outcome::Acked(record.version))
    }

    /// The right to send: held by one process at a time, freed with it. `None` while another has it.
    pub(crate) fn try_send_lock(&self) -> Result<Option<Lock>, Error> {
        self.disk
            .try_lock(&self.folder.join("send.lock"))
            .map_err(|error| Error::storage("locking the queue", &error))
    }

    /// The lock for every change of this player's files.
    pub(super) fn guard(&self, doing: &str) -> Result<Lock, Error> {
        self.disk.lock(&self.folder.join("lock"), LOCK_WAIT).map_err(|error| Error::storage(doing, &error))
    }

    /// The parents of a save made now, when nothing of its slot waits. A device that never saw the slot may
    /// only create it.
    fn seen_parents(&self, slot: &str) -> io::Result<Vec<VersionId>> {
        Ok(self.read_slot(slot)?.map(|(record, _)| record.version.version).into_iter().collect())
    }

    /// The entry that gives way to a new one: none, unless saves of the slot or all saves fill the queue;
    /// then the newest of the slot that was never sent.
    fn replaced<'n>(&self, names: &[Name], of_slot: &[&'n Name], len: usize) -> Option<&'n Name> {
        let crowded = of_slot.len() >= SLOT_ENTRIES_MAX || self.check_room(names, &[], len).is_err();
        of_slot.last().copied().filter(|name| crowded && name.chained)
    }

    fn check_room(&self, names: &[Name], replaced: &[&Name], len: usize) -> Result<(), Error> {
        let counted = names.iter().filter(|name| !replaced.contains(name));
        let bytes: u64 = counted.clone().map(|name| self.disk.len(&self.entry_path(name))).sum();
        if counted.count() >= ENTRIES_MAX || bytes + len as u64 > BYTES_MAX {
            let message = format!(
                "unsent saves fill the queue ({ENTRIES_MAX} saves or {BYTES_MAX} bytes): go online and flush first"
            );
            return Err(Error::new(ErrorCode::QueueFull, message));
        }
        Ok(())
    }

    fn write_entry(&self, name: &Name, meta: &EntryMeta, payload: &[u8]) -> io::Result<()> {
        let path = self.entry_path(name);
        self.disk.write_record(&path, meta, payload).inspect_err(|_| {
            // What was refused must not be sent later: the last step, the folder's fsync, may be what failed.
            let _ = self.disk.remove(&path);
        })
    }

    fn entry_path(&self, name: &Name) -> PathBuf {
        self.queue().join(name.text())
    }

    fn queue(&self) -> PathBuf {
        self.folder.join("queue")
    }

    fn names(&self) -> io::Result<Vec<Name>> {
        let mut names: Vec<Name> =
            self.disk.names(&self.queue())?.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The entries in order, after tidying what a crash left. Only under the guard.
    fn scan(&self) -> io::Result<Vec<Name>> {
        self.disk.sweep(&self.queue());
        let mut names = self.names()?;
        // Fixed and chained under one number: the crash came between writing the one and removing the other.
        for at in (1..names.len()).rev() {
            if names[at].number == names[at - 1].number && names[at].stem == names[at - 1].stem {
                self.disk.remove(&self.entry_path(&names[at]))?;
                names.remove(at);
            }
        }
        Ok(names)
    }
}

/// The folder of a player below a server's and game's.
pub(crate) fn player_folder(scope: &Path, player: &PlayerId) -> PathBuf {
    scope.join("players").join(player.as_str())
}
