//! HTTP as a test says it: `client.post(path).bearer(token).json(&body).send().await.refused(code)`.

use aethex_wire::{ErrorCode, Problem};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::Ipv4Addr;

/// Talks to one server from one address.
#[derive(Debug, Clone)]
pub struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Client {
    /// A client of the server at `base` (`http://127.0.0.1:8080`).
    pub fn new(base: &str) -> Client {
        Client::from_address(base, Ipv4Addr::LOCALHOST)
    }

    /// A client whose connections come from `address`, of the loopback network.
    pub fn from_address(base: &str, address: Ipv4Addr) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(address.into()));
        connector.set_nodelay(true);
        Client { http: legacy::Client::builder(TokioExecutor::new()).build(connector), base: base.to_owned() }
    }

    /// A request; `path` goes out as it is, never normalised.
    pub fn request(&self, method: Method, path: &str) -> Call<'_> {
        Call { client: self, method, path: path.to_owned(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Call<'_> {
        self.request(Method::GET, path)
    }

    /// `POST path`.
    pub fn post(&self, path: &str) -> Call<'_> {
        self.request(Method::POST, path)
    }
}

/// A request in the making.
#[derive(Debug)]
#[must_use = "a request does nothing before it is sent"]
pub struct Call<'c> {
    client: &'c Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call<'_> {
    /// Adds a header; one of the same name stays.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a test's header name is valid");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a test's header value is valid");
        self.headers.append(name, value);
        self
    }

    /// Adds the access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sends this as JSON.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        let body = serde_json::to_vec(body).expect("a test's JSON serialises");
        self.body("application/json", body)
    }

    /// Sends these bytes.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", media_type)
    }

    /// Sends; fails the test when the connection breaks.
    pub async fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.path);
        match crate::wait::in_time(&what, self.try_send()).await {
            Ok(reply) => reply,
            Err(error) => panic!("{what}: {error}"),
        }
    }

    /// Sends; an error when the connection breaks.
    pub async fn try_send(self) -> Result<Reply, String> {
        let what = format!("{} {}", self.method, self.path);
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(format!("{}{}", self.client.base, self.path))
            .body(Full::new(self.body))
            .map_err(|error| error.to_string())?;
        *request.headers_mut() = self.headers;
        let answer = self.client.http.request(request).await.map_err(|error| format!("{error:?}"))?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let reply = Reply { what, status: parts.status.as_u16(), headers: parts.headers, body };
        assert!(reply.status != 500, "the server failed: {reply}");
        Ok(reply)
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Reply {
    what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Fails the test unless the status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// The body of a success, as JSON.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "{self}");
        assert_eq!(self.header("content-type"), "application/json", "{self}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The body of an error, checked against what every problem document promises.
    #[track_caller]
    pub fn problem(&self) -> Problem {
        assert!(self.status >= 400, "{self}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self}");
        let problem: Problem =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"));
        assert_eq!(problem.status, self.status, "{self}");
        assert_eq!(problem.code.status(), self.status, "{self}");
        assert_eq!(problem.kind, format!("/errors/{}", problem.code), "{self}");
        assert_eq!(problem.retryable, problem.code.retryable(), "{self}");
        assert_eq!(problem.request_id.as_deref(), Some(self.header("x-request-id")), "{self}");
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{self}");
        problem
    }

    /// Fails the test unless the answer is this error.
    #[track_caller]
    pub fn refused(&self, code: ErrorCode) -> Problem {
        let problem = self.problem();
        assert_eq!(problem.code, code, "{self}");
        problem
    }

    /// Fails the test unless the answer is an error that is the request's own fault.
    #[track_caller]
    pub fn refused_somehow(&self) {
        assert!((400..500).contains(&self.status), "{self}");
        self.problem();
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body without what differs from request to request: what an observer can learn from it.
    pub fn without_request_id(&self) -> (u16, String) {
        let mut body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("request_id");
        }
        (self.status, body.to_string())
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Enough of a body to see what is wrong.
        const BODY_SHOWN_MAX: usize = 600;
        let shown = &self.body[..self.body.len().min(BODY_SHOWN_MAX)];
        write!(f, "{} -> {} {}", self.what, self.status, String::from_utf8_lossy(shown))
    }
}
