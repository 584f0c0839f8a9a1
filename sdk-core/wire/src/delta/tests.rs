use super::*;
use proptest::prelude::*;

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

proptest! {
    #[test]
    fn any_two_come_back(base: Vec<u8>, target: Vec<u8>) {
        round_trip(&base, &target);
    }

    #[test]
    fn any_bytes_are_an_answer(base: Vec<u8>, patch: Vec<u8>) {
        let _ = decode(&base, &patch, 1 << 16);
    }
}
