//! Other devices of the player, and how this one behaves towards network and system.

use crate::call::{
    Callback, Head, Lent, aethex_callback, aethex_op, done, request, request_plain, size_for_c,
};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{OK, aethex_error, guard, number};
use crate::strings::{aethex_str, put_sized};
use aethex_sdk_core::Error;
use aethex_wire::saves::history::Device;
use std::ffi::c_void;
use std::mem::offset_of;

/// The least of the slot's information a caller may have.
const SLOT_INFO_SIZE_MIN: usize = offset_of!(aethex_slot_info, unsent);

/// A device of the player, as it last told of itself.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_device {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Whether saves wait on it that the cloud does not have.
    pub unsent: bool,
    /// Whether a slot is being played on it right now.
    pub active: bool,
    /// Its id.
    pub device_id: aethex_str,
    /// Its name.
    pub device_name: aethex_str,
    /// The slot that is played on it; empty when none is.
    pub slot: aethex_str,
    /// When it last told so, milliseconds since 1970 UTC.
    pub seen_at_ms: i64,
}

/// Result of a question for devices.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_devices_result {
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
    /// The devices, as an array of pointers; null when there are none, and on failure.
    pub devices: *const *const aethex_device,
    /// How many devices.
    pub device_count: usize,
}

/// Everything that this device knows of a slot. Set `struct_size` before it is filled.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_slot_info {
    /// `sizeof(aethex_slot_info)`.
    pub struct_size: u32,
    /// An `aethex_slot_status`.
    pub status: i32,
    /// How many saves of it the cloud does not have.
    pub unsent: usize,
    /// Their bytes, compressed.
    pub unsent_bytes: u64,
    /// Place of the version that this device last saw in the cloud, from 1; 0 when it saw none.
    pub sequence: i64,
    /// Milliseconds until the next attempt to send; -1 when none is planned.
    pub next_attempt_ms: i64,
    /// Why the last save was refused, or why sending stopped; `AETHEX_OK` when neither.
    pub error: aethex_error,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_devices_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_devices_result)>;

/// Says that a slot is being played on this device. Yields the player's other devices on which the same slot is being
/// played right now, or has saves that the cloud does not have: `AETHEX_EVENT_ACTIVE_ELSEWHERE` comes for each, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_play(
    cloud: aethex_cloud,
    slot: aethex_str,
    callback: aethex_devices_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let slot = slot.owned()?;
        let work = entry.cloud.saves().play(&slot);
        request(&entry, op, work, devices_done(callback, user_data))
    })
}

/// Says that no slot is being played on this device any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_stop_playing(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.saves().stop_playing();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Lists the player's devices that ever said what is played on them, the latest first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_devices(
    cloud: aethex_cloud,
    callback: aethex_devices_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.saves().devices();
        request(&entry, op, work, devices_done(callback, user_data))
    })
}

/// Says whether the network costs by the byte. Then large saves wait for another network, or for
/// `aethex_saves_flush`.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_saves_set_metered(cloud: aethex_cloud, metered: bool) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        entry.cloud.saves().set_metered(metered);
        Ok(())
    })
}

/// The game goes to the background, or quits: everything at hand is sent within four seconds, as far as the network
/// allows. What is left stays on this device.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_on_background(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.saves().on_background();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// The game is back in the foreground: what waits is sent.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_saves_on_foreground(cloud: aethex_cloud) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        entry.cloud.saves().on_foreground();
        Ok(())
    })
}

/// Tells everything that this device knows of a slot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_slot_info(
    cloud: aethex_cloud,
    slot: aethex_str,
    out: *mut aethex_slot_info,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let known = entry.cloud.saves().slot_info(&slot.owned()?);
        let next = known.next_attempt.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        let info = aethex_slot_info {
            struct_size: size_for_c::<aethex_slot_info>(),
            status: super::status_for_c(known.status) as i32,
            unsent: known.unsent,
            unsent_bytes: known.unsent_bytes,
            sequence: known.version.and_then(|version| version.sequence).unwrap_or_default(),
            next_attempt_ms: next.unwrap_or(-1),
            error: known.error.map_or(OK, |error| number(error.code)),
        };
        put_sized(out, SLOT_INFO_SIZE_MIN, info)
    })
}

fn devices_done(
    callback: Callback<aethex_devices_result>,
    user_data: *mut c_void,
) -> impl FnOnce(aethex_op, Result<Vec<Device>, Error>) + Send + 'static {
    done(callback, user_data, |lent, head, result: Result<Vec<Device>, Error>| {
        let (devices, device_count) = lent.all(&result.unwrap_or_default(), lend_device);
        let Head { error, op, message, retryable } = head;
        let struct_size = size_for_c::<aethex_devices_result>();
        aethex_devices_result { struct_size, error, op, message, retryable, devices, device_count }
    })
}

/// A device for C, lent.
pub(crate) fn lend_device(lent: &mut Lent, device: &Device) -> aethex_device {
    aethex_device {
        struct_size: size_for_c::<aethex_device>(),
        unsent: device.unsent,
        active: device.active,
        device_id: lent.text(&device.device_id),
        device_name: lent.text(&device.device_name),
        slot: lent.text(&device.slot),
        seen_at_ms: device.seen_at_ms,
    }
}
