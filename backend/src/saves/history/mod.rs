//! A slot's past in the player's hands: compare two versions, pin one, make one the head again, begin a new slot with one.
//!
//! Restoring and branching are saves: the content is read, checked by its hash, and stored as `store` stores any other.
//! Nothing is removed by either.

mod db;
mod routes;
mod rules;

pub(super) use db::change;
pub(super) use routes::{branch_save, diff_saves, get_quota, put_version, restore_save};

use super::contents::Owner;
use super::db::Chain;
use super::rules::{Base, Content};
use super::store::NewVersion;
use crate::context::new_version_id;
use aethex_wire::saves::SaveVersion;

/// A version with the content of another one, and what that says of itself, to be stored in a slot that is new.
pub(super) fn copy_of(
    owner: Owner<'_>,
    slot: &str,
    source: &SaveVersion,
    content: Content,
    now_ms: i64,
) -> NewVersion {
    NewVersion {
        game: owner.game.clone(),
        player: owner.player.clone(),
        version: new_version_id(),
        base: Base::Nothing,
        slot: slot.to_owned(),
        content,
        blob_key: None,
        label: source.label.clone(),
        device_name: source.device_name.clone(),
        playtime_ms: source.playtime_ms,
        saved_at_ms: source.saved_at_ms,
        stored_at_ms: now_ms,
        idempotency_key: None,
        request_hash: None,
        device_id: source.device_id.clone(),
        device_clock: source.device_clock.clone(),
        hlc: source.hlc,
        schema: source.schema,
        app_version: source.app_version.clone(),
        parts: source.parts.clone(),
        base_id: None,
        chain: Chain::default(),
        sealed_by: None,
    }
}
