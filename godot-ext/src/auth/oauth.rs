//! Logins with a provider, in the player's browser.

use super::{AeThexAuth, NEW_ACCOUNT_TIME_MAX, options, with_user};
use crate::call::{self, CALL_TIME_MAX};
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::text;
use aethex_sdk_core::{Cloud, Error, ErrorCode, OauthOptions, User};
use godot::builtin::{GString, Signal, Variant};
use godot::classes::{Object, Os};
use godot::global::Error as GodotError;
use godot::meta::ToGodot;
use godot::obj::{Gd, Singleton};
use godot::register::godot_api;
use std::cell::Cell;

thread_local! {
    /// The newest call that waits for a browser; the SDK lets no two wait.
    static WAITING: Cell<u64> = const { Cell::new(0) };
}

#[godot_api(secondary)]
impl AeThexAuth {
    /// Logs in with a provider in the player's browser: `"google"`, `"github"`, `"discord"` or `"oidc"`, as far as
    /// the server is set up for it ([method get_providers]). The first time an account is made. Options:
    /// `timeout` (seconds the player may take in the browser, 300 unless set), `remember` and `keep_guest` as in
    /// [method login_email], `proof_token` as in [method register_email].
    ///
    /// Need not be awaited: [signal logged_in] fires as well. A second call ends the first with
    /// `AeThexCloud.ERROR_CANCELLED`, and so does [method cancel_oauth]. Yields `result.user`.
    #[func]
    fn login_oauth(
        &self,
        provider: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Signal {
        in_browser(&options, "login_oauth()", |cloud, options| {
            Ok(cloud.auth().login_oauth(&text(&provider, "provider")?, options))
        })
    }

    /// Links a provider to the player's account, in the browser. Options: `timeout`. Yields `result.user`.
    ///
    /// `AeThexCloud.ERROR_IDENTITY_TAKEN` says that it belongs to another account: log in to that one with
    /// `keep_guest`, then [method merge_guest].
    #[func]
    fn link_oauth(
        &self,
        provider: Variant,
        #[opt(default = Optional::default())] options: Optional,
    ) -> Signal {
        in_browser(&options, "link_oauth()", |cloud, options| {
            Ok(cloud.auth().link_oauth(&text(&provider, "provider")?, options))
        })
    }

    /// Ends a login or link that waits for the player's browser; its result says `AeThexCloud.ERROR_CANCELLED`.
    #[func]
    fn cancel_oauth(&self) {
        call::give_up(
            WAITING.take(),
            Error::new(ErrorCode::Cancelled, "the login in the browser was cancelled"),
        );
    }

    /// Lists the providers that players of this game can log in with. The result can be iterated: each item is
    /// a String for [method login_oauth]. The array is also `result.providers`.
    #[func]
    fn get_providers(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.auth().providers()),
            |names: Vec<String>| {
                let names = names.iter().map(|name| crate::user::text(name).to_variant()).collect();
                Ok(Fields::default().list("providers", names))
            },
        )
    }
}

fn in_browser<F>(
    options: &Optional,
    name: &str,
    begin: impl FnOnce(&Cloud, OauthOptions) -> Result<F, Error>,
) -> Signal
where
    F: Future<Output = Result<User, Error>> + Send + 'static,
{
    let options = options::browser(options, name);
    let patience = options.as_ref().map(|options| options.timeout).unwrap_or_default();
    let (signal, id) =
        call::start_known(NEW_ACCOUNT_TIME_MAX + patience, |cloud| begin(cloud, options?), with_user);
    WAITING.set(id);
    signal
}

/// Shows a page to the player. Runs script code.
pub(crate) fn open_browser(auth: Option<Gd<Object>>, url: &str) {
    let url = GString::from(url);
    let is_heard = |auth: &Gd<Object>| !auth.get_signal_connection_list("browser_needed").is_empty();
    if let Some(mut auth) = auth.filter(is_heard) {
        auth.emit_signal("browser_needed", &[url.to_variant()]);
        return;
    }
    let opened = Os::singleton().shell_open(&url);
    if opened != GodotError::OK {
        let message = "the system's browser does not open: connect browser_needed and show the page yourself";
        call::give_up(WAITING.take(), Error::new(ErrorCode::Browser, message));
    }
}
