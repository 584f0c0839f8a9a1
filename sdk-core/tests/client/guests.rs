//! Guests: the key that makes a device the same guest, links, and the merge into an account.

use crate::backend::Backend;
use crate::{EMAIL, FLUSH, PASSWORD, bytes, files_of, hash, load, login, open, quiet, save, until};
use aethex_sdk_core::wire::ErrorCode;
use aethex_sdk_core::{Cloud, LoginOptions, MergeChoice, SlotStatus, User};

fn login_guest(cloud: &Cloud) -> User {
    cloud.block_on(cloud.auth().login_guest()).unwrap()
}

fn login_keeping(cloud: &Cloud, email: &str) -> User {
    let options = LoginOptions { keep_guest: true, ..LoginOptions::default() };
    cloud.block_on(cloud.auth().login_with(email, PASSWORD, options)).unwrap()
}

fn merge(cloud: &Cloud, slots: Option<MergeChoice>) -> Result<User, aethex_sdk_core::Error> {
    cloud.block_on(cloud.auth().merge_guest(slots))
}

#[test]
fn a_device_is_the_same_guest_for_ever() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let guest = login_guest(&cloud);
    assert!(guest.is_guest);
    cloud.block_on(cloud.auth().logout()).unwrap();
    drop(cloud);
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    cloud.block_on(cloud.auth().logout()).unwrap();
    assert_eq!(login_guest(&cloud).id, guest.id, "after logout, restart and another player");
    let key = backend.state().accounts.guests.keys().next().unwrap().clone();
    for path in files_of(dir.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(&key), "the key lies in {path:?}");
    }
    // What cannot be read is not replaced, and is no reason for another guest.
    cloud.block_on(cloud.auth().logout()).unwrap();
    let file = files_of(dir.path()).into_iter().find(|path| path.ends_with("guest")).unwrap();
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"damaged").unwrap();
    let asked = backend.count("auth/guest");
    let error = cloud.block_on(cloud.auth().login_guest()).unwrap_err();
    assert_eq!(error.code, ErrorCode::Storage);
    assert_eq!(backend.count("auth/guest"), asked);
    login(&cloud, EMAIL);
    std::fs::write(&file, good).unwrap();
    assert_eq!(login_guest(&cloud).id, guest.id);
    cloud.block_on(cloud.auth().forget_guest()).unwrap();
    assert_ne!(login_guest(&cloud).id, guest.id, "given up for good");
}

#[test]
fn a_guest_becomes_an_account_by_a_link() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let guest = login_guest(&cloud);
    assert_eq!(cloud.block_on(cloud.auth().identities()).unwrap()[0].provider, "device");
    let linked = cloud.block_on(cloud.auth().link_email(EMAIL, PASSWORD, None)).unwrap();
    assert_eq!((&linked.id, linked.email.as_str(), linked.is_guest), (&guest.id, EMAIL, false));
    drop(cloud);
    assert_eq!(open(&backend, dir.path()).auth().current_user(), Some(linked));
}

#[test]
fn a_kept_guest_is_merged_with_everything() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = quiet(&backend, dir.path());
    let guest = login_guest(&cloud);
    save(&cloud, "sent", "of the guest").unwrap();
    backend.set_down(true);
    assert!(save(&cloud, "unsent", "of the guest, offline").unwrap().queued);
    backend.set_down(false);
    let user = login_keeping(&cloud, EMAIL);
    assert_eq!(cloud.auth().kept_guest().map(|kept| kept.id), Some(guest.id.clone()));
    // It waits over a restart, and for this player only.
    drop(cloud);
    let cloud = quiet(&backend, dir.path());
    assert_eq!(cloud.auth().current_user().map(|user| user.id), Some(user.id.clone()));
    assert!(cloud.auth().kept_guest().is_some());
    backend.expire_access();
    assert_eq!(merge(&cloud, None).unwrap().id, user.id);
    for (slot, text) in [("sent", "of the guest"), ("unsent", "of the guest, offline")] {
        assert_eq!(backend.hashes(user.id.as_str(), slot), [hash(text)]);
    }
    assert!(cloud.auth().kept_guest().is_none());
    assert_eq!(merge(&cloud, None).unwrap_err().code, ErrorCode::InvalidArgument);
    // The offline copies came along, and what is saved next is based on them.
    backend.set_down(true);
    assert_eq!(load(&cloud, "unsent").unwrap().content, bytes("of the guest, offline"));
    backend.set_down(false);
    save(&cloud, "unsent", "of the player").unwrap();
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    assert_eq!(cloud.saves().status("unsent"), SlotStatus::Synced);
    assert_eq!(backend.hashes(user.id.as_str(), "unsent").len(), 2);
}

#[test]
fn slots_of_both_need_a_choice() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let user = login(&cloud, EMAIL);
    save(&cloud, "a", "of the player").unwrap();
    let guest = login_guest(&cloud);
    save(&cloud, "a", "of the guest").unwrap();
    login_keeping(&cloud, EMAIL);
    let error = merge(&cloud, None).unwrap_err();
    assert_eq!(error.code, ErrorCode::MergeConflict);
    let conflict = error.merge.unwrap();
    assert_eq!((conflict.other, conflict.slots[0].slot.as_str()), (guest.id, "a"));
    assert!(cloud.auth().kept_guest().is_some(), "nothing has changed");
    merge(&cloud, Some(MergeChoice::KeepOther)).unwrap();
    assert_eq!(backend.hashes(user.id.as_str(), "a"), [hash("of the guest")]);
    assert_eq!(load(&cloud, "a").unwrap().content, bytes("of the guest"));
    save(&cloud, "a", "and on").unwrap();
}

#[test]
fn a_merge_with_its_answer_lost_is_done_once() {
    for lost in [1, 3] {
        let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
        let cloud = quiet(&backend, dir.path());
        login_guest(&cloud);
        save(&cloud, "a", "of the guest").unwrap();
        let user = login_keeping(&cloud, EMAIL);
        backend.state().faults.lost_answers.insert("auth/merge", lost);
        assert_eq!(merge(&cloud, None).unwrap().id, user.id);
        assert_eq!(backend.count("auth/merge"), 1, "the guest's end says that it was done");
        assert_eq!(backend.hashes(user.id.as_str(), "a"), [hash("of the guest")]);
        assert!(cloud.auth().kept_guest().is_none() && cloud.auth().is_logged_in());
    }
}

#[test]
fn a_guest_that_cannot_send_is_not_merged() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = quiet(&backend, dir.path());
    let guest = login_guest(&cloud);
    backend.state().faults.no_quota = true;
    assert_eq!(save(&cloud, "a", "too much").unwrap_err().code, ErrorCode::QuotaExceeded);
    backend.state().faults.no_quota = false;
    login_keeping(&cloud, EMAIL);
    let error = merge(&cloud, None).unwrap_err();
    assert_eq!(error.code, ErrorCode::QuotaExceeded);
    assert!(error.message.contains("nothing was merged"), "{}", error.message);
    assert_eq!(backend.count("auth/merge"), 0);
    // The guest is there to decide, and can be merged then.
    assert_eq!(login_guest(&cloud).id, guest.id);
    cloud.block_on(cloud.saves().resolve("a", aethex_sdk_core::Resolution::KeepLocal)).unwrap();
    let user = login_keeping(&cloud, EMAIL);
    merge(&cloud, None).unwrap();
    assert_eq!(backend.hashes(user.id.as_str(), "a"), [hash("too much")]);
}

#[test]
fn a_kept_guest_belongs_to_one_player_and_can_be_let_go() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let guest = login_guest(&cloud);
    login_keeping(&cloud, EMAIL);
    login(&cloud, "bob@example.com");
    assert!(cloud.auth().kept_guest().is_none(), "another player gets nothing of it");
    assert_eq!(merge(&cloud, None).unwrap_err().code, ErrorCode::InvalidArgument);
    login_keeping(&cloud, EMAIL);
    assert!(cloud.auth().kept_guest().is_some());
    let ended = backend.state().ended_sessions.len();
    cloud.block_on(cloud.auth().release_guest()).unwrap();
    assert!(cloud.auth().kept_guest().is_none());
    until(|| backend.state().ended_sessions.len() > ended);
    assert_eq!(login_guest(&cloud).id, guest.id, "it is still there");
    // Without the wish to keep it, a guest is logged out.
    login(&cloud, EMAIL);
    assert!(cloud.auth().kept_guest().is_none());
}

#[test]
fn a_guest_session_that_ended_says_so() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    save(&cloud, "a", "of the player").unwrap();
    let guest = login_guest(&cloud);
    save(&cloud, "a", "of the guest").unwrap();
    login_keeping(&cloud, EMAIL);
    // A refusal is a definite answer: what ends the guest later was no merge.
    assert_eq!(merge(&cloud, None).unwrap_err().code, ErrorCode::MergeConflict);
    let sessions = backend.state().sessions_of(&guest.id);
    backend.state().ended_sessions.extend(sessions);
    assert_eq!(merge(&cloud, None).unwrap_err().code, ErrorCode::SessionEnded);
    assert!(cloud.auth().is_logged_in(), "the player's own session goes on");
    assert!(cloud.auth().kept_guest().is_none());
}
