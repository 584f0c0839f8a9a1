//! Limits and settings of the studio's side.

use serde::{Deserialize, Serialize};

/// How long a person's session lives without use: a working day.
pub(crate) const SESSION_TTL_MS: i64 = 12 * 3600 * 1000;
/// How often use moves a session's end on: not a write for each request.
pub(crate) const SESSION_SLIDE_MS: i64 = 5 * 60 * 1000;
/// Sessions of a person at once; the least recently used one ends.
pub(crate) const SESSIONS_MAX: i64 = 20;
/// How long an invitation is good.
pub(crate) const INVITATION_TTL_MS: i64 = 7 * 24 * 3600 * 1000;
/// Open invitations of an organisation: each is a mail to someone who did not ask for it.
pub(crate) const INVITATIONS_MAX: i64 = 200;
/// Roles that an organisation makes itself.
pub(crate) const ROLES_MAX: i64 = 100;
/// Teams of an organisation.
pub(crate) const TEAMS_MAX: i64 = 200;
/// Members and projects of a team: both stand in the answer that lists it.
pub(crate) const TEAM_PARTS_MAX: i64 = 200;
/// Projects of an organisation: all are looked at to list those that a person may see.
pub(crate) const PROJECTS_MAX: i64 = 200;
/// How long a server key is remembered: a revoked one ends everywhere within this time.
pub(crate) const SERVER_KEY_TTL_MS: i64 = 5000;
/// Server keys remembered.
pub(crate) const SERVER_KEY_CACHE_MAX: usize = 10_000;
/// How coarse the time of a key's last use is: a busy key is one write an hour.
pub(crate) const LAST_USED_STEP_MS: i64 = 3600 * 1000;
/// Connections to the studio's address at once: people, not players.
pub(crate) const CONNECTIONS_MAX: usize = 256;
/// How often what is over is swept.
pub(crate) const SWEEP_PERIOD: std::time::Duration = std::time::Duration::from_secs(3600);
/// Entries of the audit log that are removed in one statement: others write in between.
pub(crate) const AUDIT_SWEEP_BATCH: i64 = 1000;
/// A day.
pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;
/// How long an address stays familiar without a login.
pub(crate) const FAMILIAR_TTL_MS: i64 = 90 * 24 * 3600 * 1000;

/// Settings of the studio's side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudioConfig {
    /// Address of the studio's API; off when empty.
    pub listen: String,
    /// Web origins that may call it, for a console that is served elsewhere. None by default.
    pub cors_origins: Vec<String>,
    /// Days that entries of the audit log are kept; 0 for good.
    pub audit_days: u32,
}

impl Default for StudioConfig {
    fn default() -> StudioConfig {
        // Two years: long enough to look into what was found late, and no longer than that.
        StudioConfig { listen: String::new(), cors_origins: vec![], audit_days: 730 }
    }
}
