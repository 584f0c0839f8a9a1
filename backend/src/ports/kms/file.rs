//! Keys in a folder: `encryption-<milliseconds>.key`, a file a generation, the newest wraps.
//!
//! Several servers share the folder. A generation that another server added is found when something names it,
//! and at the latest by the next look. An id holds a print of the key, so that another key under the same name
//! is told from a lost one.

use super::config::KEKS_MAX;
use super::{DATA_KEY_LEN, DataKey, First, KmsError, Wrapped};
use crate::context::{now_ms, random};
use crate::keyfile;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use parking_lot::RwLock;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const PREFIX: &str = "encryption-";
const ENDING: &str = ".key";
/// The first generation's time: servers that start together make the same file.
const FIRST_MS: i64 = 0;
const NONCE_LEN: usize = 24;
/// The first byte of what was wrapped: this layout, XChaCha20-Poly1305.
const FORMAT: u8 = 1;
/// Domain of the print in an id.
const PRINT: &str = "AeThex Cloud 2026-11 print of an encryption key";
/// Bytes of the print: it tells keys apart, and nothing of them.
const PRINT_LEN: usize = 8;

/// A key that wraps.
struct Kek {
    id: String,
    made_at_ms: i64,
    key: Zeroizing<[u8; DATA_KEY_LEN]>,
}

/// A key that wraps no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its id.
    pub kek_id: String,
    /// Its file.
    pub path: PathBuf,
}

/// Every key of a folder.
pub(super) struct FileKeys {
    folder: PathBuf,
    /// Newest first.
    keks: RwLock<Arc<[Kek]>>,
}

impl std::fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keks.read().iter().map(|kek| &kek.id)).finish()
    }
}

impl FileKeys {
    pub(super) fn open(folder: &Path, first: First) -> Result<FileKeys, KmsError> {
        let failed = |error: io::Error| unusable(folder, &error);
        if first == First::Make {
            std::fs::create_dir_all(folder).map_err(failed)?;
            if files(folder).map_err(failed)?.is_empty() {
                keyfile::read_or_make(&folder.join(name(FIRST_MS))).map_err(failed)?;
            }
        }
        let keks = read(folder).map_err(failed)?;
        Ok(FileKeys { folder: folder.to_owned(), keks: RwLock::new(keks) })
    }

    pub(super) fn owns(&self, kek_id: &str) -> bool {
        kek_id.starts_with("file:")
    }

    /// The newest key, as the folder is now.
    pub(super) fn current(&self) -> Result<String, KmsError> {
        self.reload()?;
        self.newest(|kek| kek.id.clone())
    }

    pub(super) fn wrap(&self, context: &[u8], key: &DataKey) -> Result<Wrapped, KmsError> {
        self.newest(|kek| {
            let nonce = random::<NONCE_LEN>();
            let payload = Payload { msg: key.as_slice(), aad: context };
            let text = XChaCha20Poly1305::new((&*kek.key).into())
                .encrypt(&XNonce::from(nonce), payload)
                .expect("a key is short enough to encrypt");
            Wrapped { kek_id: kek.id.clone(), bytes: [&[FORMAT], nonce.as_slice(), &text].concat() }
        })
    }

    pub(super) fn unwrap(&self, context: &[u8], wrapped: &Wrapped) -> Result<DataKey, KmsError> {
        let keks = self.keks.read().clone();
        let keks = match keks.iter().any(|kek| kek.id == wrapped.kek_id) {
            true => keks,
            // Perhaps another server has just made it.
            false => {
                self.reload()?;
                self.keks.read().clone()
            }
        };
        let kek = keks.iter().find(|kek| kek.id == wrapped.kek_id);
        let kek = kek.ok_or_else(|| KmsError::Missing(wrapped.kek_id.clone()))?;
        open(kek, context, &wrapped.bytes).ok_or_else(|| KmsError::Damaged(wrapped.kek_id.clone()))
    }

    /// Adds a generation behind all that are there, whatever the clock says.
    pub(super) fn rotate(&self) -> Result<String, KmsError> {
        self.reload()?;
        let newest_ms = self.keks.read().first().map_or(FIRST_MS, |kek| kek.made_at_ms);
        let path = self.folder.join(name(now_ms().max(newest_ms + 1)));
        let made = std::fs::create_dir_all(&self.folder).and_then(|()| keyfile::read_or_make(&path));
        made.map(Zeroizing::new).map_err(|error| unusable(&self.folder, &error))?;
        self.current()
    }

    pub(super) fn replaced(&self, before_ms: i64, newest_too: bool) -> Vec<Replaced> {
        let keks = self.keks.read().clone();
        let next_ms = keks.iter().map(|kek| kek.made_at_ms);
        let next_ms = std::iter::once(if newest_too { FIRST_MS } else { i64::MAX }).chain(next_ms);
        let old = keks.iter().zip(next_ms).filter(|(_, replaced_at_ms)| *replaced_at_ms < before_ms);
        let replaced = old.map(|(kek, _)| Replaced {
            kek_id: kek.id.clone(),
            path: self.folder.join(name(kek.made_at_ms)),
        });
        replaced.collect()
    }

    fn newest<T>(&self, of: impl FnOnce(&Kek) -> T) -> Result<T, KmsError> {
        let keks = self.keks.read().clone();
        let missing = || KmsError::Missing(format!("of the folder {}", self.folder.display()));
        keks.first().map(of).ok_or_else(missing)
    }

    /// Looks for generations that were added or removed.
    fn reload(&self) -> Result<(), KmsError> {
        let failed = |error: io::Error| unusable(&self.folder, &error);
        let found = files(&self.folder).map_err(failed)?;
        let known = self.keks.read().clone();
        if known.iter().map(|kek| kek.made_at_ms).eq(found) {
            return Ok(());
        }
        let keks = read(&self.folder).map_err(failed)?;
        tracing::info!(
            newest = keks.first().map_or("", |kek| kek.id.as_str()),
            keys = keks.len(),
            "encryption keys were read anew"
        );
        *self.keks.write() = keks;
        Ok(())
    }
}

fn unusable(folder: &Path, error: &io::Error) -> KmsError {
    KmsError::Refused(format!("cannot use the keys in {}: {error}", folder.display()))
}

fn name(made_at_ms: i64) -> String {
    format!("{PREFIX}{made_at_ms:013}{ENDING}")
}

/// The times in the names of the folder's keys, newest first.
fn files(folder: &Path) -> io::Result<Vec<i64>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        let file = file.to_str().unwrap_or_default();
        let time = file.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(ENDING));
        let Some(time) = time.and_then(|time| time.parse().ok()) else { continue };
        if file == name(time) {
            found.push(time);
        }
    }
    if found.len() > KEKS_MAX {
        return Err(io::Error::other(format!("there are more than {KEKS_MAX} encryption keys")));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

fn read(folder: &Path) -> io::Result<Arc<[Kek]>> {
    let keks = files(folder)?.into_iter().map(|made_at_ms| {
        let key = Zeroizing::new(keyfile::read(&folder.join(name(made_at_ms)))?);
        let print = crate::auth::hex(&blake3::derive_key(PRINT, key.as_slice())[..PRINT_LEN]);
        Ok(Kek { id: format!("file:{made_at_ms:013}-{print}"), made_at_ms, key })
    });
    keks.collect()
}

fn open(kek: &Kek, context: &[u8], wrapped: &[u8]) -> Option<DataKey> {
    let (nonce, text) = wrapped.strip_prefix(&[FORMAT])?.split_first_chunk::<NONCE_LEN>()?;
    let payload = Payload { msg: text, aad: context };
    let cipher = XChaCha20Poly1305::new((&*kek.key).into());
    let key = Zeroizing::new(cipher.decrypt(&XNonce::from(*nonce), payload).ok()?);
    key.as_slice().try_into().ok().map(Zeroizing::new)
}
