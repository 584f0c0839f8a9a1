//! `AeThexSave`, `AeThexConflict` and what else is known about saves, beside their content.

use crate::convert::to_variant;
use crate::error::AeThexError;
use crate::user::text;
use aethex_sdk_core::wire::saves::history::{Change, ChangeKind, Device};
use aethex_sdk_core::{
    Ask, Conflict, ConflictInfo, Content, Error, SaveVersion, SlotInfo, SlotStatus, Value,
};
use godot::builtin::{Array, GString, PackedByteArray, PackedStringArray, Variant};
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
    /// Names of what it holds beside its data, for [method AeThexSaves.load_part].
    #[var(no_set)]
    parts: PackedStringArray,
    /// Version of the game's data layout that it was saved with; 0 when the game does not count them.
    #[var(no_set)]
    schema: i64,
    /// The game's version; empty when unknown.
    #[var(no_set)]
    app_version: GString,
    /// Whether it stays in the history for ever, see [method AeThexSaves.pin].
    #[var(no_set)]
    pinned: bool,
    /// True when its data was removed for its age: it can be listed, and not loaded any more.
    #[var(no_set)]
    pruned: bool,
    /// What made the server look twice when it became the newest: `"empty"`, `"much_smaller"`, `"less_playtime"`,
    /// `"older_schema"`. The version before is kept as long as the losing side of a conflict.
    #[var(no_set)]
    suspicions: PackedStringArray,
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
            fields.parts = version.parts.iter().map(|part| text(&part.name)).collect();
            fields.schema = version.schema;
            fields.app_version = text(&version.app_version);
            fields.pinned = version.pinned;
            fields.pruned = version.pruned;
            fields.suspicions = names(&version.suspicions);
        }
        made
    }

    pub(crate) fn id(&self) -> String {
        self.version.to_string()
    }
}

/// A slot that two devices changed from the same version, where somebody has to choose. Both sides are kept:
/// see [method AeThexSaves.resolve], [method AeThexSaves.answer] and [method AeThexSaves.keep_both].
///
/// In the error of a call only the versions are there; [method AeThexSaves.get_conflict] gives the rest.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexConflict {
    /// The slot's name.
    #[var(no_set)]
    slot: GString,
    /// The data that both sides come from; null when it is unknown.
    #[var(no_set)]
    base: Variant,
    /// The data that this device saved.
    #[var(no_set)]
    local: Variant,
    /// The data that the cloud holds; null when the slot was deleted there (`head.deleted` says so), or when its content
    /// is not there any more.
    #[var(no_set)]
    cloud: Variant,
    /// The data merged, with the cloud's at each path that needs an answer; null when there is no merge.
    #[var(no_set)]
    merged: Variant,
    /// Only the fields that need an answer. Empty when there is no merge: then one side is to be picked.
    #[var(no_set)]
    paths: Array<Gd<AeThexAsk>>,
    /// What makes a side look like an accident (`"empty"`, `"much_smaller"`, `"less_playtime"`,
    /// `"older_schema"`): then the whole save is the one question.
    #[var(no_set)]
    suspicions: PackedStringArray,
    /// The version that the cloud holds.
    #[var(no_set)]
    head: Option<Gd<AeThexSave>>,
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
        GString::from(&format!("<AeThexConflict {} ({} to answer)>", self.slot, self.paths.len()))
    }
}

#[godot_api]
impl AeThexConflict {}

impl AeThexConflict {
    /// A conflict of which only the versions are at hand.
    pub(crate) fn of(conflict: &Conflict) -> Gd<AeThexConflict> {
        let mut made = AeThexConflict::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.slot = text(&conflict.head.slot);
            fields.head = Some(AeThexSave::of(&conflict.head));
            fields.ancestor = conflict.ancestor.as_ref().map(AeThexSave::of);
            fields.kept = Some(AeThexSave::of(&conflict.kept));
        }
        made
    }

    /// A conflict with all that is known of it.
    pub(crate) fn whole(info: &ConflictInfo) -> Gd<AeThexConflict> {
        let mut made = AeThexConflict::of(&info.conflict);
        let content = |content: Option<&Content>| {
            content.and_then(|content| content_to_variant(content).ok()).unwrap_or_default()
        };
        {
            let mut fields = made.bind_mut();
            fields.base = content(info.base.as_ref());
            fields.local = content(Some(&info.local));
            fields.cloud = content(info.cloud.as_ref());
            fields.merged = value(info.merged.as_ref());
            fields.paths = info.asks.iter().map(AeThexAsk::of).collect();
            fields.suspicions = names(&info.suspicions);
        }
        made
    }
}

/// A field of a save that needs an answer.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexAsk {
    /// Where it is: keys joined by dots, list items in brackets. Empty for the whole save.
    #[var(no_set)]
    path: GString,
    /// The other fields that the same answer is for.
    #[var(no_set)]
    also: PackedStringArray,
    /// What both sides come from has there; null when nothing.
    #[var(no_set)]
    base: Variant,
    /// What this device has there; null when nothing.
    #[var(no_set)]
    local: Variant,
    /// What the cloud has there; null when nothing.
    #[var(no_set)]
    cloud: Variant,
}

#[godot_api]
impl IRefCounted for AeThexAsk {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexAsk {}>", self.path))
    }
}

#[godot_api]
impl AeThexAsk {}

impl AeThexAsk {
    fn of(ask: &Ask) -> Gd<AeThexAsk> {
        let mut made = AeThexAsk::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.path = text(&ask.path);
            fields.also = ask.also.iter().map(|path| text(path)).collect();
            fields.base = value(ask.base.as_ref());
            fields.local = value(ask.local.as_ref());
            fields.cloud = value(ask.cloud.as_ref());
        }
        made
    }
}

/// One difference between two versions of a slot.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexChange {
    /// Where it is: keys joined by dots, list items in brackets. Empty for the whole save.
    #[var(no_set)]
    path: GString,
    /// `"added"`, `"removed"` or `"changed"`.
    #[var(no_set)]
    kind: GString,
    /// The older value; null when there is none, or when it is over 4 KiB.
    #[var(no_set)]
    from: Variant,
    /// The newer value; null when there is none, or when it is over 4 KiB.
    #[var(no_set)]
    to: Variant,
    /// Size of the older value in bytes.
    #[var(no_set)]
    from_size: i64,
    /// Size of the newer value in bytes.
    #[var(no_set)]
    to_size: i64,
}

#[godot_api]
impl IRefCounted for AeThexChange {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexChange {} {}>", self.path, self.kind))
    }
}

#[godot_api]
impl AeThexChange {}

impl AeThexChange {
    pub(super) fn of(change: &Change) -> Gd<AeThexChange> {
        let mut made = AeThexChange::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.path = text(&change.path);
            fields.kind = GString::from(match change.kind {
                ChangeKind::Added => "added",
                ChangeKind::Removed => "removed",
                ChangeKind::Changed => "changed",
            });
            fields.from = value(change.from.as_ref());
            fields.to = value(change.to.as_ref());
            fields.from_size = change.from_bytes;
            fields.to_size = change.to_bytes;
        }
        made
    }
}

/// A device of the player, as it last told of itself.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexDevice {
    /// Its id.
    #[var(no_set)]
    id: GString,
    /// Its name.
    #[var(no_set)]
    name: GString,
    /// The slot that is played on it; empty when none is.
    #[var(no_set)]
    slot: GString,
    /// Whether saves wait on it that the cloud does not have.
    #[var(no_set)]
    unsent: bool,
    /// Whether it is being played on right now.
    #[var(no_set)]
    active: bool,
    /// When it last told so, in seconds since 1970 UTC.
    #[var(no_set)]
    seen_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexDevice {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexDevice {} {}>", self.name, self.slot))
    }
}

#[godot_api]
impl AeThexDevice {}

impl AeThexDevice {
    pub(crate) fn of(device: &Device) -> Gd<AeThexDevice> {
        let mut made = AeThexDevice::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = text(&device.device_id);
            fields.name = text(&device.device_name);
            fields.slot = text(&device.slot);
            fields.unsent = device.unsent;
            fields.active = device.active;
            fields.seen_at = device.seen_at_ms.div_euclid(1000);
        }
        made
    }
}

/// Everything that this device knows of a slot.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexSlotInfo {
    /// The slot's name.
    #[var(no_set)]
    slot: GString,
    /// Where it stands, as [method AeThexSaves.status] says.
    #[var(no_set)]
    status: GString,
    /// How many saves of it the cloud does not have.
    #[var(no_set)]
    unsent: i64,
    /// Their bytes, compressed.
    #[var(no_set)]
    unsent_bytes: i64,
    /// What this device last saw of it in the cloud; null when nothing.
    #[var(no_set)]
    version: Option<Gd<AeThexSave>>,
    /// Why the last save was refused, or why sending stopped; null when neither.
    #[var(no_set)]
    error: Option<Gd<AeThexError>>,
    /// Seconds until the next attempt to send; -1 when none is planned.
    #[var(no_set)]
    next_attempt: f64,
}

#[godot_api]
impl IRefCounted for AeThexSlotInfo {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexSlotInfo {} {}>", self.slot, self.status))
    }
}

#[godot_api]
impl AeThexSlotInfo {}

impl AeThexSlotInfo {
    pub(super) fn of(info: &SlotInfo) -> Gd<AeThexSlotInfo> {
        let mut made = AeThexSlotInfo::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.slot = text(&info.slot);
            fields.status = GString::from(status_name(info.status));
            fields.unsent = i64::try_from(info.unsent).unwrap_or(i64::MAX);
            fields.unsent_bytes = i64::try_from(info.unsent_bytes).unwrap_or(i64::MAX);
            fields.version = info.version.as_ref().map(AeThexSave::of);
            fields.error = info.error.as_ref().map(AeThexError::of);
            fields.next_attempt = info.next_attempt.map_or(-1.0, |wait| wait.as_secs_f64());
        }
        made
    }
}

/// The word for a status.
pub(super) fn status_name(status: SlotStatus) -> &'static str {
    match status {
        SlotStatus::Synced => "synced",
        SlotStatus::Queued => "queued",
        SlotStatus::Conflict => "conflict",
        SlotStatus::Failed => "failed",
        SlotStatus::Unknown => "unknown",
    }
}

/// What the server and the merge say of odd saves, in the spelling of scripts.
fn names<T: std::fmt::Debug>(words: &[T]) -> PackedStringArray {
    words.iter().map(|word| GString::from(&snake(&format!("{word:?}")))).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn value(value: Option<&Value>) -> Variant {
    value.and_then(|value| to_variant(value).ok()).unwrap_or_default()
}

/// A slot's content for a script: the value, or bytes that another client stored.
pub(crate) fn content_to_variant(content: &Content) -> Result<Variant, Error> {
    match content {
        Content::Value(value) => to_variant(value),
        Content::Bytes(bytes) => Ok(PackedByteArray::from(&bytes[..]).to_variant()),
    }
}

#[cfg(test)]
mod tests {
    use super::snake;

    #[test]
    fn odd_saves_have_the_names_of_the_contract() {
        assert_eq!(snake("MuchSmaller"), "much_smaller");
        assert_eq!(snake("Empty"), "empty");
    }
}
