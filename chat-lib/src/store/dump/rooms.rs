//! The records of rooms in a dump, and the check that what their members have not read is in the log.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::Error;
use crate::model::{MessageId, RoomName, UserName};
use crate::store::index::{MemberRow, RoomRow};
use crate::store::log::Entry;
use crate::store::{Record, RoomMembership, Standing, Visit};

/// A room.
pub(super) struct RoomView {
    pub(super) name: RoomName,
    room: RoomRow,
    /// In order of user name.
    people: Vec<MemberView>,
    /// Where in `people` each member is.
    places: HashMap<UserName, usize>,
    /// The members with a cursor that no message was past yet, the lowest cursor last.
    waiting: Vec<usize>,
    /// The last message that was found in the log, and how many that were not deleted.
    found: (MessageId, usize),
}

struct MemberView {
    user: UserName,
    row: MemberRow,
    unread: usize,
    /// How many messages were found that are not unread: those before the cursor, and the member's own.
    read: Option<usize>,
}

impl RoomView {
    pub(super) fn new(room: RoomRow, people: Vec<(UserName, MemberRow, usize)>) -> Self {
        let member = |(user, row, unread)| MemberView { user, row, unread, read: None };
        let people: Vec<_> = people.into_iter().map(member).collect();
        let members = people.iter().enumerate().filter(|(_, member)| member.row.standing.is_member());
        let mut waiting: Vec<_> = members.clone().map(|(place, member)| (member.row.cursor, place)).collect();
        waiting.sort_by(|one, other| other.cmp(one));
        let places = members.map(|(place, member)| (member.user.clone(), place)).collect();
        let waiting = waiting.into_iter().map(|(_, place)| place).collect();
        Self { name: room.name.clone(), found: (room.gone, 0), room, people, places, waiting }
    }

    /// How long its messages are kept, if that is its own.
    pub(super) fn age(&self) -> Option<Duration> {
        self.room.keep.age
    }

    /// Shows everything but messages.
    pub(super) fn show(&self, visit: &mut Visit<'_>) -> Result<(), Error> {
        let people = self.people.iter().map(|MemberView { user, row, .. }| {
            let MemberRow { standing, since, cursor: read, .. } = *row;
            RoomMembership { user: user.as_str(), standing, since, read }
        });
        let people: Vec<_> = people.collect();
        let RoomRow { title, open, keep, .. } = &self.room;
        visit(Record::Room { name: &self.name, title, open: *open, keep: *keep, members: &people })
    }

    /// Counts a message, and returns whether anybody can see it.
    pub(super) fn count(&mut self, entry: &Entry<'_>, sender: &str) -> Result<bool, String> {
        if entry.id <= self.room.gone || entry.id > self.room.head {
            return Ok(false);
        }
        let (last, messages) = self.found;
        // The first message follows one that was dropped.
        if if last > self.room.gone { entry.before != last } else { entry.before > last } {
            return Err(format!("messages of room {} before {} are missing", self.name, entry.id));
        }
        while let Some(place) = self.waiting.last().copied()
            && let Some(member) = self.people.get_mut(place).filter(|member| member.row.cursor < entry.id)
        {
            member.read = Some(messages);
            self.waiting.pop();
        }
        self.found = (entry.id, messages + usize::from(!entry.deleted));
        if !entry.deleted
            && let Some(place) = self.places.get(sender)
            && let Some(read) = self.people.get_mut(*place).and_then(|member| member.read.as_mut())
        {
            *read += 1;
        }
        Ok(true)
    }

    /// After all messages: whether they were what they should be.
    pub(super) fn check(&self) -> Result<(), String> {
        let (last, messages) = self.found;
        if self.room.head > self.room.gone && last != self.room.head {
            return Err(format!(
                "room {} should have messages up to {}, and the log has {last}",
                self.name, self.room.head
            ));
        }
        for MemberView { user, row, unread, read } in &self.people {
            let found = read.map_or(0, |read| messages - read);
            if row.standing != Standing::Invited && found != *unread {
                let name = &self.name;
                return Err(format!("{user} should have {unread} messages unread in {name}, and the log has {found}"));
            }
        }
        Ok(())
    }
}
