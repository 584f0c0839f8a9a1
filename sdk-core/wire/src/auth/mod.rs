//! Accounts: ways in, sessions, email, profile. One file a topic: [`email`] (addresses and passwords),
//! [`identities`] (guests, links, merges), [`oauth`] (providers), [`profile`] (profile, preferences,
//! avatar), [`sessions`]; this one holds what they share, and registration and login.

pub mod email;
pub mod identities;
pub mod oauth;
pub mod profile;
pub mod sessions;

use crate::endpoint::{None, endpoint};
use crate::ids::{PlayerId, SessionId};
use crate::proof::Proof;
pub use profile::{GetProfile, ProfileChange, PutProfile, Visibility};
use serde::{Deserialize, Serialize};

/// Serialises a type without showing what it holds: for requests that carry secrets.
macro_rules! hidden {
    ($($name:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use hidden;

/// Shortest password, in characters (NIST SP 800-63B).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest password, in characters: long passphrases fit, hashing stays bounded.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Longest email address, in bytes (RFC 5321).
pub const EMAIL_LEN_MAX: usize = 254;
/// Shortest username, in characters.
pub const USERNAME_CHARS_MIN: usize = 3;
/// Longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 32;
/// Longest device name, in characters.
pub const DEVICE_NAME_CHARS_MAX: usize = 64;
/// Longest display name, in characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
/// Longest language tag, in bytes.
pub const LOCALE_LEN_MAX: usize = 35;

/// A player as the player sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// The player's id, the `user_id` of other paths.
    pub id: PlayerId,
    /// The login name others see; unique within the game.
    pub username: String,
    /// The account's email; empty when it has none.
    pub email: String,
    /// Whether the player has shown that the mailbox is theirs.
    #[serde(default)]
    pub email_verified: bool,
    /// Whether the only way in is this device: nothing is linked yet.
    #[serde(default)]
    pub is_guest: bool,
    /// The name to show, any script; the username until it is set.
    pub display_name: String,
    /// Address of the avatar picture; empty when there is none.
    pub avatar_url: String,
    /// Who may see the profile.
    #[serde(default)]
    pub visibility: Visibility,
    /// Language of mails and dialogs, as a BCP 47 tag; empty until it is set.
    #[serde(default)]
    pub locale: String,
    /// Grows by one with each change; the profile's `ETag`.
    pub version: i64,
    /// When the account was made, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
}

/// A session's tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tokens {
    /// JWT for the `Authorization: Bearer` header.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// Opaque token for one refresh; each refresh answers with the next one.
    pub refresh_token: String,
    /// Seconds until the refresh token ends.
    pub refresh_expires_in: i64,
    /// The session both belong to.
    pub session_id: SessionId,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// Answer to a registration or login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoggedIn {
    /// Who logged in.
    pub user: User,
    /// The session's tokens, beside `user` in the same object.
    #[serde(flatten)]
    pub tokens: Tokens,
}

/// A new account.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Email address; compared without regard to case.
    pub email: String,
    /// 8 to 256 characters.
    pub password: String,
    /// 3 to 32 letters, digits, `_`, `-`, `.`; made from the email when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Name of the device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Language of mails, as a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The answer to the challenge of a `proof_required` problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

hidden!(RegisterRequest, LoginRequest, RefreshRequest);

/// A login with email and password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The account's email.
    pub email: String,
    /// The account's password.
    pub password: String,
    /// Name of the device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
}

/// A refresh of the session's tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token.
    pub refresh_token: String,
}

/// The end of a session. The session is the access token's, or, when that has expired, the refresh token's.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogoutRequest {
    /// Needed only without a valid access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Ends every session of the account.
    #[serde(default)]
    pub everywhere: bool,
}

impl std::fmt::Debug for LogoutRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogoutRequest").field("everywhere", &self.everywhere).finish_non_exhaustive()
    }
}

endpoint!(
    /// Makes an account and logs it in.
    Register, "register", Post "/api/v1/auth/register", Public, 201, None, RegisterRequest => LoggedIn);
endpoint!(
    /// Logs in with email and password.
    Login, "login", Post "/api/v1/auth/login", Public, 200, None, LoginRequest => LoggedIn);
endpoint!(
    /// Exchanges a refresh token for new tokens.
    Refresh, "refresh", Post "/api/v1/auth/refresh", Public, 200, None, RefreshRequest => Tokens);
endpoint!(
    /// Ends the session, or all of them.
    Logout, "logout", Post "/api/v1/auth/logout", Public, 204, None, LogoutRequest => None);
