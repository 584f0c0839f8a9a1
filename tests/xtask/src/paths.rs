//! Where things are.

use crate::Result;
use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn repo() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lives two folders below the root").to_owned()
}

/// Everything installed for the project: `${XDG_CACHE_HOME:-$HOME/.cache}/aethex-cloud`.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match (set("XDG_CACHE_HOME"), set("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => Path::new(&home).join(".cache"),
        (None, None) => return Err("neither HOME nor XDG_CACHE_HOME is set: set one of them".into()),
    };
    Ok(base.join("aethex-cloud"))
}

/// Cargo's output. Unless `CARGO_TARGET_DIR` says otherwise it is in the cache folder, so that every clone
/// shares one build of the dependencies (minutes and gigabytes), not one each.
pub(crate) fn target() -> Result<PathBuf> {
    match set("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(folder).map_err(|error| format!("CARGO_TARGET_DIR: {error}")),
        None => Ok(cache()?.join("target")),
    }
}

/// A library's file name on this system, such as `libaethex_godot.so`.
pub(crate) fn library(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// A program's file name on this system.
pub(crate) fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// The value of a variable that is set to something.
pub(crate) fn set(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Makes a folder and its parents.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))
}

/// Writes a file and the folders above it, unless it already says just that.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Copies a file, making the folders above the copy.
///
/// The copy replaces the old file by name: writing into a library that a running process has mapped would
/// crash that process.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().ok_or_else(|| format!("{} is no place for a file", to.display()))?;
    make_folder(parent)?;
    let fresh = parent.join(format!(".xtask-{}", std::process::id()));
    std::fs::copy(from, &fresh)
        .and_then(|_| std::fs::rename(&fresh, to))
        .map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", from.display());
    make_folder(to)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        match entry.file_type().map_err(failed)?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => copy(&entry.path(), &target)?,
        }
    }
    Ok(())
}

/// A private folder under the system's temporary one, removed when dropped.
#[derive(Debug)]
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    /// Makes the folder.
    pub(crate) fn new(what: &str) -> Result<TempFolder> {
        let base = std::env::temp_dir();
        for attempt in 0..100 {
            let path = base.join(format!("aethex-{what}-{}-{attempt}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(TempFolder(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(format!("cannot make {}: {error}", path.display())),
            }
        }
        Err(format!("{} is full of old aethex-{what} folders: remove them", base.display()))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves the folder for the user.
    pub(crate) fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // A leftover in the temporary folder is the system's to clean.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
