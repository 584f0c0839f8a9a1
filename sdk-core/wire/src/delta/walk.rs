//! The walk over the target beside a place in what is known already.
//!
//! One buffer holds the base and then the target as far as it is known. `at` is where the next byte goes,
//! `aside` the place it is expected to be like. The walk alternates:
//! - a *copy*: the next block equals the one at `aside` (one flag for up to 128 KiB);
//! - a *jump*: `aside` moves to a better place (only the encoder knows why);
//! - *told* bytes: up to 32, coded one by one with the byte at `aside` as the guess.
//!
//! In text, `aside` follows by itself where a token became longer or shorter. The same loop encodes, decodes
//! and rehearses; what differs is the [`Mind`] that codes the decisions and the [`Guide`] that makes them.

use super::DeltaError;

/// Sizes of the block that one flag copies: it grows while nothing changes.
const BLOCKS: [usize; 5] = [8, 32, 512, 8 * 1024, 128 * 1024];
/// The level to begin with; in text its blocks end with the line.
const LINE: usize = 1;
/// Small copies in a row before the block grows again.
const SMALL_ROW: u32 = 3;
/// Copies in a row before the block grows, in binary and in text (where blocks are lines).
const GROW_AFTER: [u32; 2] = [24, 60];
/// Most bytes told before the next flag.
const TOLD_MAX: usize = 32;
/// Bytes guessed right after a wrong one that end the telling.
const BACK_IN_STEP: u64 = 0b1111;
/// How far the end of a token is looked for.
const TOKEN_LEN_MAX: usize = 64;
/// Places kept to jump back to.
pub(super) const RING: usize = 8;

/// Codes decisions, or counts what they would cost.
pub(super) trait Mind {
    fn flag(&mut self, flag: Flag, value: bool, place: &Place, buf: &[u8]) -> bool;
    fn number(&mut self, kind: usize, value: usize) -> usize;
    /// The byte at `place.at`: given when encoding, else made up.
    fn byte(&mut self, place: &Place, buf: &[u8]) -> Result<u8, DeltaError>;
    /// These bytes were copied.
    fn copied(&mut self, bytes: &[u8]);
    /// Which of the last 64 told bytes were as the byte aside; the newest is bit 0.
    fn hits(&self) -> u64;
    /// An error when too much was decided and told already.
    fn within_limits(&self) -> Result<(), DeltaError>;
    /// The byte at `end - 1` was told: remember what precedes it.
    fn told(&mut self, buf: &[u8], end: usize);
}

/// Makes decisions when encoding. A decoder's guide knows nothing.
pub(super) trait Guide {
    fn equal(&mut self, buf: &[u8], place: &Place, len: usize) -> bool;
    fn jump(&mut self, buf: &[u8], place: &Place) -> Option<usize>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    Copy,
    Jump,
    Ring,
    Forward,
}

impl Flag {
    /// See [`WORK_MAX`].
    pub(super) const WORK: usize = 1;
}

/// Bounds what a decoder does beside copying, whatever the patch says. A unit is a byte guessed right: some
/// 0.2 µs; a flag or a number is about as much.
pub(super) const WORK_MAX: usize = 1 << 19;
/// A byte that was not guessed: one decision, and eight more.
pub(super) const MISS_WORK: usize = 5;

#[derive(Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) aside: usize,
    pub(super) text: bool,
    pub(super) level: usize,
    pub(super) streak: u32,
    /// Bit by bit, newest first: was it not a copy?
    pub(super) history: u32,
    ring: [usize; RING],
}

#[inline]
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

static TOKEN: [bool; 256] = {
    let mut out = [false; 256];
    let mut byte = 0;
    while byte < out.len() {
        let b = byte as u8;
        out[byte] = b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+') || b >= 0x80;
        byte += 1;
    }
    out
};

/// Where the guess is after `byte` was told at `at`.
#[inline]
pub(super) fn follow(buf: &[u8], aside: usize, at: usize, byte: u8, text: bool) -> usize {
    if aside >= at {
        return aside;
    }
    let guess = buf[aside];
    if !text || byte == guess {
        return aside + 1;
    }
    if is_token(byte) {
        // A token that is longer than the one aside waits at that one's end.
        return if is_token(guess) { aside + 1 } else { aside };
    }
    for (skipped, &other) in buf[aside..at].iter().take(TOKEN_LEN_MAX).enumerate() {
        if other == byte {
            return aside + skipped + 1;
        }
        if other == b'\n' {
            break;
        }
    }
    aside
}

impl Place {
    fn new(at: usize, text: bool) -> Self {
        Self { at, aside: 0, text, level: LINE, streak: 0, history: 0, ring: [0; RING] }
    }

    /// In text a block is a line or half of one; in binary it may be smaller.
    fn level_min(&self) -> usize {
        if self.text { LINE } else { 0 }
    }

    fn block_len(&self, buf: &[u8]) -> usize {
        let max = BLOCKS[self.level].min(buf.len() - self.at);
        if self.text && self.level == LINE {
            let line = buf[self.aside..self.at].iter().take(max).position(|byte| *byte == b'\n');
            return line.map_or(max, |end| end + 1);
        }
        max
    }

    fn remember(&mut self, changed: bool) {
        self.history = self.history << 1 | u32::from(changed);
        self.ring.copy_within(0..RING - 1, 1);
        self.ring[0] = self.aside;
    }

    fn copied(&mut self, len: usize) {
        self.remember(false);
        self.aside += len;
        self.at += len;
        self.streak += 1;
        let grow_after = if self.level < LINE { SMALL_ROW } else { GROW_AFTER[usize::from(self.text)] };
        if self.streak >= grow_after && self.level + 1 < BLOCKS.len() {
            self.level += 1;
            self.streak = 0;
        }
    }

    fn not_copied(&mut self) {
        self.level -= 1;
        // Soon large again if this change is a small one.
        self.streak = if self.level > LINE { GROW_AFTER[0] - 4 } else { 0 };
    }
}

/// Walks from `start` to the buffer's end.
pub(super) fn walk<M: Mind, G: Guide>(
    mind: &mut M,
    guide: &mut G,
    buf: &mut [u8],
    start: usize,
    text: bool,
) -> Result<(), DeltaError> {
    let mut place = Place::new(start, text);
    let mut jumped = false;
    while place.at < buf.len() {
        mind.within_limits()?;
        if place.aside < place.at {
            let len = place.block_len(buf);
            let equal = guide.equal(buf, &place, len);
            if mind.flag(Flag::Copy, equal, &place, buf) {
                copy(buf, place.aside, place.at, len);
                mind.copied(&buf[place.at..place.at + len]);
                place.copied(len);
                jumped = false;
                continue;
            }
            if place.level > place.level_min() {
                place.not_copied();
                continue;
            }
            place.streak = 0;
        }
        if !jumped {
            let to = guide.jump(buf, &place);
            if mind.flag(Flag::Jump, to.is_some(), &place, buf) {
                place.aside = jump(mind, &place, to.unwrap_or(0), buf)?;
                place.history = place.history << 1 | 1;
                jumped = true;
                continue;
            }
        }
        jumped = false;
        tell(mind, &mut place, buf)?;
    }
    Ok(())
}

/// Byte by byte where the two overlap: the copy then repeats itself.
fn copy(buf: &mut [u8], from: usize, to: usize, len: usize) {
    if from + len <= to {
        buf.copy_within(from..from + len, to);
    } else {
        (0..len).for_each(|i| buf[to + i] = buf[from + i]);
    }
}

fn jump<M: Mind>(mind: &mut M, place: &Place, to: usize, buf: &[u8]) -> Result<usize, DeltaError> {
    let ring = place.ring.iter().position(|old| *old == to);
    let to = if mind.flag(Flag::Ring, ring.is_some(), place, buf) {
        Some(place.ring[mind.number(0, ring.unwrap_or(0)) & (RING - 1)])
    } else if mind.flag(Flag::Forward, to >= place.aside, place, buf) {
        place.aside.checked_add(mind.number(1, to.wrapping_sub(place.aside)))
    } else {
        place.aside.checked_sub(mind.number(2, place.aside.wrapping_sub(to)))
    };
    to.filter(|to| *to < place.at).ok_or(DeltaError::Malformed("it looks outside of what is known"))
}

fn tell<M: Mind>(mind: &mut M, place: &mut Place, buf: &mut [u8]) -> Result<(), DeltaError> {
    place.remember(true);
    let mut missed = false;
    let end = buf.len().min(place.at + TOLD_MAX);
    while place.at < end {
        let byte = mind.byte(place, buf)?;
        buf[place.at] = byte;
        place.aside = follow(buf, place.aside, place.at, byte, place.text);
        place.at += 1;
        mind.told(buf, place.at);
        missed |= mind.hits() & 1 == 0;
        if place.text && byte == b'\n' || missed && mind.hits() & BACK_IN_STEP == BACK_IN_STEP {
            break;
        }
    }
    Ok(())
}
