//! Files that a game writes itself, autosaves, networks that cost, and archives: against a backend that fails on
//! purpose, with real files.

use crate::backend::{Backend, player_of};
use crate::{FLUSH, bytes, config, event, load, login, open, quiet, save};
use aethex_sdk_core::wire::ErrorCode;
use aethex_sdk_core::{Cloud, Config, Content, Event, Metered, Resolution, SaveOptions, SlotStatus, Wrapped};
use std::path::Path;
use std::time::Duration;

fn eager(backend: &Backend, dir: &Path) -> Cloud {
    Cloud::new(Config { save_debounce: Duration::ZERO, ..config(backend, dir) }).unwrap()
}

fn wrap(cloud: &Cloud, path: &Path) -> Wrapped {
    cloud.block_on(cloud.saves().wrap_file(path, "file")).unwrap()
}

fn flush(cloud: &Cloud) {
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
}

fn content(cloud: &Cloud, slot: &str) -> String {
    match load(cloud, slot).unwrap().content {
        Content::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Content::Value(value) => panic!("a value: {value:?}"),
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_wrapped_file_is_sent_when_it_changed_and_survives_a_restart() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.sav");
    std::fs::write(&path, "one").unwrap();
    let cloud = eager(&backend, &dir.path().join("a"));
    login(&cloud, "ann@example.com");
    assert!(wrap(&cloud, &path).queued);
    flush(&cloud);
    assert_eq!(content(&cloud, "file"), "one");
    cloud.take_events();
    std::fs::write(&path, "two").unwrap();
    event(&cloud, |event| matches!(event, Event::SaveSynced { slot, .. } if slot == "file"));
    assert_eq!(content(&cloud, "file"), "two");
    cloud.shutdown(Duration::ZERO);
    // The next run knows the file, and takes it when it flushes.
    std::fs::write(&path, "three").unwrap();
    let cloud = quiet(&backend, &dir.path().join("a"));
    login(&cloud, "ann@example.com");
    flush(&cloud);
    assert_eq!(content(&cloud, "file"), "three");
    cloud.block_on(cloud.saves().unwrap_file("file")).unwrap();
    std::fs::write(&path, "four").unwrap();
    flush(&cloud);
    assert_eq!(content(&cloud, "file"), "three", "unwrapped");
}

#[test]
fn a_newer_save_comes_into_an_unchanged_file_only() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("here.sav"), dir.path().join("there.sav"));
    std::fs::write(&here, "one").unwrap();
    let a = quiet(&backend, &dir.path().join("a"));
    login(&a, "ann@example.com");
    wrap(&a, &here);
    flush(&a);
    let b = quiet(&backend, &dir.path().join("b"));
    login(&b, "ann@example.com");
    assert!(wrap(&b, &there).replaced);
    assert_eq!(text(&there), "one");
    std::fs::write(&there, "two, there").unwrap();
    flush(&b);
    // Unchanged here: the newer one comes, and the older stays beside it.
    let pulled = a.block_on(a.saves().pull_file("file")).unwrap();
    assert!(pulled.replaced && pulled.version.is_some());
    assert_eq!((text(&here), text(&dir.path().join("here.sav.bak"))), ("two, there".into(), "one".into()));
    // Both change it: nobody's file is touched, and both are kept.
    std::fs::write(&there, "three, there").unwrap();
    flush(&b);
    std::fs::write(&here, "three, here").unwrap();
    let refused = a.block_on(a.saves().flush(FLUSH)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::SavesConflict);
    assert_eq!(text(&here), "three, here");
    assert_eq!(a.saves().status("file"), SlotStatus::Conflict);
    a.block_on(a.saves().resolve("file", Resolution::KeepLocal)).unwrap();
    flush(&a);
    assert_eq!(content(&a, "file"), "three, here");
    assert!(b.block_on(b.saves().pull_file("file")).unwrap().replaced);
    assert_eq!(text(&there), "three, here");
}

#[test]
fn another_players_file_is_not_taken_for_mine() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.sav");
    std::fs::write(&path, "ann's").unwrap();
    let cloud = quiet(&backend, &dir.path().join("a"));
    login(&cloud, "ann@example.com");
    wrap(&cloud, &path);
    flush(&cloud);
    login(&cloud, "bob@example.com");
    assert!(!wrap(&cloud, &path).queued);
    flush(&cloud);
    assert_eq!(load(&cloud, "file").unwrap_err().code, ErrorCode::SaveNotFound, "not Bob's");
    std::fs::write(&path, "bob's").unwrap();
    flush(&cloud);
    assert_eq!(content(&cloud, "file"), "bob's", "now he has played");
    login(&cloud, "ann@example.com");
    assert!(wrap(&cloud, &path).replaced);
    assert_eq!(text(&path), "ann's");
    assert_eq!(text(&dir.path().join("old.sav.bak")), "bob's");
}

#[test]
fn files_that_cannot_be_wrapped_are_refused() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let cloud = quiet(&backend, &dir.path().join("a"));
    login(&cloud, "ann@example.com");
    let code =
        |path: &Path, slot: &str| cloud.block_on(cloud.saves().wrap_file(path, slot)).unwrap_err().code;
    assert_eq!(code(Path::new("relative.sav"), "file"), ErrorCode::InvalidArgument);
    assert_eq!(code(dir.path(), "file"), ErrorCode::InvalidArgument, "a folder");
    assert_eq!(code(&dir.path().join("no/folder/x"), "file"), ErrorCode::InvalidArgument);
    assert_eq!(code(&dir.path().join("x"), "history"), ErrorCode::InvalidSlot);
    wrap(&cloud, &dir.path().join("x"));
    assert_eq!(code(&dir.path().join("x"), "other"), ErrorCode::InvalidArgument, "two slots");
    std::fs::write(dir.path().join("large"), vec![0; 17 * 1024 * 1024]).unwrap();
    assert_eq!(code(&dir.path().join("large"), "large"), ErrorCode::TooLarge);
}

#[test]
fn autosaves_become_one_version_and_awaited_saves_stay() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let cloud = open(&backend, dir.path());
    login(&cloud, "ann@example.com");
    save(&cloud, "slot", "first").unwrap();
    for text in ["a", "b", "c"] {
        cloud.block_on(cloud.saves().save_later("slot", bytes(text), SaveOptions::default())).unwrap();
    }
    let info = cloud.saves().slot_info("slot");
    assert_eq!((info.unsent, info.status), (1, SlotStatus::Queued));
    assert_eq!(content(&cloud, "slot"), "c", "the newest, though it was not sent");
    event(&cloud, |event| matches!(event, Event::SaveSynced { version, .. } if version.sequence == Some(2)));
    assert_eq!(cloud.saves().slot_info("slot").unsent, 0);
    assert_eq!(
        backend.hashes(player_of("ann@example.com").as_str(), "slot").len(),
        2,
        "one version of three"
    );
}

#[test]
fn large_saves_wait_for_a_network_that_costs_nothing() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let metered = Metered::AllowSmall(4096);
    let cloud = Cloud::new(Config { metered, ..config(&backend, dir.path()) }).unwrap();
    login(&cloud, "ann@example.com");
    cloud.saves().set_metered(true);
    let noise: String =
        (0..3000).map(|n| blake3::hash(&[n as u8, (n >> 8) as u8]).to_hex().to_string()).collect();
    assert!(save(&cloud, "large", &noise).unwrap().queued);
    assert!(!save(&cloud, "small", "x").unwrap().queued, "others go");
    assert!(cloud.saves().slot_info("large").error.is_some(), "it says why");
    cloud.saves().set_metered(false);
    event(&cloud, |event| matches!(event, Event::SaveSynced { slot, .. } if slot == "large"));
    cloud.saves().set_metered(true);
    assert!(save(&cloud, "large2", &noise).unwrap().queued);
    flush(&cloud);
    assert_eq!(cloud.saves().status("large2"), SlotStatus::Synced, "flush is a wish");
}

#[test]
fn an_archive_holds_what_is_unsent_and_overwrites_nothing() {
    let backend = Backend::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.zip");
    let cloud = quiet(&backend, &dir.path().join("a"));
    login(&cloud, "ann@example.com");
    save(&cloud, "a", "in the cloud").unwrap();
    save(&cloud, "b", "in the cloud").unwrap();
    backend.set_down(true);
    assert!(save(&cloud, "b", "unsent").unwrap().queued);
    backend.set_down(false);
    assert_eq!(cloud.block_on(cloud.saves().export_all(&path, false)).unwrap(), 3);
    let again = cloud.block_on(cloud.saves().import(&path)).unwrap();
    assert!(again.iter().all(|one| one.saved_as.is_none() && one.error.is_none()), "{again:?}");
    login(&cloud, "bob@example.com");
    save(&cloud, "a", "bob's").unwrap();
    let imported = cloud.block_on(cloud.saves().import(&path)).unwrap();
    let names: Vec<_> = imported.iter().map(|one| one.saved_as.as_deref()).collect();
    assert_eq!(names, [Some("a (2)"), Some("b")]);
    flush(&cloud);
    assert_eq!(content(&cloud, "a"), "bob's");
    assert_eq!(content(&cloud, "a (2)"), "in the cloud");
    assert_eq!(content(&cloud, "b"), "unsent");
}
