//! Events: what subscribers are told as it happens.

use crate::clock::Timestamp;
use crate::model::{ConversationName, HistoryMessage, MessageId, RoomName, UserName};

/// Something that happened (`docs/protocol-2.md`, "Events").
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message was sent, by somebody else or by oneself.
    Message(HistoryMessage),
    /// A member has read further than before: the other one of a direct conversation, or the user on another connection.
    Read {
        /// The conversation.
        with: ConversationName,
        /// Who has read.
        user: UserName,
        /// The last message that they have read.
        upto: MessageId,
    },
    /// A direct partner has come or gone.
    Presence {
        /// Who.
        user: UserName,
        /// Whether they have a subscribed connection.
        online: bool,
        /// When they were last there.
        last_seen: Option<Timestamp>,
    },
    /// A member is typing.
    Typing {
        /// The conversation.
        with: ConversationName,
        /// Who is typing.
        user: UserName,
    },
    /// A room has changed.
    Room {
        /// The room.
        room: RoomName,
        /// What has changed.
        change: RoomChange,
        /// The user concerned.
        user: UserName,
        /// Who made the change.
        by: UserName,
    },
    /// A message was deleted.
    Deleted {
        /// The conversation.
        with: ConversationName,
        /// The message.
        id: MessageId,
    },
    /// The operator has something to say to everybody who is there. It is not stored.
    Announcement {
        /// What the operator says.
        text: String,
        /// When it was said.
        time: Timestamp,
    },
    /// The subscription has ended, because events came faster than they were taken. No message is lost: subscribe again from
    /// the last one.
    Lagged,
    /// The session has ended, and with it the subscription; or the connection is about to be closed.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// What has changed in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RoomChange {
    /// It was created.
    Created,
    /// A user has joined.
    Joined,
    /// A member has left.
    Left,
    /// A user may join.
    Invited,
    /// A member was removed, or an invitation withdrawn.
    Removed,
    /// Its title, its owners, or whether it is open has changed.
    Set,
    /// It was deleted.
    Deleted,
}

impl RoomChange {
    /// The word of protocol 2.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Invited => "invited",
            Self::Removed => "removed",
            Self::Set => "set",
            Self::Deleted => "deleted",
        }
    }

    /// The change with this word; `None` if it is unknown.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Created, Self::Joined, Self::Left, Self::Invited, Self::Removed, Self::Set, Self::Deleted];
        all.into_iter().find(|change| change.as_str() == word)
    }
}

/// Why there will be no more events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// It was ended: by a logout, from another session, or by the operator; or it was not used for too long.
    Ended,
    /// The server stops, and the session goes on. [`Events`](crate::Events) do not return it: they connect again.
    ServerStopping,
}

impl CloseReason {
    /// The word of protocol 2.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "session_ended",
            Self::ServerStopping => "server_stopping",
        }
    }
}
