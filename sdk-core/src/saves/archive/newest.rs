//! Which version of each slot of an archive comes back: pure.

use aethex_wire::ids::VersionId;
use aethex_wire::saves::archive::{ArchivedVersion, Manifest};
use std::collections::{BTreeMap, HashSet};

/// The newest version of each slot, by the slot's name: what a device had not sent yet, else the head. Slots whose newest
/// is a delete's mark are not among them, nor those without any content.
pub(super) fn of_slots(manifest: &Manifest) -> Vec<ArchivedVersion> {
    let made_from: HashSet<&VersionId> =
        manifest.versions.iter().flat_map(|archived| &archived.version.parents).collect();
    let mut newest: BTreeMap<&str, &ArchivedVersion> = BTreeMap::new();
    for archived in &manifest.versions {
        let version = &archived.version;
        let slot = newest.entry(&version.slot).or_insert(archived);
        if rank(archived, &made_from) > rank(slot, &made_from) {
            *slot = archived;
        }
    }
    let there = |archived: &&&ArchivedVersion| !archived.version.deleted && archived.content.is_some();
    newest.values().filter(there).map(|archived| (*archived).clone()).collect()
}

/// Larger is newer. What the server never stored comes from the device that wrote the archive, on top of the line.
fn rank(archived: &ArchivedVersion, made_from: &HashSet<&VersionId>) -> (bool, bool, i64, i64, i64) {
    let version = &archived.version;
    let unsent = version.stored_at_ms == 0;
    let tip = !made_from.contains(&version.version);
    (
        unsent && tip,
        version.sequence.is_some(),
        version.sequence.unwrap_or(0),
        version.stored_at_ms,
        version.hlc,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aethex_wire::saves::{Compression, SaveVersion};

    fn version(slot: &str, n: usize, sequence: Option<i64>, stored_at_ms: i64) -> ArchivedVersion {
        let id = VersionId::parse(&format!("00000000-0000-7000-8000-{n:012x}")).unwrap();
        let version = SaveVersion { sequence, stored_at_ms, ..SaveVersion::new(slot, id) };
        let content = Some(format!("{n:064x}"));
        ArchivedVersion {
            version,
            content,
            compression: Compression::None,
            base: None,
            parts_missing: Vec::new(),
        }
    }

    fn newest(versions: Vec<ArchivedVersion>) -> Vec<String> {
        let manifest = Manifest { versions, ..Manifest::new(1, true) };
        let name =
            |one: &ArchivedVersion| format!("{}{}", one.version.slot, &one.version.version.as_str()[35..]);
        of_slots(&manifest).iter().map(name).collect()
    }

    #[test]
    fn the_head_comes_back_or_what_was_on_top_of_it() {
        let history =
            || vec![version("a", 1, Some(1), 5), version("a", 2, Some(2), 6), version("a", 3, None, 9)];
        assert_eq!(newest(history()), ["a2"], "the head, not what lost a conflict");
        let mut unsent = history();
        unsent.push(version("a", 4, None, 0));
        unsent.push(version("b", 5, Some(1), 1));
        assert_eq!(newest(unsent), ["a4", "b5"]);
    }

    #[test]
    fn what_was_deleted_stays_so() {
        let mut deleted = version("a", 2, Some(2), 6);
        deleted.version.deleted = true;
        deleted.content = None;
        assert!(newest(vec![version("a", 1, Some(1), 5), deleted]).is_empty());
    }
}
