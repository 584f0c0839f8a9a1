//! HTTP: the only user of the HTTP client.
//!
//! A [`Request`] is built from a typed endpoint; [`Http::send`] carries it: headers, deadline, retries
//! ([`crate::retry`]), limits on what comes back, and errors in one form. Tokens are the session's
//! business, which calls this with a bearer token. TLS 1.3 only, by rustls with the ring provider, given
//! explicitly: nothing global is set, so a game may carry another rustls.

use crate::disk::Download;
use crate::event::{Event, Events};
use crate::retry::{self, Budget, Failure, Repeat};
use crate::session::blocking;
use crate::{Config, Error, clock};
use aethex_wire::endpoint::fill_path;
use aethex_wire::{
    CLIENT_KEY_HEADER, Endpoint, ErrorCode, IDEMPOTENCY_KEY_HEADER, Problem, REQUEST_ID_HEADER,
};
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest JSON answer: a page of 200 save versions is under 200 KB.
const JSON_LEN_MAX: usize = 4 * 1024 * 1024;
/// Slowest useful connection: large bodies get a second more for each of these.
const FLOOR_BYTES_PER_S: usize = 64 * 1024;
/// Bytes of a download that are written at once.
const DOWNLOAD_BUFFER_LEN: usize = 256 * 1024;
/// Time to reach the server at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed after this, before most servers and middleboxes do.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Longest Retry-After that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

const JSON: &str = "application/json";

/// One request, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) accept: &'static str,
    pub(crate) idempotency_key: Option<String>,
    /// The entity tag of what is at hand.
    pub(crate) if_none_match: Option<String>,
    pub(crate) repeat: Repeat,
    pub(crate) answer_len_max: usize,
}

impl Request {
    /// A request to an endpoint, without a body.
    pub(crate) fn of<E: Endpoint>(variables: &[&str], query: &E::Query) -> Request {
        let repeat = match E::METHOD {
            aethex_wire::Method::Post => Repeat::IfUndone,
            _ => Repeat::Safe,
        };
        let method = match E::METHOD {
            aethex_wire::Method::Get => Method::GET,
            aethex_wire::Method::Post => Method::POST,
            aethex_wire::Method::Put => Method::PUT,
            aethex_wire::Method::Delete => Method::DELETE,
        };
        Request {
            name: E::NAME,
            method,
            path: fill_path(E::PATH, variables) + &query_text(query),
            content_type: JSON,
            body: Bytes::new(),
            accept: JSON,
            idempotency_key: None,
            if_none_match: None,
            repeat,
            answer_len_max: JSON_LEN_MAX,
        }
    }

    /// With a JSON body.
    pub(crate) fn json(self, body: &impl Serialize) -> Request {
        let body = serde_json::to_vec(body).expect("requests are plain data and always serialise");
        Request { body: body.into(), ..self }
    }

    /// Repeating it changes nothing.
    pub(crate) fn repeatable(self) -> Request {
        Request { repeat: Repeat::Safe, ..self }
    }
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    pub(crate) request_id: Option<String>,
    /// It is what is at hand: there is no body (RFC 9110 section 15.4.5).
    pub(crate) not_modified: bool,
}

impl Answer {
    /// The answer of an endpoint, from JSON. An empty body stands for an endpoint without an answer.
    pub(crate) fn json<E: Endpoint>(&self) -> Result<E::Response, Error> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| {
            // The error names a place and a kind, never a value.
            let message = format!("the answer to {} is not what this SDK knows: {}", E::NAME, kind(&error));
            Error { request_id: self.request_id.clone(), ..Error::protocol(message) }
        })
    }
}

fn kind(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}

/// The HTTP client.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    server_url: String,
    client_key: Option<HeaderValue>,
    timeout: Duration,
    budget: Budget,
    online: watch::Sender<Option<bool>>,
    events: Arc<Events>,
}

impl Http {
    pub(crate) fn new(config: &Config, events: Arc<Events>) -> Result<Http, Error> {
        let url =
            Url::parse(&config.server_url).map_err(|_| Error::argument("the server's address is no URL"))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if url.scheme() == "http" && !loopback {
            tracing::warn!("the backend's address is plain http: passwords and tokens travel unencrypted");
        }
        let client = client(config, loopback)?;
        let client_key = config.client_key.as_deref().map(HeaderValue::from_str).transpose();
        let inner = Inner {
            client,
            server_url: config.server_url.clone(),
            client_key: client_key.map_err(|_| Error::argument("the client key is not one"))?,
            timeout: config.request_timeout,
            budget: Budget::default(),
            online: watch::Sender::new(None),
            events,
        };
        Ok(Http { inner: Arc::new(inner) })
    }

    /// Whether the backend could be reached last time; `None` before the first time.
    pub(crate) fn online(&self) -> watch::Receiver<Option<bool>> {
        self.inner.online.subscribe()
    }

    /// Sends a request until it succeeds, fails for good, or its time is over.
    pub(crate) async fn send(&self, request: &Request, bearer: Option<&str>) -> Result<Answer, Error> {
        let request_id = clock::random_id();
        let moved = request.body.len() + request.answer_len_max.saturating_sub(JSON_LEN_MAX);
        let extra = Duration::from_secs((moved / FLOOR_BYTES_PER_S) as u64);
        let deadline = Instant::now() + self.inner.timeout + extra;
        self.inner.budget.deposit();
        let mut attempt = 1;
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            let answer =
                match tokio::time::timeout(time_left, self.attempt(request, bearer, &request_id)).await {
                    Ok(answer) => answer,
                    Err(_) => Err(Failure { error: timed_out(), unsent: false }),
                };
            self.note_online(answer.as_ref().err());
            let failure = match answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let wait = retry::decide(request.repeat, attempt, &failure, clock::random_fraction())
                .filter(|wait| Instant::now() + *wait < deadline)
                .filter(|_| self.inner.budget.withdraw());
            let code = failure.error.code.as_str();
            let Some(wait) = wait else {
                tracing::debug!(endpoint = request.name, code, attempt, request_id, "request failed");
                let request_id = failure.error.request_id.clone().or(Some(request_id));
                return Err(Error { request_id, ..failure.error });
            };
            tracing::debug!(
                endpoint = request.name,
                code,
                attempt,
                request_id,
                wait_ms = wait.as_millis(),
                "repeats"
            );
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Downloads an answer of this many bytes into a file, which is there in whole or not at all. Sent once:
    /// who wants it again asks again.
    pub(crate) async fn download(
        &self,
        request: &Request,
        bearer: &str,
        size_bytes: u64,
        path: &Path,
    ) -> Result<(), Error> {
        let id = clock::random_id();
        let time = self.inner.timeout + Duration::from_secs(size_bytes / FLOOR_BYTES_PER_S as u64);
        let work = async {
            let response = self.respond(request, Some(bearer), &id).await?;
            if !response.status().is_success() {
                return read(response, request)
                    .await
                    .and(Err(Failure { error: Error::protocol("a refusal that is none"), unsent: false }));
            }
            into_file(response, size_bytes, path).await
        };
        let done = tokio::time::timeout(time, work).await;
        let done = done.unwrap_or_else(|_| Err(Failure { error: timed_out(), unsent: false }));
        self.note_online(done.as_ref().err());
        done.map_err(|failure| {
            let request_id = failure.error.request_id.clone().or(Some(id));
            Error { request_id, ..failure.error }
        })
    }

    /// Sends bytes to an address that the backend gave for them, in an object store: without a token, once.
    pub(crate) async fn put_elsewhere(&self, url: &str, body: Bytes) -> Result<(), Error> {
        let time = self.inner.timeout + Duration::from_secs((body.len() / FLOOR_BYTES_PER_S) as u64);
        let work = self.inner.client.put(url).body(body).send();
        let answer = match tokio::time::timeout(time, work).await {
            Ok(answer) => answer.map_err(|error| transport(&error).error)?,
            Err(_) => return Err(timed_out()),
        };
        if answer.status().is_success() {
            return Ok(());
        }
        // The address has ended, or the store is busy: the next try has a fresh one.
        let message = format!("the object store answered {} to a chunk", answer.status().as_u16());
        Err(Error { retryable: true, ..Error::new(ErrorCode::UploadIncomplete, message) })
    }

    async fn attempt(&self, request: &Request, bearer: Option<&str>, id: &str) -> Result<Answer, Failure> {
        read(self.respond(request, bearer, id).await?, request).await
    }

    async fn respond(&self, request: &Request, bearer: Option<&str>, id: &str) -> Result<Response, Failure> {
        let inner = &self.inner;
        let url = format!("{}{}", inner.server_url, request.path);
        let mut outgoing = inner
            .client
            .request(request.method.clone(), url)
            .header(ACCEPT, request.accept)
            .header(REQUEST_ID_HEADER, id);
        if !request.body.is_empty() {
            outgoing = outgoing.header(CONTENT_TYPE, request.content_type).body(request.body.clone());
        }
        if let Some(key) = &inner.client_key {
            outgoing = outgoing.header(CLIENT_KEY_HEADER, key);
        }
        if let Some(key) = &request.idempotency_key {
            outgoing = outgoing.header(IDEMPOTENCY_KEY_HEADER, key);
        }
        if let Some(tag) = &request.if_none_match {
            outgoing = outgoing.header(IF_NONE_MATCH, tag);
        }
        if let Some(token) = bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Failure {
                error: Error::protocol("the access token is no header"),
                unsent: true,
            })?;
            value.set_sensitive(true);
            outgoing = outgoing.header(AUTHORIZATION, value);
        }
        #[cfg(feature = "simulation")]
        if let Some(machine) = crate::simulation::current() {
            return simulated(&*machine, outgoing).await;
        }
        outgoing.send().await.map_err(|error| transport(&error))
    }

    fn note_online(&self, failure: Option<&Failure>) {
        let online = match failure.map(|failure| failure.error.code) {
            Some(ErrorCode::Offline) => false,
            // A slow answer says neither.
            Some(ErrorCode::Timeout) => return,
            _ => true,
        };
        let changed = self.inner.online.send_if_modified(|known| known.replace(online) != Some(online));
        if changed {
            self.inner.events.push(Event::Online(online));
        }
    }
}

/// Sends a request over the network of a simulated machine.
#[cfg(feature = "simulation")]
async fn simulated(
    machine: &dyn crate::simulation::Machine,
    outgoing: reqwest::RequestBuilder,
) -> Result<Response, Failure> {
    let built = outgoing.build().map_err(|error| transport(&error))?;
    let body = built.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice);
    let mut request = http::Request::new(body.unwrap_or_default());
    *request.method_mut() = built.method().clone();
    *request.uri_mut() = built.url().as_str().parse().map_err(|_| Failure {
        error: Error::argument("the request cannot be built from these arguments"),
        unsent: true,
    })?;
    *request.headers_mut() = built.headers().clone();
    machine
        .send(request)
        .await
        .map(Response::from)
        .map_err(|unanswered| broken(unanswered == crate::simulation::Unanswered::Unsent))
}

/// Takes an answer in, bounded, and turns a problem into an error.
async fn read(mut response: Response, request: &Request) -> Result<Answer, Failure> {
    let (len_max, conditional) = (request.answer_len_max, request.if_none_match.is_some());
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(RETRY_AFTER.as_str())
        .and_then(|text| text.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    let content_type = header(CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
    let request_id = header(REQUEST_ID_HEADER).map(str::to_owned);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len() + chunk.len() > len_max {
            let error = Error::protocol("the answer is larger than anything the protocol allows");
            return Err(Failure { error: Error { request_id, ..error }, unsent: false });
        }
        body.extend_from_slice(&chunk);
    }
    if (200..300).contains(&status) {
        return Ok(Answer { content_type, body: body.freeze(), request_id, not_modified: false });
    }
    if status == StatusCode::NOT_MODIFIED.as_u16() && conditional {
        return Ok(Answer { content_type, body: Bytes::new(), request_id, not_modified: true });
    }
    let mut error = refusal(status, &body);
    error.retry_after = retry_after;
    error.request_id = error.request_id.or(request_id);
    Err(Failure { error, unsent: false })
}

/// Writes an answer's body into a file, which takes its place when all of it is there.
async fn into_file(mut response: Response, size_bytes: u64, path: &Path) -> Result<(), Failure> {
    let failed = |error: Error| Failure { error, unsent: false };
    let path = path.to_owned();
    let mut file = blocking(move || Download::begin(path)).await.map_err(failed)?;
    let mut left = size_bytes;
    let mut buffer = BytesMut::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| transport(&error))?;
        let last = chunk.is_none();
        if let Some(chunk) = chunk {
            left = left.checked_sub(chunk.len() as u64).ok_or_else(|| failed(wrong_size()))?;
            buffer.extend_from_slice(&chunk);
        }
        if last || buffer.len() >= DOWNLOAD_BUFFER_LEN {
            let bytes = buffer.split().freeze();
            file = blocking(move || file.append(&bytes)).await.map_err(failed)?;
        }
        if last {
            break;
        }
    }
    if left > 0 {
        return Err(failed(wrong_size()));
    }
    blocking(move || file.finish()).await.map_err(failed)
}

fn wrong_size() -> Error {
    Error::protocol("the download does not have the size that was announced")
}

/// The error in an answer that is not a success.
fn refusal(status: u16, body: &[u8]) -> Error {
    if let Ok(problem) = serde_json::from_slice::<Problem>(body) {
        return problem.into();
    }
    // Not our backend's words: a proxy, a load balancer, a hotel's login page.
    match status {
        429 => Error::new(ErrorCode::RateLimited, "too many requests: something before the backend refused"),
        502..=504 => {
            Error::new(ErrorCode::Overloaded, format!("the backend is not available (status {status})"))
        }
        _ => Error::protocol(format!(
            "status {status} without a problem document: is this the address of an AeThex backend?"
        )),
    }
}

fn transport(error: &reqwest::Error) -> Failure {
    let unsent = error.is_connect();
    if error.is_timeout() && !unsent {
        return Failure { error: timed_out(), unsent: false };
    }
    if error.is_builder() {
        let error = Error::argument("the request cannot be built from these arguments");
        return Failure { error, unsent };
    }
    broken(unsent)
}

/// There is no connection, or it broke.
fn broken(unsent: bool) -> Failure {
    let what = if unsent { "the backend cannot be reached" } else { "the connection to the backend broke" };
    Failure { error: Error::new(ErrorCode::Offline, what), unsent }
}

fn timed_out() -> Error {
    Error::new(ErrorCode::Timeout, "the backend did not answer in time")
}

fn user_agent(app_version: &str) -> String {
    let plain: String = app_version.chars().filter(|c| c.is_ascii_graphic() && !"()".contains(*c)).collect();
    let sdk = concat!("aethex-sdk/", env!("CARGO_PKG_VERSION"));
    if plain.is_empty() { sdk.to_owned() } else { format!("{sdk} (game {plain})") }
}

fn client(config: &Config, loopback: bool) -> Result<reqwest::Client, Error> {
    // Nothing goes over it: making TLS anew for each simulated process would be most of the work.
    #[cfg(feature = "simulation")]
    if crate::simulation::current().is_some() {
        static SHARED: std::sync::OnceLock<Result<reqwest::Client, Error>> = std::sync::OnceLock::new();
        return SHARED.get_or_init(|| real_client(config, loopback)).clone();
    }
    real_client(config, loopback)
}

fn real_client(config: &Config, loopback: bool) -> Result<reqwest::Client, Error> {
    let mut client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config()?)
        .user_agent(user_agent(&config.app_version))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT.min(config.request_timeout))
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true);
    if loopback {
        client = client.no_proxy();
    }
    client.build().map_err(|_| Error::argument("the HTTP client cannot be made"))
}

/// TLS as for all of the SDK's HTTP.
pub(crate) fn tls_config() -> Result<rustls::ClientConfig, Error> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| Error::argument("TLS cannot be set up"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// `?a=1&b=2` of a query's fields; empty when it has none.
fn query_text(query: &impl Serialize) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(query) else { return String::new() };
    let mut out = String::new();
    for (name, value) in fields {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        out.push(if out.is_empty() { '?' } else { '&' });
        out += &fill_path("{n}={v}", &[&name, &text]);
    }
    out
}
