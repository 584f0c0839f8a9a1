//! Where a byte stands in its line of text: the line's key, the number of the field, the token so far.

use super::hash;
use crate::delta::walk::is_token;

/// Differences remembered, one a key and field.
const DELTAS: usize = 4096;

/// A quick hash, one byte further.
fn spun(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x9E37_79B1).rotate_left(11)
}

#[derive(Debug)]
pub(super) struct Line {
    /// Hash of the letters up to the first `=` or `:`.
    pub(super) key: u32,
    pub(super) field: u32,
    /// Hash of the token so far.
    pub(super) word: u32,
    keyed: bool,
    deltas: Vec<u8>,
}

impl Default for Line {
    fn default() -> Self {
        Self { key: 0, field: 0, word: 0, keyed: false, deltas: vec![0; DELTAS] }
    }
}

impl Line {
    #[inline]
    pub(super) fn step(&mut self, byte: u8) {
        if byte == b'\n' {
            (self.key, self.field, self.word, self.keyed) = (0, 0, 0, false);
            return;
        }
        if is_token(byte) {
            self.word = spun(self.word, byte);
        } else {
            self.word = 0;
            self.field = self.field.wrapping_add(1);
        }
        if !self.keyed {
            match byte {
                b'=' | b':' => self.keyed = true,
                b'0'..=b'9' => {}
                _ => self.key = spun(self.key, byte),
            }
        }
    }

    /// Steps over a copy.
    pub(super) fn skip(&mut self, bytes: &[u8]) {
        let start = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        // A line longer than this is no line of text: what stands in its middle says enough.
        let start = start.max(bytes.len().saturating_sub(512));
        bytes[start..].iter().for_each(|byte| self.step(*byte));
    }

    /// By how much this field's last told byte differed from the one aside.
    pub(super) fn delta(&self) -> u8 {
        self.deltas[self.delta_at()]
    }

    pub(super) fn learn_delta(&mut self, delta: u8) {
        let at = self.delta_at();
        self.deltas[at] = delta;
    }

    fn delta_at(&self) -> usize {
        hash(self.key.wrapping_mul(3), self.field) as usize % DELTAS
    }
}
