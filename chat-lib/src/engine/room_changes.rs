//! Changes of rooms on their way to subscribers. They are told in the order in which they were made, each before the messages
//! that came after it, whichever thread tells them. So a member is told of everything between joining and leaving a room.
//!
//! It relies on the store: what was built on a step is committed only if that step is, so whoever has committed something
//! may tell the changes that came before it.

use std::collections::{HashMap, VecDeque};

use crate::model::{MessageId, RoomName, UserName};
use crate::protocol::RoomChange;

/// The changes that were not told yet: of each room, in order.
#[derive(Default)]
pub(super) struct RoomChanges {
    untold: HashMap<RoomName, VecDeque<Untold>>,
    last: ChangeNumber,
}

/// A change of a room. Members are told, and the user whom it concerns; who has joined is one of them, and who has left is
/// none any more.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) room: RoomName,
    pub(super) change: RoomChange,
    pub(super) user: UserName,
    pub(super) by: UserName,
    /// The last message of the room before it, where that makes a difference.
    pub(super) since: MessageId,
}

/// The place of a change among all.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ChangeNumber(u64);

struct Untold {
    number: ChangeNumber,
    changed: Changed,
}

impl RoomChanges {
    pub(super) fn push(&mut self, changed: Changed) -> ChangeNumber {
        self.last.0 += 1;
        let untold = Untold { number: self.last, changed };
        self.untold.entry(untold.changed.room.clone()).or_default().push_back(untold);
        self.last
    }

    /// Takes out what has to be told before a message of a room that is committed.
    pub(super) fn before(&mut self, room: &RoomName, message: MessageId) -> Vec<Changed> {
        let last = self.untold.get(room).and_then(|of_room| {
            of_room.iter().rev().find(|untold| untold.changed.since < message).map(|untold| untold.number)
        });
        last.map_or_else(Vec::new, |last| self.upto(room, last))
    }

    /// Takes out a change of a room that is committed, and those of the room before it, unless they were told.
    pub(super) fn upto(&mut self, room: &RoomName, number: ChangeNumber) -> Vec<Changed> {
        let Some(of_room) = self.untold.get_mut(room) else { return Vec::new() };
        let next = || of_room.pop_front_if(|untold| untold.number <= number);
        let taken = std::iter::from_fn(next).map(|untold| untold.changed).collect();
        if of_room.is_empty() {
            self.untold.remove(room);
        }
        taken
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.untold.is_empty()
    }

    /// Drops a change of a room that nobody has to be told of.
    pub(super) fn forget(&mut self, room: &RoomName, number: ChangeNumber) {
        if let Some(of_room) = self.untold.get_mut(room) {
            of_room.retain(|untold| untold.number != number);
            if of_room.is_empty() {
                self.untold.remove(room);
            }
        }
    }
}
