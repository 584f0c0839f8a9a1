//! How requests reach the server: signed, bounded in number, size and time, repeated where that is harmless.
//!
//! A request that may be repeated is tried again after failures that pass, with pauses of full jitter. A server
//! that fails time after time is left alone for a moment, so that callers are told at once instead of after a
//! deadline each. `NoSuchKey` is the only way to say that an object is missing.

use super::super::Unavailable;
use super::super::config::{
    BlobConfig, DOWN_AFTER, DOWN_FOR, PAUSE_FIRST, PAUSE_MAX, RATE_MIN, TRIES_MAX, TRIES_TIMEOUT,
};
use super::credentials::Keys;
use super::sign::{Headers, Signer, set_query, sha256_hex};
use super::xml;
use crate::config::ConfigError;
use crate::context::{now_ms, random};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use reqwest::{Client, Method, Response, Url};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Longest answer that is no object: a page of a listing has some 500 KiB.
pub(super) const TEXT_LEN_MAX: u64 = 8 * 1024 * 1024;
/// Longest words of a server that are passed on to the log.
const WORDS_LEN_MAX: usize = 300;
/// Codes of refusals that pass by themselves.
const PASSING: [&str; 4] = ["SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"];
/// Deadline for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// There is no such object.
    Missing,
    /// The server has refused.
    Refused { status: u16, code: String, message: String },
    /// The server was not reached, or not able.
    Passing { words: String, sent: bool },
}

impl Fault {
    pub(super) fn broken(words: &str) -> Fault {
        Fault::Passing { words: format!("the answer is broken: {words}"), sent: true }
    }

    /// The code of a refusal, as S3 names it.
    pub(super) fn code(&self) -> &str {
        match self {
            Fault::Missing => "NoSuchKey",
            Fault::Refused { code, .. } => code,
            Fault::Passing { .. } => "",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Missing => f.write_str("there is no such object"),
            Fault::Refused { status, code, message } => write!(f, "S3 refused: {status} {code}: {message}"),
            Fault::Passing { words, .. } => write!(f, "S3 does not answer: {words}"),
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        match fault {
            Fault::Missing => io::ErrorKind::NotFound.into(),
            other => Unavailable(other.to_string()).into(),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// The whole key; empty for the bucket.
    pub(super) key: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
    /// Whether it may be done twice.
    pub(super) repeatable: bool,
}

impl Ask {
    pub(super) fn new(method: Method, key: &str) -> Ask {
        let (query, headers) = (Vec::new(), Vec::new());
        Ask { method, key: key.to_owned(), query, headers, body: Bytes::new(), repeatable: true }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Ask {
        self.headers.push((name, value));
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Ask {
        self.body = body;
        self
    }

    pub(super) fn once(mut self) -> Ask {
        self.repeatable = false;
        self
    }
}

/// A success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> Result<&str, Fault> {
        std::str::from_utf8(&self.body).map_err(|_| Fault::broken("it is no text"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The client.
#[derive(Debug)]
pub(super) struct Net {
    client: Client,
    bucket: Url,
    region: String,
    keys: Keys,
    timeout: Duration,
    room: Arc<Semaphore>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    down_until: Option<Instant>,
}

impl Net {
    pub(super) fn open(config: &BlobConfig) -> Result<Net, ConfigError> {
        let failed = |error: reqwest::Error| ConfigError(format!("cannot set up the S3 client: {error}"));
        let client = Client::builder()
            .tls_backend_preconfigured(tls(&config.ca_file)?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(config.requests_max as usize)
            .user_agent(concat!("aethex-cloud/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(failed)?;
        Ok(Net {
            client,
            bucket: config.url()?,
            region: config.region.clone(),
            keys: Keys::open(config)?,
            timeout: Duration::from_millis(config.timeout_ms),
            room: Arc::new(Semaphore::new(config.requests_max as usize)),
            health: Mutex::default(),
        })
    }

    /// How long the server is waited for.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks and reads the whole answer, of at most `len_max`.
    pub(super) async fn ask(&self, ask: &Ask, len_max: u64) -> Result<Answer, Fault> {
        let deadline = Instant::now() + TRIES_TIMEOUT;
        let _room = self.room(deadline).await?;
        let mut tries = 0;
        loop {
            self.admit()?;
            let tried = async {
                let (response, headers) = self.send(ask).await?;
                Ok(Answer { headers, body: read(response, len_max, self.timeout).await? })
            };
            let fault = match self.note(within(deadline, tried).await) {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            tries += 1;
            self.pause(ask, fault, tries, deadline).await?;
        }
    }

    /// Asks and gives the answer with its body still to be read.
    pub(super) async fn open_answer(&self, ask: &Ask) -> Result<(Response, http::HeaderMap), Fault> {
        let deadline = Instant::now() + TRIES_TIMEOUT;
        let _room = self.room(deadline).await?;
        let mut tries = 0;
        loop {
            self.admit()?;
            let fault = match self.note(within(deadline, self.send(ask)).await) {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            tries += 1;
            self.pause(ask, fault, tries, deadline).await?;
        }
    }

    /// Asks once, with these keys, also of a server that is taken to be down.
    pub(super) async fn probe(&self, ask: &Ask, limit: Duration) -> Result<Answer, Fault> {
        let tried = async {
            let (response, headers) = self.send(ask).await?;
            Ok(Answer { headers, body: read(response, TEXT_LEN_MAX, self.timeout).await? })
        };
        self.note(within(Instant::now() + limit, tried).await)
    }

    /// A URL that others may ask for, at `bucket`.
    pub(super) fn presign(
        &self,
        method: &str,
        bucket: &Url,
        key: &str,
        headers: &Headers,
        ttl_s: u64,
    ) -> Url {
        let credentials = self.keys.at_hand();
        let signer = Signer { credentials: &credentials, region: &self.region, now_ms: now_ms() };
        signer.presign(method, at(bucket, key), headers, ttl_s)
    }

    /// Asks as anyone can; the status of the answer.
    pub(super) async fn plain(&self, method: Method, url: String, body: Bytes) -> Result<u16, String> {
        let sent = timeout(self.timeout, self.client.request(method, url).body(body).send()).await;
        let sent = sent.map_err(|_| "the server does not answer".to_owned())?;
        Ok(sent.map_err(|error| lost(error).to_string())?.status().as_u16())
    }

    /// Whose key it is.
    pub(super) fn key_id(&self) -> String {
        self.keys.at_hand().id.clone()
    }

    async fn room(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        match tokio::time::timeout_at(deadline, self.room.clone().acquire_owned()).await {
            Ok(Ok(room)) => Ok(room),
            _ => Err(Fault::Passing { words: "too many requests are under way".into(), sent: false }),
        }
    }

    /// One try, up to the head of a success.
    async fn send(&self, ask: &Ask) -> Result<(Response, http::HeaderMap), Fault> {
        let mut url = at(&self.bucket, &ask.key);
        set_query(&mut url, ask.query.iter().map(|(name, value)| (*name, value.as_str())));
        let credentials = self.keys.fresh().await;
        let signer = Signer { credentials: &credentials, region: &self.region, now_ms: now_ms() };
        let signed = signer.headers(ask.method.as_str(), &url, &ask.headers, &sha256_hex(&ask.body));
        let mut request = self.client.request(ask.method.clone(), url);
        for (name, value) in ask.headers.iter().chain(&signed) {
            request = request.header(*name, value);
        }
        if ask.method == Method::PUT || ask.method == Method::POST {
            request = request.header(http::header::CONTENT_LENGTH, ask.body.len());
        }
        let limit = self.timeout + Duration::from_secs(ask.body.len() as u64 / RATE_MIN);
        let late = || Fault::Passing { words: "its answer is late".into(), sent: true };
        let sent = timeout(limit, request.body(ask.body.clone()).send()).await.map_err(|_| late())?;
        let response = sent.map_err(lost)?;
        if response.status().is_success() {
            let headers = response.headers().clone();
            return Ok((response, headers));
        }
        let status = response.status().as_u16();
        let words = read(response, TEXT_LEN_MAX, self.timeout).await?;
        Err(refusal(status, &String::from_utf8_lossy(&words)))
    }

    /// Lets a request through unless the server is taken to be down.
    fn admit(&self) -> Result<(), Fault> {
        let mut health = self.health.lock();
        match health.down_until {
            Some(until) if Instant::now() < until => {
                Err(Fault::Passing { words: "it failed time after time".into(), sent: false })
            }
            Some(_) => {
                // This one finds out; the others wait for what it finds.
                health.down_until = Some(Instant::now() + DOWN_FOR);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note<T>(&self, tried: Result<T, Fault>) -> Result<T, Fault> {
        let mut health = self.health.lock();
        match &tried {
            Err(Fault::Passing { .. }) => {
                health.failures = health.failures.saturating_add(1);
                if health.failures >= DOWN_AFTER {
                    health.down_until = Some(Instant::now() + DOWN_FOR);
                }
            }
            _ => *health = Health::default(),
        }
        tried
    }

    /// Waits before the next try; an error when there is none.
    async fn pause(&self, ask: &Ask, fault: Fault, tries: u32, deadline: Instant) -> Result<(), Fault> {
        let again = match &fault {
            Fault::Passing { sent, .. } => ask.repeatable || !sent,
            _ => false,
        };
        let bound = PAUSE_MAX.min(PAUSE_FIRST * 2u32.saturating_pow(tries - 1));
        let pause = bound.mul_f64(f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX));
        if !again || tries >= TRIES_MAX || Instant::now() + pause >= deadline {
            return Err(fault);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// An object's URL.
fn at(bucket: &Url, key: &str) -> Url {
    let mut url = bucket.clone();
    let path = format!("{}/{key}", bucket.path().trim_end_matches('/'));
    // The bucket itself in the path has no slash behind it.
    url.set_path(if key.is_empty() && path.len() > 1 { path.trim_end_matches('/') } else { &path });
    url
}

async fn within<T>(deadline: Instant, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = || Fault::Passing { words: "its answer is late".into(), sent: true };
    tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late()))
}

/// Reads a body whole.
async fn read(mut response: Response, len_max: u64, limit: Duration) -> Result<Bytes, Fault> {
    let announced = response.content_length().unwrap_or_default();
    if announced > len_max {
        return Err(Fault::broken("it is too long"));
    }
    let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(piece) = next_piece(&mut response, limit).await? {
        if (body.len() + piece.len()) as u64 > len_max {
            return Err(Fault::broken("it is too long"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// The next piece of a body; `None` at its end.
pub(super) async fn next_piece(response: &mut Response, limit: Duration) -> Result<Option<Bytes>, Fault> {
    match timeout(limit, response.chunk()).await {
        Ok(piece) => piece.map_err(lost),
        Err(_) => Err(Fault::Passing { words: "its answer has stopped".into(), sent: true }),
    }
}

fn lost(error: reqwest::Error) -> Fault {
    let (sent, error) = (!error.is_connect(), error.without_url());
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    Fault::Passing { words: causes.last().map(ToString::to_string).unwrap_or_default(), sent }
}

fn refusal(status: u16, xml: &str) -> Fault {
    let short = |name: &str| -> String {
        let text = xml::text(xml, name).unwrap_or_default();
        text.chars().filter(|c| !c.is_control()).take(WORDS_LEN_MAX).collect()
    };
    let (code, message) = (short("Code"), short("Message"));
    match status {
        404 if code == "NoSuchKey" => Fault::Missing,
        500.. | 408 | 429 => Fault::Passing { words: format!("{status} {code}"), sent: true },
        _ if PASSING.contains(&code.as_str()) => {
            Fault::Passing { words: format!("{status} {code}"), sent: true }
        }
        _ => Fault::Refused { status, code, message },
    }
}

fn tls(ca_file: &str) -> Result<rustls::ClientConfig, ConfigError> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let failed = |error: String| ConfigError(format!("cannot use `blob.ca_file` {ca_file}: {error}"));
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if !ca_file.is_empty() {
        let before = roots.len();
        for one in CertificateDer::pem_file_iter(ca_file).map_err(|error| failed(error.to_string()))? {
            let one = one.map_err(|error| failed(error.to_string()))?;
            roots.add(one).map_err(|error| failed(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(failed("it holds no certificate".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError(format!("cannot set up TLS: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_missing_key_is_missing() {
        let answer = |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        assert!(matches!(refusal(404, &answer("NoSuchKey")), Fault::Missing));
        for (status, code) in
            [(404, "NoSuchBucket"), (404, ""), (403, "AccessDenied"), (301, "PermanentRedirect")]
        {
            assert!(matches!(refusal(status, &answer(code)), Fault::Refused { .. }), "{status} {code}");
        }
        for (status, code) in [(503, "SlowDown"), (500, ""), (400, "RequestTimeout"), (502, "<html>")] {
            assert!(matches!(refusal(status, &answer(code)), Fault::Passing { .. }), "{status} {code}");
        }
        assert!(matches!(refusal(404, "<html>not found</html>"), Fault::Refused { .. }));
    }

    #[test]
    fn objects_lie_below_their_bucket() {
        for (bucket, key, wanted) in [
            ("http://127.0.0.1:1/b", "a/c", "http://127.0.0.1:1/b/a/c"),
            ("http://127.0.0.1:1/b", "", "http://127.0.0.1:1/b"),
            ("https://b.example.com", "a", "https://b.example.com/a"),
            ("https://b.example.com", "", "https://b.example.com/"),
        ] {
            assert_eq!(at(&Url::parse(bucket).unwrap(), key).as_str(), wanted);
        }
    }
}
