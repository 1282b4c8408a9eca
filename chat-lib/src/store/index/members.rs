//! What each user is in which room: who joins, leaves and is invited.

use std::sync::Arc;

use super::rooms::Room;
use super::{AccountId, Change, Index, MemberRow, past};
use crate::model::{MessageId, UserName};
use crate::store::log::StreamId;
use crate::store::{RoomMember, RoomState, Standing};

/// What a user is in a room.
pub(super) struct Membership {
    pub(super) account: AccountId,
    pub(super) standing: Standing,
    /// The messages after this one can be seen.
    pub(super) since: MessageId,
    pub(super) cursor: MessageId,
    /// How many of the messages of the room are not unread.
    pub(super) base: u64,
    /// The base takes account of the member's own messages up to this one.
    pub(super) sent: MessageId,
    pub(super) lagging: bool,
}

impl Membership {
    pub(super) fn invited(account: AccountId) -> Self {
        Self {
            account,
            standing: Standing::Invited,
            since: MessageId::NONE,
            cursor: MessageId::NONE,
            base: 0,
            sent: MessageId::NONE,
            lagging: false,
        }
    }

    /// Whether a message of the member's own has to be taken out of what is unread.
    pub(super) fn counts_own(&self, id: MessageId) -> bool {
        self.standing.is_member() && id > self.sent && id > self.cursor
    }

    pub(super) fn row(&self, room: StreamId) -> MemberRow {
        let Self { account, standing, since, cursor, base, sent, .. } = *self;
        MemberRow { room, account, standing, since, cursor, base, sent }
    }
}

impl Index {
    pub(in crate::store) fn standing(&self, room: &str, user: &str) -> Option<Standing> {
        self.find_room(room)?.1.people.get(user).map(|member| member.standing)
    }

    pub(in crate::store) fn set_standing(
        &mut self,
        room: &str,
        user: &str,
        standing: Option<Standing>,
        sees_history: bool,
    ) -> bool {
        self.load_user(user);
        let Self { rooms, room_ids, users, journal, .. } = self;
        let Some((id, room)) = room_ids.get(room).and_then(|id| Some((*id, rooms.get_mut(id)?))) else { return false };
        let Some((name, _)) = users.get_key_value(user) else { return false };
        let name = name.clone();
        let Some(user) = users.get_mut(user) else { return false };
        let Some(standing) = standing else {
            if room.remove(name.as_str()).is_some() {
                self.memberships -= 1;
                user.more().rooms.remove(&room.name);
                journal.push(|| Change::DropMember(id, user.id));
            }
            return true;
        };
        let before = room.people.get(&name);
        if before.is_some_and(|before| before.standing == standing) {
            return true;
        }
        let head = room.head;
        let member = match before.filter(|before| before.standing.is_member() && standing.is_member()) {
            Some(before) => Membership { standing, ..*before },
            None if standing.is_member() => Membership {
                account: user.id,
                standing,
                since: if sees_history { MessageId::NONE } else { head },
                cursor: head,
                base: room.count,
                sent: head,
                lagging: false,
            },
            None => Membership::invited(user.id),
        };
        if before.is_none() {
            self.memberships += 1;
            user.more().rooms.insert(room.name.clone(), id);
        }
        let row = member.row(id);
        journal.push(|| Change::Member(row));
        room.insert(name, member);
        true
    }

    /// The first of those who are members of a room or are invited, after a user name and in order of user name.
    pub(in crate::store) fn members(&mut self, room: &str, after: &str, limit: usize) -> Vec<RoomMember> {
        let people = self.find_room(room).into_iter().flat_map(|(_, room)| room.people.range::<str, _>(past(after)));
        let people: Vec<_> = people.take(limit).map(|(user, member)| (user.clone(), member.standing)).collect();
        let member = |(user, standing): (UserName, Standing)| {
            let user = Arc::clone(&self.account(user.as_str())?.profile);
            Some(RoomMember { user, standing })
        };
        people.into_iter().filter_map(member).collect()
    }

    /// The first of the rooms that a user is a member of or is invited to, after a name and in order of name.
    pub(in crate::store) fn rooms_of(&mut self, user: &str, after: &str, limit: usize) -> Vec<(RoomState, Standing)> {
        self.load_user(user);
        let mine = self.rooms_after(user, after).take(limit);
        mine.filter_map(|(_, room)| Some((room.state(), room.people.get(user)?.standing))).collect()
    }

    /// The rooms that a user is a member of or is invited to, in order of name.
    pub(super) fn rooms_by_name(&self, user: &str) -> impl Iterator<Item = (StreamId, &Room)> {
        self.rooms_after(user, "")
    }

    fn rooms_after(&self, user: &str, after: &str) -> impl Iterator<Item = (StreamId, &Room)> {
        let more = self.users.get(user).and_then(|user| user.more.as_ref());
        let ids = more.into_iter().flat_map(move |more| more.rooms.range::<str, _>(past(after)));
        ids.filter_map(|(_, id)| Some((*id, self.rooms.get(id)?)))
    }
}
