//! An engine of one's own: a chat kept in a file of JSON lines, written only against the public documentation of
//! `chat_lib::store`. It passes the suite in `chat_lib::conformance` (`tests/engine.rs`).
//!
//! ```sh
//! cargo run -p chat-lib --example engine
//! ```
//!
//! Everything that happens is a [`Change`]. A step checks what it was asked for, then makes changes: each is applied to
//! the [`State`] in memory, and a commit appends the changes of its batch to the file, as one line, and syncs it. Opening
//! the file applies all of them again. So the file is the truth, and undoing is reading it once more.
//!
//! What it leaves out, because it should be short: the file only grows, a lock is held as long as a batch is open, and
//! everything is in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_lib::Error;
use chat_lib::clock::Timestamp;
use chat_lib::entropy::OsEntropy;
use chat_lib::limits::SESSIONS_PER_USER;
use chat_lib::model::{
    Account, Framing, HistoryMessage, Inbox, MessageId, PasswordHash, Profile, SessionId, SessionToken, UserName,
};
use chat_lib::store::{
    Accounts, Appended, Batch, CommitError, ConversationState, Conversations, CursorMove, HistoryPage, Member,
    NewMessage, NewSession, Position, Quota, Record, SessionInfo, Sessions, Store, Unread, Visit,
};
use serde::{Deserialize, Serialize};

/// Where the changes are kept.
pub trait Log: Send {
    /// Everything that was appended.
    fn read(&mut self) -> io::Result<Vec<u8>>;
    /// Appends `bytes` and waits until they are on the disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Drops what lies past `length` bytes, and waits until the rest is on the disk.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Log for File {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.seek(SeekFrom::Start(0))?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length))?;
        self.sync_all()
    }
}

/// A chat in a file.
pub struct Engine(Mutex<Inner>);

struct Inner {
    log: Box<dyn Log>,
    /// How long the log is.
    length: u64,
    state: State,
    /// Whether `state` may be something else than what the log says.
    stale: bool,
}

impl Engine {
    /// Opens the chat in the file at `path`, or creates it. No other process may have it open.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::options().read(true).append(true).create(true).open(path).map_err(storage)?;
        file.try_lock().map_err(storage)?;
        Self::with_log(Box::new(file))
    }

    /// Opens the chat in `log`.
    pub fn with_log(log: Box<dyn Log>) -> Result<Self, Error> {
        let mut inner = Inner { log, length: 0, state: State::default(), stale: true };
        inner.recover()?;
        if inner.state.restoring {
            return Err(storage("a restore was begun and not ended; restore into an empty file"));
        }
        if inner.state.epoch.is_empty() {
            let epoch = Change::Epoch(new_epoch()?);
            inner.state.apply(&epoch)?;
            inner.write(&[epoch]).map_err(storage)?;
        }
        Ok(Self(Mutex::new(inner)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `read` with what is committed.
    fn read<T>(&self, read: impl FnOnce(&State) -> Result<T, Error>) -> Result<T, Error> {
        let mut inner = self.lock();
        inner.recover()?;
        read(&inner.state)
    }
}

impl Inner {
    /// Makes `state` what the log says.
    fn recover(&mut self) -> Result<(), Error> {
        if !self.stale {
            return Ok(());
        }
        let (mut state, length) = self.load()?;
        self.log.cut(length).map_err(storage)?;
        // A number that was given out and then undone must not come again.
        state.saw(self.state.counter);
        (self.state, self.length, self.stale) = (state, length, false);
        Ok(())
    }

    /// What the log says, and how long it is without a last line that has no end: a commit that a crash has cut off.
    fn load(&mut self) -> Result<(State, u64), Error> {
        let bytes = self.log.read().map_err(storage)?;
        let mut lines: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
        let rest = lines.pop().unwrap_or_default();
        let mut state = State::default();
        for line in lines {
            let changes: Vec<Change> = serde_json::from_slice(line).map_err(storage)?;
            changes.iter().try_for_each(|change| state.apply(change))?;
        }
        Ok((state, (bytes.len() - rest.len()) as u64))
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), CommitError> {
        let mut line = serde_json::to_vec(changes).map_err(|problem| CommitError::Undone(storage(problem)))?;
        line.push(b'\n');
        let Err(problem) = self.log.append(&line) else {
            self.length += line.len() as u64;
            return Ok(());
        };
        self.stale = true;
        match self.log.cut(self.length) {
            Ok(()) => Err(CommitError::Undone(storage(problem))),
            // Part of the line, all of it or nothing may be on the disk. What is there counts.
            Err(_) => Err(CommitError::Unknown(storage(problem))),
        }
    }
}

impl Store for Engine {
    fn epoch(&self) -> String {
        self.lock().state.epoch.clone()
    }

    fn begin(&self) -> Box<dyn Batch + '_> {
        Box::new(Steps { inner: self.lock(), changes: Vec::new() })
    }

    fn commit_waits(&self) -> bool {
        true
    }

    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        self.read(|state| Ok(state.unread(user, max_bytes)))
    }

    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error> {
        self.read(|state| Ok(state.between(user, with).and_then(|conversation| conversation.cursor_move(user, upto))))
    }

    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        self.read(|state| {
            let Some(conversation) = state.between(user, with) else { return Ok(HistoryPage::default()) };
            let show = |(id, message): (&MessageId, &Message)| conversation.show(user, *id, message);
            Ok(match position {
                Position::After(id) => {
                    page(conversation.messages.range((Excluded(id), Unbounded)).filter_map(show), limit)
                }
                Position::Before(id) => {
                    let mut page = page(conversation.messages.range(..id).rev().filter_map(show), limit);
                    page.messages.reverse();
                    page
                }
            })
        })
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<HistoryPage, Error> {
        self.read(|state| {
            let conversations = state.conversations(user).filter(|conversation| !conversation.former);
            let messages: BTreeMap<_, _> = conversations
                .flat_map(|conversation| {
                    conversation
                        .messages
                        .range((Excluded(after), Unbounded))
                        .map(move |(id, it)| (*id, (conversation, it)))
                })
                .collect();
            Ok(page(
                messages.into_iter().filter_map(|(id, (conversation, message))| conversation.show(user, id, message)),
                limit,
            ))
        })
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.read(|state| {
            state.users.values().try_for_each(|user| visit(Record::Account(&user.account)))?;
            let mut messages = BTreeMap::new();
            for conversation in state.conversations.values() {
                let members: Vec<_> = conversation.members.iter().map(|(user, it)| (user.as_str(), it.read)).collect();
                let members: Vec<_> = members.into_iter().map(|(user, read)| Member { user, read }).collect();
                if !conversation.former {
                    visit(Record::Conversation(&members))?;
                }
                let is_shown = |id: MessageId| !conversation.former || members.iter().any(|member| member.read < id);
                messages.extend(
                    conversation
                        .messages
                        .iter()
                        .filter(|(id, _)| is_shown(**id))
                        .map(move |(id, it)| (*id, (conversation, it))),
                );
            }
            messages.into_iter().try_for_each(|(id, (conversation, Message { to, from, text, framing, time }))| {
                let message = NewMessage { to: to.as_str(), from, text, framing: *framing, time: *time };
                visit(Record::Message { id, message, from_former_user: conversation.former })
            })
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.lock().load().map(drop)
    }

    fn tidy(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A batch: what it has changed is in the state already, and still to be written.
struct Steps<'a> {
    inner: MutexGuard<'a, Inner>,
    changes: Vec<Change>,
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

/// Everything there is.
#[derive(Default)]
struct State {
    /// The last number that was given out. Messages, conversations, versions of accounts and logins share it.
    counter: u64,
    epoch: String,
    restoring: bool,
    users: BTreeMap<UserName, User>,
    sessions: HashMap<SessionId, Session>,
    conversations: BTreeMap<u64, Conversation>,
}

struct User {
    account: Arc<Account>,
    /// In order of login.
    sessions: BTreeMap<u64, SessionId>,
    conversations: BTreeSet<u64>,
}

struct Session {
    login: u64,
    user: UserName,
    opened: Timestamp,
    last_used: Timestamp,
    expires: Timestamp,
    from: Option<SocketAddr>,
}

/// A conversation.
#[derive(Default)]
struct Conversation {
    number: u64,
    /// Notes have one, and so have conversations with a former user.
    members: BTreeMap<UserName, Reader>,
    /// Whether the other member was removed.
    former: bool,
    messages: BTreeMap<MessageId, Message>,
    last: MessageId,
}

/// A member of a conversation.
#[derive(Default)]
struct Reader {
    read: MessageId,
    /// How many messages are unread, and their bytes.
    unread: usize,
    bytes: usize,
}

struct Message {
    to: UserName,
    from: Arc<Profile>,
    text: String,
    framing: Framing,
    time: Timestamp,
}

impl State {
    /// The only place where anything changes.
    fn apply(&mut self, change: &Change) -> Result<(), Error> {
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
    fn leave(&mut self, user: &str, number: u64) {
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

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Has the next numbers lie past this one.
    fn saw(&mut self, number: u64) {
        self.counter = self.counter.max(number);
    }

    fn conversations(&self, user: &str) -> impl Iterator<Item = &Conversation> {
        let numbers = self.users.get(user).into_iter().flat_map(|user| &user.conversations);
        numbers.filter_map(|number| self.conversations.get(number))
    }

    /// The conversation of two users who still exist.
    fn between(&self, user: &str, with: &str) -> Option<&Conversation> {
        self.conversations(user).find(|conversation| {
            !conversation.former && conversation.other(user).is_some_and(|other| other.as_str() == with)
        })
    }

    fn last_message(&self) -> MessageId {
        self.conversations
            .values()
            .filter_map(|conversation| conversation.messages.keys().next_back().copied())
            .max()
            .unwrap_or_default()
    }

    fn live(&self, id: &SessionId, now: Timestamp) -> Option<(&Session, Arc<Profile>)> {
        let session = self.sessions.get(id).filter(|session| session.expires > now)?;
        Some((session, Arc::clone(&self.users.get(&session.user)?.account.profile)))
    }

    fn unread(&self, user: &str, max_bytes: usize) -> Unread {
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
    fn other(&self, user: &str) -> Option<&UserName> {
        let mut members = self.members.keys();
        members.find(|member| member.as_str() != user).or_else(|| self.members.keys().next())
    }

    /// A message as `user` sees it.
    fn show(&self, user: &str, id: MessageId, message: &Message) -> Option<HistoryMessage> {
        let Message { from, text, time, .. } = message;
        Some(HistoryMessage::new(id, self.other(user)?.clone(), Arc::clone(from), *time, text.clone()))
    }

    /// What `user` has not read.
    fn unread(&self, user: &str) -> impl DoubleEndedIterator<Item = (MessageId, &Message)> {
        let read = self.members.get(user).map_or(MessageId::MAX, |reader| reader.read);
        let later = self.messages.range((Excluded(read), Unbounded)).map(|(id, message)| (*id, message));
        later.filter(move |(_, message)| message.to.as_str() == user)
    }

    /// The lengths of the messages that `user` reads when a cursor goes from one message to another.
    fn lengths(&self, user: &str, from: MessageId, to: MessageId) -> impl Iterator<Item = usize> {
        let passed = self.messages.range((Excluded(from), Unbounded)).take_while(move |(id, _)| **id <= to);
        passed.filter(move |(_, message)| message.to.as_str() == user).map(|(_, message)| message.len())
    }

    /// The move of the cursor of `user` to the last message that is not after `upto`.
    fn cursor_move(&self, user: &str, upto: MessageId) -> Option<CursorMove> {
        let from = self.members.get(user)?.read;
        let to = self.messages.range(..=upto).next_back().map(|(id, _)| *id).filter(|to| *to > from)?;
        let lengths: Vec<_> = self.lengths(user, from, to).collect();
        let (messages, bytes) = (lengths.len(), lengths.iter().sum());
        Some(CursorMove { conversation: self.number, from, to, messages, bytes })
    }
}

impl Message {
    fn len(&self) -> usize {
        self.framing.before().len() + self.text.len() + self.framing.after().len()
    }
}

/// The first `limit` messages, and whether there are more.
fn page(mut messages: impl Iterator<Item = HistoryMessage>, limit: usize) -> HistoryPage {
    let page = messages.by_ref().take(limit).collect();
    HistoryPage::new(page, messages.next().is_some())
}

/// Something that has happened, as the log has it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// The data was created, or a restore has ended.
    Epoch(String),
    RestoreBegins,
    /// An account is new or has a new version.
    Account {
        revision: u64,
        who: Who,
        password: Option<String>,
        banned: bool,
    },
    AccountRemoved(String),
    /// A session is new or was used.
    Session {
        id: [u8; 32],
        login: u64,
        user: String,
        opened: u64,
        used: u64,
        expires: u64,
        from: Option<SocketAddr>,
    },
    SessionEnds([u8; 32]),
    Conversation {
        number: u64,
        members: Vec<(String, u64)>,
        former: bool,
    },
    Message {
        id: u64,
        conversation: u64,
        to: String,
        from: Who,
        text: String,
        framing: u8,
        time: u64,
    },
    /// A cursor has moved.
    Read {
        conversation: u64,
        user: String,
        upto: u64,
    },
}

impl Change {
    fn account(account: &Account, revision: u64) -> Self {
        let password = account.password.as_ref().map(PasswordHash::to_phc);
        Self::Account { revision, who: Who::of(&account.profile), password, banned: account.banned }
    }
}

/// A profile.
#[derive(Deserialize, Serialize)]
struct Who {
    user: String,
    full_name: String,
    country: String,
}

impl Who {
    fn of(profile: &Profile) -> Self {
        let [user, full_name, country] =
            [profile.user().as_str(), profile.full_name(), profile.country()].map(str::to_owned);
        Self { user, full_name, country }
    }

    fn profile(&self) -> Result<Arc<Profile>, Error> {
        Ok(Arc::new(Profile::kept(UserName::parse(&self.user)?, &self.full_name, &self.country)?))
    }
}

fn message_id(number: u64) -> Result<MessageId, Error> {
    MessageId::new(number).ok_or_else(damaged)
}

fn new_epoch() -> Result<String, Error> {
    Ok(SessionToken::random(&OsEntropy)?.to_string())
}

fn damaged() -> Error {
    storage("the log is damaged")
}

fn storage(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Storage(problem.into())
}

fn main() {}
