//! A binary arithmetic coder: one bit at a time, with the probability that the model gives it.
//!
//! Both directions implement [`Coder`], so that the model is written once and cannot drift apart.

pub(super) trait Coder {
    /// Codes `bit`, or reads it (then `bit` is ignored). `p` is the probability of a one, of 65536; never 0.
    fn bit(&mut self, bit: u32, p: u32) -> u32;
}

/// Cuts the interval of a range coder: ones get the lower part.
fn middle(low: u32, high: u32, p: u32) -> u32 {
    // The product is below 2^48, so the shifted result fits.
    low + ((u64::from(high - low) * u64::from(p)) >> 16) as u32
}

#[derive(Debug)]
pub(super) struct Writer {
    low: u32,
    high: u32,
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new(out: Vec<u8>) -> Self {
        Self { low: 0, high: u32::MAX, out }
    }

    /// The fewest bytes that decode the same: the reader takes zeros for what is missing at the end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for count in 1..=4 {
            let mask = u32::MAX.checked_shr(8 * count).unwrap_or(0);
            if let Some(value) = self.low.checked_add(mask).map(|value| value & !mask)
                && value <= self.high
            {
                self.out.extend_from_slice(&value.to_be_bytes()[..count as usize]);
                break;
            }
        }
        self.out
    }
}

impl Coder for Writer {
    #[inline]
    fn bit(&mut self, bit: u32, p: u32) -> u32 {
        let middle = middle(self.low, self.high, p);
        if bit == 1 {
            self.high = middle
        } else {
            self.low = middle + 1
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.out.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
        }
        bit
    }
}

#[derive(Debug)]
pub(super) struct Reader<'b> {
    low: u32,
    high: u32,
    value: u32,
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(super) fn new(rest: &'b [u8]) -> Self {
        let mut reader = Self { low: 0, high: u32::MAX, value: 0, rest };
        (0..4).for_each(|_| reader.shift());
        reader
    }

    fn shift(&mut self) {
        let byte = self.rest.split_off_first().copied().unwrap_or(0);
        self.value = self.value << 8 | u32::from(byte);
    }
}

impl Coder for Reader<'_> {
    #[inline]
    fn bit(&mut self, _: u32, p: u32) -> u32 {
        let middle = middle(self.low, self.high, p);
        let bit = u32::from(self.value <= middle);
        if bit == 1 {
            self.high = middle
        } else {
            self.low = middle + 1
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            self.shift();
        }
        bit
    }
}
