//! Limits and settings of the blob store.

use crate::config::{ConfigError, hide};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An object above this goes to a bucket in parts of this size, each repeated by itself when it fails.
pub(crate) const PART_LEN: u64 = 8 * 1024 * 1024;
/// Parts of one object that are under way at once.
pub(super) const PARTS_AT_ONCE: usize = 4;
/// Parts in memory at once, of all objects: 128 MiB.
pub(super) const PARTS_MAX: usize = 16;
/// Most parts of one object (S3's limit): past 80 GB the parts grow.
pub(super) const PARTS_OF_OBJECT_MAX: u64 = 10_000;
/// Largest object that is read whole: a save of 16 MiB with room for its seals.
pub const GET_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Where archives for a bucket are made, in the data folder.
pub(super) const STAGING_FOLDER: &str = "staging";
/// When an upload in parts that was never finished is given up: far longer than any takes.
pub(super) const UNFINISHED_AGE: Duration = Duration::from_secs(24 * 3600);
/// Tries of one request to a bucket.
pub(super) const TRIES_MAX: u32 = 4;
/// Pauses between tries: chosen at random below a bound that doubles, from this …
pub(super) const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// … to this.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Deadline of one request with all its tries: below that of the request of ours that waits for it.
pub(super) const TRIES_TIMEOUT: Duration = Duration::from_secs(60);
/// The slowest line that an upload is waited for on, in bytes a second.
pub(super) const RATE_MIN: u64 = 256 * 1024;
/// Failures in a row after which the store is taken to be down.
pub(super) const DOWN_AFTER: u32 = 8;
/// How long it is then left alone: requests fail at once, and one is let through after it.
pub(super) const DOWN_FOR: Duration = Duration::from_secs(2);
/// Deadline of the question whether the store is there.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// Readers of objects in pieces at once: each may be as slow as a player's line.
pub(super) const READERS_MAX: usize = 256;
/// How often one reader may take up an object where it was cut off.
pub(super) const RESUMES_MAX: u32 = 5;
/// Objects removed at once where a folder is.
pub(super) const DELETES_AT_ONCE: usize = 8;
/// How often a file with credentials is looked at again: an agent may renew it.
pub(super) const CREDENTIALS_FRESH: Duration = Duration::from_secs(60);
/// Longest life of a presigned URL (S3's limit).
const PRESIGNED_TTL_S_MAX: u64 = 7 * 24 * 3600;

/// The engines, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Local,
    S3,
}

/// Settings of the blob store.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlobConfig {
    /// `local`, the folder `blobs` of the data folder, or `s3`, a bucket.
    pub engine: String,
    /// Where the S3 server is: `https://…`; empty for Amazon's in the region.
    pub endpoint: String,
    /// Where games reach it, for URLs that they are given, when that differs.
    pub public_endpoint: String,
    /// The bucket's region.
    pub region: String,
    /// The bucket; it has to exist.
    pub bucket: String,
    /// What the keys in it begin with; servers on one database have the same.
    pub prefix: String,
    /// Whether the bucket stands in the path (`https://host/bucket/key`) and not in the host's name.
    pub path_style: bool,
    /// The access key's id. Where neither it nor `credentials_file` is set, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` are taken.
    pub access_key_id: String,
    /// The access key's secret.
    pub access_key_secret: String,
    /// The session's token, for keys that expire.
    pub session_token: String,
    /// A file with the keys, as in `~/.aws/credentials`, its profile `default`. It is read again every minute.
    pub credentials_file: String,
    /// PEM file with further certificate roots, for a private server.
    pub ca_file: String,
    /// How long URLs are good for by which games store and load large parts themselves.
    pub presigned_ttl_s: u64,
    /// Deadline for the server's answer; uploads are given more by their size.
    pub timeout_ms: u64,
    /// Most requests to the server at once.
    pub requests_max: u32,
}

impl Default for BlobConfig {
    fn default() -> BlobConfig {
        BlobConfig {
            engine: "local".into(),
            endpoint: String::new(),
            public_endpoint: String::new(),
            region: "us-east-1".into(),
            bucket: String::new(),
            prefix: String::new(),
            path_style: true,
            access_key_id: String::new(),
            access_key_secret: String::new(),
            session_token: String::new(),
            credentials_file: String::new(),
            ca_file: String::new(),
            presigned_ttl_s: 900,
            timeout_ms: 10_000,
            requests_max: 64,
        }
    }
}

impl std::fmt::Debug for BlobConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobConfig")
            .field("engine", &self.engine)
            .field("endpoint", &self.endpoint)
            .field("public_endpoint", &self.public_endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("path_style", &self.path_style)
            .field("access_key_id", &self.access_key_id)
            .field("access_key_secret", &hide(&self.access_key_secret))
            .field("session_token", &hide(&self.session_token))
            .field("credentials_file", &self.credentials_file)
            .field("ca_file", &self.ca_file)
            .field("presigned_ttl_s", &self.presigned_ttl_s)
            .field("timeout_ms", &self.timeout_ms)
            .field("requests_max", &self.requests_max)
            .finish()
    }
}

impl BlobConfig {
    pub(crate) fn engine(&self) -> Result<Engine, ConfigError> {
        match self.engine.as_str() {
            "local" => Ok(Engine::Local),
            "s3" => Ok(Engine::S3),
            other => Err(ConfigError(format!("`blob.engine` is local or s3, not `{other}`"))),
        }
    }

    /// Refuses settings with which nothing could be stored.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.engine()? == Engine::Local {
            return Ok(());
        }
        let wrong = |what: &str| Err(ConfigError(what.to_owned()));
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if self.bucket.is_empty() {
            return wrong("set `blob.bucket`: the bucket of `blob.engine` s3");
        }
        if !self.bucket.bytes().all(in_name) {
            return wrong("`blob.bucket` has letters, digits, `-`, `.` and `_` only");
        }
        if self.region.is_empty() || !self.region.bytes().all(in_name) {
            return wrong("`blob.region` has letters, digits, `-`, `.` and `_` only, and is not empty");
        }
        let prefix = self.prefix.trim_matches('/');
        if !prefix.is_empty()
            && !prefix
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(in_name))
        {
            return wrong("`blob.prefix` has letters, digits, `-`, `.`, `_` and single `/` only");
        }
        if !(1..=PRESIGNED_TTL_S_MAX).contains(&self.presigned_ttl_s) {
            return Err(ConfigError(format!("`blob.presigned_ttl_s` is 1 to {PRESIGNED_TTL_S_MAX}")));
        }
        if self.timeout_ms == 0 || self.requests_max == 0 {
            return wrong("`blob.timeout_ms` and `blob.requests_max` must be above 0");
        }
        let keys = [&self.access_key_id, &self.access_key_secret].map(|key| !key.is_empty());
        match (keys, self.credentials_file.is_empty()) {
            ([true, true], true) | ([false, false], false) => {}
            ([false, false], true) => {
                return wrong(
                    "set `blob.access_key_id` and `blob.access_key_secret`, `blob.credentials_file`, or \
                     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                );
            }
            (_, false) => return wrong("set `blob.credentials_file` or the access key, not both"),
            _ => return wrong("set both `blob.access_key_id` and `blob.access_key_secret`, or neither"),
        }
        self.url()?;
        self.public_url().map(drop)
    }

    /// The bucket, as this server reaches it.
    pub(super) fn url(&self) -> Result<Url, ConfigError> {
        let endpoint = match self.endpoint.as_str() {
            "" => &format!("https://s3.{}.amazonaws.com", self.region),
            endpoint => endpoint,
        };
        self.bucket_at("blob.endpoint", endpoint)
    }

    /// The bucket, as games reach it.
    pub(super) fn public_url(&self) -> Result<Url, ConfigError> {
        match self.public_endpoint.as_str() {
            "" => self.url(),
            endpoint => self.bucket_at("blob.public_endpoint", endpoint),
        }
    }

    fn bucket_at(&self, key: &str, endpoint: &str) -> Result<Url, ConfigError> {
        let wrong = |why: &str| ConfigError(format!("`{key}` {why}"));
        let mut url = Url::parse(endpoint).map_err(|error| wrong(&format!("is no URL: {error}")))?;
        let bare = url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous {
            return Err(wrong("is a URL of http or https without user, password, query and fragment"));
        }
        if self.path_style {
            url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), self.bucket));
            return Ok(url);
        }
        match url.host_str().map(str::to_owned) {
            Some(host) if url.domain().is_some() => {
                let host = format!("{}.{host}", self.bucket);
                url.set_host(Some(&host))
                    .map_err(|error| wrong(&format!("with `blob.bucket` before it: {error}")))?;
                Ok(url)
            }
            _ => Err(wrong("is an address: set `blob.path_style` to true")),
        }
    }
}
