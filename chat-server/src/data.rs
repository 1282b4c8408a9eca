//! Whether there is a data directory to work on, when it was last dumped, and what room its disk has.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::statvfs;
use rustix::process::geteuid;

/// Whether there is chat data in `directory`; fails if that cannot be told.
pub(crate) fn exists(directory: &Path) -> Result<bool, Box<dyn Error>> {
    match fs::symlink_metadata(directory.join("chat.db")) {
        Ok(_) => Ok(true),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(problem) => {
            let told = format!("{} cannot be read: {problem}", directory.display());
            let owner = fs::metadata(directory).map(|directory| directory.uid());
            match owner {
                Ok(owner) if problem.kind() == io::ErrorKind::PermissionDenied && owner != geteuid().as_raw() => {
                    Err(format!("{told}; run chat-server as the directory's owner, who has the user id {owner}").into())
                }
                _ => Err(told.into()),
            }
        }
    }
}

/// Notes that everything in `directory` was dumped just now. It is only for people to see, so a disk that is full is no problem.
pub(crate) fn note_dump(directory: &Path) {
    if let Err(problem) = fs::write(directory.join(LAST_DUMP), []) {
        tracing::debug!(%problem, "it could not be noted that there was a dump");
    }
}

/// When the last dump of `directory` was written whole; `None` if there was none.
pub(crate) fn last_dump(directory: &Path) -> Option<SystemTime> {
    fs::metadata(directory.join(LAST_DUMP)).and_then(|file| file.modified()).ok()
}

/// An empty file whose time says when the last dump was.
const LAST_DUMP: &str = "last-dump";

/// The file system that has the data, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Disk {
    pub(crate) free: u64,
    pub(crate) size: u64,
}

impl Disk {
    pub(crate) fn of(directory: &Path) -> Option<Self> {
        let found = statvfs(directory).ok()?;
        // What the owner of the data can use; root may use more.
        Some(Self { free: found.f_bavail * found.f_frsize, size: found.f_blocks * found.f_frsize })
    }
}
