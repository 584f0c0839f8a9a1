//! Accounts: register, log in and out, profile.
//!
//! The session itself (tokens, their store and refresh) lives in [`crate::session`]; this module is the
//! public face and the calls. A session survives restarts and works offline: [`Auth::current_user`] and
//! [`Auth::is_logged_in`] answer from this device. Logging out is local first: it holds at once, also
//! without a network, and the server is told as soon as it can be reached.

mod api;
mod rules;

use crate::cloud::Shared;
use crate::{Error, ProfileChange, User};
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

    /// Makes an account and logs it in. Without a username the server makes one from the email.
    ///
    /// # Errors
    /// `InvalidEmail`, `WeakPassword`, `InvalidUsername`, `EmailTaken`, `UsernameTaken`, `RateLimited`,
    /// `Offline`, `Timeout`; `Storage` when the session could not be kept (then nobody is logged in).
    pub fn register(
        &self,
        email: &str,
        password: &str,
        username: Option<String>,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let (shared, email, password) = (Arc::clone(&self.shared), email.to_owned(), password.to_owned());
        self.shared.pump.call(async move { api::register(&shared, email, password, username).await })
    }

    /// Logs in with email and password. A player who was logged in before is logged out.
    ///
    /// # Errors
    /// `InvalidCredentials`, `RateLimited`, `Overloaded`, `Offline`, `Timeout`; `Storage` when the session
    /// could not be kept (then nobody is logged in).
    pub fn login(
        &self,
        email: &str,
        password: &str,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let (shared, email, password) = (Arc::clone(&self.shared), email.to_owned(), password.to_owned());
        self.shared.pump.call(async move { api::login(&shared, email, password).await })
    }

    /// Ends the session on this device, at once and also offline; the server is told when it can be
    /// reached. Unsent saves stay, and are sent after the next login of the same player. Without a
    /// session this does nothing.
    ///
    /// # Errors
    /// `Storage` when the tokens could not be removed from the disk; the session has ended in memory.
    pub fn logout(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move { shared.session.logout().await })
    }

    /// Ends every session of the account, here and elsewhere. Needs the server's word: when it fails, the
    /// session here goes on.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Offline`, `Timeout`.
    pub fn logout_everywhere(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move { api::logout_everywhere(&shared).await })
    }

    /// Reads the player's profile from the server, and keeps it for [`Auth::current_user`].
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn profile(&self) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move { api::profile(&shared).await })
    }

    /// Changes the player's profile; absent fields stay as they are.
    ///
    /// # Errors
    /// `InvalidUsername`, `UsernameTaken`, `InvalidArgument`, `NotLoggedIn`, `SessionEnded`, `Offline`,
    /// `Timeout`.
    pub fn update_profile(
        &self,
        change: ProfileChange,
    ) -> impl Future<Output = Result<User, Error>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        self.shared.pump.call(async move { api::update_profile(&shared, change).await })
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
