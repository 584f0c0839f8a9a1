//! A slot's past, and what the player has stored.

use super::results::{aethex_save_version, lend_version};
use crate::call::{Callback, Head, Lent, aethex_op, done, request, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use crate::value::aethex_value;
use aethex_sdk_core::{Error, SaveVersion};
use aethex_wire::ids::VersionId;
use aethex_wire::saves::history::{Change, ChangeKind, Diff, Quota};
use std::ffi::c_void;
use std::ptr::null;

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_change_kind {
    /// Only the newer version has it.
    AETHEX_CHANGE_ADDED = 0,
    /// Only the older version has it.
    AETHEX_CHANGE_REMOVED = 1,
    /// Both have it, with different values.
    AETHEX_CHANGE_CHANGED = 2,
}

/// One difference between two versions.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_change {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_change_kind`.
    pub kind: i32,
    /// Where it is: keys joined by dots, list items in brackets; empty for the whole save.
    pub path: aethex_str,
    /// The older value, lent; 0 when there is none, or when it is over 4 KiB.
    pub from: aethex_value,
    /// The newer value, lent; 0 when there is none, or when it is over 4 KiB.
    pub to: aethex_value,
    /// Size of the older value in bytes.
    pub from_bytes: i64,
    /// Size of the newer value in bytes.
    pub to_bytes: i64,
}

/// Result of a comparison.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_diff_result {
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
    /// Whether there are more changes than the 1,000 that are told.
    pub truncated: bool,
    /// The older version; null on failure.
    pub from: *const aethex_save_version,
    /// The newer version; null on failure.
    pub to: *const aethex_save_version,
    /// The changes, as an array of pointers; null when there are none, and on failure.
    pub changes: *const *const aethex_change,
    /// How many changes.
    pub change_count: usize,
    /// Names of the parts that changed; null when there are none.
    pub parts: *const aethex_str,
    /// How many parts.
    pub part_count: usize,
}

/// Result of a change to a version, or of a new slot's beginning.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_version_result {
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
    /// The version; null on failure.
    pub version: *const aethex_save_version,
}

/// Result of a question for the quota.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_quota_result {
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
    /// Bytes that the player's versions and parts take.
    pub used_bytes: i64,
    /// Bytes that they may take.
    pub max_bytes: i64,
    /// Versions stored.
    pub versions: i64,
    /// Versions that may be stored.
    pub versions_max: i64,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_diff_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_diff_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_version_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_version_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_quota_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_quota_result)>;

/// Tells what changed from one version of a slot to another; to the newest when `to` is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_diff(
    cloud: aethex_cloud,
    slot: aethex_str,
    from: aethex_str,
    to: aethex_str,
    callback: aethex_diff_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (slot, from) = (slot.owned()?, from.id(VersionId::parse)?);
        let to = if to.len == 0 { None } else { Some(to.id(VersionId::parse)?) };
        let work = entry.cloud.saves().diff(&slot, from, to);
        request(&entry, op, work, done(callback, user_data, lend_diff))
    })
}

/// Keeps a version in the history for ever, or lets it go again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_pin(
    cloud: aethex_cloud,
    slot: aethex_str,
    version: aethex_str,
    pinned: bool,
    callback: aethex_version_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (slot, version) = (slot.owned()?, version.id(VersionId::parse)?);
        let work = entry.cloud.saves().pin(&slot, version, pinned);
        request(&entry, op, work, version_done(callback, user_data))
    })
}

/// Gives a version other words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_set_label(
    cloud: aethex_cloud,
    slot: aethex_str,
    version: aethex_str,
    label: aethex_str,
    callback: aethex_version_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (slot, version, label) = (slot.owned()?, version.id(VersionId::parse)?, label.owned()?);
        let work = entry.cloud.saves().set_label(&slot, version, &label);
        request(&entry, op, work, version_done(callback, user_data))
    })
}

/// Begins the new slot `to` with a version of a slot; with its newest when `version` is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_branch(
    cloud: aethex_cloud,
    slot: aethex_str,
    version: aethex_str,
    to: aethex_str,
    callback: aethex_version_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (slot, to) = (slot.owned()?, to.owned()?);
        let version = if version.len == 0 { None } else { Some(version.id(VersionId::parse)?) };
        let work = entry.cloud.saves().branch(&slot, version, &to);
        request(&entry, op, work, version_done(callback, user_data))
    })
}

/// Tells what the player has stored in the cloud, and may store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_quota(
    cloud: aethex_cloud,
    callback: aethex_quota_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.saves().quota();
        request(&entry, op, work, done(callback, user_data, lend_quota))
    })
}

fn version_done(
    callback: Callback<aethex_version_result>,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<SaveVersion, Error>) + Send + 'static {
    done(callback, user_data, |lent, head, result: Result<SaveVersion, Error>| {
        let version = one_version(lent, result.ok().as_ref());
        let Head { error, op, message, retryable } = head;
        let struct_size = size_for_c::<aethex_version_result>();
        aethex_version_result { struct_size, error, op, message, retryable, version }
    })
}

/// A version for C; null when there is none.
pub(super) fn one_version(lent: &mut Lent, version: Option<&SaveVersion>) -> *const aethex_save_version {
    match version {
        Some(version) => {
            let version = lend_version(lent, version);
            lent.one(version)
        }
        None => null(),
    }
}

fn lend_diff(lent: &mut Lent, head: Head, result: Result<Diff, Error>) -> aethex_diff_result {
    let diff = result.ok();
    let changes = diff.as_ref().map_or(&[][..], |diff| &diff.changes);
    let (changes, change_count) = lent.all(changes, lend_change);
    let parts = diff.iter().flat_map(|diff| diff.parts.iter().map(String::as_str));
    let (parts, part_count) = lent.list(parts);
    aethex_diff_result {
        struct_size: size_for_c::<aethex_diff_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        truncated: diff.as_ref().is_some_and(|diff| diff.truncated),
        from: one_version(lent, diff.as_ref().map(|diff| &diff.from)),
        to: one_version(lent, diff.as_ref().map(|diff| &diff.to)),
        changes,
        change_count,
        parts,
        part_count,
    }
}

fn lend_change(lent: &mut Lent, change: &Change) -> aethex_change {
    let kind = match change.kind {
        ChangeKind::Added => aethex_change_kind::AETHEX_CHANGE_ADDED,
        ChangeKind::Removed => aethex_change_kind::AETHEX_CHANGE_REMOVED,
        ChangeKind::Changed => aethex_change_kind::AETHEX_CHANGE_CHANGED,
    };
    aethex_change {
        struct_size: size_for_c::<aethex_change>(),
        kind: kind as i32,
        path: lent.text(&change.path),
        from: lent.value(change.from.as_ref()),
        to: lent.value(change.to.as_ref()),
        from_bytes: change.from_bytes,
        to_bytes: change.to_bytes,
    }
}

fn lend_quota(_: &mut Lent, head: Head, result: Result<Quota, Error>) -> aethex_quota_result {
    let none = Quota { used_bytes: 0, max_bytes: 0, versions: 0, versions_max: 0 };
    let Quota { used_bytes, max_bytes, versions, versions_max } = result.unwrap_or(none);
    let Head { error, op, message, retryable } = head;
    aethex_quota_result {
        struct_size: size_for_c::<aethex_quota_result>(),
        error,
        op,
        message,
        retryable,
        used_bytes,
        max_bytes,
        versions,
        versions_max,
    }
}
