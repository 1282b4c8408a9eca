//! Everything there is, in memory: what the changes of the log add up to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::limits::KEYS_PER_USER;
use chat_lib::model::{
    Account, ConversationName, Framing, Inbox, Invitation, InvitationId, MessageId, MessageKey, PasswordHash, Profile,
    RoomName, SessionId, UserName,
};
use chat_lib::store::{RoomState, Unread};

use super::change::{self, Change};
use super::conversation::{Conversation, Kind, Member, Message};
use super::storage;

/// Everything there is.
#[derive(Default)]
pub(crate) struct State {
    /// The last number that was given out. Messages, conversations, versions of accounts and logins share it.
    pub(crate) counter: u64,
    /// The last message, also if it is gone.
    pub(crate) last: MessageId,
    pub(crate) epoch: String,
    pub(crate) restoring: bool,
    pub(crate) users: BTreeMap<UserName, User>,
    pub(crate) sessions: HashMap<SessionId, Session>,
    pub(crate) invitations: HashMap<InvitationId, Invitation>,
    pub(crate) conversations: BTreeMap<u64, Conversation>,
}

pub(crate) struct User {
    pub(crate) account: Arc<Account>,
    /// In order of login.
    pub(crate) sessions: BTreeMap<u64, SessionId>,
    pub(crate) blocked: BTreeSet<UserName>,
    pub(crate) keys: HashMap<MessageKey, Keyed>,
}

/// What was sent with a key.
pub(crate) struct Keyed {
    pub(crate) to: String,
    pub(crate) id: MessageId,
    pub(crate) time: Timestamp,
}

pub(crate) struct Session {
    pub(crate) login: u64,
    pub(crate) user: UserName,
    pub(crate) opened: Timestamp,
    pub(crate) last_used: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) from: Option<SocketAddr>,
}

impl State {
    /// The only place where anything changes.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Epoch(epoch) => (self.epoch, self.restoring) = (epoch.clone(), false),
            Change::RestoreBegins => {
                self.restoring = true;
                if self.users.is_empty() {
                    self.last = MessageId::NONE;
                }
            }
            Change::Account { revision, who, password, banned } => {
                self.saw(*revision);
                let password = password.as_deref().map(PasswordHash::from_phc).transpose()?;
                let mut account = Account::new(who.profile()?, password);
                (account.banned, account.revision) = (*banned, *revision);
                let account = Arc::new(account);
                let name = account.profile.user().clone();
                let new = || User {
                    account: Arc::clone(&account),
                    sessions: BTreeMap::new(),
                    blocked: BTreeSet::new(),
                    keys: HashMap::new(),
                };
                self.users.entry(name).or_insert_with(new).account = Arc::clone(&account);
            }
            Change::AccountRemoved(name) => self.remove(name)?,
            Change::NamesForgotten(name) => {
                let nameless = Arc::new(Profile::kept(UserName::parse(name)?, name, "")?);
                let messages =
                    self.conversations.values_mut().flat_map(|conversation| conversation.messages.values_mut());
                for message in messages.filter(|message| message.from.user().as_str() == name) {
                    message.from = Arc::clone(&nameless);
                }
            }
            Change::Session { id, login, user, opened, used, expires, from } => {
                self.saw(*login);
                let id = SessionId::from_bytes(*id);
                self.user(user)?.sessions.insert(*login, id);
                let [opened, last_used, expires] = [*opened, *used, *expires].map(Timestamp::from_millis);
                let user = UserName::parse(user)?;
                self.sessions.insert(id, Session { login: *login, user, opened, last_used, expires, from: *from });
            }
            Change::SessionEnds(id) => {
                let session = self.sessions.remove(&SessionId::from_bytes(*id)).ok_or_else(damaged)?;
                self.user(session.user.as_str())?.sessions.remove(&session.login);
            }
            Change::Invitation { id, created, expires } => {
                let [created, expires] = [*created, *expires].map(Timestamp::from_millis);
                let invitation = Invitation::new(InvitationId::from_bytes(*id), created, expires);
                self.invitations.insert(invitation.id, invitation);
            }
            Change::InvitationEnds(id) => {
                self.invitations.remove(&InvitationId::from_bytes(*id)).ok_or_else(damaged)?;
            }
            Change::Block { user, other, blocked } => {
                let other = UserName::parse(other)?;
                let user = self.user(user)?;
                if *blocked {
                    user.blocked.insert(other)
                } else {
                    user.blocked.remove(&other)
                };
            }
            Change::Conversation { number, kind } => {
                self.saw(*number);
                let kind = match kind {
                    change::Kind::Direct => Kind::Direct,
                    change::Kind::Former => Kind::Former,
                    change::Kind::Room { name, title, open, keep } => {
                        let (name, title, open, keep) = (RoomName::parse(name)?, title.as_str().into(), *open, *keep);
                        Kind::Room(RoomState { name, title, open, keep, members: 0, owners: 0, invited: 0 })
                    }
                };
                let new = |kind| Conversation {
                    number: *number,
                    kind,
                    members: BTreeMap::new(),
                    messages: BTreeMap::new(),
                    gone: MessageId::NONE,
                };
                match self.conversations.get_mut(number) {
                    Some(conversation) => conversation.kind = kind,
                    None => drop(self.conversations.insert(*number, new(kind))),
                }
            }
            Change::RoomRemoved(number) => drop(self.conversations.remove(number).ok_or_else(damaged)?),
            Change::Member { conversation, user, member } => {
                let user = UserName::parse(user)?;
                match member {
                    Some(change::Member { standing, since, read }) => {
                        self.saw(*since.max(read));
                        let (since, read) = (message_id(*since)?, message_id(*read)?);
                        let member = Member { standing: *standing, since, read };
                        self.conversation(*conversation)?.members.insert(user, member);
                    }
                    None => drop(self.conversation(*conversation)?.members.remove(&user)),
                }
            }
            Change::Message { id, conversation, to, from, text, framing, time, key, former, deleted } => {
                self.saw(*id);
                let id = message_id(*id)?;
                self.last = id;
                let message = Message {
                    to: ConversationName::parse(to)?,
                    from: from.profile()?,
                    text: text.clone(),
                    framing: Framing::from_tag(*framing).ok_or_else(damaged)?,
                    time: Timestamp::from_millis(*time),
                    key: key.as_deref().map(MessageKey::parse).transpose()?,
                    former: *former,
                    deleted: *deleted,
                };
                self.conversation(*conversation)?.messages.insert(id, message);
            }
            Change::Deleted { id, conversation } => {
                let messages = &mut self.conversation(*conversation)?.messages;
                let message = messages.get_mut(&message_id(*id)?).ok_or_else(damaged)?;
                (message.text, message.deleted) = (String::new(), true);
            }
            Change::Key { user, to, key, id, time } => {
                self.saw(*id);
                let keyed = Keyed { to: to.clone(), id: message_id(*id)?, time: Timestamp::from_millis(*time) };
                let keys = &mut self.user(user)?.keys;
                keys.insert(MessageKey::parse(key)?, keyed);
                if keys.len() > KEYS_PER_USER {
                    let oldest = keys.iter().min_by_key(|(_, it)| it.id).map(|(key, _)| key.clone());
                    oldest.and_then(|oldest| keys.remove(&oldest));
                }
            }
            Change::Read { conversation, user, upto } => {
                let members = &mut self.conversation(*conversation)?.members;
                members.get_mut(user.as_str()).ok_or_else(damaged)?.read = message_id(*upto)?;
            }
        }
        Ok(())
    }

    /// Removes a user. What others have not read of theirs stays, and so does what they said in rooms.
    fn remove(&mut self, name: &str) -> Result<(), Error> {
        self.users.remove(name).ok_or_else(damaged)?;
        self.sessions.retain(|_, session| session.user.as_str() != name);
        self.users.values_mut().for_each(|user| user.blocked.retain(|blocked| blocked.as_str() != name));
        for conversation in self.conversations.values_mut() {
            let Conversation { kind, members, messages, gone, .. } = conversation;
            let was_member = members.remove(name).is_some();
            for message in messages.values_mut().filter(|message| message.from.user().as_str() == name) {
                message.former = true;
            }
            if was_member && !matches!(kind, Kind::Room(_)) {
                *kind = Kind::Former;
                *gone = members.values().map(|member| member.read).max().unwrap_or(MessageId::MAX);
                messages.retain(|id, message| id > gone && message.to.as_str() != name && !message.deleted);
            }
        }
        self.conversations.retain(|_, it| !matches!(it.kind, Kind::Former) || !it.messages.is_empty());
        Ok(())
    }

    fn user(&mut self, user: &str) -> Result<&mut User, Error> {
        self.users.get_mut(user).ok_or_else(damaged)
    }

    fn conversation(&mut self, number: u64) -> Result<&mut Conversation, Error> {
        self.conversations.get_mut(&number).ok_or_else(damaged)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Has the next numbers lie past this one.
    pub(crate) fn saw(&mut self, number: u64) {
        self.counter = self.counter.max(number);
    }

    /// Conversations of `user`, with former users, too.
    pub(crate) fn conversations(&self, user: &str) -> impl Iterator<Item = &Conversation> {
        self.conversations.values().filter(move |conversation| conversation.member(user).is_some())
    }

    /// The conversation that `user` calls `with`.
    pub(crate) fn with(&self, user: &str, with: &str) -> Option<&Conversation> {
        self.conversations(user).find(|it| it.name(user).is_some_and(|name| name.as_str() == with))
    }

    pub(crate) fn room(&self, room: &str) -> Option<&Conversation> {
        self.conversations.values().find(|it| matches!(&it.kind, Kind::Room(it) if it.name.as_str() == room))
    }

    pub(crate) fn live(&self, id: &SessionId, now: Timestamp) -> Option<(&Session, Arc<Profile>)> {
        let session = self.sessions.get(id).filter(|session| session.expires > now)?;
        Some((session, Arc::clone(&self.users.get(&session.user)?.account.profile)))
    }

    /// In order of creation.
    pub(crate) fn invitations(&self) -> Vec<Invitation> {
        let mut invitations: Vec<_> = self.invitations.values().copied().collect();
        invitations.sort_by_key(|invitation| (invitation.created, invitation.id));
        invitations
    }

    /// What `user` has not read of the conversations for which `is_asked` says so.
    pub(crate) fn unread(&self, user: &str, max_bytes: usize, is_asked: impl Fn(&Conversation) -> bool) -> Unread {
        let full_name = self.users.get(user).map_or("", |user| user.account.profile.full_name());
        let (mut inbox, mut moves, mut messages) = (Inbox::new(full_name), Vec::new(), BTreeMap::new());
        for conversation in self.conversations(user).filter(|conversation| is_asked(conversation)) {
            let last = conversation.unread(user).next_back();
            moves.extend(last.and_then(|(id, _)| conversation.cursor_move(user, id)));
            messages.extend(conversation.unread(user));
        }
        if Inbox::footprint(messages.len(), moves.iter().map(|it| it.bytes).sum()) > max_bytes {
            return Unread::TooLarge;
        }
        messages.values().for_each(|message| inbox.push_framed(&message.from, message.framing, &message.text));
        Unread::Messages { inbox, moves }
    }
}

fn message_id(number: u64) -> Result<MessageId, Error> {
    MessageId::new(number).ok_or_else(damaged)
}

fn damaged() -> Error {
    storage("the log is damaged")
}
