//! Privacy: policies and their acceptance, consents, age and parents, export and erasure of everything that
//! is known of a player.

use crate::endpoint::{None, endpoint};
use crate::ids::{ExportId, ReceiptId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ages below this need a parent's consent where the game sets nothing else (COPPA).
pub const CHILD_AGE: i64 = 13;

/// A policy that the game asks players to accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// Its name, for example `terms` or `privacy`.
    pub policy: String,
    /// Its version, as the game names it.
    pub version: String,
    /// Where it can be read.
    pub url: String,
    /// Whether the game cannot be used without accepting it.
    pub required: bool,
    /// When it was published, milliseconds since 1970 UTC.
    pub published_at_ms: i64,
}

/// The newest version of each policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policies {
    /// The policies, by name.
    pub items: Vec<Policy>,
}

/// The acceptance of one version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptPolicyRequest {
    /// The policy's name.
    pub policy: String,
    /// The version that the player was shown.
    pub version: String,
}

/// What a consent is for. Nothing of it happens without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Events, metrics and crash reports.
    Analytics,
    /// Voice chat.
    Voice,
    /// Sharing with third parties, such as login providers and stores.
    ThirdParty,
    /// Mails about the game.
    Marketing,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: &'static [Purpose] =
        &[Purpose::Analytics, Purpose::Voice, Purpose::ThirdParty, Purpose::Marketing];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::Analytics => "analytics",
            Purpose::Voice => "voice",
            Purpose::ThirdParty => "third_party",
            Purpose::Marketing => "marketing",
        }
    }
}

/// The giving or taking back of a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// What it is for.
    pub purpose: Purpose,
    /// Given, or taken back.
    pub granted: bool,
}

/// A consent as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Consent {
    /// What it is for.
    pub purpose: Purpose,
    /// Whether it was given.
    pub granted: bool,
    /// Who said so: `player` or `parent`.
    pub by: String,
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// The player's age, asked neutrally. It is stored as a band, not as a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AgeRequest {
    /// Year of birth.
    pub birth_year: i64,
    /// Month of birth, 1 to 12; without it the player counts as not having had this year's birthday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_month: Option<i64>,
}

/// How old a player is, as far as it matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgeBand {
    /// Not asked.
    #[default]
    Unknown,
    /// Under the age of consent.
    Child,
    /// Old enough.
    Adult,
}

/// Where a parent's consent stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ParentState {
    /// Not asked.
    #[default]
    None,
    /// A mail was sent.
    Asked,
    /// The parent agreed.
    Granted,
    /// The parent refused, or took it back.
    Refused,
}

/// A mail to a parent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AskParentRequest {
    /// The parent's address.
    pub email: String,
}

/// A parent's answer, by the code of the mail. The code stays good for taking it back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ParentAnswerRequest {
    /// The code; case, spaces and hyphens do not matter.
    pub code: String,
    /// Whether the child may play with an account.
    pub granted: bool,
    /// What the child may use besides.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
}

/// Where a player's privacy stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrivacyState {
    /// The age band.
    pub age: AgeBand,
    /// The parent's consent, which matters for a child.
    pub parent: ParentState,
    /// Required policies whose newest version the player has not accepted.
    pub policies_to_accept: Vec<Policy>,
    /// Consents as they stand; a purpose that is absent was never consented to.
    pub consents: Vec<Consent>,
    /// What is allowed now: consents, less what a child may not do.
    pub allowed: Vec<Purpose>,
    /// When the account will be erased, milliseconds since 1970 UTC, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure_at_ms: Option<i64>,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExportStatus {
    /// Being made.
    Pending,
    /// Can be downloaded.
    Ready,
    /// Could not be made: ask again.
    Failed,
}

/// An export of everything that is known of a player: one ZIP archive of JSON files and pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Export {
    /// The export's id.
    pub id: ExportId,
    /// How far it is.
    pub status: ExportStatus,
    /// The archive's size, in bytes, once it is ready.
    pub size_bytes: i64,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it is thrown away.
    pub expires_at_ms: i64,
}

/// A request to erase the account.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EraseRequest {
    /// The account's password, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// An erasure that is under way or done. Says nothing of whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Receipt {
    /// The receipt's id: whoever has it can look at it, also when the account is gone.
    pub id: ReceiptId,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub requested_at_ms: i64,
    /// When everything is erased; until then it can be taken back.
    pub erasure_at_ms: i64,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at_ms: Option<i64>,
    /// Rows and files erased, by service.
    #[serde(default)]
    pub erased: BTreeMap<String, i64>,
}

crate::auth::hidden!(AskParentRequest, ParentAnswerRequest, EraseRequest);

endpoint!(
    /// Lists the newest version of each policy.
    ListPolicies, "list_policies", Get "/api/v1/privacy/policies", Public, 200, None, None => Policies);
endpoint!(
    /// Accepts a policy's newest version.
    AcceptPolicy, "accept_policy", Post "/api/v1/privacy/acceptances", Player, 204, None, AcceptPolicyRequest => None);
endpoint!(
    /// Reads where the caller's privacy stands.
    GetPrivacy, "get_privacy", Get "/api/v1/privacy", Player, 200, None, None => PrivacyState);
endpoint!(
    /// Gives or takes back a consent.
    PutConsent, "put_consent", Put "/api/v1/privacy/consents", Player, 200, None, ConsentRequest => PrivacyState);
endpoint!(
    /// Says the caller's age, once.
    PutAge, "put_age", Put "/api/v1/privacy/age", Player, 200, None, AgeRequest => PrivacyState);
endpoint!(
    /// Asks a parent for consent, by mail.
    AskParent, "ask_parent", Post "/api/v1/privacy/parent", Player, 204, None, AskParentRequest => None);
endpoint!(
    /// A parent's answer, by the code of the mail.
    AnswerAsParent, "answer_as_parent", Post "/api/v1/privacy/parent/answer", Public, 204, None, ParentAnswerRequest => None);
endpoint!(
    /// Asks for an export of everything that is known of the caller.
    StartExport, "start_export", Post "/api/v1/privacy/exports", Player, 202, None, None => Export);
endpoint!(
    /// Reads how far an export is.
    GetExport, "get_export", Get "/api/v1/privacy/exports/{export_id}", Player, 200, None, None => Export);
endpoint!(
    /// Downloads an export's archive (`application/zip`).
    DownloadExport, "download_export", Get "/api/v1/privacy/exports/{export_id}/archive", Player, 200, None, None => None);
endpoint!(
    /// Asks for the erasure of the caller's account. It is done after a time of grace.
    StartErasure, "start_erasure", Post "/api/v1/privacy/erasure", Player, 202, None, EraseRequest => Receipt);
endpoint!(
    /// Takes an erasure back, within the time of grace.
    CancelErasure, "cancel_erasure", Delete "/api/v1/privacy/erasure", Player, 204, None, None => None);
endpoint!(
    /// Reads an erasure's receipt.
    GetReceipt, "get_receipt", Get "/api/v1/privacy/receipts/{receipt_id}", Public, 200, None, None => Receipt);
