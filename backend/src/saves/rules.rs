//! Decisions about saves: what may be stored, and what it means when the head did not move.

use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::auth::DEVICE_NAME_CHARS_MAX;
use aethex_wire::delta::{self, DeltaError};
use aethex_wire::ids::VersionId;
use aethex_wire::saves::{
    APP_VERSION_CHARS_MAX, Compression, DEVICE_ID_LEN_MAX, DEVICES_MAX, Encoding, IDEMPOTENCY_KEY_LEN_MAX,
    LABEL_CHARS_MAX, PARENTS_MAX, PARTS_MAX, PutPart, PutSaveRequest, SAVE_LEN_MAX, check_part_name,
    check_slot, is_hash, split_frame,
};
use aethex_wire::value::{self, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::collections::HashSet;
use std::io::Read;

/// What a new version is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// Whatever the head is.
    Head,
    /// Nothing: the slot must be new.
    Nothing,
    /// The head, as the caller knows it.
    One(VersionId),
    /// The head and a version kept beside it.
    Merge(VersionId, VersionId),
}

impl Base {
    pub(super) fn of(parents: Option<&[VersionId]>) -> Outcome<Base> {
        match parents {
            None => Ok(Base::Head),
            Some([]) => Ok(Base::Nothing),
            Some([one]) => Ok(Base::One(one.clone())),
            Some([head, other]) if head != other => Ok(Base::Merge(head.clone(), other.clone())),
            Some(_) => {
                Err(Failure::invalid(format!("`parents` has at most {PARENTS_MAX} different versions.")))
            }
        }
    }

    /// The parent that must be the head.
    pub(super) fn first(&self) -> Option<&VersionId> {
        match self {
            Base::Head | Base::Nothing => None,
            Base::One(head) | Base::Merge(head, _) => Some(head),
        }
    }

    pub(super) fn second(&self) -> Option<&VersionId> {
        match self {
            Base::Merge(_, other) => Some(other),
            _ => None,
        }
    }
}

/// A version of a slot that is not simply the next head: it lies beside the line of heads, or is a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) version: VersionId,
    /// Whether it is, or was, the head.
    pub(super) in_line: bool,
    pub(super) parents: Vec<VersionId>,
}

/// The newest version that a version made from `parents` shares with the head.
///
/// All of the line are the head's ancestors, and so is what was merged into it: a version that lost a conflict, and
/// what that was made from. A save that a device made from such a version meets the merge with it as ancestor, so that
/// nothing of it counts twice.
pub(super) fn ancestor(parents: &[VersionId], sides: &[Side]) -> Option<VersionId> {
    let beside = |id: &VersionId| sides.iter().find(|side| side.version == *id && !side.in_line);
    let mut merged: HashSet<&VersionId> = HashSet::new();
    let mut open: Vec<&VersionId> =
        sides.iter().filter(|side| side.in_line).flat_map(|side| side.parents.get(1)).collect();
    while let Some(id) = open.pop() {
        if let Some(side) = beside(id)
            && merged.insert(id)
        {
            open.extend(&side.parents);
        }
    }
    let mut seen: HashSet<&VersionId> = HashSet::new();
    let mut open: Vec<&VersionId> = parents.iter().collect();
    let mut newest: Option<&VersionId> = None;
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        match beside(id) {
            Some(side) if !merged.contains(id) => open.extend(&side.parents),
            // Ids begin with their time.
            _ => newest = newest.max(Some(id)),
        }
    }
    newest.cloned()
}

/// A content that passed every check.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    pub(super) hash: String,
    pub(super) size_bytes: i64,
    /// Nothing is in it: null, a container without items, no bytes.
    pub(super) is_empty: bool,
    /// As it is stored: compressed when `compression` says so.
    pub(super) stored: Bytes,
}

/// Checks the metadata.
pub(super) fn check_request(request: &PutSaveRequest) -> Outcome<()> {
    check_slot(&request.slot).map_err(invalid_slot)?;
    crate::auth::check_line("label", &request.label, LABEL_CHARS_MAX)?;
    crate::auth::check_line("device_name", &request.device_name, DEVICE_NAME_CHARS_MAX)?;
    if request.playtime_ms < 0 {
        return Err(Failure::invalid("`playtime_ms` is not negative."));
    }
    if request.device_id.len() > DEVICE_ID_LEN_MAX || !request.device_id.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(Failure::invalid("`device_id` is at most 36 visible ASCII characters."));
    }
    let is_device =
        |id: &String| (1..=DEVICE_ID_LEN_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    // Counts travel as JSON numbers and lie in 64-bit columns.
    let is_count = |count: &u64| i64::try_from(*count).is_ok();
    let clock = &request.device_clock;
    if clock.len() > DEVICES_MAX || !clock.keys().all(is_device) || !clock.values().all(is_count) {
        return Err(Failure::invalid("`device_clock` has at most 64 devices, each with an id and a count."));
    }
    if request.hlc < 0 || request.schema < 0 {
        return Err(Failure::invalid("`hlc` and `schema` are not negative."));
    }
    crate::auth::check_line("app_version", &request.app_version, APP_VERSION_CHARS_MAX)?;
    if request.after.is_some() && request.parents.is_some() {
        return Err(Failure::invalid("Send `parents` or `after`, not both."));
    }
    if let Some(after) = &request.after {
        check_idempotency_key(after)?;
    }
    check_parts(&request.parts)
}

fn check_parts(parts: &[PutPart]) -> Outcome<()> {
    if parts.len() > PARTS_MAX {
        return Err(Failure::invalid("A save has at most 16 parts."));
    }
    for (at, part) in parts.iter().enumerate() {
        check_part_name(&part.name).map_err(invalid_part)?;
        if parts[..at].iter().any(|other| other.name == part.name) {
            return Err(Failure::new(ErrorCode::InvalidPart, "Two parts have the same name."));
        }
        if part.hash.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err(Failure::invalid("A part's `hash` is 64 lower-case hexadecimal digits."));
        }
        if part.base_hash.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err(Failure::invalid("A part's `base_hash` is 64 lower-case hexadecimal digits."));
        }
    }
    Ok(())
}

pub(super) fn invalid_part(why: &str) -> Failure {
    Failure::new(ErrorCode::InvalidPart, format!("{why}."))
}

pub(super) fn invalid_slot(why: &str) -> Failure {
    Failure::new(ErrorCode::InvalidSlot, format!("{why}."))
}

pub(super) fn check_idempotency_key(key: &str) -> Outcome<()> {
    let plain = |b: u8| b.is_ascii_graphic();
    if (1..=IDEMPOTENCY_KEY_LEN_MAX).contains(&key.len()) && key.bytes().all(plain) {
        return Ok(());
    }
    Err(Failure::invalid("`Idempotency-Key` is 1 to 64 visible ASCII characters."))
}

/// The content of a JSON body.
pub(super) fn content_of_json(request: &mut PutSaveRequest) -> Outcome<Content> {
    if request.encoding.is_some() || request.compression.is_some() {
        return Err(Failure::invalid(
            "`encoding` and `compression` belong to frames; JSON has `data` or `data_base64`.",
        ));
    }
    let (encoding, bytes) = match (request.data.take(), request.data_base64.take()) {
        (Some(data), None) => (Encoding::Value, value::encode(&data).map_err(|error| invalid_save(&error))?),
        (None, Some(text)) => {
            let bytes =
                STANDARD.decode(text).map_err(|_| Failure::invalid("`data_base64` is not base64."))?;
            (Encoding::Bytes, bytes)
        }
        _ => return Err(Failure::invalid("Send exactly one of `data` and `data_base64`.")),
    };
    check_len(bytes.len())?;
    let hash = blake3::hash(&bytes).to_hex().to_string();
    check_hash(request.hash.as_deref(), &hash)?;
    let size_bytes = bytes.len() as i64;
    let is_empty = is_empty(encoding, &bytes);
    Ok(Content { encoding, compression: Compression::None, hash, size_bytes, is_empty, stored: bytes.into() })
}

/// The content of a frame. A value is decoded once, so that nothing is stored that cannot be read.
pub(super) fn content_of_frame(request: &PutSaveRequest, payload: Bytes) -> Outcome<Content> {
    if request.data.is_some() || request.data_base64.is_some() {
        return Err(Failure::invalid(
            "A frame's content is its payload: leave out `data` and `data_base64`.",
        ));
    }
    let encoding = request.encoding.ok_or_else(|| Failure::invalid("A frame needs `encoding`."))?;
    let compression = request.compression.unwrap_or_default();
    let plain = plain_of(compression, &payload)?;
    if compression == Compression::Delta && !delta::is_lasting(&payload) {
        let (compression, stored) = super::contents::pack(&plain);
        return checked(encoding, compression, request.hash.as_deref(), &plain, stored);
    }
    checked(encoding, compression, request.hash.as_deref(), &plain, payload)
}

/// What a packed content is; a patch stands for what it makes of nothing.
pub(super) fn plain_of(compression: Compression, payload: &Bytes) -> Outcome<Bytes> {
    Ok(match compression {
        Compression::None => payload.clone(),
        Compression::Zstd => decompress(payload)?.into(),
        Compression::Delta => delta::decode(&[], payload, SAVE_LEN_MAX)
            .map_err(|error| match error {
                DeltaError::TooLong { .. } => too_large(),
                DeltaError::Malformed(_) => {
                    Failure::new(ErrorCode::InvalidSave, "The payload is not one intact patch.")
                }
            })?
            .into(),
    })
}

/// A content whose bytes are at hand: its length, its hash and, for a value, that it can be read.
pub(super) fn checked(
    encoding: Encoding,
    compression: Compression,
    hash: Option<&str>,
    plain: &Bytes,
    stored: Bytes,
) -> Outcome<Content> {
    check_len(plain.len())?;
    if encoding == Encoding::Value {
        value::decode(plain).map_err(|error| invalid_save(&error))?;
    }
    let found = blake3::hash(plain).to_hex().to_string();
    check_hash(hash, &found)?;
    let is_empty = is_empty(encoding, plain);
    Ok(Content { encoding, compression, hash: found, size_bytes: plain.len() as i64, is_empty, stored })
}

/// Whether nothing is in a content.
fn is_empty(encoding: Encoding, plain: &[u8]) -> bool {
    /// No value without items is longer, encoded.
    const EMPTY_VALUE_LEN_MAX: usize = 16;
    if encoding != Encoding::Value || plain.len() > EMPTY_VALUE_LEN_MAX {
        return plain.is_empty();
    }
    match value::decode(plain) {
        Ok(Value::Null) => true,
        Ok(Value::Dictionary(dictionary)) => dictionary.entries.is_empty(),
        Ok(Value::Array(array)) => array.items.is_empty(),
        _ => false,
    }
}

/// How many bytes checking a body takes: of a compressed frame, what it says it unpacks to.
pub(super) fn work_len(body: &[u8], is_frame: bool) -> usize {
    const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let payload = match split_frame(body) {
        Ok((_, payload)) if is_frame => payload,
        _ => return body.len(),
    };
    // Frames to be skipped may stand before the one that counts (RFC 8878 section 3.1.2).
    if matches!(payload, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50) {
        return usize::MAX;
    }
    if !payload.starts_with(&ZSTD_MAGIC) {
        // A patch tells what it makes; other bytes that look like one are only checked elsewhere.
        return delta::output_len(payload).unwrap_or_default().max(body.len());
    }
    match zstd::zstd_safe::get_frame_content_size(payload) {
        Ok(Some(len)) => usize::try_from(len).unwrap_or(usize::MAX).max(body.len()),
        _ => usize::MAX,
    }
}

/// Unpacks a zstd frame, never past the largest save, whatever its header claims.
pub(super) fn decompress(payload: &[u8]) -> Outcome<Vec<u8>> {
    let damaged = |_| Failure::new(ErrorCode::InvalidSave, "The payload is not one intact zstd frame.");
    let mut decoder = zstd::Decoder::with_buffer(payload).map_err(damaged)?.single_frame();
    // 2^24: a window larger than the largest save is a bomb.
    decoder.window_log_max(24).map_err(damaged)?;
    let mut plain = Vec::with_capacity((payload.len() * 4).min(SAVE_LEN_MAX));
    decoder.by_ref().take(SAVE_LEN_MAX as u64 + 1).read_to_end(&mut plain).map_err(damaged)?;
    check_len(plain.len())?;
    if !decoder.finish().is_empty() {
        return Err(Failure::new(ErrorCode::InvalidSave, "Bytes follow the payload's zstd frame."));
    }
    Ok(plain)
}

fn check_len(len: usize) -> Outcome<()> {
    if len <= SAVE_LEN_MAX { Ok(()) } else { Err(too_large()) }
}

pub(super) fn too_large() -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("A save has at most {SAVE_LEN_MAX} bytes."))
}

fn check_hash(claimed: Option<&str>, found: &str) -> Outcome<()> {
    match claimed {
        Some(claimed) if claimed != found => Err(Failure::new(
            ErrorCode::HashMismatch,
            "The content does not match `hash` (BLAKE3 in lower-case hexadecimal): it was damaged on the way.",
        )),
        _ => Ok(()),
    }
}

fn invalid_save(error: &value::ValueError) -> Failure {
    Failure::new(ErrorCode::InvalidSave, format!("The content is not a value: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> VersionId {
        VersionId::parse(&format!("00000000-0000-7000-8000-0000000000{n:02x}")).unwrap()
    }

    #[test]
    fn parents_say_what_the_head_must_be() {
        assert_eq!(Base::of(None).unwrap(), Base::Head);
        assert_eq!(Base::of(Some(&[])).unwrap(), Base::Nothing);
        assert_eq!(Base::of(Some(&[id(1)])).unwrap(), Base::One(id(1)));
        assert_eq!(Base::of(Some(&[id(1), id(2)])).unwrap(), Base::Merge(id(1), id(2)));
        assert!(Base::of(Some(&[id(1), id(1)])).is_err());
        assert!(Base::of(Some(&[id(1), id(2), id(3)])).is_err());
    }

    #[test]
    fn an_ancestor_may_have_lost_a_conflict() {
        let side = |n, in_line, parents: &[u8]| Side {
            version: id(n),
            in_line,
            parents: parents.iter().map(|n| id(*n)).collect(),
        };
        // 1 - 2 - 5 is the line; 3 and 4 were made from 1, one after the other; 5 merges 2 and 4.
        let sides = [side(5, true, &[2, 4]), side(4, false, &[3]), side(3, false, &[1])];
        assert_eq!(ancestor(&[id(1)], &sides), Some(id(1)));
        assert_eq!(ancestor(&[id(2)], &sides), Some(id(2)));
        assert_eq!(ancestor(&[id(4)], &sides), Some(id(4)));
        assert_eq!(ancestor(&[id(3)], &sides), Some(id(3)));
        // 6, 7 went on from 4, beside the line.
        let more = [&sides[..], &[side(6, false, &[4]), side(7, false, &[6])]].concat();
        assert_eq!(ancestor(&[id(7)], &more), Some(id(4)));
        // Not merged yet: what both come from lies before.
        assert_eq!(ancestor(&[id(4)], &more[1..]), Some(id(1)));
        // A merge that lost itself.
        let lost = [&more[..], &[side(8, false, &[2, 7])]].concat();
        assert_eq!(ancestor(&[id(8)], &lost), Some(id(4)));
        assert_eq!(ancestor(&[], &sides), None);
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let zeros = vec![0; SAVE_LEN_MAX + 1];
        let bomb = zstd::encode_all(&zeros[..], 19).unwrap();
        assert!(bomb.len() < 10_000);
        assert_eq!(decompress(&bomb).unwrap_err().code(), ErrorCode::TooLarge);
        let good = zstd::encode_all(&b"hello"[..], 3).unwrap();
        assert_eq!(decompress(&good).unwrap(), b"hello");
        assert!(decompress(&good[..good.len() - 1]).is_err());
        assert!(decompress(&[good.as_slice(), b"x"].concat()).is_err());
        assert!(decompress(b"").is_err());
    }
}
