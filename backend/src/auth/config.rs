//! Limits and settings of accounts.

use serde::{Deserialize, Serialize};

/// Seconds an access token lives: short, for it cannot be looked up everywhere it is used.
pub(crate) const ACCESS_TTL_S: i64 = 15 * 60;
/// Seconds a refresh token lives.
pub(crate) const REFRESH_TTL_S: i64 = 30 * 24 * 3600;
/// Sessions that an account may have at once; the oldest ends when another begins.
pub(crate) const SESSIONS_MAX: i64 = 50;
/// Password hashes that may wait: at 30 ms each on two cores, the last waits about a second.
pub(crate) const HASH_QUEUE_MAX: usize = 64;
/// Verified access tokens remembered, so that a busy player's token is checked once.
pub(crate) const VERIFIED_CACHE_MAX: usize = 100_000;
/// Client keys remembered.
pub(crate) const CLIENT_KEY_CACHE_MAX: usize = 10_000;
/// How long a client key is remembered: a revoked one ends everywhere within this time, and a busy key costs a
/// query in five seconds.
pub(crate) const CLIENT_KEY_TTL_MS: i64 = 5000;
/// Addresses and accounts whose attempts are counted; the least used are forgotten first.
pub(crate) const LIMITER_KEYS_MAX: usize = 200_000;

/// Settings of accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// The `iss` of access tokens.
    pub issuer: String,
    /// Argon2id memory in KiB (OWASP: 19 MiB with 2 passes).
    pub argon2_memory_kib: u32,
    /// Argon2id passes.
    pub argon2_passes: u32,
    /// Whether passwords that guessers try first are refused. Off only for trying things out.
    pub refuse_common_passwords: bool,
    /// How often an attempt may be made.
    pub limits: LimitsConfig,
}

impl Default for AuthConfig {
    fn default() -> AuthConfig {
        AuthConfig {
            issuer: "aethex-cloud".into(),
            argon2_memory_kib: 19 * 1024,
            argon2_passes: 2,
            refuse_common_passwords: true,
            limits: LimitsConfig::default(),
        }
    }
}

/// How often an attempt may be made: so many at once, then one per interval.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Failed logins to one account, from all addresses that never logged in to it.
    pub login_failures_per_account: u32,
    /// Seconds until such a failure is forgiven.
    pub login_failure_per_account_s: u32,
    /// Failed logins from one address, to all accounts.
    pub login_failures_per_address: u32,
    /// Seconds until such a failure is forgiven.
    pub login_failure_per_address_s: u32,
    /// Registrations from one address: a classroom or a LAN party fits.
    pub registrations_per_address: u32,
    /// Seconds until another registration is allowed.
    pub registration_per_address_s: u32,
}

impl Default for LimitsConfig {
    fn default() -> LimitsConfig {
        LimitsConfig {
            login_failures_per_account: 10,
            login_failure_per_account_s: 60,
            login_failures_per_address: 100,
            login_failure_per_address_s: 6,
            registrations_per_address: 200,
            registration_per_address_s: 12,
        }
    }
}
