//! The archive of a player's saves: what `export` writes and `import` reads, in the SDK and on the server.
//!
//! It is a ZIP file. [`MANIFEST_NAME`] is a [`Manifest`] in JSON, and the last file that is written: an archive that was cut
//! off has none. Every content is a file of its own, [`content_name`] of the BLAKE3 of its bytes, so that versions with the same
//! content share one. A value lies there in the codec of [`crate::value`], bytes as the game gave them, uncompressed but
//! for ZIP's own compression.
//!
//! An import adds and never replaces: [`Manifest::in_order`] gives the versions parents first.

use super::{Compression, Encoding, SAVE_LEN_MAX, SaveVersion, check_part_name, check_slot, is_hash};
use crate::ids::VersionId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What [`Manifest::format`] says.
pub const FORMAT: &str = "aethex-saves";
/// The layout that this code writes. A reader takes those up to its own.
pub const FORMAT_VERSION: u32 = 1;
/// Name of the manifest in the ZIP file.
pub const MANIFEST_NAME: &str = "manifest.json";
/// Folder of the contents in the ZIP file.
pub const CONTENT_FOLDER: &str = "content/";
/// Largest manifest that is read, in bytes: 100,000 versions with their words.
pub const MANIFEST_LEN_MAX: u64 = 128 * 1024 * 1024;
/// Most versions in an archive: as many as a player may have by default.
pub const VERSIONS_MAX: usize = 100_000;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`] of whoever wrote it.
    pub format_version: u32,
    /// The game; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub game: String,
    /// The player; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub player: String,
    /// When it was written, milliseconds since 1970 UTC.
    pub exported_at_ms: i64,
    /// True when it holds each slot's history, false when only the heads.
    pub history: bool,
    /// The versions.
    pub versions: Vec<ArchivedVersion>,
}

/// A version in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedVersion {
    /// The version.
    #[serde(flatten)]
    pub version: SaveVersion,
    /// BLAKE3 of the file with its data; absent when there is none: a delete's mark, or retention took it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// What the file is: `none` for the data itself. `delta` occurs with encrypted saves only, whose patches
    /// nobody but the player's devices can apply.
    #[serde(default)]
    pub compression: Compression,
    /// With `delta`: the version whose data the patch is against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<VersionId>,
    /// Names of its parts whose content is not in the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts_missing: Vec<String>,
}

/// The content's name in the ZIP file.
pub fn content_name(hash: &str) -> String {
    format!("{CONTENT_FOLDER}{hash}")
}

/// Why an archive cannot be read, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveError(pub String);

impl std::fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArchiveError {}

fn wrong(why: impl Into<String>) -> ArchiveError {
    ArchiveError(why.into())
}

impl Manifest {
    /// A manifest without versions.
    pub fn new(exported_at_ms: i64, history: bool) -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            game: String::new(),
            player: String::new(),
            exported_at_ms,
            history,
            versions: Vec::new(),
        }
    }

    /// The manifest as the file that it is.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a manifest is plain data and always serialises")
    }

    /// Reads and checks a manifest. Whatever it accepts has names, hashes and sizes within the limits, so that nothing
    /// outside the archive can be reached by it.
    ///
    /// # Errors
    /// Words for whoever chose the file.
    pub fn from_json(json: &[u8]) -> Result<Manifest, ArchiveError> {
        /// What can be read of any layout.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            format_version: u32,
        }
        let head: Head = serde_json::from_slice(json)
            .map_err(|error| wrong(format!("the manifest of the archive cannot be read: {error}")))?;
        if head.format != FORMAT {
            return Err(wrong(format!("this is no archive of saves: its format is `{}`", head.format)));
        }
        if head.format_version == 0 || head.format_version > FORMAT_VERSION {
            return Err(wrong(format!(
                "the archive has layout {}, and this program reads up to {FORMAT_VERSION}: use a newer one",
                head.format_version
            )));
        }
        let manifest: Manifest = serde_json::from_slice(json)
            .map_err(|error| wrong(format!("the manifest of the archive cannot be read: {error}")))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ArchiveError> {
        if self.versions.len() > VERSIONS_MAX {
            return Err(wrong(format!("an archive has at most {VERSIONS_MAX} versions")));
        }
        let mut ids = BTreeSet::new();
        for archived in &self.versions {
            if !ids.insert(&archived.version.version) {
                return Err(wrong(format!(
                    "version {} stands twice in the archive",
                    archived.version.version
                )));
            }
            archived.check().map_err(|why| wrong(format!("version {}: {why}", archived.version.version)))?;
        }
        Ok(())
    }

    /// Every content that the versions name, once.
    pub fn contents(&self) -> BTreeSet<&str> {
        self.versions.iter().flat_map(ArchivedVersion::contents).collect()
    }

    /// The versions, each behind its parents, and otherwise in the order in which the server stored them. In a cycle, which
    /// only a made-up archive has, the order is that of storing.
    pub fn in_order(&self) -> Vec<&ArchivedVersion> {
        let mut waiting: Vec<&ArchivedVersion> = self.versions.iter().collect();
        waiting.sort_by(|a, b| {
            (a.version.stored_at_ms, &a.version.version).cmp(&(b.version.stored_at_ms, &b.version.version))
        });
        let place: BTreeMap<&VersionId, usize> =
            waiting.iter().enumerate().map(|(place, archived)| (&archived.version.version, place)).collect();
        let mut state = vec![State::Waiting; waiting.len()];
        let mut order = Vec::with_capacity(waiting.len());
        for first in 0..waiting.len() {
            // Depth first, with a stack of its own: a history may be as long as an archive.
            let mut stack = vec![first];
            while let Some(&at) = stack.last() {
                if state[at] == State::Done {
                    stack.pop();
                    continue;
                }
                state[at] = State::Begun;
                let before = waiting[at].comes_from().filter_map(|id| place.get(id).copied());
                let before: Vec<usize> = before.filter(|&at| state[at] == State::Waiting).collect();
                if before.is_empty() {
                    state[at] = State::Done;
                    order.push(at);
                    stack.pop();
                }
                stack.extend(before);
            }
        }
        order.into_iter().map(|at| waiting[at]).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Begun,
    Done,
}

impl ArchivedVersion {
    /// The contents that the version needs: its data's and its parts'.
    pub fn contents(&self) -> impl Iterator<Item = &str> {
        let there = |name: &str| !self.parts_missing.iter().any(|missing| missing == name);
        let parts = self.version.parts.iter().filter(move |part| there(&part.name));
        self.content.as_deref().into_iter().chain(parts.map(|part| part.hash.as_str()))
    }

    fn comes_from(&self) -> impl Iterator<Item = &VersionId> {
        self.version.parents.iter().chain(&self.base)
    }

    fn check(&self) -> Result<(), &'static str> {
        let version = &self.version;
        check_slot(&version.slot)?;
        if version.parents.len() > super::PARENTS_MAX || version.parts.len() > super::PARTS_MAX {
            return Err("it has more parents or parts than a version may have");
        }
        if !(0..=SAVE_LEN_MAX as i64).contains(&version.size_bytes) {
            return Err("its size is not that of a save");
        }
        if self.content.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err("its content is not named by a hash");
        }
        let patch = self.compression == Compression::Delta;
        if self.compression == Compression::Zstd || (patch && version.encoding != Encoding::Sealed) {
            return Err("its content is not stored as it is");
        }
        if patch != self.base.is_some() {
            return Err("a patch names its base, and nothing else does");
        }
        // What the server can read is named by its own hash: the file is the content.
        let readable = version.encoding != Encoding::Sealed;
        if readable && self.content.as_ref().is_some_and(|hash| *hash != version.hash) {
            return Err("its content is another one than its hash says");
        }
        for part in &version.parts {
            check_part_name(&part.name)?;
            if !is_hash(&part.hash) || !(0..=super::PART_LEN_MAX).contains(&part.size_bytes) {
                return Err("a part of it has no hash or no size");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> VersionId {
        VersionId::parse(&format!("00000000-0000-7000-8000-{n:012x}")).unwrap()
    }

    fn version(n: usize, parents: &[usize], stored_at_ms: i64) -> ArchivedVersion {
        let hash = format!("{n:064x}");
        let version = SaveVersion {
            parents: parents.iter().map(|n| id(*n)).collect(),
            hash: hash.clone(),
            stored_at_ms,
            ..SaveVersion::new("slot", id(n))
        };
        ArchivedVersion {
            version,
            content: Some(hash),
            compression: Compression::None,
            base: None,
            parts_missing: Vec::new(),
        }
    }

    fn manifest(versions: Vec<ArchivedVersion>) -> Manifest {
        Manifest { versions, ..Manifest::new(1, true) }
    }

    fn order(manifest: &Manifest) -> Vec<String> {
        let order = manifest.in_order();
        order.iter().map(|archived| archived.version.version.as_str()[34..].to_owned()).collect()
    }

    #[test]
    fn a_manifest_comes_back_as_it_was() {
        let before = manifest(vec![version(1, &[], 5), version(2, &[1], 6)]);
        assert_eq!(Manifest::from_json(&before.to_json()).unwrap(), before);
        assert_eq!(before.contents().len(), 2);
    }

    #[test]
    fn its_json_is_a_promise() {
        let json = manifest(vec![version(1, &[], 5)]).to_json();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let expected = serde_json::json!({
            "format": "aethex-saves", "format_version": 1, "exported_at_ms": 1, "history": true,
            "versions": [{
                "slot": "slot", "version": id(1), "parents": [], "encoding": "bytes", "hash": format!("{:064x}", 1),
                "size_bytes": 0, "label": "", "device_name": "", "playtime_ms": 0, "saved_at_ms": 0, "stored_at_ms": 5,
                "content": format!("{:064x}", 1), "compression": "none",
            }],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_is_wrong_with_an_archive_is_said() {
        let why = |manifest: &Manifest| Manifest::from_json(&manifest.to_json()).unwrap_err().0;
        let good = manifest(vec![version(1, &[], 5)]);
        assert!(why(&Manifest { format: "x".into(), ..good.clone() }).contains("no archive of saves"));
        assert!(why(&Manifest { format_version: 2, ..good.clone() }).contains("newer"));
        assert!(why(&manifest(vec![version(1, &[], 5), version(1, &[], 5)])).contains("twice"));
        let with = |change: fn(&mut ArchivedVersion)| {
            let mut wrong = good.clone();
            change(&mut wrong.versions[0]);
            why(&wrong)
        };
        assert!(with(|v| v.content = Some("../../etc/passwd".into())).contains("hash"));
        assert!(with(|v| v.content = Some("0".repeat(64))).contains("another one"));
        assert!(with(|v| v.version.slot = "..".into()).contains("reserved"));
        assert!(with(|v| v.version.size_bytes = -1).contains("size"));
        assert!(with(|v| v.compression = Compression::Delta).contains("as it is"));
        assert!(Manifest::from_json(b"{").is_err());
    }

    #[test]
    fn parents_come_first() {
        // The children are older by the server's clock, which was set back.
        let tangled = manifest(vec![
            version(3, &[2], 1),
            version(2, &[1], 2),
            version(1, &[9], 3),
            version(4, &[1, 3], 0),
        ]);
        assert_eq!(order(&tangled), ["01", "02", "03", "04"]);
        let circle = manifest(vec![version(1, &[2], 1), version(2, &[1], 2)]);
        assert_eq!(order(&circle).len(), 2);
        let long = manifest((1..5000).rev().map(|n| version(n, &[n - 1], (5000 - n) as i64)).collect());
        assert!(long.in_order().is_sorted_by_key(|archived| archived.version.version.clone()));
    }
}
