//! The words of the outbox: what an entry says, what it is called, what becomes of it.

use super::records::SlotRecord;
use super::rules::{Packed, Shape};
use crate::Error;
use aethex_wire::ids::VersionId;
use aethex_wire::merge::{Hlc, Meta};
use aethex_wire::saves::{Conflict, DEVICES_MAX, Part, SaveVersion};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which device made a save, and when, without trusting any clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    #[serde(default)]
    pub(crate) device_id: String,
    #[serde(default)]
    pub(crate) device_clock: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) hlc: i64,
}

impl Stamp {
    pub(crate) fn of(version: &SaveVersion) -> Stamp {
        Stamp {
            device_id: version.device_id.clone(),
            device_clock: version.device_clock.clone(),
            hlc: version.hlc,
        }
    }
}

/// What an entry says beside its payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryMeta {
    pub(crate) slot: String,
    /// The idempotency key.
    pub(crate) key: String,
    /// The versions it was made from; absent while it is chained.
    pub(crate) parents: Option<Vec<VersionId>>,
    /// Instead of parents: it is made from what the save with this key becomes, behind which it goes in one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    pub(crate) shape: Shape,
    pub(crate) label: String,
    pub(crate) playtime_ms: i64,
    pub(crate) device_name: String,
    pub(crate) saved_at_ms: i64,
    #[serde(default)]
    pub(crate) stamp: Stamp,
    #[serde(default)]
    pub(crate) schema: i64,
    #[serde(default)]
    pub(crate) app_version: String,
    /// All parts of the save; the bytes of those that are new lie in the parts' folder.
    #[serde(default)]
    pub(crate) parts: Vec<Part>,
    /// Hashes of parts whose bytes must be sent, though the version it was made from has them.
    #[serde(default)]
    pub(crate) resend: bool,
    /// It is sent in full: a patch was refused.
    #[serde(default)]
    pub(crate) full: bool,
    /// Made by a merge: the game has not seen it.
    #[serde(default)]
    pub(crate) merged: bool,
    /// Keys of the saves that went into the merge.
    #[serde(default)]
    pub(crate) stands_for: Vec<String>,
}

impl EntryMeta {
    /// What a merge takes from it, but for the device clock: see [`joined`].
    pub(crate) fn for_merge(&self) -> Meta {
        Meta {
            hlc: Hlc(self.stamp.hlc),
            device: self.stamp.device_id.clone(),
            device_name: self.device_name.clone(),
            playtime_ms: self.playtime_ms,
            schema: self.schema,
            saved_at_ms: self.saved_at_ms,
            label: self.label.clone(),
            app_version: self.app_version.clone(),
        }
    }

    /// Whether a version of the slot's line is what this entry became.
    pub(crate) fn became(&self, version: &SaveVersion) -> bool {
        version.sequence.is_some()
            && version.hash == self.shape.hash
            && !version.device_clock.is_empty()
            && version.device_clock == self.stamp.device_clock
            && (self.after.is_some() || Some(&version.parents) == self.parents.as_ref())
    }

    /// The entry as what the server kept of it.
    pub(crate) fn kept_as(&self, version: &SaveVersion) -> SlotRecord {
        SlotRecord {
            slot: self.slot.clone(),
            key: Some(self.key.clone()),
            keys: self.stands_for.clone(),
            version: version.clone(),
            compression: Some(self.shape.compression),
        }
    }
}

/// What a merge takes from a version, but for the device clock.
pub(crate) fn meta_of(version: &SaveVersion) -> Meta {
    Meta {
        hlc: Hlc(version.hlc),
        device: version.device_id.clone(),
        device_name: version.device_name.clone(),
        playtime_ms: version.playtime_ms,
        schema: version.schema,
        saved_at_ms: version.saved_at_ms,
        label: version.label.clone(),
        app_version: version.app_version.clone(),
    }
}

/// What both clocks have seen; empty ("unknown") when that is more devices than a clock holds.
pub(crate) fn joined(a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut joined = a.clone();
    for (device, counter) in b {
        let known = joined.entry(device.clone()).or_default();
        *known = (*known).max(*counter);
    }
    if joined.len() > DEVICES_MAX { BTreeMap::new() } else { joined }
}

/// An entry, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) meta: EntryMeta,
    pub(crate) payload: Bytes,
    pub(super) path: PathBuf,
}

/// What a new entry is based on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    /// What this device last saw of the slot, or has queued for it.
    Seen,
    /// These versions.
    Exactly(Vec<VersionId>),
}

/// What this device holds of a slot that the server has not acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Unsent {
    pub(crate) meta: EntryMeta,
    pub(crate) payload: Bytes,
}

impl Unsent {
    pub(crate) fn packed(&self) -> Packed {
        Packed { shape: self.meta.shape.clone(), payload: self.payload.clone() }
    }
}

/// What became of an entry.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "conflicts are rare and short-lived: a box would reach every match"
)]
pub(crate) enum Outcome {
    Acked(SaveVersion),
    Conflict(Conflict),
    Refused(Error),
}

/// A file of the outbox, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) number: u64,
    /// After the number, so that `c` comes after `f`.
    pub(super) chained: bool,
    pub(super) stem: String,
    /// An autosave: a newer save of the slot takes its place, as long as it was not sent.
    pub(super) late: bool,
}

impl Name {
    pub(super) fn parse(text: &str) -> Option<Name> {
        let mut parts = text.split('-');
        let (number, stem, kind) = (parts.next()?, parts.next()?, parts.next()?);
        let number = u64::from_str_radix(number, 16).ok()?;
        let (chained, late) = match kind {
            "f" => (false, false),
            "c" => (true, false),
            "l" => (true, true),
            _ => return None,
        };
        Some(Name { number, chained, stem: stem.to_owned(), late }).filter(|name| name.text() == text)
    }

    pub(super) fn text(&self) -> String {
        let kind = match (self.chained, self.late) {
            (_, true) => 'l',
            (true, false) => 'c',
            (false, false) => 'f',
        };
        format!("{:016x}-{}-{kind}", self.number, self.stem)
    }
}
