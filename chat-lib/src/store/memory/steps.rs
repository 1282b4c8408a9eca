//! The steps of the store contract on a chat in memory.

use std::sync::Arc;

use super::{Memory, State};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Profile, SessionId, UserName};
use crate::store::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, CursorMove, NewMessage, NewSession,
    Quota, Record, SessionInfo, Sessions, Unread, new_epoch, restore,
};

/// A batch: steps take effect at once, because the commit cannot fail; but readers see a message only then.
pub(super) struct Steps<'a> {
    pub(super) memory: &'a Memory,
    pub(super) appended: bool,
}

impl Accounts for Steps<'_> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.memory.state().index.account(user))
    }

    fn accounts(&mut self) -> Result<Vec<Arc<Account>>, Error> {
        Ok(self.memory.state().index.accounts())
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.memory.state().index.add_account(account))
    }

    fn replace_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.memory.state().index.replace_account(account))
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        Ok(self.memory.state().index.remove_account(user).is_some())
    }
}

impl Sessions for Steps<'_> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<bool, Error> {
        Ok(self.memory.state().index.open_session(&session))
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.memory.state().index.use_session(id, now, expires))
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.memory.state().index.close_session(id, now))
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        Ok(self.memory.state().index.close_sessions(user))
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        Ok(self.memory.state().index.active_users(now))
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        Ok(self.memory.state().index.live_sessions(now))
    }
}

impl Conversations for Steps<'_> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        self.appended = true;
        self.memory.state().append(|index| index.append(&message, quota))
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.memory.state().index.unread_step(user, max_bytes)
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        Ok(self.memory.state().index.take(user, moves))
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        Ok(self.memory.state().index.put_back(user, moves))
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        Ok(self.memory.state().index.conversations(user))
    }
}

impl Batch for Steps<'_> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        self.appended = true;
        self.memory.state().append(|index| restore(index, record))
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.memory.state().index.begin_restore();
        Ok(())
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.memory.state().index.end_restore(new_epoch());
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        Ok(())
    }
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        if self.appended {
            let State { index, .. } = &mut *self.memory.state();
            index.committed = index.tail.last();
        }
    }
}
