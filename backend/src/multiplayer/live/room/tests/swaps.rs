//! Links that are swapped and cut while players talk: nothing is lost or doubled.

use super::super::session::{Inbound, Numbered};
use super::{Table, link};
use crate::multiplayer::live::room::Link;
use aethex_wire::multiplayer::frame::{Ack, ClientFrame, Order, Seat, ServerFrame, Target};
use proptest::prelude::*;
use std::collections::VecDeque;

/// A client's half of a session, as a test needs it.
#[derive(Default)]
struct Client {
    link: u32,
    sent: VecDeque<(u64, Vec<u8>)>,
    last: u64,
    received: u64,
    got: Vec<Vec<u8>>,
}

impl Client {
    fn link(&self) -> Link {
        link(self.link)
    }

    fn say(&mut self, data: Vec<u8>) {
        self.last += 1;
        self.sent.push_back((self.last, data));
    }

    /// Frames from the relay that arrive, in order.
    fn take(&mut self, frames: &[Vec<u8>]) {
        for frame in frames {
            let seq = match ServerFrame::decode(frame) {
                Ok(ServerFrame::Message { seq, data, .. }) => {
                    if seq == self.received + 1 {
                        self.got.push(data.to_vec());
                    }
                    seq
                }
                Ok(
                    ServerFrame::Presence { seq, .. }
                    | ServerFrame::Joined { seq, .. }
                    | ServerFrame::Host { seq, .. },
                ) => seq,
                Ok(ServerFrame::Ack(Ack { up_to })) => {
                    self.sent.retain(|(seq, _)| *seq > up_to);
                    continue;
                }
                _ => continue,
            };
            assert!(seq <= self.received + 1, "a gap: {seq} after {}", self.received);
            self.received = self.received.max(seq);
        }
    }
}

/// What happens to a pair of players, step by step.
#[derive(Debug, Clone)]
enum Event {
    Say(bool),
    /// Frames on their way to a client arrive; a part of them, when its link breaks right then.
    Arrive(bool),
    /// A client's frames that are under way arrive, from the first that is not acknowledged.
    Deliver(bool, u8),
    Swap(bool, u8),
    Break(bool),
    Ack(bool),
    Pass(u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<bool>().prop_map(Event::Say),
        4 => any::<bool>().prop_map(Event::Arrive),
        4 => (any::<bool>(), 0..8_u8).prop_map(|(who, n)| Event::Deliver(who, n)),
        3 => (any::<bool>(), any::<u8>()).prop_map(|(who, n)| Event::Swap(who, n)),
        1 => any::<bool>().prop_map(Event::Break),
        2 => any::<bool>().prop_map(Event::Ack),
        2 => (1..200_000_u32).prop_map(Event::Pass),
    ]
}

/// Two players, whose links are swapped and cut in any way.
struct Pair {
    table: Table,
    clients: [Client; 2],
    links: u32,
    said: [Vec<Vec<u8>>; 2],
}

impl Pair {
    fn new() -> Pair {
        let clients = [Client::default(), Client { link: 1, ..Client::default() }];
        let mut table = Table::of(0);
        table.join(0, link(0)).unwrap();
        table.join(1, link(1)).unwrap();
        Pair { table, clients, links: 1, said: Default::default() }
    }

    /// A new link; of what was on its way over the old one, the first `part` frames still arrive.
    fn swap(&mut self, who: usize, part: u8) {
        let on_the_way = self.table.wires.take(self.clients[who].link());
        let arrive = usize::from(part).min(on_the_way.len());
        self.clients[who].take(&on_the_way[..arrive]);
        self.links += 1;
        let client = &mut self.clients[who];
        client.link = self.links;
        let resumed = self.table.room.resume(
            who as Seat,
            client.received,
            link(self.links),
            self.table.now_us,
            &mut self.table.wires,
        );
        assert_eq!(resumed, Ok(()));
        let had = self.table.room.session(who as Seat).unwrap().received();
        client.sent.retain(|(seq, _)| *seq > had);
    }

    fn deliver(&mut self, who: usize, count: u8) {
        let frames: Vec<_> = self.clients[who].sent.iter().take(usize::from(count)).cloned().collect();
        let on = self.clients[who].link();
        for (seq, data) in frames {
            let target = Target::Others;
            let frame = ClientFrame::Message { seq, target, order: Order::Ordered, channel: 0, data: &data };
            self.table.hear_on(who as u8, on, &frame);
        }
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Say(who) => {
                let who = usize::from(*who);
                // No more than a player may.
                self.table.pass(20_000);
                let data = vec![who as u8, self.said[who].len() as u8, (self.said[who].len() >> 8) as u8];
                self.said[who].push(data.clone());
                self.clients[who].say(data);
            }
            Event::Arrive(who) => {
                let who = usize::from(*who);
                let frames = self.table.wires.take(self.clients[who].link());
                self.clients[who].take(&frames);
            }
            Event::Deliver(who, count) => self.deliver(usize::from(*who), *count),
            Event::Swap(who, part) => self.swap(usize::from(*who), *part),
            Event::Break(who) => {
                let on = self.clients[usize::from(*who)].link();
                self.table.drop_link(u8::from(*who), on);
                self.swap(usize::from(*who), 0);
            }
            Event::Ack(who) => {
                let (on, up_to) =
                    (self.clients[usize::from(*who)].link(), self.clients[usize::from(*who)].received);
                self.table.hear_on(u8::from(*who), on, &ClientFrame::Ack(Ack { up_to }));
            }
            Event::Pass(us) => self.table.pass(u64::from(*us)),
        }
        assert!(self.table.wires.ended.is_empty(), "{:?}", self.table.wires.ended);
    }

    fn finish(mut self) {
        for who in [0, 1, 0, 1] {
            self.deliver(who, u8::MAX);
            self.table.pass(40_000);
            for who in [0, 1] {
                let frames = self.table.wires.take(self.clients[who].link());
                self.clients[who].take(&frames);
            }
        }
        assert_eq!(self.clients[0].got, self.said[1]);
        assert_eq!(self.clients[1].got, self.said[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    #[test]
    fn whatever_becomes_of_links_nothing_is_lost_or_doubled(events in prop::collection::vec(event(), 0..150)) {
        let mut pair = Pair::new();
        events.iter().for_each(|event| pair.step(event));
        pair.finish();
    }

    #[test]
    fn frames_out_of_order_are_had_once(order in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle()) {
        let mut inbound = Inbound::default();
        for seq in order.iter().chain(&order) {
            inbound.take(*seq);
        }
        prop_assert_eq!(inbound.received, 40);
        for seq in 1..=40 {
            prop_assert_eq!(inbound.take(seq), Numbered::Had);
        }
    }

    #[test]
    fn any_frame_at_any_time_is_survived(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60)) {
        let mut table = Table::of(3);
        for (n, bytes) in frames.iter().enumerate() {
            if let Ok(frame) = ClientFrame::decode(bytes) {
                table.hear((n % 3) as u8, &frame);
            }
            table.pass(10_000);
        }
        table.pass(200_000_000);
    }
}

#[test]
fn a_thousand_swaps_lose_and_double_nothing() {
    let mut pair = Pair::new();
    for n in 0..1_000_u32 {
        let who = n % 2 == 0;
        pair.step(&Event::Say(who));
        pair.step(&Event::Deliver(who, (n % 5) as u8));
        pair.step(&Event::Swap(n % 3 == 0, (n % 4) as u8));
        if n % 7 == 0 {
            pair.step(&Event::Arrive(n % 14 == 0));
            pair.step(&Event::Ack(n % 14 == 0));
        }
        if n % 50 == 0 {
            for who in [false, true] {
                pair.step(&Event::Deliver(who, u8::MAX));
                pair.step(&Event::Arrive(who));
                pair.step(&Event::Ack(who));
            }
        }
    }
    pair.finish();
}

#[test]
fn an_acknowledgement_that_overtook_hello_counts() {
    let mut table = Table::of(2);
    table.message(0, 1, Target::Others, b"one");
    let last = table.wires.take(link(1)).iter().find_map(|frame| match ServerFrame::decode(frame) {
        Ok(ServerFrame::Message { seq, .. }) => Some(seq),
        _ => None,
    });
    let last = last.expect("a message");
    // The client said hello on another link before the message came, and acknowledged it on the old one: that was faster.
    table.hear(1, &ClientFrame::Ack(Ack { up_to: last }));
    let resumed = table.room.resume(1, last - 1, link(9), table.now_us, &mut table.wires);
    assert_eq!(resumed, Ok(()));
    assert!(table.messages(link(9)).is_empty(), "it is not told again");
    table.message(0, 2, Target::Others, b"two");
    assert_eq!(table.messages(link(9)), [b"two".to_vec()]);
}
