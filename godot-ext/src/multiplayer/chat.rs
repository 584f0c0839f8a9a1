//! `AeThexCloud.multiplayer.chat`: text chat, blocks and reports.

use super::args::{id, page, request};
use super::social_info::{AeThexBlock, AeThexChatMessage, AeThexConversation};
use crate::call::{self, CALL_TIME_MAX};
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::text;
use crate::user::text as godot_text;
use aethex_sdk_core::wire::ids::{MessageId, ReportId};
use aethex_sdk_core::wire::multiplayer::chat::{Block, ChatMessage, Conversation};
use aethex_sdk_core::wire::page::Page;
use aethex_sdk_core::{ChatChannel, Error, PlayerId};
use godot::builtin::{GString, Signal, Variant};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};

/// Text chat, blocks and reports, as `AeThexCloud.multiplayer.chat`.
///
/// A channel is a text: `"room:" + room_id`, `"party:" + party_id`, `"direct:" + player_id` (the other one), or
/// `"channel:" + name`. Lists take `limit` and `cursor` as options and yield `result.next_cursor`, empty at the end.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexChat {
    base: Base<Object>,
}

#[godot_api]
impl AeThexChat {
    /// Something was said in a channel.
    #[signal]
    fn message_received(message: Gd<AeThexChatMessage>);

    /// A message was edited or deleted.
    #[signal]
    fn message_edited(message: Gd<AeThexChatMessage>);

    /// Says something in a channel. Yields `result.message`.
    #[func]
    fn send(&self, channel: Variant, message: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                Ok(cloud.multiplayer().chat().send(&self::channel(&channel)?, &text(&message, "message")?))
            },
            with_message,
        )
    }

    /// What was said in a channel, newest first. The result can be iterated; the array is also `result.messages`.
    #[func]
    fn history(&self, channel: Variant, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().history(&self::channel(&channel)?, page(&options)?)),
            |page: Page<ChatMessage>| {
                let items = page.items.iter().map(|item| AeThexChatMessage::of(item).to_variant()).collect();
                Ok(Fields::default()
                    .list("messages", items)
                    .with("next_cursor", godot_text(&page.next_cursor.unwrap_or_default())))
            },
        )
    }

    /// Gives one's message other words, for a quarter of an hour. Yields `result.message`.
    #[func]
    fn edit(&self, channel: Variant, message_id: Variant, message: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let (channel, words) = (self::channel(&channel)?, text(&message, "message")?);
                let message = id(&message_id, "message_id", MessageId::parse)?;
                Ok(cloud.multiplayer().chat().edit(&channel, message, &words))
            },
            with_message,
        )
    }

    /// Takes one's message back.
    #[func]
    fn delete(&self, channel: Variant, message_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let message = id(&message_id, "message_id", MessageId::parse)?;
                Ok(cloud.multiplayer().chat().delete(&self::channel(&channel)?, message))
            },
            super::nothing,
        )
    }

    /// Says how far one has read. A mark never goes back.
    #[func]
    fn mark_read(&self, channel: Variant, message_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let message = id(&message_id, "message_id", MessageId::parse)?;
                Ok(cloud.multiplayer().chat().mark_read(&self::channel(&channel)?, message))
            },
            super::nothing,
        )
    }

    /// One's conversations with what is unread, the newest first. The result can be iterated; the array is also
    /// `result.conversations`.
    #[func]
    fn conversations(&self, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().conversations(page(&options)?)),
            |page: Page<Conversation>| {
                let items = page.items.iter().map(|item| AeThexConversation::of(item).to_variant()).collect();
                Ok(Fields::default()
                    .list("conversations", items)
                    .with("next_cursor", godot_text(&page.next_cursor.unwrap_or_default())))
            },
        )
    }

    /// Joins a named channel: its messages come from now on.
    #[func]
    fn join_channel(&self, channel: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().join_channel(&self::channel(&channel)?)),
            super::nothing,
        )
    }

    /// Leaves a named channel.
    #[func]
    fn leave_channel(&self, channel: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().leave_channel(&self::channel(&channel)?)),
            super::nothing,
        )
    }

    /// Blocks a player: no messages, no invitations, no matches together, no presence.
    #[func]
    fn block(&self, player_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().block(id(&player_id, "player_id", PlayerId::parse)?)),
            super::nothing,
        )
    }

    /// Unblocks a player.
    #[func]
    fn unblock(&self, player_id: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().unblock(id(&player_id, "player_id", PlayerId::parse)?)),
            super::nothing,
        )
    }

    /// Whom one blocked. The result can be iterated; the array is also `result.blocks`.
    #[func]
    fn blocked(&self, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().blocked(page(&options)?)),
            |page: Page<Block>| {
                let items = page.items.iter().map(|item| AeThexBlock::of(item).to_variant()).collect();
                Ok(Fields::default()
                    .list("blocks", items)
                    .with("next_cursor", godot_text(&page.next_cursor.unwrap_or_default())))
            },
        )
    }

    /// Reports a player or a message to the game's moderators: `player_id`, `reason` (`"abuse"`, `"spam"`,
    /// `"cheating"`, `"name"` or `"other"`), and perhaps `message_id` and `text`. Yields `result.report_id`.
    #[func]
    fn report(&self, report: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.multiplayer().chat().report(request(&report, "report()")?)),
            |id: ReportId| Ok(Fields::default().with("report_id", GString::from(id.as_str()))),
        )
    }
}

fn channel(value: &Variant) -> Result<ChatChannel, Error> {
    Ok(ChatChannel::parse(&text(value, "channel")?))
}

fn with_message(message: ChatMessage) -> Result<Fields, Error> {
    Ok(Fields::default().with("message", AeThexChatMessage::of(&message)))
}
