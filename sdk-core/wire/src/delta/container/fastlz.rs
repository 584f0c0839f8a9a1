//! FastLZ level 1, as Godot carries it: what it compresses files with unless told otherwise.
//!
//! After FastLZ by Ariya Hidayat (MIT): the same matches are chosen, so that the same bytes come out. Of the
//! versions around, Godot's is one of 2020 with the hash of 2007; the later 0.5.0 finds other matches.

/// Shorter input is padded with zeros to this length, as Godot does.
pub(super) const LEN_MIN: usize = 16;
const COPY_MAX: usize = 32;
const MATCH_MAX: usize = 262;
const DISTANCE_MAX: usize = 8192;
const HASH_LOG: u32 = 13;
/// Bytes at the end where no match begins.
const TAIL: usize = 13;
/// Bytes at the end that are not compared.
const TAIL_MATCH: usize = 2;

/// Blocks below 64 KiB only: longer ones would be level 2.
pub(super) fn compress(content: &[u8]) -> Vec<u8> {
    let mut input = content.to_vec();
    input.resize(content.len().max(LEN_MIN), 0);
    let (mut table, mut out) = (vec![0usize; 1 << HASH_LOG], Vec::with_capacity(input.len()));
    let limit = input.len() - TAIL;
    let (mut at, mut anchor) = (2, 0);
    while at < limit {
        let from = std::mem::replace(&mut table[hash(&input, at)], at);
        let distance = at - from;
        if distance == 0 || distance >= DISTANCE_MAX || input[from..from + 3] != input[at..at + 3] {
            at += 1;
            continue;
        }
        literals(&input[anchor..at], &mut out);
        let len = match_len(&input, from, at);
        write_match(len, distance - 1, &mut out);
        at += len;
        for _ in 0..2 {
            table[hash(&input, at)] = at;
            at += 1;
        }
        anchor = at;
    }
    literals(&input[anchor..], &mut out);
    out
}

/// Two overlapping pairs of bytes, and the upper bits of the first.
fn hash(input: &[u8], at: usize) -> usize {
    let pair = |at: usize| usize::from(input[at]) | usize::from(input[at + 1]) << 8;
    let first = pair(at);
    (first ^ pair(at + 1) ^ first >> (16 - HASH_LOG)) & ((1 << HASH_LOG) - 1)
}

/// The length as the format counts it: two less than what is equal.
fn match_len(input: &[u8], from: usize, at: usize) -> usize {
    let (from, start, end) = (from + 3, at + 3, input.len() - TAIL_MATCH);
    let equal = input[from..].iter().zip(&input[start..end]).take_while(|(a, b)| a == b).count();
    // The byte that differs was read, too.
    if start + equal < end { equal + 1 } else { equal }
}

fn literals(bytes: &[u8], out: &mut Vec<u8>) {
    for run in bytes.chunks(COPY_MAX) {
        out.push((run.len() - 1) as u8);
        out.extend_from_slice(run);
    }
}

fn write_match(mut len: usize, distance: usize, out: &mut Vec<u8>) {
    let (high, low) = ((distance >> 8) as u8, distance as u8);
    while len > MATCH_MAX {
        out.extend_from_slice(&[7 << 5 | high, (MATCH_MAX - 9) as u8, low]);
        len -= MATCH_MAX;
    }
    if len < 7 {
        out.extend_from_slice(&[(len as u8) << 5 | high, low]);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (len - 7) as u8, low]);
    }
}

/// Exactly `len` bytes, or nothing.
pub(super) fn decompress(mut block: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(len);
    let mut first = true;
    while let Some(&control) = block.split_off_first() {
        // The first byte's upper bits are the level; it always begins with literals.
        if first && control >> 5 != 0 {
            return None;
        }
        first = false;
        if control < 32 {
            out.extend_from_slice(block.split_off(..usize::from(control) + 1)?);
        } else {
            let mut count = usize::from(control >> 5) + 2;
            if count == 9 {
                count += usize::from(*block.split_off_first()?);
            }
            let distance = usize::from(control & 31) << 8 | usize::from(*block.split_off_first()?);
            let from = out.len().checked_sub(distance + 1)?;
            if out.len() + count > len {
                return None;
            }
            (from..from + count).for_each(|i| out.push(out[i]));
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}
