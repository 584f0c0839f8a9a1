//! The endpoints of rooms.

use super::{Asker, db, hosting, joining, rules};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller, Json, Path, Query};
use crate::http::{answer, mount};
use crate::multiplayer::config::{CHANGE_RATE, CREATE_RATE, JOIN_RATE, LOOK_RATE};
use crate::page::Window;
use aethex_wire::ErrorCode;
use aethex_wire::ids::RoomId;
use aethex_wire::multiplayer::{
    CloseRoom, CreateRoom, CreateRoomRequest, GetRoom, JoinByCode, JoinRoom, JoinRoomRequest, KickPlayer,
    KickRequest, LeaveRoom, ListRooms, RoomsQuery, UpdateRoom, UpdateRoomRequest,
};
use aethex_wire::page::{Page, PageQuery};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(in crate::multiplayer) fn routes() -> Router<Arc<App>> {
    let router = mount::<CreateRoom, _, _>(Router::new(), create_room);
    let router = mount::<ListRooms, _, _>(router, list_rooms);
    let router = mount::<GetRoom, _, _>(router, get_room);
    let router = mount::<UpdateRoom, _, _>(router, update_room);
    let router = mount::<CloseRoom, _, _>(router, close_room);
    let router = mount::<JoinRoom, _, _>(router, join_room);
    let router = mount::<JoinByCode, _, _>(router, join_by_code);
    let router = mount::<LeaveRoom, _, _>(router, leave_room);
    mount::<KickPlayer, _, _>(router, kick_player)
}

impl<'a> Asker<'a> {
    pub(in crate::multiplayer) fn of(caller: &'a Caller) -> Asker<'a> {
        Asker { game: &caller.game, player: &caller.player, address: None }
    }

    pub(in crate::multiplayer) fn from(caller: &'a Caller, address: Address) -> Asker<'a> {
        Asker { address: Some(address.0), ..Asker::of(caller) }
    }
}

fn room_id(text: &str) -> Outcome<RoomId> {
    RoomId::parse(text).ok_or_else(|| rules::refused(ErrorCode::RoomNotFound))
}

async fn create_room(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<CreateRoomRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("create", &caller.game, &caller.player, CREATE_RATE)?;
    Ok(answer::<CreateRoom>(&super::create(&app, Asker::of(&caller), request).await?))
}

async fn list_rooms(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<RoomsQuery>,
) -> Outcome<Response> {
    app.multiplayer.limit("look", &caller.game, &caller.player, LOOK_RATE)?;
    let filter = rules::filter(&query)?;
    let window = Window::of(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    if !window.after.is_empty() && RoomId::parse(&window.after).is_none() {
        return Err(Failure::invalid("`cursor` is not one of ours."));
    }
    let found = db::list(&app.sql, &caller.game, filter, &window.after, window.rows()).await?;
    let page = window.page(found, |room| room.id.as_str().to_owned());
    let items = page.items.into_iter().map(|room| room.told(Vec::new())).collect();
    Ok(answer::<ListRooms>(&Page { items, next_cursor: page.next_cursor }))
}

async fn get_room(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    app.multiplayer.limit("look", &caller.game, &caller.player, LOOK_RATE)?;
    Ok(answer::<GetRoom>(&super::look(&app, Asker::of(&caller), &room_id(&id)?).await?))
}

async fn update_room(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(change): Json<UpdateRoomRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("change", &caller.game, &caller.player, CHANGE_RATE)?;
    Ok(answer::<UpdateRoom>(&hosting::change(&app, Asker::of(&caller), &room_id(&id)?, change).await?))
}

async fn close_room(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("change", &caller.game, &caller.player, CHANGE_RATE)?;
    hosting::close(&app, Asker::of(&caller), &room_id(&id)?).await?;
    Ok(answer::<CloseRoom>(&aethex_wire::endpoint::None {}))
}

async fn join_room(
    State(app): State<Arc<App>>,
    caller: Caller,
    address: Address,
    Path(id): Path<String>,
    Json(request): Json<JoinRoomRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("join", &caller.game, &caller.player, JOIN_RATE)?;
    let asker = Asker::from(&caller, address);
    let joined = super::join(&app, asker, &room_id(&id)?, request.password.as_deref()).await?;
    Ok(answer::<JoinRoom>(&joined))
}

async fn join_by_code(
    State(app): State<Arc<App>>,
    caller: Caller,
    address: Address,
    Path(code): Path<String>,
    Json(request): Json<JoinRoomRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("join", &caller.game, &caller.player, JOIN_RATE)?;
    let asker = Asker::from(&caller, address);
    let joined = joining::join_by_code(&app, asker, &code, request.password.as_deref()).await?;
    Ok(answer::<JoinByCode>(&joined))
}

async fn leave_room(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    super::leave(&app, Asker::of(&caller), &room_id(&id)?).await?;
    Ok(answer::<LeaveRoom>(&aethex_wire::endpoint::None {}))
}

async fn kick_player(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<KickRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("change", &caller.game, &caller.player, CHANGE_RATE)?;
    hosting::kick(&app, Asker::of(&caller), &room_id(&id)?, request).await?;
    Ok(answer::<KickPlayer>(&aethex_wire::endpoint::None {}))
}
