//! Running programs: with a deadline, with honest errors, and without leaving anything behind.
//!
//! [`Cmd`] runs a program to its end, quietly ([`Cmd::quiet`]: output only in the error), line by line
//! ([`Cmd::lines`]) or on our terminal ([`Cmd::shown`]). [`Cmd::start`] gives a [`Running`], which is stopped
//! when dropped. On Linux a started program also dies when this one is killed (`setpriv --pdeathsig`).

use crate::{Result, paths};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// How long output may trail the end of its program; a grandchild may hold the pipe for ever.
const TRAILING_OUTPUT: Duration = Duration::from_secs(2);
/// Lines of a failed quiet program that its error repeats.
const ERROR_LINES: usize = 40;
/// Characters of a command line in an error.
const COMMAND_LINE_MAX: usize = 160;
/// How long a stopped program may take before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(25);
/// Beginnings of variables that tests read; no server has settings of these names.
const FOR_TESTS: &[&str] = &[
    "AETHEX_TEST_",
    "AETHEX_UPDATE_",
    "AETHEX_KILL_ROUNDS",
    "AETHEX_FUZZ_ROUNDS",
    "AETHEX_SWAPS",
    "AETHEX_NETWORK_",
];

/// A program to run.
#[derive(Debug)]
pub(crate) struct Cmd {
    command: Command,
    limit: Duration,
    silence: Option<Duration>,
}

/// A program's end.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Whether it ended with 0 in time.
    pub(crate) success: bool,
    /// How it ended, in words.
    pub(crate) how: String,
}

impl Cmd {
    /// A program with a limit on its time.
    pub(crate) fn new(program: impl AsRef<OsStr>, limit: Duration) -> Cmd {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        clean_environment(&mut command);
        Cmd { command, limit, silence: None }
    }

    /// A limit on how long it may say nothing, for [`Cmd::lines`].
    pub(crate) fn silence(mut self, silence: Duration) -> Cmd {
        self.silence = Some(silence);
        self
    }

    /// Cargo in the repository, sharing one target folder with every clone.
    pub(crate) fn cargo(limit: Duration) -> Result<Cmd> {
        let cargo = paths::set("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(Cmd::new(cargo, limit).dir(&paths::repo()).env("CARGO_TARGET_DIR", paths::target()?))
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Cmd {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Cmd {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Cmd {
        self.command.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, path: &Path) -> Cmd {
        self.command.current_dir(path);
        self
    }

    /// Runs it silently; its standard output, or an error that ends with its last lines.
    pub(crate) fn quiet(self) -> Result<String> {
        let shown = self.shown_text();
        let (mut out, mut all) = (String::new(), Vec::new());
        let ended = self.lines(|line, from_stdout| {
            if from_stdout {
                out.push_str(line);
                out.push('\n');
            }
            all.push(line.to_owned());
        })?;
        if ended.success {
            return Ok(out);
        }
        let tail = &all[all.len().saturating_sub(ERROR_LINES)..];
        Err(format!("`{shown}` {}\n{}", ended.how, tail.join("\n")))
    }

    /// Runs it on our terminal.
    pub(crate) fn shown(mut self) -> Result<()> {
        let shown = self.shown_text();
        let mut child = self.command.spawn().map_err(|error| cannot_start(&shown, &error))?;
        let ended = wait(&mut child, self.limit).map_err(|error| format!("`{shown}`: {error}"))?;
        if ended.success { Ok(()) } else { Err(format!("`{shown}` {}", ended.how)) }
    }

    /// Runs it and hands over each line as it comes, with whether it came from standard output.
    pub(crate) fn lines(mut self, mut each: impl FnMut(&str, bool)) -> Result<Ended> {
        let shown = self.shown_text();
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| cannot_start(&shown, &error))?;
        let lines = Lines::of(&mut child);
        let (began, mut heard) = (Instant::now(), Instant::now());
        let mut ended = None;
        while ended.is_none() {
            let mut heard_now = false;
            lines.take(POLL, &mut |line: &str, from_stdout| {
                heard_now = true;
                each(line, from_stdout);
            });
            if heard_now {
                heard = Instant::now();
            }
            ended = match self.silence {
                Some(silence) if heard.elapsed() >= silence => {
                    kill(&mut child, &format!("after {} s of silence", silence.as_secs())).map(Some)
                }
                _ => poll(&mut child, began, self.limit),
            }
            .map_err(|error| format!("`{shown}`: {error}"))?;
        }
        lines.drain(TRAILING_OUTPUT, &mut each);
        ended.ok_or_else(|| format!("`{shown}` did not end"))
    }

    /// Starts it in the background with all its output in `log`.
    pub(crate) fn start(mut self, name: &str, log: &Path) -> Result<Running> {
        let file =
            std::fs::File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let other = file.try_clone().map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        self.command.stdout(file).stderr(other);
        let child = self.command.spawn().map_err(|error| cannot_start(name, &error))?;
        Ok(Running { child: Some(child), name: name.to_owned(), log: log.to_owned() })
    }

    /// The command as one would type it.
    fn shown_text(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

/// Starts `program` so that it dies when this process is killed, where the system can do that.
pub(crate) fn tied(program: &Path, limit: Duration) -> Cmd {
    match find("setpriv") {
        Some(setpriv) if cfg!(target_os = "linux") => {
            Cmd::new(setpriv, limit).args(["--pdeathsig", "TERM", "--"]).arg(program)
        }
        _ => Cmd::new(program, limit),
    }
}

/// A program in the background; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Option<Child>,
    name: String,
    log: PathBuf,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).unwrap_or_default()
    }

    /// Everything it has said.
    pub(crate) fn said(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits until `ready` finds in its output what it looks for.
    pub(crate) fn wait_until<T>(&mut self, limit: Duration, ready: impl Fn(&str) -> Option<T>) -> Result<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = ready(&self.said()) {
                return Ok(found);
            }
            let ended = self.child.as_mut().map(|child| child.try_wait());
            let why = match ended {
                Some(Ok(None)) if began.elapsed() < limit => None,
                Some(Ok(None)) => Some(format!("was not ready within {} s", limit.as_secs())),
                Some(Ok(Some(status))) => Some(format!("ended at once: {status}")),
                Some(Err(error)) => Some(error.to_string()),
                None => Some("was stopped".to_owned()),
            };
            if let Some(why) = why {
                return Err(format!("{} {why}\n{}", self.name, last_lines(&self.said())));
            }
            std::thread::sleep(POLL);
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<Ended>> {
        let name = &self.name;
        let status = match &mut self.child {
            Some(child) => child.try_wait().map_err(|error| format!("{name}: {error}"))?,
            None => None,
        };
        Ok(status.map(|status| Ended { success: status.success(), how: describe(status) }))
    }

    /// Asks it to end, and kills it when it does not.
    pub(crate) fn stop(mut self) -> Result<()> {
        let name = self.name.clone();
        match self.halt() {
            Some(ended) if !ended.success => {
                Err(format!("{name} did not stop well: {}\n{}", ended.how, last_lines(&self.said())))
            }
            _ => Ok(()),
        }
    }

    /// Lets it run on after this process.
    pub(crate) fn release(mut self) {
        self.child = None;
    }

    fn halt(&mut self) -> Option<Ended> {
        let mut child = self.child.take()?;
        terminate(child.id());
        wait(&mut child, STOP_LIMIT).ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.halt();
    }
}

/// The lines of a child's two outputs, read by a thread each.
struct Lines(mpsc::Receiver<(String, bool)>);

impl Lines {
    fn of(child: &mut Child) -> Lines {
        let (send, receive) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            read(out, true, send.clone());
        }
        if let Some(err) = child.stderr.take() {
            read(err, false, send);
        }
        Lines(receive)
    }

    /// Hands over what comes within `time`; true once both outputs are closed.
    fn take(&self, time: Duration, each: &mut impl FnMut(&str, bool)) -> bool {
        let until = Instant::now() + time;
        loop {
            match self.0.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((line, from_stdout)) => each(&line, from_stdout),
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(until.saturating_duration_since(Instant::now()));
                    return true;
                }
            }
        }
    }

    /// Hands over the rest, waiting at most `time` for outputs to close.
    fn drain(&self, time: Duration, each: &mut impl FnMut(&str, bool)) {
        let until = Instant::now() + time;
        while let Ok((line, from_stdout)) =
            self.0.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            each(&line, from_stdout);
        }
    }
}

fn read(source: impl Read + Send + 'static, from_stdout: bool, send: mpsc::Sender<(String, bool)>) {
    std::thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            line.clear();
            if send.send((text, from_stdout)).is_err() {
                return;
            }
        }
    });
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Ended> {
    let began = Instant::now();
    loop {
        if let Some(ended) = poll(child, began, limit)? {
            return Ok(ended);
        }
        std::thread::sleep(POLL);
    }
}

/// How the child ended, if it has; past the limit it is killed with all its descendants.
fn poll(child: &mut Child, began: Instant, limit: Duration) -> std::io::Result<Option<Ended>> {
    if let Some(status) = child.try_wait()? {
        return Ok(Some(Ended { success: status.success(), how: describe(status) }));
    }
    if began.elapsed() < limit {
        return Ok(None);
    }
    kill(child, &format!("after its limit of {} s", limit.as_secs())).map(Some)
}

/// Kills a child with all its descendants; how it ended names those that still ran.
fn kill(child: &mut Child, why: &str) -> std::io::Result<Ended> {
    let family = descendants(child.id());
    let running: Vec<String> = family.iter().map(|pid| format!("\n  {pid} {}", command_line(*pid))).collect();
    child.kill()?;
    for pid in family {
        // A descendant that ended in the meantime is what we want.
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    }
    child.wait()?;
    let still =
        if running.is_empty() { String::new() } else { format!("; below it ran{}", running.concat()) };
    Ok(Ended { success: false, how: format!("was killed {why}{still}") })
}

/// The words a process was started with, as far as a line has room.
fn command_line(pid: u32) -> String {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&words).replace('\0', " ");
    text.chars().take(COMMAND_LINE_MAX).collect()
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("ended by {status}"),
    }
}

/// Asks a process to end.
fn terminate(pid: u32) {
    // It may have ended already.
    let _ = Command::new("kill").args(["-TERM", &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The processes below `root`, read from /proc (none on systems without it).
fn descendants(root: u32) -> Vec<u32> {
    let pairs: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// The last lines of an output, for an error.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(ERROR_LINES)..].join("\n")
}

/// The program's file on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = paths::program(program);
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| is_executable(file))
}

/// Whether this is a file that can be run.
pub(crate) fn is_executable(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    file.is_file()
}

/// Takes out what `cargo run` put in for us (it would make Cargo rebuild, and Godot load Rust's libraries), and
/// the developer's own `AETHEX_*` settings: a demo or a test must not touch the database of a real server.
fn clean_environment(command: &mut Command) {
    for (name, value) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let cargo = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
        let for_tests = FOR_TESTS.iter().any(|prefix| text.starts_with(prefix));
        if cargo || text.starts_with("AETHEX_") && !for_tests {
            command.env_remove(&name);
        }
        if text == "LD_LIBRARY_PATH" {
            match without_cargo(&value) {
                Some(rest) => command.env(&name, rest),
                None => command.env_remove(&name),
            };
        }
    }
}

fn without_cargo(list: &OsStr) -> Option<OsString> {
    let target = paths::target().unwrap_or_default();
    let ours = |folder: &PathBuf| {
        folder.starts_with(&target)
            || folder.starts_with(paths::repo())
            || folder.components().any(|part| part.as_os_str() == "toolchains")
    };
    let kept: Vec<PathBuf> = std::env::split_paths(list).filter(|folder| !ours(folder)).collect();
    if kept.is_empty() { None } else { std::env::join_paths(kept).ok() }
}

fn cannot_start(what: &str, error: &std::io::Error) -> String {
    format!("cannot start `{what}`: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(10);

    #[test]
    fn a_quiet_program_gives_its_output_or_its_error() {
        assert_eq!(Cmd::new("sh", SHORT).args(["-c", "echo out; echo err >&2"]).quiet().unwrap(), "out\n");
        let error = Cmd::new("sh", SHORT).args(["-c", "echo why >&2; exit 3"]).quiet().unwrap_err();
        assert!(error.contains("exit code 3") && error.contains("why"), "{error}");
        assert!(
            Cmd::new("no-such-program-here", SHORT).quiet().unwrap_err().contains("no-such-program-here")
        );
    }

    #[test]
    fn a_limit_ends_the_whole_family() {
        let began = Instant::now();
        let limit = Duration::from_millis(300);
        let ended = Cmd::new("sh", limit).args(["-c", "sleep 30 & sleep 30; wait"]).lines(|_, _| ()).unwrap();
        assert!(!ended.success && ended.how.contains("limit"), "{ended:?}");
        assert!(began.elapsed() < TRAILING_OUTPUT, "the grandchild held the pipe");
    }

    #[test]
    fn silence_ends_the_whole_family_and_names_it() {
        let command = Cmd::new("sh", SHORT).args(["-c", "echo here; sleep 30 & wait"]);
        let mut said = Vec::new();
        let ended = command.silence(Duration::from_millis(300)).lines(|line, _| said.push(line.to_owned()));
        let ended = ended.unwrap();
        assert!(!ended.success && said == ["here"], "{said:?}");
        assert!(ended.how.contains("silence") && ended.how.contains("sleep 30"), "{ended:?}");
    }

    #[test]
    fn a_dropped_program_is_stopped() {
        let folder = paths::TempFolder::new("run-test").unwrap();
        let log = folder.path().join("log");
        let mut running =
            Cmd::new("sh", SHORT).args(["-c", "echo here; exec sleep 30"]).start("sleeper", &log).unwrap();
        running.wait_until(SHORT, |said| said.contains("here").then_some(())).unwrap();
        let proc = PathBuf::from(format!("/proc/{}", running.pid()));
        assert!(proc.exists());
        drop(running);
        assert!(!proc.exists());
    }

    #[test]
    fn a_program_that_ends_early_is_reported_with_its_words() {
        let folder = paths::TempFolder::new("run-test").unwrap();
        let log = folder.path().join("log");
        let mut running =
            Cmd::new("sh", SHORT).args(["-c", "echo sorry; exit 7"]).start("server", &log).unwrap();
        let error = running.wait_until(SHORT, |_| None::<()>).unwrap_err();
        assert!(error.contains("server") && error.contains("sorry"), "{error}");
    }
}
