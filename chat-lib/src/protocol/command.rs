//! What a peer can ask for, whichever protocol it speaks.

use std::borrow::Cow;
use std::fmt;

use crate::model::{Framing, MessageId, SessionToken};
use crate::store::Position;

/// A command, and the session that it is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request<'a> {
    /// The token that protocol 1 has in its line. `None` for a command without a session, and in protocol 2, where the
    /// session is bound to the connection.
    pub token: Option<SessionToken>,
    /// What is asked for.
    pub command: Command<'a>,
}

impl<'a> Request<'a> {
    /// A command that needs no session, or is for the one that is bound to the connection.
    pub fn new(command: Command<'a>) -> Self {
        Self { token: None, command }
    }

    /// A command for the session that `token` opens.
    pub fn with_token(token: SessionToken, command: Command<'a>) -> Self {
        Self { token: Some(token), command }
    }
}

/// A command, borrowed from its request (`docs/protocol.md`, "Requests"; `docs/protocol-2.md`, "Methods"). Names of users and
/// rooms may be any word: one that breaks the rule for names matches none.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// Describe the server.
    Server,
    /// Do nothing.
    Ping,
    /// Log in.
    Auth {
        /// Who logs in.
        user: Cow<'a, str>,
        /// The password as it was typed.
        password: Cow<'a, str>,
    },
    /// Bind a session to the connection.
    Resume {
        /// The session.
        token: SessionToken,
    },
    /// Create an account for oneself.
    Register {
        /// The name to log in with.
        user: Cow<'a, str>,
        /// The password as it was typed.
        password: Cow<'a, str>,
        /// The full name.
        full_name: Cow<'a, str>,
        /// The code of an invitation, where one is needed.
        invitation: Option<Cow<'a, str>>,
    },
    /// End the session.
    Logout,
    /// Change one's own password, and end one's other sessions.
    SetPassword {
        /// The current password.
        old: Cow<'a, str>,
        /// The new password.
        new: Cow<'a, str>,
    },
    /// Change one's own profile.
    SetProfile {
        /// The full name; `None` leaves it.
        full_name: Option<Cow<'a, str>>,
        /// The country; `None` leaves it.
        country: Option<Cow<'a, str>>,
    },
    /// List one's own sessions.
    Sessions,
    /// End one of one's own sessions.
    EndSession {
        /// Its name, from `sessions`.
        session: Cow<'a, str>,
    },
    /// Send a message.
    Send {
        /// A user or a room.
        to: Cow<'a, str>,
        /// The text.
        text: Cow<'a, str>,
        /// How protocol 1 framed the text.
        framing: Framing,
        /// The sender's key.
        key: Option<Cow<'a, str>>,
    },
    /// Send one message to several users; all get it, or none.
    SendToAll {
        /// The users.
        to: Vec<Cow<'a, str>>,
        /// The text.
        text: Cow<'a, str>,
        /// How protocol 1 framed the text.
        framing: Framing,
    },
    /// Take all unread direct messages.
    Inbox,
    /// Take all unread messages of a room.
    RoomInbox {
        /// The room.
        room: Cow<'a, str>,
    },
    /// Name all users with a live session.
    ActiveUser,
    /// A page of a conversation.
    History {
        /// The conversation.
        with: Cow<'a, str>,
        /// Where the page is.
        position: Position,
        /// How many messages at most.
        limit: usize,
    },
    /// A page of all conversations.
    Sync {
        /// The message before the page.
        after: MessageId,
        /// How many messages at most.
        limit: usize,
    },
    /// Move one's cursor.
    Read {
        /// The conversation.
        with: Cow<'a, str>,
        /// The last message that was read.
        upto: MessageId,
    },
    /// List one's own conversations, the one with the latest message first.
    Conversations {
        /// Only those whose last message is older than this one.
        before: MessageId,
        /// How many at most.
        limit: usize,
    },
    /// Receive events on this connection.
    Subscribe {
        /// Replay the messages after this one first; `None` for nothing.
        after: Option<MessageId>,
    },
    /// Receive no more events.
    Unsubscribe,
    /// Say that one is typing.
    Typing {
        /// The conversation.
        with: Cow<'a, str>,
    },
    /// Delete a message.
    Delete {
        /// Which.
        id: MessageId,
    },
    /// List all users.
    Users {
        /// Only those whose names come after this one.
        after: Cow<'a, str>,
        /// How many at most.
        limit: usize,
    },
    /// List the users whom one has blocked.
    Blocks,
    /// Take no more direct messages from a user.
    Block {
        /// The user.
        user: Cow<'a, str>,
    },
    /// Take a user's messages again.
    Unblock {
        /// The user.
        user: Cow<'a, str>,
    },
    /// Create a room, and own it.
    CreateRoom {
        /// Its name.
        room: Cow<'a, str>,
        /// Its title.
        title: Cow<'a, str>,
        /// Whether anyone may join it.
        open: bool,
    },
    /// Join a room.
    JoinRoom {
        /// The room.
        room: Cow<'a, str>,
    },
    /// Leave a room.
    LeaveRoom {
        /// The room.
        room: Cow<'a, str>,
    },
    /// Delete a room with all its messages.
    DeleteRoom {
        /// The room.
        room: Cow<'a, str>,
    },
    /// Allow a user to join a room.
    InviteToRoom {
        /// The room.
        room: Cow<'a, str>,
        /// The user.
        user: Cow<'a, str>,
    },
    /// Remove a member from a room, or take an invitation back.
    RemoveFromRoom {
        /// The room.
        room: Cow<'a, str>,
        /// The user.
        user: Cow<'a, str>,
    },
    /// Change a room.
    SetRoom {
        /// The room.
        room: Cow<'a, str>,
        /// Its title; `None` leaves it.
        title: Option<Cow<'a, str>>,
        /// Whether anyone may join it; `None` leaves it.
        open: Option<bool>,
        /// Its owners, members all; `None` leaves them.
        owners: Option<Vec<Cow<'a, str>>>,
    },
    /// List the members of a room.
    Members {
        /// The room.
        room: Cow<'a, str>,
        /// Only those whose names come after this one.
        after: Cow<'a, str>,
        /// How many at most.
        limit: usize,
    },
    /// List the rooms that are open, or that one is in or is invited to.
    Rooms {
        /// Only those whose names come after this one.
        after: Cow<'a, str>,
        /// How many at most.
        limit: usize,
    },
}

impl Command<'_> {
    /// Whether doing it twice is like doing it once, so that a client that got no answer can ask again: it only reads, or it is a
    /// message with a key.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Server
            | Self::Ping
            | Self::Resume { .. }
            | Self::Sessions
            | Self::Send { key: Some(_), .. }
            | Self::ActiveUser
            | Self::History { .. }
            | Self::Sync { .. }
            | Self::Conversations { .. }
            | Self::Users { .. }
            | Self::Blocks
            | Self::Members { .. }
            | Self::Rooms { .. } => true,
            Self::Auth { .. }
            | Self::Register { .. }
            | Self::Logout
            | Self::SetPassword { .. }
            | Self::SetProfile { .. }
            | Self::EndSession { .. }
            | Self::Send { key: None, .. }
            | Self::SendToAll { .. }
            | Self::Inbox
            | Self::RoomInbox { .. }
            | Self::Read { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe
            | Self::Typing { .. }
            | Self::Delete { .. }
            | Self::Block { .. }
            | Self::Unblock { .. }
            | Self::CreateRoom { .. }
            | Self::JoinRoom { .. }
            | Self::LeaveRoom { .. }
            | Self::DeleteRoom { .. }
            | Self::InviteToRoom { .. }
            | Self::RemoveFromRoom { .. }
            | Self::SetRoom { .. } => false,
        }
    }
}

macro_rules! kinds {
    ($($kind:ident $name:literal)*) => {
        /// Which command it is, without what it asks for.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum CommandKind {
            $($kind),*
        }

        impl CommandKind {
            /// Every kind, in order of their numbers.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// What logs and metrics call it: the method of protocol 2, and for commands that it does not have, the word of
            /// protocol 1.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Command<'_> {
            pub(crate) fn kind(&self) -> CommandKind {
                match self {
                    $(Self::$kind { .. } => CommandKind::$kind,)*
                }
            }

            /// What logs and metrics call it: the method of protocol 2, and for commands that it does not have, the word of
            /// protocol 1.
            pub fn name(&self) -> &'static str {
                self.kind().name()
            }
        }
    };
}

kinds! {
    Server         "server"
    Ping           "ping"
    Auth           "login"
    Resume         "resume"
    Register       "register"
    Logout         "logout"
    SetPassword    "password"
    SetProfile     "profile"
    Sessions       "sessions"
    EndSession     "session.end"
    Send           "send"
    SendToAll      "sendgroup"
    Inbox          "inbox"
    RoomInbox      "inboxgroup"
    ActiveUser     "activeuser"
    History        "history"
    Sync           "sync"
    Read           "read"
    Conversations  "conversations"
    Subscribe      "subscribe"
    Unsubscribe    "unsubscribe"
    Typing         "typing"
    Delete         "delete"
    Users          "users"
    Blocks         "blocks"
    Block          "block"
    Unblock        "unblock"
    CreateRoom     "room.create"
    JoinRoom       "room.join"
    LeaveRoom      "room.leave"
    DeleteRoom     "room.delete"
    InviteToRoom   "room.invite"
    RemoveFromRoom "room.remove"
    SetRoom        "room.set"
    Members        "room.members"
    Rooms          "room.list"
}

/// Shows the name only: what follows is a password, a token or a text.
impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({} …)", self.name())
    }
}
