//! What a page of history costs, near the end of a long conversation and at its beginning, and what opening the data costs.
//! `cargo bench -p chat-lib --bench history -- DIRECTORY` keeps the data there, and uses it if it is there already.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chat_lib::clock::Timestamp;
use chat_lib::model::{Account, Framing, HistoryMessage, MessageId, Profile, UserName};
use chat_lib::store::{Batch, Durable, NewMessage, Options, Position, Quota, Store, SyncMode};

const MESSAGES: usize = 1_000_000;
const PAGES: usize = 100;
const LIMIT: usize = 100;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let own = given.is_none().then(|| tempfile::tempdir().expect("a directory can be made"));
    let directory = given.unwrap_or_else(|| own.as_ref().expect("there is one of two").path().join("data"));
    if !directory.exists() {
        fill(&open(&directory));
    }
    let began = Instant::now();
    let store = open(&directory);
    println!("open: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);

    let history = |position| store.history("ana", "bob", position, LIMIT).expect("it can be read").messages;
    pages("history forwards, from the beginning", Position::After(MessageId::NONE), true, history);
    pages("history backwards, from the end", Position::Before(MessageId::MAX), false, history);
    let middle = MessageId::new(MESSAGES as u64 / 2).expect("it is small");
    pages("history forwards, from the middle", Position::After(middle), true, history);
    pages("history backwards, from the middle", Position::Before(middle), false, history);
    let sync = |position| match position {
        Position::After(after) => store.sync("ana", after, LIMIT).expect("it can be read").messages,
        Position::Before(_) => unreachable!("it goes forwards"),
    };
    pages("sync, from the beginning", Position::After(MessageId::NONE), true, sync);
}

fn pages(what: &str, mut position: Position, forwards: bool, page: impl Fn(Position) -> Vec<HistoryMessage>) {
    let began = Instant::now();
    let mut messages = 0;
    for _ in 0..PAGES {
        let page = page(position);
        messages += page.len();
        position = match (forwards, page.first(), page.last()) {
            (true, _, Some(last)) => Position::After(last.id),
            (false, Some(first), _) => Position::Before(first.id),
            _ => break,
        };
    }
    println!("{what}: {:.0} µs for {LIMIT} messages", began.elapsed().as_secs_f64() * 1e6 / (messages / LIMIT) as f64);
}

fn open(directory: &std::path::Path) -> Durable {
    let options = Options { sync: SyncMode::Never, ..Options::default() };
    Durable::open(directory, options).expect("it can be opened")
}

/// A conversation of two users, of whom one writes half of what the other does, among messages of others.
fn fill(store: &Durable) {
    let names = ["ana", "bob", "eve"];
    let profiles = names.map(|name| {
        let user = UserName::parse(name).expect("it is one");
        Arc::new(Profile::new(user, name, "").expect("it is one"))
    });
    let mut batch = store.begin();
    for profile in &profiles {
        batch.add_account(Account::new(Arc::clone(profile), None)).expect("it can be added");
    }
    batch.commit().expect("it can be stored");
    let (mut batch, mut steps): (Box<dyn Batch + '_>, usize) = (store.begin(), 0);
    for number in 0..MESSAGES {
        let (from, to) = [(0, "bob"), (0, "bob"), (1, "ana"), (2, "eve")][number % 4];
        let (text, time) = ("a text of some forty bytes, as people write", Timestamp::from_millis(number as u64));
        let message = NewMessage { to, from: &profiles[from], text, framing: Framing::DEFAULT, time, key: None };
        batch.append(message, Quota::UNLIMITED).expect("it can be appended");
        steps += 1;
        if steps == 1000 {
            batch.commit().expect("it can be stored");
            (batch, steps) = (store.begin(), 0);
        }
    }
    batch.commit().expect("it can be stored");
}
