//! Games are strangers to each other: by the queries, and on PostgreSQL by row-level security besides.

use aethex_tests::{App, Engine, app};
use sqlx::{Connection, Executor, PgConnection, Row};

/// The database as a query without its game would find it.
async fn connect(app: &App) -> PgConnection {
    PgConnection::connect(&app.config.database.url).await.unwrap()
}

async fn count(conn: &mut PgConnection, table: &str) -> i64 {
    let row = conn.fetch_one(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"))).await.unwrap();
    row.get(0)
}

async fn act_for(conn: &mut PgConnection, game: &str) {
    let told = sqlx::query("SELECT set_config('aethex.game', $1, false)").bind(game).execute(conn).await;
    told.unwrap();
}

async fn tables_of_games(conn: &mut PgConnection) -> Vec<(String, bool)> {
    let rows = conn
        .fetch_all(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'game_id' AND NOT a.attisdropped
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[test]
fn a_query_that_forgets_its_game_finds_nothing_on_postgres() {
    app::run(
        Engine::Postgres,
        |_| {},
        async |app: &App| {
            let ann = app.as_player("ann").await;
            ann.put_save("slot1", "kept").await;
            let mut conn = connect(app).await;
            let found = tables_of_games(&mut conn).await;
            assert!(found.len() >= 8, "{found:?}");
            for (table, walled) in &found {
                assert!(walled, "{table} has no second wall");
                assert_eq!(count(&mut conn, table).await, 0, "{table} is open to a query without a game");
            }
            act_for(&mut conn, "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f").await;
            assert_eq!(count(&mut conn, "saves_version").await, 0, "another game sees nothing");
            for statement in ["UPDATE auth_account SET username = 'x'", "DELETE FROM saves_version"] {
                assert_eq!(conn.execute(statement).await.unwrap().rows_affected(), 0, "{statement}");
            }
            let foreign = conn
                .execute(
                    "INSERT INTO auth_once (game_id, digest, expires_at_ms)
                 VALUES ('0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e00', 'x', 0)",
                )
                .await;
            assert!(foreign.is_err(), "a row of another game is not written");
            act_for(&mut conn, "*").await;
            assert_eq!(count(&mut conn, "saves_version").await, 1);
            assert_eq!(count(&mut conn, "auth_account").await, 1);
            conn.close().await.unwrap();
            assert_eq!(ann.get_save("slot1").await["data"], "kept");
        },
    );
}
