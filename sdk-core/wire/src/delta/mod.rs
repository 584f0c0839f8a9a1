//! Patches: a save written as what changed since another one.
//!
//! [`encode`] makes a self-describing patch from two byte strings, [`decode`] rebuilds the second from the
//! first and the patch, and [`compress`] packs a save that has no base. The encoder tries the methods that
//! suit the size and keeps the smallest result; the decoder trusts nothing: it reads only inside its two
//! arguments, knows the output's length before it allocates, and never panics. A patch carries no hash:
//! whoever decodes compares the result with the content hash that travels beside it.
//!
//! # Format
//!
//! Numbers are varints (unsigned LEB128).
//!
//! | bytes | what |
//! |---|---|
//! | 1 | bits 0 to 4: method (1 stored, 2 prefix, 3 modelled); bit 5: zero; bit 6: the base is a container and its content is meant; bit 7: the output is a container |
//! | varint | the output's length |
//! | with bit 7 | varint and as many bytes: the recipe; varint: the content's length |
//! | rest | the body, which makes the output or the container's content |
//!
//! *Stored*: the bytes themselves. *Prefix*: one zstd frame (RFC 8878) whose raw content dictionary is the base.
//! *Modelled*: one byte, 1 for text and 0 for binary, then one arithmetic-coded bit string whose missing end is
//! zeros: the decisions of the walk, in the order in which it asks for them, each with the probability that
//! the model gives it. The walk and the model are the format: a change of either needs a new method number.
//! A recipe is its kind (1 deflate, 2 zstd, 3 xz, 4 GCPF) and the kind's parameters, see `container`.
//! A modelled patch is refused when it asks for more than 2^19 units of work beside copies (see the walk).

mod coder;
#[cfg(feature = "containers")]
pub mod container;
mod head;
mod mix;
mod model;
mod modelled;
mod plan;
mod prefix;
#[cfg(test)]
mod tests;
mod walk;

use head::{Head, Method, Wrap};

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
    #[cfg(feature = "containers")]
    if let Some(patch) = encode_wrapped(base, target) {
        return patch;
    }
    let (method, body) = encode_plain(base, target);
    Head::new(method, target.len()).with_body(&body)
}

/// The patch between the contents, when the target is a container that can be made again.
#[cfg(feature = "containers")]
fn encode_wrapped(base: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let container::Unwrapped { plain, recipe } = container::unwrap(target)?;
    let opened = container::open(base);
    let (method, body) = encode_plain(opened.as_deref().unwrap_or(base), &plain);
    let wrap = Some(Wrap { recipe: recipe.as_bytes(), plain_len: plain.len() });
    let patch = Head { method, len: target.len(), open_base: opened.is_some(), wrap }.with_body(&body);
    (patch.len() < target.len()).then_some(patch)
}

/// Nothing when it saves next to nothing.
fn modelled_body(base: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    modelled::encode(base, target).filter(|body| body.len() < target.len() - target.len() / 16)
}

fn encode_plain(base: &[u8], target: &[u8]) -> (Method, Vec<u8>) {
    if let Some(body) = modelled_body(base, target) {
        return (Method::Modelled, body);
    }
    match prefix::encode(base, target) {
        Some(body) if body.len() < target.len() => (Method::Prefix, body),
        _ => (Method::Stored, target.to_vec()),
    }
}

/// Packs a save that has no base.
pub fn compress(target: &[u8]) -> (Packing, Vec<u8>) {
    #[cfg(feature = "containers")]
    if let Some(patch) = encode_wrapped(b"", target) {
        return (Packing::Patch, patch);
    }
    if let Some(body) = modelled_body(b"", target) {
        return (Packing::Patch, Head::new(Method::Modelled, target.len()).with_body(&body));
    }
    match prefix::frame(target) {
        Some(frame) if frame.len() < target.len() => (Packing::Zstd, frame),
        _ => (Packing::Plain, target.to_vec()),
    }
}

/// Makes the target from its base and a patch that may be hostile.
///
/// Memory is bounded by `len_max`, the base's length and a constant (for containers
/// [`container::PLAIN_LEN_MAX`]), work by the lengths of base, output and patch.
///
/// # Errors
/// The patch is damaged, or makes more than `len_max` bytes. A patch for another base makes other bytes
/// or an error, and so may a container that another version of a compression library made: compare the
/// result's hash, and have the save sent in full when it differs.
pub fn decode(base: &[u8], patch: &[u8], len_max: usize) -> Result<Vec<u8>, DeltaError> {
    let (head, body) = Head::read(patch)?;
    if head.len > len_max.min(OUTPUT_LEN_MAX) {
        return Err(DeltaError::TooLong { len: head.len });
    }
    let target = match head.wrap {
        None => decode_plain(base, &head, body)?,
        Some(wrap) => decode_wrapped(base, &head, wrap, body)?,
    };
    if target.len() != head.len {
        return Err(DeltaError::Malformed("its output has another length than it says"));
    }
    Ok(target)
}

fn decode_plain(base: &[u8], head: &Head, body: &[u8]) -> Result<Vec<u8>, DeltaError> {
    match head.method {
        Method::Stored => Ok(body.to_vec()),
        Method::Prefix => prefix::decode(base, body, head.body_len()),
        Method::Modelled => modelled::decode(base, body, head.body_len()),
    }
}

#[cfg(feature = "containers")]
fn decode_wrapped(base: &[u8], head: &Head, wrap: Wrap<'_>, body: &[u8]) -> Result<Vec<u8>, DeltaError> {
    if wrap.plain_len > container::PLAIN_LEN_MAX || wrap.recipe.len() > container::RECIPE_LEN_MAX {
        return Err(DeltaError::Malformed("its container holds too much"));
    }
    let opened = if head.open_base { container::open(base) } else { None };
    let plain = decode_plain(opened.as_deref().unwrap_or(base), head, body)?;
    if plain.len() != wrap.plain_len {
        return Err(DeltaError::Malformed("its content has another length than it says"));
    }
    let recipe = container::Recipe::from_bytes(wrap.recipe);
    container::rewrap(&plain, &recipe, head.len)
        .ok_or(DeltaError::Malformed("its container cannot be made again"))
}

#[cfg(not(feature = "containers"))]
fn decode_wrapped(_: &[u8], _: &Head, _: Wrap<'_>, _: &[u8]) -> Result<Vec<u8>, DeltaError> {
    Err(DeltaError::Malformed("it makes a container, and this build knows none"))
}

/// Whether the patch makes the same bytes in every version of this library: it does not pack a container again, which
/// takes the compressor that packed it. Only such patches are for keeping.
pub fn is_lasting(patch: &[u8]) -> bool {
    Head::read(patch).is_ok_and(|(head, _)| head.wrap.is_none())
}

/// How many bytes a patch makes, as it says itself; nothing when it is no patch. Cheap.
pub fn output_len(patch: &[u8]) -> Option<usize> {
    Head::read(patch).ok().map(|(head, _)| head.len)
}

/// How many bytes a decoder holds at most for a patch beside its base, as it says itself: admission control.
pub fn work_len(patch: &[u8]) -> Option<usize> {
    Head::read(patch).ok().map(|(head, _)| head.len.saturating_add(head.body_len()))
}
