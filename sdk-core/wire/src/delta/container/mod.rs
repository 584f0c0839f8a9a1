//! Saves that the game compressed itself: gzip, zlib, zstd, xz, and Godot's GCPF.
//!
//! A small change inside changes every byte after it outside, so the patch is made between the plain
//! contents. That needs the container back bit by bit: [`unwrap`] looks for the parameters with which our
//! libraries write the very same bytes, and only if it finds them there is a [`Recipe`] for [`rewrap`].
//! Otherwise the container is bytes like any others.
//!
//! The libraries are part of the binary on either side and may differ in version. Then [`rewrap`] may make
//! another container with the same content: the content hash beside the patch tells, and the save is sent
//! in full. What it costs is bounded: [`PLAIN_LEN_MAX`], what `effort` allows, and wrong parameters are given up at the first
//! byte that differs.
//!
//! A recipe is its kind (one byte) and the kind's parameters; see each module.

mod deflate;
mod effort;
mod fastlz;
mod gcpf;
mod xz;
mod zst;

/// Longest plain content that is opened: as much as a save may have.
pub const PLAIN_LEN_MAX: usize = 16 * 1024 * 1024;
/// Longest plain content that is made a container again, by the quick codecs; the slow ones have lower limits.
/// All are chosen so that half a second is enough for the worst content.
const REWRAP_LEN_MAX: usize = 8 * 1024 * 1024;
/// Longest recipe, in bytes.
pub(super) const RECIPE_LEN_MAX: usize = 32;
/// A container below this length is not worth its recipe.
const CONTAINER_LEN_MIN: usize = 64;

/// A container taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped {
    /// What the container holds, after its header where that is free text (gzip).
    pub plain: Vec<u8>,
    /// How the container is made of it again.
    pub recipe: Recipe,
}

/// How a container is made of its plain content: opaque bytes, at most 32 of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe(Vec<u8>);

/// First byte of a recipe. The numbers are the format: never reused.
const DEFLATE: u8 = 1;
const ZSTD: u8 = 2;
const XZ: u8 = 3;
const GCPF: u8 = 4;

impl Recipe {
    /// What stood in a patch; [`rewrap`] refuses what makes no sense.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The recipe as it stands in a patch.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes a container apart if it can be put together again, bit by bit; nothing for other bytes.
pub fn unwrap(bytes: &[u8]) -> Option<Unwrapped> {
    if bytes.len() < CONTAINER_LEN_MIN {
        return None;
    }
    let plain = open(bytes).filter(|plain| plain.len() <= REWRAP_LEN_MAX)?;
    let parameters = match kind(bytes)? {
        DEFLATE => deflate::recipe(bytes, &plain),
        ZSTD => zst::recipe(bytes, &plain),
        XZ => xz::recipe(bytes, &plain),
        _ => gcpf::recipe(bytes, &plain),
    }?;
    let recipe = Recipe([&[kind(bytes)?], &parameters[..]].concat());
    // Of a GCPF only the first block was made again; the others have seen every byte.
    let same = kind(bytes)? != GCPF || rewrap(&plain, &recipe, bytes.len()).as_deref() == Some(bytes);
    (same && recipe.0.len() <= RECIPE_LEN_MAX).then_some(Unwrapped { plain, recipe })
}

/// The plain content alone: the same bytes on every platform and with every version.
pub(super) fn open(bytes: &[u8]) -> Option<Vec<u8>> {
    match kind(bytes)? {
        DEFLATE => deflate::open(bytes),
        ZSTD => zst::open(bytes),
        XZ => xz::open(bytes),
        _ => gcpf::open(bytes),
    }
}

/// The container again; nothing for a recipe that makes no sense, or a container longer than `len_max`.
pub fn rewrap(plain: &[u8], recipe: &Recipe, len_max: usize) -> Option<Vec<u8>> {
    let (&kind, parameters) = recipe.0.split_first()?;
    if plain.len() > REWRAP_LEN_MAX {
        return None;
    }
    match kind {
        DEFLATE => deflate::rewrap(plain, parameters, len_max),
        ZSTD => zst::rewrap(plain, parameters, len_max),
        XZ => xz::rewrap(plain, parameters, len_max),
        GCPF => gcpf::rewrap(plain, parameters, len_max),
        _ => None,
    }
}

fn kind(bytes: &[u8]) -> Option<u8> {
    match *bytes {
        [0x1f, 0x8b, 8, ..] => Some(DEFLATE),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(ZSTD),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(XZ),
        [b'G', b'C', b'P', b'F', ..] => Some(GCPF),
        _ => deflate::zlib_at(bytes).map(|_| DEFLATE),
    }
}
