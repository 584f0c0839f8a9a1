//! Conflicts that need somebody: both sides, the fields that clash, and their end.

use super::results::{LentConflict, aethex_conflict, aethex_save_callback, save_done};
use crate::call::{Callback, Lent, aethex_op, request, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard, number};
use crate::strings::{aethex_str, slice};
use crate::value::{aethex_value, snapshot};
use aethex_sdk_core::{Ask, Choice, ConflictInfo, Error, Resolution, Saved};
use aethex_wire::ErrorCode;
use std::ffi::c_void;
use std::ptr::{from_ref, null};

/// Most answers that one call takes: more than a player would give.
const ANSWERS_MAX: usize = 10_000;

/// A field that needs an answer.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_ask {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Where it is: keys joined by dots, list items in brackets; empty for the whole save.
    pub path: aethex_str,
    /// The other fields that the same answer is for; null when there are none.
    pub also: *const aethex_str,
    /// How many of them.
    pub also_count: usize,
    /// What both sides come from has there, lent; 0 when nothing.
    pub base: aethex_value,
    /// What this device has there, lent; 0 when nothing.
    pub local: aethex_value,
    /// What the cloud has there, lent; 0 when nothing.
    pub cloud: aethex_value,
}

/// An answer for a field of a conflict.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct aethex_answer {
    /// The `path` of an `aethex_ask`.
    pub path: aethex_str,
    /// An `aethex_resolution`: this device's, the cloud's, or `value`.
    pub choice: i32,
    /// Must be 0.
    pub reserved: u32,
    /// With `AETHEX_RESOLUTION_MERGED` what to take; otherwise 0. It stays yours.
    pub value: aethex_value,
}

/// Result of a question for a conflict.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_conflict_result {
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
    /// The conflict; null when there is none that needs somebody, and on failure.
    pub conflict: *const aethex_conflict,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_conflict_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_conflict_result)>;

/// Reads the conflict of a slot, with both sides and the fields that need an answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_conflict(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_conflict_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let slot = slot.owned()?;
        let work = entry.cloud.saves().conflict(&slot);
        request(&entry, op, work, conflict_done(callback, user_data))
    })
}

/// Settles a conflict by the merge, with an answer for each field that needs one. The answers are copied.
/// `AETHEX_ERROR_MERGE_UNANSWERED` in the result when one is missing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_answer(
    cloud: aethex_cloud,
    slot: aethex_str,
    answers: *const aethex_answer,
    answer_count: usize,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let mut taken = Vec::new();
        for answer in slice(answers, answer_count, ANSWERS_MAX)? {
            taken.push((answer.path.owned()?, choice(answer)?));
        }
        super::resolve(cloud, slot, Resolution::Answers(taken), callback, user_data, op)
    })
}

/// Settles a conflict by making this device's save a slot of its own; the cloud's stays. The result's `slot` is the new
/// slot's name, for example `slot1 (2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_keep_both(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.saves().keep_both(&slot.owned()?);
        let work = async move { work.await.map(|slot| Saved { slot, queued: true, version: None }) };
        request(&entry, op, work, save_done(callback, user_data))
    })
}

fn choice(answer: &aethex_answer) -> Result<Choice, ErrorCode> {
    use super::aethex_resolution as R;
    const LOCAL: i32 = R::AETHEX_RESOLUTION_KEEP_LOCAL as i32;
    const CLOUD: i32 = R::AETHEX_RESOLUTION_KEEP_CLOUD as i32;
    const VALUE: i32 = R::AETHEX_RESOLUTION_MERGED as i32;
    match answer.choice {
        _ if answer.reserved != 0 => Err(ErrorCode::InvalidArgument),
        LOCAL if answer.value == 0 => Ok(Choice::Local),
        CLOUD if answer.value == 0 => Ok(Choice::Cloud),
        VALUE => Ok(Choice::Value(snapshot(answer.value)?.into_value())),
        _ => Err(ErrorCode::InvalidArgument),
    }
}

/// An ask for C, lent.
pub(super) fn lend_ask(lent: &mut Lent, ask: &Ask) -> aethex_ask {
    let (also, also_count) = lent.list(ask.also.iter().map(String::as_str));
    aethex_ask {
        struct_size: size_for_c::<aethex_ask>(),
        path: lent.text(&ask.path),
        also,
        also_count,
        base: lent.value(ask.base.as_ref()),
        local: lent.value(ask.local.as_ref()),
        cloud: lent.value(ask.cloud.as_ref()),
    }
}

fn conflict_done(
    callback: Callback<aethex_conflict_result>,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Option<ConflictInfo>, Error>) + Send + 'static {
    let user_data = crate::call::UserData(user_data);
    move |op, result| {
        let Some(callback) = callback else { return };
        let mut lent = Lent::default();
        let (error, message, retryable) = match &result {
            Ok(_) => (crate::error::OK, aethex_str::EMPTY, false),
            Err(error) => (number(error.code), lent.text(&error.message), error.retryable),
        };
        let info = result.unwrap_or_default();
        let conflict = info.as_ref().map(|info| LentConflict::whole(&mut lent, info));
        let conflict = conflict.as_ref().map(LentConflict::as_c);
        let result = aethex_conflict_result {
            struct_size: size_for_c::<aethex_conflict_result>(),
            error,
            op,
            message,
            retryable,
            conflict: conflict.as_ref().map_or(null(), from_ref),
        };
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        unsafe { callback(user_data.get(), &result) };
    }
}
