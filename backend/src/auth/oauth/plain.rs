//! Providers with OAuth 2.0 and an API of their own: GitHub and Discord. There is no id token; the code comes
//! over PKCE, and the token that it becomes is asked who it is.

use super::config::PlainConfig;
use super::net::{Net, configured_url};
use super::provider::{Grant, token_refused};
use super::rules::{Fault, Person};
use crate::app::StartError;
use aethex_wire::endpoint::fill_path;
use reqwest::Url;
use serde::Deserialize;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Github,
    Discord,
}

/// A provider.
#[derive(Debug)]
pub(super) struct Plain {
    kind: Kind,
    config: PlainConfig,
    pub(super) authorize_url: Url,
    token_url: Url,
    user_url: Url,
    emails_url: Url,
}

/// The answer of a token endpoint. GitHub says errors with 200.
#[derive(Deserialize)]
pub(super) struct Token {
    access_token: Option<String>,
    token_type: Option<String>,
    error: Option<String>,
}

/// <https://docs.github.com/en/rest/users/users>
#[derive(Deserialize)]
struct GithubUser {
    id: u64,
    login: String,
    name: Option<String>,
}

/// <https://docs.github.com/en/rest/users/emails>
#[derive(Deserialize)]
struct GithubEmail {
    email: String,
    primary: bool,
    verified: bool,
}

/// <https://discord.com/developers/docs/resources/user>
#[derive(Deserialize)]
struct DiscordUser {
    id: String,
    username: String,
    global_name: Option<String>,
    email: Option<String>,
    verified: Option<bool>,
}

impl Plain {
    pub(super) fn new(name: &str, kind: Kind, config: &PlainConfig) -> Result<Plain, StartError> {
        let url = |setting: &str, text: &str| configured_url(&format!("auth.oauth.{name}.{setting}"), text);
        if config.client_secret.is_empty() {
            return Err(StartError(format!("`auth.oauth.{name}` needs a `client_secret`")));
        }
        let user_url = url("user_url", &config.user_url)?;
        let mut emails_url = user_url.clone();
        emails_url.set_path(&format!("{}/emails", user_url.path().trim_end_matches('/')));
        Ok(Plain {
            kind,
            authorize_url: url("authorize_url", &config.authorize_url)?,
            token_url: url("token_url", &config.token_url)?,
            user_url,
            emails_url,
            config: config.clone(),
        })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.config.client_id
    }

    pub(super) fn scopes(&self) -> &[String] {
        &self.config.scopes
    }

    pub(super) async fn exchange(&self, net: &Net, grant: &Grant<'_>) -> Result<Token, Fault> {
        let client = [self.config.client_id.as_str(), self.config.client_secret.as_str()];
        let form = grant.form() + &fill_path("&client_id={v}&client_secret={v}", &client);
        let answer = net.post(&self.token_url, form, None).await?;
        if !answer.is_success() {
            return Err(token_refused(&answer));
        }
        let token: Token = answer.json()?;
        match &token.error {
            Some(_) => Err(token_refused(&answer)),
            None => Ok(token),
        }
    }

    /// Whose token it is.
    pub(super) async fn person(&self, net: &Net, token: &Token) -> Result<Person, Fault> {
        let bearer = token.token_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = token.access_token.as_deref().filter(|_| bearer);
        let token = token.ok_or_else(|| Fault::refused("there is no access token"))?;
        match self.kind {
            Kind::Github => self.github(net, token).await,
            Kind::Discord => self.discord(net, token).await,
        }
    }

    async fn github(&self, net: &Net, token: &str) -> Result<Person, Fault> {
        let user: GithubUser = net.get_as(&self.user_url, token).await?.success()?;
        let asks_email =
            self.config.scopes.iter().any(|scope| matches!(scope.as_str(), "user" | "user:email"));
        let email = match asks_email {
            true => self.github_email(net, token).await?,
            false => None,
        };
        let name = user.name.as_deref();
        Person::new(&user.id.to_string(), email.as_deref(), true, name, Some(&user.login))
    }

    /// The primary address, when it is verified.
    async fn github_email(&self, net: &Net, token: &str) -> Result<Option<String>, Fault> {
        let answer = net.get_as(&self.emails_url, token).await?;
        // An app may lack the permission, and then there is no address.
        if matches!(answer.status, 403 | 404) {
            return Ok(None);
        }
        let emails: Vec<GithubEmail> = answer.success()?;
        Ok(emails.into_iter().find(|email| email.primary && email.verified).map(|email| email.email))
    }

    async fn discord(&self, net: &Net, token: &str) -> Result<Person, Fault> {
        let user: DiscordUser = net.get_as(&self.user_url, token).await?.success()?;
        let verified = user.verified == Some(true);
        let name = user.global_name.as_deref();
        Person::new(&user.id, user.email.as_deref(), verified, name, Some(&user.username))
    }
}
