//! Contents too large for a row: immutable objects under a key.
//!
//! An object is complete and durable before [`Blob::put`] returns, and is written before any row names
//! it. Keys are made of ids alone, so no name given by a player reaches the file system.

use bytes::Bytes;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Ending of files that are being written.
const PART: &str = "part";

/// The engines.
#[derive(Debug, Clone)]
pub enum Blob {
    /// Files in a folder.
    Local(PathBuf),
}

impl Blob {
    /// The embedded engine, in `folder`.
    pub fn local(folder: PathBuf) -> io::Result<Blob> {
        std::fs::create_dir_all(&folder)?;
        Ok(Blob::Local(folder))
    }

    /// Whether the store is there.
    pub async fn ping(&self) -> io::Result<()> {
        let Blob::Local(folder) = self;
        let folder = folder.clone();
        run(move || std::fs::metadata(folder).map(drop)).await
    }

    /// Keys of objects older than `age`, at most `limit`, of those whose keys' first part is `wanted`; parts
    /// that were never finished are removed.
    pub async fn older_than(
        &self,
        age: Duration,
        limit: usize,
        wanted: fn(&str) -> bool,
    ) -> io::Result<Vec<String>> {
        let Blob::Local(folder) = self;
        let folder = folder.clone();
        run(move || {
            let mut found = Vec::new();
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() && entry.file_name().to_str().is_some_and(wanted) {
                    walk(&folder, &entry.path(), age, limit, &mut found)?;
                }
            }
            Ok(found)
        })
        .await
    }

    /// Stores an object durably. Keys are never reused, so an object that exists is the same object.
    pub async fn put(&self, key: &str, body: Bytes) -> io::Result<()> {
        let path = self.path(key);
        let Blob::Local(root) = self;
        let root = root.clone();
        run(move || {
            // A folder that is gone is a disk that is not mounted: nothing is put in its place.
            std::fs::metadata(root)?;
            put_file(&path, &body)
        })
        .await
    }

    /// Begins an object that is too large for memory: a file to write to. It is an object once it is
    /// [kept](Blob::keep); until then it is swept like any unfinished part.
    pub async fn begin(&self, key: &str) -> io::Result<std::fs::File> {
        let path = self.path(key).with_extension(PART);
        let Blob::Local(root) = self;
        let root = root.clone();
        run(move || {
            std::fs::metadata(root)?;
            create_dirs_durably(path.parent().expect("object paths lie in a folder"))?;
            std::fs::File::create(path)
        })
        .await
    }

    /// Makes what was begun an object, durably; its size in bytes.
    pub async fn keep(&self, key: &str) -> io::Result<i64> {
        let path = self.path(key);
        run(move || {
            let part = path.with_extension(PART);
            let file = std::fs::File::open(&part)?;
            file.sync_all()?;
            std::fs::rename(&part, &path)?;
            std::fs::File::open(path.parent().expect("object paths lie in a folder"))?.sync_all()?;
            Ok(file.metadata()?.len() as i64)
        })
        .await
    }

    /// Removes what was begun and not kept.
    pub async fn discard(&self, key: &str) -> io::Result<()> {
        let path = self.path(key).with_extension(PART);
        run(move || gone(std::fs::remove_file(path))).await
    }

    /// Opens an object to be read in pieces; its size in bytes.
    pub async fn open(&self, key: &str) -> io::Result<(std::fs::File, u64)> {
        let path = self.path(key);
        run(move || {
            let file = std::fs::File::open(path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        })
        .await
    }

    /// Reads an object.
    pub async fn get(&self, key: &str) -> io::Result<Bytes> {
        let path = self.path(key);
        run(move || std::fs::read(path).map(Bytes::from)).await
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        run(move || gone(std::fs::remove_file(path))).await
    }

    /// Removes an object, or a folder with every object and unfinished part in it; how many there were.
    pub async fn delete_all(&self, key: &str) -> io::Result<u64> {
        let path = self.path(key);
        run(move || {
            let count = count(&path)?;
            match std::fs::metadata(&path) {
                Ok(about) if about.is_dir() => gone(std::fs::remove_dir_all(&path))?,
                _ => gone(std::fs::remove_file(&path))?,
            }
            Ok(count)
        })
        .await
    }

    fn path(&self, key: &str) -> PathBuf {
        debug_assert!(
            key.split('/')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
            "object keys are ids joined by slashes"
        );
        match self {
            Blob::Local(folder) => folder.join(key),
        }
    }
}

async fn run<T: Send + 'static>(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    crate::context::blocking(job).await.map_err(io::Error::other)?
}

/// A removal; what is not there is removed already.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Files at or under a path.
fn count(path: &Path) -> io::Result<u64> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            let mut found = 0;
            for entry in std::fs::read_dir(path)? {
                found += count(&entry?.path())?;
            }
            Ok(found)
        }
        Ok(_) => Ok(1),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Temporary file, fsync, rename, fsync of every folder that gained an entry.
fn put_file(path: &Path, body: &[u8]) -> io::Result<()> {
    let folder = path.parent().expect("object paths lie in a folder");
    create_dirs_durably(folder)?;
    let temporary = path.with_extension(PART);
    let written = write_file(&temporary, body).and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    std::fs::File::open(folder)?.sync_all()
}

fn write_file(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(body)?;
    file.sync_all()
}

fn walk(root: &Path, folder: &Path, age: Duration, limit: usize, found: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        if found.len() >= limit {
            return Ok(());
        }
        let path = entry?.path();
        let about = std::fs::metadata(&path)?;
        if about.is_dir() {
            walk(root, &path, age, limit, found)?;
            continue;
        }
        let old = about.modified()?.elapsed().is_ok_and(|since| since > age);
        if old && path.extension().is_some_and(|extension| extension == PART) {
            std::fs::remove_file(&path)?;
        } else if old && let Ok(key) = path.strip_prefix(root) {
            found.push(key.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"));
        }
    }
    Ok(())
}

fn create_dirs_durably(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or_else(|| io::Error::other("no parent folder"))?;
    create_dirs_durably(parent)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    std::fs::File::open(parent)?.sync_all()
}
