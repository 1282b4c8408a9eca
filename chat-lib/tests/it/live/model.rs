//! What everybody should see: the messages, rooms, cursors and keys of a small chat.

use std::collections::BTreeMap;

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: u64,
    pub(super) from: usize,
    pub(super) to: Place,
    pub(super) text: String,
    pub(super) deleted: bool,
}

/// Where a message went: to a user, or to a room and not to a later one of its name.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Place {
    User(usize),
    Room(usize, usize),
}

#[derive(Default)]
pub(super) struct Room {
    /// Which of the rooms that have had this name.
    pub(super) number: usize,
    pub(super) exists: bool,
    pub(super) owner: usize,
    /// Members, each with the message after which they see the room.
    pub(super) members: BTreeMap<usize, u64>,
    pub(super) invited: Vec<usize>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) said: Vec<Said>,
    pub(super) rooms: [Room; 2],
    /// By user, and by the conversation as the user calls it.
    pub(super) cursors: BTreeMap<(usize, Place), u64>,
    pub(super) keys: BTreeMap<(usize, String), (Place, u64)>,
}

impl Model {
    pub(super) fn last(&self) -> u64 {
        self.said.last().map_or(0, |said| said.id)
    }

    /// What a user calls the conversation of a message; `None` if the user has no part in it.
    pub(super) fn with(&self, user: usize, said: &Said) -> Option<Place> {
        match said.to {
            Place::User(to) if said.from == user => Some(Place::User(to)),
            Place::User(to) if to == user => Some(Place::User(said.from)),
            Place::User(_) => None,
            Place::Room(room, number) => {
                let since = self.rooms[room].members.get(&user).filter(|_| self.rooms[room].number == number)?;
                (said.id > *since).then_some(said.to)
            }
        }
    }

    /// What a user sees after a message, as it is now.
    pub(super) fn visible(&self, user: usize, after: u64) -> Vec<(u64, String)> {
        let seen = self.said.iter().filter(|said| said.id > after && self.with(user, said).is_some());
        seen.map(|said| (said.id, said.text.clone())).collect()
    }

    pub(super) fn unread(&self, user: usize, with: Place) -> Vec<&Said> {
        let cursor = self.cursors.get(&(user, with)).copied().unwrap_or_default();
        let theirs = |said: &&Said| said.from != user || said.to == Place::User(user);
        let unread = self.said.iter().filter(|said| self.with(user, said) == Some(with) && said.id > cursor);
        unread.filter(theirs).filter(|said| !said.deleted).collect()
    }

    pub(super) fn place(&self, to: usize) -> Place {
        if to < 3 { Place::User(to) } else { Place::Room(to - 3, self.rooms[to - 3].number) }
    }

    pub(super) fn say(&mut self, id: u64, from: usize, to: Place, text: &str) {
        assert!(id > self.last(), "ids ascend");
        self.said.push(Said { id, from, to, text: text.to_owned(), deleted: false });
    }

    pub(super) fn read(&mut self, user: usize, with: Place, upto: u64) {
        let ids = self.said.iter().filter(|said| self.with(user, said) == Some(with) && said.id <= upto);
        if let Some(last) = ids.map(|said| said.id).max() {
            let cursor = self.cursors.entry((user, with)).or_default();
            *cursor = last.max(*cursor);
        }
    }

    pub(super) fn leave(&mut self, user: usize, room: usize) {
        self.rooms[room].members.remove(&user);
        let place = Place::Room(room, self.rooms[room].number);
        self.cursors.remove(&(user, place));
    }
}
