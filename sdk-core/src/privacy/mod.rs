//! Privacy: policies, consents, age and parents, and a player's right to have a copy of everything and to
//! have it erased.
//!
//! Nothing of this is kept on this device: what is allowed is asked of the server, which decides. An
//! export is downloaded straight into a file.

mod api;

use crate::cloud::Shared;
use crate::wire::ids::{ExportId, ReceiptId};
use crate::{Error, Export, Policy, PrivacyState, Purpose, Receipt};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

/// What the player agrees to, what is known of the player, and its end.
///
/// The futures run on the SDK's thread whatever polls them, and can be given to [`crate::Cloud::submit`].
#[derive(Debug, Clone)]
pub struct Privacy {
    shared: Arc<Shared>,
}

impl Privacy {
    pub(crate) fn new(shared: Arc<Shared>) -> Privacy {
        Privacy { shared }
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

    /// Reads where the player's privacy stands: what is to be accepted, what was consented to, what is allowed.
    ///
    /// # Errors
    /// `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn state(&self) -> impl Future<Output = Result<PrivacyState, Error>> + Send + use<> {
        self.call(move |shared| async move { api::state(&shared).await })
    }

    /// Lists the newest version of each policy of the game. Nobody needs to be logged in.
    ///
    /// # Errors
    /// `Offline`, `Timeout`.
    pub fn policies(&self) -> impl Future<Output = Result<Vec<Policy>, Error>> + Send + use<> {
        self.call(move |shared| async move { api::policies(&shared).await })
    }

    /// Accepts a policy, in the version that the player was shown.
    ///
    /// # Errors
    /// `UnknownPolicy` (there is a newer version: show that one), `NotLoggedIn`, `SessionEnded`, `Offline`,
    /// `Timeout`.
    pub fn accept_policy(
        &self,
        policy: &str,
        version: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (policy, version) = (policy.to_owned(), version.to_owned());
        self.call(move |shared| async move { api::accept_policy(&shared, policy, version).await })
    }

    /// Gives a consent, or takes it back.
    ///
    /// # Errors
    /// `ParentRequired` (the player is a child), `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set_consent(
        &self,
        purpose: Purpose,
        granted: bool,
    ) -> impl Future<Output = Result<PrivacyState, Error>> + Send + use<> {
        self.call(move |shared| async move { api::set_consent(&shared, purpose, granted).await })
    }

    /// Says the player's age, once. Ask for it neutrally: without a hint at which answer opens more. Without the
    /// month the player counts as not having had this year's birthday.
    ///
    /// # Errors
    /// `InvalidArgument`, `AgeSaid`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn set_age(
        &self,
        birth_year: i64,
        birth_month: Option<i64>,
    ) -> impl Future<Output = Result<PrivacyState, Error>> + Send + use<> {
        self.call(move |shared| async move { api::set_age(&shared, birth_year, birth_month).await })
    }

    /// Asks a parent for consent, by mail.
    ///
    /// # Errors
    /// `InvalidEmail`, `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn ask_parent(&self, email: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let email = email.to_owned();
        self.call(move |shared| async move { api::ask_parent(&shared, email).await })
    }

    /// Asks for a copy of everything that is known of the player. It is made in the background: ask with
    /// [`Privacy::export`] how far it is.
    ///
    /// # Errors
    /// `RateLimited`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn start_export(&self) -> impl Future<Output = Result<Export, Error>> + Send + use<> {
        self.call(move |shared| async move { api::start_export(&shared).await })
    }

    /// Reads how far an export is.
    ///
    /// # Errors
    /// `NotFound`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn export(&self, id: ExportId) -> impl Future<Output = Result<Export, Error>> + Send + use<> {
        self.call(move |shared| async move { api::export(&shared, &id).await })
    }

    /// Downloads an export, a ZIP archive, into a file. What was there before is replaced, and only by the whole
    /// archive: until then, and when anything fails, it stays as it was.
    ///
    /// # Errors
    /// `ExportPending`, `NotFound`, `Storage`, `Protocol` (not the size that was announced), `NotLoggedIn`,
    /// `SessionEnded`, `Offline`, `Timeout`.
    pub fn download_export(
        &self,
        id: ExportId,
        path: &Path,
    ) -> impl Future<Output = Result<Export, Error>> + Send + use<> {
        let path = path.to_owned();
        self.call(move |shared| async move { api::download_export(&shared, &id, path).await })
    }

    /// Asks for the erasure of the account and everything that belongs to it. It is done after a time of grace,
    /// within which [`Privacy::cancel_erasure`] takes it back. `password` is not needed for an account that has
    /// none. Keep the receipt's id: it still answers when the account is gone.
    ///
    /// # Errors
    /// `InvalidCredentials`, `LoginRequired`, `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn erase_account(
        &self,
        password: Option<&str>,
    ) -> impl Future<Output = Result<Receipt, Error>> + Send + use<> {
        let password = password.map(str::to_owned);
        self.call(move |shared| async move { api::erase_account(&shared, password).await })
    }

    /// Takes an erasure back, within the time of grace.
    ///
    /// # Errors
    /// `NotFound` (none was asked for), `NotLoggedIn`, `SessionEnded`, `Offline`, `Timeout`.
    pub fn cancel_erasure(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.call(move |shared| async move { api::cancel_erasure(&shared).await })
    }

    /// Reads an erasure's receipt. Nobody needs to be logged in.
    ///
    /// # Errors
    /// `NotFound`, `Offline`, `Timeout`.
    pub fn receipt(&self, id: ReceiptId) -> impl Future<Output = Result<Receipt, Error>> + Send + use<> {
        self.call(move |shared| async move { api::receipt(&shared, &id).await })
    }
}
