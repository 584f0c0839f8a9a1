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
    Migration {
        version: 3,
        name: "0003_identity",
        sql: include_str!("../../../migrations/0003_identity.sql"),
    },
    Migration { version: 4, name: "0004_jobs", sql: include_str!("../../../migrations/0004_jobs.sql") },
    Migration { version: 5, name: "0005_privacy", sql: include_str!("../../../migrations/0005_privacy.sql") },
    Migration { version: 6, name: "0006_studio", sql: include_str!("../../../migrations/0006_studio.sql") },
    Migration { version: 7, name: "0007_audit", sql: include_str!("../../../migrations/0007_audit.sql") },
    Migration { version: 8, name: "0008_saves", sql: include_str!("../../../migrations/0008_saves.sql") },
    Migration {
        version: 9,
        name: "0009_multiplayer",
        sql: include_str!("../../../migrations/0009_multiplayer.sql"),
    },
];

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL)";

/// Two servers that start together take turns: the second finds nothing left to do.
const LOCK_POSTGRES: &str = "SELECT pg_advisory_xact_lock(4706532)";

/// Row-level security on every table that has a `game_id`: the second wall between games. It holds for the
/// owner of the tables as well; only a superuser passes it.
const WALLS_POSTGRES: &str = "DO $$
DECLARE found text;
BEGIN
    FOR found IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attname = 'game_id'
            AND NOT a.attisdropped AND NOT c.relforcerowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', found);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', found);
        EXECUTE format('CREATE POLICY one_game ON %I USING (game_id = current_setting(''aethex.game'', true)
            OR current_setting(''aethex.game'', true) = ''*'')', found);
    END LOOP;
END $$";

/// Rows that came as one argument, by the name that SQLite has for it; PostgreSQL's own takes no text. They are said
/// to be few, so that a table is not read through for them: each is looked up by a key.
const ROWS_POSTGRES: &str = "DO $$
BEGIN
    IF to_regprocedure('json_each(text)') IS NULL THEN
        CREATE FUNCTION json_each(list TEXT) RETURNS TABLE (value JSONB)
            LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE ROWS 1
            AS 'SELECT one FROM jsonb_array_elements(list::jsonb) AS one';
    END IF;
END $$";

/// The version of the newest migration: the schema that this program works with.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

pub(super) async fn run(sql: &Sql, now_ms: i64) -> Result<Vec<&'static str>, SqlError> {
    let lock = matches!(sql, Sql::Postgres(_));
    sql.all_games()
        .transaction(move |transaction| {
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
                if lock {
                    transaction.execute(WALLS_POSTGRES, vec![]).await?;
                    transaction.execute(ROWS_POSTGRES, vec![]).await?;
                }
                Ok(ran)
            }
            .boxed()
        })
        .await
}

pub(super) async fn pending(sql: &Sql) -> Result<Vec<&'static str>, SqlError> {
    let applied = sql
        .all_games()
        .read("SELECT version FROM schema_migration", vec![], |row| row.int(0))
        .await
        .unwrap_or_default();
    Ok(MIGRATIONS.iter().filter(|m| !applied.contains(&m.version)).map(|m| m.name).collect())
}

async fn applied(transaction: &mut Transaction) -> Result<Vec<i64>, SqlError> {
    let versions =
        transaction.query("SELECT version FROM schema_migration", vec![], |row| row.int(0)).await?;
    match versions.iter().find(|version| **version > newest()) {
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
