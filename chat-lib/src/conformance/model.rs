//! The contract in its plainest form: lists that are searched from end to end. Here is what steps do to it; `views` has what
//! can be seen of it then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::model::{ConversationName, Framing, MessageId, Profile};
use crate::store::{Appended, CursorMove, RoomKeep, Standing};

/// What a store should have of messages and cursors.
#[derive(Clone, Default)]
pub(super) struct Model {
    /// Users by name, each with a number that no other user or room has had.
    pub(super) users: BTreeMap<String, Person>,
    pub(super) rooms: BTreeMap<String, Room>,
    /// Who takes no messages, and from whom.
    pub(super) blocks: BTreeSet<(String, String)>,
    pub(super) messages: Vec<Said>,
    /// By reader and the other member.
    cursors: BTreeMap<(u64, u64), MessageId>,
    /// By sender and key: recipient, id and time.
    keys: BTreeMap<(String, String), (String, MessageId, Timestamp)>,
    numbers: u64,
    /// The last message, also if it is gone.
    pub(super) newest: MessageId,
}

#[derive(Clone)]
pub(super) struct Person {
    pub(super) number: u64,
    pub(super) profile: Arc<Profile>,
}

#[derive(Clone)]
pub(super) struct Room {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) open: bool,
    pub(super) keep: RoomKeep,
    /// By user name.
    pub(super) seats: BTreeMap<String, Seat>,
}

/// What somebody is in a room.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    pub(super) standing: Standing,
    pub(super) since: MessageId,
    pub(super) read: MessageId,
}

#[derive(Clone)]
pub(super) struct Said {
    pub(super) id: MessageId,
    pub(super) from: u64,
    /// The number of a user or a room.
    pub(super) to: u64,
    pub(super) name: ConversationName,
    pub(super) profile: Arc<Profile>,
    pub(super) text: String,
    pub(super) framing: Framing,
    pub(super) time: Timestamp,
    pub(super) key: Option<String>,
    pub(super) deleted: bool,
}

/// Where a message is, for a reader.
pub(super) enum Place {
    /// The numbers of the reader and the other member.
    Direct(u64, u64),
    /// The names of the room and the reader.
    Room(String, String),
}

impl Said {
    pub(super) fn is_in_room(&self) -> bool {
        matches!(self.name, ConversationName::Room(_))
    }

    pub(super) fn len(&self) -> usize {
        self.framing.before().len() + self.text.len() + self.framing.after().len()
    }
}

impl Model {
    fn next(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn add(&mut self, profile: Arc<Profile>) {
        let name = profile.user().to_string();
        let number = self.next();
        self.users.insert(name, Person { number, profile });
    }

    pub(super) fn rename(&mut self, profile: Arc<Profile>) {
        let person = self.users.get_mut(profile.user().as_str()).expect("a user is renamed");
        person.profile = profile;
    }

    pub(super) fn remove(&mut self, user: &str) {
        let Some(Person { number, .. }) = self.users.remove(user) else { return };
        let cursors = &self.cursors;
        let read = |said: &Said| cursors.get(&(said.to, said.from)).copied().unwrap_or_default();
        let is_left = |said: &Said| said.from != number || said.id > read(said) && !said.deleted;
        self.messages.retain(|said| said.is_in_room() || said.to != number && is_left(said));
        self.rooms.values_mut().for_each(|room| room.seats.retain(|member, _| member != user));
        self.blocks.retain(|(one, other)| one != user && other != user);
        self.keys.retain(|(sender, _), _| sender != user);
    }

    /// What an append of this message should come to; `None` if it is stored.
    pub(super) fn refusal(&self, to: &str, from: &str, key: Option<&str>) -> Option<Appended> {
        let known = key.and_then(|key| self.keys.get(&(from.to_owned(), key.to_owned())));
        if let Some((recipient, id, time)) = known {
            return Some(if recipient == to { Appended::Known(*id, *time) } else { Appended::KeyReused });
        }
        if let Some(room) = self.rooms.get(to) {
            let is_member = room.seats.get(from).is_some_and(|seat| seat.standing.is_member());
            return (!is_member).then_some(Appended::NotAMember);
        }
        if !self.users.contains_key(to) {
            return Some(Appended::NoSuchRecipient);
        }
        self.blocks.contains(&(to.to_owned(), from.to_owned())).then_some(Appended::Blocked)
    }

    pub(super) fn append(
        &mut self,
        id: MessageId,
        to: &str,
        profile: &Arc<Profile>,
        line: &str,
        time: Timestamp,
        key: Option<&str>,
    ) {
        let user = profile.user().as_str();
        let from = match self.users.get(user) {
            Some(person) => person.number,
            None => self.next(),
        };
        if let Some(key) = key.filter(|_| self.users.contains_key(user)) {
            self.keys.insert((user.to_owned(), key.to_owned()), (to.to_owned(), id, time));
        }
        let (framing, text) = Framing::split(line);
        self.messages.push(Said {
            id,
            from,
            to: self.rooms.get(to).map_or_else(|| self.users[to].number, |room| room.number),
            name: ConversationName::parse(to).unwrap(),
            profile: Arc::clone(profile),
            text: text.to_owned(),
            framing,
            time,
            key: key.map(str::to_owned),
            deleted: false,
        });
        self.newest = id;
    }

    pub(super) fn delete(&mut self, id: MessageId) {
        let said = self.messages.iter_mut().find(|said| said.id == id).expect("a message is deleted that is there");
        (said.text, said.deleted) = (String::new(), true);
    }

    pub(super) fn create_room(&mut self, room: &str, title: &str, open: bool) {
        let number = self.next();
        let (title, keep, seats) = (title.to_owned(), RoomKeep::default(), BTreeMap::new());
        self.rooms.insert(room.to_owned(), Room { number, title, open, keep, seats });
    }

    pub(super) fn remove_room(&mut self, room: &str) {
        let Some(Room { number, .. }) = self.rooms.remove(room) else { return };
        self.messages.retain(|said| said.to != number);
    }

    pub(super) fn set_standing(&mut self, room: &str, user: &str, standing: Option<Standing>, sees_history: bool) {
        let (last, none) = (self.last_in(room), MessageId::NONE);
        let seats = &mut self.rooms.get_mut(room).expect("the room is there").seats;
        let before = seats.remove(user).filter(|seat| seat.standing.is_member());
        let Some(standing) = standing else { return };
        let seat = match before {
            _ if standing == Standing::Invited => Seat { standing, since: none, read: none },
            Some(seat) => Seat { standing, ..seat },
            None => Seat { standing, since: if sees_history { none } else { last }, read: last },
        };
        seats.insert(user.to_owned(), seat);
    }

    fn last_in(&self, room: &str) -> MessageId {
        let Some(Room { number, .. }) = self.rooms.get(room) else { return MessageId::NONE };
        self.messages.iter().filter(|said| said.to == *number).map(|said| said.id).max().unwrap_or_default()
    }

    pub(super) fn is_user(&self, number: u64) -> bool {
        self.users.values().any(|person| person.number == number)
    }

    pub(super) fn cursor(&self, reader: u64, other: u64) -> MessageId {
        self.cursors.get(&(reader, other)).copied().unwrap_or_default()
    }

    /// Where the message of this id is, for a user who sees its conversation.
    pub(super) fn place(&self, user: &str, id: MessageId) -> Option<Place> {
        let reader = self.users.get(user)?.number;
        let said = self.messages.iter().find(|said| said.id == id)?;
        if said.is_in_room() {
            let room = self.rooms.get(said.name.as_str()).filter(|room| room.number == said.to)?;
            room.seats.get(user).filter(|seat| seat.standing.is_member())?;
            return Some(Place::Room(said.name.to_string(), user.to_owned()));
        }
        match (said.from, said.to) {
            (other, to) if to == reader => Some(Place::Direct(reader, other)),
            (from, other) if from == reader => Some(Place::Direct(reader, other)),
            _ => None,
        }
    }

    pub(super) fn cursor_at(&self, place: &Place) -> MessageId {
        match place {
            Place::Direct(reader, other) => self.cursor(*reader, *other),
            Place::Room(room, user) => self.rooms[room].seats[user].read,
        }
    }

    /// Whether the cursors are where the moves say, and the conversations are there; `None` if they are, but with a
    /// former user, or some of the messages were deleted.
    pub(super) fn can_move(&self, user: &str, moves: &[CursorMove], back: bool) -> Option<bool> {
        let mut unclear = false;
        for it in moves {
            let Some(place) = self.place(user, it.to) else { return Some(false) };
            if self.cursor_at(&place) != if back { it.to } else { it.from } {
                return Some(false);
            }
            unclear |= matches!(place, Place::Direct(_, other) if !self.is_user(other));
            unclear |= self.messages.iter().any(|said| said.deleted && said.id > it.from && said.id <= it.to);
        }
        if unclear { None } else { Some(true) }
    }

    pub(super) fn do_moves(&mut self, user: &str, moves: &[CursorMove], back: bool) {
        for it in moves {
            let cursor = if back { it.from } else { it.to };
            match self.place(user, it.to).expect("take, put_back: `false` if the conversation is gone") {
                Place::Direct(reader, other) => drop(self.cursors.insert((reader, other), cursor)),
                Place::Room(room, user) => {
                    let seats = &mut self.rooms.get_mut(&room).expect("the room is there").seats;
                    seats.get_mut(&user).expect("the member is there").read = cursor;
                }
            }
        }
    }
}
