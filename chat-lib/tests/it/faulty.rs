//! A store in memory that fails, blocks or forgets on command.

use std::sync::Arc;

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::model::{Account, Invitation, InvitationId, MessageId, Profile, RoomName, SessionId, UserName};
use chat_lib::store::{
    Accounts, Appended, Batch, CommitError, Commits, ConversationState, Conversations, Counts, CursorMove,
    FoundMessage, HistoryPage, Invitations, Memory, NewMessage, NewSession, News, Position, Quota, Record, Redeemed,
    RoomKeep, RoomMember, RoomState, Rooms, SessionInfo, SessionOpened, Sessions, Standing, Store, SyncPage, Unread,
    Visit,
};

/// What befalls a [`Faulty`] store.
pub(crate) trait Fault: Send + Sync {
    /// What a step does instead of its work.
    fn step(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What happens before somebody becomes something else in a room.
    fn before_standing(&self) {}

    /// What reading a page of all conversations gives instead of it.
    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What a commit gives instead of working. After [`CommitError::Unknown`], it has worked all the same.
    fn commit(&self) -> Result<(), CommitError> {
        Ok(())
    }

    /// What happens when a commit has worked, before its caller can do anything about it.
    fn after_commit(&self) {}

    /// Whether a commit waits for something.
    fn commit_waits(&self) -> bool {
        false
    }

    /// Whether messages are never in memory.
    fn is_on_disk(&self) -> bool {
        false
    }
}

/// A chat in memory, and what befalls it.
pub(crate) struct Faulty<F> {
    pub(crate) store: Arc<Memory>,
    pub(crate) fault: F,
}

impl<F: Fault> Store for Faulty<F> {
    fn epoch(&self) -> String {
        self.store.epoch()
    }

    fn begin(&self) -> Box<dyn Batch + '_> {
        Box::new(FaultyBatch { batch: self.store.begin(), fault: &self.fault, steps: 0 })
    }

    fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    fn commit_waits(&self) -> bool {
        self.fault.commit_waits()
    }

    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.fault.step()?;
        self.store.read_unread(user, max_bytes)
    }

    fn read_unread_room(&self, user: &str, room: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.store.read_unread_room(user, room, max_bytes)
    }

    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error> {
        self.store.read_until(user, with, upto)
    }

    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        self.store.history(user, with, position, limit)
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<SyncPage, Error> {
        self.fault.sync()?;
        self.store.sync(user, after, limit)
    }

    fn last_message(&self) -> MessageId {
        self.store.last_message()
    }

    fn news(&self, after: MessageId) -> Result<News, Error> {
        self.store.news(after)
    }

    fn find_message(&self, user: &str, id: MessageId) -> Result<Option<FoundMessage>, Error> {
        self.store.find_message(user, id)
    }

    fn find_sent(&self, user: &str, after: MessageId, limit: usize) -> Result<Vec<FoundMessage>, Error> {
        self.store.find_sent(user, after, limit)
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.store.dump(visit)
    }

    fn check(&self) -> Result<(), Error> {
        self.store.check()
    }

    fn tidy(&self) -> Result<(), Error> {
        self.store.tidy()
    }

    fn commits(&self) -> Commits {
        self.store.commits()
    }

    fn data_bytes(&self) -> u64 {
        self.store.data_bytes()
    }

    fn check_writable(&self) -> Result<(), Error> {
        self.store.check_writable()
    }
}

struct FaultyBatch<'a, F> {
    batch: Box<dyn Batch + 'a>,
    fault: &'a F,
    steps: usize,
}

impl<F: Fault> FaultyBatch<'_, F> {
    fn step(&mut self) -> Result<(), Error> {
        self.steps += 1;
        self.fault.step()
    }
}

impl<F: Fault> Batch for FaultyBatch<'_, F> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        self.batch.restore(record)
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.steps += 1;
        self.batch.begin_restore()
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.batch.end_restore()
    }

    fn counts(&mut self, now: Timestamp) -> Result<Counts, Error> {
        self.batch.counts(now)
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        // A server also commits when it has nothing to do.
        match if self.steps > 0 { self.fault.commit() } else { Ok(()) } {
            Err(CommitError::Unknown(problem)) => {
                self.batch.commit()?;
                Err(CommitError::Unknown(problem))
            }
            Err(undone) => Err(undone),
            Ok(()) => {
                self.batch.commit()?;
                if self.steps > 0 {
                    self.fault.after_commit();
                }
                Ok(())
            }
        }
    }
}

impl<F: Fault> Accounts for FaultyBatch<'_, F> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        self.step()?;
        self.batch.account(user)
    }

    fn accounts(&mut self, after: &str, limit: usize) -> Result<Vec<Arc<Account>>, Error> {
        self.batch.accounts(after, limit)
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        self.batch.add_account(account)
    }

    fn replace_account(&mut self, account: Account) -> Result<bool, Error> {
        self.batch.replace_account(account)
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        self.batch.remove_account(user)
    }

    fn forget_names(&mut self, user: &str) -> Result<bool, Error> {
        self.batch.forget_names(user)
    }

    fn block(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.batch.block(user, other)
    }

    fn unblock(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.batch.unblock(user, other)
    }

    fn blocks(&mut self, user: &str) -> Result<Vec<Arc<Profile>>, Error> {
        self.batch.blocks(user)
    }

    fn is_blocked(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.batch.is_blocked(user, other)
    }
}

impl<F: Fault> Invitations for FaultyBatch<'_, F> {
    fn add_invitation(&mut self, invitation: Invitation) -> Result<bool, Error> {
        self.step()?;
        self.batch.add_invitation(invitation)
    }

    fn invitation(&mut self, id: &InvitationId, now: Timestamp) -> Result<Option<Invitation>, Error> {
        self.batch.invitation(id, now)
    }

    fn invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>, Error> {
        self.batch.invitations(now)
    }

    fn redeem_invitation(&mut self, id: &InvitationId, now: Timestamp, account: Account) -> Result<Redeemed, Error> {
        self.step()?;
        self.batch.redeem_invitation(id, now, account)
    }

    fn remove_invitation(&mut self, id: &InvitationId) -> Result<bool, Error> {
        self.batch.remove_invitation(id)
    }
}

impl<F: Fault> Sessions for FaultyBatch<'_, F> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<SessionOpened, Error> {
        self.step()?;
        self.batch.open_session(session)
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        self.step()?;
        self.batch.use_session(id, now, expires)
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        self.step()?;
        self.batch.close_session(id, now)
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        self.batch.close_sessions(user)
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        self.step()?;
        self.batch.active_users(now)
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        self.batch.sessions(now)
    }

    fn sessions_of(&mut self, user: &str, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        self.batch.sessions_of(user, now)
    }
}

impl<F: Fault> Conversations for FaultyBatch<'_, F> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        self.step()?;
        self.batch.append(message, quota)
    }

    fn append_all(&mut self, messages: &[NewMessage<'_>], quota: Quota) -> Result<Appended, Error> {
        self.step()?;
        self.batch.append_all(messages, quota)
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.step()?;
        match self.fault.is_on_disk() {
            true => Ok(Unread::WouldBlock),
            false => self.batch.unread(user, max_bytes),
        }
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.step()?;
        self.batch.take(user, moves)
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.batch.put_back(user, moves)
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        self.batch.conversations(user)
    }

    fn conversation(&mut self, user: &str, with: &str) -> Result<Option<ConversationState>, Error> {
        self.batch.conversation(user, with)
    }

    fn delete(&mut self, message: &FoundMessage) -> Result<bool, Error> {
        self.batch.delete(message)
    }
}

impl<F: Fault> Rooms for FaultyBatch<'_, F> {
    fn room(&mut self, room: &str) -> Result<Option<RoomState>, Error> {
        self.batch.room(room)
    }

    fn rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        self.batch.rooms(after, limit)
    }

    fn open_rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        self.batch.open_rooms(after, limit)
    }

    fn create_room(&mut self, room: &RoomName, title: &str, open: bool) -> Result<bool, Error> {
        self.batch.create_room(room, title, open)
    }

    fn set_room(&mut self, room: &str, title: &str, open: bool) -> Result<bool, Error> {
        self.batch.set_room(room, title, open)
    }

    fn set_room_keep(&mut self, room: &str, keep: RoomKeep) -> Result<bool, Error> {
        self.batch.set_room_keep(room, keep)
    }

    fn remove_room(&mut self, room: &str) -> Result<bool, Error> {
        self.batch.remove_room(room)
    }

    fn standing(&mut self, room: &str, user: &str) -> Result<Option<Standing>, Error> {
        self.batch.standing(room, user)
    }

    fn set_standing(
        &mut self,
        room: &str,
        user: &str,
        standing: Option<Standing>,
        sees_history: bool,
    ) -> Result<bool, Error> {
        self.fault.before_standing();
        self.batch.set_standing(room, user, standing, sees_history)
    }

    fn members(&mut self, room: &str, after: &str, limit: usize) -> Result<Vec<RoomMember>, Error> {
        self.batch.members(room, after, limit)
    }

    fn rooms_of(&mut self, user: &str, after: &str, limit: usize) -> Result<Vec<(RoomState, Standing)>, Error> {
        self.steps += 1;
        self.batch.rooms_of(user, after, limit)
    }
}
