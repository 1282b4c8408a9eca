//! The steps of the store contract: each is done on the index in memory, and their commit writes what they have changed.

use std::sync::Arc;
use std::time::Instant;

use super::commit::Open;
use super::core::Core;
use super::upkeep::Upkeep;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Profile, SessionId, UserName};
use crate::store::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, CursorMove, NewMessage, NewSession,
    Quota, Record, SessionInfo, Sessions, Unread, new_epoch, restore,
};

/// A batch of the durable engine.
pub(super) struct Steps<'a> {
    core: &'a Core,
    upkeep: Option<&'a Upkeep>,
    open: Open<'a>,
}

impl<'a> Steps<'a> {
    pub(super) fn begin(core: &'a Core, upkeep: Option<&'a Upkeep>) -> Self {
        Self { core, upkeep, open: core.group.begin() }
    }

    /// Takes note of bytes of messages that may be dropped now.
    fn was_read(&self, bytes: usize) {
        self.upkeep.iter().for_each(|upkeep| upkeep.read(bytes));
    }
}

impl Accounts for Steps<'_> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.core.state().index.account(user))
    }

    fn accounts(&mut self) -> Result<Vec<Arc<Account>>, Error> {
        Ok(self.core.state().index.accounts())
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.core.state().index.add_account(account))
    }

    fn replace_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.core.state().index.replace_account(account))
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        let removed = self.core.state().index.remove_account(user);
        removed.iter().for_each(|bytes| self.was_read(*bytes));
        Ok(removed.is_some())
    }
}

impl Sessions for Steps<'_> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<bool, Error> {
        Ok(self.core.state().index.open_session(&session))
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.core.state().index.use_session(id, now, expires))
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.core.state().index.close_session(id, now))
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        Ok(self.core.state().index.close_sessions(user))
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        Ok(self.core.state().index.active_users(now))
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        Ok(self.core.state().index.live_sessions(now))
    }
}

impl Conversations for Steps<'_> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        self.core.state().index.append(&message, quota)
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.core.state().index.unread_step(user, max_bytes)
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        let taken = {
            let mut held = self.core.state();
            let taken = held.index.take(user, moves);
            if taken {
                held.takes.add(moves, Instant::now());
            }
            taken
        };
        if taken {
            self.was_read(moves.iter().map(|step| step.bytes).sum());
        }
        Ok(taken)
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        Ok(self.core.state().index.put_back(user, moves))
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        Ok(self.core.state().index.conversations(user))
    }
}

impl Batch for Steps<'_> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        restore(&mut self.core.state().index, record)
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.core.state().index.begin_restore();
        Ok(())
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.core.state().index.end_restore(new_epoch());
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        let Self { core, upkeep, open } = *self;
        core.group.commit(open)?;
        upkeep.iter().for_each(|upkeep| upkeep.committed());
        Ok(())
    }
}
