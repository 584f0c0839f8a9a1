use super::*;
use proptest::prelude::*;

mod containers;
mod pinned;

fn round_trip(base: &[u8], target: &[u8]) -> usize {
    let patch = encode(base, target);
    assert_eq!(output_len(&patch), Some(target.len()));
    assert_eq!(decode(base, &patch, target.len()).as_deref(), Ok(target));
    assert!(patch.len() <= target.len() + 11);
    patch.len()
}

#[test]
fn empty_equal_and_unrelated_bytes() {
    let text = b"the quick brown fox jumps over the lazy dog ".repeat(50);
    for (base, target) in [(&b""[..], &b""[..]), (b"", &text), (&text, b""), (&text, b"x"), (b"x", &text)] {
        round_trip(base, target);
    }
    assert!(round_trip(&text, &text) < 120);
}

#[test]
fn an_output_is_bounded_before_it_is_made() {
    let zeros = vec![0; 1 << 20];
    let patch = encode(b"", &zeros);
    assert!(patch.len() < 200);
    assert_eq!(decode(b"", &patch, 1 << 19), Err(DeltaError::TooLong { len: 1 << 20 }));
    assert!(decode(b"", &[1, 0xff, 0xff, 0xff, 0xff, 0x7f], usize::MAX).is_err());
}

/// The same pseudo-random bytes every time.
fn noise(len: usize, mut seed: u64) -> Vec<u8> {
    let step = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    (0..len).map(step).collect()
}

#[test]
fn a_small_change_makes_a_small_patch() {
    let base = noise(1 << 20, 1);
    for at in [0, 1, 500_000, (1 << 20) - 200] {
        let mut target = base.clone();
        target[at..at + 200].copy_from_slice(&noise(200, 2));
        assert!(round_trip(&base, &target) < 300);
        // As many inserted, or cut out.
        target = [&base[..at], &noise(200, 3), &base[at..]].concat();
        assert!(round_trip(&base, &target) < 300);
        target = [&base[..at], &base[at + 200..]].concat();
        assert!(round_trip(&base, &target) < 100);
    }
    assert!(round_trip(&base, &base) < 20);
}

#[test]
fn a_hundredth_of_changes_costs_little_more_than_the_changed_bytes() {
    let mut base = noise(1 << 20, 1);
    for version in 0..3 {
        let mut target = base.clone();
        let places = noise(300, 9 + version);
        for place in places.chunks_exact(3) {
            let at = usize::from(place[0]) << 12 | usize::from(place[1]) << 4;
            let end = target.len().min(at + 105);
            target[at..end].copy_from_slice(&noise(end - at, at as u64 + version));
        }
        assert!(round_trip(&base, &target) < 11_500);
        base = target;
    }
}

#[test]
fn changes_everywhere_are_left_to_the_quick_method() {
    let base = noise(1 << 20, 1);
    let mut target = base.clone();
    target.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
    assert_eq!(encode(&base, &target)[0], Method::Prefix as u8);
    round_trip(&base, &target);
}

#[test]
fn a_patch_cannot_ask_for_endless_work() {
    let base: Vec<u8> = noise(1 << 16, 6).into_iter().map(|byte| b'a' + (byte & 3)).collect();
    for text in [0, 1] {
        let mut patch = vec![Method::Modelled as u8];
        head::write_uint(1 << 24, &mut patch);
        patch.push(text);
        // The likelier answers are at the other end: this one is a surprise all the time.
        patch.resize(1 << 20, 0xff);
        let refused = decode(&base, &patch, 1 << 24).unwrap_err();
        assert_eq!(refused, DeltaError::Malformed("it asks for too much work"));
    }
}

#[test]
fn a_value_with_a_few_changed_fields() {
    use crate::value::{Dictionary, Value};
    let save = |gold: i64, bytes: &[u8]| {
        let unit =
            |i: i64| (Value::String(format!("unit_{i}")), Value::Int(if i % 40 == 0 { i * gold } else { i }));
        let mut dictionary = Dictionary { entries: (0..1000).map(unit).collect(), ..Dictionary::default() };
        dictionary.entries.push((Value::String("map".into()), Value::PackedByteArray(bytes.to_vec())));
        crate::value::encode(&Value::Dictionary(dictionary)).unwrap()
    };
    let map = noise(1 << 20, 4);
    let mut changed = map.clone();
    changed[700_000..700_200].copy_from_slice(&noise(200, 5));
    // 24 integers change, and with some of them the length of what encodes them.
    assert!(round_trip(&save(3, &map), &save(900, &changed)) < 600);
}

#[test]
fn a_damaged_patch_is_an_answer_within_the_limit() {
    let base: Vec<u8> =
        (0..400).flat_map(|i| format!("unit{i}={},{}\n", i * 7 % 31, i % 5).into_bytes()).collect();
    let target: Vec<u8> =
        (0..400).flat_map(|i| format!("unit{i}={},{}\n", i * 7 % 30, i % 5).into_bytes()).collect();
    let patch = encode(&base, &target);
    for at in 0..patch.len() {
        for bit in 0..8 {
            let mut damaged = patch.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(out) = decode(&base, &damaged, 10_000) {
                assert!(out.len() <= 10_000);
            }
        }
        let _ = decode(&base, &patch[..at], 10_000);
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Insert(usize, Vec<u8>),
    Delete(usize, usize),
    Overwrite(usize, Vec<u8>),
    Move(usize, usize, usize),
    Run(usize, u8, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        (any::<usize>(), bytes()).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<usize>(), 0..200usize).prop_map(|(at, len)| Edit::Delete(at, len)),
        (any::<usize>(), bytes()).prop_map(|(at, bytes)| Edit::Overwrite(at, bytes)),
        (any::<usize>(), any::<usize>(), 0..300usize).prop_map(|(from, to, len)| Edit::Move(from, to, len)),
        (any::<usize>(), any::<u8>(), 0..5000usize).prop_map(|(at, byte, len)| Edit::Run(at, byte, len)),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: Edit) {
    let place = |at: usize, len: usize| at % (len + 1);
    let len = bytes.len();
    match edit {
        Edit::Insert(at, new) => drop(bytes.splice(place(at, len)..place(at, len), new)),
        Edit::Delete(at, count) => drop(bytes.drain(place(at, len)..len.min(place(at, len) + count))),
        Edit::Overwrite(at, new) => {
            let at = place(at, len);
            drop(bytes.splice(at..len.min(at + new.len()), new));
        }
        Edit::Move(from, to, count) => {
            let from = place(from, len);
            let moved: Vec<u8> = bytes.drain(from..len.min(from + count)).collect();
            let to = place(to, bytes.len());
            drop(bytes.splice(to..to, moved));
        }
        Edit::Run(at, byte, count) => {
            let at = place(at, len);
            drop(bytes.splice(at..at, vec![byte; count]));
        }
    }
}

proptest! {
    #[test]
    fn edits_come_back(
        text: bool,
        len in 0..20_000usize,
        seed: u64,
        edits in proptest::collection::vec(edit(), 0..12),
    ) {
        let base = if text {
            noise(len / 8, seed).into_iter().flat_map(|n| format!("key{}={n}\n", n % 9).into_bytes()).collect()
        } else {
            noise(len, seed)
        };
        let mut target = base.clone();
        edits.into_iter().for_each(|edit| apply(&mut target, edit));
        round_trip(&base, &target);
        round_trip(b"", &target);
    }

    #[test]
    fn modelled_bytes_of_anyone_are_an_answer(base: Vec<u8>, len in 0..9_000u64, text: bool, body: Vec<u8>) {
        let mut patch = vec![3];
        head::write_uint(len, &mut patch);
        patch.push(u8::from(text));
        patch.extend(body);
        if let Ok(out) = decode(&base, &patch, 5_000) {
            prop_assert!(out.len() <= 5_000);
        }
    }

    #[test]
    fn any_two_come_back(base: Vec<u8>, target: Vec<u8>) {
        round_trip(&base, &target);
    }

    #[test]
    fn any_bytes_are_an_answer(base: Vec<u8>, patch: Vec<u8>) {
        let _ = decode(&base, &patch, 1 << 16);
    }
}
