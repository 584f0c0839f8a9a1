//! Cloud saves: slots, versions, conflicts, and the binary frame that carries a save without JSON.
//!
//! A version holds its data and up to [`PARTS_MAX`] named parts beside it (a thumbnail, screenshots, whole
//! files), all of which change together. What can be done with a slot's past is in [`history`], many saves
//! in one request in [`sync`], large parts in [`uploads`].

pub mod archive;
mod frame;
pub mod history;
mod parts;
pub mod sync;
pub mod uploads;

pub use frame::{encode_frame, encode_packed_frame, split_frame};
pub use parts::{
    GetPart, GetPartQuery, PART_LEN_MAX, PART_NAME_LEN_MAX, PARTS_MAX, Part, PutPart, check_part_name,
};

use crate::endpoint::{None, endpoint};
use crate::ids::VersionId;
use crate::page::{Page, PageQuery};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest slot name, in bytes of UTF-8.
pub const SLOT_LEN_MAX: usize = 128;
/// Largest content of one version, in bytes, uncompressed.
pub const SAVE_LEN_MAX: usize = 16 * 1024 * 1024;
/// Longest label of a version, in characters.
pub const LABEL_CHARS_MAX: usize = 128;
/// Most parents of a version: a plain save has one, a merge two.
pub const PARENTS_MAX: usize = 2;
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_LEN_MAX: usize = 64;
/// Longest id that a device gives itself, in bytes.
pub const DEVICE_ID_LEN_MAX: usize = 36;
/// Most devices in a version's clock: more than a player owns in years.
pub const DEVICES_MAX: usize = 64;
/// Longest version text of a game, in characters.
pub const APP_VERSION_CHARS_MAX: usize = 64;
/// Media type of [`encode_frame`]'s output.
pub const FRAME_MEDIA_TYPE: &str = "application/vnd.aethex.save";
/// Longest metadata part of a frame, in bytes.
pub const FRAME_HEADER_LEN_MAX: usize = 16 * 1024;
/// Slot names with a meaning in a path.
pub const SLOTS_RESERVED: &[&str] = &["history"];

/// Whether a text is a BLAKE3 hash in its one accepted spelling.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// What a slot's name breaks, in words; `Ok` when it may be used.
///
/// Any Unicode text of 1 to 128 bytes is a name, but for control characters, a few names with a meaning
/// in paths (`history`, `.`, `..`) and text that is white space at either end. Names are compared byte by byte: nothing is folded
/// or normalised.
pub fn check_slot(slot: &str) -> Result<(), &'static str> {
    if slot.is_empty() {
        return Err("a slot needs a name");
    }
    if slot.len() > SLOT_LEN_MAX {
        return Err("a slot's name has at most 128 bytes");
    }
    if slot.chars().any(char::is_control) {
        return Err("a slot's name has no control characters");
    }
    if slot.trim().len() != slot.len() {
        return Err("a slot's name does not begin or end with white space");
    }
    if matches!(slot, "." | "..") || SLOTS_RESERVED.contains(&slot) {
        return Err("this slot name is reserved: choose another");
    }
    Ok(())
}

/// What the content's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// An engine value in the codec of [`crate::value`]; JSON clients see its projection.
    Value,
    /// Bytes that only the game understands.
    Bytes,
    /// Bytes that the player's devices encrypted with a key that the backend does not have: it can neither read,
    /// compare, merge nor rebuild them.
    Sealed,
}

/// How the payload of a frame is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// One zstd frame (RFC 8878).
    Zstd,
    /// A patch of [`crate::delta`] against the data of the version that `base` names.
    Delta,
}

/// What made somebody look twice: the version took the place of a head that may be worth more. The head stays in the
/// history, and is kept as long as the losing side of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Suspicion {
    /// It is empty, and the head was not.
    Empty,
    /// It has under a quarter of the head's bytes, and the head had 1 KiB or more.
    MuchSmaller,
    /// Less was played than in the head.
    LessPlaytime,
    /// It was written by an older version of the game: its `schema` is lower.
    OlderSchema,
}

/// One version of a slot. Versions never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SaveVersion {
    /// The slot.
    pub slot: String,
    /// This version.
    pub version: VersionId,
    /// The versions it was made from: none, one, or two for a merge.
    pub parents: Vec<VersionId>,
    /// Place in the slot's line of heads, from 1; absent for a version that lost a conflict and is kept beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// What the content is.
    pub encoding: Encoding,
    /// BLAKE3 of the content, uncompressed, as 64 hexadecimal digits.
    pub hash: String,
    /// The content's size in bytes, uncompressed.
    pub size_bytes: i64,
    /// The player's words for this save; empty when there are none.
    pub label: String,
    /// Name of the device that made it; empty when unknown.
    pub device_name: String,
    /// Played time in milliseconds, as the game counts it; 0 when unknown.
    pub playtime_ms: i64,
    /// When the device made it, by its own clock, milliseconds since 1970 UTC: for display only.
    pub saved_at_ms: i64,
    /// When the backend stored it, milliseconds since 1970 UTC.
    pub stored_at_ms: i64,
    /// True for the mark that a delete leaves: it has no content.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What it holds beside its data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Id of the device that made it, as the device gave it; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_id: String,
    /// How many saves of each device it comes from, its own included: tells before, after and side by side without
    /// anybody's clock. Empty when unknown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_clock: BTreeMap<String, u64>,
    /// Hybrid logical clock: milliseconds since 1970 UTC times 65,536, plus a counter; 0 when unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hlc: i64,
    /// Version of the game's data layout; 0 when the game does not count them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub schema: i64,
    /// The game's version; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// True when retention must leave it alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// True when retention took its content away; the entry stays, so that what was made from it still has a past.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pruned: bool,
    /// What is odd about it, beside the head whose place it took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicions: Vec<Suspicion>,
}

impl SaveVersion {
    /// A version of which nothing is known but its place.
    pub fn new(slot: impl Into<String>, version: VersionId) -> SaveVersion {
        SaveVersion {
            slot: slot.into(),
            version,
            parents: Vec::new(),
            sequence: None,
            encoding: Encoding::Bytes,
            hash: String::new(),
            size_bytes: 0,
            label: String::new(),
            device_name: String::new(),
            playtime_ms: 0,
            saved_at_ms: 0,
            stored_at_ms: 0,
            deleted: false,
            parts: Vec::new(),
            device_id: String::new(),
            device_clock: BTreeMap::new(),
            hlc: 0,
            schema: 0,
            app_version: String::new(),
            pinned: false,
            pruned: false,
            suspicions: Vec::new(),
        }
    }
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A save with its content, in JSON. Exactly one of `data` and `data_base64` is present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Save {
    /// The version.
    #[serde(flatten)]
    pub version: SaveVersion,
    /// The content when it is a value: its JSON projection.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub data: Option<Value>,
    /// The content when it is bytes: base64 (RFC 4648 section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
}

/// A save to store.
///
/// In JSON exactly one of `data` and `data_base64` is present. In a frame neither is: the payload follows
/// the object, and `encoding` says what it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutSaveRequest {
    /// The slot: any text of 1 to 128 bytes.
    pub slot: String,
    /// The versions it was made from. Absent: append to whatever the head is. Empty: the slot must be new.
    /// The first must be the head, else the answer is 409 and the version is kept beside the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 2)))]
    pub parents: Option<Vec<VersionId>>,
    /// BLAKE3 of the content, uncompressed, in hexadecimal: refused when it does not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The player's words for this save.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Name of the device.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_name: String,
    /// Played time in milliseconds.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub playtime_ms: i64,
    /// When the device made it, by its own clock; the backend's time when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_at_ms: Option<i64>,
    /// Any JSON value; tagged objects stand for engine types (see WIRE).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub data: Option<Value>,
    /// Any bytes, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
    /// Frames only: what the payload is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Frames only: how the payload is compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Frames only, with compression `delta`: the version whose data the patch is against. `unknown_base` when it is not
    /// at hand: send the data in full, with a new idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<VersionId>,
    /// What it holds beside its data. In a frame the parts' bytes follow the data's, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 16)))]
    pub parts: Vec<PutPart>,
    /// Id of the device: at most 36 visible ASCII characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_id: String,
    /// How many saves of each device it comes from, its own included; at most 64 devices.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_clock: BTreeMap<String, u64>,
    /// Hybrid logical clock.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub hlc: i64,
    /// Version of the game's data layout.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub schema: i64,
    /// The game's version: at most 64 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    /// Instead of `parents`: the version that the save with this idempotency key became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A field that is there is `Some`, even when it is null: null is a value that can be saved.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Metadata of a frame that answers with a save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveFrame {
    /// The version.
    #[serde(flatten)]
    pub version: SaveVersion,
    /// How the payload is compressed.
    #[serde(default)]
    pub compression: Compression,
    /// With compression `delta`: the version whose data the patch is against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<VersionId>,
}

/// Why a save was not made the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conflict {
    /// What the slot holds now; it may be a delete's mark.
    pub head: SaveVersion,
    /// The newest version both sides come from; absent when they share none.
    pub ancestor: Option<SaveVersion>,
    /// The version just sent: stored beside the head, in the history, and to be named as second parent of a merge.
    pub kept: SaveVersion,
}

/// Which slots to list.
pub type ListSavesQuery = PageQuery;

/// Which version to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GetSaveQuery {
    /// A version of the slot's history; the head when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
    /// Frames only: a version whose data the caller has, so that the answer may be a patch against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<VersionId>,
}

/// Which history to read: newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// One slot; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Most items wanted: 1 to 200, 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 200)))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

endpoint!(
    /// Lists the player's slots: the head of each, by name.
    ListSaves, "list_saves", Get "/api/v1/saves/{user_id}", Player, 200, ListSavesQuery, None => Page<SaveVersion>);
endpoint!(
    /// Stores a new version in a slot.
    PutSave, "put_save", Post "/api/v1/saves/{user_id}", Player, 201, None, PutSaveRequest => SaveVersion);
endpoint!(
    /// Reads a slot's head, or one of its versions.
    GetSave, "get_save", Get "/api/v1/saves/{user_id}/{save_id}", Player, 200, GetSaveQuery, None => Save);
endpoint!(
    /// Deletes a slot with all its versions, for good.
    DeleteSave, "delete_save", Delete "/api/v1/saves/{user_id}/{save_id}", Player, 204, None, None => None);
endpoint!(
    /// Lists the versions of a slot, or of all slots, newest first.
    SaveHistory, "save_history", Get "/api/v1/saves/{user_id}/history", Player, 200, HistoryQuery, None => Page<SaveVersion>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_names_are_any_text_but_a_few() {
        for good in ["slot1", "日本語", "a/b", "..a", "Ünï 🎮", "con", "%2e%2e", "HISTORY"] {
            assert_eq!(check_slot(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "history", "a\0b", "a\nb", " a", "a\u{3000}", &"x".repeat(129)] {
            assert!(check_slot(bad).is_err(), "{bad:?}");
        }
    }
}
