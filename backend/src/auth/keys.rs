//! Keys kept in the data folder: Ed25519 keys that sign access tokens, and the secret behind refresh
//! tokens and address digests. Several servers of one fleet share the folder `keys`.
//!
//! A new signing key (`aethex-cloud keys rotate`) is found by running servers within seconds. It is published
//! at once and signs after a while, when every server and every cache of the public keys knows it; tokens of
//! the key before go on being good until they end, so a rotation logs nobody out.

use crate::app::StartError;
use crate::context::now_ms;
use crate::keyfile::read_or_make;
use ed25519_dalek::SigningKey;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// PKCS#8 header of an Ed25519 private key (RFC 8410 section 7); the 32 bytes of the seed follow.
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Signing keys read: far more than are ever of use.
const PAIRS_MAX: usize = 32;

/// A signing key pair.
pub(crate) struct KeyPair {
    pub(crate) kid: String,
    pub(crate) public: [u8; 32],
    pub(crate) signing: jsonwebtoken::EncodingKey,
    pub(crate) verifying: jsonwebtoken::DecodingKey,
    /// From when on it may sign.
    settled_at_ms: i64,
}

/// All keys.
pub(crate) struct Keys {
    /// Newest first.
    pairs: RwLock<Arc<[Arc<KeyPair>]>>,
    pub(crate) secret: [u8; 32],
    folder: PathBuf,
    settle_ms: i64,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs().iter().map(|pair| &pair.kid)).finish()
    }
}

impl Keys {
    /// Reads the keys in `folder`, making what is missing.
    pub(crate) fn open(folder: &Path, settle_s: u64) -> Result<Keys, StartError> {
        let failed = |error: std::io::Error| {
            StartError(format!("cannot use the keys in {}: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let secret = read_or_make(&folder.join("secret.key")).map_err(failed)?;
        if signing_files(folder).map_err(failed)?.is_empty() {
            make_signing(folder).map_err(failed)?;
        }
        let settle_ms = i64::try_from(settle_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        let pairs = read_pairs(folder, settle_ms).map_err(failed)?;
        Ok(Keys { pairs: RwLock::new(pairs), secret, folder: folder.to_owned(), settle_ms })
    }

    /// Every pair, newest first.
    pub(crate) fn pairs(&self) -> Arc<[Arc<KeyPair>]> {
        self.pairs.read().clone()
    }

    /// The pair that signs: the newest that has settled, or the oldest when none has.
    pub(super) fn signing(&self) -> Arc<KeyPair> {
        let (pairs, now) = (self.pairs(), now_ms());
        let settled = pairs.iter().find(|pair| pair.settled_at_ms <= now);
        settled.or(pairs.last()).cloned().expect("there is a pair from the start on")
    }

    /// The pair of this name.
    pub(super) fn pair(&self, kid: &str) -> Option<Arc<KeyPair>> {
        self.pairs.read().iter().find(|pair| pair.kid == kid).cloned()
    }

    /// Looks for keys that were added or removed; whether there were any. A folder that cannot be read leaves
    /// the keys as they are.
    pub(super) fn reload(&self) -> std::io::Result<bool> {
        let known = self.pairs().len();
        let files = signing_files(&self.folder)?;
        let newest = files.iter().max().map(|path| settled_at(path, self.settle_ms));
        let same = files.len().min(PAIRS_MAX) == known
            && newest == self.pairs().first().map(|pair| pair.settled_at_ms);
        if files.is_empty() || same {
            return Ok(false);
        }
        let pairs = read_pairs(&self.folder, self.settle_ms)?;
        tracing::info!(signing = %pairs[0].kid, keys = pairs.len(), "signing keys were read anew");
        *self.pairs.write() = pairs;
        Ok(true)
    }
}

/// Adds a signing key to a folder; returns its name.
pub(crate) fn make_signing(folder: &Path) -> std::io::Result<String> {
    std::fs::create_dir_all(folder)?;
    let seed = read_or_make(&folder.join(format!("signing-{:013}.key", now_ms())))?;
    Ok(pair(&seed, 0).kid)
}

/// Removes signing keys that newer ones replaced before a time; returns how many.
pub(crate) fn remove_replaced(folder: &Path, before_ms: i64) -> std::io::Result<usize> {
    let mut files = signing_files(folder)?;
    files.sort_unstable();
    let mut removed = 0;
    for (old, newer) in files.iter().zip(files.iter().skip(1)) {
        if made_at(newer) < before_ms {
            std::fs::remove_file(old)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The time in a key file's name.
fn made_at(path: &Path) -> i64 {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    name.trim_start_matches("signing-").parse().unwrap_or_default()
}

fn settled_at(path: &Path, settle_ms: i64) -> i64 {
    made_at(path).saturating_add(settle_ms)
}

fn read_pairs(folder: &Path, settle_ms: i64) -> std::io::Result<Arc<[Arc<KeyPair>]>> {
    let mut files = signing_files(folder)?;
    // Newest first, by the time in the name.
    files.sort_unstable_by(|a, b| b.cmp(a));
    files.truncate(PAIRS_MAX);
    let pairs = files.iter().map(|path| {
        let seed = read_or_make(path)?;
        Ok(Arc::new(pair(&seed, settled_at(path, settle_ms))))
    });
    pairs.collect()
}

fn pair(seed: &[u8; 32], settled_at_ms: i64) -> KeyPair {
    let public = SigningKey::from_bytes(seed).verifying_key().to_bytes();
    let digest = Sha256::digest(public);
    let kid = super::tokens::hex(&digest[..8]);
    let pkcs8 = [PKCS8_ED25519.as_slice(), seed].concat();
    KeyPair {
        kid,
        public,
        signing: jsonwebtoken::EncodingKey::from_ed_der(&pkcs8),
        verifying: jsonwebtoken::DecodingKey::from_ed_der(&public),
        settled_at_ms,
    }
}

fn signing_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("signing-") && name.ends_with(".key") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_a_new_one_signs_when_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::open(folder.path(), 600).unwrap();
        let again = Keys::open(folder.path(), 600).unwrap();
        let kid = first.signing().kid.clone();
        assert_eq!(kid, again.signing().kid, "one that has not settled signs while it is alone");
        assert_eq!(first.secret, again.secret);
        read_or_make(&folder.path().join("signing-9999999999999.key")).unwrap();
        assert!(again.reload().unwrap());
        assert_eq!(again.pairs().len(), 2);
        assert_eq!(again.signing().kid, kid, "the new one is only published");
        let at_once = Keys::open(folder.path(), 0).unwrap();
        assert_eq!(at_once.signing().kid, kid, "a key of the future does not sign");
        read_or_make(&folder.path().join("signing-1999999999998.key")).unwrap();
        std::fs::remove_file(folder.path().join("signing-9999999999999.key")).unwrap();
        read_or_make(&folder.path().join("signing-0000000000001.key")).unwrap();
        let old = Keys::open(folder.path(), 0).unwrap();
        assert_eq!(old.signing().kid, kid);
        assert_eq!(remove_replaced(folder.path(), now_ms() - 1000).unwrap(), 0);
        assert_eq!(
            remove_replaced(folder.path(), now_ms() + 60_000).unwrap(),
            1,
            "only what a newer one replaced"
        );
    }
}
