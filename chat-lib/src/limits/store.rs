//! Caps of the stores.

use std::time::Duration;

/// What part of a session's idle time it may live longer after a restart. Every use moves a session's
/// end; with this slack, the store has to write that only so many times in an idle time.
pub(crate) const SESSION_SLACK: u32 = 64;

/// How many bytes of messages a store puts into one block, if they come at once. Larger blocks are cheaper to write,
/// smaller ones cheaper to read a single message from.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;

/// How many bytes of memory a block takes beside itself and its messages: two allocations with their counts, and its place in the list.
pub(crate) const BLOCK_OVERHEAD: usize = 64;

/// Every how many messages of a stream the place of one is noted, to page forwards from. A page reads that many messages
/// more than it shows at most; a note takes some 20 bytes.
pub(crate) const MARK_INTERVAL: u64 = 64;

/// For how many messages a page of one conversation is read at first, even if it may have more: long ones fill it before, and each
/// that does not fit is read in vain.
pub(crate) const FIRST_MESSAGES: usize = 100;

/// Up to how many streams a page of all conversations walks back through. Each costs up to [`MARK_INTERVAL`] messages that are
/// not on the page, and these may be long: four streams of long ones are some 100 times what fits.
pub(crate) const WALKED_STREAMS: usize = 4;

/// About how many bytes of the log are read at once: twice what fits on a page.
pub(crate) const SCAN_BYTES: usize = 256 * 1024;

/// How many bytes of unread messages are read within a step. More are read by a job, beside the steps of others.
pub(crate) const UNREAD_STEP_BYTES: usize = 64 * 1024;

/// How many bytes of read messages a chat in memory keeps as history.
pub(crate) const MEMORY_HISTORY_BYTES: usize = 64 * 1024 * 1024;

/// The greatest id that a dump may have, be it a message's or a cursor: the other half are left for later messages.
pub(crate) const RESTORED_ID: u64 = 1 << 52;

/// After how many bytes of messages the durable store writes down where streams end. Messages that came
/// later are read at the next start after a crash, which takes some 0.1 s.
pub(crate) const INDEX_FLUSH_BYTES: usize = 32 * 1024 * 1024;

/// After how many conversations with new messages the durable store writes down where their streams end. Each of these is looked up at the
/// next start after a crash, which takes some 10 µs.
pub(crate) const INDEX_FLUSH_STREAMS: usize = 16 * 1024;

/// Up to how many users, conversations and profiles together the durable store reads at the start, which takes some 20 ms. Of more, it
/// reads each when it is needed, and all that are left beside its other work.
pub(crate) const READ_AT_START: u64 = 20_000;

/// How many users are looked up at once for a list of all, which takes well below a millisecond, or some if they have to be read.
pub(crate) const USERS_AT_ONCE: usize = 1000;

/// After how many written bytes the durable store's write-ahead log is brought into the database, beside
/// the commits. It is read at the next start after a crash.
pub(crate) const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// How many bytes may be left to be brought into the database while commits wait, which takes well below a millisecond.
pub(crate) const TIDY_BYTES: u64 = 256 * 1024;

/// How often what was written meanwhile is brought into the database beside the commits, for fewer bytes to be left. If they
/// come as fast as the disk is, they are never few.
pub(crate) const TIDY_PASSES: usize = 4;

/// After how many bytes of read messages the durable store drops what may be dropped, if more was not
/// left of the last time: so each byte is looked at a few times at most.
pub(crate) const SWEEP_BYTES: usize = 16 * 1024 * 1024;

/// The longest that the durable store waits until it drops what may be dropped.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How many times faster than real time the clock that messages age by catches up with the system's. A system clock that
/// is wrong for an hour ages them by a day at most; a machine that was off for a month is a little more than a day behind.
pub(crate) const RETENTION_CATCH_UP: u32 = 24;

/// How long messages that were read are spared from being dropped, because the answer with them may still wait to be sent.
/// After twice the time that a peer may take nothing ([`stall_time`](super::Limits::stall_time)), the peer is gone.
pub(crate) const PUT_BACK_TIME: Duration = Duration::from_secs(20 * 60);

/// How often the durable store syncs under `SyncMode::EverySecond`, and looks after itself.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// About how many bytes of messages are handed on at once to those who wait for them. It is little enough to be looked through
/// within a millisecond or two.
pub(crate) const NEWS_BYTES: usize = 1024 * 1024;

/// How long texts of deleted messages may stay on a disk. Removing them costs a moment in which nothing is committed, so
/// those of many messages are removed together.
pub(crate) const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// How many bytes of records a server of a cluster keeps, in case that the shared log loses some. It is many times what an engine that
/// does not sync at once loses with its power; each record is written once more for it.
pub(crate) const KEPT_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// How many records of the shared log wait to be noted in the database, if there is nothing else to write. They are read again after a
/// restart.
pub(crate) const UNSTORED_RECORDS: usize = 256;

/// How long to wait until an append is tried again of which nobody knows whether it has worked.
pub(crate) const APPEND_RETRY: Duration = Duration::from_millis(20);

/// How long an append is tried before the server gives up being the owner. A NATS cluster that loses its leader takes up to nine
/// seconds to go on, and whoever has given up by then has to read all its data again.
pub(crate) const APPEND_PATIENCE: Duration = Duration::from_secs(15);
