//! SQL on two engines: the same text, arguments and rows for SQLite and PostgreSQL.
//!
//! Statements run within a [`Scope`]. [`Sql::game`] is the database as one game sees it: `$1` of every
//! statement is that game's id, put there by the scope, and a statement without it is refused, so a query
//! that forgets its game cannot be written. On PostgreSQL row-level security is the second wall: the
//! connection is told the game, and rows of another are not there. [`Sql::all_games`] is for what belongs to
//! no game, for finding out which game a request belongs to, and for background work over all of them.
//!
//! [`Scoped::read`] and [`Scoped::write`] run one statement; [`Scoped::transaction`] runs several. On
//! PostgreSQL they use a pool. On SQLite reads run in place on a pooled connection (page-cache lookups take
//! about as long as handing them to a thread), and writes go to one writer thread that commits everything
//! queued in one go: an answer leaves only after the fsync that covers it, and one fsync covers many.
//!
//! Many rows go to a statement as one argument, made by [`rows`] and read by `json_each($n)`: one statement, whatever
//! their number.
//!
//! A transaction awaits nothing but its own statements. On SQLite that is enforced: its future is polled
//! once, on the writer thread, and must be finished then.

#[cfg(feature = "simulation")]
mod in_turn;
mod migrate;
mod pool;
mod postgres;
mod sqlite;

pub(crate) use migrate::newest as newest_migration;

use aethex_wire::ids::GameId;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
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

/// Rows as one argument. A statement has them from `json_each($n)`, on either engine: of each row's `value` the
/// first column is `value ->> 0`, as text; a number is `CAST(value ->> 1 AS BIGINT)`. A row is a tuple.
///
/// A statement that finds rows of a table by them has them from a `WITH … AS MATERIALIZED`: PostgreSQL asks no index
/// for what a function makes of JSON, since row-level security does not trust the function.
pub fn rows<T: Serialize>(rows: &[T]) -> Arg {
    let json = serde_json::to_string(rows).expect("ids, texts and numbers have a JSON form");
    Arg::Text(Some(json))
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
    Postgres(pool::Pool),
}

impl Sql {
    /// Opens the embedded database in `folder`, making it when it is not there.
    pub fn open_sqlite(folder: &Path) -> Result<Sql, SqlError> {
        sqlite::Sqlite::open(&folder.join("aethex.sqlite")).map(Sql::Sqlite)
    }

    /// What a crash of the server leaves of a simulated database: what was committed. Whoever still holds the
    /// one from before waits for ever.
    #[cfg(feature = "simulation")]
    pub(crate) fn after_crash(&self) -> Option<Sql> {
        match self {
            Sql::Sqlite(engine) => engine.after_crash().map(Sql::Sqlite),
            Sql::Postgres(_) => None,
        }
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

    /// The database as one game sees it. `$1` of every statement is the game; arguments follow from `$2`.
    pub fn game(&self, game: &GameId) -> Scoped<'_> {
        Scoped { sql: self, scope: Scope::Game(game.clone()) }
    }

    /// The database over all games. `$1` is the first argument.
    pub fn all_games(&self) -> Scoped<'_> {
        Scoped { sql: self, scope: Scope::All }
    }

    /// Whether the engine answers, and takes writes as far as that is known.
    pub async fn ping(&self) -> Result<(), SqlError> {
        if let Sql::Sqlite(engine) = self {
            engine.check_writer()?;
        }
        self.all_games().read("SELECT 1", vec![], |_| Ok(())).await.map(drop)
    }

    /// Takes what was deleted out of the files as well, as far as that is the program's to do: SQLite
    /// overwrites it at once, but for its log, which is emptied here. PostgreSQL overwrites it when it
    /// vacuums. False when it has to be tried again.
    pub async fn forget_deleted(&self) -> Result<bool, SqlError> {
        match self {
            Sql::Sqlite(engine) => engine.empty_log().await,
            Sql::Postgres(_) => Ok(true),
        }
    }

    /// Whether the backend's role passes row-level security by, as superusers do.
    pub async fn passes_walls(&self) -> Result<bool, SqlError> {
        let Sql::Postgres(_) = self else { return Ok(false) };
        let passes = self
            .all_games()
            .read_one(
                "SELECT CAST(CASE WHEN rolsuper OR rolbypassrls THEN 1 ELSE 0 END AS BIGINT)
                 FROM pg_roles WHERE rolname = current_user",
                vec![],
                |row| row.int(0),
            )
            .await?;
        Ok(passes == Some(1))
    }

    /// Ends the engine after the writes that are queued.
    pub async fn close(&self) {
        match self {
            Sql::Sqlite(engine) => engine.close().await,
            Sql::Postgres(pool) => pool.close().await,
        }
    }
}

/// Whose rows a statement can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One game's.
    Game(GameId),
    /// Every game's, and those of no game.
    All,
}

impl Scope {
    /// What the connection to a PostgreSQL server is told.
    fn name(&self) -> &str {
        match self {
            Scope::Game(game) => game.as_str(),
            Scope::All => "*",
        }
    }

    /// The arguments as the statement numbers them.
    fn bind(&self, sql: Statement, mut args: Vec<Arg>) -> Result<Vec<Arg>, SqlError> {
        if let Scope::Game(game) = self {
            if !names_the_game(sql) {
                return Err(SqlError::Other(format!("a statement of one game does not use $1: {sql}")));
            }
            args.insert(0, game.as_str().into());
        }
        Ok(args)
    }
}

/// Whether a statement uses `$1`, and not only `$10`.
fn names_the_game(sql: &str) -> bool {
    sql.split("$1").skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The database within a scope.
#[derive(Debug)]
pub struct Scoped<'a> {
    sql: &'a Sql,
    scope: Scope,
}

impl Scoped<'_> {
    /// Runs a statement that only reads.
    pub async fn read<T: Send + 'static>(
        &self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        let args = self.scope.bind(sql, args)?;
        match self.sql {
            Sql::Sqlite(engine) => engine.read(sql, &args, map),
            Sql::Postgres(pool) => pool.get(&self.scope).await?.query(sql, args, map).await,
        }
    }

    /// Runs a statement that reads many rows, off the request threads where they would be held up.
    pub async fn scan<T: Send + 'static>(
        &self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        let args = self.scope.bind(sql, args)?;
        match self.sql {
            Sql::Sqlite(engine) => {
                let engine = engine.clone();
                let done = crate::context::blocking(move || engine.read(sql, &args, map)).await;
                done.map_err(|error| SqlError::Other(error.to_string()))?
            }
            Sql::Postgres(pool) => pool.get(&self.scope).await?.query(sql, args, map).await,
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
        let args = self.scope.bind(sql, args)?;
        match self.sql {
            Sql::Sqlite(engine) => engine.write(move |conn| sqlite::query(conn, sql, &args, map)).await,
            Sql::Postgres(pool) => pool.get(&self.scope).await?.query(sql, args, map).await,
        }
    }

    /// Runs one writing statement, durably; returns how many rows it touched.
    pub async fn execute(&self, sql: Statement, args: Vec<Arg>) -> Result<u64, SqlError> {
        let args = self.scope.bind(sql, args)?;
        match self.sql {
            Sql::Sqlite(engine) => engine.write(move |conn| sqlite::execute(conn, sql, &args)).await,
            Sql::Postgres(pool) => pool.get(&self.scope).await?.execute(sql, args).await,
        }
    }

    /// Runs several statements as one: all or none, durable when it returns `Ok`.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<SqlError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Transaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match self.sql {
            Sql::Sqlite(engine) => engine.transaction(self.scope.clone(), work).await,
            Sql::Postgres(pool) => {
                let mut conn = pool.get(&self.scope).await?;
                conn.control("BEGIN").await?;
                let mut transaction = Transaction { scope: self.scope.clone(), open: Open::Postgres(conn) };
                let done = work(&mut transaction).await;
                let Open::Postgres(mut conn) = transaction.open else {
                    unreachable!("the transaction was made for this engine")
                };
                // A connection dropped in the middle is closed, which rolls back.
                conn.control(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
                done
            }
        }
    }
}

/// An open transaction.
#[derive(Debug)]
pub struct Transaction {
    scope: Scope,
    open: Open,
}

#[derive(Debug)]
enum Open {
    /// On the writer thread.
    Sqlite(rusqlite::Connection),
    /// On a connection of the pool.
    Postgres(pool::Conn),
}

impl Transaction {
    /// The game that the transaction is within; `None` when it is over all of them.
    pub fn game(&self) -> Option<&GameId> {
        match &self.scope {
            Scope::Game(game) => Some(game),
            Scope::All => None,
        }
    }

    /// Runs a statement; returns its rows.
    pub async fn query<T: Send + 'static>(
        &mut self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Vec<T>, SqlError> {
        let args = self.scope.bind(sql, args)?;
        match &mut self.open {
            Open::Sqlite(conn) => sqlite::query(conn, sql, &args, map),
            Open::Postgres(conn) => conn.query(sql, args, map).await,
        }
    }

    /// Runs a statement; returns its first row.
    pub async fn query_one<T: Send + 'static>(
        &mut self,
        sql: Statement,
        args: Vec<Arg>,
        map: Map<T>,
    ) -> Result<Option<T>, SqlError> {
        Ok(self.query(sql, args, map).await?.into_iter().next())
    }

    /// Runs a statement; returns how many rows it touched.
    pub async fn execute(&mut self, sql: Statement, args: Vec<Arg>) -> Result<u64, SqlError> {
        let args = self.scope.bind(sql, args)?;
        match &mut self.open {
            Open::Sqlite(conn) => sqlite::execute(conn, sql, &args),
            Open::Postgres(conn) => conn.execute(sql, args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_come_as_they_were_given() {
        let folder = tempfile::tempdir().unwrap();
        let sql = Sql::open_sqlite(folder.path()).unwrap();
        let given = [("a", None, 7), ("\"ü\n", Some("x"), -1), ("", Some(""), i64::MIN)];
        let statement = "SELECT value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT) FROM json_each($1)";
        let scope = sql.all_games();
        let found = scope
            .read(statement, vec![rows(&given)], |row| Ok((row.text(0)?, row.maybe_text(1)?, row.int(2)?)));
        let given = given.map(|(a, b, c)| (a.to_owned(), b.map(str::to_owned), c));
        assert_eq!(found.await.unwrap(), given);
        let none: [(&str, Option<&str>, i64); 0] = [];
        let found = scope.read(statement, vec![rows(&none)], |row| row.text(0));
        assert!(found.await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_statement_without_its_game_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let sql = Sql::open_sqlite(folder.path()).unwrap();
        let game = GameId::parse(&crate::context::new_id()).unwrap();
        let count = |row: &Row<'_>| row.int(0);
        for forgetful in ["SELECT 1", "SELECT $2", "SELECT 1 WHERE 'a' = $10"] {
            let refused = sql.game(&game).read(forgetful, crate::args!["a"], count).await;
            assert!(matches!(refused, Err(SqlError::Other(_))), "{forgetful}");
        }
        let rows = sql.game(&game).read("SELECT 1 WHERE $1 <> $2", crate::args!["a"], count).await;
        assert_eq!(rows.unwrap(), [1]);
    }
}
