//! Invitations to rooms and parties.

use super::current;
use super::options::page;
use crate::call::{Head, Lent, aethex_callback, aethex_op, done, request, request_plain, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use aethex_sdk_core::{Error, Page, PlayerId};
use aethex_wire::ids::{InviteId, PartyId, RoomId};
use aethex_wire::multiplayer::presence::Invite;
use std::ffi::c_void;
use std::ptr::null;

/// An invitation to a room or a party.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_invite {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Its id.
    pub id: aethex_str,
    /// Id of who invites.
    pub from_id: aethex_str,
    /// The inviter's name.
    pub from_username: aethex_str,
    /// Id of who is invited.
    pub to_id: aethex_str,
    /// The room; empty when it is to a party.
    pub room_id: aethex_str,
    /// The party; empty when it is to a room.
    pub party_id: aethex_str,
    /// What opens the door, for the invited one: for `aethex_multiplayer_join_by_code` or `aethex_parties_join`.
    pub code: aethex_str,
    /// When, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// Until when it stands.
    pub expires_at_ms: i64,
}

/// Result of an invitation.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_invite_result {
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
    /// The invitation; null on failure.
    pub invite: *const aethex_invite,
}

/// Result of a list of invitations.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_invites_result {
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
    /// The invitations, as an array of pointers; null when there are none, and on failure.
    pub invites: *const *const aethex_invite,
    /// How many invitations.
    pub invite_count: usize,
    /// Cursor of the next page; empty on the last one.
    pub next_cursor: aethex_str,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_invite_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_invite_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_invites_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_invites_result)>;

/// Invites a player to a room that one is in; to the current one when `room` is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_invites_to_room(
    cloud: aethex_cloud,
    player: aethex_str,
    room: aethex_str,
    callback: aethex_invite_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let room = if room.len == 0 { current(&entry)?.id().clone() } else { room.id(RoomId::parse)? };
        let work = entry.cloud.multiplayer().invites().invite_to_room(player, room);
        request(&entry, op, work, done(callback, user_data, lend_invite_result))
    })
}

/// Invites a player to one's party.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_invites_to_party(
    cloud: aethex_cloud,
    player: aethex_str,
    party: aethex_str,
    callback: aethex_invite_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (player, party) = (player.id(PlayerId::parse)?, party.id(PartyId::parse)?);
        let work = entry.cloud.multiplayer().invites().invite_to_party(player, party);
        request(&entry, op, work, done(callback, user_data, lend_invite_result))
    })
}

/// Lists invitations to oneself that stand, newest first: at most `limit`, 50 for 0. `cursor` is `next_cursor` of the
/// page before; empty for the first page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_invites_list(
    cloud: aethex_cloud,
    limit: u32,
    cursor: aethex_str,
    callback: aethex_invites_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let page = page(limit, cursor)?;
        let work = entry.cloud.multiplayer().invites().list(page);
        request(&entry, op, work, done(callback, user_data, lend_invites))
    })
}

/// Declines an invitation, or takes one's own back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_invites_delete(
    cloud: aethex_cloud,
    invite: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let invite = invite.id(InviteId::parse)?;
        let work = entry.cloud.multiplayer().invites().delete(invite);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// An invitation for C, lent.
pub(crate) fn lend_invite(lent: &mut Lent, invite: &Invite) -> aethex_invite {
    aethex_invite {
        struct_size: size_for_c::<aethex_invite>(),
        id: lent.text(invite.id.as_str()),
        from_id: lent.text(invite.from_id.as_str()),
        from_username: lent.text(&invite.from_username),
        to_id: lent.text(invite.to_id.as_str()),
        room_id: lent.text(invite.room_id.as_ref().map_or("", |id| id.as_str())),
        party_id: lent.text(invite.party_id.as_ref().map_or("", |id| id.as_str())),
        code: lent.text(&invite.code),
        created_at_ms: invite.created_at_ms,
        expires_at_ms: invite.expires_at_ms,
    }
}

pub(crate) fn lend_invite_result(
    lent: &mut Lent,
    head: Head,
    result: Result<Invite, Error>,
) -> aethex_invite_result {
    let invite = result.ok().map_or(null(), |invite| {
        let invite = lend_invite(lent, &invite);
        lent.one(invite)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_invite_result>();
    aethex_invite_result { struct_size, error, op, message, retryable, invite }
}

pub(crate) fn lend_invites(
    lent: &mut Lent,
    head: Head,
    result: Result<Page<Invite>, Error>,
) -> aethex_invites_result {
    let page = result.unwrap_or(Page { items: Vec::new(), next_cursor: None });
    let (invites, invite_count) = lent.all(&page.items, lend_invite);
    let next_cursor = lent.text(page.next_cursor.as_deref().unwrap_or_default());
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_invites_result>();
    aethex_invites_result { struct_size, error, op, message, retryable, invites, invite_count, next_cursor }
}
