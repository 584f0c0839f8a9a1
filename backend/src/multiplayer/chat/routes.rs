//! The endpoints of chat.

use super::config::{MEMBER_RATE, READ_RATE, SEND_RATE};
use super::{blocks, message_not_found, reports, rules};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json, Path, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use crate::saves::idempotency_key;
use aethex_wire::endpoint::None as Nothing;
use aethex_wire::ids::MessageId;
use aethex_wire::multiplayer::chat::{
    ChatText, DeleteChat, EditChat, JoinChannel, LeaveChannel, ListChat, ListConversations, ReadChat,
    ReadMark, SendChat,
};
use aethex_wire::page::PageQuery;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use std::sync::Arc;

pub(in crate::multiplayer) fn routes() -> Router<Arc<App>> {
    let router = mount::<SendChat, _, _>(Router::new(), send_chat);
    let router = mount::<ListChat, _, _>(router, list_chat);
    let router = mount::<EditChat, _, _>(router, edit_chat);
    let router = mount::<DeleteChat, _, _>(router, delete_chat);
    let router = mount::<ReadChat, _, _>(router, read_chat);
    let router = mount::<ListConversations, _, _>(router, list_conversations);
    let router = mount::<JoinChannel, _, _>(router, join_channel);
    let router = mount::<LeaveChannel, _, _>(router, leave_channel);
    reports::routes(blocks::routes(router))
}

/// The part of a list of messages that is asked for.
fn window(query: &PageQuery) -> Outcome<Window> {
    let window = Window::of(query)?;
    match rules::is_message(&window.after) {
        true => Ok(window),
        false => Err(Failure::invalid("`cursor` is not one of ours.")),
    }
}

async fn send_chat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(channel): Path<String>,
    headers: HeaderMap,
    Json(said): Json<ChatText>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat", &caller.game, &caller.player, SEND_RATE)?;
    let key = idempotency_key(&headers)?;
    Ok(answer::<SendChat>(&super::send(&app, &caller, &channel, &said.text, key).await?))
}

async fn list_chat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(channel): Path<String>,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat_read", &caller.game, &caller.player, READ_RATE)?;
    Ok(answer::<ListChat>(&super::list(&app, &caller, &channel, &window(&query)?).await?))
}

async fn edit_chat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((channel, id)): Path<(String, String)>,
    Json(said): Json<ChatText>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat", &caller.game, &caller.player, SEND_RATE)?;
    let id = MessageId::parse(&id).ok_or_else(message_not_found)?;
    Ok(answer::<EditChat>(&super::edit(&app, &caller, &channel, &id, &said.text).await?))
}

async fn delete_chat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((channel, id)): Path<(String, String)>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat", &caller.game, &caller.player, SEND_RATE)?;
    let id = MessageId::parse(&id).ok_or_else(message_not_found)?;
    super::delete(&app, &caller, &channel, &id).await?;
    Ok(answer::<DeleteChat>(&Nothing {}))
}

async fn read_chat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(channel): Path<String>,
    Json(mark): Json<ReadMark>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat_read", &caller.game, &caller.player, READ_RATE)?;
    super::read(&app, &caller, &channel, &mark.message_id).await?;
    Ok(answer::<ReadChat>(&Nothing {}))
}

async fn list_conversations(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat_read", &caller.game, &caller.player, READ_RATE)?;
    Ok(answer::<ListConversations>(&super::conversations(&app, &caller, &window(&query)?).await?))
}

async fn join_channel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(channel): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat_member", &caller.game, &caller.player, MEMBER_RATE)?;
    super::join(&app, &caller, &channel).await?;
    Ok(answer::<JoinChannel>(&Nothing {}))
}

async fn leave_channel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(channel): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("chat_member", &caller.game, &caller.player, MEMBER_RATE)?;
    super::leave(&app, &caller, &channel).await?;
    Ok(answer::<LeaveChannel>(&Nothing {}))
}
