//! Reading messages: what a user has not read, pages of history, and what is new. Both engines do it here; each says where blocks and
//! marks come from.
//!
//! A stream leads only backwards, from each message to the one before. To page forwards without walking back from the
//! end, every [`MARK_INTERVAL`](crate::limits::MARK_INTERVAL)th message of a stream is noted as a mark: a page begins at
//! the first mark that is far enough ahead.

mod history;
mod news;
mod sync;
mod unread;

use std::sync::Arc;

pub(super) use self::history::history;
pub(super) use self::news::{find_message, find_sent, news};
pub(super) use self::sync::sync;
#[cfg(test)]
pub(super) use self::sync::sync_walking;
pub(super) use self::unread::{read_unread, read_unread_room, read_until};
use super::index::{Index, View};
use super::log::{Block, Entry, Source, Span, StreamId, walk_back};
use crate::error::Error;
use crate::model::MessageId;

/// An engine, as far as reading messages needs it.
pub(super) trait Shelf: Source {
    /// Shows the index, which nobody changes meanwhile. It may read what is not in memory.
    fn index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T;

    /// Of the marks of a stream after a message, the one at the place `nth`, counted from 0.
    fn mark(&self, stream: StreamId, after: MessageId, nth: usize) -> Result<Option<MessageId>, Error>;

    /// Blocks with the messages after `after`, and perhaps some before it, up to about so many bytes; and whether these are
    /// all. It is asked for what is not in memory any more.
    fn blocks_after(&self, after: MessageId, bytes: usize) -> Result<(Vec<Arc<Block>>, bool), Error>;

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

    /// The streams of a conversation of `user`, with the last message of each that is committed.
    fn committed_views(&mut self, user: &str, with: &str) -> Vec<View> {
        let views = self.views(user, with);
        let committed = |view: View| View { head: self.committed_head(view.stream, view.head), ..view };
        views.into_iter().map(committed).collect()
    }
}

/// A message of the stream at or after `until` and near to it, to walk back from.
fn start(shelf: &impl Shelf, stream: StreamId, head: MessageId, until: MessageId) -> Result<MessageId, Error> {
    if head <= until {
        return Ok(head);
    }
    Ok(shelf.mark(stream, until, 0)?.unwrap_or(head))
}
