//! A bucket of S3, or of a server that speaks as it does.
//!
//! `net` sends signed requests and repeats those that may be; this file says which. An object above a part's
//! size goes in parts (`multipart`), so that a failure costs one of them. Archives are made in a file of the
//! data folder first (`begin`, `keep`). Objects are read as a stream that is taken up again where it was cut off.
//! Our own signer and a reader of a few elements stand in for a client library: the common ones bring a second
//! TLS provider or minutes of compiling, and do not sign what is in a body.

mod credentials;
mod examine;
mod multipart;
mod net;
mod sign;
mod time;
mod xml;

pub(crate) use examine::examine;

use super::config::{
    BlobConfig, DELETES_AT_ONCE, GET_LEN_MAX, PART_LEN, PARTS_MAX, PING_TIMEOUT, READERS_MAX, RESUMES_MAX,
};
use super::local::{PART, gone, run};
use super::{Opened, Unavailable};
use crate::config::ConfigError;
use crate::context::now_ms;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use multipart::Source;
use net::{Ask, Fault, Net, TEXT_LEN_MAX, next_piece};
use reqwest::{Method, Response, Url};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bucket.
#[derive(Clone)]
pub struct S3(Arc<Inner>);

struct Inner {
    net: Net,
    public: Url,
    /// Empty, or with a slash at its end.
    prefix: String,
    staging: PathBuf,
    presigned_ttl: Duration,
    /// Parts that may be in memory.
    parts: Semaphore,
    readers: Arc<Semaphore>,
}

/// An object of a listing.
#[derive(Debug)]
struct Listed {
    /// Without the prefix.
    key: String,
    changed_at_ms: i64,
    len: u64,
}

/// A page of a listing.
#[derive(Debug, Default)]
struct ListPage {
    objects: Vec<Listed>,
    folders: Vec<String>,
    next: Option<String>,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("net", &self.0.net).field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

impl S3 {
    pub(super) fn open(config: &BlobConfig, staging: PathBuf) -> Result<S3, ConfigError> {
        let prefix = match config.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(S3(Arc::new(Inner {
            net: Net::open(config)?,
            public: config.public_url()?,
            prefix,
            staging,
            presigned_ttl: Duration::from_secs(config.presigned_ttl_s),
            parts: Semaphore::new(PARTS_MAX),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
        })))
    }

    /// Whether the bucket lets us in, in words for its operator.
    pub(super) async fn reach(&self) -> Result<(), ConfigError> {
        match self.list_page("", None, None).await {
            Ok(_) => Ok(()),
            Err(fault) => Err(ConfigError(format!("cannot use the bucket: {}", examine::advice(&fault)))),
        }
    }

    pub(super) async fn ping(&self) -> io::Result<()> {
        let ask = self.list_ask("", None, None).query("max-keys", "1");
        Ok(self.0.net.probe(&ask, PING_TIMEOUT).await.map(drop)?)
    }

    pub(super) async fn put(&self, key: &str, body: Bytes) -> io::Result<()> {
        if body.len() as u64 > PART_LEN {
            return Ok(multipart::put(self, key, Source::Memory(body)).await?);
        }
        let ask = Ask::new(Method::PUT, &self.full(key)).body(body);
        Ok(self.0.net.ask(&ask, TEXT_LEN_MAX).await.map(drop)?)
    }

    pub(super) async fn begin(&self, key: &str) -> io::Result<File> {
        let (folder, path) = (self.0.staging.clone(), self.staged(key));
        run(move || {
            std::fs::create_dir_all(folder)?;
            File::create(path)
        })
        .await
    }

    pub(super) async fn keep(&self, key: &str) -> io::Result<i64> {
        let path = self.staged(key);
        let opened = path.clone();
        let (file, len) = run(move || {
            let file = File::open(opened)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        })
        .await?;
        if len > PART_LEN {
            multipart::put(self, key, Source::File(Arc::new(parking_lot::Mutex::new(file)), len)).await?;
        } else {
            self.put(key, multipart::read_at(&Arc::new(parking_lot::Mutex::new(file)), 0, len).await?)
                .await?;
        }
        run(move || gone(std::fs::remove_file(path))).await?;
        Ok(len as i64)
    }

    pub(super) async fn discard(&self, key: &str) -> io::Result<()> {
        let path = self.staged(key);
        run(move || gone(std::fs::remove_file(path))).await
    }

    pub(super) async fn get(&self, key: &str) -> io::Result<Bytes> {
        let answer = self.0.net.ask(&Ask::new(Method::GET, &self.full(key)), GET_LEN_MAX).await?;
        Ok(answer.body)
    }

    pub(super) async fn len(&self, key: &str) -> io::Result<Option<u64>> {
        Ok(self.object_len(key).await?)
    }

    async fn object_len(&self, key: &str) -> Result<Option<u64>, Fault> {
        match self.0.net.ask(&Ask::new(Method::HEAD, &self.full(key)), TEXT_LEN_MAX).await {
            Ok(answer) => {
                let len = answer.header("content-length").and_then(|len| len.parse().ok());
                Ok(Some(len.ok_or_else(|| Fault::broken("it has no length"))?))
            }
            // Such an answer has no body that could say what is missing: the object or the bucket.
            Err(Fault::Missing | Fault::Refused { status: 404, .. }) => {
                self.list_page("", None, None).await?;
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn open_object(&self, key: &str) -> io::Result<Opened> {
        let room = self.0.readers.clone().try_acquire_owned();
        let room = room.map_err(|_| Unavailable("too many objects are being read".into()))?;
        let key = self.full(key);
        let (response, headers) = self.0.net.open_answer(&Ask::new(Method::GET, &key)).await?;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let len = header("content-length").and_then(|len| len.parse().ok());
        let len = len.ok_or_else(|| Fault::broken("it has no length"))?;
        let etag = header("etag").unwrap_or_default().to_owned();
        let reader = Reader {
            s3: self.clone(),
            key,
            etag,
            at: 0,
            len,
            resumes: 0,
            response: Some(response),
            _room: room,
        };
        let pieces = stream::try_unfold(reader, |mut reader| async move {
            let piece = reader.next().await?;
            Ok(piece.map(|piece| (piece, reader)))
        });
        Ok(Opened { len, pieces: pieces.boxed() })
    }

    pub(super) async fn list(&self, folder: &str, limit: usize) -> io::Result<Vec<(String, u64)>> {
        let (folder, mut found, mut next) = (format!("{folder}/"), Vec::new(), None);
        loop {
            let page = self.list_page(&folder, Some("/"), next).await?;
            found.extend(page.objects.into_iter().map(|object| (object.key, object.len)));
            found.truncate(limit);
            match page.next {
                Some(token) if found.len() < limit => next = Some(token),
                _ => return Ok(found),
            }
        }
    }

    pub(super) async fn delete(&self, key: &str) -> io::Result<()> {
        Ok(self.delete_object(key).await?)
    }

    async fn delete_object(&self, key: &str) -> Result<(), Fault> {
        match self.0.net.ask(&Ask::new(Method::DELETE, &self.full(key)), TEXT_LEN_MAX).await {
            Ok(_) | Err(Fault::Missing) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn delete_all(&self, key: &str) -> io::Result<u64> {
        let folder = format!("{key}/");
        let mut count = multipart::abort_below(self, key, &folder).await?;
        count += self.discard_all(key).await?;
        let mut next = None;
        loop {
            let page = self.list_page(&folder, None, next).await?;
            count += page.objects.len() as u64;
            stream::iter(page.objects.iter().map(Ok))
                .try_for_each_concurrent(DELETES_AT_ONCE, |object| self.delete_object(&object.key))
                .await?;
            match page.next {
                Some(token) => next = Some(token),
                None => break,
            }
        }
        if self.object_len(key).await?.is_some() {
            self.delete_object(key).await?;
            count += 1;
        }
        Ok(count)
    }

    pub(super) async fn older_than(
        &self,
        age: Duration,
        limit: usize,
        wanted: fn(&str) -> bool,
    ) -> io::Result<Vec<String>> {
        self.sweep_staging(age).await?;
        multipart::sweep(self, wanted).await?;
        let before_ms = now_ms() - age.as_millis() as i64;
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let page = self.list_page("", Some("/"), next).await?;
            for folder in page.folders.iter().filter(|folder| wanted(folder.trim_end_matches('/'))) {
                self.older_in(folder, before_ms, limit, &mut found).await?;
            }
            match page.next {
                Some(token) if found.len() < limit => next = Some(token),
                _ => return Ok(found),
            }
        }
    }

    async fn older_in(
        &self,
        folder: &str,
        before_ms: i64,
        limit: usize,
        found: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let mut next = None;
        while found.len() < limit {
            let page = self.list_page(folder, None, next).await?;
            let old = page.objects.into_iter().filter(|object| object.changed_at_ms < before_ms);
            found.extend(old.map(|object| object.key).take(limit - found.len()));
            next = match page.next {
                Some(token) => Some(token),
                None => break,
            };
        }
        Ok(())
    }

    pub(super) fn presign_put(&self, key: &str, len: u64, ttl: Duration) -> String {
        let headers = vec![("content-length", len.to_string())];
        self.0.net.presign("PUT", &self.0.public, &self.full(key), &headers, seconds(ttl)).into()
    }

    pub(super) fn presign_get(&self, key: &str, ttl: Duration) -> String {
        self.0.net.presign("GET", &self.0.public, &self.full(key), &vec![], seconds(ttl)).into()
    }

    pub(super) fn presigned_ttl(&self) -> Duration {
        self.0.presigned_ttl
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.0.prefix)
    }

    fn list_ask(&self, below: &str, delimiter: Option<&str>, next: Option<String>) -> Ask {
        let mut ask = Ask::new(Method::GET, "").query("list-type", "2").query("prefix", self.full(below));
        if let Some(delimiter) = delimiter {
            ask = ask.query("delimiter", delimiter);
        }
        match next {
            Some(token) => ask.query("continuation-token", token),
            None => ask,
        }
    }

    async fn list_page(
        &self,
        below: &str,
        delimiter: Option<&str>,
        next: Option<String>,
    ) -> Result<ListPage, Fault> {
        let answer = self.0.net.ask(&self.list_ask(below, delimiter, next), TEXT_LEN_MAX).await?;
        let xml = answer.text()?;
        if xml::text(xml, "IsTruncated").is_none() {
            return Err(Fault::broken("it is no listing"));
        }
        let mut page = ListPage::default();
        for object in xml::each(xml, "Contents") {
            let key = xml::text(object, "Key").ok_or_else(|| Fault::broken("an object has no key"))?;
            let changed = xml::text(object, "LastModified").and_then(|text| time::of_listing(&text));
            let changed_at_ms = changed.ok_or_else(|| Fault::broken("an object has no time"))?;
            // What is not below our prefix is not ours, and what ends in a slash is some server's mark of a folder.
            if let Some(key) = key.strip_prefix(&self.0.prefix)
                && !key.ends_with('/')
            {
                let len = xml::text(object, "Size").and_then(|size| size.parse().ok());
                let len = len.ok_or_else(|| Fault::broken("an object has no size"))?;
                page.objects.push(Listed { key: key.to_owned(), changed_at_ms, len });
            }
        }
        for folder in xml::each(xml, "CommonPrefixes") {
            let folder = xml::text(folder, "Prefix").unwrap_or_default();
            page.folders.extend(folder.strip_prefix(&self.0.prefix).map(str::to_owned));
        }
        let more = xml::text(xml, "IsTruncated").is_some_and(|more| more == "true");
        page.next = xml::text(xml, "NextContinuationToken").filter(|_| more).map(|token| token.into_owned());
        Ok(page)
    }

    /// Where an archive is made before it is an object: one folder for all, so slashes go.
    fn staged(&self, key: &str) -> PathBuf {
        self.0.staging.join(format!("{}.{PART}", key.replace('/', "_")))
    }

    /// Removes files that were begun and not kept, at or below a key.
    async fn discard_all(&self, key: &str) -> io::Result<u64> {
        let (at, below) =
            (format!("{}.{PART}", key.replace('/', "_")), format!("{}_", key.replace('/', "_")));
        self.remove_staged(move |name, _| name == at || name.starts_with(&below)).await
    }

    async fn sweep_staging(&self, age: Duration) -> io::Result<u64> {
        let old = move |_: &str, file: &std::fs::Metadata| {
            file.modified().is_ok_and(|at| at.elapsed().is_ok_and(|since| since > age))
        };
        self.remove_staged(old).await
    }

    async fn remove_staged(
        &self,
        which: impl Fn(&str, &std::fs::Metadata) -> bool + Send + 'static,
    ) -> io::Result<u64> {
        let folder = self.0.staging.clone();
        run(move || {
            let entries = match std::fs::read_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                entries => entries?,
            };
            let mut count = 0;
            for entry in entries {
                let entry = entry?;
                if entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| entry.metadata().is_ok_and(|file| which(name, &file)))
                {
                    gone(std::fs::remove_file(entry.path()))?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }
}

fn seconds(ttl: Duration) -> u64 {
    ttl.as_secs().max(1)
}

/// An object that is being read.
struct Reader {
    s3: S3,
    key: String,
    etag: String,
    at: u64,
    len: u64,
    resumes: u32,
    response: Option<Response>,
    _room: OwnedSemaphorePermit,
}

impl Reader {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.at < self.len {
            let fault = match &mut self.response {
                Some(response) => match next_piece(response, self.s3.0.net.timeout()).await {
                    Ok(Some(piece)) if self.at + piece.len() as u64 <= self.len => {
                        self.at += piece.len() as u64;
                        return Ok(Some(piece));
                    }
                    Ok(_) => Fault::broken("it has another length than it says"),
                    Err(fault) => fault,
                },
                None => Fault::broken("it was cut off"),
            };
            self.response = None;
            if self.resumes >= RESUMES_MAX {
                return Err(fault.into());
            }
            self.resumes += 1;
            self.response = Some(self.rest().await?);
        }
        Ok(None)
    }

    /// The same object from where it was cut off.
    async fn rest(&self) -> Result<Response, Fault> {
        let mut ask = Ask::new(Method::GET, &self.key).header("range", format!("bytes={}-", self.at));
        if !self.etag.is_empty() {
            ask = ask.header("if-match", self.etag.clone());
        }
        let (response, headers) = self.s3.0.net.open_answer(&ask).await?;
        let range = headers.get("content-range").and_then(|range| range.to_str().ok());
        match range.is_some_and(|range| range.starts_with(&format!("bytes {}-", self.at))) {
            true => Ok(response),
            false => Err(Fault::broken("it is not the range that was asked for")),
        }
    }
}
