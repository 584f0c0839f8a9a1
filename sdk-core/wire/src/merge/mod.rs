//! The three-way merge of saves: two devices changed the same save apart from each other, and neither loses
//! what was played.
//!
//! [`merge`] takes the common ancestor and both sides and goes through them field by field. A field that only
//! one side changed is that side's. Where both changed it, the game's [`Policies`] decide, and where none does
//! the player is asked: [`Merged::asks`] names only the fields that need an answer. Pure and deterministic:
//! two devices that merge the same pair get the same bytes, whichever is local.
//!
//! | Policy | For | What happens when both devices changed it |
//! |---|---|---|
//! | `max`, `min` | high score, best time | the larger, the smaller number; `floor`, `ceil` bound it |
//! | `sum` (`counter`) | coins, kills | the ancestor's number plus what each side added or took |
//! | `union` | unlocked levels | everything that either side has; nothing is ever removed |
//! | `intersect` | options both still have | what both sides have |
//! | `ordered_set` | quests, recipes | additions and removals of both, in order of first appearance |
//! | `append` | logs | what both added, the earlier device's first; removals hold |
//! | `list` (`key`) | inventory | records with the same key are merged field by field |
//! | `map` | anything nested | field by field, as without a rule |
//! | `latest` (`last_writer`) | settings | the side saved later |
//! | `playtime` | story flags | the side with more playtime |
//! | `local`, `cloud` | graphics options | always this device's; always the cloud's |
//! | `group` (`by`) | position, level, checkpoint | all of them from one side |
//! | `text` | notes | line by line; overlapping lines are asked about |
//! | `ask` | character class | the player is asked |
//! | `custom` (`name`) | anything | the game's own function decides |
//!
//! Shapes of a rule, from a pattern of paths ([`Policies::add`]) to a policy:
//! `{"coins": "counter", "settings.*": "latest", "pos,level": "group",
//! "inventory": {"policy": "list", "key": "id"}, "hp": {"policy": "max", "floor": 0, "ceil": 100}}`.
//!
//! Without a rule, dictionaries are merged field by field, arrays by their edits when those do not overlap, and
//! the player is asked about the rest ([`Policies::set_default`]).

mod bytes;
mod commit;
mod diff3;
mod engine;
mod groups;
mod guards;
mod hash;
mod hlc;
mod items;
mod matcher;
mod numbers;
mod order;
mod path;
mod pattern;
mod policies;
mod policy;
mod same;
#[cfg(test)]
mod tests;
mod tree;
mod weigh;

pub use bytes::{BytesSide, Pick, merge_bytes};
pub use commit::{Meta, commit};
pub use guards::{Facts, SHRINK_FACTOR, SHRINK_SIZE_MIN, Suspicion, suspicions};
pub use hlc::{DRIFT_MAX_MS, HLC_MS_MAX, Hlc};
pub(crate) use path::write_key;
pub use path::{Path, Step};
pub use pattern::PATTERN_LEN_MAX;
pub use policies::{Policies, PolicyError, RULES_MAX, Rule};
pub use policy::{Bounds, Decider, Number, Policy};

use crate::value::{Value, ValueError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the three values of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The common ancestor.
    Base,
    /// What this device has.
    Local,
    /// What the cloud has.
    Cloud,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Which::Base => "base",
            Which::Local => "local",
            Which::Cloud => "cloud",
        })
    }
}

/// A version, as a merge sees it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its content.
    pub value: &'a Value,
    /// When it was saved.
    pub hlc: Hlc,
    /// The device that saved it, by its id.
    pub device: &'a str,
    /// Played time in milliseconds; 0 when unknown.
    pub playtime_ms: i64,
    /// The game's schema number.
    pub schema: i64,
}

impl<'a> Side<'a> {
    /// A version of which only the content is known.
    pub fn new(value: &'a Value) -> Side<'a> {
        Side { value, hlc: Hlc::default(), device: "", playtime_ms: 0, schema: 0 }
    }
}

/// What is merged, and how.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    /// The newest version that both sides come from; none when it is unknown.
    pub base: Option<Side<'a>>,
    /// What this device has.
    pub local: Side<'a>,
    /// What the cloud has.
    pub cloud: Side<'a>,
    /// The game's rules.
    pub policies: &'a Policies,
    /// Whether a side that looks like an accident ([`suspicions`]) is asked about as a whole. False only when
    /// someone has already looked.
    pub guards: bool,
}

/// A field that needs an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Where it is; the first field of a group.
    pub path: Path,
    /// The other fields of a group: one answer is for all of them.
    pub also: Vec<Path>,
    /// What the ancestor has there; for a group a dictionary from the text of each path to its value.
    pub base: Option<Value>,
    /// What this device has there.
    pub local: Option<Value>,
    /// What the cloud has there.
    pub cloud: Option<Value>,
}

impl Ask {
    /// Every field that the answer is for.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.also)
    }

    fn side(&self, which: Which) -> Option<&Value> {
        match which {
            Which::Base => self.base.as_ref(),
            Which::Local => self.local.as_ref(),
            Which::Cloud => self.cloud.as_ref(),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// What this device has; where it has nothing, the field goes.
    Local,
    /// What the cloud has; where it has nothing, the field goes.
    Cloud,
    /// Something else; for a group a dictionary from the text of each path to its value.
    Value(Value),
}

/// A merged save.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The content. At each path that still needs an answer it has what the cloud has.
    pub value: Value,
    /// The fields that need an answer; empty for most merges.
    pub asks: Vec<Ask>,
    /// Sides that look like accidents, and why: then the whole save is the one ask.
    pub suspicions: Vec<(Which, Suspicion)>,
    answers: Vec<Option<Choice>>,
    /// What the value is built from again for every answer; nothing when nothing was asked.
    node: Option<tree::Node>,
}

/// Why nothing was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeError {
    /// The versions were made by different versions of the game: bring this one up to `wanted`, then merge
    /// again. It may take one step for each of the three.
    Schema {
        /// The version to migrate first.
        side: Which,
        /// Its schema number.
        found: i64,
        /// The newest schema number of the three.
        wanted: i64,
    },
    /// A value cannot be saved at all: nested too deeply, too large, a key twice.
    Value {
        /// Which one.
        side: Which,
        /// What is wrong with it.
        error: ValueError,
    },
    /// The merged value cannot be saved: together the sides are too large.
    Merged(ValueError),
    /// No field with this path needs an answer.
    NotAsked(Path),
    /// The answer cannot stand at this path.
    Answer {
        /// The path.
        path: Path,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeError::Schema { side, found, wanted } => {
                write!(f, "the {side} save has schema {found}: migrate it to {wanted} first")
            }
            MergeError::Value { side, error } => write!(f, "the {side} save cannot be merged: {error}"),
            MergeError::Merged(error) => write!(f, "the merged save cannot be kept: {error}"),
            MergeError::NotAsked(path) => write!(f, "nothing is asked about \"{path}\""),
            MergeError::Answer { path, why } => write!(f, "the answer for \"{path}\" does not fit: {why}"),
        }
    }
}

impl std::error::Error for MergeError {}

/// What a custom function decides about.
#[derive(Debug, Clone, Copy)]
pub struct Custom<'a> {
    /// The name that the policy gives it.
    pub name: &'a str,
    /// The field.
    pub path: &'a Path,
    /// What the ancestor has there.
    pub base: Option<&'a Value>,
    /// What this device has there.
    pub local: Option<&'a Value>,
    /// What the cloud has there.
    pub cloud: Option<&'a Value>,
}

/// Merges. Fields with a custom policy are asked about.
pub fn merge(input: &Merge<'_>) -> Result<Merged, MergeError> {
    merge_with(input, &mut |_| None)
}

/// Merges, with the game's own functions for custom policies. A function is called for each of its fields
/// that the two sides have different values of and that both changed; the player is asked when it returns
/// nothing. For the same questions it must give the same answers, on every device.
pub fn merge_with(
    input: &Merge<'_>,
    custom: &mut dyn FnMut(&Custom<'_>) -> Option<Value>,
) -> Result<Merged, MergeError> {
    engine::run(input, custom)
}

impl Merged {
    /// The fields that still have no answer.
    pub fn open(&self) -> impl Iterator<Item = &Ask> {
        self.asks.iter().zip(&self.answers).filter(|(_, answer)| answer.is_none()).map(|(ask, _)| ask)
    }

    /// Whether every ask has its answer: then `value` is what is saved.
    pub fn is_settled(&self) -> bool {
        self.answers.iter().all(Option::is_some)
    }

    /// Answers for a field, in place of an earlier answer if there is one, and brings `value` up to date.
    pub fn answer(&mut self, path: &Path, choice: Choice) -> Result<(), MergeError> {
        let asked = self.asks.iter().position(|ask| ask.paths().any(|one| one == path));
        let asked = asked.ok_or_else(|| MergeError::NotAsked(path.clone()))?;
        self.check(&self.asks[asked], &choice)?;
        let before = self.answers[asked].replace(choice);
        let value = self.build();
        // Only another value can make the whole one too deep or too large.
        if let Some(Choice::Value(_)) = &self.answers[asked]
            && let Err(error) = crate::value::encode(&value)
        {
            self.answers[asked] = before;
            return Err(MergeError::Answer { path: path.clone(), why: error.0 });
        }
        self.value = value;
        Ok(())
    }

    /// Answers every open ask alike: with what this device has, or what the cloud has. [`Which::Base`] changes
    /// nothing.
    pub fn answer_rest(&mut self, side: Which) {
        let choice = match side {
            Which::Base => return,
            Which::Local => Choice::Local,
            Which::Cloud => Choice::Cloud,
        };
        for answer in self.answers.iter_mut().filter(|answer| answer.is_none()) {
            *answer = Some(choice.clone());
        }
        self.value = self.build();
    }

    fn build(&mut self) -> Value {
        match &self.node {
            Some(node) => node.build(&self.asks, &self.answers).unwrap_or_default(),
            None => std::mem::take(&mut self.value),
        }
    }

    fn check(&self, ask: &Ask, choice: &Choice) -> Result<(), MergeError> {
        let Choice::Value(value) = choice else { return Ok(()) };
        let wrong = |why: &str| Err(MergeError::Answer { path: ask.path.clone(), why: why.into() });
        match value {
            _ if ask.also.is_empty() => Ok(()),
            Value::Dictionary(_) if ask.paths().any(|path| value.get(&path.to_string()).is_some()) => Ok(()),
            _ => wrong("for a group it is a dictionary from the text of each path to its value"),
        }
    }
}
