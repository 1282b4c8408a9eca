//! What commands give a user: other users, rooms and their members, conversations, the user's own sessions.

use chat_lib::clock::Timestamp;
use chat_lib::model::{MessageId, Profile};
use chat_lib::protocol::{
    ConversationView, MemberView, RoomView, SessionView as LibSessionView, UserView as LibUserView,
};
use chat_lib::store::{RoomMember, RoomState, Standing};

use crate::message::Message;
use crate::value::{Time, value};

value! {
    /// A message that was sent.
    Sent {
        /// Its number.
        id: u64,
        /// When it was sent, in UTC.
        time: Time,
    }
}

impl Sent {
    pub(crate) fn at(id: MessageId, time: Timestamp) -> Self {
        Self { id: id.get(), time: Time(time) }
    }
}

value! {
    /// A user, as others see them.
    UserView {
        /// The user name.
        name: String,
        /// The name that others see.
        full_name: String,
        /// Where the user is from; may be empty.
        country: String,
        /// Whether the user listens to events anywhere; `None` for users with whom there is no direct conversation.
        online: Option<bool>,
        /// When the user was last there, in UTC, if that is known.
        last_seen: Option<Time>,
    }
}

impl UserView {
    pub(crate) fn of_profile(profile: &Profile) -> Self {
        Self {
            name: profile.user().to_string(),
            full_name: profile.full_name().to_owned(),
            country: profile.country().to_owned(),
            online: None,
            last_seen: None,
        }
    }
}

impl From<LibUserView> for UserView {
    fn from(LibUserView { profile, presence }: LibUserView) -> Self {
        let online = presence.map(|presence| presence.online);
        let last_seen = presence.and_then(|presence| presence.last_seen).map(Time);
        Self { online, last_seen, ..Self::of_profile(&profile) }
    }
}

value! {
    /// One of a user's own sessions.
    SessionView {
        /// What `end_session` takes. It is not the token, and opens nothing.
        id: String,
        /// When it was opened, in UTC.
        opened: Time,
        /// When it was last used, in UTC.
        last_used: Time,
        /// The host and port that the user logged in from; `None` for a session that was opened in the process.
        address: Option<(String, u16)>,
        /// Whether it is the session that has asked.
        current: bool,
    }
}

impl From<LibSessionView> for SessionView {
    fn from(view: LibSessionView) -> Self {
        Self {
            id: view.session,
            opened: Time(view.opened),
            last_used: Time(view.last_used),
            address: view.from.map(|address| (address.ip().to_string(), address.port())),
            current: view.current,
        }
    }
}

value! {
    /// One of a user's conversations.
    Conversation {
        /// What the user calls it: the other member's user name, or the name of the room.
        name: String,
        /// How many messages are unread.
        unread: usize,
        /// The last message that the user has read; 0 for none.
        read: u64,
        /// The last message that the other member has read; `None` in a room.
        read_by_other: Option<u64>,
        /// The last message, if there is one that the user can see.
        last: Option<Message>,
    }
}

impl From<ConversationView> for Conversation {
    fn from(view: ConversationView) -> Self {
        let other = view.members.iter().find(|(member, _)| member.as_str() == view.with.as_str());
        Self {
            name: view.with.to_string(),
            unread: view.unread,
            read: view.read.get(),
            read_by_other: other.map(|(_, read)| read.get()),
            last: view.last.map(Message::from),
        }
    }
}

value! {
    /// A member of a room.
    Member {
        /// The user name.
        name: String,
        /// The name that others see.
        full_name: String,
        /// Where the user is from; may be empty.
        country: String,
        /// Whether the user owns the room.
        owner: bool,
    }
}

impl From<MemberView> for Member {
    fn from(MemberView { profile, owner }: MemberView) -> Self {
        let UserView { name, full_name, country, .. } = UserView::of_profile(&profile);
        Self { name, full_name, country, owner }
    }
}

value! {
    /// A room.
    Room {
        /// Its name, which begins with `#`.
        name: String,
        /// Its title; may be empty.
        title: String,
        /// Whether anyone may join it.
        open: bool,
        /// How many members it has.
        members: usize,
        /// What the user is in it: "invited", "member", "owner", or `None`; always `None` in an operator's list.
        standing: Option<String>,
    }
}

impl From<RoomMember> for Member {
    fn from(RoomMember { user, standing }: RoomMember) -> Self {
        Self::from(MemberView { profile: user, owner: standing == Standing::Owner })
    }
}

impl From<RoomState> for Room {
    fn from(RoomState { name, title, open, members, .. }: RoomState) -> Self {
        Self { name: name.to_string(), title: title.to_string(), open, members, standing: None }
    }
}

impl From<RoomView> for Room {
    fn from(RoomView { room, title, open, members, standing }: RoomView) -> Self {
        let standing = standing.map(|standing| match standing {
            Standing::Invited => "invited".to_owned(),
            Standing::Member => "member".to_owned(),
            Standing::Owner => "owner".to_owned(),
        });
        Self { name: room.to_string(), title, open, members, standing }
    }
}
