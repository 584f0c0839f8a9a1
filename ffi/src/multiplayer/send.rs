//! What a game calls each frame: it takes microseconds, waits for nothing and answers at once.

use super::current;
use super::options::{
    aethex_message_options, aethex_state_options, message_options, state_options, transport,
};
use super::presence::ids;
use crate::call::size_for_c;
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, copy_text, put, put_sized, slice};
use crate::value::{aethex_value, snapshot};
use aethex_sdk_core::{Bytes, Error, RoomHandle};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::frame::{MESSAGE_LEN_MAX, STATE_LEN_MAX};
use std::ffi::c_char;
use std::mem::offset_of;

/// The least of the room's information a caller may have.
const ROOM_INFO_SIZE_MIN: usize = offset_of!(aethex_room_info, rtt_us);

/// How this player and the link to the current room do. Set `struct_size` before it is filled.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room_info {
    /// `sizeof(aethex_room_info)`.
    pub struct_size: u32,
    /// An `aethex_transport`: what carries the link.
    pub transport: i32,
    /// The player's own place in the room; -1 without a room.
    pub seat: i32,
    /// The host's place in the room; -1 while it is not known.
    pub host_seat: i32,
    /// Players in the room, this one too.
    pub player_count: u32,
    /// Whether the player is in a room.
    pub in_room: bool,
    /// Whether this player is its host.
    pub is_host: bool,
    /// The round trip to the relay in microseconds, smoothed; 0 before the first.
    pub rtt_us: u64,
    /// The relay's time, see `aethex_multiplayer_server_time_us`.
    pub server_time_us: u64,
    /// Messages that the relay does not have yet.
    pub messages_waiting: usize,
}

/// Sends this player's state to everyone in the room: for what is true now, like a position, as often as you like.
/// The newest of each channel goes out once a tick, and arrives or is replaced by a newer one. At most 1,100 bytes.
/// `options` may be null. The value stays yours.
///
/// `AETHEX_ERROR_NOT_IN_ROOM` without a room, `AETHEX_ERROR_INVALID_ARGUMENT` when it is too long or the channel is
/// none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_send_state(
    cloud: aethex_cloud,
    state: aethex_value,
    options: *const aethex_state_options,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let (state, options) = (snapshot(state)?, state_options(options)?);
        in_room(cloud, |room| room.send_state(state.value(), options))
    })
}

/// Sends bytes of the game's own as `aethex_multiplayer_send_state` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_send_state_bytes(
    cloud: aethex_cloud,
    data: *const u8,
    len: usize,
    options: *const aethex_state_options,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let state = Bytes::copy_from_slice(slice(data, len, STATE_LEN_MAX)?);
        let options = state_options(options)?;
        in_room(cloud, |room| room.send_state_bytes(state, options))
    })
}

/// Sends a message: for what happened, like a shot. It arrives once and in order, over every change of links, for as
/// long as the stay lasts. At most 64 KiB. `options` may be null: to everyone else. The value stays yours.
///
/// `AETHEX_ERROR_NOT_IN_ROOM` without a room, or when the player named is not in it; `AETHEX_ERROR_RELAY_OVERFLOW`
/// when 256 KiB or 1,024 messages are on their way: send less, or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_send_message(
    cloud: aethex_cloud,
    message: aethex_value,
    options: *const aethex_message_options,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let (message, options) = (snapshot(message)?, message_options(options)?);
        in_room(cloud, |room| room.send_message(message.value(), &options))
    })
}

/// Sends bytes of the game's own as `aethex_multiplayer_send_message` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_send_message_bytes(
    cloud: aethex_cloud,
    data: *const u8,
    len: usize,
    options: *const aethex_message_options,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let message = slice(data, len, MESSAGE_LEN_MAX)?;
        let options = message_options(options)?;
        in_room(cloud, |room| room.send_message_bytes(message, &options))
    })
}

/// Says where the player is, for rooms with an `interest_radius`. Numbers that are none are not said.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_multiplayer_set_position(
    cloud: aethex_cloud,
    x: f32,
    y: f32,
    z: f32,
) -> aethex_error {
    guard(|| {
        in_room(cloud, |room| {
            room.set_position([x, y, z]);
            Ok(())
        })
    })
}

/// Says whose states are wanted: others' are not sent to this player, nor are those of who joins later, until it is
/// said anew or `aethex_multiplayer_clear_interest` ends it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_set_interest(
    cloud: aethex_cloud,
    players: *const aethex_str,
    player_count: usize,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let players = ids(players, player_count)?;
        in_room(cloud, |room| {
            room.set_interest(&players);
            Ok(())
        })
    })
}

/// Everyone's states are wanted again.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_multiplayer_clear_interest(cloud: aethex_cloud) -> aethex_error {
    guard(|| {
        in_room(cloud, |room| {
            room.clear_interest();
            Ok(())
        })
    })
}

/// The relay's time in microseconds, the same for everyone in the room within half a round trip; 0 without a room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_server_time_us(
    cloud: aethex_cloud,
    out: *mut u64,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        put(out, entry.cloud.multiplayer().server_time_us())
    })
}

/// Whether this player is the current room's host; false without a room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_is_host(cloud: aethex_cloud, out: *mut bool) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        put(out, entry.cloud.multiplayer().current_room().is_some_and(|room| room.is_host()))
    })
}

/// Copies the current room's id, with a NUL behind it; `AETHEX_ERROR_NOT_IN_ROOM` without one.
///
/// `*length` is set to the text's length without NUL, also when `buffer` is null with `capacity` 0 (to ask) or too
/// small (`AETHEX_ERROR_TOO_LARGE`, nothing written). An id has 36 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_room_id(
    cloud: aethex_cloud,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        copy_text(current(&entry)?.id().as_str(), buffer, capacity, length)
    })
}

/// Tells how this player and the link to the current room do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_room_info(
    cloud: aethex_cloud,
    out: *mut aethex_room_info,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let room = entry.cloud.multiplayer().current_room();
        put_sized(out, ROOM_INFO_SIZE_MIN, room_info(room.as_ref()))
    })
}

fn room_info(room: Option<&RoomHandle>) -> aethex_room_info {
    let stats = room.map(RoomHandle::stats);
    let host_seat = room.and_then(RoomHandle::host_seat);
    aethex_room_info {
        struct_size: size_for_c::<aethex_room_info>(),
        transport: transport(stats.and_then(|stats| stats.transport)) as i32,
        seat: room.map_or(-1, |room| i32::from(room.seat())),
        host_seat: host_seat.map_or(-1, i32::from),
        player_count: room.map_or(0, |room| room.players().len() as u32),
        in_room: room.is_some(),
        is_host: room.is_some_and(RoomHandle::is_host),
        rtt_us: stats.map_or(0, |stats| stats.rtt_us),
        server_time_us: room.map_or(0, RoomHandle::server_time_us),
        messages_waiting: stats.map_or(0, |stats| stats.messages_waiting),
    }
}

/// Does something with the current room, now.
fn in_room(cloud: aethex_cloud, act: impl FnOnce(&RoomHandle) -> Result<(), Error>) -> Result<(), ErrorCode> {
    let entry = entry(cloud)?;
    let _open = entry.open()?;
    act(&current(&entry)?).map_err(|error| error.code)
}
