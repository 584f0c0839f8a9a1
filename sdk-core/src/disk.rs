//! Durable files: records, locks, replacement that is whole or not at all.
//!
//! [`Disk::write`] replaces a file atomically and durably: temporary file, fsync, rename, fsync of the
//! folder. A crash at any step leaves the old file or the new one, and perhaps a temporary file that
//! [`Disk::sweep`] removes. Records carry a hash, so that a damaged one is noticed ([`Disk::read_record`]).
//! Locks are the operating system's: they end with the process that holds them. Everything here blocks;
//! callers run it off the async thread. Folders and files are readable by their owner only ([`crate::files`]).

use crate::Error;
use crate::files::{Files, Held, Writing};
use aethex_wire::saves::encode_frame;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// First bytes of a record; the digit is the format's version.
const RECORD_MAGIC: &[u8; 8] = b"AETHEX1\n";
const HASH_LEN: usize = 32;
/// Ending of files that are being written.
const TEMP_ENDING: &str = ".tmp";
/// How often a taken lock is asked for again: short beside an fsync, cheap beside a poll.
const LOCK_POLL: Duration = Duration::from_millis(5);
/// Folders remembered as durable: more than one player's. Forgetting costs an fsync each.
const SETTLED_MAX: usize = 1024;

/// Access to the disk. Tests give it a fuse that cuts the power after a number of steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    files: Files,
    /// Folders whose names are known to be durable.
    settled: Arc<Mutex<HashSet<PathBuf>>>,
    #[cfg(test)]
    pub(crate) fuse: std::sync::Arc<tests::Fuse>,
}

impl Disk {
    /// The disk of the machine that this thread plays, or the real one.
    pub(crate) fn here() -> Disk {
        #[cfg(feature = "simulation")]
        if let Some(machine) = crate::simulation::current() {
            return Disk::on(machine.files());
        }
        Disk::default()
    }

    /// A simulated disk.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn on(files: crate::simulation::disk::SimFiles) -> Disk {
        Disk {
            files: Files::Simulated(files),
            settled: Arc::default(),
            #[cfg(test)]
            fuse: std::sync::Arc::default(),
        }
    }

    /// Replaces a file by these bytes, durably, or changes nothing.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
        self.make_folder(folder)?;
        let mut temp_name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
        temp_name.push(format!(".{}{TEMP_ENDING}", crate::clock::random_id()));
        let temp = folder.join(temp_name);
        let written = self.write_temp(&temp, bytes).and_then(|()| {
            self.step()?;
            self.files.rename(&temp, path)
        });
        if let Err(error) = written {
            // After a real crash nobody tidies up; tests see the same.
            if self.step().is_ok() {
                let _ = self.files.remove(&temp);
            }
            return Err(error);
        }
        self.sync_folder(folder)
    }

    fn write_temp(&self, temp: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut file = self.files.create(temp)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.append(first)?;
        self.step()?;
        file.append(second)?;
        self.step()?;
        file.sync()
    }

    /// Removes a file durably; one that is not there is no error.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match self.files.remove(path) {
            Ok(()) => self.sync_folder(path.parent().ok_or(ErrorKind::InvalidInput)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name in its folder, durably.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        self.files.rename(from, to)?;
        self.sync_folder(to.parent().ok_or(ErrorKind::InvalidInput)?)
    }

    /// A file's bytes; `None` when it is not there. Longer files than `len_max` are refused.
    pub(crate) fn read(&self, path: &Path, len_max: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = match self.files.read(path, len_max) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if bytes.len() > len_max {
            return Err(damaged("the file is longer than anything this SDK writes"));
        }
        Ok(Some(bytes))
    }

    /// At most `len` bytes of a file, from an offset on; fewer at its end.
    pub(crate) fn read_range(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.files.read_range(path, offset, len)
    }

    /// Writes metadata and payload with a hash over both.
    pub(crate) fn write_record<T: Serialize>(&self, path: &Path, meta: &T, payload: &[u8]) -> io::Result<()> {
        let frame = encode_frame(meta, payload);
        let mut record = Vec::with_capacity(RECORD_MAGIC.len() + HASH_LEN + frame.len());
        record.extend_from_slice(RECORD_MAGIC);
        record.extend_from_slice(blake3::hash(&frame).as_bytes());
        record.extend_from_slice(&frame);
        self.write(path, &record)
    }

    /// Reads what [`Disk::write_record`] wrote; `None` when it is not there, `InvalidData` when it is damaged.
    pub(crate) fn read_record<T: DeserializeOwned>(
        &self,
        path: &Path,
        len_max: usize,
    ) -> io::Result<Option<(T, Bytes)>> {
        let Some(record) = self.read(path, len_max)? else { return Ok(None) };
        let start = RECORD_MAGIC.len() + HASH_LEN;
        if record.len() < start || !record.starts_with(RECORD_MAGIC) {
            return Err(damaged("the file is not a record"));
        }
        if blake3::hash(&record[start..]).as_bytes() != &record[RECORD_MAGIC.len()..start] {
            return Err(damaged("the file's hash does not match"));
        }
        let (meta, payload) = split_record(&record[start..]).ok_or_else(|| damaged("the file is cut"))?;
        let meta_value =
            serde_json::from_slice(meta).map_err(|_| damaged("the file's metadata is unknown"))?;
        let payload_at = record.len() - payload.len();
        Ok(Some((meta_value, Bytes::from(record).slice(payload_at..))))
    }

    /// Names of the files in a folder, unordered, without temporary ones; none when there is no folder.
    pub(crate) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        match self.files.names(folder) {
            Ok(mut names) => {
                names.retain(|name| !name.ends_with(TEMP_ENDING));
                Ok(names)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// A file's length in bytes; 0 when it is not there.
    pub(crate) fn len(&self, path: &Path) -> u64 {
        self.files.len(path).unwrap_or(0)
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.files.exists(path)
    }

    /// Removes temporary files that a crash left. Only under the lock that guards the folder's writers.
    pub(crate) fn sweep(&self, folder: &Path) {
        for name in self.files.names(folder).unwrap_or_default() {
            if name.ends_with(TEMP_ENDING) {
                let _ = self.files.remove(&folder.join(name));
            }
        }
    }

    /// Makes a folder and its parents, each durably: one that a crash takes back takes all in it along.
    pub(crate) fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() {
            return Ok(());
        }
        let is_there = self.files.is_folder(folder);
        let Some(parent) = folder.parent() else {
            return if is_there { Ok(()) } else { Err(ErrorKind::NotFound.into()) };
        };
        if is_there && self.settled.lock().contains(folder) {
            return Ok(());
        }
        if !is_there {
            self.make_folder(parent)?;
            self.step()?;
            match self.files.make_folder(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        // Also when it is there: who made it may have been killed before this step. Its own parents are settled,
        // a folder is made only in one that is.
        match self.sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }) {
            // The game's data folder is there before us, and its parent may be none of ours.
            Err(error) if is_there && is_foreign(&error) => return Ok(()),
            synced => synced?,
        }
        let mut settled = self.settled.lock();
        if settled.len() >= SETTLED_MAX {
            settled.clear();
        }
        settled.insert(folder.to_owned());
        Ok(())
    }

    /// Takes a lock between processes, or `None` when another holder has it.
    pub(crate) fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.make_folder(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        Ok(self.files.try_lock(path)?.map(|held| Lock { _held: held }))
    }

    /// Takes a lock between processes, waiting at most `wait`.
    pub(crate) fn lock(&self, path: &Path, wait: Duration) -> io::Result<Lock> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(lock) = self.try_lock(path)? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "another process holds the data folder's lock",
                ));
            }
            std::thread::sleep(LOCK_POLL);
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        self.files.sync_folder(folder)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests count the steps")]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        self.fuse.step()
    }
}

/// A file that is being downloaded: it takes its name's place when it is complete. Dropped before, it is gone.
#[derive(Debug)]
pub(crate) struct Download {
    files: Files,
    file: Writing,
    temp: Option<PathBuf>,
    path: PathBuf,
}

impl Download {
    /// Begins beside the place where the file will be. The folder must exist: it is the caller's.
    pub(crate) fn begin(path: PathBuf) -> Result<Download, Error> {
        let files = Disk::here().files;
        let begin = || {
            let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
            name.push(format!(".{}{TEMP_ENDING}", crate::clock::random_id()));
            let temp = path.with_file_name(name);
            Ok((files.create(&temp)?, temp))
        };
        let (file, temp) = begin().map_err(|error| Error::storage("beginning a download", &error))?;
        Ok(Download { files, file, temp: Some(temp), path })
    }

    /// Writes what came.
    pub(crate) fn append(mut self, bytes: &[u8]) -> Result<Download, Error> {
        self.file.append(bytes).map_err(|error| Error::storage("writing a download", &error))?;
        Ok(self)
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let finish = || {
            self.file.sync()?;
            self.files.rename(self.temp.as_ref().ok_or(ErrorKind::NotFound)?, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            self.files.sync_folder(folder.unwrap_or(Path::new(".")))
        };
        finish().map_err(|error| Error::storage("ending a download", &error))?;
        self.temp = None;
        Ok(())
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if let Some(temp) = &self.temp {
            let _ = self.files.remove(temp);
        }
    }
}

/// A lock that is held; dropping it, or the end of the process, frees it.
#[derive(Debug)]
pub(crate) struct Lock {
    _held: Held,
}

/// A name for a file that stands for any text: 32 hexadecimal digits of its hash.
pub(crate) fn file_stem(text: &str) -> String {
    let mut hex = blake3::hash(text.as_bytes()).to_hex().to_string();
    hex.truncate(32);
    hex
}

/// The folder of everything that belongs to one server and game.
pub(crate) fn scope_folder(config: &crate::Config) -> PathBuf {
    let key = config.client_key.as_deref().unwrap_or_default();
    config.data_dir.join(file_stem(&format!("{}\n{key}", config.server_url)))
}

/// The metadata and the payload of a record: a frame of the wire, whose metadata may be longer than on the wire. A
/// conflict's has four versions in it.
fn split_record(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = frame.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

/// Whether a folder cannot be synced by anybody like us, or needs no sync.
fn is_foreign(error: &io::Error) -> bool {
    use ErrorKind as K;
    matches!(error.kind(), K::PermissionDenied | K::Unsupported | K::InvalidInput | K::ReadOnlyFilesystem)
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Cuts the power after a number of disk steps: that step and all later ones fail, nothing is tidied up.
    #[derive(Debug)]
    pub(crate) struct Fuse {
        left: AtomicUsize,
    }

    impl Default for Fuse {
        fn default() -> Fuse {
            Fuse { left: AtomicUsize::new(usize::MAX) }
        }
    }

    impl Fuse {
        pub(crate) fn burn_after(&self, steps: usize) {
            self.left.store(steps, Ordering::Relaxed);
        }

        pub(crate) fn burnt(&self) -> bool {
            self.left.load(Ordering::Relaxed) == 0
        }

        pub(crate) fn step(&self) -> io::Result<()> {
            let left = self.left.load(Ordering::Relaxed);
            if left == 0 {
                return Err(io::Error::other("the power is cut"));
            }
            if left != usize::MAX {
                self.left.store(left - 1, Ordering::Relaxed);
            }
            Ok(())
        }
    }

    const LEN_MAX: usize = 1 << 20;

    #[test]
    fn a_write_is_old_or_new_at_every_step() {
        for steps in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x");
            Disk::default().write_record(&path, &"old", b"old payload").unwrap();
            let disk = Disk::default();
            disk.fuse.burn_after(steps);
            let result = disk.write_record(&path, &"new", b"new payload");
            let (meta, payload) =
                Disk::default().read_record::<String>(&path, LEN_MAX).unwrap().expect("a version is there");
            assert_eq!(format!("{meta} payload").as_bytes(), payload, "step {steps}");
            assert!(result.is_err() || meta == "new", "step {steps}: acknowledged but old");
            if !disk.fuse.burnt() {
                assert!(steps > 4, "the write has {steps} steps only");
                break;
            }
            assert_eq!(Disk::default().names(dir.path()).unwrap(), ["x"]);
            Disk::default().sweep(dir.path());
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let disk = Disk::default();
        assert!(disk.read_record::<String>(&path, LEN_MAX).unwrap().is_none());
        disk.write_record(&path, &"meta", b"payload").unwrap();
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert_eq!(
                disk.read_record::<String>(&path, LEN_MAX).unwrap_err().kind(),
                ErrorKind::InvalidData,
                "byte {at}"
            );
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(disk.read_record::<String>(&path, LEN_MAX).is_err(), "cut at {at}");
        }
        std::fs::write(&path, &good).unwrap();
        assert!(disk.read_record::<String>(&path, good.len() - 1).is_err(), "over the limit");
    }

    #[test]
    fn a_lock_excludes_and_is_freed_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let disk = Disk::default();
        let held = disk.try_lock(&path).unwrap().expect("free");
        assert!(disk.try_lock(&path).unwrap().is_none());
        assert_eq!(disk.lock(&path, Duration::ZERO).unwrap_err().kind(), ErrorKind::TimedOut);
        drop(held);
        assert!(disk.try_lock(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/x");
        Disk::default().write(&path, b"secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(dir.path().join("a")).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
