//! Files that the game writes itself, as slots.
//!
//! [`Saves::wrap_file`] says which file is which slot, for good. From then on the file is looked at while the game
//! runs ([`watch`]): when it changed and rests, its bytes become the slot's newest content, through the outbox like
//! any save. The other way round, a newer save of the cloud comes into the file only in [`Saves::wrap_file`] and
//! [`Saves::pull_file`] (the game knows then that it must read it again), and when a conflict ends; and
//! only over a file that did not change here. The file before stays beside it as `….bak`.

mod records;
mod rules;
mod watch;

pub(super) use records::Wraps;
pub(crate) use watch::WatchState;
pub(super) use watch::{run, take_all};

use super::entries::Base;
use super::outbox::Outbox;
use super::{Content, Loaded, SaveOptions, Saves, SlotStatus, auto_sync, sync};
use crate::cloud::Shared;
use crate::game_files::{self, Snapshot};
use crate::session::blocking;
use crate::wire::saves::{SAVE_LEN_MAX, SaveVersion};
use crate::{Error, Event};
use aethex_wire::ErrorCode;
use aethex_wire::ids::PlayerId;
use records::{KnownFiles, PATH_LEN_MAX};
use rules::{Compared, Known, compare};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a wrapped file stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrapped {
    /// The slot.
    pub slot: String,
    /// True: a newer save of the cloud was put into the file by this call. Read it again.
    pub replaced: bool,
    /// True: the file's content waits to be sent.
    pub queued: bool,
    /// The version that the file is, or was made from; none when the cloud has none, or is not known.
    pub version: Option<SaveVersion>,
}

impl Saves {
    /// Makes a file that the game writes itself a slot. It is remembered over restarts, for every player of this
    /// device; calling it again is no error. At most 64 files, 16 MiB each.
    ///
    /// Call it before the game reads the file: when the cloud has a newer save and the file did not change here,
    /// the file is replaced, with the one before beside it as `….bak`. When both changed, it is a conflict as with
    /// any save. Without a player, or offline, the file is only remembered, and compared at the next
    /// [`Saves::pull_file`].
    ///
    /// # Errors
    /// `InvalidSlot`; `InvalidArgument`: the path is not absolute, names no file, or the file is another slot already;
    /// `TooLarge`, `SavesConflict`, `Storage`, or what the server says.
    pub fn wrap_file(
        &self,
        path: &Path,
        slot: &str,
    ) -> impl Future<Output = Result<Wrapped, Error>> + Send + use<> {
        let (shared, path, slot) = (Arc::clone(&self.shared), path.to_owned(), slot.to_owned());
        self.shared.pump.call(async move {
            super::rules::check_name(&slot)?;
            let (wraps, name) = (shared.saves.wraps(), slot.clone());
            blocking(move || wraps.add(&name, checked(&path)?)).await?;
            shared.saves.watch.wake();
            match pull(&shared, slot.clone(), true).await {
                Err(error) if waits(&error) => {
                    Ok(Wrapped { slot, replaced: false, queued: false, version: None })
                }
                other => other,
            }
        })
    }

    /// Compares a wrapped file with the cloud: a newer save of the cloud comes into the file when that did not change
    /// here, and what changed here is sent.
    ///
    /// # Errors
    /// `InvalidArgument` when no file is wrapped as this slot; otherwise as [`Saves::wrap_file`], and `NotLoggedIn`.
    pub fn pull_file(&self, slot: &str) -> impl Future<Output = Result<Wrapped, Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move {
            super::rules::check_name(&slot)?;
            pull(&shared, slot, true).await
        })
    }

    /// Makes a wrapped file the game's alone again. The file and the slot stay as they are.
    ///
    /// # Errors
    /// `InvalidArgument` when no file is wrapped as this slot; `Storage`, `Busy`.
    pub fn unwrap_file(&self, slot: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.to_owned());
        self.shared.pump.call(async move {
            let outbox = shared.session.player_now().map(|player| shared.saves.outbox(&player));
            let wraps = shared.saves.wraps();
            blocking(move || {
                if !wraps.remove(&slot)? {
                    return Err(not_wrapped());
                }
                // Known of another player it stays: their file may be wrapped again.
                outbox.map_or(Ok(()), |outbox| KnownFiles::of(&outbox).forget(&slot))
            })
            .await?;
            shared.saves.watch.wake();
            Ok(())
        })
    }
}

/// Whether the comparison can wait for better days.
fn waits(error: &Error) -> bool {
    error.retryable || matches!(error.code, ErrorCode::NotLoggedIn | ErrorCode::Protocol)
}

fn not_wrapped() -> Error {
    Error::argument("no file is wrapped as this slot: call wrap_file first")
}

/// The path as it is remembered.
fn checked(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_absolute() || path.as_os_str().len() > PATH_LEN_MAX {
        return Err(Error::argument("the file's path must be absolute"));
    }
    let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), path.to_str().is_some()) else {
        return Err(Error::argument("the path must name a file, in Unicode"));
    };
    game_files::stamp(path).map_err(|error| file_error("looking at the file", &error))?;
    // The folder must be there; a link to it is followed once, so that one file has one name.
    let folder = folder.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::argument("the file's folder is not there: make it first"),
        _ => file_error("looking at the file's folder", &error),
    })?;
    let path = folder.join(name);
    // Replacing a link would cut it: what it points at is wrapped.
    Ok(if path.is_symlink() { path.canonicalize().unwrap_or(path) } else { path })
}

/// Words for what a file refused. The path stays out of it: it may name the user.
fn file_error(doing: &str, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock => Error::new(ErrorCode::Busy, "the wrapped file is being written: try again"),
        ErrorKind::FileTooLarge => {
            Error::new(ErrorCode::TooLarge, format!("a wrapped file has at most {SAVE_LEN_MAX} bytes"))
        }
        ErrorKind::InvalidInput => Error::argument("the path names something else than a file"),
        _ => Error::storage(doing, error),
    }
}

fn read(path: &Path) -> Result<Option<(Snapshot, String)>, Error> {
    let snapshot =
        game_files::read(path, SAVE_LEN_MAX).map_err(|error| file_error("reading a wrapped file", &error))?;
    Ok(snapshot.map(|snapshot| {
        let hash = blake3::hash(&snapshot.bytes).to_hex().to_string();
        (snapshot, hash)
    }))
}

/// Compares file and cloud, and acts on it. Only with `replace` the file may become another.
async fn pull(shared: &Arc<Shared>, slot: String, replace: bool) -> Result<Wrapped, Error> {
    let player = shared.session.player().await?;
    let outbox = shared.saves.outbox(&player);
    // What is on its way is not to be compared with what it replaces.
    if sync::status(shared, &slot) == SlotStatus::Queued {
        let known = KnownFiles::of(&outbox);
        let name = slot.clone();
        let here = blocking(move || known.get(&name)).await?;
        if here.is_some() {
            watch::look_now(shared, &player, &slot).await?;
            return Ok(Wrapped { slot, replaced: false, queued: true, version: None });
        }
    }
    let turn = shared.saves.turn();
    let head = match sync::load(shared, slot.clone(), turn).await {
        Ok(Loaded { version: Some(version), content, .. }) => Some((version, bytes_of(content)?)),
        // Something unsent of the slot that did not come from the file, or a conflict.
        Ok(Loaded { version: None, .. }) => {
            return match sync::status(shared, &slot) {
                SlotStatus::Conflict => Err(Error::new(
                    ErrorCode::SavesConflict,
                    "the cloud holds another save than this file: call resolve, then the file follows",
                )),
                _ => Ok(Wrapped { slot, replaced: false, queued: true, version: None }),
            };
        }
        Err(error) if error.code == ErrorCode::SaveNotFound => None,
        Err(error) => return Err(error),
    };
    let (wraps, name, own) = (shared.saves.wraps(), slot.clone(), player.clone());
    let task = Arc::clone(shared);
    let outcome = blocking(move || act(&task, &wraps, &own, &name, head, replace)).await?;
    match &outcome {
        Acted::Replaced(version) => {
            tracing::debug!("a wrapped file was replaced by the cloud's save");
            Ok(Wrapped { slot, replaced: true, queued: false, version: Some(version.clone()) })
        }
        Acted::Queued => {
            auto_sync::release(shared, &player, &slot);
            Ok(Wrapped { slot, replaced: false, queued: true, version: None })
        }
        Acted::Nothing(version) => {
            Ok(Wrapped { slot, replaced: false, queued: false, version: version.clone() })
        }
    }
}

/// What a comparison came to.
enum Acted {
    Nothing(Option<SaveVersion>),
    Replaced(SaveVersion),
    Queued,
}

/// Compares and acts, under the lock of the player's wrapped files.
fn act(
    shared: &Shared,
    wraps: &Wraps,
    player: &PlayerId,
    slot: &str,
    head: Option<(SaveVersion, bytes::Bytes)>,
    replace: bool,
) -> Result<Acted, Error> {
    let outbox = shared.saves.outbox(player);
    let files = KnownFiles::of(&outbox);
    let _lock = files.lock()?;
    let wrap = wraps.of(slot)?.ok_or_else(not_wrapped)?;
    let file = read(&wrap.path)?;
    let known = files.get(slot)?;
    let hash = file.as_ref().map(|(_, hash)| hash.clone());
    let other = wrap.owner.filter(|(owner, _)| owner != player);
    let foreign = other.as_ref().is_some_and(|(owner, _)| is_theirs(shared, owner, slot, hash.as_deref()));
    let head_hash = head.as_ref().map(|(_, bytes)| blake3::hash(bytes).to_hex().to_string());
    let stamp = file.as_ref().map(|(snapshot, _)| snapshot.stamp);
    let record = |version: Option<&SaveVersion>| Known {
        slot: slot.to_owned(),
        stamp,
        hash: hash.clone(),
        version: version.map(|version| version.version.clone()),
        waiting: false,
        in_conflict: false,
    };
    let version = head.as_ref().map(|(version, _)| version.clone());
    match (compare(hash.as_deref(), known.as_ref(), head_hash.as_deref(), foreign), file, head) {
        (Compared::Same, ..) => {
            files.set(&record(version.as_ref()))?;
            wraps.owned(slot, player, hash.as_deref().unwrap_or_default())?;
            Ok(Acted::Nothing(version))
        }
        (Compared::NotMine, ..) => {
            files.set(&record(None))?;
            // What the game writes from here on is this player's.
            wraps.owned(slot, player, hash.as_deref().unwrap_or_default())?;
            Ok(Acted::Nothing(None))
        }
        (Compared::Upload, Some((snapshot, hash)), _) => {
            // Without a version it can only become a new slot, or a conflict.
            let base = known.and_then(|known| known.version);
            take(shared, &outbox, &files, slot, snapshot, &hash, base)?;
            wraps.owned(slot, player, &hash)?;
            Ok(Acted::Queued)
        }
        (Compared::Replace, ..) if !replace => Ok(Acted::Nothing(None)),
        (Compared::HandOver, Some((snapshot, hash)), Some((version, bytes))) => {
            if let Some((owner, _)) = other {
                let theirs = shared.saves.outbox(&owner);
                let files = KnownFiles::of(&theirs);
                let known = files.get(slot)?;
                if known.as_ref().is_none_or(|known| known.hash.as_deref() != Some(hash.as_str())) {
                    take(
                        shared,
                        &theirs,
                        &files,
                        slot,
                        snapshot,
                        &hash,
                        known.and_then(|known| known.version),
                    )?;
                }
            }
            if !replace {
                // Made from nothing that this player has: a conflict with the cloud's, when the game writes it.
                files.set(&record(None))?;
                wraps.owned(slot, player, &hash)?;
                return Ok(Acted::Nothing(None));
            }
            put(&files, wraps, player, &wrap.path, stamp, &version, &bytes)?;
            Ok(Acted::Replaced(version))
        }
        (Compared::Replace, _, Some((version, bytes))) => {
            put(&files, wraps, player, &wrap.path, stamp, &version, &bytes)?;
            Ok(Acted::Replaced(version))
        }
        (Compared::Nothing | Compared::Replace | Compared::Upload | Compared::HandOver, ..) => {
            Ok(Acted::Nothing(version))
        }
    }
}

/// Whether the file is what another player last had, or wrote since.
fn is_theirs(shared: &Shared, owner: &PlayerId, slot: &str, hash: Option<&str>) -> bool {
    let known = KnownFiles::of(&shared.saves.outbox(owner)).get(slot);
    hash.is_some() && known.is_ok_and(|known| known.is_some())
}

/// Hands a file's content to the outbox, and remembers that it was.
fn take(
    shared: &Shared,
    outbox: &Outbox,
    files: &KnownFiles,
    slot: &str,
    snapshot: Snapshot,
    hash: &str,
    base: Option<aethex_wire::ids::VersionId>,
) -> Result<(), Error> {
    let content = Content::Bytes(snapshot.bytes.into());
    let on = Base::Exactly(base.clone().into_iter().collect());
    auto_sync::enqueue_late(shared, outbox, slot, &content, SaveOptions::default(), on)?;
    files.set(&Known {
        slot: slot.to_owned(),
        stamp: Some(snapshot.stamp),
        hash: Some(hash.to_owned()),
        version: base,
        waiting: true,
        in_conflict: false,
    })
}

/// Puts a save of the cloud into the file, and remembers that it was.
fn put(
    files: &KnownFiles,
    wraps: &Wraps,
    player: &PlayerId,
    path: &Path,
    before: Option<game_files::Stamp>,
    version: &SaveVersion,
    bytes: &[u8],
) -> Result<(), Error> {
    let stamp = game_files::replace(path, bytes, before)
        .map_err(|error| file_error("replacing a wrapped file", &error))?;
    let hash = blake3::hash(bytes).to_hex().to_string();
    files.set(&Known {
        slot: version.slot.clone(),
        stamp: Some(stamp),
        hash: Some(hash.clone()),
        version: Some(version.version.clone()),
        waiting: false,
        in_conflict: false,
    })?;
    wraps.owned(&version.slot, player, &hash)
}

fn bytes_of(content: Content) -> Result<bytes::Bytes, Error> {
    match content {
        Content::Bytes(bytes) => Ok(bytes),
        Content::Value(_) => {
            Err(Error::argument("this slot holds a value, not a file's bytes: wrap the file as another slot"))
        }
    }
}

/// Tells the game that a wrapped file is another now.
fn announce(shared: &Shared, slot: &str) {
    shared.events.push(Event::FileReplaced { slot: slot.to_owned() });
}
