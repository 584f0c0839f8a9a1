//! Limits and settings of jobs.

use serde::{Deserialize, Serialize};

/// How long a worker has a job without renewing it: a crashed server's jobs wait this long at most.
pub(super) const LEASE_MS: i64 = 60_000;
/// How often a worker renews: two renewals may fail before the lease ends.
pub(super) const RENEW_MS: u64 = 20_000;
/// Attempts before a job is given up: with the waits below that is half a day on average and a day at most,
/// so that a mail server may be down overnight.
pub(super) const ATTEMPTS_MAX: i64 = 24;
/// Longest wait after the first failure; it doubles with each further one.
pub(super) const BACKOFF_FIRST_MS: u64 = 2_000;
/// Longest wait between two attempts.
pub(super) const BACKOFF_MAX_MS: u64 = 2 * 3600 * 1000;
/// How long jobs that were given up are kept for the operator to see.
pub(super) const DEAD_KEPT_MS: i64 = 30 * 24 * 3600 * 1000;
/// Largest payload: a job names what it works on, it does not carry it.
pub(super) const PAYLOAD_LEN_MAX: usize = 64 * 1024;
/// Longest key of a job.
pub(super) const KEY_LEN_MAX: usize = 200;
/// Longest reason kept of a failure, in characters.
pub(super) const REASON_CHARS_MAX: usize = 200;
/// Rows swept in one statement: others write in between.
pub(super) const SWEEP_BATCH: i64 = 1000;
/// Most waiting jobs that are counted: a longer queue is as bad, and counting it would cost.
pub(super) const COUNT_MAX: i64 = 100_000;

/// Settings of jobs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobsConfig {
    /// Jobs that this server runs at once.
    pub concurrent_max: u32,
    /// How often jobs that other servers put are looked for; one's own are run at once.
    pub poll_ms: u64,
}

impl Default for JobsConfig {
    fn default() -> JobsConfig {
        JobsConfig { concurrent_max: 4, poll_ms: 5_000 }
    }
}
