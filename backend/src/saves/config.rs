//! Limits and settings of cloud saves.

use aethex_wire::ids::GameId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Contents up to this size lie in the version's row: one durable write instead of three. Larger ones go
/// to the blob store first.
pub(crate) const INLINE_LEN_MAX: usize = 64 * 1024;
/// Largest frame or JSON body: the content in base64, with room for metadata.
pub(crate) const BODY_LEN_MAX: usize = aethex_wire::saves::SAVE_LEN_MAX / 3 * 4 + 64 * 1024;
/// Times an append is tried again because another writer was faster: each time one of them got through.
pub(crate) const APPEND_TRIES: usize = 64;
/// Merges and versions beside the heads that are looked at in search of an ancestor, the newest: more than a slot sees in
/// months.
pub(crate) const SIDES_MAX: i64 = 1000;
/// Players whose use of space is remembered.
pub(crate) const USAGE_CACHE_MAX: usize = 50_000;
/// How long a remembered use of space counts before it is read again.
pub(crate) const USAGE_FRESH_MS: i64 = 60_000;
/// How long the mark of a deleted version stays: a device may be offline that long and still be told.
pub(crate) const PURGED_KEPT_MS: i64 = 30 * 24 * 3600 * 1000;

/// Name of the plan of games that have none of their own.
pub(crate) const PLAN_DEFAULT: &str = "free";

/// Settings of cloud saves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SavesConfig {
    /// Bytes that a player's versions may take, all slots together.
    pub quota_bytes: i64,
    /// Versions that a player may have, all slots together.
    pub versions_max: i64,
    /// What of a slot's past is kept.
    pub retention: Retention,
    /// Other limits than these, by name. The three settings above are the plan `free`.
    pub plans: BTreeMap<String, Plan>,
    /// Games, by id, and the name of their plan.
    pub game_plans: BTreeMap<String, String>,
    /// Encryption of contents at rest.
    pub encryption: EncryptionConfig,
}

/// Limits of a game's players.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// See [`SavesConfig::quota_bytes`].
    pub quota_bytes: i64,
    /// See [`SavesConfig::versions_max`].
    pub versions_max: i64,
    /// See [`SavesConfig::retention`].
    pub retention: Retention,
}

/// What of a slot's past is kept, beside the head, the newest ten and what is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Hours in which every version is kept.
    pub all_hours: i64,
    /// Days in which the newest version of each hour is kept.
    pub hourly_days: i64,
    /// Days in which the newest version of each day is kept.
    pub daily_days: i64,
    /// Days in which the newest version of each 30 days is kept.
    pub monthly_days: i64,
    /// Days in which the losing side of a conflict is kept, and a head that a suspicious version replaced.
    pub conflict_days: i64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { all_hours: 1, hourly_days: 1, daily_days: 30, monthly_days: 365, conflict_days: 90 }
    }
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { quota_bytes: 1024 * 1024 * 1024, versions_max: 100_000, retention: Retention::default() }
    }
}

/// Encryption of contents at rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncryptionConfig {
    /// Whether new contents are encrypted. What is encrypted already stays readable either way.
    pub enabled: bool,
}

impl Default for EncryptionConfig {
    fn default() -> EncryptionConfig {
        EncryptionConfig { enabled: true }
    }
}

impl Default for SavesConfig {
    fn default() -> SavesConfig {
        let Plan { quota_bytes, versions_max, retention } = Plan::default();
        let (plans, game_plans) = (BTreeMap::new(), BTreeMap::new());
        SavesConfig {
            quota_bytes,
            versions_max,
            retention,
            plans,
            game_plans,
            encryption: EncryptionConfig::default(),
        }
    }
}

impl SavesConfig {
    /// The name and the limits of a game's plan. Whoever sells plans changes this place.
    pub(crate) fn plan_of(&self, game: &GameId) -> (&str, Plan) {
        let chosen = self.game_plans.get(game.as_str());
        match chosen.and_then(|name| self.plans.get_key_value(name)) {
            Some((name, plan)) => (name, plan.clone()),
            None => {
                let SavesConfig { quota_bytes, versions_max, retention, .. } = self;
                let (quota_bytes, versions_max) = (*quota_bytes, *versions_max);
                (PLAN_DEFAULT, Plan { quota_bytes, versions_max, retention: retention.clone() })
            }
        }
    }

    /// What is wrong with the plans, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (game, name) in &self.game_plans {
            if GameId::parse(game).is_none() {
                return Err(format!("`saves.game_plans` names `{game}`, which is no game's id"));
            }
            if name != PLAN_DEFAULT && !self.plans.contains_key(name) {
                return Err(format!(
                    "`saves.game_plans` names the plan `{name}`, and there is no `saves.plans.{name}`"
                ));
            }
        }
        if self.plans.contains_key(PLAN_DEFAULT) {
            return Err(format!(
                "the plan `{PLAN_DEFAULT}` is set by `saves.quota_bytes` and the settings beside it"
            ));
        }
        let retentions = self.plans.values().map(|plan| &plan.retention).chain([&self.retention]);
        for retention in retentions {
            let Retention { all_hours, hourly_days, daily_days, monthly_days, conflict_days } = retention;
            // A century: above it milliseconds would not fit some day.
            if [all_hours, hourly_days, daily_days, monthly_days, conflict_days]
                .iter()
                .any(|n| !(0..=36_500).contains(*n))
            {
                return Err("a retention is 0 to 36,500 days".into());
            }
        }
        Ok(())
    }
}
