//! Messages as they lie in the log: packed into blocks, in order of arrival.

use crate::clock::Timestamp;
use crate::limits::BLOCK_BYTES;
use crate::model::{Framing, MessageId};

/// The number of a stream: the messages that one user sends to another, one direction of a direct conversation. It is
/// never used for another stream.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct StreamId(pub(in crate::store) u32);

/// The number of a profile that messages were sent under.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::store) struct ProfileId(pub(in crate::store) u32);

/// Messages that are written together, at least one.
///
/// An entry is: the distance of its id from the one before it in the block (from `first` for the first entry), the
/// distance of its time from the block's, its stream, the sender's profile, the tag of its framing, the distance of its id
/// from that of the message before it in the same stream (0 if it is the first one), the length of its text, and the text.
/// Numbers are LEB128, the time as zigzag.
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

    /// Its entries in order of arrival. If one cannot be parsed, it is `None`, and the last one.
    pub(in crate::store) fn entries(&self) -> Entries<'_> {
        Entries { rest: &self.body, id: self.first, time: self.time }
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
    pub(in crate::store) text: &'a str,
}

impl Entry<'_> {
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

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.block.body.is_empty()
    }

    /// Whether another message should go into another block.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.block.body.len() >= BLOCK_BYTES
    }

    pub(in crate::store) fn push(&mut self, entry: &Entry<'_>) {
        let body = &mut self.block.body;
        let time = entry.time.as_millis().wrapping_sub(self.block.time.as_millis()).cast_signed();
        let before = if entry.before == MessageId::NONE { 0 } else { entry.id.get() - entry.before.get() };
        write_number(body, entry.id.get() - self.previous.get());
        write_number(body, (time << 1 ^ time >> 63).cast_unsigned());
        write_number(body, entry.stream.0.into());
        write_number(body, entry.sender.0.into());
        body.push(entry.framing.tag());
        write_number(body, before);
        write_number(body, entry.text.len() as u64);
        body.extend_from_slice(entry.text.as_bytes());
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
        let length = read_number(&mut self.rest)?.try_into().ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.id = id;
        Some(Entry {
            id,
            time: Timestamp::from_millis(time),
            stream,
            sender,
            before,
            framing: Framing::from_tag(tag)?,
            text: std::str::from_utf8(text).ok()?,
        })
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
    use proptest::prelude::*;

    use super::*;

    type Sketch = (u64, u64, u32, u32, u64, u8, String);

    fn sketch() -> impl Strategy<Value = Vec<Sketch>> {
        let gap = prop_oneof![Just(1_u64), 1..1_000_000_u64];
        vec((gap, any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>(), 0..6_u8, ".{0,20}"), 1..20)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(first in 1..1_u64 << 40, time in any::<u64>(), sketches in sketch()) {
            let mut writer = BlockWriter::new(MessageId::new(first).unwrap(), Timestamp::from_millis(time));
            let mut id = first;
            let mut written = Vec::new();
            for (gap, time, stream, sender, before, tag, text) in &sketches {
                let entry = Entry {
                    id: MessageId::new(id).unwrap(),
                    time: Timestamp::from_millis(*time),
                    stream: StreamId(*stream),
                    sender: ProfileId(*sender),
                    before: MessageId::new(before % id).unwrap(),
                    framing: Framing::from_tag(*tag).unwrap(),
                    text,
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
            }
        }

        #[test]
        fn any_bytes_parse_or_do_not(first in 1..1_u64 << 53, body in vec(any::<u8>(), 0..200)) {
            let block = Block { body, ..Block::new(MessageId::new(first).unwrap(), Timestamp::EPOCH) };
            prop_assert!(block.entries().skip_while(Option::is_some).count() <= 1);
        }
    }
}
