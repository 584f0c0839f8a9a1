//! gzip (RFC 1952, one member) and zlib (RFC 1950) as genuine zlib writes them at one of its levels.
//!
//! A zlib stream may stand after up to 64 bytes of the game's own. The plain content begins with the container's
//! header, so that a gzip's name and time and a game's own bytes are part of what the patch describes. Parameters: level, logarithm of the window, trailer (1: zlib's, 2: gzip's), and the
//! header's length as a varint.

use super::{PLAIN_LEN_MAX, effort};
use crate::delta::head::{read_uint, write_uint};
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

const ZLIB: u8 = 1;
const GZIP: u8 = 2;
/// Plain bytes given to zlib at once: wrong parameters are given up after so many.
const STEP: usize = 64 * 1024;
const GZIP_HEADER_LEN_MAX: usize = 1024;

pub(super) fn open(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = header_len(bytes)?;
    let mut plain = bytes[..header].to_vec();
    let used = inflate(&bytes[header..], &mut plain, PLAIN_LEN_MAX)?;
    let trailer = trailer(trailer_kind(bytes), &plain[header..])?;
    (bytes[header + used..] == trailer[..]).then_some(plain)
}

pub(super) fn recipe(bytes: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let header = header_len(bytes)?;
    let kind = trailer_kind(bytes);
    let window = if kind == ZLIB { (bytes[header - 2] >> 4) + 8 } else { 15 };
    let stream = bytes.get(header..bytes.len().checked_sub(trailer(kind, b"")?.len())?)?;
    let content = plain.get(header..)?;
    let level = level_of(stream, content, window, hint(bytes, header, kind))?;
    let mut out = vec![level, window, kind];
    write_uint(header as u64, &mut out);
    Some(out)
}

pub(super) fn rewrap(plain: &[u8], parameters: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let (&[level, window, kind], mut rest) = parameters.split_first_chunk()?;
    let header = read_uint(&mut rest).ok()?;
    let (header, content) = plain.split_at_checked(header)?;
    if !effort::affordable(content, content.len(), level) {
        return None;
    }
    let mut out = header.to_vec();
    deflate(content, level, window, |bytes| {
        out.extend_from_slice(bytes);
        out.len() <= len_max
    })?;
    out.extend_from_slice(&trailer(kind, content)?);
    Some(out)
}

/// The level at which zlib makes exactly this raw stream; `first` is tried first.
pub(super) fn level_of(stream: &[u8], content: &[u8], window: u8, first: &[u8]) -> Option<u8> {
    let others = [6, 9, 1, 3, 5, 4, 2, 7, 8, 0].into_iter().filter(|level| !first.contains(level));
    let mut levels = first.iter().copied().chain(others);
    levels.find(|level| {
        if !effort::affordable(content, content.len(), *level) {
            return false;
        }
        let mut at = 0;
        let made = deflate(content, *level, window, |bytes| {
            let same = stream.get(at..at + bytes.len()) == Some(bytes);
            at += bytes.len();
            same
        });
        made.is_some() && at == stream.len()
    })
}

/// A raw stream in pieces; nothing when `take` had enough.
pub(super) fn deflate(
    content: &[u8],
    level: u8,
    window: u8,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Option<()> {
    if !(9..=15).contains(&window) || level > 9 {
        return None;
    }
    let mut compress = Compress::new_with_window_bits(Compression::new(u32::from(level)), false, window);
    let mut out = Vec::with_capacity(STEP);
    let mut rest = content;
    loop {
        let piece = &rest[..rest.len().min(STEP)];
        let flush = if piece.len() == rest.len() { FlushCompress::Finish } else { FlushCompress::None };
        let before = compress.total_in();
        out.clear();
        let status = compress.compress_vec(piece, &mut out, flush).ok()?;
        let used = (compress.total_in() - before) as usize;
        rest = &rest[used..];
        if !take(&out) {
            return None;
        }
        if status == Status::StreamEnd {
            return Some(());
        }
        if used == 0 && out.is_empty() {
            return None;
        }
    }
}

/// Appends a raw stream's content; returns the stream's length.
pub(super) fn inflate(stream: &[u8], out: &mut Vec<u8>, len_max: usize) -> Option<usize> {
    let mut decompress = Decompress::new(false);
    loop {
        let at = decompress.total_in() as usize;
        let len = out.len();
        if len > len_max {
            return None;
        }
        out.reserve(STEP.max(len.min(len_max) / 2));
        let status = decompress.decompress_vec(&stream[at..], out, FlushDecompress::None).ok()?;
        let used = decompress.total_in() as usize;
        match status {
            Status::StreamEnd if out.len() <= len_max => return Some(used),
            _ if used == at && out.len() == len => return None,
            _ => {}
        }
    }
}

/// Most likely levels, by what the header says of it.
fn hint(bytes: &[u8], header: usize, kind: u8) -> &'static [u8] {
    match (kind, bytes[header - 1] >> 6, bytes[8]) {
        (ZLIB, 0, _) | (GZIP, _, 4) => &[1],
        (ZLIB, 1, _) => &[3, 5, 2, 4],
        (ZLIB, 3, _) | (GZIP, _, 2) => &[9, 8, 7],
        _ => &[6],
    }
}

fn trailer_kind(bytes: &[u8]) -> u8 {
    if is_gzip(bytes) { GZIP } else { ZLIB }
}

pub(super) fn trailer_len(gzip: bool) -> usize {
    if gzip { 8 } else { 4 }
}

/// What follows the stream of a gzip or a zlib.
pub(super) fn trailer_of(gzip: bool, content: &[u8]) -> Vec<u8> {
    trailer(if gzip { GZIP } else { ZLIB }, content).unwrap_or_default()
}

fn trailer(kind: u8, content: &[u8]) -> Option<Vec<u8>> {
    match kind {
        ZLIB => Some(adler32(content).to_be_bytes().to_vec()),
        GZIP => {
            let mut crc = Crc::new();
            crc.update(content);
            Some([crc.sum().to_le_bytes(), (content.len() as u32).to_le_bytes()].concat())
        }
        _ => None,
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65521;
    /// So many bytes cannot overflow the sums (RFC 1950's reference code).
    const RUN: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for run in bytes.chunks(RUN) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    b << 16 | a
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 8])
}

/// Where zlib's two bytes are: at the start, or (only for the usual window) after a header of the game's own.
pub(super) fn zlib_at(bytes: &[u8]) -> Option<usize> {
    // Method 8, a window of up to 32 KiB, no dictionary, and a check of both bytes.
    let is_header = |pair: &[u8]| {
        pair[0] & 15 == 8
            && pair[0] >> 4 <= 7
            && pair[1] & 0x20 == 0
            && u16::from_be_bytes([pair[0], pair[1]]).is_multiple_of(31)
    };
    let mut pairs = bytes.windows(2).take(OWN_HEADER_LEN_MAX).enumerate();
    pairs.find(|(at, pair)| is_header(pair) && (*at == 0 || pair[0] == 0x78)).map(|(at, _)| at)
}

/// A game's own header before zlib's: a magic, a version, a length.
const OWN_HEADER_LEN_MAX: usize = 64;

pub(super) fn header_len(bytes: &[u8]) -> Option<usize> {
    if !is_gzip(bytes) {
        return zlib_at(bytes).map(|at| at + 2);
    }
    let flags = *bytes.get(3)?;
    let mut len = 10;
    if flags & 4 != 0 {
        len += 2 + usize::from(u16::from_le_bytes([*bytes.get(len)?, *bytes.get(len + 1)?]));
    }
    for text in [8, 16] {
        if flags & text != 0 {
            len += bytes.get(len..)?.iter().take(GZIP_HEADER_LEN_MAX).position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        len += 2;
    }
    (len < bytes.len()).then_some(len)
}
