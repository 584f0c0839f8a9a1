//! What results of accounts and privacy lend.

use super::{ID, mark, seen, text, user};
use crate::auth::{aethex_preferences_result, aethex_user_result, preferences_done, user_done};
use crate::call::done;
use crate::events::{Listener, aethex_event, aethex_event_kind, tell};
use crate::privacy::{
    aethex_privacy_result, aethex_receipt_result, lend_privacy_result, lend_receipt_result,
};
use crate::value::{aethex_value, aethex_value_copy, aethex_value_free, aethex_value_get_int};
use aethex_sdk_core::{
    Challenge, Error, ErrorCode, Event, MergeConflict, PlayerId, Policy, Preferences, PrivacyState, Purpose,
    Receipt, ReceiptId,
};
use aethex_wire::auth::identities::MergeSlot;
use aethex_wire::privacy::{AgeBand, Consent, ParentState};
use aethex_wire::proof::ChallengeKind;
use std::ffi::c_void;
use std::sync::Mutex;

#[test]
fn a_user_is_lent_with_everything() {
    unsafe extern "C" fn logged_in(user_data: *mut c_void, result: *const aethex_user_result) {
        // SAFETY: the result and its user are lent for the time of the callback.
        let (result, user) = unsafe { (&*result, &*(*result).user) };
        assert_eq!((user.visibility, user.email_verified, user.is_guest), (2, true, false));
        assert_eq!([text(user.locale), text(user.email)], ["de", "ann@example.com"]);
        assert!(result.challenge.is_null() && result.merge.is_null());
        mark(user_data);
    }
    seen(|data| user_done(Some(logged_in), data)(1, Ok(user())));
}

#[test]
fn a_refused_account_names_the_captcha() {
    unsafe extern "C" fn refused(user_data: *mut c_void, result: *const aethex_user_result) {
        // SAFETY: the result and its challenge are lent for the time of the callback.
        let (result, challenge) = unsafe { (&*result, &*(*result).challenge) };
        assert_eq!((result.error, result.user.is_null(), challenge.kind), (110, true, 2));
        assert_eq!(text(challenge.site_key), "0x4AAA");
        mark(user_data);
    }
    let mut error = Error::new(ErrorCode::ProofRequired, "show the CAPTCHA");
    error.challenge = Some(Box::new(Challenge {
        kind: ChallengeKind::Turnstile,
        challenge: "sealed".to_owned(),
        memory_kib: 0,
        bits: 0,
        site_key: "0x4AAA".to_owned(),
        expires_in: 60,
    }));
    seen(|data| user_done(Some(refused), data)(1, Err(error)));
}

#[test]
fn a_refused_merge_names_every_slot() {
    unsafe extern "C" fn refused(user_data: *mut c_void, result: *const aethex_user_result) {
        // SAFETY: the result and its conflict are lent for the time of the callback.
        let (result, merge) = unsafe { (&*result, &*(*result).merge) };
        assert_eq!((result.error, merge.slot_count), (119, 3));
        assert_eq!(text(merge.other), ID);
        for index in 0..merge.slot_count {
            // SAFETY: the array has that many pointers.
            let slot = unsafe { &**merge.slots.add(index) };
            assert_eq!(text(slot.slot), format!("slot {index}"));
            assert_eq!((slot.mine_saved_at_ms, slot.other_playtime_ms), (index as i64, 4));
        }
        mark(user_data);
    }
    let slot = |index| MergeSlot {
        slot: format!("slot {index}"),
        mine_saved_at_ms: index,
        mine_playtime_ms: 2,
        other_saved_at_ms: 3,
        other_playtime_ms: 4,
    };
    let mut error = Error::new(ErrorCode::MergeConflict, "choose");
    let slots = (0..3).map(slot).collect();
    error.merge = Some(Box::new(MergeConflict { other: PlayerId::parse(ID).unwrap(), slots }));
    seen(|data| user_done(Some(refused), data)(1, Err(error)));
}

#[test]
fn preferences_are_lent_and_a_copy_of_them_stays() {
    static KEPT: Mutex<(aethex_value, aethex_value)> = Mutex::new((0, 0));
    unsafe extern "C" fn read(user_data: *mut c_void, result: *const aethex_preferences_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert_eq!((result.error, result.version), (0, 9));
        let mut copy = 0;
        // SAFETY: `copy` is writable.
        assert_eq!(unsafe { aethex_value_copy(result.values, &mut copy) }, 0);
        *KEPT.lock().unwrap() = (result.values, copy);
        mark(user_data);
    }
    let values = serde_json::from_str(r#"{"lives":3}"#).unwrap();
    seen(|data| preferences_done(Some(read), data)(1, Ok(Preferences { values, version: 9 })));
    let (lent, copy) = *KEPT.lock().unwrap();
    let mut number = 0;
    // SAFETY: `number` is writable.
    assert_eq!(unsafe { aethex_value_get_int(lent, &mut number) }, 909, "it was lent");
    assert_eq!((aethex_value_free(copy), aethex_value_free(lent)), (0, 909));
}

#[test]
fn privacy_lends_policies_consents_and_purposes() {
    unsafe extern "C" fn read(user_data: *mut c_void, result: *const aethex_privacy_result) {
        // SAFETY: the result and its state are lent for the time of the callback.
        let state = unsafe { &*(*result).state };
        assert_eq!((state.age, state.parent, state.erasure_at_ms), (1, 2, 0));
        assert_eq!((state.policy_count, state.consent_count, state.allowed_count), (1, 1, 2));
        // SAFETY: each array has as many elements as asserted.
        let (policy, consent) = unsafe { (&**state.policies_to_accept, &**state.consents) };
        assert_eq!([text(policy.policy), text(policy.version)], ["terms", "2026-01"]);
        assert!(policy.required && consent.granted);
        assert_eq!((text(consent.by), consent.purpose), ("parent".to_owned(), 2));
        // SAFETY: as above.
        assert_eq!(unsafe { std::slice::from_raw_parts(state.allowed, 2) }, [2, 4]);
        mark(user_data);
    }
    unsafe extern "C" fn empty(user_data: *mut c_void, result: *const aethex_privacy_result) {
        // SAFETY: the result and its state are lent for the time of the callback.
        let state = unsafe { &*(*result).state };
        assert!(state.policies_to_accept.is_null() && state.consents.is_null() && state.allowed.is_null());
        assert_eq!(state.erasure_at_ms, 77);
        mark(user_data);
    }
    let policy = Policy {
        policy: "terms".to_owned(),
        version: "2026-01".to_owned(),
        url: "https://example.com/terms".to_owned(),
        required: true,
        published_at_ms: 1,
    };
    let by = "parent".to_owned();
    let mut state = PrivacyState {
        age: AgeBand::Child,
        parent: ParentState::Granted,
        policies_to_accept: vec![policy],
        consents: vec![Consent { purpose: Purpose::Voice, granted: true, by, at_ms: 5 }],
        allowed: vec![Purpose::Voice, Purpose::Marketing],
        erasure_at_ms: None,
    };
    seen(|data| done(Some(read), data, lend_privacy_result)(1, Ok(state.clone())));
    state = PrivacyState {
        policies_to_accept: Vec::new(),
        consents: Vec::new(),
        allowed: Vec::new(),
        erasure_at_ms: Some(77),
        ..state
    };
    seen(|data| done(Some(empty), data, lend_privacy_result)(1, Ok(state)));
}

#[test]
fn a_receipt_lends_what_was_erased() {
    unsafe extern "C" fn read(user_data: *mut c_void, result: *const aethex_receipt_result) {
        // SAFETY: the result and its receipt are lent for the time of the callback.
        let receipt = unsafe { &*(*result).receipt };
        assert_eq!(text(receipt.id), ID);
        assert_eq!((receipt.erased_at_ms, receipt.erased_count), (3, 2));
        // SAFETY: the array has two pointers.
        let erased = [0, 1].map(|index| unsafe { &**receipt.erased.add(index) });
        assert_eq!(
            erased.map(|erased| (text(erased.service), erased.count)),
            [("auth".to_owned(), 4), ("saves".to_owned(), 12)]
        );
        mark(user_data);
    }
    let receipt = Receipt {
        id: ReceiptId::parse(ID).unwrap(),
        requested_at_ms: 1,
        erasure_at_ms: 2,
        erased_at_ms: Some(3),
        erased: [("saves".to_owned(), 12), ("auth".to_owned(), 4)].into(),
    };
    seen(|data| done(Some(read), data, lend_receipt_result)(1, Ok(receipt)));
}

#[test]
fn a_page_to_open_is_told() {
    unsafe extern "C" fn heard(user_data: *mut c_void, event: *const aethex_event) {
        // SAFETY: the event is lent for the time of the callback.
        let event = unsafe { &*event };
        assert_eq!(event.kind, aethex_event_kind::AETHEX_EVENT_OPEN_BROWSER as i32);
        assert_eq!(text(event.url), "https://accounts.example/o?x=1");
        assert!(event.user.is_null() && event.value == 0);
        mark(user_data);
    }
    let url = "https://accounts.example/o?x=1".to_owned();
    seen(|data| tell(Listener::new(heard, data), Event::OpenBrowser { url }));
}
