//! Who is here.

use super::options::Object;
use super::results::lend_metadata;
use crate::call::{Head, Lent, aethex_op, done, request, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, read_options, slice};
use crate::value::aethex_value;
use aethex_sdk_core::{Error, ErrorCode, PlayerId};
use aethex_wire::multiplayer::Metadata;
use aethex_wire::multiplayer::presence::{Availability, PRESENCE_PLAYERS_MAX, Presence, SetPresenceRequest};
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::null;

/// The least of a presence to show that a caller may have.
const PRESENCE_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_presence_options, status);

/// What a player shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_availability {
    /// Here.
    AETHEX_AVAILABILITY_ONLINE = 0,
    /// Here, not at the keys.
    AETHEX_AVAILABILITY_AWAY = 1,
    /// Not to be disturbed.
    AETHEX_AVAILABILITY_BUSY = 2,
    /// Shown as offline.
    AETHEX_AVAILABILITY_INVISIBLE = 3,
    /// Not here. Said by the backend alone.
    AETHEX_AVAILABILITY_OFFLINE = 4,
}

impl aethex_availability {
    fn of(number: i32) -> Result<Availability, ErrorCode> {
        const ONLINE: i32 = aethex_availability::AETHEX_AVAILABILITY_ONLINE as i32;
        const AWAY: i32 = aethex_availability::AETHEX_AVAILABILITY_AWAY as i32;
        const BUSY: i32 = aethex_availability::AETHEX_AVAILABILITY_BUSY as i32;
        const INVISIBLE: i32 = aethex_availability::AETHEX_AVAILABILITY_INVISIBLE as i32;
        match number {
            ONLINE => Ok(Availability::Online),
            AWAY => Ok(Availability::Away),
            BUSY => Ok(Availability::Busy),
            INVISIBLE => Ok(Availability::Invisible),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }
}

/// What to show of oneself. Set everything to zero, then `struct_size` and what differs.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_presence_options {
    /// `sizeof(aethex_presence_options)`.
    pub struct_size: u32,
    /// An `aethex_availability`; not offline.
    pub availability: i32,
    /// Own words, at most 128 characters.
    pub status: aethex_str,
    /// The game's own data, a dictionary of plain JSON, at most 1 KiB; 0: none. It stays yours.
    pub data: aethex_value,
}

/// A player's presence, as others see it.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_presence {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_availability`.
    pub availability: i32,
    /// The player's id.
    pub player_id: aethex_str,
    /// The player's own words.
    pub status: aethex_str,
    /// The game's own data, a dictionary, lent: it is freed after the callback.
    pub data: aethex_value,
    /// When last here, milliseconds since 1970 UTC; 0 when never, or not to be known.
    pub last_seen_ms: i64,
}

/// Result of `aethex_presence_set`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_presence_result {
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
    /// What is shown; null on failure.
    pub presence: *const aethex_presence,
}

/// Result of a question for presences.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_presences_result {
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
    /// The presences in the order asked, as an array of pointers; null when there are none, and on failure.
    pub presences: *const *const aethex_presence,
    /// How many presences.
    pub presence_count: usize,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_presence_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_presence_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_presences_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_presences_result)>;

/// Says what to show of oneself, while the game runs. `shown` may be null: online, without words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_presence_set(
    cloud: aethex_cloud,
    shown: *const aethex_presence_options,
    callback: aethex_presence_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (mut shown, data) = shown_of(shown)?;
        let presence = entry.cloud.multiplayer().presence();
        let work = async move {
            shown.data = data.metadata("data")?.unwrap_or_default();
            presence.set(shown).await
        };
        request(&entry, op, work, done(callback, user_data, lend_presence_result))
    })
}

/// Asks who is here: up to 100 players by their ids, answered in their order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_presence_get(
    cloud: aethex_cloud,
    players: *const aethex_str,
    player_count: usize,
    callback: aethex_presences_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let players = ids(players, player_count)?;
        let work = entry.cloud.multiplayer().presence().get(players);
        request(&entry, op, work, done(callback, user_data, lend_presences))
    })
}

/// As `aethex_presence_get`, and tells of changes from now on by `AETHEX_EVENT_PRESENCE_CHANGED`. Who was watched
/// before still is: up to 1,000 players in all, until the player logs out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_presence_watch(
    cloud: aethex_cloud,
    players: *const aethex_str,
    player_count: usize,
    callback: aethex_presences_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let players = ids(players, player_count)?;
        let work = entry.cloud.multiplayer().presence().watch(players);
        request(&entry, op, work, done(callback, user_data, lend_presences))
    })
}

/// What is to be shown; the data follows.
///
/// # Safety
/// The options are null or valid, with their texts.
unsafe fn shown_of(shown: *const aethex_presence_options) -> Result<(SetPresenceRequest, Object), ErrorCode> {
    if shown.is_null() {
        return Ok((SetPresenceRequest::default(), Object::default()));
    }
    // SAFETY: the caller's promise, passed on; the options are integers and pointers.
    unsafe {
        let shown = read_options(shown, PRESENCE_OPTIONS_SIZE_MIN)?;
        let availability = aethex_availability::of(shown.availability)?;
        let status = shown.status.owned()?;
        let request = SetPresenceRequest { availability, status, data: Metadata::new() };
        Ok((request, Object::of(shown.data)?))
    }
}

/// The players who are named.
///
/// # Safety
/// The array is null or valid, with its texts.
pub(super) unsafe fn ids(
    players: *const aethex_str,
    player_count: usize,
) -> Result<Vec<PlayerId>, ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    unsafe {
        let players = slice(players, player_count, PRESENCE_PLAYERS_MAX)?;
        players.iter().map(|player| player.id(PlayerId::parse)).collect()
    }
}

/// A presence for C, lent.
pub(crate) fn lend_presence(lent: &mut Lent, presence: &Presence) -> aethex_presence {
    let availability = match presence.availability {
        Availability::Online => aethex_availability::AETHEX_AVAILABILITY_ONLINE,
        Availability::Away => aethex_availability::AETHEX_AVAILABILITY_AWAY,
        Availability::Busy => aethex_availability::AETHEX_AVAILABILITY_BUSY,
        Availability::Invisible => aethex_availability::AETHEX_AVAILABILITY_INVISIBLE,
        Availability::Offline => aethex_availability::AETHEX_AVAILABILITY_OFFLINE,
    };
    aethex_presence {
        struct_size: size_for_c::<aethex_presence>(),
        availability: availability as i32,
        player_id: lent.text(presence.player_id.as_str()),
        status: lent.text(&presence.status),
        data: lend_metadata(lent, &presence.data),
        last_seen_ms: presence.last_seen_ms.unwrap_or(0),
    }
}

pub(crate) fn lend_presence_result(
    lent: &mut Lent,
    head: Head,
    result: Result<Presence, Error>,
) -> aethex_presence_result {
    let presence = result.ok().map_or(null(), |presence| {
        let presence = lend_presence(lent, &presence);
        lent.one(presence)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_presence_result>();
    aethex_presence_result { struct_size, error, op, message, retryable, presence }
}

pub(crate) fn lend_presences(
    lent: &mut Lent,
    head: Head,
    result: Result<Vec<Presence>, Error>,
) -> aethex_presences_result {
    let (presences, presence_count) = lent.all(&result.unwrap_or_default(), lend_presence);
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_presences_result>();
    aethex_presences_result { struct_size, error, op, message, retryable, presences, presence_count }
}
