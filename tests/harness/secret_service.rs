//! A real Secret Service: gnome-keyring on a private D-Bus, with a home of its own.
//!
//! A test gives [`SecretService::envs`] to a child process, which then has a desktop's keyring that nobody else
//! sees. The keyring can be locked, can go away and come back with what it held, and so can the bus. Both end with
//! the thread that started them, and when dropped.

use crate::process::dying_with_parent;
use crate::service::source;
use crate::wait::until_blocking;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What opens it. With an empty one gnome-keyring makes no collection.
const PASSWORD: &[u8] = b"correct horse";
const SERVICE: &str = "org.freedesktop.secrets";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
/// The collection that gnome-keyring makes at the first unlock and programs use by default.
const LOGIN: &str = "/org/freedesktop/secrets/collection/login";

/// A running keyring.
#[derive(Debug)]
pub struct SecretService {
    bus: Option<Child>,
    keyring: Option<Child>,
    address: String,
    folder: TempDir,
}

impl SecretService {
    /// Starts bus and keyring, unlocked, its default collection empty.
    pub fn start() -> SecretService {
        let folder = TempDir::with_prefix("aethex-keyring-").unwrap();
        for name in ["home", "run"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        // The keyring wants a runtime folder that is its user's alone.
        std::fs::set_permissions(folder.path().join("run"), PermissionsExt::from_mode(0o700)).unwrap();
        let (bus, address) = start_bus(folder.path());
        let mut service = SecretService { bus: Some(bus), keyring: None, address, folder };
        service.restart();
        service
    }

    /// What a process needs to find this keyring and nothing of the user's.
    pub fn envs(&self) -> Vec<(&'static str, OsString)> {
        let home = self.folder.path().join("home");
        let in_home = |name: &str| home.join(name).into_os_string();
        vec![
            ("DBUS_SESSION_BUS_ADDRESS", self.address.clone().into()),
            ("HOME", home.clone().into_os_string()),
            ("XDG_RUNTIME_DIR", self.run_folder().into_os_string()),
            ("XDG_DATA_HOME", in_home(".local/share")),
            ("XDG_CONFIG_HOME", in_home(".config")),
            ("XDG_CACHE_HOME", in_home(".cache")),
        ]
    }

    /// Locks it. Nobody is there to answer a prompt: who wants to read is refused.
    pub fn lock(&self) {
        self.send(&["org.freedesktop.Secret.Service.Lock", &format!("array:objpath:{LOGIN}")]).unwrap();
        until_blocking("the keyring's lock", || self.is_locked().then_some(()));
    }

    /// Whether it is locked.
    pub fn is_locked(&self) -> bool {
        let said = self.property().expect("a running keyring says whether it is locked");
        said.contains("boolean true")
    }

    /// The keyring goes away; the bus stays.
    pub fn stop(&mut self) {
        end(&mut self.keyring);
        until_blocking("the keyring's end", || self.property().is_none().then_some(()));
    }

    /// The bus goes away, and the keyring with it.
    pub fn stop_bus(&mut self) {
        end(&mut self.keyring);
        end(&mut self.bus);
    }

    /// Comes back, unlocked, with what it held. It is also how a locked one is opened.
    pub fn restart(&mut self) {
        end(&mut self.keyring);
        if self.bus.is_none() {
            let (bus, address) = start_bus(self.folder.path());
            (self.bus, self.address) = (Some(bus), address);
        }
        let log = File::create(self.folder.path().join("keyring.log")).unwrap();
        let mut child = tied("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets", "--control-directory"])
            .arg(self.run_folder().join("keyring"))
            .envs(self.envs())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("gnome-keyring-daemon: {error}; run `cargo xtask setup`"));
        child.stdin.take().unwrap().write_all(PASSWORD).unwrap();
        self.keyring = Some(child);
        until_blocking("the keyring's unlocked collection", || {
            self.property().filter(|said| said.contains("boolean false"))
        });
    }

    /// What it says of its lock; nothing when it is not there.
    fn property(&self) -> Option<String> {
        self.call(
            LOGIN,
            &[
                "org.freedesktop.DBus.Properties.Get",
                "string:org.freedesktop.Secret.Collection",
                "string:Locked",
            ],
        )
    }

    fn send(&self, words: &[&str]) -> Option<String> {
        self.call(SERVICE_PATH, words)
    }

    fn call(&self, path: &str, words: &[&str]) -> Option<String> {
        let output = Command::new("dbus-send")
            .arg(format!("--bus={}", self.address))
            .args(["--print-reply", &format!("--dest={SERVICE}"), path])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("dbus-send: {error}; run `cargo xtask setup`"));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn run_folder(&self) -> PathBuf {
        self.folder.path().join("run")
    }
}

impl Drop for SecretService {
    fn drop(&mut self) {
        end(&mut self.keyring);
        end(&mut self.bus);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A program that ends with this thread.
fn tied(program: &str) -> Command {
    let mut line: Vec<OsString> = dying_with_parent().collect();
    line.push(program.into());
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]);
    command
}

fn start_bus(folder: &Path) -> (Child, String) {
    let (config, socket) = (folder.join("bus.conf"), folder.join("bus"));
    let text = std::fs::read_to_string(source("bus.conf")).unwrap();
    std::fs::write(&config, text.replace("SOCKET", &socket.display().to_string())).unwrap();
    // One that was killed leaves its socket behind.
    let _ = std::fs::remove_file(&socket);
    let mut child = tied("dbus-daemon")
        .arg(format!("--config-file={}", config.display()))
        .args(["--nofork", "--nopidfile", "--print-address"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join("bus.log")).unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("dbus-daemon: {error}; run `cargo xtask setup`"));
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let log = || std::fs::read_to_string(folder.join("bus.log")).unwrap_or_default();
    assert!(!address.is_empty(), "dbus-daemon did not start: {}; run `cargo xtask setup`", log());
    (child, address.trim().to_owned())
}
