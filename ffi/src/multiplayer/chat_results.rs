//! What was said, as callbacks and events are lent it.

use crate::call::{Head, Lent, aethex_op, size_for_c};
use crate::error::aethex_error;
use crate::strings::aethex_str;
use aethex_sdk_core::{Error, Page};
use aethex_wire::ids::ReportId;
use aethex_wire::multiplayer::chat::{Block, ChatMessage, Conversation};
use std::ffi::c_void;
use std::ptr::null;

/// A message in a channel.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_chat_message {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its id; ids sort by time.
    pub id: aethex_str,
    /// The channel, as the reader names it.
    pub channel: aethex_str,
    /// Id of who wrote it.
    pub from_id: aethex_str,
    /// The writer's name.
    pub from_username: aethex_str,
    /// What it says; empty when deleted.
    pub text: aethex_str,
    /// When, milliseconds since 1970 UTC.
    pub sent_at_ms: i64,
    /// When it was last edited; 0 when it was not.
    pub edited_at_ms: i64,
}

/// A channel with something in it.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_conversation {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Messages of others since the read mark, at most 100.
    pub unread: u32,
    /// The channel, as the reader names it.
    pub channel: aethex_str,
    /// Its newest message.
    pub last: *const aethex_chat_message,
}

/// A player who is blocked.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_block {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The player's id.
    pub player_id: aethex_str,
    /// The player's name.
    pub username: aethex_str,
    /// Since when, milliseconds since 1970 UTC.
    pub since_ms: i64,
}

/// Result of a request that ends with a message.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_chat_message_result {
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
    /// The message; null on failure.
    pub said: *const aethex_chat_message,
}

/// Result of a question for a history.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_chat_history_result {
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
    /// What was said, newest first, as an array of pointers; null when there is nothing, and on failure.
    pub messages: *const *const aethex_chat_message,
    /// How many messages.
    pub message_count: usize,
    /// Cursor of the next page; empty on the last one.
    pub next_cursor: aethex_str,
}

/// Result of a list of conversations.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_conversations_result {
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
    /// The conversations, the newest first, as an array of pointers; null when there are none, and on failure.
    pub conversations: *const *const aethex_conversation,
    /// How many conversations.
    pub conversation_count: usize,
    /// Cursor of the next page; empty on the last one.
    pub next_cursor: aethex_str,
}

/// Result of a list of blocked players.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_blocks_result {
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
    /// The players, as an array of pointers; null when there are none, and on failure.
    pub blocks: *const *const aethex_block,
    /// How many players.
    pub block_count: usize,
    /// Cursor of the next page; empty on the last one.
    pub next_cursor: aethex_str,
}

/// Result of a report.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_report_result {
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
    /// The report's id; empty on failure.
    pub report_id: aethex_str,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_chat_message_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_chat_message_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_chat_history_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_chat_history_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_conversations_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_conversations_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_blocks_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_blocks_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_report_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_report_result)>;

/// A message for C, lent.
pub(crate) fn lend_chat_message(lent: &mut Lent, message: &ChatMessage) -> aethex_chat_message {
    aethex_chat_message {
        struct_size: size_for_c::<aethex_chat_message>(),
        deleted: message.deleted,
        id: lent.text(message.id.as_str()),
        channel: lent.text(&message.channel),
        from_id: lent.text(message.from_id.as_str()),
        from_username: lent.text(&message.from_username),
        text: lent.text(&message.text),
        sent_at_ms: message.sent_at_ms,
        edited_at_ms: message.edited_at_ms.unwrap_or(0),
    }
}

fn none<T>() -> Page<T> {
    Page { items: Vec::new(), next_cursor: None }
}

pub(crate) fn lend_said(
    lent: &mut Lent,
    head: Head,
    result: Result<ChatMessage, Error>,
) -> aethex_chat_message_result {
    let said = result.ok().map_or(null(), |said| {
        let said = lend_chat_message(lent, &said);
        lent.one(said)
    });
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_chat_message_result>();
    aethex_chat_message_result { struct_size, error, op, message, retryable, said }
}

pub(crate) fn lend_history(
    lent: &mut Lent,
    head: Head,
    result: Result<Page<ChatMessage>, Error>,
) -> aethex_chat_history_result {
    let page = result.unwrap_or_else(|_| none());
    let (messages, message_count) = lent.all(&page.items, lend_chat_message);
    let next_cursor = lent.text(page.next_cursor.as_deref().unwrap_or_default());
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_chat_history_result>();
    aethex_chat_history_result {
        struct_size,
        error,
        op,
        message,
        retryable,
        messages,
        message_count,
        next_cursor,
    }
}

pub(crate) fn lend_conversations(
    lent: &mut Lent,
    head: Head,
    result: Result<Page<Conversation>, Error>,
) -> aethex_conversations_result {
    let page = result.unwrap_or_else(|_| none());
    let (conversations, conversation_count) = lent.all(&page.items, |lent, conversation| {
        let last = lend_chat_message(lent, &conversation.last);
        aethex_conversation {
            struct_size: size_for_c::<aethex_conversation>(),
            unread: conversation.unread,
            channel: lent.text(&conversation.channel),
            last: lent.one(last),
        }
    });
    let next_cursor = lent.text(page.next_cursor.as_deref().unwrap_or_default());
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_conversations_result>();
    aethex_conversations_result {
        struct_size,
        error,
        op,
        message,
        retryable,
        conversations,
        conversation_count,
        next_cursor,
    }
}

pub(crate) fn lend_blocks(
    lent: &mut Lent,
    head: Head,
    result: Result<Page<Block>, Error>,
) -> aethex_blocks_result {
    let page = result.unwrap_or_else(|_| none());
    let (blocks, block_count) = lent.all(&page.items, |lent, block| aethex_block {
        struct_size: size_for_c::<aethex_block>(),
        player_id: lent.text(block.player_id.as_str()),
        username: lent.text(&block.username),
        since_ms: block.since_ms,
    });
    let next_cursor = lent.text(page.next_cursor.as_deref().unwrap_or_default());
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_blocks_result>();
    aethex_blocks_result { struct_size, error, op, message, retryable, blocks, block_count, next_cursor }
}

pub(crate) fn lend_report(
    lent: &mut Lent,
    head: Head,
    result: Result<ReportId, Error>,
) -> aethex_report_result {
    let report_id = lent.text(result.as_ref().map_or("", |id| id.as_str()));
    let Head { error, op, message, retryable } = head;
    let struct_size = size_for_c::<aethex_report_result>();
    aethex_report_result { struct_size, error, op, message, retryable, report_id }
}
