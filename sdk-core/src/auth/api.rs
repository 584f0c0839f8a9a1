//! The calls of accounts, one function an endpoint.

use super::rules;
use crate::cloud::Shared;
use crate::http::Request;
use crate::{Error, ProfileChange, User};
use aethex_wire::auth::{
    GetProfile, Login, LoginRequest, Logout, LogoutRequest, PutProfile, Register, RegisterRequest,
};
use aethex_wire::endpoint::None as Nothing;

pub(crate) async fn register(
    shared: &Shared,
    email: String,
    password: String,
    username: Option<String>,
) -> Result<User, Error> {
    rules::check_registration(&email, &password, username.as_deref())?;
    let body = RegisterRequest {
        email,
        password,
        username,
        device_name: device_name(shared),
        locale: None,
        proof: None,
    };
    let mut request = Request::of::<Register>(&[], &Nothing {}).json(&body);
    // Servers that remember keys answer a repeat as before; it is still sent only when nothing was done.
    request.idempotency_key = Some(crate::clock::random_id());
    let answer = shared.session.send_public(&request).await?;
    shared.session.begin(answer.json::<Register>()?).await
}

pub(crate) async fn login(shared: &Shared, email: String, password: String) -> Result<User, Error> {
    rules::check_login(&email, &password)?;
    let body = LoginRequest { email, password, device_name: device_name(shared) };
    let request = Request::of::<Login>(&[], &Nothing {}).json(&body);
    let answer = shared.session.send_public(&request).await?;
    shared.session.begin(answer.json::<Login>()?).await
}

pub(crate) async fn logout_everywhere(shared: &Shared) -> Result<(), Error> {
    let player = shared.session.player().await?;
    let body = LogoutRequest { refresh_token: None, everywhere: true };
    let request = Request::of::<Logout>(&[], &Nothing {}).json(&body).repeatable();
    shared.session.send(&player, &request).await?;
    shared.session.forget(&player).await
}

pub(crate) async fn profile(shared: &Shared) -> Result<User, Error> {
    let player = shared.session.player().await?;
    let request = Request::of::<GetProfile>(&[], &Nothing {});
    keep(shared, shared.session.send(&player, &request).await?.json::<GetProfile>()?).await
}

pub(crate) async fn update_profile(shared: &Shared, change: ProfileChange) -> Result<User, Error> {
    rules::check_profile(&change)?;
    let player = shared.session.player().await?;
    let request = Request::of::<PutProfile>(&[], &Nothing {}).json(&change);
    keep(shared, shared.session.send(&player, &request).await?.json::<PutProfile>()?).await
}

/// The profile is an offline copy: failing to keep it does not fail the call.
async fn keep(shared: &Shared, user: User) -> Result<User, Error> {
    if let Err(error) = shared.session.update_user(&user).await {
        tracing::warn!(code = error.code.as_str(), "the profile's offline copy cannot be kept");
    }
    Ok(user)
}

fn device_name(shared: &Shared) -> Option<String> {
    Some(shared.config.device_name.clone()).filter(|name| !name.is_empty())
}
