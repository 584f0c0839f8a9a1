//! One keep-alive HTTP/1.1 connection.

use aethex_wire::{ErrorCode, Problem};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection to the backend.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(method: Method, path: String) -> Call {
        Call { method, path, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn bearer(mut self, token: &str) -> Result<Call, String> {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| error.to_string())?;
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Call {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Call {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = body.into();
        self
    }
}

/// `host:port` of a base URL.
pub(crate) fn address_of(base_url: &str) -> Result<String, String> {
    let rest =
        base_url.strip_prefix("http://").ok_or("the base URL begins with http:// (measure behind no TLS)")?;
    let address = rest.trim_end_matches('/');
    if address.is_empty() || address.contains('/') {
        return Err("the base URL is a host and a port, without a path".into());
    }
    Ok(if address.contains(':') { address.to_owned() } else { format!("{address}:80") })
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Connection, String> {
        let failed = |error: &dyn std::fmt::Display| format!("cannot reach {address}: {error}");
        let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // It ends with its sender; what broke it shows in the request that it broke.
        tokio::spawn(async move { drop(connection.await) });
        let host = HeaderValue::from_str(address).map_err(|error| failed(&error))?;
        Ok(Connection { sender, host })
    }

    /// Sends a call and reads the answer to its end; anything but a success is an error in words.
    pub(crate) async fn send(&mut self, call: &Call) -> Result<Bytes, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{} {}: {error}", call.method, call.path);
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.path.parse().map_err(|error| failed(&error))?;
        *request.headers_mut() = call.headers.clone();
        request.headers_mut().insert(HOST, self.host.clone());
        let answer = self.sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        if status.is_success() { Ok(body) } else { Err(failed(&words(status, &body))) }
    }
}

/// What an error answer means for whoever measures.
fn words(status: StatusCode, body: &[u8]) -> String {
    let problem: Option<Problem> = serde_json::from_slice(body).ok();
    match problem {
        Some(problem) if problem.code == ErrorCode::RateLimited => format!(
            "the backend limits the rate: {} Start it with higher `auth.limits.*` for a measurement \
             (AETHEX_AUTH_LIMITS_REGISTRATIONS_PER_ADDRESS, AETHEX_AUTH_LIMITS_LOGIN_FAILURES_PER_ADDRESS).",
            problem.detail
        ),
        Some(problem) => format!("{status} {}: {}", problem.code, problem.detail),
        None => format!("{status}"),
    }
}
