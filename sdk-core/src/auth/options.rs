//! What a game may say about a login.

use crate::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a player may take in the browser unless the game says otherwise: an account with the provider
/// may have to be found, or made.
const OAUTH_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5 * 60);

/// How a login is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginOptions {
    /// Whether the session outlives the process; true unless set. Without it nothing of the session is
    /// written to this device: it ends with the process, for the server some time later. For shared machines.
    /// Saves made meanwhile are still kept on this device until they are sent.
    pub remember: bool,
    /// When the player who is logged in is a guest: keeps the guest's session, so that
    /// [`crate::Auth::merge_guest`] can move everything the guest has into the account. False unless set: the
    /// guest is logged out, and stays an account of its own that [`crate::Auth::login_guest`] opens again.
    pub keep_guest: bool,
    /// The token of a CAPTCHA, where the backend asks new accounts for one: see [`RegisterOptions::proof_token`].
    /// For logins that make an account: as a guest, with a provider.
    pub proof_token: Option<String>,
}

impl Default for LoginOptions {
    fn default() -> LoginOptions {
        LoginOptions { remember: true, keep_guest: false, proof_token: None }
    }
}

/// How a new account is made.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RegisterOptions {
    /// The username; the server makes one from the email without it.
    pub username: Option<String>,
    /// The token of a CAPTCHA, from the widget on the game's web page. Only for backends that ask for one: they
    /// refuse with `ProofRequired`, and [`Error::challenge`] names the CAPTCHA and its site key. A proof of work,
    /// which is the default, is found by the SDK itself.
    pub proof_token: Option<String>,
    /// As [`LoginOptions::remember`] and [`LoginOptions::keep_guest`].
    pub login: LoginOptions,
}

/// How a login with a provider goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthOptions {
    /// Opens the player's browser. Without it [`crate::Config::browser`] decides.
    pub open_browser: Option<OpenBrowser>,
    /// How long the player may take in the browser; five minutes unless set, at most half an hour.
    pub timeout: Duration,
    /// How the login is kept. Not used for linking.
    pub login: LoginOptions,
}

impl Default for OauthOptions {
    fn default() -> OauthOptions {
        OauthOptions { open_browser: None, timeout: OAUTH_TIMEOUT_DEFAULT, login: LoginOptions::default() }
    }
}

/// A way to show a page to the player.
#[derive(Clone)]
pub struct OpenBrowser(Arc<OpenFn>);

type OpenFn = dyn Fn(&str) -> Result<(), Error> + Send + Sync;

impl OpenBrowser {
    /// Calls `open` with the page's address, on the SDK's thread: it must not wait. An error ends the login
    /// with that error.
    pub fn new(open: impl Fn(&str) -> Result<(), Error> + Send + Sync + 'static) -> OpenBrowser {
        OpenBrowser(Arc::new(open))
    }

    pub(crate) fn open(&self, url: &str) -> Result<(), Error> {
        (self.0)(url)
    }
}

impl fmt::Debug for OpenBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenBrowser")
    }
}

impl PartialEq for OpenBrowser {
    fn eq(&self, other: &OpenBrowser) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OpenBrowser {}

impl fmt::Debug for LoginOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginOptions")
            .field("remember", &self.remember)
            .field("keep_guest", &self.keep_guest)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RegisterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterOptions")
            .field("username", &self.username)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}
