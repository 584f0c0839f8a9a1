//! A program of `harness/services` that stands beside a test and is steered by lines of JSON.
//!
//! It says one line when it is ready and one for each order. It ends when its input does: dropped, or with this
//! process, however that ends. The programs and packages are those that `cargo xtask setup` installs.

use crate::process::{bounded, lines_of};
use crate::wait::DEADLINE;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use tempfile::TempDir;

/// The running program.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    orders: Option<ChildStdin>,
    answers: mpsc::Receiver<String>,
    folder: TempDir,
}

/// The interpreter of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    Node,
    Python,
}

impl Service {
    /// Starts `name` of `harness/services` and gives what it said when it was ready.
    pub(crate) fn start(with: With, name: &'static str, setup: &Value) -> (Service, Value) {
        let (installed, folder) = (installed(), TempDir::with_prefix("aethex-service-").unwrap());
        let program = match with {
            With::Node => installed.join("node"),
            With::Python => installed.join("python/bin/python"),
        };
        let mut child = Command::new(&program)
            .arg(source(name))
            .arg(setup.to_string())
            .env("AETHEX_NODE_PACKAGES", installed.join("packages"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask setup`", program.display()));
        let orders = child.stdin.take();
        let answers = lines_of(child.stdout.take().unwrap());
        let service = Service { name, child, orders, answers, folder };
        let ready = service.answer();
        (service, ready)
    }

    /// Gives an order and waits until it is done.
    pub(crate) fn order<T: DeserializeOwned>(&mut self, order: &Value) -> T {
        let pipe = self.orders.as_mut().expect("the pipe is open until the end");
        let sent = writeln!(pipe, "{order}");
        assert!(sent.is_ok(), "{} has ended: {}", self.name, self.log());
        serde_json::from_value(self.answer()).unwrap()
    }

    fn answer(&self) -> Value {
        let line = self.answers.recv_timeout(DEADLINE).unwrap_or_default();
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        match said.get("ok") {
            Some(answer) => answer.clone(),
            None => panic!("{} said {line:?}; its log: {}", self.name, self.log()),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends by itself; a hung one is not waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of `harness/services` that runs to its end.
pub fn node(name: &str) -> Command {
    let mut command = bounded(installed().join("node"));
    command.arg(source(name));
    command
}

/// A file of `harness/services`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/services").join(name)
}

/// The folder that `cargo xtask setup` filled: `AETHEX_TEST_SERVICES`, or where that command puts it.
pub(crate) fn installed() -> PathBuf {
    if let Some(folder) = std::env::var_os("AETHEX_TEST_SERVICES") {
        return folder.into();
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).expect("HOME is set");
    let pins = ["requirements.txt", "package-lock.json"].map(|name| std::fs::read(source(name)).unwrap());
    let folder = cache.join("aethex-cloud").join(format!("services-{:016x}", digest(&pins.concat())));
    assert!(
        folder.join(".complete").exists(),
        "the services that tests need are not installed: run `cargo xtask setup`"
    );
    folder
}

/// FNV-1a, as in `tests/xtask/src/services.rs`, which names the folder by it.
fn digest(bytes: &[u8]) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const FACTOR: u64 = 0x100_0000_01b3;
    bytes.iter().fold(START, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(FACTOR))
}
