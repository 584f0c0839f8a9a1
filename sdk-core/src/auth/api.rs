//! The calls that begin and end a session, one function an endpoint.

use super::{LoginOptions, RegisterOptions, proof, rules};
use crate::cloud::Shared;
use crate::http::Request;
use crate::{Error, User};
use aethex_wire::auth::identities::{GuestRequest, LoginGuest};
use aethex_wire::auth::{Login, LoginRequest, Logout, LogoutRequest, Register, RegisterRequest};
use aethex_wire::endpoint::None as Nothing;

pub(crate) async fn register(
    shared: &Shared,
    email: String,
    password: String,
    options: RegisterOptions,
) -> Result<User, Error> {
    let RegisterOptions { username, proof_token, login } = options;
    rules::check_registration(&email, &password, username.as_deref())?;
    let answer = proof::send_with_proof(shared, proof_token.as_deref(), |proof| {
        let body = RegisterRequest {
            email: email.clone(),
            password: password.clone(),
            username: username.clone(),
            device_name: device_name(shared),
            locale: locale(shared),
            proof,
        };
        let mut request = Request::of::<Register>(&[], &Nothing {}).json(&body);
        // Servers that remember keys answer a repeat as before; it is still sent only when nothing was done.
        request.idempotency_key = Some(crate::clock::random_id());
        request
    })
    .await?;
    shared.session.begin(answer.json::<Register>()?, &login).await
}

pub(crate) async fn login(
    shared: &Shared,
    email: String,
    password: String,
    options: LoginOptions,
) -> Result<User, Error> {
    rules::check_login(&email, &password)?;
    let body = LoginRequest { email, password, device_name: device_name(shared) };
    let request = Request::of::<Login>(&[], &Nothing {}).json(&body);
    let answer = shared.session.send_public(&request).await?;
    shared.session.begin(answer.json::<Login>()?, &options).await
}

pub(crate) async fn login_guest(shared: &Shared, options: LoginOptions) -> Result<User, Error> {
    let device_key = shared.session.device_key().await?;
    let answer = proof::send_with_proof(shared, options.proof_token.as_deref(), |proof| {
        let body = GuestRequest {
            device_key: device_key.clone(),
            device_name: device_name(shared),
            locale: locale(shared),
            proof,
        };
        // The key names the account: a repeat finds what the first one made.
        Request::of::<LoginGuest>(&[], &Nothing {}).json(&body).repeatable()
    })
    .await?;
    let options = LoginOptions { keep_guest: false, ..options };
    shared.session.begin(answer.json::<LoginGuest>()?, &options).await
}

pub(crate) async fn logout_everywhere(shared: &Shared) -> Result<(), Error> {
    let player = shared.session.player().await?;
    let body = LogoutRequest { refresh_token: None, everywhere: true };
    let request = Request::of::<Logout>(&[], &Nothing {}).json(&body).repeatable();
    shared.session.send(&player, &request).await?;
    shared.session.forget(&player).await
}

pub(super) fn device_name(shared: &Shared) -> Option<String> {
    Some(shared.config.device_name.clone()).filter(|name| !name.is_empty())
}

pub(super) fn locale(shared: &Shared) -> Option<String> {
    Some(shared.config.locale.clone()).filter(|locale| !locale.is_empty())
}
