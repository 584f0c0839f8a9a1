//! The oracle: what a version must hold, from the operations that are in it. It knows nothing of values and
//! paths; where fields are registers it keeps what was written last.
//!
//! Its rules are those of the guide to cloud saves, not the merge's code: what only one side changed is that
//! side's; a counter is what both come from, plus what each side added or took; a record that one side removed
//! and the other changed was changed by both, and then this game's rule for everything else decides: the later
//! side.

use crate::game::{LEVELS, Op, SETTINGS, Seen};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that was done in a history: who did it, and what.
pub(crate) type Done = Vec<(usize, Op)>;

/// Most operations of a history: a set of them is one number.
pub(crate) const OPS_MAX: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Item {
    /// The operations that added to it.
    more: u128,
    tint: Option<u32>,
}

impl Item {
    /// What a save has of it: its count and its tint.
    fn shown(&self, done: &Done) -> (i64, Option<u32>) {
        let more = done.iter().enumerate().filter(|(number, _)| self.more >> number & 1 == 1);
        let count = |op: &Op| if let Op::ItemMore(_, n) = op { *n } else { 0 };
        (1 + more.map(|(_, (_, op))| count(op)).sum::<i64>(), self.tint)
    }
}

/// What a version must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Model {
    /// The operations in it.
    pub(crate) seen: u128,
    settings: [Option<u32>; SETTINGS],
    levels: [Option<u32>; LEVELS],
    items: BTreeMap<u32, Item>,
}

impl Model {
    pub(crate) fn play(&mut self, op: Op, number: u32) {
        self.seen |= 1 << number;
        match op {
            Op::Setting(which) => self.settings[which] = Some(number),
            Op::Level(which) => self.levels[which] = Some(number),
            Op::LevelReset(which) => self.levels[which] = None,
            Op::Item => {
                self.items.insert(number, Item { more: 0, tint: None });
            }
            Op::ItemMore(id, _) => {
                if let Some(item) = self.items.get_mut(&id) {
                    item.more |= 1 << number;
                }
            }
            Op::ItemTint(id) => {
                if let Some(item) = self.items.get_mut(&id) {
                    item.tint = Some(number);
                }
            }
            Op::ItemDrop(id) => {
                self.items.remove(&id);
            }
            _ => {}
        }
    }

    /// What two versions that come from this one must make together.
    pub(crate) fn merge(&self, later: &Model, earlier: &Model, done: &Done) -> Model {
        let mut merged = Model { seen: later.seen | earlier.seen, ..Model::default() };
        for which in 0..SETTINGS {
            merged.settings[which] =
                pick(&self.settings[which], &later.settings[which], &earlier.settings[which]);
        }
        for which in 0..LEVELS {
            merged.levels[which] = pick(&self.levels[which], &later.levels[which], &earlier.levels[which]);
        }
        for id in later.items.keys().chain(earlier.items.keys()) {
            let (base, l, e) = (self.items.get(id), later.items.get(id), earlier.items.get(id));
            let item = match (l, e) {
                (Some(l), Some(e)) => Some(Item {
                    more: counted(base.map_or(0, |b| b.more), l.more, e.more),
                    tint: pick(&base.and_then(|b| b.tint), &l.tint, &e.tint),
                }),
                // Removed on one side, or new on it. Whether the other side changed it shows in the save, not in
                // the operations: +1 and +2 make what +3 makes.
                _ if base.map(|item| item.shown(done)) == l.map(|item| item.shown(done)) => e.copied(),
                _ => l.copied(),
            };
            merged.items.extend(item.map(|item| (*id, item)));
        }
        merged
    }

    fn ops<'d>(&self, done: &'d Done) -> impl Iterator<Item = (u32, usize, Op)> + use<'d> {
        let seen = self.seen;
        let numbered = done.iter().enumerate().filter(move |(number, _)| seen >> number & 1 == 1);
        numbered.map(|(number, (device, op))| (number as u32, *device, *op))
    }

    /// Everything in which a save differs from what it must hold.
    pub(crate) fn differences(&self, save: &Seen<'_>, done: &Done) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |what: &str, found: String, expected: String| {
            if found != expected {
                wrong.push(format!("{what}: {found}, not {expected}"));
            }
        };
        let sum = |of: fn(Op) -> i64| self.ops(done).map(|(_, _, op)| of(op)).sum::<i64>().to_string();
        check("coins", save.coins().to_string(), sum(|op| if let Op::Coins(n) = op { n } else { 0 }));
        check("kills", save.kills().to_string(), sum(|op| if let Op::Kills(n) = op { n } else { 0 }));
        check("walked", save.quarters().to_string(), sum(|op| if let Op::Distance(n) = op { n } else { 0 }));
        let all = |of: fn(Op) -> Option<i64>| self.ops(done).filter_map(move |(_, _, op)| of(op));
        let high = all(|op| if let Op::High(n) = op { Some(n) } else { None }).max();
        let best = all(|op| if let Op::Best(n) = op { Some(n) } else { None }).min();
        check("high", format!("{:?}", save.high()), format!("{high:?}"));
        check("best", format!("{:?}", save.best()), format!("{best:?}"));
        let left = |added: fn(Op) -> bool, gone: fn(Op) -> Option<u32>| -> BTreeSet<u32> {
            let gone: BTreeSet<u32> = self.ops(done).filter_map(|(_, _, op)| gone(op)).collect();
            let added = self.ops(done).filter(|(_, _, op)| added(*op)).map(|(number, _, _)| number);
            added.filter(|number| !gone.contains(number)).collect()
        };
        let sets = [
            ("unlocked", left(|op| op == Op::Unlock, |_| None)),
            (
                "quests",
                left(|op| op == Op::Quest, |op| if let Op::QuestDone(id) = op { Some(id) } else { None }),
            ),
            ("log", left(|op| op == Op::Log, |op| if let Op::LogCut(id) = op { Some(id) } else { None })),
        ];
        for (name, expected) in sets {
            let mut found = save.list(name);
            // What one device added stays in its order.
            let device = |number: &u32| done[*number as usize].0;
            let in_order = found
                .iter()
                .enumerate()
                .all(|(at, a)| found[at..].iter().all(|b| device(a) != device(b) || a <= b));
            found.sort_unstable();
            check(name, format!("{found:?} {in_order}"), format!("{:?} true", Vec::from_iter(expected)));
        }
        for which in 0..SETTINGS {
            check("setting", format!("{:?}", save.setting(which)), format!("{:?}", self.settings[which]));
        }
        for which in 0..LEVELS {
            check("level", format!("{:?}", save.level(which)), format!("{:?}", self.levels[which]));
        }
        let mut found = save.items();
        found.sort_unstable();
        let shown = self.items.iter().map(|(id, item)| (*id, item.shown(done)));
        let expected: Vec<_> = shown.map(|(id, (count, tint))| (id, count, tint)).collect();
        check("items", format!("{found:?}"), format!("{expected:?}"));
        wrong
    }
}

/// The operations in a counter: those of the ancestor without what either side took, and what each side added. A
/// side takes an operation by dropping the item that it was counted on: the item can still be here, because it
/// came back by a later change on a device that had not counted that.
fn counted(base: u128, later: u128, earlier: u128) -> u128 {
    (later & earlier) | (later & !base) | (earlier & !base)
}

/// A register: the change, of two changes the later side's.
fn pick<T: PartialEq + Clone>(base: &T, later: &T, earlier: &T) -> T {
    if later == base { earlier.clone() } else { later.clone() }
}
