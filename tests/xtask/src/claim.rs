//! Several clones, one target folder: no clone may run what another has built.
//!
//! Cargo takes a workspace's own crates for fresh by their files' times, whatever clone they came from: after a
//! build in one clone, an older checkout beside it would silently test that clone's code. So the target folder
//! remembers for each profile which clone built there. Another clone first removes the workspace's own crates
//! (the dependencies stay), and waits until no run of the former one is under way.

use crate::run::Cmd;
use crate::ui::note;
use crate::{Result, paths};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

/// Removing our own crates' files, or building this program again.
const LIMIT: Duration = Duration::from_secs(600);

/// The right to build and run what is in the target folder; other clones wait until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim(#[expect(dead_code, reason = "held for its lock")] File);

/// Claims a profile (`dev`, `release` or `dist`) of the target folder for this clone.
pub(crate) fn claim(profile: &str) -> Result<Claim> {
    let target = paths::target()?;
    paths::make_folder(&target)?;
    let path = target.join(format!(".clone-{profile}"));
    let failed = |error: std::io::Error| format!("cannot lock {}: {error}", path.display());
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    let ours = paths::repo();
    loop {
        file.lock_shared().map_err(failed)?;
        if read(&mut file).map_err(failed)? == ours.display().to_string() {
            return Ok(Claim(file));
        }
        file.unlock().map_err(failed)?;
        if file.try_lock().is_err() {
            note("waiting for the run of another clone that shares the target folder");
            file.lock().map_err(failed)?;
        }
        take(&mut file, &ours, profile)?;
        file.unlock().map_err(failed)?;
    }
}

/// Makes the folder ours, under the exclusive lock.
fn take(file: &mut File, ours: &Path, profile: &str) -> Result<()> {
    Cmd::cargo(LIMIT)?.args(["clean", "--quiet", "--workspace", "--profile", profile]).quiet()?;
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(ours.display().to_string().as_bytes()))
        .map_err(|error| format!("cannot mark the target folder as ours: {error}"))
}

fn read(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Whether this program itself was built in another clone than the one it is run in.
pub(crate) fn is_foreign() -> bool {
    // Cargo sets the variable when it runs us; started by hand, the clone that built us is meant.
    let asked = paths::set("CARGO_MANIFEST_DIR").map(std::path::PathBuf::from);
    asked.is_some_and(|asked| {
        asked.ends_with("tests/xtask") && asked != Path::new(env!("CARGO_MANIFEST_DIR")) && asked.is_dir()
    })
}

/// Builds this program from the clone it is run in, and lets that one do the work; whether it did it well.
pub(crate) fn hand_over(args: &[&str]) -> Result<bool> {
    let asked = paths::set("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
    let cargo = || {
        // The same target folder as the one we were found in, which need not be that of our children.
        let cargo = paths::set("CARGO").unwrap_or_else(|| "cargo".into());
        Cmd::new(cargo, Duration::MAX).dir(Path::new(&asked))
    };
    cargo().args(["clean", "--quiet", "--package", "aethex-xtask"]).quiet()?;
    // It has said itself what went wrong.
    Ok(cargo().args(["run", "--quiet", "--package", "aethex-xtask", "--"]).args(args).shown().is_ok())
}
