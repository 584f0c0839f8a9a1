//! `AeThexCloud.auth`: accounts.

use crate::call::{self, CALL_TIME_MAX};
use crate::error::argument;
use crate::optional::Optional;
use crate::result::Fields;
use crate::runtime;
use crate::settings::text;
use crate::user::AeThexUser;
use aethex_sdk_core::{Error, ProfileChange, User};
use godot::builtin::{AnyDictionary, Signal, Variant};
use godot::classes::Object;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};

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

    /// Logs in with email and password. Yields `result.user`.
    #[func]
    fn login_email(&self, email: Variant, password: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.auth().login(&text(&email, "email")?, &text(&password, "password")?)),
            with_user,
        )
    }

    /// Makes an account and logs it in. Without a username the server makes one from the email. Yields
    /// `result.user`.
    #[func]
    fn register_email(
        &self,
        email: Variant,
        password: Variant,
        #[opt(default = Optional::default())] username: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let username = username.given().map_or(Ok(String::new()), |name| text(name, "username"))?;
                let username = Some(username).filter(|name| !name.is_empty());
                Ok(cloud.auth().register(&text(&email, "email")?, &text(&password, "password")?, username))
            },
            with_user,
        )
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

    /// Reads the player's profile from the server. Yields `result.user`.
    #[func]
    fn get_profile(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().profile()), with_user)
    }

    /// Changes the player's profile: `username`, `display_name`; keys that are left out stay as they are.
    /// Yields `result.user`.
    #[func]
    fn update_profile(&self, changes: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.auth().update_profile(profile_change(&changes)?)),
            with_user,
        )
    }
}

fn with_user(user: User) -> Result<Fields, Error> {
    Ok(Fields::default().with("user", AeThexUser::of(&user)))
}

fn nothing((): ()) -> Result<Fields, Error> {
    Ok(Fields::default())
}

fn profile_change(changes: &Variant) -> Result<ProfileChange, Error> {
    let changes = changes.try_to::<AnyDictionary>().map_err(|_| {
        argument("update_profile() takes a dictionary, for example {\"display_name\": \"Ann\"}")
    })?;
    let mut change = ProfileChange::default();
    for (key, value) in changes.iter_shared() {
        let key = text(&key, "a key")?;
        match key.as_str() {
            "username" => change.username = Some(text(&value, &key)?),
            "display_name" => change.display_name = Some(text(&value, &key)?),
            _ => return Err(argument(format!("{key:?} cannot be changed in a profile"))),
        }
    }
    Ok(change)
}
