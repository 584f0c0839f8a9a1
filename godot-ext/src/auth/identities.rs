//! Ways into an account: links, and the merge of a guest.

use super::{AeThexAuth, NEW_ACCOUNT_TIME_MAX, nothing, text_given, with_user};
use crate::call::{self, CALL_TIME_MAX};
use crate::error::argument;
use crate::optional::Optional;
use crate::result::Fields;
use crate::runtime;
use crate::settings::text;
use crate::user::{AeThexUser, text as godot_text};
use aethex_sdk_core::wire::auth::identities::MergeSlot;
use aethex_sdk_core::{Error, Identity, MergeChoice};
use godot::builtin::{GString, Signal, Variant};
use godot::classes::IRefCounted;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// A way into an account.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexIdentity {
    /// `"password"`, `"device"`, or a provider's name; for [method AeThexAuth.unlink].
    #[var(no_set)]
    provider: GString,
    /// What the player knows it by: the address, the device's or the provider's name for the player.
    #[var(no_set)]
    label: GString,
    /// When it was linked, in seconds since 1970 UTC.
    #[var(no_set)]
    linked_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexIdentity {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexIdentity {}>", self.provider))
    }
}

#[godot_api]
impl AeThexIdentity {}

impl AeThexIdentity {
    fn of(identity: &Identity) -> Gd<AeThexIdentity> {
        let mut made = AeThexIdentity::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.provider = godot_text(&identity.provider);
            fields.label = godot_text(&identity.label);
            fields.linked_at = identity.linked_at_ms.div_euclid(1000);
        }
        made
    }
}

/// A save slot that both accounts of a merge have; see [method AeThexAuth.merge_guest].
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexMergeSlot {
    /// The slot's name.
    #[var(no_set)]
    slot: GString,
    /// When the save of the account that stays was made, in seconds since 1970 UTC.
    #[var(no_set)]
    mine_timestamp: i64,
    /// Its played time in seconds.
    #[var(no_set)]
    mine_playtime: f64,
    /// When the guest's save was made, in seconds since 1970 UTC.
    #[var(no_set)]
    other_timestamp: i64,
    /// Its played time in seconds.
    #[var(no_set)]
    other_playtime: f64,
}

#[godot_api]
impl IRefCounted for AeThexMergeSlot {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexMergeSlot {}>", self.slot))
    }
}

#[godot_api]
impl AeThexMergeSlot {}

impl AeThexMergeSlot {
    pub(crate) fn of(slot: &MergeSlot) -> Gd<AeThexMergeSlot> {
        let mut made = AeThexMergeSlot::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.slot = godot_text(&slot.slot);
            fields.mine_timestamp = slot.mine_saved_at_ms.div_euclid(1000);
            fields.mine_playtime = slot.mine_playtime_ms as f64 / 1000.0;
            fields.other_timestamp = slot.other_saved_at_ms.div_euclid(1000);
            fields.other_playtime = slot.other_playtime_ms as f64 / 1000.0;
        }
        made
    }
}

#[godot_api(secondary)]
impl AeThexAuth {
    /// Gives the player's account an email and a password: a guest's account, with all its saves, can then be
    /// opened from any device. Without a username the one it has stays. Yields `result.user`.
    ///
    /// `AeThexCloud.ERROR_IDENTITY_TAKEN` says that the address has an account: log in to it with `keep_guest`, then
    /// [method merge_guest].
    #[func]
    fn link_email(
        &self,
        email: Variant,
        password: Variant,
        #[opt(default = Optional::default())] username: Optional,
    ) -> Signal {
        call::start(
            NEW_ACCOUNT_TIME_MAX,
            |cloud| {
                let (email, password) = (text(&email, "email")?, text(&password, "password")?);
                Ok(cloud.auth().link_email(&email, &password, text_given(&username, "username")?))
            },
            with_user,
        )
    }

    /// Removes a way into the player's account: `"password"`, `"device"` or a provider's name. The last one stays.
    /// Yields `result.user`.
    #[func]
    fn unlink(&self, provider: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().unlink(&text(&provider, "provider")?)), with_user)
    }

    /// Lists the ways into the player's account, oldest first. The result can be iterated: each item is an
    /// [AeThexIdentity]. The array is also `result.identities`.
    #[func]
    fn get_identities(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.auth().identities()),
            |identities: Vec<Identity>| {
                let items = identities.iter().map(|one| AeThexIdentity::of(one).to_variant()).collect();
                Ok(Fields::default().list("identities", items))
            },
        )
    }

    /// The guest that a login with `keep_guest` kept for [method merge_guest]; null when there is none. Does not
    /// touch the network.
    #[func]
    fn get_kept_guest(&self) -> Option<Gd<AeThexUser>> {
        let guest = runtime::cloud().ok()?.auth().kept_guest()?;
        Some(AeThexUser::of(&guest))
    }

    /// Moves everything of the kept guest into the account of the player who is logged in; then the guest is
    /// gone. Yields `result.user`.
    ///
    /// `choice` says what happens to save slots that both have: `"mine"` (the account's stays on top), `"guest"`
    /// (the guest's goes on top) or `"both"` (the guest's gets a slot of its own). Without it, when there are such
    /// slots, the error is `AeThexCloud.ERROR_MERGE_CONFLICT`, `result.error.merge_slots` has an
    /// [AeThexMergeSlot] for each, and nothing has changed.
    #[func]
    fn merge_guest(&self, #[opt(default = Optional::default())] choice: Optional) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().merge_guest(merge_choice(&choice)?)), with_user)
    }

    /// Lets the kept guest go without a merge. It stays an account of its own, which [method login_guest] opens.
    #[func]
    fn release_guest(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.auth().release_guest()), nothing)
    }
}

fn merge_choice(choice: &Optional) -> Result<Option<MergeChoice>, Error> {
    match text_given(choice, "choice")?.as_deref() {
        None => Ok(None),
        Some("mine") => Ok(Some(MergeChoice::KeepMine)),
        Some("guest") => Ok(Some(MergeChoice::KeepOther)),
        Some("both") => Ok(Some(MergeChoice::KeepBoth)),
        Some(_) => Err(argument("choice must be \"mine\", \"guest\" or \"both\"")),
    }
}
