//! Attempts counted per key: the generic cell rate algorithm (ITU-T I.371), bounded in keys.
//!
//! A login counts from when it begins, so that guesses made at once cannot all pass, and is forgiven when it
//! turns out well. Those that find the allowance taken by attempts still under way wait for their outcome.

use super::config::{LIMITER_KEYS_MAX, LimitsConfig};
use crate::context::now_ms;
use quick_cache::sync::Cache;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long an attempt waits for others of its key: a full hashing queue is done by then.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// So many at once, then one per interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    burst: i64,
    interval_ms: i64,
}

impl Rate {
    pub(crate) const fn of(burst: i64, interval_ms: i64) -> Rate {
        Rate { burst, interval_ms }
    }

    pub(crate) fn new(burst: u32, interval_s: u32) -> Rate {
        Rate { burst: i64::from(burst.max(1)), interval_ms: i64::from(interval_s.max(1)) * 1000 }
    }
}

/// The kinds of attempts, each with its rate.
#[derive(Debug)]
pub(crate) struct Rates {
    pub(crate) account: Rate,
    pub(crate) address: Rate,
    pub(crate) registration: Rate,
    pub(crate) forgot: Rate,
}

impl Rates {
    pub(crate) fn new(config: &LimitsConfig) -> Rates {
        Rates {
            account: Rate::new(config.login_failures_per_account, config.login_failure_per_account_s),
            address: Rate::new(config.login_failures_per_address, config.login_failure_per_address_s),
            registration: Rate::new(config.registrations_per_address, config.registration_per_address_s),
            forgot: Rate::new(config.resets_per_address, config.reset_per_address_s),
        }
    }
}

/// What is known of a key.
#[derive(Debug, Default)]
struct Bucket {
    /// When the allowance is whole again, in milliseconds.
    whole_at_ms: AtomicI64,
    under_way: AtomicUsize,
    settled: Notify,
}

impl Bucket {
    fn take(&self, rate: Rate, now_ms: i64) -> Result<(), u64> {
        let take = |seen: i64| {
            // A clock that was set back must not keep everybody waiting until it has caught up.
            let seen = seen.min(now_ms + rate.burst * rate.interval_ms);
            let next = seen.max(now_ms) + rate.interval_ms;
            (next - now_ms <= rate.burst * rate.interval_ms).then_some(next)
        };
        match self.whole_at_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(seen) => {
                let over_ms = seen + rate.interval_ms - now_ms - rate.burst * rate.interval_ms;
                Err(over_ms.unsigned_abs().div_ceil(1000))
            }
        }
    }
}

/// An attempt under way. It counts, unless it is forgiven.
#[derive(Debug)]
pub(crate) struct Attempt {
    bucket: Arc<Bucket>,
    rate: Rate,
}

impl Attempt {
    /// It turned out well, or taught nobody anything.
    pub(crate) fn forgive(self) {
        self.bucket.whole_at_ms.fetch_sub(self.rate.interval_ms, Ordering::Relaxed);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.bucket.under_way.fetch_sub(1, Ordering::Relaxed);
        self.bucket.settled.notify_waiters();
    }
}

/// Counts attempts. Keys are hashed with a secret seed, so nobody can aim at another's counter.
#[derive(Debug)]
pub(crate) struct Limiter {
    buckets: Cache<u64, Arc<Bucket>>,
    seed: RandomState,
}

impl Default for Limiter {
    fn default() -> Limiter {
        Limiter { buckets: Cache::new(LIMITER_KEYS_MAX), seed: RandomState::new() }
    }
}

impl Limiter {
    /// Takes one attempt for good; refused with the seconds to wait.
    pub(crate) fn take(&self, key: impl Hash, rate: Rate, now_ms: i64) -> Result<(), u64> {
        self.bucket(key).take(rate, now_ms)
    }

    /// Counts one more, without refusing.
    pub(crate) fn count(&self, key: impl Hash, rate: Rate, now_ms: i64) {
        let counted = |seen: i64| Some(seen.max(now_ms) + rate.interval_ms);
        let _ = self.bucket(key).whole_at_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
    }

    /// How many are counted and not yet forgotten.
    pub(crate) fn level(&self, key: impl Hash, rate: Rate, now_ms: i64) -> i64 {
        let whole_at_ms = self.bucket(key).whole_at_ms.load(Ordering::Relaxed);
        ((whole_at_ms - now_ms).max(0) + rate.interval_ms - 1) / rate.interval_ms
    }

    /// Begins an attempt; refused with the seconds to wait.
    pub(crate) async fn begin(&self, key: impl Hash, rate: Rate) -> Result<Attempt, u64> {
        let bucket = self.bucket(key);
        let give_up = tokio::time::Instant::now() + WAIT_MAX;
        loop {
            let settled = bucket.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let wait_s = match bucket.take(rate, now_ms()) {
                Ok(()) => {
                    bucket.under_way.fetch_add(1, Ordering::Relaxed);
                    return Ok(Attempt { bucket: bucket.clone(), rate });
                }
                Err(wait_s) => wait_s,
            };
            let alone = bucket.under_way.load(Ordering::Relaxed) == 0;
            if alone || tokio::time::timeout_at(give_up, settled).await.is_err() {
                return Err(wait_s);
            }
        }
    }

    fn bucket(&self, key: impl Hash) -> Arc<Bucket> {
        let key = self.seed.hash_one(key);
        let made =
            self.buckets.get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(Arc::default()));
        match made {
            Ok(bucket) => bucket,
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let limiter = Limiter::default();
        let rate = Rate::new(3, 10);
        let takes: Vec<_> = (0..4).map(|_| limiter.take("a", rate, 1_000_000)).collect();
        assert_eq!(takes, [Ok(()), Ok(()), Ok(()), Err(10)]);
        assert_eq!(limiter.take("b", rate, 1_000_000), Ok(()));
        assert_eq!(limiter.take("a", rate, 1_010_000), Ok(()));
        assert_eq!(limiter.take("a", rate, 1_010_000), Err(10));
    }

    #[tokio::test]
    async fn an_attempt_waits_for_those_under_way_and_forgiven_ones_do_not_count() {
        let limiter = Limiter::default();
        let rate = Rate::new(2, 1000);
        let first = limiter.begin("a", rate).await.unwrap();
        let second = limiter.begin("a", rate).await.unwrap();
        let mut third = Box::pin(limiter.begin("a", rate));
        assert!((&mut third).now_or_never().is_none(), "its allowance is taken by two that are under way");
        first.forgive();
        let third = third.await.unwrap();
        drop(second);
        drop(third);
        assert!(limiter.begin("a", rate).await.is_err(), "two failures are the whole allowance");
    }
}
