//! Addresses and passwords. A mail carries one code, which a game can also ask the player to type.

use crate::call::{aethex_callback, aethex_op, request_plain};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use std::ffi::c_void;

/// Changes the password. Every session of the account ends; this device gets a new one at once. `old_password`
/// is empty for an account that has none yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_change_password(
    cloud: aethex_cloud,
    old_password: aethex_str,
    new_password: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (old, new) = (old_password.set()?, new_password.owned()?);
        let work = entry.cloud.auth().change_password(old.as_deref(), &new);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Begins a change of the address: a code goes to the new one, a notice to the old one. It counts once
/// `aethex_auth_verify_email` gets the code. `password` is empty for an account that has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_change_email(
    cloud: aethex_cloud,
    email: aethex_str,
    password: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (email, password) = (email.owned()?, password.set()?);
        let work = entry.cloud.auth().change_email(&email, password.as_deref());
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Sends the mail that verifies the account's address again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_send_verification(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().send_verification();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Confirms an address with the code of a mail; case, spaces and hyphens do not matter. Nobody needs to be
/// logged in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_verify_email(
    cloud: aethex_cloud,
    code: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let code = code.owned()?;
        let work = entry.cloud.auth().verify_email(&code);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Asks for a mail that resets the password. Succeeds as well when no account has the address: nobody learns
/// who plays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_forgot_password(
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
        let work = entry.cloud.auth().forgot_password(&email);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Sets a new password by the code of a mail. Every session of the account ends: log in again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_reset_password(
    cloud: aethex_cloud,
    code: aethex_str,
    new_password: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (code, new) = (code.owned()?, new_password.owned()?);
        let work = entry.cloud.auth().reset_password(&code, &new);
        request_plain(&entry, op, work, callback, user_data)
    })
}
