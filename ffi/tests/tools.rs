//! Finding the built library and the C tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Folder of the library that was built together with this test: the test's own folder or the one above.
fn library(file: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let deps = test.parent().expect("a test lies in a folder");
    let places = [deps.parent().unwrap_or(deps).join(file), deps.join(file)];
    let newest = places
        .iter()
        .filter_map(|place| Some((place.metadata().ok()?.modified().ok()?, place)))
        .max_by_key(|(time, _)| *time);
    match newest {
        Some((_, place)) => place.clone(),
        None => panic!("{file} is neither in {:?}: run `cargo build -p aethex-ffi` first", places),
    }
}

/// The shared library.
pub(crate) fn shared_library() -> PathBuf {
    library("libaethex_cloud.so")
}

/// The static library.
pub(crate) fn static_library() -> PathBuf {
    library("libaethex_cloud.a")
}

/// A C or C++ compiler that finds the header.
pub(crate) fn compiler(name: &str) -> Command {
    let mut command = Command::new(name);
    command.arg("-I").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    command
}

/// Runs a tool; what it said is in the panic when it fails.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?} does not start: {error}; the C tests need gcc, g++ and binutils"),
    };
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// Symbols that a library shows to the world.
pub(crate) fn exported(library: &Path) -> Vec<String> {
    let output = run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}
