//! One zstd frame (RFC 8878), as the library writes it in one call or as a stream.
//!
//! Parameters: level (as `i8`), and flags: 1 the frame states its content's size, 2 it has a checksum,
//! 4 the size was not known when compressing began.

use super::PLAIN_LEN_MAX;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, get_frame_content_size};

const SIZE: u8 = 1;
const CHECKSUM: u8 = 2;
const STREAM: u8 = 4;
/// Content up to this length is tried at the slow levels too.
const SLOW_LEN_MAX: usize = 512 * 1024;
/// Levels, the usual ones first.
const LEVELS: [u8; 12] = [3, 1, 2, 5, 6, 9, 4, 7, 8, 10, 12, 19];
const LEVELS_QUICK: usize = 3;

pub(super) fn open(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(content_len(bytes)?);
    DCtx::try_create()?.decompress(&mut plain, bytes).ok()?;
    Some(plain)
}

/// What the frame says, else what can be expected; nothing when that is too much.
fn content_len(bytes: &[u8]) -> Option<usize> {
    match get_frame_content_size(bytes).ok()? {
        Some(len) => usize::try_from(len).ok().filter(|len| *len <= PLAIN_LEN_MAX),
        // Without a size: what blocks of 128 KiB make at most, three bytes each.
        None => Some((bytes.len() / 3 + 1).saturating_mul(128 * 1024).min(PLAIN_LEN_MAX)),
    }
}

pub(super) fn recipe(bytes: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let descriptor = *bytes.get(4)?;
    let sized = descriptor >> 6 != 0 || descriptor & 0x20 != 0;
    let flags = if sized { SIZE } else { STREAM } | if descriptor & 4 != 0 { CHECKSUM } else { 0 };
    let levels = if plain.len() > SLOW_LEN_MAX { &LEVELS[..LEVELS_QUICK] } else { &LEVELS };
    let found = |level: &&u8| compress(plain, **level, flags).as_deref() == Some(bytes);
    levels.iter().find(found).map(|level| vec![*level, flags])
}

pub(super) fn rewrap(plain: &[u8], parameters: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let &[level, flags] = parameters else { return None };
    if !LEVELS.contains(&level) || plain.len() > SLOW_LEN_MAX && !LEVELS[..LEVELS_QUICK].contains(&level) {
        return None;
    }
    compress(plain, level, flags).filter(|out| out.len() <= len_max)
}

pub(super) fn compress(plain: &[u8], level: u8, flags: u8) -> Option<Vec<u8>> {
    let mut context = CCtx::try_create()?;
    context.set_parameter(CParameter::CompressionLevel(i32::from(level.cast_signed()))).ok()?;
    context.set_parameter(CParameter::ContentSizeFlag(flags & SIZE != 0)).ok()?;
    context.set_parameter(CParameter::ChecksumFlag(flags & CHECKSUM != 0)).ok()?;
    if flags & STREAM == 0 {
        let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(plain.len()));
        context.compress2(&mut out, plain).ok()?;
        return Some(out);
    }
    let mut encoder = zstd::Encoder::with_context(Vec::new(), &mut context);
    std::io::Write::write_all(&mut encoder, plain).ok()?;
    encoder.finish().ok()
}
