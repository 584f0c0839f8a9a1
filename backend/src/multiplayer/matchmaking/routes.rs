//! The endpoints of matchmaking.

use super::matches::{self, match_not_found};
use super::{backfill, queues, results, ticket_not_found};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json, Path, Query};
use crate::http::{answer, mount};
use crate::multiplayer::config::{CHANGE_RATE, LOOK_RATE, QUEUE_RATE};
use crate::multiplayer::rooms::refused;
use crate::studio::ServerCaller;
use aethex_wire::ErrorCode;
use aethex_wire::endpoint::None;
use aethex_wire::ids::{MatchId, PlayerId, QueueTicketId, RoomId};
use aethex_wire::multiplayer::matchmaking::{
    AcceptMatch, AcceptMatchRequest, CurrentQueueTicket, DeleteQueueRules, GetQueueRules, GetQueueTicket,
    GetRating, JoinQueue, JoinQueueRequest, LeaveQueue, PutQueueRules, QueueRules, RatingQuery, ReportResult,
    ReportResultRequest, ServerStartBackfill, ServerStopBackfill, SettleResult, StartBackfill, StopBackfill,
};
use aethex_wire::studio::Scope;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(in crate::multiplayer) fn routes() -> Router<Arc<App>> {
    let router = mount::<JoinQueue, _, _>(Router::new(), join_queue);
    let router = mount::<GetQueueTicket, _, _>(router, get_ticket);
    let router = mount::<CurrentQueueTicket, _, _>(router, current_ticket);
    let router = mount::<LeaveQueue, _, _>(router, leave_queue);
    let router = mount::<AcceptMatch, _, _>(router, accept_match);
    let router = mount::<ReportResult, _, _>(router, report_result);
    let router = mount::<GetRating, _, _>(router, get_rating);
    let router = mount::<SettleResult, _, _>(router, settle_result);
    let router = mount::<GetQueueRules, _, _>(router, get_rules);
    let router = mount::<PutQueueRules, _, _>(router, put_rules);
    let router = mount::<DeleteQueueRules, _, _>(router, delete_rules);
    let router = mount::<StartBackfill, _, _>(router, start_backfill);
    let router = mount::<StopBackfill, _, _>(router, stop_backfill);
    let router = mount::<ServerStartBackfill, _, _>(router, server_start_backfill);
    mount::<ServerStopBackfill, _, _>(router, server_stop_backfill)
}

fn ticket_id(text: &str) -> Outcome<QueueTicketId> {
    QueueTicketId::parse(text).ok_or_else(ticket_not_found)
}

fn match_id(text: &str) -> Outcome<MatchId> {
    MatchId::parse(text).ok_or_else(match_not_found)
}

fn room_id(text: &str) -> Outcome<RoomId> {
    RoomId::parse(text).ok_or_else(|| refused(ErrorCode::RoomNotFound))
}

async fn join_queue(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<JoinQueueRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("queue", &caller.game, &caller.player, QUEUE_RATE)?;
    Ok(answer::<JoinQueue>(&super::join(&app, &caller, request).await?))
}

async fn get_ticket(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("ticket", &caller.game, &caller.player, LOOK_RATE)?;
    Ok(answer::<GetQueueTicket>(&super::look(&app, &caller, &ticket_id(&id)?).await?))
}

async fn current_ticket(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    app.multiplayer.limit("ticket", &caller.game, &caller.player, LOOK_RATE)?;
    Ok(answer::<CurrentQueueTicket>(&super::look_at_current(&app, &caller).await?))
}

async fn leave_queue(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("queue change", &caller.game, &caller.player, CHANGE_RATE)?;
    super::leave(&app, &caller.game, &caller.player, &ticket_id(&id)?).await?;
    Ok(answer::<LeaveQueue>(&None {}))
}

async fn accept_match(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<AcceptMatchRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("queue change", &caller.game, &caller.player, CHANGE_RATE)?;
    let id = match_id(&id)?;
    matches::word(&app, &caller.game, &id, &caller.player, request.accept).await?;
    Ok(answer::<AcceptMatch>(&super::look_at_ticket_of(&app, &caller, &id).await?))
}

async fn report_result(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<ReportResultRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("result", &caller.game, &caller.player, CHANGE_RATE)?;
    let id = match_id(&id)?;
    let reported = results::report(&app, &caller.game, &id, &caller.player, request).await?;
    Ok(answer::<ReportResult>(&reported))
}

async fn get_rating(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<RatingQuery>,
) -> Outcome<Response> {
    app.multiplayer.limit("rating", &caller.game, &caller.player, LOOK_RATE)?;
    let player = PlayerId::parse(&id).ok_or_else(Failure::not_found)?;
    Ok(answer::<GetRating>(&results::get(&app, &caller.game, &player, &query.mode).await?))
}

async fn settle_result(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(id): Path<String>,
    Json(request): Json<ReportResultRequest>,
) -> Outcome<Response> {
    caller.need(Scope::MultiplayerWrite)?;
    let settled = results::settle_by_server(&app, &caller.game, &match_id(&id)?, request).await?;
    Ok(answer::<SettleResult>(&settled))
}

async fn get_rules(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(mode): Path<String>,
) -> Outcome<Response> {
    caller.need(Scope::MultiplayerRead)?;
    Ok(answer::<GetQueueRules>(&queues::get(&app, &caller.game, &mode).await?))
}

async fn put_rules(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(mode): Path<String>,
    Json(given): Json<QueueRules>,
) -> Outcome<Response> {
    caller.need(Scope::MultiplayerWrite)?;
    Ok(answer::<PutQueueRules>(&queues::put(&app, &caller.game, &mode, given).await?))
}

async fn delete_rules(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(mode): Path<String>,
) -> Outcome<Response> {
    caller.need(Scope::MultiplayerWrite)?;
    queues::delete(&app, &caller.game, &mode).await?;
    Ok(answer::<DeleteQueueRules>(&None {}))
}

async fn start_backfill(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("backfill", &caller.game, &caller.player, CHANGE_RATE)?;
    let started = backfill::start(&app, &caller.game, Some(&caller.player), &room_id(&id)?).await?;
    Ok(answer::<StartBackfill>(&started))
}

async fn stop_backfill(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("backfill", &caller.game, &caller.player, CHANGE_RATE)?;
    backfill::stop(&app, &caller.game, Some(&caller.player), &room_id(&id)?).await?;
    Ok(answer::<StopBackfill>(&None {}))
}

async fn server_start_backfill(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    caller.need(Scope::MultiplayerWrite)?;
    let started = backfill::start(&app, &caller.game, Option::None, &room_id(&id)?).await?;
    Ok(answer::<ServerStartBackfill>(&started))
}

async fn server_stop_backfill(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    caller.need(Scope::MultiplayerWrite)?;
    backfill::stop(&app, &caller.game, Option::None, &room_id(&id)?).await?;
    Ok(answer::<ServerStopBackfill>(&None {}))
}
