//! Attempts counted per key: the generic cell rate algorithm (ITU-T I.371), bounded in keys.

use super::config::{LIMITER_KEYS_MAX, LimitsConfig};
use quick_cache::sync::Cache;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// So many at once, then one per interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    burst: i64,
    interval_ms: i64,
}

impl Rate {
    fn new(burst: u32, interval_s: u32) -> Rate {
        Rate { burst: i64::from(burst.max(1)), interval_ms: i64::from(interval_s.max(1)) * 1000 }
    }
}

/// The kinds of attempts, each with its rate.
#[derive(Debug)]
pub(crate) struct Rates {
    pub(crate) account: Rate,
    pub(crate) address: Rate,
    pub(crate) registration: Rate,
}

impl Rates {
    pub(crate) fn new(config: &LimitsConfig) -> Rates {
        Rates {
            account: Rate::new(config.login_failures_per_account, config.login_failure_per_account_s),
            address: Rate::new(config.login_failures_per_address, config.login_failure_per_address_s),
            registration: Rate::new(config.registrations_per_address, config.registration_per_address_s),
        }
    }
}

/// Counts attempts. Keys are hashed with a secret seed, so nobody can aim at another's counter.
#[derive(Debug)]
pub(crate) struct Limiter {
    arrivals: Cache<u64, Arc<AtomicI64>>,
    seed: RandomState,
}

impl Default for Limiter {
    fn default() -> Limiter {
        Limiter { arrivals: Cache::new(LIMITER_KEYS_MAX), seed: RandomState::new() }
    }
}

impl Limiter {
    /// Takes one attempt; refused with the seconds to wait. Taken before the attempt is made, so that
    /// attempts made at once cannot all pass, and given back when it turns out well.
    pub(crate) fn take(&self, key: impl Hash, rate: Rate, now_ms: i64) -> Result<(), u64> {
        let arrival = self.arrival(key);
        let mut seen = arrival.load(Ordering::Relaxed);
        loop {
            let next = seen.max(now_ms) + rate.interval_ms;
            let over_ms = next - now_ms - rate.burst * rate.interval_ms;
            if over_ms > 0 {
                return Err(over_ms.unsigned_abs().div_ceil(1000));
            }
            match arrival.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(current) => seen = current,
            }
        }
    }

    /// Gives an attempt back.
    pub(crate) fn give_back(&self, key: impl Hash, rate: Rate) {
        self.arrival(key).fetch_sub(rate.interval_ms, Ordering::Relaxed);
    }

    fn arrival(&self, key: impl Hash) -> Arc<AtomicI64> {
        let key = self.seed.hash_one(key);
        let made =
            self.arrivals.get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::default()));
        match made {
            Ok(arrival) => arrival,
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let limiter = Limiter::default();
        let rate = Rate::new(3, 10);
        let takes: Vec<_> = (0..4).map(|_| limiter.take("a", rate, 1_000_000)).collect();
        assert_eq!(takes, [Ok(()), Ok(()), Ok(()), Err(10)]);
        assert_eq!(limiter.take("b", rate, 1_000_000), Ok(()));
        assert_eq!(limiter.take("a", rate, 1_010_000), Ok(()));
        assert_eq!(limiter.take("a", rate, 1_010_000), Err(10));
        limiter.give_back("a", rate);
        assert_eq!(limiter.take("a", rate, 1_010_000), Ok(()));
    }
}
