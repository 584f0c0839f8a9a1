//! Schemathesis, which tests the running API against its own OpenAPI document, in a virtual environment.

use crate::run::Cmd;
use crate::{Result, paths};
use std::path::PathBuf;
use std::time::Duration;

/// Pinned, so that a new release cannot change what the tests find.
const SCHEMATHESIS: &str = "4.32.5";
/// Some 40 wheels.
const INSTALL_LIMIT: Duration = Duration::from_secs(900);

/// The program.
pub(crate) fn schemathesis() -> Result<PathBuf> {
    Ok(folder()?.join("bin/schemathesis"))
}

/// Makes sure it is there; its version and place.
pub(crate) fn ensure() -> Result<String> {
    let folder = folder()?;
    let complete = folder.join(".complete");
    if !complete.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| format!("cannot remove the unfinished {}: {error}", folder.display()))?;
        }
        // Not moved into place when complete, as elsewhere: a virtual environment knows its own path.
        Cmd::new("python3", INSTALL_LIMIT).args(["-m", "venv"]).arg(&folder).quiet()?;
        Cmd::new(folder.join("bin/python"), INSTALL_LIMIT)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("schemathesis=={SCHEMATHESIS}"))
            .quiet()?;
        Cmd::new(schemathesis()?, INSTALL_LIMIT).arg("--version").quiet()?;
        paths::write(&complete, "")?;
    }
    Ok(format!("{SCHEMATHESIS} at {}", schemathesis()?.display()))
}

fn folder() -> Result<PathBuf> {
    Ok(paths::cache()?.join(format!("schemathesis-{SCHEMATHESIS}")))
}
