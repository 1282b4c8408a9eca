//! The answers to `inbox` and `inboxgroup`. They are written piece by piece: JSON may make six bytes of one of a text, and a whole inbox of them
//! would take that memory at once.

use std::borrow::Cow;
use std::sync::Arc;
use std::{fmt, ptr};

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{END, json};
use crate::model::{Inbox, Place, Profile, UserName};

/// How far the answer is written. The inbox is handed in with each call, and must be the same.
pub(crate) struct InboxWriter {
    /// The messages' places in the inbox, in the order in which they are written.
    order: Vec<Place>,
    /// Whether it is an object of senders, and not one list.
    is_by_sender: bool,
    /// How many of them are written.
    written: usize,
    /// What comes before the text of a message, which is the same for all of one sender and name.
    head: Vec<u8>,
}

impl InboxWriter {
    /// Writes an object of senders, each with a list. `order` is what [`Inbox::order_by_sender`] has given, which takes long
    /// for a large inbox.
    pub(crate) fn by_sender(order: Vec<Place>) -> Self {
        Self { order, is_by_sender: true, written: 0, head: Vec::new() }
    }

    /// Writes one list. `order` is what [`Inbox::order_of_arrival`] has given.
    pub(crate) fn list(order: Vec<Place>) -> Self {
        Self { order, is_by_sender: false, written: 0, head: Vec::new() }
    }

    /// Appends until `out` holds `room` bytes, or a message more; gives whether all is written now.
    pub(crate) fn write(&mut self, inbox: &Inbox, room: usize, out: &mut Vec<u8>) -> bool {
        let (open, close) = if self.is_by_sender { (b'{', b'}') } else { (b'[', b']') };
        if self.written == 0 {
            out.extend_from_slice(b"{\"status\": \"OK\", \"messages\": ");
            out.push(open);
        }
        if !self.write_messages(inbox, room, out) {
            return false;
        }
        out.extend_from_slice(&[close, b'}']);
        out.extend_from_slice(END);
        true
    }

    fn write_messages(&mut self, inbox: &Inbox, room: usize, out: &mut Vec<u8>) -> bool {
        let Self { order, is_by_sender, written, head } = self;
        let message = |at: usize| order.get(at).and_then(|place| inbox.message(*place));
        let mut before = written.checked_sub(1).and_then(message);
        while let Some(message) = message(*written) {
            // Most messages have the profile of the one before, and it need not be looked into.
            let is_same = before.is_some_and(|before| ptr::eq(before.from, message.from));
            match before {
                Some(before) if is_same || !*is_by_sender || before.from.user() == message.from.user() => {
                    out.extend_from_slice(b", ");
                }
                _ if !*is_by_sender => {}
                _ => {
                    out.extend_from_slice(if before.is_some() { b"], " } else { b"" });
                    json::write(&message.from.user().as_str(), out);
                    out.extend_from_slice(b": [");
                }
            }
            if head.is_empty() || !is_same {
                head.clear();
                let msg_from = message.from.full_name();
                match is_by_sender {
                    true => json::write(&Head { msg_from, msg_to: inbox.to() }, head),
                    false => json::write(&ListHead { msg_from }, head),
                }
                head.pop();
                head.extend_from_slice(b", \"msg\": ");
            }
            out.extend_from_slice(head);
            json::write(&message.text, out);
            out.push(b'}');
            *written += 1;
            before = Some(message);
            if *written < inbox.len() && out.len() >= room {
                return false;
            }
        }
        out.extend_from_slice(if before.is_some() && *is_by_sender { b"]" } else { b"" });
        true
    }
}

/// The fields of a message, but for its text.
#[derive(Serialize)]
struct Head<'a> {
    msg_from: &'a str,
    msg_to: &'a str,
}

#[derive(Serialize)]
struct ListHead<'a> {
    msg_from: &'a str,
}

/// The `messages` object of an inbox's answer alone, as clients print it.
pub fn messages_object(inbox: &Inbox) -> String {
    let mut out = b"{".to_vec();
    InboxWriter::by_sender(inbox.order_by_sender()).write_messages(inbox, usize::MAX, &mut out);
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}

/// The `messages` of an answer as a client reads them, in the order in which they stand in it: by sender.
pub(super) struct Messages(pub(super) Inbox);

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Senders)
    }
}

struct Senders;

impl<'de> Visitor<'de> for Senders {
    type Value = Messages;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of senders, each with a list of messages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Messages, A::Error> {
        let mut inbox: Option<Inbox> = None;
        while let Some((sender, messages)) = map.next_entry::<Cow<'_, str>, Vec<One<'_>>>()? {
            let user = UserName::parse(&sender).map_err(serde::de::Error::custom)?;
            let mut from: Option<Arc<Profile>> = None;
            for One { msg_from, msg_to, msg } in &messages {
                // A sender may have changed names between two messages.
                let profile = match from.take().filter(|from| from.full_name() == msg_from) {
                    Some(same) => same,
                    None => Arc::new(Profile::kept(user.clone(), msg_from, "").map_err(serde::de::Error::custom)?),
                };
                inbox.get_or_insert_with(|| Inbox::new(msg_to)).push(&profile, msg);
                from = Some(profile);
            }
        }
        Ok(Messages(inbox.unwrap_or_default()))
    }
}

/// The `messages` of an answer to `inboxgroup` as a client reads them. It does not say the senders' user names, so each has the
/// name of nobody.
pub(super) struct List(pub(super) Inbox);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut inbox = Inbox::default();
        let nobody = UserName::parse("nobody").map_err(serde::de::Error::custom)?;
        for Listed { msg_from, msg } in Vec::<Listed<'_>>::deserialize(deserializer)? {
            let from = Profile::kept(nobody.clone(), &msg_from, "").map_err(serde::de::Error::custom)?;
            inbox.push(&Arc::new(from), &msg);
        }
        Ok(Self(inbox))
    }
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    msg_from: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    msg_from: Cow<'a, str>,
    #[serde(borrow)]
    msg_to: Cow<'a, str>,
    #[serde(borrow)]
    msg: Cow<'a, str>,
}
