//! A bot's link to the relay: frames over a WebSocket, or over QUIC with the certificate that the API told.

use super::quic::QuicLink;
use aethex_wire::multiplayer::LIVE_PATH;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// A WebSocket's read buffer: a tick of a room; the library's own is thirty times that, for each bot.
const READ_LEN: usize = 4 * 1024;

/// A WebSocket without TLS.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// A link.
pub(super) enum Link {
    WebSocket(Box<Socket>),
    Quic(Box<QuicLink>),
}

impl Link {
    /// The next frame. What is dropped half way loses nothing.
    pub(super) async fn frame(&mut self) -> Result<Bytes, String> {
        match self {
            Link::WebSocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Binary(frame))) => return Ok(frame),
                    Some(Ok(Message::Close(_))) | None => return Err("the relay closed a link".to_owned()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(format!("a link broke: {error}")),
                }
            },
            Link::Quic(link) => link.frame().await,
        }
    }

    /// Sends a frame that must arrive.
    pub(super) async fn send(&mut self, frame: Bytes) -> Result<(), String> {
        match self {
            Link::WebSocket(socket) => send(socket, Message::Binary(frame)).await,
            Link::Quic(link) => link.send(&frame).await,
        }
    }

    /// Sends a frame that a newer one replaces.
    pub(super) async fn send_passing(&mut self, frame: Bytes) -> Result<(), String> {
        match self {
            Link::WebSocket(socket) => send(socket, Message::Binary(frame)).await,
            Link::Quic(link) => link.send_datagram(frame),
        }
    }

    /// Ends it; what was sent still leaves.
    pub(super) async fn close(self) {
        match self {
            // A relay that closed first is no error: it was told to forget this player.
            Link::WebSocket(mut socket) => drop(socket.as_mut().close(None).await),
            Link::Quic(link) => link.close().await,
        }
    }
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), String> {
    socket.send(message).await.map_err(|error| format!("a link broke: {error}"))
}

/// Opens a WebSocket at `url`; when that is empty, where the API is.
pub(crate) async fn open(address: &str, url: &str) -> Result<Socket, String> {
    let url = if url.is_empty() { format!("ws://{address}{LIVE_PATH}") } else { url.to_owned() };
    let rest = url.strip_prefix("ws://").ok_or_else(|| format!("{url}: measure behind no TLS"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let failed = |error: &dyn std::fmt::Display| format!("cannot reach {url}: {error}");
    let stream = TcpStream::connect(host).await.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let config = WebSocketConfig::default().read_buffer_size(READ_LEN).write_buffer_size(0);
    let opened = tokio_tungstenite::client_async_with_config(&url, stream, Some(config)).await;
    opened.map(|(socket, _)| socket).map_err(|error| failed(&error))
}
