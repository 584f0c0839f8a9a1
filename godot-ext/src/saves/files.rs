//! Files: those that a game writes itself, and archives of everything.

use super::AeThexSaves;
use super::info::AeThexSave;
use super::options::dictionary;
use crate::call::{self, CALL_TIME_MAX};
use crate::error::argument;
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::{data_path, flag, text};
use crate::user::text as godot_text;
use aethex_sdk_core::{Error, Imported, Wrapped};
use godot::builtin::{Signal, VarArray, Variant, vdict};
use godot::meta::ToGodot;
use godot::register::godot_api;
use std::path::Path;
use std::time::Duration;

/// How long an export or import may take: a gigabyte over a slow line.
const ARCHIVE_TIME_MAX: Duration = Duration::from_secs(1800);

#[godot_api(secondary)]
impl AeThexSaves {
    /// Makes a file that the game writes itself (`"user://old.sav"`) a slot. It is remembered; calling it again is no
    /// error. While the game runs, the file is saved in the cloud whenever it has changed and rests.
    ///
    /// Call it before the game reads the file, and await it: when the cloud has a newer save and the file did not
    /// change here, the file is replaced, with the one before beside it as `….bak`. When both changed, it is a
    /// conflict like any other, and the file follows its end ([signal file_replaced]). Yields `result.slot`,
    /// `result.replaced`, `result.queued` and `result.version`.
    #[func]
    fn wrap_file(&self, path: Variant, slot: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let path = data_path(&text(&path, "path")?, "path")?;
                Ok(cloud.saves().wrap_file(Path::new(&path), &text(&slot, "slot")?))
            },
            wrapped,
        )
    }

    /// Compares a wrapped file with the cloud, as [method wrap_file] does. Yields the same.
    #[func]
    fn pull_file(&self, slot: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().pull_file(&text(&slot, "slot")?)), wrapped)
    }

    /// Makes a wrapped file the game's alone again. File and slot stay as they are.
    #[func]
    fn unwrap_file(&self, slot: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().unwrap_file(&text(&slot, "slot")?)),
            |()| Ok(Fields::default()),
        )
    }

    /// Writes all slots into one ZIP file, those of this device that the cloud does not have yet too. Options:
    /// `history` (bool: all versions, not only the newest). Yields `result.count`, the number of versions.
    #[func]
    fn export_all(&self, path: Variant, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            ARCHIVE_TIME_MAX,
            |cloud| {
                let path = data_path(&text(&path, "path")?, "path")?;
                Ok(cloud.saves().export_all(Path::new(&path), with_history(&options)?))
            },
            |count: usize| Ok(Fields::default().with("count", i64::try_from(count).unwrap_or(i64::MAX))),
        )
    }

    /// Brings slots back from a file of [method export_all]. Nothing is overwritten: a slot that holds something else
    /// stays as it is, and what was in the file becomes `slot (2)`. The result can be iterated: each item is
    /// `{"slot", "saved_as", "error"}`; `saved_as` is empty when the save was there already, `error` null unless it
    /// failed. The array is also `result.slots`.
    #[func]
    fn import(&self, path: Variant) -> Signal {
        call::start(
            ARCHIVE_TIME_MAX,
            |cloud| {
                let path = data_path(&text(&path, "path")?, "path")?;
                Ok(cloud.saves().import(Path::new(&path)))
            },
            imported,
        )
    }
}

fn with_history(options: &Optional) -> Result<bool, Error> {
    let mut history = false;
    let Some(options) = options.given() else { return Ok(history) };
    for (key, value) in dictionary(options, "options, for example {\"history\": true},")?.iter_shared() {
        match text(&key, "a key of options")?.as_str() {
            "history" => history = flag(&value, "history")?,
            other => return Err(argument(format!("{other:?} is no option of export_all()"))),
        }
    }
    Ok(history)
}

fn wrapped(wrapped: Wrapped) -> Result<Fields, Error> {
    Ok(Fields::default()
        .with("slot", godot_text(&wrapped.slot))
        .with("replaced", wrapped.replaced)
        .with("queued", wrapped.queued)
        .with("version", wrapped.version.as_ref().map(AeThexSave::of)))
}

fn imported(slots: Vec<Imported>) -> Result<Fields, Error> {
    let item = |one: &Imported| {
        let error = one.error.as_ref().map(crate::error::AeThexError::of);
        vdict! {
            "slot" => &godot_text(&one.slot),
            "saved_as" => &godot_text(one.saved_as.as_deref().unwrap_or_default()),
            "error" => &error.to_variant(),
        }
        .to_variant()
    };
    let items: VarArray = slots.iter().map(item).collect();
    Ok(Fields::default().list("slots", items))
}
