//! Reports to a game's moderators, with the message as it was then. The game's own server reads them.
//!
//! Who reports a message knows its id, which is told to nobody but its readers; and nothing of it is told back.

mod db;

pub(super) use db::sweep;

use super::config::REPORT_RATE;
use super::rules::check_report;
use crate::app::App;
use crate::auth::usernames;
use crate::context::{new_id, now_ms};
use crate::error::{Failure, Outcome};
use crate::extract::{Caller, Json, Query};
use crate::http::{answer, mount};
use crate::page::Window;
use crate::studio::ServerCaller;
use aethex_wire::ErrorCode;
use aethex_wire::ids::ReportId;
use aethex_wire::multiplayer::chat::{PlayerReport, Report, ReportRequest, SendReport, ServerListReports};
use aethex_wire::page::PageQuery;
use aethex_wire::studio::Scope;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<SendReport, _, _>(router, send_report);
    mount::<ServerListReports, _, _>(router, list_reports)
}

async fn send_report(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<ReportRequest>,
) -> Outcome<Response> {
    app.multiplayer.limit("report", &caller.game, &caller.player, REPORT_RATE)?;
    check_report(&request, &caller.player).map_err(Failure::invalid)?;
    let ReportRequest { player_id, message_id, reason, text } = request;
    if usernames(&app, &caller.game, std::slice::from_ref(&player_id)).await?.is_empty() {
        return Err(Failure::not_found());
    }
    let message_text = match &message_id {
        Some(id) => {
            let said = db::message_text(&app.sql, &caller.game, &player_id, id).await?;
            Some(said.ok_or_else(|| {
                Failure::new(ErrorCode::MessageNotFound, "This player has no such message.")
            })?)
        }
        None => None,
    };
    let report = PlayerReport {
        id: ReportId::parse(&new_id()).expect("ids are made in their canonical spelling"),
        from_id: caller.player,
        player_id,
        message_id,
        message_text,
        reason,
        text,
        reported_at_ms: now_ms(),
    };
    db::insert(&app.sql, &caller.game, &report).await?;
    metrics::counter!("chat_reports_total").increment(1);
    Ok(answer::<SendReport>(&Report { id: report.id }))
}

async fn list_reports(
    State(app): State<Arc<App>>,
    caller: ServerCaller,
    Query(query): Query<PageQuery>,
) -> Outcome<Response> {
    caller.need(Scope::PlayersRead)?;
    let window = Window::of(&query)?;
    if !window.after.is_empty() && ReportId::parse(&window.after).is_none() {
        return Err(Failure::invalid("`cursor` is not one of ours."));
    }
    let found = db::list(&app.sql, &caller.game, &window.after, window.rows()).await?;
    Ok(answer::<ServerListReports>(&window.page(found, |report| report.id.as_str().to_owned())))
}
