//! The steps of the store contract, done on the index. Both engines do them here; each says how the index is reached, and
//! what else belongs to the few steps that concern the log.

use std::sync::Arc;

use super::index::Index;
use super::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, CursorMove, NewMessage, NewSession,
    Quota, Record, SessionInfo, Sessions, Unread, new_epoch, restore,
};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Profile, SessionId, UserName};

/// A batch of an engine that stands on the index.
pub(super) trait IndexBatch {
    /// Does a step on the index, which nobody else uses meanwhile.
    fn index<T>(&mut self, step: impl FnOnce(&mut Index) -> T) -> T;

    /// As [`index`](Self::index), for a step that may append messages.
    fn append<T>(&mut self, step: impl FnOnce(&mut Index) -> Result<T, Error>) -> Result<T, Error>;

    /// Marks messages as read, which may then be dropped.
    fn take(&mut self, user: &str, moves: &[CursorMove]) -> bool;

    /// Takes note that so many bytes of messages may be dropped.
    fn dropped(&mut self, bytes: usize);

    /// Commits all steps.
    fn commit(self) -> Result<(), CommitError>;
}

/// The steps of such a batch.
pub(super) struct Steps<B>(pub(super) B);

impl<B: IndexBatch> Accounts for Steps<B> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.0.index(|index| index.account(user)))
    }

    fn accounts(&mut self) -> Result<Vec<Arc<Account>>, Error> {
        Ok(self.0.index(|index| index.accounts()))
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.0.index(|index| index.add_account(account)))
    }

    fn replace_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.0.index(|index| index.replace_account(account)))
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        let removed = self.0.index(|index| index.remove_account(user));
        removed.iter().for_each(|bytes| self.0.dropped(*bytes));
        Ok(removed.is_some())
    }
}

impl<B: IndexBatch> Sessions for Steps<B> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<bool, Error> {
        Ok(self.0.index(|index| index.open_session(&session)))
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.0.index(|index| index.use_session(id, now, expires)))
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        Ok(self.0.index(|index| index.close_session(id, now)))
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        Ok(self.0.index(|index| index.close_sessions(user)))
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        Ok(self.0.index(|index| index.active_users(now)))
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        Ok(self.0.index(|index| index.live_sessions(now)))
    }
}

impl<B: IndexBatch> Conversations for Steps<B> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        self.0.append(|index| index.append(&message, quota))
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.0.index(|index| index.unread_step(user, max_bytes))
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        Ok(self.0.take(user, moves))
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        Ok(self.0.index(|index| index.put_back(user, moves)))
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        Ok(self.0.index(|index| index.conversations(user)))
    }
}

impl<B: IndexBatch> Batch for Steps<B> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        self.0.append(|index| restore(index, record))
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.0.index(Index::begin_restore);
        Ok(())
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.0.index(|index| index.end_restore(new_epoch()));
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        self.0.commit()
    }
}
