//! Profile, preferences and avatar.

use super::{aethex_user_callback, aethex_visibility, user_done};
use crate::call::{Head, Lent, aethex_op, done, request, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, read_options, slice};
use crate::value::{aethex_value, dictionary, lend, plain, release, snapshot};
use aethex_sdk_core::{
    Bytes, Error, ErrorCode, Json, PlayerId, Preferences, ProfileChange, PublicProfile, Value, Visibility,
};
use aethex_wire::auth::profile::AVATAR_LEN_MAX;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::null;

/// The least of a change of the profile a caller may have.
const PROFILE_CHANGE_SIZE_MIN: usize = offset_of!(aethex_profile_change, username);

/// A change of the profile. Set everything to zero, then `struct_size` and what changes: empty texts and zeros
/// leave their fields as they are.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_profile_change {
    /// `sizeof(aethex_profile_change)`.
    pub struct_size: u32,
    /// An `aethex_visibility`; 0: as it is.
    pub visibility: i32,
    /// The login name others see.
    pub username: aethex_str,
    /// The name to show.
    pub display_name: aethex_str,
    /// Language of mails and dialogs, as a BCP 47 tag.
    pub locale: aethex_str,
}

impl aethex_visibility {
    fn of(number: i32) -> Result<Option<Visibility>, ErrorCode> {
        const PUBLIC: i32 = aethex_visibility::AETHEX_VISIBILITY_PUBLIC as i32;
        const FRIENDS: i32 = aethex_visibility::AETHEX_VISIBILITY_FRIENDS as i32;
        const PRIVATE: i32 = aethex_visibility::AETHEX_VISIBILITY_PRIVATE as i32;
        match number {
            0 => Ok(None),
            PUBLIC => Ok(Some(Visibility::Public)),
            FRIENDS => Ok(Some(Visibility::Friends)),
            PRIVATE => Ok(Some(Visibility::Private)),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// What other players see of a player.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_public_profile {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The player's id.
    pub id: aethex_str,
    /// The login name.
    pub username: aethex_str,
    /// The name to show.
    pub display_name: aethex_str,
    /// Address of the avatar picture; empty when there is none.
    pub avatar_url: aethex_str,
}

/// Result of `aethex_auth_public_profile`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_public_profile_result {
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
    /// The profile; null on failure.
    pub profile: *const aethex_public_profile,
}

/// Result of a request that ends with the player's preferences.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_preferences_result {
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
    /// All preferences, a dictionary by key, lent: it is freed after the callback. Copy it with
    /// `aethex_value_copy` to keep it. 0 on failure.
    pub values: aethex_value,
    /// Grows by one with each change; 0 before the first.
    pub version: i64,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_public_profile_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_public_profile_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_preferences_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_preferences_result)>;

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
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (username, display_name) = (username.set()?, display_name.set()?);
        let change = ProfileChange { username, display_name, ..ProfileChange::default() };
        let work = entry.cloud.auth().update_profile(change);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Changes the player's profile, visibility and language among it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_update_profile_with(
    cloud: aethex_cloud,
    change: *const aethex_profile_change,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers; the change is integers and pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let change = read_options(change, PROFILE_CHANGE_SIZE_MIN)?;
        let change = ProfileChange {
            username: change.username.set()?,
            display_name: change.display_name.set()?,
            visibility: aethex_visibility::of(change.visibility)?,
            locale: change.locale.set()?,
        };
        let work = entry.cloud.auth().update_profile(change);
        request(&entry, op, work, user_done(callback, user_data))
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
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().profile();
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Reads another player's profile, as far as the player shows it: `AETHEX_ERROR_NOT_FOUND` in the result when
/// there is no such player, or not for this one's eyes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_public_profile(
    cloud: aethex_cloud,
    player: aethex_str,
    callback: aethex_public_profile_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let work = entry.cloud.auth().public_profile(player);
        request(&entry, op, work, done(callback, user_data, lend_public_profile))
    })
}

/// Reads the player's preferences: settings that are the same on every device.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_preferences(
    cloud: aethex_cloud,
    callback: aethex_preferences_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().preferences();
        request(&entry, op, work, preferences_done(callback, user_data))
    })
}

/// Sets the preferences that the dictionary `values` names, removes those that are null in it, and leaves the
/// others. Keys are texts of letters, digits, `_`, `-`, `.`, `/`. At most 256, of together 16 KiB. The value stays
/// yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_set_preferences(
    cloud: aethex_cloud,
    values: aethex_value,
    callback: aethex_preferences_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let values = snapshot(values)?;
        let auth = entry.cloud.auth();
        let work = async move { auth.set_preferences(to_preferences(values.into_value())?).await };
        request(&entry, op, work, preferences_done(callback, user_data))
    })
}

/// Sets the avatar: a PNG, JPEG or WebP picture of at most 4 MiB. The backend draws it anew, 256 pixels square.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_set_avatar(
    cloud: aethex_cloud,
    data: *const u8,
    len: usize,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let picture = Bytes::copy_from_slice(slice(data, len, AVATAR_LEN_MAX)?);
        let work = entry.cloud.auth().set_avatar(picture);
        request(&entry, op, work, user_done(callback, user_data))
    })
}

/// Removes the avatar.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_auth_delete_avatar(
    cloud: aethex_cloud,
    callback: aethex_user_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.auth().delete_avatar();
        request(&entry, op, work, user_done(callback, user_data))
    })
}

fn lend_public_profile(
    lent: &mut Lent,
    head: Head,
    result: Result<PublicProfile, Error>,
) -> aethex_public_profile_result {
    let profile = result.ok().map(|profile| aethex_public_profile {
        struct_size: size_for_c::<aethex_public_profile>(),
        id: lent.text(profile.id.as_str()),
        username: lent.text(&profile.username),
        display_name: lent.text(&profile.display_name),
        avatar_url: lent.text(&profile.avatar_url),
    });
    aethex_public_profile_result {
        struct_size: size_for_c::<aethex_public_profile_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        profile: profile.map_or(null(), |profile| lent.one(profile)),
    }
}

/// A value's handle that ends with the callback, whatever the callback did with it.
struct LentValue(aethex_value);

impl Drop for LentValue {
    fn drop(&mut self) {
        if self.0 != 0 {
            release(self.0);
        }
    }
}

pub(crate) fn preferences_done(
    callback: aethex_preferences_callback,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Preferences, Error>) + Send + 'static {
    done(callback, user_data, |lent, head, result: Result<Preferences, Error>| {
        let (mut values, mut version) = (0, 0);
        if let Ok(preferences) = result {
            version = preferences.version;
            // No handle is left: then it is 0.
            values = lend(from_preferences(preferences.values)).unwrap_or(0);
            lent.one(LentValue(values));
        }
        aethex_preferences_result {
            struct_size: size_for_c::<aethex_preferences_result>(),
            error: head.error,
            op: head.op,
            message: head.message,
            retryable: head.retryable,
            values,
            version,
        }
    })
}

/// A dictionary as preferences: each entry in the JSON projection of values.
fn to_preferences(values: Value) -> Result<BTreeMap<String, Json>, Error> {
    let refuse = |message: &str| Err(Error::new(ErrorCode::InvalidArgument, message));
    let Value::Dictionary(values) = values else {
        return refuse("preferences are a dictionary");
    };
    let mut preferences = BTreeMap::new();
    for (key, value) in values.entries {
        let (Value::String(key) | Value::StringName(key)) = key else {
            return refuse("the keys of preferences are texts");
        };
        let Ok(value) = serde_json::to_value(&value) else {
            return refuse("a preference holds something that has no JSON");
        };
        preferences.insert(key, value);
    }
    Ok(preferences)
}

/// Preferences as a dictionary. What another program wrote there may look like the projection of a value without
/// being one: then it is taken as plain JSON.
fn from_preferences(preferences: BTreeMap<String, Json>) -> Value {
    let tagged = |json: Json| serde_json::from_value(json.clone()).unwrap_or_else(|_| plain(json));
    dictionary(preferences.into_iter().map(|(key, json)| (key, tagged(json))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aethex_wire::value::{Dictionary, ElementType};

    fn round(json: &str) -> Value {
        from_preferences(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn preferences_keep_their_types_and_foreign_json_is_no_error() {
        let value = dictionary(
            [
                ("audio/volume".to_owned(), Value::Float(0.5)),
                ("lives".to_owned(), Value::Int(3)),
                ("gone".to_owned(), Value::Null),
                ("spawn".to_owned(), Value::Vector3([1.0, 2.0, 3.0])),
            ]
            .into_iter(),
        );
        let preferences = to_preferences(value).unwrap();
        assert!(preferences["gone"].is_null());
        let Value::Dictionary(back) = from_preferences(preferences) else { panic!("a dictionary") };
        let spawn = (Value::String("spawn".to_owned()), Value::Vector3([1.0, 2.0, 3.0]));
        assert!(back.entries.contains(&spawn));

        let Value::Dictionary(odd) = round(r#"{"a":{"$vector3":"x"},"b":18446744073709551615}"#) else {
            panic!("a dictionary")
        };
        assert!(matches!(&odd.entries[0].1, Value::Dictionary(inner) if inner.entries.len() == 1));
        assert!(matches!(odd.entries[1].1, Value::Float(float) if float > 1e19));
    }

    #[test]
    fn what_is_no_dictionary_of_texts_is_refused() {
        let pairs = |key| {
            Value::Dictionary(Dictionary {
                key: ElementType::ANY,
                value: ElementType::ANY,
                entries: vec![(key, Value::Int(1))],
            })
        };
        for wrong in [Value::Null, Value::Int(1), pairs(Value::Int(1))] {
            assert_eq!(to_preferences(wrong).unwrap_err().code, ErrorCode::InvalidArgument);
        }
        assert!(to_preferences(pairs(Value::StringName("a".to_owned()))).is_ok());
    }
}
