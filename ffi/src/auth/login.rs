//! Register, log in and log out.

use super::{aethex_user_callback, user_done};
use crate::call::{aethex_callback, aethex_op, request, request_plain};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, flag, read_options};
use aethex_sdk_core::{ErrorCode, LoginOptions, RegisterOptions};
use std::ffi::c_void;
use std::mem::offset_of;

/// The least of the login options a caller may have.
const LOGIN_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_login_options, proof_token);
/// The least of the options of a registration a caller may have.
const REGISTER_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_register_options, username);

/// How a login is kept. Set everything to zero, then `struct_size` and what differs from the defaults.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_login_options {
    /// `sizeof(aethex_login_options)`.
    pub struct_size: u32,
    /// 1: nothing of the session is written to this device, it ends with the process. For shared machines.
    pub no_remember: u32,
    /// 1: when a guest is logged in, keeps the guest's session for `aethex_auth_merge_guest`; 0: the guest is
    /// logged out.
    pub keep_guest: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The token of a CAPTCHA, where the backend asks new accounts for one: see `aethex_challenge`. For logins
    /// that make an account.
    pub proof_token: aethex_str,
}

/// How an account is made. Set everything to zero, then `struct_size` and what differs from the defaults.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_register_options {
    /// `sizeof(aethex_register_options)`.
    pub struct_size: u32,
    /// As in `aethex_login_options`.
    pub no_remember: u32,
    /// As in `aethex_login_options`.
    pub keep_guest: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The username; empty: made from the email.
    pub username: aethex_str,
    /// As in `aethex_login_options`.
    pub proof_token: aethex_str,
}

/// The options of a login; null for the defaults.
///
/// # Safety
/// `options` is null or a struct as long as it says.
unsafe fn login_options(options: *const aethex_login_options) -> Result<LoginOptions, ErrorCode> {
    if options.is_null() {
        return Ok(LoginOptions::default());
    }
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let options = read_options(options, LOGIN_OPTIONS_SIZE_MIN)?;
        if options.reserved != 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        kept(options.no_remember, options.keep_guest, options.proof_token)
    }
}

/// How a login is kept, from the fields that all options have.
///
/// # Safety
/// The text is null or valid.
pub(super) unsafe fn kept(
    no_remember: u32,
    keep_guest: u32,
    proof_token: aethex_str,
) -> Result<LoginOptions, ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    let proof_token = unsafe { proof_token.set() }?;
    Ok(LoginOptions { remember: !flag(no_remember)?, keep_guest: flag(keep_guest)?, proof_token })
}

/// Makes an account and logs it in. An empty `username` is made from the email.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_register(
    cloud: aethex_cloud,
    email: aethex_str,
    password: aethex_str,
    username: aethex_str,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (email, password, username) = (email.owned()?, password.owned()?, username.set()?);
        let work = entry.cloud.auth().register(&email, &password, username);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Makes an account and logs it in. `options` may be null. Where the backend asks for a proof of work, the
/// library finds it; that takes a phone some seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_register_with(
    cloud: aethex_cloud,
    email: aethex_str,
    password: aethex_str,
    options: *const aethex_register_options,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers; the options are integers and pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (email, password) = (email.owned()?, password.owned()?);
        let mut how = RegisterOptions::default();
        if !options.is_null() {
            let options = read_options(options, REGISTER_OPTIONS_SIZE_MIN)?;
            if options.reserved != 0 {
                return Err(ErrorCode::InvalidArgument);
            }
            how.username = options.username.set()?;
            how.login = kept(options.no_remember, options.keep_guest, options.proof_token)?;
            how.proof_token = how.login.proof_token.take();
        }
        let work = entry.cloud.auth().register_with(&email, &password, how);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Logs in with email and password. A player who was logged in before is logged out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_login(
    cloud: aethex_cloud,
    email: aethex_str,
    password: aethex_str,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (email, password) = (email.owned()?, password.owned()?);
        let work = entry.cloud.auth().login(&email, &password);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Logs in with email and password. `options` may be null. A player who was logged in before is logged out; a
/// guest may be kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_login_with(
    cloud: aethex_cloud,
    email: aethex_str,
    password: aethex_str,
    options: *const aethex_login_options,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (email, password, how) = (email.owned()?, password.owned()?, login_options(options)?);
        let work = entry.cloud.auth().login_with(&email, &password, how);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Logs in as this device's guest, without any question; the first time an account is made. `options` may be
/// null. The key that opens it stays on this device, also after a logout: the same device is the same guest.
///
/// `AETHEX_ERROR_STORAGE` in the result when that key cannot be kept, or is there and cannot be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_login_guest(
    cloud: aethex_cloud,
    options: *const aethex_login_options,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let how = login_options(options)?;
        let work = entry.cloud.auth().login_guest_with(how);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Throws this device's guest key away, for good: the guest's account, unless something was linked to it, can
/// never be opened again. A session that is open stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_forget_guest(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().forget_guest();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Ends the session on this device. Unsent saves stay on disk for the player's next login; a guest's key stays,
/// too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_logout(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().logout();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Ends every session of the account, here and on other devices. Needs the backend's word: when it fails,
/// the session here goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_logout_everywhere(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().logout_everywhere();
        request_plain(&entry, op, work, callback, user_data)
    })
}
