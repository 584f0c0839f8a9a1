//! The calls of cloud saves, one function an endpoint.

use super::outbox::Outbox;
use super::rules::{self, Packed, shape_of};
use crate::Error;
use crate::cloud::Shared;
use crate::http::Request;
use crate::session::blocking;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::page::{PAGE_LIMIT_MAX, Page};
use aethex_wire::saves::sync::{BATCH_MEDIA_TYPE, BatchResult, PutSaves};
use aethex_wire::saves::uploads::{
    BeginUpload, BeginUploadRequest, CompleteUpload, GetUpload, PutChunk, Upload,
};
use aethex_wire::saves::{
    Compression, DeleteSave, Encoding, FRAME_HEADER_LEN_MAX, FRAME_MEDIA_TYPE, GetPart, GetPartQuery,
    GetSave, GetSaveQuery, HistoryQuery, ListSaves, ListSavesQuery, PART_LEN_MAX, Part, PutSave,
    SAVE_LEN_MAX, SaveFrame, SaveHistory, SaveVersion, split_frame,
};
use bytes::Bytes;

/// Most pages read of one list: with 200 items each, 10,000.
const PAGES_MAX: usize = 50;
/// Longest answer with a save: the content and its metadata. What zstd cannot shrink it may lengthen a little.
const FRAME_LEN_MAX: usize = SAVE_LEN_MAX + SAVE_LEN_MAX / 64 + FRAME_HEADER_LEN_MAX;

/// Stores an entry: a frame, the same at every repeat.
pub(crate) async fn put_save(
    shared: &Shared,
    player: &PlayerId,
    key: &str,
    frame: Bytes,
) -> Result<SaveVersion, Error> {
    let mut request = Request::of::<PutSave>(&[player.as_str()], &Nothing {}).repeatable();
    request.content_type = FRAME_MEDIA_TYPE;
    request.body = frame;
    request.idempotency_key = Some(key.to_owned());
    shared.session.send(player, &request).await?.json::<PutSave>()
}

/// Stores a batch of so many saves; what became of them, fewer when the server had to stop.
pub(crate) async fn put_saves(
    shared: &Shared,
    player: &PlayerId,
    batch: Bytes,
    count: usize,
) -> Result<Vec<BatchResult>, Error> {
    let mut request = Request::of::<PutSaves>(&[player.as_str()], &Nothing {}).repeatable();
    request.content_type = BATCH_MEDIA_TYPE;
    request.body = batch;
    let results = shared.session.send(player, &request).await?.json::<PutSaves>()?.results;
    if !(1..=count).contains(&results.len()) {
        return Err(Error::protocol("the server answered a batch with another number of results"));
    }
    Ok(results)
}

/// Reads a slot's head, or one of its versions, as a patch where this device has something to patch.
pub(crate) async fn read(
    shared: &Shared,
    player: &PlayerId,
    outbox: &Outbox,
    slot: &str,
    version: Option<VersionId>,
) -> Result<(SaveVersion, Packed), Error> {
    let (queue, name) = (outbox.clone(), slot.to_owned());
    let known = blocking(move || queue.cached(&name)).await?;
    let at_hand = known.as_ref().map(|(known, _)| known.version.clone());
    let is_base = known.as_ref().is_some_and(|(_, packed)| packed.shape.encoding != Encoding::Sealed);
    let base = at_hand.clone().filter(|_| is_base);
    let Some((found, packed, base)) =
        get_save(shared, player, slot, (version.clone(), base), at_hand).await?
    else {
        return unchanged(shared, player, slot, version, known).await;
    };
    if packed.shape.compression != Compression::Delta {
        return Ok((found, packed));
    }
    if base.is_none() {
        let packed = blocking(move || rules::rebuilt(&packed, None)).await?;
        return Ok((found, packed));
    }
    if let Some((known, copy)) = known
        && base.as_ref() == Some(&known.version)
    {
        let patch = packed.clone();
        match blocking(move || rules::rebuilt(&patch, Some(&copy))).await {
            Ok(packed) => return Ok((found, packed)),
            Err(error) => {
                tracing::warn!(%error, "a patch does not fit the copy on this device: asks for all")
            }
        }
    }
    in_full(shared, player, slot, version).await
}

/// The copy of a version that is still what the cloud has; all of it again when the copy is damaged.
async fn unchanged(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    version: Option<VersionId>,
    known: Option<(SaveVersion, Packed)>,
) -> Result<(SaveVersion, Packed), Error> {
    if let Some((known, copy)) = known {
        let packed = copy.clone();
        if blocking(move || Ok(rules::plain_of(&copy).is_ok())).await? {
            return Ok((known, packed));
        }
    }
    in_full(shared, player, slot, version).await
}

async fn in_full(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    version: Option<VersionId>,
) -> Result<(SaveVersion, Packed), Error> {
    let found = get_save(shared, player, slot, (version, None), None).await?;
    let (found, packed, _) =
        found.ok_or_else(|| Error::protocol("nothing was at hand that could be unchanged"))?;
    Ok((found, packed))
}

/// `version` and what a patch may be against; `None` when it is what is `at_hand`.
async fn get_save(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    (version, known): (Option<VersionId>, Option<VersionId>),
    at_hand: Option<VersionId>,
) -> Result<Option<(SaveVersion, Packed, Option<VersionId>)>, Error> {
    let mut request = Request::of::<GetSave>(&[player.as_str(), slot], &GetSaveQuery { version, known });
    request.accept = FRAME_MEDIA_TYPE;
    request.answer_len_max = FRAME_LEN_MAX;
    request.if_none_match = at_hand.map(|version| format!("\"{version}\""));
    let answer = shared.session.send(player, &request).await?;
    if answer.not_modified {
        return Ok(None);
    }
    if !answer.content_type.starts_with(FRAME_MEDIA_TYPE) {
        return Err(Error::protocol("the server answered a load with something else than a save"));
    }
    let (frame, payload_at) = {
        let (header, payload) = split_frame(&answer.body).map_err(Error::protocol)?;
        let frame: SaveFrame = serde_json::from_slice(&header)
            .map_err(|_| Error::protocol("the save's metadata is not what this SDK knows"))?;
        (frame, answer.body.len() - payload.len())
    };
    if frame.version.slot != slot {
        return Err(Error::protocol("the server answered with another slot"));
    }
    let payload: Bytes = answer.body.slice(payload_at..);
    let packed = Packed { shape: shape_of(&frame.version, frame.compression), payload };
    Ok(Some((frame.version, packed, frame.base)))
}

/// Reads a part of a version.
pub(crate) async fn get_part(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    part: &Part,
    version: &VersionId,
) -> Result<Bytes, Error> {
    let query = GetPartQuery { version: Some(version.clone()) };
    let mut request = Request::of::<GetPart>(&[player.as_str(), slot, &part.name], &query);
    request.accept = "application/octet-stream";
    let len = usize::try_from(part.size_bytes.clamp(0, PART_LEN_MAX)).unwrap_or(0);
    // A refusal has its words, too.
    request.answer_len_max = len.max(FRAME_HEADER_LEN_MAX);
    Ok(shared.session.send(player, &request).await?.body)
}

/// Begins an upload, or goes on with one of the same content.
pub(crate) async fn begin_upload(
    shared: &Shared,
    player: &PlayerId,
    hash: &str,
    size_bytes: i64,
) -> Result<Upload, Error> {
    let body = BeginUploadRequest { hash: hash.to_owned(), size_bytes };
    let request = Request::of::<BeginUpload>(&[player.as_str()], &Nothing {}).json(&body).repeatable();
    shared.session.send(player, &request).await?.json::<BeginUpload>()
}

/// What an upload lacks.
pub(crate) async fn get_upload(shared: &Shared, player: &PlayerId, id: &str) -> Result<Upload, Error> {
    let request = Request::of::<GetUpload>(&[player.as_str(), id], &Nothing {});
    shared.session.send(player, &request).await?.json::<GetUpload>()
}

/// Stores a sealed chunk.
pub(crate) async fn put_chunk(
    shared: &Shared,
    player: &PlayerId,
    id: &str,
    number: u32,
    sealed: Bytes,
) -> Result<(), Error> {
    let number = number.to_string();
    let mut request = Request::of::<PutChunk>(&[player.as_str(), id, &number], &Nothing {});
    request.content_type = "application/octet-stream";
    request.body = sealed;
    shared.session.send(player, &request).await.map(drop)
}

/// Ends an upload.
pub(crate) async fn complete_upload(shared: &Shared, player: &PlayerId, id: &str) -> Result<Upload, Error> {
    let request = Request::of::<CompleteUpload>(&[player.as_str(), id], &Nothing {}).repeatable();
    shared.session.send(player, &request).await?.json::<CompleteUpload>()
}

/// Lists the slots.
pub(crate) async fn list_saves(shared: &Shared, player: &PlayerId) -> Result<Vec<SaveVersion>, Error> {
    let mut pages = Pages::default();
    while let Some(cursor) = pages.next() {
        let query = ListSavesQuery { limit: Some(PAGE_LIMIT_MAX), cursor };
        let request = Request::of::<ListSaves>(&[player.as_str()], &query);
        pages.take(shared.session.send(player, &request).await?.json::<ListSaves>()?);
    }
    Ok(pages.items)
}

/// Lists the versions of a slot, newest first.
pub(crate) async fn save_history(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
) -> Result<Vec<SaveVersion>, Error> {
    let mut pages = Pages::default();
    while let Some(cursor) = pages.next() {
        let query = HistoryQuery { slot: Some(slot.to_owned()), limit: Some(PAGE_LIMIT_MAX), cursor };
        let request = Request::of::<SaveHistory>(&[player.as_str()], &query);
        pages.take(shared.session.send(player, &request).await?.json::<SaveHistory>()?);
    }
    Ok(pages.items)
}

/// Deletes a slot.
pub(crate) async fn delete_save(shared: &Shared, player: &PlayerId, slot: &str) -> Result<(), Error> {
    let request = Request::of::<DeleteSave>(&[player.as_str(), slot], &Nothing {});
    shared.session.send(player, &request).await.map(drop)
}

/// A list that is read page by page.
#[derive(Default)]
struct Pages {
    items: Vec<SaveVersion>,
    read: usize,
    cursor: Option<String>,
}

impl Pages {
    /// The cursor of the next page, itself absent for the first one; `None` at the end.
    fn next(&mut self) -> Option<Option<String>> {
        let cursor = self.cursor.take();
        let more = self.read == 0 || (cursor.is_some() && self.read < PAGES_MAX);
        more.then_some(cursor)
    }

    fn take(&mut self, page: Page<SaveVersion>) {
        self.items.extend(page.items);
        self.read += 1;
        self.cursor = page.next_cursor;
    }
}
