//! What the durable engine asks of whatever stores its records: a database on this machine, or a replicated log with
//! such a database as its view. Nothing above knows which.

use std::sync::Arc;

use super::record::Record;
use crate::error::Error;
use crate::model::MessageId;
use crate::store::CommitError;
use crate::store::index::{Always, Rows, Summary, Tables};
use crate::store::log::{Block, StreamId};

/// Rows of accounts, sessions, streams, rooms and what else there is, and a log of blocks. What is read is what was written, or an error that says
/// what is not.
pub(super) trait Backend: Send + Sync {
    /// Fails if commits are another server's to make, for now.
    fn check_open(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Whether what is read may be told only after a commit that began later, because another server may have committed since.
    fn proves_reads(&self) -> bool {
        false
    }

    /// Whether another server has changed the data since this was last asked.
    fn take_others(&self) -> bool {
        false
    }

    /// Whether nothing can be written, now and later.
    fn is_read_only(&self) -> bool;

    /// Stores all of a record, or nothing. If the outcome is unknown, every read fails until it is known. Unless the backend
    /// was opened to sync each commit, a loss of power may undo it, but only together with all later commits.
    fn commit(&self, record: &Record) -> Result<(), CommitError>;

    /// After a commit has failed: makes sure that what it wrote cannot come back after a crash. If this fails, what is read
    /// is still right, and it is tried again later. Does nothing if no commit has failed, or this was done.
    fn recover(&self) -> Result<(), Error>;

    /// Rewrites parts of the log, all or none of them. This changes nothing that anybody can still see, so it is not part of
    /// any record.
    fn compact(&self, changes: &[Compaction]) -> Result<(), Error>;

    /// Makes all commits so far outlast a loss of power.
    fn sync(&self) -> Result<(), Error>;

    /// Everything but the log and the summary.
    fn tables(&self) -> Result<Tables, Error>;

    /// The rows that are read at the start in any case, and what reads the others; `None` if everything has to be read at the start.
    fn on_demand(&self) -> Result<Option<OnDemandTables>, Error> {
        Ok(None)
    }

    /// The last summary that was written.
    fn summary(&self) -> Result<Summary, Error>;

    /// The block that contains the message, or contained it before it was dropped; `None` if that block was dropped, too.
    fn block(&self, message: MessageId) -> Result<Option<Block>, Error>;

    /// Some of the blocks that begin after that message, in order, and the next one among them; none if there are no
    /// more.
    fn blocks_after(&self, message: MessageId) -> Result<Vec<Block>, Error>;

    /// Some of the blocks that begin before that message, the newest first, and the last one before it among them; none if there are no
    /// more.
    fn blocks_before(&self, message: MessageId) -> Result<Vec<Block>, Error>;

    /// As [`blocks_after`](Self::blocks_after), without what is in the blocks, and unchecked.
    fn block_heads_after(&self, message: MessageId) -> Result<Vec<Block>, Error>;

    /// The last message of the last block; [`MessageId::NONE`] if there is no block.
    fn last_message(&self) -> Result<MessageId, Error>;

    /// Of the marks of a stream after a message, the one at the place `nth`, counted from 0.
    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error>;

    /// Does what makes reads and the next start fast, and the files small, beside commits or not.
    fn tidy(&self) -> Result<(), Error>;

    /// Leaves nothing of what was overwritten in any file. Nobody commits meanwhile.
    fn erase(&self) -> Result<(), Error>;

    /// How many bytes the backend takes; 0 if it cannot tell.
    fn size(&self) -> u64;

    /// Looks whether the backend's own structures are whole.
    fn check(&self) -> Result<(), Error>;

    /// The error for damaged data.
    fn damage(&self, what: &str) -> Error;
}

/// What [`Backend::on_demand`] gives.
pub(super) struct OnDemandTables {
    pub(super) always: Always,
    /// How many members all direct conversations have; notes to oneself count as two.
    pub(super) partners: u64,
    pub(super) rows: Arc<dyn Rows>,
}

/// A change to the log that drops messages, or texts of messages that were deleted.
#[derive(Clone, Debug)]
pub(super) enum Compaction {
    /// Replaces the block that begins at the same message by this one, which has less.
    Thin(Block),
    /// Drops the block that begins at this message.
    Drop(MessageId),
    /// Drops the marks of a stream up to this message.
    DropMarks(StreamId, MessageId),
}
