//! `AeThexUser`: the player's profile.

use aethex_sdk_core::User;
use godot::builtin::GString;
use godot::classes::IRefCounted;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// A player as the player sees it.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexUser {
    /// The player's id; it never changes.
    #[var(no_set)]
    id: GString,
    /// The account's email.
    #[var(no_set)]
    email: GString,
    /// The login name that others see; unique within the game.
    #[var(no_set)]
    username: GString,
    /// The name to show, in any script; the username until it is set.
    #[var(no_set)]
    display_name: GString,
    /// Address of the avatar picture; empty when there is none.
    #[var(no_set)]
    avatar_url: GString,
    /// When the account was made, in seconds since 1970 UTC.
    #[var(no_set)]
    created_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexUser {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexUser {}>", self.username))
    }
}

#[godot_api]
impl AeThexUser {}

impl AeThexUser {
    pub(crate) fn of(user: &User) -> Gd<AeThexUser> {
        let mut made = AeThexUser::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(user.id.as_str());
            fields.email = text(&user.email);
            fields.username = text(&user.username);
            fields.display_name = text(&user.display_name);
            fields.avatar_url = text(&user.avatar_url);
            fields.created_at = user.created_at_ms.div_euclid(1000);
        }
        made
    }
}

/// Text of the server for Godot, which would cut it off at a NUL character.
pub(crate) fn text(text: &str) -> GString {
    if text.contains('\0') { GString::from(&text.replace('\0', "\u{fffd}")) } else { GString::from(text) }
}
