//! Files: those that a game writes itself, and archives of everything.

use super::past::one_version;
use super::results::aethex_save_version;
use crate::call::{
    Callback, Head, Lent, aethex_callback, aethex_op, done, request, request_plain, size_for_c,
};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{OK, aethex_error, guard, number};
use crate::strings::aethex_str;
use aethex_sdk_core::{Error, Imported, Wrapped};
use std::ffi::c_void;
use std::path::PathBuf;

/// Result of a comparison of a wrapped file with the cloud.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_file_result {
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
    /// Whether a newer save of the cloud was put into the file: read it again.
    pub replaced: bool,
    /// Whether the file's content waits to be sent.
    pub queued: bool,
    /// The version that the file is; null when the cloud has none, or is not known.
    pub version: *const aethex_save_version,
}

/// Result of an export.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_archive_result {
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
    /// How many versions were written.
    pub version_count: usize,
}

/// What became of a slot of an archive.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_imported_slot {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why this slot was not brought back.
    pub error: aethex_error,
    /// The slot's name in the archive.
    pub slot: aethex_str,
    /// The slot that it became; empty when the save was there already, and on failure.
    pub saved_as: aethex_str,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
}

/// Result of an import.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_import_result {
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
    /// The slots, as an array of pointers; null when there are none, and on failure.
    pub slots: *const *const aethex_imported_slot,
    /// How many slots.
    pub slot_count: usize,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_file_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_file_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_archive_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_archive_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_import_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_import_result)>;

/// Makes a file that the game writes itself a slot, by its absolute path. It is remembered; while the game runs the
/// file is saved in the cloud whenever it has changed and rests.
///
/// Call it before the game reads the file, and wait for the callback: when the cloud has a newer save and the file did
/// not change here, the file is replaced, with the one before beside it as `….bak`. When both changed, it is a
/// conflict like any other, and the file follows its end: `AETHEX_EVENT_FILE_REPLACED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_wrap_file(
    cloud: aethex_cloud,
    path: aethex_str,
    slot: aethex_str,
    callback: aethex_file_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (path, slot) = (PathBuf::from(path.needed()?), slot.owned()?);
        let work = entry.cloud.saves().wrap_file(&path, &slot);
        request(&entry, op, work, file_done(callback, user_data))
    })
}

/// Compares a wrapped file with the cloud, as `aethex_saves_wrap_file` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_pull_file(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_file_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let slot = slot.owned()?;
        let work = entry.cloud.saves().pull_file(&slot);
        request(&entry, op, work, file_done(callback, user_data))
    })
}

/// Makes a wrapped file the game's alone again. File and slot stay as they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_unwrap_file(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let slot = slot.owned()?;
        let work = entry.cloud.saves().unwrap_file(&slot);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Writes all slots into one ZIP file, those of this device that the cloud does not have yet too; with `history` all
/// versions, not only the newest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_export_all(
    cloud: aethex_cloud,
    path: aethex_str,
    history: bool,
    callback: aethex_archive_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let path = PathBuf::from(path.needed()?);
        let work = entry.cloud.saves().export_all(&path, history);
        request(&entry, op, work, done(callback, user_data, lend_archive))
    })
}

/// Brings slots back from a file of `aethex_saves_export_all`. Nothing is overwritten: a slot that holds something
/// else stays as it is, and what was in the file becomes `slot (2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_import(
    cloud: aethex_cloud,
    path: aethex_str,
    callback: aethex_import_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let path = PathBuf::from(path.needed()?);
        let work = entry.cloud.saves().import(&path);
        request(&entry, op, work, done(callback, user_data, lend_import))
    })
}

fn file_done(
    callback: Callback<aethex_file_result>,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Wrapped, Error>) + Send + 'static {
    done(callback, user_data, |lent, head, result: Result<Wrapped, Error>| {
        let wrapped = result.ok();
        aethex_file_result {
            struct_size: size_for_c::<aethex_file_result>(),
            error: head.error,
            op: head.op,
            message: head.message,
            retryable: head.retryable,
            replaced: wrapped.as_ref().is_some_and(|wrapped| wrapped.replaced),
            queued: wrapped.as_ref().is_some_and(|wrapped| wrapped.queued),
            version: one_version(lent, wrapped.as_ref().and_then(|wrapped| wrapped.version.as_ref())),
        }
    })
}

fn lend_archive(_: &mut Lent, head: Head, result: Result<usize, Error>) -> aethex_archive_result {
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_archive_result>();
    let version_count = result.unwrap_or_default();
    aethex_archive_result { struct_size, error, op, message, retryable, version_count }
}

fn lend_import(lent: &mut Lent, head: Head, result: Result<Vec<Imported>, Error>) -> aethex_import_result {
    let (slots, slot_count) = lent.all(&result.unwrap_or_default(), |lent, one| {
        let failure = one.error.as_ref();
        aethex_imported_slot {
            struct_size: size_for_c::<aethex_imported_slot>(),
            error: failure.map_or(OK, |error| number(error.code)),
            slot: lent.text(&one.slot),
            saved_as: lent.text(one.saved_as.as_deref().unwrap_or_default()),
            message: lent.text(failure.map_or("", |error| &error.message)),
        }
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_import_result>();
    aethex_import_result { struct_size, error, op, message, retryable, slots, slot_count }
}
