//! What a successful command returns, whichever protocol its peer speaks.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::limits::Limits;
use crate::model::{
    ConversationName, HistoryMessage, Inbox, MessageId, Profile, Registration, RoomName, SessionToken, UserName,
};

/// What a successful command returns (`docs/protocol.md`, "Answers"; `docs/protocol-2.md`, "Methods").
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// To a command that returns nothing.
    Done,
    /// To `server`.
    Server(Box<ServerInfo>),
    /// To `auth`, `login` and `resume`: the session.
    LoggedIn(Login),
    /// To `register`: the account exists; its first session.
    Registered(Login),
    /// To `logout`: the session is over.
    LoggedOut,
    /// To `sessions`: one's own, in order of login.
    Sessions(Vec<SessionView>),
    /// To `send`: the message is stored. Also to `sendgroup`, with the last of the messages.
    Sent {
        /// Its id.
        id: MessageId,
        /// When it was sent.
        time: Timestamp,
    },
    /// To `inbox`: what was unread.
    Inbox(Inbox),
    /// To `inboxgroup`: what was unread in the room.
    RoomInbox(Inbox),
    /// To `activeuser`: each user with a live session once, in order of login.
    ActiveUsers(Vec<UserName>),
    /// To `history`.
    History(List<HistoryMessage>),
    /// To `sync`: messages, and the `after` of the next page.
    Sync(List<HistoryMessage>, MessageId),
    /// To `read`: how many messages of the conversation are unread now.
    Read {
        /// How many.
        unread: usize,
    },
    /// To `conversations`.
    Conversations(List<ConversationView>),
    /// To `subscribe`.
    Subscribed {
        /// The `after` to subscribe again with, if the connection is lost before another message comes.
        next: MessageId,
    },
    /// To `unsubscribe`.
    Unsubscribed,
    /// To `users`.
    Users(List<UserView>),
    /// To `blocks`: the users that one has blocked.
    Blocks(Vec<Arc<Profile>>),
    /// To `room.create`.
    RoomCreated,
    /// To `room.join`.
    RoomJoined,
    /// To `room.leave`.
    RoomLeft,
    /// To `room.members`.
    Members(List<MemberView>),
    /// To `room.list`.
    Rooms(List<RoomView>),
}

/// A part of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

/// A session that was opened or resumed.
#[derive(Clone, Debug)]
pub struct Login {
    /// Its token.
    pub token: SessionToken,
    /// The user.
    pub user: Arc<Profile>,
    /// Message ids can be compared only under the same epoch ([`Store::epoch`](crate::store::Store::epoch)). Empty where it was read
    /// from protocol 1, which does not have it.
    pub epoch: Arc<str>,
}

/// What a server says about itself.
#[derive(Clone, Debug)]
pub struct ServerInfo {
    /// The version of this library.
    pub version: String,
    /// Who may register.
    pub registration: Registration,
    /// The caps that a peer can meet.
    pub limits: Limits,
}

/// One of a user's own sessions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionView {
    /// Its name for `session.end`. It is not the token.
    pub session: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was last used.
    pub last_used: Timestamp,
    /// The address that the user logged in from; `None` for one that was opened within the process.
    pub from: Option<SocketAddr>,
    /// Whether it is the session of this request.
    pub current: bool,
}

/// One of a user's conversations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConversationView {
    /// What the user calls it.
    pub with: ConversationName,
    /// How many messages are unread.
    pub unread: usize,
    /// The user's cursor.
    pub read: MessageId,
    /// The last message that is kept and that the user can see.
    pub last: Option<HistoryMessage>,
    /// Of a direct conversation, its members and their cursors.
    pub members: Vec<(UserName, MessageId)>,
}

/// A user as others see them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserView {
    /// The user's names and country.
    pub profile: Arc<Profile>,
    /// Only of direct partners, if neither has blocked the other.
    pub presence: Option<Presence>,
}

/// Whether a user is online.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Presence {
    /// Whether the user has a subscribed connection.
    pub online: bool,
    /// When the user was last online; `None` if that is not known.
    pub last_seen: Option<Timestamp>,
}

/// A member of a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberView {
    /// The user's names and country.
    pub profile: Arc<Profile>,
    /// Whether the user owns the room.
    pub owner: bool,
}

/// A room in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomView {
    /// Its name.
    pub room: RoomName,
    /// Its title; may be empty.
    pub title: String,
    /// Whether anyone may join it.
    pub open: bool,
    /// How many members it has.
    pub members: usize,
    /// What the user who asks is in it.
    pub standing: Option<crate::store::Standing>,
}
