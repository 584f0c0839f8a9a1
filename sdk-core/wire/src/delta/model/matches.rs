//! The longest recent match: a second opinion on the next byte, from anywhere in what is known.

use crate::delta::mix::Counter;

/// Bytes hashed to look a place up.
const CONTEXT: usize = 6;
/// Bytes that must be equal before a place is trusted at all.
const LEN_MIN: usize = 4;
const LEN_COUNTED: usize = 32;
/// Places remembered, as powers of two: as many as the base has bytes, but the table stays in the cache.
const PLACES_LOG_MIN: u32 = 12;
const PLACES_LOG_MAX: u32 = 16;

#[derive(Debug)]
pub(super) struct Matches {
    places: Vec<u32>,
    bits: u32,
    at: usize,
    len: usize,
    /// How often a match is right, by its length.
    trust: Vec<Counter>,
}

impl Matches {
    pub(super) fn new(known: &[u8]) -> Self {
        let bits =
            (known.len() + 1).next_power_of_two().trailing_zeros().clamp(PLACES_LOG_MIN, PLACES_LOG_MAX);
        let trust = (0..LEN_COUNTED as u32).map(|len| Counter::with((70 + len * 2).min(99), 4)).collect();
        let mut matches = Self { places: vec![0; 1 << bits], bits, at: 0, len: 0, trust };
        let step = (known.len() >> PLACES_LOG_MAX).max(1);
        (8..=known.len()).step_by(step).for_each(|end| matches.learn(known, end));
        matches
    }

    fn hash(&self, buf: &[u8], end: usize) -> Option<usize> {
        let bytes = buf[..end].last_chunk()?;
        let context = u64::from_le_bytes(*bytes) >> (64 - 8 * CONTEXT);
        Some((context.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - self.bits)) as usize)
    }

    /// Remembers what follows `end`.
    pub(super) fn learn(&mut self, buf: &[u8], end: usize) {
        if let Some(hash) = self.hash(buf, end) {
            // Buffers are below 2^32 bytes: see `modelled`.
            self.places[hash] = end as u32;
        }
    }

    /// Looks for a match of what precedes `at`, if there is none.
    pub(super) fn find(&mut self, buf: &[u8], at: usize) {
        if self.len > 0 {
            return;
        }
        let Some(hash) = self.hash(buf, at) else { return };
        let place = self.places[hash] as usize;
        if place == 0 || place >= at {
            return;
        }
        let pairs = buf[..place].iter().rev().zip(buf[..at].iter().rev());
        let len = pairs.take(LEN_COUNTED).take_while(|(a, b)| a == b).count();
        if len >= LEN_MIN {
            (self.at, self.len) = (place, len);
        }
    }

    /// The byte that follows the match.
    pub(super) fn next(&self, buf: &[u8]) -> Option<u8> {
        (self.len > 0).then(|| buf[self.at])
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn strength(&self) -> usize {
        self.len.min(LEN_COUNTED - 1)
    }

    pub(super) fn trust(&self) -> Counter {
        self.trust[self.strength()]
    }

    pub(super) fn answered(&mut self, right: bool) {
        let strength = self.strength();
        self.trust[strength].learn(u32::from(right), super::LIMIT);
        if right {
            self.at += 1;
            self.len += 1;
        } else {
            self.len = 0;
        }
    }

    pub(super) fn lose(&mut self) {
        self.len = 0;
    }
}
