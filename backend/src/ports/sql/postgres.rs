//! The PostgreSQL engine: statements prepared once per connection, errors by what they mean.

use super::pool::Pool;
use super::{Arg, SqlError};
use sqlx::Arguments;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use std::str::FromStr;

/// Statements kept prepared on a connection: the program has fewer.
const PREPARED_MAX: usize = 512;
/// No statement of ours takes longer; one that does must not hold a connection.
const STATEMENT_TIMEOUT: &str = "30s";

pub(super) async fn open(url: &str, connections_max: u32) -> Result<Pool, SqlError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(error)?
        .application_name("aethex-cloud")
        .statement_cache_capacity(PREPARED_MAX)
        // An answer means durable, whatever the server's default is.
        .options([("synchronous_commit", "on"), ("statement_timeout", STATEMENT_TIMEOUT)]);
    Pool::open(options, connections_max).await
}

pub(super) fn arguments(args: Vec<Arg>) -> Result<PgArguments, SqlError> {
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
pub(super) fn passes(sqlstate: &str) -> bool {
    ["08", "53", "57P"].iter().any(|class| sqlstate.starts_with(class))
}

pub(super) fn error(error: sqlx::Error) -> SqlError {
    match &error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => {
            SqlError::Unique(inner.constraint().unwrap_or_default().to_owned())
        }
        sqlx::Error::Database(inner) if inner.code().is_some_and(|code| passes(&code)) => SqlError::Busy,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            tracing::warn!(%error, "the database cannot be reached");
            SqlError::Busy
        }
        _ => SqlError::Other(error.to_string()),
    }
}
