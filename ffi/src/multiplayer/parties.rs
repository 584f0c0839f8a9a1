//! The party that the player is in: players who queue together.

use crate::call::{Head, Lent, aethex_callback, aethex_op, done, request, request_plain, size_for_c};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::aethex_str;
use aethex_sdk_core::{Error, PlayerId};
use aethex_wire::multiplayer::parties::{Party, PartyPlayer};
use std::ffi::c_void;
use std::ptr::null;

/// A player of a party.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_party_player {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Says to be ready.
    pub ready: bool,
    /// The player's id.
    pub player_id: aethex_str,
    /// The player's name.
    pub username: aethex_str,
}

/// A party. A player is in one at a time.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_party {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Its id.
    pub id: aethex_str,
    /// Its join code.
    pub code: aethex_str,
    /// Id of who leads: queues, sends away.
    pub leader_id: aethex_str,
    /// Who is in it, as an array of pointers.
    pub players: *const *const aethex_party_player,
    /// How many players.
    pub player_count: usize,
}

/// Result of a request that ends with a party.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_party_result {
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
    /// The party; null on failure, and when the player is in none.
    pub party: *const aethex_party,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_party_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_party_result)>;

/// Makes a party and leads it; leaves the one before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_create(
    cloud: aethex_cloud,
    callback: aethex_party_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().parties().create();
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_party_result))
    })
}

/// The party that the player is in; null without one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_current(
    cloud: aethex_cloud,
    callback: aethex_party_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().parties().current();
        request(&entry, op, work, done(callback, user_data, lend_party_result))
    })
}

/// Joins the party that has this code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_join(
    cloud: aethex_cloud,
    code: aethex_str,
    callback: aethex_party_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let code = code.needed()?;
        let work = entry.cloud.multiplayer().parties().join(&code);
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_party_result))
    })
}

/// Leaves the party. Its leader passes the lead on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_leave(
    cloud: aethex_cloud,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().parties().leave();
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Says whether one is ready.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_set_ready(
    cloud: aethex_cloud,
    ready: bool,
    callback: aethex_party_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let work = entry.cloud.multiplayer().parties().set_ready(ready);
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_party_result))
    })
}

/// Sends a player out of the party: its leader may.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_kick(
    cloud: aethex_cloud,
    player: aethex_str,
    callback: aethex_party_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let work = entry.cloud.multiplayer().parties().kick(player);
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_party_result))
    })
}

/// Passes the lead on: the leader may.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_parties_set_leader(
    cloud: aethex_cloud,
    player: aethex_str,
    callback: aethex_party_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let work = entry.cloud.multiplayer().parties().set_leader(player);
        let work = async move { work.await.map(Some) };
        request(&entry, op, work, done(callback, user_data, lend_party_result))
    })
}

/// A party for C, lent.
pub(crate) fn lend_party(lent: &mut Lent, party: &Party) -> aethex_party {
    let (players, player_count) =
        lent.all(&party.players, |lent, player: &PartyPlayer| aethex_party_player {
            struct_size: size_for_c::<aethex_party_player>(),
            ready: player.ready,
            player_id: lent.text(player.player_id.as_str()),
            username: lent.text(&player.username),
        });
    aethex_party {
        struct_size: size_for_c::<aethex_party>(),
        id: lent.text(party.id.as_str()),
        code: lent.text(&party.code),
        leader_id: lent.text(party.leader_id.as_str()),
        players,
        player_count,
    }
}

pub(crate) fn lend_party_result(
    lent: &mut Lent,
    head: Head,
    result: Result<Option<Party>, Error>,
) -> aethex_party_result {
    let party = result.ok().flatten().map_or(null(), |party| {
        let party = lend_party(lent, &party);
        lent.one(party)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_party_result>();
    aethex_party_result { struct_size, error, op, message, retryable, party }
}
