//! The file system's primitives, on the machine or on a simulated disk.
//!
//! [`crate::disk`] builds durable replacement, records and locks of them; nothing else calls them. What a
//! crash leaves of each primitive is what [`crate::simulation::disk`] plays through: written bytes are safe
//! after [`Files::sync`] of their file, names after [`Files::sync_folder`].

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

#[cfg(any(test, feature = "simulation"))]
use crate::simulation::disk::{SimFile, SimFiles, SimLock};

/// Where files are.
#[derive(Debug, Clone, Default)]
pub(crate) enum Files {
    /// On the machine.
    #[default]
    System,
    /// On a disk in memory that can be full, and lose power.
    #[cfg(any(test, feature = "simulation"))]
    Simulated(SimFiles),
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) enum Writing {
    System(File),
    #[cfg(any(test, feature = "simulation"))]
    Simulated(SimFile),
}

/// A lock that is held; dropping it, or the end of the process, frees it.
#[derive(Debug)]
pub(crate) enum Held {
    System(#[expect(dead_code, reason = "it lives as long as the lock")] File),
    #[cfg(any(test, feature = "simulation"))]
    Simulated(#[expect(dead_code, reason = "it lives as long as the lock")] SimLock),
}

impl Files {
    /// Makes a file that is not there.
    pub(crate) fn create(&self, path: &Path) -> io::Result<Writing> {
        match self {
            Files::System => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                private_file(&mut options);
                options.open(path).map(Writing::System)
            }
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.create(path).map(Writing::Simulated),
        }
    }

    /// Gives a file another name, in place of what has it.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Files::System => std::fs::rename(from, to),
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.rename(from, to),
        }
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Files::System => std::fs::remove_file(path),
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.remove(path),
        }
    }

    /// Makes a folder whose parent is there.
    pub(crate) fn make_folder(&self, path: &Path) -> io::Result<()> {
        match self {
            Files::System => {
                #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
                let mut builder = std::fs::DirBuilder::new();
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                builder.create(path)
            }
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.make_folder(path),
        }
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        match self {
            // Windows cannot open a folder as a file; its journal orders renames itself.
            Files::System if cfg!(unix) => sync(&File::open(path)?),
            Files::System => Ok(()),
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.sync_folder(path),
        }
    }

    /// A file's bytes, at most `len_max` and one more.
    pub(crate) fn read(&self, path: &Path, len_max: usize) -> io::Result<Vec<u8>> {
        match self {
            Files::System => {
                let mut bytes = Vec::new();
                File::open(path)?.take(len_max as u64 + 1).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.read(path),
        }
    }

    /// At most `len` bytes of a file, from an offset on; fewer at its end.
    pub(crate) fn read_range(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        match self {
            Files::System => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                let mut bytes = Vec::new();
                file.take(len as u64).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => {
                let bytes = files.read(path)?;
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes[from..bytes.len().min(from.saturating_add(len))].to_vec())
            }
        }
    }

    /// Names of what is in a folder, unordered; those that are not Unicode are not ours.
    pub(crate) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        match self {
            Files::System => {
                let mut names = Vec::new();
                for entry in std::fs::read_dir(folder)? {
                    names.extend(entry?.file_name().into_string());
                }
                Ok(names)
            }
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.names(folder),
        }
    }

    /// A file's length in bytes.
    pub(crate) fn len(&self, path: &Path) -> io::Result<u64> {
        match self {
            Files::System => std::fs::metadata(path).map(|about| about.len()),
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.len(path),
        }
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        match self {
            Files::System => path.exists(),
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.is_folder(path) || files.len(path).is_ok(),
        }
    }

    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        match self {
            Files::System => path.is_dir(),
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => files.is_folder(path),
        }
    }

    /// Takes the lock that a file stands for, or `None` when another holder has it.
    pub(crate) fn try_lock(&self, path: &Path) -> io::Result<Option<Held>> {
        match self {
            Files::System => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true).truncate(false);
                private_file(&mut options);
                let file = options.open(path)?;
                match file.try_lock() {
                    Ok(()) => Ok(Some(Held::System(file))),
                    Err(TryLockError::WouldBlock) => Ok(None),
                    // Some network and card file systems know no locks; there one process a folder is the limit.
                    Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                        Ok(Some(Held::System(file)))
                    }
                    Err(TryLockError::Error(error)) => Err(error),
                }
            }
            #[cfg(any(test, feature = "simulation"))]
            Files::Simulated(files) => Ok(files.try_lock(path)?.map(Held::Simulated)),
        }
    }
}

impl Writing {
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Writing::System(file) => file.write_all(bytes),
            #[cfg(any(test, feature = "simulation"))]
            Writing::Simulated(file) => file.append(bytes),
        }
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self {
            Writing::System(file) => sync(file),
            #[cfg(any(test, feature = "simulation"))]
            Writing::Simulated(file) => file.sync(),
        }
    }
}

/// Brings a file to the disk. Tests of this crate cut a simulated power, for which the page cache is enough.
fn sync(file: &File) -> io::Result<()> {
    if cfg!(test) { Ok(()) } else { file.sync_all() }
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private_file(_options: &mut OpenOptions) {}
