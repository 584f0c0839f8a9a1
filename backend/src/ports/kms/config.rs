//! Limits and settings of the key service.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Generations of keys that a folder may hold: far more than are ever of use.
pub(super) const KEKS_MAX: usize = 256;
/// Deadline for a key server's whole answer: it takes milliseconds, and a save waits for it.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Deadline for a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer read: a wrapped key has some hundred bytes, a key's description some KiB.
pub(super) const ANSWER_LEN_MAX: usize = 256 * 1024;
/// Requests to a key server at once: one that hangs does not gather every request of the server.
pub(super) const REQUESTS_MAX: usize = 64;
/// Idle connections kept.
pub(super) const IDLE_MAX: usize = 4;
/// Characters of a key server's reason that are logged.
pub(super) const REASON_CHARS_MAX: usize = 200;

/// The keys that wrap players' data keys.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KmsConfig {
    /// `file` (in the folder `keys`) or `vault` (the transit engine of OpenBao or HashiCorp Vault). What the other
    /// one wrapped stays readable while it can be reached.
    pub kind: KmsKind,
    /// For `vault`: its address; `https`, or `http` on loopback.
    pub vault_url: String,
    /// For `vault`: where the transit engine is mounted.
    pub vault_mount: String,
    /// For `vault`: the key's name. It must be there, of a type that takes associated data (`aes256-gcm96`).
    pub vault_key: String,
    /// For `vault`: the namespace, if there are any.
    pub vault_namespace: String,
    /// For `vault`: a token; it is renewed while the server runs.
    pub vault_token: String,
    /// For `vault`: a file with the token, read anew for each request, as an agent of the vault writes it.
    pub vault_token_file: String,
    /// For `vault`: PEM file with further certificate roots.
    pub vault_ca_file: String,
}

/// The engines that can wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KmsKind {
    /// Keys in the folder `keys`.
    File,
    /// A transit engine.
    Vault,
}

impl Default for KmsConfig {
    fn default() -> KmsConfig {
        KmsConfig {
            kind: KmsKind::File,
            vault_url: String::new(),
            vault_mount: "transit".into(),
            vault_key: "aethex-saves".into(),
            vault_namespace: String::new(),
            vault_token: String::new(),
            vault_token_file: String::new(),
            vault_ca_file: String::new(),
        }
    }
}

impl std::fmt::Debug for KmsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KmsConfig")
            .field("kind", &self.kind)
            .field("vault_url", &self.vault_url)
            .field("vault_mount", &self.vault_mount)
            .field("vault_key", &self.vault_key)
            .field("vault_token", &crate::config::hide(&self.vault_token))
            .finish_non_exhaustive()
    }
}
