//! Three-way merge of sequences: which of the ancestor's items each side kept, and what each side put between.
//!
//! Alignment is patience diff: items that are there once anchor the rest. Small stretches without anchors are
//! aligned exactly, large ones count as changed: that can ask once too often, never merge wrongly.

use super::Which;
use super::items::agreed;
use super::order::Id;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Most cells of an exact alignment: some 250 by 250 items.
const EXACT_CELLS_MAX: usize = 1 << 16;
/// How often each item may be looked at while aligning, so that no input takes quadratic time.
const LOOKS_MAX: usize = 64;

/// The items of three lists as numbers: equal items have equal numbers.
#[derive(Debug)]
pub(super) struct Interned<'l> {
    /// The ancestor's, this device's, the cloud's.
    pub(super) ids: [Vec<u32>; 3],
    items: Vec<&'l Value>,
}

impl<'l> Interned<'l> {
    pub(super) fn new(lists: [&'l [Cow<'l, Value>]; 3]) -> Interned<'l> {
        let mut known: HashMap<Id<'l>, u32> = HashMap::new();
        let mut items = Vec::new();
        let ids = lists.map(|list| {
            let id = |item: &'l Cow<'l, Value>| {
                let next = items.len() as u32;
                let id = *known.entry(Id::of(item, true)).or_insert(next);
                if id == next {
                    items.push(item.as_ref());
                }
                id
            };
            list.iter().map(id).collect()
        });
        Interned { ids, items }
    }

    pub(super) fn values(&self, ids: &[u32]) -> Vec<Value> {
        ids.iter().map(|id| self.items[*id as usize].clone()).collect()
    }
}

/// Lists of one length, place by place; `None` when both sides changed a place differently.
pub(super) fn places([base, local, cloud]: &[Vec<u32>; 3]) -> Option<Vec<u32>> {
    if base.len() != local.len() || base.len() != cloud.len() {
        return None;
    }
    (0..base.len()).map(|at| agreed(Some(base[at]), local[at], cloud[at])).collect()
}

/// The edits of both sides; `None` when they touch each other.
pub(super) fn merge([base, local, cloud]: &[Vec<u32>; 3]) -> Option<Vec<u32>> {
    let (in_local, in_cloud) = (align(base, local), align(base, cloud));
    let (mut b, mut l, mut c) = (0, 0, 0);
    let mut out = Vec::with_capacity(local.len().max(cloud.len()));
    loop {
        while b < base.len() && in_local[b] == Some(l) && in_cloud[b] == Some(c) {
            out.push(base[b]);
            (b, l, c) = (b + 1, l + 1, c + 1);
        }
        let next = (b..base.len()).find_map(|at| Some((at, in_local[at]?, in_cloud[at]?)));
        let (to_b, to_l, to_c) = next.unwrap_or((base.len(), local.len(), cloud.len()));
        out.extend(agreed(Some(&base[b..to_b]), &local[l..to_l], &cloud[c..to_c])?);
        (b, l, c) = (to_b, to_l, to_c);
        if next.is_none() {
            return Some(out);
        }
    }
}

/// Everything that either side added, without what either removed; where both added, the earlier side's first.
pub(super) fn append([base, local, cloud]: &[Vec<u32>; 3], earlier: Which) -> Vec<u32> {
    let (first, second) = if earlier == Which::Cloud { (cloud, local) } else { (local, cloud) };
    let sides = [(first, align(base, first)), (second, align(base, second))];
    let mut at = [0, 0];
    let mut out = Vec::with_capacity(local.len() + cloud.len());
    for b in 0..=base.len() {
        let mut kept = true;
        for (side, (list, kept_at)) in sides.iter().enumerate() {
            let Some(until) = kept_at.get(b).copied().unwrap_or(Some(list.len())) else {
                kept = false;
                continue;
            };
            out.extend(&list[at[side]..until]);
            at[side] = (until + 1).min(list.len());
        }
        if kept && b < base.len() {
            out.push(base[b]);
        }
    }
    out
}

/// Merges texts line by line; `None` when both sides changed the same lines, or lines beside each other.
pub(super) fn text(base: &str, local: &str, cloud: &str) -> Option<String> {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut lines = Vec::new();
    let ids = [base, local, cloud].map(|text| {
        let id = |line| {
            let next = lines.len() as u32;
            let id = *known.entry(line).or_insert(next);
            if id == next {
                lines.push(line);
            }
            id
        };
        text.split_inclusive('\n').map(id).collect()
    });
    Some(merge(&ids)?.into_iter().map(|id| lines[id as usize]).collect())
}

/// For each item of `a`, which item of `b` it is: rising, and equal items only.
fn align(a: &[u32], b: &[u32]) -> Vec<Option<usize>> {
    let mut aligned = vec![None; a.len()];
    let mut looks = LOOKS_MAX.saturating_mul(a.len() + b.len());
    let mut open = vec![(0..a.len(), 0..b.len())];
    while let Some((mut in_a, mut in_b)) = open.pop() {
        while !in_a.is_empty() && !in_b.is_empty() && a[in_a.start] == b[in_b.start] {
            aligned[in_a.start] = Some(in_b.start);
            (in_a.start, in_b.start) = (in_a.start + 1, in_b.start + 1);
        }
        while !in_a.is_empty() && !in_b.is_empty() && a[in_a.end - 1] == b[in_b.end - 1] {
            aligned[in_a.end - 1] = Some(in_b.end - 1);
            (in_a.end, in_b.end) = (in_a.end - 1, in_b.end - 1);
        }
        if in_a.is_empty() || in_b.is_empty() {
            continue;
        }
        if in_a.len().saturating_mul(in_b.len()) <= EXACT_CELLS_MAX {
            exact(a, b, in_a, in_b, &mut aligned);
            continue;
        }
        let Some(left) = looks.checked_sub(in_a.len() + in_b.len()) else { continue };
        looks = left;
        let anchors = anchors(a, b, &in_a, &in_b);
        if anchors.is_empty() {
            continue;
        }
        let (mut from_a, mut from_b) = (in_a.start, in_b.start);
        for (at_a, at_b) in anchors {
            aligned[at_a] = Some(at_b);
            open.push((from_a..at_a, from_b..at_b));
            (from_a, from_b) = (at_a + 1, at_b + 1);
        }
        open.push((from_a..in_a.end, from_b..in_b.end));
    }
    aligned
}

/// Items that are once in each stretch, the most of them that are in the same order.
fn anchors(a: &[u32], b: &[u32], in_a: &Range<usize>, in_b: &Range<usize>) -> Vec<(usize, usize)> {
    #[derive(Default)]
    struct Seen {
        a: Option<usize>,
        b: Option<usize>,
        twice: bool,
    }
    let mut seen: HashMap<u32, Seen> = HashMap::new();
    for at in in_a.clone() {
        let seen = seen.entry(a[at]).or_default();
        seen.twice |= seen.a.replace(at).is_some();
    }
    for at in in_b.clone() {
        let seen = seen.entry(b[at]).or_default();
        seen.twice |= seen.b.replace(at).is_some();
    }
    let once = |at: usize| seen.get(&a[at]).filter(|seen| !seen.twice).and_then(|seen| Some((at, seen.b?)));
    let pairs: Vec<(usize, usize)> = in_a.clone().filter_map(once).collect();
    longest_rising(&pairs)
}

/// The longest run of pairs whose second numbers rise: patience sorting.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut tops: Vec<usize> = Vec::new();
    let mut before = vec![None; pairs.len()];
    for (place, (_, b)) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|top| pairs[*top].1 < *b);
        before[place] = pile.checked_sub(1).map(|left| tops[left]);
        match tops.get_mut(pile) {
            Some(top) => *top = place,
            None => tops.push(place),
        }
    }
    let mut rising: Vec<(usize, usize)> = std::iter::successors(tops.last().copied(), |place| before[*place])
        .map(|place| pairs[place])
        .collect();
    rising.reverse();
    rising
}

/// The longest common subsequence, by the table.
fn exact(a: &[u32], b: &[u32], in_a: Range<usize>, in_b: Range<usize>, aligned: &mut [Option<usize>]) {
    let width = in_b.len() + 1;
    let mut table = vec![0u16; (in_a.len() + 1) * width];
    for i in (0..in_a.len()).rev() {
        for j in (0..in_b.len()).rev() {
            let cell = i * width + j;
            table[cell] = match a[in_a.start + i] == b[in_b.start + j] {
                true => table[cell + width + 1] + 1,
                false => table[cell + width].max(table[cell + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < in_a.len() && j < in_b.len() {
        let cell = i * width + j;
        if a[in_a.start + i] == b[in_b.start + j] {
            aligned[in_a.start + i] = Some(in_b.start + j);
            (i, j) = (i + 1, j + 1);
        } else if table[cell + width] >= table[cell + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
}
