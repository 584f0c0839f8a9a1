//! `cargo xtask setup`: everything the project needs, installed once.
//!
//! Each component says whether it is there; only what is missing is fetched. Two clones that set up at the same
//! time take turns.

use crate::ui::{heading, step};
use crate::{Result, godot, paths, postgres, python, services, system};
use std::path::PathBuf;

/// Where the components are.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) godot: PathBuf,
    pub(crate) postgres: PathBuf,
    pub(crate) schemathesis: PathBuf,
    pub(crate) compiler: PathBuf,
    pub(crate) services: PathBuf,
}

/// Installs everything.
pub(crate) fn all() -> Result<Tools> {
    heading("setup");
    let _turn = turn()?;
    step("Rust toolchain", system::rust)?;
    step("system packages", system::tools)?;
    step("C compiler", system::sanitizer)?;
    step("PostgreSQL", postgres::version)?;
    step("Godot", godot::ensure)?;
    step("schemathesis", python::ensure)?;
    step("services that tests talk to", services::ensure)?;
    Ok(Tools {
        godot: godot::path()?,
        postgres: postgres::server_folder().ok_or("PostgreSQL vanished during setup")?,
        schemathesis: python::schemathesis()?,
        compiler: system::compiler()?,
        services: services::folder()?,
    })
}

/// Installs Godot only.
pub(crate) fn godot() -> Result<PathBuf> {
    heading("setup");
    let _turn = turn()?;
    step("Godot", godot::ensure)?;
    godot::path()
}

/// Holds off other setups until dropped.
fn turn() -> Result<std::fs::File> {
    let folder = paths::cache()?;
    paths::make_folder(&folder)?;
    let path = folder.join("setup.lock");
    std::fs::File::create(&path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| format!("cannot lock {}: {error}", path.display()))
}
