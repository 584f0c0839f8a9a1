//! Zstandard with the base as prefix ("patch-from"): quick at any size, and the measure for the others.

use super::DeltaError;
use zstd::zstd_safe::{CCtx, CParameter, DCtx};

/// Level of patches.
const LEVEL: i32 = 3;
/// Level of full saves up to [`QUICK_LEN_MIN`]: some 10 ms for half a megabyte.
const FULL_LEVEL: i32 = 7;
const QUICK_LEN_MIN: usize = 1024 * 1024;
/// Largest window that the encoder asks for, as a power of two: base and target up to 128 MiB together.
const WINDOW_LOG_MAX: u32 = 27;
const WINDOW_LOG_MIN: u32 = 10;

/// The frame that makes `target` after `base`; nothing when zstd fails, which only happens without memory.
pub(super) fn encode(base: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let window = (base.len() + target.len()).next_power_of_two().trailing_zeros();
    let mut context = CCtx::try_create()?;
    for parameter in [
        CParameter::CompressionLevel(LEVEL),
        CParameter::WindowLog(window.clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX)),
        CParameter::EnableLongDistanceMatching(true),
        CParameter::ContentSizeFlag(false),
        CParameter::ChecksumFlag(false),
    ] {
        context.set_parameter(parameter).ok()?;
    }
    context.ref_prefix(base).ok()?;
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(target.len()));
    context.compress2(&mut out, target).ok()?;
    Some(out)
}

/// A plain zstd frame that states its content's size.
pub(super) fn frame(target: &[u8]) -> Option<Vec<u8>> {
    let level = if target.len() < QUICK_LEN_MIN { FULL_LEVEL } else { LEVEL };
    zstd::bulk::compress(target, level).ok()
}

/// At most `len` bytes: the output is one buffer of this size, and zstd needs no window beside it.
pub(super) fn decode(base: &[u8], body: &[u8], len: usize) -> Result<Vec<u8>, DeltaError> {
    let mut context = DCtx::try_create().ok_or(DeltaError::Malformed("no memory to read it"))?;
    let mut out = Vec::with_capacity(len);
    context.ref_prefix(base).map_err(|_| DeltaError::Malformed("the base cannot be a prefix"))?;
    context.decompress(&mut out, body).map_err(|_| DeltaError::Malformed("zstd refused it"))?;
    Ok(out)
}
