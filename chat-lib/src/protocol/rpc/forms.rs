//! The objects of answers and events as they are on the wire, converted from our types and back: messages, conversations and
//! sessions. Users and rooms are in [`people`](super::people).

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::{ConversationName, HistoryMessage, MessageId, MessageKey, Profile, RoomName, UserName};
use crate::protocol::{ConversationView, SessionView};

/// Appends `value` as compact JSON.
#[expect(clippy::expect_used, reason = "a Vec takes all bytes, and no type of ours refuses to be serialized")]
pub(super) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("writing to memory");
}

/// Reads JSON of a server. The error does not quote it, because it may hold a token or a text.
pub(super) fn read_json<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        Error::BadReply(format!("{:?} at line {}, column {}", error.classify(), error.line(), error.column()))
    })
}

/// A message.
#[derive(Deserialize, Serialize)]
pub(super) struct Message<'a> {
    id: u64,
    #[serde(borrow)]
    with: Cow<'a, str>,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_false")]
    deleted: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'a> From<&'a HistoryMessage> for Message<'a> {
    fn from(message: &'a HistoryMessage) -> Self {
        Self {
            id: message.id.get(),
            with: message.with.as_str().into(),
            from: message.from.user().as_str().into(),
            name: message.from.full_name().into(),
            text: message.text.as_str().into(),
            time: message.time.as_millis(),
            key: message.key.as_ref().map(|key| key.as_str().into()),
            deleted: message.deleted,
        }
    }
}

impl TryFrom<Message<'_>> for HistoryMessage {
    type Error = Error;

    fn try_from(message: Message<'_>) -> Result<Self, Error> {
        let Message { id, with, from, name, text, time, key, deleted } = message;
        let from = profile(&from, &name, "")?;
        let mut read =
            Self::new(message_id(id)?, conversation(&with)?, from, Timestamp::from_millis(time), text.into_owned());
        read.key = key.map(|key| MessageKey::parse(&key)).transpose().map_err(bad)?;
        read.deleted = deleted;
        Ok(read)
    }
}

/// A session in a list.
#[derive(Deserialize, Serialize)]
pub(super) struct Session<'a> {
    #[serde(borrow)]
    session: Cow<'a, str>,
    opened: u64,
    last_used: u64,
    from: Option<String>,
    current: bool,
}

impl<'a> From<&'a SessionView> for Session<'a> {
    fn from(session: &'a SessionView) -> Self {
        Self {
            session: session.session.as_str().into(),
            opened: session.opened.as_millis(),
            last_used: session.last_used.as_millis(),
            from: session.from.map(|address| address.to_string()),
            current: session.current,
        }
    }
}

impl TryFrom<Session<'_>> for SessionView {
    type Error = Error;

    fn try_from(session: Session<'_>) -> Result<Self, Error> {
        let from = session.from.map(|address| address.parse()).transpose();
        Ok(Self {
            session: session.session.into_owned(),
            opened: Timestamp::from_millis(session.opened),
            last_used: Timestamp::from_millis(session.last_used),
            from: from.map_err(|_| Error::BadReply("an address makes no sense".to_owned()))?,
            current: session.current,
        })
    }
}

/// A conversation in a list.
#[derive(Deserialize, Serialize)]
pub(super) struct Conversation<'a> {
    #[serde(borrow)]
    with: Cow<'a, str>,
    unread: usize,
    read: u64,
    #[serde(borrow)]
    last: Option<Message<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<Cursor<'a>>,
}

/// How far a member of a direct conversation has read it.
#[derive(Deserialize, Serialize)]
struct Cursor<'a> {
    #[serde(borrow)]
    user: Cow<'a, str>,
    read: u64,
}

impl<'a> From<&'a ConversationView> for Conversation<'a> {
    fn from(conversation: &'a ConversationView) -> Self {
        let cursor = |(user, read): &'a (UserName, MessageId)| Cursor { user: user.as_str().into(), read: read.get() };
        Self {
            with: conversation.with.as_str().into(),
            unread: conversation.unread,
            read: conversation.read.get(),
            last: conversation.last.as_ref().map(Message::from),
            members: conversation.members.iter().map(cursor).collect(),
        }
    }
}

impl TryFrom<Conversation<'_>> for ConversationView {
    type Error = Error;

    fn try_from(read: Conversation<'_>) -> Result<Self, Error> {
        let member = |cursor: Cursor<'_>| Ok((user(&cursor.user)?, message_id(cursor.read)?));
        Ok(Self {
            with: conversation(&read.with)?,
            unread: read.unread,
            read: message_id(read.read)?,
            last: read.last.map(TryFrom::try_from).transpose()?,
            members: read.members.into_iter().map(member).collect::<Result<_, Error>>()?,
        })
    }
}

pub(super) fn message_id(number: u64) -> Result<MessageId, Error> {
    MessageId::new(number).ok_or_else(|| Error::BadReply("an id is too large".to_owned()))
}

pub(super) fn conversation(name: &str) -> Result<ConversationName, Error> {
    ConversationName::parse(name).map_err(bad)
}

pub(super) fn user(name: &str) -> Result<UserName, Error> {
    UserName::parse(name).map_err(bad)
}

pub(super) fn room(name: &str) -> Result<RoomName, Error> {
    RoomName::parse(name).map_err(bad)
}

pub(super) fn profile(name: &str, full_name: &str, country: &str) -> Result<Arc<Profile>, Error> {
    Profile::kept(user(name)?, full_name, country).map(Arc::new).map_err(bad)
}

/// A value in an answer breaks a rule: the server's fault, and not the caller's.
fn bad(error: Error) -> Error {
    Error::BadReply(error.to_string())
}
