//! Storing saves: one that comes as a frame or as JSON, or a batch of frames.
//!
//! A body is read and checked, its parts are stored, its data becomes a full content and perhaps a patch
//! (`contents`), and `store` puts the version into the slot's line, or beside it.

use super::config::BODY_LEN_MAX;
use super::contents::{self, Owner, Prepared};
use super::db::{self, Chain};
use super::parts::{self, ReadPart};
use super::routes::{CHECK_IN_PLACE_LEN_MAX, with_etag};
use super::rules::{self, Base, Content};
use super::store::{self, NewVersion, Stored};
use crate::app::App;
use crate::context::{new_version_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Path, Received, media_type, off_thread, parse_json, read_body};
use crate::http::answer;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::sync::{BATCH_MEDIA_TYPE, BatchResult, BatchResults, PutSaves, split_batch};
use aethex_wire::saves::{
    Compression, Encoding, FRAME_MEDIA_TYPE, PutSave, PutSaveRequest, SaveVersion, split_frame,
};
use aethex_wire::{ErrorCode, IDEMPOTENCY_KEY_HEADER};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;

/// Any bytes (RFC 2046 section 4.5.1).
const OCTETS: &str = "application/octet-stream";

pub(super) async fn put_save(
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
    let key = idempotency_key(&headers)?;
    // The room in memory is held until the save is stored.
    let Received { bytes: body, room: _room } = read_body(&app, body, BODY_LEN_MAX).await?;
    let version = put(app, &caller, key, body, is_frame).await?;
    let response = answer::<PutSave>(&version);
    Ok(with_etag(response, &version.version))
}

pub(super) async fn put_saves(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    // Some tools know no other binary type than the second one.
    let sent = media_type(&headers);
    if ![BATCH_MEDIA_TYPE, OCTETS].iter().any(|known| sent.eq_ignore_ascii_case(known)) {
        let why = format!("Send the saves as {BATCH_MEDIA_TYPE} or {OCTETS}.");
        return Err(Failure::new(ErrorCode::UnsupportedMediaType, why));
    }
    let Received { bytes: body, room: _room } = read_body(&app, body, BODY_LEN_MAX).await?;
    let saves = split_batch(&body).map_err(|why| Failure::invalid(format!("{why}.")))?;
    for (key, _) in &saves {
        rules::check_idempotency_key(key)?;
    }
    let mut results = Vec::with_capacity(saves.len());
    for (key, frame) in saves {
        let stored = put(app.clone(), &caller, Some(key.to_owned()), body.slice_ref(frame), true).await;
        results.push(match stored {
            Ok(version) => BatchResult { version: Some(version), problem: None },
            Err(failure) => {
                // What the server could not do now, it cannot do for the rest either.
                let stop = matches!(
                    failure.code(),
                    ErrorCode::Overloaded | ErrorCode::Internal | ErrorCode::RateLimited
                );
                let problem = Some(Box::new(failure.into_problem()));
                results.push(BatchResult { version: None, problem });
                if stop {
                    break;
                }
                continue;
            }
        });
    }
    Ok(answer::<PutSaves>(&BatchResults { results }))
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Outcome<Option<String>> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY_HEADER) else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    rules::check_idempotency_key(key)?;
    Ok(Some(key.to_owned()))
}

/// Stores one save; the version that became the head.
async fn put(
    app: Arc<App>,
    caller: &Caller,
    idempotency_key: Option<String>,
    body: Bytes,
    is_frame: bool,
) -> Outcome<SaveVersion> {
    let owner = Owner { game: &caller.game, player: &caller.player };
    let hashed = idempotency_key.is_some();
    let read = if rules::work_len(&body, is_frame) <= CHECK_IN_PLACE_LEN_MAX {
        read_request(&body, is_frame, hashed)?
    } else {
        off_thread(&app, move || read_request(&body, is_frame, hashed)).await?
    };
    let Read { request, data, parts, request_hash } = read;
    if let (Some(key), Some(request_hash)) = (&idempotency_key, &request_hash) {
        // What was stored already needs no rebuilding: its base may be gone meanwhile.
        if matches!(data, Data::Patch { .. })
            && let Some(stored) = store::repeated(&app, owner, key, request_hash).await?
        {
            return head_or_conflict(stored);
        }
    }
    let base = base(&app, owner, &request).await?;
    let prepared = prepare(&app, owner, &request.slot, &base, request.hash.clone(), data).await?;
    let parts = parts::settle(&app, owner, parts).await?;
    let now = now_ms();
    let new = NewVersion {
        game: caller.game.clone(),
        player: caller.player.clone(),
        version: new_version_id(),
        base,
        slot: request.slot,
        content: prepared.full.clone(),
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
        parts,
        base_id: None,
        chain: Chain::default(),
        sealed_by: None,
    };
    head_or_conflict(store::store(app, new, prepared).await?)
}

fn head_or_conflict(stored: Stored) -> Outcome<SaveVersion> {
    match stored {
        Stored::Head(version) => Ok(version),
        Stored::Beside(conflict) => Err(Failure::conflict(conflict)),
    }
}

/// What the version is made from, `after` looked up.
async fn base(app: &App, owner: Owner<'_>, request: &PutSaveRequest) -> Outcome<Base> {
    let Some(after) = &request.after else { return Base::of(request.parents.as_deref()) };
    let found = db::by_idempotency_key(&app.sql, owner.game, owner.player, after).await?;
    match found {
        Some((version, _)) if version.slot == request.slot => Ok(Base::One(version.version)),
        _ => Err(Failure::new(
            ErrorCode::UnknownParent,
            "No save of this slot was stored with the key in `after`.",
        )),
    }
}

async fn prepare(
    app: &App,
    owner: Owner<'_>,
    slot: &str,
    base: &Base,
    hash: Option<String>,
    data: Data,
) -> Outcome<Prepared> {
    match data {
        Data::Patch { base: patch_base, encoding, patch } => {
            let mut prepared =
                contents::of_patch(app, owner, slot, &patch_base, encoding, hash, patch).await?;
            // A patch is stored only on the version whose place it takes: one that can go away under it is none.
            let on_base = match base {
                Base::Head => true,
                Base::Nothing => false,
                Base::One(first) | Base::Merge(first, _) => *first == patch_base,
            };
            if !on_base {
                if encoding == Encoding::Sealed {
                    return Err(Failure::invalid("The `base` of encrypted data is the first of `parents`."));
                }
                prepared.patch = None;
            }
            Ok(prepared)
        }
        Data::Full(full) => match base {
            Base::Nothing => Ok(Prepared { full, patch: None, plain: None }),
            _ => contents::against(app, owner, slot, base.first(), full).await,
        },
    }
}

/// A request, taken apart and checked as far as it can be without the database.
#[derive(Debug)]
struct Read {
    request: PutSaveRequest,
    data: Data,
    parts: Vec<ReadPart>,
    request_hash: Option<String>,
}

#[derive(Debug)]
enum Data {
    Full(Content),
    Patch { base: VersionId, encoding: Encoding, patch: Bytes },
}

impl Read {
    /// What tells a repeated request from another one under the same key: everything that is stored. How it travels is
    /// left out: a repeat may come in full where a patch came first, or from another version of the SDK.
    fn of(request: PutSaveRequest, data: Data, parts: Vec<ReadPart>, hashed: bool) -> Outcome<Read> {
        let request_hash = hashed.then(|| {
            let content = match &data {
                Data::Full(content) => Some(content.hash.clone()),
                Data::Patch { .. } => request.hash.clone(),
            };
            let stored = PutSaveRequest {
                hash: content,
                compression: None,
                base: None,
                parts: parts.iter().map(ReadPart::named).collect(),
                ..request.clone()
            };
            serde_json::to_vec(&stored).map(|json| blake3::hash(&json).to_hex().to_string())
        });
        let request_hash = request_hash.transpose().map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Read { request, data, parts, request_hash })
    }
}

fn read_request(body: &Bytes, is_frame: bool, hashed: bool) -> Outcome<Read> {
    if !is_frame {
        let mut request: PutSaveRequest = parse_json(body)?;
        rules::check_request(&request)?;
        let content = rules::content_of_json(&mut request)?;
        request.encoding = Some(content.encoding);
        let parts = std::mem::take(&mut request.parts);
        let parts = parts.into_iter().map(parts::of_json).collect::<Outcome<_>>()?;
        return Read::of(request, Data::Full(content), parts, hashed);
    }
    let (header, payload) = split_frame(body).map_err(|why| Failure::invalid(format!("{why}.")))?;
    let mut request: PutSaveRequest = parse_json(&header)?;
    rules::check_request(&request)?;
    let (payload, parts) = parts::of_frame(std::mem::take(&mut request.parts), body.slice_ref(payload))?;
    let data = match (request.compression, request.base.take()) {
        (Some(Compression::Delta), Some(base)) => {
            let encoding = request.encoding.ok_or_else(|| Failure::invalid("A frame needs `encoding`."))?;
            Data::Patch { base, encoding, patch: payload }
        }
        (_, Some(_)) => return Err(Failure::invalid("`base` belongs to the compression `delta`.")),
        _ => Data::Full(rules::content_of_frame(&request, payload)?),
    };
    Read::of(request, data, parts, hashed)
}
