//! What happened: what devices asked for and were told, and what reached the server.
//!
//! Everything has a number in one order of events. Contents are known by their hash, which is unique to a save.

use super::device::hash_of;
use aethex_sdk_core::wire::saves::SaveVersion;
use aethex_sdk_core::{Content, ErrorCode};
use std::collections::BTreeMap;

/// What a device was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The content's hash.
    Save(String),
    Load,
    Delete,
    /// The hash of the content that both sides became, if it is a new one.
    Resolve(Option<String>),
    /// The hash of what was restored.
    Restore(String),
    Flush,
    Other,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Done; a save is in the cloud as this version.
    Done(Option<String>),
    /// Durable on the device.
    Queued,
    /// Loaded a content, by its hash.
    Loaded(String),
    Failed(ErrorCode),
    /// Its process died first.
    Unknown,
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Op {
    pub(super) device: usize,
    pub(super) slot: String,
    pub(super) kind: Kind,
    pub(super) began: u64,
    pub(super) ended: Option<(u64, End)>,
}

impl Op {
    /// Whether the player was told that the content is safe.
    pub(super) fn is_acknowledged(&self) -> bool {
        match &self.ended {
            Some((_, End::Done(_) | End::Queued)) => true,
            Some((_, End::Failed(code))) => *code == ErrorCode::SavesConflict,
            _ => false,
        }
    }

    pub(super) fn end(&self) -> Option<&End> {
        self.ended.as_ref().map(|(_, end)| end)
    }

    /// Whether it may still have had an effect at this time.
    pub(super) fn may_last_until(&self, at: u64) -> bool {
        self.ended.as_ref().is_none_or(|(ended, _)| *ended >= at)
    }
}

/// A save that reached the server.
#[derive(Debug, Clone)]
pub(super) struct Put {
    pub(super) device: String,
    pub(super) slot: String,
    pub(super) hash: String,
    pub(super) key: String,
    pub(super) parents: Option<Vec<String>>,
    /// The key of the save whose version is its parent.
    pub(super) after: Option<String>,
    pub(super) came: u64,
    /// When the server was done with it, the status, and the version it became.
    pub(super) answered: Option<(u64, u16, Option<String>)>,
}

/// A delete that reached the server.
#[derive(Debug, Clone)]
pub(super) struct Deletion {
    pub(super) slot: String,
    pub(super) came: u64,
    pub(super) done: Option<(u64, u16)>,
}

/// A version that was shown.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) slot: String,
    /// Empty for a delete's mark.
    pub(super) hash: String,
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) ops: Vec<Op>,
    pub(super) puts: Vec<Put>,
    pub(super) deletions: Vec<Deletion>,
    /// The first version of each slot, as the server told it.
    pub(super) firsts: BTreeMap<String, serde_json::Value>,
    /// Versions that some device was shown, by their ids.
    pub(super) seen: BTreeMap<String, Seen>,
    /// Contents by their hash.
    pub(super) contents: BTreeMap<String, super::device::Made>,
    /// Whether saves are merged.
    pub(super) merges: bool,
    /// Merged contents that were read, by their hash.
    merged: BTreeMap<String, Content>,
    /// What is already known to be wrong.
    pub(super) wrong: Option<String>,
    pub(super) lines: Vec<String>,
    now: u64,
}

impl Ledger {
    /// The next number in the order of events.
    pub(super) fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    pub(super) fn begin(&mut self, device: usize, slot: &str, kind: Kind) -> usize {
        let began = self.tick();
        self.ops.push(Op { device, slot: slot.to_owned(), kind, began, ended: None });
        self.ops.len() - 1
    }

    pub(super) fn end(&mut self, op: usize, end: End) {
        let now = self.tick();
        self.ops[op].ended = Some((now, end));
    }

    pub(super) fn saw(&mut self, versions: &[SaveVersion]) {
        for version in versions {
            let seen = Seen { slot: version.slot.clone(), hash: version.hash.clone() };
            self.seen.insert(version.version.as_str().to_owned(), seen);
        }
    }

    /// A content that was read; where saves are merged, nobody may have saved it.
    pub(super) fn knows(&mut self, content: &Content) {
        let hash = hash_of(content);
        if self.merges && !self.contents.contains_key(&hash) {
            self.merged.insert(hash, content.clone());
        }
    }

    /// A content, saved or merged.
    pub(super) fn content(&self, hash: &str) -> Option<&Content> {
        let saved = self.contents.get(hash).map(|made| &made.content);
        saved.or_else(|| self.merged.get(hash))
    }

    pub(super) fn is_wrong(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }
}
