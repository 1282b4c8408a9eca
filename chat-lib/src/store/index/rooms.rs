//! Rooms: each is a stream with many readers.
//!
//! How much a member has not read is the number of messages in the room less the member's `base`: a message of somebody else
//! raises it by itself, and whatever else happens changes the base of those whom it concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::members::Membership;
use super::{Change, Index, Journal, RoomRow, past};
use crate::error::Error;
use crate::limits::MARK_INTERVAL;
use crate::model::{MessageId, RoomName, UserName};
use crate::store::log::StreamId;
use crate::store::{Appended, NewMessage, RoomKeep, RoomState, Standing};

/// A room.
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) title: Arc<str>,
    pub(super) open: bool,
    /// Its last message.
    pub(super) head: MessageId,
    /// How many messages it has had, except for those that were deleted before they came here.
    pub(super) count: u64,
    /// Messages up to this one were dropped.
    pub(super) gone: MessageId,
    pub(super) keep: RoomKeep,
    /// The [number](super::deletions) of deletions when messages were last dropped.
    pub(super) gone_at: u32,
    pub(super) people: BTreeMap<UserName, Membership>,
    /// How many of the people are members, and how many of these are owners.
    pub(super) members: usize,
    pub(super) owners: usize,
    pub(super) lagging: bool,
    /// During a restore: members with a cursor that no message is past yet, the lowest cursor last.
    pub(super) waiting: Vec<(MessageId, UserName)>,
}

impl Room {
    pub(super) fn new(name: RoomName, title: Arc<str>, open: bool) -> Self {
        Self {
            name,
            title,
            open,
            head: MessageId::NONE,
            count: 0,
            gone: MessageId::NONE,
            keep: RoomKeep::default(),
            gone_at: 0,
            people: BTreeMap::new(),
            members: 0,
            owners: 0,
            lagging: false,
            waiting: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> RoomState {
        let Self { name, title, open, members, owners, people, keep, .. } = self;
        let (name, title, invited) = (name.clone(), Arc::clone(title), people.len() - members);
        RoomState { name, title, open: *open, members: *members, owners: *owners, invited, keep: *keep }
    }

    pub(super) fn row(&self, id: StreamId) -> RoomRow {
        let Self { name, title, open, head, count, gone, keep, .. } = self;
        let (name, title) = (name.clone(), Arc::clone(title));
        RoomRow { id, name, title, open: *open, head: *head, count: *count, gone: *gone, keep: *keep }
    }

    /// Somebody who is in the room.
    pub(super) fn member(&self, user: &str) -> Option<&Membership> {
        self.people.get(user).filter(|member| member.standing.is_member())
    }

    /// Has the room written, and the members whose rows do not know of all that the room's will know of.
    fn write(&mut self, id: StreamId, journal: &mut Journal) {
        let row = self.row(id);
        journal.push(|| Change::Room(row));
        for member in self.people.values_mut().filter(|member| member.lagging) {
            member.lagging = false;
            let row = member.row(id);
            journal.push(|| Change::Member(row));
        }
    }

    /// How many messages a member has not read.
    pub(super) fn unread(&self, member: &Membership) -> usize {
        match member.cursor >= self.head {
            true => 0,
            false => usize::try_from(self.count.saturating_sub(member.base)).unwrap_or(usize::MAX),
        }
    }

    /// The messages up to this one cannot be seen by a member.
    pub(super) fn floor(&self, member: &Membership) -> MessageId {
        member.since.max(self.gone)
    }

    /// Puts somebody in, or takes somebody's place.
    pub(super) fn insert(&mut self, user: UserName, member: Membership) {
        let added = [member.standing.is_member(), member.standing == Standing::Owner].map(usize::from);
        let before = self.people.insert(user, member);
        self.recount(added, before.as_ref());
    }

    pub(super) fn remove(&mut self, user: &str) -> Option<Membership> {
        let before = self.people.remove(user);
        self.recount([0, 0], before.as_ref());
        before
    }

    fn recount(&mut self, [members, owners]: [usize; 2], before: Option<&Membership>) {
        let was = |is: fn(Standing) -> bool| usize::from(before.is_some_and(|before| is(before.standing)));
        self.members = (self.members + members).saturating_sub(was(Standing::is_member));
        self.owners = (self.owners + owners).saturating_sub(was(|standing| standing == Standing::Owner));
    }

    /// Takes account of a message, and calls `lags` with each member whose row does not know of it. Nobody has anything unread
    /// because of one that is `deleted`.
    pub(super) fn count(&mut self, id: MessageId, sender: &str, deleted: bool, mut lags: impl FnMut(&UserName)) {
        while let Some((_, user)) = self.waiting.pop_if(|(cursor, _)| *cursor < id) {
            if let Some(member) = self.people.get_mut(&user) {
                member.base = self.count;
                if !std::mem::replace(&mut member.lagging, true) {
                    lags(&user);
                }
            }
        }
        self.head = id;
        if deleted {
            return;
        }
        self.count += 1;
        if let Some((user, member)) = self.people.get_key_value(sender).filter(|(_, member)| member.counts_own(id)) {
            let (user, lagging) = (user.clone(), member.lagging);
            if let Some(member) = self.people.get_mut(&user) {
                member.base += 1;
                member.sent = id;
                member.lagging = true;
            }
            if !lagging {
                lags(&user);
            }
        }
    }

    /// Has everybody who has read everything begin at the end.
    pub(super) fn settle(&mut self, mut lags: impl FnMut(&UserName)) {
        for (_, user) in std::mem::take(&mut self.waiting) {
            if let Some(member) = self.people.get_mut(&user) {
                member.base = self.count;
                if !std::mem::replace(&mut member.lagging, true) {
                    lags(&user);
                }
            }
        }
    }

    /// Has the members wait who have read everything that is there.
    pub(super) fn wait(&mut self) {
        let ahead = self.people.iter().filter(|(_, member)| member.standing.is_member() && member.cursor >= self.head);
        self.waiting = ahead.map(|(user, member)| (member.cursor, user.clone())).collect();
        self.waiting.sort_by(|one, other| other.cmp(one));
    }
}

impl Index {
    pub(in crate::store) fn room(&self, room: &str) -> Option<RoomState> {
        self.find_room(room).map(|(_, room)| room.state())
    }

    /// The first rooms after a name, in order of name.
    pub(in crate::store) fn rooms(&self, after: &str, limit: usize) -> Vec<RoomState> {
        self.states(&self.room_names, after, limit)
    }

    /// As [`rooms`](Self::rooms), of those that are open.
    pub(in crate::store) fn open_rooms(&self, after: &str, limit: usize) -> Vec<RoomState> {
        self.states(&self.open_rooms, after, limit)
    }

    fn states(&self, names: &BTreeSet<RoomName>, after: &str, limit: usize) -> Vec<RoomState> {
        let names = names.range::<str, _>(past(after)).take(limit);
        names.filter_map(|name| self.room(name.as_str())).collect()
    }

    /// Enters a room into the lists of names.
    pub(super) fn list_room(&mut self, name: &RoomName, open: bool) {
        self.room_names.insert(name.clone());
        match open {
            true => self.open_rooms.insert(name.clone()),
            false => self.open_rooms.remove(name),
        };
    }

    pub(super) fn find_room(&self, room: &str) -> Option<(StreamId, &Room)> {
        let id = *self.room_ids.get(room)?;
        Some((id, self.rooms.get(&id)?))
    }

    pub(in crate::store) fn create_room(&mut self, name: &RoomName, title: &str, open: bool) -> bool {
        if self.room_ids.contains_key(name) {
            return false;
        }
        self.summary.last_stream += 1;
        let id = StreamId(self.summary.last_stream);
        let room = Room::new(name.clone(), title.into(), open);
        let row = room.row(id);
        self.journal.push(|| Change::Room(row));
        self.rooms.insert(id, room);
        self.room_ids.insert(name.clone(), id);
        self.list_room(name, open);
        true
    }

    pub(in crate::store) fn set_room(&mut self, room: &str, title: &str, open: bool) -> bool {
        let Some(id) = self.room_ids.get(room).copied() else { return false };
        let Some(room) = self.rooms.get_mut(&id) else { return false };
        room.title = title.into();
        room.open = open;
        room.write(id, &mut self.journal);
        let name = room.name.clone();
        self.list_room(&name, open);
        true
    }

    pub(in crate::store) fn set_room_keep(&mut self, room: &str, keep: RoomKeep) -> bool {
        let Some(id) = self.room_ids.get(room).copied() else { return false };
        let Some(room) = self.rooms.get_mut(&id) else { return false };
        self.limited_rooms -= usize::from(room.keep.is_limited());
        // As it can be written.
        room.keep = RoomKeep::from_numbers(keep.numbers());
        self.limited_rooms += usize::from(room.keep.is_limited());
        room.write(id, &mut self.journal);
        true
    }

    pub(in crate::store) fn remove_room(&mut self, room: &str) -> bool {
        self.flush_keys();
        let Some(id) = self.room_ids.remove(room) else { return false };
        let Some(room) = self.rooms.remove(&id) else { return false };
        self.room_names.remove(&room.name);
        self.open_rooms.remove(&room.name);
        self.memberships -= room.people.len() as u64;
        self.limited_rooms -= usize::from(room.keep.is_limited());
        for (user, member) in &room.people {
            if let Some(more) = self.more_of(user.as_str(), member.account) {
                more.rooms.remove(&room.name);
            }
        }
        self.journal.push(|| Change::DropRoom(id));
        true
    }

    /// Takes the messages out of all rooms. Nobody is in them.
    pub(super) fn empty_rooms(&mut self) {
        let Self { rooms, journal, .. } = self;
        for (id, room) in rooms {
            (room.head, room.gone, room.count) = (MessageId::NONE, MessageId::NONE, 0);
            room.write(*id, journal);
        }
    }

    /// Appends a message to a room.
    pub(super) fn append_to_room(&mut self, message: &NewMessage<'_>) -> Result<Appended, Error> {
        let Some(&id) = self.room_ids.get(message.to) else { return Ok(Appended::NoSuchRecipient) };
        let is_member = |room: &Room| room.member(message.from.user().as_str()).is_some();
        if !self.rooms.get(&id).is_some_and(is_member) {
            return Ok(Appended::NotAMember);
        }
        self.tail.next_id()?;
        self.append_to_stream_of_room(id, message, false)
    }

    /// Appends a message to a room, from anybody.
    pub(super) fn append_to_stream_of_room(
        &mut self,
        id: StreamId,
        message: &NewMessage<'_>,
        deleted: bool,
    ) -> Result<Appended, Error> {
        self.load_user(message.from.user().as_str());
        let current = self.users.get(message.from.user());
        let current = current.filter(|user| Arc::ptr_eq(&user.profile, message.from)).map(|user| user.profile_id);
        let sender = current.unwrap_or_else(|| self.profile_id(message.from));
        let Self { rooms, tail, journal, .. } = self;
        let Some(room) = rooms.get_mut(&id) else { return Ok(Appended::NoSuchRecipient) };
        let stored = tail.append(id, room.head, sender, message, deleted)?;
        room.count(stored, message.from.user().as_str(), deleted, |user| journal.member_lags(id, user));
        if room.count.is_multiple_of(MARK_INTERVAL) {
            journal.mark(id, stored);
        }
        journal.count_message();
        journal.lags(id, &mut room.lagging);
        Ok(Appended::Stored(stored))
    }

    /// Takes account of messages of a room that are not there any more, with their senders, in ascending order. Has the rows of
    /// those written whom it concerns.
    pub(super) fn uncount(&mut self, id: StreamId, messages: &[(MessageId, Option<UserName>)]) {
        let Self { rooms, journal, .. } = self;
        let Some(room) = rooms.get_mut(&id) else { return };
        let mut own: BTreeMap<&UserName, Vec<MessageId>> = BTreeMap::new();
        for (message, sender) in messages {
            sender.iter().for_each(|sender| own.entry(sender).or_default().push(*message));
        }
        for (user, member) in room.people.iter_mut().filter(|(_, member)| member.standing.is_member()) {
            let after = |all: usize, before: usize| (all - before) as u64;
            let others = after(messages.len(), messages.partition_point(|(message, _)| *message <= member.cursor));
            let own = own
                .get(user)
                .map_or(0, |own| after(own.len(), own.partition_point(|message| *message <= member.cursor)));
            if others > own {
                member.base += others - own;
                member.lagging = true;
            }
        }
        room.write(id, journal);
    }
}
