//! The operating system's keyring: holds one secret, the key of the credentials file.
//!
//! Linux and BSD use the Secret Service over D-Bus (pure Rust, no libdbus), macOS the keychain, Windows
//! the credential manager. Calls may block for as long as a person looks at a password prompt, so each
//! runs on a thread of its own and is waited for with a deadline. Without a session bus they fail at once.

use super::vault::Key;
use std::sync::mpsc;
use std::time::Duration;

/// How long a keyring may take: a healthy one needs milliseconds, a locked one a person.
const WAIT: Duration = Duration::from_secs(3);
#[cfg(feature = "keyring")]
const SERVICE: &str = "aethex-cloud";

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The keyring works and has none under this name.
    #[cfg_attr(not(feature = "keyring"), expect(dead_code, reason = "only a keyring can say so"))]
    Missing,
    /// There is no keyring, it is locked, or it does not answer.
    Unavailable,
}

/// Reads the key; waits as long as the keyring takes. Only for threads that nobody waits for.
pub(crate) fn read_patiently(name: &str) -> Result<Key, NoKey> {
    read_now(name)
}

/// Reads the key.
pub(crate) fn read(name: &str) -> Result<Key, NoKey> {
    let name = name.to_owned();
    with_deadline(move || read_now(&name))
}

/// Stores the key, and reads it back to be sure.
pub(crate) fn store(name: &str, key: Key) -> Result<(), NoKey> {
    let name = name.to_owned();
    with_deadline(move || {
        store_now(&name, &key)?;
        if read_now(&name)? == key { Ok(()) } else { Err(NoKey::Unavailable) }
    })
}

fn with_deadline<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NoKey> + Send + 'static,
) -> Result<T, NoKey> {
    let (answer, answered) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("aethex-keyring".to_owned())
        .spawn(move || {
            let _ = answer.send(work());
        })
        .map_err(|_| NoKey::Unavailable)?;
    answered.recv_timeout(WAIT).unwrap_or(Err(NoKey::Unavailable))
}

#[cfg(feature = "keyring")]
fn entry(name: &str) -> Result<keyring_core::Entry, NoKey> {
    use keyring_core::api::CredentialStoreApi;
    #[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
    let store = zbus_secret_service_keyring_store::Store::new();
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new();
    #[cfg(target_os = "windows")]
    let store = windows_native_keyring_store::Store::new();
    #[cfg(any(target_os = "ios", target_os = "android", not(any(unix, windows))))]
    let store: Result<std::sync::Arc<keyring_core::CredentialStore>, keyring_core::Error> =
        Err(keyring_core::Error::NoDefaultStore);
    let store = store.map_err(|error| no_key(&error))?;
    store.build(SERVICE, name, None).map_err(|error| no_key(&error))
}

#[cfg(feature = "keyring")]
fn no_key(error: &keyring_core::Error) -> NoKey {
    match error {
        keyring_core::Error::NoEntry => NoKey::Missing,
        _ => NoKey::Unavailable,
    }
}

#[cfg(feature = "keyring")]
fn read_now(name: &str) -> Result<Key, NoKey> {
    let secret = entry(name)?.get_secret().map_err(|error| no_key(&error))?;
    // Something else under our name is as good as nothing: it cannot open the file.
    secret.try_into().map_err(|_| NoKey::Missing)
}

#[cfg(feature = "keyring")]
fn store_now(name: &str, key: &Key) -> Result<(), NoKey> {
    entry(name)?.set_secret(key).map_err(|error| no_key(&error))
}

/// Removes the key: tests tidy up.
#[cfg(all(test, feature = "keyring"))]
pub(crate) fn remove(name: &str) -> Result<(), NoKey> {
    entry(name)?.delete_credential().map_err(|error| no_key(&error))
}

#[cfg(all(test, not(feature = "keyring")))]
pub(crate) fn remove(_name: &str) -> Result<(), NoKey> {
    Err(NoKey::Unavailable)
}

#[cfg(not(feature = "keyring"))]
fn read_now(_name: &str) -> Result<Key, NoKey> {
    Err(NoKey::Unavailable)
}

#[cfg(not(feature = "keyring"))]
fn store_now(_name: &str, _key: &Key) -> Result<(), NoKey> {
    Err(NoKey::Unavailable)
}
