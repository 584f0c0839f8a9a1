//! SQL on two engines: the same text, arguments and rows for SQLite and PostgreSQL.
//!
//! [`Sql::read`] and [`Sql::write`] run one statement; [`Sql::transaction`] runs several. On PostgreSQL
//! they use a pool. On SQLite reads run in place on a pooled connection (page-cache lookups take about as
//! long as handing them to a thread), and writes go to one writer thread that commits everything queued
//! in one go: an answer leaves only after the fsync that covers it, and one fsync covers many.
//!
//! A transaction awaits nothing but its own statements. On SQLite that is enforced: its future is polled
//! once, on the writer thread, and must be finished then.

mod migrate;
mod postgres;
mod sqlite;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::path::Path;

/// A statement: text that lives in the program.
pub type Statement = &'static str;

/// An argument of a statement. Each carries its type, for PostgreSQL asks for it even when it is null.
#[derive(Debug, Clone)]
pub enum Arg {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA.
    Bytes(Option<Bytes>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Arg {
        Arg::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Arg {
        Arg::Int(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Arg {
        Arg::Text(Some(value.to_owned()))
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Arg {
        Arg::Text(Some(value))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Arg {
        Arg::Text(value)
    }
}

impl From<Option<Bytes>> for Arg {
    fn from(value: Option<Bytes>) -> Arg {
        Arg::Bytes(value)
    }
}

/// The arguments of a statement, in the order of `$1`, `$2`, …
#[macro_export]
macro_rules! args {
    ($($arg:expr),* $(,)?) => { vec![$($crate::ports::sql::Arg::from($arg)),*] };
}

/// Why a statement failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlError {
    /// A unique index refused the row; the text names its columns.
    #[error("a unique index refused the row: {0}")]
    Unique(String),
    /// The queue or the pool is full: shed the request.
    #[error("the database is at its limit")]
    Busy,
    /// Anything else.
    #[error("database: {0}")]
    Other(String),
}

impl SqlError {
    /// Whether the unique index over `column` refused the row.
    pub fn is_unique_on(&self, column: &str) -> bool {
        matches!(self, SqlError::Unique(on) if on.contains(column))
    }
}

/// A row of either engine. Columns are read by place.
#[derive(Debug)]
pub enum Row<'r> {
    /// Of SQLite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// Of PostgreSQL.
    Postgres(&'r sqlx::postgres::PgRow),
}

macro_rules! columns {
    ($($name:ident -> $type:ty;)+) => {
        impl Row<'_> {
            $(
                #[doc = concat!("The column as `", stringify!($type), "`.")]
                pub fn $name(&self, column: usize) -> Result<$type, SqlError> {
                    match self {
                        Row::Sqlite(row) => row.get(column).map_err(sqlite::error),
                        Row::Postgres(row) => sqlx::Row::try_get(*row, column).map_err(postgres::error),
                    }
                }
            )+
        }
    };
}

columns! {
    int -> i64;
    maybe_int -> Option<i64>;
    text -> String;
    maybe_text -> Option<String>;
    maybe_bytes -> Option<Vec<u8>>;
}

/// Makes a value of a row.
pub type Map<T> = fn(&Row<'_>) -> Result<T, SqlError>;

/// The engines.
#[derive(Debug, Clone)]
pub enum Sql {
    /// Embedded.
    Sqlite(sqlite::Sqlite),
    /// A server.
    Postgres(sqlx::PgPool),
}

impl Sql {
    /// Opens the embedded database in `folder`, making it when it is not there.
    pub fn open_sqlite(folder: &Path) -> Result<Sql, SqlError> {
        sqlite::Sqlite::open(&folder.join("aethex.sqlite")).map(Sql::Sqlite)
    }

    /// Connects to a PostgreSQL server.
    pub async fn open_postgres(url: &str, connections_max: u32) -> Result<Sql, SqlError> {
        postgres::open(url, connections_max).await.map(Sql::Postgres)
    }

    /// The engine's name.
    pub fn engine(&self) -> &'static str {
        match self {
            Sql::Sqlite(_) => "sqlite",
            Sql::Postgres(_) => "postgres",
        }
    }

    /// Brings the schema up to date; returns the names of the migrations applied.
    pub async fn migrate(&self, now_ms: i64) -> Result<Vec<&'static str>, SqlError> {
        migrate::run(self, now_ms).await
    }

    /// Migrations that are not applied yet.
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, SqlError> {
        migrate::pending(self).await
    }

    /// Whether the engine answers, and takes writes as far as that is known.
    pub async fn ping(&self) -> Result<(), SqlError> {
        if let Sql::Sqlite(engine) = self {
            engine.check_writer()?;
        }
        self.read("SELECT 1", vec![], |_| Ok(())).await.map(drop)
    }

    /// Runs a statement that only reads.
    pub async fn read<T: Send + 'static>(
        &self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        match self {
            Sql::Sqlite(engine) => engine.read(sql, &args, map),
            Sql::Postgres(pool) => postgres::query(pool, sql, args, map).await,
        }
    }

    /// Runs a statement that reads many rows, off the request threads where they would be held up.
    pub async fn scan<T: Send + 'static>(
        &self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        match self {
            Sql::Sqlite(engine) => {
                let engine = engine.clone();
                let done = tokio::task::spawn_blocking(move || engine.read(sql, &args, map)).await;
                done.map_err(|error| SqlError::Other(error.to_string()))?
            }
            Sql::Postgres(pool) => postgres::query(pool, sql, args, map).await,
        }
    }

    /// Runs a statement that only reads, for its first row.
    pub async fn read_one<T: Send + 'static>(
        &self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Option<T>, SqlError> {
        Ok(self.read(sql, args, map).await?.into_iter().next())
    }

    /// Runs one writing statement, durably; returns the rows it made by `RETURNING`.
    pub async fn write<T: Send + 'static>(
        &self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        match self {
            Sql::Sqlite(engine) => engine.write(move |conn| sqlite::query(conn, sql, &args, map)).await,
            Sql::Postgres(pool) => postgres::query(pool, sql, args, map).await,
        }
    }

    /// Runs one writing statement, durably; returns how many rows it touched.
    pub async fn execute(&self, sql: Statement, args: Vec<Arg>) -> Result<u64, SqlError> {
        match self {
            Sql::Sqlite(engine) => engine.write(move |conn| sqlite::execute(conn, sql, &args)).await,
            Sql::Postgres(pool) => postgres::execute(pool, sql, args).await,
        }
    }

    /// Runs several statements as one: all or none, durable when it returns `Ok`.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<SqlError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match self {
            Sql::Sqlite(engine) => engine.transaction(work).await,
            Sql::Postgres(pool) => {
                let open = pool.begin().await.map_err(postgres::error)?;
                let mut transaction = Transaction::Postgres(open);
                let done = work(&mut transaction).await?;
                let Transaction::Postgres(open) = transaction else {
                    unreachable!("the transaction was made for this engine")
                };
                open.commit().await.map_err(postgres::error)?;
                Ok(done)
            }
        }
    }

    /// Ends the engine after the writes that are queued.
    pub async fn close(&self) {
        match self {
            Sql::Sqlite(engine) => engine.close().await,
            Sql::Postgres(pool) => pool.close().await,
        }
    }
}

/// An open transaction.
#[derive(Debug)]
pub enum Transaction {
    /// On the writer thread.
    Sqlite(rusqlite::Connection),
    /// On a connection of the pool.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Transaction {
    /// Runs a statement; returns its rows.
    pub async fn query<T: Send + 'static>(
        &mut self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        match self {
            Transaction::Sqlite(conn) => sqlite::query(conn, sql, &args, map),
            Transaction::Postgres(open) => postgres::query(&mut **open, sql, args, map).await,
        }
    }

    /// Runs a statement; returns how many rows it touched.
    pub async fn execute(&mut self, sql: Statement, args: Vec<Arg>) -> Result<u64, SqlError> {
        match self {
            Transaction::Sqlite(conn) => sqlite::execute(conn, sql, &args),
            Transaction::Postgres(open) => postgres::execute(&mut **open, sql, args).await,
        }
    }
}
