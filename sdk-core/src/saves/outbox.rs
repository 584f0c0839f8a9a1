//! The durable outbox of one player: saves that the server has not acknowledged, one file each.
//!
//! An entry's name is `<number>-<slot's hash>-<f|c|l>`: the number orders entries, whatever the clocks say.
//! `f` (fixed): the parents are written in the entry, which may have been sent, so it is never changed and
//! repeats with the same key and body. `c` (chained): it follows the slot's entry before it; it was never
//! sent, and when the queue is crowded a newer save of the slot takes its place. `l` (late): an autosave that was
//! never sent; any newer save of the slot takes its place. [`Outbox::next_few`] fixes a chained or late
//! entry before it is sent. Every change happens under one lock between processes and threads; nothing is kept in memory.
//! A save behind one that met a conflict is sent on that one's side line, beside the cloud's head; the last of
//! them is merged ([`super::conflicts`]). The words are in [`super::entries`], what answers do to entries in
//! [`super::settling`], the records that entries leave behind in [`super::records`].

use super::entries::{Base, Entry, EntryMeta, Name, Stamp, Unsent};
use super::parts::PartChange;
use super::records::SlotRecord;
use super::rules::Packed;
use super::stamps::Stamps;
use crate::Error;
use crate::disk::{Disk, Lock, file_stem};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::saves::{PARTS_MAX, Part, SAVE_LEN_MAX};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most entries of one slot that wait, each to become a version of its own: an evening of manual saves.
/// Past that the newest takes the place of the one before it, or autosaves of days offline would fill the disk.
pub(crate) const SLOT_ENTRIES_MAX: usize = 32;
/// Most entries that wait: dozens of slots saved offline again and again.
pub(crate) const ENTRIES_MAX: usize = 1024;
/// Most bytes that wait: many full-sized saves, and still little of a small device's disk.
pub(crate) const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest file: the largest content, which zstd may lengthen a little, with its metadata: at most four versions with
/// all their parts and devices.
pub(crate) const FILE_LEN_MAX: usize = SAVE_LEN_MAX + SAVE_LEN_MAX / 64 + 256 * 1024;
/// How long a change waits for another process's: each takes a few milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// The outbox and the records of one player.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    pub(super) disk: Disk,
    pub(super) folder: PathBuf,
    pub(super) stamps: Arc<Stamps>,
}

/// What the game's next save of a slot is made from.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) stamp: Stamp,
    pub(super) parts: Vec<Part>,
    pub(super) schema: i64,
}

impl Line {
    fn of_entry(meta: EntryMeta) -> Line {
        Line { stamp: meta.stamp, parts: meta.parts, schema: meta.schema }
    }

    fn of_record(record: SlotRecord) -> Line {
        let version = record.version;
        Line { stamp: Stamp::of(&version), parts: version.parts, schema: version.schema }
    }
}

impl Outbox {
    pub(crate) fn new(disk: Disk, folder: PathBuf) -> Outbox {
        Outbox { disk, folder, stamps: Arc::default() }
    }

    /// With the stamps that this process shares for the player.
    pub(crate) fn sharing(self, stamps: Arc<Stamps>) -> Outbox {
        Outbox { stamps, ..self }
    }

    /// Makes a save durable, and returns its number: higher than that of any entry that waits. Parts that
    /// are not among the changes stay as they are in what it is made from.
    pub(crate) fn enqueue(
        &self,
        meta: EntryMeta,
        packed: &Packed,
        base: Base,
        changes: &[PartChange],
    ) -> Result<u64, Error> {
        self.enqueue_as(meta, packed, base, changes, false)
    }

    /// As [`Outbox::enqueue`], for an autosave: until it is sent, a newer save of the slot takes its place.
    pub(crate) fn enqueue_late(
        &self,
        meta: EntryMeta,
        packed: &Packed,
        base: Base,
        changes: &[PartChange],
    ) -> Result<u64, Error> {
        self.enqueue_as(meta, packed, base, changes, true)
    }

    fn enqueue_as(
        &self,
        mut meta: EntryMeta,
        packed: &Packed,
        base: Base,
        changes: &[PartChange],
        late: bool,
    ) -> Result<u64, Error> {
        let _guard = self.guard("queueing a save")?;
        let failed = |error: io::Error| Error::storage("queueing a save", &error);
        let stem = file_stem(&meta.slot);
        let names = self.scan().map_err(failed)?;
        let of_slot: Vec<&Name> = names.iter().filter(|name| name.stem == stem).collect();
        let conflict = self.read_conflict(&meta.slot).map_err(failed)?;
        let blocked = conflict.is_some();
        let replaced = self.replaced(&names, &of_slot, packed.payload.len());
        self.check_room(&names, replaced.as_slice(), packed.payload.len())?;
        let line = self.line(&meta.slot, &of_slot).map_err(failed)?;
        if meta.schema > 0 && line.schema > meta.schema {
            return Err(newer_schema(line.schema, meta.schema));
        }
        meta.parts = match base {
            Base::Seen => changed_parts(line.parts, changes)?,
            Base::Exactly(_) => changed_parts(Vec::new(), changes)?,
        };
        meta.parents = match base {
            _ if blocked || of_slot.iter().any(|name| !name.late) => None,
            Base::Exactly(parents) => Some(parents),
            Base::Seen => Some(self.seen_parents(&meta.slot).map_err(failed)?),
        };
        self.keep_parts(changes)?;
        meta.stamp = self.stamp(&line.stamp).map_err(failed)?;
        // The merge of a conflict takes the conflict's number: it goes before this save.
        let waiting = conflict.map_or(0, |(record, _)| record.number);
        let number = names.last().map_or(0, |name| name.number).max(waiting) + 1;
        let name = Name { number, chained: late || meta.parents.is_none(), stem, late };
        self.write_entry(&name, &meta, &packed.payload).map_err(failed)?;
        if let Some(name) = replaced {
            // The save is durable already. A chained one that stays is sent before it, and does no harm; a late
            // one goes with the next scan.
            let _ = self.disk.remove(&self.entry_path(name));
        }
        Ok(number)
    }

    /// What the game last knew of a slot: its newest save, or what it last loaded. A merge that it has not
    /// loaded is not among it.
    pub(super) fn line(&self, slot: &str, of_slot: &[&Name]) -> io::Result<Line> {
        let view = self.read_view(slot)?;
        let is_known = |meta: &EntryMeta| !meta.merged || view.is_none();
        for name in of_slot.iter().rev() {
            if let Ok(Some((meta, _))) =
                self.disk.read_record::<EntryMeta>(&self.entry_path(name), FILE_LEN_MAX)
                && is_known(&meta)
            {
                return Ok(Line::of_entry(meta));
            }
        }
        if let Some((record, _)) = self.read_conflict(slot)?
            && is_known(&record.entry)
        {
            return Ok(Line::of_entry(record.entry));
        }
        if let Some((record, _)) = view {
            return Ok(Line::of_record(record));
        }
        if let Some((record, _)) = self.read_failed(slot)? {
            return Ok(Line::of_entry(record.entry));
        }
        Ok(self.read_slot(slot)?.map(|(record, _)| Line::of_record(record)).unwrap_or_default())
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
            .and_then(|()| self.remove_slot(slot))
            .map_err(|error| Error::storage("deleting a slot", &error))
    }

    fn drop_unsent_files(&self, slot: &str) -> io::Result<()> {
        let stem = file_stem(slot);
        for name in self.scan()?.iter().filter(|name| name.stem == stem) {
            self.disk.remove(&self.entry_path(name))?;
        }
        self.disk.remove(&self.failed_path(slot))?;
        self.disk.remove(&self.view_path(slot))?;
        self.disk.remove(&self.head_path(slot))?;
        self.disk.remove(&self.conflict_path(slot))
    }

    /// The next entry to send: the first of [`Outbox::next_few`].
    #[cfg(test)]
    pub(crate) fn next(&self, skipped_slots: &HashSet<String>) -> Result<Option<Entry>, Error> {
        self.next_but(skipped_slots, &HashSet::new())
    }

    /// As [`Outbox::next`], while the autosaves of some slots wait for newer ones.
    #[cfg(test)]
    pub(crate) fn next_but(
        &self,
        skipped_slots: &HashSet<String>,
        held_slots: &HashSet<String>,
    ) -> Result<Option<Entry>, Error> {
        Ok(self.next_few(skipped_slots, held_slots, 1)?.pop())
    }

    /// The entry with its parents written down.
    pub(super) fn fixed(&self, name: Name, entry: Entry) -> io::Result<Entry> {
        if !name.chained {
            return Ok(entry);
        }
        let parents = Some(match (self.read_conflict(&entry.meta.slot)?, &entry.meta.parents) {
            // On the side line of the save before it.
            (Some((record, _)), _) => vec![record.conflict.kept.version],
            // An autosave that knew them from the start.
            (None, Some(parents)) => parents.clone(),
            (None, None) => self.seen_parents(&entry.meta.slot)?,
        });
        let meta = EntryMeta { parents, ..entry.meta.clone() };
        self.fix(name, Entry { meta, ..entry })
    }

    /// Writes down what an entry is made from: from here on it may have been sent.
    pub(super) fn fix(&self, name: Name, entry: Entry) -> io::Result<Entry> {
        let fixed = Name { chained: false, late: false, ..name };
        self.write_entry(&fixed, &entry.meta, &entry.payload)?;
        self.disk.remove(&entry.path)?;
        Ok(Entry { path: self.entry_path(&fixed), ..entry })
    }

    /// The newest content of a slot that the server has not acknowledged.
    pub(crate) fn unsent(&self, slot: &str) -> Result<Option<Unsent>, Error> {
        let _guard = self.guard("reading the queue")?;
        self.unsent_of(slot).map_err(|error| Error::storage("reading the queue", &error))
    }

    pub(super) fn unsent_of(&self, slot: &str) -> io::Result<Option<Unsent>> {
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

    /// Entries that could be sent now, and conflicts that could be merged.
    pub(crate) fn sendable(&self) -> usize {
        let Ok(conflicts) = self.conflict_states() else { return 1 };
        let waits = |name: &&Name| !conflicts.iter().any(|(stem, asked)| *asked && *stem == name.stem);
        let entries = self.names().map_or(0, |names| names.iter().filter(waits).count());
        entries + conflicts.iter().filter(|(_, asked)| !asked).count()
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
    pub(super) fn seen_parents(&self, slot: &str) -> io::Result<Vec<VersionId>> {
        let seen = match self.read_view(slot)? {
            Some(view) => Some(view),
            None => self.read_slot(slot)?,
        };
        Ok(seen.map(|(record, _)| record.version.version).into_iter().collect())
    }

    /// The entry that gives way to a new one: none, unless saves of the slot or all saves fill the queue;
    /// then the newest of the slot that was never sent.
    fn replaced<'n>(&self, names: &[Name], of_slot: &[&'n Name], len: usize) -> Option<&'n Name> {
        let crowded = of_slot.len() >= SLOT_ENTRIES_MAX || self.check_room(names, &[], len).is_err();
        of_slot.last().copied().filter(|name| name.late || (crowded && name.chained))
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

    pub(super) fn write_entry(&self, name: &Name, meta: &EntryMeta, payload: &[u8]) -> io::Result<()> {
        let path = self.entry_path(name);
        self.disk.write_record(&path, meta, payload).inspect_err(|_| {
            // What was refused must not be sent later: the last step, the folder's fsync, may be what failed.
            let _ = self.disk.remove(&path);
        })
    }

    pub(super) fn entry_path(&self, name: &Name) -> PathBuf {
        self.queue().join(name.text())
    }

    fn queue(&self) -> PathBuf {
        self.folder.join("queue")
    }

    pub(super) fn names(&self) -> io::Result<Vec<Name>> {
        let mut names: Vec<Name> =
            self.disk.names(&self.queue())?.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The entries in order, after tidying what a crash left. Only under the guard.
    pub(super) fn scan(&self) -> io::Result<Vec<Name>> {
        self.disk.sweep(&self.queue());
        let mut names = self.names()?;
        // Fixed and chained under one number: the crash came between writing the one and removing the other.
        for at in (1..names.len()).rev() {
            if names[at].number == names[at - 1].number && names[at].stem == names[at - 1].stem {
                self.disk.remove(&self.entry_path(&names[at]))?;
                names.remove(at);
            }
        }
        // An autosave before a newer save of its slot: the crash came before its place was taken.
        let mut newer = HashSet::new();
        for at in (0..names.len()).rev() {
            if !newer.insert(names[at].stem.clone()) && names[at].late {
                self.disk.remove(&self.entry_path(&names[at]))?;
                names.remove(at);
            }
        }
        Ok(names)
    }
}

fn newer_schema(found: i64, ours: i64) -> Error {
    let message = format!(
        "the slot was written with schema {found}, this game writes {ours}: update the game; nothing was saved"
    );
    Error::new(ErrorCode::NewerSchema, message)
}

/// The parts after some were set and some removed; by name.
fn changed_parts(mut parts: Vec<Part>, changes: &[PartChange]) -> Result<Vec<Part>, Error> {
    for change in changes {
        parts.retain(|part| part.name != change.name);
        parts.extend(change.part.clone());
    }
    if parts.len() > PARTS_MAX {
        return Err(Error::argument(format!("a save has at most {PARTS_MAX} parts")));
    }
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parts)
}

/// The folder of a player below a server's and game's.
pub(crate) fn player_folder(scope: &Path, player: &PlayerId) -> PathBuf {
    scope.join("players").join(player.as_str())
}
