//! Uploads of large parts, in chunks that the player's device has sealed (`wire/saves/uploads.rs`).
//!
//! Each chunk is an object of its own below the upload's folder, put there by the device itself where the blob store
//! has URLs of its own, else through this server. What is missing is what the store does not list. To complete an
//! upload, the chunks are read one after the other, opened, hashed and thrown away; when the hash is the one that was
//! announced, one transaction ends the upload and makes its folder the player's part. The row decides: an upload that
//! was cancelled meanwhile brings nothing. Folders that no row names are swept.

mod db;
mod routes;
mod rules;

pub(super) use routes::{answer_part, routes};

use super::contents::Owner;
use super::{check_quota, forget_usage, parts};
use crate::app::App;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{off_thread, room_for_answer};
use crate::privacy::Archive;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, is_canonical};
use aethex_wire::saves::uploads::{BeginUploadRequest, CHUNK_LEN, Chunk, PartChunks, UPLOADS_MAX, Upload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use db::{Chunked, Open, Settled};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use rules::KEY_LEN;
use sha2::Sha256;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// First part of the keys of chunks in the blob store.
const FOLDER: &str = "upload";
/// How long an upload may take: a week on a slow line, away from home in between.
const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// Addresses in one answer: as many as the largest content has chunks.
const ADDRESSES_MAX: usize = 128;
/// Uploads that are being checked at once: each holds a chunk and reads as fast as it can.
const CHECKED_AT_ONCE: usize = 4;
/// Uploads ended in one sweep's step.
const SWEEP_BATCH: i64 = 500;
/// Chunks looked at in one sweep.
const SWEEP_CHUNKS_MAX: usize = 100_000;
/// How old a chunk without a row must be: older than any address that it may have been sent to.
const ORPHAN_AGE: Duration = Duration::from_secs(8 * 24 * 3600);

/// Uploads that are being checked by this server.
#[derive(Debug, Default)]
pub(crate) struct Checking(Mutex<HashSet<String>>);

/// One of them; it is over when this is dropped.
struct Checked<'a>(&'a Checking, String);

impl Checking {
    fn enter(&self, id: &str) -> Option<Checked<'_>> {
        let mut under_way = self.0.lock();
        let free = under_way.len() < CHECKED_AT_ONCE && under_way.insert(id.to_owned());
        free.then(|| Checked(self, id.to_owned()))
    }
}

impl Drop for Checked<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// Begins an upload, or goes on with one.
async fn begin(app: &App, owner: Owner<'_>, request: BeginUploadRequest) -> Outcome<Upload> {
    rules::check(&request)?;
    let BeginUploadRequest { hash, size_bytes } = request;
    let now = now_ms();
    if let Some(stored_bytes) = parts::touch(&app.sql, owner, &hash, now).await? {
        return match stored_bytes == size_bytes {
            true => Ok(stored(&hash, size_bytes)),
            false => Err(Failure::new(ErrorCode::HashMismatch, "The content of this hash has another size.")),
        };
    }
    let under_way = db::open_uploads(&app.sql, owner, now).await?;
    if let Some(same) = under_way.iter().find(|open| open.hash == hash && open.size_bytes == size_bytes) {
        return describe(app, owner, same.clone()).await;
    }
    // What is under way will be stored too.
    let promised: i64 = under_way.iter().map(|open| rules::sealed_bytes(open.size_bytes)).sum();
    check_quota(app, owner.game, owner.player, promised + rules::sealed_bytes(size_bytes)).await?;
    let new = Open { id: new_id(), hash, size_bytes, sealed_by: None, expires_at_ms: now + KEPT_MS };
    if !db::insert(&app.sql, owner, &new, UPLOADS_MAX as i64, now).await? {
        return Err(Failure::new(
            ErrorCode::QuotaExceeded,
            format!("This player has {UPLOADS_MAX} uploads under way: complete or cancel one first."),
        ));
    }
    describe(app, owner, new).await
}

fn stored(hash: &str, size_bytes: i64) -> Upload {
    Upload {
        upload_id: String::new(),
        stored: true,
        hash: hash.to_owned(),
        size_bytes,
        chunk_bytes: CHUNK_LEN as i64,
        key: String::new(),
        missing: Vec::new(),
        expires_at_ms: 0,
    }
}

/// An upload that is under way, with what is missing of it.
async fn describe(app: &App, owner: Owner<'_>, open: Open) -> Outcome<Upload> {
    let key = key_of(app, owner.game, open.sealed_by.as_deref(), &open.id).await?;
    let folder = folder(owner.game, &open.id);
    let there = app.blob.list(&folder, ADDRESSES_MAX).await.map_err(|error| Failure::blob(&error))?;
    let there: HashSet<(String, u64)> = there.into_iter().collect();
    let is_missing = |number: &u32| {
        let len = rules::sealed_len(open.size_bytes, *number).unwrap_or_default();
        !there.contains(&(chunk(&folder, *number), len as u64))
    };
    let ttl = app.blob.presigned_ttl();
    let missing = (0..rules::chunks(open.size_bytes)).filter(is_missing).take(ADDRESSES_MAX);
    let missing = missing.map(|number| {
        let len = rules::sealed_len(open.size_bytes, number).unwrap_or_default();
        Chunk { number, url: app.blob.presign_put(&chunk(&folder, number), len as u64, ttl) }
    });
    Ok(Upload {
        missing: missing.collect(),
        stored: false,
        key: STANDARD.encode(key),
        expires_at_ms: open.expires_at_ms,
        upload_id: open.id,
        ..stored(&open.hash, open.size_bytes)
    })
}

/// An upload of the player, or what came of it.
async fn get(app: &App, owner: Owner<'_>, id: &str) -> Outcome<Upload> {
    match find(app, owner, id).await? {
        Ok(open) => describe(app, owner, open).await,
        Err(chunked) => Ok(stored(&chunked.hash, chunked.size_bytes)),
    }
}

/// The upload while it is under way, or else the content that it brought.
async fn find(app: &App, owner: Owner<'_>, id: &str) -> Outcome<Result<Open, Chunked>> {
    if !is_canonical(id) {
        return Err(no_upload());
    }
    if let Some(open) = db::upload(&app.sql, owner, id, now_ms()).await? {
        return Ok(Ok(open));
    }
    let brought = db::brought_by(&app.sql, owner, id).await?;
    brought.map(Err).ok_or_else(no_upload)
}

fn no_upload() -> Failure {
    Failure::new(
        ErrorCode::UploadNotFound,
        "No upload has this id: it was completed, given up or never begun.",
    )
}

/// Stores a sealed chunk that came through this server.
async fn put_chunk(app: &App, owner: Owner<'_>, id: &str, number: u32, sealed: Bytes) -> Outcome<()> {
    let Ok(open) = find(app, owner, id).await? else {
        // A repeat of one that was stored before the upload was completed.
        return Ok(());
    };
    let len = rules::sealed_len(open.size_bytes, number);
    let len = len.ok_or_else(|| Failure::invalid("The upload has no chunk of this number."))?;
    if sealed.len() != len {
        return Err(Failure::invalid(format!("This chunk has {len} bytes, sealed.")));
    }
    let key = key_of(app, owner.game, open.sealed_by.as_deref(), id).await?;
    let (bytes, upload_id) = (sealed.clone(), id.to_owned());
    let opens = off_thread(app, move || Ok(rules::open(&key, &upload_id, number, &bytes).is_some())).await?;
    if !opens {
        return Err(Failure::new(
            ErrorCode::HashMismatch,
            "The chunk is damaged, or not sealed as it should be.",
        ));
    }
    let key = chunk(&folder(owner.game, id), number);
    app.blob.put(&key, sealed).await.map_err(|error| Failure::blob(&error))
}

/// Checks an upload and makes it a content. The work goes on when the client goes away: it may take longer than a
/// client waits, who then asks again and finds it done.
async fn complete(app: Arc<App>, game: GameId, player: PlayerId, id: String) -> Outcome<Upload> {
    let work = tokio::spawn(async move {
        let owner = Owner { game: &game, player: &player };
        complete_now(&app, owner, &id).await
    });
    work.await.map_err(|error| Failure::internal(error.to_string()))?
}

async fn complete_now(app: &App, owner: Owner<'_>, id: &str) -> Outcome<Upload> {
    let open = match find(app, owner, id).await? {
        Ok(open) => open,
        Err(chunked) => return Ok(stored(&chunked.hash, chunked.size_bytes)),
    };
    let _checked = app.checking.enter(id).ok_or_else(Failure::overloaded)?;
    let folder = folder(owner.game, id);
    let found = hash_of(app, owner, &open, &folder).await?;
    if found.to_hex().as_str() != open.hash {
        // Every chunk is what its sealer sealed: it is another content than the one announced.
        cancel(app, owner, id).await?;
        return Err(Failure::new(
            ErrorCode::HashMismatch,
            "The content does not have the hash that was announced; the upload is given up.",
        ));
    }
    match db::settle(&app.sql, owner, &open, folder.clone(), now_ms()).await? {
        Settled::Gone => return Err(no_upload()),
        Settled::There => remove(app, &folder).await,
        Settled::Stored => forget_usage(app, owner.game, owner.player),
    }
    Ok(stored(&open.hash, open.size_bytes))
}

/// The hash of what the chunks hold.
async fn hash_of(app: &App, owner: Owner<'_>, open: &Open, folder: &str) -> Outcome<blake3::Hash> {
    let key = key_of(app, owner.game, open.sealed_by.as_deref(), &open.id).await?;
    let mut hasher = blake3::Hasher::new();
    for number in 0..rules::chunks(open.size_bytes) {
        let at = chunk(folder, number);
        let missing = || {
            Failure::new(
                ErrorCode::UploadIncomplete,
                format!("Chunk {number} is not there: `get_upload` tells what is missing."),
            )
        };
        let len = rules::sealed_len(open.size_bytes, number).unwrap_or_default();
        let _room = room_for_answer(app, len as i64)?;
        let sealed = match app.blob.get(&at).await {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(Failure::blob(&error)),
        };
        let id = open.id.clone();
        let done = off_thread(app, move || {
            Ok(rules::open(&key, &id, number, &sealed).map(|plain| {
                hasher.update(&plain);
                hasher
            }))
        });
        match done.await? {
            Some(more) => hasher = more,
            None => {
                // So that it is missing, and is sent again.
                app.blob.delete(&at).await.map_err(|error| Failure::blob(&error))?;
                return Err(Failure::new(
                    ErrorCode::HashMismatch,
                    format!("Chunk {number} is damaged, or not sealed as it should be: send it again."),
                ));
            }
        }
    }
    Ok(hasher.finalize())
}

/// Gives an upload up.
async fn cancel(app: &App, owner: Owner<'_>, id: &str) -> Outcome<()> {
    if let Ok(open) = find(app, owner, id).await?
        && db::remove(&app.sql, owner.game, &open.id).await?
    {
        remove(app, &folder(owner.game, id)).await;
    }
    Ok(())
}

/// Removes chunks that no row names any more; those that stay are swept.
async fn remove(app: &App, folder: &str) {
    if let Err(error) = app.blob.delete_all(folder).await {
        tracing::warn!(%error, "the chunks of an upload stay until the next sweep");
    }
}

/// Where a content's chunks are, from one on.
async fn part_chunks(app: &App, owner: Owner<'_>, hash: &str, from: u32) -> Outcome<PartChunks> {
    rules::check_hash(hash)?;
    let found = db::chunked(&app.sql, owner, hash).await?.ok_or_else(Failure::not_found)?;
    let key = key_of(app, owner.game, found.sealed_by.as_deref(), &found.upload_id).await?;
    let (folder, ttl) = (folder(owner.game, &found.upload_id), app.blob.presigned_ttl());
    let numbers = (from..rules::chunks(found.size_bytes)).take(ADDRESSES_MAX);
    Ok(PartChunks {
        urls: numbers.map_while(|number| app.blob.presign_get(&chunk(&folder, number), ttl)).collect(),
        hash: found.hash,
        size_bytes: found.size_bytes,
        chunk_bytes: CHUNK_LEN as i64,
        upload_id: found.upload_id,
        key: STANDARD.encode(key),
    })
}

/// A content that is read chunk by chunk.
struct Reading {
    folder: String,
    key: [u8; KEY_LEN],
    part: Chunked,
    next: u32,
}

impl Reading {
    async fn open(app: &App, owner: Owner<'_>, hash: &str) -> Outcome<Option<Reading>> {
        let Some(part) = db::chunked(&app.sql, owner, hash).await? else { return Ok(None) };
        let key = key_of(app, owner.game, part.sealed_by.as_deref(), &part.upload_id).await?;
        Ok(Some(Reading { folder: folder(owner.game, &part.upload_id), key, part, next: 0 }))
    }

    async fn next(&mut self, app: &App) -> Outcome<Option<Bytes>> {
        if self.next >= rules::chunks(self.part.size_bytes) {
            return Ok(None);
        }
        let sealed = app.blob.get(&chunk(&self.folder, self.next)).await;
        let sealed = sealed.map_err(|error| Failure::blob(&error))?;
        let (key, id, number) = (self.key, self.part.upload_id.clone(), self.next);
        let plain = off_thread(app, move || Ok(rules::open(&key, &id, number, &sealed))).await?;
        self.next += 1;
        plain.map(Some).ok_or_else(|| Failure::internal("a stored chunk is damaged"))
    }
}

/// A content in chunks as a whole: for those that fit into memory.
pub(super) async fn bytes(app: &App, owner: Owner<'_>, hash: &str) -> Outcome<Option<Bytes>> {
    let Some(mut reading) = Reading::open(app, owner, hash).await? else { return Ok(None) };
    let mut whole = Vec::new();
    while let Some(piece) = reading.next(app).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(Some(whole.into()))
}

/// Puts a content in chunks into a player's export; false when it is none.
pub(super) async fn export(app: &App, archive: &mut Archive, owner: Owner<'_>, hash: &str) -> Outcome<bool> {
    let Some(mut reading) = Reading::open(app, owner, hash).await? else { return Ok(false) };
    archive.begin(&format!("parts/{hash}.bin")).await?;
    while let Some(piece) = reading.next(app).await? {
        archive.append(piece).await?;
    }
    archive.end().await?;
    Ok(true)
}

/// Ends uploads whose time is over, and removes chunks that no row names.
pub(super) async fn sweep(app: &App) -> Outcome<()> {
    loop {
        let over = db::expired(&app.sql, now_ms(), SWEEP_BATCH).await?;
        let last = (over.len() as i64) < SWEEP_BATCH;
        for (game, id) in over {
            let Some(game) = GameId::parse(&game) else { continue };
            db::remove(&app.sql, &game, &id).await?;
            remove(app, &folder(&game, &id)).await;
        }
        if last {
            break;
        }
    }
    let old = app.blob.older_than(ORPHAN_AGE, SWEEP_CHUNKS_MAX, |folder| folder == FOLDER).await;
    let old = old.map_err(|error| Failure::blob(&error))?;
    let folders: HashSet<&str> =
        old.iter().filter_map(|key| key.rsplit_once('/')).map(|(folder, _)| folder).collect();
    for folder in folders {
        let mut parts = folder.split('/').skip(1);
        let (Some(game), Some(id)) = (parts.next().and_then(GameId::parse), parts.next()) else { continue };
        if !db::is_named(&app.sql, &game, id, folder).await? {
            remove(app, folder).await;
        }
    }
    Ok(())
}

fn folder(game: &GameId, id: &str) -> String {
    format!("{FOLDER}/{game}/{id}")
}

fn chunk(folder: &str, number: u32) -> String {
    format!("{folder}/{number}")
}

/// The key of an upload's chunks: it follows from the player's key, or, where saves are not encrypted, from the
/// server's secret, for it lies in the open anyway.
async fn key_of(
    app: &App,
    game: &GameId,
    sealed_by: Option<&str>,
    upload_id: &str,
) -> Outcome<[u8; KEY_LEN]> {
    let label = format!("upload/{upload_id}");
    if let Some(key_id) = sealed_by {
        return Ok(*app.seal.key(&app.sql, game, key_id).await?.derive(&label));
    }
    let secret = &app.auth.keys().secret;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(b"saves upload\0");
    mac.update(upload_id.as_bytes());
    Ok(mac.finalize().into_bytes().into())
}
