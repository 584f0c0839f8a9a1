//! The calls of multiplayer: one way for all of them, as all are of one kind.

use crate::Error;
use crate::cloud::Shared;
use crate::http::Request;
use aethex_wire::Endpoint;
use aethex_wire::endpoint::None as Nothing;
use serde::Serialize;

/// Asks an endpoint that takes no query and no body.
pub(super) async fn ask<E: Endpoint<Query = Nothing>>(
    shared: &Shared,
    variables: &[&str],
) -> Result<E::Response, Error> {
    send::<E>(shared, Request::of::<E>(variables, &Nothing {})).await
}

/// Asks an endpoint that takes a query.
pub(super) async fn query<E: Endpoint>(
    shared: &Shared,
    variables: &[&str],
    query: &E::Query,
) -> Result<E::Response, Error> {
    send::<E>(shared, Request::of::<E>(variables, query)).await
}

/// Asks an endpoint that takes a body.
pub(super) async fn post<E: Endpoint<Query = Nothing>>(
    shared: &Shared,
    variables: &[&str],
    body: &E::Request,
) -> Result<E::Response, Error>
where
    E::Request: Serialize,
{
    send::<E>(shared, Request::of::<E>(variables, &Nothing {}).json(body)).await
}

/// As [`post`], for what may be asked twice.
pub(super) async fn post_again<E: Endpoint<Query = Nothing>>(
    shared: &Shared,
    variables: &[&str],
    body: &E::Request,
) -> Result<E::Response, Error>
where
    E::Request: Serialize,
{
    send::<E>(shared, Request::of::<E>(variables, &Nothing {}).json(body).repeatable()).await
}

/// As [`post_again`], for what must not be done twice: the backend knows the request again by its key.
pub(super) async fn post_once<E: Endpoint<Query = Nothing>>(
    shared: &Shared,
    variables: &[&str],
    body: &E::Request,
) -> Result<E::Response, Error>
where
    E::Request: Serialize,
{
    let mut request = Request::of::<E>(variables, &Nothing {}).json(body).repeatable();
    request.idempotency_key = Some(crate::clock::random_id());
    send::<E>(shared, request).await
}

async fn send<E: Endpoint>(shared: &Shared, request: Request) -> Result<E::Response, Error> {
    let player = shared.session.player().await?;
    shared.session.send(&player, &request).await?.json::<E>()
}
