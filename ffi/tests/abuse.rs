//! Misuse from C under AddressSanitizer with UndefinedBehaviorSanitizer, against both libraries, and under
//! ThreadSanitizer: callbacks touch the program's memory on the ticking thread only. The library's own
//! accesses are not instrumented. And what the shared library shows to the world.

use crate::tools;
use std::path::{Path, PathBuf};
use std::process::Command;

const ADDRESS: &str = "-fsanitize=address,undefined";
const THREAD: &str = "-fsanitize=thread";

fn build(program: &Path, sanitizer: &str, library: &str, folder: &Path) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tools::run(
        tools::compiler("gcc")
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1"])
            .args([sanitizer, "-fno-sanitize-recover=all", "-pthread"])
            .arg(tests.join("abuse.c"))
            .arg(tests.join("abuse_values.c"))
            .arg(tests.join("abuse_accounts.c"))
            .arg("-L")
            .arg(folder)
            .args([library, "-ldl", "-lm", "-o"])
            .arg(program),
    );
}

fn abuse(sanitizer: &str, library: &str, folder: PathBuf) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let program = scratch.path().join("abuse");
    build(&program, sanitizer, library, &folder);
    let suppressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tsan.supp");
    let output = tools::run(
        Command::new("timeout")
            .arg("120")
            .arg(&program)
            .arg(scratch.path().join("data"))
            .env("LD_LIBRARY_PATH", &folder)
            .env("ASAN_OPTIONS", "detect_leaks=1")
            .env("TSAN_OPTIONS", format!("halt_on_error=1:suppressions={}", suppressions.display())),
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with("0 failures\n"), "{library} {sanitizer}: {said}");
}

fn folder(library: PathBuf) -> PathBuf {
    library.parent().expect("a library lies in a folder").to_owned()
}

#[test]
fn misuse_of_the_shared_library_is_an_error_code() {
    abuse(ADDRESS, "-laethex_cloud", folder(tools::shared_library()));
}

#[test]
fn misuse_of_the_static_library_is_an_error_code() {
    abuse(ADDRESS, "-l:libaethex_cloud.a", folder(tools::static_library()));
}

#[test]
fn callbacks_run_on_the_ticking_thread_only() {
    abuse(THREAD, "-laethex_cloud", folder(tools::shared_library()));
}

#[test]
fn only_aethex_symbols_are_exported() {
    let symbols = tools::exported(&tools::shared_library());
    let foreign: Vec<&String> = symbols.iter().filter(|symbol| !symbol.starts_with("aethex_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(symbols.iter().any(|symbol| symbol == "aethex_tick"), "{symbols:?}");
}
