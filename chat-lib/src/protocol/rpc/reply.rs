//! Answers: writes a [`Reply`] as a line, and reads the result of an answer back for clients.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::envelope::Id;
use super::forms::{Conversation, Message, Session, message_id, profile, read_json, write_json};
use super::limits::Caps;
use super::people::{Member, Room, User};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{Registration, SessionToken};
use crate::protocol::{Command, List, Login, Reply, ServerInfo};

/// Appends the answer to a request that succeeded.
pub fn write_reply(id: &Id, reply: &Reply, out: &mut Vec<u8>) {
    begin(id, out);
    out.extend_from_slice(b",\"result\":");
    write_result(reply, out);
    out.extend_from_slice(b"}\n");
}

/// Appends an answer as far as its id.
pub(super) fn begin(id: &Id, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.as_json().as_bytes());
}

fn write_result(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Sent { id, time } => write_json(&Sent { id: id.get(), time: time.as_millis() }, out),
        Reply::History(list) => write_json(&Messages::new(list, None), out),
        Reply::Sync(list, next) => write_json(&Messages::new(list, Some(next.get())), out),
        Reply::Read { unread } => write_json(&Unread { unread: *unread }, out),
        Reply::Conversations(list) => {
            let conversations = list.entries.iter().map(Conversation::from).collect();
            write_json(&Conversations { conversations, more: list.more }, out);
        }
        Reply::Subscribed { next } => write_json(&Next { next: next.get() }, out),
        Reply::LoggedIn(login) | Reply::Registered(login) => write_json(&Opened::from(login), out),
        Reply::Sessions(sessions) => {
            write_json(&Sessions { sessions: sessions.iter().map(Session::from).collect(), more: false }, out);
        }
        Reply::Users(list) => {
            write_json(&Users { users: list.entries.iter().map(User::from).collect(), more: list.more }, out);
        }
        Reply::Blocks(users) => {
            write_json(&Users { users: users.iter().map(User::from).collect(), more: false }, out);
        }
        Reply::Members(list) => {
            write_json(&Members { members: list.entries.iter().map(Member::from).collect(), more: list.more }, out);
        }
        Reply::Rooms(list) => {
            write_json(&Rooms { rooms: list.entries.iter().map(Room::from).collect(), more: list.more }, out);
        }
        Reply::Server(info) => {
            let (registration, invitation) = match info.registration {
                Registration::Closed => (false, false),
                Registration::Open => (true, false),
                Registration::Invite => (true, true),
            };
            let (version, limits) = (info.version.as_str().into(), Caps::from(&info.limits));
            write_json(&Server { version, registration, invitation, limits }, out);
        }
        Reply::Done
        | Reply::LoggedOut
        | Reply::Unsubscribed
        | Reply::RoomCreated
        | Reply::RoomJoined
        | Reply::RoomLeft
        // Protocol 2 has no method for these.
        | Reply::Inbox(_)
        | Reply::RoomInbox(_)
        | Reply::ActiveUsers(_) => out.extend_from_slice(b"{}"),
    }
}

/// Reads the result of the answer to `command`.
///
/// # Errors
///
/// [`Error::BadReply`]; [`Error::InvalidRequest`] if protocol 2 has no such command.
pub fn read_reply(command: &Command<'_>, result: &str) -> Result<Reply, Error> {
    Ok(match command {
        Command::Send { .. } => {
            let Sent { id, time } = read_json(result)?;
            Reply::Sent { id: message_id(id)?, time: Timestamp::from_millis(time) }
        }
        Command::History { .. } => {
            let read: Messages<'_> = read_json(result)?;
            Reply::History(list(read.messages, read.more)?)
        }
        Command::Sync { .. } => {
            let read: Messages<'_> = read_json(result)?;
            let next = read.next.ok_or_else(|| Error::BadReply("it lacks \"next\"".to_owned()))?;
            Reply::Sync(list(read.messages, read.more)?, message_id(next)?)
        }
        Command::Read { .. } => Reply::Read { unread: read_json::<Unread>(result)?.unread },
        Command::Conversations { .. } => {
            let read: Conversations<'_> = read_json(result)?;
            Reply::Conversations(list(read.conversations, read.more)?)
        }
        Command::Subscribe { .. } => Reply::Subscribed { next: message_id(read_json::<Next>(result)?.next)? },
        Command::Auth { .. } | Command::Resume { .. } => Reply::LoggedIn(read_json::<Opened<'_>>(result)?.try_into()?),
        Command::Register { .. } => Reply::Registered(read_json::<Opened<'_>>(result)?.try_into()?),
        Command::Sessions => {
            let read: Sessions<'_> = read_json(result)?;
            Reply::Sessions(list(read.sessions, read.more)?.entries)
        }
        Command::Users { .. } => {
            let read: Users<'_> = read_json(result)?;
            Reply::Users(list(read.users, read.more)?)
        }
        Command::Blocks => {
            let read: Users<'_> = read_json(result)?;
            Reply::Blocks(list(read.users, read.more)?.entries)
        }
        Command::Members { .. } => {
            let read: Members<'_> = read_json(result)?;
            Reply::Members(list(read.members, read.more)?)
        }
        Command::Rooms { .. } => {
            let read: Rooms<'_> = read_json(result)?;
            Reply::Rooms(list(read.rooms, read.more)?)
        }
        Command::Server => {
            let Server { version, registration, invitation, limits } = read_json(result)?;
            let registration = match (registration, invitation) {
                (false, _) => Registration::Closed,
                (true, false) => Registration::Open,
                (true, true) => Registration::Invite,
            };
            let (version, limits) = (version.into_owned(), limits.into());
            Reply::Server(Box::new(ServerInfo { version, registration, limits }))
        }
        Command::Logout => nothing(result, Reply::LoggedOut)?,
        Command::Unsubscribe => nothing(result, Reply::Unsubscribed)?,
        Command::CreateRoom { .. } => nothing(result, Reply::RoomCreated)?,
        Command::JoinRoom { .. } => nothing(result, Reply::RoomJoined)?,
        Command::LeaveRoom { .. } => nothing(result, Reply::RoomLeft)?,
        Command::Ping
        | Command::SetPassword { .. }
        | Command::SetProfile { .. }
        | Command::EndSession { .. }
        | Command::Typing { .. }
        | Command::Delete { .. }
        | Command::Block { .. }
        | Command::Unblock { .. }
        | Command::DeleteRoom { .. }
        | Command::InviteToRoom { .. }
        | Command::RemoveFromRoom { .. }
        | Command::SetRoom { .. } => nothing(result, Reply::Done)?,
        Command::SendToAll { .. } | Command::Inbox | Command::RoomInbox { .. } | Command::ActiveUser => {
            return Err(Error::InvalidRequest { what: "this command" });
        }
    })
}

/// `reply`, if the result is an object; a later version may have something in it.
fn nothing(result: &str, reply: Reply) -> Result<Reply, Error> {
    let Nothing {} = read_json(result)?;
    Ok(reply)
}

fn list<F: TryInto<T, Error = Error>, T>(forms: Vec<F>, more: bool) -> Result<List<T>, Error> {
    Ok(List { entries: forms.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?, more })
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize, Serialize)]
struct Sent {
    id: u64,
    time: u64,
}

#[derive(Deserialize, Serialize)]
struct Unread {
    unread: usize,
}

#[derive(Deserialize, Serialize)]
struct Next {
    next: u64,
}

#[derive(Deserialize, Serialize)]
struct Server<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    registration: bool,
    #[serde(default)]
    invitation: bool,
    limits: Caps,
}

#[derive(Deserialize, Serialize)]
struct Opened<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    epoch: Cow<'a, str>,
}

impl<'a> From<&'a Login> for Opened<'a> {
    fn from(login: &'a Login) -> Self {
        Self {
            token: login.token.to_string().into(),
            user: login.user.user().as_str().into(),
            name: login.user.full_name().into(),
            epoch: (&*login.epoch).into(),
        }
    }
}

impl TryFrom<Opened<'_>> for Login {
    type Error = Error;

    fn try_from(opened: Opened<'_>) -> Result<Self, Error> {
        let token = SessionToken::parse(opened.token.as_ref());
        Ok(Self {
            token: token.map_err(|_| Error::BadReply("the token is no UUID of version 4".to_owned()))?,
            user: profile(&opened.user, &opened.name, "")?,
            epoch: (&*opened.epoch).into(),
        })
    }
}

#[derive(Deserialize, Serialize)]
struct Messages<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    more: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

impl<'a> Messages<'a> {
    fn new(list: &'a List<crate::model::HistoryMessage>, next: Option<u64>) -> Self {
        Self { messages: list.entries.iter().map(Message::from).collect(), more: list.more, next }
    }
}

#[derive(Deserialize, Serialize)]
struct Conversations<'a> {
    #[serde(borrow)]
    conversations: Vec<Conversation<'a>>,
    more: bool,
}

#[derive(Deserialize, Serialize)]
struct Sessions<'a> {
    #[serde(borrow)]
    sessions: Vec<Session<'a>>,
    more: bool,
}

#[derive(Deserialize, Serialize)]
struct Users<'a> {
    #[serde(borrow)]
    users: Vec<User<'a>>,
    more: bool,
}

#[derive(Deserialize, Serialize)]
struct Members<'a> {
    #[serde(borrow)]
    members: Vec<Member<'a>>,
    more: bool,
}

#[derive(Deserialize, Serialize)]
struct Rooms<'a> {
    #[serde(borrow)]
    rooms: Vec<Room<'a>>,
    more: bool,
}
