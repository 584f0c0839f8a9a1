//! The calls of cloud saves, one function an endpoint.

use super::outbox::EntryMeta;
use super::rules::{Packed, shape_of};
use crate::Error;
use crate::cloud::Shared;
use crate::http::Request;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::{PlayerId, VersionId};
use aethex_wire::page::{PAGE_LIMIT_MAX, Page};
use aethex_wire::saves::{
    DeleteSave, FRAME_HEADER_LEN_MAX, FRAME_MEDIA_TYPE, GetSave, GetSaveQuery, HistoryQuery, ListSaves,
    ListSavesQuery, PutSave, PutSaveRequest, SAVE_LEN_MAX, SaveFrame, SaveHistory, SaveVersion,
    encode_packed_frame, split_frame,
};
use bytes::Bytes;

/// Most pages read of one list: with 200 items each, 10,000.
const PAGES_MAX: usize = 50;
/// Longest answer with a save: the content and its metadata. What zstd cannot shrink it may lengthen a little.
const FRAME_LEN_MAX: usize = SAVE_LEN_MAX + SAVE_LEN_MAX / 64 + FRAME_HEADER_LEN_MAX;

/// Stores an entry. Its bytes are the same at every repeat.
pub(crate) async fn put_save(
    shared: &Shared,
    player: &PlayerId,
    meta: &EntryMeta,
    payload: &[u8],
) -> Result<SaveVersion, Error> {
    let header = PutSaveRequest {
        slot: meta.slot.clone(),
        parents: meta.parents.clone(),
        hash: Some(meta.shape.hash.clone()),
        label: meta.label.clone(),
        device_name: meta.device_name.clone(),
        playtime_ms: meta.playtime_ms,
        saved_at_ms: Some(meta.saved_at_ms),
        encoding: Some(meta.shape.encoding),
        compression: Some(meta.shape.compression),
        ..PutSaveRequest::default()
    };
    let mut request = Request::of::<PutSave>(&[player.as_str()], &Nothing {}).repeatable();
    request.content_type = FRAME_MEDIA_TYPE;
    request.body = encode_packed_frame(&header, payload).into();
    request.idempotency_key = Some(meta.key.clone());
    shared.session.send(player, &request).await?.json::<PutSave>()
}

/// Reads a slot's head, or one of its versions.
pub(crate) async fn get_save(
    shared: &Shared,
    player: &PlayerId,
    slot: &str,
    version: Option<VersionId>,
) -> Result<(SaveVersion, Packed), Error> {
    let mut request =
        Request::of::<GetSave>(&[player.as_str(), slot], &GetSaveQuery { version, known: None });
    request.accept = FRAME_MEDIA_TYPE;
    request.answer_len_max = FRAME_LEN_MAX;
    let answer = shared.session.send(player, &request).await?;
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
    Ok((frame.version.clone(), Packed { shape: shape_of(&frame.version, frame.compression), payload }))
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
