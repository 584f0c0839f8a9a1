//! `AeThexUser` and `AeThexPlayer`: profiles, as the player and as others see them.

use crate::runtime;
use aethex_sdk_core::{PublicProfile, User, Visibility};
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
    /// The account's email; empty when it has none.
    #[var(no_set)]
    email: GString,
    /// Whether the player has shown that the mailbox is theirs.
    #[var(no_set)]
    email_verified: bool,
    /// Whether this device is the only way in: offer to link an email or a provider.
    #[var(no_set)]
    is_guest: bool,
    /// The login name that others see; unique within the game.
    #[var(no_set)]
    username: GString,
    /// The name to show, in any script; the username until it is set.
    #[var(no_set)]
    display_name: GString,
    /// Address of the avatar picture; empty when there is none.
    #[var(no_set)]
    avatar_url: GString,
    /// Who may see the profile: `"public"`, `"friends"` or `"private"`.
    #[var(no_set)]
    visibility: GString,
    /// Language of mails, as in `"pt-BR"`; empty until it is set.
    #[var(no_set)]
    locale: GString,
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
            fields.email_verified = user.email_verified;
            fields.is_guest = user.is_guest;
            fields.username = text(&user.username);
            fields.display_name = text(&user.display_name);
            fields.avatar_url = text(&runtime::address(&user.avatar_url));
            fields.visibility = GString::from(match user.visibility {
                Visibility::Public => "public",
                Visibility::Friends => "friends",
                Visibility::Private => "private",
            });
            fields.locale = text(&user.locale);
            fields.created_at = user.created_at_ms.div_euclid(1000);
        }
        made
    }
}

/// A player as other players see them.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexPlayer {
    /// The player's id.
    #[var(no_set)]
    id: GString,
    /// The login name.
    #[var(no_set)]
    username: GString,
    /// The name to show.
    #[var(no_set)]
    display_name: GString,
    /// Address of the avatar picture; empty when there is none.
    #[var(no_set)]
    avatar_url: GString,
}

#[godot_api]
impl IRefCounted for AeThexPlayer {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexPlayer {}>", self.username))
    }
}

#[godot_api]
impl AeThexPlayer {}

impl AeThexPlayer {
    pub(crate) fn of(player: &PublicProfile) -> Gd<AeThexPlayer> {
        let mut made = AeThexPlayer::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(player.id.as_str());
            fields.username = text(&player.username);
            fields.display_name = text(&player.display_name);
            fields.avatar_url = text(&runtime::address(&player.avatar_url));
        }
        made
    }
}

/// Text of the server for Godot, which would cut it off at a NUL character.
pub(crate) fn text(text: &str) -> GString {
    if text.contains('\0') { GString::from(&text.replace('\0', "\u{fffd}")) } else { GString::from(text) }
}
