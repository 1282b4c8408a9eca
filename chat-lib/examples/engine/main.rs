//! An engine of one's own: a chat kept in a file of JSON lines, written only against the public documentation of
//! `chat_lib::store`. It passes the suite in `chat_lib::conformance`, and this program serves a chat in it.
//!
//! ```sh
//! cargo run -p chat-lib --example engine
//! cargo test -p chat-lib --example engine
//! ```
//!
//! Everything that happens is a [`Change`]. A step (`steps.rs`) checks what it was asked for, then makes changes. Each is
//! applied to the [`State`] in memory, and a commit appends the changes of its batch to the [`Log`], as one line, and
//! syncs it. Opening the file applies all of them again. So the file is the truth, and to undo is to read it once more.
//!
//! What it leaves out, so that it is short: the file only grows, one batch is open at a time, and everything is in memory.

mod change;
mod log;
mod state;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use chat_lib::entropy::OsEntropy;
use chat_lib::model::{HistoryMessage, MessageId, SessionToken};
use chat_lib::store::{
    Batch, CommitError, CursorMove, HistoryPage, Member, NewMessage, Position, Record, Store, Unread, Visit,
};
use chat_lib::{Chat, Client, Config, Error, Server};

use self::change::Change;
use self::log::Log;
use self::state::{Message, State};
use self::steps::Steps;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("chat.jsonl");
    let chat = Chat::new(Config { store: Box::new(Engine::open(&path)?), ..Config::default() });
    chat.add_demo_users()?;
    let server = Server::bind(chat, "127.0.0.1:0")?;
    let (addresses, handle) = (server.addresses().to_vec(), server.handle());
    let running = thread::spawn(move || server.run());

    let client = Client::connect(&addresses[..])?;
    let messi = client.login("messi", "surabaya")?;
    messi.send("henderson", "Halo Henderson, apa kabar?")?;
    let henderson = client.login("henderson", "surabaya")?;
    for message in &henderson.inbox()? {
        println!("{}: {}", message.from.full_name(), message.body());
    }

    handle.stop();
    running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    println!("The engine has made {} commits.", std::fs::read_to_string(&path)?.lines().count());
    Ok(())
}

/// A chat in a file.
pub(crate) struct Engine(Mutex<Inner>);

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
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::options().read(true).append(true).create(true).open(path).map_err(storage)?;
        file.try_lock().map_err(storage)?;
        Self::with_log(Box::new(file))
    }

    /// Opens the chat in `log`.
    pub(crate) fn with_log(log: Box<dyn Log>) -> Result<Self, Error> {
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

    fn is_read_only(&self) -> bool {
        false
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

/// The first `limit` messages, and whether there are more.
fn page(mut messages: impl Iterator<Item = HistoryMessage>, limit: usize) -> HistoryPage {
    let page = messages.by_ref().take(limit).collect();
    HistoryPage::new(page, messages.next().is_some())
}

fn new_epoch() -> Result<String, Error> {
    Ok(SessionToken::random(&OsEntropy)?.to_string())
}

fn storage(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Storage(problem.into())
}
