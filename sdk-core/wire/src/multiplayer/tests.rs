use super::delta;
use super::frame::*;
use bytes::BytesMut;
use proptest::prelude::*;

fn client(frame: &ClientFrame<'_>) -> Vec<u8> {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.to_vec()
}

fn server(frame: &ServerFrame<'_>) -> Vec<u8> {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.to_vec()
}

#[test]
fn frames_come_back_as_they_were() {
    let state = State { channel: 7, seq: 900, base: Some(880), data: b"state" };
    let resume = Resume { secret: [7; SECRET_LEN], received: 300 };
    for frame in [
        ClientFrame::Hello { protocol: PROTOCOL, ticket: b"ticket", resume: None },
        ClientFrame::Hello { protocol: PROTOCOL, ticket: b"", resume: Some(resume) },
        ClientFrame::State { urgent: true, state },
        ClientFrame::State { urgent: false, state: State { base: None, ..state } },
        ClientFrame::Message {
            seq: 1,
            target: Target::Seat(9),
            order: Order::Unordered,
            channel: 255,
            data: b"",
        },
        ClientFrame::Message {
            seq: u64::MAX,
            target: Target::Host,
            order: Order::Ordered,
            channel: 0,
            data: b"x",
        },
        ClientFrame::Ack(Ack { up_to: 1 << 40 }),
        ClientFrame::StateAcks(vec![StateAck { seat: 127, channel: 1, seq: 5 }]),
        ClientFrame::Ping { client_us: 12 },
        ClientFrame::Interest { seats: 1 << 127 | 1 },
        ClientFrame::Position { x: 1.0, y: -2.0, z: 0.5 },
        ClientFrame::Leave,
    ] {
        assert_eq!(ClientFrame::decode(&client(&frame)).unwrap(), frame);
    }
    let member = Member { seat: 3, player_id: "id", username: "Ann", connected: true };
    let welcome = Welcome {
        protocol: PROTOCOL,
        resumed: true,
        seat: 3,
        host: 0,
        room_id: "room",
        secret: [1; SECRET_LEN],
        received: 4,
        server_us: 5,
        tick_ms: 33,
        grace_ms: 60_000,
        states_per_second: 60,
        members: vec![member.clone()],
    };
    for frame in [
        ServerFrame::Welcome(welcome),
        ServerFrame::States { server_us: 9, states: vec![(1, state), (2, State { base: None, ..state })] },
        ServerFrame::Message { seq: 2, from: 1, order: Order::Ordered, channel: 4, data: b"hi" },
        ServerFrame::Joined { seq: 3, member },
        ServerFrame::Left { seq: 4, seat: 3, reason: LeftReason::Kicked },
        ServerFrame::Presence { seq: 5, seat: 3, connected: false },
        ServerFrame::Host { seq: 6, seat: 1 },
        ServerFrame::Room { seq: 7, json: "{}" },
        ServerFrame::Ack(Ack { up_to: 0 }),
        ServerFrame::StateAcks(vec![]),
        ServerFrame::Pong { client_us: 1, server_us: 2 },
        ServerFrame::Closed { code: 300, reason: "why" },
    ] {
        assert_eq!(ServerFrame::decode(&server(&frame)).unwrap(), frame);
    }
}

#[test]
fn what_is_no_frame_is_told() {
    let state = |channel, seq, base| {
        client(&ClientFrame::State { urgent: false, state: State { channel, seq, base, data: b"" } })
    };
    for (bytes, error) in [
        (vec![], FrameError::Short),
        (vec![0x7f], FrameError::Kind(0x7f)),
        (vec![0x05, 0x80], FrameError::Short),
        (vec![0x05, 0x80, 0x00], FrameError::Field("integer")),
        (vec![0x05, 1, 1], FrameError::Long),
        (
            vec![0x05, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            FrameError::Field("integer"),
        ),
        (state(CHANNELS_MAX, 1, None), FrameError::Field("channel")),
        (state(0, 0, None), FrameError::Field("seq")),
        (vec![0x02, 1, 5, 5], FrameError::Field("base")),
        (vec![0x04, 1, 2, 128], FrameError::Field("seat")),
    ] {
        assert_eq!(ClientFrame::decode(&bytes), Err(error), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(frame) = ClientFrame::decode(&bytes) {
            prop_assert_eq!(client(&frame), bytes.clone());
        }
        let _ = ServerFrame::decode(&bytes);
        let mut out = Vec::new();
        let _ = delta::decode(&bytes, &bytes, &mut out);
    }

    #[test]
    fn a_difference_gives_the_state(
        before in proptest::collection::vec(any::<u8>(), 0..300),
        after_len in 0_usize..300,
        edits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..20),
    ) {
        let mut after = before.clone();
        after.resize(after_len, 7);
        for (at, byte) in edits {
            if !after.is_empty() {
                let at = at % after.len();
                after[at] = byte;
            }
        }
        let mut difference = BytesMut::new();
        if delta::encode(&before, &after, &mut difference) {
            let mut out = Vec::new();
            delta::decode(&before, &difference, &mut out).unwrap();
            prop_assert_eq!(out, after.clone());
            prop_assert!(difference.len() < after.len());
        } else {
            prop_assert!(difference.is_empty());
        }
    }
}
