//! The door of WebSockets: the upgrade, and who is asked about text clients.

use super::{Hub, Relay};
use crate::app::App;
use crate::error::Failure;
use aethex_wire::multiplayer::LIVE_PATH;
use axum::Router;
use axum::routing;
use std::sync::Arc;

/// The endpoint of live connections.
pub(crate) fn routes(relay: Relay, hub: Hub) -> Router<Arc<App>> {
    Router::new().route(
        LIVE_PATH,
        routing::get(move || {
            let _ = (relay.clone(), hub.clone());
            async { Failure::overloaded() }
        }),
    )
}
