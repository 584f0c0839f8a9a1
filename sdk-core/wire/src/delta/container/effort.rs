//! What deflating would cost, before it is done: zlib's slow levels follow long chains of places with equal
//! bytes, and content made for it keeps them busy for minutes.
//!
//! An upper bound, by the lengths of those chains. Both sides refuse the same content, so nothing is packed
//! that cannot be unpacked.

const WINDOW: usize = 32 * 1024;
const HASH_LOG: u32 = 15;
/// Longest match, and so the one that ends a search at once.
const MATCH_MAX: usize = 258;
/// Steps along chains in all, some nanosecond each: half a second.
const STEPS_MAX: usize = 400_000_000;
/// How far zlib follows a chain at each of its levels.
const CHAIN_MAX: [usize; 10] = [0, 4, 8, 32, 16, 32, 128, 256, 1024, 4096];

/// Can every piece of the content, deflated on its own, be afforded?
pub(super) fn affordable<'c>(pieces: impl Iterator<Item = &'c [u8]>, level: u8) -> bool {
    let Some(&chain_max) = CHAIN_MAX.get(usize::from(level)) else { return false };
    let mut left = STEPS_MAX;
    let mut chains = Chains { counts: vec![0; 1 << HASH_LOG], last: vec![0; 1 << HASH_LOG] };
    for piece in pieces {
        // At most so many steps a byte: most content needs no closer look.
        let most = piece.len().saturating_mul(chain_max + 1);
        let steps = if most <= left / 8 { most } else { chains.steps(piece, chain_max, left) };
        let Some(rest) = left.checked_sub(steps) else { return false };
        left = rest;
    }
    true
}

#[derive(Debug)]
struct Chains {
    /// Places in the window, by the hash of their three bytes.
    counts: Vec<u16>,
    /// The newest of them, and one more.
    last: Vec<u32>,
}

impl Chains {
    /// Stops counting above `enough`.
    fn steps(&mut self, content: &[u8], chain_max: usize, enough: usize) -> usize {
        self.counts.fill(0);
        self.last.fill(0);
        let (mut at, mut steps) = (0, 0);
        while at + 3 <= content.len() && steps <= enough {
            let hash = hash(content, at);
            let last = self.last[hash] as usize;
            let ahead = content.len().min(at + MATCH_MAX);
            let long = last > 0
                && last - 1 + WINDOW > at
                && ahead - at == MATCH_MAX
                && content[last - 1..last - 1 + MATCH_MAX] == content[at..ahead];
            steps += if long { 1 } else { usize::from(self.counts[hash]).min(chain_max) + 1 };
            let next = if long { at + MATCH_MAX } else { at + 1 };
            (at..next.min(content.len() - 2)).for_each(|place| self.insert(content, place));
            at = next;
        }
        steps
    }

    fn insert(&mut self, content: &[u8], at: usize) {
        let hash = hash(content, at);
        self.counts[hash] += 1;
        self.last[hash] = at as u32 + 1;
        if let Some(left) = at.checked_sub(WINDOW) {
            self.counts[self::hash(content, left)] -= 1;
        }
    }
}

/// As zlib's, so that the same places share a chain.
fn hash(content: &[u8], at: usize) -> usize {
    let [a, b, c] = [content[at], content[at + 1], content[at + 2]].map(usize::from);
    (a << 10 ^ b << 5 ^ c) & ((1 << HASH_LOG) - 1)
}
