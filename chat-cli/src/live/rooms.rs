//! The commands about rooms.

use chat_lib::limits::LIST_MAX;
use chat_lib::store::Standing;
use chat_lib::{RoomUpdate, printable};

use super::commands::{split, usage};
use super::talk::{Talk, refused};
use crate::shell::{Ask, Failure};

pub(super) fn list(talk: &mut Talk<'_>, _: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let list = talk.ask(|session| session.rooms("", LIST_MAX))?;
    let mut lines = Vec::new();
    for room in &list.entries {
        talk.known.learn_room(room.room.as_str());
        let standing = match room.standing {
            Some(Standing::Owner) => "yours",
            Some(Standing::Member) => "joined",
            Some(Standing::Invited) => "invited",
            None => "open",
        };
        let members = if room.members == 1 { "member" } else { "members" };
        let facts = talk.renderer.dim(&format!("{standing}, {} {members}", room.members));
        lines.push(format!("{:<20} {facts}  {}", room.room.as_str(), printable(&room.title)).trim_end().to_owned());
    }
    Ok(talk.listed(lines, list.more, "There are no rooms; /create #NAME creates one."))
}

pub(super) fn create(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (room, title) = split(rest.trim());
    let room = room_name(room, "create")?;
    talk.ask(|session| session.create_room(room, title.trim(), true))?;
    talk.open(room)?;
    Ok(talk.renderer.dim(&format!("You own {room}. Anyone can join; /set {room} closed makes it invite-only.")))
}

pub(super) fn join(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let room = room_name(rest.trim(), "join")?;
    talk.ask(|session| session.join_room(room))?;
    talk.open(room)
}

pub(super) fn leave(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let room = talk.room(rest)?;
    talk.ask(|session| session.leave_room(&room))?;
    if talk.current() == Some(room.as_str()) {
        talk.turn_to(None);
    }
    Ok(talk.renderer.dim(&format!("You have left {room}.")))
}

pub(super) fn members(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let room = talk.room(rest)?;
    let list = talk.ask(|session| session.members(&room, "", LIST_MAX))?;
    let mut lines = Vec::new();
    for member in &list.entries {
        let owner = if member.owner { talk.renderer.dim("  owner") } else { String::new() };
        lines.push(format!("{}{owner}", talk.person(&member.profile)));
    }
    Ok(talk.listed(lines, list.more, "It has no members."))
}

pub(super) fn invite(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (user, room) = talk.user_and_room(rest, "invite")?;
    talk.ask(|session| session.invite(&room, &user))?;
    Ok(talk.renderer.dim(&format!("{} is invited to {room}.", talk.known.full_name(&user))))
}

pub(super) fn remove(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (user, room) = talk.user_and_room(rest, "remove")?;
    talk.ask(|session| session.remove_from_room(&room, &user))?;
    Ok(talk.renderer.dim(&format!("{} is removed from {room}.", talk.known.full_name(&user))))
}

pub(super) fn set(talk: &mut Talk<'_>, rest: &str, _: &mut dyn Ask) -> Result<String, Failure> {
    let (first, after) = split(rest.trim());
    let (room, change) = match first.starts_with('#') {
        true => (first.to_owned(), after.trim()),
        false => (talk.room("")?, rest.trim()),
    };
    let (what, value) = split(change);
    let owners: Vec<&str> = value.split([' ', ',']).filter(|owner| !owner.is_empty()).collect();
    let update = match what {
        "title" => RoomUpdate { title: Some(value.trim()), ..RoomUpdate::default() },
        "open" | "closed" if value.is_empty() => RoomUpdate { open: Some(what == "open"), ..RoomUpdate::default() },
        "owners" if !owners.is_empty() => RoomUpdate { owners: Some(&owners), ..RoomUpdate::default() },
        _ => return Err(usage("set")),
    };
    talk.ask(|session| session.set_room(&room, update))?;
    Ok(talk.renderer.dim(&format!("{room} is changed.")))
}

impl Talk<'_> {
    /// The room that a command is about: `name`, or the current one.
    fn room(&self, name: &str) -> Result<String, Failure> {
        let room = self.named(name)?;
        match room.starts_with('#') {
            true => Ok(room),
            false => Err(refused("Name a room, such as #lounge.")),
        }
    }

    fn user_and_room(&self, rest: &str, command: &str) -> Result<(String, String), Failure> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (user, room) = match words.as_slice() {
            [user] => (user, self.room("")?),
            // Either order is clear.
            [room, user] | [user, room] if room.starts_with('#') => (user, (*room).to_owned()),
            _ => return Err(usage(command)),
        };
        Ok((user.trim_start_matches('@').to_owned(), room))
    }
}

fn room_name<'a>(name: &'a str, command: &str) -> Result<&'a str, Failure> {
    if name.starts_with('#') && !name.contains(' ') { Ok(name) } else { Err(usage(command)) }
}
