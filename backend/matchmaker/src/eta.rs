//! How long players wait, told from those who waited: quantiles of live data, by mode and rating, that fade.
//!
//! For each bucket a histogram over waits of equal ratios, whose counts fade exponentially with time. Where a
//! bucket knows too little, those of neighbouring ratings help, then the whole mode.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The smallest wait that is told from none.
const WAIT_MIN_MS: f64 = 250.0;
/// Each bin is longer than the one before by this ratio: an estimate is within a tenth.
const RATIO: f64 = 1.2;
/// Bins: the last is for everything past an hour.
const BINS: usize = 54;
/// After this time an observation counts half.
const HALF_LIFE_MS: f64 = 10.0 * 60_000.0;
/// Rating points of a bucket.
const BUCKET_RATING: f64 = 200.0;
/// Buckets; when there are more, those that know least are forgotten.
const BUCKETS_MAX: usize = 4_096;
/// Observations, faded, that an estimate needs.
const SEEN_MIN: f64 = 8.0;

/// What a player is told.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct EtaEstimate {
    /// Half of such players waited at most this long.
    pub p50_ms: i64,
    /// Nine of ten.
    pub p90_ms: i64,
    /// From how many recent waits it is told.
    pub seen: u32,
}

#[derive(Clone, Debug)]
struct Waits {
    bins: [f32; BINS],
    seen: f64,
    at_ms: i64,
}

/// The waits of a queue's players.
#[derive(Clone, Debug, Default)]
pub struct Eta {
    buckets: HashMap<(String, i32), Waits>,
}

impl Eta {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody was matched after a wait, or gave up: then `waited_ms` is what he would not wait.
    pub fn observe(&mut self, mode: &str, rating: f64, waited_ms: i64, now_ms: i64) {
        if self.buckets.len() >= BUCKETS_MAX {
            self.forget(now_ms);
        }
        let key = (mode.to_owned(), bucket(rating));
        let waits = self.buckets.entry(key).or_insert(Waits { bins: [0.0; BINS], seen: 0.0, at_ms: now_ms });
        let kept = waits.fade(now_ms);
        waits.bins.iter_mut().for_each(|bin| *bin *= kept as f32);
        waits.seen = waits.seen * kept + 1.0;
        waits.at_ms = waits.at_ms.max(now_ms);
        waits.bins[bin(waited_ms)] += 1.0;
    }

    /// How long a player of a mode and rating will wait; none if too little is known.
    #[must_use]
    pub fn estimate(&self, mode: &str, rating: f64, now_ms: i64) -> Option<EtaEstimate> {
        let own = bucket(rating);
        let near = [0, 1].map(|reach| self.sum(mode, now_ms, |other| (other - own).abs() <= reach));
        let all = || self.sum(mode, now_ms, |_| true);
        let known = near.into_iter().find(|(_, seen)| *seen >= SEEN_MIN).or_else(|| Some(all()));
        let (bins, seen) = known.filter(|(_, seen)| *seen >= SEEN_MIN)?;
        Some(EtaEstimate { p50_ms: quantile(&bins, 0.5), p90_ms: quantile(&bins, 0.9), seen: seen as u32 })
    }

    fn sum(&self, mode: &str, now_ms: i64, of: impl Fn(i32) -> bool) -> ([f64; BINS], f64) {
        let (mut bins, mut seen) = ([0.0; BINS], 0.0);
        for ((_, _), waits) in self.buckets.iter().filter(|((name, bucket), _)| name == mode && of(*bucket)) {
            let kept = waits.fade(now_ms);
            seen += waits.seen * kept;
            bins.iter_mut().zip(&waits.bins).for_each(|(sum, bin)| *sum += kept * f64::from(*bin));
        }
        (bins, seen)
    }

    /// Forgets the half of the buckets that know least.
    fn forget(&mut self, now_ms: i64) {
        let mut seen: Vec<f64> = self.buckets.values().map(|waits| waits.seen * waits.fade(now_ms)).collect();
        seen.sort_by(f64::total_cmp);
        let median = seen.get(seen.len() / 2).copied().unwrap_or(0.0);
        let mut left = seen.len() / 2;
        self.buckets.retain(|_, waits| {
            let keep = waits.seen * waits.fade(now_ms) > median || left == 0;
            left -= usize::from(!keep);
            keep
        });
    }
}

impl Waits {
    fn fade(&self, now_ms: i64) -> f64 {
        (-((now_ms - self.at_ms).max(0) as f64) / HALF_LIFE_MS).exp2()
    }
}

fn bucket(rating: f64) -> i32 {
    (rating / BUCKET_RATING).floor() as i32
}

fn bin(waited_ms: i64) -> usize {
    let ratio = waited_ms.max(0) as f64 / WAIT_MIN_MS;
    if ratio < 1.0 { 0 } else { (1.0 + ratio.ln() / RATIO.ln()).min((BINS - 1) as f64) as usize }
}

/// The wait below which a share lies, within its bin in proportion.
fn quantile(bins: &[f64; BINS], share: f64) -> i64 {
    let all: f64 = bins.iter().sum();
    let mut before = 0.0;
    for (n, count) in bins.iter().enumerate() {
        if before + count >= share * all && *count > 0.0 {
            let low = if n == 0 { 0.0 } else { WAIT_MIN_MS * RATIO.powi(n as i32 - 1) };
            let high = WAIT_MIN_MS * RATIO.powi(n as i32);
            return (low + (high - low) * (share * all - before) / count) as i64;
        }
        before += count;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_the_quantiles_of_what_was_waited() {
        let mut eta = Eta::new();
        assert_eq!(eta.estimate("duel", 1500.0, 0), None);
        for n in 1..=100 {
            eta.observe("duel", 1500.0, n * 100, 1_000);
        }
        let told = eta.estimate("duel", 1550.0, 1_000).unwrap();
        assert!((4_500..=5_500).contains(&told.p50_ms), "{told:?}");
        assert!((8_100..=9_900).contains(&told.p90_ms), "{told:?}");
        assert_eq!(eta.estimate("other", 1550.0, 1_000), None);
        // A rating of which nothing is known is told what holds for the mode.
        assert_eq!(eta.estimate("duel", 2900.0, 1_000).unwrap().seen, 100);
    }

    #[test]
    fn the_past_fades() {
        let mut eta = Eta::new();
        (0..100).for_each(|_| eta.observe("duel", 1500.0, 60_000, 0));
        let later = 2 * 60 * 60_000;
        assert_eq!(eta.estimate("duel", 1500.0, later), None);
        (0..20).for_each(|_| eta.observe("duel", 1500.0, 1_000, later));
        assert!(eta.estimate("duel", 1500.0, later).unwrap().p90_ms < 2_000);
    }

    #[test]
    fn buckets_are_bounded() {
        let mut eta = Eta::new();
        for n in 0..20_000 {
            eta.observe(&format!("mode {n}"), 1500.0, 1_000, n);
        }
        assert!(eta.buckets.len() <= BUCKETS_MAX);
    }
}
