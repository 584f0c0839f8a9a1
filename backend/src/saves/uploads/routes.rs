//! The endpoints of uploads, and the answer with a part that was uploaded so.

use super::Reading;
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json, Path, Query, Received, read_body, room_for_answer};
use crate::http::{answer, mount};
use crate::saves::contents::Owner;
use aethex_wire::endpoint;
use aethex_wire::saves::uploads::{
    BeginUpload, BeginUploadRequest, CHUNK_LEN, CHUNK_TAG_LEN, CancelUpload, CompleteUpload, GetChunksQuery,
    GetPartChunks, GetUpload, PutChunk,
};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, header};
use std::sync::Arc;

pub(in super::super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<BeginUpload, _, _>(router, begin);
    let router = mount::<GetUpload, _, _>(router, get);
    let router = mount::<PutChunk, _, _>(router, put_chunk);
    let router = mount::<CompleteUpload, _, _>(router, complete);
    let router = mount::<CancelUpload, _, _>(router, cancel);
    mount::<GetPartChunks, _, _>(router, part_chunks)
}

fn owner(caller: &Caller) -> Owner<'_> {
    Owner { game: &caller.game, player: &caller.player }
}

async fn begin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
    Json(request): Json<BeginUploadRequest>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    Ok(answer::<BeginUpload>(&super::begin(&app, owner(&caller), request).await?))
}

async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, id)): Path<(String, String)>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    Ok(answer::<GetUpload>(&super::get(&app, owner(&caller), &id).await?))
}

async fn put_chunk(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, id, number)): Path<(String, String, String)>,
    body: Body,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    let number = number.parse().ok().filter(|parsed: &u32| parsed.to_string() == number);
    let number = number.ok_or_else(Failure::not_found)?;
    let Received { bytes, room: _room } = read_body(&app, body, CHUNK_LEN + CHUNK_TAG_LEN).await?;
    super::put_chunk(&app, owner(&caller), &id, number, bytes).await?;
    Ok(answer::<PutChunk>(&endpoint::None {}))
}

async fn complete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, id)): Path<(String, String)>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    Ok(answer::<CompleteUpload>(&super::complete(app, caller.game, caller.player, id).await?))
}

async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, id)): Path<(String, String)>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    super::cancel(&app, owner(&caller), &id).await?;
    Ok(answer::<CancelUpload>(&endpoint::None {}))
}

async fn part_chunks(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, hash)): Path<(String, String)>,
    Query(query): Query<GetChunksQuery>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    let from = query.from.unwrap_or_default();
    Ok(answer::<GetPartChunks>(&super::part_chunks(&app, owner(&caller), &hash, from).await?))
}

/// A part in chunks as an answer, opened chunk by chunk as its reader takes it: one is in memory at a time. Its
/// reader compares the hash; a chunk that is damaged or gone cuts the answer off.
pub(in super::super) async fn answer_part(
    app: Arc<App>,
    owner: Owner<'_>,
    hash: &str,
    etag: HeaderValue,
) -> Outcome<Response> {
    let room = room_for_answer(&app, (CHUNK_LEN + CHUNK_TAG_LEN) as i64)?;
    let reading = Reading::open(&app, owner, hash).await?.ok_or_else(Failure::not_found)?;
    let len = HeaderValue::from(reading.part.size_bytes);
    let pieces = stream::try_unfold((app, reading, room), |(app, mut reading, room)| async move {
        match reading.next(&app).await {
            Ok(piece) => Ok(piece.map(|piece| (piece, (app, reading, room)))),
            Err(failure) => {
                tracing::error!(fault = failure.fault(), "a part cannot be read to its end");
                Err(std::io::Error::other("the part cannot be read"))
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, len),
        (header::ETAG, etag),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
