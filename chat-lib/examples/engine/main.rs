//! An engine of one's own: a chat kept in a file of JSON lines, written only against the public documentation of
//! `chat_lib::store`. It passes the suite in `chat_lib::conformance`, and this program serves a chat in it.
//!
//! ```sh
//! cargo run -p chat-lib --example engine
//! cargo test -p chat-lib --example engine
//! ```
//!
//! Everything that happens is a [`Change`]. A step (`steps.rs`, `messages.rs`, `rooms.rs`) checks what it was asked for, then
//! makes changes. Each is applied to the [`State`] in memory, and a commit appends the changes of its batch to the [`Log`], as
//! one line, and syncs it. Opening the file applies all of them again. So the file is the truth, and to undo is to read it once
//! more.
//!
//! What it leaves out, so that it is short: the file only grows, one batch is open at a time, and everything is in memory.

mod change;
mod conversation;
mod log;
mod messages;
mod rooms;
mod state;
mod steps;
mod store;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use chat_lib::entropy::OsEntropy;
use chat_lib::model::SessionToken;
use chat_lib::store::{CommitError, Commits};
use chat_lib::{Chat, Client, Config, Error, Server};

use self::change::Change;
use self::log::Log;
use self::state::State;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("chat.jsonl");
    let chat = Chat::new(Config { store: Box::new(Engine::open(&path)?), ..Config::default() });
    chat.add_demo_users()?;
    let server = Server::bind(chat, "127.0.0.1:0")?;
    let address = *server.addresses().first().ok_or("it listens nowhere")?;
    let handle = server.handle();
    let running = thread::spawn(move || server.run());

    let client = Client::connect(address)?;
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
    commits: Commits,
    /// How many messages were appended since it was opened, and how many bytes their texts had.
    appended: (u64, u64),
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
        let (commits, appended) = Default::default();
        let mut inner = Inner { log, length: 0, state: State::default(), stale: true, commits, appended };
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
        let began = Instant::now();
        let Err(problem) = self.log.append(&line) else {
            self.length += line.len() as u64;
            self.commits.seconds.observe_time(began.elapsed(), 1);
            self.commits.changes.observe(changes.len() as f64, 1);
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

fn new_epoch() -> Result<String, Error> {
    Ok(SessionToken::random(&OsEntropy)?.to_string())
}

fn storage(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Storage(problem.into())
}
