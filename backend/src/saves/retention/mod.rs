//! Retention: what of a slot's past is kept, and how the rest goes.
//!
//! Each version says when its slot is to be looked at (`review_at_ms`): an hour after it was stored, then when the next rule
//! changes its mind. A look reads the slot's versions, `rules` decide, and in batches contents are taken away:
//! first whatever is stored as a patch against them is stored otherwise (`rebase`), then one transaction, which looks
//! again, swaps and drops (`db`). A row stays as a mark. Two servers may look at once: the second finds nothing left to do, and
//! a crash at any point leaves contents, or blobs that no row names, and never a row without its content.

mod db;
mod rebase;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use db::sweep_purged;

use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::ports::sql::SqlError;
use aethex_wire::ErrorCode;
use aethex_wire::ids::VersionId;
use db::{Slot, Stop};
use parking_lot::Mutex;
use rules::{DAY_MS, Decision, Entry};
use std::collections::HashSet;

/// Slots that are looked at before the sweep asks for more.
const SLOTS_BATCH: i64 = 100;
/// Slots that one sweep looks at: the rest waits for the next one, so that other sweeps get their turn.
const SLOTS_MAX: usize = 20_000;
/// Versions of a slot that are read for a look: a plan's most, and the marks. Older ones wait.
const ENTRIES_MAX: i64 = 150_000;
/// Contents taken away in one transaction: on SQLite nobody else writes meanwhile.
const DROPS_BATCH: usize = 64;
/// Marks removed in one transaction.
const FORGET_BATCH: usize = 256;
/// Times a slot is looked at again because it changed meanwhile, before it waits for the next sweep.
const TRIES: usize = 4;
/// When a slot is looked at again that could not be dealt with: a content of it may be damaged.
const FAILED_WAIT_MS: i64 = DAY_MS;
/// How long a content that nobody names stays: as long as an upload may take until a save names it.
const PART_KEPT_MS: i64 = DAY_MS;
/// Parts looked at in one statement.
const PARTS_BATCH: i64 = 500;
/// Rows of names of parts removed in one statement.
const NAMES_BATCH: i64 = 1000;
/// How long a replaced blob stays, for whoever read its row just before.
const SWAPPED_KEPT_MS: i64 = 60_000;
/// Replaced blobs that are remembered; past it they are left to the sweep of blobs without rows.
const SWAPPED_MAX: usize = 100_000;

/// Blobs whose contents are stored elsewhere by now, with the time of that.
#[derive(Debug, Default)]
pub(crate) struct Replaced(Mutex<Vec<(String, i64)>>);

/// Looks at every slot that is due at `now`.
pub(super) async fn sweep(app: &App, now: i64) -> Result<(), SqlError> {
    remove_replaced(app).await;
    let mut looked = 0;
    while looked < SLOTS_MAX && !app.is_draining() {
        let slots = db::due(&app.sql, now, SLOTS_BATCH).await?;
        looked += slots.len();
        if slots.is_empty() {
            break;
        }
        for slot in &slots {
            if app.is_draining() {
                return Ok(());
            }
            if let Err(failure) = look(app, slot, now).await {
                let why = failure.fault().unwrap_or_else(|| failure.words());
                tracing::warn!(game = %slot.game, why, "a slot's past is left as it is for a day");
                let newest = db::entries(&app.sql, slot, 1).await?.into_iter().next();
                let again = newest.map(|entry| (entry.id, now + FAILED_WAIT_MS));
                db::reviewed(&app.sql, slot, now, again).await?;
            }
        }
    }
    Ok(())
}

/// Takes away what a slot need not keep, and says when to look again.
async fn look(app: &App, slot: &Slot, now: i64) -> Outcome<()> {
    let (_, plan) = app.config.saves.plan_of(&slot.game);
    let mut changed = 0;
    loop {
        let entries = db::entries(&app.sql, slot, ENTRIES_MAX).await?;
        let decision = rules::decide(&entries, &plan.retention, now);
        if !decision.drop.is_empty() {
            match drop_batch(app, slot, &entries, &decision, now).await? {
                true => changed = 0,
                false => changed += 1,
            }
            if changed < TRIES {
                continue;
            }
        }
        for marks in decision.forget.chunks(FORGET_BATCH) {
            db::forget(&app.sql, slot, marks.to_vec()).await?;
        }
        // What could not be dropped is due at the next sweep.
        let next = if changed == 0 { decision.next_ms } else { Some(now + rules::LOOK_AGAIN_MIN_MS) };
        let newest = entries.iter().find(|entry| !decision.forget.contains(&entry.id));
        let next = newest.zip(next).map(|(entry, next)| (entry.id.clone(), next));
        db::reviewed(&app.sql, slot, now, next).await?;
        return Ok(());
    }
}

/// Takes the first contents of a decision away; false when the slot changed meanwhile.
async fn drop_batch(
    app: &App,
    slot: &Slot,
    entries: &[Entry],
    decision: &Decision,
    now: i64,
) -> Outcome<bool> {
    let batch: Vec<VersionId> = decision.drop.iter().take(DROPS_BATCH).cloned().collect();
    let going: HashSet<VersionId> = batch.iter().cloned().collect();
    // Nothing is built anew on what goes with a later batch.
    let dropped: HashSet<VersionId> = decision.drop.iter().cloned().collect();
    let builds = |entry: &&Entry| entry.base.as_ref().is_some_and(|base| going.contains(base));
    let stays = |entry: &&Entry| !going.contains(&entry.id) && !entry.pruned && !entry.deleted;
    let mut swaps = Vec::new();
    // Oldest first: what one was rebuilt to is remembered when the next is stored against it.
    for dependent in entries.iter().rev().filter(builds).filter(stays) {
        match rebase::prepare(app, slot, entries, &dropped, dependent).await {
            Ok(swap) => swaps.extend(swap),
            Err(failure) => {
                rebase::discard(app, &swaps).await;
                // Deleted, or dropped by another server, just now.
                if matches!(failure.code(), ErrorCode::SaveNotFound | ErrorCode::VersionNotFound) {
                    return Ok(false);
                }
                return Err(failure);
            }
        }
    }
    let gone = match db::apply(&app.sql, slot, swaps.clone(), batch, now).await {
        Ok(gone) => gone,
        Err(Stop::Changed) => {
            rebase::discard(app, &swaps).await;
            return Ok(false);
        }
        // The commit may have happened: new blobs stay until the sweep of blobs finds out.
        Err(Stop::Sql(error)) => return Err(Failure::from(error)),
    };
    for key in &gone.dropped {
        if let Err(error) = app.blob.delete(key).await {
            tracing::warn!(%error, blob = super::last_part(key), "a blob stays until the next sweep");
        }
    }
    let mut replaced = app.replaced.0.lock();
    let room = SWAPPED_MAX.saturating_sub(replaced.len());
    let at = now_ms();
    replaced.extend(gone.swapped.into_iter().take(room).map(|key| (key, at)));
    drop(replaced);
    super::forget_usage(app, &slot.game, &slot.player);
    Ok(true)
}

/// Removes blobs that were replaced a while ago.
async fn remove_replaced(app: &App) {
    let before = now_ms() - SWAPPED_KEPT_MS;
    let old: Vec<String> = {
        let mut replaced = app.replaced.0.lock();
        let (old, young): (Vec<_>, Vec<_>) = replaced.drain(..).partition(|(_, at)| *at < before);
        *replaced = young;
        old.into_iter().map(|(key, _)| key).collect()
    };
    for key in old {
        if let Err(error) = app.blob.delete(&key).await {
            tracing::warn!(%error, blob = super::last_part(&key), "a replaced blob stays until the next sweep");
        }
    }
}

/// Removes contents that no version names as a part any more.
pub(super) async fn sweep_parts(app: &App, now: i64) -> Result<(), SqlError> {
    while db::sweep_names(&app.sql, NAMES_BATCH).await? == NAMES_BATCH as u64 {}
    let before = now - PART_KEPT_MS;
    let mut after = None;
    loop {
        let parts = db::unnamed_parts(&app.sql, after.as_ref(), before, PARTS_BATCH).await?;
        after = parts.last().cloned();
        if after.is_none() {
            return Ok(());
        }
        for part in &parts {
            let Some(blob) = db::remove_part(&app.sql, part, before).await? else { continue };
            super::forget_usage(app, &part.game, &part.player);
            if let Some(key) = blob
                && let Err(error) = app.blob.delete_all(&key).await
            {
                tracing::warn!(%error, blob = super::last_part(&key), "a part's blob stays until the next sweep");
            }
        }
    }
}
