//! Messages as they lie in the log: packed into blocks, in order of arrival.

use crate::clock::Timestamp;
use crate::limits::{BLOCK_BYTES, BLOCK_OVERHEAD};
use crate::model::{Framing, MessageId};

/// The number of a stream: the messages that one user sends to another, one direction of a direct conversation; or the
/// messages of a room. It is never used for another stream.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct StreamId(pub(in crate::store) u32);

/// The number of a profile that messages were sent under.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct ProfileId(pub(in crate::store) u32);

/// Messages that are written together, at least one.
///
/// An entry is: the distance of its id from the one before it in the block (from `first` for the first entry), the
/// distance of its time from the block's, its stream, the sender's profile, a tag, the distance of its id from that of the
/// message before it in the same stream (0 if it is the first one), the length of its text, and the text; then, if the tag
/// says so, the length of the sender's key, and the key. Numbers are LEB128, the time as zigzag. The tag is that of the
/// framing, and a bit each for a message that has a key and one that was deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) struct Block {
    /// The id of the first message that was put into it. It stays when that message is dropped.
    pub(in crate::store) first: MessageId,
    /// The id of the last message that was put into it.
    pub(in crate::store) last: MessageId,
    /// When the first of its messages was sent.
    pub(in crate::store) time: Timestamp,
    pub(in crate::store) body: Vec<u8>,
}

impl Block {
    /// A block without entries.
    pub(in crate::store) fn new(first: MessageId, time: Timestamp) -> Self {
        Self { first, last: first, time, body: Vec::new() }
    }

    /// About how many bytes of memory it takes. A block of one short message is a few times as large as the message.
    pub(in crate::store) fn memory(&self) -> usize {
        size_of::<Self>() + BLOCK_OVERHEAD + self.body.len()
    }

    /// Its entries in order of arrival. If one cannot be parsed, it is `None`, and the last one.
    pub(in crate::store) fn entries(&self) -> Entries<'_> {
        Entries { rest: &self.body, id: self.first, time: self.time }
    }

    /// As [`entries`](Self::entries), each with how many bytes it takes.
    pub(in crate::store) fn sized_entries(&self) -> impl Iterator<Item = Option<(Entry<'_>, u64)>> {
        let mut entries = self.entries();
        std::iter::from_fn(move || {
            let before = entries.rest.len();
            let entry = entries.next()?;
            Some(entry.map(|entry| (entry, (before - entries.rest.len()) as u64)))
        })
    }

    /// The same block with other entries: what `change` makes of each, without those of which it makes nothing. `None` if an
    /// entry cannot be parsed.
    pub(in crate::store) fn rewritten(
        &self,
        mut change: impl for<'a> FnMut(Entry<'a>) -> Option<Entry<'a>>,
    ) -> Option<Self> {
        let mut writer = BlockWriter::with_capacity(self.first, self.time, self.body.len());
        for entry in self.entries() {
            change(entry?).iter().for_each(|entry| writer.push(entry));
        }
        Some(Self { last: self.last, ..writer.finish() })
    }

    /// The same block without the texts of deleted messages. `None` if there is nothing to change.
    pub(in crate::store) fn without(&self, mut is_deleted: impl FnMut(MessageId) -> bool) -> Option<Self> {
        let mut changed = false;
        let block = self.rewritten(|entry| {
            let deleted = !entry.deleted && is_deleted(entry.id);
            changed |= deleted;
            Some(if deleted { entry.emptied() } else { entry })
        });
        block.filter(|_| changed)
    }
}

/// A message in its block.
#[derive(Clone, Copy)]
pub(in crate::store) struct Entry<'a> {
    pub(in crate::store) id: MessageId,
    pub(in crate::store) time: Timestamp,
    pub(in crate::store) stream: StreamId,
    pub(in crate::store) sender: ProfileId,
    /// The message before it in the same stream, which may have been dropped.
    pub(in crate::store) before: MessageId,
    pub(in crate::store) framing: Framing,
    /// Empty if it was deleted.
    pub(in crate::store) text: &'a str,
    /// The sender's key.
    pub(in crate::store) key: Option<&'a str>,
    pub(in crate::store) deleted: bool,
}

impl Entry<'_> {
    /// What is left of it when it is deleted.
    fn emptied(self) -> Self {
        Self { text: "", deleted: true, ..self }
    }

    /// How many bytes the message has, text and framing.
    pub(in crate::store) fn len(&self) -> usize {
        self.text.len() + self.framing.len()
    }
}

/// Appends entries to a block, which come in ascending order.
pub(in crate::store) struct BlockWriter {
    block: Block,
    /// The id of the last entry.
    previous: MessageId,
}

impl BlockWriter {
    pub(in crate::store) fn new(first: MessageId, time: Timestamp) -> Self {
        Self { block: Block::new(first, time), previous: first }
    }

    /// As [`new`](Self::new), for a block that may come to have so many bytes.
    pub(in crate::store) fn with_capacity(first: MessageId, time: Timestamp, bytes: usize) -> Self {
        let body = Vec::with_capacity(bytes);
        Self { block: Block { body, ..Block::new(first, time) }, previous: first }
    }

    /// What was written so far.
    pub(in crate::store) fn block(&self) -> &Block {
        &self.block
    }

    /// Whether another message should go into another block.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.block.body.len() >= BLOCK_BYTES
    }

    /// Deletes a message, if it is here.
    pub(in crate::store) fn delete(&mut self, id: MessageId) -> bool {
        let changed = self.block.without(|message| message == id);
        changed.map(|block| self.block = block).is_some()
    }

    pub(in crate::store) fn push(&mut self, entry: &Entry<'_>) {
        let body = &mut self.block.body;
        let time = entry.time.as_millis().wrapping_sub(self.block.time.as_millis()).cast_signed();
        let before = if entry.before == MessageId::NONE { 0 } else { entry.id.get() - entry.before.get() };
        write_number(body, entry.id.get() - self.previous.get());
        write_number(body, (time << 1 ^ time >> 63).cast_unsigned());
        write_number(body, entry.stream.0.into());
        write_number(body, entry.sender.0.into());
        let has_key = if entry.key.is_some() { HAS_KEY } else { 0 };
        body.push(entry.framing.tag() | has_key | if entry.deleted { DELETED } else { 0 });
        write_number(body, before);
        write_number(body, entry.text.len() as u64);
        body.extend_from_slice(entry.text.as_bytes());
        if let Some(key) = entry.key {
            write_number(body, key.len() as u64);
            body.extend_from_slice(key.as_bytes());
        }
        self.previous = entry.id;
        self.block.last = entry.id;
    }

    pub(in crate::store) fn finish(mut self) -> Block {
        let body = &mut self.block.body;
        if body.capacity() - body.len() > body.len() / 4 {
            body.shrink_to_fit();
        }
        self.block
    }
}

const HAS_KEY: u8 = 8;
const DELETED: u8 = 16;

/// The entries of a [`Block`].
pub(in crate::store) struct Entries<'a> {
    rest: &'a [u8],
    id: MessageId,
    time: Timestamp,
}

impl<'a> Entries<'a> {
    fn read(&mut self) -> Option<Entry<'a>> {
        let id = MessageId::new(self.id.get().checked_add(read_number(&mut self.rest)?)?)?;
        let time = read_number(&mut self.rest)?;
        let time = self.time.as_millis().wrapping_add(time >> 1 ^ (time & 1).wrapping_neg());
        let stream = StreamId(read_number(&mut self.rest)?.try_into().ok()?);
        let sender = ProfileId(read_number(&mut self.rest)?.try_into().ok()?);
        let (&tag, rest) = self.rest.split_first()?;
        self.rest = rest;
        let before = match read_number(&mut self.rest)? {
            0 => MessageId::NONE,
            distance => MessageId::new(id.get().checked_sub(distance)?)?,
        };
        let text = self.read_text()?;
        let key = if tag & HAS_KEY == 0 { None } else { Some(self.read_text()?) };
        self.id = id;
        Some(Entry {
            id,
            time: Timestamp::from_millis(time),
            stream,
            sender,
            before,
            framing: Framing::from_tag(tag & !(HAS_KEY | DELETED))?,
            text,
            key,
            deleted: tag & DELETED != 0,
        })
    }

    fn read_text(&mut self) -> Option<&'a str> {
        let length = read_number(&mut self.rest)?.try_into().ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Option<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry)
    }
}

/// Appends a number as LEB128.
pub(in crate::store) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while let Some(high) = Some(number >> 7).filter(|high| *high > 0) {
        out.push((number as u8) | 0x80);
        number = high;
    }
    out.push(number as u8);
}

/// Takes a number off the front.
pub(in crate::store) fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    type Sketch = (u64, u64, u32, u32, u64, u8, String, Option<String>, bool);

    fn sketch() -> impl Strategy<Value = Vec<Sketch>> {
        let gap = prop_oneof![Just(1_u64), 1..1_000_000_u64];
        vec(
            (
                gap,
                any::<u64>(),
                any::<u32>(),
                any::<u32>(),
                any::<u64>(),
                0..6_u8,
                ".{0,20}",
                of(".{1,9}"),
                any::<bool>(),
            ),
            1..20,
        )
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(first in 1..1_u64 << 40, time in any::<u64>(), sketches in sketch()) {
            let mut writer = BlockWriter::new(MessageId::new(first).unwrap(), Timestamp::from_millis(time));
            let mut id = first;
            let mut written = Vec::new();
            for (gap, time, stream, sender, before, tag, text, key, deleted) in &sketches {
                let entry = Entry {
                    id: MessageId::new(id).unwrap(),
                    time: Timestamp::from_millis(*time),
                    stream: StreamId(*stream),
                    sender: ProfileId(*sender),
                    before: MessageId::new(before % id).unwrap(),
                    framing: Framing::from_tag(*tag).unwrap(),
                    text,
                    key: key.as_deref(),
                    deleted: *deleted,
                };
                writer.push(&entry);
                written.push(entry);
                id += gap;
            }
            let block = writer.finish();
            prop_assert_eq!(block.last, written.last().unwrap().id);
            let read: Vec<_> = block.entries().map(Option::unwrap).collect();
            prop_assert_eq!(read.len(), written.len());
            for (read, written) in read.iter().zip(&written) {
                prop_assert_eq!((read.id, read.time, read.stream), (written.id, written.time, written.stream));
                prop_assert_eq!((read.sender, read.before), (written.sender, written.before));
                prop_assert_eq!((read.framing, read.text), (written.framing, written.text));
                prop_assert_eq!((read.key, read.deleted), (written.key, written.deleted));
            }
            let middle = written[written.len() / 2].id;
            let shorter = block.without(|id| id == middle).unwrap_or_else(|| block.clone());
            prop_assert_eq!((shorter.first, shorter.last), (block.first, block.last));
            for (left, written) in shorter.entries().map(Option::unwrap).zip(&written) {
                let deleted = written.deleted || left.id == middle;
                let text = if left.id == middle && !written.deleted { "" } else { written.text };
                prop_assert_eq!((left.id, left.key, left.text, left.deleted), (written.id, written.key, text, deleted));
            }
        }

        #[test]
        fn any_bytes_parse_or_do_not(first in 1..1_u64 << 53, body in vec(any::<u8>(), 0..200)) {
            let block = Block { body, ..Block::new(MessageId::new(first).unwrap(), Timestamp::EPOCH) };
            prop_assert!(block.entries().skip_while(Option::is_some).count() <= 1);
        }
    }
}
