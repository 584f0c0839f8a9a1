//! Logins with a provider in the player's browser: authorization code with PKCE, by a loopback redirect
//! (RFC 8252, RFC 7636, RFC 9700).
//!
//! The SDK makes `state` and the PKCE verifier and opens a port ([`super::loopback`]); the backend says which
//! page to show; the browser brings a code back to the port; code and verifier go to the backend, which alone
//! talks to the provider. Nothing is sent before the state was compared. One login waits at a time: whoever
//! begins another one has given the first up.

use super::loopback::{Loopback, Redirect};
use super::{OauthOptions, api, profile, proof};
use crate::cloud::Shared;
use crate::event::Event;
use crate::http::Request;
use crate::session::blocking;
use crate::{Browser, Error, User};
use aethex_wire::ErrorCode;
use aethex_wire::auth::oauth::{LinkOauth, LoginOauth, OauthRequest, OauthStartRequest, StartOauth};
use aethex_wire::endpoint::None as Nothing;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest time a player may take: flows of the backend end before.
const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 60);
/// Random bytes of `state` and verifier: 43 characters each.
const SECRET_LEN: usize = 32;
/// Longest address of a provider's page: browsers take more.
const URL_LEN_MAX: usize = 8192;

/// Who waits for the browser.
#[derive(Debug, Default)]
pub(crate) struct OauthState {
    waiting: Mutex<Option<oneshot::Sender<()>>>,
}

impl OauthState {
    /// Takes the place of whoever waits; the answer ends when someone else takes it.
    fn take_place(&self) -> oneshot::Receiver<()> {
        let (place, taken) = oneshot::channel();
        *self.waiting.lock() = Some(place);
        taken
    }
}

pub(crate) async fn login(
    shared: &Arc<Shared>,
    provider: &str,
    options: OauthOptions,
) -> Result<User, Error> {
    let grant = authorize(shared, provider, &options).await?;
    let token = options.login.proof_token.as_deref();
    let answer = proof::send_with_proof(shared, token, |proof| {
        Request::of::<LoginOauth>(&[provider], &Nothing {}).json(&OauthRequest { proof, ..grant.clone() })
    })
    .await?;
    shared.session.begin(answer.json::<LoginOauth>()?, &options.login).await
}

pub(crate) async fn link(shared: &Arc<Shared>, provider: &str, options: OauthOptions) -> Result<User, Error> {
    let player = shared.session.player().await?;
    let grant = authorize(shared, provider, &options).await?;
    let request = Request::of::<LinkOauth>(&[provider], &Nothing {}).json(&grant);
    // As the player who began it: someone else may have logged in meanwhile.
    let user = shared.session.send(&player, &request).await?.json::<LinkOauth>()?;
    profile::keep(shared, user).await
}

/// Sends the player to the provider and back.
async fn authorize(shared: &Shared, provider: &str, options: &OauthOptions) -> Result<OauthRequest, Error> {
    if provider.is_empty() {
        return Err(Error::new(ErrorCode::UnknownProvider, "a provider has a name"));
    }
    let place_taken = shared.oauth.take_place();
    let flow = async {
        let loopback = Loopback::open().await?;
        let (state, code_verifier) = (secret()?, secret()?);
        let body = OauthStartRequest {
            redirect_uri: loopback.redirect_uri(),
            state: state.clone(),
            code_challenge: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&code_verifier)),
        };
        let request = Request::of::<StartOauth>(&[provider], &Nothing {}).json(&body).repeatable();
        let start = shared.session.send_public(&request).await?.json::<StartOauth>()?;
        show(shared, options, checked(&start.authorization_url)?).await?;
        let lives = Duration::from_secs(u64::try_from(start.expires_in).unwrap_or(0));
        let wait = options.timeout.min(TIMEOUT_MAX).min(lives);
        let answer = tokio::time::timeout(wait, loopback.redirect(&state)).await;
        let Redirect { code, iss } = answer.unwrap_or_else(|_| Err(no_answer()))?;
        Ok(OauthRequest {
            flow: start.flow,
            code,
            state,
            code_verifier,
            iss,
            device_name: api::device_name(shared),
            locale: api::locale(shared),
            proof: None,
        })
    };
    tokio::select! {
        grant = flow => grant,
        _ = place_taken => Err(Error::new(ErrorCode::Cancelled, "another login with a provider began")),
    }
}

fn no_answer() -> Error {
    Error::new(ErrorCode::Browser, "no answer came from the browser in time")
}

fn secret() -> Result<String, Error> {
    let mut bytes = [0; SECRET_LEN];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::new(ErrorCode::Storage, "the system gives no random numbers"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The page's address, if it is one: the system would open files and programs as well.
fn checked(url: &str) -> Result<String, Error> {
    let refuse = || Error::protocol("the backend wants something else opened than a provider's page");
    let parsed = reqwest::Url::parse(url).map_err(|_| refuse())?;
    let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let secure = parsed.scheme() == "https" || (parsed.scheme() == "http" && loopback);
    let plain = parsed.username().is_empty() && parsed.password().is_none() && url.len() <= URL_LEN_MAX;
    if secure && plain && parsed.has_host() { Ok(parsed.into()) } else { Err(refuse()) }
}

async fn show(shared: &Shared, options: &OauthOptions, url: String) -> Result<(), Error> {
    match (&options.open_browser, shared.config.browser) {
        (Some(open), _) => open.open(&url),
        (None, Browser::Game) => {
            shared.events.push(Event::OpenBrowser { url });
            Ok(())
        }
        (None, Browser::System) => {
            // Detached: the browser outlives the game, and nobody waits for it.
            blocking(move || {
                open::that_detached(url).map_err(|error| {
                    Error::new(ErrorCode::Browser, format!("the system opens no browser: {error}"))
                })
            })
            .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_opened() {
        for good in ["https://accounts.example/o?x=1", "http://127.0.0.1:99/auth", "http://localhost/a"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        for bad in [
            "http://accounts.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "calculator:",
            "-h",
            "/bin/sh",
            "https://user:word@accounts.example/",
            "https:",
            "",
        ] {
            assert_eq!(checked(bad).unwrap_err().code, ErrorCode::Protocol, "{bad}");
        }
        assert!(checked(&format!("https://a/{}", "x".repeat(URL_LEN_MAX))).is_err());
    }

    #[test]
    fn secrets_are_new_each_time_and_long_enough() {
        let (one, two) = (secret().unwrap(), secret().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), aethex_wire::auth::oauth::VERIFIER_LEN_MIN);
    }
}
