//! A suite that tells whether an engine keeps the contract of [`store`](crate::store). It needs the feature `conformance`,
//! and is meant for the tests of the crate that the engine is in:
//!
//! ```
//! use chat_lib::conformance::{self, Data, Fault};
//! use chat_lib::store::{Memory, Store};
//!
//! struct InMemory;
//!
//! impl Data for InMemory {
//!     fn open(&self) -> Result<Box<dyn Store + '_>, chat_lib::Error> {
//!         Ok(Box::new(Memory::new()))
//!     }
//!
//!     fn is_durable(&self) -> bool {
//!         false
//!     }
//!
//!     fn fail_next_commit(&self, _fault: Fault) -> bool {
//!         false
//!     }
//! }
//!
//! conformance::check(|| InMemory);
//! ```
//!
//! Each file tries one part of the contract. `walk` does random steps (`moves`) and compares all that can be seen (`views`,
//! `pages`) with `model`, the contract in its plainest form.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test suite reports by panicking"
)]

mod accounts;
mod blocks;
mod commits;
mod concurrency;
mod conversations;
mod counts;
mod cursors;
mod deleting;
mod dumps;
mod failures;
mod invitations;
mod keys;
#[cfg(feature = "sqlite")]
mod log;
mod model;
mod moves;
mod news;
mod pages;
mod random;
mod records;
mod restores;
mod room_messages;
mod rooms;
mod sent;
mod sessions;
#[cfg(feature = "sqlite")]
mod test_log;
mod views;
mod walk;

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "sqlite")]
pub use self::log::check_log;
#[cfg(feature = "sqlite")]
pub use self::test_log::{LogFault, TestLog};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Account, Framing, Inbox, MessageId, PasswordHash, Profile, RoomName, SessionId, UserName};
use crate::store::{Appended, Batch, CursorMove, NewMessage, Quota, Standing, Store, Unread};

/// A place for one chat, with nothing in it at first.
pub trait Data: Sync {
    /// Opens the engine. Of the same data, at most one is open at a time. Read
    /// messages must be kept, whatever their age, up to 1 MiB.
    ///
    /// # Errors
    ///
    /// Whatever the engine says, if it refuses to open.
    fn open(&self) -> Result<Box<dyn Store + '_>, Error>;

    /// Whether an engine that is opened again has what the one before has committed.
    fn is_durable(&self) -> bool;

    /// Makes the next commit of a batch that has changed something fail. `false` if this cannot be done.
    fn fail_next_commit(&self, fault: Fault) -> bool;
}

/// How a commit fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is written, and the engine can see that: a disk is full.
    Nothing,
    /// Nothing is written, but the engine cannot see that: a connection breaks before the request has arrived.
    UnseenNothing,
    /// Everything is written, but the engine cannot see that: a connection breaks before the answer has arrived.
    UnseenEverything,
}

impl Fault {
    const ALL: [Self; 3] = [Self::Nothing, Self::UnseenNothing, Self::UnseenEverything];
}

/// Tries each sentence of the contract on engines that are opened on new data, which `new` returns each time.
///
/// # Panics
///
/// If the engine breaks the contract. The message begins with the part of it that is broken.
pub fn check<D: Data>(new: impl Fn() -> D) {
    for part in [
        conversations::check,
        cursors::check,
        sessions::check,
        accounts::check,
        invitations::check,
        rooms::check,
        room_messages::check,
        blocks::check,
        deleting::check,
        sent::check,
        news::check,
        keys::check,
        dumps::check,
        records::check,
        restores::check,
        walk::check,
        counts::check,
        commits::check,
        failures::check,
        concurrency::check,
        cursors::check_long,
    ] {
        part(&|| Box::new(new()));
    }
}

/// Returns new data.
type New<'a> = dyn Fn() -> Box<dyn Data + 'a> + 'a;

fn open<'a>(data: &'a (dyn Data + '_)) -> Box<dyn Store + 'a> {
    data.open().unwrap_or_else(|problem| panic!("an engine opens on its data, but: {}", problem.with_reasons()))
}

/// Calls `test` with an engine on new data.
fn with(new: &New<'_>, test: fn(&dyn Store)) {
    let data = new();
    test(&*open(&*data));
}

/// Commits `steps`.
fn batch<T>(store: &dyn Store, steps: impl FnOnce(&mut dyn Batch) -> Result<T, Error>) -> T {
    let mut batch = store.begin();
    let value = steps(&mut *batch).unwrap_or_else(|problem| panic!("a step failed: {}", problem.with_reasons()));
    match batch.commit() {
        Ok(()) => value,
        Err(problem) => panic!("a commit failed, and nobody had made it fail: {problem}"),
    }
}

/// Looks at something; nothing is changed.
fn look<T>(store: &dyn Store, steps: impl FnOnce(&mut dyn Batch) -> Result<T, Error>) -> T {
    batch(store, steps)
}

fn account(user: &str, full_name: &str) -> Account {
    let profile = Profile::new(UserName::parse(user).unwrap(), full_name, "Argentina").unwrap();
    Account::new(Arc::new(profile), Some(PasswordHash::from_phc(PASSWORD).unwrap()))
}

/// No test logs in, so it needs not be anybody's.
const PASSWORD: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXRoaW5nIG5ldw$u3QzUGP8L3PvAy9Qz9gAQgL6RMXKs5hbH3kDhFQcNTw";

/// Adds users who are called what they log in as, "in full".
fn add(store: &dyn Store, users: &[&str]) {
    for user in users {
        let added = batch(store, |batch| batch.add_account(account(user, &format!("{user} in full"))));
        assert!(added, "add_account: adds an account whose user name is free");
    }
}

fn profile(store: &dyn Store, user: &str) -> Arc<Profile> {
    let account = look(store, |batch| batch.account(user));
    Arc::clone(&account.expect("account: returns an account that was added").profile)
}

/// Appends a message that came as a line of protocol 1.
fn append(store: &dyn Store, to: &str, from: &Arc<Profile>, line: &str) -> Appended {
    batch(store, |batch| batch.append(message(to, from, line), Quota::UNLIMITED))
}

/// As [`append`], where it must work.
fn send(store: &dyn Store, to: &str, from: &Arc<Profile>, line: &str) -> MessageId {
    match append(store, to, from, line) {
        Appended::Stored(id) => id,
        other => panic!("append: stores a message to a user, but: {other:?}"),
    }
}

fn message<'a>(to: &'a str, from: &'a Arc<Profile>, line: &'a str) -> NewMessage<'a> {
    let (framing, text) = Framing::split(line);
    NewMessage { to, from, text, framing, time: at(0), key: None }
}

/// Creates a room with these members, the first of whom owns it.
fn create_room(store: &dyn Store, room: &str, members: &[&str]) {
    let created = batch(store, |batch| batch.create_room(&RoomName::parse(room)?, "", true));
    assert!(created, "create_room: creates a room whose name is free");
    for (number, user) in members.iter().enumerate() {
        let standing = if number == 0 { Standing::Owner } else { Standing::Member };
        let done = batch(store, |batch| batch.set_standing(room, user, Some(standing), true));
        assert!(done, "set_standing: makes a user a member");
    }
}

fn join(store: &dyn Store, room: &str, user: &str, sees_history: bool) {
    let done = batch(store, |batch| batch.set_standing(room, user, Some(Standing::Member), sees_history));
    assert!(done, "set_standing: makes a user a member");
}

/// What is unread in a room.
fn unread_room(store: &dyn Store, user: &str, room: &str) -> (Inbox, Vec<CursorMove>) {
    match store.read_unread_room(user, room, usize::MAX).expect("read_unread_room: reads") {
        Unread::Messages { inbox, moves } => (inbox, moves),
        other => panic!(
            "read_unread_room: never answers `WouldBlock`, and nothing is too large for `usize::MAX`, but: {other:?}"
        ),
    }
}

/// What is unread, however the engine gets at it.
fn unread(store: &dyn Store, user: &str) -> (Inbox, Vec<CursorMove>) {
    let read = store.read_unread(user, usize::MAX).expect("read_unread: reads");
    let Unread::Messages { inbox, moves } = read else {
        panic!("read_unread: never answers `WouldBlock`, and nothing is too large for `usize::MAX`, but: {read:?}")
    };
    match look(store, |batch| batch.unread(user, usize::MAX)) {
        Unread::Messages { inbox: quick, moves: quick_moves } => {
            assert_eq!(lines(&quick), lines(&inbox), "read_unread: as `unread`");
            assert_eq!(quick.to(), inbox.to(), "read_unread: as `unread`");
            assert_eq!(by_number(quick_moves), by_number(moves.clone()), "read_unread: as `unread`");
        }
        Unread::WouldBlock => {}
        Unread::TooLarge => panic!("unread: nothing is too large for `usize::MAX`"),
    }
    (inbox, moves)
}

fn by_number(mut moves: Vec<CursorMove>) -> Vec<CursorMove> {
    moves.sort_by_key(|it| it.conversation);
    moves
}

/// Takes what is unread.
fn take(store: &dyn Store, user: &str) -> (Inbox, Vec<CursorMove>) {
    let (inbox, moves) = unread(store, user);
    let taken = batch(store, |batch| batch.take(user, &moves));
    assert!(taken || moves.is_empty(), "take: does the moves if no cursor has moved since");
    (inbox, moves)
}

/// Sender and line of each message.
fn lines(inbox: &Inbox) -> Vec<(String, String)> {
    inbox.iter().map(|message| (message.from.user().to_string(), message.text.to_owned())).collect()
}

/// The same of messages that are expected.
fn expected(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|&(from, line)| (from.to_owned(), line.to_owned())).collect()
}

/// Tries a list of names: what comes after any name, up to any limit. `all` are the names that it has.
fn check_list(list: &str, all: &[&str], read: impl Fn(&str, usize) -> Vec<String>) {
    for after in all.iter().copied().chain(["", "#", "M", "~"]) {
        let later: Vec<_> = all.iter().copied().filter(|name| *name > after).collect();
        let found = read(after, usize::MAX);
        assert!(found.iter().all(|name| &**name > after), "{list}: only names after `after`");
        assert_eq!(found, later, "{list}: all names after `after`, in order of name");
        for limit in 0..=all.len() {
            let found = read(after, limit);
            assert!(found.len() <= limit, "{list}: at most `limit`");
            assert!(later.iter().take(limit).eq(&found), "{list}: the first ones after `after`, but: {found:?}");
        }
    }
}

/// A digest as that of a token.
fn session_id(number: u64) -> SessionId {
    let mut random = random::Random::new(number);
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&random.next().to_le_bytes()));
    SessionId::from_bytes(bytes)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_secs(seconds))
}
