//! The SDK's session against the backend's room, in virtual time: links that lose, delay, reorder, break and are
//! changed while everything is under way.
//!
//! A history is a party of two to four whose links are changed and cut by chance for a while, under weather by chance;
//! then the weather clears, and everything that was said and shown is where it belongs. Same seed, same history:
//! `AETHEX_NETWORK_SEED=77` plays one alone. `AETHEX_NETWORK_HISTORIES` sets how many there are.

use aethex_backend::simulation::{Leaves, RelayRoom};
use aethex_sdk_core::Bytes;
use aethex_sdk_core::simulation::{Came, Chance, RoomSession};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Histories, and of the slow tests.
const HISTORIES: (u64, u64) = (100, 5_000);
/// How long a history is lively, and how long it may take to become quiet.
const LIVELY_US: u64 = 30_000_000;
const QUIET_US: u64 = 60_000_000;
/// After this time without a frame a link is given up, as the SDK's driver does.
const SILENCE_US: u64 = 4_500_000;
/// How long an answer to hello is waited for, as the driver does.
const HELLO_US: u64 = 5_000_000;
/// How long TCP and QUIC wait at least before they send again.
const RETRANSMIT_US: u64 = 200_000;
/// Channels of states that are used.
const CHANNELS: u8 = 2;
/// Messages of a player that may wait; more are not said while the network is down.
const WAITING_MAX: usize = 200;

/// What the network is like.
#[derive(Debug, Clone, Copy)]
struct Weather {
    delay_us: u64,
    jitter_us: u64,
    lost_per_mille: u64,
}

const FAIR: Weather = Weather { delay_us: 5_000, jitter_us: 0, lost_per_mille: 0 };

/// A link on its way between a player and the relay.
#[derive(Debug)]
struct Wire {
    player: usize,
    datagrams: bool,
    /// Nothing passes any more; nobody knows yet.
    is_cut: bool,
    /// When what goes in order arrives at the earliest: to the relay, and to the player.
    in_order_us: [u64; 2],
}

/// What arrives somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    /// A frame at the relay.
    Up(u32, Bytes),
    /// The player's end of the link is closed: the relay hears so.
    UpEnd(u32),
    /// A frame at the player; whether in order.
    Down(u32, bool, Bytes),
    /// The relay's end of the link is closed.
    DownEnd(u32),
    /// A link stands, and says hello.
    Stands(u32),
    /// Hello was not answered in time.
    Unanswered(u32),
    /// A link was silent for long, perhaps.
    Silence(u32),
    /// A player without a link tries again.
    Again(usize),
}

/// A player's device.
#[derive(Debug)]
struct Device {
    session: RoomSession,
    /// The link that carries, and when something last came over it.
    link: Option<u32>,
    heard_us: u64,
    /// The link that is being made, and when it said hello.
    next: Option<(u32, u64)>,
    said: u64,
    /// What was heard, by seat: the number, and whether in order.
    heard: BTreeMap<u8, Vec<(bool, u64)>>,
    shown: BTreeMap<u8, Bytes>,
    seen: BTreeMap<(u8, u8), Bytes>,
}

#[derive(Debug)]
struct World {
    chance: Chance,
    weather: Weather,
    now_us: u64,
    relay: RelayRoom,
    devices: Vec<Device>,
    wires: BTreeMap<u32, Wire>,
    arrivals: BinaryHeap<Reverse<(u64, u64, Arrival)>>,
    links: u32,
    counted: u64,
    swaps: u64,
    cuts: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let mut chance = Chance::new(seed);
        let players = 2 + chance.below(3) as usize;
        let relay = RelayRoom::new([8, 33, 50][chance.below(3) as usize]);
        let mut world = World {
            chance,
            weather: FAIR,
            now_us: 1_000_000,
            relay,
            devices: Vec::new(),
            wires: BTreeMap::new(),
            arrivals: BinaryHeap::new(),
            links: 0,
            counted: 0,
            swaps: 0,
            cuts: 0,
        };
        for player in 0..players {
            world.devices.push(Device {
                session: RoomSession::new(),
                link: None,
                heard_us: 0,
                next: None,
                said: 0,
                heard: BTreeMap::new(),
                shown: BTreeMap::new(),
                seen: BTreeMap::new(),
            });
            world.connect(player);
            world.pass(200_000);
            assert!(world.devices[player].link.is_some(), "the first join is in fair weather");
        }
        world
    }

    fn at(&mut self, at_us: u64, arrival: Arrival) {
        self.counted += 1;
        self.arrivals.push(Reverse((at_us, self.counted, arrival)));
    }

    /// When something that is sent now arrives; what must not be lost is sent again until it does.
    fn arrives_us(&mut self) -> u64 {
        let Weather { delay_us, jitter_us, lost_per_mille } = self.weather;
        let mut at_us = self.now_us + delay_us + self.chance.below(jitter_us + 1);
        let mut wait_us = RETRANSMIT_US.max(2 * delay_us);
        while self.chance.below(1_000) < lost_per_mille {
            at_us += wait_us;
            wait_us *= 2;
        }
        at_us
    }

    fn arrives_in_order_us(&mut self, link: u32, towards: usize) -> u64 {
        let at_us = self.arrives_us();
        let Some(wire) = self.wires.get_mut(&link) else { return at_us };
        let in_order = &mut wire.in_order_us[towards];
        *in_order = at_us.max(*in_order);
        *in_order
    }

    /// Begins a new link: it stands after a round trip.
    fn connect(&mut self, player: usize) {
        self.links += 1;
        let link = self.links;
        let datagrams = self.chance.once_in(2);
        self.wires.insert(link, Wire { player, datagrams, is_cut: false, in_order_us: [0, 0] });
        self.devices[player].next = Some((link, self.now_us));
        let there = self.arrives_us() - self.now_us;
        let back = self.arrives_us();
        self.at(back + there, Arrival::Stands(link));
        self.at(self.now_us + HELLO_US, Arrival::Unanswered(link));
    }

    /// A player's frame on a link.
    fn send_up(&mut self, link: u32, alone: bool, may_lose: bool, frame: Bytes) {
        let Some(wire) = self.wires.get(&link) else { return };
        let datagrams = wire.datagrams;
        if datagrams && may_lose && self.chance.below(1_000) < self.weather.lost_per_mille {
            return;
        }
        let overtakes = datagrams && (alone || may_lose);
        let at_us = match overtakes {
            true if may_lose => {
                self.now_us + self.weather.delay_us + self.chance.below(self.weather.jitter_us + 1)
            }
            true => self.arrives_us(),
            false => self.arrives_in_order_us(link, 0),
        };
        self.at(at_us, Arrival::Up(link, frame));
    }

    fn send_down(&mut self, link: u32, leaves: Leaves, frame: Bytes) {
        match leaves {
            Leaves::Datagram => {
                if self.chance.below(1_000) >= self.weather.lost_per_mille {
                    let at_us =
                        self.now_us + self.weather.delay_us + self.chance.below(self.weather.jitter_us + 1);
                    self.at(at_us, Arrival::Down(link, false, frame));
                }
            }
            Leaves::Alone => {
                let at_us = self.arrives_us();
                self.at(at_us, Arrival::Down(link, false, frame));
            }
            Leaves::Ordered => {
                let at_us = self.arrives_in_order_us(link, 1);
                self.at(at_us, Arrival::Down(link, true, frame));
            }
            Leaves::End => {
                let at_us = self.arrives_in_order_us(link, 1);
                self.at(at_us, Arrival::DownEnd(link));
            }
        }
    }

    /// Lets time pass.
    fn pass(&mut self, us: u64) {
        let until = self.now_us + us;
        loop {
            self.flush();
            let arrival = self.arrivals.peek().map(|Reverse((at_us, ..))| *at_us);
            let linked = self.devices.iter().filter(|device| device.link.is_some());
            let device = linked.map(|device| device.session.due_us(self.now_us)).min();
            let next = [arrival, device, self.relay.due_us()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now_us = self.now_us.max(next);
            while let Some(Reverse((at_us, ..))) = self.arrivals.peek()
                && *at_us <= self.now_us
            {
                let Reverse((_, _, arrival)) = self.arrivals.pop().expect("it was just there");
                self.arrive(arrival);
            }
            if self.relay.due_us().is_some_and(|due| due <= self.now_us) {
                self.relay.run(self.now_us);
            }
        }
        self.now_us = until;
    }

    /// Everything that is due leaves.
    fn flush(&mut self) {
        for player in 0..self.devices.len() {
            let Some(link) = self.devices[player].link else { continue };
            while let Some(frame) = self.devices[player].session.next_fast(self.now_us) {
                self.send_up(link, false, true, frame);
            }
            while let Some((alone, frame)) = self.devices[player].session.next_reliable(self.now_us) {
                self.send_up(link, alone, false, frame);
            }
        }
        for (link, leaves, frame) in self.relay.take_sent() {
            self.send_down(link, leaves, frame);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Up(link, frame) => {
                if let Some(Wire { is_cut: false, datagrams, .. }) = self.wires.get(&link) {
                    self.relay.frame(link, *datagrams, &frame, self.now_us);
                }
            }
            Arrival::UpEnd(link) => self.relay.dropped(link, self.now_us),
            Arrival::Down(link, in_order, frame) => self.hear(link, in_order, &frame),
            Arrival::DownEnd(link) => {
                if self.wires.get(&link).is_some_and(|wire| !wire.is_cut) {
                    self.link_ended(link);
                }
            }
            Arrival::Stands(link) => self.say_hello(link),
            Arrival::Unanswered(link) => {
                if let Some(Wire { player, .. }) = self.wires.get(&link)
                    && self.devices[*player].next.is_some_and(|(next, _)| next == link)
                {
                    // The relay may read the old link no more.
                    let player = *player;
                    self.devices[player].next = None;
                    self.give_up(link);
                    self.drop_link(player);
                }
            }
            Arrival::Silence(link) => {
                let Some(player) = self.wires.get(&link).map(|wire| wire.player) else { return };
                if self.devices[player].link == Some(link) {
                    let at_us = self.devices[player].heard_us + SILENCE_US;
                    match at_us <= self.now_us {
                        true => self.drop_link(player),
                        false => self.at(at_us, Arrival::Silence(link)),
                    }
                }
            }
            Arrival::Again(player) => {
                let device = &self.devices[player];
                if device.link.is_none() && device.next.is_none() {
                    self.connect(player);
                }
            }
        }
    }

    fn say_hello(&mut self, link: u32) {
        let Some(player) = self.wires.get(&link).map(|wire| wire.player) else { return };
        let device = &mut self.devices[player];
        if device.next.is_some_and(|(next, _)| next == link) {
            device.next = Some((link, self.now_us));
            let ticket = String::from(char::from(player as u8));
            let hello = device.session.hello((device.heard_us == 0).then_some(ticket.as_str()));
            self.send_up(link, false, false, hello);
        }
    }

    /// A frame at a player.
    fn hear(&mut self, link: u32, in_order: bool, frame: &[u8]) {
        let Some(Wire { player, is_cut: false, datagrams, .. }) = self.wires.get(&link) else { return };
        let (player, datagrams, now_us) = (*player, *datagrams, self.now_us);
        let device = &mut self.devices[player];
        if let Some((_, asked_us)) = device.next.filter(|(next, _)| *next == link) {
            if !in_order {
                // It overtook the welcome. A link keeps it until somebody reads: a little later.
                let again = Arrival::Down(link, false, Bytes::copy_from_slice(frame));
                return self.at(now_us + 1_000, again);
            }
            let welcomed = device.session.welcome(frame, datagrams, now_us - asked_us, now_us);
            assert_eq!(welcomed, Ok(true), "a session that lives is welcomed");
            (device.next, device.heard_us) = (None, now_us);
            if let Some(old) = device.link.replace(link) {
                self.give_up(old);
            }
            return self.at(now_us + SILENCE_US, Arrival::Silence(link));
        }
        if device.link != Some(link) {
            return;
        }
        device.heard_us = now_us;
        let came = device.session.receive(frame, now_us).expect("the relay keeps to the protocol");
        for came in came {
            match came {
                Came::Message { seat, ordered, data } => {
                    let number = u64::from_le_bytes(data[..8].try_into().unwrap());
                    device.heard.entry(seat).or_default().push((ordered, number));
                }
                Came::State { seat, channel, data } => {
                    let number = |data: &[u8]| u64::from_le_bytes(data[..8].try_into().unwrap());
                    let before = device.seen.insert((seat, channel), data.clone());
                    assert!(before.is_none_or(|before| number(&before) <= number(&data)), "an older state");
                }
                Came::Closed { code } => panic!("the session of player {player} ends: {code}"),
                _ => {}
            }
        }
    }

    /// The relay closed a link.
    fn link_ended(&mut self, link: u32) {
        let Some(player) = self.wires.remove(&link).map(|wire| wire.player) else { return };
        let device = &mut self.devices[player];
        if device.next.is_some_and(|(next, _)| next == link) {
            device.next = None;
            return self.drop_link(player);
        }
        if device.link == Some(link) {
            device.link = None;
            // With another one on its way that one is waited for.
            if device.next.is_none() {
                self.drop_link(player);
            }
        }
    }

    /// A player has no link any more, and makes another.
    fn drop_link(&mut self, player: usize) {
        if let Some(old) = self.devices[player].link.take() {
            self.give_up(old);
        }
        if let Some((next, _)) = self.devices[player].next.take() {
            self.give_up(next);
        }
        let at_us = self.now_us + self.chance.below(500_000);
        self.at(at_us, Arrival::Again(player));
    }

    /// The player closes its end of a link. The relay hears so, if it hears anything.
    fn give_up(&mut self, link: u32) {
        let at_us = self.arrives_in_order_us(link, 0);
        if let Some(wire) = self.wires.remove(&link) {
            let later = if wire.is_cut { self.chance.below(20_000_000) } else { 0 };
            self.at(at_us + later, Arrival::UpEnd(link));
        }
    }

    /// Something happens.
    fn step(&mut self) {
        let player = self.chance.below(self.devices.len() as u64) as usize;
        match self.chance.below(100) {
            0..40 => self.say(player),
            40..85 => self.show(player),
            85..93 => {
                let device = &self.devices[player];
                if device.link.is_some() && device.next.is_none() {
                    self.swaps += 1;
                    self.connect(player);
                }
            }
            93..95 => self.cut(player),
            95..97 => {
                // Right as a new link is made.
                if self.devices[player].next.is_some() {
                    self.cut(player);
                }
            }
            _ => {
                self.weather = Weather {
                    delay_us: [2_000, 30_000, 100_000, 300_000][self.chance.below(4) as usize],
                    jitter_us: [0, 10_000, 80_000][self.chance.below(3) as usize],
                    lost_per_mille: [0, 50, 50, 200][self.chance.below(4) as usize],
                };
            }
        }
    }

    fn say(&mut self, player: usize) {
        let ordered = !self.chance.once_in(3);
        let device = &mut self.devices[player];
        if device.session.unacked() < WAITING_MAX {
            let mut data = vec![9; 8 + (device.said % 50) as usize];
            data[..8].copy_from_slice(&(device.said + 1).to_le_bytes());
            device.said += u64::from(device.session.say(ordered, &data));
        }
    }

    fn show(&mut self, player: usize) {
        let channel = self.chance.below(u64::from(CHANNELS)) as u8;
        let (len, at, value) = (self.chance.below(120), self.chance.below(100), self.chance.draw());
        let urgent = self.chance.once_in(10);
        self.counted += 1;
        let mut data = vec![7_u8; 8 + len as usize];
        if let Some(byte) = data.get_mut(8 + at as usize) {
            *byte = value as u8;
        }
        data[..8].copy_from_slice(&self.counted.to_le_bytes());
        let data = Bytes::from(data);
        let device = &mut self.devices[player];
        device.shown.insert(channel, data.clone());
        device.session.show(channel, urgent, data);
    }

    /// A player's links carry nothing any more. That is noticed at once, or only by the silence.
    fn cut(&mut self, player: usize) {
        self.cuts += 1;
        for wire in self.wires.values_mut().filter(|wire| wire.player == player) {
            wire.is_cut = true;
        }
        if self.chance.once_in(2) {
            self.drop_link(player);
        }
    }

    /// Whether everything is where it belongs; else what is not.
    fn judge(&self) -> Result<(), String> {
        for listener in &self.devices {
            for speaker in &self.devices {
                let seat = speaker.session.seat();
                if seat == listener.session.seat() {
                    continue;
                }
                let who = format!("of {seat} at {}", listener.session.seat());
                let none = Vec::new();
                let heard = listener.heard.get(&seat).unwrap_or(&none);
                let in_order: Vec<u64> =
                    heard.iter().filter(|(ordered, _)| *ordered).map(|(_, n)| *n).collect();
                if !in_order.is_sorted() {
                    return Err(format!("{who}: out of order"));
                }
                let mut all: Vec<u64> = heard.iter().map(|(_, number)| *number).collect();
                all.sort_unstable();
                // The first ones were said when not everyone was there yet: nothing is.
                if all != (1..=speaker.said).collect::<Vec<u64>>() {
                    return Err(format!("{who}: {} of {} messages", all.len(), speaker.said));
                }
                for (channel, shown) in &speaker.shown {
                    if listener.seen.get(&(seat, *channel)) != Some(shown) {
                        return Err(format!("{who}: channel {channel} does not show the newest"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a history was like.
#[derive(Debug, Default)]
struct Sum {
    swaps: u64,
    cuts: u64,
    said: u64,
}

fn history(seed: u64) -> Sum {
    let mut world = World::new(seed);
    let until = world.now_us + LIVELY_US;
    while world.now_us < until {
        let us = world.chance.below(30_000);
        world.pass(us);
        world.step();
    }
    world.weather = FAIR;
    let until = world.now_us + QUIET_US;
    let mut found = world.judge();
    while found.is_err() && world.now_us < until {
        world.pass(1_000_000);
        found = world.judge();
    }
    assert_eq!(found, Ok(()), "{world:#?}");
    let said = world.devices.iter().map(|device| device.said).sum();
    Sum { swaps: world.swaps, cuts: world.cuts, said }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().expect("a number"))
}

#[test]
fn whatever_happens_to_links_sessions_and_rooms_agree() {
    let slow = std::env::var("AETHEX_TEST_SLOW").is_ok_and(|slow| !matches!(slow.as_str(), "" | "0"));
    let usual = if slow { HISTORIES.1 } else { HISTORIES.0 };
    let seeds = match number("AETHEX_NETWORK_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("AETHEX_NETWORK_HISTORIES").unwrap_or(usual),
    };
    let mut sum = Sum::default();
    for seed in seeds.clone() {
        let found = std::panic::catch_unwind(|| history(seed));
        let Ok(found) = found else { panic!("AETHEX_NETWORK_SEED={seed} plays this again") };
        sum =
            Sum { swaps: sum.swaps + found.swaps, cuts: sum.cuts + found.cuts, said: sum.said + found.said };
    }
    println!("seeds {seeds:?}: {sum:?}");
    assert!(sum.swaps > 0 && sum.cuts > 0 && sum.said > 0);
}
