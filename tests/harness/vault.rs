//! A real key server (OpenBao) in memory on a free port, with a transit key and tokens of small rights.
//!
//! What it holds is gone when it stops: [`Vault::start_again`] is the same address with other keys, as after a
//! disaster. [`Vault::pause`] lets it hang.

use crate::process::dying_with_parent;
use crate::service::installed;
use crate::wait::until;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The name of the transit key.
pub const KEY: &str = "saves";
const MOUNT: &str = "transit";
const ROOT: &str = "root";
/// Ports tried: more in a row are not taken by chance.
const STARTS_MAX: u32 = 5;
/// What a server of ours may do: no more than its work needs.
const POLICY: &str = r#"
path "transit/encrypt/saves" { capabilities = ["update"] }
path "transit/decrypt/saves" { capabilities = ["update"] }
path "transit/keys/saves" { capabilities = ["read"] }
path "transit/keys/saves/rotate" { capabilities = ["update"] }
"#;

/// A running key server.
#[derive(Debug)]
pub struct Vault {
    child: Mutex<Child>,
    port: u16,
    folder: TempDir,
}

impl Vault {
    /// Starts one with a key.
    pub async fn start() -> Vault {
        for _ in 0..STARTS_MAX {
            let folder = TempDir::with_prefix("aethex-vault-").unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let child = Mutex::new(spawn(port, &folder));
            let vault = Vault { child, port, folder };
            if vault.furnish().await {
                return vault;
            }
            // It has ended: another program took the port meanwhile.
        }
        panic!("the key server did not start {STARTS_MAX} times")
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A new token with the rights of a server.
    pub async fn token(&self) -> String {
        let made = self.ask("auth/token/create", json!({ "policies": ["server"], "ttl": "1h" })).await;
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Ends a token.
    pub async fn revoke(&self, token: &str) {
        self.ask("auth/token/revoke", json!({ "token": token })).await;
    }

    /// Any request of the operator's.
    pub async fn ask(&self, path: &str, body: Value) -> Value {
        self.try_ask(path, &body).await.unwrap_or_else(|| panic!("{path} failed; the log: {}", self.log()))
    }

    /// Ends it, with all that it holds.
    pub fn stop(&self) {
        let mut child = self.child.lock();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it again on the same address, with a new key of the same name.
    pub async fn start_again(&self) {
        *self.child.lock() = spawn(self.port, &self.folder);
        assert!(self.furnish().await, "the key server starts again; the log: {}", self.log());
    }

    /// It takes connections and says nothing, until it is told to go on.
    pub fn pause(&self, paused: bool) {
        let signal = if paused { "-STOP" } else { "-CONT" };
        let pid = self.child.lock().id().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill {signal} {pid}")]).status().unwrap().success());
    }

    /// Puts into it what a server needs; whether it runs.
    async fn furnish(&self) -> bool {
        let runs = until("the key server", async || {
            if self.child.lock().try_wait().unwrap().is_some() {
                return Some(false);
            }
            let mounted = self.try_ask(&format!("sys/mounts/{MOUNT}"), &json!({ "type": "transit" })).await;
            mounted.map(|_| true)
        });
        if !runs.await {
            return false;
        }
        self.ask(&format!("{MOUNT}/keys/{KEY}"), json!({ "type": "aes256-gcm96" })).await;
        self.ask("sys/policies/acl/server", json!({ "policy": POLICY })).await;
        true
    }

    async fn try_ask(&self, path: &str, body: &Value) -> Option<Value> {
        let client = crate::Client::new(&self.url());
        let path = format!("/v1/{path}");
        let reply = client.post(&path).header("x-vault-token", ROOT).json(body).try_send().await.ok()?;
        let empty = reply.body.is_empty();
        (reply.status < 300).then(|| if empty { Value::Null } else { reply.json() })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let mut child = self.child.lock();
        // It may have been stopped already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path().join("log")).unwrap();
    let program = installed().join("python/bin/bao");
    let mut line: Vec<_> = dying_with_parent().collect();
    line.push(program.into());
    Command::new(&line[0])
        .args(&line[1..])
        .args(["server", "-dev", "-dev-no-store-token"])
        .arg(format!("-dev-root-token-id={ROOT}"))
        .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("OpenBao runs: `cargo xtask setup` installs it")
}
