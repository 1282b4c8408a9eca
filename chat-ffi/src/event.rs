//! An event, as C sees it.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use chat_lib::protocol::{CloseReason, Event, RoomChange};

use crate::error::c_string;
use crate::lists::Element;
use crate::lists::history::{Said, chat_history_message};

/// What an event is. Numbers are permanent. Later versions may have more kinds: ignore those that you do not know.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(non_camel_case_types)]
pub enum chat_event_kind {
    /// Something that this version of the library cannot describe.
    #[default]
    CHAT_EVENT_OTHER = 0,
    /// A message was sent, by somebody else or by the user: `message`, `with`, `id`.
    CHAT_EVENT_MESSAGE = 1,
    /// `user` has read the direct conversation `with` up to the message `id`.
    CHAT_EVENT_READ = 2,
    /// `user`, with whom one has a conversation, has come or gone: `online`, `last_seen`.
    CHAT_EVENT_PRESENCE = 3,
    /// `user` is typing in the conversation `with`.
    CHAT_EVENT_TYPING = 4,
    /// The room `with` has changed: `change`, which concerns `user` and was done by `by`.
    CHAT_EVENT_ROOM = 5,
    /// The message `id` of the conversation `with` was deleted.
    CHAT_EVENT_DELETED = 6,
    /// Events other than messages may have been missed, because this program has taken events too slowly, or the connection to
    /// the server was lost. Messages are never missed: they go on after the last one.
    CHAT_EVENT_LAGGED = 7,
    /// The session has ended: `reason`. There will be no more events.
    CHAT_EVENT_CLOSED = 8,
    /// The operator has something to say to everybody who is there: `text`, `time`. It is not stored.
    CHAT_EVENT_ANNOUNCEMENT = 9,
}

/// What has changed in a room. Numbers are permanent, and later versions may have more.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(non_camel_case_types)]
pub enum chat_room_change {
    /// Nothing, or something that this version of the library cannot describe.
    #[default]
    CHAT_ROOM_OTHER = 0,
    /// The room was created.
    CHAT_ROOM_CREATED = 1,
    /// A user has joined.
    CHAT_ROOM_JOINED = 2,
    /// A member has left.
    CHAT_ROOM_LEFT = 3,
    /// A user may join.
    CHAT_ROOM_INVITED = 4,
    /// A member was removed, or an invitation taken back.
    CHAT_ROOM_REMOVED = 5,
    /// The title, the owners, or who may join.
    CHAT_ROOM_SET = 6,
    /// The room was deleted.
    CHAT_ROOM_DELETED = 7,
}

/// Why a session has ended. Numbers are permanent, and later versions may have more.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(non_camel_case_types)]
pub enum chat_close_reason {
    /// It has not, or for a reason that this version of the library cannot describe.
    #[default]
    CHAT_CLOSED_OTHER = 0,
    /// It was ended, by a logout, from another session or by the operator; or it was not used for too long.
    CHAT_CLOSED_ENDED = 1,
}

/// Something that has happened. What a chat_event_kind does not mention is NULL or 0. All pointers are to NUL-terminated UTF-8.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types)]
pub struct chat_event {
    /// What it is: a chat_event_kind.
    pub kind: i32,
    /// What has changed in a room: a chat_room_change.
    pub change: i32,
    /// Why the session has ended: a chat_close_reason.
    pub reason: i32,
    /// Whether `user` is online: 0 or 1.
    pub online: c_int,
    /// When `user` was last online, in milliseconds since 1970 (UTC); 0 if that is not known.
    pub last_seen: u64,
    /// A message's number.
    pub id: u64,
    /// The conversation: the other user's name, one's own for notes to oneself, or the name of a room, which begins with "#".
    pub with: *const c_char,
    /// The user name of whoever it is about.
    pub user: *const c_char,
    /// The user name of whoever has done it.
    pub by: *const c_char,
    /// The message.
    pub message: chat_history_message,
    /// What the operator says.
    pub text: *const c_char,
    /// When it was said, in milliseconds since 1970 (UTC).
    pub time: u64,
}

/// An event, as it is kept for what a [`chat_event`] points to.
#[derive(Default)]
pub(crate) struct Happened {
    kind: chat_event_kind,
    change: chat_room_change,
    reason: chat_close_reason,
    online: bool,
    last_seen: u64,
    id: u64,
    with: Option<CString>,
    user: Option<CString>,
    by: Option<CString>,
    message: Option<Said>,
    text: Option<CString>,
    time: u64,
}

impl From<Event> for Happened {
    fn from(event: Event) -> Self {
        use chat_event_kind::*;
        let text = |text: &str| Some(c_string(text));
        let none = Self::default();
        match event {
            Event::Message(message) => Self {
                kind: CHAT_EVENT_MESSAGE,
                id: message.id.get(),
                with: text(message.with.as_str()),
                message: Some(message.into()),
                ..none
            },
            Event::Read { with, user, upto } => Self {
                kind: CHAT_EVENT_READ,
                id: upto.get(),
                with: text(with.as_str()),
                user: text(user.as_str()),
                ..none
            },
            Event::Presence { user, online, last_seen } => Self {
                kind: CHAT_EVENT_PRESENCE,
                online,
                last_seen: last_seen.map_or(0, |time| time.as_millis()),
                user: text(user.as_str()),
                ..none
            },
            Event::Typing { with, user } => {
                Self { kind: CHAT_EVENT_TYPING, with: text(with.as_str()), user: text(user.as_str()), ..none }
            }
            Event::Room { room, change, user, by } => Self {
                kind: CHAT_EVENT_ROOM,
                change: change.into(),
                with: text(room.as_str()),
                user: text(user.as_str()),
                by: text(by.as_str()),
                ..none
            },
            Event::Deleted { with, id } => {
                Self { kind: CHAT_EVENT_DELETED, id: id.get(), with: text(with.as_str()), ..none }
            }
            Event::Announcement { text: said, time } => {
                Self { kind: CHAT_EVENT_ANNOUNCEMENT, text: text(&said), time: time.as_millis(), ..none }
            }
            Event::Lagged => Self { kind: CHAT_EVENT_LAGGED, ..none },
            Event::Closed { reason } => Self { kind: CHAT_EVENT_CLOSED, reason: reason.into(), ..none },
            _ => none,
        }
    }
}

impl From<RoomChange> for chat_room_change {
    fn from(change: RoomChange) -> Self {
        match change {
            RoomChange::Created => Self::CHAT_ROOM_CREATED,
            RoomChange::Joined => Self::CHAT_ROOM_JOINED,
            RoomChange::Left => Self::CHAT_ROOM_LEFT,
            RoomChange::Invited => Self::CHAT_ROOM_INVITED,
            RoomChange::Removed => Self::CHAT_ROOM_REMOVED,
            RoomChange::Set => Self::CHAT_ROOM_SET,
            RoomChange::Deleted => Self::CHAT_ROOM_DELETED,
            _ => Self::CHAT_ROOM_OTHER,
        }
    }
}

impl From<CloseReason> for chat_close_reason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Ended => Self::CHAT_CLOSED_ENDED,
            _ => Self::CHAT_CLOSED_OTHER,
        }
    }
}

impl Happened {
    pub(crate) fn view(&self) -> chat_event {
        let text = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        chat_event {
            kind: self.kind as i32,
            change: self.change as i32,
            reason: self.reason as i32,
            online: c_int::from(self.online),
            last_seen: self.last_seen,
            id: self.id,
            with: text(&self.with),
            user: text(&self.user),
            by: text(&self.by),
            message: self.message.as_ref().map_or(chat_history_message::NONE, Said::view),
            text: text(&self.text),
            time: self.time,
        }
    }
}
