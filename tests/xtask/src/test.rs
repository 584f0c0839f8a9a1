//! `cargo xtask test`: the one test command, the same here and in CI.
//!
//! Steps in order: setup, format, build, tests, lints, dependencies. A step that fails does not hide the later
//! ones, except that nothing is tested when nothing can be built. With a filter only the matching tests run.

use crate::claim::{Claim, claim};
use crate::count::Count;
use crate::demo::BUILD_LIMIT;
use crate::run::Cmd;
use crate::setup::Tools;
use crate::ui::{heading, note, seconds};
use crate::{Result, floors, paths, setup};
use std::time::{Duration, Instant};

/// All tests: longer than they ever take, shorter than a stuck CI job.
const TEST_LIMIT: Duration = Duration::from_secs(3_600);
/// A test that says nothing for so long hangs: the longest takes half of it on a busy machine.
const SILENCE_LIMIT: Duration = Duration::from_secs(15 * 60);
/// With bigger rounds.
const SLOW_TEST_LIMIT: Duration = Duration::from_secs(4 * 3_600);
/// Fuzz rounds of the slow tests: some minutes unoptimised.
const SLOW_FUZZ_ROUNDS: u64 = 2_000_000;
/// Random cases of a property in the slow tests, for those that do not name their own number.
const SLOW_CASES: u32 = 4_096;
/// Reading every source file.
const FORMAT_LIMIT: Duration = Duration::from_secs(120);

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    slow: bool,
    filter: Option<String>,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn parse(args: &[&str]) -> Result<Options> {
        let mut options = Options::default();
        for arg in args {
            match *arg {
                "--slow" => options.slow = true,
                other if other.starts_with('-') || options.filter.is_some() => {
                    return Err(crate::unknown(other));
                }
                filter => options.filter = Some(filter.to_owned()),
            }
        }
        Ok(options)
    }
}

/// The steps so far.
#[derive(Debug, Default)]
struct Summary {
    rows: Vec<(&'static str, &'static str, Duration)>,
    count: Count,
    failed_steps: u64,
}

impl Summary {
    /// Runs a step; an error is shown at once and counted.
    fn run<T>(&mut self, name: &'static str, work: impl FnOnce(&mut Count) -> Result<T>) -> Option<T> {
        let began = Instant::now();
        let outcome = work(&mut self.count);
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        self.rows.push((name, word, began.elapsed()));
        match outcome {
            Ok(value) => Some(value),
            Err(message) => {
                self.failed_steps += 1;
                println!("\n{name} failed: {message}");
                None
            }
        }
    }

    fn skip(&mut self, name: &'static str) {
        self.rows.push((name, "skipped", Duration::ZERO));
    }

    /// Prints the table and the totals; whether all went well.
    ///
    /// A step that failed other than by failed tests counts as one failure: the last line must not say that
    /// nothing failed when something did.
    fn finish(self) -> bool {
        heading("summary");
        for (name, word, time) in &self.rows {
            note(&format!("{name:14} {word:8} {:>9}", seconds(*time)));
        }
        for name in &self.count.failures {
            note(&format!("failed: {name}"));
        }
        if self.count.ignored > 0 {
            note(&format!("ignored: {}", self.count.ignored));
        }
        let failed = self.count.failed + self.failed_steps;
        println!("\n{} passed, {failed} failed", self.count.passed);
        failed == 0
    }
}

/// Runs everything; whether all went well.
pub(crate) fn test(options: Options) -> Result<bool> {
    let mut summary = Summary::default();
    let whole = options.filter.is_none();
    let tools = summary.run("setup", |_| setup::all());
    match whole {
        true => summary.run("format", |_| format()),
        false => skip(&mut summary, "format"),
    };
    let built = summary.run("build", |_| build());
    let whole_and_built = whole && built.is_some();
    match (tools, &built) {
        (Some(tools), Some(_claim)) => summary.run("tests", |count| tests(&options, &tools, count)),
        _ => skip(&mut summary, "tests"),
    };
    match whole_and_built {
        true => summary.run("lints", |_| lints()),
        false => skip(&mut summary, "lints"),
    };
    match whole {
        true => summary.run("dependencies", |_| dependencies()),
        false => skip(&mut summary, "dependencies"),
    };
    Ok(summary.finish())
}

fn skip(summary: &mut Summary, name: &'static str) -> Option<()> {
    summary.skip(name);
    None
}

fn format() -> Result<()> {
    heading("format");
    Cmd::cargo(FORMAT_LIMIT)?
        .args(["fmt", "--all", "--check"])
        .shown()
        .map_err(|error| format!("{error}: run `cargo fmt --all`"))
}

/// Everything at once, so that no test waits for a build and library files are there when tests load them.
fn build() -> Result<Claim> {
    heading("build");
    let claim = claim("dev")?;
    Cmd::cargo(BUILD_LIMIT)?.args(["build", "--workspace", "--all-targets"]).shown()?;
    Ok(claim)
}

fn lints() -> Result<()> {
    heading("lints");
    Cmd::cargo(BUILD_LIMIT)?.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).shown()
}

fn dependencies() -> Result<()> {
    match floors::floors()? {
        true => Ok(()),
        false => Err("see above".into()),
    }
}

fn tests(options: &Options, tools: &Tools, count: &mut Count) -> Result<()> {
    heading("tests");
    let (limit, silence) = match options.slow {
        true => (SLOW_TEST_LIMIT, SLOW_TEST_LIMIT),
        false => (TEST_LIMIT, SILENCE_LIMIT),
    };
    let mut command = Cmd::cargo(limit)?
        .silence(silence)
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(&options.filter);
    for (name, value) in environment(options, tools)? {
        note(&format!("{name}={value}"));
        command = command.env(name, value);
    }
    let ended = command.lines(|line, _| {
        println!("{line}");
        count.line(line);
    })?;
    // Failed tests are counted one by one; this is for a run that failed in another way.
    if !ended.success && count.failed == 0 {
        let still = match count.slow.as_slice() {
            [] => "did a test program crash?".to_owned(),
            names => format!("still under way: {}", names.join(", ")),
        };
        return Err(format!("`cargo test` {}\nno test failed; {still}", ended.how));
    }
    if count.passed + count.failed == 0 {
        let filter = options.filter.as_deref().unwrap_or_default();
        return Err(format!("no test ran{}", if filter.is_empty() { "" } else { ": the filter fits none" }));
    }
    Ok(())
}

/// What tests are told of this machine; every path is absolute.
fn environment(options: &Options, tools: &Tools) -> Result<Vec<(&'static str, String)>> {
    let debug = paths::target()?.join("debug");
    let mut list = vec![
        // The engine, for the Godot tests.
        ("AETHEX_TEST_GODOT", tools.godot.clone()),
        // The extension that was just built.
        ("AETHEX_TEST_GODOT_LIB", debug.join(paths::library("aethex_godot"))),
        // The folder with `initdb` and `postgres`.
        ("AETHEX_TEST_PG_BIN", tools.postgres.clone()),
        // Schemathesis.
        ("AETHEX_TEST_SCHEMATHESIS", tools.schemathesis.clone()),
        // The C compiler.
        ("AETHEX_TEST_CC", tools.compiler.clone()),
        // The OpenID provider and the mail server, for the account tests.
        ("AETHEX_TEST_SERVICES", tools.services.clone()),
        // The folder with the C library, shared and static.
        ("AETHEX_TEST_FFI_DIR", debug.clone()),
        // The backend's program.
        ("AETHEX_BACKEND_BIN", debug.join(paths::program("aethex-cloud"))),
    ]
    .into_iter()
    .map(|(name, path)| (name, path.display().to_string()))
    .collect::<Vec<_>>();
    if options.slow {
        list.push(("AETHEX_TEST_SLOW", "1".into()));
        // What is set already wins.
        if paths::set("AETHEX_FUZZ_ROUNDS").is_none() {
            list.push(("AETHEX_FUZZ_ROUNDS", SLOW_FUZZ_ROUNDS.to_string()));
        }
        if paths::set("PROPTEST_CASES").is_none() {
            list.push(("PROPTEST_CASES", SLOW_CASES.to_string()));
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_one_filter_and_known_flags() {
        let options = Options::parse(&["--slow", "saves"]).unwrap();
        assert!(options.slow && options.filter.as_deref() == Some("saves"));
        assert!(Options::parse(&["--fast"]).is_err());
        assert!(Options::parse(&["a", "b"]).is_err());
    }

    #[test]
    fn a_failed_step_is_a_failure_even_when_all_tests_pass() {
        let mut summary = Summary::default();
        summary.run("tests", |count| {
            count.line("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
            Ok(())
        });
        assert!(summary.run("lints", |_| Err::<(), _>("no".to_owned())).is_none());
        assert!(!summary.finish());
        let mut good = Summary::default();
        good.run("tests", |_| Ok(()));
        assert!(good.finish());
    }
}
