//! What the calls of cloud saves take and give.

use crate::wire::Value;
use crate::wire::merge::{Choice, Decider, Policies, Suspicion};
use crate::wire::saves::{Conflict, Part, SaveVersion};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// What a slot holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An engine value: other engines and languages read it too.
    Value(Value),
    /// Bytes that only the game understands.
    Bytes(Bytes),
}

/// What is said about a save beside its content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SaveOptions {
    /// Words for the player's list of saves; at most 128 characters.
    pub label: String,
    /// Played time in milliseconds, as the game counts it; 0 when unknown.
    pub playtime_ms: i64,
    /// Named contents beside the main one, that change together with it: a thumbnail, screenshots, files. At most
    /// 16, each up to 1 GiB. `Some` sets a part, `None` removes it; parts that are not named stay as they are in the save that
    /// this one is made from.
    pub parts: Vec<(String, Option<Content>)>,
}

/// Where a save stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The slot.
    pub slot: String,
    /// True: durable on this device, and sent when the network allows. False: in the cloud.
    pub queued: bool,
    /// The version it became; none while it is queued. When the cloud had moved on and both were merged, the
    /// merge's version.
    pub version: Option<SaveVersion>,
}

/// A slot's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The version; none for a save of this device that has not been acknowledged.
    pub version: Option<SaveVersion>,
    /// The content, brought up to the definition's schema.
    pub content: Content,
    /// True when it comes from this device: an offline copy, or a newer save that has not been sent.
    pub from_cache: bool,
    /// What it holds beside its content: [`crate::Saves::load_part`] reads them.
    pub parts: Vec<Part>,
    /// The schema that it was saved with, before any migration; 0 when the game does not count them.
    pub schema: i64,
}

/// What becomes of a conflict, or of a save that the server refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// This device's save goes on top of the cloud's. A refused save is sent again.
    KeepLocal,
    /// The cloud's stays; this device's save is left in the slot's history, if it got that far.
    KeepCloud,
    /// This content, made of both, goes on top.
    Merged(Content),
    /// The merge goes on top, with these answers: the text of an ask's path, and what to take there. Every ask of
    /// [`ConflictInfo::asks`] needs one.
    Answers(Vec<(String, Choice)>),
}

/// Where a slot of the current player stands on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotStatus {
    /// The last save or load of this device is in the cloud.
    Synced,
    /// A save waits to be sent, or to be merged with what the cloud has.
    Queued,
    /// The cloud moved on and the player is needed: [`crate::Saves::resolve`] or [`crate::Saves::keep_both`].
    Conflict,
    /// The server refused the last save: [`crate::Saves::resolve`] sends it again or drops it.
    Failed,
    /// This device knows nothing of the slot, or nobody is logged in.
    Unknown,
}

/// A field that needs the player's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Where it is: keys from the outside in, joined by dots, list items in brackets. Empty for the whole save.
    pub path: String,
    /// The other fields that the same answer is for.
    pub also: Vec<String>,
    /// What both sides come from has there.
    pub base: Option<Value>,
    /// What this device has there.
    pub local: Option<Value>,
    /// What the cloud has there.
    pub cloud: Option<Value>,
}

/// A conflict that needs somebody: [`crate::Saves::resolve`] or [`crate::Saves::keep_both`] ends it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConflictInfo {
    /// The slot.
    pub slot: String,
    /// What both sides come from, when it is known.
    pub base: Option<Content>,
    /// What this device has: the newest save of it.
    pub local: Content,
    /// What the cloud has; none when the slot was deleted there.
    pub cloud: Option<Content>,
    /// The merge, with the cloud's side at each path that needs an answer; none for bytes, a deleted slot, or when the merge
    /// was not possible.
    pub merged: Option<Value>,
    /// The fields that need an answer. Empty when there is no merge: then one of the sides is to be picked, or
    /// a content made of both.
    pub asks: Vec<Ask>,
    /// What makes a side look like an accident: then the whole save is the one ask.
    pub suspicions: Vec<Suspicion>,
    /// The versions: the cloud's head, the newest ancestor, and this device's save, kept beside the head.
    pub conflict: Conflict,
}

/// Brings a value one or more schemas up: it gets the value and its schema, and gives the value in the
/// definition's schema, or why it cannot.
pub type Migrate = Arc<dyn Fn(Value, i64) -> Result<Value, String> + Send + Sync>;

/// Decides about a field with a custom policy; nothing when the player is to be asked. For the same question it
/// must give the same answer on every device.
pub type Custom = Arc<dyn Fn(&Question<'_>) -> Option<Value> + Send + Sync>;

/// What a [`Custom`] decides about: a field that both sides changed, differently.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The name that the policy gives the function.
    pub name: &'a str,
    /// Where the field is.
    pub path: &'a str,
    /// What both sides come from has there.
    pub base: Option<&'a Value>,
    /// What this device has there.
    pub local: Option<&'a Value>,
    /// What the cloud has there.
    pub cloud: Option<&'a Value>,
}

/// What a game says about its slots: how they are merged, and which schema it writes.
///
/// `migrate` and `custom` run on a thread of the SDK's own and may block there (to ask the game's main thread, for example),
/// but for 10 seconds at most: then the player is asked, or the load fails.
#[derive(Clone)]
pub struct Definition {
    /// How values are merged. The default merges by type, and asks where both sides changed the same.
    pub policies: Policies,
    /// The version of the game's data layout that this game writes and reads; 0 when it does not count them.
    pub schema: i64,
    /// Brings values of an older schema up. Without it they are taken as they are.
    pub migrate: Option<Migrate>,
    /// Decides about fields with a custom policy.
    pub custom: Option<Custom>,
    /// Who decides about a part that both sides changed: the later save, unless set. `Ask` cannot be it.
    pub parts: Decider,
    /// Who decides about contents that are bytes, when both sides changed them: the player, unless set.
    pub bytes: Decider,
}

impl Default for Definition {
    fn default() -> Definition {
        Definition {
            policies: Policies::default(),
            schema: 0,
            migrate: None,
            custom: None,
            parts: Decider::Latest,
            bytes: Decider::Ask,
        }
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("policies", &self.policies)
            .field("schema", &self.schema)
            .field("migrate", &self.migrate.is_some())
            .field("custom", &self.custom.is_some())
            .field("parts", &self.parts)
            .field("bytes", &self.bytes)
            .finish()
    }
}

/// Bytes of a [`SaveKey`].
pub const SAVE_KEY_LEN: usize = 32;

/// A key that only the player's devices have: see [`crate::Saves::set_save_key`].
#[derive(Clone, PartialEq, Eq)]
pub struct SaveKey(pub(crate) [u8; SAVE_KEY_LEN]);

impl SaveKey {
    /// The key of these bytes. They must be random, or made from a passphrase by a slow hash.
    pub fn new(bytes: [u8; SAVE_KEY_LEN]) -> SaveKey {
        SaveKey(bytes)
    }
}

impl fmt::Debug for SaveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaveKey(…)")
    }
}
