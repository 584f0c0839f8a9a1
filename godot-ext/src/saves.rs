//! `AeThexCloud.saves`: cloud saves.

use crate::call::{self, CALL_TIME_MAX};
use crate::convert::to_value;
use crate::error::{AeThexError, argument};
use crate::optional::Optional;
use crate::result::Fields;
use crate::runtime;
use crate::save_info::{AeThexConflict, AeThexSave, content_to_variant};
use crate::settings::{seconds, text};
use crate::user::text as godot_text;
use aethex_sdk_core::{
    Content, Error, Loaded, Resolution, SaveOptions, SaveVersion, Saved, SlotStatus, VersionId,
};
use godot::builtin::{AnyDictionary, GString, Signal, VarArray, Variant, VariantType};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};
use std::time::Duration;

/// Longest time a script may give a flush: five minutes of a loading screen are enough for anybody.
const FLUSH_SECONDS_MAX: f64 = 300.0;
/// How long a flush may take when the script does not say: what a player waits at "Saving…".
const FLUSH_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How much longer than the SDK's own limit a flush is waited for.
const FLUSH_MARGIN: Duration = Duration::from_secs(5);
/// Longest played time a save may carry, in seconds: a thousand years, exact in milliseconds.
const PLAYTIME_SECONDS_MAX: f64 = 3.2e10;

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

    /// The cloud holds something that this device's save was not made from. Both are kept; choose with
    /// [method resolve].
    #[signal]
    fn conflict(slot: GString, info: Gd<AeThexConflict>);

    /// The number of unsent saves changed.
    #[signal]
    fn progress(pending: i64);

    /// The server refused a save for good. Its content stays on this device until [method resolve].
    #[signal]
    fn failed(slot: GString, error: Gd<AeThexError>);

    /// Saves data in a slot. Options: `label` (String), `playtime` (seconds).
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
                Ok(cloud.saves().save(&text(&slot, "slot")?, content, save_options(&options)?))
            },
            saved,
        )
    }

    /// Loads a slot. Yields `result.data`, `result.version` (null for a save not sent yet) and
    /// `result.from_cache` (true when the data comes from this device).
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

    /// Ends a conflict. `choice` is `"local"` (this device's save goes on top), `"cloud"` (the cloud's stays),
    /// or a dictionary made of both. Yields what [method save] does.
    #[func]
    fn resolve(&self, slot: Variant, choice: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.saves().resolve(&text(&slot, "slot")?, resolution(&choice)?)),
            saved,
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
        GString::from(match status {
            Ok(SlotStatus::Synced) => "synced",
            Ok(SlotStatus::Queued) => "queued",
            Ok(SlotStatus::Conflict) => "conflict",
            Ok(SlotStatus::Failed) => "failed",
            Ok(SlotStatus::Unknown) | Err(_) => "unknown",
        })
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
    Ok(Fields::default()
        .with("data", content_to_variant(&loaded.content)?)
        .with("version", loaded.version.as_ref().map(AeThexSave::of))
        .with("from_cache", loaded.from_cache))
}

fn nothing((): ()) -> Result<Fields, Error> {
    Ok(Fields::default())
}

fn items(versions: &[SaveVersion]) -> VarArray {
    versions.iter().map(|version| AeThexSave::of(version).to_variant()).collect()
}

fn save_options(options: &Optional) -> Result<SaveOptions, Error> {
    let mut parsed = SaveOptions::default();
    let Some(options) = options.given() else { return Ok(parsed) };
    let options = options
        .try_to::<AnyDictionary>()
        .map_err(|_| argument("options must be a dictionary, for example {\"label\": \"Chapter 2\"}"))?;
    for (key, value) in options.iter_shared() {
        let key = text(&key, "a key of options")?;
        match key.as_str() {
            "label" => parsed.label = text(&value, &key)?,
            "playtime" => parsed.playtime_ms = playtime_ms(&value)?,
            _ => return Err(argument(format!("{key:?} is no option of save()"))),
        }
    }
    Ok(parsed)
}

fn playtime_ms(value: &Variant) -> Result<i64, Error> {
    let number = value.try_to_relaxed::<f64>().ok().filter(|_| value.get_type() != VariantType::BOOL);
    match number {
        Some(seconds) if (0.0..=PLAYTIME_SECONDS_MAX).contains(&seconds) => {
            Ok((seconds * 1000.0).round() as i64)
        }
        _ => Err(argument("playtime must be a number of seconds, 0 or more")),
    }
}

fn version_id(version: &Variant) -> Result<VersionId, Error> {
    let id = match version.try_to::<Gd<AeThexSave>>() {
        Ok(save) => save.bind().id(),
        Err(_) => text(version, "version (an AeThexSave or its id)")?,
    };
    VersionId::parse(&id)
        .ok_or_else(|| argument("version is not the id of a version: take it from a list or history"))
}

fn resolution(choice: &Variant) -> Result<Resolution, Error> {
    match choice.get_type() {
        VariantType::DICTIONARY => Ok(Resolution::Merged(Content::Value(to_value(choice)?))),
        VariantType::STRING | VariantType::STRING_NAME => match choice.stringify().to_string().as_str() {
            "local" => Ok(Resolution::KeepLocal),
            "cloud" => Ok(Resolution::KeepCloud),
            _ => Err(argument("choice must be \"local\", \"cloud\" or a dictionary")),
        },
        _ => Err(argument("choice must be \"local\", \"cloud\" or a dictionary")),
    }
}
