//! The endpoints of parties.

use super::{Change, not_in_party};
use crate::app::App;
use crate::error::Outcome;
use crate::extract::{Address, Caller, Json, Path};
use crate::http::{answer, mount};
use crate::multiplayer::config::{CHANGE_RATE, CREATE_RATE, JOIN_RATE};
use crate::multiplayer::rooms::Asker;
use aethex_wire::endpoint::None;
use aethex_wire::multiplayer::parties::{
    CreateParty, GetParty, JoinParty, KickFromParty, LeadParty, LeaveParty, PartyPlayerRequest, ReadyParty,
    ReadyRequest,
};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(in crate::multiplayer) fn routes() -> Router<Arc<App>> {
    let router = mount::<CreateParty, _, _>(Router::new(), create_party);
    let router = mount::<GetParty, _, _>(router, get_party);
    let router = mount::<LeaveParty, _, _>(router, leave_party);
    let router = mount::<JoinParty, _, _>(router, join_party);
    let router = mount::<ReadyParty, _, _>(router, ready_party);
    let router = mount::<KickFromParty, _, _>(router, kick_from_party);
    mount::<LeadParty, _, _>(router, lead_party)
}

async fn create_party(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    app.multiplayer.limit("create", &caller.game, &caller.player, CREATE_RATE)?;
    Ok(answer::<CreateParty>(&super::create(&app, Asker::of(&caller)).await?))
}

async fn get_party(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let party = super::of_player(&app, &caller.game, &caller.player).await?;
    Ok(answer::<GetParty>(&party.ok_or_else(not_in_party)?))
}

async fn leave_party(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    super::leave(&app, Asker::of(&caller)).await?;
    Ok(answer::<LeaveParty>(&None {}))
}

async fn join_party(
    State(app): State<Arc<App>>,
    caller: Caller,
    address: Address,
    Path(code): Path<String>,
) -> Outcome<Response> {
    app.multiplayer.limit("join", &caller.game, &caller.player, JOIN_RATE)?;
    Ok(answer::<JoinParty>(&super::join(&app, Asker::from(&caller, address), &code).await?))
}

async fn changed(
    app: &App,
    caller: &Caller,
    change: Change,
) -> Outcome<aethex_wire::multiplayer::parties::Party> {
    app.multiplayer.limit("change", &caller.game, &caller.player, CHANGE_RATE)?;
    super::change(app, Asker::of(caller), change).await
}

async fn ready_party(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<ReadyRequest>,
) -> Outcome<Response> {
    Ok(answer::<ReadyParty>(&changed(&app, &caller, Change::Ready(request.ready)).await?))
}

async fn kick_from_party(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<PartyPlayerRequest>,
) -> Outcome<Response> {
    Ok(answer::<KickFromParty>(&changed(&app, &caller, Change::Kick(request.player_id)).await?))
}

async fn lead_party(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<PartyPlayerRequest>,
) -> Outcome<Response> {
    Ok(answer::<LeadParty>(&changed(&app, &caller, Change::Lead(request.player_id)).await?))
}
