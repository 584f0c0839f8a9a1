//! One xz stream with one block, as liblzma's easy encoder writes it at a preset.
//!
//! Parameters: preset (0 to 9, 128 more for "extreme"), check (0 none, 1 CRC32, 4 CRC64, 10 SHA-256).

use liblzma::stream::{Action, Check, Status, Stream};

/// Longest content: the worst takes half a second, usual one a third of that.
const CONTENT_LEN_MAX: usize = 384 * 1024;
/// What a decoder may take: the dictionary of preset 9 and a bit.
const MEMORY_MAX: u64 = 72 * 1024 * 1024;
const EXTREME: u32 = 1 << 31;
/// Presets by the dictionary's size as the block header has it: they are told apart by this byte at its place.
const PRESETS: [u8; 13] = [6, 9, 0, 1, 2, 3, 4, 5, 7, 8, 6 | 128, 9 | 128, 3 | 128];
const STEP: usize = 32 * 1024;

pub(super) fn open(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Stream::new_stream_decoder(MEMORY_MAX, 0).ok()?;
    let mut plain = Vec::new();
    let finished = run(&mut stream, bytes, |piece| {
        plain.extend_from_slice(piece);
        plain.len() <= CONTENT_LEN_MAX
    })?;
    (finished == bytes.len()).then_some(plain)
}

pub(super) fn recipe(bytes: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let check = *bytes.get(7)?;
    let found = |preset: &&u8| {
        let mut at = 0;
        let made = encode(plain, **preset, check, |piece| {
            let same = bytes.get(at..at + piece.len()) == Some(piece);
            at += piece.len();
            same
        });
        made.is_some() && at == bytes.len()
    };
    PRESETS.iter().find(found).map(|preset| vec![*preset, check])
}

pub(super) fn rewrap(plain: &[u8], parameters: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let &[preset, check] = parameters else { return None };
    if !PRESETS.contains(&preset) || plain.len() > CONTENT_LEN_MAX {
        return None;
    }
    let mut out = Vec::new();
    encode(plain, preset, check, |piece| {
        out.extend_from_slice(piece);
        out.len() <= len_max
    })?;
    Some(out)
}

fn encode(plain: &[u8], preset: u8, check: u8, take: impl FnMut(&[u8]) -> bool) -> Option<()> {
    let check = match check {
        0 => Check::None,
        1 => Check::Crc32,
        4 => Check::Crc64,
        10 => Check::Sha256,
        _ => return None,
    };
    let preset = u32::from(preset & 127) | if preset & 128 != 0 { EXTREME } else { 0 };
    let mut stream = Stream::new_easy_encoder(preset, check).ok()?;
    run(&mut stream, plain, take).map(drop)
}

/// Runs the coder to its end; returns how much of the input it used.
fn run(stream: &mut Stream, input: &[u8], mut take: impl FnMut(&[u8]) -> bool) -> Option<usize> {
    let mut out = Vec::with_capacity(STEP);
    loop {
        let at = stream.total_in() as usize;
        let end = input.len().min(at + STEP);
        let action = if end == input.len() { Action::Finish } else { Action::Run };
        out.clear();
        let status = stream.process_vec(&input[at..end], &mut out, action).ok()?;
        let used = stream.total_in() as usize;
        if !take(&out) {
            return None;
        }
        match status {
            Status::StreamEnd => return Some(used),
            _ if used == at && out.is_empty() => return None,
            _ => {}
        }
    }
}
