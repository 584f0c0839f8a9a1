//! Patches: a save written as what changed since another one.
//!
//! [`encode`] makes a self-describing patch from two byte strings, [`decode`] rebuilds the second from the
//! first and the patch, and [`compress`] packs a save that has no base. The encoder tries the methods that
//! suit the size and keeps the smallest result; the decoder trusts nothing: it reads only inside its two
//! arguments, knows the output's length before it allocates, and never panics. A patch carries no hash:
//! whoever decodes compares the result with the content hash that travels beside it.
//!
//! Byte 0 is the method (a number of [`Method`]), then comes the output's length as a varint (LEB128), then
//! the method's body.

mod coder;
mod head;
mod mix;
mod model;
mod modelled;
mod plan;
mod prefix;
#[cfg(test)]
mod tests;
mod walk;

use head::{Head, Method};

/// Longest output of one patch: also what a decoder allocates at most, whatever its caller allows.
pub const OUTPUT_LEN_MAX: usize = 1 << 30;

/// Why a patch was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaError {
    /// The output would be longer than the caller allows.
    TooLong {
        /// The output's length in bytes, as the patch says.
        len: usize,
    },
    /// The bytes are no patch, or not one for this base.
    Malformed(&'static str),
}

impl std::fmt::Display for DeltaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong { len } => write!(f, "the patch makes {len} bytes: more than is allowed here"),
            Self::Malformed(what) => write!(f, "the patch is damaged or not for this base: {what}"),
        }
    }
}

impl std::error::Error for DeltaError {}

/// How [`compress`] packed a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// One zstd frame (RFC 8878).
    Zstd,
    /// A patch against the empty base.
    Patch,
}

/// The patch that makes `target` from `base`: always correct, at worst a few bytes longer than `target`.
///
/// Nothing is assumed of the two: they may be empty, equal or unrelated.
pub fn encode(base: &[u8], target: &[u8]) -> Vec<u8> {
    if let Some(body) = modelled::encode(base, target)
        && body.len() < target.len()
    {
        return Head::new(Method::Modelled, target.len()).with_body(&body);
    }
    let stored = Head::new(Method::Stored, target.len()).with_body(target);
    match prefix::encode(base, target) {
        Some(body) if body.len() < target.len() => Head::new(Method::Prefix, target.len()).with_body(&body),
        _ => stored,
    }
}

/// Packs a save that has no base.
pub fn compress(target: &[u8]) -> (Packing, Vec<u8>) {
    match prefix::frame(target) {
        Some(frame) if frame.len() < target.len() => (Packing::Zstd, frame),
        _ => (Packing::Plain, target.to_vec()),
    }
}

/// Makes the target from its base and a patch that may be hostile.
///
/// Memory is bounded by `len_max` and a constant, work by the lengths of output and patch.
///
/// # Errors
/// The patch is damaged, or makes more than `len_max` bytes. A patch for another base makes other bytes
/// or an error: compare the result's hash.
pub fn decode(base: &[u8], patch: &[u8], len_max: usize) -> Result<Vec<u8>, DeltaError> {
    let (head, body) = Head::read(patch)?;
    if head.len > len_max.min(OUTPUT_LEN_MAX) {
        return Err(DeltaError::TooLong { len: head.len });
    }
    let target = match head.method {
        Method::Stored => body.to_vec(),
        Method::Prefix => prefix::decode(base, body, head.len)?,
        Method::Modelled => modelled::decode(base, body, head.len)?,
    };
    if target.len() != head.len {
        return Err(DeltaError::Malformed("its output has another length than it says"));
    }
    Ok(target)
}

/// How many bytes a patch makes, as it says itself; nothing when it is no patch. Cheap.
pub fn output_len(patch: &[u8]) -> Option<usize> {
    Head::read(patch).ok().map(|(head, _)| head.len)
}
