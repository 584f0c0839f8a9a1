//! How much of what players do is still there at the end, by the way conflicts are settled.
//!
//! Players have two or three devices, play sessions in turns, are offline for some of them, forget to
//! synchronise, and have clocks that are wrong. Progress is what is earned: coins and kills one by one, items,
//! unlocked levels, and records that were bettered. The same life is played once for each strategy.

use crate::random::Random;
use aethex_wire::Value;
use aethex_wire::merge::{Hlc, Merge, Meta, Policies, Side, commit, merge};
use std::fmt;

/// Sessions of a player.
const SESSIONS: (i64, i64) = (20, 60);
/// How often, in percent, a session starts or ends without the cloud.
const OFFLINE_PERCENT: u64 = 45;
const LEVELS: i64 = 40;
const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Strategy {
    LastWriter,
    /// What a player would choose who always knows the played time.
    LongestPlaytime,
    Ours,
}

/// The shares that are kept, 0 to 1.
pub(crate) struct Kept {
    players: u64,
    conflicts: u64,
    asks: u64,
    shares: [f64; 3],
}

impl Kept {
    pub(crate) fn last_writer(&self) -> f64 {
        self.shares[0]
    }

    pub(crate) fn longest_playtime(&self) -> f64 {
        self.shares[1]
    }

    pub(crate) fn ours(&self) -> f64 {
        self.shares[2]
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} players, {} conflicts, {} questions", self.players, self.conflicts, self.asks)?;
        writeln!(f, "{:<32} {:>8}", "conflicts are settled by", "kept")?;
        writeln!(f, "{:<32} {:>7.2}%", "the last writer", self.last_writer() * 100.0)?;
        writeln!(f, "{:<32} {:>7.2}%", "the longest playtime", self.longest_playtime() * 100.0)?;
        write!(f, "{:<32} {:>7.2}%", "a merge with policies", self.ours() * 100.0)
    }
}

#[derive(Clone)]
struct Version {
    value: Value,
    meta: Meta,
}

struct Device {
    /// What it last had in common with the cloud, and which head that was.
    base: Version,
    seen: u64,
    /// It was played since.
    played: bool,
    local: Version,
    hlc: Hlc,
    skew_ms: i64,
}

/// What a player earned all in all, in points of each kind.
#[derive(Default)]
struct Earned {
    coins: i64,
    kills: i64,
    items: i64,
    levels: Vec<i64>,
    /// The best time of each level.
    times: Vec<Option<i64>>,
}

struct Life<'p> {
    random: Random,
    strategy: Strategy,
    policies: &'p Policies,
    head: Version,
    /// Counts the heads.
    heads: u64,
    devices: Vec<Device>,
    earned: Earned,
    now_ms: i64,
    conflicts: u64,
    asks: u64,
}

pub(crate) fn simulate(players: u64) -> Kept {
    let rules = [
        ("coins", "counter"),
        ("kills", "counter"),
        ("levels", "union"),
        ("times.*", "min"),
        ("items", "list"),
        ("items[].count", "counter"),
        ("settings", "latest"),
        ("at,facing", "group"),
    ];
    let rules = rules.map(|(path, policy)| (path, Value::from(policy)));
    let policies = Policies::parse(&Value::dictionary(rules)).expect("these rules are well formed");
    let mut kept = Kept { players, conflicts: 0, asks: 0, shares: [0.0; 3] };
    let strategies = [Strategy::LastWriter, Strategy::LongestPlaytime, Strategy::Ours];
    for (place, strategy) in strategies.into_iter().enumerate() {
        let mut total = 0.0;
        for player in 0..players {
            let mut life = Life::new(player, strategy, &policies);
            life.live();
            total += life.share();
            if strategy == Strategy::Ours {
                kept.conflicts += life.conflicts;
                kept.asks += life.asks;
            }
        }
        kept.shares[place] = total / players as f64;
    }
    kept
}

fn new_game() -> Value {
    let list = || Value::from(Vec::new());
    Value::dictionary([
        ("coins", Value::Int(0)),
        ("kills", Value::Int(0)),
        ("levels", list()),
        ("times", Value::dictionary::<&str>([])),
        ("items", list()),
        ("settings", Value::dictionary([("volume", 5i64)].map(|(key, value)| (key, Value::Int(value))))),
        ("at", Value::Vector3([0.0; 3])),
        ("facing", Value::Float(0.0)),
    ])
}

fn field<'v>(value: &'v mut Value, name: &str) -> &'v mut Value {
    let Value::Dictionary(dictionary) = value else { panic!("not a dictionary") };
    let at = dictionary.entries.iter().position(|(key, _)| *key == Value::from(name)).unwrap_or_else(|| {
        dictionary.entries.push((name.into(), Value::Null));
        dictionary.entries.len() - 1
    });
    &mut dictionary.entries[at].1
}

fn int(value: Option<&Value>) -> i64 {
    if let Some(Value::Int(int)) = value { *int } else { 0 }
}

fn items(value: &mut Value) -> &mut Vec<Value> {
    let Value::Array(array) = value else { panic!("not a list") };
    &mut array.items
}

fn side(version: &Version) -> Side<'_> {
    let Version { value, meta } = version;
    Side { hlc: meta.hlc, playtime_ms: meta.playtime_ms, device: &meta.device, ..Side::new(value) }
}

impl<'p> Life<'p> {
    fn new(player: u64, strategy: Strategy, policies: &'p Policies) -> Life<'p> {
        let mut random = Random::new(player);
        let meta = Meta { device: "0".into(), playtime_ms: 1, ..Meta::default() };
        let head = Version { value: new_game(), meta };
        let device = |random: &mut Random| Device {
            base: head.clone(),
            seen: 0,
            played: false,
            local: head.clone(),
            hlc: Hlc::default(),
            // Some clocks are wrong by hours, a few by days.
            skew_ms: if random.chance(20) { random.between(-30, 30) * HOUR_MS } else { 0 },
        };
        let devices = (0..2 + random.below(2)).map(|_| device(&mut random)).collect();
        let earned = Earned { times: vec![None; LEVELS as usize], ..Earned::default() };
        let now_ms = 1_790_000_000_000;
        Life { random, strategy, policies, head, heads: 0, devices, earned, now_ms, conflicts: 0, asks: 0 }
    }

    fn live(&mut self) {
        for session in 0..self.random.between(SESSIONS.0, SESSIONS.1) {
            let device = self.random.below(self.devices.len() as u64) as usize;
            self.now_ms += self.random.between(HOUR_MS / 2, 12 * HOUR_MS);
            if !self.random.chance(OFFLINE_PERCENT) {
                self.sync(device);
            }
            self.play(device, session);
            if !self.random.chance(OFFLINE_PERCENT) {
                self.sync(device);
            }
        }
        // In the end every device is online again.
        for device in (0..self.devices.len()).chain(0..self.devices.len()) {
            self.sync(device);
        }
    }

    fn play(&mut self, index: usize, session: i64) {
        let random = &mut self.random;
        let (device, earned) = (&mut self.devices[index], &mut self.earned);
        let save = &mut device.local.value;
        let (coins, kills) = (random.between(10, 300), random.between(0, 40));
        for (name, more, total) in [("coins", coins, &mut earned.coins), ("kills", kills, &mut earned.kills)]
        {
            let value = field(save, name);
            *value = Value::Int(int(Some(value)) + more);
            *total += more;
        }
        for _ in 0..random.between(0, 4) {
            let id = random.between(0, 30);
            let list = items(field(save, "items"));
            match list.iter_mut().find(|item| item.get("id") == Some(&Value::Int(id))) {
                Some(item) => {
                    let count = field(item, "count");
                    *count = Value::Int(int(Some(count)) + 1);
                }
                None => list.push(Value::dictionary([("id", Value::Int(id)), ("count", Value::Int(1))])),
            }
            earned.items += 1;
        }
        for _ in 0..random.between(0, 3) {
            let level = random.between(0, LEVELS - 1);
            let time = random.between(20_000, 90_000);
            let list = items(field(save, "levels"));
            if !list.contains(&Value::Int(level)) {
                list.push(Value::Int(level));
            }
            if !earned.levels.contains(&level) {
                earned.levels.push(level);
            }
            let best = field(field(save, "times"), &format!("l{level}"));
            *best = Value::Int(if let Value::Int(best) = best { time.min(*best) } else { time });
            let known = &mut earned.times[level as usize];
            *known = Some(known.map_or(time, |known| known.min(time)));
        }
        *field(save, "at") = Value::Vector3([random.below(100) as f32, session as f32, 0.0]);
        *field(save, "facing") = Value::Float(random.below(360) as f64);
        if random.chance(10) {
            *field(field(save, "settings"), "volume") = Value::Int(random.between(0, 10));
        }
        let name = index.to_string();
        device.hlc = device.hlc.tick(self.now_ms + device.skew_ms);
        let meta = &mut device.local.meta;
        meta.hlc = device.hlc;
        meta.playtime_ms += random.between(5, 90) * 60_000;
        meta.device = name;
        device.played = true;
    }

    fn sync(&mut self, index: usize) {
        let device = &mut self.devices[index];
        match (device.played, device.seen == self.heads) {
            (false, _) => device.local = self.head.clone(),
            (true, true) => self.head = device.local.clone(),
            (true, false) => {
                self.conflicts += 1;
                let value = self.settle(index);
                let meta = commit(&self.devices[index].local.meta, &self.head.meta);
                self.head = Version { value, meta };
                self.devices[index].local = self.head.clone();
            }
        }
        let device = &mut self.devices[index];
        self.heads += u64::from(device.played);
        (device.base, device.seen, device.played) = (self.head.clone(), self.heads, false);
        device.hlc = device.hlc.observe(self.head.meta.hlc, self.now_ms + device.skew_ms);
    }

    fn settle(&mut self, index: usize) -> Value {
        let Device { base, local, .. } = &self.devices[index];
        let cloud = &self.head;
        let local_wins = match self.strategy {
            Strategy::LastWriter => local.meta.hlc > cloud.meta.hlc,
            Strategy::LongestPlaytime => local.meta.playtime_ms > cloud.meta.playtime_ms,
            Strategy::Ours => {
                let (base, local, cloud) = (Some(side(base)), side(local), side(cloud));
                let input = Merge { base, local, cloud, policies: self.policies, guards: true };
                let merged = merge(&input).expect("there is one schema");
                self.asks += merged.asks.len() as u64;
                return merged.value;
            }
        };
        if local_wins { local.value.clone() } else { cloud.value.clone() }
    }

    /// Which share of everything earned is in the cloud in the end: the mean over the kinds.
    fn share(&self) -> f64 {
        let save = &self.head.value;
        let part = |kept: i64, all: i64| if all == 0 { None } else { Some(kept as f64 / all as f64) };
        let Some(Value::Array(levels)) = save.get("levels") else { return 0.0 };
        let Some(Value::Array(list)) = save.get("items") else { return 0.0 };
        let count = list.items.iter().map(|item| int(item.get("count"))).sum();
        let best = self.earned.times.iter().enumerate().filter_map(|(level, best)| Some((level, (*best)?)));
        let held = best.clone().filter(|(level, best)| {
            save.get("times").and_then(|times| times.get(&format!("l{level}"))) == Some(&Value::Int(*best))
        });
        let parts = [
            part(int(save.get("coins")), self.earned.coins),
            part(int(save.get("kills")), self.earned.kills),
            part(count, self.earned.items),
            part(levels.items.len() as i64, self.earned.levels.len() as i64),
            part(held.count() as i64, best.count() as i64),
        ];
        let parts: Vec<f64> = parts.into_iter().flatten().collect();
        parts.iter().sum::<f64>() / parts.len() as f64
    }
}
