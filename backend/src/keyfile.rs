//! Keys kept as files: 32 bytes in hexadecimal, for the owner's eyes only.
//!
//! A key is durable before it is used, and a file is never replaced: of two servers that make the same one at
//! once, the second reads what the first made.

use crate::context::{new_id, random};
use std::io::{self, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(crate) const KEY_LEN: usize = 32;

/// Reads a key; makes it when the file is not there.
pub(crate) fn read_or_make(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        done => done,
    }
}

/// Reads a key.
pub(crate) fn read(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    parse_hex(text.trim()).ok_or_else(|| io::Error::other(format!("{} is damaged", path.display())))
}

fn make(path: &Path) -> io::Result<[u8; KEY_LEN]> {
    let key = random::<KEY_LEN>();
    let text = Zeroizing::new(crate::auth::hex(&key));
    let temporary = path.with_extension(format!("{}.part", new_id()));
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
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return read(path),
        linked => linked?,
    }
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(key)
}

fn parse_hex(text: &str) -> Option<[u8; KEY_LEN]> {
    if text.len() != KEY_LEN * 2 {
        return None;
    }
    let mut key = [0; KEY_LEN];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_damaged_one_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        let key = read_or_make(&path).unwrap();
        assert_eq!(read_or_make(&path).unwrap(), key);
        assert_eq!(make(&path).unwrap(), key, "who is second reads");
        for damaged in ["", "00", &"zz".repeat(32), &"0".repeat(63), &"ü".repeat(32)] {
            std::fs::write(&path, damaged).unwrap();
            assert!(read_or_make(&path).unwrap_err().to_string().contains("damaged"), "{damaged}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
