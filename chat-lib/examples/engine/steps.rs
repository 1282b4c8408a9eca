//! Batches, and the steps about users and sessions: each checks what it was asked for, and then makes changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, MutexGuard};

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::limits::SESSIONS_PER_USER;
use chat_lib::model::{Account, Invitation, InvitationId, MessageId, MessageKey, Profile, SessionId, UserName};
use chat_lib::store::{
    Accounts, Batch, CommitError, Counts, Invitations, NewSession, Record, Redeemed, RoomMembership, Rooms,
    SessionInfo, SessionOpened, Sessions, Standing,
};

use super::change::{Change, Kind, Member};
use super::state::{Session, State};
use super::{Inner, new_epoch};

/// A batch: what it has changed is in the state already, and still to be written.
pub(crate) struct Steps<'a> {
    pub(crate) inner: MutexGuard<'a, Inner>,
    pub(crate) changes: Vec<Change>,
}

impl Steps<'_> {
    pub(crate) fn state(&mut self) -> Result<&mut State, Error> {
        // With changes that are not written, reading the log would lose them.
        if self.changes.is_empty() {
            self.inner.recover()?;
        }
        Ok(&mut self.inner.state)
    }

    pub(crate) fn change(&mut self, change: Change) -> Result<(), Error> {
        self.inner.state.apply(&change)?;
        self.changes.push(change);
        Ok(())
    }

    /// Sets what a user is in a conversation: the standing, and then the messages after which it is seen and read.
    pub(crate) fn set_member(
        &mut self,
        conversation: u64,
        user: &str,
        member: Option<(Standing, (MessageId, MessageId))>,
    ) -> Result<(), Error> {
        let member = member.map(|(standing, (since, read))| Member { standing, since: since.get(), read: read.get() });
        self.change(Change::Member { conversation, user: user.to_owned(), member })
    }

    pub(crate) fn remember(
        &mut self,
        user: &str,
        to: &str,
        key: &MessageKey,
        id: MessageId,
        time: Timestamp,
    ) -> Result<(), Error> {
        let [user, to, key] = [user, to, key.as_str()].map(str::to_owned);
        self.change(Change::Key { user, to, key, id: id.get(), time: time.as_millis() })
    }
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        // Nobody will commit these changes.
        self.inner.stale |= !self.changes.is_empty();
    }
}

impl Batch for Steps<'_> {
    fn restore(&mut self, record: Record<'_>) -> Result<bool, Error> {
        let state = self.state()?;
        match record {
            Record::Account(account) => return self.add_account(account.clone()),
            Record::Invitation(invitation) => return self.add_invitation(*invitation),
            Record::Block { user, blocked } => return self.block(user, blocked),
            Record::Conversation(members) => {
                if !members.iter().all(|member| state.users.contains_key(member.user)) {
                    return Ok(false);
                }
                let members: Vec<_> = members.iter().map(|member| (member.user, member.read)).collect();
                self.begin_conversation(&members, Kind::Direct)?;
            }
            Record::Room { name, title, open, keep, members } => {
                let exist = members.iter().all(|member| state.users.contains_key(member.user));
                if !exist || !self.create_room(name, title, open)? {
                    return Ok(false);
                }
                self.set_room_keep(name.as_str(), keep)?;
                let number = self.state()?.room(name.as_str()).map_or(0, |room| room.number);
                for RoomMembership { user, standing, since, read } in members {
                    self.set_member(number, user, Some((*standing, (*since, *read))))?;
                }
            }
            Record::Message { id, message, from_former_user, deleted } => {
                let (to, from) = (message.to, message.from.user().as_str());
                let (is_later, is_sender) = (state.last < id, from_former_user || state.users.contains_key(from));
                let conversation = match state.room(to) {
                    Some(room) => Some(room).filter(|_| is_sender),
                    None => state.with(to, from).filter(|_| !from_former_user),
                };
                let number = match conversation.map(|conversation| conversation.number) {
                    Some(number) if is_later => number,
                    None if is_later && from_former_user && state.users.contains_key(to) => {
                        self.begin_conversation(&[(to, MessageId::NONE)], Kind::Former)?
                    }
                    _ => return Ok(false),
                };
                self.say(id, number, message, from_former_user, deleted)?;
            }
            Record::Key { user, to, key, id, time } => {
                if !state.users.contains_key(user) {
                    return Ok(false);
                }
                self.remember(user, to, key, id, time)?;
            }
        }
        Ok(true)
    }

    fn begin_restore(&mut self) -> Result<(), Error> {
        self.state()?;
        self.change(Change::RestoreBegins)
    }

    fn end_restore(&mut self) -> Result<(), Error> {
        self.state()?;
        self.change(Change::Epoch(new_epoch()?))
    }

    fn counts(&mut self, now: Timestamp) -> Result<Counts, Error> {
        let (messages, message_bytes) = self.inner.appended;
        let state = self.state()?;
        let rooms = state.conversations.values().filter(|conversation| conversation.room().is_some()).count();
        let direct = state.conversations.values().filter(|conversation| conversation.is_direct()).count();
        let mut counts = Counts::default();
        counts.users = state.users.len() as u64;
        counts.sessions = state.sessions.values().filter(|session| session.expires > now).count() as u64;
        (counts.direct_conversations, counts.rooms) = (direct as u64, rooms as u64);
        (counts.messages, counts.message_bytes) = (messages, message_bytes);
        Ok(counts)
    }

    fn commit(mut self: Box<Self>) -> Result<(), CommitError> {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() { Ok(()) } else { self.inner.write(&changes) }
    }
}

impl Accounts for Steps<'_> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.state()?.users.get(user).map(|user| Arc::clone(&user.account)))
    }

    fn accounts(&mut self, after: &str, limit: usize) -> Result<Vec<Arc<Account>>, Error> {
        let later = self.state()?.users.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        Ok(later.take(limit).map(|(_, user)| Arc::clone(&user.account)).collect())
    }

    fn add_account(&mut self, account: Account) -> Result<bool, Error> {
        let is_free = !self.state()?.users.contains_key(account.profile.user());
        if is_free {
            let revision = self.state()?.next();
            self.change(Change::account(&account, revision))?;
        }
        Ok(is_free)
    }

    fn replace_account(&mut self, account: Account) -> Result<bool, Error> {
        let old = self.state()?.users.get(account.profile.user());
        let is_current = old.is_some_and(|user| user.account.revision == account.revision);
        if is_current {
            let revision = self.state()?.next();
            self.change(Change::account(&account, revision))?;
        }
        Ok(is_current)
    }

    fn remove_account(&mut self, user: &str) -> Result<bool, Error> {
        let exists = self.state()?.users.contains_key(user);
        if exists {
            self.change(Change::AccountRemoved(user.to_owned()))?;
        }
        Ok(exists)
    }

    fn forget_names(&mut self, user: &str) -> Result<bool, Error> {
        let is_gone = !self.state()?.users.contains_key(user);
        if is_gone {
            self.change(Change::NamesForgotten(user.to_owned()))?;
        }
        Ok(is_gone)
    }

    fn block(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        let users = &self.state()?.users;
        let is_new = users.get(user).is_some_and(|user| !user.blocked.contains(other)) && users.contains_key(other);
        if is_new {
            let [user, other] = [user, other].map(str::to_owned);
            self.change(Change::Block { user, other, blocked: true })?;
        }
        Ok(is_new)
    }

    fn unblock(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        let is_blocked = self.is_blocked(user, other)?;
        if is_blocked {
            let [user, other] = [user, other].map(str::to_owned);
            self.change(Change::Block { user, other, blocked: false })?;
        }
        Ok(is_blocked)
    }

    fn blocks(&mut self, user: &str) -> Result<Vec<Arc<Profile>>, Error> {
        let users = &self.state()?.users;
        let blocked = users.get(user).into_iter().flat_map(|user| &user.blocked);
        Ok(blocked.filter_map(|user| Some(Arc::clone(&users.get(user)?.account.profile))).collect())
    }

    fn is_blocked(&mut self, user: &str, other: &str) -> Result<bool, Error> {
        Ok(self.state()?.users.get(user).is_some_and(|user| user.blocked.contains(other)))
    }
}

impl Invitations for Steps<'_> {
    fn add_invitation(&mut self, invitation: Invitation) -> Result<bool, Error> {
        let is_new = !self.state()?.invitations.contains_key(&invitation.id);
        if is_new {
            let Invitation { id, created, expires, .. } = invitation;
            let (created, expires) = (created.as_millis(), expires.as_millis());
            self.change(Change::Invitation { id: *id.as_bytes(), created, expires })?;
        }
        Ok(is_new)
    }

    fn invitation(&mut self, id: &InvitationId, now: Timestamp) -> Result<Option<Invitation>, Error> {
        Ok(self.state()?.invitations.get(id).copied().filter(|invitation| invitation.expires > now))
    }

    fn invitations(&mut self, now: Timestamp) -> Result<Vec<Invitation>, Error> {
        let mut invitations = self.state()?.invitations();
        invitations.retain(|invitation| invitation.expires > now);
        Ok(invitations)
    }

    fn redeem_invitation(&mut self, id: &InvitationId, now: Timestamp, account: Account) -> Result<Redeemed, Error> {
        if self.invitation(id, now)?.is_none() {
            return Ok(Redeemed::NoSuchInvitation);
        }
        if !self.add_account(account)? {
            return Ok(Redeemed::UserExists);
        }
        self.remove_invitation(id)?;
        Ok(Redeemed::Added)
    }

    fn remove_invitation(&mut self, id: &InvitationId) -> Result<bool, Error> {
        let exists = self.state()?.invitations.contains_key(id);
        if exists {
            self.change(Change::InvitationEnds(*id.as_bytes()))?;
        }
        Ok(exists)
    }
}

impl Sessions for Steps<'_> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<SessionOpened, Error> {
        let state = self.state()?;
        let Some(user) = state.users.get(session.user).filter(|_| !state.sessions.contains_key(&session.id)) else {
            return Ok(SessionOpened::Refused);
        };
        let mut outcome = SessionOpened::Opened;
        if user.sessions.len() >= SESSIONS_PER_USER {
            let is_over = |id: &&SessionId| state.sessions.get(id).is_none_or(|it| it.expires <= session.now);
            let mut ends: Vec<_> = user.sessions.values().filter(is_over).copied().collect();
            if ends.is_empty() {
                ends.extend(user.sessions.values().next());
                outcome = SessionOpened::OldestEnded;
            }
            ends.into_iter().try_for_each(|id| self.change(Change::SessionEnds(*id.as_bytes())))?;
        }
        let login = self.state()?.next();
        self.change(Change::Session {
            id: *session.id.as_bytes(),
            login,
            user: session.user.to_owned(),
            opened: session.now.as_millis(),
            used: session.now.as_millis(),
            expires: session.expires.as_millis(),
            from: session.from,
        })?;
        Ok(outcome)
    }

    fn use_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Option<Arc<Profile>>, Error> {
        let Some((session, user)) = self.state()?.live(id, now) else { return Ok(None) };
        let &Session { login, opened, last_used, expires: end, from, .. } = session;
        self.change(Change::Session {
            id: *id.as_bytes(),
            login,
            user: user.user().as_str().to_owned(),
            opened: opened.as_millis(),
            used: last_used.max(now).as_millis(),
            expires: end.max(expires).as_millis(),
            from,
        })?;
        Ok(Some(user))
    }

    fn close_session(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Arc<Profile>>, Error> {
        let Some((_, user)) = self.state()?.live(id, now) else { return Ok(None) };
        self.change(Change::SessionEnds(*id.as_bytes()))?;
        Ok(Some(user))
    }

    fn close_sessions(&mut self, user: &str) -> Result<usize, Error> {
        let user = self.state()?.users.get(user);
        let ids: Vec<_> = user.into_iter().flat_map(|user| user.sessions.values()).copied().collect();
        ids.iter().try_for_each(|id| self.change(Change::SessionEnds(*id.as_bytes())))?;
        Ok(ids.len())
    }

    fn active_users(&mut self, now: Timestamp) -> Result<Vec<UserName>, Error> {
        let mut users: Vec<UserName> = Vec::new();
        let mut seen = BTreeSet::new();
        for session in self.sessions(now)? {
            if seen.insert(session.user.user().clone()) {
                users.push(session.user.user().clone());
            }
        }
        Ok(users)
    }

    fn sessions(&mut self, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        let state = self.state()?;
        let live: BTreeMap<_, _> = state
            .sessions
            .keys()
            .filter_map(|id| Some((id, state.live(id, now)?)))
            .map(|(id, (it, user))| (it.login, SessionInfo::new(*id, user, it.opened, it.last_used, it.from)))
            .collect();
        Ok(live.into_values().collect())
    }

    fn sessions_of(&mut self, user: &str, now: Timestamp) -> Result<Vec<SessionInfo>, Error> {
        let mut sessions = self.sessions(now)?;
        sessions.retain(|session| session.user.user().as_str() == user);
        Ok(sessions)
    }
}
