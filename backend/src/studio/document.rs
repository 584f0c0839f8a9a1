//! The OpenAPI document of the studio's address, apart from the players': neither sees what the other may do.

use crate::app::App;
use crate::openapi::Doc;
use aethex_wire::studio::audit::*;
use aethex_wire::studio::games::*;
use aethex_wire::studio::orgs::*;
use aethex_wire::studio::people::*;
use aethex_wire::studio::privacy::*;
use axum::response::IntoResponse;
use axum::{Router, routing};
use http::header;
use serde_json::Value;
use std::sync::{Arc, OnceLock};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(
        "/api/v1/studio/openapi.json",
        routing::get(|| async {
            static DOCUMENT: OnceLock<String> = OnceLock::new();
            let document = DOCUMENT.get_or_init(|| document().to_string());
            let headers =
                [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
            (headers, document.as_str()).into_response()
        }),
    )
}

/// Adds endpoints that take no headers of their own.
macro_rules! add {
    ($doc:ident: $($endpoint:ident),+ $(,)?) => { $($doc.add::<$endpoint>(&[]);)+ };
}

/// The whole document.
pub(crate) fn document() -> Value {
    let mut doc = Doc::new();
    add!(doc: AcceptInvitation, StudioLogin, StudioLogout, GetMe, ChangeStudioPassword, ListStudioSessions,
        EndStudioSession, StartTotp, ConfirmTotp, RemoveTotp, RenewRecoveryCodes);
    add!(doc: ListOrgs, GetOrg, PutOrg, ListMembers, PutMember, RemoveMember, ListInvitations, CreateInvitation,
        RevokeInvitation, ListRoles, CreateRole, PutRole, DeleteRole);
    add!(doc: ListTeams, CreateTeam, PutTeam, DeleteTeam, AddTeamMember, RemoveTeamMember, AddTeamProject,
        RemoveTeamProject);
    add!(doc: ListProjects, CreateProject, GetProject, PutProject, ListClientKeys, CreateClientKey, RevokeClientKey,
        ListServerKeys, CreateServerKey, RotateServerKey, RevokeServerKey);
    add!(doc: FindPlayers, GetStudioPlayer, EndStudioPlayerSessions, StartPlayerExport, GetPlayerExport,
        DownloadPlayerExport, StartPlayerErasure, CorrectPlayerAge, ListStudioPolicies, PublishPolicy, ListAudit);
    doc.finish(
        "AeThex Cloud Studio",
        "Organisations, people, projects, keys, players, policies and the audit log.",
    )
}
