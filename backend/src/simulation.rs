//! A server in a test's hand: no sockets, no threads, no background work of its own; never in what ships.
//!
//! While a [`Host`] is this thread's, time, randomness and ids come from it, the database is in memory and runs
//! in turn, and work that would block runs in place. [`Backend::call`] passes a request through everything that
//! a connection's request passes. [`Backend::crash`] leaves what was committed, and starts again.

pub use crate::multiplayer::live::simulated::{Leaves, RelayRoom};

use crate::app::{App, StartError};
use crate::config::Config;
use crate::context::now_ms;
use crate::extract::Peer;
use crate::ports::sql::Sql;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::cell::RefCell;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// Where a simulated server runs.
pub trait Host: Send + Sync + Debug {
    /// The wall clock, in milliseconds since 1970 UTC.
    fn now_ms(&self) -> i64;

    /// A random number.
    fn random(&self) -> u64;

    /// The time and count of the newest id.
    fn last_id(&self) -> Arc<Mutex<(u64, u16)>>;

    /// How long the next write takes to reach the database, or its answer to come back.
    fn step_time(&self) -> Duration;

    /// A planted fault: another statement in the place of this one.
    fn statement(&self, sql: &str) -> Option<String>;

    /// A planted fault: whether writes are answered before they are committed.
    fn answers_before_commit(&self) -> bool;
}

thread_local! {
    static HOST: RefCell<Option<Arc<dyn Host>>> = const { RefCell::new(None) };
}

/// Makes a host this thread's, or takes it away.
pub fn set_host(host: Option<Arc<dyn Host>>) {
    HOST.set(host);
}

pub(crate) fn host() -> Option<Arc<dyn Host>> {
    HOST.with_borrow(Clone::clone)
}

/// A server. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Backend {
    app: Arc<App>,
    router: Router,
}

impl Backend {
    /// Starts on an empty database. Only with a [`Host`].
    ///
    /// # Errors
    /// As [`crate::Server::start`].
    pub async fn open(config: Config) -> Result<Backend, StartError> {
        let sql = Sql::open_sqlite(&config.data).map_err(|error| StartError(error.to_string()))?;
        sql.migrate(now_ms()).await.map_err(|error| StartError(error.to_string()))?;
        Backend::on(config, sql).await
    }

    async fn on(config: Config, sql: Sql) -> Result<Backend, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let app = Arc::new(
            Box::pin(App::open(config, sql, crate::multiplayer::Engines::local(), false, address)).await?,
        );
        Ok(Backend { router: crate::http::router(app.clone()), app })
    }

    /// The server dies where it stands, and starts again. Requests under way get no answer.
    ///
    /// # Errors
    /// As [`crate::Server::start`].
    pub async fn crash(&self) -> Result<Backend, StartError> {
        let sql = self.app.sql.after_crash();
        let sql = sql.ok_or_else(|| StartError("only a simulated database outlives a crash".into()))?;
        Backend::on(self.app.config.clone(), sql).await
    }

    /// Answers a request from an address, as a connection would.
    pub async fn call(&self, request: http::Request<Bytes>, from: IpAddr) -> http::Response<Bytes> {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Peer(from));
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        http::Response::from_parts(parts, body)
    }
}
