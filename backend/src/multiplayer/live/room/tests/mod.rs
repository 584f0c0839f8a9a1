//! Rooms in virtual time, over links that lose, delay and break.

mod hostile;
mod swaps;

use super::*;
use crate::multiplayer::live::config as limits;
use crate::multiplayer::live::relay::{AllowAll, Verdict};
use aethex_wire::ids::{GameId, RoomId};
use aethex_wire::multiplayer::delta;
use aethex_wire::multiplayer::frame::{State, StateAck};
use std::collections::{HashMap, HashSet};

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
    assert_eq!(
        table.room.reports,
        [Report::Gone { player: player(1), reason: LeftReason::Refused, ticket_ms: seating(1).signed_ms() }]
    );
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
    // Nor does one lose its seat that is away for a moment.
    table.drop_link(1, text);
    table.message(0, 3_001, Target::Others, b"x");
    assert!(table.room.session(1).is_some(), "the seat is held");
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
    let gone =
        Report::Gone { player: player(0), reason: LeftReason::TimedOut, ticket_ms: seating(0).signed_ms() };
    assert_eq!(table.room.reports[1..], [gone]);
    table.room.reports.clear();
    table.hear(1, &ClientFrame::Leave);
    assert_eq!(
        table.room.reports,
        [
            Report::Gone { player: player(1), reason: LeftReason::Left, ticket_ms: seating(1).signed_ms() },
            Report::Host { player: player(2) }
        ]
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
    assert_eq!(table.room.reports, [Report::Seated { player: player(0), ticket_ms: seating(0).signed_ms() }]);
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

/// A game's rules: no swearing, no lies.
#[derive(Debug)]
struct Rules;

impl Validate for Rules {
    fn on_message(&self, _: &RoomKey, from: &PlayerId, _: u8, data: &[u8]) -> Verdict {
        assert_ne!(*from, player(0));
        if data == b"swear" { Verdict::Drop } else { Verdict::Allow }
    }

    fn on_state(&self, _: &RoomKey, _: &PlayerId, _: u8, data: &[u8]) -> Verdict {
        if data == b"lie" { Verdict::Kick } else { Verdict::Allow }
    }
}

#[test]
fn a_games_own_rules_are_asked_first() {
    let mut table = Table::of(0);
    table.room = Room::new(key(), &seating(0), Arc::new(Rules), 0);
    (0..2).for_each(|n| assert!(table.join(n, link(u32::from(n))).is_ok()));
    table.message(1, 1, Target::Others, b"swear");
    table.message(1, 2, Target::Others, b"hello");
    assert_eq!(table.messages(link(0)), [b"hello".to_vec()]);
    table.state(1, 1, b"lie");
    assert_eq!(table.wires.ended[0].1.code, ErrorCode::RoomKicked);
    let kicked =
        Report::Gone { player: player(1), reason: LeftReason::Kicked, ticket_ms: seating(1).signed_ms() };
    assert_eq!(table.room.reports.last(), Some(&kicked));
}
