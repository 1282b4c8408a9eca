//! The methods, one row each. Requests are parsed with this table, and `docs/openrpc.json` is generated from it.

use super::arguments::{Arguments, Kind, Param};
use crate::error::Error;
use crate::model::{Framing, MessageId, SessionToken};
use crate::protocol::Command;
use crate::store::Position;

/// A method that a client can call.
#[cfg_attr(not(test), expect(dead_code, reason = "docs/openrpc.json is written by a test"))]
pub(super) struct Method {
    /// Its name on the wire.
    pub(super) name: &'static str,
    /// What it does, in one or two sentences.
    pub(super) what: &'static str,
    /// Whether a session must be bound to the connection.
    pub(super) session: bool,
    pub(super) result: Shape,
    /// The codes that it can be refused with, apart from those that any method can be refused with.
    pub(super) errors: &'static str,
    pub(super) params: &'static [Param],
    /// Builds the command from parameters of the right types.
    pub(super) command: for<'a> fn(&mut Arguments<'a>) -> Result<Command<'a>, Error>,
}

/// What the result of a method looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Empty,
    Server,
    Session,
    Sessions,
    Sent,
    Messages,
    Sync,
    Unread,
    Conversations,
    Next,
    Users,
    Members,
    Rooms,
}

/// The method of that name.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

const fn required(name: &'static str, kind: Kind, what: &'static str) -> Param {
    Param { name, kind, required: true, what }
}

const fn optional(name: &'static str, kind: Kind, what: &'static str) -> Param {
    Param { name, kind, required: false, what }
}

const WITH: Param = required("with", Kind::Text, "the conversation: a user name, or the name of a room");
const USER: Param = required("user", Kind::Text, "the user name");
const ROOM: Param = required("room", Kind::Text, "the name of the room, with its #");
const LIMIT: Param = optional(
    "limit",
    Kind::Limit,
    "the largest number of entries to return, at least 1: 100 if missing, and never more than 1,000",
);
const AFTER_NAME: Param = optional("after", Kind::Text, "only entries with names after this one");

pub(super) static METHODS: &[Method] = &[
    Method {
        name: "server",
        what: "Describes the server: its version, and the limits that a client can meet.",
        session: false,
        result: Shape::Server,
        errors: "",
        params: &[],
        command: |_| Ok(Command::Server),
    },
    Method {
        name: "ping",
        what: "Does nothing. The answer shows that the connection works.",
        session: false,
        result: Shape::Empty,
        errors: "",
        params: &[],
        command: |_| Ok(Command::Ping),
    },
    Method {
        name: "login",
        what: "Opens a session, and binds it to the connection.",
        session: false,
        result: Shape::Session,
        errors: "no_such_user wrong_password banned too_many_attempts busy",
        params: &[USER, required("password", Kind::Text, "the password")],
        command: |given| Ok(Command::Auth { user: given.text("user"), password: given.text("password") }),
    },
    Method {
        name: "resume",
        what: "Binds an existing session to the connection.",
        session: false,
        result: Shape::Session,
        errors: "no_such_session banned",
        params: &[required("token", Kind::Text, "the token from login or register")],
        command: |given| {
            let token = SessionToken::parse(given.text("token").as_ref()).map_err(|_| Error::NoSuchSession)?;
            Ok(Command::Resume { token })
        },
    },
    Method {
        name: "register",
        what: "Creates an account, opens its first session, and binds it to the connection.",
        session: false,
        result: Shape::Session,
        errors: "registration_closed invitation_required no_such_invitation invalid_user_name invalid_full_name invalid_password user_exists too_many_attempts busy",
        params: &[
            USER,
            required("password", Kind::Text, "the password"),
            required("name", Kind::Text, "the full name, shown to others"),
            optional("invitation", Kind::Text, "the code of an invitation, where one is needed"),
        ],
        command: |given| {
            let (user, password) = (given.text("user"), given.text("password"));
            let (full_name, invitation) = (given.text("name"), given.optional_text("invitation"));
            Ok(Command::Register { user, password, full_name, invitation })
        },
    },
    Method {
        name: "logout",
        what: "Ends the session, and unbinds it from the connection.",
        session: true,
        result: Shape::Empty,
        errors: "",
        params: &[],
        command: |_| Ok(Command::Logout),
    },
    Method {
        name: "password",
        what: "Changes the user's password, and ends the user's other sessions.",
        session: true,
        result: Shape::Empty,
        errors: "wrong_password invalid_password too_many_attempts busy",
        params: &[required("old", Kind::Text, "the current password"), required("new", Kind::Text, "the new password")],
        command: |given| Ok(Command::SetPassword { old: given.text("old"), new: given.text("new") }),
    },
    Method {
        name: "profile",
        what: "Changes the user's full name, country, or both.",
        session: true,
        result: Shape::Empty,
        errors: "invalid_full_name invalid_country",
        params: &[
            optional("name", Kind::Text, "the new full name"),
            optional("country", Kind::Text, "the new country; an empty one removes it"),
        ],
        command: |given| {
            let (full_name, country) = (given.optional_text("name"), given.optional_text("country"));
            Ok(Command::SetProfile { full_name, country })
        },
    },
    Method {
        name: "sessions",
        what: "Lists the user's sessions, in order of login.",
        session: true,
        result: Shape::Sessions,
        errors: "",
        params: &[],
        command: |_| Ok(Command::Sessions),
    },
    Method {
        name: "session.end",
        what: "Ends one of the user's sessions.",
        session: true,
        result: Shape::Empty,
        errors: "",
        params: &[required("session", Kind::Text, "the session's name, from `sessions`")],
        command: |given| Ok(Command::EndSession { session: given.text("session") }),
    },
    Method {
        name: "send",
        what: "Sends a message to a user or a room. It moves no cursor.",
        session: true,
        result: Shape::Sent,
        errors: "no_such_recipient no_such_room not_a_member blocked mailbox_full invalid_key key_reused",
        params: &[
            required("to", Kind::Text, "the recipient: a user name, or the name of a room"),
            required("text", Kind::Text, "the text of the message; it may be empty"),
            optional(
                "key",
                Kind::Text,
                "the sender's own name for this message, 1 to 64 bytes, which makes it safe to send again",
            ),
        ],
        command: |given| {
            let (to, text, key) = (given.text("to"), given.text("text"), given.optional_text("key"));
            Ok(Command::Send { to, text, framing: Framing::DEFAULT, key })
        },
    },
    Method {
        name: "history",
        what: "Returns a page of a conversation, in ascending order.",
        session: true,
        result: Shape::Messages,
        errors: "no_such_conversation no_such_room not_a_member busy",
        params: &[
            WITH,
            optional(
                "before",
                Kind::Id,
                "the last messages before this id; the end of the conversation if neither is given",
            ),
            optional("after", Kind::Id, "the first messages after this id"),
            LIMIT,
        ],
        command: |given| {
            let position = match (given.id("before"), given.id("after")) {
                (Some(_), Some(_)) => {
                    return Err(Error::BadParameters("give \"before\" or \"after\", not both".to_owned()));
                }
                (None, Some(after)) => Position::After(after),
                (before, None) => Position::Before(before.unwrap_or(MessageId::MAX)),
            };
            Ok(Command::History { with: given.text("with"), position, limit: given.limit() })
        },
    },
    Method {
        name: "sync",
        what: "Returns a page of all conversations of the user, in ascending order.",
        session: true,
        result: Shape::Sync,
        errors: "busy",
        params: &[required("after", Kind::Id, "the first messages after this id"), LIMIT],
        command: |given| Ok(Command::Sync { after: given.id("after").unwrap_or_default(), limit: given.limit() }),
    },
    Method {
        name: "read",
        what: "Moves the user's cursor in a conversation forward; it never moves back.",
        session: true,
        result: Shape::Unread,
        errors: "no_such_conversation no_such_room not_a_member busy",
        params: &[WITH, required("upto", Kind::Id, "the last message that was read")],
        command: |given| Ok(Command::Read { with: given.text("with"), upto: given.id("upto").unwrap_or_default() }),
    },
    Method {
        name: "conversations",
        what: "Lists the user's conversations, the one with the latest message first.",
        session: true,
        result: Shape::Conversations,
        errors: "busy",
        params: &[optional("before", Kind::Id, "only conversations whose last message is older than this id"), LIMIT],
        command: |given| {
            let before = given.id("before").unwrap_or(MessageId::MAX);
            Ok(Command::Conversations { before, limit: given.limit() })
        },
    },
    Method {
        name: "subscribe",
        what: "Sends events on this connection from now on. Replaces an earlier subscription of the connection.",
        session: true,
        result: Shape::Next,
        errors: "busy",
        params: &[optional("after", Kind::Id, "replay all messages after this id first; if missing, none")],
        command: |given| Ok(Command::Subscribe { after: given.id("after") }),
    },
    Method {
        name: "unsubscribe",
        what: "Ends the subscription of this connection.",
        session: true,
        result: Shape::Empty,
        errors: "",
        params: &[],
        command: |_| Ok(Command::Unsubscribe),
    },
    Method {
        name: "typing",
        what: "Tells the other members of a conversation that the user is typing.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_conversation no_such_room not_a_member",
        params: &[WITH],
        command: |given| Ok(Command::Typing { with: given.text("with") }),
    },
    Method {
        name: "delete",
        what: "Deletes a message: one of the user's own, or any message of a room that the user owns.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_message not_your_message busy",
        params: &[required("id", Kind::Id, "the message")],
        command: |given| Ok(Command::Delete { id: given.id("id").unwrap_or_default() }),
    },
    Method {
        name: "users",
        what: "Lists all users, in order of name.",
        session: true,
        result: Shape::Users,
        errors: "",
        params: &[AFTER_NAME, LIMIT],
        command: |given| Ok(Command::Users { after: given.text("after"), limit: given.limit() }),
    },
    Method {
        name: "blocks",
        what: "Lists the users that the user has blocked.",
        session: true,
        result: Shape::Users,
        errors: "",
        params: &[],
        command: |_| Ok(Command::Blocks),
    },
    Method {
        name: "block",
        what: "Refuses direct messages from another user from now on.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_user",
        params: &[USER],
        command: |given| Ok(Command::Block { user: given.text("user") }),
    },
    Method {
        name: "unblock",
        what: "Accepts direct messages from another user again.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_user",
        params: &[USER],
        command: |given| Ok(Command::Unblock { user: given.text("user") }),
    },
    Method {
        name: "room.create",
        what: "Creates a room. The user is its owner and only member.",
        session: true,
        result: Shape::Empty,
        errors: "invalid_room_name invalid_title room_exists too_many_rooms",
        params: &[
            ROOM,
            optional("title", Kind::Text, "the title; empty if missing"),
            optional("open", Kind::Flag, "whether anyone may join; true if missing"),
        ],
        command: |given| {
            let (room, title) = (given.text("room"), given.text("title"));
            Ok(Command::CreateRoom { room, title, open: given.flag("open").unwrap_or(true) })
        },
    },
    Method {
        name: "room.join",
        what: "Joins a room that is open or that the user is invited to.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_room room_full too_many_rooms",
        params: &[ROOM],
        command: |given| Ok(Command::JoinRoom { room: given.text("room") }),
    },
    Method {
        name: "room.leave",
        what: "Leaves a room.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_room not_a_member last_owner",
        params: &[ROOM],
        command: |given| Ok(Command::LeaveRoom { room: given.text("room") }),
    },
    Method {
        name: "room.delete",
        what: "Deletes a room and all its messages. Only owners can.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_room not_a_member not_an_owner",
        params: &[ROOM],
        command: |given| Ok(Command::DeleteRoom { room: given.text("room") }),
    },
    Method {
        name: "room.invite",
        what: "Invites a user to a room. In an open room any member can, in an invite-only one only owners.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_room not_a_member not_an_owner no_such_user room_full",
        params: &[ROOM, USER],
        command: |given| Ok(Command::InviteToRoom { room: given.text("room"), user: given.text("user") }),
    },
    Method {
        name: "room.remove",
        what: "Removes a member from a room, or withdraws an invitation. Only owners can.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_room not_a_member not_an_owner last_owner",
        params: &[ROOM, USER],
        command: |given| Ok(Command::RemoveFromRoom { room: given.text("room"), user: given.text("user") }),
    },
    Method {
        name: "room.set",
        what: "Changes a room. Only owners can.",
        session: true,
        result: Shape::Empty,
        errors: "no_such_room not_a_member not_an_owner invalid_title last_owner",
        params: &[
            ROOM,
            optional("title", Kind::Text, "the new title"),
            optional("open", Kind::Flag, "whether anyone may join"),
            optional("owners", Kind::Texts, "the user names of all owners from now on, who must be members"),
        ],
        command: |given| {
            let (room, title) = (given.text("room"), given.optional_text("title"));
            Ok(Command::SetRoom { room, title, open: given.flag("open"), owners: given.texts("owners") })
        },
    },
    Method {
        name: "room.members",
        what: "Lists the members of a room, in order of name. Only members can.",
        session: true,
        result: Shape::Members,
        errors: "no_such_room not_a_member",
        params: &[ROOM, AFTER_NAME, LIMIT],
        command: |given| {
            let (room, after) = (given.text("room"), given.text("after"));
            Ok(Command::Members { room, after, limit: given.limit() })
        },
    },
    Method {
        name: "room.list",
        what: "Lists the open rooms, and those that the user is a member of or invited to, in order of name.",
        session: true,
        result: Shape::Rooms,
        errors: "",
        params: &[AFTER_NAME, LIMIT],
        command: |given| Ok(Command::Rooms { after: given.text("after"), limit: given.limit() }),
    },
];
