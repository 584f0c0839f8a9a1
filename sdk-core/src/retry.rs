//! When a failed request is repeated: pure decisions and a budget.
//!
//! Waiting times grow and are spread evenly from zero up (full jitter), so that clients who failed
//! together do not come back together. The budget ties retries to a tenth of the requests: a backend in
//! trouble never sees more than 10 % on top.

use crate::Error;
use aethex_wire::ErrorCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Tries of one request, the first included: more only delays the answer to the player.
pub(crate) const ATTEMPTS_MAX: u32 = 3;
/// First waiting time, before jitter.
const BACKOFF_BASE: Duration = Duration::from_millis(200);
/// Longest waiting time within one request, before jitter.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// First and longest pause between rounds of background sending, before jitter. A minute keeps an offline
/// game's radio and battery quiet; a new save or a changed connection ends the pause early.
const PAUSE_BASE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A longer wish of the server is handed to the caller instead of waited for.
const RETRY_AFTER_WAIT_MAX: Duration = Duration::from_secs(5);

/// Whether a request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Repeating changes nothing: reads, and writes with an idempotency key.
    Safe,
    /// Only when the server surely did nothing: it was not reached, or refused for load.
    IfUndone,
}

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// The connection was never made.
    pub(crate) unsent: bool,
}

/// How long to wait before the next attempt; `None` to give up. `fraction` is random in `0.0..1.0`.
pub(crate) fn decide(repeat: Repeat, attempt: u32, failure: &Failure, fraction: f64) -> Option<Duration> {
    let error = &failure.error;
    if !error.retryable || attempt >= ATTEMPTS_MAX {
        return None;
    }
    let undone = failure.unsent || matches!(error.code, ErrorCode::RateLimited | ErrorCode::Overloaded);
    if repeat == Repeat::IfUndone && !undone {
        return None;
    }
    let jitter = backoff(BACKOFF_BASE, BACKOFF_MAX, attempt, fraction);
    match error.retry_after {
        Some(wish) if wish > RETRY_AFTER_WAIT_MAX => None,
        Some(wish) => Some(wish + jitter),
        None => Some(jitter),
    }
}

/// How long background sending pauses after this many failed rounds in a row.
pub(crate) fn pause(rounds: u32, error: &Error, fraction: f64) -> Duration {
    let jitter = backoff(PAUSE_BASE, PAUSE_MAX, rounds, fraction);
    error.retry_after.map_or(jitter, |wish| wish + jitter)
}

fn backoff(base: Duration, max: Duration, attempt: u32, fraction: f64) -> Duration {
    let grown = base.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    grown.min(max).mul_f64(fraction)
}

/// Tenths of a retry that are saved up.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

/// What a retry costs; a request pays in one.
const RETRY_COST: u32 = 10;
/// Retries allowed at the start, before any request paid in: a first call on a shaky network.
const BUDGET_START: u32 = 5 * RETRY_COST;
/// Most retries saved up.
const BUDGET_MAX: u32 = 10 * RETRY_COST;

impl Default for Budget {
    fn default() -> Budget {
        Budget(AtomicU32::new(BUDGET_START))
    }
}

impl Budget {
    /// A request is made.
    pub(crate) fn deposit(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
            (saved < BUDGET_MAX).then(|| saved + 1)
        });
    }

    /// Whether a retry is allowed; if so, it is paid for.
    pub(crate) fn withdraw(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| saved.checked_sub(RETRY_COST))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: ErrorCode, unsent: bool) -> Failure {
        Failure { error: Error::new(code, ""), unsent }
    }

    #[test]
    fn only_harmless_repeats() {
        use ErrorCode::{EmailTaken, Internal, Offline, Overloaded, Timeout};
        for (code, unsent, safe, undone) in [
            (Offline, true, true, true),
            (Offline, false, true, false),
            (Timeout, false, true, false),
            (Internal, false, true, false),
            (Overloaded, false, true, true),
            (EmailTaken, false, false, false),
        ] {
            let failure = failure(code, unsent);
            assert_eq!(decide(Repeat::Safe, 1, &failure, 0.5).is_some(), safe, "{code}");
            assert_eq!(decide(Repeat::IfUndone, 1, &failure, 0.5).is_some(), undone, "{code}");
            assert_eq!(decide(Repeat::Safe, ATTEMPTS_MAX, &failure, 0.5), None);
        }
    }

    #[test]
    fn waits_grow_are_capped_and_jittered() {
        assert_eq!(backoff(PAUSE_BASE, PAUSE_MAX, 1, 0.0), Duration::ZERO);
        assert_eq!(backoff(PAUSE_BASE, PAUSE_MAX, 3, 0.5), Duration::from_secs(2));
        assert_eq!(backoff(PAUSE_BASE, PAUSE_MAX, u32::MAX, 1.0), PAUSE_MAX);
    }

    #[test]
    fn the_servers_wish_is_kept_or_handed_on() {
        let mut failure = failure(ErrorCode::RateLimited, false);
        failure.error.retry_after = Some(Duration::from_secs(2));
        assert!(decide(Repeat::Safe, 1, &failure, 0.9).unwrap() >= Duration::from_secs(2));
        assert!(pause(1, &failure.error, 0.0) >= Duration::from_secs(2));
        failure.error.retry_after = Some(Duration::from_secs(60));
        assert_eq!(decide(Repeat::Safe, 1, &failure, 0.9), None);
    }

    #[test]
    fn retries_stay_a_tenth() {
        let budget = Budget::default();
        let mut retries = 0;
        for _ in 0..1000 {
            budget.deposit();
            retries += u32::from(budget.withdraw());
        }
        assert!((100..=105).contains(&retries), "{retries}");
    }
}
