//! Contents that only the player's devices can read.
//!
//! A sealed content is 8 bytes of the key's id, 24 random bytes, and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) of: one byte
//! for what it is (0 value, 1 bytes), one for how it is compressed (0 not, 1 zstd), its length as `u32` (little-endian), the
//! content. The additional data is the part's name (empty for the data). The slot's name is not in it: a branch, or both sides
//! of a conflict, go on under another name. The key's id is the beginning of its BLAKE3: it tells a wrong key from damage.

use super::rules::{self, Packed, Shape};
use super::types::{Content, SaveKey};
use crate::Error;
use aethex_wire::ErrorCode;
use aethex_wire::saves::{Compression, Encoding, SAVE_LEN_MAX};
use bytes::Bytes;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

const KEY_ID_LEN: usize = 8;
const NONCE_LEN: usize = 24;
/// What it is, how it is compressed, its length.
const HEAD_LEN: usize = 6;
const TAG_LEN: usize = 16;
/// What sealing adds.
const OVERHEAD: usize = KEY_ID_LEN + NONCE_LEN + HEAD_LEN + TAG_LEN;

/// Packs a content; sealed when there is a key.
pub(super) fn pack(content: &Content, key: Option<&SaveKey>, part: &str) -> Result<Packed, Error> {
    let packed = rules::pack(content)?;
    let Some(key) = key else { return Ok(packed) };
    let mut plain = Vec::with_capacity(HEAD_LEN + packed.payload.len());
    plain.push(u8::from(packed.shape.encoding != Encoding::Value));
    plain.push(u8::from(packed.shape.compression == Compression::Zstd));
    let len = u32::try_from(packed.shape.size_bytes).map_err(|_| too_large())?;
    plain.extend_from_slice(&len.to_le_bytes());
    plain.extend_from_slice(&packed.payload);
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce)
        .map_err(|_| Error::new(ErrorCode::SdkFault, "the system gives no random numbers"))?;
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: part.as_bytes() })
        .map_err(|_| too_large())?;
    let mut bytes = Vec::with_capacity(OVERHEAD + packed.payload.len());
    bytes.extend_from_slice(&key_id(key));
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    if bytes.len() > SAVE_LEN_MAX {
        return Err(too_large());
    }
    let shape = Shape {
        encoding: Encoding::Sealed,
        compression: Compression::None,
        hash: rules::hash_of(&bytes),
        size_bytes: rules::len_of(&bytes),
    };
    Ok(Packed { shape, payload: bytes.into() })
}

/// The content again, with the key when it is sealed.
pub(super) fn unpack(packed: &Packed, key: Option<&SaveKey>, part: &str) -> Result<Content, Error> {
    match packed.shape.encoding {
        Encoding::Sealed => open(&rules::plain_of(packed)?, key, part),
        Encoding::Value | Encoding::Bytes => rules::unpack(packed),
    }
}

/// Opens sealed bytes.
pub(super) fn open(sealed: &[u8], key: Option<&SaveKey>, part: &str) -> Result<Content, Error> {
    let damaged = || Error::new(ErrorCode::HashMismatch, "the encrypted save is damaged, or another part");
    let needed = |why: &str| Error::new(ErrorCode::SaveKeyNeeded, why);
    let key = key.ok_or_else(|| needed("this save is encrypted: set the key with set_save_key"))?;
    let (id, rest) = sealed.split_first_chunk::<KEY_ID_LEN>().ok_or_else(damaged)?;
    if *id != key_id(key) {
        return Err(needed("this save is encrypted with another key than the one that is set"));
    }
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
    let plain = cipher(key)
        .decrypt(&XNonce::from(*nonce), Payload { msg: rest, aad: part.as_bytes() })
        .map_err(|_| damaged())?;
    let (head, payload) = plain.split_first_chunk::<HEAD_LEN>().ok_or_else(damaged)?;
    let [kind, compression, len @ ..] = *head;
    let encoding = if kind == 0 { Encoding::Value } else { Encoding::Bytes };
    let len = u32::from_le_bytes(len) as usize;
    if len > SAVE_LEN_MAX {
        return Err(damaged());
    }
    let content = match compression {
        0 => Bytes::copy_from_slice(payload),
        _ => zstd::bulk::decompress(payload, len).map_err(|_| damaged())?.into(),
    };
    if content.len() != len {
        return Err(damaged());
    }
    rules::content_of(encoding, content)
}

fn cipher(key: &SaveKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.0.into())
}

fn key_id(key: &SaveKey) -> [u8; KEY_ID_LEN] {
    let hash = blake3::hash(&key.0);
    let mut id = [0; KEY_ID_LEN];
    id.copy_from_slice(&hash.as_bytes()[..KEY_ID_LEN]);
    id
}

fn too_large() -> Error {
    Error::new(ErrorCode::TooLarge, format!("an encrypted save has at most {SAVE_LEN_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_contents_open_with_their_key_in_their_place_only() {
        let (key, other) = (SaveKey::new([7; 32]), SaveKey::new([8; 32]));
        for content in [Content::Bytes(Bytes::from(vec![1; 5000])), Content::Value(5_i64.into())] {
            let packed = pack(&content, Some(&key), "").unwrap();
            assert_eq!(packed.shape.encoding, Encoding::Sealed);
            assert!(packed.payload.len() < 200, "compressed before it is sealed");
            assert_eq!(unpack(&packed, Some(&key), "").unwrap(), content);
            let code = |result: Result<Content, Error>| result.unwrap_err().code;
            assert_eq!(code(unpack(&packed, None, "")), ErrorCode::SaveKeyNeeded);
            assert_eq!(code(unpack(&packed, Some(&other), "")), ErrorCode::SaveKeyNeeded);
            assert_eq!(code(unpack(&packed, Some(&key), "icon")), ErrorCode::HashMismatch);
            for at in 0..packed.payload.len() {
                let mut bytes = packed.payload.to_vec();
                bytes[at] ^= 1;
                assert!(open(&bytes, Some(&key), "").is_err(), "byte {at}");
                assert!(open(&bytes[..at], Some(&key), "").is_err(), "cut at {at}");
            }
        }
        assert!(format!("{key:?}").len() < 20, "a key is not printed");
    }
}
