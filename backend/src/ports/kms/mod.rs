//! Keys that wrap other keys, and never leave their engine: files of this server, or a transit engine.
//!
//! A data key is wrapped by the newest key of the engine that the settings name, for one context: it opens for
//! no other. Which key wrapped it is said by its id, so that older generations, and the other engine, go on
//! opening what they wrapped until all of it is wrapped anew. A key that is not there is an error; in its place
//! none is ever made, for what it wrapped would be lost without a word.

mod config;
mod file;
mod vault;

pub use config::{KmsConfig, KmsKind};
pub use file::Replaced;

use crate::context::random;
use file::FileKeys;
use std::path::Path;
use vault::Vault;
use zeroize::Zeroizing;

/// Bytes of a data key.
pub const DATA_KEY_LEN: usize = 32;

/// A key as it is used; it does not stay in memory.
pub type DataKey = Zeroizing<[u8; DATA_KEY_LEN]>;

/// A new data key.
pub fn new_data_key() -> DataKey {
    Zeroizing::new(random())
}

/// A data key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The key that wrapped it.
    pub kek_id: String,
    /// What that key made of it.
    pub bytes: Vec<u8>,
}

/// Why the key service did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// Nobody answered: later it may.
    #[error("the key service cannot be reached: {0}")]
    Unreachable(String),
    /// It does not do it for this server: the operator has to do something.
    #[error("the key service refuses: {0}")]
    Refused(String),
    /// It has no such key, or no longer.
    #[error("the encryption key {0} is not there")]
    Missing(String),
    /// The key is there and does not open it: it was changed, moved, or wrapped by another key of that name.
    #[error("it does not open with the encryption key {0}")]
    Damaged(String),
}

/// The engines.
#[derive(Debug)]
enum Engine {
    /// Files in a folder.
    File(FileKeys),
    /// OpenBao or HashiCorp Vault.
    Vault(Vault),
}

/// Every engine that is set up.
#[derive(Debug)]
pub struct Kms {
    /// The one that wraps.
    newest: Engine,
    /// The one that only opens.
    other: Option<Engine>,
}

/// Whether a folder without keys gets its first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// Nothing is wrapped yet.
    Make,
    /// Something is, or somebody only looks.
    Expect,
}

impl Kms {
    /// Opens what the settings name, with the keys of `folder`. Asks no server yet.
    pub fn open(config: &KmsConfig, folder: &Path, first: First) -> Result<Kms, KmsError> {
        match config.kind {
            KmsKind::File => {
                let other = if config.vault_url.is_empty() { None } else { Some(Vault::open(config)?) };
                let newest = Engine::File(FileKeys::open(folder, first)?);
                Ok(Kms { newest, other: other.map(Engine::Vault) })
            }
            KmsKind::Vault => {
                let files = FileKeys::open(folder, First::Expect)?;
                let newest = Engine::Vault(Vault::open(config)?);
                Ok(Kms { newest, other: Some(Engine::File(files)) })
            }
        }
    }

    /// The engine that wraps, in words.
    pub fn engine(&self) -> String {
        match &self.newest {
            Engine::File(_) => "keys folder".into(),
            Engine::Vault(vault) => vault.name(),
        }
    }

    /// The key that wraps now.
    pub async fn current(&self) -> Result<String, KmsError> {
        match &self.newest {
            Engine::File(files) => files.current(),
            Engine::Vault(vault) => vault.current().await,
        }
    }

    /// Wraps a data key with the newest key. It opens for the same context only.
    pub async fn wrap(&self, context: &[u8], key: &DataKey) -> Result<Wrapped, KmsError> {
        match &self.newest {
            Engine::File(files) => files.wrap(context, key),
            Engine::Vault(vault) => vault.wrap(context, key).await,
        }
    }

    /// Opens a data key with the key that wrapped it.
    pub async fn unwrap(&self, context: &[u8], wrapped: &Wrapped) -> Result<DataKey, KmsError> {
        for engine in [Some(&self.newest), self.other.as_ref()].into_iter().flatten() {
            match engine {
                Engine::File(files) if files.owns(&wrapped.kek_id) => return files.unwrap(context, wrapped),
                Engine::Vault(vault) if vault.owns(&wrapped.kek_id) => {
                    return vault.unwrap(context, wrapped).await;
                }
                _ => {}
            }
        }
        Err(KmsError::Missing(wrapped.kek_id.clone()))
    }

    /// Wraps a data key anew with the newest key, and makes sure that it opens.
    pub async fn rewrap(&self, context: &[u8], wrapped: &Wrapped) -> Result<Wrapped, KmsError> {
        let key = self.unwrap(context, wrapped).await?;
        let anew = self.wrap(context, &key).await?;
        match *self.unwrap(context, &anew).await? == *key {
            true => Ok(anew),
            false => Err(KmsError::Damaged(anew.kek_id)),
        }
    }

    /// Whether it wraps and opens, tried with a key that is then thrown away; the key that did it.
    pub async fn probe(&self) -> Result<String, KmsError> {
        let key = new_data_key();
        let wrapped = self.wrap(b"probe", &key).await?;
        match *self.unwrap(b"probe", &wrapped).await? == *key {
            true => Ok(wrapped.kek_id),
            false => Err(KmsError::Damaged(wrapped.kek_id)),
        }
    }

    /// Whether the engine that wraps is another server.
    pub fn asks_a_server(&self) -> bool {
        matches!(self.newest, Engine::Vault(_))
    }

    /// Adds a generation, which wraps from now on; its id. Other servers find it by themselves.
    pub async fn rotate(&self) -> Result<String, KmsError> {
        match &self.newest {
            Engine::File(files) => files.rotate(),
            Engine::Vault(vault) => vault.rotate().await,
        }
    }

    /// Keys of the folder that a newer one replaced before a time, or that do not wrap any more at all.
    pub fn replaced(&self, before_ms: i64) -> Vec<Replaced> {
        match (&self.newest, &self.other) {
            (Engine::File(files), _) => files.replaced(before_ms, false),
            (_, Some(Engine::File(files))) => files.replaced(before_ms, true),
            _ => Vec::new(),
        }
    }

    /// Work to be done now and then: a vault's token is renewed.
    pub async fn tend(&self) -> Result<(), KmsError> {
        for engine in [Some(&self.newest), self.other.as_ref()].into_iter().flatten() {
            if let Engine::Vault(vault) = engine {
                vault.renew_token().await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
