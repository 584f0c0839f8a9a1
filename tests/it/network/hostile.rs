//! Clients that go silent, read without end or send without measure, while others play.

use super::{Account, empty_room, one_loop, play_out};
use crate::relay::Socket;
use crate::rooms::{join, make};
use aethex_sdk_core::{Transport, Transports};
use aethex_tests::app::run;
use aethex_tests::wait::in_time;
use aethex_tests::{App, Engine, Shaper, Way, until};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::frame::{ClientFrame, LeftReason, Order, ServerFrame, Target};
use aethex_wire::multiplayer::{JoinedRoom, QUIC_ALPN};
use futures_util::SinkExt;
use serde_json::json;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// Handshakes that are begun and left alone: more than the relay carries on without proof of addresses.
const SILENT: usize = 100;
/// Of these the relay takes so many before it asks for proof.
const TAKEN: u64 = 64;
/// What an address that has not proven itself may get for what it sent (RFC 9000 section 8.1).
const AMPLIFICATION_MAX: u64 = 3;
/// A frame that is far too long.
const HUGE_LEN: usize = 16 * 1024 * 1024;

/// A QUIC client that trusts nobody; it gets no answer anyway.
fn silent_client() -> (quinn::Endpoint, quinn::ClientConfig) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![QUIC_ALPN.to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
    (endpoint, quinn::ClientConfig::new(Arc::new(tls)))
}

#[test]
fn addresses_that_are_not_proven_get_little_and_when_many_come_must_be_proven_first() {
    run(Engine::Sqlite, one_loop, async |app: &App| {
        let (_, port) = empty_room(app).await;
        let ours = Shaper::start(60, app.url(), &[port]).await;
        let ann = Account::new(app, "ann", &ours.url()).await.make(33, Instant::now()).await;
        assert_eq!(ann.room.transport(), Some(Transport::Quic));
        assert_eq!(ours.to_clients().retries, 0, "few come: no round trip is spent on proof");

        // Answers do not reach them, as with addresses that are others'.
        let theirs = Shaper::start(61, app.url(), &[port]).await;
        theirs.set_each(Way::FAIR, Way::CLOSED);
        let (endpoint, config) = silent_client();
        let to = ([127, 0, 0, 61], port).into();
        let silent: Vec<_> =
            (0..SILENT).map(|_| endpoint.connect_with(config.clone(), to, "aethex-relay").unwrap()).collect();
        until("the relay's answers", async || {
            let told = theirs.to_clients();
            (told.packets >= TAKEN && told.retries > 0).then_some(())
        })
        .await;

        // Who proves an address is let in as ever.
        let ben = Account::new(app, "ben", &ours.url()).await.join(&ann, Transports::Quic).await;
        assert_eq!(ben.room.transport(), Some(Transport::Quic));
        assert!(ours.to_clients().retries > 0, "the address was to be proven");
        let mut gamers = [ann, ben];
        gamers.iter_mut().for_each(|gamer| gamer.say_up_to(100));
        play_out(&mut gamers).await;

        // What they send is heard no more; what the relay still tries counts, too.
        theirs.set(Way::CLOSED);
        let (sent, told) = (theirs.to_server(), theirs.to_clients());
        let heard = sent.bytes - sent.lost_bytes;
        println!(
            "{SILENT} silent handshakes: {heard} bytes from them, {} to them, {} retries",
            told.bytes, told.retries
        );
        assert!(told.bytes <= AMPLIFICATION_MAX * heard, "{told:?} for {sent:?}");
        drop(silent);
        endpoint.close(0_u32.into(), b"");
        in_time("the silent one's end", endpoint.wait_idle()).await;
        for gamer in gamers {
            gamer.end().await;
        }
    });
}

#[test]
fn who_acknowledges_nothing_or_sends_without_measure_is_out_and_the_others_play_on() {
    run(
        Engine::Sqlite,
        |_| {},
        async |app: &App| {
            let ann = app.as_player("ann").await;
            let made = make(&ann, json!({ "max_players": 8 })).await;
            let mut ann = Socket::seated(app, &made).await;
            let deaf = app.as_player("deaf").await;
            let joined: JoinedRoom = join(&deaf, &made.room).await.expect(200).json();
            let mut deaf = Socket::seated(app, &joined).await;
            let mut speakers = Vec::new();
            for name in ["ben", "cid"] {
                let player = app.as_player(name).await;
                let joined: JoinedRoom = join(&player, &made.room).await.expect(200).json();
                speakers.push(Socket::seated(app, &joined).await);
            }
            // To the second seat alone, or those who are only loud would be too late themselves.
            for seq in 1..=400 {
                let (target, order) = (Target::Seat(1), Order::Ordered);
                let message = ClientFrame::Message { seq, target, order, channel: 0, data: b"listen" };
                for speaker in speakers.iter_mut().chain([&mut ann]) {
                    speaker.send(&message).await;
                }
            }
            // It reads all of it, and never says so.
            let mut heard = 0;
            loop {
                match ServerFrame::decode(&deaf.frame().await).unwrap() {
                    ServerFrame::Message { .. } => heard += 1,
                    ServerFrame::Closed { code, .. } => {
                        assert_eq!(code, ErrorCode::RelayOverflow.number());
                        break;
                    }
                    _ => {}
                }
            }
            assert!((1_000..=1_024).contains(&heard), "{heard}");
            until_left(&mut ann, 1).await;

            // One that is too long ends its sender. That may be while it still sends.
            let mut loud = speakers.remove(0);
            let _ = in_time("a frame of 16 MiB", loud.0.send(Message::binary(vec![0; HUGE_LEN]))).await;
            until_left(&mut ann, 2).await;
            let mut last = speakers.remove(0);
            let (target, order) = (Target::Others, Order::Ordered);
            last.send(&ClientFrame::Message { seq: 401, target, order, channel: 0, data: b"still here" })
                .await;
            loop {
                if let Ok(ServerFrame::Message { from, data, .. }) = ServerFrame::decode(&ann.frame().await) {
                    assert_eq!((from, data), (3, &b"still here"[..]));
                    break;
                }
            }
        },
    );
}

/// Waits until a seat is free, for its player broke the rules.
async fn until_left(listener: &mut Socket, seat: u8) {
    loop {
        if let Ok(ServerFrame::Left { seat: left, reason, .. }) = ServerFrame::decode(&listener.frame().await)
        {
            assert_eq!((left, reason), (seat, LeftReason::Refused));
            return;
        }
    }
}
