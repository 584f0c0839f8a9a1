//! Accounts: register, log in, log out, who is logged in.

use crate::call::{Lent, Outcome, UserData, aethex_callback, aethex_op, request, request_plain, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, put_sized, writable};
use aethex_sdk_core::{Error, ErrorCode, ProfileChange, User};
use aethex_wire::auth::{DISPLAY_NAME_CHARS_MAX, EMAIL_LEN_MAX, USERNAME_CHARS_MAX};
use aethex_wire::ids::ID_LEN;
use std::ffi::{c_char, c_void};

/// Room that `aethex_auth_current_user` needs for the texts of any user whose avatar address has up to
/// 2,000 bytes.
pub const AETHEX_USER_TEXT_SIZE: usize = 4096;

/// Longest avatar address that fits.
const AVATAR_URL_LEN: usize = 2000;
// A character has at most four bytes, and each text its NUL.
const _: () = assert!(
    AETHEX_USER_TEXT_SIZE
        >= ID_LEN + EMAIL_LEN_MAX + 4 * (USERNAME_CHARS_MAX + DISPLAY_NAME_CHARS_MAX) + AVATAR_URL_LEN + 5
);

/// Size of `aethex_user` in the first release: the least a caller may have.
const USER_SIZE_MIN: usize = size_of::<aethex_user>();

/// A player as the player sees it.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_user {
    /// Size of this struct.
    pub struct_size: u32,
    /// The player's id.
    pub id: aethex_str,
    /// The login name others see.
    pub username: aethex_str,
    /// The account's email.
    pub email: aethex_str,
    /// The name to show.
    pub display_name: aethex_str,
    /// Address of the avatar picture; empty when there is none.
    pub avatar_url: aethex_str,
    /// When the account was made, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
}

/// Result of a request that ends with a player.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_user_result {
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
    /// The player; null on failure.
    pub user: *const aethex_user,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_user_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_user_result)>;

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
    guard(|| {
        let entry = entry(cloud)?;
        // SAFETY: the header asks for valid or null pointers.
        unsafe {
            let (email, password) = (email.owned()?, password.owned()?);
            let username = Some(username.owned()?).filter(|name| !name.is_empty());
            let auth = entry.cloud.auth();
            let work = auth.register(&email, &password, username);
            request(&entry, op, work, user_done(callback, user_data))
        }
    })
}

/// Logs in with email and password.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_login(
    cloud: aethex_cloud,
    email: aethex_str,
    password: aethex_str,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        // SAFETY: the header asks for valid or null pointers.
        unsafe {
            let (email, password) = (email.owned()?, password.owned()?);
            let auth = entry.cloud.auth();
            let work = auth.login(&email, &password);
            request(&entry, op, work, user_done(callback, user_data))
        }
    })
}

/// Ends the session on this device. Unsent saves stay on disk for the player's next login.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_logout(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let auth = entry.cloud.auth();
        // SAFETY: the header asks for valid or null pointers.
        unsafe { request_plain(&entry, op, auth.logout(), callback, user_data) }
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
    guard(|| {
        let entry = entry(cloud)?;
        let auth = entry.cloud.auth();
        // SAFETY: the header asks for valid or null pointers.
        unsafe { request_plain(&entry, op, auth.logout_everywhere(), callback, user_data) }
    })
}

/// Changes the player's profile. An empty text leaves its field as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_update_profile(
    cloud: aethex_cloud,
    username: aethex_str,
    display_name: aethex_str,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let auth = entry.cloud.auth();
        // SAFETY: the header asks for valid or null pointers.
        unsafe {
            let set = |text: aethex_str| Ok(Some(text.owned()?).filter(|text| !text.is_empty()));
            let change = ProfileChange {
                username: set(username)?,
                display_name: set(display_name)?,
                ..ProfileChange::default()
            };
            request(&entry, op, auth.update_profile(change), user_done(callback, user_data))
        }
    })
}

/// Reads the player's profile from the backend.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_profile(
    cloud: aethex_cloud,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let auth = entry.cloud.auth();
        // SAFETY: the header asks for valid or null pointers.
        unsafe { request(&entry, op, auth.profile(), user_done(callback, user_data)) }
    })
}

/// Who is logged in, as known on this device; works offline and needs no tick.
///
/// Set `user->struct_size` first. The texts are written into `buffer`, each with a NUL behind it, and
/// `user` points to them there; `AETHEX_USER_TEXT_SIZE` bytes are enough. `AETHEX_ERROR_NOT_LOGGED_IN`
/// when nobody is; `AETHEX_ERROR_TOO_LARGE` when the buffer is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_current_user(
    cloud: aethex_cloud,
    user: *mut aethex_user,
    buffer: *mut c_char,
    capacity: usize,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let current = entry.cloud.auth().current_user().ok_or(ErrorCode::NotLoggedIn)?;
        let texts = [
            current.id.as_str(),
            &current.username,
            &current.email,
            &current.display_name,
            &current.avatar_url,
        ];
        let needed: usize = texts.iter().map(|text| text.len() + 1).sum();
        writable(buffer)?;
        if capacity < needed {
            return Err(ErrorCode::TooLarge);
        }
        let mut place = buffer;
        let mut write = |text: &str| {
            let lent = aethex_str { data: place, len: text.len() };
            // SAFETY: the buffer has room for every text with its NUL, as summed up above.
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr().cast(), place, text.len());
                place.add(text.len()).write(0);
                place = place.add(text.len() + 1);
            }
            lent
        };
        let [id, username, email, display_name, avatar_url] = texts.map(&mut write);
        let struct_size = size_for_c::<aethex_user>();
        let created_at_ms = current.created_at_ms;
        let found = aethex_user { struct_size, id, username, email, display_name, avatar_url, created_at_ms };
        // SAFETY: the header asks for null or a struct as long as it says.
        unsafe { put_sized(user, USER_SIZE_MIN, found) }
    })
}

/// A user for C, lent.
pub(crate) fn lend_user(lent: &mut Lent, user: &User) -> aethex_user {
    aethex_user {
        struct_size: size_for_c::<aethex_user>(),
        id: lent.text(user.id.as_str()),
        username: lent.text(&user.username),
        email: lent.text(&user.email),
        display_name: lent.text(&user.display_name),
        avatar_url: lent.text(&user.avatar_url),
        created_at_ms: user.created_at_ms,
    }
}

pub(crate) fn user_done(
    callback: aethex_user_callback,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<User, Error>) + Send + 'static {
    let user_data = UserData(user_data);
    move |op, result| {
        let Some(callback) = callback else { return };
        let outcome = Outcome::of(&result);
        let mut lent = Lent::default();
        let user = result.ok().map(|user| lend_user(&mut lent, &user));
        let result = aethex_user_result {
            struct_size: size_for_c::<aethex_user_result>(),
            error: outcome.error,
            op,
            message: outcome.message.as_c(),
            retryable: outcome.retryable,
            user: user.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
        };
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        unsafe { callback(user_data.get(), &result) };
    }
}
