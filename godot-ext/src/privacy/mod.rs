//! `AeThexCloud.privacy`: policies, consents, export and erasure. What the calls yield is in [`info`].

mod info;

use crate::call::{self, CALL_TIME_MAX};
use crate::error::argument;
use crate::optional::Optional;
use crate::result::Fields;
use crate::settings::{data_path, flag, text};
use aethex_sdk_core::wire::privacy::Purpose;
use aethex_sdk_core::{Error, Export, ExportId, Policy, PrivacyState, Receipt, ReceiptId};
use godot::builtin::{Signal, Variant, VariantType};
use godot::classes::Object;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::{GodotClass, godot_api};
use info::{AeThexExport, AeThexPolicy, AeThexPrivacyState, AeThexReceipt};
use std::path::PathBuf;
use std::time::Duration;

/// Longest time of a download: an archive with all saves of a player over a slow line.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// What the player agreed to, a copy of everything that is known of the player, and its end, as
/// `AeThexCloud.privacy`.
///
/// Every call that is awaited yields an [AeThexResult].
#[derive(Debug, GodotClass)]
#[class(tool, init, base=Object)]
pub(crate) struct AeThexPrivacy {
    base: Base<Object>,
}

#[godot_api]
impl AeThexPrivacy {
    /// Reads where the player's privacy stands: policies to accept, consents, what is allowed. Yields
    /// `result.state`, an [AeThexPrivacyState].
    #[func]
    fn get_state(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.privacy().state()), with_state)
    }

    /// Lists the newest version of each of the game's policies; nobody needs to be logged in. The result can be
    /// iterated: each item is an [AeThexPolicy]. The array is also `result.policies`.
    #[func]
    fn get_policies(&self) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| Ok(cloud.privacy().policies()),
            |policies: Vec<Policy>| {
                let items = policies.iter().map(|one| AeThexPolicy::of(one).to_variant()).collect();
                Ok(Fields::default().list("policies", items))
            },
        )
    }

    /// Accepts a policy: an [AeThexPolicy], or its name and the version that the player was shown.
    #[func]
    fn accept_policy(
        &self,
        policy: Variant,
        #[opt(default = Optional::default())] version: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let (policy, version) = policy_version(&policy, &version)?;
                Ok(cloud.privacy().accept_policy(&policy, &version))
            },
            nothing,
        )
    }

    /// Gives a consent or takes it back: `"analytics"`, `"voice"`, `"third_party"` or `"marketing"`. Yields
    /// `result.state`, an [AeThexPrivacyState].
    #[func]
    fn set_consent(&self, purpose: Variant, granted: Variant) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let purpose = purpose_named(&text(&purpose, "purpose")?)?;
                Ok(cloud.privacy().set_consent(purpose, flag(&granted, "granted")?))
            },
            with_state,
        )
    }

    /// Says the player's age, once. Ask for it neutrally: without a hint at which answer opens more. Without the
    /// month (1 to 12) the player counts as not having had this year's birthday. Yields `result.state`, an
    /// [AeThexPrivacyState].
    #[func]
    fn set_age(
        &self,
        birth_year: Variant,
        #[opt(default = Optional::default())] birth_month: Optional,
    ) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let year = whole(&birth_year, "birth_year")?;
                let month = birth_month.given().map(|month| whole(month, "birth_month")).transpose()?;
                Ok(cloud.privacy().set_age(year, month))
            },
            with_state,
        )
    }

    /// Asks a child's parent for consent, by mail.
    #[func]
    fn ask_parent(&self, email: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.privacy().ask_parent(&text(&email, "email")?)), nothing)
    }

    /// Asks for a copy of everything that is known of the player. It is made in the background: ask with
    /// [method get_export] until its `status` is `"ready"`. Yields `result.export`, an [AeThexExport].
    #[func]
    fn start_export(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.privacy().start_export()), with_export)
    }

    /// Reads how far an export is: an [AeThexExport], or its id. Yields `result.export`.
    #[func]
    fn get_export(&self, export: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.privacy().export(export_id(&export)?)), with_export)
    }

    /// Downloads an export, a ZIP archive, into a file such as `user://my_data.zip`. What was there is replaced by
    /// the whole archive, or stays as it was. Yields `result.export`.
    #[func]
    fn download_export(&self, export: Variant, path: Variant) -> Signal {
        call::start(
            DOWNLOAD_TIME_MAX,
            |cloud| {
                let path = PathBuf::from(data_path(&text(&path, "path")?, "path")?);
                Ok(cloud.privacy().download_export(export_id(&export)?, &path))
            },
            with_export,
        )
    }

    /// Asks for the erasure of the account and everything that belongs to it. It is done after a time of grace,
    /// within which [method cancel_erasure] takes it back. The password is not needed for an account that has
    /// none. Yields `result.receipt`, an [AeThexReceipt]: show its id, it answers when the account is gone.
    #[func]
    fn erase_account(&self, #[opt(default = Optional::default())] password: Optional) -> Signal {
        call::start(
            CALL_TIME_MAX,
            |cloud| {
                let password = password.given().map(|password| text(password, "password")).transpose()?;
                let password = password.filter(|password| !password.is_empty());
                Ok(cloud.privacy().erase_account(password.as_deref()))
            },
            with_receipt,
        )
    }

    /// Takes an erasure back, within the time of grace.
    #[func]
    fn cancel_erasure(&self) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.privacy().cancel_erasure()), nothing)
    }

    /// Reads an erasure's receipt: an [AeThexReceipt], or its id. Nobody needs to be logged in. Yields
    /// `result.receipt`.
    #[func]
    fn get_receipt(&self, receipt: Variant) -> Signal {
        call::start(CALL_TIME_MAX, |cloud| Ok(cloud.privacy().receipt(receipt_id(&receipt)?)), with_receipt)
    }
}

fn with_state(state: PrivacyState) -> Result<Fields, Error> {
    Ok(Fields::default().with("state", AeThexPrivacyState::of(&state)))
}

fn with_export(export: Export) -> Result<Fields, Error> {
    Ok(Fields::default().with("export", AeThexExport::of(&export)))
}

fn with_receipt(receipt: Receipt) -> Result<Fields, Error> {
    Ok(Fields::default().with("receipt", AeThexReceipt::of(&receipt)))
}

fn nothing((): ()) -> Result<Fields, Error> {
    Ok(Fields::default())
}

fn purpose_named(name: &str) -> Result<Purpose, Error> {
    Purpose::ALL
        .iter()
        .copied()
        .find(|purpose| purpose.as_str() == name)
        .ok_or_else(|| argument("purpose must be \"analytics\", \"voice\", \"third_party\" or \"marketing\""))
}

fn whole(value: &Variant, what: &str) -> Result<i64, Error> {
    let number = if value.get_type() == VariantType::INT { value.try_to::<i64>().ok() } else { None };
    number.ok_or_else(|| argument(format!("{what} must be an int")))
}

fn policy_version(policy: &Variant, version: &Optional) -> Result<(String, String), Error> {
    match (policy.try_to::<Gd<AeThexPolicy>>(), version.given()) {
        (Ok(policy), None) => Ok(policy.bind().name_and_version()),
        (_, Some(version)) => Ok((text(policy, "policy")?, text(version, "version")?)),
        _ => Err(argument("policy must be an AeThexPolicy, or its name with the version as second argument")),
    }
}

fn export_id(export: &Variant) -> Result<ExportId, Error> {
    let id = match export.try_to::<Gd<AeThexExport>>() {
        Ok(export) => export.bind().id(),
        Err(_) => text(export, "export (an AeThexExport or its id)")?,
    };
    ExportId::parse(&id).ok_or_else(|| argument("export is not the id of an export"))
}

fn receipt_id(receipt: &Variant) -> Result<ReceiptId, Error> {
    let id = match receipt.try_to::<Gd<AeThexReceipt>>() {
        Ok(receipt) => receipt.bind().id(),
        Err(_) => text(receipt, "receipt (an AeThexReceipt or its id)")?,
    };
    ReceiptId::parse(&id).ok_or_else(|| argument("receipt is not the id of a receipt"))
}
