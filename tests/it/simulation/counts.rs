//! What must be true of histories whose saves are merged: everything won is there once.

use super::judge::Case;
use super::ledger::{End, Kind, Op};
use super::progress::{Progress, device_of};
use aethex_sdk_core::wire::saves::SaveVersion;
use std::collections::BTreeSet;

impl Case<'_> {
    /// Every win of every save that the player was told of is in the head, and each version follows from those
    /// that it was made from.
    pub(super) fn everything_counts_once(&self) -> Result<(), String> {
        if !self.ledger.merges {
            return Ok(());
        }
        for version in &self.last.history {
            self.follows_from_its_parents(version)?;
        }
        let head = match self.line().pop() {
            Some(head) => self.progress(&head.hash)?,
            None => Progress::default(),
        };
        for op in self.ledger.ops.iter().filter(|op| op.slot == self.last.slot) {
            let known = self.told_before(op, u64::MAX)?;
            if let Some(lost) = known.difference(&head.won).next() {
                return Err(format!("the win {lost} was acknowledged, and is not in the head"));
            }
            self.load_has_what_the_device_saved(op)?;
        }
        Ok(())
    }

    fn progress(&self, hash: &str) -> Result<Progress, String> {
        let content = self.ledger.content(hash).ok_or_else(|| format!("the content {hash} was not read"))?;
        Progress::read(content)
    }

    fn follows_from_its_parents(&self, version: &SaveVersion) -> Result<(), String> {
        let about = |why: String| format!("{} of {}: {why}", version.version, version.device_name);
        let progress = self.progress(&version.hash).map_err(about)?;
        let mut before = BTreeSet::new();
        let mut lasts = Vec::new();
        for parent in &version.parents {
            let parent = self.last.history.iter().find(|other| other.version == *parent);
            let parent = self.progress(&parent.ok_or_else(|| about("no parent".to_owned()))?.hash)?;
            before.extend(parent.won);
            lasts.push(parent.last);
        }
        if let Some(lost) = before.difference(&progress.won).next() {
            return Err(about(format!("the win {lost} is not in it, and is in a parent")));
        }
        let mut added = progress.won.difference(&before);
        let is_merge = version.parents.len() > 1;
        // A game wins by itself, and may have failed to save before.
        let foreign = |name: &&String| is_merge || format!("d{}", device_of(name)) != version.device_name;
        if let Some(name) = added.find(foreign) {
            return Err(about(format!("the win {name} is in no parent")));
        }
        if is_merge && !lasts.contains(&progress.last) {
            return Err(about(format!("the last win {} is no parent's", progress.last)));
        }
        Ok(())
    }

    /// The wins of a save, if the player was told that it is safe before this time.
    fn told_before(&self, op: &Op, time: u64) -> Result<BTreeSet<String>, String> {
        match (&op.kind, &op.ended) {
            (Kind::Save(hash), Some((ended, _))) if op.is_acknowledged() && *ended < time => {
                Ok(self.progress(hash)?.won)
            }
            _ => Ok(BTreeSet::new()),
        }
    }

    fn load_has_what_the_device_saved(&self, load: &Op) -> Result<(), String> {
        let (Kind::Load, Some(End::Loaded(hash))) = (&load.kind, load.end()) else { return Ok(()) };
        let loaded = self.progress(hash)?;
        let mine = |op: &&Op| op.device == load.device && op.slot == load.slot;
        for op in self.ledger.ops.iter().filter(mine) {
            if let Some(lost) = self.told_before(op, load.began)?.difference(&loaded.won).next() {
                return Err(format!("d{} had saved the win {lost}, and loaded a game without", load.device));
            }
        }
        Ok(())
    }
}
