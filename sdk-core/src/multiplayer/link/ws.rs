//! WebSocket: a binary message is a frame; text is the personal connection's.
//!
//! Over TLS with the same roots as all of the SDK's HTTP. Buffers are small: frames are, and what does not fit the
//! socket waits in the core, where newer states replace older ones.

use super::LinkError;
use crate::http::tls_config;
use crate::multiplayer::room::Core;
use crate::wire::multiplayer::frame::{CLIENT_FRAME_LEN_MAX, MESSAGE_LEN_MAX};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// What is read and written at once: a few frames.
const BUFFER_LEN: usize = 8 * 1024;
/// Longest message taken: the longest frame of a relay, or of the personal connection (a chat message, a match with
/// all its players).
const MESSAGE_IN_LEN_MAX: usize = 2 * MESSAGE_LEN_MAX;
/// What may wait for the socket.
const WRITE_LEN_MAX: usize = 4 * CLIENT_FRAME_LEN_MAX;
/// How long a farewell may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A WebSocket, with or without TLS.
pub(in crate::multiplayer) type Socket = WebSocketStream<Stream>;

/// What a WebSocket runs over.
#[derive(Debug)]
pub(in crate::multiplayer) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens a WebSocket.
pub(in crate::multiplayer) async fn open(url: &Url) -> Result<Socket, LinkError> {
    #[cfg(feature = "simulation")]
    if crate::simulation::current().is_some() {
        return Err(LinkError::new("a simulated machine has no links"));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(LinkError::new)?;
    tcp.set_nodelay(true).map_err(LinkError::new)?;
    let stream = if url.scheme() == "wss" {
        let mut config = tls_config().map_err(|error| LinkError(error.message))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(host).map_err(LinkError::new)?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(LinkError::new)?;
        Stream::Tls(Box::new(tls))
    } else {
        Stream::Plain(tcp)
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_LEN)
        .write_buffer_size(BUFFER_LEN)
        .max_write_buffer_size(WRITE_LEN_MAX)
        .max_message_size(Some(MESSAGE_IN_LEN_MAX))
        .max_frame_size(Some(MESSAGE_IN_LEN_MAX));
    let upgraded = tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(config)).await;
    upgraded.map(|(socket, _)| socket).map_err(LinkError::new)
}

/// A link by WebSocket.
#[derive(Debug)]
pub(in crate::multiplayer) struct Binary {
    socket: Socket,
}

pub(super) async fn connect(url: &Url) -> Result<Binary, LinkError> {
    Ok(Binary { socket: open(url).await? })
}

impl Binary {
    pub(super) async fn hello(&mut self, frame: Bytes) -> Result<Bytes, LinkError> {
        self.socket.send(Message::Binary(frame)).await.map_err(LinkError::new)?;
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(frame))) => return Ok(frame),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return Err(ended(other)),
            }
        }
    }

    pub(super) async fn carry(&mut self, core: &Core) -> LinkError {
        let (mut sink, mut stream) = (&mut self.socket).split();
        let reading = async {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(frame))) => {
                        if let Err(error) = core.receive(&frame) {
                            return error;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return ended(other),
                }
            }
        };
        let writing = async {
            loop {
                let mut next = Some(tokio::select! {
                    biased;
                    frame = core.next_fast() => frame,
                    (_, frame) = core.next_reliable() => frame,
                });
                // All that is due leaves in one piece.
                while let Some(frame) = next {
                    if let Err(error) = sink.feed(Message::Binary(frame)).await {
                        return LinkError::new(error);
                    }
                    next = core.try_fast().or_else(|| core.try_reliable().map(|(_, frame)| frame));
                }
                if let Err(error) = sink.flush().await {
                    return LinkError::new(error);
                }
            }
        };
        tokio::select! {
            error = reading => error,
            error = writing => error,
        }
    }

    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.socket.close(None)).await;
    }
}

/// Why nothing more comes.
pub(in crate::multiplayer) fn ended(
    message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
) -> LinkError {
    match message {
        Some(Err(error)) => LinkError::new(error),
        Some(Ok(Message::Close(Some(frame)))) => LinkError(format!("closed: {}", frame.code)),
        Some(Ok(Message::Close(None))) | None => LinkError::new("closed"),
        Some(Ok(_)) => LinkError::new("a message of another kind than agreed"),
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
