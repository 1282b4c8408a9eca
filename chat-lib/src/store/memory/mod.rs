//! The engine that keeps everything in memory.

mod batch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::batch::MemoryBatch;
use super::dump::Snapshot;
use super::index::{Index, RoomMessages, Summary};
use super::log::{Block, BlockRef, Source, StreamId};
use super::pages::{self, Shelf};
use super::steps::Steps;
use super::{
    Batch, Commits, CursorMove, FoundMessage, HistoryPage, News, Position, Store, SyncPage, Unread, Visit, new_epoch,
};
use crate::error::Error;
use crate::limits::MEMORY_HISTORY_BYTES;
use crate::model::MessageId;

/// The engine that keeps everything in memory and loses it when the process ends. It never fails.
///
/// Of direct messages that were read and messages of rooms, it keeps the latest 64 MiB, whatever a room's own limits
/// ([`RoomKeep`](super::RoomKeep)) are.
pub struct Memory {
    state: Mutex<State>,
    /// Nothing is written.
    commits: Commits,
}

struct State {
    index: Index,
    /// The place of the next block to be searched for messages to drop.
    sweep: usize,
}

impl Memory {
    /// A store with nothing in it.
    pub fn new() -> Self {
        let index = Index::new(false, Summary::empty(new_epoch(), 0));
        Self { state: Mutex::new(State { index, sweep: 0 }), commits: Commits::default() }
    }

    fn snapshot(&self) -> (Snapshot, Vec<Arc<Block>>) {
        let State { index, .. } = &mut *self.state();
        index.close_block();
        (Snapshot::of(index), index.tail.blocks().cloned().collect())
    }

    fn show_blocks(&self, snapshot: &mut Snapshot, blocks: &[Arc<Block>], visit: &mut Visit<'_>) -> Result<(), Error> {
        let profile = |id| self.state().index.profile(id);
        blocks.iter().try_for_each(|block| {
            let shown = snapshot.show_block(block, &mut |_, _| true, &profile, visit);
            shown.map_err(|problem| problem.into_error(self))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for Memory {
    fn epoch(&self) -> String {
        self.state().index.summary().epoch.clone()
    }

    fn begin(&self) -> Box<dyn Batch + '_> {
        Box::new(Steps(MemoryBatch { memory: self, appended: false }))
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn commit_waits(&self) -> bool {
        false
    }

    fn read_unread(&self, user: &str, max_bytes: usize) -> Result<Unread, Error> {
        pages::read_unread(self, user, max_bytes)
    }

    fn read_until(&self, user: &str, with: &str, upto: MessageId) -> Result<Option<CursorMove>, Error> {
        pages::read_until(self, user, with, upto)
    }

    fn history(&self, user: &str, with: &str, position: Position, limit: usize) -> Result<HistoryPage, Error> {
        pages::history(self, user, with, position, limit)
    }

    fn read_unread_room(&self, user: &str, room: &str, max_bytes: usize) -> Result<Unread, Error> {
        pages::read_unread_room(self, user, room, max_bytes)
    }

    fn last_message(&self) -> MessageId {
        self.state().index.committed
    }

    fn news(&self, after: MessageId) -> Result<News, Error> {
        pages::news(self, after)
    }

    fn find_message(&self, user: &str, id: MessageId) -> Result<Option<FoundMessage>, Error> {
        pages::find_message(self, user, id)
    }

    fn find_sent(&self, user: &str, after: MessageId, limit: usize) -> Result<Vec<FoundMessage>, Error> {
        pages::find_sent(self, user, after, limit)
    }

    fn sync(&self, user: &str, after: MessageId, limit: usize) -> Result<SyncPage, Error> {
        pages::sync(self, user, after, limit)
    }

    fn dump(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        let (mut snapshot, blocks) = self.snapshot();
        snapshot.show(visit)?;
        self.show_blocks(&mut snapshot, &blocks, visit)?;
        snapshot.show_keys(visit)
    }

    fn check(&self) -> Result<(), Error> {
        let (mut snapshot, blocks) = self.snapshot();
        // It counts what is not committed, too.
        snapshot.last = MessageId::MAX;
        self.show_blocks(&mut snapshot, &blocks, &mut |_| Ok(()))?;
        snapshot.check().map_err(|what| self.damage(&what))
    }

    fn tidy(&self) -> Result<(), Error> {
        Ok(())
    }

    fn commits(&self) -> Commits {
        self.commits.clone()
    }

    fn data_bytes(&self) -> u64 {
        0
    }

    fn check_writable(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Source for Memory {
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error> {
        Ok(self.state().index.tail.shared_block(id).map(BlockRef::Shared))
    }
}

impl Shelf for Memory {
    fn index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        look(&mut self.state().index)
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        let state = self.state();
        let Some(after) = after.next() else { return Ok(None) };
        let marks = state.index.journal.marks.range((stream, after)..=(stream, MessageId::MAX));
        Ok(marks.map(|(_, message)| *message).nth(nth))
    }

    fn blocks_after(&self, _after: MessageId, _bytes: usize) -> Result<(Vec<Arc<Block>>, bool), Error> {
        // The tail has all that there is.
        Ok((Vec::new(), true))
    }

    fn damage(&self, what: &str) -> Error {
        Error::Storage(what.into())
    }
}

impl State {
    /// Appends something, and then drops what is too old.
    fn append<T>(&mut self, append: impl FnOnce(&mut Index) -> Result<T, Error>) -> Result<T, Error> {
        let blocks = self.index.tail.blocks().len();
        let appended = append(&mut self.index)?;
        if self.index.tail.blocks().len() > blocks {
            // Twice as fast as blocks are added.
            self.drop_read();
            self.drop_read();
        }
        Ok(appended)
    }

    /// Drops the read messages of one block, if all of them together take more than they may.
    fn drop_read(&mut self) {
        let Self { index, sweep } = self;
        if index.tail.bytes() <= MEMORY_HISTORY_BYTES.saturating_add(index.unread_bytes()) {
            *sweep = 0;
            return;
        }
        let Some(block) = index.tail.blocks().nth(*sweep).cloned() else {
            *sweep = 0;
            return;
        };
        let mut dropped = Vec::new();
        let mut of_rooms = RoomMessages::default();
        let thin = block.rewritten(|entry| {
            let keep = index.is_unread(&entry);
            if !keep {
                dropped.push((entry.stream, entry.id));
                of_rooms.add(index, &entry);
            }
            keep.then_some(entry)
        });
        let Some(thin) = thin else { return };
        if thin.body.is_empty() {
            index.tail.replace(*sweep, None);
        } else {
            if !dropped.is_empty() {
                index.tail.replace(*sweep, Some(Arc::new(thin)));
            }
            *sweep += 1;
        }
        for (stream, message) in dropped {
            index.journal.marks.remove(&(stream, message));
            index.set_gone(stream, message);
        }
        index.drop_room_messages(of_rooms, |_| block.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::conformance::{self, Data, Fault};
    use crate::model::{Account, Framing, Profile, RoomName, UserName};
    use crate::store::{Appended, Member, NewMessage, Quota, Record, Standing};

    struct InMemory;

    impl Data for InMemory {
        fn open(&self) -> Result<Box<dyn Store + '_>, Error> {
            Ok(Box::new(Memory::new()))
        }

        fn is_durable(&self) -> bool {
            false
        }

        fn fail_next_commit(&self, _fault: Fault) -> bool {
            false
        }
    }

    #[test]
    fn keeps_the_contract() {
        conformance::check(|| InMemory);
    }

    const MIB: usize = 1 << 20;

    fn account(user: &str) -> Account {
        let profile = Profile::new(UserName::parse(user).unwrap(), user, "").unwrap();
        Account::new(Arc::new(profile), None)
    }

    fn send(store: &Memory, to: &str, from: &Arc<Profile>, text: &str) {
        let message = NewMessage { to, from, text, framing: Framing::DEFAULT, time: Timestamp::EPOCH, key: None };
        let mut batch = store.begin();
        assert!(matches!(batch.append(message, Quota::UNLIMITED).unwrap(), Appended::Stored(_)));
        batch.commit().unwrap();
    }

    /// An inbox whose answer could not be sent was put back after its messages had been dropped as history: the user's
    /// `inbox` failed from then on.
    #[test]
    fn what_was_dropped_is_not_put_back() {
        let store = Memory::new();
        let from = account("messi").profile;
        let mut batch = store.begin();
        assert!(batch.add_account(account("messi")).unwrap() && batch.add_account(account("henderson")).unwrap());
        batch.commit().unwrap();
        let text = "x".repeat(MIB);
        (0..MEMORY_HISTORY_BYTES / MIB + 8).for_each(|_| send(&store, "messi", &from, &text));
        let Unread::Messages { moves, .. } = store.read_unread("messi", usize::MAX).unwrap() else { panic!() };
        assert!(store.begin().take("messi", &moves).unwrap());
        (0..8).for_each(|_| send(&store, "henderson", &from, &text));
        assert!(!store.begin().put_back("messi", &moves).unwrap());
        store.check().unwrap();
    }

    /// A dump whose messages had been read was kept whole, however large it was.
    #[test]
    fn a_restore_keeps_no_more_history_than_it_may() {
        let store = Memory::new();
        let messi = account("messi");
        let mut batch = store.begin();
        batch.begin_restore().unwrap();
        assert!(batch.restore(Record::Account(&messi)).unwrap());
        let notes = [Member { user: "messi", read: MessageId::MAX }];
        assert!(batch.restore(Record::Conversation(&notes)).unwrap());
        let text = "x".repeat(MIB);
        for number in 1..MEMORY_HISTORY_BYTES / MIB + 8 {
            let (to, from, framing, time) = ("messi", &messi.profile, Framing::DEFAULT, Timestamp::EPOCH);
            let id = MessageId::new(number as u64).unwrap();
            let message = NewMessage { to, from, text: &text, framing, time, key: None };
            assert!(batch.restore(Record::Message { id, message, from_former_user: false, deleted: false }).unwrap());
        }
        batch.end_restore().unwrap();
        batch.commit().unwrap();
        assert!(store.state().index.tail.bytes() < MEMORY_HISTORY_BYTES + 2 * MIB);
    }

    /// Where no ids were left, a message that was refused had begun a conversation.
    #[test]
    fn without_ids_nothing_is_begun() {
        let store = Memory::new();
        let messi = account("messi");
        let mut batch = store.begin();
        batch.begin_restore().unwrap();
        for account in [&messi, &account("henderson")] {
            assert!(batch.restore(Record::Account(account)).unwrap());
        }
        let notes = [Member { user: "messi", read: MessageId::MAX }];
        assert!(batch.restore(Record::Conversation(&notes)).unwrap());
        batch.end_restore().unwrap();
        let (from, framing, time) = (&messi.profile, Framing::DEFAULT, Timestamp::EPOCH);
        let message = NewMessage { to: "henderson", from, text: "halo", framing, time, key: None };
        assert!(batch.append(message, Quota::UNLIMITED).is_err());
        assert_eq!(batch.conversations("henderson").unwrap(), []);
    }

    fn room(store: &Memory, people: &[&str]) {
        let mut batch = store.begin();
        assert!(batch.create_room(&RoomName::parse("#lounge").unwrap(), "", true).unwrap());
        for user in people {
            assert!(batch.add_account(account(user)).unwrap());
            assert!(batch.set_standing("#lounge", user, Some(Standing::Member), true).unwrap());
        }
        batch.commit().unwrap();
    }

    fn unread(store: &Memory, user: &str, with: &str) -> usize {
        store.begin().conversation(user, with).unwrap().unwrap().unread
    }

    /// A message was read, deleted, and then counted by the cursor that passed it: another one was never unread.
    #[test]
    fn a_message_that_is_deleted_between_reading_and_taking_counts_once() {
        let store = Memory::new();
        room(&store, &["messi", "henderson"]);
        let from = account("messi").profile;
        for to in ["henderson", "#lounge"] {
            let with = if to == "henderson" { "messi" } else { to };
            (0..3).for_each(|_| send(&store, to, &from, "halo"));
            let step = store.read_until("henderson", with, MessageId::MAX).unwrap().unwrap();
            assert_eq!(step.messages, 3);
            let before = MessageId::new(step.to.get() - 1).unwrap();
            let found = store.find_message("messi", before).unwrap().unwrap();
            send(&store, to, &from, "one more");
            assert!(store.begin().delete(&found).unwrap());
            assert_eq!(unread(&store, "henderson", with), 3);
            store.check().unwrap();
            assert!(store.begin().take("henderson", std::slice::from_ref(&step)).unwrap());
            assert_eq!(unread(&store, "henderson", with), 1);
            store.check().unwrap();
            assert!(store.begin().put_back("henderson", &[step]).unwrap());
            assert_eq!(unread(&store, "henderson", with), 3);
            store.check().unwrap();
        }
    }

    /// Messages of rooms are history, whether they were read or not.
    #[test]
    fn messages_of_rooms_are_dropped_unread() {
        let store = Memory::new();
        room(&store, &["messi", "henderson"]);
        let from = account("messi").profile;
        let text = "x".repeat(MIB);
        let all = MEMORY_HISTORY_BYTES / MIB + 8;
        let stale = {
            (0..8).for_each(|_| send(&store, "#lounge", &from, &text));
            store.read_until("henderson", "#lounge", MessageId::MAX).unwrap().unwrap()
        };
        (8..all).for_each(|_| send(&store, "#lounge", &from, &text));
        let left = unread(&store, "henderson", "#lounge");
        assert!(left < all && left > MEMORY_HISTORY_BYTES / MIB - 4, "{left}");
        store.check().unwrap();
        assert!(!store.begin().take("henderson", &[stale]).unwrap(), "it counts what is gone");
        let step = store.read_until("henderson", "#lounge", MessageId::MAX).unwrap().unwrap();
        assert_eq!(step.messages, left);
        assert!(store.begin().take("henderson", &[step]).unwrap());
        send(&store, "#lounge", &from, "halo");
        assert_eq!(unread(&store, "henderson", "#lounge"), 1);
        let after = |after| store.history("henderson", "#lounge", Position::After(after), 1000).unwrap().messages;
        // A page has only one of such texts.
        let first = after(MessageId::NONE);
        let pages = std::iter::successors(Some(first.clone()), |page| Some(after(page.last()?.id)));
        let messages: usize = pages.map(|page| page.len()).take_while(|messages| *messages > 0).sum();
        assert_eq!(messages, left + 1);
        let news = store.news(MessageId::NONE).unwrap();
        assert_eq!(news.messages.first().map(|message| message.id), first.first().map(|message| message.id));
    }

    /// Somebody who waits for messages is given new ones from the middle of a block.
    #[test]
    fn news_begin_anywhere() {
        let store = Memory::new();
        room(&store, &["messi", "henderson"]);
        let from = account("messi").profile;
        let mut after = MessageId::NONE;
        for number in 0..2000 {
            send(&store, ["#lounge", "henderson"][number % 2], &from, &number.to_string());
            if number % 500 == 7 {
                let found = store.find_message("messi", store.last_message()).unwrap().unwrap();
                assert!(store.begin().delete(&found).unwrap());
            }
            if number % 3 == 0 {
                let news = store.news(after).unwrap();
                assert!(news.messages.len() <= 3 && news.messages.last().map(|it| it.id) == Some(news.upto));
                after = news.upto;
                assert_eq!(news.upto, store.last_message());
            }
        }
        let all = store.news(MessageId::NONE).unwrap();
        assert_eq!((all.messages.len(), all.messages.iter().filter(|message| message.deleted).count()), (2000, 4));
    }
}
