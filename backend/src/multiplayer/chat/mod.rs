//! Text chat: in rooms, parties, named channels and between two players.
//!
//! A message is judged ([`moderation`]), written, then told to the personal connections of those who are in the
//! channel and did not block the speaker. Who is not here finds it in the history and among the conversations.
//! Messages of rooms and parties go with them, all others after `multiplayer.chat.kept_days`.

mod blocks;
pub(super) mod config;
mod db;
mod moderation;
mod reports;
mod routes;
mod rules;
#[cfg(test)]
mod tests;
mod words;

pub(super) use routes::routes;

use super::config::SWEEP_BATCH;
use super::{parties, presence, rooms};
use crate::app::{App, StartError};
use crate::auth::usernames;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::Caller;
use crate::page::Window;
use aethex_wire::ErrorCode;
use aethex_wire::ids::{GameId, MessageId, PlayerId};
use aethex_wire::multiplayer::chat::{ChatMessage, Conversation, EDIT_MS};
use aethex_wire::multiplayer::events::ServerEvent;
use aethex_wire::page::Page;
use config::{AUDIENCE_PAGE, BEGIN_RATE, CHANNEL_RATE, CHANNELS_MAX, ChatConfig, UNREAD_MAX};
use db::{MessageRow, Once};
use futures_util::FutureExt;
use moderation::{Moderation, Said};
use rules::{Channel, as_named_by};

/// State of chat.
#[derive(Debug)]
pub(super) struct Chat {
    moderation: Moderation,
}

impl Chat {
    pub(super) fn open(config: &ChatConfig) -> Result<Chat, StartError> {
        Ok(Chat { moderation: Moderation::open(config).map_err(StartError)? })
    }
}

fn channel_not_found() -> Failure {
    Failure::new(ErrorCode::ChannelNotFound, "There is no such channel, or you are not in it.")
}

fn message_not_found() -> Failure {
    Failure::new(ErrorCode::MessageNotFound, "There is no such message, or it is not yours to change.")
}

/// A channel that the caller names, with what it is kept under, whether the caller is in it or not.
fn named(caller: &Caller, channel: &str) -> Outcome<(Channel, String)> {
    let channel = Channel::parse(channel, &caller.player).ok_or_else(channel_not_found)?;
    let key = channel.key(&caller.player);
    Ok((channel, key))
}

/// A channel that the caller is in.
async fn enter(app: &App, caller: &Caller, channel: &str) -> Outcome<(Channel, String)> {
    let (channel, key) = named(caller, channel)?;
    let Caller { game, player, .. } = caller;
    let is_in = match &channel {
        Channel::Room(room) => rooms::has_seat(app, game, player, room).await?,
        Channel::Party(party) => parties::players(app, game, party).await?.contains(player),
        Channel::Direct(other) => !usernames(app, game, std::slice::from_ref(other)).await?.is_empty(),
        Channel::Named(_) => db::has_player(&app.sql, game, player, &key).await?,
    };
    if is_in { Ok((channel, key)) } else { Err(channel_not_found()) }
}

/// Says something. Under the same idempotency key it is said once, and the answer is the first one's.
async fn send(
    app: &App,
    caller: &Caller,
    channel: &str,
    text: &str,
    idempotency_key: Option<String>,
) -> Outcome<ChatMessage> {
    rules::check_text(text).map_err(Failure::invalid)?;
    let (channel, key) = enter(app, caller, channel).await?;
    let once = idempotency_key.map(|once| Once { key: once, request_hash: rules::request_hash(&key, text) });
    if let Some(said) = said_before(app, caller, once.as_ref()).await? {
        return Ok(said);
    }
    match &channel {
        Channel::Direct(_) if !db::has_player(&app.sql, &caller.game, &caller.player, &key).await? => {
            app.multiplayer.limit("chat_begin", &caller.game, &caller.player, BEGIN_RATE)?;
        }
        Channel::Direct(_) => {}
        _ => {
            let of_channel = ("chat_channel", &caller.game, key.as_str());
            let taken = app.multiplayer.limiter.take(of_channel, CHANNEL_RATE, now_ms());
            taken.map_err(Failure::rate_limited)?;
        }
    }
    let text = moderated(app, caller, &key, text).await?;
    let row = MessageRow {
        id: MessageId::parse(&new_id()).expect("ids are made in their canonical spelling"),
        channel: key,
        from: caller.player.clone(),
        text,
        sent_at_ms: now_ms(),
        edited_at_ms: None,
        deleted: false,
    };
    let (written, once_more) = (row.clone(), once.clone());
    let scope = app.sql.game(&caller.game);
    let sent = scope.transaction(move |tx| {
        async move {
            let MessageRow { id, channel: key, from, .. } = &written;
            if !db::insert(tx, &written, once_more.as_ref()).await? {
                return Ok(false);
            }
            if let Channel::Direct(other) = &channel {
                if blocks::stands(tx, from, other).await? {
                    return Err(blocks::blocked());
                }
                db::put_player(tx, other, key, id.as_str()).await?;
            }
            if !matches!(channel, Channel::Named(_)) {
                db::put_player(tx, from, key, id.as_str()).await?;
            }
            Ok::<_, Failure>(true)
        }
        .boxed()
    });
    if !sent.await? {
        // Of two at once the second finds what the first wrote.
        let said = said_before(app, caller, once.as_ref()).await?;
        return said.ok_or_else(Failure::overloaded);
    }
    metrics::counter!("chat_messages_total").increment(1);
    told_to_all(app, caller, row, ServerEvent::ChatMessage).await
}

/// What the caller sent before under the same key, if it was the same.
async fn said_before(app: &App, caller: &Caller, once: Option<&Once>) -> Outcome<Option<ChatMessage>> {
    let Some(Once { key, request_hash }) = once else { return Ok(None) };
    let Caller { game, player, .. } = caller;
    let Some((row, first_hash)) = db::sent_before(&app.sql, game, player, key).await? else {
        return Ok(None);
    };
    if first_hash.is_some_and(|first| first != *request_hash) {
        let words = "This Idempotency-Key was used with another message: use a new key for a new message.";
        return Err(Failure::new(ErrorCode::IdempotencyMismatch, words));
    }
    let mut names = usernames(app, game, std::slice::from_ref(player)).await?;
    Ok(Some(told(row, names.remove(player).unwrap_or_default(), player)))
}

async fn moderated(app: &App, caller: &Caller, key: &str, text: &str) -> Outcome<String> {
    let said = Said { game: &caller.game, player: &caller.player, channel: key, text };
    app.multiplayer.chat.moderation.pass(said).await
}

/// Tells a message to all who are in its channel; as its writer sees it.
async fn told_to_all(
    app: &App,
    caller: &Caller,
    row: MessageRow,
    event: fn(ChatMessage) -> ServerEvent,
) -> Outcome<ChatMessage> {
    let mut names = usernames(app, &caller.game, std::slice::from_ref(&row.from)).await?;
    let username = names.remove(&row.from).unwrap_or_default();
    if let Err(failure) = tell(app, &caller.game, &row, &username, event).await {
        // It is written: who is not told finds it.
        tracing::warn!(%failure, "cannot tell of a message");
    }
    Ok(told(row, username, &caller.player))
}

async fn tell(
    app: &App,
    game: &GameId,
    row: &MessageRow,
    username: &str,
    event: fn(ChatMessage) -> ServerEvent,
) -> Outcome<()> {
    let is_named = row.channel.starts_with("channel:");
    let mut after = String::new();
    loop {
        let some = db::audience(&app.sql, game, &row.channel, &row.from, &after, AUDIENCE_PAGE).await?;
        for reader in &some {
            // Many in a named channel are not here.
            if !is_named || presence::is_here(app, game, reader).await {
                let message = told(row.clone(), username.to_owned(), reader);
                app.multiplayer.hub.tell(game, reader, &event(message));
            }
        }
        match some.last() {
            Some(last) if some.len() as i64 == AUDIENCE_PAGE => after = last.as_str().to_owned(),
            _ => return Ok(()),
        }
    }
}

fn told(row: MessageRow, from_username: String, reader: &PlayerId) -> ChatMessage {
    ChatMessage {
        id: row.id,
        channel: as_named_by(&row.channel, reader),
        from_id: row.from,
        from_username,
        text: row.text,
        sent_at_ms: row.sent_at_ms,
        edited_at_ms: row.edited_at_ms,
        deleted: row.deleted,
    }
}

async fn edit(app: &App, caller: &Caller, channel: &str, id: &MessageId, text: &str) -> Outcome<ChatMessage> {
    rules::check_text(text).map_err(Failure::invalid)?;
    let (_, key) = enter(app, caller, channel).await?;
    let now = now_ms();
    let may = |row: &MessageRow| row.from == caller.player && !row.deleted && row.sent_at_ms >= now - EDIT_MS;
    db::find(&app.sql, &caller.game, &key, id).await?.filter(may).ok_or_else(message_not_found)?;
    let text = moderated(app, caller, &key, text).await?;
    let words = (text.as_str(), now, now - EDIT_MS);
    let changed = db::edit(&app.sql, &caller.game, &key, id, &caller.player, words).await?;
    told_to_all(app, caller, changed.ok_or_else(message_not_found)?, ServerEvent::ChatEdited).await
}

/// Takes a message back, also of a channel that its writer is no longer in.
async fn delete(app: &App, caller: &Caller, channel: &str, id: &MessageId) -> Outcome<()> {
    let (_, key) = named(caller, channel)?;
    let gone = db::delete(&app.sql, &caller.game, &key, id, &caller.player).await?;
    told_to_all(app, caller, gone.ok_or_else(message_not_found)?, ServerEvent::ChatEdited).await.map(drop)
}

/// What was said in a channel, newest first.
async fn list(app: &App, caller: &Caller, channel: &str, window: &Window) -> Outcome<Page<ChatMessage>> {
    let (_, key) = enter(app, caller, channel).await?;
    let Caller { game, player, .. } = caller;
    let found = db::list(&app.sql, game, &key, player, &window.after, window.rows()).await?;
    let page = window.page(found, |row| row.id.as_str().to_owned());
    let mut writers: Vec<PlayerId> = page.items.iter().map(|row| row.from.clone()).collect();
    writers.sort_unstable();
    writers.dedup();
    let names = usernames(app, game, &writers).await?;
    let name = |row: &MessageRow| names.get(&row.from).cloned().unwrap_or_default();
    let items = page.items.into_iter().map(|row| {
        let name = name(&row);
        told(row, name, player)
    });
    Ok(Page { items: items.collect(), next_cursor: page.next_cursor })
}

/// Says how far the caller has read: not back, and to a message that is there.
async fn read(app: &App, caller: &Caller, channel: &str, id: &MessageId) -> Outcome<()> {
    let (_, key) = enter(app, caller, channel).await?;
    db::find(&app.sql, &caller.game, &key, id).await?.ok_or_else(message_not_found)?;
    Ok(db::mark(&app.sql, &caller.game, &caller.player, &key, id).await?)
}

/// The caller's conversations, the one with the newest message first.
async fn conversations(app: &App, caller: &Caller, window: &Window) -> Outcome<Page<Conversation>> {
    let Caller { game, player, .. } = caller;
    let found = db::conversations(&app.sql, game, player, &window.after, UNREAD_MAX, window.rows()).await?;
    let page = window.page(found, |(last, _)| last.id.as_str().to_owned());
    let writers: Vec<PlayerId> = page.items.iter().map(|(last, _)| last.from.clone()).collect();
    let names = usernames(app, game, &writers).await?;
    let shown = |(last, unread): (MessageRow, i64)| {
        let name = names.get(&last.from).cloned().unwrap_or_default();
        let last = told(last, name, player);
        Conversation {
            channel: last.channel.clone(),
            last,
            unread: u32::try_from(unread).unwrap_or_default(),
        }
    };
    Ok(Page { items: page.items.into_iter().map(shown).collect(), next_cursor: page.next_cursor })
}

async fn join(app: &App, caller: &Caller, channel: &str) -> Outcome<()> {
    let (channel, key) = named(caller, channel)?;
    let Channel::Named(name) = &channel else {
        return Err(Failure::invalid("Only named channels (`channel:<name>`) are joined and left."));
    };
    app.multiplayer.chat.moderation.check_name(name)?;
    let player = caller.player.clone();
    let players_max = i64::from(app.config.multiplayer.chat.channel_players_max);
    let scope = app.sql.game(&caller.game);
    let joined = scope.transaction(move |tx| {
        async move {
            let (channels, players) = db::counts(tx, &player, &key).await?;
            if channels >= CHANNELS_MAX {
                let detail =
                    format!("A player is in at most {CHANNELS_MAX} named channels: leave one first.");
                return Err(Failure::new(ErrorCode::TooLarge, detail));
            }
            if players >= players_max {
                return Err(Failure::new(ErrorCode::TooLarge, "The channel has as many players as it may."));
            }
            Ok::<_, Failure>(db::join(tx, &player, &key).await?)
        }
        .boxed()
    });
    joined.await
}

async fn leave(app: &App, caller: &Caller, channel: &str) -> Outcome<()> {
    let (channel, key) = named(caller, channel)?;
    let is_named = matches!(channel, Channel::Named(_));
    match is_named && db::leave(&app.sql, &caller.game, &caller.player, &key).await? {
        true => Ok(()),
        false => Err(channel_not_found()),
    }
}

/// Removes messages and reports that are older than they are kept, and messages of rooms and parties that are gone.
pub(crate) async fn sweep(app: &App, now_ms: i64) -> Outcome<()> {
    let full = SWEEP_BATCH.unsigned_abs();
    let before_ms = now_ms - app.config.multiplayer.chat.kept_ms();
    while db::sweep_old(&app.sql, before_ms, SWEEP_BATCH).await? == full {}
    let ids = rules::ids_before(before_ms);
    while db::sweep_direct(&app.sql, &ids, SWEEP_BATCH).await? == full {}
    while db::sweep_gone(&app.sql, SWEEP_BATCH).await? >= full {}
    let before_ms = now_ms - app.config.multiplayer.chat.reports_kept_ms();
    while reports::sweep(&app.sql, before_ms, SWEEP_BATCH).await? == full {}
    Ok(())
}
