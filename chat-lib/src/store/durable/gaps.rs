//! What compactions, restores and failed commits leave of the log, while others read it.

use std::cell::Cell;

use super::hostile::{Hostile, begin, send};
use super::tests::{account, compact, filled, take, unread};
use super::*;
use crate::limits::PUT_BACK_TIME;
use crate::model::{Framing, Profile, RoomName};
use crate::store::index::Index;
use crate::store::log::{Block, BlockRef, Source, StreamId};
use crate::store::pages::Shelf;
use crate::store::{Conversations as _, Member, NewMessage, Record, RoomKeep, RoomMembership, Standing};

fn id(number: u64) -> MessageId {
    MessageId::new(number).unwrap()
}

fn said<'a>(number: u64, to: &'a str, from: &'a Arc<Profile>) -> Record<'a> {
    let message = NewMessage { to, from, text: "halo", framing: Framing::DEFAULT, time: Timestamp::EPOCH, key: None };
    Record::Message { id: id(number), message, from_former_user: false, deleted: false }
}

/// All messages of a conversation, page by page forwards.
fn paged(store: &Core, user: &str, with: &str) -> usize {
    let (mut after, mut messages) = (MessageId::NONE, 0);
    loop {
        let page = pages::history(store, user, with, Position::After(after), 10).unwrap();
        messages += page.messages.len();
        match page.messages.last() {
            Some(last) if page.more => after = last.id,
            None if page.more => panic!("a page behind {after} is empty, and there should be more"),
            _ => return messages,
        }
    }
}

/// A peer was served so slowly that its inbox was put back after the compaction had dropped the messages: from then on,
/// every `inbox` of that user failed, and a check found the data damaged.
#[test]
fn what_was_dropped_is_not_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 100);
    let moves = take(&store, "messi");
    store.group.flush().unwrap();
    compact(&store, false).unwrap();
    assert!(!super::batch::begin(&store, None).put_back("messi", &moves).unwrap());
    store.check().unwrap();
}

/// A failed commit has the index read back, which knew nothing of what had been dropped.
#[test]
fn what_was_dropped_is_not_put_back_after_a_failed_commit_either() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let from = account("messi").profile;
    let mut batch = begin(&store);
    batch.add_account(account("messi")).unwrap();
    (0..100).for_each(|_| assert!(send(&mut *batch, "messi", &from, &"x".repeat(1000))));
    batch.commit().unwrap();
    let moves = take(&store, "messi");
    store.group.flush().unwrap();
    compact(&store, false).unwrap();
    let mut batch = begin(&store);
    batch.add_account(account("henderson")).unwrap();
    disk.fail_after(0);
    assert!(batch.commit().is_err());
    assert!(!begin(&store).put_back("messi", &moves).unwrap());
    assert_eq!(unread(&store, "messi"), 0);
}

/// A process was killed after a compaction had dropped messages and before it had dropped their marks. A page that began
/// at such a mark was empty and promised more, again and again.
#[test]
fn a_compaction_that_is_cut_leads_no_page_astray() {
    for calls in 20..50 {
        let disk = Hostile::syncing();
        let store = Core::open(Box::new(disk.clone())).unwrap();
        let from = account("messi").profile;
        let mut batch = begin(&store);
        batch.add_account(account("messi")).unwrap();
        (0..1300).for_each(|_| assert!(send(&mut *batch, "messi", &from, &"x".repeat(1000))));
        batch.commit().unwrap();
        take(&store, "messi");
        store.group.flush().unwrap();
        disk.fail_after(calls);
        store.compact(Instant::now() + 2 * PUT_BACK_TIME, Keep::default(), |_, _| false).ok();
        disk.crash();
        drop(store);
        let store = Core::open(Box::new(disk)).unwrap();
        paged(&store, "messi", "messi");
    }
}

/// A compaction that had begun before a dump was restored dropped messages of the dump, because their ids were those of
/// messages that had been there before.
#[test]
fn a_compaction_does_not_touch_a_log_that_began_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), 100);
    let messi = account("messi");
    let mut blocks = 0;
    let restore = |_: &Block, _| {
        blocks += 1;
        if blocks == 1 {
            let mut batch = begin(&store);
            ["messi", "henderson"].iter().for_each(|user| assert!(batch.remove_account(user).unwrap()));
            batch.begin_restore().unwrap();
            assert!(batch.restore(Record::Account(&messi)).unwrap());
            let notes = [Member { user: "messi", read: MessageId::NONE }];
            assert!(batch.restore(Record::Conversation(&notes)).unwrap());
            (1..=100).for_each(|number| assert!(batch.restore(said(number, "messi", &messi.profile)).unwrap()));
            batch.end_restore().unwrap();
            batch.commit().unwrap();
        }
        false
    };
    assert_eq!(store.compact(Instant::now(), Keep::default(), restore).unwrap(), None);
    store.check().unwrap();
    assert_eq!(unread(&store, "messi"), 100);
}

/// After a restore, the rows of streams did not know of the messages that the dump had as read. A compaction dropped
/// some, the process was killed, and the store refused to open: a message was missing.
#[test]
fn what_was_restored_as_read_may_be_dropped() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let messi = account("messi");
    let mut batch = begin(&store);
    batch.begin_restore().unwrap();
    assert!(batch.restore(Record::Account(&messi)).unwrap());
    assert!(batch.restore(Record::Conversation(&[Member { user: "messi", read: id(40) }])).unwrap());
    (1..=50).for_each(|number| assert!(batch.restore(said(number, "messi", &messi.profile)).unwrap()));
    batch.end_restore().unwrap();
    batch.commit().unwrap();
    let mut batch = begin(&store);
    send(&mut *batch, "messi", &messi.profile, &"x".repeat(100_000));
    batch.commit().unwrap();
    compact(&store, false).unwrap();
    disk.crash();
    let store = Core::open(Box::new(disk)).unwrap();
    assert_eq!(unread(&store, "messi"), 11);
    store.check().unwrap();
}

/// A restore that was given up and begun again left a summary of messages that were cleared: a failed commit could not be
/// undone then.
#[test]
fn a_restore_can_be_begun_twice() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let messi = account("messi");
    for _ in 0..2 {
        let mut batch = begin(&store);
        batch.begin_restore().unwrap();
        batch.commit().unwrap();
        let mut batch = begin(&store);
        assert!(batch.restore(Record::Account(&messi)).unwrap());
        assert!(batch.restore(Record::Conversation(&[Member { user: "messi", read: id(40) }])).unwrap());
        assert!(batch.restore(said(7, "messi", &messi.profile)).unwrap());
        disk.fail_after(0);
        assert!(batch.commit().is_err());
        let mut batch = begin(&store);
        assert!(batch.restore(Record::Account(&messi)).unwrap());
        assert!(batch.restore(Record::Conversation(&[Member { user: "messi", read: id(40) }])).unwrap());
        assert!(batch.restore(said(7, "messi", &messi.profile)).unwrap());
        batch.commit().unwrap();
        let mut batch = begin(&store);
        assert!(batch.remove_account("messi").unwrap());
        batch.commit().unwrap();
    }
}

/// Whoever wrote twice while a dump was being restored, in a conversation that the dump had as read further, made the
/// recipient's counts drift: the mailbox filled up with messages that were not there.
#[test]
fn messages_that_are_sent_during_a_restore_are_counted_once() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk)).unwrap();
    let messi = account("messi");
    let mut batch = begin(&store);
    batch.begin_restore().unwrap();
    assert!(batch.restore(Record::Account(&messi)).unwrap());
    assert!(batch.restore(Record::Conversation(&[Member { user: "messi", read: id(40) }])).unwrap());
    (0..3).for_each(|_| assert!(send(&mut *batch, "messi", &messi.profile, "halo")));
    batch.commit().unwrap();
    assert_eq!(store.state().index.unread("messi"), (0, 0));
}

/// Each restored message got a block of its own, and so a row: reading them took a query for each.
#[test]
fn restored_messages_share_blocks() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk)).unwrap();
    let messi = account("messi");
    let mut batch = begin(&store);
    batch.begin_restore().unwrap();
    assert!(batch.restore(Record::Account(&messi)).unwrap());
    assert!(batch.restore(Record::Conversation(&[Member { user: "messi", read: id(0) }])).unwrap());
    (1..=3000).for_each(|number| assert!(batch.restore(said(3 * number, "messi", &messi.profile)).unwrap()));
    batch.end_restore().unwrap();
    batch.commit().unwrap();
    let mut blocks = 0;
    let count = |_: &Block| {
        blocks += 1;
        Ok(())
    };
    store.each_block(MessageId::MAX, count).unwrap();
    assert!((2..4).contains(&blocks), "{blocks}");
    assert_eq!(paged(&store, "messi", "messi"), 3000);
}

/// A store to which something happens when a reader looks for the first block or mark.
struct Disturbed<'a>(&'a Core, Cell<Option<Box<dyn FnOnce() + 'a>>>);

impl<'a> Disturbed<'a> {
    fn new(core: &'a Core, by: impl FnOnce() + 'a) -> Self {
        Self(core, Cell::new(Some(Box::new(by))))
    }

    fn disturb(&self) {
        self.1.take().into_iter().for_each(|by| by());
    }
}

impl Source for Disturbed<'_> {
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error> {
        self.disturb();
        self.0.block(id)
    }
}

impl Shelf for Disturbed<'_> {
    fn index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        self.0.index(look)
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        self.disturb();
        self.0.mark(stream, after, nth)
    }

    fn blocks_after(&self, after: MessageId, bytes: usize) -> Result<(Vec<Arc<Block>>, bool), Error> {
        self.disturb();
        self.0.blocks_after(after, bytes)
    }

    fn damage(&self, what: &str) -> Error {
        self.0.damage(what)
    }
}

/// A reader began at a message whose commit then failed: the page was empty, the inbox damaged, and a cursor was to move
/// past messages without counting them.
#[test]
fn a_commit_that_fails_disturbs_no_reader() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let from = account("messi").profile;
    let mut batch = begin(&store);
    batch.add_account(account("messi")).unwrap();
    (0..100).for_each(|_| assert!(send(&mut *batch, "messi", &from, "halo")));
    batch.commit().unwrap();
    type Read = fn(&Disturbed<'_>) -> usize;
    let reads: [Read; 5] = [
        |shelf| pages::history(shelf, "messi", "messi", Position::Before(MessageId::MAX), 1000).unwrap().messages.len(),
        |shelf| pages::history(shelf, "messi", "messi", Position::After(MessageId::NONE), 1000).unwrap().messages.len(),
        |shelf| pages::sync(shelf, "messi", id(64), 1000).unwrap().messages.len() + 64,
        |shelf| pages::read_until(shelf, "messi", "messi", MessageId::MAX).unwrap().unwrap().messages,
        |shelf| match pages::read_unread(shelf, "messi", usize::MAX).unwrap() {
            Unread::Messages { inbox, .. } => inbox.len(),
            Unread::TooLarge | Unread::WouldBlock => 0,
        },
    ];
    for read in reads {
        let mut batch = begin(&store);
        send(&mut *batch, "messi", &from, "lost");
        let shelf = Disturbed::new(&store, || {
            disk.fail_after(0);
            assert!(batch.commit().is_err());
        });
        assert_eq!(read(&shelf), 100);
    }
}

/// What was behind a gap was shown if another stream of the same page happened to lead into the same block.
#[test]
fn nothing_is_shown_behind_a_gap() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let (messi, henderson) = (account("messi").profile, account("henderson").profile);
    let mut batch = begin(&store);
    ["messi", "henderson"].iter().for_each(|user| assert!(batch.add_account(account(user)).unwrap()));
    send(&mut *batch, "messi", &henderson, "1");
    send(&mut *batch, "henderson", &messi, &"2".repeat(1000));
    batch.commit().unwrap();
    for (to, from, text) in [("messi", &henderson, "3"), ("messi", &henderson, "4"), ("henderson", &messi, "5")] {
        let mut batch = begin(&store);
        send(&mut *batch, to, from, text);
        batch.commit().unwrap();
    }
    take(&store, "messi");
    store.group.flush().unwrap();
    compact(&store, false).unwrap();
    drop(store);
    let store = Core::open(Box::new(disk)).unwrap();
    let texts = |page: HistoryPage| page.messages.iter().map(|message| message.id.get()).collect::<Vec<_>>();
    let all = pages::history(&store, "messi", "henderson", Position::Before(MessageId::MAX), 10).unwrap();
    assert_eq!(texts(all), [2, 5]);
}

/// A dump may have ids that were those of other messages before: rooms and deletions of these must not be taken for its own.
#[test]
fn a_restore_that_begins_anew_forgets_rooms_and_deletions() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let messi = account("messi");
    let room = RoomName::parse("#lounge").unwrap();
    let mut batch = begin(&store);
    assert!(batch.add_account(messi.clone()).unwrap() && batch.create_room(&room, "", true).unwrap());
    assert!(batch.set_standing("#lounge", "messi", Some(Standing::Owner), true).unwrap());
    (0..20).for_each(|_| assert!(send(&mut *batch, "#lounge", &messi.profile, "halo")));
    batch.commit().unwrap();
    for number in [5, 15] {
        let found = pages::find_message(&store, "messi", id(number)).unwrap().unwrap();
        assert!(begin(&store).delete(&found).unwrap());
    }
    let mut batch = begin(&store);
    assert!(batch.remove_account("messi").unwrap());
    batch.begin_restore().unwrap();
    assert!(batch.restore(Record::Account(&messi)).unwrap());
    assert!(batch.restore(Record::Conversation(&[Member { user: "messi", read: id(0) }])).unwrap());
    (1..=10).for_each(|number| assert!(batch.restore(said(number, "messi", &messi.profile)).unwrap()));
    batch.end_restore().unwrap();
    assert!(batch.set_standing("#lounge", "messi", Some(Standing::Owner), true).unwrap());
    batch.commit().unwrap();
    let look = |store: &Core| {
        store.check().unwrap();
        let page = pages::history(store, "messi", "messi", Position::After(MessageId::NONE), 100).unwrap();
        assert_eq!(page.messages.iter().filter(|message| message.text == "halo").count(), 10);
        let page = pages::history(store, "messi", "#lounge", Position::After(MessageId::NONE), 100).unwrap();
        page.messages.len()
    };
    assert_eq!(look(&store), 0);
    let mut batch = begin(&store);
    assert!(send(&mut *batch, "#lounge", &messi.profile, "halo"));
    batch.commit().unwrap();
    disk.crash();
    assert_eq!(look(&Core::open(Box::new(disk)).unwrap()), 1);
}

/// Members' counts are made up while a room is restored, and a commit may fail at any time.
#[test]
fn a_restored_room_counts_right_whatever_fails() {
    let disk = Hostile::syncing();
    let store = Core::open(Box::new(disk.clone())).unwrap();
    let accounts = ["ana", "bo", "cy", "di"].map(account);
    let room = RoomName::parse("#lounge").unwrap();
    let mut batch = begin(&store);
    batch.begin_restore().unwrap();
    accounts.iter().for_each(|account| assert!(batch.restore(Record::Account(account)).unwrap()));
    let member = |user, standing, since, read| RoomMembership { user, standing, since: id(since), read: id(read) };
    let members = [
        member("ana", Standing::Owner, 0, 0),
        member("bo", Standing::Member, 0, 25),
        member("cy", Standing::Invited, 0, 0),
        member("di", Standing::Member, 500, 1000),
    ];
    let keep = RoomKeep::default();
    assert!(batch.restore(Record::Room { name: &room, title: "t", open: true, keep, members: &members }).unwrap());
    batch.commit().unwrap();
    let unread = |store: &Core| {
        let unread = |user| store.state().index.conversation(user, "#lounge").map(|state| state.unread);
        ["ana", "bo", "cy", "di"].map(unread)
    };
    // Of every three messages, one is ana's, one bo's, and one a former user's; every tenth was deleted.
    let former = account("former");
    let from = [&accounts[0], &accounts[1], &former].map(|account| &account.profile);
    let mut next = 1;
    for (failed, flushed) in [(false, false), (true, true), (false, false), (true, false), (false, true)] {
        let mut batch = begin(&store);
        for number in next..next + 12 {
            let sender = number as usize % 3;
            let (from, from_former_user, deleted) = (from[sender], sender == 2, number % 10 == 0);
            let text = if deleted { "" } else { "halo" };
            let (framing, time) = (Framing::DEFAULT, Timestamp::EPOCH);
            let message = NewMessage { to: "#lounge", from, text, framing, time, key: None };
            assert!(batch.restore(Record::Message { id: id(number), message, from_former_user, deleted }).unwrap());
        }
        if failed {
            disk.fail_after(0);
        }
        assert_eq!(batch.commit().is_err(), failed);
        next += if failed { 0 } else { 12 };
        if flushed {
            store.state().index.flush_streams();
            store.group.flush().unwrap();
        }
    }
    let mut batch = begin(&store);
    batch.end_restore().unwrap();
    batch.commit().unwrap();
    let is_unread = |cursor: u64, own: u64| (cursor + 1..37).filter(|it| it % 10 != 0 && it % 3 != own).count();
    let wanted = [Some(is_unread(0, 0)), Some(is_unread(25, 1)), None, Some(0)];
    assert_eq!(unread(&store), wanted);
    store.check().unwrap();
    let mut batch = begin(&store);
    assert!(send(&mut *batch, "#lounge", &accounts[0].profile, "halo"));
    batch.commit().unwrap();
    assert!(store.state().index.committed > id(1000));
    assert_eq!(unread(&store)[3], Some(1));
    disk.crash();
    let store = Core::open(Box::new(disk)).unwrap();
    store.check().unwrap();
    assert_eq!(unread(&store), [wanted[0], Some(is_unread(25, 1) + 1), None, Some(1)]);
}
