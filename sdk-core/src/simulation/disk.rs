//! A disk in memory: what programs see of it, and what a crash leaves.
//!
//! Programs see their writes at once. Durable are a file's bytes after its fsync, and names after the fsync of
//! their folder; the rest is the page cache. [`SimDisk::cut_power`] decides by chance what of the cache had
//! reached the disk: of each folder's changes a beginning, or any of them; of each file the old bytes, the new
//! ones, a torn beginning, or the new length with zeros. A process ([`SimFiles`]) that is killed loses its
//! locks and nothing else. Fuses kill a process, or cut the power, in the middle of its work.

use super::chance::Chance;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a disk breaks its word, to see whether a test notices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lie {
    /// It keeps its word.
    #[default]
    None,
    /// An fsync of a file does nothing: as if the program had forgotten it.
    SyncsNoFile,
    /// An fsync of a folder does nothing.
    SyncsNoFolder,
    /// A removal is durable at once, a new name not even after the folder's fsync: as if the program removed
    /// the old before it wrote the new.
    RemovesBeforeItWrites,
}

/// What happens when a process has done its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuse {
    /// The process is killed.
    Kill,
    /// The power goes.
    PowerCut,
    /// The disk is full.
    FullDisk,
}

/// A device's disk. Cloning it is cheap; every clone is the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    nodes: BTreeMap<u64, Node>,
    folders: BTreeMap<PathBuf, Folder>,
    /// By path: the process and the holder.
    locks: BTreeMap<PathBuf, (u64, u64)>,
    made: u64,
    dead: BTreeSet<u64>,
    fuses: BTreeMap<u64, (usize, Fuse)>,
    steps: usize,
    off: bool,
    full: bool,
    read_only: bool,
    lie: Lie,
}

#[derive(Debug, Default, Clone)]
struct Node {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Default)]
struct Folder {
    names: BTreeMap<String, Entry>,
    durable: BTreeMap<String, Entry>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(u64),
    Folder,
}

#[derive(Debug, Clone)]
enum Change {
    Set(String, Entry),
    Gone(String),
    Renamed(String, String, Entry),
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, Entry>) {
        match self {
            Change::Set(name, entry) => drop(names.insert(name, entry)),
            Change::Gone(name) => drop(names.remove(&name)),
            Change::Renamed(from, to, entry) => {
                names.remove(&from);
                names.insert(to, entry);
            }
        }
    }
}

impl SimDisk {
    /// A process that uses the disk. The folders above `home` are there and durable.
    pub fn process(&self, home: &Path) -> SimFiles {
        let mut state = self.0.lock();
        for path in home.ancestors().skip(1) {
            state.folders.entry(path.to_owned()).or_default();
            if let Ok((parent, name)) = split(path) {
                let parent = state.folders.entry(parent).or_default();
                parent.names.insert(name.clone(), Entry::Folder);
                parent.durable.insert(name, Entry::Folder);
            }
        }
        let id = state.new_id();
        SimFiles { disk: self.clone(), id }
    }

    /// Cuts the power: nothing works any more, until [`SimDisk::power_on`].
    pub fn cut_power(&self) {
        self.0.lock().off = true;
    }

    /// Whether the power is cut.
    pub fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// The disk is there again, with what had reached it. Processes from before are dead.
    pub fn power_on(&self, chance: &mut Chance) {
        let mut state = self.0.lock();
        state.forget_the_cache(chance);
        state.locks.clear();
        let last = state.made;
        state.dead = (0..=last).collect();
        state.fuses.clear();
        state.off = false;
    }

    /// Whether there is room for more.
    pub fn set_full(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// Whether anything may be changed.
    pub fn set_read_only(&self, read_only: bool) {
        self.0.lock().read_only = read_only;
    }

    /// Has it break its word from now on.
    pub fn set_lie(&self, lie: Lie) {
        self.0.lock().lie = lie;
    }

    /// Cuts a file to some of its bytes, or changes one: what a failing disk does. False when there is none.
    pub fn damage(&self, folder: &Path, chance: &mut Chance) -> bool {
        let mut state = self.0.lock();
        let files =
            state.folders.get(folder).map(|folder| folder.names.values().copied().collect::<Vec<_>>());
        let files = files.unwrap_or_default();
        let Some(Entry::File(node)) = files.get(chance.below(files.len().max(1) as u64) as usize) else {
            return false;
        };
        let Some(node) = state.nodes.get_mut(node).filter(|node| !node.bytes.is_empty()) else {
            return false;
        };
        let at = chance.below(node.bytes.len() as u64) as usize;
        if chance.once_in(2) {
            node.bytes.truncate(at);
        } else {
            node.bytes[at] ^= 1;
        }
        node.durable = node.bytes.clone();
        true
    }

    /// Every file with its bytes.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.0.lock();
        let mut files = BTreeMap::new();
        for (path, folder) in &state.folders {
            for (name, entry) in &folder.names {
                if let Entry::File(node) = entry {
                    let bytes = state.nodes.get(node).map(|node| node.bytes.clone());
                    files.insert(path.join(name), bytes.unwrap_or_default());
                }
            }
        }
        files
    }

    /// Steps that changed the disk, or tried to, since it was made.
    pub fn steps(&self) -> usize {
        self.0.lock().steps
    }
}

impl State {
    fn new_id(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn folder(&mut self, path: &Path) -> io::Result<&mut Folder> {
        self.folders.get_mut(path).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn file(&self, path: &Path) -> io::Result<u64> {
        let (folder, name) = split(path)?;
        match self.folders.get(&folder).and_then(|folder| folder.names.get(&name)) {
            Some(Entry::File(node)) => Ok(*node),
            Some(Entry::Folder) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn forget_the_cache(&mut self, chance: &mut Chance) {
        for folder in self.folders.values_mut() {
            let pending = std::mem::take(&mut folder.pending);
            let journal = chance.once_in(2);
            let reached = chance.below(pending.len() as u64 + 1) as usize;
            for (at, change) in pending.into_iter().enumerate() {
                let lasts = if journal { at < reached } else { chance.once_in(2) };
                if lasts {
                    change.apply(&mut folder.durable);
                }
            }
            folder.names = folder.durable.clone();
        }
        // A folder whose name is gone takes all in it along.
        let is_lost = |path: &PathBuf| {
            path.ancestors().any(|path| {
                let place =
                    split(path).ok().and_then(|(parent, name)| Some((self.folders.get(&parent)?, name)));
                place.is_some_and(|(parent, name)| parent.names.get(&name) != Some(&Entry::Folder))
            })
        };
        let lost: Vec<PathBuf> = self.folders.keys().filter(|path| is_lost(path)).cloned().collect();
        for path in lost {
            self.folders.remove(&path);
        }
        for node in self.nodes.values_mut().filter(|node| node.bytes != node.durable) {
            let len = node.bytes.len();
            match chance.below(4) {
                0 => node.bytes.clone_from(&node.durable),
                1 => {}
                2 => node.bytes.truncate(chance.below(len as u64 + 1) as usize),
                _ => {
                    let written = chance.below(len as u64 + 1) as usize;
                    node.bytes[written..].fill(0);
                }
            }
            node.durable.clone_from(&node.bytes);
        }
    }
}

fn split(path: &Path) -> io::Result<(PathBuf, String)> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(ErrorKind::InvalidInput)?;
    Ok((folder.to_owned(), name.to_owned()))
}

/// A process' way to its device's disk. Clones are the same process.
#[derive(Debug, Clone)]
pub struct SimFiles {
    disk: SimDisk,
    id: u64,
}

impl SimFiles {
    /// Kills the process: its locks are free, and nothing it still tries has an effect.
    pub fn kill(&self) {
        self.disk.0.lock().kill(self.id);
    }

    /// Whether the process lives.
    pub fn is_alive(&self) -> bool {
        let state = self.disk.0.lock();
        !state.off && !state.dead.contains(&self.id)
    }

    /// Whether the fuse has not burnt.
    pub fn is_whole(&self) -> bool {
        self.disk.0.lock().fuses.contains_key(&self.id)
    }

    /// Ends the process, or the power, after so many more of its steps.
    pub fn burn_after(&self, steps: usize, fuse: Fuse) {
        self.disk.0.lock().fuses.insert(self.id, (steps, fuse));
    }

    /// The disk, after a step of this process; an error when it cannot be done.
    fn step(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let mut state = self.alive()?;
        state.steps += 1;
        if let Some((left, fuse)) = state.fuses.get_mut(&self.id) {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    let fuse = *fuse;
                    state.fuses.remove(&self.id);
                    match fuse {
                        Fuse::Kill => state.kill(self.id),
                        Fuse::PowerCut => state.off = true,
                        Fuse::FullDisk => state.full = true,
                    }
                    if fuse != Fuse::FullDisk {
                        return Err(dead());
                    }
                }
            }
        }
        if state.read_only { Err(ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(state) }
    }

    fn alive(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let state = self.disk.0.lock();
        if state.off || state.dead.contains(&self.id) { Err(dead()) } else { Ok(state) }
    }

    pub(crate) fn create(&self, path: &Path) -> io::Result<SimFile> {
        let mut state = self.step()?;
        if state.full {
            return Err(ErrorKind::StorageFull.into());
        }
        let node = state.new_id();
        let (folder, name) = split(path)?;
        let folder = state.folder(&folder)?;
        if folder.names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        folder.names.insert(name.clone(), Entry::File(node));
        folder.pending.push(Change::Set(name, Entry::File(node)));
        state.nodes.insert(node, Node::default());
        Ok(SimFile { files: self.clone(), node })
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let node = Entry::File(state.file(from)?);
        let ((folder, from), (other, to)) = (split(from)?, split(to)?);
        if folder != other {
            return Err(ErrorKind::CrossesDevices.into());
        }
        let folder = state.folder(&folder)?;
        let change = Change::Renamed(from, to, node);
        change.clone().apply(&mut folder.names);
        folder.pending.push(change);
        Ok(())
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        state.file(path)?;
        let lie = state.lie;
        let (folder, name) = split(path)?;
        let folder = state.folder(&folder)?;
        folder.names.remove(&name);
        if lie == Lie::RemovesBeforeItWrites {
            folder.durable.remove(&name);
        }
        folder.pending.push(Change::Gone(name));
        Ok(())
    }

    pub(crate) fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        if state.full {
            return Err(ErrorKind::StorageFull.into());
        }
        let (folder, name) = split(path)?;
        let parent = state.folder(&folder)?;
        if parent.names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        parent.names.insert(name.clone(), Entry::Folder);
        parent.pending.push(Change::Set(name, Entry::Folder));
        state.folders.insert(path.to_owned(), Folder::default());
        Ok(())
    }

    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let lie = state.lie;
        let folder = state.folder(path)?;
        match lie {
            Lie::SyncsNoFolder => {}
            Lie::RemovesBeforeItWrites => {
                // What is new reaches the disk only when the next fsync of the folder comes.
                let late = folder.pending.iter().rposition(|change| matches!(change, Change::Renamed(..)));
                let kept = late.map_or(Vec::new(), |at| folder.pending.split_off(at));
                for change in std::mem::replace(&mut folder.pending, kept) {
                    change.apply(&mut folder.durable);
                }
            }
            _ => {
                folder.durable = folder.names.clone();
                folder.pending.clear();
            }
        }
        Ok(())
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.alive()?;
        let node = state.file(path)?;
        Ok(state.nodes.get(&node).map(|node| node.bytes.clone()).unwrap_or_default())
    }

    pub(crate) fn len(&self, path: &Path) -> io::Result<u64> {
        let state = self.alive()?;
        let node = state.file(path)?;
        Ok(state.nodes.get(&node).map_or(0, |node| node.bytes.len() as u64))
    }

    pub(crate) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        Ok(self.alive()?.folder(folder)?.names.keys().cloned().collect())
    }

    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        self.alive().is_ok_and(|state| state.folders.contains_key(path))
    }

    pub(crate) fn try_lock(&self, path: &Path) -> io::Result<Option<SimLock>> {
        let there = self.alive()?.file(path).is_ok();
        if !there {
            self.create(path)?;
        }
        let mut state = self.alive()?;
        if state.locks.contains_key(path) {
            return Ok(None);
        }
        let holder = state.new_id();
        state.locks.insert(path.to_owned(), (self.id, holder));
        Ok(Some(SimLock { disk: self.disk.clone(), path: path.to_owned(), holder }))
    }
}

impl State {
    fn kill(&mut self, process: u64) {
        self.dead.insert(process);
        self.fuses.remove(&process);
        self.locks.retain(|_, (holder, _)| *holder != process);
    }
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct SimFile {
    files: SimFiles,
    node: u64,
}

impl SimFile {
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.files.step()?;
        let full = state.full;
        let node = state.nodes.get_mut(&self.node).ok_or(ErrorKind::NotFound)?;
        // The last bytes that fit are written.
        let fits = if full { bytes.len() / 2 } else { bytes.len() };
        node.bytes.extend_from_slice(&bytes[..fits]);
        if full { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut state = self.files.step()?;
        let lie = state.lie;
        let node = state.nodes.get_mut(&self.node).ok_or(ErrorKind::NotFound)?;
        if lie != Lie::SyncsNoFile {
            node.durable.clone_from(&node.bytes);
        }
        Ok(())
    }
}

/// A lock that is held, until it is dropped or its process ends.
#[derive(Debug)]
pub(crate) struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    holder: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.0.lock();
        if state.locks.get(&self.path).is_some_and(|(_, holder)| *holder == self.holder) {
            state.locks.remove(&self.path);
        }
    }
}
