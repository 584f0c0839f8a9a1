//! Pairs up the keys of three dictionaries, or the records of three lists, and puts them in one order.

use super::Which;
use super::hash::QuickMap;
use super::same::same;
use crate::value::{Value, encoded_into};

/// A key, ready to be looked up.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Id<'v> {
    Text(&'v str),
    Int(i64),
    Bytes(Vec<u8>),
}

impl<'v> Id<'v> {
    /// Godot takes `"a"` and `&"a"` for the same key; so do we, unless one dictionary has both (`exact`).
    pub(super) fn of(key: &'v Value, exact: bool) -> Id<'v> {
        match key {
            Value::String(text) => Id::Text(text),
            Value::StringName(text) if !exact => Id::Text(text),
            Value::Int(int) => Id::Int(*int),
            other => {
                let mut bytes = Vec::new();
                encoded_into(other, &mut bytes);
                Id::Bytes(bytes)
            }
        }
    }
}

/// Where a key stands on each side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    pub(super) base: Option<usize>,
    pub(super) local: Option<usize>,
    pub(super) cloud: Option<usize>,
}

/// The keys of both sides and the ancestor, each once, in the order of the merge.
///
/// `None` when one side has the same key twice.
pub(super) fn paired<'v>(
    base: &[&'v Value],
    local: &[&'v Value],
    cloud: &[&'v Value],
    earlier: Which,
) -> Option<Vec<Slot>> {
    let index = Index::of(base, local, cloud, false).or_else(|| Index::of(base, local, cloud, true))?;
    let order = index.order(earlier);
    Some(order.into_iter().map(|slot| index.slots[slot]).collect())
}

/// Whether two dictionaries have the same keys in the same order: most of them.
pub(super) fn same_keys(a: &[(Value, Value)], b: &[(Value, Value)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.0, &b.0))
}

struct Index {
    slots: Vec<Slot>,
    base: Vec<usize>,
    local: Vec<usize>,
    cloud: Vec<usize>,
}

impl Index {
    fn of(base: &[&Value], local: &[&Value], cloud: &[&Value], exact: bool) -> Option<Index> {
        let most = base.len().max(local.len()).max(cloud.len());
        let mut known = QuickMap::with_capacity_and_hasher(most, Default::default());
        let mut slots: Vec<Slot> = Vec::with_capacity(most);
        let mut sequences = [Vec::new(), Vec::new(), Vec::new()];
        for (side, keys) in [base, local, cloud].into_iter().enumerate() {
            sequences[side].reserve(keys.len());
            for (at, key) in keys.iter().enumerate() {
                let slot = *known.entry(Id::of(key, exact)).or_insert(slots.len());
                if slot == slots.len() {
                    slots.push(Slot::default());
                }
                let slots = &mut slots[slot];
                let place = [&mut slots.base, &mut slots.local, &mut slots.cloud].into_iter().nth(side)?;
                if place.replace(at).is_some() {
                    return None;
                }
                sequences[side].push(slot);
            }
        }
        let [base, local, cloud] = sequences;
        Some(Index { slots, base, local, cloud })
    }

    /// Every slot once. When one side kept the ancestor's order, the other side's order holds. Else: the
    /// ancestor's keys first, as the side that moved them has them (as they were, when both did), then what
    /// was added, the earlier side's first.
    fn order(&self, earlier: Which) -> Vec<usize> {
        let (first, second) = match earlier {
            Which::Cloud => (&self.cloud, &self.local),
            _ => (&self.local, &self.cloud),
        };
        let sequences: Vec<&[usize]> = if self.local == self.base {
            vec![&self.cloud, &self.base]
        } else if self.cloud == self.base || self.local == self.cloud {
            vec![&self.local, &self.base]
        } else {
            let moved = |keys: &[usize]| !keys.iter().filter(|slot| self.is_old(**slot)).is_sorted();
            let old = match (moved(&self.local), moved(&self.cloud)) {
                (true, false) => &self.local,
                (false, true) => &self.cloud,
                _ => &self.base,
            };
            return self.collect(
                old.iter().filter(|slot| self.is_old(**slot)).chain(&self.base).chain(first).chain(second),
            );
        };
        self.collect(sequences.into_iter().flatten().chain(first).chain(second))
    }

    /// The ancestor's slots come first, in its order.
    fn is_old(&self, slot: usize) -> bool {
        slot < self.base.len()
    }

    fn collect<'s>(&self, slots: impl Iterator<Item = &'s usize>) -> Vec<usize> {
        let mut seen = vec![false; self.slots.len()];
        slots.copied().filter(|slot| !std::mem::replace(&mut seen[*slot], true)).collect()
    }
}
