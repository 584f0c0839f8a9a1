//! Limits and settings of privacy.

use serde::{Deserialize, Serialize};

/// How long a finished export can be downloaded: a week, for it is a second copy of everything.
pub(crate) const EXPORT_KEPT_MS: i64 = 7 * DAY_MS;
/// Exports that a player may ask for within a day: making one reads everything there is.
pub(crate) const EXPORTS_PER_DAY: i64 = 3;
/// Attempts at an export before it counts as failed: the player then asks again.
pub(crate) const EXPORT_TRIES: i64 = 5;
/// Exports removed in one sweep of those that expired; the next hour sweeps on.
pub(crate) const SWEEP_BATCH: i64 = 1000;
/// Longest that an erasure waits for the account's last mails to leave.
pub(crate) const LAST_MAILS_MS: i64 = 3600 * 1000;
/// How often it looks whether they have left.
pub(crate) const LAST_MAILS_LOOK_MS: i64 = 30_000;
/// How long after the end of its sessions another server may still serve an account, beside the longest
/// request: the set of ended sessions is read once a second.
pub(crate) const SETTLE_MS: i64 = 3_000;
/// Mails to a parent within a day: enough for a mistyped address, too few to annoy anyone.
pub(crate) const PARENT_MAILS_PER_DAY: i64 = 3;
/// Mails to one parent's address within a day, over all players.
pub(crate) const PARENT_MAILS_PER_ADDRESS: u32 = 5;
/// Seconds until another mail to that address is allowed.
pub(crate) const PARENT_MAIL_PER_ADDRESS_S: u32 = 24 * 3600 / PARENT_MAILS_PER_ADDRESS;
/// How long a parent may take to answer. An answered code stays good, for taking the consent back.
pub(crate) const PARENT_CODE_TTL_MS: i64 = 30 * DAY_MS;
/// Consents that a player may give within a day; taking one back is never refused.
pub(crate) const CONSENTS_PER_DAY: i64 = 50;
/// Policies that a game may have.
pub(crate) const POLICIES_MAX: i64 = 100;
/// Versions that one policy may have.
pub(crate) const POLICY_VERSIONS_MAX: i64 = 1000;
/// Longest name or version of a policy, in bytes.
pub(crate) const POLICY_NAME_LEN_MAX: usize = 64;
/// Longest address of a policy, in bytes.
pub(crate) const POLICY_URL_LEN_MAX: usize = 2048;
/// A day.
pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

/// Settings of privacy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// Players younger than this are children, who need a parent's consent (COPPA: 13; the GDPR lets
    /// countries choose 13 to 16).
    pub child_age: i64,
    /// Whether a player who has not said their age counts as a child.
    pub unknown_is_child: bool,
    /// Seconds between the request to erase an account and its erasure; 0 for at once.
    pub erasure_grace_s: i64,
}

impl Default for PrivacyConfig {
    fn default() -> PrivacyConfig {
        PrivacyConfig {
            child_age: aethex_wire::privacy::CHILD_AGE,
            unknown_is_child: false,
            erasure_grace_s: 14 * 24 * 3600,
        }
    }
}
