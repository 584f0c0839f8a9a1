//! Reading a part.

use super::db::{self, Form};
use super::plain;
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Path, Query, counted_body, room_for_answer};
use crate::saves::contents::Owner;
use crate::saves::{db as versions, rules, uploads};
use aethex_wire::ErrorCode;
use aethex_wire::saves::{GetPartQuery, check_part_name, check_slot};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;

pub(in super::super) async fn get_part(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot, name)): Path<(String, String, String)>,
    Query(query): Query<GetPartQuery>,
    headers: HeaderMap,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(rules::invalid_slot)?;
    check_part_name(&name).map_err(rules::invalid_part)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    let found = match &query.version {
        None => versions::head(&app.sql, owner.game, owner.player, &slot).await?,
        Some(version) => versions::version_of(&app.sql, owner.game, owner.player, &slot, version).await?,
    };
    let Some((version, _)) = found.filter(|(version, _)| !version.deleted && !version.pruned) else {
        return Err(match query.version {
            Some(_) => Failure::new(ErrorCode::VersionNotFound, "The slot's history has no such version."),
            None => Failure::new(ErrorCode::SaveNotFound, "No save is in this slot."),
        });
    };
    let missing = || Failure::new(ErrorCode::NotFound, "The version has no part of this name.");
    let hash = db::hash_of(&app.sql, owner, &version.version, &name).await?.ok_or_else(missing)?;
    let etag = HeaderValue::from_str(&format!("\"{hash}\"")).map_err(|_| missing())?;
    if super::super::routes::is_at_hand(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let part = db::part(&app.sql, owner, &hash).await?.ok_or_else(missing)?;
    if part.form == Form::Chunks {
        return uploads::answer_part(app.clone(), owner, &hash, etag).await;
    }
    let room = room_for_answer(&app, part.size_bytes)?;
    let plain = plain(&app, owner, part).await?;
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers = [(header::CONTENT_TYPE, kind), (header::ETAG, etag)];
    Ok((headers, counted_body(plain, room)).into_response())
}
