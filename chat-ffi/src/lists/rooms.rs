//! Rooms that a user can see.

use std::ffi::{CString, c_char, c_int};

use chat_lib::protocol::RoomView;
use chat_lib::store::{RoomState, Standing};

use super::{Element, next};
use crate::error::c_string;
use crate::handle::{chat_rooms, free};
use crate::status::chat_status;

/// What a user is in a room.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(non_camel_case_types)]
pub enum chat_standing {
    /// Nothing.
    CHAT_OUTSIDE = 0,
    /// Invited, and so allowed to join it.
    CHAT_INVITED = 1,
    /// A member.
    CHAT_MEMBER = 2,
    /// A member who owns it.
    CHAT_OWNER = 3,
}

/// A room. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_room {
    /// Its name, which begins with "#".
    pub name: *const c_char,
    /// Its title; may be "".
    pub title: *const c_char,
    /// Whether anyone may join it: 0 or 1.
    pub open: c_int,
    /// How many members it has.
    pub members: usize,
    /// What the session's user is in it: a chat_standing; CHAT_OUTSIDE in an operator's list.
    pub standing: i32,
}

/// What a [`chat_room`] points to.
pub struct Room {
    name: CString,
    title: CString,
    open: bool,
    members: usize,
    standing: chat_standing,
}

impl From<RoomView> for Room {
    fn from(view: RoomView) -> Self {
        let standing = match view.standing {
            None => chat_standing::CHAT_OUTSIDE,
            Some(Standing::Invited) => chat_standing::CHAT_INVITED,
            Some(Standing::Member) => chat_standing::CHAT_MEMBER,
            Some(Standing::Owner) => chat_standing::CHAT_OWNER,
        };
        let (name, title) = (c_string(view.room.as_str()), c_string(view.title));
        Self { name, title, open: view.open, members: view.members, standing }
    }
}

impl From<RoomState> for Room {
    fn from(room: RoomState) -> Self {
        let (name, title) = (c_string(room.name.as_str()), c_string(&*room.title));
        Self { name, title, open: room.open, members: room.members, standing: chat_standing::CHAT_OUTSIDE }
    }
}

impl Element for Room {
    type View = chat_room;

    fn view(&self) -> chat_room {
        let Self { name, title, open, members, standing } = self;
        chat_room {
            name: name.as_ptr(),
            title: title.as_ptr(),
            open: c_int::from(*open),
            members: *members,
            standing: *standing as i32,
        }
    }
}

/// Gives the next room of a list.
///
/// - `rooms`: a list of rooms.
/// - `room_out`: receives the room.
///
/// Returns CHAT_END if there are no more.
/// Memory: what the room points to belongs to the list, and is valid until the next call with it.
/// Thread: one at a time for one list.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_rooms_next(rooms: *mut chat_rooms, room_out: *mut chat_room) -> chat_status {
    // SAFETY: the caller's promise.
    unsafe { next(rooms, room_out, "room_out") }
}

/// Frees a list of rooms.
///
/// - `rooms`: a list of rooms; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chat_rooms_free(rooms: *mut chat_rooms) -> chat_status {
    free(rooms)
}
