//! Files that belong to the game or the player: saves that the game writes itself, archives.
//!
//! They lie where the game says, and others write them at any time. So nothing is taken that changed while
//! it was read, and what is replaced stays beside as `….bak`. What the SDK keeps for itself is [`crate::disk`]'s.

use crate::clock;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// What the file before is called, behind its name.
const BACKUP_ENDING: &str = ".bak";
/// How often a file is read again that changed meanwhile, before it is left for later.
const READS_MAX: u32 = 5;
/// How long the writer of a file gets in between.
const READ_PAUSE: Duration = Duration::from_millis(40);

/// What tells, without reading a file, that it may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    len: u64,
    /// Nanoseconds since 1970 UTC; only compared with other stamps of the file.
    modified_ns: i64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_ns = since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
        Stamp { len: meta.len(), modified_ns }
    }
}

/// A file as it was when nobody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) stamp: Stamp,
    pub(crate) bytes: Vec<u8>,
}

/// The file's stamp; `None` when it is not there.
pub(crate) fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(Stamp::of(&meta))),
        Ok(_) => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file's bytes, when two reads agree; `None` when it is not there. `WouldBlock` while it is being written,
/// `FileTooLarge` over `len_max`.
pub(crate) fn read(path: &Path, len_max: usize) -> io::Result<Option<Snapshot>> {
    let mut before = read_once(path, len_max)?;
    for _ in 0..READS_MAX {
        std::thread::sleep(READ_PAUSE);
        let again = read_once(path, len_max)?;
        match (before, again) {
            (None, None) => return Ok(None),
            (Some(first), Some(second)) if first == second => return Ok(Some(second)),
            (_, again) => before = again,
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "the file is being written"))
}

fn read_once(path: &Path, len_max: usize) -> io::Result<Option<Snapshot>> {
    let Some(stamp) = stamp(path)? else { return Ok(None) };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(len_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > len_max {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "the file is larger than a save may be"));
    }
    Ok(Some(Snapshot { stamp, bytes }))
}

/// Replaces a file durably, and keeps the one before as `….bak`. Refuses with `WouldBlock` when the file is not
/// the one with the stamp `expected` any more.
pub(crate) fn replace(path: &Path, bytes: &[u8], expected: Option<Stamp>) -> io::Result<Stamp> {
    let temp = beside(path, &format!(".{}.tmp", clock::random_id()))?;
    let replaced = write_temp(&temp, bytes, path).and_then(|stamp| {
        if self::stamp(path)? != expected {
            return Err(io::Error::new(ErrorKind::WouldBlock, "the file was written meanwhile"));
        }
        if expected.is_some() {
            back_up(path)?;
        }
        std::fs::rename(&temp, path)?;
        sync_folder(path)?;
        Ok(stamp)
    });
    replaced.inspect_err(|_| {
        let _ = std::fs::remove_file(&temp);
    })
}

fn write_temp(temp: &Path, bytes: &[u8], path: &Path) -> io::Result<Stamp> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temp)?;
    file.write_all(bytes)?;
    // Others who could read the file before still can.
    if let Ok(meta) = std::fs::metadata(path) {
        file.set_permissions(meta.permissions())?;
    }
    file.sync_all()?;
    Ok(Stamp::of(&file.metadata()?))
}

/// The file keeps its name until the new one takes it: a crash leaves one of them there.
fn back_up(path: &Path) -> io::Result<()> {
    let backup = beside(path, BACKUP_ENDING)?;
    let temp = beside(path, &format!(".{}.tmp", clock::random_id()))?;
    let kept = std::fs::hard_link(path, &temp)
        // Some file systems know no links.
        .or_else(|_| std::fs::copy(path, &temp).map(drop))
        .and_then(|()| std::fs::rename(&temp, &backup));
    kept.inspect_err(|_| {
        let _ = std::fs::remove_file(&temp);
    })
}

/// The name of a file beside another: that one's name with more behind it.
fn beside(path: &Path, ending: &str) -> io::Result<PathBuf> {
    let mut name: OsString = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(ending);
    Ok(path.with_file_name(name))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    // Windows cannot open a folder as a file; its journal orders renames itself.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_stays_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("old.sav");
        assert_eq!(read(&path, 9).unwrap(), None);
        let first = replace(&path, b"one", None).unwrap();
        assert_eq!(read(&path, 9).unwrap().unwrap(), Snapshot { stamp: first, bytes: b"one".to_vec() });
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "there was nothing to keep");
        replace(&path, b"three", Some(first)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read(dir.path().join("old.sav.bak")).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "and nothing else");
    }

    #[test]
    fn what_the_game_wrote_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("old.sav");
        let first = replace(&path, b"one", None).unwrap();
        std::fs::write(&path, b"the game's").unwrap();
        assert_eq!(replace(&path, b"two", Some(first)).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(replace(&path, b"two", None).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(std::fs::read(&path).unwrap(), b"the game's");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_and_large_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), 9).unwrap_err().kind(), ErrorKind::InvalidInput);
        let path = dir.path().join("large");
        std::fs::write(&path, [0; 10]).unwrap();
        assert_eq!(read(&path, 9).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_file_that_is_being_written_is_not_taken_half() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("busy");
        std::fs::write(&path, b"a").unwrap();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (busy, end) = (path.clone(), std::sync::Arc::clone(&stop));
        let writer = std::thread::spawn(move || {
            let mut file = OpenOptions::new().append(true).open(busy).unwrap();
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(b"more").unwrap();
            }
        });
        let taken = read(&path, usize::MAX - 1);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(read(&path, usize::MAX - 1).unwrap().is_some(), "now it rests");
    }
}
