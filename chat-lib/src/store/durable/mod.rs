//! The engine that keeps everything in a directory. A change passes through these layers, each of which can be read alone:
//!
//! - [`batch`]: the [steps](super::steps) of the store contract, done on the [index](super::index) in memory;
//! - [`commit`]: when changes are written, and what happens when that fails;
//! - [`core`]: the state that is committed, and how it is read back;
//! - [`record`]: what is written for one commit;
//! - [`backend`]: where it is written; [`sqlite`] is a database in a directory, and [`replicated`] a shared log with such a database as its view.
//!
//! Beside them, [`compaction`] drops messages that are too old, as [`retention`] tells, or too many, as [`floors`] finds out, [`purge`] the texts of those that were
//! deleted, and [`upkeep`] is the thread that does what can wait.

mod backend;
mod batch;
mod commit;
mod compaction;
mod core;
mod floors;
mod purge;
mod record;
mod replicated;
mod retention;
mod sqlite;
mod takes;
mod upkeep;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::backend::Backend;
use self::core::Core;
pub use self::replicated::{Place, RecordHashes, Replica, ReplicaError, Replication, record_hashes};
use self::retention::Retention;
use self::sqlite::Sqlite;
use self::upkeep::Upkeep;
use super::pages;
use super::{
    Batch, Commits, CursorMove, FoundMessage, HistoryPage, News, Position, ReplicatedLog, Store, SyncPage, Unread,
    Visit,
};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::Error;
use crate::model::MessageId;

/// The engine that keeps everything in a directory: a SQLite database that others may look into while
/// it is not in use.
///
/// It has one thread of its own, which brings SQLite's write-ahead log into the database and drops messages that are not
/// kept any longer. Dropping the store writes what makes the next start fast, but a process that just ends loses nothing
/// that was committed.
///
/// In memory are accounts, sessions, and for each conversation where it ends. Texts are on the disk, except for the latest
/// [`TAIL_BYTES`](crate::limits::TAIL_BYTES).
///
/// Data with many users is opened before all of them are in memory: each is read when it is first needed, and the thread reads the
/// others. If it finds that the data is damaged, everything is refused with [`Error::Storage`] from then on. The first time that such data is
/// opened, the database gets indexes for this, which takes some seconds for a million users.
pub struct Durable {
    core: Arc<Core>,
    retention: Arc<Retention>,
    /// `None` if the disk can only be read.
    upkeep: Option<Upkeep>,
    /// What becomes the owner of a shared log by itself.
    alone: Option<Replica>,
}

/// How a [`Durable`] store does its work.
#[derive(Clone)]
pub struct Options {
    /// What a commit waits for. The default is [`SyncMode::Always`].
    pub sync: SyncMode,
    /// How long messages are kept. `None`, which is the default, leaves it as the data was last opened
    /// with: [`KeepRead::Forever`] for new data.
    pub keep_read: Option<KeepRead>,
    /// How much the log may have before the oldest of these messages are dropped, whatever their age. The default is no limit.
    pub keep: Keep,
    /// Write nothing, and refuse with [`Error::Storage`] what would have to. For programs that only look at data: they
    /// work on a disk that is full or can only be read. The default is `false`.
    pub read_only: bool,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// How many messages are kept, in all conversations together. Beyond one of these, the oldest are dropped within an hour, or
/// sooner if there are many: direct ones that were read, and those of rooms whether they were read or not. Direct messages that
/// somebody has not read yet are kept whatever the limits are, and count. What came at the same time is dropped together, or kept.
/// A room may have limits of its own ([`RoomKeep`](super::RoomKeep)): then these do not apply to it, and its messages do not count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keep {
    /// How many messages; `None` for no limit.
    pub messages: Option<u64>,
    /// How many bytes they take as they are stored; `None` for no limit.
    pub bytes: Option<u64>,
}

impl Keep {
    fn is_limited(self) -> bool {
        self != Self::default()
    }
}

/// How long direct messages are kept after they were read, and messages of rooms whether they were read or not, unless a room
/// has an age of its own ([`RoomKeep`](super::RoomKeep)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeepRead {
    /// They are dropped within an hour of being read, or sooner if there are many.
    No,
    /// They are kept for that long, counted from when they were sent. A clock that jumps ahead, and is put right again,
    /// drops nothing early: as messages age, at most a day goes by in an hour, whatever the clock says. So those that
    /// came of age while no program had the data open stay a while longer. And a message is not taken to be
    /// older than one that came before it.
    For(Duration),
    /// They are kept.
    Forever,
    /// Nothing is dropped while the store is open, a dump has every message that is there, and the setting stays what it
    /// was. This is for a program that does one thing with data that another one keeps, such as adding a user.
    Everything,
}

impl KeepRead {
    /// How the data says it, in milliseconds.
    fn as_millis(self) -> u64 {
        match self {
            Self::No => 0,
            Self::For(keep) => Timestamp::EPOCH.after(keep).as_millis(),
            Self::Forever | Self::Everything => Timestamp::EPOCH.after(Duration::MAX).as_millis(),
        }
    }

    fn from_millis(millis: u64) -> Self {
        match millis {
            0 => Self::No,
            millis if millis == Self::Forever.as_millis() => Self::Forever,
            millis => Self::For(Duration::from_millis(millis)),
        }
    }
}

/// What a commit waits for. Whatever it is, a process that is killed loses nothing that was committed,
/// and a loss of power leaves the database whole.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncMode {
    /// The disk has it: nothing is lost.
    #[default]
    Always,
    /// The operating system has it, and writes it to the disk within a second: a loss of power may take the last second.
    EverySecond,
    /// The operating system has it, and writes it to the disk when it likes: a loss of power may take half a minute of work
    /// or more.
    Never,
}

impl Durable {
    /// Opens the store in `directory`, which is created with mode 0700 if it does not exist. New files and directories
    /// get the owner of their parent directory, if the process may change it.
    ///
    /// Data that cannot be written to is opened as if [`Options::read_only`] were set, with a warning in the log.
    ///
    /// # Errors
    ///
    /// [`Error::DataInUse`] if a process has it open, be it this one, unless both only read;
    /// [`Error::DataFormat`] if another version of this library wrote it; [`Error::Storage`] if the directory
    /// cannot be made or read, what is there is not what was written, or nothing is there and it is to be read
    /// only.
    pub fn open(directory: &Path, options: Options) -> Result<Self, Error> {
        let open = if options.read_only { Sqlite::open_read_only } else { Sqlite::open };
        let disk = open(directory, options.sync == SyncMode::Always)?;
        Self::on(Box::new(disk), options)
    }

    /// Opens the store of a server that shares a log with others, of which `directory` has a view. Nothing is committed that is not in
    /// the log, and no commit waits for the disk of this machine. Where the log and the directory are new, or the log is new and the
    /// directory has a chat, this founds it: other directories then have to begin with a [copy](Replica::copy) of this one.
    ///
    /// At first, another server is the owner, and every step is refused with [`Error::Busy`]. [`Replica`] has what to do.
    ///
    /// [`Options::sync`] and [`Options::read_only`] do not count. The handle that comes with the store is what a cluster works with.
    ///
    /// # Errors
    ///
    /// [`ReplicaError`] has them; those of [`open`](Self::open) are in [`ReplicaError::Store`].
    pub fn replicated(
        directory: &Path,
        log: Arc<dyn ReplicatedLog>,
        replication: Replication,
        options: Options,
    ) -> Result<(Self, Replica), ReplicaError> {
        let replica = Replica::open(directory, log, replication, options.keep_read)?;
        if replication.takes_over {
            replica.take_over()?;
        }
        let core = Arc::clone(&replica.core);
        let alone = replication.takes_over.then(|| replica.clone());
        Ok((Self::with(core, Options { sync: SyncMode::Never, ..options }, alone)?, replica))
    }

    fn on(backend: Box<dyn Backend>, options: Options) -> Result<Self, Error> {
        let core = Arc::new(Core::open(backend)?);
        if !core.backend().is_read_only() {
            core.settle(options.keep_read)?;
        }
        Self::with(core, options, None)
    }

    fn with(core: Arc<Core>, options: Options, alone: Option<Replica>) -> Result<Self, Error> {
        let (now, read_only) = (Instant::now(), core.backend().is_read_only());
        let (known, was) = {
            let summary = core.state().index.summary().clone();
            (summary.retention_time, KeepRead::from_millis(summary.keep_read))
        };
        let keep_read = options.keep_read.unwrap_or(was);
        let retention = Arc::new(Retention::new(keep_read, options.keep, options.clock, known, now));
        core.state().index.set_retention_time(retention.time(now));
        let syncs = options.sync == SyncMode::EverySecond;
        let start = || Upkeep::start(Arc::clone(&core), Arc::clone(&retention), syncs);
        let upkeep = if read_only { None } else { Some(start()?) };
        Ok(Self { core, retention, upkeep, alone })
    }

    /// Becomes the owner, if it is not and does so by itself. Returns whether it does, and is the owner now.
    fn take_over_if_alone(&self) -> bool {
        let Some(replica) = &self.alone else { return false };
        let outcome = replica.take_over();
        if let Err(problem) = &outcome {
            let reason: &dyn std::error::Error = problem;
            tracing::warn!(reason, "the shared log cannot be appended to");
        }
        outcome.is_ok()
    }

    /// Reads what is committed, if this is the server that knows.
    fn read<T>(&self, read: impl FnOnce(&Core) -> Result<T, Error>) -> Result<T, Error> {
        if self.take_over_if_alone() {
            let outcome = read(&self.core);
            return self.core.check_read().and(outcome);
        }
        self.core.backend().check_open()?;
        let outcome = read(&self.core);
        self.core.check_read()?;
        // It may have been an older state, or one that another server was changing.
        self.core.backend().check_open()?;
        outcome
    }
}

impl Store for Durable {
    fn epoch(&self) -> String {
        self.core.state().index.summary().epoch.clone()
    }

    fn begin(&self) -> Box<dyn Batch + '_> {
        loop {
            let is_alone = self.take_over_if_alone();
            let batch = batch::begin(&self.core, self.upkeep.as_ref());
            // Otherwise, a commit has failed in between.
            if batch.0.is_admitted() || !is_alone {
                return Box::new(batch);
            }
        }
    }

    fn is_read_only(&self) -> bool {
        self.core.backend().is_read_only()
    }

    fn commit_waits(&self) -> bool {
        true
    }

    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.read(|core| pages::read_unread(core, user, max_bytes))
    }

    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error> {
        self.read(|core| pages::read_until(core, user, with, upto))
    }

    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        self.read(|core| pages::history(core, user, with, position, limit))
    }

    fn read_unread_room(&self, user: &str, room: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.read(|core| pages::read_unread_room(core, user, room, max_bytes))
    }

    fn last_message(&self) -> MessageId {
        self.core.state().index.committed
    }

    fn news(&self, after: MessageId) -> Result<News, Error> {
        self.read(|core| pages::news(core, after))
    }

    fn find_message(&self, user: &str, id: MessageId) -> Result<Option<FoundMessage>, Error> {
        self.read(|core| pages::find_message(core, user, id))
    }

    fn find_sent(&self, user: &str, after: MessageId, limit: usize) -> Result<Vec<FoundMessage>, Error> {
        self.read(|core| pages::find_sent(core, user, after, limit))
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<SyncPage, Error> {
        self.read(|core| pages::sync(core, user, after, limit))
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.read(|core| core.dump(self.retention.keeps(Instant::now()), visit))
    }

    fn check(&self) -> Result<(), Error> {
        self.read(Core::check)
    }

    fn tidy(&self) -> Result<(), Error> {
        self.core.finish()
    }

    fn commits(&self) -> Commits {
        self.core.disk().commits.clone()
    }

    fn data_bytes(&self) -> u64 {
        self.core.backend().size()
    }

    fn check_writable(&self) -> Result<(), Error> {
        if self.is_read_only() {
            return Err(Error::Storage("the data can only be read".into()));
        }
        self.core.backend().check_open()?;
        self.core.check_read()?;
        self.core.group.beside(|disk| disk.backend.recover())
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("is_read_only", &self.is_read_only()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sync, keep_read, keep, read_only, clock: _ } = self;
        f.debug_struct("Options")
            .field("sync", sync)
            .field("keep_read", keep_read)
            .field("keep", keep)
            .field("read_only", read_only)
            .finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sync: SyncMode::default(),
            keep_read: None,
            keep: Keep::default(),
            read_only: false,
            clock: Arc::new(SystemClock),
        }
    }
}

#[cfg(test)]
mod gaps;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_rows;
#[cfg(test)]
mod live;
#[cfg(test)]
mod on_demand;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod room_keeps;
#[cfg(test)]
mod tests;
