//! QUIC: what the relay says about itself and asks of a connection, and how frames lie on a stream.
//!
//! The protocol itself is quinn's state machine, without its tasks: a shard's loop gives it packets and times and takes
//! packets from it (`endpoint`), rooms write straight into a connection (`wire`). A wake-up serves all connections of
//! the shard, and nothing is locked or sent from task to task on the way.
//!
//! The first stream that a client opens is the ordered one: frames after their lengths. Unordered messages have
//! one-way streams, states are datagrams. The certificate is made at each start, and the API tells its digest. An
//! address has to be proven before a connection is kept when many handshakes are under way; nothing is done in 0-RTT.

mod endpoint;
mod hearing;
mod table;
mod wire;

pub(super) use endpoint::{Passed, Quic};
pub(super) use wire::{QuicParts, QuicWire};

use super::config as limits;
use aethex_wire::multiplayer::QUIC_ALPN;
use aethex_wire::multiplayer::frame::CLIENT_FRAME_LEN_MAX;
use bytes::{BufMut, BytesMut};
use quinn_proto::crypto::rustls::QuicServerConfig;
use quinn_proto::{AckFrequencyConfig, ServerConfig, TransportConfig, VarInt};
use rustls::CipherSuite;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// The name in the certificate; clients know it by its digest.
const NAME: &str = "aethex-relay";
/// Bytes of the longest length on a stream.
const LENGTH_LEN_MAX: usize = 4;
/// Acknowledgements of QUIC itself: one for so many packets, or after this time. Fewer packets are less work.
const ACK_PACKETS: u32 = 8;
const ACK_DELAY: Duration = Duration::from_millis(60);

/// The relay's certificate and key.
#[derive(Clone)]
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    /// SHA-256 of the certificate in hexadecimal digits.
    pub(super) sha256: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

impl Identity {
    /// A new one.
    pub(super) fn new() -> Result<Identity, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(|e| words(&e))?;
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(&certificate) {
            let _ = write!(sha256, "{byte:02x}");
        }
        let mut provider = rustls::crypto::ring::default_provider();
        // The shortest keys first: they are for a match, not for an archive.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let provider = Arc::new(provider);
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(|e| words(&e))?;
        tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
        // A link is made once: no tickets of TLS sessions, no early data.
        tls.send_tls13_tickets = 0;
        tls.max_early_data_size = 0;
        tls.ignore_client_order = true;
        let quic = QuicServerConfig::try_from(tls).map_err(|e| words(&e))?;
        let mut config = ServerConfig::with_crypto(Arc::new(quic));
        config.transport_config(Arc::new(transport())).migration(true);
        Ok(Identity { config: Arc::new(config), sha256 })
    }
}

fn transport() -> TransportConfig {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_PACKETS)).max_ack_delay(Some(ACK_DELAY));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(limits::QUIC_STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(limits::QUIC_STREAM_WINDOW))
        .receive_window(VarInt::from_u32(limits::QUIC_WINDOW))
        .send_window(limits::QUIC_WINDOW.into())
        .datagram_receive_buffer_size(Some(limits::QUIC_DATAGRAMS_LEN))
        .datagram_send_buffer_size(limits::QUIC_DATAGRAMS_LEN)
        .max_idle_timeout(Some(VarInt::from_u32(limits::QUIC_IDLE_MS).into()))
        .mtu_discovery_config(None)
        // A player has one packet a tick: room for ten at once would be memory of every connection.
        .enable_segmentation_offload(false)
        .ack_frequency_config(Some(acks));
    transport
}

/// Writes the length of a frame on a stream.
pub(super) fn put_length(out: &mut BytesMut, mut len: usize) {
    while len >= 0x80 {
        out.put_u8(len as u8 | 0x80);
        len >>= 7;
    }
    out.put_u8(len as u8);
}

/// Where the frame at the front is, when all of it is there.
fn split(bytes: &[u8]) -> Result<Option<Range<usize>>, TooLong> {
    let mut len = 0;
    for at in 0..LENGTH_LEN_MAX {
        let Some(&byte) = bytes.get(at) else { return Ok(None) };
        len |= usize::from(byte & 0x7f) << (7 * at);
        if byte >= 0x80 {
            continue;
        }
        if len > CLIENT_FRAME_LEN_MAX {
            return Err(TooLong);
        }
        let frame = at + 1..at + 1 + len;
        return Ok((frame.end <= bytes.len()).then_some(frame));
    }
    Err(TooLong)
}

/// A client's frame that is longer than any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_behind_their_lengths() {
        for len in [0, 1, 127, 128, 16_383, 16_384, CLIENT_FRAME_LEN_MAX] {
            let mut bytes = BytesMut::new();
            put_length(&mut bytes, len);
            let head = bytes.len();
            bytes.resize(head + len + 3, 7);
            assert_eq!(split(&bytes), Ok(Some(head..head + len)), "{len}");
            for cut in [0, head - 1, head + len - 1].into_iter().filter(|cut| *cut < head + len) {
                assert_eq!(split(&bytes[..cut]), Ok(None), "{len} cut at {cut}");
            }
        }
        let mut bytes = BytesMut::new();
        put_length(&mut bytes, CLIENT_FRAME_LEN_MAX + 1);
        assert_eq!(split(&bytes), Err(TooLong));
        assert_eq!(split(&[0xff; 4]), Err(TooLong), "a length without an end");
    }
}
