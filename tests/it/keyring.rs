//! The SDK's secrets in a real keyring: kept, locked, gone.
//!
//! Which keyring a process uses is told by its variables, so the SDK runs in children of the test: the test's own
//! binary, with an order in its environment.

use aethex_sdk_core::{Cloud, Config, CredentialStore, ErrorCode};
use aethex_tests::app::password_of;
use aethex_tests::secret_service::SecretService;
use aethex_tests::{App, Engine, wait};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// What [`child`] is to do; when this is not set it is not a child and does nothing.
const ORDER: &str = "AETHEX_TEST_SDK_ORDER";
const SERVER: &str = "AETHEX_TEST_SDK_SERVER";
const FOLDER: &str = "AETHEX_TEST_SDK_FOLDER";
/// Beginning of the line with what a child found.
const FOUND: &str = "found: ";

/// Not a test by itself: the game that the tests below start.
#[test]
fn child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let mut config = Config::new(std::env::var(FOLDER).unwrap());
    config.server_url = std::env::var(SERVER).unwrap();
    config.credentials = CredentialStore::Auto;
    let cloud = Cloud::new(config).unwrap();
    let auth = cloud.auth();
    let password = password_of("ann");
    let user = match order.as_str() {
        "login" => cloud.block_on(auth.login("ann@example.com", &password)),
        "guest" => cloud.block_on(auth.login_guest()),
        // Through the network: the tokens are whole, not only the profile.
        _ => cloud.block_on(auth.profile()),
    };
    let found = user.map_or_else(|error| error.code.to_string(), |user| user.id.to_string());
    writeln!(std::io::stdout(), "{FOUND}{found}").unwrap();
    cloud.shutdown(Duration::ZERO);
}

/// A device: a folder, and a keyring.
struct Device<'a> {
    app: &'a App,
    keyring: SecretService,
}

impl Device<'_> {
    /// Starts a game, and says what it found: a player's id or an error's code.
    async fn game(&self, folder: &Path, order: &str) -> String {
        let ran = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "keyring::child"])
            .envs(self.keyring.envs())
            .env(ORDER, order)
            .env(SERVER, self.app.url())
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ran = wait::in_time("the game's end", ran).await.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let found = said.lines().find_map(|line| line.split_once(FOUND)).map(|(_, found)| found.to_owned());
        found.unwrap_or_else(|| panic!("the game said nothing: {ran:?}"))
    }
}

/// Every file of a game's folder, by its name.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push((path.clone(), std::fs::read(path).unwrap())),
            }
        }
    }
    files
}

fn has(folder: &Path, name: &str) -> bool {
    files(folder).iter().any(|(path, _)| path.ends_with(name))
}

/// No file says anything of the player in plain text: a refresh token begins with `rt1.`, a JWT with `eyJ`.
fn is_sealed(folder: &Path) {
    for (path, bytes) in files(folder) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for plain in ["rt1.", "eyJ", "ann", "example.com", "refresh_token", "session_id"] {
            assert!(!text.contains(plain), "{plain} in {path:?}");
        }
    }
}

fn run(test: impl AsyncFnOnce(&App, Device<'_>)) {
    aethex_tests::app::run(
        Engine::Sqlite,
        |_| {},
        async |app| {
            app.as_player("ann").await;
            // It ends with the thread that started it: this one, which waits for the test.
            let keyring = SecretService::start();
            test(app, Device { app, keyring }).await;
        },
    );
}

#[test]
fn secrets_outlive_the_game_and_a_lock_hides_them() {
    run(async |app, mut device| {
        let folder = app.folder("game");
        let ann = device.game(&folder, "login").await;
        assert_eq!(ann.len(), 36, "{ann}");
        assert!(has(&folder, "credentials") && !has(&folder, "key"), "the key lies in the keyring");
        is_sealed(&folder);
        assert_eq!(device.game(&folder, "profile").await, ann, "after a restart");
        let guest = device.game(&folder, "guest").await;
        assert!(guest.len() == 36 && guest != ann);
        is_sealed(&folder);
        // Locked: nothing is read, and no second guest is made.
        device.keyring.lock();
        assert_eq!(device.game(&folder, "profile").await, ErrorCode::NotLoggedIn.as_str());
        assert_eq!(device.game(&folder, "guest").await, ErrorCode::Storage.as_str());
        assert!(!has(&folder, "key"));
        // Open again: all of it is there.
        device.keyring.restart();
        assert_eq!(device.game(&folder, "profile").await, guest);
        assert_eq!(device.game(&folder, "guest").await, guest);
        // A player who logs in while it is locked is kept by a file; the guest's key waits for the keyring.
        device.keyring.lock();
        assert_eq!(device.game(&folder, "login").await, ann);
        assert!(has(&folder, "key"));
        assert_eq!(device.game(&folder, "profile").await, ann);
        assert_eq!(device.game(&folder, "guest").await, ErrorCode::Storage.as_str());
        is_sealed(&folder);
        device.keyring.restart();
        assert_eq!(device.game(&folder, "profile").await, ann);
        assert_eq!(device.game(&folder, "guest").await, guest);
    });
}

#[test]
fn a_device_without_a_keyring_keeps_its_secrets_in_a_file() {
    run(async |app, mut device| {
        for (name, bus) in [("no keyring", false), ("no bus", true)] {
            let folder = app.folder(name);
            match bus {
                false => device.keyring.stop(),
                true => device.keyring.stop_bus(),
            }
            let guest = device.game(&folder, "guest").await;
            assert_eq!(guest.len(), 36, "{guest}");
            assert!(has(&folder, "key"), "the key lies beside the file");
            let ann = device.game(&folder, "login").await;
            assert_eq!(device.game(&folder, "profile").await, ann);
            assert_eq!(device.game(&folder, "guest").await, guest);
            is_sealed(&folder);
            private(&folder);
            // A keyring that comes later changes nothing.
            device.keyring.restart();
            assert_eq!(device.game(&folder, "profile").await, guest);
            assert_eq!(device.game(&folder, "guest").await, guest);
        }
    });
}

/// Only the user can read it.
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for (path, _) in files(folder) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path:?}");
    }
}

#[test]
fn a_keyring_that_goes_away_takes_the_session_and_not_the_game() {
    run(async |app, mut device| {
        let folder = app.folder("game");
        let guest = device.game(&folder, "guest").await;
        let ann = device.game(&folder, "login").await;
        device.keyring.stop_bus();
        assert_eq!(device.game(&folder, "profile").await, ErrorCode::NotLoggedIn.as_str());
        assert_eq!(device.game(&folder, "guest").await, ErrorCode::Storage.as_str());
        assert_eq!(device.game(&folder, "login").await, ann, "the player can log in");
        assert_eq!(device.game(&folder, "profile").await, ann, "and stays");
        device.keyring.restart();
        assert_eq!(device.game(&folder, "profile").await, ann);
        assert_eq!(device.game(&folder, "guest").await, guest, "the guest is still the guest");
    });
}
