//! Profile, preferences and avatar.

use super::{AeThexAuth, with_user};
use crate::call::{self, CALL_TIME_MAX};
use crate::convert::{from_json, to_json};
use crate::error::argument;
use crate::result::Fields;
use crate::settings::text;
use crate::user::AeThexPlayer;
use aethex_sdk_core::wire::auth::profile::AVATAR_PIXELS;
use aethex_sdk_core::{
    Bytes, Error, ErrorCode, PlayerId, Preferences, ProfileChange, PublicProfile, Visibility,
};
use godot::builtin::{AnyDictionary, PackedByteArray, Signal, VarDictionary, Variant, VariantType};
use godot::classes::Image;
use godot::classes::image::Interpolation;
use godot::global::Error as GodotError;
use godot::obj::Gd;
use godot::register::godot_api;

/// Longest side of a picture that is handed over as an [Image]: larger ones would stop the frame.
const IMAGE_SIDE_MAX: i32 = 8192;

#[godot_api(secondary)]
impl AeThexAuth {
    /// Reads the player's profile from the server. Yields `result.user`.
    #[func]
    fn get_profile(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().profile()), with_user)
    }

    /// Changes the player's profile: `username`, `display_name`, `visibility` (`"public"`, `"friends"` or
    /// `"private"`), `locale` (language of mails, `"pt-BR"`); keys that are left out stay as they are. Yields
    /// `result.user`.
    #[func]
    fn update_profile(&self, changes: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.auth().update_profile(profile_change(&changes)?)),
            with_user,
        )
    }

    /// Reads another player's profile, as far as the player shows it. Yields `result.player`, an
    /// [AeThexPlayer].
    #[func]
    fn get_player(&self, id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let id = PlayerId::parse(&text(&id, "id")?)
                    .ok_or_else(|| argument("id is not the id of a player"))?;
                Ok(cloud.auth().public_profile(id))
            },
            |player: PublicProfile| Ok(Fields::default().with("player", AeThexPlayer::of(&player))),
        )
    }

    /// Reads the player's preferences: settings that are the same on every device. Yields `result.preferences`,
    /// a Dictionary.
    #[func]
    fn get_preferences(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().preferences()), preferences)
    }

    /// Sets the preferences that the dictionary names and removes those that are null in it; the others stay.
    /// Keys are of letters, digits, `_`, `-`, `.` and `/`; values are booleans, numbers, Strings, and arrays and
    /// dictionaries of them. Yields `result.preferences`, all of them.
    #[func]
    fn set_preferences(&self, values: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().set_preferences(to_json(&values)?)), preferences)
    }

    /// Sets the player's avatar: an [Image], or the bytes of a PNG, JPEG or WebP file of at most 4 MiB. The server
    /// draws it anew, 256 pixels square. Yields `result.user` with its `avatar_url`.
    #[func]
    fn set_avatar(&self, picture: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().set_avatar(avatar(&picture)?)), with_user)
    }

    /// Removes the player's avatar. Yields `result.user`.
    #[func]
    fn remove_avatar(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().delete_avatar()), with_user)
    }
}

fn profile_change(changes: &Variant) -> Result<ProfileChange, Error> {
    let changes = changes.try_to::<AnyDictionary>().map_err(|_| {
        argument("update_profile() takes a dictionary, for example {\"display_name\": \"Ann\"}")
    })?;
    let mut change = ProfileChange::default();
    for (key, value) in changes.iter_shared() {
        let key = text(&key, "a key")?;
        match key.as_str() {
            "username" => change.username = Some(text(&value, &key)?),
            "display_name" => change.display_name = Some(text(&value, &key)?),
            "visibility" => change.visibility = Some(visibility(&text(&value, &key)?)?),
            "locale" => change.locale = Some(text(&value, &key)?.replace('_', "-")),
            _ => return Err(argument(format!("{key:?} cannot be changed in a profile"))),
        }
    }
    Ok(change)
}

fn visibility(name: &str) -> Result<Visibility, Error> {
    match name {
        "public" => Ok(Visibility::Public),
        "friends" => Ok(Visibility::Friends),
        "private" => Ok(Visibility::Private),
        _ => Err(argument("visibility must be \"public\", \"friends\" or \"private\"")),
    }
}

fn preferences(preferences: Preferences) -> Result<Fields, Error> {
    let mut values = VarDictionary::new();
    for (key, value) in &preferences.values {
        values.set(&crate::user::text(key), &from_json(value));
    }
    Ok(Fields::default().with("preferences", values))
}

/// The file of a picture.
fn avatar(picture: &Variant) -> Result<Bytes, Error> {
    // The engine makes an empty array of anything else.
    if picture.get_type() == VariantType::PACKED_BYTE_ARRAY {
        let bytes = picture.try_to::<PackedByteArray>().unwrap_or_default();
        return Ok(Bytes::from(bytes.to_vec()));
    }
    let image = picture
        .try_to::<Gd<Image>>()
        .map_err(|_| argument("picture must be an Image, or the PackedByteArray of a picture's file"))?;
    let refuse = |message: &str| Error::new(ErrorCode::InvalidAvatar, message);
    let (width, height) = (image.get_width(), image.get_height());
    if width < 1 || height < 1 || width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX {
        return Err(refuse("the image is empty, or larger than 8192 pixels"));
    }
    let png = small_copy(&image).map(|small| small.save_png_to_buffer()).unwrap_or_default();
    if png.is_empty() {
        return Err(refuse("the image cannot be written as a PNG: decompress it first"));
    }
    Ok(Bytes::from(png.to_vec()))
}

/// A copy whose shorter side has at most the avatar's pixels: more would only cost time and bandwidth.
fn small_copy(image: &Gd<Image>) -> Option<Gd<Image>> {
    let mut copy = image.duplicate_resource();
    if copy.is_compressed() && copy.decompress() != GodotError::OK {
        return None;
    }
    let (width, height) = (f64::from(copy.get_width()), f64::from(copy.get_height()));
    let scale = f64::from(AVATAR_PIXELS) / width.min(height);
    if scale < 1.0 {
        let side = |pixels: f64| (pixels * scale).round().max(1.0) as i32;
        copy.resize_ex(side(width), side(height)).interpolation(Interpolation::LANCZOS).done();
    }
    Some(copy)
}
