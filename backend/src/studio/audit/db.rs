//! SQL of the audit log: insert, read, and remove what is old.

use super::Entry;
use crate::args;
use crate::context::{new_id, now_ms};
use crate::ports::sql::{Arg, Sql, SqlError, Transaction};
use aethex_wire::studio::audit::{AuditEntry, AuditQuery};
use std::collections::BTreeMap;

/// Records an act, in the transaction that does it.
pub(in crate::studio) async fn record(tx: &mut Transaction, entry: Entry) -> Result<(), SqlError> {
    let mut args: Vec<Arg> = args![entry.org.as_str()];
    args.extend(columns(&entry));
    tx.execute(
        "INSERT INTO studio_audit (org_id, entry_id, at_ms, actor_kind, actor_id, actor, address, action,
            target_kind, target_id, before_json, after_json)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        args,
    )
    .await
    .map(drop)
}

/// Records what a person did to themselves, in every organisation that they are a member of.
pub(in crate::studio) async fn record_everywhere(
    tx: &mut Transaction,
    person: &str,
    entry: Entry,
) -> Result<(), SqlError> {
    let mut args: Vec<Arg> = args![person];
    args.extend(columns(&entry));
    tx.execute(
        "INSERT INTO studio_audit (org_id, entry_id, at_ms, actor_kind, actor_id, actor, address, action,
            target_kind, target_id, before_json, after_json)
         SELECT org_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM studio_member WHERE person_id = $1",
        args,
    )
    .await
    .map(drop)
}

fn columns(entry: &Entry) -> Vec<Arg> {
    args![
        new_id(),
        now_ms(),
        entry.actor.kind,
        entry.actor.id.as_str(),
        entry.actor.name.as_str(),
        entry.actor.address.as_str(),
        entry.action,
        entry.target_kind,
        entry.target.as_str(),
        json(&entry.before),
        json(&entry.after),
    ]
}

fn json(values: &BTreeMap<&'static str, String>) -> String {
    serde_json::to_string(values).expect("maps of text serialise")
}

/// Entries, newest first; of one organisation, or of all.
pub(in crate::studio) async fn list(
    sql: &Sql,
    org: Option<&str>,
    query: &AuditQuery,
    after: &str,
    rows: i64,
) -> Result<Vec<AuditEntry>, SqlError> {
    sql.all_games()
        .read(
            "SELECT entry_id, at_ms, actor_kind, actor_id, actor, address, action, target_kind, target_id,
                before_json, after_json
             FROM studio_audit
             WHERE ($1 IS NULL OR org_id = $1) AND ($2 IS NULL OR action = $2) AND ($3 IS NULL OR actor_id = $3)
                AND ($4 IS NULL OR target_id = $4) AND at_ms >= $5 AND at_ms < $6 AND ($7 = '' OR entry_id < $7)
             ORDER BY entry_id DESC LIMIT $8",
            args![
                org.map(str::to_owned),
                query.action.clone(),
                query.actor_id.clone(),
                query.target_id.clone(),
                query.since_ms.unwrap_or(0),
                query.until_ms.unwrap_or(i64::MAX),
                after,
                rows,
            ],
            |row| {
                Ok(AuditEntry {
                    id: row.text(0)?,
                    at_ms: row.int(1)?,
                    actor_kind: row.text(2)?,
                    actor_id: row.text(3)?,
                    actor: row.text(4)?,
                    address: row.text(5)?,
                    action: row.text(6)?,
                    target_kind: row.text(7)?,
                    target_id: row.text(8)?,
                    before: serde_json::from_str(&row.text(9)?).unwrap_or_default(),
                    after: serde_json::from_str(&row.text(10)?).unwrap_or_default(),
                })
            },
        )
        .await
}

/// Removes entries from before a time, the oldest first.
pub(super) async fn sweep(sql: &Sql, before_ms: i64, limit: i64) -> Result<u64, SqlError> {
    sql.all_games()
        .execute(
            "DELETE FROM studio_audit WHERE (org_id, entry_id) IN (
                SELECT org_id, entry_id FROM studio_audit WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
            args![before_ms, limit],
        )
        .await
}
