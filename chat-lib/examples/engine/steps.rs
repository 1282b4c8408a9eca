//! Batches: each step checks what it was asked for, and then makes changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::limits::SESSIONS_PER_USER;
use chat_lib::model::{Account, MessageId, Profile, SessionId, UserName};
use chat_lib::store::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, CursorMove, NewMessage, NewSession,
    Quota, Record, SessionInfo, Sessions, Unread,
};

use super::change::{Change, Who};
use super::state::{Session, State};
use super::{Inner, new_epoch, storage};

/// A batch: what it has changed is in the state already, and still to be written.
pub(crate) struct Steps<'a> {
    pub(crate) inner: MutexGuard<'a, Inner>,
    pub(crate) changes: Vec<Change>,
}

impl Steps<'_> {
    fn state(&mut self) -> Result<&mut State, Error> {
        // With changes that are not written, reading the log would lose them.
        if self.changes.is_empty() {
            self.inner.recover()?;
        }
        Ok(&mut self.inner.state)
    }

    fn change(&mut self, change: Change) -> Result<(), Error> {
        self.inner.state.apply(&change)?;
        self.changes.push(change);
        Ok(())
    }

    /// Begins a conversation, and returns its number.
    fn begin_conversation(&mut self, members: &[(&str, MessageId)], former: bool) -> Result<u64, Error> {
        let number = self.state()?.next();
        let members = members.iter().map(|(user, read)| ((*user).to_owned(), read.get())).collect();
        self.change(Change::Conversation { number, members, former })?;
        Ok(number)
    }

    fn say(&mut self, id: MessageId, conversation: u64, message: NewMessage<'_>) -> Result<(), Error> {
        self.change(Change::Message {
            id: id.get(),
            conversation,
            to: message.to.to_owned(),
            from: Who::of(message.from),
            text: message.text.to_owned(),
            framing: message.framing.tag(),
            time: message.time.as_millis(),
        })
    }

    /// Moves each cursor of `user` that `moves` names: `from` and `to` of a move, as `ends` gives them.
    fn move_cursors(
        &mut self,
        user: &str,
        moves: &[CursorMove],
        ends: fn(&CursorMove) -> (MessageId, MessageId),
    ) -> Result<bool, Error> {
        let state = self.state()?;
        let fits = |it: &CursorMove| {
            let conversation = state.conversations.get(&it.conversation)?;
            let is_there = conversation.lengths(user, it.from, it.to).count() == it.messages;
            Some(is_there && conversation.members.get(user)?.read == ends(it).0)
        };
        if !moves.iter().all(|it| fits(it) == Some(true)) {
            return Ok(false);
        }
        for it in moves {
            let (conversation, upto) = (it.conversation, ends(it).1.get());
            self.change(Change::Read { conversation, user: user.to_owned(), upto })?;
        }
        Ok(true)
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
            Record::Conversation(members) => {
                if !members.iter().all(|member| state.users.contains_key(member.user)) {
                    return Ok(false);
                }
                let members: Vec<_> = members.iter().map(|member| (member.user, member.read)).collect();
                self.begin_conversation(&members, false)?;
            }
            Record::Message { id, message, from_former_user } => {
                let is_later = state.last_message() < id;
                let conversation =
                    state.between(message.to, message.from.user().as_str()).map(|conversation| conversation.number);
                if !is_later || !state.users.contains_key(message.to) || !from_former_user && conversation.is_none() {
                    return Ok(false);
                }
                let conversation = match conversation.filter(|_| !from_former_user) {
                    Some(conversation) => conversation,
                    None => self.begin_conversation(&[(message.to, MessageId::NONE)], true)?,
                };
                self.say(id, conversation, message)?;
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

    fn commit(mut self: Box<Self>) -> Result<(), CommitError> {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() { Ok(()) } else { self.inner.write(&changes) }
    }
}

impl Accounts for Steps<'_> {
    fn account(&mut self, user: &str) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.state()?.users.get(user).map(|user| Arc::clone(&user.account)))
    }

    fn accounts(&mut self) -> Result<Vec<Arc<Account>>, Error> {
        Ok(self.state()?.users.values().map(|user| Arc::clone(&user.account)).collect())
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
}

impl Sessions for Steps<'_> {
    fn open_session(&mut self, session: NewSession<'_>) -> Result<bool, Error> {
        let state = self.state()?;
        let Some(user) = state.users.get(session.user).filter(|_| !state.sessions.contains_key(&session.id)) else {
            return Ok(false);
        };
        if user.sessions.len() >= SESSIONS_PER_USER {
            let is_over = |id: &&SessionId| state.sessions.get(id).is_none_or(|it| it.expires <= session.now);
            let mut ends: Vec<_> = user.sessions.values().filter(is_over).copied().collect();
            if ends.is_empty() {
                ends.extend(user.sessions.values().next());
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
        Ok(true)
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
}

impl Conversations for Steps<'_> {
    fn append(&mut self, message: NewMessage<'_>, quota: Quota) -> Result<Appended, Error> {
        let state = self.state()?;
        if !state.users.contains_key(message.to) {
            return Ok(Appended::NoSuchUser);
        }
        let members = state.conversations(message.to).filter_map(|conversation| conversation.members.get(message.to));
        let (unread, bytes) = members.fold((0, 0), |sum, member| (sum.0 + member.unread, sum.1 + member.bytes));
        if !quota.admits(unread, bytes, message.len()) {
            return Ok(Appended::Full);
        }
        let from = message.from.user().as_str();
        let is_user = state.users.contains_key(from);
        let conversation = match state.between(message.to, from) {
            Some(conversation) if is_user => conversation.number,
            _ if is_user => {
                let members = [(message.to, MessageId::NONE), (from, MessageId::NONE)];
                self.begin_conversation(
                    if from == message.to { members.get(..1).unwrap_or_default() } else { &members },
                    false,
                )?
            }
            _ => self.begin_conversation(&[(message.to, MessageId::NONE)], true)?,
        };
        let id = MessageId::new(self.state()?.next()).ok_or_else(|| storage("there are no more ids"))?;
        self.say(id, conversation, message)?;
        Ok(Appended::Stored(id))
    }

    fn unread(&mut self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        Ok(self.state()?.unread(user, max_bytes))
    }

    fn take(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.move_cursors(user, moves, |it| (it.from, it.to))
    }

    fn put_back(&mut self, user: &str, moves: &[CursorMove]) -> Result<bool, Error> {
        self.move_cursors(user, moves, |it| (it.to, it.from))
    }

    fn conversations(&mut self, user: &str) -> Result<Vec<ConversationState>, Error> {
        let conversations = self.state()?.conversations(user).filter(|conversation| !conversation.former);
        let mut states: Vec<_> = conversations
            .filter_map(|conversation| {
                let with = conversation.other(user)?;
                let (own, other) = (conversation.members.get(user)?, conversation.members.get(with)?);
                Some(ConversationState::new(with.clone(), own.unread, own.read, other.read, conversation.last))
            })
            .collect();
        states.sort_by(|one, other| one.with.cmp(&other.with));
        Ok(states)
    }
}
