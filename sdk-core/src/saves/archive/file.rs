//! The archive as a file: written content by content, read by name. Blocks; nothing here knows of slots on the
//! server.

use crate::Error;
use crate::clock;
use aethex_wire::ErrorCode;
use aethex_wire::saves::archive::{MANIFEST_LEN_MAX, MANIFEST_NAME, Manifest, content_name};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use zip::ZipArchive;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};

/// An archive that is being written: it takes its name when it is complete. Dropped before, it is gone.
#[derive(Debug)]
pub(super) struct Writing {
    zip: Option<ZipWriter<File>>,
    temp: PathBuf,
    path: PathBuf,
    written: HashSet<String>,
}

impl Writing {
    /// Begins beside the place where the archive will be. The folder must exist: it is the caller's.
    pub(super) fn begin(path: PathBuf) -> Result<Writing, Error> {
        let mut name = path.file_name().ok_or_else(|| Error::argument("the path names no file"))?.to_owned();
        name.push(format!(".{}.tmp", clock::random_id()));
        let temp = path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&temp).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::argument("the archive's folder is not there: make it first"),
            _ => writing(&error),
        })?;
        Ok(Writing { zip: Some(ZipWriter::new(file)), temp, path, written: HashSet::new() })
    }

    /// Adds a content, once.
    pub(super) fn add(&mut self, hash: &str, content: &[u8]) -> Result<(), Error> {
        if !self.written.insert(hash.to_owned()) {
            return Ok(());
        }
        self.entry(&content_name(hash), content)
    }

    /// The manifest goes last: what has one is whole.
    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<(), Error> {
        self.entry(MANIFEST_NAME, &manifest.to_json())?;
        let Some(zip) = self.zip.take() else { return Ok(()) };
        let file = zip.finish().map_err(|error| writing(&error.into()))?;
        let finish = || -> io::Result<()> {
            file.sync_all()?;
            std::fs::rename(&self.temp, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if cfg!(unix) { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
        };
        finish().map_err(|error| writing(&error))
    }

    fn entry(&mut self, name: &str, content: &[u8]) -> Result<(), Error> {
        let Some(zip) = &mut self.zip else { return Ok(()) };
        let options = SimpleFileOptions::default();
        zip.start_file(name, options).map_err(|error| writing(&error.into()))?;
        zip.write_all(content).map_err(|error| writing(&error))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // After a successful end there is no such file.
        let _ = std::fs::remove_file(&self.temp);
    }
}

/// An archive that is read.
#[derive(Debug)]
pub(super) struct Reading {
    zip: ZipArchive<File>,
}

impl Reading {
    /// Opens an archive and reads its manifest.
    pub(super) fn open(path: &Path) -> Result<(Reading, Manifest), Error> {
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::argument("there is no such file"),
            _ => Error::storage("opening an archive", &error),
        })?;
        let zip = ZipArchive::new(file).map_err(|error| unreadable(&error))?;
        let mut reading = Reading { zip };
        let json = reading
            .entry(MANIFEST_NAME, MANIFEST_LEN_MAX)?
            .ok_or_else(|| invalid("the archive has no manifest: it is another one, or was cut off"))?;
        let manifest = Manifest::from_json(&json).map_err(|error| invalid(&error.0))?;
        Ok((reading, manifest))
    }

    /// A content, after its hash was checked.
    pub(super) fn content(&mut self, hash: &str, len_max: u64) -> Result<Vec<u8>, Error> {
        let content = self
            .entry(&content_name(hash), len_max)?
            .ok_or_else(|| invalid("a content is missing in the archive"))?;
        if blake3::hash(&content).to_hex().as_str() != hash {
            return Err(Error::new(ErrorCode::HashMismatch, "a content of the archive is damaged"));
        }
        Ok(content)
    }

    /// A file of the archive; what is longer unpacked than it may be is refused, whatever it says of itself.
    fn entry(&mut self, name: &str, len_max: u64) -> Result<Option<Vec<u8>>, Error> {
        let entry = match self.zip.by_name(name) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut content = Vec::new();
        entry.take(len_max + 1).read_to_end(&mut content).map_err(|_| invalid("the archive is damaged"))?;
        if content.len() as u64 > len_max {
            return Err(invalid("a file of the archive is longer than it may be"));
        }
        Ok(Some(content))
    }
}

fn writing(error: &io::Error) -> Error {
    Error::storage("writing an archive", error)
}

fn unreadable(error: &ZipError) -> Error {
    match error {
        ZipError::Io(error) if error.kind() != ErrorKind::InvalidData => {
            Error::storage("reading an archive", error)
        }
        _ => invalid("the file is not an archive, or is damaged"),
    }
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorCode::InvalidSave, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(content: &[u8]) -> String {
        blake3::hash(content).to_hex().to_string()
    }

    #[test]
    fn what_was_written_is_read_and_nothing_is_there_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.zip");
        let mut archive = Writing::begin(path.clone()).unwrap();
        archive.add(&hash(b"one"), b"one").unwrap();
        archive.add(&hash(b"one"), b"one").unwrap();
        assert!(!path.exists());
        archive.finish(&Manifest::new(7, false)).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let (mut archive, manifest) = Reading::open(&path).unwrap();
        assert_eq!(manifest.exported_at_ms, 7);
        assert_eq!(archive.content(&hash(b"one"), 3).unwrap(), b"one");
        assert!(archive.content(&hash(b"one"), 2).is_err(), "over the limit");
        assert!(archive.content(&hash(b"two"), 3).is_err());
        drop(Writing::begin(dir.path().join("given up")).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(Writing::begin(dir.path().join("no/folder")).is_err());
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert_eq!(Reading::open(&path).unwrap_err().code, ErrorCode::InvalidArgument);
        std::fs::write(&path, b"PK no").unwrap();
        assert_eq!(Reading::open(&path).unwrap_err().code, ErrorCode::InvalidSave);
        let mut archive = Writing::begin(path.clone()).unwrap();
        archive.add(&hash(b"other"), b"damaged").unwrap();
        archive.finish(&Manifest::new(7, false)).unwrap();
        let (mut archive, _) = Reading::open(&path).unwrap();
        assert_eq!(archive.content(&hash(b"other"), 9).unwrap_err().code, ErrorCode::HashMismatch);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();
        assert!(Reading::open(&path).is_err(), "cut off");
    }
}
