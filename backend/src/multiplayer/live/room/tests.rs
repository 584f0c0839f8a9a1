//! Rooms in virtual time, over links that lose, delay and break.

use super::*;
use crate::multiplayer::live::config as limits;
use crate::multiplayer::live::relay::AllowAll;
use aethex_wire::ids::{GameId, RoomId};
use aethex_wire::multiplayer::delta;
use aethex_wire::multiplayer::frame::{State, StateAck};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet, VecDeque};

const ID: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0";

fn key() -> RoomKey {
    let id = format!("{ID}f");
    RoomKey { game: GameId::parse(&id).unwrap(), room: RoomId::parse(&id).unwrap() }
}

fn player(n: u8) -> PlayerId {
    PlayerId::parse(&format!("{ID}{n:x}")).unwrap()
}

fn seating(n: u8) -> Seating {
    Seating {
        id: n.to_string(),
        node: "a".into(),
        game: key().game,
        room: key().room,
        player: player(n),
        username: format!("player {n}"),
        host: n == 0,
        max_players: 8,
        tick_ms: 33,
        interest_radius: 0,
        joined_at_ms: i64::from(n),
        until_ms: i64::MAX,
    }
}

/// Links that keep what was sent.
#[derive(Debug, Default)]
struct Wires {
    sent: HashMap<LinkId, Vec<Vec<u8>>>,
    full: HashSet<LinkId>,
    ended: Vec<(LinkId, End)>,
    replaced: Vec<LinkId>,
    texts: usize,
}

impl Out for Wires {
    fn is_clear(&self, link: LinkId) -> bool {
        !self.full.contains(&link)
    }
    fn has_room(&self, link: LinkId) -> bool {
        !self.full.contains(&link)
    }
    fn welcome(&mut self, link: Link, room: &Room, seat: Seat, resumed: bool, _: u64) {
        let session = room.session(seat).unwrap();
        let frame = vec![u8::from(resumed), seat, room.host_for(seat)];
        assert!(session.link == Some(link));
        self.sent.entry(link.id).or_default().push(frame);
    }
    fn frame(&mut self, link: Link, frame: &[u8]) {
        self.sent.entry(link.id).or_default().push(frame.to_vec());
    }
    fn passing(&mut self, link: Link, frame: &[u8]) {
        self.frame(link, frame);
    }
    fn reliable(&mut self, link: Link, seq: u64, frame: &Reliable) {
        let mut bytes = BytesMut::new();
        frame.encode(seq, &mut bytes);
        self.frame(link, &bytes);
    }
    fn told(&mut self, _: Link, _: &Told<'_>) {
        self.texts += 1;
    }
    fn end(&mut self, link: Link, _: &RoomKey, end: End) {
        self.ended.push((link.id, end));
    }
    fn replaced(&mut self, link: Link) {
        self.replaced.push(link.id);
    }
}

impl Wires {
    fn take(&mut self, link: Link) -> Vec<Vec<u8>> {
        self.sent.remove(&link.id).unwrap_or_default()
    }

    /// States that a link was told since the last look, by seat.
    fn states(&mut self, link: Link) -> Vec<(Seat, u64, Vec<u8>, Option<u64>)> {
        let mut found = Vec::new();
        for frame in self.take(link) {
            if let Ok(ServerFrame::States { states, .. }) = ServerFrame::decode(&frame) {
                found.extend(states.iter().map(|(seat, s)| (*seat, s.seq, s.data.to_vec(), s.base)));
            }
        }
        found
    }
}

fn link(number: u32) -> Link {
    Link { id: LinkId { index: number, number }, carrier: Carrier::Stream }
}

struct Table {
    room: Room,
    wires: Wires,
    scratch: Scratch,
    now_us: u64,
}

impl Table {
    /// A room with so many players, whose links have their seats' numbers.
    fn of(players: u8) -> Table {
        let room = Room::new(key(), &seating(0), Arc::new(AllowAll), 0);
        let mut table = Table { room, wires: Wires::default(), scratch: Scratch::default(), now_us: 0 };
        for n in 0..players {
            assert_eq!(table.join(n, link(u32::from(n))), Ok(n));
        }
        table.wires.sent.clear();
        table.room.reports.clear();
        table
    }

    fn join(&mut self, n: u8, link: Link) -> Result<Seat, ErrorCode> {
        self.room.join(&seating(n), [n; SECRET_LEN], link, self.now_us, &mut self.wires)
    }

    fn hear(&mut self, n: u8, frame: &ClientFrame<'_>) {
        self.hear_on(n, link(u32::from(n)), frame);
    }

    fn hear_on(&mut self, n: u8, link: Link, frame: &ClientFrame<'_>) {
        self.room.frame(n, link.id, frame, self.now_us, &mut self.scratch, &mut self.wires);
    }

    fn state(&mut self, n: u8, seq: u64, data: &[u8]) {
        let state = State { channel: 0, seq, base: None, data };
        self.hear(n, &ClientFrame::State { urgent: false, state });
    }

    fn message(&mut self, n: u8, seq: u64, target: Target, data: &[u8]) {
        self.hear(n, &ClientFrame::Message { seq, target, order: Order::Ordered, channel: 0, data });
    }

    /// Lets time pass, doing what is due when it is.
    fn pass(&mut self, us: u64) {
        let until = self.now_us + us;
        while let Some(due) = self.room.due_us().filter(|due| *due <= until) {
            self.now_us = due.max(self.now_us);
            self.room.run(self.now_us, &mut self.scratch, &mut self.wires);
        }
        self.now_us = until;
    }

    /// Messages that a link was told since the last look.
    fn messages(&mut self, link: Link) -> Vec<Vec<u8>> {
        let frames = self.wires.take(link);
        frames
            .iter()
            .filter_map(|frame| match ServerFrame::decode(frame) {
                Ok(ServerFrame::Message { data, .. }) => Some(data.to_vec()),
                _ => None,
            })
            .collect()
    }

    fn drop_link(&mut self, n: u8, link: Link) {
        self.room.dropped(n, link.id, self.now_us, &mut self.wires);
    }
}

#[test]
fn the_newest_state_of_each_leaves_once_a_tick_to_all_but_its_player() {
    let mut table = Table::of(3);
    table.state(0, 1, b"old");
    table.state(0, 2, b"new");
    table.state(0, 1, b"late");
    table.state(1, 1, b"one");
    table.pass(33_000);
    assert_eq!(table.wires.states(link(0)), [(1, 1, b"one".to_vec(), None)]);
    assert_eq!(table.wires.states(link(2)), [(0, 2, b"new".to_vec(), None), (1, 1, b"one".to_vec(), None)]);
    assert_eq!(table.wires.states(link(1)), [(0, 2, b"new".to_vec(), None)]);
    table.pass(1_000_000);
    assert!(table.wires.sent.is_empty(), "nothing is said twice");
    assert_eq!(table.room.due_us(), None, "and nothing is due");
}

#[test]
fn an_urgent_state_does_not_wait() {
    let mut table = Table::of(2);
    let state = State { channel: 3, seq: 9, base: None, data: b"shot" };
    table.hear(0, &ClientFrame::State { urgent: true, state });
    assert_eq!(table.wires.states(link(1)), [(0, 9, b"shot".to_vec(), None)]);
    table.pass(100_000);
    assert!(table.wires.states(link(1)).is_empty());
}

#[test]
fn a_slow_reader_gets_the_newest_state_and_every_message_later() {
    let mut table = Table::of(2);
    table.wires.full.insert(link(1).id);
    for seq in 1..=20 {
        table.state(0, seq, &[seq as u8]);
        table.message(0, seq, Target::Others, &[seq as u8]);
        table.pass(40_000);
    }
    assert!(table.wires.take(link(1)).is_empty());
    table.wires.full.clear();
    table.room.writable(1, link(1).id, table.now_us, &mut table.wires);
    let expected: Vec<Vec<u8>> = (1..=20).map(|n| vec![n]).collect();
    assert_eq!(table.messages(link(1)), expected);
    table.pass(40_000);
    assert_eq!(table.wires.states(link(1)), [(0, 20, vec![20], None)]);
}

#[test]
fn a_session_that_never_acknowledges_overflows_and_ends_with_the_reason() {
    let mut table = Table::of(3);
    table.wires.full.insert(link(1).id);
    let big = vec![0; 60_000];
    for seq in 1..=5 {
        table.message(0, seq, Target::Seat(1), &big);
        table.pass(1_000_000);
    }
    assert_eq!(table.wires.ended.len(), 1);
    let (ended, end) = table.wires.ended[0];
    assert_eq!((ended, end.code), (link(1).id, ErrorCode::RelayOverflow));
    assert_eq!(table.room.reports, [Report::Gone { player: player(1), reason: LeftReason::Refused }]);
    assert!(table.room.session(2).is_some(), "the others stay");
}

#[test]
fn a_text_client_need_not_acknowledge() {
    let mut table = Table::of(1);
    let text = Link { carrier: Carrier::Text, ..link(7) };
    table.join(1, text).unwrap();
    for seq in 1..=3_000 {
        table.message(0, seq, Target::Others, b"x");
        table.hear(0, &ClientFrame::Ack(Ack { up_to: 0 }));
        table.pass(20_000);
    }
    assert!(table.wires.ended.is_empty());
    table.state(0, 1, b"s");
    table.pass(40_000);
    assert_eq!(table.wires.texts, 1);
}

#[test]
fn floods_are_cut_off_and_too_many_states_wait_for_the_newest() {
    let mut table = Table::of(3);
    for seq in 1..=u64::from(limits::MESSAGES_BURST) + 5 {
        table.message(0, seq, Target::Others, b"x");
        table.hear(1, &ClientFrame::Ack(Ack { up_to: 0 }));
    }
    assert_eq!(table.wires.ended[0].1.code, ErrorCode::RateLimited);
    // 1,000 states in one second: as many ticks, never more, and the last one arrives.
    let mut told = 0;
    let mut last = 0;
    for seq in 1..=1_000 {
        table.state(2, seq, &[1]);
        table.pass(1_000);
        for (_, seq, ..) in table.wires.states(link(1)) {
            told += 1;
            last = seq;
        }
    }
    table.pass(1_000_000);
    last = table.wires.states(link(1)).last().map_or(last, |(_, seq, ..)| *seq);
    assert!((25..=75).contains(&told), "{told}");
    assert_eq!(last, 1_000);
    assert_eq!(table.wires.ended.len(), 1, "who shows too much is not sent away");
}

#[test]
fn messages_reach_whom_they_are_for_and_name_their_sender() {
    let mut table = Table::of(4);
    table.message(1, 1, Target::Host, b"host");
    table.message(1, 2, Target::Seat(3), b"three");
    table.message(1, 3, Target::Except(3), b"but");
    table.message(1, 4, Target::Seat(1), b"self");
    table.message(1, 5, Target::Seat(99), b"nobody");
    table.message(1, 3, Target::Others, b"had");
    let frames = table.wires.take(link(0));
    let first = ServerFrame::decode(&frames[0]).unwrap();
    let ServerFrame::Message { from, data, .. } = first else { panic!("{first:?}") };
    assert_eq!((from, data), (1, &b"host"[..]));
    assert_eq!(table.messages(link(2)), [b"but".to_vec()]);
    assert_eq!(table.messages(link(3)), [b"three".to_vec()]);
    table.pass(40_000);
    let acks = table.wires.take(link(1));
    assert_eq!(ServerFrame::decode(&acks[0]), Ok(ServerFrame::Ack(Ack { up_to: 5 })));
}

#[test]
fn a_seat_is_held_for_its_time_and_the_host_passes_on() {
    let mut table = Table::of(3);
    table.drop_link(0, link(0));
    table.pass(4_900_000);
    assert!(table.room.reports.is_empty());
    table.pass(200_000);
    assert_eq!(table.room.reports, [Report::Host { player: player(1) }]);
    table.pass(54_000_000);
    assert!(table.room.session(0).is_some());
    table.pass(1_000_000);
    assert!(table.room.session(0).is_none());
    let gone = Report::Gone { player: player(0), reason: LeftReason::TimedOut };
    assert_eq!(table.room.reports[1..], [gone]);
    table.room.reports.clear();
    table.hear(1, &ClientFrame::Leave);
    assert_eq!(
        table.room.reports,
        [Report::Gone { player: player(1), reason: LeftReason::Left }, Report::Host { player: player(2) }]
    );
    table.hear(2, &ClientFrame::Leave);
    assert!(table.room.is_empty());
    assert_eq!(table.room.due_us(), None);
}

#[test]
fn whoever_comes_first_stands_in_for_the_host_whom_the_api_named() {
    let mut table = Table::of(0);
    table.join(1, link(1)).unwrap();
    assert_eq!(table.room.host_for(0), 0, "seat 0 is the first player's");
    table.room.reports.clear();
    table.pass(1_000_000);
    let seat = table.join(0, link(2)).unwrap();
    assert_eq!((seat, table.room.host_for(0)), (1, 1), "the host is here");
    assert_eq!(table.room.reports, [Report::Seated { player: player(0) }]);
    let mut table = Table::of(0);
    table.join(1, link(1)).unwrap();
    table.room.reports.clear();
    table.pass(6_000_000);
    assert_eq!(table.room.reports, [Report::Host { player: player(1) }]);
    table.join(0, link(2)).unwrap();
    assert_eq!(table.room.host_for(9), 0, "too late");
}

#[test]
fn joining_again_takes_the_seat_over() {
    let mut table = Table::of(2);
    assert_eq!(table.join(1, link(9)), Ok(1));
    assert_eq!(table.wires.ended[0].1.code, ErrorCode::SeatTakenOver);
    assert!(table.room.reports.is_empty(), "the API knows");
    table.hear(1, &ClientFrame::Leave);
    assert!(table.room.session(1).is_some(), "the old link is not heard");
    let told: Vec<_> = table.wires.take(link(0));
    assert!(matches!(ServerFrame::decode(&told[0]), Ok(ServerFrame::Left { seat: 1, .. })));
    assert!(matches!(ServerFrame::decode(&told[1]), Ok(ServerFrame::Joined { .. })));
}

#[test]
fn a_full_room_lets_nobody_in_and_secrets_are_whole() {
    let mut table = Table::of(8);
    assert_eq!(table.join(8, link(8)), Err(ErrorCode::RoomFull));
    let mut secret = table.room.session(3).unwrap().secret;
    assert_eq!(Room::seat_in(&secret), 3);
    assert!(table.room.is_secret_of(3, &secret));
    assert!(!table.room.is_secret_of(2, &secret) && !table.room.is_secret_of(77, &secret));
    assert!(!table.room.is_secret_of(77, &[0; SECRET_LEN]));
    secret[15] ^= 1;
    assert!(!table.room.is_secret_of(3, &secret));
}

#[test]
fn commands_are_not_reported_back() {
    let mut table = Table::of(3);
    table.room.command(Command::Host { player: player(2) }, 0, &mut table.wires);
    assert_eq!(table.room.host_for(0), 2);
    let remove = Command::Remove { player: player(1), reason: LeftReason::Kicked };
    table.room.command(remove, 0, &mut table.wires);
    assert_eq!(table.wires.ended[0].1.code, ErrorCode::RoomKicked);
    table.room.command(Command::Changed { json: "{}".into() }, 0, &mut table.wires);
    assert!(
        table
            .wires
            .take(link(0))
            .iter()
            .any(|f| matches!(ServerFrame::decode(f), Ok(ServerFrame::Room { json: "{}", .. })))
    );
    table.room.command(Command::Close, 0, &mut table.wires);
    assert!(table.room.is_empty() && table.room.reports.is_empty());
    assert_eq!(table.wires.ended.len(), 3);
}

#[test]
fn interest_and_distance_thin_states_out() {
    let mut table = Table::of(3);
    table.state(0, 1, b"a");
    table.hear(2, &ClientFrame::Interest { seats: 1 << 1 });
    table.pass(40_000);
    assert!(table.wires.states(link(2)).is_empty());
    table.hear(2, &ClientFrame::Interest { seats: Seats::MAX });
    table.pass(40_000);
    assert_eq!(table.wires.states(link(2)).len(), 1, "what was missed is told");

    let mut room = Room::new(key(), &Seating { interest_radius: 10, ..seating(0) }, Arc::new(AllowAll), 0);
    std::mem::swap(&mut room, &mut table.room);
    (table.wires, table.now_us) = (Wires::default(), 0);
    (0..3).for_each(|n| assert!(table.join(n, link(u32::from(n))).is_ok()));
    table.hear(0, &ClientFrame::Position { x: 0.0, y: 0.0, z: 0.0 });
    table.hear(1, &ClientFrame::Position { x: 1.0, y: 0.0, z: 0.0 });
    table.hear(2, &ClientFrame::Position { x: 100.0, y: 0.0, z: 0.0 });
    for seq in 1..=80 {
        table.state(0, seq, b"x");
        table.pass(33_000);
    }
    let near = table.wires.states(link(1)).len();
    let far = table.wires.states(link(2)).len();
    assert!(near >= 50, "{near}");
    assert!((8..=12).contains(&far), "{far}");
}

#[test]
fn long_states_travel_as_differences_once_both_sides_agree_on_one() {
    let mut table = Table::of(2);
    let mut state = vec![7_u8; 200];
    table.state(0, 1, &state);
    table.pass(40_000);
    assert_eq!(table.wires.states(link(1)), [(0, 1, state.clone(), None)]);
    let acks = table.wires.take(link(0));
    assert_eq!(
        ServerFrame::decode(&acks[0]),
        Ok(ServerFrame::StateAcks(vec![StateAck { seat: 0, channel: 0, seq: 1 }]))
    );
    table.hear(1, &ClientFrame::StateAcks(vec![StateAck { seat: 0, channel: 0, seq: 1 }]));
    let before = state.clone();
    state[100] = 9;
    let mut difference = BytesMut::new();
    assert!(delta::encode(&before, &state, &mut difference));
    let coded = State { channel: 0, seq: 2, base: Some(1), data: &difference };
    table.hear(0, &ClientFrame::State { urgent: false, state: coded });
    table.pass(40_000);
    assert_eq!(table.wires.states(link(1)), [(0, 2, difference.to_vec(), Some(1))]);
    // A base that is not here changes nothing but that the player hears what is.
    table.wires.sent.clear();
    let lost = State { channel: 0, seq: 9, base: Some(5), data: &difference };
    table.hear(0, &ClientFrame::State { urgent: false, state: lost });
    table.pass(40_000);
    assert!(table.wires.states(link(1)).is_empty());
    assert_eq!(table.wires.take(link(0)).len(), 1);
}

#[test]
fn the_last_state_of_many_is_told_once_more_where_datagrams_may_be_lost() {
    let mut table = Table::of(1);
    let lossy = Link { carrier: Carrier::Datagrams, ..link(5) };
    table.join(1, lossy).unwrap();
    table.wires.sent.clear();
    table.state(0, 1, b"x");
    table.pass(2_000_000);
    let told = table.wires.states(lossy);
    assert_eq!(told.len(), 2, "once in its tick, once when it is the last: {told:?}");
}

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
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_becomes_of_links_nothing_is_lost_or_doubled(events in prop::collection::vec(event(), 0..150)) {
        let mut pair = Pair::new();
        events.iter().for_each(|event| pair.step(event));
        pair.finish();
    }

    #[test]
    fn frames_out_of_order_are_had_once(order in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle()) {
        let mut inbound = session::Inbound::default();
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
