//! A player's device: its disk, and the processes that play on it.

use super::net::World;
use super::playing::Memory;
use super::progress;
use aethex_sdk_core::simulation::disk::{SimDisk, SimFiles};
use aethex_sdk_core::simulation::{Chance, Machine, Unanswered};
use aethex_sdk_core::{Cloud, Config, Content, CredentialStore, Value};
use aethex_wire::value;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// A content and what it is known by.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) hash: String,
}

impl Made {
    /// The content of this name: of some kind and length, by chance.
    pub(super) fn new(name: String, chance: &mut Chance) -> Made {
        let len = match chance.below(300) {
            // Lies in a blob.
            0 => 66_000 + chance.below(20_000),
            1..10 => 4_000,
            _ => chance.below(200),
        };
        // Half of it can be compressed.
        let noise = std::iter::repeat_with(|| if chance.once_in(2) { chance.draw() as u8 } else { b'x' });
        let mut bytes = format!("{name} ").into_bytes();
        bytes.extend(noise.take(len as usize));
        let content = match chance.below(3) {
            0 => Content::Value(Value::PackedByteArray(bytes)),
            _ => Content::Bytes(bytes.into()),
        };
        let hash = hash_of(&content);
        Made { name, content, hash }
    }
}

/// The hash by which the server knows a content.
pub(super) fn hash_of(content: &Content) -> String {
    let plain = match content {
        Content::Value(value) => Bytes::from(value::encode(value).unwrap()),
        Content::Bytes(bytes) => bytes.clone(),
    };
    blake3::hash(&plain).to_hex().to_string()
}

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) disk: SimDisk,
    pub(super) online: Arc<AtomicBool>,
    pub(super) clock_ms: Arc<AtomicI64>,
    pub(super) processes: Vec<Process>,
    home: PathBuf,
}

/// A running game.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) files: SimFiles,
    pub(super) cloud: Cloud,
    /// What the game has of its slots, where saves are merged.
    pub(super) memory: Memory,
}

/// What a process finds around it.
#[derive(Debug)]
struct Sandbox {
    world: Arc<World>,
    device: String,
    files: SimFiles,
    online: Arc<AtomicBool>,
    clock_ms: Arc<AtomicI64>,
    chance: Mutex<Chance>,
}

impl Machine for Sandbox {
    fn now_ms(&self) -> i64 {
        self.world.host.true_ms() + self.clock_ms.load(Ordering::Relaxed)
    }

    fn random(&self) -> u64 {
        self.chance.lock().draw()
    }

    fn files(&self) -> SimFiles {
        self.files.clone()
    }

    fn disk_time(&self) -> Duration {
        let mut chance = self.chance.lock();
        Duration::from_millis(if chance.once_in(3) { chance.below(8) } else { 0 })
    }

    fn is_alive(&self) -> bool {
        self.files.is_alive()
    }

    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, Unanswered>> {
        Box::pin(self.world.clone().carry(self.device.clone(), self.online.clone(), request))
    }
}

impl Device {
    pub(super) fn new(number: usize) -> Device {
        Device {
            name: format!("d{number}"),
            disk: SimDisk::default(),
            online: Arc::new(AtomicBool::new(true)),
            clock_ms: Arc::default(),
            processes: Vec::new(),
            home: PathBuf::from("/home/data"),
        }
    }

    /// Starts the game.
    pub(super) fn start(&mut self, world: &Arc<World>, chance: &mut Chance) {
        let files = self.disk.process(&self.home);
        let machine: Arc<dyn Machine> = Arc::new(Sandbox {
            world: world.clone(),
            device: self.name.clone(),
            files: files.clone(),
            online: self.online.clone(),
            clock_ms: self.clock_ms.clone(),
            chance: Mutex::new(Chance::new(chance.draw())),
        });
        let mut config = Config::new(&self.home);
        config.credentials = CredentialStore::File;
        config.device_name.clone_from(&self.name);
        config.auto_sync = !chance.once_in(4);
        let cloud = Cloud::simulated(config, &machine).unwrap();
        if world.ledger.lock().merges {
            cloud.saves().define("*", progress::definition(world.fault)).unwrap();
        }
        self.processes.push(Process { files, cloud, memory: Memory::default() });
    }

    /// Takes note of processes that have died meanwhile; whether there were any.
    pub(super) fn bury(&mut self) -> bool {
        let before = self.processes.len();
        self.processes.retain(|process| process.files.is_alive());
        self.processes.len() < before
    }
}
