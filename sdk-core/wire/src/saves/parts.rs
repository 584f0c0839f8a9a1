//! What a version holds beside its data: named contents that change together with it.

use super::{Compression, Encoding};
use crate::endpoint::{None, endpoint};
use crate::ids::VersionId;
use serde::{Deserialize, Serialize};

/// Most parts of a version.
pub const PARTS_MAX: usize = 16;
/// Longest name of a part, in bytes of UTF-8.
pub const PART_NAME_LEN_MAX: usize = 64;
/// Largest part, in bytes, uncompressed. Those over [`super::SAVE_LEN_MAX`] go by [`super::uploads`].
pub const PART_LEN_MAX: i64 = 1024 * 1024 * 1024;

/// What a part's name breaks, in words. `data` names the version's data.
pub fn check_part_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > PART_NAME_LEN_MAX {
        return Err("a part's name has 1 to 64 bytes");
    }
    if name.chars().any(char::is_control) || name.trim().len() != name.len() {
        return Err("a part's name has no control characters and no white space at either end");
    }
    if matches!(name, "." | ".." | "data") {
        return Err("this part name is reserved: choose another");
    }
    Ok(())
}

/// A part of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it is.
    pub encoding: Encoding,
    /// BLAKE3 of its bytes, uncompressed, as 64 hexadecimal digits.
    pub hash: String,
    /// Its size in bytes, uncompressed.
    pub size_bytes: i64,
}

/// A part to store.
///
/// Without bytes (`len` in a frame, `data_base64` in JSON) the part is one that the player has stored already, named by
/// its `hash`: in another version, or by an upload. `unknown_part` when it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutPart {
    /// Its name: 1 to 64 bytes, not `data`.
    pub name: String,
    /// What it is; bytes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// BLAKE3 of its bytes, uncompressed; needed when the bytes are not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Frames only: how many bytes of the payload are this part's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub len: Option<u32>,
    /// Frames only: how those bytes are compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Frames only, with compression `delta`: the hash of the stored part that the patch is against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
    /// JSON only: its bytes in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
}

/// Which version's part to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GetPartQuery {
    /// A version of the slot's history; the head when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionId>,
}

endpoint!(
    /// Reads a part of a slot's head, or of one of its versions: its bytes, with its hash as `ETag`.
    GetPart, "get_part", Get "/api/v1/saves/{user_id}/{save_id}/parts/{part}", Player, 200, GetPartQuery, None => None);
