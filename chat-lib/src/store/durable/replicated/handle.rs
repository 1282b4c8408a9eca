//! What a cluster does with the replicated store of one of its servers.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Place, Replicated, envelope};
use crate::error::Error;
use crate::limits::APPEND_PATIENCE;
use crate::metrics::Histogram;
use crate::store::durable::KeepRead;
use crate::store::durable::backend::Backend;
use crate::store::durable::core::Core;
use crate::store::durable::sqlite::Sqlite;
use crate::store::{LogError, ReplicatedLog};

/// How a store takes part in a shared log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replication {
    /// How long an append is tried of which nobody knows whether it has worked. Nothing else is done meanwhile. Then the commit's
    /// outcome is unknown, and the store is no longer the owner. The default is 15 s.
    pub patience: Duration,
    /// Whether the store becomes the owner by itself whenever somebody wants something of it. This is for a program that is the only
    /// one with that log. The default is `false`: somebody calls [`Replica::take_over`].
    pub takes_over: bool,
}

impl Default for Replication {
    fn default() -> Self {
        Self { patience: APPEND_PATIENCE, takes_over: false }
    }
}

/// A handle to a replicated store ([`Durable::replicated`](crate::store::Durable::replicated)). Clones are handles to the same store.
///
/// A store is opened as one that follows. Have it [`follow`](Self::follow) in a loop, and [`take_over`](Self::take_over) when it is to be
/// the owner. It is no longer the owner as soon as an append of another server is found, or a commit cannot be made; then follow again.
#[derive(Clone)]
pub struct Replica {
    pub(in crate::store::durable) core: Arc<Core>,
    pub(in crate::store::durable) replicated: Arc<Replicated>,
    pub(in crate::store::durable) keep_read: Option<KeepRead>,
}

impl Replica {
    pub(in crate::store::durable) fn open(
        directory: &Path,
        log: Arc<dyn ReplicatedLog>,
        options: Replication,
        keep_read: Option<KeepRead>,
    ) -> Result<Self, ReplicaError> {
        let sqlite = Sqlite::open_replica(directory)?;
        if sqlite.place()?.is_none() && log.last()? > 0 {
            return Err(ReplicaError::Foreign);
        }
        let replicated = Arc::new(Replicated::new(sqlite, log, options.patience)?);
        replicated.verify()?;
        let core = Arc::new(Core::view(Box::new(Arc::clone(&replicated)))?);
        Ok(Self { core, replicated, keep_read })
    }

    /// Takes in what others have appended, and waits up to `wait` for something to come. An owner that finds something is the owner no
    /// longer. Returns the last place that was taken in.
    ///
    /// # Errors
    ///
    /// See [`ReplicaError`]; nothing was taken in then.
    pub fn follow(&self, wait: Duration) -> Result<u64, ReplicaError> {
        let Self { core, replicated, .. } = self;
        let next = replicated.chain().next();
        let entries = replicated.log.read(next, wait)?;
        if entries.is_empty() {
            return Ok(self.reached());
        }
        core.group.close_if(|_| {
            // What was read may be this server's own, if it has gone on meanwhile.
            let is_deposed = replicated.is_owner() && replicated.chain().next() == next;
            if is_deposed {
                replicated.step_down();
            }
            is_deposed
        });
        core.group.beside(|disk| {
            let mut chain = replicated.chain();
            if !replicated.is_owner() && chain.next() == next {
                let bytes: usize = entries.iter().map(|entry| entry.record.len()).sum();
                replicated.take_in(&mut chain, entries)?;
                disk.count_written(bytes as u64);
            }
            Ok(chain.reached.at)
        })
    }

    /// Becomes the owner: takes in all that was appended, and appends a record, so that the owner before can append no more. Then the
    /// store does what it is asked for. Does nothing if this is the owner, as far as it knows.
    ///
    /// # Errors
    ///
    /// See [`ReplicaError`]; it is not the owner then.
    pub fn take_over(&self) -> Result<(), ReplicaError> {
        let Self { core, replicated, keep_read } = self;
        if self.is_owner() {
            return Ok(());
        }
        // Whatever is in memory is of another time.
        core.group.close_if(|_| true);
        core.group.beside(|_| replicated.claim())?;
        let loaded = core.group.reopen().and_then(|()| match replicated.was_owner.load(Ordering::Relaxed) {
            // If it is being restored, then by this program.
            true => Ok(()),
            false => core.check_restored(),
        });
        loaded.and_then(|()| core.settle(*keep_read)).inspect_err(|_| self.step_down())?;
        replicated.was_owner.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Stops being the owner. What is not committed is undone.
    pub fn step_down(&self) {
        self.core.group.close_if(|_| {
            self.replicated.step_down();
            true
        });
    }

    /// Whether this is the owner, as far as it knows.
    pub fn is_owner(&self) -> bool {
        self.replicated.is_owner()
    }

    /// The last place that was taken in or appended.
    pub fn reached(&self) -> u64 {
        self.replicated.reached.load(Ordering::Acquire)
    }

    /// Writes a copy of the database to a new file, which a server that has nothing can begin with, as `chat.db` in its directory.
    /// Returns how far in the log the copy is. Others may go on using the store.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if the database cannot be read, or the file not be written.
    pub fn copy(&self, file: &Path) -> Result<Place, Error> {
        self.replicated.sqlite.copy(file)
    }

    /// How many bytes of records were taken in and appended since the store was opened.
    pub fn bytes(&self) -> u64 {
        self.replicated.bytes.load(Ordering::Relaxed)
    }

    /// How long appends took, as their owner has waited for them.
    pub fn appends(&self) -> Histogram {
        self.replicated.appends.clone()
    }
}

impl Replicated {
    /// Looks whether the log is the one that this is a view of.
    fn verify(&self) -> Result<(), ReplicaError> {
        let reached = self.chain().reached;
        let last = self.log.last()?;
        if last < reached.at {
            return self.check_end(&self.chain(), last);
        }
        let first = self.log.read(reached.at.max(1), Duration::ZERO)?.into_iter().next();
        let Some(entry) = first else { return Ok(()) };
        let record = envelope::open(&entry.record).ok_or(ReplicaError::Damaged { at: entry.at })?;
        let fits = match entry.at {
            at if at == reached.at => record.hash == reached.hash,
            at if at == reached.at + 1 => record.before == reached.hash,
            _ => return Err(ReplicaError::Outdated { at: reached.at + 1 }),
        };
        match fits {
            true => Ok(()),
            // It was to found the cluster, and another server was quicker.
            false if reached.at == 0 && self.sqlite.summary()?.last_account > 0 => Err(ReplicaError::Foreign),
            false => Err(ReplicaError::Diverged { at: entry.at }),
        }
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("reached", &self.reached()).field("is_owner", &self.is_owner()).finish()
    }
}

/// The hash of a record of the log, and that of the record before it, of which it is the successor; `None` if the record is not what was
/// written. With this, a copy of the data can be told that fits a log.
pub fn record_hashes(record: &[u8]) -> Option<RecordHashes> {
    envelope::open(record).map(|record| RecordHashes { before: record.before, own: record.hash })
}

/// What [`record_hashes`] finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordHashes {
    /// Of the record before it.
    pub before: [u8; 32],
    /// Its own.
    pub own: [u8; 32],
}

/// Why a replicated store cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The log could not be asked. Trying again may work.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The data in the directory could not be read or written. The disk's.
    #[error(transparent)]
    Store(#[from] Error),
    /// A record of the log is not what was written. The engine's that keeps the log.
    #[error("record {at} of the shared log is not what was written")]
    Damaged {
        /// Its place.
        at: u64,
    },
    /// A record of the log can be read, but says something unknown. A newer version wrote it.
    #[error("record {at} of the shared log is by a newer version of this program; upgrade this one")]
    Unknown {
        /// Its place.
        at: u64,
    },
    /// The log has nothing in it, and the data has records of one that cannot be put back. The operator's: the name of the cluster is
    /// wrong, or the engine has lost everything.
    #[error(
        "the shared log is empty, and the data here has had {reached} of its records: check the name of the cluster; if the engine has \
         lost its data, dump this data and restore it under another name"
    )]
    Lost {
        /// How many records the data has.
        reached: u64,
    },
    /// The data is of a chat of its own, and the log of another one. The operator's; one of them has to be chosen.
    #[error("the data here is not of this cluster, whose shared log has begun without it")]
    Foreign,
    /// The data has what the log has not, or has lost. Set it aside, and begin with a copy of another server's.
    #[error("the data here does not fit record {at} of the shared log")]
    Diverged {
        /// The first record that does not fit.
        at: u64,
    },
    /// The log has dropped records that the data does not have. Set it aside, and begin with a copy of another server's.
    #[error("the data here is too old: the shared log no longer has record {at}")]
    Outdated {
        /// The record that is needed.
        at: u64,
    },
}

impl From<ReplicaError> for Error {
    fn from(problem: ReplicaError) -> Self {
        match problem {
            ReplicaError::Store(problem) => problem,
            problem => Self::Storage(Box::<dyn StdError + Send + Sync>::from(problem)),
        }
    }
}
