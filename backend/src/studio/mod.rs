//! The studio's side: the people who make games, and what they may do. People are no players, and never made
//! by default: an invitation or the command line makes them.
//!
//! `people` says who calls, `orgs` and `teams` as what, `games` looks after projects, keys and players, `audit`
//! records it all; `holding` is what that knows of players; `rules` decides. All of that is served on an address of its own, off until it is configured.
//! `server` is what games' own servers may ask with a secret key, on the players' address. `cli` does the same
//! as the API, on the database.

mod audit;
pub mod cli;
pub mod config;
mod document;
mod games;
pub(crate) mod holding;
mod orgs;
mod people;
mod rules;
mod secrets;
mod server;
mod teams;

pub(crate) use document::document;
pub(crate) use holding::merge;
pub(crate) use server::ServerCaller;

use crate::app::{App, until_stopped};
use crate::context::now_ms;
use crate::http::mount;
use aethex_wire::ids::ServerKeyId;
use aethex_wire::studio::audit::ListAudit;
use axum::Router;
use config::{FAMILIAR_TTL_MS, SERVER_KEY_CACHE_MAX, SWEEP_PERIOD};
use games::ServerKeyRow;
use quick_cache::sync::Cache;
use std::sync::Arc;
use tokio::sync::watch;

/// State of the studio's side.
#[derive(Debug)]
pub(crate) struct Studio {
    /// Server keys in use, each until it is to be read again.
    server_keys: Cache<ServerKeyId, (Arc<ServerKeyRow>, i64)>,
}

impl Default for Studio {
    fn default() -> Studio {
        Studio { server_keys: Cache::new(SERVER_KEY_CACHE_MAX) }
    }
}

impl Studio {
    /// Forgets a server key that changed.
    fn forget(&self, id: &ServerKeyId) {
        self.server_keys.remove(id);
    }
}

/// What is served on the studio's address.
pub(crate) fn routes() -> Router<Arc<App>> {
    let router = people::routes(Router::new());
    let router = orgs::routes(router);
    let router = teams::routes(router);
    let router = games::routes(router);
    let router = mount::<ListAudit, _, _>(router, audit::list_audit);
    router.merge(document::routes())
}

/// What is served on the players' address: to games' own servers.
pub(crate) fn server_routes() -> Router<Arc<App>> {
    server::routes(Router::new())
}

/// Background work: forgets sessions and invitations that are over, and old entries of the audit log.
pub(crate) async fn tend(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut sweep = tokio::time::interval(SWEEP_PERIOD);
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                let now = now_ms();
                for swept in [
                    people::db::sweep(&app.sql, now, now - FAMILIAR_TTL_MS).await,
                    orgs::db::sweep(&app.sql, now).await,
                    audit::sweep(&app.sql, now, app.config.studio.audit_days).await,
                ] {
                    if let Err(error) = swept {
                        tracing::warn!(%error, "cannot sweep the studio's sessions, invitations and audit log");
                    }
                }
            }
            () = until_stopped(&mut stopped) => return,
        }
    }
}
