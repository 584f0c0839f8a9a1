//! What deflating would cost, before it is done: zlib's slow levels follow long chains of places with equal
//! bytes, and content made for it keeps them busy for minutes.
//!
//! An upper bound, by the lengths of those chains. Both sides refuse the same content, so nothing is packed
//! that cannot be unpacked.

const WINDOW: usize = 32 * 1024;
const HASH_LOG: u32 = 15;
/// Longest match, and so the one that ends a search at once.
const MATCH_MAX: usize = 258;
/// Inside a match of this length zlib follows a quarter of the chain only, whether it keeps it or not.
const GOOD: usize = 32;
/// Steps along chains in all, two nanoseconds each at worst: half a second.
const STEPS_MAX: usize = 330_000_000;
/// How far zlib follows a chain at each of its levels.
const CHAIN_MAX: [usize; 10] = [0, 4, 8, 32, 16, 32, 128, 256, 1024, 4096];

/// Can the content be afforded, deflated in pieces of this length each on its own?
pub(super) fn affordable(content: &[u8], piece_len: usize, level: u8) -> bool {
    let Some(&chain_max) = CHAIN_MAX.get(usize::from(level)) else { return false };
    // At most so many steps a byte: most content needs no closer look.
    if content.len().saturating_mul(chain_max + 1) <= STEPS_MAX {
        return true;
    }
    let mut left = STEPS_MAX;
    let mut chains = Chains { counts: vec![0; 1 << HASH_LOG], last: vec![0; 1 << HASH_LOG] };
    content.chunks(piece_len.max(1)).all(|piece| {
        let rest = left.checked_sub(chains.steps(piece, chain_max, left));
        left = rest.unwrap_or(0);
        rest.is_some()
    })
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
        let (mut at, mut steps, mut good_until) = (0, 0, 0);
        while at + 3 <= content.len() && steps <= enough {
            let hash = hash(content, at);
            let ahead = &content[at..content.len().min(at + MATCH_MAX)];
            let last = (self.last[hash] as usize).checked_sub(1).filter(|last| last + WINDOW > at);
            let len = last.map_or(0, |last| common(&content[last..], ahead));
            let mut next = at + 1;
            if len == MATCH_MAX {
                steps += 1;
                next = at + MATCH_MAX;
            } else {
                let chain = usize::from(self.counts[hash]).min(chain_max);
                steps += if at < good_until { chain / 4 } else { chain } + 1;
            }
            if len >= GOOD {
                good_until = good_until.max(at + len);
            }
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

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// As zlib's, so that the same places share a chain.
fn hash(content: &[u8], at: usize) -> usize {
    let [a, b, c] = [content[at], content[at + 1], content[at + 2]].map(usize::from);
    (a << 10 ^ b << 5 ^ c) & ((1 << HASH_LOG) - 1)
}
