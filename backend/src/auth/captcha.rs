//! Tokens of CAPTCHA services: Turnstile and hCaptcha speak the same `siteverify`.
//!
//! The service is asked with the secret and the token, and no more: the player's address is not sent, and the
//! page that the token was made on is not compared, for a game's web page may lie anywhere (the services have
//! their own list of pages). When the service cannot be asked, nobody passes: the request fails as `overloaded`
//! and may be repeated.

use super::config::{ProofConfig, ProofKind};
use crate::app::StartError;
use crate::error::{Failure, Outcome};
use aethex_wire::endpoint::fill_path;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Deadline for the service's whole answer.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer read: the real ones have some hundred bytes.
const ANSWER_LEN_MAX: usize = 64 * 1024;

/// A CAPTCHA service.
#[derive(Debug)]
pub(super) struct Captcha {
    client: reqwest::Client,
    verify_url: reqwest::Url,
}

/// The parts of an answer that matter.
#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    #[serde(default, rename = "error-codes")]
    errors: Vec<String>,
}

impl Captcha {
    pub(super) fn new(config: &ProofConfig) -> Result<Captcha, StartError> {
        let own = match config.kind {
            ProofKind::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            _ => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        };
        if config.site_key.is_empty() || config.secret.is_empty() {
            return Err(StartError("a CAPTCHA needs `auth.proof.site_key` and `auth.proof.secret`".into()));
        }
        let text = if config.verify_url.is_empty() { own } else { &config.verify_url };
        let verify_url = reqwest::Url::parse(text)
            .map_err(|error| StartError(format!("`auth.proof.verify_url` is no URL: {error}")))?;
        let failed = |error: String| StartError(format!("cannot set up the CAPTCHA's client: {error}"));
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls().map_err(|error| failed(error.to_string()))?)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(VERIFY_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Captcha { client, verify_url })
    }

    /// Whether the service made this token, for this site, and has not seen it before.
    pub(super) async fn verify(&self, config: &ProofConfig, token: &str) -> Outcome<bool> {
        match self.ask(config, token).await {
            Ok(answer) if answer.success => Ok(true),
            // The service does not know us: the operator's fault, not the player's.
            Ok(answer) if answer.errors.iter().any(|error| error.contains("secret")) => {
                tracing::error!("the CAPTCHA service refuses `auth.proof.secret`: nobody can register");
                Err(Failure::overloaded())
            }
            Ok(_) => Ok(false),
            Err(why) => {
                tracing::warn!(why, "the CAPTCHA service cannot be asked");
                Err(Failure::overloaded())
            }
        }
    }

    async fn ask(&self, config: &ProofConfig, token: &str) -> Result<Answer, String> {
        let words = |error: reqwest::Error| error.without_url().to_string();
        let (secret, site) = (config.secret.as_str(), config.site_key.as_str());
        let form = fill_path("secret={s}&response={r}&sitekey={k}", &[secret, token, site]);
        let request = self
            .client
            .post(self.verify_url.clone())
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let mut answer = request.send().await.map_err(words)?;
        // Turnstile says 400 with its reasons.
        if answer.status().is_server_error() || answer.status().is_redirection() {
            return Err(format!("it answers {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(words)? {
            if body.len() + part.len() > ANSWER_LEN_MAX {
                return Err("its answer is too long".into());
            }
            body.extend_from_slice(&part);
        }
        serde_json::from_slice(&body).map_err(|_| "its answer is not JSON of a verification".into())
    }
}

fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
