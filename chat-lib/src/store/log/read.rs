//! Reading messages back: several streams at once, from the newest message to the oldest, block by block, so that each
//! block is fetched and parsed once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use super::block::{Block, Entry, StreamId};
use crate::error::Error;
use crate::model::MessageId;

/// Where blocks come from.
pub(in crate::store) trait Source {
    /// The block that the message is in, or would be in if it had not been dropped. `None` if it is not here.
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error>;
}

/// A block that someone else may hold, too.
pub(in crate::store) enum BlockRef<'a> {
    Borrowed(&'a Block),
    Shared(Arc<Block>),
}

impl Deref for BlockRef<'_> {
    type Target = Block;

    fn deref(&self) -> &Block {
        match self {
            Self::Borrowed(block) => block,
            Self::Shared(block) => block,
        }
    }
}

/// The part of a stream that is to be read.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Span {
    pub(in crate::store) stream: StreamId,
    /// A message of the stream to begin at.
    pub(in crate::store) from: MessageId,
    /// Where to end: before this message.
    pub(in crate::store) after: MessageId,
}

/// Why a walk has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::store) enum Walk {
    /// It has come to the end of all streams, or was told to stop.
    Done,
    /// This message of this stream is not there.
    Missing(StreamId, MessageId),
}

/// Walks back through `spans`, newest block first, and shows the entries of each block in ascending order together.
/// Ends when `visit` returns `false`. What is missing is left out from there on, and the first such message is returned at
/// the end.
///
/// # Errors
///
/// As `source` fails; with the sentence that `damage` makes of it, if a block cannot be parsed or a stream leads forward.
pub(in crate::store) fn walk_back(
    source: &impl Source,
    spans: &[Span],
    damage: &dyn Fn(&str) -> Error,
    mut visit: impl FnMut(&[Entry<'_>]) -> Result<bool, Error>,
) -> Result<Walk, Error> {
    let mut outcome = Walk::Done;
    let mut waiting: HashMap<StreamId, Span> = HashMap::new();
    // Streams by the message that comes next in them.
    let mut next: BTreeMap<MessageId, StreamId> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.from > span.after) {
        waiting.insert(span.stream, *span);
        next.insert(span.from, span.stream);
    }
    while let Some((&id, &stream)) = next.last_key_value() {
        let block = source.block(id)?;
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for entry in block.iter().flat_map(|block| block.entries()) {
            let entry = entry.ok_or_else(|| damage(&format!("the block of message {id} cannot be parsed")))?;
            let span = waiting.get(&entry.stream);
            if span.is_some_and(|span| entry.id <= span.from && entry.id > span.after) {
                entries.push(entry);
            }
        }
        if !entries.iter().any(|entry| entry.id == id) {
            if outcome == Walk::Done {
                outcome = Walk::Missing(stream, id);
            }
            next.remove(&id);
            waiting.remove(&stream);
            // Another stream may have its next message here.
            entries.retain(|entry| entry.stream != stream);
        }
        // From the last one, so that the first one of each stream decides where it goes on.
        for entry in entries.iter().rev() {
            let Some(span) = waiting.get_mut(&entry.stream) else { continue };
            if entry.before >= entry.id {
                return Err(damage(&format!("message {} leads forward", entry.id)));
            }
            next.remove(&span.from);
            span.from = entry.before;
            if span.from > span.after {
                next.insert(span.from, span.stream);
            }
        }
        if !entries.is_empty() && !visit(&entries)? {
            break;
        }
    }
    Ok(outcome)
}
