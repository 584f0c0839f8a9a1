//! Random numbers from a seed, for tests that try many things.

/// SplitMix64: small, seeded, the same everywhere.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Changes, removes, repeats or inserts a few bytes.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => bytes.truncate(at),
                2 => bytes.insert(at, [0, 1, 0x7f, 0x80, 0xff][self.below(5)]),
                _ => {
                    let again = bytes[at..bytes.len().min(at + 9)].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
    }
}

/// Rounds of a fuzz test: what `AETHEX_FUZZ_ROUNDS` says, or so many.
pub(crate) fn rounds(usual: u64) -> u64 {
    std::env::var("AETHEX_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}
