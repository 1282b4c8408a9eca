//! The data directory of a server, before the server opens it: where it is empty or out of date, it begins with a snapshot of
//! another server's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat_lib::store::{Durable, Options, Replica, ReplicaError, ReplicatedLog, Replication, record_hashes};

use crate::{ClusterError, Engine, SnapshotName, snapshots};

/// Opens the store in a directory, as a view of the engine's log.
pub(crate) fn open(
    engine: &Arc<dyn Engine>,
    directory: &Path,
    options: &Options,
) -> Result<(Durable, Replica), ClusterError> {
    let database = directory.join(DATABASE);
    // Each time, something has changed: the directory was set aside, or another server has founded the cluster.
    for _ in 0..TRIES {
        let founds = !database.exists() && !fetch(engine, directory)?;
        let log: Arc<dyn ReplicatedLog> = Arc::<dyn Engine>::clone(engine);
        match Durable::replicated(directory, log, Replication::default(), options.clone()) {
            Ok((store, replica)) => {
                found(engine, directory, &replica)?;
                return Ok((store, replica));
            }
            Err(ReplicaError::Foreign) if founds => {
                // Somebody else was quicker, and what is here is empty.
                fs::remove_file(&database).map_err(|problem| ClusterError::directory(&database, problem))?;
            }
            Err(problem @ (ReplicaError::Diverged { .. } | ReplicaError::Outdated { .. })) => {
                let aside = set_aside(directory)?;
                let reason: &dyn std::error::Error = &problem;
                tracing::error!(reason, aside = %aside.display(), "the data was set aside; this server starts over");
            }
            Err(problem) => return Err(problem.into()),
        }
    }
    Err(ClusterError::NoSnapshot)
}

/// Gives others what they need to begin with, if nothing was appended yet.
fn found(engine: &Arc<dyn Engine>, directory: &Path, replica: &Replica) -> Result<(), ClusterError> {
    if replica.reached() > 0 {
        return Ok(());
    }
    snapshots::keep(&**engine, replica, directory).map(drop)
}

/// Has a directory begin with the newest snapshot that fits the log. `false` if there is no log yet, and so nothing to begin with.
fn fetch(engine: &Arc<dyn Engine>, directory: &Path) -> Result<bool, ClusterError> {
    let last = engine.last()?;
    for name in engine.snapshots()? {
        if !fits(&**engine, &name, last)? {
            continue;
        }
        fs::create_dir_all(directory).map_err(|problem| ClusterError::directory(directory, problem))?;
        let draft = directory.join(COPY);
        remove(&draft)?;
        tracing::info!(snapshot = %name, "this server begins with a snapshot");
        engine.get_snapshot(&name, &draft)?;
        let named = private(&draft).and_then(|()| fs::rename(&draft, directory.join(DATABASE)));
        named.map_err(|problem| ClusterError::directory(directory, problem))?;
        return Ok(true);
    }
    if last > 0 {
        return Err(ClusterError::NoSnapshot);
    }
    match engine.servers()?.into_iter().find(|card| card.applied > 0) {
        Some(card) => Err(ClusterError::LogLost { server: card.name }),
        None => Ok(false),
    }
}

/// Whether the log goes on where a snapshot ends.
fn fits(engine: &dyn Engine, name: &SnapshotName, last: u64) -> Result<bool, ClusterError> {
    if name.at > last {
        return Ok(false);
    }
    if last == 0 {
        return Ok(true);
    }
    let first = engine.read(name.at.max(1), READ_WAIT)?.into_iter().next();
    let Some(entry) = first else { return Ok(false) };
    let Some(hashes) = record_hashes(&entry.record) else { return Err(ReplicaError::Damaged { at: entry.at }.into()) };
    Ok(match entry.at {
        at if at == name.at => hashes.own == name.hash,
        at if at == name.at + 1 => hashes.before == name.hash,
        _ => false,
    })
}

/// Moves the database into a directory of its own beside it.
fn set_aside(directory: &Path) -> Result<PathBuf, ClusterError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let aside = directory.join(format!("set-aside-{seconds}"));
    let moved = fs::create_dir(&aside).and_then(|()| {
        for file in [DATABASE, "chat.db-wal", "chat.db-shm"] {
            match fs::rename(directory.join(file), aside.join(file)) {
                Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => return Err(problem),
                _ => {}
            }
        }
        Ok(())
    });
    moved.map_err(|problem| ClusterError::directory(&aside, problem))?;
    Ok(aside)
}

/// Keeps others than the owner from reading a file.
pub(crate) fn private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}

pub(crate) fn remove(file: &Path) -> Result<(), ClusterError> {
    match fs::remove_file(file) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => Err(ClusterError::directory(file, problem)),
        _ => Ok(()),
    }
}

/// What the store calls its database.
const DATABASE: &str = "chat.db";

/// A snapshot that is being written or read.
pub(crate) const COPY: &str = "snapshot.part";

/// How often a directory is tried.
const TRIES: usize = 3;

/// How long to wait for a record that the log is known to have.
const READ_WAIT: Duration = Duration::from_secs(2);
