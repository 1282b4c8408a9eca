//! What a store counts, for metrics.

use crate::metrics::Histogram;

/// How much a store has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Accounts.
    pub users: u64,
    /// Live sessions.
    pub sessions: u64,
    /// Direct conversations of users who exist, notes to oneself included.
    pub direct_conversations: u64,
    /// Rooms.
    pub rooms: u64,
    /// How many messages were appended since the store was opened. It never falls, whatever becomes of them.
    pub messages: u64,
    /// How many bytes the texts of these messages had.
    pub message_bytes: u64,
}

/// Where a store observes its own commits. Clones are handles to the same histograms. Both stay empty in an engine that
/// writes nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Commits {
    /// How long writing and syncing took, for each commit that was written.
    pub seconds: Histogram,
    /// How many changes were written together, for each commit.
    pub changes: Histogram,
}

impl Default for Commits {
    fn default() -> Self {
        Self { seconds: Histogram::seconds(), changes: Histogram::counts() }
    }
}
