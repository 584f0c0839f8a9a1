//! What a player has, in the histories whose saves are merged: every save wins something with a name of its own.
//!
//! A set holds the names. Everything else follows from them: coins, wins by device, the best and the worst win. So
//! any content tells by itself whether the merges before it counted something twice, or lost it.

use super::Fault;
use aethex_sdk_core::wire::merge::{Bounds, Policy};
use aethex_sdk_core::wire::value::Array;
use aethex_sdk_core::{Content, Decider, Definition, Policies, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes that a save's note is padded with: below what a merge takes for an accident.
const NOTE_LEN_MAX: u64 = 300;

/// What a player has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Names, each of a device and a number: `0.7`.
    pub(super) won: BTreeSet<String>,
    /// The newest of them.
    pub(super) last: String,
}

/// How the game merges it.
pub(super) fn definition(fault: Fault) -> Definition {
    let sum = || match fault {
        Fault::CoinsOfTheLater => Policy::Latest,
        _ => Policy::Sum(Bounds::default()),
    };
    let policies = Policies::new()
        .with("won", Policy::Union)
        .and_then(|policies| policies.with("coins", sum()))
        .and_then(|policies| policies.with("by.*", Policy::Sum(Bounds::default())))
        .and_then(|policies| policies.with("best", Policy::Max(Bounds::default())))
        .and_then(|policies| policies.with("worst", Policy::Min(Bounds::default())))
        .and_then(|policies| policies.with("last,note", Policy::Group { by: Decider::Latest }));
    Definition { policies: policies.unwrap(), ..Definition::default() }
}

/// A number that belongs to a name.
fn number_of(name: &str, below: u64) -> u64 {
    let (first, _) =
        blake3::hash(name.as_bytes()).as_bytes().split_first_chunk().map(|(a, b)| (*a, b)).unwrap();
    u64::from_le_bytes(first) % below
}

/// The coins of a win; now and then some are paid.
fn coins_of(name: &str) -> i64 {
    number_of(name, 24) as i64 - 4
}

fn note_of(name: &str) -> Value {
    let len = number_of(name, NOTE_LEN_MAX) as usize;
    Value::PackedByteArray(name.bytes().cycle().take(len).collect())
}

/// The device of a win.
pub(super) fn device_of(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

impl Progress {
    pub(super) fn win(&mut self, name: &str) {
        self.won.insert(name.to_owned());
        name.clone_into(&mut self.last);
    }

    pub(super) fn content(&self) -> Content {
        let coins = || self.won.iter().map(|name| coins_of(name));
        let mut by: BTreeMap<String, i64> = BTreeMap::new();
        for name in &self.won {
            *by.entry(format!("d{}", device_of(name))).or_default() += 1;
        }
        let items = self.won.iter().cloned().map(Value::String).collect();
        Content::Value(Value::dictionary([
            ("won", Value::Array(Array { items, ..Array::default() })),
            ("coins", Value::Int(coins().sum())),
            ("by", Value::dictionary(by.into_iter().map(|(device, wins)| (device, Value::Int(wins))))),
            ("best", Value::Int(coins().max().unwrap_or_default())),
            ("worst", Value::Int(coins().min().unwrap_or_default())),
            ("last", Value::String(self.last.clone())),
            ("note", note_of(&self.last)),
        ]))
    }

    /// What a content says; an error when its numbers are not those of its names.
    pub(super) fn read(content: &Content) -> Result<Progress, String> {
        let Content::Value(value) = content else { return Err("bytes are no progress".to_owned()) };
        let Some(Value::Array(array)) = value.get("won") else { return Err("there are no wins".to_owned()) };
        let names = array.items.iter().map(|item| match item {
            Value::String(name) => Ok(name.clone()),
            other => Err(format!("{other:?} is no win")),
        });
        let won = names.collect::<Result<BTreeSet<String>, String>>()?;
        let Some(Value::String(last)) = value.get("last") else {
            return Err("no win is the last".to_owned());
        };
        let progress = Progress { won, last: last.clone() };
        if array.items.len() != progress.won.len() {
            return Err("a win is there twice".to_owned());
        }
        if !progress.won.is_empty() && !progress.won.contains(last) {
            return Err(format!("the last win {last} is none"));
        }
        let Content::Value(wanted) = progress.content() else { return Err("unreachable".to_owned()) };
        for field in ["coins", "by", "best", "worst", "note"] {
            let (found, wanted) = (value.get(field).map(sorted), wanted.get(field).map(sorted));
            if found != wanted {
                return Err(format!("{field} is {found:?}, and the wins make {wanted:?}"));
            }
        }
        Ok(progress)
    }
}

/// A dictionary in the order of its keys: which a merge is free to choose.
fn sorted(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Dictionary(dictionary) = &mut value {
        dictionary.entries.sort_by_key(|(key, _)| format!("{key:?}"));
    }
    value
}
