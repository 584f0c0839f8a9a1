//! The encoder's decisions: where the target looks like something known, found before anything is coded.
//!
//! A rehearsal of the walk makes them and counts what they cost, so that a save with too many changes is
//! left to zstd before time is spent on it.

use super::DeltaError;
use super::walk::{Flag, Guide, MISS_WORK, Mind, Place, follow, walk};

/// Bytes that a place must share with the target to be considered.
const SAME_MIN: usize = 12;
/// How many bytes ahead a place is looked for, and judged by.
const AHEAD: usize = 64;
/// Places remembered of the buffer, as a power of two: more would not fit the processor's cache.
const PLACES_LOG: u32 = 17;
/// What a jump must gain, in bytes guessed right of [`AHEAD`]: in binary and in text.
const GAIN_MIN: [usize; 2] = [5, 8];
/// With so many guessed right no better place is looked for.
const GOOD_ENOUGH: [usize; 2] = [60, 54];

/// What it costs to look for a place, in units of [`super::walk::WORK_MAX`].
const JUMP_COST: usize = 3;
/// Places judged at most, so that a save full of similar places stays quick.
const JUDGED_MAX: usize = 1 << 15;

/// What was decided, in order, and what it costs.
#[derive(Debug, Default)]
pub(super) struct Plan {
    equal: Vec<bool>,
    jumps: Vec<Option<usize>>,
    cost: usize,
}

impl Plan {
    /// Stops early when the telling costs more than `cost_max` allows.
    pub(super) fn make(buf: &mut [u8], start: usize, text: bool, cost_max: usize) -> Option<Self> {
        let mut finder = Finder::new(buf.len(), text);
        let mut tally = Tally { hits: u64::MAX, plan: Self::default(), cost_max };
        walk(&mut tally, &mut finder, buf, start, text).ok()?;
        Some(Self { equal: finder.equal, jumps: finder.jumps, ..tally.plan })
    }

    pub(super) fn replay(&self) -> Replay<'_> {
        Replay { equal: self.equal.iter(), jumps: self.jumps.iter() }
    }
}

#[derive(Debug)]
pub(super) struct Replay<'p> {
    equal: std::slice::Iter<'p, bool>,
    jumps: std::slice::Iter<'p, Option<usize>>,
}

impl Guide for Replay<'_> {
    fn equal(&mut self, _: &[u8], _: &Place, _: usize) -> bool {
        self.equal.next().copied().unwrap_or(false)
    }

    fn jump(&mut self, _: &[u8], _: &Place) -> Option<usize> {
        self.jumps.next().copied().flatten()
    }
}

#[derive(Debug)]
struct Tally {
    hits: u64,
    plan: Plan,
    cost_max: usize,
}

impl Mind for Tally {
    fn flag(&mut self, flag: Flag, value: bool, _: &Place, _: &[u8]) -> bool {
        self.plan.cost += if flag == Flag::Jump { JUMP_COST } else { Flag::WORK };
        value
    }

    fn number(&mut self, _: usize, value: usize) -> usize {
        self.plan.cost += 1;
        value
    }

    fn byte(&mut self, place: &Place, buf: &[u8]) -> Result<u8, DeltaError> {
        let byte = buf[place.at];
        let hit = place.aside < place.at && buf[place.aside] == byte;
        self.hits = self.hits << 1 | u64::from(hit);
        self.plan.cost += if hit { 1 } else { MISS_WORK };
        Ok(byte)
    }

    fn copied(&mut self, _: &[u8]) {
        self.hits = u64::MAX;
    }

    fn hits(&self) -> u64 {
        self.hits
    }

    fn within_limits(&self) -> Result<(), DeltaError> {
        if self.plan.cost > self.cost_max {
            return Err(DeltaError::Malformed("too many changes"));
        }
        Ok(())
    }

    fn told(&mut self, _: &[u8], _: usize) {}
}

#[derive(Debug)]
struct Finder {
    /// Place + 1 by hash of its next [`SAME_MIN`] bytes.
    places: Vec<u32>,
    bits: u32,
    step: usize,
    next: usize,
    text: bool,
    judged: usize,
    equal: Vec<bool>,
    jumps: Vec<Option<usize>>,
}

impl Finder {
    fn new(len: usize, text: bool) -> Self {
        let step = (len >> PLACES_LOG).max(1);
        let bits = (len / step).max(4096).next_power_of_two().trailing_zeros().min(PLACES_LOG);
        let places = vec![0; 1 << bits];
        Self { places, bits, step, next: 0, text, judged: 0, equal: Vec::new(), jumps: Vec::new() }
    }

    fn hash(&self, bytes: &[u8; SAME_MIN]) -> usize {
        let (start, end) = bytes.split_at(8);
        let start = u64::from_le_bytes(start.try_into().unwrap_or_default());
        let end = u32::from_le_bytes(end.try_into().unwrap_or_default());
        let mixed =
            (start ^ u64::from(end).wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (64 - self.bits)) as usize
    }

    fn fill(&mut self, buf: &[u8], to: usize) {
        while let Some(bytes) = buf[..to].get(self.next..).and_then(<[u8]>::first_chunk) {
            let hash = self.hash(bytes);
            self.places[hash] = self.next as u32 + 1;
            self.next += self.step;
        }
    }

    /// How many of the next bytes would be guessed right from there.
    fn score(&self, buf: &[u8], mut aside: usize, at: usize) -> usize {
        if !self.text {
            let known = &buf[aside.min(at)..at];
            return known.iter().zip(&buf[at..]).take(AHEAD).filter(|(a, b)| a == b).count();
        }
        let mut score = 0;
        for (ahead, &byte) in buf[at..].iter().take(AHEAD).enumerate() {
            if aside >= at + ahead {
                break;
            }
            score += usize::from(buf[aside] == byte);
            aside = follow(buf, aside, at + ahead, byte, self.text);
        }
        score
    }

    fn best(&mut self, buf: &[u8], place: &Place) -> Option<usize> {
        let here = self.score(buf, place.aside, place.at);
        if here >= GOOD_ENOUGH[usize::from(self.text)] {
            return None;
        }
        self.fill(buf, place.at);
        let mut best = (here + GAIN_MIN[usize::from(self.text)], None);
        let mut last = place.aside;
        for ahead in 0..AHEAD {
            let Some(bytes) = buf[place.at..].get(ahead..).and_then(<[u8]>::first_chunk) else { break };
            let Some(found) = (self.places[self.hash(bytes)] as usize).checked_sub(1) else { continue };
            let Some(to) = found.checked_sub(ahead).filter(|to| *to < place.at && *to != last) else {
                continue;
            };
            if to == place.aside || buf[found..].first_chunk() != Some(bytes) {
                continue;
            }
            last = to;
            self.judged += 1;
            if self.judged > JUDGED_MAX {
                break;
            }
            let score = self.score(buf, to, place.at).saturating_sub(usize::from(ahead > 0));
            if score > best.0 {
                best = (score, Some(to));
            }
        }
        best.1
    }
}

impl Guide for Finder {
    fn equal(&mut self, buf: &[u8], place: &Place, len: usize) -> bool {
        let equal = buf[place.aside..place.aside + len] == buf[place.at..place.at + len];
        self.equal.push(equal);
        equal
    }

    fn jump(&mut self, buf: &[u8], place: &Place) -> Option<usize> {
        let to = self.best(buf, place);
        self.jumps.push(to);
        to
    }
}
