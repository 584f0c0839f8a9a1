//! Text chat, blocks and reports.
//!
//! A channel is named by its kind and what it belongs to: `room:<room id>`, `party:<party id>`,
//! `direct:<player id>` (the other one), `channel:<name>`.

use crate::endpoint::{None, endpoint};
use crate::ids::{MessageId, PlayerId, ReportId};
use crate::page::{Page, PageQuery};
use serde::{Deserialize, Serialize};

/// Characters of a message.
pub const MESSAGE_CHARS_MAX: usize = 2_000;
/// Characters of a named channel.
pub const CHANNEL_CHARS_MAX: usize = 64;
/// Players that one can block.
pub const BLOCKS_MAX: usize = 1_000;
/// Characters of a report's words.
pub const REPORT_CHARS_MAX: usize = 1_000;
/// How long a message can be edited, in milliseconds.
pub const EDIT_MS: i64 = 15 * 60 * 1000;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChatMessage {
    /// Its id; ids sort by time.
    pub id: MessageId,
    /// The channel, as the reader names it.
    pub channel: String,
    /// Who wrote it.
    pub from_id: PlayerId,
    /// The writer's name.
    pub from_username: String,
    /// What it says; empty when deleted.
    pub text: String,
    /// When, in milliseconds of Unix time.
    pub sent_at_ms: i64,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at_ms: Option<i64>,
    /// Whether it was deleted.
    #[serde(default)]
    pub deleted: bool,
}

/// A message to send, or its new words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChatText {
    /// What it says: 1 to 2,000 characters.
    pub text: String,
}

/// How far one has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadMark {
    /// The newest message that was read. A mark never goes back.
    pub message_id: MessageId,
}

/// A channel with something in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conversation {
    /// The channel, as the reader names it.
    pub channel: String,
    /// Its newest message.
    pub last: ChatMessage,
    /// Messages of others since the read mark, at most 100.
    pub unread: u32,
}

/// Why a player or a message is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// Who.
    pub player_id: PlayerId,
    /// The message, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// In one word: `abuse`, `spam`, `cheating`, `name`, `other`.
    pub reason: String,
    /// In the player's words.
    #[serde(default)]
    pub text: String,
}

/// The receipt of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Its id.
    pub id: ReportId,
}

/// A report, as a game's moderators read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlayerReport {
    /// Its id; ids sort by time.
    pub id: ReportId,
    /// Who reported.
    pub from_id: PlayerId,
    /// Who is reported.
    pub player_id: PlayerId,
    /// The message, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// What the message said when it was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_text: Option<String>,
    /// In one word.
    pub reason: String,
    /// In the player's words.
    pub text: String,
    /// When, in milliseconds of Unix time.
    pub reported_at_ms: i64,
}

/// A player who is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Block {
    /// Who.
    pub player_id: PlayerId,
    /// The player's name.
    pub username: String,
    /// Since when, in milliseconds of Unix time.
    pub since_ms: i64,
}

endpoint! {
    /// Say something in a channel.
    SendChat, "multiplayer_send_chat", Post "/api/v1/multiplayer/chat/{channel}/messages", Player, 201,
    None, ChatText => ChatMessage
}
endpoint! {
    /// What was said in a channel, newest first.
    ListChat, "multiplayer_list_chat", Get "/api/v1/multiplayer/chat/{channel}/messages", Player, 200,
    PageQuery, None => Page<ChatMessage>
}
endpoint! {
    /// Change one's message, for a while.
    EditChat, "multiplayer_edit_chat", Put "/api/v1/multiplayer/chat/{channel}/messages/{message_id}", Player, 200,
    None, ChatText => ChatMessage
}
endpoint! {
    /// Take one's message back.
    DeleteChat, "multiplayer_delete_chat", Delete "/api/v1/multiplayer/chat/{channel}/messages/{message_id}", Player, 204,
    None, None => None
}
endpoint! {
    /// Say how far one has read.
    ReadChat, "multiplayer_read_chat", Put "/api/v1/multiplayer/chat/{channel}/read", Player, 204,
    None, ReadMark => None
}
endpoint! {
    /// One's conversations, the newest first: direct ones, the party's, the rooms' one is in, named channels joined.
    ListConversations, "multiplayer_list_conversations", Get "/api/v1/multiplayer/chat", Player, 200,
    PageQuery, None => Page<Conversation>
}
endpoint! {
    /// Join a named channel: its messages come over the live connection.
    JoinChannel, "multiplayer_join_channel", Put "/api/v1/multiplayer/chat/{channel}/membership", Player, 204,
    None, None => None
}
endpoint! {
    /// Leave a named channel.
    LeaveChannel, "multiplayer_leave_channel", Delete "/api/v1/multiplayer/chat/{channel}/membership", Player, 204,
    None, None => None
}
endpoint! {
    /// Block a player: no messages, no invitations, no matches together, no presence.
    BlockPlayer, "multiplayer_block_player", Put "/api/v1/multiplayer/blocks/{player_id}", Player, 204,
    None, None => None
}
endpoint! {
    /// Unblock a player.
    UnblockPlayer, "multiplayer_unblock_player", Delete "/api/v1/multiplayer/blocks/{player_id}", Player, 204,
    None, None => None
}
endpoint! {
    /// Whom one blocked.
    ListBlocks, "multiplayer_list_blocks", Get "/api/v1/multiplayer/blocks", Player, 200,
    PageQuery, None => Page<Block>
}
endpoint! {
    /// Report a player or a message to the game's moderators.
    SendReport, "multiplayer_send_report", Post "/api/v1/multiplayer/reports", Player, 201,
    None, ReportRequest => Report
}
endpoint! {
    /// Reads reports of players, newest first. Needs the scope `players:read`.
    ServerListReports, "server_list_reports", Get "/api/v1/server/reports", Server, 200,
    PageQuery, None => Page<PlayerReport>
}
