//! Large objects, in parts: begun, sent a few parts at a time, completed; or aborted, at once or by the sweep.

use super::super::config::{PART_LEN, PARTS_AT_ONCE, PARTS_OF_OBJECT_MAX, UNFINISHED_AGE};
use super::super::local::run;
use super::net::{Ask, Fault, TEXT_LEN_MAX};
use super::{S3, time, xml};
use crate::context::now_ms;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use reqwest::Method;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Where an object's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Memory(Bytes),
    File(Arc<Mutex<File>>, u64),
}

impl Source {
    fn len(&self) -> u64 {
        match self {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File(_, len) => *len,
        }
    }

    async fn read(&self, at: u64, len: u64) -> io::Result<Bytes> {
        match self {
            Source::Memory(bytes) => Ok(bytes.slice(at as usize..(at + len) as usize)),
            Source::File(file, _) => read_at(file, at, len).await,
        }
    }
}

/// A piece of a file; it is an error when it is shorter.
pub(super) async fn read_at(file: &Arc<Mutex<File>>, at: u64, len: u64) -> io::Result<Bytes> {
    let file = file.clone();
    run(move || {
        let mut piece = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let mut file = file.lock();
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut piece)?;
        Ok(piece.into())
    })
    .await
}

/// Why a part was not sent.
#[derive(Debug)]
pub(super) enum Failed {
    Asking(Fault),
    Reading(io::Error),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed::Asking(fault)
    }
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        match failed {
            Failed::Asking(fault) => fault.into(),
            Failed::Reading(error) => error,
        }
    }
}

/// An upload that was begun.
#[derive(Debug)]
struct Upload {
    /// With the prefix.
    key: String,
    id: String,
    begun_at_ms: i64,
}

/// Stores an object in parts.
pub(super) async fn put(s3: &S3, key: &str, source: Source) -> Result<(), Failed> {
    let full = s3.full(key);
    let begin = Ask::new(Method::POST, &full).query("uploads", "").once();
    let answer = s3.0.net.ask(&begin, TEXT_LEN_MAX).await?;
    let id = xml::text(answer.text()?, "UploadId").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Fault::broken("it has no upload's id"))?.into_owned();
    let upload = Upload { key: full, id, begun_at_ms: 0 };
    let sent = send(s3, key, &upload, &source).await;
    if sent.is_err()
        && let Err(fault) = abort(s3, &upload).await
    {
        tracing::warn!(%fault, "an upload in parts is left to the sweep");
    }
    sent
}

async fn send(s3: &S3, key: &str, upload: &Upload, source: &Source) -> Result<(), Failed> {
    let len = source.len();
    let part_len = PART_LEN.max(len.div_ceil(PARTS_OF_OBJECT_MAX));
    let parts: Vec<(u64, String)> = stream::iter(0..len.div_ceil(part_len))
        .map(|index| async move {
            let at = index * part_len;
            let _in_memory = s3.0.parts.acquire().await.expect("the semaphore is never closed");
            let body = source.read(at, part_len.min(len - at)).await.map_err(Failed::Reading)?;
            let number = index + 1;
            let ask = Ask::new(Method::PUT, &upload.key)
                .query("partNumber", number.to_string())
                .query("uploadId", upload.id.as_str())
                .body(body);
            let answer = s3.0.net.ask(&ask, TEXT_LEN_MAX).await?;
            let etag = answer.header("etag").ok_or_else(|| Fault::broken("a part has no ETag"))?;
            Ok::<_, Failed>((number, etag.to_owned()))
        })
        .buffered(PARTS_AT_ONCE)
        .try_collect()
        .await?;
    match complete(s3, upload, &parts).await {
        Ok(()) => {}
        // An answer may have been lost, and a repeat then finds the upload gone.
        Err(fault) if fault.code() == "NoSuchUpload" || matches!(fault, Fault::Passing { .. }) => {
            if s3.object_len(key).await? != Some(len) {
                return Err(fault.into());
            }
        }
        Err(fault) => return Err(fault.into()),
    }
    match s3.object_len(key).await? {
        Some(found) if found == len => Ok(()),
        _ => Err(Fault::broken("what was stored has another length").into()),
    }
}

async fn complete(s3: &S3, upload: &Upload, parts: &[(u64, String)]) -> Result<(), Fault> {
    let mut body = String::from("<CompleteMultipartUpload>");
    for (number, etag) in parts {
        let etag = etag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    body.push_str("</CompleteMultipartUpload>");
    let ask = Ask::new(Method::POST, &upload.key).query("uploadId", upload.id.as_str()).body(body.into());
    let answer = s3.0.net.ask(&ask, TEXT_LEN_MAX).await?;
    let xml = answer.text()?;
    // S3 says 200 before it knows, and may end with an error.
    match (xml::text(xml, "Code"), xml::text(xml, "ETag")) {
        (Some(code), _) => Err(Fault::Passing { words: format!("200 {code}"), sent: true }),
        (None, None) => Err(Fault::broken("it does not say that the object is complete")),
        (None, Some(_)) => Ok(()),
    }
}

async fn abort(s3: &S3, upload: &Upload) -> Result<(), Fault> {
    let ask = Ask::new(Method::DELETE, &upload.key).query("uploadId", upload.id.as_str());
    match s3.0.net.ask(&ask, TEXT_LEN_MAX).await {
        Err(fault) if fault.code() != "NoSuchUpload" && !matches!(fault, Fault::Missing) => Err(fault),
        _ => Ok(()),
    }
}

/// Aborts what was begun a day ago and never finished, below folders that are `wanted`.
pub(super) async fn sweep(s3: &S3, wanted: fn(&str) -> bool) -> Result<u64, Fault> {
    let before_ms = now_ms() - UNFINISHED_AGE.as_millis() as i64;
    abort_some(s3, "", |key| wanted(key.split('/').next().unwrap_or_default()), before_ms).await
}

/// Aborts what was begun at `key` or below `folder`; how many there were.
pub(super) async fn abort_below(s3: &S3, key: &str, folder: &str) -> Result<u64, Fault> {
    abort_some(s3, key, |found| found == key || found.starts_with(folder), i64::MAX).await
}

async fn abort_some(
    s3: &S3,
    below: &str,
    wanted: impl Fn(&str) -> bool,
    before_ms: i64,
) -> Result<u64, Fault> {
    let mut markers = None;
    let mut count = 0;
    loop {
        let (uploads, next) = list(s3, below, markers).await?;
        for upload in uploads {
            let ours = upload.key.strip_prefix(&s3.0.prefix).is_some_and(&wanted);
            if ours && upload.begun_at_ms <= before_ms {
                abort(s3, &upload).await?;
                count += 1;
            }
        }
        match next {
            Some(next) => markers = Some(next),
            None => return Ok(count),
        }
    }
}

/// A page of unfinished uploads, and the markers of the next one.
async fn list(
    s3: &S3,
    below: &str,
    after: Option<(String, String)>,
) -> Result<(Vec<Upload>, Option<(String, String)>), Fault> {
    let mut ask = Ask::new(Method::GET, "").query("uploads", "").query("prefix", s3.full(below));
    if let Some((key, id)) = after.clone() {
        ask = ask.query("key-marker", key).query("upload-id-marker", id);
    }
    let answer = s3.0.net.ask(&ask, TEXT_LEN_MAX).await?;
    let xml = answer.text()?;
    let mut uploads = Vec::new();
    for upload in xml::each(xml, "Upload") {
        let field = |name| xml::text(upload, name).ok_or_else(|| Fault::broken("an upload lacks a field"));
        let begun = time::of_listing(&field("Initiated")?);
        let begun_at_ms = begun.ok_or_else(|| Fault::broken("an upload has no time"))?;
        let (key, id) = (field("Key")?.into_owned(), field("UploadId")?.into_owned());
        uploads.push(Upload { key, id, begun_at_ms });
    }
    let marker = |name| xml::text(xml, name).unwrap_or_default().into_owned();
    let next = (marker("NextKeyMarker"), marker("NextUploadIdMarker"));
    let more = xml::text(xml, "IsTruncated").is_some_and(|more| more == "true");
    // A server that gives the same page again would be asked for ever.
    Ok((uploads, Some(next).filter(|next| more && !next.0.is_empty() && Some(next) != after.as_ref())))
}
