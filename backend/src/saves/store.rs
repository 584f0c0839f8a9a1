//! How a version is stored: blob first, then the row that names it, then, if the head was another, why.

use super::config::{ANCESTOR_STEPS_MAX, APPEND_TRIES, INLINE_LEN_MAX};
use super::db::{self, NewVersion};
use super::rules::Base;
use crate::app::App;
use crate::context::{new_version_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::SqlError;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use aethex_wire::saves::{Conflict, SaveVersion};
use std::sync::Arc;

/// What became of a version.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "conflicts are rare and short-lived: a box would reach every match"
)]
pub(super) enum Stored {
    /// It is the head, or was: a repeated request gets the answer of the first.
    Head(SaveVersion),
    /// It is kept beside the head.
    Beside(Conflict),
}

/// Stores a version durably. The work goes on when the client goes away, so that no blob is left without
/// its row.
pub(super) async fn store(app: Arc<App>, new: NewVersion) -> Outcome<Stored> {
    let work = tokio::spawn(async move { store_now(&app, new).await });
    work.await.map_err(|error| Failure::internal(error.to_string()))?
}

async fn store_now(app: &App, mut new: NewVersion) -> Outcome<Stored> {
    let len = new.content.stored.len();
    let used = match super::check_quota(app, &new.game, &new.player, len as i64).await {
        Ok(used) => used,
        // A repeated request takes no room: it gets its answer whatever the quota.
        Err(refused) => return repeated(app, &new).await?.ok_or(refused),
    };
    if len > INLINE_LEN_MAX {
        let key = format!("{}/{}/{}", new.game, new.player, new.version);
        app.blob
            .put(&key, new.content.stored.clone())
            .await
            .map_err(|error| Failure::blob("cannot store a blob", &error))?;
        new.blob_key = Some(key);
    }
    let stored = insert(app, &new).await;
    if names(&stored, &new.version) {
        used.lock().add(len as i64);
    } else if let Some(key) = new.blob_key {
        // No row names it: a refused or repeated request leaves nothing behind.
        let _ = app.blob.delete(&key).await;
    }
    stored
}

/// Whether the outcome is the new version's, or may be: a failed commit can still have happened.
fn names(stored: &Outcome<Stored>, version: &VersionId) -> bool {
    match stored {
        Ok(Stored::Head(head)) => head.version == *version,
        Ok(Stored::Beside(conflict)) => conflict.kept.version == *version,
        Err(failure) => failure.code() == ErrorCode::Internal || failure.code() == ErrorCode::Overloaded,
    }
}

async fn insert(app: &App, new: &NewVersion) -> Outcome<Stored> {
    for _ in 0..APPEND_TRIES {
        if let Some(placed) = db::insert_head(&app.sql, new).await? {
            let version = receipt(new, Some(placed.sequence), placed.parent)?;
            return Ok(Stored::Head(SaveVersion { suspicions: placed.suspicions, ..version }));
        }
        if let Some(repeated) = repeated(app, new).await? {
            return Ok(repeated);
        }
        let head = db::head(&app.sql, &new.game, &new.player, &new.slot).await?.map(|(head, _)| head);
        match (&new.base, head) {
            // Another writer was faster: append to what it wrote.
            (Base::Head, _) => {}
            // The head went away between the two statements.
            (Base::Nothing, None) => {}
            (Base::Nothing, Some(head)) if head.deleted => {}
            (base, Some(head)) if base.first() == Some(&head.version) && known(app, new).await? => {}
            (_, None) => return Err(unknown_parent()),
            (_, Some(head)) => {
                if !known(app, new).await? {
                    return Err(unknown_parent());
                }
                return keep_beside(app, new, head).await;
            }
        }
    }
    Err(Failure::overloaded())
}

/// Whether the parents are versions of this slot, or were before it was deleted.
async fn known(app: &App, new: &NewVersion) -> Outcome<bool> {
    for parent in new.base.first().into_iter().chain(new.base.second()) {
        if !db::is_known(&app.sql, &new.game, &new.player, &new.slot, parent).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unknown_parent() -> Failure {
    Failure::new(
        ErrorCode::UnknownParent,
        "A parent is not a version of this slot: load the slot, then save again with its version as parent.",
    )
}

/// The outcome of the earlier request with the same key, when there was one.
async fn repeated(app: &App, new: &NewVersion) -> Outcome<Option<Stored>> {
    let Some(key) = &new.idempotency_key else { return Ok(None) };
    let Some((version, request_hash)) = db::by_idempotency_key(&app.sql, &new.game, &new.player, key).await?
    else {
        return Ok(None);
    };
    if request_hash != new.request_hash {
        return Err(Failure::new(
            ErrorCode::IdempotencyMismatch,
            "This Idempotency-Key was used with another request: use a new key for a new save.",
        ));
    }
    if version.sequence.is_some() {
        return Ok(Some(Stored::Head(version)));
    }
    conflict(app, new, version).await.map(|conflict| Some(Stored::Beside(conflict)))
}

async fn keep_beside(app: &App, new: &NewVersion, head: SaveVersion) -> Outcome<Stored> {
    if !db::insert_beside(&app.sql, new).await? {
        // The same request, at the same time, was faster.
        let first = repeated(app, new).await?;
        return first.ok_or_else(|| Failure::internal("a version could not be kept beside the head"));
    }
    let kept = receipt(new, None, new.base.first().map(|id| id.as_str().to_owned()))?;
    let ancestor = ancestor(app, new, &kept).await?;
    Ok(Stored::Beside(Conflict { head, ancestor, kept }))
}

async fn conflict(app: &App, new: &NewVersion, kept: SaveVersion) -> Outcome<Conflict> {
    let head = db::head(&app.sql, &new.game, &new.player, &new.slot).await?;
    let (head, _) = head.ok_or_else(|| Failure::internal("a slot with versions has no head"))?;
    let ancestor = ancestor(app, new, &kept).await?;
    Ok(Conflict { head, ancestor, kept })
}

/// The newest version that both the head and the kept one come from: the first of the latter's ancestors
/// that is in the line of heads, for all of that line are the head's ancestors.
async fn ancestor(app: &App, new: &NewVersion, kept: &SaveVersion) -> Outcome<Option<SaveVersion>> {
    let mut next = kept.parents.first().cloned();
    for _ in 0..ANCESTOR_STEPS_MAX {
        let Some(id) = next else { return Ok(None) };
        let found = db::version_of(&app.sql, &new.game, &new.player, &new.slot, &id).await?;
        match found {
            Some((version, _)) if version.sequence.is_some() && !version.deleted => return Ok(Some(version)),
            Some((version, _)) => next = version.parents.first().cloned(),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Deletes a slot with its blobs; false when nothing was there. Goes on when the client goes away.
pub(super) async fn delete(app: Arc<App>, game: GameId, player: PlayerId, slot: String) -> Outcome<bool> {
    let work = tokio::spawn(async move { delete_now(&app, &game, &player, &slot).await });
    work.await.map_err(|error| Failure::internal(error.to_string()))?
}

async fn delete_now(app: &App, game: &GameId, player: &PlayerId, slot: &str) -> Outcome<bool> {
    for _ in 0..APPEND_TRIES {
        let blobs = match db::delete(&app.sql, game, player, slot, new_version_id(), now_ms()).await {
            // A writer took the mark's place in the line: put it behind what was written.
            Err(SqlError::Unique(_)) => continue,
            done => done?,
        };
        super::forget_usage(app, game, player);
        for key in blobs.iter().flatten() {
            if let Err(error) = app.blob.delete(key).await {
                tracing::warn!(%error, blob = super::last_part(key), "a blob of a deleted save stays until the next sweep");
            }
        }
        return Ok(blobs.is_some());
    }
    Err(Failure::overloaded())
}

fn receipt(new: &NewVersion, sequence: Option<i64>, parent: Option<String>) -> Outcome<SaveVersion> {
    let first = match parent {
        Some(text) => {
            Some(VersionId::parse(&text).ok_or_else(|| Failure::internal("a stored version id is damaged"))?)
        }
        None => None,
    };
    Ok(SaveVersion {
        parents: first.into_iter().chain(new.base.second().cloned()).collect(),
        sequence,
        encoding: new.content.encoding,
        hash: new.content.hash.clone(),
        size_bytes: new.content.size_bytes,
        label: new.label.clone(),
        device_name: new.device_name.clone(),
        playtime_ms: new.playtime_ms,
        saved_at_ms: new.saved_at_ms,
        stored_at_ms: new.stored_at_ms,
        parts: new.parts.clone(),
        device_id: new.device_id.clone(),
        device_clock: new.device_clock.clone(),
        hlc: new.hlc,
        schema: new.schema,
        app_version: new.app_version.clone(),
        ..SaveVersion::new(new.slot.clone(), new.version.clone())
    })
}
