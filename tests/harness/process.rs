//! The backend's binary, for tests that kill it or look at it from outside.

use crate::client::Client;
use crate::wait::{DEADLINE, until_blocking};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A running binary. It dies with the thread that started it, and when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The server's own process id: a tracer stands between in some tests.
    pub pid: u32,
    /// Where the API is.
    pub url: String,
    /// How long it took from the start to the ready line.
    pub ready_after: Duration,
    log: PathBuf,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Setup {
    data: PathBuf,
    listen: String,
    database_url: String,
    before: Vec<OsString>,
    env: Vec<(String, String)>,
}

impl Setup {
    /// The binary on this data folder, with SQLite. New accounts need no proof.
    pub fn new(data: &Path) -> Setup {
        let env = vec![("AETHEX_AUTH_PROOF_KIND".to_owned(), "none".to_owned())];
        let listen = "127.0.0.1:0".to_owned();
        Setup { data: data.to_owned(), listen, database_url: String::new(), before: vec![], env }
    }

    /// At this address, where the program was before it was killed. Else it gets a free one.
    pub fn listen(mut self, url: &str) -> Setup {
        url.trim_start_matches("http://").clone_into(&mut self.listen);
        self
    }

    /// On PostgreSQL.
    pub fn database(mut self, url: &str) -> Setup {
        self.database_url = url.to_owned();
        self
    }

    /// Under another program, such as a tracer.
    pub fn under(mut self, program: &[OsString]) -> Setup {
        self.before = program.to_vec();
        self
    }

    /// With a variable.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits for its ready line.
    pub fn start(&self) -> Process {
        std::fs::create_dir_all(&self.data).unwrap();
        let log = self.data.with_extension("log");
        let started = Instant::now();
        let mut child = self.command(&log).spawn().expect("the backend's binary runs");
        let said = lines_of(child.stdout.take().unwrap()).recv_timeout(DEADLINE).unwrap_or_default();
        let ready_after = started.elapsed();
        let url = said
            .strip_prefix("aethex-cloud ready on ")
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_else(|| panic!("no ready line but {said:?}; log: {}", read(&log)))
            .to_owned();
        let pid = if self.before.is_empty() { child.id() } else { only_child(child.id()) };
        Process { child, pid, url, ready_after, log }
    }

    fn command(&self, log: &Path) -> Command {
        let mut line: Vec<OsString> = Vec::new();
        line.extend(dying_with_parent());
        if !self.before.is_empty() {
            line.extend(self.before.iter().cloned());
            line.extend(dying_with_parent());
        }
        line.push(binary().into());
        line.extend(["serve", "--listen", &self.listen, "--data"].map(OsString::from));
        line.push(self.data.clone().into());
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .env("AETHEX_DATABASE_URL", &self.database_url)
            .env("AETHEX_LOG", "info")
            .env("AETHEX_AUTH_ARGON2_MEMORY_KIB", "64")
            .env("AETHEX_AUTH_ARGON2_PASSES", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap());
        command
    }
}

impl Process {
    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// SIGKILL: no chance to say goodbye.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it drains and ends.
    pub fn stop(mut self) -> ExitStatus {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid)]).status().unwrap();
        assert!(sent.success());
        until_blocking("the backend's end after SIGTERM", || self.child.try_wait().unwrap())
    }

    /// Whether it runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory it ever had resident, in KiB.
    pub fn memory_peak_kib(&self) -> u64 {
        let status = read(Path::new(&format!("/proc/{}/status", self.pid)));
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells VmHWM");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, or not worth a word while another failure is on its way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The backend's binary: `AETHEX_BACKEND_BIN`, or the one beside this test's.
pub fn binary() -> PathBuf {
    let path = match std::env::var_os("AETHEX_BACKEND_BIN") {
        Some(path) => path.into(),
        None => {
            let me = std::env::current_exe().unwrap();
            let profile = me.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
            profile.join("aethex-cloud")
        }
    };
    assert!(
        path.is_file(),
        "{} is not there: build it first with `cargo build -p aethex-backend`, or set AETHEX_BACKEND_BIN",
        path.display()
    );
    path
}

/// How long a program may run that a test waits for: the slowest, the engine with all its tests, takes a tenth.
const PROGRAM_MAX_S: &str = "300";

/// A program that a test waits for: it ends in time, by force when it has to.
pub fn bounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", PROGRAM_MAX_S]).arg(program);
    command
}

/// The lines of a program that has been started, as they come: who reads them can stop waiting.
pub fn lines_of(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    let said = BufReader::new(source).lines();
    std::thread::spawn(move || said.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

/// A prefix by which a program dies when its parent does, where the system has one: no test leaves a server
/// behind, even when it is killed itself.
pub(crate) fn dying_with_parent() -> impl Iterator<Item = OsString> {
    const SETPRIV: &str = "/usr/bin/setpriv";
    let prefix = [SETPRIV, "--pdeathsig", "KILL"].map(OsString::from);
    prefix.into_iter().filter(|_| Path::new(SETPRIV).exists())
}

fn only_child(pid: u32) -> u32 {
    until_blocking("the traced process", || {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
