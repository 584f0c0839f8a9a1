//! A slot's past: differences, pins, restoring, branches; and what the player has used.

use super::SaveVersion;
use crate::endpoint::{None, endpoint};
use crate::ids::VersionId;
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// Most changes in one answer.
pub const CHANGES_MAX: usize = 1000;
/// Longest value in a change, encoded, in bytes: longer ones are left out, their size says so.
pub const CHANGE_VALUE_LEN_MAX: usize = 4096;
/// Bytes of all values and paths of an answer, encoded: values past it are left out too.
pub const CHANGES_VALUES_LEN_MAX: usize = 1024 * 1024;
/// Longest path of a change, in bytes: longer ones are cut and end with `…`.
pub const CHANGE_PATH_LEN_MAX: usize = 1024;

/// Which versions to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// The older one.
    pub from: VersionId,
    /// The newer one; the head when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<VersionId>,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only the newer one has it.
    Added,
    /// Only the older one has it.
    Removed,
    /// Both have it, with different values.
    Changed,
}

/// One difference between two values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// Where: keys from the outside in, joined by dots, as in merge policies; list items by their index in brackets. Empty for the
    /// whole.
    pub path: String,
    /// What kind.
    pub kind: ChangeKind,
    /// The older value, when there is one and it is not too long.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub from: Option<Value>,
    /// The newer value, when there is one and it is not too long.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::present")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub to: Option<Value>,
    /// Bytes of both values, encoded; 0 for one that is not there.
    pub from_bytes: i64,
    /// See `from_bytes`.
    pub to_bytes: i64,
}

/// What changed between two versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diff {
    /// The older one.
    pub from: SaveVersion,
    /// The newer one.
    pub to: SaveVersion,
    /// Changes of the data, in the newer one's order. For contents that are bytes: one change of the whole, without
    /// values.
    pub changes: Vec<Change>,
    /// Names of the parts that were added, removed or changed.
    pub parts: Vec<String>,
    /// True when there are more than 1,000 changes.
    pub truncated: bool,
}

/// What may be changed about a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutVersionRequest {
    /// Whether retention leaves it alone; as it was when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// The player's words for it; as they were when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Which version to make the head's content again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The version.
    pub version: VersionId,
    /// The head as the caller knows it: refused with `saves_conflict`, whose `kept` is the
    /// version asked for, when it moved on. Whatever the head is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<VersionId>,
}

/// What to begin a new slot with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BranchRequest {
    /// The new slot's name.
    pub to: String,
    /// A version of the slot in the path; its head when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
}

/// What a player has stored, and may store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quota {
    /// Bytes that the player's versions and parts take.
    pub used_bytes: i64,
    /// Bytes that they may take.
    pub max_bytes: i64,
    /// Versions stored.
    pub versions: i64,
    /// Versions that may be stored.
    pub versions_max: i64,
}

/// What a device tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutDeviceRequest {
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_name: String,
    /// The slot that is played on it; empty when none is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slot: String,
    /// Whether saves wait on it that the cloud does not have yet.
    #[serde(default)]
    pub unsent: bool,
}

/// A device of the player, as it last told of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Device {
    /// Its id.
    pub device_id: String,
    /// Its name.
    pub device_name: String,
    /// The slot that is played on it; empty when none is.
    pub slot: String,
    /// Whether saves wait on it that the cloud does not have yet.
    pub unsent: bool,
    /// When it last told so, milliseconds since 1970 UTC.
    pub seen_at_ms: i64,
    /// True when it told so in the last two minutes and plays a slot: playing the same slot elsewhere will diverge.
    pub active: bool,
}

/// The player's devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Devices {
    /// Those that told of themselves in the last 90 days, the latest first, at most 64.
    pub devices: Vec<Device>,
}

endpoint!(
    /// Tells what changed between two versions of a slot, value by value.
    DiffSaves, "diff_saves", Get "/api/v1/saves/{user_id}/{save_id}/diff", Player, 200, DiffQuery, None => Diff);
endpoint!(
    /// Pins a version, so that retention leaves it alone, or gives it other words.
    PutVersion, "put_version", Put "/api/v1/saves/{user_id}/{save_id}/versions/{version_id}", Player, 200, None, PutVersionRequest => SaveVersion);
endpoint!(
    /// Makes an old version the slot's content again, as a new version on top; nothing is removed.
    RestoreSave, "restore_save", Post "/api/v1/saves/{user_id}/{save_id}/restore", Player, 201, None, RestoreRequest => SaveVersion);
endpoint!(
    /// Begins a new slot with a version of this one.
    BranchSave, "branch_save", Post "/api/v1/saves/{user_id}/{save_id}/branch", Player, 201, None, BranchRequest => SaveVersion);
endpoint!(
    /// Tells what the player has stored, and may store.
    GetQuota, "get_quota", Get "/api/v1/saves-quota/{user_id}", Player, 200, None, None => Quota);
endpoint!(
    /// Tells what is played on a device; answers with all of the player's devices.
    PutDevice, "put_device", Put "/api/v1/saves-devices/{user_id}/{device_id}", Player, 200, None, PutDeviceRequest => Devices);
endpoint!(
    /// Lists the player's devices.
    ListDevices, "list_devices", Get "/api/v1/saves-devices/{user_id}", Player, 200, None, None => Devices);
