//! The engine that keeps everything in a directory.

mod commit;
mod disk;
mod epoch;
mod group;
mod reading;
mod recent;
mod retention;
mod seal;
mod sqlite;
mod state;
mod sweep;
mod taken;
mod upkeep;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::commit::Shared;
use self::disk::Disk;
use self::retention::Retention;
use self::sqlite::Sqlite;
use self::upkeep::Upkeep;
use super::{Appended, Group, NewMessage, Record, Room, Show, Store, Taken};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::Error;
use crate::model::{Account, Profile, SessionId, UserName};

/// The engine that keeps everything in a directory: a SQLite database that others may look into while
/// it is not in use.
///
/// It has one thread of its own, which brings SQLite's write-ahead log into the database and drops
/// messages that were read. Dropping the store writes what makes the next start fast, but a process
/// that just ends loses nothing that was committed.
///
/// What is in memory: accounts, sessions, and of each mailbox where it ends. Texts are on the disk, but
/// for the latest [`RECENT_BYTES`](crate::limits::RECENT_BYTES).
pub struct Durable {
    shared: Arc<Shared>,
    retention: Arc<Retention>,
    /// `None` if the disk can only be read.
    upkeep: Option<Upkeep>,
}

/// How a [`Durable`] store does its work.
#[derive(Clone)]
pub struct Options {
    /// What a commit waits for. The default is [`SyncMode::Always`].
    pub sync: SyncMode,
    /// What becomes of messages that were read. `None`, which is the default, is what was said when the data was last
    /// opened for more than one thing: [`KeepRead::No`] for new data.
    pub keep_read: Option<KeepRead>,
    /// Write nothing, and refuse with [`Error::Storage`] what would have to. For programs that only look at data: they
    /// work on a disk that is full or can only be read. The default is `false`.
    pub read_only: bool,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What becomes of messages that were read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeepRead {
    /// They are dropped within an hour of being read, or sooner if there are many.
    No,
    /// They are kept for that long, counted from when they were sent. A clock that jumps ahead, and is put right again,
    /// drops nothing early: as messages age, at most a day goes by in an hour, whatever the clock says. So those that
    /// came of age while no program had the data open stay a while longer. And a message is not taken to be
    /// older than one that came before it.
    For(Duration),
    /// Nothing at all is dropped while the store is open, and a dump has every message that is there. This is for a
    /// program that does one thing with data that another one keeps, such as adding a user: how long messages
    /// are kept is not its decision, and the data goes on saying what it said.
    Everything,
}

/// What a commit waits for. Whatever it is, a process that is killed loses nothing that was committed,
/// and a loss of power leaves the database whole.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SyncMode {
    /// The disk has it: nothing is lost.
    #[default]
    Always,
    /// The system has it, and gives it to the disk within a second: a loss of power may take the last
    /// second.
    EverySecond,
    /// The system has it, and gives it to the disk as it likes: a loss of power may take what it has
    /// not given yet, half a minute of work or more.
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

    /// Whether all that would change something is refused: as it was asked for, or because the disk can only be read.
    pub fn is_read_only(&self) -> bool {
        self.shared.disk.is_read_only()
    }

    fn on(disk: Box<dyn Disk>, options: Options) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(disk)?);
        let (now, known) = (Instant::now(), shared.state().retention_time);
        let keep_read = match options.keep_read {
            Some(keep_read) => {
                shared.state().set_keep_read(keep_read);
                keep_read
            }
            None => shared.state().keep_read(),
        };
        let retention = Arc::new(Retention::new(keep_read, options.clock, known, now));
        shared.state().retention_time = retention.time(now);
        let syncs = options.sync == SyncMode::EverySecond;
        let start = || Upkeep::start(Arc::clone(&shared), Arc::clone(&retention), syncs);
        let upkeep = if shared.disk.is_read_only() { None } else { Some(start()?) };
        Ok(Self { shared, retention, upkeep })
    }

    fn was_read(&self, bytes: usize) {
        self.upkeep.iter().for_each(|upkeep| upkeep.read(bytes));
    }
}

impl Store for Durable {
    fn add_account(&self, account: Account) -> Result<bool, Error> {
        Ok(self.shared.state().add_account(account))
    }

    fn account(&self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.shared.state().user(user).map(|user| Arc::clone(&user.account)))
    }

    fn accounts(&self) -> Result<Vec<Arc<Account>>, Error> {
        let mut accounts: Vec<_> = self.shared.state().users().map(|user| Arc::clone(&user.account)).collect();
        accounts.sort_by(|one, other| one.profile.user().cmp(other.profile.user()));
        Ok(accounts)
    }

    fn replace_account(&self, old: &Arc<Account>, new: Account) -> Result<bool, Error> {
        Ok(self.shared.state().replace_account(old, new))
    }

    fn remove_account(&self, user: &str) -> Result<bool, Error> {
        let removed = self.shared.state().remove_account(user);
        // Its messages are nobody's now, as if they were read.
        removed.iter().for_each(|mailbox| self.was_read(mailbox.bytes));
        Ok(removed.is_some())
    }

    fn open_session(&self, id: SessionId, user: &str, now: Timestamp, expires: Timestamp) -> Result<bool, Error> {
        Ok(self.shared.state().open_session(id, user, now, expires))
    }

    fn use_session(&self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.shared.state().use_session(id, now, expires))
    }

    fn close_session(&self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.shared.state().close_session(id, now))
    }

    fn close_sessions(&self, user: &str) -> Result<(), Error> {
        self.shared.state().close_sessions(user);
        Ok(())
    }

    fn active_users(&self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        Ok(self.shared.state().active_users(now))
    }

    fn sessions(&self, now: Timestamp) -> Result<Vec<(SessionId, Arc<Profile>)>, Error> {
        Ok(self.shared.state().live_sessions(now))
    }

    fn append(&self, message: NewMessage<'_>, room: Room) -> Result<Appended, Error> {
        Ok(self.shared.state().append(message, room))
    }

    fn take_unread(&self, user: &str, most: usize) -> Result<Option<Taken>, Error> {
        let taken = self.shared.take_unread(user, most)?;
        taken.iter().for_each(|taken| self.was_read(taken.inbox.bytes()));
        Ok(taken)
    }

    fn put_back(&self, user: &str, taken: Taken) -> Result<bool, Error> {
        Ok(self.shared.state().put_back(user, taken))
    }

    fn dump(&self, show: &mut Show<'_>) -> Result<(), Error> {
        self.shared.dump(self.retention.keeps(Instant::now()), show)
    }

    fn restore(&self, record: Record<'_>) -> Result<bool, Error> {
        let mut state = self.shared.state();
        Ok(match record {
            Record::Account(account) => state.add_account(account.clone()),
            Record::Message { message, read } => state.restore(message, read),
        })
    }

    fn restoring(&self, begun: bool) -> Result<(), Error> {
        self.shared.state().set_whole(!begun);
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        self.shared.check()
    }

    fn tidy(&self) -> Result<(), Error> {
        self.shared.finish()
    }

    fn begin(&self) -> Group<'_> {
        self.shared.begin()
    }

    fn commit(&self, group: Group<'_>) -> Result<(), Error> {
        self.shared.commit(group)?;
        self.upkeep.iter().for_each(Upkeep::committed);
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { sync: SyncMode::default(), keep_read: None, read_only: false, clock: Arc::new(SystemClock) }
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
