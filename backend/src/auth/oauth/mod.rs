//! Login with a provider: OAuth 2.0 authorization code with PKCE, and OpenID Connect.
//!
//! `start` checks the redirect and seals a [`flow::Flow`]: nonce, challenge and state's digest, for this game and
//! this provider. The game opens the browser and brings back code, state and verifier. Completing checks them
//! against the flow, reads what is public (discovery, keys), writes down that the flow is used, spends the code,
//! checks the id token, and lets [`identities`](super::identities) log in or link.
//!
//! A flow counts once, from just before its code is spent. When the provider gives no answer to that, the flow is
//! given back and the same request may be repeated: nothing has come of it, and the provider counts codes itself.
//! Past that point the code is gone, and the player begins again.

pub(crate) mod config;
mod db;
mod document;
mod flow;
mod id_token;
mod net;
mod oidc;
mod plain;
mod provider;
mod rules;

use super::identities::{self, Entry};
use super::limits::Rate;
use super::tokens::address_digest;
use crate::app::{App, StartError};
use crate::context::now_ms;
use crate::error::{Failure, Outcome};
use crate::extract::{Address, Caller, Game, Json, Path};
use crate::http::{answer, mount};
use aethex_wire::ErrorCode;
use aethex_wire::auth::oauth::{
    LinkOauth, ListProviders, LoginOauth, OauthRequest, OauthStart, OauthStartRequest, Providers, StartOauth,
};
use aethex_wire::ids::GameId;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use config::OauthConfig;
use flow::{FLOW_TTL_MS, Flow};
use net::Net;
use provider::{Grant, Provider};
use rules::{Fault, Person, oauth_refused};
use std::net::IpAddr;
use std::sync::Arc;

pub(super) fn mount_routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = mount::<ListProviders, _, _>(router, list_providers);
    let router = mount::<StartOauth, _, _>(router, start);
    let router = mount::<LoginOauth, _, _>(router, login);
    mount::<LinkOauth, _, _>(router, link)
}

/// The providers that are on.
#[derive(Debug)]
pub(super) struct Oauth {
    providers: Vec<Provider>,
    net: Net,
    rate: Rate,
}

impl Oauth {
    pub(super) fn new(config: &OauthConfig) -> Result<Oauth, StartError> {
        if config.redirect_uris.iter().any(|uri| uri.len() > rules::REDIRECT_LEN_MAX) {
            return Err(StartError("`auth.oauth.redirect_uris` has one that is too long".into()));
        }
        Ok(Oauth {
            providers: provider::providers(config)?,
            net: Net::new(config)?,
            rate: Rate::new(config.attempts_per_address, config.attempt_per_address_s),
        })
    }

    fn provider(&self, name: &str) -> Outcome<&Provider> {
        let found = self.providers.iter().find(|provider| provider.name == name);
        found.ok_or_else(|| {
            Failure::new(
                ErrorCode::UnknownProvider,
                "This server is not set up for logins with this provider.",
            )
        })
    }
}

async fn list_providers(State(app): State<Arc<App>>, Game(_): Game) -> Outcome<Response> {
    let items = app.auth.oauth.providers.iter().map(|provider| provider.name.to_owned()).collect();
    Ok(answer::<ListProviders>(&Providers { items }))
}

async fn start(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<OauthStartRequest>,
) -> Outcome<Response> {
    let provider = app.auth.oauth.provider(&provider)?;
    rules::check_start(&request, &app.config.auth.oauth.redirect_uris)?;
    take_attempt(&app, "oauth-start", &game, address)?;
    let flow = Flow::begin(provider.name, &game, &request, now_ms());
    let url = provider.authorization_url(&app.auth.oauth.net, &flow, &request).await;
    let url = url.map_err(|fault| failed(provider, "start", &fault))?;
    Ok(answer::<StartOauth>(&OauthStart {
        authorization_url: url.into(),
        flow: flow.seal(app.auth.keys()),
        expires_in: FLOW_TTL_MS / 1000,
    }))
}

async fn login(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    Game(game): Game,
    Address(address): Address,
    Json(request): Json<OauthRequest>,
) -> Outcome<Response> {
    let provider = app.auth.oauth.provider(&provider)?;
    // Refused while the code is still good.
    super::rules::check_device_name(request.device_name.as_deref())?;
    super::names::check_locale(request.locale.as_deref())?;
    let person = complete(&app, provider, &game, address, &request).await?;
    let entry = Entry {
        provider: provider.name,
        subject: person.subject,
        label: person.label,
        verified_email: person.verified_email,
        display_name: person.name,
        device_name: request.device_name,
        locale: request.locale,
        address,
        proof: request.proof,
    };
    Ok(answer::<LoginOauth>(&identities::enter(&app, &game, entry).await?))
}

async fn link(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    caller: Caller,
    Address(address): Address,
    Json(request): Json<OauthRequest>,
) -> Outcome<Response> {
    let provider = app.auth.oauth.provider(&provider)?;
    let person = complete(&app, provider, &caller.game, address, &request).await?;
    let Person { subject, label, verified_email, .. } = person;
    let user = identities::link(&app, &caller, provider.name, subject, label, verified_email).await?;
    Ok(answer::<LinkOauth>(&user))
}

/// Whom the provider vouches for, at the end of a flow.
async fn complete(
    app: &App,
    provider: &Provider,
    game: &GameId,
    address: IpAddr,
    request: &OauthRequest,
) -> Outcome<Person> {
    take_attempt(app, "oauth-complete", game, address)?;
    let now = now_ms();
    let flow = Flow::open(app.auth.keys(), &request.flow);
    let flow = rules::check_completion(flow, provider.name, game, request, now)?;
    let net = &app.auth.oauth.net;
    let ready = provider.prepare(net, request.iss.as_deref()).await;
    let ready = ready.map_err(|fault| failed(provider, "prepare", &fault))?;
    let digest = flow.digest();
    if !db::burn(&app.sql, game, &digest, flow.expires_at_ms).await? {
        return Err(oauth_refused("The flow was used before: begin again."));
    }
    let grant = Grant {
        code: &request.code,
        redirect_uri: &flow.redirect_uri,
        code_verifier: &request.code_verifier,
    };
    let spent = match provider.exchange(net, &ready, &grant).await {
        Ok(spent) => spent,
        Err(fault) => {
            if matches!(fault, Fault::Unavailable(_)) {
                db::give_back(&app.sql, game, &digest).await?;
            }
            return Err(failed(provider, "exchange", &fault));
        }
    };
    let person = provider.person(net, &ready, &spent, &flow.nonce).await;
    person.map_err(|fault| {
        tell(provider, "person", &fault);
        match fault {
            Fault::Unavailable(_) => {
                oauth_refused("The provider stopped answering in the middle of the login: begin again.")
            }
            Fault::Refused(_) => oauth_refused("The provider's answer cannot be trusted: begin again."),
        }
    })
}

fn take_attempt(app: &App, kind: &'static str, game: &GameId, address: IpAddr) -> Outcome<()> {
    let digest = address_digest(app.auth.keys(), address);
    app.auth.limiter.take((kind, game, &digest), app.auth.oauth.rate, now_ms()).map_err(Failure::rate_limited)
}

/// The failure of a step that leaves the code unspent, or refused.
fn failed(provider: &Provider, step: &'static str, fault: &Fault) -> Failure {
    tell(provider, step, fault);
    match fault {
        Fault::Unavailable(_) => {
            Failure::new(ErrorCode::ProviderUnavailable, "The provider cannot be reached: try again shortly.")
        }
        Fault::Refused(_) => {
            oauth_refused("The provider refused, or its answer cannot be trusted: begin again.")
        }
    }
}

/// What is told the operator: an outage now and then is nothing, many are something.
fn tell(provider: &Provider, step: &'static str, fault: &Fault) {
    match fault {
        Fault::Unavailable(why) => {
            tracing::warn!(provider = provider.name, step, why, "a provider cannot be reached");
        }
        Fault::Refused(why) => tracing::debug!(provider = provider.name, step, why, "a login was refused"),
    }
}
