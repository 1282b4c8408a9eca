//! The log that the servers of a cluster share.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The most bytes that a record of a [`ReplicatedLog`] has: half of what NATS takes in one message unless it is told otherwise.
pub const RECORD_BYTES: usize = 512 * 1024;

/// A log that several servers share, and that outlasts the loss of any one machine. The servers need nothing else to agree: whoever
/// appends at a place has seen all that came before it.
///
/// Places are numbered from 1, without gaps. Records are opaque bytes, never empty, and at most [`RECORD_BYTES`] long. No two
/// records of different writers are ever equal.
///
/// Methods block as long as the answer takes, and give up after some seconds. They may be called from several threads.
pub trait ReplicatedLog: Send + Sync {
    /// Puts `record` at the place `at`, if the log ends right before it. What is [`Placed::Done`] is stored so that it outlasts the
    /// loss of a machine. Repeatable: where that very record is at that place already, this is `Done`, too.
    ///
    /// # Errors
    ///
    /// Nobody can tell whether the record is there, or will be. Ask again.
    fn append(&self, at: u64, record: &[u8]) -> Result<Placed, LogError>;

    /// Some of the records from the place `from` on, in order and without a gap between them, and the first of them if there are any. Where nothing is there
    /// yet, waits up to `wait` for something to come, and gives an empty list then. It may miss what was appended a moment ago. If the record at `from`
    /// was trimmed, the first entry is a later one.
    ///
    /// # Errors
    ///
    /// The log could not be read; trying again may work.
    fn read(&self, from: u64, wait: Duration) -> Result<Vec<LogEntry>, LogError>;

    /// The place of the last record, as of now: not earlier than any that was `Done` before the call. 0 if there was never one.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    fn last(&self) -> Result<u64, LogError>;

    /// Drops all records before the place `before`; the others keep their places.
    ///
    /// # Errors
    ///
    /// Nobody can tell whether they are gone. Ask again.
    fn trim(&self, before: u64) -> Result<(), LogError>;
}

/// A record of a [`ReplicatedLog`] and its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogEntry {
    /// The place.
    pub at: u64,
    /// The record.
    pub record: Vec<u8>,
}

/// What has become of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Placed {
    /// It is at its place.
    Done,
    /// Another record has that place, and this one is nowhere. If the place was trimmed, nobody can tell which one it was.
    Taken,
    /// The log ends before the place that precedes it, so it is nowhere: the log has lost records.
    Short {
        /// The place of the last record that there is.
        last: u64,
    },
}

/// A [`ReplicatedLog`] could not be asked, or did not answer in time.
#[derive(Debug)]
pub struct LogError(Box<dyn StdError + Send + Sync>);

impl LogError {
    /// An error with that cause.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the replicated log: {}", self.0)
    }
}

impl StdError for LogError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}
