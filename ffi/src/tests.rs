//! What callbacks are lent, seen through C's eyes: the results are made up, the callbacks are C functions.

mod accounts;
mod multiplayer;

use crate::auth::{aethex_user_result, user_done};
use crate::events::{Listener, aethex_event, aethex_event_kind, tell};
use crate::saves::{
    aethex_conflict, aethex_load_result, aethex_save_result, aethex_save_version, aethex_versions_result,
    load_done, save_done, versions_done,
};
use crate::strings::aethex_str;
use crate::value::{aethex_value, aethex_value_copy, aethex_value_free, aethex_value_get_int, lend};
use aethex_sdk_core::{
    Bytes, Conflict, ConflictInfo, Content, Error, ErrorCode, Event, Loaded, PlayerId, SaveVersion, Saved,
    User, Value, VersionId, Visibility,
};
use aethex_wire::saves::Encoding;
use std::ffi::{CStr, c_void};
use std::ptr::from_mut;

const ID: &str = "0190a6f2-7b1c-7c3d-8e4f-5a6b7c8d9e0f";

fn version(slot: &str, parents: usize) -> SaveVersion {
    let id = VersionId::parse(ID).unwrap();
    SaveVersion {
        parents: vec![id.clone(); parents],
        sequence: (parents < 2).then_some(3),
        encoding: Encoding::Bytes,
        hash: "ab".repeat(32),
        size_bytes: 5,
        label: "vor dem Endgegner".to_owned(),
        playtime_ms: 7,
        saved_at_ms: 8,
        stored_at_ms: 9,
        ..SaveVersion::new(slot, id)
    }
}

fn user() -> User {
    User {
        id: PlayerId::parse(ID).unwrap(),
        username: "ann".to_owned(),
        email: "ann@example.com".to_owned(),
        email_verified: true,
        is_guest: false,
        display_name: "Änn".to_owned(),
        avatar_url: String::new(),
        visibility: Visibility::Friends,
        locale: "de".to_owned(),
        version: 1,
        created_at_ms: 5,
    }
}

fn conflict() -> Conflict {
    Conflict { head: version("head", 1), ancestor: None, kept: version("kept", 2) }
}

/// The text, and that a NUL follows it.
fn text(lent: aethex_str) -> String {
    // SAFETY: the library lends texts with a NUL behind them.
    let text = unsafe { CStr::from_ptr(lent.data) };
    assert_eq!(text.count_bytes(), lent.len);
    text.to_str().unwrap().to_owned()
}

fn see_version(version: *const aethex_save_version, slot: &str, parents: usize) {
    // SAFETY: the version is lent for the time of the callback.
    let version = unsafe { &*version };
    assert_eq!(version.struct_size as usize, size_of::<aethex_save_version>());
    assert_eq!(text(version.slot), slot);
    assert_eq!(text(version.version), ID);
    assert_eq!(text(version.hash).len(), 64);
    assert_eq!(text(version.label), "vor dem Endgegner");
    assert_eq!(version.sequence, if parents < 2 { 3 } else { 0 });
    assert_eq!((version.size_bytes, version.playtime_ms, version.stored_at_ms), (5, 7, 9));
    assert_eq!(version.parent_count, parents);
    assert_eq!(version.parents.is_null(), parents == 0);
    for index in 0..parents {
        // SAFETY: the array has that many texts.
        assert_eq!(text(unsafe { *version.parents.add(index) }), ID);
    }
}

fn see_conflict(conflict: *const aethex_conflict) {
    // SAFETY: the conflict is lent for the time of the callback.
    let conflict = unsafe { &*conflict };
    see_version(conflict.head, "head", 1);
    assert!(conflict.ancestor.is_null());
    see_version(conflict.kept, "kept", 2);
}

/// Runs a completion; `seen` is set by its callback.
fn seen(complete: impl FnOnce(*mut c_void)) {
    let mut seen = false;
    complete(from_mut(&mut seen).cast());
    assert!(seen, "the callback ran");
}

fn mark(user_data: *mut c_void) {
    // SAFETY: `seen` passes a bool that outlives the call.
    unsafe { user_data.cast::<bool>().write(true) };
}

#[test]
fn a_save_lends_its_version_or_its_conflict() {
    unsafe extern "C" fn stored(user_data: *mut c_void, result: *const aethex_save_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert_eq!((result.error, result.op, result.queued), (0, 42, false));
        assert_eq!(text(result.slot), "slot");
        assert_eq!(text(result.message), "");
        see_version(result.version, "slot", 1);
        assert!(result.conflict.is_null());
        mark(user_data);
    }
    unsafe extern "C" fn refused(user_data: *mut c_void, result: *const aethex_save_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert_eq!(result.error, 200);
        assert_eq!(text(result.message), "somebody else saved");
        assert!(result.version.is_null());
        see_conflict(result.conflict);
        mark(user_data);
    }
    let saved = Saved { slot: "slot".to_owned(), queued: false, version: Some(version("slot", 1)) };
    seen(|data| save_done(Some(stored), data)(42, Ok(saved)));
    let mut error = Error::new(ErrorCode::SavesConflict, "somebody else saved");
    error.conflict = Some(Box::new(conflict()));
    seen(|data| save_done(Some(refused), data)(42, Err(error)));
    let unheard = Saved { slot: String::new(), queued: true, version: None };
    save_done(None, std::ptr::null_mut())(1, Ok(unheard));
}

#[test]
fn a_loaded_value_is_lent_and_a_copy_of_it_stays() {
    static KEPT: std::sync::Mutex<(aethex_value, aethex_value)> = std::sync::Mutex::new((0, 0));
    unsafe extern "C" fn loaded(user_data: *mut c_void, result: *const aethex_load_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert_eq!((result.error, result.encoding, result.from_cache), (0, 0, true));
        assert!(result.data.is_null() && result.version.is_null());
        let mut copy = 0;
        // SAFETY: `copy` is writable.
        assert_eq!(unsafe { aethex_value_copy(result.value, &mut copy) }, 0);
        *KEPT.lock().unwrap() = (result.value, copy);
        mark(user_data);
    }
    let content = Content::Value(Value::Int(77));
    seen(|data| {
        load_done(Some(loaded), data)(
            1,
            Ok(Loaded { version: None, content, from_cache: true, parts: Vec::new(), schema: 0 }),
        )
    });
    let (lent, copy) = *KEPT.lock().unwrap();
    let mut number = 0;
    // SAFETY: `number` is writable.
    unsafe {
        assert_eq!(aethex_value_get_int(lent, &mut number), 909, "it was lent");
        assert_eq!(aethex_value_get_int(copy, &mut number), 0);
    }
    assert_eq!(number, 77);
    assert_eq!(aethex_value_free(copy), 0);
}

#[test]
fn loaded_bytes_are_lent_also_when_there_are_none() {
    unsafe extern "C" fn loaded(user_data: *mut c_void, result: *const aethex_load_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert_eq!((result.error, result.encoding, result.value), (0, 1, 0));
        assert!(!result.data.is_null());
        // SAFETY: the bytes are lent for the time of the callback.
        let bytes = unsafe { std::slice::from_raw_parts(result.data, result.data_len) };
        assert!(bytes.is_empty() || bytes == b"\0\xffx");
        see_version(result.version, "slot", 0);
        mark(user_data);
    }
    for bytes in [Bytes::new(), Bytes::from_static(b"\0\xffx")] {
        let loaded_now = Loaded {
            version: Some(version("slot", 0)),
            content: Content::Bytes(bytes),
            from_cache: false,
            parts: Vec::new(),
            schema: 0,
        };
        seen(|data| load_done(Some(loaded), data)(1, Ok(loaded_now)));
    }
}

#[test]
fn a_list_lends_every_version() {
    unsafe extern "C" fn listed(user_data: *mut c_void, result: *const aethex_versions_result) {
        // SAFETY: the result is lent for the time of the callback.
        let result = unsafe { &*result };
        assert_eq!(result.versions.is_null(), result.version_count == 0);
        for index in 0..result.version_count {
            // SAFETY: the array has that many pointers.
            see_version(unsafe { *result.versions.add(index) }, &format!("slot {index}"), index % 3);
        }
        mark(user_data);
    }
    for count in [0, 1, 100] {
        let versions = (0..count).map(|index| version(&format!("slot {index}"), index % 3)).collect();
        seen(|data| versions_done(Some(listed), data)(1, Ok(versions)));
    }
    let offline = Error::new(ErrorCode::Offline, "no network");
    seen(|data| versions_done(Some(listed), data)(1, Err(offline)));
}

#[test]
fn a_user_is_lent() {
    unsafe extern "C" fn logged_in(user_data: *mut c_void, result: *const aethex_user_result) {
        // SAFETY: the result and its user are lent for the time of the callback.
        let (error, user) = unsafe { ((*result).error, &*(*result).user) };
        assert_eq!(error, 0);
        assert_eq!([text(user.username), text(user.display_name), text(user.avatar_url)], ["ann", "Änn", ""]);
        mark(user_data);
    }
    seen(|data| user_done(Some(logged_in), data)(1, Ok(user())));
}

#[test]
fn events_lend_what_their_kind_names() {
    unsafe extern "C" fn heard(user_data: *mut c_void, event: *const aethex_event) {
        // SAFETY: the event is lent for the time of the callback.
        let event = unsafe { &*event };
        if event.kind == aethex_event_kind::AETHEX_EVENT_SAVE_CONFLICT as i32 {
            assert_eq!(text(event.slot), "slot");
            see_conflict(event.conflict);
            let mut number = 0;
            // SAFETY: `number` is writable.
            assert_eq!(unsafe { aethex_value_get_int(event.value, &mut number) }, 0);
            assert_eq!(number, 5);
        } else if event.kind == aethex_event_kind::AETHEX_EVENT_SAVE_FAILED as i32 {
            assert_eq!(event.error, 205);
            assert_eq!(text(event.message), "full");
        } else if event.kind == aethex_event_kind::AETHEX_EVENT_SYNC_PROGRESS as i32 {
            assert_eq!(event.pending, 3);
        } else {
            assert!(event.conflict.is_null() && event.value == 0 && event.data.is_null());
        }
        assert_eq!(event.user.is_null(), event.kind != aethex_event_kind::AETHEX_EVENT_LOGGED_IN as i32);
        assert_eq!(event.version.is_null(), event.kind != aethex_event_kind::AETHEX_EVENT_SAVE_SYNCED as i32);
        assert_eq!(event.online, event.kind == aethex_event_kind::AETHEX_EVENT_ONLINE as i32);
        mark(user_data);
    }
    let slot = || "slot".to_owned();
    let local = Content::Value(Value::Int(5));
    for event in [
        Event::LoggedIn(user()),
        Event::LoggedOut,
        Event::SessionExpired,
        Event::SaveSynced { slot: slot(), version: version("slot", 1) },
        Event::SaveConflict(Box::new(ConflictInfo {
            slot: slot(),
            base: None,
            local,
            cloud: None,
            merged: None,
            asks: Vec::new(),
            suspicions: Vec::new(),
            conflict: conflict(),
        })),
        Event::SaveFailed { slot: slot(), error: Error::new(ErrorCode::QuotaExceeded, "full") },
        Event::SyncProgress { pending: 3 },
        Event::Online(true),
    ] {
        seen(|data| tell(Listener::new(heard, data), event));
    }
}

#[test]
fn handles_of_values_do_not_leak_into_each_other() {
    let first = lend(Value::Int(1)).unwrap();
    let second = lend(Value::Int(2)).unwrap();
    assert_eq!(aethex_value_free(first), 0);
    let third = lend(Value::Int(3)).unwrap();
    let mut number = 0;
    // SAFETY: `number` is writable.
    unsafe {
        assert_eq!(aethex_value_get_int(first, &mut number), 909);
        assert_eq!((aethex_value_get_int(second, &mut number), number), (0, 2));
        assert_eq!((aethex_value_get_int(third, &mut number), number), (0, 3));
    }
    assert_eq!((aethex_value_free(second), aethex_value_free(third)), (0, 0));
}
