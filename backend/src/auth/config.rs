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

/// How long a code that verifies an address counts.
pub(crate) const VERIFY_TTL_MS: i64 = 24 * 3600 * 1000;
/// How long a code that resets a password counts: it opens the account.
pub(crate) const RESET_TTL_MS: i64 = 3600 * 1000;
/// A code is not sent again within this time of the last one.
pub(crate) const CODE_AGAIN_MS: i64 = 60 * 1000;
/// Mails that an account's player may cause at once.
pub(crate) const MAILS_PER_ACCOUNT: u32 = 5;
/// Seconds until one more mail may be caused.
pub(crate) const MAIL_INTERVAL_S: u32 = 600;
/// How long after a login an account without a password may change what matters.
pub(crate) const FRESH_LOGIN_MS: i64 = 10 * 60 * 1000;

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
    /// Whether addresses of services of throw-away addresses are refused.
    pub refuse_disposable_addresses: bool,
    /// File with more domains of such services, one a line; none when empty.
    pub disposable_domains_file: String,
    /// Whether an account counts only once its address is verified: registration then answers the same for
    /// addresses that have an account and for those that have none.
    pub require_verified_email: bool,
    /// How long a new signing key is only published before it signs, so that every server and every cache of
    /// the public keys knows it by then.
    pub signing_key_settle_s: u64,
    /// How often an attempt may be made.
    pub limits: LimitsConfig,
    /// What a new account must answer.
    pub proof: ProofConfig,
    /// Logins with providers.
    pub oauth: super::oauth::config::OauthConfig,
}

impl Default for AuthConfig {
    fn default() -> AuthConfig {
        AuthConfig {
            issuer: "aethex-cloud".into(),
            argon2_memory_kib: 19 * 1024,
            argon2_passes: 2,
            refuse_common_passwords: true,
            refuse_disposable_addresses: false,
            disposable_domains_file: String::new(),
            require_verified_email: false,
            signing_key_settle_s: 600,
            limits: LimitsConfig::default(),
            proof: ProofConfig::default(),
            oauth: Default::default(),
        }
    }
}

/// What a new account must answer, so that accounts in bulk have a price.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProofConfig {
    /// `argon2id` (a proof of work that the SDK does by itself), `turnstile`, `hcaptcha`, or `none`.
    pub kind: ProofKind,
    /// For `argon2id`: zero bits to find in quiet times. 6 are 64 tries of some 3 ms each.
    pub bits: u32,
    /// For `argon2id`: memory of a try, in KiB.
    pub memory_kib: u32,
    /// For CAPTCHAs: the site's public key.
    pub site_key: String,
    /// For CAPTCHAs: the site's secret.
    pub secret: String,
    /// For CAPTCHAs: where tokens are verified; the service's own address when empty.
    pub verify_url: String,
}

impl Default for ProofConfig {
    fn default() -> ProofConfig {
        ProofConfig {
            kind: ProofKind::Argon2id,
            bits: 6,
            memory_kib: 4096,
            site_key: String::new(),
            secret: String::new(),
            verify_url: String::new(),
        }
    }
}

impl std::fmt::Debug for ProofConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProofConfig")
            .field("kind", &self.kind)
            .field("bits", &self.bits)
            .field("memory_kib", &self.memory_kib)
            .finish_non_exhaustive()
    }
}

/// The kinds of proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProofKind {
    /// Proof of work.
    Argon2id,
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    Hcaptcha,
    /// No proof: for tests, and for servers that only friends reach.
    None,
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
    /// Requests for a password's reset from one address.
    pub resets_per_address: u32,
    /// Seconds until another such request is allowed.
    pub reset_per_address_s: u32,
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
            resets_per_address: 20,
            reset_per_address_s: 60,
        }
    }
}
