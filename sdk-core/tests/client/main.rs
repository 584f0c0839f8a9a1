//! The client against a backend that fails on purpose, through the public API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop and say where")]

mod accounts;
mod backend;
mod files;
mod guests;
mod logins;
mod relay;
mod rooms;
mod settings;

use aethex_sdk_core::wire::ErrorCode;
use aethex_sdk_core::{
    Bytes, Cloud, Config, Content, CredentialStore, Event, Resolution, SaveOptions, SlotStatus, User, Value,
};
use backend::{Backend, player_of};
use std::path::Path;
use std::time::{Duration, Instant};

const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "a long password";
const FLUSH: Duration = Duration::from_secs(20);

fn config(backend: &Backend, dir: &Path) -> Config {
    Config {
        server_url: backend.url.clone(),
        credentials: CredentialStore::File,
        request_timeout: Duration::from_secs(5),
        ..Config::new(dir)
    }
}

fn open(backend: &Backend, dir: &Path) -> Cloud {
    Cloud::new(config(backend, dir)).unwrap()
}

fn quiet(backend: &Backend, dir: &Path) -> Cloud {
    Cloud::new(Config { auto_sync: false, ..config(backend, dir) }).unwrap()
}

fn login(cloud: &Cloud, email: &str) -> User {
    cloud.block_on(cloud.auth().login(email, PASSWORD)).unwrap()
}

fn bytes(text: &str) -> Content {
    Content::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

fn save(cloud: &Cloud, slot: &str, text: &str) -> Result<aethex_sdk_core::Saved, aethex_sdk_core::Error> {
    cloud.block_on(cloud.saves().save(slot, bytes(text), SaveOptions::default()))
}

fn load(cloud: &Cloud, slot: &str) -> Result<aethex_sdk_core::Loaded, aethex_sdk_core::Error> {
    cloud.block_on(cloud.saves().load(slot))
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// Every file in a folder and below.
fn files_of(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut folders = vec![dir.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Waits for an event.
fn event(cloud: &Cloud, wanted: impl Fn(&Event) -> bool) -> Event {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(event) = cloud.take_events().into_iter().find(|event| wanted(event)) {
            return event;
        }
        assert!(Instant::now() < deadline, "the event did not come");
        std::thread::yield_now();
    }
}

/// Waits until something holds.
fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it never held");
        std::thread::yield_now();
    }
}

#[test]
fn a_save_travels_there_and_back() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    assert!(!cloud.auth().is_logged_in());
    assert_eq!(save(&cloud, "a", "x").unwrap_err().code, ErrorCode::NotLoggedIn);
    let user = cloud.block_on(cloud.auth().register(EMAIL, PASSWORD, None)).unwrap();
    assert_eq!(cloud.auth().current_user(), Some(user.clone()));
    let value = Value::PackedFloat32Array((0..5000_u16).map(f32::from).collect());
    let options =
        SaveOptions { label: "Before the boss".to_owned(), playtime_ms: 5, ..SaveOptions::default() };
    let content = Content::Value(value);
    let saved = cloud.block_on(cloud.saves().save("ä/b 1", content.clone(), options)).unwrap();
    assert!(!saved.queued);
    let version = saved.version.unwrap();
    assert_eq!((version.label.as_str(), version.playtime_ms), ("Before the boss", 5));
    assert_eq!(cloud.saves().status("ä/b 1"), SlotStatus::Synced);
    assert_eq!(cloud.saves().pending(), 0);
    assert_eq!(cloud.block_on(cloud.saves().list()).unwrap(), std::slice::from_ref(&version));
    cloud.shutdown(Duration::ZERO);
    // The fake keeps names as they travel: percent-encoded in a path. Plain ones are read back.
    let cloud = open(&backend, dir.path());
    assert_eq!(cloud.auth().current_user(), Some(user));
    cloud.block_on(cloud.saves().save("b", content.clone(), SaveOptions::default())).unwrap();
    let loaded = load(&cloud, "b").unwrap();
    assert_eq!((loaded.content, loaded.from_cache), (content, false));
    assert_eq!(load(&cloud, "nothing").unwrap_err().code, ErrorCode::SaveNotFound);
    cloud.block_on(cloud.saves().delete("b")).unwrap();
    assert_eq!(load(&cloud, "b").unwrap_err().code, ErrorCode::SaveNotFound);
    assert_eq!(cloud.saves().status("b"), SlotStatus::Unknown);
    assert_eq!(cloud.block_on(cloud.saves().delete("b")).unwrap_err().code, ErrorCode::SaveNotFound);
}

#[test]
fn offline_days_end_well() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let user = login(&cloud, EMAIL);
    save(&cloud, "a", "before").unwrap();
    backend.set_down(true);
    cloud.shutdown(Duration::ZERO);
    for day in ["one", "two", "three"] {
        let cloud = open(&backend, dir.path());
        assert_eq!(cloud.auth().current_user().unwrap(), user, "an offline start works");
        let saved = save(&cloud, "a", day).unwrap();
        assert!(saved.queued && saved.version.is_none());
        let loaded = load(&cloud, "a").unwrap();
        assert_eq!((loaded.content, loaded.from_cache), (bytes(day), true));
        assert_eq!(cloud.saves().status("a"), SlotStatus::Queued);
        let list = cloud.block_on(cloud.saves().list()).unwrap();
        assert_eq!((list.len(), list[0].hash.as_str(), list[0].stored_at_ms), (1, hash(day).as_str(), 0));
        let error = cloud.block_on(cloud.saves().flush(Duration::from_secs(1))).unwrap_err();
        assert_eq!(error.code, ErrorCode::Offline);
        // No shutdown: the process is killed.
        drop(cloud);
    }
    backend.set_down(false);
    let cloud = open(&backend, dir.path());
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    let stored = backend.hashes(user.id.as_str(), "a");
    let saved = ["before", "one", "two", "three"].map(hash);
    assert_eq!(stored, saved, "each save is a version, in order");
    assert_eq!(backend.count("/saves-batch/"), 1, "this backend takes no batches: they went one by one");
    assert_eq!(cloud.saves().pending(), 0);
    backend.set_down(true);
    let loaded = load(&cloud, "a").unwrap();
    assert_eq!((loaded.content, loaded.from_cache), (bytes("three"), true), "the offline copy");
    assert!(loaded.version.is_some());
}

#[test]
fn the_queue_is_sent_by_itself_when_the_backend_is_back() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let user = login(&cloud, EMAIL);
    backend.set_down(true);
    assert!(save(&cloud, "a", "x").unwrap().queued);
    event(&cloud, |event| matches!(event, Event::Online(false)));
    backend.set_down(false);
    let Event::SaveSynced { slot, version } =
        event(&cloud, |event| matches!(event, Event::SaveSynced { .. }))
    else {
        unreachable!()
    };
    assert_eq!((slot.as_str(), version.hash), ("a", hash("x")));
    assert_eq!(backend.hashes(user.id.as_str(), "a").len(), 1);
}

#[test]
fn lost_answers_repeat_nothing() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let user = login(&cloud, EMAIL);
    for (round, text) in ["one", "two", "three"].into_iter().enumerate() {
        backend.state().faults.lost_answers.insert("/saves/", u32::try_from(round).unwrap() * 2);
        save(&cloud, "a", text).unwrap();
        cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    }
    assert_eq!(backend.hashes(user.id.as_str(), "a"), [hash("one"), hash("two"), hash("three")]);
    assert!(backend.state().beside.is_empty());
}

/// A device that sleeps between the tries of a call, or a server whose clock is set.
#[test]
fn a_token_that_expires_on_its_way_is_renewed_again() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    backend.state().faults.late_tokens = 2;
    cloud.block_on(cloud.auth().profile()).unwrap();
    assert_eq!(backend.count("refresh"), 2);
    // Not for ever.
    backend.state().faults.late_tokens = 10;
    let refused = cloud.block_on(cloud.auth().profile()).unwrap_err();
    assert_eq!((refused.code, backend.count("refresh")), (ErrorCode::Unauthenticated, 4));
}

#[test]
fn many_calls_share_one_refresh() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    backend.expire_access();
    let auth = cloud.auth();
    let calls: Vec<_> = (0..10).map(|_| auth.profile()).collect();
    let results = cloud.block_on(async {
        let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    });
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(backend.count("refresh"), 1);
}

#[test]
fn a_lost_refresh_answer_keeps_the_session() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    backend.expire_access();
    // More losses than one request repeats: the call fails, the session does not.
    backend.state().faults.lost_answers.insert("refresh", 3);
    assert!(cloud.block_on(cloud.auth().profile()).unwrap_err().retryable);
    cloud.shutdown(Duration::ZERO);
    let cloud = open(&backend, dir.path());
    cloud.block_on(cloud.auth().profile()).unwrap();
    backend.expire_access();
    cloud.block_on(cloud.auth().profile()).unwrap();
    assert!(backend.state().ended_sessions.is_empty());
}

#[test]
fn two_processes_on_one_folder_keep_one_session() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let one = open(&backend, dir.path());
    let user = login(&one, EMAIL);
    let two = open(&backend, dir.path());
    assert_eq!(two.auth().current_user(), Some(user.clone()));
    for cloud in [&one, &two, &one, &two] {
        backend.expire_access();
        cloud.block_on(cloud.auth().profile()).unwrap();
    }
    assert!(backend.state().ended_sessions.is_empty(), "no refresh token was used twice");
    let texts: Vec<String> = (0..6).map(|i| format!("save {i}")).collect();
    for (i, text) in texts.iter().enumerate() {
        let cloud = if i % 2 == 0 { &one } else { &two };
        assert!(!save(cloud, "a", text).unwrap().queued);
    }
    let stored = backend.hashes(user.id.as_str(), "a");
    assert_eq!(stored, texts.iter().map(|text| hash(text)).collect::<Vec<_>>());
    // One logs out: the other learns of it when it needs a new token.
    one.block_on(one.auth().logout()).unwrap();
    backend.expire_access();
    assert_eq!(two.block_on(two.auth().profile()).unwrap_err().code, ErrorCode::NotLoggedIn);
    assert!(!two.auth().is_logged_in());
}

#[test]
fn an_ended_session_is_told_and_its_saves_stay() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let user = login(&cloud, EMAIL);
    {
        let mut state = backend.state();
        let sessions = (0..100).map(|i| format!("00000000-0000-0000-0000-{i:012x}"));
        state.ended_sessions.extend(sessions);
    }
    backend.expire_access();
    assert!(save(&cloud, "a", "kept").unwrap().queued);
    event(&cloud, |event| matches!(event, Event::SessionExpired));
    assert_eq!(cloud.auth().current_user(), None);
    backend.state().ended_sessions.clear();
    login(&cloud, "bob@example.com");
    assert_eq!(cloud.saves().pending(), 0, "another player's saves are apart");
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    login(&cloud, EMAIL);
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    assert_eq!(backend.hashes(user.id.as_str(), "a"), [hash("kept")]);
    assert!(backend.hashes(player_of("bob@example.com").as_str(), "a").is_empty());
}

#[test]
fn a_logout_holds_offline_and_is_told_later() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    backend.set_down(true);
    assert!(save(&cloud, "a", "unsent").unwrap().queued);
    cloud.block_on(cloud.auth().logout()).unwrap();
    assert_eq!(cloud.auth().current_user(), None);
    assert_eq!(save(&cloud, "a", "x").unwrap_err().code, ErrorCode::NotLoggedIn);
    drop(cloud);
    backend.set_down(false);
    let cloud = open(&backend, dir.path());
    assert_eq!(cloud.auth().current_user(), None);
    until(|| backend.state().ended_sessions.len() == 1);
    login(&cloud, EMAIL);
    assert_eq!(cloud.saves().status("a"), SlotStatus::Queued, "unsent saves survive the logout");
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    assert_eq!(cloud.saves().status("a"), SlotStatus::Synced);
}

#[test]
fn conflicts_keep_both_sides() {
    for keep_local in [true, false] {
        let backend = Backend::start();
        let (dir_one, dir_two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (open(&backend, dir_one.path()), open(&backend, dir_two.path()));
        let user = login(&one, EMAIL);
        login(&two, EMAIL);
        save(&one, "a", "hundred hours").unwrap();
        let error = save(&two, "a", "new game").unwrap_err();
        assert_eq!(error.code, ErrorCode::SavesConflict);
        assert_eq!(error.conflict.unwrap().head.hash, hash("hundred hours"));
        let event = event(&two, |event| matches!(event, Event::SaveConflict(_)));
        assert!(matches!(event, Event::SaveConflict(info) if info.local == bytes("new game")));
        assert_eq!(two.saves().status("a"), SlotStatus::Conflict);
        assert_eq!(load(&two, "a").unwrap().content, bytes("new game"));
        assert_eq!(two.block_on(two.saves().flush(FLUSH)).unwrap_err().code, ErrorCode::SavesConflict);
        let (resolution, expected) = match keep_local {
            true => (Resolution::KeepLocal, "new game"),
            false => (Resolution::KeepCloud, "hundred hours"),
        };
        let saved = two.block_on(two.saves().resolve("a", resolution.clone())).unwrap();
        assert!(!saved.queued);
        assert_eq!(saved.version.unwrap().hash, hash(expected));
        assert_eq!(load(&two, "a").unwrap().content, bytes(expected));
        save(&two, "a", "and on").unwrap();
        assert_eq!(backend.hashes(user.id.as_str(), "a").last(), Some(&hash("and on")));
        assert_eq!(backend.state().beside.len(), 1, "the other side is kept");
        let again = two.block_on(two.saves().resolve("a", resolution)).unwrap_err();
        assert_eq!(again.code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn an_old_version_is_restored_on_top() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    let first = save(&cloud, "a", "first").unwrap().version.unwrap();
    save(&cloud, "a", "second").unwrap();
    let old = cloud.block_on(cloud.saves().load_version("a", first.version.clone())).unwrap();
    assert_eq!(old.content, bytes("first"));
    let saved = cloud.block_on(cloud.saves().restore("a", first.version)).unwrap();
    assert_eq!(saved.version.unwrap().sequence, Some(3));
    assert_eq!(load(&cloud, "a").unwrap().content, bytes("first"));
    assert_eq!(cloud.block_on(cloud.saves().history("a")).unwrap().len(), 3);
}

#[test]
fn refusals_rate_limits_and_captive_portals() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = quiet(&backend, dir.path());
    let wrong = cloud.block_on(cloud.auth().login(EMAIL, "wrong password")).unwrap_err();
    assert_eq!((wrong.code, wrong.request_id.as_deref()), (ErrorCode::InvalidCredentials, Some("req-1")));
    login(&cloud, EMAIL);
    backend.state().faults.rate_limited = 2;
    assert!(!save(&cloud, "a", "patient").unwrap().queued);
    backend.state().faults.captive_portal = true;
    assert!(save(&cloud, "a", "in a hotel").unwrap().queued);
    assert_eq!(load(&cloud, "a").unwrap().content, bytes("in a hotel"));
    backend.state().faults.captive_portal = false;
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    backend.state().faults.no_quota = true;
    assert_eq!(save(&cloud, "a", "too much").unwrap_err().code, ErrorCode::QuotaExceeded);
    assert_eq!(cloud.saves().status("a"), SlotStatus::Failed);
    assert_eq!(load(&cloud, "a").unwrap().content, bytes("too much"), "kept on this device");
    event(&cloud, |event| matches!(event, Event::SaveFailed { .. }));
    backend.state().faults.no_quota = false;
    let saved = cloud.block_on(cloud.saves().resolve("a", Resolution::KeepLocal)).unwrap();
    assert_eq!(saved.version.unwrap().hash, hash("too much"));
    assert_eq!(cloud.saves().status("a"), SlotStatus::Synced);
}

#[test]
fn nothing_secret_lies_on_the_disk_in_plain() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    backend.expire_access();
    cloud.block_on(cloud.auth().profile()).unwrap();
    save(&cloud, "a", "x").unwrap();
    let files = files_of(dir.path());
    for path in &files {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        for secret in ["access-", "refresh-", EMAIL, PASSWORD] {
            assert!(!text.contains(secret), "{secret} in {path:?}");
        }
    }
    assert!(files.len() >= 4, "the session, its key, the slot and the locks");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_refuses_saves_and_keeps_reading() {
    use std::os::unix::fs::PermissionsExt;
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    save(&cloud, "a", "x").unwrap();
    let queue = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let player = std::fs::read_dir(queue.join("players")).unwrap().next().unwrap().unwrap().path();
    // A file where the folder was: refused for root, too.
    std::fs::remove_dir_all(player.join("queue")).unwrap();
    std::fs::write(player.join("queue"), b"").unwrap();
    std::fs::set_permissions(&player, std::fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(save(&cloud, "a", "y").unwrap_err().code, ErrorCode::Storage);
    std::fs::set_permissions(&player, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::remove_file(player.join("queue")).unwrap();
    assert_eq!(load(&cloud, "a").unwrap().content, bytes("x"));
    assert!(!save(&cloud, "a", "z").unwrap().queued);
}

#[test]
fn submitted_calls_complete_in_ticks_and_at_shutdown() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    login(&cloud, EMAIL);
    let (tell, told) = std::sync::mpsc::channel();
    let done = tell.clone();
    cloud.submit(cloud.saves().save("a", bytes("x"), SaveOptions::default()), move |result| {
        done.send(result.map(|saved| saved.queued)).unwrap();
    });
    until(|| cloud.tick() > 0);
    assert!(!told.try_recv().unwrap().unwrap());
    cloud.submit(std::future::pending::<Result<bool, _>>(), move |result| tell.send(result).unwrap());
    cloud.shutdown(Duration::ZERO);
    assert_eq!(told.try_recv().unwrap().unwrap_err().code, ErrorCode::ShutDown);
    cloud.shutdown(Duration::ZERO);
    assert_eq!(cloud.tick(), 0);
}

#[test]
fn saves_and_flush_keep_the_order_of_their_calls() {
    let (backend, dir) = (Backend::start(), tempfile::tempdir().unwrap());
    let cloud = open(&backend, dir.path());
    let user = login(&cloud, EMAIL);
    // The first takes long to pack, the later ones do not: none of them is awaited.
    let texts: Vec<String> = (0..6).map(|n| "x".repeat(if n == 0 { 4_000_000 } else { n })).collect();
    for text in &texts {
        cloud.submit(cloud.saves().save("a", bytes(text), SaveOptions::default()), |saved| {
            drop(saved.unwrap())
        });
    }
    cloud.block_on(cloud.saves().flush(FLUSH)).unwrap();
    assert_eq!(cloud.saves().pending(), 0, "the flush came after all of them");
    let expected: Vec<String> = texts.iter().map(|text| hash(text)).collect();
    assert_eq!(backend.hashes(user.id.as_str(), "a"), expected);
    cloud.shutdown(Duration::ZERO);
}
