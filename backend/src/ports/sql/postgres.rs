//! The PostgreSQL engine: sqlx's pool, statements prepared once per connection.

use super::{Arg, Map, Row, SqlError, Statement};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, Postgres};
use sqlx::{Arguments, Executor};
use std::str::FromStr;
use std::time::Duration;

/// How long a request waits for a connection before it is shed.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements kept prepared on a connection: the program has fewer.
const PREPARED_MAX: usize = 256;
/// No statement of ours takes longer; one that does must not hold a connection.
const STATEMENT_TIMEOUT: &str = "30s";

pub(super) async fn open(url: &str, connections_max: u32) -> Result<sqlx::PgPool, SqlError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(error)?
        .application_name("aethex-cloud")
        .statement_cache_capacity(PREPARED_MAX)
        // An answer means durable, whatever the server's default is.
        .options([("synchronous_commit", "on"), ("statement_timeout", STATEMENT_TIMEOUT)]);
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A ping before each statement would double the round trips; a broken connection shows itself.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(error)
}

pub(super) async fn query<'e, T, X>(
    on: X,
    sql: Statement,
    args: Vec<Arg>,
    map: Map<T>,
) -> Result<Vec<T>, SqlError>
where
    X: Executor<'e, Database = Postgres>,
{
    let rows = sqlx::query_with(sql, arguments(args)?).fetch_all(on).await.map_err(error)?;
    rows.iter().map(|row| map(&Row::Postgres(row))).collect()
}

pub(super) async fn execute<'e, X>(on: X, sql: Statement, args: Vec<Arg>) -> Result<u64, SqlError>
where
    X: Executor<'e, Database = Postgres>,
{
    let done = sqlx::query_with(sql, arguments(args)?).execute(on).await.map_err(error)?;
    Ok(done.rows_affected())
}

fn arguments(args: Vec<Arg>) -> Result<PgArguments, SqlError> {
    let mut out = PgArguments::default();
    out.reserve(args.len(), 0);
    for arg in args {
        match arg {
            Arg::Int(value) => out.add(value),
            Arg::Text(value) => out.add(value),
            Arg::Bytes(value) => out.add(value.as_deref()),
        }
        .map_err(|error| SqlError::Other(error.to_string()))?;
    }
    Ok(out)
}

/// Whether an error is of the server's state, not of the statement: connection exceptions (08), no room
/// (53), shut down or starting (57P).
fn passes(sqlstate: &str) -> bool {
    ["08", "53", "57P"].iter().any(|class| sqlstate.starts_with(class))
}

pub(super) fn error(error: sqlx::Error) -> SqlError {
    match &error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => {
            SqlError::Unique(inner.constraint().unwrap_or_default().to_owned())
        }
        sqlx::Error::Database(inner) if inner.code().is_some_and(|code| passes(&code)) => SqlError::Busy,
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
            tracing::warn!(%error, "the database cannot be reached");
            SqlError::Busy
        }
        _ => SqlError::Other(error.to_string()),
    }
}
