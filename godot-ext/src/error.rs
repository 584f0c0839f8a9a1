//! `AeThexError`: what a failed call carries.

use crate::auth::AeThexMergeSlot;
use crate::saves::AeThexConflict;
use crate::user::text;
use aethex_sdk_core::wire::proof::ChallengeKind;
use aethex_sdk_core::{Challenge, Error, ErrorCode};
use godot::builtin::{Array, GString, StringName, VarDictionary, vdict};
use godot::classes::IRefCounted;
use godot::obj::{Gd, NewGd};
use godot::register::{GodotClass, godot_api};

/// Why a call failed, and what to do.
///
/// Branch on [member code], one of the `AeThexCloud.ERROR_…` constants. The message is for the log.
#[derive(Debug, GodotClass)]
#[class(tool, init, base=RefCounted)]
pub(crate) struct AeThexError {
    /// The stable code: one of the `AeThexCloud.ERROR_…` constants.
    #[var(no_set)]
    code: i64,
    /// The code's name, for example `saves_conflict`.
    #[var(no_set)]
    name: StringName,
    /// What happened and what to do next, in words for a log.
    #[var(no_set)]
    message: GString,
    /// Whether the same call may succeed later, unchanged.
    #[var(no_set)]
    retryable: bool,
    /// How many seconds to wait before that; 0 when the server did not say.
    #[var(no_set)]
    retry_after: f64,
    /// The id under which the server logged the request; empty when it never got there.
    #[var(no_set)]
    request_id: GString,
    /// For `AeThexCloud.ERROR_SAVES_CONFLICT`: its versions; null otherwise. [method AeThexSaves.get_conflict] gives the
    /// data as well.
    #[var(no_set)]
    conflict: Option<Gd<AeThexConflict>>,
    /// For `AeThexCloud.ERROR_MERGE_CONFLICT`: the save slots that both accounts have; empty otherwise.
    #[var(no_set)]
    merge_slots: Array<Gd<AeThexMergeSlot>>,
    /// For `AeThexCloud.ERROR_PROOF_REQUIRED` of a server that asks for a CAPTCHA: `kind` (`"turnstile"` or
    /// `"hcaptcha"`) and `site_key`; empty otherwise.
    #[var(no_set)]
    challenge: VarDictionary,
}

#[godot_api]
impl IRefCounted for AeThexError {
    fn to_string(&self) -> GString {
        GString::from(&format!("{} ({}): {}", self.name, self.code, self.message))
    }
}

#[godot_api]
impl AeThexError {}

impl AeThexError {
    pub(crate) fn of(error: &Error) -> Gd<AeThexError> {
        let mut made = AeThexError::new_gd();
        {
            let mut fields = made.bind_mut();
            fields.code = i64::from(error.code.number());
            fields.name = StringName::from(error.code.as_str());
            fields.message = GString::from(&error.message.replace('\0', "\u{fffd}"));
            fields.retryable = error.retryable;
            fields.retry_after = error.retry_after.map_or(0.0, |wait| wait.as_secs_f64());
            fields.request_id =
                GString::from(&error.request_id.clone().unwrap_or_default().replace('\0', ""));
            fields.conflict = error.conflict.as_deref().map(AeThexConflict::of);
            let slots = error.merge.iter().flat_map(|merge| &merge.slots);
            fields.merge_slots = slots.map(AeThexMergeSlot::of).collect();
            fields.challenge = error.challenge.as_deref().map(challenge).unwrap_or_default();
        }
        made
    }
}

/// What a game shows for a CAPTCHA.
fn challenge(challenge: &Challenge) -> VarDictionary {
    let kind = match challenge.kind {
        ChallengeKind::Argon2id => "argon2id",
        ChallengeKind::Turnstile => "turnstile",
        ChallengeKind::Hcaptcha => "hcaptcha",
    };
    vdict! { "kind" => kind, "site_key" => &text(&challenge.site_key) }
}

/// An error about an argument.
pub(crate) fn argument(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}
