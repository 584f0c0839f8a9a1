//! The relay's clock, as it is told by pings: the answer that came back fastest knows best.
//!
//! An answer says what the relay's clock showed somewhere between asking and hearing; half the way is the best
//! guess, wrong by half the round trip at most. What is shown moves to a better guess slowly, so that a game's
//! interpolation sees no jump.

use std::collections::VecDeque;

/// Answers that are remembered: half a minute of them.
const SAMPLES_MAX: usize = 32;
/// How far the shown clock moves in a second, in microseconds: a hundredth, below what players see.
const SLEW_US_PER_S: i64 = 10_000;
/// A guess farther off is taken at once: the first ones, or a device that slept.
const STEP_US: i64 = 100_000;
/// Weight of a new round trip in the smoothed one (RFC 6298).
const RTT_WEIGHT: u64 = 8;

#[derive(Debug, Clone, Copy)]
struct Sample {
    rtt_us: u64,
    offset_us: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Clock {
    samples: VecDeque<Sample>,
    smoothed_rtt_us: Option<u64>,
    /// Relay's time less ours: as shown, and since when.
    shown: Option<(i64, u64)>,
    target_us: i64,
}

impl Clock {
    /// An answer to a ping that was sent at `sent_us` on our clock.
    pub(super) fn answer(&mut self, sent_us: u64, server_us: u64, now_us: u64) {
        let Some(rtt_us) = now_us.checked_sub(sent_us) else { return };
        let middle_us = sent_us + rtt_us / 2;
        let offset_us = (server_us as i64).wrapping_sub(middle_us as i64);
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { rtt_us, offset_us });
        let smoothed =
            self.smoothed_rtt_us.map_or(rtt_us, |old| (old * (RTT_WEIGHT - 1) + rtt_us) / RTT_WEIGHT);
        self.smoothed_rtt_us = Some(smoothed);
        let best =
            self.samples.iter().min_by_key(|sample| sample.rtt_us).map_or(offset_us, |best| best.offset_us);
        self.aim(best, now_us);
    }

    /// The clock of another relay begins: what was known of the one before says nothing.
    pub(super) fn begin(&mut self, server_us: u64, rtt_us: u64, now_us: u64) {
        self.samples.clear();
        self.shown = None;
        self.answer(now_us.saturating_sub(rtt_us), server_us, now_us);
    }

    /// The relay's time at a time of ours; `None` before the first answer.
    pub(super) fn server_us(&self, now_us: u64) -> Option<u64> {
        let offset_us = self.offset_us(now_us)?;
        Some((now_us as i64).wrapping_add(offset_us).max(0) as u64)
    }

    /// The round trip, smoothed.
    pub(super) fn rtt_us(&self) -> Option<u64> {
        self.smoothed_rtt_us
    }

    fn aim(&mut self, target_us: i64, now_us: u64) {
        let shown = match self.offset_us(now_us) {
            Some(shown) if (target_us - shown).abs() <= STEP_US => shown,
            _ => target_us,
        };
        self.shown = Some((shown, now_us));
        self.target_us = target_us;
    }

    fn offset_us(&self, now_us: u64) -> Option<i64> {
        let (shown, since_us) = self.shown?;
        let elapsed_us = now_us.saturating_sub(since_us).min(i64::MAX as u64 / 2) as i64;
        let reach = elapsed_us.saturating_mul(SLEW_US_PER_S) / 1_000_000;
        Some(shown + (self.target_us - shown).clamp(-reach, reach))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relay began this much before us.
    const OFFSET: u64 = 5_000_000;

    #[test]
    fn the_fastest_answer_knows_best() {
        let mut clock = Clock::default();
        clock.begin(OFFSET + 40_000, 80_000, 80_000);
        assert_eq!(clock.server_us(80_000), Some(OFFSET + 80_000));
        // A late answer: 200 ms on the way back. Wrong by 90 ms, and not believed.
        clock.answer(1_000_000, OFFSET + 1_010_000, 1_210_000);
        assert_eq!(clock.server_us(1_300_000), Some(OFFSET + 1_300_000));
        // A fast one tells of 10 ms more: the clock goes there without a jump.
        clock.answer(2_000_000, OFFSET + 2_011_000, 2_002_000);
        let shown = clock.server_us(2_002_000).unwrap();
        assert!(shown.abs_diff(OFFSET + 2_002_000) < 100, "{shown}");
        assert_eq!(clock.server_us(12_000_000), Some(OFFSET + 12_010_000));
    }

    #[test]
    fn shown_time_never_runs_back() {
        let mut clock = Clock::default();
        clock.begin(OFFSET, 100_000, 100_000);
        let mut last = 0;
        for at in 0..2_000_u64 {
            let now = 200_000 + at * 10_000;
            if at % 50 == 0 {
                let rtt = 100_000 - at * 40;
                clock.answer(now - rtt, OFFSET + now - rtt / 3, now);
            }
            let shown = clock.server_us(now).unwrap();
            assert!(shown >= last, "{shown} after {last}");
            last = shown;
        }
    }

    #[test]
    fn an_answer_from_the_future_is_nothing() {
        let mut clock = Clock::default();
        clock.answer(10, 0, 5);
        assert_eq!(clock.server_us(20), None);
        assert_eq!(clock.rtt_us(), None);
    }
}
