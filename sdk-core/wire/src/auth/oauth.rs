//! Login with a provider: OAuth 2.0 authorization code with PKCE (RFC 6749, RFC 7636, RFC 9700) and OpenID
//! Connect, for native apps by a loopback redirect (RFC 8252).
//!
//! The game makes `state` and the PKCE verifier; the backend makes the authorization URL with a nonce and
//! seals all of it into `flow`. The game opens the browser, receives code and state, compares the state, and
//! sends both back; the backend exchanges the code, checks the id token, and logs in or links.

use super::{LoggedIn, User, hidden};
use crate::endpoint::{None, endpoint};
use crate::proof::Proof;
use serde::{Deserialize, Serialize};

/// Shortest and longest `state` and PKCE verifier, in characters (RFC 7636 section 4.1).
pub const VERIFIER_LEN_MIN: usize = 43;
/// Longest `state` and PKCE verifier, in characters.
pub const VERIFIER_LEN_MAX: usize = 128;
/// Longest authorization code accepted from a provider, in bytes.
pub const OAUTH_CODE_LEN_MAX: usize = 2048;

/// Providers that can be configured, by their names in paths.
pub const PROVIDERS: &[&str] = &["google", "github", "discord", "oidc"];

/// The beginning of a login with a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OauthStartRequest {
    /// `http://127.0.0.1:<port>/<path>` or `http://[::1]:<port>/<path>` (RFC 8252 section 7.3), or an address
    /// that the backend's configuration lists.
    pub redirect_uri: String,
    /// 43 to 128 random characters that the redirect must bring back.
    pub state: String,
    /// base64url(SHA-256(verifier)), `S256`.
    pub code_challenge: String,
}

/// Where to send the player's browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OauthStart {
    /// The provider's page.
    pub authorization_url: String,
    /// What the completing request brings back, sealed.
    pub flow: String,
    /// Seconds until the flow ends.
    pub expires_in: i64,
}

/// The end of a login with a provider, or of a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OauthRequest {
    /// As [`OauthStart`] gave it.
    pub flow: String,
    /// The redirect's `code`.
    pub code: String,
    /// The redirect's `state`.
    pub state: String,
    /// The PKCE verifier.
    pub code_verifier: String,
    /// The redirect's `iss`, when it has one (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
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

/// The providers that a game's players can log in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Providers {
    /// Their names, as in paths.
    pub items: Vec<String>,
}

hidden!(OauthStart, OauthRequest);

endpoint!(
    /// Lists the providers that are configured.
    ListProviders, "list_providers", Get "/api/v1/auth/oauth", Public, 200, None, None => Providers);
endpoint!(
    /// Begins a login or link with a provider.
    StartOauth, "start_oauth", Post "/api/v1/auth/oauth/{provider}/start", Public, 200, None, OauthStartRequest => OauthStart);
endpoint!(
    /// Logs in with a provider; makes the account the first time.
    LoginOauth, "login_oauth", Post "/api/v1/auth/oauth/{provider}", Public, 200, None, OauthRequest => LoggedIn);
endpoint!(
    /// Links a provider to the caller's account.
    LinkOauth, "link_oauth", Post "/api/v1/auth/identities/{provider}", Player, 200, None, OauthRequest => User);
