//! Contents too large for a row: immutable objects under a key.
//!
//! An object is complete and durable before [`Blob::put`] returns, and is written before any row names
//! it. Keys are made of ids alone, so no name given by a player reaches the file system.

use bytes::Bytes;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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

    /// Stores an object durably. Keys are never reused, so an object that exists is the same object.
    pub async fn put(&self, key: &str, body: Bytes) -> io::Result<()> {
        let path = self.path(key);
        run(move || put_file(&path, &body)).await
    }

    /// Reads an object.
    pub async fn get(&self, key: &str) -> io::Result<Bytes> {
        let path = self.path(key);
        run(move || std::fs::read(path).map(Bytes::from)).await
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        run(move || match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
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
    tokio::task::spawn_blocking(job).await.map_err(io::Error::other)?
}

/// Temporary file, fsync, rename, fsync of every folder that gained an entry.
fn put_file(path: &Path, body: &[u8]) -> io::Result<()> {
    let folder = path.parent().expect("object paths lie in a folder");
    create_dirs_durably(folder)?;
    let temporary = path.with_extension("part");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(body)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, path)?;
    std::fs::File::open(folder)?.sync_all()
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
