//! The steps of the store contract, done on the index. Both engines do them here; each says how the index is reached, and
//! what else belongs to the few steps that concern the log.

use std::sync::Arc;

use super::index::Index;
use super::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, Counts, CursorMove, FoundMessage,
    Invitations, NewMessage, NewSession, Quota, Record, Redeemed, RoomKeep, RoomMember, RoomState, Rooms, SessionInfo,
    SessionOpened, Sessions, Standing, Unread, new_epoch, restore,
};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Invitation, InvitationId, Profile, RoomName, SessionId, UserName};

/// A batch of an engine that stands on the index.
pub(super) trait IndexBatch {
    /// Does a step on the index, which nobody else uses meanwhile. Fails if the engine does no steps now.
    fn index<T>(&mut self, step: impl FnOnce(&mut Index) -> T) -> Result<T, Error>;

    /// As [`index`](Self::index), for a step that may append messages.
    fn append<T>(&mut self, step: impl FnOnce(&mut Index) -> Result<T, Error>) -> Result<T, Error>;

    /// Marks messages as read, which may then be dropped.
    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error>;

    /// Takes note that so many bytes of messages may be dropped.
    fn dropped(&mut self, bytes: usize);

    /// Commits all steps.
    fn commit(self) -> Result<(), CommitError>;
}

/// The steps of such a batch.
pub(super) struct Steps<B>(pub(super) B);

impl<B: IndexBatch> Accounts for Steps<B> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        self.0.index(|index| index.account(user))
    }

    fn accounts(&mut self, after: &str, limit: usize) -> Result<Vec<Arc<Account>>, Error> {
        self.0.index(|index| index.accounts(after, limit))
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        self.0.index(|index| index.add_account(account))
    }

    fn replace_account(&mut self, account: Account) -> Result<bool, Error> {
        self.0.index(|index| index.replace_account(account))
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        let removed = self.0.index(|index| index.remove_account(user))?;
        removed.iter().for_each(|bytes| self.0.dropped(*bytes));
        Ok(removed.is_some())
    }

    fn forget_names(&mut self, user: &str) -> Result<bool, Error> {
        self.0.index(|index| index.forget_names(user))
    }

    fn block(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.0.index(|index| index.block(user, other))
    }

    fn unblock(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.0.index(|index| index.unblock(user, other))
    }

    fn blocks(&mut self, user: &str) -> Result<Vec<Arc<Profile>>, Error> {
        self.0.index(|index| index.blocked(user))
    }

    fn is_blocked(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.0.index(|index| index.is_blocked(user, other))
    }
}

impl<B: IndexBatch> Invitations for Steps<B> {
    fn add_invitation(&mut self, invitation: Invitation) -> Result<bool, Error> {
        self.0.index(|index| index.add_invitation(invitation))
    }

    fn invitation(&mut self, id: &InvitationId, now: Timestamp) -> Result<Option<Invitation>, Error> {
        self.0.index(|index| index.invitation(id, now))
    }

    fn invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>, Error> {
        self.0.index(|index| index.invitations(Some(now)))
    }

    fn redeem_invitation(&mut self, id: &InvitationId, now: Timestamp, account: Account) -> Result<Redeemed, Error> {
        self.0.index(|index| index.redeem_invitation(id, now, account))
    }

    fn remove_invitation(&mut self, id: &InvitationId) -> Result<bool, Error> {
        self.0.index(|index| index.remove_invitation(id))
    }
}

impl<B: IndexBatch> Sessions for Steps<B> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<SessionOpened, Error> {
        self.0.index(|index| index.open_session(&session))
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        self.0.index(|index| index.use_session(id, now, expires))
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        self.0.index(|index| index.close_session(id, now))
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        self.0.index(|index| index.close_sessions(user))
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        self.0.index(|index| index.active_users(now))
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        self.0.index(|index| index.live_sessions(now))
    }

    fn sessions_of(&mut self, user: &str, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        self.0.index(|index| index.sessions_of(user, now))
    }
}

impl<B: IndexBatch> Conversations for Steps<B> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        self.0.append(|index| index.append(&message, quota))
    }

    fn append_all(&mut self, messages: &[NewMessage<'_>], quota: Quota) -> Result<Appended, Error> {
        self.0.append(|index| index.append_all(messages, quota))
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.0.index(|index| index.unread_step(user, max_bytes))?
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.0.take(user, moves)
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.0.index(|index| index.put_back(user, moves))
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        self.0.index(|index| index.conversations(user))
    }

    fn conversation(&mut self, user: &str, with: &str) -> Result<Option<ConversationState>, Error> {
        self.0.index(|index| index.conversation(user, with))
    }

    fn delete(&mut self, message: &FoundMessage) -> Result<bool, Error> {
        self.0.index(|index| index.delete(message))
    }
}

impl<B: IndexBatch> Rooms for Steps<B> {
    fn room(&mut self, room: &str) -> Result<Option<RoomState>, Error> {
        self.0.index(|index| index.room(room))
    }

    fn rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        self.0.index(|index| index.rooms(after, limit))
    }

    fn open_rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        self.0.index(|index| index.open_rooms(after, limit))
    }

    fn create_room(&mut self, room: &RoomName, title: &str, open: bool) -> Result<bool, Error> {
        self.0.index(|index| index.create_room(room, title, open))
    }

    fn set_room(&mut self, room: &str, title: &str, open: bool) -> Result<bool, Error> {
        self.0.index(|index| index.set_room(room, title, open))
    }

    fn set_room_keep(&mut self, room: &str, keep: RoomKeep) -> Result<bool, Error> {
        self.0.index(|index| index.set_room_keep(room, keep))
    }

    fn remove_room(&mut self, room: &str) -> Result<bool, Error> {
        let removed = self.0.index(|index| index.remove_room(room))?;
        if removed {
            // How many bytes its messages have is not known.
            self.0.dropped(0);
        }
        Ok(removed)
    }

    fn standing(&mut self, room: &str, user: &str) -> Result<Option<Standing>, Error> {
        self.0.index(|index| index.standing(room, user))
    }

    fn set_standing(
        &mut self,
        room: &str,
        user: &str,
        standing: Option<Standing>,
        sees_history: bool,
    ) -> Result<bool, Error> {
        self.0.index(|index| index.set_standing(room, user, standing, sees_history))
    }

    fn members(&mut self, room: &str, after: &str, limit: usize) -> Result<Vec<RoomMember>, Error> {
        self.0.index(|index| index.members(room, after, limit))
    }

    fn rooms_of(&mut self, user: &str, after: &str, limit: usize) -> Result<Vec<(RoomState, Standing)>, Error> {
        self.0.index(|index| index.rooms_of(user, after, limit))
    }
}

impl<B: IndexBatch> Batch for Steps<B> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        self.0.append(|index| restore(index, record))
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.0.index(Index::begin_restore)?;
        Ok(())
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.0.index(|index| index.end_restore(new_epoch()))?;
        Ok(())
    }

    fn counts(&mut self, now: Timestamp) -> Result<Counts, Error> {
        self.0.index(|index| index.counts(now))
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        self.0.commit()
    }
}
