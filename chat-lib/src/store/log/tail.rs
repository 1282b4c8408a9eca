//! The end of the log, in memory: the block that messages go into now, and the latest ones before it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::block::{Block, BlockWriter, Entry, ProfileId, StreamId};
use super::read::{BlockRef, Source};
use crate::error::Error;
use crate::limits::TAIL_BYTES;
use crate::model::MessageId;
use crate::store::NewMessage;

/// Takes messages in, numbers them, and holds on to the blocks that are not written yet and as many before them as there
/// is room for.
pub(in crate::store) struct Tail {
    /// `None` before its first message.
    open: Option<BlockWriter>,
    /// In ascending order.
    blocks: VecDeque<Arc<Block>>,
    bytes: usize,
    /// The last id that was given out, or was skipped.
    last: MessageId,
    /// The last message that there is.
    last_message: MessageId,
}

impl Tail {
    /// The tail of a log that ends with `last_message`.
    pub(in crate::store) fn new(last_message: MessageId) -> Self {
        Self { open: None, blocks: VecDeque::new(), bytes: 0, last: last_message, last_message }
    }

    /// The last id that was given out, or was skipped.
    pub(in crate::store) fn last(&self) -> MessageId {
        self.last
    }

    /// The last message that there is.
    pub(in crate::store) fn last_message(&self) -> MessageId {
        self.last_message
    }

    /// Goes on with the id after `id`, if that is later.
    pub(in crate::store) fn skip_to(&mut self, id: MessageId) {
        self.last = self.last.max(id);
    }

    /// Whether the next message should go into a new block; [`close`](Self::close) begins one.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.open.as_ref().is_some_and(BlockWriter::is_full)
    }

    /// The id of the next message. Fails when there are no more.
    pub(in crate::store) fn next_id(&self) -> Result<MessageId, Error> {
        self.last.next().ok_or_else(|| Error::Storage("there are no more message ids".into()))
    }

    /// Appends a message to a stream, after the one `before`. Fails when there are no more ids.
    pub(in crate::store) fn append(
        &mut self,
        stream: StreamId,
        before: MessageId,
        sender: ProfileId,
        message: &NewMessage<'_>,
    ) -> Result<MessageId, Error> {
        let NewMessage { framing, text, time, .. } = *message;
        let id = self.next_id()?;
        let open = self.open.get_or_insert_with(|| {
            // Under the same load, it comes to be as large as the one before, or a little larger.
            let before = self.blocks.back().map_or(0, |block| block.body.len());
            BlockWriter::with_capacity(id, time, before + before / 8)
        });
        open.push(&Entry { id, time, stream, sender, before, framing, text });
        (self.last, self.last_message) = (id, id);
        Ok(id)
    }

    /// Ends the block that messages go into, if there is one.
    pub(in crate::store) fn close(&mut self) -> Option<Arc<Block>> {
        let block = Arc::new(self.open.take()?.finish());
        self.bytes += block.body.len();
        self.blocks.push_back(Arc::clone(&block));
        Some(block)
    }

    /// Makes room by forgetting the oldest blocks, of those up to the message `written`.
    pub(in crate::store) fn shrink(&mut self, written: MessageId) {
        while self.bytes > TAIL_BYTES
            && let Some(oldest) = self.blocks.pop_front_if(|oldest| oldest.last <= written)
        {
            self.bytes -= oldest.body.len();
        }
    }

    /// Replaces a closed block by one with fewer messages, or removes it.
    pub(in crate::store) fn replace(&mut self, place: usize, thin: Option<Arc<Block>>) {
        let added = thin.as_ref().map_or(0, |block| block.body.len());
        let removed = match thin {
            Some(thin) => self.blocks.get_mut(place).map(|block| std::mem::replace(block, thin)),
            None => self.blocks.remove(place),
        };
        self.bytes = (self.bytes + added).saturating_sub(removed.map_or(0, |block| block.body.len()));
    }

    /// How many bytes the closed blocks have.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The closed blocks, in ascending order.
    pub(in crate::store) fn blocks(&self) -> impl ExactSizeIterator<Item = &Arc<Block>> {
        self.blocks.iter()
    }

    /// The block that the message is in, unless it is the open one.
    pub(in crate::store) fn closed_block(&self, id: MessageId) -> Option<&Arc<Block>> {
        let place = self.blocks.partition_point(|block| block.first <= id).checked_sub(1)?;
        self.blocks.get(place).filter(|block| id <= block.last)
    }

    /// The block that the message is in, to be read while others append: of the open one, a copy.
    pub(in crate::store) fn shared_block(&self, id: MessageId) -> Option<Arc<Block>> {
        let open = self.open_block(id).map(|block| Arc::new(block.clone()));
        open.or_else(|| self.closed_block(id).cloned())
    }

    /// The block that messages go into now, if the message is there.
    pub(in crate::store) fn open_block(&self, id: MessageId) -> Option<&Block> {
        self.open.as_ref().map(BlockWriter::block).filter(|block| (block.first..=block.last).contains(&id))
    }
}

impl Source for &Tail {
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error> {
        let open = self.open_block(id).map(BlockRef::Borrowed);
        Ok(open.or_else(|| self.closed_block(id).map(|block| BlockRef::Shared(Arc::clone(block)))))
    }
}
