//! What stays of wrapped files on this device: which file is which slot, for all players of the game, and for
//! each player what of it the cloud has.

use super::rules::Known;
use crate::Error;
use crate::disk::{Disk, file_stem};
use crate::saves::outbox::Outbox;
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most wrapped files: each is looked at every two seconds.
pub(super) const WRAPS_MAX: usize = 64;
/// Longest path of a file, in bytes: what operating systems allow.
pub(super) const PATH_LEN_MAX: usize = 4096;
/// Longest record.
const RECORD_LEN_MAX: usize = 16 * 1024;
/// How long a change waits for another process's.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A file that is a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wrap {
    pub(super) slot: String,
    pub(super) path: PathBuf,
    /// The player whose progress the file last was, and its hash then.
    pub(super) owner: Option<(PlayerId, String)>,
}

/// The wrapped files of a game on this device.
#[derive(Debug, Clone)]
pub(in crate::saves) struct Wraps {
    disk: Disk,
    folder: PathBuf,
}

impl Wraps {
    pub(in crate::saves) fn new(disk: Disk, scope: &Path) -> Wraps {
        Wraps { disk, folder: scope.join("wraps") }
    }

    /// Every wrapped file, by slot.
    pub(super) fn all(&self) -> Result<Vec<Wrap>, Error> {
        let read = || -> io::Result<Vec<Wrap>> {
            let mut wraps = Vec::new();
            for name in self.disk.names(&self.folder)? {
                wraps.extend(read_sound::<Wrap>(&self.disk, &self.folder.join(name))?);
            }
            wraps.sort_by(|a, b| a.slot.cmp(&b.slot));
            wraps.truncate(WRAPS_MAX);
            Ok(wraps)
        };
        read().map_err(failed)
    }

    pub(super) fn of(&self, slot: &str) -> Result<Option<Wrap>, Error> {
        read_sound(&self.disk, &self.path(slot)).map_err(failed)
    }

    /// Remembers that a file is a slot.
    pub(super) fn add(&self, slot: &str, path: PathBuf) -> Result<(), Error> {
        let _guard = self.guard()?;
        let others: Vec<Wrap> = self.all()?.into_iter().filter(|wrap| wrap.slot != slot).collect();
        if others.iter().any(|wrap| wrap.path == path) {
            return Err(Error::argument("this file is wrapped as another slot: unwrap it there first"));
        }
        if others.len() >= WRAPS_MAX {
            return Err(Error::argument(format!("at most {WRAPS_MAX} files can be wrapped")));
        }
        let before = self.of(slot)?.filter(|wrap| wrap.path == path);
        let wrap = before.unwrap_or(Wrap { slot: slot.to_owned(), path, owner: None });
        self.write(&wrap)
    }

    /// Remembers whose progress the file is now.
    pub(super) fn owned(&self, slot: &str, player: &PlayerId, hash: &str) -> Result<(), Error> {
        let _guard = self.guard()?;
        let Some(wrap) = self.of(slot)? else { return Ok(()) };
        let owner = Some((player.clone(), hash.to_owned()));
        if wrap.owner == owner { Ok(()) } else { self.write(&Wrap { owner, ..wrap }) }
    }

    /// The file is the game's alone again. False when it was.
    pub(super) fn remove(&self, slot: &str) -> Result<bool, Error> {
        let _guard = self.guard()?;
        let was = self.disk.exists(&self.path(slot));
        self.disk.remove(&self.path(slot)).map_err(failed)?;
        Ok(was)
    }

    fn write(&self, wrap: &Wrap) -> Result<(), Error> {
        self.disk.write_record(&self.path(&wrap.slot), wrap, &[]).map_err(failed)
    }

    fn path(&self, slot: &str) -> PathBuf {
        self.folder.join(file_stem(slot))
    }

    fn guard(&self) -> Result<crate::disk::Lock, Error> {
        self.disk.lock(&self.folder.with_extension("lock"), LOCK_WAIT).map_err(failed)
    }
}

/// What a player's folder says of the wrapped files.
#[derive(Debug, Clone)]
pub(super) struct KnownFiles {
    disk: Disk,
    folder: PathBuf,
}

impl KnownFiles {
    pub(super) fn of(outbox: &Outbox) -> KnownFiles {
        KnownFiles { disk: outbox.disk.clone(), folder: outbox.folder.join("wraps") }
    }

    /// Held by who looks at or changes the player's files, one process at a time; `None` while another does.
    pub(super) fn try_lock(&self) -> Result<Option<crate::disk::Lock>, Error> {
        self.disk.try_lock(&self.folder.with_extension("lock")).map_err(failed)
    }

    /// As [`KnownFiles::try_lock`], with patience.
    pub(super) fn lock(&self) -> Result<crate::disk::Lock, Error> {
        self.disk.lock(&self.folder.with_extension("lock"), LOCK_WAIT).map_err(failed)
    }

    pub(super) fn get(&self, slot: &str) -> Result<Option<Known>, Error> {
        read_sound(&self.disk, &self.folder.join(file_stem(slot))).map_err(failed)
    }

    pub(super) fn set(&self, known: &Known) -> Result<(), Error> {
        self.disk.write_record(&self.folder.join(file_stem(&known.slot)), known, &[]).map_err(failed)
    }

    pub(super) fn forget(&self, slot: &str) -> Result<(), Error> {
        self.disk.remove(&self.folder.join(file_stem(slot))).map_err(failed)
    }
}

/// A damaged record is as good as none: then the file counts as changed here, and meets the cloud's head in a
/// conflict instead of overwriting it.
fn read_sound<T: serde::de::DeserializeOwned>(disk: &Disk, path: &Path) -> io::Result<Option<T>> {
    match disk.read_record::<T>(path, RECORD_LEN_MAX) {
        Ok(found) => Ok(found.map(|(record, _)| record)),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            tracing::error!(%error, "the record of a wrapped file is damaged: it is taken as missing");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn failed(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::TimedOut => {
            Error::new(ErrorCode::Busy, "another process is at the wrapped files: try again")
        }
        _ => Error::storage("keeping the record of a wrapped file", &error),
    }
}
