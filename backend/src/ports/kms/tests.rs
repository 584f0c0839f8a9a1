use super::*;
use crate::context::now_ms;

fn open(folder: &Path, first: First) -> Kms {
    Kms::open(&KmsConfig::default(), folder, first).unwrap()
}

#[tokio::test]
async fn a_wrapped_key_opens_for_its_context_only() {
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path(), First::Make);
    let key = new_data_key();
    let wrapped = kms.wrap(b"one", &key).await.unwrap();
    assert_eq!(kms.unwrap(b"one", &wrapped).await.unwrap(), key);
    let damaged = KmsError::Damaged(wrapped.kek_id.clone());
    assert_eq!(kms.unwrap(b"two", &wrapped).await, Err(damaged.clone()));
    for at in 0..wrapped.bytes.len() {
        let mut changed = wrapped.clone();
        changed.bytes[at] ^= 1;
        assert_eq!(kms.unwrap(b"one", &changed).await, Err(damaged.clone()), "byte {at}");
    }
    let short = Wrapped { bytes: wrapped.bytes[..20].to_vec(), ..wrapped.clone() };
    assert_eq!(kms.unwrap(b"one", &short).await, Err(damaged));
    assert_ne!(kms.wrap(b"one", &key).await.unwrap(), wrapped);
    assert!(!format!("{kms:?}").contains("Zeroizing"), "{kms:?}");
}

#[tokio::test]
async fn the_newest_key_wraps_and_older_ones_open() {
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path(), First::Make);
    let other = open(folder.path(), First::Make);
    let key = new_data_key();
    let first = other.wrap(b"c", &key).await.unwrap();
    assert_eq!(kms.unwrap(b"c", &first).await.unwrap(), key, "servers that share a folder have one key");
    let newer = kms.rotate().await.unwrap();
    let newest = kms.rotate().await.unwrap();
    assert_ne!(newer, newest, "also within one millisecond");
    let second = kms.wrap(b"c", &key).await.unwrap();
    assert_eq!(second.kek_id, newest);
    assert_eq!(other.unwrap(b"c", &second).await.unwrap(), key, "the other server looks when it meets it");
    let anew = other.rewrap(b"c", &first).await.unwrap();
    assert_eq!(anew.kek_id, newest);
    assert_eq!(kms.unwrap(b"c", &anew).await.unwrap(), key);
    let replaced = kms.replaced(now_ms() + 1000);
    assert_eq!(
        replaced.iter().map(|old| old.kek_id.as_str()).collect::<Vec<_>>(),
        [newer.as_str(), &first.kek_id]
    );
    assert_eq!(kms.replaced(0), []);
    std::fs::remove_file(&replaced[1].path).unwrap();
    assert_eq!(kms.current().await.unwrap(), newest);
    assert_eq!(kms.unwrap(b"c", &first).await, Err(KmsError::Missing(first.kek_id.clone())));
}

#[tokio::test]
async fn a_lost_key_is_missed_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path(), First::Make);
    let wrapped = kms.wrap(b"c", &new_data_key()).await.unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    let lost = open(folder.path(), First::Expect);
    assert_eq!(lost.unwrap(b"c", &wrapped).await, Err(KmsError::Missing(wrapped.kek_id.clone())));
    assert!(matches!(lost.wrap(b"c", &new_data_key()).await, Err(KmsError::Missing(_))));
    assert!(!folder.path().exists(), "nothing was made");
    // Another first key has the same file name, and another id.
    let another = open(folder.path(), First::Make);
    assert_eq!(another.unwrap(b"c", &wrapped).await, Err(KmsError::Missing(wrapped.kek_id.clone())));
    for name in ["encryption-1.key", "encryption-x.key", "encryption-0000000000009.key.part"] {
        std::fs::write(folder.path().join(name), "no key").unwrap();
    }
    assert!(another.current().await.is_ok(), "what is not named like a key is none");
    std::fs::write(folder.path().join("encryption-0000000000009.key"), "no key").unwrap();
    assert!(matches!(another.current().await, Err(KmsError::Refused(why)) if why.contains("damaged")));
}

#[cfg(unix)]
#[tokio::test]
async fn keys_are_for_the_owners_eyes() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let kms = open(folder.path(), First::Make);
    kms.rotate().await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_vault_needs_its_settings_and_they_are_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: fn(&mut KmsConfig)| {
        let mut config = KmsConfig {
            kind: KmsKind::Vault,
            vault_url: "https://vault.example.com:8200".into(),
            vault_token: "s.secret".into(),
            ..KmsConfig::default()
        };
        change(&mut config);
        assert!(!format!("{config:?}").contains("s.secret"));
        Kms::open(&config, folder.path(), First::Expect).err().map(|error| error.to_string())
    };
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|config| config.vault_url = "http://127.0.0.1:1".into()), None);
    let without_token = refused(|config| config.vault_token.clear()).unwrap();
    assert!(without_token.contains("kms.vault_token"), "{without_token}");
    let wrong: [fn(&mut KmsConfig); 7] = [
        |config| config.vault_url = "http://vault.example.com".into(),
        |config| config.vault_url = "https://u:p@vault.example.com".into(),
        |config| config.vault_url.clear(),
        |config| config.vault_key = "../sys".into(),
        |config| config.vault_mount.clear(),
        |config| config.vault_token_file = "/x".into(),
        |config| config.vault_ca_file = "/nowhere".into(),
    ];
    for change in wrong {
        assert!(refused(change).is_some());
    }
}
