//! The Godot addon: its source in `godot-ext/addon`, and copies of it that contain the library.
//!
//! The `.gdextension` file says where each platform's library belongs; it is the one place that knows, so the
//! library is copied to every path that it names for this system.

use crate::{Result, paths};
use std::path::{Path, PathBuf};

/// The addon's folder in a project.
const IN_PROJECT: &str = "addons/aethex_cloud";
/// The prefix of a project's own files.
const RES: &str = "res://";

/// Puts the addon with `library` into a project and makes the engine know it.
pub(crate) fn install(project: &Path, library: &Path) -> Result<()> {
    let addon = project.join(IN_PROJECT);
    if addon.exists() {
        std::fs::remove_dir_all(&addon)
            .map_err(|error| format!("cannot replace {}: {error}", addon.display()))?;
    }
    let extension = assemble(&addon, library)?;
    // A copy for running, not for version control.
    paths::write(&addon.join(".gitignore"), "*\n")?;
    // Without this list the engine does not load the extension before its editor has scanned the project.
    let name = extension.file_name().unwrap_or_default().to_string_lossy();
    paths::write(&project.join(".godot/extension_list.cfg"), &format!("{RES}{IN_PROJECT}/{name}\n"))
}

/// Copies the addon's source to `folder` with the library in its places; the path of the `.gdextension` file.
pub(crate) fn assemble(folder: &Path, library: &Path) -> Result<PathBuf> {
    let source = source()?;
    paths::copy_folder(&source, folder)?;
    let extension =
        extension_in(folder).ok_or_else(|| format!("{} has no .gdextension file", source.display()))?;
    let text = std::fs::read_to_string(&extension)
        .map_err(|error| format!("cannot read {}: {error}", extension.display()))?;
    let places = library_places(&text, std::env::consts::OS, std::env::consts::ARCH);
    if places.is_empty() {
        return Err(format!(
            "{} names no library for {} on {}",
            extension.display(),
            std::env::consts::OS,
            std::env::consts::ARCH
        ));
    }
    for place in places {
        paths::copy(library, &folder.join(place))?;
    }
    Ok(extension)
}

/// The addon's source: `godot-ext/addon`, or the folder for a project inside it.
fn source() -> Result<PathBuf> {
    let base = paths::repo().join("godot-ext/addon");
    [base.join(IN_PROJECT), base.clone()]
        .into_iter()
        .find(|folder| extension_in(folder).is_some())
        .ok_or_else(|| format!("{} has no .gdextension file: the addon is missing", base.display()))
}

fn extension_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "gdextension"))
}

/// The places, within the addon, that the `[libraries]` section has for a system.
fn library_places(text: &str, os: &str, arch: &str) -> Vec<PathBuf> {
    let arch = if arch == "aarch64" { "arm64" } else { arch };
    let section = text.lines().map(str::trim).skip_while(|line| *line != "[libraries]").skip(1);
    let mut places: Vec<PathBuf> = section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .filter(|(features, _)| {
            let features: Vec<&str> = features.trim().trim_matches('"').split('.').collect();
            // A line without a processor is for all of them.
            let known =
                ["x86_64", "x86_32", "arm64", "arm32", "rv64", "ppc64", "ppc32", "wasm32", "universal"];
            let any_processor = !features.iter().any(|feature| known.contains(feature));
            features.contains(&os)
                && (any_processor || features.contains(&arch) || features.contains(&"universal"))
        })
        .map(|(_, path)| {
            let path = path.trim().trim_matches('"');
            let inside = path.strip_prefix(RES).and_then(|path| path.strip_prefix(IN_PROJECT));
            PathBuf::from(inside.unwrap_or(path).trim_start_matches("./").trim_start_matches('/'))
        })
        .collect();
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_by_system_and_processor() {
        let text = "[configuration]\nentry_symbol = \"x\"\n\n[libraries]\n\
            linux.debug.x86_64 = \"res://addons/aethex_cloud/bin/a.so\"\n\
            linux.release.x86_64 = \"res://addons/aethex_cloud/bin/a.so\"\n\
            linux.arm64 = \"bin/b.so\"\nwindows.x86_64 = \"./bin/c.dll\"\nmacos = \"bin/d.dylib\"\n\
            [icons]\nlinux.x86_64 = \"no\"\n";
        assert_eq!(library_places(text, "linux", "x86_64"), [PathBuf::from("bin/a.so")]);
        assert_eq!(library_places(text, "linux", "aarch64"), [PathBuf::from("bin/b.so")]);
        assert_eq!(library_places(text, "windows", "x86_64"), [PathBuf::from("bin/c.dll")]);
        assert_eq!(library_places(text, "macos", "aarch64"), [PathBuf::from("bin/d.dylib")]);
        assert!(library_places(text, "freebsd", "x86_64").is_empty());
    }
}
