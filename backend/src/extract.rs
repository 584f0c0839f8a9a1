//! What handlers ask of a request: the game, the caller, the body, the query, the path.
//!
//! Every refusal is a [`Failure`] with a code and words, never a framework's own text. [`Caller`] is the
//! only way to learn who calls, and [`Caller::own`] the only way to turn an id of a path into a player.

use crate::app::App;
use crate::error::{Failure, Outcome};
use aethex_wire::ids::{GameId, PlayerId, SessionId};
use aethex_wire::{CLIENT_KEY_HEADER, ErrorCode};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Largest JSON body but for saves: names, tokens and settings, nothing large.
pub(crate) const JSON_LEN_MAX: usize = 64 * 1024;
/// Bodies up to this size are not counted against the budget of large ones.
const BODY_LEN_SMALL: usize = 64 * 1024;
/// Bytes of large bodies held in memory at once, over all requests; as much again for large answers.
pub(crate) const BODY_BUDGET_KIB: usize = 256 * 1024;

/// The game that a request belongs to: its client key's, or the default one.
#[derive(Debug, Clone)]
pub(crate) struct Game(pub(crate) GameId);

impl FromRequestParts<Arc<App>> for Game {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Game> {
        match parts.headers.get(CLIENT_KEY_HEADER) {
            None => Ok(Game(app.auth.default_game().clone())),
            Some(key) => {
                let key = key.to_str().map_err(|_| unknown_key())?;
                app.auth.game_of_key(&app.sql, key).await?.map(Game).ok_or_else(unknown_key)
            }
        }
    }
}

fn unknown_key() -> Failure {
    Failure::new(ErrorCode::UnknownClientKey, "The client key belongs to no game: copy it from the console.")
}

/// A player with a valid access token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) game: GameId,
    pub(crate) player: PlayerId,
    pub(crate) session: SessionId,
}

impl Caller {
    /// The player that a path names, when it is the caller: nobody learns of anyone else's things.
    pub(crate) fn own(&self, user_id: &str) -> Outcome<()> {
        if user_id == self.player.as_str() { Ok(()) } else { Err(Failure::not_found()) }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Caller> {
        let Game(game) = Game::from_request_parts(parts, app).await?;
        let token = bearer(&parts.headers).ok_or_else(Failure::unauthenticated)?;
        app.auth.verify(token, game)
    }
}

/// The caller, or nobody: for endpoints that serve both.
#[derive(Debug)]
pub(crate) struct MaybeCaller(pub(crate) Option<Caller>);

impl FromRequestParts<Arc<App>> for MaybeCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<MaybeCaller> {
        Ok(MaybeCaller(Caller::from_request_parts(parts, app).await.ok()))
    }
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Two answers to "who are you" are none.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Where a request comes from, told by the connection, or by a proxy that the configuration names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

/// The other end of the connection, set by the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl FromRequestParts<Arc<App>> for Address {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Address> {
        let Peer(peer) =
            *parts.extensions.get::<Peer>().ok_or_else(|| Failure::internal("a request without a peer"))?;
        Ok(Address(client_address(peer.to_canonical(), &parts.headers, &app.config.http.trusted_proxies)))
    }
}

/// The nearest address that is not a trusted proxy, from the right of `X-Forwarded-For`.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer;
    let forwarded = headers.get_all("x-forwarded-for").iter().rev();
    let hops = forwarded.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(','));
    for hop in hops {
        if !trusted.contains(&address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Outcome<Json<T>> {
        expect_media_type(request.headers(), "application/json")?;
        let body = read_body(app, request.into_body(), JSON_LEN_MAX).await?;
        parse_json(&body.bytes).map(Json)
    }
}

/// Parses a JSON object, saying where it is wrong. A list is refused: it would be read as the fields in
/// their order, which nobody means.
pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Outcome<T> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Failure::invalid("The JSON body is not an object."));
    }
    serde_json::from_slice(body)
        .map_err(|error| Failure::invalid(format!("The JSON body is not usable: {error}.")))
}

/// The media type of a body, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

pub(crate) fn expect_media_type(headers: &HeaderMap, wanted: &str) -> Outcome<()> {
    if media_type(headers).eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::UnsupportedMediaType, format!("Send the body as {wanted}.")))
}

/// A body, with its share of the memory budget for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Reads a body of at most `limit` bytes, before the deadline. What has arrived of a large one counts
/// against the memory budget; what is only announced does not.
pub(crate) async fn read_body(app: &App, body: Body, limit: usize) -> Outcome<Received> {
    use http_body::Body as _;
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let deadline = Duration::from_millis(app.config.http.body_timeout_ms);
    match tokio::time::timeout(deadline, collect(app, Limited::new(body, limit), limit)).await {
        Err(_) => Err(Failure::new(ErrorCode::RequestTimeout, "The body did not arrive in time.")),
        Ok(received) => received,
    }
}

async fn collect(app: &App, mut body: Limited<Body>, limit: usize) -> Outcome<Received> {
    use http_body::Body as _;
    let mut bytes = BytesMut::new();
    let mut room: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large(limit)),
            Err(_) => return Err(Failure::invalid("The body ended early or is not valid HTTP.")),
        };
        if bytes.is_empty() && data.len() <= BODY_LEN_SMALL && body.is_end_stream() {
            // One piece, as small bodies come: no copy.
            return Ok(Received { bytes: data, room: None });
        }
        bytes.extend_from_slice(&data);
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = kib(bytes.len().saturating_sub(BODY_LEN_SMALL)) as usize;
        if wanted > held {
            let step = u32::try_from(wanted - held).unwrap_or(u32::MAX);
            let more = app.body_budget.clone().try_acquire_many_owned(step);
            let more = more.map_err(|_| Failure::overloaded())?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
        }
    }
    Ok(Received { bytes: bytes.freeze(), room })
}

/// Runs work of milliseconds off the request threads, as many at once as there are cores: each may take
/// memory many times its input's.
pub(crate) async fn off_thread<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let room = app.heavy_work.clone().acquire_owned().await;
    let room = room.map_err(|error| Failure::internal(error.to_string()))?;
    // The place is the work's, not the caller's: a client that goes away does not free it early.
    let done = crate::context::blocking(move || {
        let _room = room;
        work()
    });
    done.await.map_err(|error| Failure::internal(error.to_string()))?
}

/// Room in memory for an answer of `len` bytes, taken before the answer is made.
pub(crate) fn room_for_answer(app: &App, len: i64) -> Outcome<Option<OwnedSemaphorePermit>> {
    let len = usize::try_from(len).unwrap_or_default();
    if len <= BODY_LEN_SMALL {
        return Ok(None);
    }
    let room = app.answer_budget.clone().try_acquire_many_owned(kib(len));
    room.map(Some).map_err(|_| Failure::overloaded())
}

/// A body to answer with; its room is free again when the client has taken it.
pub(crate) fn counted_body(bytes: Bytes, room: Option<OwnedSemaphorePermit>) -> Body {
    match room {
        None => Body::from(bytes),
        Some(room) => Body::new(Counted { body: Full::new(bytes), _room: room }),
    }
}

/// A body with its share of the memory budget.
struct Counted {
    body: Full<Bytes>,
    _room: OwnedSemaphorePermit,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

fn too_large(limit: usize) -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("The body is over the limit of {limit} bytes."))
}

/// Query parameters.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Outcome<Query<T>> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Query(query))
            .map_err(|error| Failure::invalid(format!("The query is not usable: {}.", error.body_text())))
    }
}

/// Variables of the path, in their order.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Outcome<Path<T>> {
        axum::extract::Path::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Path(path)| Path(path))
            .map_err(|_| Failure::invalid("The path is not valid UTF-8 after percent-decoding."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding_headers_are_believed_from_named_proxies_only() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let other: IpAddr = "10.0.0.9".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 7.7.7.7".parse().unwrap());
        headers.append("x-forwarded-for", "8.8.8.8".parse().unwrap());
        assert_eq!(client_address(other, &headers, &[proxy]), other);
        assert_eq!(client_address(proxy, &headers, &[proxy]).to_string(), "8.8.8.8");
        let both = [proxy, "8.8.8.8".parse().unwrap()];
        assert_eq!(client_address(proxy, &headers, &both).to_string(), "7.7.7.7");
        headers.append("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(client_address(proxy, &headers, &[proxy]), proxy);
    }
}
