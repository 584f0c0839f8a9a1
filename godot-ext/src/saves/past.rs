//! A slot's past, and what the player has stored.

use super::options::{version_id, version_or_head};
use super::{AeThexSaves, info::AeThexChange, info::AeThexSave};
use crate::call::{self, CALL_TIME_MAX};
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::{flag, text};
use aethex_sdk_core::wire::saves::history::{Diff, Quota};
use aethex_sdk_core::{Error, SaveVersion};
use godot::builtin::{PackedStringArray, Signal, VarArray, Variant, vdict};
use godot::meta::ToGodot;
use godot::register::godot_api;

#[godot_api(secondary)]
impl AeThexSaves {
    /// Tells what changed from one version of a slot to another, or to the newest. The result can be iterated: each
    /// item is an [AeThexChange]. Yields `result.changes`, `result.parts` (names of parts that changed),
    /// `result.truncated` (true when there are more than 1,000 changes) and the two versions, `result.from` and
    /// `result.to`.
    #[func]
    fn diff(
        &self,
        slot: Variant,
        from: Variant,
        #[opt(default = Optional::default())] to: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().diff(&text(&slot, "slot")?, version_id(&from)?, version_or_head(&to)?)),
            changes,
        )
    }

    /// Keeps a version in the history for ever, or lets it go again. Yields `result.version`.
    #[func]
    fn pin(&self, slot: Variant, version: Variant, pinned: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let pinned = flag(&pinned, "pinned")?;
                Ok(cloud.saves().pin(&text(&slot, "slot")?, version_id(&version)?, pinned))
            },
            one_version,
        )
    }

    /// Gives a version other words. Yields `result.version`.
    #[func]
    fn set_label(&self, slot: Variant, version: Variant, label: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let label = text(&label, "label")?;
                Ok(cloud.saves().set_label(&text(&slot, "slot")?, version_id(&version)?, &label))
            },
            one_version,
        )
    }

    /// Begins a new slot with a version of a slot; with its newest when `version` is null. Yields `result.version`,
    /// the new slot's first.
    #[func]
    fn branch(&self, slot: Variant, version: Optional, to: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let to = text(&to, "to")?;
                Ok(cloud.saves().branch(&text(&slot, "slot")?, version_or_head(&version)?, &to))
            },
            one_version,
        )
    }

    /// Tells what the player has stored in the cloud. Yields `result.quota`: `{"used_bytes", "max_bytes", "versions",
    /// "versions_max"}`.
    #[func]
    fn quota(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().quota()), quota)
    }
}

fn one_version(version: SaveVersion) -> Result<Fields, Error> {
    Ok(Fields::default().with("version", AeThexSave::of(&version)))
}

fn changes(diff: Diff) -> Result<Fields, Error> {
    let changes: VarArray = diff.changes.iter().map(|change| AeThexChange::of(change).to_variant()).collect();
    let parts: PackedStringArray = diff.parts.iter().map(|part| crate::user::text(part)).collect();
    Ok(Fields::default()
        .with("from", AeThexSave::of(&diff.from))
        .with("to", AeThexSave::of(&diff.to))
        .with("parts", parts)
        .with("truncated", diff.truncated)
        .list("changes", changes))
}

fn quota(quota: Quota) -> Result<Fields, Error> {
    let Quota { used_bytes, max_bytes, versions, versions_max } = quota;
    Ok(Fields::default().with(
        "quota",
        vdict! {
            "used_bytes" => used_bytes, "max_bytes" => max_bytes,
            "versions" => versions, "versions_max" => versions_max,
        },
    ))
}
