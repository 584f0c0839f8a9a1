//! The player's profile, preferences and avatar.

use crate::endpoint::{None, endpoint};
use crate::ids::PlayerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most preferences of a player.
pub const PREFERENCES_MAX: usize = 256;
/// Longest key of a preference, in bytes: letters, digits, `_`, `-`, `.`, `/`.
pub const PREFERENCE_KEY_LEN_MAX: usize = 64;
/// Largest set of preferences as JSON, in bytes: settings, not saves.
pub const PREFERENCES_LEN_MAX: usize = 16 * 1024;
/// Largest picture that may be sent as an avatar, in bytes.
pub const AVATAR_LEN_MAX: usize = 4 * 1024 * 1024;
/// Width and height of an avatar as it is kept, in pixels.
pub const AVATAR_PIXELS: u32 = 256;

/// Who may see a profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every player of the game.
    #[default]
    Public,
    /// Friends only.
    Friends,
    /// The player alone.
    Private,
}

/// What other players see of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublicProfile {
    /// The player's id.
    pub id: PlayerId,
    /// The login name.
    pub username: String,
    /// The name to show.
    pub display_name: String,
    /// Address of the avatar picture; empty when there is none.
    pub avatar_url: String,
}

/// A change of the profile; absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// A new username.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A new name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Who may see the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Language of mails and dialogs, as a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A player's settings: what should be the same on every device and is not part of a save.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preferences {
    /// The settings: booleans, numbers, texts, and lists and objects of them.
    pub values: BTreeMap<String, serde_json::Value>,
    /// Grows by one with each change; the `ETag`. 0 before the first.
    pub version: i64,
}

/// A change of preferences: keys named are set, keys with `null` removed, the others stay (RFC 7396 at the
/// first level).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PreferencesChange {
    /// The settings to set or remove.
    pub values: BTreeMap<String, serde_json::Value>,
}

endpoint!(
    /// Reads the caller's profile.
    GetProfile, "get_profile", Get "/api/v1/auth/profile", Player, 200, None, None => crate::auth::User);
endpoint!(
    /// Changes the caller's profile.
    PutProfile, "put_profile", Put "/api/v1/auth/profile", Player, 200, None, ProfileChange => crate::auth::User);
endpoint!(
    /// Reads another player's profile, as far as the player shows it.
    GetPublicProfile, "get_public_profile", Get "/api/v1/auth/profiles/{user_id}", Player, 200, None, None => PublicProfile);
endpoint!(
    /// Reads the caller's preferences.
    GetPreferences, "get_preferences", Get "/api/v1/auth/preferences", Player, 200, None, None => Preferences);
endpoint!(
    /// Changes the caller's preferences.
    PutPreferences, "put_preferences", Put "/api/v1/auth/preferences", Player, 200, None, PreferencesChange => Preferences);
endpoint!(
    /// Sets the caller's avatar: a PNG, JPEG or WebP picture as the body. It is drawn anew, 256 pixels square.
    PutAvatar, "put_avatar", Put "/api/v1/auth/avatar", Player, 200, None, None => crate::auth::User);
endpoint!(
    /// Removes the caller's avatar.
    DeleteAvatar, "delete_avatar", Delete "/api/v1/auth/avatar", Player, 200, None, None => crate::auth::User);
