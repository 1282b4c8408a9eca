//! How far back messages are kept: those of each room, and all others. It relies on the blocks of the log, which are in order
//! of arrival, and on the limits that the index has for rooms.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Keep;
use super::core::Core;
use crate::error::Error;
use crate::model::MessageId;
use crate::store::RoomKeep;
use crate::store::log::{Block, StreamId};
use crate::store::pages::Shelf;

/// What a compaction drops.
pub(super) struct Floors {
    /// The message up to which direct messages are dropped once they were read. It is the last one of a block.
    pub(super) direct: MessageId,
    rooms: HashMap<StreamId, MessageId>,
}

impl Floors {
    /// The message up to which all of a room are dropped.
    pub(super) fn of(&self, room: StreamId) -> MessageId {
        self.rooms.get(&room).copied().unwrap_or_default()
    }
}

/// A limit that is counted from the newest message back.
struct Limit {
    /// How much more there may be; `None` if there is no limit, or it was reached.
    left: Option<u64>,
    /// The newest message that is more than the limit.
    floor: MessageId,
}

impl Limit {
    fn new(limit: Option<u64>) -> Self {
        Self { left: limit.filter(|limit| *limit < u64::MAX), floor: MessageId::NONE }
    }

    /// Counts so much, of which this is the last message. Does nothing once the limit was reached.
    fn count(&mut self, last: MessageId, amount: u64) {
        let Some(left) = self.left else { return };
        self.left = left.checked_sub(amount);
        if self.left.is_none() {
            self.floor = last;
        }
    }
}

/// Limits of messages and of bytes.
struct Limits {
    messages: Limit,
    bytes: Limit,
}

impl Limits {
    fn new(messages: Option<u64>, bytes: Option<u64>) -> Self {
        Self { messages: Limit::new(messages), bytes: Limit::new(bytes) }
    }

    fn count(&mut self, last: MessageId, messages: u64, bytes: u64) {
        self.messages.count(last, messages);
        self.bytes.count(last, bytes);
    }

    fn floor(&self) -> MessageId {
        self.messages.floor.max(self.bytes.floor)
    }

    /// Whether nothing more has to be counted.
    fn is_done(&self) -> bool {
        self.messages.left.or(self.bytes.left).is_none()
    }
}

/// A room with limits of its own.
struct Limited {
    keep: RoomKeep,
    /// The message up to which all are too old, or were dropped before.
    floor: MessageId,
    limits: Limits,
}

impl Limited {
    /// The message up to which all are dropped because of these limits.
    fn floor(&self) -> MessageId {
        self.floor.max(self.limits.floor())
    }
}

impl Core {
    /// How far back messages are kept by number and size, and by age, of which `keeps` tells: whether a block is young enough
    /// for rooms that have an age of their own, or for all else.
    pub(super) fn floors(
        &self,
        keep: Keep,
        keeps: impl FnMut(&Block, Option<Duration>) -> bool,
    ) -> Result<Floors, Error> {
        let rooms: Vec<_> = self.index(|index| index.room_keeps().collect());
        let by_age = self.too_old(rooms.iter().filter_map(|(_, keep, _)| keep.age), keeps)?;
        let too_old = |age: &Option<Duration>| by_age.get(age).copied().unwrap_or_default();
        let own = rooms.iter().filter(|(_, keep, _)| *keep != RoomKeep::default());
        let own = own.map(|(id, keep, gone)| {
            let limits = Limits::new(keep.messages, keep.bytes);
            (*id, Limited { keep: *keep, floor: too_old(&keep.age).max(*gone), limits })
        });
        let mut own: HashMap<_, _> = own.collect();
        let Limits { messages, bytes } = self.count(keep, &mut own)?;
        let floor = |(id, keep, _): &(StreamId, RoomKeep, MessageId)| {
            let own = own.get(id).map_or(too_old(&keep.age), Limited::floor);
            let by_messages = if keep.messages.is_none() { messages.floor } else { MessageId::NONE };
            let by_bytes = if keep.bytes.is_none() { bytes.floor } else { MessageId::NONE };
            (*id, own.max(by_messages).max(by_bytes))
        };
        let direct = too_old(&None).max(messages.floor).max(bytes.floor);
        Ok(Floors { direct, rooms: rooms.iter().map(floor).collect() })
    }

    /// By age, with `None` for that of the chat, the message up to which all are too old. A message with a time in the future is
    /// as old as those that came after it.
    fn too_old(
        &self,
        own: impl Iterator<Item = Duration>,
        mut keeps: impl FnMut(&Block, Option<Duration>) -> bool,
    ) -> Result<BTreeMap<Option<Duration>, MessageId>, Error> {
        let mut floors: BTreeMap<_, _> = own.map(Some).chain([None]).map(|age| (age, MessageId::NONE)).collect();
        let upto = self.index(|index| index.tail.last_message());
        let mut after = MessageId::NONE;
        loop {
            let heads = self.backend().block_heads_after(after)?;
            let Some(last) = heads.last() else { return Ok(floors) };
            after = last.first;
            for head in &heads {
                for (age, floor) in &mut floors {
                    // A damaged head must not claim the messages of the next one.
                    *floor = (*floor).min(MessageId::new(head.first.get().saturating_sub(1)).unwrap_or_default());
                    if !keeps(head, *age) {
                        *floor = head.last.min(upto);
                    }
                }
            }
        }
    }

    /// Counts messages against the limits of the chat, which drops whole blocks, and those of rooms.
    fn count(&self, keep: Keep, own: &mut HashMap<StreamId, Limited>) -> Result<Limits, Error> {
        let mut all = Limits::new(keep.messages, keep.bytes);
        let mut before = MessageId::MAX;
        while !all.is_done() || !own.values().all(|room| room.limits.is_done()) {
            let blocks = self.backend().blocks_before(before)?;
            let Some(first) = blocks.last().map(|block| block.first) else { break };
            before = first;
            for block in &blocks {
                let (mut messages, mut bytes) = (0, 0);
                let entries: Option<Vec<_>> = block.sized_entries().collect();
                for (entry, size) in entries.ok_or_else(|| self.unparsable(block))?.into_iter().rev() {
                    // A message counts for those limits of the chat that hold for its room, if the room's own let it stay.
                    let [counts, bytes_count] = own.get_mut(&entry.stream).map_or([true; 2], |room| {
                        room.limits.count(entry.id, 1, size);
                        let stays = entry.id > room.floor();
                        [stays && room.keep.messages.is_none(), stays && room.keep.bytes.is_none()]
                    });
                    messages += u64::from(counts);
                    bytes += if bytes_count { size } else { 0 };
                }
                all.count(block.last, messages, bytes);
            }
        }
        Ok(all)
    }

    /// The error for a block that cannot be parsed.
    pub(super) fn unparsable(&self, block: &Block) -> Error {
        self.damage(&format!("block {} cannot be parsed", block.first))
    }
}
