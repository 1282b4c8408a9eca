//! Rooms: conversations of many users.

use std::ffi::{c_char, c_int};

use chat_lib::RoomUpdate;

use crate::argument::{Out, optional_text, text, texts};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat_rooms, chat_session, chat_users, get, put};
use crate::lists::list;
use crate::status::chat_status;

/// Creates a room, whose owner and only member is the user.
///
/// - `session`: a session.
/// - `room`: its name, which begins with "#".
/// - `title`: its title; may be "".
/// - `open`: 1 if anyone may join it, 0 if only those may see and join it who were invited.
///
/// Fails with CHAT_ROOM_EXISTS; CHAT_INVALID_ROOM_NAME or CHAT_INVALID_TITLE; CHAT_TOO_MANY_ROOMS; or as every function of a
/// session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_create_room(
    session: *mut chat_session,
    room: *const c_char,
    title: *const c_char,
    open: c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (room, title) = unsafe { (text(room, "room")?, text(title, "title")?) };
        Ok(get(session)?.session.create_room(room, title, open != 0)?)
    })
}

/// Joins a room that is open or that the user was invited to. Joining a room twice is the same as once.
///
/// - `session`: a session.
/// - `room`: the room.
///
/// Fails with CHAT_NO_SUCH_ROOM, also if the user may not know of it; CHAT_ROOM_FULL or CHAT_TOO_MANY_ROOMS; or as every
/// function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_join_room(session: *mut chat_session, room: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let room = unsafe { text(room, "room")? };
        Ok(get(session)?.session.join_room(room)?)
    })
}

/// Leaves a room. The user cannot see its messages any more.
///
/// - `session`: a session.
/// - `room`: the room.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; CHAT_LAST_OWNER, who may delete it instead; or as every function of a
/// session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_leave_room(session: *mut chat_session, room: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let room = unsafe { text(room, "room")? };
        Ok(get(session)?.session.leave_room(room)?)
    })
}

/// Deletes a room with all its messages. Only owners can do this.
///
/// - `session`: a session.
/// - `room`: the room.
///
/// Fails with CHAT_NO_SUCH_ROOM, CHAT_NOT_A_MEMBER or CHAT_NOT_AN_OWNER; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_delete_room(session: *mut chat_session, room: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let room = unsafe { text(room, "room")? };
        Ok(get(session)?.session.delete_room(room)?)
    })
}

/// Allows a user to join a room. Every member can do this in an open room, and the owners in another one.
///
/// - `session`: a session.
/// - `room`: the room.
/// - `user`: the user to invite.
///
/// Fails with CHAT_NO_SUCH_ROOM, CHAT_NOT_A_MEMBER or CHAT_NOT_AN_OWNER; CHAT_NO_SUCH_USER; CHAT_ROOM_FULL; or as every function
/// of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_invite(
    session: *mut chat_session,
    room: *const c_char,
    user: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (room, user) = unsafe { (text(room, "room")?, text(user, "user")?) };
        Ok(get(session)?.session.invite(room, user)?)
    })
}

/// Removes a member from a room, or takes an invitation back. Only owners can do this.
///
/// - `session`: a session.
/// - `room`: the room.
/// - `user`: the user to remove.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_AN_OWNER; CHAT_NOT_A_MEMBER if one of the two users is not a member; CHAT_LAST_OWNER; or as
/// every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_remove_from_room(
    session: *mut chat_session,
    room: *const c_char,
    user: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (room, user) = unsafe { (text(room, "room")?, text(user, "user")?) };
        Ok(get(session)?.session.remove_from_room(room, user)?)
    })
}

/// Changes a room. Only owners can do this.
///
/// - `session`: a session.
/// - `room`: the room.
/// - `title`: the new title; NULL keeps the old one.
/// - `open`: 1 if anyone may join it from now on, 0 if only those may who are invited; -1 keeps it as it is.
/// - `owners`: the user names of all owners from now on, who must be members; NULL keeps the old ones.
/// - `owners_count`: their number.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_AN_OWNER; CHAT_INVALID_TITLE; CHAT_NOT_A_MEMBER if the user or one of the new owners
/// is none; CHAT_LAST_OWNER if `owners` is not NULL but empty; or as every function of a session.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_set_room(
    session: *mut chat_session,
    room: *const c_char,
    title: *const c_char,
    open: c_int,
    owners: *const *const c_char,
    owners_count: usize,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (room, title, names) =
            unsafe { (text(room, "room")?, optional_text(title, "title")?, texts(owners, owners_count, "owners")?) };
        let open = match open {
            -1 => None,
            0 => Some(false),
            1 => Some(true),
            _ => return Err(Failure::argument(format!("open is not 0, 1 or -1: {open}"))),
        };
        let owners = (!owners.is_null()).then_some(&*names);
        Ok(get(session)?.session.set_room(room, RoomUpdate { title, open, owners })?)
    })
}

/// Lists the members of a room that the user is in, in order of user name.
///
/// - `session`: a session.
/// - `room`: the room.
/// - `after`: only members whose names come after this one, such as the last of the page before; "" for the first page.
/// - `limit`: how many members at most; more than 1,000 means 1,000.
/// - `members_out`: receives the list.
/// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_NOT_A_MEMBER; or as every function of a session.
/// Memory: free the list with chat_users_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 5)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_members(
    session: *mut chat_session,
    room: *const c_char,
    after: *const c_char,
    limit: usize,
    members_out: *mut *mut chat_users,
    more_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all four.
        let (out, more, room, after) = unsafe {
            let (out, more) = (Out::new(members_out, "members_out")?, Out::optional(more_out));
            (out, more, text(room, "room")?, text(after, "after")?)
        };
        let page = get(session)?.session.members(room, after, limit)?;
        more.set(page.more.into());
        out.set(put(list(page.entries)));
        Ok(())
    })
}

/// Lists the rooms that are open, or that the user is in or is invited to, in order of name.
///
/// - `session`: a session.
/// - `after`: only rooms whose names come after this one, such as the last of the page before; "" for the first page.
/// - `limit`: how many rooms at most; more than 1,000 means 1,000.
/// - `rooms_out`: receives the list.
/// - `more_out`: receives 1 if there are more, and 0 if not; may be NULL.
///
/// Fails as every function of a session.
/// Memory: free the list with chat_rooms_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_session_rooms(
    session: *mut chat_session,
    after: *const c_char,
    limit: usize,
    rooms_out: *mut *mut chat_rooms,
    more_out: *mut c_int,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for all three.
        let (out, more, after) =
            unsafe { (Out::new(rooms_out, "rooms_out")?, Out::optional(more_out), text(after, "after")?) };
        let page = get(session)?.session.rooms(after, limit)?;
        more.set(page.more.into());
        out.set(put(list(page.entries)));
        Ok(())
    })
}
