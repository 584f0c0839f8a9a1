//! Multiplayer: rooms here; matchmaking, chat, parties, presence and invitations in files of their own.
//!
//! The functions check their arguments, copy what they need and hand the request to the core. What a game calls each
//! frame is in `send`: it answers at once. What happens is told by the callback for events (`events`). `options` holds
//! what callers fill in, `results` what callbacks are lent.

mod chat;
mod chat_results;
mod events;
mod invites;
mod matches;
mod matchmaking;
pub(crate) mod options;
mod parties;
mod presence;
mod results;
mod send;

use crate::call::{aethex_callback, aethex_op, done, request, request_plain};
use crate::cloud::{Entry, aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use aethex_sdk_core::{PlayerId, RoomHandle};
use aethex_wire::ErrorCode;
use aethex_wire::ids::RoomId;
pub(crate) use chat_results::aethex_chat_message;
pub(crate) use events::{aethex_player_state, aethex_room_message, tell};
pub(crate) use invites::aethex_invite;
pub(crate) use matches::aethex_match;
#[cfg(test)]
pub(crate) use matches::{aethex_ticket_result, lend_ticket_result};
use options::{
    aethex_join_options, aethex_room_change, aethex_room_options, aethex_rooms_query, join_options,
    room_change, room_options, rooms_query, transports,
};
pub(crate) use parties::aethex_party;
pub(crate) use presence::aethex_presence;
pub(crate) use results::{aethex_room, aethex_room_player};
use results::{
    aethex_room_callback, aethex_rooms_callback, lend_current, lend_joined, lend_room_result, lend_rooms,
};
use std::ffi::c_void;

/// The room that the player is in.
fn current(entry: &Entry) -> Result<RoomHandle, ErrorCode> {
    entry.cloud.multiplayer().current_room().ok_or(ErrorCode::NotInRoom)
}

/// Makes a room and joins it as its host; it is the current one from then on. `options` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_create_room(
    cloud: aethex_cloud,
    options: *const aethex_room_options,
    callback: aethex_room_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (mut options, metadata) = room_options(options)?;
        let multiplayer = entry.cloud.multiplayer();
        let work = async move {
            options.metadata = metadata.metadata("metadata")?.unwrap_or_default();
            multiplayer.create_room(options).await
        };
        request(&entry, op, work, done(callback, user_data, lend_joined))
    })
}

/// Joins a room and makes it the current one; the one before is left. Joining the current room again does nothing.
/// `options` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_join_room(
    cloud: aethex_cloud,
    room: aethex_str,
    options: *const aethex_join_options,
    callback: aethex_room_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let room = room.id(RoomId::parse)?;
        let options = join_options(options)?;
        let work = entry.cloud.multiplayer().join_room(room, options);
        request(&entry, op, work, done(callback, user_data, lend_joined))
    })
}

/// Joins the room that has this code, of a room or an invitation; otherwise as `aethex_multiplayer_join_room`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_join_by_code(
    cloud: aethex_cloud,
    code: aethex_str,
    options: *const aethex_join_options,
    callback: aethex_room_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (code, options) = (code.needed()?, join_options(options)?);
        let work = entry.cloud.multiplayer().join_by_code(&code, options);
        request(&entry, op, work, done(callback, user_data, lend_joined))
    })
}

/// Leaves the current room, for good. Without one nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_leave_room(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().leave_room();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// The current room as it is now, with its players; null without one. Asks nobody: the result comes in the next tick.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_current_room(
    cloud: aethex_cloud,
    callback: aethex_room_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let room = entry.cloud.multiplayer().current_room();
        let work = async move { Ok(room) };
        request(&entry, op, work, done(callback, user_data, lend_current))
    })
}

/// Lists public rooms, newest first. `query` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_list_rooms(
    cloud: aethex_cloud,
    query: *const aethex_rooms_query,
    callback: aethex_rooms_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let query = rooms_query(query)?;
        let work = entry.cloud.multiplayer().list_rooms(query);
        request(&entry, op, work, done(callback, user_data, lend_rooms))
    })
}

/// Looks at a room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_get_room(
    cloud: aethex_cloud,
    room: aethex_str,
    callback: aethex_room_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let room = room.id(RoomId::parse)?;
        let work = entry.cloud.multiplayer().get_room(room);
        request(&entry, op, work, done(callback, user_data, lend_room_result))
    })
}

/// Changes the current room: its host may. Its new form comes to everyone as `AETHEX_EVENT_ROOM_UPDATED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_update_room(
    cloud: aethex_cloud,
    change: *const aethex_room_change,
    callback: aethex_room_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (mut change, metadata) = room_change(change)?;
        let (room, multiplayer) = (current(&entry)?.id().clone(), entry.cloud.multiplayer());
        let work = async move {
            change.metadata = metadata.metadata("metadata")?;
            multiplayer.update_room(room, change).await
        };
        request(&entry, op, work, done(callback, user_data, lend_room_result))
    })
}

/// Sends a player out of the current room: its host may. With `ban` the player may not come back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_kick(
    cloud: aethex_cloud,
    player: aethex_str,
    ban: bool,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let room = current(&entry)?.id().clone();
        let work = entry.cloud.multiplayer().kick(room, player, ban);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Closes the current room and sends everyone home: its host may.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_close_room(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let room = current(&entry)?.id().clone();
        let work = entry.cloud.multiplayer().close_room(room);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Moves the room's link to another transport while it carries on, an `aethex_transport`. For tests and menus: the
/// library chooses by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_multiplayer_switch_transport(
    cloud: aethex_cloud,
    transport: i32,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let transports = transports(transport)?;
        let work = current(&entry)?.switch_transport(transports);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Opens the player's own connection, over which matches, chat, invitations and presence come. Using any of these does so
/// too.
#[unsafe(no_mangle)]
pub extern "C" fn aethex_multiplayer_go_live(cloud: aethex_cloud) -> aethex_error {
    guard(|| {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        entry.cloud.multiplayer().go_live();
        Ok(())
    })
}
