//! Ways into an account: providers, what is linked and unlinked, the merge of a guest.

use super::login::kept;
use super::{aethex_user, aethex_user_callback, known_user, user_done};
use crate::call::{Head, Lent, aethex_callback, aethex_op, done, request, request_plain, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, read_options};
use aethex_sdk_core::{Auth, Error, ErrorCode, Identity, MergeChoice, OauthOptions};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::time::Duration;

/// The least of the options of a login with a provider a caller may have.
const OAUTH_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_oauth_options, proof_token);
/// Longest time that a player may be given in the browser: as the core allows.
const OAUTH_TIMEOUT_MAX_MS: u32 = 30 * 60 * 1000;

/// How a login with a provider goes. Set everything to zero, then `struct_size` and what differs from the
/// defaults.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_oauth_options {
    /// `sizeof(aethex_oauth_options)`.
    pub struct_size: u32,
    /// As in `aethex_login_options`; not used for linking.
    pub no_remember: u32,
    /// As in `aethex_login_options`; not used for linking.
    pub keep_guest: u32,
    /// How long the player may take in the browser in milliseconds, at most half an hour; 0: five minutes.
    pub timeout_ms: u32,
    /// As in `aethex_login_options`; not used for linking.
    pub proof_token: aethex_str,
}

/// What happens to a slot that both accounts of a merge have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_merge_choice {
    /// Nothing: the merge is refused with `AETHEX_ERROR_MERGE_CONFLICT`, and the result names the slots.
    AETHEX_MERGE_ASK = 0,
    /// The player's own save stays the newest; the guest's versions are in the history.
    AETHEX_MERGE_KEEP_MINE = 1,
    /// The guest's save becomes the newest; the versions of both are in the history.
    AETHEX_MERGE_KEEP_OTHER = 2,
    /// The guest's slot is kept beside, under a name of its own.
    AETHEX_MERGE_KEEP_BOTH = 3,
}

impl aethex_merge_choice {
    fn of(number: i32) -> Result<Option<MergeChoice>, ErrorCode> {
        const ASK: i32 = aethex_merge_choice::AETHEX_MERGE_ASK as i32;
        const KEEP_MINE: i32 = aethex_merge_choice::AETHEX_MERGE_KEEP_MINE as i32;
        const KEEP_OTHER: i32 = aethex_merge_choice::AETHEX_MERGE_KEEP_OTHER as i32;
        const KEEP_BOTH: i32 = aethex_merge_choice::AETHEX_MERGE_KEEP_BOTH as i32;
        match number {
            ASK => Ok(None),
            KEEP_MINE => Ok(Some(MergeChoice::KeepMine)),
            KEEP_OTHER => Ok(Some(MergeChoice::KeepOther)),
            KEEP_BOTH => Ok(Some(MergeChoice::KeepBoth)),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// Result of `aethex_auth_providers`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_providers_result {
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
    /// Names of the providers; null when there are none, and on failure.
    pub providers: *const aethex_str,
    /// How many providers.
    pub provider_count: usize,
}

/// A way into an account.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_identity {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `password`, `device`, or a provider's name.
    pub provider: aethex_str,
    /// What the player knows it by: the address, the device's or the provider's name for the player.
    pub label: aethex_str,
    /// When it was linked, milliseconds since 1970 UTC.
    pub linked_at_ms: i64,
}

/// Result of `aethex_auth_identities`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_identities_result {
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
    /// The ways in, oldest first, as an array of pointers; null when there are none, and on failure.
    pub identities: *const *const aethex_identity,
    /// How many ways in.
    pub identity_count: usize,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_providers_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_providers_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_identities_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_identities_result)>;

/// Lists the providers that players of this game can log in with: `google`, `github`, `discord`, `oidc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_providers(
    cloud: aethex_cloud,
    callback: aethex_providers_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().providers();
        request(&entry, op, work, done(callback, user_data, lend_providers))
    })
}

/// Logs in with a provider, in the player's browser; the first time an account is made. `options` may be null.
/// The browser is opened by the library, or by the game when the cloud's options say so (`aethex_browser`).
///
/// The library listens on a port of this device until the browser brings the answer. A second login with a
/// provider takes the place of one that waits, which ends with `AETHEX_ERROR_CANCELLED`; `aethex_cancel` ends it,
/// too. `AETHEX_ERROR_BROWSER` in the result when no browser opens, or no answer comes in time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_login_oauth(
    cloud: aethex_cloud,
    provider: aethex_str,
    options: *const aethex_oauth_options,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (provider, how) = (provider.owned()?, oauth_options(options)?);
        let work = entry.cloud.auth().login_oauth(&provider, how);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Links a provider to the player's account, in the browser; otherwise as `aethex_auth_login_oauth`.
///
/// `AETHEX_ERROR_IDENTITY_TAKEN` in the result when it belongs to another account: log in to that one with
/// `keep_guest`, then `aethex_auth_merge_guest`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_link_oauth(
    cloud: aethex_cloud,
    provider: aethex_str,
    options: *const aethex_oauth_options,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (provider, how) = (provider.owned()?, oauth_options(options)?);
        let work = entry.cloud.auth().link_oauth(&provider, how);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Lists the ways into the player's account.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_identities(
    cloud: aethex_cloud,
    callback: aethex_identities_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().identities();
        request(&entry, op, work, done(callback, user_data, lend_identities))
    })
}

/// Gives the player's account an email and a password: a guest's account can then be opened from anywhere. With
/// an empty `username` the one it has stays.
///
/// `AETHEX_ERROR_IDENTITY_TAKEN` in the result when the email has an account: log in to that one with `keep_guest`,
/// then `aethex_auth_merge_guest`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_link_email(
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
        let work = entry.cloud.auth().link_email(&email, &password, username);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Removes a way into the player's account, never the last one: `password`, `device` or a provider's name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_unlink(
    cloud: aethex_cloud,
    provider: aethex_str,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let provider = provider.needed()?;
        let work = entry.cloud.auth().unlink(&provider);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// The guest that a login with `keep_guest` kept; works as `aethex_auth_current_user`.
/// `AETHEX_ERROR_NOT_LOGGED_IN` when none is kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_kept_guest(
    cloud: aethex_cloud,
    user: *mut aethex_user,
    buffer: *mut c_char,
    capacity: usize,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe { known_user(cloud, Auth::kept_guest, user, buffer, capacity) })
}

/// Moves everything that the kept guest has into the account of the player who is logged in; then the guest is
/// gone. `choice` is an `aethex_merge_choice`. The guest's unsent saves are sent first.
///
/// `AETHEX_ERROR_MERGE_CONFLICT` in the result when both have slots of the same name and `choice` is
/// `AETHEX_MERGE_ASK`: nothing has changed, `merge` names the slots, call again with a choice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_merge_guest(
    cloud: aethex_cloud,
    choice: i32,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let choice = aethex_merge_choice::of(choice)?;
        let work = entry.cloud.auth().merge_guest(choice);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Lets the kept guest go without a merge: its session ends. It stays an account of its own, which
/// `aethex_auth_login_guest` opens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_release_guest(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().release_guest();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// The options of a login with a provider; null for the defaults.
///
/// # Safety
/// `options` is null or a struct as long as it says.
unsafe fn oauth_options(options: *const aethex_oauth_options) -> Result<OauthOptions, ErrorCode> {
    let mut how = OauthOptions::default();
    if options.is_null() {
        return Ok(how);
    }
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let options = read_options(options, OAUTH_OPTIONS_SIZE_MIN)?;
        if options.timeout_ms > OAUTH_TIMEOUT_MAX_MS {
            return Err(ErrorCode::InvalidArgument);
        }
        if options.timeout_ms > 0 {
            how.timeout = Duration::from_millis(options.timeout_ms.into());
        }
        how.login = kept(options.no_remember, options.keep_guest, options.proof_token)?;
    }
    Ok(how)
}

fn lend_providers(
    lent: &mut Lent,
    head: Head,
    result: Result<Vec<String>, Error>,
) -> aethex_providers_result {
    let (providers, provider_count) = lent.list(result.iter().flatten().map(String::as_str));
    aethex_providers_result {
        struct_size: size_for_c::<aethex_providers_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        providers,
        provider_count,
    }
}

pub(super) fn lend_identities(
    lent: &mut Lent,
    head: Head,
    result: Result<Vec<Identity>, Error>,
) -> aethex_identities_result {
    let found = result.unwrap_or_default();
    let (identities, identity_count) = lent.all(&found, |lent, identity| aethex_identity {
        struct_size: size_for_c::<aethex_identity>(),
        provider: lent.text(&identity.provider),
        label: lent.text(&identity.label),
        linked_at_ms: identity.linked_at_ms,
    });
    aethex_identities_result {
        struct_size: size_for_c::<aethex_identities_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        identities,
        identity_count,
    }
}
