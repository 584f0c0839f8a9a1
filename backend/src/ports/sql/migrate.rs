//! Migrations: the files of `backend/migrations`, each applied once, in order, in a transaction.

use super::{Sql, SqlError, Transaction};
use crate::args;
use futures_util::FutureExt;

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "0001_auth", sql: include_str!("../../../migrations/0001_auth.sql") },
    Migration { version: 2, name: "0002_saves", sql: include_str!("../../../migrations/0002_saves.sql") },
];

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL)";

/// Two servers that start together take turns: the second finds nothing left to do.
const LOCK_POSTGRES: &str = "SELECT pg_advisory_xact_lock(4706532)";

pub(super) async fn run(sql: &Sql, now_ms: i64) -> Result<Vec<&'static str>, SqlError> {
    let lock = matches!(sql, Sql::Postgres(_));
    sql.transaction(move |transaction| {
        async move {
            if lock {
                transaction.execute(LOCK_POSTGRES, vec![]).await?;
            }
            transaction.execute(CREATE_TABLE, vec![]).await?;
            let done = applied(transaction).await?;
            let mut ran = Vec::new();
            for migration in MIGRATIONS.iter().filter(|migration| !done.contains(&migration.version)) {
                for statement in statements(migration.sql) {
                    transaction.execute(statement, vec![]).await?;
                }
                transaction
                    .execute(
                        "INSERT INTO schema_migration (version, name, applied_at_ms) VALUES ($1, $2, $3)",
                        args![migration.version, migration.name, now_ms],
                    )
                    .await?;
                ran.push(migration.name);
            }
            Ok(ran)
        }
        .boxed()
    })
    .await
}

pub(super) async fn pending(sql: &Sql) -> Result<Vec<&'static str>, SqlError> {
    let applied =
        sql.read("SELECT version FROM schema_migration", vec![], |row| row.int(0)).await.unwrap_or_default();
    Ok(MIGRATIONS.iter().filter(|m| !applied.contains(&m.version)).map(|m| m.name).collect())
}

async fn applied(transaction: &mut Transaction) -> Result<Vec<i64>, SqlError> {
    let versions =
        transaction.query("SELECT version FROM schema_migration", vec![], |row| row.int(0)).await?;
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
    match versions.iter().find(|version| **version > newest) {
        Some(version) => Err(SqlError::Other(format!(
            "the database has migration {version}, which this version does not know: run a newer one"
        ))),
        None => Ok(versions),
    }
}

/// Statements end with a semicolon at the end of a line.
fn statements(sql: &'static str) -> impl Iterator<Item = &'static str> {
    sql.split(";\n").map(str::trim).filter(|statement| {
        statement.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
    })
}
