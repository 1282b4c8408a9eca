//! Everything there is, in memory: what the changes of the log add up to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::model::{Account, Framing, HistoryMessage, Inbox, MessageId, PasswordHash, Profile, SessionId, UserName};
use chat_lib::store::{CursorMove, Unread};

use super::change::Change;
use super::storage;

/// Everything there is.
#[derive(Default)]
pub(crate) struct State {
    /// The last number that was given out. Messages, conversations, versions of accounts and logins share it.
    pub(crate) counter: u64,
    pub(crate) epoch: String,
    pub(crate) restoring: bool,
    pub(crate) users: BTreeMap<UserName, User>,
    pub(crate) sessions: HashMap<SessionId, Session>,
    pub(crate) conversations: BTreeMap<u64, Conversation>,
}

pub(crate) struct User {
    pub(crate) account: Arc<Account>,
    /// In order of login.
    pub(crate) sessions: BTreeMap<u64, SessionId>,
    pub(crate) conversations: BTreeSet<u64>,
}

pub(crate) struct Session {
    pub(crate) login: u64,
    pub(crate) user: UserName,
    pub(crate) opened: Timestamp,
    pub(crate) last_used: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) from: Option<SocketAddr>,
}

/// A conversation.
#[derive(Default)]
pub(crate) struct Conversation {
    pub(crate) number: u64,
    /// Notes have one, and so have conversations with a former user.
    pub(crate) members: BTreeMap<UserName, Reader>,
    /// Whether the other member was removed.
    pub(crate) former: bool,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) last: MessageId,
}

/// A member of a conversation.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) read: MessageId,
    /// How many messages are unread, and their bytes.
    pub(crate) unread: usize,
    pub(crate) bytes: usize,
}

pub(crate) struct Message {
    pub(crate) to: UserName,
    pub(crate) from: Arc<Profile>,
    pub(crate) text: String,
    pub(crate) framing: Framing,
    pub(crate) time: Timestamp,
}

impl State {
    /// The only place where anything changes.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Epoch(epoch) => (self.epoch, self.restoring) = (epoch.clone(), false),
            Change::RestoreBegins => self.restoring = true,
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
                    conversations: BTreeSet::new(),
                };
                self.users.entry(name).or_insert_with(new).account = Arc::clone(&account);
            }
            Change::AccountRemoved(name) => {
                let user = self.users.remove(name.as_str()).ok_or_else(damaged)?;
                self.sessions.retain(|_, session| session.user.as_str() != name);
                user.conversations.into_iter().for_each(|number| self.leave(name, number));
            }
            Change::Session { id, login, user, opened, used, expires, from } => {
                self.saw(*login);
                let id = SessionId::from_bytes(*id);
                self.users.get_mut(user.as_str()).ok_or_else(damaged)?.sessions.insert(*login, id);
                let [opened, last_used, expires] = [*opened, *used, *expires].map(Timestamp::from_millis);
                let user = UserName::parse(user)?;
                self.sessions.insert(id, Session { login: *login, user, opened, last_used, expires, from: *from });
            }
            Change::SessionEnds(id) => {
                let session = self.sessions.remove(&SessionId::from_bytes(*id)).ok_or_else(damaged)?;
                self.users.get_mut(&session.user).ok_or_else(damaged)?.sessions.remove(&session.login);
            }
            Change::Conversation { number, members, former } => {
                self.saw(*number);
                let mut conversation = Conversation { number: *number, former: *former, ..Conversation::default() };
                for (user, read) in members {
                    self.saw(*read);
                    let read = message_id(*read)?;
                    conversation.members.insert(UserName::parse(user)?, Reader { read, ..Reader::default() });
                    conversation.last = conversation.last.max(read);
                    self.users.get_mut(user.as_str()).ok_or_else(damaged)?.conversations.insert(*number);
                }
                self.conversations.insert(*number, conversation);
            }
            Change::Message { id, conversation, to, from, text, framing, time } => {
                self.saw(*id);
                let (id, framing) = (message_id(*id)?, Framing::from_tag(*framing).ok_or_else(damaged)?);
                let (to, from, text) = (UserName::parse(to)?, from.profile()?, text.clone());
                let message = Message { to, from, text, framing, time: Timestamp::from_millis(*time) };
                let conversation = self.conversations.get_mut(conversation).ok_or_else(damaged)?;
                let reader = conversation.members.get_mut(&message.to).ok_or_else(damaged)?;
                if reader.read < id {
                    (reader.unread, reader.bytes) = (reader.unread + 1, reader.bytes + message.len());
                }
                conversation.last = conversation.last.max(id);
                conversation.messages.insert(id, message);
            }
            Change::Read { conversation, user, upto } => {
                let conversation = self.conversations.get_mut(conversation).ok_or_else(damaged)?;
                let reader = conversation.members.get_mut(user.as_str()).ok_or_else(damaged)?;
                *reader = Reader { read: message_id(*upto)?, ..Reader::default() };
                for (_, message) in conversation.messages.range((Excluded(reader.read), Unbounded)) {
                    if message.to.as_str() == user {
                        (reader.unread, reader.bytes) = (reader.unread + 1, reader.bytes + message.len());
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes a removed user out of a conversation. What the other member has not read stays.
    pub(crate) fn leave(&mut self, user: &str, number: u64) {
        let Some(conversation) = self.conversations.get_mut(&number) else { return };
        conversation.members.remove(user);
        conversation.former = true;
        let members = &conversation.members;
        conversation.messages.retain(|id, message| members.get(&message.to).is_some_and(|reader| reader.read < *id));
        if conversation.messages.is_empty() {
            for other in conversation.members.keys() {
                self.users.get_mut(other).map(|other| other.conversations.remove(&number));
            }
            self.conversations.remove(&number);
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Has the next numbers lie past this one.
    pub(crate) fn saw(&mut self, number: u64) {
        self.counter = self.counter.max(number);
    }

    pub(crate) fn conversations(&self, user: &str) -> impl Iterator<Item = &Conversation> {
        let numbers = self.users.get(user).into_iter().flat_map(|user| &user.conversations);
        numbers.filter_map(|number| self.conversations.get(number))
    }

    /// The conversation of two users who still exist.
    pub(crate) fn between(&self, user: &str, with: &str) -> Option<&Conversation> {
        self.conversations(user).find(|conversation| {
            !conversation.former && conversation.other(user).is_some_and(|other| other.as_str() == with)
        })
    }

    pub(crate) fn last_message(&self) -> MessageId {
        self.conversations
            .values()
            .filter_map(|conversation| conversation.messages.keys().next_back().copied())
            .max()
            .unwrap_or_default()
    }

    pub(crate) fn live(&self, id: &SessionId, now: Timestamp) -> Option<(&Session, Arc<Profile>)> {
        let session = self.sessions.get(id).filter(|session| session.expires > now)?;
        Some((session, Arc::clone(&self.users.get(&session.user)?.account.profile)))
    }

    pub(crate) fn unread(&self, user: &str, max_bytes: usize) -> Unread {
        let full_name = self.users.get(user).map_or("", |user| user.account.profile.full_name());
        let (mut inbox, mut moves, mut messages) = (Inbox::new(full_name), Vec::new(), BTreeMap::new());
        for conversation in self.conversations(user) {
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

impl Conversation {
    /// The other member; of notes, the only one.
    pub(crate) fn other(&self, user: &str) -> Option<&UserName> {
        let mut members = self.members.keys();
        members.find(|member| member.as_str() != user).or_else(|| self.members.keys().next())
    }

    /// A message as `user` sees it.
    pub(crate) fn show(&self, user: &str, id: MessageId, message: &Message) -> Option<HistoryMessage> {
        let Message { from, text, time, .. } = message;
        Some(HistoryMessage::new(id, self.other(user)?.clone(), Arc::clone(from), *time, text.clone()))
    }

    /// What `user` has not read.
    pub(crate) fn unread(&self, user: &str) -> impl DoubleEndedIterator<Item = (MessageId, &Message)> {
        let read = self.members.get(user).map_or(MessageId::MAX, |reader| reader.read);
        let later = self.messages.range((Excluded(read), Unbounded)).map(|(id, message)| (*id, message));
        later.filter(move |(_, message)| message.to.as_str() == user)
    }

    /// The lengths of the messages that `user` reads when a cursor goes from one message to another.
    pub(crate) fn lengths(&self, user: &str, from: MessageId, to: MessageId) -> impl Iterator<Item = usize> {
        let passed = self.messages.range((Excluded(from), Unbounded)).take_while(move |(id, _)| **id <= to);
        passed.filter(move |(_, message)| message.to.as_str() == user).map(|(_, message)| message.len())
    }

    /// The move of the cursor of `user` to the last message that is not after `upto`.
    pub(crate) fn cursor_move(&self, user: &str, upto: MessageId) -> Option<CursorMove> {
        let from = self.members.get(user)?.read;
        let to = self.messages.range(..=upto).next_back().map(|(id, _)| *id).filter(|to| *to > from)?;
        let lengths: Vec<_> = self.lengths(user, from, to).collect();
        let (messages, bytes) = (lengths.len(), lengths.iter().sum());
        Some(CursorMove { conversation: self.number, from, to, messages, bytes })
    }
}

impl Message {
    pub(crate) fn len(&self) -> usize {
        self.framing.before().len() + self.text.len() + self.framing.after().len()
    }
}

fn message_id(number: u64) -> Result<MessageId, Error> {
    MessageId::new(number).ok_or_else(damaged)
}

fn damaged() -> Error {
    storage("the log is damaged")
}
