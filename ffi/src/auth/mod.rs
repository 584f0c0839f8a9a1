//! Accounts: who is logged in, and what requests lend of a player.
//!
//! One file a topic: `login` (register, log in and out), `links` (ways into an account, the merge of a guest),
//! `sessions`, `email` (addresses and passwords), `profile` (profile, preferences, avatar). The functions check
//! their arguments, copy what they need and hand the request to the core. An empty text stands for "none".

mod email;
mod links;
mod login;
mod profile;
mod sessions;

use crate::call::{Head, Lent, aethex_op, done, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, put_sized, writable};
use aethex_sdk_core::{Auth, Error, ErrorCode, MergeConflict, User, Visibility};
use aethex_wire::auth::identities::MergeSlot;
use aethex_wire::auth::{DISPLAY_NAME_CHARS_MAX, EMAIL_LEN_MAX, LOCALE_LEN_MAX, USERNAME_CHARS_MAX};
use aethex_wire::ids::ID_LEN;
use aethex_wire::proof::{Challenge, ChallengeKind};
#[cfg(test)]
pub(crate) use profile::{aethex_preferences_result, preferences_done};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr::null;

/// Room that `aethex_auth_current_user` needs for the texts of any user whose avatar address has up to
/// 2,000 bytes.
pub const AETHEX_USER_TEXT_SIZE: usize = 4096;

/// Longest avatar address that fits.
const AVATAR_URL_LEN: usize = 2000;
/// Texts of a user.
const USER_TEXTS: usize = 6;
// A character has at most four bytes, and each text its NUL.
const _: () = assert!(
    AETHEX_USER_TEXT_SIZE
        >= ID_LEN
            + EMAIL_LEN_MAX
            + 4 * (USERNAME_CHARS_MAX + DISPLAY_NAME_CHARS_MAX)
            + AVATAR_URL_LEN
            + LOCALE_LEN_MAX
            + USER_TEXTS
);

/// Size of `aethex_user` in the first release: the least a caller may have.
const USER_SIZE_MIN: usize = offset_of!(aethex_user, visibility);
const _: () = assert!(USER_SIZE_MIN == offset_of!(aethex_user, created_at_ms) + size_of::<i64>());

/// Who may see a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_visibility {
    /// Every player of the game.
    AETHEX_VISIBILITY_PUBLIC = 1,
    /// Friends only.
    AETHEX_VISIBILITY_FRIENDS = 2,
    /// The player alone.
    AETHEX_VISIBILITY_PRIVATE = 3,
}

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
    /// The account's email; empty when it has none.
    pub email: aethex_str,
    /// The name to show.
    pub display_name: aethex_str,
    /// Address of the avatar picture; empty when there is none.
    pub avatar_url: aethex_str,
    /// When the account was made, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// An `aethex_visibility`: who may see the profile.
    pub visibility: i32,
    /// Whether the player has shown that the mailbox is theirs.
    pub email_verified: bool,
    /// Whether the only way in is this device: nothing is linked yet.
    pub is_guest: bool,
    /// Language of mails and dialogs, as a BCP 47 tag; empty until it is set.
    pub locale: aethex_str,
}

/// What a challenge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_challenge_kind {
    /// A proof of work. The library finds it by itself.
    AETHEX_CHALLENGE_ARGON2ID = 1,
    /// A token of Cloudflare Turnstile.
    AETHEX_CHALLENGE_TURNSTILE = 2,
    /// A token of hCaptcha.
    AETHEX_CHALLENGE_HCAPTCHA = 3,
}

/// What the backend wants answered before it makes an account: show the CAPTCHA on a web page, and repeat the
/// call with its token as the option `proof_token`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_challenge {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_challenge_kind`.
    pub kind: i32,
    /// The site key of the CAPTCHA; empty for a proof of work.
    pub site_key: aethex_str,
}

/// A slot that both accounts of a merge have.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_merge_slot {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The slot.
    pub slot: aethex_str,
    /// When the newest save of the player's own account was made, milliseconds since 1970 UTC.
    pub mine_saved_at_ms: i64,
    /// Its played time in milliseconds; 0 when unknown.
    pub mine_playtime_ms: i64,
    /// When the guest's newest save was made, milliseconds since 1970 UTC.
    pub other_saved_at_ms: i64,
    /// Its played time in milliseconds; 0 when unknown.
    pub other_playtime_ms: i64,
}

/// Why a merge needs a choice.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_merge_conflict {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The guest's id.
    pub other: aethex_str,
    /// Slots that both have, by name, as an array of pointers.
    pub slots: *const *const aethex_merge_slot,
    /// How many slots.
    pub slot_count: usize,
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
    /// With `AETHEX_ERROR_PROOF_REQUIRED` and `AETHEX_ERROR_INVALID_PROOF`: what to answer; null otherwise.
    pub challenge: *const aethex_challenge,
    /// With `AETHEX_ERROR_MERGE_CONFLICT`: what both accounts have; null otherwise.
    pub merge: *const aethex_merge_conflict,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_user_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_user_result)>;

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
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe { known_user(cloud, Auth::current_user, user, buffer, capacity) })
}

/// Writes a user whom this device knows of.
///
/// # Safety
/// `user` is null or a struct as long as it says, `buffer` is null or has `capacity` writable bytes.
unsafe fn known_user(
    cloud: aethex_cloud,
    find: impl FnOnce(&Auth) -> Option<User>,
    user: *mut aethex_user,
    buffer: *mut c_char,
    capacity: usize,
) -> Result<(), ErrorCode> {
    let entry = entry(cloud)?;
    let _open = entry.open()?;
    let found = find(&entry.cloud.auth()).ok_or(ErrorCode::NotLoggedIn)?;
    let texts: [&str; USER_TEXTS] = [
        found.id.as_str(),
        &found.username,
        &found.email,
        &found.display_name,
        &found.avatar_url,
        &found.locale,
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
    let found = user_of(&found, texts.map(&mut write));
    // SAFETY: the caller's promise, passed on.
    unsafe { put_sized(user, USER_SIZE_MIN, found) }
}

/// A user for C, with its texts in the order of the struct.
fn user_of(user: &User, texts: [aethex_str; USER_TEXTS]) -> aethex_user {
    use aethex_visibility as V;
    let [id, username, email, display_name, avatar_url, locale] = texts;
    let visibility = match user.visibility {
        Visibility::Public => V::AETHEX_VISIBILITY_PUBLIC,
        Visibility::Friends => V::AETHEX_VISIBILITY_FRIENDS,
        Visibility::Private => V::AETHEX_VISIBILITY_PRIVATE,
    };
    aethex_user {
        struct_size: size_for_c::<aethex_user>(),
        id,
        username,
        email,
        display_name,
        avatar_url,
        created_at_ms: user.created_at_ms,
        visibility: visibility as i32,
        email_verified: user.email_verified,
        is_guest: user.is_guest,
        locale,
    }
}

/// A user for C, lent.
pub(crate) fn lend_user(lent: &mut Lent, user: &User) -> aethex_user {
    let texts =
        [user.id.as_str(), &user.username, &user.email, &user.display_name, &user.avatar_url, &user.locale];
    user_of(user, texts.map(|text| lent.text(text)))
}

fn lend_challenge(lent: &mut Lent, challenge: &Challenge) -> aethex_challenge {
    use aethex_challenge_kind as K;
    let kind = match challenge.kind {
        ChallengeKind::Argon2id => K::AETHEX_CHALLENGE_ARGON2ID,
        ChallengeKind::Turnstile => K::AETHEX_CHALLENGE_TURNSTILE,
        ChallengeKind::Hcaptcha => K::AETHEX_CHALLENGE_HCAPTCHA,
    };
    aethex_challenge {
        struct_size: size_for_c::<aethex_challenge>(),
        kind: kind as i32,
        site_key: lent.text(&challenge.site_key),
    }
}

fn lend_merge(lent: &mut Lent, merge: &MergeConflict) -> aethex_merge_conflict {
    let (slots, slot_count) = lent.all(&merge.slots, |lent, slot: &MergeSlot| aethex_merge_slot {
        struct_size: size_for_c::<aethex_merge_slot>(),
        slot: lent.text(&slot.slot),
        mine_saved_at_ms: slot.mine_saved_at_ms,
        mine_playtime_ms: slot.mine_playtime_ms,
        other_saved_at_ms: slot.other_saved_at_ms,
        other_playtime_ms: slot.other_playtime_ms,
    });
    aethex_merge_conflict {
        struct_size: size_for_c::<aethex_merge_conflict>(),
        other: lent.text(merge.other.as_str()),
        slots,
        slot_count,
    }
}

pub(crate) fn user_done(
    callback: aethex_user_callback,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<User, Error>) + Send + 'static {
    done(callback, user_data, lend_result)
}

fn lend_result(lent: &mut Lent, head: Head, result: Result<User, Error>) -> aethex_user_result {
    let (mut user, mut challenge, mut merge) = (null(), null(), null());
    match result {
        Ok(found) => {
            let found = lend_user(lent, &found);
            user = lent.one(found);
        }
        Err(error) => {
            if let Some(asked) = error.challenge {
                let asked = lend_challenge(lent, &asked);
                challenge = lent.one(asked);
            }
            if let Some(found) = error.merge {
                let found = lend_merge(lent, &found);
                merge = lent.one(found);
            }
        }
    }
    aethex_user_result {
        struct_size: size_for_c::<aethex_user_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        user,
        challenge,
        merge,
    }
}
