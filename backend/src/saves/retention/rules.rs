//! Which contents of a slot retention takes away, and when to look again: pure.
//!
//! Kept are: the head, what is pinned, the newest [`NEWEST_KEPT`]; of the line of heads everything for a while, then the newest
//! of each hour, day and month; sides of conflicts, with the version that a side not yet merged comes from; a head whose
//! place a suspicious version took; and whatever an encrypted patch that is kept builds on, for the server cannot store that
//! anew. Everything else loses its content and stays as a mark, so that a device that comes back late is still
//! known. Buckets are absolute, and the newest of a day is the newest of its hour: what was dropped once would not be
//! kept later.

use crate::saves::config::Retention;
use aethex_wire::ids::VersionId;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Newest versions of a slot's line that stay whatever their age: an undo of some steps after any pause.
pub(in crate::saves) const NEWEST_KEPT: usize = 10;
/// How long a mark stays: a device that was away for a year's season of play is still told what became of its save.
pub(in crate::saves) const MARK_KEPT_MS: i64 = 400 * DAY_MS;
/// Most marks of a slot: some months of daily play. Past it the oldest go first.
pub(in crate::saves) const MARKS_MAX: usize = 20_000;
/// Shortest time until the next look: what becomes due in between waits and goes together.
pub(in crate::saves) const LOOK_AGAIN_MIN_MS: i64 = 15 * 60 * 1000;
/// Versions walked back from a conflict's side: side branches are short.
const SIDE_STEPS_MAX: usize = 64;

pub(in crate::saves) const HOUR_MS: i64 = 3600 * 1000;
pub(in crate::saves) const DAY_MS: i64 = 24 * HOUR_MS;
/// A month here, so that its border is a day's.
const MONTH_MS: i64 = 30 * DAY_MS;

/// What is known of a version.
#[derive(Debug, Clone)]
pub(in crate::saves) struct Entry {
    pub(in crate::saves) id: VersionId,
    pub(in crate::saves) sequence: Option<i64>,
    pub(in crate::saves) parents: Vec<VersionId>,
    pub(in crate::saves) stored_at_ms: i64,
    /// A delete's mark.
    pub(in crate::saves) deleted: bool,
    /// Its content was taken away.
    pub(in crate::saves) pruned: bool,
    pub(in crate::saves) pinned: bool,
    pub(in crate::saves) suspicious: bool,
    pub(in crate::saves) sealed: bool,
    /// The version that the stored patch is against.
    pub(in crate::saves) base: Option<VersionId>,
}

impl Entry {
    fn has_content(&self) -> bool {
        !self.deleted && !self.pruned
    }
}

/// What to do about a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::saves) struct Decision {
    /// Versions that lose their content, newest first.
    pub(in crate::saves) drop: Vec<VersionId>,
    /// Marks that go.
    pub(in crate::saves) forget: Vec<VersionId>,
    /// When to look again, unless something is saved before.
    pub(in crate::saves) next_ms: Option<i64>,
}

/// Decides about the versions of a slot; `entries` are all of it, or its newest.
pub(in crate::saves) fn decide(entries: &[Entry], plan: &Retention, now_ms: i64) -> Decision {
    let slot = Slot::new(entries);
    let mut kept: HashSet<usize> = HashSet::new();
    kept.extend(slot.line.first().copied());
    kept.extend((0..entries.len()).filter(|&at| entries[at].pinned));
    slot.keep_line(plan, now_ms, &mut kept);
    slot.keep_sides(plan, now_ms, &mut kept);
    slot.keep_replaced(plan, now_ms, &mut kept);
    slot.keep_bases(&mut kept);
    let mut drop: Vec<&Entry> = (0..entries.len())
        .filter(|at| entries[*at].has_content() && !kept.contains(at))
        .map(|at| &entries[at])
        .collect();
    drop.sort_by(|a, b| (b.sequence, &b.id).cmp(&(a.sequence, &a.id)));
    Decision {
        drop: drop.into_iter().map(|entry| entry.id.clone()).collect(),
        forget: slot.forgotten(&kept, now_ms),
        next_ms: slot.next_look(&kept, plan, now_ms),
    }
}

struct Slot<'e> {
    entries: &'e [Entry],
    place: HashMap<&'e VersionId, usize>,
    /// The line of heads, newest first, marks included.
    line: Vec<usize>,
}

impl<'e> Slot<'e> {
    fn new(entries: &'e [Entry]) -> Slot<'e> {
        let place = entries.iter().enumerate().map(|(at, entry)| (&entry.id, at)).collect();
        let mut line: Vec<usize> = (0..entries.len()).filter(|&at| entries[at].sequence.is_some()).collect();
        line.sort_by_key(|&at| std::cmp::Reverse(entries[at].sequence));
        Slot { entries, place, line }
    }

    fn parents(&self, at: usize) -> impl Iterator<Item = usize> {
        self.entries[at].parents.iter().filter_map(|id| self.place.get(id).copied())
    }

    fn age(&self, at: usize, now_ms: i64) -> i64 {
        now_ms - self.entries[at].stored_at_ms
    }

    fn keep_line(&self, plan: &Retention, now_ms: i64, kept: &mut HashSet<usize>) {
        let contents = || self.line.iter().copied().filter(|&at| self.entries[at].has_content());
        kept.extend(contents().take(NEWEST_KEPT));
        let mut seen: BTreeSet<(i64, i64)> = BTreeSet::new();
        for at in contents() {
            let age = self.age(at, now_ms);
            if age < plan.all_hours * HOUR_MS {
                kept.insert(at);
            }
            // Everything counts in its buckets, so that the newest of an hour that is not over stays the only one.
            for (step, days) in
                [(HOUR_MS, plan.hourly_days), (DAY_MS, plan.daily_days), (MONTH_MS, plan.monthly_days)]
            {
                let newest = seen.insert((step, self.entries[at].stored_at_ms.div_euclid(step)));
                if newest && age < days * DAY_MS {
                    kept.insert(at);
                }
            }
        }
    }

    fn keep_sides(&self, plan: &Retention, now_ms: i64, kept: &mut HashSet<usize>) {
        let merged = self.merged();
        for at in (0..self.entries.len()).filter(|&at| self.entries[at].sequence.is_none()) {
            if !self.entries[at].has_content() || self.age(at, now_ms) >= plan.conflict_days * DAY_MS {
                continue;
            }
            kept.insert(at);
            if !merged.contains(&at) {
                kept.extend(self.ancestor(at));
            }
        }
    }

    /// The sides that heads come from.
    fn merged(&self) -> HashSet<usize> {
        let is_side = |at: &usize| self.entries[*at].sequence.is_none();
        let mut merged = HashSet::new();
        let mut next: Vec<usize> =
            self.line.iter().flat_map(|&at| self.parents(at)).filter(is_side).collect();
        while let Some(at) = next.pop() {
            if merged.insert(at) {
                next.extend(self.parents(at).filter(is_side));
            }
        }
        merged
    }

    /// The newest version of the line that a side comes from.
    fn ancestor(&self, side: usize) -> Option<usize> {
        let mut at = side;
        for _ in 0..SIDE_STEPS_MAX {
            at = self.parents(at).next()?;
            if self.entries[at].sequence.is_some() {
                return Some(at);
            }
        }
        None
    }

    fn keep_replaced(&self, plan: &Retention, now_ms: i64, kept: &mut HashSet<usize>) {
        for pair in self.line.windows(2) {
            let [newer, older] = *pair else { continue };
            let young = self.age(newer, now_ms) < plan.conflict_days * DAY_MS;
            if self.entries[newer].suspicious && young {
                kept.insert(older);
                // A merge of accounts may have put others in between.
                kept.extend(self.parents(newer).next());
            }
        }
    }

    fn keep_bases(&self, kept: &mut HashSet<usize>) {
        let mut next: Vec<usize> = kept.iter().copied().collect();
        while let Some(at) = next.pop() {
            let entry = &self.entries[at];
            if !entry.has_content() || !entry.sealed {
                continue;
            }
            let base = entry.base.as_ref().and_then(|base| self.place.get(base).copied());
            next.extend(base.filter(|base| kept.insert(*base)));
        }
    }

    /// Old marks that no content comes from. The head stays, also when it is a delete's mark.
    fn forgotten(&self, kept: &HashSet<usize>, now_ms: i64) -> Vec<VersionId> {
        let parents: HashSet<usize> = kept.iter().flat_map(|&at| self.parents(at)).collect();
        let head = self.line.first().copied();
        let mut marks: Vec<usize> = (0..self.entries.len())
            .filter(|at| !self.entries[*at].has_content() && Some(*at) != head && !kept.contains(at))
            .collect();
        marks.sort_by_key(|&at| std::cmp::Reverse(self.entries[at].stored_at_ms));
        let too_many = marks.iter().skip(MARKS_MAX).copied();
        let old = marks.iter().take(MARKS_MAX).copied().filter(|&at| self.age(at, now_ms) >= MARK_KEPT_MS);
        let gone = old.chain(too_many).filter(|at| !parents.contains(at));
        gone.map(|at| self.entries[at].id.clone()).collect()
    }

    fn next_look(&self, kept: &HashSet<usize>, plan: &Retention, now_ms: i64) -> Option<i64> {
        let line = [
            plan.all_hours * HOUR_MS,
            plan.hourly_days * DAY_MS,
            plan.daily_days * DAY_MS,
            plan.monthly_days * DAY_MS,
        ];
        let conflict = plan.conflict_days * DAY_MS;
        let mut next = None;
        for (at, entry) in self.entries.iter().enumerate() {
            let ages: &[i64] = match entry {
                entry if !entry.has_content() || !kept.contains(&at) => &[MARK_KEPT_MS],
                entry if entry.sequence.is_none() => &[conflict],
                entry if entry.suspicious => &[line[0], line[1], line[2], line[3], conflict],
                _ => &line,
            };
            let due = ages
                .iter()
                .map(|age| entry.stored_at_ms.saturating_add(*age))
                .filter(|at| *at > now_ms)
                .min();
            next = next.into_iter().chain(due).min();
        }
        next.map(|next: i64| next.max(now_ms + LOOK_AGAIN_MIN_MS))
    }
}

/// What a version whose base goes is stored against instead, if it can be a patch at all: the newest kept one of the line before
/// it. `None`: in full.
pub(in crate::saves) fn new_base(
    entries: &[Entry],
    dropped: &HashSet<VersionId>,
    dependent: &Entry,
) -> Option<VersionId> {
    let sequence = dependent.sequence?;
    let by_id: HashMap<&VersionId, &Entry> = entries.iter().map(|entry| (&entry.id, entry)).collect();
    let usable = |entry: &&Entry| {
        entry.has_content()
            && !entry.sealed
            && !dropped.contains(&entry.id)
            && entry.sequence.is_some_and(|other| other < sequence)
    };
    let base = entries.iter().filter(usable).max_by_key(|entry| entry.sequence)?;
    // After a merge of accounts the line is not in the order of storing: nothing may build on itself.
    let mut at = base;
    for _ in 0..entries.len() {
        if at.id == dependent.id {
            return None;
        }
        match at.base.as_ref().and_then(|base| by_id.get(base)) {
            Some(next) => at = next,
            None => return Some(base.id.clone()),
        }
    }
    None
}
