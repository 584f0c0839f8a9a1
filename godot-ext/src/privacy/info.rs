//! What the calls of privacy yield.

use crate::user::text;
use aethex_sdk_core::wire::privacy::{AgeBand, ParentState};
use aethex_sdk_core::{Export, ExportStatus, Policy, PrivacyState, Receipt};
use godot::builtin::{Array, GString, PackedStringArray, VarDictionary, vdict};
use godot::classes::IRefCounted;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// A policy that the game asks players to accept, in its newest version.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexPolicy {
    /// The policy's name, for example `"terms"` or `"privacy"`.
    #[var(no_set)]
    name: GString,
    /// Its version, as the game names it.
    #[var(no_set)]
    version: GString,
    /// Where it can be read.
    #[var(no_set)]
    url: GString,
    /// Whether the game asks for its acceptance.
    #[var(no_set)]
    required: bool,
    /// When it was published, in seconds since 1970 UTC.
    #[var(no_set)]
    published_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexPolicy {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexPolicy {} {}>", self.name, self.version))
    }
}

#[godot_api]
impl AeThexPolicy {}

impl AeThexPolicy {
    pub(super) fn of(policy: &Policy) -> Gd<AeThexPolicy> {
        let mut made = AeThexPolicy::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.name = text(&policy.policy);
            fields.version = text(&policy.version);
            fields.url = text(&policy.url);
            fields.required = policy.required;
            fields.published_at = policy.published_at_ms.div_euclid(1000);
        }
        made
    }

    pub(super) fn name_and_version(&self) -> (String, String) {
        (self.name.to_string(), self.version.to_string())
    }
}

/// Where a player's privacy stands.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexPrivacyState {
    /// `"unknown"` (not asked), `"child"` or `"adult"`, as the law of consent has it.
    #[var(no_set)]
    age: GString,
    /// Where a parent's consent stands: `"none"` (not asked), `"asked"`, `"granted"` or `"refused"`.
    #[var(no_set)]
    parent: GString,
    /// Required policies whose newest version the player has not accepted.
    #[var(no_set)]
    policies_to_accept: Array<Gd<AeThexPolicy>>,
    /// By purpose, what was said: `{"analytics": {"granted": true, "by": "player", "at": 1767225600}}`. A purpose
    /// that is not there was never consented to.
    #[var(no_set)]
    consents: VarDictionary,
    /// The purposes that are allowed now: consents, less what a child may not do.
    #[var(no_set)]
    allowed: PackedStringArray,
    /// When the account will be erased, in seconds since 1970 UTC; 0 when that was not asked for.
    #[var(no_set)]
    erasure_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexPrivacyState {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexPrivacyState allowed {}>", self.allowed))
    }
}

#[godot_api]
impl AeThexPrivacyState {
    /// Whether a purpose is allowed now: `"analytics"`, `"voice"`, `"third_party"` or `"marketing"`.
    #[func]
    fn allows(&self, purpose: GString) -> bool {
        self.allowed.contains(&purpose)
    }
}

impl AeThexPrivacyState {
    pub(super) fn of(state: &PrivacyState) -> Gd<AeThexPrivacyState> {
        let mut made = AeThexPrivacyState::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.age = GString::from(match state.age {
                AgeBand::Unknown => "unknown",
                AgeBand::Child => "child",
                AgeBand::Adult => "adult",
            });
            fields.parent = GString::from(match state.parent {
                ParentState::None => "none",
                ParentState::Asked => "asked",
                ParentState::Granted => "granted",
                ParentState::Refused => "refused",
            });
            fields.policies_to_accept = state.policies_to_accept.iter().map(AeThexPolicy::of).collect();
            for consent in &state.consents {
                let said = vdict! {
                    "granted" => consent.granted,
                    "by" => &text(&consent.by),
                    "at" => consent.at_ms.div_euclid(1000),
                };
                fields.consents.set(consent.purpose.as_str(), &said);
            }
            fields.allowed = state.allowed.iter().map(|purpose| GString::from(purpose.as_str())).collect();
            fields.erasure_at = state.erasure_at_ms.unwrap_or_default().div_euclid(1000);
        }
        made
    }
}

/// An export of everything that is known of a player: one ZIP archive.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexExport {
    /// The export's id.
    #[var(no_set)]
    id: GString,
    /// `"pending"` (being made), `"ready"` (can be downloaded) or `"failed"` (ask again).
    #[var(no_set)]
    status: GString,
    /// The archive's size in bytes, once it is ready.
    #[var(no_set)]
    size: i64,
    /// When it was asked for, in seconds since 1970 UTC.
    #[var(no_set)]
    created_at: i64,
    /// When it is thrown away, in seconds since 1970 UTC.
    #[var(no_set)]
    expires_at: i64,
}

#[godot_api]
impl IRefCounted for AeThexExport {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexExport {}>", self.status))
    }
}

#[godot_api]
impl AeThexExport {}

impl AeThexExport {
    pub(super) fn of(export: &Export) -> Gd<AeThexExport> {
        let mut made = AeThexExport::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(export.id.as_str());
            fields.status = GString::from(match export.status {
                ExportStatus::Pending => "pending",
                ExportStatus::Ready => "ready",
                ExportStatus::Failed => "failed",
            });
            fields.size = export.size_bytes;
            fields.created_at = export.created_at_ms.div_euclid(1000);
            fields.expires_at = export.expires_at_ms.div_euclid(1000);
        }
        made
    }

    pub(super) fn id(&self) -> String {
        self.id.to_string()
    }
}

/// An erasure that is under way or done. Says nothing of whom.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexReceipt {
    /// The receipt's id: whoever has it can look at it, also when the account is gone.
    #[var(no_set)]
    id: GString,
    /// When the erasure was asked for, in seconds since 1970 UTC.
    #[var(no_set)]
    requested_at: i64,
    /// When everything is erased, in seconds since 1970 UTC; until then it can be taken back.
    #[var(no_set)]
    erasure_at: i64,
    /// When it was done, in seconds since 1970 UTC; 0 until then.
    #[var(no_set)]
    erased_at: i64,
    /// Rows and files erased, by service.
    #[var(no_set)]
    erased: VarDictionary,
}

#[godot_api]
impl IRefCounted for AeThexReceipt {
    fn to_string(&self) -> GString {
        GString::from(&format!("<AeThexReceipt {}>", self.id))
    }
}

#[godot_api]
impl AeThexReceipt {}

impl AeThexReceipt {
    pub(super) fn of(receipt: &Receipt) -> Gd<AeThexReceipt> {
        let mut made = AeThexReceipt::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.id = GString::from(receipt.id.as_str());
            fields.requested_at = receipt.requested_at_ms.div_euclid(1000);
            fields.erasure_at = receipt.erasure_at_ms.div_euclid(1000);
            fields.erased_at = receipt.erased_at_ms.unwrap_or_default().div_euclid(1000);
            for (service, count) in &receipt.erased {
                fields.erased.set(&text(service), *count);
            }
        }
        made
    }

    pub(super) fn id(&self) -> String {
        self.id.to_string()
    }
}
