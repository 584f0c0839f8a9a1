//! What saves lend to C: versions, and the results of requests.

use super::conflicts::{aethex_ask, lend_ask};
use crate::call::{Lent, Outcome, UserData, aethex_op, size_for_c};
use crate::error::aethex_error;
use crate::strings::aethex_str;
use crate::value::{aethex_value, lend, release};
use aethex_sdk_core::{Bytes, Conflict, ConflictInfo, Content, Error, Loaded, Part, SaveVersion, Saved};
use aethex_wire::saves::{Encoding, Suspicion};
use std::ffi::c_void;
use std::ptr::{from_ref, null};

/// What a save holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_encoding {
    /// An engine value.
    AETHEX_ENCODING_VALUE = 0,
    /// Bytes that only the game understands.
    AETHEX_ENCODING_BYTES = 1,
}

/// One version of a slot, as the backend keeps it.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_save_version {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_encoding`.
    pub encoding: i32,
    /// The slot.
    pub slot: aethex_str,
    /// This version's id.
    pub version: aethex_str,
    /// Ids of the versions it was made from; null when there are none.
    pub parents: *const aethex_str,
    /// How many parents.
    pub parent_count: usize,
    /// Place in the slot's line of heads, from 1; 0 for a version that lost a conflict and is kept beside it.
    pub sequence: i64,
    /// BLAKE3 of the content, 64 hexadecimal digits.
    pub hash: aethex_str,
    /// Size of the content in bytes.
    pub size_bytes: i64,
    /// The player's words for it.
    pub label: aethex_str,
    /// The device that made it; empty when unknown.
    pub device_name: aethex_str,
    /// Played time in milliseconds; 0 when unknown.
    pub playtime_ms: i64,
    /// When the device made it, by its own clock, milliseconds since 1970 UTC: for display only.
    pub saved_at_ms: i64,
    /// When the backend stored it, milliseconds since 1970 UTC.
    pub stored_at_ms: i64,
    /// Whether it is the mark that a delete left.
    pub deleted: bool,
    /// Whether it stays in the history for ever.
    pub pinned: bool,
    /// Whether its content was removed for its age: it can be listed, and not loaded any more.
    pub pruned: bool,
    /// Names of what it holds beside its content; null when there is nothing.
    pub parts: *const aethex_str,
    /// How many parts.
    pub part_count: usize,
    /// Version of the game's data layout that it was saved with; 0 when the game does not count them.
    pub schema: i64,
    /// The game's version; empty when unknown.
    pub app_version: aethex_str,
    /// What is odd about it, beside the head whose place it took: `empty`, `much_smaller`, `less_playtime`, `older_schema`;
    /// null when nothing is.
    pub suspicions: *const aethex_str,
    /// How many of them.
    pub suspicion_count: usize,
}

/// Why a save did not become the newest: somebody else's did, and this one was not made from it.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_conflict {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// What the slot holds in the cloud; it may be a delete's mark.
    pub head: *const aethex_save_version,
    /// The newest version both sides come from; null when they share none.
    pub ancestor: *const aethex_save_version,
    /// This device's save, as the cloud keeps it beside the head.
    pub kept: *const aethex_save_version,
    /// The data that both sides come from, lent; 0 when it is unknown or bytes. This and what follows is there in the
    /// event and in `aethex_conflict_result`, not in the results of saves.
    pub base: aethex_value,
    /// The data that this device saved, lent; 0 when it is bytes.
    pub local: aethex_value,
    /// The data that the cloud holds, lent; 0 when it is bytes, or the slot was deleted there.
    pub cloud: aethex_value,
    /// The data merged, with the cloud's at each path that needs an answer, lent; 0 when there is no merge.
    pub merged: aethex_value,
    /// The fields that need an answer, as an array of pointers; null when there is no merge: then a side is to be picked.
    pub asks: *const *const aethex_ask,
    /// How many fields.
    pub ask_count: usize,
}

/// Result of a save.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_save_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// Whether the save is durable on this device only and still to be sent; an event tells when it was.
    pub queued: bool,
    /// The slot; empty on failure.
    pub slot: aethex_str,
    /// The version that the backend stored; null while the save is queued, and on failure.
    pub version: *const aethex_save_version,
    /// With `AETHEX_ERROR_SAVES_CONFLICT`: what the cloud holds; null otherwise. The save is kept on this
    /// device until `aethex_saves_resolve`.
    pub conflict: *const aethex_conflict,
}

/// Result of a load.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_load_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// Whether it comes from this device: offline, or newer than what was sent.
    pub from_cache: bool,
    /// An `aethex_encoding`: which of the fields below holds the content.
    pub encoding: i32,
    /// The value, lent: it is freed after the callback. Copy it with `aethex_value_copy` to keep it. 0 when
    /// the content is bytes, and on failure.
    pub value: aethex_value,
    /// The bytes; null when the content is a value, and on failure.
    pub data: *const u8,
    /// How many bytes.
    pub data_len: usize,
    /// The version; null when it was not sent yet, and on failure.
    pub version: *const aethex_save_version,
}

/// Result of a list or history.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_versions_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The versions, as an array of pointers; null when there are none, and on failure.
    pub versions: *const *const aethex_save_version,
    /// How many versions.
    pub version_count: usize,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_save_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_save_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_load_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_load_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_versions_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_versions_result)>;

/// A version for C, lent.
pub(crate) fn lend_version(lent: &mut Lent, version: &SaveVersion) -> aethex_save_version {
    let (parents, parent_count) = lent.list(version.parents.iter().map(|parent| parent.as_str()));
    let (parts, part_count) = lent.list(version.parts.iter().map(|part: &Part| part.name.as_str()));
    let (suspicions, suspicion_count) = lent.list(version.suspicions.iter().map(suspicion));
    aethex_save_version {
        struct_size: size_for_c::<aethex_save_version>(),
        encoding: encoding(version.encoding) as i32,
        slot: lent.text(&version.slot),
        version: lent.text(version.version.as_str()),
        parents,
        parent_count,
        sequence: version.sequence.unwrap_or(0),
        hash: lent.text(&version.hash),
        size_bytes: version.size_bytes,
        label: lent.text(&version.label),
        device_name: lent.text(&version.device_name),
        playtime_ms: version.playtime_ms,
        saved_at_ms: version.saved_at_ms,
        stored_at_ms: version.stored_at_ms,
        deleted: version.deleted,
        pinned: version.pinned,
        pruned: version.pruned,
        parts,
        part_count,
        schema: version.schema,
        app_version: lent.text(&version.app_version),
        suspicions,
        suspicion_count,
    }
}

fn suspicion(suspicion: &Suspicion) -> &'static str {
    match suspicion {
        Suspicion::Empty => "empty",
        Suspicion::MuchSmaller => "much_smaller",
        Suspicion::LessPlaytime => "less_playtime",
        Suspicion::OlderSchema => "older_schema",
    }
}

/// A conflict for C, lent.
#[derive(Debug)]
pub(crate) struct LentConflict {
    head: aethex_save_version,
    ancestor: Option<aethex_save_version>,
    kept: aethex_save_version,
    base: aethex_value,
    local: aethex_value,
    cloud: aethex_value,
    merged: aethex_value,
    asks: (*const *const aethex_ask, usize),
}

impl LentConflict {
    /// A conflict of which only the versions are at hand.
    pub(crate) fn of(lent: &mut Lent, conflict: &Conflict) -> LentConflict {
        LentConflict {
            head: lend_version(lent, &conflict.head),
            ancestor: conflict.ancestor.as_ref().map(|version| lend_version(lent, version)),
            kept: lend_version(lent, &conflict.kept),
            base: 0,
            local: 0,
            cloud: 0,
            merged: 0,
            asks: (null(), 0),
        }
    }

    /// A conflict with all that is known of it.
    pub(crate) fn whole(lent: &mut Lent, info: &ConflictInfo) -> LentConflict {
        let mut value = |content: Option<&Content>| match content {
            Some(Content::Value(value)) => lent.value(Some(value)),
            Some(Content::Bytes(_)) | None => 0,
        };
        let (base, local) = (value(info.base.as_ref()), value(Some(&info.local)));
        let cloud = value(info.cloud.as_ref());
        let merged = lent.value(info.merged.as_ref());
        let asks = lent.all(&info.asks, lend_ask);
        LentConflict { base, local, cloud, merged, asks, ..LentConflict::of(lent, &info.conflict) }
    }

    /// The conflict as C sees it, valid as long as `self` stays where it is.
    pub(crate) fn as_c(&self) -> aethex_conflict {
        aethex_conflict {
            struct_size: size_for_c::<aethex_conflict>(),
            head: &self.head,
            ancestor: self.ancestor.as_ref().map_or(null(), from_ref),
            kept: &self.kept,
            base: self.base,
            local: self.local,
            cloud: self.cloud,
            merged: self.merged,
            asks: self.asks.0,
            ask_count: self.asks.1,
        }
    }
}

/// Content for C, lent: a value's handle ends with it.
#[derive(Debug)]
pub(crate) struct LentContent {
    pub(crate) encoding: aethex_encoding,
    pub(crate) value: aethex_value,
    bytes: Bytes,
}

impl LentContent {
    pub(crate) fn none() -> LentContent {
        LentContent { encoding: aethex_encoding::AETHEX_ENCODING_VALUE, value: 0, bytes: Bytes::new() }
    }

    /// A value has no handle when there are none left: then it is 0.
    pub(crate) fn of(content: Content) -> LentContent {
        match content {
            Content::Value(value) => LentContent {
                encoding: aethex_encoding::AETHEX_ENCODING_VALUE,
                value: lend(value).unwrap_or(0),
                bytes: Bytes::new(),
            },
            Content::Bytes(bytes) => {
                LentContent { encoding: aethex_encoding::AETHEX_ENCODING_BYTES, value: 0, bytes }
            }
        }
    }

    /// The bytes; null when the content is no bytes.
    pub(crate) fn data(&self) -> (*const u8, usize) {
        match self.encoding {
            aethex_encoding::AETHEX_ENCODING_BYTES => (self.bytes.as_ptr(), self.bytes.len()),
            aethex_encoding::AETHEX_ENCODING_VALUE => (null(), 0),
        }
    }
}

impl Drop for LentContent {
    fn drop(&mut self) {
        if self.value != 0 {
            release(self.value);
        }
    }
}

pub(crate) fn save_done(
    callback: aethex_save_callback,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Saved, Error>) + Send + 'static {
    let user_data = UserData(user_data);
    move |op, result| {
        let Some(callback) = callback else { return };
        let outcome = Outcome::of(&result);
        let mut lent = Lent::default();
        let (saved, conflict) = match result {
            Ok(saved) => (Some(saved), None),
            Err(error) => (None, error.conflict.map(|conflict| LentConflict::of(&mut lent, &conflict))),
        };
        let conflict_for_c = conflict.as_ref().map(LentConflict::as_c);
        let version = saved
            .as_ref()
            .and_then(|saved| saved.version.as_ref())
            .map(|version| lend_version(&mut lent, version));
        let result = aethex_save_result {
            struct_size: size_for_c::<aethex_save_result>(),
            error: outcome.error,
            op,
            message: outcome.message.as_c(),
            retryable: outcome.retryable,
            queued: saved.as_ref().is_some_and(|saved| saved.queued),
            slot: lent.text(saved.as_ref().map_or("", |saved| saved.slot.as_str())),
            version: version.as_ref().map_or(null(), from_ref),
            conflict: conflict_for_c.as_ref().map_or(null(), from_ref),
        };
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        unsafe { callback(user_data.get(), &result) };
    }
}

pub(crate) fn load_done(
    callback: aethex_load_callback,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Loaded, Error>) + Send + 'static {
    let user_data = UserData(user_data);
    move |op, result| {
        let Some(callback) = callback else { return };
        let outcome = Outcome::of(&result);
        let mut lent = Lent::default();
        let (mut from_cache, mut version, mut content) = (false, None, LentContent::none());
        if let Ok(loaded) = result {
            from_cache = loaded.from_cache;
            version = loaded.version.map(|version| lend_version(&mut lent, &version));
            content = LentContent::of(loaded.content);
        }
        let (data, data_len) = content.data();
        let result = aethex_load_result {
            struct_size: size_for_c::<aethex_load_result>(),
            error: outcome.error,
            op,
            message: outcome.message.as_c(),
            retryable: outcome.retryable,
            from_cache,
            encoding: content.encoding as i32,
            value: content.value,
            data,
            data_len,
            version: version.as_ref().map_or(null(), from_ref),
        };
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        unsafe { callback(user_data.get(), &result) };
    }
}

pub(crate) fn versions_done(
    callback: aethex_versions_callback,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Vec<SaveVersion>, Error>) + Send + 'static {
    let user_data = UserData(user_data);
    move |op, result| {
        let Some(callback) = callback else { return };
        let outcome = Outcome::of(&result);
        let mut lent = Lent::default();
        let versions: Vec<aethex_save_version> =
            result.iter().flatten().map(|version| lend_version(&mut lent, version)).collect();
        let places: Vec<*const aethex_save_version> = versions.iter().map(from_ref).collect();
        let result = aethex_versions_result {
            struct_size: size_for_c::<aethex_versions_result>(),
            error: outcome.error,
            op,
            message: outcome.message.as_c(),
            retryable: outcome.retryable,
            versions: if places.is_empty() { null() } else { places.as_ptr() },
            version_count: places.len(),
        };
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        unsafe { callback(user_data.get(), &result) };
    }
}

fn encoding(encoding: Encoding) -> aethex_encoding {
    match encoding {
        Encoding::Value => aethex_encoding::AETHEX_ENCODING_VALUE,
        // Sealed contents are opened before a game sees them.
        Encoding::Bytes | Encoding::Sealed => aethex_encoding::AETHEX_ENCODING_BYTES,
    }
}
