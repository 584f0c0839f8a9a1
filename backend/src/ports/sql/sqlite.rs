//! The embedded engine: WAL, `synchronous=FULL`, one writer thread with group commit, pooled readers.

use super::{Arg, Map, Open, Row, Scope, SqlError, Statement, Transaction};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rusqlite::{Connection, ToSql, types::ToSqlOutput, types::ValueRef};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait: at some 50 µs each the last one still waits well under a second.
const WRITE_QUEUE_MAX: usize = 4096;
/// Writes that share one commit: bounds how long the first of them waits.
const COMMIT_BATCH_MAX: usize = 256;
/// Statements kept prepared on a connection: the program has fewer.
const PREPARED_MAX: usize = 256;
/// Another process (a backup, `migrate`) may hold the file for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory for each connection's page cache, in KiB (negative: SQLite's spelling for KiB).
const CACHE_KIB: i64 = -8192;
/// Readers kept open: the runtime's threads, each reads in place.
const READERS_MAX: usize = 16;

#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    writes: Mutex<Option<mpsc::Sender<Write>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    #[cfg(feature = "simulation")]
    in_turn: Option<super::in_turn::InTurn>,
}

/// A write: runs on the writer thread, then is told whether the commit that covers it held.
pub(super) type Write = Box<dyn FnOnce(Connection) -> (Connection, Ran) + Send>;

pub(super) struct Ran {
    pub(super) keep: bool,
    pub(super) answer: Box<dyn FnOnce(Result<(), SqlError>) + Send>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Sqlite, SqlError> {
        #[cfg(feature = "simulation")]
        if crate::simulation::host().is_some() {
            return Ok(Sqlite::in_turn(super::in_turn::InTurn::open()?));
        }
        let conn = connect(path)?;
        let (sender, queue) = mpsc::channel(WRITE_QUEUE_MAX);
        let writer = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_loop(conn, queue))
            .map_err(|error| SqlError::Other(error.to_string()))?;
        Ok(Sqlite(Arc::new(Inner {
            path: path.to_owned(),
            readers: Mutex::default(),
            writes: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
            #[cfg(feature = "simulation")]
            in_turn: None,
        })))
    }

    #[cfg(feature = "simulation")]
    fn in_turn(in_turn: super::in_turn::InTurn) -> Sqlite {
        Sqlite(Arc::new(Inner {
            path: PathBuf::new(),
            readers: Mutex::default(),
            writes: Mutex::default(),
            writer: Mutex::default(),
            in_turn: Some(in_turn),
        }))
    }

    #[cfg(feature = "simulation")]
    pub(super) fn after_crash(&self) -> Option<Sqlite> {
        self.0.in_turn.as_ref().map(|in_turn| Sqlite::in_turn(in_turn.after_crash()))
    }

    pub(super) fn read<T>(&self, sql: Statement, args: &[Arg], map: Map<T>) -> Result<Vec<T>, SqlError> {
        #[cfg(feature = "simulation")]
        if let Some(in_turn) = &self.0.in_turn {
            return in_turn.read(|conn| query(conn, sql, args, map));
        }
        let pooled = self.0.readers.lock().pop();
        let conn = match pooled {
            Some(conn) => conn,
            None => connect(&self.0.path)?,
        };
        let rows = query(&conn, sql, args, map);
        let mut readers = self.0.readers.lock();
        if readers.len() < READERS_MAX {
            readers.push(conn);
        }
        rows
    }

    /// Runs one statement on the writer thread.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        self.enqueue(move |conn| {
            let done = work(&conn);
            (conn, done)
        })
        .await
    }

    pub(super) async fn transaction<T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<SqlError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        self.enqueue(move |conn| {
            if let Err(failed) = conn.execute_batch("SAVEPOINT transaction_") {
                return (conn, Err(error(failed).into()));
            }
            let mut transaction = Transaction { scope, open: Open::Sqlite(conn) };
            let done = work(&mut transaction).now_or_never().unwrap_or_else(|| {
                Err(SqlError::Other("a transaction awaited something other than the database".into()).into())
            });
            let Open::Sqlite(conn) = transaction.open else {
                unreachable!("the transaction was made for this engine")
            };
            let end = match done {
                Ok(_) => "RELEASE transaction_",
                Err(_) => "ROLLBACK TO transaction_; RELEASE transaction_",
            };
            match conn.execute_batch(end) {
                Ok(()) => (conn, done),
                Err(failed) => (conn, Err(error(failed).into())),
            }
        })
        .await
    }

    async fn enqueue<T, E>(
        &self,
        work: impl FnOnce(Connection) -> (Connection, Result<T, E>) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<SqlError> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let write: Write = Box::new(move |conn| {
            let (conn, done) = work(conn);
            let keep = done.is_ok();
            let answer = Box::new(move |committed: Result<(), SqlError>| {
                // A caller that has gone away needs no answer; its write stands.
                let _ = sender.send(committed.map_err(E::from).and(done));
            });
            (conn, Ran { keep, answer })
        });
        #[cfg(feature = "simulation")]
        if let Some(in_turn) = &self.0.in_turn {
            in_turn.write(write).await;
            return answer.await.map_err(|_| SqlError::Busy)?;
        }
        let queue = self.0.writes.lock().clone();
        let queue = queue.ok_or_else(|| SqlError::Other("the database is closed".into()))?;
        queue.try_send(write).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SqlError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        // A write that was dropped unrun: the database took no writes just then.
        answer.await.map_err(|_| SqlError::Busy)?
    }

    /// Moves the write-ahead log into the database and empties it; false when a reader held it up.
    pub(super) async fn empty_log(&self) -> Result<bool, SqlError> {
        let path = self.0.path.clone();
        let done = tokio::task::spawn_blocking(move || {
            let conn = connect(&path)?;
            let busy: i64 =
                conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(error)?;
            Ok(busy == 0)
        });
        done.await.map_err(|error| SqlError::Other(error.to_string()))?
    }

    /// Whether the writer thread lives.
    pub(super) fn check_writer(&self) -> Result<(), SqlError> {
        #[cfg(feature = "simulation")]
        if self.0.in_turn.is_some() {
            return Ok(());
        }
        match self.0.writer.lock().as_ref() {
            Some(writer) if !writer.is_finished() => Ok(()),
            _ => Err(stopped()),
        }
    }

    pub(super) async fn close(&self) {
        drop(self.0.writes.lock().take());
        let writer = self.0.writer.lock().take();
        if let Some(writer) = writer {
            // The thread ends once the queue is drained; joining it must not hold the runtime.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        self.0.readers.lock().clear();
    }
}

fn stopped() -> SqlError {
    SqlError::Other("the database writer stopped".into())
}

fn connect(path: &Path) -> Result<Connection, SqlError> {
    prepare(Connection::open(path).map_err(error)?)
}

pub(super) fn prepare(conn: Connection) -> Result<Connection, SqlError> {
    conn.busy_timeout(BUSY_TIMEOUT).map_err(error)?;
    conn.set_prepared_statement_cache_capacity(PREPARED_MAX);
    let pragmas = [
        ("journal_mode", "WAL".to_owned()),
        ("synchronous", "FULL".to_owned()),
        ("foreign_keys", "ON".to_owned()),
        ("cache_size", CACHE_KIB.to_string()),
        // What is deleted is overwritten: an erased player is not to be read from the file's free space.
        ("secure_delete", "ON".to_owned()),
    ];
    for (name, value) in pragmas {
        conn.pragma_update(None, name, value).map_err(error)?;
    }
    Ok(conn)
}

/// Takes what is queued, runs it in one transaction, commits, answers; until the queue is closed.
fn write_loop(mut conn: Connection, mut queue: mpsc::Receiver<Write>) {
    let mut batch = Vec::with_capacity(COMMIT_BATCH_MAX);
    while queue.blocking_recv_many(&mut batch, COMMIT_BATCH_MAX) > 0 {
        conn = run_batch(conn, batch.drain(..));
    }
}

/// A write that is dropped unrun answers its caller with an error, and so does one whose commit fails.
pub(super) fn run_batch(mut conn: Connection, writes: impl Iterator<Item = Write>) -> Connection {
    if let Err(failed) = control(&conn, "BEGIN IMMEDIATE") {
        tracing::error!(%failed, "the database does not accept writes");
        return conn;
    }
    let mut outcome = Ok(());
    let mut ran = Vec::new();
    for write in writes {
        let (back, done) = write(conn);
        conn = back;
        ran.push(done);
        // A full disk or an I/O error ends the whole transaction, not only the statement.
        if conn.is_autocommit() {
            outcome = Err(SqlError::Other("the transaction was rolled back".into()));
            break;
        }
    }
    if outcome.is_ok() {
        outcome = control(&conn, if ran.iter().any(|ran| ran.keep) { "COMMIT" } else { "ROLLBACK" });
    }
    if let Err(failed) = &outcome {
        tracing::error!(%failed, writes = ran.len(), "a commit failed");
        if !conn.is_autocommit() {
            let _ = conn.execute_batch("ROLLBACK");
        }
    }
    for ran in ran {
        (ran.answer)(outcome.clone());
    }
    conn
}

fn control(conn: &Connection, how: &'static str) -> Result<(), SqlError> {
    conn.prepare_cached(how).and_then(|mut statement| statement.execute([])).map_err(error)?;
    Ok(())
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Arg::Int(Some(value)) => ValueRef::Integer(*value),
            Arg::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Arg::Bytes(Some(value)) => ValueRef::Blob(value),
            Arg::Int(None) | Arg::Text(None) | Arg::Bytes(None) => ValueRef::Null,
        }))
    }
}

/// SQLite numbers `$5` by where it first stands, and `?5` by its number.
fn numbered(sql: Statement) -> String {
    #[cfg(feature = "simulation")]
    if let Some(other) = crate::simulation::host().and_then(|host| host.statement(sql)) {
        return other.replace('$', "?");
    }
    sql.replace('$', "?")
}

pub(super) fn query<T>(
    conn: &Connection,
    sql: Statement,
    args: &[Arg],
    map: Map<T>,
) -> Result<Vec<T>, SqlError> {
    let mut statement = conn.prepare_cached(&numbered(sql)).map_err(error)?;
    let mut rows = statement.query(rusqlite::params_from_iter(args)).map_err(error)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(error)? {
        out.push(map(&Row::Sqlite(row))?);
    }
    Ok(out)
}

pub(super) fn execute(conn: &Connection, sql: Statement, args: &[Arg]) -> Result<u64, SqlError> {
    let mut statement = conn.prepare_cached(&numbered(sql)).map_err(error)?;
    let touched = statement.execute(rusqlite::params_from_iter(args)).map_err(error)?;
    Ok(touched as u64)
}

pub(super) fn error(error: rusqlite::Error) -> SqlError {
    use rusqlite::ffi;
    match &error {
        rusqlite::Error::SqliteFailure(code, message)
            if matches!(
                code.extended_code,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ) =>
        {
            SqlError::Unique(message.clone().unwrap_or_default())
        }
        rusqlite::Error::SqliteFailure(code, _)
            if matches!(
                code.code,
                ffi::ErrorCode::DatabaseBusy
                    | ffi::ErrorCode::DiskFull
                    | ffi::ErrorCode::ReadOnly
                    | ffi::ErrorCode::SystemIoFailure
            ) =>
        {
            tracing::error!(%error, "the database cannot be written");
            SqlError::Busy
        }
        _ => SqlError::Other(error.to_string()),
    }
}
