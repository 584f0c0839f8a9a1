//! The running server: opens the engines, accepts connections, drains them.

use crate::auth::Auth;
use crate::config::Config;
pub use crate::context::now_ms;
use crate::extract::{BODY_BUDGET_KIB, Peer};
use crate::ports::blob::Blob;
use crate::ports::sql::Sql;
use crate::saves::Usage;
use axum::Router;
use axum::body::Body;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
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
    pub(crate) body_budget: Arc<Semaphore>,
    pub(crate) heavy_work: Arc<Semaphore>,
    pub(crate) tls: bool,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
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
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Opens the database that the configuration names.
pub async fn open_sql(config: &Config) -> Result<Sql, StartError> {
    if config.database.url.is_empty() {
        std::fs::create_dir_all(&config.data).map_err(|error| {
            StartError(format!("cannot make the data folder {}: {error}", config.data.display()))
        })?;
        Sql::open_sqlite(&config.data).map_err(|error| StartError::of("SQLite")(error.into()))
    } else {
        Sql::open_postgres(&config.database.url, config.database.connections_max)
            .await
            .map_err(|error| StartError::of("cannot use the database of `database.url`")(error.into()))
    }
}

impl Server {
    /// Opens the engines, brings the schema up to date, listens and serves.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        let sql = open_sql(&config).await?;
        sql.migrate(now_ms()).await.map_err(|error| StartError::of("cannot migrate")(error.into()))?;
        let blob = Blob::local(config.data.join("blobs"))
            .map_err(|error| StartError::of("cannot make the blob folder")(error.into()))?;
        let auth = Auth::open(&config, &sql).await?;
        let tls = tls(&config)?;
        let listener = TcpListener::bind(&config.listen)
            .await
            .map_err(|error| StartError(format!("cannot listen on `{}`: {error}", config.listen)))?;
        let address = listener.local_addr().map_err(|error| StartError(error.to_string()))?;
        let (stop, stopped) = watch::channel(false);
        let connections_max = config.http.connections_max;
        let app = Arc::new(App {
            config,
            sql,
            blob,
            auth,
            usage: Usage::default(),
            heavy_work: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
            body_budget: Arc::new(Semaphore::new(BODY_BUDGET_KIB)),
            tls: tls.is_some(),
            draining: AtomicBool::new(false),
        });
        let listening = Listening {
            router: crate::http::router(app.clone()),
            versions: Versions::new(&app.config),
            tls,
            drain: Duration::from_millis(app.config.http.drain_timeout_ms),
            connections: Arc::new(Semaphore::new(connections_max as usize)),
        };
        let mut tasks = vec![
            tokio::spawn(listening.run(listener, stopped.clone())),
            tokio::spawn(crate::auth::tend(app.clone(), stopped.clone())),
            tokio::spawn(crate::saves::tend(app.clone(), stopped.clone())),
        ];
        if !app.config.metrics_listen.is_empty() {
            tasks.push(tokio::spawn(crate::metrics::listen(&app.config.metrics_listen, stopped).await?));
        }
        tracing::info!(%address, engine = app.sql.engine(), "serving");
        Ok(Server { app, address, stop, tasks })
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

    /// The default game's publishable client key.
    pub fn client_key(&self) -> &str {
        self.app.auth.default_client_key()
    }

    /// Stops accepting, lets open requests finish within the drain deadline, closes the engines.
    pub async fn stop(mut self) {
        self.app.draining.store(true, Ordering::Relaxed);
        let _ = self.stop.send(true);
        for task in std::mem::take(&mut self.tasks) {
            let _ = task.await;
        }
        self.app.sql.close().await;
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

/// Ends when the server is asked to stop.
pub(crate) async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // A sender that is gone has stopped as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

struct Listening {
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
            };
            open.spawn(async move {
                let _room = room;
                serve(stream, peer, connecting).await;
            });
            while open.try_join_next().is_some() {}
        }
        drop(listener);
        let _ = tokio::time::timeout(self.drain, graceful.shutdown()).await;
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
    let Ok(Ok(mut stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await else { return };
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
        let connection = shared.versions.h1.serve_connection(stream, service);
        let _ = shared.watcher.watch(connection).await;
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
