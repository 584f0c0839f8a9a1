//! `AeThexCloud.saves`: cloud saves.

mod asked;
mod define;
mod devices;
mod files;
mod info;
mod options;
mod past;

pub(crate) use asked::{answer_all, close as stop_answering, forget_all, open as start_answering};
pub(crate) use info::{AeThexConflict, AeThexDevice, AeThexSave};

use crate::call::{self, CALL_TIME_MAX};
use crate::convert::to_value;
use crate::error::AeThexError;
use crate::optional::Optional;
use crate::result::Fields;
use crate::runtime;
use crate::settings::{seconds, text};
use crate::user::text as godot_text;
use aethex_sdk_core::{ConflictInfo, Content, Error, Loaded, Resolution, SaveVersion, Saved};
use godot::builtin::{GString, PackedStringArray, Signal, VarArray, Variant};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};
use info::{AeThexSlotInfo, content_to_variant, status_name};
use options::{answers, resolution, save_options, version_id, version_or_head};
use std::time::Duration;

/// Longest time a script may give a flush: five minutes of a loading screen are enough for anybody.
const FLUSH_SECONDS_MAX: f64 = 300.0;
/// How long a flush may take when the script does not say: what a player waits at "Saving…".
const FLUSH_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How much longer than the SDK's own limit a flush is waited for.
const FLUSH_MARGIN: Duration = Duration::from_secs(5);

/// Cloud saves of the player who is logged in, as `AeThexCloud.saves`.
///
/// A save is durable on this device before anything is sent, and is sent exactly once when the network
/// allows. Any value can be saved, but for objects, callables, signals and RIDs. Every call that is awaited
/// yields an [AeThexResult].
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexSaves {
    base: Base<Object>,
}

#[godot_api]
impl AeThexSaves {
    /// A save of this device reached the cloud.
    #[signal]
    fn synced(slot: GString, version: Gd<AeThexSave>);

    /// The cloud holds something that this device's save was not made from, and somebody has to choose. Both are
    /// kept; end it with [method resolve], [method answer] or [method keep_both].
    #[signal]
    fn conflict(slot: GString, info: Gd<AeThexConflict>);

    /// The cloud held something that this device's save was not made from; both were merged, and the merge is in the
    /// cloud. [method load] gives it; what the game saves before is merged in turn.
    #[signal]
    fn merged(slot: GString, version: Gd<AeThexSave>);

    /// A save of this device reached the cloud, and may be worth less than the one whose place it took, as
    /// `version.suspicions` says. The one before stays in the history, for [method restore].
    #[signal]
    fn suspicious(slot: GString, version: Gd<AeThexSave>);

    /// The number of unsent saves changed.
    #[signal]
    fn progress(pending: i64);

    /// How far sending is: unsent saves, and while a large part is on its way, the bytes of it that were sent, of how
    /// many; otherwise 0 and 0.
    #[signal]
    fn sync_progress(pending: i64, sent: i64, total: i64);

    /// The slot is being played on another device, or has saves there that the cloud does not have yet.
    #[signal]
    fn active_elsewhere(slot: GString, device: Gd<AeThexDevice>);

    /// A wrapped file was replaced while the game runs, as a conflict ended: read it again.
    #[signal]
    fn file_replaced(slot: GString);

    /// The server refused a save for good. Its content stays on this device until [method resolve].
    #[signal]
    fn failed(slot: GString, error: Gd<AeThexError>);

    /// Saves data in a slot. Options: `label` (String), `playtime` (seconds), `parts` (a dictionary from names to
    /// what changes together with the data: an Image, which becomes WebP, a PackedByteArray or any value; null
    /// removes a part, and those that are not named stay).
    ///
    /// Yields `result.slot`, `result.queued` and `result.version`. When `queued` is true, the save is safe on
    /// this device and is sent when the network allows; `version` is null until then. When the cloud holds
    /// something else, the error is `AeThexCloud.ERROR_SAVES_CONFLICT` and nothing is lost: see
    /// [method resolve].
    #[func]
    fn save(
        &self,
        slot: Variant,
        data: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let content = Content::Value(to_value(&data)?);
                Ok(cloud.saves().save(&text(&slot, "slot")?, content, save_options(&options, "save()")?))
            },
            saved,
        )
    }

    /// Saves data in a slot without waiting for the cloud: for autosaves. Options as in [method save].
    ///
    /// Succeeds when the save is durable on this device. It is sent two seconds later; of several in a row only the
    /// last one becomes a version. Saves of [method save] are never replaced.
    #[func]
    fn save_later(
        &self,
        slot: Variant,
        data: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let content = Content::Value(to_value(&data)?);
                let options = save_options(&options, "save_later()")?;
                Ok(cloud.saves().save_later(&text(&slot, "slot")?, content, options))
            },
            nothing,
        )
    }

    /// Loads a slot. Yields `result.data`, `result.version` (null for a save not sent yet), `result.parts` (the names of
    /// what it holds beside the data), `result.schema` and `result.from_cache` (true when the data comes from this
    /// device).
    #[func]
    fn load(&self, slot: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().load(&text(&slot, "slot")?)), loaded)
    }

    /// Loads an old version of a slot: an [AeThexSave], or its id. The next save is not based on it; see
    /// [method restore]. Yields what [method load] does.
    #[func]
    fn load_version(&self, slot: Variant, version: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().load_version(&text(&slot, "slot")?, version_id(&version)?)),
            loaded,
        )
    }

    /// Loads a part of a slot, or of one of its versions. Yields `result.data`: bytes, or the value that was saved. A
    /// picture is read with [method Image.load_webp_from_buffer].
    #[func]
    fn load_part(
        &self,
        slot: Variant,
        part: Variant,
        #[opt(default = Optional::default())] version: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let (slot, part) = (text(&slot, "slot")?, text(&part, "part")?);
                Ok(cloud.saves().load_part(&slot, &part, version_or_head(&version)?))
            },
            |content: Content| Ok(Fields::default().with("data", content_to_variant(&content)?)),
        )
    }

    /// Makes an old version the slot's content again, as a new version on top; nothing is removed. Yields
    /// what [method save] does.
    #[func]
    fn restore(&self, slot: Variant, version: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().restore(&text(&slot, "slot")?, version_id(&version)?)),
            saved,
        )
    }

    /// Lists the slots by name. The result can be iterated: each item is an [AeThexSave]. The array is also
    /// `result.saves`.
    #[func]
    fn list(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().list()),
            |saves: Vec<SaveVersion>| Ok(Fields::default().list("saves", items(&saves))),
        )
    }

    /// Lists the versions of a slot, newest first. The result can be iterated: each item is an [AeThexSave].
    /// The array is also `result.versions`.
    #[func]
    fn history(&self, slot: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().history(&text(&slot, "slot")?)),
            |versions: Vec<SaveVersion>| Ok(Fields::default().list("versions", items(&versions))),
        )
    }

    /// Deletes a slot with all its versions, in the cloud and on this device, for good.
    #[func]
    fn delete(&self, slot: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.saves().delete(&text(&slot, "slot")?)), nothing)
    }

    /// Reads the conflict of a slot, with both sides. Yields `result.conflict`, an [AeThexConflict]; null when there is
    /// none.
    #[func]
    fn get_conflict(&self, slot: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().conflict(&text(&slot, "slot")?)),
            |info: Option<ConflictInfo>| {
                Ok(Fields::default().with("conflict", info.as_ref().map(AeThexConflict::whole)))
            },
        )
    }

    /// Ends a conflict. `choice` is `"local"` (this device's save goes on top), `"cloud"` (the cloud's stays), or the
    /// data made of both: a dictionary, or bytes. A refused save is sent again by `"local"` and dropped by `"cloud"`.
    /// Yields what [method save] does.
    #[func]
    fn resolve(&self, slot: Variant, choice: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().resolve(&text(&slot, "slot")?, resolution(&choice)?)),
            saved,
        )
    }

    /// Ends a conflict by the merge, with an answer for each of the conflict's `paths`: `"local"`, `"cloud"` or a
    /// value, as in `{"hero.class": "local", "name": "Kim"}`. A value that reads like a side is written
    /// `{"value": "local"}`. Yields what [method save] does.
    #[func]
    fn answer(&self, slot: Variant, answers: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let resolution = Resolution::Answers(self::answers(&answers)?);
                Ok(cloud.saves().resolve(&text(&slot, "slot")?, resolution))
            },
            saved,
        )
    }

    /// Ends a conflict by making this device's save a slot of its own; the cloud's stays. Yields `result.slot`, the new
    /// slot's name, for example `slot1 (2)`.
    #[func]
    fn keep_both(&self, slot: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().keep_both(&text(&slot, "slot")?)),
            |slot: String| Ok(Fields::default().with("slot", godot_text(&slot))),
        )
    }

    /// Sends everything that is queued, within 10 seconds unless told otherwise. Succeeds only after the server acknowledged all of it.
    #[func]
    fn flush(&self, #[opt(default = Optional::default())] timeout_seconds: Optional) -> Signal {
        let timeout = timeout_seconds
            .given()
            .map_or(Ok(FLUSH_TIMEOUT_DEFAULT), |given| seconds(given, "timeout_seconds", FLUSH_SECONDS_MAX));
        let time_max = timeout.as_ref().copied().unwrap_or_default() + FLUSH_MARGIN;
        call::start(time_max, |cloud| Ok(cloud.saves().flush(timeout?)), nothing)
    }

    /// Where a slot stands on this device: `"synced"`, `"queued"`, `"conflict"`, `"failed"`, or `"unknown"` when
    /// this device knows nothing of it or nobody is logged in.
    #[func]
    fn status(&self, slot: Variant) -> GString {
        let status = runtime::cloud().and_then(|cloud| Ok(cloud.saves().status(&text(&slot, "slot")?)));
        GString::from(status.map_or("unknown", status_name))
    }

    /// Everything that this device knows of a slot; null when nothing can be known.
    #[func]
    fn slot_info(&self, slot: Variant) -> Option<Gd<AeThexSlotInfo>> {
        let info = runtime::cloud().and_then(|cloud| Ok(cloud.saves().slot_info(&text(&slot, "slot")?)));
        info.ok().as_ref().map(AeThexSlotInfo::of)
    }

    /// How many saves the server has not acknowledged, conflicts included.
    #[func]
    fn pending(&self) -> i64 {
        let pending = runtime::cloud().map_or(0, |cloud| cloud.saves().pending());
        i64::try_from(pending).unwrap_or(i64::MAX)
    }

    /// Turns sending in the background on or off; it is on at the start.
    #[func]
    fn enable_auto_sync(&self, on: bool) {
        if let Ok(cloud) = runtime::cloud() {
            cloud.saves().enable_auto_sync(on);
        }
    }
}

fn saved(saved: Saved) -> Result<Fields, Error> {
    Ok(Fields::default()
        .with("slot", godot_text(&saved.slot))
        .with("queued", saved.queued)
        .with("version", saved.version.as_ref().map(AeThexSave::of)))
}

fn loaded(loaded: Loaded) -> Result<Fields, Error> {
    let parts: PackedStringArray = loaded.parts.iter().map(|part| godot_text(&part.name)).collect();
    Ok(Fields::default()
        .with("data", content_to_variant(&loaded.content)?)
        .with("version", loaded.version.as_ref().map(AeThexSave::of))
        .with("parts", parts)
        .with("schema", loaded.schema)
        .with("from_cache", loaded.from_cache))
}

fn nothing((): ()) -> Result<Fields, Error> {
    Ok(Fields::default())
}

fn items(versions: &[SaveVersion]) -> VarArray {
    versions.iter().map(|version| AeThexSave::of(version).to_variant()).collect()
}
