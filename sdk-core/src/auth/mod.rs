//! Accounts: register, log in and out, and everything that belongs to an account.
//!
//! The session itself (tokens, their store and refresh) lives in [`crate::session`]; this module is the
//! public face and the calls, a file a topic: logins are here, [`email`] has addresses and passwords,
//! [`identities`] the ways in and the merge of a guest, [`sessions`] the list of logins, [`profile`] profile,
//! preferences and avatar. [`merge`] moves a guest into an account; [`oauth`] runs a login in the browser, with [`loopback`] as its ear; [`proof`] does
//! the work that new accounts cost. A session survives restarts and works offline: [`Auth::current_user`] and
//! [`Auth::is_logged_in`] answer from this device. Logging out is local first: it holds at once, also
//! without a network, and the server is told as soon as it can be reached.

mod api;
mod email;
mod identities;
mod loopback;
mod merge;
mod oauth;
mod options;
mod profile;
mod proof;
mod rules;
mod sessions;

use crate::cloud::Shared;
use crate::{Error, User};
pub(crate) use oauth::OauthState;
pub use options::{LoginOptions, OauthOptions, OpenBrowser, RegisterOptions};
pub(crate) use rules::check_email;
use std::future::Future;
use std::sync::Arc;

/// Accounts and the player's session.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Auth {
    shared: Arc<Shared>,
}

impl Auth {
    pub(crate) fn new(shared: Arc<Shared>) -> Auth {
        Auth { shared }
    }

    /// A future that runs a call on the SDK's thread.
    fn call<T, F, C>(&self, op: C) -> impl Future<Output = Result<T, Error>> + Send + use<T, F, C>
    where
        C: FnOnce(Arc<Shared>) -> F,
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.shared.pump.call(op(Arc::clone(&self.shared)))
    }

    /// Makes an account and logs it in. Without a username the server makes one from the email.
    ///
    /// # Errors
    /// As [`Auth::register_with`].
    pub fn register(
        &self,
        email: &str,
        password: &str,
        username: Option<String>,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.register_with(email, password, RegisterOptions { username, ..RegisterOptions::default() })
    }

    /// Makes an account and logs it in. Where the backend asks for a proof of work, it is found first, on a
    /// thread of its own; that takes a phone some seconds.
    ///
    /// # Errors
    /// `InvalidEmail`, `WeakPassword`, `InvalidUsername`, `EmailTaken`, `UsernameTaken`, `EmailUnverified`
    /// (the account is made: follow the mail, then log in), `ProofRequired` and `InvalidProof` (the backend
    /// wants the token of a CAPTCHA), `RateLimited`, `Offline`, `Timeout`; `Storage` when the session could not
    /// be kept (then nobody is logged in).
    pub fn register_with(
        &self,
        email: &str,
        password: &str,
        options: RegisterOptions,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let (email, password) = (email.to_owned(), password.to_owned());
        self.call(move |shared| async move { api::register(&shared, email, password, options).await })
    }

    /// Logs in with email and password. A player who was logged in before is logged out.
    ///
    /// # Errors
    /// As [`Auth::login_with`].
    pub fn login(
        &self,
        email: &str,
        password: &str,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.login_with(email, password, LoginOptions::default())
    }

    /// Logs in with email and password. A player who was logged in before is logged out; a guest may be kept.
    ///
    /// # Errors
    /// `InvalidCredentials`, `EmailUnverified`, `RateLimited`, `Overloaded`, `Offline`, `Timeout`; `Storage`
    /// when the session could not be kept (then nobody is logged in).
    pub fn login_with(
        &self,
        email: &str,
        password: &str,
        options: LoginOptions,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let (email, password) = (email.to_owned(), password.to_owned());
        self.call(move |shared| async move { api::login(&shared, email, password, options).await })
    }

    /// Logs in as this device's guest, without any question; the first time an account is made.
    ///
    /// # Errors
    /// As [`Auth::login_guest_with`].
    pub fn login_guest(&self) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.login_guest_with(LoginOptions::default())
    }

    /// Logs in as this device's guest. The key that opens the guest's account is made once a backend and game,
    /// is kept beside the session, and stays there after a logout: the same device is the same guest. When
    /// something was linked to the guest's account, the key still opens it.
    ///
    /// # Errors
    /// `Storage` when the key cannot be kept, or when there is one that cannot be read (a keyring that is locked
    /// or gone, a damaged file): a second key would be another account, and the saves of the first would be out
    /// of reach. [`Auth::forget_guest`] gives the first up for good. `ProofRequired` and `InvalidProof` (the
    /// backend wants the token of a CAPTCHA), `RateLimited`, `Offline`, `Timeout`.
    pub fn login_guest_with(
        &self,
        options: LoginOptions,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        self.call(move |shared| async move { api::login_guest(&shared, options).await })
    }

    /// Throws this device's guest key away, for good: the guest's account, unless something was linked to it,
    /// can never be opened again, and the next [`Auth::login_guest`] makes another one. A session that is open
    /// stays.
    ///
    /// # Errors
    /// `Storage`.
    pub fn forget_guest(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move { shared.session.forget_device_key().await })
    }

    /// Ends the session on this device, at once and also offline; the server is told when it can be
    /// reached. Unsent saves stay, and are sent after the next login of the same player; a guest's key stays,
    /// too. Without a session this does nothing.
    ///
    /// # Errors
    /// `Storage` when the tokens could not be removed from the disk; the session has ended in memory.
    pub fn logout(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move { shared.session.logout().await })
    }

    /// Ends every session of the account, here and elsewhere. Needs the server's word: when it fails, the
    /// session here goes on.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Offline`, `Timeout`.
    pub fn logout_everywhere(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move { api::logout_everywhere(&shared).await })
    }

    /// The player who is logged in, as this device last saw the profile. Does not touch the network.
    ///
    /// Right after the start it may wait, for at most a quarter of a second, for a stored session to be
    /// read. A session that a slow or locked keyring yields later is announced by
    /// [`crate::Event::LoggedIn`].
    pub fn current_user(&self) -> Option<User> {
        self.shared.session.current_user()
    }

    /// Whether a player is logged in; waits as [`Auth::current_user`] does.
    pub fn is_logged_in(&self) -> bool {
        self.current_user().is_some()
    }
}

/// Starts the background work: telling the server about logouts it missed.
pub(crate) fn start(shared: &Arc<Shared>) {
    let session = Arc::clone(&shared.session);
    shared.pump.background(async move { session.say_farewells().await });
}
