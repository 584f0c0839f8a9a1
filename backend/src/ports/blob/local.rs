//! The embedded engine: a file an object, in folders that are the parts of its key.
//!
//! Temporary file, fsync, rename, fsync of every folder that gained an entry.

use super::Opened;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Ending of files that are being written.
pub(super) const PART: &str = "part";
/// Bytes that are read at once: what one reader holds in memory.
const PIECE_LEN: usize = 64 * 1024;

/// Files in a folder.
#[derive(Debug, Clone)]
pub struct Local {
    root: PathBuf,
}

impl Local {
    /// The objects in `root`, which is made if it is missing.
    pub fn open(root: PathBuf) -> io::Result<Local> {
        std::fs::create_dir_all(&root)?;
        Ok(Local { root })
    }

    pub(super) async fn ping(&self) -> io::Result<()> {
        let root = self.root.clone();
        run(move || std::fs::metadata(root).map(drop)).await
    }

    pub(super) async fn older_than(
        &self,
        age: Duration,
        limit: usize,
        wanted: fn(&str) -> bool,
    ) -> io::Result<Vec<String>> {
        let root = self.root.clone();
        run(move || {
            let mut found = Vec::new();
            for entry in std::fs::read_dir(&root)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() && entry.file_name().to_str().is_some_and(wanted) {
                    walk(&root, &entry.path(), age, limit, &mut found)?;
                }
            }
            Ok(found)
        })
        .await
    }

    pub(super) async fn put(&self, key: &str, body: Bytes) -> io::Result<()> {
        let (root, path) = (self.root.clone(), self.path(key));
        run(move || {
            // A folder that is gone is a disk that is not mounted: nothing is put in its place.
            std::fs::metadata(root)?;
            put_file(&path, &body)
        })
        .await
    }

    pub(super) async fn begin(&self, key: &str) -> io::Result<File> {
        let (root, path) = (self.root.clone(), self.path(key).with_extension(PART));
        run(move || {
            std::fs::metadata(root)?;
            create_dirs_durably(path.parent().expect("object paths lie in a folder"))?;
            File::create(path)
        })
        .await
    }

    pub(super) async fn keep(&self, key: &str) -> io::Result<i64> {
        let path = self.path(key);
        run(move || {
            let part = path.with_extension(PART);
            let file = File::open(&part)?;
            file.sync_all()?;
            std::fs::rename(&part, &path)?;
            File::open(path.parent().expect("object paths lie in a folder"))?.sync_all()?;
            Ok(file.metadata()?.len() as i64)
        })
        .await
    }

    pub(super) async fn discard(&self, key: &str) -> io::Result<()> {
        let path = self.path(key).with_extension(PART);
        run(move || gone(std::fs::remove_file(path))).await
    }

    pub(super) async fn open_object(&self, key: &str) -> io::Result<Opened> {
        let path = self.path(key);
        run(move || {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            Ok(Opened { len, pieces: pieces(file) })
        })
        .await
    }

    pub(super) async fn get(&self, key: &str) -> io::Result<Bytes> {
        let path = self.path(key);
        run(move || std::fs::read(path).map(Bytes::from)).await
    }

    pub(super) async fn len(&self, key: &str) -> io::Result<Option<u64>> {
        let (root, path) = (self.root.clone(), self.path(key));
        run(move || match std::fs::metadata(path) {
            Ok(about) => Ok(Some(about.len())),
            // Only a folder that is there can say so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::metadata(root).map(|_| None),
            Err(error) => Err(error),
        })
        .await
    }

    pub(super) async fn list(&self, folder: &str, limit: usize) -> io::Result<Vec<(String, u64)>> {
        let (root, path, folder) = (self.root.clone(), self.path(folder), folder.to_owned());
        run(move || {
            let entries = match std::fs::read_dir(path) {
                // Only a folder that is there can say so.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return std::fs::metadata(root).map(|_| Vec::new());
                }
                entries => entries?,
            };
            let mut found = Vec::new();
            for entry in entries {
                let entry = entry?;
                let (name, about) = (entry.file_name(), entry.metadata()?);
                // What is being written has an ending.
                let object = name.to_str().filter(|name| about.is_file() && !name.contains('.'));
                found.extend(object.map(|name| (format!("{folder}/{name}"), about.len())));
                if found.len() >= limit {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    pub(super) async fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        run(move || gone(std::fs::remove_file(path))).await
    }

    pub(super) async fn delete_all(&self, key: &str) -> io::Result<u64> {
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
        self.root.join(key)
    }
}

/// A file, read piece by piece as its reader takes them.
fn pieces(file: File) -> stream::BoxStream<'static, io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let (piece, file) = run(move || {
            let mut piece = vec![0; PIECE_LEN];
            let len = file.read(&mut piece)?;
            piece.truncate(len);
            Ok((Bytes::from(piece), file))
        })
        .await?;
        Ok((!piece.is_empty()).then_some((piece, file)))
    })
    .boxed()
}

pub(super) async fn run<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    crate::context::blocking(job).await.map_err(io::Error::other)?
}

/// A removal; what is not there is removed already.
pub(super) fn gone(removed: io::Result<()>) -> io::Result<()> {
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
    // The same object may be put twice at once.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.{PART}", std::process::id()));
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
