//! The audit log: who did what, as what, from where, to what.
//!
//! An act and its entry are one transaction, or the entry comes first: what is not in the log was not done.
//! Nothing that people can ask for changes or removes an entry; it ends when it is old ([`sweep`]), and a player
//! in it when they are erased (`holding`). The address stands in full, for an organisation must be able to tell
//! a stranger's; before and after hold names and roles, never secrets, and of players nothing.

mod db;

pub(super) use db::list;
pub(super) use db::{record, record_everywhere};

use super::config::{AUDIT_SWEEP_BATCH, DAY_MS};
use super::orgs::enter;
use super::people::StudioCaller;
use crate::app::App;
use crate::error::Outcome;
use crate::extract::{Path, Query};
use crate::http::answer;
use crate::page::Window;
use crate::ports::sql::{Sql, SqlError};
use aethex_wire::page::PageQuery;
use aethex_wire::studio::Permission;
use aethex_wire::studio::audit::{AuditQuery, ListAudit};
use axum::extract::State;
use axum::response::Response;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Longest filter of the log: ids are 36 characters, client keys 35.
const FILTER_LEN_MAX: usize = 64;

/// Who acts.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    kind: &'static str,
    id: String,
    name: String,
    address: String,
}

impl Actor {
    pub(crate) fn person(id: &str, email: &str, address: IpAddr) -> Actor {
        Actor { kind: "person", id: id.to_owned(), name: email.to_owned(), address: address.to_string() }
    }

    pub(crate) fn server_key(id: &str, name: &str, address: IpAddr) -> Actor {
        Actor { kind: "server_key", id: id.to_owned(), name: name.to_owned(), address: address.to_string() }
    }

    /// Whoever may run the program on the server's data.
    pub(crate) fn command_line() -> Actor {
        let user = std::env::var("USER").unwrap_or_default();
        let id = user.chars().filter(|c| !c.is_control()).take(FILTER_LEN_MAX).collect();
        Actor { kind: "cli", id, name: "command line".to_owned(), address: String::new() }
    }

    /// Who invites, as the invited reads it: nobody in particular for the command line.
    pub(super) fn invites_as(&self) -> &str {
        if self.kind == "person" { &self.name } else { "" }
    }

    /// An entry of this actor.
    pub(crate) fn did(
        &self,
        org: &str,
        action: &'static str,
        target_kind: &'static str,
        target: &str,
    ) -> Entry {
        Entry {
            org: org.to_owned(),
            actor: self.clone(),
            action,
            target_kind,
            target: target.to_owned(),
            before: BTreeMap::new(),
            after: BTreeMap::new(),
        }
    }
}

/// An act, about to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    org: String,
    actor: Actor,
    action: &'static str,
    target_kind: &'static str,
    target: String,
    before: BTreeMap<&'static str, String>,
    after: BTreeMap<&'static str, String>,
}

impl Entry {
    pub(crate) fn before(mut self, what: &'static str, was: impl Into<String>) -> Entry {
        self.before.insert(what, was.into());
        self
    }

    pub(crate) fn after(mut self, what: &'static str, is: impl Into<String>) -> Entry {
        self.after.insert(what, is.into());
        self
    }
}

/// Removes entries that are older than so many days; none when that is 0.
pub(super) async fn sweep(sql: &Sql, now_ms: i64, days: u32) -> Result<(), SqlError> {
    if days == 0 {
        return Ok(());
    }
    let before_ms = now_ms - i64::from(days) * DAY_MS;
    while db::sweep(sql, before_ms, AUDIT_SWEEP_BATCH).await? == AUDIT_SWEEP_BATCH.unsigned_abs() {}
    Ok(())
}

pub(super) async fn list_audit(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path(org): Path<String>,
    Query(mut query): Query<AuditQuery>,
) -> Outcome<Response> {
    let member = enter(&app, &caller, &org).await?;
    member.permissions.need(Permission::AuditRead)?;
    for filter in [&query.action, &query.actor_id, &query.target_id].into_iter().flatten() {
        crate::auth::check_line("filter", filter, FILTER_LEN_MAX)?;
    }
    let window = Window::of(&PageQuery { limit: query.limit, cursor: query.cursor.take() })?;
    let entries = list(&app.sql, Some(member.org.as_str()), &query, &window.after, window.rows()).await?;
    Ok(answer::<ListAudit>(&window.page(entries, |entry| entry.id.clone())))
}

#[cfg(test)]
mod tests;
