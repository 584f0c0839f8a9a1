//! Where credentials rest: encrypted files (ChaCha20-Poly1305), a server and game: one with the session,
//! which comes and goes, and one with the guest's key, which is made once and never replaced.
//!
//! Their key lies in the operating system's keyring or, where there is none, in a file beside it that only
//! the same user can read. The first protects tokens from whoever gets the disk; the second keeps them
//! out of copies of single files, and no more. Files are replaced atomically; a lock between processes
//! keeps two of them from using one refresh token twice. Everything here blocks.

use super::keyring::{self, NoKey};
use crate::disk::{Disk, Lock, scope_folder};
use crate::{Config, CredentialStore, Error};
use aethex_wire::auth::{Tokens, User};
use aethex_wire::ids::{PlayerId, SessionId};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub(super) const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
/// A session and a few farewells are about 2 KB.
const FILE_LEN_MAX: usize = 64 * 1024;

pub(crate) type Key = [u8; KEY_LEN];

/// Everything the session keeps between starts.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) session: Option<StoredSession>,
    /// The guest that waits to be merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guest: Option<KeptGuest>,
    /// Refresh tokens of sessions that ended here while the server could not be told.
    #[serde(default)]
    pub(crate) farewells: Vec<String>,
}

/// The session, as it is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) user: User,
    pub(crate) session_id: SessionId,
    pub(crate) refresh_token: String,
}

/// A guest's session, kept when the player logged in to another account.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptGuest {
    pub(crate) session: StoredSession,
    /// Who logged in then: the only one the guest may be merged into.
    pub(crate) heir: PlayerId,
}

impl StoredSession {
    pub(crate) fn new(user: User, tokens: &Tokens) -> StoredSession {
        StoredSession {
            user,
            session_id: tokens.session_id.clone(),
            refresh_token: tokens.refresh_token.clone(),
        }
    }
}

impl Credentials {
    /// The session of this player: the one who is logged in, or the kept guest.
    pub(crate) fn session_of(&self, player: &PlayerId) -> Option<&StoredSession> {
        let guest = self.guest.as_ref().map(|guest| &guest.session);
        self.session.as_ref().into_iter().chain(guest).find(|session| session.user.id == *player)
    }

    pub(crate) fn remove_session_of(&mut self, player: &PlayerId) {
        self.session.take_if(|session| session.user.id == *player);
        self.guest.take_if(|guest| guest.session.user.id == *player);
    }

    /// Puts the newest tokens of a session in the place of its older ones.
    pub(crate) fn keep_refreshed(&mut self, session: StoredSession) {
        match &mut self.guest {
            Some(guest) if guest.session.session_id == session.session_id => guest.session = session,
            _ => self.session = Some(session),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("farewells", &self.farewells.len()).finish_non_exhaustive()
    }
}

/// Where the key lies that opens the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyPlace {
    Keyring,
    File,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) key: KeyPlace,
    pub(super) nonce: [u8; NONCE_LEN],
}

/// The credentials file.
#[derive(Debug)]
pub(crate) struct Vault {
    pub(super) disk: Disk,
    store: CredentialStore,
    /// Name of the key in the keyring, and bound to the file's content.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    key: Mutex<Option<CachedKey>>,
    /// What there is instead of the file for [`CredentialStore::Memory`].
    memory: Mutex<Credentials>,
    pub(super) memory_device_key: Mutex<Option<String>>,
}

#[derive(Clone, Copy)]
struct CachedKey {
    place: KeyPlace,
    key: Key,
}

impl std::fmt::Debug for CachedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedKey").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Vault {
    pub(crate) fn new(config: &Config) -> Vault {
        let folder = scope_folder(config);
        // Two folders on one machine are two devices: their keys are apart, too.
        let place = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
        Vault {
            disk: Disk::here(),
            store: config.credentials,
            name: crate::disk::file_stem(&place.to_string_lossy()),
            folder,
            key: Mutex::new(None),
            memory: Mutex::default(),
            memory_device_key: Mutex::default(),
        }
    }

    /// Whether anything outlives the process.
    pub(crate) fn keeps(&self) -> bool {
        self.store != CredentialStore::Memory
    }

    /// Whether there is a session, or was one, on the disk.
    pub(crate) fn has_file(&self) -> bool {
        !self.keeps() || self.disk.exists(&self.file())
    }

    /// Whether reading needs the keyring, which may block; otherwise reading takes well under a millisecond.
    pub(crate) fn needs_keyring(&self) -> bool {
        self.keeps()
            && matches!(self.read_file(&self.file()), Ok(Some((Header { key: KeyPlace::Keyring, .. }, _))))
            && self.key.lock().is_none()
    }

    /// The lock that a change of the file needs, or `None` while another process holds it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, Error> {
        if !self.keeps() {
            return Ok(None);
        }
        let path = self.folder.join("session.lock");
        self.disk.try_lock(&path).map_err(|error| Error::storage("locking the session", &error))
    }

    /// What the file holds; nothing when there is none or its key is lost. `patient` waits for a locked keyring.
    pub(crate) fn load(&self, patient: bool) -> Result<Credentials, Error> {
        if !self.keeps() {
            return Ok(self.memory.lock().clone());
        }
        let (header, sealed) = match self.read_file(&self.file()) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Credentials::default()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                tracing::warn!("the credentials file is damaged: the player must log in again");
                return Ok(Credentials::default());
            }
            Err(error) => return Err(Error::storage("reading the session", &error)),
        };
        let Some(key) = self.key_of(header.key, patient) else {
            tracing::warn!(place = ?header.key, "the credentials file's key cannot be read");
            return Err(Error::not_logged_in());
        };
        let plain = open(&key, header.nonce, &sealed, &self.name);
        let credentials = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        Ok(credentials.unwrap_or_else(|| {
            tracing::warn!("the credentials file does not open with its key: the player must log in again");
            Credentials::default()
        }))
    }

    /// Replaces what the file holds, durably.
    pub(crate) fn save(&self, credentials: &Credentials) -> Result<(), Error> {
        if !self.keeps() {
            *self.memory.lock() = credentials.clone();
            return Ok(());
        }
        let failed = |error: io::Error| Error::storage("keeping the session", &error);
        let path = self.file();
        // What a crash left half written; the caller holds the lock.
        self.disk.sweep(&self.folder);
        if *credentials == Credentials::default() {
            return self.disk.remove(&path).map_err(failed);
        }
        let plain = serde_json::to_vec(credentials).expect("credentials are plain data");
        self.write_sealed(&path, &plain, &self.name).map_err(failed)
    }

    pub(super) fn write_sealed(&self, path: &Path, plain: &[u8], name: &str) -> io::Result<()> {
        let CachedKey { place, key } = self.key_for_saving()?;
        let nonce = random::<NONCE_LEN>()?;
        let payload = Payload { msg: plain, aad: name.as_bytes() };
        let sealed = ChaCha20Poly1305::new(&key.into())
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
        self.disk.write_record(path, &Header { key: place, nonce }, &sealed)?;
        *self.key.lock() = Some(CachedKey { place, key });
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.folder.join("credentials")
    }

    pub(super) fn read_file(&self, path: &Path) -> io::Result<Option<(Header, bytes::Bytes)>> {
        self.disk.read_record(path, FILE_LEN_MAX)
    }

    pub(super) fn key_of(&self, place: KeyPlace, patient: bool) -> Option<Key> {
        if let Some(cached) = *self.key.lock()
            && cached.place == place
        {
            return Some(cached.key);
        }
        let key = match place {
            KeyPlace::File => self.key_file().ok().flatten(),
            KeyPlace::Keyring if patient => keyring::read_patiently(&self.name).ok(),
            KeyPlace::Keyring => keyring::read(&self.name).ok(),
        };
        if let Some(key) = key {
            *self.key.lock() = Some(CachedKey { place, key });
        }
        key
    }

    /// The key of the next file: the one in use, else one in the keyring, else one in a file.
    fn key_for_saving(&self) -> io::Result<CachedKey> {
        if let Some(cached) = *self.key.lock() {
            return Ok(cached);
        }
        if self.store == CredentialStore::Auto {
            match keyring::read(&self.name) {
                Ok(key) => return Ok(CachedKey { place: KeyPlace::Keyring, key }),
                Err(NoKey::Missing) if self.guest_needs_keyring() => {}
                Err(NoKey::Missing) => {
                    let key = random()?;
                    if keyring::store(&self.name, key).is_ok() {
                        return Ok(CachedKey { place: KeyPlace::Keyring, key });
                    }
                }
                Err(NoKey::Unavailable) => {}
            }
            tracing::debug!("no keyring here: the credentials file's key lies beside it");
        }
        if let Some(key) = self.key_file()? {
            return Ok(CachedKey { place: KeyPlace::File, key });
        }
        let key = random()?;
        self.disk.write_record(&self.folder.join("key"), &(), &key)?;
        Ok(CachedKey { place: KeyPlace::File, key })
    }

    fn key_file(&self) -> io::Result<Option<Key>> {
        match self.disk.read_record::<()>(&self.folder.join("key"), FILE_LEN_MAX) {
            Ok(file) => Ok(file.and_then(|((), key)| Key::try_from(&key[..]).ok())),
            // A damaged key opens nothing: the next save makes a new one.
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn open(key: &Key, nonce: [u8; NONCE_LEN], sealed: &[u8], name: &str) -> Option<Vec<u8>> {
    let payload = Payload { msg: sealed, aad: name.as_bytes() };
    ChaCha20Poly1305::new(&(*key).into()).decrypt(&Nonce::from(nonce), payload).ok()
}

pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &std::path::Path, store: CredentialStore) -> Config {
        Config { credentials: store, ..Config::new(dir) }
    }

    fn credentials() -> Credentials {
        let user = serde_json::json!({
            "id": "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f", "username": "ann", "email": "ann@example.com",
            "display_name": "Ann", "avatar_url": "", "version": 1, "created_at_ms": 5,
        });
        let session = serde_json::json!({
            "user": user, "session_id": "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e10", "refresh_token": "secret-token",
        });
        Credentials {
            session: serde_json::from_value(session).unwrap(),
            guest: None,
            farewells: vec!["old-token".to_owned()],
        }
    }

    fn files(dir: &std::path::Path) -> Vec<(PathBuf, Vec<u8>)> {
        let scope = std::fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
        let entries = std::fs::read_dir(scope).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    #[test]
    fn the_file_keeps_and_hides_the_session() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), CredentialStore::File);
        assert_eq!(Vault::new(&config).load(false).unwrap(), Credentials::default());
        Vault::new(&config).save(&credentials()).unwrap();
        assert_eq!(Vault::new(&config).load(false).unwrap(), credentials());
        assert!(!Vault::new(&config).needs_keyring());
        for (path, bytes) in files(dir.path()) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for secret in ["token", "ann", "Ann", "example"] {
                assert!(!text.contains(secret), "{secret} in {path:?}");
            }
        }
        Vault::new(&config).save(&Credentials::default()).unwrap();
        assert!(files(dir.path()).iter().all(|(path, _)| !path.ends_with("credentials")));
    }

    #[test]
    fn the_key_lies_in_the_keyring_or_where_there_is_none_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), CredentialStore::Auto);
        Vault::new(&config).save(&credentials()).unwrap();
        let vault = Vault::new(&config);
        let has_keyring = vault.needs_keyring();
        assert_eq!(vault.load(true).unwrap(), credentials());
        assert_eq!(files(dir.path()).iter().any(|(path, _)| path.ends_with("key")), !has_keyring);
        // The place stays as it was chosen.
        Vault::new(&config).save(&Credentials { farewells: Vec::new(), ..credentials() }).unwrap();
        assert!(Vault::new(&config).load(false).unwrap().farewells.is_empty());
        if has_keyring {
            keyring::remove(&vault.name).unwrap();
            assert!(Vault::new(&config).load(false).is_err(), "without its key the file stays shut");
            Vault::new(&config).save(&credentials()).unwrap();
            assert_eq!(Vault::new(&config).load(false).unwrap(), credentials(), "and a login replaces it");
            keyring::remove(&vault.name).unwrap();
        }
    }

    #[test]
    fn memory_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::new(&config(dir.path(), CredentialStore::Memory));
        vault.save(&credentials()).unwrap();
        assert_eq!(vault.load(false).unwrap(), credentials());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn damage_means_a_new_login_not_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), CredentialStore::File);
        for name in ["credentials", "key"] {
            Vault::new(&config).save(&credentials()).unwrap();
            let (path, bytes) = files(dir.path()).into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 3]).unwrap();
            let loaded = Vault::new(&config).load(false);
            assert!(loaded.is_err() || loaded.is_ok_and(|loaded| loaded == Credentials::default()), "{name}");
        }
        Vault::new(&config).save(&credentials()).unwrap();
        assert_eq!(Vault::new(&config).load(false).unwrap(), credentials());
    }

    #[test]
    fn another_server_or_game_is_another_session() {
        let dir = tempfile::tempdir().unwrap();
        let one = config(dir.path(), CredentialStore::File);
        let other = Config { client_key: Some("pk_other".to_owned()), ..one.clone() };
        Vault::new(&one).save(&credentials()).unwrap();
        assert_eq!(Vault::new(&other).load(false).unwrap(), Credentials::default());
    }

    #[test]
    fn a_failed_write_keeps_the_old_session() {
        for steps in 0..30 {
            let dir = tempfile::tempdir().unwrap();
            let config = config(dir.path(), CredentialStore::File);
            Vault::new(&config).save(&credentials()).unwrap();
            let vault = Vault::new(&config);
            vault.load(false).unwrap();
            vault.disk.fuse.burn_after(steps);
            let mut newer = credentials();
            newer.session.as_mut().unwrap().refresh_token = "newer".to_owned();
            let saved = vault.save(&newer);
            let found = Vault::new(&config).load(false).unwrap();
            assert!(found == newer || (found == credentials() && saved.is_err()), "step {steps}");
        }
    }
}
