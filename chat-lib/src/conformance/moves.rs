//! The random steps of a walk, done in the store and in the model.

use std::sync::Arc;

use super::model::Model;
use super::{account, at, message};
use crate::model::{MessageKey, Profile, RoomName};
use crate::store::{Appended, Batch, CursorMove, FoundMessage, NewMessage, Quota, RoomKeep, Standing};

/// One kind of step each, chosen before it is known whether it happens.
pub(super) enum Move {
    Append { to: String, from: Arc<Profile>, line: String, second: u64, key: Option<String> },
    Take { user: String, moves: Vec<CursorMove> },
    PutBack { user: String, moves: Vec<CursorMove> },
    Delete(FoundMessage),
    Add(Arc<Profile>),
    Rename(Arc<Profile>),
    Remove(String),
    Block { user: String, other: String, blocked: bool },
    CreateRoom { room: String, title: String, open: bool },
    SetRoom { room: String, title: String, open: bool },
    KeepRoom { room: String, keep: RoomKeep },
    RemoveRoom(String),
    Standing { room: String, user: String, standing: Option<Standing>, sees_history: bool },
}

impl Move {
    /// Does the step in the store and in the model, and returns whether it has changed anything.
    pub(super) fn make(&self, batch: &mut dyn Batch, model: &mut Model) -> bool {
        match self {
            Self::Append { to, from, line, second, key } => {
                append(batch, model, to, from, line, *second, key.as_deref())
            }
            Self::Take { user, moves } => {
                let done = batch.take(user, moves).expect("take: takes");
                assert!(done || moves.is_empty(), "take: does the moves if no cursor has moved since");
                model.do_moves(user, moves, false);
                done && !moves.is_empty()
            }
            Self::PutBack { user, moves } => {
                let done = batch.put_back(user, moves).expect("put_back: puts back");
                if let Some(expected) = model.can_move(user, moves, true)
                    && !moves.is_empty()
                {
                    let law = "put_back: `false` if and only if a cursor has moved or something is gone";
                    assert_eq!(done, expected, "{law}: {user} {moves:?}");
                }
                if done {
                    model.do_moves(user, moves, true);
                }
                done && !moves.is_empty()
            }
            Self::Delete(found) => {
                assert!(batch.delete(found).expect("delete: deletes"), "delete: deletes a message that is there");
                model.delete(found.id);
                true
            }
            Self::Add(profile) => {
                let added = batch.add_account(account(profile.user().as_str(), profile.full_name()));
                assert!(added.expect("add_account: adds"), "add_account: adds an account whose user name is free");
                model.add(Arc::clone(profile));
                true
            }
            Self::Rename(profile) => {
                let mut new = account(profile.user().as_str(), profile.full_name());
                let old = batch.account(profile.user().as_str()).expect("account: finds");
                new.revision = old.expect("account: returns an account that was added").revision;
                let replaced = batch.replace_account(new).expect("replace_account: replaces");
                assert!(replaced, "replace_account: replaces an account");
                model.rename(Arc::clone(profile));
                true
            }
            Self::Remove(user) => {
                let removed = batch.remove_account(user).expect("remove_account: removes");
                assert_eq!(removed, model.users.contains_key(user), "remove_account: `false` if there is no such user");
                model.remove(user);
                removed
            }
            Self::Block { user, other, blocked } => {
                let pair = (user.clone(), other.clone());
                let is_there = model.blocks.contains(&pair);
                let (done, expected) = if *blocked {
                    let exist = model.users.contains_key(user) && model.users.contains_key(other);
                    (batch.block(user, other).expect("block: blocks"), exist && !is_there)
                } else {
                    (batch.unblock(user, other).expect("unblock: unblocks"), is_there)
                };
                assert_eq!(done, expected, "block, unblock: `false` if nothing is done");
                if done && *blocked {
                    model.blocks.insert(pair);
                } else if done {
                    model.blocks.remove(&pair);
                }
                done
            }
            Self::CreateRoom { room, title, open } => {
                let name = RoomName::parse(room).expect("the name of a room");
                let created = batch.create_room(&name, title, *open).expect("create_room: creates");
                assert_ne!(
                    created,
                    model.rooms.contains_key(room),
                    "create_room: `false` if there is one of that name"
                );
                if created {
                    model.create_room(room, title, *open);
                }
                created
            }
            Self::SetRoom { room, title, open } => {
                let is_set = batch.set_room(room, title, *open).expect("set_room: sets");
                assert_eq!(is_set, model.rooms.contains_key(room), "set_room: `false` if there is no such room");
                let Some(room) = model.rooms.get_mut(room) else { return false };
                let before = (std::mem::replace(&mut room.title, title.clone()), room.open);
                room.open = *open;
                before != (title.clone(), *open)
            }
            Self::KeepRoom { room, keep } => {
                let is_set = batch.set_room_keep(room, *keep).expect("set_room_keep: sets");
                assert_eq!(is_set, model.rooms.contains_key(room), "set_room_keep: `false` if there is no such room");
                let Some(room) = model.rooms.get_mut(room) else { return false };
                std::mem::replace(&mut room.keep, *keep) != *keep
            }
            Self::RemoveRoom(room) => {
                let removed = batch.remove_room(room).expect("remove_room: removes");
                assert_eq!(removed, model.rooms.contains_key(room), "remove_room: `false` if there is no such room");
                model.remove_room(room);
                removed
            }
            Self::Standing { room, user, standing, sees_history } => {
                let done = batch.set_standing(room, user, *standing, *sees_history).expect("set_standing: sets");
                let exist = model.rooms.contains_key(room) && model.users.contains_key(user);
                assert_eq!(done, exist, "set_standing: `false` if the room or the user does not exist");
                if !done {
                    return false;
                }
                let before = model.rooms[room].seats.get(user).map(|seat| seat.standing);
                model.set_standing(room, user, *standing, *sees_history);
                before != *standing
            }
        }
    }

    /// Whether somebody may have left a room: what they have taken there is not put back then.
    pub(super) fn ends_memberships(&self) -> bool {
        matches!(self, Self::Remove(_) | Self::RemoveRoom(_) | Self::Standing { .. })
    }
}

fn append(
    batch: &mut dyn Batch,
    model: &mut Model,
    to: &str,
    from: &Arc<Profile>,
    line: &str,
    second: u64,
    key: Option<&str>,
) -> bool {
    let parsed = key.map(|key| MessageKey::parse(key).expect("a key"));
    let message = NewMessage { time: at(second), key: parsed.as_ref(), ..message(to, from, line) };
    let appended = batch.append(message, Quota::UNLIMITED).expect("append: stores");
    match (appended, model.refusal(to, from.user().as_str(), key)) {
        (Appended::Stored(id), None) => {
            assert!(id > model.newest, "append: returns an id that is greater than all before it");
            model.append(id, to, from, line, at(second), key);
            true
        }
        (refused, expected) => {
            let law = "append: stores a message, or says the first of the reasons why not";
            assert_eq!(Some(refused), expected, "{law}");
            false
        }
    }
}
