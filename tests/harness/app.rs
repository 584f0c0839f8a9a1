//! The backend in this process.

use crate::client::{Call, Client};
use crate::player::Player;
use crate::postgres::Database;
use crate::wait::{in_time, until};
use aethex_backend::Server;
pub use aethex_backend::config::Config;
use aethex_wire::Endpoint as _;
use aethex_wire::auth::{LoggedIn, LoginRequest, RegisterRequest};
use aethex_wire::endpoint::fill_path;
use aethex_wire::saves::history::{GetQuota, Quota};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// Connections of one test's server to PostgreSQL: many servers share the cluster's 200.
const CONNECTIONS_MAX: u32 = 6;
/// How long a stop may wait for open requests.
const DRAIN_TIMEOUT_MS: u64 = 3000;
/// Argon2id at its cheapest: what is tested is not how long a hash takes.
const ARGON2_MEMORY_KIB: u32 = 64;

/// The databases that everything is tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgres,
    /// That server, with large contents in a bucket.
    PostgresAndS3,
}

/// A private server with its data.
#[derive(Debug)]
pub struct App {
    /// How the server is configured; `listen` names the port it got.
    pub config: Config,
    server: parking_lot::Mutex<Option<Server>>,
    client: Client,
    base: String,
    client_key: String,
    folder: TempDir,
}

/// Runs a test against a server of its own, then stops the server and looks at what it left behind.
pub fn run(engine: Engine, configure: impl FnOnce(&mut Config), test: impl AsyncFnOnce(&App)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let app = App::start(engine, configure).await;
        Box::pin(test(&app)).await;
        app.finish().await;
    });
}

impl App {
    /// Starts a server on an empty data folder.
    pub async fn start(engine: Engine, configure: impl FnOnce(&mut Config)) -> App {
        let folder = TempDir::with_prefix("aethex-test-").unwrap();
        let mut config = Config::for_tests(&folder.path().join("data"));
        config.database.connections_max = CONNECTIONS_MAX;
        config.http.drain_timeout_ms = DRAIN_TIMEOUT_MS;
        config.auth.argon2_memory_kib = ARGON2_MEMORY_KIB;
        config.auth.argon2_passes = 1;
        if engine != Engine::Sqlite {
            config.database.url = Database::create().await.url;
        }
        if engine == Engine::PostgresAndS3 {
            let shared = tokio::task::spawn_blocking(crate::s3::S3::shared).await.unwrap();
            config.blob = shared.settings();
        }
        configure(&mut config);
        let server = start(&config).await;
        let base = server.url();
        config.listen = server.addr().to_string();
        App {
            config,
            client: Client::new(&base),
            base,
            client_key: server.client_key().to_owned(),
            server: parking_lot::Mutex::new(Some(server)),
            folder,
        }
    }

    /// Stops the server as an operator would: open requests end, then it is gone.
    pub async fn stop(&self) {
        let server = self.server.lock().take();
        in_time("the server's stop", server.expect("the server runs").stop()).await;
    }

    /// Starts the server again, on the same data and address.
    pub async fn start_again(&self) {
        let server = start(&self.config).await;
        *self.server.lock() = Some(server);
    }

    /// Does what the background does with saves when it is so late.
    pub async fn sweep_saves(&self, now_ms: i64) {
        let sweep = self.server.lock().as_ref().expect("the server runs").sweep_saves(now_ms);
        in_time("the sweep's end", Box::pin(sweep)).await.unwrap();
    }

    /// Does what the background does with rooms when it is so late.
    pub async fn sweep_rooms(&self, now_ms: i64) {
        let sweep = self.server.lock().as_ref().expect("the server runs").sweep_rooms(now_ms);
        in_time("the sweep's end", Box::pin(sweep)).await.unwrap();
    }

    /// Does what the background does with queues when it is so late.
    pub async fn sweep_queues(&self, now_ms: i64) {
        let sweep = self.server.lock().as_ref().expect("the server runs").sweep_queues(now_ms);
        in_time("the sweep's end", Box::pin(sweep)).await;
    }

    /// Does now what the background does with messages when it is `now_ms`.
    pub async fn sweep_chat(&self, now_ms: i64) {
        let sweep = self.server.lock().as_ref().expect("the server runs").sweep_chat(now_ms);
        in_time("the sweep's end", Box::pin(sweep)).await.unwrap();
    }

    /// Starts another server beside this one: both have one database, bus and cache. Stop it first.
    pub async fn start_beside(&self) -> Server {
        let mut config = self.config.clone();
        config.listen = "127.0.0.1:0".into();
        let beside = {
            let server = self.server.lock();
            Server::start_beside(server.as_ref().expect("the server runs"), config)
        };
        in_time("the other server's start", Box::pin(beside)).await.expect("the other server starts")
    }

    /// Where the API is.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// A client of the studio's API, from 127.0.0.1. It is on where `studio.listen` is set.
    pub fn studio(&self) -> Client {
        let url = self.server.lock().as_ref().and_then(Server::studio_url);
        Client::new(&url.expect("the studio's API is on"))
    }

    /// The default game's client key.
    pub fn client_key(&self) -> &str {
        &self.client_key
    }

    /// The server's data folder.
    pub fn data(&self) -> &Path {
        &self.config.data
    }

    /// A folder of this test, for what is not the server's.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A client from 127.0.0.1.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A client from another address of the loopback network.
    pub fn client_from(&self, last: u8) -> Client {
        Client::from_address(&self.base, Ipv4Addr::new(127, 0, 0, last))
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Call<'_> {
        self.client.get(path)
    }

    /// `POST path`.
    pub fn post(&self, path: &str) -> Call<'_> {
        self.client.post(path)
    }

    /// Bytes that a player's saves take, by the player's quota.
    pub async fn stored_bytes(&self, player: &Player) -> i64 {
        let path = fill_path(GetQuota::PATH, &[player.id()]);
        player.get(&path).send().await.expect(200).json::<Quota>().used_bytes
    }

    /// A registration.
    pub fn register(&self, email: &str, password: &str) -> Call<'_> {
        self.post("/api/v1/auth/register").json(&RegisterRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            username: None,
            device_name: None,
            ..RegisterRequest::default()
        })
    }

    /// A login.
    pub fn login(&self, email: &str, password: &str) -> Call<'_> {
        login(&self.client, email, password)
    }

    /// A new player, logged in.
    pub async fn as_player(&self, name: &str) -> Player {
        let email = format!("{name}@example.com");
        let logged_in: LoggedIn = self.register(&email, &password_of(name)).send().await.expect(201).json();
        Player::new(self.client.clone(), name, logged_in)
    }

    /// A player who exists, on another device.
    pub async fn on_other_device(&self, player: &Player) -> Player {
        let reply = self.login(&player.user.email, &password_of(&player.name)).send().await;
        Player::new(self.client.clone(), &player.name, reply.expect(200).json())
    }

    /// The SDK, with its folder, talking to this server.
    pub fn sdk(&self, data_dir: &Path) -> aethex_sdk_core::Cloud {
        self.sdk_with(data_dir, |_| {})
    }

    /// The SDK with settings of its own.
    pub fn sdk_with(
        &self,
        data_dir: &Path,
        configure: impl FnOnce(&mut aethex_sdk_core::Config),
    ) -> aethex_sdk_core::Cloud {
        let mut config = aethex_sdk_core::Config::new(data_dir);
        config.server_url = self.base.clone();
        config.credentials = aethex_sdk_core::CredentialStore::File;
        config.device_name = data_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        configure(&mut config);
        aethex_sdk_core::Cloud::new(config).expect("the SDK starts")
    }

    /// Stops everything and checks that nothing is left.
    pub async fn finish(self) {
        if self.server.lock().is_some() {
            self.stop().await;
        }
        drop(self);
        // What is left may only be on its way out.
        let tasks = Handle::current().metrics();
        until("the server's and the clients' last task to end", async || {
            (tasks.num_alive_tasks() == 0).then_some(())
        })
        .await;
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let stopped = self.server.lock().is_none();
        assert!(stopped || std::thread::panicking(), "a server was dropped without a stop");
    }
}

async fn start(config: &Config) -> Server {
    in_time("the server's start", Box::pin(Server::start(config.clone()))).await.expect("the server starts")
}

/// A login by this client.
pub fn login<'c>(client: &'c Client, email: &str, password: &str) -> Call<'c> {
    client.post("/api/v1/auth/login").json(&LoginRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        device_name: None,
    })
}

/// The password that [`App::as_player`] gives.
pub fn password_of(name: &str) -> String {
    format!("correct horse of {name}")
}
