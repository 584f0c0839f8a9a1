//! Players by QUIC.

use super::{Bench, PATIENCE, encoded, joined, key, message, state};
use crate::multiplayer::live::quic::put_length;
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::QUIC_ALPN;
use aethex_wire::multiplayer::frame::{ClientFrame, Order, PROTOCOL, Resume, ServerFrame};
use bytes::{Buf, BytesMut};
use std::sync::Arc;

/// Accepts the certificate whose digest the relay tells.
#[derive(Debug)]
struct Pinned(String);

impl rustls::client::danger::ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &rustls_pki_types::CertificateDer<'_>,
        _: &[rustls_pki_types::CertificateDer<'_>],
        _: &rustls_pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(certificate);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, self.0);
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("no TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls_pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A QUIC client of the simplest kind.
struct QuicClient {
    endpoint: quinn::Endpoint,
    connection: quinn::Connection,
    send: quinn::SendStream,
    receive: quinn::RecvStream,
    buffer: BytesMut,
}

impl QuicClient {
    async fn connect(bench: &Bench, room: u32) -> QuicClient {
        let address = bench.relay.address_of(&key(room)).quic.unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned(address.certificate_sha256)))
            .with_no_client_auth();
        tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
        let quic = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
        let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
        let to = format!("127.0.0.1{}", address.address).parse().unwrap();
        let config = quinn::ClientConfig::new(Arc::new(quic));
        let connection = endpoint.connect_with(config, to, "aethex-relay").unwrap().await.unwrap();
        let (send, receive) = connection.open_bi().await.unwrap();
        QuicClient { endpoint, connection, send, receive, buffer: BytesMut::new() }
    }

    async fn send(&mut self, frame: &ClientFrame<'_>) {
        let frame = encoded(frame);
        let mut bytes = BytesMut::new();
        put_length(&mut bytes, frame.len());
        bytes.extend_from_slice(&frame);
        self.send.write_all(&bytes).await.unwrap();
    }

    /// The next frame of the ordered stream.
    async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            let (mut len, mut head) = (0, 0);
            for (at, byte) in self.buffer.iter().take(4).enumerate() {
                len |= usize::from(byte & 0x7f) << (7 * at);
                if byte < &0x80 {
                    head = at + 1;
                    break;
                }
            }
            if head > 0 && self.buffer.len() >= head + len {
                self.buffer.advance(head);
                return Some(self.buffer.split_to(len).to_vec());
            }
            let chunk = tokio::time::timeout(PATIENCE, self.receive.read_chunk(9_999, true)).await.unwrap();
            self.buffer.extend_from_slice(&chunk.ok()??.bytes);
        }
    }

    async fn datagram(&self) -> Vec<u8> {
        tokio::time::timeout(PATIENCE, self.connection.read_datagram()).await.unwrap().unwrap().to_vec()
    }

    async fn message(&mut self) -> Vec<u8> {
        loop {
            if let Ok(ServerFrame::Message { data, .. }) = ServerFrame::decode(&self.frame().await.unwrap()) {
                return data.to_vec();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quic_and_websocket_players_meet_and_links_are_swapped() {
    let bench = Bench::new();
    for room in [1, 2, 3] {
        let (mut ann, _) = bench.join(room, 1).await;
        // The last one comes to a shard that does not have its room.
        let mut quic = QuicClient::connect(&bench, if room == 3 { 1 } else { room }).await;
        let ticket = bench.ticket(room, 2);
        quic.send(&ClientFrame::Hello { protocol: PROTOCOL, ticket: ticket.as_bytes(), resume: None }).await;
        let session = joined(&quic.frame().await.unwrap());
        assert_eq!(session.seat, 1);
        quic.connection.send_datagram(encoded(&state(1, b"by datagram")).freeze()).unwrap();
        assert_eq!(ann.state().await, (1, b"by datagram".to_vec()));
        ann.send(&state(1, b"back")).await;
        let frame = quic.datagram().await;
        assert!(
            matches!(ServerFrame::decode(&frame), Ok(ServerFrame::States { states, .. }) if states[0].1.data == b"back")
        );
        ann.send(&message(1, Order::Ordered, b"ordered")).await;
        assert_eq!(quic.message().await, b"ordered");
        ann.send(&message(2, Order::Unordered, b"alone")).await;
        let mut stream = quic.connection.accept_uni().await.unwrap();
        let frame = stream.read_to_end(100).await.unwrap();
        let Ok(ServerFrame::Message { seq: last, data, .. }) = ServerFrame::decode(&frame) else { panic!() };
        assert_eq!(data, b"alone");
        let mut stream = quic.connection.open_uni().await.unwrap();
        stream.write_all(&encoded(&message(1, Order::Unordered, b"my own"))).await.unwrap();
        stream.finish().unwrap();
        assert_eq!(ann.message().await, b"my own");
        // The client's address changes; the connection goes on.
        quic.endpoint.rebind(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        quic.connection.send_datagram(encoded(&state(2, b"moved")).freeze()).unwrap();
        assert_eq!(ann.state().await, (1, b"moved".to_vec()));
        // To a WebSocket, and garbage on what is left behind.
        let mut web = bench.connect().await;
        web.hello(b"", Some(Resume { secret: session.secret, received: last })).await;
        let back = web.welcomed().await;
        assert!(back.resumed && back.received == 1);
        while let Some(frame) = quic.frame().await {
            let is_closed = matches!(ServerFrame::decode(&frame), Ok(ServerFrame::Closed { .. }));
            assert!(!is_closed, "the old link hears nothing of an end");
        }
        ann.send(&message(3, Order::Ordered, b"after")).await;
        assert_eq!(web.message().await, b"after");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_moved_to_another_shard_carries_as_much_as_any() {
    let bench = Bench::new();
    let port = |room| bench.relay.address_of(&key(room)).quic.unwrap().address;
    let room = (2..20).find(|room| port(*room) != port(1)).expect("a room on the other shard");
    let (mut ann, _) = bench.join(room, 1).await;
    let mut quic = QuicClient::connect(&bench, 1).await;
    let ticket = bench.ticket(room, 2);
    let hello = ClientFrame::Hello { protocol: PROTOCOL, ticket: ticket.as_bytes(), resume: None };
    // What follows hello at once waits for the new place.
    let mut bytes = BytesMut::new();
    for frame in [encoded(&hello), encoded(&message(1, Order::Ordered, b"with hello"))] {
        put_length(&mut bytes, frame.len());
        bytes.extend_from_slice(&frame);
    }
    quic.send.write_all(&bytes).await.unwrap();
    joined(&quic.frame().await.unwrap());
    assert_eq!(ann.message().await, b"with hello");
    // More than one window, both ways, with an address that changes meanwhile.
    for n in 0..150_u64 {
        let body = [n as u8; 1_000];
        quic.send(&message(n + 2, Order::Ordered, &body)).await;
        assert_eq!(ann.message().await, body);
        ann.send(&message(n + 1, Order::Ordered, &body)).await;
        assert_eq!(quic.message().await, body);
        if n == 75 {
            quic.endpoint.rebind(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        }
    }
    // It closes, and its seat is told to be empty.
    quic.connection.close(0_u32.into(), b"");
    loop {
        let frame = ann.frame().await;
        if matches!(ServerFrame::decode(&frame), Ok(ServerFrame::Presence { seat: 1, connected: false, .. }))
        {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_overtakes_hello_is_heard_after_it() {
    let bench = Bench::new();
    let (mut ann, _) = bench.join(1, 1).await;
    let mut quic = QuicClient::connect(&bench, 1).await;
    let mut stream = quic.connection.open_uni().await.unwrap();
    stream.write_all(&encoded(&message(1, Order::Unordered, b"early"))).await.unwrap();
    stream.finish().unwrap();
    // The relay has all of it.
    tokio::time::timeout(PATIENCE, stream.stopped()).await.unwrap().unwrap();
    let ticket = bench.ticket(1, 2);
    quic.send(&ClientFrame::Hello { protocol: PROTOCOL, ticket: ticket.as_bytes(), resume: None }).await;
    joined(&quic.frame().await.unwrap());
    assert_eq!(ann.message().await, b"early");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_packets_and_datagrams_harms_nobody() {
    let bench = Bench::new();
    let (mut ann, _) = bench.join(1, 1).await;
    let address = bench.relay.address_of(&key(1)).quic.unwrap().address;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = format!("127.0.0.1{address}");
    for n in 0..2_000_usize {
        let mut packet = crate::context::random::<1_300>();
        packet[0] |= if n % 2 == 0 { 0xc0 } else { 0x40 };
        let _ = socket.send_to(&packet[..n % 1_300], &to);
    }
    let mut quic = QuicClient::connect(&bench, 1).await;
    quic.connection.send_datagram(vec![0xff; 900].into()).unwrap();
    let ticket = bench.ticket(1, 2);
    quic.send(&ClientFrame::Hello { protocol: PROTOCOL, ticket: ticket.as_bytes(), resume: None }).await;
    joined(&quic.frame().await.unwrap());
    quic.connection.send_datagram(vec![0xff; 900].into()).unwrap();
    loop {
        let frame = quic.frame().await.expect("a reason");
        if let Ok(ServerFrame::Closed { code, .. }) = ServerFrame::decode(&frame) {
            assert_eq!(code, ErrorCode::InvalidFrame.number());
            break;
        }
    }
    ann.send(&ClientFrame::Ping { client_us: 1 }).await;
    loop {
        if matches!(ServerFrame::decode(&ann.frame().await), Ok(ServerFrame::Pong { .. })) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_by_quic_hears_when_the_relay_stops() {
    let bench = Bench::new();
    let mut quic = QuicClient::connect(&bench, 1).await;
    let ticket = bench.ticket(1, 1);
    quic.send(&ClientFrame::Hello { protocol: PROTOCOL, ticket: ticket.as_bytes(), resume: None }).await;
    joined(&quic.frame().await.unwrap());
    bench.relay.stop().await;
    let frame = quic.frame().await.expect("a reason");
    let code = ErrorCode::Overloaded.number();
    assert!(
        matches!(ServerFrame::decode(&frame), Ok(ServerFrame::Closed { code: found, .. }) if found == code)
    );
}
