//! Three-way merge of sequences: which of the ancestor's items each side kept, and what each side put between.
//!
//! Alignment is patience diff: items that are there once anchor the rest. Small stretches without anchors are
//! aligned exactly, large ones count as changed: that can ask once too often, never merge wrongly.

use super::Which;
use super::hash::QuickMap;
use super::order::Id;
use super::same::same;
use crate::value::Value;
use std::ops::Range;

/// Most cells of an exact alignment: some 250 by 250 items.
const EXACT_CELLS_MAX: usize = 1 << 16;
/// How often each item may be looked at while aligning, so that no input takes quadratic time.
const LOOKS_MAX: usize = 64;

/// Something that stands in a list.
pub(super) trait Item: Clone {
    /// Bit for bit.
    fn same(&self, other: &Self) -> bool;
    /// To look it up by.
    fn id(&self) -> Id<'_>;
}

impl Item for Value {
    fn same(&self, other: &Value) -> bool {
        same(self, other)
    }

    fn id(&self) -> Id<'_> {
        Id::of(self, true)
    }
}

macro_rules! plain_items {
    ($($type:ty: |$item:ident| $id:expr;)+) => {$(
        impl Item for $type {
            fn same(&self, other: &$type) -> bool {
                self.id() == other.id()
            }

            fn id(&self) -> Id<'_> {
                let $item = self;
                $id
            }
        }
    )+};
}

plain_items! {
    i32: |int| Id::Int((*int).into());
    i64: |int| Id::Int(*int);
    f32: |float| Id::Int(float.to_bits().into());
    f64: |float| Id::Int(float.to_bits().cast_signed());
    String: |text| Id::Text(text);
    &str: |text| Id::Text(text);
}

impl<const N: usize> Item for [f32; N] {
    fn same(&self, other: &[f32; N]) -> bool {
        self.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    fn id(&self) -> Id<'_> {
        Id::Bytes(self.iter().flat_map(|float| float.to_bits().to_le_bytes()).collect())
    }
}

fn same_items<T: Item>(a: &[T], b: &[T]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
}

/// What both sides made of a stretch of the ancestor; nothing when both changed it differently.
fn agreed<'t, T: Item>(base: &[T], local: &'t [T], cloud: &'t [T]) -> Option<&'t [T]> {
    if same_items(local, cloud) || same_items(base, cloud) {
        return Some(local);
    }
    same_items(base, local).then_some(cloud)
}

/// The edits of both sides; `None` when they touch each other. Lists of one length are first tried place by
/// place.
pub(super) fn edits<T: Item>(base: &[T], local: &[T], cloud: &[T]) -> Option<Vec<T>> {
    let places = || {
        let all = base.iter().zip(local).zip(cloud);
        all.map(|((base, local), cloud)| match () {
            () if base.same(cloud) || local.same(cloud) => Some(local.clone()),
            () => base.same(local).then(|| cloud.clone()),
        })
        .collect()
    };
    let one_length = base.len() == local.len() && base.len() == cloud.len();
    one_length.then(places).flatten().or_else(|| merge(base, local, cloud))
}

fn merge<T: Item>(base: &[T], local: &[T], cloud: &[T]) -> Option<Vec<T>> {
    let (in_local, in_cloud) = (align(base, local), align(base, cloud));
    let (mut b, mut l, mut c) = (0, 0, 0);
    let mut out = Vec::with_capacity(local.len().max(cloud.len()));
    loop {
        let kept = in_local.run(b, l).min(in_cloud.run(b, c));
        if kept > 0 {
            out.extend_from_slice(&base[b..b + kept]);
            (b, l, c) = (b + kept, l + kept, c + kept);
            continue;
        }
        let next = (b..base.len()).find_map(|at| Some((at, in_local.place(at)?, in_cloud.place(at)?)));
        let (to_b, to_l, to_c) = next.unwrap_or((base.len(), local.len(), cloud.len()));
        out.extend_from_slice(agreed(&base[b..to_b], &local[l..to_l], &cloud[c..to_c])?);
        (b, l, c) = (to_b, to_l, to_c);
        if next.is_none() {
            return Some(out);
        }
    }
}

/// Everything that either side added, without what either removed; where both added, the earlier side's first.
pub(super) fn append<T: Item>(base: &[T], local: &[T], cloud: &[T], earlier: Which) -> Vec<T> {
    let (first, second) = if earlier == Which::Cloud { (cloud, local) } else { (local, cloud) };
    let sides = [(first, align(base, first)), (second, align(base, second))];
    let mut at = [0, 0];
    let mut out = Vec::with_capacity(local.len() + cloud.len());
    let mut b = 0;
    loop {
        let run = sides[0].1.run(b, at[0]).min(sides[1].1.run(b, at[1]));
        out.extend_from_slice(&base[b..b + run]);
        (b, at) = (b + run, at.map(|place| place + run));
        let mut kept = true;
        for (side, (list, aligned)) in sides.iter().enumerate() {
            let Some(until) = aligned.place(b) else {
                kept = false;
                continue;
            };
            out.extend_from_slice(&list[at[side]..until]);
            at[side] = (until + 1).min(list.len());
        }
        if b == base.len() {
            return out;
        }
        if kept {
            out.push(base[b].clone());
        }
        b += 1;
    }
}

/// Merges texts line by line; `None` when both sides changed the same lines, or lines beside each other.
pub(super) fn text(base: &str, local: &str, cloud: &str) -> Option<String> {
    let [base, local, cloud] =
        [base, local, cloud].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    Some(merge(&base, &local, &cloud)?.concat())
}

/// For each item of `a`, which item of `b` it is: rising, and equal items only.
struct Aligned {
    /// The first items of `a` are the first of `b`.
    start: usize,
    middle: Vec<Option<usize>>,
    /// Where the common end begins, in `a` and in `b`.
    end: (usize, usize),
    len: usize,
}

impl Aligned {
    /// Which item of `b` an item of `a` is; past the end of `a`, the end of `b`.
    fn place(&self, at: usize) -> Option<usize> {
        match at.checked_sub(self.start) {
            None => Some(at),
            Some(inside) => match self.middle.get(inside) {
                Some(place) => *place,
                None => Some(at - self.end.0 + self.end.1),
            },
        }
    }

    /// A number of items of `a`, from `at` on, that stand one after the other in `b`, from `place` on. At least
    /// 1 when there are any.
    fn run(&self, at: usize, place: usize) -> usize {
        if at >= self.len || self.place(at) != Some(place) {
            return 0;
        }
        if at < self.start {
            return self.start - at;
        }
        if at >= self.end.0 {
            return self.len - at;
        }
        let places = self.middle[at - self.start..].iter().zip(place..);
        places.take_while(|(known, place)| **known == Some(*place)).count()
    }
}

fn align<T: Item>(a: &[T], b: &[T]) -> Aligned {
    let start = a.iter().zip(b).take_while(|(a, b)| a.same(b)).count();
    let (rest_a, rest_b) = (&a[start..], &b[start..]);
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a.same(b)).count();
    let (rest_a, rest_b) = (&rest_a[..rest_a.len() - end], &rest_b[..rest_b.len() - end]);
    let mut middle = match rest_a.is_empty() || rest_b.is_empty() {
        true => vec![None; rest_a.len()],
        false => {
            let (numbers_a, numbers_b, count) = numbered(rest_a, rest_b);
            align_numbers(&numbers_a, &numbers_b, count)
        }
    };
    middle.iter_mut().flatten().for_each(|place| *place += start);
    Aligned { start, middle, end: (a.len() - end, b.len() - end), len: a.len() }
}

/// Items as numbers, and how many numbers there are: equal items have equal numbers.
fn numbered<T: Item>(a: &[T], b: &[T]) -> (Vec<u32>, Vec<u32>, usize) {
    let mut known = QuickMap::with_capacity_and_hasher(a.len(), Default::default());
    // Where `a` has a number last.
    let mut places: Vec<usize> = Vec::with_capacity(a.len());
    let mut numbers_a: Vec<u32> = Vec::with_capacity(a.len());
    for (at, item) in a.iter().enumerate() {
        let number = *known.entry(item.id()).or_insert(places.len() as u32);
        match places.get_mut(number as usize) {
            Some(place) => *place = at,
            None => places.push(at),
        }
        numbers_a.push(number);
    }
    // Most items stand beside the same ones: those are compared, and not looked up.
    let mut next = 0;
    let mut number_b = |item| {
        if a.get(next).is_some_and(|there| there.same(item)) {
            next += 1;
            return numbers_a[next - 1];
        }
        let new = known.len() as u32;
        let number = *known.entry(T::id(item)).or_insert(new);
        next = places.get(number as usize).map_or(next, |place| place + 1);
        number
    };
    let numbers_b = b.iter().map(&mut number_b).collect();
    let count = known.len();
    (numbers_a, numbers_b, count)
}

/// `count`: every number is below it.
fn align_numbers(a: &[u32], b: &[u32], count: usize) -> Vec<Option<usize>> {
    let mut aligned = vec![None; a.len()];
    let mut seen = vec![Seen::default(); count];
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
        // Every stretch costs what it is long, or as many cells as it has: neither more often than this.
        let Some(left) = looks.checked_sub(in_a.len() + in_b.len()) else { continue };
        looks = left;
        if in_a.len().saturating_mul(in_b.len()) <= EXACT_CELLS_MAX {
            exact(a, b, in_a, in_b, &mut aligned);
            continue;
        }
        let anchors = anchors(a, b, &in_a, &in_b, &mut seen);
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

/// Where a number is in two stretches.
#[derive(Clone, Default)]
struct Seen {
    a: Option<usize>,
    b: Option<usize>,
    twice: bool,
}

/// Items that are once in each stretch, the most of them that are in the same order. Leaves `seen` as it was:
/// empty, with a place for every number.
fn anchors(
    a: &[u32],
    b: &[u32],
    in_a: &Range<usize>,
    in_b: &Range<usize>,
    seen: &mut [Seen],
) -> Vec<(usize, usize)> {
    for at in in_a.clone() {
        let seen = &mut seen[a[at] as usize];
        seen.twice |= seen.a.replace(at).is_some();
    }
    for at in in_b.clone() {
        let seen = &mut seen[b[at] as usize];
        seen.twice |= seen.b.replace(at).is_some();
    }
    let once = |at: usize| {
        let seen = &seen[a[at] as usize];
        if seen.twice { None } else { Some((at, seen.b?)) }
    };
    let pairs: Vec<(usize, usize)> = in_a.clone().filter_map(once).collect();
    for number in a[in_a.clone()].iter().chain(&b[in_b.clone()]) {
        seen[*number as usize] = Seen::default();
    }
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
    // A common subsequence is at most as long as the shorter stretch: 256 items.
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
