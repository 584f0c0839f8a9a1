//! What surrounds the next byte, and the contexts made of it.

use super::lines::Line;
use super::matches::Matches;
use super::{Counter, hash};
use crate::delta::walk::Place;

/// Contexts of the question whether the guess is right.
pub(super) const HITS: usize = 6;
/// Contexts of a bit.
pub(super) const BITS: usize = 6;
/// No byte.
pub(super) const NOTHING: u32 = 256;

#[derive(Debug)]
pub(super) struct Around {
    text: bool,
    at: u32,
    hits: u64,
    /// The bytes before: 1, 2, 3, 4 and 8 back.
    c: [u32; 5],
    /// The bytes before the place aside, 1 and 2 back.
    b: [u32; 2],
    /// How the target differs from aside 1, 4 and 8 bytes back.
    d: [u32; 3],
    /// How the told byte of this field differed last.
    delta: u32,
    /// The byte aside, or nothing, and the one after it.
    pub(super) aside: u32,
    after: u32,
    /// What follows the longest match, or nothing.
    pub(super) matched: u32,
    match_len: usize,
    pub(super) guess: u32,
    second: u32,
    /// Is the guess the byte aside?
    pub(super) by_aside: bool,
}

impl Around {
    pub(super) fn new(
        place: &Place,
        buf: &[u8],
        hits: u64,
        matches: &Matches,
        trust: &[Counter],
        delta: u8,
    ) -> Self {
        let at = place.at;
        let known = &buf[..at];
        let aside = known.get(place.aside).map_or(NOTHING, |byte| u32::from(*byte));
        // The newest byte is the highest.
        let last = |end: usize| match buf[..end].last_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => buf[..end].iter().fold(0, |all, byte| all >> 8 | u64::from(*byte) << 56),
        };
        let last_aside = if aside == NOTHING { 0 } else { last(place.aside) };
        let last = last(at);
        let back = |count: u32| (last >> (64 - 8 * count)) as u32 & 255;
        let before = |count: u32| (last_aside >> (64 - 8 * count)) as u32 & 255;
        let matched = matches.next(known).map_or(NOTHING, u32::from);
        let by_aside = aside != NOTHING
            && (matched == NOTHING || trust[(hits & 255) as usize].p22() >= matches.trust().p22());
        let (guess, second) = if by_aside { (aside, matched) } else { (matched, aside) };
        Self {
            text: place.text,
            at: at as u32,
            hits,
            c: [back(1), back(2), back(3), back(4), back(8)],
            b: [before(1), before(2)],
            d: [
                back(1).wrapping_sub(before(1)) & 255,
                back(4).wrapping_sub(before(4)) & 255,
                back(8).wrapping_sub(before(8)) & 255,
            ],
            delta: u32::from(delta),
            aside,
            after: known.get(place.aside + 1).map_or(0, |byte| u32::from(*byte)),
            matched,
            match_len: matches.len(),
            guess,
            second,
            by_aside,
        }
    }

    /// The last eight answers.
    pub(super) fn steps(&self) -> usize {
        (self.hits & 255) as usize
    }

    /// 0 when there is one opinion, 1 when both agree, else 2.
    fn agree(&self) -> u32 {
        match (self.matched, self.aside) {
            (NOTHING, _) | (_, NOTHING) => 0,
            (matched, aside) if matched == aside => 1,
            _ => 2,
        }
    }

    fn since_miss(&self) -> u32 {
        self.hits.trailing_ones().min(15)
    }

    pub(super) fn hit_sets(&self) -> [usize; 2] {
        let first = (self.hits & 7) as u32 | self.agree() << 3 | u32::from(self.by_aside) << 5;
        [first as usize, self.since_miss() as usize]
    }

    pub(super) fn hit_contexts(&self, line: &Line) -> [u32; HITS] {
        let [c1, _, _, c4, c8] = self.c;
        let [b1, b2] = self.b;
        let [d1, _, d8] = self.d;
        let (guess, agree) = (self.guess, self.agree());
        let hits = self.hits as u32;
        let match_log = usize::BITS - self.match_len.min(255).leading_zeros();
        let common = [
            hits & 255 | agree << 8 | u32::from(self.by_aside) << 10 | match_log << 11,
            hash(hash(b1 | b2 << 8 | self.aside << 16 | (self.after & 127) << 25, d1), hits & 3),
            self.since_miss() | agree << 4 | guess << 6,
        ];
        let own = if self.text {
            [
                hash(line.key, line.field << 3 | hits & 1),
                hash(line.field << 8 | guess, hits & 1),
                hash(guess | self.after << 8, self.delta << 2 | hits & 3),
            ]
        } else {
            let rhythm = hits & 7 | (hits >> 3 & 1) << 3 | (hits >> 7 & 1) << 4 | (hits >> 15 & 1) << 5;
            [
                hash(guess | d8 << 8 | d1 << 16, self.at & 3),
                hash(rhythm | (hits >> 31) << 6 | guess << 8, self.at & 3),
                hash(guess | c4 << 8 | c8 << 16, c1),
            ]
        };
        [common[0], common[1], common[2], own[0], own[1], own[2]]
    }

    pub(super) fn bit_contexts(&self, line: &Line) -> [u32; BITS] {
        let [c1, c2, c3, _, _] = self.c;
        let [d1, d4, d8] = self.d;
        let aside = self.aside;
        let own = if self.text {
            [hash(hash(aside, line.word), 9), hash(hash(aside, self.delta), line.field << 8 | c1)]
        } else {
            [hash(aside | d8 << 9 | d1 << 17, 9), hash(aside | d4 << 9 | d1 << 17, 10)]
        };
        [
            hash(aside, 0),
            hash(aside | self.after << 9 | c1 << 17, 2),
            hash(c1 | c2 << 8 | c3 << 16, 4),
            hash(c1 | c2 << 8, 6),
            own[0],
            own[1],
        ]
    }

    /// The next bit if the second guess is right, while it still can be.
    #[inline]
    pub(super) fn second_bit(&self, so_far: u32, done: u32) -> Option<u32> {
        let second = self.second;
        let possible = second != NOTHING && second != self.guess && (second | 256) >> (8 - done) == so_far;
        possible.then(|| second >> (7 - done) & 1)
    }
}
