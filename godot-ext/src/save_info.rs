//! `AeThexSave` and `AeThexConflict`: what is known about saves, without their content.

use crate::convert::to_variant;
use crate::user::text;
use aethex_sdk_core::{Conflict, Content, Error, SaveVersion};
use godot::builtin::{GString, PackedByteArray, PackedStringArray, Variant};
use godot::classes::IRefCounted;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// One version of a save: what a list shows. Versions never change.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexSave {
    /// The slot's name.
    #[var(no_set)]
    name: GString,
    /// This version's id, for [method AeThexSaves.load_version] and [method AeThexSaves.restore].
    #[var(no_set)]
    version: GString,
    /// The ids of the versions it was made from: none, one, or two for a merge.
    #[var(no_set)]
    parents: PackedStringArray,
    /// Place in the slot's line of versions, from 1; 0 for one that lost a conflict and is kept beside it.
    #[var(no_set)]
    sequence: i64,
    /// When it was saved, by the clock of the device that did, in seconds since 1970 UTC.
    #[var(no_set)]
    timestamp: i64,
    /// When the server stored it, in seconds since 1970 UTC; 0 for a save that is still queued.
    #[var(no_set)]
    stored_at: i64,
    /// Size of the content in bytes.
    #[var(no_set)]
    size: i64,
    /// The player's words for this save.
    #[var(no_set)]
    label: GString,
    /// Name of the device that made it.
    #[var(no_set)]
    device_name: GString,
    /// Played time in seconds, as the game counted it; 0 when unknown.
    #[var(no_set)]
    playtime: f64,
    /// BLAKE3 of the content, in hexadecimal.
    #[var(no_set)]
    hash: GString,
    /// True for the mark that a delete leaves.
    #[var(no_set)]
    deleted: bool,
}

#[godot_api]
impl IRefCounted for AeThexSave {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexSave {} #{} ({} bytes)>", self.name, self.sequence, self.size))
    }
}

#[godot_api]
impl AeThexSave {}

impl AeThexSave {
    pub(crate) fn of(version: &SaveVersion) -> Gd<AeThexSave> {
        let mut made = AeThexSave::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.name = text(&version.slot);
            fields.version = GString::from(version.version.as_str());
            fields.parents = version.parents.iter().map(|id| GString::from(id.as_str())).collect();
            fields.sequence = version.sequence.unwrap_or_default();
            fields.timestamp = version.saved_at_ms.div_euclid(1000);
            fields.stored_at = version.stored_at_ms.div_euclid(1000);
            fields.size = version.size_bytes;
            fields.label = text(&version.label);
            fields.device_name = text(&version.device_name);
            fields.playtime = version.playtime_ms as f64 / 1000.0;
            fields.hash = text(&version.hash);
            fields.deleted = version.deleted;
        }
        made
    }

    pub(crate) fn id(&self) -> String {
        self.version.to_string()
    }
}

/// A slot that two devices changed from the same version. Both sides are kept: choose with
/// [method AeThexSaves.resolve].
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexConflict {
    /// The slot's name.
    #[var(no_set)]
    slot: GString,
    /// What this device holds: the data that was saved. Null in the error of a call, where the game
    /// has just passed it.
    #[var(no_set)]
    local: Variant,
    /// What the cloud holds; its data comes from [method AeThexSaves.load_version].
    #[var(no_set)]
    cloud: Option<Gd<AeThexSave>>,
    /// The newest version that both sides come from; null when they share none.
    #[var(no_set)]
    ancestor: Option<Gd<AeThexSave>>,
    /// This device's save as the server keeps it beside the cloud's.
    #[var(no_set)]
    kept: Option<Gd<AeThexSave>>,
}

#[godot_api]
impl IRefCounted for AeThexConflict {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexConflict {}>", self.slot))
    }
}

#[godot_api]
impl AeThexConflict {}

impl AeThexConflict {
    pub(crate) fn of(conflict: &Conflict, local: Option<Variant>) -> Gd<AeThexConflict> {
        let mut made = AeThexConflict::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.slot = text(&conflict.head.slot);
            fields.local = local.unwrap_or_default();
            fields.cloud = Some(AeThexSave::of(&conflict.head));
            fields.ancestor = conflict.ancestor.as_ref().map(AeThexSave::of);
            fields.kept = Some(AeThexSave::of(&conflict.kept));
        }
        made
    }
}

/// A slot's content for a script: the value, or bytes that another client stored.
pub(crate) fn content_to_variant(content: &Content) -> Result<Variant, Error> {
    match content {
        Content::Value(value) => to_variant(value),
        Content::Bytes(bytes) => Ok(PackedByteArray::from(&bytes[..]).to_variant()),
    }
}
