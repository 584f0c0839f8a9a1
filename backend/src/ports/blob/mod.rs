//! Contents too large for a row: immutable objects under a key.
//!
//! An object is complete and durable before [`Blob::put`] returns, and is written before any row names
//! it. Keys are made of ids alone, so no name given by a player reaches a file system or a bucket. A key is
//! never reused. `NotFound` means that the store has answered and knows no such object; a store that cannot be
//! asked is [`Unavailable`], which is never taken for an empty one.

pub mod config;
mod local;
mod s3;

pub use local::Local;
pub use s3::S3;
pub(crate) use s3::examine;

use crate::config::{Config, ConfigError};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use std::io;
use std::time::Duration;

/// The engines.
#[derive(Debug, Clone)]
pub enum Blob {
    /// Files in a folder.
    Local(Local),
    /// A bucket of S3, or of a server that speaks as it does.
    S3(S3),
}

/// An object that is read in pieces, as fast as its reader takes them.
pub struct Opened {
    /// Its size in bytes.
    pub len: u64,
    /// Its bytes, in pieces that are small beside it.
    pub pieces: BoxStream<'static, io::Result<Bytes>>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("len", &self.len).finish_non_exhaustive()
    }
}

/// The store cannot be asked now: it is down, refuses us, or its bucket is gone. What is in it is unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl From<Unavailable> for io::Error {
    fn from(unavailable: Unavailable) -> io::Error {
        io::Error::other(unavailable)
    }
}

/// Whether a failure is the store's absence, which passes, and no fault of what was asked.
pub fn is_unavailable(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Unavailable>())
}

impl Blob {
    /// The engine that the configuration names. Asks nothing of it yet.
    pub fn from_config(config: &Config) -> Result<Blob, ConfigError> {
        match config.blob.engine()? {
            config::Engine::Local => {
                let opened = Local::open(config.data.join("blobs"));
                let failed = |error| ConfigError(format!("cannot make the blob folder: {error}"));
                opened.map(Blob::Local).map_err(failed)
            }
            config::Engine::S3 => {
                S3::open(&config.blob, config.data.join(config::STAGING_FOLDER)).map(Blob::S3)
            }
        }
    }

    /// The engine's name, for the log.
    pub fn engine(&self) -> &'static str {
        match self {
            Blob::Local(_) => "local",
            Blob::S3(_) => "s3",
        }
    }

    /// Refuses a store that cannot be used, in words for its operator. To be asked once, at the start.
    pub async fn reach(&self) -> Result<(), ConfigError> {
        match self {
            Blob::Local(local) => local
                .ping()
                .await
                .map_err(|error| ConfigError(format!("cannot use the blob folder: {error}"))),
            Blob::S3(s3) => s3.reach().await,
        }
    }

    /// Whether the store is there and lets us in.
    pub async fn ping(&self) -> io::Result<()> {
        match self {
            Blob::Local(local) => local.ping().await,
            Blob::S3(s3) => s3.ping().await,
        }
    }

    /// Keys of objects older than `age`, at most `limit`, of those whose keys' first part is `wanted`. What was
    /// begun and never finished is removed: after `age`, and uploads to a bucket in parts after a day.
    pub async fn older_than(
        &self,
        age: Duration,
        limit: usize,
        wanted: fn(&str) -> bool,
    ) -> io::Result<Vec<String>> {
        match self {
            Blob::Local(local) => local.older_than(age, limit, wanted).await,
            Blob::S3(s3) => s3.older_than(age, limit, wanted).await,
        }
    }

    /// Stores an object durably. Keys are never reused, so an object that exists is the same object.
    pub async fn put(&self, key: &str, body: Bytes) -> io::Result<()> {
        check_key(key);
        match self {
            Blob::Local(local) => local.put(key, body).await,
            Blob::S3(s3) => s3.put(key, body).await,
        }
    }

    /// Begins an object that is too large for memory: a file to write to. It is an object once it is
    /// [kept](Blob::keep), by the same server; until then it is swept like any unfinished part.
    pub async fn begin(&self, key: &str) -> io::Result<std::fs::File> {
        check_key(key);
        match self {
            Blob::Local(local) => local.begin(key).await,
            Blob::S3(s3) => s3.begin(key).await,
        }
    }

    /// Makes what was begun an object, durably; its size in bytes.
    pub async fn keep(&self, key: &str) -> io::Result<i64> {
        check_key(key);
        match self {
            Blob::Local(local) => local.keep(key).await,
            Blob::S3(s3) => s3.keep(key).await,
        }
    }

    /// Removes what was begun and not kept.
    pub async fn discard(&self, key: &str) -> io::Result<()> {
        check_key(key);
        match self {
            Blob::Local(local) => local.discard(key).await,
            Blob::S3(s3) => s3.discard(key).await,
        }
    }

    /// Opens an object to be read in pieces; memory does not grow with its size.
    pub async fn open(&self, key: &str) -> io::Result<Opened> {
        check_key(key);
        match self {
            Blob::Local(local) => local.open_object(key).await,
            Blob::S3(s3) => s3.open_object(key).await,
        }
    }

    /// Reads an object, of at most [`config::GET_LEN_MAX`].
    pub async fn get(&self, key: &str) -> io::Result<Bytes> {
        check_key(key);
        match self {
            Blob::Local(local) => local.get(key).await,
            Blob::S3(s3) => s3.get(key).await,
        }
    }

    /// The size of an object in bytes; `None` when there is none.
    pub async fn len(&self, key: &str) -> io::Result<Option<u64>> {
        check_key(key);
        match self {
            Blob::Local(local) => local.len(key).await,
            Blob::S3(s3) => s3.len(key).await,
        }
    }

    /// The objects right below a folder, each with its size in bytes; at most `limit`.
    pub async fn list(&self, folder: &str, limit: usize) -> io::Result<Vec<(String, u64)>> {
        check_key(folder);
        match self {
            Blob::Local(local) => local.list(folder, limit).await,
            Blob::S3(s3) => s3.list(folder, limit).await,
        }
    }

    /// Removes an object; one that is not there is removed already.
    pub async fn delete(&self, key: &str) -> io::Result<()> {
        check_key(key);
        match self {
            Blob::Local(local) => local.delete(key).await,
            Blob::S3(s3) => s3.delete(key).await,
        }
    }

    /// Removes an object, or a folder with every object and unfinished part in it; how many there were.
    pub async fn delete_all(&self, key: &str) -> io::Result<u64> {
        check_key(key);
        match self {
            Blob::Local(local) => local.delete_all(key).await,
            Blob::S3(s3) => s3.delete_all(key).await,
        }
    }

    /// A URL by which anyone may store this object until `ttl` is over, with a PUT of exactly `len` bytes
    /// (`Content-Length` is signed). `None` where there are no such URLs: the bytes go through this server.
    /// What was stored so is whatever its sender sent: check it before a row names it.
    pub fn presign_put(&self, key: &str, len: u64, ttl: Duration) -> Option<String> {
        check_key(key);
        match self {
            Blob::Local(_) => None,
            Blob::S3(s3) => Some(s3.presign_put(key, len, ttl)),
        }
    }

    /// A URL by which anyone may read this object until `ttl` is over; `None` as for
    /// [`presign_put`](Blob::presign_put).
    pub fn presign_get(&self, key: &str, ttl: Duration) -> Option<String> {
        check_key(key);
        match self {
            Blob::Local(_) => None,
            Blob::S3(s3) => Some(s3.presign_get(key, ttl)),
        }
    }

    /// How long such a URL is good for, as the operator wants it.
    pub fn presigned_ttl(&self) -> Duration {
        match self {
            Blob::Local(_) => Duration::ZERO,
            Blob::S3(s3) => s3.presigned_ttl(),
        }
    }
}

fn check_key(key: &str) {
    debug_assert!(
        key.split('/')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
        "object keys are ids joined by slashes"
    );
}
