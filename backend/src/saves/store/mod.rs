//! How a version is stored: blob first, then the row that names it, then, if the head was another, why.

mod db;

pub(in crate::saves) use db::NewVersion;

use super::Used;
use super::config::{APPEND_TRIES, INLINE_LEN_MAX, SIDES_MAX};
use super::contents::{self, Owner, Prepared};
use super::db::{self as versions, Chain};
use super::rules::{self, Base, Content};
use crate::app::App;
use crate::context::{new_version_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::ports::sql::SqlError;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, PlayerId, VersionId};
use aethex_wire::saves::{Compression, Conflict, Encoding, SaveVersion};
use db::Placed;
use parking_lot::Mutex;
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
pub(super) async fn store(app: Arc<App>, new: NewVersion, prepared: Prepared) -> Outcome<Stored> {
    let work = tokio::spawn(async move { store_at(&app, new, prepared, Place::Anywhere).await });
    let stored = work.await.map_err(|error| Failure::internal(error.to_string()))??;
    stored.ok_or_else(|| Failure::internal("a version has no place"))
}

/// Stores a version as the head, or not at all when its base is not the head.
pub(super) async fn store_as_head(
    app: Arc<App>,
    new: NewVersion,
    prepared: Prepared,
) -> Outcome<Option<SaveVersion>> {
    let work = tokio::spawn(async move { store_at(&app, new, prepared, Place::Head).await });
    match work.await.map_err(|error| Failure::internal(error.to_string()))?? {
        None => Ok(None),
        Some(Stored::Head(version)) => Ok(Some(version)),
        Some(Stored::Beside(conflict)) => Err(Failure::conflict(conflict)),
    }
}

async fn store_at(app: &App, new: NewVersion, prepared: Prepared, wanted: Place) -> Outcome<Option<Stored>> {
    let Prepared { full, patch, plain } = prepared;
    let needs = patch.as_ref().map_or(full.stored.len(), |patch| patch.bytes.len());
    let used = match super::check_quota(app, &new.game, &new.player, needs as i64).await {
        Ok(used) => used,
        // A repeated request takes no room: it gets its answer whatever the quota.
        Err(refused) => return repeated_new(app, &new).await?.map(Some).ok_or(refused),
    };
    let sealed = full.encoding == Encoding::Sealed;
    if let Some(patch) = patch {
        // Nothing encrypted can be stored in full here: it goes beside the head as it came.
        let place = if sealed { wanted } else { Place::Head };
        let content = Content { compression: Compression::Delta, stored: patch.bytes, ..full.clone() };
        let base = match &new.base {
            // Only on the head that it is a patch against.
            Base::Head => Base::One(patch.base.clone()),
            base => base.clone(),
        };
        let as_patch =
            NewVersion { content, base, base_id: Some(patch.base), chain: patch.chain, ..new.clone() };
        if let Some(stored) = write(app, as_patch, &used, place).await? {
            contents::remember(app, &new.game, &new.version, plain.as_ref());
            return Ok(Some(stored));
        }
        if sealed {
            return repeated_new(app, &new).await;
        }
    }
    if needs < full.stored.len() {
        // The patch did not fit its place: now it takes more room than was asked for.
        match super::check_quota(app, &new.game, &new.player, full.stored.len() as i64).await {
            Ok(_) => {}
            Err(refused) => return repeated_new(app, &new).await?.map(Some).ok_or(refused),
        }
    }
    let chain = Chain { key_bytes: full.stored.len() as i64, ..Chain::default() };
    let in_full = NewVersion { content: full, chain, ..new.clone() };
    let Some(stored) = write(app, in_full, &used, wanted).await? else {
        // The same request, at the same time, was faster; or the head is another.
        return repeated_new(app, &new).await;
    };
    contents::remember(app, &new.game, &new.version, plain.as_ref());
    Ok(Some(stored))
}

/// Where a version may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Only on top of the head; nothing is stored otherwise.
    Head,
    /// Beside the head, if it moved on.
    Anywhere,
}

/// Seals the content, puts a large one into the blob store, then inserts the row.
async fn write(app: &App, mut new: NewVersion, used: &Mutex<Used>, place: Place) -> Outcome<Option<Stored>> {
    let owner = Owner { game: &new.game, player: &new.player };
    let len = new.content.stored.len();
    let (sealed, key) = contents::seal(app, owner, new.version.as_str(), new.content.stored.clone()).await?;
    (new.content.stored, new.sealed_by) = (sealed, key);
    if len > INLINE_LEN_MAX {
        // A key of its own for each try: what a try leaves behind never stands for another's.
        let key = format!("{}/{}/{}", new.game, new.player, new_version_id());
        let put = app.blob.put(&key, new.content.stored.clone()).await;
        put.map_err(|error| Failure::blob(&error))?;
        new.blob_key = Some(key);
    }
    let stored = match place {
        Place::Head => match db::insert_head(&app.sql, &new).await {
            Ok(placed) => placed.map(|placed| head_of(&new, placed)).transpose(),
            Err(error) => Err(error.into()),
        },
        Place::Anywhere => insert(app, &new).await.map(Some),
    };
    if names(&stored, &new.version) {
        used.lock().add(len as i64);
    } else if let Some(key) = new.blob_key {
        // No row names it: a refused or repeated request leaves nothing behind.
        let _ = app.blob.delete(&key).await;
    }
    stored
}

/// Whether the outcome is the new version's, or may be: a failed commit can still have happened.
fn names(stored: &Outcome<Option<Stored>>, version: &VersionId) -> bool {
    match stored {
        Ok(None) => false,
        Ok(Some(Stored::Head(head))) => head.version == *version,
        Ok(Some(Stored::Beside(conflict))) => conflict.kept.version == *version,
        Err(failure) => failure.code() == ErrorCode::Internal || failure.code() == ErrorCode::Overloaded,
    }
}

fn head_of(new: &NewVersion, placed: Placed) -> Outcome<Stored> {
    let version = receipt(new, placed.sequence, placed.parent)?;
    Ok(Stored::Head(SaveVersion { suspicions: placed.suspicions, ..version }))
}

async fn insert(app: &App, new: &NewVersion) -> Outcome<Stored> {
    for _ in 0..APPEND_TRIES {
        if let Some(placed) = db::insert_head(&app.sql, new).await? {
            return head_of(new, placed);
        }
        if let Some(repeated) = repeated_new(app, new).await? {
            return Ok(repeated);
        }
        if let Base::Merge(one, other) = &new.base
            && let Some(same) = versions::same_merge(
                &app.sql,
                &new.game,
                &new.player,
                &new.slot,
                (&new.content.hash, &new.parts),
                (one, other),
            )
            .await?
        {
            return Ok(Stored::Head(same));
        }
        let head = versions::head(&app.sql, &new.game, &new.player, &new.slot).await?.map(|(head, _)| head);
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
        if !versions::is_known(&app.sql, &new.game, &new.player, &new.slot, parent).await? {
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
async fn repeated_new(app: &App, new: &NewVersion) -> Outcome<Option<Stored>> {
    let (Some(key), Some(request_hash)) = (&new.idempotency_key, &new.request_hash) else { return Ok(None) };
    repeated(app, Owner { game: &new.game, player: &new.player }, key, request_hash).await
}

/// The outcome of the earlier request with this key, when there was one; refused when that had another body.
pub(super) async fn repeated(
    app: &App,
    owner: Owner<'_>,
    key: &str,
    request_hash: &str,
) -> Outcome<Option<Stored>> {
    let found = versions::by_idempotency_key(&app.sql, owner.game, owner.player, key).await?;
    let Some((version, first_hash)) = found else { return Ok(None) };
    if first_hash.as_deref() != Some(request_hash) {
        return Err(Failure::new(
            ErrorCode::IdempotencyMismatch,
            "This Idempotency-Key was used with another request: use a new key for a new save.",
        ));
    }
    if version.sequence.is_some() {
        return Ok(Some(Stored::Head(version)));
    }
    conflict(app, owner, version).await.map(|conflict| Some(Stored::Beside(conflict)))
}

async fn keep_beside(app: &App, new: &NewVersion, head: SaveVersion) -> Outcome<Stored> {
    if !db::insert_beside(&app.sql, new).await? {
        // The same request, at the same time, was faster.
        let first = repeated_new(app, new).await?;
        return first.ok_or_else(|| Failure::internal("a version could not be kept beside the head"));
    }
    let kept = receipt(new, None, new.base.first().map(|id| id.as_str().to_owned()))?;
    let owner = Owner { game: &new.game, player: &new.player };
    let ancestor = ancestor(app, owner, &kept).await?;
    Ok(Stored::Beside(Conflict { head, ancestor, kept }))
}

async fn conflict(app: &App, owner: Owner<'_>, kept: SaveVersion) -> Outcome<Conflict> {
    let head = versions::head(&app.sql, owner.game, owner.player, &kept.slot).await?;
    let (head, _) = head.ok_or_else(|| Failure::internal("a slot with versions has no head"))?;
    let ancestor = ancestor(app, owner, &kept).await?;
    Ok(Conflict { head, ancestor, kept })
}

/// The newest version that both the head and the kept one come from.
async fn ancestor(app: &App, owner: Owner<'_>, kept: &SaveVersion) -> Outcome<Option<SaveVersion>> {
    let sides = versions::sides(&app.sql, owner.game, owner.player, &kept.slot, SIDES_MAX).await?;
    let Some(id) = rules::ancestor(&kept.parents, &sides) else { return Ok(None) };
    let found = versions::version_of(&app.sql, owner.game, owner.player, &kept.slot, &id).await?;
    Ok(found.map(|(version, _)| version).filter(|version| !version.deleted))
}

/// Deletes a slot with its blobs; false when nothing was there. Goes on when the client goes away.
pub(super) async fn delete(app: Arc<App>, game: GameId, player: PlayerId, slot: String) -> Outcome<bool> {
    let work = tokio::spawn(async move { delete_now(&app, &game, &player, &slot).await });
    work.await.map_err(|error| Failure::internal(error.to_string()))?
}

async fn delete_now(app: &App, game: &GameId, player: &PlayerId, slot: &str) -> Outcome<bool> {
    for _ in 0..APPEND_TRIES {
        let blobs = match versions::delete(&app.sql, game, player, slot, new_version_id(), now_ms()).await {
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
