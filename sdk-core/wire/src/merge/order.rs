//! Pairs up the keys of three dictionaries, or the records of three lists, and puts them in one order.

use super::Which;
use super::hash::QuickMap;
use super::same::same;
use crate::value::{Value, encoded_into};
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

/// A key, ready to be looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Id<'v> {
    Text(&'v str),
    Int(i64),
    Bytes(Vec<u8>),
}

/// Kinds are told apart when they are compared.
impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Id::Text(text) => state.write(text.as_bytes()),
            Id::Int(int) => state.write_i64(*int),
            Id::Bytes(bytes) => state.write(bytes),
        }
    }
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

impl Slot {
    fn side(&mut self, side: usize) -> &mut Option<usize> {
        match side {
            0 => &mut self.base,
            1 => &mut self.local,
            _ => &mut self.cloud,
        }
    }
}

/// What becomes of a key that one side has twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubles {
    /// Nothing is paired.
    Refused,
    /// The first one counts.
    Skipped,
}

/// The keys of the ancestor, of this device and of the cloud, each once, in the order of the merge.
///
/// `None` when one side has the same key twice and doubles are refused.
pub(super) fn paired<K: Borrow<Value>>(
    sides: [&[K]; 3],
    earlier: Which,
    doubles: Doubles,
) -> Option<Vec<Slot>> {
    let index = Index::of(sides, false, doubles).or_else(|| Index::of(sides, true, doubles))?;
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
    fn of<K: Borrow<Value>>(sides: [&[K]; 3], exact: bool, doubles: Doubles) -> Option<Index> {
        let mut numbers = Numbers::new(sides[0], exact, doubles);
        let mut slots: Vec<Slot> = Vec::with_capacity(numbers.count);
        let mut sequences = [Vec::new(), Vec::new(), Vec::new()];
        for (side, keys) in sides.into_iter().enumerate() {
            let of_side = if side == 0 { numbers.base.clone() } else { numbers.of(sides[0], keys) };
            slots.resize_with(numbers.count, Slot::default);
            for (at, slot) in of_side.into_iter().enumerate() {
                let place = slots[slot].side(side);
                match *place {
                    None => {
                        *place = Some(at);
                        sequences[side].push(slot);
                    }
                    Some(first)
                        if doubles == Doubles::Skipped
                            && one_spelling(exact, keys[first].borrow(), keys[at].borrow()) => {}
                    Some(_) => return None,
                }
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

/// Whether two keys of one number are the same bit for bit: only a name can be a text as well.
fn one_spelling(exact: bool, a: &Value, b: &Value) -> bool {
    exact || !matches!(a, Value::String(_) | Value::StringName(_)) || same(a, b)
}

/// Numbers for keys, in the order in which they are first met: equal keys have equal numbers. Keys that stand
/// beside the same ones as in the ancestor, most of them, are compared with those and not looked up.
struct Numbers<'v> {
    known: QuickMap<Id<'v>, usize>,
    exact: bool,
    count: usize,
    /// The ancestor's.
    base: Vec<usize>,
    /// Where the ancestor has a number last.
    places: Vec<usize>,
}

impl<'v> Numbers<'v> {
    fn new<K: Borrow<Value>>(base: &'v [K], exact: bool, doubles: Doubles) -> Numbers<'v> {
        // A list can have few different items, again and again: its table stays small.
        let most = if doubles == Doubles::Refused { base.len() } else { 0 };
        let known = QuickMap::with_capacity_and_hasher(most, Default::default());
        let mut numbers = Numbers { known, exact, count: 0, base: Vec::new(), places: Vec::new() };
        numbers.base = base.iter().map(|key| numbers.look_up(key.borrow())).collect();
        numbers.places = vec![0; numbers.count];
        for (at, number) in numbers.base.iter().enumerate() {
            numbers.places[*number] = at;
        }
        numbers
    }

    fn look_up(&mut self, key: &'v Value) -> usize {
        let number = *self.known.entry(Id::of(key, self.exact)).or_insert(self.count);
        self.count += usize::from(number == self.count);
        number
    }

    /// The numbers of a side's keys.
    fn of<K: Borrow<Value>>(&mut self, base: &[K], keys: &'v [K]) -> Vec<usize> {
        let alike = |(a, b): &(&K, &K)| same((*a).borrow(), (*b).borrow());
        let end = base.iter().rev().zip(keys.iter().rev()).take_while(alike).count();
        let mut numbers = Vec::with_capacity(keys.len());
        // What the next key is when nothing changed.
        let mut next = 0;
        for key in &keys[..keys.len() - end] {
            let key = key.borrow();
            if base.get(next).is_some_and(|there| same(there.borrow(), key)) {
                numbers.push(self.base[next]);
                next += 1;
                continue;
            }
            let number = self.look_up(key);
            next = self.places.get(number).map_or(next, |place| place + 1);
            numbers.push(number);
        }
        numbers.extend_from_slice(&self.base[base.len() - end..]);
        numbers
    }
}
