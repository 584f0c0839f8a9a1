//! Cloud saves: slots that hold an engine value or bytes, with every version kept.
//!
//! The functions check their arguments, copy what they need and hand the request to the core. `results`
//! holds what callbacks are lent.

mod conflicts;
mod define;
mod devices;
mod files;
mod past;
mod results;

pub(crate) use define::Questions;
pub(crate) use devices::{aethex_device, lend_device};

use crate::call::{aethex_callback, aethex_op, request, request_plain};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, put, read_options, slice};
use crate::value::{CONTENT_LEN_MAX, aethex_value, snapshot};
use aethex_sdk_core::{Content, Loaded, Resolution, SaveOptions, SlotStatus};
use aethex_wire::ErrorCode;
use aethex_wire::ids::VersionId;
use aethex_wire::saves::PARTS_MAX;
pub(crate) use results::{LentConflict, LentContent, aethex_conflict, aethex_save_version, lend_version};
use results::{aethex_load_callback, aethex_save_callback, aethex_versions_callback};
#[cfg(test)]
pub(crate) use results::{
    aethex_load_result, aethex_save_result, aethex_versions_result, load_done, save_done, versions_done,
};
use std::ffi::c_void;
use std::mem::offset_of;
use std::time::Duration;

/// Largest part: a gigabyte.
const PART_LEN_MAX: usize = 1024 * 1024 * 1024;
/// Longest wait of a flush: an hour.
const FLUSH_TIMEOUT_MAX_MS: u32 = 3_600_000;
/// The least of the save options a caller may have.
const SAVE_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_save_options, label);

/// What to note with a save. Set everything to zero, then `struct_size` and what you know.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_save_options {
    /// `sizeof(aethex_save_options)`.
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The player's words for this save, at most 128 characters.
    pub label: aethex_str,
    /// Played time in milliseconds; 0: unknown.
    pub playtime_ms: i64,
    /// Named contents that change together with the main one: a thumbnail, screenshots, files; null for none. Parts that are
    /// not named stay as they are.
    pub parts: *const aethex_part,
    /// How many parts; at most 16.
    pub part_count: usize,
}

/// A named content of a save, beside the main one.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct aethex_part {
    /// Its name: 1 to 64 bytes, not `data`.
    pub name: aethex_str,
    /// Its bytes; null when it is a value.
    pub data: *const u8,
    /// How many bytes.
    pub len: usize,
    /// Its value when it is no bytes; it stays yours. Neither bytes nor a value remove the part.
    pub value: aethex_value,
}

/// How to settle a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_resolution {
    /// This device's save becomes the head.
    AETHEX_RESOLUTION_KEEP_LOCAL = 0,
    /// The cloud's save stays the head.
    AETHEX_RESOLUTION_KEEP_CLOUD = 1,
    /// The content given becomes the head.
    AETHEX_RESOLUTION_MERGED = 2,
}

/// Where a slot stands on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_slot_status {
    /// This device knows nothing of the slot, or nobody is logged in.
    AETHEX_SLOT_UNKNOWN = 0,
    /// The last save or load of this device is in the cloud.
    AETHEX_SLOT_SYNCED = 1,
    /// A save waits to be sent.
    AETHEX_SLOT_QUEUED = 2,
    /// The cloud moved on: `aethex_saves_resolve` is needed.
    AETHEX_SLOT_CONFLICT = 3,
    /// The backend refused the last save: `aethex_saves_resolve` sends it again or drops it.
    AETHEX_SLOT_FAILED = 4,
}

/// Saves a value in a slot. The save is durable on this device before its callback runs, and sent as soon
/// as possible. `options` may be null. The value stays yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_save(
    cloud: aethex_cloud,
    slot: aethex_str,
    value: aethex_value,
    options: *const aethex_save_options,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let content = snapshot(value)?;
        let content = move || Content::Value(content.into_value());
        save(cloud, slot, content, options, callback, user_data, op)
    })
}

/// Saves bytes in a slot, at most 16 MiB; otherwise as `aethex_saves_save`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_save_bytes(
    cloud: aethex_cloud,
    slot: aethex_str,
    data: *const u8,
    len: usize,
    options: *const aethex_save_options,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let bytes = slice(data, len, CONTENT_LEN_MAX)?.to_vec();
        let content = move || Content::Bytes(bytes.into());
        save(cloud, slot, content, options, callback, user_data, op)
    })
}

/// Saves a value in a slot without waiting for the backend: for autosaves. The callback runs when the save is durable on
/// this device; it is sent two seconds later, and of several in a row only the last one becomes a version. Saves of
/// `aethex_saves_save` are never replaced. `options` may be null. The value stays yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_save_later(
    cloud: aethex_cloud,
    slot: aethex_str,
    value: aethex_value,
    options: *const aethex_save_options,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let content = snapshot(value)?;
        let content = move || Content::Value(content.into_value());
        save_later(cloud, slot, content, options, callback, user_data, op)
    })
}

/// Saves bytes in a slot as `aethex_saves_save_later` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_save_bytes_later(
    cloud: aethex_cloud,
    slot: aethex_str,
    data: *const u8,
    len: usize,
    options: *const aethex_save_options,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let bytes = slice(data, len, CONTENT_LEN_MAX)?.to_vec();
        let content = move || Content::Bytes(bytes.into());
        save_later(cloud, slot, content, options, callback, user_data, op)
    })
}

/// Loads a part of a slot; of one of its versions when `version` is not empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_load_part(
    cloud: aethex_cloud,
    slot: aethex_str,
    part: aethex_str,
    version: aethex_str,
    callback: aethex_load_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (slot, part) = (slot.owned()?, part.needed()?);
        let version = if version.len == 0 { None } else { Some(version.id(VersionId::parse)?) };
        let work = entry.cloud.saves().load_part(&slot, &part, version);
        let work = async move {
            let content = work.await?;
            Ok(Loaded { version: None, content, from_cache: false, parts: Vec::new(), schema: 0 })
        };
        request(&entry, op, work, results::load_done(callback, user_data))
    })
}

/// Loads the newest save of a slot: from the cloud, or offline what this device knows.
/// `AETHEX_ERROR_SAVE_NOT_FOUND` in the result when the slot is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_load(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_load_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (saves, slot) = (entry.cloud.saves(), slot.owned()?);
        request(&entry, op, saves.load(&slot), results::load_done(callback, user_data))
    })
}

/// Loads a version of a slot's history.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_load_version(
    cloud: aethex_cloud,
    slot: aethex_str,
    version: aethex_str,
    callback: aethex_load_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (saves, slot, version) = (entry.cloud.saves(), slot.owned()?, version.id(VersionId::parse)?);
        let work = saves.load_version(&slot, version);
        request(&entry, op, work, results::load_done(callback, user_data))
    })
}

/// Makes a version of a slot's history the newest again, as a new version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_restore(
    cloud: aethex_cloud,
    slot: aethex_str,
    version: aethex_str,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (saves, slot, version) = (entry.cloud.saves(), slot.owned()?, version.id(VersionId::parse)?);
        let work = saves.restore(&slot, version);
        request(&entry, op, work, results::save_done(callback, user_data))
    })
}

/// Lists the player's slots: the newest version of each, by name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_list(
    cloud: aethex_cloud,
    callback: aethex_versions_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let saves = entry.cloud.saves();
        request(&entry, op, saves.list(), results::versions_done(callback, user_data))
    })
}

/// Lists the versions of a slot, newest first, those beside the line of heads too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_history(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_versions_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (saves, slot) = (entry.cloud.saves(), slot.owned()?);
        let work = saves.history(&slot);
        request(&entry, op, work, results::versions_done(callback, user_data))
    })
}

/// Deletes a slot with all its versions, here and in the cloud, for good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_delete(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (saves, slot) = (entry.cloud.saves(), slot.owned()?);
        request_plain(&entry, op, saves.delete(&slot), callback, user_data)
    })
}

/// Settles a conflict that an event told of. `merged` is the content for `AETHEX_RESOLUTION_MERGED` and
/// must be 0 otherwise; it stays yours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_resolve(
    cloud: aethex_cloud,
    slot: aethex_str,
    resolution: i32,
    merged: aethex_value,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        const KEEP_LOCAL: i32 = aethex_resolution::AETHEX_RESOLUTION_KEEP_LOCAL as i32;
        const KEEP_CLOUD: i32 = aethex_resolution::AETHEX_RESOLUTION_KEEP_CLOUD as i32;
        const MERGED: i32 = aethex_resolution::AETHEX_RESOLUTION_MERGED as i32;
        let resolution = match resolution {
            KEEP_LOCAL if merged == 0 => Resolution::KeepLocal,
            KEEP_CLOUD if merged == 0 => Resolution::KeepCloud,
            MERGED => Resolution::Merged(Content::Value(snapshot(merged)?.into_value())),
            _ => return Err(ErrorCode::InvalidArgument),
        };
        resolve(cloud, slot, resolution, callback, user_data, op)
    })
}

/// Settles a conflict with merged bytes, for slots that hold bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_resolve_bytes(
    cloud: aethex_cloud,
    slot: aethex_str,
    data: *const u8,
    len: usize,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let bytes = slice(data, len, CONTENT_LEN_MAX)?.to_vec();
        resolve(cloud, slot, Resolution::Merged(Content::Bytes(bytes.into())), callback, user_data, op)
    })
}

/// Sends what is queued now. Succeeds only when the backend has confirmed all of it; `timeout_ms` is at
/// most an hour.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_flush(
    cloud: aethex_cloud,
    timeout_ms: u32,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        if timeout_ms > FLUSH_TIMEOUT_MAX_MS {
            return Err(ErrorCode::InvalidArgument);
        }
        let (saves, timeout) = (entry.cloud.saves(), Duration::from_millis(timeout_ms.into()));
        request_plain(&entry, op, saves.flush(timeout), callback, user_data)
    })
}

/// How many saves and deletes wait to be sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_pending(cloud: aethex_cloud, out: *mut usize) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let pending = entry.cloud.saves().pending();
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, pending) }
    })
}

/// Where a slot stands on this device, an `aethex_slot_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_status(
    cloud: aethex_cloud,
    slot: aethex_str,
    out: *mut i32,
) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        // SAFETY: the header asks for valid or null pointers.
        let status = status_for_c(entry.cloud.saves().status(&unsafe { slot.owned() }?));
        // SAFETY: the header asks for null or writable memory.
        unsafe { put(out, status as i32) }
    })
}

fn status_for_c(status: SlotStatus) -> aethex_slot_status {
    use aethex_slot_status as S;
    match status {
        SlotStatus::Unknown => S::AETHEX_SLOT_UNKNOWN,
        SlotStatus::Synced => S::AETHEX_SLOT_SYNCED,
        SlotStatus::Queued => S::AETHEX_SLOT_QUEUED,
        SlotStatus::Conflict => S::AETHEX_SLOT_CONFLICT,
        SlotStatus::Failed => S::AETHEX_SLOT_FAILED,
    }
}

/// Whether queued saves are sent as soon as possible, or wait for `aethex_saves_flush`.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_saves_enable_auto_sync(cloud: aethex_cloud, enabled: bool) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        entry.cloud.saves().enable_auto_sync(enabled);
        Ok(())
    })
}

/// `content` is made on the core's thread: copying a large value costs no frame.
///
/// # Safety
/// The pointers are null or valid.
unsafe fn save(
    cloud: aethex_cloud,
    slot: aethex_str,
    content: impl FnOnce() -> Content + Send + 'static,
    options: *const aethex_save_options,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> Result<(), ErrorCode> {
    let entry = entry(cloud)?;
    let saves = entry.cloud.saves();
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let (slot, noted) = (slot.owned()?, save_options(options)?);
        let work = async move { saves.save(&slot, content(), noted).await };
        request(&entry, op, work, results::save_done(callback, user_data))
    }
}

/// # Safety
/// The pointers are null or valid.
unsafe fn save_later(
    cloud: aethex_cloud,
    slot: aethex_str,
    content: impl FnOnce() -> Content + Send + 'static,
    options: *const aethex_save_options,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> Result<(), ErrorCode> {
    let entry = entry(cloud)?;
    let saves = entry.cloud.saves();
    // SAFETY: the caller's promise, passed on.
    unsafe {
        let (slot, noted) = (slot.owned()?, save_options(options)?);
        let work = async move { saves.save_later(&slot, content(), noted).await };
        request_plain(&entry, op, work, callback, user_data)
    }
}

/// # Safety
/// The pointer is null or valid.
unsafe fn save_options(options: *const aethex_save_options) -> Result<SaveOptions, ErrorCode> {
    let mut noted = SaveOptions::default();
    if options.is_null() {
        return Ok(noted);
    }
    // SAFETY: the caller's promise, passed on; options and parts are integers and pointers.
    unsafe {
        let options = read_options(options, SAVE_OPTIONS_SIZE_MIN)?;
        if options.reserved != 0 || options.playtime_ms < 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        noted.label = options.label.owned()?;
        noted.playtime_ms = options.playtime_ms;
        for part in slice(options.parts, options.part_count, PARTS_MAX)? {
            let content = match (part.data.is_null(), part.value) {
                (true, 0) if part.len == 0 => None,
                (true, value) if part.len == 0 => Some(Content::Value(snapshot(value)?.into_value())),
                (false, 0) => Some(Content::Bytes(slice(part.data, part.len, PART_LEN_MAX)?.to_vec().into())),
                _ => return Err(ErrorCode::InvalidArgument),
            };
            noted.parts.push((part.name.needed()?, content));
        }
    }
    Ok(noted)
}

/// # Safety
/// The pointers are null or valid.
unsafe fn resolve(
    cloud: aethex_cloud,
    slot: aethex_str,
    resolution: Resolution,
    callback: aethex_save_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> Result<(), ErrorCode> {
    let entry = entry(cloud)?;
    let saves = entry.cloud.saves();
    // SAFETY: the caller's promise, passed on.
    unsafe {
        let slot = slot.owned()?;
        let work = saves.resolve(&slot, resolution);
        request(&entry, op, work, results::save_done(callback, user_data))
    }
}
