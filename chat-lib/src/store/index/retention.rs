//! Drops old messages of rooms, read or not.

use std::collections::HashMap;

use super::Index;
use crate::model::{MessageId, UserName};
use crate::store::RoomKeep;
use crate::store::hash::NumberHasher;
use crate::store::log::{Entry, StreamId};

/// Messages of rooms that are dropped together, with their senders, in ascending order.
#[derive(Default)]
pub(in crate::store) struct RoomMessages(HashMap<StreamId, Vec<(MessageId, Option<UserName>)>, NumberHasher>);

impl RoomMessages {
    /// Adds a message if it is in a room, and counts there.
    pub(in crate::store) fn add(&mut self, index: &Index, entry: &Entry<'_>) {
        let Some(room) = index.rooms.get(&entry.stream) else { return };
        let messages = self.0.entry(entry.stream).or_default();
        if entry.id > room.gone && !entry.deleted {
            let sender = index.profile(entry.sender).map(|profile| profile.user().clone());
            messages.push((entry.id, sender));
        }
    }
}

impl Index {
    /// Takes note that these messages are dropped, and that none of their rooms has any others up to the message that `upto` has
    /// for it.
    pub(in crate::store) fn drop_room_messages(&mut self, dropped: RoomMessages, upto: impl Fn(StreamId) -> MessageId) {
        for (id, mut messages) in dropped.0 {
            let gone_at = self.count_drop(id);
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            let gone = upto(id).min(room.head);
            if gone <= room.gone {
                continue;
            }
            (room.gone, room.gone_at) = (gone, gone_at);
            messages.retain(|(message, _)| !self.deletions.in_log.contains(message));
            self.uncount(id, &messages);
        }
    }

    /// Whether there are messages in rooms.
    pub(in crate::store) fn has_room_messages(&self) -> bool {
        self.rooms.values().any(|room| room.head > room.gone)
    }

    /// Whether there are rooms with limits of their own.
    pub(in crate::store) fn has_limited_rooms(&self) -> bool {
        self.limited_rooms > 0
    }

    /// How much of each room is kept, and up to which message all were dropped.
    pub(in crate::store) fn room_keeps(&self) -> impl Iterator<Item = (StreamId, RoomKeep, MessageId)> {
        self.rooms.iter().map(|(id, room)| (*id, room.keep, room.gone))
    }

    /// Up to which message each room's were dropped.
    pub(in crate::store) fn rooms_gone(&self) -> HashMap<StreamId, MessageId> {
        self.rooms.iter().map(|(id, room)| (*id, room.gone)).collect()
    }

    /// Where the messages of rooms are that are dropped up to the message that `upto` has for each: all lie after the first of
    /// these two, and none after the second. `None` if there can be none.
    pub(in crate::store) fn where_to_drop(
        &self,
        upto: impl Fn(StreamId) -> MessageId,
    ) -> Option<(MessageId, MessageId)> {
        let rooms = self.rooms.iter().map(|(id, room)| (room.gone, upto(*id).min(room.head)));
        let dropped: Vec<_> = rooms.filter(|(gone, upto)| gone < upto).collect();
        let after = dropped.iter().map(|(gone, _)| *gone).min()?;
        Some((after, dropped.iter().map(|(_, upto)| *upto).max()?))
    }
}
