//! The list of the player's logins, and their end.

use super::{AeThexAuth, nothing};
use crate::call::{self, CALL_TIME_MAX};
use crate::error::argument;
use crate::result::Fields;
use crate::settings::text;
use crate::user::text as godot_text;
use aethex_sdk_core::{Auth, Error, SessionId, SessionInfo};
use godot::builtin::{GString, Signal, Variant};
use godot::classes::IRefCounted;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// Most pages that one list asks for. An account has 50 sessions, which fit into one; the limit ends a
/// server's line of pages without end.
const PAGES_MAX: usize = 20;

/// A login of the player's account on one device.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexSession {
    /// The session's id, for [method AeThexAuth.end_session].
    #[var(no_set)]
    id: GString,
    /// Name of the device, as it gave it.
    #[var(no_set)]
    device_name: GString,
    /// How it began: `"password"`, `"device"`, or a provider's name.
    #[var(no_set)]
    method: GString,
    /// When it began, in seconds since 1970 UTC.
    #[var(no_set)]
    created_at: i64,
    /// When it was last used, in seconds since 1970 UTC.
    #[var(no_set)]
    last_seen_at: i64,
    /// When it ends if it is not used, in seconds since 1970 UTC.
    #[var(no_set)]
    expires_at: i64,
    /// Whether it is the session of this device.
    #[var(no_set)]
    current: bool,
}

#[godot_api]
impl IRefCounted for AeThexSession {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexSession {}>", self.device_name))
    }
}

#[godot_api]
impl AeThexSession {}

impl AeThexSession {
    fn of(session: &SessionInfo) -> Gd<AeThexSession> {
        let mut made = AeThexSession::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(session.id.as_str());
            fields.device_name = godot_text(&session.device_name);
            fields.method = godot_text(&session.method);
            fields.created_at = session.created_at_ms.div_euclid(1000);
            fields.last_seen_at = session.last_seen_at_ms.div_euclid(1000);
            fields.expires_at = session.expires_at_ms.div_euclid(1000);
            fields.current = session.current;
        }
        made
    }
}

#[godot_api(secondary)]
impl AeThexAuth {
    /// Lists the account's sessions, last seen first. The result can be iterated: each item is an
    /// [AeThexSession]. The array is also `result.sessions`.
    #[func]
    fn get_sessions(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(all(cloud.auth())),
            |sessions: Vec<SessionInfo>| {
                let items = sessions.iter().map(|one| AeThexSession::of(one).to_variant()).collect();
                Ok(Fields::default().list("sessions", items))
            },
        )
    }

    /// Ends one session of the account: an [AeThexSession], or its id. This device's own is logged out.
    #[func]
    fn end_session(&self, session: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().end_session(session_id(&session)?)), nothing)
    }

    /// Ends every session of the account but this one.
    #[func]
    fn end_other_sessions(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().end_other_sessions()), nothing)
    }
}

async fn all(auth: Auth) -> Result<Vec<SessionInfo>, Error> {
    let mut page = auth.sessions(None).await?;
    let mut sessions = page.items;
    for _ in 1..PAGES_MAX {
        let Some(cursor) = page.next_cursor.take() else { break };
        page = auth.sessions(Some(cursor)).await?;
        sessions.append(&mut page.items);
    }
    Ok(sessions)
}

fn session_id(session: &Variant) -> Result<SessionId, Error> {
    let id = match session.try_to::<Gd<AeThexSession>>() {
        Ok(session) => session.bind().id.to_string(),
        Err(_) => text(session, "session (an AeThexSession or its id)")?,
    };
    SessionId::parse(&id).ok_or_else(|| argument("session is not the id of a session: take it from the list"))
}
