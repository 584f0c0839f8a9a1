//! Ways into an account: guests (a key kept by the device), email and password, providers; linking,
//! unlinking, and merging a guest into another account.

use super::{LoggedIn, User, hidden};
use crate::endpoint::{None, endpoint};
use crate::ids::PlayerId;
use crate::proof::Proof;
use serde::{Deserialize, Serialize};

/// Characters of a device key: 32 random bytes in base64url without padding.
pub const DEVICE_KEY_LEN: usize = 43;

/// A login as a guest: the account that this device key opens, made when there is none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GuestRequest {
    /// The device's secret: 32 random bytes in base64url, made once and kept by the device.
    pub device_key: String,
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

/// An email and password for an account that has none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkEmailRequest {
    /// Email address.
    pub email: String,
    /// 8 to 256 characters.
    pub password: String,
    /// A username; the one it has stays when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// A way into an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// `password`, `device`, or a provider's name.
    pub provider: String,
    /// What the player knows it by: the address, the device's or the provider's name for the player.
    pub label: String,
    /// When it was linked, milliseconds since 1970 UTC.
    pub linked_at_ms: i64,
}

/// The ways into the caller's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identities {
    /// The ways in, oldest first.
    pub items: Vec<Identity>,
}

/// What happens to a slot that both accounts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MergeChoice {
    /// The head stays the one of the account merged into; the other account's versions are kept in the history.
    KeepMine,
    /// The other account's head becomes the head; the versions of both are in the history.
    KeepOther,
    /// The other account's slot is kept beside, under a name of its own.
    KeepBoth,
}

/// Merges another account, usually a guest's, into the caller's. Everything it has moves; then it is gone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// A refresh token of the other account: the proof that it is the caller's too.
    pub other_refresh_token: String,
    /// What happens to slots that both have; without it they are reported and nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<MergeChoice>,
}

/// A slot that both accounts have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MergeSlot {
    /// The slot's name.
    pub slot: String,
    /// When the caller's head was saved, milliseconds since 1970 UTC.
    pub mine_saved_at_ms: i64,
    /// Played time of the caller's head, in milliseconds.
    pub mine_playtime_ms: i64,
    /// When the other account's head was saved.
    pub other_saved_at_ms: i64,
    /// Played time of the other account's head.
    pub other_playtime_ms: i64,
}

/// Why a merge needs a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MergeConflict {
    /// The other account.
    pub other: PlayerId,
    /// Slots that both have, by name.
    pub slots: Vec<MergeSlot>,
}

hidden!(GuestRequest, LinkEmailRequest, MergeRequest);

endpoint!(
    /// Logs in as this device's guest; makes the account the first time.
    LoginGuest, "login_guest", Post "/api/v1/auth/guest", Public, 200, None, GuestRequest => LoggedIn);
endpoint!(
    /// Lists the ways into the caller's account.
    ListIdentities, "list_identities", Get "/api/v1/auth/identities", Player, 200, None, None => Identities);
endpoint!(
    /// Gives the caller's account an email and a password.
    LinkEmail, "link_email", Post "/api/v1/auth/email/link", Player, 200, None, LinkEmailRequest => User);
endpoint!(
    /// Removes a way into the caller's account, never the last one.
    Unlink, "unlink", Delete "/api/v1/auth/identities/{provider}", Player, 200, None, None => User);
endpoint!(
    /// Merges another account of the player into the caller's.
    MergeAccount, "merge_account", Post "/api/v1/auth/merge", Player, 200, None, MergeRequest => User);
