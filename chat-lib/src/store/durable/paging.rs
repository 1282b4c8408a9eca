//! Random steps, with compactions, failed commits and crashes between them: pages show what they should.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::hostile::{Hostile, begin, send};
use super::tests::{account, take};
use super::*;
use crate::limits::{PAGE_BYTES, PUT_BACK_TIME, SCAN_BYTES};
use crate::store::index::Index;
use crate::store::log::{Block, BlockRef, Source, StreamId};
use crate::store::pages::Shelf;

const USERS: [&str; 3] = ["henderson", "lineker", "messi"];

/// A generator that is good enough to choose steps.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % limit
    }
}

/// By pair of users, the ids of all messages since both of them exist.
type Model = BTreeMap<(usize, usize), Vec<u64>>;

fn walk(seed: u64) {
    let mut random = Random(seed);
    let disk = Hostile::syncing();
    let mut store = Core::open(Box::new(disk.clone())).unwrap();
    let mut model = Model::new();
    let mut batch = begin(&store);
    USERS.iter().for_each(|user| assert!(batch.add_account(account(user)).unwrap()));
    batch.commit().unwrap();
    let mut taken = Vec::new();
    for _ in 0..60 {
        match random.below(10) {
            0..=4 => {
                let mut now = model.clone();
                let mut batch = begin(&store);
                for _ in 0..=random.below(120) {
                    let (one, other) = (random.below(3), random.below(3));
                    let text = "x".repeat([1, 10, 3000][random.below(3)]);
                    assert!(send(&mut *batch, USERS[one], &account(USERS[other]).profile, &text));
                    let id = store.state().index.tail.last().get();
                    now.entry((one.min(other), one.max(other))).or_default().push(id);
                }
                let committed = store.state().index.committed;
                let page = pages::sync_walking(&store, USERS[0], MessageId::NONE, usize::MAX, 0).unwrap();
                assert!(page.messages.iter().all(|message| message.id <= committed));
                let fails = random.below(5) == 0;
                if fails {
                    disk.fail_after(0);
                }
                if batch.commit().is_ok() {
                    model = now;
                }
            }
            5 => {
                let user = USERS[random.below(3)];
                taken.push((user, take(&store, user)));
                store.group.flush().unwrap();
            }
            6 => {
                if let Some((user, moves)) = taken.pop() {
                    begin(&store).put_back(user, &moves).unwrap();
                }
            }
            7 => {
                disk.fail_after(random.below(30));
                let later = [Duration::ZERO, 2 * PUT_BACK_TIME][random.below(2)];
                let nth = random.below(4);
                let mut blocks = 0;
                let keeps = |_: &Block, _| {
                    blocks += 1;
                    nth > 0 && blocks % nth == 0
                };
                store.compact(Instant::now() + later, Keep::default(), keeps).ok();
                disk.fail_after(usize::MAX);
            }
            8 => {
                store.group.flush().unwrap();
                drop(store);
                disk.crash();
                store = Core::open(Box::new(disk.clone())).unwrap();
            }
            _ => {
                let user = random.below(3);
                let mut batch = begin(&store);
                assert!(batch.remove_account(USERS[user]).unwrap());
                batch.commit().unwrap();
                let mut batch = begin(&store);
                assert!(batch.add_account(account(USERS[user])).unwrap());
                batch.commit().unwrap();
                model.retain(|(one, other), _| *one != user && *other != user);
            }
        }
        store.group.flush().unwrap();
        look(&store, &model, &mut random);
    }
}

fn look(store: &Core, model: &Model, random: &mut Random) {
    store.check().unwrap();
    for (place, user) in USERS.iter().enumerate() {
        let mut all = Vec::new();
        for (other, with) in USERS.iter().enumerate() {
            let limit = 1 + random.below(200);
            let forwards = all_pages(limit, |position| pages::history(store, user, with, position, limit), true);
            let backwards = all_pages(limit, |position| pages::history(store, user, with, position, limit), false);
            let nothing = Vec::new();
            let sent = model.get(&(place.min(other), place.max(other))).unwrap_or(&nothing);
            assert_eq!(forwards, backwards, "{user} {with} {limit}");
            let mut rest = sent.iter();
            assert!(forwards.iter().all(|id| rest.any(|sent| sent == id)), "{forwards:?} {sent:?}");
            let unread = store.state().index.streams_between(user, with)[0].map_or(0, |(_, state)| state.unread);
            assert!(forwards.len() >= unread);
            all.extend(forwards);
        }
        all.sort_unstable();
        let limit = 1 + random.below(200);
        let walked = [0, usize::MAX][random.below(2)];
        let news = all_pages(
            limit,
            |position| match position {
                Position::After(after) => {
                    let page = pages::sync_walking(store, user, after, limit, walked)?;
                    Ok(HistoryPage::new(page.messages, page.more))
                }
                Position::Before(_) => panic!("it goes forwards"),
            },
            true,
        );
        assert_eq!(news, all, "{user} {limit}");
    }
}

fn all_pages(limit: usize, page: impl Fn(Position) -> Result<HistoryPage, Error>, forwards: bool) -> Vec<u64> {
    let mut position = if forwards { Position::After(MessageId::NONE) } else { Position::Before(MessageId::MAX) };
    let mut found = Vec::new();
    loop {
        let HistoryPage { messages, more, .. } = page(position).unwrap();
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        assert!(ids.len() <= limit && ids.is_sorted_by(|one, next| one < next));
        assert!(!more || !ids.is_empty());
        match forwards {
            true => found.extend(ids.iter().map(|id| id.get())),
            false => found.splice(0..0, ids.iter().map(|id| id.get())).for_each(drop),
        }
        position = match (forwards, ids.first(), ids.last()) {
            (true, _, Some(last)) if more => Position::After(*last),
            (false, Some(first), _) if more => Position::Before(*first),
            _ => return found,
        };
    }
}

#[test]
fn pages_show_what_there_is() {
    (0..3).for_each(walk);
}

/// A store that counts the bytes of messages that are read.
struct Counting<'a>(&'a Core, Cell<usize>);

impl Counting<'_> {
    fn count(&self, block: &Block) {
        self.1.set(self.1.get() + block.body.len());
    }
}

impl Source for Counting<'_> {
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error> {
        let block = self.0.block(id)?;
        block.iter().for_each(|block| self.count(block));
        Ok(block)
    }
}

impl Shelf for Counting<'_> {
    fn index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        self.0.index(look)
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        self.0.mark(stream, after, nth)
    }

    fn blocks_after(&self, after: MessageId, bytes: usize) -> Result<(Vec<Arc<Block>>, bool), Error> {
        let found = self.0.blocks_after(after, bytes)?;
        found.0.iter().for_each(|block| self.count(block));
        Ok(found)
    }

    fn damage(&self, what: &str) -> Error {
        self.0.damage(what)
    }
}

/// A page of long messages took 65 MB to read, of which it had 128 KiB.
#[test]
fn pages_of_long_messages_read_little_more_than_they_show() {
    const LONG: usize = 10_000;
    let directory = tempfile::tempdir().unwrap();
    let open = || Core::open(Box::new(Sqlite::open(directory.path(), true).unwrap())).unwrap();
    let store = open();
    let mut batch = begin(&store);
    let senders: Vec<_> = (0..10).map(|number| format!("user{number}")).collect();
    senders.iter().for_each(|user| assert!(batch.add_account(account(user)).unwrap()));
    assert!(batch.add_account(account("messi")).unwrap());
    for number in 0..1200 {
        let sender = if number < 800 { "user0" } else { senders[number % 10].as_str() };
        assert!(send(&mut *batch, "messi", &account(sender).profile, &"x".repeat(LONG)));
    }
    batch.commit().unwrap();
    drop(store);
    let store = open();
    let read = |look: &dyn Fn(&Counting<'_>) -> usize| {
        let counting = Counting(&store, Cell::new(0));
        let shown = look(&counting);
        assert!((PAGE_BYTES / LONG - 2..=PAGE_BYTES / LONG).contains(&shown), "{shown}");
        counting.1.get()
    };
    let history = read(&|shelf| {
        pages::history(shelf, "messi", "user0", Position::After(MessageId::NONE), 1000).unwrap().messages.len()
    });
    assert!(history < 200 * LONG, "{history}");
    let sync = read(&|shelf| pages::sync(shelf, "messi", MessageId::NONE, 1000).unwrap().messages.len());
    assert!(sync < 2 * SCAN_BYTES, "{sync}");
    let blocks = store.backend().blocks_after(MessageId::NONE).unwrap();
    let bytes: usize = blocks.iter().map(|block| block.body.len()).sum();
    assert!(bytes < 2 * SCAN_BYTES, "{bytes}");
}
