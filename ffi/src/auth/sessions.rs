//! The list of the player's logins, and their end.

use crate::call::{Head, Lent, aethex_callback, aethex_op, done, request, request_plain, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use aethex_sdk_core::{Error, Page, SessionId, SessionInfo};
use std::ffi::c_void;

/// One login on one device.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_session {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Whether it is the session of this device.
    pub current: bool,
    /// The session's id.
    pub id: aethex_str,
    /// Name of the device, as it gave it.
    pub device_name: aethex_str,
    /// How the session began: `password`, `device`, or a provider's name.
    pub method: aethex_str,
    /// When it began, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it was last refreshed, milliseconds since 1970 UTC.
    pub last_seen_at_ms: i64,
    /// When it ends if it is not used, milliseconds since 1970 UTC.
    pub expires_at_ms: i64,
}

/// Result of `aethex_auth_sessions`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_sessions_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The sessions, last seen first, as an array of pointers; null when there are none, and on failure.
    pub sessions: *const *const aethex_session,
    /// How many sessions.
    pub session_count: usize,
    /// The `cursor` for the page behind this one; empty on the last.
    pub next_cursor: aethex_str,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_sessions_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_sessions_result)>;

/// Lists the account's sessions, a page at a time: `cursor` is the `next_cursor` of the page before, empty for
/// the first one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_sessions(
    cloud: aethex_cloud,
    cursor: aethex_str,
    callback: aethex_sessions_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let cursor = cursor.set()?;
        let work = entry.cloud.auth().sessions(cursor);
        request(&entry, op, work, done(callback, user_data, lend_sessions))
    })
}

/// Ends one session of the account. This device's own is logged out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_end_session(
    cloud: aethex_cloud,
    session: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let session = session.id(SessionId::parse)?;
        let work = entry.cloud.auth().end_session(session);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Ends every session of the account but this one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_end_other_sessions(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().end_other_sessions();
        request_plain(&entry, op, work, callback, user_data)
    })
}

pub(super) fn lend_sessions(
    lent: &mut Lent,
    head: Head,
    result: Result<Page<SessionInfo>, Error>,
) -> aethex_sessions_result {
    let page = result.unwrap_or(Page { items: Vec::new(), next_cursor: None });
    let (sessions, session_count) = lent.all(&page.items, |lent, session| aethex_session {
        struct_size: size_for_c::<aethex_session>(),
        current: session.current,
        id: lent.text(session.id.as_str()),
        device_name: lent.text(&session.device_name),
        method: lent.text(&session.method),
        created_at_ms: session.created_at_ms,
        last_seen_at_ms: session.last_seen_at_ms,
        expires_at_ms: session.expires_at_ms,
    });
    aethex_sessions_result {
        struct_size: size_for_c::<aethex_sessions_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        sessions,
        session_count,
        next_cursor: lent.text(page.next_cursor.as_deref().unwrap_or_default()),
    }
}
