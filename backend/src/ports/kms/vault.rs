//! The transit engine of OpenBao and HashiCorp Vault: it wraps and opens, and its keys stay with it.
//!
//! The context goes along as associated data, which the engine authenticates and does not keep. Its own
//! `rewrap` takes no associated data, so wrapping anew is opening and wrapping. A key that is not there is never
//! made: a policy with `update` alone on `encrypt/…` keeps the engine from doing it by itself.

use super::config::{
    ANSWER_LEN_MAX, ANSWER_TIMEOUT, CONNECT_TIMEOUT, IDLE_MAX, KmsConfig, REASON_CHARS_MAX, REQUESTS_MAX,
};
use super::{DATA_KEY_LEN, DataKey, KmsError, Wrapped};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method};
use reqwest::{Client, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// A key of a transit engine.
pub(super) struct Vault {
    client: Client,
    room: Semaphore,
    url: Url,
    mount: String,
    key: String,
    namespace: String,
    token: Token,
}

/// What this server shows the vault.
enum Token {
    Given(Zeroizing<String>),
    File(PathBuf),
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("url", &self.url.as_str())
            .field("key", &self.prefix())
            .finish_non_exhaustive()
    }
}

impl Vault {
    pub(super) fn open(config: &KmsConfig) -> Result<Vault, KmsError> {
        let failed = |error: String| KmsError::Refused(format!("cannot set up its client: {error}"));
        let token = match (config.vault_token.as_str(), config.vault_token_file.as_str()) {
            ("", "") => return Err(failed("`kms.vault_token` or `kms.vault_token_file` is needed".into())),
            ("", file) => Token::File(file.into()),
            (token, "") => Token::Given(Zeroizing::new(token.to_owned())),
            _ => return Err(failed("set one of `kms.vault_token` and `kms.vault_token_file`".into())),
        };
        for (setting, path) in [("mount", &config.vault_mount), ("key", &config.vault_key)] {
            if !is_path(path) {
                return Err(failed(format!("`kms.vault_{setting}` has letters, digits and - _ . /")));
            }
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls(&config.vault_ca_file).map_err(failed)?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ANSWER_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build();
        Ok(Vault {
            client: client.map_err(|error| failed(error.to_string()))?,
            room: Semaphore::new(REQUESTS_MAX),
            url: url(&config.vault_url).map_err(failed)?,
            mount: config.vault_mount.clone(),
            key: config.vault_key.clone(),
            namespace: config.vault_namespace.clone(),
            token,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("{} of the vault at {}", self.prefix(), self.url.host_str().unwrap_or_default())
    }

    fn prefix(&self) -> String {
        format!("{}/{}", self.mount, self.key)
    }

    fn id(&self, version: u64) -> String {
        format!("vault:{}:v{version}", self.prefix())
    }

    pub(super) fn owns(&self, kek_id: &str) -> bool {
        let of_ours = kek_id.strip_prefix("vault:").and_then(|rest| rest.strip_prefix(&self.prefix()));
        of_ours.is_some_and(|rest| rest.starts_with(":v"))
    }

    /// The newest version of the key. One that cannot bind what it wraps to a context is refused.
    pub(super) async fn current(&self) -> Result<String, KmsError> {
        let path = format!("{}/keys/{}", self.mount, self.key);
        let found = self.ask(Method::GET, &path, None).await?;
        let kind = found["data"]["type"].as_str().unwrap_or_default();
        if !matches!(kind, "aes256-gcm96" | "aes128-gcm96" | "chacha20-poly1305" | "xchacha20-poly1305") {
            return Err(KmsError::Refused(format!(
                "the key {} is of type {kind:.40}: one that takes associated data is needed, such as aes256-gcm96",
                self.prefix()
            )));
        }
        let version = found["data"]["latest_version"].as_u64();
        version.map(|version| self.id(version)).ok_or_else(not_understood)
    }

    pub(super) async fn wrap(&self, context: &[u8], key: &DataKey) -> Result<Wrapped, KmsError> {
        let plain = Zeroizing::new(STANDARD.encode(key.as_slice()));
        let body = json!({ "plaintext": plain.as_str(), "associated_data": STANDARD.encode(context) });
        let path = format!("{}/encrypt/{}", self.mount, self.key);
        let answer = self.ask(Method::POST, &path, Some(body)).await?;
        let text = answer["data"]["ciphertext"].as_str().ok_or_else(not_understood)?;
        let version = version_of(text).ok_or_else(not_understood)?;
        Ok(Wrapped { kek_id: self.id(version), bytes: text.as_bytes().to_vec() })
    }

    pub(super) async fn unwrap(&self, context: &[u8], wrapped: &Wrapped) -> Result<DataKey, KmsError> {
        let damaged = || KmsError::Damaged(wrapped.kek_id.clone());
        let text = std::str::from_utf8(&wrapped.bytes).map_err(|_| damaged())?;
        // The id in the row says which key it was; the engine goes by the text.
        if version_of(text).map(|version| self.id(version)).as_ref() != Some(&wrapped.kek_id) {
            return Err(damaged());
        }
        let body = json!({ "ciphertext": text, "associated_data": STANDARD.encode(context) });
        let path = format!("{}/decrypt/{}", self.mount, self.key);
        let answer = match self.ask(Method::POST, &path, Some(body)).await {
            Err(KmsError::Damaged(reason)) if reason.contains("too old") || reason.contains("not found") => {
                return Err(KmsError::Missing(wrapped.kek_id.clone()));
            }
            Err(KmsError::Damaged(_)) => return Err(damaged()),
            done => done?,
        };
        let plain = answer["data"]["plaintext"].as_str().ok_or_else(not_understood)?;
        let plain = Zeroizing::new(STANDARD.decode(plain).map_err(|_| not_understood())?);
        let key: [u8; DATA_KEY_LEN] = plain.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Zeroizing::new(key))
    }

    /// Makes a new version of the key.
    pub(super) async fn rotate(&self) -> Result<String, KmsError> {
        let path = format!("{}/keys/{}/rotate", self.mount, self.key);
        self.ask(Method::POST, &path, Some(json!({}))).await?;
        self.current().await
    }

    /// Prolongs a token that was given in the settings, as far as it can be. One in a file is its agent's affair.
    pub(super) async fn renew_token(&self) -> Result<(), KmsError> {
        if let Token::File(_) = self.token {
            return Ok(());
        }
        match self.ask(Method::POST, "auth/token/renew-self", Some(json!({}))).await {
            // A root token, or one that was made to end.
            Err(KmsError::Damaged(_)) => Ok(()),
            done => done.map(drop),
        }
    }

    async fn token(&self) -> Result<HeaderValue, KmsError> {
        let token = match &self.token {
            Token::Given(token) => token.clone(),
            Token::File(path) => {
                let read = tokio::fs::read_to_string(path).await.map(Zeroizing::new);
                read.map_err(|error| {
                    KmsError::Refused(format!("cannot read the token in {}: {error}", path.display()))
                })?
            }
        };
        let mut value = HeaderValue::try_from(token.trim())
            .map_err(|_| KmsError::Refused("the token is no text of a header".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A request and its answer. What the key service says of a request as such (400) is [`KmsError::Damaged`].
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, KmsError> {
        let busy = |_| KmsError::Unreachable("too many requests to it are under way".into());
        let _room = self.room.try_acquire().map_err(busy)?;
        let lost = |error: reqwest::Error| KmsError::Unreachable(causes(&error.without_url()));
        let url = self.url.join(&format!("v1/{path}"));
        let url = url.map_err(|error| KmsError::Refused(error.to_string()))?;
        let mut request = self
            .client
            .request(method, url)
            .header("x-vault-request", "true")
            .header("x-vault-token", self.token().await?);
        if !self.namespace.is_empty() {
            request = request.header("x-vault-namespace", &self.namespace);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let mut answer = request.send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(part) = answer.chunk().await.map_err(lost)? {
            if bytes.len() + part.len() > ANSWER_LEN_MAX {
                return Err(KmsError::Refused("its answer is too long".into()));
            }
            bytes.extend_from_slice(&part);
        }
        let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        verdict(status, &said, path).map(|()| said)
    }
}

/// What an answer's status means.
fn verdict(status: u16, said: &Value, path: &str) -> Result<(), KmsError> {
    let reason = said["errors"][0].as_str().unwrap_or_default();
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect();
    match status {
        200..300 => Ok(()),
        400 => Err(KmsError::Damaged(reason)),
        401 | 403 => Err(KmsError::Refused(format!("{path} is forbidden to this server's token: {reason}"))),
        404 => {
            Err(KmsError::Refused(format!("{path} is not there: make the key, or set `kms.vault_…` right")))
        }
        // Sealed, standing by, overloaded, not caught up, or a proxy in between.
        _ => Err(KmsError::Unreachable(format!("it answers {status} {reason}"))),
    }
}

fn not_understood() -> KmsError {
    KmsError::Refused("its answer is not that of a transit engine".into())
}

/// The version in `vault:v3:…`.
fn version_of(text: &str) -> Option<u64> {
    let (version, _) = text.strip_prefix("vault:v")?.split_once(':')?;
    version.parse().ok()
}

/// Names as they stand in a path of the vault.
fn is_path(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let parts = text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    parts && text.chars().all(allowed)
}

fn url(text: &str) -> Result<Url, String> {
    let with_slash = format!("{}/", text.trim_end_matches('/'));
    let url = Url::parse(&with_slash).map_err(|error| format!("`kms.vault_url` is no URL: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    match plain && (url.scheme() == "https" || url.scheme() == "http" && loopback) {
        true => Ok(url),
        false => {
            Err("`kms.vault_url` needs https (http is for loopback addresses), and no user or query".into())
        }
    }
}

fn tls(ca_file: &str) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if !ca_file.is_empty() {
        let failed = |error: String| format!("cannot use `kms.vault_ca_file` {ca_file}: {error}");
        let before = roots.len();
        for certificate in
            CertificateDer::pem_file_iter(ca_file).map_err(|error| failed(error.to_string()))?
        {
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
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What went wrong, down to the first cause.
fn causes(error: &dyn std::error::Error) -> String {
    /// Deeper ones say nothing new.
    const DEPTH_MAX: usize = 5;
    let causes = std::iter::successors(Some(error), |error| error.source()).take(DEPTH_MAX);
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
