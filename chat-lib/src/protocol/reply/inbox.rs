//! The answer to `inbox`, written piece by piece: JSON may make six bytes of one of a text, and a whole inbox of them
//! would take that memory at once.

use super::{END, json};
use crate::model::Inbox;

/// How far the answer is written. The inbox is handed in with each call, and must be the same.
pub(crate) struct InboxWriter {
    /// The messages' places in the inbox, by sender.
    order: Vec<usize>,
    /// How many of them are written.
    written: usize,
}

impl InboxWriter {
    /// `order` is what [`Inbox::order_by_sender`] has given, which takes long for a large one.
    pub(crate) fn new(order: Vec<usize>) -> Self {
        Self { order, written: 0 }
    }

    /// Appends until `out` holds `room` bytes, or a message more; gives whether all is written now.
    pub(crate) fn write(&mut self, inbox: &Inbox, room: usize, out: &mut Vec<u8>) -> bool {
        if self.written == 0 {
            out.extend_from_slice(b"{\"status\": \"OK\", \"messages\": {");
        }
        if !self.write_messages(inbox, room, out) {
            return false;
        }
        out.extend_from_slice(b"}}");
        out.extend_from_slice(END);
        true
    }

    fn write_messages(&mut self, inbox: &Inbox, room: usize, out: &mut Vec<u8>) -> bool {
        let message = |place: usize| self.order.get(place).and_then(|&place| inbox.message(place));
        let mut before = self.written.checked_sub(1).and_then(message);
        while let Some(message) = message(self.written) {
            match before {
                Some(before) if before.from.user() == message.from.user() => out.extend_from_slice(b", "),
                _ => {
                    out.extend_from_slice(if before.is_some() { b"], " } else { b"" });
                    json::write(&message.from.user().as_str(), out);
                    out.extend_from_slice(b": [");
                }
            }
            let text = One { msg_from: message.from.full_name(), msg_to: inbox.to(), msg: message.text };
            json::write(&text, out);
            self.written += 1;
            before = Some(message);
            if self.written < self.order.len() && out.len() >= room {
                return false;
            }
        }
        out.extend_from_slice(if before.is_some() { b"]" } else { b"" });
        true
    }
}

/// The `messages` object of an inbox's answer alone, as clients print it.
pub fn messages_object(inbox: &Inbox) -> String {
    let mut out = b"{".to_vec();
    InboxWriter::new(inbox.order_by_sender()).write_messages(inbox, usize::MAX, &mut out);
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}

#[derive(serde::Serialize)]
struct One<'a> {
    msg_from: &'a str,
    msg_to: &'a str,
    msg: &'a str,
}
