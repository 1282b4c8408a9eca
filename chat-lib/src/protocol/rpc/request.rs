//! Requests: parses a line into a [`Call`], and writes a client's command as a line.

use serde::Serialize;
use serde_json::value::RawValue;

use super::arguments::Arguments;
use super::envelope::{Envelope, Id, text, utf8};
use super::forms::write_json;
use super::{methods, quick};
use crate::error::Error;
use crate::limits;
use crate::model::MessageId;
use crate::protocol::Command;
use crate::store::Position;

/// A parsed request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call<'a> {
    /// The id of its answer; `None` for a notification, which is carried out but not answered.
    pub id: Option<Id>,
    /// What the request is for.
    pub command: Command<'a>,
}

/// A line that is not a valid request.
#[derive(Debug)]
pub struct Rejected {
    /// The id of its refusal: [`Id::NULL`] if the line has none that can be read. `None` for a notification, which is
    /// not answered.
    pub id: Option<Id>,
    /// What is wrong.
    pub error: Error,
}

/// Parses a line, with or without its end.
///
/// # Errors
///
/// [`Error::BadJson`], [`Error::BadRequest`], [`Error::NoSuchMethod`], [`Error::BadParameters`], and
/// [`Error::NoSuchSession`] for a token that cannot be one.
pub fn parse(line: &[u8]) -> Result<Call<'_>, Rejected> {
    let unread = |error| Rejected { id: Some(Id::NULL), error };
    let line = utf8(line).map_err(unread)?;
    match quick::parse(line) {
        Some(call) => Ok(call),
        None => parse_members(&Envelope::read(line).map_err(unread)?),
    }
}

/// Parses a request from its members.
pub(super) fn parse_members<'a>(envelope: &Envelope<'a>) -> Result<Call<'a>, Rejected> {
    let bad = |id: Option<&Id>, what: &str| Rejected {
        id: Some(id.cloned().unwrap_or(Id::NULL)),
        error: Error::BadRequest(what.to_owned()),
    };
    let id = match envelope.id {
        None => None,
        Some(raw) => Some(Id::new(raw).ok_or_else(|| bad(None, "\"id\" must be a string, a number or null"))?),
    };
    if envelope.jsonrpc.and_then(text).as_deref() != Some("2.0") {
        return Err(bad(id.as_ref(), "\"jsonrpc\" must be \"2.0\""));
    }
    let Some(name) = envelope.method.and_then(text) else {
        return Err(bad(id.as_ref(), "\"method\" must be a string"));
    };
    match command(&name, envelope.params) {
        Ok(command) => Ok(Call { id, command }),
        Err(error @ Error::BadJson(_)) => Err(Rejected { id: Some(id.unwrap_or(Id::NULL)), error }),
        Err(error) => Err(Rejected { id, error }),
    }
}

fn command<'a>(method: &str, params: Option<&'a RawValue>) -> Result<Command<'a>, Error> {
    let method = methods::find(method).ok_or(Error::NoSuchMethod)?;
    let mut arguments = Arguments::read(method.params, params.map(RawValue::get))?;
    (method.command)(&mut arguments)
}

/// Appends the request line. A text's framing is not part of it.
///
/// # Errors
///
/// [`Error::InvalidRequest`] if protocol 2 has no such method; `out` is then as it was.
pub fn write_request(id: u64, command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let params = Params::of(command)?;
    write_json(&Request { jsonrpc: "2.0", id, method: command.name(), params }, out);
    out.push(b'\n');
    Ok(())
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'static str,
    params: Params<'a>,
}

/// The parameters of all methods, of which each has a few.
#[derive(Default, Serialize)]
struct Params<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owners: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upto: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<After<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum After<'a> {
    Message(u64),
    Name(&'a str),
}

impl<'a> Params<'a> {
    fn of(command: &'a Command<'_>) -> Result<Self, Error> {
        let none = Self::default();
        let before = |id: MessageId| (id != MessageId::MAX).then_some(id.get());
        let after_name = |name: &'a str| (!name.is_empty()).then_some(After::Name(name));
        let wanted = |limit: usize| (limit != limits::LIST_DEFAULT).then_some(limit);
        Ok(match command {
            Command::Server
            | Command::Ping
            | Command::Logout
            | Command::Sessions
            | Command::Unsubscribe
            | Command::Blocks => none,
            Command::Auth { user, password } => Self { user: Some(user), password: Some(password), ..none },
            Command::Resume { token } => Self { token: Some(token.to_string()), ..none },
            Command::Register { user, password, full_name, invitation } => {
                let invitation = invitation.as_deref();
                Self { user: Some(user), password: Some(password), name: Some(full_name), invitation, ..none }
            }
            Command::SetPassword { old, new } => Self { old: Some(old), new: Some(new), ..none },
            Command::SetProfile { full_name, country } => {
                Self { name: full_name.as_deref(), country: country.as_deref(), ..none }
            }
            Command::EndSession { session } => Self { session: Some(session), ..none },
            Command::Send { to, text, framing: _, key } => {
                Self { to: Some(to), text: Some(text), key: key.as_deref(), ..none }
            }
            Command::History { with, position, limit } => {
                let (before, after) = match *position {
                    Position::Before(id) => (before(id), None),
                    Position::After(id) => (None, Some(After::Message(id.get()))),
                };
                Self { with: Some(with), before, after, limit: wanted(*limit), ..none }
            }
            Command::Sync { after, limit } => {
                Self { after: Some(After::Message(after.get())), limit: wanted(*limit), ..none }
            }
            Command::Read { with, upto } => Self { with: Some(with), upto: Some(upto.get()), ..none },
            Command::Conversations { before: id, limit } => Self { before: before(*id), limit: wanted(*limit), ..none },
            Command::Subscribe { after } => Self { after: after.map(|id| After::Message(id.get())), ..none },
            Command::Typing { with } => Self { with: Some(with), ..none },
            Command::Delete { id } => Self { id: Some(id.get()), ..none },
            Command::Users { after, limit } | Command::Rooms { after, limit } => {
                Self { after: after_name(after), limit: wanted(*limit), ..none }
            }
            Command::Block { user } | Command::Unblock { user } => Self { user: Some(user), ..none },
            Command::CreateRoom { room, title, open } => {
                Self { room: Some(room), title: Some(title), open: Some(*open), ..none }
            }
            Command::JoinRoom { room } | Command::LeaveRoom { room } | Command::DeleteRoom { room } => {
                Self { room: Some(room), ..none }
            }
            Command::InviteToRoom { room, user } | Command::RemoveFromRoom { room, user } => {
                Self { room: Some(room), user: Some(user), ..none }
            }
            Command::SetRoom { room, title, open, owners } => {
                let owners = owners.as_ref().map(|owners| owners.iter().map(AsRef::as_ref).collect());
                Self { room: Some(room), title: title.as_deref(), open: *open, owners, ..none }
            }
            Command::Members { room, after, limit } => {
                Self { room: Some(room), after: after_name(after), limit: wanted(*limit), ..none }
            }
            Command::SendToAll { .. } | Command::Inbox | Command::RoomInbox { .. } | Command::ActiveUser => {
                return Err(Error::InvalidRequest { what: "this command" });
            }
        })
    }
}
