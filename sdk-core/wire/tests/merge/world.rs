//! Devices that play apart and meet at a cloud, in an order that a seed decides. Every merge on the way is held
//! against the oracle, and against itself.

use crate::game::{self, LEVELS, Op, SCHEMAS, SETTINGS, Seen};
use crate::model::{Done, Model, OPS_MAX};
use crate::random::Random;
use aethex_wire::Value;
use aethex_wire::merge::{Hlc, Merge, MergeError, Merged, Meta, Policies, Side, Which, commit, merge};
use aethex_wire::value::encode;
use std::sync::OnceLock;

const NAMES: [&str; 3] = ["desk", "phone", "tv"];
const HOUR_MS: i64 = 3_600_000;

/// A save, what it must hold, and what is noted beside it.
#[derive(Clone)]
struct Version {
    value: Value,
    model: Model,
    meta: Meta,
}

struct Device {
    name: usize,
    /// What it last had in common with the cloud.
    base: Version,
    local: Version,
    hlc: Hlc,
    /// How wrong its clock is.
    skew_ms: i64,
    schema: i64,
}

struct World {
    random: Random,
    head: Version,
    devices: Vec<Device>,
    done: Done,
    now_ms: i64,
    merges: u64,
}

/// The rules, by schema.
fn policies(schema: i64) -> &'static Policies {
    static RULES: OnceLock<[Policies; 2]> = OnceLock::new();
    let rules = RULES.get_or_init(|| [game::policies(1), game::policies(2)]);
    &rules[usize::from(schema > 1)]
}

/// Plays a history through. Returns its number of merges.
pub(crate) fn history(seed: u64) -> u64 {
    let mut world = World::new(Random::new(seed));
    for _ in 0..world.random.between(6, 18) {
        world.step();
    }
    for device in 0..world.devices.len() {
        world.sync(device);
    }
    world.merges
}

pub(crate) fn notices_a_lost_increment(random: &mut Random) -> bool {
    let mut world = World::new(Random::new(random.next()));
    world.done.push((0, Op::Coins(1)));
    world.head.model.play(Op::Coins(1), 0);
    !world.head.model.differences(&Seen(&world.head.value, 1), &world.done).is_empty()
}

fn side(version: &Version) -> Side<'_> {
    let Version { value, meta, .. } = version;
    Side { value, hlc: meta.hlc, device: &meta.device, playtime_ms: meta.playtime_ms, schema: meta.schema }
}

fn run(base: &Version, local: &Version, cloud: &Version) -> Result<Merged, MergeError> {
    let schema = local.meta.schema;
    merge(&Merge {
        base: Some(side(base)),
        local: side(local),
        cloud: side(cloud),
        policies: policies(schema),
        guards: true,
    })
}

fn settled(base: &Version, local: &Version, cloud: &Version) -> Vec<u8> {
    let merged = run(base, local, cloud).expect("the schemas are the same");
    assert!(merged.asks.is_empty(), "nothing is open under these rules: {:?}", merged.asks);
    encode(&merged.value).expect("a merged save can be kept")
}

fn bring_up(version: &mut Version) {
    assert_eq!(version.meta.schema, 1, "only the first schema is old");
    game::migrate(&mut version.value);
    version.meta.schema = SCHEMAS;
}

impl World {
    fn new(mut random: Random) -> World {
        let value = game::new_game(&mut random);
        let meta = Meta { schema: 1, device: "desk".into(), playtime_ms: 1000, ..Meta::default() };
        let head = Version { value, model: Model::default(), meta };
        let devices = (0..2 + usize::from(random.chance(40)))
            .map(|name| Device {
                name,
                base: head.clone(),
                local: head.clone(),
                hlc: Hlc::default(),
                skew_ms: random.between(-72, 72) * HOUR_MS,
                schema: 1,
            })
            .collect();
        World { random, head, devices, done: Vec::new(), now_ms: 1_790_000_000_000, merges: 0 }
    }

    fn step(&mut self) {
        let device = self.random.below(self.devices.len() as u64) as usize;
        self.now_ms += self.random.between(0, 2 * HOUR_MS);
        match self.random.below(100) {
            0..70 => self.save(device),
            70..92 => self.sync(device),
            92..97 => self.devices[device].skew_ms = self.random.between(-72, 72) * HOUR_MS,
            _ => self.update(device),
        }
    }

    /// The device gets the newer game.
    fn update(&mut self, device: usize) {
        let device = &mut self.devices[device];
        device.schema = SCHEMAS;
        if device.local.meta.schema < SCHEMAS {
            bring_up(&mut device.local);
        }
    }

    fn save(&mut self, index: usize) {
        for _ in 0..self.random.between(1, 4) {
            if self.done.len() == OPS_MAX {
                return;
            }
            let op = self.op(index);
            let number = self.done.len() as u32;
            let device = &mut self.devices[index];
            self.done.push((device.name, op));
            game::play(&mut device.local.value, device.local.meta.schema, op, number);
            device.local.model.play(op, number);
        }
        let device = &mut self.devices[index];
        device.hlc = device.hlc.tick(self.now_ms + device.skew_ms);
        let meta = &mut device.local.meta;
        meta.hlc = device.hlc;
        NAMES[device.name].clone_into(&mut meta.device);
        meta.playtime_ms += self.random.between(1, 100_000);
    }

    fn op(&mut self, device: usize) -> Op {
        let save = Seen(&self.devices[device].local.value, self.devices[device].local.meta.schema);
        let random = &mut self.random;
        let one = |list: Vec<u32>, random: &mut Random| {
            let at = random.below(list.len() as u64) as usize;
            list.get(at).copied()
        };
        let items = || save.items().iter().map(|item| item.0).collect();
        match random.below(17) {
            0 => Op::Coins(random.between(-50, 100)),
            1 => Op::Kills(random.between(1, 5)),
            2 => Op::Distance(random.between(1, 400)),
            3 => Op::High(random.between(0, 1000)),
            4 => Op::Best(random.between(0, 1000)),
            5 => Op::Unlock,
            6 => Op::Quest,
            7 => one(save.list("quests"), random).map_or(Op::Quest, Op::QuestDone),
            8 => Op::Log,
            9 => one(save.list("log"), random).map_or(Op::Log, Op::LogCut),
            10 => Op::Setting(random.below(SETTINGS as u64) as usize),
            11 => Op::Level(random.below(LEVELS as u64) as usize),
            12 => Op::LevelReset(random.below(LEVELS as u64) as usize),
            13 => Op::Item,
            14 => one(items(), random).map_or(Op::Item, |id| Op::ItemMore(id, random.between(1, 9))),
            15 => one(items(), random).map_or(Op::Item, Op::ItemTint),
            _ => one(items(), random).map_or(Op::Item, Op::ItemDrop),
        }
    }

    fn sync(&mut self, index: usize) {
        if self.devices[index].schema < self.head.meta.schema {
            self.update(index);
        }
        let device = &mut self.devices[index];
        let (ours, theirs) = (device.local.model.seen, self.head.model.seen);
        let both = ours & theirs;
        match (both == ours, both == theirs) {
            // Nothing of ours is new to the cloud.
            (true, _) => {
                let upgraded = device.local.meta.schema;
                device.local = self.head.clone();
                if device.local.meta.schema < upgraded {
                    bring_up(&mut device.local);
                }
                device.base = self.head.clone();
            }
            (false, true) => {
                self.head = device.local.clone();
                device.base = self.head.clone();
            }
            (false, false) => self.merge(index),
        }
        let device = &mut self.devices[index];
        device.hlc = device.hlc.observe(self.head.meta.hlc, self.now_ms + device.skew_ms);
    }

    fn merge(&mut self, index: usize) {
        let device = &self.devices[index];
        let (mut base, mut local, mut cloud) = (device.base.clone(), device.local.clone(), self.head.clone());
        let value = loop {
            match run(&base, &local, &cloud) {
                Ok(merged) => break merged.value,
                Err(MergeError::Schema { side: Which::Base, .. }) => bring_up(&mut base),
                Err(MergeError::Schema { side: Which::Local, .. }) => bring_up(&mut local),
                Err(MergeError::Schema { side: Which::Cloud, .. }) => bring_up(&mut cloud),
                Err(error) => panic!("{error}"),
            }
        };
        let stamp = |version: &Version| (version.meta.hlc, version.meta.device.clone());
        let (later, earlier) =
            if stamp(&local) > stamp(&cloud) { (&local, &cloud) } else { (&cloud, &local) };
        let model = base.model.merge(&later.model, &earlier.model, &self.done);
        let differences = model.differences(&Seen(&value, local.meta.schema), &self.done);
        assert!(
            differences.is_empty(),
            "{differences:#?}\n{:?}\nbase {:?}\nlocal {:?}\ncloud {:?}",
            self.done,
            base.value,
            local.value,
            cloud.value
        );

        let meta = commit(&local.meta, &cloud.meta);
        assert_eq!(meta, commit(&cloud.meta, &local.meta));
        let merged = Version { value, model, meta };
        let bytes = encode(&merged.value).expect("a merged save can be kept");
        assert_eq!(settled(&base, &local, &cloud), bytes, "the same every time");
        assert_eq!(settled(&base, &cloud, &local), bytes, "the same from both sides");
        assert_eq!(settled(&local, &local, &merged), bytes, "the merge again, from this side");
        assert_eq!(settled(&cloud, &merged, &cloud), bytes, "the merge again, from the other side");
        let elsewhere = Meta { device: "elsewhere".into(), ..merged.meta.clone() };
        let twin = Version { meta: elsewhere, ..merged.clone() };
        assert_eq!(settled(&merged, &merged, &twin), bytes, "a save with itself, from two devices");
        assert_eq!(settled(&base, &merged, &merged), bytes, "a save with itself");
        self.head = merged.clone();
        let device = &mut self.devices[index];
        device.base = merged.clone();
        device.local = merged;
        self.merges += 1;
    }
}
