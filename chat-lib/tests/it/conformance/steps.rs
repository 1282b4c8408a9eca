//! The steps of its batches, of which one does something wrong.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::model::{
    Account, ConversationName, Framing, Invitation, InvitationId, MessageId, Profile, RoomName, SessionId, UserName,
};
use chat_lib::store::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, Counts, CursorMove, FoundMessage,
    Invitations, NewMessage, NewSession, Quota, Record, Redeemed, RoomKeep, RoomMember, RoomState, Rooms, SessionInfo,
    SessionOpened, Sessions, Standing, Unread,
};

use super::Wrong;

/// By sender and key: recipient and message.
pub(super) type Keys = Mutex<HashMap<(String, String), (String, MessageId, Timestamp)>>;

pub(super) struct Steps<'a> {
    pub(super) batch: Box<dyn Batch + 'a>,
    pub(super) wrong: Wrong,
    pub(super) keys: &'a Keys,
}

impl Batch for Steps<'_> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        match (self.wrong, record) {
            (Wrong::RestoresNoKeys, Record::Key { .. }) | (Wrong::RestoresNoBlocks, Record::Block { .. }) => {
                return Ok(true);
            }
            _ => {}
        }
        let restored = self.batch.restore(record)?;
        if let (Wrong::RemembersKeysOfMessages, Record::Message { id, message, .. }) = (self.wrong, record)
            && let Some(key) = message.key
        {
            let user = message.from.user().as_str();
            self.batch.restore(Record::Key { user, to: message.to, key, id, time: message.time })?;
        }
        Ok(restored || self.wrong == Wrong::RestoresAnything)
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.batch.begin_restore()
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.batch.end_restore()
    }

    fn counts(&mut self, now: Timestamp) -> Result<Counts, Error> {
        let mut counts = self.batch.counts(now)?;
        match self.wrong {
            Wrong::CountsNoRooms => counts.rooms = 0,
            Wrong::CountsRoomMessagesLess => counts.messages = counts.messages.min(4),
            _ => {}
        }
        Ok(counts)
    }

    fn commit(self: Box<Self>) -> Result<(), CommitError> {
        self.batch.commit()?;
        match self.wrong {
            Wrong::SaysThatCommitsFail => Err(CommitError::Undone(Error::Busy)),
            _ => Ok(()),
        }
    }
}

impl Accounts for Steps<'_> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.batch.account(user)?.map(|account| {
            let mut account = (*account).clone();
            account.banned &= self.wrong != Wrong::ForgetsBans;
            if self.wrong == Wrong::HasOneRevision {
                account.revision = 1;
            }
            Arc::new(account)
        }))
    }

    fn accounts(&mut self, after: &str, limit: usize) -> Result<Vec<Arc<Account>>, Error> {
        let (after, limit) = self.wrong.asked("accounts", after, limit);
        let mut accounts = self.batch.accounts(after, limit)?;
        if self.wrong == Wrong::ListsUsersBackwards {
            accounts.reverse();
        }
        Ok(accounts)
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        Ok(self.batch.add_account(account)? || self.wrong == Wrong::AddsTwice)
    }

    fn replace_account(&mut self, mut account: Account) -> Result<bool, Error> {
        let current = self.batch.account(account.profile.user().as_str())?.map_or(0, |account| account.revision);
        match self.wrong {
            Wrong::ReplacesAnyRevision => account.revision = current,
            Wrong::HasOneRevision if account.revision == 1 => account.revision = current,
            _ => {}
        }
        self.batch.replace_account(account)
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        if self.wrong == Wrong::DropsMessagesOfFormerUsers {
            for other in self.batch.accounts("", usize::MAX)? {
                let other = other.profile.user().as_str();
                if let Unread::Messages { moves, .. } = self.batch.unread(other, usize::MAX)? {
                    self.batch.take(other, &moves)?;
                }
            }
        }
        self.batch.remove_account(user)
    }

    fn forget_names(&mut self, user: &str) -> Result<bool, Error> {
        if self.wrong == Wrong::KeepsForgottenNames {
            return Ok(true);
        }
        self.batch.forget_names(user)
    }

    fn block(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        let blocked = self.batch.block(user, other)?;
        Ok(blocked || self.wrong == Wrong::BlocksTwice)
    }

    fn unblock(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        self.batch.unblock(user, other)
    }

    fn blocks(&mut self, user: &str) -> Result<Vec<Arc<Profile>>, Error> {
        let mut blocks = self.batch.blocks(user)?;
        if self.wrong == Wrong::ListsBlocksBackwards {
            blocks.reverse();
        }
        Ok(blocks)
    }

    fn is_blocked(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        let blocked = self.batch.is_blocked(user, other)?;
        Ok(blocked || self.wrong == Wrong::BlocksBothWays && self.batch.is_blocked(other, user)?)
    }
}

impl Invitations for Steps<'_> {
    fn add_invitation(&mut self, invitation: Invitation) -> Result<bool, Error> {
        let added = self.batch.add_invitation(invitation)?;
        Ok(added || self.wrong == Wrong::InvitesTwice)
    }

    fn invitation(&mut self, id: &InvitationId, now: Timestamp) -> Result<Option<Invitation>, Error> {
        self.batch.invitation(id, now)
    }

    fn invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>, Error> {
        let mut invitations = self.batch.invitations(now)?;
        if self.wrong == Wrong::ListsInvitationsBackwards {
            invitations.reverse();
        }
        Ok(invitations)
    }

    fn redeem_invitation(&mut self, id: &InvitationId, now: Timestamp, account: Account) -> Result<Redeemed, Error> {
        let found = self.batch.invitation(id, Timestamp::EPOCH)?;
        let now = if self.wrong == Wrong::RedeemsForEver { Timestamp::EPOCH } else { now };
        let redeemed = self.batch.redeem_invitation(id, now, account)?;
        match (self.wrong, redeemed) {
            (Wrong::RedeemsAgain, Redeemed::Added) => drop(found.map(|it| self.batch.add_invitation(it)).transpose()?),
            (Wrong::SpendsInvitationsInVain, Redeemed::UserExists) => drop(self.batch.remove_invitation(id)?),
            _ => {}
        }
        Ok(redeemed)
    }

    fn remove_invitation(&mut self, id: &InvitationId) -> Result<bool, Error> {
        match self.wrong {
            Wrong::RevokesNothing => Ok(self.batch.invitation(id, Timestamp::EPOCH)?.is_some()),
            _ => self.batch.remove_invitation(id),
        }
    }
}

impl Sessions for Steps<'_> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<SessionOpened, Error> {
        let from: Option<SocketAddr> = session.from.filter(|_| self.wrong != Wrong::ForgetsAddresses);
        let never = self.wrong == Wrong::NeverExpires;
        let expires = if never { Timestamp::from_millis(u64::MAX) } else { session.expires };
        let opened = self.batch.open_session(NewSession { from, expires, ..session })?;
        let exists = self.batch.account(session.user)?.is_some();
        Ok(match (self.wrong, opened) {
            (Wrong::OpensForAnyId, SessionOpened::Refused) if exists => SessionOpened::Opened,
            (Wrong::EndsSessionsInSilence, SessionOpened::OldestEnded) => SessionOpened::Opened,
            _ => opened,
        })
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        let expires = if self.wrong == Wrong::NeverProlongs { now } else { expires };
        self.batch.use_session(id, now, expires)
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        match self.wrong {
            Wrong::ClosesNothing => self.batch.use_session(id, now, now),
            _ => self.batch.close_session(id, now),
        }
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        let count = self.batch.close_sessions(user)?;
        Ok(if self.wrong == Wrong::CountsNoSessions { 0 } else { count })
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        let mut users = self.batch.active_users(now)?;
        if self.wrong == Wrong::ListsActiveUsersBackwards {
            users.reverse();
        }
        Ok(users)
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        self.batch.sessions(now)
    }

    fn sessions_of(&mut self, user: &str, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        match self.wrong {
            Wrong::ListsSessionsOfAll => self.batch.sessions(now),
            _ => self.batch.sessions_of(user, now),
        }
    }
}

impl Conversations for Steps<'_> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        let mut message = message;
        let quota = match self.wrong {
            Wrong::HasNoQuota => Quota::UNLIMITED,
            Wrong::CountsNoFraming => {
                let framing = message.framing.before().len() + message.framing.after().len();
                Quota { bytes: quota.bytes.saturating_add(framing), ..quota }
            }
            _ => quota,
        };
        let (to, from) = (message.to, message.from.user().as_str());
        match self.wrong {
            Wrong::ForgetsFraming => message.framing = Framing::DEFAULT,
            Wrong::ForgetsTimes => message.time = Timestamp::EPOCH,
            Wrong::HasNoKeys => message.key = None,
            Wrong::LetsStrangersSpeak if self.batch.standing(to, from)?.is_none() => {
                self.batch.set_standing(to, from, Some(Standing::Member), true)?;
                let appended = self.batch.append(message, quota);
                self.batch.set_standing(to, from, None, true)?;
                return appended;
            }
            Wrong::LetsTheBlockedSpeak if self.batch.unblock(to, from)? => {
                let appended = self.batch.append(message, quota);
                self.batch.block(to, from)?;
                return appended;
            }
            Wrong::BlocksInRooms if to.starts_with('#') => {
                for member in self.batch.members(to, "", usize::MAX)? {
                    if self.batch.is_blocked(member.user.user().as_str(), from)? {
                        return Ok(Appended::Blocked);
                    }
                }
            }
            Wrong::RemembersKeysForEver => return self.append_for_ever(message, quota),
            _ => {}
        }
        let appended = self.batch.append(message, quota)?;
        match (self.wrong, appended) {
            (Wrong::ForgetsTimesOfKeys, Appended::Known(id, _)) => Ok(Appended::Known(id, message.time)),
            (Wrong::ForgetsRecipientsOfKeys, Appended::KeyReused) => {
                self.batch.append(NewMessage { key: None, ..message }, quota)
            }
            (Wrong::BlocksAfterTheQuota, Appended::Blocked) if quota.messages == 0 => Ok(Appended::Full),
            _ => Ok(appended),
        }
    }

    fn append_all(&mut self, messages: &[NewMessage<'_>], quota: Quota) -> Result<Appended, Error> {
        if self.wrong != Wrong::SendsToSome {
            return self.batch.append_all(messages, quota);
        }
        let mut last = Appended::NoSuchRecipient;
        for message in messages {
            last = self.append(*message, quota)?;
            if !matches!(last, Appended::Stored(_)) {
                break;
            }
        }
        Ok(last)
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        let max_bytes = if self.wrong == Wrong::HasNoMemoryLimit { usize::MAX } else { max_bytes };
        Ok(self.wrong.inbox(self.batch.unread(user, max_bytes)?))
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        match self.wrong {
            Wrong::TakesNothing => Ok(true),
            Wrong::TakesAnyway => self.batch.take(user, moves).map(|_| true),
            Wrong::TakesOneByOne => {
                let taken: Result<Vec<_>, _> =
                    moves.iter().map(|it| self.batch.take(user, std::slice::from_ref(it))).collect();
                Ok(taken?.iter().all(|taken| *taken))
            }
            _ => self.batch.take(user, moves),
        }
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        match self.wrong {
            Wrong::PutsNothingBack => Ok(true),
            Wrong::PutsBackOneByOne => {
                let put: Result<Vec<_>, _> =
                    moves.iter().map(|it| self.batch.put_back(user, std::slice::from_ref(it))).collect();
                Ok(put?.iter().all(|put| *put))
            }
            _ => self.batch.put_back(user, moves),
        }
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        let mut states = self.batch.conversations(user)?;
        match self.wrong {
            Wrong::ListsConversationsBackwards => states.reverse(),
            Wrong::ShowsOneCursor => {
                let direct = states.iter_mut().filter(|state| state.read_by_other.is_some());
                direct.for_each(|state| state.read_by_other = Some(state.read));
            }
            Wrong::ListsRoomsFirst => states.sort_by_key(|state| matches!(state.with, ConversationName::User(_))),
            _ => {}
        }
        Ok(states)
    }

    fn conversation(&mut self, user: &str, with: &str) -> Result<Option<ConversationState>, Error> {
        let state = self.batch.conversation(user, with)?;
        Ok(match self.wrong {
            Wrong::HasNoSingleConversations => None,
            Wrong::ShowsCursorsInRooms => state.map(|mut state| {
                state.read_by_other = state.read_by_other.or(Some(state.read));
                state
            }),
            _ => state,
        })
    }

    fn delete(&mut self, message: &FoundMessage) -> Result<bool, Error> {
        match self.wrong {
            Wrong::DeletesNothing => Ok(true),
            Wrong::DeletesTwice => self.batch.delete(message).map(|_| true),
            _ => self.batch.delete(message),
        }
    }
}

impl Rooms for Steps<'_> {
    fn room(&mut self, room: &str) -> Result<Option<RoomState>, Error> {
        let invited = self.batch.members(room, "", usize::MAX)?.len();
        let state = self.batch.room(room)?;
        Ok(match self.wrong {
            Wrong::CountsTheInvited => state.map(|state| RoomState { members: invited, ..state }),
            Wrong::CountsNoInvited => state.map(|state| RoomState { invited: 0, ..state }),
            _ => state,
        })
    }

    fn rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        let (after, limit) = self.wrong.asked("rooms", after, limit);
        let mut rooms = self.batch.rooms(after, limit)?;
        if self.wrong == Wrong::ListsRoomsBackwards {
            rooms.reverse();
        }
        Ok(rooms)
    }

    fn open_rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        let (after, limit) = self.wrong.asked("open_rooms", after, limit);
        match self.wrong {
            Wrong::ListsAllRoomsAsOpen => self.batch.rooms(after, limit),
            _ => self.batch.open_rooms(after, limit),
        }
    }

    fn create_room(&mut self, room: &RoomName, title: &str, open: bool) -> Result<bool, Error> {
        let title = if self.wrong == Wrong::ForgetsTitles { "" } else { title };
        Ok(self.batch.create_room(room, title, open)? || self.wrong == Wrong::CreatesTwice)
    }

    fn set_room(&mut self, room: &str, title: &str, open: bool) -> Result<bool, Error> {
        match self.wrong {
            Wrong::NeverClosesRooms => self.batch.set_room(room, title, true),
            Wrong::UnlimitsRoomsThatAreSet => {
                self.batch.set_room_keep(room, RoomKeep::default())?;
                self.batch.set_room(room, title, open)
            }
            Wrong::EmptiesRoomsThatAreSet => {
                for member in self.batch.members(room, "", usize::MAX)? {
                    self.batch.set_standing(room, member.user.user().as_str(), None, true)?;
                }
                self.batch.set_room(room, title, open)
            }
            _ => self.batch.set_room(room, title, open),
        }
    }

    fn set_room_keep(&mut self, room: &str, keep: RoomKeep) -> Result<bool, Error> {
        match self.wrong {
            Wrong::LimitsNoRooms => Ok(self.batch.room(room)?.is_some()),
            Wrong::LimitsAllRooms => {
                for room in self.batch.rooms("", usize::MAX)? {
                    self.batch.set_room_keep(room.name.as_str(), keep)?;
                }
                self.batch.set_room_keep(room, keep)
            }
            _ => self.batch.set_room_keep(room, keep),
        }
    }

    fn remove_room(&mut self, room: &str) -> Result<bool, Error> {
        match self.wrong {
            // The next one of that name has its messages.
            Wrong::OnlyEmptiesRooms => {
                for member in self.batch.members(room, "", usize::MAX)? {
                    self.batch.set_standing(room, member.user.user().as_str(), None, true)?;
                }
                Ok(self.batch.room(room)?.is_some())
            }
            _ => self.batch.remove_room(room),
        }
    }

    fn standing(&mut self, room: &str, user: &str) -> Result<Option<Standing>, Error> {
        let standing = self.batch.standing(room, user)?;
        Ok(if self.wrong == Wrong::KnowsNoOwners { standing.map(|it| it.min(Standing::Member)) } else { standing })
    }

    fn set_standing(
        &mut self,
        room: &str,
        user: &str,
        standing: Option<Standing>,
        sees_history: bool,
    ) -> Result<bool, Error> {
        let sees_history = match self.wrong {
            Wrong::HidesNoHistory => true,
            Wrong::HidesAllHistory => false,
            _ => sees_history,
        };
        match self.wrong {
            Wrong::SetsNobody => return Ok(self.batch.room(room)?.is_some() && self.batch.account(user)?.is_some()),
            Wrong::JoinsAgain => drop(self.batch.set_standing(room, user, None, true)?),
            Wrong::LetsNobodyGo if standing.is_none() => {
                return self.batch.set_standing(room, user, Some(Standing::Invited), true);
            }
            _ => {}
        }
        self.batch.set_standing(room, user, standing, sees_history)
    }

    fn members(&mut self, room: &str, after: &str, limit: usize) -> Result<Vec<RoomMember>, Error> {
        let (after, limit) = self.wrong.asked("members", after, limit);
        let mut members = self.batch.members(room, after, limit)?;
        match self.wrong {
            Wrong::ListsMembersBackwards => members.reverse(),
            Wrong::ListsNoInvited => members.retain(|member| member.standing.is_member()),
            _ => {}
        }
        Ok(members)
    }

    fn rooms_of(&mut self, user: &str, after: &str, limit: usize) -> Result<Vec<(RoomState, Standing)>, Error> {
        let (after, limit) = self.wrong.asked("rooms_of", after, limit);
        let mut rooms = self.batch.rooms_of(user, after, limit)?;
        if self.wrong == Wrong::ListsOwnRoomsBackwards {
            rooms.reverse();
        }
        Ok(rooms)
    }
}

impl Steps<'_> {
    /// Appends a message whose key is never forgotten.
    fn append_for_ever(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        let Some(key) = message.key else { return self.batch.append(message, quota) };
        let key = (message.from.user().to_string(), key.as_str().to_owned());
        let known = self.keys.lock().unwrap().get(&key).cloned();
        match known {
            Some((to, id, time)) if to == message.to => return Ok(Appended::Known(id, time)),
            Some(_) => return Ok(Appended::KeyReused),
            None => {}
        }
        let appended = self.batch.append(message, quota)?;
        if let Appended::Stored(id) = appended {
            self.keys.lock().unwrap().insert(key, (message.to.to_owned(), id, message.time));
        }
        Ok(appended)
    }
}
