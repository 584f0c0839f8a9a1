//! The backend of a history: the real one, in memory, which can die at any moment and comes back at once.

use super::Fault;
use aethex_backend::config::Config;
use aethex_backend::simulation::{Backend, Host, set_host};
use aethex_sdk_core::simulation::Chance;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;
/// Lets virtual time pass: nobody waits.
pub(super) use tokio::time::sleep as pass;

/// When every history begins, in milliseconds since 1970: the year 2100. Tokens are checked against the real
/// clock too, so it has to lie ahead.
const BEGIN_MS: i64 = 4_102_444_800_000;
/// A folder in memory, where there is one: the simulation is not about the speed of a disk.
const MEMORY: &str = "/dev/shm";

/// A backend that histories share, one after the other.
pub(super) struct Server {
    pub(super) host: Arc<Around>,
    pub(super) backend: Backend,
    _folder: TempDir,
}

/// Time and chance of a history.
#[derive(Debug)]
pub(super) struct Around {
    chance: Mutex<Chance>,
    began: Mutex<Instant>,
    skew_ms: AtomicI64,
    last_id: Mutex<Arc<Mutex<(u64, u16)>>>,
    fault: Mutex<Fault>,
}

impl Server {
    /// A backend with an empty database, on this thread.
    pub(super) fn start() -> Server {
        let host = Arc::new(Around {
            chance: Mutex::new(Chance::new(0)),
            began: Mutex::new(Instant::now()),
            skew_ms: AtomicI64::new(0),
            last_id: Mutex::default(),
            fault: Mutex::default(),
        });
        set_host(Some(host.clone()));
        let folder = TempDir::with_prefix_in("aethex-test-", MEMORY);
        let folder = folder.or_else(|_| TempDir::with_prefix("aethex-test-")).unwrap();
        let mut config = Config::for_tests(&folder.path().join("data"));
        std::fs::create_dir_all(&config.data).unwrap();
        config.auth.argon2_memory_kib = 64;
        config.auth.argon2_passes = 1;
        let backend = runtime().block_on(async {
            host.begin(0, Fault::None);
            Backend::open(config).await.unwrap()
        });
        Server { host, backend, _folder: folder }
    }
}

/// A runtime whose clock jumps from one event to the next.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

impl Around {
    /// A new history begins.
    pub(super) fn begin(&self, seed: u64, fault: Fault) {
        *self.chance.lock() = Chance::new(seed ^ 0x5e71_e500);
        *self.began.lock() = Instant::now();
        self.skew_ms.store(0, Ordering::Relaxed);
        *self.last_id.lock() = Arc::default();
        *self.fault.lock() = fault;
    }

    /// Milliseconds since the history began.
    pub(super) fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.began.lock().elapsed().as_millis()).unwrap()
    }

    /// The true time.
    pub(super) fn true_ms(&self) -> i64 {
        BEGIN_MS + self.elapsed_ms()
    }

    /// Sets the server's clock off by so much.
    pub(super) fn set_skew(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// The process that knew the newest id is gone.
    pub(super) fn forget_ids(&self) {
        *self.last_id.lock() = Arc::default();
    }
}

impl Host for Around {
    fn now_ms(&self) -> i64 {
        self.true_ms() + self.skew_ms.load(Ordering::Relaxed)
    }

    fn random(&self) -> u64 {
        self.chance.lock().draw()
    }

    fn last_id(&self) -> Arc<Mutex<(u64, u16)>> {
        self.last_id.lock().clone()
    }

    fn step_time(&self) -> Duration {
        let mut chance = self.chance.lock();
        Duration::from_millis(if chance.once_in(3) { chance.below(20) } else { 0 })
    }

    fn statement(&self, sql: &str) -> Option<String> {
        let replaced = |from: &str, to: &str| sql.contains(from).then(|| sql.replace(from, to));
        match *self.fault.lock() {
            Fault::StaleDropped => replaced(
                "ORDER BY v.version_id DESC LIMIT",
                "AND v.sequence IS NOT NULL ORDER BY v.version_id DESC LIMIT",
            ),
            Fault::DeleteForgetsOne => replaced(
                "AND purged_at_ms IS NULL AND (deleted = 0 OR $6 = 1)",
                "AND purged_at_ms IS NULL AND (deleted = 0 OR $6 = 1) AND sequence IS NOT NULL",
            ),
            _ => None,
        }
    }

    fn answers_before_commit(&self) -> bool {
        *self.fault.lock() == Fault::AnswerBeforeCommit
    }
}
