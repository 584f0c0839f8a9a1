//! Providers that speak OpenID Connect: discovery, keys, codes for tokens, userinfo.

use super::config::{ClientAuth, OidcConfig};
use super::document::{Document, Lasts};
use super::id_token::{KeySet, Unverified};
use super::net::{Net, configured_url};
use super::provider::{Grant, token_refused};
use super::rules::{Expected, Fault, Person, check_claims, check_iss, discovered_url, is_yes};
use crate::app::StartError;
use crate::context::now_ms;
use aethex_wire::endpoint::fill_path;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Addresses of a provider change in years; an outage of theirs is no reason to forget them.
const DISCOVERY: Lasts = Lasts { fresh_ms: 3600 * 1000, stale_ms: 24 * 3600 * 1000 };
/// Keys that a provider withdraws must not count for long.
const KEYS: Lasts = Lasts { fresh_ms: 10 * 60 * 1000, stale_ms: 3600 * 1000 };

/// A provider.
#[derive(Debug)]
pub(super) struct Oidc {
    config: OidcConfig,
    issuer: Url,
    discovery: Document<Discovery>,
    keys: Document<KeySet>,
}

/// What is needed of a discovery document.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) authorization_url: Url,
    token_url: Url,
    keys_url: Url,
    userinfo_url: Option<Url>,
    secret_in_form: bool,
    sends_iss: bool,
}

/// A discovery document (OpenID Connect Discovery section 3, RFC 8414, RFC 9207).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What a provider is asked with; read before the code is spent.
#[derive(Debug)]
pub(super) struct Ready {
    discovery: Arc<Discovery>,
    keys: Arc<KeySet>,
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
pub(super) struct Tokens {
    access_token: Option<String>,
    id_token: Option<String>,
}

impl Oidc {
    pub(super) fn new(name: &str, config: &OidcConfig) -> Result<Oidc, StartError> {
        let key = format!("auth.oauth.{name}.issuer");
        let issuer = configured_url(&key, &config.issuer)?;
        if issuer.query().is_some() {
            return Err(StartError(format!("`{key}` has no query")));
        }
        if !config.scopes.iter().any(|scope| scope == "openid") {
            return Err(StartError(format!("`auth.oauth.{name}.scopes` needs `openid`")));
        }
        Ok(Oidc {
            config: config.clone(),
            issuer,
            discovery: Document::new(DISCOVERY),
            keys: Document::new(KEYS),
        })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.config.client_id
    }

    pub(super) fn scopes(&self) -> &[String] {
        &self.config.scopes
    }

    pub(super) async fn discovery(&self, net: &Net) -> Result<Arc<Discovery>, Fault> {
        self.discovery.get(self.discover(net)).await
    }

    async fn discover(&self, net: &Net) -> Result<Discovery, Fault> {
        // Appended to the issuer, not resolved against it: an issuer may have a path.
        let address =
            format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let address = Url::parse(&address).map_err(|_| Fault::refused("the issuer is no URL"))?;
        let found: Metadata = document(net, &address).await?;
        if found.issuer != self.config.issuer {
            return Err(Fault::refused("the discovery document is another issuer's"));
        }
        let url = |text: &str| discovered_url(text, &self.issuer);
        let methods = found.token_endpoint_auth_methods_supported;
        let methods = methods.unwrap_or_else(|| vec!["client_secret_basic".into()]);
        let offers = |method: &str| methods.iter().any(|offered| offered == method);
        Ok(Discovery {
            authorization_url: url(&found.authorization_endpoint)?,
            token_url: url(&found.token_endpoint)?,
            keys_url: url(&found.jwks_uri)?,
            userinfo_url: found.userinfo_endpoint.as_deref().map(url).transpose()?,
            secret_in_form: match self.config.client_auth {
                ClientAuth::Auto => !offers("client_secret_basic") && offers("client_secret_post"),
                ClientAuth::Basic => false,
                ClientAuth::Post => true,
            },
            sends_iss: found.authorization_response_iss_parameter_supported,
        })
    }

    /// Everything that can be had before the code is spent.
    pub(super) async fn prepare(&self, net: &Net, iss: Option<&str>) -> Result<Ready, Fault> {
        let discovery = self.discovery(net).await?;
        check_iss(iss, &self.config.issuer, discovery.sends_iss)?;
        let keys = self.keys.get(fetch_keys(net, &discovery.keys_url)).await?;
        Ok(Ready { discovery, keys })
    }

    pub(super) async fn exchange(
        &self,
        net: &Net,
        ready: &Ready,
        grant: &Grant<'_>,
    ) -> Result<Tokens, Fault> {
        let (id, secret) = (self.config.client_id.as_str(), self.config.client_secret.as_str());
        let mut form = grant.form();
        // Id and secret are encoded as form values before they become a header (RFC 6749 section 2.3.1).
        let (basic_id, basic_secret) = (fill_path("{v}", &[id]), fill_path("{v}", &[secret]));
        let in_form = ready.discovery.secret_in_form || secret.is_empty();
        if in_form {
            form.push_str(&fill_path("&client_id={v}", &[id]));
        }
        if in_form && !secret.is_empty() {
            form.push_str(&fill_path("&client_secret={v}", &[secret]));
        }
        let basic = (!in_form).then_some((basic_id.as_str(), basic_secret.as_str()));
        let answer = net.post(&ready.discovery.token_url, form, basic).await?;
        if !answer.is_success() {
            return Err(token_refused(&answer));
        }
        answer.json()
    }

    /// Who the tokens are about.
    pub(super) async fn person(
        &self,
        net: &Net,
        ready: &Ready,
        tokens: &Tokens,
        nonce: &str,
    ) -> Result<Person, Fault> {
        let token = tokens.id_token.as_deref().ok_or_else(|| Fault::refused("there is no id token"))?;
        let mut claims = match ready.keys.verify(token) {
            Err(Unverified::UnknownKey) => {
                let fetch = fetch_keys(net, &ready.discovery.keys_url);
                self.keys.newer(&ready.keys, fetch).await?.verify(token)?
            }
            verified => verified?,
        };
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce,
            now_s: now_ms() / 1000,
        };
        check_claims(&claims, &expected)?;
        if self.lacks_claims(&claims)
            && let (Some(url), Some(token)) = (&ready.discovery.userinfo_url, &tokens.access_token)
        {
            let more: Map<String, Value> = net.get_as(url, token).await?.success()?;
            // Else the access token may be another person's (OpenID Connect Core section 5.3.2).
            if more.get("sub") != claims.get("sub") {
                return Err(Fault::refused("userinfo is another person's"));
            }
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        Person::new(
            text("sub").unwrap_or_default(),
            text("email"),
            is_yes(claims.get("email_verified")),
            text("name"),
            text("preferred_username"),
        )
    }

    /// Whether something was asked for that the id token does not say.
    fn lacks_claims(&self, claims: &Map<String, Value>) -> bool {
        let asked = |scope: &str| self.config.scopes.iter().any(|own| own == scope);
        asked("email") && (!claims.contains_key("email") || !claims.contains_key("email_verified"))
            || asked("profile") && !claims.contains_key("name")
    }
}

async fn fetch_keys(net: &Net, url: &Url) -> Result<KeySet, Fault> {
    let set = document(net, url).await?;
    KeySet::parse(set).ok_or_else(|| Fault::unavailable("the key set is not one"))
}

/// A public document. One that cannot be read may be a page for people while the provider is being repaired.
async fn document<T: serde::de::DeserializeOwned>(net: &Net, url: &Url) -> Result<T, Fault> {
    let read = async { net.get(url).await?.success() };
    read.await.map_err(|fault| match fault {
        Fault::Unavailable(why) | Fault::Refused(why) => Fault::Unavailable(format!("{}: {why}", url.path())),
    })
}
