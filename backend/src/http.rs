//! The gateway: the router, and what every request passes first.
//!
//! Order: hyper's limits (head deadline, head size) -> method and encoding rules -> request id ->
//! deadline and panic guard -> handler -> problem document, security headers, metrics.

use crate::app::App;
use crate::error::{Failed, Failure};
use aethex_wire::{
    CLIENT_KEY_HEADER, Endpoint, ErrorCode, IDEMPOTENCY_KEY_HEADER, Method, REQUEST_ID_HEADER,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Longest request id taken over from a client.
const REQUEST_ID_LEN_MAX: usize = 64;
/// How long a browser may keep the answer to a preflight request.
const CORS_MAX_AGE: Duration = Duration::from_secs(3600);

/// The whole API.
pub(crate) fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .merge(crate::auth::routes())
        .merge(crate::saves::routes())
        .merge(crate::privacy::routes())
        .merge(crate::multiplayer::routes(&app))
        .merge(crate::studio::server_routes())
        .merge(crate::openapi::routes());
    let cors = cors(&app.config.http.cors_origins);
    guarded(app, routes, cors)
}

/// The studio's API: an address of its own, the same rules.
pub(crate) fn studio_router(app: Arc<App>) -> Router {
    let cors = cors(&app.config.studio.cors_origins);
    guarded(app, crate::studio::routes(), cors)
}

/// What every address has.
fn guarded(app: Arc<App>, routes: Router<Arc<App>>, cors: CorsLayer) -> Router {
    routes
        .route("/healthz", routing::get(|| async { "ok\n" }))
        .route("/readyz", routing::get(ready))
        .fallback(|| async { Failure::not_found() })
        .method_not_allowed_fallback(|| async {
            Failure::new(ErrorCode::MethodNotAllowed, "This address does not take that method.")
        })
        .layer(cors)
        .layer(middleware::from_fn_with_state(app.clone(), gateway))
        .with_state(app)
}

/// Serves `E` with `handler`.
pub(crate) fn mount<E, H, T>(router: Router<Arc<App>>, handler: H) -> Router<Arc<App>>
where
    E: Endpoint,
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    let method: MethodRouter<Arc<App>> = match E::METHOD {
        Method::Get => routing::get(handler),
        Method::Post => routing::post(handler),
        Method::Put => routing::put(handler),
        Method::Delete => routing::delete(handler),
    };
    router.route(E::PATH, method)
}

/// The JSON answer of `E`, with its status.
pub(crate) fn answer<E: Endpoint>(body: &E::Response) -> Response {
    let status = StatusCode::from_u16(E::STATUS).expect("endpoints name valid statuses");
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    match serde_json::to_vec(body) {
        Ok(json) => (status, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => Failure::internal(format!("an answer does not serialise: {error}")).into_response(),
    }
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let answers = app.sql.ping().await.is_ok() && app.blob.ping().await.is_ok();
    match answers && !app.is_draining() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

async fn gateway(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _handling = app.in_flight.enter();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match refuse(&request) {
        Some(failure) => failure.into_response(),
        None => {
            let deadline = Duration::from_millis(app.config.http.request_timeout_ms);
            let run = AssertUnwindSafe(next.run(request)).catch_unwind();
            match tokio::time::timeout(deadline, run).await {
                Ok(Ok(response)) => response,
                Ok(Err(panic)) => Failure::internal(format!("panic: {}", words(&*panic))).into_response(),
                Err(_) => Failure::overloaded().into_response(),
            }
        }
    };
    let route = path.as_ref().map_or("none", |path| path.as_str());
    if let Some(failed) = response.extensions_mut().remove::<Failed>() {
        response = problem(response, failed, &request_id, route);
    }
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static(REQUEST_ID_HEADER), request_id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Pages bring a policy of their own.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if app.tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    measure(&method, route, response.status(), started.elapsed());
    response
}

/// What no handler should see.
fn refuse(request: &Request) -> Option<Failure> {
    if !is_served(request.method()) {
        return Some(Failure::new(ErrorCode::MethodNotAllowed, "This method is not served."));
    }
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Some(Failure::new(
            ErrorCode::UnsupportedMediaType,
            "Compressed bodies are not accepted: send the body as it is, or a frame with compression.",
        ));
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == http::Version::HTTP_11) {
        return Some(Failure::invalid("A request has one Host header (RFC 9112 section 3.2)."));
    }
    let uri = request.uri();
    if uri.path().contains("%00") || uri.query().is_some_and(|query| query.contains("%00")) {
        return Some(Failure::invalid("The address contains a NUL character."));
    }
    None
}

fn is_served(method: &http::Method) -> bool {
    use http::Method as M;
    matches!(*method, M::GET | M::HEAD | M::POST | M::PUT | M::DELETE | M::OPTIONS)
}

/// The client's request id when it is plain, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    match request.headers().get(REQUEST_ID_HEADER) {
        Some(id) if (1..=REQUEST_ID_LEN_MAX).contains(&id.len()) && id.as_bytes().iter().all(plain) => {
            id.clone()
        }
        _ => HeaderValue::from_str(&crate::context::new_id()).expect("ids are plain text"),
    }
}

fn problem(response: Response, mut failed: Failed, request_id: &HeaderValue, route: &str) -> Response {
    let id = request_id.to_str().unwrap_or_default();
    if let Some(fault) = &failed.fault {
        tracing::error!(request_id = id, route, fault, "a request failed");
    }
    failed.problem.request_id = Some(id.to_owned());
    let body = serde_json::to_vec(&failed.problem).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::from(body))
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

fn measure(method: &http::Method, route: &str, status: StatusCode, took: Duration) {
    // Anything else is a client's own word, and would grow the metrics without end.
    let method = if is_served(method) { method.as_str() } else { "other" };
    let labels =
        [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::histogram!("http_request_duration_seconds", &labels).record(took);
    tracing::debug!(method, route, status = status.as_u16(), took_us = took.as_micros() as u64, "request");
}

fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([http::Method::GET, http::Method::POST, http::Method::PUT, http::Method::DELETE])
        // `*` would not cover Authorization (Fetch standard).
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static(IDEMPOTENCY_KEY_HEADER),
            HeaderName::from_static(CLIENT_KEY_HEADER),
            HeaderName::from_static(REQUEST_ID_HEADER),
        ])
        .expose_headers([header::ETAG, header::RETRY_AFTER, HeaderName::from_static(REQUEST_ID_HEADER)])
        .max_age(CORS_MAX_AGE)
}
