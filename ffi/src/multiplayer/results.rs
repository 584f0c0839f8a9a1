//! Rooms and their players, as callbacks and events are lent them.

use super::options::visibility;
use crate::call::{Head, Lent, aethex_op, size_for_c};
use crate::error::aethex_error;
use crate::strings::aethex_str;
use crate::value::{aethex_value, plain};
use aethex_sdk_core::{Error, Json, Page, RoomHandle, RoomMember};
use aethex_wire::multiplayer::{Metadata, Room, RoomPlayer};
use std::ffi::c_void;
use std::ptr::null;

/// A player in a room.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room_player {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The place in the room while the player has it: 0 to 127. Another player may have it later. -1 when it is not
    /// known: of a room that the player is not in.
    pub seat: i32,
    /// Whether the player's link is open; false of a room that the player is not in.
    pub connected: bool,
    /// The player's id.
    pub player_id: aethex_str,
    /// The player's name.
    pub username: aethex_str,
    /// Since when, milliseconds since 1970 UTC; 0 when it is not known: of a room that the player is in.
    pub joined_at_ms: i64,
}

/// A room, as it was last told.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_room_visibility`.
    pub visibility: i32,
    /// Seats taken.
    pub player_count: u32,
    /// Seats there are.
    pub max_players: u32,
    /// How often states leave, in milliseconds.
    pub tick_ms: u32,
    /// Nobody new comes in.
    pub locked: bool,
    /// Joining needs the password.
    pub has_password: bool,
    /// Its id.
    pub id: aethex_str,
    /// Its join code.
    pub code: aethex_str,
    /// Its name; empty when it has none.
    pub name: aethex_str,
    /// The game mode; empty when it has none.
    pub mode: aethex_str,
    /// The region; empty when it has none.
    pub region: aethex_str,
    /// The host's id: who may change, lock and close it. Passes on when the host is gone. Empty when there is none.
    pub host_id: aethex_str,
    /// The game's own data, a dictionary, lent: it is freed after the callback.
    pub metadata: aethex_value,
    /// When it was made, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// Who is in it, as an array of pointers; null in lists and changes.
    pub members: *const *const aethex_room_player,
    /// How many members.
    pub member_count: usize,
}

/// Result of a request that ends with a room.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room_result {
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
    /// The room; null on failure, and when there is none.
    pub room: *const aethex_room,
}

/// Result of a list of rooms.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_rooms_result {
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
    /// The rooms, as an array of pointers; null when there are none, and on failure.
    pub rooms: *const *const aethex_room,
    /// How many rooms.
    pub room_count: usize,
    /// Cursor of the next page; empty on the last one.
    pub next_cursor: aethex_str,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_room_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_room_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_rooms_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_rooms_result)>;

/// Free data of the game's own, lent.
pub(super) fn lend_metadata(lent: &mut Lent, metadata: &Metadata) -> aethex_value {
    lent.owned_value(Some(plain(Json::Object(metadata.clone()))))
}

/// A player for C, lent.
pub(crate) fn lend_member(lent: &mut Lent, member: &RoomMember) -> aethex_room_player {
    aethex_room_player {
        struct_size: size_for_c::<aethex_room_player>(),
        seat: i32::from(member.seat),
        connected: member.connected,
        player_id: lent.text(member.player_id.as_str()),
        username: lent.text(&member.username),
        joined_at_ms: 0,
    }
}

/// A player of a room that this one is not in, lent.
fn lend_player(lent: &mut Lent, player: &RoomPlayer) -> aethex_room_player {
    aethex_room_player {
        struct_size: size_for_c::<aethex_room_player>(),
        seat: -1,
        connected: false,
        player_id: lent.text(player.player_id.as_str()),
        username: lent.text(&player.username),
        joined_at_ms: player.joined_at_ms,
    }
}

/// A room for C, lent; with these members, or those that the backend told.
pub(crate) fn lend_room(lent: &mut Lent, room: &Room, members: Option<&[RoomMember]>) -> aethex_room {
    let (members, member_count) = match members {
        Some(members) => lent.all(members, lend_member),
        None => lent.all(&room.players, lend_player),
    };
    aethex_room {
        struct_size: size_for_c::<aethex_room>(),
        visibility: visibility(room.visibility) as i32,
        player_count: u32::from(room.player_count),
        max_players: u32::from(room.max_players),
        tick_ms: u32::from(room.tick_ms),
        locked: room.locked,
        has_password: room.has_password,
        id: lent.text(room.id.as_str()),
        code: lent.text(&room.code),
        name: lent.text(&room.name),
        mode: lent.text(&room.mode),
        region: lent.text(&room.region),
        host_id: lent.text(room.host_id.as_ref().map_or("", |id| id.as_str())),
        metadata: lend_metadata(lent, &room.metadata),
        created_at_ms: room.created_at_ms,
        members,
        member_count,
    }
}

/// A room that the player is in, as it is now, lent.
fn lend_handle(lent: &mut Lent, handle: &RoomHandle) -> *const aethex_room {
    let mut room = handle.room();
    let players = handle.players();
    room.host_id = handle.host_id().or(room.host_id);
    room.player_count = u16::try_from(players.len()).unwrap_or(room.player_count);
    let room = lend_room(lent, &room, Some(&players));
    lent.one(room)
}

pub(crate) fn lend_joined(
    lent: &mut Lent,
    head: Head,
    result: Result<RoomHandle, Error>,
) -> aethex_room_result {
    let room = result.as_ref().map_or(null(), |handle| lend_handle(lent, handle));
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_room_result>();
    aethex_room_result { struct_size, error, op, message, retryable, room }
}

pub(crate) fn lend_current(
    lent: &mut Lent,
    head: Head,
    result: Result<Option<RoomHandle>, Error>,
) -> aethex_room_result {
    let handle = result.ok().flatten();
    let room = handle.map_or(null(), |handle| lend_handle(lent, &handle));
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_room_result>();
    aethex_room_result { struct_size, error, op, message, retryable, room }
}

pub(crate) fn lend_room_result(
    lent: &mut Lent,
    head: Head,
    result: Result<Room, Error>,
) -> aethex_room_result {
    let room = result.ok().map_or(null(), |room| {
        let room = lend_room(lent, &room, None);
        lent.one(room)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_room_result>();
    aethex_room_result { struct_size, error, op, message, retryable, room }
}

pub(crate) fn lend_rooms(
    lent: &mut Lent,
    head: Head,
    result: Result<Page<Room>, Error>,
) -> aethex_rooms_result {
    let page = result.unwrap_or(Page { items: Vec::new(), next_cursor: None });
    let (rooms, room_count) = lent.all(&page.items, |lent, room| lend_room(lent, room, None));
    let next_cursor = lent.text(page.next_cursor.as_deref().unwrap_or_default());
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_rooms_result>();
    aethex_rooms_result { struct_size, error, op, message, retryable, rooms, room_count, next_cursor }
}
