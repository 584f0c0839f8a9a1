//! The running server: opens the engines, accepts connections, drains them.

use crate::auth::Auth;
use crate::config::Config;
pub use crate::context::now_ms;
use crate::extract::{BODY_BUDGET_KIB, Peer};
use crate::jobs::Jobs;
use crate::mail::Mailroom;
use crate::multiplayer::{Engines, Multiplayer};
use crate::ports::blob::Blob;
use crate::ports::sql::Sql;
use crate::saves::seal::Seal;
use crate::saves::{Checking, Plains, Replaced, Usage};
use crate::studio::Studio;
use axum::Router;
use axum::body::Body;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// Largest head of a request, all headers together.
const HEAD_LEN_MAX: usize = 32 * 1024;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// How long a client may take nothing of an answer that is being sent to it.
const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often an HTTP/2 client is asked whether it is there.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long an HTTP/2 client may say nothing, answers to pings included.
const H2_SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// Deadline for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last answers may take to leave once no request is being handled.
const LAST_BYTES: Duration = Duration::from_secs(1);
/// Pause after `accept` failed (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What handlers share.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) sql: Sql,
    pub(crate) blob: Blob,
    pub(crate) auth: Auth,
    pub(crate) usage: Usage,
    pub(crate) seal: Seal,
    pub(crate) plains: Plains,
    pub(crate) checking: Checking,
    pub(crate) replaced: Replaced,
    pub(crate) studio: Studio,
    pub(crate) jobs: Jobs,
    pub(crate) mail: Mailroom,
    pub(crate) multiplayer: Multiplayer,
    pub(crate) body_budget: Arc<Semaphore>,
    pub(crate) answer_budget: Arc<Semaphore>,
    pub(crate) heavy_work: Arc<Semaphore>,
    pub(crate) in_flight: InFlight,
    pub(crate) tls: bool,
    pub(crate) address: SocketAddr,
    draining: AtomicBool,
}

impl App {
    /// Opens everything that handlers share, on a database whose schema is up to date.
    pub(crate) async fn open(
        config: Config,
        sql: Sql,
        engines: Engines,
        tls: bool,
        address: SocketAddr,
    ) -> Result<App, StartError> {
        let blob = Blob::from_config(&config).map_err(|error| StartError(error.0))?;
        blob.reach().await.map_err(|error| StartError(error.0))?;
        let auth = Auth::open(&config, &sql).await?;
        let seal = Seal::open(&config, &sql).await?;
        let mail = Mailroom::open(&config)?;
        let multiplayer = Multiplayer::open(engines, &config.multiplayer, &auth.keys().secret)?;
        Ok(App {
            config,
            sql,
            blob,
            auth,
            usage: Usage::default(),
            seal,
            plains: Plains::default(),
            checking: Checking::default(),
            replaced: Replaced::default(),
            studio: Studio::default(),
            jobs: Jobs::default(),
            mail,
            multiplayer,
            heavy_work: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
            body_budget: Arc::new(Semaphore::new(BODY_BUDGET_KIB)),
            answer_budget: Arc::new(Semaphore::new(BODY_BUDGET_KIB)),
            in_flight: InFlight::default(),
            tls,
            address,
            draining: AtomicBool::new(false),
        })
    }

    /// Where players and browsers reach the API.
    pub(crate) fn public_url(&self) -> String {
        match self.config.public_url.trim_end_matches('/') {
            "" => {
                let scheme = if self.tls { "https" } else { "http" };
                format!("{scheme}://{}", self.address)
            }
            url => url.to_owned(),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Counts requests that are being handled, so that a stop waits for them and for nothing else.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    ended: Notify,
}

/// A request that is being handled.
#[derive(Debug)]
pub(crate) struct Handling<'a>(&'a InFlight);

impl InFlight {
    pub(crate) fn enter(&self) -> Handling<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        Handling(self)
    }

    async fn none(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count.load(Ordering::Relaxed) == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

/// Why a server does not start, in words for its operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl StartError {
    fn of(
        what: impl std::fmt::Display,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> StartError {
        move |error| StartError(format!("{what}: {error}"))
    }
}

/// A running server. [`Server::stop`] drains it; dropping it cuts it off.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    studio_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    /// What this server shares with others of this process.
    shared: Shared,
}

/// The engines that servers beside each other have in common. The last to stop closes them.
#[derive(Debug, Clone)]
struct Shared {
    engines: Engines,
    users: Arc<()>,
}

/// Opens the database that the configuration names.
pub async fn open_sql(config: &Config) -> Result<Sql, StartError> {
    if config.database.url.is_empty() {
        make_private_folder(&config.data)?;
        Sql::open_sqlite(&config.data).map_err(|error| StartError::of("SQLite")(error.into()))
    } else {
        Sql::open_postgres(&config.database.url, config.database.connections_max)
            .await
            .map_err(|error| StartError::of("cannot use the database of `database.url`")(error.into()))
    }
}

/// Makes a folder that only its owner may look into: it holds emails, password hashes and keys.
fn make_private_folder(folder: &std::path::Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(folder);
    made.map_err(|error| StartError(format!("cannot make the data folder {}: {error}", folder.display())))
}

impl Server {
    /// Opens the engines, brings the schema up to date, listens and serves.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        config.check().map_err(|error| StartError(error.to_string()))?;
        make_private_folder(&config.data)?;
        let sql = open_sql(&config).await?;
        sql.migrate(now_ms()).await.map_err(|error| StartError::of("cannot migrate")(error.into()))?;
        let shared = Shared { engines: Engines::local(), users: Arc::default() };
        Server::serve(config, sql, shared).await
    }

    /// Starts a server that has another's database, bus and cache: two of a fleet in one process. `config` names
    /// the same data folder and blob store.
    pub fn start_beside(
        other: &Server,
        config: Config,
    ) -> impl Future<Output = Result<Server, StartError>> + Send + use<> {
        let (sql, shared) = (other.app.sql.clone(), other.shared.clone());
        async move {
            config.check().map_err(|error| StartError(error.to_string()))?;
            Server::serve(config, sql, shared).await
        }
    }

    async fn serve(config: Config, sql: Sql, shared: Shared) -> Result<Server, StartError> {
        let tls = tls(&config)?;
        let (listener, address) = bind(&config.listen, "listen").await?;
        let studio = match config.studio.listen.as_str() {
            "" => None,
            listen => Some(bind(listen, "studio.listen").await?),
        };
        let (stop, stopped) = watch::channel(false);
        let connections_max = config.http.connections_max;
        let app =
            Arc::new(Box::pin(App::open(config, sql, shared.engines.clone(), tls.is_some(), address)).await?);
        app.multiplayer.start(&app.config, address)?;
        crate::multiplayer::begin(&app, Arc::strong_count(&shared.users) > 1).await?;
        let listening = |router: Router, connections_max: usize| Listening {
            app: app.clone(),
            router,
            versions: Versions::new(&app.config),
            tls: tls.clone(),
            drain: Duration::from_millis(app.config.http.drain_timeout_ms),
            connections: Arc::new(Semaphore::new(connections_max)),
        };
        let players = listening(crate::http::router(app.clone()), connections_max as usize);
        let mut tasks = vec![
            tokio::spawn(players.run(listener, stopped.clone())),
            tokio::spawn(crate::auth::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::saves::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::saves::seal::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::studio::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::jobs::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::privacy::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::multiplayer::tend(app.clone(), stopped.clone())),
        ];
        let studio_address = studio.as_ref().map(|(_, address)| *address);
        if let Some((listener, address)) = studio {
            let router = crate::http::studio_router(app.clone());
            let people = listening(router, crate::studio::config::CONNECTIONS_MAX);
            tasks.push(tokio::spawn(people.run(listener, stopped.clone())));
            tracing::info!(%address, "serving the studio's API");
        }
        if !app.config.metrics_listen.is_empty() {
            tasks.push(tokio::spawn(crate::metrics::listen(&app.config.metrics_listen, stopped).await?));
        }
        tracing::info!(%address, engine = app.sql.engine(), blob = app.blob.engine(), "serving");
        Ok(Server { app, address, studio_address, stop, tasks, shared })
    }

    /// What handlers share, of a server that does nothing by itself.
    #[cfg(test)]
    pub(crate) async fn app_for_tests(config: Config) -> Arc<App> {
        let server = Server::start(config).await.map_err(|error| error.to_string());
        server.map(|server| server.app.clone()).expect("the server starts")
    }

    /// Does now what the background does with saves when it is `now_ms`: takes away what retention does not keep.
    pub fn sweep_saves(&self, now_ms: i64) -> impl Future<Output = Result<(), StartError>> + Send + use<> {
        let app = self.app.clone();
        async move {
            let done = crate::saves::sweep_at(&app, now_ms).await;
            done.map_err(|error| StartError::of("cannot sweep saves")(error.into()))
        }
    }

    /// Does now what the background does with rooms when it is `now_ms`: frees seats that nobody came for, closes
    /// rooms that nobody is in.
    pub fn sweep_rooms(&self, now_ms: i64) -> impl Future<Output = Result<(), StartError>> + Send + use<> {
        let app = self.app.clone();
        async move {
            let done = crate::multiplayer::rooms::sweep(&app, now_ms).await;
            done.map_err(|failure| StartError(format!("cannot sweep rooms: {failure}")))
        }
    }

    /// Does now what the background does with queues when it is `now_ms`: ends tickets that are old or whose players
    /// are gone, calls off matches that were not accepted.
    pub fn sweep_queues(&self, now_ms: i64) -> impl Future<Output = ()> + Send + use<> {
        let app = self.app.clone();
        async move { crate::multiplayer::sweep_queues(&app, now_ms).await }
    }

    /// Does now what the background does with messages when it is `now_ms`: removes those that are no longer kept.
    pub fn sweep_chat(&self, now_ms: i64) -> impl Future<Output = Result<(), StartError>> + Send + use<> {
        let app = self.app.clone();
        async move {
            let done = crate::multiplayer::chat::sweep(&app, now_ms).await;
            done.map_err(|failure| StartError(format!("cannot sweep messages: {failure}")))
        }
    }

    /// The address that the API listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Where the API is, as a base URL.
    pub fn url(&self) -> String {
        let scheme = if self.app.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where the studio's API is, as a base URL, when it is on.
    pub fn studio_url(&self) -> Option<String> {
        let scheme = if self.app.tls { "https" } else { "http" };
        self.studio_address.map(|address| format!("{scheme}://{address}"))
    }

    /// The default game's publishable client key.
    pub fn client_key(&self) -> &str {
        self.app.auth.default_client_key()
    }

    /// Stops accepting, lets open requests finish within the drain deadline, closes the engines.
    pub async fn stop(mut self) {
        self.app.draining.store(true, Ordering::Relaxed);
        let _ = self.stop.send(true);
        let drain = Duration::from_millis(self.app.config.http.drain_timeout_ms) + LAST_BYTES;
        let deadline = tokio::time::Instant::now() + drain;
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
        if Arc::strong_count(&self.shared.users) == 1 {
            self.app.sql.close().await;
        }
        tracing::info!("stopped");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn bind(address: &str, setting: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed =
        |error: std::io::Error| StartError(format!("cannot listen on `{address}` (`{setting}`): {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Ends when the server is asked to stop.
pub(crate) async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // A sender that is gone has stopped as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

struct Listening {
    app: Arc<App>,
    router: Router,
    versions: Versions,
    tls: Option<tokio_rustls::TlsAcceptor>,
    drain: Duration,
    connections: Arc<Semaphore>,
}

impl Listening {
    async fn run(self, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let mut open = tokio::task::JoinSet::new();
        loop {
            let room = self.connections.clone().acquire_owned();
            let accepted = tokio::select! {
                accepted = async { (room.await, listener.accept().await) } => accepted,
                () = until_stopped(&mut stopped) => break,
            };
            let (Ok(room), Ok((stream, peer))) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let connecting = Connecting {
                router: self.router.clone(),
                versions: self.versions.clone(),
                tls: self.tls.clone(),
                watcher: graceful.watcher(),
                stopped: stopped.clone(),
            };
            open.spawn(async move {
                let _room = room;
                serve(stream, peer, connecting).await;
            });
            while open.try_join_next().is_some() {}
        }
        drop(listener);
        // Connections end when they are idle; one that holds half a request is cut off once nobody is served.
        let drained = async {
            let closed = async {
                graceful.shutdown().await;
                while open.join_next().await.is_some() {}
            };
            tokio::pin!(closed);
            let idle = async {
                self.app.in_flight.none().await;
                tokio::time::sleep(LAST_BYTES).await;
            };
            tokio::select! {
                () = &mut closed => {}
                () = idle => {}
            }
        };
        let _ = tokio::time::timeout(self.drain, drained).await;
        open.shutdown().await;
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, shared: Connecting) {
    let _ = stream.set_nodelay(true);
    let mut stream = Box::pin(TimeoutStream::new(stream));
    stream.as_mut().set_write_timeout_pinned(Some(WRITE_STALL_TIMEOUT));
    // No guessing of versions by the first bytes, for they may never come: TLS names HTTP/2 by ALPN, and
    // without TLS there is only HTTP/1.1.
    let Some(tls) = &shared.tls else { return converse(stream, peer, shared, false).await };
    let Ok(Ok(mut stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await else {
        return;
    };
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if h2 {
        stream.get_mut().0.as_mut().set_read_timeout_pinned(Some(H2_SILENCE_TIMEOUT));
    }
    converse(stream, peer, shared, h2).await;
}

/// Runs a connection to its end. One that breaks is its client's affair.
async fn converse<S>(stream: S, peer: SocketAddr, shared: Connecting, h2: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = shared.router;
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.clone().oneshot(request.map(Body::new))
    });
    let stream = TokioIo::new(stream);
    if h2 {
        let connection = shared.versions.h2.serve_connection(stream, service);
        let _ = shared.watcher.watch(connection).await;
    } else {
        // A WebSocket leaves with its socket, and this ends.
        let connection = shared.versions.h1.serve_connection(stream, service).with_upgrades();
        tokio::pin!(connection);
        let mut stopped = shared.stopped;
        tokio::select! {
            _ = connection.as_mut() => return,
            () = until_stopped(&mut stopped) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// How each version of HTTP is spoken.
#[derive(Debug, Clone)]
struct Versions {
    h1: http1::Builder,
    h2: http2::Builder<TokioExecutor>,
}

impl Versions {
    fn new(config: &Config) -> Versions {
        let mut h1 = http1::Builder::new();
        h1.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(config.http.header_timeout_ms))
            .max_buf_size(HEAD_LEN_MAX)
            .max_headers(HEADERS_MAX);
        let mut h2 = http2::Builder::new(TokioExecutor::new());
        h2.timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_LEN_MAX as u32)
            .keep_alive_interval(H2_PING_INTERVAL);
        Versions { h1, h2 }
    }
}

/// What a connection is given.
struct Connecting {
    router: Router,
    versions: Versions,
    tls: Option<tokio_rustls::TlsAcceptor>,
    watcher: Watcher,
    stopped: watch::Receiver<bool>,
}

fn tls(config: &Config) -> Result<Option<tokio_rustls::TlsAcceptor>, StartError> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let files = (config.tls.certificate.as_str(), config.tls.key.as_str());
    let (certificate, key) = match files {
        ("", "") => return Ok(None),
        ("", _) | (_, "") => {
            return Err(StartError("set both `tls.certificate` and `tls.key`, or neither".into()));
        }
        files => files,
    };
    let chain =
        CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| StartError(format!("cannot read `tls.certificate` {certificate}: {error}")))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| StartError(format!("cannot read `tls.key` {key}: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| StartError(format!("the certificate and key cannot be used: {error}")))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(tokio_rustls::TlsAcceptor::from(Arc::new(tls))))
}
