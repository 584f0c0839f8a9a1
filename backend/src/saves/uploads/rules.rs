//! Chunks: how many a content has, how long each is, and how one is sealed (`wire/saves/uploads.rs`).

use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::aead;
use aethex_wire::saves::uploads::{BeginUploadRequest, CHUNK_LEN, CHUNK_TAG_LEN};
use aethex_wire::saves::{PART_LEN_MAX, is_hash};
use bytes::Bytes;

/// Bytes of the key that seals an upload's chunks.
pub(super) const KEY_LEN: usize = 32;
/// Bytes of a nonce: zeros, then the chunk's number.
const NONCE_LEN: usize = 24;

/// Refuses what cannot be uploaded.
pub(super) fn check(request: &BeginUploadRequest) -> Outcome<()> {
    check_hash(&request.hash)?;
    if !(1..=PART_LEN_MAX).contains(&request.size_bytes) {
        let detail = format!("`size_bytes` is 1 to {PART_LEN_MAX}.");
        let code = if request.size_bytes < 1 { ErrorCode::InvalidRequest } else { ErrorCode::TooLarge };
        return Err(Failure::new(code, detail));
    }
    Ok(())
}

/// Refuses what is no hash as it is stored.
pub(super) fn check_hash(hash: &str) -> Outcome<()> {
    match is_hash(hash) {
        true => Ok(()),
        false => Err(Failure::invalid("`hash` has 64 hexadecimal digits, in small letters.")),
    }
}

/// How many chunks a content has.
pub(super) fn chunks(size_bytes: i64) -> u32 {
    u32::try_from(size_bytes.unsigned_abs().div_ceil(CHUNK_LEN as u64)).unwrap_or(u32::MAX)
}

/// Bytes that a content takes, sealed.
pub(super) fn sealed_bytes(size_bytes: i64) -> i64 {
    size_bytes + i64::from(chunks(size_bytes)) * CHUNK_TAG_LEN as i64
}

/// Bytes of a chunk, sealed; `None` past the last one.
pub(super) fn sealed_len(size_bytes: i64, number: u32) -> Option<usize> {
    let before = i64::from(number) * CHUNK_LEN as i64;
    let left = usize::try_from(size_bytes.checked_sub(before)?).ok().filter(|left| *left > 0)?;
    Some(left.min(CHUNK_LEN) + CHUNK_TAG_LEN)
}

/// Opens a chunk; `None` when it is not what its sealer made for this place.
pub(super) fn open(key: &[u8; KEY_LEN], upload_id: &str, number: u32, sealed: &[u8]) -> Option<Bytes> {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&u64::from(number).to_le_bytes());
    let (text, tag) = sealed.split_last_chunk::<CHUNK_TAG_LEN>()?;
    let mut plain = text.to_vec();
    aead::open(key, nonce, upload_id.as_bytes(), &mut plain, *tag).then(|| plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_cut_where_the_contract_says() {
        let chunk = CHUNK_LEN as i64;
        for (size, count, last) in [
            (1, 1, 1),
            (chunk, 1, chunk),
            (chunk + 1, 2, 1),
            (3 * chunk - 1, 3, chunk - 1),
            (PART_LEN_MAX, 128, chunk),
        ] {
            assert_eq!(chunks(size), count, "{size}");
            assert_eq!(sealed_len(size, count - 1), Some(last as usize + CHUNK_TAG_LEN), "{size}");
            assert_eq!(sealed_len(size, count), None, "{size}");
            let all: usize = (0..count).filter_map(|number| sealed_len(size, number)).sum();
            assert_eq!(all as i64, sealed_bytes(size), "{size}");
        }
        assert_eq!(sealed_len(PART_LEN_MAX, u32::MAX), None);
    }

    #[test]
    fn a_chunk_opens_in_its_place_only() {
        let (key, id) = ([7; KEY_LEN], "0198c1a0-0000-7000-8000-000000000000");
        let mut nonce = [0; NONCE_LEN];
        nonce[16] = 3;
        let mut text = b"content".to_vec();
        let tag = aead::seal(&key, nonce, id.as_bytes(), &mut text).unwrap();
        let sealed = [text.as_slice(), &tag].concat();
        assert_eq!(open(&key, id, 3, &sealed).unwrap(), &b"content"[..]);
        assert!(open(&key, id, 2, &sealed).is_none());
        assert!(open(&key, "another", 3, &sealed).is_none());
        assert!(open(&[8; KEY_LEN], id, 3, &sealed).is_none());
        assert!(open(&key, id, 3, &sealed[1..]).is_none());
        assert!(open(&key, id, 3, b"").is_none());
    }

    #[test]
    fn what_cannot_be_stored_is_refused_at_the_start() {
        let request = |hash: &str, size_bytes| BeginUploadRequest { hash: hash.into(), size_bytes };
        let hash = "a".repeat(64);
        assert!(check(&request(&hash, 1)).is_ok() && check(&request(&hash, PART_LEN_MAX)).is_ok());
        for (hash, size) in
            [(&*hash, 0), (&hash, -1), (&hash, i64::MIN), ("", 1), (&"A".repeat(64), 1), (&"é".repeat(32), 1)]
        {
            assert_eq!(
                check(&request(hash, size)).unwrap_err().code(),
                ErrorCode::InvalidRequest,
                "{hash} {size}"
            );
        }
        assert_eq!(check(&request(&hash, PART_LEN_MAX + 1)).unwrap_err().code(), ErrorCode::TooLarge);
    }
}
