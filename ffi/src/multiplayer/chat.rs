//! Text chat, blocks and reports. A channel is `room:` with a room's id, `party:` with a party's, `direct:` with the other
//! player's, or `channel:` with a name. New messages come as events.

pub(super) use super::chat_results::lend_chat_message;
use super::chat_results::{
    aethex_blocks_callback, aethex_chat_history_callback, aethex_chat_message_callback,
    aethex_conversations_callback, aethex_report_callback, lend_blocks, lend_conversations, lend_history,
    lend_report, lend_said,
};
use super::options::page;
use crate::call::{aethex_callback, aethex_op, done, request, request_plain};
use crate::cloud::{aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::strings::{aethex_str, read_options};
use aethex_sdk_core::{ChatChannel, ErrorCode, PlayerId};
use aethex_wire::ids::MessageId;
use aethex_wire::multiplayer::chat::ReportRequest;
use std::ffi::c_void;
use std::mem::offset_of;

/// The least of a report that a caller may have.
const REPORT_SIZE_MIN: usize = offset_of!(aethex_player_report, text);

/// Why a player or a message is reported. Set everything to zero, then `struct_size` and what you know.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_player_report {
    /// `sizeof(aethex_player_report)`.
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The player's id. Needed.
    pub player: aethex_str,
    /// In one word: `abuse`, `spam`, `cheating`, `name`, `other`. Needed.
    pub reason: aethex_str,
    /// The message, when it is about one.
    pub message_id: aethex_str,
    /// In the player's words, at most 1,000 characters.
    pub text: aethex_str,
}

/// Says something in a channel, 1 to 2,000 characters. A channel is `room:` with a room's id, `party:` with a
/// party's, `direct:` with the other player's, or `channel:` with a name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_send(
    cloud: aethex_cloud,
    channel: aethex_str,
    text: aethex_str,
    callback: aethex_chat_message_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (channel, text) = (channel_of(channel)?, text.owned()?);
        let work = entry.cloud.multiplayer().chat().send(&channel, &text);
        request(&entry, op, work, done(callback, user_data, lend_said))
    })
}

/// What was said in a channel, newest first. At most `limit`, 50 for 0. `cursor` is `next_cursor` of the page before;
/// empty for the first page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_history(
    cloud: aethex_cloud,
    channel: aethex_str,
    limit: u32,
    cursor: aethex_str,
    callback: aethex_chat_history_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (channel, page) = (channel_of(channel)?, page(limit, cursor)?);
        let work = entry.cloud.multiplayer().chat().history(&channel, page);
        request(&entry, op, work, done(callback, user_data, lend_history))
    })
}

/// Gives one's message other words, for a quarter of an hour.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_edit(
    cloud: aethex_cloud,
    channel: aethex_str,
    message_id: aethex_str,
    text: aethex_str,
    callback: aethex_chat_message_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let (channel, text) = (channel_of(channel)?, text.owned()?);
        let message = message_id.id(MessageId::parse)?;
        let work = entry.cloud.multiplayer().chat().edit(&channel, message, &text);
        request(&entry, op, work, done(callback, user_data, lend_said))
    })
}

/// Takes one's message back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_delete(
    cloud: aethex_cloud,
    channel: aethex_str,
    message_id: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let channel = channel_of(channel)?;
        let message = message_id.id(MessageId::parse)?;
        let work = entry.cloud.multiplayer().chat().delete(&channel, message);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Says how far one has read. A mark never goes back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_mark_read(
    cloud: aethex_cloud,
    channel: aethex_str,
    message_id: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let channel = channel_of(channel)?;
        let message = message_id.id(MessageId::parse)?;
        let work = entry.cloud.multiplayer().chat().mark_read(&channel, message);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// One's conversations with what is unread, the newest first. At most `limit`, 50 for 0. `cursor` is `next_cursor` of
/// the page before; empty for the first page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_conversations(
    cloud: aethex_cloud,
    limit: u32,
    cursor: aethex_str,
    callback: aethex_conversations_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let page = page(limit, cursor)?;
        let work = entry.cloud.multiplayer().chat().conversations(page);
        request(&entry, op, work, done(callback, user_data, lend_conversations))
    })
}

/// Joins a named channel: its messages come from now on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_join_channel(
    cloud: aethex_cloud,
    channel: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let channel = channel_of(channel)?;
        let work = entry.cloud.multiplayer().chat().join_channel(&channel);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Leaves a named channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_leave_channel(
    cloud: aethex_cloud,
    channel: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let channel = channel_of(channel)?;
        let work = entry.cloud.multiplayer().chat().leave_channel(&channel);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Blocks a player: no messages, no invitations, no matches together, no presence.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_block(
    cloud: aethex_cloud,
    player: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let work = entry.cloud.multiplayer().chat().block(player);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Unblocks a player.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_unblock(
    cloud: aethex_cloud,
    player: aethex_str,
    callback: aethex_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let player = player.id(PlayerId::parse)?;
        let work = entry.cloud.multiplayer().chat().unblock(player);
        request_plain(&entry, op, work, callback, user_data)
    })
}

/// Whom one blocked. At most `limit`, 50 for 0. `cursor` is `next_cursor` of the page before; empty for the first
/// page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_blocked(
    cloud: aethex_cloud,
    limit: u32,
    cursor: aethex_str,
    callback: aethex_blocks_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let page = page(limit, cursor)?;
        let work = entry.cloud.multiplayer().chat().blocked(page);
        request(&entry, op, work, done(callback, user_data, lend_blocks))
    })
}

/// Reports a player or a message to the game's moderators.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_chat_report(
    cloud: aethex_cloud,
    report: *const aethex_player_report,
    callback: aethex_report_callback,
    user_data: *mut c_void,
    op: *mut aethex_op,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let report = report_of(report)?;
        let work = entry.cloud.multiplayer().chat().report(report);
        request(&entry, op, work, done(callback, user_data, lend_report))
    })
}

/// # Safety
/// The text is null or valid.
unsafe fn channel_of(channel: aethex_str) -> Result<ChatChannel, ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    Ok(ChatChannel::parse(&unsafe { channel.needed() }?))
}

/// # Safety
/// The report is null or valid, with its texts.
unsafe fn report_of(report: *const aethex_player_report) -> Result<ReportRequest, ErrorCode> {
    // SAFETY: the caller's promise, passed on; the report is integers and pointers.
    unsafe {
        let report = read_options(report, REPORT_SIZE_MIN)?;
        if report.reserved != 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        let message_id = match report.message_id.len {
            0 => None,
            _ => Some(report.message_id.id(MessageId::parse)?),
        };
        Ok(ReportRequest {
            player_id: report.player.id(PlayerId::parse)?,
            message_id,
            reason: report.reason.needed()?,
            text: report.text.owned()?,
        })
    }
}
