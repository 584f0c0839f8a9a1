//! `AeThexCloud.auth`: accounts. A file a topic: logins are here, [`options`] has what a script may say about
//! them, [`oauth`] logins in the browser, [`identities`] the ways in and the merge of a guest, [`email`]
//! addresses and passwords, [`sessions`] the list of logins, [`profile`] profile, preferences and avatar.

mod email;
mod identities;
mod oauth;
mod options;
mod profile;
mod sessions;

pub(crate) use identities::AeThexMergeSlot;
pub(crate) use oauth::open_browser;

use crate::call::{self, CALL_TIME_MAX};
use crate::optional::Optional;
use crate::result::Fields;
use crate::runtime;
use crate::settings::text;
use crate::user::AeThexUser;
use aethex_sdk_core::{Error, LoginOptions, RegisterOptions, User};
use godot::builtin::{GString, Signal, Variant};
use godot::classes::Object;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};
use std::time::Duration;

/// Longest time of a call that may make an account: a server under attack asks for a proof of work, and the
/// SDK looks for it for up to five minutes, twice at most.
const NEW_ACCOUNT_TIME_MAX: Duration = Duration::from_secs(11 * 60);

/// Accounts and the player's session, as `AeThexCloud.auth`.
///
/// The session survives restarts and works offline. Every call that is awaited yields an [AeThexResult].
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexAuth {
    base: Base<Object>,
}

#[godot_api]
impl AeThexAuth {
    /// A player logged in, or the stored session was restored at the start.
    #[signal]
    fn logged_in(user: Gd<AeThexUser>);

    /// The player logged out on this device.
    #[signal]
    fn logged_out();

    /// The server ended the session: ask the player to log in again. Unsent saves stay on this device.
    #[signal]
    fn session_expired();

    /// A login with a provider has a page for the player's browser. When something is connected here, it shows
    /// the page; otherwise the system's browser does.
    #[signal]
    fn browser_needed(url: GString);

    /// Logs in with email and password. Options: `remember` (true: the session survives the game's end),
    /// `keep_guest` (false: when a guest is logged in, whether [method merge_guest] may follow). Yields
    /// `result.user`.
    #[func]
    fn login_email(
        &self,
        email: Variant,
        password: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let (email, password) = (text(&email, "email")?, text(&password, "password")?);
                Ok(cloud.auth().login_with(&email, &password, options::login(&options, "login_email()")?))
            },
            with_user,
        )
    }

    /// Makes an account and logs it in. Without a username the server makes one from the email. Options as those
    /// of [method login_email], and `proof_token`: the token of a CAPTCHA, for servers that ask for one with
    /// `AeThexCloud.ERROR_PROOF_REQUIRED`. Yields `result.user`.
    #[func]
    fn register_email(
        &self,
        email: Variant,
        password: Variant,
        #[opt(default = Optional::default())] username: Optional,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Signal {
        call::start(
            NEW_ACCOUNT_TIME_MAX,
            |cloud| {
                let (email, password) = (text(&email, "email")?, text(&password, "password")?);
                let login = options::new_account(&options, "register_email()")?;
                let options = RegisterOptions {
                    username: text_given(&username, "username")?,
                    proof_token: login.proof_token.clone(),
                    login,
                };
                Ok(cloud.auth().register_with(&email, &password, options))
            },
            with_user,
        )
    }

    /// Logs in as this device's guest, without any question; the first time an account is made. The same device
    /// is the same guest, also after a logout. Options: `remember`, `proof_token`. Yields `result.user`.
    #[func]
    fn login_guest(&self, #[opt(default = Optional::default())] options: Optional) -> Signal {
        call::start(
            NEW_ACCOUNT_TIME_MAX,
            |cloud| {
                let options =
                    LoginOptions { keep_guest: false, ..options::new_account(&options, "login_guest()")? };
                Ok(cloud.auth().login_guest_with(options))
            },
            with_user,
        )
    }

    /// Throws this device's guest away, for good: unless something was linked to the guest's account, nobody can
    /// open it again. The next [method login_guest] makes another one.
    #[func]
    fn forget_guest(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().forget_guest()), nothing)
    }

    /// Ends the session on this device, at once and also offline; the server is told when it can be reached.
    /// Need not be awaited.
    #[func]
    fn logout(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().logout()), nothing)
    }

    /// Ends every session of the account, on all devices. Needs the server's word.
    #[func]
    fn logout_everywhere(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().logout_everywhere()), nothing)
    }

    /// The player who is logged in, as this device last saw the profile; null when nobody is. Does not touch
    /// the network.
    #[func]
    fn get_current_user(&self) -> Option<Gd<AeThexUser>> {
        let user = runtime::cloud().ok()?.auth().current_user()?;
        Some(AeThexUser::of(&user))
    }

    /// Whether a player is logged in.
    #[func]
    fn is_logged_in(&self) -> bool {
        runtime::cloud().is_ok_and(|cloud| cloud.auth().is_logged_in())
    }
}

fn with_user(user: User) -> Result<Fields, Error> {
    Ok(Fields::default().with("user", AeThexUser::of(&user)))
}

fn nothing((): ()) -> Result<Fields, Error> {
    Ok(Fields::default())
}

/// A text that may be left out, null or empty.
fn text_given(value: &Optional, what: &str) -> Result<Option<String>, Error> {
    let given = value.given().map(|value| text(value, what)).transpose()?;
    Ok(given.filter(|given| !given.is_empty()))
}
