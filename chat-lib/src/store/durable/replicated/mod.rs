//! The backend of a server among several: a shared log, and a database that is the view of it.
//!
//! - [`envelope`]: what a record of the log looks like, and how one is told that is not what was written;
//! - [`payload`]: what the records say;
//! - [`chain`]: taking records in, in order and whole, into the database;
//! - [`owner`]: appending, and becoming the one who may;
//! - [`handle`]: what a cluster does with all that.
//!
//! One server is the owner. It appends what it commits, and only then writes it to its own database. The others take in what it
//! appends. Whoever appends at a place has taken in all before it, so a server that was the owner and does not know yet that
//! another one is can append nothing: that alone keeps the data safe.

mod chain;
mod envelope;
mod handle;
mod owner;
mod payload;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::chain::Chain;
pub(super) use self::envelope::Hash;
use self::envelope::WriterId;
pub use self::handle::{RecordHashes, Replica, ReplicaError, Replication, record_hashes};
use self::payload::Payload;
use super::backend::{Backend, Compaction};
use super::record::Record;
use super::sqlite::Sqlite;
use crate::entropy::{Entropy, OsEntropy};
use crate::error::Error;
use crate::metrics::Histogram;
use crate::model::MessageId;
use crate::store::index::{Summary, Tables};
use crate::store::log::{Block, StreamId};
use crate::store::{CommitError, ReplicatedLog};

/// A place in a log, and the hash of the record there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The place; 0 before the first record.
    pub at: u64,
    /// The hash of the record; before the first one, the number that the log was founded with.
    pub hash: [u8; 32],
}

/// The shared log and its view.
pub(super) struct Replicated {
    sqlite: Sqlite,
    log: Arc<dyn ReplicatedLog>,
    writer: WriterId,
    /// How long an append is tried.
    patience: Duration,
    is_owner: AtomicBool,
    /// It was the owner before.
    was_owner: AtomicBool,
    /// What others have changed was taken in since somebody has looked.
    has_others: AtomicBool,
    chain: Mutex<Chain>,
    /// The last record that was taken in, for those who only want to know.
    reached: AtomicU64,
    /// How many bytes of records there were since it was opened.
    bytes: AtomicU64,
    /// How long appends took.
    appends: Histogram,
}

impl Replicated {
    fn new(sqlite: Sqlite, log: Arc<dyn ReplicatedLog>, patience: Duration) -> Result<Self, Error> {
        let mut writer = WriterId::default();
        OsEntropy.fill(&mut writer)?;
        let place = match sqlite.place()? {
            Some(place) => place,
            None => {
                let mut founded = Place { at: 0, hash: Hash::default() };
                OsEntropy.fill(&mut founded.hash)?;
                sqlite.become_replica(&founded)?;
                founded
            }
        };
        let chain = Chain::new(place, sqlite.kept_places()?);
        Ok(Self {
            sqlite,
            log,
            writer,
            patience,
            is_owner: AtomicBool::new(false),
            was_owner: AtomicBool::new(false),
            has_others: AtomicBool::new(false),
            chain: Mutex::new(chain),
            reached: AtomicU64::new(place.at),
            bytes: AtomicU64::new(0),
            appends: Histogram::seconds(),
        })
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        // A panic leaves it as it was after one of the records.
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_owner(&self) -> bool {
        self.is_owner.load(Ordering::Acquire)
    }
}

impl Backend for Arc<Replicated> {
    fn check_open(&self) -> Result<(), Error> {
        if self.is_owner() { Ok(()) } else { Err(Error::Busy) }
    }

    fn proves_reads(&self) -> bool {
        true
    }

    fn take_others(&self) -> bool {
        self.has_others.swap(false, Ordering::Relaxed)
    }

    fn is_read_only(&self) -> bool {
        self.sqlite.is_read_only()
    }

    fn commit(&self, record: &Record) -> Result<(), CommitError> {
        self.publish(&Payload::Commit(Cow::Borrowed(record)))
    }

    fn recover(&self) -> Result<(), Error> {
        self.sqlite.recover()
    }

    fn compact(&self, changes: &[Compaction]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        Ok(self.publish(&Payload::Compact(Cow::Borrowed(changes)))?)
    }

    fn sync(&self) -> Result<(), Error> {
        self.sqlite.sync()
    }

    fn tables(&self) -> Result<Tables, Error> {
        self.sqlite.tables()
    }

    fn summary(&self) -> Result<Summary, Error> {
        self.sqlite.summary()
    }

    fn block(&self, message: MessageId) -> Result<Option<Block>, Error> {
        self.sqlite.block(message)
    }

    fn blocks_after(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        self.sqlite.blocks_after(message)
    }

    fn blocks_before(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        self.sqlite.blocks_before(message)
    }

    fn block_heads_after(&self, message: MessageId) -> Result<Vec<Block>, Error> {
        self.sqlite.block_heads_after(message)
    }

    fn last_message(&self) -> Result<MessageId, Error> {
        self.sqlite.last_message()
    }

    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error> {
        self.sqlite.mark(stream, after, nth)
    }

    fn tidy(&self) -> Result<(), Error> {
        self.sqlite.tidy()
    }

    fn erase(&self) -> Result<(), Error> {
        Ok(self.publish(&Payload::Erase)?)
    }

    fn size(&self) -> u64 {
        self.sqlite.size()
    }

    fn check(&self) -> Result<(), Error> {
        self.sqlite.check()
    }

    fn damage(&self, what: &str) -> Error {
        self.sqlite.damage(what)
    }
}

#[cfg(test)]
mod tests;
