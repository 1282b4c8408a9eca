//! Rooms: who may do what in them. The store keeps them, and lets anyone do anything.
//!
//! A rule is checked in one step and kept by another, and steps of other threads may come in between. So whoever changes a room
//! holds [the rules' lock](Chat::lock_rules).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::commands::page;
use super::room_changes::{Changed, RoomChanges};
use super::{Chat, Step, Turn};
use crate::error::Error;
use crate::limits::{LIST_DEFAULT, LIST_MAX};
use crate::model::{MessageId, RoomName, UserName, check_title};
use crate::protocol::{MemberView, Reply, RoomChange, RoomView};
use crate::store::{RoomState, Standing};

/// What a member who owns a room can change about it.
pub(super) struct Settings<'a> {
    pub(super) title: Option<&'a str>,
    pub(super) open: Option<bool>,
    pub(super) owners: Option<&'a [Cow<'a, str>]>,
}

impl Chat {
    pub(super) fn create_room(
        &self,
        user: &UserName,
        room: &str,
        title: &str,
        open: bool,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let room = RoomName::parse(room)?;
        check_title(title)?;
        let mut changes = self.lock_rules();
        self.check_rooms_of(user, turn)?;
        if !turn.batch.create_room(&room, title, open)? {
            return Err(Error::RoomExists);
        }
        if !turn.batch.set_standing(room.as_str(), user.as_str(), Some(Standing::Owner), true)? {
            // The user was removed by another thread just now.
            turn.batch.remove_room(room.as_str())?;
            return Err(Error::NoSuchSession);
        }
        let since = last_read(user, room.as_str(), turn)?;
        let (user, by) = (user.clone(), user.clone());
        turn.post_room_change(Changed { room, change: RoomChange::Created, user, by, since }, &mut changes);
        Ok(Step::Done(Reply::RoomCreated))
    }

    pub(super) fn join_room(&self, user: &UserName, room: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let mut changes = self.lock_rules();
        let (state, standing) = find_room(room, user, turn)?;
        if standing.is_some_and(Standing::is_member) {
            return Ok(Step::Done(Reply::RoomJoined));
        }
        if standing.is_none() {
            self.check_place(&state)?;
        }
        self.check_rooms_of(user, turn)?;
        if !turn.batch.set_standing(room, user.as_str(), Some(Standing::Member), state.open)? {
            return Err(Error::NoSuchSession);
        }
        let since = last_read(user, room, turn)?;
        let (room, user, by) = (state.name, user.clone(), user.clone());
        turn.post_room_change(Changed { room, change: RoomChange::Joined, user, by, since }, &mut changes);
        Ok(Step::Done(Reply::RoomJoined))
    }

    pub(super) fn leave_room(&self, user: &UserName, room: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let mut changes = self.lock_rules();
        let (state, standing) = find_member(room, user, turn)?;
        if standing == Standing::Owner && state.owners <= 1 {
            return Err(Error::LastOwner);
        }
        let since = last_seen(user.as_str(), room, turn)?;
        turn.batch.set_standing(room, user.as_str(), None, false)?;
        let (room, user, by) = (state.name, user.clone(), user.clone());
        turn.post_room_change(Changed { room, change: RoomChange::Left, user, by, since }, &mut changes);
        Ok(Step::Done(Reply::RoomLeft))
    }

    pub(super) fn delete_own_room(&self, user: &UserName, room: &str, turn: &mut Turn<'_>) -> Result<Step, Error> {
        let mut changes = self.lock_rules();
        let state = find_owned(room, user, turn)?;
        turn.batch.remove_room(room)?;
        let (room, user, by, since) = (state.name, user.clone(), user.clone(), MessageId::MAX);
        turn.post_room_change(Changed { room, change: RoomChange::Deleted, user, by, since }, &mut changes);
        Ok(Step::Done(Reply::Done))
    }

    pub(super) fn invite_to_room(
        &self,
        user: &UserName,
        room: &str,
        guest: &str,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let mut changes = self.lock_rules();
        let (state, standing) = find_member(room, user, turn)?;
        if !state.open && standing != Standing::Owner {
            return Err(Error::NotAnOwner);
        }
        let account = turn.batch.account(guest)?.ok_or(Error::NoSuchUser)?;
        if turn.batch.standing(room, guest)?.is_none() {
            self.check_place(&state)?;
            turn.batch.set_standing(room, guest, Some(Standing::Invited), false)?;
            let (room, user, by) = (state.name, account.profile.user().clone(), user.clone());
            let changed = Changed { room, change: RoomChange::Invited, user, by, since: MessageId::MAX };
            turn.post_room_change(changed, &mut changes);
        }
        Ok(Step::Done(Reply::Done))
    }

    pub(super) fn remove_member(
        &self,
        user: &UserName,
        room: &str,
        member: &str,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let mut changes = self.lock_rules();
        let state = find_owned(room, user, turn)?;
        let standing = turn.batch.standing(room, member)?.ok_or(Error::NotAMember)?;
        if standing == Standing::Owner && state.owners <= 1 {
            return Err(Error::LastOwner);
        }
        let since = last_seen(member, room, turn)?;
        let (room, user, by) = (state.name, UserName::parse(member)?, user.clone());
        turn.batch.set_standing(room.as_str(), member, None, false)?;
        turn.post_room_change(Changed { room, change: RoomChange::Removed, user, by, since }, &mut changes);
        Ok(Step::Done(Reply::Done))
    }

    pub(super) fn set_room(
        &self,
        user: &UserName,
        room: &str,
        settings: &Settings<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        settings.title.map_or(Ok(()), check_title)?;
        let mut changes = self.lock_rules();
        let state = find_owned(room, user, turn)?;
        let moves = match settings.owners {
            Some(owners) => changes_of_owners(room, owners, turn)?,
            None => Vec::new(),
        };
        let (title, open) = (settings.title.unwrap_or(&state.title), settings.open.unwrap_or(state.open));
        let is_changed = (title, open) != (&*state.title, state.open);
        if is_changed {
            turn.batch.set_room(room, title, open)?;
        }
        for (member, standing) in &moves {
            turn.batch.set_standing(room, member.as_str(), Some(*standing), true)?;
        }
        if is_changed || !moves.is_empty() {
            let (room, user, by, since) = (state.name, user.clone(), user.clone(), MessageId::MAX);
            turn.post_room_change(Changed { room, change: RoomChange::Set, user, by, since }, &mut changes);
        }
        Ok(Step::Done(Reply::Done))
    }

    pub(super) fn members(
        &self,
        user: &UserName,
        room: &str,
        after: &str,
        limit: usize,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        find_member(room, user, turn)?;
        let limit = limit.min(LIST_MAX);
        let (mut views, mut after) = (Vec::new(), after.to_owned());
        // Those who are only invited are passed over.
        let at_once = LIST_DEFAULT.max(limit + 1);
        while views.len() <= limit {
            let people = turn.batch.members(room, &after, at_once)?;
            let is_end = people.len() < at_once;
            let Some(last) = people.last() else { break };
            after = last.user.user().to_string();
            let members = people.into_iter().filter(|it| it.standing.is_member());
            views.extend(members.map(|it| MemberView { profile: it.user, owner: it.standing == Standing::Owner }));
            if is_end {
                break;
            }
        }
        Ok(Step::Done(Reply::Members(page(views, limit))))
    }

    pub(super) fn list_rooms(
        &self,
        user: &UserName,
        after: &str,
        limit: usize,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Error> {
        let limit = limit.min(LIST_MAX);
        let open = turn.batch.open_rooms(after, limit + 1)?.into_iter();
        let mut rooms: BTreeMap<_, _> = open.map(|room| (room.name.clone(), (room, None))).collect();
        // The first ones of both lists together are among the first ones of each.
        for (room, standing) in turn.batch.rooms_of(user.as_str(), after, limit + 1)? {
            rooms.insert(room.name.clone(), (room, Some(standing)));
        }
        let views = rooms.into_values().take(limit + 1).map(|(room, standing)| {
            let RoomState { name, title, open, members, .. } = room;
            RoomView { room: name, title: title.to_string(), open, members, standing }
        });
        Ok(Step::Done(Reply::Rooms(page(views.collect(), limit))))
    }

    /// Takes a user out of all rooms. A room that would have no owner then gets one, and one that would have no members is
    /// deleted.
    pub(super) fn leave_all_rooms(
        &self,
        user: &UserName,
        changes: &mut RoomChanges,
        turn: &mut Turn<'_>,
    ) -> Result<(), Error> {
        for (RoomState { name: room, owners, .. }, standing) in turn.batch.rooms_of(user.as_str(), "", usize::MAX)? {
            if standing == Standing::Owner && owners <= 1 {
                let members = turn.batch.members(room.as_str(), "", usize::MAX)?;
                let mut others =
                    members.iter().filter(|member| member.standing.is_member() && member.user.user() != user);
                let Some(heir) = others.next().map(|member| member.user.user()) else {
                    turn.batch.remove_room(room.as_str())?;
                    let (user, by, since) = (user.clone(), user.clone(), MessageId::MAX);
                    turn.post_room_change(Changed { room, change: RoomChange::Deleted, user, by, since }, changes);
                    continue;
                };
                turn.batch.set_standing(room.as_str(), heir.as_str(), Some(Standing::Owner), true)?;
                let (room, user, by, since) = (room.clone(), heir.clone(), heir.clone(), MessageId::MAX);
                turn.post_room_change(Changed { room, change: RoomChange::Set, user, by, since }, changes);
            }
            let since = last_seen(user.as_str(), room.as_str(), turn)?;
            turn.batch.set_standing(room.as_str(), user.as_str(), None, false)?;
            if standing.is_member() {
                let (user, by) = (user.clone(), user.clone());
                turn.post_room_change(Changed { room, change: RoomChange::Left, user, by, since }, changes);
            }
        }
        Ok(())
    }

    /// Checks that one more user may join a room or be invited. Whoever is invited has a place already.
    fn check_place(&self, room: &RoomState) -> Result<(), Error> {
        match room.members + room.invited < self.limits().room_members {
            true => Ok(()),
            false => Err(Error::RoomFull),
        }
    }

    /// Checks that a user may become a member of one more room.
    fn check_rooms_of(&self, user: &UserName, turn: &mut Turn<'_>) -> Result<(), Error> {
        let rooms = turn.batch.rooms_of(user.as_str(), "", usize::MAX)?;
        match rooms.iter().filter(|(_, standing)| standing.is_member()).count() < self.limits().rooms_per_user {
            true => Ok(()),
            false => Err(Error::TooManyRooms),
        }
    }
}

/// The last message of a room before a member's joining, which has just happened.
fn last_read(user: &UserName, room: &str, turn: &mut Turn<'_>) -> Result<MessageId, Error> {
    let state = turn.batch.conversation(user.as_str(), room)?;
    Ok(state.map_or(MessageId::NONE, |state| state.read))
}

/// The last message of a room that somebody sees who is about to leave it.
fn last_seen(user: &str, room: &str, turn: &mut Turn<'_>) -> Result<MessageId, Error> {
    let state = turn.batch.conversation(user, room)?;
    Ok(state.map_or(MessageId::MAX, |state| state.last))
}

/// A room, and what a user is in it; [`Error::NoSuchRoom`] also if the user may not know of it.
pub(super) fn find_room(
    room: &str,
    user: &UserName,
    turn: &mut Turn<'_>,
) -> Result<(RoomState, Option<Standing>), Error> {
    let state = turn.batch.room(room)?.ok_or(Error::NoSuchRoom)?;
    let standing = turn.batch.standing(room, user.as_str())?;
    match state.open || standing.is_some() {
        true => Ok((state, standing)),
        false => Err(Error::NoSuchRoom),
    }
}

/// A room that a user is a member of.
pub(super) fn find_member(room: &str, user: &UserName, turn: &mut Turn<'_>) -> Result<(RoomState, Standing), Error> {
    match find_room(room, user, turn)? {
        (state, Some(standing)) if standing.is_member() => Ok((state, standing)),
        _ => Err(Error::NotAMember),
    }
}

/// A room that a user owns.
fn find_owned(room: &str, user: &UserName, turn: &mut Turn<'_>) -> Result<RoomState, Error> {
    match find_member(room, user, turn)? {
        (state, Standing::Owner) => Ok(state),
        _ => Err(Error::NotAnOwner),
    }
}

/// Which members become owners and which owners mere members, so that `owners` are all owners.
fn changes_of_owners(
    room: &str,
    owners: &[Cow<'_, str>],
    turn: &mut Turn<'_>,
) -> Result<Vec<(UserName, Standing)>, Error> {
    let mut wanted: BTreeSet<&str> = owners.iter().map(|owner| &**owner).collect();
    if wanted.is_empty() {
        return Err(Error::LastOwner);
    }
    let mut changes = Vec::new();
    for member in turn.batch.members(room, "", usize::MAX)?.iter().filter(|member| member.standing.is_member()) {
        let user = member.user.user();
        let standing = if wanted.remove(user.as_str()) { Standing::Owner } else { Standing::Member };
        if standing != member.standing {
            changes.push((user.clone(), standing));
        }
    }
    match wanted.is_empty() {
        true => Ok(changes),
        false => Err(Error::NotAMember),
    }
}
