//! Conflicts on this device: what is kept of them, and how they end, at any crash.
//!
//! A conflict's record holds the slot's newest save that the server kept beside the head. First it is *open*: saves
//! behind it go on the same side line, then the merge of the last one is tried. Either the merge takes the save's
//! place in the queue, made from both sides, or the record is *asked* and waits for somebody.
//!
//! After a merge the game has not seen what the cloud brought. So a *view* stays: the side that the game
//! knows, as the server kept it. Saves that the game makes from there have it as parent, meet the merge as
//! a conflict, and are merged with their true ancestor: nothing counts twice, nothing is overwritten. The view
//! ends when the game loads the slot or saves what is the head.

use super::entries::{EntryMeta, Name, Unsent};
use super::outbox::{FILE_LEN_MAX, Outbox};
use super::records::{ConflictRecord, CopyTo, SlotRecord};
use super::rules::Packed;
use crate::disk::file_stem;
use crate::{Error, clock};
use aethex_wire::ids::VersionId;
use aethex_wire::saves::SaveVersion;
use bytes::Bytes;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

/// A conflict that can be merged, with what this device has of it.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) record: ConflictRecord,
    /// The newest save of the slot: the conflict's, unless somebody is needed and newer ones wait behind it.
    pub(crate) local: Unsent,
}

impl Outbox {
    /// A slot whose merge is to be tried: its side line is sent.
    pub(crate) fn next_merge(&self, skipped_slots: &HashSet<String>) -> Result<Option<String>, Error> {
        let _guard = self.guard("reading a conflict")?;
        let failed = |error: io::Error| Error::storage("reading a conflict", &error);
        self.tidy_conflicts().map_err(failed)?;
        let names = self.names().map_err(failed)?;
        for stem in self.disk.names(&self.folder.join("conflicts")).map_err(failed)? {
            let Some((record, _)) = self.read_conflict_of(&stem).map_err(failed)? else { continue };
            let line_is_sent = record.entry.merged || names.iter().all(|name| name.stem != stem);
            if !record.asked && line_is_sent && !skipped_slots.contains(&record.entry.slot) {
                return Ok(Some(record.entry.slot));
            }
        }
        Ok(None)
    }

    /// The conflict of a slot, open or asked.
    pub(crate) fn open_conflict(&self, slot: &str) -> Result<Option<Open>, Error> {
        let _guard = self.guard("reading a conflict")?;
        let read = || -> io::Result<Option<Open>> {
            let Some((record, payload)) = self.read_conflict(slot)? else { return Ok(None) };
            let kept = Unsent { meta: record.entry.clone(), payload };
            // A game's save that waits behind a merge is none of its business: it has another line.
            let newest = if record.entry.merged { None } else { self.unsent_of(slot)? };
            Ok(Some(Open { record, local: newest.unwrap_or(kept) }))
        };
        read().map_err(|error| Error::storage("reading a conflict", &error))
    }

    /// This device's copy of a version's content, if there is one.
    pub(crate) fn copy_of(
        &self,
        slot: &str,
        version: &VersionId,
    ) -> Result<Option<(SaveVersion, Packed)>, Error> {
        let read = || -> io::Result<Option<(SaveVersion, Packed)>> {
            let copies =
                [self.read_slot(slot)?, self.read_view(slot)?, self.read_head(slot)?, self.read_older(slot)?];
            let copy = copies.into_iter().flatten().find(|(record, _)| {
                record.version.version == *version && record.compression.is_some() && !record.version.deleted
            });
            Ok(copy.and_then(|(record, payload)| {
                let packed = record.packed(payload)?;
                Some((record.version, packed))
            }))
        };
        read().map_err(|error| Error::storage("reading an offline copy", &error))
    }

    /// This device's copy of what its save with this key became, if that is what it last saw of the slot.
    pub(crate) fn copy_of_key(&self, slot: &str, key: &str) -> Result<Option<(SaveVersion, Packed)>, Error> {
        let record =
            self.read_slot(slot).map_err(|error| Error::storage("reading an offline copy", &error))?;
        let record = record.filter(|(record, _)| record.key.as_deref() == Some(key));
        Ok(record.and_then(|(record, payload)| Some((record.version.clone(), record.packed(payload)?))))
    }

    /// A merge that needs nobody: it takes the place of the conflict's save. False when the slot moved on
    /// meanwhile, and the merge is to be tried again.
    pub(crate) fn enqueue_merged(
        &self,
        open: &Open,
        mut meta: EntryMeta,
        packed: &Packed,
        head: Option<&(SaveVersion, Packed)>,
    ) -> Result<bool, Error> {
        let _guard = self.guard("queueing a merge")?;
        let mut write = || -> io::Result<bool> {
            let slot = &open.record.entry.slot;
            let Some((record, payload)) = self.read_conflict(slot)? else { return Ok(false) };
            let stem = file_stem(slot);
            let is_behind = self.scan()?.iter().any(|name| name.stem == stem);
            if record.entry.key != open.record.entry.key
                || record.asked
                || (is_behind && !record.entry.merged)
            {
                return Ok(false);
            }
            self.keep_view(&record, &payload)?;
            if let Some((version, packed)) = head {
                self.write_slot(&SlotRecord::of(version, Some(packed)), &packed.payload)?;
            }
            meta.merged = true;
            meta.stands_for = record.keys.iter().cloned().chain([record.entry.key.clone()]).collect();
            meta.parents = Some(both_sides(&record));
            let name = Name { number: record.number, chained: false, stem, late: false };
            self.write_entry(&name, &meta, &packed.payload)?;
            self.end_conflict(slot)?;
            Ok(true)
        };
        write().map_err(|error| Error::storage("queueing a merge", &error))
    }

    /// The merge needs somebody: the slot waits. The cloud's side is kept, so that it can be shown offline. False
    /// when the slot moved on meanwhile.
    pub(crate) fn ask(&self, open: &Open, head: Option<&(SaveVersion, Packed)>) -> Result<bool, Error> {
        let _guard = self.guard("keeping a conflict")?;
        let write = || -> io::Result<bool> {
            let slot = &open.record.entry.slot;
            let Some((record, payload)) = self.read_conflict(slot)? else { return Ok(false) };
            if record.entry.key != open.record.entry.key {
                return Ok(false);
            }
            if let Some((version, packed)) = head {
                let record = SlotRecord::of(version, Some(packed));
                self.write_kept(self.head_path(slot), &record, &packed.payload)?;
            }
            self.write_conflict(&ConflictRecord { asked: true, ..record }, &payload)?;
            Ok(true)
        };
        write().map_err(|error| Error::storage("keeping a conflict", &error))
    }

    /// Conflicts that needed somebody are tried again: the rules have changed.
    pub(crate) fn reopen_conflicts(&self) -> Result<(), Error> {
        let _guard = self.guard("reading a conflict")?;
        let write = || -> io::Result<()> {
            for stem in self.disk.names(&self.folder.join("conflicts"))? {
                if let Some((record, payload)) = self.read_conflict_of(&stem)?
                    && record.asked
                {
                    self.write_conflict(&ConflictRecord { asked: false, ..record }, &payload)?;
                }
            }
            Ok(())
        };
        write().map_err(|error| Error::storage("reading a conflict", &error))
    }

    /// Ends a conflict: what was queued or kept for the slot gives way to this, on top of both sides. `for_game`:
    /// the game has not seen it, it is a merge with answers.
    pub(crate) fn enqueue_resolved(
        &self,
        mut meta: EntryMeta,
        packed: &Packed,
        for_game: bool,
    ) -> Result<u64, Error> {
        let _guard = self.guard("resolving a conflict")?;
        let failed = |error: io::Error| Error::storage("resolving a conflict", &error);
        let slot = meta.slot.clone();
        let stem = file_stem(&slot);
        let names = self.scan().map_err(failed)?;
        let older: Vec<&Name> = names.iter().filter(|name| name.stem == stem).collect();
        let conflict = self.read_conflict(&slot).map_err(failed)?;
        meta.stamp = {
            let line = self.line(&slot, &older).map_err(failed)?;
            let head = conflict.as_ref().map(|(record, _)| &record.conflict.head);
            let mut stamp = line.stamp;
            if let Some(head) = head {
                stamp.device_clock = super::entries::joined(&stamp.device_clock, &head.device_clock);
                stamp.hlc = stamp.hlc.max(head.hlc);
            }
            self.stamp(&stamp).map_err(failed)?
        };
        let refused = self.read_failed(&slot).map_err(failed)?;
        meta.parents = match (&conflict, refused) {
            (Some((record, _)), _) => Some(both_sides(record)),
            (None, Some((refused, _))) if older.is_empty() && refused.entry.shape.hash == meta.shape.hash => {
                meta.merged = refused.entry.merged;
                refused.entry.parents
            }
            (None, _) if older.is_empty() => Some(self.seen_parents(&slot).map_err(failed)?),
            (None, _) => None,
        };
        let number = names.last().map_or(1, |name| name.number + 1);
        let name = Name { number, chained: meta.parents.is_none(), stem, late: false };
        if let Some((record, payload)) = &conflict {
            meta.merged = for_game && older.is_empty();
            if meta.merged {
                self.keep_view(record, payload).map_err(failed)?;
            } else {
                self.disk.remove(&self.view_path(&slot)).map_err(failed)?;
            }
        }
        self.write_entry(&name, &meta, &packed.payload).map_err(failed)?;
        if conflict.is_some() {
            // Nothing of the slot is sent while the conflict's record is there: it goes last.
            for name in older {
                self.disk.remove(&self.entry_path(name)).map_err(failed)?;
            }
            self.head_becomes_record(&slot).map_err(failed)?;
        }
        self.disk.remove(&self.failed_path(&slot)).map_err(failed)?;
        self.end_conflict(&slot).map_err(failed)?;
        Ok(number)
    }

    /// Ends a conflict: this device's newest save becomes the first one of another slot.
    pub(crate) fn keep_both(&self, slot: &str, to: &str) -> Result<(), Error> {
        let _guard = self.guard("keeping both saves")?;
        let failed = |error: io::Error| Error::storage("keeping both saves", &error);
        let Some((record, payload)) = self.read_conflict(slot).map_err(failed)? else {
            return Err(Error::argument("this slot has no conflict"));
        };
        let copy = CopyTo { slot: to.to_owned(), key: clock::random_id() };
        // From here on a crash is continued by whoever reads the queue next.
        let record = ConflictRecord { copy: Some(copy), asked: true, ..record };
        self.write_conflict(&record, &payload)
            .and_then(|()| self.finish_copy(&record, &payload))
            .map_err(failed)
    }

    /// Whether this device knows a slot of this name.
    pub(crate) fn knows(&self, slot: &str) -> bool {
        self.has_seen(slot)
            || self.is_queued(slot)
            || self.has_failed(slot)
            || self.disk.exists(&self.conflict_path(slot))
    }

    /// The game has loaded a merge that is not sent yet: from now on its saves are made from it.
    pub(crate) fn seen_merge(&self, slot: &str, key: &str) -> Result<(), Error> {
        let _guard = self.guard("reading the queue")?;
        let write = || -> io::Result<()> {
            let stem = file_stem(slot);
            let newest = self.scan()?.into_iter().rev().find(|name| name.stem == stem);
            let mut is_seen = false;
            if let Some(path) = newest.map(|name| self.entry_path(&name))
                && let Some((meta, payload)) = self.disk.read_record::<EntryMeta>(&path, FILE_LEN_MAX)?
                && meta.key == key
            {
                self.disk.write_record(&path, &EntryMeta { merged: false, ..meta }, &payload)?;
                is_seen = true;
            }
            // After a crash both the entry and its conflict may be there.
            if let Some((record, payload)) = self.read_conflict(slot)?
                && record.entry.key == key
            {
                let entry = EntryMeta { merged: false, ..record.entry.clone() };
                self.write_conflict(&ConflictRecord { entry, ..record }, &payload)?;
                is_seen = true;
            }
            if is_seen {
                self.disk.remove(&self.view_path(slot))?;
            }
            Ok(())
        };
        write().map_err(|error| Error::storage("reading the queue", &error))
    }

    /// Whether a slot's entries wait: for somebody, or for a merge that goes first.
    pub(super) fn is_blocked(&self, stem: &str) -> io::Result<bool> {
        if !self.disk.exists(&self.folder.join("conflicts").join(stem)) {
            return Ok(false);
        }
        Ok(self.read_conflict_of(stem)?.is_some_and(|(record, _)| record.asked || record.entry.merged))
    }

    /// The slots with a conflict, by stem, and whether somebody is needed.
    pub(super) fn conflict_states(&self) -> io::Result<Vec<(String, bool)>> {
        let mut states = Vec::new();
        for stem in self.disk.names(&self.folder.join("conflicts"))? {
            if let Some((record, _)) = self.read_conflict_of(&stem)? {
                states.push((stem, record.asked));
            }
        }
        Ok(states)
    }

    /// Continues what a crash interrupted. Only under the guard.
    pub(super) fn tidy_conflicts(&self) -> io::Result<()> {
        for stem in self.disk.names(&self.folder.join("conflicts"))? {
            let Some((record, payload)) = self.read_conflict_of(&stem)? else { continue };
            if record.copy.is_some() {
                self.finish_copy(&record, &payload)?;
                continue;
            }
            let names: Vec<Name> = self.scan()?.into_iter().filter(|name| name.stem == stem).collect();
            let mut older: Vec<PathBuf> = Vec::new();
            for name in names {
                let path = self.entry_path(&name);
                let Ok(Some((meta, _))) = self.disk.read_record::<EntryMeta>(&path, FILE_LEN_MAX) else {
                    continue;
                };
                if meta.parents.as_deref() == Some(&both_sides(&record)[..]) {
                    // The merge is queued already.
                    for path in older {
                        self.disk.remove(&path)?;
                    }
                    self.end_conflict(&record.entry.slot)?;
                    break;
                }
                older.push(path);
            }
        }
        Ok(())
    }

    /// Makes the copy that a record announces, once; then the conflict is over.
    fn finish_copy(&self, record: &ConflictRecord, payload: &Bytes) -> io::Result<()> {
        let (Some(copy), slot) = (&record.copy, &record.entry.slot) else { return Ok(()) };
        let (stem, to) = (file_stem(slot), file_stem(&copy.slot));
        let names = self.scan()?;
        let newest = self.unsent_of(slot)?;
        let local = newest.unwrap_or_else(|| Unsent { meta: record.entry.clone(), payload: payload.clone() });
        let is_made = names.iter().filter(|name| name.stem == to).any(|name| {
            let found = self.disk.read_record::<EntryMeta>(&self.entry_path(name), FILE_LEN_MAX);
            matches!(found, Ok(Some((meta, _))) if meta.key == copy.key)
        });
        if !is_made {
            let is_kept = local.meta.key == record.entry.key;
            let meta = EntryMeta {
                slot: copy.slot.clone(),
                key: copy.key.clone(),
                parents: Some(Vec::new()),
                full: true,
                merged: false,
                stands_for: Vec::new(),
                ..local.meta.clone()
            };
            if is_kept {
                self.keep_view(record, payload)?;
            } else {
                // What the game knows is no version of the slot: it has to load before it saves there again.
                self.disk.remove(&self.view_path(slot))?;
                self.remove_slot(slot)?;
            }
            let number = names.last().map_or(1, |name| name.number + 1);
            self.write_entry(&Name { number, chained: false, stem: to, late: false }, &meta, &local.payload)?;
        }
        for name in names.iter().filter(|name| name.stem == stem) {
            self.disk.remove(&self.entry_path(name))?;
        }
        self.disk.remove(&self.failed_path(slot))?;
        self.end_conflict(slot)
    }

    /// Keeps the side that the game knows. A merge that was in conflict itself is not it.
    fn keep_view(&self, record: &ConflictRecord, payload: &[u8]) -> io::Result<()> {
        if record.entry.merged {
            return Ok(());
        }
        let view = record.entry.kept_as(&record.conflict.kept);
        self.write_kept(self.view_path(&view.slot), &view, payload)
    }

    /// The cloud's side of a conflict is what this device last saw of the slot.
    fn head_becomes_record(&self, slot: &str) -> io::Result<()> {
        match self.read_head(slot)? {
            Some((record, payload)) => self.write_slot(&record, &payload),
            None => Ok(()),
        }
    }

    pub(super) fn end_conflict(&self, slot: &str) -> io::Result<()> {
        self.disk.remove(&self.head_path(slot))?;
        self.disk.remove(&self.conflict_path(slot))
    }

    pub(super) fn read_view(&self, slot: &str) -> io::Result<Option<(SlotRecord, Bytes)>> {
        self.read(self.view_path(slot))
    }

    pub(super) fn read_head(&self, slot: &str) -> io::Result<Option<(SlotRecord, Bytes)>> {
        self.read(self.head_path(slot))
    }

    fn read_conflict_of(&self, stem: &str) -> io::Result<Option<(ConflictRecord, Bytes)>> {
        self.read(self.folder.join("conflicts").join(stem))
    }

    pub(super) fn view_path(&self, slot: &str) -> PathBuf {
        self.folder.join("views").join(file_stem(slot))
    }

    pub(super) fn head_path(&self, slot: &str) -> PathBuf {
        self.folder.join("heads").join(file_stem(slot))
    }
}

/// The parents of a merge: the head first, as the server asks for.
pub(super) fn both_sides(record: &ConflictRecord) -> Vec<VersionId> {
    vec![record.conflict.head.version.clone(), record.conflict.kept.version.clone()]
}
