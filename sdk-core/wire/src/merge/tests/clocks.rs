//! Stamps, guards, bytes, and what is noted beside a merge.

use super::*;

#[test]
fn stamps_never_go_backwards() {
    let first = Hlc::default().tick(1000);
    assert_eq!(first, Hlc::at(1000));
    let back = first.tick(500);
    assert!(back > first && back.ms() == 1000);
    let seen = back.observe(Hlc::at(2000), 600);
    assert!(seen > Hlc::at(2000) && seen.ms() == 2000);
    let ahead = seen.observe(Hlc::at(DRIFT_MAX_MS * 400), 3000);
    assert_eq!(ahead.ms(), 3000 + DRIFT_MAX_MS);
    assert_eq!(Hlc(i64::MAX).tick(0), Hlc(i64::MAX));
    assert_eq!(Hlc(-5).observe(Hlc(i64::MIN), -7), Hlc(1));
    assert_eq!(Hlc::at(i64::MAX).ms(), HLC_MS_MAX);
}

#[test]
fn accidents_are_noticed() {
    let before = Facts { size_bytes: 4096, playtime_ms: 100, schema: 2, is_empty: false };
    let after =
        |size_bytes, playtime_ms, schema, is_empty| Facts { size_bytes, playtime_ms, schema, is_empty };
    for (after, expected) in [
        (after(4096, 100, 2, false), vec![]),
        (after(1024, 100, 3, false), vec![]),
        (after(1023, 100, 2, false), vec![Suspicion::MuchSmaller]),
        (after(4096, 99, 2, false), vec![Suspicion::LessPlaytime]),
        (after(4096, 0, 2, false), vec![]),
        (after(4096, 100, 1, false), vec![Suspicion::OlderSchema]),
        (after(4, 100, 2, true), vec![Suspicion::Empty, Suspicion::MuchSmaller]),
    ] {
        assert_eq!(suspicions(&before, &after), expected);
    }
    let small = Facts { size_bytes: SHRINK_SIZE_MIN - 1, ..before };
    assert_eq!(suspicions(&small, &after(1, 100, 2, false)), []);
}

#[test]
fn bytes_are_picked_as_a_whole() {
    let side = |hash, ms, size_bytes, playtime_ms| BytesSide {
        hash,
        hlc: Hlc::at(ms),
        device: "d",
        facts: Facts { size_bytes, playtime_ms, schema: 0, is_empty: size_bytes == 0 },
    };
    let (old, new) = (side("a", 1, 9000, 50), side("b", 2, 9000, 40));
    let picks = |base, policy| (merge_bytes(base, &old, &new, policy), merge_bytes(base, &new, &old, policy));
    assert_eq!(picks(Some("x"), Decider::Playtime), (Pick::Local, Pick::Cloud));
    assert_eq!(picks(Some("b"), Decider::Ask), (Pick::Local, Pick::Cloud));
    assert_eq!(picks(None, Decider::Ask), (Pick::Ask, Pick::Ask));
    assert_eq!(picks(None, Decider::Latest), (Pick::Ask, Pick::Ask), "the later one has less playtime");
    let longer = side("c", 3, 9000, 60);
    assert_eq!(merge_bytes(None, &longer, &old, Decider::Latest), Pick::Local);
    assert_eq!(merge_bytes(None, &old, &longer, Decider::Local), Pick::Ask);
    let empty = side("e", 9, 0, 99);
    assert_eq!(merge_bytes(Some("a"), &old, &empty, Decider::Cloud), Pick::Ask);
    assert_eq!(merge_bytes(None, &old, &old, Decider::Ask), Pick::Cloud);
}

#[test]
fn two_devices_note_the_same_beside_their_merge() {
    let meta = |hlc, device: &str, playtime_ms| Meta {
        hlc: Hlc(hlc),
        device: device.into(),
        label: format!("by {device}"),
        playtime_ms,
        ..Meta::default()
    };
    let (a, b) = (meta(5, "a", 100), meta(4, "b", 200));
    let merged = commit(&a, &b);
    assert_eq!(merged, commit(&b, &a));
    assert_eq!(merged, Meta { playtime_ms: 200, ..meta(5, "a", 200) });
    assert_eq!(commit(&a, &a), a);
}
