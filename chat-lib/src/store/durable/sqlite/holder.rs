//! Finds the process that has a directory locked, where the system tells: on Linux, in `/proc`.

use std::fs::{self, File};
use std::os::fd::AsRawFd;

use crate::error::Process;

/// The process that has a lock on the file; `None` if that cannot be found out.
pub(super) fn holder(file: &File) -> Option<Process> {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let place = place(&about, &mounts)?;
    let process = |id| {
        let name = fs::read(format!("/proc/{id}/comm")).ok()?;
        Some(Process { id, name: String::from_utf8_lossy(&name).trim_end().escape_debug().to_string() })
    };
    // The one that took the lock may be gone, and a fork of it have it still.
    holder_in(&locks, &place).and_then(process).or_else(|| heirs(&place).find_map(process))
}

/// The processes with a descriptor that has the lock, of those that this one may look into.
fn heirs(place: &str) -> impl Iterator<Item = u32> {
    let entries = |path: &str| fs::read_dir(path).into_iter().flatten().flatten();
    let ids = entries("/proc").filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(move |id| {
        entries(&format!("/proc/{id}/fdinfo")).any(|descriptor| {
            let about = fs::read_to_string(descriptor.path()).unwrap_or_default();
            about.lines().any(|line| line.strip_prefix("lock:").is_some_and(|lock| holder_in(lock, place).is_some()))
        })
    })
}

/// Where the kernel has the file, as it is written in the list of locks. `stat` tells other numbers on some file systems.
fn place(about: &str, mounts: &str) -> Option<String> {
    let number = |name| about.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let (mount, inode) = (number("mnt_id:")?, number("ino:")?);
    // A line begins with the mount's number, its parent's, and the device as "major:minor".
    let device = mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        if words.next()?.parse() == Ok(mount) { words.nth(1)?.split_once(':') } else { None }
    });
    let (major, minor): (u64, u64) = (device?.0.parse().ok()?, device?.1.parse().ok()?);
    Some(format!("{major:02x}:{minor:02x}:{inode}"))
}

/// A line is like "1: FLOCK  ADVISORY  WRITE 359 fd:01:1049 0 EOF"; with "->" in it, for a process that waits.
fn holder_in(locks: &str, place: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, id) = (words.next()?, words.nth(2)?);
        // A process of another container has no number here.
        let id = id.parse().ok().filter(|&id| id > 0);
        if kind == "FLOCK" && words.next()? == place { id } else { None }
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A server was killed, and a child that it had forked kept the data locked.
    #[test]
    fn a_fork_that_has_the_lock_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::open(directory.path()).unwrap();
        file.try_lock().unwrap();
        let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).unwrap();
        let place = place(&about, &fs::read_to_string("/proc/self/mountinfo").unwrap()).unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(file.try_clone().unwrap()).spawn().unwrap();
        let found: Vec<_> = heirs(&place).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id()), "{found:?}");
        assert_eq!(holder(&file).unwrap().id, std::process::id());
    }

    #[test]
    fn the_holder_is_found_among_all_locks() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 08:01:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 08:02:7 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 99 08:01:7 0 EOF\n\
                     3: FLOCK  ADVISORY\n\n\
                     4: FLOCK  ADVISORY  WRITE x nonsense 0 EOF\n\
                     5: FLOCK  ADVISORY  WRITE 13 fe:1ab:8 0 EOF\n\
                     6: FLOCK  ADVISORY  WRITE 14 08:01:7 0 EOF\n\
                     7: FLOCK  ADVISORY  WRITE -1 08:03:7 0 EOF\n";
        let mounts = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 254:427 / /data rw\nx\n23 21 8 / /odd rw\n";
        let place = |mount, inode| place(&format!("pos:\t0\nflags:\t0\nmnt_id:\t{mount}\nino:\t{inode}\n"), mounts);
        let holder = |mount, inode| holder_in(locks, &place(mount, inode)?);
        assert_eq!(holder(21, 7), Some(14));
        assert_eq!(holder(22, 8), Some(13));
        assert_eq!(holder(21, 8), None);
        assert_eq!(holder_in(locks, "08:03:7"), None);
        assert_eq!((place(20, 7), place(23, 7)), (None, None));
    }
}
