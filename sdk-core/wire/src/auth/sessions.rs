//! The list of a player's sessions.

use crate::endpoint::{None, endpoint};
use crate::ids::SessionId;
use crate::page::{Page, PageQuery};
use serde::{Deserialize, Serialize};

/// One login on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Name of the device, as it gave it.
    pub device_name: String,
    /// How the session began: `password`, `device`, or a provider's name.
    pub method: String,
    /// When it began, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it was last refreshed.
    pub last_seen_at_ms: i64,
    /// When it ends if it is not used.
    pub expires_at_ms: i64,
    /// Whether it is the session that asks.
    pub current: bool,
}

endpoint!(
    /// Lists the caller's sessions, last seen first.
    ListSessions, "list_sessions", Get "/api/v1/auth/sessions", Player, 200, PageQuery, None => Page<Session>);
endpoint!(
    /// Ends one session of the caller.
    EndSession, "end_session", Delete "/api/v1/auth/sessions/{session_id}", Player, 204, None, None => None);
endpoint!(
    /// Ends every session of the caller but this one.
    EndOtherSessions, "end_other_sessions", Delete "/api/v1/auth/sessions", Player, 204, None, None => None);
