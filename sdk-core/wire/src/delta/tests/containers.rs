//! Saves that real tools compressed: see `fixtures/make.py` and `fixtures/make.gd`.
#![cfg(feature = "containers")]

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../fixtures/", $name, "-0.bin")).as_slice(),
            include_bytes!(concat!("../fixtures/", $name, "-1.bin")).as_slice(),
        )
    };
}

const PLAIN: [&[u8]; 2] =
    [include_bytes!("../fixtures/plain-0.txt"), include_bytes!("../fixtures/plain-1.txt")];

const FIXTURES: [(&str, &[u8], &[u8]); 14] = [
    fixture!("gzip"),
    fixture!("python-gzip"),
    fixture!("zlib-1"),
    fixture!("zlib-6"),
    fixture!("zlib-9"),
    fixture!("xz"),
    fixture!("xz-9e"),
    fixture!("python-lzma"),
    fixture!("zstd"),
    fixture!("zstd-stream"),
    fixture!("godot-fastlz"),
    fixture!("godot-deflate"),
    fixture!("godot-gzip"),
    fixture!("godot-zstd"),
];

#[test]
fn containers_of_real_tools_are_made_again() {
    for (name, first, second) in FIXTURES.into_iter() {
        for (container, plain) in [first, second].into_iter().zip(PLAIN) {
            let opened = container::open(container).unwrap_or_else(|| panic!("{name} cannot be opened"));
            assert!(opened.ends_with(plain), "{name}");
            let unwrapped =
                container::unwrap(container).unwrap_or_else(|| panic!("{name} is not made again"));
            let again = container::rewrap(&unwrapped.plain, &unwrapped.recipe, container.len());
            assert_eq!(again.as_deref(), Some(container), "{name}");
        }
        let patch = encode(first, second);
        assert_eq!(decode(first, &patch, second.len()).as_deref(), Ok(second));
        assert!(patch.len() < 150, "{name}: {} bytes", patch.len());
    }
}

#[test]
fn a_container_that_grew_out_of_plain_bytes_and_back() {
    let (_, gzip, _) = fixture!("python-gzip");
    for (base, target) in [(PLAIN[0], gzip), (gzip, PLAIN[0]), (gzip, PLAIN[1])] {
        round_trip(base, target);
    }
    assert!(round_trip(PLAIN[1], gzip) < 150);
    // The whole of it is packed by its content as well.
    let (packing, packed) = compress(gzip);
    assert_eq!(packing, Packing::Patch);
    assert!(packed.len() < gzip.len() * 9 / 10);
}

#[test]
fn a_game_may_write_something_before_its_zlib() {
    let [first, second] =
        [fixture!("zlib-6").1, fixture!("zlib-6").2].map(|zlib| [b"OTTZ\x01\x23\0\0", zlib].concat());
    assert_eq!(container::unwrap(&first).unwrap().plain, [&first[..10], PLAIN[0]].concat());
    assert!(round_trip(&first, &second) < 150);
}

#[test]
fn blocks_of_every_shape_by_the_real_fastlz() {
    let edges = include_bytes!("../fixtures/godot-fastlz-edges.bin");
    let unwrapped = container::unwrap(edges).unwrap();
    assert!(unwrapped.plain.len() > 4 * edges.len());
    assert_eq!(
        container::rewrap(&unwrapped.plain, &unwrapped.recipe, edges.len()).as_deref(),
        Some(&edges[..])
    );
}

#[test]
fn content_made_to_keep_a_compressor_busy_is_refused() {
    let busy: Vec<u8> = noise(1 << 20, 3).into_iter().map(|byte| b'a' + (byte & 1)).collect();
    let lines = b"unit=7,name=\"Phalanx\"\n".repeat(1 << 16);
    for (kind, parameters) in [(1, &[9, 15, 1, 0][..]), (3, &[9, 4]), (2, &[19, 1])] {
        let recipe = container::Recipe::from_bytes(&[&[kind], parameters].concat());
        assert_eq!(container::rewrap(&busy, &recipe, 1 << 24), None, "{kind}");
        assert!(container::rewrap(&busy[..1 << 15], &recipe, 1 << 24).is_some(), "{kind}");
    }
    let quick = container::Recipe::from_bytes(&[1, 9, 15, 1, 0]);
    assert!(container::rewrap(&lines, &quick, 1 << 24).is_some());
}

#[test]
fn what_cannot_be_made_again_is_bytes() {
    // Another version of zstd chose differently at its level 19.
    let (_, first, second) = fixture!("zstd-19");
    assert_eq!(container::open(first).as_deref(), Some(PLAIN[0]));
    assert_eq!(container::unwrap(first), None);
    round_trip(first, second);
}

#[test]
fn damaged_containers_and_recipes_are_refused() {
    for (name, first, second) in FIXTURES {
        for at in (0..first.len()).step_by(397) {
            let mut damaged = first.to_vec();
            damaged[at] ^= 0x55;
            round_trip(second, &damaged);
            container::open(&first[..at]);
        }
        let patch = encode(first, second);
        for at in (0..patch.len()).step_by(3) {
            let mut damaged = patch.clone();
            damaged[at] ^= 1 << (at & 7);
            if let Ok(out) = decode(first, &damaged, second.len()) {
                assert!(out.len() <= second.len(), "{name}");
            }
        }
    }
}
