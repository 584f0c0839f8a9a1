//! Programs that come from the system's package manager.
//!
//! Each is probed for first; only when one is missing is apt asked, so that a complete machine needs no network
//! and no root. Where apt or root is lacking the error names exactly what to install.

use crate::run::{self, Cmd};
use crate::{Result, paths, postgres};
use std::time::Duration;

/// A package list over a slow line.
const UPDATE_LIMIT: Duration = Duration::from_secs(300);
/// PostgreSQL and friends are some 100 MB.
const INSTALL_LIMIT: Duration = Duration::from_secs(1_200);
/// Compiling and running five lines of C.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// Something the project needs, and the Debian package that brings it.
struct Need {
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { package: "postgresql", present: || postgres::server_folder().is_some() },
    Need { package: "gcc", present: || run::find("gcc").is_some() },
    Need { package: "g++", present: || run::find("g++").is_some() },
    Need { package: "cmake", present: || run::find("cmake").is_some() },
    Need { package: "make", present: || run::find("make").is_some() },
    Need { package: "pkg-config", present: || run::find("pkg-config").is_some() },
    Need { package: "strace", present: || run::find("strace").is_some() },
    Need { package: "python3", present: || run::find("python3").is_some() },
    Need { package: "python3-venv", present: has_venv },
    Need { package: "gnome-keyring", present: || run::find("gnome-keyring-daemon").is_some() },
    Need {
        package: "dbus",
        present: || run::find("dbus-daemon").is_some() && run::find("dbus-send").is_some(),
    },
];

/// What provisioning a Godot needs besides.
const GODOT_NEEDS: &[Need] = &[
    Need { package: "mmdebstrap", present: || run::find("mmdebstrap").is_some() },
    Need {
        package: "debian-archive-keyring",
        present: || std::path::Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists(),
    },
];

/// What comparing relays needs besides.
const RELAY_NEEDS: &[Need] =
    &[Need { package: "libenet-dev", present: || std::path::Path::new("/usr/include/enet/enet.h").exists() }];

/// Installs what the tests need; the outcome as a line.
pub(crate) fn tools() -> Result<String> {
    install(NEEDS)
}

/// Installs what [`crate::godot`] needs to fetch an engine.
pub(crate) fn godot_tools() -> Result<String> {
    install(GODOT_NEEDS)
}

/// Installs what [`crate::relay`] compares our relay with.
pub(crate) fn enet() -> Result<String> {
    install(RELAY_NEEDS)
}

/// Checks that the C compiler can find memory errors, which the C tests rely on.
pub(crate) fn sanitizer() -> Result<String> {
    let folder = paths::TempFolder::new("asan")?;
    let (source, program) = (folder.path().join("probe.c"), folder.path().join("probe"));
    paths::write(&source, "int main(void) { return 0; }\n")?;
    Cmd::new(compiler()?, PROBE_LIMIT)
        .arg("-fsanitize=address")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .quiet()
        .and_then(|_| Cmd::new(&program, PROBE_LIMIT).quiet())
        .map_err(|error| {
            format!("gcc has no working AddressSanitizer (package libasan8 or newer): {error}")
        })?;
    Ok("gcc with AddressSanitizer".into())
}

/// Checks the parts of the Rust toolchain that rust-toolchain.toml names.
pub(crate) fn rust() -> Result<String> {
    let version = |tool: &str| Cmd::cargo(PROBE_LIMIT)?.args([tool, "--version"]).quiet();
    for tool in ["fmt", "clippy"] {
        version(tool).map_err(|error| {
            format!("`cargo {tool}` is missing: run `rustup component add rustfmt clippy` ({error})")
        })?;
    }
    Ok(Cmd::cargo(PROBE_LIMIT)?.arg("--version").quiet()?.trim().to_owned())
}

/// The C compiler of the tests.
pub(crate) fn compiler() -> Result<std::path::PathBuf> {
    run::find("gcc").ok_or_else(|| "gcc is not on PATH: run `cargo xtask setup`".into())
}

fn install(needs: &[Need]) -> Result<String> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok("present".into());
    }
    let list = missing.join(" ");
    if run::find("apt-get").is_none() {
        return Err(format!(
            "missing, by the names of their Debian packages: {list}. Install them with your package manager."
        ));
    }
    if !is_root() {
        return Err(format!("missing: {list}. Run: sudo apt-get install {list}"));
    }
    let apt = |limit: Duration| Cmd::new("apt-get", limit).env("DEBIAN_FRONTEND", "noninteractive");
    // One unreachable foreign repository fails the update but does not keep Debian's packages from us.
    let updated = apt(UPDATE_LIMIT).args(["-qq", "update"]).quiet();
    apt(INSTALL_LIMIT)
        .args(["-qq", "-y", "--no-install-recommends", "install"])
        .args(&missing)
        .quiet()
        .map_err(|error| format!("{error}\n{}", updated.err().unwrap_or_default()))?;
    match self::missing(needs).as_slice() {
        [] => Ok(format!("installed {list}")),
        still => Err(format!("apt installed {list}, but these are still not usable: {}", still.join(" "))),
    }
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| !(need.present)()).map(|need| need.package).collect()
}

/// Debian splits `ensurepip` from Python, and without it a virtual environment has no pip.
fn has_venv() -> bool {
    Cmd::new("python3", PROBE_LIMIT).args(["-c", "import venv, ensurepip"]).quiet().is_ok()
}

/// Whether this is the superuser.
pub(crate) fn is_root() -> bool {
    Cmd::new("id", PROBE_LIMIT).arg("-u").quiet().is_ok_and(|id| id.trim() == "0")
}
