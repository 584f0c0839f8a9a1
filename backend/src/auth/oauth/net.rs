//! How the backend talks to providers: one client, for configured providers and what their discovery
//! documents name, nobody else. It follows no redirect and uses no proxy of the environment; answers are
//! bounded in size and time.

use super::config::OauthConfig;
use super::rules::{Fault, is_allowed_url};
use crate::app::StartError;
use http::{HeaderValue, header};
use reqwest::{Client, RequestBuilder, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Deadline for a whole answer: providers take tenths of a second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Deadline for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer read: tokens, key sets and profiles have a few KiB.
const ANSWER_LEN_MAX: usize = 64 * 1024;
/// Requests to providers at once: one that hangs does not gather every request of the server.
const REQUESTS_MAX: usize = 256;
/// Idle connections kept to a host.
const IDLE_MAX: usize = 4;

/// The one client.
#[derive(Debug)]
pub(super) struct Net {
    client: Client,
    room: Semaphore,
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Vec<u8>,
}

impl Net {
    pub(super) fn new(config: &OauthConfig) -> Result<Net, StartError> {
        let failed = |error: String| StartError(format!("cannot set up logins with providers: {error}"));
        let client = Client::builder()
            .tls_backend_preconfigured(tls(&config.ca_file)?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ANSWER_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            // GitHub answers nobody without a name.
            .user_agent(concat!("aethex-cloud/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Net { client, room: Semaphore::new(REQUESTS_MAX) })
    }

    /// Reads a JSON document.
    pub(super) async fn get(&self, url: &Url) -> Result<Answer, Fault> {
        self.send(self.client.get(url.clone())).await
    }

    /// Reads a JSON document as the holder of a token.
    pub(super) async fn get_as(&self, url: &Url, token: &str) -> Result<Answer, Fault> {
        let bearer = HeaderValue::try_from(format!("Bearer {token}"));
        let mut bearer = bearer.map_err(|_| Fault::refused("the access token is not one"))?;
        bearer.set_sensitive(true);
        self.send(self.client.get(url.clone()).header(header::AUTHORIZATION, bearer)).await
    }

    /// Posts a form, with a client's id and secret in the header when they are given.
    pub(super) async fn post(
        &self,
        url: &Url,
        form: String,
        basic: Option<(&str, &str)>,
    ) -> Result<Answer, Fault> {
        let mut request = self
            .client
            .post(url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        if let Some((id, secret)) = basic {
            request = request.basic_auth(id, Some(secret));
        }
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        let _room =
            self.room.try_acquire().map_err(|_| Fault::unavailable("too many requests are under way"))?;
        let lost = |error: reqwest::Error| Fault::Unavailable(causes(&error.without_url()));
        let mut answer = request.header(header::ACCEPT, "application/json").send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        // Nobody has answered: a server that is down, overloaded, or sends us elsewhere.
        if !(200..300).contains(&status) && !(400..500).contains(&status) || matches!(status, 408 | 429) {
            return Err(Fault::Unavailable(format!("the answer is {status}")));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(lost)? {
            if body.len() + part.len() > ANSWER_LEN_MAX {
                return Err(Fault::refused("the answer is too long"));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, body })
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|_| Fault::refused("the answer is not the JSON expected"))
    }

    /// The body of a success as JSON.
    pub(super) fn success<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        if !self.is_success() {
            return Err(Fault::Refused(format!("the answer is {}", self.status)));
        }
        self.json()
    }
}

/// What went wrong, down to the first cause.
fn causes(error: &dyn std::error::Error) -> String {
    /// Deeper ones say nothing new.
    const DEPTH_MAX: usize = 5;
    let causes = std::iter::successors(Some(error), |error| error.source()).take(DEPTH_MAX);
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A URL that the backend may ask, of the configuration.
pub(super) fn configured_url(key: &str, text: &str) -> Result<Url, StartError> {
    let url = Url::parse(text).map_err(|error| StartError(format!("`{key}` is no URL: {error}")))?;
    match is_allowed_url(&url, true) {
        true => Ok(url),
        false => Err(StartError(format!(
            "`{key}` needs https (http is for loopback addresses), without user, password and fragment"
        ))),
    }
}

fn tls(ca_file: &str) -> Result<rustls::ClientConfig, StartError> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if !ca_file.is_empty() {
        let failed =
            |error: String| StartError(format!("cannot use `auth.oauth.ca_file` {ca_file}: {error}"));
        let certificates =
            CertificateDer::pem_file_iter(ca_file).map_err(|error| failed(error.to_string()))?;
        let before = roots.len();
        for certificate in certificates {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(failed("it holds no certificate".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StartError(format!("cannot set up TLS: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
