//! Caps of the stores.

use std::time::Duration;

/// What part of a session's idle time it may live longer after a restart. Every use moves a session's
/// end; with this slack, the store has to write that only so many times in an idle time.
pub(crate) const SESSION_SLACK: u32 = 64;

/// How many bytes of messages the durable store puts into one row, if they come at once. Larger rows
/// cost less to write, smaller ones less to read for one message in them.
pub(crate) const GROUP_BYTES: usize = 16 * 1024;

/// After how many bytes of messages the durable store writes its index of where mailboxes end. Messages that came
/// later are read at the next start after a crash, which takes some 0.1 s.
pub(crate) const INDEX_FLUSH_BYTES: usize = 32 * 1024 * 1024;

/// After how many written bytes the durable store's write-ahead log is brought into the database, beside
/// the commits. It is read at the next start after a crash.
pub(crate) const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;

/// After how many bytes of read messages the durable store drops what may be dropped, if more was not
/// left of the last time: so each byte is looked at a few times at most.
pub(crate) const SWEEP_BYTES: usize = 16 * 1024 * 1024;

/// The longest that the durable store waits until it drops what may be dropped.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How many times as fast as time passes the clock that messages age by catches up with the system's. A clock that
/// is wrong for an hour ages them by a day at most; a machine that was off for a month is a little more than a day behind.
pub(crate) const RETENTION_CATCH_UP: u32 = 24;

/// How often the durable store syncs under `SyncMode::EverySecond`, and looks after itself.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
