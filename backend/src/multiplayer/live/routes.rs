//! The door of WebSockets: the upgrade (RFC 6455 section 4), and who is asked about text clients.
//!
//! The handler answers with the switch of protocols and is done; the socket leaves HTTP, and a shard has it. What counts
//! requests and their time does not see it any more.

use super::door::{Answering, Door, Known, Refusal};
use super::shard::FreshWire;
use super::ws::{Reading, accept_key};
use super::{Hub, Relay};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller};
use crate::multiplayer::rooms::{Asker, ticket_here};
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, RoomId};
use aethex_wire::multiplayer::LIVE_PATH;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::server::TlsStream;

/// How long the answer to an upgrade may take to leave.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a client's key, decoded.
const KEY_LEN: usize = 16;

/// A connection as the server has it, see `app`.
type Socket = Pin<Box<TimeoutStream<TcpStream>>>;

/// The endpoint of live connections.
pub(crate) fn routes(relay: Relay, hub: Hub) -> Router<Arc<App>> {
    let handler = move |State(app): State<Arc<App>>, Address(address): Address, request: Request| {
        let (relay, hub) = (relay.clone(), hub.clone());
        async move { upgrade(&app, &relay, hub, address, request) }
    };
    Router::new().route(LIVE_PATH, routing::get(handler))
}

fn upgrade(
    app: &Arc<App>,
    relay: &Relay,
    hub: Hub,
    address: IpAddr,
    mut request: Request,
) -> Outcome<Response> {
    let accept = check(request.version(), request.headers());
    let Some(accept) = accept else {
        let words = "This address is for WebSockets: version 13 over HTTP/1.1.";
        let mut response = Failure::new(ErrorCode::InvalidRequest, words).into_response();
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Ok(response);
    };
    if app.is_draining() || !relay.has_room(address) {
        return Err(Failure::overloaded());
    }
    let upgraded = hyper::upgrade::on(&mut request);
    let relay = relay.clone();
    let door: Arc<dyn Door> = Arc::new(AppDoor { app: Arc::downgrade(app), hub, address });
    tokio::spawn(async move {
        if let Ok(Ok(upgraded)) = tokio::time::timeout(SWITCH_TIMEOUT, upgraded).await
            && let Some(wire) = wire(upgraded)
        {
            relay.take(wire, address, door);
        }
    });
    let accept = HeaderValue::from_str(&accept).map_err(|error| Failure::internal(error.to_string()))?;
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// The answer to a client's key, when its headers ask for a WebSocket.
fn check(version: http::Version, headers: &HeaderMap) -> Option<String> {
    let names = |name: header::HeaderName, wanted: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(','));
        tokens.any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes();
    let is_asked = version == http::Version::HTTP_11
        && names(header::CONNECTION, "upgrade")
        && names(header::UPGRADE, "websocket")
        && headers.get(header::SEC_WEBSOCKET_VERSION)?.as_bytes() == b"13"
        && STANDARD.decode(key).is_ok_and(|key| key.len() == KEY_LEN);
    is_asked.then(|| accept_key(key))
}

/// The socket of an upgraded connection, free of what HTTP had around it.
fn wire(upgraded: Upgraded) -> Option<FreshWire> {
    let upgraded = match upgraded.downcast::<TokioIo<Socket>>() {
        Ok(parts) => {
            let stream = free(&parts.io.into_inner())?;
            let begin = parts.read_buf.to_vec();
            return Some(FreshWire::Ws { stream, tls: None, reading: Reading::default(), begin });
        }
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream<Socket>>>().ok()?;
    let (socket, tls) = parts.io.into_inner().into_inner();
    let (stream, begin) = (free(&socket)?, parts.read_buf.to_vec());
    Some(FreshWire::Ws { stream, tls: Some(Box::new(tls)), reading: Reading::default(), begin })
}

/// The socket under a descriptor of its own, which no runtime knows yet.
fn free(socket: &Socket) -> Option<std::net::TcpStream> {
    let descriptor = socket.as_ref().get_ref().get_ref().as_fd().try_clone_to_owned();
    descriptor.ok().map(std::net::TcpStream::from)
}

/// The rest of the backend, as text clients' links know it.
#[derive(Debug)]
struct AppDoor {
    app: Weak<App>,
    hub: Hub,
    /// Where the client comes from: its guesses count as they do over REST.
    address: IpAddr,
}

impl Door for AppDoor {
    fn hello(&self, token: String, key: Option<String>) -> Answering<Known> {
        let (app, hub) = (self.app.clone(), self.hub.clone());
        Box::pin(async move {
            let app = app.upgrade().ok_or_else(stopping)?;
            let caller = identify(&app, &token, key).await.map_err(|failure| refusal(&failure))?;
            let personal = hub.connect(caller.game, caller.player).ok_or_else(|| Refusal {
                code: ErrorCode::RateLimited,
                words: "You have too many connections open.".to_owned(),
            })?;
            let (app, session) = (Arc::downgrade(&app), caller.session);
            let stands = Box::new(move || app.upgrade().is_some_and(|app| !app.auth.is_ended(&session)));
            Ok(Known { personal, stands })
        })
    }

    fn join(
        &self,
        game: GameId,
        player: PlayerId,
        room: RoomId,
        password: Option<String>,
    ) -> Answering<String> {
        let (app, address) = (self.app.clone(), self.address);
        Box::pin(async move {
            let app = app.upgrade().ok_or_else(stopping)?;
            let asker = Asker { game: &game, player: &player, address: Some(address) };
            let ticket = ticket_here(&app, asker, &room, password.as_deref()).await;
            ticket.map_err(|failure| refusal(&failure))
        })
    }
}

async fn identify(app: &App, token: &str, key: Option<String>) -> Outcome<Caller> {
    let game = match key {
        None => app.auth.default_game().clone(),
        Some(key) => {
            let unknown = || Failure::new(ErrorCode::UnknownClientKey, "The client key belongs to no game.");
            app.auth.game_of_key(&app.sql, &key).await?.ok_or_else(unknown)?
        }
    };
    app.auth.verify(token, game)
}

fn stopping() -> Refusal {
    Refusal { code: ErrorCode::Overloaded, words: "The server stops: try again shortly.".to_owned() }
}

/// What a text client is told of a failure: never what went wrong inside.
fn refusal(failure: &Failure) -> Refusal {
    let words = match failure.code() {
        ErrorCode::Internal | ErrorCode::Overloaded => "The server failed: try again shortly.",
        _ => failure.words(),
    };
    Refusal { code: failure.code(), words: words.to_owned() }
}
