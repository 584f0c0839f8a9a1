//! Keys kept in the data folder: Ed25519 keys that sign access tokens, and the secret behind refresh
//! tokens and address digests. Several servers of one fleet share the folder `keys`.

use crate::app::StartError;
use crate::context::random;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// PKCS#8 header of an Ed25519 private key (RFC 8410 section 7); the 32 bytes of the seed follow.
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A signing key pair.
pub(crate) struct KeyPair {
    pub(crate) kid: String,
    pub(crate) public: [u8; 32],
    pub(crate) signing: jsonwebtoken::EncodingKey,
    pub(crate) verifying: jsonwebtoken::DecodingKey,
}

/// All keys. The first pair signs; the others still verify.
pub(crate) struct Keys {
    pub(crate) pairs: Vec<KeyPair>,
    pub(crate) secret: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|pair| &pair.kid)).finish()
    }
}

impl Keys {
    /// Reads the keys in `folder`, making what is missing.
    pub(crate) fn open(folder: &Path) -> Result<Keys, StartError> {
        let failed = |error: std::io::Error| {
            StartError(format!("cannot use the keys in {}: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let secret = read_or_make(&folder.join("secret.key")).map_err(failed)?;
        let mut files = signing_files(folder).map_err(failed)?;
        if files.is_empty() {
            let path = folder.join(format!("signing-{:013}.key", crate::context::now_ms()));
            read_or_make(&path).map_err(failed)?;
            files.push(path);
        }
        // Newest first, by the time in the name.
        files.sort_unstable_by(|a, b| b.cmp(a));
        let seeds =
            files.iter().map(|path| read_or_make(path)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(Keys { pairs: seeds.iter().map(pair).collect(), secret })
    }
}

fn pair(seed: &[u8; 32]) -> KeyPair {
    let public = SigningKey::from_bytes(seed).verifying_key().to_bytes();
    let digest = Sha256::digest(public);
    let kid = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let pkcs8 = [PKCS8_ED25519.as_slice(), seed].concat();
    KeyPair {
        kid,
        public,
        signing: jsonwebtoken::EncodingKey::from_ed_der(&pkcs8),
        verifying: jsonwebtoken::DecodingKey::from_ed_der(&public),
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

/// Reads 32 bytes written as 64 hexadecimal digits; makes them, for the owner's eyes only, when the file
/// is not there.
fn read_or_make(path: &Path) -> std::io::Result<[u8; 32]> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse_hex(text.trim())
            .ok_or_else(|| std::io::Error::other(format!("{} is damaged", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

fn make(path: &Path) -> std::io::Result<[u8; 32]> {
    let key = random::<32>();
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let temporary = path.with_extension(format!("{}.part", crate::context::new_id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Two servers of a fleet may start at once: the first to link wins, the other reads its key.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return read_or_make(path),
        linked => linked?,
    }
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(key)
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> = (0..text.len())
        .step_by(2)
        .map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_the_newest_signs() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::open(folder.path()).unwrap();
        let again = Keys::open(folder.path()).unwrap();
        assert_eq!(first.pairs[0].kid, again.pairs[0].kid);
        assert_eq!(first.secret, again.secret);
        read_or_make(&folder.path().join("signing-9999999999999.key")).unwrap();
        let rotated = Keys::open(folder.path()).unwrap();
        assert_eq!(rotated.pairs.len(), 2);
        assert_eq!(rotated.pairs[1].kid, first.pairs[0].kid);
    }
}
