//! A link to a relay: QUIC where it passes, WebSocket elsewhere. It carries frames and knows nothing of them.
//!
//! [`connect`] races both, QUIC with a head start, and answers with the first that stands: only that one says hello,
//! as a ticket is good for one. [`Link::hello`] is the first exchange; then [`Link::carry`] moves frames between the
//! link and a room's core until the link ends.

mod address;
mod quic;
mod ws;

use super::Transport;
use super::room::Core;
use crate::wire::multiplayer::RelayAddress;
pub(super) use address::{Places, live_address};
use bytes::Bytes;
use std::time::Duration;
pub(super) use ws::{Socket, ended, open};

/// How long QUIC has before WebSocket is tried beside it (RFC 8305 has 250 ms for address families).
const HEAD_START: Duration = Duration::from_millis(300);
/// How long a link may take to stand. A path that drops everything is given up after it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a relay may take to answer to hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no link, or no longer: in words, for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkError(pub(super) String);

impl LinkError {
    fn new(what: impl std::fmt::Display) -> LinkError {
        LinkError(what.to_string())
    }
}

/// Which transports may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transports {
    /// QUIC, and WebSocket where it does not pass.
    #[default]
    Any,
    /// Only QUIC.
    Quic,
    /// Only WebSocket.
    WebSocket,
}

/// An open link.
#[derive(Debug)]
pub(super) enum Link {
    Quic(quic::Quic),
    WebSocket(ws::Binary),
}

impl Link {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Link::Quic(_) => Transport::Quic,
            Link::WebSocket(_) => Transport::WebSocket,
        }
    }

    /// Sends the first frame, and waits for the relay's.
    pub(super) async fn hello(&mut self, frame: Bytes) -> Result<Bytes, LinkError> {
        let exchange = async {
            match self {
                Link::Quic(link) => link.hello(frame).await,
                Link::WebSocket(link) => link.hello(frame).await,
            }
        };
        let answer = tokio::time::timeout(HELLO_TIMEOUT, exchange).await;
        answer.unwrap_or_else(|_| Err(LinkError::new("the relay does not answer")))
    }

    /// Carries frames between the relay and the core until the link ends.
    pub(super) async fn carry(&mut self, core: &Core) -> LinkError {
        match self {
            Link::Quic(link) => link.carry(core).await,
            Link::WebSocket(link) => link.carry(core).await,
        }
    }

    /// The network may be another one now: moves a QUIC link to a new socket, without a new handshake.
    pub(super) fn rebinder(&self) -> Option<Rebinder> {
        match self {
            Link::Quic(link) => Some(link.rebinder()),
            Link::WebSocket(_) => None,
        }
    }

    /// Ends the link in good order.
    pub(super) async fn close(self) {
        match self {
            Link::Quic(link) => link.close().await,
            Link::WebSocket(link) => link.close().await,
        }
    }
}

pub(super) use quic::Rebinder;

/// Opens a link: the first transport that stands.
pub(super) async fn connect(places: &Places, transports: Transports) -> Result<Link, LinkError> {
    #[cfg(feature = "simulation")]
    if crate::simulation::current().is_some() {
        return Err(LinkError::new("a simulated machine has no links"));
    }
    let by_quic = async {
        match (&places.quic, transports) {
            (Some(place), Transports::Any | Transports::Quic) => {
                timed(quic::connect(place)).await.map(Link::Quic)
            }
            _ => Err(LinkError::new("this relay has no QUIC")),
        }
    };
    let by_websocket = || async {
        match transports {
            Transports::Any | Transports::WebSocket => {
                timed(ws::connect(&places.websocket)).await.map(Link::WebSocket)
            }
            Transports::Quic => Err(LinkError::new("only QUIC is wanted")),
        }
    };
    // Boxed: both are large, and made once a link.
    let mut by_quic = Box::pin(by_quic);
    let quic_failed = match tokio::time::timeout(HEAD_START, &mut by_quic).await {
        Ok(Ok(link)) => return Ok(link),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    let mut by_websocket = Box::pin(by_websocket());
    if let Some(quic_error) = quic_failed {
        return by_websocket.await.map_err(|error| both(&quic_error, &error));
    }
    tokio::select! {
        quic = &mut by_quic => match quic {
            Ok(link) => Ok(link),
            Err(quic_error) => by_websocket.await.map_err(|error| both(&quic_error, &error)),
        },
        websocket = &mut by_websocket => match websocket {
            Ok(link) => Ok(link),
            Err(error) => by_quic.await.map_err(|quic_error| both(&quic_error, &error)),
        },
    }
}

async fn timed<T>(connecting: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    let link = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
    link.unwrap_or_else(|_| Err(LinkError::new("it does not answer")))
}

fn both(quic: &LinkError, websocket: &LinkError) -> LinkError {
    LinkError(format!("QUIC: {}; WebSocket: {}", quic.0, websocket.0))
}

/// Where a relay is, seen from the address that the API was reached at.
pub(super) fn places(server_url: &str, relay: &RelayAddress) -> Result<Places, LinkError> {
    Places::of(server_url, relay)
}
