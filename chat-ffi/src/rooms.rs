//! What an operator can do with rooms and with everybody who is there.

use std::ffi::c_char;

use crate::argument::{Out, text};
use crate::boundary::boundary;
use crate::error::Failure;
use crate::handle::{chat, chat_rooms, chat_users, get, put};
use crate::lists::list;
use crate::status::chat_status;

/// Lists all rooms, in order of name.
///
/// - `chat`: a chat.
/// - `rooms_out`: receives the list.
///
/// Fails with CHAT_STORAGE.
/// Memory: free the list with chat_rooms_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_list_rooms(chat: *mut chat, rooms_out: *mut *mut chat_rooms) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::new(rooms_out, "rooms_out")? };
        out.set(put(list(get(chat)?.rooms()?)));
        Ok(())
    })
}

/// Lists the members of a room, in order of user name.
///
/// - `chat`: a chat.
/// - `room`: the room.
/// - `members_out`: receives the list.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_STORAGE.
/// Memory: free the list with chat_users_free().
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_list_members(
    chat: *mut chat,
    room: *const c_char,
    members_out: *mut *mut chat_users,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, room) = unsafe { (Out::new(members_out, "members_out")?, text(room, "room")?) };
        let mut members = get(chat)?.room_members(room)?;
        members.retain(|member| member.standing.is_member());
        out.set(put(list(members)));
        Ok(())
    })
}

/// Sets how much of a room is kept, as "chat-server room set" does.
///
/// - `chat`: a chat.
/// - `room`: the room.
/// - `limit`: "keep_for", "keep_messages" or "keep_bytes".
/// - `value`: its value in text form, such as "90days", "1000" or "16MiB"; "default" for what holds for the whole chat.
///
/// Fails with CHAT_NO_SUCH_ROOM, CHAT_STORAGE, or CHAT_INVALID_ARGUMENT for a limit or a value that there is not.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2, 3, 4)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_set_room_keep(
    chat: *mut chat,
    room: *const c_char,
    limit: *const c_char,
    value: *const c_char,
) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for each.
        let (room, limit, value) = unsafe { (text(room, "room")?, text(limit, "limit")?, text(value, "value")?) };
        let chat = get(chat)?;
        let found = chat.rooms()?.into_iter().find(|found| found.name.as_str() == room);
        let mut keep = found.map(|found| found.keep).unwrap_or_default();
        keep.set(limit, value)
            .map_err(|problem| Failure::new(chat_status::CHAT_INVALID_ARGUMENT, problem.to_string()))?;
        Ok(chat.set_room_keep(room, keep)?)
    })
}

/// Deletes a room with its messages. Its members are told, as if an owner had done it.
///
/// - `chat`: a chat.
/// - `room`: the room.
///
/// Fails with CHAT_NO_SUCH_ROOM or CHAT_STORAGE.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_delete_room(chat: *mut chat, room: *const c_char) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let room = unsafe { text(room, "room")? };
        Ok(get(chat)?.delete_room(room)?)
    })
}

/// Tells everybody who is there: each connection and each chat_events that has subscribed gets a CHAT_EVENT_ANNOUNCEMENT. It is
/// not stored.
///
/// - `chat`: a chat.
/// - `said`: what to tell, at most 4,096 bytes, and not blank.
/// - `told_out`: receives how many were told; may be NULL.
///
/// Fails with CHAT_LINE_TOO_LONG or CHAT_BAD_PARAMETERS.
///
/// cbindgen:postfix=CHAT_NONNULL(1, 2)
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chat_announce(chat: *mut chat, said: *const c_char, told_out: *mut usize) -> chat_status {
    boundary(|| {
        // SAFETY: the caller's promise, for both.
        let (out, said) = unsafe { (Out::optional(told_out), text(said, "said")?) };
        let told = get(chat)?.announce(said)?;
        out.set(told);
        Ok(())
    })
}
