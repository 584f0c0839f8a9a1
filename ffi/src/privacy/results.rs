//! What privacy lends to C: policies, consents, exports, receipts, and the results of requests.

use crate::call::{Head, Lent, aethex_op, size_for_c};
use crate::error::aethex_error;
use crate::strings::aethex_str;
use aethex_sdk_core::{Error, Export, ExportStatus, Policy, PrivacyState, Purpose, Receipt};
use aethex_wire::privacy::{AgeBand, Consent, ParentState};
use std::ffi::c_void;
use std::ptr::null;

/// What a consent is for. Nothing of it happens without one. A newer library may have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_purpose {
    /// Events, metrics and crash reports.
    AETHEX_PURPOSE_ANALYTICS = 1,
    /// Voice chat.
    AETHEX_PURPOSE_VOICE = 2,
    /// Sharing with third parties, such as login providers and stores.
    AETHEX_PURPOSE_THIRD_PARTY = 3,
    /// Mails about the game.
    AETHEX_PURPOSE_MARKETING = 4,
}

impl From<Purpose> for aethex_purpose {
    fn from(purpose: Purpose) -> aethex_purpose {
        match purpose {
            Purpose::Analytics => aethex_purpose::AETHEX_PURPOSE_ANALYTICS,
            Purpose::Voice => aethex_purpose::AETHEX_PURPOSE_VOICE,
            Purpose::ThirdParty => aethex_purpose::AETHEX_PURPOSE_THIRD_PARTY,
            Purpose::Marketing => aethex_purpose::AETHEX_PURPOSE_MARKETING,
        }
    }
}

/// How old a player is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_age_band {
    /// Not asked.
    AETHEX_AGE_UNKNOWN = 0,
    /// Under the age of consent.
    AETHEX_AGE_CHILD = 1,
    /// Old enough.
    AETHEX_AGE_ADULT = 2,
}

/// Where a parent's consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_parent_state {
    /// Not asked.
    AETHEX_PARENT_NONE = 0,
    /// A mail was sent.
    AETHEX_PARENT_ASKED = 1,
    /// The parent agreed.
    AETHEX_PARENT_GRANTED = 2,
    /// The parent refused, or took it back.
    AETHEX_PARENT_REFUSED = 3,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_export_status {
    /// Being made.
    AETHEX_EXPORT_PENDING = 0,
    /// Can be downloaded.
    AETHEX_EXPORT_READY = 1,
    /// Could not be made: ask again.
    AETHEX_EXPORT_FAILED = 2,
}

/// A policy that the game asks players to accept.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_policy {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// Whether the game cannot be used without accepting it.
    pub required: bool,
    /// Its name, for example `terms` or `privacy`.
    pub policy: aethex_str,
    /// Its version, as the game names it.
    pub version: aethex_str,
    /// Where it can be read.
    pub url: aethex_str,
    /// When it was published, milliseconds since 1970 UTC.
    pub published_at_ms: i64,
}

/// A consent as it stands.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_consent {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_purpose`.
    pub purpose: i32,
    /// Whether it was given.
    pub granted: bool,
    /// Who said so: `player` or `parent`.
    pub by: aethex_str,
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// Where a player's privacy stands.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_privacy {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_age_band`.
    pub age: i32,
    /// An `aethex_parent_state`; it matters for a child.
    pub parent: i32,
    /// Required policies whose newest version the player has not accepted, as an array of pointers; null when
    /// there are none.
    pub policies_to_accept: *const *const aethex_policy,
    /// How many policies.
    pub policy_count: usize,
    /// Consents as they stand, as an array of pointers; null when there are none. A purpose that is absent was
    /// never consented to.
    pub consents: *const *const aethex_consent,
    /// How many consents.
    pub consent_count: usize,
    /// What is allowed now, each an `aethex_purpose`: consents, less what a child may not do. Null when nothing is.
    pub allowed: *const i32,
    /// How many purposes.
    pub allowed_count: usize,
    /// When the account will be erased, milliseconds since 1970 UTC; 0 when that was not asked for.
    pub erasure_at_ms: i64,
}

/// Result of a request that ends with where the player's privacy stands.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_privacy_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// Where it stands; null on failure.
    pub state: *const aethex_privacy,
}

/// Result of `aethex_privacy_policies`.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_policies_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The newest version of each policy, as an array of pointers; null when there are none, and on failure.
    pub policies: *const *const aethex_policy,
    /// How many policies.
    pub policy_count: usize,
}

/// An export of everything that is known of a player: one ZIP archive of JSON files and pictures.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_export {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// An `aethex_export_status`.
    pub status: i32,
    /// The export's id.
    pub id: aethex_str,
    /// The archive's size in bytes, once it is ready.
    pub size_bytes: i64,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it is thrown away, milliseconds since 1970 UTC.
    pub expires_at_ms: i64,
}

/// Result of a request that ends with an export.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_export_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The export; null on failure. (`export` is a word of C++.)
    pub archive: *const aethex_export,
}

/// How much of one service was erased.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_erased {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The service.
    pub service: aethex_str,
    /// Rows and files.
    pub count: i64,
}

/// An erasure that is under way or done. Says nothing of whom.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_receipt {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// The receipt's id: whoever has it can look at it, also when the account is gone.
    pub id: aethex_str,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub requested_at_ms: i64,
    /// When everything is erased, milliseconds since 1970 UTC; until then it can be taken back.
    pub erasure_at_ms: i64,
    /// When it was done, milliseconds since 1970 UTC; 0 until then.
    pub erased_at_ms: i64,
    /// What was erased, by service, as an array of pointers; null until then.
    pub erased: *const *const aethex_erased,
    /// How many services.
    pub erased_count: usize,
}

/// Result of a request that ends with a receipt.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_receipt_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
    /// The receipt; null on failure.
    pub receipt: *const aethex_receipt,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_privacy_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_privacy_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_policies_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_policies_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_export_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_export_result)>;

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_receipt_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_receipt_result)>;

fn lend_policy(lent: &mut Lent, policy: &Policy) -> aethex_policy {
    aethex_policy {
        struct_size: size_for_c::<aethex_policy>(),
        required: policy.required,
        policy: lent.text(&policy.policy),
        version: lent.text(&policy.version),
        url: lent.text(&policy.url),
        published_at_ms: policy.published_at_ms,
    }
}

fn lend_consent(lent: &mut Lent, consent: &Consent) -> aethex_consent {
    aethex_consent {
        struct_size: size_for_c::<aethex_consent>(),
        purpose: aethex_purpose::from(consent.purpose) as i32,
        granted: consent.granted,
        by: lent.text(&consent.by),
        at_ms: consent.at_ms,
    }
}

fn lend_state(lent: &mut Lent, state: &PrivacyState) -> aethex_privacy {
    use aethex_age_band as A;
    use aethex_parent_state as P;
    let age = match state.age {
        AgeBand::Unknown => A::AETHEX_AGE_UNKNOWN,
        AgeBand::Child => A::AETHEX_AGE_CHILD,
        AgeBand::Adult => A::AETHEX_AGE_ADULT,
    };
    let parent = match state.parent {
        ParentState::None => P::AETHEX_PARENT_NONE,
        ParentState::Asked => P::AETHEX_PARENT_ASKED,
        ParentState::Granted => P::AETHEX_PARENT_GRANTED,
        ParentState::Refused => P::AETHEX_PARENT_REFUSED,
    };
    let (policies_to_accept, policy_count) = lent.all(&state.policies_to_accept, lend_policy);
    let (consents, consent_count) = lent.all(&state.consents, lend_consent);
    let purposes = state.allowed.iter().map(|purpose| aethex_purpose::from(*purpose) as i32);
    let (allowed, allowed_count) = lent.numbers(purposes);
    aethex_privacy {
        struct_size: size_for_c::<aethex_privacy>(),
        age: age as i32,
        parent: parent as i32,
        policies_to_accept,
        policy_count,
        consents,
        consent_count,
        allowed,
        allowed_count,
        erasure_at_ms: state.erasure_at_ms.unwrap_or(0),
    }
}

pub(crate) fn lend_privacy(
    lent: &mut Lent,
    head: Head,
    result: Result<PrivacyState, Error>,
) -> aethex_privacy_result {
    let state = result.ok().map(|state| lend_state(lent, &state));
    aethex_privacy_result {
        struct_size: size_for_c::<aethex_privacy_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        state: state.map_or(null(), |state| lent.one(state)),
    }
}

pub(crate) fn lend_policies(
    lent: &mut Lent,
    head: Head,
    result: Result<Vec<Policy>, Error>,
) -> aethex_policies_result {
    let (policies, policy_count) = lent.all(&result.unwrap_or_default(), lend_policy);
    aethex_policies_result {
        struct_size: size_for_c::<aethex_policies_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        policies,
        policy_count,
    }
}

pub(crate) fn lend_export(
    lent: &mut Lent,
    head: Head,
    result: Result<Export, Error>,
) -> aethex_export_result {
    use aethex_export_status as S;
    let archive = result.ok().map(|export| aethex_export {
        struct_size: size_for_c::<aethex_export>(),
        status: match export.status {
            ExportStatus::Pending => S::AETHEX_EXPORT_PENDING as i32,
            ExportStatus::Ready => S::AETHEX_EXPORT_READY as i32,
            ExportStatus::Failed => S::AETHEX_EXPORT_FAILED as i32,
        },
        id: lent.text(export.id.as_str()),
        size_bytes: export.size_bytes,
        created_at_ms: export.created_at_ms,
        expires_at_ms: export.expires_at_ms,
    });
    aethex_export_result {
        struct_size: size_for_c::<aethex_export_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        archive: archive.map_or(null(), |archive| lent.one(archive)),
    }
}

pub(crate) fn lend_receipt(
    lent: &mut Lent,
    head: Head,
    result: Result<Receipt, Error>,
) -> aethex_receipt_result {
    let receipt = result.ok().map(|receipt| {
        let services: Vec<(&String, &i64)> = receipt.erased.iter().collect();
        let (erased, erased_count) = lent.all(&services, |lent, (service, count)| aethex_erased {
            struct_size: size_for_c::<aethex_erased>(),
            service: lent.text(service),
            count: **count,
        });
        aethex_receipt {
            struct_size: size_for_c::<aethex_receipt>(),
            id: lent.text(receipt.id.as_str()),
            requested_at_ms: receipt.requested_at_ms,
            erasure_at_ms: receipt.erasure_at_ms,
            erased_at_ms: receipt.erased_at_ms.unwrap_or(0),
            erased,
            erased_count,
        }
    });
    aethex_receipt_result {
        struct_size: size_for_c::<aethex_receipt_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
        receipt: receipt.map_or(null(), |receipt| lent.one(receipt)),
    }
}
