//! The endpoints of saves.

use super::contents::{self, Owner};
use super::{db, devices, history, parts, put, rules, store, uploads};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Path, Query, counted_body, off_thread, room_for_answer};
use crate::http::{answer, mount};
use aethex_wire::endpoint;
use aethex_wire::ids::VersionId;
use aethex_wire::page::{CURSOR_LEN_MAX, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, Page};
use aethex_wire::saves::history::{
    BranchSave, DiffSaves, GetQuota, ListDevices, PutDevice, PutVersion, RestoreSave,
};
use aethex_wire::saves::sync::PutSaves;
use aethex_wire::saves::{
    Compression, DeleteSave, Encoding, FRAME_MEDIA_TYPE, GetPart, GetSave, GetSaveQuery, HistoryQuery,
    ListSaves, ListSavesQuery, PutSave, Save, SaveFrame, SaveHistory, SaveVersion, check_slot, encode_frame,
};
use aethex_wire::{ErrorCode, value};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Contents larger than this are checked off the request threads: hashing and unpacking take milliseconds.
pub(super) const CHECK_IN_PLACE_LEN_MAX: usize = 64 * 1024;

pub(crate) fn routes() -> Router<Arc<App>> {
    let router = mount::<ListSaves, _, _>(Router::new(), list_saves);
    let router = mount::<PutSave, _, _>(router, put::put_save);
    let router = mount::<SaveHistory, _, _>(router, save_history);
    let router = mount::<GetSave, _, _>(router, get_save);
    let router = mount::<PutSaves, _, _>(router, put::put_saves);
    let router = mount::<GetPart, _, _>(router, parts::get_part);
    let router = mount::<DiffSaves, _, _>(router, history::diff_saves);
    let router = mount::<PutVersion, _, _>(router, history::put_version);
    let router = mount::<RestoreSave, _, _>(router, history::restore_save);
    let router = mount::<BranchSave, _, _>(router, history::branch_save);
    let router = mount::<GetQuota, _, _>(router, history::get_quota);
    let router = mount::<PutDevice, _, _>(router, devices::put_device);
    let router = mount::<ListDevices, _, _>(router, devices::list_devices);
    let router = uploads::routes(router);
    mount::<DeleteSave, _, _>(router, delete_save)
}

async fn get_save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot)): Path<(String, String)>,
    Query(query): Query<GetSaveQuery>,
    headers: HeaderMap,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(rules::invalid_slot)?;
    let found = match &query.version {
        None => db::head(&app.sql, &caller.game, &caller.player, &slot).await?,
        Some(version) => db::version_of(&app.sql, &caller.game, &caller.player, &slot, version).await?,
    };
    let (version, stored) = match found {
        Some((version, stored)) if !version.deleted && !version.pruned => (version, stored),
        _ if query.version.is_some() => {
            return Err(Failure::new(ErrorCode::VersionNotFound, "The slot's history has no such version."));
        }
        _ => return Err(save_not_found()),
    };
    let etag = etag(&version.version);
    if is_at_hand(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let room = room_for_answer(&app, version.size_bytes)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    let as_frame = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains(FRAME_MEDIA_TYPE)));
    let sealed = version.encoding == Encoding::Sealed;
    let as_stored = stored.compression != Compression::Delta || sealed || query.known == stored.base;
    let response = if as_frame && as_stored {
        let (compression, base) = (stored.compression, stored.base.clone());
        let payload = contents::payload(&app, owner, &version.version, stored.clone()).await;
        match payload {
            Ok(payload) => frame_answer(version, compression, base, &payload, room),
            // Stored otherwise just now, or deleted: the row is read again.
            Err(failure) if failure.code() == ErrorCode::SaveNotFound && !sealed => {
                let plain = contents::plain(&app, owner, &version, stored).await?;
                frame_answer(version, Compression::None, None, &plain, room)
            }
            Err(failure) => return Err(failure),
        }
    } else if as_frame {
        let plain = contents::plain(&app, owner, &version, stored).await?;
        let pack = move || Ok(contents::pack(&plain));
        let (compression, payload) = off_thread(&app, pack).await?;
        frame_answer(version, compression, None, &payload, room)
    } else if sealed && stored.compression == Compression::Delta {
        return Err(Failure::new(
            ErrorCode::SealedSave,
            format!(
                "This save is a patch that only the player's devices can read: ask for {FRAME_MEDIA_TYPE}."
            ),
        ));
    } else {
        let plain = contents::plain(&app, owner, &version, stored).await?;
        json_answer(&app, version, plain, room).await?
    };
    let mut response = response;
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn frame_answer(
    version: SaveVersion,
    compression: Compression,
    base: Option<VersionId>,
    payload: &Bytes,
    room: Option<OwnedSemaphorePermit>,
) -> Response {
    let frame = encode_frame(&SaveFrame { version, compression, base }, payload);
    ([(header::CONTENT_TYPE, FRAME_MEDIA_TYPE)], counted_body(frame.into(), room)).into_response()
}

/// The save in JSON; a large one is written off the request threads.
async fn json_answer(
    app: &App,
    version: SaveVersion,
    plain: Bytes,
    room: Option<OwnedSemaphorePermit>,
) -> Outcome<Response> {
    let large = version.size_bytes > CHECK_IN_PLACE_LEN_MAX as i64;
    let write = move || {
        let save = json_of(version, &plain)?;
        serde_json::to_vec(&save)
            .map_err(|error| Failure::internal(format!("a save does not serialise: {error}")))
    };
    let json = if large { off_thread(app, write).await? } else { write()? };
    Ok(([(header::CONTENT_TYPE, "application/json")], counted_body(json.into(), room)).into_response())
}

/// Whether `If-None-Match` names the version (RFC 9110 section 13.1.2).
pub(super) fn is_at_hand(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        let mut named = value.split(',').map(|one| one.trim().trim_start_matches("W/"));
        named.any(|one| one == "*" || one.as_bytes() == etag.as_bytes())
    })
}

fn save_not_found() -> Failure {
    Failure::new(ErrorCode::SaveNotFound, "No save is in this slot.")
}

fn json_of(version: SaveVersion, plain: &Bytes) -> Outcome<Save> {
    Ok(match version.encoding {
        Encoding::Value => {
            let data = value::decode(plain)
                .map_err(|error| Failure::internal(format!("a stored value is damaged: {error}")))?;
            Save { version, data: Some(data), data_base64: None }
        }
        Encoding::Bytes | Encoding::Sealed => {
            Save { version, data: None, data_base64: Some(STANDARD.encode(plain)) }
        }
    })
}

async fn list_saves(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
    Query(query): Query<ListSavesQuery>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    let limit = page_limit(query.limit)?;
    let after = match query.cursor {
        Some(cursor) => read_cursor(&cursor)?,
        None => String::new(),
    };
    let found = db::heads(&app.sql, &caller.game, &caller.player, &after, limit + 1).await?;
    Ok(answer::<ListSaves>(&page(found, limit, |last| URL_SAFE_NO_PAD.encode(&last.slot))))
}

async fn save_history(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    if let Some(slot) = &query.slot {
        check_slot(slot).map_err(rules::invalid_slot)?;
    }
    let limit = page_limit(query.limit)?;
    let before = match query.cursor.as_deref() {
        Some(cursor) => Some(VersionId::parse(cursor).ok_or_else(wrong_cursor)?),
        None => None,
    };
    let before = before.as_ref().map(VersionId::as_str);
    let found =
        db::history(&app.sql, &caller.game, &caller.player, query.slot.as_deref(), before, limit + 1).await?;
    Ok(answer::<SaveHistory>(&page(found, limit, |last| last.version.as_str().to_owned())))
}

fn page_limit(limit: Option<u32>) -> Outcome<i64> {
    match limit.unwrap_or(PAGE_LIMIT_DEFAULT) {
        limit @ 1..=PAGE_LIMIT_MAX => Ok(i64::from(limit)),
        _ => Err(Failure::invalid(format!("`limit` is 1 to {PAGE_LIMIT_MAX}."))),
    }
}

/// A page of `limit` items, of one more that were looked for.
fn page(
    mut items: Vec<SaveVersion>,
    limit: i64,
    cursor: impl Fn(&SaveVersion) -> String,
) -> Page<SaveVersion> {
    let more = items.len() as i64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = items.last().filter(|_| more).map(cursor);
    Page { items, next_cursor }
}

fn read_cursor(cursor: &str) -> Outcome<String> {
    if cursor.len() > CURSOR_LEN_MAX {
        return Err(wrong_cursor());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong_cursor())?;
    let slot = String::from_utf8(bytes).map_err(|_| wrong_cursor())?;
    check_slot(&slot).map_err(|_| wrong_cursor())?;
    Ok(slot)
}

fn wrong_cursor() -> Failure {
    Failure::invalid("`cursor` is the `next_cursor` of the page before, as it was given.")
}

async fn delete_save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot)): Path<(String, String)>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(rules::invalid_slot)?;
    if !store::delete(app, caller.game, caller.player, slot).await? {
        return Err(save_not_found());
    }
    Ok(answer::<DeleteSave>(&endpoint::None {}))
}

fn etag(version: &VersionId) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("ids are plain text")
}

pub(super) fn with_etag(mut response: Response, version: &VersionId) -> Response {
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}
