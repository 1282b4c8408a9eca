//! The end of the log, in memory: the block that messages go into now, and the latest ones before it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::block::{Block, BlockWriter, Entry, ProfileId, StreamId};
use super::read::{BlockRef, Source};
use crate::error::Error;
use crate::limits::TAIL_BYTES;
use crate::model::{MessageId, MessageKey};
use crate::store::NewMessage;

/// Takes messages in, numbers them, and holds on to the blocks that are not written yet and as many before them as there
/// is room for.
pub(in crate::store) struct Tail {
    /// `None` before its first message.
    open: Option<BlockWriter>,
    /// For each message of the open block: its id, that of the message before it in the block, and where it begins.
    starts: Vec<(MessageId, MessageId, usize)>,
    /// In ascending order.
    blocks: VecDeque<Arc<Block>>,
    /// How much memory they take.
    bytes: usize,
    /// All messages after this one are here, if they were not dropped.
    begin: MessageId,
    /// The last id that was given out, or was skipped.
    last: MessageId,
    /// The last message that there is.
    last_message: MessageId,
    /// How many messages were appended, and how many bytes their texts had.
    pub(in crate::store) appended: (u64, u64),
}

impl Tail {
    /// The tail of a log that ends with `last_message`.
    pub(in crate::store) fn new(last_message: MessageId) -> Self {
        Self {
            open: None,
            starts: Vec::new(),
            blocks: VecDeque::new(),
            bytes: 0,
            begin: last_message,
            last: last_message,
            last_message,
            appended: (0, 0),
        }
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
        self.last.next().ok_or_else(no_more_ids)
    }

    /// Fails when there are no ids for so many messages.
    pub(in crate::store) fn check_room_for(&self, messages: usize) -> Result<(), Error> {
        let last = self.last.get().checked_add(messages as u64).and_then(MessageId::new);
        last.map(drop).ok_or_else(no_more_ids)
    }

    /// Appends a message to a stream, after the one `before`. Its text is empty if it is `deleted`. Fails when there are no
    /// more ids.
    pub(in crate::store) fn append(
        &mut self,
        stream: StreamId,
        before: MessageId,
        sender: ProfileId,
        message: &NewMessage<'_>,
        deleted: bool,
    ) -> Result<MessageId, Error> {
        let NewMessage { framing, text, time, .. } = *message;
        let (text, key) = (if deleted { "" } else { text }, message.key.map(MessageKey::as_str));
        let id = self.next_id()?;
        let open = self.open.get_or_insert_with(|| {
            // Under the same load, it comes to be as large as the one before, or a little larger.
            let before = self.blocks.back().map_or(0, |block| block.body.len());
            BlockWriter::with_capacity(id, time, before + before / 8)
        });
        self.starts.push((id, open.block().last, open.block().body.len()));
        open.push(&Entry { id, time, stream, sender, before, framing, text, key, deleted });
        (self.last, self.last_message) = (id, id);
        let (messages, bytes) = &mut self.appended;
        (*messages, *bytes) = (*messages + 1, *bytes + text.len() as u64);
        Ok(id)
    }

    /// Ends the block that messages go into, if there is one.
    pub(in crate::store) fn close(&mut self) -> Option<Arc<Block>> {
        let block = Arc::new(self.open.take()?.finish());
        self.starts.clear();
        self.bytes += block.memory();
        self.blocks.push_back(Arc::clone(&block));
        Some(block)
    }

    /// Makes room by forgetting the oldest blocks, of those up to the message `written`.
    pub(in crate::store) fn shrink(&mut self, written: MessageId) {
        while self.bytes > TAIL_BYTES
            && let Some(oldest) = self.blocks.pop_front_if(|oldest| oldest.last <= written)
        {
            self.bytes -= oldest.memory();
            self.begin = oldest.last;
        }
    }

    /// Deletes a message, if it is here.
    pub(in crate::store) fn delete(&mut self, id: MessageId) -> bool {
        if let Some(open) = self.open.as_mut().filter(|open| open.block().first <= id) {
            let deleted = open.delete(id);
            if deleted {
                self.starts.clear();
            }
            return deleted;
        }
        let place = self.blocks.partition_point(|block| block.first <= id).checked_sub(1);
        let Some((place, block)) = place.and_then(|place| Some((place, self.blocks.get(place)?))) else { return false };
        let Some(shorter) = block.without(|message| message == id) else { return false };
        self.replace(place, Some(Arc::new(shorter)));
        true
    }

    /// Blocks with the messages after `after`, and perhaps some before it, up to about so many bytes; and whether these are
    /// all. `None` if some of them are not here any more.
    pub(in crate::store) fn blocks_after(&self, after: MessageId, bytes: usize) -> Option<(Vec<Arc<Block>>, bool)> {
        if after < self.begin {
            return None;
        }
        let (mut found, mut length) = (Vec::new(), 0);
        let place = self.blocks.partition_point(|block| block.last <= after);
        for block in self.blocks.range(place..) {
            if length >= bytes {
                return Some((found, false));
            }
            length += block.body.len();
            found.push(Arc::clone(block));
        }
        found.extend(self.open_after(after).map(Arc::new));
        Some((found, true))
    }

    /// The messages of the open block after `after`, and perhaps some before it.
    fn open_after(&self, after: MessageId) -> Option<Block> {
        let block = self.open.as_ref().map(BlockWriter::block).filter(|block| block.last > after)?;
        let place = self.starts.partition_point(|(id, ..)| *id <= after);
        let Some(&(_, before, start)) = self.starts.get(place).filter(|_| place > 0) else {
            return Some(block.clone());
        };
        let body = block.body.get(start..)?.to_vec();
        Some(Block { first: before, last: block.last, time: block.time, body })
    }

    /// Replaces a closed block by one with fewer messages, or removes it.
    pub(in crate::store) fn replace(&mut self, place: usize, thin: Option<Arc<Block>>) {
        let added = thin.as_ref().map_or(0, |block| block.memory());
        let removed = match thin {
            Some(thin) => self.blocks.get_mut(place).map(|block| std::mem::replace(block, thin)),
            None => self.blocks.remove(place),
        };
        self.bytes = (self.bytes + added).saturating_sub(removed.map_or(0, |block| block.memory()));
    }

    /// How many bytes of memory the closed blocks take.
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

fn no_more_ids() -> Error {
    Error::Storage("there are no more message ids".into())
}

impl Source for &Tail {
    fn block(&self, id: MessageId) -> Result<Option<BlockRef<'_>>, Error> {
        let open = self.open_block(id).map(BlockRef::Borrowed);
        Ok(open.or_else(|| self.closed_block(id).map(|block| BlockRef::Shared(Arc::clone(block)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::model::{Framing, Profile, UserName};

    /// Only the messages were counted, so that short ones, each in a block of its own, took three times what they may.
    #[test]
    fn short_messages_take_no_more_memory_than_long_ones() {
        let mut tail = Tail::new(MessageId::NONE);
        let (framing, time) = (Framing::DEFAULT, Timestamp::EPOCH);
        let blocks = 2 * TAIL_BYTES / size_of::<Block>();
        let from = Arc::new(Profile::new(UserName::parse("messi").unwrap(), "Lionel Messi", "Argentina").unwrap());
        for _ in 0..blocks {
            let message = NewMessage { to: "messi", from: &from, text: "halo", framing, time, key: None };
            tail.append(StreamId(1), MessageId::NONE, ProfileId(1), &message, false).unwrap();
            tail.close();
            tail.shrink(tail.last());
        }
        assert!(tail.blocks().len() * (size_of::<Block>() + size_of::<usize>()) < TAIL_BYTES);
    }
}
