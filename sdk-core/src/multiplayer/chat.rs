//! Text chat, blocks and reports. New messages come as [`super::MultiplayerEvent`]s.

use super::api;
use crate::Error;
use crate::cloud::Shared;
use crate::wire::ids::{MessageId, PartyId, PlayerId, ReportId, RoomId};
use crate::wire::multiplayer::chat::{
    Block, BlockPlayer, ChatMessage, ChatText, Conversation, DeleteChat, EditChat, JoinChannel, LeaveChannel,
    ListBlocks, ListChat, ListConversations, ReadChat, ReadMark, ReportRequest, SendChat, SendReport,
    UnblockPlayer,
};
use crate::wire::page::{Page, PageQuery};
use std::future::Future;
use std::sync::Arc;

/// A channel's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChatChannel(String);

impl ChatChannel {
    /// A room's.
    pub fn room(id: &RoomId) -> ChatChannel {
        ChatChannel(format!("room:{id}"))
    }

    /// A party's.
    pub fn party(id: &PartyId) -> ChatChannel {
        ChatChannel(format!("party:{id}"))
    }

    /// The one with another player.
    pub fn direct(player: &PlayerId) -> ChatChannel {
        ChatChannel(format!("direct:{player}"))
    }

    /// One that players join by its name.
    pub fn named(name: &str) -> ChatChannel {
        ChatChannel(format!("channel:{name}"))
    }

    /// As the backend writes it: `room:…`, `party:…`, `direct:…`, `channel:…`.
    pub fn parse(text: &str) -> ChatChannel {
        ChatChannel(text.to_owned())
    }

    /// As the backend writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text chat.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Chat {
    shared: Arc<Shared>,
}

impl Chat {
    pub(super) fn new(shared: Arc<Shared>) -> Chat {
        Chat { shared }
    }

    /// Opens the player's own connection, so that messages come, before anything else does. Every other call here
    /// does so too.
    pub fn listen(&self) {
        self.shared.want_live();
    }

    /// Says something: 1 to 2,000 characters.
    ///
    /// # Errors
    /// `ChannelNotFound`, `MessageRefused`, `Blocked`, `RateLimited`, `InvalidArgument`, `NotLoggedIn`,
    /// `SessionEnded`, `Offline`, `Timeout`.
    pub fn send(
        &self,
        channel: &ChatChannel,
        text: &str,
    ) -> impl Future<Output = Result<ChatMessage, Error>> + Send + use<> {
        let (channel, body) = (channel.0.clone(), ChatText { text: text.to_owned() });
        self.shared.live_call(move |shared| async move {
            // An answer that is lost is asked for again: the backend says it once.
            api::post_once::<SendChat>(&shared, &[&channel], &body).await
        })
    }

    /// What was said in a channel, newest first.
    ///
    /// # Errors
    /// `ChannelNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn history(
        &self,
        channel: &ChatChannel,
        page: PageQuery,
    ) -> impl Future<Output = Result<Page<ChatMessage>, Error>> + Send + use<> {
        let channel = channel.0.clone();
        self.shared
            .live_call(move |shared| async move { api::query::<ListChat>(&shared, &[&channel], &page).await })
    }

    /// Gives one's message other words, for a quarter of an hour.
    ///
    /// # Errors
    /// `MessageNotFound`, `MessageRefused`, `ChannelNotFound`, `InvalidArgument`, `NotLoggedIn`, `SessionEnded`,
    /// `Offline`, `Timeout`.
    pub fn edit(
        &self,
        channel: &ChatChannel,
        message: MessageId,
        text: &str,
    ) -> impl Future<Output = Result<ChatMessage, Error>> + Send + use<> {
        let (channel, body) = (channel.0.clone(), ChatText { text: text.to_owned() });
        self.shared.live_call(move |shared| async move {
            api::post::<EditChat>(&shared, &[&channel, message.as_str()], &body).await
        })
    }

    /// Takes one's message back.
    ///
    /// # Errors
    /// `MessageNotFound`, `ChannelNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn delete(
        &self,
        channel: &ChatChannel,
        message: MessageId,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let channel = channel.0.clone();
        self.shared.live_call(move |shared| async move {
            api::ask::<DeleteChat>(&shared, &[&channel, message.as_str()]).await.map(|_| ())
        })
    }

    /// Says how far one has read. A mark never goes back.
    ///
    /// # Errors
    /// `MessageNotFound`, `ChannelNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn mark_read(
        &self,
        channel: &ChatChannel,
        message: MessageId,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let channel = channel.0.clone();
        self.shared.live_call(move |shared| async move {
            let mark = ReadMark { message_id: message };
            api::post::<ReadChat>(&shared, &[&channel], &mark).await.map(|_| ())
        })
    }

    /// One's conversations with what is unread, the newest first.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn conversations(
        &self,
        page: PageQuery,
    ) -> impl Future<Output = Result<Page<Conversation>, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::query::<ListConversations>(&shared, &[], &page).await
        })
    }

    /// Joins a named channel: its messages come from now on.
    ///
    /// # Errors
    /// `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn join_channel(
        &self,
        channel: &ChatChannel,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let channel = channel.0.clone();
        self.shared.live_call(move |shared| async move {
            api::ask::<JoinChannel>(&shared, &[&channel]).await.map(|_| ())
        })
    }

    /// Leaves a named channel.
    ///
    /// # Errors
    /// `ChannelNotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn leave_channel(
        &self,
        channel: &ChatChannel,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let channel = channel.0.clone();
        self.shared.live_call(move |shared| async move {
            api::ask::<LeaveChannel>(&shared, &[&channel]).await.map(|_| ())
        })
    }

    /// Blocks a player: no messages, no invitations, no matches together, no presence.
    ///
    /// # Errors
    /// `NotFound`, `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn block(&self, player: PlayerId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::ask::<BlockPlayer>(&shared, &[player.as_str()]).await.map(|_| ())
        })
    }

    /// Unblocks a player.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn unblock(&self, player: PlayerId) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::ask::<UnblockPlayer>(&shared, &[player.as_str()]).await.map(|_| ())
        })
    }

    /// Whom one blocked.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn blocked(
        &self,
        page: PageQuery,
    ) -> impl Future<Output = Result<Page<Block>, Error>> + Send + use<> {
        self.shared
            .live_call(move |shared| async move { api::query::<ListBlocks>(&shared, &[], &page).await })
    }

    /// Reports a player or a message to the game's moderators.
    ///
    /// # Errors
    /// `NotFound`, `MessageNotFound`, `InvalidArgument`, `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`,
    /// `Timeout`.
    pub fn report(
        &self,
        report: ReportRequest,
    ) -> impl Future<Output = Result<ReportId, Error>> + Send + use<> {
        self.shared.live_call(move |shared| async move {
            api::post::<SendReport>(&shared, &[], &report).await.map(|report| report.id)
        })
    }
}
