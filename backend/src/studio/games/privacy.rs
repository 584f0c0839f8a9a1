//! Privacy on players' behalf: exports, erasures and ages, for support; policies of an environment.
//!
//! What holds for the player's own request holds here: few exports at once and a day, one erasure, which the
//! player can take back while its grace lasts. The log names the player and the act, never what was found or
//! said, nor the export or the receipt: they would tie a player who is erased to what stays.

use super::enter_environment;
use super::players::{enter_player, note};
use crate::app::App;
use crate::error::{Failure, Outcome};
use crate::extract::{Json, Path};
use crate::http::{answer, mount};
use crate::privacy::{self, Subject};
use crate::studio::audit::record;
use crate::studio::people::StudioCaller;
use aethex_wire::endpoint;
use aethex_wire::ids::ExportId;
use aethex_wire::privacy::{ExportStatus, Policies, Policy};
use aethex_wire::studio::Permission;
use aethex_wire::studio::privacy::{
    CorrectPlayerAge, DownloadPlayerExport, GetPlayerExport, ListStudioPolicies, PlayerAgeRequest,
    PlayerErasureRequest, PolicyRequest, PublishPolicy, StartPlayerErasure, StartPlayerExport,
};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use futures_util::FutureExt;
use std::sync::Arc;

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<StartPlayerExport, _, _>(router, start_export);
    let router = mount::<GetPlayerExport, _, _>(router, get_export);
    let router = mount::<DownloadPlayerExport, _, _>(router, download_export);
    let router = mount::<StartPlayerErasure, _, _>(router, start_erasure);
    let router = mount::<CorrectPlayerAge, _, _>(router, correct_age);
    let router = mount::<ListStudioPolicies, _, _>(router, list_policies);
    mount::<PublishPolicy, _, _>(router, publish_policy)
}

type EnvironmentIds = Path<(String, String, String)>;
type PlayerIds = Path<(String, String, String, String)>;
type ExportIds = Path<(String, String, String, String, String)>;

/// The player of a request that acts on them, and their organisation, for the log.
async fn managed(
    app: &App,
    caller: &StudioCaller,
    ids: (&str, &str, &str, &str),
) -> Outcome<(String, Subject)> {
    let (place, user) = enter_player(app, caller, ids, Permission::PlayersManage).await?;
    Ok((place.org, Subject { game: place.game, player: user.id }))
}

async fn start_export(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user)): PlayerIds,
) -> Outcome<Response> {
    let (org, who) = managed(&app, &caller, (&org, &project, &environment, &user)).await?;
    note(&app, caller.actor(), &org, "player.export", &who).await?;
    Ok(answer::<StartPlayerExport>(&privacy::export_player(&app, &who).await?))
}

/// A look at an export that is not made yet tells nothing and is not in the log: clients look often.
async fn get_export(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user, export)): ExportIds,
) -> Outcome<Response> {
    let (org, who) = managed(&app, &caller, (&org, &project, &environment, &user)).await?;
    let id = ExportId::parse(&export).ok_or_else(Failure::not_found)?;
    let found = privacy::find_export(&app, &who, &id).await?;
    if found.status != ExportStatus::Pending {
        note(&app, caller.actor(), &org, "player.export.read", &who).await?;
    }
    Ok(answer::<GetPlayerExport>(&found))
}

async fn download_export(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user, export)): ExportIds,
) -> Outcome<Response> {
    let (org, who) = managed(&app, &caller, (&org, &project, &environment, &user)).await?;
    let id = ExportId::parse(&export).ok_or_else(Failure::not_found)?;
    if privacy::find_export(&app, &who, &id).await?.status == ExportStatus::Ready {
        note(&app, caller.actor(), &org, "player.export.download", &who).await?;
    }
    privacy::download_export(&app, &who, &id).await
}

async fn start_erasure(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user)): PlayerIds,
    Json(request): Json<PlayerErasureRequest>,
) -> Outcome<Response> {
    let (org, who) = managed(&app, &caller, (&org, &project, &environment, &user)).await?;
    let longest_s = app.config.privacy.erasure_grace_s.max(0);
    let grace_s = request.grace_s.unwrap_or(longest_s);
    if !(0..=longest_s).contains(&grace_s) {
        return Err(Failure::invalid(format!("`grace_s` is 0 to {longest_s}.")));
    }
    note(&app, caller.actor(), &org, "player.erase", &who).await?;
    Ok(answer::<StartPlayerErasure>(&privacy::erase_player(&app, &who, grace_s).await?))
}

async fn correct_age(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment, user)): PlayerIds,
    Json(request): Json<PlayerAgeRequest>,
) -> Outcome<Response> {
    let (org, who) = managed(&app, &caller, (&org, &project, &environment, &user)).await?;
    note(&app, caller.actor(), &org, "player.age", &who).await?;
    privacy::correct_age(&app, &who, request.age).await?;
    Ok(answer::<CorrectPlayerAge>(&endpoint::None {}))
}

/// Players read the same list without an account.
async fn list_policies(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): EnvironmentIds,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::GamesRead).await?;
    let items = privacy::newest_policies(&app.sql, &place.game).await?;
    Ok(answer::<ListStudioPolicies>(&Policies { items }))
}

async fn publish_policy(
    State(app): State<Arc<App>>,
    caller: StudioCaller,
    Path((org, project, environment)): EnvironmentIds,
    Json(request): Json<PolicyRequest>,
) -> Outcome<Response> {
    let ids = (org.as_str(), project.as_str(), environment.as_str());
    let (place, _) = enter_environment(&app, &caller, ids, Permission::GamesManage).await?;
    let PolicyRequest { policy, version, url, required } = request;
    let new = Policy { policy, version, url, required, published_at_ms: 0 };
    let actor = caller.actor();
    let published = app
        .sql
        .all_games()
        .transaction::<_, Failure, _>(move |tx| {
            async move {
                let policy = privacy::publish_policy(tx, &place.game, new).await?;
                let entry = actor.did(&place.org, "policy.publish", "policy", &policy.policy);
                let entry = entry.after("game", place.game.as_str()).after("version", &policy.version);
                let entry = entry.after("required", policy.required.to_string());
                record(tx, entry.after("url", &policy.url)).await?;
                Ok(policy)
            }
            .boxed()
        })
        .await?;
    Ok(answer::<PublishPolicy>(&published))
}
