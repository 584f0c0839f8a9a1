//! What must be true at the end, of any history.

use super::device::hash_of;
use super::ledger::{Deletion, End, Kind, Ledger, Op, Put};
use super::story::words;
use aethex_sdk_core::wire::ids::VersionId;
use aethex_sdk_core::wire::saves::SaveVersion;
use aethex_sdk_core::{Content, ErrorCode};
use std::collections::{HashMap, HashSet};

/// Saves of one slot that wait before a newer one takes the place of the last.
const CROWD: usize = 32;

/// A slot as the server has it at the end.
#[derive(Debug)]
pub(super) struct Final {
    pub(super) slot: String,
    /// Newest first.
    pub(super) history: Vec<SaveVersion>,
    /// What some of the versions hold.
    pub(super) contents: Vec<(VersionId, Content)>,
    /// What each device loads, by its hash.
    pub(super) heads: Vec<Option<String>>,
}

/// Says what is wrong, if anything is.
pub(super) fn judge(ledger: &Ledger, finals: &[Final]) -> Result<(), String> {
    for last in finals {
        let case = Case { ledger, last };
        case.line_is_whole()?;
        case.parents_come_first()?;
        case.contents_are_what_was_saved()?;
        case.heads_are_the_head()?;
        case.answers_hold()?;
        case.nothing_vanishes()?;
        case.deletes_are_final()?;
        for op in ledger.ops.iter().filter(|op| op.slot == last.slot) {
            case.is_kept_or_rightly_gone(op)?;
            case.is_not_there_when_refused(op)?;
            case.reads_what_it_wrote(op)?;
        }
        case.everything_counts_once()?;
        case.each_is_there_once()?;
        case.order_is_kept()?;
    }
    flushes_kept_their_word(ledger)
}

pub(super) struct Case<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) last: &'a Final,
}

impl Case<'_> {
    fn slot(&self) -> &str {
        &self.last.slot
    }

    fn name(&self, hash: &str) -> &str {
        self.ledger.contents.get(hash).map_or("an unknown content", |made| &made.name)
    }

    /// The line of heads, oldest first.
    pub(super) fn line(&self) -> Vec<&SaveVersion> {
        let mut line: Vec<&SaveVersion> =
            self.last.history.iter().filter(|version| version.sequence.is_some()).collect();
        line.sort_by_key(|version| version.sequence);
        line
    }

    fn has_version(&self, id: &str) -> bool {
        self.last.history.iter().any(|version| version.version.as_str() == id)
    }

    fn puts(&self) -> impl Iterator<Item = &Put> + Clone {
        self.ledger.puts.iter().filter(|put| put.slot == self.last.slot)
    }

    fn deletions(&self) -> impl Iterator<Item = &Deletion> {
        self.ledger.deletions.iter().filter(|deletion| deletion.slot == self.last.slot)
    }

    /// Whether a delete may have come to the server after this.
    fn may_be_deleted_after(&self, at: u64) -> bool {
        self.deletions().any(|deletion| deletion.done.is_none_or(|(done, _)| done > at))
    }

    fn line_is_whole(&self) -> Result<(), String> {
        for pair in self.line().windows(2) {
            let (before, after) = (pair[0], pair[1]);
            if after.sequence != before.sequence.map(|sequence| sequence + 1) {
                return Err(format!("the line of {} has a gap before {:?}", self.slot(), after.sequence));
            }
            let on_it = after.parents.first() == Some(&before.version);
            let on_its_mark = before.deleted && after.parents.is_empty();
            if !on_it && !on_its_mark {
                return Err(format!(
                    "{} ({}) took the head's place and was not made from it",
                    after.version,
                    self.name(&after.hash)
                ));
            }
        }
        Ok(())
    }

    /// Parents are older, and there unless a delete took them.
    fn parents_come_first(&self) -> Result<(), String> {
        let there: HashMap<&str, &SaveVersion> =
            self.last.history.iter().map(|version| (version.version.as_str(), version)).collect();
        if there.len() != self.last.history.len() {
            return Err(format!("the history of {} has a version twice", self.slot()));
        }
        for version in &self.last.history {
            let mut next: Vec<&str> = version.parents.iter().map(VersionId::as_str).collect();
            let mut passed = HashSet::new();
            while let Some(id) = next.pop() {
                if id == version.version.as_str() {
                    return Err(format!("{id} is its own ancestor"));
                }
                match there.get(id) {
                    Some(parent) if passed.insert(id) => {
                        next.extend(parent.parents.iter().map(VersionId::as_str));
                    }
                    None if self.deletions().next().is_none() => {
                        return Err(format!("the parent {id} is not there"));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn contents_are_what_was_saved(&self) -> Result<(), String> {
        for version in self.last.history.iter().filter(|version| !version.deleted) {
            if self.ledger.content(&version.hash).is_none() {
                return Err(format!("{} holds what nobody saved", version.version));
            }
        }
        for (id, content) in &self.last.contents {
            let hash = hash_of(content);
            let made = self.ledger.content(&hash);
            let said = self.last.history.iter().find(|version| version.version == *id);
            if made.is_none_or(|made| made != content) || said.is_none_or(|said| said.hash != hash) {
                return Err(format!("{id} holds {}, not what was saved", words(content)));
            }
        }
        Ok(())
    }

    fn heads_are_the_head(&self) -> Result<(), String> {
        let head = self.line().pop().filter(|head| !head.deleted).map(|head| head.hash.clone());
        match self.last.heads.iter().position(|seen| *seen != head) {
            Some(device) => Err(format!("d{device} does not load the head of {}", self.slot())),
            None => Ok(()),
        }
    }

    /// A key names one version; a version has the parents that were sent with it; what was answered is there.
    fn answers_hold(&self) -> Result<(), String> {
        let mut by_key: HashMap<&str, &str> = HashMap::new();
        for put in self.puts() {
            let Some((_, 201 | 409, Some(id))) = &put.answered else { continue };
            if *by_key.entry(&put.key).or_insert(id) != id {
                return Err(format!("one key made two versions of {}", self.name(&put.hash)));
            }
            // A repeat is answered as the first was, also when the version was deleted in between.
            let first = self.puts().find(|first| first.key == put.key).map_or(put.came, |first| first.came);
            let Some(version) = self.last.history.iter().find(|version| version.version.as_str() == id)
            else {
                if self.may_be_deleted_after(first) {
                    continue;
                }
                return Err(format!("{id} ({}) was stored and is not there", self.name(&put.hash)));
            };
            if let Some(key) = &put.after {
                let is_it = |other: &&Put| {
                    other.key == *key && other.answered.as_ref().is_some_and(|(.., id)| id.is_some())
                };
                let before = self.puts().find(is_it).and_then(|other| other.answered.as_ref()?.2.as_deref());
                // Its answer may never have been written.
                if before.is_some_and(|before| version.parents.iter().all(|parent| parent.as_str() != before))
                {
                    return Err(format!(
                        "{id} ({}) does not follow what it was sent after",
                        self.name(&put.hash)
                    ));
                }
            }
            let parents: Vec<&str> = version.parents.iter().map(VersionId::as_str).collect();
            if put.parents.as_ref().is_some_and(|sent| *sent != parents) {
                return Err(format!("{id} ({}) has other parents than were sent", self.name(&put.hash)));
            }
        }
        Ok(())
    }

    /// What some device was shown stays, unless it was deleted.
    fn nothing_vanishes(&self) -> Result<(), String> {
        for (id, seen) in self.ledger.seen.iter().filter(|(_, seen)| seen.slot == self.last.slot) {
            // What was shown may have been on its way for a while: any delete may have been after it.
            if !self.has_version(id) && self.deletions().next().is_none() {
                return Err(format!("{id} ({}) was shown and has vanished", self.name(&seen.hash)));
            }
        }
        Ok(())
    }

    /// What was stored when a delete came is gone.
    fn deletes_are_final(&self) -> Result<(), String> {
        let told = self.deletions().filter(|deletion| matches!(deletion.done, Some((_, 200..=299))));
        for deletion in told {
            for put in self.puts() {
                let Some((answered, _, Some(id))) = &put.answered else { continue };
                if *answered < deletion.came && self.has_version(id) {
                    return Err(format!("{id} ({}) was deleted and is there", self.name(&put.hash)));
                }
            }
        }
        Ok(())
    }

    /// A save that the player was told of is a version, or has given way to something that may take its place.
    fn is_kept_or_rightly_gone(&self, op: &Op) -> Result<(), String> {
        let (Kind::Save(hash) | Kind::Resolve(Some(hash))) = &op.kind else { return Ok(()) };
        if !op.is_acknowledged() || self.last.history.iter().any(|version| version.hash == *hash) {
            return Ok(());
        }
        let device = format!("d{}", op.device);
        let mut sent = self.puts().filter(|put| put.hash == *hash && put.device == device);
        let stored = sent.clone().find(|put| matches!(put.answered, Some((_, 201 | 409, _))));
        if let Some(came) = sent.next().map(|put| put.came)
            && self.may_be_deleted_after(came)
        {
            return Ok(());
        }
        let of_slot = || {
            let same = |other: &&Op| other.device == op.device && other.slot == op.slot;
            self.ledger.ops.iter().filter(same)
        };
        // A delete on this device takes what it has not sent; so does the end of a conflict, of what waits
        // behind it.
        let ended_by = |other: &Op| match other.kind {
            Kind::Delete => true,
            Kind::Resolve(_) => stored.is_none() && !std::ptr::eq(other, op),
            _ => false,
        };
        if of_slot().any(|other| ended_by(other) && other.may_last_until(op.began)) {
            return Ok(());
        }
        // Crowded out by a newer one, never sent. Of saves that are under way together any may be the newest; its
        // process may have died before it could say that it had put the newer one in its place.
        let is_there = |hash: &String| self.last.history.iter().any(|version| version.hash == *hash);
        let newer = of_slot().any(|other| {
            let Kind::Save(hash) = &other.kind else { return false };
            let is_later = other.may_last_until(op.began) && !std::ptr::eq(other, op);
            is_later && (other.is_acknowledged() || is_there(hash))
        });
        let crowd = of_slot().filter(|other| matches!(other.kind, Kind::Save(_))).count() > CROWD;
        if stored.is_none() && newer && crowd {
            return Ok(());
        }
        Err(format!("{} was acknowledged ({:?}) and is lost", self.name(hash), op.end()))
    }

    /// What was refused for the disk's sake is not sent later.
    fn is_not_there_when_refused(&self, op: &Op) -> Result<(), String> {
        let Kind::Save(hash) = &op.kind else { return Ok(()) };
        let refused = matches!(op.end(), Some(End::Failed(ErrorCode::Storage | ErrorCode::QueueFull)));
        let again = self.ledger.ops.iter().filter(|other| other.kind == op.kind).count() > 1;
        if refused && !again && self.puts().any(|put| put.hash == *hash) {
            return Err(format!("{} was refused and sent all the same", self.name(hash)));
        }
        Ok(())
    }

    /// A load never yields what this device itself has saved over.
    fn reads_what_it_wrote(&self, op: &Op) -> Result<(), String> {
        let (Kind::Load, Some(End::Loaded(hash))) = (&op.kind, op.end()) else { return Ok(()) };
        if self.ledger.content(hash).is_none() {
            return Err(format!("d{} loaded what nobody saved", op.device));
        }
        let mine = |other: &&Op| other.device == op.device && other.slot == op.slot && other.began < op.began;
        // Who resolves, restores or deletes may well see an older save again.
        let simple =
            |other: &Op| matches!(other.kind, Kind::Save(_) | Kind::Load | Kind::Flush | Kind::Other);
        let all_simple = self.ledger.ops.iter().filter(|other| other.slot == op.slot).all(simple);
        let saves: Vec<&Op> = self.ledger.ops.iter().filter(mine).collect();
        let Some(newest) = saves.iter().rev().find(|other| {
            matches!(other.kind, Kind::Save(_))
                && other.is_acknowledged()
                && other.ended.as_ref().is_some_and(|(ended, _)| *ended < op.began)
        }) else {
            return Ok(());
        };
        let begun = |other: &&&Op| other.kind == Kind::Save(hash.clone());
        let twins = self.ledger.ops.iter().filter(|other| other.kind == Kind::Save(hash.clone())).count() > 1;
        if let Some(older) = saves.iter().find(begun)
            && all_simple
            && !twins
            && older.ended.as_ref().is_some_and(|(ended, _)| *ended < newest.began)
        {
            return Err(format!("d{} loaded {} after it had saved over it", op.device, self.name(hash)));
        }
        Ok(())
    }

    /// No save becomes two versions. Who resolves or restores makes more of one content.
    fn each_is_there_once(&self) -> Result<(), String> {
        let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
        // A merge may come out as what one side was.
        let saved = |version: &&SaveVersion| !version.deleted && version.parents.len() < 2;
        for version in self.last.history.iter().filter(saved) {
            *counts.entry((&version.hash, &version.device_name)).or_default() += 1;
        }
        for ((hash, device), count) in counts {
            let makes_one = |op: &&Op| {
                format!("d{}", op.device) == device
                    && op.slot == self.last.slot
                    && match &op.kind {
                        Kind::Save(saved) | Kind::Restore(saved) => saved == hash,
                        Kind::Resolve(_) => true,
                        _ => false,
                    }
            };
            let most = self.ledger.ops.iter().filter(makes_one).count();
            if count > most {
                return Err(format!("{} is there {count} times, was made {most} times", self.name(hash)));
            }
        }
        Ok(())
    }

    /// Saves of one device stand in the line in the order in which they were made.
    fn order_is_kept(&self) -> Result<(), String> {
        let line = self.line();
        let place = |op: &Op| {
            let Kind::Save(hash) = &op.kind else { return None };
            let device = format!("d{}", op.device);
            let mut at = line.iter().filter(|version| version.hash == *hash && version.device_name == device);
            match (at.next(), at.next()) {
                (Some(only), None) => only.sequence,
                _ => None,
            }
        };
        let mut saves: Vec<(&Op, i64)> = Vec::new();
        for op in self.ledger.ops.iter().filter(|op| op.slot == self.last.slot) {
            let twins = self.ledger.ops.iter().filter(|other| other.kind == op.kind).count() > 1;
            let moved = |other: &Op| {
                other.device == op.device
                    && other.slot == op.slot
                    && matches!(other.kind, Kind::Resolve(_) | Kind::Restore(_))
            };
            if twins || self.ledger.ops.iter().any(moved) {
                continue;
            }
            saves.extend(place(op).map(|sequence| (op, sequence)));
        }
        for (later, after) in &saves {
            for (earlier, before) in &saves {
                let ended = earlier.ended.as_ref().is_some_and(|(ended, _)| *ended < later.began);
                if later.device == earlier.device && ended && after < before {
                    return Err(format!("a later save of d{} stands before an earlier one", later.device));
                }
            }
        }
        Ok(())
    }
}

/// What was queued when a flush began had reached the server when it succeeded.
fn flushes_kept_their_word(ledger: &Ledger) -> Result<(), String> {
    for flush in ledger.ops.iter().filter(|op| op.kind == Kind::Flush) {
        let Some((done, End::Done(_))) = &flush.ended else { continue };
        for op in ledger.ops.iter().filter(|op| op.device == flush.device) {
            let Kind::Save(hash) = &op.kind else { continue };
            let safe =
                op.is_acknowledged() && op.ended.as_ref().is_some_and(|(ended, _)| *ended < flush.began);
            let device = format!("d{}", op.device);
            let stored = ledger.puts.iter().any(|put| {
                put.hash == *hash
                    && put.device == device
                    && put.answered.as_ref().is_some_and(|(at, ..)| at < done)
            });
            let same = |other: &&Op| other.device == op.device && other.slot == op.slot;
            let given_up =
                ledger.ops.iter().filter(same).any(|other| {
                    matches!(other.kind, Kind::Delete | Kind::Resolve(_)) && other.began < *done
                });
            let crowd =
                ledger.ops.iter().filter(same).filter(|op| matches!(op.kind, Kind::Save(_))).count() > CROWD;
            if safe && !stored && !given_up && !crowd {
                let name = ledger.contents.get(hash).map_or("", |made| &made.name);
                return Err(format!("a flush of d{} succeeded, and {name} was not sent", op.device));
            }
        }
    }
    Ok(())
}
