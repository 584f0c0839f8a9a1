//! Storing a version on its own feet, before what it is a patch against goes.
//!
//! The content is rebuilt, which compares its hash, and stored as a patch against the nearest version that stays, or in full.
//! A new patch is applied once, here, before anything is swapped: what is read later was read before.

use super::super::config::INLINE_LEN_MAX;
use super::super::contents::{self, Owner};
use super::super::db::{self as versions, Chain};
use super::super::rules::{self, Content};
use super::db::{Slot, Swap};
use super::rules::{Entry, new_base};
use crate::app::App;
use crate::context::new_version_id;
use crate::error::{Failure, Outcome};
use crate::extract::{off_thread, room_for_answer};
use aethex_wire::delta;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::{Compression, SAVE_LEN_MAX};
use std::collections::HashSet;

/// Prepares the swap of one version; `None` when it is not a patch any more.
pub(super) async fn prepare(
    app: &App,
    slot: &Slot,
    entries: &[Entry],
    dropped: &HashSet<VersionId>,
    dependent: &Entry,
) -> Outcome<Option<Swap>> {
    let owner = Owner { game: &slot.game, player: &slot.player };
    let found = versions::version_of(&app.sql, owner.game, owner.player, &slot.name, &dependent.id).await?;
    let Some((version, stored)) = found else { return Ok(None) };
    let Some(old_base) = stored.base.clone() else { return Ok(None) };
    let _room = room_for_answer(app, version.size_bytes)?;
    let plain = contents::plain(app, owner, &version, stored).await?;
    let (encoding, hash) = (version.encoding, version.hash.clone());
    let packed = plain.clone();
    let full: Content = off_thread(app, move || {
        let (compression, stored) = contents::pack(&packed);
        // Unpacked again: what is compared is what will be read.
        let unpacked = rules::plain_of(compression, &stored)?;
        rules::checked(encoding, compression, Some(&hash), &unpacked, stored)
    })
    .await?;
    let patch = match new_base(entries, dropped, dependent) {
        None => None,
        Some(base) => contents::against(app, owner, &slot.name, Some(&base), full.clone())
            .await?
            .patch
            .filter(|p| p.base == base),
    };
    let (compression, new_base, chain, bytes) = match patch {
        Some(patch) if fits(app, slot, &patch, &plain).await? => {
            (Compression::Delta, Some(patch.base), patch.chain, patch.bytes)
        }
        _ => {
            let chain = Chain { key_bytes: full.stored.len() as i64, ..Chain::default() };
            (full.compression, None, chain, full.stored)
        }
    };
    let stored_bytes = bytes.len() as i64;
    let (sealed, sealed_by) = contents::seal(app, owner, dependent.id.as_str(), bytes).await?;
    let blob_key = (sealed.len() > INLINE_LEN_MAX)
        .then(|| format!("{}/{}/{}", slot.game, slot.player, new_version_id()));
    let body = match &blob_key {
        None => Some(sealed),
        Some(key) => {
            app.blob.put(key, sealed).await.map_err(|error| Failure::blob(&error))?;
            None
        }
    };
    Ok(Some(Swap {
        version: dependent.id.clone(),
        old_base,
        new_base,
        compression: versions::compression_text(compression),
        body,
        blob_key,
        sealed_by,
        stored_bytes,
        chain_len: chain.len,
        chain_bytes: chain.bytes,
        key_bytes: chain.key_bytes,
    }))
}

/// Whether a patch gives the content, byte by byte.
async fn fits(app: &App, slot: &Slot, patch: &contents::Patch, plain: &bytes::Bytes) -> Outcome<bool> {
    let owner = Owner { game: &slot.game, player: &slot.player };
    let found = versions::version_of(&app.sql, owner.game, owner.player, &slot.name, &patch.base).await?;
    let Some((version, stored)) = found else { return Ok(false) };
    let before = contents::plain(app, owner, &version, stored).await?;
    let (patch, plain) = (patch.bytes.clone(), plain.clone());
    off_thread(app, move || Ok(delta::decode(&before, &patch, SAVE_LEN_MAX).is_ok_and(|made| made == plain)))
        .await
}

/// Takes away what was put into the blob store for swaps that were not made.
pub(super) async fn discard(app: &App, swaps: &[Swap]) {
    for key in swaps.iter().filter_map(|swap| swap.blob_key.as_ref()) {
        // What stays is swept later: no row names it.
        let _ = app.blob.delete(key).await;
    }
}
