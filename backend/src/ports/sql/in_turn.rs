//! SQLite without threads, for a simulated server: each write runs in its turn, on one connection in memory.
//!
//! A crash leaves what was committed. The connection outlives the server; handles from before the crash are
//! dead, and what still waits on one of them never gets an answer.

use super::SqlError;
use super::sqlite::{self, Write};
use crate::simulation::host;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A handle of one run of the server.
#[derive(Debug)]
pub(super) struct InTurn {
    conn: Arc<Mutex<Option<Connection>>>,
    dead: AtomicBool,
}

impl InTurn {
    pub(super) fn open() -> Result<InTurn, SqlError> {
        let conn = sqlite::prepare(Connection::open_in_memory().map_err(sqlite::error)?)?;
        Ok(InTurn { conn: Arc::new(Mutex::new(Some(conn))), dead: AtomicBool::new(false) })
    }

    pub(super) fn after_crash(&self) -> InTurn {
        self.dead.store(true, Ordering::Relaxed);
        if let Some(conn) = self.conn.lock().as_ref().filter(|conn| !conn.is_autocommit()) {
            let _ = conn.execute_batch("ROLLBACK");
        }
        InTurn { conn: Arc::clone(&self.conn), dead: AtomicBool::new(false) }
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        self.conn.lock().as_ref().map_or(Err(SqlError::Busy), read)
    }

    pub(super) async fn write(&self, write: Write) {
        self.pass().await;
        let conn = self.conn.lock().take();
        if let Some(conn) = conn {
            let conn = match host().is_some_and(|host| host.answers_before_commit()) {
                true => run_uncommitted(conn, write),
                false => sqlite::run_batch(conn, std::iter::once(write)),
            };
            *self.conn.lock() = Some(conn);
        }
        self.pass().await;
    }

    /// Lets time pass, and waits for ever when the server crashes meanwhile.
    async fn pass(&self) {
        if let Some(host) = host() {
            tokio::time::sleep(host.step_time()).await;
        }
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// A planted fault: answers, and commits with some later write.
fn run_uncommitted(conn: Connection, write: Write) -> Connection {
    if conn.is_autocommit() {
        let _ = conn.execute_batch("BEGIN IMMEDIATE");
    }
    let (conn, ran) = write(conn);
    (ran.answer)(Ok(()));
    if host().is_some_and(|host| host.random() % 4 == 0) {
        let _ = conn.execute_batch("COMMIT");
    }
    conn
}
