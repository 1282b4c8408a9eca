//! The classes of what is told to a session's events.

use chat_lib::protocol::Event;
use pyo3::prelude::*;

use crate::message::Message;
use crate::value::{Time, value};

value! {
    /// A member has read a direct conversation further than before.
    Read {
        /// The conversation as the reader of the event calls it.
        conversation: String,
        /// The user name of the member.
        user: String,
        /// The last message that the member has read.
        upto: u64,
    }
}

value! {
    /// Somebody with whom there is a direct conversation has come or gone.
    Presence {
        /// The user name.
        user: String,
        /// Whether the user listens to events anywhere.
        online: bool,
        /// When the user was last there, in UTC, if that is known.
        last_seen: Option<Time>,
    }
}

value! {
    /// A member is typing.
    Typing {
        /// The conversation as the reader of the event calls it.
        conversation: String,
        /// The user name of the member.
        user: String,
    }
}

value! {
    /// A room has changed.
    RoomChange {
        /// The name of the room.
        room: String,
        /// "created", "joined", "left", "invited", "removed", "set" or "deleted".
        change: String,
        /// The user name of whom it concerns.
        user: String,
        /// The user name of who has done it.
        by: String,
    }
}

value! {
    /// A message was deleted.
    Deleted {
        /// The conversation as the reader of the event calls it.
        conversation: String,
        /// The message.
        id: u64,
    }
}

value! {
    /// The operator has something to say to everybody who is there. It is not stored.
    Announcement {
        /// What the operator says.
        text: String,
        /// When it was said, in UTC.
        time: Time,
    }
}

value! {
    /// The session has ended. This is the last event.
    Closed {
        /// "session_ended".
        reason: String,
    }
}

/// Events other than messages may have been missed, because the connection was lost or events were taken too slowly. No
/// message is missing.
#[pyclass(frozen, eq, hash, module = "chat")]
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Lagged;

#[pymethods]
impl Lagged {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __repr__(&self) -> &'static str {
        "Lagged()"
    }
}

/// An event.
#[derive(IntoPyObject)]
pub(crate) enum AnyEvent {
    Message(Message),
    Read(Read),
    Presence(Presence),
    Typing(Typing),
    Room(RoomChange),
    Deleted(Deleted),
    Announcement(Announcement),
    Lagged(Lagged),
    Closed(Closed),
}

impl AnyEvent {
    /// `None` for an event that has no class yet.
    pub(crate) fn of(event: Event) -> Option<Self> {
        Some(match event {
            Event::Message(message) => Self::Message(message.into()),
            Event::Read { with, user, upto } => {
                Self::Read(Read { conversation: with.to_string(), user: user.to_string(), upto: upto.get() })
            }
            Event::Presence { user, online, last_seen } => {
                Self::Presence(Presence { user: user.to_string(), online, last_seen: last_seen.map(Time) })
            }
            Event::Typing { with, user } => {
                Self::Typing(Typing { conversation: with.to_string(), user: user.to_string() })
            }
            Event::Room { room, change, user, by } => Self::Room(RoomChange {
                room: room.to_string(),
                change: change.as_str().to_owned(),
                user: user.to_string(),
                by: by.to_string(),
            }),
            Event::Deleted { with, id } => Self::Deleted(Deleted { conversation: with.to_string(), id: id.get() }),
            Event::Announcement { text, time } => Self::Announcement(Announcement { text, time: Time(time) }),
            Event::Lagged => Self::Lagged(Lagged),
            Event::Closed { reason } => Self::Closed(Closed { reason: reason.as_str().to_owned() }),
            _ => return None,
        })
    }
}
