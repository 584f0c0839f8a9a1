//! Patches made once: whoever changes the walk or the model finds out here that it needs a new method number.

use super::*;

const TEXT: &str = concat!(
    "039d2a0106ef5a2730a5fb2a378268c914a11e288e3079d3c6091e5fdedc3f16b3ac48dc8360f17c2e86c9a02f",
    "9858877e28e78ce09c3fd296649b62b97973ee75"
);
const FIRST: &str = concat!(
    "03c80101d34f06d906a104a0012e90d4bde3a9ade6f072faaca47baecd9037fb75b0a536f1cbcc642a66a115a5",
    "fa379a2ab6b7c676f379d4dfb1a498291f81891b716cbf2aa6"
);
const BINARY: &str = concat!(
    "03ac1b00fd678a4952913c9697347551fa8beeb1972e7b3712da5b93f1973b0c08d50af9550d9e7fc40219fb58",
    "b2eb464039b114ea79a85d1194d7663cbc93472a"
);

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn text(gold: u32, towns: u32) -> Vec<u8> {
    let unit =
        |i: u32| format!("unit{i}={},{}\n", i * 7 % 31, if i.is_multiple_of(50) { i * gold } else { i });
    let town = |i: u32| format!("[town_{i}]\nname=\"T{i}\"\nsize={}\n", i % 9 + gold % 3);
    (0..300).map(unit).chain((0..towns).map(town)).collect::<String>().into_bytes()
}

fn binary() -> [Vec<u8>; 2] {
    let base = noise(3000, 1);
    let mut changed = base.clone();
    for at in (0..2000).step_by(200) {
        changed[at] = changed[at].wrapping_add(1);
    }
    let moved: Vec<u8> = changed.drain(100..400).collect();
    changed.splice(1500..1500, moved);
    changed.extend(vec![7; 500]);
    [base, changed]
}

#[test]
fn patches_of_earlier_builds_are_read() {
    let [base, changed] = binary();
    for (base, patch, target) in [
        (text(3, 40), TEXT, text(41, 44)),
        (Vec::new(), FIRST, text(3, 2)[..200].to_vec()),
        (base, BINARY, changed),
    ] {
        assert_eq!(bytes(patch)[0], Method::Modelled as u8);
        assert_eq!(decode(&base, &bytes(patch), target.len()), Ok(target));
    }
}
