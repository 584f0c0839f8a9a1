//! The Godot engine: the user's own, or one provisioned into the cache folder.
//!
//! A program named by `GODOT`, or `godot`/`godot4` on PATH, is taken when it is new enough. Otherwise Debian's
//! package is unpacked, with every library it needs, into a folder of its own (40 s, 740 MB). It runs with its
//! own loader, so that the age of this system does not matter: `bin/godot` does that. Exported games have no
//! such wrapper, and Debian's export templates refuse another program's pack; `bin/in-root` runs them (and a
//! virtual display) inside that folder.

use crate::run::{self, Cmd};
use crate::{Result, paths, system};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The oldest engine that loads the extension.
const VERSION_MIN: (u32, u32) = (4, 3);
/// Fetching and unpacking 270 MB of packages.
const PROVISION_LIMIT: Duration = Duration::from_secs(1_200);
/// Starting the engine to ask its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);
/// The engine; llvmpipe and a virtual display for windows; export templates; a shell for `bin/in-root`.
const PACKAGES: &str = "godot,godot-template-debug,godot-template-release,libgl1-mesa-dri,xvfb,xkb-data,\
                        x11-xkb-utils,ca-certificates,fonts-dejavu-core,dash,coreutils";

/// Makes sure there is an engine; its version and place.
pub(crate) fn ensure() -> Result<String> {
    let path = match users_own()? {
        Some(own) => own,
        None => provisioned()?,
    };
    Ok(format!("{} at {}", version(&path)?, path.display()))
}

/// The engine to run.
pub(crate) fn path() -> Result<PathBuf> {
    match users_own()? {
        Some(own) => Ok(own),
        None => Ok(home()?.join("bin/godot")),
    }
}

/// The user's own engine, if there is one that is new enough.
fn users_own() -> Result<Option<PathBuf>> {
    if let Some(named) = paths::set("GODOT") {
        let named = std::path::absolute(named).map_err(|error| format!("GODOT: {error}"))?;
        let found = version(&named).map_err(|error| format!("GODOT names {}: {error}", named.display()))?;
        return match new_enough(&found) {
            true => Ok(Some(named)),
            false => Err(format!(
                "GODOT names version {found}; {}.{} or newer is needed: unset it, or name another",
                VERSION_MIN.0, VERSION_MIN.1
            )),
        };
    }
    let on_path = ["godot", "godot4", "godot-4"].into_iter().filter_map(run::find);
    Ok(on_path.into_iter().find(|path| version(path).is_ok_and(|found| new_enough(&found))))
}

fn version(program: &Path) -> Result<String> {
    let said = Cmd::new(program, VERSION_LIMIT).args(["--headless", "--version"]).quiet()?;
    said.lines().last().map(|line| line.trim().to_owned()).ok_or_else(|| "says no version".into())
}

fn new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= VERSION_MIN
}

fn home() -> Result<PathBuf> {
    Ok(paths::cache()?.join("godot-4.6"))
}

/// The engine in the cache folder, fetched if need be.
fn provisioned() -> Result<PathBuf> {
    let home = home()?;
    let (loader, libraries) = platform()?;
    let program = home.join("bin/godot");
    if !home.join("root/usr/bin/godot").exists() {
        system::godot_tools()?;
        unpack(&home)?;
    }
    script(&program, &GODOT_SCRIPT.replace("@loader@", loader).replace("@libraries@", libraries))?;
    script(&home.join("bin/in-root"), IN_ROOT_SCRIPT)?;
    link_templates(&home, &version(&program)?)?;
    Ok(program)
}

/// Debian's loader and library folder on this processor.
fn platform() -> Result<(&'static str, &'static str)> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok(("ld-linux-x86-64.so.2", "x86_64-linux-gnu")),
        ("linux", "aarch64") => Ok(("ld-linux-aarch64.so.1", "aarch64-linux-gnu")),
        _ => Err(format!(
            "no Godot {}.{} or newer found: install one from godotengine.org and put it on PATH, or name it by GODOT=",
            VERSION_MIN.0, VERSION_MIN.1
        )),
    }
}

/// Unpacks Debian's engine; the folder appears under its name only when it is complete.
fn unpack(home: &Path) -> Result<()> {
    let partial = home.join("root.partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial)
            .map_err(|error| format!("cannot remove {}: {error}", partial.display()))?;
    }
    paths::make_folder(home)?;
    Cmd::new("mmdebstrap", PROVISION_LIMIT)
        .args(["--quiet", "--variant=extract", "--aptopt=Acquire::Check-Valid-Until \"false\""])
        .arg(format!("--include={PACKAGES}"))
        .arg("sid")
        .arg(&partial)
        .quiet()
        .map_err(|error| {
            format!(
                "cannot fetch Debian's Godot. Put one on PATH or name it by GODOT=, or try again.\n{error}"
            )
        })?;
    for (link, target) in [
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
        ("bin", "usr/bin"),
        ("sbin", "usr/sbin"),
        ("usr/bin/sh", "dash"),
    ] {
        link_if_absent(&partial.join(link), Path::new(target))?;
    }
    std::fs::rename(&partial, home.join("root"))
        .map_err(|error| format!("cannot finish {}: {error}", home.display()))
}

fn script(path: &Path, text: &str) -> Result<()> {
    paths::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("cannot make {} executable: {error}", path.display()))?;
    }
    Ok(())
}

/// The editor looks for export templates in the user's data folder only.
fn link_templates(home: &Path, version: &str) -> Result<()> {
    let data = match (paths::set("XDG_DATA_HOME"), paths::set("HOME")) {
        (Some(data), _) => PathBuf::from(data),
        (None, Some(home)) => Path::new(&home).join(".local/share"),
        (None, None) => return Ok(()),
    };
    let folder = data.join("godot/export_templates").join(template_version(version));
    paths::make_folder(&folder)?;
    let arch = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
    for kind in ["debug", "release"] {
        let template = home.join(format!("root/usr/bin/godot-template-{kind}"));
        link_if_absent(&folder.join(format!("linux_{kind}.{arch}")), &template)?;
    }
    Ok(())
}

/// `4.6.3.stable` of `4.6.3.stable.debian4.6.3+ds-3`; a `4.6.stable.…` has no third number.
fn template_version(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    let numbers = parts.iter().take_while(|part| part.parse::<u32>().is_ok()).count();
    parts[..parts.len().min(numbers + 1)].join(".")
}

fn link_if_absent(link: &Path, target: &Path) -> Result<()> {
    if link.exists() {
        return Ok(());
    }
    #[cfg(unix)]
    {
        // A link that leads nowhere is left over from a removed cache folder.
        if link.is_symlink() {
            std::fs::remove_file(link)
                .map_err(|error| format!("cannot replace {}: {error}", link.display()))?;
        }
        std::os::unix::fs::symlink(target, link)
            .map_err(|error| format!("cannot link {}: {error}", link.display()))
    }
    #[cfg(not(unix))]
    Err(format!("cannot link {} to {} on this system", link.display(), target.display()))
}

const GODOT_SCRIPT: &str = r#"#!/bin/sh
# Runs the Godot beside this file with its own loader and libraries.
R=$(cd "$(dirname "$(readlink -f "$0")")/../root" && pwd)
L=$R/usr/lib/@libraries@
exec "$L/@loader@" --library-path "$L:$L/pulseaudio" "$R/usr/bin/godot" "$@"
"#;

const IN_ROOT_SCRIPT: &str = r#"#!/bin/sh
# Runs a command inside the Debian folder that carries Godot, as exported games need. The host's /proc, /dev,
# /sys, /tmp, home and current folder are at their usual paths. Root only; the mounts end with the command.
AETHEX_ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../root" && pwd)
AETHEX_CWD=$PWD
export AETHEX_ROOT AETHEX_CWD
exec unshare --mount --propagation private sh -c '
set -e
for folder in /proc /dev /sys /tmp "$HOME" "$AETHEX_CWD"; do
  [ -d "$folder" ] && [ "$folder" != / ] || continue
  mkdir -p "$AETHEX_ROOT$folder"
  mount --rbind "$folder" "$AETHEX_ROOT$folder"
done
PATH=/usr/bin:/usr/sbin:$PATH
export PATH
exec chroot "$AETHEX_ROOT" /usr/bin/env -C "$AETHEX_CWD" "$@"
' in-root "$@"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for good in ["4.3.stable.official", "4.6.3.stable.debian4.6.3+ds-3", "4.10.stable", "5.0.dev1"] {
            assert!(new_enough(good), "{good}");
        }
        for bad in ["3.5.2.stable", "4.2.2.stable.official", "", "Godot"] {
            assert!(!new_enough(bad), "{bad}");
        }
    }

    #[test]
    fn templates_are_found_by_the_version_without_the_builder() {
        assert_eq!(template_version("4.6.3.stable.debian4.6.3+ds-3"), "4.6.3.stable");
        assert_eq!(template_version("4.5.stable.official.876b29033"), "4.5.stable");
    }
}
