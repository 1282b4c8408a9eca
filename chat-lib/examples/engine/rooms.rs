//! The steps of a batch about rooms.

use chat_lib::Error;
use chat_lib::model::{MessageId, RoomName};
use chat_lib::store::{RoomKeep, RoomMember, RoomState, Rooms, Standing};

use super::change::{Change, Kind};
use super::conversation::Conversation;
use super::steps::Steps;

impl Steps<'_> {
    fn list_rooms(
        &mut self,
        after: &str,
        limit: usize,
        is_listed: fn(&RoomState) -> bool,
    ) -> Result<Vec<RoomState>, Error> {
        let rooms = self.state()?.conversations.values().filter_map(Conversation::room);
        let mut rooms: Vec<_> = rooms.filter(|room| room.name.as_str() > after && is_listed(room)).collect();
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        rooms.truncate(limit);
        Ok(rooms)
    }

    fn write_room(&mut self, number: u64, name: &str, title: &str, open: bool, keep: RoomKeep) -> Result<(), Error> {
        let (name, title) = (name.to_owned(), title.to_owned());
        self.change(Change::Conversation { number, kind: Kind::Room { name, title, open, keep } })
    }
}

impl Rooms for Steps<'_> {
    fn room(&mut self, room: &str) -> Result<Option<RoomState>, Error> {
        Ok(self.state()?.room(room).and_then(Conversation::room))
    }

    fn rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        self.list_rooms(after, limit, |_| true)
    }

    fn open_rooms(&mut self, after: &str, limit: usize) -> Result<Vec<RoomState>, Error> {
        self.list_rooms(after, limit, |room| room.open)
    }

    fn create_room(&mut self, room: &RoomName, title: &str, open: bool) -> Result<bool, Error> {
        let is_free = self.state()?.room(room.as_str()).is_none();
        if is_free {
            let number = self.state()?.next();
            self.write_room(number, room.as_str(), title, open, RoomKeep::default())?;
        }
        Ok(is_free)
    }

    fn set_room(&mut self, room: &str, title: &str, open: bool) -> Result<bool, Error> {
        let found = self.state()?.room(room).and_then(|it| Some((it.number, it.room()?.keep)));
        let Some((number, keep)) = found else { return Ok(false) };
        self.write_room(number, room, title, open, keep)?;
        Ok(true)
    }

    fn set_room_keep(&mut self, room: &str, keep: RoomKeep) -> Result<bool, Error> {
        let found = self.state()?.room(room).and_then(|it| Some((it.number, it.room()?)));
        let Some((number, state)) = found else { return Ok(false) };
        self.write_room(number, room, &state.title, state.open, keep)?;
        Ok(true)
    }

    fn remove_room(&mut self, room: &str) -> Result<bool, Error> {
        let Some(number) = self.state()?.room(room).map(|room| room.number) else { return Ok(false) };
        self.change(Change::RoomRemoved(number))?;
        Ok(true)
    }

    fn standing(&mut self, room: &str, user: &str) -> Result<Option<Standing>, Error> {
        Ok(self.state()?.room(room).and_then(|room| room.members.get(user)).map(|member| member.standing))
    }

    fn set_standing(
        &mut self,
        room: &str,
        user: &str,
        standing: Option<Standing>,
        sees_history: bool,
    ) -> Result<bool, Error> {
        let state = self.state()?;
        let Some(room) = state.room(room).filter(|_| state.users.contains_key(user)) else { return Ok(false) };
        let (number, none) = (room.number, MessageId::NONE);
        let places = |standing: Standing| match room.member(user) {
            _ if !standing.is_member() => (none, none),
            Some(member) => (member.since, member.read),
            None => (if sees_history { none } else { room.last() }, room.last()),
        };
        let member = standing.map(|standing| (standing, places(standing)));
        self.set_member(number, user, member)?;
        Ok(true)
    }

    fn members(&mut self, room: &str, after: &str, limit: usize) -> Result<Vec<RoomMember>, Error> {
        let state = self.state()?;
        let members = state.room(room).into_iter().flat_map(|room| &room.members);
        let show = |(user, member): (&_, &super::conversation::Member)| {
            let user = state.users.get(user)?.account.profile.clone();
            Some(RoomMember { user, standing: member.standing })
        };
        Ok(members.filter_map(show).filter(|it| it.user.user().as_str() > after).take(limit).collect())
    }

    fn rooms_of(&mut self, user: &str, after: &str, limit: usize) -> Result<Vec<(RoomState, Standing)>, Error> {
        let standing = |it: &Conversation| Some((it.room()?, it.members.get(user)?.standing));
        let mut rooms: Vec<_> = self.state()?.conversations.values().filter_map(standing).collect();
        rooms.retain(|(room, _)| room.name.as_str() > after);
        rooms.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        rooms.truncate(limit);
        Ok(rooms)
    }
}
