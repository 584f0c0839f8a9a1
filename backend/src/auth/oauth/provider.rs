//! A provider of any kind, as the routes use it: where the player goes, then code for person in three steps.
//! `prepare` asks for what is public, `exchange` spends the code, `person` asks who it was.

use super::config::OauthConfig;
use super::flow::Flow;
use super::net::{Answer, Net};
use super::oidc::{self, Oidc};
use super::plain::{self, Kind, Plain};
use super::rules::{Fault, Person};
use crate::app::StartError;
use aethex_wire::auth::oauth::OauthStartRequest;
use aethex_wire::endpoint::fill_path;
use reqwest::Url;
use serde::Deserialize;

/// A provider that is on.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: &'static str,
    kind: Protocol,
}

#[derive(Debug)]
enum Protocol {
    Oidc(Box<Oidc>),
    Plain(Box<Plain>),
}

/// A code with what proves that it is ours.
pub(super) struct Grant<'a> {
    pub(super) code: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) code_verifier: &'a str,
}

impl Grant<'_> {
    /// The form of a token request, without the client (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
    pub(super) fn form(&self) -> String {
        fill_path(
            "grant_type=authorization_code&code={v}&redirect_uri={v}&code_verifier={v}",
            &[self.code, self.redirect_uri, self.code_verifier],
        )
    }
}

/// What was read before the code is spent.
#[derive(Debug)]
pub(super) struct Ready(Option<oidc::Ready>);

/// What a code became.
pub(super) enum Spent {
    Oidc(oidc::Tokens),
    Plain(plain::Token),
}

/// The providers of a configuration, in the order of the contract's list.
pub(super) fn providers(config: &OauthConfig) -> Result<Vec<Provider>, StartError> {
    let mut found = Vec::new();
    for &name in aethex_wire::auth::oauth::PROVIDERS {
        let oidc = |config| Ok(Protocol::Oidc(Box::new(Oidc::new(name, config)?)));
        let plain = |kind, config| Ok(Protocol::Plain(Box::new(Plain::new(name, kind, config)?)));
        let kind = match name {
            "google" if !config.google.client_id.is_empty() => oidc(&config.google),
            "oidc" if !config.oidc.client_id.is_empty() => oidc(&config.oidc),
            "github" if !config.github.client_id.is_empty() => plain(Kind::Github, &config.github),
            "discord" if !config.discord.client_id.is_empty() => plain(Kind::Discord, &config.discord),
            _ => continue,
        };
        found.push(Provider { name, kind: kind? });
    }
    Ok(found)
}

impl Provider {
    /// Where the player's browser goes.
    pub(super) async fn authorization_url(
        &self,
        net: &Net,
        flow: &Flow,
        request: &OauthStartRequest,
    ) -> Result<Url, Fault> {
        let (mut url, client_id, scopes) = match &self.kind {
            Protocol::Oidc(oidc) => {
                (oidc.discovery(net).await?.authorization_url.clone(), oidc.client_id(), oidc.scopes())
            }
            Protocol::Plain(plain) => (plain.authorize_url.clone(), plain.client_id(), plain.scopes()),
        };
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", &flow.redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &request.state)
            .append_pair("code_challenge", &flow.code_challenge)
            .append_pair("code_challenge_method", "S256");
        if matches!(self.kind, Protocol::Oidc(_)) {
            url.query_pairs_mut().append_pair("nonce", &flow.nonce);
        }
        Ok(url)
    }

    pub(super) async fn prepare(&self, net: &Net, iss: Option<&str>) -> Result<Ready, Fault> {
        match &self.kind {
            Protocol::Oidc(oidc) => oidc.prepare(net, iss).await.map(|ready| Ready(Some(ready))),
            // They have no issuer that could be compared.
            Protocol::Plain(_) => Ok(Ready(None)),
        }
    }

    /// Spends the code. [`Fault::Unavailable`] when there was no answer: then it may not be spent.
    pub(super) async fn exchange(&self, net: &Net, ready: &Ready, grant: &Grant<'_>) -> Result<Spent, Fault> {
        match (&self.kind, ready) {
            (Protocol::Oidc(oidc), Ready(Some(ready))) => {
                oidc.exchange(net, ready, grant).await.map(Spent::Oidc)
            }
            (Protocol::Plain(plain), _) => plain.exchange(net, grant).await.map(Spent::Plain),
            (Protocol::Oidc(_), Ready(None)) => Err(Fault::refused("the provider was not prepared")),
        }
    }

    pub(super) async fn person(
        &self,
        net: &Net,
        ready: &Ready,
        spent: &Spent,
        nonce: &str,
    ) -> Result<Person, Fault> {
        match (&self.kind, ready, spent) {
            (Protocol::Oidc(oidc), Ready(Some(ready)), Spent::Oidc(tokens)) => {
                oidc.person(net, ready, tokens, nonce).await
            }
            (Protocol::Plain(plain), _, Spent::Plain(token)) => plain.person(net, token).await,
            _ => Err(Fault::refused("the tokens are of another provider")),
        }
    }
}

/// An error of a token endpoint (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct TokenError {
    error: String,
}

/// What a token endpoint's refusal means. That the server itself is refused is its operator's affair.
pub(super) fn token_refused(answer: &Answer) -> Fault {
    /// The codes that RFC 6749 and GitHub name are shorter.
    const CODE_LEN_MAX: usize = 40;
    let said = answer.json::<TokenError>().map(|said| said.error).unwrap_or_default();
    let code: String =
        said.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(CODE_LEN_MAX).collect();
    if matches!(code.as_str(), "invalid_client" | "unauthorized_client" | "incorrect_client_credentials") {
        tracing::error!(code, "a provider refuses this server: check `client_id` and `client_secret`");
    }
    Fault::Refused(format!("the token endpoint says {} {code}", answer.status))
}
