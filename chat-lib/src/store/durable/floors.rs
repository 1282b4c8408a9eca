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
    /// Of each block, in the order of the log, whether direct messages in it are kept although they were read.
    pub(super) kept: Vec<bool>,
    rooms: HashMap<StreamId, MessageId>,
}

impl Floors {
    /// The message up to which all of a room are dropped.
    pub(super) fn of(&self, room: StreamId) -> MessageId {
        self.rooms.get(&room).copied().unwrap_or_default()
    }
}

/// What is too old.
struct Ages {
    /// Of each block its last message, and whether it is young enough for what has no age of its own.
    young: Vec<(MessageId, bool)>,
    /// By age, with `None` for that of the chat, the message up to which all are too old.
    floors: BTreeMap<Option<Duration>, MessageId>,
}

/// A room with limits of its own.
struct Limited {
    keep: RoomKeep,
    /// The message up to which all are dropped, or were, because of these.
    floor: MessageId,
    tally: Tally,
}

/// How many messages there are in each block, by its last message, and how many bytes they take.
#[derive(Default)]
struct Tally(BTreeMap<MessageId, (u64, u64)>);

impl Tally {
    fn add(&mut self, block: MessageId, messages: u64, bytes: u64) {
        let sum = self.0.entry(block).or_default();
        *sum = (sum.0 + messages, sum.1 + bytes);
    }

    /// The last block that is more than there may be, and how much of it there may be.
    fn excess(&self, messages: Option<u64>, bytes: Option<u64>) -> Option<(MessageId, Space)> {
        let mut space = Space { messages: messages.unwrap_or(u64::MAX), bytes: bytes.unwrap_or(u64::MAX) };
        let excess = self.0.iter().rev().find(|(_, (messages, bytes))| !space.take(*messages, *bytes));
        excess.map(|(block, _)| (*block, space))
    }
}

/// For how many messages and bytes there is space.
struct Space {
    messages: u64,
    bytes: u64,
}

impl Space {
    /// Takes space for so much. `false`, and nothing done, if there is not enough.
    fn take(&mut self, messages: u64, bytes: u64) -> bool {
        match (self.messages.checked_sub(messages), self.bytes.checked_sub(bytes)) {
            (Some(messages), Some(bytes)) => *self = Self { messages, bytes },
            _ => return false,
        }
        true
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
        let Ages { young, floors } = self.ages(rooms.iter().filter_map(|(_, keep, _)| keep.age), keeps)?;
        let too_old = |keep: &RoomKeep| floors.get(&keep.age).copied().unwrap_or_default();
        let own = rooms.iter().filter(|(_, keep, _)| *keep != RoomKeep::default());
        let own = own.map(|(id, keep, gone)| {
            let floor = too_old(keep).max(*gone);
            (*id, Limited { keep: *keep, floor, tally: Tally::default() })
        });
        let mut own: HashMap<_, _> = own.collect();
        let [by_messages, by_bytes] = self.excess(keep, &mut own)?;
        let floor = |(id, keep, _): &(StreamId, RoomKeep, MessageId)| {
            let own = own.get(id).map_or(too_old(keep), |room| room.floor);
            let by_messages = if keep.messages.is_none() { by_messages } else { MessageId::NONE };
            let by_bytes = if keep.bytes.is_none() { by_bytes } else { MessageId::NONE };
            (*id, own.max(by_messages).max(by_bytes))
        };
        let kept = young.into_iter().map(|(last, is_young)| is_young && last > by_messages.max(by_bytes));
        Ok(Floors { kept: kept.collect(), rooms: rooms.iter().map(floor).collect() })
    }

    fn ages(
        &self,
        own: impl Iterator<Item = Duration>,
        mut keeps: impl FnMut(&Block, Option<Duration>) -> bool,
    ) -> Result<Ages, Error> {
        let mut floors: BTreeMap<_, _> = own.map(Some).chain([None]).map(|age| (age, MessageId::NONE)).collect();
        let (mut young, mut after) = (Vec::new(), MessageId::NONE);
        loop {
            let heads = self.backend().block_heads_after(after)?;
            let Some(last) = heads.last() else { return Ok(Ages { young, floors }) };
            after = last.first;
            for head in &heads {
                for (age, floor) in &mut floors {
                    // A damaged head must not claim the messages of the next one.
                    *floor = (*floor).min(MessageId::new(head.first.get().saturating_sub(1)).unwrap_or_default());
                    let is_young = keeps(head, *age);
                    if !is_young {
                        *floor = head.last;
                    }
                    if age.is_none() {
                        young.push((head.last, is_young));
                    }
                }
            }
        }
    }

    /// The last message of the last block that is more than the chat's limits of messages and of bytes allow. Raises the floors of
    /// rooms to the last message that is more than their own allow.
    fn excess(&self, keep: Keep, own: &mut HashMap<StreamId, Limited>) -> Result<[MessageId; 2], Error> {
        let is_counted = |room: &Limited| room.keep.messages.or(room.keep.bytes).is_some();
        if !keep.is_limited() && !own.values().any(is_counted) {
            return Ok([MessageId::NONE; 2]);
        }
        let mut all = Tally::default();
        self.each_block(MessageId::MAX, |block| {
            for entry in block.sized_entries() {
                let (entry, size) = entry.ok_or_else(|| self.unparsable(block))?;
                let room = own.get_mut(&entry.stream).map(|room| &mut room.tally);
                room.unwrap_or(&mut all).add(block.last, 1, size);
            }
            Ok(())
        })?;
        for (id, room) in own {
            room.floor = room.floor.max(self.own_excess(*id, room)?);
            // What is left counts for those limits of the chat that hold for the room.
            let Limited { keep, floor, tally } = room;
            for (block, (messages, bytes)) in tally.0.iter().filter(|(block, _)| *block > floor) {
                let counted = |own: Option<u64>, number| if own.is_none() { number } else { 0 };
                all.add(*block, counted(keep.messages, *messages), counted(keep.bytes, *bytes));
            }
        }
        let last = |excess: Option<(MessageId, Space)>| excess.map_or(MessageId::NONE, |(block, _)| block);
        Ok([last(all.excess(keep.messages, None)), last(all.excess(None, keep.bytes))])
    }

    /// The last message of a room that is more than its own limits allow.
    fn own_excess(&self, id: StreamId, room: &Limited) -> Result<MessageId, Error> {
        let excess = room.tally.excess(room.keep.messages, room.keep.bytes);
        let Some((last, mut space)) = excess else { return Ok(MessageId::NONE) };
        let Some(block) = self.backend().block(last)? else { return Ok(MessageId::NONE) };
        let mut messages = Vec::new();
        for entry in block.sized_entries() {
            let (entry, size) = entry.ok_or_else(|| self.unparsable(&block))?;
            if entry.stream == id {
                messages.push((entry.id, size));
            }
        }
        let excess = messages.into_iter().rev().find(|(_, size)| !space.take(1, *size));
        Ok(excess.map_or(MessageId::NONE, |(message, _)| message))
    }

    /// The error for a block that cannot be parsed.
    pub(super) fn unparsable(&self, block: &Block) -> Error {
        self.damage(&format!("block {} cannot be parsed", block.first))
    }
}
