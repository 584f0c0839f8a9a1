//! Decisions about saves: pure, values in, enum out.

use super::{Content, SaveOptions};
use crate::Error;
use aethex_wire::saves::{
    Compression, Conflict, Encoding, LABEL_CHARS_MAX, SAVE_LEN_MAX, SaveVersion, check_slot,
};
use aethex_wire::{ErrorCode, value};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Contents below this are sent as they are: zstd's frame eats the gain.
const COMPRESS_LEN_MIN: usize = 256;
/// zstd's level: on saves of real games higher ones cost much time for little.
const COMPRESS_LEVEL: i32 = 3;

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
    Ok(())
}

/// Encodes, hashes and compresses. Takes milliseconds for megabytes.
pub(crate) fn pack(content: &Content) -> Result<Packed, Error> {
    let (encoding, plain) = match content {
        Content::Value(value) => {
            // Nested too deeply, for example: it could never be loaded again.
            let encoded =
                value::encode(value).map_err(|error| Error::new(ErrorCode::InvalidSave, error.0))?;
            (Encoding::Value, encoded.into())
        }
        Content::Bytes(bytes) => (Encoding::Bytes, bytes.clone()),
    };
    if plain.len() > SAVE_LEN_MAX {
        let message = format!("a save has at most {SAVE_LEN_MAX} bytes, this one has {}", plain.len());
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    let hash = blake3::hash(&plain).to_hex().to_string();
    let size_bytes = i64::try_from(plain.len()).unwrap_or(i64::MAX);
    let smaller = Some(&plain)
        .filter(|plain| plain.len() >= COMPRESS_LEN_MIN)
        .and_then(|plain| zstd::bulk::compress(plain, COMPRESS_LEVEL).ok())
        .filter(|packed| packed.len() < plain.len());
    let (compression, payload) = match smaller {
        Some(packed) => (Compression::Zstd, packed.into()),
        None => (Compression::None, plain),
    };
    Ok(Packed { shape: Shape { encoding, compression, hash, size_bytes }, payload })
}

/// The content again, after its hash was checked.
pub(crate) fn unpack(packed: &Packed) -> Result<Content, Error> {
    let damaged =
        || Error::new(ErrorCode::HashMismatch, "the content does not match its hash: it was damaged");
    let Shape { encoding, compression, hash, size_bytes } = &packed.shape;
    let len = usize::try_from(*size_bytes).ok().filter(|len| *len <= SAVE_LEN_MAX);
    let len = len.ok_or_else(|| Error::protocol("the content is larger than a save may be"))?;
    let plain = match compression {
        Compression::None => packed.payload.clone(),
        Compression::Zstd => zstd::bulk::decompress(&packed.payload, len).map_err(|_| damaged())?.into(),
        Compression::Delta => return Err(Error::protocol("a patch came without its base")),
    };
    if plain.len() != len || blake3::hash(&plain).to_hex().as_str() != hash {
        return Err(damaged());
    }
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
    /// Refused for good.
    Refused(Error),
    /// Later, with the same key. `everything`: other entries would fail alike.
    Later { error: Error, everything: bool },
}

/// Decides what an answer means.
pub(crate) fn after_send(shape: &Shape, has_parents: bool, answer: Result<SaveVersion, Error>) -> Step {
    use ErrorCode as Code;
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
            Some(conflict) if is_same(shape, &conflict.head) => Step::Acked(conflict.head),
            Some(conflict) => Step::Conflict(*conflict),
            None => Step::Later { error, everything: false },
        },
        Code::UnknownParent if has_parents => Step::Rebase,
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
        | Code::Storage => Step::Later { error, everything: true },
        // Not the backend's words (a captive portal, a proxy), or an answer this SDK cannot read.
        Code::Protocol | Code::SdkFault => Step::Later { error, everything: false },
        _ if error.retryable => Step::Later { error, everything: false },
        _ => Step::Refused(error),
    }
}

/// Both devices saved the same: there is nothing to decide.
fn is_same(shape: &Shape, head: &SaveVersion) -> bool {
    !head.deleted
        && head.hash == shape.hash
        && head.encoding == shape.encoding
        && head.size_bytes == shape.size_bytes
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
