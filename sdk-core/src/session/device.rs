//! This device's key as a guest: made once, kept for good.
//!
//! Whoever has the key is the guest, and without it the guest's account is out of reach. So it has a file of
//! its own, sealed like the session's, that no login or logout touches; and one that cannot be read is never
//! replaced: the keyring may be open again tomorrow.

use super::vault::Header;
use super::vault::{KEY_LEN, KeyPlace, Vault, open, random};
use crate::Error;
use aethex_wire::ErrorCode;
use aethex_wire::auth::identities::DEVICE_KEY_LEN;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

impl Vault {
    /// The guest's key: made, durably, when there is none. One that cannot be read is an error, never replaced.
    /// The caller holds the lock.
    pub(crate) fn device_key(&self) -> Result<String, Error> {
        let failed = |error: io::Error| Error::storage("keeping the guest's key", &error);
        if !self.keeps() {
            let mut kept = self.memory_device_key.lock();
            let key = kept.take().map_or_else(new_device_key, Ok).map_err(failed)?;
            return Ok(kept.insert(key).clone());
        }
        let path = self.device_key_file();
        match self.read_file(&path) {
            Ok(None) => {}
            Ok(Some((header, sealed))) => {
                let Some(key) = self.key_of(header.key, false) else {
                    return Err(unreadable("the key that opens it cannot be read: is the keyring locked?"));
                };
                let plain = open(&key, header.nonce, &sealed, &self.device_key_name());
                let text = plain.and_then(|plain| String::from_utf8(plain).ok());
                let text = text.filter(|text| text.len() == DEVICE_KEY_LEN);
                return text.ok_or_else(|| unreadable("it does not open with this device's key"));
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(unreadable("the file is damaged"));
            }
            Err(error) => return Err(failed(error)),
        }
        let key = new_device_key().map_err(failed)?;
        self.write_sealed(&path, key.as_bytes(), &self.device_key_name()).map_err(failed)?;
        Ok(key)
    }

    /// Throws the guest's key away. The caller holds the lock.
    pub(crate) fn forget_device_key(&self) -> Result<(), Error> {
        *self.memory_device_key.lock() = None;
        if !self.disk.exists(&self.device_key_file()) {
            return Ok(());
        }
        let removed = self.disk.remove(&self.device_key_file());
        removed.map_err(|error| Error::storage("forgetting the guest's key", &error))
    }

    fn device_key_file(&self) -> PathBuf {
        self.folder.join("guest")
    }

    fn device_key_name(&self) -> String {
        format!("{}/guest", self.name)
    }

    /// Whether the guest's key waits for one that was in the keyring. Then nothing may take that one's place
    /// there: a keyring that is locked or restored may have it again.
    pub(super) fn guest_needs_keyring(&self) -> bool {
        matches!(
            self.read_file(&self.device_key_file()),
            Ok(Some((Header { key: KeyPlace::Keyring, .. }, _)))
        )
    }
}

fn new_device_key() -> io::Result<String> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<KEY_LEN>()?))
}

fn unreadable(why: &str) -> Error {
    let message = format!(
        "this device has a guest's key that cannot be read ({why}). A new one would be another account, so \
         none is made: log in another way, or give the guest up for good with forget_guest"
    );
    Error::new(ErrorCode::Storage, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, CredentialStore};

    fn vault(dir: &std::path::Path) -> Vault {
        Vault::new(&Config { credentials: CredentialStore::File, ..Config::new(dir) })
    }

    #[test]
    fn the_key_is_made_once_and_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let key = vault(dir.path()).device_key().unwrap();
        assert_eq!(key.len(), DEVICE_KEY_LEN);
        assert_eq!(vault(dir.path()).device_key().unwrap(), key);
        let file = std::fs::read(vault(dir.path()).device_key_file()).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains(&key));
        vault(dir.path()).forget_device_key().unwrap();
        vault(dir.path()).forget_device_key().unwrap();
        assert_ne!(vault(dir.path()).device_key().unwrap(), key);
    }

    #[test]
    fn one_that_cannot_be_read_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let key = vault(dir.path()).device_key().unwrap();
        let opener = vault(dir.path()).folder.join("key");
        for path in [vault(dir.path()).device_key_file(), opener] {
            let good = std::fs::read(&path).unwrap();
            std::fs::write(&path, &good[..good.len() - 3]).unwrap();
            for _ in 0..2 {
                assert_eq!(vault(dir.path()).device_key().unwrap_err().code, ErrorCode::Storage);
            }
            std::fs::write(&path, good).unwrap();
            assert_eq!(vault(dir.path()).device_key().unwrap(), key);
        }
    }

    #[test]
    fn a_failed_write_makes_no_guest() {
        for steps in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let cut = vault(dir.path());
            cut.disk.fuse.burn_after(steps);
            let made = cut.device_key();
            let found = vault(dir.path()).device_key().unwrap();
            assert!(made.is_err() || made.is_ok_and(|made| made == found), "step {steps}");
            if !cut.disk.fuse.burnt() {
                break;
            }
        }
    }
}
