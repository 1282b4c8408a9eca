//! Makes, opens and locks the data directory.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
use std::path::{Path, PathBuf};

use super::failed;
use super::holder::holder;
use crate::error::Error;

/// A directory that is locked until this is dropped: for one who writes, or for any number who only read.
///
/// The lock is on the directory itself: a file in it could be removed, and then another process would lock a new one.
pub(super) struct Directory {
    /// Absolute, so that it stays the same one when the process changes its working directory.
    path: PathBuf,
    file: File,
    /// The process that locked it. A fork has a copy of all this, and must not free what it has not made.
    process: u32,
}

impl Directory {
    /// Makes the directory if it is not there, to write to it.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        create(path).map_err(|problem| failed(path, &problem))?;
        Self::open(path, File::try_lock)
    }

    /// Opens it only to read.
    pub(super) fn open_to_read(path: &Path) -> Result<Self, Error> {
        Self::open(path, File::try_lock_shared)
    }

    fn open(path: &Path, lock: Lock) -> Result<Self, Error> {
        let failed = |problem| failed(path, &problem);
        let file = File::open(path).map_err(failed)?;
        locked(path, &file, lock)?;
        Ok(Self { path: std::fs::canonicalize(path).map_err(failed)?, file, process: std::process::id() })
    }

    /// Lets others read, too, for nothing can be written.
    pub(super) fn share(&self) -> Result<(), Error> {
        locked(&self.path, &self.file, File::try_lock_shared)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process has locked it, and not one that this is a fork of.
    pub(super) fn is_ours(&self) -> bool {
        std::process::id() == self.process
    }

    /// Gives a new file the directory's owner: root may have made it for a service that runs as somebody else.
    pub(super) fn adopt(&self, file: &File) -> io::Result<()> {
        hand_over(file, &self.file)
    }

    /// Makes the names in it survive a loss of power.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Closing would not do: a fork may hold a copy of the descriptor, and the lock with it.
        if self.is_ours()
            && let Err(problem) = self.file.unlock()
        {
            tracing::warn!(%problem, path = %self.path.display(), "the data directory could not be unlocked");
        }
    }
}

type Lock = fn(&File) -> Result<(), TryLockError>;

fn locked(path: &Path, file: &File, lock: Lock) -> Result<(), Error> {
    lock(file).map_err(|problem| match problem {
        TryLockError::WouldBlock => Error::DataInUse { path: path.to_owned(), process: holder(file) },
        TryLockError::Error(problem) => failed(path, &problem),
    })
}

fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    create(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(problem) if problem.kind() != io::ErrorKind::AlreadyExists => return Err(problem),
        _ => {}
    }
    let parent = File::open(parent)?;
    hand_over(&File::open(path)?, &parent)?;
    // A loss of power must not take the directory itself.
    parent.sync_all()
}

fn hand_over(made: &File, parent: &File) -> io::Result<()> {
    let (made_by, owner) = (made.metadata()?, parent.metadata()?);
    if made_by.uid() == owner.uid() {
        return Ok(());
    }
    match fchown(made, Some(owner.uid()), Some(owner.gid())) {
        // Only root may do it, and nobody else needs it.
        Err(problem) if problem.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child that a program had forked kept the data locked after the program had closed it.
    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::create(place.path()).unwrap();
        let childs = directory.file.try_clone().unwrap();
        assert!(Directory::create(place.path()).is_err());
        drop(directory);
        drop(Directory::create(place.path()).unwrap());
        drop(childs);
    }

    /// And a child that closed its copy must not let others in beside its parent.
    #[test]
    fn a_fork_does_not_unlock() {
        let place = tempfile::tempdir().unwrap();
        let parents = Directory::create(place.path()).unwrap();
        let (path, file) = (parents.path.clone(), parents.file.try_clone().unwrap());
        drop(Directory { path, file, process: parents.process + 1 });
        assert!(Directory::create(place.path()).is_err());
    }
}
