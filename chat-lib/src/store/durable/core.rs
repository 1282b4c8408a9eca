//! What the durable engine commits: the index in memory, written to a backend and read back from it.

use std::ops::DerefMut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::KeepRead;
use super::backend::{Backend, OnDemandTables};
use super::commit::{GroupCommit, State, Target};
use super::record::Record;
use super::takes::Takes;
use crate::error::Error;
use crate::limits::{READ_AT_START, TIDY_BYTES, TIDY_PASSES};
use crate::model::MessageId;
use crate::store::dump::Snapshot;
use crate::store::index::Index;
use crate::store::log::{Block, BlockRef, Source, StreamId};
use crate::store::pages::Shelf;
use crate::store::{CommitError, Commits, Visit};

/// The index and its backend.
///
/// Lock order: `log_stays` → those of [`GroupCommit`].
pub(super) struct Core {
    pub(super) group: GroupCommit<Disk>,
    /// Held shared by whoever reads the log from end to end and needs it to stay, for as long as a dump's reader may take;
    /// and alone by whoever compacts it, who does not wait for it.
    pub(super) log_stays: RwLock<()>,
}

/// What is held in memory.
pub(super) struct Held {
    pub(super) index: Index,
    pub(super) takes: Takes,
    /// Another server has changed the data since it was last read back.
    is_of_others: bool,
}

/// The backend, and how much was written to it.
pub(super) struct Disk {
    pub(super) backend: Box<dyn Backend>,
    /// About how many bytes were written, and how many of them since it was tidied.
    pub(super) written: AtomicU64,
    pub(super) untidied: AtomicU64,
    pub(super) commits: Commits,
    /// Up to how many rows of users are read at the start.
    read_at_start: u64,
}

impl State for Held {
    type Record = Record;

    fn changes(&self) -> u64 {
        self.index.journal.count()
    }

    fn take(&mut self, complete: bool) -> Record {
        let (changes, last_message) = self.index.take_changes(complete);
        Record { changes, last_message }
    }

    fn promise(&mut self) {
        self.index.journal.count_message();
    }

    fn stored(&mut self, record: &Record) {
        self.index.written(record.last_message);
    }

    fn replace(&mut self, old: &mut Self) {
        self.index.continue_from(&mut old.index);
        if self.is_of_others {
            self.index.outdate_moves();
        }
        self.takes = std::mem::take(&mut old.takes);
    }
}

impl Target for Disk {
    type State = Held;

    fn commit(&self, record: &Record) -> Result<(), CommitError> {
        let began = Instant::now();
        self.backend.commit(record)?;
        self.commits.seconds.observe_time(began.elapsed(), 1);
        self.commits.changes.observe(record.changes.len() as f64, 1);
        self.count_written(record.cost());
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        self.backend.check_open()
    }

    fn proves_reads(&self) -> bool {
        self.backend.proves_reads()
    }

    fn load(&self) -> Result<Held, Error> {
        self.backend.check_open()?;
        let held = self.read_back()?;
        Ok(Held { is_of_others: self.backend.take_others(), ..held })
    }
}

impl Disk {
    fn new(backend: Box<dyn Backend>) -> Self {
        let (written, untidied, commits) = Default::default();
        Self { backend, written, untidied, commits, read_at_start: read_at_start() }
    }

    /// Takes note that so many bytes were written.
    pub(super) fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
        self.untidied.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read_back(&self) -> Result<Held, Error> {
        // What cannot be written to can still be read.
        self.backend.recover().ok();
        let summary = self.backend.summary()?;
        let (last, mut indexed) = (self.backend.last_message()?, summary.indexed);
        let damage = |what: String| self.backend.damage(&what);
        let is_large = summary.accounts + summary.streams + summary.profiles > self.read_at_start;
        // A program that only reads goes through all of it anyway, and a dump that is being restored may reuse ids.
        let all_at_once = !is_large || self.backend.is_read_only() || summary.restoring;
        let on_demand = if all_at_once { None } else { self.backend.on_demand()? };
        let mut index = match on_demand {
            Some(OnDemandTables { always, partners, rows }) => {
                Index::load_on_demand(always, rows, partners, summary, last).map_err(damage)?
            }
            None => Index::load(self.backend.tables()?, summary, last).map_err(damage)?,
        };
        loop {
            let blocks = self.backend.blocks_after(indexed)?;
            let Some(last) = blocks.last() else { break };
            indexed = last.first;
            blocks.iter().try_for_each(|block| index.replay(block)).map_err(damage)?;
        }
        if let Some(fault) = index.fault() {
            return Err(fault);
        }
        Ok(Held { index, takes: Takes::default(), is_of_others: false })
    }
}

impl Core {
    pub(super) fn open(backend: Box<dyn Backend>) -> Result<Self, Error> {
        let disk = Disk::new(backend);
        let held = disk.load()?;
        let core = Self { group: GroupCommit::new(disk, held), log_stays: RwLock::new(()) };
        core.check_restored()?;
        Ok(core)
    }

    /// Fails if a dump was being restored that nobody will finish.
    pub(super) fn check_restored(&self) -> Result<(), Error> {
        match self.index(|index| index.summary().restoring) {
            true => {
                let what = "a dump was being restored into it and that was not finished; remove it and restore again";
                Err(self.backend().damage(what))
            }
            false => Ok(()),
        }
    }

    /// As [`open`](Self::open), for data that another server commits to for now.
    pub(super) fn view(backend: Box<dyn Backend>) -> Result<Self, Error> {
        let disk = Disk::new(backend);
        let held = disk.read_back()?;
        let group = GroupCommit::new(disk, held);
        // It is out of date as soon as that server has committed.
        group.close_if(|_| true);
        Ok(Self { group, log_stays: RwLock::new(()) })
    }

    /// Fails if something could not be read that was needed.
    pub(super) fn check_read(&self) -> Result<(), Error> {
        self.index(|index| index.fault()).map_or(Ok(()), Err)
    }

    /// Has some more in memory of what was not read at the start. `false` if everything is.
    pub(super) fn load_more(&self) -> Result<bool, Error> {
        let Some(next) = self.index(|index| index.next_page()) else { return self.check_read().map(|()| false) };
        // Nobody waits for what is read.
        let page = next.read();
        self.index(|index| index.take_page(&next, page));
        Ok(true)
    }

    /// As [`GroupCommit::freeze`], with everything in memory.
    pub(super) fn freeze_whole<R>(&self, look: impl FnOnce(&mut Held) -> R) -> Result<R, Error> {
        let (mut look, mut was_undone) = (Some(look), false);
        loop {
            while self.load_more()? {}
            let look = |held: &mut Held| {
                if was_undone {
                    held.index.load_all();
                }
                look.take_if(|_| held.index.is_whole()).map(|look| look(held))
            };
            if let Some(outcome) = self.group.freeze(look)? {
                return Ok(outcome);
            }
            // A commit that failed has it read back, without users. On a full disk, the next one fails, too.
            was_undone = true;
        }
    }

    /// Has the data say how long it is kept, if that is asked for.
    pub(super) fn settle(&self, keep_read: Option<KeepRead>) -> Result<(), Error> {
        let Some(keep) = keep_read.filter(|keep| *keep != KeepRead::Everything) else { return Ok(()) };
        self.state().index.set_summary(|summary| summary.keep_read = keep.as_millis());
        Ok(())
    }

    pub(super) fn state(&self) -> impl DerefMut<Target = Held> {
        self.group.state()
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.group.target.backend
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.group.target
    }

    /// Tidies the backend: first while commits go on, and then, while they wait, what was committed meanwhile. Only
    /// then can SQLite reuse its write-ahead log instead of growing it. The log's checksums are lost with it, so a summary is
    /// written first.
    pub(super) fn tidy(&self) -> Result<(), Error> {
        let untidied = &self.disk().untidied;
        let mut tidied = untidied.swap(0, Ordering::Relaxed);
        let mut tidy_beside = || {
            for _ in 0..TIDY_PASSES {
                self.backend().tidy()?;
                let meanwhile = untidied.swap(0, Ordering::Relaxed);
                tidied += meanwhile;
                if meanwhile <= TIDY_BYTES {
                    break;
                }
            }
            Ok(())
        };
        let outcome = tidy_beside().and_then(|()| self.group.settle(|disk| disk.backend.tidy()));
        if outcome.is_err() {
            untidied.fetch_add(tidied, Ordering::Relaxed);
        }
        outcome
    }

    /// Writes down where streams end, and brings everything into the database: the next start has nothing to do.
    pub(super) fn finish(&self) -> Result<(), Error> {
        if self.backend().is_read_only() {
            return Ok(());
        }
        if self.backend().check_open().is_err() {
            return self.backend().tidy();
        }
        // It would wait for all users to be read.
        if self.needs_purge() {
            self.purge()?;
        }
        self.group.freeze(|held| held.index.flush_streams())?;
        self.group.flush()?;
        self.tidy()
    }

    pub(super) fn dump(
        &self,
        mut keeps: impl FnMut(&Block, Option<Duration>) -> bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let _log_stays = self.log_stays.read().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = self.snapshot()?;
        snapshot.show(visit)?;
        self.show_log(&mut snapshot, &mut keeps, visit)?;
        snapshot.show_keys(visit)
    }

    /// Reads everything, and compares what the index says with what the log has.
    pub(super) fn check(&self) -> Result<(), Error> {
        let _log_stays = self.log_stays.read().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = self.snapshot()?;
        self.backend().check()?;
        self.backend().tables()?;
        self.show_log(&mut snapshot, &mut |_, _| true, &mut |_| Ok(()))
    }

    fn snapshot(&self) -> Result<Snapshot, Error> {
        self.freeze_whole(|held| Snapshot::of(&mut held.index))
    }

    /// Shows the messages of a snapshot. Fails if one that is unread as of the snapshot is missing.
    fn show_log(
        &self,
        snapshot: &mut Snapshot,
        keeps: &mut dyn FnMut(&Block, Option<Duration>) -> bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let profile = |id| self.index(|index| index.profile(id));
        let last = snapshot.last;
        self.each_block(last, |block| {
            let shown = snapshot.show_block(block, keeps, &profile, visit);
            shown.map_err(|problem| problem.into_error(self))
        })?;
        snapshot.check().map_err(|what| self.damage(&what))
    }

    /// Shows all blocks that begin at or before the message `last`.
    pub(super) fn each_block(
        &self,
        last: MessageId,
        mut show: impl FnMut(&Block) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut after = MessageId::NONE;
        loop {
            let blocks = self.backend().blocks_after(after)?;
            for block in blocks.iter().filter(|block| block.first <= last) {
                show(block)?;
            }
            match blocks.last() {
                Some(block) if block.first < last => after = block.first,
                _ => return Ok(()),
            }
        }
    }
}

impl Source for Core {
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error> {
        let held = self.state().index.tail.shared_block(id);
        match held {
            Some(block) => Ok(Some(BlockRef::Shared(block))),
            None => Ok(self.backend().block(id)?.map(|block| BlockRef::Shared(Arc::new(self.without_deleted(block))))),
        }
    }
}

impl Shelf for Core {
    fn index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        look(&mut self.state().index)
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        self.backend().mark(stream, after, nth)
    }

    fn blocks_after(&self, after: MessageId, bytes: usize) -> Result<(Vec<Arc<Block>>, bool), Error> {
        // The next message may be in the middle of a block.
        let first = after.next().map(|next| self.backend().block(next)).transpose()?.flatten();
        let mut begin = first.as_ref().map_or(after, |block| block.first);
        let mut found: Vec<_> = first.into_iter().collect();
        let mut length: usize = found.iter().map(|block| block.body.len()).sum();
        loop {
            let blocks = self.backend().blocks_after(begin)?;
            let Some(last) = blocks.last() else { break };
            begin = last.first;
            for block in blocks {
                if length >= bytes {
                    return Ok((self.shared(found), false));
                }
                length += block.body.len();
                found.push(block);
            }
        }
        Ok((self.shared(found), true))
    }

    fn damage(&self, what: &str) -> Error {
        self.backend().damage(what)
    }
}

impl Core {
    fn shared(&self, blocks: Vec<Block>) -> Vec<Arc<Block>> {
        blocks.into_iter().map(|block| Arc::new(self.without_deleted(block))).collect()
    }

    /// The block without the texts of messages that were deleted since it was written.
    fn without_deleted(&self, block: Block) -> Block {
        self.index(|index| {
            let changed = index.has_deleted(block.first, block.last).then(|| block.without(|id| index.is_deleted(id)));
            changed.flatten().unwrap_or(block)
        })
    }
}

/// As [`READ_AT_START`], unless a test says otherwise.
fn read_at_start() -> u64 {
    #[cfg(test)]
    if super::tests::READING.get() != super::tests::Reading::AtStart {
        return 0;
    }
    READ_AT_START
}
