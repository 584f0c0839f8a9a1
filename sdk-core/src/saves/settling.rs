//! What the server's answers do to the outbox: each is written down before its entry goes.

use super::conflicts::both_sides;
use super::entries::{Entry, EntryMeta, Name, Outcome};
use super::outbox::{FILE_LEN_MAX, Outbox};
use super::records::{ConflictRecord, FailedRecord};
use crate::{Error, clock};
use aethex_wire::saves::{Conflict, SaveVersion};
use std::io;

/// Most keys of saves that a conflict or a merge stands for: who waits for an older one asks the history.
const KEYS_MAX: usize = 64;

impl Outbox {
    /// The server stored an entry: the slot's record moves on, then the entry goes.
    pub(crate) fn acked(&self, entry: &Entry, version: &SaveVersion) -> Result<(), Error> {
        self.settle(entry, |meta| {
            self.write_slot(&meta.kept_as(version), &entry.payload)?;
            if !meta.merged {
                // The game's own save is the head: there is nothing that it has not seen.
                self.disk.remove(&self.view_path(&meta.slot))?;
            }
            // A conflict of a save that the game made beside a merge is its own.
            let conflict = self.read_conflict(&meta.slot)?;
            if !meta.merged || conflict.is_some_and(|(record, _)| meta.parents == Some(both_sides(&record))) {
                self.end_conflict(&meta.slot)?;
            }
            self.disk.remove(&self.failed_path(&meta.slot))
        })?;
        self.sweep_parts();
        Ok(())
    }

    /// The cloud moved on: the content is kept with the conflict, then the entry goes.
    pub(crate) fn conflicted(&self, entry: &Entry, conflict: &Conflict) -> Result<(), Error> {
        self.settle(entry, |meta| {
            let mut conflict = conflict.clone();
            if let Some((record, _)) = self.read_slot(&meta.slot)?
                && record.key.is_some()
                && record.key == meta.after
            {
                // What it follows became this version, if need be another device's that says the same.
                conflict.ancestor = Some(record.version);
            }
            let mut keys = meta.stands_for.clone();
            if let Some((before, _)) = self.read_conflict(&meta.slot)? {
                keys.extend(before.keys);
                keys.push(before.entry.key);
            }
            keys.retain(|key| *key != meta.key);
            keys.dedup();
            let keys = keys.split_off(keys.len().saturating_sub(KEYS_MAX));
            let record = ConflictRecord {
                entry: meta,
                conflict,
                number: entry.number,
                asked: false,
                keys,
                copy: None,
            };
            self.write_conflict(&record, &entry.payload)
        })
    }

    /// The server refused an entry for good: the content is kept, then the entry goes.
    pub(crate) fn refused(&self, entry: &Entry, error: &Error) -> Result<(), Error> {
        self.settle(entry, |meta| self.write_failed(&FailedRecord::new(meta, error), &entry.payload))
    }

    /// The version that an entry was made from is gone: it asks again, as a new slot.
    pub(crate) fn rebased(&self, entry: &Entry) -> Result<(), Error> {
        self.changed(entry, |meta| meta.parents = Some(Vec::new()))
    }

    /// The save that an entry was to follow did not become a version: it is chained again. Nothing was stored under
    /// its key.
    pub(crate) fn unchained(&self, entry: &Entry) -> Result<(), Error> {
        let _guard = self.guard("updating the queue")?;
        let unchain = || -> io::Result<()> {
            let name = entry.path.file_name().and_then(|name| Name::parse(name.to_str()?));
            let (Some(name), Some(meta)) = (name, self.current(entry)?) else { return Ok(()) };
            let meta = EntryMeta { after: None, ..meta };
            self.write_entry(&Name { chained: true, ..name }, &meta, &entry.payload)?;
            self.disk.remove(&entry.path)
        };
        unchain().map_err(|error| Error::storage("updating the queue", &error))
    }

    /// A patch was refused: the entry goes in full.
    pub(crate) fn filled(&self, entry: &Entry) -> Result<(), Error> {
        self.changed(entry, |meta| meta.full = true)
    }

    /// A part is not stored: the entry goes with the bytes of all of them.
    pub(crate) fn completed(&self, entry: &Entry) -> Result<(), Error> {
        self.changed(entry, |meta| meta.resend = true)
    }

    /// Rewrites an entry whose body changes. Its key changes with it.
    fn changed(&self, entry: &Entry, change: impl FnOnce(&mut EntryMeta)) -> Result<(), Error> {
        let _guard = self.guard("updating the queue")?;
        let failed = |error: io::Error| Error::storage("updating the queue", &error);
        let Some(mut meta) = self.current(entry).map_err(failed)? else { return Ok(()) };
        change(&mut meta);
        meta.key = clock::random_id();
        meta.stands_for.push(entry.meta.key.clone());
        self.disk.write_record(&entry.path, &meta, &entry.payload).map_err(failed)
    }

    /// What an entry says now; none when it was deleted or resolved meanwhile.
    fn current(&self, entry: &Entry) -> io::Result<Option<EntryMeta>> {
        let found = self.disk.read_record::<EntryMeta>(&entry.path, FILE_LEN_MAX)?;
        // Another one may stand in its place: the merge that a crash left unfinished.
        Ok(found.map(|(meta, _)| meta).filter(|meta| meta.key == entry.meta.key))
    }

    fn settle(&self, entry: &Entry, keep: impl FnOnce(EntryMeta) -> io::Result<()>) -> Result<(), Error> {
        let _guard = self.guard("updating the queue")?;
        let settle = || {
            // Deleted or resolved meanwhile: there is nothing left to settle.
            let Some(meta) = self.current(entry)? else { return Ok(()) };
            keep(meta)?;
            self.disk.remove(&entry.path)
        };
        settle().map_err(|error| Error::storage("updating the queue", &error))
    }

    /// What became of an entry, from the records; `None` while it waits or when a newer one took its place.
    pub(crate) fn outcome(&self, slot: &str, key: &str) -> Option<Outcome> {
        if let Ok(Some((record, _))) = self.read_conflict(slot)
            && (record.entry.key == key || record.keys.iter().any(|known| known == key))
        {
            // Until the merge needs somebody, it is under way.
            return record.asked.then_some(Outcome::Conflict(record.conflict));
        }
        if let Ok(Some((record, _))) = self.read_failed(slot)
            && record.entry.key == key
        {
            return Some(Outcome::Refused(record.error()));
        }
        let (record, _) = self.read_slot(slot).ok()??;
        let is_it = record.key.as_deref() == Some(key) || record.keys.iter().any(|known| known == key);
        is_it.then_some(Outcome::Acked(record.version))
    }
}
