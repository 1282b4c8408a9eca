//! Reading messages: what a user has not read, and pages of history. Both engines do it here; each says where blocks and
//! marks come from.
//!
//! A stream leads only backwards, from each message to the one before. To page forwards without walking back from the
//! end, every [`MARK_INTERVAL`](crate::limits::MARK_INTERVAL)th message of a stream is noted as a mark: a page begins at
//! the first mark that is far enough ahead.

mod history;
mod unread;

pub(super) use self::history::{history, sync};
pub(super) use self::unread::{read_unread, read_until};
use super::index::{Index, StreamState};
use super::log::{Entry, Source, Span, StreamId, walk_back};
use crate::error::Error;
use crate::model::MessageId;

/// An engine, as far as reading messages needs it.
pub(super) trait Shelf: Source {
    /// Shows the index, which nobody changes meanwhile.
    fn index<T>(&self, look: impl FnOnce(&Index) -> T) -> T;

    /// Of the marks of a stream after a message, the one at the place `nth`, counted from 0.
    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error>;

    /// The error for damaged data.
    fn damage(&self, what: &str) -> Error;
}

impl Index {
    /// The last message of a stream that is committed, to begin at: a commit that fails takes away those after it.
    fn committed_head(&self, stream: StreamId, head: MessageId) -> MessageId {
        let mut found = head;
        if head > self.committed {
            let span = Span { stream, from: head, after: self.committed };
            let earlier = |entries: &[Entry<'_>]| {
                found = entries.first().map_or(found, |entry| entry.before);
                Ok(true)
            };
            // What is not committed is in memory, and was parsed when it was written.
            walk_back(&&self.tail, &[span], &|what| Error::Storage(what.into()), earlier).ok();
        }
        found
    }

    /// The streams between two users, with the last message of each that is committed.
    fn committed_between(&self, user: &str, with: &str) -> [Option<(StreamId, StreamState)>; 2] {
        self.streams_between(user, with).map(|found| {
            found.map(|(id, state)| (id, StreamState { head: self.committed_head(id, state.head), ..state }))
        })
    }
}

/// A message of the stream at or after `until` and near to it, to walk back from.
fn start(shelf: &impl Shelf, stream: StreamId, head: MessageId, until: MessageId) -> Result<MessageId, Error> {
    if head <= until {
        return Ok(head);
    }
    Ok(shelf.mark(stream, until, 0)?.unwrap_or(head))
}
