//! Limits and settings of cloud saves.

use serde::{Deserialize, Serialize};

/// Contents up to this size lie in the version's row: one durable write instead of three. Larger ones go
/// to the blob store first.
pub(crate) const INLINE_LEN_MAX: usize = 64 * 1024;
/// Largest frame or JSON body: the content in base64, with room for metadata.
pub(crate) const BODY_LEN_MAX: usize = aethex_wire::saves::SAVE_LEN_MAX / 3 * 4 + 64 * 1024;
/// Times an append is tried again because another writer was faster: each time one of them got through.
pub(crate) const APPEND_TRIES: usize = 64;
/// Versions walked back in search of an ancestor: side branches are short.
pub(crate) const ANCESTOR_STEPS_MAX: usize = 64;
/// Players whose use of space is remembered.
pub(crate) const USAGE_CACHE_MAX: usize = 50_000;
/// How long a remembered use of space counts before it is read again.
pub(crate) const USAGE_FRESH_MS: i64 = 60_000;
/// How long the mark of a deleted version stays: a device may be offline that long and still be told.
pub(crate) const PURGED_KEPT_MS: i64 = 30 * 24 * 3600 * 1000;

/// Settings of cloud saves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SavesConfig {
    /// Bytes that a player's versions may take, all slots together.
    pub quota_bytes: i64,
    /// Versions that a player may have, all slots together.
    pub versions_max: i64,
    /// Encryption of contents at rest.
    pub encryption: EncryptionConfig,
}

/// Encryption of contents at rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncryptionConfig {
    /// Whether new contents are encrypted. What is encrypted already stays readable either way.
    pub enabled: bool,
}

impl Default for EncryptionConfig {
    fn default() -> EncryptionConfig {
        EncryptionConfig { enabled: true }
    }
}

impl Default for SavesConfig {
    fn default() -> SavesConfig {
        SavesConfig {
            quota_bytes: 1024 * 1024 * 1024,
            versions_max: 100_000,
            encryption: EncryptionConfig::default(),
        }
    }
}
