//! The log on a real database: how long entries are kept.

use super::*;
use crate::context::now_ms;
use futures_util::FutureExt;

async fn actions(sql: &Sql) -> Vec<String> {
    let found = list(sql, None, &AuditQuery::default(), "", 10).await.unwrap();
    found.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn entries_end_when_they_are_old_and_never_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let sql = Sql::open_sqlite(folder.path()).unwrap();
    sql.migrate(0).await.unwrap();
    let entries: i64 = AUDIT_SWEEP_BATCH + 2;
    let all = sql.all_games();
    let recorded = all.transaction::<(), SqlError, _>(move |tx| {
        async move {
            for _ in 0..entries {
                record(tx, Actor::command_line().did("", "org.create", "org", "x")).await?;
            }
            Ok(())
        }
        .boxed()
    });
    recorded.await.unwrap();
    let day = now_ms() + DAY_MS;
    sweep(&sql, day - 60_000, 1).await.unwrap();
    assert_eq!(actions(&sql).await.len(), 10, "a day has not gone by");
    sweep(&sql, i64::MAX, 0).await.unwrap();
    assert_eq!(actions(&sql).await.len(), 10, "0 is for good");
    sweep(&sql, day + 60_000, 1).await.unwrap();
    assert_eq!(actions(&sql).await, [""; 0], "batch after batch");
}
