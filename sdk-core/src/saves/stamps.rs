//! Which device a save is from, and the how-manieth of it: without trusting any clock.
//!
//! Each player has an id of this device of its own, made once, with a counter of saves. Numbers are reserved in blocks,
//! durably before the first one is used: a crash wastes numbers, and none is used twice. Two processes on one
//! folder have a block each. The hybrid clock is written down with each block; between blocks it follows from
//! what the saves it is based on say.

use super::entries::Stamp;
use super::outbox::Outbox;
use crate::disk::Disk;
use crate::{Error, clock};
use aethex_wire::merge::Hlc;
use aethex_wire::saves::DEVICES_MAX;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Numbers that are reserved at once: an evening's autosaves take a few writes.
const BLOCK_LEN: u64 = 64;
/// Characters of a device's id: 60 bits tell a player's few devices apart.
const DEVICE_ID_LEN: usize = 12;
/// Digits of a device's id: no letters that look like digits.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Longest file.
const FILE_LEN_MAX: usize = 4096;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceFile {
    device_id: String,
    /// The last number that was reserved.
    reserved: u64,
    /// The clock when it was.
    hlc: i64,
}

/// The numbers that this process may use.
#[derive(Debug)]
struct Block {
    device_id: String,
    next: u64,
    last: u64,
    hlc: Hlc,
}

/// The device's id and numbers, shared by everything in this process that saves for one player.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    block: Mutex<Option<Block>>,
}

impl Outbox {
    /// The stamp of a save that is made from these, durably its own. Only under the guard.
    pub(super) fn stamp(&self, made_from: &Stamp) -> io::Result<Stamp> {
        let mut held = self.stamps.block.lock();
        let spent = |block: &Block| {
            let seen = made_from.device_clock.get(&block.device_id).copied().unwrap_or(0);
            block.next > block.last || block.next <= seen
        };
        let mut block = match held.take() {
            Some(block) if !spent(&block) => block,
            _ => self.reserve(made_from)?,
        };
        block.hlc = block.hlc.observe(Hlc(made_from.hlc), clock::now_ms());
        let mut device_clock = made_from.device_clock.clone();
        device_clock.insert(block.device_id.clone(), block.next);
        if device_clock.len() > DEVICES_MAX {
            // More devices than a clock holds: it says nothing then, and the versions' parents decide alone.
            device_clock.clear();
        }
        block.next += 1;
        let stamp = Stamp { device_id: block.device_id.clone(), device_clock, hlc: block.hlc.0 };
        *held = Some(block);
        Ok(stamp)
    }

    /// This device's id, as it stands in its saves.
    pub(crate) fn device_id(&self) -> Result<String, Error> {
        let _guard = self.guard("reading this device's id")?;
        let read = || -> io::Result<String> {
            let path = self.device_path();
            if let Some(file) = read(&self.disk, &path)? {
                return Ok(file.device_id);
            }
            let file = fresh();
            self.disk.write_record(&path, &file, b"").map(|()| file.device_id)
        };
        read().map_err(|error| Error::storage("reading this device's id", &error))
    }

    fn reserve(&self, made_from: &Stamp) -> io::Result<Block> {
        let path = self.device_path();
        let mut file = read(&self.disk, &path)?.unwrap_or_else(fresh);
        let seen = made_from.device_clock.get(&file.device_id).copied().unwrap_or(0);
        let hlc = Hlc(file.hlc).observe(Hlc(made_from.hlc), clock::now_ms());
        let first = file.reserved.max(seen).saturating_add(1);
        file.reserved = first.saturating_add(BLOCK_LEN - 1);
        file.hlc = hlc.0;
        self.disk.write_record(&path, &file, b"")?;
        Ok(Block { device_id: file.device_id, next: first, last: file.reserved, hlc })
    }

    fn device_path(&self) -> PathBuf {
        self.folder.join("device")
    }
}

/// The file. A damaged one is as good as none: the device gets another id, whose numbers nobody has used.
fn read(disk: &Disk, path: &Path) -> io::Result<Option<DeviceFile>> {
    match disk.read_record::<DeviceFile>(path, FILE_LEN_MAX) {
        Ok(found) => Ok(found.map(|(file, _)| file)),
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

fn fresh() -> DeviceFile {
    let hash = blake3::hash(clock::random_id().as_bytes());
    let digits = hash.as_bytes().iter().take(DEVICE_ID_LEN);
    let device_id = digits.map(|byte| char::from(DIGITS[usize::from(byte % 32)])).collect();
    DeviceFile { device_id, reserved: 0, hlc: 0 }
}
