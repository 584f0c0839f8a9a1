//! The audit log: every privileged act, in the order in which it was done, for as long as the server keeps it.

use super::shapes;
use crate::endpoint::{None, endpoint};
use crate::page::Page;
use std::collections::BTreeMap;

shapes! {
    /// An act.
    pub struct AuditEntry {
        /// The entry's id; later entries have greater ones.
        pub id: String,
        /// When, milliseconds since 1970 UTC.
        pub at_ms: i64,
        /// As what: `person`, `server_key` or `cli`.
        pub actor_kind: String,
        /// Who: the id of a person or key; for the command line the operating system's user.
        pub actor_id: String,
        /// Who, in words, as it was then: a person's email, a key's name.
        pub actor: String,
        /// From which address; empty for the command line.
        pub address: String,
        /// What was done, for example `member.change`.
        pub action: String,
        /// To what: `org`, `member`, `project`, `player`, …
        pub target_kind: String,
        /// The id of that; `erased` for a player who was erased since.
        pub target_id: String,
        /// What it was before, without secrets.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub before: BTreeMap<String, String>,
        /// What it is since, without secrets.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub after: BTreeMap<String, String>,
    }

    /// Which acts are asked for.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct AuditQuery {
        /// Only this action.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub action: Option<String>,
        /// Only acts of this actor, by id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub actor_id: Option<String>,
        /// Only acts on this target, by id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub target_id: Option<String>,
        /// Only acts at this time or later, milliseconds since 1970 UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub since_ms: Option<i64>,
        /// Only acts before this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until_ms: Option<i64>,
        /// Most items wanted: 1 to 200, 50 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 200)))]
        pub limit: Option<u32>,
        /// `next_cursor` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cursor: Option<String>,
    }
}

endpoint!(
    /// Reads the audit log, newest first.
    ListAudit, "studio_list_audit", Get "/api/v1/studio/orgs/{org_id}/audit", Studio, 200, AuditQuery, None => Page<AuditEntry>);
