//! Decisions about jobs: what an attempt's end means, and how long to wait before the next.

use super::config::{ATTEMPTS_MAX, BACKOFF_FIRST_MS, BACKOFF_MAX_MS, REASON_CHARS_MAX};

/// Why an attempt failed. The reason is kept and logged: say what kind of thing went wrong, never with what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Another attempt may succeed.
    #[error("{0}")]
    Again(String),
    /// No attempt will.
    #[error("{0}")]
    Never(String),
}

impl From<String> for JobError {
    fn from(reason: String) -> JobError {
        JobError::Again(reason)
    }
}

/// What becomes of a job after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Retry { wait_ms: i64, reason: String },
    Bury { reason: String },
}

/// `attempts` counts the one that just ended; `chance` is any random number.
pub(super) fn verdict(ended: Result<(), JobError>, attempts: i64, chance: u64) -> Verdict {
    match ended {
        Ok(()) => Verdict::Done,
        Err(JobError::Never(reason)) => Verdict::Bury { reason: short(&reason) },
        Err(JobError::Again(reason)) if attempts >= ATTEMPTS_MAX => Verdict::Bury { reason: short(&reason) },
        Err(JobError::Again(reason)) => {
            Verdict::Retry { wait_ms: backoff_ms(attempts, chance), reason: short(&reason) }
        }
    }
}

/// Full jitter: anything up to a bound that doubles with each attempt.
fn backoff_ms(attempts: i64, chance: u64) -> i64 {
    let doublings = u32::try_from(attempts - 1).unwrap_or_default().min(32);
    let bound = (BACKOFF_FIRST_MS << doublings).min(BACKOFF_MAX_MS);
    i64::try_from(chance % (bound + 1)).unwrap_or(i64::MAX)
}

/// A reason as it is kept: one short line.
fn short(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bound_doubles_up_to_a_limit() {
        // The largest chance below the modulus shows the bound itself.
        // The last attempt is followed by none.
        let bounds: Vec<u64> = (1..ATTEMPTS_MAX)
            .map(|attempt| {
                let doubled = BACKOFF_FIRST_MS << (attempt - 1).min(32);
                doubled.min(BACKOFF_MAX_MS)
            })
            .collect();
        for (attempt, bound) in (1..).zip(&bounds) {
            assert_eq!(backoff_ms(attempt, *bound), *bound as i64);
            assert_eq!(backoff_ms(attempt, *bound + 1), 0);
        }
        assert_eq!(bounds[0], BACKOFF_FIRST_MS);
        assert_eq!(bounds.last(), Some(&BACKOFF_MAX_MS));
        let day_ms = 25 * 3600 * 1000;
        assert!(bounds.iter().sum::<u64>() < day_ms);
    }

    proptest! {
        #[test]
        fn waits_are_within_their_bounds(attempts in 0i64..i64::MAX, chance: u64) {
            let wait = backoff_ms(attempts, chance);
            prop_assert!((0..=BACKOFF_MAX_MS as i64).contains(&wait));
        }
    }

    #[test]
    fn what_cannot_succeed_or_failed_too_often_is_buried() {
        let again = |attempts| verdict(Err(JobError::Again("down".into())), attempts, 7);
        assert_eq!(verdict(Ok(()), ATTEMPTS_MAX, 0), Verdict::Done);
        assert_eq!(again(1), Verdict::Retry { wait_ms: 7, reason: "down".into() });
        assert_eq!(again(ATTEMPTS_MAX), Verdict::Bury { reason: "down".into() });
        let never = verdict(Err(JobError::Never("a\nb".repeat(1000))), 1, 0);
        let Verdict::Bury { reason } = never else { panic!("{never:?}") };
        assert_eq!(reason.chars().count(), REASON_CHARS_MAX);
        assert!(reason.starts_with("a ba b"), "{reason}");
    }
}
