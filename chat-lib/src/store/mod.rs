//! What the server knows and must not forget. [`Store`] is the contract; `contract.rs` holds every
//! engine to it.

#[cfg(test)]
mod contract;
mod memory;
mod sessions;

use std::sync::Arc;

pub use self::memory::Memory;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Inbox, Profile, SessionToken, UserName};

/// Accounts, sessions and mailboxes.
///
/// Every method is one atomic step: of two threads that call at once, one comes first, and each
/// sees the whole of what came before it. What a method was told before it returned `Ok` is seen by
/// every later call.
///
/// A mailbox is a log of messages with a cursor. `append` puts a message at the log's end;
/// `take_unread` gives what lies behind the cursor and moves it to the end. What the cursor has
/// passed may be forgotten.
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

    /// Opens a session for `user`, to last from `now` until `expires`. `false`, and nothing done, if
    /// there is no such user or a session with that token. A user's sessions past
    /// [`SESSIONS_PER_USER`](crate::limits::SESSIONS_PER_USER) end, the oldest first.
    fn open_session(&self, token: SessionToken, user: &str, now: Timestamp, expires: Timestamp) -> Result<bool, Error>;

    /// Finds the session that is live at `now` and moves its end to `expires`, never to an earlier
    /// one. Answers whose it is, `None` if there is none; a look-up that finds none leaves no trace.
    fn use_session(
        &self,
        token: &SessionToken,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error>;

    /// Finds the session that is live at `now` and ends it. Answers whose it was.
    fn close_session(&self, token: &SessionToken, now: Timestamp) -> Result<Option<Arc<Profile>>, Error>;

    /// Each user with a session that is live at `now`, once, in order of the opening of the oldest
    /// one of theirs that still lives.
    fn active_users(&self, now: Timestamp) -> Result<Vec<UserName>, Error>;

    /// Appends a message to the mailbox of `to`. `false`, and nothing done, if there is no such user.
    /// Messages are taken in the order in which they were appended.
    fn append(&self, to: &str, from: &Arc<Profile>, text: &str) -> Result<bool, Error>;

    /// Everything behind the cursor of `user`'s mailbox, and moves it: of two readers, each message
    /// goes to exactly one. Empty if there is no such user.
    fn take_unread(&self, user: &str) -> Result<Inbox, Error>;
}
