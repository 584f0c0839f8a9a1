//! The list of a player's sessions, and their end.

pub(super) mod db;

use crate::app::App;
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Path, Query};
use crate::http::{answer, mount};
use aethex_wire::auth::sessions::{EndOtherSessions, EndSession, ListSessions, Session};
use aethex_wire::endpoint;
use aethex_wire::ids::SessionId;
use aethex_wire::page::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, Page, PageQuery};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(super) fn mount_routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<ListSessions, _, _>(router, list_sessions);
    let router = mount::<EndSession, _, _>(router, end_session);
    mount::<EndOtherSessions, _, _>(router, end_other_sessions)
}

/// Behind every session.
const FIRST: (i64, &str) = (i64::MAX, "");

async fn list_sessions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Outcome<Response> {
    let limit = page.limit.unwrap_or(PAGE_LIMIT_DEFAULT);
    if !(1..=PAGE_LIMIT_MAX).contains(&limit) {
        return Err(Failure::invalid(format!("`limit` is 1 to {PAGE_LIMIT_MAX}.")));
    }
    let before = match page.cursor.as_deref() {
        None => FIRST,
        Some(cursor) => {
            parse_cursor(cursor).ok_or_else(|| Failure::invalid("`cursor` is not one of ours."))?
        }
    };
    let limit = limit as usize;
    let mut items =
        db::list(&app.sql, &caller.game, &caller.player, before, now_ms(), limit as i64 + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    items.iter_mut().for_each(|session| session.current = session.id == caller.session);
    let next_cursor = items.last().filter(|_| more).map(cursor);
    Ok(answer::<ListSessions>(&Page { items, next_cursor }))
}

fn cursor(last: &Session) -> String {
    format!("{}.{}", last.last_seen_at_ms, last.id)
}

fn parse_cursor(cursor: &str) -> Option<(i64, &str)> {
    let (seen, id) = cursor.split_once('.')?;
    Some((seen.parse().ok()?, SessionId::parse(id).map(|_| id)?))
}

async fn end_session(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(session): Path<String>,
) -> Outcome<Response> {
    let session = SessionId::parse(&session).ok_or_else(Failure::not_found)?;
    let now = now_ms();
    if !db::end_own(&app.sql, &caller.game, &caller.player, &session, now).await? {
        return Err(Failure::not_found());
    }
    app.auth.end(std::iter::once(session), now);
    Ok(answer::<EndSession>(&endpoint::None {}))
}

async fn end_other_sessions(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    let ended = db::end_others(&app.sql, &caller.game, &caller.player, &caller.session, now_ms()).await?;
    app.auth.end_named(&ended);
    Ok(answer::<EndOtherSessions>(&endpoint::None {}))
}
