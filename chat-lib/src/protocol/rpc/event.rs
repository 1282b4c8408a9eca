//! Events: writes an [`Event`] as a line, and reads it back for clients.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::envelope::{Envelope, text};
use super::forms::{Message, conversation, message_id, read_json, room, user, write_json};
use super::people::UserOnline;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::protocol::{CloseReason, Event, RoomChange};

/// Appends the line of an event.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Message(message) => write("message", &Message::from(message), out),
        Event::Read { with, user, upto } => {
            let (with, user) = (with.as_str().into(), user.as_str().into());
            write("read", &Read { with, user, upto: upto.get() }, out);
        }
        Event::Presence { user, online, last_seen } => {
            let last_seen = last_seen.map(Timestamp::as_millis);
            write("presence", &UserOnline { user: user.as_str().into(), online: *online, last_seen }, out);
        }
        Event::Typing { with, user } => {
            write("typing", &Typing { with: with.as_str().into(), user: user.as_str().into() }, out);
        }
        Event::Room { room, change, user, by } => {
            let (room, user, by) = (room.as_str().into(), user.as_str().into(), by.as_str().into());
            write("room", &Changed { room, change: change.as_str().into(), user, by }, out);
        }
        Event::Deleted { with, id } => {
            write("deleted", &Deleted { with: with.as_str().into(), id: id.get() }, out);
        }
        Event::Announcement { text, time } => {
            write("announcement", &Announcement { text: text.into(), time: time.as_millis() }, out);
        }
        Event::Lagged => write("lagged", &Lagged {}, out),
        Event::Closed { reason } => write("closed", &Closed { reason: reason.as_str().into() }, out),
    }
}

fn write(method: &str, params: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"");
    out.extend_from_slice(method.as_bytes());
    out.extend_from_slice(b"\",\"params\":");
    write_json(params, out);
    out.extend_from_slice(b"}\n");
}

/// Reads an event; `None` if this version does not know it.
///
/// # Errors
///
/// [`Error::BadReply`].
pub(super) fn read(envelope: &Envelope<'_>) -> Result<Option<Event>, Error> {
    let lacking = |what: &str| Error::BadReply(format!("it lacks a good {what:?}"));
    let method = envelope.method.and_then(text).ok_or_else(|| lacking("method"))?;
    let params = envelope.params.map_or("{}", RawValue::get);
    Ok(Some(match &*method {
        "message" => Event::Message(read_json::<Message<'_>>(params)?.try_into()?),
        "read" => {
            let read: Read<'_> = read_json(params)?;
            Event::Read { with: conversation(&read.with)?, user: user(&read.user)?, upto: message_id(read.upto)? }
        }
        "presence" => {
            let read: UserOnline<'_> = read_json(params)?;
            let last_seen = read.last_seen.map(Timestamp::from_millis);
            Event::Presence { user: user(&read.user)?, online: read.online, last_seen }
        }
        "typing" => {
            let read: Typing<'_> = read_json(params)?;
            Event::Typing { with: conversation(&read.with)?, user: user(&read.user)? }
        }
        "room" => {
            let read: Changed<'_> = read_json(params)?;
            let Some(change) = RoomChange::from_word(&read.change) else { return Ok(None) };
            Event::Room { room: room(&read.room)?, change, user: user(&read.user)?, by: user(&read.by)? }
        }
        "deleted" => {
            let read: Deleted<'_> = read_json(params)?;
            Event::Deleted { with: conversation(&read.with)?, id: message_id(read.id)? }
        }
        "announcement" => {
            let read: Announcement<'_> = read_json(params)?;
            Event::Announcement { text: read.text.into_owned(), time: Timestamp::from_millis(read.time) }
        }
        "lagged" => {
            let Lagged {} = read_json(params)?;
            Event::Lagged
        }
        "closed" => {
            let Closed { reason } = read_json(params)?;
            let is_stopping = reason == CloseReason::ServerStopping.as_str();
            // For any reason that this version does not know, the session has ended.
            Event::Closed { reason: if is_stopping { CloseReason::ServerStopping } else { CloseReason::Ended } }
        }
        _ => return Ok(None),
    }))
}

#[derive(Deserialize, Serialize)]
struct Read<'a> {
    #[serde(borrow)]
    with: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    upto: u64,
}

#[derive(Deserialize, Serialize)]
struct Typing<'a> {
    #[serde(borrow)]
    with: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
}

#[derive(Deserialize, Serialize)]
struct Changed<'a> {
    #[serde(borrow)]
    room: Cow<'a, str>,
    #[serde(borrow)]
    change: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    by: Cow<'a, str>,
}

#[derive(Deserialize, Serialize)]
struct Deleted<'a> {
    #[serde(borrow)]
    with: Cow<'a, str>,
    id: u64,
}

#[derive(Deserialize, Serialize)]
struct Announcement<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    time: u64,
}

#[derive(Deserialize, Serialize)]
struct Lagged {}

#[derive(Deserialize, Serialize)]
struct Closed<'a> {
    #[serde(borrow)]
    reason: Cow<'a, str>,
}
