//! Addresses and passwords.

use super::{AeThexAuth, nothing, text_given};
use crate::call::{self, CALL_TIME_MAX};
use crate::optional::Optional;
use crate::settings::text;
use godot::builtin::{Signal, Variant};
use godot::register::godot_api;

#[godot_api(secondary)]
impl AeThexAuth {
    /// Changes the password. `password` is the one until now; `""` for an account that has none. The account's
    /// sessions on other devices end; this one goes on.
    #[func]
    fn change_password(&self, password: Variant, new_password: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let old = text(&password, "password")?;
                let old = Some(old.as_str()).filter(|old| !old.is_empty());
                Ok(cloud.auth().change_password(old, &text(&new_password, "new_password")?))
            },
            nothing,
        )
    }

    /// Begins a change of the address: a code goes to the new one, a notice to the old one. The change counts once
    /// [method verify_email] gets the code. `password` is not needed for an account that has none.
    #[func]
    fn change_email(
        &self,
        email: Variant,
        #[opt(default = Optional::default())] password: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let password = text_given(&password, "password")?;
                Ok(cloud.auth().change_email(&text(&email, "email")?, password.as_deref()))
            },
            nothing,
        )
    }

    /// Sends the mail that verifies the account's address again.
    #[func]
    fn send_verification(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().send_verification()), nothing)
    }

    /// Confirms an address with the code of a mail; case, spaces and hyphens do not matter. Nobody needs to be
    /// logged in.
    #[func]
    fn verify_email(&self, code: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().verify_email(&text(&code, "code")?)), nothing)
    }

    /// Asks for a mail with a code that resets the password. Succeeds as well when no account has the address:
    /// nobody learns who plays.
    #[func]
    fn forgot_password(&self, email: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().forgot_password(&text(&email, "email")?)), nothing)
    }

    /// Sets a new password by the code of a mail. Every session of the account ends: log in again.
    #[func]
    fn reset_password(&self, code: Variant, new_password: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let code = text(&code, "code")?;
                Ok(cloud.auth().reset_password(&code, &text(&new_password, "new_password")?))
            },
            nothing,
        )
    }
}
