//! Godot's `FileAccess.open_compressed`: the content in blocks, each compressed on its own.
//!
//! `GCPF`, then `u32`s (little-endian): mode (0 FastLZ, 1 zlib, 2 zstd, 3 gzip), block size, content length, the
//! compressed length of each block; then the blocks, and `GCPF` again. There are length / size + 1 blocks.
//! Parameters: mode, block size (varint), level, and the header that all deflated blocks share.

use super::{PLAIN_LEN_MAX, deflate, effort, fastlz, zst};
use crate::delta::head::{read_uint, write_uint};

const MAGIC: &[u8] = b"GCPF";
const FASTLZ: u8 = 0;
const ZLIB: u8 = 1;
const ZSTD: u8 = 2;
const GZIP: u8 = 3;
/// Godot's only block size: others are bytes like any.
const BLOCK_LEN: usize = 4096;
/// Flags of a zstd block: see `zst`.
const ZSTD_FLAGS: u8 = 1;
/// The default and its neighbours: the slow levels are too slow for many small blocks.
const ZSTD_LEVELS: [u8; 5] = [3, 1, 2, 4, 5];

#[derive(Debug)]
struct Parts<'b> {
    mode: u8,
    block_len: usize,
    content_len: usize,
    blocks: Vec<&'b [u8]>,
}

impl<'b> Parts<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?.strip_suffix(MAGIC)?;
        let (mode, block_len, content_len) = (uint(&mut rest)?, uint(&mut rest)?, uint(&mut rest)?);
        if block_len != BLOCK_LEN || content_len > PLAIN_LEN_MAX {
            return None;
        }
        let lens: Vec<_> = (0..=content_len / block_len).map_while(|_| uint(&mut rest)).collect();
        if lens.len() != content_len / block_len + 1 {
            return None;
        }
        let blocks: Option<Vec<_>> = lens.into_iter().map(|len| rest.split_off(..len)).collect();
        let mode = u8::try_from(mode).ok()?;
        Some(Self { mode, block_len, content_len, blocks: blocks.filter(|_| rest.is_empty())? })
    }
}

fn uint(bytes: &mut &[u8]) -> Option<usize> {
    let (chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*chunk) as usize)
}

pub(super) fn open(bytes: &[u8]) -> Option<Vec<u8>> {
    let parts = Parts::read(bytes)?;
    let mut plain = Vec::new();
    for block in &parts.blocks {
        let len = parts.block_len.min(parts.content_len - plain.len());
        plain.extend_from_slice(&open_block(parts.mode, block, len)?);
    }
    (plain.len() == parts.content_len).then_some(plain)
}

fn open_block(mode: u8, block: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = match mode {
        FASTLZ => fastlz::decompress(block, len.max(fastlz::LEN_MIN))?,
        ZLIB | GZIP => {
            let mut out = Vec::with_capacity(len);
            deflate::inflate(block.get(deflate::header_len(block)?..)?, &mut out, len)?;
            out
        }
        ZSTD => zst::open(block)?,
        _ => return None,
    };
    (out.len() >= len).then(|| {
        out.truncate(len);
        out
    })
}

pub(super) fn recipe(bytes: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let parts = Parts::read(bytes)?;
    let first = *parts.blocks.first()?;
    let content = &plain[..plain.len().min(parts.block_len)];
    let (level, header) = match parts.mode {
        FASTLZ => (0, &first[..0]),
        ZSTD => {
            let found = |level: &&u8| zst::compress(content, **level, ZSTD_FLAGS).as_deref() == Some(first);
            (*ZSTD_LEVELS.iter().find(found)?, &first[..0])
        }
        mode => {
            let (header, rest) = first.split_at(deflate::header_len(first)?);
            let stream = &rest[..rest.len().checked_sub(deflate::trailer_len(mode == GZIP))?];
            (deflate::level_of(stream, content, 15, &[6])?, header)
        }
    };
    let mut out = vec![parts.mode];
    write_uint(parts.block_len as u64, &mut out);
    out.push(level);
    out.extend_from_slice(header);
    Some(out)
}

pub(super) fn rewrap(plain: &[u8], parameters: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let (&mode, mut rest) = parameters.split_first()?;
    let block_len = read_uint(&mut rest).ok()?;
    let (&level, header) = rest.split_first()?;
    let refused = match mode {
        FASTLZ => false,
        ZSTD => !ZSTD_LEVELS.contains(&level),
        _ => !effort::affordable(plain, BLOCK_LEN, level),
    };
    if block_len != BLOCK_LEN || refused {
        return None;
    }
    let mut out = MAGIC.to_vec();
    for n in [usize::from(mode), block_len, plain.len()] {
        out.extend_from_slice(&(n as u32).to_le_bytes());
    }
    let mut blocks = Vec::new();
    for i in 0..=plain.len() / block_len {
        let content = &plain[i * block_len..plain.len().min((i + 1) * block_len)];
        let block = make_block(mode, content, level, header)?;
        out.extend_from_slice(&(block.len() as u32).to_le_bytes());
        blocks.extend_from_slice(&block);
        if out.len() + blocks.len() > len_max {
            return None;
        }
    }
    out.extend_from_slice(&blocks);
    out.extend_from_slice(MAGIC);
    Some(out)
}

fn make_block(mode: u8, content: &[u8], level: u8, header: &[u8]) -> Option<Vec<u8>> {
    match mode {
        FASTLZ => Some(fastlz::compress(content)),
        ZSTD => zst::compress(content, level, ZSTD_FLAGS),
        ZLIB | GZIP => {
            let mut out = header.to_vec();
            deflate::deflate(content, level, 15, |bytes| {
                out.extend_from_slice(bytes);
                true
            })?;
            out.extend_from_slice(&deflate::trailer_of(mode == GZIP, content));
            Some(out)
        }
        _ => None,
    }
}
