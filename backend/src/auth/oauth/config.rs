//! Settings of logins with providers. A provider is on when its `client_id` is set.

use serde::{Deserialize, Serialize};

/// Settings of logins with providers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OauthConfig {
    /// Redirect URIs, beside those of loopback, that a flow may name: each exactly as it is sent. For games on
    /// web pages.
    pub redirect_uris: Vec<String>,
    /// PEM file with more certificate authorities, for a provider inside a company.
    pub ca_file: String,
    /// Starts, and completions, from one address: a classroom or a LAN party fits.
    pub attempts_per_address: u32,
    /// Seconds until one more is allowed.
    pub attempt_per_address_s: u32,
    /// Google.
    pub google: OidcConfig,
    /// GitHub, or GitHub Enterprise Server.
    pub github: PlainConfig,
    /// Discord.
    pub discord: PlainConfig,
    /// Any OpenID provider.
    pub oidc: OidcConfig,
}

impl Default for OauthConfig {
    fn default() -> OauthConfig {
        OauthConfig {
            redirect_uris: vec![],
            ca_file: String::new(),
            attempts_per_address: 200,
            attempt_per_address_s: 6,
            google: OidcConfig { issuer: "https://accounts.google.com".into(), ..OidcConfig::default() },
            github: PlainConfig {
                authorize_url: "https://github.com/login/oauth/authorize".into(),
                token_url: "https://github.com/login/oauth/access_token".into(),
                user_url: "https://api.github.com/user".into(),
                ..PlainConfig::new(&["read:user", "user:email"])
            },
            discord: PlainConfig {
                authorize_url: "https://discord.com/oauth2/authorize".into(),
                token_url: "https://discord.com/api/v10/oauth2/token".into(),
                user_url: "https://discord.com/api/v10/users/@me".into(),
                ..PlainConfig::new(&["identify", "email"])
            },
            oidc: OidcConfig::default(),
        }
    }
}

/// A provider that speaks OpenID Connect.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcConfig {
    /// The client's id at the provider; empty turns the provider off.
    pub client_id: String,
    /// The client's secret; empty for a public client.
    pub client_secret: String,
    /// How the secret is sent.
    pub client_auth: ClientAuth,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The issuer, exactly as the provider's discovery document names it.
    pub issuer: String,
}

impl Default for OidcConfig {
    fn default() -> OidcConfig {
        OidcConfig {
            client_id: String::new(),
            client_secret: String::new(),
            client_auth: ClientAuth::Auto,
            scopes: ["openid", "email", "profile"].map(String::from).into(),
            issuer: String::new(),
        }
    }
}

impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcConfig")
            .field("client_id", &self.client_id)
            .field("client_auth", &self.client_auth)
            .field("scopes", &self.scopes)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// How a client's secret is sent to the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// As the discovery document says; in the header when both will do.
    Auto,
    /// In the header (`client_secret_basic`).
    Basic,
    /// In the form (`client_secret_post`).
    Post,
}

/// A provider with OAuth 2.0 and an API of its own.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlainConfig {
    /// The client's id at the provider; empty turns the provider off.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The page where the player agrees.
    pub authorize_url: String,
    /// Where a code becomes a token.
    pub token_url: String,
    /// Where a token tells who the player is.
    pub user_url: String,
}

impl PlainConfig {
    fn new(scopes: &[&str]) -> PlainConfig {
        PlainConfig {
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            ..PlainConfig::default()
        }
    }
}

impl std::fmt::Debug for PlainConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlainConfig")
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .field("authorize_url", &self.authorize_url)
            .field("token_url", &self.token_url)
            .field("user_url", &self.user_url)
            .finish_non_exhaustive()
    }
}
