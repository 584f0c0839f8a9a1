//! The endpoints of saves.

use super::config::BODY_LEN_MAX;
use super::db::{self, NewVersion};
use super::rules::{self, Base, Content};
use super::store::{self, Stored};
use crate::app::App;
use crate::context::{new_version_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{
    Caller, Path, Query, Received, counted_body, media_type, off_thread, parse_json, read_body,
    room_for_answer,
};
use crate::http::{answer, mount};
use aethex_wire::endpoint;
use aethex_wire::ids::VersionId;
use aethex_wire::page::{CURSOR_LEN_MAX, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, Page};
use aethex_wire::saves::{
    Compression, DeleteSave, Encoding, FRAME_MEDIA_TYPE, GetSave, GetSaveQuery, HistoryQuery, ListSaves,
    ListSavesQuery, PutSave, PutSaveRequest, Save, SaveFrame, SaveHistory, SaveVersion, check_slot,
    encode_frame, split_frame,
};
use aethex_wire::{ErrorCode, IDEMPOTENCY_KEY_HEADER, value};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Contents larger than this are checked off the request threads: hashing and unpacking take milliseconds.
const CHECK_IN_PLACE_LEN_MAX: usize = 64 * 1024;

pub(crate) fn routes() -> Router<Arc<App>> {
    let router = mount::<ListSaves, _, _>(Router::new(), list_saves);
    let router = mount::<PutSave, _, _>(router, put_save);
    let router = mount::<SaveHistory, _, _>(router, save_history);
    let router = mount::<GetSave, _, _>(router, get_save);
    mount::<DeleteSave, _, _>(router, delete_save)
}

async fn put_save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    let is_frame = match media_type(&headers) {
        frame if frame.eq_ignore_ascii_case(FRAME_MEDIA_TYPE) => true,
        json if json.eq_ignore_ascii_case("application/json") => false,
        _ => {
            return Err(Failure::new(
                ErrorCode::UnsupportedMediaType,
                format!("Send the save as application/json or {FRAME_MEDIA_TYPE}."),
            ));
        }
    };
    let idempotency_key = idempotency_key(&headers)?;
    // The room in memory is held until the save is stored.
    let Received { bytes: body, room: _room } = read_body(&app, body, BODY_LEN_MAX).await?;
    let hashed = idempotency_key.is_some();
    let (request, content, request_hash) = if rules::work_len(&body, is_frame) <= CHECK_IN_PLACE_LEN_MAX {
        read_request(&body, is_frame, hashed)?
    } else {
        off_thread(&app, move || read_request(&body, is_frame, hashed)).await?
    };
    let now = now_ms();
    let new = NewVersion {
        game: caller.game,
        player: caller.player,
        version: new_version_id(),
        base: Base::of(request.parents.as_deref())?,
        slot: request.slot,
        content,
        blob_key: None,
        label: request.label,
        device_name: request.device_name,
        playtime_ms: request.playtime_ms,
        saved_at_ms: request.saved_at_ms.unwrap_or(now),
        stored_at_ms: now,
        idempotency_key,
        request_hash,
        device_id: request.device_id,
        device_clock: request.device_clock,
        hlc: request.hlc,
        schema: request.schema,
        app_version: request.app_version,
        parts: Vec::new(),
        base_id: None,
        chain: db::Chain::default(),
        sealed_by: None,
    };
    match store::store(app, new).await? {
        Stored::Head(version) => {
            let response = answer::<PutSave>(&version);
            Ok(with_etag(response, &version.version))
        }
        Stored::Beside(conflict) => Err(Failure::conflict(conflict)),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Outcome<Option<String>> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY_HEADER) else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    rules::check_idempotency_key(key)?;
    Ok(Some(key.to_owned()))
}

/// The checked request with its content, and its digest when it may be repeated.
fn read_request(
    body: &Bytes,
    is_frame: bool,
    hashed: bool,
) -> Outcome<(PutSaveRequest, Content, Option<String>)> {
    let request_hash = hashed.then(|| blake3::hash(body).to_hex().to_string());
    let (request, content) = if is_frame {
        let (header, payload) = split_frame(body).map_err(|why| Failure::invalid(format!("{why}.")))?;
        let request: PutSaveRequest = parse_json(header)?;
        rules::check_request(&request)?;
        let content = rules::content_of_frame(&request, body.slice_ref(payload))?;
        (request, content)
    } else {
        let mut request: PutSaveRequest = parse_json(body)?;
        rules::check_request(&request)?;
        let content = rules::content_of_json(&mut request)?;
        (request, content)
    };
    Ok((request, content, request_hash))
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
        Some((version, stored)) if !version.deleted => (version, stored),
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
    let payload = match (stored.body, stored.blob_key) {
        (Some(body), _) => body,
        (None, Some(key)) => match app.blob.get(&key).await {
            Ok(body) => body,
            // A delete in between purges the row, then removes the blob. Without one a blob is missing, and
            // to say that the slot is empty would have a player begin anew.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let there =
                    db::version_of(&app.sql, &caller.game, &caller.player, &slot, &version.version).await?;
                return Err(match there {
                    Some(_) => Failure::internal(format!("the blob {} is missing", super::last_part(&key))),
                    None => save_not_found(),
                });
            }
            Err(error) => return Err(Failure::blob("cannot read a blob", &error)),
        },
        (None, None) => return Err(save_not_found()),
    };
    let as_frame = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains(FRAME_MEDIA_TYPE)));
    let response = if as_frame {
        let frame =
            encode_frame(&SaveFrame { version, compression: stored.compression, base: None }, &payload);
        ([(header::CONTENT_TYPE, FRAME_MEDIA_TYPE)], counted_body(frame.into(), room)).into_response()
    } else {
        json_answer(&app, version, stored.compression, payload, room).await?
    };
    let mut response = response;
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// The save in JSON; a large one is unpacked and written off the request threads.
async fn json_answer(
    app: &App,
    version: SaveVersion,
    compression: Compression,
    payload: Bytes,
    room: Option<OwnedSemaphorePermit>,
) -> Outcome<Response> {
    let large = version.size_bytes > CHECK_IN_PLACE_LEN_MAX as i64;
    let write = move || {
        let save = json_of(version, compression, payload)?;
        serde_json::to_vec(&save)
            .map_err(|error| Failure::internal(format!("a save does not serialise: {error}")))
    };
    let json = if large { off_thread(app, write).await? } else { write()? };
    Ok(([(header::CONTENT_TYPE, "application/json")], counted_body(json.into(), room)).into_response())
}

/// Whether `If-None-Match` names the version (RFC 9110 section 13.1.2).
fn is_at_hand(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        let mut named = value.split(',').map(|one| one.trim().trim_start_matches("W/"));
        named.any(|one| one == "*" || one.as_bytes() == etag.as_bytes())
    })
}

fn save_not_found() -> Failure {
    Failure::new(ErrorCode::SaveNotFound, "No save is in this slot.")
}

fn json_of(version: SaveVersion, compression: Compression, payload: Bytes) -> Outcome<Save> {
    let plain = match compression {
        Compression::None => payload,
        Compression::Zstd => rules::decompress(&payload)?.into(),
        Compression::Delta => return Err(Failure::internal("a patch was not rebuilt")),
    };
    Ok(match version.encoding {
        Encoding::Value => {
            let data = value::decode(&plain)
                .map_err(|error| Failure::internal(format!("a stored value is damaged: {error}")))?;
            Save { version, data: Some(data), data_base64: None }
        }
        Encoding::Bytes | Encoding::Sealed => {
            Save { version, data: None, data_base64: Some(STANDARD.encode(&plain)) }
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

fn with_etag(mut response: Response, version: &VersionId) -> Response {
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}
