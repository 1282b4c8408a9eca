//! A long conversation on a disk: opening it, and reading pages of it. It is made once, if one of these is asked for.

use std::cell::OnceCell;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use chat_lib::model::{HistoryMessage, MessageId};
use chat_lib::store::{Durable, Options, Position, Store, SyncMode};
use criterion::{Criterion, Throughput};
use tempfile::TempDir;

use crate::fixture::{add_users, append, user};

/// Of the whole log.
const MESSAGES: usize = if cfg!(debug_assertions) { 10_000 } else { 1_000_000 };

/// Messages that are committed together.
const GROUP: usize = 1000;

/// Messages of a page.
const PAGE: usize = 100;

/// Pages that are read one after the other, before it begins again.
const PAGES: usize = 100;

pub(crate) fn benches(criterion: &mut Criterion) {
    let data = OnceCell::new();
    opening(criterion, &data);
    let store = OnceCell::new();
    let mut pages = |name: &str, start: Position, read: fn(&Durable, Position) -> Vec<HistoryMessage>| {
        let mut group = criterion.benchmark_group("history");
        group.throughput(Throughput::Elements(PAGE as u64));
        group.bench_function(name, |bencher| {
            let store = store.get_or_init(|| open(data.get_or_init(fill).path()));
            let (mut position, mut page) = (start, 0);
            bencher.iter(|| {
                let messages = black_box(read(store, position));
                page = (page + 1) % PAGES;
                position = if page == 0 { start } else { following(position, &messages) };
            });
        });
    };
    let middle = MessageId::new(MESSAGES as u64 / 2).unwrap();
    let (first, last) = (Position::After(MessageId::NONE), Position::Before(MessageId::MAX));
    pages("forwards_from_the_beginning", first, history);
    pages("backwards_from_the_end", last, history);
    pages("forwards_from_the_middle", Position::After(middle), history);
    pages("backwards_from_the_middle", Position::Before(middle), history);
    pages("sync_from_the_beginning", first, sync);
}

fn opening(criterion: &mut Criterion, data: &OnceCell<TempDir>) {
    criterion.bench_function("history/open", |bencher| {
        let directory = data.get_or_init(fill).path();
        bencher.iter_custom(|iterations| {
            let mut took = Duration::ZERO;
            for _ in 0..iterations {
                let began = Instant::now();
                // It is closed before the next one.
                let _store = open(directory);
                took += began.elapsed();
            }
            took
        });
    });
}

fn history(store: &Durable, position: Position) -> Vec<HistoryMessage> {
    store.history(&user(0), &user(1), position, PAGE).unwrap().messages
}

fn sync(store: &Durable, position: Position) -> Vec<HistoryMessage> {
    let Position::After(after) = position else { unreachable!("it goes forwards") };
    store.sync(&user(0), after, PAGE).unwrap().messages
}

/// Where the next page begins. A conversation that has ended goes on from there.
fn following(position: Position, page: &[HistoryMessage]) -> Position {
    match (position, page.first(), page.last()) {
        (Position::After(_), _, Some(last)) => Position::After(last.id),
        (Position::Before(_), Some(first), _) => Position::Before(first.id),
        _ => position,
    }
}

fn open(directory: &Path) -> Durable {
    Durable::open(directory, Options { sync: SyncMode::Never, ..Options::default() }).unwrap()
}

/// A conversation of two users, of whom one writes half of what the other does, among messages of others.
fn fill() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let profiles = add_users(&store, 3);
    let pairs = [(0, 1), (0, 1), (1, 0), (2, 1)];
    let names: Vec<_> = (0..profiles.len()).map(user).collect();
    for _ in 0..MESSAGES / GROUP {
        let mut batch = store.begin();
        for (from, to) in pairs.into_iter().cycle().take(GROUP) {
            append(&mut *batch, &profiles[from], &names[to]);
        }
        batch.commit().unwrap();
    }
    directory
}
