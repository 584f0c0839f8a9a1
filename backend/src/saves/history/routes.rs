//! The endpoints of a slot's past.

use super::{copy_of, db, rules};
use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{
    Caller, JSON_LEN_MAX, Json, Path, Query, off_thread, parse_json, read_body, room_for_answer,
};
use crate::http::answer;
use crate::saves::contents::{self, Owner, Patch, Prepared};
use crate::saves::db::{self as versions, Stored};
use crate::saves::put::idempotency_key;
use crate::saves::routes::with_etag;
use crate::saves::rules::{self as save_rules, Base};
use crate::saves::store;
use crate::saves::store::NewVersion;
use aethex_wire::ErrorCode;
use aethex_wire::diff::{Changes, diff, diff_bytes, diff_parts};
use aethex_wire::ids::VersionId;
use aethex_wire::saves::history::{
    BranchRequest, BranchSave, Diff, DiffQuery, DiffSaves, GetQuota, PutVersion, PutVersionRequest, Quota,
    RestoreRequest, RestoreSave,
};
use aethex_wire::saves::{Compression, Conflict, Encoding, LABEL_CHARS_MAX, SaveVersion, check_slot};
use aethex_wire::value;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use std::sync::Arc;

/// Values up to this size are compared on the request's thread.
const DIFF_IN_PLACE_LEN_MAX: i64 = 16 * 1024;
/// Times a restore is tried again because another writer was faster.
const RESTORE_TRIES: usize = 8;

pub(in crate::saves) async fn diff_saves(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot)): Path<(String, String)>,
    Query(query): Query<DiffQuery>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(save_rules::invalid_slot)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    let from = found(&app, owner, &slot, Some(&query.from)).await?;
    let to = found(&app, owner, &slot, query.to.as_ref()).await?;
    let parts = diff_parts(&from.0.parts, &to.0.parts);
    let (older, newer) = (from.0.clone(), to.0.clone());
    let Changes { changes, truncated } = changes(&app, owner, from, to).await?;
    Ok(answer::<DiffSaves>(&Diff { from: older, to: newer, changes, parts, truncated }))
}

async fn changes(
    app: &App,
    owner: Owner<'_>,
    (from, from_stored): (SaveVersion, Stored),
    (to, to_stored): (SaveVersion, Stored),
) -> Outcome<Changes> {
    if from.encoding == Encoding::Sealed || to.encoding == Encoding::Sealed {
        return Err(Failure::new(
            ErrorCode::SealedSave,
            "Only the player's devices can compare encrypted saves: load both, and compare there.",
        ));
    }
    let alike = from.encoding == to.encoding;
    if alike && (from.hash == to.hash || from.encoding == Encoding::Bytes) {
        return Ok(diff_bytes((&from.hash, from.size_bytes), (&to.hash, to.size_bytes)));
    }
    if !alike {
        return Ok(diff_bytes(("", from.size_bytes), (&to.hash, to.size_bytes)));
    }
    let len = from.size_bytes + to.size_bytes;
    let _room = room_for_answer(app, len)?;
    let older = contents::plain(app, owner, &from, from_stored).await?;
    let newer = contents::plain(app, owner, &to, to_stored).await?;
    let compare = move || {
        let read = |bytes: &[u8]| {
            value::decode(bytes)
                .map_err(|error| Failure::internal(format!("a stored value is damaged: {error}")))
        };
        Ok(diff(&read(&older)?, &read(&newer)?))
    };
    if len > DIFF_IN_PLACE_LEN_MAX { off_thread(app, compare).await } else { compare() }
}

/// A version whose content is there; the head when none is wanted.
async fn found(
    app: &App,
    owner: Owner<'_>,
    slot: &str,
    wanted: Option<&VersionId>,
) -> Outcome<(SaveVersion, Stored)> {
    let found = match wanted {
        None => versions::head(&app.sql, owner.game, owner.player, slot).await?,
        Some(version) => versions::version_of(&app.sql, owner.game, owner.player, slot, version).await?,
    };
    match (found, wanted) {
        (Some((version, stored)), _) if !version.deleted && !version.pruned => Ok((version, stored)),
        (Some((version, _)), Some(_)) if version.pruned => Err(Failure::new(
            ErrorCode::VersionNotFound,
            "Retention took this version's content away: pin what should stay.",
        )),
        (_, Some(_)) => Err(no_version()),
        (_, None) => Err(Failure::new(ErrorCode::SaveNotFound, "No save is in this slot.")),
    }
}

fn no_version() -> Failure {
    Failure::new(ErrorCode::VersionNotFound, "The slot's history has no such version.")
}

pub(in crate::saves) async fn put_version(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot, version)): Path<(String, String, String)>,
    Json(change): Json<PutVersionRequest>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(save_rules::invalid_slot)?;
    crate::auth::check_line("label", change.label.as_deref().unwrap_or_default(), LABEL_CHARS_MAX)?;
    let version = VersionId::parse(&version).ok_or_else(no_version)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    let changed = db::change(&app.sql, owner, &slot, &version, &change, now_ms()).await?;
    // What was not there to be changed is not there to be found, and that says why.
    let (version, _) = found(&app, owner, &slot, Some(&version)).await?;
    if changed { Ok(answer::<PutVersion>(&version)) } else { Err(no_version()) }
}

pub(in crate::saves) async fn restore_save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(save_rules::invalid_slot)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    let (request, once) = read::<RestoreRequest>(&app, "restore", &slot, &headers, body).await?;
    if let Some(version) = once.repeated(&app, owner).await? {
        return Ok(with_etag(answer::<RestoreSave>(&version), &version.version));
    }
    for _ in 0..RESTORE_TRIES {
        let (source, stored) = found(&app, owner, &slot, Some(&request.version)).await?;
        let head = versions::head(&app.sql, owner.game, owner.player, &slot).await?;
        let (head, _) =
            head.ok_or_else(|| Failure::new(ErrorCode::SaveNotFound, "No save is in this slot."))?;
        if request.head.as_ref().is_some_and(|known| *known != head.version) {
            return Err(Failure::conflict(Conflict { head, ancestor: None, kept: source }));
        }
        let now = now_ms();
        let prepared = copy(&app, owner, &source, stored, Some(&head.version)).await?;
        let new = NewVersion {
            base: Base::One(head.version.clone()),
            device_clock: rules::clock_on_top(Some(&head)),
            hlc: rules::hlc_on_top(Some(&head), now),
            saved_at_ms: now,
            ..once.clone().version(owner, &slot, &source, &prepared, now)
        };
        let new = NewVersion { device_id: String::new(), device_name: String::new(), ..new };
        if let Some(version) = store::store_as_head(app.clone(), new, prepared).await? {
            return Ok(with_etag(answer::<RestoreSave>(&version), &version.version));
        }
    }
    Err(Failure::overloaded())
}

pub(in crate::saves) async fn branch_save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((user_id, slot)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    check_slot(&slot).map_err(save_rules::invalid_slot)?;
    let owner = Owner { game: &caller.game, player: &caller.player };
    let (request, once) = read::<BranchRequest>(&app, "branch", &slot, &headers, body).await?;
    check_slot(&request.to).map_err(save_rules::invalid_slot)?;
    if let Some(version) = once.repeated(&app, owner).await? {
        return Ok(with_etag(answer::<BranchSave>(&version), &version.version));
    }
    let (source, stored) = found(&app, owner, &slot, request.version.as_ref()).await?;
    let taken =
        || Failure::new(ErrorCode::SlotTaken, "There is a save in the new slot: choose another name.");
    let there = versions::head(&app.sql, owner.game, owner.player, &request.to).await?;
    if there.is_some_and(|(head, _)| !head.deleted) {
        return Err(taken());
    }
    let prepared = copy(&app, owner, &source, stored, None).await?;
    let new =
        NewVersion { base: Base::Nothing, ..once.version(owner, &request.to, &source, &prepared, now_ms()) };
    let version = store::store_as_head(app.clone(), new, prepared).await?.ok_or_else(taken)?;
    Ok(with_etag(answer::<BranchSave>(&version), &version.version))
}

/// What makes a repeated request harmless.
#[derive(Debug, Clone)]
struct Once {
    key: Option<String>,
    request_hash: Option<String>,
}

/// The request, and its key with a digest of what it asks for.
async fn read<T: serde::de::DeserializeOwned>(
    app: &App,
    what: &str,
    slot: &str,
    headers: &HeaderMap,
    body: Body,
) -> Outcome<(T, Once)> {
    crate::extract::expect_media_type(headers, "application/json")?;
    let key = idempotency_key(headers)?;
    let body = read_body(app, body, JSON_LEN_MAX).await?;
    let request = parse_json(&body.bytes)?;
    let digest = || {
        // A slot's name has no control characters.
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(what.as_bytes())
            .update(b"\0")
            .update(slot.as_bytes())
            .update(b"\0")
            .update(&body.bytes);
        hasher.finalize().to_hex().to_string()
    };
    let request_hash = key.is_some().then(digest);
    Ok((request, Once { key, request_hash }))
}

impl Once {
    /// What the earlier request with this key made.
    async fn repeated(&self, app: &App, owner: Owner<'_>) -> Outcome<Option<SaveVersion>> {
        let (Some(key), Some(request_hash)) = (&self.key, &self.request_hash) else { return Ok(None) };
        match store::repeated(app, owner, key, request_hash).await? {
            Some(store::Stored::Head(version)) => Ok(Some(version)),
            Some(store::Stored::Beside(conflict)) => Err(Failure::conflict(conflict)),
            None => Ok(None),
        }
    }

    /// A version with the content of another one, and what that says of itself.
    fn version(
        self,
        owner: Owner<'_>,
        slot: &str,
        source: &SaveVersion,
        prepared: &Prepared,
        now: i64,
    ) -> NewVersion {
        NewVersion {
            idempotency_key: self.key,
            request_hash: self.request_hash,
            ..copy_of(owner, slot, source, prepared.full.clone(), now)
        }
    }
}

/// A version's content, to be stored again: on `head`, or in a new slot.
async fn copy(
    app: &App,
    owner: Owner<'_>,
    source: &SaveVersion,
    stored: Stored,
    head: Option<&VersionId>,
) -> Outcome<Prepared> {
    let _room = room_for_answer(app, source.size_bytes)?;
    // What the version names is used now: no sweep takes it before the new version names it too.
    crate::saves::parts::hold(app, owner, &source.parts).await?;
    if source.encoding == Encoding::Sealed && stored.compression == Compression::Delta {
        return copy_sealed_patch(app, owner, source, stored, head).await;
    }
    let plain = contents::plain(app, owner, source, stored).await?;
    let (encoding, hash) = (source.encoding, source.hash.clone());
    let full = off_thread(app, move || {
        let (compression, packed) = contents::pack(&plain);
        save_rules::checked(encoding, compression, Some(&hash), &plain, packed)
    })
    .await?;
    match head {
        Some(head) => contents::against(app, owner, &source.slot, Some(head), full).await,
        None => Ok(Prepared { full, patch: None, plain: None }),
    }
}

/// An encrypted patch is copied as it is, within its slot: nobody here can make anything else of it.
async fn copy_sealed_patch(
    app: &App,
    owner: Owner<'_>,
    source: &SaveVersion,
    stored: Stored,
    head: Option<&VersionId>,
) -> Outcome<Prepared> {
    let (Some(base), Some(_)) = (stored.base.clone(), head) else {
        return Err(Failure::new(
            ErrorCode::SealedSave,
            "This version is an encrypted patch, which only the player's devices can apply: load it there, and save \
             it under the new name.",
        ));
    };
    let chain = stored.chain;
    let bytes = contents::payload(app, owner, &source.version, stored).await?;
    let full =
        save_rules::checked(Encoding::Sealed, Compression::Delta, Some(&source.hash), &bytes, bytes.clone())?;
    Ok(Prepared { full, patch: Some(Patch { base, bytes, chain }), plain: None })
}

pub(in crate::saves) async fn get_quota(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Outcome<Response> {
    caller.own(&user_id)?;
    let (used_bytes, count) = versions::usage(&app.sql, &caller.game, &caller.player).await?;
    let (_, plan) = app.config.saves.plan_of(&caller.game);
    let quota =
        Quota { used_bytes, max_bytes: plan.quota_bytes, versions: count, versions_max: plan.versions_max };
    Ok(answer::<GetQuota>(&quota))
}
