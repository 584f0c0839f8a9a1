//! A session against a relay in a few lines, in virtual time: links that drop, swap, lose and reorder.

use super::reliable::{Outbox, Received};
use super::*;
use crate::simulation::Chance;
use crate::wire::multiplayer::frame::{State, StateAck};
use proptest::prelude::*;
use std::collections::VecDeque;

const ROOM: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";
const OTHER: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e10";
const SECRET: [u8; SECRET_LEN] = [9; SECRET_LEN];

fn frame(frame: &ServerFrame<'_>) -> Bytes {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.freeze()
}

fn member(seat: Seat, player_id: &'static str) -> Member<'static> {
    Member { seat, player_id, username: "x", connected: true }
}

fn welcome(resumed: bool, received: u64) -> Welcome<'static> {
    Welcome {
        protocol: PROTOCOL,
        resumed,
        seat: 0,
        host: 1,
        room_id: ROOM,
        secret: SECRET,
        received,
        server_us: 0,
        tick_ms: 33,
        grace_ms: 60_000,
        states_per_second: 60,
        members: vec![member(0, ROOM), member(1, OTHER)],
    }
}

fn begun() -> Session {
    let mut session = Session::default();
    assert_eq!(session.welcome(&welcome(false, 0), true, 0, 0), Ok(Welcomed::Begun));
    session
}

/// The relay's side of the session.
#[derive(Default)]
struct Relay {
    outbox: Outbox,
    received: Received,
    now_us: u64,
    /// Numbers that the client's messages carry, as they came.
    heard: Vec<(Order, u64)>,
}

impl Relay {
    fn say(&mut self, order: Order, number: u64) -> bool {
        let Some(seq) = self.outbox.next_seq(64) else { return false };
        let data = &number.to_le_bytes();
        self.outbox.push(order, frame(&ServerFrame::Message { seq, from: 1, order, channel: 0, data }));
        true
    }

    fn take(&mut self, bytes: &[u8]) {
        match ClientFrame::decode(bytes).unwrap() {
            ClientFrame::Message { seq, order, data, .. } if self.received.take(seq, order).unwrap() => {
                self.heard.push((order, u64::from_le_bytes(data.try_into().unwrap())));
            }
            ClientFrame::Ack(ack) => self.outbox.acknowledge(ack.up_to).unwrap(),
            _ => {}
        }
    }
}

/// What is on its way on one link: an ordered stream, and streams of their own, for each direction.
#[derive(Default)]
struct Path {
    up: VecDeque<Bytes>,
    up_alone: Vec<Bytes>,
    down: VecDeque<Bytes>,
    down_alone: Vec<Bytes>,
}

struct World {
    chance: Chance,
    now_us: u64,
    session: Session,
    relay: Relay,
    path: Option<Path>,
    heard: Vec<(bool, u64)>,
    said: [u64; 2],
}

impl World {
    fn new(seed: u64) -> World {
        World {
            chance: Chance::new(seed),
            now_us: 0,
            session: begun(),
            relay: Relay::default(),
            path: Some(Path::default()),
            heard: Vec::new(),
            said: [0; 2],
        }
    }

    fn order(&mut self) -> Order {
        if self.chance.once_in(3) { Order::Unordered } else { Order::Ordered }
    }

    /// Both sides put on the link what they have for it.
    fn write(&mut self) {
        // The relay's side has no rate.
        self.relay.now_us += 10_000_000;
        let Some(path) = &mut self.path else { return };
        while let Some((lane, frame)) = self.session.next_reliable(self.now_us) {
            match lane {
                Lane::Ordered => path.up.push_back(frame),
                Lane::Own => path.up_alone.push(frame),
            }
        }
        while let Some((order, frame)) = self.relay.outbox.next(self.relay.now_us) {
            match order {
                Order::Ordered => path.down.push_back(frame),
                Order::Unordered => path.down_alone.push(frame),
            }
        }
    }

    /// One thing arrives, on whichever stream.
    fn arrive(&mut self, relay_reads: bool) {
        let Some(path) = &mut self.path else { return };
        let chance = &mut self.chance;
        let mut any = |frames: &mut Vec<Bytes>| {
            (!frames.is_empty()).then(|| frames.swap_remove(chance.below(frames.len() as u64) as usize))
        };
        let (up, down) =
            if any(&mut vec![Bytes::new(), Bytes::from_static(b"x")]).is_some_and(|f| f.is_empty()) {
                (path.up.pop_front(), path.down.pop_front())
            } else {
                (any(&mut path.up_alone), any(&mut path.down_alone))
            };
        if let Some(frame) = up.filter(|_| relay_reads) {
            self.relay.take(&frame);
        }
        if let Some(frame) = down {
            self.session.receive(&frame, self.now_us).unwrap();
        }
        for delivery in self.session.take_delivered() {
            if let Delivery::Message { ordered, data, .. } = delivery {
                self.heard.push((ordered, u64::from_le_bytes(data.as_ref().try_into().unwrap())));
            }
        }
    }

    /// A new link. With an old one still up: it carries on towards the client until the welcome is there.
    fn relink(&mut self) {
        let hello = self.session.hello(None);
        let Ok(ClientFrame::Hello { resume: Some(resume), .. }) = ClientFrame::decode(&hello) else {
            panic!("hello does not go on with the session")
        };
        // The relay reads the old link up to here.
        (0..self.chance.below(4)).for_each(|_| self.arrive(true));
        self.relay.outbox.acknowledge(resume.received).unwrap();
        self.relay.outbox.rewind();
        let welcome = welcome(true, self.relay.received.up_to);
        // And the client until the welcome is here.
        (0..self.chance.below(4)).for_each(|_| self.arrive(false));
        self.path = Some(Path::default());
        assert_eq!(self.session.welcome(&welcome, true, 0, self.now_us), Ok(Welcomed::Resumed));
    }

    fn step(&mut self) {
        self.now_us += self.chance.below(60_000);
        match self.chance.below(8) {
            0 | 1 => {
                let order = self.order();
                let number = self.said[0] + 1;
                if self.session.send(Target::Others, order, 0, &number.to_le_bytes()).is_ok() {
                    self.said[0] = number;
                }
            }
            2 | 3 => {
                let order = self.order();
                if self.relay.say(order, self.said[1] + 1) {
                    self.said[1] += 1;
                }
            }
            4 | 5 => self.write(),
            _ => (0..self.chance.below(6)).for_each(|_| self.arrive(true)),
        }
    }

    fn finish(&mut self) {
        if self.path.is_none() {
            self.relink();
        }
        for _ in 0..100_000 {
            self.now_us += 100_000;
            self.write();
            self.arrive(true);
            let path = self.path.as_ref().expect("a link is open");
            let is_empty = path.up.is_empty()
                && path.up_alone.is_empty()
                && path.down.is_empty()
                && path.down_alone.is_empty();
            if is_empty && self.session.unacked_here(&self.relay) {
                break;
            }
        }
    }
}

impl Session {
    /// Whether nothing is missing on either side.
    fn unacked_here(&self, relay: &Relay) -> bool {
        self.outbox.is_sent() && relay.outbox.is_sent() && self.ack_at_us.is_none()
    }
}

fn assert_all(what: &str, heard: &[(bool, u64)], said: u64) {
    let mut all: Vec<u64> = heard.iter().map(|(_, number)| *number).collect();
    let in_order: Vec<u64> =
        heard.iter().filter(|(ordered, _)| *ordered).map(|(_, number)| *number).collect();
    assert!(in_order.is_sorted(), "{what}: out of order");
    all.sort_unstable();
    assert_eq!(all, (1..=said).collect::<Vec<u64>>(), "{what}: lost or doubled");
}

/// So many changes of links, half of them by drops.
fn swaps_lose_nothing(seed: u64, swaps: u32) {
    let mut world = World::new(seed);
    for _ in 0..swaps {
        for _ in 0..world.chance.below(30) {
            world.step();
        }
        if world.chance.once_in(2) {
            world.path = None;
            for _ in 0..world.chance.below(5) {
                world.step();
            }
        }
        world.relink();
    }
    world.finish();
    let heard_by_relay: Vec<(bool, u64)> =
        world.relay.heard.iter().map(|(order, number)| (*order == Order::Ordered, *number)).collect();
    assert_all("to the relay", &heard_by_relay, world.said[0]);
    assert_all("to the client", &world.heard, world.said[1]);
    assert!(world.said[0] > u64::from(swaps) && world.said[1] > u64::from(swaps));
}

#[test]
fn a_thousand_changes_of_links_lose_and_double_nothing() {
    swaps_lose_nothing(1, 1000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn changes_of_links_lose_and_double_nothing(seed: u64) {
        swaps_lose_nothing(seed, 40);
    }

    #[test]
    fn no_bytes_break_a_session(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut session = begun();
        let _ = session.receive(&bytes, 1);
        session.take_delivered();
    }
}

#[test]
fn a_session_that_begins_anew_tells_what_changed_and_what_may_be_lost() {
    let mut session = begun();
    session.send(Target::Others, Order::Ordered, 0, b"x").unwrap();
    let third = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e11";
    let members = vec![member(0, ROOM), member(1, third)];
    let anew = Welcome { members, secret: [8; SECRET_LEN], ..welcome(false, 0) };
    assert_eq!(session.welcome(&anew, false, 0, 5), Ok(Welcomed::Anew { lost: 1 }));
    let told = session.take_delivered();
    assert!(matches!(&told[0], Delivery::Left { player_id, .. } if player_id.as_str() == OTHER));
    assert!(matches!(&told[1], Delivery::Joined(player) if player.player_id.as_str() == third));
    assert!(matches!(&told[2], Delivery::Host(player) if player.as_str() == third));
    assert_eq!(session.next_reliable(5), None);
}

#[test]
fn what_the_room_tells_is_told_once() {
    let mut session = begun();
    let joined =
        frame(&ServerFrame::Joined { seq: 1, member: member(2, "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e12") });
    for _ in 0..2 {
        session.receive(&joined, 1).unwrap();
    }
    assert_eq!(session.take_delivered().len(), 1);
    session.receive(&frame(&ServerFrame::Host { seq: 2, seat: 2 }), 1).unwrap();
    assert_eq!(session.host().unwrap().seat, 2);
    session.receive(&frame(&ServerFrame::Left { seq: 3, seat: 2, reason: LeftReason::Left }), 1).unwrap();
    // What was sent before the leave, on a stream of its own, still has its sender.
    let late = ServerFrame::Message { seq: 4, from: 2, order: Order::Unordered, channel: 0, data: b"x" };
    session.receive(&frame(&late), 1).unwrap();
    let told = session.take_delivered();
    assert!(matches!(
        told[..],
        [Delivery::Host(_), Delivery::Left { .. }, Delivery::Message { seat: 2, .. }]
    ));
    // One acknowledgement for all of it.
    assert_eq!(session.next_reliable(1), None);
    let due = session.reliable_due_us(1).unwrap();
    let (lane, ack) = session.next_reliable(due).unwrap();
    assert_eq!((lane, ClientFrame::decode(&ack)), (Lane::Ordered, Ok(ClientFrame::Ack(Ack { up_to: 4 }))));
}

#[test]
fn states_of_a_link_before_go_out_again() {
    let mut session = begun();
    session.set_state(1, false, Bytes::from_static(b"state")).unwrap();
    let state = |session: &mut Session, now| {
        let frame = std::iter::from_fn(|| session.next_fast(now))
            .find(|frame| matches!(ClientFrame::decode(frame), Ok(ClientFrame::State { .. })))?;
        let Ok(ClientFrame::State { state: State { seq, data, .. }, .. }) = ClientFrame::decode(&frame)
        else {
            return None;
        };
        Some((seq, data.to_vec()))
    };
    assert_eq!(state(&mut session, 100_000), Some((1, b"state".to_vec())));
    assert_eq!(state(&mut session, 200_000), None);
    session.welcome(&welcome(true, 0), false, 0, 300_000).unwrap();
    assert_eq!(state(&mut session, 300_000), Some((2, b"state".to_vec())));
    session
        .receive(&frame(&ServerFrame::StateAcks(vec![StateAck { seat: 0, channel: 1, seq: 2 }])), 1)
        .unwrap();
}

#[test]
fn limits_are_told_and_change_nothing() {
    let mut session = begun();
    assert_eq!(session.set_state(8, false, Bytes::new()), Err(Refused::Channel));
    assert_eq!(session.set_state(0, false, vec![0; STATE_LEN_MAX + 1].into()), Err(Refused::Long));
    let long = vec![0; MESSAGE_LEN_MAX + 1];
    assert_eq!(session.send(Target::Others, Order::Ordered, 0, &long), Err(Refused::Long));
    let mut sent = 0;
    while session.send(Target::Others, Order::Ordered, 0, &long[1..]).is_ok() {
        sent += 1;
    }
    assert_eq!((sent, session.unacked()), (3, 3));
    assert!(session.receive(&frame(&ServerFrame::Ack(Ack { up_to: 9 })), 0).is_err());
    assert!(session.receive(&frame(&ServerFrame::Welcome(welcome(true, 0))), 0).is_err());
}
