//! Tests of what retention keeps.

use super::rules::{
    DAY_MS, Decision, Entry, HOUR_MS, LOOK_AGAIN_MIN_MS, MARK_KEPT_MS, MARKS_MAX, NEWEST_KEPT, decide,
    new_base,
};
use crate::saves::config::Retention;
use aethex_wire::ids::VersionId;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

const NOW: i64 = 1_700_000_000_000;

fn id(n: usize) -> VersionId {
    VersionId::parse(&format!("00000000-0000-7000-8000-{n:012x}")).unwrap()
}

/// A head, saved `age` ago, on the one before.
fn head(n: usize, age: i64) -> Entry {
    Entry {
        id: id(n),
        sequence: Some(n as i64),
        parents: (n > 1).then(|| id(n - 1)).into_iter().collect(),
        stored_at_ms: NOW - age,
        deleted: false,
        pruned: false,
        pinned: false,
        suspicious: false,
        sealed: false,
        base: (n > 1).then(|| id(n - 1)),
    }
}

fn side(n: usize, parent: usize, age: i64) -> Entry {
    Entry { sequence: None, parents: vec![id(parent)], base: None, ..head(n, age) }
}

fn now(entries: &[Entry]) -> Decision {
    decide(entries, &Retention::default(), NOW)
}

fn kept(entries: &[Entry]) -> Vec<usize> {
    let dropped: HashSet<VersionId> = now(entries).drop.into_iter().collect();
    let numbers = entries.iter().enumerate().filter(|(_, entry)| !dropped.contains(&entry.id));
    numbers.map(|(at, _)| at + 1).collect()
}

/// Heads 1, 2, 3 … saved every `step`, the last one just now.
fn line(count: usize, step: i64) -> Vec<Entry> {
    (1..=count).map(|n| head(n, (count - n) as i64 * step)).collect()
}

#[test]
fn all_of_an_hour_hourly_for_a_day_daily_for_a_month_monthly_for_a_year() {
    // Two years of a save each ten minutes would be many: the recent past densely, then the rest.
    let mut ages: Vec<i64> = (0..6 * 48).map(|n| n * 10 * 60 * 1000).collect();
    ages.extend((9..9 * 720).map(|n| n * 8 * HOUR_MS / 3));
    ages.sort_unstable_by(|a, b| b.cmp(a));
    ages.dedup();
    let entries: Vec<Entry> = ages.iter().enumerate().map(|(n, age)| head(n + 1, *age)).collect();
    let dropped: HashSet<VersionId> = now(&entries).drop.into_iter().collect();
    let left: Vec<i64> = entries
        .iter()
        .filter(|entry| !dropped.contains(&entry.id))
        .map(|entry| NOW - entry.stored_at_ms)
        .collect();
    let between = |from: i64, to: i64| left.iter().filter(|age| (from..to).contains(*age)).count();
    // The newest ten reach past the hour: 0, 10, … 90 minutes.
    assert_eq!(between(0, HOUR_MS), 6);
    assert!((24..=29).contains(&between(HOUR_MS, DAY_MS)), "{}", between(HOUR_MS, DAY_MS));
    assert!((28..=30).contains(&between(DAY_MS, 30 * DAY_MS)), "{}", between(DAY_MS, 30 * DAY_MS));
    assert!((11..=12).contains(&between(30 * DAY_MS, 365 * DAY_MS)));
    assert_eq!(between(365 * DAY_MS, i64::MAX), 0);
}

#[test]
fn head_pins_and_the_newest_ten_stay_for_ever() {
    let mut old: Vec<Entry> = (1..=30).map(|n| head(n, 800 * DAY_MS - n as i64)).collect();
    old[4].pinned = true;
    let expected: Vec<usize> = [5].into_iter().chain(31 - NEWEST_KEPT..=30).collect();
    assert_eq!(kept(&old), expected);
    assert_eq!(now(&old).next_ms, None);
    assert_eq!(kept(&old[..1]), [1]);
    assert_eq!(now(&[]), Decision::default());
}

#[test]
fn a_side_stays_with_what_it_comes_from_until_it_is_merged() {
    let mut entries: Vec<Entry> = (1..=40).map(|n| head(n, 60 * DAY_MS + (40 - n) as i64)).collect();
    // In one month's bucket: without a side none of the first thirty would stay.
    assert!(!kept(&entries).contains(&7));
    entries.push(side(41, 7, 50 * DAY_MS));
    assert!(kept(&entries).contains(&7) && kept(&entries).contains(&41));
    // A side of a side leads to the same place.
    entries.push(side(42, 41, 50 * DAY_MS));
    assert!(kept(&entries).contains(&7));
    let mut merged = entries.clone();
    merged[39].parents.push(id(42));
    assert!(!kept(&merged).contains(&7));
    assert!(kept(&merged).contains(&41) && kept(&merged).contains(&42), "the losing side can be restored");
    entries[40].stored_at_ms = NOW - 90 * DAY_MS;
    entries[41].stored_at_ms = NOW - 90 * DAY_MS;
    assert!(!kept(&entries).iter().any(|n| [7, 41, 42].contains(n)));
}

#[test]
fn the_head_that_a_suspicious_save_replaced_stays() {
    let mut entries: Vec<Entry> = (1..=40).map(|n| head(n, 60 * DAY_MS + (40 - n) as i64)).collect();
    entries[9].suspicious = true;
    assert!(kept(&entries).contains(&9) && !kept(&entries).contains(&8));
    for entry in &mut entries {
        entry.stored_at_ms -= 30 * DAY_MS;
    }
    assert!(!kept(&entries).contains(&9));
}

#[test]
fn what_an_encrypted_patch_builds_on_stays() {
    let mut entries: Vec<Entry> = (1..=30).map(|n| head(n, 800 * DAY_MS - n as i64)).collect();
    for entry in &mut entries {
        entry.sealed = true;
    }
    entries[14].base = None;
    let expected: Vec<usize> = (15..=30).collect();
    assert_eq!(kept(&entries), expected);
    // The rest can be stored anew.
    entries.iter_mut().for_each(|entry| entry.sealed = false);
    assert_eq!(kept(&entries).len(), NEWEST_KEPT);
}

#[test]
fn marks_stay_for_long_and_then_go() {
    let mut entries: Vec<Entry> = (1..=30).map(|n| head(n, MARK_KEPT_MS + DAY_MS - n as i64)).collect();
    entries[..20].iter_mut().for_each(|entry| entry.pruned = true);
    let forget = now(&entries).forget;
    // The parent of one with a content stays: its past has an end that is known.
    assert_eq!(forget.len(), 19);
    assert!(!forget.contains(&id(20)));
    let mut young = entries.clone();
    young.iter_mut().for_each(|entry| entry.stored_at_ms += 2 * DAY_MS);
    assert_eq!(now(&young).forget, []);
    assert_eq!(now(&young).next_ms, Some(young[0].stored_at_ms + MARK_KEPT_MS));
    // A deleted slot's mark is its head.
    let deleted = Entry { deleted: true, ..head(1, 10 * MARK_KEPT_MS) };
    assert_eq!(now(&[deleted]).forget, []);
}

#[test]
fn marks_are_bounded() {
    let mut entries = line(MARKS_MAX + 20, 60_000);
    entries[..MARKS_MAX + 10].iter_mut().for_each(|entry| entry.pruned = true);
    let forget = now(&entries).forget;
    assert_eq!(forget.len(), 10);
    assert!(forget.contains(&id(1)) && forget.contains(&id(10)));
}

#[test]
fn looks_are_neither_missed_nor_too_many() {
    let next = |entries: &[Entry]| now(entries).next_ms.unwrap() - NOW;
    assert_eq!(next(&[head(1, 0)]), HOUR_MS);
    assert_eq!(next(&[head(1, HOUR_MS)]), 23 * HOUR_MS);
    assert_eq!(next(&[head(1, HOUR_MS - 5)]), LOOK_AGAIN_MIN_MS);
    assert_eq!(next(&[head(1, 2 * DAY_MS)]), 28 * DAY_MS);
}

#[test]
fn a_dependent_gets_the_nearest_kept_base_before_it() {
    let entries = line(6, 1);
    let dropped: HashSet<VersionId> = [id(4), id(5)].into();
    assert_eq!(new_base(&entries, &dropped, &entries[5]), Some(id(3)));
    let all: HashSet<VersionId> = (1..=5).map(id).collect();
    assert_eq!(new_base(&entries, &all, &entries[5]), None);
    // After a merge of accounts an older one may be built on a newer one.
    let mut turned = entries.clone();
    turned[2].base = Some(id(6));
    assert_eq!(new_base(&turned, &dropped, &turned[5]), None);
    assert_eq!(new_base(&entries, &dropped, &side(7, 6, 0)), None);
}

fn histories() -> impl Strategy<Value = Vec<Entry>> {
    let one = (0..40 * 24 * 4_i64, any::<u8>(), any::<prop::sample::Index>());
    prop::collection::vec(one, 1..120).prop_map(|drawn| {
        let mut ages: Vec<i64> = drawn.iter().map(|(age, ..)| age * HOUR_MS / 4).collect();
        ages.sort_unstable_by(|a, b| b.cmp(a));
        let mut entries: Vec<Entry> = Vec::new();
        let mut line: Vec<usize> = Vec::new();
        for (at, (_, bits, parent)) in drawn.iter().enumerate() {
            let mut entry = Entry { parents: vec![], base: None, ..head(at + 1, ages[at]) };
            let before = (!line.is_empty()).then(|| line[parent.index(line.len())]);
            if bits % 5 == 0 && before.is_some() {
                entry.sequence = None;
                entry.parents = before.map(|at| entries[at].id.clone()).into_iter().collect();
            } else {
                let newest = line.last().map(|at| entries[*at].id.clone());
                entry.parents = newest.clone().into_iter().collect();
                let sides = entries.iter().rev().find(|entry| entry.sequence.is_none());
                if bits % 11 == 0 {
                    entry.parents.extend(sides.map(|entry| entry.id.clone()));
                }
                entry.base = newest.filter(|_| bits % 7 != 0);
                line.push(at);
            }
            entry.pinned = bits % 31 == 0;
            entry.suspicious = bits % 13 == 0;
            entry.sealed = drawn[0].1 % 3 == 0;
            entries.push(entry);
        }
        entries
    })
}

proptest! {
    /// To decide often is to decide once: whatever was dropped on the way would have been dropped in the end.
    #[test]
    fn many_looks_keep_what_one_look_keeps(entries in histories(), looks in prop::collection::vec(0..400_i64, 1..8)) {
        let plan = Retention::default();
        let mut looks = looks;
        looks.sort_unstable();
        let mut entries_now = entries.clone();
        for look in &looks {
            let decision = decide(&entries_now, &plan, NOW + look * DAY_MS / 4);
            for entry in &mut entries_now {
                entry.pruned |= decision.drop.contains(&entry.id);
            }
            // Nothing is dropped twice, and never a head, a pin or one of the newest.
            let mut line: Vec<&Entry> = entries_now.iter().filter(|entry| entry.sequence.is_some()).collect();
            line.sort_by_key(|entry| std::cmp::Reverse(entry.sequence));
            for entry in line.iter().take(NEWEST_KEPT) {
                prop_assert!(!entry.pruned);
            }
            let by_id: BTreeMap<&VersionId, &Entry> = entries_now.iter().map(|entry| (&entry.id, entry)).collect();
            for entry in &entries_now {
                prop_assert!(!(entry.pinned && entry.pruned));
                if entry.sealed && !entry.pruned {
                    let base = entry.base.as_ref().map(|base| by_id[base]);
                    prop_assert!(base.is_none_or(|base| !base.pruned));
                }
            }
        }
        let last = NOW + looks[looks.len() - 1] * DAY_MS / 4;
        let once = decide(&entries, &plan, last);
        for entry in &entries_now {
            // What the rules promise now was not dropped before.
            prop_assert!(!entry.pruned || once.drop.contains(&entry.id), "{:?}", entry.id);
        }
    }

    /// Looking when told to is looking always: between two looks nothing becomes due for long.
    #[test]
    fn the_next_look_is_in_time(entries in histories(), later in 0..60_i64) {
        let plan = Retention::default();
        let decision = decide(&entries, &plan, NOW);
        let mut after = entries.clone();
        after.iter_mut().for_each(|entry| entry.pruned |= decision.drop.contains(&entry.id));
        let at = NOW + later * DAY_MS / 2;
        let due = !decide(&after, &plan, at).drop.is_empty();
        prop_assert!(!due || decision.next_ms.is_some_and(|next| next <= at.max(NOW + LOOK_AGAIN_MIN_MS)));
    }
}
