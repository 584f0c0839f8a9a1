//! Ways into an account: what there is, what is linked and unlinked, and the merge of a guest.

use super::{Auth, OauthOptions, merge, oauth, rules};
use crate::cloud::Shared;
use crate::http::Request;
use crate::{Error, Identity, MergeChoice, User};
use aethex_wire::auth::identities::{LinkEmail, LinkEmailRequest, ListIdentities, Unlink};
use aethex_wire::auth::oauth::ListProviders;
use aethex_wire::endpoint::None as Nothing;
use std::future::Future;

impl Auth {
    /// Names of the providers that players of this game can log in with: `google`, `github`, `discord`, `oidc`.
    ///
    /// # Errors
    /// `Offline`, `Timeout`.
    pub fn providers(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send + use<> {
        self.call(move |shared| async move {
            let request = Request::of::<ListProviders>(&[], &Nothing {});
            Ok(shared.session.send_public(&request).await?.json::<ListProviders>()?.items)
        })
    }

    /// Logs in with a provider, in the player's browser; the first time an account is made. A player who was
    /// logged in before is logged out; a guest may be kept.
    ///
    /// The SDK listens on a port of this device for the browser's answer, for as long as the login takes. A
    /// second login with a provider takes the place of one that still waits, which ends with `Cancelled`.
    /// [`crate::Cloud::cancel`] ends it, too.
    ///
    /// # Errors
    /// `Cancelled` (the player refused, or it was cancelled), `OauthRefused` (the provider refused, or its answer
    /// cannot be trusted), `Browser` (no browser opens, or no answer came in time), `UnknownProvider`,
    /// `ProviderUnavailable`, `AccountExists` (an account has this address: log in to it, then link the
    /// provider), `ProofRequired` and `InvalidProof` (the backend wants the token of a CAPTCHA), `RateLimited`,
    /// `Offline`, `Timeout`; `Storage` when the session could not be kept (then nobody is logged in).
    pub fn login_oauth(
        &self,
        provider: &str,
        options: OauthOptions,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let provider = provider.to_owned();
        self.call(move |shared| async move { oauth::login(&shared, &provider, options).await })
    }

    /// Links a provider to the player's account, in the browser: the account of a guest becomes one that can be
    /// opened from anywhere.
    ///
    /// # Errors
    /// `IdentityTaken` (it belongs to another account: log in to that one with `keep_guest`, then
    /// [`Auth::merge_guest`]), `AlreadyLinked`, `NotLoggedIn`, `SessionEnded`, `LoginRequired`; otherwise as
    /// [`Auth::login_oauth`].
    pub fn link_oauth(
        &self,
        provider: &str,
        options: OauthOptions,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let provider = provider.to_owned();
        self.call(move |shared| async move { oauth::link(&shared, &provider, options).await })
    }

    /// Lists the ways into the player's account, oldest first.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn identities(&self) -> impl Future<Output = Result<Vec<Identity>, Error>> + Send + use<> {
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<ListIdentities>(&[], &Nothing {});
            Ok(shared.session.send(&player, &request).await?.json::<ListIdentities>()?.items)
        })
    }

    /// Gives the player's account an email and a password: the account of a guest becomes one that can be
    /// opened from anywhere. Without a username the one it has stays.
    ///
    /// # Errors
    /// `IdentityTaken` (log in to that account with `keep_guest`, then [`Auth::merge_guest`]), `AlreadyLinked`,
    /// `InvalidEmail`, `WeakPassword`, `InvalidUsername`, `UsernameTaken`, `LoginRequired`, `NotLoggedIn`,
    /// `SessionEnded`, `RateLimited`, `Offline`, `Timeout`.
    pub fn link_email(
        &self,
        email: &str,
        password: &str,
        username: Option<String>,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let body = LinkEmailRequest { email: email.to_owned(), password: password.to_owned(), username };
        self.call(move |shared| async move { link_email(&shared, body).await })
    }

    /// Removes a way into the player's account: `password`, `device` or a provider's name.
    ///
    /// # Errors
    /// `LastIdentity`, `NotFound`, `LoginRequired`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn unlink(&self, provider: &str) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let provider = provider.to_owned();
        self.call(move |shared| async move {
            let player = shared.session.player().await?;
            let request = Request::of::<Unlink>(&[&provider], &Nothing {});
            let user = shared.session.send(&player, &request).await?.json::<Unlink>()?;
            super::profile::keep(&shared, user).await
        })
    }

    /// The guest that a login with `keep_guest` kept, for [`Auth::merge_guest`]; none when the player who is
    /// logged in is not the one who logged in then. Does not touch the network.
    pub fn kept_guest(&self) -> Option<User> {
        self.shared.session.kept_guest()
    }

    /// Moves everything that the kept guest has into the account of the player who is logged in; then the
    /// guest is gone. The guest's saves that have not been sent are sent first. `slots` says what happens to
    /// slots that both have; without it the merge is refused when there are such.
    ///
    /// # Errors
    /// `MergeConflict` with [`Error::merge`]: both have slots of the same name, nothing has changed, call again
    /// with a choice. `InvalidArgument`: no guest is kept. `SavesConflict`, or the refusal of a save, of the
    /// guest: log in as the guest and resolve it. `SessionEnded`: the guest's session ended, log in as the guest
    /// again and begin anew. `NotLoggedIn`, `RateLimited`, `Offline`, `Timeout`, `Storage`.
    pub fn merge_guest(
        &self,
        slots: Option<MergeChoice>,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.call(move |shared| async move { merge::merge_guest(&shared, slots).await })
    }

    /// Lets the kept guest go without a merge: its session ends. It stays an account of its own, which
    /// [`Auth::login_guest`] opens. Without a kept guest this does nothing.
    ///
    /// # Errors
    /// `Storage` when the guest's tokens could not be removed from the disk.
    pub fn release_guest(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move { shared.session.release_guest().await })
    }
}

async fn link_email(shared: &Shared, body: LinkEmailRequest) -> Result<User, Error> {
    rules::check_registration(&body.email, &body.password, body.username.as_deref())?;
    let player = shared.session.player().await?;
    let request = Request::of::<LinkEmail>(&[], &Nothing {}).json(&body);
    let user = shared.session.send(&player, &request).await?.json::<LinkEmail>()?;
    super::profile::keep(shared, user).await
}
