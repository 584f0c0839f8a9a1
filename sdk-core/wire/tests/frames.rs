//! The relay's frames from outside: damaged bytes are refused, or mean what they say.

mod random;

use aethex_wire::multiplayer::delta;
use aethex_wire::multiplayer::frame::{
    Ack, ClientFrame, Member, Order, PROTOCOL, Resume, SECRET_LEN, STATE_LEN_MAX, ServerFrame, State,
    StateAck, Target, Welcome,
};
use bytes::BytesMut;
use random::{Random, rounds};

/// Rounds when `AETHEX_FUZZ_ROUNDS` does not say: under two seconds unoptimised.
const FUZZ_ROUNDS: u64 = 20_000;

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

fn small(random: &mut Random) -> u64 {
    random.next() >> random.below(64)
}

fn some_client(random: &mut Random, data: &[u8]) -> Vec<u8> {
    let state = State {
        channel: random.below(8) as u8,
        seq: small(random).max(2),
        base: (random.below(2) == 0).then_some(1),
        data,
    };
    let resume = Resume { secret: [random.next() as u8; SECRET_LEN], received: small(random) };
    let targets = [Target::Others, Target::Host, Target::Seat(random.below(128) as u8), Target::Except(3)];
    client(&match random.below(9) {
        0 => ClientFrame::Hello { protocol: PROTOCOL, ticket: data, resume: None },
        1 => ClientFrame::Hello { protocol: PROTOCOL, ticket: b"", resume: Some(resume) },
        2 | 3 => ClientFrame::State { urgent: random.below(2) == 0, state },
        4 => ClientFrame::Message {
            seq: small(random).max(1),
            target: targets[random.below(4)],
            order: if random.below(2) == 0 { Order::Ordered } else { Order::Unordered },
            channel: random.next() as u8,
            data,
        },
        5 => ClientFrame::Ack(Ack { up_to: small(random) }),
        6 => ClientFrame::StateAcks(vec![
            StateAck { seat: 7, channel: 1, seq: small(random).max(1) };
            random.below(4)
        ]),
        7 => ClientFrame::Interest { seats: u128::from(random.next()) << random.below(64) },
        _ => ClientFrame::Position { x: 1.5, y: -2.0, z: random.below(100) as f32 },
    })
}

fn some_server(random: &mut Random, data: &[u8]) -> Vec<u8> {
    let state = State { channel: 1, seq: small(random).max(2), base: Some(1), data };
    let member = Member { seat: 3, player_id: "id", username: "Ann", connected: true };
    server(&match random.below(5) {
        0 => ServerFrame::States { server_us: small(random), states: vec![(1, state); random.below(4)] },
        1 => ServerFrame::Message {
            seq: small(random).max(1),
            from: 1,
            order: Order::Ordered,
            channel: 4,
            data,
        },
        2 => ServerFrame::Joined { seq: small(random).max(1), member },
        3 => ServerFrame::Welcome(Welcome {
            protocol: PROTOCOL,
            resumed: true,
            seat: 3,
            host: 0,
            room_id: "room",
            secret: [1; SECRET_LEN],
            received: small(random),
            server_us: small(random),
            tick_ms: 33,
            grace_ms: 60_000,
            states_per_second: 60,
            members: vec![member; random.below(3)],
        }),
        _ => ServerFrame::Closed { code: 300, reason: "why" },
    })
}

#[test]
fn damaged_frames_are_refused_or_mean_what_they_say() {
    for seed in 0..rounds(FUZZ_ROUNDS) {
        let mut random = Random(seed);
        let data: Vec<u8> = (0..random.below(100)).map(|_| random.next() as u8).collect();
        let mut said = some_client(&mut random, &data);
        assert_eq!(client(&ClientFrame::decode(&said).unwrap()), said, "seed {seed}");
        random.damage(&mut said);
        if let Ok(frame) = ClientFrame::decode(&said) {
            assert_eq!(client(&frame), said, "seed {seed}");
        }
        let mut told = some_server(&mut random, &data);
        assert_eq!(server(&ServerFrame::decode(&told).unwrap()), told, "seed {seed}");
        random.damage(&mut told);
        if let Ok(frame) = ServerFrame::decode(&told) {
            let again = server(&frame);
            assert_eq!(ServerFrame::decode(&again).as_ref(), Ok(&frame), "seed {seed}");
        }
    }
}

#[test]
fn damaged_differences_are_refused_or_stay_small() {
    for seed in 0..rounds(FUZZ_ROUNDS) {
        let mut random = Random(seed);
        let before: Vec<u8> = (0..48 + random.below(200)).map(|_| random.next() as u8).collect();
        let mut after = before.clone();
        for _ in 0..random.below(6) {
            let at = random.below(after.len());
            after[at] = random.next() as u8;
        }
        let mut difference = BytesMut::new();
        if !delta::encode(&before, &after, &mut difference) {
            continue;
        }
        let mut out = Vec::new();
        delta::decode(&before, &difference, &mut out).unwrap();
        assert_eq!(out, after, "seed {seed}");
        let mut damaged = difference.to_vec();
        random.damage(&mut damaged);
        if delta::decode(&before, &damaged, &mut out).is_ok() {
            assert!(out.len() <= STATE_LEN_MAX, "seed {seed}: {}", out.len());
        }
    }
}
