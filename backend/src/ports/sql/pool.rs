//! Connections to PostgreSQL, each with the game it was told last.
//!
//! Row-level security asks the connection for its game. Telling it costs a round trip, so a request is given
//! an idle connection that was told the same game before, if there is one. A connection dropped in the middle
//! of a statement or transaction, or one that failed, is closed and not used again.

use super::{Arg, Map, Scope, SqlError, Statement, postgres};
use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for a connection before it is shed.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is used: the server's memory for it is given back now and then.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    idle: Mutex<Vec<Live>>,
    room: Arc<Semaphore>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options hold the password.
        f.debug_struct("Pool").field("room", &self.0.room.available_permits()).finish_non_exhaustive()
    }
}

struct Live {
    conn: PgConnection,
    /// What it was told; empty when nothing yet.
    game: String,
    since: Instant,
}

/// A connection in use.
pub(super) struct Conn {
    live: Option<Live>,
    /// Between a statement and its end, or a transaction's beginning and its end.
    busy: bool,
    open: bool,
    pool: Pool,
    _room: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").field("busy", &self.busy).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) async fn open(options: PgConnectOptions, connections_max: u32) -> Result<Pool, SqlError> {
        let room = Arc::new(Semaphore::new(connections_max as usize));
        let pool = Pool(Arc::new(Inner { options, idle: Mutex::default(), room }));
        // What is wrong with the address or the password is told at the start.
        drop(pool.get(&Scope::All).await?);
        Ok(pool)
    }

    pub(super) async fn get(&self, scope: &Scope) -> Result<Conn, SqlError> {
        let room = tokio::time::timeout(ACQUIRE_TIMEOUT, self.0.room.clone().acquire_owned()).await;
        let Ok(Ok(room)) = room else {
            tracing::warn!("no connection to the database is free");
            return Err(SqlError::Busy);
        };
        let idle = {
            let mut idle = self.0.idle.lock();
            let same = idle.iter().rposition(|live| live.game == scope.name());
            match same {
                Some(at) => Some(idle.remove(at)),
                None => idle.pop(),
            }
        };
        let live = match idle {
            Some(live) => live,
            None => self.connect().await?,
        };
        let mut conn = Conn { live: Some(live), busy: false, open: false, pool: self.clone(), _room: room };
        conn.tell(scope).await?;
        Ok(conn)
    }

    async fn connect(&self) -> Result<Live, SqlError> {
        let connecting = PgConnection::connect_with(&self.0.options);
        match tokio::time::timeout(ACQUIRE_TIMEOUT, connecting).await {
            Ok(Ok(conn)) => Ok(Live { conn, game: String::new(), since: Instant::now() }),
            Ok(Err(error)) => Err(postgres::error(error)),
            Err(_) => Err(SqlError::Busy),
        }
    }

    /// Closes the pool: idle connections now, those in use when they come back.
    pub(super) async fn close(&self) {
        self.0.room.close();
        let idle = std::mem::take(&mut *self.0.idle.lock());
        for live in idle {
            let _ = live.conn.close().await;
        }
    }
}

impl Conn {
    async fn tell(&mut self, scope: &Scope) -> Result<(), SqlError> {
        let told = self.live.as_ref().is_some_and(|live| live.game == scope.name());
        if told {
            return Ok(());
        }
        let game = scope.name().to_owned();
        self.execute("SELECT set_config('aethex.game', $1, false)", vec![game.as_str().into()]).await?;
        if let Some(live) = &mut self.live {
            live.game = game;
        }
        Ok(())
    }

    pub(super) async fn query<T: Send + 'static>(
        &mut self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        let args = postgres::arguments(args)?;
        let live = begin(&mut self.live, &mut self.busy)?;
        let rows = sqlx::query_with(sql, args).fetch_all(&mut live.conn).await;
        let rows = self.end(rows)?;
        rows.iter().map(|row| map(&super::Row::Postgres(row))).collect()
    }

    pub(super) async fn execute(&mut self, sql: Statement, args: Vec<Arg>) -> Result<u64, SqlError> {
        let args = postgres::arguments(args)?;
        let live = begin(&mut self.live, &mut self.busy)?;
        let done = sqlx::query_with(sql, args).execute(&mut live.conn).await;
        self.end(done).map(|done| done.rows_affected())
    }

    /// Begins or ends a transaction.
    pub(super) async fn control(&mut self, how: Statement) -> Result<(), SqlError> {
        let live = begin(&mut self.live, &mut self.busy)?;
        let done = live.conn.execute(how).await;
        self.end(done)?;
        self.open = how == "BEGIN";
        Ok(())
    }

    /// After a statement. Errors of the statement leave the connection as it was; others break it.
    fn end<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, SqlError> {
        self.busy = false;
        done.map_err(|error| {
            let of_statement = matches!(&error, sqlx::Error::Database(inner)
                if inner.code().is_some_and(|code| !postgres::passes(&code)));
            if !of_statement {
                self.live = None;
            }
            postgres::error(error)
        })
    }
}

fn begin<'a>(live: &'a mut Option<Live>, busy: &mut bool) -> Result<&'a mut Live, SqlError> {
    *busy = true;
    live.as_mut().ok_or(SqlError::Busy)
}

impl Drop for Conn {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else { return };
        let pool = &self.pool.0;
        if !self.busy && !self.open && !pool.room.is_closed() && live.since.elapsed() < LIFETIME {
            pool.idle.lock().push(live);
        }
    }
}
