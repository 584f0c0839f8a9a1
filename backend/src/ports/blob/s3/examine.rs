//! What `aethex-cloud doctor` asks of a bucket: what the server does with it, and what it must not let others do.

use super::net::{Ask, Fault, TEXT_LEN_MAX};
use super::{S3, time, xml};
use crate::context::{new_id, now_ms};
use crate::ports::blob::config::BlobConfig;
use bytes::Bytes;
use reqwest::Method;
use std::path::PathBuf;
use std::time::Duration;

/// What is put into the bucket and taken away again.
const PROBE: &[u8] = b"aethex-cloud doctor";
/// How far the clocks may be apart; S3 refuses past 15 minutes.
const SKEW_MAX_MS: i64 = 60_000;
/// How long the URLs of this check are good for.
const TTL: Duration = Duration::from_secs(60);
/// Deadline of one question.
const LIMIT: Duration = Duration::from_secs(10);

/// A check with its outcome.
type Found = (&'static str, Result<String, String>);

/// Runs every check; each later one needs the ones before.
pub(crate) async fn examine(config: &BlobConfig) -> Vec<Found> {
    let s3 = match config.check().and_then(|()| S3::open(config, PathBuf::new())) {
        Ok(s3) => s3,
        Err(error) => return vec![("blob store", Err(error.0))],
    };
    let mut found = vec![("blob store", reach(config, &s3).await)];
    if found[0].1.is_err() {
        return found;
    }
    let key = format!("doctor-{}", new_id());
    found.push(("blob clock", clock(&s3).await));
    found.push(("blob objects", objects(&s3, &key).await));
    found.push(("blob urls", urls(&s3, &format!("{key}-url")).await));
    found.push(("blob strangers", strangers(config, &s3, &key).await));
    found.push(("blob versioning", versioning(&s3).await));
    for key in [key.clone(), format!("{key}-url")] {
        // Removed above, unless a check failed before it came to that.
        let _ = s3.delete(&key).await;
    }
    found
}

async fn reach(config: &BlobConfig, s3: &S3) -> Result<String, String> {
    let place = config.url().map_err(|error| error.0)?;
    match s3.0.net.probe(&s3.list_ask("", None, None).query("max-keys", "1"), LIMIT).await {
        Ok(_) if place.scheme() == "http" => Ok(format!("{place} answers; the connection has no TLS")),
        Ok(_) => Ok(format!("{place} answers")),
        Err(fault) => Err(advice(&fault)),
    }
}

/// What to do about a failure.
pub(super) fn advice(fault: &Fault) -> String {
    let hint = match fault.code() {
        "NoSuchBucket" => "make the bucket, or set `blob.bucket`",
        "InvalidAccessKeyId" => "the server does not know `blob.access_key_id`",
        "SignatureDoesNotMatch" => "`blob.access_key_secret` is wrong, or `blob.region`",
        "AccessDenied" => "the access key may not list, read and write the bucket",
        "RequestTimeTooSkewed" => "set this machine's clock",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => "set `blob.region` to the bucket's region",
        _ => match fault {
            Fault::Passing { .. } => "see `blob.endpoint`, and whether the server runs",
            _ => "see `blob.endpoint`, `blob.region` and `blob.bucket`",
        },
    };
    format!("{fault}; {hint}")
}

async fn clock(s3: &S3) -> Result<String, String> {
    let ask = s3.list_ask("", None, None).query("max-keys", "1");
    let answer = s3.0.net.probe(&ask, LIMIT).await.map_err(|fault| advice(&fault))?;
    let Some(theirs) = answer.header("date").and_then(time::of_header) else {
        return Ok("the server does not tell its time".into());
    };
    let skew = now_ms() - theirs;
    match skew.abs() <= SKEW_MAX_MS {
        true => Ok(format!("within {} s of the server's", skew.abs() / 1000 + 1)),
        false => Err(format!(
            "{} s from the server's: requests are refused past 15 minutes; set this machine's clock",
            skew / 1000
        )),
    }
}

async fn objects(s3: &S3, key: &str) -> Result<String, String> {
    let failed = |what: &str, error: std::io::Error| format!("cannot {what} an object: {error}");
    s3.put(key, Bytes::from_static(PROBE)).await.map_err(|error| failed("put", error))?;
    let read = s3.get(key).await.map_err(|error| failed("get", error))?;
    if read != PROBE {
        return Err("an object came back altered".into());
    }
    s3.delete(key).await.map_err(|error| failed("delete", error))?;
    match s3.len(key).await.map_err(|error| failed("look for", error))? {
        None => Ok("put, read and deleted one".into()),
        Some(_) => Err("an object is still there after its delete".into()),
    }
}

/// What a game does with a URL that it was given.
async fn urls(s3: &S3, key: &str) -> Result<String, String> {
    let (none, twice) = (Bytes::new(), Bytes::from([PROBE, PROBE].concat()));
    let plain = |method, url: String, body: &Bytes| s3.0.net.plain(method, url, body.clone());
    let put = s3.presign_put(key, PROBE.len() as u64, TTL);
    let status = plain(Method::PUT, put.clone(), &Bytes::from_static(PROBE)).await?;
    if !(200..300).contains(&status) {
        return Err(format!("a presigned PUT was refused with {status}; see `blob.public_endpoint`"));
    }
    let altered = plain(Method::PUT, put, &twice).await?;
    if (200..300).contains(&altered) {
        return Err("a presigned PUT took more bytes than it was signed for".into());
    }
    let status = plain(Method::GET, s3.presign_get(key, TTL), &none).await?;
    if status != 200 {
        return Err(format!("a presigned GET was refused with {status}; see `blob.public_endpoint`"));
    }
    s3.delete(key).await.map_err(|error| error.to_string())?;
    Ok("a presigned PUT and GET work".into())
}

/// Nobody else may in: not with a wrong key, and not without one.
async fn strangers(config: &BlobConfig, s3: &S3, key: &str) -> Result<String, String> {
    let stranger = BlobConfig {
        access_key_id: s3.0.net.key_id(),
        access_key_secret: new_id(),
        session_token: String::new(),
        credentials_file: String::new(),
        ..config.clone()
    };
    let stranger = S3::open(&stranger, PathBuf::new()).map_err(|error| error.0)?;
    s3.put(key, Bytes::from_static(PROBE)).await.map_err(|error| error.to_string())?;
    if stranger.get(key).await.is_ok() {
        return Err("a wrong secret is let in: the server does not check signatures".into());
    }
    let url = s3.presign_get(key, TTL);
    let bare = url.split('?').next().unwrap_or_default().to_owned();
    let status = s3.0.net.plain(Method::GET, bare, Bytes::new()).await?;
    s3.delete(key).await.map_err(|error| error.to_string())?;
    match status {
        200..300 => Err("anybody can read the bucket: take public access from it".into()),
        _ => Ok("a wrong key and no key are refused".into()),
    }
}

/// A bucket with versions keeps what is deleted.
async fn versioning(s3: &S3) -> Result<String, String> {
    let ask = Ask::new(Method::GET, "").query("versioning", "");
    match s3.0.net.ask(&ask, TEXT_LEN_MAX).await {
        Ok(answer) => match answer.text().ok().and_then(|xml| xml::text(xml, "Status")).as_deref() {
            Some("Enabled") => {
                Err("it is on: what players delete stays in the bucket as an old version; suspend \
                 it, or add a lifecycle rule that removes old versions within the time you promise"
                    .into())
            }
            _ => Ok("off: what is deleted is gone".into()),
        },
        Err(fault) => Ok(format!("not known: {fault}")),
    }
}
