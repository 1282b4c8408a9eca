//! Taking in a dump: conversations, rooms and messages that keep their ids.

use super::{Change, Index};
use crate::error::Error;
use crate::model::{MessageId, RoomName};
use crate::store::log::Tail;
use crate::store::{NewMessage, RoomKeep, RoomMembership};

impl Index {
    /// Appends a message that had that id, from a user who may have been removed. `false` if ids do not ascend, or there
    /// is no such recipient or conversation.
    pub(in crate::store) fn restore_message(
        &mut self,
        id: MessageId,
        message: &NewMessage<'_>,
        from_former_user: bool,
        deleted: bool,
    ) -> Result<bool, Error> {
        if id <= self.tail.last() {
            return Ok(false);
        }
        if message.to.starts_with('#') {
            return self.restore_message_of_room(id, message, from_former_user, deleted);
        }
        let Some(reader) = self.users.get(message.to) else { return Ok(false) };
        let pair = reader.partners.get(message.from.user().as_str());
        let stream = match (from_former_user, pair.and_then(|pair| pair.incoming())) {
            (false, Some(stream)) => stream,
            (false, None) => return Ok(false),
            (true, _) => match reader.former().last() {
                Some(&stream) => stream,
                None => self.add_former_stream(message.to),
            },
        };
        self.go_on_with(id);
        self.append_to(stream, message, deleted).map(|_| true)
    }

    fn restore_message_of_room(
        &mut self,
        id: MessageId,
        message: &NewMessage<'_>,
        from_former_user: bool,
        deleted: bool,
    ) -> Result<bool, Error> {
        let Some(&room) = self.room_ids.get(message.to) else { return Ok(false) };
        match self.users.get_mut(message.from.user()) {
            // A later account has the name.
            Some(user) if from_former_user => {
                user.since = id;
                let (number, account) = (user.id, user.account());
                self.write_account(number, id, &account);
            }
            None if !from_former_user => return Ok(false),
            _ => {}
        }
        self.go_on_with(id);
        self.append_to_stream_of_room(room, message, deleted).map(|_| true)
    }

    fn go_on_with(&mut self, id: MessageId) {
        if self.tail.is_full() {
            self.close_block();
        }
        self.tail.skip_to(MessageId::new(id.get() - 1).unwrap_or_default());
    }

    /// Creates a room with its members. `false` if there is one of that name, or a member is no user.
    pub(in crate::store) fn restore_room(
        &mut self,
        name: &RoomName,
        title: &str,
        open: bool,
        keep: RoomKeep,
        people: &[RoomMembership<'_>],
    ) -> bool {
        if !people.iter().all(|member| self.users.contains_key(member.user)) || !self.create_room(name, title, open) {
            return false;
        }
        self.set_room_keep(name.as_str(), keep);
        for member in people {
            self.set_standing(name.as_str(), member.user, Some(member.standing), true);
        }
        let Self { rooms, room_ids, journal, .. } = self;
        let Some((id, room)) = room_ids.get(name).and_then(|id| Some((*id, rooms.get_mut(id)?))) else { return false };
        for restored in people.iter().filter(|member| member.standing.is_member()) {
            let Some(member) = room.people.get_mut(restored.user) else { continue };
            (member.since, member.cursor) = (restored.since, restored.read);
            let row = member.row(id);
            journal.push(|| Change::Member(row));
        }
        room.wait();
        true
    }

    /// Begins a conversation in which each of two users, or one in notes, has read up to a message. `false` if one of them
    /// does not exist, or they have a conversation.
    pub(in crate::store) fn restore_conversation(&mut self, members: [(&str, MessageId); 2]) -> bool {
        let [(one, read_by_one), (other, read_by_other)] = members;
        let (Some(first), Some((other, _))) = (self.users.get(one), self.users.get_key_value(other)) else {
            return false;
        };
        if first.partners.contains_key(other.as_str()) {
            return false;
        }
        let other = other.clone();
        let incoming = self.begin_conversation(one, &other);
        let outgoing = self.streams_between(one, other.as_str())[1].map(|(id, _)| id);
        for (id, cursor) in [(Some(incoming), read_by_one), (outgoing, read_by_other)] {
            let Some(stream) = id.and_then(|id| self.streams.get_mut(&id).map(|stream| (id, stream))) else { continue };
            stream.1.state.cursor = cursor;
            let row = stream.1.row();
            self.journal.push(|| Change::Stream(row));
        }
        true
    }

    /// Begins a restore. Without users there is nothing that a message in the log could belong to, so ids begin anew: the
    /// dump may have any.
    pub(in crate::store) fn begin_restore(&mut self) {
        self.load_all();
        self.summary.restoring = true;
        if self.users.is_empty() {
            self.tail = Tail::new(MessageId::NONE);
            (self.committed, self.unindexed_bytes) = (MessageId::NONE, 0);
            self.journal.marks.clear();
            self.journal.push(|| Change::ClearLog);
            self.purged(&self.deleted_in_log(), self.erased());
            self.empty_rooms();
            (self.summary.indexed, self.summary.keyed) = (MessageId::NONE, MessageId::NONE);
        }
        self.write_summary();
    }

    /// Ends a restore: ids go on after all cursors, too, though the messages that they point to may not be there.
    pub(in crate::store) fn end_restore(&mut self, epoch: String) {
        let cursors = self.streams.values().map(|stream| stream.state.cursor);
        let members = self.rooms.values().flat_map(|room| room.people.values());
        let last = cursors.chain(members.map(|member| member.cursor.max(member.since))).max();
        self.tail.skip_to(last.unwrap_or_default());
        let Self { rooms, journal, .. } = self;
        rooms.iter_mut().for_each(|(id, room)| room.settle(|user| journal.member_lags(*id, user)));
        // A row that does not know of messages before its cursor needs them, and they may be dropped.
        self.flush_streams();
        self.set_summary(|summary| (summary.restoring, summary.epoch) = (false, epoch));
    }
}
