//! The layout of what is sealed, and what keys and contents are bound to. Pure: randomness comes in.

use aethex_wire::aead::{self, TAG_LEN};
use aethex_wire::ids::{GameId, PlayerId};
use bytes::Bytes;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;
/// Bytes of a nonce: long enough for random ones to never meet.
pub(super) const NONCE_LEN: usize = 24;
/// What sealing adds to a content.
pub(super) const SEALED_OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;
/// The first byte of what is sealed: this layout, `format | nonce | text | tag`, XChaCha20-Poly1305.
const FORMAT: u8 = 1;

/// Domains of what is derived from a player's data key: none of them is a use of another.
const SEALING: &str = "AeThex Cloud 2026-11 key that seals a player's contents";
const DERIVING: &str = "AeThex Cloud 2026-11 key that a player's further keys are derived from";
/// Domain of the ids of keys.
const KEY_ID: &str = "AeThex Cloud 2026-11 id of a player's data key";
/// Bytes of such an id.
const KEY_ID_LEN: usize = 16;

/// What a content is bound to: its game, and which one it is there. Not the player: a merge of accounts moves
/// contents to another one, and the keys with them.
pub(super) fn bound_to(game: &GameId, id: &str) -> Vec<u8> {
    let parts: [&[u8]; 4] = [&[FORMAT], b"saves content", game.as_str().as_bytes(), id.as_bytes()];
    parts.join(&0)
}

/// What a wrapped data key is bound to.
pub(super) fn key_bound_to(game: &GameId, key_id: &str) -> Vec<u8> {
    ["saves key", game.as_str(), key_id].join("\0").into_bytes()
}

/// The id of a player's data key by its number. Two servers that make the same one at once make the same row, and
/// the database keeps the first.
pub(super) fn key_id(game: &GameId, player: &PlayerId, number: i64) -> String {
    let whose = format!("{game}\0{player}\0{number}");
    crate::auth::hex(&blake3::derive_key(KEY_ID, whose.as_bytes())[..KEY_ID_LEN])
}

/// The key that seals, and the key that others are derived from.
pub(super) fn expand(data_key: &[u8; KEY_LEN]) -> ([u8; KEY_LEN], [u8; KEY_LEN]) {
    (blake3::derive_key(SEALING, data_key), blake3::derive_key(DERIVING, data_key))
}

/// Seals a content.
pub(super) fn seal(key: &[u8; KEY_LEN], nonce: [u8; NONCE_LEN], aad: &[u8], plain: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(plain.len() + SEALED_OVERHEAD);
    out.push(FORMAT);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plain);
    let tag = aead::seal(key, nonce, aad, &mut out[1 + NONCE_LEN..])?;
    out.extend_from_slice(&tag);
    Some(out.into())
}

/// Opens what was sealed by this key .
pub(super) fn open(key: &[u8; KEY_LEN], aad: &[u8], sealed: &[u8]) -> Option<Bytes> {
    let (nonce, rest) = sealed.strip_prefix(&[FORMAT])?.split_first_chunk::<NONCE_LEN>()?;
    let (text, tag) = rest.split_last_chunk::<TAG_LEN>()?;
    let mut plain = text.to_vec();
    aead::open(key, *nonce, aad, &mut plain, *tag).then(|| plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn game(last: char) -> GameId {
        GameId::parse(&format!("00000000-0000-0000-0000-00000000000{last}")).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_nothing_else_does(
            key: [u8; 32], nonce: [u8; 24], plain: Vec<u8>, aad: Vec<u8>, at: usize, bit in 0..8u8
        ) {
            let sealed = seal(&key, nonce, &aad, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + SEALED_OVERHEAD);
            prop_assert_eq!(open(&key, &aad, &sealed).unwrap(), plain);
            let mut changed = sealed.to_vec();
            let at = at % changed.len();
            changed[at] ^= 1 << bit;
            prop_assert_eq!(open(&key, &aad, &changed), None);
            prop_assert_eq!(open(&key, &aad, &sealed[..at]), None);
            prop_assert_eq!(open(&key, &[aad.as_slice(), b"x"].concat(), &sealed), None);
            let mut other = key;
            other[at % 32] ^= 1;
            prop_assert_eq!(open(&other, &aad, &sealed), None);
        }
    }

    #[test]
    fn games_and_ids_are_apart() {
        let aads = [
            bound_to(&game('1'), "a"),
            bound_to(&game('2'), "a"),
            bound_to(&game('1'), "b"),
            key_bound_to(&game('1'), "a"),
        ];
        for (at, aad) in aads.iter().enumerate() {
            assert!(!aads[..at].contains(aad));
        }
    }

    /// The layout is a promise to what is stored.
    #[test]
    fn the_layout_is_what_it_was() {
        let (sealing, deriving) = expand(&[7; 32]);
        assert_ne!(sealing, deriving);
        let aad = bound_to(&game('1'), "v");
        assert_eq!(aad, b"\x01\0saves content\x0000000000-0000-0000-0000-000000000001\0v");
        let sealed = seal(&sealing, [9; 24], &aad, b"plain").unwrap();
        assert_eq!(crate::auth::hex(&sealed), PINNED);
        let player = PlayerId::parse("00000000-0000-0000-0000-000000000002").unwrap();
        assert_eq!(key_id(&game('1'), &player, 1), PINNED_ID);
        assert_ne!(key_id(&game('1'), &player, 2), PINNED_ID);
    }

    const PINNED: &str =
        "01090909090909090909090909090909090909090909090909995bf3c7b086ebb19f13c7773c06bcdea8c1eb775e";
    const PINNED_ID: &str = "9213b2dc75768d25bde0ccddc913c5fa";
}
