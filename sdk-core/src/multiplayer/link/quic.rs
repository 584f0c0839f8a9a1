//! QUIC: states in datagrams, ordered messages on one stream, each unordered one on a stream of its own.
//!
//! The relay's certificate is its own; its SHA-256 came with the ticket, over the API's TLS, and nothing else is
//! accepted. A change of the device's address moves the connection along (RFC 9000 section 9): by itself, as the
//! socket is bound to no address, or on a new socket ([`Rebinder`]).

use super::LinkError;
use super::address::QuicPlace;
use crate::multiplayer::room::Core;
use crate::multiplayer::session::Lane;
use crate::wire::multiplayer::QUIC_ALPN;
use crate::wire::multiplayer::frame::{DATAGRAM_LEN_MAX, MESSAGE_LEN_MAX};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, Endpoint, IdleTimeout, RecvStream, SendDatagramError, SendStream,
    TransportConfig, VarInt,
};
use rustls::DigitallySignedStruct;
use rustls::SignatureScheme;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How often a silent connection says something: below what NATs keep a UDP mapping for.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Silence after which QUIC gives a connection up. The room's driver does so before.
const IDLE_TIMEOUT_MS: u32 = 20_000;
/// Streams that the relay may have open towards us: unordered messages on their way.
const UNI_STREAMS_MAX: u32 = 128;
/// Datagrams that wait for the wire: newer states replace what waits, so few.
const DATAGRAMS_OUT_LEN: usize = 32 * 1024;
/// Datagrams that wait to be read.
const DATAGRAMS_IN_LEN: usize = 256 * 1024;
/// Longest frame on a stream: the longest message with its head; a room's JSON is shorter.
const FRAME_LEN_MAX: usize = MESSAGE_LEN_MAX + 64;
/// The name in the handshake. The certificate is known by its pin, not by a name.
const SERVER_NAME: &str = "aethex-relay";
/// How long a farewell may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of the longest length on a stream.
const LENGTH_LEN_MAX: usize = 4;

/// A link by QUIC.
#[derive(Debug)]
pub(in crate::multiplayer) struct Quic {
    endpoint: Endpoint,
    connection: Connection,
    send: SendStream,
    receive: Framed,
}

/// Opens a connection and its ordered stream.
pub(super) async fn connect(place: &QuicPlace) -> Result<Quic, LinkError> {
    let addresses =
        tokio::net::lookup_host((place.host.as_str(), place.port)).await.map_err(LinkError::new)?;
    let mut why = LinkError::new("the relay's name has no address");
    for address in addresses {
        match connect_to(address, &place.certificate_sha256).await {
            Ok(link) => return Ok(link),
            Err(error) => why = error,
        }
    }
    Err(why)
}

async fn connect_to(address: SocketAddr, pin: &[u8; 32]) -> Result<Quic, LinkError> {
    let endpoint = Endpoint::client(any_address(address)).map_err(LinkError::new)?;
    let connecting =
        endpoint.connect_with(client_config(pin)?, address, SERVER_NAME).map_err(LinkError::new)?;
    let connection = connecting.await.map_err(LinkError::new)?;
    if connection.max_datagram_size().is_none_or(|len| len < DATAGRAM_LEN_MAX) {
        return Err(LinkError::new("datagrams of the relay's length do not pass"));
    }
    let (send, receive) = connection.open_bi().await.map_err(LinkError::new)?;
    Ok(Quic { endpoint, connection, send, receive: Framed { stream: receive, buffer: BytesMut::new() } })
}

/// No address in particular: the system chooses one for each packet, also after a change of networks.
fn any_address(to: SocketAddr) -> SocketAddr {
    match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

fn client_config(pin: &[u8; 32]) -> Result<ClientConfig, LinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Pinned { sha256: *pin, provider: Arc::clone(&provider) };
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(LinkError::new)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
    // No tickets of TLS sessions: a link is made once.
    tls.resumption = rustls::client::Resumption::disabled();
    let quic = QuicClientConfig::try_from(tls).map_err(LinkError::new)?;
    let mut config = ClientConfig::new(Arc::new(quic));
    let mut transport = TransportConfig::default();
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS_MAX))
        .datagram_send_buffer_size(DATAGRAMS_OUT_LEN)
        .datagram_receive_buffer_size(Some(DATAGRAMS_IN_LEN));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// Accepts one certificate.
#[derive(Debug)]
struct Pinned {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found: [u8; 32] = Sha256::digest(certificate).into();
        if bool::from(found.ct_eq(&self.sha256)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("QUIC has no TLS 1.2".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Moves a link to a new socket.
#[derive(Debug)]
pub(in crate::multiplayer) struct Rebinder(Endpoint, SocketAddr);

impl Rebinder {
    /// The relay sees another port, and perhaps another address; the connection goes on.
    pub(in crate::multiplayer) fn rebind(&self) -> Result<(), LinkError> {
        let socket = UdpSocket::bind(any_address(self.1)).map_err(LinkError::new)?;
        self.0.rebind(socket).map_err(LinkError::new)
    }
}

impl Quic {
    pub(super) fn rebinder(&self) -> Rebinder {
        Rebinder(self.endpoint.clone(), self.connection.remote_address())
    }

    pub(super) async fn hello(&mut self, frame: Bytes) -> Result<Bytes, LinkError> {
        write(&mut self.send, &frame).await?;
        self.receive.next().await
    }

    pub(super) async fn carry(&mut self, core: &Core) -> LinkError {
        let Quic { connection, send, receive, .. } = self;
        let take = |frame: Bytes| core.receive(&frame);
        let ordered = async {
            loop {
                match receive.next().await.and_then(take) {
                    Ok(()) => {}
                    Err(error) => return error,
                }
            }
        };
        let datagrams = async {
            loop {
                match connection.read_datagram().await.map_err(LinkError::new).and_then(take) {
                    Ok(()) => {}
                    Err(error) => return error,
                }
            }
        };
        let reliable = async {
            loop {
                let (lane, frame) = core.next_reliable().await;
                let written = match lane {
                    Lane::Own => write_alone(connection, send, &frame).await,
                    Lane::Ordered => write(send, &frame).await,
                };
                if let Err(error) = written {
                    return error;
                }
            }
        };
        let fast = async {
            loop {
                let frame = core.next_fast().await;
                match connection.send_datagram(frame) {
                    // The path takes less than it did: one lost, as any datagram may be.
                    Ok(()) | Err(SendDatagramError::TooLarge) => {}
                    Err(error) => return LinkError::new(error),
                }
            }
        };
        tokio::select! {
            error = ordered => error,
            error = datagrams => error,
            error = unordered(connection, core) => error,
            error = reliable => error,
            error = fast => error,
        }
    }

    pub(super) async fn close(mut self) {
        // What was written has to leave first.
        let _ = self.send.finish();
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.send.stopped()).await;
        self.connection.close(VarInt::from_u32(0), b"");
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

/// Takes in messages that have a stream to themselves.
async fn unordered(connection: &Connection, core: &Core) -> LinkError {
    let mut reading = FuturesUnordered::new();
    loop {
        tokio::select! {
            stream = connection.accept_uni() => match stream {
                Ok(mut stream) => reading.push(async move { stream.read_to_end(FRAME_LEN_MAX).await }),
                Err(error) => return LinkError::new(error),
            },
            Some(frame) = reading.next() => match frame.map_err(LinkError::new) {
                Ok(frame) => if let Err(error) = core.receive(&frame) { return error },
                Err(error) => return error,
            },
        }
    }
}

/// Writes a frame after its length.
async fn write(stream: &mut SendStream, frame: &[u8]) -> Result<(), LinkError> {
    let mut out = BytesMut::with_capacity(frame.len() + LENGTH_LEN_MAX);
    put_length(&mut out, frame.len());
    out.put_slice(frame);
    stream.write_all(&out).await.map_err(LinkError::new)
}

/// Writes a frame on a stream of its own; on the ordered one when the relay takes no more streams now.
async fn write_alone(
    connection: &Connection,
    ordered: &mut SendStream,
    frame: &[u8],
) -> Result<(), LinkError> {
    match connection.open_uni().now_or_never() {
        Some(Ok(mut stream)) => {
            stream.write_all(frame).await.map_err(LinkError::new)?;
            stream.finish().map_err(LinkError::new)
        }
        Some(Err(error)) => Err(LinkError::new(error)),
        None => write(ordered, frame).await,
    }
}

fn put_length(out: &mut BytesMut, mut len: usize) {
    while len >= 0x80 {
        out.put_u8(len as u8 | 0x80);
        len >>= 7;
    }
    out.put_u8(len as u8);
}

/// Frames of a stream.
#[derive(Debug)]
struct Framed {
    stream: RecvStream,
    buffer: BytesMut,
}

impl Framed {
    /// The next frame. Nothing is lost when this is dropped while it waits.
    async fn next(&mut self) -> Result<Bytes, LinkError> {
        loop {
            if let Some(frame) = split(&mut self.buffer)? {
                return Ok(frame);
            }
            match self.stream.read_chunk(FRAME_LEN_MAX, true).await.map_err(LinkError::new)? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
                None => return Err(LinkError::new("closed")),
            }
        }
    }
}

/// Takes a frame from the front, when all of it is there.
fn split(buffer: &mut BytesMut) -> Result<Option<Bytes>, LinkError> {
    let mut len = 0;
    for at in 0..LENGTH_LEN_MAX {
        let Some(&byte) = buffer.get(at) else { return Ok(None) };
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte >= 0x80 {
            continue;
        }
        if len > FRAME_LEN_MAX {
            break;
        }
        if buffer.len() < at + 1 + len {
            return Ok(None);
        }
        buffer.advance(at + 1);
        return Ok(Some(buffer.split_to(len).freeze()));
    }
    Err(LinkError::new("a frame is longer than any may be"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_out_of_a_stream_wherever_it_is_torn() {
        let frames: Vec<Vec<u8>> =
            [0, 1, 127, 128, 300, FRAME_LEN_MAX].map(|len| vec![len as u8; len]).into();
        let mut whole = BytesMut::new();
        for frame in &frames {
            put_length(&mut whole, frame.len());
            whole.put_slice(frame);
        }
        for step in [1, 2, 3, 1000] {
            let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
            for piece in whole.chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = split(&mut buffer).unwrap() {
                    found.push(frame.to_vec());
                }
            }
            assert_eq!(found, frames);
        }
        let mut long = BytesMut::new();
        put_length(&mut long, FRAME_LEN_MAX + 1);
        assert!(split(&mut long).is_err());
        assert!(split(&mut BytesMut::from(&[0xff; 8][..])).is_err());
    }
}
