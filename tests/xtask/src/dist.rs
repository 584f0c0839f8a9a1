//! `cargo xtask dist`: what ships, assembled into `dist/` for this platform.
//!
//! `dist/backend` is the one program to run, `dist/godot` unpacks into a Godot project, `dist/c` is a prefix for
//! CMake and pkg-config.

use crate::claim::claim;
use crate::demo::BUILD_LIMIT;
use crate::run::Cmd;
use crate::ui::{heading, step};
use crate::{Result, addon, paths};
use std::path::Path;

/// Builds and assembles; true when all is there.
pub(crate) fn dist() -> Result<bool> {
    heading("build");
    let _claim = claim("dist")?;
    Cmd::cargo(BUILD_LIMIT)?
        .args([
            "build",
            "--profile",
            "dist",
            "-p",
            "aethex-backend",
            "-p",
            "aethex-godot",
            "-p",
            "aethex-ffi",
        ])
        .shown()?;
    heading("dist");
    let (built, dist) = (paths::target()?.join("dist"), paths::repo().join("dist"));
    if dist.exists() {
        std::fs::remove_dir_all(&dist)
            .map_err(|error| format!("cannot replace {}: {error}", dist.display()))?;
    }
    // Not for version control, wherever it is made.
    paths::write(&dist.join(".gitignore"), "*\n")?;
    step("backend", || {
        let program = dist.join("backend").join(paths::program("aethex-cloud"));
        paths::copy(&built.join(paths::program("aethex-cloud")), &program)?;
        size(&program)
    })?;
    step("Godot addon", || {
        let library = built.join(paths::library("aethex_godot"));
        addon::assemble(&dist.join("godot/addons/aethex_cloud"), &library)?;
        size(&library)
    })?;
    step("C package", || c_package(&built, &dist.join("c")))?;
    println!("\n{}", dist.display());
    Ok(true)
}

/// The layout that the CMake package expects around itself.
fn c_package(built: &Path, to: &Path) -> Result<String> {
    let source = paths::repo().join("ffi");
    paths::copy(&source.join("include/aethex_cloud.h"), &to.join("include/aethex_cloud.h"))?;
    let shared = paths::library("aethex_cloud");
    let archive = if cfg!(windows) { "aethex_cloud.lib" } else { "libaethex_cloud.a" };
    paths::copy(&built.join(&shared), &to.join(if cfg!(windows) { "bin" } else { "lib" }).join(&shared))?;
    paths::copy(&built.join(archive), &to.join("lib").join(archive))?;
    if cfg!(windows) {
        paths::copy(&built.join("aethex_cloud.dll.lib"), &to.join("lib/aethex_cloud.dll.lib"))?;
    }
    paths::copy_folder(&source.join("cmake"), &to.join("lib/cmake/AethexCloud"))?;
    paths::copy_folder(&source.join("unreal"), &to.join("unreal"))?;
    let template = source.join("pkgconfig/aethex_cloud.pc.in");
    let text = std::fs::read_to_string(&template)
        .map_err(|error| format!("cannot read {}: {error}", template.display()))?;
    paths::write(&to.join("lib/pkgconfig/aethex_cloud.pc"), &pkg_config(&text))?;
    size(&built.join(shared))
}

/// The prefix is found from the file's own place, so that the folder can be moved.
fn pkg_config(template: &str) -> String {
    template.replace("@prefix@", "${pcfiledir}/../..").replace("@version@", env!("CARGO_PKG_VERSION"))
}

/// A file's size in words.
fn size(path: &Path) -> Result<String> {
    let bytes = path.metadata().map_err(|error| format!("cannot read {}: {error}", path.display()))?.len();
    Ok(format!("{} KiB", bytes / 1_024))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pkg_config_file_can_be_moved_and_has_our_version() {
        let made = super::pkg_config("prefix=@prefix@\nVersion: @version@\n");
        assert_eq!(made, format!("prefix=${{pcfiledir}}/../..\nVersion: {}\n", env!("CARGO_PKG_VERSION")));
    }
}
