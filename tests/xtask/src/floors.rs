//! `cargo xtask floors`: judges the dependencies without asking any server.
//!
//! Three rules: no crate below the version that fixed a published flaw, no banned crate, no licence that a closed
//! game cannot take. `deny.toml` says the same to cargo-deny, which adds the advisory database.

use crate::lock::{self, Package};
use crate::run::Cmd;
use crate::ui::{heading, note, step};
use crate::{Result, json::Json, licence, paths};
use std::cmp::Ordering;
use std::time::Duration;

/// Reading what is already on disk.
const METADATA_LIMIT: Duration = Duration::from_secs(300);

/// The lowest versions accepted: each has the fix of a published flaw. No need to be there at all.
const FLOORS: &[(&str, &str)] = &[
    ("bytes", "1.11.1"),
    ("h2", "0.4.16"),
    ("jsonwebtoken", "10.3.0"),
    ("quinn-proto", "0.11.15"),
    ("rustls-webpki", "0.103.13"),
    ("tar", "0.4.45"),
    ("time", "0.3.47"),
    ("tracing-subscriber", "0.3.20"),
    ("tungstenite", "0.20.1"),
    ("zip", "2.3.0"),
];

/// Crates that must not be there, and why.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "ring is the one TLS provider: with both, rustls fails at its first use"),
    ("aws-lc-sys", "ring is the one TLS provider"),
    ("bincode", "it is unmaintained"),
    ("openssl-sys", "rustls is the one TLS library"),
];

/// Checks all three rules and shows what breaks them; whether nothing does.
pub(crate) fn floors() -> Result<bool> {
    heading("dependencies");
    let path = paths::repo().join("Cargo.lock");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let packages = lock::packages(&text);
    if packages.is_empty() {
        return Err(format!("{} lists no packages", path.display()));
    }
    let versions = judged("versions", || {
        let faults = [below_floor(&packages), banned(&packages)].concat();
        Ok((faults, format!("{} packages, {} floors, {} bans", packages.len(), FLOORS.len(), BANNED.len())))
    })?;
    let licences = judged("licences", || {
        let (faults, count) = licences()?;
        Ok((faults, format!("{count} crates")))
    })?;
    Ok(versions && licences)
}

/// A step that shows every fault it found.
fn judged(name: &str, check: impl FnOnce() -> Result<(Vec<String>, String)>) -> Result<bool> {
    let mut faults = Vec::new();
    let outcome = step(name, || {
        let (found, said) = check()?;
        faults = found;
        if faults.is_empty() { Ok(said) } else { Err(String::new()) }
    });
    faults.iter().for_each(|fault| note(fault));
    match outcome {
        Err(message) if faults.is_empty() => Err(message),
        outcome => Ok(outcome.is_ok()),
    }
}

fn below_floor(packages: &[Package]) -> Vec<String> {
    let floor =
        |package: &Package| FLOORS.iter().find(|(name, _)| *name == package.name).map(|(_, floor)| *floor);
    packages
        .iter()
        .filter_map(|package| Some((package, floor(package)?)))
        .filter(|(package, floor)| lock::compare(&package.version, floor) == Ordering::Less)
        .map(|(package, floor)| {
            format!(
                "{} {} has a published flaw: {floor} is the lowest accepted",
                package.name, package.version
            )
        })
        .collect()
}

fn banned(packages: &[Package]) -> Vec<String> {
    let why = |package: &Package| BANNED.iter().find(|(name, _)| *name == package.name).map(|(_, why)| *why);
    packages
        .iter()
        .filter_map(|package| Some(format!("{} is banned: {}", package.name, why(package)?)))
        .collect()
}

/// The crates whose licence is not allowed, and how many were looked at: those that this system builds, for
/// Cargo has no others on disk.
fn licences() -> Result<(Vec<String>, usize)> {
    let said = Cmd::new("rustc", METADATA_LIMIT).arg("-vV").quiet()?;
    let host =
        said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("`rustc -vV` names no host")?;
    let metadata = Cmd::cargo(METADATA_LIMIT)?
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .quiet()?;
    let metadata = Json::parse(&metadata)?;
    let packages = metadata.get("packages").map(Json::list).unwrap_or_default();
    if packages.is_empty() {
        return Err("`cargo metadata` lists no packages".into());
    }
    Ok((packages.iter().filter_map(licence_fault).collect(), packages.len()))
}

fn licence_fault(package: &Json) -> Option<String> {
    let text = |key: &str| package.get(key).and_then(Json::text);
    let name = format!("{} {}", text("name").unwrap_or("?"), text("version").unwrap_or("?"));
    let Some(expression) = text("license") else {
        return Some(format!(
            "{name} names no licence: read {}",
            text("license_file").unwrap_or("its source")
        ));
    };
    match licence::allowed(expression) {
        Ok(true) => None,
        Ok(false) => Some(format!("{name} has the licence {expression}")),
        Err(error) => Some(format!("{name}: its licence {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.into(), version: version.into() }
    }

    #[test]
    fn old_versions_are_found_among_several() {
        let packages = [
            package("h2", "0.4.15"),
            package("h2", "0.4.16"),
            package("time", "0.3.5"),
            package("x", "0.0.1"),
        ];
        let faults = below_floor(&packages);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("h2 0.4.15") && faults[1].starts_with("time 0.3.5"));
    }

    #[test]
    fn banned_crates_are_found_by_whole_name() {
        assert_eq!(banned(&[package("aws-lc-rs", "1.0.0"), package("bincode-like", "1.0.0")]).len(), 1);
    }

    #[test]
    fn a_licence_is_judged_and_must_be_there() {
        let fault = |json: &str| licence_fault(&Json::parse(json).unwrap());
        assert_eq!(fault(r#"{"name":"a","version":"1","license":"MIT"}"#), None);
        assert!(fault(r#"{"name":"a","version":"1","license":"GPL-3.0"}"#).unwrap().contains("GPL-3.0"));
        assert!(
            fault(r#"{"name":"a","version":"1","license":null,"license_file":"L"}"#)
                .unwrap()
                .contains("read L")
        );
    }

    /// The three lists that deny.toml repeats for cargo-deny.
    #[test]
    fn deny_toml_says_the_same() {
        let deny = std::fs::read_to_string(paths::repo().join("deny.toml")).unwrap();
        for licence in licence::ALLOWED {
            assert!(deny.contains(&format!("\"{licence}\"")), "deny.toml does not allow {licence}");
        }
        for (name, _) in BANNED {
            assert!(deny.contains(&format!("crate = \"{name}\"")), "deny.toml does not ban {name}");
        }
        for (name, floor) in FLOORS {
            assert!(
                deny.contains(&format!("crate = \"{name}@<{floor}\"")),
                "deny.toml has no floor for {name}"
            );
        }
    }
}
