//! What callers fill in, and the numbers that stand for the SDK's names.

use crate::strings::{aethex_str, flag, read_options};
use crate::value::{Node, aethex_value, snapshot, to_json};
use aethex_sdk_core::{
    Error, ErrorCode, JoinOptions, Json, MessageOptions, MessageTarget, PlayerId, StateOptions, Transport,
    Transports,
};
use aethex_wire::multiplayer::frame::LeftReason;
use aethex_wire::multiplayer::{CreateRoomRequest, Metadata, RoomsQuery, UpdateRoomRequest, Visibility};
use aethex_wire::page::PageQuery;
use std::mem::offset_of;

/// The least of each struct that a caller may have.
const ROOM_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_room_options, name);
const ROOM_CHANGE_SIZE_MIN: usize = offset_of!(aethex_room_change, max_players);
const ROOMS_QUERY_SIZE_MIN: usize = offset_of!(aethex_rooms_query, mode);
const JOIN_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_join_options, password);
const STATE_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_state_options, urgent);
const MESSAGE_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_message_options, player);

/// Who finds a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_room_visibility {
    /// In lists, and open to who has its id or code.
    AETHEX_ROOM_PUBLIC = 1,
    /// Not in lists: open to who has its id or code.
    AETHEX_ROOM_UNLISTED = 2,
    /// Open to those who were let in: by a match, a party or an invitation.
    AETHEX_ROOM_PRIVATE = 3,
}

impl aethex_room_visibility {
    fn of(number: i32) -> Result<Option<Visibility>, ErrorCode> {
        const PUBLIC: i32 = aethex_room_visibility::AETHEX_ROOM_PUBLIC as i32;
        const UNLISTED: i32 = aethex_room_visibility::AETHEX_ROOM_UNLISTED as i32;
        const PRIVATE: i32 = aethex_room_visibility::AETHEX_ROOM_PRIVATE as i32;
        match number {
            0 => Ok(None),
            PUBLIC => Ok(Some(Visibility::Public)),
            UNLISTED => Ok(Some(Visibility::Unlisted)),
            PRIVATE => Ok(Some(Visibility::Private)),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// Whether somebody new comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_room_lock {
    /// As it is.
    AETHEX_ROOM_LOCK_KEEP = 0,
    /// Nobody new comes in from now on.
    AETHEX_ROOM_LOCK_CLOSED = 1,
    /// Players may come in again.
    AETHEX_ROOM_LOCK_OPEN = 2,
}

impl aethex_room_lock {
    fn of(number: i32) -> Result<Option<bool>, ErrorCode> {
        const KEEP: i32 = aethex_room_lock::AETHEX_ROOM_LOCK_KEEP as i32;
        const CLOSED: i32 = aethex_room_lock::AETHEX_ROOM_LOCK_CLOSED as i32;
        const OPEN: i32 = aethex_room_lock::AETHEX_ROOM_LOCK_OPEN as i32;
        match number {
            KEEP => Ok(None),
            CLOSED => Ok(Some(true)),
            OPEN => Ok(Some(false)),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// What carries a room's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_transport {
    /// As an option: the library chooses. As an answer: none, the link is being made.
    AETHEX_TRANSPORT_ANY = 0,
    /// QUIC: states are datagrams.
    AETHEX_TRANSPORT_QUIC = 1,
    /// WebSocket: passes where only web traffic does.
    AETHEX_TRANSPORT_WEBSOCKET = 2,
}

/// The transports that may be used.
pub(crate) fn transports(number: i32) -> Result<Transports, ErrorCode> {
    const ANY: i32 = aethex_transport::AETHEX_TRANSPORT_ANY as i32;
    const QUIC: i32 = aethex_transport::AETHEX_TRANSPORT_QUIC as i32;
    const WEBSOCKET: i32 = aethex_transport::AETHEX_TRANSPORT_WEBSOCKET as i32;
    match number {
        ANY => Ok(Transports::Any),
        QUIC => Ok(Transports::Quic),
        WEBSOCKET => Ok(Transports::WebSocket),
        _ => Err(ErrorCode::InvalidArgument),
    }
}

/// The transport for C.
pub(crate) fn transport(transport: Option<Transport>) -> aethex_transport {
    match transport {
        None => aethex_transport::AETHEX_TRANSPORT_ANY,
        Some(Transport::Quic) => aethex_transport::AETHEX_TRANSPORT_QUIC,
        Some(Transport::WebSocket) => aethex_transport::AETHEX_TRANSPORT_WEBSOCKET,
    }
}

/// Why a player is no longer in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_left_reason {
    /// Left.
    AETHEX_LEFT_BY_ITSELF = 0,
    /// Did not come back within the minute that a seat is held.
    AETHEX_LEFT_TIMED_OUT = 1,
    /// Was sent away.
    AETHEX_LEFT_KICKED = 2,
    /// The room was closed.
    AETHEX_LEFT_CLOSED = 3,
    /// Broke a rule or a limit.
    AETHEX_LEFT_REFUSED = 4,
}

/// The reason for C.
pub(crate) fn left_reason(reason: LeftReason) -> aethex_left_reason {
    match reason {
        LeftReason::Left => aethex_left_reason::AETHEX_LEFT_BY_ITSELF,
        LeftReason::TimedOut => aethex_left_reason::AETHEX_LEFT_TIMED_OUT,
        LeftReason::Kicked => aethex_left_reason::AETHEX_LEFT_KICKED,
        LeftReason::Closed => aethex_left_reason::AETHEX_LEFT_CLOSED,
        LeftReason::Refused => aethex_left_reason::AETHEX_LEFT_REFUSED,
    }
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_message_target {
    /// Everyone else in the room.
    AETHEX_TO_OTHERS = 0,
    /// The room's host.
    AETHEX_TO_HOST = 1,
    /// The player `player`.
    AETHEX_TO_PLAYER = 2,
    /// Everyone else but the player `player`.
    AETHEX_TO_ALL_EXCEPT = 3,
}

/// A room to make. Set everything to zero, then `struct_size` and what differs from the defaults.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room_options {
    /// `sizeof(aethex_room_options)`.
    pub struct_size: u32,
    /// An `aethex_room_visibility`; 0: public.
    pub visibility: i32,
    /// Its name, at most 64 characters.
    pub name: aethex_str,
    /// The game mode.
    pub mode: aethex_str,
    /// The region.
    pub region: aethex_str,
    /// What joining needs; empty: nothing.
    pub password: aethex_str,
    /// Seats, at most 128; 0: 8.
    pub max_players: u32,
    /// How often states leave, in milliseconds: 8 to 50; 0: 33.
    pub tick_ms: u32,
    /// Radius of the area of interest in the game's units: states of players farther away leave eight times as seldom.
    /// 0: everyone hears everyone.
    pub interest_radius: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The game's own data, a dictionary of plain JSON, at most 4 KiB; 0: none. It stays yours.
    pub metadata: aethex_value,
}

/// A change of a room. Set everything to zero, then `struct_size` and what changes: empty texts and zeros leave their fields
/// as they are.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_room_change {
    /// `sizeof(aethex_room_change)`.
    pub struct_size: u32,
    /// An `aethex_room_visibility`; 0: as it is.
    pub visibility: i32,
    /// An `aethex_room_lock`.
    pub locked: i32,
    /// Seats; not under those taken.
    pub max_players: u32,
    /// Its name.
    pub name: aethex_str,
    /// Id of the new host: a player in the room.
    pub host: aethex_str,
    /// The game's own data, whole: a dictionary of plain JSON. It stays yours.
    pub metadata: aethex_value,
}

/// Which rooms to list. Set everything to zero, then `struct_size` and what you look for.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_rooms_query {
    /// `sizeof(aethex_rooms_query)`.
    pub struct_size: u32,
    /// 1: only with a free seat and not locked.
    pub open: u32,
    /// Of this mode; empty: of any.
    pub mode: aethex_str,
    /// Of this region; empty: of any.
    pub region: aethex_str,
    /// Whose name begins so, in any case; empty: all.
    pub name: aethex_str,
    /// `next_cursor` of the page before; empty: the first page.
    pub cursor: aethex_str,
    /// Most rooms wanted, at most 200; 0: 50.
    pub limit: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// How to join a room. Set everything to zero, then `struct_size` and what you know.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_join_options {
    /// `sizeof(aethex_join_options)`.
    pub struct_size: u32,
    /// An `aethex_transport`.
    pub transport: i32,
    /// The room's password; empty: none.
    pub password: aethex_str,
}

/// How to send a state. Set everything to zero, then `struct_size` and what differs.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_state_options {
    /// `sizeof(aethex_state_options)`.
    pub struct_size: u32,
    /// Its channel, below 8: the newest of each is kept. A game that also plays with Godot's peers leaves 4 to 7 to them.
    pub channel: u32,
    /// 1: does not wait for the room's tick. For what cannot wait, a few times a second.
    pub urgent: u32,
}

/// How to send a message. Set everything to zero, then `struct_size` and what differs.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_message_options {
    /// `sizeof(aethex_message_options)`.
    pub struct_size: u32,
    /// An `aethex_message_target`.
    pub to: i32,
    /// The player's id, for the targets that name one; empty for the others.
    pub player: aethex_str,
    /// 1: arrives as soon as it can, not after everything sent before it.
    pub unordered: u32,
    /// The game's own channel, below 256. A game that also plays with Godot's peers leaves 255 to them.
    pub channel: u32,
}

/// A value that is to be a dictionary of plain JSON, as it was when the call was made.
#[derive(Default)]
pub(crate) struct Object(Option<Node>);

impl Object {
    /// The value behind the handle; none for 0.
    pub(crate) fn of(value: aethex_value) -> Result<Object, ErrorCode> {
        Ok(Object(if value == 0 { None } else { Some(snapshot(value)?) }))
    }

    /// As free data of the game's own, when there is any.
    pub(crate) fn metadata(self, what: &str) -> Result<Option<Metadata>, Error> {
        let Some(node) = self.0 else { return Ok(None) };
        match to_json(node.value()) {
            Ok(Json::Object(object)) => Ok(Some(object)),
            Ok(_) => Err(refusal(format!("{what} is a dictionary"))),
            Err(error) => Err(refusal(format!("{what}: {}", error.message))),
        }
    }
}

pub(crate) fn refusal(message: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// A number of C that has to fit in fewer bits; 0 is none.
fn narrow(number: u32) -> Result<Option<u16>, ErrorCode> {
    let number = u16::try_from(number).map_err(|_| ErrorCode::InvalidArgument)?;
    Ok(Some(number).filter(|number| *number > 0))
}

fn zero(reserved: u32) -> Result<(), ErrorCode> {
    if reserved == 0 { Ok(()) } else { Err(ErrorCode::InvalidArgument) }
}

/// What is asked for a room; the metadata follows.
///
/// # Safety
/// The options are null or valid, with their texts.
pub(crate) unsafe fn room_options(
    options: *const aethex_room_options,
) -> Result<(CreateRoomRequest, Object), ErrorCode> {
    if options.is_null() {
        return Ok((CreateRoomRequest::default(), Object::default()));
    }
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let options = read_options(options, ROOM_OPTIONS_SIZE_MIN)?;
        zero(options.reserved)?;
        let request = CreateRoomRequest {
            name: options.name.owned()?,
            mode: options.mode.owned()?,
            region: options.region.owned()?,
            max_players: narrow(options.max_players)?,
            visibility: aethex_room_visibility::of(options.visibility)?.unwrap_or_default(),
            password: options.password.set()?,
            metadata: Metadata::new(),
            tick_ms: narrow(options.tick_ms)?,
            interest_radius: Some(options.interest_radius).filter(|radius| *radius > 0),
        };
        Ok((request, Object::of(options.metadata)?))
    }
}

/// What is to change of a room; the metadata follows.
///
/// # Safety
/// The change is null or valid, with its texts.
pub(crate) unsafe fn room_change(
    change: *const aethex_room_change,
) -> Result<(UpdateRoomRequest, Object), ErrorCode> {
    // SAFETY: the caller's promise, passed on; the change is integers and pointers.
    unsafe {
        let change = read_options(change, ROOM_CHANGE_SIZE_MIN)?;
        let host_id = match change.host.len {
            0 => None,
            _ => Some(change.host.id(PlayerId::parse)?),
        };
        let request = UpdateRoomRequest {
            name: change.name.set()?,
            max_players: narrow(change.max_players)?,
            visibility: aethex_room_visibility::of(change.visibility)?,
            locked: aethex_room_lock::of(change.locked)?,
            metadata: None,
            host_id,
        };
        Ok((request, Object::of(change.metadata)?))
    }
}

/// Which rooms are asked for.
///
/// # Safety
/// The query is null or valid, with its texts.
pub(crate) unsafe fn rooms_query(query: *const aethex_rooms_query) -> Result<RoomsQuery, ErrorCode> {
    if query.is_null() {
        return Ok(RoomsQuery::default());
    }
    // SAFETY: the caller's promise, passed on; the query is integers and pointers.
    unsafe {
        let query = read_options(query, ROOMS_QUERY_SIZE_MIN)?;
        zero(query.reserved)?;
        Ok(RoomsQuery {
            mode: query.mode.set()?,
            region: query.region.set()?,
            name: query.name.set()?,
            open: Some(flag(query.open)?).filter(|open| *open),
            limit: Some(query.limit).filter(|limit| *limit > 0),
            cursor: query.cursor.set()?,
        })
    }
}

/// A page of a list: 0 and the empty text are the defaults.
///
/// # Safety
/// The text is null or valid.
pub(crate) unsafe fn page(limit: u32, cursor: aethex_str) -> Result<PageQuery, ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    let cursor = unsafe { cursor.set() }?;
    Ok(PageQuery { limit: Some(limit).filter(|limit| *limit > 0), cursor })
}

/// How a room is joined.
///
/// # Safety
/// The options are null or valid, with their texts.
pub(crate) unsafe fn join_options(options: *const aethex_join_options) -> Result<JoinOptions, ErrorCode> {
    if options.is_null() {
        return Ok(JoinOptions::default());
    }
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let options = read_options(options, JOIN_OPTIONS_SIZE_MIN)?;
        Ok(JoinOptions { password: options.password.set()?, transports: transports(options.transport)? })
    }
}

/// How a state is sent.
///
/// # Safety
/// The options are null or valid.
pub(crate) unsafe fn state_options(options: *const aethex_state_options) -> Result<StateOptions, ErrorCode> {
    if options.is_null() {
        return Ok(StateOptions::default());
    }
    // SAFETY: the caller's promise, passed on; the options are integers.
    let options = unsafe { read_options(options, STATE_OPTIONS_SIZE_MIN) }?;
    let channel = u8::try_from(options.channel).map_err(|_| ErrorCode::InvalidArgument)?;
    Ok(StateOptions { channel, urgent: flag(options.urgent)? })
}

/// How a message is sent.
///
/// # Safety
/// The options are null or valid, with their texts.
pub(crate) unsafe fn message_options(
    options: *const aethex_message_options,
) -> Result<MessageOptions, ErrorCode> {
    const OTHERS: i32 = aethex_message_target::AETHEX_TO_OTHERS as i32;
    const HOST: i32 = aethex_message_target::AETHEX_TO_HOST as i32;
    const PLAYER: i32 = aethex_message_target::AETHEX_TO_PLAYER as i32;
    const EXCEPT: i32 = aethex_message_target::AETHEX_TO_ALL_EXCEPT as i32;
    if options.is_null() {
        return Ok(MessageOptions::default());
    }
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let options = read_options(options, MESSAGE_OPTIONS_SIZE_MIN)?;
        let to = match options.to {
            OTHERS if options.player.len == 0 => MessageTarget::Others,
            HOST if options.player.len == 0 => MessageTarget::Host,
            PLAYER => MessageTarget::Player(options.player.id(PlayerId::parse)?),
            EXCEPT => MessageTarget::Except(options.player.id(PlayerId::parse)?),
            _ => return Err(ErrorCode::InvalidArgument),
        };
        let channel = u8::try_from(options.channel).map_err(|_| ErrorCode::InvalidArgument)?;
        Ok(MessageOptions { to, unordered: flag(options.unordered)?, channel })
    }
}

/// The visibility for C.
pub(crate) fn visibility(visibility: Visibility) -> aethex_room_visibility {
    match visibility {
        Visibility::Public => aethex_room_visibility::AETHEX_ROOM_PUBLIC,
        Visibility::Unlisted => aethex_room_visibility::AETHEX_ROOM_UNLISTED,
        Visibility::Private => aethex_room_visibility::AETHEX_ROOM_PRIVATE,
    }
}
