//! Decisions about saves: pure, values in, enum out.

use super::entries::EntryMeta;
use super::{Content, SaveOptions};
use crate::Error;
use aethex_wire::saves::{
    Compression, Conflict, Encoding, LABEL_CHARS_MAX, PARTS_MAX, SAVE_LEN_MAX, SLOT_LEN_MAX, SaveVersion,
    check_part_name, check_slot,
};
use aethex_wire::{ErrorCode, delta, value};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Contents below this are sent as they are: zstd's frame eats the gain.
const COMPRESS_LEN_MIN: usize = 256;
/// zstd's level: on saves of real games higher ones cost much time for little.
const COMPRESS_LEVEL: i32 = 3;
/// Most times that an entry gets a new key; past that something is wrong that repeating does not cure.
const KEYS_MAX: usize = 64;

/// What is known of a content beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) encoding: Encoding,
    pub(crate) compression: Compression,
    /// BLAKE3 of the content, uncompressed, in hexadecimal.
    pub(crate) hash: String,
    /// Uncompressed.
    pub(crate) size_bytes: i64,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            encoding: Encoding::Bytes,
            compression: Compression::None,
            hash: String::new(),
            size_bytes: 0,
        }
    }
}

/// A content as it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) shape: Shape,
    pub(crate) payload: Bytes,
}

/// Refuses a slot's name that the server would refuse.
pub(crate) fn check_name(slot: &str) -> Result<(), Error> {
    check_slot(slot).map_err(|why| Error::new(ErrorCode::InvalidSlot, why))
}

/// The name of a slot's copy: `slot1 (2)`, cut to what a name may have.
pub(crate) fn copy_name(slot: &str, number: usize) -> String {
    let ending = format!(" ({number})");
    let mut len = slot.len().min(SLOT_LEN_MAX - ending.len());
    while !slot.is_char_boundary(len) {
        len -= 1;
    }
    format!("{}{ending}", slot[..len].trim_end())
}

/// Refuses options that the server would refuse.
pub(crate) fn check_options(options: &SaveOptions) -> Result<(), Error> {
    if options.label.chars().count() > LABEL_CHARS_MAX || options.label.chars().any(char::is_control) {
        return Err(Error::argument(format!(
            "a label has at most {LABEL_CHARS_MAX} characters and no control characters"
        )));
    }
    if options.playtime_ms < 0 {
        return Err(Error::argument("played time is not negative"));
    }
    if options.parts.len() > PARTS_MAX {
        return Err(Error::argument(format!("a save has at most {PARTS_MAX} parts")));
    }
    for (at, (name, _)) in options.parts.iter().enumerate() {
        check_part_name(name).map_err(|why| Error::new(ErrorCode::InvalidPart, why))?;
        if options.parts[..at].iter().any(|(other, _)| other == name) {
            return Err(Error::argument("a part is named twice"));
        }
    }
    Ok(())
}

/// A content's bytes, uncompressed.
pub(crate) fn encode(content: &Content) -> Result<(Encoding, Bytes), Error> {
    Ok(match content {
        Content::Value(value) => {
            // Nested too deeply, for example: it could never be loaded again.
            let encoded =
                value::encode(value).map_err(|error| Error::new(ErrorCode::InvalidSave, error.0))?;
            (Encoding::Value, encoded.into())
        }
        Content::Bytes(bytes) => (Encoding::Bytes, bytes.clone()),
    })
}

/// Encodes, hashes and compresses. Takes milliseconds for megabytes.
pub(crate) fn pack(content: &Content) -> Result<Packed, Error> {
    let (encoding, plain) = encode(content)?;
    if plain.len() > SAVE_LEN_MAX {
        let message = format!("a save has at most {SAVE_LEN_MAX} bytes, this one has {}", plain.len());
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    let hash = hash_of(&plain);
    let size_bytes = len_of(&plain);
    let (compression, payload) = compress(plain);
    Ok(Packed { shape: Shape { encoding, compression, hash, size_bytes }, payload })
}

/// BLAKE3 in hexadecimal.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub(crate) fn len_of(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// The bytes as they are sent: compressed when that is shorter.
pub(crate) fn compress(plain: Bytes) -> (Compression, Bytes) {
    let smaller = Some(&plain)
        .filter(|plain| plain.len() >= COMPRESS_LEN_MIN)
        .and_then(|plain| zstd::bulk::compress(plain, COMPRESS_LEVEL).ok())
        .filter(|packed| packed.len() < plain.len());
    match smaller {
        Some(packed) => (Compression::Zstd, packed.into()),
        None => (Compression::None, plain),
    }
}

/// The content again, after its hash was checked. Encrypted contents are their bytes.
pub(crate) fn unpack(packed: &Packed) -> Result<Content, Error> {
    let plain = plain_of(packed)?;
    content_of(packed.shape.encoding, plain)
}

/// The content of these bytes.
pub(crate) fn content_of(encoding: Encoding, plain: Bytes) -> Result<Content, Error> {
    match encoding {
        Encoding::Bytes | Encoding::Sealed => Ok(Content::Bytes(plain)),
        Encoding::Value => match value::decode(&plain) {
            Ok(value) => Ok(Content::Value(value)),
            Err(error) => {
                Err(Error::protocol(format!("the save is not a value that this SDK knows: {}", error.0)))
            }
        },
    }
}

/// The content's bytes, uncompressed, after their hash was checked.
pub(crate) fn plain_of(packed: &Packed) -> Result<Bytes, Error> {
    let Shape { compression, hash, size_bytes, .. } = &packed.shape;
    let len = usize::try_from(*size_bytes).ok().filter(|len| *len <= SAVE_LEN_MAX);
    let len = len.ok_or_else(|| Error::protocol("the content is larger than a save may be"))?;
    let plain = match compression {
        Compression::None => packed.payload.clone(),
        Compression::Zstd => zstd::bulk::decompress(&packed.payload, len).map_err(|_| damaged())?.into(),
        Compression::Delta => return Err(Error::protocol("a patch came without its base")),
    };
    if plain.len() != len || hash_of(&plain) != *hash {
        return Err(damaged());
    }
    Ok(plain)
}

/// A patch's content, rebuilt from its base (or from nothing: the first save of a slot) and packed as if it had come in full.
pub(crate) fn rebuilt(packed: &Packed, base: Option<&Packed>) -> Result<Packed, Error> {
    let base = base.map(plain_of).transpose()?.unwrap_or_default();
    let plain = delta::decode(&base, &packed.payload, SAVE_LEN_MAX).map_err(|_| damaged())?;
    let plain = Bytes::from(plain);
    if hash_of(&plain) != packed.shape.hash {
        return Err(damaged());
    }
    let (compression, payload) = compress(plain);
    Ok(Packed { shape: Shape { compression, ..packed.shape.clone() }, payload })
}

fn damaged() -> Error {
    Error::new(ErrorCode::HashMismatch, "the content does not match its hash: it was damaged")
}

/// The shape of a version's content.
pub(crate) fn shape_of(version: &SaveVersion, compression: Compression) -> Shape {
    Shape {
        encoding: version.encoding,
        compression,
        hash: version.hash.clone(),
        size_bytes: version.size_bytes,
    }
}

/// What the server's answer means for an entry of the outbox.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "conflicts are rare and short-lived: a box would reach every match"
)]
pub(crate) enum Step {
    /// It is stored.
    Acked(SaveVersion),
    /// The cloud moved on: the player decides.
    Conflict(Conflict),
    /// The version it was made from is gone for good: it may only become a new slot, or a conflict.
    Rebase,
    /// The save that it was to follow did not become a version: it waits for what that becomes.
    Unchain,
    /// The patch's base is not at hand: it goes in full.
    Fill,
    /// A part is not stored: it goes with the bytes of all parts.
    Complete,
    /// The key was used with another body, by this entry before it changed: it may be stored already.
    Used,
    /// Refused for good.
    Refused(Error),
    /// Later, with the same key. `everything`: other entries would fail alike.
    Later { error: Error, everything: bool },
}

/// Decides what an answer means.
pub(crate) fn after_send(meta: &EntryMeta, answer: Result<SaveVersion, Error>) -> Step {
    use ErrorCode as Code;
    let shape = &meta.shape;
    let has_parents = meta.parents.as_ref().is_some_and(|parents| !parents.is_empty());
    let mut error = match answer {
        // A version of something else must never take this entry's place.
        Ok(version) if version.hash == shape.hash => return Step::Acked(version),
        Ok(_) => {
            let error = Error::protocol("the server acknowledged another content");
            return Step::Later { error, everything: false };
        }
        Err(error) => error,
    };
    match error.code {
        Code::SavesConflict => match error.conflict.take() {
            Some(conflict) if is_same(meta, &conflict.head) => Step::Acked(conflict.head),
            Some(conflict) => Step::Conflict(*conflict),
            None => Step::Later { error, everything: false },
        },
        Code::UnknownParent if meta.after.is_some() => Step::Unchain,
        Code::UnknownParent if has_parents => Step::Rebase,
        Code::UnknownBase if !meta.full => Step::Fill,
        Code::UnknownPart if !meta.resend => Step::Complete,
        Code::IdempotencyMismatch if meta.stands_for.len() < KEYS_MAX => Step::Used,
        code if stops_all(code) => Step::Later { error, everything: true },
        // Not the backend's words (a captive portal, a proxy), or an answer this SDK cannot read.
        Code::Protocol | Code::SdkFault => Step::Later { error, everything: false },
        _ if error.retryable => Step::Later { error, everything: false },
        _ => Step::Refused(error),
    }
}

/// Whether every other entry would meet the same error now.
pub(crate) fn stops_all(code: ErrorCode) -> bool {
    use ErrorCode as Code;
    matches!(
        code,
        Code::Offline
            | Code::Timeout
            | Code::RateLimited
            | Code::Overloaded
            | Code::Unauthenticated
            | Code::SessionEnded
            | Code::NotLoggedIn
            | Code::UnknownClientKey
            | Code::ShutDown
            | Code::Cancelled
            | Code::Storage
    )
}

/// Both devices saved the same: there is nothing to decide.
fn is_same(meta: &EntryMeta, head: &SaveVersion) -> bool {
    !head.deleted
        && head.hash == meta.shape.hash
        && head.encoding == meta.shape.encoding
        && head.size_bytes == meta.shape.size_bytes
        && head.parts == meta.parts
}

/// Whether a failed read is answered from the offline copy.
pub(crate) fn reads_offline(error: &Error) -> bool {
    error.retryable || error.code == ErrorCode::Protocol
}

/// The cloud's slots with this device's unsent saves in their place, by name.
pub(crate) fn merge(mut cloud: Vec<SaveVersion>, unsent: Vec<SaveVersion>) -> Vec<SaveVersion> {
    cloud.retain(|version| !version.deleted && unsent.iter().all(|other| other.slot != version.slot));
    cloud.extend(unsent);
    cloud.sort_by(|a, b| a.slot.cmp(&b.slot));
    cloud
}
