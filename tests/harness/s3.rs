//! A real S3 server (SeaweedFS), on loopback.
//!
//! [`S3::shared`] is one for all tests of this process, each with a bucket's prefix of its own; [`S3::start`] is one
//! of a test, which may be killed and started again on the same data and ports. A shell holds the server: when this
//! process ends, however it ends, the pipe to the shell closes, and the shell kills the server and removes its data.
//! The program is the one that `cargo xtask setup` installs.

use crate::process::lines_of;
use crate::service::installed;
use crate::wait::until_blocking_within;
use aethex_backend::config::Config;
use aethex_backend::ports::blob::Blob;
use aethex_backend::ports::blob::config::BlobConfig;
use parking_lot::Mutex;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// How long the server may take to serve: four parts that find each other, five seconds on an idle machine.
const START_MAX: Duration = Duration::from_secs(90);
/// The key that is let in.
const KEY: (&str, &str) = ("aethex-test", "a secret of the tests");
/// The bucket that is there from the start.
pub const BUCKET: &str = "aethex";
/// Ports are looked for from here on: below those that the system gives to clients.
const PORT_FIRST: u16 = 20_000;
/// How many are looked at.
const PORTS: u16 = 12_000;
/// How long one question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the server under the shell's watch: `$1` the folder, the rest its command line. Kills and starts it as it
/// is told, until the end of its input.
const WATCH: &str = r#"
trap '' INT TERM HUP
dir=$1; shift
start() { "$@" >>"$dir/log" 2>&1 & pid=$!; }
stop() { kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; }
start "$@"; echo done
while read -r word; do
case $word in start) start "$@" ;; kill) stop ;; esac; echo done
done
stop
rm -rf "$dir"
"#;

/// A running server.
#[derive(Debug)]
pub struct S3 {
    folder: PathBuf,
    ports: Ports,
    watch: Mutex<Watch>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    master: u16,
    filer: u16,
    s3: u16,
    volume: u16,
    /// gRPC of each.
    grpc: [u16; 4],
}

#[derive(Debug)]
struct Watch {
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    shell: Child,
}

impl S3 {
    /// The one that tests share. Nobody stops it.
    pub fn shared() -> &'static S3 {
        static SHARED: OnceLock<S3> = OnceLock::new();
        SHARED.get_or_init(S3::start)
    }

    /// Starts one, with the bucket [`BUCKET`].
    pub fn start() -> S3 {
        let folder = tempfile::Builder::new().prefix("aethex-s3-").tempdir().unwrap().keep();
        std::fs::create_dir(folder.join("data")).unwrap();
        // No administrator: for one, this server makes the buckets that are missing.
        let identity = json!({ "name": "aethex", "actions": ["Read", "List", "Write"],
            "credentials": [{ "accessKey": KEY.0, "secretKey": KEY.1 }] });
        let config = folder.join("s3.json");
        std::fs::write(&config, json!({ "identities": [identity] }).to_string()).unwrap();
        let ports = Ports::find();
        let program = installed().join("python/bin/weed");
        assert!(program.is_file(), "{} is not there: run `cargo xtask setup`", program.display());
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "aethex-s3-watch"]).arg(&folder).arg(program).arg("server");
        command.arg(format!("-dir={}", folder.join("data").display()));
        command.arg(format!("-s3.config={}", config.display())).args(ports.arguments());
        // Nothing is told to anybody; no further listeners; a bucket takes 7 volumes.
        command.args([
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-s3",
            "-s3.iam=false",
        ]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=200"]);
        command.args(["-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]);
        let mut shell = command
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a POSIX shell is there");
        let orders = shell.stdin.take();
        let answers = lines_of(shell.stdout.take().unwrap());
        let server = S3 { folder, ports, watch: Mutex::new(Watch { orders, answers, shell }) };
        server.answer();
        server.wait();
        server.make_bucket(BUCKET);
        server
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again, on the same data and ports.
    pub fn start_again(&self) {
        self.order("start");
        self.wait();
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.s3)
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, name: &str) {
        let made = ask(self.ports.filer, "POST", &format!("/buckets/{name}/"));
        assert!(
            made.as_ref().is_some_and(|answer| answer.contains(" 201 ")),
            "no bucket: {made:?} {}",
            self.log()
        );
    }

    /// Removes a bucket with all that is in it.
    pub fn remove_bucket(&self, name: &str) {
        let gone = ask(self.ports.filer, "DELETE", &format!("/buckets/{name}?recursive=true"));
        assert!(gone.as_ref().is_some_and(|answer| answer.contains(" 204 ")), "the bucket stays: {gone:?}");
    }

    /// Settings of a store in it, apart from all others.
    pub fn settings(&self) -> BlobConfig {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        BlobConfig {
            engine: "s3".into(),
            endpoint: self.endpoint(),
            bucket: BUCKET.into(),
            prefix: format!("test/{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            access_key_id: KEY.0.into(),
            access_key_secret: KEY.1.into(),
            ..BlobConfig::default()
        }
    }

    /// What the server said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Until it can store something: its parts find each other one after the other.
    fn wait(&self) {
        until_blocking_within(START_MAX, "the S3 server", || {
            let assigned = ask(self.ports.master, "GET", "/dir/assign")?;
            let answers = ask(self.ports.s3, "GET", "/healthz")?.contains(" 200 ");
            let lists = ask(self.ports.filer, "GET", "/")?.contains(" 200 ");
            (assigned.contains("\"fid\"") && answers && lists).then_some(())
        });
    }

    fn order(&self, word: &str) {
        let mut watch = self.watch.lock();
        let orders = watch.orders.as_mut().expect("the pipe is open until the end");
        writeln!(orders, "{word}").unwrap();
        drop(watch);
        self.answer();
    }

    fn answer(&self) {
        let said = self.watch.lock().answers.recv_timeout(START_MAX).unwrap_or_default();
        assert_eq!(said, "done", "the S3 server's shell does not answer");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let watch = self.watch.get_mut();
        // The end of its input tells the shell to kill the server and to clean up.
        drop(watch.orders.take());
        let _ = watch.shell.wait();
    }
}

impl Ports {
    fn find() -> Ports {
        let mut free = std::iter::from_fn(|| Some(free_port()));
        let mut next = || free.next().unwrap();
        let (master, filer, s3, volume) = (next(), next(), next(), next());
        Ports { master, filer, s3, volume, grpc: [next(), next(), next(), next()] }
    }

    fn arguments(self) -> Vec<String> {
        let names = ["master", "filer", "s3", "volume"];
        let ports = [self.master, self.filer, self.s3, self.volume];
        let mut arguments = Vec::new();
        for ((name, port), grpc) in names.into_iter().zip(ports).zip(self.grpc) {
            arguments.extend([format!("-{name}.port={port}"), format!("-{name}.port.grpc={grpc}")]);
        }
        arguments
    }
}

/// A port that nobody listens on and no client is given, so that a restart finds it free.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that test at the same time begin at different places.
    let first = (std::process::id() % 600) as u16 * 20;
    for _ in 0..PORTS {
        let port = PORT_FIRST + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// An answer, head and all; `None` when there is none yet.
fn ask(port: u16, method: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// The store that these settings name; files that are made first lie in `data`.
pub fn store(settings: &BlobConfig, data: &std::path::Path) -> Blob {
    let config = Config { blob: settings.clone(), ..Config::for_tests(data) };
    Blob::from_config(&config).expect("the settings can be used")
}
