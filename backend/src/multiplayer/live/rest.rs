//! A busy shard rests a moment before it sleeps, so that what comes meanwhile wakes it once and not packet by packet.
//!
//! Waking costs more than what most packets want done, and states wait for their tick anyway. Network cards moderate
//! their interrupts for the same reason. A shard with little to do never rests, so that a few players feel nothing.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a busy shard rests: far below a tick, and what an urgent message is late at most.
const REST: Duration = Duration::from_millis(6);
/// How often it is decided whether the shard is busy.
const WINDOW_US: u64 = 100_000;
/// Sleeps in a window from which on it is: four rooms of eight players cause as many.
const BUSY_SLEEPS: u32 = 60;
/// Sleeps in a window, each with a rest before it, below which it is not any more: half of that, without the rests.
const QUIET_SLEEPS: u32 = 9;

/// Whether a shard rests. Its thread alone uses it; the runtime wants it shareable.
#[derive(Debug)]
pub(super) struct Rest {
    start: Instant,
    window_us: AtomicU64,
    sleeps: AtomicU32,
    is_busy: AtomicBool,
    /// When the shard has something to do in any case.
    due_us: AtomicU64,
}

impl Rest {
    /// Of a shard whose time begins then.
    pub(super) fn new(start: Instant) -> Rest {
        Rest {
            start,
            window_us: AtomicU64::new(0),
            sleeps: AtomicU32::new(0),
            is_busy: AtomicBool::new(false),
            due_us: AtomicU64::new(u64::MAX),
        }
    }

    /// No rest lasts longer than until then: ticks are on time.
    pub(super) fn until(&self, due_us: u64) {
        self.due_us.store(due_us, Ordering::Relaxed);
    }

    /// To be called when the thread has nothing to do.
    pub(super) fn before_sleep(&self) {
        let now_us = self.start.elapsed().as_micros() as u64;
        if self.is_due(now_us) {
            let left = Duration::from_micros(self.due_us.load(Ordering::Relaxed).saturating_sub(now_us));
            std::thread::sleep(REST.min(left));
        }
    }

    /// Whether to rest before this sleep.
    fn is_due(&self, now_us: u64) -> bool {
        let sleeps = self.sleeps.fetch_add(1, Ordering::Relaxed) + 1;
        let since_us = now_us.saturating_sub(self.window_us.load(Ordering::Relaxed));
        if since_us >= WINDOW_US {
            // Who slept for long had little to do.
            let sleeps = u64::from(sleeps) * WINDOW_US / since_us;
            let least = if self.is_busy.load(Ordering::Relaxed) { QUIET_SLEEPS } else { BUSY_SLEEPS };
            self.is_busy.store(sleeps >= u64::from(least), Ordering::Relaxed);
            self.window_us.store(now_us, Ordering::Relaxed);
            self.sleeps.store(0, Ordering::Relaxed);
        }
        self.is_busy.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a second's sleeps have a rest, when one comes every so many microseconds and rests make it later.
    fn rests(rest: &Rest, from_us: u64, every_us: u64) -> usize {
        let mut now_us = from_us;
        let mut rests = 0;
        while now_us < from_us + 1_000_000 {
            let is_due = rest.is_due(now_us);
            rests += usize::from(is_due);
            now_us += if is_due { REST.as_micros() as u64 + every_us } else { every_us };
        }
        rests
    }

    #[test]
    fn only_who_is_busy_rests() {
        let rest = Rest::new(Instant::now());
        assert_eq!(rests(&rest, 0, 5_000), 0, "200 sleeps a second are few");
        assert!(rests(&rest, 1_000_000, 300) > 130, "3,300 are many");
        assert!(rests(&rest, 2_000_000, 2_500) > 100, "still enough to do");
        assert!(rests(&rest, 3_000_000, 10_000) < 10, "100 are few again");
        assert_eq!(rests(&rest, 60_000_000, 5_000), 0);
    }
}
