//! QUIC as the bots speak it: one ordered stream of frames after their lengths, and datagrams.

use aethex_wire::multiplayer::frame::CLIENT_FRAME_LEN_MAX;
use aethex_wire::multiplayer::{QUIC_ALPN, QuicAddress};
use bytes::{Buf, Bytes, BytesMut};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, Endpoint, EndpointConfig, RecvStream, SendStream, TransportConfig, VarInt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// Datagrams that wait for a bot: a second of a full room, so that a late bot loses none.
const DATAGRAMS_IN_LEN: usize = 1024 * 1024;
/// Datagrams that wait for the wire.
const DATAGRAMS_OUT_LEN: usize = 32 * 1024;
/// A socket's receive buffer; the system may allow less.
const SOCKET_LEN: usize = 2 * 1024 * 1024;
/// How often a silent bot says that it is there: it waits for the others to be seated.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Bytes of the longest length on a stream.
const LENGTH_LEN_MAX: usize = 4;
/// The name in the handshake; the certificate is known by its digest.
const NAME: &str = "aethex-relay";
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// A socket for a few bots: one each would cost megabytes of receive buffers a bot.
pub(super) fn endpoint() -> Result<Endpoint, String> {
    let failed = |error: std::io::Error| format!("cannot open a UDP socket: {error}");
    let socket = UdpSocket::bind(("0.0.0.0", 0)).map_err(failed)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_LEN)
        .map_err(|error| failed(error.into()))?;
    Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(quinn::TokioRuntime)).map_err(failed)
}

/// A connection and its ordered stream.
pub(super) struct QuicLink {
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    buffer: BytesMut,
}

impl QuicLink {
    /// Connects; `api` is where the API is, whose host the relay has when it names none.
    pub(super) async fn connect(
        endpoint: &Endpoint,
        api: &str,
        relay: &QuicAddress,
    ) -> Result<QuicLink, String> {
        let failed = |error: &dyn std::fmt::Display| format!("no QUIC to {}: {error}", relay.address);
        let named = match relay.address.strip_prefix(':') {
            Some(port) => format!("{}:{port}", api.rsplit_once(':').map_or(api, |(host, _)| host)),
            None => relay.address.clone(),
        };
        let mut found = tokio::net::lookup_host(&named).await.map_err(|error| failed(&error))?;
        let to = found.find(SocketAddr::is_ipv4).ok_or_else(|| failed(&"it has no IPv4 address"))?;
        let config = config(&relay.certificate_sha256).map_err(|error| failed(&error))?;
        let connecting = endpoint.connect_with(config, to, NAME).map_err(|error| failed(&error))?;
        let connection = connecting.await.map_err(|error| failed(&error))?;
        let (send, receive) = connection.open_bi().await.map_err(|error| failed(&error))?;
        Ok(QuicLink { connection, send, receive, buffer: BytesMut::new() })
    }

    pub(super) async fn frame(&mut self) -> Result<Bytes, String> {
        let broke = |error: &dyn std::fmt::Display| format!("a link broke: {error}");
        loop {
            if let Some(frame) = split(&mut self.buffer)? {
                return Ok(frame);
            }
            tokio::select! {
                biased;
                datagram = self.connection.read_datagram() => return datagram.map_err(|error| broke(&error)),
                chunk = self.receive.read_chunk(CLIENT_FRAME_LEN_MAX, true) => match chunk {
                    Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                    Ok(None) => return Err("the relay closed a link".to_owned()),
                    Err(error) => return Err(broke(&error)),
                },
            }
        }
    }

    pub(super) async fn send(&mut self, frame: &[u8]) -> Result<(), String> {
        let mut bytes = Vec::with_capacity(frame.len() + LENGTH_LEN_MAX);
        let mut len = frame.len();
        while len >= 0x80 {
            bytes.push(len as u8 | 0x80);
            len >>= 7;
        }
        bytes.push(len as u8);
        bytes.extend_from_slice(frame);
        self.send.write_all(&bytes).await.map_err(|error| format!("a link broke: {error}"))
    }

    pub(super) fn send_datagram(&self, frame: Bytes) -> Result<(), String> {
        self.connection.send_datagram(frame).map_err(|error| format!("a datagram does not go: {error}"))
    }

    pub(super) async fn close(mut self) {
        // Whether it still arrives is the relay's business.
        let _ = self.send.finish();
        let _ = tokio::time::timeout(FAREWELL, self.send.stopped()).await;
        self.connection.close(VarInt::from_u32(0), b"");
    }
}

/// The first frame of a stream, once it is whole.
fn split(buffer: &mut BytesMut) -> Result<Option<Bytes>, String> {
    let mut len = 0;
    for (at, byte) in buffer.iter().take(LENGTH_LEN_MAX).enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            if buffer.len() < at + 1 + len {
                return Ok(None);
            }
            buffer.advance(at + 1);
            return Ok(Some(buffer.split_to(len).freeze()));
        }
    }
    match buffer.len() < LENGTH_LEN_MAX {
        true => Ok(None),
        false => Err("a frame's length has no end".to_owned()),
    }
}

/// Accepts the one certificate, and acknowledges as the relay asks.
fn config(sha256: &str) -> Result<quinn::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pinned = Pinned { sha256: sha256.to_owned(), provider: provider.clone() };
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
    tls.resumption = rustls::client::Resumption::disabled();
    let quic = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut config = quinn::ClientConfig::new(Arc::new(quic));
    let mut transport = TransportConfig::default();
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        .datagram_send_buffer_size(DATAGRAMS_OUT_LEN)
        .datagram_receive_buffer_size(Some(DATAGRAMS_IN_LEN));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// Accepts the certificate with this digest.
#[derive(Debug)]
struct Pinned {
    sha256: String,
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
        let digest = Sha256::digest(certificate);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        match hex == self.sha256 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General("not the certificate that the API told".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("QUIC has TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_split_off_once_whole() {
        let mut buffer = BytesMut::from(&[2, 7][..]);
        assert_eq!(split(&mut buffer), Ok(None));
        buffer.extend_from_slice(&[8, 0x80, 1]);
        assert_eq!(split(&mut buffer), Ok(Some(Bytes::from_static(&[7, 8]))));
        assert_eq!(split(&mut buffer), Ok(None));
        assert!(split(&mut BytesMut::from(&[0x80; 4][..])).is_err());
    }
}
