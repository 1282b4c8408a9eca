//! What a session can do that protocol 1 has no word for, and events.

use std::ffi::CStr;
use std::ptr;

use super::{Program, read_message, wake};
use chat::connection::{chat_connection_set_waker, chat_connection_wants_turn};
use chat::event::chat_event;
use chat::events::{
    chat_events_fd, chat_events_next, chat_events_position, chat_events_set_waker, chat_events_stop,
    chat_session_events_after,
};
use chat::lists::conversations::{chat_conversation, chat_conversations_next};
use chat::lists::history::{chat_history_message, chat_history_next};
use chat::lists::rooms::{chat_room, chat_rooms_next};
use chat::session::messages::{
    chat_sent, chat_session_delete, chat_session_send_to_all, chat_session_send_with_key, chat_session_typing,
};
use chat::session::people::{
    chat_session_block, chat_session_blocks, chat_session_end_session, chat_session_sessions,
    chat_session_set_password, chat_session_set_profile, chat_session_unblock, chat_session_users,
};
use chat::session::reading::{
    chat_session_conversations, chat_session_history, chat_session_history_after, chat_session_read, chat_session_sync,
    chat_session_take_room_inbox,
};
use chat::session::rooms::{
    chat_session_create_room, chat_session_delete_room, chat_session_invite, chat_session_join_room,
    chat_session_leave_room, chat_session_members, chat_session_remove_from_room, chat_session_rooms,
    chat_session_set_room,
};
use chat::status::chat_status;

impl Program<'_> {
    /// A number of a message that there may be, or not.
    fn id(&mut self) -> u64 {
        let byte = self.byte();
        if byte == 255 { u64::MAX } else { byte.into() }
    }

    /// A step of a session's that protocol 1 has no word for, or of events.
    pub(super) fn session_step(&mut self, op: u8) {
        let (mut id, mut more, mut number) = (0, 0, 0);
        // SAFETY: as in `step`.
        unsafe {
            match op {
                40 => {
                    let (session, to, text, key) = (self.handle(), self.text(), self.text(), self.text());
                    let mut sent = chat_sent { id: 0, time: 0 };
                    let status = chat_session_send_with_key(session, to, text, key, &raw mut sent);
                    assert_eq!(status == chat_status::CHAT_OK, sent.id > 0);
                }
                41 => {
                    let (session, to, text) = (self.handle(), [self.text(), self.text()], self.text());
                    _ = chat_session_send_to_all(session, to.as_ptr(), to.len(), text);
                }
                42 => _ = chat_session_delete(self.handle(), self.id()),
                43 => _ = chat_session_typing(self.handle(), self.text()),
                44 => {
                    let mut inbox = ptr::null_mut();
                    let status = chat_session_take_room_inbox(self.handle(), self.text(), &raw mut inbox);
                    self.keep(status, inbox);
                }
                45..=47 => {
                    let (session, with, id_given, limit) = (self.handle(), self.text(), self.id(), self.byte().into());
                    let (mut list, out) = (ptr::null_mut(), &raw mut more);
                    let status = match op {
                        45 => chat_session_history(session, with, id_given, limit, &raw mut list, out),
                        46 => chat_session_history_after(session, with, id_given, limit, &raw mut list, out),
                        _ => chat_session_sync(session, id_given, limit, &raw mut list, &raw mut id, out),
                    };
                    self.keep(status, list);
                }
                48 => {
                    let mut message = std::mem::zeroed::<chat_history_message>();
                    if chat_history_next(self.handle(), &raw mut message) == chat_status::CHAT_OK {
                        read_message(&message);
                    }
                }
                49 => _ = chat_session_read(self.handle(), self.text(), self.id(), ptr::null_mut()),
                50 => {
                    let (session, before, limit) = (self.handle(), self.id(), self.byte().into());
                    let mut list = ptr::null_mut();
                    let status = chat_session_conversations(session, before, limit, &raw mut list, &raw mut more);
                    self.keep(status, list);
                }
                51 => {
                    let mut conversation = std::mem::zeroed::<chat_conversation>();
                    if chat_conversations_next(self.handle(), &raw mut conversation) == chat_status::CHAT_OK {
                        CStr::from_ptr(conversation.with).to_str().unwrap();
                        read_message(&conversation.last);
                    }
                }
                52 => {
                    let (session, after, limit) = (self.handle(), self.text(), self.byte().into());
                    let mut list = ptr::null_mut();
                    let status = chat_session_users(session, after, limit, &raw mut list, &raw mut more);
                    self.keep(status, list);
                }
                53 => _ = chat_session_block(self.handle(), self.text()),
                54 => _ = chat_session_unblock(self.handle(), self.text()),
                55 => {
                    let mut list = ptr::null_mut();
                    let status = chat_session_blocks(self.handle(), &raw mut list);
                    self.keep(status, list);
                }
                56 => _ = chat_session_set_profile(self.handle(), self.text(), self.text()),
                57 => _ = chat_session_set_password(self.handle(), self.text(), self.text()),
                58 => {
                    let mut list = ptr::null_mut();
                    let status = chat_session_sessions(self.handle(), &raw mut list);
                    self.keep(status, list);
                }
                59 => _ = chat_session_end_session(self.handle(), self.text()),
                60 => _ = chat_session_create_room(self.handle(), self.text(), self.text(), self.byte().into()),
                61 => _ = chat_session_join_room(self.handle(), self.text()),
                62 => match self.byte() % 2 {
                    0 => _ = chat_session_leave_room(self.handle(), self.text()),
                    _ => _ = chat_session_delete_room(self.handle(), self.text()),
                },
                63 => _ = chat_session_invite(self.handle(), self.text(), self.text()),
                64 => _ = chat_session_remove_from_room(self.handle(), self.text(), self.text()),
                65 => {
                    let (session, room, title, open) = (self.handle(), self.text(), self.text(), self.byte());
                    let owners = [self.text(), self.text()];
                    let count = usize::from(self.byte()) % 3;
                    _ = chat_session_set_room(session, room, title, i32::from(open) - 1, owners.as_ptr(), count);
                }
                66 => {
                    let (session, room, after) = (self.handle(), self.text(), self.text());
                    let mut list = ptr::null_mut();
                    let status = chat_session_members(session, room, after, 2, &raw mut list, &raw mut more);
                    self.keep(status, list);
                }
                67 => {
                    let (session, after) = (self.handle(), self.text());
                    let mut list = ptr::null_mut();
                    let status = chat_session_rooms(session, after, 2, &raw mut list, &raw mut more);
                    self.keep(status, list);
                    let mut room = std::mem::zeroed::<chat_room>();
                    if chat_rooms_next(self.handle(), &raw mut room) == chat_status::CHAT_OK {
                        CStr::from_ptr(room.title).to_str().unwrap();
                    }
                }
                68 => {
                    let mut events = ptr::null_mut();
                    let status = chat_session_events_after(self.handle(), self.id(), &raw mut events);
                    self.keep(status, events);
                }
                69 => {
                    let mut event = std::mem::zeroed::<chat_event>();
                    if chat_events_next(self.handle(), 0, &raw mut event) == chat_status::CHAT_OK {
                        for text in [event.with, event.user, event.by].into_iter().filter(|text| !text.is_null()) {
                            CStr::from_ptr(text).to_str().unwrap();
                        }
                        read_message(&event.message);
                    }
                }
                70 => {
                    let events = self.handle();
                    _ = chat_events_position(events, &raw mut id);
                    _ = chat_events_fd(events, &raw mut number);
                    _ = chat_events_set_waker(events, Some(wake), ptr::null_mut());
                    if self.byte().is_multiple_of(2) {
                        _ = chat_events_stop(events);
                    }
                }
                _ => {
                    let connection = self.handle();
                    _ = chat_connection_wants_turn(connection, &raw mut number);
                    _ = chat_connection_set_waker(connection, Some(wake), ptr::null_mut());
                }
            }
        }
    }
}
