//! The endpoints of privacy.

use super::registry::Subject;
use super::{consent, erase, export};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller, Game, Json, Path};
use crate::http::{answer, mount};
use aethex_wire::ErrorCode;
use aethex_wire::endpoint;
use aethex_wire::ids::{ExportId, ReceiptId};
use aethex_wire::privacy::{
    AcceptPolicy, AcceptPolicyRequest, AgeRequest, AnswerAsParent, AskParent, AskParentRequest,
    CancelErasure, ConsentRequest, DownloadExport, EraseRequest, ExportStatus, GetExport, GetPrivacy,
    GetReceipt, ListPolicies, ParentAnswerRequest, Policies, PutAge, PutConsent, StartErasure, StartExport,
};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    let router = mount::<ListPolicies, _, _>(Router::new(), list_policies);
    let router = mount::<AcceptPolicy, _, _>(router, accept_policy);
    let router = mount::<GetPrivacy, _, _>(router, get_privacy);
    let router = mount::<PutConsent, _, _>(router, put_consent);
    let router = mount::<PutAge, _, _>(router, put_age);
    let router = mount::<AskParent, _, _>(router, ask_parent);
    let router = mount::<AnswerAsParent, _, _>(router, answer_as_parent);
    let router = mount::<StartExport, _, _>(router, start_export);
    let router = mount::<GetExport, _, _>(router, get_export);
    let router = mount::<DownloadExport, _, _>(router, download);
    let router = mount::<StartErasure, _, _>(router, start_erasure);
    let router = mount::<CancelErasure, _, _>(router, cancel_erasure);
    mount::<GetReceipt, _, _>(router, get_receipt)
}

fn subject(caller: Caller) -> Subject {
    Subject { game: caller.game, player: caller.player }
}

async fn list_policies(State(app): State<Arc<App>>, Game(game): Game) -> Outcome<Response> {
    let items = consent::newest_policies(&app.sql, &game).await?;
    Ok(answer::<ListPolicies>(&Policies { items }))
}

async fn accept_policy(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<AcceptPolicyRequest>,
) -> Outcome<Response> {
    let session = caller.session.clone();
    consent::accept(&app, &subject(caller), &session, &request.policy, &request.version).await?;
    Ok(answer::<AcceptPolicy>(&endpoint::None {}))
}

async fn get_privacy(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    Ok(answer::<GetPrivacy>(&consent::state(&app, &subject(caller)).await?))
}

async fn put_consent(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<ConsentRequest>,
) -> Outcome<Response> {
    let who = subject(caller);
    consent::say(&app, &who, request.purpose, request.granted).await?;
    Ok(answer::<PutConsent>(&consent::state(&app, &who).await?))
}

async fn put_age(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<AgeRequest>,
) -> Outcome<Response> {
    let who = subject(caller);
    consent::say_age(&app, &who, &request).await?;
    Ok(answer::<PutAge>(&consent::state(&app, &who).await?))
}

async fn ask_parent(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<AskParentRequest>,
) -> Outcome<Response> {
    consent::ask_parent(&app, &subject(caller), &request.email).await?;
    Ok(answer::<AskParent>(&endpoint::None {}))
}

async fn answer_as_parent(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<ParentAnswerRequest>,
) -> Outcome<Response> {
    let attempt = crate::auth::email::try_code(&app, &game, address).await?;
    consent::answer_as_parent(&app, &game, &request.code, request.granted, request.purposes).await?;
    attempt.forgive();
    Ok(answer::<AnswerAsParent>(&endpoint::None {}))
}

async fn start_export(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    Ok(answer::<StartExport>(&export::start(&app, &subject(caller)).await?))
}

fn export_id(id: &str) -> Outcome<ExportId> {
    ExportId::parse(id).ok_or_else(Failure::not_found)
}

async fn get_export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Outcome<Response> {
    let found = export::find(&app, &subject(caller), &export_id(&id)?).await?;
    Ok(answer::<GetExport>(&found))
}

async fn download(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Outcome<Response> {
    download_export(&app, &subject(caller), &export_id(&id)?).await
}

/// A player's archive as an answer, whoever may have it.
pub(crate) async fn download_export(app: &App, who: &Subject, id: &ExportId) -> Outcome<Response> {
    let found = export::find(app, who, id).await?;
    match found.status {
        ExportStatus::Ready => {}
        ExportStatus::Pending => {
            return Err(Failure::new(ErrorCode::ExportPending, "The export is still being made: try again."));
        }
        ExportStatus::Failed => return Err(Failure::not_found()),
    }
    let opened = app.blob.open(&export::blob_key(who, &found.id)).await;
    let opened = match opened {
        Ok(opened) => opened,
        // It expired, or was erased, just now.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Failure::not_found()),
        Err(error) => return Err(super::blob_failed(error)),
    };
    let disposition = format!("attachment; filename=\"{}\"", export::file_name(found.created_at_ms));
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, opened.len.to_string()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    debug_assert_eq!(<DownloadExport as aethex_wire::Endpoint>::STATUS, 200);
    Ok((headers, Body::from_stream(opened.pieces)).into_response())
}

async fn start_erasure(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(request): Json<EraseRequest>,
) -> Outcome<Response> {
    crate::auth::holding::confirm(&app, &caller, request.password).await?;
    let grace_s = app.config.privacy.erasure_grace_s;
    Ok(answer::<StartErasure>(&erase::start(&app, &subject(caller), grace_s).await?))
}

async fn cancel_erasure(State(app): State<Arc<App>>, caller: Caller) -> Outcome<Response> {
    erase::cancel(&app, &subject(caller)).await?;
    Ok(answer::<CancelErasure>(&endpoint::None {}))
}

async fn get_receipt(
    State(app): State<Arc<App>>,
    Game(game): Game,
    Path(id): Path<String>,
) -> Outcome<Response> {
    let id = ReceiptId::parse(&id).ok_or_else(Failure::not_found)?;
    Ok(answer::<GetReceipt>(&erase::receipt(&app, &game, &id).await?))
}
