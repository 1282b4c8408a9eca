//! Whether there is a data directory to work on.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

/// Whether there is chat data in `directory`; fails if that cannot be told.
pub(crate) fn exists(directory: &Path) -> Result<bool, Box<dyn Error>> {
    match fs::symlink_metadata(directory.join("chat.db")) {
        Ok(_) => Ok(true),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(problem) => {
            let told = format!("{} cannot be looked into: {problem}", directory.display());
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
