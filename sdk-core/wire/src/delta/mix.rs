//! Probabilities: counters that learn them, and mixers that weigh the opinions of many counters.
//!
//! Logistic mixing as in the PAQ family. All of it is integer arithmetic, so that every platform computes
//! the same: encoder and decoder must agree on each bit's probability.

/// Inputs of a mixer. A multiple of four, for the sake of vector instructions.
pub(super) const INPUTS: usize = 16;
/// One input of constant strength, so that a mixer can learn what no counter knows.
pub(super) const BIAS: i16 = 256;
/// Strongest opinion: logarithm of the odds, in 1/256.
pub(super) const SURE: i32 = 2047;

/// Log odds of a probability of 4096: the inverse of [`squash`].
static STRETCH: [i16; 4096] = stretches();
/// How far a counter moves towards a bit after `n` bits: 65536 / (n + 1.6).
static RATES: [i32; 128] = rates();

/// Probability (of 4096) of log odds.
#[inline]
pub(super) const fn squash(odds: i32) -> i32 {
    const CURVE: [i32; 33] = [
        1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607,
        3785, 3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094,
    ];
    if odds > SURE {
        return 4095;
    }
    if odds < -SURE {
        return 0;
    }
    let part = odds & 127;
    let at = ((odds >> 7) + 16) as usize;
    (CURVE[at] * (128 - part) + CURVE[at + 1] * part + 64) >> 7
}

const fn stretches() -> [i16; 4096] {
    let mut out = [SURE as i16; 4096];
    let mut next = 0;
    let mut odds = -SURE;
    while odds <= SURE {
        let p = squash(odds) as usize;
        while next <= p {
            out[next] = odds as i16;
            next += 1;
        }
        odds += 1;
    }
    out
}

const fn rates() -> [i32; 128] {
    let mut out = [0; 128];
    let mut n = 0;
    while n < out.len() {
        out[n] = 655_360 / (n as i32 * 10 + 16);
        n += 1;
    }
    out
}

/// A bit's probability with 22 bits of precision and how often it was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter(u32);

impl Counter {
    pub(super) const NEW: Self = Self(1 << 31);

    /// Starts with an opinion: `percent`, as if seen `n` times.
    pub(super) const fn with(percent: u32, n: u32) -> Self {
        Self(((percent << 22) / 100) << 10 | n)
    }

    #[inline]
    pub(super) fn seen(self) -> bool {
        self.0 & 1023 != 0
    }

    /// The probability, of 4194304.
    #[inline]
    pub(super) fn p22(self) -> u32 {
        self.0 >> 10
    }

    /// The probability, of 65536, kept off the ends.
    #[inline]
    pub(super) fn p16(self) -> u32 {
        (self.0 >> 16).clamp(64, 65536 - 64)
    }

    #[inline]
    pub(super) fn odds(self) -> i16 {
        STRETCH[(self.0 >> 20) as usize]
    }

    /// Learns; after `limit` bits (below 128) the newest weighs `1 / limit` for ever.
    #[inline]
    pub(super) fn learn(&mut self, bit: u32, limit: u32) {
        let n = self.0 & 1023;
        let p = self.p22() as i32;
        let miss = ((bit as i32) << 22) - p;
        let moved = p + ((i64::from(miss) * i64::from(RATES[(n & 127) as usize])) >> 16) as i32;
        self.0 = (moved.clamp(1, (1 << 22) - 1) as u32) << 10 | if n < limit { n + 1 } else { n };
    }
}

/// The same in two bytes: 12 bits of probability, 4 of experience.
#[derive(Debug, Clone, Copy)]
pub(super) struct Small(u16);

impl Small {
    pub(super) const NEW: Self = Self(0x8000);

    #[inline]
    pub(super) fn seen(self) -> bool {
        self.0 & 15 != 0
    }

    #[inline]
    pub(super) fn odds(self) -> i16 {
        STRETCH[usize::from(self.0 >> 4)]
    }

    #[inline]
    pub(super) fn learn(&mut self, bit: u32) {
        const LIMIT: u16 = 12;
        let n = self.0 & 15;
        let p = i32::from(self.0 >> 4);
        let moved = p + ((((bit as i32) * 4095 - p) * RATES[usize::from(n)] + 0x8000) >> 16);
        self.0 = (moved as u16) << 4 | if n < LIMIT { n + 1 } else { n };
    }
}

/// What the counters say, as log odds. Sixteen bits each, so that a processor multiplies eight at once.
pub(super) type Inputs = [i16; INPUTS];

/// Sets of weights; which set weighs is chosen by a small context.
#[derive(Debug)]
pub(super) struct Mixer {
    weights: Vec<Inputs>,
    slowness: u32,
}

/// A weight of one.
const ONE: i16 = 1 << 13;

impl Mixer {
    /// Weights move by an error's `1 / 2^slowness`.
    pub(super) fn new(sets: usize, slowness: u32) -> Self {
        Self { weights: vec![[ONE / 14 * 3; INPUTS]; sets], slowness }
    }

    /// The weighed sum: log odds.
    #[inline]
    pub(super) fn mix(&self, set: usize, inputs: &Inputs) -> i32 {
        // 16 products of at most 2^11 * 2^15 stay below 2^31.
        let products =
            self.weights[set].iter().zip(inputs).map(|(w, input)| i32::from(*w) * i32::from(*input));
        (products.sum::<i32>() >> 13).clamp(-SURE, SURE)
    }

    /// Moves the weights towards what would have been right.
    #[inline]
    pub(super) fn learn(&mut self, set: usize, inputs: &Inputs, odds: i32, bit: u32) {
        // Within 4095 of zero, so it fits.
        let error = (bit as i32 * 4095 - squash(odds)) as i16;
        let (slowness, half) = (self.slowness, 1 << (self.slowness - 1));
        for (weight, input) in self.weights[set].iter_mut().zip(inputs) {
            let step = (i32::from(*input) * i32::from(error) + half) >> slowness;
            *weight = (i32::from(*weight) + step).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}

/// The coder's probability (of 65536) from two mixers' log odds.
#[inline]
pub(super) fn agreed(a: i32, b: i32) -> u32 {
    let p = squash((a + b) >> 1) as u32 * 16 + 8;
    p.clamp(24, 65536 - 24)
}

/// Scrambles two numbers into one.
#[inline]
pub(super) fn hash(a: u32, b: u32) -> u32 {
    let mixed = a.wrapping_mul(0x9E37_79B1) ^ b.wrapping_mul(0x85EB_CA6B).rotate_left(13);
    (mixed ^ mixed >> 15).wrapping_mul(0xC2B2_AE35)
}
