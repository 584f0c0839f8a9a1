//! Privacy: policies, consents, age and parents, export and erasure of everything that is known of a player.
//!
//! The functions check their arguments, copy what they need and hand the request to the core. `results` holds
//! what callbacks are lent.

mod results;

use crate::call::{aethex_callback, aethex_op, done, request, request_plain};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use aethex_sdk_core::{ErrorCode, ExportId, Purpose, ReceiptId};
use results::{
    aethex_export_callback, aethex_policies_callback, aethex_privacy_callback, aethex_purpose,
    aethex_receipt_callback, lend_export, lend_policies, lend_privacy, lend_receipt,
};
#[cfg(test)]
pub(crate) use results::{
    aethex_privacy_result, aethex_receipt_result, lend_privacy as lend_privacy_result,
    lend_receipt as lend_receipt_result,
};
use std::ffi::c_void;
use std::path::PathBuf;

/// Reads where the player's privacy stands: what is to be accepted, what was consented to, what is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_state(
    cloud: aethex_cloud,
    callback: aethex_privacy_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.privacy().state();
        request(&entry, op, work, done(callback, user_data, lend_privacy))
    })
}

/// Lists the newest version of each policy of the game. Nobody needs to be logged in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_policies(
    cloud: aethex_cloud,
    callback: aethex_policies_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.privacy().policies();
        request(&entry, op, work, done(callback, user_data, lend_policies))
    })
}

/// Accepts a policy, in the version that the player was shown. `AETHEX_ERROR_UNKNOWN_POLICY` in the result when
/// there is a newer one: show that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_accept_policy(
    cloud: aethex_cloud,
    policy: aethex_str,
    version: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (policy, version) = (policy.needed()?, version.needed()?);
        let work = entry.cloud.privacy().accept_policy(&policy, &version);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Gives a consent, or takes it back. `purpose` is an `aethex_purpose`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_set_consent(
    cloud: aethex_cloud,
    purpose: i32,
    granted: bool,
    callback: aethex_privacy_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let named = |known: &&Purpose| aethex_purpose::from(**known) as i32 == purpose;
        let purpose = Purpose::ALL.iter().find(named).ok_or(ErrorCode::InvalidArgument)?;
        let work = entry.cloud.privacy().set_consent(*purpose, granted);
        request(&entry, op, work, done(callback, user_data, lend_privacy))
    })
}

/// Says the player's age, once. Ask for it neutrally: without a hint at which answer opens more. `birth_month` is 1
/// to 12; 0: not said, then the player counts as not having had this year's birthday.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_set_age(
    cloud: aethex_cloud,
    birth_year: i32,
    birth_month: i32,
    callback: aethex_privacy_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let month = match birth_month {
            0 => None,
            1..=12 => Some(birth_month.into()),
            _ => return Err(ErrorCode::InvalidArgument),
        };
        let work = entry.cloud.privacy().set_age(birth_year.into(), month);
        request(&entry, op, work, done(callback, user_data, lend_privacy))
    })
}

/// Asks a parent for consent, by mail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_ask_parent(
    cloud: aethex_cloud,
    email: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let email = email.owned()?;
        let work = entry.cloud.privacy().ask_parent(&email);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Asks for a copy of everything that is known of the player. It is made in the background: ask with
/// `aethex_privacy_export` how far it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_start_export(
    cloud: aethex_cloud,
    callback: aethex_export_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.privacy().start_export();
        request(&entry, op, work, done(callback, user_data, lend_export))
    })
}

/// Reads how far an export is. `id` is the one that `aethex_privacy_start_export` told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_export(
    cloud: aethex_cloud,
    id: aethex_str,
    callback: aethex_export_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let id = id.id(ExportId::parse)?;
        let work = entry.cloud.privacy().export(id);
        request(&entry, op, work, done(callback, user_data, lend_export))
    })
}

/// Downloads an export, a ZIP archive, into the file `path`. What was there before is replaced, and only by the
/// whole archive. `AETHEX_ERROR_EXPORT_PENDING` in the result while it is still being made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_download_export(
    cloud: aethex_cloud,
    id: aethex_str,
    path: aethex_str,
    callback: aethex_export_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (id, path) = (id.id(ExportId::parse)?, PathBuf::from(path.needed()?));
        let work = entry.cloud.privacy().download_export(id, &path);
        request(&entry, op, work, done(callback, user_data, lend_export))
    })
}

/// Asks for the erasure of the account and everything that belongs to it. Every session ends, this one too. It is
/// done after a time of grace, within which a player who logs in again takes it back by
/// `aethex_privacy_cancel_erasure`. `password` is empty for an account that has none. Keep the
/// receipt's id: it still answers when the account is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_erase_account(
    cloud: aethex_cloud,
    password: aethex_str,
    callback: aethex_receipt_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let password = password.set()?;
        let work = entry.cloud.privacy().erase_account(password.as_deref());
        request(&entry, op, work, done(callback, user_data, lend_receipt))
    })
}

/// Takes an erasure back, within the time of grace.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_cancel_erasure(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.privacy().cancel_erasure();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Reads an erasure's receipt. Nobody needs to be logged in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_privacy_receipt(
    cloud: aethex_cloud,
    id: aethex_str,
    callback: aethex_receipt_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let id = id.id(ReceiptId::parse)?;
        let work = entry.cloud.privacy().receipt(id);
        request(&entry, op, work, done(callback, user_data, lend_receipt))
    })
}
