//! Addresses and passwords.

use super::{Auth, rules};
use crate::Error;
use crate::cloud::Shared;
use crate::http::Request;
use aethex_wire::auth::email::{
    ChangeEmail, ChangeEmailRequest, ChangePassword, ChangePasswordRequest, ForgotPassword,
    ForgotPasswordRequest, ResetPassword, ResetPasswordRequest, SendVerification, VerifyEmail,
    VerifyEmailRequest,
};
use aethex_wire::endpoint::None as Nothing;
use std::future::Future;

impl Auth {
    /// Changes the password. Every session of the account ends; this device gets a new one at once, without a
    /// word to the player. `old` is not needed for an account that has no password yet.
    ///
    /// # Errors
    /// `InvalidCredentials` (the old password is wrong), `WeakPassword`, `LoginRequired`, `RateLimited`,
    /// `NotLoggedIn`, `SessionEnded`, `Offline`. `Timeout`, or a broken connection: the change may have been
    /// made, then [`crate::Event::SessionExpired`] follows with the next request.
    pub fn change_password(
        &self,
        old: Option<&str>,
        new: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let body = ChangePasswordRequest { password: old.map(str::to_owned), new_password: new.to_owned() };
        self.call(move |shared| async move { change_password(&shared, body).await })
    }

    /// Begins a change of the address: a code goes to the new one, a notice to the old one. The change counts
    /// once [`Auth::verify_email`] gets the code. `password` is not needed for an account that has none.
    ///
    /// # Errors
    /// `InvalidEmail`, `InvalidCredentials`, `LoginRequired`, `RateLimited`, `NotLoggedIn`, `SessionEnded`,
    /// `Offline`, `Timeout`.
    pub fn change_email(
        &self,
        email: &str,
        password: Option<&str>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let body = ChangeEmailRequest { email: email.to_owned(), password: password.map(str::to_owned) };
        self.call(move |shared| async move { change_email(&shared, body).await })
    }

    /// Sends the mail that verifies the account's address again.
    ///
    /// # Errors
    /// `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn send_verification(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<SendVerification>(&[], &Nothing {});
            shared.session.send(&player, &request).await.map(drop)
        })
    }

    /// Confirms an address with the code of a mail; case, spaces and hyphens do not matter. Nobody needs to be
    /// logged in.
    ///
    /// # Errors
    /// `InvalidCode`, `RateLimited`, `Offline`, `Timeout`.
    pub fn verify_email(&self, code: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let body = VerifyEmailRequest { code: code.to_owned() };
        self.call(move |shared| async move { verify_email(&shared, body).await })
    }

    /// Asks for a mail that resets the password. Succeeds as well when no account has the address: nobody
    /// learns who plays.
    ///
    /// # Errors
    /// `InvalidEmail`, `RateLimited`, `Offline`, `Timeout`.
    pub fn forgot_password(&self, email: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let body = ForgotPasswordRequest { email: email.to_owned() };
        self.call(move |shared| async move {
            rules::check_email(&body.email)?;
            let request = Request::of::<ForgotPassword>(&[], &Nothing {}).json(&body);
            shared.session.send_public(&request).await.map(drop)
        })
    }

    /// Sets a new password by the code of a mail. Every session of the account ends: log in again.
    ///
    /// # Errors
    /// `InvalidCode`, `WeakPassword`, `RateLimited`, `Offline`, `Timeout`.
    pub fn reset_password(
        &self,
        code: &str,
        new: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let body = ResetPasswordRequest { code: code.to_owned(), new_password: new.to_owned() };
        self.call(move |shared| async move {
            rules::check_code(&body.code)?;
            rules::check_new_password(&body.new_password)?;
            let request = Request::of::<ResetPassword>(&[], &Nothing {}).json(&body);
            shared.session.send_public(&request).await.map(drop)
        })
    }
}

async fn change_password(shared: &Shared, body: ChangePasswordRequest) -> Result<(), Error> {
    rules::check_new_password(&body.new_password)?;
    let player = shared.session.player().await?;
    let request = Request::of::<ChangePassword>(&[], &Nothing {}).json(&body);
    shared.session.send_and_adopt::<ChangePassword>(&player, &request).await
}

async fn change_email(shared: &Shared, body: ChangeEmailRequest) -> Result<(), Error> {
    rules::check_email(&body.email)?;
    let player = shared.session.player().await?;
    let request = Request::of::<ChangeEmail>(&[], &Nothing {}).json(&body);
    shared.session.send(&player, &request).await.map(drop)
}

async fn verify_email(shared: &Shared, body: VerifyEmailRequest) -> Result<(), Error> {
    rules::check_code(&body.code)?;
    let request = Request::of::<VerifyEmail>(&[], &Nothing {}).json(&body);
    shared.session.send_public(&request).await?;
    // The offline copy learns of the address now rather than later; that it cannot is no failure.
    if shared.session.player_now().is_some()
        && let Err(error) = super::profile::read(shared).await
    {
        tracing::debug!(code = error.code.as_str(), "the profile is read later");
    }
    Ok(())
}
