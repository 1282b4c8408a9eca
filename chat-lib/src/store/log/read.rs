//! Reading messages back: several streams at once, from the newest message to the oldest, block by block, so that each
//! block is fetched and parsed once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use super::block::{Block, Entry, StreamId};
use crate::error::Error;
use crate::model::MessageId;
use crate::store::hash::NumberHasher;

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

/// A stream that is being walked back.
struct Waiting {
    /// The part of it that is left.
    span: Span,
    /// Its first message in the block at hand, and the one before it.
    first: Option<(MessageId, MessageId)>,
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
    let mut waiting: HashMap<StreamId, Waiting, NumberHasher> = HashMap::default();
    // Streams by the message that comes next in them.
    let mut next: BTreeMap<MessageId, StreamId> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.from > span.after) {
        waiting.insert(span.stream, Waiting { span: *span, first: None });
        next.insert(span.from, span.stream);
    }
    while let Some((&id, &stream)) = next.last_key_value() {
        let block = source.block(id)?;
        let mut entries: Vec<Entry<'_>> = Vec::new();
        let mut found: Vec<StreamId> = Vec::new();
        for entry in block.iter().flat_map(|block| block.entries()) {
            let entry = entry.ok_or_else(|| damage(&format!("the block of message {id} cannot be parsed")))?;
            let Some(Waiting { span, first }) = waiting.get_mut(&entry.stream) else { continue };
            if entry.id <= span.from && entry.id > span.after {
                if first.is_none() {
                    *first = Some((entry.id, entry.before));
                    found.push(entry.stream);
                }
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
        // The first one of each stream decides where it goes on.
        for stream in found {
            let Some(Waiting { span, first }) = waiting.get_mut(&stream) else { continue };
            let Some((first, before)) = first.take() else { continue };
            if before >= first {
                return Err(damage(&format!("message {first} leads forward")));
            }
            next.remove(&span.from);
            span.from = before;
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
