//! The endpoints of presence.

use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json};
use crate::http::{answer, mount};
use crate::multiplayer::config::{LOOK_RATE, PRESENCE_RATE};
use aethex_wire::ErrorCode;
use aethex_wire::multiplayer::presence::{
    GetPresences, PRESENCE_PLAYERS_MAX, PresenceRequest, Presences, SetPresence, SetPresenceRequest,
};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(in crate::multiplayer) fn routes() -> Router<Arc<App>> {
    let router = mount::<SetPresence, _, _>(Router::new(), set_presence);
    mount::<GetPresences, _, _>(router, get_presences)
}

async fn set_presence(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(shown): Json<SetPresenceRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("presence", &caller.game, &caller.player, PRESENCE_RATE)?;
    Ok(answer::<SetPresence>(&super::set(&app, &caller.game, &caller.player, shown).await?))
}

async fn get_presences(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<PresenceRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("look", &caller.game, &caller.player, LOOK_RATE)?;
    let PresenceRequest { player_ids: whom, watch } = request;
    if whom.len() > PRESENCE_PLAYERS_MAX {
        return Err(Failure::invalid(format!("Ask for at most {PRESENCE_PLAYERS_MAX} players at once.")));
    }
    // First watched, then looked at: what changes in between is told.
    if watch && !app.multiplayer.watchers.watch(&caller.game, &caller.player, &whom, now_ms()) {
        return Err(Failure::new(ErrorCode::TooLarge, "No more players can be watched."));
    }
    let presences = super::look(&app, &caller.game, &caller.player, &whom).await?;
    Ok(answer::<GetPresences>(&Presences { presences }))
}
