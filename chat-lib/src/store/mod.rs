//! What the server knows and must not forget. [`Store`] is the contract; `contract.rs` holds every
//! engine to it.

#[cfg(test)]
mod contract;
#[cfg(feature = "sqlite")]
mod durable;
mod memory;
#[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "its journal is for stores on a disk"))]
mod sessions;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, RwLockReadGuard};

#[cfg(feature = "sqlite")]
pub use self::durable::{Durable, KeepRead, Options, SyncMode};
pub use self::memory::Memory;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Inbox, Profile, SessionId, UserName};

/// Accounts, sessions and mailboxes.
///
/// Every method is one atomic step: of two threads that call at once, one comes first, and each
/// sees the whole of what came before it. What a method was told before it returned `Ok` is seen by
/// every later call.
///
/// It is a promise only when a [`commit`](Self::commit) has returned `Ok`: an engine that writes to a
/// disk does it there, for all threads at once. If that fails, everything since the last commit that
/// did not is undone, and the commits of all whose steps these were fail with it.
///
/// A mailbox is a log of messages with a cursor. `append` puts a message at the log's end;
/// `take_unread` gives what lies behind the cursor and moves it to the end. What the cursor has
/// passed may be forgotten once nobody can [put it back](Self::put_back).
///
/// # Errors
///
/// Every method gives [`Error::Storage`] when it could not read or write, and then has changed
/// nothing.
pub trait Store: Send + Sync {
    /// Adds an account with an empty mailbox. `false`, and nothing done, if its user name is taken.
    fn add_account(&self, account: Account) -> Result<bool, Error>;

    /// The account of `user`, `None` if there is none.
    fn account(&self, user: &str) -> Result<Option<Arc<Account>>, Error>;

    /// All accounts, in order of user name.
    fn accounts(&self) -> Result<Vec<Arc<Account>>, Error>;

    /// Puts `new` in the place of `old`, an account of the same user; sessions and mailbox stay, and
    /// messages sent before keep the names that they were sent under. `false`, and nothing done, if
    /// `old` is not the account that [`account`](Self::account) would give now.
    fn replace_account(&self, old: &Arc<Account>, new: Account) -> Result<bool, Error>;

    /// Removes an account, its sessions and its mailbox; what the user has sent to others stays.
    /// `false` if there is no such user.
    fn remove_account(&self, user: &str) -> Result<bool, Error>;

    /// Opens a session for `user`, to last from `now` until `expires`. `false`, and nothing done, if
    /// there is no such user or a session with that id. A user's sessions past
    /// [`SESSIONS_PER_USER`](crate::limits::SESSIONS_PER_USER) end, the oldest first.
    fn open_session(&self, id: SessionId, user: &str, now: Timestamp, expires: Timestamp) -> Result<bool, Error>;

    /// Finds the session that is live at `now` and moves its end to `expires`, never to an earlier
    /// one. Returns the owner; a miss returns `None`, with no side effects.
    fn use_session(&self, id: &SessionId, now: Timestamp, expires: Timestamp) -> Result<Option<Arc<Profile>>, Error>;

    /// Finds the session that is live at `now` and ends it. Returns its owner.
    fn close_session(&self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error>;

    /// Ends all sessions of `user`.
    fn close_sessions(&self, user: &str) -> Result<(), Error>;

    /// Each user with a session that is live at `now`, once, in order of the opening of the oldest
    /// one of theirs that still lives.
    fn active_users(&self, now: Timestamp) -> Result<Vec<UserName>, Error>;

    /// All sessions that are live at `now`, in order of login.
    fn sessions(&self, now: Timestamp) -> Result<Vec<(SessionId, Arc<Profile>)>, Error>;

    /// Appends a message to a mailbox if there is such a user and room. Messages are taken in the
    /// order in which they were appended.
    fn append(&self, message: NewMessage<'_>, room: Room) -> Result<Appended, Error>;

    /// Everything behind the cursor of `user`'s mailbox, and moves it: of two readers, each message
    /// goes to exactly one. Empty if there is no such user. `None`, and nothing done, if the inbox
    /// would take more than `most` bytes of memory.
    fn take_unread(&self, user: &str, most: usize) -> Result<Option<Taken>, Error>;

    /// Moves the cursor of `user`'s mailbox back to where it was before `taken` was taken. `false`, and nothing
    /// done, if it was moved since, or the user removed.
    fn put_back(&self, user: &str, taken: Taken) -> Result<bool, Error>;

    /// Shows all that is kept of users and messages as it is at one moment: the accounts in order of
    /// user name, then the messages in order of arrival. Sessions are not shown.
    fn dump(&self, show: &mut Show<'_>) -> Result<(), Error>;

    /// Takes back a record that [`dump`](Self::dump) has shown, records coming in the same order.
    /// `false`, and nothing done, if its user name is taken, or nobody's for a message.
    fn restore(&self, record: Record<'_>) -> Result<bool, Error>;

    /// Takes note that a dump is about to be restored, or has been restored whole. Opening a durable store
    /// fails while a restore is incomplete.
    fn restoring(&self, begun: bool) -> Result<(), Error> {
        let _ = begun;
        Ok(())
    }

    /// Makes the next start quick, as dropping the store does. Nothing depends on it.
    fn tidy(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Reads everything there is, and compares what can be compared.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Begins a group of steps. Nobody's steps are committed while it is open, because a commit never splits
    /// a group; so the thread must be quick, and must not wait for another thread meanwhile.
    fn begin(&self) -> Group<'_> {
        Group(None)
    }

    /// Ends a group of steps, and waits until they are safe; of several threads that call at once, one
    /// may do it for all. An error means that all of them were undone.
    fn commit(&self, group: Group<'_>) -> Result<(), Error> {
        drop(group);
        Ok(())
    }
}

/// Where [`Store::dump`] shows its records; an error ends it.
pub type Show<'a> = dyn FnMut(Record<'_>) -> Result<(), Error> + 'a;

/// Steps that are committed together.
#[must_use = "steps that are not committed are no promise"]
pub struct Group<'a>(
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "it is held, not read"))]
    Option<RwLockReadGuard<'a, ()>>,
);

#[cfg(feature = "server")]
impl Group<'_> {
    /// Whether it may take long until its steps are safe.
    pub(crate) fn waits(&self) -> bool {
        self.0.is_some()
    }
}

/// A message on its way into a mailbox.
#[derive(Clone, Copy)]
pub struct NewMessage<'a> {
    /// Whose mailbox. Any word: one that is no user name is no user's.
    pub to: &'a str,
    /// Who sends it.
    pub from: &'a Arc<Profile>,
    /// What it says.
    pub text: &'a str,
    /// When it was sent.
    pub time: Timestamp,
}

/// What [`Store::take_unread`] has taken.
#[derive(Default)]
pub struct Taken {
    /// The messages.
    pub inbox: Inbox,
    /// What the engine needs to put them back, which is its own business; `None` if nothing was taken.
    pub receipt: Option<Box<dyn Any + Send>>,
}

/// Shows the inbox, without its texts.
impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

/// How much unread a mailbox may hold.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Messages.
    pub messages: usize,
    /// Bytes of all their texts together.
    pub bytes: usize,
}

impl Room {
    /// No end of it.
    pub(crate) const ANY: Self = Self { messages: usize::MAX, bytes: usize::MAX };

    /// Whether a mailbox that holds so much can take `text`, too.
    fn takes(self, messages: usize, bytes: usize, text: &str) -> bool {
        messages < self.messages && bytes.saturating_add(text.len()) <= self.bytes
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is in the mailbox.
    Done,
    /// Nothing was done: there is no such user.
    NoSuchUser,
    /// Nothing was done: with it, the mailbox would hold more than it may.
    Full,
}

/// A piece of what [`Store::dump`] shows.
#[derive(Clone, Copy)]
pub enum Record<'a> {
    /// A user.
    Account(&'a Account),
    /// A message in a mailbox.
    Message {
        /// The message, with its sender as they were called then.
        message: NewMessage<'a>,
        /// Whether the cursor has passed it.
        read: bool,
    },
}
