//! A fast hasher for looking up keys and items of one merge.
//!
//! What is hashed is the player's own save, merged on the player's own device: nobody else can slow it down
//! by choosing keys, so the standard library's keyed hash is not needed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// The odd number closest to 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Default)]
pub(super) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (product as u64) ^ ((product >> 64) as u64).wrapping_add(FACTOR);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64) << 56;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        // The last eight bytes once more, partly, are quicker than a word of its own for the rest.
        let last = match bytes.last_chunk::<8>() {
            Some(last) => u64::from_le_bytes(*last),
            None => rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
        };
        self.add(last ^ length);
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_u32(&mut self, int: u32) {
        self.add(int.into());
    }

    fn write_u64(&mut self, int: u64) {
        self.add(int);
    }

    fn write_i64(&mut self, int: i64) {
        self.add(int.cast_unsigned());
    }

    fn write_usize(&mut self, int: usize) {
        self.add(int as u64);
    }

    fn write_isize(&mut self, int: isize) {
        self.add(int.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
