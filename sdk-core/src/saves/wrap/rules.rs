//! What becomes of a wrapped file: pure, values in, enum out.

use crate::game_files::Stamp;
use aethex_wire::ids::VersionId;
use serde::{Deserialize, Serialize};

/// What is known of a wrapped file for one player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) slot: String,
    /// The file when its content was taken, or put there.
    pub(super) stamp: Option<Stamp>,
    /// BLAKE3 of that content; absent when there was no file.
    pub(super) hash: Option<String>,
    /// The version that content is in the cloud, or was made from.
    pub(super) version: Option<VersionId>,
    /// That content is on its way to the cloud: what it becomes is not known yet.
    #[serde(default)]
    pub(super) waiting: bool,
    /// A conflict of that content was seen: its end may change the file.
    pub(super) in_conflict: bool,
}

/// What to do when file and cloud are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// Nothing: there is no file, or the slot is gone.
    Nothing,
    /// Both hold the same: remember so.
    Same,
    /// The cloud's comes into the file.
    Replace,
    /// The file's content is this player's news.
    Upload,
    /// The file is another player's: it stays as it is until the game writes it.
    NotMine,
    /// The file is another player's: it is theirs to keep, then the cloud's comes in its place.
    HandOver,
}

/// Decides by the hashes of the file, of what was last taken or put there, and of the cloud's head. `foreign`: the
/// content is the one that another player last had.
pub(super) fn compare(
    file: Option<&str>,
    known: Option<&Known>,
    head: Option<&str>,
    foreign: bool,
) -> Compared {
    let taken = known.and_then(|known| known.hash.as_deref());
    match (file, head) {
        (None, None) => Compared::Nothing,
        (None, Some(_)) => Compared::Replace,
        (Some(file), Some(head)) if file == head => Compared::Same,
        (Some(file), Some(_)) if taken == Some(file) => Compared::Replace,
        (Some(file), None) if taken == Some(file) => Compared::Nothing,
        (Some(_), Some(_)) if foreign => Compared::HandOver,
        (Some(_), None) if foreign => Compared::NotMine,
        (Some(_), _) => Compared::Upload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(hash: &str) -> Known {
        let hash = Some(hash.to_owned());
        Known { slot: "s".into(), stamp: None, hash, version: None, waiting: false, in_conflict: false }
    }

    #[test]
    fn a_file_that_changed_here_is_never_replaced() {
        for head in [None, Some("head")] {
            for taken in [None, Some(known("taken"))] {
                assert_eq!(compare(Some("mine"), taken.as_ref(), head, false), Compared::Upload);
            }
        }
    }

    #[test]
    fn only_what_is_unchanged_gives_way() {
        let taken = known("a");
        assert_eq!(compare(Some("a"), Some(&taken), Some("b"), false), Compared::Replace);
        assert_eq!(compare(Some("a"), Some(&taken), Some("a"), false), Compared::Same);
        assert_eq!(compare(None, Some(&taken), Some("b"), false), Compared::Replace);
        // The slot was deleted elsewhere: the file stays, and does not bring it back by itself.
        assert_eq!(compare(Some("a"), Some(&taken), None, false), Compared::Nothing);
        assert_eq!(compare(None, None, None, false), Compared::Nothing);
    }

    #[test]
    fn another_players_progress_is_not_taken_for_mine() {
        assert_eq!(compare(Some("theirs"), None, None, true), Compared::NotMine);
        assert_eq!(compare(Some("theirs"), None, Some("mine"), true), Compared::HandOver);
        // A guest who became this player.
        assert_eq!(compare(Some("same"), None, Some("same"), true), Compared::Same);
    }
}
